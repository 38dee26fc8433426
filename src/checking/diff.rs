//! `wsdump diff LEFT RIGHT`.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::{Map, Value, json};
use wsdump::Limits;
use wsdump::check::{
    Compared, Comparison, Conversation, MaskError, PageStyle, Recorder, Scope, Sides, figures_json,
    side_by_side,
};
use wsdump::event::{Event, EventSink};
use wsdump::report::{Figures, closing_lines, json_line, undecoded};

use super::{DiffArguments, decode};
use crate::arguments::{ColorChoice, apply};
use crate::cli::Done;
use crate::screen::{NO_STDOUT, Screen};

/// Compares two captures by what is said in them.
///
/// # Errors
///
/// One of them cannot be read to its end, or the outcome cannot be written.
pub(crate) fn diff(arguments: &DiffArguments) -> anyhow::Result<Done> {
    let compared = Compared::from(&arguments.compared);
    let scope = compared.scope().map_err(|error| {
        let option = match error {
            MaskError::Path { .. } | MaskError::Slow { .. } => "--ignore",
            MaskError::Text { .. } => "--ignore-text",
        };
        anyhow!("{option}: {error}")
    })?;
    let limits = apply(&arguments.limit, Limits::default());
    let left = Side::read(&arguments.left, limits, &scope)?;
    let right = Side::read(&arguments.right, limits, &scope)?;
    let comparison = Comparison::new(
        &left.conversations,
        &right.conversations,
        compared.ignore_order,
    );
    let text = if arguments.json {
        document(&comparison, &left, &right)
    } else {
        told(&comparison, &left, &right, arguments.color)
    };
    io::stdout().write_all(text.as_bytes()).context(NO_STDOUT)?;
    Ok(if comparison.is_alike() {
        Done::Well
    } else {
        Done::Found
    })
}

/// One of the captures.
struct Side {
    name: String,
    conversations: Vec<Conversation>,
    figures: Figures,
}

/// Takes what is said, and what it comes to.
struct Hearing {
    recorder: Recorder,
    figures: Figures,
}

impl EventSink for Hearing {
    fn event(&mut self, event: &Event<'_>) {
        self.recorder.event(event);
        self.figures.event(event);
    }
}

impl Side {
    fn read(path: &Path, limits: Limits, scope: &Scope) -> anyhow::Result<Self> {
        let mut hearing = Hearing {
            recorder: Recorder::new(scope.clone()),
            figures: Figures::default(),
        };
        let decoded = decode(path, limits, &mut hearing)?;
        let name = path.display().to_string();
        for line in decoded.limits_reached(&name) {
            // That it cannot be said there is no failure.
            let _ = writeln!(io::stderr(), "wsdump: {line}");
        }
        if let Some(error) = decoded.errors.into_iter().next() {
            return Err(error.into());
        }
        if let Some(reason) = undecoded(&decoded.summary) {
            bail!("{name}: {reason}");
        }
        let Some(conversations) = hearing.recorder.finish() else {
            bail!("{name}: {}", Recorder::too_much());
        };
        if conversations.is_empty() {
            let instead = closing_lines(&decoded.summary).into_iter().nth(1);
            bail!("{name}: {}", instead.unwrap_or_default());
        }
        Ok(Self {
            name,
            conversations,
            figures: hearing.figures,
        })
    }
}

fn document(comparison: &Comparison, left: &Side, right: &Side) -> String {
    let side = |side: &Side| {
        let mut map = Map::new();
        map.insert("capture".to_owned(), json!(side.name));
        map.extend(figures_json(&side.figures));
        Value::Object(map)
    };
    let mut map = Map::new();
    map.insert("version".to_owned(), json!(1));
    map.insert("alike".to_owned(), json!(comparison.is_alike()));
    map.insert("left".to_owned(), side(left));
    map.insert("right".to_owned(), side(right));
    map.extend(comparison.to_json(&left.conversations, &right.conversations));
    json_line(&map)
}

/// What differs, and figures side by side.
fn told(comparison: &Comparison, left: &Side, right: &Side, color: ColorChoice) -> String {
    let screen = Screen::Stdout;
    let style = PageStyle {
        width: screen.width().map(usize::from),
        color: color.is_on(screen),
    };
    let sides = Sides {
        left: &left.name,
        right: &right.name,
    };
    let page = comparison.page(&left.conversations, &right.conversations, sides, style);
    let figures = side_by_side(&left.figures, &right.figures);
    format!("{page}{figures}\n")
}

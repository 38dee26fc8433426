//! The rules for people: a table of all, and one with an example.

use comfy_table::{ContentArrangement, Table};
use unicode_width::UnicodeWidthStr;

use super::examples::{Example, Line, Opening, Part, Step, example};
use crate::anomaly::Rule;
use crate::flow::Direction;

/// A table of every rule, at most `width` columns wide; `None` where nothing bounds it.
///
/// On a narrow terminal severity and reference stand below the name.
pub fn rules_table(width: Option<u16>) -> String {
    /// From this on there is room for a column of each.
    const WIDE: u16 = 110;
    let is_narrow = width.is_some_and(|width| width < WIDE);
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    if is_narrow {
        table.set_header(["Rule", "Explanation"]);
    } else {
        table.set_header(["Rule", "Severity", "Reference", "Explanation"]);
    }
    for rule in Rule::ALL {
        let (name, severity, reference) = (rule.name(), rule.severity().name(), rule.reference());
        let explanation = rule.explanation();
        if is_narrow {
            let cell = format!("{name}\n{severity}, {reference}");
            table.add_row([cell.as_str(), explanation]);
        } else {
            table.add_row([name, severity, reference, explanation]);
        }
    }
    let last = table.column_count().saturating_sub(1);
    for column in table.column_iter_mut().take(last) {
        // Only the explanation wraps.
        column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
    }
    table.to_string()
}

/// Where the paragraph that states a rule can be read; `None` for wsdump's own.
pub fn link(rule: Rule) -> Option<String> {
    let (document, paragraph) = rule.reference().split_once(" §")?;
    let number = document.strip_prefix("RFC ")?;
    Some(format!(
        "https://www.rfc-editor.org/rfc/rfc{number}#section-{paragraph}"
    ))
}

/// What a rule says, why it matters, and an example of bytes that break it. Several lines,
/// each with an end.
pub fn explain(rule: Rule) -> String {
    let mut lines = vec![
        format!("{}: {}, {}", rule.name(), rule.severity(), rule.reference()),
        String::new(),
    ];
    wrap(rule.explanation(), &mut lines);
    let example = example(rule);
    if let Some(example) = example {
        wrap(example.why, &mut lines);
    }
    lines.extend(link(rule));
    if let Some(example) = example {
        lines.push(String::new());
        lines.push(introduction(example));
        let mut direction = None;
        for step in example.steps {
            tell(step, &mut direction, &mut lines);
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// Columns of an explanation.
const WIDTH: usize = 80;

/// Bytes in a row.
const ROW: usize = 8;

/// Adds lines of at most [`WIDTH`] columns, broken at spaces.
fn wrap(text: &str, lines: &mut Vec<String>) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
}

/// What the example begins with, and what is broken beside the rule.
fn introduction(example: &Example) -> String {
    let begins = match example.opening {
        Opening::None => "Example".to_owned(),
        Opening::Plain => "Example, after an opening handshake".to_owned(),
        Opening::Deflate(parameters) => {
            format!("Example, after agreeing on permessage-deflate{parameters}")
        }
    };
    let along: Vec<_> = example.along.iter().map(|rule| rule.name()).collect();
    match along[..] {
        [] => format!("{begins}:"),
        _ => format!("{begins} (breaks {}, too):", along.join(", ")),
    }
}

/// Tells a step; `direction` is that of the bytes before it, which is not said again.
fn tell(step: &Step, direction: &mut Option<Direction>, lines: &mut Vec<String>) {
    let event = |lines: &mut Vec<String>, text: String| lines.extend([String::new(), text]);
    let way = |direction: &Direction| {
        let (sender, receiver) = (direction.sender(), direction.reversed().sender());
        format!("{sender} → {receiver}")
    };
    let plain = match step {
        Step::Head(from, _) | Step::Bytes(from, _) => Some(*from),
        _ => None,
    };
    if let Some(from) = plain.filter(|from| Some(*from) != *direction) {
        event(lines, way(&from));
    } else if plain.is_some() {
        lines.push(String::new());
    }
    *direction = plain;
    match step {
        Step::Head(_, head) => head.iter().for_each(|line| tell_line(line, lines)),
        Step::Bytes(_, parts) => tell_parts(parts, lines),
        Step::Missing(from, parts) => {
            event(lines, format!("{}, not captured", way(from)));
            tell_parts(parts, lines);
        }
        Step::Lost(from, parts) => {
            event(lines, format!("{}, never acknowledged", way(from)));
            tell_parts(parts, lines);
        }
        Step::Again(from, back, parts) => {
            event(lines, format!("{}, from {back} bytes before", way(from)));
            tell_parts(parts, lines);
        }
        Step::Fin(from) => event(lines, format!("{}: FIN", way(from))),
        Step::Rst(from) => event(lines, format!("{}: RST", way(from))),
        Step::Pause(millis) => event(lines, format!("{} s later", millis / 1_000)),
        Step::Connection => event(lines, "on another connection".to_owned()),
    }
}

fn tell_line(line: &Line, lines: &mut Vec<String>) {
    lines.push(match line.padding {
        0 => format!("  {}", line.text),
        padding => format!("  {}xxxx… ({padding} times x)", line.text),
    });
    if !line.note.is_empty() {
        lines.push(format!("  ^ {}", line.note));
    }
}

fn tell_parts(parts: &[Part], lines: &mut Vec<String>) {
    for part in parts {
        let bytes = part.sent();
        let mut rows: Vec<_> = bytes.chunks(ROW).map(hex).collect();
        if part.times > 1 {
            rows.push(format!("… {} times", part.times));
        }
        for (number, row) in rows.into_iter().enumerate() {
            lines.push(match number {
                0 => format!("  {row:<23}  {}", part.note),
                _ => format!("  {row}"),
            });
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_no_wider_than_asked_and_names_every_rule() {
        for width in [Some(80), Some(120), Some(200), None] {
            let table = rules_table(width);
            let widest = table.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
            assert!(width.is_none_or(|width| widest <= width.into()), "{widest}");
            for rule in Rule::ALL {
                assert!(table.contains(rule.name()), "{}", rule.name());
                assert!(table.contains(rule.reference()), "{}", rule.name());
            }
        }
        let rows = rules_table(None).lines().count();
        assert_eq!(
            rows,
            Rule::ALL.len() + 4,
            "each rule has one line in a pipe"
        );
    }

    #[test]
    fn a_link_leads_to_the_paragraph() {
        assert_eq!(
            link(Rule::DeflateTail).as_deref(),
            Some("https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1")
        );
        assert_eq!(link(Rule::OutOfStep), None);
    }

    #[test]
    fn every_rule_is_explained_with_an_example() {
        for rule in Rule::ALL {
            let text = explain(*rule);
            let example = example(*rule);
            assert!(example.is_some_and(|example| !example.why.is_empty()));
            assert!(text.contains("→"), "{text}");
            let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
            assert!(widest <= WIDTH, "{text}");
        }
    }

    #[test]
    fn an_explanation_shows_bytes_with_their_meaning() {
        let expected = "\
            unmasked-client-frame: error, RFC 6455 §5.1\n\
            \n\
            A client masks every frame it sends.\n\
            The mask keeps web pages from sending bytes that a proxy takes for HTTP. Usually\n\
            broken by clients written by hand. A server must give the connection up.\n\
            https://www.rfc-editor.org/rfc/rfc6455#section-5.1\n\
            \n\
            Example, after an opening handshake:\n\
            \n\
            client → server\n\
            \x20 81                       FIN, opcode 1: text\n\
            \x20 05                       mask bit 0, 5 bytes of payload\n\
            \x20 48 65 6c 6c 6f           `Hello` as it is\n";
        assert_eq!(explain(Rule::UnmaskedClientFrame), expected);
    }
}

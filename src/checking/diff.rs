//! `wsdump diff LEFT RIGHT`.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use wsdump::check::{Compared, Comparison, Conversation, Recorder, Sides};
use wsdump::report::count;

use super::{DiffArguments, decode};
use crate::cli::Done;
use crate::screen::NO_STDOUT;

/// Compares two captures by what is said in them.
///
/// # Errors
///
/// One of them cannot be read to its end, or the outcome cannot be written.
pub(crate) fn diff(arguments: &DiffArguments) -> anyhow::Result<Done> {
    let compared = Compared::from(&arguments.compared);
    let [left, right] = [&arguments.left, &arguments.right].map(|path| record(path, &compared));
    let (left, right) = (left?, right?);
    let comparison = Comparison::new(&left, &right, compared.ignore_order);
    let [left_name, right_name] =
        [&arguments.left, &arguments.right].map(|path| path.display().to_string());
    let sides = Sides {
        left: &left_name,
        right: &right_name,
    };
    let mut out = io::stdout().lock();
    for problem in comparison.problems(&left, &right, sides) {
        writeln!(out, "{}", problem.message).context(NO_STDOUT)?;
        for line in &problem.lines {
            writeln!(out, "  {line}").context(NO_STDOUT)?;
        }
    }
    Ok(if comparison.is_alike() {
        Done::Well
    } else {
        Done::Found
    })
}
fn record(path: &Path, compared: &Compared) -> anyhow::Result<Vec<Conversation>> {
    let mut recorder = Recorder::new(compared.scope()?);
    let decoded = decode(path, &mut recorder)?;
    if let Some(error) = decoded.errors.into_iter().next() {
        return Err(error.into());
    }
    let Some(conversations) = recorder.finish() else {
        let most = Recorder::MAX_BYTES >> 20;
        bail!(
            "{}: more is said in it than can be compared ({most} MiB)",
            path.display()
        );
    };
    Ok(conversations)
}

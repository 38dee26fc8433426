//! `wsdump check` and `wsdump diff`: captures as tests, and two compared.

mod arguments;
mod check;
mod diff;
mod suite;
mod task;

use std::path::Path;

use wsdump::capture::{self, CaptureError};
use wsdump::event::EventSink;
use wsdump::report::limits_reached;
use wsdump::{Analyzer, Config, Limits, Summary};

pub(crate) use arguments::{CheckArguments, DiffArguments};
pub(crate) use check::check;
pub(crate) use diff::diff;

/// Errors of one capture that are kept: a damaged file may have one a block.
const MAX_ERRORS: usize = 10;

/// A capture that was decoded as far as it can be read.
struct Decoded {
    summary: Summary,
    /// Why it could not be read further.
    errors: Vec<CaptureError>,
}

impl Decoded {
    /// Why not all of the capture called `name` was followed, for standard error.
    fn limits_reached(&self, name: &str) -> impl Iterator<Item = String> {
        let lines = limits_reached(&self.summary).into_iter();
        lines.map(move |line| format!("{name}: {line}"))
    }
}

/// Decodes a capture.
///
/// # Errors
///
/// It cannot be opened, or is no capture.
fn decode(path: &Path, limits: Limits, sink: &mut dyn EventSink) -> Result<Decoded, CaptureError> {
    let mut source = capture::open(path)?;
    let mut analyzer = Analyzer::new(Config {
        limits,
        ..Config::default()
    });
    let mut errors = Vec::new();
    loop {
        match source.next_packet() {
            Ok(Some(packet)) => {
                analyzer.push(&packet, sink);
            }
            Ok(None) => break,
            Err(error) if errors.len() < MAX_ERRORS => errors.push(error),
            Err(_) => {}
        }
    }
    analyzer.finish(sink);
    Ok(Decoded {
        summary: analyzer.summary(),
        errors,
    })
}

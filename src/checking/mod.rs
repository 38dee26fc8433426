//! `wsdump check` and `wsdump diff`: captures as tests, and two compared.

mod arguments;
mod check;
mod diff;
mod suite;
mod task;

use std::path::Path;

use wsdump::capture::{self, CaptureError};
use wsdump::event::EventSink;
use wsdump::{Analyzer, Config, Summary};

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

/// Decodes a capture.
///
/// # Errors
///
/// It cannot be opened, or is no capture.
fn decode(path: &Path, sink: &mut dyn EventSink) -> Result<Decoded, CaptureError> {
    let mut source = capture::open(path)?;
    let mut analyzer = Analyzer::new(Config::default());
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

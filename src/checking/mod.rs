//! `wsdump check` and `wsdump diff`: captures as tests, and two compared.

mod arguments;
mod diff;

use std::path::Path;

use wsdump::capture::{self, CaptureError};
use wsdump::event::EventSink;
use wsdump::{Analyzer, Config, Summary};

pub(crate) use arguments::{CheckArguments, DiffArguments};
pub(crate) use diff::diff;

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
            Err(error) => errors.push(error),
        }
    }
    analyzer.finish(sink);
    Ok(Decoded {
        summary: analyzer.summary(),
        errors,
    })
}

//! A capture read and analysed, as the program does it.

use std::io::Cursor;

use wsdump::capture::{self, CaptureError};
use wsdump::event::EventSink;
use wsdump::{Analyzer, Config, Summary};

/// Packets of a capture that are read: what one packet does, a thousand do as well.
const MAX_PACKETS: u64 = 4_000;

/// Errors of a capture that are asked for: a damaged file may have one a block.
const MAX_ERRORS: usize = 100;

/// What came of it.
pub(crate) struct Read {
    pub(crate) summary: Summary,
    pub(crate) errors: Vec<CaptureError>,
}

/// Reads a capture and tells `sink`; `after` is called with each packet. `None` when it is no
/// capture.
pub(crate) fn read<S: EventSink>(
    capture: &[u8],
    config: Config,
    sink: &mut S,
    mut after: impl FnMut(&Analyzer, &mut S),
) -> Option<Read> {
    let mut source = capture::from_reader("input", Cursor::new(capture.to_vec())).ok()?;
    let mut analyzer = Analyzer::new(config);
    let mut errors = Vec::new();
    while analyzer.summary().packets < MAX_PACKETS {
        match source.next_packet() {
            Ok(Some(packet)) => {
                analyzer.push(&packet, sink);
                let held = analyzer.memory();
                assert!(held <= config.limits.max_memory, "{held} bytes are held");
                after(&analyzer, sink);
            }
            Ok(None) => break,
            Err(error) => errors.push(error),
        }
        if errors.len() > MAX_ERRORS {
            break;
        }
    }
    analyzer.finish(sink);
    Some(Read {
        summary: analyzer.summary(),
        errors,
    })
}

/// Holds that a text moves no cursor, changes no colour and turns no reading direction:
/// besides printable characters it has ends of lines.
pub(crate) fn assert_harmless(what: &str, text: &[u8]) {
    let text = std::str::from_utf8(text).unwrap_or_else(|error| panic!("{what}: {error}"));
    let turns = |c| {
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let harmful = |c: &char| *c != '\n' && (c.is_control() || turns(*c));
    assert_eq!(text.chars().find(harmful), None, "{what}: {text:?}");
}

/// Takes away `ESC [ … m` and nothing else.
pub(crate) fn without_colours(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = |bytes: &[u8]| {
            let is_digit = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
            bytes.iter().take_while(is_digit).count()
        };
        let code = behind.strip_prefix(b"[").map(|code| &code[digits(code)..]);
        match code.and_then(|code| code.strip_prefix(b"m")) {
            Some(behind) if byte == 0x1b => rest = behind,
            _ => {
                plain.push(byte);
                rest = behind;
            }
        }
    }
    plain
}

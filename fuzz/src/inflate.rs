//! Target `inflate`: compressed messages of one direction, some of them lost.
//!
//! # Input
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 1 | agreed window bits (bits 0 to 2), no context takeover agreed (bit 3), none used (bit 4), parts are DEFLATE data (bit 5) |
//! | 1 | how messages are cut, see [`pieces`] |
//! | parts | lost (bit 0), level of compression (bits 1 and 2); a text that is compressed, or DEFLATE data |
//!
//! # What has to hold
//!
//! - What is put out of a message is its text, exactly, but for bytes that are unknown; where
//!   nothing was lost, none is.
//! - However a message is cut, the same comes out of it.
//! - What is held is bounded.

use flate2::{Compress, Compression, FlushCompress};

use wsdump::ws::{InflateError, Inflated, Inflater, Window};

use crate::input::{Bytes, Parts, pieces};

/// Bytes put out of a message at most.
const MOST: usize = 1 << 20;

/// Bytes of two windows, of two streams, and of buffers.
const HELD: usize = 384 << 10;

/// What stands for a byte that is not known.
const UNKNOWN: Option<u8> = None;

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let flags = bytes.u8();
    let cut = bytes.u8();
    let agreed = Window {
        context_takeover: flags & 8 == 0,
        bits: 8 + (flags & 7),
    };
    if flags & 0x20 == 0 {
        texts(agreed, flags & 0x10 == 0, cut, bytes);
    } else {
        streams(agreed, cut, bytes);
    }
}

/// Parts are texts, which are compressed.
fn texts(agreed: Window, takes_over: bool, cut: u8, bytes: Bytes<'_>) {
    let mut deflater = Compress::new(Compression::default(), false);
    let mut inflater = Inflater::new(agreed);
    let mut lost = false;
    for (tag, part) in Parts(bytes) {
        let text = part.0;
        if !takes_over {
            deflater.reset();
        }
        let level = [1, 6, 9, 0][usize::from(tag >> 1 & 3)];
        let _ = deflater.set_level(Compression::new(level));
        let message = deflated(&mut deflater, text);
        if tag & 1 != 0 {
            inflater.lose_history();
            lost = true;
            continue;
        }
        let (out, result) = inflated(&mut inflater, &message, Some(cut));
        let mut pairs = out.iter().zip(text);
        assert!(
            pairs.all(|(out, was)| out.is_none_or(|out| out == *was)),
            "not what was sent"
        );
        assert!(
            lost && takes_over || !out.contains(&UNKNOWN),
            "unknown, and nothing was lost"
        );
        if result.is_ok() {
            assert_eq!(text.len().min(MOST), out.len(), "the end is missing");
        } else {
            let is_excused = lost && takes_over && !agreed.context_takeover;
            assert!(is_excused, "{result:?}, and nothing was lost");
            inflater.lose_history();
        }
    }
}

/// Parts are DEFLATE data, or not even that.
fn streams(agreed: Window, cut: u8, bytes: Bytes<'_>) {
    let mut whole = Inflater::new(agreed);
    let mut pieces = Inflater::new(agreed);
    for (tag, part) in Parts(bytes) {
        if tag & 1 != 0 {
            whole.lose_history();
            pieces.lose_history();
            continue;
        }
        let told = inflated(&mut whole, part.0, None);
        let again = inflated(&mut pieces, part.0, Some(cut));
        assert_eq!(
            told.1, again.1,
            "the cuts change whether it can be inflated"
        );
        assert!(told.0 == again.0, "the cuts change what comes out");
        if told.1.is_err() || told.0.len() >= MOST {
            whole.lose_history();
            pieces.lose_history();
        }
        loop {
            let breaches = (whole.take_breach(), pieces.take_breach());
            assert_eq!(breaches.0, breaches.1, "the cuts change what is broken");
            if breaches.0.is_none() {
                break;
            }
        }
    }
}

/// A message as its sender compresses it (RFC 7692 §7.2.1).
fn deflated(deflater: &mut Compress, text: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(text.len() + 1024);
    let before = deflater.total_in();
    loop {
        let taken = usize::try_from(deflater.total_in() - before).unwrap_or_default();
        message.reserve(1024);
        let flush = FlushCompress::Sync;
        let status = deflater.compress_vec(&text[taken..], &mut message, flush);
        status.expect("what can be written is compressed");
        let is_all = deflater.total_in() - before == text.len() as u64;
        if is_all && message.len() < message.capacity() {
            break;
        }
    }
    if message.ends_with(b"\x00\x00\xff\xff") {
        message.truncate(message.len() - 4);
    }
    if message.is_empty() {
        // RFC 7692 §7.2.3.6.
        message.push(0);
    }
    message
}

/// What comes out of a message, up to the limit. Behind that nothing is known, as behind an
/// error.
fn inflated(
    inflater: &mut Inflater,
    message: &[u8],
    cut: Option<u8>,
) -> (Vec<Option<u8>>, Result<(), InflateError>) {
    let mut out = Vec::new();
    let mut put = |piece: Inflated<'_>| {
        match piece {
            Inflated::Known(bytes) => out.extend(bytes.iter().map(|byte| Some(*byte))),
            Inflated::Unknown(len) => out.resize(out.len() + len, UNKNOWN),
        }
        out.truncate(MOST);
        out.len() < MOST
    };
    let parts: Vec<_> = match cut {
        None => vec![message],
        Some(seed) => pieces(message, seed).collect(),
    };
    let mut parts = parts.into_iter();
    let result = parts.try_for_each(|part| {
        let mut wants_more = true;
        let mut put = |piece: Inflated<'_>| {
            wants_more = put(piece);
            wants_more
        };
        inflater.push(part, &mut put).map_err(Some)?;
        assert!(inflater.heap_bytes() <= HELD, "too much is held");
        if wants_more { Ok(()) } else { Err(None) }
    });
    let result = result.and_then(|()| inflater.finish().map_err(Some));
    // That no more was wanted is no error.
    (out, result.or_else(|error| error.map_or(Ok(()), Err)))
}

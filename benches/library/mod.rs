//! What wsdump is measured against: the library that it inflates with, alone.

use std::hint::black_box;

use flate2::{Decompress, FlushDecompress};

/// Inflates the messages of one end (RFC 7692 §7.2.2).
pub(crate) fn inflate(messages: &[Vec<u8>]) {
    let mut library = Decompress::new(false);
    let mut out = vec![0; 8 << 10];
    for message in messages {
        for mut input in [&message[..], b"\0\0\xff\xff"] {
            while !input.is_empty() {
                let before = library.total_in();
                let flush = FlushDecompress::None;
                library.decompress(input, &mut out, flush).unwrap();
                let read = usize::try_from(library.total_in() - before).unwrap();
                input = &input[read..];
            }
        }
        black_box(&out);
    }
}

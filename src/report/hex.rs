//! Bytes as a table: offset, hexadecimal, and what is printable in ASCII.

use std::fmt::Write as _;
use std::ops::Range;

use super::text::{hex_digits, is_known};

/// Appends a dump, a line for 16 bytes, each behind `indent` spaces.
pub(super) fn dump(bytes: &[u8], unknown: &[Range<usize>], indent: usize, out: &mut String) {
    for (line, chunk) in bytes.chunks(BYTES_PER_LINE).enumerate() {
        // Writing into a string does not fail.
        let _ = write!(out, "{:indent$}{:08x} ", "", line * BYTES_PER_LINE);
        for at in 0..BYTES_PER_LINE {
            if at == BYTES_PER_LINE / 2 {
                out.push(' ');
            }
            let is_known = is_known(unknown, line * BYTES_PER_LINE + at);
            let digits = match chunk.get(at) {
                Some(_) if !is_known => *b"??",
                Some(byte) => hex_digits(*byte),
                None => *b"  ",
            };
            out.push(' ');
            out.extend(digits.map(char::from));
        }
        out.push_str("  |");
        out.extend(chunk.iter().map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        }));
        out.push_str("|\n");
    }
}

const BYTES_PER_LINE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    // One range of unknown bytes is what is meant.
    #[allow(clippy::single_range_in_vec_init)]
    fn a_dump_shows_offset_bytes_and_text() {
        let mut out = String::new();
        dump(b"0123456789abcdef\x00\x1b[\xff??a?", &[20..22], 2, &mut out);
        let expected = "  \
            00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n  \
            00000010  00 1b 5b ff ?? ?? 61 3f                           |..[.??a?|\n";
        assert_eq!(out, expected);
    }
}

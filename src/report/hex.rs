//! Bytes as a table: offset, hexadecimal, and what is printable in ASCII.

use std::iter::repeat_n;
use std::ops::Range;
use std::str;

use super::text::{append, hex_digits, is_known};

const BYTES_PER_LINE: usize = 16;

/// Where the printable characters of a line begin, behind its offset.
const TEXT: usize = 3 * BYTES_PER_LINE + 4;

/// Appends a dump, a line for 16 bytes, each behind `indent` spaces.
pub(super) fn dump(bytes: &[u8], unknown: &[Range<usize>], indent: usize, out: &mut String) {
    for (number, chunk) in bytes.chunks(BYTES_PER_LINE).enumerate() {
        let offset = number * BYTES_PER_LINE;
        let mut line = [b' '; TEXT + BYTES_PER_LINE + 1];
        line[TEXT - 1] = b'|';
        for (at, byte) in chunk.iter().enumerate() {
            // There is a gap in the middle.
            let column = 3 * at + 1 + at / (BYTES_PER_LINE / 2);
            let digits = if is_known(unknown, offset + at) {
                hex_digits(*byte)
            } else {
                *b"??"
            };
            line[column..column + 2].copy_from_slice(&digits);
            line[TEXT + at] = match byte {
                b' '..=b'~' => *byte,
                _ => b'.',
            };
        }
        line[TEXT + chunk.len()] = b'|';
        // It is ASCII.
        let line = str::from_utf8(&line[..=TEXT + chunk.len()]).unwrap_or_default();
        out.extend(repeat_n(' ', indent));
        append!(out, "{offset:08x} {line}\n");
    }
}

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

//! UTF-8 that comes in pieces (RFC 6455 §8.1, RFC 3629).

use std::str;

/// Checks text whose characters may be cut anywhere between pieces.
#[derive(Clone, Debug, Default)]
pub struct Utf8Checker {
    /// Start of a character that the last piece cut.
    partial: [u8; 4],
    partial_len: usize,
    /// Bytes checked before `partial`.
    position: u64,
    /// As many bytes may still end a character that began with unknown bytes.
    may_end: u8,
    invalid_at: Option<u64>,
}

impl Utf8Checker {
    /// Checks the next piece. After the first invalid byte nothing more is looked at.
    pub fn push(&mut self, mut piece: &[u8]) {
        while self.may_end > 0 {
            match piece.split_first() {
                Some((byte, rest)) if is_continuation(*byte) => {
                    piece = rest;
                    self.position += 1;
                    self.may_end -= 1;
                }
                Some(_) => self.may_end = 0,
                None => return,
            }
        }
        while self.partial_len > 0 && self.invalid_at.is_none() {
            let Some((&byte, rest)) = piece.split_first() else {
                return;
            };
            piece = rest;
            self.partial[self.partial_len] = byte;
            self.partial_len += 1;
            let so_far = &self.partial[..self.partial_len];
            match str::from_utf8(so_far) {
                Ok(_) => {
                    self.position += so_far.len() as u64;
                    self.partial_len = 0;
                }
                Err(error) if error.error_len().is_some() => {
                    self.invalid_at = Some(self.position);
                }
                Err(_) => {}
            }
        }
        if self.invalid_at.is_some() {
            return;
        }
        match simdutf8::compat::from_utf8(piece) {
            Ok(_) => self.position += piece.len() as u64,
            Err(error) => {
                self.position += error.valid_up_to() as u64;
                let rest = &piece[error.valid_up_to()..];
                if error.error_len().is_some() {
                    self.invalid_at = Some(self.position);
                } else {
                    // An unfinished character is at most 3 bytes long.
                    self.partial[..rest.len()].copy_from_slice(rest);
                    self.partial_len = rest.len();
                }
            }
        }
    }

    /// Passes over `len` bytes that are not known. A character that they cut is valid as far as
    /// it is known.
    pub fn push_unknown(&mut self, len: u64) {
        if self.invalid_at.is_none() {
            self.position += self.partial_len as u64 + len;
            self.partial_len = 0;
            self.may_end = 3;
        }
    }

    /// Position of the first byte that is not part of a valid character, once the text is
    /// complete.
    pub fn finish(&self) -> Option<u64> {
        self.invalid_at
            .or((self.partial_len > 0).then_some(self.position))
    }

    /// Position of the first byte that is invalid whatever follows.
    pub fn invalid_at(&self) -> Option<u64> {
        self.invalid_at
    }
}

/// Whether a byte can only stand inside a character.
pub(super) fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_invalid_byte_is_found_however_the_text_is_cut() {
        let table: [(&[u8], Option<u64>); 9] = [
            (b"", None),
            ("aé€😀z".as_bytes(), None),
            (b"ab\xff", Some(2)),
            (b"a\xc3\x28", Some(1)),
            (b"\xed\xa0\x80", Some(0)),
            (b"\xf4\x90\x80\x80", Some(0)),
            (b"\xc0\x80", Some(0)),
            (b"ab\xe2\x82", Some(2)),
            (b"\xf0\x9f\x98", Some(0)),
        ];
        for (text, expected) in table {
            for size in 1..=text.len().max(1) {
                let mut checker = Utf8Checker::default();
                text.chunks(size).for_each(|piece| checker.push(piece));
                assert_eq!(checker.finish(), expected, "{}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn a_character_that_unknown_bytes_cut_is_not_blamed() {
        let table: [(&[u8], &[u8], Option<u64>); 6] = [
            (b"a\xe2\x82", b"b", None),
            (b"a", b"\x82\xacb", None),
            (b"a\xf0\x9f", b"\x98\x80b", None),
            (b"a\xe2", b"\x82\x82\x82\x82", Some(10)),
            (b"a\xff", b"b", Some(1)),
            (b"a", b"\x82\xff", Some(7)),
        ];
        for (before, after, expected) in table {
            let mut checker = Utf8Checker::default();
            checker.push(before);
            checker.push_unknown(5);
            after.chunks(1).for_each(|piece| checker.push(piece));
            assert_eq!(checker.finish(), expected, "{}", before.escape_ascii());
        }
    }
}

//! A place inside a packet.

use super::{Layer, WireError};

/// What is left of a packet, as captured and as sent.
///
/// The two lengths shrink together as headers are read, so that the length of a
/// payload is right even when the snap length cut it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    /// Never less than `bytes.len()`.
    wire_len: usize,
}

impl<'a> Cursor<'a> {
    /// `bytes` are the start of something that took `wire_len` bytes when it was sent.
    pub(super) fn new(bytes: &'a [u8], wire_len: usize) -> Self {
        Self {
            bytes,
            wire_len: wire_len.max(bytes.len()),
        }
    }

    /// The captured bytes.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes that were sent, captured or not.
    pub(super) fn wire_len(&self) -> usize {
        self.wire_len
    }

    /// Reads a header of `N` bytes and steps over it.
    pub(super) fn array<const N: usize>(&mut self, layer: Layer) -> Result<[u8; N], WireError> {
        let Some((header, rest)) = self.bytes.split_first_chunk::<N>() else {
            return Err(WireError::truncated(layer, N, self.bytes.len()));
        };
        self.bytes = rest;
        self.wire_len -= N;
        Ok(*header)
    }

    /// Steps over `len` bytes of a header.
    pub(super) fn skip(&mut self, layer: Layer, len: usize) -> Result<(), WireError> {
        let Some((_, rest)) = self.bytes.split_at_checked(len) else {
            return Err(WireError::truncated(layer, len, self.bytes.len()));
        };
        self.bytes = rest;
        self.wire_len -= len;
        Ok(())
    }

    /// Leaves out what comes after the next `len` bytes: padding and trailers.
    ///
    /// A length beyond the end of the packet changes nothing; the packet is right.
    pub(super) fn cut_to(&mut self, len: usize) {
        self.wire_len = self.wire_len.min(len);
        self.bytes = &self.bytes[..self.bytes.len().min(len)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lengths_shrink_together() {
        let mut cursor = Cursor::new(b"abcdef", 10);
        assert_eq!(cursor.array::<2>(Layer::Link), Ok(*b"ab"));
        assert_eq!(cursor.skip(Layer::Link, 1), Ok(()));
        assert_eq!((cursor.bytes(), cursor.wire_len()), (&b"def"[..], 7));
        cursor.cut_to(9);
        assert_eq!((cursor.bytes(), cursor.wire_len()), (&b"def"[..], 7));
        cursor.cut_to(5);
        assert_eq!((cursor.bytes(), cursor.wire_len()), (&b"def"[..], 5));
        cursor.cut_to(2);
        assert_eq!((cursor.bytes(), cursor.wire_len()), (&b"de"[..], 2));
    }

    #[test]
    fn a_header_that_is_not_all_there_takes_nothing() {
        let mut cursor = Cursor::new(b"abc", 3);
        let error = WireError::Truncated {
            layer: Layer::Ip,
            need: 4,
            have: 3,
        };
        assert_eq!(cursor.array::<4>(Layer::Ip), Err(error));
        assert_eq!(cursor.skip(Layer::Ip, 4), Err(error));
        assert_eq!(cursor.bytes(), b"abc");
    }

    #[test]
    fn a_packet_was_never_shorter_on_the_wire_than_captured() {
        assert_eq!(Cursor::new(b"abc", 1).wire_len(), 3);
    }
}

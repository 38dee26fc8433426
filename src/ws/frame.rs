//! Frame headers: reading what was sent, and naming the rules it breaks (RFC 6455 §5.2).
//!
//! Decoding and judging are two functions, so that each can be read beside its
//! paragraph, and so that a frame that breaks every rule is still decoded.

use super::code::OpCode;
use crate::anomaly::{Anomaly, Rule};
use crate::flow::Direction;

/// Outcome of reading one item from the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<T> {
    /// The item, and how many bytes it took.
    Complete {
        /// What was read.
        item: T,
        /// Bytes it took.
        consumed: usize,
    },
    /// A good start; at least this many bytes are missing.
    NeedMore(usize),
}

/// A frame header as it was sent; nothing is judged here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The last frame of its message.
    pub fin: bool,
    /// RSV1 to RSV3 in the low three bits, RSV1 highest.
    pub rsv: u8,
    /// What the payload is.
    pub opcode: OpCode,
    /// The masking key, if the frame is masked.
    pub masking_key: Option<[u8; 4]>,
    /// Payload length in bytes, as stated: up to 2^64 - 1, although the highest bit must
    /// be 0.
    pub payload_len: u64,
    /// Bytes that the length took beyond the first: 0, 2 or 8.
    pub extended_len_bytes: u8,
}

impl FrameHeader {
    /// RSV1 within [`FrameHeader::rsv`]: a compressed message, with permessage-deflate.
    pub const RSV1: u8 = 0x4;

    /// The longest header: 2 bytes, 8 of length, 4 of masking key.
    pub const MAX_LEN: usize = 14;

    /// Decodes the header at the front of `buf` (RFC 6455 §5.2).
    ///
    /// ```
    /// use wsdump::ws::{Decoded, FrameHeader, OpCode};
    ///
    /// let Decoded::Complete { item, consumed } = FrameHeader::decode(b"\x81\x05Hello") else {
    ///     panic!("the header is all there");
    /// };
    /// assert_eq!((item.opcode, item.payload_len, consumed), (OpCode::Text, 5, 2));
    /// assert_eq!(FrameHeader::decode(b"\x81"), Decoded::NeedMore(1));
    /// ```
    pub fn decode(buf: &[u8]) -> Decoded<Self> {
        let [first, second, ..] = *buf else {
            return Decoded::NeedMore(2 - buf.len());
        };
        let masked = second & 0x80 != 0;
        let extended_len_bytes: u8 = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let len_end = 2 + usize::from(extended_len_bytes);
        let header_len = len_end + if masked { 4 } else { 0 };
        let Some(rest) = buf.get(2..header_len) else {
            return Decoded::NeedMore(header_len - buf.len());
        };
        let (extended_len, key) = rest.split_at(len_end - 2);
        let payload_len = match extended_len {
            [] => u64::from(second & 0x7F),
            bytes => bytes
                .iter()
                .fold(0, |len, &byte| len << 8 | u64::from(byte)),
        };
        let item = Self {
            fin: first & 0x80 != 0,
            rsv: first >> 4 & 0x7,
            opcode: OpCode::from_first_byte(first),
            masking_key: key.try_into().ok(),
            payload_len,
            extended_len_bytes,
        };
        Decoded::Complete {
            item,
            consumed: header_len,
        }
    }

    /// Length of the header on the wire, in bytes: 2 to 14.
    pub fn header_len(&self) -> u8 {
        2 + self.extended_len_bytes + if self.masking_key.is_some() { 4 } else { 0 }
    }

    /// The bytes it was decoded from.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let first = u8::from(self.fin) << 7 | self.rsv << 4 | u8::from(self.opcode);
        let mask_bit = u8::from(self.masking_key.is_some()) << 7;
        let len = self.payload_len.to_be_bytes();
        let (short, extended): (u8, &[u8]) = match self.extended_len_bytes {
            0 => (len[7], &[]),
            2 => (126, &len[6..]),
            _ => (127, &len),
        };
        let key = self.masking_key.as_ref().map_or(&[][..], |key| key);
        [&[first, mask_bit | short], extended, key].concat()
    }

    /// Whether RSV1 is set.
    pub fn rsv1(&self) -> bool {
        self.rsv & Self::RSV1 != 0
    }

    /// Whether the length took the fewest bytes that hold it.
    pub fn is_minimal(&self) -> bool {
        match self.extended_len_bytes {
            0 => true,
            2 => self.payload_len > 125,
            _ => self.payload_len > 0xFFFF,
        }
    }

    /// Names the rules that this header breaks by itself. Rules that concern what came
    /// before it (fragmentation, RSV bits and what was negotiated) are checked where that
    /// is known.
    pub fn check(&self, direction: Direction, found: &mut dyn FnMut(Anomaly)) {
        match (direction, self.masking_key) {
            (Direction::ClientToServer, None) => {
                found(Anomaly::new(Rule::UnmaskedClientFrame, "the mask bit is 0"));
            }
            (Direction::ServerToClient, Some(_)) => {
                found(Anomaly::new(Rule::MaskedServerFrame, "the mask bit is 1"));
            }
            _ => {}
        }
        if let OpCode::Reserved(value) = self.opcode {
            found(Anomaly::new(
                Rule::ReservedOpcode,
                format!("opcode 0x{value:X}"),
            ));
        }
        if !self.is_minimal() {
            let detail = format!(
                "{} bytes stated in {} bits",
                self.payload_len,
                u32::from(self.extended_len_bytes) * 8
            );
            found(Anomaly::new(Rule::NonMinimalLength, detail));
        }
        if self.payload_len >> 63 != 0 {
            let detail = format!("a length of {} bytes", self.payload_len);
            found(Anomaly::new(Rule::LengthHighBit, detail));
        }
        if self.opcode.is_control() {
            if !self.fin {
                let detail = format!("{} without FIN", self.opcode);
                found(Anomaly::new(Rule::FragmentedControlFrame, detail));
            }
            if self.payload_len > MAX_CONTROL_LEN as u64 {
                let detail = format!("{} of {} bytes", self.opcode, self.payload_len);
                found(Anomaly::new(Rule::OversizedControlFrame, detail));
            }
        }
    }
}

/// The longest payload of a control frame (RFC 6455 §5.5).
pub const MAX_CONTROL_LEN: usize = 125;

/// Applies `key` to `payload` in place, starting `position` bytes into the frame's
/// payload (RFC 6455 §5.3).
///
/// Masking twice with the same key and position restores the original, so this both
/// masks and unmasks. A payload may be passed in pieces:
///
/// ```
/// use wsdump::ws::unmask;
///
/// let mut payload = *b"\x7f\x9f\x4d\x51\x58";
/// unmask(&mut payload[..2], [0x37, 0xfa, 0x21, 0x3d], 0);
/// unmask(&mut payload[2..], [0x37, 0xfa, 0x21, 0x3d], 2);
/// assert_eq!(&payload, b"Hello");
/// ```
pub fn unmask(payload: &mut [u8], mut key: [u8; 4], position: u64) {
    key.rotate_left((position % 4) as usize);
    // Four keys side by side: the compiler turns the loop into wide vector operations.
    let wide: [u8; 16] = std::array::from_fn(|at| key[at % 4]);
    let mut blocks = payload.chunks_exact_mut(wide.len());
    for block in &mut blocks {
        for (byte, key) in block.iter_mut().zip(wide) {
            *byte ^= key;
        }
    }
    for (byte, key) in blocks.into_remainder().iter_mut().zip(wide) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ClientToServer, ServerToClient};

    fn rules(bytes: &[u8], direction: Direction) -> Vec<&'static str> {
        let mut names = Vec::new();
        if let Decoded::Complete { item, .. } = FrameHeader::decode(bytes) {
            item.check(direction, &mut |anomaly| names.push(anomaly.rule.name()));
        }
        names
    }

    #[test]
    fn lengths_come_in_three_encodings() {
        let table: [(&[u8], u64, usize); 6] = [
            (b"\x82\x00", 0, 2),
            (b"\x82\x7d", 125, 2),
            (b"\x82\x7e\x00\x7e", 126, 4),
            (b"\x82\x7e\xff\xff", 65_535, 4),
            (b"\x82\x7f\0\0\0\0\0\x01\0\0", 65_536, 10),
            (
                b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffkey!",
                (1 << 63) - 1,
                14,
            ),
        ];
        for (bytes, len, header_len) in table {
            for cut in 0..header_len {
                assert!(
                    matches!(FrameHeader::decode(&bytes[..cut]), Decoded::NeedMore(n) if n > 0)
                );
            }
            let Decoded::Complete { item, consumed } = FrameHeader::decode(bytes) else {
                panic!("{} is a whole header", bytes.escape_ascii());
            };
            assert_eq!((item.payload_len, consumed), (len, header_len));
            assert_eq!(usize::from(item.header_len()), header_len);
            assert_eq!(item.encoded(), bytes[..header_len]);
        }
    }

    #[test]
    fn each_rule_of_a_header_is_named_when_broken() {
        let table: [(&[u8], Direction, &[&str]); 11] = [
            (b"\x81\x80keys", ClientToServer, &[]),
            (b"\x81\x00", ServerToClient, &[]),
            (b"\x81\x00", ClientToServer, &["unmasked-client-frame"]),
            (b"\x81\x80keys", ServerToClient, &["masked-server-frame"]),
            (b"\x83\x00", ServerToClient, &["reserved-opcode"]),
            (b"\x8f\x00", ServerToClient, &["reserved-opcode"]),
            (b"\x82\x7e\x00\x7d", ServerToClient, &["non-minimal-length"]),
            (
                b"\x82\x7f\0\0\0\0\0\0\xff\xff",
                ServerToClient,
                &["non-minimal-length"],
            ),
            (
                b"\x82\x7f\x80\0\0\0\0\0\0\0",
                ServerToClient,
                &["length-high-bit"],
            ),
            (b"\x09\x00", ServerToClient, &["fragmented-control-frame"]),
            (
                b"\x8a\x7e\x00\x7e",
                ServerToClient,
                &["oversized-control-frame"],
            ),
        ];
        for (bytes, direction, expected) in table {
            assert_eq!(
                rules(bytes, direction),
                expected,
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    #[test]
    fn unmasking_in_pieces_is_unmasking_at_once() {
        let masked: Vec<u8> = (0..100).collect();
        let mut whole = masked.clone();
        unmask(&mut whole, *b"\x01\x20\x45\x78", 0);
        for cut in 0..masked.len() {
            let mut pieces = masked.clone();
            let (left, right) = pieces.split_at_mut(cut);
            unmask(left, *b"\x01\x20\x45\x78", 0);
            unmask(right, *b"\x01\x20\x45\x78", cut as u64);
            assert_eq!(pieces, whole, "cut at {cut}");
        }
    }
}

//! What a frame of a conversation looks like, to tell it from bytes that are none.

use std::str;

use super::code::{CloseCode, OpCode};
use super::frame::{FrameHeader, MAX_CONTROL_LEN};

/// What a header must look like to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The mask bit that this direction has; `None` when it is not known which end is the
    /// client.
    pub masked: Option<bool>,
    /// RSV1 may be set: permessage-deflate was agreed, or nothing is known.
    pub rsv1: bool,
    /// Bits of evidence needed where frames are masked.
    pub masked_bits: u32,
    /// Bits of evidence needed where frames are not masked.
    pub unmasked_bits: u32,
    /// Bytes kept while searching.
    pub max_bytes: usize,
}

impl Profile {
    /// For the client's direction of a connection that carries WebSocket.
    pub fn for_client(rsv1: bool) -> Self {
        Self {
            masked: Some(true),
            rsv1,
            ..Self::known()
        }
    }

    /// For the server's direction of a connection that carries WebSocket.
    pub fn for_server(rsv1: bool) -> Self {
        Self {
            masked: Some(false),
            rsv1,
            ..Self::known()
        }
    }

    /// For a connection whose start was not captured, which may be any protocol. Other
    /// protocols begin segments with a type and a length too (MQTT, BER), so without the
    /// test that masking is, much more is asked for.
    pub fn for_unknown() -> Self {
        Self {
            masked: None,
            rsv1: true,
            masked_bits: 38,
            unmasked_bits: 60,
            ..Self::known()
        }
    }

    /// FIN, RSV and opcode of a frame that keeps the rules.
    pub(super) fn plausible_first(self, first: u8) -> bool {
        let rsv1 = first & 0x40 != 0;
        let fin = first & 0x80 != 0;
        match OpCode::from_first_byte(first) {
            _ if first & 0x30 != 0 => false,
            OpCode::Continuation => !rsv1,
            OpCode::Text | OpCode::Binary => !rsv1 || self.rsv1,
            OpCode::Close | OpCode::Ping | OpCode::Pong => fin && !rsv1,
            OpCode::Reserved(_) => false,
        }
    }

    /// Whether a header is one that a peer of this direction would send.
    pub(super) fn believes(self, header: &FrameHeader) -> bool {
        let first = u8::from(header.fin) << 7 | header.rsv << 4 | u8::from(header.opcode);
        let masked = header.masking_key.is_some();
        self.plausible_first(first)
            && self.masked.is_none_or(|expected| expected == masked)
            && has_plausible_length(header)
    }

    fn known() -> Self {
        Self {
            masked: None,
            rsv1: false,
            masked_bits: 32,
            unmasked_bits: 32,
            max_bytes: 256 << 10,
        }
    }
}

/// Bits for text, at most.
const TEXT_AT_MOST: u32 = 24;

/// Bits for a close code that may be sent.
const CLOSE_CODE: u32 = 8;

/// Lengths of a frame that keeps the rules, and that any endpoint would accept.
pub(super) fn has_plausible_length(header: &FrameHeader) -> bool {
    const LONGEST: u64 = 1 << 32;
    header.is_minimal()
        && header.payload_len <= LONGEST
        && (!header.opcode.is_control() || header.payload_len <= MAX_CONTROL_LEN as u64)
}

/// What the start of a payload says for its header; `None` when it speaks against it.
pub(super) fn payload_evidence(header: &FrameHeader, payload: &[u8]) -> Option<u32> {
    match header.opcode {
        OpCode::Close => match *payload {
            [] if header.payload_len == 0 => Some(0),
            [high, low, ..] => {
                let code = CloseCode(u16::from_be_bytes([high, low]));
                code.may_be_sent().then_some(CLOSE_CODE)
            }
            _ if header.payload_len == 1 => None,
            _ => Some(0),
        },
        OpCode::Text if !header.rsv1() => {
            if let Err(error) = str::from_utf8(payload) {
                let cut = error.error_len().is_none();
                let whole = payload.len() as u64 == header.payload_len && header.fin;
                if !cut || whole {
                    return None;
                }
            }
            // Text that is unmasked with a piece of itself is ASCII as well, but half of it
            // are control characters.
            let control = |b: &u8| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r');
            let tells = header.masking_key.is_some() && !payload.iter().any(control);
            let len = u32::try_from(payload.len()).unwrap_or(TEXT_AT_MOST);
            Some(if tells { len.min(TEXT_AT_MOST) } else { 0 })
        }
        _ => Some(0),
    }
}

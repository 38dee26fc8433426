//! Frames and messages as an observer has them: with what is known of their payload.

use std::ops::Range;
use std::str;

use super::code::{CloseCode, OpCode};
use super::frame::FrameHeader;
use crate::anomaly::Anomaly;

/// What a [`Receiver`](super::Receiver) makes of frames. For one frame: its anomalies, the
/// frame, and, when it ends a data message, the message.
#[derive(Debug)]
pub enum Received<'a> {
    /// A frame is over, or as much of it as will come.
    Frame(&'a Frame<'a>),
    /// A data message is over, or as much of it as will come.
    Message(&'a Message<'a>),
    /// A rule broken.
    Anomaly(Anomaly),
}

/// One frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its header.
    pub header: FrameHeader,
    /// What is kept of its payload, unmasked and inflated, up to the first byte that is not
    /// known.
    pub payload: &'a [u8],
    /// Payload bytes on the wire that are missing.
    pub missing: u64,
    /// The capture or connection ended before the frame did.
    pub cut_short: bool,
    /// It is the last that is known of a data message, which follows.
    pub ends_message: bool,
}

impl<'a> Frame<'a> {
    /// A frame of which every byte is there, with what is kept of its payload.
    pub(super) fn whole(header: FrameHeader, payload: &'a [u8]) -> Self {
        Self {
            header,
            payload,
            missing: 0,
            cut_short: false,
            ends_message: false,
        }
    }

    /// The same frame, with its payload in another place.
    pub(crate) fn with_payload<'b>(&self, payload: &'b [u8]) -> Frame<'b> {
        Frame {
            header: self.header,
            payload,
            missing: self.missing,
            cut_short: self.cut_short,
            ends_message: self.ends_message,
        }
    }

    /// The close code and reason, for a Close frame that has them (RFC 6455 §5.5.1).
    pub fn close(&self) -> Option<(CloseCode, &'a [u8])> {
        match (self.header.opcode, self.payload) {
            (OpCode::Close, [high, low, reason @ ..]) => {
                Some((CloseCode(u16::from_be_bytes([*high, *low])), reason))
            }
            _ => None,
        }
    }
}

/// One data message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// [`OpCode::Text`] or [`OpCode::Binary`].
    pub opcode: OpCode,
    /// Frames it came in.
    pub frames: u64,
    /// Header of its last frame, unless that never came.
    pub last: Option<FrameHeader>,
    /// Length in bytes, after inflation. For a message that is cut short, what could be read
    /// of it.
    pub length: u64,
    /// Payload bytes on the wire.
    pub wire_length: u64,
    /// permessage-deflate was used.
    pub compressed: bool,
    /// Every byte is known. It may be more than what is kept.
    pub complete: bool,
    /// Payload bytes on the wire that are missing, those of frames that never came not
    /// counted.
    pub missing: u64,
    /// What is kept, from the start on, with `?` for each byte that is not known.
    pub payload: &'a [u8],
    /// Where `payload` is not known, because it was not captured or refers to compressed data
    /// that was not: offsets in order, the ranges apart from each other. Of text, whole
    /// characters.
    pub unknown: &'a [Range<usize>],
    /// Bytes of `length` that are not known, those counted that are not kept.
    pub unknown_length: u64,
    /// More was sent, or may have been, that cannot be read: frames or compressed bytes are
    /// missing, or inflating failed.
    pub cut_short: bool,
    /// Whether the payload is text.
    pub text: Text,
}

/// Whether a payload is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// It is not meant to be, or an RSV bit without an extension says that it is not.
    No,
    /// It is valid UTF-8, as far as it is known.
    Valid,
    /// It is meant to be and is no valid UTF-8.
    Invalid,
}

impl<'a> Message<'a> {
    /// The same message, with its payload, and where that is not known, in another place.
    pub(crate) fn with_payload<'b>(
        &self,
        payload: &'b [u8],
        unknown: &'b [Range<usize>],
    ) -> Message<'b> {
        Message {
            opcode: self.opcode,
            frames: self.frames,
            last: self.last,
            length: self.length,
            wire_length: self.wire_length,
            compressed: self.compressed,
            complete: self.complete,
            missing: self.missing,
            payload,
            unknown,
            unknown_length: self.unknown_length,
            cut_short: self.cut_short,
            text: self.text,
        }
    }

    /// What is kept, as text, without a character cut off at its end.
    pub fn text(&self) -> Option<&'a str> {
        if self.text != Text::Valid {
            return None;
        }
        match simdutf8::compat::from_utf8(self.payload) {
            Ok(text) => Some(text),
            Err(error) if error.error_len().is_none() => {
                str::from_utf8(&self.payload[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        }
    }

    /// Whether every byte is known and kept.
    pub fn is_whole(&self) -> bool {
        self.complete && !self.is_truncated()
    }

    /// Whether the message goes on behind what is kept.
    pub fn is_truncated(&self) -> bool {
        (self.payload.len() as u64) < self.length || self.cut_short
    }
}

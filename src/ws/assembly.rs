//! A data message while its frames come: what is known of it, and the checks of its text.

use super::code::OpCode;
use super::frame::FrameHeader;
use super::message::{Message, Received, Text};
use super::utf8::Utf8Checker;
use crate::anomaly::{Anomaly, Rule};
use crate::limits::Limits;

/// A data message whose last frame has not come.
///
/// What is kept of its payload is in a buffer of the receiver, which is used again for the
/// next message.
#[derive(Debug)]
pub(super) struct MessageInProgress {
    opcode: OpCode,
    pub(super) compressed: bool,
    text: Option<TextCheck>,
    pub(super) frames: u64,
    pub(super) length: u64,
    pub(super) wire_length: u64,
    pub(super) missing: u64,
    /// Nothing more can be read: bytes are missing or inflating failed.
    pub(super) broken: bool,
}

#[derive(Debug, Default)]
struct TextCheck {
    checker: Utf8Checker,
    /// It was said that the text is not valid.
    told: bool,
}

impl MessageInProgress {
    /// Begins with the header of the first frame.
    pub(super) fn new(header: &FrameHeader, compressed: bool) -> Self {
        // RSV1 that no extension defines says that the payload is not what the opcode says.
        let is_text = header.opcode == OpCode::Text && (compressed || !header.rsv1());
        Self {
            opcode: header.opcode,
            compressed,
            text: is_text.then(TextCheck::default),
            frames: 0,
            length: 0,
            wire_length: 0,
            missing: 0,
            broken: false,
        }
    }

    /// Whether the payload is checked as text.
    pub(super) fn is_text(&self) -> bool {
        self.text.is_some()
    }

    /// Takes uncompressed bytes, and adds them to what is kept.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        kept: &mut Vec<u8>,
        limits: &Limits,
        emit: &mut dyn FnMut(Received<'_>),
    ) {
        self.length += bytes.len() as u64;
        if self.broken {
            return;
        }
        extend_up_to(kept, bytes, limits.max_message_bytes);
        if let Some(text) = &mut self.text {
            text.checker.push(bytes);
            self.check_text(Utf8Checker::invalid_at, emit);
        }
    }

    /// Takes inflated bytes; says whether more are wanted.
    pub(super) fn take_inflated(
        &mut self,
        bytes: &[u8],
        kept: &mut Vec<u8>,
        limits: &Limits,
        emit: &mut dyn FnMut(Received<'_>),
    ) -> bool {
        self.take(bytes, kept, limits, emit);
        limits.allow_inflated(self.length, self.wire_length)
    }

    /// Names the rules that only the whole message can break; `ended` when its last frame
    /// has come.
    pub(super) fn check_end(&mut self, ended: bool, emit: &mut dyn FnMut(Received<'_>)) {
        if self.broken {
            return;
        }
        // RFC 7692 §7.2.3.6: an empty message has the payload 0x00, not no payload at all.
        if self.compressed && self.wire_length == 0 {
            let rule = Rule::InvalidDeflateData;
            let detail = "a compressed message with no bytes at all";
            emit(Received::Anomaly(Anomaly::new(rule, detail)));
        }
        if ended {
            self.check_text(Utf8Checker::finish, emit);
        }
    }

    /// Says where the text is not valid, if it is not and that was not said.
    fn check_text(
        &mut self,
        invalid_at: impl Fn(&Utf8Checker) -> Option<u64>,
        emit: &mut dyn FnMut(Received<'_>),
    ) {
        let Some(text) = self.text.as_mut().filter(|text| !text.told) else {
            return;
        };
        if let Some(at) = invalid_at(&text.checker) {
            text.told = true;
            let detail = format!("at byte {at} of the message");
            emit(Received::Anomaly(Anomaly::new(Rule::InvalidUtf8, detail)));
        }
    }

    /// The message as it is told, with what is kept of its payload.
    pub(super) fn told<'a>(&self, kept: &'a [u8]) -> Message<'a> {
        Message {
            opcode: self.opcode,
            frames: self.frames,
            length: self.length,
            wire_length: self.wire_length,
            compressed: self.compressed,
            complete: !self.broken,
            missing: self.missing,
            payload: kept,
            text: match &self.text {
                None => Text::No,
                Some(check) if check.told => Text::Invalid,
                Some(_) => Text::Valid,
            },
        }
    }
}

/// Appends as much of `bytes` as keeps `buffer` within `limit`.
pub(super) fn extend_up_to(buffer: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    let room = limit.saturating_sub(buffer.len());
    buffer.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

//! A data message while its frames come: what is known of it, and the checks of its text.

use super::code::OpCode;
use super::frame::{FrameHeader, unmask};
use super::inflater::Inflated;
use super::kept::Kept;
use super::message::{Message, Received, Text};
use super::utf8::Utf8Checker;
use crate::anomaly::{Anomaly, Rule};
use crate::limits::Limits;

/// A data message whose last frame has not come, and what is kept of its payload.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) message: MessageInProgress,
    pub(super) kept: Kept,
}

impl Assembly {
    /// Begins with the header of the first frame.
    pub(super) fn new(header: &FrameHeader, compressed: bool) -> Self {
        Self {
            message: MessageInProgress::new(header, compressed),
            kept: Kept::default(),
        }
    }

    /// Begins another message, in the same buffers.
    pub(super) fn begin_again(&mut self, header: &FrameHeader, compressed: bool) {
        self.message = MessageInProgress::new(header, compressed);
        self.kept.clear();
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.kept.heap_bytes()
    }

    /// Takes the next bytes of what was sent, and adds them to what is kept.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        emit: &mut impl FnMut(Received<'_>),
    ) {
        self.kept.push(bytes, limits.max_message_bytes);
        self.message.check(bytes, emit);
    }

    /// The same for masked bytes, if all of them can be kept; says whether they were taken.
    pub(super) fn take_masked(
        &mut self,
        bytes: &[u8],
        (key, position): ([u8; 4], u64),
        limits: &Limits,
        emit: &mut impl FnMut(Received<'_>),
    ) -> bool {
        let Some(kept) = self.kept.push_whole(bytes, limits.max_message_bytes) else {
            return false;
        };
        unmask(kept, key, position);
        self.message.check(kept, emit);
        true
    }

    /// Takes note of bytes that are not known.
    pub(super) fn take_unknown(&mut self, len: u64, limits: &Limits) {
        self.message.pass_over(len);
        self.kept.push_unknown(len, limits.max_message_bytes);
    }

    /// Takes inflated bytes; says whether more are wanted.
    pub(super) fn take_inflated(
        &mut self,
        piece: Inflated<'_>,
        limits: &Limits,
        emit: &mut impl FnMut(Received<'_>),
    ) -> bool {
        match piece {
            Inflated::Known(bytes) => self.take(bytes, limits, emit),
            Inflated::Unknown(len) => self.take_unknown(len as u64, limits),
        }
        limits.allow_inflated(self.message.length, self.message.wire_length)
    }

    /// The message as it is told, with what is kept of its payload.
    pub(super) fn told(&mut self) -> Message<'_> {
        if self.message.text.as_ref().is_some_and(|text| !text.told) {
            self.message.unknown_length += self.kept.hide_cut_characters() as u64;
        }
        Message {
            unknown: self.kept.unknown(),
            ..self.message.told(self.kept.bytes())
        }
    }
}

/// What is known of a data message while its frames come, but for its payload.
#[derive(Debug)]
pub(super) struct MessageInProgress {
    opcode: OpCode,
    pub(super) compressed: bool,
    text: Option<TextCheck>,
    pub(super) frames: u64,
    /// Header of the frame that ends it, once it came.
    pub(super) last: Option<FrameHeader>,
    pub(super) length: u64,
    pub(super) wire_length: u64,
    pub(super) missing: u64,
    /// Bytes of `length` that are not known.
    pub(super) unknown_length: u64,
    /// Nothing more of it can be read: compressed bytes or whole frames are missing, or
    /// inflating failed.
    pub(super) cut_short: bool,
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
            last: None,
            length: 0,
            wire_length: 0,
            missing: 0,
            unknown_length: 0,
            cut_short: false,
        }
    }

    /// Whether the payload is checked as text.
    pub(super) fn is_text(&self) -> bool {
        self.text.is_some()
    }

    /// Counts the next bytes of what was sent, and checks them if they are text.
    pub(super) fn check(&mut self, bytes: &[u8], emit: &mut impl FnMut(Received<'_>)) {
        self.length += bytes.len() as u64;
        if let Some(text) = &mut self.text {
            text.checker.push(bytes);
            self.check_text(Utf8Checker::invalid_at, emit);
        }
    }

    /// Counts bytes that are not known.
    fn pass_over(&mut self, len: u64) {
        self.length += len;
        self.unknown_length += len;
        if let Some(text) = &mut self.text {
            text.checker.push_unknown(len);
        }
    }

    /// Names the rules that only the whole message can break; `ended` when its last frame
    /// has come.
    pub(super) fn check_end(&mut self, ended: bool, emit: &mut impl FnMut(Received<'_>)) {
        if self.cut_short {
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
        emit: &mut impl FnMut(Received<'_>),
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

    /// The message as it is told, with a payload of which nothing is unknown.
    pub(super) fn told<'a>(&self, payload: &'a [u8]) -> Message<'a> {
        let text = match &self.text {
            None => Text::No,
            Some(check) if check.told => Text::Invalid,
            Some(_) => Text::Valid,
        };
        Message {
            opcode: self.opcode,
            frames: self.frames,
            last: self.last,
            length: self.length,
            wire_length: self.wire_length,
            compressed: self.compressed,
            complete: self.unknown_length == 0 && !self.cut_short,
            missing: self.missing,
            payload,
            unknown: &[],
            unknown_length: self.unknown_length,
            cut_short: self.cut_short,
            text,
        }
    }
}

//! One direction's frames, put together into messages (RFC 6455 §5.4, RFC 7692 §6).
//!
//! A [`Receiver`] unmasks, inflates and checks payloads as their pieces come, and keeps no
//! more of them than somebody wants to see: the rest is counted and checked.

use std::str;

use super::assembly::{Assembly, MessageInProgress};
use super::code::{CloseCode, OpCode};
use super::decoder::FrameEvent;
use super::deflate::Window;
use super::frame::{FrameHeader, MAX_CONTROL_LEN, unmask};
use super::inflater::{Breach, InflateError, Inflater};
use super::kept::extend_up_to;
use super::message::{Frame, Received};
use super::profile::Profile;
use crate::anomaly::{Anomaly, Rule};
use crate::flow::Direction;
use crate::limits::Limits;

/// How much of the extensions is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extensions {
    /// permessage-deflate was agreed, with this window in this direction.
    pub deflate: Option<Window>,
    /// Others were agreed, which may give RSV bits a meaning.
    pub others: bool,
    /// The handshake was not captured: RSV1 is taken for permessage-deflate.
    pub assumed: bool,
}

/// Makes messages of one direction's frames.
#[derive(Debug)]
pub struct Receiver {
    direction: Direction,
    extensions: Extensions,
    /// By itself on the heap: most connections have none.
    inflater: Option<Box<Inflater>>,
    /// The frame that has begun. By itself on the heap: most lie whole in one segment, and never
    /// come here.
    frame: Option<Box<CurrentFrame>>,
    /// The data message that has begun, likewise.
    assembly: Option<Box<Assembly>>,
    /// That of the last message, for the next, beside an inflater that takes far more.
    spare: Option<Box<Assembly>>,
    last_key: Option<[u8; 4]>,
    /// A Close frame was seen.
    closed: bool,
    /// What came after it is no frame: some servers fall back to HTTP when the closing
    /// handshake fails. Nothing more is read.
    over: bool,
    /// The start of the direction, or frames in between, are missing: a continuation may
    /// continue what was not seen, and a compressed message refer to it.
    missed_frames: bool,
    told: Told,
}

/// What is said once a direction, since it would be said of every frame.
#[derive(Debug, Default)]
struct Told {
    repeated_key: bool,
    after_close: bool,
    /// Messages depend on what is missing; said again when more is lost.
    history_missing: bool,
}

#[derive(Debug)]
struct CurrentFrame {
    header: FrameHeader,
    missing: u64,
    belongs: Belongs,
    /// Where its payload begins in what is kept of its message.
    kept_from: usize,
    /// What is kept of its payload where that belongs to no message.
    aside: Vec<u8>,
}

/// What a frame's payload is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Belongs {
    ToMessage,
    /// A control frame, a reserved opcode, or a continuation of nothing.
    ToNone,
}

/// Payloads are unmasked and checked in pieces of these sizes, which stay in the nearest
/// cache. Room for a piece is made anew each time, so that no connection holds it: little
/// where that is enough.
const SMALL_PIECE: usize = 512;
const PIECE: usize = 2 << 10;

/// Bytes of a buffer that a direction holds for its next message while nothing is in it.
const IDLE_BUFFER: usize = 512;

impl Receiver {
    /// For one direction of a connection with the given extensions.
    pub fn new(direction: Direction, extensions: Extensions) -> Self {
        Self {
            direction,
            extensions,
            inflater: None,
            frame: None,
            assembly: None,
            spare: None,
            last_key: None,
            closed: false,
            over: false,
            missed_frames: false,
            told: Told::default(),
        }
    }

    /// The direction begins in mid-stream, or frames were lost in it.
    pub fn miss_frames(&mut self) {
        self.missed_frames = true;
        if let Some(inflater) = &mut self.inflater {
            inflater.lose_history();
        }
        if let Some(assembly) = &mut self.assembly {
            assembly.message.cut_short = true;
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let inflater = self.inflater.as_ref();
        let assemblies = [&self.assembly, &self.spare].into_iter().flatten();
        let assemblies = assemblies.map(|assembly| size_of::<Assembly>() + assembly.heap_bytes());
        let frame = self.frame.as_ref();
        assemblies.sum::<usize>()
            + frame.map_or(0, |frame| {
                size_of::<CurrentFrame>() + frame.aside.capacity()
            })
            + inflater.map_or(0, |inflater| size_of::<Inflater>() + inflater.heap_bytes())
    }

    /// Takes the next event of the direction's decoder.
    pub fn push(
        &mut self,
        event: FrameEvent<'_>,
        limits: &Limits,
        emit: &mut impl FnMut(Received<'_>),
    ) {
        if self.over {
            return;
        }
        match event {
            FrameEvent::Whole { header, payload } => self.whole(header, payload, limits, emit),
            FrameEvent::Header(header) => {
                if let Some(compressed) = self.check(&header, emit) {
                    self.begin(header, compressed, emit);
                }
            }
            FrameEvent::Payload { bytes, position } => {
                self.payload(bytes, position, limits, emit);
            }
            FrameEvent::Missing(len) => self.missing(len, limits),
            FrameEvent::End => self.end(false, limits, emit),
            FrameEvent::OutOfStep => {
                let detail = "missing bytes hide where the next frame begins";
                emit(Received::Anomaly(Anomaly::new(Rule::OutOfStep, detail)));
                self.abandon_message(emit);
                self.miss_frames();
            }
            FrameEvent::InStep { skipped } => {
                if skipped > 0 {
                    let detail = format!("{skipped} bytes passed over");
                    emit(Received::Anomaly(Anomaly::new(Rule::InStepAgain, detail)));
                }
            }
        }
    }

    /// No more will come: tells of a frame and a message that have not ended.
    pub fn finish(&mut self, limits: &Limits, emit: &mut impl FnMut(Received<'_>)) {
        if self.frame.is_some() {
            if let Some(assembly) = &mut self.assembly {
                assembly.message.cut_short = true;
            }
            self.end(true, limits, emit);
        }
        self.abandon_message(emit);
    }

    /// Takes a frame that is there whole.
    fn whole(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
        limits: &Limits,
        emit: &mut impl FnMut(Received<'_>),
    ) {
        let Some(compressed) = self.check(&header, emit) else {
            return;
        };
        let begins_data = matches!(header.opcode, OpCode::Text | OpCode::Binary);
        let is_message = begins_data && header.fin && !compressed && self.assembly.is_none();
        let is_control = header.opcode.is_control();
        let has_room = header.masking_key.is_none() || payload.len() <= PIECE;
        if !(is_message || is_control) || !has_room {
            self.begin(header, compressed, emit);
            if !payload.is_empty() {
                self.payload(payload, 0, limits, emit);
            }
            self.end(false, limits, emit);
            return;
        }
        let direction = self.direction;
        let mut tell = |payload: &[u8]| {
            if is_message {
                tell_message(header, payload, limits, emit);
            } else {
                let payload = &payload[..payload.len().min(most_aside(limits))];
                let frame = Frame::whole(header, payload);
                tell_frame(&frame, direction, emit);
            }
        };
        match header.masking_key {
            None => tell(payload),
            Some(key) if payload.len() <= SMALL_PIECE => {
                tell(unmasked(payload, (key, 0), &mut [0; SMALL_PIECE]));
            }
            Some(key) => tell(unmasked(payload, (key, 0), &mut [0; PIECE])),
        }
    }

    /// Names the rules that a header breaks; says whether the frame begins a compressed
    /// message. `None` where it is no frame.
    fn check(&mut self, header: &FrameHeader, emit: &mut impl FnMut(Received<'_>)) -> Option<bool> {
        let mut found = |rule: Rule, detail: String| {
            emit(Received::Anomaly(Anomaly::new(rule, detail)));
        };
        if self.closed {
            self.over = !self.profile().believes(header);
            if !std::mem::replace(&mut self.told.after_close, true) {
                let detail = if self.over {
                    "bytes that are no frame after Close".to_owned()
                } else {
                    format!("{} frame after Close", header.opcode)
                };
                found(Rule::DataAfterClose, detail);
            }
            if self.over {
                return None;
            }
        }
        self.closed |= header.opcode == OpCode::Close;
        if let Some(key) = header.masking_key {
            // Empty payloads are masked with any key alike.
            if self.last_key == Some(key) && !self.told.repeated_key && header.payload_len > 0 {
                self.told.repeated_key = true;
                let [a, b, c, d] = key;
                let detail = format!("{a:02x}{b:02x}{c:02x}{d:02x} again; told once a direction");
                found(Rule::RepeatedMaskingKey, detail);
            }
            self.last_key = Some(key);
        }
        header.check(self.direction, &mut |anomaly| {
            emit(Received::Anomaly(anomaly));
        });
        Some(self.check_rsv(header, emit))
    }

    /// Begins a frame whose payload comes later, or is put together with that of others.
    fn begin(
        &mut self,
        header: FrameHeader,
        compressed: bool,
        emit: &mut impl FnMut(Received<'_>),
    ) {
        let belongs = match header.opcode {
            OpCode::Text | OpCode::Binary => {
                if self.assembly.is_some() {
                    let detail = format!("{} frame inside a fragmented message", header.opcode);
                    emit(Received::Anomaly(Anomaly::new(
                        Rule::InterleavedMessage,
                        detail,
                    )));
                    self.abandon_message(emit);
                }
                self.assembly = Some(match self.spare.take() {
                    None => Box::new(Assembly::new(&header, compressed)),
                    Some(mut spare) => {
                        spare.begin_again(&header, compressed);
                        spare
                    }
                });
                Belongs::ToMessage
            }
            OpCode::Continuation if self.assembly.is_some() => Belongs::ToMessage,
            OpCode::Continuation => {
                if !self.missed_frames {
                    let detail = "no message has begun";
                    emit(Received::Anomaly(Anomaly::new(
                        Rule::UnexpectedContinuation,
                        detail,
                    )));
                }
                Belongs::ToNone
            }
            _ => Belongs::ToNone,
        };
        self.frame = Some(Box::new(CurrentFrame {
            header,
            missing: 0,
            belongs,
            kept_from: match (belongs, &self.assembly) {
                (Belongs::ToMessage, Some(assembly)) => assembly.kept.len(),
                _ => 0,
            },
            aside: Vec::new(),
        }));
    }

    /// What a frame of this direction looks like.
    fn profile(&self) -> Profile {
        let rsv1 = self.extensions.deflate.is_some() || self.extensions.assumed;
        match self.direction {
            Direction::ClientToServer => Profile::for_client(rsv1),
            Direction::ServerToClient => Profile::for_server(rsv1),
        }
    }

    /// Names RSV bits that mean nothing here; says whether the frame begins a compressed
    /// message.
    fn check_rsv(&self, header: &FrameHeader, emit: &mut impl FnMut(Received<'_>)) -> bool {
        let deflate = self.extensions.deflate.is_some() || self.extensions.assumed;
        let begins_data = matches!(header.opcode, OpCode::Text | OpCode::Binary);
        if deflate && header.rsv1() && !begins_data {
            let rule = if header.opcode.is_control() {
                Rule::CompressedControlFrame
            } else {
                Rule::CompressedContinuation
            };
            let detail = format!("RSV1 on a {} frame", header.opcode);
            emit(Received::Anomaly(Anomaly::new(rule, detail)));
        }
        let defined = if deflate { FrameHeader::RSV1 } else { 0 };
        let undefined = header.rsv & !defined;
        if undefined != 0 && !self.extensions.others {
            let names: Vec<_> = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")]
                .into_iter()
                .filter(|(bit, _)| undefined & bit != 0)
                .map(|(_, name)| name)
                .collect();
            let detail = format!("{} without an extension that defines it", names.join(", "));
            emit(Received::Anomaly(Anomaly::new(Rule::ReservedBits, detail)));
        }
        deflate && header.rsv1() && begins_data
    }

    fn payload(
        &mut self,
        bytes: &[u8],
        position: u64,
        limits: &Limits,
        emit: &mut impl FnMut(Received<'_>),
    ) {
        let Some(frame) = &self.frame else { return };
        let belongs = frame.belongs;
        if let (Belongs::ToMessage, Some(assembly)) = (belongs, &mut self.assembly) {
            assembly.message.wire_length += bytes.len() as u64;
        }
        let Some(key) = frame.header.masking_key else {
            self.plain(belongs, bytes, limits, emit);
            return;
        };
        if let (Belongs::ToMessage, Some(assembly)) = (belongs, &mut self.assembly)
            && !assembly.message.compressed
            && assembly.take_masked(bytes, (key, position), limits, emit)
        {
            return;
        }
        if !self.looks_at_bytes(belongs, limits) {
            self.count_only(bytes.len());
            return;
        }
        if bytes.len() <= SMALL_PIECE {
            self.masked::<SMALL_PIECE>(belongs, bytes, (key, position), limits, emit);
        } else {
            self.masked::<PIECE>(belongs, bytes, (key, position), limits, emit);
        }
    }

    /// Takes payload bytes that are masked with a key from a position on, at most `N` at a
    /// time.
    fn masked<const N: usize>(
        &mut self,
        belongs: Belongs,
        bytes: &[u8],
        (key, mut position): ([u8; 4], u64),
        limits: &Limits,
        emit: &mut impl FnMut(Received<'_>),
    ) {
        let mut buffer = [0; N];
        for piece in bytes.chunks(N) {
            let unmasked = unmasked(piece, (key, position), &mut buffer);
            position += piece.len() as u64;
            self.plain(belongs, unmasked, limits, emit);
        }
    }

    /// Whether anything of the next payload bytes matters but their number.
    fn looks_at_bytes(&self, belongs: Belongs, limits: &Limits) -> bool {
        match (&self.assembly, belongs) {
            (Some(assembly), Belongs::ToMessage) => {
                let message = &assembly.message;
                let keeps = assembly.kept.has_room(limits.max_message_bytes);
                message.compressed || keeps || message.is_text()
            }
            _ => true,
        }
    }

    fn count_only(&mut self, len: usize) {
        if let Some(assembly) = &mut self.assembly {
            assembly.message.length += len as u64;
        }
    }

    /// Takes unmasked payload bytes.
    fn plain(
        &mut self,
        belongs: Belongs,
        bytes: &[u8],
        limits: &Limits,
        emit: &mut impl FnMut(Received<'_>),
    ) {
        let (Some(assembly), Belongs::ToMessage) = (&mut self.assembly, belongs) else {
            if let Some(frame) = self.frame.as_mut().filter(|frame| frame.missing == 0) {
                extend_up_to(&mut frame.aside, bytes, most_aside(limits));
            }
            return;
        };
        if !assembly.message.compressed {
            assembly.take(bytes, limits, emit);
            return;
        }
        if assembly.message.cut_short {
            return;
        }
        let inflater = inflater_of(&mut self.inflater, self.extensions, self.missed_frames);
        let result = inflater.push(bytes, &mut |piece| {
            assembly.take_inflated(piece, limits, emit)
        });
        self.inflate_result(result, limits, emit);
    }

    /// Ends what inflating began if it failed or reached the limit.
    fn inflate_result(
        &mut self,
        result: Result<(), InflateError>,
        limits: &Limits,
        emit: &mut impl FnMut(Received<'_>),
    ) {
        let (Some(assembly), Some(inflater)) = (&mut self.assembly, &mut self.inflater) else {
            return;
        };
        let message = &mut assembly.message;
        while let Some(breach) = inflater.take_breach() {
            emit(Received::Anomaly(broken_by(breach)));
        }
        let length = message.length;
        let anomaly = match result {
            Err(InflateError) => {
                let detail = format!("inflating fails after {length} bytes");
                Anomaly::new(Rule::InvalidDeflateData, detail)
            }
            Ok(()) if length > limits.max_inflated_bytes => {
                let detail = format!("more than {} bytes", limits.max_inflated_bytes);
                Anomaly::new(Rule::InflatedLimit, detail)
            }
            Ok(()) if !limits.allow_inflated(length, message.wire_length) => {
                let detail = format!("more than {} to 1", limits.max_inflated_ratio);
                Anomaly::new(Rule::InflatedLimit, detail)
            }
            Ok(()) => {
                self.told.history_missing &= inflater.is_history_missing();
                return;
            }
        };
        message.cut_short = true;
        inflater.lose_history();
        emit(Received::Anomaly(anomaly));
    }

    /// Says that a message refers to what was not captured. Until the window is known again
    /// it is so for message after message.
    fn tell_history(&mut self, emit: &mut impl FnMut(Received<'_>)) {
        let Some(assembly) = &self.assembly else {
            return;
        };
        let message = &assembly.message;
        let (unknown, length) = (message.unknown_length, message.length);
        let tells = message.compressed && unknown > 0;
        if tells && !std::mem::replace(&mut self.told.history_missing, true) {
            let detail =
                format!("{unknown} of {length} bytes repeat compressed data that was not captured");
            emit(Received::Anomaly(Anomaly::new(
                Rule::HistoryMissing,
                detail,
            )));
        }
    }

    fn missing(&mut self, len: u64, limits: &Limits) {
        let Some(frame) = &mut self.frame else { return };
        frame.missing += len;
        if let (Belongs::ToMessage, Some(assembly)) = (frame.belongs, &mut self.assembly) {
            let message = &mut assembly.message;
            message.missing += len;
            message.wire_length += len;
            if !message.compressed {
                assembly.take_unknown(len, limits);
            } else if !std::mem::replace(&mut message.cut_short, true) {
                inflater_of(&mut self.inflater, self.extensions, true).lose_history();
            }
        }
    }

    fn end(&mut self, cut_short: bool, limits: &Limits, emit: &mut impl FnMut(Received<'_>)) {
        let Some(frame) = self.frame.take() else {
            return;
        };
        let header = frame.header;
        let of_message = frame.belongs == Belongs::ToMessage;
        let last = of_message && header.fin && !cut_short;
        if last {
            self.finish_inflating(limits, emit);
        }
        let payload = match (frame.belongs, &self.assembly) {
            (Belongs::ToMessage, Some(assembly)) => assembly.kept.known_from(frame.kept_from),
            _ => &frame.aside,
        };
        let told = Frame {
            header,
            payload,
            missing: frame.missing,
            cut_short,
            ends_message: of_message && (last || cut_short),
        };
        tell_frame(&told, self.direction, emit);
        if let (true, Some(assembly)) = (of_message, &mut self.assembly) {
            assembly.message.frames += 1;
            assembly.message.last = header.fin.then_some(header);
        }
        if last {
            self.end_message(true, emit);
        }
    }

    fn finish_inflating(&mut self, limits: &Limits, emit: &mut impl FnMut(Received<'_>)) {
        let (Some(assembly), Some(inflater)) = (&mut self.assembly, &mut self.inflater) else {
            return;
        };
        let message = &assembly.message;
        if message.compressed && !message.cut_short {
            let result = inflater.finish();
            self.inflate_result(result, limits, emit);
        }
        self.tell_history(emit);
    }

    /// Tells of a message whose last frame will not come.
    fn abandon_message(&mut self, emit: &mut impl FnMut(Received<'_>)) {
        if let Some(assembly) = &mut self.assembly {
            let message = &mut assembly.message;
            message.cut_short = true;
            if let (true, Some(inflater)) = (message.compressed, &mut self.inflater) {
                inflater.lose_history();
            }
            self.tell_history(emit);
            self.end_message(false, emit);
        }
    }

    fn end_message(&mut self, ended: bool, emit: &mut impl FnMut(Received<'_>)) {
        let Some(mut assembly) = self.assembly.take() else {
            return;
        };
        assembly.message.check_end(ended, emit);
        emit(Received::Message(&assembly.told()));
        if self.inflater.is_some() && assembly.heap_bytes() <= IDLE_BUFFER {
            self.spare = Some(assembly);
        }
    }
}

/// Bytes that are kept of the payload of a control frame: all that it may have, even where
/// nobody wants to see payloads. Pings are matched with pongs, and a Close has a code.
fn most_aside(limits: &Limits) -> usize {
    limits.max_message_bytes.max(MAX_CONTROL_LEN)
}

fn tell_frame(frame: &Frame<'_>, sender: Direction, emit: &mut impl FnMut(Received<'_>)) {
    if frame.header.opcode == OpCode::Close {
        check_close(frame, sender, emit);
    }
    emit(Received::Frame(frame));
}

/// Tells a frame that is a message by itself, with its payload unmasked.
fn tell_message(
    header: FrameHeader,
    payload: &[u8],
    limits: &Limits,
    emit: &mut impl FnMut(Received<'_>),
) {
    let mut message = MessageInProgress::new(&header, false);
    message.wire_length = header.payload_len;
    message.check(payload, emit);
    let payload = &payload[..payload.len().min(limits.max_message_bytes)];
    emit(Received::Frame(&Frame {
        ends_message: true,
        ..Frame::whole(header, payload)
    }));
    message.frames = 1;
    message.last = Some(header);
    message.check_end(true, emit);
    emit(Received::Message(&message.told(payload)));
}

/// Payload bytes without their mask, a key from a position on, in a buffer that has room for
/// them.
fn unmasked<'b>(bytes: &[u8], (key, position): ([u8; 4], u64), buffer: &'b mut [u8]) -> &'b [u8] {
    let unmasked = &mut buffer[..bytes.len()];
    unmasked.copy_from_slice(bytes);
    unmask(unmasked, key, position);
    unmasked
}

/// The direction's inflater, made for its first compressed message.
fn inflater_of(
    inflater: &mut Option<Box<Inflater>>,
    extensions: Extensions,
    history_missing: bool,
) -> &mut Inflater {
    inflater.get_or_insert_with(|| {
        let mut inflater = Inflater::new(extensions.deflate.unwrap_or_default());
        if history_missing {
            inflater.lose_history();
        }
        Box::new(inflater)
    })
}

/// The rule that compressed data breaks.
fn broken_by(breach: Breach) -> Anomaly {
    match breach {
        Breach::Tail => Anomaly::new(Rule::DeflateTail, "the message ends with 00 00 ff ff"),
        Breach::ContextTakenOver => Anomaly::new(
            Rule::ContextTakenOver,
            "inflated with the window of the messages before it, as all that follow; told once \
             a direction",
        ),
        Breach::WindowExceeded { distance, window } => Anomaly::new(
            Rule::WindowExceeded,
            format!("{distance} bytes back, the window has {window}; told once a direction"),
        ),
    }
}

/// Names the rules that the body of a Close frame breaks (RFC 6455 §5.5.1, §7.4).
fn check_close(frame: &Frame<'_>, sender: Direction, emit: &mut impl FnMut(Received<'_>)) {
    let mut found = |rule, detail: String| emit(Received::Anomaly(Anomaly::new(rule, detail)));
    if frame.header.payload_len == 1 {
        found(Rule::CloseBodyTooShort, "1 byte".to_owned());
    }
    let Some((code, reason)) = frame.close() else {
        return;
    };
    if !code.may_be_sent() {
        found(
            Rule::InvalidCloseCode,
            format!("{} {}", code.0, code.name()),
        );
    }
    if code == CloseCode::MANDATORY_EXTENSION && sender == Direction::ServerToClient {
        let detail = format!("{} {} from the server", code.0, code.name());
        found(Rule::CloseCodeOfClient, detail);
    }
    let whole = frame.missing == 0 && !frame.cut_short;
    if let (true, Err(error)) = (whole, str::from_utf8(reason)) {
        let detail = format!("at byte {} of the reason", error.valid_up_to());
        found(Rule::InvalidCloseReason, detail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{GapCause, StreamItem};
    use crate::time::Moment;
    use crate::ws::{Agreement, DeflateParameters, Session, SessionItem, Start};

    /// Feeds a server's bytes in pieces of `size`, `None` for a gap of 4 bytes; one line per
    /// frame, message and anomaly.
    fn lines(agreement: &Agreement, items: &[Option<&[u8]>], size: usize) -> Vec<String> {
        let limits = Limits {
            max_message_bytes: 30,
            max_inflated_bytes: 40,
            ..Limits::default()
        };
        let direction = Direction::ServerToClient;
        let mut session = Session::new(Some(agreement), [Start::InStep; 2], &limits);
        let mut lines = Vec::new();
        let mut tell = |item: SessionItem<'_>| {
            lines.push(match item {
                SessionItem::Anomaly(anomaly) => format!("! {}", anomaly.rule.name()),
                SessionItem::PingForgotten => "ping forgotten".to_owned(),
                SessionItem::Frame { frame, .. } => {
                    let payload = frame.payload.escape_ascii();
                    let mark = if frame.cut_short { " cut short" } else { "" };
                    format!("{} \"{payload}\"{mark}", frame.header.opcode)
                }
                SessionItem::Message(message) => {
                    let payload = message.payload.escape_ascii();
                    let whole = if message.complete { "whole" } else { "part" };
                    let (opcode, length) = (message.opcode, message.length);
                    format!(
                        "= {opcode} {whole} {length} in {}: \"{payload}\"",
                        message.frames
                    )
                }
            });
        };
        for item in items {
            let items: Vec<_> = match item {
                Some(bytes) => bytes.chunks(size).map(StreamItem::Chunk).collect(),
                None => vec![StreamItem::Gap {
                    len: 4,
                    cause: GapCause::NotCaptured,
                }],
            };
            for item in items {
                session.push(direction, item, Moment::default(), &limits, &mut tell);
            }
        }
        session.finish(direction, Moment::default(), &limits, &mut tell);
        lines
    }

    fn check(agreement: &Agreement, items: &[Option<&[u8]>], expected: &[&str]) {
        for size in [1, 3, 1000] {
            assert_eq!(lines(agreement, items, size), expected, "pieces of {size}");
        }
    }

    fn plain() -> Agreement {
        Agreement::default()
    }

    fn deflate() -> Agreement {
        Agreement {
            deflate: Some(DeflateParameters::default()),
            extensions: vec!["permessage-deflate".to_owned()],
            ..Agreement::default()
        }
    }

    #[test]
    fn fragments_are_one_message_with_control_frames_between() {
        check(
            &plain(),
            &[Some(b"\x01\x02he\x89\x01p\x00\x02ll\x80\x01o\x82\x00")],
            &[
                "Text \"he\"",
                "Ping \"p\"",
                "Continuation \"ll\"",
                "Continuation \"o\"",
                "= Text whole 5 in 3: \"hello\"",
                "Binary \"\"",
                "= Binary whole 0 in 1: \"\"",
            ],
        );
    }

    #[test]
    fn fragments_out_of_order_are_named_and_told() {
        check(
            &plain(),
            &[Some(b"\x80\x01a\x01\x01b\x82\x01c\x80\x01d")],
            &[
                "! unexpected-continuation",
                "Continuation \"a\"",
                "Text \"b\"",
                "! interleaved-message",
                "= Text part 1 in 1: \"b\"",
                "Binary \"c\"",
                "= Binary whole 1 in 1: \"c\"",
                "! unexpected-continuation",
                "Continuation \"d\"",
            ],
        );
    }

    #[test]
    fn text_is_checked_across_fragments() {
        let euro = "€".as_bytes();
        let cut = [&[0x01, 1, euro[0]], &[0x80, 2, euro[1], euro[2]][..]].concat();
        let lines = lines(&plain(), &[Some(&cut)], 1000);
        assert_eq!(
            lines.last().map(String::as_str),
            Some("= Text whole 3 in 2: \"\\xe2\\x82\\xac\"")
        );
        check(
            &plain(),
            &[Some(b"\x81\x02\xe2\x82")],
            &[
                "Text \"\\xe2\\x82\"",
                "! invalid-utf8",
                "= Text whole 2 in 1: \"\\xe2\\x82\"",
            ],
        );
    }

    #[test]
    fn more_than_the_limit_is_counted_and_not_kept() {
        check(
            &plain(),
            &[Some(b"\x81\x21abcdefghijklmnopqrstuvwxyz0123456")],
            &[
                "Text \"abcdefghijklmnopqrstuvwxyz0123\"",
                "= Text whole 33 in 1: \"abcdefghijklmnopqrstuvwxyz0123\"",
            ],
        );
    }

    #[test]
    fn a_gap_inside_a_message_is_marked() {
        check(
            &plain(),
            &[Some(b"\x81\x08ab"), None, Some(b"gh\x81\x01z")],
            &[
                "Text \"ab\"",
                "= Text part 8 in 1: \"ab????gh\"",
                "Text \"z\"",
                "= Text whole 1 in 1: \"z\"",
            ],
        );
    }

    /// "Hello" (RFC 7692 §7.2.3.1), and again by reference to it (§7.2.3.2).
    const HELLO: &[u8] = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    const AGAIN: &[u8] = b"\xc1\x05\xf2\x00\x11\x00\x00";

    #[test]
    fn after_missing_bytes_a_compressed_message_is_told_with_what_is_known_of_it() {
        check(
            &deflate(),
            &[
                Some(HELLO),
                Some(b"\xc1\x04"),
                None,
                Some(AGAIN),
                Some(AGAIN),
                Some(HELLO),
                Some(AGAIN),
            ],
            &[
                "Text \"Hello\"",
                "= Text whole 5 in 1: \"Hello\"",
                "Text \"\"",
                "= Text part 0 in 1: \"\"",
                "! history-missing",
                "Text \"H\"",
                "= Text part 5 in 1: \"H????\"",
                "Text \"H\"",
                "= Text part 5 in 1: \"H????\"",
                "Text \"Hello\"",
                "= Text whole 5 in 1: \"Hello\"",
                "Text \"Hello\"",
                "= Text whole 5 in 1: \"Hello\"",
            ],
        );
    }

    #[test]
    fn a_message_that_inflates_beyond_the_limit_is_cut() {
        let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
        let mut frame = Vec::with_capacity(100);
        let sync = flate2::FlushCompress::Sync;
        assert!(compress.compress_vec(&[b'x'; 50], &mut frame, sync).is_ok());
        frame.truncate(frame.len() - 4);
        let len = u8::try_from(frame.len()).unwrap_or_default();
        frame.splice(0..0, [0xc1, len]);
        let lines = lines(&deflate(), &[Some(&frame), Some(b"\x81\x01z")], 1000);
        assert_eq!(
            lines,
            [
                "! inflated-limit",
                "Text \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
                "= Text part 50 in 1: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
                "Text \"z\"",
                "= Text whole 1 in 1: \"z\"",
            ]
        );
    }

    #[test]
    fn reserved_bits_are_named_unless_an_extension_defines_them() {
        check(
            &plain(),
            &[Some(HELLO)],
            &[
                "! reserved-bits",
                "Text \"\\xf2H\\xcd\\xc9\\xc9\\x07\\x00\"",
                "= Text whole 7 in 1: \"\\xf2H\\xcd\\xc9\\xc9\\x07\\x00\"",
            ],
        );
        check(
            &deflate(),
            &[Some(b"\xc9\x00\xb9\x00")],
            &[
                "! compressed-control-frame",
                "Ping \"\"",
                "! reserved-bits",
                "Ping \"\"",
            ],
        );
    }

    #[test]
    fn after_a_close_frames_are_told_and_other_bytes_are_not() {
        check(
            &plain(),
            &[Some(
                b"\x88\x02\x03\xe8\x81\x01a\x81\x01bHTTP/1.1 400 \r\n\r\n",
            )],
            &[
                "Close \"\\x03\\xe8\"",
                "! data-after-close",
                "Text \"a\"",
                "= Text whole 1 in 1: \"a\"",
                "Text \"b\"",
                "= Text whole 1 in 1: \"b\"",
            ],
        );
    }

    #[test]
    fn a_frame_that_is_cut_short_is_told_at_the_end() {
        check(
            &plain(),
            &[Some(b"\x81\x05abc")],
            &["Text \"abc\" cut short", "= Text part 3 in 1: \"abc\""],
        );
    }
}

//! Target `ws`: both directions of a conversation behind its opening handshake.
//!
//! # Input
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 1 | agreement (bits 0 and 1): not captured, no extension, permessage-deflate, the same without context takeover; where the client (bits 2 and 3) and the server (bits 4 and 5) begin: as [`Start`]; small limits (bit 6); what is in step is so perhaps (bit 7) |
//! | 1 | window bits, 8 to 15, of the client (bits 0 to 2) and of the server (bits 3 to 5) |
//! | 1 | how chunks are cut the second time, see [`pieces`] |
//! | parts | who sends (bit 0), a gap (bit 1), milliseconds since the part before (bits 2 to 7); bytes, or the length of a gap in 4 bytes |
//!
//! # What has to hold
//!
//! - A direction's headers, payloads, missing and skipped bytes add up to what was fed.
//! - However chunks are cut, the same is told, as long as both directions stay in step: what
//!   is found after that depends on where segments begin, and has to. Nor is it compared how
//!   far beyond the limit a message was inflated: to the end of what the inflater gives at
//!   once.
//! - Without compression, the payload of a frame is what was sent, unmasked.
//! - What is held is bounded by the limits.

use wsdump::Limits;
use wsdump::anomaly::Rule;
use wsdump::flow::{Direction, GapCause, StreamItem};
use wsdump::time::{Moment, Timestamp};
use wsdump::ws::{
    Agreement, DeflateParameters, Frame, FrameDecoder, FrameEvent, Message, Profile, Seeker,
    Session, SessionItem, Start, Text, unmask,
};

use crate::input::{Bytes, Parts, pieces};

/// A part of the input: a chunk or a gap of one direction.
struct Step<'a> {
    direction: Direction,
    item: StreamItem<'a>,
    at: Moment,
}

/// How the session is set up.
struct Setup {
    agreement: Option<Agreement>,
    starts: [Start; 2],
    limits: Limits,
    cut: u8,
}

/// What a session told, in an order that does not depend on how chunks are cut.
#[derive(Debug, Default, PartialEq)]
struct Told {
    items: Vec<String>,
    /// Frames of each direction.
    frames: [Vec<Sent>; 2],
    /// Out of step, or beyond the limit of inflating.
    depends_on_cuts: bool,
}

/// A frame as it is told.
#[derive(Debug, PartialEq)]
struct Sent {
    header_len: u64,
    payload_len: u64,
    payload: Vec<u8>,
    missing: u64,
    cut_short: bool,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let setup = Setup::read(&mut bytes);
    let steps = steps(bytes);
    for direction in Direction::BOTH {
        count(&setup, &steps, direction);
    }
    let told = tell(&setup, &steps, None);
    let again = tell(&setup, &steps, Some(setup.cut));
    if !told.depends_on_cuts && setup.is_in_step() {
        assert_eq!(told, again, "the cuts change what is told");
    }
    if setup.is_in_step()
        && setup
            .agreement
            .as_ref()
            .is_some_and(|a| a.deflate.is_none())
    {
        for direction in Direction::BOTH {
            compare(&setup, &steps, direction, &told.frames[direction.index()]);
        }
    }
}

impl Setup {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let flags = bytes.u8();
        let bits = bytes.u8();
        let start = |bits: u8| match bits & 3 {
            0 if flags & 0x80 != 0 => Start::PerhapsInStep,
            0 => Start::InStep,
            1 => Start::InMidStream,
            2 => Start::AfterCutHead,
            _ => Start::OutOfStep,
        };
        let parameters = |no_context_takeover| DeflateParameters {
            server_no_context_takeover: no_context_takeover,
            client_no_context_takeover: no_context_takeover,
            server_max_window_bits: 8 + (bits >> 3 & 7),
            client_max_window_bits: 8 + (bits & 7),
        };
        let deflate = match flags & 3 {
            0 | 1 => None,
            2 => Some(parameters(false)),
            _ => Some(parameters(true)),
        };
        let agreement = Agreement {
            extensions: deflate
                .iter()
                .map(|_| "permessage-deflate".to_owned())
                .collect(),
            deflate,
            ..Agreement::default()
        };
        let small = Limits {
            max_message_bytes: 64,
            max_inflated_bytes: 1 << 10,
            max_pending_pings: 2,
            max_search_bytes: 1 << 10,
            ..Limits::default()
        };
        let usual = Limits {
            max_message_bytes: 256 << 10,
            max_inflated_bytes: 1 << 20,
            ..Limits::default()
        };
        Self {
            agreement: (flags & 3 != 0).then_some(agreement),
            starts: [start(flags >> 2), start(flags >> 4)],
            limits: if flags & 0x40 == 0 { usual } else { small },
            cut: bytes.u8(),
        }
    }

    fn is_in_step(&self) -> bool {
        let in_step = |start: &Start| matches!(start, Start::InStep | Start::InMidStream);
        self.starts.iter().all(in_step)
    }
}

fn steps(bytes: Bytes<'_>) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut at = Moment::default();
    for (tag, mut part) in Parts(bytes) {
        let direction = match tag & 1 {
            0 => Direction::ClientToServer,
            _ => Direction::ServerToClient,
        };
        at.packet += 1;
        at.time = Timestamp(at.time.0 + u64::from(tag >> 2) * 1_000_000);
        let item = if tag & 2 != 0 {
            StreamItem::Gap {
                len: part.number(4) + 1,
                cause: GapCause::NotCaptured,
            }
        } else if part.0.is_empty() {
            continue;
        } else {
            StreamItem::Chunk(part.0)
        };
        steps.push(Step {
            direction,
            item,
            at,
        });
    }
    steps
}

/// Runs a session; chunks are cut as `cut` says.
fn tell(setup: &Setup, steps: &[Step<'_>], cut: Option<u8>) -> Told {
    let limits = &setup.limits;
    let mut session = Session::new(setup.agreement.as_ref(), setup.starts, limits);
    let mut told = Told::default();
    for Step {
        direction,
        item,
        at,
    } in steps
    {
        let mut push = |item| {
            session.push(*direction, item, *at, limits, &mut |found| {
                told.take(*direction, found, limits);
            });
            assert!(session.heap_bytes() <= bound(limits), "too much is held");
        };
        match (*item, cut) {
            (StreamItem::Chunk(bytes), Some(seed)) => {
                pieces(bytes, seed).map(StreamItem::Chunk).for_each(push);
            }
            (item, _) => push(item),
        }
    }
    let at = steps.last().map(|step| step.at).unwrap_or_default();
    for direction in Direction::BOTH {
        session.finish(direction, at, limits, &mut |found| {
            told.take(direction, found, limits);
        });
    }
    told
}

/// What a session may hold: in each direction what is kept of a message and of a frame of
/// none, what is searched, pings, an inflater, and a piece that is unmasked. Vectors may be
/// twice as large as what is in them.
fn bound(limits: &Limits) -> usize {
    const INFLATER: usize = 384 << 10;
    let pings = limits.max_pending_pings * 200;
    let kept = limits.max_message_bytes.max(125);
    2 * (2 * (2 * kept + limits.max_search_bytes + pings) + INFLATER)
}

impl Told {
    fn take(&mut self, direction: Direction, item: SessionItem<'_>, limits: &Limits) {
        match item {
            SessionItem::Frame { frame, answers } => {
                assert!(frame.payload.len() <= limits.max_message_bytes.max(125));
                assert!(frame.missing <= frame.header.payload_len);
                self.frames[direction.index()].push(Sent::from(frame));
                let header = frame.header;
                self.items
                    .push(format!("{direction:?} {header:?} {answers:?}"));
            }
            SessionItem::Message(message) => {
                check_message(message, limits);
                let (text, payload) = (message.text(), message.payload);
                let message = Message {
                    payload: &[],
                    ..*message
                };
                let text = text.map(str::len);
                self.items
                    .push(format!("{direction:?} {message:?} {text:?} {payload:02x?}"));
            }
            SessionItem::PingForgotten => {
                self.items
                    .push(format!("{direction:?} a ping is forgotten"));
            }
            SessionItem::Anomaly(anomaly) => {
                let depends = [Rule::OutOfStep, Rule::InflatedLimit].contains(&anomaly.rule);
                self.depends_on_cuts |= depends;
                self.items.push(format!("{direction:?} {anomaly:?}"));
            }
        }
    }
}

fn check_message(message: &Message<'_>, limits: &Limits) {
    assert!(message.payload.len() <= limits.max_message_bytes);
    assert!(
        message.payload.len() as u64 <= message.length,
        "{message:?}"
    );
    assert!(message.missing <= message.wire_length, "{message:?}");
    if message.complete {
        assert_eq!(message.missing, 0, "complete, and bytes are missing");
        assert_eq!(message.unknown_length, 0, "complete, and bytes are unknown");
        assert!(!message.cut_short, "complete, and cut short");
        if message.length <= limits.max_message_bytes as u64 {
            assert_eq!(message.payload.len() as u64, message.length);
            let is_text = std::str::from_utf8(message.payload).is_ok();
            match message.text {
                Text::No => {}
                Text::Valid => assert!(is_text, "valid text is not"),
                Text::Invalid => assert!(!is_text, "invalid text is valid"),
            }
        }
    }
    if !message.compressed {
        assert_eq!(message.length, message.wire_length, "{message:?}");
    }
    check_unknown(message);
}

fn check_unknown(message: &Message<'_>) {
    let mut at = 0;
    let mut length = 0;
    for (number, range) in message.unknown.iter().enumerate() {
        let is_apart = range.start > at || number == 0;
        assert!(is_apart && range.end > range.start, "{message:?}");
        let bytes = &message.payload[range.clone()];
        assert!(bytes.iter().all(|byte| *byte == b'?'), "{message:?}");
        length += range.len() as u64;
        at = range.end;
    }
    assert!(length <= message.unknown_length, "{message:?}");
    assert!(message.unknown_length <= message.length, "{message:?}");
}

impl From<&Frame<'_>> for Sent {
    fn from(frame: &Frame<'_>) -> Self {
        Self {
            header_len: frame.header.header_len().into(),
            payload_len: frame.header.payload_len,
            payload: frame.payload.to_vec(),
            missing: frame.missing,
            cut_short: frame.cut_short,
        }
    }
}

/// Whether all of a direction is accounted for: as a header, a payload, missing or skipped.
fn count(setup: &Setup, steps: &[Step<'_>], direction: Direction) {
    let rsv1 = setup.agreement.as_ref().is_none_or(|a| a.deflate.is_some());
    let profile = Profile {
        max_bytes: setup.limits.max_search_bytes,
        ..match direction {
            Direction::ClientToServer => Profile::for_client(rsv1),
            Direction::ServerToClient => Profile::for_server(rsv1),
        }
    };
    let mut decoder = match setup.starts[direction.index()] {
        Start::InStep | Start::InMidStream => FrameDecoder::new(profile),
        Start::PerhapsInStep => FrameDecoder::in_doubt(profile),
        Start::AfterCutHead => FrameDecoder::seeking(profile, Seeker::favouring_start(profile)),
        Start::OutOfStep => FrameDecoder::seeking(profile, Seeker::new(profile)),
    };
    let mut in_step = setup.is_in_step();
    let (mut fed, mut told) = (0_u64, 0_u64);
    // What is left of the payload that has begun.
    let mut left: Option<u64> = None;
    for step in steps.iter().filter(|step| step.direction == direction) {
        fed += match step.item {
            StreamItem::Chunk(bytes) => bytes.len() as u64,
            StreamItem::Gap { len, .. } => len,
        };
        decoder.push(step.item, &mut |event| match event {
            FrameEvent::Whole { header, payload } => {
                assert_eq!(left, None, "a frame inside a frame");
                assert_eq!(header.payload_len, payload.len() as u64);
                told += u64::from(header.header_len()) + header.payload_len;
            }
            FrameEvent::Header(header) => {
                assert_eq!(left, None, "a header inside a frame");
                left = Some(header.payload_len);
                told += u64::from(header.header_len());
            }
            FrameEvent::Payload { bytes, .. } => {
                assert!(!bytes.is_empty());
                let len = bytes.len() as u64;
                left = left.map(|left| left - len);
                told += len;
            }
            FrameEvent::Missing(len) => {
                left = left.map(|left| left - len);
                told += len;
            }
            FrameEvent::End => {
                assert_eq!(left, Some(0), "a frame ends before its payload");
                left = None;
            }
            FrameEvent::OutOfStep => {
                assert_eq!(left, None, "out of step inside a frame");
                in_step = false;
            }
            FrameEvent::InStep { skipped } => {
                told += skipped;
                in_step = true;
            }
        });
        assert!(told <= fed, "{told} bytes are told, {fed} were there");
        // All but the start of a header.
        assert!(
            !in_step || fed - told < 14,
            "{told} of {fed} bytes are told"
        );
        assert!(decoder.heap_bytes() <= bound(&setup.limits));
    }
}

/// Whether frames hold what was sent. Ends where bytes are missing.
fn compare(setup: &Setup, steps: &[Step<'_>], direction: Direction, frames: &[Sent]) {
    let chunks = steps
        .iter()
        .filter(|step| step.direction == direction)
        .map_while(|step| match step.item {
            StreamItem::Chunk(bytes) => Some(bytes),
            StreamItem::Gap { .. } => None,
        });
    let stream = chunks.collect::<Vec<_>>().concat();
    let mut rest = &stream[..];
    for frame in frames {
        let header_len = usize::try_from(frame.header_len).unwrap_or(usize::MAX);
        let Some((header, behind)) = rest.split_at_checked(header_len) else {
            return;
        };
        let len = usize::try_from(frame.payload_len).unwrap_or(usize::MAX);
        let mut payload = behind[..len.min(behind.len())].to_vec();
        rest = &behind[payload.len()..];
        if header[1] & 0x80 != 0
            && let Some(key) = header.last_chunk::<4>()
        {
            unmask(&mut payload, *key, 0);
        }
        assert!(payload.starts_with(&frame.payload), "not what was sent");
        let is_whole = frame.missing == 0 && !frame.cut_short;
        let is_kept = stream.len() <= setup.limits.max_message_bytes;
        assert!(
            !is_whole || !is_kept || payload.len() == frame.payload.len(),
            "{} bytes of {}",
            frame.payload.len(),
            payload.len()
        );
    }
}

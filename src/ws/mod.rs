//! WebSocket for an observer (RFC 6455, RFC 7692).
//!
//! [`handshake`] reads the opening handshake from two HTTP heads. After it, a [`Session`]
//! takes the bytes of both directions and gives frames, messages and the rules they break.
//! An observer differs from an endpoint: it never closes the connection, so everything is
//! decoded as far as it goes, and it may have missed bytes, so that it must know when it
//! does not know.

mod accept;
mod assembly;
mod code;
mod decoder;
mod deflate;
mod distance;
mod extension;
mod frame;
pub mod handshake;
mod inflater;
mod kept;
mod message;
mod pieces;
mod pings;
mod profile;
mod receiver;
mod resync;
mod utf8;

use std::time::Duration;

use crate::anomaly::Anomaly;
use crate::flow::{Direction, StreamItem};
use crate::limits::Limits;
use crate::time::Moment;

use pings::Pings;

pub use accept::accept_for;
pub use code::{CloseCode, OpCode};
pub use decoder::{FrameDecoder, FrameEvent};
pub use deflate::{DeflateParameters, Window};
pub use frame::{Decoded, FrameHeader, MAX_CONTROL_LEN, unmask};
pub use handshake::Agreement;
pub use inflater::{Breach, InflateError, Inflated, Inflater};
pub use message::{Frame, Message, Received, Text};
pub use pieces::Piece;
pub use profile::Profile;
pub use receiver::{Extensions, Receiver};
pub use resync::{Found, Seeker};
pub use utf8::Utf8Checker;

/// What a [`Session`] finds.
#[derive(Debug)]
pub enum SessionItem<'a> {
    /// A frame.
    Frame {
        /// The frame.
        frame: &'a Frame<'a>,
        /// For a Pong: whether it answers a Ping.
        answers: Answer,
    },
    /// A data message; it follows its last frame.
    Message(&'a Message<'a>),
    /// A rule broken.
    Anomaly(Anomaly),
    /// A Ping will not find its Pong, because too many wait:
    /// [`Limits::max_pending_pings`](crate::Limits).
    PingForgotten,
}

/// How a Pong stands to the Pings before it (RFC 6455 §5.5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Not a Pong.
    No,
    /// Sent without a Ping, which is allowed.
    Unsolicited,
    /// The Ping with the same payload was sent this long before.
    Ping(Duration),
}

/// Both directions of a connection after the opening handshake.
#[derive(Debug)]
pub struct Session {
    ways: [Way; 2],
    pings: Pings,
    /// What `ways` take. A push brings it up to date without a look at the other direction,
    /// which is far from every cache where connections are many.
    heap_bytes: usize,
}

/// One direction.
#[derive(Debug)]
struct Way {
    decoder: FrameDecoder,
    receiver: Receiver,
}

/// Where a session's bytes begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first byte after the opening handshake.
    InStep,
    /// The same, if the opening handshake succeeded: its answer was not captured.
    PerhapsInStep,
    /// At a frame header, with frames before it missing.
    InMidStream,
    /// Behind a head whose end was not captured, so most likely at a frame header.
    AfterCutHead,
    /// Anywhere.
    OutOfStep,
}

impl Session {
    /// A session whose two directions begin as said: client's first.
    ///
    /// `agreement` is `None` when the response was not captured.
    pub fn new(agreement: Option<&Agreement>, starts: [Start; 2], limits: &Limits) -> Self {
        let way = |direction: Direction| {
            let deflate = agreement.and_then(|agreement| agreement.deflate);
            let extensions = Extensions {
                deflate: deflate.map(|deflate| deflate.window(direction)),
                others: agreement.is_some_and(|agreement| {
                    agreement.extensions.len() > usize::from(deflate.is_some())
                }),
                assumed: agreement.is_none(),
            };
            let rsv1 = deflate.is_some() || agreement.is_none();
            let profile = Profile {
                max_bytes: limits.max_search_bytes,
                ..match direction {
                    Direction::ClientToServer => Profile::for_client(rsv1),
                    Direction::ServerToClient => Profile::for_server(rsv1),
                }
            };
            let mut receiver = Receiver::new(direction, extensions);
            let decoder = match starts[direction.index()] {
                Start::InStep => FrameDecoder::new(profile),
                Start::PerhapsInStep => FrameDecoder::in_doubt(profile),
                Start::InMidStream => {
                    receiver.miss_frames();
                    FrameDecoder::new(profile)
                }
                Start::AfterCutHead => {
                    receiver.miss_frames();
                    FrameDecoder::seeking(profile, Seeker::favouring_start(profile))
                }
                Start::OutOfStep => {
                    receiver.miss_frames();
                    FrameDecoder::seeking(profile, Seeker::new(profile))
                }
            };
            Way { decoder, receiver }
        };
        let mut session = Self {
            ways: [
                way(Direction::ClientToServer),
                way(Direction::ServerToClient),
            ],
            pings: Pings::default(),
            heap_bytes: 0,
        };
        session.heap_bytes = session.ways.iter().map(Way::heap_bytes).sum();
        session
    }

    /// Bytes on the heap, with room for the longest payload in each place for a Ping.
    pub fn heap_bytes(&self) -> usize {
        self.heap_bytes + self.pings.heap_bytes()
    }

    /// Takes the next bytes or gap of one direction.
    pub fn push(
        &mut self,
        direction: Direction,
        item: StreamItem<'_>,
        at: Moment,
        limits: &Limits,
        emit: &mut impl FnMut(SessionItem<'_>),
    ) {
        let own = &mut self.ways[direction.index()];
        self.heap_bytes -= own.heap_bytes();
        let pings = &mut self.pings;
        let Way { decoder, receiver } = own;
        decoder.push(item, &mut |event| {
            receiver.push(event, limits, &mut |received| {
                told(received, direction, pings, at, limits, emit);
            });
        });
        self.heap_bytes += own.heap_bytes();
    }

    /// No more of one direction will come.
    pub fn finish(
        &mut self,
        direction: Direction,
        at: Moment,
        limits: &Limits,
        emit: &mut impl FnMut(SessionItem<'_>),
    ) {
        let own = &mut self.ways[direction.index()];
        self.heap_bytes -= own.heap_bytes();
        let pings = &mut self.pings;
        own.receiver.finish(limits, &mut |received| {
            told(received, direction, pings, at, limits, emit);
        });
        self.heap_bytes += own.heap_bytes();
    }
}

impl Way {
    fn heap_bytes(&self) -> usize {
        self.decoder.heap_bytes() + self.receiver.heap_bytes()
    }
}

/// Adds to what a receiver found what only both directions together tell.
fn told(
    received: Received<'_>,
    direction: Direction,
    pings: &mut Pings,
    at: Moment,
    limits: &Limits,
    emit: &mut impl FnMut(SessionItem<'_>),
) {
    let frame = match received {
        Received::Frame(frame) => frame,
        Received::Message(message) => return emit(SessionItem::Message(message)),
        Received::Anomaly(anomaly) => return emit(SessionItem::Anomaly(anomaly)),
    };
    let mut answers = Answer::No;
    if frame.header.opcode == OpCode::Ping
        && pings.sent(direction, frame, at.time, limits.max_pending_pings)
    {
        emit(SessionItem::PingForgotten);
    }
    if frame.header.opcode == OpCode::Pong {
        answers = match pings.answered(direction, frame) {
            Some(sent) => Answer::Ping(at.time.saturating_since(sent)),
            None => Answer::Unsolicited,
        };
    }
    emit(SessionItem::Frame { frame, answers });
}

//! TCP connections: which segment belongs to which, and what each says in order.
//!
//! A [`FlowTable`] takes segments and tells a [`FlowSink`], per connection, the facts
//! of TCP (handshake, retransmissions, close) as [`TcpEvent`]s, and the bytes of either
//! side as [`StreamItem`]s. It does not know what the bytes mean. The sink attaches
//! a state of its own to each flow, so that nobody looks a flow up twice.
//!
//! Who is client and who is server is not decided here, because TCP alone cannot
//! always tell: the two ends are [`Side::A`], which sent the first captured packet,
//! and [`Side::B`].

mod assembler;
mod ends;
mod recent;
mod table;
mod tracker;
mod waiting;

use std::net::SocketAddr;
use std::time::Duration;

use crate::anomaly::Anomaly;
use crate::time::Moment;
use crate::wire::TcpFlags;

pub use assembler::{GapCause, StreamItem};
pub use table::FlowTable;

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that sent the first captured packet.
    A,
    /// The other end.
    B,
}

impl Side {
    /// The other end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// 0 for A, 1 for B: an index into pairs.
    pub fn index(self) -> usize {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }
}

/// Which way bytes went, once it is known which end is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Sent by the client.
    ClientToServer,
    /// Sent by the server.
    ServerToClient,
}

impl Direction {
    /// Both, the client's first.
    pub const BOTH: [Self; 2] = [Self::ClientToServer, Self::ServerToClient];

    /// The other way.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::ClientToServer => Self::ServerToClient,
            Self::ServerToClient => Self::ClientToServer,
        }
    }

    /// Who sends that way: `client` or `server`.
    pub fn sender(self) -> &'static str {
        match self {
            Self::ClientToServer => "client",
            Self::ServerToClient => "server",
        }
    }

    /// 0 for what the client sent, 1 for the server: an index into pairs.
    pub fn index(self) -> usize {
        match self {
            Self::ClientToServer => 0,
            Self::ServerToClient => 1,
        }
    }
}

/// What is known of a flow as a whole.
#[derive(Clone, Debug)]
pub struct FlowInfo {
    /// Number of the TCP connection in the capture, from 1, in order of first packet.
    pub number: u64,
    /// The two ends, [`Side::A`] first.
    pub endpoints: [SocketAddr; 2],
    /// The first captured packet.
    pub first: Moment,
    /// The last captured packet.
    pub last: Moment,
    /// Who sent the first SYN without ACK, or is the addressee of a SYN with ACK: the
    /// side that opened the connection. `None` when the start was not captured.
    pub opener: Option<Side>,
    /// Time from the first SYN to the acknowledgment that completed the handshake.
    pub handshake: Option<Duration>,
    /// How the connection ended, as far as it has.
    pub end: TcpEnd,
    /// Whether any packet that the side sent was captured.
    pub captured: [bool; 2],
    /// Segments with data of each side, until the connection ended.
    pub segments: [Segments; 2],
}

/// How many segments with data a side sent. Keep-alives, probes of a closed window and
/// packets that were captured twice do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// All of them.
    pub sent: u64,
    /// Those whose bytes were captured before.
    pub retransmitted: u64,
}

/// How a TCP connection ended (RFC 9293 §3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpEnd {
    /// It had not ended when the capture did.
    Open,
    /// Both sides sent FIN.
    Fin,
    /// A side sent RST.
    Rst,
}

impl TcpEnd {
    /// Stable name: `open`, `fin` or `rst`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Fin => "fin",
            Self::Rst => "rst",
        }
    }
}

/// A fact of TCP, with the numbers of the segment that showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpEvent {
    /// What happened.
    pub kind: TcpEventKind,
    /// Control bits of the segment.
    pub flags: TcpFlags,
    /// Sequence number relative to the initial one, not wrapped: 0 is the SYN, 1 the
    /// first byte. Relative to the first captured byte, as 1, when the SYN was not
    /// captured. Negative for what lies before.
    pub seq: i64,
    /// Acknowledgment number, relative in the same way to the other side's numbers;
    /// `None` without ACK or when nothing is known of the other side.
    pub ack: Option<i64>,
    /// Payload bytes on the wire.
    pub length: u64,
}

/// Kinds of TCP fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TcpEventKind {
    /// SYN: a side opens the connection.
    Syn {
        /// Maximum segment size option, in bytes.
        mss: Option<u16>,
    },
    /// SYN with ACK.
    SynAck {
        /// Maximum segment size option, in bytes.
        mss: Option<u16>,
    },
    /// The acknowledgment that completes the three-way handshake.
    Established {
        /// Since the first SYN.
        handshake: Duration,
    },
    /// A segment with new data, the next or beyond missing bytes. Its bytes are told as
    /// [`StreamItem`]s once they are in order.
    Data,
    /// A bare acknowledgment.
    Ack,
    /// Payload, SYN or FIN that was captured before.
    Retransmission,
    /// Data that came after later data of the same side.
    OutOfOrder,
    /// Another capture of the same packet.
    DuplicatePacket,
    /// `length` bytes of this side are missing.
    Gap,
    /// A keep-alive (RFC 9293 §3.8.4).
    KeepAlive,
    /// A probe of a window that is closed (RFC 9293 §3.8.6.1).
    WindowProbe,
    /// This side's window closed.
    ZeroWindow,
    /// This side has sent all it will.
    Fin,
    /// This side gave the connection up.
    Rst,
    /// Both sides have sent FIN and acknowledged the other's.
    Closed {
        /// Since the first captured packet.
        after: Duration,
    },
}

impl TcpEventKind {
    /// Stable kebab-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syn { .. } => "syn",
            Self::SynAck { .. } => "syn-ack",
            Self::Established { .. } => "established",
            Self::Data => "data",
            Self::Ack => "ack",
            Self::Retransmission => "retransmission",
            Self::OutOfOrder => "out-of-order",
            Self::DuplicatePacket => "duplicate-packet",
            Self::Gap => "gap",
            Self::KeepAlive => "keep-alive",
            Self::WindowProbe => "window-probe",
            Self::ZeroWindow => "zero-window",
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Closed { .. } => "closed",
        }
    }
}

/// How much a flow is wanted, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worth {
    /// It carries nothing that is looked for, or is over.
    Nothing,
    /// What is looked for was asked for. Anybody can do that without an answer.
    Asked,
    /// It carries what is looked for.
    Wanted,
}

/// Receives what a [`FlowTable`] finds.
///
/// For one segment the calls come in this order: facts of the handshake, gaps that its
/// acknowledgment reveals in the other direction, its data, FIN or RST, `ended`.
pub trait FlowSink {
    /// What the sink keeps for each flow.
    type State: Default;

    /// A fact of TCP, sent by `side`.
    fn tcp(
        &mut self,
        flow: &FlowInfo,
        state: &mut Self::State,
        side: Side,
        event: &TcpEvent,
        at: Moment,
    );

    /// The next bytes that `side` sent, or that they are missing.
    fn stream(
        &mut self,
        flow: &FlowInfo,
        state: &mut Self::State,
        side: Side,
        item: StreamItem<'_>,
        at: Moment,
    );

    /// A rule of TCP broken by `side`.
    fn anomaly(
        &mut self,
        flow: &FlowInfo,
        state: &mut Self::State,
        side: Side,
        anomaly: &Anomaly,
        at: Moment,
    );

    /// A segment sent bytes again that were not kept to be compared with it,
    /// [`Limits::max_unacknowledged_bytes`](crate::Limits).
    fn not_compared(&mut self, state: &Self::State) {
        let _ = state;
    }

    /// The connection is over, or given up: closed, reset, replaced by a new one with the
    /// same addresses, pushed out of a full table, silent too long, or at the end of the
    /// capture.
    /// Called once; only stray [`FlowSink::tcp`] facts may follow.
    fn ended(&mut self, flow: &FlowInfo, state: &mut Self::State, at: Moment);

    /// Whether the sink wants this flow's bytes. Once it says no, nothing is kept for the
    /// flow but its numbers.
    fn wants_stream(state: &Self::State) -> bool;

    /// How much the sink wants the flow: what it wants most is given up last when the table
    /// or its memory is full.
    fn worth(state: &Self::State) -> Worth;

    /// Bytes that a flow's state takes on the heap, itself not counted. Asked for at every
    /// segment, so it is found without looking through what is kept.
    fn heap_bytes(state: &Self::State) -> usize;
}

//! All that wsdump can say about a capture, in one list of facts.
//!
//! The [`Analyzer`](crate::Analyzer) makes [`Event`]s and the printers of
//! [`report`](crate::report) render them; nothing else passes between the two.

use std::net::SocketAddr;
use std::time::Duration;

use crate::anomaly::Anomaly;
use crate::flow::{Direction, Segments, TcpEnd, TcpEvent};
use crate::http::{RequestHead, ResponseHead};
use crate::time::{Moment, Timestamp};
use crate::wire::{Other, SeqNumber, TcpFlags};
use crate::ws::{Agreement, Answer, CloseCode, Frame, Message};

/// Takes events as they become known.
///
/// Events of one connection come in order. Those of its opening come once it is known to
/// carry WebSocket, and therefore after later packets' events of other connections: sort
/// by [`Moment::packet`] where the order of packets matters, as
/// [`Ordered`](crate::report::Ordered) does.
pub trait EventSink {
    /// One fact about a connection.
    fn event(&mut self, event: &Event<'_>);

    /// A packet that belongs to no TCP connection; told only when every packet is wanted.
    fn other_packet(&mut self, packet: &OtherPacket) {
        let _ = packet;
    }
}

impl<F: FnMut(&Event<'_>)> EventSink for F {
    fn event(&mut self, event: &Event<'_>) {
        self(event);
    }
}

/// One fact about a connection, and the packet that completed it.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The packet that completed it.
    pub at: Moment,
    /// Nanoseconds since the capture's first packet; negative when the clock went back.
    pub elapsed: i64,
    /// The connection.
    pub connection: Peers,
    /// What that packet's headers said. `None` where nothing of this connection is read at
    /// the moment: at the end of the capture, where a connection is given up for another,
    /// and for a SYN that was believed only when a second packet agreed with it.
    pub packet: Option<&'a PacketFacts>,
    /// What the opening handshake said so far. Not known to what waited for it: the rows of
    /// the TCP handshake.
    pub opening: OpeningFacts<'a>,
    /// Who sent what the event tells of. For [`EventKind::Connection`], the client.
    pub from: Direction,
    /// What happened.
    pub kind: EventKind<'a>,
}

impl Event<'_> {
    /// Address and port of the sender.
    pub fn source(&self) -> SocketAddr {
        match self.from {
            Direction::ClientToServer => self.connection.client,
            Direction::ServerToClient => self.connection.server,
        }
    }

    /// Address and port of the receiver.
    pub fn destination(&self) -> SocketAddr {
        match self.from {
            Direction::ClientToServer => self.connection.server,
            Direction::ServerToClient => self.connection.client,
        }
    }
}

/// What the headers of an event's packet said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketFacts {
    /// Who sent the packet. What it completed may have been sent by the other side: bytes
    /// that an acknowledgment shows to be lost.
    pub from: Direction,
    /// Length of the packet on the wire, in bytes.
    pub wire_len: u32,
    /// Bytes of the packet that were captured.
    pub captured_len: u32,
    /// Nanoseconds since the packet before it in the capture.
    pub since_previous: i64,
    /// The innermost VLAN identifier, if there was one.
    pub vlan: Option<u16>,
    /// Time to live or hop limit.
    pub hop_limit: u8,
    /// IPv4 identification.
    pub ip_id: u16,
    /// Sequence number.
    pub seq: SeqNumber,
    /// Acknowledgment field, whether it means something or not.
    pub ack: SeqNumber,
    /// Relative sequence number, as in [`TcpEvent::seq`]; `None` in what an acknowledgment
    /// completes, which is told before the segment itself.
    pub relative_seq: Option<i64>,
    /// Relative acknowledgment number, as in [`TcpEvent::ack`].
    pub relative_ack: Option<i64>,
    /// Length of the TCP header, in bytes.
    pub header_len: u8,
    /// The four bits before the control bits.
    pub reserved: u8,
    /// Control bits.
    pub flags: TcpFlags,
    /// Window field, not scaled.
    pub window: u16,
    /// Checksum field.
    pub checksum: u16,
    /// Payload bytes on the wire.
    pub payload_len: u64,
}

/// What a connection's opening handshake said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpeningFacts<'a> {
    /// `ws://` address of the upgrade that was asked for last.
    pub url: Option<&'a str>,
    /// The subprotocol that was chosen.
    pub subprotocol: Option<&'a str>,
}

/// A connection's number and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peers {
    /// Number of the TCP connection in the capture, from 1, in order of first packet.
    pub number: u64,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The server's address and port.
    pub server: SocketAddr,
}

/// Kinds of event.
#[derive(Clone, Copy, Debug)]
pub enum EventKind<'a> {
    /// A fact of TCP.
    Tcp(TcpEvent),
    /// An HTTP request.
    Request(&'a RequestHead),
    /// An HTTP response.
    Response {
        /// The head.
        head: &'a ResponseHead,
        /// What came of the upgrade that was asked for, if one was.
        upgrade: Option<Upgrade<'a>>,
    },
    /// A WebSocket frame. Its message, if it ends one, follows.
    Frame {
        /// The frame.
        frame: Frame<'a>,
        /// For a Pong: the Ping that it answers.
        answers: Answer,
    },
    /// A WebSocket data message.
    Message {
        /// The message.
        message: Message<'a>,
    },
    /// A rule broken by the sender.
    Anomaly(&'a Anomaly),
    /// The connection is over, or the capture is.
    Connection(&'a ConnectionReport),
}

/// The outcome of an upgrade request.
#[derive(Clone, Copy, Debug)]
pub enum Upgrade<'a> {
    /// The server agreed.
    Accepted {
        /// To what.
        agreement: &'a Agreement,
        /// Time from the request to this response, where the request was captured.
        after: Option<Duration>,
    },
    /// The server answered with another status.
    Refused {
        /// Time from the request to this response.
        after: Duration,
    },
}

/// What became of a connection's upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpgradeOutcome {
    /// None was asked for.
    #[default]
    NotAsked,
    /// The request was not answered, or the answer was not captured.
    Unanswered,
    /// The last request was answered with this status.
    Refused(u16),
    /// The server agreed, or frames showed that it had.
    Upgraded,
}

/// A connection as a whole, at its end.
#[derive(Clone, Debug)]
pub struct ConnectionReport {
    /// Time of the first packet.
    pub start: Timestamp,
    /// From the first to the last packet.
    pub duration: Duration,
    /// Time of the TCP three-way handshake, from SYN to ACK.
    pub handshake: Option<Duration>,
    /// Time from the upgrade request to the 101.
    pub upgrade: Option<Duration>,
    /// `ws://` address that the request asked for.
    pub url: Option<String>,
    /// What became of the upgrade.
    pub outcome: UpgradeOutcome,
    /// The chosen subprotocol.
    pub subprotocol: Option<String>,
    /// The accepted extensions, as the response has them.
    pub extensions: Vec<String>,
    /// What was sent: by the client, by the server.
    pub totals: [DirectionTotals; 2],
    /// The WebSocket close, if a Close frame was seen.
    pub close: Option<CloseReport>,
    /// How TCP ended.
    pub tcp_end: TcpEnd,
    /// Broken rules.
    pub anomalies: u64,
}

/// What one side sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectionTotals {
    /// Frames.
    pub frames: u64,
    /// Data messages.
    pub messages: u64,
    /// Payload bytes of all frames on the wire, before inflation.
    pub bytes: u64,
    /// TCP segments with data, those before the upgrade included.
    pub segments: Segments,
}

/// How a WebSocket connection was closed (RFC 6455 §7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReport {
    /// Close code of the first Close frame, if it had one.
    pub code: Option<CloseCode>,
    /// Its reason, invalid UTF-8 replaced.
    pub reason: String,
    /// Who sent the first Close frame.
    pub initiator: Direction,
    /// Both sides sent a Close frame and TCP ended with FIN (RFC 6455 §7.1.4).
    pub clean: bool,
}

/// A packet that is not TCP.
#[derive(Clone, Copy, Debug)]
pub struct OtherPacket {
    /// Which packet.
    pub at: Moment,
    /// Nanoseconds since the capture's first packet; negative when the clock went back.
    pub elapsed: i64,
    /// What it was.
    pub other: Other,
    /// Length on the wire in bytes.
    pub wire_len: u32,
    /// Bytes that were captured.
    pub captured_len: u32,
    /// Nanoseconds since the packet before it in the capture.
    pub since_previous: i64,
}

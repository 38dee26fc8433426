//! Packets in, events out.
//!
//! The [`Analyzer`] drives the layers below it and owns the state of every connection.
//! It reads nothing and prints nothing.

mod connection;
mod stage;
mod websocket;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use crate::anomaly::Anomaly;
use crate::capture::{LinkType, Packet};
use crate::event::{EventSink, OtherPacket, PacketFacts};
use crate::flow::{FlowInfo, FlowSink, FlowTable, Side, StreamItem, TcpEvent, Worth};
use crate::limits::Limits;
use crate::time::{Moment, Timestamp};
use crate::wire::{self, Contents, OtherKind, Segment};

use connection::Connection;

/// What an analysis is asked to tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config {
    /// Tell of every packet and connection, not only of those that carry WebSocket.
    pub all: bool,
    /// Tell of messages, and not of the data frames that they came in; of control frames all
    /// the same. Set it where nobody looks at data frames: telling of them is much of the work.
    pub messages_only: bool,
    /// Bounds on memory.
    pub limits: Limits,
    /// How long, in capture time, [`Analyzer::undecided_from`] waits for a connection to show
    /// whether it carries WebSocket; without limit when `None`. Set it where somebody waits
    /// for the rows of other connections.
    pub patience: Option<Duration>,
}

/// Turns packets into events.
///
/// ```
/// use wsdump::event::{Event, EventKind};
/// use wsdump::{Analyzer, Config, capture};
///
/// # fn main() -> Result<(), capture::CaptureError> {
/// let mut texts = Vec::new();
/// let mut sink = |event: &Event<'_>| {
///     if let EventKind::Message { message } = event.kind {
///         texts.push(message.text().unwrap_or("(bytes)").to_owned());
///     }
/// };
/// let mut source = capture::open("testdata/chat.pcap".as_ref())?;
/// let mut analyzer = Analyzer::new(Config::default());
/// while let Some(packet) = source.next_packet()? {
///     analyzer.push(&packet, &mut sink);
/// }
/// analyzer.finish(&mut sink);
/// assert_eq!(texts, ["something", "hello", "hello too!"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Analyzer {
    config: Config,
    wire: wire::Decoder,
    flows: FlowTable<Connection>,
    shared: Shared,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    /// Time of the capture's first packet.
    start: Timestamp,
    /// The latest packet.
    last: Moment,
    /// Nanoseconds from the packet before it.
    since_previous: i64,
    summary: Summary,
    waiting: Waiting,
}

/// Connections of which it is not known yet whether they carry WebSocket.
#[derive(Debug, Default)]
struct Waiting {
    /// Number and first packet, in order of first packet; some are decided by now.
    order: VecDeque<(u64, Moment)>,
    undecided: HashSet<u64, foldhash::fast::RandomState>,
}

impl Waiting {
    /// What each connection that is waited for takes: its number in `undecided`, and in
    /// `order` the room for it and for one that is decided, in a buffer half full.
    const BYTES_EACH: usize = 4 * size_of::<(u64, Moment)>() + 3 * size_of::<u64>();

    fn begin(&mut self, flow: &FlowInfo) {
        self.order.push_back((flow.number, flow.first));
        self.undecided.insert(flow.number);
    }

    fn decided(&mut self, number: u64) {
        self.undecided.remove(&number);
        while let Some((number, _)) = self.order.front() {
            if self.undecided.contains(number) {
                break;
            }
            self.order.pop_front();
        }
        // One that stays undecided must not let the queue behind it grow for ever.
        if self.order.len() > 2 * self.undecided.len() + 1024 {
            let undecided = &self.undecided;
            self.order.retain(|(number, _)| undecided.contains(number));
        }
    }

    /// Waits no longer for connections that began more than `patience` before `now`.
    fn give_up_before(&mut self, now: Timestamp, patience: Duration) {
        while let Some((number, first)) = self.order.front() {
            if now.saturating_since(first.time) <= patience {
                break;
            }
            self.undecided.remove(number);
            self.order.pop_front();
        }
    }
}

/// What a capture held, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Packets read.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// TCP connections.
    pub tcp_connections: u64,
    /// Connections on which WebSocket was asked for or found.
    pub connections: u64,
    /// Data messages.
    pub messages: u64,
    /// Rules broken on these connections.
    pub anomalies: u64,
    /// Connections that are encrypted with TLS.
    pub tls_connections: u64,
    /// Connections with HTTP/1 on which no WebSocket was asked for.
    pub http_connections: u64,
    /// Connections that began with HTTP/2 in clear.
    pub http2_connections: u64,
    /// UDP datagrams that are no tunnel.
    pub udp_packets: u64,
    /// Other packets that are not TCP.
    pub other_packets: u64,
    /// Packets that contradict themselves or were cut in a header.
    pub malformed_packets: u64,
    /// Packets cut by the snap length.
    pub cut_packets: u64,
    /// Packets that were captured twice.
    pub duplicate_packets: u64,
    /// Packets per link type that wsdump cannot read.
    pub unsupported: BTreeMap<u16, u64>,
    /// Connections given up because the flow table was full.
    pub flows_given_up: u64,
    /// Connections given up because all together held too much memory.
    pub flows_given_up_for_memory: u64,
    /// Connections forgotten because they had no packet for too long.
    pub flows_expired: u64,
    /// IP datagrams given up because fragments were missing, contradicted each other, or
    /// were too many.
    pub fragments_dropped: u64,
    /// Those of them that were given up because too many waited,
    /// [`FragmentLimits`](crate::limits::FragmentLimits).
    pub fragments_over_limit: u64,
    /// Connections not followed because a head was longer than [`Limits::max_head_bytes`],
    /// but for those on which WebSocket was asked for: of them
    /// [`Rule::HeadLimit`](crate::anomaly::Rule) tells.
    pub heads_too_long: u64,
    /// Answers to upgrade requests taken as lost because the client sent more than
    /// [`Limits::max_early_bytes`] behind its request.
    pub answers_given_up: u64,
    /// Events dropped of the openings of WebSocket connections,
    /// [`Limits::max_opening_events`].
    pub opening_events_dropped: u64,
    /// Connections taken for another protocol after [`Limits::max_search_bytes`] without a
    /// frame.
    pub searches_given_up: u64,
    /// Pings forgotten before a Pong came, [`Limits::max_pending_pings`].
    pub pings_forgotten: u64,
    /// Segments of WebSocket connections that sent bytes again which were no longer kept to
    /// be compared, [`Limits::max_unacknowledged_bytes`].
    pub segments_not_compared: u64,
}

impl Summary {
    /// The link type that wsdump cannot read and that most packets have, when it could
    /// read none at all.
    pub fn only_unsupported(&self) -> Option<(LinkType, u64)> {
        let unread: u64 = self.unsupported.values().sum();
        if unread == 0 || unread < self.packets {
            return None;
        }
        let most = self.unsupported.iter().max_by_key(|(_, count)| **count)?;
        Some((LinkType(*most.0), *most.1))
    }
}

impl Analyzer {
    /// An analyzer that has seen nothing.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            wire: wire::Decoder::new(config.limits.fragments),
            flows: FlowTable::new(config.limits),
            shared: Shared {
                start: Timestamp::default(),
                last: Moment::default(),
                since_previous: 0,
                summary: Summary::default(),
                waiting: Waiting::default(),
            },
        }
    }

    /// Takes the next packet and tells `sink` what it completed. Returns the number of the TCP
    /// connection that the packet is of; `None` also for a part of a fragmented datagram,
    /// but for the last.
    pub fn push(&mut self, packet: &Packet<'_>, sink: &mut dyn EventSink) -> Option<u64> {
        let Self { config, shared, .. } = self;
        let summary = &mut shared.summary;
        summary.packets += 1;
        summary.bytes += u64::from(packet.wire_len);
        let at = Moment {
            packet: summary.packets,
            time: packet.time,
        };
        if at.packet == 1 {
            shared.start = packet.time;
        } else {
            shared.since_previous = at.time.nanos_since(shared.last.time);
        }
        shared.last = at;
        if let Some(patience) = config.patience {
            shared.waiting.give_up_before(at.time, patience);
        }
        if packet.wire_len as usize > packet.data.len() {
            summary.cut_packets += 1;
        }
        // Not moved: a segment is many words.
        match &self.wire.decode(packet) {
            Contents::Tcp(segment) => {
                let mut driver = Driver {
                    config,
                    shared,
                    sink,
                    segment: Some(segment),
                    numbers: None,
                    facts: None,
                };
                self.flows.push(segment, at, &mut driver)
            }
            Contents::Other(other) => {
                match other.kind {
                    OtherKind::Udp => summary.udp_packets += 1,
                    OtherKind::Malformed(_) => summary.malformed_packets += 1,
                    OtherKind::UnsupportedLinkType => {
                        *summary.unsupported.entry(packet.link_type.0).or_default() += 1;
                    }
                    _ => summary.other_packets += 1,
                }
                if config.all {
                    sink.other_packet(&OtherPacket {
                        at,
                        elapsed: at.time.nanos_since(shared.start),
                        other: *other,
                        wire_len: packet.wire_len,
                        captured_len: u32::try_from(packet.data.len()).unwrap_or(packet.wire_len),
                        since_previous: shared.since_previous,
                    });
                }
                None
            }
        }
    }

    /// The capture is over: tells what was still open.
    pub fn finish(&mut self, sink: &mut dyn EventSink) {
        self.wire.finish();
        let shared = &mut self.shared;
        // What ends with the capture is known at its last packet.
        let at = shared.last;
        let mut driver = Driver {
            config: &self.config,
            shared,
            sink,
            segment: None,
            numbers: None,
            facts: None,
        };
        self.flows.finish(at, &mut driver);
    }

    /// The first packet of a connection that is waited for, because it is not decided yet:
    /// events of packets from here on may still come. [`u64::MAX`] when there is none.
    pub fn undecided_from(&self) -> u64 {
        let order = &self.shared.waiting.order;
        order.front().map_or(u64::MAX, |(_, first)| first.packet)
    }

    /// Bytes that all connections together hold: what [`Limits::max_memory`] bounds.
    pub fn memory(&self) -> usize {
        self.flows.memory()
    }

    /// What was seen so far.
    pub fn summary(&self) -> Summary {
        Summary {
            tcp_connections: self.flows.opened(),
            flows_given_up: self.flows.given_up(),
            flows_given_up_for_memory: self.flows.given_up_for_memory(),
            flows_expired: self.flows.expired(),
            fragments_dropped: self.wire.fragments_dropped(),
            fragments_over_limit: self.wire.fragments_over_limit(),
            ..self.shared.summary.clone()
        }
    }
}

/// Hands what the flow table finds to the connections.
struct Driver<'a> {
    config: &'a Config,
    shared: &'a mut Shared,
    sink: &'a mut dyn EventSink,
    /// What is read now.
    segment: Option<&'a Segment<'a>>,
    /// Its relative sequence and acknowledgment numbers, once they were told.
    numbers: Option<(i64, Option<i64>)>,
    /// The same for whoever is told of it, once somebody is, and who sent it.
    facts: Option<(PacketFacts, Side)>,
}

impl FlowSink for Driver<'_> {
    type State = Connection;

    fn tcp(
        &mut self,
        flow: &FlowInfo,
        connection: &mut Connection,
        side: Side,
        event: &TcpEvent,
        at: Moment,
    ) {
        connection.tcp(flow, self, side, event, at);
    }

    fn stream(
        &mut self,
        flow: &FlowInfo,
        connection: &mut Connection,
        side: Side,
        item: StreamItem<'_>,
        at: Moment,
    ) {
        connection.stream(flow, self, side, item, at);
    }

    fn anomaly(
        &mut self,
        flow: &FlowInfo,
        connection: &mut Connection,
        side: Side,
        anomaly: &Anomaly,
        at: Moment,
    ) {
        connection.anomaly(flow, self, side, anomaly, at);
    }

    fn not_compared(&mut self, connection: &Connection) {
        self.shared.summary.segments_not_compared += u64::from(connection.worth() > Worth::Nothing);
    }

    fn ended(&mut self, flow: &FlowInfo, connection: &mut Connection, at: Moment) {
        connection.ended(flow, self, at);
    }

    fn wants_stream(connection: &Connection) -> bool {
        connection.wants_stream()
    }

    fn worth(connection: &Connection) -> Worth {
        connection.worth()
    }

    fn heap_bytes(connection: &Connection) -> usize {
        connection.heap_bytes()
    }
}

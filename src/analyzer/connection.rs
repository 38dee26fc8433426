//! One connection's life: which protocol it carries, and whether it is told of.
//!
//! A [`Connection`] is two parts. Its `Teller` decides what is told: the opening waits
//! there until the connection is known to carry WebSocket. Its [`Stage`] reads the bytes,
//! and is replaced as one protocol gives way to the next.

use std::collections::VecDeque;

use super::stage::Stage;
use super::{Driver, Waiting};
use crate::anomaly::{Anomaly, Rule};
use crate::event::{
    ConnectionReport, DirectionTotals, Event, EventKind, OpeningFacts, PacketFacts, Peers,
    UpgradeOutcome,
};
use crate::flow::{Direction, FlowInfo, Side, StreamItem, TcpEvent, TcpEventKind, Worth};
use crate::http::{RequestHead, ResponseHead};
use crate::time::Moment;

/// State of one flow.
#[derive(Debug, Default)]
pub(super) struct Connection {
    teller: Teller,
    stage: Stage,
}

/// What is told of a connection, and what waits to be told.
#[derive(Debug, Default)]
pub(super) struct Teller {
    visibility: Visibility,
    /// The client's side, once the bytes told it. Until then it is guessed.
    pub(super) client: Option<Side>,
    /// What waits for that. By itself on the heap, since nothing does any more in a connection
    /// that is shown.
    opening: Option<Box<Waited>>,
    /// Events that had no more room there.
    opening_dropped: u64,
    /// WebSocket was asked for or found.
    pub(super) is_websocket: bool,
    pub(super) anomalies: u64,
    /// The `ws://` address that was asked for last.
    pub(super) url: Option<String>,
    /// What became of that.
    pub(super) outcome: UpgradeOutcome,
    /// The subprotocol that was chosen.
    pub(super) subprotocol: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Visibility {
    /// Nothing was seen yet.
    #[default]
    New,
    /// It is not known yet whether the connection carries WebSocket.
    Waiting,
    Shown,
    Hidden,
}

/// An event that waits, with all that was known when it happened.
#[derive(Debug)]
pub(super) struct Untold {
    at: Moment,
    /// With who sent it.
    packet: Option<(PacketFacts, Side)>,
    side: Side,
    opening: Opening,
}

/// What waits. Frames and messages never do: where they are found, the connection
/// is known to carry WebSocket.
#[derive(Debug)]
pub(super) enum Opening {
    Tcp(TcpEvent),
    Request(Box<RequestHead>),
    Response(Box<ResponseHead>),
    Anomaly(Anomaly),
}

impl Opening {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Tcp(_) => 0,
            Self::Request(head) => size_of::<RequestHead>() + head.heap_bytes(),
            Self::Response(head) => size_of::<ResponseHead>() + head.heap_bytes(),
            Self::Anomaly(anomaly) => anomaly.heap_bytes(),
        }
    }
}

/// Events that waited, in order.
#[derive(Debug, Default)]
pub(super) struct Waited {
    events: VecDeque<Untold>,
    /// What the events take besides their places here.
    heap_bytes: usize,
}

impl Waited {
    /// Bytes on the heap, and its own.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.events.capacity() * size_of::<Untold>() + self.heap_bytes
    }
}

/// Everything a stage needs to tell what it finds.
pub(super) struct Scope<'s, 'd> {
    pub(super) flow: &'s FlowInfo,
    pub(super) teller: &'s mut Teller,
    pub(super) driver: &'s mut Driver<'d>,
    pub(super) at: Moment,
}

impl Connection {
    fn parts<'s, 'd>(
        &'s mut self,
        flow: &'s FlowInfo,
        driver: &'s mut Driver<'d>,
        at: Moment,
    ) -> (Scope<'s, 'd>, &'s mut Stage) {
        let scope = Scope {
            flow,
            teller: &mut self.teller,
            driver,
            at,
        };
        (scope, &mut self.stage)
    }

    pub(super) fn tcp(
        &mut self,
        flow: &FlowInfo,
        driver: &mut Driver<'_>,
        side: Side,
        event: &TcpEvent,
        at: Moment,
    ) {
        // Of a gap, the numbers are those of the bytes that are missing.
        if event.kind != TcpEventKind::Gap {
            driver.numbers = Some((event.seq, event.ack));
        }
        let (mut scope, _) = self.parts(flow, driver, at);
        if event.kind == TcpEventKind::DuplicatePacket {
            scope.driver.shared.summary.duplicate_packets += 1;
        }
        // What each packet is matters only where every packet is told of.
        let of_note = !matches!(event.kind, TcpEventKind::Ack | TcpEventKind::Data);
        if of_note || scope.driver.config.all {
            scope.tell(side, EventKind::Tcp(*event));
        }
    }

    pub(super) fn stream(
        &mut self,
        flow: &FlowInfo,
        driver: &mut Driver<'_>,
        side: Side,
        item: StreamItem<'_>,
        at: Moment,
    ) {
        let (mut scope, stage) = self.parts(flow, driver, at);
        stage.push(&mut scope, side, item);
    }

    pub(super) fn anomaly(
        &mut self,
        flow: &FlowInfo,
        driver: &mut Driver<'_>,
        side: Side,
        anomaly: &Anomaly,
        at: Moment,
    ) {
        let (mut scope, _) = self.parts(flow, driver, at);
        scope.anomaly(side, anomaly);
    }

    pub(super) fn ended(&mut self, flow: &FlowInfo, driver: &mut Driver<'_>, at: Moment) {
        let (mut scope, stage) = self.parts(flow, driver, at);
        let report = stage.finish(&mut scope);
        if scope.teller.visibility == Visibility::Shown {
            let side = scope.client();
            scope.tell(side, EventKind::Connection(&report));
        }
        scope.hide();
        self.stage = Stage::Ended;
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.teller.heap_bytes() + self.stage.heap_bytes()
    }

    pub(super) fn wants_stream(&self) -> bool {
        !matches!(self.stage, Stage::Ignored | Stage::Ended)
    }

    pub(super) fn worth(&self) -> Worth {
        match self.stage {
            Stage::Ignored | Stage::Ended => Worth::Nothing,
            Stage::WebSocket(_) => Worth::Wanted,
            _ if self.teller.is_websocket => Worth::Asked,
            _ => Worth::Nothing,
        }
    }
}

impl Teller {
    fn heap_bytes(&self) -> usize {
        let waiting = match self.visibility {
            Visibility::Waiting => Waiting::BYTES_EACH,
            Visibility::New | Visibility::Shown | Visibility::Hidden => 0,
        };
        waiting
            + self.opening.as_ref().map_or(0, |opening| opening.bytes())
            + self.url.as_ref().map_or(0, String::capacity)
    }

    /// Whether events are told as they come.
    pub(super) fn is_shown(&self) -> bool {
        self.visibility == Visibility::Shown
    }

    /// What waits, to be told another way.
    pub(super) fn take_opening(&mut self) -> Waited {
        *self.opening.take().unwrap_or_default()
    }
}

impl Scope<'_, '_> {
    /// The client's side: as the bytes told it, else who opened the connection, else the
    /// end with the higher port.
    pub(super) fn client(&self) -> Side {
        let known = self.teller.client.or(self.flow.opener);
        known.unwrap_or_else(|| {
            let [a, b] = &self.flow.endpoints;
            if a.port() >= b.port() {
                Side::A
            } else {
                Side::B
            }
        })
    }

    /// The way that bytes of `side` go.
    pub(super) fn direction(&self, side: Side) -> Direction {
        if side == self.client() {
            Direction::ClientToServer
        } else {
            Direction::ServerToClient
        }
    }

    /// The side that sends in `direction`.
    pub(super) fn side(&self, direction: Direction) -> Side {
        match direction {
            Direction::ClientToServer => self.client(),
            Direction::ServerToClient => self.client().other(),
        }
    }

    pub(super) fn peers(&self) -> Peers {
        let client = self.client();
        Peers {
            number: self.flow.number,
            client: self.flow.endpoints[client.index()],
            server: self.flow.endpoints[client.other().index()],
        }
    }

    /// Tells an event that `side` caused, or keeps it until it is known whether to tell.
    pub(super) fn tell(&mut self, side: Side, kind: EventKind<'_>) {
        if self.teller.visibility == Visibility::New {
            self.begin();
        }
        match self.teller.visibility {
            Visibility::Shown => self.send(side, kind),
            Visibility::Waiting => self.keep(side, kind),
            Visibility::New | Visibility::Hidden => {}
        }
    }

    /// The first event: it is told, or waits.
    #[cold]
    fn begin(&mut self) {
        if self.driver.config.all {
            self.teller.visibility = Visibility::Shown;
        } else {
            self.teller.visibility = Visibility::Waiting;
            self.driver.shared.waiting.begin(self.flow);
        }
    }

    /// Tells a broken rule.
    pub(super) fn anomaly(&mut self, side: Side, anomaly: &Anomaly) {
        self.teller.anomalies += 1;
        if self.teller.is_websocket {
            self.driver.shared.summary.anomalies += 1;
        }
        self.tell(side, EventKind::Anomaly(anomaly));
    }

    /// Tells a broken rule, made of its parts.
    pub(super) fn broken(&mut self, side: Side, rule: Rule, detail: String) {
        self.anomaly(side, &Anomaly::new(rule, detail));
    }

    /// The connection carries WebSocket, or was asked to: what waits is told, and all that
    /// comes.
    pub(super) fn show(&mut self) {
        if !self.teller.is_websocket {
            self.teller.is_websocket = true;
            let summary = &mut self.driver.shared.summary;
            summary.connections += 1;
            summary.anomalies += self.teller.anomalies;
            summary.opening_events_dropped += self.teller.opening_dropped;
        }
        if self.teller.visibility == Visibility::Shown {
            return;
        }
        self.teller.visibility = Visibility::Shown;
        let mut opening = self.teller.take_opening();
        self.tell_opening(&mut opening, u64::MAX);
        self.driver.shared.waiting.decided(self.flow.number);
    }

    /// Tells what waited, of packets up to this one.
    pub(super) fn tell_opening(&mut self, waited: &mut Waited, packet: u64) {
        while waited
            .events
            .front()
            .is_some_and(|front| front.at.packet <= packet)
        {
            let Some(waiting) = waited.events.pop_front() else {
                return;
            };
            self.send_late(&waiting);
        }
    }

    /// The connection does not carry WebSocket: what waits is dropped, and what comes is
    /// not told, unless all is.
    pub(super) fn hide(&mut self) {
        if matches!(
            self.teller.visibility,
            Visibility::New | Visibility::Waiting
        ) {
            self.teller.visibility = Visibility::Hidden;
            self.teller.opening = None;
            self.driver.shared.waiting.decided(self.flow.number);
        }
    }

    /// Tells an event that `side` caused.
    fn send(&mut self, side: Side, kind: EventKind<'_>) {
        self.note_packet();
        let event = Event {
            at: self.at,
            elapsed: self.at.time.nanos_since(self.driver.shared.start),
            connection: self.peers(),
            packet: self.driver.facts.as_ref().map(|(facts, _)| facts),
            opening: OpeningFacts {
                url: self.teller.url.as_deref(),
                subprotocol: self.teller.subprotocol.as_deref(),
            },
            from: self.direction(side),
            kind,
        };
        self.driver.sink.event(&event);
    }

    /// Tells an event that waited. Who is the client may have become known only now.
    fn send_late(&mut self, waiting: &Untold) {
        let packet = waiting.packet.map(|(packet, sender)| PacketFacts {
            from: self.direction(sender),
            ..packet
        });
        let event = Event {
            at: waiting.at,
            elapsed: waiting.at.time.nanos_since(self.driver.shared.start),
            connection: self.peers(),
            packet: packet.as_ref(),
            opening: OpeningFacts::default(),
            from: self.direction(waiting.side),
            kind: match &waiting.opening {
                Opening::Tcp(event) => EventKind::Tcp(*event),
                Opening::Request(head) => EventKind::Request(head),
                Opening::Response(head) => EventKind::Response {
                    head,
                    upgrade: None,
                },
                Opening::Anomaly(anomaly) => EventKind::Anomaly(anomaly),
            },
        };
        self.driver.sink.event(&event);
    }

    /// Has the headers ready of the packet that completes what is told now.
    fn note_packet(&mut self) {
        let shared = &self.driver.shared;
        // What is given up, or believed late, is told while another connection is read.
        let is_own = self.flow.last.packet == self.at.packet;
        let is_now = shared.last.packet == self.at.packet;
        let Some(segment) = self.driver.segment.filter(|_| is_own && is_now) else {
            self.driver.facts = None;
            return;
        };
        let (relative_seq, relative_ack) = self.driver.numbers.unzip();
        let relative_ack = relative_ack.flatten();
        if let Some((facts, sender)) = &self.driver.facts {
            // By now it may have become known who is the client, and what the numbers are.
            let (facts, sender) = (*facts, *sender);
            let from = self.direction(sender);
            if (facts.from, facts.relative_seq) != (from, relative_seq) {
                let facts = PacketFacts {
                    from,
                    relative_seq,
                    relative_ack,
                    ..facts
                };
                self.driver.facts = Some((facts, sender));
            }
            return;
        }
        let sender = if segment.source == self.flow.endpoints[0] {
            Side::A
        } else {
            Side::B
        };
        let facts = PacketFacts {
            from: self.direction(sender),
            wire_len: segment.packet_len,
            captured_len: segment.captured_len,
            since_previous: shared.since_previous,
            vlan: segment.vlan,
            hop_limit: segment.hop_limit,
            ip_id: segment.ip_id,
            seq: segment.seq,
            ack: segment.ack,
            relative_seq,
            relative_ack,
            header_len: segment.header_len,
            reserved: segment.reserved,
            flags: segment.flags,
            window: segment.window,
            checksum: segment.checksum,
            payload_len: segment.payload_len as u64,
        };
        self.driver.facts = Some((facts, sender));
    }

    fn keep(&mut self, side: Side, kind: EventKind<'_>) {
        let opening = match kind {
            EventKind::Tcp(event) => Opening::Tcp(event),
            EventKind::Request(head) => Opening::Request(Box::new(head.clone())),
            EventKind::Response { head, .. } => Opening::Response(Box::new(head.clone())),
            EventKind::Anomaly(anomaly) => Opening::Anomaly(anomaly.clone()),
            EventKind::Frame { .. } | EventKind::Message { .. } | EventKind::Connection(_) => {
                return;
            }
        };
        self.note_packet();
        let packet = self.driver.facts;
        let teller = &mut *self.teller;
        let Waited { events, heap_bytes } = &mut **teller.opening.get_or_insert_default();
        if events.len() >= self.driver.config.limits.max_opening_events.max(1) {
            // The handshake stays; of the rest, the latest matter most.
            let is_handshake = |waiting: &Untold| matches!(waiting.opening, Opening::Tcp(event) if is_handshake(event.kind));
            let oldest = events.iter().position(|event| !is_handshake(event));
            let dropped = events.remove(oldest.unwrap_or(0));
            teller.opening_dropped += 1;
            *heap_bytes -= dropped.map_or(0, |dropped| dropped.opening.heap_bytes());
        }
        *heap_bytes += opening.heap_bytes();
        events.push_back(Untold {
            at: self.at,
            packet,
            side,
            opening,
        });
    }
}

fn is_handshake(kind: TcpEventKind) -> bool {
    matches!(
        kind,
        TcpEventKind::Syn { .. } | TcpEventKind::SynAck { .. } | TcpEventKind::Established { .. }
    )
}

/// The report of a connection of which only TCP is known.
pub(super) fn plain_report(scope: &Scope<'_, '_>) -> ConnectionReport {
    let flow = scope.flow;
    let totals = |direction| DirectionTotals {
        segments: flow.segments[scope.side(direction).index()],
        ..DirectionTotals::default()
    };
    ConnectionReport {
        start: flow.first.time,
        duration: flow.last.time.saturating_since(flow.first.time),
        handshake: flow.handshake,
        upgrade: None,
        url: scope.teller.url.clone(),
        outcome: scope.teller.outcome,
        subprotocol: None,
        extensions: Vec::new(),
        totals: [
            totals(Direction::ClientToServer),
            totals(Direction::ServerToClient),
        ],
        close: None,
        tcp_end: flow.end,
        anomalies: scope.teller.anomalies,
    }
}

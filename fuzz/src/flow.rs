//! Target `flow`: segments of TCP connections.
//!
//! # Input
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 1 | plain segments alone (bit 0): of one connection whose handshake was captured, which does not end; small limits (bit 1), items after which a stream is of no interest (bits 2 to 7), none of them when 0 |
//! | 4 | number of the first side's SYN |
//! | parts | who sends (bit 0), which connection (bits 1 and 2), encapsulation (bit 3), captured twice (bit 4); see below |
//!
//! A part is a segment: control bits in 1 byte, sequence number behind the SYN in 3,
//! acknowledgment number behind the SYN in 3, bytes cut by the snap length in 1 (highest bit:
//! the numbers count in units of 256), milliseconds since the part before divided by 10 in 1,
//! and the payload. Window and IP identification follow from these.
//!
//! # What has to hold
//!
//! - A stream is chunks and gaps, none empty; each gap is told as a fact of TCP too.
//! - What is handed on was captured there and was captured first; what was captured is no
//!   gap; all that was captured is handed on in the end.
//! - A flow ends once, and its stream with it.
//! - What is held is bounded by the limits.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use wsdump::Limits;
use wsdump::anomaly::Anomaly;
use wsdump::flow::{
    FlowInfo, FlowSink, FlowTable, GapCause, Side, StreamItem, TcpEvent, TcpEventKind, Worth,
};
use wsdump::time::{Moment, Timestamp};
use wsdump::wire::{Encapsulation, Segment, SeqNumber, TcpFlags};

use crate::input::{Bytes, Parts};

/// What segments may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Of one connection that neither begins nor ends: each byte has one place, so that all can
    /// be followed.
    Plain,
    /// Anything.
    Any,
}

/// What was told.
#[derive(Default)]
struct Watcher {
    sides: HashMap<(u64, Side), Stream>,
    /// Gaps that were told as facts and not yet as items.
    gap: Option<(u64, Side, u64)>,
    ended: u64,
    /// See [`State::left`].
    interest: Option<usize>,
    /// What each side sent, where that is followed.
    sent: Option<[Sent; 2]>,
}

/// The bytes of one side by their place in the stream; `None` where one was cut off.
type Sent = BTreeMap<u64, Option<u8>>;

#[derive(Debug, Default)]
struct Stream {
    end: u64,
}

/// What is kept for a flow.
#[derive(Default)]
struct State {
    ended: bool,
    /// Items after which the stream is of no interest.
    left: Option<usize>,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let flags = bytes.u8();
    let mode = if flags & 1 == 0 {
        Mode::Any
    } else {
        Mode::Plain
    };
    let isn = [bytes.number(4), 0xFFFF_FF00].map(|isn| (isn & 0xFFFF_FFFF) as u32);
    let limits = if flags & 2 == 0 {
        Limits::default()
    } else {
        Limits {
            max_flows: 3,
            max_memory: 16 << 10,
            max_idle: Duration::from_secs(10),
            max_out_of_order_bytes: 512,
            max_unacknowledged_bytes: 128,
            ..Limits::default()
        }
    };
    let interest = usize::from(flags >> 2);
    let plain = mode == Mode::Plain;
    let mut watcher = Watcher {
        interest: (interest > 0 && !plain).then_some(interest),
        sent: plain.then(Default::default),
        ..Watcher::default()
    };
    let mut table = FlowTable::new(limits);
    let mut at = Moment::default();
    if plain {
        handshake(&mut table, &mut watcher, &mut at, isn);
    }
    for (tag, part) in Parts(bytes) {
        let twice = tag & 0x10 != 0 && !plain;
        let mut read = Read::new(tag, part, isn, at, mode);
        for _ in 0..=usize::from(twice) {
            at.packet += 1;
            at.time = read.time;
            read.segment.ip_id = if twice {
                1
            } else {
                (at.packet & 0xFFFF) as u16
            };
            watcher.sends(&read);
            table.push(&read.segment, at, &mut watcher);
            assert!(
                table.memory() <= limits.max_memory,
                "{} bytes are held",
                table.memory()
            );
        }
    }
    table.finish(at, &mut watcher);
    assert_eq!(watcher.ended, table.opened(), "each flow ends once");
    assert_eq!(watcher.gap, None, "a gap without its item");
    watcher.check_all();
}

/// A segment that was read of a part.
struct Read<'a> {
    segment: Segment<'a>,
    side: Side,
    /// Place of its first byte in its stream.
    place: u64,
    time: Timestamp,
}

impl<'a> Read<'a> {
    fn new(tag: u8, mut part: Bytes<'a>, isn: [u32; 2], at: Moment, mode: Mode) -> Self {
        let side = if tag & 1 == 0 { Side::A } else { Side::B };
        let flags = part.u8();
        let (seq, ack) = (part.number(3), part.number(3));
        let cut = part.u8();
        let time = Timestamp(at.time.0 + u64::from(part.u8()) * 10_000_000);
        let plain = mode == Mode::Plain;
        let unit = if cut & 0x80 == 0 || plain { 1 } else { 256 };
        let number = |isn: u32, place: u64| {
            SeqNumber(isn.wrapping_add(1).wrapping_add((place * unit) as u32))
        };
        let [own, peer] = match side {
            Side::A => [isn[0], isn[1]],
            Side::B => [isn[1], isn[0]],
        };
        let never = TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0;
        let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 1000 + u16::from(tag >> 1 & 3)));
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
        let [client, server] = match (tag >> 1 & 3, plain) {
            (_, true) => [SocketAddr::from((Ipv4Addr::LOCALHOST, 1000)), server],
            _ => [client, server],
        };
        let (source, destination) = match side {
            Side::A => (client, server),
            Side::B => (server, client),
        };
        let payload = part.0;
        let payload_len = payload.len() + usize::from(cut & 0x7F);
        let segment = Segment {
            source,
            destination,
            encapsulation: if tag & 8 == 0 || plain {
                Encapsulation::NONE
            } else {
                Encapsulation(7)
            },
            ip_id: 0,
            hop_limit: 64,
            vlan: None,
            packet_len: (40 + payload_len) as u32,
            captured_len: (40 + payload.len()) as u32,
            seq: number(own, seq),
            ack: number(peer, ack),
            header_len: 20,
            reserved: 0,
            flags: TcpFlags(if plain { flags & !never } else { flags }),
            window: if flags & 0x20 == 0 { 1024 } else { 0 },
            checksum: 0,
            options: &[],
            payload,
            payload_len,
        };
        Self {
            segment,
            side,
            place: seq,
            time,
        }
    }
}

/// A handshake with these sequence numbers.
fn handshake(table: &mut FlowTable<State>, watcher: &mut Watcher, at: &mut Moment, isn: [u32; 2]) {
    let packets = [
        (0, TcpFlags::SYN.0),
        (1, TcpFlags::SYN.0 | TcpFlags::ACK.0),
        (0, TcpFlags::ACK.0),
    ];
    for (tag, flags) in packets {
        at.packet += 1;
        let mut segment = Read::new(tag, Bytes(&[]), isn, *at, Mode::Plain).segment;
        segment.flags = TcpFlags(flags);
        if segment.flags.has(TcpFlags::SYN) {
            segment.seq = SeqNumber(isn[usize::from(tag)]);
        }
        table.push(&segment, *at, watcher);
    }
}

impl Watcher {
    /// Takes note of what a segment holds.
    fn sends(&mut self, read: &Read<'_>) {
        let Some(sent) = &mut self.sent else { return };
        let sent = &mut sent[read.side.index()];
        for at in 0..read.segment.payload_len {
            let byte = read.segment.payload.get(at).copied();
            sent.entry(read.place + at as u64).or_insert(byte);
        }
    }

    /// Whether what is told next is what was sent there.
    fn compare(&self, side: Side, from: u64, item: StreamItem<'_>) {
        let Some(sent) = &self.sent else { return };
        let sent = &sent[side.index()];
        match item {
            StreamItem::Chunk(bytes) => {
                for (place, byte) in (from..).zip(bytes) {
                    assert_eq!(
                        sent.get(&place),
                        Some(&Some(*byte)),
                        "byte {place} of {side:?}"
                    );
                }
            }
            StreamItem::Gap { len, cause } => {
                let mut captured = sent.range(from..from + len);
                match cause {
                    GapCause::NotCaptured => {
                        assert_eq!(
                            captured.next(),
                            None,
                            "a gap of {len} from {from} of {side:?}"
                        );
                    }
                    GapCause::SnapLength => assert!(
                        captured.all(|(_, byte)| byte.is_none()),
                        "cut bytes were there"
                    ),
                }
            }
        }
    }

    /// Whether all that was captured was told.
    fn check_all(&self) {
        for side in [Side::A, Side::B] {
            let sent = self.sent.as_ref().map(|sent| &sent[side.index()]);
            let last = sent.and_then(|sent| sent.last_key_value());
            let end = self.sides.get(&(1, side)).map_or(0, |stream| stream.end);
            assert!(
                last.is_none_or(|(last, _)| *last < end),
                "{last:?}, told until {end}"
            );
        }
    }
}

impl FlowSink for Watcher {
    type State = State;

    fn tcp(&mut self, flow: &FlowInfo, state: &mut State, side: Side, event: &TcpEvent, _: Moment) {
        if !state.ended && state.left.is_none() {
            state.left = self.interest;
        }
        if event.kind == TcpEventKind::Gap {
            assert_eq!(self.gap, None, "a gap without its item");
            self.gap = Some((flow.number, side, event.length));
            let end = self.sides.get(&(flow.number, side)).map_or(0, |s| s.end);
            if self.interest.is_none() {
                assert_eq!(event.seq, end.cast_signed() + 1, "place of a gap");
            }
        }
    }

    fn stream(
        &mut self,
        flow: &FlowInfo,
        state: &mut State,
        side: Side,
        item: StreamItem<'_>,
        _: Moment,
    ) {
        assert!(!state.ended, "an item behind the end");
        if let Some(left) = &mut state.left {
            *left = left.saturating_sub(1);
        }
        let len = match item {
            StreamItem::Chunk(bytes) => bytes.len() as u64,
            StreamItem::Gap { len, cause } => {
                let told = self.gap.take();
                if cause == GapCause::NotCaptured {
                    assert_eq!(told, Some((flow.number, side, len)), "a gap and its fact");
                }
                len
            }
        };
        assert!(len > 0, "{item:?}");
        let from = self.sides.entry((flow.number, side)).or_default().end;
        self.compare(side, from, item);
        if let Some(stream) = self.sides.get_mut(&(flow.number, side)) {
            stream.end += len;
        }
    }

    fn anomaly(&mut self, _: &FlowInfo, state: &mut State, _: Side, _: &Anomaly, _: Moment) {
        assert!(!state.ended, "an anomaly behind the end");
    }

    fn ended(&mut self, _: &FlowInfo, state: &mut State, _: Moment) {
        assert!(!std::mem::replace(&mut state.ended, true), "a second end");
        self.ended += 1;
    }

    fn wants_stream(state: &State) -> bool {
        state.left != Some(0)
    }

    fn worth(state: &State) -> Worth {
        match state.left.map(|left| left % 3) {
            None | Some(0) => Worth::Nothing,
            Some(1) => Worth::Asked,
            Some(_) => Worth::Wanted,
        }
    }

    fn heap_bytes(_: &State) -> usize {
        0
    }
}

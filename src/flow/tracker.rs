//! One TCP connection as an observer sees it: handshake, data, close (RFC 9293 §3.5, §3.6).
//!
//! The tracker never refuses a segment. It tells what each one did, and hands its
//! payload to the [`Assembler`] of its side.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::assembler::{Arrival, Assembler};
use super::ends::Ends;
use super::{FlowInfo, FlowSink, GapCause, Side, StreamItem, TcpEnd, TcpEvent, TcpEventKind};
use crate::anomaly::{Anomaly, Rule};
use crate::limits::Limits;
use crate::time::Moment;
use crate::wire::{Encapsulation, Segment, SeqNumber, TcpFlags, TcpOptions};

/// A flow's entry in the table, with the sink's state.
#[derive(Debug)]
pub(super) struct Flow<S> {
    /// What the table looks the flow up by.
    pub(super) ends: Ends,
    pub(super) info: FlowInfo,
    pub(super) state: S,
    sides: [Half; 2],
    /// Encapsulations this flow was seen in besides the first one of each side.
    more_encapsulations: Box<[Encapsulation]>,
    /// A SYN that would open another connection with the same addresses, while this one
    /// is not closed: it counts once a second segment agrees with it.
    pub(super) reopening: Option<Box<Reopening>>,
    /// [`FlowSink::ended`] was called.
    pub(super) ended: bool,
    /// What the table counts for this flow.
    pub(super) counted_bytes: usize,
}

/// A SYN whose connection is not certain yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reopening {
    isn: SeqNumber,
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    mss: Option<u16>,
    pub(super) at: Moment,
}

impl Reopening {
    /// Remembers a SYN.
    pub(super) fn new(syn: &Segment<'_>, at: Moment) -> Self {
        Self {
            isn: syn.seq,
            source: syn.source,
            destination: syn.destination,
            mss: TcpOptions::parse(syn.options).mss,
            at,
        }
    }

    /// Whether `segment` goes on where the SYN began: it is the next of the same side,
    /// or the peer acknowledges the SYN.
    pub(super) fn is_confirmed_by(&self, segment: &Segment<'_>) -> bool {
        let after_syn = self.isn.advanced_by(1);
        if segment.source == self.source {
            !segment.flags.has(TcpFlags::SYN) && segment.seq == after_syn
        } else {
            segment.flags.has(TcpFlags::ACK) && segment.ack == after_syn
        }
    }
}

/// What is known of one side.
#[derive(Debug, Default)]
// Facts that neither imply nor exclude each other.
#[allow(clippy::struct_excessive_bools)]
struct Half {
    assembler: Assembler,
    /// The SYN's sequence number, if captured.
    isn: Option<SeqNumber>,
    syn_acknowledged: bool,
    /// A SYN with ACK was captured.
    answered_syn: bool,
    /// What the side's first packet was wrapped in.
    encapsulation: Option<Encapsulation>,
    /// Stream offset behind the last byte, once a FIN told it.
    fin: Option<i64>,
    fin_acknowledged: bool,
    zero_window: bool,
    recent: RecentPackets,
}

/// The last few packets of one side, to know a packet that is captured twice.
#[derive(Debug, Default)]
struct RecentPackets {
    marks: [u32; 8],
    /// When each came, in units of 2^20 ns (about a millisecond).
    times: [u32; 8],
    at: u8,
}

/// More encapsulations of one flow than any path has; the oldest is forgotten.
const MAX_ENCAPSULATIONS: usize = 8;

/// A segment of another encapsulation belongs to a flow when its numbers lie this close
/// to the flow's: chance agrees once in 2^15 per direction.
const SAME_FLOW_WINDOW: u64 = 1 << 16;

/// The sink's side of one call, bundled.
pub(super) struct Context<'t, K: FlowSink> {
    pub(super) sink: &'t mut K,
    pub(super) limits: &'t Limits,
    pub(super) at: Moment,
}

impl<S> Flow<S> {
    /// A flow whose first packet, of side A, came in `encapsulation`.
    pub(super) fn new(info: FlowInfo, state: S, encapsulation: Encapsulation) -> Self {
        let first = Half {
            encapsulation: Some(encapsulation),
            ..Half::default()
        };
        Self {
            ends: Ends::new(info.endpoints),
            info,
            state,
            sides: [first, Half::default()],
            more_encapsulations: Box::default(),
            reopening: None,
            ended: false,
            counted_bytes: 0,
        }
    }

    /// Puts another flow in this one's place in the table.
    pub(super) fn replace(&mut self, flow: Self) {
        *self = Self {
            counted_bytes: self.counted_bytes,
            ..flow
        };
    }

    /// Bytes on the heap, the sink's state included.
    pub(super) fn heap_bytes<K: FlowSink<State = S>>(&self) -> usize {
        let [a, b] = &self.sides;
        a.assembler.heap_bytes()
            + b.assembler.heap_bytes()
            + size_of_val(&*self.more_encapsulations)
            + self
                .reopening
                .as_ref()
                .map_or(0, |_| size_of::<Reopening>())
            + K::heap_bytes(&self.state)
    }

    /// Which side sent `segment`.
    pub(super) fn side_of(&self, segment: &Segment<'_>) -> Side {
        if segment.source == self.info.endpoints[0] {
            Side::A
        } else {
            Side::B
        }
    }

    /// Whether the flow was seen in this encapsulation before.
    pub(super) fn knows(&self, encapsulation: Encapsulation) -> bool {
        let is_first = |half: &Half| half.encapsulation == Some(encapsulation);
        self.sides.iter().any(is_first) || self.more_encapsulations.contains(&encapsulation)
    }

    /// Whether a segment may belong to this flow although its encapsulation is new: when
    /// nothing of its side was seen yet (each direction may have a tag of its own), or when
    /// one of both has none (one packet, captured before and after it was wrapped).
    pub(super) fn may_wear(&self, segment: &Segment<'_>) -> bool {
        let known = self.sides[self.side_of(segment).index()].encapsulation;
        known.is_none_or(|known| {
            known == Encapsulation::NONE || segment.encapsulation == Encapsulation::NONE
        })
    }

    /// Counts the encapsulation of a segment as one of this flow's.
    pub(super) fn learn(&mut self, segment: &Segment<'_>) {
        let side = self.side_of(segment);
        let half = &mut self.sides[side.index()];
        if half.encapsulation.is_none() {
            half.encapsulation = Some(segment.encapsulation);
            return;
        }
        let more = &self.more_encapsulations;
        let rest = &more[more.len().saturating_sub(MAX_ENCAPSULATIONS - 1)..];
        self.more_encapsulations = [rest, &[segment.encapsulation]].concat().into();
    }

    /// Whether the numbers of a segment agree with this flow's, so that it is the same
    /// connection seen in another encapsulation and not another one with the same
    /// addresses.
    pub(super) fn agrees_with(&self, segment: &Segment<'_>) -> bool {
        let side = self.side_of(segment);
        let [own, peer] = self.halves(side);
        if segment.flags.has(TcpFlags::SYN) {
            let same_isn = own.isn.map(|isn| isn == segment.seq);
            let acks_isn = segment.flags.has(TcpFlags::ACK).then(|| {
                peer.isn
                    .is_some_and(|isn| isn.advanced_by(1) == segment.ack)
            });
            return same_isn.or(acks_isn).unwrap_or(false);
        }
        let near = |half: &Half, seq: SeqNumber| {
            let next = half.assembler.next_offset().cast_signed();
            half.assembler
                .offset_of(seq)
                .map(|offset| offset.abs_diff(next) <= SAME_FLOW_WINDOW)
        };
        let seq_near = near(own, segment.seq);
        let ack_near = segment
            .flags
            .has(TcpFlags::ACK)
            .then(|| near(peer, segment.ack))
            .flatten();
        match (seq_near, ack_near) {
            (Some(seq), Some(ack)) => seq && ack,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => false,
        }
    }

    /// The side's own half, then the peer's.
    fn halves(&self, side: Side) -> [&Half; 2] {
        let [a, b] = &self.sides;
        match side {
            Side::A => [a, b],
            Side::B => [b, a],
        }
    }

    /// Whether data or a completed handshake showed that the connection was accepted.
    fn is_established(&self) -> bool {
        self.info.captured == [true; 2]
            || self
                .sides
                .iter()
                .any(|half| half.assembler.next_offset() > 0)
    }

    /// What a SYN without ACK means for this flow.
    pub(super) fn judge_syn(&self, segment: &Segment<'_>) -> Syn {
        let half = &self.sides[self.side_of(segment).index()];
        match half.isn {
            Some(isn) if isn == segment.seq => Syn::Known,
            None if !self.is_established() && !self.ended => Syn::Known,
            // The capture began in mid-stream and a packet from the start comes late.
            None if !self.ended
                && half.assembler.offset_of(segment.seq.advanced_by(1)) == Some(0) =>
            {
                Syn::Known
            }
            _ if self.ended || !self.is_established() => Syn::Opens,
            _ => Syn::MayOpen,
        }
    }
}

/// What a SYN without ACK means for a flow that has the same addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syn {
    /// It belongs to the flow.
    Known,
    /// It opens a new connection.
    Opens,
    /// It opens a new connection if a second segment agrees; else it is stray.
    MayOpen,
}

impl<S> Flow<S> {
    /// Takes a segment of this flow and tells the sink what it did.
    pub(super) fn push<K: FlowSink<State = S>>(
        &mut self,
        segment: &Segment<'_>,
        cx: &mut Context<'_, K>,
    ) {
        self.info.last = cx.at;
        let side = self.side_of(segment);
        let flags = segment.flags;
        if self.sides[side.index()].recent.is_duplicate(segment, cx.at) {
            self.tell(TcpEventKind::DuplicatePacket, side, segment, cx);
            return;
        }
        let told_syn = flags.has(TcpFlags::SYN) && self.syn(segment, side, cx);
        let half = &mut self.sides[side.index()];
        half.encapsulation.get_or_insert(segment.encapsulation);
        self.info.captured[side.index()] = true;
        let was_established = self.info.handshake.is_some();
        if flags.has(TcpFlags::ACK) && !flags.has(TcpFlags::RST) {
            self.acknowledge(segment, side, cx);
        }
        let told_window = self.window(segment, side, cx);
        let told_data = self.data(segment, side, cx);
        let told_fin = flags.has(TcpFlags::FIN) && self.fin(segment, side, cx);
        if flags.has(TcpFlags::RST) {
            self.reset(segment, side, cx);
            return;
        }
        let told_closed = self.close_if_done(segment, side, cx);
        let told_established = !was_established && self.info.handshake.is_some();
        if !(told_syn || told_window || told_data || told_fin || told_closed || told_established) {
            self.tell(TcpEventKind::Ack, side, segment, cx);
        }
    }

    /// Begins with a SYN that was captured before.
    pub(super) fn reopen<K: FlowSink<State = S>>(
        &mut self,
        syn: &Reopening,
        cx: &mut Context<'_, K>,
    ) {
        let half = &mut self.sides[Side::A.index()];
        half.isn = Some(syn.isn);
        half.assembler.start_at(syn.isn.advanced_by(1));
        self.info.opener = Some(Side::A);
        self.info.captured[Side::A.index()] = true;
        let event = TcpEvent {
            kind: TcpEventKind::Syn { mss: syn.mss },
            flags: TcpFlags::SYN,
            seq: 0,
            ack: None,
            length: 0,
        };
        let (info, state) = (&self.info, &mut self.state);
        cx.sink.tcp(info, state, Side::A, &event, syn.at);
    }

    /// The capture or the flow's place in the table is over: hands on what waits.
    pub(super) fn finish<K: FlowSink<State = S>>(&mut self, cx: &mut Context<'_, K>) {
        if self.ended {
            return;
        }
        // Both FINs without the last acknowledgment are an end all the same.
        if self.info.end == TcpEnd::Open && self.sides.iter().all(|half| half.fin.is_some()) {
            self.info.end = TcpEnd::Fin;
        }
        for side in [Side::A, Side::B] {
            if K::wants_stream(&self.state) {
                let fin = self.sides[side.index()].fin;
                self.with_assembler(side, cx, |assembler, limits, emit| {
                    assembler.finish(fin, limits, emit);
                });
            }
        }
        self.end(cx);
    }

    fn end<K: FlowSink<State = S>>(&mut self, cx: &mut Context<'_, K>) {
        if !self.ended {
            self.ended = true;
            cx.sink.ended(&self.info, &mut self.state, cx.at);
            for half in &mut self.sides {
                half.assembler.release();
            }
        }
    }

    /// Notes a SYN; says whether it was told as an event.
    fn syn<K: FlowSink<State = S>>(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        cx: &mut Context<'_, K>,
    ) -> bool {
        let with_ack = segment.flags.has(TcpFlags::ACK);
        let half = &mut self.sides[side.index()];
        let again = half.isn == Some(segment.seq) && (half.answered_syn || !with_ack);
        half.answered_syn |= with_ack;
        if again {
            self.tell(TcpEventKind::Retransmission, side, segment, cx);
            return true;
        }
        if half.isn.is_none() {
            half.isn = Some(segment.seq);
            half.assembler.start_at(segment.seq.advanced_by(1));
        }
        let opener = if with_ack { side.other() } else { side };
        self.info.opener.get_or_insert(opener);
        let mss = TcpOptions::parse(segment.options).mss;
        let kind = if with_ack {
            TcpEventKind::SynAck { mss }
        } else {
            TcpEventKind::Syn { mss }
        };
        self.tell(kind, side, segment, cx);
        true
    }

    fn acknowledge<K: FlowSink<State = S>>(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        cx: &mut Context<'_, K>,
    ) {
        let peer = side.other();
        let half = &mut self.sides[peer.index()];
        let acks_syn = half
            .isn
            .is_some_and(|isn| segment.ack.distance_from(isn) > 0);
        half.syn_acknowledged |= acks_syn;
        let acked = half.assembler.offset_of(segment.ack);
        half.fin_acknowledged |= half
            .fin
            .is_some_and(|fin| acked.is_some_and(|acked| acked > fin));
        if self.info.captured[peer.index()] {
            // The FIN takes a number of its own and is no missing byte.
            let end = half
                .fin
                .filter(|fin| acked.is_some_and(|acked| acked > *fin));
            let ack = match end {
                Some(_) => segment.ack.advanced_by(u32::MAX),
                None => segment.ack,
            };
            if !self.ended && K::wants_stream(&self.state) {
                self.with_assembler(peer, cx, |assembler, limits, emit| {
                    assembler.acknowledged(ack, limits, emit);
                });
            }
        } else if half.isn.is_none() {
            // Nothing of the peer was captured: what it acknowledges is all that tells
            // where its bytes will begin.
            half.assembler = Assembler::default();
            half.assembler.start_at(segment.ack);
        }
        self.establish(segment, side, cx);
    }

    fn establish<K: FlowSink<State = S>>(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        cx: &mut Context<'_, K>,
    ) {
        let opened = self
            .sides
            .iter()
            .all(|half| half.isn.is_some() && half.syn_acknowledged);
        if opened && self.info.handshake.is_none() {
            let handshake = cx.at.time.saturating_since(self.info.first.time);
            self.info.handshake = Some(handshake);
            self.tell(TcpEventKind::Established { handshake }, side, segment, cx);
        }
    }

    /// Notes that a window closed; says whether it was told as an event.
    fn window<K: FlowSink<State = S>>(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        cx: &mut Context<'_, K>,
    ) -> bool {
        let no_window = TcpFlags(TcpFlags::SYN.0 | TcpFlags::RST.0 | TcpFlags::FIN.0);
        let zero = segment.window == 0 && segment.flags.0 & no_window.0 == 0;
        let half = &mut self.sides[side.index()];
        let closed_now = zero && !half.zero_window;
        half.zero_window = zero;
        if closed_now {
            self.tell(TcpEventKind::ZeroWindow, side, segment, cx);
        }
        closed_now
    }

    /// Hands on the payload; says whether an event was told.
    fn data<K: FlowSink<State = S>>(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        cx: &mut Context<'_, K>,
    ) -> bool {
        // The SYN takes the first number, data follows it (RFC 9293 §3.4).
        let syn = u32::from(segment.flags.has(TcpFlags::SYN));
        let seq = segment.seq.advanced_by(syn);
        if segment.payload_len == 0 {
            return syn == 0 && self.empty_segment(segment, side, cx);
        }
        let probing = self.sides[side.other().index()].zero_window && segment.payload_len == 1;
        let assembler = &mut self.sides[side.index()].assembler;
        let arrival = assembler.classify(seq, segment.payload_len);
        let kind = match arrival {
            Arrival::InOrder | Arrival::Ahead => TcpEventKind::Data,
            Arrival::FillsGap => TcpEventKind::OutOfOrder,
            Arrival::KeepAlive | Arrival::Seen if probing => TcpEventKind::WindowProbe,
            Arrival::KeepAlive => TcpEventKind::KeepAlive,
            Arrival::Seen => TcpEventKind::Retransmission,
        };
        let segments = &mut self.info.segments[side.index()];
        match kind {
            TcpEventKind::KeepAlive | TcpEventKind::WindowProbe => {}
            TcpEventKind::Retransmission => {
                segments.sent += 1;
                segments.retransmitted += 1;
            }
            _ => segments.sent += 1,
        }
        // Said first, so that what the segment completes comes after it.
        self.tell(kind, side, segment, cx);
        if self.ended || !K::wants_stream(&self.state) {
            let assembler = &mut self.sides[side.index()].assembler;
            assembler.skip(seq, segment.payload_len);
            return true;
        }
        let pushed = self.with_assembler(side, cx, |assembler, limits, emit| {
            let (payload, len) = (segment.payload, segment.payload_len);
            assembler.push(arrival, seq, payload, len, limits, emit)
        });
        if let Some(offset) = pushed.conflict {
            let detail = format!("differs from byte {offset} of the stream on, first sent earlier");
            self.anomaly(Rule::ConflictingOverlap, detail, side, cx);
        }
        if pushed.not_compared {
            cx.sink.not_compared(&self.state);
        }
        if pushed.limit_reached {
            let limit = cx.limits.max_out_of_order_bytes;
            let detail = format!("more than {limit} bytes waited behind missing ones");
            self.anomaly(Rule::OutOfOrderLimit, detail, side, cx);
        }
        true
    }

    /// An empty segment one before the next number is a keep-alive or a probe.
    fn empty_segment<K: FlowSink<State = S>>(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        cx: &mut Context<'_, K>,
    ) -> bool {
        let control = TcpFlags(TcpFlags::FIN.0 | TcpFlags::RST.0);
        let half = &self.sides[side.index()];
        let next = half.assembler.next_offset().cast_signed();
        // In the handshake and after a FIN the same number is an ordinary acknowledgment.
        let before_next = next > 0
            && half.fin.is_none()
            && half.assembler.offset_of(segment.seq) == Some(next - 1);
        if !before_next || segment.flags.0 & control.0 != 0 {
            return false;
        }
        let kind = if self.sides[side.other().index()].zero_window {
            TcpEventKind::WindowProbe
        } else {
            TcpEventKind::KeepAlive
        };
        self.tell(kind, side, segment, cx);
        true
    }

    /// Runs `work` on a side's assembler, and hands what it emits to the sink.
    fn with_assembler<K: FlowSink<State = S>, T>(
        &mut self,
        side: Side,
        cx: &mut Context<'_, K>,
        work: impl FnOnce(&mut Assembler, &Limits, &mut dyn FnMut(StreamItem<'_>)) -> T,
    ) -> T {
        let Self {
            info, state, sides, ..
        } = self;
        let Context { sink, limits, at } = cx;
        let assembler = &mut sides[side.index()].assembler;
        let mut offset = assembler.next_offset();
        let mut emit = |item: StreamItem<'_>| {
            let len = match item {
                StreamItem::Chunk(bytes) => bytes.len() as u64,
                StreamItem::Gap { len, cause } => {
                    if cause == GapCause::NotCaptured {
                        let event = TcpEvent {
                            kind: TcpEventKind::Gap,
                            flags: TcpFlags::default(),
                            seq: offset.cast_signed() + 1,
                            ack: None,
                            length: len,
                        };
                        sink.tcp(info, state, side, &event, *at);
                    }
                    len
                }
            };
            offset += len;
            sink.stream(info, state, side, item, *at);
        };
        work(assembler, limits, &mut emit)
    }

    /// Notes a FIN; says whether it was told as an event.
    fn fin<K: FlowSink<State = S>>(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        cx: &mut Context<'_, K>,
    ) -> bool {
        let half = &mut self.sides[side.index()];
        half.assembler.start_at(segment.seq);
        let len = i64::try_from(segment.payload_len).unwrap_or_default();
        let end = half.assembler.offset_of(segment.seq).map(|at| at + len);
        let kind = if half.fin.is_some() {
            TcpEventKind::Retransmission
        } else {
            half.fin = end;
            TcpEventKind::Fin
        };
        self.tell(kind, side, segment, cx);
        true
    }

    fn reset<K: FlowSink<State = S>>(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        cx: &mut Context<'_, K>,
    ) {
        self.tell(TcpEventKind::Rst, side, segment, cx);
        if self.ended || !self.believes_reset(segment, side) {
            return;
        }
        self.info.end = TcpEnd::Rst;
        self.finish(cx);
    }

    /// Whether the receiver would take this RST for valid: it must lie in its window
    /// (RFC 9293 §3.10.7.4), which for an observer with lost packets means not far off.
    fn believes_reset(&self, segment: &Segment<'_>, side: Side) -> bool {
        let [own, peer] = self.halves(side);
        if own.isn.is_none() && !self.info.captured[side.index()] {
            // The answer to a SYN that nobody listens for: it acknowledges the SYN.
            return peer.isn.is_none_or(|isn| {
                !segment.flags.has(TcpFlags::ACK) || segment.ack.distance_from(isn) >= 0
            });
        }
        let next = own.assembler.next_offset().cast_signed();
        own.assembler
            .offset_of(segment.seq)
            .is_none_or(|at| at >= next - 1 && at - next <= MAX_WINDOW)
    }

    /// Tells that both sides are done, once; says whether it was.
    fn close_if_done<K: FlowSink<State = S>>(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        cx: &mut Context<'_, K>,
    ) -> bool {
        let done = self.sides.iter().all(|half| half.fin_acknowledged);
        if !done || self.ended {
            return false;
        }
        self.info.end = TcpEnd::Fin;
        let after = cx.at.time.saturating_since(self.info.first.time);
        self.tell(TcpEventKind::Closed { after }, side, segment, cx);
        self.finish(cx);
        true
    }

    fn tell<K: FlowSink<State = S>>(
        &mut self,
        kind: TcpEventKind,
        side: Side,
        segment: &Segment<'_>,
        cx: &mut Context<'_, K>,
    ) {
        let [own, peer] = self.halves(side);
        let has_ack = segment.flags.has(TcpFlags::ACK);
        let event = TcpEvent {
            kind,
            flags: segment.flags,
            // Offset 0 is the byte after the SYN, so the SYN is 0 and that byte 1.
            seq: own.assembler.offset_of(segment.seq).map_or(0, |at| at + 1),
            ack: has_ack
                .then(|| peer.assembler.offset_of(segment.ack))
                .flatten()
                .map(|at| at + 1),
            length: segment.payload_len as u64,
        };
        cx.sink
            .tcp(&self.info, &mut self.state, side, &event, cx.at);
    }

    fn anomaly<K: FlowSink<State = S>>(
        &mut self,
        rule: Rule,
        detail: impl Into<Cow<'static, str>>,
        side: Side,
        cx: &mut Context<'_, K>,
    ) {
        let anomaly = Anomaly::new(rule, detail);
        cx.sink
            .anomaly(&self.info, &mut self.state, side, &anomaly, cx.at);
    }
}

/// The largest receive window (RFC 7323 §2.3).
const MAX_WINDOW: i64 = 1 << 30;

impl RecentPackets {
    /// Whether this very packet was captured a moment before; remembers it if not.
    ///
    /// A retransmission is another packet: its IP identification differs, and where there
    /// is none (IPv6, or 0), the TCP timestamp does, and with it the checksum. Where all
    /// are alike, the time tells.
    fn is_duplicate(&mut self, segment: &Segment<'_>, at: Moment) -> bool {
        let mark = mark(segment);
        let now = u32::try_from(at.time.0 >> 20 & 0xFFFF_FFFF).unwrap_or_default();
        // Hardly ever one is the same, and so the times are not looked at.
        if self.marks.contains(&mark) {
            let mut earlier = self.marks.iter().zip(self.times);
            let is_recent = |time: u32| now.wrapping_sub(time) <= MAX_DUPLICATE_DELAY;
            if earlier.any(|(earlier, time)| *earlier == mark && is_recent(time)) {
                return true;
            }
        }
        let at = usize::from(self.at) % 8;
        self.marks[at] = mark;
        self.times[at] = now;
        self.at = (self.at + 1) % 8;
        false
    }
}

/// Two captures of one packet lie less than this apart, in units of 2^20 ns: below the
/// shortest retransmission timeout in use, 200 ms.
const MAX_DUPLICATE_DELAY: u32 = 50;

/// A packet's identity in 32 bits, never 0.
fn mark(segment: &Segment<'_>) -> u32 {
    let numbers = u64::from(segment.seq.0) << 32 | u64::from(segment.ack.0);
    let words = u64::from(segment.ip_id) << 48
        | u64::from(segment.checksum) << 32
        | u64::from(segment.window) << 16
        | u64::from(segment.flags.0) << 8
        | segment.payload_len as u64 & 0xFF;
    let mixed = (numbers ^ words.rotate_left(29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // Where the timestamp stands, if there is one.
    let options = match segment.options.last_chunk() {
        Some(last) => u64::from_be_bytes(*last),
        None => segment
            .options
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    };
    let folded = (mixed ^ options.wrapping_mul(0xD6E8_FEB8_6659_FD93)) >> 32;
    u32::try_from(folded).unwrap_or_default() | 1
}

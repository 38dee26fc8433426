//! One direction of a TCP connection, put back in order (RFC 9293 §3.4, §3.10.7.4).
//!
//! An [`Assembler`] takes segments as they were captured and hands on the bytes in
//! stream order, each exactly once, with an explicit gap where bytes are missing.
//! Sequence numbers end here: offsets are 64-bit and count from the first byte after
//! the SYN.
//!
//! Of bytes that were sent more than once, the first arrival counts. What arrives
//! later is compared as long as the first is at hand: while it waits behind a gap, until it
//! is acknowledged, and the last few bytes longer.

use super::recent::Recent;
use super::waiting::Waiting;
use crate::limits::Limits;
use crate::wire::SeqNumber;

/// Why bytes of a stream are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapCause {
    /// No captured packet held them.
    NotCaptured,
    /// Their packet was captured, but the snap length cut them off.
    SnapLength,
}

/// What reassembly hands upward for one direction, in stream order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamItem<'a> {
    /// In-order bytes, never empty. A chunk begins where a segment began, or where new
    /// bytes of one began.
    Chunk(&'a [u8]),
    /// Bytes that will not come.
    Gap {
        /// How many, at least 1.
        len: u64,
        /// Why.
        cause: GapCause,
    },
}

/// How a segment's payload stands to what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The next bytes.
    InOrder,
    /// Beyond missing bytes; it waits.
    Ahead,
    /// Bytes that were missing while later ones were already here.
    FillsGap,
    /// Nothing new.
    Seen,
    /// One old byte, or none, just before the next: a keep-alive (RFC 9293 §3.8.4).
    KeepAlive,
}

/// Outcome of [`Assembler::push`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pushed {
    /// Stream offset of the first byte that contradicts an earlier arrival.
    pub(super) conflict: Option<u64>,
    /// The waiting bytes passed the limit, so a gap was declared.
    pub(super) limit_reached: bool,
    /// Bytes were sent again that the limit kept from being compared.
    pub(super) not_compared: bool,
}

/// Puts one direction's segments in order.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// Sequence number of `next`, once any is known.
    next_seq: Option<SeqNumber>,
    /// Offset of the next byte to hand on.
    next: u64,
    /// Segments beyond `next`. By itself on the heap: most directions have none, ever.
    waiting: Option<Box<Waiting>>,
    /// The peer acknowledged bytes before this offset.
    acknowledged: u64,
    /// Packets of the flow since it acknowledged bytes that are missing.
    patience_used: u8,
    recent: Recent,
}

/// Packets by which an acknowledgment may be captured before its data: with several
/// capture queues, or several files.
const REORDERING: u8 = 3;

/// A jump ahead by more than this is no data of the connection: no window is larger
/// (RFC 7323 §2.3 allows 1 GiB).
const MAX_JUMP: i64 = 1 << 30;

impl Assembler {
    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let waiting = self.waiting.as_ref();
        waiting.map_or(0, |waiting| waiting.bytes()) + self.recent.heap_bytes()
    }

    /// Sets the sequence number of the next byte, if none is known yet.
    pub(super) fn start_at(&mut self, seq: SeqNumber) {
        self.next_seq.get_or_insert(seq);
    }

    /// Offset of the next byte to hand on.
    pub(super) fn next_offset(&self) -> u64 {
        self.next
    }

    /// Where `seq` lies in the stream; negative before its start.
    pub(super) fn offset_of(&self, seq: SeqNumber) -> Option<i64> {
        let distance = seq.distance_from(self.next_seq?);
        Some(self.next.cast_signed().wrapping_add(i64::from(distance)))
    }

    /// How a segment's payload of `wire_len` bytes stands to what came before it.
    pub(super) fn classify(&mut self, seq: SeqNumber, wire_len: usize) -> Arrival {
        self.start_at(seq);
        let (offset, end) = self.range_of(seq, wire_len);
        let next = self.next.cast_signed();
        if end <= next {
            return if offset == next - 1 && wire_len <= 1 {
                Arrival::KeepAlive
            } else {
                Arrival::Seen
            };
        }
        if offset <= next {
            return if self.waiting.is_none() {
                Arrival::InOrder
            } else {
                Arrival::FillsGap
            };
        }
        if offset - next > MAX_JUMP {
            return Arrival::Seen;
        }
        let Some(waiting) = &self.waiting else {
            return Arrival::Ahead;
        };
        let (offset, end) = (offset.cast_unsigned(), end.cast_unsigned());
        if waiting.covers(offset, end) {
            Arrival::Seen
        } else if waiting.last().is_some_and(|last| offset < last) {
            Arrival::FillsGap
        } else {
            Arrival::Ahead
        }
    }

    /// Offsets of the first byte of a payload and of the byte behind its last.
    fn range_of(&self, seq: SeqNumber, wire_len: usize) -> (i64, i64) {
        let offset = self.offset_of(seq).unwrap_or_default();
        let len = i64::try_from(wire_len).unwrap_or(MAX_JUMP);
        (offset, offset + len)
    }

    /// Takes a segment's payload: `payload` as captured, `wire_len` as sent, and `arrival` as
    /// [`Assembler::classify`] says.
    ///
    /// `emit` gets what can now be handed on, in order.
    pub(super) fn push(
        &mut self,
        arrival: Arrival,
        seq: SeqNumber,
        payload: &[u8],
        wire_len: usize,
        limits: &Limits,
        emit: &mut dyn FnMut(StreamItem<'_>),
    ) -> Pushed {
        let (offset, end) = self.range_of(seq, wire_len);
        let next = self.next.cast_signed();
        let mut pushed = Pushed::default();
        match arrival {
            Arrival::KeepAlive => {}
            Arrival::Seen if offset - next > MAX_JUMP => {}
            Arrival::Seen if offset > next => {
                // All of it waits already: only compared.
                pushed.conflict = self.hold(offset.cast_unsigned(), payload, wire_len as u64);
            }
            Arrival::Seen => {
                pushed.conflict = self.recent.first_difference(offset, payload);
                pushed.not_compared = self.recent.lacks(offset, end, self.acknowledged);
            }
            _ if offset <= next => {
                let old = usize::try_from(next - offset).unwrap_or(usize::MAX);
                let (old_bytes, new_bytes) = payload.split_at(old.min(payload.len()));
                if old > 0 {
                    pushed.conflict = self.recent.first_difference(offset, old_bytes);
                    pushed.not_compared = self.recent.lacks(offset, next, self.acknowledged);
                }
                let new_wire_len = (end - next).cast_unsigned();
                if self.waiting.is_none() {
                    self.deliver(new_bytes, new_wire_len, limits, emit);
                } else {
                    let conflict = self.hold(self.next, new_bytes, new_wire_len);
                    pushed.conflict = pushed.conflict.or(conflict);
                    self.drain(limits, emit);
                }
            }
            _ => {
                pushed.conflict = self.hold(offset.cast_unsigned(), payload, wire_len as u64);
                self.declare_missing(limits, emit);
                while self.waiting_cost() > limits.max_out_of_order_bytes {
                    pushed.limit_reached = true;
                    self.skip_to_held(limits, emit);
                }
            }
        }
        pushed
    }

    /// The peer acknowledged all bytes before `ack`: those that are still missing will not
    /// come. The gaps go to `emit`.
    ///
    /// They are declared at once where later bytes wait for them. Where none do, nothing is
    /// held up by them, and the acknowledgment may only have been captured a little before
    /// its data: [`REORDERING`] more packets may still bring it.
    pub(super) fn acknowledged(
        &mut self,
        ack: SeqNumber,
        limits: &Limits,
        emit: &mut dyn FnMut(StreamItem<'_>),
    ) {
        let Some(acked) = self
            .offset_of(ack)
            .and_then(|acked| u64::try_from(acked).ok())
        else {
            return;
        };
        if acked <= self.next.saturating_add(MAX_JUMP.cast_unsigned()) {
            self.acknowledged = self.acknowledged.max(acked);
        }
        self.recent.forget_before(acked);
        self.declare_missing(limits, emit);
    }

    /// Declares acknowledged bytes missing, if it is time to.
    fn declare_missing(&mut self, limits: &Limits, emit: &mut dyn FnMut(StreamItem<'_>)) {
        if self.acknowledged <= self.next {
            self.patience_used = 0;
            return;
        }
        self.patience_used = self.patience_used.saturating_add(1);
        if self.waiting.is_none() && self.patience_used <= REORDERING {
            return;
        }
        self.patience_used = 0;
        while self.acknowledged > self.next {
            let first = self.first_waiting().unwrap_or(self.acknowledged);
            let until = self.acknowledged.min(first);
            self.gap(until - self.next, GapCause::NotCaptured, emit);
            self.drain(limits, emit);
        }
    }

    /// No more segments will come: hands on what waits, with the gaps before it and the one
    /// before the FIN, which lies at `fin` if it was captured.
    pub(super) fn finish(
        &mut self,
        fin: Option<i64>,
        limits: &Limits,
        emit: &mut dyn FnMut(StreamItem<'_>),
    ) {
        while self.first_waiting().is_some() {
            self.skip_to_held(limits, emit);
        }
        let ahead = fin.map_or(0, |fin| fin - self.next.cast_signed());
        if (1..=MAX_JUMP).contains(&ahead) {
            self.gap(ahead.cast_unsigned(), GapCause::NotCaptured, emit);
        }
        // One number more than the bytes may be that of a FIN that was not captured.
        if self.acknowledged > self.next + 1 {
            let missing = self.acknowledged - self.next;
            self.gap(missing, GapCause::NotCaptured, emit);
        }
        self.recent = Recent::default();
    }

    /// Bytes are of no interest any more: frees what is kept, follows numbers only.
    pub(super) fn release(&mut self) {
        self.waiting = None;
        self.recent = Recent::default();
    }

    /// Follows the numbers of a direction whose bytes are of no interest.
    pub(super) fn skip(&mut self, seq: SeqNumber, wire_len: usize) {
        let (_, end) = self.range_of(seq, wire_len);
        let ahead = end - self.next.cast_signed();
        if (1..=MAX_JUMP).contains(&ahead) {
            self.advance(ahead.cast_unsigned());
        }
    }

    fn advance(&mut self, count: u64) {
        self.next += count;
        // Sequence numbers are modulo 2^32, so the low half of the count is what moves them.
        let low = u32::try_from(count & 0xFFFF_FFFF).unwrap_or_default();
        self.next_seq = self.next_seq.map(|seq| seq.advanced_by(low));
    }

    fn deliver(
        &mut self,
        bytes: &[u8],
        wire_len: u64,
        limits: &Limits,
        emit: &mut dyn FnMut(StreamItem<'_>),
    ) {
        if !bytes.is_empty() {
            self.recent
                .append(self.next, bytes, limits.max_unacknowledged_bytes);
            self.advance(bytes.len() as u64);
            self.patience_used = 0;
            emit(StreamItem::Chunk(bytes));
        }
        let cut = wire_len - bytes.len() as u64;
        if cut > 0 {
            self.gap(cut, GapCause::SnapLength, emit);
        }
    }

    fn gap(&mut self, len: u64, cause: GapCause, emit: &mut dyn FnMut(StreamItem<'_>)) {
        self.advance(len);
        emit(StreamItem::Gap { len, cause });
    }

    fn skip_to_held(&mut self, limits: &Limits, emit: &mut dyn FnMut(StreamItem<'_>)) {
        if let Some(at) = self.first_waiting() {
            if at > self.next {
                self.gap(at - self.next, GapCause::NotCaptured, emit);
            }
            self.drain(limits, emit);
        }
    }

    /// Hands on what waits at `next`.
    fn drain(&mut self, limits: &Limits, emit: &mut dyn FnMut(StreamItem<'_>)) {
        while let Some(waiting) = &mut self.waiting {
            let Some((at, held)) = waiting.take_until(self.next) else {
                waiting.forget_before(self.next);
                self.waiting.take_if(|waiting| waiting.is_empty());
                break;
            };
            // A gap can have been declared over the start of what waited.
            let old = self.next - at;
            if old < held.wire_len {
                let skip = usize::try_from(old).unwrap_or(usize::MAX);
                let bytes = held.bytes.get(skip..).unwrap_or_default();
                self.deliver(bytes, held.wire_len - old, limits, emit);
            }
        }
    }

    /// Keeps those bytes that do not wait already; returns the first conflict with those that
    /// do.
    fn hold(&mut self, offset: u64, payload: &[u8], wire_len: u64) -> Option<u64> {
        let waiting = self.waiting.get_or_insert_default();
        waiting.hold(offset, payload, wire_len)
    }

    fn first_waiting(&self) -> Option<u64> {
        self.waiting.as_ref()?.first()
    }

    fn waiting_cost(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.cost())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::waiting::HELD_OVERHEAD;

    /// Runs a script against an assembler that starts at sequence number 1000.
    ///
    /// `1000 abc` is a segment, `1000 abc+5` one of which 5 bytes were cut off, `ack 1003`
    /// an acknowledgment, `end` the end of the capture. Each step gives the items that
    /// came out of it, with marks for what was noticed.
    fn run(script: &[&str], limits: &Limits) -> Vec<String> {
        let mut assembler = Assembler::default();
        assembler.start_at(SeqNumber(1000));
        script
            .iter()
            .map(|step| {
                let mut out = Vec::new();
                let mut emit = |item: StreamItem<'_>| {
                    out.push(match item {
                        StreamItem::Chunk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                        StreamItem::Gap { len, cause } => match cause {
                            GapCause::NotCaptured => format!("<{len}>"),
                            GapCause::SnapLength => format!("<{len} cut>"),
                        },
                    });
                };
                let mut mark = String::new();
                match step.split_once(' ') {
                    None => assembler.finish(None, limits, &mut emit),
                    Some(("fin", offset)) => {
                        assembler.finish(offset.parse().ok(), limits, &mut emit);
                    }
                    Some(("ack", number)) => {
                        let ack = SeqNumber(number.parse().unwrap_or_default());
                        assembler.acknowledged(ack, limits, &mut emit);
                    }
                    Some((seq, payload)) => {
                        let (payload, cut) = payload.split_once('+').unwrap_or((payload, "0"));
                        let wire_len = payload.len() + cut.parse::<usize>().unwrap_or_default();
                        let seq = SeqNumber(seq.parse().unwrap_or_default());
                        let arrival = assembler.classify(seq, wire_len);
                        let payload = payload.as_bytes();
                        let pushed =
                            assembler.push(arrival, seq, payload, wire_len, limits, &mut emit);
                        mark = match arrival {
                            Arrival::InOrder => "",
                            Arrival::Ahead => "ahead ",
                            Arrival::FillsGap => "fills ",
                            Arrival::Seen => "seen ",
                            Arrival::KeepAlive => "keep-alive ",
                        }
                        .to_owned();
                        if let Some(at) = pushed.conflict {
                            mark = format!("{mark}conflict@{at} ");
                        }
                        if pushed.limit_reached {
                            mark += "limit ";
                        }
                    }
                }
                (mark + &out.join("|")).trim_end().to_owned()
            })
            .collect()
    }

    fn check(table: &[(&str, &str)]) {
        let (script, expected): (Vec<_>, Vec<_>) = table.iter().copied().unzip();
        assert_eq!(run(&script, &Limits::default()), expected);
    }

    #[test]
    fn segments_in_order_pass_straight_through() {
        check(&[("1000 abc", "abc"), ("1003 de", "de"), ("1005 f", "f")]);
    }

    #[test]
    fn a_segment_ahead_waits_for_the_missing_one() {
        check(&[
            ("1000 ab", "ab"),
            ("1004 ef", "ahead"),
            ("1006 gh", "ahead"),
            ("1002 cd", "fills cd|ef|gh"),
        ]);
    }

    #[test]
    fn a_hole_is_filled_from_either_end() {
        check(&[
            ("1006 g", "ahead"),
            ("1002 c", "fills"),
            ("1004 e", "fills"),
            ("1000 abcdefg", "fills ab|c|d|e|f|g"),
        ]);
    }

    #[test]
    fn a_retransmission_with_other_boundaries_adds_only_what_is_new() {
        check(&[
            ("1000 abc", "abc"),
            ("1000 abc", "seen"),
            ("1001 bcde", "de"),
            ("1004 ef", "f"),
        ]);
    }

    #[test]
    fn of_overlapping_bytes_the_first_arrival_counts() {
        check(&[
            ("1000 abc", "abc"),
            ("1001 XYde", "conflict@1 de"),
            ("1008 ijk", "ahead"),
            ("1006 ghXX", "fills conflict@8"),
            ("1005 f", "fills f|gh|ijk"),
        ]);
    }

    #[test]
    fn of_acknowledged_bytes_only_the_last_are_compared() {
        let long = "a".repeat(1000);
        check(&[
            (&format!("1000 {long}"), &long),
            ("1000 xyz", "seen conflict@0"),
            ("ack 2000", ""),
            ("1000 xyz", "seen"),
            ("1997 xyz", "seen conflict@997"),
        ]);
    }

    #[test]
    fn an_acknowledgment_of_missing_bytes_declares_the_gap_at_once() {
        check(&[
            ("1000 ab", "ab"),
            ("1004 ef", "ahead"),
            ("1008 ij", "ahead"),
            ("ack 1006", "<2>|ef"),
            ("ack 1007", "<1>"),
            ("1006 XXij", "fills X|ij"),
        ]);
    }

    #[test]
    fn an_acknowledgment_may_be_captured_a_little_before_its_data() {
        check(&[
            ("1000 ab", "ab"),
            ("ack 1004", ""),
            ("1002 cd", "cd"),
            ("ack 1006", ""),
            ("ack 1006", ""),
            ("ack 1006", ""),
            ("ack 1006", "<2>"),
            ("ack 1008", ""),
            ("1008 ij", "ahead <2>|ij"),
            ("ack 1014", ""),
            ("end", "<4>"),
        ]);
    }

    #[test]
    fn bytes_never_acknowledged_are_a_gap_at_the_end() {
        check(&[
            ("1000 ab", "ab"),
            ("1003 de", "ahead"),
            ("1009 k", "ahead"),
            ("end", "<1>|de|<4>|k"),
        ]);
    }

    #[test]
    fn bytes_missing_before_the_fin_are_a_gap_at_the_end() {
        check(&[
            ("1000 ab", "ab"),
            ("1003 de", "ahead"),
            ("fin 7", "<1>|de|<2>"),
        ]);
        check(&[("1000 ab", "ab"), ("ack 1003", ""), ("fin 2", "")]);
        check(&[("1000 ab", "ab"), ("fin 2000000000", "")]);
        check(&[("1000 ab", "ab"), ("fin -5", "")]);
    }

    #[test]
    fn what_the_snap_length_cut_is_a_gap_of_its_own() {
        check(&[
            ("1000 ab+3", "ab|<3 cut>"),
            ("1008 i+1", "ahead"),
            ("1005 fgh", "fills fgh|i|<1 cut>"),
            ("1010 +4", "<4 cut>"),
        ]);
    }

    #[test]
    fn one_old_byte_just_before_the_next_is_a_keep_alive() {
        check(&[("1000 ab", "ab"), ("1001 x", "keep-alive"), ("1002 c", "c")]);
    }

    #[test]
    fn waiting_bytes_beyond_the_limit_declare_a_gap() {
        let limits = Limits {
            max_out_of_order_bytes: 2 * HELD_OVERHEAD + 5,
            ..Limits::default()
        };
        assert_eq!(
            run(&["1002 cd", "1006 gh", "1010 kl", "1000 ab"], &limits),
            ["ahead", "ahead", "ahead limit <2>|cd", "seen"]
        );
    }

    #[test]
    fn offsets_go_on_across_the_wrap_of_sequence_numbers() {
        let mut assembler = Assembler::default();
        let limits = Limits::default();
        let mut seen = Vec::new();
        let mut seq = SeqNumber(u32::MAX - 2);
        for piece in [b"abcd", b"efgh"] {
            let arrival = assembler.classify(seq, 4);
            assembler.push(arrival, seq, piece, 4, &limits, &mut |item| match item {
                StreamItem::Chunk(bytes) => seen.extend_from_slice(bytes),
                StreamItem::Gap { .. } => seen.push(b'?'),
            });
            seq = seq.advanced_by(4);
        }
        assert_eq!(seen, b"abcdefgh");
        assert_eq!(assembler.next_offset(), 8);
        assert_eq!(assembler.offset_of(SeqNumber(0)), Some(3));
    }

    #[test]
    fn a_jump_no_window_allows_is_not_taken_for_data() {
        check(&[
            ("1000 ab", "ab"),
            ("1500000000 zz", "seen"),
            ("1002 c", "c"),
        ]);
    }
}

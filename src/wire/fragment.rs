//! Reassembly of IP datagrams from their fragments (RFC 791 §3.2, RFC 8200 §4.5).
//!
//! etherparse has a reassembly of its own, but its pool grows without limit, the last
//! of two overlapping fragments wins, and it has no notion of bytes that were sent
//! and not captured.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::cursor::Cursor;
use super::{Encapsulation, Layer, WireError};
use crate::limits::FragmentLimits;
use crate::time::Timestamp;

/// Where one fragment belongs in its datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Identification.
    pub(super) id: u32,
    /// What the datagram carries, as this fragment says.
    pub(super) protocol: u8,
    /// Offset of the fragment's first byte.
    pub(super) offset: u16,
    /// Whether this is not the last fragment.
    pub(super) more: bool,
}

/// What the fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    source: IpAddr,
    destination: IpAddr,
    encapsulation: Encapsulation,
    id: u32,
    /// IPv4 identifications are counted by protocol (RFC 791 §3.2); 0 for IPv6, where
    /// only the first fragment's protocol counts (RFC 8200 §4.5).
    protocol: u8,
}

impl Key {
    /// The key of a fragment between these addresses, inside these tunnels.
    pub(super) fn new(
        source: IpAddr,
        destination: IpAddr,
        encapsulation: Encapsulation,
        part: Part,
    ) -> Self {
        Self {
            source,
            destination,
            encapsulation,
            id: part.id,
            protocol: if source.is_ipv4() { part.protocol } else { 0 },
        }
    }
}

/// A datagram of which all fragments are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// What it carries.
    pub(super) protocol: u8,
    /// Its length on the wire, more than was captured if the snap length cut a fragment.
    pub(super) wire_len: usize,
}

/// The datagrams that wait for the rest of their fragments.
#[derive(Debug)]
pub(super) struct Reassembly {
    limits: FragmentLimits,
    /// In order of their first fragments. A queue that is searched from end to end
    /// does: it is short, and all but a few captures have no fragments at all.
    waiting: VecDeque<Datagram>,
    /// Bytes held by all of `waiting`.
    held: usize,
    dropped: u64,
    /// Those of `dropped` that had to go because too many waited.
    over_limit: u64,
}

#[derive(Debug)]
struct Datagram {
    key: Key,
    started: Timestamp,
    /// In order of their offsets; they never overlap.
    pieces: Vec<Piece>,
    /// Wire length of all pieces together.
    covered: usize,
    /// Length of the whole, once the last fragment was seen.
    total: Option<usize>,
    /// What the first fragment says that the datagram carries.
    protocol: u8,
    /// Bytes held by the pieces.
    held: usize,
    /// Fragments contradicted each other; those still to come are swallowed.
    given_up: bool,
}

#[derive(Debug)]
struct Piece {
    offset: usize,
    wire_len: usize,
    /// What was captured, never more than `wire_len`.
    bytes: Vec<u8>,
}

impl Reassembly {
    pub(super) fn new(limits: FragmentLimits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            held: 0,
            dropped: 0,
            over_limit: 0,
        }
    }

    /// Datagrams given up so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Those of them that were given up because too many waited.
    pub(super) fn over_limit(&self) -> u64 {
        self.over_limit
    }

    /// No more fragments will come.
    pub(super) fn give_up_all(&mut self) {
        let waiting = self.waiting.drain(..).filter(|datagram| !datagram.given_up);
        self.dropped += waiting.count() as u64;
        self.held = 0;
    }

    /// Takes in one fragment. When it completes its datagram, the datagram's bytes are
    /// written to `whole`, up to the first that was not captured.
    pub(super) fn add(
        &mut self,
        key: Key,
        part: Part,
        payload: Cursor<'_>,
        now: Timestamp,
        whole: &mut Vec<u8>,
    ) -> Result<Option<Whole>, WireError> {
        let end = self.check(part, payload.wire_len())?;
        self.expire(now);
        let at = self.position(key, now);
        let Some(datagram) = self.waiting.get_mut(at) else {
            return Ok(None);
        };
        let held_before = datagram.held;
        let consistent = datagram.insert(part, payload, end);
        if !consistent && !datagram.given_up {
            datagram.give_up();
            self.dropped += 1;
        }
        self.held = self.held - held_before + datagram.held;

        if datagram.total == Some(datagram.covered) && !datagram.given_up {
            let finished = Whole {
                protocol: datagram.protocol,
                wire_len: datagram.covered,
            };
            datagram.write_to(whole);
            self.held -= datagram.held;
            self.waiting.remove(at);
            return Ok(Some(finished));
        }
        while self.waiting.len() > self.limits.max_datagrams || self.held > self.limits.max_bytes {
            let before = self.dropped;
            self.drop_oldest();
            self.over_limit += self.dropped - before;
        }
        Ok(None)
    }

    /// The end of a fragment of `len` bytes, if it may be where it is.
    fn check(&self, part: Part, len: usize) -> Result<usize, WireError> {
        let bad_length = |stated, limit| WireError::bad_length(Layer::Ip, stated, limit);
        // RFC 8200 §4.5: the length of all but the last fragment is a multiple of 8.
        if part.more && (len == 0 || !len.is_multiple_of(8)) {
            return Err(bad_length(len, len.next_multiple_of(8).max(8)));
        }
        let limit = self.limits.max_datagram_len;
        let end = usize::from(part.offset).saturating_add(len);
        if end > limit {
            return Err(bad_length(end, limit));
        }
        Ok(end)
    }

    fn position(&mut self, key: Key, now: Timestamp) -> usize {
        let known = self.waiting.iter().position(|datagram| datagram.key == key);
        known.unwrap_or_else(|| {
            self.waiting.push_back(Datagram {
                key,
                started: now,
                pieces: Vec::new(),
                covered: 0,
                total: None,
                protocol: 0,
                held: 0,
                given_up: false,
            });
            self.waiting.len() - 1
        })
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(oldest) = self.waiting.front()
            && now.saturating_since(oldest.started) > self.limits.max_age
        {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.waiting.pop_front() {
            self.held -= oldest.held;
            self.dropped += u64::from(!oldest.given_up);
        }
    }
}

impl Datagram {
    /// Takes in what is new of a fragment that ends at `end`. False when it contradicts
    /// the fragments before.
    fn insert(&mut self, part: Part, payload: Cursor<'_>, end: usize) -> bool {
        if self.given_up {
            return false;
        }
        if !part.more && self.total.replace(end).is_some_and(|total| total != end) {
            return false;
        }
        if part.offset == 0 {
            self.protocol = part.protocol;
        }
        let (offset, len) = (usize::from(part.offset), payload.wire_len());
        let same_offset = self
            .pieces
            .binary_search_by_key(&offset, |piece| piece.offset);
        let duplicate = same_offset.is_ok_and(|index| self.pieces[index].wire_len == len);
        if !duplicate {
            let overlaps = self.fill(offset, payload, end);
            // RFC 5722 §3: a datagram with overlapping fragments "MUST be silently
            // discarded"; RFC 8200 §4.5 lets exact duplicates pass. IPv4 has no such
            // rule, and what came first stays.
            if overlaps && self.key.source.is_ipv6() {
                return false;
            }
        }
        let last_end = self.pieces.last().map_or(0, Piece::end);
        self.total.is_none_or(|total| last_end <= total)
    }

    /// Adds the bytes of `payload` that no piece covers. True when some were covered.
    fn fill(&mut self, offset: usize, payload: Cursor<'_>, end: usize) -> bool {
        let mut overlaps = false;
        let mut from = offset;
        let mut index = self.pieces.partition_point(|piece| piece.end() <= offset);
        while from < end {
            let next = self.pieces.get(index);
            let (next_start, next_end) = next.map_or((end, end), |p| (p.offset, p.end()));
            if next_start > from {
                let to = next_start.min(end);
                self.insert_piece(index, from, to - from, tail(payload.bytes(), from - offset));
                index += 1;
            }
            overlaps |= next_start < end;
            from = next_end;
            index += 1;
        }
        overlaps
    }

    /// Adds the piece at `offset`, of which `bytes` begins with what was captured.
    fn insert_piece(&mut self, index: usize, offset: usize, wire_len: usize, bytes: &[u8]) {
        let bytes = bytes[..bytes.len().min(wire_len)].to_vec();
        self.covered += wire_len;
        self.held += bytes.len() + size_of::<Piece>();
        let piece = Piece {
            offset,
            wire_len,
            bytes,
        };
        self.pieces.insert(index, piece);
    }

    fn give_up(&mut self) {
        self.given_up = true;
        self.pieces = Vec::new();
        self.held = 0;
    }

    /// Writes the bytes up to the first that was not captured.
    fn write_to(&self, whole: &mut Vec<u8>) {
        whole.clear();
        for piece in &self.pieces {
            if piece.offset != whole.len() {
                break;
            }
            whole.extend_from_slice(&piece.bytes);
        }
    }
}

impl Piece {
    fn end(&self) -> usize {
        self.offset + self.wire_len
    }
}

/// What is left of `bytes` after the first `count`.
fn tail(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(count..).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::*;
    use super::super::{Decoder, WireError};
    use super::*;
    use crate::capture::{LinkType, Packet};

    const WAITS: &str = "Fragment 10.1.0.1 > 10.1.0.2";
    const WAITS6: &str = "Fragment fd00::1 > fd00::2";
    const WHOLE: &str = "10.1.0.1:40000 > 10.1.0.2:80 seq 7 \"hello, fragments\" of 16";

    /// A segment of 36 bytes: fragments of 8 cut its TCP header.
    fn segment() -> Vec<u8> {
        tcp(b"hello, fragments")
    }

    /// The bytes from `from` to `to` of [`segment`] as a fragment.
    fn part(from: usize, to: usize) -> Vec<u8> {
        ipv4_fragment(6, from, to < 36, &segment()[from..to])
    }

    fn part6(from: usize, to: usize) -> Vec<u8> {
        ipv6_fragment(6, from, to < 36, &segment()[from..to])
    }

    /// One line per packet.
    fn lines(decoder: &mut Decoder, packets: &[Vec<u8>]) -> Vec<String> {
        let read = |data: &Vec<u8>| line(&decoder.decode(&packet(LinkType::RAW, data)));
        packets.iter().map(read).collect()
    }

    fn new_lines(packets: &[Vec<u8>]) -> Vec<String> {
        lines(&mut Decoder::default(), packets)
    }

    #[test]
    fn the_last_fragment_to_arrive_yields_the_segment() {
        let (a, b, c) = (part(0, 8), part(8, 24), part(24, 36));
        let orders = [
            [&a, &b, &c],
            [&a, &c, &b],
            [&b, &a, &c],
            [&b, &c, &a],
            [&c, &a, &b],
            [&c, &b, &a],
        ];
        for order in orders {
            assert_eq!(new_lines(&order.map(Clone::clone)), [WAITS, WAITS, WHOLE]);
        }
        assert_eq!(
            new_lines(&[part6(24, 36), part6(0, 24)]),
            [
                WAITS6,
                "[fd00::1]:40000 > [fd00::2]:80 seq 7 \"hello, fragments\" of 16"
            ]
        );
    }

    #[test]
    fn duplicates_change_nothing() {
        let (a, b) = (part(0, 24), part(24, 36));
        assert_eq!(
            new_lines(&[a.clone(), a.clone(), b.clone()]),
            [WAITS, WAITS, WHOLE]
        );
        assert_eq!(
            new_lines(&[a.clone(), b.clone(), a, b]),
            [WAITS, WHOLE, WAITS, WHOLE]
        );
        let (a, b) = (part6(0, 24), part6(24, 36));
        let lines = new_lines(&[b.clone(), b, a]);
        assert_eq!(lines[..2], [WAITS6, WAITS6]);
        assert!(lines[2].ends_with("\"hello, fragments\" of 16"));
    }

    #[test]
    fn of_overlapping_ipv4_fragments_the_first_counts() {
        let other = |from: usize, to: usize| ipv4_fragment(6, from, to < 36, &[b'X'; 36][from..to]);
        let cases = [
            // Over the end of one, over the start of one, over all of one.
            (
                vec![part(0, 24), other(16, 32), part(32, 36)],
                "hellXXXXXXXXents",
            ),
            (
                vec![part(24, 36), part(0, 16), other(16, 32)],
                "XXXXo, fragments",
            ),
            (
                vec![part(16, 32), other(16, 32), part(0, 16), part(32, 36)],
                "hello, fragments",
            ),
            // Over two with a hole between and one on each side.
            (
                vec![part(0, 24), part(32, 36), other(8, 36)],
                "hellXXXXXXXXents",
            ),
            (
                vec![part(8, 16), part(24, 32), part(0, 36)],
                "hello, fragments",
            ),
        ];
        for (packets, payload) in cases {
            let last = new_lines(&packets).pop().unwrap();
            let expected = format!("10.1.0.1:40000 > 10.1.0.2:80 seq 7 {payload:?} of 16");
            assert_eq!(last, expected);
        }
    }

    #[test]
    fn overlapping_ipv6_fragments_are_given_up_with_all_that_follow() {
        let mut decoder = Decoder::default();
        assert_eq!(
            lines(
                &mut decoder,
                &[part6(0, 24), part6(16, 32), part6(24, 36), part6(0, 24)]
            ),
            [WAITS6; 4]
        );
        assert_eq!(decoder.fragments_dropped(), 1);
    }

    #[test]
    fn two_ends_are_a_contradiction() {
        let short_end = ipv4_fragment(6, 8, false, &[0; 8]);
        for order in [[part(24, 36), short_end.clone()], [part(16, 32), short_end]] {
            let mut decoder = Decoder::default();
            lines(&mut decoder, &order);
            assert_eq!(decoder.fragments_dropped(), 1);
        }
    }

    #[test]
    fn impossible_fragments_are_malformed() {
        let cases = [
            (ipv4_fragment(6, 0, true, &[0; 9]), 9, 16),
            (ipv4_fragment(6, 0, true, &[]), 0, 8),
            (ipv4_fragment(6, 65_528, false, &[0; 8]), 65_536, 65_535),
        ];
        for (data, stated, limit) in cases {
            let error = WireError::bad_length(Layer::Ip, stated, limit);
            assert_eq!(
                new_lines(&[data]),
                [format!("Malformed({error:?}) 10.1.0.1 > 10.1.0.2")]
            );
        }
    }

    #[test]
    fn datagrams_in_different_tunnels_are_kept_apart() {
        let tagged = |vid, part: &[u8]| ethernet(0x8100, &vlan(vid, 0x0800, part));
        let (a, b) = (part(0, 24), part(24, 36));
        let mut decoder = Decoder::default();
        let expected = [WAITS, WAITS, WHOLE, WHOLE];
        let packets = [tagged(1, &a), tagged(2, &b), tagged(1, &b), tagged(2, &a)];
        for (data, expected) in packets.iter().zip(expected) {
            let contents = decoder.decode(&packet(LinkType::ETHERNET, data));
            assert_eq!(line(&contents), expected);
        }
    }

    #[test]
    fn a_tunnel_may_be_fragmented_outside_and_inside() {
        let inside = |fragment: &[u8]| udp(4789, &vxlan(7, &ethernet(0x0800, fragment)));
        let (a, b) = (inside(&part(0, 24)), inside(&part(24, 36)));
        let outside = |datagram: &[u8], id: u8| {
            [(0, 40), (40, datagram.len())].map(|(from, to)| {
                let more = to < datagram.len();
                let mut fragment = ipv4_fragment(17, from, more, &datagram[from..to]);
                fragment[4] = id;
                fragment
            })
        };
        let [a0, a1] = outside(&a, 1);
        let [b0, b1] = outside(&b, 2);
        assert_eq!(new_lines(&[a0, b0, b1, a1]), [WAITS, WAITS, WAITS, WHOLE]);
    }

    #[test]
    fn of_fragments_cut_by_the_snap_length_the_first_bytes_are_known() {
        let mut decoder = Decoder::default();
        for (data, captured, expected) in [
            (part(0, 32), 46, WAITS),
            (
                part(32, 36),
                24,
                "10.1.0.1:40000 > 10.1.0.2:80 seq 7 \"hello,\" of 16",
            ),
        ] {
            let mut cut = packet(LinkType::RAW, &data);
            cut.data = &data[..captured];
            assert_eq!(line(&decoder.decode(&cut)), expected);
        }
    }

    fn at(seconds: u64, data: &[u8]) -> Packet<'_> {
        Packet {
            time: Timestamp(seconds * 1_000_000_000),
            ..packet(LinkType::RAW, data)
        }
    }

    #[test]
    fn a_datagram_that_waits_too_long_is_given_up() {
        let (a, b) = (part(0, 24), part(24, 36));
        for (seconds, expected, dropped) in [(130, WHOLE, 0), (131, WAITS, 1), (90, WHOLE, 0)] {
            let mut decoder = Decoder::default();
            decoder.decode(&at(100, &a));
            assert_eq!(line(&decoder.decode(&at(seconds, &b))), expected);
            assert_eq!(decoder.fragments_dropped(), dropped);
        }
    }

    #[test]
    fn the_oldest_datagram_makes_room_for_a_new_one() {
        let id = |mut fragment: Vec<u8>, id: u8| {
            fragment[5] = id;
            fragment
        };
        let packets: Vec<_> = (0..3)
            .map(|n| id(part(0, 24), n))
            .chain((0..3).rev().map(|n| id(part(24, 36), n)))
            .collect();
        let piece = 24 + size_of::<Piece>();
        let limits = FragmentLimits::default();
        for (limits, expected) in [
            (limits, [WHOLE, WHOLE, WHOLE]),
            (
                FragmentLimits {
                    max_datagrams: 2,
                    ..limits
                },
                [WHOLE, WHOLE, WAITS],
            ),
            (
                FragmentLimits {
                    max_bytes: 2 * piece,
                    ..limits
                },
                [WHOLE, WHOLE, WAITS],
            ),
            (
                FragmentLimits {
                    max_datagrams: 0,
                    ..limits
                },
                [WAITS; 3],
            ),
            (
                FragmentLimits {
                    max_bytes: 0,
                    ..limits
                },
                [WAITS; 3],
            ),
        ] {
            let mut decoder = Decoder::new(limits);
            assert_eq!(lines(&mut decoder, &packets)[3..], expected, "{limits:?}");
        }
    }
    proptest! {
        #[test]
        fn any_cut_in_any_order_gives_the_whole(
            text in "[a-z]{100}",
            mut cuts in proptest::collection::btree_set(1usize..15, 1..10)
                .prop_map(|cuts| cuts.into_iter().map(|cut| cut * 8).collect::<Vec<_>>()),
            order in any::<prop::sample::Index>(),
            v6 in any::<bool>(),
        ) {
            let whole = tcp(text.as_bytes());
            cuts.push(whole.len());
            let mut from = 0;
            let mut parts = Vec::new();
            for to in cuts {
                let (more, bytes) = (to < whole.len(), &whole[from..to]);
                parts.push(if v6 {
                    ipv6_fragment(6, from, more, bytes)
                } else {
                    ipv4_fragment(6, from, more, bytes)
                });
                from = to;
            }
            let middle = order.index(parts.len());
            parts.rotate_left(middle);
            parts[..middle].reverse();
            let lines = new_lines(&parts);
            let (last, waiting) = lines.split_last().unwrap();
            prop_assert!(last.ends_with(&format!("{text:?} of 100")), "{last}");
            prop_assert!(waiting.iter().all(|line| line.starts_with("Fragment")));
        }

        #[test]
        fn what_is_held_is_what_the_pieces_hold(
            parts in proptest::collection::vec((0u16..6, 0usize..30, any::<bool>(), 0usize..9), 1..30),
            v6 in any::<bool>(),
        ) {
            let address: IpAddr = if v6 { [0; 16].into() } else { [0; 4].into() };
            let mut reassembly = Reassembly::new(FragmentLimits {
                max_bytes: 600,
                max_datagrams: 3,
                ..FragmentLimits::default()
            });
            let mut whole = Vec::new();
            for (offset, len, more, missing) in parts {
                let part = Part { id: u32::from(offset) % 2, protocol: 6, offset: offset * 8, more };
                let key = Key::new(address, address, Encapsulation::NONE, part);
                let bytes = vec![0; len.saturating_sub(missing)];
                let cursor = Cursor::new(&bytes, if more { len & !7 } else { len });
                let added = reassembly.add(key, part, cursor, Timestamp(0), &mut whole);
                if let Ok(Some(finished)) = added {
                    prop_assert!(whole.len() <= finished.wire_len);
                }
                let held: usize = reassembly.waiting.iter().map(|datagram| datagram.held).sum();
                prop_assert_eq!(reassembly.held, held);
                prop_assert!(held <= 600 && reassembly.waiting.len() <= 3);
                for datagram in &reassembly.waiting {
                    let pieces = &datagram.pieces;
                    let held: usize = pieces.iter().map(|p| p.bytes.len() + size_of::<Piece>()).sum();
                    prop_assert_eq!(datagram.held, held);
                    prop_assert!(pieces.is_sorted_by(|a, b| a.end() <= b.offset));
                }
            }
        }
    }
}

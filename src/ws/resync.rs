//! Finding the next frame header when bytes are missing or the start was not captured.
//!
//! Every position is a candidate. A candidate is believed for what can be observed: bits
//! of evidence, each bit halving the chance that something else looks like it. It dies at
//! the first thing that no frame would have. Until one candidate has enough, nothing is
//! said: a frame is never invented to fill a hole. How many are enough, a [`Profile`] says;
//! each doubling of the segments that were looked at before it asks for one more.
//!
//! | observation | bits |
//! | --- | --- |
//! | the header begins where a segment begins | 10 |
//! | and a header is likely there: the handshake ends there, or nearly all segments of this direction began with a header | 12 |
//! | a header with legal FIN, RSV, opcode, mask bit, minimal length, unlike the one before | 5 |
//! | and its length takes 64 bits, of which the first 31 are 0; from a server only where WebSocket is known to be | 12 |
//! | a frame ends where a segment ends: log2 of the shorter of the two, of the mean where it takes several, at most | 10 |
//! | each byte of unmasked text that is text, up to 24; from a client only | 1 |
//! | a Close whose code may be sent | 8 |
//!
//! What any monotonous data would show as well counts nothing: empty frames, and frames
//! that only repeat the one before; nor do more than three headers in one segment. A server's
//! fragments count only with the last of their message: two bytes of length, as before each
//! unit of DNS over TCP, look like the others. Text
//! counts only where a masking key had to be right for it: what a server sends in clear may
//! be the middle of a longer text. A chain that begins inside a segment counts up to where
//! it meets the start of another, since luck may have led it there.

use std::cell::Cell;

use super::code::OpCode;
use super::frame::{Decoded, FrameHeader, unmask};
use super::pieces::{Piece, Pieces};
use super::profile::{Profile, has_plausible_length, payload_evidence};
use crate::flow::StreamItem;

/// A header was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The frame is masked, so its sender is a client.
    pub masked: bool,
    /// Bytes passed over before it, missing ones included.
    pub skipped: u64,
    /// All that was kept from the header on.
    pub pieces: Vec<Piece>,
}

/// Looks for a frame header in one direction's bytes.
#[derive(Debug)]
pub struct Seeker {
    profile: Profile,
    /// What was looked at last.
    pieces: Pieces,
    /// Positions below this one are candidates already, or dead.
    next_candidate: u64,
    candidates: Vec<Candidate>,
    /// Where a header is likely, see [`Seeker::favouring_start`].
    favoured: Option<u64>,
    /// Headers are likely at every start of a segment.
    aligned: bool,
    /// See [`Seeker::hold_unmasked`].
    holds_unmasked: bool,
    /// Chunks searched.
    segments: u32,
    /// Headers that may still be judged for this chunk.
    budget: Cell<u64>,
}

/// A chain of headers that may be frames.
#[derive(Clone, Copy, Debug)]
// Each is seen or not, whatever the others are.
#[allow(clippy::struct_excessive_bools)]
struct Candidate {
    start: u64,
    /// How many segments had come when it was nominated.
    first_segment: u32,
    /// Where its next header must be.
    next: u64,
    masked: bool,
    bits: u32,
    /// It counted that the frame before `next` ends where a segment ends.
    ends_segment: bool,
    /// The header before `next`, and where it is.
    last: FrameHeader,
    last_at: u64,
    /// How many segments had come by then.
    last_segment: u32,
    /// It only repeats the one before it.
    alike: bool,
    /// It begins where a header is more likely than elsewhere.
    anchored: bool,
    /// It holds the last frame of a data message, as any conversation soon does.
    ends_message: bool,
    /// Start of the segment in which headers are counted now, and how many were.
    counted_in: (u64, u32),
    /// Whether a fragmented message is open before `next`, once that is known: only then
    /// may, and must, the next data frame be a continuation (RFC 6455 §5.4).
    in_message: Option<bool>,
}

/// Candidates followed at once; of more, those with least evidence are dropped.
const MAX_CANDIDATES: usize = 16;

/// Headers judged per byte, so that time is linear in bytes that were made to look like
/// headers everywhere: then only starts of segments are candidates. Usual bytes need little
/// more than one.
const BUDGET_PER_BYTE: u64 = 8;

/// Payload bytes looked at per frame.
const SAMPLE: usize = 32;

const SEGMENT_START: u32 = 10;

/// Headers that count in one segment: more of them are hardly independent of each other.
const HEADERS_PER_SEGMENT: u32 = 3;

const LIKELY: u32 = 12;
const HEADER: u32 = 5;
const LONG_LENGTH: u32 = 12;
const SEGMENT_END_AT_MOST: u32 = 10;

impl Seeker {
    /// A seeker that knows nothing of what came before.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            pieces: Pieces::new(profile.max_bytes),
            next_candidate: 0,
            candidates: Vec::new(),
            favoured: None,
            aligned: false,
            holds_unmasked: false,
            segments: 0,
            budget: Cell::new(0),
        }
    }

    /// A seeker that stands where a header is likely, or at the gap before it: the opening
    /// handshake ends here, but not all of it was captured.
    pub fn favouring_start(profile: Profile) -> Self {
        Self {
            favoured: Some(0),
            ..Self::new(profile)
        }
    }

    /// A seeker for a direction whose segments were seen to begin with a header.
    pub fn favouring_segment_starts(profile: Profile) -> Self {
        Self {
            aligned: true,
            ..Self::new(profile)
        }
    }

    /// Whether to believe in no unmasked frame for now, however much speaks for it: there is
    /// no sign that the other side is a client.
    pub fn hold_unmasked(&mut self, hold: bool) {
        self.holds_unmasked = hold;
    }

    /// Whether a segment began with what may be a client's frame.
    pub fn may_be_client(&self) -> bool {
        let of_client = |candidate: &Candidate| candidate.masked && candidate.anchored;
        self.candidates.iter().any(of_client)
    }

    /// Bytes searched so far, missing ones included.
    pub fn searched(&self) -> u64 {
        self.pieces.end()
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.pieces.heap_bytes() + self.candidates.capacity() * size_of::<Candidate>()
    }

    /// All that is kept, in order, for another search.
    pub fn into_pieces(self) -> impl Iterator<Item = Piece> {
        self.pieces.into_kept()
    }

    /// Looks at the next bytes or gap. After a header was found, the seeker is used up.
    pub fn push(&mut self, item: StreamItem<'_>) -> Option<Found> {
        let position = self.pieces.end();
        match item {
            StreamItem::Gap { len, .. } => {
                self.keep(Piece::Gap(len));
                if self.favoured == Some(position) {
                    self.favoured = Some(self.pieces.end());
                }
                // What waited for more bytes is judged by those there are.
                self.budget.set(BUDGET_PER_BYTE * WAIT_AT_MOST);
                self.follow();
                self.nominate(position);
                self.next_candidate = self.pieces.end();
                let end = self.pieces.end();
                self.candidates
                    .retain(|candidate| candidate.next < position || candidate.next >= end);
            }
            StreamItem::Chunk(bytes) => {
                self.keep(Piece::Bytes(bytes.to_vec()));
                self.segments = self.segments.saturating_add(1);
                self.budget.set(BUDGET_PER_BYTE * bytes.len() as u64);
                self.follow();
                self.nominate(self.pieces.end());
            }
        }
        let profile = self.profile;
        let enough = |candidate: &&Candidate| {
            // The more segments were looked at, the more likely that one fits by chance.
            let looked_at = candidate.first_segment.max(1).ilog2();
            let needed = if candidate.masked {
                profile.masked_bits
            } else {
                profile.unmasked_bits
            };
            let may_be_foreign = profile.masked.is_none() && !candidate.ends_message;
            let held = self.holds_unmasked && !candidate.masked;
            candidate.bits >= needed + looked_at && !may_be_foreign && !held
        };
        // The earliest, so that no frame of its chain is lost.
        let best = self
            .candidates
            .iter()
            .filter(enough)
            .min_by_key(|c| c.start);
        let best = *best?;
        Some(self.take_from(best))
    }

    fn keep(&mut self, piece: Piece) {
        if self.pieces.push(piece) {
            // Of a chain that began in what was dropped, the last header is remembered.
            let kept_from = self.pieces.start();
            for candidate in &mut self.candidates {
                if candidate.start < kept_from {
                    candidate.start = candidate.last_at;
                }
            }
        }
    }

    /// Advances every candidate over the headers that are there now.
    fn follow(&mut self) {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.retain_mut(|candidate| self.advance(candidate));
        self.candidates = candidates;
    }

    /// Makes candidates of the positions before `until` that can be judged now.
    fn nominate(&mut self, until: u64) {
        let mut at = self.next_candidate;
        while at < until {
            if self.budget.get() == 0 && !self.pieces.is_start(at) {
                at += 1;
                continue;
            }
            let judged = self.judge(at, self.profile.masked);
            match judged {
                Judged::NotYet if self.pieces.end() - at < WAIT_AT_MOST => break,
                Judged::Frame {
                    next,
                    masked,
                    bits,
                    header,
                } => {
                    let mut likely = 0;
                    let at_segment_start = self.pieces.is_start(at);
                    if at_segment_start {
                        likely += SEGMENT_START;
                    }
                    if self.favoured == Some(at) || (self.aligned && at_segment_start) {
                        likely += LIKELY;
                    }
                    let mut candidate = Candidate {
                        start: at,
                        first_segment: self.segments,
                        next,
                        masked,
                        bits: bits + likely,
                        ends_segment: false,
                        last: header,
                        last_at: at,
                        last_segment: self.segments,
                        alike: false,
                        anchored: likely > 0,
                        ends_message: ends_message(&header),
                        counted_in: (self.pieces.start_of(at).unwrap_or(0), 1),
                        in_message: after(None, &header),
                    };
                    if self.advance(&mut candidate) {
                        self.candidates.push(candidate);
                    }
                }
                Judged::NotYet | Judged::NoFrame => {}
            }
            at += 1;
        }
        self.next_candidate = at;
        if self.candidates.len() > MAX_CANDIDATES {
            self.candidates
                .sort_by_key(|candidate| std::cmp::Reverse(candidate.bits));
            self.candidates.truncate(MAX_CANDIDATES);
        }
    }

    /// What it tells that the frame before `next` ends where a segment ends. Short frames
    /// end in many places, and short segments do.
    fn segment_end_bits(&self, candidate: &Candidate) -> u32 {
        let segment = self.pieces.start_of(candidate.next.saturating_sub(1));
        let segment_len = segment.map_or(0, |start| candidate.next - start);
        let header = &candidate.last;
        // Frames that are all alike tell something only where WebSocket is known to be, and
        // each has a segment to itself.
        let repeats = candidate.alike
            && (self.profile.masked.is_none() || candidate.next - segment_len != candidate.last_at);
        // Two bytes of length that say what follows, as in DNS over TCP, look like that.
        let is_length = is_between(header) && !candidate.masked;
        if header.payload_len == 0 || repeats || is_length {
            return 0;
        }
        let frame_len = u64::from(header.header_len()) + header.payload_len;
        let segments = u64::from(self.segments.saturating_sub(candidate.last_segment)) + 1;
        // The last segment of a long frame may be short: what counts is how many places there
        // were where a segment ended.
        let usual = if segments == 1 {
            segment_len
        } else {
            frame_len / segments
        };
        let shorter = usual.min(frame_len).max(1);
        shorter.ilog2().min(SEGMENT_END_AT_MOST)
    }

    /// Follows a candidate's chain as far as it can be seen; `false` when it breaks.
    fn advance(&self, candidate: &mut Candidate) -> bool {
        while candidate.next < self.pieces.end() && self.budget.get() > 0 {
            if self.pieces.is_start(candidate.next) {
                if !candidate.anchored {
                    // Whatever led here may have done so by luck. What begins here is a
                    // candidate of its own.
                    return false;
                }
                self.count_segment_end(candidate);
            }
            match self.judge(candidate.next, Some(candidate.masked)) {
                Judged::Frame {
                    next, bits, header, ..
                } => {
                    let continues = header.opcode == OpCode::Continuation;
                    let expected = header.opcode.is_control()
                        || candidate.in_message.is_none_or(|open| open == continues);
                    if !expected {
                        return false;
                    }
                    candidate.in_message = after(candidate.in_message, &header);
                    let alike = candidate.last.opcode == header.opcode
                        && candidate.last.payload_len == header.payload_len;
                    candidate.alike = alike;
                    candidate.last_at = candidate.next;
                    candidate.last_segment = self.segments;
                    let segment = self.pieces.start_of(candidate.next).unwrap_or(0);
                    if candidate.counted_in.0 != segment {
                        candidate.counted_in = (segment, 0);
                    }
                    candidate.counted_in.1 += 1;
                    candidate.bits += match alike {
                        _ if candidate.counted_in.1 > HEADERS_PER_SEGMENT => 0,
                        true => bits.saturating_sub(HEADER),
                        false => bits,
                    };
                    candidate.last = header;
                    candidate.next = next;
                    candidate.ends_segment = false;
                    candidate.ends_message |= ends_message(&header);
                }
                Judged::NotYet => return true,
                Judged::NoFrame => return false,
            }
        }
        if candidate.next == self.pieces.end() && candidate.anchored {
            self.count_segment_end(candidate);
        }
        true
    }

    /// Counts, once, that the frame before `next` ends where a segment ends.
    fn count_segment_end(&self, candidate: &mut Candidate) {
        if !std::mem::replace(&mut candidate.ends_segment, true) {
            candidate.bits += self.segment_end_bits(candidate);
        }
    }

    /// Judges the bytes at `at` as a frame.
    fn judge(&self, at: u64, masked: Option<bool>) -> Judged {
        self.budget.set(self.budget.get().saturating_sub(1));
        let mut buffer = [0; FrameHeader::MAX_LEN + SAMPLE];
        // Most positions are told by their first byte.
        let (len, _) = self.pieces.copy(at, &mut buffer[..1]);
        if len == 1 && !self.profile.plausible_first(buffer[0]) {
            return Judged::NoFrame;
        }
        let (len, more_may_come) = self.pieces.copy(at, &mut buffer);
        let bytes = &mut buffer[..len];
        let Decoded::Complete {
            item: header,
            consumed,
        } = FrameHeader::decode(bytes)
        else {
            return if more_may_come {
                Judged::NotYet
            } else {
                Judged::NoFrame
            };
        };
        let is_masked = header.masking_key.is_some();
        // Zeros, which are everywhere, would be empty frames that never end a message.
        let never_sent = header.payload_len == 0 && !header.fin;
        if masked.is_some_and(|masked| masked != is_masked)
            || !has_plausible_length(&header)
            || never_sent
        {
            return Judged::NoFrame;
        }
        let payload = &mut bytes[consumed..];
        let wanted = usize::try_from(header.payload_len).map_or(SAMPLE, |len| len.min(SAMPLE));
        if payload.len() < wanted && more_may_come {
            return Judged::NotYet;
        }
        let known = payload.len().min(wanted);
        let payload = &mut payload[..known];
        unmask(payload, header.masking_key.unwrap_or_default(), 0);
        let Some(bits) = payload_evidence(&header, payload) else {
            return Judged::NoFrame;
        };
        Judged::Frame {
            next: at + consumed as u64 + header.payload_len,
            masked: is_masked,
            bits: bits + header_evidence(&header, self.profile),
            header,
        }
    }

    fn take_from(&mut self, best: Candidate) -> Found {
        let mut pieces = Vec::new();
        let mut at = best.start;
        if at < self.pieces.start() {
            // Its bytes were dropped to stay within the limit.
            let header = best.last.encoded();
            at += header.len() as u64;
            pieces.push(Piece::Bytes(header));
        }
        pieces.extend(self.pieces.take_from(at));
        Found {
            masked: best.masked,
            skipped: best.start,
            pieces,
        }
    }
}

/// A header and its sample lie within this many bytes: no position waits for longer.
const WAIT_AT_MOST: u64 = (FrameHeader::MAX_LEN + SAMPLE) as u64;

enum Judged {
    Frame {
        next: u64,
        masked: bool,
        bits: u32,
        header: FrameHeader,
    },
    NotYet,
    NoFrame,
}

/// Bits for a header that keeps the rules: none for an empty frame, which any two fitting
/// bytes are, and for a continuation that is not final, of which there may be any number.
fn header_evidence(header: &FrameHeader, profile: Profile) -> u32 {
    if header.payload_len == 0 || is_between(header) {
        0
    } else if header.extended_len_bytes == 8
        && (header.masking_key.is_some() || profile.masked.is_some())
    {
        HEADER + LONG_LENGTH
    } else {
        HEADER
    }
}

/// Whether a frame is a fragment that neither begins nor ends its message.
fn is_between(header: &FrameHeader) -> bool {
    header.opcode == OpCode::Continuation && !header.fin
}

/// Whether a frame is the last of a data message.
fn ends_message(header: &FrameHeader) -> bool {
    header.fin && !header.opcode.is_control()
}

/// Whether a fragmented message is open after a frame.
fn after(in_message: Option<bool>, header: &FrameHeader) -> Option<bool> {
    if header.opcode.is_control() {
        in_message
    } else {
        Some(!header.fin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::GapCause;

    fn masked_text(text: &str, key: [u8; 4]) -> Vec<u8> {
        let mut payload = text.as_bytes().to_vec();
        unmask(&mut payload, key, 0);
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap_or(125)];
        frame.extend_from_slice(&key);
        frame.extend_from_slice(&payload);
        frame
    }

    /// Feeds segments until a header is found: its position, and whether it is masked.
    fn seek(profile: Profile, segments: &[&[u8]]) -> Option<(u64, bool)> {
        let mut seeker = Seeker::new(profile);
        segments.iter().find_map(|segment| {
            let found = seeker.push(StreamItem::Chunk(segment))?;
            Some((found.skipped, found.masked))
        })
    }

    #[test]
    fn one_masked_text_at_a_segment_start_is_enough() {
        let frame = masked_text(
            "a text of more than twenty-four bytes",
            *b"\x93\x1a\xf0\x77",
        );
        assert_eq!(seek(Profile::for_unknown(), &[&frame]), Some((0, true)));
        let junk: &[u8] = b"\xf7\xf3\xb4 rest of a frame";
        assert_eq!(
            seek(Profile::for_unknown(), &[junk, &frame]),
            Some((junk.len() as u64, true))
        );
    }

    #[test]
    fn a_masked_text_is_found_inside_a_segment_by_its_chain() {
        let key = *b"\x93\x1a\xf0\x77";
        let mut segment = b"\xf7\xf3\xb4\xff rest".to_vec();
        segment.extend(masked_text("a text that is long enough to count", key));
        segment.extend(masked_text("and another one", *b"\x55\xe1\x08\xc3"));
        assert_eq!(seek(Profile::for_unknown(), &[&segment]), Some((9, true)));
    }

    /// Binary frames of a server, each of another length, all bytes random.
    fn server_frames(count: usize) -> Vec<Vec<u8>> {
        let random = random_bytes(200 * count);
        let frame = |(at, bytes): (usize, &[u8])| {
            let len = 60 + 7 * (at % 9);
            [&[0x82, u8::try_from(len).unwrap_or(60)], &bytes[..len]].concat()
        };
        random.chunks(200).enumerate().map(frame).collect()
    }

    #[test]
    fn server_frames_are_believed_when_they_end_with_their_segments() {
        let frames = server_frames(9);
        let segments: Vec<_> = frames.iter().map(Vec::as_slice).collect();
        let known = Profile::for_server(false);
        assert_eq!(seek(known, &segments[..2]), None);
        assert_eq!(seek(known, &segments[..4]), Some((0, false)));
        assert_eq!(seek(Profile::for_unknown(), &segments[..4]), None);
        assert_eq!(seek(Profile::for_unknown(), &segments), Some((0, false)));
    }

    #[test]
    fn where_a_header_is_likely_less_is_asked_for() {
        let hello = masked_text("hello", *b"\x93\x1a\xf0\x77");
        let profile = Profile::for_client(false);
        assert_eq!(seek(profile, &[&hello]), None);
        let mut seeker = Seeker::favouring_start(profile);
        let gap = StreamItem::Gap {
            len: 9,
            cause: GapCause::NotCaptured,
        };
        assert_eq!(seeker.push(gap), None);
        let found = seeker.push(StreamItem::Chunk(&hello));
        assert_eq!(found.map(|found| found.skipped), Some(9));
    }

    #[test]
    fn a_frame_between_two_gaps_is_found_where_segments_usually_begin_with_a_header() {
        let frames = server_frames(1);
        let mut seeker = Seeker::favouring_segment_starts(Profile::for_server(false));
        let gap = StreamItem::Gap {
            len: 9,
            cause: GapCause::NotCaptured,
        };
        assert_eq!(seeker.push(gap), None);
        let found = seeker.push(StreamItem::Chunk(&frames[0]));
        assert_eq!(found.map(|found| found.skipped), Some(9));
    }

    #[test]
    fn a_frame_longer_than_what_is_kept_is_found_with_its_end() {
        let profile = Profile {
            max_bytes: 10_000,
            ..Profile::for_server(false)
        };
        let payload = random_bytes(100_000);
        let frame = [b"\x82\x7f\0\0\0\0\0\x01\x86\xa0", &payload[..]].concat();
        let mut seeker = Seeker::new(profile);
        let mut segments = frame.chunks(1448).map(StreamItem::Chunk);
        let Some(found) = segments.find_map(|segment| seeker.push(segment)) else {
            panic!("the frame is found");
        };
        assert_eq!(found.skipped, 0);
        let length: u64 = found.pieces.iter().map(Piece::len).sum();
        assert_eq!(length, frame.len() as u64);
        assert_eq!(found.pieces[0], Piece::Bytes(frame[..10].to_vec()));
        assert!(matches!(found.pieces[1], Piece::Gap(80_000..)));
        let Some(Piece::Bytes(last)) = found.pieces.last() else {
            panic!("the end of the frame is kept");
        };
        assert!(frame.ends_with(last));
    }

    #[test]
    fn one_segment_full_of_headers_is_not_enough() {
        let foreign = random_bytes(300);
        let like_frames = b"\x81\x01a\x82\0".repeat(2_000);
        let segments = [&foreign[..100], &like_frames, &foreign[100..]];
        assert_eq!(seek(Profile::for_unknown(), &segments), None);
    }

    #[test]
    fn monotonous_bytes_are_no_frames() {
        for pattern in [
            &b"\0"[..],
            b"\0\x01",
            b"\x82\0",
            b"\0\x01\x05",
            b"\x01",
            b"\x81\x01a",
        ] {
            let bytes = pattern.repeat(500);
            for size in [1, 2, 5, 16, 1400, 1448] {
                let segments: Vec<_> = bytes.chunks(size).collect();
                for profile in [Profile::for_unknown(), Profile::for_server(true)] {
                    let believed = seek(profile, &segments);
                    assert_eq!(believed, None, "{} in {size}", pattern.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn the_middle_of_a_cyrillic_text_is_no_frame() {
        let text = "мы с ним рассказали о том, что всё с самого начала было не так просто. ";
        let long = text.repeat(200);
        for size in [200, 536, 1448] {
            let segments: Vec<&[u8]> = long.as_bytes().chunks(size).collect();
            for from in 0..segments.len().min(4) {
                assert_eq!(seek(Profile::for_server(true), &segments[from..]), None);
            }
        }
    }

    #[test]
    fn other_protocols_are_no_frames() {
        let mqtt: &[u8] = b"\x82\x08\x00\x01\x00\x03a/b\x00";
        let mqtt_ping: &[u8] = b"\xc0\x00";
        let ftp: &[u8] = b"230 Login successful.\r\n";
        for segments in [vec![mqtt, mqtt_ping, mqtt, mqtt, mqtt_ping], vec![ftp; 50]] {
            assert_eq!(seek(Profile::for_unknown(), &segments), None);
        }
        let random = random_bytes(50_000);
        let records: Vec<_> = random
            .chunks(100)
            .map(|content| [b"\x17\x03\x03\x00\x64", content].concat())
            .collect();
        let segments: Vec<_> = records.iter().map(Vec::as_slice).collect();
        assert_eq!(seek(Profile::for_unknown(), &segments), None);
    }

    fn random_bytes(len: usize) -> Vec<u8> {
        let mut state: u64 = 0x1234_5678_9abc_def1;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[3]
        };
        (0..len).map(next).collect()
    }

    #[test]
    fn random_bytes_are_no_frames() {
        let bytes = random_bytes(400_000);
        let segments: Vec<&[u8]> = bytes.chunks(1448).collect();
        assert_eq!(seek(Profile::for_unknown(), &segments), None);
        assert_eq!(seek(Profile::for_client(true), &segments), None);
        assert_eq!(seek(Profile::for_server(true), &segments), None);
    }

    #[test]
    fn what_is_kept_from_the_header_on_comes_back_whole() {
        let frame = masked_text(
            "a text of more than twenty-four bytes",
            *b"\x93\x1a\xf0\x77",
        );
        let mut seeker = Seeker::new(Profile::for_unknown());
        assert_eq!(seeker.push(StreamItem::Chunk(b"\xff\xff")), None);
        let (left, right) = frame.split_at(20);
        assert_eq!(seeker.push(StreamItem::Chunk(left)), None);
        let found = seeker
            .push(StreamItem::Chunk(right))
            .map(|found| found.pieces);
        let expected = [left, right].map(|part| Piece::Bytes(part.to_vec()));
        assert_eq!(found, Some(expected.into()));
    }
}

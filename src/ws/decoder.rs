//! One direction's bytes, split into frames (RFC 6455 §5.2).
//!
//! A gap inside a payload costs only its bytes, since the header said where the next
//! header is. A gap that covers a header puts the decoder out of step, and a
//! [`Seeker`] looks for the next header that can be told for sure. Where what it found leads
//! to something that is no header, it was wrong, and the search begins again.

use super::frame::{Decoded, FrameHeader};
use super::profile::Profile;
use super::resync::Seeker;
use crate::flow::{GapCause, StreamItem};

/// What a [`FrameDecoder`] finds, in stream order.
///
/// A frame is a `Whole`, or else a `Header`, any number of `Payload` and `Missing` in order,
/// and an `End`. Which of both depends on how the stream was cut, and says nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameEvent<'a> {
    /// A frame that lies whole in one piece of the stream, as most do.
    Whole {
        /// Its header.
        header: FrameHeader,
        /// Its payload, still masked as it was on the wire.
        payload: &'a [u8],
    },
    /// A frame begins.
    Header(FrameHeader),
    /// Part of its payload, still masked as it was on the wire.
    Payload {
        /// The bytes, never empty.
        bytes: &'a [u8],
        /// How far into the payload they begin.
        position: u64,
    },
    /// Payload bytes that were not captured.
    Missing(u64),
    /// The frame is over.
    End,
    /// A header was missed: what follows cannot be read until `InStep`.
    OutOfStep,
    /// A header was found again, after `skipped` bytes that belong to no known frame,
    /// missing ones included.
    InStep {
        /// Bytes between the last known frame and this one.
        skipped: u64,
    },
}

impl FrameEvent<'_> {
    /// A `Whole` as what the same frame is in pieces; anything else as it is.
    pub fn in_pieces(self) -> impl Iterator<Item = Self> {
        let pieces = match self {
            Self::Whole { header, payload } => {
                let payload = (!payload.is_empty()).then_some(Self::Payload {
                    bytes: payload,
                    position: 0,
                });
                [Some(Self::Header(header)), payload, Some(Self::End)]
            }
            other => [Some(other), None, None],
        };
        pieces.into_iter().flatten()
    }
}

/// Splits one direction's bytes into frame headers and payload pieces.
#[derive(Debug)]
pub struct FrameDecoder {
    state: State,
    /// What a header must look like to be believed when out of step.
    profile: Profile,
    alignment: Alignment,
    /// That headers are here was found by a search, or supposed: what is none tells that it
    /// was wrong.
    in_doubt: bool,
}

/// How often a segment begins with a header. A peer that sends each frame by itself makes
/// it nearly always so, and then the next segment is where to look after a gap.
#[derive(Clone, Copy, Debug, Default)]
struct Alignment {
    segments: u32,
    headers: u32,
}

impl Alignment {
    fn note(&mut self, at_header: bool) {
        if self.segments == 1 << 16 {
            // The recent past counts more.
            self.segments /= 2;
            self.headers /= 2;
        }
        self.segments += 1;
        self.headers += u32::from(at_header);
    }

    fn is_usual(self) -> bool {
        self.segments >= 16 && self.headers * 16 >= self.segments * 15
    }
}

#[derive(Debug)]
enum State {
    /// In or before a header; the start of one that is not complete yet.
    Header { partial: [u8; 14], len: usize },
    /// In a payload.
    Payload { left: u64, position: u64 },
    /// Out of step.
    Seeking(Box<Seeker>),
}

impl State {
    const HEADER: Self = Self::Header {
        partial: [0; 14],
        len: 0,
    };
}

impl FrameDecoder {
    /// A decoder that stands at the first byte after the opening handshake.
    pub fn new(profile: Profile) -> Self {
        Self {
            state: State::HEADER,
            profile,
            alignment: Alignment::default(),
            in_doubt: false,
        }
    }

    /// The same, but what cannot be a header there shows that none is.
    pub fn in_doubt(profile: Profile) -> Self {
        Self {
            in_doubt: true,
            ..Self::new(profile)
        }
    }

    /// A decoder that must find its first header.
    pub fn seeking(profile: Profile, seeker: Seeker) -> Self {
        Self {
            state: State::Seeking(Box::new(seeker)),
            profile,
            alignment: Alignment::default(),
            in_doubt: true,
        }
    }

    /// Feeds the next bytes or gap of this direction. Any way of cutting the stream into
    /// pieces yields the same headers and the same payload bytes.
    pub fn push(&mut self, item: StreamItem<'_>, emit: &mut impl FnMut(FrameEvent<'_>)) {
        if let State::Seeking(seeker) = &mut self.state {
            if let Some(found) = seeker.push(item) {
                emit(FrameEvent::InStep {
                    skipped: found.skipped,
                });
                self.state = State::HEADER;
                self.in_doubt = true;
                for piece in found.pieces {
                    self.push(piece.as_item(), emit);
                }
            }
            return;
        }
        match item {
            StreamItem::Chunk(bytes) => {
                let at_header = matches!(self.state, State::Header { len: 0, .. });
                self.alignment.note(at_header);
                self.chunk(bytes, emit);
            }
            StreamItem::Gap { len, cause } => {
                if let Some(rest) = self.gap(len, emit) {
                    self.seek(StreamItem::Gap { len: rest, cause }, emit);
                }
            }
        }
    }

    /// Looks for the next header behind a gap.
    fn seek(&mut self, gap: StreamItem<'_>, emit: &mut impl FnMut(FrameEvent<'_>)) {
        emit(FrameEvent::OutOfStep);
        let mut seeker = if self.alignment.is_usual() {
            Seeker::favouring_segment_starts(self.profile)
        } else {
            Seeker::new(self.profile)
        };
        seeker.push(gap);
        self.state = State::Seeking(Box::new(seeker));
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match &self.state {
            State::Header { .. } | State::Payload { .. } => 0,
            State::Seeking(seeker) => size_of::<Seeker>() + seeker.heap_bytes(),
        }
    }

    fn chunk(&mut self, mut bytes: &[u8], emit: &mut impl FnMut(FrameEvent<'_>)) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Payload { left, position } => {
                    let wanted = usize::try_from(*left).unwrap_or(usize::MAX);
                    let (payload, rest) = bytes.split_at(wanted.min(bytes.len()));
                    emit(FrameEvent::Payload {
                        bytes: payload,
                        position: *position,
                    });
                    *left -= payload.len() as u64;
                    *position += payload.len() as u64;
                    bytes = rest;
                    if *left == 0 {
                        self.state = State::HEADER;
                        emit(FrameEvent::End);
                    }
                }
                State::Header { partial, len } => {
                    // The usual header lies whole in `bytes`; else its pieces are joined.
                    let joined = *len > 0;
                    if joined {
                        let take = bytes.len().min(partial.len() - *len);
                        partial[*len..*len + take].copy_from_slice(&bytes[..take]);
                    }
                    let known = if joined {
                        &partial[..partial.len().min(*len + bytes.len())]
                    } else {
                        bytes
                    };
                    match FrameHeader::decode(known) {
                        Decoded::Complete { item, consumed } => {
                            bytes = &bytes[consumed - *len..];
                            if self.in_doubt && !self.profile.believes(&item) {
                                // The rest of the chunk is passed over: to look for a header
                                // in it again and again would take time without bound.
                                let len = (consumed + bytes.len()) as u64;
                                let cause = GapCause::NotCaptured;
                                return self.seek(StreamItem::Gap { len, cause }, emit);
                            }
                            let len = usize::try_from(item.payload_len);
                            let whole = len.ok().and_then(|len| bytes.split_at_checked(len));
                            if let Some((payload, rest)) = whole {
                                self.state = State::HEADER;
                                bytes = rest;
                                emit(FrameEvent::Whole {
                                    header: item,
                                    payload,
                                });
                            } else {
                                self.state = State::Payload {
                                    left: item.payload_len,
                                    position: 0,
                                };
                                emit(FrameEvent::Header(item));
                            }
                        }
                        Decoded::NeedMore(_) => {
                            if !joined {
                                partial[..bytes.len()].copy_from_slice(bytes);
                            }
                            *len += bytes.len();
                            return;
                        }
                    }
                }
                State::Seeking(_) => return,
            }
        }
    }

    /// Passes over missing bytes; returns how many of them lie where a header is.
    fn gap(&mut self, len: u64, emit: &mut impl FnMut(FrameEvent<'_>)) -> Option<u64> {
        let State::Payload { left, position } = &mut self.state else {
            return Some(len);
        };
        let inside = len.min(*left);
        emit(FrameEvent::Missing(inside));
        *left -= inside;
        *position += inside;
        if *left == 0 {
            self.state = State::HEADER;
            emit(FrameEvent::End);
        }
        (len > inside).then_some(len - inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn gap(len: u64) -> StreamItem<'static> {
        StreamItem::Gap {
            len,
            cause: GapCause::NotCaptured,
        }
    }

    /// One line per frame: opcode, stated length, payload with `?` for missing bytes.
    fn lines(items: &[StreamItem<'_>]) -> Vec<String> {
        let mut decoder = FrameDecoder::new(Profile::for_server(false));
        let mut lines: Vec<String> = Vec::new();
        let mut tell = |event: FrameEvent<'_>| match event {
            FrameEvent::Whole { .. } => lines.push("in pieces it is none".to_owned()),
            FrameEvent::Header(h) => lines.push(format!("{} {} ", h.opcode, h.payload_len)),
            FrameEvent::Payload { bytes, position } => {
                if let Some(line) = lines.last_mut() {
                    let (_, payload) = line.rsplit_once(' ').unwrap_or_default();
                    assert_eq!(payload.len() as u64, position);
                    line.push_str(&String::from_utf8_lossy(bytes));
                }
            }
            FrameEvent::Missing(len) => {
                if let Some(line) = lines.last_mut() {
                    line.extend((0..len).map(|_| '?'));
                }
            }
            FrameEvent::End => {
                if let Some(line) = lines.last_mut() {
                    line.push('.');
                }
            }
            FrameEvent::OutOfStep => lines.push("out of step".to_owned()),
            FrameEvent::InStep { skipped } => lines.push(format!("in step after {skipped}")),
        };
        for item in items {
            decoder.push(*item, &mut |event| event.in_pieces().for_each(&mut tell));
        }
        lines
    }

    const TWO_FRAMES: &[u8] = b"\x81\x05hello\x82\x7e\x00\x7eabcdefghijklmnopqrstuvwxyz\
        abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\
        abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv\x8a\x00\x81\x01";

    #[test]
    fn cutting_the_stream_never_changes_the_result() {
        let whole = lines(&[StreamItem::Chunk(TWO_FRAMES)]);
        assert_eq!(whole.len(), 4);
        assert_eq!(whole[2..], ["Pong 0 .", "Text 1 "]);
        for size in 1..TWO_FRAMES.len() {
            let pieces: Vec<_> = TWO_FRAMES.chunks(size).map(StreamItem::Chunk).collect();
            assert_eq!(lines(&pieces), whole, "pieces of {size}");
        }
    }

    #[test]
    fn a_frame_is_told_whole_where_it_lies_whole_in_a_chunk() {
        // Two frames with payloads and one without; what is there of the last is a header.
        for (size, expected) in [(TWO_FRAMES.len(), 3), (1, 1)] {
            let mut decoder = FrameDecoder::new(Profile::for_server(false));
            let mut whole = 0;
            for piece in TWO_FRAMES.chunks(size) {
                decoder.push(StreamItem::Chunk(piece), &mut |event| {
                    whole += usize::from(matches!(event, FrameEvent::Whole { .. }));
                });
            }
            assert_eq!(whole, expected, "pieces of {size}");
        }
    }

    #[test]
    fn a_gap_inside_a_payload_costs_only_its_bytes() {
        let items = [
            StreamItem::Chunk(b"\x81\x0aab"),
            gap(3),
            StreamItem::Chunk(b"fgh"),
            gap(2),
            StreamItem::Chunk(b"\x8a\x00"),
        ];
        assert_eq!(lines(&items), ["Text 10 ab???fgh??.", "Pong 0 ."]);
    }

    #[test]
    fn a_gap_over_a_header_puts_the_decoder_out_of_step() {
        let items = [
            StreamItem::Chunk(b"\x81\x03ab"),
            gap(2),
            StreamItem::Chunk(b"xyz"),
        ];
        assert_eq!(lines(&items), ["Text 3 ab?.", "out of step"]);
    }

    #[test]
    fn where_a_search_led_to_what_is_no_header_it_begins_again() {
        let frames: Vec<_> = (40_u8..45)
            .map(|len| [&[0x81, len], vec![b'x'; len.into()].as_slice()].concat())
            .collect();
        let chunks: Vec<_> = frames
            .iter()
            .map(|frame| StreamItem::Chunk(frame))
            .collect();
        let no_header = StreamItem::Chunk(b"\xf3\x01 and more");
        let items = [&[gap(9)], &chunks[..], &[no_header], &chunks[..]].concat();
        let lines = lines(&items);
        let text = |line: &String| line.starts_with("Text");
        assert_eq!(lines.iter().filter(|line| text(line)).count(), 10);
        let other: Vec<_> = lines.iter().filter(|line| !text(line)).collect();
        let expected = [
            "out of step",
            "in step after 9",
            "out of step",
            "in step after 11",
        ];
        assert_eq!(other, expected);
        // From the handshake on, every header is told as it was sent.
        let lines = self::lines(&[no_header]);
        assert_eq!(lines[0], "Reserved 0x3 1  .");
    }

    #[test]
    fn a_chain_of_frames_at_segment_starts_brings_it_back() {
        let frames: Vec<_> = (40_u8..50)
            .map(|len| [&[0x81, len], vec![b'x'; len.into()].as_slice()].concat())
            .collect();
        let chunks = frames.iter().map(|frame| StreamItem::Chunk(frame));
        let items: Vec<_> = [gap(9), StreamItem::Chunk(b"junk")]
            .into_iter()
            .chain(chunks)
            .collect();
        let lines = lines(&items);
        assert_eq!(lines[..2], ["out of step", "in step after 13"]);
        assert_eq!(lines.len(), 2 + frames.len());
    }
}

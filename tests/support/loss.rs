//! What is told of a capture of which packets are missing, held against what is told of
//! all of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::{AddAssign, Range};

use wsdump::event::{Event, EventKind};
use wsdump::flow::TcpEventKind;
use wsdump::ws::{FrameHeader, OpCode};
use wsdump::{Analyzer, Config, Limits};

use super::packet::{Captured, Trace};
use super::random::Random;

/// Who sent something, and to whom. Who of both is the client does not matter.
pub type Way = (SocketAddr, SocketAddr);

/// A frame as it was told.
#[derive(Clone, Debug)]
pub struct FrameTold {
    pub header: FrameHeader,
    /// What is known of its payload, from the start.
    pub payload: Vec<u8>,
}

/// A message as it was told.
#[derive(Clone, Debug)]
pub struct MessageTold {
    pub opcode: OpCode,
    pub payload: Vec<u8>,
    pub complete: bool,
    /// Which frames of its direction it came in.
    frames: Vec<usize>,
}

/// All that was told of one direction between two ends.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub frames: Vec<FrameTold>,
    pub messages: Vec<MessageTold>,
    /// Data frames since the last message.
    open: Vec<usize>,
    /// Bytes of the opening handshake.
    head_len: u64,
    /// Each packet with the part of the stream that it holds.
    segments: Vec<(usize, Range<u64>)>,
}

/// All that is told of the packets of a capture.
pub fn told(trace: &[Captured]) -> BTreeMap<Way, Told> {
    let mut ways: BTreeMap<Way, Told> = BTreeMap::new();
    tell_all(trace, &mut |event| {
        let way = (event.source(), event.destination());
        ways.entry(way).or_default().take(event);
    });
    ways
}

/// Tells every event of the packets of a capture.
pub fn tell_all(trace: &[Captured], sink: &mut dyn FnMut(&Event<'_>)) {
    let config = Config {
        all: true,
        limits: Limits {
            max_opening_events: trace.len(),
            ..Limits::default()
        },
        ..Config::default()
    };
    let mut analyzer = Analyzer::new(config);
    let mut sink = |event: &Event<'_>| sink(event);
    for packet in trace {
        analyzer.push(&packet.packet(), &mut sink);
    }
    analyzer.finish(&mut sink);
}

impl Told {
    pub fn take(&mut self, event: &Event<'_>) {
        match event.kind {
            EventKind::Tcp(fact) => {
                let nothing_sent = matches!(
                    fact.kind,
                    TcpEventKind::Gap | TcpEventKind::KeepAlive | TcpEventKind::WindowProbe
                );
                if fact.length > 0 && !nothing_sent {
                    let start = u64::try_from(fact.seq).unwrap_or_default();
                    let packet = usize::try_from(event.at.packet).unwrap() - 1;
                    self.segments.push((packet, start..start + fact.length));
                }
            }
            EventKind::Request(head) => self.head_len += head.wire_len as u64,
            EventKind::Response { head, .. } => self.head_len += head.wire_len as u64,
            EventKind::Frame { frame, .. } => {
                if !frame.header.opcode.is_control() {
                    self.open.push(self.frames.len());
                }
                self.frames.push(FrameTold {
                    header: frame.header,
                    payload: frame.payload.to_vec(),
                });
            }
            EventKind::Message { message } => self.messages.push(MessageTold {
                opcode: message.opcode,
                payload: message.payload.to_vec(),
                complete: message.complete,
                frames: std::mem::take(&mut self.open),
            }),
            EventKind::Anomaly(_) | EventKind::Connection(_) => {}
        }
    }

    /// Where in the stream each frame lies. The first byte is 1, as in the numbers of TCP.
    fn ranges(&self) -> Vec<Range<u64>> {
        let mut end = 1 + self.head_len;
        let range = |frame: &FrameTold| {
            let start = end;
            end += u64::from(frame.header.header_len()) + frame.header.payload_len;
            start..end
        };
        let ranges = self.frames.iter().map(range).collect();
        let sent = self.segments.iter().map(|(_, bytes)| bytes.end).max();
        assert_eq!(
            Some(end),
            sent.or(Some(1)),
            "heads and frames fill the stream"
        );
        ranges
    }

    /// The parts of the stream that packets hold of which `survives` is true.
    fn surviving(&self, survives: &[bool]) -> Vec<Range<u64>> {
        let segments = self.segments.iter();
        let mut parts: Vec<_> = segments
            .filter(|(packet, _)| survives[*packet])
            .map(|(_, bytes)| bytes.clone())
            .collect();
        parts.sort_by_key(|part| part.start);
        parts.dedup_by(|next, part| {
            let joined = next.start <= part.end;
            if joined {
                part.end = part.end.max(next.end);
            }
            joined
        });
        parts
    }
}

/// Whether a frame that was told is one that was sent.
fn same_frame(told: &FrameTold, sent: &FrameTold) -> bool {
    let len = told.payload.len().min(sent.payload.len());
    // Where the start of a compressed message is missing, its fragments are not inflated.
    let is_fragment = told.header.opcode == OpCode::Continuation;
    told.header == sent.header && (is_fragment || told.payload[..len] == sent.payload[..len])
}

/// Whether a message that was told whole is one that was sent.
fn same_message(told: &MessageTold, sent: &MessageTold) -> bool {
    told.opcode == sent.opcode && told.payload == sent.payload
}

/// The first frame that was told but not sent, or message that was told whole but not sent
/// so; in the order in which they were.
pub fn untrue(told: &Told, sent: &Told) -> Option<String> {
    let mut frames = sent.frames.iter();
    let mut messages = sent.messages.iter();
    first_other(
        told,
        |frame| frames.any(|sent| same_frame(frame, sent)),
        |message| messages.any(|sent| same_message(message, sent)),
    )
}

/// The same in any order, and however often.
pub fn unknown(told: &Told, sent: &Told) -> Option<String> {
    first_other(
        told,
        |frame| sent.frames.iter().any(|sent| same_frame(frame, sent)),
        |message| sent.messages.iter().any(|sent| same_message(message, sent)),
    )
}

fn first_other(
    told: &Told,
    mut is_frame: impl FnMut(&FrameTold) -> bool,
    mut is_message: impl FnMut(&MessageTold) -> bool,
) -> Option<String> {
    let frame = told.frames.iter().find(|frame| !is_frame(frame));
    let mut whole = told.messages.iter().filter(|message| message.complete);
    let message = whole.find(|message| !is_message(message));
    let frame = frame.map(|frame| format!("{:?}", frame.header));
    frame.or(message.map(|message| {
        let start = &message.payload[..message.payload.len().min(80)];
        format!("{} {:?}", message.opcode, start.escape_ascii().to_string())
    }))
}

/// Pairs of places that stand in the same order in both lists: as many as there can be, and
/// of these with as many as there can be whose place in the second `counts`.
fn aligned<T>(
    told: &[T],
    sent: &[T],
    same: impl Fn(&T, &T) -> bool,
    counts: impl Fn(usize) -> bool,
) -> Vec<(usize, usize)> {
    const PAIR: u64 = 1 << 32;
    let width = sent.len() + 1;
    let mut best = vec![0_u64; (told.len() + 1) * width];
    let pair = |i: usize, j: usize| same(&told[i], &sent[j]).then(|| PAIR + u64::from(counts(j)));
    for i in (0..told.len()).rev() {
        for j in (0..sent.len()).rev() {
            let paired = pair(i, j).map_or(0, |value| value + best[(i + 1) * width + j + 1]);
            let alone = best[(i + 1) * width + j].max(best[i * width + j + 1]);
            best[i * width + j] = paired.max(alone);
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < told.len() && j < sent.len() {
        let here = best[i * width + j];
        if here == best[i * width + j + 1] {
            j += 1;
        } else if here == best[(i + 1) * width + j] {
            i += 1;
        } else {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        }
    }
    pairs
}

/// What came of captures with missing packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub packets: usize,
    pub dropped: usize,
    /// Messages of which every byte lies in a packet that is left.
    pub surviving: usize,
    /// Those of them of which all frames were told.
    pub found: usize,
    /// Those that were told with every byte.
    pub whole: usize,
    /// Messages told as whole that nobody sent.
    pub wrong: usize,
    /// Frames told that nobody sent.
    pub invented: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.dropped += other.dropped;
        self.surviving += other.surviving;
        self.found += other.found;
        self.whole += other.whole;
        self.wrong += other.wrong;
        self.invented += other.invented;
    }
}

/// A capture, and what is told of all of it.
pub struct Whole {
    trace: Trace,
    ways: BTreeMap<Way, (Told, Vec<Range<u64>>)>,
}

impl Whole {
    pub fn new(trace: Trace) -> Self {
        let ways = told(&trace).into_iter().map(|(way, told)| {
            let ranges = told.ranges();
            (way, (told, ranges))
        });
        Self {
            ways: ways.collect(),
            trace,
        }
    }

    /// Loses `rate` of 1000 packets by chance and compares what is told of the others.
    pub fn lose(&self, rate: usize, seed: u64) -> Tally {
        let mut random = Random::new(seed);
        let survives: Vec<_> = self.trace.iter().map(|_| !random.per_mille(rate)).collect();
        self.keep(&survives)
    }

    /// Compares what is told of the packets for which `survives` is true.
    pub fn keep(&self, survives: &[bool]) -> Tally {
        let packets = self.trace.iter().zip(survives);
        let left: Vec<_> = packets
            .filter(|(_, survives)| **survives)
            .map(|(packet, _)| packet.clone())
            .collect();
        let mut tally = Tally {
            packets: survives.len(),
            dropped: survives.len() - left.len(),
            ..Tally::default()
        };
        let mut told = told(&left);
        for (way, (sent, ranges)) in &self.ways {
            let told = told.remove(way).unwrap_or_default();
            tally += compared(&told, sent, ranges, &sent.surviving(survives));
        }
        // Between ends of which nothing should be told.
        for told in told.values() {
            tally += compared(told, &Told::default(), &[], &[]);
        }
        tally
    }
}

fn compared(told: &Told, sent: &Told, ranges: &[Range<u64>], parts: &[Range<u64>]) -> Tally {
    let is_left = |bytes: &Range<u64>| {
        let mut holding = parts.iter();
        holding.any(|part| part.start <= bytes.start && bytes.end <= part.end)
    };
    let frame_is_left: Vec<_> = ranges.iter().map(is_left).collect();
    let message_is_left =
        |message: &MessageTold| message.frames.iter().all(|at| frame_is_left[*at]);
    let surviving: Vec<_> = sent.messages.iter().map(message_is_left).collect();

    let frames = aligned(&told.frames, &sent.frames, same_frame, |at| {
        frame_is_left[at]
    });
    let mut found = vec![false; sent.frames.len()];
    for (_, at) in &frames {
        found[*at] = true;
    }
    let complete: Vec<_> = told
        .messages
        .iter()
        .filter(|message| message.complete)
        .cloned()
        .collect();
    let messages = aligned(&complete, &sent.messages, same_message, |at| surviving[at]);
    let is_found = |message: &MessageTold| message.frames.iter().all(|at| found[*at]);
    if std::env::var_os("SHOW").is_some() {
        let rows = sent.messages.iter().zip(&surviving).enumerate();
        let missed: Vec<_> = rows
            .filter(|(_, (m, left))| **left && !is_found(m))
            .map(|(i, (m, _))| {
                (
                    i,
                    sent.frames[m.frames[0]].header.payload_len,
                    m.frames.len(),
                )
            })
            .collect();
        if !missed.is_empty() {
            let lost: Vec<_> = ranges
                .iter()
                .enumerate()
                .filter(|(i, _)| !found[*i])
                .map(|(i, _)| i)
                .collect();
            eprintln!(
                "missed {missed:?} of {}; frames not found {lost:?}; parts {parts:?}",
                surviving.len()
            );
        }
    }
    let of_surviving = sent
        .messages
        .iter()
        .zip(&surviving)
        .filter(|(_, left)| **left);
    Tally {
        surviving: of_surviving.clone().count(),
        found: of_surviving
            .filter(|(message, _)| is_found(message))
            .count(),
        whole: messages.iter().filter(|(_, at)| surviving[*at]).count(),
        wrong: complete.len() - messages.len(),
        invented: told.frames.len() - frames.len(),
        ..Tally::default()
    }
}

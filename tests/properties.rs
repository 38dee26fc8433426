//! What holds for every conversation, however it is cut, shuffled, lost or damaged.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use support::Kind::{Anomaly, End, Frame as Frames, Http, Message};
use support::packet::{directions_swapped, packets_of};
use support::render::{Lines, tell, tell_with};
use support::{
    Captured, Client, Deflater, Frame, Server, Tcp, Trace, Upgrade, Who, binary, cont, frame, ping,
    pong, text,
};
use wsdump::capture::LinkType;
use wsdump::{Analyzer, Config, Limits};

/// The same cases in every run; nothing is written beside the sources.
fn cases(number: u32) -> ProptestConfig {
    ProptestConfig {
        cases: number,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(6455),
        ..ProptestConfig::default()
    }
}

/// How messages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Takeover,
    NoTakeover,
}

/// What a side says at once.
#[derive(Clone)]
enum Say {
    Message {
        payload: Vec<u8>,
        is_text: bool,
        compressed: bool,
        /// Places where it is cut into fragments.
        cuts: Vec<prop::sample::Index>,
        /// A ping comes between the fragments.
        ping_between: bool,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

/// A conversation after the TCP handshake.
#[derive(Clone, Debug)]
struct Talk {
    compression: Compression,
    says: Vec<(Who, Say)>,
}

/// A talk as bytes: who sends what, in turn, and the messages of either side.
struct Spoken {
    turns: Vec<(Who, Vec<u8>)>,
    messages: [Vec<Vec<u8>>; 2],
}

impl Talk {
    fn spoken(&self) -> Spoken {
        let upgrade = match self.compression {
            Compression::None => Upgrade::new(),
            Compression::Takeover => Upgrade::deflate(""),
            Compression::NoTakeover => {
                Upgrade::deflate("; server_no_context_takeover; client_no_context_takeover")
            }
        };
        let takeover = self.compression == Compression::Takeover;
        let mut deflaters = [Deflater::new(takeover), Deflater::new(takeover)];
        let mut encoder = Tcp::default();
        let mut spoken = Spoken {
            turns: vec![(Client, upgrade.request()), (Server, upgrade.response())],
            messages: [Vec::new(), Vec::new()],
        };
        for (who, say) in &self.says {
            if let Say::Message { payload, .. } = say {
                spoken.messages[*who as usize].push(payload.clone());
            }
            let deflater = &mut deflaters[*who as usize];
            let frames = say.frames(self.compression != Compression::None, deflater);
            spoken.turns.push((*who, encoder.encode(*who, &frames)));
        }
        spoken
    }
}

/// Short enough to be read where a property fails.
impl fmt::Debug for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping(payload) => write!(f, "ping {:?}", payload.escape_ascii().to_string()),
            Self::Pong(payload) => write!(f, "pong {:?}", payload.escape_ascii().to_string()),
            Self::Message {
                payload,
                is_text,
                compressed,
                cuts,
                ping_between,
            } => {
                let name = if *is_text { "text" } else { "binary" };
                let payload = payload.escape_ascii().to_string();
                let and = if *ping_between { ", pings between" } else { "" };
                write!(
                    f,
                    "{name} {payload:?}, compressed {compressed}, cuts {cuts:?}{and}"
                )
            }
        }
    }
}

impl Say {
    fn frames(&self, may_compress: bool, deflater: &mut Deflater) -> Vec<Frame> {
        let (payload, is_text, compressed, cuts, ping_between) = match self {
            Self::Ping(payload) => return vec![ping(payload)],
            Self::Pong(payload) => return vec![pong(payload)],
            Self::Message {
                payload,
                is_text,
                compressed,
                cuts,
                ping_between,
            } => (payload, is_text, compressed, cuts, ping_between),
        };
        let compressed = *compressed && may_compress;
        let wire = if compressed {
            deflater.message(payload)
        } else {
            payload.clone()
        };
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
        places.sort_unstable();
        let ends = places.iter().copied().chain([wire.len()]);
        let starts = [0].into_iter().chain(places.iter().copied());
        let mut frames = Vec::new();
        for (start, end) in starts.zip(ends) {
            let part = &wire[start..end];
            let first = frames.is_empty();
            let frame = match (first, is_text) {
                (false, _) => cont(part),
                (true, true) => text(part),
                (true, false) => binary(part),
            };
            let frame = if first && compressed {
                frame.compressed()
            } else {
                frame
            };
            let last = frames
                .iter()
                .filter(|frame: &&Frame| !frame.is_control())
                .count()
                == cuts.len();
            frames.push(if last { frame } else { frame.more() });
            if !last && *ping_between {
                frames.push(ping("between"));
            }
        }
        frames
    }
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![Just(Client), Just(Server)]
}

/// Texts that repeat themselves, so that compressed ones refer to those before.
fn words() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&str; 8] = [
        "{\"type\":\"chat\",",
        "\"text\":",
        "hello",
        " wörld ",
        "0123456789",
        "\u{20ac}",
        "aaaaaaaaaaaaaaaaaaaa",
        "}",
    ];
    vec(prop::sample::select(&WORDS[..]), 0..12).prop_map(|words| words.concat().into_bytes())
}

fn say() -> impl Strategy<Value = Say> {
    let payload = prop_oneof![
        3 => words().prop_map(|words| (words, true)),
        1 => vec(any::<u8>(), 0..150).prop_map(|bytes| (bytes, false)),
    ];
    let cuts = prop_oneof![3 => Just(Vec::new()), 1 => vec(any::<prop::sample::Index>(), 1..4)];
    let message = (payload, any::<bool>(), cuts, any::<bool>());
    prop_oneof![
        8 => message.prop_map(|((payload, is_text), compressed, cuts, ping_between)| {
            Say::Message { payload, is_text, compressed, cuts, ping_between }
        }),
        1 => vec(any::<u8>(), 0..20).prop_map(Say::Ping),
        1 => vec(any::<u8>(), 0..20).prop_map(Say::Pong),
    ]
}

fn compression() -> impl Strategy<Value = Compression> {
    prop_oneof![
        Just(Compression::None),
        Just(Compression::Takeover),
        Just(Compression::NoTakeover),
    ]
}

fn talk(says: std::ops::Range<usize>) -> impl Strategy<Value = Talk> {
    (compression(), vec((who(), say()), says))
        .prop_map(|(compression, says)| Talk { compression, says })
}

/// Lengths of segments, used again from the first when all are used.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        1 => Just(vec![1]),
        3 => vec(1_usize..20, 1..20),
        3 => vec(1_usize..300, 1..20),
    ]
}

/// Cuts bytes into pieces of the next lengths.
fn pieces<'b>(mut bytes: &'b [u8], sizes: &mut impl Iterator<Item = usize>) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(sizes.next().unwrap().min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// A connection on which no time passes, so that how it is cut changes no duration.
fn timeless() -> Tcp {
    let mut tcp = Tcp {
        tick: 0,
        ..Tcp::default()
    };
    tcp.handshake();
    tcp
}

/// Runs a capture and holds what is true of every run.
fn run(trace: &Trace) -> Lines {
    let lines = tell(trace);
    assert_in_order(&lines);
    let count = |kind| lines.all.iter().filter(|line| line.kind == kind).count() as u64;
    assert_eq!(lines.summary.messages, count(Message));
    assert_eq!(lines.summary.anomalies, count(Anomaly));
    assert_eq!(lines.summary.connections, count(End));
    assert_eq!(lines.summary.packets, trace.len() as u64);
    // With every packet told, nothing else is told of WebSocket.
    let all = tell_with(
        trace,
        Config {
            all: true,
            limits: Limits::default(),
            ..Config::default()
        },
    );
    assert_in_order(&all);
    let kinds = [Frames, Message];
    assert_eq!(all.of(&kinds), lines.of(&kinds));
    lines
}

/// Events of one connection are in the order of packets, and its report is the last
/// of what is more than a stray segment.
fn assert_in_order(lines: &Lines) {
    let mut last = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for line in &lines.all {
        let before = last.insert(line.connection, line.packet);
        assert!(
            before <= Some(line.packet),
            "{line:?} after packet {before:?}"
        );
        if ended.contains(&line.connection) {
            assert_eq!(line.kind, support::Kind::Tcp, "{line:?} after the end");
        }
        if line.kind == End {
            ended.insert(line.connection);
        }
    }
}

/// Payloads of the complete messages of one side.
fn complete(lines: &Lines, who: Who) -> Vec<Vec<u8>> {
    let way = if who == Client { '>' } else { '<' };
    let messages = lines
        .all
        .iter()
        .filter(|line| line.kind == Message && line.complete);
    messages
        .filter(|line| line.text.starts_with(way))
        .map(|line| line.payload.clone())
        .collect()
}

/// Whether `some` are among `all`, in the same order.
fn is_subsequence(some: &[Vec<u8>], all: &[Vec<u8>]) -> bool {
    let mut all = all.iter();
    some.iter()
        .all(|wanted| all.any(|payload| payload == wanted))
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn any_cut_into_segments_gives_the_same_frames_and_messages(
        talk in talk(1..12),
        sizes in sizes(),
    ) {
        let spoken = talk.spoken();
        let (mut whole, mut cut) = (timeless(), timeless());
        let mut sizes = sizes.into_iter().cycle();
        for (who, bytes) in &spoken.turns {
            whole.send(*who, bytes);
            for piece in pieces(bytes, &mut sizes) {
                cut.send(*who, piece);
            }
        }
        let kinds = [Http, Frames, Message, Anomaly, End];
        let (whole, cut) = (run(&whole.end().trace), run(&cut.end().trace));
        prop_assert_eq!(whole.of(&kinds), cut.of(&kinds));
        for who in [Client, Server] {
            prop_assert_eq!(&complete(&cut, who), &spoken.messages[who as usize]);
        }
        prop_assert!(cut.rules().is_empty());
    }

    #[test]
    fn reordered_and_repeated_segments_give_the_bytes_that_were_sent(
        talk in talk(1..10),
        sizes in vec(1_usize..200, 1..20),
        places in vec(0_usize..12, 1..40),
        again in vec(prop::bool::weighted(0.2), 1..20),
    ) {
        let spoken = talk.spoken();
        let mut tcp = Tcp::connected();
        let begun = tcp.trace.len();
        let mut sizes = sizes.into_iter().cycle();
        let mut again = again.into_iter().cycle();
        let mut parts = Vec::new();
        for (turn, (who, bytes)) in spoken.turns.iter().enumerate() {
            for piece in pieces(bytes, &mut sizes) {
                let at = tcp.sent[*who as usize].cast_signed();
                // Nothing is acknowledged, so nothing can be taken as lost.
                tcp.put(*who, 0, at, None, piece);
                tcp.sent[*who as usize] += piece.len() as u64;
                if again.next() == Some(true) {
                    tcp.put(*who, 0, at, None, piece);
                }
                if again.next() == Some(true) {
                    tcp.again();
                }
            }
            // Nobody answers a head that has not arrived, so each is shuffled by itself.
            parts.resize(tcp.trace.len() - begun, turn.min(2));
        }
        // Each packet is late by a few places.
        let packets = tcp.trace.drain(begun..);
        let mut late: Vec<_> = packets.zip(parts).enumerate().collect();
        let mut places = places.into_iter().cycle();
        late.sort_by_cached_key(|(place, (_, part))| (*part, place + places.next().unwrap()));
        tcp.trace.extend(late.into_iter().map(|(_, (packet, _))| packet));
        let lines = run(&tcp.end().trace);
        for who in [Client, Server] {
            prop_assert_eq!(&complete(&lines, who), &spoken.messages[who as usize]);
        }
    }

    #[test]
    fn repeated_bytes_with_any_boundaries_give_the_bytes_that_were_sent(
        talk in talk(1..8),
        ranges in vec((any::<prop::sample::Index>(), 1_usize..80), 1..40),
    ) {
        let spoken = talk.spoken();
        let mut tcp = Tcp::connected();
        for who in [Client, Server] {
            let turns = spoken.turns.iter().filter(|(sender, _)| *sender == who);
            let stream: Vec<u8> = turns.flat_map(|(_, bytes)| bytes.clone()).collect();
            for (start, len) in &ranges {
                let start = start.index(stream.len());
                let end = stream.len().min(start + len);
                tcp.put(who, 0, i64::try_from(start).unwrap(), None, &stream[start..end]);
            }
            tcp.sent[who as usize] = 0;
            tcp.send_cut(who, &stream, 100);
        }
        let lines = run(&tcp.end().trace);
        for who in [Client, Server] {
            prop_assert_eq!(&complete(&lines, who), &spoken.messages[who as usize]);
        }
        prop_assert!(!lines.rules().contains(&"conflicting-overlap"));
    }
}

/// A talk of which segments are lost.
fn with_losses(spoken: &Spoken, sizes: Vec<usize>, lost: Vec<bool>, acks: Vec<bool>) -> Trace {
    let mut tcp = Tcp::connected();
    let mut sizes = sizes.into_iter().cycle();
    let mut lost = lost.into_iter().cycle();
    let mut acks = acks.into_iter().cycle();
    for (who, bytes) in &spoken.turns {
        for piece in pieces(bytes, &mut sizes) {
            if lost.next() == Some(true) {
                tcp.lose(*who, piece);
            } else {
                // Acknowledges all the other side has sent.
                tcp.send(*who, piece);
            }
            if acks.next() == Some(true) {
                tcp.ack(who.other());
            }
        }
    }
    tcp.end().trace.clone()
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn no_loss_makes_a_complete_message_that_was_not_sent(
        talk in talk(1..10),
        sizes in prop_oneof![
            1 => Just(vec![1]),
            2 => vec(1_usize..20, 1..20),
            3 => vec(1_usize..300, 1..20),
            2 => Just(vec![100_000]),
        ],
        lost in vec(prop::bool::weighted(0.2), 7..60),
        acks in vec(any::<bool>(), 5..20),
    ) {
        let spoken = talk.spoken();
        let lines = run(&with_losses(&spoken, sizes, lost, acks));
        for who in [Client, Server] {
            let (told, sent) = (complete(&lines, who), &spoken.messages[who as usize]);
            prop_assert!(
                is_subsequence(&told, sent),
                "{who:?} sent {sent:?}, told {told:?}"
            );
        }
    }

    #[test]
    fn the_loss_of_a_stretch_leaves_what_came_before_and_invents_nothing(
        talk in talk(2..10),
        from in any::<prop::sample::Index>(),
        len in 1_usize..200,
        size in 1_usize..50,
        side in who(),
    ) {
        let spoken = talk.spoken();
        let heads: u64 = spoken.turns[..2].iter().filter(|turn| turn.0 == side).map(|turn| turn.1.len() as u64).sum();
        let stream: usize = spoken.turns.iter().filter(|turn| turn.0 == side).map(|turn| turn.1.len()).sum();
        let first = heads + from.index(stream + 1 - usize::try_from(heads).unwrap()) as u64;
        let mut tcp = Tcp::connected();
        let mut before = 0;
        for (turn, (who, bytes)) in spoken.turns.iter().enumerate() {
            for piece in bytes.chunks(size) {
                let at = tcp.sent[*who as usize];
                let is_lost = *who == side && at >= first && at < first + len as u64;
                if is_lost {
                    tcp.lose(*who, piece);
                } else {
                    tcp.send(*who, piece);
                }
            }
            tcp.ack(who.other());
            let is_message = turn >= 2 && matches!(talk.says[turn - 2].1, Say::Message { .. });
            if *who == side && is_message && tcp.sent[*who as usize] <= first {
                before += 1;
            }
        }
        let lines = run(&tcp.end().trace);
        let other = side.other();
        prop_assert_eq!(&complete(&lines, other), &spoken.messages[other as usize]);
        let (told, sent) = (complete(&lines, side), &spoken.messages[side as usize]);
        prop_assert!(is_subsequence(&told, sent), "sent {sent:?}, told {told:?}");
        prop_assert!(told.len() >= before, "{before} came before: {told:?}");
        prop_assert_eq!(&told[..before], &sent[..before]);
    }
}

/// Frames with any bits.
fn soup() -> impl Strategy<Value = Vec<(Who, Frame)>> {
    let payload = prop_oneof![
        vec(any::<u8>(), 0..40),
        words(),
        Just(b"\xf2\x48\xcd\xc9\xc9\x07\x00".to_vec()),
        Just(b"\x03\xe8bye".to_vec()),
    ];
    let len = prop_oneof![
        8 => Just(None),
        1 => (0_u64..300).prop_map(Some),
        1 => any::<u64>().prop_map(Some),
    ];
    let bits = (0_u8..16, 0_u8..8, any::<bool>(), any::<bool>());
    let any_frame = (
        who(),
        bits,
        payload,
        len,
        prop::sample::select(&[0_usize, 0, 2, 8][..]),
    );
    let any_frame = any_frame.prop_map(|(who, bits, payload, len, len_bytes)| {
        let (opcode, rsv, fin, masked) = bits;
        let mut frame = frame(opcode, payload);
        if rsv < 6 {
            frame = frame.rsv([0, 0, 0, 4, 4, 1][usize::from(rsv)]);
        }
        if !fin {
            frame = frame.more();
        }
        if !masked {
            frame = frame.wrongly_masked();
        }
        if let Some(len) = len {
            frame = frame.stating(len);
        }
        if len_bytes != 0 {
            frame = frame.len_in(len_bytes);
        }
        (who, frame)
    });
    vec(any_frame, 1..25)
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn any_stream_of_frames_is_told_without_a_panic_and_alike_however_it_is_cut(
        soup in soup(),
        compression in compression(),
        size in 1_usize..40,
    ) {
        let talk = Talk { compression, says: Vec::new() };
        let (mut whole, mut cut) = (timeless(), timeless());
        for (who, bytes) in talk.spoken().turns {
            whole.send(who, &bytes);
            cut.send(who, &bytes);
        }
        for (who, frame) in soup {
            let bytes = whole.encode(who, &[frame]);
            whole.send(who, &bytes);
            cut.send_cut(who, &bytes, size);
        }
        let kinds = [Http, Frames, Message, Anomaly, End];
        let (whole, cut) = (run(&whole.trace), run(&cut.trace));
        prop_assert_eq!(whole.of(&kinds), cut.of(&kinds));
    }

    #[test]
    fn any_bytes_in_place_of_http_or_frames_are_taken_without_a_panic(
        start in 0_usize..4,
        parts in vec((who(), prop_oneof![vec(any::<u8>(), 1..100), words()], 0..5_u8), 1..20),
    ) {
        let spoken = Talk { compression: Compression::Takeover, says: Vec::new() }.spoken();
        let mut tcp = Tcp::connected();
        for (who, bytes) in spoken.turns.iter().take(start) {
            tcp.send(*who, bytes);
        }
        if start == 3 {
            tcp.trace.drain(..4);
        }
        for (who, bytes, lost) in parts {
            if lost == 0 {
                tcp.lose(who, &bytes).ack(who.other());
            } else {
                tcp.send(who, &bytes);
            }
        }
        run(&tcp.trace);
    }
}

/// Small captures of every kind, with their names.
fn captures() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut captures: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".pcap"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .filter(|(_, bytes)| bytes.len() < 20_000)
        .collect();
    captures.sort();
    assert!(captures.len() > 50);
    captures
}

/// Small numbers that make a run with little memory, so that limits are reached.
fn tight() -> Limits {
    Limits {
        max_flows: 2,
        max_out_of_order_bytes: 200,
        max_unacknowledged_bytes: 10,
        max_head_bytes: 600,
        max_early_bytes: 20,
        max_message_bytes: 3,
        max_inflated_bytes: 50,
        max_opening_events: 3,
        max_pending_pings: 1,
        max_search_bytes: 100,
        ..Limits::default()
    }
}

#[test]
fn every_capture_is_told_in_order_and_with_any_limits() {
    for (name, file) in captures() {
        let trace = packets_of(file);
        run(&trace);
        for all in [false, true] {
            let limits = tight();
            assert_in_order(&tell_with(
                &trace,
                Config {
                    all,
                    limits,
                    ..Config::default()
                },
            ));
        }
        assert!(trace.len() < 10_000, "{name} is a small capture");
    }
}

#[test]
fn a_capture_with_its_directions_exchanged_is_taken_without_a_panic() {
    for (_, file) in captures() {
        run(&directions_swapped(&packets_of(file)));
    }
}

#[test]
fn a_capture_whose_packets_stand_in_reverse_is_taken_without_a_panic() {
    for (_, file) in captures() {
        let mut trace = packets_of(file);
        trace.reverse();
        run(&trace);
    }
}

/// Places in a text of bytes, and what is done to the byte there.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    vec((any::<prop::sample::Index>(), 0_u8..8), 1..8)
}

fn damaged(bytes: &mut [u8], damage: &[(prop::sample::Index, u8)]) {
    for (place, bit) in damage {
        if !bytes.is_empty() {
            bytes[place.index(bytes.len())] ^= 1 << bit;
        }
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn damaged_packets_are_taken_without_a_panic(
        which in any::<prop::sample::Index>(),
        damage in vec((any::<prop::sample::Index>(), damage()), 1..6),
        cut in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        tight_limits in any::<bool>(),
    ) {
        let captures = captures();
        let mut trace = packets_of(which.get(&captures).1.clone());
        trace.truncate(200);
        if !trace.is_empty() {
            for (packet, damage) in &damage {
                let place = packet.index(trace.len());
                damaged(&mut trace[place].data, damage);
            }
            let place = cut.0.index(trace.len());
            let data = &mut trace[place].data;
            data.truncate(cut.1.index(data.len() + 1));
        }
        if tight_limits {
            let limits = tight();
            assert_in_order(&tell_with(&trace, Config { all: false, limits, ..Config::default() }));
        } else {
            run(&trace);
        }
    }

    #[test]
    fn damaged_files_are_read_without_a_panic(
        which in any::<prop::sample::Index>(),
        damage in damage(),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let captures = captures();
        let mut file = which.get(&captures).1.clone();
        damaged(&mut file, &damage);
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len() + 1));
        }
        let trace = packets_of(file);
        assert_in_order(&tell(&trace));
    }
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn any_bytes_of_any_link_type_are_taken_without_a_panic(
        packets in vec(
            (
                prop_oneof![
                    4 => prop::sample::select(&LINK_TYPES[..]),
                    1 => any::<u16>(),
                ],
                prop::sample::select(&STARTS[..]),
                vec(any::<u8>(), 0..120),
                0_u32..100,
                any::<u64>(),
            ),
            1..12,
        ),
    ) {
        let mut analyzer = Analyzer::new(Config { all: true, limits: Limits::default(), ..Config::default() });
        let mut sink = |event: &wsdump::event::Event<'_>| {
            support::render::line(event);
        };
        for (link_type, start, bytes, beyond, time) in packets {
            let data = [start, &bytes].concat();
            let packet = Captured {
                time,
                link_type: LinkType(link_type),
                wire_len: u32::try_from(data.len()).unwrap() + beyond,
                data,
            };
            analyzer.push(&packet.packet(), &mut sink);
        }
        analyzer.finish(&mut sink);
    }
}

const LINK_TYPES: [u16; 17] = [
    0, 1, 9, 12, 14, 50, 51, 101, 105, 108, 113, 147, 204, 228, 229, 276, 252,
];

/// Beginnings that lead deeper than chance would.
const STARTS: [&[u8]; 12] = [
    b"",
    b"\0\0\0\x02",
    b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\x45\0",
    b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x86\xdd\x60\0",
    b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x81\0\0\x07\x08\0\x45\0",
    b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x88\x47\0\0\x11\x40",
    b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x88\x64\x11\0",
    b"\x45\0\0\x50\0\x01\0\0\x40\x06\0\0\xc0\0\x02\x0a\xc6\x33\x64\x14",
    b"\x45\0\0\x50\0\x01\0\0\x40\x11\0\0\xc0\0\x02\x0a\xc6\x33\x64\x14\x12\xb5\x12\xb5\0\x3c\0\0\x08\0\0\0\0\0\x07\0",
    b"\x45\0\0\x50\0\x01\0\0\x40\x2f\0\0\xc0\0\x02\x0a\xc6\x33\x64\x14\x20\0\x08\0",
    b"\x45\0\0\x50\0\x01\x20\x01\x40\x06\0\0\xc0\0\x02\x0a\xc6\x33\x64\x14",
    b"\x60\0\0\0\0\x40\x06\x40",
];

//! Captures of which packets are missing: nothing is invented, and what is left is found.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;

use support::loss::{Tally, Whole};
use support::packet::packets_of;
use support::random::Random;
use support::render::limited;
use support::{
    Client, Frame, Kind, Server, Tcp, Trace, Upgrade, Who, binary, close, frame, ping, pong, tell,
    tell_with, text,
};
use wsdump::Limits;

fn recorded(name: &str) -> Whole {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    Whole::new(packets_of(std::fs::read(folder.join(name)).unwrap()))
}

#[test]
fn whatever_packets_are_lost_no_frame_is_invented_and_no_message_is_wrong() {
    for name in ["many.pcap.gz", "deflate.pcap", "fragments.pcap"] {
        let whole = recorded(name);
        for per_mille in [10, 50, 200] {
            for seed in 0..3 {
                let tally = whole.lose(per_mille, seed);
                let told = format!("{name}, {per_mille} of 1000 lost, seed {seed}");
                assert_eq!((tally.invented, tally.wrong), (0, 0), "{told}");
                assert!(tally.surviving > 0, "{told}");
            }
        }
    }
}

#[test]
fn where_nothing_is_lost_all_is_found() {
    for name in [
        "many.pcap.gz",
        "deflate.pcap",
        "fragments.pcap",
        "big.pcap.zst",
    ] {
        let tally = recorded(name).lose(0, 0);
        let all = tally.surviving;
        assert!(all >= 20, "{name} holds {all} messages");
        let expected = Tally {
            packets: tally.packets,
            surviving: all,
            found: all,
            whole: all,
            ..Tally::default()
        };
        assert_eq!(tally, expected, "{name}");
    }
}

/// What is told of the frames of one side, each in a segment of its own, of which those at
/// `lost` were not captured.
fn told_without(who: Who, frames: &[Frame], lost: &[usize]) -> Vec<String> {
    let mut tcp = Tcp::upgraded();
    for (at, frame) in frames.iter().enumerate() {
        let bytes = tcp.encode(who, std::slice::from_ref(frame));
        if lost.contains(&at) {
            tcp.lose(who, &bytes);
        } else {
            tcp.send(who, &bytes);
        }
    }
    let lines = tell(&tcp.ack(who.other()).trace);
    let told = lines.of(&[Kind::Message, Kind::Anomaly]).into_iter();
    told.map(str::to_owned).collect()
}

#[test]
fn a_message_that_lacks_a_fragment_is_told_as_far_as_it_goes_and_the_next_one_whole() {
    let frames = [
        frame(0x1, b"the first fragment, of some length, ").more(),
        frame(0x0, b"the second fragment, of some length, ").more(),
        frame(0x0, b"and the last fragment"),
        text("another message, in one frame"),
    ];
    let next = "> \"another message, in one frame\"";
    let (out, back) = ("> ! out-of-step", "> ! in-step-again");
    let whole = "> text of 94 bytes in 3";
    let first = "> \"the first fragment, of some length, \" incomplete";
    let both = "> text of 73 bytes in 2 incomplete";
    let table: [(&[usize], &[&str]); 5] = [
        (&[], &[whole, next]),
        (&[0], &[out, back, next]),
        (&[1], &[out, first, back, next]),
        (&[2], &[out, both, back, next]),
        (&[1, 2], &[out, first, back, next]),
    ];
    for (lost, expected) in table {
        assert_eq!(told_without(Client, &frames, lost), expected, "{lost:?}");
    }
}

#[test]
fn a_lost_control_frame_takes_nothing_with_it() {
    for control in [ping(b"are you there?"), pong(b"are you there?")] {
        let frames = [
            text("what came before the control frame"),
            control,
            text("what came behind the control frame"),
        ];
        let expected = [
            "> \"what came before the control frame\"",
            "> ! out-of-step",
            "> ! in-step-again",
            "> \"what came behind the control frame\"",
        ];
        assert_eq!(told_without(Client, &frames, &[1]), expected);
    }
}

#[test]
fn a_lost_close_is_no_close() {
    for lost in [Client, Server] {
        let mut tcp = Tcp::upgraded();
        for who in [Client, Server] {
            let bytes = tcp.encode(who, &[close(1000, "done")]);
            if who == lost {
                tcp.lose(who, &bytes);
            } else {
                tcp.send(who, &bytes);
            }
        }
        let lines = tell(&tcp.end().trace);
        let way = if lost == Client { '<' } else { '>' };
        let frames = [format!("{way} [close 1000 \"done\"]")];
        assert_eq!(lines.of(&[Kind::Frame]), frames);
        assert_eq!(lines.of(&[Kind::End]), ["= fin, close 1000"]);
    }
}

/// A conversation of ten messages of each side, of which some packets are left.
fn conversation(left: impl Fn(Who, bool) -> bool) -> support::Lines {
    let mut tcp = Tcp::connected();
    let upgrade = Upgrade::new();
    let mut kept: Vec<_> = [Client, Server, Client].map(|who| left(who, true)).into();
    tcp.upgrade(&upgrade);
    kept.extend([Client, Server].map(|who| left(who, true)));
    for number in 0..10 {
        for who in [Client, Server] {
            let said = format!("{who:?} says {}", "this and that, ".repeat(number % 4 + 2));
            tcp.frames(who, &[text(said)]);
            kept.push(left(who, false));
        }
    }
    let mut kept = kept.into_iter();
    tcp.trace.retain(|_| kept.next().unwrap());
    tell(&tcp.trace)
}

#[test]
fn one_direction_may_be_all_that_was_captured_with_its_half_of_the_handshake_or_without() {
    for who in [Client, Server] {
        for with_handshake in [true, false] {
            let lines =
                conversation(|sender, is_opening| sender == who && (with_handshake || !is_opening));
            let what = format!("{who:?}, its half of the handshake: {with_handshake}");
            assert_eq!(lines.messages().len(), 10, "{what}");
            assert!(lines.rules().is_empty(), "{what}: {:?}", lines.rules());
            assert!(
                lines
                    .all
                    .iter()
                    .all(|line| line.kind != Kind::Message || line.complete)
            );
        }
    }
}

#[test]
fn of_the_handshake_either_half_may_be_missing() {
    for missing in [Client, Server] {
        let lines = conversation(|sender, is_opening| !(is_opening && sender == missing));
        assert_eq!(
            lines.messages().len(),
            20,
            "without that of the {missing:?}"
        );
    }
}

#[test]
fn a_clock_that_goes_back_changes_times_and_nothing_else() {
    let mut tcp = Tcp::upgraded();
    tcp.frames(Client, &[text("one"), ping(b"now")]);
    tcp.frames(Server, &[text("two"), pong(b"now")]).end();
    let mut back = tcp.trace.clone();
    for (at, packet) in back.iter_mut().enumerate() {
        packet.time -= 3_600_000_000_000 * at as u64;
    }
    let lines = tell(&tcp.trace);
    let lines = lines.of(&ALL).into_iter();
    let expected: Vec<_> = lines
        .map(|line| line.replace("after 1 ms", "after 0 ms"))
        .collect();
    assert_eq!(tell(&back).of(&ALL), expected);
}

const ALL: [Kind; 6] = [
    Kind::Tcp,
    Kind::Http,
    Kind::Frame,
    Kind::Message,
    Kind::Anomaly,
    Kind::End,
];

/// Messages of a server in segments of a hundred bytes, with nothing between.
fn in_segments(limit: usize) -> (Trace, Trace) {
    let mut tcp = Tcp::upgraded();
    let opening = std::mem::take(&mut tcp.trace);
    let frames: Vec<_> = (0..limit / 500)
        .map(|number| binary(vec![u8::try_from(number % 251).unwrap(); 400]))
        .collect();
    let bytes = tcp.encode(Server, &frames);
    tcp.send_cut(Server, &bytes, 100);
    (opening, tcp.trace)
}

#[test]
fn packets_may_come_late_and_twice_as_far_as_the_limit_allows() {
    let limit = 50_000;
    let (opening, segments) = in_segments(limit);
    let limits = Limits {
        max_out_of_order_bytes: limit,
        ..Limits::default()
    };
    let told = |segments: Trace| {
        let trace = [opening.clone(), segments].concat();
        let lines = tell_with(&trace, limited(limits));
        let websocket = lines.websocket().into_iter().map(str::to_owned);
        websocket.collect::<Vec<_>>()
    };
    let expected = told(segments.clone());
    assert_eq!(expected.len(), 200);
    // What waits costs more than its bytes, so that not all of it may.
    let furthest = segments.len() / 2;
    for distance in [1, 2, 3, 10, 100, furthest] {
        for late in [0, 1, 7, segments.len() - furthest - 1] {
            let mut moved = segments.clone();
            let packet = moved.remove(late);
            moved.insert(late + distance, packet.clone());
            assert_eq!(
                told(moved.clone()),
                expected,
                "packet {late}, {distance} later"
            );
            moved.insert(late, packet);
            assert_eq!(told(moved), expected, "and in its place as well");
        }
    }
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut shuffled = segments.clone();
        for part in shuffled.chunks_mut(furthest) {
            for at in (1..part.len()).rev() {
                part.swap(at, random.below(at + 1));
            }
        }
        let doubled: Trace = shuffled
            .into_iter()
            .flat_map(|packet| vec![packet; 1 + random.below(2)])
            .collect();
        assert_eq!(told(doubled), expected, "seed {seed}");
    }
}

#[test]
fn whatever_stretch_is_lost_what_is_left_is_found_and_nothing_else() {
    for (size, most_unfound) in [(1460, 2), (50, 3)] {
        let mut tcp = Tcp::upgraded();
        for number in 0..12 {
            let said = format!(
                "{number}: {}",
                "words of the client, ".repeat(number % 5 + 2)
            );
            let bytes = tcp.encode(Client, &[text(said)]);
            tcp.send_cut(Client, &bytes, size).ack(Server);
            let said = format!("{number}: {}", "and of the server, ".repeat(number % 5 + 2));
            let bytes = tcp.encode(Server, &[text(said)]);
            tcp.send_cut(Server, &bytes, size).ack(Client);
        }
        tcp.end();
        let whole = Whole::new(tcp.trace.clone());
        let packets = tcp.trace.len();
        for from in 5..packets {
            for len in [1, 2, 3, 5, 8, 13, 21] {
                let survives: Vec<_> = (0..packets)
                    .map(|at| !(from..from + len).contains(&at))
                    .collect();
                let tally = whole.keep(&survives);
                let what = format!("{len} packets of at most {size} bytes lost from {from} on");
                assert_eq!((tally.invented, tally.wrong), (0, 0), "{what}");
                let unfound = tally.surviving - tally.found;
                assert!(unfound <= most_unfound, "{what}: {unfound} not found");
            }
        }
    }
}

/// Two upgrade requests, the first refused, then a message of the client: packets in this
/// order, counted from the first request.
fn asked_twice(order: &[usize]) -> Vec<String> {
    let upgrade = Upgrade::new();
    let refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    let mut tcp = Tcp::connected();
    let opening = tcp.trace.len();
    tcp.send(Client, &upgrade.request()).send(Server, refusal);
    tcp.upgrade(&upgrade);
    tcp.frames(Client, &[text("a message that is long enough to be found")]);
    let packets = tcp.trace.split_off(opening);
    tcp.trace
        .extend(order.iter().map(|at| packets[*at].clone()));
    let lines = tell(&tcp.ack(Server).ack(Client).trace);
    let told = lines.of(&[Kind::Http, Kind::Frame, Kind::Message, Kind::Anomaly]);
    told.into_iter().map(str::to_owned).collect()
}

#[test]
fn a_request_is_no_frame_though_the_refusal_before_it_was_lost_or_came_late() {
    let (get, accepted) = ("> GET /chat", "< 101 upgraded");
    let frame = "> [text 41]";
    let message = "> text of 41 bytes";
    let table: [(&[usize], &[&str]); 4] = [
        (
            &[0, 1, 2, 3, 4],
            &[get, "< 401 refused", get, accepted, frame, message],
        ),
        (&[0, 2, 3, 4], &[get, get, accepted, frame, message]),
        (
            &[0, 3, 2, 4],
            &[
                get,
                accepted,
                "> ! out-of-step",
                "> ! in-step-again",
                frame,
                message,
            ],
        ),
        (&[0, 2, 4], &[get, get, frame, message]),
    ];
    for (order, expected) in table {
        assert_eq!(asked_twice(order), expected, "{order:?}");
    }
}

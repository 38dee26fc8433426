//! Conversations without an extension, between the ends of tungstenite.

use std::net::TcpListener;

use crate::endpoints::{Endpoints as _, Pair, listen, url};
use crate::said::{Client, Said, Server, Told, Who, assert_same};
use crate::sniffer::{Sniffer, permitted};

/// A sniffer on a free port, and a connection to it that was opened afterwards.
fn sniffed() -> (Sniffer, TcpListener, Pair) {
    let (listener, port) = listen();
    let sniffer = Sniffer::on(port);
    let pair = Pair::connected(&listener);
    (sniffer, listener, pair)
}

/// Waits for the connection's end, ends the sniffer, and compares what it told with what
/// was said.
fn compare(mut sniffer: Sniffer, listener: &TcpListener, said: &[Said]) -> Told {
    sniffer.wait_for_end();
    let told = Told::of_one(&sniffer.interrupt().lines);
    assert_same(&told.said(), said);
    told.went_well(&url(listener.local_addr().unwrap().port()));
    told
}

/// Bytes of which none is like the one before.
fn bytes(len: usize) -> Vec<u8> {
    (0..len)
        .map(|place| (place * 151).to_le_bytes()[0])
        .collect()
}

#[test]
fn messages_of_every_length_are_told_exactly() {
    if !permitted() {
        return;
    }
    let (sniffer, listener, mut pair) = sniffed();
    let mut said = Vec::new();
    // Both sides of each length at which the header changes, and more than fits a segment.
    for len in [0, 1, 125, 126, 65_535, 65_536, 200_000] {
        for from in Who::BOTH {
            let crab = "gr\u{fc}n \u{1f980}";
            let text = crab.repeat(len / crab.len()) + &"x".repeat(len % crab.len());
            said.push(pair.text(from, &text));
            said.push(pair.say(from, "binary", &[&bytes(len)]));
        }
    }
    said.extend(pair.close(Client, 1000, ""));
    compare(sniffer, &listener, &said);
}

#[test]
fn fragments_and_control_frames_are_told_in_their_order() {
    if !permitted() {
        return;
    }
    let (sniffer, listener, mut pair) = sniffed();
    let mut said = Vec::new();
    for from in Who::BOTH {
        said.extend(pair.ping(from, b""));
        said.extend(pair.ping(from, b"are you there?"));
        // A character may be cut, a fragment may be empty.
        let pieces: [&[u8]; 4] = [b"caf\xc3", b"\xa9", b"", " au lait".as_bytes()];
        said.push(pair.say(from, "text", &pieces));
        said.extend(pair.ping_inside_text(from, ["before it, ", "and after it"]));
        said.push(pair.say(from, "binary", &[&bytes(70_000), &bytes(3)]));
        said.extend(pair.ping(from, &bytes(125)));
    }
    said.extend(pair.close(Server, 1001, "going home"));
    let told = compare(sniffer, &listener, &said);
    // A pong is known to answer its ping.
    let pongs = told.of_type("frame").into_iter();
    let pongs: Vec<_> = pongs.filter(|frame| frame["opcode"] == "pong").collect();
    assert_eq!(pongs.len(), 8);
    assert!(
        pongs.iter().all(|pong| pong["rtt_seconds"].is_f64()),
        "{pongs:?}"
    );
}

#[test]
fn whoever_begins_the_close_is_named() {
    if !permitted() {
        return;
    }
    for (from, code, name, reason) in [
        (Client, 1000, "Normal Closure", "that is all"),
        (Server, 1001, "Going Away", "back at 8 \u{2615}"),
        (Server, 4123, "Private use", "of our own"),
    ] {
        let (sniffer, listener, mut pair) = sniffed();
        let mut said = vec![pair.text(from, "the last word")];
        said.extend(pair.close(from, code, reason));
        let told = compare(sniffer, &listener, &said);
        let close = &told.end()["close"];
        assert_eq!(close["initiator"], from.name());
        assert_eq!(close["code"], code);
        assert_eq!(close["reason"], reason);
        assert_eq!(close["name"], name);
    }
}

#[test]
fn each_message_is_told_before_the_next_is_sent() {
    if !permitted() {
        return;
    }
    let (mut sniffer, listener, mut pair) = sniffed();
    let mut said = Vec::new();
    for number in 0..100 {
        let from = Who::BOTH[number % 2];
        let text = format!("message {number}");
        said.push(pair.text(from, &text));
        let told = sniffer.wait_for(|line| line["type"] == "message");
        assert_eq!(
            (&told["from"], &told["text"]),
            (&from.name().into(), &text.into())
        );
    }
    said.extend(pair.close(Server, 1000, "bye"));
    compare(sniffer, &listener, &said);
}

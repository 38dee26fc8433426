//! Conversations with permessage-deflate.

use crate::endpoints::{Endpoints as _, url};
use crate::said::{Client, Said, Server, Told, Who, assert_same};
use crate::scripted::{Implementation, Scripted, WEBSOCKETS, WS};
use crate::sniffer::{Sniffer, permitted};

/// Bytes that cannot be compressed.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// What both ends say: texts that repeat themselves and each other, texts of many
/// scripts, bytes that can be compressed and others, whole and in pieces.
fn converse(ends: &mut Scripted) -> Vec<Said> {
    let mut said = Vec::new();
    let verse = "\u{1f3b5} Freude sch\u{f6}ner G\u{f6}tterfunken, \u{559c}\u{6085} \u{2026}\n";
    for from in Who::BOTH {
        said.push(ends.text(from, verse));
        said.push(ends.text(from, verse));
        said.push(ends.text(from, ""));
        said.extend(ends.ping(from, b"still there?"));
        said.push(ends.text(from, &verse.repeat(2_000)));
        said.push(ends.say(from, "binary", &[&noise(70_000)]));
        said.push(ends.say(from, "binary", &[&noise(70_000)]));
        said.push(ends.say(from, "binary", &[&vec![0; 100_000]]));
        said.push(ends.say_as(from, "text", &[verse.as_bytes()], false));
        // The first cut goes through a character.
        let (first, rest) = verse.as_bytes().split_at(2);
        said.push(ends.say(from, "text", &[first, rest, b"", b"\n"]));
        said.push(ends.say(from, "binary", &[&noise(3_000), b"", &noise(3_000)]));
    }
    for number in 0..50 {
        let from = Who::BOTH[number % 2];
        let text = format!(
            "{{\"number\":{number},\"of\":\"{}\",\"list\":[1,2,3]}}",
            from.name()
        );
        said.push(ends.text(from, &text));
    }
    said
}

/// Has both ends of an implementation talk, who must agree on `extensions`, and compares.
fn compare(implementation: &Implementation, parameters: &str, extensions: &str, closes: Who) {
    // Both are asked, so that both reasons are said.
    if !(permitted() & implementation.is_there()) {
        return;
    }
    let mut ends = implementation.listening(parameters);
    let url = url(ends.port);
    let mut sniffer = Sniffer::on(ends.port);
    assert_eq!(ends.connect(), extensions);
    let mut said = converse(&mut ends);
    said.extend(ends.close(closes, 1000, "Ende gut"));
    let end = sniffer.wait_for_end();
    assert_eq!(end["extensions"].as_array().unwrap(), &[extensions]);
    assert_eq!(end["close"]["initiator"], closes.name());
    let told = Told::of_one(&sniffer.interrupt().lines);
    assert_same(&told.said(), &said);
    told.went_well(&url);
    let messages = told.of_type("message");
    let compressed = messages
        .iter()
        .filter(|message| message["compressed"] == true);
    assert!(compressed.count() >= messages.len() - 2, "{messages:?}");
}

#[test]
fn what_ws_compresses_with_context_takeover_is_told_exactly() {
    compare(&WS, "takeover", "permessage-deflate", Client);
}

#[test]
fn what_ws_compresses_without_context_takeover_is_told_exactly() {
    let extensions = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    compare(&WS, "no-takeover", extensions, Server);
}

#[test]
fn what_websockets_compresses_with_small_windows_is_told_exactly() {
    let extensions = "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9";
    compare(&WEBSOCKETS, "takeover", extensions, Server);
}

#[test]
fn what_websockets_compresses_without_context_takeover_is_told_exactly() {
    let extensions = "permessage-deflate; server_no_context_takeover; \
        client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9";
    compare(&WEBSOCKETS, "no-takeover", extensions, Client);
}

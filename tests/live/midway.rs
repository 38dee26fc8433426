//! Connections that were open before the sniffing began.

use crate::endpoints::{Endpoints, Pair, listen};
use crate::said::{Client, Said, Server, Told, Who, agrees, assert_same};
use crate::scripted::{Scripted, WS};
use crate::sniffer::{Sniffer, permitted};

/// What is said in turn, begun by the client. No two lengths in a row are the same, as in
/// most conversations: frames that only repeat each other are no evidence of frames.
fn converse(ends: &mut impl Endpoints, topic: &str) -> Vec<Said> {
    let mut said = Vec::new();
    for number in 0_u64..30 {
        let words = (0..number * 5 % 9).map(|word| format!(" {}", (number + word).pow(9)));
        let words: String = words.collect();
        for from in Who::BOTH {
            said.push(ends.text(from, &format!("{topic} by the {}:{words}", from.name())));
        }
    }
    said
}

/// What one side said. Until a direction is known to be WebSocket nothing of it is told, so
/// that the order is known within each direction only.
fn of(from: Who, said: &[Said]) -> Vec<&Said> {
    said.iter().filter(|said| said.from == from).collect()
}

fn assert_both_same(told: &Told, said: &[Said]) {
    let told = told.said();
    for from in Who::BOTH {
        assert_same(&of(from, &told), &of(from, said));
    }
}

#[test]
fn an_open_connection_is_told_from_then_on() {
    if !permitted() {
        return;
    }
    let (listener, port) = listen();
    let mut pair = Pair::connected(&listener);
    let address = pair.client_address();
    converse(&mut pair, "unheard");
    let mut sniffer = Sniffer::on(port);
    let mut said = converse(&mut pair, "heard");
    said.push(pair.say(Server, "binary", &[&vec![7; 70_000], b"and the rest"]));
    said.extend(pair.close(Client, 1000, "enough"));
    sniffer.wait_for_end();
    let told = Told::of_one(&sniffer.interrupt().lines);
    assert_both_same(&told, &said);
    let end = told.end();
    assert_eq!(
        (&end["client"], &end["tcp_end"]),
        (&address.into(), &"fin".into())
    );
    assert!(!end.contains_key("url"), "{end:?}");
}

/// `ws` talks before and after the sniffing begins. Returns what was said after, and told.
fn compressed(parameters: &str) -> Option<(Vec<Said>, Told)> {
    // Both are asked, so that both reasons are said.
    if !(permitted() & WS.is_there()) {
        return None;
    }
    let mut ends: Scripted = WS.listening(parameters);
    ends.connect();
    converse(&mut ends, "unheard");
    let mut sniffer = Sniffer::on(ends.port);
    let mut said = converse(&mut ends, "heard");
    said.extend(ends.close(Client, 1000, "enough"));
    sniffer.wait_for_end();
    Some((said, Told::of_one(&sniffer.interrupt().lines)))
}

#[test]
fn messages_that_are_compressed_by_themselves_are_told_whole() {
    if let Some((said, told)) = compressed("no-takeover") {
        assert_both_same(&told, &said);
    }
}

#[test]
fn messages_that_need_an_unheard_context_are_listed_and_never_told_wrong() {
    let Some((said, told)) = compressed("takeover") else {
        return;
    };
    for from in Who::BOTH {
        let said = of(from, &said);
        let sent_by = |kind| {
            let lines = told.of_type(kind).into_iter();
            lines
                .filter(|line| Who::of(line) == from)
                .collect::<Vec<_>>()
        };
        let opcodes: Vec<_> = sent_by("frame")
            .iter()
            .map(|line| line["opcode"].clone())
            .collect();
        let expected: Vec<_> = said.iter().map(|said| &*said.opcode).collect();
        assert_eq!(opcodes, expected);
        for (message, said) in sent_by("message").iter().zip(said) {
            assert!(agrees(message, &said.payload), "{message:?} of {said:?}");
        }
    }
}

//! Attacks, scaled down: memory stays below its limit, what was given up is counted, and a
//! connection beside the attack is told whole. `make attack` runs them at size.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "support/attack.rs"]
mod attack;
mod support;

use std::sync::{Mutex, PoisonError};

use attack::{ATTACKS, Attack, Cost, Feed, Honest, Meter, cost};
use peak_alloc::PeakAlloc;
use support::{Client, Lines, Server, Tcp, Trace, Upgrade, render, tell, text};
use wsdump::event::Event;
use wsdump::report::Connections;
use wsdump::{Limits, Summary};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The allocator counts for the whole process, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Small enough for the attacks to reach it.
const LIMIT: usize = 4 << 20;

/// What an analyzer may take above its limit: tables of the decoder, IP fragments, and a buffer
/// that is there twice while it grows, before something is given up for it.
const SLACK: usize = 10 << 20;

fn limits() -> Limits {
    Limits {
        max_memory: LIMIT,
        max_flows: 2_000,
        ..Limits::default()
    }
}

fn named(name: &str) -> &'static Attack {
    ATTACKS
        .iter()
        .find(|attack| attack.name == name)
        .expect(name)
}

#[test]
fn four_times_the_attack_takes_no_more_memory_once_the_limit_is_reached() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for name in ["SYN flood, an address each", "half-open upgrades"] {
        let attack = named(name);
        let peaks =
            [1, 4].map(|times| cost(attack, times * attack.small, limits(), ALLOCATOR).peak);
        assert!(peaks[1] <= peaks[0] + peaks[0] / 8, "{name}: {peaks:?}");
    }
}

/// One of the counts of a summary.
type Count = fn(&Summary) -> u64;

#[test]
fn what_is_given_up_is_counted() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let table: [(&str, Count, u64); 7] = [
        ("SYN flood, an address each", |s| s.flows_given_up, 18_000),
        (
            "half-open upgrades",
            |s| s.flows_given_up_for_memory + s.flows_given_up,
            2_000,
        ),
        ("heads without an end", |s| s.heads_too_long, 200),
        ("Pings without Pongs", |s| s.pings_forgotten, 9_936),
        ("early bytes, a byte a segment", |s| s.answers_given_up, 1),
        (
            "IP fragments of datagrams that never end",
            |s| s.fragments_over_limit,
            4_744,
        ),
        ("overlaps that contradict", |s| s.anomalies, 2_500),
    ];
    for (name, count, expected) in table {
        let attack = named(name);
        let summary = cost(attack, attack.small, limits(), ALLOCATOR).summary;
        assert!(count(&summary) >= expected, "{name}: {summary:?}");
    }
}

/// Runs an attack in the midst of which an honest connection speaks; gives what is told of
/// the latter, how many messages it sent, and what it all cost.
fn beside(attack: &Attack) -> (Vec<String>, usize, Cost) {
    let mut told = Vec::new();
    let mut sink = |event: &Event<'_>| {
        if event.connection.client.to_string() == "203.0.113.77:44444" {
            told.push(render::line(event).text);
        }
    };
    let mut meter = Meter::new(ALLOCATOR, limits());
    let (mut honest, opening) = Honest::new();
    meter.push(&opening, &mut sink);
    let mut take = |trace: &mut Trace| {
        meter.push(trace, &mut sink);
        let said = honest.speak(trace.last().expect("a batch has packets"));
        meter.push(&said, &mut sink);
    };
    let mut feed = Feed::new(&mut take);
    (attack.run)(&mut feed, attack.small);
    feed.flush();
    meter.push(&honest.end(), &mut sink);
    let cost = meter.finish(&mut sink);
    (told, honest.said(), cost)
}

#[test]
fn no_attack_takes_more_memory_than_the_limit_and_what_lies_beside_it_is_told_whole() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for attack in ATTACKS {
        let (told, said, cost) = beside(attack);
        let (name, peak) = (attack.name, cost.peak);
        assert!(peak <= LIMIT + SLACK, "{name}: {peak} bytes");
        let messages: Vec<_> = told
            .iter()
            .filter(|line| line.contains("\"message"))
            .collect();
        assert_eq!(messages.len(), said, "{}: {told:?}", attack.name);
        for (number, line) in messages.iter().enumerate() {
            let expected = format!("\"message {number}\"");
            assert!(line.ends_with(&expected), "{}: {line}", attack.name);
        }
        let faults: Vec<_> = told.iter().filter(|line| line.contains('!')).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", attack.name);
        let end = told.last().map(String::as_str);
        assert_eq!(end, Some("= fin, close 1000 clean"), "{}", attack.name);
    }
}

#[test]
fn a_conversation_that_is_silent_outlasts_a_flood_of_half_open_upgrades() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let attack = named("half-open upgrades");
    let mut told = Vec::new();
    let mut sink = |event: &Event<'_>| {
        if event.connection.number == 1 {
            told.push(render::line(event).text);
        }
    };
    let limits = Limits {
        max_memory: LIMIT / 2,
        ..limits()
    };
    let mut meter = Meter::new(ALLOCATOR, limits);
    let (mut honest, opening) = Honest::new();
    meter.push(&opening, &mut sink);
    let mut take = |trace: &mut Trace| meter.push(trace, &mut sink);
    let mut feed = Feed::new(&mut take);
    (attack.run)(&mut feed, attack.small);
    feed.flush();
    meter.push(&honest.end(), &mut sink);
    let given_up = meter.finish(&mut sink).summary.flows_given_up_for_memory;
    assert!(given_up > 1_000, "{given_up}");
    let end = told.last().map(String::as_str);
    assert_eq!(end, Some("= fin, close 1000 clean"), "{told:?}");
}

#[test]
fn a_table_of_connections_keeps_only_so_much_text() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let target = "x".repeat(60_000);
    let upgrade = Upgrade::new().request_line(&format!("GET /{target} HTTP/1.1"));
    let mut table = Connections::default();
    let mut meter = Meter::new(ALLOCATOR, limits());
    let before = ALLOCATOR.current_usage();
    for port in 1..=1_000 {
        let mut tcp = Tcp::default();
        tcp.ends[0].set_port(port);
        tcp.handshake().send_cut(Client, &upgrade.request(), 1_400);
        tcp.send(Server, &upgrade.response()).end();
        meter.push(&tcp.trace, &mut table);
    }
    meter.finish(&mut table);
    let held = ALLOCATOR.current_usage().saturating_sub(before);
    assert!(held < Connections::MAX_TEXT_BYTES + (4 << 20), "{held}");
    let text = table.table(Some(80));
    let last = text.lines().last();
    assert_eq!(last, Some("… and 721 more connections"));
}

/// A server's message whose bytes `from` to `to` come once more, with other text; the second
/// time first, if `before`.
fn hidden(cuts: &[usize], from: usize, to: usize, before: bool) -> Lines {
    let mut tcp = Tcp::upgraded();
    let start = tcp.sent[1].cast_signed();
    let bytes = tcp.encode(Server, &[text("attack at dawn, says the message")]);
    let mut forged = bytes.clone();
    for byte in &mut forged[from..to] {
        *byte = b'x';
    }
    let at = |place: usize| start + i64::try_from(place).unwrap();
    let mut pieces = Vec::new();
    let mut begin = 0;
    for end in cuts.iter().copied().chain([bytes.len()]) {
        pieces.push((begin, end));
        begin = end;
    }
    let forge = |tcp: &mut Tcp| {
        tcp.at(Server, at(from), &forged[from..to]);
    };
    if before {
        // It waits, since nothing before it is there.
        forge(&mut tcp);
    }
    for (begin, end) in pieces {
        tcp.at(Server, at(begin), &bytes[begin..end]);
    }
    if !before {
        forge(&mut tcp);
    }
    tcp.sent[1] += bytes.len() as u64;
    tcp.ack(Client);
    tell(&tcp.trace)
}

#[test]
fn text_that_an_overlap_would_hide_is_shown_as_it_came_first_and_named() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let genuine = "attack at dawn, says the message";
    for cuts in [
        &[][..],
        &[1],
        &[2],
        &[10],
        &[5, 12, 20],
        &[9, 10, 11, 12],
        &[33],
    ] {
        // Not the last byte alone: once more, it is a keep-alive, whose byte means nothing.
        for (from, to) in [(2, 34), (12, 16), (9, 20), (32, 34), (2, 3)] {
            for before in [false, true] {
                let lines = hidden(cuts, from, to, before);
                let mut expected = genuine.to_owned();
                if before {
                    // A header takes two bytes.
                    expected.replace_range(from - 2..to - 2, &"x".repeat(to - from));
                }
                let shown = lines.messages();
                let case = format!("{cuts:?}, {from} to {to}, before {before}");
                assert_eq!(shown, [format!("< \"{expected}\"")], "{case}");
                let named = lines.rules();
                assert!(
                    !named.is_empty() && named.iter().all(|rule| *rule == "conflicting-overlap"),
                    "{case}: {named:?}"
                );
            }
        }
    }
}

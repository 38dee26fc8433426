//! The rules as they are documented: in `docs/rules.md`, by examples, and by captures.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use support::Kind::{Frame, Http};
use support::render::{Lines, tell};
use support::{Client, Server, Tcp, Upgrade, Who};
use wsdump::anomaly::Rule;
use wsdump::check::examples::{Example, Line, Opening, Part, Step, example};
use wsdump::check::link;
use wsdump::event::{Event, EventKind};
use wsdump::flow::Direction;
use wsdump::{Analyzer, Config, capture};

fn who(direction: Direction) -> Who {
    match direction {
        Direction::ClientToServer => Client,
        Direction::ServerToClient => Server,
    }
}

fn bytes(parts: &[Part]) -> Vec<u8> {
    let each = parts.iter().map(|part| part.sent().repeat(part.times));
    each.collect::<Vec<_>>().concat()
}

/// An example as packets, with segments of a usual size.
fn played(example: &Example) -> Tcp {
    const SEGMENT: usize = 1_400;
    let mut tcp = match example.opening {
        Opening::None => Tcp::connected(),
        Opening::Plain => Tcp::upgraded(),
        Opening::Deflate(parameters) => Tcp::with(&Upgrade::deflate(parameters)),
    };
    for step in example.steps {
        match *step {
            Step::Head(from, head) => {
                let lines: String = head.iter().map(Line::sent).collect();
                let head = lines + "\r\n";
                tcp.send_cut(who(from), head.as_bytes(), SEGMENT);
            }
            Step::Bytes(from, parts) => {
                tcp.send_cut(who(from), &bytes(parts), SEGMENT);
            }
            Step::Missing(from, parts) => {
                tcp.lose(who(from), &bytes(parts)).ack(who(from).other());
            }
            Step::Lost(from, parts) => {
                tcp.lose(who(from), &bytes(parts));
            }
            Step::Again(from, back, parts) => {
                let mut at = tcp.sent[who(from) as usize].cast_signed() - i64::from(back);
                for piece in bytes(parts).chunks(SEGMENT) {
                    tcp.at(who(from), at, piece);
                    at += i64::try_from(piece.len()).unwrap();
                }
            }
            Step::Fin(from) => {
                tcp.fin(who(from));
            }
            Step::Rst(from) => {
                tcp.rst(who(from));
            }
            Step::Pause(millis) => tcp.now += u64::from(millis) * 1_000_000,
            Step::Connection => {
                let mut next = Tcp {
                    trace: std::mem::take(&mut tcp.trace),
                    now: tcp.now,
                    ..Tcp::default()
                };
                next.ends[0].set_port(tcp.ends[0].port() + 1);
                next.handshake();
                tcp = next;
            }
        }
    }
    tcp.ack(Server).ack(Client);
    tcp
}

fn told(rule: Rule) -> Lines {
    tell(&played(example(rule).unwrap()).trace)
}

#[test]
fn the_example_of_a_rule_breaks_it_and_nothing_that_is_not_said() {
    for rule in Rule::ALL {
        let along = example(*rule).unwrap().along.iter().copied();
        let own = (!rule.is_of_check()).then_some(*rule);
        let expected: BTreeSet<_> = along.chain(own).map(Rule::name).collect();
        let lines = told(*rule);
        let found: BTreeSet<_> = lines.rules().into_iter().collect();
        assert_eq!(found, expected, "{}: {:#?}", rule.name(), lines.all);
    }
}

#[test]
fn the_examples_of_whole_connections_are_read_as_they_say() {
    let upgraded = ["> GET /chat", "< 101 upgraded"];
    let frames: [(Rule, &[&str]); 7] = [
        (Rule::NotFailed, &["> [text 5]", "< [text 3]"]),
        (
            Rule::MismatchedPong,
            &["< [ping 1]", "> [pong 1 unsolicited]"],
        ),
        (Rule::UnansweredPing, &["< [ping 1]"]),
        (Rule::UnansweredClose, &["< [close 1000 \"\"]"]),
        (Rule::NoClose, &["< [text 5]"]),
        (Rule::LargeMessage, &["< [binary 17825792]"]),
        (Rule::Retransmissions, &["< [binary 100000]"]),
    ];
    for (rule, expected) in frames {
        let lines = told(rule);
        assert_eq!(lines.of(&[Http]), upgraded, "{}", rule.name());
        assert_eq!(lines.of(&[Frame]), expected, "{}", rule.name());
    }
    assert_eq!(
        told(Rule::RepeatedKey).of(&[Http]),
        [upgraded, upgraded].concat()
    );
    assert_eq!(
        told(Rule::RefusedUpgrade).of(&[Http]),
        ["> GET /chat", "< 403 refused"]
    );
    assert_eq!(told(Rule::SlowHandshake).of(&[Http]), upgraded);
    let again = told(Rule::Retransmissions);
    let again = again.of(&[support::Kind::Tcp]);
    let count = again.iter().filter(|line| **line == "< retransmission");
    assert_eq!(count.count(), 8);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn every_rule_of_the_wire_is_broken_in_a_capture() {
    let mut broken = BTreeSet::new();
    for entry in fs::read_dir(root().join("testdata")).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().contains(".pcap") {
            continue;
        }
        // Some captures are damaged on purpose: what can be read of them counts.
        let Ok(mut source) = capture::open(&path) else {
            continue;
        };
        let mut sink = |event: &Event<'_>| {
            if let EventKind::Anomaly(anomaly) = event.kind {
                broken.insert(anomaly.rule);
            }
        };
        let mut analyzer = Analyzer::new(Config::default());
        while let Ok(Some(packet)) = source.next_packet() {
            analyzer.push(&packet, &mut sink);
        }
        analyzer.finish(&mut sink);
    }
    let missing: Vec<_> = Rule::ALL
        .iter()
        .filter(|rule| !rule.is_of_check() && !broken.contains(rule))
        .map(|rule| rule.name())
        .collect();
    assert!(missing.is_empty(), "no capture breaks {missing:?}");
}

/// The row of a rule in the table of all.
fn row(rule: Rule) -> String {
    let (name, severity) = (rule.name(), rule.severity());
    let reference = match link(rule) {
        Some(link) => format!("[{}]({link})", rule.reference()),
        None => rule.reference().to_owned(),
    };
    format!(
        "| `{name}` | {severity} | {reference} | {} |",
        rule.explanation()
    )
}

#[test]
fn the_document_has_every_rule_as_the_program_has_it() {
    let document = fs::read_to_string(root().join("docs/rules.md")).unwrap();
    let (by_paragraph, all) = document.split_once("\n## All rules\n").unwrap();
    let rows: Vec<_> = all.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<_> = Rule::ALL.iter().map(|rule| row(*rule)).collect();
    assert_eq!(rows, expected);
    for rule in Rule::ALL {
        let named = by_paragraph.contains(&format!("`{}`", rule.name()));
        let own = rule.reference() == Rule::OWN;
        assert!(named || own, "{} is of no paragraph", rule.name());
    }
}

#[test]
fn the_document_names_no_rule_that_there_is_not() {
    let document = fs::read_to_string(root().join("docs/rules.md")).unwrap();
    // In the tables by paragraph, the last cell names rules or says why there is none.
    let cells = document.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.split(" | ").collect();
        (cells.len() == 3).then(|| cells[2].to_owned())
    });
    let mut count = 0;
    for cell in cells {
        for name in cell.split('`').skip(1).step_by(2) {
            assert!(name.parse::<Rule>().is_ok(), "{name}");
            count += 1;
        }
    }
    assert!(count > Rule::ALL.len() / 2, "{count}");
}

//! Outcomes for tests.

#![allow(clippy::unwrap_used)]

use super::{FormatName, Look, Report};
use crate::anomaly::Rule;
use crate::check::{
    Counts, Finding, Findings, Outcome, Place, Policy, Problem, Test, TestKind, TestResult,
};
use crate::flow::Direction;

/// What a report of these outcomes says.
pub(super) fn written(name: FormatName, look: Look, outcomes: &[Outcome]) -> String {
    let mut out = Vec::new();
    let mut report = Report::new(name, look);
    for outcome in outcomes {
        report.outcome(outcome, &mut out).unwrap();
    }
    report.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Passes, with a warning.
pub(super) fn passing() -> Outcome {
    Outcome {
        capture: "captures/chat.pcap".to_owned(),
        counts: Counts {
            packets: 20,
            connections: 1,
            messages: 3,
        },
        findings: findings(&[(Rule::NoClose, "FIN", 31)]),
        policy: Policy::default(),
        tests: vec![test(TestKind::Rules, "rules", TestResult::Passed)],
    }
}

/// Has something of all that can fail.
pub(super) fn failing() -> Outcome {
    let tests = [
        (TestKind::Rules, "rules", TestResult::Failed(Vec::new())),
        (
            TestKind::Expectation,
            "close.code == 1000",
            TestResult::Failed(vec![Problem::new("close.code is 1006")]),
        ),
        (
            TestKind::Expectation,
            "rtt.max_ms < 5",
            TestResult::Error(vec![Problem::new("no Ping was answered")]),
        ),
        (
            TestKind::Baseline,
            "bad.json",
            TestResult::Failed(vec![Problem {
                message: "1 message differs".to_owned(),
                place: Some(place(12)),
                lines: vec!["- \"hello\"".to_owned(), "+ \"hallo\"".to_owned()],
            }]),
        ),
    ];
    Outcome {
        capture: "captures/bad.pcap".to_owned(),
        counts: Counts {
            packets: 20,
            connections: 2,
            messages: 3,
        },
        findings: findings(&[(Rule::BadKey, "15 bytes", 12), (Rule::NoClose, "FIN", 31)]),
        policy: Policy::default(),
        tests: tests
            .map(|(kind, name, result)| test(kind, name, result))
            .into(),
    }
}

/// The capture itself cannot be read.
pub(super) fn unreadable() -> Outcome {
    let problem = Problem::new("no such file");
    Outcome {
        capture: "captures/gone.pcap".to_owned(),
        counts: Counts::default(),
        findings: Findings::default(),
        policy: Policy::default(),
        tests: vec![test(
            TestKind::Capture,
            "capture",
            TestResult::Error(vec![problem]),
        )],
    }
}

pub(super) fn findings(of: &[(Rule, &str, u64)]) -> Findings {
    let mut findings = Findings::default();
    for (rule, detail, packet) in of {
        findings.add(Finding {
            rule: *rule,
            detail: (*detail).to_owned(),
            place: place(*packet),
            from: if *packet < 20 {
                Direction::ClientToServer
            } else {
                Direction::ServerToClient
            },
        });
    }
    findings
}

/// Packet 12 comes after 4,411 µs, packet 31 after 104,411 µs.
fn place(packet: u64) -> Place {
    Place {
        packet,
        elapsed: if packet < 20 { 4_411_000 } else { 104_411_000 },
        connection: 1,
    }
}

fn test(kind: TestKind, name: &str, result: TestResult) -> Test {
    Test {
        kind,
        name: name.to_owned(),
        result,
    }
}

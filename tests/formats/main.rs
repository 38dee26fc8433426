//! What `check` reports is what its format promises, whatever captures are called and hold:
//! SARIF and `JUnit` by their schemas, workflow commands by GitHub's grammar.
//!
//! The schemas come with packages that `make peers` fetches, and `JUnit`'s is applied by
//! xmllint. Where one is missing, the tests that need it are left out, see `left_out`.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod github;
mod junit;
mod sarif;

#[path = "../support/left_out.rs"]
mod left_out;

use std::path::PathBuf;

use left_out::leave_out;
use serde_json::Value;
use wsdump::anomaly::Rule;
use wsdump::check::{
    Counts, Finding, Findings, FormatName, Look, Outcome, Place, Policy, Problem, Report, Test,
    TestKind, TestResult, Totals, Verbosity,
};
use wsdump::flow::Direction;

/// What captures may be called, and what may be found in them.
const HOSTILE: [&str; 26] = [
    "captures/chat.pcap",
    "/tmp/a b.pcap",
    "../100%.pcap",
    "it's \"quoted\".pcap",
    "two\nlines.pcap",
    "no utf-8 \u{fffd}.pcap",
    "a:b,c=d;e.pcap",
    "<&>]]>.pcap",
    "]]>",
    "漢字 é.pcap",
    "\u{202e}pacp.exe",
    "\u{2066}isolated\u{200b}",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "nul \0 and \x0b",
    "\u{fffe}\u{ffff}\u{85}\u{2028}",
    "::error::fake",
    "  ::add-mask::a",
    "x\r\n::error file=a,line=1::fake",
    "##[error]fake ##vso[task.complete]",
    "%0A::error::fake%25",
    "[click](http://evil.example) {0} {{1}}",
    "<script>alert(1)</script> &amp; &#0;",
    "{\"json\": \"\\u0000\"}",
    "`code` **bold** |",
    "",
    "-",
];

fn place(packet: u64) -> Place {
    Place {
        packet,
        elapsed: -1_500_000,
        connection: 1,
    }
}

fn finding(rule: Rule, detail: &str, packet: u64) -> Finding {
    Finding {
        rule,
        detail: detail.to_owned(),
        place: place(packet),
        from: Direction::ClientToServer,
    }
}

/// A capture with this text wherever text can be.
fn hostile(text: &str) -> Outcome {
    let mut findings = Findings::default();
    let rules = [
        Rule::BadKey,
        Rule::NoClose,
        Rule::OutOfStep,
        Rule::MissingHost,
    ];
    for (packet, rule) in (1..).zip(rules) {
        findings.add(finding(rule, text, packet));
    }
    let problem = Problem {
        message: text.to_owned(),
        place: Some(place(7)),
        lines: vec![text.to_owned(), String::new()],
    };
    let failed = || TestResult::Failed(vec![problem.clone(), Problem::new(text)]);
    let tests = [
        (TestKind::Capture, TestResult::Error(vec![problem.clone()])),
        (TestKind::Rules, TestResult::Failed(Vec::new())),
        (TestKind::Expectation, failed()),
        (TestKind::Baseline, failed()),
        (TestKind::Expectation, TestResult::Failed(Vec::new())),
        (TestKind::Expectation, TestResult::Passed),
    ];
    Outcome {
        capture: text.to_owned(),
        counts: Counts {
            packets: 9,
            connections: 1,
            messages: 2,
        },
        findings,
        policy: Policy {
            allow: [Rule::MissingHost].into(),
            ..Policy::default()
        },
        tests: tests
            .into_iter()
            .map(|(kind, result)| Test {
                kind,
                name: text.to_owned(),
                result,
            })
            .collect(),
    }
}

fn all_hostile() -> Vec<Outcome> {
    HOSTILE.iter().map(|text| hostile(text)).collect()
}

fn passing() -> Outcome {
    let mut outcome = hostile("captures/good.pcap");
    outcome.findings = Findings::default();
    outcome.tests = vec![Test {
        kind: TestKind::Rules,
        name: "rules".to_owned(),
        result: TestResult::Passed,
    }];
    outcome
}

/// A million frames that break one rule.
fn a_million() -> Outcome {
    let mut outcome = passing();
    for packet in 1..=1_000_000 {
        let finding = finding(Rule::UnmaskedClientFrame, "five bytes", packet);
        outcome.findings.add(finding);
    }
    outcome.tests[0].result = TestResult::Failed(Vec::new());
    outcome
}

fn report_with(name: FormatName, look: Look, outcomes: &[Outcome]) -> String {
    let mut out = Vec::new();
    let mut report = Report::new(name, look);
    for outcome in outcomes {
        report.outcome(outcome, &mut out).unwrap();
    }
    let totals = report.finish(&mut out).unwrap();
    let passed = outcomes.iter().filter(|outcome| outcome.passed()).count();
    let expected = Totals {
        passed: passed as u64,
        failed: (outcomes.len() - passed) as u64,
    };
    assert_eq!(totals, expected);
    String::from_utf8(out).expect("a report is UTF-8")
}

fn report(name: FormatName, outcomes: &[Outcome]) -> String {
    report_with(name, Look::default(), outcomes)
}

/// What is reported in tests of a whole document.
fn documents() -> Vec<Vec<Outcome>> {
    vec![
        Vec::new(),
        vec![passing()],
        all_hostile(),
        vec![passing(), a_million(), passing()],
    ]
}

/// A file that `make peers` installs; `None` where it has not.
fn schema_file(name: &str) -> Option<PathBuf> {
    let schemas = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/schemas");
    let file = schemas.join(name);
    if file.exists() {
        return Some(file);
    }
    leave_out(format!("no {}: run `make peers`", file.display()));
    None
}

#[test]
fn json_is_one_document_with_the_very_text_that_was_found() {
    for outcomes in documents() {
        let text = report(FormatName::Json, &outcomes);
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["version"], 1);
        let captures = document["captures"].as_array().unwrap();
        assert_eq!(captures.len(), outcomes.len());
        // A line a capture, and what stands around them.
        assert_eq!(text.lines().count(), outcomes.len() + 2);
        for (capture, outcome) in captures.iter().zip(&outcomes) {
            assert_eq!(capture["capture"], *outcome.capture);
            assert_eq!(capture["passed"], outcome.passed());
            for finding in capture["findings"].as_array().unwrap() {
                assert_ne!(finding["rule"], "missing-host", "it is allowed");
            }
        }
    }
    let document = report(FormatName::Json, &all_hostile());
    let document: Value = serde_json::from_str(&document).unwrap();
    for (capture, text) in document["captures"].as_array().unwrap().iter().zip(HOSTILE) {
        assert_eq!(capture["findings"][0]["detail"], text);
        assert_eq!(capture["findings"][0]["elapsed"], -0.0015);
        assert_eq!(capture["tests"][2]["problems"][0]["message"], text);
        assert_eq!(capture["tests"][2]["problems"][0]["lines"][0], text);
        assert_eq!(capture["tests"][2]["problems"][1].get("packet"), None);
    }
}

#[test]
fn no_format_lets_through_what_acts_on_a_terminal() {
    let is_harmful = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200b}' | '\u{2028}' | '\u{202e}' | '\u{2066}')
    };
    for (name, format) in FormatName::ALL {
        for width in [None, Some(12), Some(80)] {
            for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
                let look = Look {
                    width,
                    verbosity,
                    color: false,
                };
                let text = report_with(format, look, &all_hostile());
                let found = text.chars().find(|c| is_harmful(*c));
                assert_eq!(found, None, "{name} {look:?}");
            }
        }
    }
}

#[test]
fn a_million_findings_are_counted_and_the_first_are_listed() {
    let outcome = [a_million()];
    for (format, expected) in [
        (FormatName::Text, "and 999990 more of unmasked-client-frame"),
        (
            FormatName::Json,
            "\"findings_left_out\":{\"unmasked-client-frame\":999900}",
        ),
        (
            FormatName::Junit,
            "and 999900 more of unmasked-client-frame",
        ),
        (FormatName::Sarif, "one of 1000000 in this capture"),
        (FormatName::Github, "%0A999999 more in this capture"),
    ] {
        let text = report(format, &outcome);
        assert!(text.contains(expected), "{format:?}");
        assert!(text.matches("five bytes").count() <= 100, "{format:?}");
    }
    let text = report(FormatName::Text, &outcome);
    assert!(text.contains(" 1000000 errors\n"), "{text}");
}

#[test]
fn a_report_without_captures_is_whole() {
    let text = |format| report(format, &[]);
    assert_eq!(text(FormatName::Text), "0 captures: 0 passed, 0 failed\n");
    assert_eq!(text(FormatName::Github), text(FormatName::Text));
    assert_eq!(
        text(FormatName::Json),
        "{\"version\":1,\"captures\":[\n],\"passed\":0,\"failed\":0}\n"
    );
    assert!(
        text(FormatName::Junit).ends_with("<testsuites name=\"wsdump check\">\n</testsuites>\n")
    );
    assert_eq!(
        sarif::log(&[])["runs"][0]["results"],
        Value::Array(Vec::new())
    );
}

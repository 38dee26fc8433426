//! For scripts: one JSON document. The field names are a contract.
//!
//! | field | value |
//! | --- | --- |
//! | `version` | 1; more fields may come without another number |
//! | `captures` | list, in the order in which they were named |
//! | `passed`, `failed` | how many captures |
//!
//! Each capture has
//!
//! | field | value |
//! | --- | --- |
//! | `capture` | as it was named |
//! | `passed` | whether every test passed |
//! | `packets`, `connections`, `messages` | how many |
//! | `tests` | list: `kind` (`capture`, `rules`, `expectation`, `baseline`), `name`, `result` (`passed`, `failed`, `error`), `problems` |
//! | `findings` | list of broken rules: `rule`, `severity`, `reference`, `detail`, `packet`, `elapsed`, `connection`, `from`, `judgement` (`fails`, `reported`) |
//! | `findings_left_out` | of each rule with more findings than are listed, how many more |
//!
//! A problem has `message` and, if it has a place, `packet`, `elapsed` and `connection`; and
//! `lines`, if there is more to say. These names mean what they mean in
//! [`report::Json`](crate::report::Json). A field that does not apply is left out, never
//! `null`. A line is a capture, so that each can be read as soon as it is written.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::words::{findings, kind};
use super::{Format, Totals};
use crate::check::{Finding, Judgement, Outcome, Place, Problem, Test, TestResult};
use crate::report::{seconds, write_json};

/// One document.
#[derive(Default)]
pub(super) struct Json {
    begun: bool,
}

impl Format for Json {
    fn start(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"{\"version\":1,\"captures\":[")
    }

    fn outcome(&mut self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        separate(&mut self.begun, out)?;
        write_json(&CaptureObject::from(outcome), out)
    }

    fn finish(&mut self, totals: Totals, out: &mut dyn Write) -> io::Result<()> {
        let Totals { passed, failed } = totals;
        writeln!(out, "\n],\"passed\":{passed},\"failed\":{failed}}}")
    }
}

/// Begins another line of a list.
pub(super) fn separate(begun: &mut bool, out: &mut dyn Write) -> io::Result<()> {
    let comma: &[u8] = if std::mem::replace(begun, true) {
        b",\n"
    } else {
        b"\n"
    };
    out.write_all(comma)
}

#[derive(Serialize)]
struct CaptureObject<'a> {
    capture: &'a str,
    passed: bool,
    packets: u64,
    connections: u64,
    messages: u64,
    tests: Vec<TestObject<'a>>,
    findings: Vec<FindingObject<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    findings_left_out: BTreeMap<&'static str, u64>,
}

impl<'a> From<&'a Outcome> for CaptureObject<'a> {
    fn from(outcome: &'a Outcome) -> Self {
        let judged = |judgement| {
            let findings = findings(outcome, judgement);
            findings.map(move |finding| FindingObject::new(finding, judgement))
        };
        let mut findings: Vec<_> = judged(Judgement::Fails)
            .chain(judged(Judgement::Reported))
            .collect();
        findings.sort_by_key(|finding| finding.place.packet);
        let left_out = outcome.findings.counts().filter_map(|(rule, _)| {
            let left_out = outcome.findings.left_out(rule);
            let counts = left_out > 0 && outcome.policy.judge(rule) != Judgement::Ignored;
            counts.then(|| (rule.name(), left_out))
        });
        Self {
            capture: &outcome.capture,
            passed: outcome.passed(),
            packets: outcome.counts.packets,
            connections: outcome.counts.connections,
            messages: outcome.counts.messages,
            tests: outcome.tests.iter().map(TestObject::from).collect(),
            findings,
            findings_left_out: left_out.collect(),
        }
    }
}

#[derive(Serialize)]
struct TestObject<'a> {
    kind: &'static str,
    name: &'a str,
    result: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemObject<'a>>,
}

impl<'a> From<&'a Test> for TestObject<'a> {
    fn from(test: &'a Test) -> Self {
        let problems = test.result.problems().iter();
        Self {
            kind: kind(test.kind),
            name: &test.name,
            result: match test.result {
                TestResult::Passed => "passed",
                TestResult::Failed(_) => "failed",
                TestResult::Error(_) => "error",
            },
            problems: problems.map(ProblemObject::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct ProblemObject<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Option<PlaceObject>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    lines: &'a [String],
}

impl<'a> From<&'a Problem> for ProblemObject<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            message: &problem.message,
            place: problem.place.map(PlaceObject::from),
            lines: &problem.lines,
        }
    }
}

#[derive(Serialize)]
struct FindingObject<'a> {
    rule: &'static str,
    severity: &'static str,
    reference: &'static str,
    detail: &'a str,
    #[serde(flatten)]
    place: PlaceObject,
    from: &'static str,
    judgement: &'static str,
}

impl<'a> FindingObject<'a> {
    fn new(finding: &'a Finding, judgement: Judgement) -> Self {
        let rule = finding.rule;
        Self {
            rule: rule.name(),
            severity: rule.severity().name(),
            reference: rule.reference(),
            detail: &finding.detail,
            place: finding.place.into(),
            from: finding.from.sender(),
            judgement: match judgement {
                Judgement::Fails => "fails",
                Judgement::Reported => "reported",
                Judgement::Ignored => "ignored",
            },
        }
    }
}

#[derive(Serialize)]
struct PlaceObject {
    packet: u64,
    /// In seconds.
    elapsed: f64,
    connection: u64,
}

impl From<Place> for PlaceObject {
    fn from(place: Place) -> Self {
        Self {
            packet: place.packet,
            elapsed: seconds(place.elapsed),
            connection: place.connection,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, written};
    use super::super::{FormatName, Look};

    #[test]
    fn a_capture_is_a_line() {
        let outcomes = [samples::passing(), samples::failing()];
        let text = written(FormatName::Json, Look::default(), &outcomes);
        let expected = r#"{"version":1,"captures":[
{"capture":"captures/chat.pcap","passed":true,"packets":20,"connections":1,"messages":3,"tests":[{"kind":"rules","name":"rules","result":"passed"}],"findings":[{"rule":"no-close","severity":"warning","reference":"RFC 6455 §7.1.1","detail":"FIN","packet":31,"elapsed":0.104411,"connection":1,"from":"server","judgement":"reported"}]},
{"capture":"captures/bad.pcap","passed":false,"packets":20,"connections":2,"messages":3,"tests":[{"kind":"rules","name":"rules","result":"failed"},{"kind":"expectation","name":"close.code == 1000","result":"failed","problems":[{"message":"close.code is 1006"}]},{"kind":"expectation","name":"rtt.max_ms < 5","result":"error","problems":[{"message":"no Ping was answered"}]},{"kind":"baseline","name":"bad.json","result":"failed","problems":[{"message":"1 message differs","packet":12,"elapsed":0.004411,"connection":1,"lines":["- \"hello\"","+ \"hallo\""]}]}],"findings":[{"rule":"bad-key","severity":"error","reference":"RFC 6455 §4.1","detail":"15 bytes","packet":12,"elapsed":0.004411,"connection":1,"from":"client","judgement":"fails"},{"rule":"no-close","severity":"warning","reference":"RFC 6455 §7.1.1","detail":"FIN","packet":31,"elapsed":0.104411,"connection":1,"from":"server","judgement":"reported"}]}
],"passed":1,"failed":1}
"#;
        assert_eq!(text, expected);
    }
}

//! For code scanning: SARIF 2.1.0, one run whose results are findings and failed tests.
//!
//! What GitHub wants beyond the standard decides where that leaves a choice:
//!
//! - Each result has one location, with the capture's URI and a line; else GitHub refuses the
//!   whole file. A capture has no lines: the line is the packet's number, 1 where no packet is
//!   known, and the logical locations say what is meant.
//! - It knows a result again by its rule and `primaryLocationLineHash`. That of a capture's
//!   bytes would mean nothing; here it is of the capture's name, the rule, the connection and
//!   the sender, and counts those that have all of it in common: it stays when the capture
//!   is made anew. The action that uploads a file warns where it finds another one in the
//!   capture's bytes, and keeps this.
//! - It refuses a file with more than [`MAX_RESULTS`] results.
//! - A run that did not succeed is an analysis that failed. A capture that cannot be read is
//!   therefore a result like others, and the run succeeded.

mod rules;
mod uri;

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::json::separate;
use super::words::{self, detail, failed_tests, findings, kind, shown, title};
use super::{Format, Totals};
use crate::anomaly::Severity;
use crate::check::{Finding, Judgement, Outcome, Place, Problem, Test};
use crate::report::{append, write_json};
use rules::{all, index_of_rule, index_of_test};

/// One document.
#[derive(Default)]
pub(super) struct Sarif {
    begun: bool,
    results: u64,
    /// Results beyond [`MAX_RESULTS`].
    left_out: u64,
}

/// Results that a file may have; more are counted, not written.
const MAX_RESULTS: u64 = 25_000;

/// The one that GitHub's documentation names.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

impl Sarif {
    fn result(&mut self, result: &Value, out: &mut dyn Write) -> io::Result<()> {
        if self.results == MAX_RESULTS {
            self.left_out += 1;
            return Ok(());
        }
        self.results += 1;
        separate(&mut self.begun, out)?;
        write_json(result, out)
    }
}

impl Format for Sarif {
    fn start(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        let mut driver = json!({
            "name": "wsdump",
            "version": version,
            "semanticVersion": version,
            "rules": all(),
        });
        let repository = env!("CARGO_PKG_REPOSITORY");
        if !repository.is_empty() {
            driver["informationUri"] = repository.into();
        }
        write!(
            out,
            "{{\"$schema\":\"{SCHEMA}\",\"version\":\"2.1.0\",\"runs\":[{{\"tool\":{{\"driver\":"
        )?;
        write_json(&driver, out)?;
        write!(out, "}},\"results\":[")
    }

    fn outcome(&mut self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let mut capture = Capture::new(outcome);
        // What fails comes first, should there be too many.
        for finding in findings(outcome, Judgement::Fails) {
            self.result(&capture.finding(finding, "error"), out)?;
        }
        for test in failed_tests(outcome) {
            if test.result.problems().is_empty() {
                let problem = Problem::new("failed");
                self.result(&capture.problem(test, &problem), out)?;
            }
            for problem in test.result.problems() {
                self.result(&capture.problem(test, problem), out)?;
            }
        }
        for finding in findings(outcome, Judgement::Reported) {
            let level = finding.rule.severity().name();
            self.result(&capture.finding(finding, level), out)?;
        }
        Ok(())
    }

    fn finish(&mut self, _: Totals, out: &mut dyn Write) -> io::Result<()> {
        let mut invocation = json!({"executionSuccessful": true});
        if self.left_out > 0 {
            let text = format!("{} more results are left out", self.left_out);
            invocation["toolExecutionNotifications"] =
                json!([{"level": Severity::Warning.name(), "message": {"text": text}}]);
        }
        write!(out, "\n],\"invocations\":[")?;
        write_json(&invocation, out)?;
        writeln!(out, "]}}]}}")
    }
}

/// Makes results of a capture.
struct Capture<'a> {
    outcome: &'a Outcome,
    uri: String,
    /// How often each thing that can be told apart was found.
    seen: HashMap<String, u64>,
}

impl<'a> Capture<'a> {
    fn new(outcome: &'a Outcome) -> Self {
        Self {
            outcome,
            uri: uri::of_capture(&outcome.capture),
            seen: HashMap::new(),
        }
    }

    fn finding(&mut self, finding: &Finding, level: &str) -> Value {
        let rule = finding.rule;
        let sender = finding.from.sender();
        let place = finding.place;
        let identity = format!("{}\n{}\n{sender}", rule.name(), place.connection);
        let all = self.outcome.findings.count(rule);
        let mut text = format!("{sender}: {}; {}", detail(finding), words::place(&place));
        if all > 1 {
            append!(text, "; one of {all} in this capture");
        }
        json!({
            "ruleId": rule.name(),
            "ruleIndex": index_of_rule(rule),
            "level": level,
            "message": {"text": no_link(&text)},
            "locations": [self.location(Some(place))],
            "partialFingerprints": self.fingerprint(&identity),
        })
    }

    fn problem(&mut self, test: &Test, problem: &Problem) -> Value {
        let identity = format!("{}\n{}", kind(test.kind), test.name);
        let mut message = format!("{}: {}", title(test), shown(&problem.message));
        for line in &problem.lines {
            append!(message, "\n{}", shown(line));
        }
        json!({
            "ruleId": kind(test.kind),
            "ruleIndex": index_of_test(test.kind),
            "level": Severity::Error.name(),
            "message": {"text": no_link(&message)},
            "locations": [self.location(problem.place)],
            "partialFingerprints": self.fingerprint(&identity),
        })
    }

    fn location(&self, place: Option<Place>) -> Value {
        let mut artifact = json!({"uri": self.uri});
        if !self.uri.starts_with("file:") {
            artifact["uriBaseId"] = "%SRCROOT%".into();
        }
        // Readers keep a line in 32 bits.
        let line = place.map_or(1, |place| {
            place.packet.clamp(1, i32::MAX.unsigned_abs().into())
        });
        let mut location = json!({
            "physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line}},
        });
        if let Some(Place {
            packet, connection, ..
        }) = place
        {
            let connection = format!("connection {connection}");
            let packet = format!("packet {packet}");
            let both = format!("{connection}, {packet}");
            location["logicalLocations"] = json!([
                {"name": connection, "fullyQualifiedName": connection, "kind": "connection"},
                {"name": packet, "fullyQualifiedName": both, "kind": "packet"},
            ]);
        }
        location
    }

    fn fingerprint(&mut self, identity: &str) -> Value {
        let number = self.seen.entry(identity.to_owned()).or_default();
        *number += 1;
        let hash = Sha1::digest(format!("{}\n{identity}", self.uri));
        let mut text = String::new();
        for byte in &hash[..8] {
            append!(text, "{byte:02x}");
        }
        json!({"primaryLocationLineHash": format!("{text}:{number}")})
    }
}

/// A message without what a reader would show as a link (SARIF §3.11.6): whoever sent the
/// traffic could choose where it leads.
fn no_link(text: &str) -> String {
    text.replace("](", "] (")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::samples::{self, written};
    use super::super::{FormatName, Look};
    use super::*;

    fn run(outcomes: &[Outcome]) -> Value {
        let text = written(FormatName::Sarif, Look::default(), outcomes);
        let mut log: Value = serde_json::from_str(&text).unwrap();
        log["runs"][0].take()
    }

    /// Level, rule, line, message of each result.
    fn rows(run: &Value) -> Vec<String> {
        let results = run["results"].as_array().unwrap();
        let row = |result: &Value| {
            let location = &result["locations"][0]["physicalLocation"];
            format!(
                "{} {} {}:{} {}",
                result["level"].as_str().unwrap(),
                result["ruleId"].as_str().unwrap(),
                location["artifactLocation"]["uri"].as_str().unwrap(),
                location["region"]["startLine"],
                result["message"]["text"].as_str().unwrap()
            )
        };
        results.iter().map(row).collect()
    }

    #[test]
    fn findings_and_problems_are_results() {
        let outcomes = [samples::failing(), samples::unreadable()];
        let expected = [
            "error bad-key captures/bad.pcap:12 client: 15 bytes (RFC 6455 §4.1); packet 12, \
             0.004411 s, connection 1",
            "error expectation captures/bad.pcap:1 expectation close.code == 1000: close.code \
             is 1006",
            "error expectation captures/bad.pcap:1 expectation rtt.max_ms < 5: no Ping was \
             answered",
            "error baseline captures/bad.pcap:12 baseline bad.json: 1 message differs\n\
             - \"hello\"\n+ \"hallo\"",
            "warning no-close captures/bad.pcap:31 server: FIN (RFC 6455 §7.1.1); packet 31, \
             0.104411 s, connection 1",
            "error capture captures/gone.pcap:1 capture: no such file",
        ];
        assert_eq!(rows(&run(&outcomes)), expected);
    }

    #[test]
    fn what_fails_is_an_error_whatever_its_severity() {
        let mut outcome = samples::failing();
        outcome.policy.deny.insert(crate::anomaly::Rule::NoClose);
        outcome.policy.allow.insert(crate::anomaly::Rule::BadKey);
        let rows = rows(&run(&[outcome]));
        assert!(rows[0].starts_with("error no-close "), "{rows:#?}");
        assert!(!rows.iter().any(|row| row.contains("bad-key")), "{rows:#?}");
    }

    #[test]
    fn a_fingerprint_does_not_depend_on_time_but_tells_results_apart() {
        let fingerprints = |packets: [u64; 3]| -> Vec<Value> {
            let mut outcome = samples::failing();
            let rule = crate::anomaly::Rule::BadKey;
            let found = packets.map(|packet| (rule, "x", packet));
            outcome.findings = samples::findings(&found);
            let run = run(&[outcome]);
            let results = run["results"].as_array().unwrap().iter();
            results
                .map(|result| result["partialFingerprints"]["primaryLocationLineHash"].clone())
                .collect()
        };
        // The client's packets are those below 20.
        let here = fingerprints([1, 2, 31]);
        assert_eq!(here, fingerprints([3, 7, 99]));
        assert_ne!(here, fingerprints([1, 30, 31]));
        let mut distinct: Vec<_> = here.iter().map(Value::to_string).collect();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), here.len());
    }

    #[test]
    fn more_results_than_are_taken_are_left_out_and_counted() {
        let mut sarif = Sarif {
            results: MAX_RESULTS - 1,
            ..Sarif::default()
        };
        let mut out = Vec::new();
        sarif.outcome(&samples::failing(), &mut out).unwrap();
        sarif.finish(Totals::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("ruleId").count(), 1);
        assert!(text.contains("4 more results are left out"), "{text}");
    }

    #[test]
    fn traffic_makes_no_links() {
        assert_eq!(no_link("see [here](http://x)"), "see [here] (http://x)");
    }
}

//! For CI servers: `JUnit`'s XML, with the elements and attributes that Jenkins reads.
//!
//! A `testsuite` is a capture and a `testcase` one of its tests. A test that does not hold has
//! a `failure`, one of which that cannot be said an `error`; findings that do not fail are the
//! `system-out` of the test of rules. How many tests there are in all is left to the reader,
//! who may do without: the first capture is written before the last is known.
//!
//! Text is escaped as for a terminal, which leaves no control characters; XML 1.0 cannot hold
//! most of them (§2.2), not even as references.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::words::{any_fails, findings, kind, reason, rules, sentence, shown};
use super::{Format, Totals};
use crate::check::{Judgement, Outcome, Test, TestKind, TestResult};
use crate::report::append;

/// One document.
pub(super) struct Junit;

impl Format for Junit {
    fn start(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"wsdump check\">\n",
        )
    }

    fn outcome(&mut self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let number = |is: fn(&TestResult) -> bool| {
            let tests = outcome.tests.iter();
            tests.filter(|test| is(&test.result)).count().to_string()
        };
        let capture = xml(&shown(&outcome.capture));
        let mut writer = Writer::new_with_indent(&mut *out, b' ', 2);
        writer
            .create_element("testsuite")
            .with_attributes([
                ("name", capture.as_str()),
                ("tests", &number(|_| true)),
                (
                    "failures",
                    &number(|result| matches!(result, TestResult::Failed(_))),
                ),
                (
                    "errors",
                    &number(|result| matches!(result, TestResult::Error(_))),
                ),
                ("skipped", "0"),
                ("time", "0"),
            ])
            .write_inner_content(|writer| {
                let mut tests = outcome.tests.iter();
                tests.try_for_each(|test| testcase(outcome, &capture, test, writer))
            })?;
        writeln!(out)
    }

    fn finish(&mut self, _: Totals, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"</testsuites>\n")
    }
}

fn testcase<W: Write>(
    outcome: &Outcome,
    capture: &str,
    test: &Test,
    writer: &mut Writer<W>,
) -> io::Result<()> {
    let name = xml(&shown(&test.name));
    let element = writer.create_element("testcase").with_attributes([
        ("classname", capture),
        ("name", &name),
        ("time", "0"),
    ]);
    let told = match test.kind {
        TestKind::Rules => list(outcome, Judgement::Reported),
        _ => String::new(),
    };
    let fault = match test.result {
        TestResult::Passed => None,
        TestResult::Failed(_) => Some("failure"),
        TestResult::Error(_) => Some("error"),
    };
    if fault.is_none() && told.is_empty() {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|writer| {
        if let Some(fault) = fault {
            let (message, body) = why(outcome, test);
            writer
                .create_element(fault)
                .with_attributes([
                    ("message", xml(&message).as_str()),
                    ("type", kind(test.kind)),
                ])
                .write_text_content(BytesText::new(&xml(&body)))?;
        }
        if !told.is_empty() {
            writer
                .create_element("system-out")
                .write_text_content(BytesText::new(&xml(&told)))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Why a test did not pass: in one line, and in full.
fn why(outcome: &Outcome, test: &Test) -> (String, String) {
    if test.kind == TestKind::Rules && any_fails(outcome) {
        let fails = Judgement::Fails;
        return (rules(outcome, fails), list(outcome, fails));
    }
    let problems = test.result.problems();
    let message = match problems {
        [] => "failed".to_owned(),
        [only] => shown(&only.message),
        [first, rest @ ..] => format!("{}; and {} more", shown(&first.message), rest.len()),
    };
    let mut body = String::new();
    for problem in problems {
        append!(body, "{}\n", reason(problem));
        for line in &problem.lines {
            append!(body, "  {}\n", shown(line));
        }
    }
    (message, body)
}

/// Findings that mean so much, a line each.
fn list(outcome: &Outcome, judgement: Judgement) -> String {
    let mut text = String::new();
    for finding in findings(outcome, judgement) {
        let (severity, rule) = (finding.rule.severity(), finding.rule.name());
        append!(text, "{severity} {rule}: {}\n", sentence(finding));
    }
    for (rule, _) in outcome.findings.counts() {
        let left_out = outcome.findings.left_out(rule);
        if left_out > 0 && outcome.policy.judge(rule) == judgement {
            append!(text, "and {left_out} more of {}\n", rule.name());
        }
    }
    text
}

/// Text without the two characters that XML 1.0 cannot hold and no terminal acts upon.
fn xml(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::samples::{self, written};
    use super::super::{FormatName, Look};

    #[test]
    fn a_capture_is_a_suite() {
        let outcomes = [
            samples::passing(),
            samples::failing(),
            samples::unreadable(),
        ];
        let text = written(FormatName::Junit, Look::default(), &outcomes);
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="wsdump check">
<testsuite name="captures/chat.pcap" tests="1" failures="0" errors="0" skipped="0" time="0">
  <testcase classname="captures/chat.pcap" name="rules" time="0">
    <system-out>warning no-close: packet 31, 0.104411 s, connection 1, server: FIN (RFC 6455 §7.1.1)
</system-out>
  </testcase>
</testsuite>
<testsuite name="captures/bad.pcap" tests="4" failures="3" errors="1" skipped="0" time="0">
  <testcase classname="captures/bad.pcap" name="rules" time="0">
    <failure message="bad-key" type="rules">error bad-key: packet 12, 0.004411 s, connection 1, client: 15 bytes (RFC 6455 §4.1)
</failure>
    <system-out>warning no-close: packet 31, 0.104411 s, connection 1, server: FIN (RFC 6455 §7.1.1)
</system-out>
  </testcase>
  <testcase classname="captures/bad.pcap" name="close.code == 1000" time="0">
    <failure message="close.code is 1006" type="expectation">close.code is 1006
</failure>
  </testcase>
  <testcase classname="captures/bad.pcap" name="rtt.max_ms &lt; 5" time="0">
    <error message="no Ping was answered" type="expectation">no Ping was answered
</error>
  </testcase>
  <testcase classname="captures/bad.pcap" name="bad.json" time="0">
    <failure message="1 message differs" type="baseline">1 message differs (packet 12, 0.004411 s, connection 1)
  - &quot;hello&quot;
  + &quot;hallo&quot;
</failure>
  </testcase>
</testsuite>
<testsuite name="captures/gone.pcap" tests="1" failures="0" errors="1" skipped="0" time="0">
  <testcase classname="captures/gone.pcap" name="capture" time="0">
    <error message="no such file" type="capture">no such file
</error>
  </testcase>
</testsuite>
</testsuites>
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        let mut outcome = samples::unreadable();
        outcome.capture = "a\0\u{b}\u{1b}\u{fffe}\u{ffff}\n<\"&'>]]>.pcap".to_owned();
        let text = written(FormatName::Junit, Look::default(), &[outcome]);
        let name = "a\\x00\\x0b\\x1b\u{fffd}\u{fffd}\\n&lt;&quot;&amp;&apos;&gt;]]&gt;.pcap";
        assert!(
            text.contains(&format!("<testsuite name=\"{name}\"")),
            "{text}"
        );
    }
}

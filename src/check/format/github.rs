//! For GitHub Actions: the text, and workflow commands that it shows as annotations.
//!
//! ```text
//! ::error file=captures/bad.pcap,line=12,title=bad-key::packet 12, …
//! ```
//!
//! GitHub shows ten annotations of a kind (error, warning, notice) for a step, and the first
//! ten. So that none is lost to a capture that breaks one rule with every frame, a rule has one
//! annotation a capture, at its first place, which says how often it was broken. What fails is
//! an error, whatever its severity. What is beyond ten stands in the log alone, as the last
//! line says.
//!
//! An annotation's line is the packet's number: a capture has no other.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::text::Text;
use super::words::{failed_tests, findings, kind, reason, sentence, shown};
use super::{Format, Look, Totals};
use crate::anomaly::{Rule, Severity};
use crate::check::{Finding, Judgement, Outcome, Problem, Test, TestKind};
use crate::report::count;

/// Text with workflow commands.
pub(super) struct Github {
    text: Text,
    /// Annotations asked for, of each kind.
    asked: BTreeMap<Kind, u64>,
}

/// Annotations of a kind that GitHub shows for a step.
const SHOWN: u64 = 10;

/// Lines of a problem in its annotation; the log has all.
const LINES: usize = 20;

/// Kinds of annotation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Error,
    Warning,
    Notice,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

struct Annotation<'a> {
    kind: Kind,
    file: &'a str,
    line: Option<u64>,
    title: &'a str,
    message: &'a str,
}

impl Github {
    pub(super) fn new(look: Look) -> Self {
        Self {
            text: Text::new(look),
            asked: BTreeMap::new(),
        }
    }

    fn finding(
        &mut self,
        outcome: &Outcome,
        kind: Kind,
        finding: &Finding,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut message = sentence(finding);
        let more = outcome.findings.count(finding.rule).saturating_sub(1);
        if more > 0 {
            let _ = write!(message, "\n{more} more in this capture");
        }
        self.annotate(
            &Annotation {
                kind,
                file: &outcome.capture,
                line: Some(finding.place.packet),
                title: finding.rule.name(),
                message: &message,
            },
            out,
        )
    }

    fn problem(
        &mut self,
        outcome: &Outcome,
        test: &Test,
        problem: &Problem,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut message = reason(problem);
        for line in problem.lines.iter().take(LINES) {
            message.push('\n');
            message.push_str(&shown(line));
        }
        let title = match test.kind {
            TestKind::Expectation => shown(&test.name),
            _ => kind(test.kind).to_owned(),
        };
        self.annotate(
            &Annotation {
                kind: Kind::Error,
                file: &outcome.capture,
                line: problem.place.map(|place| place.packet),
                title: &title,
                message: &message,
            },
            out,
        )
    }

    fn annotate(&mut self, annotation: &Annotation<'_>, out: &mut dyn Write) -> io::Result<()> {
        let asked = self.asked.entry(annotation.kind).or_default();
        *asked += 1;
        if *asked > SHOWN {
            return Ok(());
        }
        let file = shown(annotation.file);
        let file = property(file.strip_prefix("./").unwrap_or(&file));
        write!(out, "::{} file={file},", annotation.kind.name())?;
        if let Some(line) = annotation.line {
            write!(out, "line={line},")?;
        }
        let title = property(annotation.title);
        writeln!(out, "title={title}::{}", data(annotation.message))
    }
}

impl Format for Github {
    fn outcome(&mut self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        self.text.outcome(outcome, out)?;
        for finding in firsts(outcome, Judgement::Fails) {
            self.finding(outcome, Kind::Error, finding, out)?;
        }
        for test in failed_tests(outcome) {
            for problem in test.result.problems() {
                self.problem(outcome, test, problem, out)?;
            }
        }
        for finding in firsts(outcome, Judgement::Reported) {
            let kind = match finding.rule.severity() {
                Severity::Note => Kind::Notice,
                Severity::Warning | Severity::Error => Kind::Warning,
            };
            self.finding(outcome, kind, finding, out)?;
        }
        Ok(())
    }

    fn finish(&mut self, totals: Totals, out: &mut dyn Write) -> io::Result<()> {
        for (kind, asked) in &self.asked {
            if *asked > SHOWN {
                let kind = count(*asked, kind.name(), &format!("{}s", kind.name()));
                writeln!(out, "{kind}; GitHub shows {SHOWN}, the log has them all")?;
            }
        }
        self.text.finish(totals, out)
    }
}

/// Of each rule the first finding that means so much.
fn firsts(outcome: &Outcome, judgement: Judgement) -> impl Iterator<Item = &Finding> {
    let mut seen: Vec<Rule> = Vec::new();
    findings(outcome, judgement).filter(move |finding| {
        let is_first = !seen.contains(&finding.rule);
        if is_first {
            seen.push(finding.rule);
        }
        is_first
    })
}

/// The message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::FormatName;
    use super::super::samples::{self, written};
    use super::*;

    /// The commands among the lines of a report.
    fn commands(outcomes: &[Outcome]) -> Vec<String> {
        let text = written(FormatName::Github, Look::default(), outcomes);
        let commands = text.lines().filter(|line| line.starts_with("::"));
        commands.map(str::to_owned).collect()
    }

    #[test]
    fn what_fails_is_an_error_and_what_is_reported_a_warning() {
        let expected = [
            "::error file=captures/bad.pcap,line=12,title=bad-key::packet 12, 0.004411 s, \
             connection 1, client: 15 bytes (RFC 6455 §4.1)",
            "::error file=captures/bad.pcap,title=close.code == 1000::close.code is 1006",
            "::error file=captures/bad.pcap,title=rtt.max_ms < 5::no Ping was answered",
            "::error file=captures/bad.pcap,line=12,title=baseline::1 message differs (packet 12, \
             0.004411 s, connection 1)%0A- \"hello\"%0A+ \"hallo\"",
            "::warning file=captures/bad.pcap,line=31,title=no-close::packet 31, 0.104411 s, \
             connection 1, server: FIN (RFC 6455 §7.1.1)",
        ];
        assert_eq!(commands(&[samples::failing()]), expected);
    }

    #[test]
    fn a_rule_that_is_broken_often_is_one_annotation() {
        let mut outcome = samples::failing();
        outcome.tests.truncate(1);
        let first = outcome.findings.listed()[0].clone();
        (0..999).for_each(|_| outcome.findings.add(first.clone()));
        let commands = commands(&[outcome]);
        assert_eq!(commands.len(), 2);
        let end = "15 bytes (RFC 6455 §4.1)%0A999 more in this capture";
        assert!(commands[0].ends_with(end), "{commands:?}");
    }

    #[test]
    fn there_are_no_more_annotations_of_a_kind_than_are_shown() {
        let outcomes = vec![samples::unreadable(); 14];
        assert_eq!(commands(&outcomes).len(), 10);
        let text = written(FormatName::Github, Look::default(), &outcomes);
        let end = "14 errors; GitHub shows 10, the log has them all\n\
                   14 captures: 0 passed, 14 failed\n";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn what_would_end_a_command_or_a_property_is_escaped() {
        let mut outcome = samples::unreadable();
        outcome.capture = "./a,b:c%2C=\r\n.pcap".to_owned();
        let problems = vec![Problem::new("50%\n::error::x, y: z")];
        outcome.tests[0].result = crate::check::TestResult::Error(problems);
        let expected =
            r"::error file=a%2Cb%3Ac%252C=\r\n.pcap,title=capture::50%25\n::error::x, y: z";
        assert_eq!(commands(&[outcome]), [expected]);
        assert_eq!(data("a%0A\r\n"), "a%250A%0D%0A");
    }
}

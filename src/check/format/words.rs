//! What the formats for people have in common: the words for findings, places and tests.

use std::borrow::Cow;

use crate::anomaly::{Rule, Severity};
use crate::check::{Finding, Judgement, Outcome, Place, Problem, Test, TestKind};
use crate::report::{append, count, escape, seconds_with_micros};

/// Text from outside, fit for a terminal and for the log of a CI.
///
/// Runners of CI take `##[command]` and `##vso[command]` for commands wherever they stand in
/// a line: such a text gets an escape for its first character.
pub(super) fn shown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    escape(text, &mut escaped);
    let mut shown = String::with_capacity(escaped.len());
    let mut rest = escaped.as_str();
    while let Some(at) = rest.find("##") {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let command = from[2..].trim_start_matches(|c: char| c.is_ascii_alphabetic());
        shown.push_str(if command.starts_with('[') {
            "\\x23"
        } else {
            "#"
        });
        rest = &from[1..];
    }
    shown.push_str(rest);
    shown
}

/// A line that no runner takes for a command: GitHub's begin with `::`, behind white space or
/// not.
pub(super) fn no_command(line: &str) -> Cow<'_, str> {
    let text = line.trim_start();
    match text.strip_prefix("::") {
        Some(rest) => {
            let (space, _) = line.split_at(line.len() - text.len());
            Cow::Owned(format!("{space}\\x3a:{rest}"))
        }
        None => Cow::Borrowed(line),
    }
}

/// `packet 12, 0.004411 s, connection 1`
pub(super) fn place(place: &Place) -> String {
    format!(
        "packet {}, {} s, connection {}",
        place.packet,
        seconds_with_micros(place.elapsed),
        place.connection
    )
}

/// What was found, with the paragraph that it breaks: `key "abc" (RFC 6455 §4.1)`.
pub(super) fn detail(finding: &Finding) -> String {
    let rule = finding.rule;
    let mut text = if finding.detail.trim().is_empty() {
        rule.explanation().to_owned()
    } else {
        shown(&finding.detail)
    };
    if rule.reference() != Rule::OWN {
        append!(text, " ({})", rule.reference());
    }
    text
}

/// A finding in one line, with its place and its sender.
pub(super) fn sentence(finding: &Finding) -> String {
    format!(
        "{}, {}: {}",
        place(&finding.place),
        finding.from.sender(),
        detail(finding)
    )
}

/// A reason in one line, with its place.
pub(super) fn reason(problem: &Problem) -> String {
    let mut text = shown(&problem.message);
    if let Some(at) = &problem.place {
        append!(text, " ({})", place(at));
    }
    text
}

/// What is asked of a capture: `expectation close.code == 1000`.
pub(super) fn title(test: &Test) -> String {
    let kind = kind(test.kind);
    if test.name == kind {
        kind.to_owned()
    } else {
        format!("{kind} {}", shown(&test.name))
    }
}

/// The word for a kind of test; part of what machines read.
pub(super) fn kind(kind: TestKind) -> &'static str {
    match kind {
        TestKind::Capture => "capture",
        TestKind::Rules => "rules",
        TestKind::Expectation => "expectation",
        TestKind::Baseline => "baseline",
    }
}

/// Listed findings that mean so much.
pub(super) fn findings(outcome: &Outcome, judgement: Judgement) -> impl Iterator<Item = &Finding> {
    let listed = outcome.findings.listed().iter();
    listed.filter(move |finding| outcome.policy.judge(finding.rule) == judgement)
}

/// Whether a broken rule makes the check fail.
pub(super) fn any_fails(outcome: &Outcome) -> bool {
    findings(outcome, Judgement::Fails).next().is_some()
}

/// Broken rules that mean so much, with how often: `bad-key, no-close (3 times)`.
pub(super) fn rules(outcome: &Outcome, judgement: Judgement) -> String {
    let mut text = String::new();
    for (rule, times) in outcome.findings.counts() {
        if outcome.policy.judge(rule) == judgement {
            let separator = if text.is_empty() { "" } else { ", " };
            append!(text, "{separator}{}", rule.name());
            if times > 1 {
                append!(text, " ({times} times)");
            }
        }
    }
    text
}

/// Tests that did not pass and of which the failing findings do not tell already.
pub(super) fn failed_tests(outcome: &Outcome) -> impl Iterator<Item = &Test> {
    let told = any_fails(outcome);
    let failed = outcome.tests.iter().filter(|test| !test.passed());
    failed.filter(move |test| test.kind != TestKind::Rules || !told)
}

/// Of each severity that occurs, the gravest first, how often: `2 errors`, `1 warning`.
pub(super) fn severities(outcome: &Outcome) -> impl Iterator<Item = (Severity, String)> {
    let number = |severity: Severity| -> u64 {
        let counts = outcome.findings.counts();
        counts
            .filter(|(rule, _)| rule.severity() == severity)
            .filter(|(rule, _)| outcome.policy.judge(*rule) != Judgement::Ignored)
            .map(|(_, count)| count)
            .sum()
    };
    [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Note, "note", "notes"),
    ]
    .into_iter()
    .map(move |(severity, one, many)| (severity, number(severity), one, many))
    .filter(|(_, number, ..)| *number > 0)
    .map(|(severity, number, one, many)| (severity, count(number, one, many)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::TestResult;

    #[test]
    fn no_text_from_outside_is_a_command_to_a_runner() {
        for (text, expected) in [
            ("a##[error]b", r"a\x23#[error]b"),
            ("##[[", r"\x23#[["),
            ("###vso[task.x]", r"#\x23#vso[task.x]"),
            ("## Heading", "## Heading"),
            ("##", "##"),
            ("\x1b[1m##[x]", r"\x1b[1m\x23#[x]"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert_eq!(no_command("::error::x"), r"\x3a:error::x");
        assert_eq!(no_command(" \u{a0}::x"), " \u{a0}\\x3a:x");
        assert_eq!(no_command("a::b"), "a::b");
    }

    #[test]
    fn a_test_is_not_named_twice() {
        let test = |kind, name: &str| Test {
            kind,
            name: name.to_owned(),
            result: TestResult::Passed,
        };
        for (test, expected) in [
            (test(TestKind::Baseline, "baseline"), "baseline"),
            (test(TestKind::Baseline, "a.json"), "baseline a.json"),
            (
                test(TestKind::Expectation, "close.code == 1000"),
                "expectation close.code == 1000",
            ),
        ] {
            assert_eq!(title(&test), expected);
        }
    }
}

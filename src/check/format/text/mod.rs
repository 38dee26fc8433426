//! For people: a line a capture, and below those that fail why.
//!
//! ```text
//! ok    captures/chat.pcap        1 connection, 3 messages
//! FAIL  captures/bad.pcap         1 connection, 3 messages, 1 error, 1 warning
//!       12  0.004411  #1  client  error    bad-key   15 bytes (RFC 6455 §4.1)
//!       expectation close.code == 1000: close.code is 1006
//!       not failing:
//!       31  0.104411  #1  server  warning  no-close  FIN (RFC 6455 §7.1.1)
//!
//! 2 captures: 1 passed, 1 failed
//! ```
//!
//! A row of a finding has the packet's number, its time since the capture's first packet in
//! seconds, the connection's number, who broke the rule, the severity, the rule, and what was
//! found.

mod fold;
mod table;

use std::io::{self, Write};

use anstyle::Style;

use super::words::{failed_tests, no_command, reason, severities, shown, title};
use super::{Format, Look, Totals, Verbosity};
use crate::check::{Judgement, Outcome, Problem, Test, TestResult};
use crate::report::{count, text_width};
use table::{BAD, GOOD, INDENT, QUIET, Table, by_severity, first_line, lines};

/// A line a capture.
pub(super) struct Text {
    look: Look,
    /// Columns of the widest name so far: outcomes are written as they come.
    names: usize,
}

/// Columns of a name, so that the first lines are in line where names are short.
const LEAST_NAME: usize = 24;

/// A name that is longer than this moves only its own line.
const MOST_NAME: usize = 48;

impl Text {
    pub(super) fn new(look: Look) -> Self {
        Self {
            look,
            names: LEAST_NAME,
        }
    }

    fn style(&self, style: Style) -> Style {
        if self.look.color { style } else { Style::new() }
    }

    /// The line of a capture.
    fn headline(&mut self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let (word, style) = if outcome.passed() {
            ("ok", GOOD)
        } else {
            ("FAIL", BAD)
        };
        let style = self.style(style);
        let name = shown(&outcome.capture);
        let width = text_width(&name);
        self.names = self.names.max(width.min(MOST_NAME));
        write!(out, "{style}{word:<4}{style:#}  {name}")?;
        let name_end = INDENT + width.max(self.names);
        let mut space = name_end + 2 - INDENT - width;
        let room = self.look.width.map(|all| all.saturating_sub(name_end + 2));
        for (at, (text, style)) in figures(outcome, room).into_iter().enumerate() {
            if at > 0 {
                write!(out, ",")?;
                space = 1;
            }
            let style = self.style(style);
            write!(out, "{:space$}{style}{text}{style:#}", "")?;
        }
        writeln!(out)
    }

    /// What was found, below the line of its capture; says whether that was anything.
    fn details(&self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<bool> {
        let failing = Table::new(outcome, Judgement::Fails, self.look);
        failing.write(out)?;
        for test in failed_tests(outcome) {
            self.test(test, out)?;
        }
        if self.look.verbosity == Verbosity::Quiet {
            return Ok(true);
        }
        let reported = Table::new(outcome, Judgement::Reported, self.look);
        if !reported.is_empty() && !outcome.passed() {
            let style = self.style(QUIET);
            writeln!(out, "{:INDENT$}{style}not failing:{style:#}", "")?;
        }
        reported.write(out)?;
        Ok(!outcome.passed() || !reported.is_empty())
    }

    /// A test that did not pass.
    fn test(&self, test: &Test, out: &mut dyn Write) -> io::Result<()> {
        let title = title(test);
        let verdict = match test.result {
            TestResult::Error(_) => "error",
            _ => "failed",
        };
        if test.result.problems().is_empty() {
            return self.problem(&title, verdict, &[], out);
        }
        for problem in test.result.problems() {
            let Problem { lines, .. } = problem;
            let mut why = reason(problem);
            if verdict == "error" {
                why.insert_str(0, "error: ");
            }
            self.problem(&title, &why, lines, out)?;
        }
        Ok(())
    }

    fn problem(
        &self,
        title: &str,
        reason: &str,
        more: &[String],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        const BELOW: usize = INDENT + 2;
        let room = self.look.width.map(|width| width.saturating_sub(BELOW));
        let text = format!("{title}: {reason}");
        let (first, rest) = first_line(&text, room);
        let (title, reason) = first.split_at(title.len().min(first.len()));
        let style = self.style(BAD);
        writeln!(out, "{:INDENT$}{style}{title}{style:#}{reason}", "")?;
        let more = more.iter().map(|line| shown(line));
        for line in rest.map(str::to_owned).into_iter().chain(more) {
            write!(out, "{:BELOW$}", "")?;
            lines(&no_command(&line), BELOW, room, out)?;
        }
        Ok(())
    }
}

impl Format for Text {
    fn outcome(&mut self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let passed = outcome.passed();
        if passed && self.look.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        self.headline(outcome, out)?;
        let has_details = !passed || self.look.verbosity == Verbosity::Verbose;
        if has_details && self.details(outcome, out)? {
            writeln!(out)?;
        }
        Ok(())
    }

    fn finish(&mut self, totals: Totals, out: &mut dyn Write) -> io::Result<()> {
        if self.look.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        let Totals { passed, failed } = totals;
        let captures = count(passed + failed, "capture", "captures");
        let (good, bad) = match failed {
            0 => (GOOD, Style::new()),
            _ => (Style::new(), BAD),
        };
        let (good, bad) = (self.style(good), self.style(bad));
        writeln!(
            out,
            "{captures}: {good}{passed} passed{good:#}, {bad}{failed} failed{bad:#}"
        )
    }
}

/// What a capture holds and what was found there: as much of it as there is room for, what
/// was found before what it holds. Nothing of one that could not be read.
fn figures(outcome: &Outcome, room: Option<usize>) -> Vec<(String, Style)> {
    let counts = outcome.counts;
    if counts.packets == 0 {
        return Vec::new();
    }
    let mut figures = vec![
        (
            count(counts.connections, "connection", "connections"),
            Style::new(),
        ),
        (count(counts.messages, "message", "messages"), Style::new()),
    ];
    figures.extend(severities(outcome).map(|(severity, text)| (text, by_severity(severity))));
    if let Some(room) = room {
        let width = |figures: &[(String, Style)]| -> usize {
            figures.iter().map(|(text, _)| text.len() + 2).sum()
        };
        while !figures.is_empty() && width(&figures) > room + 2 {
            figures.remove(0);
        }
    }
    figures
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::FormatName;
    use super::super::samples::{self, written};
    use super::*;
    use crate::anomaly::Rule;

    fn text(look: Look, outcomes: &[Outcome]) -> String {
        written(FormatName::Text, look, outcomes)
    }

    #[test]
    fn a_capture_is_a_line_with_details_below_if_it_failed() {
        let outcomes = [
            samples::passing(),
            samples::failing(),
            samples::unreadable(),
            samples::passing(),
        ];
        let expected = "\
ok    captures/chat.pcap        1 connection, 3 messages, 1 warning
FAIL  captures/bad.pcap         2 connections, 3 messages, 1 error, 1 warning
      12  0.004411  #1  client  error    bad-key  15 bytes (RFC 6455 §4.1)
      expectation close.code == 1000: close.code is 1006
      expectation rtt.max_ms < 5: error: no Ping was answered
      baseline bad.json: 1 message differs (packet 12, 0.004411 s, connection 1)
        - \"hello\"
        + \"hallo\"
      not failing:
      31  0.104411  #1  server  warning  no-close  FIN (RFC 6455 §7.1.1)

FAIL  captures/gone.pcap
      capture: error: no such file

ok    captures/chat.pcap        1 connection, 3 messages, 1 warning
4 captures: 2 passed, 2 failed
";
        assert_eq!(text(Look::default(), &outcomes), expected);
    }

    #[test]
    fn quiet_has_only_what_failed_and_verbose_all() {
        let look = |verbosity| Look {
            verbosity,
            ..Look::default()
        };
        let outcomes = [samples::passing(), samples::failing(), samples::passing()];
        let quiet = text(look(Verbosity::Quiet), &outcomes);
        assert!(quiet.starts_with("FAIL  captures/bad.pcap "), "{quiet}");
        assert!(quiet.ends_with("\"hallo\"\n\n"), "{quiet}");
        assert_eq!(text(look(Verbosity::Quiet), &outcomes[..1]), "");
        let verbose = text(look(Verbosity::Verbose), &outcomes[..1]);
        let expected = "\
ok    captures/chat.pcap        1 connection, 3 messages, 1 warning
      31  0.104411  #1  server  warning  no-close  FIN (RFC 6455 §7.1.1)

1 capture: 1 passed, 0 failed
";
        assert_eq!(verbose, expected);
    }

    #[test]
    fn what_matters_has_a_colour() {
        let look = Look {
            color: true,
            ..Look::default()
        };
        let outcomes = [samples::passing(), samples::unreadable()];
        let expected = "\
<b><32>ok  <0>  captures/chat.pcap        1 connection, 3 messages, <b><33>1 warning<0>
<b><31>FAIL<0>  captures/gone.pcap
      <b><31>capture<0>: error: no such file

2 captures: 1 passed, <b><31>1 failed<0>
";
        let tagged = text(look, &outcomes)
            .replace("\x1b[0m", "<0>")
            .replace("\x1b[1m", "<b>")
            .replace("\x1b[31m", "<31>")
            .replace("\x1b[32m", "<32>")
            .replace("\x1b[33m", "<33>");
        assert_eq!(tagged, expected);
    }

    /// With a name, a detail and a line that are long.
    fn long() -> Outcome {
        let detail = "a Text frame of 5 bytes has no masking key, and anybody between client \
                      and server can read it";
        let mut outcome = samples::failing();
        outcome.capture = "captures/of the nightly run/with compression.pcapng".to_owned();
        outcome.findings = samples::findings(&[(Rule::UnmaskedClientFrame, detail, 12)]);
        outcome.tests.truncate(2);
        outcome.tests[1].name = "messages.client >= 3 && messages.server >= 3".to_owned();
        outcome.tests[1].result = TestResult::Failed(vec![Problem {
            lines: vec![
                "messages that the client sent, and those that the server sent, are \
                         counted without those that were cut"
                    .to_owned(),
            ],
            ..Problem::new("messages.client is 2")
        }]);
        outcome
    }

    #[test]
    fn a_narrow_terminal_has_what_was_found_below_its_row() {
        let expected = "\
FAIL  captures/of the nightly run/with compression.pcapng  3 messages, 1 error
      12  0.004411  #1  client  error    unmasked-client-frame
        a Text frame of 5 bytes has no masking key, and anybody between client
        and server can read it (RFC 6455 §5.1)
      expectation messages.client >= 3 && messages.server >= 3:
        messages.client is 2
        messages that the client sent, and those that the server sent, are
        counted without those that were cut

1 capture: 0 passed, 1 failed
";
        let look = Look {
            width: Some(80),
            ..Look::default()
        };
        let text = text(look, &[long()]);
        assert_eq!(text, expected);
        assert!(text.lines().all(|line| text_width(line) <= 80));
    }

    #[test]
    fn a_wide_terminal_has_what_was_found_beside_the_rule() {
        let expected = "\
FAIL  captures/of the nightly run/with compression.pcapng  2 connections, 3 messages, 1 error
      12  0.004411  #1  client  error    unmasked-client-frame  a Text frame of 5 bytes has no masking key, and anybody
                                                                between client and server can read it (RFC 6455 §5.1)
      expectation messages.client >= 3 && messages.server >= 3: messages.client is 2
        messages that the client sent, and those that the server sent, are counted without those that were cut

1 capture: 0 passed, 1 failed
";
        let look = |width| Look {
            width: Some(width),
            ..Look::default()
        };
        assert_eq!(text(look(120), &[long()]), expected);
        let at_200 = text(look(200), &[long()]);
        assert_eq!(at_200, text(Look::default(), &[long()]));
        assert_eq!(at_200.lines().count(), 6);
    }

    #[test]
    fn of_a_rule_that_is_broken_often_some_rows_are_shown() {
        let mut outcome = samples::failing();
        outcome.tests.truncate(1);
        let first = outcome.findings.listed()[0].clone();
        (0..999).for_each(|_| outcome.findings.add(first.clone()));
        let rows = |verbosity| {
            let look = Look {
                verbosity,
                ..Look::default()
            };
            let text = text(look, std::slice::from_ref(&outcome));
            let more = text.lines().find(|line| line.contains("more")).unwrap();
            (text.matches("15 bytes").count(), more.trim().to_owned())
        };
        for (verbosity, shown, more) in [
            (
                Verbosity::Normal,
                10,
                "and 990 more of bad-key, 1000 in all",
            ),
            (
                Verbosity::Verbose,
                100,
                "and 900 more of bad-key, 1000 in all",
            ),
        ] {
            assert_eq!(rows(verbosity), (shown, more.to_owned()));
        }
    }
}

//! Outcomes in, text out: what `check` found, for people and for machines.
//!
//! A [`Report`] writes one outcome at a time, in the order in which it gets them, and keeps
//! none. A new format is one file here, its name in [`FormatName`], and a case in
//! `tests/formats.rs`.

mod github;
mod json;
mod junit;
mod sarif;
mod text;
mod words;

#[cfg(test)]
mod samples;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use super::Outcome;
use crate::report::by_name;

/// Formats of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormatName {
    /// A line a capture, with details below those that fail.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// `JUnit`'s XML, as Jenkins and GitLab read it.
    Junit,
    /// SARIF 2.1.0, as GitHub's code scanning reads it.
    Sarif,
    /// Text, with workflow commands that GitHub Actions shows as annotations.
    Github,
}

impl FormatName {
    /// Every format, by its name on the command line.
    pub const ALL: [(&'static str, Self); 5] = [
        ("text", Self::Text),
        ("json", Self::Json),
        ("junit", Self::Junit),
        ("sarif", Self::Sarif),
        ("github", Self::Github),
    ];
}

impl FromStr for FormatName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        by_name(&Self::ALL, name, "format")
    }
}

/// How a report for people looks; those for machines look always alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal; `None` for no limit.
    pub width: Option<usize>,
    /// Whether to colour what matters.
    pub color: bool,
    /// How much is said.
    pub verbosity: Verbosity,
}

/// How much a report for people says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Only what failed.
    Quiet,
    /// A line a capture, and details of what failed.
    #[default]
    Normal,
    /// All that was found, in captures that passed as well.
    Verbose,
}

/// How many captures passed, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Captures of which every test passed.
    pub passed: u64,
    /// All others.
    pub failed: u64,
}

/// Writes outcomes in a format, each as soon as it is there.
///
/// ```
/// use wsdump::check::{Counts, FormatName, Look, Outcome, Report, Test, TestKind, TestResult};
///
/// let outcome = Outcome {
///     capture: "chat.pcap".to_owned(),
///     counts: Counts { packets: 20, connections: 1, messages: 3 },
///     findings: Default::default(),
///     policy: Default::default(),
///     tests: vec![Test {
///         kind: TestKind::Rules,
///         name: "rules".to_owned(),
///         result: TestResult::Passed,
///     }],
/// };
/// let mut out = Vec::new();
/// let mut report = Report::new(FormatName::Text, Look::default());
/// report.outcome(&outcome, &mut out)?;
/// let totals = report.finish(&mut out)?;
/// assert_eq!(totals.failed, 0);
/// assert_eq!(
///     String::from_utf8_lossy(&out),
///     "ok    chat.pcap                 1 connection, 3 messages\n\
///      1 capture: 1 passed, 0 failed\n"
/// );
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Report {
    format: Box<dyn Format>,
    begun: bool,
    totals: Totals,
}

impl Report {
    /// A report without outcomes.
    pub fn new(name: FormatName, look: Look) -> Self {
        let format: Box<dyn Format> = match name {
            FormatName::Text => Box::new(text::Text::new(look)),
            FormatName::Json => Box::new(json::Json::default()),
            FormatName::Junit => Box::new(junit::Junit),
            FormatName::Sarif => Box::new(sarif::Sarif::default()),
            FormatName::Github => Box::new(github::Github::new(look)),
        };
        Self {
            format,
            begun: false,
            totals: Totals::default(),
        }
    }

    /// Writes what came of checking a capture.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn outcome(&mut self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        self.begin(out)?;
        if outcome.passed() {
            self.totals.passed += 1;
        } else {
            self.totals.failed += 1;
        }
        self.format.outcome(outcome, out)
    }

    /// Writes what stands at the end; also a report without outcomes needs it to be whole.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(mut self, out: &mut dyn Write) -> io::Result<Totals> {
        self.begin(out)?;
        self.format.finish(self.totals, out)?;
        Ok(self.totals)
    }

    /// How many passed so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.format.start(out)
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

/// A format: called once with `start`, then with each outcome, then once with `finish`.
trait Format {
    /// Writes what stands before the first outcome.
    fn start(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let _ = out;
        Ok(())
    }

    /// Writes an outcome.
    fn outcome(&mut self, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()>;

    /// Writes what stands after the last outcome.
    fn finish(&mut self, totals: Totals, out: &mut dyn Write) -> io::Result<()>;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_name() {
        for (name, format) in FormatName::ALL {
            assert_eq!(name.parse(), Ok(format));
        }
        assert_eq!(
            "xml".parse::<FormatName>(),
            Err("no such format; there are text, json, junit, sarif, github".to_owned())
        );
    }

    #[test]
    fn totals_are_known_at_any_time() {
        for (_, name) in FormatName::ALL {
            let mut report = Report::new(name, Look::default());
            let out = &mut io::sink();
            for outcome in [samples::passing(), samples::failing(), samples::failing()] {
                report.outcome(&outcome, out).unwrap();
            }
            let expected = Totals {
                passed: 1,
                failed: 2,
            };
            assert_eq!(report.totals(), expected);
            assert_eq!(report.finish(out).unwrap(), expected);
        }
    }
}

//! Findings as rows: packet, time, connection, sender, severity, rule, and what was found.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::super::words::{detail, findings, no_command};
use super::super::{Look, Verbosity};
use super::fold::folded;
use crate::anomaly::{Rule, Severity};
use crate::check::{Finding, Judgement, Outcome};
use crate::report::seconds_with_micros;

// Yellow that is not bold cannot be read on white.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const QUIET: Style = Style::new().dimmed();

pub(super) fn by_severity(severity: Severity) -> Style {
    match severity {
        Severity::Error => BAD,
        Severity::Warning => DOUBTFUL,
        Severity::Note => QUIET,
    }
}

/// Columns before a row: what a capture's line has before its name.
pub(super) const INDENT: usize = 6;

/// Rows of one rule, unless all are asked for: the hundredth says no more than the tenth.
const ROWS_OF_A_RULE: u64 = 10;

/// With fewer columns left for it, what was found stands below its row.
const LEAST_DETAIL: usize = 30;

/// Rows of a capture's findings that mean so much.
pub(super) struct Table<'a> {
    rows: Vec<Row<'a>>,
    /// Rules of which there are more than the rows say: how many more, and how many in all.
    more: Vec<(Rule, u64, u64)>,
    look: Look,
    widths: Widths,
}

struct Row<'a> {
    packet: String,
    time: String,
    connection: String,
    finding: &'a Finding,
}

#[derive(Default)]
struct Widths {
    packet: usize,
    time: usize,
    connection: usize,
    rule: usize,
}

impl<'a> Table<'a> {
    pub(super) fn new(outcome: &'a Outcome, judgement: Judgement, look: Look) -> Self {
        let limit = if look.verbosity == Verbosity::Verbose {
            u64::MAX
        } else {
            ROWS_OF_A_RULE
        };
        let mut shown: BTreeMap<Rule, u64> = BTreeMap::new();
        let mut rows = Vec::new();
        for finding in findings(outcome, judgement) {
            let number = shown.entry(finding.rule).or_default();
            if *number < limit {
                *number += 1;
                rows.push(Row::new(finding));
            }
        }
        let more = |(rule, shown): (Rule, u64)| {
            let all = outcome.findings.count(rule);
            (all > shown).then(|| (rule, all - shown, all))
        };
        Self {
            more: shown.into_iter().filter_map(more).collect(),
            widths: Widths::of(&rows),
            rows,
            look,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for row in &self.rows {
            self.row(row, out)?;
        }
        for (rule, more, all) in &self.more {
            let style = self.style(QUIET);
            let rule = rule.name();
            let text = format!("and {more} more of {rule}, {all} in all");
            writeln!(out, "{:INDENT$}{style}{text}{style:#}", "")?;
        }
        Ok(())
    }

    fn row(&self, row: &Row<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Widths {
            packet,
            time,
            connection,
            rule,
        } = self.widths;
        let finding = row.finding;
        let severity = finding.rule.severity();
        let style = self.style(by_severity(severity));
        write!(
            out,
            "{:INDENT$}{:>packet$}  {:>time$}  {:<connection$}  {}  {style}{:<7}{style:#}  ",
            "",
            row.packet,
            row.time,
            row.connection,
            finding.from.sender(),
            severity.name(),
        )?;
        let detail = detail(finding);
        let name = finding.rule.name();
        let beside = INDENT + self.widths.head() + 2;
        let room = self.look.width.map(|width| width.saturating_sub(beside));
        if room.is_none_or(|room| room >= LEAST_DETAIL) {
            write!(out, "{name:<rule$}  ")?;
            return lines(&detail, beside, room, out);
        }
        let below = INDENT + 2;
        let room = self.look.width.map(|width| width.saturating_sub(below));
        write!(out, "{name}\n{:below$}", "")?;
        lines(&no_command(&detail), below, room, out)
    }

    fn style(&self, style: Style) -> Style {
        if self.look.color { style } else { Style::new() }
    }
}

/// What of a text fits into one line, and what does not.
pub(super) fn first_line(text: &str, room: Option<usize>) -> (&str, Option<&str>) {
    let first = folded(text, room).first().map_or("", |part| part);
    let rest = text[first.len()..].trim_start_matches(' ');
    (first, (!rest.is_empty()).then_some(rest))
}

/// Writes the rest of a line and, where it does not fit, more lines below, indented.
pub(super) fn lines(
    text: &str,
    indent: usize,
    room: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (at, part) in folded(text, room).into_iter().enumerate() {
        if at == 0 {
            writeln!(out, "{part}")?;
        } else {
            writeln!(out, "{:indent$}{}", "", no_command(part))?;
        }
    }
    Ok(())
}

impl<'a> Row<'a> {
    fn new(finding: &'a Finding) -> Self {
        let place = finding.place;
        Self {
            packet: place.packet.to_string(),
            time: seconds_with_micros(place.elapsed),
            connection: format!("#{}", place.connection),
            finding,
        }
    }
}

impl Widths {
    fn of(rows: &[Row<'_>]) -> Self {
        let mut widths = Self::default();
        for row in rows {
            let Self {
                packet,
                time,
                connection,
                rule,
            } = &mut widths;
            *packet = row.packet.len().max(*packet);
            *time = row.time.len().max(*time);
            *connection = row.connection.len().max(*connection);
            *rule = row.finding.rule.name().len().max(*rule);
        }
        widths
    }

    /// Columns of a row up to the rule's name.
    fn head(&self) -> usize {
        const SENDER: usize = 6;
        const SEVERITY: usize = 7;
        const SPACES: usize = 10;
        self.packet + self.time + self.connection + SENDER + SEVERITY + self.rule + SPACES
    }
}

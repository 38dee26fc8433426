//! A capture as a whole: a table of its connections, then totals.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::View;
use super::chart::{Lengths, Rate};
use super::connections::{Connections, Detail, SortKey};
use super::duration::readable;
use super::summary::count;
use super::text::append;
use crate::Summary;
use crate::anomaly::{Anomaly, Rule, Severity};
use crate::event::{ConnectionReport, Event, EventKind, EventSink, UpgradeOutcome};
use crate::flow::TcpEnd;
use crate::ws::{Message, OpCode};

/// Collects what a capture comes to.
#[derive(Debug)]
pub struct Overview {
    connections: Connections,
    outcomes: Outcomes,
    /// Data messages by opcode, and control frames.
    opcodes: BTreeMap<OpCode, u64>,
    compressed: Compressed,
    lengths: Lengths,
    rate: Rate,
    /// The gravest first.
    anomalies: BTreeMap<(Reverse<Severity>, Rule), u64>,
    sort: SortKey,
    width: Option<u16>,
}

/// Connections by what became of them.
#[derive(Clone, Debug, Default)]
struct Outcomes {
    upgraded: u64,
    unanswered: u64,
    refused: BTreeMap<u16, u64>,
    not_asked: u64,
    clean: u64,
    fin: u64,
    rst: u64,
    open: u64,
}

/// Complete messages that came compressed.
#[derive(Clone, Copy, Debug, Default)]
struct Compressed {
    messages: u64,
    /// Bytes on the wire.
    wire_length: u64,
    /// Bytes after inflation.
    length: u64,
}

impl Overview {
    /// Of a capture whose connections are sorted by `sort`, at most `width` columns wide.
    pub fn new(sort: SortKey, width: Option<u16>) -> Self {
        Self {
            connections: Connections::new(Detail::Full),
            outcomes: Outcomes::default(),
            opcodes: BTreeMap::new(),
            compressed: Compressed::default(),
            lengths: Lengths::default(),
            rate: Rate::default(),
            anomalies: BTreeMap::new(),
            sort,
            width,
        }
    }
}

impl EventSink for Overview {
    fn event(&mut self, event: &Event<'_>) {
        self.connections.event(event);
        match event.kind {
            EventKind::Frame { frame, .. } if frame.header.opcode.is_control() => {
                *self.opcodes.entry(frame.header.opcode).or_default() += 1;
            }
            EventKind::Message { message, .. } => self.message(&message, event.elapsed),
            EventKind::Anomaly(anomaly) => self.anomaly(anomaly),
            EventKind::Connection(report) => self.outcomes.add(report),
            _ => {}
        }
    }
}

impl Overview {
    fn message(&mut self, message: &Message<'_>, elapsed: i64) {
        *self.opcodes.entry(message.opcode).or_default() += 1;
        self.lengths.add(message.length);
        self.rate.add(elapsed);
        if message.compressed && message.complete {
            self.compressed.messages += 1;
            self.compressed.wire_length += message.wire_length;
            self.compressed.length += message.length;
        }
    }

    fn anomaly(&mut self, anomaly: &Anomaly) {
        let key = (Reverse(anomaly.rule.severity()), anomaly.rule);
        *self.anomalies.entry(key).or_default() += 1;
    }

    fn render(&mut self, summary: &Summary) -> String {
        let mut text = String::new();
        if !self.connections.is_empty() {
            self.connections.sort(self.sort);
            append!(text, "{}\n\n", self.connections.table(self.width));
        }
        let mut total = |name: &str, value: String| {
            if !value.is_empty() {
                append!(text, "{name:<13} {value}\n");
            }
        };
        let bytes = readable_bytes(summary.bytes);
        total("Packets", format!("{}, {bytes}", summary.packets));
        let wrapped = |list: String| broken(&list, self.width);
        total("Connections", wrapped(self.outcomes.upgrades()));
        total("Ends", self.outcomes.ends());
        total("Messages", wrapped(self.opcodes_line()));
        total("Compression", self.compressed.line());
        total("Anomalies", self.anomalies_line());
        total(
            "Lengths",
            self.lengths.lines().join(&format!("\n{:INDENT$}", "")),
        );
        if self.rate.most() > 0 {
            let legend = format!(
                "a column is {}, the highest {}",
                readable(self.rate.slot()),
                count(self.rate.most(), "message", "messages")
            );
            total(
                "Over time",
                format!("{}\n{:14}{legend}", self.rate.sparkline(), ""),
            );
        }
        text
    }

    fn opcodes_line(&self) -> String {
        let counted = self.opcodes.iter();
        let counted = counted.map(|(opcode, count)| format!("{count} {opcode}"));
        counted.collect::<Vec<_>>().join(", ")
    }

    fn anomalies_line(&self) -> String {
        let counted = self.anomalies.iter();
        let counted = counted.map(|((Reverse(severity), rule), count)| {
            format!("{count} {severity}: {}", rule.name())
        });
        counted
            .collect::<Vec<_>>()
            .join(&format!("\n{:INDENT$}", ""))
    }
}

impl View for Overview {
    fn release(&mut self, _before: u64, _out: &mut dyn Write) -> io::Result<bool> {
        Ok(false)
    }

    fn forget(&mut self, connection: u64) {
        self.connections.forget(connection);
    }

    fn finish(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.render(summary).as_bytes())
    }
}

impl Outcomes {
    fn add(&mut self, report: &ConnectionReport) {
        match report.outcome {
            UpgradeOutcome::Upgraded => self.upgraded += 1,
            UpgradeOutcome::Unanswered => self.unanswered += 1,
            UpgradeOutcome::Refused(status) => *self.refused.entry(status).or_default() += 1,
            UpgradeOutcome::NotAsked => self.not_asked += 1,
        }
        let is_clean = report.close.as_ref().is_some_and(|close| close.clean);
        match report.tcp_end {
            TcpEnd::Fin if is_clean => self.clean += 1,
            TcpEnd::Fin => self.fin += 1,
            TcpEnd::Rst => self.rst += 1,
            TcpEnd::Open => self.open += 1,
        }
    }

    fn upgrades(&self) -> String {
        let refused = self.refused.iter();
        let refused = refused.map(|(status, count)| (*count, format!("refused with {status}")));
        let mut counted = vec![(self.upgraded, "upgraded".to_owned())];
        counted.extend(refused);
        counted.push((self.unanswered, "not answered".to_owned()));
        counted.push((self.not_asked, "without WebSocket".to_owned()));
        let list = list(&counted);
        if list.is_empty() {
            "none".to_owned()
        } else {
            list
        }
    }

    fn ends(&self) -> String {
        list(&[
            (self.clean, "clean".to_owned()),
            (self.fin, "by FIN without a clean Close".to_owned()),
            (self.rst, "by RST".to_owned()),
            (self.open, "still open".to_owned()),
        ])
    }
}

/// Columns before the value of a total.
const INDENT: usize = 14;

/// A list on as many lines as it needs, broken after commas.
fn broken(list: &str, width: Option<u16>) -> String {
    let room = width.map_or(usize::MAX, |width| {
        usize::from(width).saturating_sub(INDENT)
    });
    let mut text = String::new();
    let mut used = 0;
    for (number, part) in list.split(", ").enumerate() {
        // Parts are counts and words of wsdump's own, a column a byte.
        let len = part.len() + 2;
        if number > 0 && used + len > room {
            append!(text, ",\n{:INDENT$}", "");
            used = 0;
        } else if number > 0 {
            text.push_str(", ");
        }
        text.push_str(part);
        used += len;
    }
    text
}

/// What occurs, with its count.
fn list(counted: &[(u64, String)]) -> String {
    let counted = counted.iter().filter(|(count, _)| *count > 0);
    let texts: Vec<_> = counted
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    texts.join(", ")
}

impl Compressed {
    fn line(self) -> String {
        if self.messages == 0 {
            return String::new();
        }
        let percent = self.wire_length.saturating_mul(100) / self.length.max(1);
        format!(
            "{}, {} on the wire for {}: {percent} %",
            count(self.messages, "message", "messages"),
            readable_bytes(self.wire_length),
            readable_bytes(self.length),
        )
    }
}

/// Three digits or so, in the decimal unit that suits: `14 bytes`, `5.21 kB`, `12.3 MB`.
fn readable_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1_000 {
        return count(bytes, "byte", "bytes");
    }
    let mut unit = 0;
    let mut divisor = 1_000;
    while unit + 1 < UNITS.len() && bytes / divisor >= 1_000 {
        divisor *= 1_000;
        unit += 1;
    }
    let (whole, rest) = (bytes / divisor, bytes % divisor);
    let name = UNITS[unit];
    match whole {
        0..=9 => format!("{whole}.{:02} {name}", rest / (divisor / 100)),
        10..=99 => format!("{whole}.{} {name}", rest / (divisor / 10)),
        _ => format!("{whole} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_in_the_unit_that_suits() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (5_219, "5.21 kB"),
            (12_345_678, "12.3 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(readable_bytes(bytes), text);
        }
    }
}

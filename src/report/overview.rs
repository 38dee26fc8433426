//! A capture as a whole: a table of its connections, then totals.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::View;
use super::chart::{Lengths, Rate};
use super::connections::{Connections, Detail, SortKey};
use super::duration::readable;
use super::figures::{Compression, Ends, Figures, Upgrades};
use super::summary::count;
use super::text::append;
use crate::Summary;
use crate::event::{Event, EventKind, EventSink};

/// Shows what a capture comes to.
#[derive(Debug)]
pub struct Overview {
    connections: Connections,
    figures: Figures,
    lengths: Lengths,
    rate: Rate,
    sort: SortKey,
    width: Option<u16>,
}

impl Overview {
    /// Of a capture whose connections are sorted by `sort`, at most `width` columns wide.
    pub fn new(sort: SortKey, width: Option<u16>) -> Self {
        Self {
            connections: Connections::new(Detail::Full),
            figures: Figures::default(),
            lengths: Lengths::default(),
            rate: Rate::default(),
            sort,
            width,
        }
    }
}

impl EventSink for Overview {
    fn event(&mut self, event: &Event<'_>) {
        self.connections.event(event);
        self.figures.event(event);
        if let EventKind::Message { message } = event.kind {
            self.lengths.add(message.length);
            self.rate.add(event.elapsed);
        }
    }
}

impl Overview {
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
        total("Connections", wrapped(upgrades(self.figures.upgrades())));
        total("Ends", ends(self.figures.all_ends()));
        total("Messages", wrapped(self.opcodes_line()));
        total("Compression", compression(self.figures.compression()));
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
        let counted = self.figures.opcodes();
        let counted = counted.map(|(opcode, [client, server])| {
            let count = client + server;
            format!("{count} {opcode}")
        });
        counted.collect::<Vec<_>>().join(", ")
    }

    fn anomalies_line(&self) -> String {
        let mut counted: Vec<_> = self.figures.anomalies().collect();
        // The gravest first.
        counted.sort_by_key(|(rule, _)| (Reverse(rule.severity()), *rule));
        let counted = counted
            .into_iter()
            .map(|(rule, count)| format!("{count} {}: {}", rule.severity(), rule.name()));
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

fn upgrades(upgrades: &Upgrades) -> String {
    let refused = upgrades.refused.iter();
    let refused = refused.map(|(status, count)| (*count, format!("refused with {status}")));
    let mut counted = vec![(upgrades.upgraded, "upgraded".to_owned())];
    counted.extend(refused);
    counted.push((upgrades.unanswered, "not answered".to_owned()));
    counted.push((upgrades.not_asked, "without WebSocket".to_owned()));
    let list = list(&counted);
    if list.is_empty() {
        "none".to_owned()
    } else {
        list
    }
}

fn ends(ends: Ends) -> String {
    list(&[
        (ends.clean, "clean".to_owned()),
        (
            ends.fin - ends.clean,
            "by FIN without a clean Close".to_owned(),
        ),
        (ends.rst, "by RST".to_owned()),
        (ends.open, "still open".to_owned()),
    ])
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

fn compression(compression: Compression) -> String {
    let Some(share) = compression.percent_millionths() else {
        return String::new();
    };
    format!(
        "{}, {} on the wire for {}: {} %",
        count(compression.messages, "message", "messages"),
        readable_bytes(compression.wire_length),
        readable_bytes(compression.length),
        share / 1_000_000,
    )
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

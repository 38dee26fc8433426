//! Figures of two captures side by side.

use std::time::Duration;

use comfy_table::{CellAlignment, Table};
use serde_json::{Map, Value, json};

use crate::report::{Figures, readable};

/// Figures of one kind.
struct Line {
    /// What it is called in a table.
    label: &'static str,
    /// What it is called in JSON.
    name: &'static str,
    read: fn(&Figures) -> Option<Amount>,
}

enum Amount {
    Count(u64),
    Time(Duration),
}

const LINES: [Line; 12] = [
    Line::new("Connections", "connections", |f| {
        Some(Amount::Count(f.upgrades().connections()))
    }),
    Line::new("Messages of the client", "messages_client", |f| {
        Some(Amount::Count(f.totals()[0].messages))
    }),
    Line::new("Messages of the server", "messages_server", |f| {
        Some(Amount::Count(f.totals()[1].messages))
    }),
    Line::new("Bytes of the client", "bytes_client", |f| {
        Some(Amount::Count(f.totals()[0].bytes))
    }),
    Line::new("Bytes of the server", "bytes_server", |f| {
        Some(Amount::Count(f.totals()[1].bytes))
    }),
    Line::new("Broken rules", "anomalies", |f| {
        Some(Amount::Count(f.anomalies().map(|(_, count)| count).sum()))
    }),
    Line::new("TCP handshake, median", "handshake_median_seconds", |f| {
        f.handshakes().percentile(50).map(Amount::Time)
    }),
    Line::new("Upgrade, median", "upgrade_median_seconds", |f| {
        f.upgrade_times().percentile(50).map(Amount::Time)
    }),
    Line::new("Ping RTT, median", "rtt_median_seconds", |f| {
        f.round_trips().percentile(50).map(Amount::Time)
    }),
    Line::new("Ping RTT, 99th percentile", "rtt_p99_seconds", |f| {
        f.round_trips().percentile(99).map(Amount::Time)
    }),
    Line::new("Duration, median", "duration_median_seconds", |f| {
        f.durations().percentile(50).map(Amount::Time)
    }),
    Line::new("Duration, longest", "duration_max_seconds", |f| {
        f.durations().max().map(Amount::Time)
    }),
];

impl Line {
    const fn new(
        label: &'static str,
        name: &'static str,
        read: fn(&Figures) -> Option<Amount>,
    ) -> Self {
        Self { label, name, read }
    }
}

/// A table of the figures of two captures; a line that neither has is left out.
pub fn side_by_side(left: &Figures, right: &Figures) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["", "left", "right"]);
    let text = |amount: Option<Amount>| match amount {
        Some(Amount::Count(count)) => count.to_string(),
        Some(Amount::Time(time)) => readable(time),
        None => "-".to_owned(),
    };
    for line in &LINES {
        let (left, right) = ((line.read)(left), (line.read)(right));
        if left.is_some() || right.is_some() {
            table.add_row([line.label.to_owned(), text(left), text(right)]);
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// The figures of a capture as JSON; times in seconds. What the capture does not tell is left
/// out.
pub fn figures_json(figures: &Figures) -> Map<String, Value> {
    let amounts = LINES.iter().filter_map(|line| {
        let value = match (line.read)(figures)? {
            Amount::Count(count) => json!(count),
            Amount::Time(time) => json!(time.as_secs_f64()),
        };
        Some((line.name.to_owned(), value))
    });
    amounts.collect()
}

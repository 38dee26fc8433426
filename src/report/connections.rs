//! A table of connections, a row each, once they are over.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};

use super::duration::readable;
use super::figures::text_bytes;
use super::samples::Samples;
use super::text::{append, by_name};
use super::timestamp::seconds_with_micros;
use super::{cut_to_width, escape};
use crate::event::{
    ConnectionReport, DirectionTotals, Event, EventKind, EventSink, UpgradeOutcome,
};
use crate::flow::TcpEnd;
use crate::ws::Answer;

/// Collects the connections of a run for a table of them.
#[derive(Debug, Default)]
pub struct Connections {
    rows: Vec<Connection>,
    /// Bytes of text in `rows`.
    text: usize,
    /// Connections beyond [`Connections::MAX_ROWS`] or [`Connections::MAX_TEXT_BYTES`].
    left_out: u64,
    /// Times from Ping to Pong, of connections that are open and have any.
    round_trips: HashMap<u64, Samples>,
    detail: Detail,
}

/// Which columns a table has where there is room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Who, what was asked for, how much was said, how it ended.
    #[default]
    Brief,
    /// All that is known.
    Full,
}

/// A connection that is over.
#[derive(Clone, Debug)]
struct Connection {
    number: u64,
    client: SocketAddr,
    server: SocketAddr,
    /// Nanoseconds from the capture's first packet to the connection's.
    start: i64,
    /// Median and 99th percentile.
    round_trip: Option<[Duration; 2]>,
    report: ConnectionReport,
}

/// By what a table of connections is sorted.
///
/// What is counted or measured comes with the greatest first, all else with the smallest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortKey {
    /// Number, which is the order of first packets.
    #[default]
    Number,
    /// Address and port of the client.
    Client,
    /// Address and port of the server.
    Server,
    /// `ws://` address.
    Url,
    /// Time of the first packet.
    Start,
    /// Time from the first to the last packet.
    Duration,
    /// Time of the TCP handshake.
    Handshake,
    /// Time from upgrade request to response.
    Upgrade,
    /// Data messages both ways.
    Messages,
    /// Payload bytes both ways.
    Bytes,
    /// Median time from Ping to Pong.
    Rtt,
    /// Broken rules.
    Anomalies,
}

impl SortKey {
    /// Every key, by its name on the command line.
    pub const ALL: [(&'static str, Self); 12] = [
        ("number", Self::Number),
        ("client", Self::Client),
        ("server", Self::Server),
        ("url", Self::Url),
        ("start", Self::Start),
        ("duration", Self::Duration),
        ("handshake", Self::Handshake),
        ("upgrade", Self::Upgrade),
        ("messages", Self::Messages),
        ("bytes", Self::Bytes),
        ("rtt", Self::Rtt),
        ("anomalies", Self::Anomalies),
    ];
}

impl FromStr for SortKey {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        by_name(&Self::ALL, name, "column")
    }
}

impl Connections {
    /// Rows kept. More are counted, not shown.
    pub const MAX_ROWS: usize = 10_000;

    /// Bytes of text that rows have together: URLs, subprotocols, extensions and close
    /// reasons, each of which may be as long as a head. Beyond it no more rows are kept.
    pub const MAX_TEXT_BYTES: usize = 16 << 20;

    /// A table with these columns.
    pub fn new(detail: Detail) -> Self {
        Self {
            detail,
            ..Self::default()
        }
    }

    /// Whether there was no connection, so that the table would have nothing but a heading.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Nothing more comes of this connection, and it has no row.
    pub(super) fn forget(&mut self, number: u64) {
        self.round_trips.remove(&number);
    }

    /// Sorts the rows.
    pub fn sort(&mut self, key: SortKey) {
        let rows = &mut self.rows;
        // All sorts are stable, so that equal rows stay in the order of their numbers.
        rows.sort_by_key(|row| row.number);
        match key {
            SortKey::Number => {}
            SortKey::Client => rows.sort_by_key(|row| row.client),
            SortKey::Server => rows.sort_by_key(|row| row.server),
            SortKey::Url => rows.sort_by(|a, b| a.report.url.cmp(&b.report.url)),
            SortKey::Start => rows.sort_by_key(|row| row.start),
            SortKey::Duration => greatest_first(rows, |row| row.report.duration),
            SortKey::Handshake => greatest_first(rows, |row| row.report.handshake),
            SortKey::Upgrade => greatest_first(rows, |row| row.report.upgrade),
            SortKey::Messages => greatest_first(rows, |row| sum(row, |totals| totals.messages)),
            SortKey::Bytes => greatest_first(rows, |row| sum(row, |totals| totals.bytes)),
            SortKey::Rtt => greatest_first(rows, |row| row.round_trip.map(|[median, _]| median)),
            SortKey::Anomalies => greatest_first(rows, |row| row.report.anomalies),
        }
    }

    /// The table, at most `width` columns wide: on a narrow terminal some columns give way.
    /// One in which no connection has anything is left out.
    pub fn table(&self, width: Option<u16>) -> String {
        let is_used = |column: &Column| self.rows.iter().any(|row| !column.cell(row).is_empty());
        let columns = Column::shown(self.detail, width).iter().copied();
        let columns: Vec<_> = columns.filter(is_used).collect();
        let mut table = Table::new();
        table
            .load_style(comfy_table::presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(columns.iter().map(|column| column.heading()));
        if let Some(width) = width {
            table.set_width(width);
        }
        for row in &self.rows {
            table.add_row(columns.iter().map(|column| column.cell(row)));
        }
        for (place, column) in columns.iter().enumerate() {
            let Some(cells) = table.column_mut(place) else {
                continue;
            };
            if column.is_number() {
                cells.set_cell_alignment(CellAlignment::Right);
            }
            // What wraps is the URL, which is long, and the words, which have spaces.
            if matches!(column, Column::Client | Column::Server) || column.is_number() {
                cells.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let mut text = table.to_string();
        if self.left_out > 0 {
            append!(text, "\n… and {} more connections", self.left_out);
        }
        text
    }
}

fn greatest_first<K: Ord>(rows: &mut [Connection], key: impl Fn(&Connection) -> K) {
    rows.sort_by_key(|row| std::cmp::Reverse(key(row)));
}

fn sum(row: &Connection, what: impl Fn(&DirectionTotals) -> u64) -> u64 {
    row.report.totals.iter().map(what).sum()
}

impl EventSink for Connections {
    fn event(&mut self, event: &Event<'_>) {
        let number = event.connection.number;
        match event.kind {
            EventKind::Frame {
                answers: Answer::Ping(round_trip),
                ..
            } => self.round_trips.entry(number).or_default().add(round_trip),
            EventKind::Connection(report) => {
                let samples = self.round_trips.remove(&number);
                self.text += text_bytes(report);
                if self.rows.len() == Self::MAX_ROWS || self.text > Self::MAX_TEXT_BYTES {
                    self.left_out += 1;
                    return;
                }
                let percentiles =
                    |samples: Samples| Some([samples.percentile(50)?, samples.percentile(99)?]);
                let before_now = event.at.time.saturating_since(report.start);
                let before_now = i64::try_from(before_now.as_nanos()).unwrap_or(i64::MAX);
                self.rows.push(Connection {
                    number,
                    client: event.connection.client,
                    server: event.connection.server,
                    start: event.elapsed.saturating_sub(before_now),
                    round_trip: samples.and_then(percentiles),
                    report: report.clone(),
                });
            }
            _ => {}
        }
    }
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Number,
    Client,
    Server,
    Url,
    Subprotocol,
    Extensions,
    Start,
    Duration,
    Handshake,
    Upgrade,
    Messages,
    Bytes,
    RoundTrip,
    End,
    /// Without the name of the close code and the reason.
    BriefEnd,
    Anomalies,
}

impl Column {
    /// Those that fit.
    fn shown(detail: Detail, width: Option<u16>) -> &'static [Self] {
        const NARROW: &[Column] = &[
            Column::Number,
            Column::Client,
            Column::Url,
            Column::Duration,
            Column::Messages,
            Column::BriefEnd,
        ];
        const BRIEF: &[Column] = &[
            Column::Number,
            Column::Client,
            Column::Server,
            Column::Url,
            Column::Start,
            Column::Duration,
            Column::Messages,
            Column::Bytes,
            Column::BriefEnd,
        ];
        const MIDDLE: &[Column] = &[
            Column::Number,
            Column::Client,
            Column::Url,
            Column::Start,
            Column::Duration,
            Column::Messages,
            Column::Bytes,
            Column::RoundTrip,
            Column::End,
            Column::Anomalies,
        ];
        const FULL: &[Column] = &[
            Column::Number,
            Column::Client,
            Column::Server,
            Column::Url,
            Column::Subprotocol,
            Column::Extensions,
            Column::Start,
            Column::Duration,
            Column::Handshake,
            Column::Upgrade,
            Column::Messages,
            Column::Bytes,
            Column::RoundTrip,
            Column::End,
            Column::Anomalies,
        ];
        match (detail, width) {
            (_, Some(..120)) => NARROW,
            (Detail::Full, Some(120..180)) => MIDDLE,
            (Detail::Brief, _) => BRIEF,
            (Detail::Full, _) => FULL,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Number => "#",
            Self::Client => "Client",
            Self::Server => "Server",
            Self::Url => "URL",
            Self::Subprotocol => "Subprotocol",
            Self::Extensions => "Extensions",
            Self::Start => "Start",
            Self::Duration => "Duration",
            Self::Handshake => "Handshake",
            Self::Upgrade => "Upgrade",
            Self::Messages => "Msgs →/←",
            Self::Bytes => "Bytes →/←",
            Self::RoundTrip => "Ping RTT p50/p99",
            Self::End | Self::BriefEnd => "End",
            Self::Anomalies => "Anomalies",
        }
    }

    fn is_number(self) -> bool {
        !matches!(
            self,
            Self::Client
                | Self::Server
                | Self::Url
                | Self::Subprotocol
                | Self::Extensions
                | Self::End
                | Self::BriefEnd
        )
    }

    fn cell(self, row: &Connection) -> String {
        let report = &row.report;
        let [client, server] = &report.totals;
        let maybe = |duration: Option<Duration>| duration.map(readable).unwrap_or_default();
        match self {
            Self::Number => row.number.to_string(),
            Self::Client => row.client.to_string(),
            Self::Server => row.server.to_string(),
            Self::Url => escaped(report.url.as_deref().unwrap_or_default()),
            Self::Subprotocol => escaped(report.subprotocol.as_deref().unwrap_or_default()),
            Self::Extensions => escaped(&report.extensions.join(", ")),
            Self::Start => seconds_with_micros(row.start),
            Self::Duration => readable(report.duration),
            Self::Handshake => maybe(report.handshake),
            Self::Upgrade => maybe(report.upgrade),
            Self::Messages => format!("{} / {}", client.messages, server.messages),
            Self::Bytes => format!("{} / {}", client.bytes, server.bytes),
            Self::RoundTrip => row.round_trip.map_or(String::new(), |[median, slow]| {
                format!("{} / {}", readable(median), readable(slow))
            }),
            Self::End => end(report, Detail::Full),
            Self::BriefEnd => end(report, Detail::Brief),
            Self::Anomalies => match report.anomalies {
                0 => String::new(),
                count => count.to_string(),
            },
        }
    }
}

/// Columns of a text in a cell at most. A URL may have as many as a head, which nobody reads in
/// a table, and the time to wrap a word grows with the square of its length.
const MAX_CELL: usize = 500;

/// Text from the network as it stands in a cell.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    escape(text, &mut out);
    cut_to_width(&mut out, MAX_CELL);
    out
}

/// How a connection ended, in a few words.
fn end(report: &ConnectionReport, detail: Detail) -> String {
    let mut text = String::new();
    match report.outcome {
        UpgradeOutcome::Refused(status) => append!(text, "refused {status}, "),
        UpgradeOutcome::Unanswered => text.push_str("not answered, "),
        UpgradeOutcome::NotAsked | UpgradeOutcome::Upgraded => {}
    }
    if let Some(close) = &report.close {
        text.push_str("Close ");
        match close.code {
            Some(code) if detail == Detail::Full => append!(text, "{} {}", code.0, code.name()),
            Some(code) => append!(text, "{}", code.0),
            None => text.push_str("without a code"),
        }
        if detail == Detail::Full && !close.reason.is_empty() {
            append!(text, " \"{}\"", escaped(&close.reason));
        }
        append!(text, " by {}, ", close.initiator.sender());
    }
    text.push_str(match report.tcp_end {
        TcpEnd::Open => "open",
        TcpEnd::Fin => "FIN",
        TcpEnd::Rst => "RST",
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn the_greatest_comes_first_and_equal_ones_stay_in_order() {
        let row = |number, bytes: u64| {
            let client = DirectionTotals {
                bytes,
                ..DirectionTotals::default()
            };
            let report = ConnectionReport {
                start: Timestamp(0),
                duration: Duration::ZERO,
                handshake: None,
                upgrade: None,
                url: None,
                outcome: UpgradeOutcome::Upgraded,
                subprotocol: None,
                extensions: Vec::new(),
                totals: [client, DirectionTotals::default()],
                close: None,
                tcp_end: TcpEnd::Open,
                anomalies: 0,
            };
            Connection {
                number,
                client: ([127, 0, 0, 1], 1000).into(),
                server: ([127, 0, 0, 1], 80).into(),
                start: 0,
                round_trip: None,
                report,
            }
        };
        let mut connections = Connections {
            rows: vec![row(3, 7), row(1, 5), row(2, 9), row(4, 7)],
            ..Connections::default()
        };
        let mut numbers = |key| {
            connections.sort(key);
            let numbers: Vec<_> = connections.rows.iter().map(|row| row.number).collect();
            numbers
        };
        assert_eq!(numbers(SortKey::Bytes), [2, 3, 4, 1]);
        assert_eq!(numbers(SortKey::Number), [1, 2, 3, 4]);
        assert_eq!(numbers(SortKey::Rtt), [1, 2, 3, 4]);
    }
}

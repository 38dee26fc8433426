//! The timeline: a row an event, as in Wireshark's packet list.
//!
//! | column | shows |
//! | --- | --- |
//! | No. | number of the packet that completed the event |
//! | Time | in the chosen [`TimeFormat`] |
//! | # | number of the connection |
//! | Source → Destination | address and port of sender and receiver |
//! | Protocol | what speaks: TCP, HTTP, WebSocket; or Anomaly, Summary |
//! | Length | payload bytes: of the segment, the head, the frame |
//! | Info | what was said |
//!
//! On a narrow terminal the addresses, the protocol and their headings give way: an arrow
//! shows who speaks, `→` the client and `←` the server, and a line before a connection's
//! first row says who they are.
//!
//! A frame that ends a message and the message are one row. Text from the network is
//! escaped, see [`escape`](super::escape).

use std::collections::HashSet;
use std::io::Write as _;
use std::net::SocketAddr;

use anstyle::Style as TextStyle;
use jiff::tz::TimeZone;

use super::info::{self, Cells, HEADING, QUIET, WEBSOCKET};
use super::text::{append, cut_to_width};
use super::timestamp::{Calendar, TimeFormat, seconds_with_micros, subsecond};
use super::{Printer, Row, hex};
use crate::event::{Event, EventKind, OtherPacket};
use crate::flow::{Direction, TcpEventKind};
use crate::time::Timestamp;
use crate::wire::OtherKind;

/// How the timeline looks.
#[derive(Clone, Copy, Debug)]
// Each is a choice of its own.
#[allow(clippy::struct_excessive_bools)]
pub struct Style {
    /// Columns of the terminal; `None` for no limit.
    pub width: Option<usize>,
    /// Whether to colour rows.
    pub color: bool,
    /// How time is shown.
    pub time: TimeFormat,
    /// Whether to put a hex dump of its payload under each frame.
    pub hex: bool,
    /// Whether to show what is of interest only together with every packet: packets that
    /// were captured twice.
    pub all: bool,
    /// Whether the frame that ends a message has a row of its own, because messages are
    /// not asked for.
    pub frames_apart: bool,
}

/// Columns of a payload that are shown where the width has no limit.
const PREVIEW: usize = 120;

/// With fewer columns left for Info, the addresses give way.
const LEAST_INFO: usize = 40;

/// Prints a row an event.
#[derive(Debug)]
pub struct Timeline {
    style: Style,
    calendar: Calendar,
    /// Time of the row above.
    above: Option<Timestamp>,
    /// Widths of the two address columns, as wide as the widest address so far.
    address: usize,
    /// Connections whose ends were said, where the rows do not say them.
    introduced: HashSet<u64>,
    info: String,
    /// Hex dump of the last frame, for the row that it or its message has.
    dump: String,
}

impl Timeline {
    /// A timeline of this look.
    pub fn new(style: Style) -> Self {
        let zone = match style.time {
            TimeFormat::Local => TimeZone::system(),
            _ => TimeZone::UTC,
        };
        Self {
            style,
            calendar: Calendar::readable(zone),
            above: None,
            address: "255.255.255.255".len(),
            introduced: HashSet::new(),
            info: String::new(),
            dump: String::new(),
        }
    }

    /// Columns that No. and Time take, with the space behind each.
    fn prefix_width(&self) -> usize {
        NUMBER + 2 + self.time_width() + 2
    }

    fn time_width(&self) -> usize {
        match self.style.time {
            TimeFormat::Relative | TimeFormat::Delta => 10,
            TimeFormat::Epoch => 17,
            TimeFormat::Utc | TimeFormat::Local => 26,
        }
    }

    fn wide_width(&self) -> usize {
        self.prefix_width() + CONNECTION + 2 + 2 * self.address + 7 + PROTOCOL + 2 + LENGTH + 2
    }

    fn narrow_width(&self) -> usize {
        self.prefix_width() + CONNECTION + 4 + LENGTH + 2
    }

    fn is_narrow(&self) -> bool {
        let enough = |width| width >= self.wide_width() + LEAST_INFO;
        !self.style.width.is_none_or(enough)
    }

    /// Columns that are left for Info.
    fn room(&self) -> usize {
        let used = if self.is_narrow() {
            self.narrow_width()
        } else {
            self.wide_width()
        };
        let width = self.style.width.map(|width| width.saturating_sub(used));
        width.unwrap_or(usize::MAX)
    }

    /// Columns of a payload that are shown.
    fn preview(&self) -> usize {
        self.style.width.map_or(PREVIEW, |_| self.room())
    }

    /// Appends a row with the text of `self.info`.
    fn row(&mut self, event: &Event<'_>, cells: &Cells, out: &mut Vec<u8>) {
        let (source, destination) = (event.source().to_string(), event.destination().to_string());
        self.address = self.address.max(source.len()).max(destination.len());
        let number = event.connection.number;
        let length = cells
            .length
            .map_or(String::new(), |length| length.to_string());
        let width = self.address;
        let mut info = std::mem::take(&mut self.info);
        let start = if self.is_narrow() {
            let arrow = match event.from {
                Direction::ClientToServer => '→',
                Direction::ServerToClient => '←',
            };
            if self.introduced.insert(number) {
                let peers = event.connection;
                info.insert_str(0, &format!("{} → {} ", peers.client, peers.server));
            }
            if matches!(event.kind, EventKind::Connection(_)) {
                self.introduced.remove(&number);
            }
            format!("{number:>CONNECTION$}  {arrow} {length:>LENGTH$}  ")
        } else {
            format!(
                "{number:>CONNECTION$}  {source:<width$}  →  {destination:<width$}  \
                {:<PROTOCOL$}  {length:>LENGTH$}  ",
                cells.protocol
            )
        };
        cut_to_width(&mut info, self.room());
        self.line(&start, &info, cells.style, out);
        info.clear();
        self.info = info;
    }

    /// Whether an event has a row; prepares the dump under it, or under its message's.
    fn has_row(&mut self, kind: &EventKind<'_>) -> bool {
        match kind {
            EventKind::Tcp(tcp) => self.style.all || tcp.kind != TcpEventKind::DuplicatePacket,
            EventKind::Frame { frame, .. } => {
                self.dump.clear();
                if self.style.hex {
                    hex::dump(frame.payload, DUMP_INDENT, &mut self.dump);
                }
                !frame.ends_message || self.style.frames_apart
            }
            _ => true,
        }
    }

    fn line(&self, start: &str, info: &str, style: TextStyle, out: &mut Vec<u8>) {
        let line = format!("{start}{info}");
        let line = line.trim_end();
        // Writing into a vector does not fail.
        let _ = if self.style.color {
            writeln!(out, "{style}{line}{style:#}")
        } else {
            writeln!(out, "{line}")
        };
    }
}

impl Printer for Timeline {
    fn heading(&mut self, out: &mut Vec<u8>) {
        let (time, width) = (self.time_width(), self.address);
        let start = format!(
            "{:>NUMBER$}  {:<time$}  {:>CONNECTION$}  ",
            "No.", "Time", "#"
        );
        let rest = if self.is_narrow() {
            format!("  {:>LENGTH$}  ", "Length")
        } else {
            format!(
                "{:<width$}  →  {:<width$}  {:<PROTOCOL$}  {:>LENGTH$}  ",
                "Source", "Destination", "Protocol", "Length"
            )
        };
        self.line(&(start + &rest), "Info", HEADING, out);
    }

    fn prefix(&mut self, row: &Row, out: &mut Vec<u8>) {
        let width = self.time_width();
        let time = match self.style.time {
            TimeFormat::Relative => seconds_with_micros(row.elapsed),
            TimeFormat::Delta => {
                let above = self.above.replace(row.time).unwrap_or(row.time);
                seconds_with_micros(row.time.nanos_since(above))
            }
            TimeFormat::Epoch => {
                let (seconds, nanos) = (row.time.0 / 1_000_000_000, subsecond(row.time));
                format!("{seconds}.{:06}", nanos / 1000)
            }
            TimeFormat::Utc | TimeFormat::Local => {
                let micros = subsecond(row.time) / 1000;
                format!("{}.{micros:06}", self.calendar.seconds(row.time))
            }
        };
        let _ = write!(out, "{:>NUMBER$}  {time:<width$}  ", row.packet);
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if !self.has_row(&event.kind) {
            return;
        }
        self.info.clear();
        let (from, columns) = (event.from, self.preview());
        let info = &mut self.info;
        let cells = match &event.kind {
            EventKind::Tcp(tcp) => info::tcp_info(tcp, info),
            EventKind::Request(head) => info::request_info(head, info),
            EventKind::Response { head, upgrade } => info::response_info(head, *upgrade, info),
            EventKind::Frame { frame, answers } => {
                info::frame_info(frame, *answers, from, columns, info)
            }
            EventKind::Message { message, last } => {
                info::message_info(message, *last, from, columns, info)
            }
            EventKind::Anomaly(anomaly) => info::anomaly_info(anomaly, info),
            EventKind::Connection(report) => info::summary_info(report, info),
        };
        self.row(event, &cells, out);
        if cells.protocol == WEBSOCKET {
            out.extend_from_slice(self.dump.as_bytes());
            self.dump.clear();
        }
    }

    fn other_packet(&mut self, packet: &OtherPacket, out: &mut Vec<u8>) {
        let other = packet.other;
        let kind = other.kind.to_string();
        let ends = other
            .addresses
            .map(|(source, destination)| match other.ports {
                Some((from, to)) => (
                    SocketAddr::new(source, from).to_string(),
                    SocketAddr::new(destination, to).to_string(),
                ),
                None => (source.to_string(), destination.to_string()),
            });
        let (source, destination) = ends.unwrap_or_default();
        let start = if self.is_narrow() {
            let nothing = "";
            format!("{nothing:>CONNECTION$}    {:>LENGTH$}  ", packet.wire_len)
        } else {
            self.address = self.address.max(source.len()).max(destination.len());
            let (nothing, width) = ("", self.address);
            format!(
                "{nothing:>CONNECTION$}  {source:<width$}  →  {destination:<width$}  \
                {kind:<PROTOCOL$}  {:>LENGTH$}  ",
                packet.wire_len
            )
        };
        let mut info = String::new();
        if self.is_narrow() {
            info.push_str(&kind);
        }
        if let OtherKind::Malformed(error) = other.kind {
            append!(info, "{error}");
        }
        cut_to_width(&mut info, self.room());
        self.line(&start, info.trim_start(), QUIET, out);
    }
}

const NUMBER: usize = 5;
const CONNECTION: usize = 2;
const PROTOCOL: usize = 9;
const LENGTH: usize = 6;
const DUMP_INDENT: usize = 6;

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
//! On a narrow terminal the addresses and the protocol give way: an arrow shows who speaks,
//! `→` the client and `←` the server, and a line before a connection's first row says who
//! they are.
//!
//! A frame that ends a message and the message are one row. Text from the network is
//! escaped, see [`escape`](super::escape).

use std::collections::HashSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Range;

use anstyle::Style as TextStyle;

use super::addresses::Addresses;
use super::clock::Clock;
use super::columns::{Columns, Layout, SPACE, push_left, push_right, widen};
use super::info::{self, Cells, HEADING, QUIET, Room, WEBSOCKET};
use super::text::{append, cut_to_width};
use super::timestamp::{TimeFormat, push_seconds};
use super::{Printer, Row, fields, hex};
use crate::event::{Event, EventKind, OtherPacket};
use crate::flow::{Direction, TcpEventKind};
use crate::wire::OtherKind;
use crate::ws::FrameHeader;

/// How the timeline looks; by default as in a file: without colour, as wide as it comes.
#[derive(Clone, Copy, Debug, Default)]
// Each is a choice of its own.
#[allow(clippy::struct_excessive_bools)]
pub struct Style {
    /// Columns of the terminal; `None` for no limit.
    pub width: Option<usize>,
    /// Whether to colour rows.
    pub color: bool,
    /// How time is shown.
    pub time: TimeFormat,
    /// What is put under each frame.
    pub dump: Dump,
    /// Whether to show what is of interest only together with every packet: packets that
    /// were captured twice.
    pub all: bool,
    /// What has rows, of messages and their frames.
    pub rows: Rows,
}

/// What is put under the row of a frame or message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dump {
    /// Nothing.
    #[default]
    None,
    /// Its payload in hexadecimal, unmasked and inflated.
    Payload,
    /// The fields of the frame's header, and then the payload.
    HeaderAndPayload,
}

/// Which rows a message and its frames have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// A row a frame; that of the last is its message's as well.
    #[default]
    Joined,
    /// A row a frame, the last too: messages are not asked for.
    Frames,
    /// A row a message: frames are not asked for.
    Messages,
}

impl Rows {
    /// Whether an event has a row, where `all` wants one of packets captured twice as well.
    pub(super) fn have(self, kind: &EventKind<'_>, all: bool) -> bool {
        match kind {
            EventKind::Tcp(tcp) => all || tcp.kind != TcpEventKind::DuplicatePacket,
            EventKind::Frame { frame, .. } => !frame.ends_message || self == Self::Frames,
            _ => true,
        }
    }
}

/// Between two columns.
const SPACES: [u8; SPACE] = [b' '; SPACE];

/// Columns of a payload that are shown where the width has no limit.
const PREVIEW: usize = 120;

/// A full line of a dump has 78 columns: with these it fits the narrowest usual terminal.
const DUMP_INDENT: usize = 2;

/// Prints a row an event.
#[derive(Debug)]
pub struct Timeline {
    style: Style,
    clock: Clock,
    columns: Columns,
    /// Connections whose ends were said, where the rows do not say them.
    introduced: HashSet<u64>,
    addresses: Addresses,
    /// The time of the last event, where it may widen its column.
    elapsed: String,
    info: String,
    /// Hex dump of the last frame, for the row that it or its message has.
    dump: String,
}

impl Timeline {
    /// A timeline of this look.
    pub fn new(style: Style) -> Self {
        let clock = Clock::new(style.time);
        Self {
            style,
            columns: Columns::new(style.width, clock.width()),
            clock,
            introduced: HashSet::new(),
            addresses: Addresses::default(),
            elapsed: String::new(),
            info: String::new(),
            dump: String::new(),
        }
    }

    /// Columns for a payload.
    fn payload_room(&mut self) -> Room {
        self.columns
            .room()
            .map_or(Room::Payload(PREVIEW), Room::Line)
    }

    /// Widens the columns for a row.
    fn fit(&mut self, packet: u64, elapsed: i64, source: &str, destination: &str) {
        let columns = &mut self.columns;
        widen(&mut columns.number, itoa::Buffer::new().format(packet));
        if self.style.time == TimeFormat::Relative {
            self.elapsed.clear();
            push_seconds(elapsed, &mut self.elapsed);
            widen(&mut columns.time, &self.elapsed);
        }
        widen(&mut columns.address, source);
        widen(&mut columns.address, destination);
    }

    /// Appends a row with the text of `self.info`; returns the length of the lines that go
    /// above it.
    fn row(
        &mut self,
        event: &Event<'_>,
        ends: (&str, &str),
        cells: &Cells,
        out: &mut Vec<u8>,
    ) -> usize {
        let start = out.len();
        let above = match self.columns.layout() {
            Layout::Wide => 0,
            Layout::Narrow => {
                self.introduce(event, out);
                out.len() - start
            }
        };
        let mut length = itoa::Buffer::new();
        let length = cells.length.map(|bytes| length.format(bytes));
        let arrow = match event.from {
            Direction::ClientToServer => "→",
            Direction::ServerToClient => "←",
        };
        self.line(
            &Line {
                connection: itoa::Buffer::new().format(event.connection.number),
                ends,
                arrow,
                protocol: cells.protocol,
                length: length.unwrap_or_default(),
                style: cells.style,
                styled: cells.styled,
            },
            out,
        );
        above
    }

    /// Says which ends a connection has, before its first row.
    fn introduce(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let peers = event.connection;
        if self.introduced.insert(peers.number) {
            let mut text = format!(
                "connection {}: {} → {}",
                peers.number, peers.client, peers.server
            );
            if let Some(columns) = self.style.width {
                cut_to_width(&mut text, columns);
            }
            self.end_line(out.len(), &text, HEADING, text.len(), out);
        }
        if matches!(event.kind, EventKind::Connection(_)) {
            self.introduced.remove(&peers.number);
        }
    }

    /// Appends a row but for its number and time; Info is `self.info`.
    fn line(&mut self, line: &Line<'_>, out: &mut Vec<u8>) {
        let columns = &mut self.columns;
        widen(&mut columns.connection, line.connection);
        widen(&mut columns.length, line.length);
        let layout = columns.layout();
        let room = columns.room();
        let Columns {
            connection,
            address,
            protocol,
            length,
            ..
        } = *columns;
        let start = out.len();
        push_right(line.connection, connection, out);
        out.extend(SPACES);
        match layout {
            Layout::Wide => {
                push_left(line.ends.0, address, out);
                out.extend("  →  ".as_bytes());
                push_left(line.ends.1, address, out);
                out.extend(SPACES);
                push_left(line.protocol, protocol, out);
            }
            Layout::Narrow => out.extend(line.arrow.as_bytes()),
        }
        out.extend(SPACES);
        push_right(line.length, length, out);
        out.extend(SPACES);
        let mut info = std::mem::take(&mut self.info);
        if let Some(room) = room {
            cut_to_width(&mut info, room);
        }
        self.end_line(start, &info, line.style, line.styled, out);
        info.clear();
        self.info = info;
    }

    /// Ends the line that begins at `start` with `info`, of which the first `styled` bytes
    /// have a style.
    fn end_line(
        &self,
        start: usize,
        info: &str,
        style: TextStyle,
        styled: usize,
        out: &mut Vec<u8>,
    ) {
        let info = info.trim_end();
        if info.is_empty() {
            let line = out[start..].trim_ascii_end().len();
            out.truncate(start + line);
        } else if self.style.color && style != TextStyle::new() {
            let mut end = styled.min(info.len());
            while !info.is_char_boundary(end) {
                end -= 1;
            }
            let (head, rest) = info.split_at(end);
            // Writing into a vector does not fail.
            let _ = write!(out, "{style}{head}{style:#}{rest}");
        } else {
            out.extend(info.as_bytes());
        }
        out.push(b'\n');
    }

    /// Renders the dump under an event's row, or under its message's.
    fn dump(&mut self, kind: &EventKind<'_>) {
        match kind {
            EventKind::Frame { frame, .. } => {
                self.prepare_dump(Some(&frame.header), frame.payload, &[]);
            }
            EventKind::Message { message } if self.style.rows == Rows::Messages => {
                self.prepare_dump(None, message.payload, message.unknown);
            }
            _ => {}
        }
    }

    fn prepare_dump(
        &mut self,
        header: Option<&FrameHeader>,
        payload: &[u8],
        unknown: &[Range<usize>],
    ) {
        self.dump.clear();
        if let (Dump::HeaderAndPayload, Some(header)) = (self.style.dump, header) {
            fields::append(header, DUMP_INDENT, &mut self.dump);
        }
        if self.style.dump != Dump::None {
            hex::dump(payload, unknown, DUMP_INDENT, &mut self.dump);
        }
    }
}

/// The cells of a row but for its number, time and Info.
struct Line<'a> {
    connection: &'a str,
    ends: (&'a str, &'a str),
    arrow: &'a str,
    protocol: &'a str,
    length: &'a str,
    style: TextStyle,
    /// Bytes of Info that have the style.
    styled: usize,
}

impl Printer for Timeline {
    fn heading(&mut self, out: &mut Vec<u8>) {
        let Columns { number, time, .. } = self.columns;
        // Writing into a vector does not fail.
        let _ = write!(out, "{:>number$}  {:>time$}  ", "No.", "Time");
        self.info.push_str("Info");
        self.line(
            &Line {
                connection: "#",
                ends: ("Source", "Destination"),
                arrow: " ",
                protocol: "Protocol",
                length: "Length",
                style: TextStyle::new(),
                styled: 0,
            },
            out,
        );
    }

    fn prefix(&mut self, row: &Row, out: &mut Vec<u8>) {
        let Columns { number, time, .. } = self.columns;
        push_right(itoa::Buffer::new().format(row.packet), number, out);
        out.extend(SPACES);
        push_right(self.clock.text(row), time, out);
        out.extend(SPACES);
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> usize {
        self.dump(&event.kind);
        if !self.style.rows.have(&event.kind, self.style.all) {
            return 0;
        }
        let mut addresses = std::mem::take(&mut self.addresses);
        let (source, destination) = addresses.of(event);
        self.fit(event.at.packet, event.elapsed, source, destination);
        self.info.clear();
        let room = self.payload_room();
        let cells = info::event_info(event, self.style.rows, room, &mut self.info);
        let above = self.row(event, (source, destination), &cells, out);
        self.addresses = addresses;
        if cells.protocol == WEBSOCKET {
            out.extend_from_slice(self.dump.as_bytes());
            self.dump.clear();
        }
        above
    }

    fn pass_over(&mut self, event: &Event<'_>) {
        // The row of the message that a frame ends may be printed, with the frame's dump.
        self.dump.clear();
        if let EventKind::Frame { frame, .. } = event.kind
            && frame.ends_message
        {
            self.prepare_dump(Some(&frame.header), frame.payload, &[]);
        }
    }

    fn other_packet(&mut self, packet: &OtherPacket, out: &mut Vec<u8>) {
        let other = packet.other;
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
        self.fit(packet.at.packet, packet.elapsed, &source, &destination);
        // A fragment has no ports, but the rows of its connection will.
        widen(&mut self.columns.address, &format!("{source}:65535"));
        widen(&mut self.columns.address, &format!("{destination}:65535"));
        let kind = other.kind.to_string();
        self.info.clear();
        if self.columns.layout() == Layout::Narrow || kind.len() > self.columns.protocol {
            self.info.push_str(&kind);
        }
        if let OtherKind::Malformed(error) = other.kind {
            let gap = if self.info.is_empty() { "" } else { ": " };
            append!(self.info, "{gap}{error}");
        }
        let too_long = kind.len() > self.columns.protocol;
        self.line(
            &Line {
                connection: "",
                ends: (&source, &destination),
                arrow: " ",
                protocol: if too_long { "" } else { &kind },
                length: &packet.wire_len.to_string(),
                style: QUIET,
                styled: usize::MAX,
            },
            out,
        );
    }
}

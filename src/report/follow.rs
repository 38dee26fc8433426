//! One connection as a conversation: what was said, whole, and little else.

use std::io::{self, Write};

use anstyle::Style as TextStyle;

use super::clock::Clock;
use super::info::{self, Room};
use super::text::{append, escape, wrapped};
use super::timestamp::TimeFormat;
use super::{Printer, Row, RowByRow, View, hex, pretty};
use crate::Summary;
use crate::event::{Event, EventKind, EventSink};
use crate::flow::{Direction, TcpEventKind};
use crate::ws::{Message, Text};

/// How a conversation looks.
#[derive(Clone, Copy, Debug)]
pub struct FollowStyle {
    /// Columns of the terminal, at which lines are broken; `None` for no limit.
    pub width: Option<usize>,
    /// Whether to colour.
    pub color: bool,
    /// How time is shown.
    pub time: TimeFormat,
    /// Whether messages that are JSON are put on several lines.
    pub pretty: bool,
}

/// Prints what the sides of a connection said: for each message a line that says who and
/// when, and the payload under it.
///
/// What the server says is indented, so that the sides can be told apart without colour.
#[derive(Clone, Debug)]
pub struct Follow {
    style: FollowStyle,
    clock: Clock,
    info: String,
    /// Of the payload, lines as they will be shown.
    payload: String,
}

/// Columns before what the server says.
const SERVER_INDENT: usize = 12;

/// Columns between where a side speaks and what it says.
const PAYLOAD_INDENT: usize = 2;

/// Columns of a payload on the narrowest terminal.
const LEAST_ROOM: usize = 20;

/// Columns of a payload that stands on a line with other words: that of a control frame.
const ON_ONE_LINE: usize = 125;

impl Follow {
    /// A conversation of this look.
    pub fn new(style: FollowStyle) -> Self {
        Self {
            style,
            clock: Clock::new(style.time),
            info: String::new(),
            payload: String::new(),
        }
    }

    /// Renders what is said of an event into `info`, and its payload into `payload`; `None`
    /// when nothing is.
    fn render(&mut self, event: &Event<'_>) -> Option<TextStyle> {
        let (info, room) = (&mut self.info, Room::Payload(ON_ONE_LINE));
        info.clear();
        self.payload.clear();
        let cells = match &event.kind {
            EventKind::Tcp(tcp) if matches!(tcp.kind, TcpEventKind::Gap | TcpEventKind::Rst) => {
                info::tcp_info(tcp, info)
            }
            EventKind::Request(head) => info::request_info(head, info),
            EventKind::Response { head, upgrade } => info::response_info(head, *upgrade, info),
            EventKind::Frame { frame, answers } if !frame.header.opcode.is_data() => {
                info::frame_info(frame, *answers, event.from, room, info)
            }
            EventKind::Message { message } => {
                let cells = info::message_heading(message, event.from, info);
                render_payload(message, self.style.pretty, &mut self.payload);
                cells
            }
            EventKind::Anomaly(anomaly) => info::anomaly_info(anomaly, info),
            EventKind::Connection(report) => info::summary_info(report, info),
            EventKind::Tcp(_) | EventKind::Frame { .. } => return None,
        };
        Some(cells.style)
    }
}

impl RowByRow for Follow {}

impl Printer for Follow {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> usize {
        let Some(style) = self.render(event) else {
            return 0;
        };
        let (side, indent) = match (event.from, &event.kind) {
            (_, EventKind::Connection(_)) => ("connection", 0),
            (from @ Direction::ClientToServer, _) => (from.sender(), 0),
            (from @ Direction::ServerToClient, _) => (from.sender(), SERVER_INDENT),
        };
        let style = if self.style.color {
            style
        } else {
            TextStyle::new()
        };
        let info = &self.info;
        // Writing into a vector does not fail.
        let _ = writeln!(out, "{:indent$}{style}{side}{style:#}  {info}", "");
        let indent = self.clock.width() + 2 + indent + PAYLOAD_INDENT;
        let room = self
            .style
            .width
            .map(|width| width.saturating_sub(indent).max(LEAST_ROOM));
        for line in self.payload.lines() {
            for part in wrapped(line, room.unwrap_or(usize::MAX)) {
                out.resize(out.len() + indent, b' ');
                out.extend_from_slice(part.as_bytes());
                out.push(b'\n');
            }
        }
        0
    }

    fn prefix(&mut self, row: &Row, out: &mut Vec<u8>) {
        let (width, text) = (self.clock.width(), self.clock.text(row));
        let _ = write!(out, "{text:>width$}  ");
    }
}

/// Appends what is known of a message: text line by line, all else as a dump.
fn render_payload(message: &Message<'_>, wants_pretty: bool, out: &mut String) {
    match message.text() {
        Some(text) if message.text == Text::Valid => {
            let indented = wants_pretty.then(|| pretty::indented(text)).flatten();
            let text = indented.as_deref().unwrap_or(text);
            // Of an empty text there is nothing to show.
            for line in text.split('\n').filter(|_| !text.is_empty()) {
                escape(line, out);
                out.push('\n');
            }
        }
        _ => hex::dump(message.payload, message.unknown, 0, out),
    }
    if message.is_truncated() {
        let left = message.length.saturating_sub(message.payload.len() as u64);
        if left > 0 {
            append!(out, "… {left} more bytes\n");
        } else {
            out.push_str("…\n");
        }
    }
}

/// The payload of one side's messages, as it was sent and nothing else.
#[derive(Debug)]
pub struct RawPayload {
    connection: u64,
    from: Direction,
    waiting: Vec<u8>,
}

impl RawPayload {
    /// Of what `from` sends on the connection with this number.
    pub fn new(connection: u64, from: Direction) -> Self {
        Self {
            connection,
            from,
            waiting: Vec::new(),
        }
    }
}

impl EventSink for RawPayload {
    fn event(&mut self, event: &Event<'_>) {
        if let EventKind::Message { message } = event.kind
            && event.from == self.from
            && event.connection.number == self.connection
        {
            self.waiting.extend_from_slice(message.payload);
        }
    }
}

impl View for RawPayload {
    fn release(&mut self, _before: u64, out: &mut dyn Write) -> io::Result<bool> {
        // Messages of one direction come in order.
        out.write_all(&self.waiting)?;
        let written = !self.waiting.is_empty();
        self.waiting.clear();
        Ok(written)
    }

    fn finish(&mut self, _summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        self.release(u64::MAX, out)?;
        Ok(())
    }
}

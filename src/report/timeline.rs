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
//! escaped, see [`escape`].

use std::collections::HashSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::str;

use anstyle::{AnsiColor, Style as TextStyle};
use jiff::tz::TimeZone;

use super::duration::readable;
use super::text::{cut_to_width, escape, quote, quote_bytes};
use super::timestamp::{Calendar, TimeFormat, seconds_with_micros, subsecond};
use super::{Printer, Row, hex};
use crate::anomaly::{Anomaly, Severity};
use crate::event::{ConnectionReport, Event, EventKind, OtherPacket, Upgrade};
use crate::flow::{Direction, TcpEnd, TcpEvent, TcpEventKind};
use crate::http::{RequestHead, ResponseHead};
use crate::time::Timestamp;
use crate::wire::OtherKind;
use crate::ws::{Answer, Frame, FrameHeader, Message, OpCode};

/// How the timeline looks.
#[derive(Clone, Copy, Debug)]
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

    fn frame(&mut self, event: &Event<'_>, frame: &Frame<'_>, answers: Answer) -> Option<Cells> {
        self.dump.clear();
        if self.style.hex {
            hex::dump(frame.payload, DUMP_INDENT, &mut self.dump);
        }
        if frame.ends_message && !self.style.frames_apart {
            return None;
        }
        let columns = self.preview();
        let info = &mut self.info;
        let header = &frame.header;
        info.push_str(&header.opcode.to_string());
        tags(header, None, info);
        match header.opcode {
            OpCode::Close => close_info(frame, columns, info),
            OpCode::Ping | OpCode::Pong => {
                payload_info(frame.payload, true, frame.payload.is_empty(), columns, info);
            }
            // Text that is cut inside a character is text all the same; whether a
            // continuation is, its message tells.
            opcode => {
                let text = matches!(opcode, OpCode::Text | OpCode::Continuation);
                let nothing = header.payload_len == 0;
                payload_info(frame.payload, text, nothing, columns, info);
            }
        }
        match answers {
            Answer::Ping(rtt) => {
                info.push_str(", answers after ");
                info.push_str(&readable(rtt));
            }
            Answer::Unsolicited => info.push_str(", unsolicited"),
            Answer::No => {}
        }
        if frame.cut_short {
            info.push_str(", cut short: the rest was not captured");
        } else if frame.missing > 0 {
            info.push_str(&format!(", {} bytes missing", frame.missing));
        }
        Some(Cells {
            protocol: "WebSocket",
            length: Some(header.payload_len),
            style: match header.opcode {
                OpCode::Close => CLOSE,
                opcode if opcode.is_control() => CONTROL,
                _ => by_sender(event.from),
            },
        })
    }

    fn message(
        &mut self,
        event: &Event<'_>,
        message: &Message<'_>,
        last: Option<FrameHeader>,
    ) -> Cells {
        let columns = self.preview();
        let info = &mut self.info;
        let opcode = message.opcode;
        match last {
            Some(header) if message.frames == 1 => {
                info.push_str(&opcode.to_string());
                tags(&header, Some(message), info);
            }
            Some(header) => {
                info.push_str(&header.opcode.to_string());
                tags(&header, Some(message), info);
                let (length, frames) = (message.length, message.frames);
                info.push_str(&format!(
                    " ends a {opcode} of {length} bytes in {frames} frames:"
                ));
            }
            None => info.push_str(&format!("{opcode} that never ended:")),
        }
        if !message.complete {
            match message.missing {
                0 => info.push_str(" not complete"),
                missing => info.push_str(&format!(" {missing} bytes missing")),
            }
        }
        match message.text() {
            Some("") if !message.complete => {}
            Some(text) => {
                info.push(' ');
                quote(text, message.is_truncated(), columns, info);
            }
            None => {
                let nothing = message.payload.is_empty() && !message.is_truncated();
                payload_info(message.payload, false, nothing, columns, info);
                if message.is_truncated() && !info.ends_with('…') {
                    info.push_str(" …");
                }
            }
        }
        Cells {
            protocol: "WebSocket",
            length: Some(last.map_or(message.wire_length, |header| header.payload_len)),
            style: by_sender(event.from),
        }
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
        self.info.clear();
        let cells = match &event.kind {
            EventKind::Tcp(tcp) => {
                if tcp.kind == TcpEventKind::DuplicatePacket && !self.style.all {
                    return;
                }
                tcp_info(tcp, &mut self.info);
                Some(Cells {
                    protocol: "TCP",
                    length: Some(tcp.length),
                    style: tcp_style(tcp.kind),
                })
            }
            EventKind::Request(head) => Some(request_info(head, &mut self.info)),
            EventKind::Response { head, upgrade } => {
                Some(response_info(head, *upgrade, &mut self.info))
            }
            EventKind::Frame { frame, answers } => self.frame(event, frame, *answers),
            EventKind::Message { message, last } => Some(self.message(event, message, *last)),
            EventKind::Anomaly(anomaly) => Some(anomaly_info(anomaly, &mut self.info)),
            EventKind::Connection(report) => Some(summary_info(report, &mut self.info)),
        };
        if let Some(cells) = cells {
            self.row(event, &cells, out);
            if cells.protocol == "WebSocket" {
                out.extend_from_slice(self.dump.as_bytes());
                self.dump.clear();
            }
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
            info.push_str(&format!(" {error}"));
        }
        cut_to_width(&mut info, self.room());
        self.line(&start, info.trim_start(), QUIET, out);
    }
}

/// A row but for its number, time and info.
struct Cells {
    protocol: &'static str,
    length: Option<u64>,
    style: TextStyle,
}

const NUMBER: usize = 5;
const CONNECTION: usize = 2;
const PROTOCOL: usize = 9;
const LENGTH: usize = 6;
const DUMP_INDENT: usize = 6;

const HEADING: TextStyle = TextStyle::new().bold();
const QUIET: TextStyle = TextStyle::new().dimmed();
const HTTP: TextStyle = AnsiColor::Green.on_default();
const CONTROL: TextStyle = AnsiColor::Blue.on_default();
const CLOSE: TextStyle = AnsiColor::Magenta.on_default();
const TROUBLE: TextStyle = AnsiColor::Red.on_default();
const WARNING: TextStyle = AnsiColor::Yellow.on_default();

fn by_sender(from: Direction) -> TextStyle {
    match from {
        Direction::ClientToServer => AnsiColor::Cyan.on_default(),
        Direction::ServerToClient => TextStyle::new(),
    }
}

fn tcp_style(kind: TcpEventKind) -> TextStyle {
    match kind {
        TcpEventKind::Rst | TcpEventKind::Gap => TROUBLE,
        TcpEventKind::Retransmission | TcpEventKind::OutOfOrder | TcpEventKind::ZeroWindow => {
            WARNING
        }
        _ => QUIET,
    }
}

/// `[SYN, ACK] seq=0 ack=1 mss=65495`
fn tcp_info(tcp: &TcpEvent, info: &mut String) {
    if tcp.kind == TcpEventKind::Gap {
        info.push_str(&format!("{} bytes were not captured", tcp.length));
        return;
    }
    info.push('[');
    for (at, name) in tcp.flags.names().enumerate() {
        info.push_str(if at > 0 { ", " } else { "" });
        info.push_str(name);
    }
    info.push(']');
    let numbers = |info: &mut String| {
        info.push_str(&format!(" seq={}", tcp.seq));
        if let Some(ack) = tcp.ack {
            info.push_str(&format!(" ack={ack}"));
        }
    };
    match tcp.kind {
        TcpEventKind::Syn { mss } | TcpEventKind::SynAck { mss } => {
            numbers(info);
            if let Some(mss) = mss {
                info.push_str(&format!(" mss={mss}"));
            }
        }
        TcpEventKind::Established { handshake } => {
            info.push_str(" three-way handshake complete, ");
            info.push_str(&readable(handshake));
        }
        TcpEventKind::Closed { after } => {
            info.push_str(" both sides closed, ");
            info.push_str(&readable(after));
            info.push_str(" after the start");
        }
        TcpEventKind::Data | TcpEventKind::Ack => numbers(info),
        TcpEventKind::Retransmission => {
            info.push_str(" retransmission");
            numbers(info);
        }
        TcpEventKind::OutOfOrder => {
            info.push_str(" out of order");
            numbers(info);
        }
        TcpEventKind::DuplicatePacket => info.push_str(" captured twice"),
        TcpEventKind::KeepAlive => info.push_str(" keep-alive"),
        TcpEventKind::WindowProbe => info.push_str(" window probe"),
        TcpEventKind::ZeroWindow => info.push_str(" window closed"),
        TcpEventKind::Rst => info.push_str(" connection reset"),
        TcpEventKind::Fin | TcpEventKind::Gap => {}
    }
}

fn request_info(head: &RequestHead, info: &mut String) -> Cells {
    escape(&head.method, info);
    info.push(' ');
    escape(&head.target, info);
    info.push_str(&format!(" HTTP/1.{}", head.minor_version));
    for name in ["Upgrade", "Sec-WebSocket-Protocol"] {
        if head.headers.count(name) > 0 {
            info.push_str(&format!(", {name}: "));
            escape(&head.headers.all(name).collect::<Vec<_>>().join(", "), info);
        }
    }
    if head.truncated {
        info.push_str(", head cut");
    }
    Cells {
        protocol: "HTTP",
        length: Some(head.wire_len as u64),
        style: HTTP,
    }
}

fn response_info(head: &ResponseHead, upgrade: Option<Upgrade<'_>>, info: &mut String) -> Cells {
    info.push_str(&head.status.to_string());
    if !head.reason.is_empty() {
        info.push(' ');
        escape(&head.reason, info);
    }
    let style = match upgrade {
        None => HTTP,
        Some(Upgrade::Refused) => {
            info.push_str(", upgrade refused");
            TROUBLE
        }
        Some(Upgrade::Accepted { agreement, after }) => {
            match agreement.accept_valid {
                Some(true) => info.push_str(", accept ok"),
                Some(false) => info.push_str(", accept WRONG"),
                None => {}
            }
            if let Some(after) = after {
                info.push_str(&format!(", after {}", readable(after)));
            }
            if let Some(subprotocol) = &agreement.subprotocol {
                info.push_str(", subprotocol ");
                escape(subprotocol, info);
            }
            for extension in &agreement.extensions {
                info.push_str(", ");
                escape(extension, info);
            }
            HTTP
        }
    };
    if head.truncated {
        info.push_str(", head cut");
    }
    Cells {
        protocol: "HTTP",
        length: Some(head.wire_len as u64),
        style,
    }
}

/// ` [MASKED, FIN, deflate 10→200]`, or nothing where there is nothing to say.
fn tags(header: &FrameHeader, message: Option<&Message<'_>>, info: &mut String) {
    let mut tags = Vec::new();
    if header.masking_key.is_some() {
        tags.push("MASKED".to_owned());
    }
    let continues = header.opcode == OpCode::Continuation;
    if !header.fin {
        tags.push("more to come".to_owned());
    } else if continues {
        tags.push("FIN".to_owned());
    }
    match message {
        Some(message) if message.compressed && !message.complete => {
            tags.push(format!("deflate {}", message.wire_length));
        }
        Some(message) if message.compressed => {
            tags.push(format!(
                "deflate {}→{}",
                message.wire_length, message.length
            ));
        }
        Some(_) => {}
        None if header.rsv1() => tags.push("RSV1".to_owned()),
        None => {}
    }
    if !tags.is_empty() {
        info.push_str(&format!(" [{}]", tags.join(", ")));
    }
}

/// ` 1000 Normal Closure "bye"`
fn close_info(frame: &Frame<'_>, columns: usize, info: &mut String) {
    match frame.close() {
        Some((code, reason)) => {
            info.push_str(&format!(" {} {}", code.0, code.name()));
            if !reason.is_empty() {
                info.push(' ');
                quote(&String::from_utf8_lossy(reason), false, columns, info);
            }
        }
        None if frame.header.payload_len == 0 => info.push_str(" without a code"),
        None => {}
    }
}

/// ` "text"` where the payload may be text and is, else ` 68 65 78`; `empty` where it is
/// known to have no bytes.
fn payload_info(payload: &[u8], may_be_text: bool, empty: bool, columns: usize, info: &mut String) {
    if empty {
        info.push_str(" (empty)");
        return;
    }
    info.push(' ');
    let valid = match str::from_utf8(payload) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&payload[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    match valid {
        Some(text) if may_be_text => quote(text, false, columns, info),
        _ => quote_bytes(payload, false, columns, info),
    }
}

/// `error: unmasked-client-frame: the mask bit is 0 (RFC 6455 §5.1)`
fn anomaly_info(anomaly: &Anomaly, info: &mut String) -> Cells {
    let rule = anomaly.rule;
    info.push_str(&format!("{}: {}: ", rule.severity(), rule.name()));
    escape(&anomaly.detail, info);
    info.push_str(&format!(" ({})", rule.reference()));
    Cells {
        protocol: "Anomaly",
        length: None,
        style: match rule.severity() {
            Severity::Error => TROUBLE.bold(),
            Severity::Warning => WARNING,
            Severity::Note => QUIET,
        },
    }
}

fn summary_info(report: &ConnectionReport, info: &mut String) -> Cells {
    info.push_str(match report.tcp_end {
        TcpEnd::Open => "still open after ",
        TcpEnd::Fin => "closed after ",
        TcpEnd::Rst => "reset after ",
    });
    info.push_str(&readable(report.duration));
    let [client, server] = report.totals;
    if report.upgraded {
        info.push_str(&format!(
            "; messages: {} from client, {} from server",
            client.messages, server.messages
        ));
        match &report.close {
            Some(close) => {
                let by = match close.initiator {
                    Direction::ClientToServer => "client",
                    Direction::ServerToClient => "server",
                };
                let code = close
                    .code
                    .map_or("no code".to_owned(), |code| code.0.to_string());
                let clean = if close.clean { "clean" } else { "not clean" };
                info.push_str(&format!("; Close {code} by {by}, {clean}"));
            }
            None => info.push_str("; no Close"),
        }
    } else {
        info.push_str("; no WebSocket");
    }
    if report.anomalies > 0 {
        info.push_str(&format!("; anomalies: {}", report.anomalies));
    }
    Cells {
        protocol: "Summary",
        length: None,
        style: TextStyle::new().bold(),
    }
}

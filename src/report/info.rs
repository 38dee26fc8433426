//! What the Info column says, and how a row looks: one function for each kind of event.

use std::str;

use anstyle::{AnsiColor, Style as TextStyle};

use super::duration::readable;
use super::summary::count;
use super::text::{append, escape, quote, quote_bytes, quote_marked, text_width};
use super::timeline::Rows;
use crate::anomaly::{Anomaly, Rule, Severity};
use crate::event::{ConnectionReport, Event, EventKind, Upgrade, UpgradeOutcome};
use crate::flow::{Direction, TcpEnd, TcpEvent, TcpEventKind};
use crate::http::{RequestHead, ResponseHead};
use crate::ws::{Answer, Frame, FrameHeader, Message, OpCode, Text};

/// A row but for its number, time and info.
pub(super) struct Cells {
    pub(super) protocol: &'static str,
    pub(super) length: Option<u64>,
    pub(super) style: TextStyle,
    /// Bytes of Info that have the style, from its start: the words that are not the
    /// network's.
    pub(super) styled: usize,
}

pub(super) const HEADING: TextStyle = TextStyle::new().bold();
pub(super) const QUIET: TextStyle = TextStyle::new().dimmed();
/// Protocol of the rows that a hex dump can follow.
pub(super) const WEBSOCKET: &str = "WebSocket";

// Plain blue cannot be read on black, nor yellow on white: what is not bold is cyan, green,
// magenta or red, and only words of wsdump's own, never what came from the network.
const HTTP: TextStyle = AnsiColor::Green.on_default();
const CLIENT: TextStyle = AnsiColor::Cyan.on_default().bold();
const SERVER: TextStyle = TextStyle::new().bold();
const CLOSE: TextStyle = AnsiColor::Magenta.on_default().bold();
const TROUBLE: TextStyle = AnsiColor::Red.on_default().bold();
const WARNING: TextStyle = AnsiColor::Yellow.on_default().bold();

pub(super) fn by_sender(from: Direction) -> TextStyle {
    match from {
        Direction::ClientToServer => CLIENT,
        Direction::ServerToClient => SERVER,
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

/// Columns for a payload.
#[derive(Clone, Copy, Debug)]
pub(super) enum Room {
    /// So many for the payload itself.
    Payload(usize),
    /// So many for all of Info.
    Line(usize),
}

impl Room {
    /// Columns left for a payload in quotes behind `info`.
    fn behind(self, info: &str) -> usize {
        const QUOTES_AND_MARK: usize = 3;
        match self {
            Self::Payload(columns) => columns,
            Self::Line(columns) => columns.saturating_sub(text_width(info) + QUOTES_AND_MARK),
        }
    }
}

/// What the row of an event says.
pub(super) fn event_info(event: &Event<'_>, rows: Rows, room: Room, info: &mut String) -> Cells {
    match &event.kind {
        EventKind::Tcp(tcp) => tcp_info(tcp, info),
        EventKind::Request(head) => request_info(head, info),
        EventKind::Response { head, upgrade } => response_info(head, *upgrade, info),
        EventKind::Frame { frame, answers } => frame_info(frame, *answers, event.from, room, info),
        EventKind::Message { message } => {
            let frames_have_rows = rows != Rows::Messages;
            message_info(message, frames_have_rows, event.from, room, info)
        }
        EventKind::Anomaly(anomaly) => anomaly_info(anomaly, info),
        EventKind::Connection(report) => summary_info(report, info),
    }
}

/// `[SYN, ACK] seq=0 ack=1 mss=65495`
pub(super) fn tcp_info(tcp: &TcpEvent, info: &mut String) -> Cells {
    tcp_text(tcp, info);
    Cells {
        protocol: "TCP",
        length: Some(tcp.length),
        style: tcp_style(tcp.kind),
        styled: usize::MAX,
    }
}

fn tcp_text(tcp: &TcpEvent, info: &mut String) {
    if tcp.kind == TcpEventKind::Gap {
        append!(info, "{} bytes were not captured", tcp.length);
        return;
    }
    info.push('[');
    for (at, name) in tcp.flags.names().enumerate() {
        info.push_str(if at > 0 { ", " } else { "" });
        info.push_str(name);
    }
    info.push(']');
    let numbers = |info: &mut String| {
        append!(info, " seq={}", tcp.seq);
        if let Some(ack) = tcp.ack {
            append!(info, " ack={ack}");
        }
    };
    match tcp.kind {
        TcpEventKind::Syn { mss } | TcpEventKind::SynAck { mss } => {
            numbers(info);
            if let Some(mss) = mss {
                append!(info, " mss={mss}");
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

/// `GET /chat HTTP/1.1, Upgrade: websocket`
pub(super) fn request_info(head: &RequestHead, info: &mut String) -> Cells {
    escape(&head.line.method, info);
    let styled = info.len();
    info.push(' ');
    escape(&head.line.target, info);
    append!(info, " HTTP/1.{}", head.minor_version);
    for name in ["Upgrade", "Sec-WebSocket-Protocol"] {
        if head.headers.count(name) > 0 {
            append!(info, ", {name}: ");
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
        styled,
    }
}

/// `101 Switching Protocols, accept ok, after 1.83 ms`
pub(super) fn response_info(
    head: &ResponseHead,
    upgrade: Option<Upgrade<'_>>,
    info: &mut String,
) -> Cells {
    append!(info, "{}", head.line.status);
    let styled = info.len();
    if !head.line.reason.is_empty() {
        info.push(' ');
        escape(&head.line.reason, info);
    }
    let mut style = HTTP;
    match upgrade {
        None => {}
        Some(Upgrade::Refused { after }) => {
            style = TROUBLE;
            info.push_str(", upgrade refused");
            append!(info, " after {}", readable(after));
        }
        Some(Upgrade::Accepted { agreement, after }) => {
            match agreement.accept_valid {
                Some(true) => info.push_str(", accept ok"),
                Some(false) => {
                    style = TROUBLE;
                    info.push_str(", accept WRONG");
                }
                None => {}
            }
            if let Some(after) = after {
                append!(info, ", after {}", readable(after));
            }
            if let Some(subprotocol) = &agreement.subprotocol {
                info.push_str(", subprotocol ");
                escape(subprotocol, info);
            }
            for extension in &agreement.extensions {
                info.push_str(", ");
                escape(extension, info);
            }
        }
    }
    if let (300..=399, Some(location)) = (head.line.status, head.headers.first("Location")) {
        info.push_str(", Location: ");
        escape(location, info);
    }
    if head.truncated {
        info.push_str(", head cut");
    }
    Cells {
        protocol: "HTTP",
        length: Some(head.wire_len as u64),
        style,
        styled,
    }
}

/// ` [MASKED, FIN, deflate 10→200]`, or nothing where there is nothing to say.
fn tags(header: &FrameHeader, more: &[String], info: &mut String) {
    let masked = header.masking_key.map(|_| "MASKED");
    let part = match header.opcode {
        _ if !header.fin => Some("more to come"),
        OpCode::Continuation => Some("FIN"),
        _ => None,
    };
    let more = more.iter().map(String::as_str);
    let mut before = " [";
    for tag in masked.into_iter().chain(part).chain(more) {
        info.push_str(before);
        info.push_str(tag);
        before = ", ";
    }
    if before != " [" {
        info.push(']');
    }
}

/// What there is to say of a message beside its opcode.
fn message_tags(message: &Message<'_>) -> Vec<String> {
    let (wire, length) = (message.wire_length, message.length);
    let mut tags = Vec::new();
    if message.compressed && !message.cut_short {
        tags.push(format!("deflate {wire}→{length}"));
    } else if message.compressed {
        tags.push("deflate".to_owned());
    }
    let unknown = message.unknown_length;
    if message.missing > 0 {
        tags.push(format!("{} of {wire} bytes not captured", message.missing));
    }
    if message.compressed && unknown > 0 {
        tags.push(format!("{unknown} of {length} bytes unknown"));
    }
    if message.cut_short && message.missing == 0 {
        tags.push("not complete".to_owned());
    }
    tags
}

/// ` 1000 Normal Closure "bye"`
fn close_info(frame: &Frame<'_>, room: Room, info: &mut String) {
    match frame.close() {
        Some((code, reason)) => {
            append!(info, " {} {}", code.0, code.name());
            if !reason.is_empty() {
                info.push(' ');
                quote(reason, false, room.behind(info), info);
            }
        }
        None if frame.header.payload_len == 0 => info.push_str(" without a code"),
        None => {
            info.push(' ');
            quote_bytes(frame.payload, &[], false, room.behind(info), info);
        }
    }
}

/// `error: unmasked-client-frame: the mask bit is 0 (RFC 6455 §5.1)`
pub(super) fn anomaly_info(anomaly: &Anomaly, info: &mut String) -> Cells {
    let rule = anomaly.rule;
    append!(info, "{}: {}: ", rule.severity(), rule.name());
    let styled = info.len();
    escape(&anomaly.detail, info);
    if rule.reference() != Rule::OWN {
        append!(info, " ({})", rule.reference());
    }
    Cells {
        protocol: "Anomaly",
        length: None,
        style: match rule.severity() {
            Severity::Error => TROUBLE,
            Severity::Warning => WARNING,
            Severity::Note => QUIET,
        },
        styled,
    }
}

/// `closed after 108 ms; Close 1000 by client, clean; 1 message from client, 2 from server`
pub(super) fn summary_info(report: &ConnectionReport, info: &mut String) -> Cells {
    info.push_str(match report.tcp_end {
        TcpEnd::Open => "still open after ",
        TcpEnd::Fin => "closed after ",
        TcpEnd::Rst => "reset after ",
    });
    info.push_str(&readable(report.duration));
    match report.outcome {
        UpgradeOutcome::NotAsked => info.push_str("; no WebSocket"),
        UpgradeOutcome::Unanswered => info.push_str("; upgrade not answered"),
        UpgradeOutcome::Refused(status) => append!(info, "; upgrade refused with {status}"),
        UpgradeOutcome::Upgraded => {
            if report.url.is_none() {
                info.push_str("; upgrade not captured");
            }
            upgraded_info(report, info);
        }
    }
    if report.anomalies > 0 {
        append!(info, "; anomalies: {}", report.anomalies);
    }
    Cells {
        protocol: "Summary",
        length: None,
        style: SERVER,
        styled: usize::MAX,
    }
}

fn upgraded_info(report: &ConnectionReport, info: &mut String) {
    match &report.close {
        Some(close) => {
            let by = close.initiator.sender();
            let code = close.code.map(|code| code.0.to_string());
            let code = code.as_deref().unwrap_or("without a code");
            let clean = if close.clean { "clean" } else { "not clean" };
            append!(info, "; Close {code} by {by}, {clean}");
        }
        None => info.push_str("; no Close"),
    }
    let [client, server] = report.totals.map(|totals| totals.messages);
    let plural = if client == 1 { "" } else { "s" };
    append!(
        info,
        "; {client} message{plural} from client, {server} from server"
    );
}

/// A frame with a row of its own.
pub(super) fn frame_info(
    frame: &Frame<'_>,
    answers: Answer,
    from: Direction,
    room: Room,
    info: &mut String,
) -> Cells {
    let header = &frame.header;
    append!(info, "{}", header.opcode);
    let mut more = Vec::new();
    if header.rsv1() {
        more.push("RSV1".to_owned());
    }
    if frame.cut_short {
        more.push("not complete".to_owned());
    } else if frame.missing > 0 {
        let (missing, of) = (frame.missing, header.payload_len);
        more.push(format!("{missing} of {of} bytes not captured"));
    }
    tags(header, &more, info);
    let styled = info.len();
    let payload = frame.payload;
    match header.opcode {
        OpCode::Close => close_info(frame, room, info),
        _ if header.payload_len == 0 => info.push_str(" (empty)"),
        _ if payload.is_empty() => info.push_str(" …"),
        // Whether a continuation is text, only its message tells.
        OpCode::Text | OpCode::Continuation | OpCode::Ping | OpCode::Pong => {
            text_or_bytes(payload, room, info);
        }
        OpCode::Binary | OpCode::Reserved(_) => {
            info.push(' ');
            quote_bytes(payload, &[], false, room.behind(info), info);
        }
    }
    match answers {
        Answer::Ping(rtt) => append!(info, ", answers after {}", readable(rtt)),
        Answer::Unsolicited => info.push_str(", unsolicited"),
        Answer::No => {}
    }
    Cells {
        protocol: WEBSOCKET,
        length: Some(header.payload_len),
        style: frame_style(frame, from),
        styled,
    }
}

pub(super) fn frame_style(frame: &Frame<'_>, from: Direction) -> TextStyle {
    match frame.header.opcode {
        OpCode::Close => CLOSE,
        opcode if opcode.is_control() => QUIET,
        _ => by_sender(from),
    }
}

/// A message, together with the frame that ends it, or with all of its frames where those
/// have no rows of their own.
pub(super) fn message_info(
    message: &Message<'_>,
    frames_have_rows: bool,
    from: Direction,
    room: Room,
    info: &mut String,
) -> Cells {
    let opcode = message.opcode;
    let mut more = message_tags(message);
    let length = message.length;
    match message.last {
        Some(header) if message.frames == 1 => {
            append!(info, "{opcode}");
            tags(&header, &more, info);
        }
        Some(header) if !frames_have_rows => {
            append!(info, "{opcode}");
            more.push(format!("{} frames", message.frames));
            // What is said of the last frame alone is left out.
            let whole = FrameHeader { opcode, ..header };
            tags(&whole, &more, info);
        }
        Some(header) => {
            append!(info, "{}", header.opcode);
            tags(&header, &more, info);
            let frames = message.frames;
            append!(
                info,
                " ends a {opcode} of {length} bytes in {frames} frames:"
            );
        }
        None => {
            append!(info, "{opcode}");
            if !more.is_empty() {
                append!(info, " [{}]", more.join(", "));
            }
            append!(info, " never ended, {length} bytes so far:");
        }
    }
    let styled = info.len();
    append_payload(message, room, info);
    Cells {
        protocol: WEBSOCKET,
        length: Some(
            message
                .last
                .map_or(message.wire_length, |header| header.payload_len),
        ),
        style: by_sender(from),
        styled,
    }
}

/// ` "text"`, or ` 68 65 78`.
fn append_payload(message: &Message<'_>, room: Room, info: &mut String) {
    let has_more = message.is_truncated();
    match message.text {
        _ if message.payload.is_empty() && has_more => info.push_str(" …"),
        _ if message.payload.is_empty() => info.push_str(" (empty)"),
        Text::Valid | Text::Invalid => {
            info.push(' ');
            let text = message.text().map_or(message.payload, str::as_bytes);
            let columns = room.behind(info);
            if message.unknown.is_empty() {
                quote(text, has_more, columns, info);
            } else {
                quote_marked(text, message.unknown, has_more, columns, info);
            }
        }
        Text::No => {
            info.push(' ');
            quote_bytes(
                message.payload,
                message.unknown,
                has_more,
                room.behind(info),
                info,
            );
        }
    }
}

/// A message on an arrow: `Text [deflate 43→41] "hello"`.
pub(super) fn message_label(message: &Message<'_>, room: Room, info: &mut String) {
    message_heading(message, Direction::ClientToServer, info);
    append_payload(message, room, info);
}

/// A message without its payload: `Text [deflate 43→41, 3 frames], 41 bytes`.
pub(super) fn message_heading(message: &Message<'_>, from: Direction, info: &mut String) -> Cells {
    let mut more = message_tags(message);
    if message.frames > 1 {
        more.push(format!("{} frames", message.frames));
    }
    append!(info, "{}", message.opcode);
    if !more.is_empty() {
        append!(info, " [{}]", more.join(", "));
    }
    append!(info, ", {}", count(message.length, "byte", "bytes"));
    Cells {
        protocol: WEBSOCKET,
        length: Some(message.wire_length),
        style: by_sender(from),
        styled: usize::MAX,
    }
}

/// ` "text"` where the payload is text, perhaps cut inside a character; else ` 68 65 78`.
fn text_or_bytes(payload: &[u8], room: Room, info: &mut String) {
    info.push(' ');
    let columns = room.behind(info);
    match str::from_utf8(payload) {
        Ok(text) => quote(text.as_bytes(), false, columns, info),
        Err(error) if error.error_len().is_none() => {
            quote(&payload[..error.valid_up_to()], false, columns, info);
        }
        Err(_) => quote_bytes(payload, &[], false, columns, info),
    }
}

//! What the Info column says, and how a row looks: one function for each kind of event.

use std::str;

use anstyle::{AnsiColor, Style as TextStyle};

use super::duration::readable;
use super::text::{append, escape, quote, quote_bytes, quote_invalid};
use crate::anomaly::{Anomaly, Severity};
use crate::event::{ConnectionReport, Upgrade};
use crate::flow::{Direction, TcpEnd, TcpEvent, TcpEventKind};
use crate::http::{RequestHead, ResponseHead};
use crate::ws::{Answer, Frame, FrameHeader, Message, OpCode, Text};

/// A row but for its number, time and info.
pub(super) struct Cells {
    pub(super) protocol: &'static str,
    pub(super) length: Option<u64>,
    pub(super) style: TextStyle,
}

pub(super) const HEADING: TextStyle = TextStyle::new().bold();
pub(super) const QUIET: TextStyle = TextStyle::new().dimmed();
/// Protocol of the rows that a hex dump can follow.
pub(super) const WEBSOCKET: &str = "WebSocket";

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
pub(super) fn tcp_info(tcp: &TcpEvent, info: &mut String) -> Cells {
    tcp_text(tcp, info);
    Cells {
        protocol: "TCP",
        length: Some(tcp.length),
        style: tcp_style(tcp.kind),
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

pub(super) fn request_info(head: &RequestHead, info: &mut String) -> Cells {
    escape(&head.method, info);
    info.push(' ');
    escape(&head.target, info);
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
    }
}

pub(super) fn response_info(
    head: &ResponseHead,
    upgrade: Option<Upgrade<'_>>,
    info: &mut String,
) -> Cells {
    append!(info, "{}", head.status);
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
        None if header.rsv1() => tags.push("RSV1".to_owned()),
        Some(_) | None => {}
    }
    if !tags.is_empty() {
        append!(info, " [{}]", tags.join(", "));
    }
}

/// ` 1000 Normal Closure "bye"`
fn close_info(frame: &Frame<'_>, columns: usize, info: &mut String) {
    match frame.close() {
        Some((code, reason)) => {
            append!(info, " {} {}", code.0, code.name());
            if !reason.is_empty() {
                info.push(' ');
                quote_invalid(reason, false, columns, info);
            }
        }
        None if frame.header.payload_len == 0 => info.push_str(" without a code"),
        None => {
            info.push(' ');
            quote_bytes(frame.payload, false, columns, info);
        }
    }
}

/// `error: unmasked-client-frame: the mask bit is 0 (RFC 6455 §5.1)`
pub(super) fn anomaly_info(anomaly: &Anomaly, info: &mut String) -> Cells {
    let rule = anomaly.rule;
    append!(info, "{}: {}: ", rule.severity(), rule.name());
    escape(&anomaly.detail, info);
    append!(info, " ({})", rule.reference());
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

pub(super) fn summary_info(report: &ConnectionReport, info: &mut String) -> Cells {
    info.push_str(match report.tcp_end {
        TcpEnd::Open => "still open after ",
        TcpEnd::Fin => "closed after ",
        TcpEnd::Rst => "reset after ",
    });
    info.push_str(&readable(report.duration));
    if report.upgraded {
        match &report.close {
            Some(close) => {
                let by = match close.initiator {
                    Direction::ClientToServer => "client",
                    Direction::ServerToClient => "server",
                };
                info.push_str("; Close ");
                let code = close.code.map(|code| code.0.to_string());
                info.push_str(code.as_deref().unwrap_or("without a code"));
                append!(info, " by {by}");
                info.push_str(if close.clean {
                    ", clean"
                } else {
                    ", not clean"
                });
            }
            None => info.push_str("; no Close"),
        }
        let [client, server] = report.totals;
        let plural = if client.messages == 1 { "" } else { "s" };
        append!(
            info,
            "; {} message{plural} from client, {} from server",
            client.messages,
            server.messages
        );
    } else {
        info.push_str("; no WebSocket");
    }
    if report.anomalies > 0 {
        append!(info, "; anomalies: {}", report.anomalies);
    }
    Cells {
        protocol: "Summary",
        length: None,
        style: TextStyle::new().bold(),
    }
}

/// A frame with a row of its own.
pub(super) fn frame_info(
    frame: &Frame<'_>,
    answers: Answer,
    from: Direction,
    columns: usize,
    info: &mut String,
) -> Cells {
    let header = &frame.header;
    append!(info, "{}", header.opcode);
    tags(header, None, info);
    let payload = frame.payload;
    match header.opcode {
        OpCode::Close => close_info(frame, columns, info),
        _ if header.payload_len == 0 => info.push_str(" (empty)"),
        _ if payload.is_empty() => {}
        // Whether a continuation is text, only its message tells.
        OpCode::Text | OpCode::Continuation | OpCode::Ping | OpCode::Pong => {
            text_or_bytes(payload, columns, info);
        }
        OpCode::Binary | OpCode::Reserved(_) => {
            info.push(' ');
            quote_bytes(payload, false, columns, info);
        }
    }
    match answers {
        Answer::Ping(rtt) => append!(info, ", answers after {}", readable(rtt)),
        Answer::Unsolicited => info.push_str(", unsolicited"),
        Answer::No => {}
    }
    if frame.cut_short {
        info.push_str(", cut short: the rest was not captured");
    } else if frame.missing > 0 {
        append!(info, ", {} bytes missing", frame.missing);
    }
    Cells {
        protocol: WEBSOCKET,
        length: Some(header.payload_len),
        style: match header.opcode {
            OpCode::Close => CLOSE,
            opcode if opcode.is_control() => CONTROL,
            _ => by_sender(from),
        },
    }
}

/// A message, together with the frame that ends it.
pub(super) fn message_info(
    message: &Message<'_>,
    last: Option<FrameHeader>,
    from: Direction,
    columns: usize,
    info: &mut String,
) -> Cells {
    let opcode = message.opcode;
    match last {
        Some(header) if message.frames == 1 => {
            append!(info, "{opcode}");
            tags(&header, Some(message), info);
        }
        Some(header) => {
            append!(info, "{}", header.opcode);
            tags(&header, Some(message), info);
            let (length, frames) = (message.length, message.frames);
            append!(
                info,
                " ends a {opcode} of {length} bytes in {frames} frames:"
            );
        }
        None => append!(info, "{opcode} that never ended:"),
    }
    if !message.complete {
        match message.missing {
            0 => info.push_str(" not complete"),
            missing => append!(info, " {missing} bytes missing"),
        }
    }
    let has_more = message.is_truncated();
    match message.text() {
        _ if message.payload.is_empty() && has_more => {}
        _ if message.payload.is_empty() => info.push_str(" (empty)"),
        Some(text) => {
            info.push(' ');
            quote(text, has_more, columns, info);
        }
        None if message.text == Text::Invalid => {
            info.push(' ');
            quote_invalid(message.payload, has_more, columns, info);
        }
        None => {
            info.push(' ');
            quote_bytes(message.payload, has_more, columns, info);
        }
    }
    Cells {
        protocol: WEBSOCKET,
        length: Some(last.map_or(message.wire_length, |header| header.payload_len)),
        style: by_sender(from),
    }
}

/// ` "text"` where the payload is text, perhaps cut inside a character; else ` 68 65 78`.
fn text_or_bytes(payload: &[u8], columns: usize, info: &mut String) {
    info.push(' ');
    let valid = match str::from_utf8(payload) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&payload[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    match valid {
        Some(text) => quote(text, false, columns, info),
        None => quote_bytes(payload, false, columns, info),
    }
}

//! JSON Lines: one event a line. The field names are a contract.
//!
//! Every line has
//!
//! | field | value |
//! | --- | --- |
//! | `type` | `tcp`, `http`, `frame`, `message`, `anomaly`, `connection`; `packet` for one that is not TCP, with `--all` |
//! | `packet` | number of the packet that completed it, from 1 |
//! | `time` | that packet's time: RFC 3339, UTC, nanoseconds |
//! | `elapsed` | seconds since the capture's first packet |
//! | `connection` | number of the TCP connection, from 1, in order of first packet |
//! | `from` | `client` or `server`: who sent it |
//! | `source`, `destination` | address and port, `127.0.0.1:8080` or `[::1]:8080` |
//!
//! and, by type:
//!
//! | type | fields |
//! | --- | --- |
//! | `tcp` | `event`: `syn`, `syn-ack`, `established` (with `handshake_seconds`), `retransmission`, `out-of-order`, `duplicate-packet`, `gap`, `keep-alive`, `window-probe`, `zero-window`, `fin`, `rst`, `closed`, and with `--all` `data` and `ack`; `flags` (list of names), `seq`, `ack` (relative to the SYN, never wrapped), `length` (payload bytes); with a SYN `mss` |
//! | `http` | request: `method`, `target`, `version`, `headers` (list of name and value, order kept); response: `version`, `status`, `reason`, `headers`; on a 101 `upgrade`: `accept_valid`, `subprotocol`, `extensions` (list), `seconds` since the request; `truncated` (true) when the head was not captured whole |
//! | `frame` | `fin`, `rsv` (0–7, RSV1 = 4), `opcode` (`continuation`, `text`, `binary`, `close`, `ping`, `pong`, `reserved-N`), `masked`, `masking_key` (hexadecimal), `header_length`, `length`; `missing` (payload bytes that were not captured), `complete` (false) when the capture ended inside it; ping and pong: payload as `text` or `base64`; close: `close_code`, `close_name`, `close_reason` (and `base64` of it when it is no UTF-8); pong: `rtt_seconds` since the ping it answers |
//! | `message` | `opcode` (`text`, `binary`), `frames`, `length` (after inflation), `wire_length`, `compressed`, `complete`; payload as `text` (valid UTF-8, of a text message) or `base64`; `missing` (bytes on the wire) where some were not captured; `unknown`: a list of `offset` and `length`, in bytes of the payload, where it is not known, because it was not captured or repeats compressed data that was not: there `text` has `?` for each byte; `truncated_at`: the payload given ends after this many bytes although the message does not |
//! | `anomaly` | `rule` (stable name), `severity` (`error`, `warning`, `note`), `reference` (`RFC 6455 §5.1`), `detail` |
//! | `connection` | `client`, `server`, `start`, `duration_seconds`, `handshake_seconds`, `upgrade_seconds`, `url`, `subprotocol`, `extensions` (of an upgraded one); `from_client` and `from_server`, each with `frames`, `messages`, `bytes` (payload on the wire); `close` (`code`, `name`, `reason`, `initiator`, `clean`), `tcp_end` (`fin`, `rst`, `open`), `anomalies` (how many) |
//! | `packet` | `protocol`, `source`, `destination`, `length` (on the wire); no `connection` and no `from` |
//!
//! A field that does not apply is left out, never `null`. Lines come in packet order.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::addresses::Addresses;
use super::object::Object;
use super::text::is_harmful;
use super::timestamp::{Calendar, push_fraction, subsecond};
use super::{EventType, Printer, RowByRow};
use crate::anomaly::Anomaly;
use crate::event::{
    CloseReport, ConnectionReport, DirectionTotals, Event, EventKind, OtherPacket, Upgrade,
    UpgradeOutcome,
};
use crate::flow::{TcpEvent, TcpEventKind};
use crate::http::{Headers, RequestHead, ResponseHead};
use crate::time::{Moment, Timestamp};
use crate::ws::{Answer, Frame, Message, OpCode};

/// Prints one JSON object a line.
#[derive(Clone, Debug)]
pub struct Json {
    calendar: Calendar,
    addresses: Addresses,
    /// The time of the line.
    time: String,
}

impl Json {
    /// A printer with nothing to set.
    pub fn new() -> Self {
        Self {
            calendar: Calendar::rfc3339(),
            addresses: Addresses::default(),
            time: String::new(),
        }
    }

    /// Renders a time into `self.time`.
    fn set_time(&mut self, time: Timestamp) {
        self.time.clear();
        self.time.push_str(self.calendar.seconds(time));
        push_fraction(subsecond(time), 1_000_000_000, &mut self.time);
        self.time.push('Z');
    }
}

impl Default for Json {
    fn default() -> Self {
        Self::new()
    }
}

impl RowByRow for Json {}

impl Printer for Json {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> usize {
        let start = if let EventKind::Connection(report) = event.kind {
            self.set_time(report.start);
            Some(self.time.clone())
        } else {
            None
        };
        self.set_time(event.at.time);
        let (source, destination) = self.addresses.of(event);
        Object::write(out, |line| {
            line.word("type", EventType::of(&event.kind).name());
            moment(line, event.at, &self.time, event.elapsed);
            line.number("connection", event.connection.number);
            line.word("from", event.from.sender());
            line.word("source", source);
            line.word("destination", destination);
            match &event.kind {
                EventKind::Tcp(tcp) => tcp_fields(line, tcp),
                EventKind::Request(head) => request_fields(line, head),
                EventKind::Response { head, upgrade } => response_fields(line, head, *upgrade),
                EventKind::Frame { frame, answers } => frame_fields(line, frame, *answers),
                EventKind::Message { message } => message_fields(line, message),
                EventKind::Anomaly(anomaly) => anomaly_fields(line, anomaly),
                EventKind::Connection(report) => {
                    line.displayed("client", event.connection.client);
                    line.displayed("server", event.connection.server);
                    if let Some(start) = &start {
                        line.word("start", start);
                    }
                    connection_fields(line, report);
                }
            }
        });
        out.push(b'\n');
        0
    }

    fn other_packet(&mut self, packet: &OtherPacket, out: &mut Vec<u8>) {
        self.set_time(packet.at.time);
        Object::write(out, |line| {
            line.word("type", EventType::Packet.name());
            moment(line, packet.at, &self.time, packet.elapsed);
            line.text("protocol", &packet.other.kind.to_string());
            match (packet.other.addresses, packet.other.ports) {
                (Some((source, destination)), Some((from, to))) => {
                    line.displayed("source", SocketAddr::new(source, from));
                    line.displayed("destination", SocketAddr::new(destination, to));
                }
                (Some((source, destination)), None) => {
                    line.displayed("source", source);
                    line.displayed("destination", destination);
                }
                (None, _) => {}
            }
            line.number("length", packet.wire_len);
        });
        out.push(b'\n');
    }
}

/// A value as a line of JSON in which what a terminal might act upon is written as escapes.
pub fn json_line(value: &impl Serialize) -> String {
    let mut line = Vec::new();
    push_json(value, &mut line);
    line.push(b'\n');
    // The serializer writes UTF-8.
    String::from_utf8(line).unwrap_or_default()
}

/// Appends a value whose maps have strings for keys.
pub(super) fn push_json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    // Only other keys, or an output that is no vector, could fail.
    let written = write_json(value, out);
    debug_assert!(written.is_ok());
}

/// Writes a value: with [`Object::text`], the one place where text from the network becomes
/// JSON, but for baselines, which are laid out by themselves and share [`Harmless`].
pub(crate) fn write_json<W: Write + ?Sized>(
    value: &(impl Serialize + ?Sized),
    out: &mut W,
) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Harmless);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// Writes as JSON escapes what a terminal might act upon, too: the same text for whoever
/// reads JSON, and none of it raw for whoever only looks.
pub(crate) struct Harmless;

impl serde_json::ser::Formatter for Harmless {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        // The usual fragment: ASCII, of which JSON escapes the control characters itself.
        if fragment.bytes().all(|byte| byte < 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        let is_harmful = |c: char| c == '\x7f' || is_harmful(c);
        let mut rest = fragment;
        while let Some(at) = rest.find(is_harmful) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut chars = from.chars();
            if let Some(harmful) = chars.next() {
                for unit in harmful.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

fn moment(line: &mut Object<'_>, at: Moment, time: &str, elapsed: i64) {
    line.number("packet", at.packet);
    line.word("time", time);
    line.value("elapsed", &seconds(elapsed));
}

/// Nanoseconds in seconds.
pub(crate) fn seconds(nanos: i64) -> f64 {
    let seconds = Duration::from_nanos(nanos.unsigned_abs()).as_secs_f64();
    if nanos < 0 { -seconds } else { seconds }
}

fn tcp_fields(line: &mut Object<'_>, tcp: &TcpEvent) {
    line.word("event", tcp.kind.name());
    if tcp.kind != TcpEventKind::Gap {
        line.value("flags", &tcp.flags.names().collect::<Vec<_>>());
    }
    line.number("seq", tcp.seq);
    if let Some(ack) = tcp.ack {
        line.number("ack", ack);
    }
    line.number("length", tcp.length);
    match tcp.kind {
        TcpEventKind::Syn { mss: Some(mss) } | TcpEventKind::SynAck { mss: Some(mss) } => {
            line.number("mss", mss);
        }
        TcpEventKind::Established { handshake } => line.seconds("handshake_seconds", handshake),
        _ => {}
    }
}

/// What requests and responses have behind their first line.
fn header_fields(line: &mut Object<'_>, headers: &Headers, is_truncated: bool) {
    line.value("headers", &headers.0);
    if is_truncated {
        line.flag("truncated", true);
    }
}

fn request_fields(line: &mut Object<'_>, head: &RequestHead) {
    line.text("method", &head.line.method);
    line.text("target", &head.line.target);
    line.displayed("version", format_args!("HTTP/1.{}", head.minor_version));
    header_fields(line, &head.headers, head.truncated);
}

fn response_fields(line: &mut Object<'_>, head: &ResponseHead, upgrade: Option<Upgrade<'_>>) {
    line.displayed("version", format_args!("HTTP/1.{}", head.minor_version));
    line.number("status", head.line.status);
    line.text("reason", &head.line.reason);
    header_fields(line, &head.headers, head.truncated);
    if let Some(Upgrade::Accepted { agreement, after }) = upgrade {
        line.object("upgrade", |object| {
            if let Some(is_valid) = agreement.accept_valid {
                object.flag("accept_valid", is_valid);
            }
            if let Some(subprotocol) = &agreement.subprotocol {
                object.text("subprotocol", subprotocol);
            }
            object.value("extensions", &agreement.extensions);
            if let Some(after) = after {
                object.seconds("seconds", after);
            }
        });
    }
}

fn opcode_field(line: &mut Object<'_>, opcode: OpCode) {
    line.word(
        "opcode",
        match opcode {
            OpCode::Continuation => "continuation",
            OpCode::Text => "text",
            OpCode::Binary => "binary",
            OpCode::Close => "close",
            OpCode::Ping => "ping",
            OpCode::Pong => "pong",
            OpCode::Reserved(value) => {
                return line.displayed("opcode", format_args!("reserved-{value}"));
            }
        },
    );
}

fn frame_fields(line: &mut Object<'_>, frame: &Frame<'_>, answers: Answer) {
    let header = &frame.header;
    line.flag("fin", header.fin);
    line.number("rsv", header.rsv);
    opcode_field(line, header.opcode);
    line.flag("masked", header.masking_key.is_some());
    if let Some(key) = header.masking_key {
        line.hexadecimal("masking_key", key);
    }
    line.number("header_length", header.header_len());
    line.number("length", header.payload_len);
    if frame.missing > 0 {
        line.number("missing", frame.missing);
    }
    if frame.cut_short {
        line.flag("complete", false);
    }
    match header.opcode {
        OpCode::Ping | OpCode::Pong => {
            match std::str::from_utf8(frame.payload) {
                Ok(text) => line.text("text", text),
                Err(_) => line.base64("base64", frame.payload),
            }
            if let Answer::Ping(rtt) = answers {
                line.seconds("rtt_seconds", rtt);
            }
        }
        OpCode::Close => {
            if let Some((code, reason)) = frame.close() {
                line.number("close_code", code.0);
                line.word("close_name", code.name());
                line.text("close_reason", &String::from_utf8_lossy(reason));
                if std::str::from_utf8(reason).is_err() {
                    line.base64("base64", reason);
                }
            }
        }
        _ => {}
    }
}

fn message_fields(line: &mut Object<'_>, message: &Message<'_>) {
    opcode_field(line, message.opcode);
    line.number("frames", message.frames);
    line.number("length", message.length);
    line.number("wire_length", message.wire_length);
    line.flag("compressed", message.compressed);
    line.flag("complete", message.complete);
    let given = if let Some(text) = message.text() {
        line.text("text", text);
        text.len()
    } else {
        line.base64("base64", message.payload);
        message.payload.len()
    };
    if message.missing > 0 {
        line.number("missing", message.missing);
    }
    if !message.unknown.is_empty() {
        let ranges = message.unknown.iter();
        let ranges = ranges.filter(|range| range.start < given);
        line.objects("unknown", ranges, |range, object| {
            object.number("offset", range.start);
            object.number("length", range.len());
        });
    }
    if message.is_truncated() {
        line.number("truncated_at", given);
    }
}

fn anomaly_fields(line: &mut Object<'_>, anomaly: &Anomaly) {
    line.word("rule", anomaly.rule.name());
    line.word("severity", anomaly.rule.severity().name());
    line.text("reference", anomaly.rule.reference());
    line.text("detail", &anomaly.detail);
}

fn connection_fields(line: &mut Object<'_>, report: &ConnectionReport) {
    line.seconds("duration_seconds", report.duration);
    if let Some(handshake) = report.handshake {
        line.seconds("handshake_seconds", handshake);
    }
    if let Some(upgrade) = report.upgrade {
        line.seconds("upgrade_seconds", upgrade);
    }
    if let Some(url) = &report.url {
        line.text("url", url);
    }
    if let Some(subprotocol) = &report.subprotocol {
        line.text("subprotocol", subprotocol);
    }
    if report.outcome == UpgradeOutcome::Upgraded {
        line.value("extensions", &report.extensions);
    }
    let [client, server] = &report.totals;
    line.object("from_client", |object| totals_fields(object, client));
    line.object("from_server", |object| totals_fields(object, server));
    if let Some(close) = &report.close {
        line.object("close", |object| close_fields(object, close));
    }
    line.word("tcp_end", report.tcp_end.name());
    line.number("anomalies", report.anomalies);
}

fn totals_fields(object: &mut Object<'_>, totals: &DirectionTotals) {
    object.number("frames", totals.frames);
    object.number("messages", totals.messages);
    object.number("bytes", totals.bytes);
}

fn close_fields(object: &mut Object<'_>, close: &CloseReport) {
    if let Some(code) = close.code {
        object.number("code", code.0);
        object.word("name", code.name());
    }
    object.text("reason", &close.reason);
    object.word("initiator", close.initiator.sender());
    object.flag("clean", close.clean);
}

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

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::addresses::Addresses;
use super::quoted::push_quoted;
use super::text::is_harmful;
use super::timestamp::{Calendar, push_fraction, subsecond};
use super::{EventType, Printer, RowByRow};
use crate::anomaly::Anomaly;
use crate::event::{
    CloseReport, ConnectionReport, Event, EventKind, OtherPacket, Upgrade, UpgradeOutcome,
};
use crate::flow::{TcpEvent, TcpEventKind};
use crate::http::{Headers, RequestHead, ResponseHead};
use crate::time::{Moment, Timestamp};
use crate::ws::{Answer, CloseCode, Frame, Message, OpCode};

/// Prints one JSON object a line.
#[derive(Clone, Debug)]
pub struct Json {
    calendar: Calendar,
    addresses: Addresses,
}

impl Json {
    /// A printer with nothing to set.
    pub fn new() -> Self {
        Self {
            calendar: Calendar::rfc3339(),
            addresses: Addresses::default(),
        }
    }

    fn time(&mut self, time: Timestamp) -> String {
        let mut text = self.calendar.seconds(time).to_owned();
        push_fraction(subsecond(time), 1_000_000_000, &mut text);
        text.push('Z');
        text
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
        let start = match event.kind {
            EventKind::Connection(report) => Some(self.time(report.start)),
            _ => None,
        };
        let time = self.time(event.at.time);
        let line = EventLine {
            event,
            time: &time,
            start: start.as_deref(),
            ends: self.addresses.of(event),
        };
        match &event.kind {
            EventKind::Message { message } => write_message_line(&line, message, out),
            _ => write_line(&line, out),
        }
        0
    }

    fn other_packet(&mut self, packet: &OtherPacket, out: &mut Vec<u8>) {
        let time = self.time(packet.at.time);
        write_line(&PacketLine { packet, time }, out);
    }
}

/// A value as a line of JSON in which what a terminal might act upon is written as escapes.
pub fn json_line(value: &impl Serialize) -> String {
    let mut line = Vec::new();
    write_line(value, &mut line);
    // The serializer writes UTF-8.
    String::from_utf8(line).unwrap_or_default()
}

fn write_line(line: &impl Serialize, out: &mut Vec<u8>) {
    append(line, out);
    out.push(b'\n');
}

fn append(value: &impl Serialize, out: &mut Vec<u8>) {
    // Neither writing into a vector nor these maps with string keys can fail.
    let written = write_json(value, out);
    debug_assert!(written.is_ok());
}

/// Writes a message's line: its payload, which may be long, without the serializer.
fn write_message_line(line: &EventLine<'_>, message: &Message<'_>, out: &mut Vec<u8>) {
    append(line, out);
    // The payload goes into the object that ends here, and so does what follows it.
    out.pop();
    let given = if let Some(text) = message.text() {
        out.extend(b",\"text\":");
        push_quoted(text, out);
        text.len()
    } else {
        out.extend(b",\"base64\":\"");
        push_base64(message.payload, out);
        out.push(b'"');
        message.payload.len()
    };
    let before = out.len();
    append(&BehindPayload { message, given }, out);
    if out.len() == before + b"{}".len() {
        out.truncate(before);
    } else {
        out[before] = b',';
        out.pop();
    }
    out.extend(b"}\n");
}

fn push_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let before = out.len();
    let len = base64::encoded_len(bytes.len(), true).unwrap_or(0);
    out.resize(before + len, 0);
    // The room is as long as what is written.
    let written = BASE64.encode_slice(bytes, &mut out[before..]);
    debug_assert_eq!(written.ok(), Some(len));
}

/// Writes a value: with [`push_quoted`], the one place where text from the network becomes
/// JSON, but for baselines, which are laid out by themselves and share [`Harmless`].
pub(crate) fn write_json<W: Write + ?Sized>(value: &impl Serialize, out: &mut W) -> io::Result<()> {
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

struct EventLine<'a> {
    event: &'a Event<'a>,
    time: &'a str,
    /// Time of the connection's first packet.
    start: Option<&'a str>,
    /// Source and destination.
    ends: (&'a str, &'a str),
}

impl Serialize for EventLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.event;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", EventType::of(&event.kind).name())?;
        moment(&mut map, event.at, self.time, event.elapsed)?;
        map.serialize_entry("connection", &event.connection.number)?;
        map.serialize_entry("from", event.from.sender())?;
        let (source, destination) = self.ends;
        map.serialize_entry("source", source)?;
        map.serialize_entry("destination", destination)?;
        match &event.kind {
            EventKind::Tcp(tcp) => tcp_fields(&mut map, tcp)?,
            EventKind::Request(head) => request_fields(&mut map, head)?,
            EventKind::Response { head, upgrade } => response_fields(&mut map, head, *upgrade)?,
            EventKind::Frame { frame, answers } => frame_fields(&mut map, frame, *answers)?,
            EventKind::Message { message } => message_fields(&mut map, message)?,
            EventKind::Anomaly(anomaly) => anomaly_fields(&mut map, anomaly)?,
            EventKind::Connection(report) => {
                map.serialize_entry("client", &Text(event.connection.client))?;
                map.serialize_entry("server", &Text(event.connection.server))?;
                optional(&mut map, "start", self.start)?;
                connection_fields(&mut map, report)?;
            }
        }
        map.end()
    }
}

struct PacketLine<'a> {
    packet: &'a OtherPacket,
    time: String,
}

impl Serialize for PacketLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let packet = self.packet;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", EventType::Packet.name())?;
        moment(&mut map, packet.at, &self.time, packet.elapsed)?;
        map.serialize_entry("protocol", &packet.other.kind.to_string())?;
        if let Some((source, destination)) = packet.other.addresses {
            if let Some((from, to)) = packet.other.ports {
                map.serialize_entry("source", &Text(SocketAddr::new(source, from)))?;
                map.serialize_entry("destination", &Text(SocketAddr::new(destination, to)))?;
            } else {
                map.serialize_entry("source", &Text(source))?;
                map.serialize_entry("destination", &Text(destination))?;
            }
        }
        map.serialize_entry("length", &packet.wire_len)?;
        map.end()
    }
}

/// Something that is written as it is displayed.
struct Text<T>(T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A duration, in seconds.
struct Seconds(Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

fn moment<M: SerializeMap>(
    map: &mut M,
    at: Moment,
    time: &str,
    elapsed: i64,
) -> Result<(), M::Error> {
    map.serialize_entry("packet", &at.packet)?;
    map.serialize_entry("time", time)?;
    map.serialize_entry("elapsed", &seconds(elapsed))
}

/// Nanoseconds in seconds.
pub(crate) fn seconds(nanos: i64) -> f64 {
    let seconds = Duration::from_nanos(nanos.unsigned_abs()).as_secs_f64();
    if nanos < 0 { -seconds } else { seconds }
}

fn optional<M: SerializeMap>(
    map: &mut M,
    name: &str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(name, &value),
        None => Ok(()),
    }
}

fn tcp_fields<M: SerializeMap>(map: &mut M, tcp: &TcpEvent) -> Result<(), M::Error> {
    map.serialize_entry("event", tcp.kind.name())?;
    if tcp.kind != TcpEventKind::Gap {
        map.serialize_entry("flags", &tcp.flags.names().collect::<Vec<_>>())?;
    }
    map.serialize_entry("seq", &tcp.seq)?;
    optional(map, "ack", tcp.ack)?;
    map.serialize_entry("length", &tcp.length)?;
    match tcp.kind {
        TcpEventKind::Syn { mss } | TcpEventKind::SynAck { mss } => optional(map, "mss", mss),
        TcpEventKind::Established { handshake } => {
            map.serialize_entry("handshake_seconds", &Seconds(handshake))
        }
        _ => Ok(()),
    }
}

fn headers<M: SerializeMap>(map: &mut M, headers: &Headers) -> Result<(), M::Error> {
    map.serialize_entry("headers", &headers.0)
}

fn request_fields<M: SerializeMap>(map: &mut M, head: &RequestHead) -> Result<(), M::Error> {
    map.serialize_entry("method", &head.line.method)?;
    map.serialize_entry("target", &head.line.target)?;
    map.serialize_entry("version", &format!("HTTP/1.{}", head.minor_version))?;
    headers(map, &head.headers)?;
    optional(map, "truncated", head.truncated.then_some(true))
}

fn response_fields<M: SerializeMap>(
    map: &mut M,
    head: &ResponseHead,
    upgrade: Option<Upgrade<'_>>,
) -> Result<(), M::Error> {
    map.serialize_entry("version", &format!("HTTP/1.{}", head.minor_version))?;
    map.serialize_entry("status", &head.line.status)?;
    map.serialize_entry("reason", &head.line.reason)?;
    headers(map, &head.headers)?;
    optional(map, "truncated", head.truncated.then_some(true))?;
    match upgrade {
        Some(Upgrade::Accepted { .. }) => optional(map, "upgrade", upgrade.map(UpgradeObject)),
        Some(Upgrade::Refused { .. }) | None => Ok(()),
    }
}

struct UpgradeObject<'a>(Upgrade<'a>);

impl Serialize for UpgradeObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Upgrade::Accepted { agreement, after } = self.0 {
            optional(&mut map, "accept_valid", agreement.accept_valid)?;
            optional(&mut map, "subprotocol", agreement.subprotocol.as_ref())?;
            map.serialize_entry("extensions", &agreement.extensions)?;
            optional(&mut map, "seconds", after.map(Seconds))?;
        }
        map.end()
    }
}

fn opcode_name(opcode: OpCode) -> Cow<'static, str> {
    Cow::Borrowed(match opcode {
        OpCode::Continuation => "continuation",
        OpCode::Text => "text",
        OpCode::Binary => "binary",
        OpCode::Close => "close",
        OpCode::Ping => "ping",
        OpCode::Pong => "pong",
        OpCode::Reserved(value) => return Cow::Owned(format!("reserved-{value}")),
    })
}

fn frame_fields<M: SerializeMap>(
    map: &mut M,
    frame: &Frame<'_>,
    answers: Answer,
) -> Result<(), M::Error> {
    let header = &frame.header;
    map.serialize_entry("fin", &header.fin)?;
    map.serialize_entry("rsv", &header.rsv)?;
    map.serialize_entry("opcode", &opcode_name(header.opcode))?;
    map.serialize_entry("masked", &header.masking_key.is_some())?;
    let key = header.masking_key.map(u32::from_be_bytes);
    optional(map, "masking_key", key.map(|key| format!("{key:08x}")))?;
    map.serialize_entry("header_length", &header.header_len())?;
    map.serialize_entry("length", &header.payload_len)?;
    if frame.missing > 0 {
        map.serialize_entry("missing", &frame.missing)?;
    }
    optional(map, "complete", frame.cut_short.then_some(false))?;
    match header.opcode {
        OpCode::Ping | OpCode::Pong => {
            match std::str::from_utf8(frame.payload) {
                Ok(text) => map.serialize_entry("text", text)?,
                Err(_) => map.serialize_entry("base64", &BASE64.encode(frame.payload))?,
            }
            if let Answer::Ping(rtt) = answers {
                map.serialize_entry("rtt_seconds", &Seconds(rtt))?;
            }
        }
        OpCode::Close => {
            if let Some((code, reason)) = frame.close() {
                map.serialize_entry("close_code", &code.0)?;
                map.serialize_entry("close_name", code.name())?;
                map.serialize_entry("close_reason", &String::from_utf8_lossy(reason))?;
                if std::str::from_utf8(reason).is_err() {
                    map.serialize_entry("base64", &BASE64.encode(reason))?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn message_fields<M: SerializeMap>(map: &mut M, message: &Message<'_>) -> Result<(), M::Error> {
    map.serialize_entry("opcode", &opcode_name(message.opcode))?;
    map.serialize_entry("frames", &message.frames)?;
    map.serialize_entry("length", &message.length)?;
    map.serialize_entry("wire_length", &message.wire_length)?;
    map.serialize_entry("compressed", &message.compressed)?;
    map.serialize_entry("complete", &message.complete)
}

/// What stands behind the payload of a message.
struct BehindPayload<'a> {
    message: &'a Message<'a>,
    /// Bytes of the payload that stand before it.
    given: usize,
}

impl Serialize for BehindPayload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { message, given } = *self;
        let mut map = serializer.serialize_map(None)?;
        if message.missing > 0 {
            map.serialize_entry("missing", &message.missing)?;
        }
        if !message.unknown.is_empty() {
            let ranges = message.unknown.iter();
            let ranges = ranges.filter(|range| range.start < given);
            map.serialize_entry(
                "unknown",
                &ranges.map(UnknownRange::from).collect::<Vec<_>>(),
            )?;
        }
        let truncated = message.is_truncated().then_some(given);
        optional(&mut map, "truncated_at", truncated)?;
        map.end()
    }
}

/// Where a payload is not known.
#[derive(Serialize)]
struct UnknownRange {
    offset: usize,
    length: usize,
}

impl From<&Range<usize>> for UnknownRange {
    fn from(range: &Range<usize>) -> Self {
        Self {
            offset: range.start,
            length: range.len(),
        }
    }
}

fn anomaly_fields<M: SerializeMap>(map: &mut M, anomaly: &Anomaly) -> Result<(), M::Error> {
    map.serialize_entry("rule", anomaly.rule.name())?;
    map.serialize_entry("severity", anomaly.rule.severity().name())?;
    map.serialize_entry("reference", anomaly.rule.reference())?;
    map.serialize_entry("detail", &anomaly.detail)
}

fn connection_fields<M: SerializeMap>(
    map: &mut M,
    report: &ConnectionReport,
) -> Result<(), M::Error> {
    map.serialize_entry("duration_seconds", &Seconds(report.duration))?;
    optional(map, "handshake_seconds", report.handshake.map(Seconds))?;
    optional(map, "upgrade_seconds", report.upgrade.map(Seconds))?;
    optional(map, "url", report.url.as_ref())?;
    optional(map, "subprotocol", report.subprotocol.as_ref())?;
    if report.outcome == UpgradeOutcome::Upgraded {
        map.serialize_entry("extensions", &report.extensions)?;
    }
    for (name, totals) in ["from_client", "from_server"]
        .into_iter()
        .zip(report.totals)
    {
        let object = Totals {
            frames: totals.frames,
            messages: totals.messages,
            bytes: totals.bytes,
        };
        map.serialize_entry(name, &object)?;
    }
    optional(map, "close", report.close.as_ref().map(CloseObject))?;
    map.serialize_entry("tcp_end", report.tcp_end.name())?;
    map.serialize_entry("anomalies", &report.anomalies)
}

#[derive(serde::Serialize)]
struct Totals {
    frames: u64,
    messages: u64,
    bytes: u64,
}

struct CloseObject<'a>(&'a CloseReport);

impl Serialize for CloseObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let close = self.0;
        let mut map = serializer.serialize_map(None)?;
        optional(&mut map, "code", close.code.map(|code| code.0))?;
        optional(&mut map, "name", close.code.map(CloseCode::name))?;
        map.serialize_entry("reason", &close.reason)?;
        map.serialize_entry("initiator", close.initiator.sender())?;
        map.serialize_entry("clean", &close.clean)?;
        map.end()
    }
}

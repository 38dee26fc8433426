//! HTTP Archive 1.2, with WebSocket messages as browsers write them.
//!
//! HAR knows nothing of WebSocket. Chrome adds `_resourceType` and `_webSocketMessages` to
//! the entry of the upgrade request, and other tools read them: so does this. Its own
//! additions begin with an underscore too, as HAR wants it: `_webSocketClose`, and in a
//! message `_complete`, false where less than all of its payload is known.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::View;
use super::timestamp::{Calendar, subsecond};
use crate::Summary;
use crate::event::{CloseReport, ConnectionReport, Event, EventKind, EventSink, UpgradeOutcome};
use crate::flow::Direction;
use crate::http::{Headers, RequestHead, ResponseHead};
use crate::time::Timestamp;
use crate::ws::{Message, OpCode, Text};

/// Writes an archive: an entry a WebSocket connection, when it is over.
#[derive(Debug)]
pub struct Har {
    calendar: Calendar,
    open: HashMap<u64, Entry>,
    /// Bytes of the messages in `open`.
    held: usize,
    /// Messages whose payload was left out, see [`Har::MAX_HELD`].
    left_out: u64,
    /// Entries that wait to be written.
    ready: Vec<u8>,
    begun: bool,
    entries: u64,
}

/// A connection that is open.
#[derive(Debug, Default)]
struct Entry {
    request: Option<Value>,
    response: Option<Value>,
    /// JSON objects, separated by commas.
    messages: Vec<u8>,
}

impl Har {
    /// Bytes of messages that are kept of connections that are not over: 512 MiB. Beyond it
    /// messages have no payload, and the archive says so.
    pub const MAX_HELD: usize = 512 << 20;

    /// An archive without entries.
    pub fn new() -> Self {
        Self {
            calendar: Calendar::rfc3339(),
            open: HashMap::new(),
            held: 0,
            left_out: 0,
            ready: Vec::new(),
            begun: false,
            entries: 0,
        }
    }

    fn time(&mut self, time: Timestamp) -> String {
        let micros = subsecond(time) / 1_000;
        format!("{}.{micros:06}Z", self.calendar.seconds(time))
    }

    fn message(&mut self, event: &Event<'_>, message: &Message<'_>) {
        let entry = self.open.entry(event.connection.number).or_default();
        let mut object = Map::new();
        let kind = match event.from {
            Direction::ClientToServer => "send",
            Direction::ServerToClient => "receive",
        };
        object.insert("type".to_owned(), kind.into());
        object.insert("time".to_owned(), epoch_seconds(event.at.time).into());
        object.insert("opcode".to_owned(), u8::from(message.opcode).into());
        let has_room = self.held < Self::MAX_HELD;
        self.left_out += u64::from(!has_room);
        let data = match message.text() {
            _ if !has_room => String::new(),
            Some(text) if message.opcode == OpCode::Text => text.to_owned(),
            // As text that cannot be text, bytes are base64.
            _ => BASE64.encode(message.payload),
        };
        object.insert("data".to_owned(), data.into());
        if message.opcode == OpCode::Text && message.text != Text::Valid {
            object.insert("_encoding".to_owned(), "base64".into());
        }
        if message.is_truncated() || !has_room {
            object.insert("_complete".to_owned(), false.into());
            object.insert("_length".to_owned(), message.length.into());
        }
        let before = entry.messages.len();
        if before > 0 {
            entry.messages.push(b',');
        }
        append(&Value::Object(object), &mut entry.messages);
        self.held += entry.messages.len() - before;
    }

    fn close(&mut self, event: &Event<'_>, report: &ConnectionReport) {
        let entry = self.open.remove(&event.connection.number);
        let entry = entry.unwrap_or_default();
        self.held -= entry.messages.len();
        if report.outcome == UpgradeOutcome::NotAsked {
            return;
        }
        if self.entries > 0 {
            self.ready.push(b',');
        }
        self.entries += 1;
        let request = entry.request.unwrap_or_else(|| unseen_request(report));
        let response = entry.response.unwrap_or_else(|| unseen_response(report));
        let mut object = json!({
            "startedDateTime": self.time(report.start),
            "time": milliseconds(report.duration),
            "request": request,
            "response": response,
            "cache": {},
            "timings": timings(report),
            "serverIPAddress": event.connection.server.ip().to_string(),
            "connection": event.connection.number.to_string(),
            "_resourceType": "websocket",
        });
        if let Some(close) = &report.close {
            object["_webSocketClose"] = closed(close);
        }
        // The messages are JSON already: they go before the closing brace.
        self.ready.push(b'\n');
        append(&object, &mut self.ready);
        self.ready.pop();
        self.ready.extend_from_slice(b",\"_webSocketMessages\":[");
        self.ready.extend_from_slice(&entry.messages);
        self.ready.extend_from_slice(b"]}");
    }
}

impl Default for Har {
    fn default() -> Self {
        Self::new()
    }
}

impl EventSink for Har {
    fn event(&mut self, event: &Event<'_>) {
        match &event.kind {
            EventKind::Request(head) => {
                let entry = self.open.entry(event.connection.number).or_default();
                let authority = event.connection.server.to_string();
                entry.request = Some(request(head, &authority));
            }
            EventKind::Response { head, .. } => {
                let entry = self.open.entry(event.connection.number).or_default();
                entry.response = Some(response(head));
            }
            EventKind::Message { message, .. } => self.message(event, message),
            EventKind::Connection(report) => self.close(event, report),
            _ => {}
        }
    }
}

impl View for Har {
    fn release(&mut self, _before: u64, out: &mut dyn Write) -> io::Result<bool> {
        if self.ready.is_empty() && self.begun {
            return Ok(false);
        }
        if !std::mem::replace(&mut self.begun, true) {
            write!(
                out,
                "{{\"log\":{{\"version\":\"1.2\",\"creator\":{{\"name\":\"wsdump\",\
                 \"version\":\"{}\"}},\"pages\":[],\"entries\":[",
                env!("CARGO_PKG_VERSION")
            )?;
        }
        out.write_all(&self.ready)?;
        self.ready.clear();
        Ok(true)
    }

    fn forget(&mut self, connection: u64) {
        if let Some(entry) = self.open.remove(&connection) {
            self.held -= entry.messages.len();
        }
    }

    fn finish(&mut self, _summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        self.release(u64::MAX, out)?;
        write!(out, "\n]")?;
        if self.left_out > 0 {
            write!(
                out,
                ",\"comment\":\"{} messages are without their payload: more than {} MiB were open\"",
                self.left_out,
                Self::MAX_HELD >> 20
            )?;
        }
        writeln!(out, "}}}}")
    }
}

fn append(value: &Value, out: &mut Vec<u8>) {
    // Into a vector, and of values without keys that are no strings: it does not fail.
    let _ = serde_json::to_writer(out, value);
}

fn request(head: &RequestHead, server: &str) -> Value {
    let (authority, path) = head.authority_and_path();
    let authority = authority.unwrap_or(server);
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let query: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({
        "method": head.line.method,
        "url": format!("ws://{authority}{path}"),
        "httpVersion": format!("HTTP/1.{}", head.minor_version),
        "cookies": cookies(&head.headers, "Cookie"),
        "headers": headers(&head.headers),
        "queryString": query,
        "headersSize": head.wire_len,
        "bodySize": 0,
    })
}

fn response(head: &ResponseHead) -> Value {
    json!({
        "status": head.line.status,
        "statusText": head.line.reason,
        "httpVersion": format!("HTTP/1.{}", head.minor_version),
        "cookies": cookies(&head.headers, "Set-Cookie"),
        "headers": headers(&head.headers),
        "content": {"size": 0, "mimeType": head.headers.first("Content-Type").unwrap_or("x-unknown")},
        "redirectURL": head.headers.first("Location").unwrap_or(""),
        "headersSize": head.wire_len,
        "bodySize": -1,
    })
}

/// For a request that was not captured.
fn unseen_request(report: &ConnectionReport) -> Value {
    json!({
        "method": "GET",
        "url": report.url.as_deref().unwrap_or(""),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "queryString": [],
        "headersSize": -1,
        "bodySize": -1,
        "comment": "not captured",
    })
}

/// For a response that was not captured: 101 where frames show that it was.
fn unseen_response(report: &ConnectionReport) -> Value {
    let status = match report.outcome {
        UpgradeOutcome::Upgraded => 101,
        UpgradeOutcome::Refused(status) => status,
        // What browsers write for no response.
        UpgradeOutcome::Unanswered | UpgradeOutcome::NotAsked => 0,
    };
    json!({
        "status": status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "content": {"size": 0, "mimeType": "x-unknown"},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
        "comment": "not captured",
    })
}

fn headers(headers: &Headers) -> Value {
    let pairs = headers.0.iter();
    pairs
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

/// Names and values of the cookies in these fields (RFC 6265 §4.1, §4.2).
fn cookies(headers: &Headers, field: &str) -> Value {
    // Of Set-Cookie, what comes after the first pair are attributes.
    let per_field = if field == "Cookie" { usize::MAX } else { 1 };
    let pairs = headers
        .all(field)
        .flat_map(|value| value.split(';').take(per_field));
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| json!({"name": name.trim(), "value": value.trim()}))
        .collect()
}

/// They add up to the time of the connection.
fn timings(report: &ConnectionReport) -> Value {
    let connect = report.handshake.unwrap_or_default();
    let wait = report.upgrade.unwrap_or_default();
    let rest = report.duration.saturating_sub(connect + wait);
    json!({
        "blocked": -1,
        "dns": -1,
        "connect": report.handshake.map_or(json!(-1), |handshake| milliseconds(handshake).into()),
        "ssl": -1,
        "send": 0,
        "wait": milliseconds(wait),
        "receive": milliseconds(rest),
    })
}

fn closed(close: &CloseReport) -> Value {
    json!({
        "code": close.code.map(|code| code.0),
        "reason": close.reason,
        "initiator": match close.initiator {
            Direction::ClientToServer => "client",
            Direction::ServerToClient => "server",
        },
        "wasClean": close.clean,
    })
}

/// Exact to a microsecond.
fn milliseconds(duration: Duration) -> f64 {
    let micros = u32::try_from(duration.as_micros()).map(f64::from);
    micros.unwrap_or(duration.as_secs_f64() * 1e6) / 1e3
}

/// Seconds since the epoch, as browsers write times of messages: exact to a microsecond.
fn epoch_seconds(time: Timestamp) -> f64 {
    Duration::from_micros(time.0 / 1_000).as_secs_f64()
}

//! HTTP Archive 1.2, with WebSocket messages as browsers write them.
//!
//! HAR knows nothing of WebSocket. Chrome adds `_resourceType` and `_webSocketMessages` to
//! the entry of the upgrade request, and other tools read them: so does this. Its own
//! additions begin with an underscore too, as HAR wants it: `_webSocketClose`, and in a
//! message `_complete`, false where less than all of its payload is known.
//!
//! What browsers need to import an archive decides where HAR leaves a choice:
//!
//! - Chrome takes times of messages for seconds since the epoch and leaves out a message
//!   that lacks `type`, `time`, `opcode` or `data`. It writes the payload as text for opcode
//!   1 and as base64 for all others, and no control frames.
//! - Firefox reads `log.pages`, which HAR does not require, and parses each `request.url`:
//!   one that is not absolute ends the import. Where no request was captured, the URL is
//!   therefore that of the server.
//! - Firefox takes `connection` for the server's port, and Chrome writes the port there and
//!   a number of the connection in `_connectionId`: so both are here.
//! - Both add up `timings`, of which each is therefore a part of `time`.
//! - In `queryString`, names and values are decoded, as Playwright has them. Chrome leaves
//!   them encoded, but reads them from the URL when it imports.
//!
//! `tests/har.rs` checks every archive against a schema of HAR 1.2. `tests/live/chromium.rs`
//! compares one with what Chromium records of the same conversation, and has its developer
//! tools import it. What is said of Firefox comes from the source of its importer, which
//! takes entries without their messages.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::View;
use super::json::push_json;
use super::timestamp::{Calendar, subsecond};
use crate::Summary;
use crate::event::{
    CloseReport, ConnectionReport, Event, EventKind, EventSink, Peers, UpgradeOutcome,
};
use crate::flow::{Direction, TcpEventKind};
use crate::http::{Head, Headers, RequestHead, ResponseHead};
use crate::time::Timestamp;
use crate::ws::handshake::{has_key, is_upgrade_request};
use crate::ws::{self, Message, OpCode};

/// Writes an archive: an entry for each WebSocket connection, when it is over, and before it
/// one for each earlier upgrade request on it that was refused.
#[derive(Debug)]
pub struct Har {
    calendar: Calendar,
    open: HashMap<u64, Entry>,
    /// Bytes of what is in `open`.
    held: usize,
    max_held: usize,
    /// Messages and heads that were left out, see [`Har::MAX_HELD`].
    left_out: u64,
    /// Entries that wait to be written.
    ready: Vec<u8>,
    begun: bool,
    entries: u64,
}

/// A connection that is open.
#[derive(Debug, Default)]
struct Entry {
    /// Time of the first event.
    start: Option<Timestamp>,
    handshake: Option<Duration>,
    /// The newest request, until one asks for an upgrade: then that.
    asked: Option<Asked>,
    /// Response to the upgrade request.
    answer: Option<(Timestamp, Text)>,
    /// JSON objects, separated by commas.
    messages: Vec<u8>,
}

/// A head as JSON: as a value it would take many times as much. Empty if it was left out.
type Text = Vec<u8>;

impl Entry {
    /// Bytes that it holds.
    fn held(&self) -> usize {
        let request = self.asked.as_ref().map_or(0, |asked| asked.request.len());
        let response = self
            .answer
            .as_ref()
            .map_or(0, |(_, response)| response.len());
        self.messages.len() + request + response
    }
}

/// A request.
#[derive(Debug)]
struct Asked {
    at: Timestamp,
    /// Whether it asks for WebSocket, or may do so where its head was cut.
    upgrade: bool,
    /// It is the first on its connection, and opening that is part of its time.
    first: bool,
    request: Text,
}

/// When what belongs to an entry happened.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// Of the connection or, where this is not its first request, of the request.
    start: Timestamp,
    total: Duration,
    handshake: Option<Duration>,
    /// Since `start`.
    asked: Option<Duration>,
    /// Since it was asked; `None` where no response was seen.
    waited: Option<Duration>,
    /// Whether there was a response, seen or not.
    answered: bool,
}

impl Har {
    /// Bytes of messages and heads that are kept of connections that are not over: 512 MiB.
    /// What is beyond it is left out, and the archive says so.
    pub const MAX_HELD: usize = 512 << 20;

    /// An archive without entries.
    pub fn new() -> Self {
        Self {
            calendar: Calendar::rfc3339(),
            open: HashMap::new(),
            held: 0,
            max_held: Self::MAX_HELD,
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

    /// Whether there is room for more; counts what is left out if not.
    fn has_room(&mut self) -> bool {
        let has_room = self.held < self.max_held;
        self.left_out += u64::from(!has_room);
        has_room
    }

    /// A head, to be kept.
    fn kept(&mut self, head: impl FnOnce() -> Value) -> Text {
        let mut text = Vec::new();
        if self.has_room() {
            push_json(&head(), &mut text);
            self.held += text.len();
        }
        text
    }

    fn message(&mut self, event: &Event<'_>, message: &Message<'_>) {
        if !self.has_room() {
            return;
        }
        let entry = self.open.entry(event.connection.number).or_default();
        let mut object = Map::new();
        let kind = match event.from {
            Direction::ClientToServer => "send",
            Direction::ServerToClient => "receive",
        };
        object.insert("type".to_owned(), kind.into());
        object.insert("time".to_owned(), epoch_seconds(event.at.time).into());
        object.insert("opcode".to_owned(), u8::from(message.opcode).into());
        let data = match message.text() {
            Some(text) if message.opcode == OpCode::Text => text.to_owned(),
            // As text that cannot be text, bytes are base64.
            _ => BASE64.encode(message.payload),
        };
        object.insert("data".to_owned(), data.into());
        if message.opcode == OpCode::Text && message.text != ws::Text::Valid {
            object.insert("_encoding".to_owned(), "base64".into());
        }
        if !message.is_whole() {
            object.insert("_complete".to_owned(), false.into());
            object.insert("_length".to_owned(), message.length.into());
        }
        let before = entry.messages.len();
        if before > 0 {
            entry.messages.push(b',');
        }
        push_json(&Value::Object(object), &mut entry.messages);
        self.held += entry.messages.len() - before;
    }

    fn request(&mut self, event: &Event<'_>, head: &RequestHead) {
        let entry = self.open.entry(event.connection.number).or_default();
        let upgrade = is_upgrade_request(head) || has_key(head) || head.truncated;
        if entry.asked.as_ref().is_some_and(|asked| asked.upgrade) {
            if !upgrade {
                return;
            }
            self.refused(event);
        }
        let request = self.kept(|| request(head, event.connection.server));
        let entry = self.open.entry(event.connection.number).or_default();
        let first = entry.asked.is_none();
        let before = entry.asked.replace(Asked {
            at: event.at.time,
            upgrade,
            first,
            request,
        });
        self.held -= before.map_or(0, |before| before.request.len());
    }

    fn response(&mut self, event: &Event<'_>, head: &ResponseHead) {
        let response = self.kept(|| response(head));
        let entry = self.open.entry(event.connection.number).or_default();
        let before = entry.answer.replace((event.at.time, response));
        self.held -= before.map_or(0, |(_, before)| before.len());
    }

    /// Ends an upgrade request that another one follows.
    fn refused(&mut self, event: &Event<'_>) {
        let Some(entry) = self.open.get_mut(&event.connection.number) else {
            return;
        };
        let (Some(asked), Some((answered, response))) = (&mut entry.asked, entry.answer.take())
        else {
            return;
        };
        let start = entry.start.filter(|_| asked.first).unwrap_or(asked.at);
        let times = Times {
            start,
            total: answered.saturating_since(start),
            handshake: entry.handshake.filter(|_| asked.first),
            asked: Some(asked.at.saturating_since(start)),
            waited: Some(answered.saturating_since(asked.at)),
            answered: true,
        };
        let request = std::mem::take(&mut asked.request);
        self.held -= request.len() + response.len();
        let request = restored(&request, || unseen_request(event.connection.server));
        let response = restored(&response, || answered_by(UpgradeOutcome::Refused(0)));
        self.write(event.connection, times, &request, &response, None, &[]);
    }

    fn close(&mut self, event: &Event<'_>, report: &ConnectionReport) {
        let entry = self.open.remove(&event.connection.number);
        let mut entry = entry.unwrap_or_default();
        self.held -= entry.held();
        if report.outcome == UpgradeOutcome::NotAsked {
            return;
        }
        // Another one is only here where the upgrade request was not captured.
        let asked = entry.asked.take().filter(|asked| asked.upgrade);
        let first = asked.as_ref().is_none_or(|asked| asked.first);
        let asked_at = asked.as_ref().map(|asked| asked.at);
        let start = asked_at.filter(|_| !first).unwrap_or(report.start);
        let answered_at = entry.answer.as_ref().map(|(at, _)| *at);
        let times = Times {
            start,
            total: report
                .duration
                .saturating_sub(start.saturating_since(report.start)),
            handshake: report.handshake.filter(|_| first),
            asked: asked_at.map(|at| at.saturating_since(start)),
            waited: asked_at
                .zip(answered_at)
                .map(|(asked, answered)| answered.saturating_since(asked)),
            answered: report.outcome != UpgradeOutcome::Unanswered,
        };
        let request = asked.map_or_else(
            || unseen_request(event.connection.server),
            |asked| restored(&asked.request, || unseen_request(event.connection.server)),
        );
        let response = entry.answer.map_or_else(
            || answered_by(report.outcome),
            |(_, response)| restored(&response, || answered_by(report.outcome)),
        );
        let close = report.close.as_ref();
        self.write(
            event.connection,
            times,
            &request,
            &response,
            close,
            &entry.messages,
        );
    }

    fn write(
        &mut self,
        connection: Peers,
        times: Times,
        request: &Value,
        response: &Value,
        close: Option<&CloseReport>,
        messages: &[u8],
    ) {
        if self.entries > 0 {
            self.ready.push(b',');
        }
        self.entries += 1;
        let mut object = json!({
            "startedDateTime": self.time(times.start),
            "time": milliseconds(micros(times.total)),
            "request": request,
            "response": response,
            "cache": {},
            "timings": timings(&times),
            "serverIPAddress": connection.server.ip().to_string(),
            "connection": connection.server.port().to_string(),
            "_connectionId": connection.number.to_string(),
            "_resourceType": "websocket",
        });
        if let Some(close) = close {
            object["_webSocketClose"] = closed(close);
        }
        // The messages are JSON already: they go before the closing brace.
        self.ready.push(b'\n');
        push_json(&object, &mut self.ready);
        self.ready.pop();
        self.ready.extend_from_slice(b",\"_webSocketMessages\":[");
        self.ready.extend_from_slice(messages);
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
        let entry = self.open.entry(event.connection.number).or_default();
        entry.start.get_or_insert(event.at.time);
        match &event.kind {
            EventKind::Tcp(tcp) => {
                if let TcpEventKind::Established { handshake } = tcp.kind {
                    entry.handshake = Some(handshake);
                }
            }
            EventKind::Request(head) => self.request(event, head),
            EventKind::Response {
                head,
                upgrade: Some(_),
            } => self.response(event, head),
            EventKind::Message { message } => self.message(event, message),
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
            self.held -= entry.held();
        }
    }

    fn finish(&mut self, _summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        self.release(u64::MAX, out)?;
        write!(out, "\n]")?;
        if self.left_out > 0 {
            write!(
                out,
                ",\"comment\":\"{} messages and heads are left out: more than {} MiB were open\"",
                self.left_out,
                self.max_held >> 20
            )?;
        }
        writeln!(out, "}}}}")
    }
}

/// A head that was kept, or what stands for it if it was left out.
fn restored(text: &[u8], missing: impl FnOnce() -> Value) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|_| {
        let mut value = missing();
        value["comment"] = "left out".into();
        value
    })
}

fn request(head: &RequestHead, server: SocketAddr) -> Value {
    let (authority, path) = head.authority_and_path();
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let query: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({
        "method": head.line.method,
        "url": url(authority, path, server),
        "httpVersion": format!("HTTP/1.{}", head.minor_version),
        "cookies": cookies(&head.headers, "Cookie"),
        "headers": headers(&head.headers),
        "queryString": query,
        "headersSize": headers_size(head),
        "bodySize": 0,
    })
}

/// Where an upgrade request goes, as a URL that can be parsed whatever was sent.
fn url(authority: Option<&str>, path: &str, server: SocketAddr) -> String {
    // No characters of a URI (RFC 3986 §2), and what would begin a fragment, which HAR does
    // not want.
    const NOWHERE: AsciiSet = CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'<')
        .add(b'>')
        .add(b'\\')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}');
    // What would end the authority before its time.
    const NOT_IN_AUTHORITY: AsciiSet = NOWHERE.add(b'/').add(b'?');
    // These are for addresses of IPv6 only. Browsers leave them in a query all the same.
    const NOT_IN_PATH: AsciiSet = NOWHERE.add(b'[').add(b']');
    let authority = match authority {
        Some(authority) if !authority.is_empty() => {
            utf8_percent_encode(authority, &NOT_IN_AUTHORITY).to_string()
        }
        _ => server.to_string(),
    };
    let path = utf8_percent_encode(path, &NOT_IN_PATH);
    let slash = if path.to_string().starts_with('/') {
        ""
    } else {
        "/"
    };
    format!("ws://{authority}{slash}{path}")
}

/// Length of a head, or what HAR has for one that is not known.
fn headers_size<L>(head: &Head<L>) -> i64 {
    let known = i64::try_from(head.wire_len).ok();
    known.filter(|_| !head.truncated).unwrap_or(-1)
}

fn response(head: &ResponseHead) -> Value {
    let mime_type = head.headers.first("Content-Type");
    let mime_type = mime_type.filter(|mime_type| !mime_type.is_empty());
    json!({
        "status": head.line.status,
        "statusText": head.line.reason,
        "httpVersion": format!("HTTP/1.{}", head.minor_version),
        "cookies": cookies(&head.headers, "Set-Cookie"),
        "headers": headers(&head.headers),
        "content": {"size": 0, "mimeType": mime_type.unwrap_or("x-unknown")},
        "redirectURL": head.headers.first("Location").unwrap_or(""),
        "headersSize": headers_size(head),
        "bodySize": -1,
    })
}

/// For a request that was not captured.
fn unseen_request(server: SocketAddr) -> Value {
    json!({
        "method": "GET",
        "url": url(None, "/", server),
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
fn answered_by(outcome: UpgradeOutcome) -> Value {
    let status = match outcome {
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

/// They add up to the time of the entry.
fn timings(times: &Times) -> Value {
    let mut left = micros(times.total);
    // A clock that went back makes a part longer than the whole.
    let mut take = |part: Option<Duration>| {
        let part = part.map_or(0, micros).min(left);
        left -= part;
        part
    };
    let connect = take(times.handshake);
    let send = take(
        times
            .asked
            .map(|asked| asked.saturating_sub(times.handshake.unwrap_or_default())),
    );
    let wait = take(if times.answered {
        times.waited
    } else {
        Some(Duration::MAX)
    });
    json!({
        "blocked": -1,
        "dns": -1,
        "connect": times.handshake.map_or(json!(-1), |_| milliseconds(connect).into()),
        "ssl": -1,
        "send": milliseconds(send),
        "wait": milliseconds(wait),
        "receive": milliseconds(left),
    })
}

fn closed(close: &CloseReport) -> Value {
    json!({
        "code": close.code.map(|code| code.0),
        "reason": close.reason,
        "initiator": close.initiator.sender(),
        "wasClean": close.clean,
    })
}

/// Whole microseconds: unlike fractions of milliseconds, they add up.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(micros: u64) -> f64 {
    let exact = u32::try_from(micros).map(f64::from);
    exact.unwrap_or(Duration::from_micros(micros).as_secs_f64() * 1e6) / 1e3
}

/// Seconds since the epoch, as browsers write times of messages: exact to a microsecond.
fn epoch_seconds(time: Timestamp) -> f64 {
    Duration::from_micros(time.0 / 1_000).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Analyzer, Config, capture};

    #[test]
    fn what_is_beyond_the_limit_is_left_out_and_counted() -> Result<(), Box<dyn std::error::Error>>
    {
        for (max_held, is_whole) in [(0, false), (100, false), (Har::MAX_HELD, true)] {
            let mut har = Har {
                max_held,
                ..Har::new()
            };
            let mut source = capture::open("testdata/http_refused_then_accepted.pcap".as_ref())?;
            let mut analyzer = Analyzer::new(Config::default());
            while let Some(packet) = source.next_packet()? {
                analyzer.push(&packet, &mut har);
                let held: usize = har.open.values().map(Entry::held).sum();
                assert_eq!(har.held, held);
            }
            analyzer.finish(&mut har);
            assert_eq!(har.held, 0);
            let mut out = Vec::new();
            har.finish(&analyzer.summary(), &mut out)?;
            let archive: Value = serde_json::from_slice(&out)?;
            let log = &archive["log"];
            let entries = log["entries"].as_array().map_or(0, Vec::len);
            assert_eq!(entries, 2, "{max_held}");
            assert_eq!(log.get("comment").is_none(), is_whole, "{log}");
            let messages = log["entries"][1]["_webSocketMessages"].as_array();
            let expected = if is_whole { 2 } else { 0 };
            assert_eq!(messages.map(Vec::len), Some(expected), "{log}");
            let left_out = log["entries"][0]["request"]["comment"] == "left out";
            assert_eq!(left_out, max_held == 0, "{log}");
        }
        Ok(())
    }
}

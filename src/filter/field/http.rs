//! Fields of HTTP heads.

use super::{Field, Subject, field_table};
use crate::event::Upgrade;
use crate::filter::value::FieldType::{Boolean, Protocol, Seconds, Text, Unsigned};
use crate::http::{Headers, RequestHead};

pub(super) static FIELDS: &[Field] = field_table! {
    "http" Protocol, "A request or response; contains and matches look into its head",
        |s, emit| if let Some(head) = head(s) { emit.bytes([head.as_bytes()]) };
    "http.request" Boolean, "True for a request; not there for anything else",
        |s, emit| emit.numbers(s.request().map(|_| true));
    "http.request.method" Text, "Method of a request",
        |s, emit| emit.texts(s.request().map(|head| head.line.method.as_str()));
    "http.request.uri" Text, "Target of a request, as sent",
        |s, emit| emit.texts(s.request().map(|head| head.line.target.as_str()));
    "http.request.uri.path" Text, "Its part before the first ?",
        |s, emit| emit.texts(s.request().map(|head| path_and_query(head).0));
    "http.request.uri.query" Text, "Its part behind the first ?",
        |s, emit| emit.texts(s.request().and_then(|head| path_and_query(head).1));
    "http.request.full_uri" Text, "Address that a request is for, http://…",
        |s, emit| if let Some(head) = s.request() { emit.texts([full_uri(head).as_str()]) };
    "http.request.version" Text, "HTTP/1.1 or HTTP/1.0, of a request",
        |s, emit| emit.texts(s.request().map(|head| version(head.minor_version)));
    "http.request.line" Text, "Each header field of a request: name, colon, value",
        |s, emit| lines(s.request().map(|head| &head.headers), &mut |line| emit.texts([line]));
    "http.response" Boolean, "True for a response; not there for anything else",
        |s, emit| emit.numbers(s.response().map(|_| true));
    "http.response.code" Unsigned(2), "Status of a response",
        |s, emit| emit.numbers(s.response().map(|head| head.line.status));
    "http.response.phrase" Text, "Reason phrase of a response",
        |s, emit| emit.texts(s.response().map(|head| head.line.reason.as_str()));
    "http.response.version" Text, "HTTP/1.1 or HTTP/1.0, of a response",
        |s, emit| emit.texts(s.response().map(|head| version(head.minor_version)));
    "http.response.line" Text, "Each header field of a response: name, colon, value",
        |s, emit| lines(s.response().map(|head| &head.headers), &mut |line| emit.texts([line]));
    "http.time" Seconds, "Since the upgrade request, in the row of its answer",
        |s, emit| emit.durations(s.upgrade().and_then(after));
    "http.content_length" Unsigned(8), "Header field Content-Length, as a number",
        |s, emit| header(s, "Content-Length", &mut |value| emit.numbers(value.parse::<u64>()));
};

/// Makes a table of header fields that have a name of their own.
macro_rules! header_fields {
    ($($name:literal $header:literal;)*) => {
        field_table! {
            $($name Text, concat!("Header field ", $header),
                |s, emit| header(s, $header, &mut |value| emit.texts([value]));)*
        }
    };
}

pub(super) static HEADER_FIELDS: &[Field] = header_fields! {
    "http.accept" "Accept";
    "http.accept_encoding" "Accept-Encoding";
    "http.accept_language" "Accept-Language";
    "http.authorization" "Authorization";
    "http.cache_control" "Cache-Control";
    "http.connection" "Connection";
    "http.content_encoding" "Content-Encoding";
    "http.content_type" "Content-Type";
    "http.cookie" "Cookie";
    "http.date" "Date";
    "http.host" "Host";
    "http.location" "Location";
    "http.origin" "Origin";
    "http.proxy_authenticate" "Proxy-Authenticate";
    "http.proxy_authorization" "Proxy-Authorization";
    "http.referer" "Referer";
    "http.sec_websocket_accept" "Sec-WebSocket-Accept";
    "http.sec_websocket_extensions" "Sec-WebSocket-Extensions";
    "http.sec_websocket_key" "Sec-WebSocket-Key";
    "http.sec_websocket_protocol" "Sec-WebSocket-Protocol";
    "http.sec_websocket_version" "Sec-WebSocket-Version";
    "http.server" "Server";
    "http.set_cookie" "Set-Cookie";
    "http.transfer_encoding" "Transfer-Encoding";
    "http.upgrade" "Upgrade";
    "http.user_agent" "User-Agent";
    "http.www_authenticate" "WWW-Authenticate";
    "http.x_forwarded_for" "X-Forwarded-For";
    "http.content_length_header" "Content-Length";
};

/// Hands over every value of a header field.
fn header(s: &Subject<'_>, name: &str, take: &mut dyn FnMut(&str)) {
    if let Some(headers) = s.headers() {
        headers.all(name).for_each(take);
    }
}

/// Hands over header fields as lines, which Wireshark ends with CR LF.
fn lines(headers: Option<&Headers>, take: &mut dyn FnMut(&str)) {
    for (name, value) in headers.into_iter().flat_map(|headers| &headers.0) {
        take(&format!("{name}: {value}\r\n"));
    }
}

/// The head as text, put together from what was read of it.
fn head(s: &Subject<'_>) -> Option<String> {
    let mut text = match (s.request(), s.response()) {
        (Some(head), _) => {
            let (line, version) = (&head.line, version(head.minor_version));
            format!("{} {} {version}\r\n", line.method, line.target)
        }
        (_, Some(head)) => {
            let (line, version) = (&head.line, version(head.minor_version));
            format!("{version} {} {}\r\n", line.status, line.reason)
        }
        _ => return None,
    };
    lines(s.headers(), &mut |line| text.push_str(line));
    text.push_str("\r\n");
    Some(text)
}

fn version(minor: u8) -> &'static str {
    if minor == 0 { "HTTP/1.0" } else { "HTTP/1.1" }
}

fn path_and_query(head: &RequestHead) -> (&str, Option<&str>) {
    let target = &head.line.target;
    target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)))
}

fn full_uri(head: &RequestHead) -> String {
    if head.line.target.contains("://") {
        return head.line.target.clone();
    }
    let (authority, path) = head.authority_and_path();
    format!("http://{}{path}", authority.unwrap_or_default())
}

fn after(upgrade: Upgrade<'_>) -> Option<std::time::Duration> {
    match upgrade {
        Upgrade::Accepted { after, .. } => after,
        Upgrade::Refused { after } => Some(after),
    }
}

//! Heads of HTTP/1.1 messages (RFC 9112 §2 to §5).
//!
//! httparse reads the grammar; this module finds where a head ends, keeps its fields in
//! order, and answers questions about them as RFC 9110 §5 has it: names without regard
//! to case, repeated fields as one list.

use std::str;

/// Field lines of a head, in the order they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// All values of the fields called `name`, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.0
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a field that is sent once.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// How many times a field was sent.
    pub fn count(&self, name: &str) -> usize {
        self.all(name).count()
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let texts = |(name, value): &(String, String)| name.capacity() + value.capacity();
        let fields = self.0.capacity() * size_of::<(String, String)>();
        fields + self.0.iter().map(texts).sum::<usize>()
    }

    /// Elements of a comma-separated list, over all fields called `name`: trimmed, empty
    /// ones left out (RFC 9110 §5.6.1). A comma inside a quoted string does not separate.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.all(name)
            .flat_map(|value| split_outside_quotes(value, ','))
    }

    /// Whether a comma-separated list contains `token`, without regard to case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.list(name).any(|item| item.eq_ignore_ascii_case(token))
    }
}

/// Parts of `text` between separators that are not in a quoted string (RFC 9110 §5.6.4):
/// trimmed, empty ones left out.
pub fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    parts_outside_quotes(text, separator).filter(|part| !part.is_empty())
}

/// Whether a text is a token: the name of a field, or an element of many a list (RFC 9110
/// §5.6.2).
pub fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// The same with those that are empty: at least one.
pub fn parts_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
    .map(|part| part.trim_matches([' ', '\t']))
}

/// A head: start line and field lines of a message (RFC 9112 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<L> {
    /// The start line but for its version.
    pub line: L,
    /// Minor version of HTTP/1.
    pub minor_version: u8,
    /// Field lines.
    pub headers: Headers,
    /// Length of the head on the wire, in bytes.
    pub wire_len: usize,
    /// A line ended with LF alone.
    pub bare_line_feed: bool,
    /// The end of the head was not captured: fields may be missing.
    pub truncated: bool,
    /// What in the head breaks the grammar, if anything does. Lines that cannot be read are
    /// left out of `headers`.
    pub malformed: Option<MalformedHead>,
}

/// Head of a request.
pub type RequestHead = Head<RequestLine>;

/// Head of a response.
pub type ResponseHead = Head<StatusLine>;

/// What a request line says (RFC 9112 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// Method, as sent; case matters (RFC 9110 §9.1).
    pub method: String,
    /// Request target, in any of its four forms (RFC 9112 §3.2).
    pub target: String,
}

/// What a status line says (RFC 9112 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// Status code, 100 to 999.
    pub status: u16,
    /// Reason phrase, often empty.
    pub reason: String,
}

impl<L> Head<L> {
    /// A whole head, read from `bytes`.
    fn new(line: L, minor_version: u8, headers: Headers, bytes: &[u8]) -> Self {
        Self {
            line,
            minor_version,
            headers,
            wire_len: bytes.len(),
            bare_line_feed: has_bare_line_feed(bytes),
            truncated: false,
            malformed: None,
        }
    }

    /// The same head, of which only `start` was captured.
    fn cut_to(self, start: &[u8]) -> Self {
        Self {
            wire_len: start.len(),
            truncated: true,
            ..self
        }
    }
}

impl RequestHead {
    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.line.method.capacity() + self.line.target.capacity() + self.headers.heap_bytes()
    }

    /// Whether the client asks to go on with another protocol (RFC 9110 §7.8).
    pub fn asks_for_upgrade(&self) -> bool {
        self.headers.count("Upgrade") > 0
    }

    /// Host and port that the request is for, and the path with query: from the target
    /// where it is absolute, else from Host (RFC 9112 §3.3).
    pub fn authority_and_path(&self) -> (Option<&str>, &str) {
        match self.line.target.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                let split = rest.find(['/', '?']).unwrap_or(rest.len());
                let (authority, path) = rest.split_at(split);
                (Some(authority), if path.is_empty() { "/" } else { path })
            }
            _ => (self.headers.first("Host"), &self.line.target),
        }
    }
}

impl ResponseHead {
    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.line.reason.capacity() + self.headers.heap_bytes()
    }
}

/// Why a head could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedHead(
    /// What is wrong, in a few words.
    pub &'static str,
);

/// Length of the head at the front of `bytes`, its empty line included, once it is all
/// there. `searched` bytes are known to hold no end, so that a head that comes in many
/// pieces is looked through once.
pub(super) fn head_len(bytes: &[u8], searched: usize) -> Option<usize> {
    // An end is at most "\n\r\n": it may begin 2 bytes before what is new.
    let mut at = searched.saturating_sub(2);
    while let Some(found) = bytes.get(at..)?.iter().position(|&b| b == b'\n') {
        at += found + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Reads a whole request head, as far as it can be read.
///
/// # Errors
///
/// The first line is no request line of HTTP/1.
pub(super) fn parse_request(head: &[u8]) -> Result<RequestHead, MalformedHead> {
    strict_request(head).or_else(|why| {
        let (line, headers) = by_lines(head);
        let (request, version) = line.rsplit_once(' ').ok_or(NO_START_LINE)?;
        let (method, target) = request.split_once(' ').ok_or(NO_START_LINE)?;
        let line = RequestLine {
            method: method.to_owned(),
            target: target.trim_matches(' ').to_owned(),
        };
        Ok(Head {
            malformed: Some(why),
            ..Head::new(line, minor_version(version)?, headers, head)
        })
    })
}

fn strict_request(head: &[u8]) -> Result<RequestHead, MalformedHead> {
    with_room_for_headers(|room| {
        let mut request = httparse::Request::new(room);
        config().parse_request(&mut request, head)?;
        let line = RequestLine {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
        };
        let version = request.version.unwrap_or_default();
        Ok(Head::new(line, version, owned(request.headers), head))
    })
}

/// Reads a whole response head, as far as it can be read.
///
/// # Errors
///
/// The first line is no status line of HTTP/1.
pub(super) fn parse_response(head: &[u8]) -> Result<ResponseHead, MalformedHead> {
    strict_response(head).or_else(|why| {
        let (line, headers) = by_lines(head);
        let (version, rest) = line.split_once(' ').ok_or(NO_START_LINE)?;
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = status
            .parse()
            .ok()
            .filter(|status| (100..=999).contains(status));
        let line = StatusLine {
            status: status.ok_or(NO_START_LINE)?,
            reason: reason.to_owned(),
        };
        Ok(Head {
            malformed: Some(why),
            ..Head::new(line, minor_version(version)?, headers, head)
        })
    })
}

const NO_START_LINE: MalformedHead = MalformedHead("no HTTP/1 start line");

fn minor_version(version: &str) -> Result<u8, MalformedHead> {
    match version {
        "HTTP/1.1" => Ok(1),
        "HTTP/1.0" => Ok(0),
        _ => Err(NO_START_LINE),
    }
}

/// A head that breaks the grammar, line by line: the first, and what can be read of the
/// others. Peers that accept such heads are what an observer is asked about.
fn by_lines(head: &[u8]) -> (String, Headers) {
    let mut lines = head
        .split(|byte| *byte == b'\n')
        .map(|line| text(line.strip_suffix(b"\r").unwrap_or(line)));
    let first = lines.next().unwrap_or_default();
    let fields = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let value = value.trim_matches([' ', '\t']);
        Some((name.trim().to_owned(), value.to_owned()))
    });
    (first, Headers(fields.collect()))
}

fn strict_response(head: &[u8]) -> Result<ResponseHead, MalformedHead> {
    with_room_for_headers(|room| {
        let mut response = httparse::Response::new(room);
        config().parse_response(&mut response, head)?;
        let line = StatusLine {
            status: response.code.unwrap_or_default(),
            reason: response.reason.unwrap_or_default().to_owned(),
        };
        let version = response.version.unwrap_or_default();
        Ok(Head::new(line, version, owned(response.headers), head))
    })
}

/// Reads what was captured of a request head whose end is missing, if the method and a
/// part of the target are there.
pub(super) fn parse_truncated_request(start: &[u8]) -> Option<RequestHead> {
    let mut head = whole_lines(start).to_vec();
    if head.is_empty() {
        head.extend_from_slice(start);
        head.extend_from_slice(b" HTTP/1.1\r\n");
    }
    head.extend_from_slice(b"\r\n");
    Some(parse_request(&head).ok()?.cut_to(start))
}

/// Reads what was captured of a response head whose end is missing, if the status is there.
pub(super) fn parse_truncated_response(start: &[u8]) -> Option<ResponseHead> {
    let mut head = whole_lines(start).to_vec();
    if head.is_empty() {
        head.extend_from_slice(start.get(..STATUS_END)?);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    Some(parse_response(&head).ok()?.cut_to(start))
}

/// Length of `HTTP/1.1 101`.
const STATUS_END: usize = 12;

fn whole_lines(start: &[u8]) -> &[u8] {
    let end = start.iter().rposition(|&b| b == b'\n');
    &start[..end.map_or(0, |at| at + 1)]
}

/// As tolerant as the endpoints that wsdump watches: they, not wsdump, decide whether a
/// head is good enough.
fn config() -> httparse::ParserConfig {
    let mut config = httparse::ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .allow_space_before_first_header_name(true);
    config
}

/// Gives `parse` room for more and more fields. The limit on a head's length bounds it.
fn with_room_for_headers<'h, T>(
    parse: impl Fn(&mut [httparse::Header<'h>]) -> Result<T, httparse::Error>,
) -> Result<T, MalformedHead> {
    let mut room = 64;
    loop {
        match parse(&mut vec![httparse::EMPTY_HEADER; room]) {
            Ok(head) => return Ok(head),
            Err(httparse::Error::TooManyHeaders) if room < 1 << 16 => room *= 4,
            Err(error) => return Err(MalformedHead(describe(error))),
        }
    }
}

fn describe(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "a byte that no field name may hold",
        httparse::Error::HeaderValue => "a byte that no field value may hold",
        httparse::Error::NewLine => "a line end that is neither CRLF nor LF",
        httparse::Error::Status => "a malformed reason phrase or status",
        httparse::Error::Token => "a byte that no token may hold",
        httparse::Error::TooManyHeaders => "too many fields",
        httparse::Error::Version => "a version that is not HTTP/1.0 or HTTP/1.1",
    }
}

fn owned(headers: &[httparse::Header<'_>]) -> Headers {
    let fields = headers
        .iter()
        .map(|header| (header.name.to_owned(), text(header.value)));
    Headers(fields.collect())
}

/// Bytes of a head as text: UTF-8, or else ISO-8859-1 as it was historically (RFC 9110
/// §5.5), in which a byte is its code point.
fn text(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

fn has_bare_line_feed(head: &[u8]) -> bool {
    head.iter()
        .enumerate()
        .any(|(at, &byte)| byte == b'\n' && (at == 0 || head[at - 1] != b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(head: &str) -> Option<RequestHead> {
        parse_request(head.as_bytes()).ok()
    }

    #[test]
    fn the_end_of_a_head_is_found_wherever_it_is_cut() {
        for head in ["GET / HTTP/1.1\r\nA: b\r\n\r\n", "GET / HTTP/1.1\nA: b\n\n"] {
            let bytes = [head.as_bytes(), b"rest\r\n\r\n"].concat();
            for searched in 0..head.len() {
                assert_eq!(head_len(&bytes[..searched], 0), None, "{searched} bytes");
                assert_eq!(head_len(&bytes, searched), Some(head.len()));
            }
        }
    }

    #[test]
    fn fields_are_found_without_regard_to_case_and_keep_their_order() {
        let head = request("GET /a HTTP/1.1\r\nhost: x\r\nUPGRADE:\twebsocket \r\n\r\n");
        let head = head.unwrap_or_else(|| panic!("parses"));
        assert_eq!(head.headers.first("Host"), Some("x"));
        assert_eq!(head.headers.first("upgrade"), Some("websocket"));
        assert!(head.asks_for_upgrade());
        assert_eq!(head.headers.0[1].0, "UPGRADE");
    }

    #[test]
    fn repeated_fields_are_one_list() {
        let headers = Headers(
            [("Connection", "keep-alive , ,"), ("connection", "Upgrade")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        );
        let list: Vec<_> = headers.list("Connection").collect();
        assert_eq!(list, ["keep-alive", "Upgrade"]);
        assert!(headers.has_token("CONNECTION", "upgrade"));
        assert!(!headers.has_token("Connection", "keep"));
    }

    #[test]
    fn a_separator_inside_quotes_does_not_separate() {
        let parts: Vec<_> = split_outside_quotes(r#"a; b="c;\"d"; e"#, ';').collect();
        assert_eq!(parts, ["a", r#"b="c;\"d""#, "e"]);
    }

    #[test]
    fn an_absolute_target_names_the_authority() {
        let table = [
            (
                "GET /c?d HTTP/1.1\r\nHost: h:8\r\n\r\n",
                Some("h:8"),
                "/c?d",
            ),
            (
                "GET ws://e:9/c HTTP/1.1\r\nHost: h\r\n\r\n",
                Some("e:9"),
                "/c",
            ),
            ("GET http://e?q HTTP/1.1\r\n\r\n", Some("e"), "?q"),
            ("GET http://e HTTP/1.1\r\n\r\n", Some("e"), "/"),
            ("CONNECT e:443 HTTP/1.1\r\n\r\n", None, "e:443"),
        ];
        for (head, authority, path) in table {
            let head = request(head).unwrap_or_else(|| panic!("{head}"));
            assert_eq!(head.authority_and_path(), (authority, path));
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_are_read_as_latin_1() {
        let head = parse_response(b"HTTP/1.1 101 \r\nX: caf\xe9\r\n\r\n");
        let value = head.map(|head| head.headers.first("x").map(str::to_owned));
        assert_eq!(value, Ok(Some("café".to_owned())));
    }

    #[test]
    fn a_head_that_breaks_the_grammar_is_read_line_by_line() {
        let read = |head: &str| {
            let head = request(head)?;
            Some((
                head.line.target,
                head.headers.0.len(),
                head.malformed.is_some(),
            ))
        };
        let expected = |target: &str, fields, broken| Some((target.to_owned(), fields, broken));
        assert_eq!(
            read("GET /a HTTP/1.1\r\nA: b\r\n\r\n"),
            expected("/a", 1, false)
        );
        let escape = "GET /\u{1b}[1m HTTP/1.1\r\nA: b\r\n\r\n";
        assert_eq!(read(escape), expected("/\u{1b}[1m", 1, true));
        let no_colon = "GET /a HTTP/1.1\r\nno colon\r\nA: \u{1}\r\n\r\n";
        assert_eq!(read(no_colon), expected("/a", 1, true));
        assert_eq!(read("EHLO mail\r\n\r\n"), None);
        let status = parse_response(b"HTTP/1.1 101 a\x07b\r\nA: b\r\n\r\n").map(|h| h.line.status);
        assert_eq!(status, Ok(101));
    }

    #[test]
    fn lone_line_feeds_are_tolerated_and_noticed() {
        let noticed = |head| request(head).map(|head| head.bare_line_feed);
        assert_eq!(noticed("GET / HTTP/1.1\r\nA: b\r\n\r\n"), Some(false));
        assert_eq!(noticed("GET / HTTP/1.1\nA: b\n\n"), Some(true));
        assert_eq!(noticed("GET / HTTP/1.1\r\nA: b\n\r\n"), Some(true));
    }

    #[test]
    fn what_was_captured_of_a_head_is_read() {
        let request = |start: &str| {
            parse_truncated_request(start.as_bytes())
                .map(|head| (head.line.target, head.headers.0.len()))
        };
        assert_eq!(request("GET /ab"), Some(("/ab".to_owned(), 0)));
        let start = "GET /ab HTTP/1.1\r\nHost: x\r\nUpgr";
        assert_eq!(request(start), Some(("/ab".to_owned(), 1)));
        assert_eq!(request("GE"), None);
        let status =
            |start: &str| parse_truncated_response(start.as_bytes()).map(|h| h.line.status);
        assert_eq!(status("HTTP/1.1 101 Switch"), Some(101));
        assert_eq!(
            status("HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConn"),
            Some(101)
        );
        assert_eq!(status("HTTP/1.1 10"), None);
    }

    #[test]
    fn more_fields_than_usual_are_read() {
        let lines = "A: b\r\n".repeat(1000);
        let head = request(&format!("GET / HTTP/1.1\r\n{lines}\r\n"));
        assert_eq!(head.map(|head| head.headers.count("a")), Some(1000));
    }
}

//! Finding the end of a message's content (RFC 9112 §6), without keeping it.

use super::head::{Headers, ResponseHead};

/// How the content that follows a head is delimited, and how much of it is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// That many bytes (Content-Length), or none.
    Length(u64),
    /// Chunks, each behind its size (RFC 9112 §7.1).
    Chunked(Chunked),
    /// All that comes until the connection closes.
    UntilClose,
}

/// Place within a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In a size line; `digits_done` once its hexadecimal number has ended.
    Size { size: u64, digits_done: bool },
    /// In a chunk's data or the line end behind it, that many bytes before the next size.
    Data { left: u64 },
    /// In the trailer section; `line_len` bytes of the current line, CR not counted.
    Trailer { line_len: u64 },
}

impl Body {
    /// The content of a request (RFC 9112 §6.3).
    pub(super) fn of_request(headers: &Headers) -> Self {
        if is_chunked(headers) {
            return Self::CHUNKED;
        }
        Self::Length(content_length(headers).unwrap_or(0))
    }

    /// The content of a response to a request with or without the method HEAD.
    pub(super) fn of_response(head: &ResponseHead, to_head: bool) -> Self {
        if to_head || matches!(head.line.status, 100..=199 | 204 | 304) {
            return Self::Length(0);
        }
        if is_chunked(&head.headers) {
            return Self::CHUNKED;
        }
        content_length(&head.headers).map_or(Self::UntilClose, Self::Length)
    }

    const CHUNKED: Self = Self::Chunked(Chunked::Size {
        size: 0,
        digits_done: false,
    });

    /// Takes the part of `bytes` that belongs to this body and gives back the rest;
    /// `None` when the body has not ended yet.
    pub(super) fn consume<'a>(&mut self, mut bytes: &'a [u8]) -> Option<&'a [u8]> {
        loop {
            match self {
                Self::UntilClose => return None,
                Self::Length(left) => {
                    let take = clamp(*left, bytes.len());
                    *left -= take as u64;
                    return (*left == 0).then(|| &bytes[take..]);
                }
                Self::Chunked(Chunked::Data { left }) => {
                    let take = clamp(*left, bytes.len());
                    *left -= take as u64;
                    if *left > 0 {
                        return None;
                    }
                    bytes = &bytes[take..];
                    *self = Self::CHUNKED;
                }
                Self::Chunked(state) => {
                    let (&byte, rest) = bytes.split_first()?;
                    bytes = rest;
                    if state.step(byte) {
                        return Some(bytes);
                    }
                }
            }
        }
    }

    /// Passes over missing bytes; `false` when what follows them cannot be told.
    pub(super) fn skip(&mut self, len: u64) -> bool {
        match self {
            Self::UntilClose => true,
            Self::Length(left) | Self::Chunked(Chunked::Data { left }) if len <= *left => {
                *left -= len;
                true
            }
            _ => false,
        }
    }
}

impl Chunked {
    /// Takes one byte of a size line or trailer; `true` at the end of the body.
    fn step(&mut self, byte: u8) -> bool {
        match self {
            Self::Size { size, digits_done } => match char::from(byte).to_digit(16) {
                Some(digit) if !*digits_done => {
                    *size = size.saturating_mul(16).saturating_add(u64::from(digit));
                }
                _ if byte == b'\n' => {
                    *self = match *size {
                        0 => Self::Trailer { line_len: 0 },
                        // The chunk's data ends with CRLF.
                        size => Self::Data {
                            left: size.saturating_add(2),
                        },
                    };
                }
                _ => *digits_done = true,
            },
            Self::Trailer { line_len } => match byte {
                b'\n' if *line_len == 0 => return true,
                b'\n' => *line_len = 0,
                b'\r' => {}
                _ => *line_len += 1,
            },
            Self::Data { .. } => {}
        }
        false
    }
}

fn is_chunked(headers: &Headers) -> bool {
    headers.has_token("Transfer-Encoding", "chunked")
}

/// `None` where the field is absent or no number.
fn content_length(headers: &Headers) -> Option<u64> {
    headers.list("Content-Length").next()?.parse().ok()
}

fn clamp(wanted: u64, available: usize) -> usize {
    usize::try_from(wanted).map_or(available, |wanted| wanted.min(available))
}

#[cfg(test)]
mod tests {
    use super::super::head::StatusLine;
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let owned = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Headers(owned.collect())
    }

    /// Bytes left behind the body, however it is cut.
    fn rest(body: Body, bytes: &[u8]) -> Option<usize> {
        let mut whole = body;
        let expected = whole.consume(bytes).map(<[u8]>::len);
        for cut in 0..bytes.len() {
            let mut body = body;
            let got = match body.consume(&bytes[..cut]) {
                Some(rest) => Some(rest.len() + bytes.len() - cut),
                None => body.consume(&bytes[cut..]).map(<[u8]>::len),
            };
            assert_eq!(got, expected, "cut at {cut}");
        }
        expected
    }

    #[test]
    fn a_body_ends_where_its_head_says() {
        let chunked = headers(&[("transfer-encoding", "gzip, chunked")]);
        let five = headers(&[("content-length", "5")]);
        let table: [(Body, &[u8], Option<usize>); 6] = [
            (Body::of_request(&Headers::default()), b"GET", Some(3)),
            (Body::of_request(&five), b"12345GET", Some(3)),
            (Body::of_request(&five), b"1234", None),
            (
                Body::of_request(&chunked),
                b"3;x=\"a\"\r\nabc\r\n0\r\n\r\nGET",
                Some(3),
            ),
            (
                Body::of_request(&chunked),
                b"A\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
                Some(0),
            ),
            (Body::of_request(&chunked), b"3\r\nabc\r\n", None),
        ];
        for (body, bytes, expected) in table {
            assert_eq!(rest(body, bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn some_responses_have_no_body_whatever_their_fields_say() {
        let response = |status| ResponseHead {
            line: StatusLine {
                status,
                reason: String::new(),
            },
            minor_version: 1,
            headers: headers(&[("Content-Length", "5")]),
            wire_len: 0,
            bare_line_feed: false,
            truncated: false,
            malformed: None,
        };
        assert_eq!(Body::of_response(&response(200), false), Body::Length(5));
        assert_eq!(Body::of_response(&response(200), true), Body::Length(0));
        for status in [100, 101, 204, 304] {
            assert_eq!(Body::of_response(&response(status), false), Body::Length(0));
        }
    }

    #[test]
    fn missing_bytes_inside_a_body_of_known_length_are_passed_over() {
        let mut body = Body::Length(10);
        assert!(body.skip(4));
        assert_eq!(body.consume(b"123456GET"), Some(&b"GET"[..]));
        assert!(!Body::Length(3).skip(4));
        let mut chunked = Body::CHUNKED;
        assert!(!chunked.skip(1));
    }
}

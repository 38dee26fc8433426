//! Opening handshakes, frames and compressed messages, right or wrong as asked.

use std::fmt::Write as _;

use flate2::{Compress, Compression, FlushCompress};

use super::{Client, Who};

pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// An upgrade request and its answer.
#[derive(Clone, Debug)]
pub struct Upgrade {
    pub request_line: String,
    pub request_fields: Vec<(String, String)>,
    pub status_line: String,
    pub response_fields: Vec<(String, String)>,
    pub line_end: [&'static str; 2],
}

impl Upgrade {
    /// The example of RFC 6455 §1.3.
    pub fn new() -> Self {
        let owned = |fields: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            fields.iter().map(owned).collect()
        };
        Self {
            request_line: "GET /chat HTTP/1.1".to_owned(),
            request_fields: owned(&[
                ("Host", "server.example.com"),
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Key", KEY),
                ("Sec-WebSocket-Version", "13"),
            ]),
            status_line: "HTTP/1.1 101 Switching Protocols".to_owned(),
            response_fields: owned(&[
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", ACCEPT),
            ]),
            line_end: ["\r\n"; 2],
        }
    }

    /// Offers and accepts this element of Sec-WebSocket-Extensions.
    pub fn extension(offer: &str, answer: &str) -> Self {
        Self::new()
            .asking("Sec-WebSocket-Extensions", offer)
            .answering("Sec-WebSocket-Extensions", answer)
    }

    /// permessage-deflate with these parameters offered and accepted alike.
    pub fn deflate(parameters: &str) -> Self {
        let element = format!("permessage-deflate{parameters}");
        Self::extension(&element, &element)
    }

    pub fn request_line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.request_line);
        self
    }

    pub fn status_line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.status_line);
        self
    }

    /// Sets a field of the request; `-` leaves it out, a leading `+` adds a second one.
    pub fn asking(mut self, name: &str, value: &str) -> Self {
        set(&mut self.request_fields, name, value);
        self
    }

    /// Sets a field of the response in the same way.
    pub fn answering(mut self, name: &str, value: &str) -> Self {
        set(&mut self.response_fields, name, value);
        self
    }

    pub fn line_end(mut self, who: Who, end: &'static str) -> Self {
        self.line_end[who as usize] = end;
        self
    }

    pub fn request(&self) -> Vec<u8> {
        head(&self.request_line, &self.request_fields, self.line_end[0])
    }

    pub fn response(&self) -> Vec<u8> {
        head(&self.status_line, &self.response_fields, self.line_end[1])
    }
}

fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    if let Some(value) = value.strip_prefix('+') {
        fields.push((name.to_owned(), value.to_owned()));
        return;
    }
    let place = fields.iter().position(|(field, _)| field == name);
    match (place, value) {
        (Some(place), "-") => {
            fields.remove(place);
        }
        (None, "-") => {}
        (Some(place), _) => value.clone_into(&mut fields[place].1),
        (None, _) => fields.push((name.to_owned(), value.to_owned())),
    }
}

fn head(line: &str, fields: &[(String, String)], end: &str) -> Vec<u8> {
    let mut head = format!("{line}{end}");
    for (name, value) in fields {
        write!(head, "{name}: {value}{end}").unwrap();
    }
    head += end;
    head.into_bytes()
}

/// A frame; by itself one that keeps every rule.
#[derive(Clone, Debug)]
pub struct Frame {
    fin: bool,
    rsv: u8,
    opcode: u8,
    payload: Vec<u8>,
    mask: Mask,
    /// Bytes of extended length: 0, 2 or 8; the fewest if not said.
    len_bytes: Option<usize>,
    /// The length stated, if it is not the payload's.
    stated_len: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Mask {
    /// As the sender must.
    Right,
    Wrong,
    Key([u8; 4]),
}

/// A frame of any opcode.
pub fn frame(opcode: u8, payload: impl AsRef<[u8]>) -> Frame {
    Frame {
        fin: true,
        rsv: 0,
        opcode,
        payload: payload.as_ref().to_vec(),
        mask: Mask::Right,
        len_bytes: None,
        stated_len: None,
    }
}

pub fn cont(payload: impl AsRef<[u8]>) -> Frame {
    frame(0, payload)
}

pub fn text(payload: impl AsRef<[u8]>) -> Frame {
    frame(1, payload)
}

pub fn binary(payload: impl AsRef<[u8]>) -> Frame {
    frame(2, payload)
}

pub fn ping(payload: impl AsRef<[u8]>) -> Frame {
    frame(9, payload)
}

pub fn pong(payload: impl AsRef<[u8]>) -> Frame {
    frame(10, payload)
}

pub fn close(code: u16, reason: impl AsRef<[u8]>) -> Frame {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(reason.as_ref());
    frame(8, payload)
}

impl Frame {
    /// Without FIN.
    pub fn more(mut self) -> Self {
        self.fin = false;
        self
    }

    /// Reserved bits, RSV1 as 4.
    pub fn rsv(mut self, bits: u8) -> Self {
        self.rsv = bits;
        self
    }

    /// RSV1: a compressed message.
    pub fn compressed(self) -> Self {
        self.rsv(4)
    }

    /// Masked where it must not be, not masked where it must.
    pub fn wrongly_masked(mut self) -> Self {
        self.mask = Mask::Wrong;
        self
    }

    pub fn key(mut self, key: [u8; 4]) -> Self {
        self.mask = Mask::Key(key);
        self
    }

    /// The length in two bytes, or eight.
    pub fn len_in(mut self, bytes: usize) -> Self {
        self.len_bytes = Some(bytes);
        self
    }

    /// Another length than the payload has.
    pub fn stating(mut self, len: u64) -> Self {
        self.stated_len = Some(len);
        self
    }

    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub fn is_control(&self) -> bool {
        self.opcode & 0x8 != 0
    }

    /// The frame's bytes; `number` makes the masking key.
    pub fn encoded(&self, who: Who, number: u32) -> Vec<u8> {
        let fresh = (number.wrapping_mul(0x9E37_79B9) ^ 0x37FA_213D).to_be_bytes();
        let key = match (self.mask, who == Client) {
            (Mask::Key(key), _) => Some(key),
            (Mask::Right, true) | (Mask::Wrong, false) => Some(fresh),
            (Mask::Right, false) | (Mask::Wrong, true) => None,
        };
        let len = self.stated_len.unwrap_or(self.payload.len() as u64);
        let len_bytes = self.len_bytes.unwrap_or(match len {
            0..126 => 0,
            126..0x1_0000 => 2,
            _ => 8,
        });
        let mask_bit = if key.is_some() { 0x80 } else { 0 };
        let fin_bit = if self.fin { 0x80 } else { 0 };
        let mut bytes = vec![fin_bit | self.rsv << 4 | self.opcode];
        let short_len = match len_bytes {
            0 => u8::try_from(len).unwrap(),
            2 => 126,
            _ => 127,
        };
        bytes.push(mask_bit | short_len);
        bytes.extend(&len.to_be_bytes()[8 - len_bytes..]);
        let key = key.inspect(|key| bytes.extend(key)).unwrap_or_default();
        let masked = self.payload.iter().zip(key.iter().cycle());
        bytes.extend(masked.map(|(byte, key)| byte ^ key));
        bytes
    }
}

/// Compresses messages as an endpoint does (RFC 7692 §7.2.1).
#[derive(Debug)]
pub struct Deflater {
    compress: Compress,
    takeover: bool,
}

impl Deflater {
    pub fn new(takeover: bool) -> Self {
        Self {
            compress: Compress::new(Compression::default(), false),
            takeover,
        }
    }

    /// The payload of one message.
    pub fn message(&mut self, payload: impl AsRef<[u8]>) -> Vec<u8> {
        let payload = payload.as_ref();
        if payload.is_empty() {
            // An empty message is one empty block (RFC 7692 §7.2.3.6).
            return vec![0];
        }
        if !self.takeover {
            self.compress.reset();
        }
        let mut out = Vec::with_capacity(payload.len() + payload.len() / 8 + 64);
        self.compress
            .compress_vec(payload, &mut out, FlushCompress::Sync)
            .unwrap();
        assert!(out.ends_with(b"\0\0\xff\xff"), "a whole flush");
        out.truncate(out.len() - 4);
        out
    }
}

//! A WebSocket connection (RFC 6455).

use std::io;

use flate2::{Compress, Compression, FlushCompress};

use super::payload::Pool;
use super::wire::{End, Tcp, Wire};

/// How connections speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Small,
    Large,
    Deflate,
}

/// Both ends; the client is the first.
pub struct Conversation {
    tcp: Tcp,
    style: Style,
    /// Of messages of either end, with permessage-deflate.
    compress: [Option<Compress>; 2],
    /// Bytes of messages that were begun and not sent to their end.
    outbox: [Vec<u8>; 2],
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// RSV1: a compressed message.
const COMPRESSED: u8 = 0x40;

/// In the place of a length: it is in the next 2 bytes, or in the next 8.
const LENGTH_IN_2: u8 = 0x7E;
const LENGTH_IN_8: u8 = 0x7F;

/// Length of a large message in bytes.
const LARGE: usize = 60_000;

impl Conversation {
    pub fn new(number: usize, style: Style) -> Self {
        let [.., a, b, c] = u32::try_from(number).unwrap_or(0).to_be_bytes();
        let client = End {
            address: [10, a, b, c],
            port: 50_000,
        };
        let server = End {
            address: [192, 168, 0, 1],
            port: 8080,
        };
        let compress = || (style == Style::Deflate).then(compress);
        Self {
            tcp: Tcp::new([client, server]),
            style,
            compress: [compress(), compress()],
            outbox: Default::default(),
        }
    }

    /// TCP handshake and opening handshake, with the example key of RFC 6455 §1.3.
    pub fn open(&mut self, wire: &mut Wire<'_>) -> io::Result<()> {
        self.tcp.open(wire)?;
        let extension = match self.style {
            Style::Deflate => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            Style::Small | Style::Large => "",
        };
        let request = format!(
            "GET /stream HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Version: 13\r\n{extension}\r\n"
        );
        let response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{extension}\r\n"
        );
        self.tcp.send(wire, CLIENT, request.as_bytes())?;
        self.tcp.send(wire, SERVER, response.as_bytes())
    }

    /// Sends what one end says next, or more of what it began to say.
    pub fn speak(&mut self, pool: &Pool, wire: &mut Wire<'_>) -> io::Result<()> {
        // Servers say more than clients.
        let from = usize::from(!wire.random.per_mille(333));
        if self.outbox[from].is_empty() {
            self.compose(from, pool, wire);
        }
        let burst = super::wire::MSS * (1 + wire.random.below(8));
        let outbox = &mut self.outbox[from];
        let rest = outbox.split_off(burst.min(outbox.len()));
        let now = std::mem::replace(outbox, rest);
        self.tcp.send(wire, from, &now)
    }

    fn compose(&mut self, from: usize, pool: &Pool, wire: &mut Wire<'_>) {
        match self.style {
            Style::Small if wire.random.per_mille(5) => {
                self.frame(from, PING, b"1234", wire);
                self.frame(1 - from, PONG, b"1234", wire);
            }
            Style::Small => {
                let together = wire.random.per_mille(100);
                let frames = if together {
                    2 + wire.random.below(6)
                } else {
                    1
                };
                for _ in 0..frames {
                    let len = 60 + wire.random.below(241);
                    if wire.random.per_mille(250) {
                        let noise = pool.noise(&mut wire.random, len);
                        self.frame(from, BINARY, noise, wire);
                    } else {
                        let text = pool.text(&mut wire.random, len);
                        self.frame(from, TEXT, text.as_bytes(), wire);
                    }
                }
            }
            Style::Large => {
                let text = pool.text(&mut wire.random, LARGE);
                self.frame(from, TEXT, text.as_bytes(), wire);
            }
            Style::Deflate => {
                let len = 200 + wire.random.below(3_801);
                let text = pool.text(&mut wire.random, len);
                let Some(compress) = &mut self.compress[from] else {
                    return;
                };
                let compressed = deflated(compress, text.as_bytes());
                self.frame(from, TEXT | COMPRESSED, &compressed, wire);
            }
        }
    }

    /// Adds a frame to what `from` sends (RFC 6455 §5.2).
    fn frame(&mut self, from: usize, opcode: u8, payload: &[u8], wire: &mut Wire<'_>) {
        let out = &mut self.outbox[from];
        out.push(0x80 | opcode);
        let mask_bit = if from == CLIENT { 0x80 } else { 0 };
        match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(len @ ..=125), _) => out.push(mask_bit | len),
            (_, Ok(len)) => {
                out.push(mask_bit | LENGTH_IN_2);
                out.extend(len.to_be_bytes());
            }
            _ => {
                out.push(mask_bit | LENGTH_IN_8);
                out.extend((payload.len() as u64).to_be_bytes());
            }
        }
        if from == SERVER {
            out.extend_from_slice(payload);
            return;
        }
        let [key @ .., _, _, _, _] = wire.random.number().to_be_bytes();
        out.extend(key);
        let masked = payload.iter().zip(key.iter().cycle());
        out.extend(masked.map(|(byte, key)| byte ^ key));
    }

    /// Says all that was begun; then the closing handshake, and the end of TCP.
    pub fn close(&mut self, wire: &mut Wire<'_>) -> io::Result<()> {
        for from in [CLIENT, SERVER] {
            self.frame(from, CLOSE, &1000_u16.to_be_bytes(), wire);
            let rest = std::mem::take(&mut self.outbox[from]);
            self.tcp.send(wire, from, &rest)?;
        }
        self.tcp.close(wire)
    }
}

/// What compresses the messages of one end.
pub fn compress() -> Compress {
    Compress::new(Compression::default(), false)
}

/// A message as it is sent with permessage-deflate (RFC 7692 §7.2.1).
pub fn deflated(compress: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    let done = compress.compress_vec(message, &mut out, FlushCompress::Sync);
    assert!(
        done.is_ok() && out.ends_with(b"\0\0\xff\xff"),
        "a whole flush"
    );
    out.truncate(out.len() - 4);
    out
}

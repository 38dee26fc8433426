//! Captures of any size, made of a seed: what benchmarks read.
//!
//! What is made looks like what is captured at a server: Ethernet with an MTU of 1500,
//! timestamps in each TCP header, an acknowledgment for every second segment, connections
//! that speak in turn. Nothing is lost, since what is measured is the usual case. Checksums
//! are zero, as of packets that the sender's hardware finishes.

#![allow(dead_code, unused_imports, unreachable_pub)] // Each benchmark uses its part.

mod conversation;
mod other;
mod payload;
mod wire;

use std::io::{self, Write};

use conversation::{Conversation, Style};
use other::Other;
use payload::Pool;
use wire::{Random, Wire};

pub use wire::MSS;

/// What a capture is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub name: &'static str,
    pub about: &'static str,
    style: Style,
    /// Connections, where no other number is asked for.
    connections: usize,
    /// Bytes of other traffic to one of WebSocket.
    other: u64,
}

/// Every kind.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "small",
        about: "frames of 60 to 300 bytes, most in a segment by themselves",
        style: Style::Small,
        connections: 20,
        other: 0,
    },
    Kind {
        name: "large",
        about: "text messages of 60 kB",
        style: Style::Large,
        connections: 20,
        other: 0,
    },
    Kind {
        name: "deflate",
        about: "messages of 200 to 4000 bytes, compressed with context takeover",
        style: Style::Deflate,
        connections: 20,
        other: 0,
    },
    Kind {
        name: "mixed",
        about: "5 % small frames, 95 % TLS, HTTP and UDP",
        style: Style::Small,
        connections: 20,
        other: 19,
    },
];

impl Kind {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        KINDS.iter().copied().find(|kind| kind.name == name)
    }

    /// The same with this many connections.
    pub fn with_connections(self, connections: usize) -> Self {
        Self {
            connections,
            ..self
        }
    }
}

/// Writes a capture of at least `bytes` bytes, the same in every run, to `out`; says how many
/// packets it has.
///
/// All connections open at its start and close at its end, so few bytes may be too few.
pub fn write(kind: Kind, bytes: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut wire = Wire::new(out)?;
    let pool = Pool::new();
    let mut conversations: Vec<_> = (0..kind.connections)
        .map(|number| Conversation::new(number, kind.style))
        .collect();
    for conversation in &mut conversations {
        conversation.open(&mut wire)?;
    }
    let mut other = Other::new();
    let mut of_websocket = 0;
    while wire.written() < bytes {
        let before = wire.written();
        if before < of_websocket * (1 + kind.other) {
            other.speak(&pool, &mut wire)?;
            continue;
        }
        let number = wire.random.below(conversations.len());
        conversations[number].speak(&pool, &mut wire)?;
        of_websocket += wire.written() - before;
    }
    for conversation in &mut conversations {
        conversation.close(&mut wire)?;
    }
    Ok(wire.packets())
}

/// All the text that messages are cut from.
pub fn text() -> String {
    Pool::new().into_text()
}

/// Messages of 200 to 4000 bytes, as one end sends them with permessage-deflate.
pub fn compressed(messages: usize) -> Vec<Vec<u8>> {
    let pool = Pool::new();
    let mut random = Random::new(3);
    let mut compress = conversation::compress();
    let message = |_| {
        let len = 200 + random.below(3_801);
        let text = pool.text(&mut random, len).as_bytes();
        conversation::deflated(&mut compress, text)
    };
    (0..messages).map(message).collect()
}

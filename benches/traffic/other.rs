//! Traffic that is no WebSocket.

use std::io;

use super::payload::Pool;
use super::wire::{End, Tcp, Wire};

/// Connections with TLS and HTTP, and UDP datagrams.
pub struct Other {
    open: Vec<Stranger>,
    /// Connections so far, for addresses of their own.
    count: u32,
}

struct Stranger {
    tcp: Tcp,
    tls: bool,
    /// Exchanges until it ends.
    left: usize,
}

/// Connections that are open at a time.
const OPEN: usize = 50;

impl Other {
    pub fn new() -> Self {
        Self {
            open: Vec::new(),
            count: 0,
        }
    }

    /// Some of them say something.
    pub fn speak(&mut self, pool: &Pool, wire: &mut Wire<'_>) -> io::Result<()> {
        if wire.random.per_mille(300) {
            return datagrams(pool, wire);
        }
        if self.open.len() < OPEN {
            let stranger = self.begin(pool, wire)?;
            self.open.push(stranger);
            return Ok(());
        }
        let number = wire.random.below(OPEN);
        let stranger = &mut self.open[number];
        stranger.left -= 1;
        if stranger.left == 0 {
            let mut stranger = self.open.swap_remove(number);
            return stranger.tcp.close(wire);
        }
        stranger.exchange(pool, wire)
    }

    fn begin(&mut self, pool: &Pool, wire: &mut Wire<'_>) -> io::Result<Stranger> {
        self.count += 1;
        let [.., a, b, c] = self.count.to_be_bytes();
        let tls = wire.random.per_mille(700);
        let client = End {
            address: [172, 16 + (a & 0xF), b, c],
            port: 40_000,
        };
        let server = End {
            address: [203, 0, 113, 5],
            port: if tls { 443 } else { 80 },
        };
        let mut stranger = Stranger {
            tcp: Tcp::new([client, server]),
            tls,
            left: 3 + wire.random.below(20),
        };
        stranger.tcp.open(wire)?;
        if tls {
            // ClientHello and ServerHello, as records of a handshake (RFC 8446 §5.1).
            for (from, len) in [(0, 512), (1, 2_900)] {
                stranger.record(from, 22, len, pool, wire)?;
            }
        }
        Ok(stranger)
    }
}

impl Stranger {
    fn exchange(&mut self, pool: &Pool, wire: &mut Wire<'_>) -> io::Result<()> {
        if self.tls {
            let asked = 100 + wire.random.below(1_500);
            self.record(0, 23, asked, pool, wire)?;
            for _ in 0..=wire.random.below(3) {
                let len = 200 + wire.random.below(16_000);
                self.record(1, 23, len, pool, wire)?;
            }
            return Ok(());
        }
        let request = "GET /api/items?page=7 HTTP/1.1\r\nHost: example.com\r\n\
                       Accept: application/json\r\nUser-Agent: check/1.0\r\n\r\n";
        self.tcp.send(wire, 0, request.as_bytes())?;
        let len = 200 + wire.random.below(30_000);
        let body = pool.text(&mut wire.random, len);
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        answer += body;
        self.tcp.send(wire, 1, answer.as_bytes())
    }

    /// A record of TLS.
    fn record(
        &mut self,
        from: usize,
        content_type: u8,
        len: usize,
        pool: &Pool,
        wire: &mut Wire<'_>,
    ) -> io::Result<()> {
        let mut bytes = vec![content_type, 3, 3];
        bytes.extend(u16::try_from(len).unwrap_or(0).to_be_bytes());
        bytes.extend(pool.noise(&mut wire.random, len));
        self.tcp.send(wire, from, &bytes)
    }
}

/// Some datagrams, as of QUIC.
fn datagrams(pool: &Pool, wire: &mut Wire<'_>) -> io::Result<()> {
    let from = End {
        address: [198, 51, 100, 7],
        port: 443,
    };
    let to = End {
        address: [10, 200, 0, 1],
        port: 55_555,
    };
    for _ in 0..=wire.random.below(6) {
        let len = 60 + wire.random.below(1_190);
        let payload = pool.noise(&mut wire.random, len);
        wire.udp(from, to, payload)?;
    }
    wire.udp(to, from, b"\x40 an acknowledgment")
}

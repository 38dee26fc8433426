//! A scripted TCP connection.

use std::net::SocketAddrV4;

use super::packet::{self, ACK, Captured, FIN, Header, RST, SYN, Trace, Wrap};
use super::websocket::{Frame, Upgrade};
use super::{Client, Server, Who};

/// Both ends of a connection, and the packets that were captured of it.
///
/// Stream offsets count from the first byte after the SYN.
#[derive(Clone, Debug)]
pub struct Tcp {
    pub trace: Trace,
    pub ends: [SocketAddrV4; 2],
    pub isn: [u32; 2],
    /// Bytes that each side has sent.
    pub sent: [u64; 2],
    /// What packets of each side are wrapped in.
    pub wraps: [Vec<Wrap>; 2],
    /// Window field of each side.
    pub window: [u16; 2],
    /// Time of the next packet in nanoseconds.
    pub now: u64,
    /// Time that passes with each packet.
    pub tick: u64,
    /// Frames sent, so that every frame has a masking key of its own.
    pub frames_sent: u32,
    pub ip_id: u16,
}

/// A millisecond.
pub const TICK: u64 = 1_000_000;

impl Default for Tcp {
    fn default() -> Self {
        Self {
            trace: Trace::new(),
            ends: ["192.0.2.10:50000", "198.51.100.20:8080"].map(|end| end.parse().unwrap()),
            isn: [1_000, 7_000],
            sent: [0; 2],
            wraps: [const { Vec::new() }; 2],
            window: [0x4000; 2],
            now: 1_700_000_000 * 1_000_000_000,
            tick: TICK,
            frames_sent: 0,
            ip_id: 0,
        }
    }
}

impl Tcp {
    /// After the TCP handshake.
    pub fn connected() -> Self {
        let mut tcp = Self::default();
        tcp.handshake();
        tcp
    }

    /// After a plain upgrade.
    pub fn upgraded() -> Self {
        Self::with(&Upgrade::new())
    }

    /// After this upgrade.
    pub fn with(upgrade: &Upgrade) -> Self {
        let mut tcp = Self::connected();
        tcp.upgrade(upgrade);
        tcp
    }

    pub fn handshake(&mut self) -> &mut Self {
        self.syn(Client).syn_ack(Server).ack(Client)
    }

    pub fn upgrade(&mut self, upgrade: &Upgrade) -> &mut Self {
        self.send(Client, &upgrade.request())
            .send(Server, &upgrade.response())
    }

    pub fn syn(&mut self, who: Who) -> &mut Self {
        self.put(who, SYN, -1, None, b"")
    }

    pub fn syn_ack(&mut self, who: Who) -> &mut Self {
        let acked = self.sent_by(who.other());
        self.put(who, SYN | ACK, -1, Some(acked), b"")
    }

    /// Acknowledges all that the other side has sent.
    pub fn ack(&mut self, who: Who) -> &mut Self {
        self.send(who, b"")
    }

    /// Acknowledges the other side's bytes up to an offset.
    pub fn ack_up_to(&mut self, who: Who, offset: u64) -> &mut Self {
        let at = self.sent_by(who);
        self.put(who, ACK, at, Some(offset.cast_signed()), b"")
    }

    /// Sends the next bytes in one segment.
    pub fn send(&mut self, who: Who, bytes: &[u8]) -> &mut Self {
        let at = self.sent_by(who);
        self.sent[who as usize] += bytes.len() as u64;
        self.at(who, at, bytes)
    }

    /// Sends the next bytes in segments of at most `size`.
    pub fn send_cut(&mut self, who: Who, bytes: &[u8], size: usize) -> &mut Self {
        for piece in bytes.chunks(size) {
            self.send(who, piece);
        }
        self
    }

    /// Sends the next bytes in segments that were not captured.
    pub fn lose(&mut self, who: Who, bytes: &[u8]) -> &mut Self {
        self.sent[who as usize] += bytes.len() as u64;
        self
    }

    /// Sends frames, all in one segment.
    pub fn frames(&mut self, who: Who, frames: &[Frame]) -> &mut Self {
        let bytes = self.encode(who, frames);
        self.send(who, &bytes)
    }

    /// The bytes of frames as `who` sends them, each with a masking key of its own.
    pub fn encode(&mut self, who: Who, frames: &[Frame]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for frame in frames {
            self.frames_sent += 1;
            bytes.extend(frame.encoded(who, self.frames_sent));
        }
        bytes
    }

    pub fn fin(&mut self, who: Who) -> &mut Self {
        let (at, acked) = (self.sent_by(who), self.sent_by(who.other()));
        self.sent[who as usize] += 1;
        self.put(who, FIN | ACK, at, Some(acked), b"")
    }

    pub fn rst(&mut self, who: Who) -> &mut Self {
        let at = self.sent_by(who);
        self.put(who, RST, at, None, b"")
    }

    /// FIN and its acknowledgment, both ways.
    pub fn end(&mut self) -> &mut Self {
        self.fin(Client).fin(Server).ack(Client)
    }

    /// A segment at any offset, which need not be the next; acknowledges all that the
    /// other side has sent.
    pub fn at(&mut self, who: Who, offset: i64, bytes: &[u8]) -> &mut Self {
        let acked = self.sent_by(who.other());
        self.put(who, ACK, offset, Some(acked), bytes)
    }

    /// Any segment. The SYN stands at offset -1.
    pub fn put(
        &mut self,
        who: Who,
        flags: u8,
        offset: i64,
        ack: Option<i64>,
        payload: &[u8],
    ) -> &mut Self {
        self.ip_id += 1;
        let [own, peer] = [who as usize, who.other() as usize];
        let number = |isn: u32, offset: i64| {
            let low = u32::try_from((offset + 1) & 0xFFFF_FFFF).unwrap();
            isn.wrapping_add(low)
        };
        let header = Header {
            source: self.ends[own],
            destination: self.ends[peer],
            ip_id: self.ip_id,
            seq: number(self.isn[own], offset),
            ack: ack.map_or(0, |offset| number(self.isn[peer], offset)),
            flags,
            window: self.window[own],
            payload,
        };
        let data = packet::ethernet(&header, &self.wraps[own]);
        self.trace.push(Captured::ethernet(self.now, data));
        self.now += self.tick;
        self
    }

    /// Captures the last packet once more.
    pub fn again(&mut self) -> &mut Self {
        let mut packet = self.trace.last().cloned().unwrap();
        packet.time = self.now;
        self.trace.push(packet);
        self
    }

    fn sent_by(&self, who: Who) -> i64 {
        self.sent[who as usize].cast_signed()
    }
}

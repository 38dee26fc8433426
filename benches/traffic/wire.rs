//! Packets, written as a pcap file.

use std::io::{self, Write};

#[path = "../../tests/support/random.rs"]
mod random;

pub use random::Random;

/// One end of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    pub address: [u8; 4],
    pub port: u16,
}

/// What a TCP header says.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub from: End,
    pub to: End,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
}

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

/// Payload bytes that fit into a packet, with timestamps in the header.
pub const MSS: usize = 1448;

/// Where packets go, and the clock and chance that they come from.
pub struct Wire<'w> {
    out: &'w mut dyn Write,
    pub random: Random,
    /// Nanoseconds since 1970.
    clock: u64,
    ip_id: u16,
    written: u64,
    packets: u64,
    buffer: Vec<u8>,
}

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const TCP: usize = 32;
const UDP: usize = 8;

impl<'w> Wire<'w> {
    pub fn new(out: &'w mut dyn Write) -> io::Result<Self> {
        // Magic number, version 2.4, time zone, accuracy, snap length, Ethernet.
        out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
        for field in [0x0004_0002_u32, 0, 0, 0x4_0000, 1] {
            out.write_all(&field.to_le_bytes())?;
        }
        Ok(Self {
            out,
            random: Random::new(1),
            clock: 1_700_000_000 * 1_000_000_000,
            ip_id: 0,
            written: 24,
            packets: 0,
            buffer: Vec::new(),
        })
    }

    /// Bytes of the file so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    pub fn packets(&self) -> u64 {
        self.packets
    }

    pub fn tcp(&mut self, segment: &Segment, payload: &[u8]) -> io::Result<()> {
        self.ip(segment.from, segment.to, 6, TCP + payload.len());
        let Segment {
            from,
            to,
            seq,
            ack,
            flags,
        } = *segment;
        let millis = (self.clock / 1_000_000) & 0xFFFF_FFFF;
        let header = &mut self.buffer;
        header.extend(from.port.to_be_bytes());
        header.extend(to.port.to_be_bytes());
        header.extend(seq.to_be_bytes());
        header.extend(ack.to_be_bytes());
        header.extend([0x80, flags, 0x20, 0, 0, 0, 0, 0]);
        // Two bytes of padding, then timestamps (RFC 7323 §3.2).
        header.extend([1, 1, 8, 10]);
        header.extend(u32::try_from(millis).unwrap_or(0).to_be_bytes());
        header.extend([0; 4]);
        self.packet(payload)
    }

    pub fn udp(&mut self, from: End, to: End, payload: &[u8]) -> io::Result<()> {
        self.ip(from, to, 17, UDP + payload.len());
        let header = &mut self.buffer;
        header.extend(from.port.to_be_bytes());
        header.extend(to.port.to_be_bytes());
        header.extend(low16(UDP + payload.len()).to_be_bytes());
        header.extend([0; 2]);
        self.packet(payload)
    }

    fn ip(&mut self, from: End, to: End, protocol: u8, len: usize) {
        self.ip_id = self.ip_id.wrapping_add(1);
        let header = &mut self.buffer;
        header.clear();
        header.extend(b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0");
        header.extend([0x45, 0]);
        header.extend(low16(IPV4 + len).to_be_bytes());
        header.extend(self.ip_id.to_be_bytes());
        header.extend([0x40, 0, 64, protocol, 0, 0]);
        header.extend(from.address);
        header.extend(to.address);
    }

    /// Writes what is in the buffer, and `payload` behind it.
    fn packet(&mut self, payload: &[u8]) -> io::Result<()> {
        self.clock += 1_000 + self.random.number() % 20_000;
        let len = self.buffer.len() + payload.len();
        let field = |number: u64| u32::try_from(number).unwrap_or(0).to_le_bytes();
        let mut record = [0; 16];
        record[..4].copy_from_slice(&field(self.clock / 1_000_000_000));
        record[4..8].copy_from_slice(&field(self.clock % 1_000_000_000 / 1_000));
        record[8..12].copy_from_slice(&field(len as u64));
        record[12..].copy_from_slice(&field(len as u64));
        self.out.write_all(&record)?;
        self.out.write_all(&self.buffer)?;
        self.out.write_all(payload)?;
        self.written += (record.len() + len) as u64;
        self.packets += 1;
        Ok(())
    }
}

fn low16(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

/// Both ends of a TCP connection, in order and without loss.
#[derive(Debug)]
pub struct Tcp {
    ends: [End; 2],
    next: [u32; 2],
    /// Segments of the other end that each end has not acknowledged.
    behind: [u8; 2],
}

impl Tcp {
    /// A connection that is not open yet, from the first end to the second.
    pub fn new(ends: [End; 2]) -> Self {
        Self {
            ends,
            next: [1_000, 900_000],
            behind: [0; 2],
        }
    }

    pub fn open(&mut self, wire: &mut Wire<'_>) -> io::Result<()> {
        self.put(wire, 0, SYN, b"")?;
        self.next[0] += 1;
        self.put(wire, 1, SYN | ACK, b"")?;
        self.next[1] += 1;
        self.put(wire, 0, ACK, b"")
    }

    pub fn close(&mut self, wire: &mut Wire<'_>) -> io::Result<()> {
        for from in [0, 1] {
            self.put(wire, from, FIN | ACK, b"")?;
            self.next[from] = self.next[from].wrapping_add(1);
        }
        self.put(wire, 0, ACK, b"")
    }

    /// Sends bytes in as many segments as they need.
    pub fn send(&mut self, wire: &mut Wire<'_>, from: usize, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(MSS) {
            self.put(wire, from, ACK | PSH, piece)?;
            let len = u32::try_from(piece.len()).unwrap_or(0);
            self.next[from] = self.next[from].wrapping_add(len);
            let to = 1 - from;
            self.behind[to] += 1;
            if self.behind[to] == 2 {
                self.put(wire, to, ACK, b"")?;
            }
        }
        Ok(())
    }

    fn put(
        &mut self,
        wire: &mut Wire<'_>,
        from: usize,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        self.behind[from] = 0;
        let ack = if flags == SYN { 0 } else { self.next[1 - from] };
        let segment = Segment {
            from: self.ends[from],
            to: self.ends[1 - from],
            seq: self.next[from],
            ack,
            flags,
        };
        wire.tcp(&segment, payload)
    }
}

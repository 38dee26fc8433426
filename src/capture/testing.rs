//! Builders of capture files, and a printer of what is read from them, for the tests
//! of this layer.

use std::fmt::Write;
use std::io::{self, Cursor, Read};
use std::path::Path;

use super::PacketSource;

/// Byte order of what a builder writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// A little-endian Ethernet pcap file; each record is seconds, microseconds, data.
pub(super) fn pcap(records: &[(u32, u32, &[u8])]) -> Vec<u8> {
    pcap_variant(Order::Little, 0xa1b2_c3d4, 0, 1, records)
}

/// A pcap file with `extra` more bytes in each record header.
pub(super) fn pcap_variant(
    order: Order,
    magic: u32,
    extra: usize,
    network: u32,
    records: &[(u32, u32, &[u8])],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(order.u32(magic));
    bytes.extend([order.u16(2), order.u16(4)].concat());
    bytes.extend([0, 0, 4, network].map(|field| order.u32(field)).concat());
    for &(seconds, fraction, data) in records {
        let len = u32_of(data.len());
        bytes.extend(
            [seconds, fraction, len, len]
                .map(|field| order.u32(field))
                .concat(),
        );
        bytes.extend(vec![0xee; extra]);
        bytes.extend(data);
    }
    bytes
}

/// A pcapng file, block by block.
pub(super) struct PcapNg {
    order: Order,
    pub(super) bytes: Vec<u8>,
}

impl PcapNg {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            bytes: Vec::new(),
        }
    }

    /// A block, with its body padded.
    pub(super) fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let padded = body.len().next_multiple_of(4);
        let len = self.order.u32(u32_of(12 + padded));
        self.bytes.extend(self.order.u32(kind));
        self.bytes.extend(len);
        self.bytes.extend(body);
        self.bytes.extend(vec![0; padded - body.len()]);
        self.bytes.extend(len);
        self
    }

    /// A section header that does not say how long the section is.
    pub(super) fn section(self) -> Self {
        self.section_of_len(u32::MAX)
    }

    pub(super) fn section_of_len(self, len: u32) -> Self {
        let order = self.order;
        let high = if len == u32::MAX { len } else { 0 };
        let (first, second) = if order == Order::Big {
            (high, len)
        } else {
            (len, high)
        };
        let version = [order.u16(1), order.u16(0)].concat();
        let body = [
            &order.u32(0x1a2b_3c4d)[..],
            &version,
            &order.u32(first),
            &order.u32(second),
        ];
        self.block(0x0a0d_0d0a, &body.concat())
    }

    pub(super) fn interface(self, link_type: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Self {
        let order = self.order;
        let mut body = [&order.u16(link_type)[..], &[0, 0], &order.u32(snap_len)].concat();
        for (code, value) in options {
            body.extend(order.u16(*code));
            body.extend(order.u16(u16::try_from(value.len()).unwrap_or(u16::MAX)));
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.block(1, &body)
    }

    /// The fixed fields of an Enhanced Packet Block.
    pub(super) fn packet_header(
        &self,
        interface: u32,
        time: u64,
        captured: u32,
        wire: u32,
    ) -> Vec<u8> {
        let (high, low) = (time >> 32, time & 0xffff_ffff);
        let (high, low) = (
            u32::try_from(high).unwrap_or(0),
            u32::try_from(low).unwrap_or(0),
        );
        [interface, high, low, captured, wire]
            .map(|field| self.order.u32(field))
            .concat()
    }

    pub(super) fn enhanced(self, interface: u32, time: u64, wire_len: u32, data: &[u8]) -> Self {
        let header = self.packet_header(interface, time, u32_of(data.len()), wire_len);
        self.block(6, &[&header, data].concat())
    }

    pub(super) fn obsolete(self, interface: u16, time: u64, wire_len: u32, data: &[u8]) -> Self {
        let mut header = self.packet_header(0, time, u32_of(data.len()), wire_len);
        header[..2].copy_from_slice(&self.order.u16(interface));
        header[2..4].copy_from_slice(&self.order.u16(0xffff));
        self.block(2, &[&header, data].concat())
    }

    pub(super) fn simple(self, wire_len: u32, data: &[u8]) -> Self {
        let header = self.order.u32(wire_len);
        self.block(3, &[&header, data].concat())
    }

    pub(super) fn secrets(self, kind: u32, data: &[u8]) -> Self {
        let header = [kind, u32_of(data.len())]
            .map(|field| self.order.u32(field))
            .concat();
        self.block(10, &[&header, data].concat())
    }
}

fn u32_of(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// A reader that gives one byte at a time and is interrupted before each.
pub(super) struct Trickle {
    bytes: Cursor<Vec<u8>>,
    interrupted: bool,
}

impl Trickle {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: Cursor::new(bytes.to_vec()),
            interrupted: false,
        }
    }
}

impl Read for Trickle {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let one = buf.len().min(1);
        self.bytes.read(&mut buf[..one])
    }
}

/// What is read from a capture named `f`: a line for each packet
/// (`SECONDS LINKTYPE CAPTURED/WIRE DATA`) and each error (`! MESSAGE`).
pub(super) fn lines(reader: impl Read + Send + 'static) -> Vec<String> {
    read(reader, false)
}

/// As [`lines`], with secrets (`TYPE DATA`) if they are to be taken.
pub(super) fn read(reader: impl Read + Send + 'static, take_secrets: bool) -> Vec<String> {
    match super::from_reader("f", reader) {
        Ok(mut source) => read_source(source.as_mut(), take_secrets),
        Err(error) => vec![format!("! {error}")],
    }
}

/// As [`read`], of a source that is already open.
pub(super) fn read_source(source: &mut dyn PacketSource, take_secrets: bool) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        if take_secrets {
            for secrets in source.take_secrets() {
                let data = String::from_utf8_lossy(&secrets.data).into_owned();
                lines.push(format!("{:#x} {data}", secrets.secrets_type));
            }
        }
        match source.next_packet() {
            Ok(None) => return lines,
            Err(error) => lines.push(format!("! {error}")),
            Ok(Some(packet)) => {
                let (seconds, nanos) =
                    (packet.time.0 / 1_000_000_000, packet.time.0 % 1_000_000_000);
                let kind = packet.link_type.name().unwrap_or("?");
                let (captured, wire) = (packet.data.len(), packet.wire_len);

                let mut line = format!("{seconds}.{nanos:09} {kind} {captured}/{wire} ");
                for byte in packet.data {
                    let _ = write!(line, "{byte:02x}");
                }
                lines.push(line);
            }
        }
    }
}

/// `lines` with the directory of a test left out.
pub(super) fn without_directory(lines: Vec<String>, directory: &Path) -> Vec<String> {
    let directory = format!("{}/", directory.display());
    lines
        .into_iter()
        .map(|line| line.replace(&directory, ""))
        .collect()
}

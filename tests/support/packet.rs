//! Bytes of packets: Ethernet, VLAN tags, tunnels, IPv4, TCP.

use std::net::SocketAddrV4;

use wsdump::capture::{self, LinkType, Packet};
use wsdump::time::Timestamp;

/// A packet that owns its bytes.
#[derive(Clone, Debug)]
pub struct Captured {
    pub time: u64,
    pub link_type: LinkType,
    pub wire_len: u32,
    pub data: Vec<u8>,
}

pub type Trace = Vec<Captured>;

impl Captured {
    pub fn ethernet(time: u64, data: Vec<u8>) -> Self {
        Self {
            time,
            link_type: LinkType::ETHERNET,
            wire_len: u32::try_from(data.len()).unwrap(),
            data,
        }
    }

    pub fn packet(&self) -> Packet<'_> {
        Packet {
            time: Timestamp(self.time),
            link_type: self.link_type,
            wire_len: self.wire_len,
            data: &self.data,
        }
    }

    /// The same packet with only its first `len` bytes kept.
    pub fn snapped(mut self, len: usize) -> Self {
        self.data.truncate(len);
        self
    }
}

/// The packets of a capture file, up to its first error.
pub fn packets_of(file: Vec<u8>) -> Trace {
    let mut trace = Trace::new();
    let Ok(mut source) = capture::from_reader("memory", std::io::Cursor::new(file)) else {
        return trace;
    };
    while let Ok(Some(packet)) = source.next_packet() {
        trace.push(Captured {
            time: packet.time.0,
            link_type: packet.link_type,
            wire_len: packet.wire_len,
            data: packet.data.to_vec(),
        });
    }
    trace
}

/// What a packet is wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    Vlan(u16),
    /// VXLAN network identifier, in UDP.
    Vxlan(u32),
    /// GRE with a key, IPv4 inside.
    Gre(u32),
}

/// One TCP header with its payload.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    pub source: SocketAddrV4,
    pub destination: SocketAddrV4,
    pub ip_id: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub payload: &'a [u8],
}

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const ACK: u8 = 0x10;

/// An Ethernet frame, with the wraps from the outside inward.
pub fn ethernet(header: &Header<'_>, wraps: &[Wrap]) -> Vec<u8> {
    let ip = ipv4(
        header.source,
        header.destination,
        header.ip_id,
        6,
        &tcp(header),
    );
    within(wraps, ip)
}

fn within(wraps: &[Wrap], ip: Vec<u8>) -> Vec<u8> {
    let mut frame = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01".to_vec();
    let vlans = wraps
        .iter()
        .take_while(|wrap| matches!(wrap, Wrap::Vlan(_)));
    for wrap in vlans.clone() {
        if let Wrap::Vlan(id) = wrap {
            frame.extend(0x8100_u16.to_be_bytes());
            frame.extend(id.to_be_bytes());
        }
    }
    frame.extend(0x0800_u16.to_be_bytes());
    let ends = ["203.0.113.1:4789", "203.0.113.2:4789"].map(|end| end.parse().unwrap());
    let [left, right] = ends;
    let inner = match wraps.split_at(vlans.count()).1 {
        [] => ip,
        [Wrap::Vxlan(vni), rest @ ..] => {
            let mut payload = vec![0x08, 0, 0, 0];
            payload.extend((vni << 8).to_be_bytes());
            payload.extend(within(rest, ip));
            let len = u16::try_from(8 + payload.len()).unwrap();
            let mut udp = Vec::new();
            for field in [4789, 4789, len, 0] {
                udp.extend(u16::to_be_bytes(field));
            }
            udp.extend(payload);
            ipv4(left, right, 1, 17, &udp)
        }
        [Wrap::Gre(key)] => {
            let mut gre = vec![0x20, 0, 0x08, 0];
            gre.extend(key.to_be_bytes());
            gre.extend(ip);
            ipv4(left, right, 1, 47, &gre)
        }
        other => panic!("no way to wrap a packet in {other:?}"),
    };
    frame.extend(inner);
    frame
}

fn ipv4(from: SocketAddrV4, to: SocketAddrV4, id: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + payload.len()).expect("a payload that fits in one packet");
    let mut ip = vec![0x45, 0];
    ip.extend(total.to_be_bytes());
    ip.extend(id.to_be_bytes());
    ip.extend([0x40, 0, 64, protocol, 0, 0]);
    ip.extend(from.ip().octets());
    ip.extend(to.ip().octets());
    ip.extend(payload);
    ip
}

fn tcp(header: &Header<'_>) -> Vec<u8> {
    let mut tcp = Vec::new();
    tcp.extend(header.source.port().to_be_bytes());
    tcp.extend(header.destination.port().to_be_bytes());
    tcp.extend(header.seq.to_be_bytes());
    tcp.extend(header.ack.to_be_bytes());
    tcp.extend([0x50, header.flags]);
    tcp.extend(header.window.to_be_bytes());
    tcp.extend([0; 4]);
    tcp.extend(header.payload);
    tcp
}

/// The same Ethernet packets with both directions exchanged: addresses and ports.
pub fn directions_swapped(trace: &Trace) -> Trace {
    let swapped = |packet: &Captured| {
        let mut packet = packet.clone();
        let data = &mut packet.data;
        if data.len() >= 38 && data[12..14] == [0x08, 0] {
            for at in 0..4 {
                data.swap(26 + at, 30 + at);
            }
            let tcp = 14 + usize::from(data[14] & 0xF) * 4;
            if data.len() >= tcp + 4 {
                data.swap(tcp, tcp + 2);
                data.swap(tcp + 1, tcp + 3);
            }
        }
        packet
    };
    trace.iter().map(swapped).collect()
}

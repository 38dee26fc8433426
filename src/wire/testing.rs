//! Packets for the tests of this layer, built from the inside out.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use super::encapsulation::Kind;
use super::{Contents, Decoder, Encapsulation, Segment};
use crate::capture::{LinkType, Packet};
use crate::time::Timestamp;

/// What the line of every packet that wraps [`inner`] says.
pub(super) const INNER: &str = "10.1.0.1:40000 > 10.1.0.2:80 seq 7 \"hello\" of 5";
/// The same for [`inner6`].
pub(super) const INNER6: &str = "[fd00::1]:40000 > [fd00::2]:80 seq 7 \"hello\" of 5";

/// An IPv4 datagram with a segment.
pub(super) fn inner() -> Vec<u8> {
    ipv4(6, &tcp(b"hello"))
}

/// An IPv6 datagram with the same segment.
pub(super) fn inner6() -> Vec<u8> {
    ipv6(6, &tcp(b"hello"))
}

pub(super) fn tcp(payload: &[u8]) -> Vec<u8> {
    let header = b"\x9c\x40\0\x50\0\0\0\x07\0\0\0\x09\x50\x18\x20\0\xab\xcd\0\0";
    join(&[header, payload])
}

pub(super) fn udp(destination: u16, payload: &[u8]) -> Vec<u8> {
    let len = be(8 + payload.len());
    join(&[
        &[0xd0, 0x00],
        &destination.to_be_bytes(),
        &len,
        &[0, 0],
        payload,
    ])
}

pub(super) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_fragment(protocol, 0, false, payload)
}

/// A fragment of identification 0x1234.
pub(super) fn ipv4_fragment(protocol: u8, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let [f0, f1] = be(offset / 8 + if more { 0x2000 } else { 0 });
    let [l0, l1] = be(20 + payload.len());
    join(&[
        &[0x45, 0, l0, l1, 0x12, 0x34, f0, f1, 64, protocol, 0, 0],
        &[10, 1, 0, 1, 10, 1, 0, 2],
        payload,
    ])
}

pub(super) fn ipv6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let [l0, l1] = be(payload.len());
    let address = |last| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    join(&[
        &[0x60, 0, 0, 0, l0, l1, next_header, 64],
        &address(1),
        &address(2),
        payload,
    ])
}

/// A fragment of identification 0x99.
pub(super) fn ipv6_fragment(protocol: u8, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let [o0, o1] = be(offset + usize::from(more));
    ipv6(44, &join(&[&[protocol, 0, o0, o1, 0, 0, 0, 0x99], payload]))
}

pub(super) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let addresses = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01";
    join(&[addresses, &ether_type.to_be_bytes(), payload])
}

/// A VLAN tag, from its identifier on to what follows.
pub(super) fn vlan(vid: u16, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&vid.to_be_bytes(), &ether_type.to_be_bytes(), payload])
}

pub(super) fn vxlan(vni: u8, payload: &[u8]) -> Vec<u8> {
    join(&[&[0x08, 0, 0, 0, 0, 0, vni, 0], payload])
}

pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub(super) fn be(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap().to_be_bytes()
}

pub(super) fn packet(link_type: LinkType, data: &[u8]) -> Packet<'_> {
    Packet {
        time: Timestamp(0),
        link_type,
        wire_len: u32::try_from(data.len()).unwrap(),
        data,
    }
}

/// What a new decoder makes of one whole packet.
pub(super) fn line_of(link_type: LinkType, data: &[u8]) -> String {
    line(&Decoder::default().decode(&packet(link_type, data)))
}

/// One line that says what a packet holds.
pub(super) fn line(contents: &Contents<'_>) -> String {
    match contents {
        Contents::Tcp(segment) => format!(
            "{} > {} seq {} {:?} of {}",
            segment.source,
            segment.destination,
            segment.seq.0,
            String::from_utf8_lossy(segment.payload),
            segment.payload_len,
        ),
        Contents::Other(other) => {
            let mut line = format!("{:?}", other.kind);
            if let Some((source, destination)) = other.addresses {
                write!(line, " {source} > {destination}").unwrap();
            }
            if let Some((source, destination)) = other.ports {
                write!(line, " {source} > {destination}").unwrap();
            }
            line
        }
    }
}

/// The segment of a whole packet and what it is wrapped in.
pub(super) fn encapsulation_of(link_type: LinkType, data: &[u8]) -> Encapsulation {
    match Decoder::default().decode(&packet(link_type, data)) {
        Contents::Tcp(Segment { encapsulation, .. }) => encapsulation,
        Contents::Other(other) => panic!("no segment: {other:?}"),
    }
}

/// These identifiers, the outermost first.
pub(super) fn stack(ids: &[(Kind, u32)]) -> Encapsulation {
    ids.iter().fold(Encapsulation::NONE, |outer, &(kind, id)| {
        outer.inside(kind, id)
    })
}

//! From a captured packet to a TCP segment with its addresses.
//!
//! [`Decoder::decode`] walks link layer, VLAN tags, tunnels and IP, as deep as they
//! are stacked, puts IP fragments together, and ends at a [`Segment`] or says what
//! else the packet was. Headers that etherparse knows are read by etherparse, except
//! TCP's, which it reads only when no option was cut.
//!
//! A packet that was cut by the snap length, or whose total length is 0 because of
//! segmentation offload, still gives its segment: [`Segment::payload`] is what was
//! captured, [`Segment::payload_len`] what was sent.

mod cursor;
mod decoder;
mod encapsulation;
mod error;
mod fragment;
mod ip;
mod link;
mod tcp;
#[cfg(test)]
mod testing;
mod tunnel;
mod walk;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub use crate::limits::FragmentLimits;
pub use decoder::{Decoder, supports};
pub use encapsulation::Encapsulation;
pub use error::{Layer, WireError};

/// A TCP sequence number, modulo 2^32 (RFC 9293 §3.4).
///
/// It has no `<`: an order modulo 2^32 is not an order. Reassembly turns sequence
/// numbers into 64-bit stream offsets once, and no layer above sees them again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// Signed distance from `earlier`, right across the wrap as long as the two are
    /// less than 2^31 apart.
    pub fn distance_from(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// The number `count` further on.
    #[must_use]
    pub fn advanced_by(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }
}

/// Control bits of a TCP header (RFC 9293 §3.1), in their place in the header's 14th byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push function.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment field is significant.
    pub const ACK: Self = Self(0x10);

    /// Names of the bits that are set, in the order people say them: `SYN, ACK`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [(u8, &str); 8] = [
            (0x01, "FIN"),
            (0x02, "SYN"),
            (0x04, "RST"),
            (0x08, "PSH"),
            (0x10, "ACK"),
            (0x20, "URG"),
            (0x40, "ECE"),
            (0x80, "CWR"),
        ];
        NAMES
            .into_iter()
            .filter(move |(bit, _)| self.0 & bit != 0)
            .map(|(_, name)| name)
    }

    /// Whether all bits of `flags` are set.
    pub fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// One TCP header with its payload (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Sender's address and port (those of the innermost IP header).
    pub source: SocketAddr,
    /// Receiver's address and port.
    pub destination: SocketAddr,
    /// What the packet was wrapped in.
    pub encapsulation: Encapsulation,
    /// IPv4 identification, which tells a second capture of one packet from a
    /// retransmission; 0 for IPv6, where there is none.
    pub ip_id: u16,
    /// Time to live (IPv4) or hop limit (IPv6).
    pub hop_limit: u8,
    /// The innermost VLAN identifier, where there is a tag that has one.
    pub vlan: Option<u16>,
    /// Length of the packet on the wire, in bytes.
    pub packet_len: u32,
    /// Bytes of the packet that were captured.
    pub captured_len: u32,
    /// Sequence number of the first payload byte, or of the SYN.
    pub seq: SeqNumber,
    /// Acknowledgment number; meaningful only with [`TcpFlags::ACK`].
    pub ack: SeqNumber,
    /// Length of the TCP header with its options, in bytes.
    pub header_len: u8,
    /// The four bits before the control bits: reserved, the last one Accurate ECN's.
    pub reserved: u8,
    /// Control bits.
    pub flags: TcpFlags,
    /// Window field, not scaled.
    pub window: u16,
    /// Checksum field as captured; never verified, since offload leaves it unset.
    pub checksum: u16,
    /// Option bytes, unparsed; read them with [`TcpOptions`].
    pub options: &'a [u8],
    /// Payload bytes that were captured.
    pub payload: &'a [u8],
    /// Payload length on the wire; never less than `payload.len()`.
    pub payload_len: usize,
}

/// The TCP options that wsdump shows (RFC 9293 §3.2, RFC 7323 §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Maximum segment size, in bytes.
    pub mss: Option<u16>,
    /// Window scale shift count, 0 to 14.
    pub window_scale: Option<u8>,
}

/// What a packet turned out to hold.
#[derive(Clone, Copy, Debug)]
pub enum Contents<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// Anything else.
    Other(Other),
}

/// A packet that is not TCP, with what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    /// What it was.
    pub kind: OtherKind,
    /// Innermost addresses, source first, where there was an IP header.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Ports, source first, where there were any.
    pub ports: Option<(u16, u16)>,
}

/// Kinds of packet that carry no TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtherKind {
    /// UDP that is no known tunnel.
    Udp,
    /// ICMP or `ICMPv6`.
    Icmp,
    /// ARP.
    Arp,
    /// An IP fragment that waits for the rest.
    Fragment,
    /// Another IP protocol, by number (IANA protocol numbers).
    IpProtocol(u8),
    /// Another `EtherType`.
    EtherType(u16),
    /// A link layer's own control traffic (PPP negotiation, `PPPoE` discovery, 802.3 frames …).
    LinkControl,
    /// The packet contradicts itself or was cut before its TCP header ended.
    Malformed(WireError),
    /// wsdump has no reader for this link type.
    UnsupportedLinkType,
}

impl fmt::Display for OtherKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp => f.write_str("UDP"),
            Self::Icmp => f.write_str("ICMP"),
            Self::Arp => f.write_str("ARP"),
            Self::Fragment => f.write_str("Fragment"),
            Self::IpProtocol(number) => write!(f, "IP protocol {number}"),
            Self::EtherType(number) => write!(f, "EtherType 0x{number:04x}"),
            Self::LinkControl => f.write_str("link control"),
            Self::Malformed(_) => f.write_str("malformed"),
            Self::UnsupportedLinkType => f.write_str("unsupported link type"),
        }
    }
}

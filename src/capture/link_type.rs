//! Link-layer header types, as numbered in capture files.

use std::fmt;

/// A link-layer header type: what the first byte of a packet belongs to.
///
/// The values are those of the registry kept with the pcap file format
/// (`LINKTYPE_…`), not the `DLT_…` values of one operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the capturing machine.
    pub const NULL: Self = Self(0);
    /// IEEE 802.3 Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without HDLC-like framing (RFC 1661, RFC 1662).
    pub const PPP: Self = Self(9);
    /// PPP in HDLC-like framing, or Cisco HDLC (RFC 1662).
    pub const PPP_HDLC: Self = Self(50);
    /// `PPPoE`: a PPP session, the `PPPoE` header first (RFC 2516).
    pub const PPP_ETHER: Self = Self(51);
    /// Raw IP, version 4 or 6 by its first nibble.
    pub const RAW: Self = Self(101);
    /// `OpenBSD` loopback: as [`LinkType::NULL`], always in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture v1, of the `any` device.
    pub const LINUX_SLL: Self = Self(113);
    /// PPP preceded by a direction byte.
    pub const PPP_WITH_DIR: Self = Self(204);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: Self = Self(276);

    /// Name in the registry, for those that wsdump reads and those a user is likely to meet.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NULL => "NULL",
            Self::ETHERNET => "ETHERNET",
            Self::PPP => "PPP",
            Self::PPP_HDLC => "PPP_HDLC",
            Self::PPP_ETHER => "PPP_ETHER",
            Self::RAW => "RAW",
            Self::LOOP => "LOOP",
            Self::LINUX_SLL => "LINUX_SLL",
            Self::PPP_WITH_DIR => "PPP_WITH_DIR",
            Self::IPV4 => "IPV4",
            Self::IPV6 => "IPV6",
            Self::LINUX_SLL2 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

//! One packet's way inward, header by header.
//!
//! Each reader takes one header off the front and names the next; the decoder's
//! loop goes on until a segment or the end. There is no recursion, so a packet
//! cannot use up the stack.

use std::net::IpAddr;

use etherparse::{Ipv4Header, Ipv4HeaderSlice, Ipv6HeaderSlice};

use super::cursor::Cursor;
use super::fragment::Part;
use super::{Contents, Encapsulation, Layer, Other, OtherKind, WireError};
use crate::capture::Packet;

/// Where a packet has been read up to, and what its headers have said so far.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) encapsulation: Encapsulation,
    /// The innermost VLAN identifier so far.
    pub(super) vlan: Option<u16>,
    /// Length of the packet on the wire.
    pub(super) packet_len: u32,
    /// Bytes of the packet that were captured.
    pub(super) captured_len: u32,
    /// The innermost IP header so far.
    pub(super) ip: Option<IpHeader<'a>>,
    /// Ports of the innermost UDP header, unless a tunnel came after it.
    pub(super) ports: Option<(u16, u16)>,
}

/// An IP header that was checked and is read when something is asked of it.
///
/// Addresses stay in the packet until the end: copying them along costs more than the
/// rest of the walk.
#[derive(Clone, Copy, Debug)]
pub(super) enum IpHeader<'a> {
    V4(Ipv4HeaderSlice<'a>),
    V6(Ipv6HeaderSlice<'a>),
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// A header of a capture format.
    Capture(CaptureHeader),
    /// An Ethernet header.
    Ethernet,
    /// What follows this `EtherType`.
    EtherType(u16),
    /// IEEE 802.2 logical link control.
    Llc,
    /// A PPP protocol field, perhaps in HDLC-like framing.
    Ppp,
    /// A `PPPoE` header.
    Pppoe,
    /// A stack of MPLS labels.
    Mpls,
    /// IP of the version its first nibble says.
    Ip,
    /// An IPv4 header.
    Ipv4,
    /// An IPv6 header.
    Ipv6,
    /// What follows this IP protocol number.
    IpProtocol(u8),
}

/// Why there is no next header to read, for now.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    /// The packet ends in something that is read no further.
    At(OtherKind),
    /// What follows is part of an IP datagram.
    Fragment(Part),
}

/// Headers that only a capture has, not a wire.
#[derive(Clone, Copy, Debug)]
pub(super) enum CaptureHeader {
    /// BSD NULL or LOOP: an address family.
    AddressFamily,
    /// Linux cooked capture, version 1.
    LinuxSll,
    /// Linux cooked capture, version 2.
    LinuxSll2,
    /// PPP in HDLC-like framing or Cisco HDLC, by the first byte.
    Hdlc,
    /// PPP after a direction byte.
    PppWithDirection,
}

impl<'a> Walk<'a> {
    /// Stands at the first byte of `packet`.
    pub(super) fn new(packet: &Packet<'a>) -> Self {
        let wire_len = usize::try_from(packet.wire_len).unwrap_or(usize::MAX);
        Self {
            cursor: Cursor::new(packet.data, wire_len),
            encapsulation: Encapsulation::NONE,
            vlan: None,
            packet_len: packet.wire_len,
            captured_len: u32::try_from(packet.data.len()).unwrap_or(packet.wire_len),
            ip: None,
            ports: None,
        }
    }

    /// Reads one header.
    pub(super) fn read(&mut self, header: Next) -> Result<Next, Stop> {
        match header {
            Next::Capture(header) => self.capture_header(header),
            Next::Ethernet => self.ethernet(),
            Next::EtherType(ether_type) => self.ether_type(ether_type),
            Next::Llc => self.llc(),
            Next::Ppp => self.ppp(),
            Next::Pppoe => self.pppoe(),
            Next::Mpls => self.mpls(),
            Next::Ip => Ok(self.ip()),
            Next::Ipv4 => self.ipv4(),
            Next::Ipv6 => self.ipv6(),
            Next::IpProtocol(protocol) => self.ip_protocol(protocol),
        }
    }

    /// The innermost IP header. No reader leads past IP without one, so the error is
    /// only a way of not having to panic.
    pub(super) fn ip_header(&self) -> Result<IpHeader<'a>, WireError> {
        self.ip
            .ok_or(WireError::truncated(Layer::Ip, Ipv4Header::MIN_LEN, 0))
    }

    /// The packet as one that cannot be read.
    pub(super) fn malformed(&self, error: WireError) -> Contents<'a> {
        self.other(OtherKind::Malformed(error))
    }

    /// The packet as one that carries no segment.
    pub(super) fn other(&self, kind: OtherKind) -> Contents<'a> {
        Contents::Other(Other {
            kind,
            addresses: self.ip.map(|ip| (ip.source(), ip.destination())),
            ports: self.ports,
        })
    }
}

impl From<WireError> for Stop {
    fn from(error: WireError) -> Self {
        Self::At(OtherKind::Malformed(error))
    }
}

impl IpHeader<'_> {
    pub(super) fn source(&self) -> IpAddr {
        match self {
            Self::V4(header) => header.source_addr().into(),
            Self::V6(header) => header.source_addr().into(),
        }
    }

    pub(super) fn destination(&self) -> IpAddr {
        match self {
            Self::V4(header) => header.destination_addr().into(),
            Self::V6(header) => header.destination_addr().into(),
        }
    }

    /// Time to live, or hop limit.
    pub(super) fn hop_limit(&self) -> u8 {
        match self {
            Self::V4(header) => header.ttl(),
            Self::V6(header) => header.hop_limit(),
        }
    }

    /// IPv4 identification, 0 for IPv6.
    pub(super) fn id(&self) -> u16 {
        match self {
            Self::V4(header) => header.identification(),
            Self::V6(_) => 0,
        }
    }
}

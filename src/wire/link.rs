//! Link layers: capture headers, Ethernet, VLAN tags, PPP and MPLS.
//!
//! The layouts of the capture headers are those of the link-type registry kept
//! with the pcap file format.

use etherparse::err::macsec;
use etherparse::{
    Ethernet2Header, Ethernet2HeaderSlice, Ipv6Header, MacsecHeaderSlice, SingleVlanHeaderSlice,
};

use super::cursor::Cursor;
use super::encapsulation::Kind;
use super::walk::{CaptureHeader, Next, Stop, Walk};
use super::{Layer, OtherKind, WireError};
use crate::capture::LinkType;

/// The first header of a packet of this link type, if there is a reader for it.
pub(super) fn first(link_type: LinkType) -> Option<Next> {
    Some(match link_type {
        LinkType::ETHERNET => Next::Ethernet,
        LinkType::NULL | LinkType::LOOP => Next::Capture(CaptureHeader::AddressFamily),
        LinkType::LINUX_SLL => Next::Capture(CaptureHeader::LinuxSll),
        LinkType::LINUX_SLL2 => Next::Capture(CaptureHeader::LinuxSll2),
        LinkType::RAW | RAW_BSD | RAW_OPENBSD => Next::Ip,
        LinkType::IPV4 => Next::Ipv4,
        LinkType::IPV6 => Next::Ipv6,
        LinkType::PPP => Next::Ppp,
        LinkType::PPP_HDLC => Next::Capture(CaptureHeader::Hdlc),
        LinkType::PPP_WITH_DIR => Next::Capture(CaptureHeader::PppWithDirection),
        LinkType::PPP_ETHER => Next::Pppoe,
        _ => return None,
    })
}

impl Walk<'_> {
    /// A header that only a capture has.
    pub(super) fn capture_header(&mut self, header: CaptureHeader) -> Result<Next, Stop> {
        match header {
            CaptureHeader::AddressFamily => {
                let family: [u8; 4] = self.cursor.array(Layer::Link)?;
                // Families are small numbers, so the smaller reading has the byte
                // order of the machine that captured.
                let family = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
                Ok(match family {
                    2 => Next::Ipv4,
                    // NetBSD and OpenBSD, FreeBSD, macOS, Linux.
                    24 | 28 | 30 | 10 => Next::Ipv6,
                    _ => return Err(Stop::At(OtherKind::LinkControl)),
                })
            }
            CaptureHeader::LinuxSll => {
                // Packet type, hardware type, address length, address, protocol.
                // etherparse refuses hardware types it does not know, such as PPP's.
                let [_, _, hw0, hw1, _, _, _, _, _, _, _, _, _, _, p0, p1] =
                    self.cursor.array(Layer::Link)?;
                cooked(u16::from_be_bytes([hw0, hw1]), u16::from_be_bytes([p0, p1]))
            }
            CaptureHeader::LinuxSll2 => {
                // Protocol, reserved, interface index, hardware type, and the rest.
                let [p0, p1, _, _, _, _, _, _, hw0, hw1] = self.cursor.array(Layer::Link)?;
                // Packet type, address length, address.
                self.cursor.skip(Layer::Link, 10)?;
                cooked(u16::from_be_bytes([hw0, hw1]), u16::from_be_bytes([p0, p1]))
            }
            CaptureHeader::Hdlc => match self.cursor.bytes() {
                // Cisco HDLC: unicast or broadcast address, a zero, an EtherType.
                [0x0f | 0x8f, 0x00, ..] => {
                    let [_, _, t0, t1] = self.cursor.array(Layer::Link)?;
                    Ok(Next::EtherType(u16::from_be_bytes([t0, t1])))
                }
                _ => Ok(Next::Ppp),
            },
            CaptureHeader::PppWithDirection => {
                self.cursor.skip(Layer::Link, 1)?;
                Ok(Next::Ppp)
            }
        }
    }

    /// An Ethernet header (IEEE 802.3 §3.2).
    pub(super) fn ethernet(&mut self) -> Result<Next, Stop> {
        let header = Ethernet2HeaderSlice::from_slice(self.cursor.bytes())
            .map_err(|error| WireError::from_len(Layer::Link, &error))?;
        self.cursor.skip(Layer::Link, Ethernet2Header::LEN)?;
        match header.ether_type().0 {
            // Nearly every packet; going on at once saves two turns of the loop.
            ether_type::IPV4 => self.ipv4(),
            other => Ok(Next::EtherType(other)),
        }
    }

    /// What follows an `EtherType`.
    pub(super) fn ether_type(&mut self, ether_type: u16) -> Result<Next, Stop> {
        match ether_type {
            ether_type::IPV4 => Ok(Next::Ipv4),
            ether_type::IPV6 => Ok(Next::Ipv6),
            ether_type::ARP => Err(Stop::At(OtherKind::Arp)),
            tag if is_vlan(tag) => self.vlan_tag(),
            ether_type::MPLS_UNICAST | ether_type::MPLS_MULTICAST => Ok(Next::Mpls),
            ether_type::PPPOE_SESSION => Ok(Next::Pppoe),
            ether_type::PPPOE_DISCOVERY => Err(Stop::At(OtherKind::LinkControl)),
            ether_type::PPP => Ok(Next::Ppp),
            ether_type::TRANSPARENT_ETHERNET => Ok(Next::Ethernet),
            ether_type::MACSEC => self.macsec(),
            // IEEE 802.3 §3.2.6: up to 1500 it is the length of an LLC frame.
            len @ 0..=1500 => {
                self.cursor.cut_to(usize::from(len));
                Ok(Next::Llc)
            }
            // The same in a jumbo frame, for which no length would do.
            ether_type::JUMBO_LLC => Ok(Next::Llc),
            other => Err(Stop::At(OtherKind::EtherType(other))),
        }
    }

    /// A VLAN tag (IEEE 802.1Q §9.6).
    fn vlan_tag(&mut self) -> Result<Next, Stop> {
        let tag = SingleVlanHeaderSlice::from_slice(self.cursor.bytes())
            .map_err(|error| WireError::from_len(Layer::Link, &error))?;
        self.cursor.skip(Layer::Link, tag.slice().len())?;
        // VID 0 gives a priority and names no VLAN.
        let vid = tag.vlan_identifier().value();
        if vid != 0 {
            self.encapsulation = self.encapsulation.inside(Kind::Vlan, u32::from(vid));
            self.vlan = Some(vid);
        }
        Ok(Next::EtherType(tag.ether_type().0))
    }

    /// A `MACsec` tag, with what it protects unless that is encrypted (IEEE 802.1AE §9).
    fn macsec(&mut self) -> Result<Next, Stop> {
        let tag =
            MacsecHeaderSlice::from_slice(self.cursor.bytes()).map_err(|error| match error {
                macsec::HeaderSliceError::Len(error) => WireError::from_len(Layer::Link, &error),
                macsec::HeaderSliceError::Content(macsec::HeaderError::UnexpectedVersion) => {
                    WireError::BadVersion {
                        layer: Layer::Link,
                        found: 1,
                        expected: 0,
                    }
                }
                macsec::HeaderSliceError::Content(
                    macsec::HeaderError::InvalidUnmodifiedShortLen,
                ) => WireError::BadLength {
                    layer: Layer::Link,
                    stated: 1,
                    limit: 2,
                },
            })?;
        let Some(ether_type) = tag.next_ether_type() else {
            return Err(Stop::At(OtherKind::EtherType(ether_type::MACSEC)));
        };
        self.cursor.skip(Layer::Link, tag.header_len())?;
        Ok(Next::EtherType(ether_type.0))
    }

    /// A logical link control header; only SNAP leads further (RFC 1042).
    pub(super) fn llc(&mut self) -> Result<Next, Stop> {
        match self.cursor.bytes() {
            [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 | 0xf8, t0, t1, ..] => {
                let ether_type = u16::from_be_bytes([*t0, *t1]);
                self.cursor.skip(Layer::Link, 8)?;
                Ok(match ether_type {
                    // A length cannot follow a length.
                    0..=1500 => return Err(Stop::At(OtherKind::LinkControl)),
                    other => Next::EtherType(other),
                })
            }
            _ => Err(Stop::At(OtherKind::LinkControl)),
        }
    }

    /// A `PPPoE` header (RFC 2516 §4).
    pub(super) fn pppoe(&mut self) -> Result<Next, Stop> {
        let [version_and_type, code, s0, s1, l0, l1] = self.cursor.array(Layer::Link)?;
        // A code other than 0 is discovery, a version other than 1 unknown.
        if version_and_type != 0x11 || code != 0 {
            return Err(Stop::At(OtherKind::LinkControl));
        }
        self.cursor
            .cut_to(usize::from(u16::from_be_bytes([l0, l1])));
        let session = u32::from(u16::from_be_bytes([s0, s1]));
        self.encapsulation = self.encapsulation.inside(Kind::Pppoe, session);
        Ok(Next::Ppp)
    }

    /// A PPP protocol field (RFC 1661 §2), perhaps compressed (§6.5), perhaps after
    /// the address and control fields of HDLC-like framing (RFC 1662 §3.1).
    pub(super) fn ppp(&mut self) -> Result<Next, Stop> {
        if let [0xff, 0x03, ..] = self.cursor.bytes() {
            self.cursor.skip(Layer::Link, 2)?;
        }
        // The last byte of the field is odd, every other byte even.
        let [mut protocol] = self.cursor.array(Layer::Link)?.map(u16::from);
        if protocol & 1 == 0 {
            let [low] = self.cursor.array(Layer::Link)?.map(u16::from);
            protocol = protocol << 8 | low;
        }
        Ok(match protocol {
            0x0021 => Next::Ipv4,
            0x0057 => Next::Ipv6,
            0x0281 | 0x0283 => Next::Mpls,
            _ => return Err(Stop::At(OtherKind::LinkControl)),
        })
    }

    /// A stack of MPLS labels (RFC 3032 §2.1) and a guess at what it carries, which
    /// no field says.
    pub(super) fn mpls(&mut self) -> Result<Next, Stop> {
        loop {
            let [_, _, label_end, _] = self.cursor.array(Layer::Link)?;
            let bottom_of_stack = label_end & 1 != 0;
            if bottom_of_stack {
                break;
            }
        }
        let bytes = self.cursor.bytes();
        let Some(first) = bytes.first() else {
            return Err(WireError::truncated(Layer::Link, 1, 0).into());
        };
        match first >> 4 {
            4 | 6 if looks_like_ip(&self.cursor) => Ok(Next::Ip),
            // RFC 4385 §5: an associated channel, which carries no packet.
            1 if !looks_like_ethernet(bytes) => Err(Stop::At(OtherKind::LinkControl)),
            // RFC 4448 §4.6: an Ethernet pseudowire may begin with a control word of
            // which the first four bits are 0; so may an Ethernet address.
            0 if !looks_like_ethernet(bytes) || bytes.get(4..).is_some_and(looks_like_ethernet) => {
                self.cursor.skip(Layer::Link, 4)?;
                Ok(Next::Ethernet)
            }
            _ => Ok(Next::Ethernet),
        }
    }
}

/// What a cooked header leads to, by the kind of interface and its protocol field.
fn cooked(hardware_type: u16, protocol: u16) -> Result<Next, Stop> {
    Ok(match (hardware_type, protocol) {
        (ARPHRD_NETLINK, _) => return Err(Stop::At(OtherKind::LinkControl)),
        // Linux's own numbers for frames without EtherType: 4 is 802.2.
        (_, 4) => Next::Llc,
        (_, 0..=1500) => return Err(Stop::At(OtherKind::LinkControl)),
        (_, ether_type) => Next::EtherType(ether_type),
    })
}

fn is_vlan(ether_type: u16) -> bool {
    // IEEE 802.1Q and 802.1ad, and three that were used before the latter.
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300)
}

/// Whether an IPv4 or IPv6 header comes next. An Ethernet address may begin with the
/// same four bits, but then the length field seldom fits.
fn looks_like_ip(cursor: &Cursor<'_>) -> bool {
    let stated = match *cursor.bytes() {
        [0x45..=0x4f, _, l0, l1, ..] => usize::from(u16::from_be_bytes([l0, l1])),
        [0x60..=0x6f, _, _, _, l0, l1, ..] => {
            Ipv6Header::LEN + usize::from(u16::from_be_bytes([l0, l1]))
        }
        _ => return false,
    };
    stated <= cursor.wire_len() || !looks_like_ethernet_with_ip(cursor.bytes())
}

/// Whether an `EtherType` that wsdump reads stands where Ethernet has it.
fn looks_like_ethernet(bytes: &[u8]) -> bool {
    let Some(&[t0, t1]) = bytes.get(12..14).and_then(<[u8]>::first_chunk) else {
        return false;
    };
    let ether_type = u16::from_be_bytes([t0, t1]);
    is_vlan(ether_type)
        || matches!(
            ether_type,
            ether_type::IPV4
                | ether_type::IPV6
                | ether_type::ARP
                | ether_type::MPLS_UNICAST
                | ether_type::MPLS_MULTICAST
                | ether_type::PPPOE_SESSION
                | ether_type::PPPOE_DISCOVERY
                | ether_type::MACSEC
        )
}

/// Whether this is Ethernet with IP in it, by its `EtherType` and the nibble after.
fn looks_like_ethernet_with_ip(bytes: &[u8]) -> bool {
    matches!(
        bytes.get(12..15),
        Some([0x08, 0x00, 0x45..=0x4f] | [0x86, 0xdd, 0x60..=0x6f])
    )
}

// Two systems' numbers for raw IP, which found their way into files.
const RAW_BSD: LinkType = LinkType(12);
const RAW_OPENBSD: LinkType = LinkType(14);

/// Linux hardware type of netlink monitors, whose protocol field is no `EtherType`.
const ARPHRD_NETLINK: u16 = 824;

/// Ethernet type field values (IANA, IEEE 802 numbers).
pub(super) mod ether_type {
    pub(in crate::wire) const IPV4: u16 = 0x0800;
    pub(in crate::wire) const ARP: u16 = 0x0806;
    pub(in crate::wire) const TRANSPARENT_ETHERNET: u16 = 0x6558;
    pub(in crate::wire) const IPV6: u16 = 0x86dd;
    pub(in crate::wire) const PPP: u16 = 0x880b;
    pub(in crate::wire) const MPLS_UNICAST: u16 = 0x8847;
    pub(in crate::wire) const MPLS_MULTICAST: u16 = 0x8848;
    pub(in crate::wire) const PPPOE_DISCOVERY: u16 = 0x8863;
    pub(in crate::wire) const PPPOE_SESSION: u16 = 0x8864;
    pub(in crate::wire) const JUMBO_LLC: u16 = 0x8870;
    pub(in crate::wire) const MACSEC: u16 = 0x88e5;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn every_link_type_leads_to_the_segment() {
        let sll = |hardware: u8, protocol: [u8; 2], payload: &[u8]| {
            let header = [0, 0, 0, hardware, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
            join(&[&header, &protocol, payload])
        };
        let sll2 = |protocol: [u8; 2], payload: &[u8]| {
            let rest = [0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0];
            join(&[&protocol, &rest, payload])
        };
        let (ip, ip6) = (inner(), inner6());
        let after = |header: &[u8]| join(&[header, &ip]);
        let after6 = |header: &[u8]| join(&[header, &ip6]);
        let cases = [
            (LinkType::ETHERNET, ethernet(0x0800, &ip), INNER),
            (LinkType::ETHERNET, ethernet(0x86dd, &ip6), INNER6),
            (LinkType::NULL, after(&[2, 0, 0, 0]), INNER),
            (LinkType::NULL, after(&[0, 0, 0, 2]), INNER),
            (LinkType::NULL, after6(&[24, 0, 0, 0]), INNER6),
            (LinkType::NULL, after6(&[28, 0, 0, 0]), INNER6),
            (LinkType::NULL, after6(&[0, 0, 0, 30]), INNER6),
            (LinkType::NULL, after6(&[10, 0, 0, 0]), INNER6),
            (LinkType::LOOP, after(&[0, 0, 0, 2]), INNER),
            (LinkType::LOOP, after6(&[0, 0, 0, 24]), INNER6),
            (LinkType(12), ip.clone(), INNER),
            (LinkType(14), ip6.clone(), INNER6),
            (LinkType::RAW, ip.clone(), INNER),
            (LinkType::RAW, ip6.clone(), INNER6),
            (LinkType::IPV4, ip.clone(), INNER),
            (LinkType::IPV6, ip6.clone(), INNER6),
            (LinkType::PPP, after(&[0xff, 0x03, 0x00, 0x21]), INNER),
            (LinkType::PPP, after(&[0xff, 0x03, 0x21]), INNER),
            (LinkType::PPP, after(&[0x00, 0x21]), INNER),
            (LinkType::PPP, after(&[0x21]), INNER),
            (LinkType::PPP, after6(&[0x57]), INNER6),
            (LinkType::PPP, after(&[0x02, 0x81, 0, 1, 0x01, 64]), INNER),
            (LinkType::PPP_HDLC, after(&[0xff, 0x03, 0x00, 0x21]), INNER),
            (LinkType::PPP_HDLC, after(&[0x0f, 0x00, 0x08, 0x00]), INNER),
            (
                LinkType::PPP_HDLC,
                after6(&[0x8f, 0x00, 0x86, 0xdd]),
                INNER6,
            ),
            (
                LinkType::PPP_WITH_DIR,
                after(&[1, 0xff, 0x03, 0x00, 0x21]),
                INNER,
            ),
            (LinkType::PPP_WITH_DIR, after(&[0, 0x21]), INNER),
            (
                LinkType::PPP_ETHER,
                after(&[0x11, 0, 0, 9, 0, 47, 0, 0x21]),
                INNER,
            ),
            (LinkType::LINUX_SLL, sll(1, [8, 0], &ip), INNER),
            (LinkType::LINUX_SLL, sll(1, [0x86, 0xdd], &ip6), INNER6),
            (
                LinkType::LINUX_SLL,
                sll(1, [0x81, 0], &vlan(0, 0x0800, &ip)),
                INNER,
            ),
            (LinkType::LINUX_SLL2, sll2([8, 0], &ip), INNER),
            (LinkType::LINUX_SLL2, sll2([0x86, 0xdd], &ip6), INNER6),
            // What is not IP.
            (LinkType::NULL, after(&[7, 0, 0, 0]), "LinkControl"),
            (
                LinkType::PPP,
                vec![0xff, 0x03, 0xc0, 0x21, 1],
                "LinkControl",
            ),
            (
                LinkType::PPP_ETHER,
                vec![0x11, 9, 0, 0, 0, 0],
                "LinkControl",
            ),
            (
                LinkType::LINUX_SLL,
                sll(1, [0, 4], &[0x42, 0x42, 3]),
                "LinkControl",
            ),
            (LinkType::LINUX_SLL, sll(1, [8, 6], &[0; 28]), "Arp"),
            (LinkType(105), ip.clone(), "UnsupportedLinkType"),
        ];
        for (link_type, data, expected) in cases {
            assert_eq!(
                line_of(link_type, &data),
                expected,
                "{link_type} {data:02x?}"
            );
        }
    }

    #[test]
    fn ethernet_leads_through_what_is_stacked_on_it() {
        let (ip, ip6) = (inner(), inner6());
        let label = |label_end: u8| [0x00, 0x01, label_end, 0x40];
        let inner_frame = ethernet(0x0800, &ip);
        let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip]);
        let macsec = |tci: u8, sci: &[u8]| {
            ethernet(
                0x88e5,
                &join(&[&[tci, 0, 0, 0, 0, 1], sci, &[8, 0], &ip, &[0; 16]]),
            )
        };
        let cases = [
            (
                ethernet(
                    0x88a8,
                    &vlan(2, 0x9100, &vlan(3, 0x9200, &vlan(4, 0x0800, &ip))),
                ),
                INNER,
            ),
            (ethernet(0x9300, &vlan(2, 0x86dd, &ip6)), INNER6),
            (
                ethernet(0x8864, &join(&[&[0x11, 0, 0, 9, 0, 47, 0, 0x21], &ip])),
                INNER,
            ),
            (ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0]), "LinkControl"),
            // MPLS: one label, three labels, multicast, IPv6.
            (ethernet(0x8847, &join(&[&label(0x11), &ip])), INNER),
            (
                ethernet(
                    0x8847,
                    &join(&[&label(0x10), &label(0x20), &label(0x01), &ip]),
                ),
                INNER,
            ),
            (ethernet(0x8848, &join(&[&label(0x11), &ip6])), INNER6),
            // MPLS: Ethernet without and with a control word, and with an address that
            // begins like IPv4.
            (
                ethernet(0x8847, &join(&[&label(0x11), &inner_frame])),
                INNER,
            ),
            (
                ethernet(0x8847, &join(&[&label(0x11), &[0; 4], &inner_frame])),
                INNER,
            ),
            (
                ethernet(
                    0x8847,
                    &join(&[&label(0x11), &[0x46, 1, 0xff, 0xff], &inner_frame[4..]]),
                ),
                INNER,
            ),
            (
                ethernet(
                    0x8847,
                    &join(&[
                        &label(0x11),
                        &[0x64, 1, 1, 1, 0xff, 0xff],
                        &inner_frame[6..],
                    ]),
                ),
                INNER,
            ),
            (
                ethernet(0x8847, &join(&[&label(0x11), &[0x10, 0, 0, 0x21, 0, 0]])),
                "LinkControl",
            ),
            // MACsec without and with an SCI, and encrypted.
            (macsec(0x00, &[]), INNER),
            (macsec(0x20, &[7; 8]), INNER),
            (macsec(0x0c, &[]), "EtherType(35045)"),
            // 802.3 with SNAP, and without.
            (ethernet(u16::try_from(snap.len()).unwrap(), &snap), INNER),
            (ethernet(0x8870, &snap), INNER),
            (ethernet(3, &[0x42, 0x42, 3]), "LinkControl"),
            (ethernet(0x0806, &[0; 28]), "Arp"),
            (ethernet(0x88cc, &[0; 28]), "EtherType(35020)"),
        ];
        for (data, expected) in cases {
            assert_eq!(line_of(LinkType::ETHERNET, &data), expected, "{data:02x?}");
        }
    }

    #[test]
    fn vlans_and_sessions_are_part_of_the_encapsulation_and_labels_are_not() {
        let ip = inner();
        let session = join(&[&[0x11, 0, 0x01, 0x02, 0, 47, 0, 0x21], &ip]);
        let cases = [
            (ethernet(0x0800, &ip), stack(&[])),
            (ethernet(0x8100, &vlan(0, 0x0800, &ip)), stack(&[])),
            (ethernet(0x8100, &vlan(0xe000, 0x0800, &ip)), stack(&[])),
            (
                ethernet(0x8100, &vlan(0xefff, 0x0800, &ip)),
                stack(&[(Kind::Vlan, 0xfff)]),
            ),
            (
                ethernet(0x88a8, &vlan(2, 0x8100, &vlan(3, 0x0800, &ip))),
                stack(&[(Kind::Vlan, 2), (Kind::Vlan, 3)]),
            ),
            (
                ethernet(0x8100, &vlan(5, 0x8864, &session)),
                stack(&[(Kind::Vlan, 5), (Kind::Pppoe, 0x0102)]),
            ),
            (
                ethernet(0x8847, &join(&[&[0, 1, 0x11, 64], &ip])),
                stack(&[]),
            ),
        ];
        for (data, expected) in cases {
            assert_eq!(
                encapsulation_of(LinkType::ETHERNET, &data),
                expected,
                "{data:02x?}"
            );
        }
    }

    #[test]
    fn padding_after_the_datagram_is_no_payload() {
        let padded = join(&[&ethernet(0x0800, &ipv4(6, &tcp(b""))), &[0; 6]]);
        assert_eq!(
            line_of(LinkType::ETHERNET, &padded),
            "10.1.0.1:40000 > 10.1.0.2:80 seq 7 \"\" of 0"
        );
    }
}

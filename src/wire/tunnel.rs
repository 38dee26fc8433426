//! Tunnels over UDP and GRE.
//!
//! A port number proves nothing, so a UDP datagram is taken for a tunnel only when
//! the tunnel's header is plausible; otherwise it stays UDP. GRE has a protocol
//! number of its own and is believed.

use super::encapsulation::Kind;
use super::ip::protocol;
use super::link::ether_type;
use super::walk::{Next, Stop, Walk};
use super::{Layer, OtherKind, WireError};

impl Walk<'_> {
    /// The tunnel behind this UDP port, if that is what the datagram holds.
    pub(super) fn udp_tunnel(&mut self, destination_port: u16) -> Option<Next> {
        let (cursor, encapsulation) = (self.cursor, self.encapsulation);
        let next = match destination_port {
            port::VXLAN | port::VXLAN_LINUX => self.vxlan(),
            port::VXLAN_GPE => self.vxlan_gpe(),
            port::GENEVE => self.geneve(),
            port::GTP_U => self.gtp_u(),
            _ => return None,
        };
        // A header that is cut or implausible is not believed, and not an error.
        if let Ok(Some(next)) = next {
            self.ports = None;
            return Some(next);
        }
        self.cursor = cursor;
        self.encapsulation = encapsulation;
        None
    }

    /// A VXLAN header (RFC 7348 §5).
    fn vxlan(&mut self) -> Result<Option<Next>, WireError> {
        // "the I flag MUST be set to 1 for a valid VXLAN Network ID". The other bits
        // are reserved, and used by extensions that change nothing here.
        let [flags, _, _, _, v0, v1, v2, _] = self.cursor.array(Layer::Tunnel)?;
        if flags & 0x08 == 0 || self.cursor.wire_len() < ETHERNET_LEN {
            return Ok(None);
        }
        self.enter(Kind::Vxlan, u32::from_be_bytes([0, v0, v1, v2]));
        Ok(Some(Next::Ethernet))
    }

    /// A VXLAN header that says what it carries (draft-ietf-nvo3-vxlan-gpe §3).
    fn vxlan_gpe(&mut self) -> Result<Option<Next>, WireError> {
        let [flags, _, _, protocol, v0, v1, v2, _] = self.cursor.array(Layer::Tunnel)?;
        let has_protocol = flags & 0x04 != 0;
        let next = match protocol {
            _ if !has_protocol => Next::Ethernet,
            1 => Next::Ipv4,
            2 => Next::Ipv6,
            3 => Next::Ethernet,
            5 => Next::Mpls,
            _ => return Ok(None),
        };
        if flags & 0x08 == 0 {
            return Ok(None);
        }
        self.enter(Kind::Vxlan, u32::from_be_bytes([0, v0, v1, v2]));
        Ok(Some(next))
    }

    /// A GENEVE header with its options (RFC 8926 §3.4).
    fn geneve(&mut self) -> Result<Option<Next>, WireError> {
        let [version_and_len, _, t0, t1, v0, v1, v2, _] = self.cursor.array(Layer::Tunnel)?;
        let protocol_type = u16::from_be_bytes([t0, t1]);
        let known = matches!(
            protocol_type,
            ether_type::TRANSPARENT_ETHERNET
                | ether_type::IPV4
                | ether_type::IPV6
                | ether_type::MPLS_UNICAST
                | ether_type::MPLS_MULTICAST
        );
        let version = version_and_len >> 6;
        if version != 0 || !known {
            return Ok(None);
        }
        let options_len = usize::from(version_and_len & 0x3f) * 4;
        self.cursor.skip(Layer::Tunnel, options_len)?;
        self.enter(Kind::Geneve, u32::from_be_bytes([0, v0, v1, v2]));
        Ok(Some(Next::EtherType(protocol_type)))
    }

    /// A GTP-U header with its extension headers (3GPP TS 29.281 §5).
    fn gtp_u(&mut self) -> Result<Option<Next>, WireError> {
        let [flags, message_type, l0, l1, _, _, _, _] = self.cursor.array(Layer::Tunnel)?;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let version_1_not_prime = flags & 0xf0 == 0x30;
        if !version_1_not_prime || message_type != G_PDU || len > self.cursor.wire_len() {
            return Ok(None);
        }
        self.cursor.cut_to(len);
        // Any one of the flags E, S and PN brings all four bytes.
        if flags & 0x07 != 0 {
            let [_, _, _, mut extension] = self.cursor.array(Layer::Tunnel)?;
            let has_extensions = flags & 0x04 != 0;
            while has_extensions && extension != 0 {
                // The length counts itself and the next header's type, in units of 4.
                let rest = match self.cursor.array(Layer::Tunnel)? {
                    [0] => return Ok(None),
                    [units] => usize::from(units) * 4 - 2,
                };
                self.cursor.skip(Layer::Tunnel, rest)?;
                [extension] = self.cursor.array(Layer::Tunnel)?;
            }
        }
        Ok(match self.cursor.bytes() {
            [first, ..] if matches!(first >> 4, 4 | 6) => Some(Next::Ip),
            _ => None,
        })
    }

    /// A GRE header, plain (RFC 2784, RFC 2890) or enhanced (RFC 2637 §4.1).
    pub(super) fn gre(&mut self) -> Result<Next, Stop> {
        let [flags, version, t0, t1] = self.cursor.array(Layer::Tunnel)?;
        let protocol_type = u16::from_be_bytes([t0, t1]);
        let [has_checksum, has_routing, has_key, has_sequence] =
            [0x80, 0x40, 0x20, 0x10].map(|flag| flags & flag != 0);
        let has_acknowledgment = version & 0x80 != 0;
        let enhanced = match version & 0x07 {
            0 => false,
            1 => true,
            _ => return Err(Stop::At(OtherKind::IpProtocol(protocol::GRE))),
        };
        // RFC 2784 §2.3: a packet with the routing bit "MUST be discarded" by those
        // who do not implement RFC 1701. Nobody does.
        if has_routing {
            return Err(Stop::At(OtherKind::IpProtocol(protocol::GRE)));
        }
        if has_checksum {
            self.cursor.skip(Layer::Tunnel, 4)?;
        }
        if has_key {
            let key = self.cursor.array(Layer::Tunnel)?;
            // In the enhanced header this field holds the payload's length and the
            // receiver's call number, neither of which names a network.
            if !enhanced {
                self.enter(Kind::GreKey, u32::from_be_bytes(key));
            }
        }
        if has_sequence {
            self.cursor.skip(Layer::Tunnel, 4)?;
        }
        if enhanced && has_acknowledgment {
            self.cursor.skip(Layer::Tunnel, 4)?;
        }
        match protocol_type {
            // RFC 2637 §4.1: without a sequence number there is no payload, only an
            // acknowledgment.
            _ if enhanced && !has_sequence => Err(Stop::At(OtherKind::LinkControl)),
            // Type I of ERSPAN has neither a sequence number nor a header.
            ERSPAN_I_II if !has_sequence => Ok(Next::Ethernet),
            ERSPAN_I_II => {
                self.cursor.skip(Layer::Tunnel, 8)?;
                Ok(Next::Ethernet)
            }
            ERSPAN_III => self.erspan_iii(),
            other => Ok(Next::EtherType(other)),
        }
    }

    /// An ERSPAN type III header (draft-foschiano-erspan §4.3).
    fn erspan_iii(&mut self) -> Result<Next, Stop> {
        let [_, _, _, _, _, _, _, _, _, _, frame_type, subheader] =
            self.cursor.array(Layer::Tunnel)?;
        let has_subheader = subheader & 0x01 != 0;
        if has_subheader {
            self.cursor.skip(Layer::Tunnel, 8)?;
        }
        Ok(match frame_type >> 2 & 0x1f {
            0 => Next::Ethernet,
            2 => Next::Ip,
            _ => return Err(Stop::At(OtherKind::IpProtocol(protocol::GRE))),
        })
    }

    fn enter(&mut self, kind: Kind, id: u32) {
        self.encapsulation = self.encapsulation.inside(kind, id);
    }
}

/// UDP ports (IANA, except where noted).
mod port {
    pub(super) const GTP_U: u16 = 2152;
    pub(super) const VXLAN: u16 = 4789;
    pub(super) const VXLAN_GPE: u16 = 4790;
    pub(super) const GENEVE: u16 = 6081;
    /// Linux's default from before there was an assigned one, still in use by
    /// container networks.
    pub(super) const VXLAN_LINUX: u16 = 8472;
}

/// Length of the least that VXLAN can carry.
const ETHERNET_LEN: usize = 14;

/// GTP-U message type of a packet in the tunnel (3GPP TS 29.281 §6.1).
const G_PDU: u8 = 255;

// GRE protocol types of ERSPAN.
const ERSPAN_I_II: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::capture::LinkType;

    /// Decodes an IPv4 datagram with this protocol number and payload.
    fn over_ip(protocol: u8, payload: &[u8]) -> String {
        line_of(LinkType::RAW, &ipv4(protocol, payload))
    }

    #[test]
    fn every_tunnel_over_udp_leads_to_the_segment() {
        let (ip, ip6) = (inner(), inner6());
        let frame = ethernet(0x0800, &ip);
        let gtp = |flags: u8, rest: &[u8]| {
            let [l0, l1] = be(rest.len());
            join(&[&[flags, 255, l0, l1, 0, 0, 0, 1], rest])
        };
        let cases = [
            (4789, vxlan(7, &frame), INNER),
            (8472, vxlan(7, &frame), INNER),
            (
                4789,
                vxlan(7, &ethernet(0x8100, &vlan(3, 0x86dd, &ip6))),
                INNER6,
            ),
            (4790, join(&[&[0x0c, 0, 0, 1, 0, 0, 7, 0], &ip]), INNER),
            (4790, join(&[&[0x0c, 0, 0, 2, 0, 0, 7, 0], &ip6]), INNER6),
            (4790, join(&[&[0x0c, 0, 0, 3, 0, 0, 7, 0], &frame]), INNER),
            (4790, join(&[&[0x08, 0, 0, 0, 0, 0, 7, 0], &frame]), INNER),
            (
                4790,
                join(&[&[0x0c, 0, 0, 5, 0, 0, 7, 0, 0, 1, 0x11, 64], &ip]),
                INNER,
            ),
            (
                6081,
                join(&[&[0x00, 0, 0x65, 0x58, 0, 0, 7, 0], &frame]),
                INNER,
            ),
            (
                6081,
                join(&[&[0x02, 0x40, 0x08, 0x00, 0, 0, 7, 0], &[1; 8], &ip]),
                INNER,
            ),
            (
                6081,
                join(&[&[0x00, 0, 0x86, 0xdd, 0, 0, 7, 0], &ip6]),
                INNER6,
            ),
            (2152, gtp(0x30, &ip), INNER),
            (2152, gtp(0x30, &ip6), INNER6),
            (2152, gtp(0x32, &join(&[&[0, 9, 0, 0], &ip])), INNER),
            (2152, gtp(0x31, &join(&[&[0, 0, 5, 0x85], &ip])), INNER),
            (
                2152,
                gtp(
                    0x34,
                    &join(&[
                        &[0, 0, 0, 0x85],
                        &[1, 0, 9, 0x40, 2, 0, 0, 0, 0, 0, 0, 0],
                        &ip,
                    ]),
                ),
                INNER,
            ),
        ];
        for (port, payload, expected) in cases {
            assert_eq!(
                over_ip(17, &udp(port, &payload)),
                expected,
                "{port} {payload:02x?}"
            );
            let over_ip6 = ipv6(17, &udp(port, &payload));
            assert_eq!(
                line_of(LinkType::RAW, &over_ip6),
                expected,
                "{port} {payload:02x?}"
            );
        }
    }

    #[test]
    fn a_datagram_on_a_tunnels_port_that_is_no_tunnel_is_udp() {
        let (ip, frame) = (inner(), ethernet(0x0800, &inner()));
        let cases = [
            (4789, b"".to_vec()),
            (4789, b"\x08\0\0\0\0\0\x07".to_vec()),
            (4789, join(&[&[0x00, 0, 0, 0, 0, 0, 7, 0], &frame])),
            (4789, vxlan(7, b"too short")),
            (4790, join(&[&[0x0c, 0, 0, 9, 0, 0, 7, 0], &frame])),
            (4790, join(&[&[0x04, 0, 0, 3, 0, 0, 7, 0], &frame])),
            (6081, join(&[&[0x40, 0, 0x65, 0x58, 0, 0, 7, 0], &frame])),
            (6081, join(&[&[0x00, 0, 0x12, 0x34, 0, 0, 7, 0], &frame])),
            (
                6081,
                b"\x3f\0\x65\x58\0\0\x07\0options are missing".to_vec(),
            ),
            // GTP-U: an echo request, version 2, a length beyond the end, no IP
            // inside, an extension of length 0, an extension beyond the end.
            (2152, join(&[&[0x30, 1, 0, 45, 0, 0, 0, 1], &ip])),
            (2152, join(&[&[0x48, 255, 0, 45, 0, 0, 0, 1], &ip])),
            (2152, join(&[&[0x30, 255, 0, 99, 0, 0, 0, 1], &ip])),
            (2152, b"\x30\xff\0\x02\0\0\0\x01\x00\x00".to_vec()),
            (2152, b"\x34\xff\0\x08\0\0\0\x01\0\0\0\x85\0\0\0\0".to_vec()),
            (
                2152,
                b"\x34\xff\0\x08\0\0\0\x01\0\0\0\x85\x09\0\0\0".to_vec(),
            ),
            (53, frame.clone()),
        ];
        for (port, payload) in cases {
            let expected = format!("Udp 10.1.0.1 > 10.1.0.2 53248 > {port}");
            assert_eq!(
                over_ip(17, &udp(port, &payload)),
                expected,
                "{payload:02x?}"
            );
        }
    }

    #[test]
    fn every_kind_of_gre_leads_to_the_segment() {
        let (ip, ip6) = (inner(), inner6());
        let frame = ethernet(0x0800, &ip);
        let other = "IpProtocol(47) 10.1.0.1 > 10.1.0.2";
        let control = "LinkControl 10.1.0.1 > 10.1.0.2";
        let cases = [
            (join(&[&[0, 0, 8, 0], &ip]), INNER),
            (join(&[&[0, 0, 0x86, 0xdd], &ip6]), INNER6),
            (join(&[&[0, 0, 0x65, 0x58], &frame]), INNER),
            (join(&[&[0, 0, 0x88, 0x47, 0, 1, 0x11, 64], &ip]), INNER),
            // Checksum; key (also NVGRE); sequence number; all of them.
            (join(&[&[0x80, 0, 8, 0], &[1; 4], &ip]), INNER),
            (join(&[&[0x20, 0, 0x65, 0x58], &[1; 4], &frame]), INNER),
            (join(&[&[0x10, 0, 8, 0], &[1; 4], &ip]), INNER),
            (join(&[&[0xb0, 0, 8, 0], &[1; 12], &ip]), INNER),
            // ERSPAN type I, II, III, III with a subheader, III with IP.
            (join(&[&[0, 0, 0x88, 0xbe], &frame]), INNER),
            (
                join(&[&[0x10, 0, 0x88, 0xbe], &[1; 4], &[0x10; 8], &frame]),
                INNER,
            ),
            (
                join(&[
                    &[0x10, 0, 0x22, 0xeb],
                    &[1; 4],
                    &[0x20; 10],
                    &[0, 0],
                    &frame,
                ]),
                INNER,
            ),
            (
                join(&[
                    &[0x10, 0, 0x22, 0xeb],
                    &[1; 4],
                    &[0x20; 10],
                    &[0, 1],
                    &[9; 8],
                    &frame,
                ]),
                INNER,
            ),
            (
                join(&[&[0x10, 0, 0x22, 0xeb], &[1; 4], &[0x20; 10], &[8, 0], &ip]),
                INNER,
            ),
            (
                join(&[&[0x10, 0, 0x22, 0xeb], &[1; 4], &[0x20; 10], &[12, 0], &ip]),
                other,
            ),
            // PPTP: data, data with an acknowledgment, an acknowledgment alone.
            (
                join(&[
                    &[0x30, 1, 0x88, 0x0b, 0, 49, 0, 1],
                    &[0; 4],
                    &[0xff, 3, 0, 0x21],
                    &ip,
                ]),
                INNER,
            ),
            (
                join(&[
                    &[0x30, 0x81, 0x88, 0x0b, 0, 46, 0, 1],
                    &[0; 8],
                    &[0x21],
                    &ip,
                ]),
                INNER,
            ),
            (
                join(&[&[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1], &[0; 4]]),
                control,
            ),
            // A version and a flag nobody uses, and a protocol type unknown here.
            (join(&[&[0, 2, 8, 0], &ip]), other),
            (join(&[&[0x40, 0, 8, 0], &[0; 4], &ip]), other),
            (
                join(&[&[0, 0, 0x20, 0x00], &ip]),
                "EtherType(8192) 10.1.0.1 > 10.1.0.2",
            ),
        ];
        for (payload, expected) in cases {
            assert_eq!(over_ip(47, &payload), expected, "{payload:02x?}");
        }
    }

    #[test]
    fn ip_leads_to_ip() {
        let (ip, ip6) = (inner(), inner6());
        assert_eq!(over_ip(4, &ip), INNER);
        assert_eq!(over_ip(41, &ip6), INNER6);
        assert_eq!(over_ip(137, &join(&[&[0, 1, 0x11, 64], &ip])), INNER);
        assert_eq!(line_of(LinkType::RAW, &ipv6(4, &ip)), INNER);
        assert_eq!(line_of(LinkType::RAW, &ipv6(41, &ip6)), INNER6);
    }

    #[test]
    fn network_identifiers_are_part_of_the_encapsulation_in_their_order() {
        let ip = inner();
        let frame = ethernet(0x8100, &vlan(3, 0x0800, &ip));
        let in_vxlan = ipv4(17, &udp(4789, &vxlan(7, &frame)));
        let geneve = join(&[&[0, 0, 8, 0, 1, 2, 3, 0], &ip]);
        let pptp = join(&[&[0x30, 1, 0x88, 0x0b, 0, 46, 0, 1, 0, 0, 0, 0, 0x21], &ip]);
        let gtp = join(&[&[0x30, 255, 0, 45, 0, 0, 0, 1], &ip]);
        let cases = [
            (
                in_vxlan.clone(),
                stack(&[(Kind::Vxlan, 7), (Kind::Vlan, 3)]),
            ),
            (
                ipv4(47, &join(&[&[0x20, 0, 8, 0, 0, 0, 1, 0], &in_vxlan])),
                stack(&[(Kind::GreKey, 256), (Kind::Vxlan, 7), (Kind::Vlan, 3)]),
            ),
            (
                ipv4(17, &udp(6081, &geneve)),
                stack(&[(Kind::Geneve, 0x01_0203)]),
            ),
            (ipv4(47, &join(&[&[0, 0, 8, 0], &ip])), stack(&[])),
            (ipv4(47, &pptp), stack(&[])),
            (ipv4(17, &udp(2152, &gtp)), stack(&[])),
            (ipv4(4, &ip), stack(&[])),
        ];
        for (data, expected) in cases {
            assert_eq!(
                encapsulation_of(LinkType::RAW, &data),
                expected,
                "{data:02x?}"
            );
        }
    }

    #[test]
    fn what_is_in_a_tunnel_has_no_ports_of_the_tunnel() {
        let arp = vxlan(7, &ethernet(0x0806, &[0; 28]));
        assert_eq!(over_ip(17, &udp(4789, &arp)), "Arp 10.1.0.1 > 10.1.0.2");
    }
}

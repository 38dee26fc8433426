//! IPv4 (RFC 791), IPv6 (RFC 8200) and what their protocol numbers lead to.

use etherparse::err::{ip_auth, ipv4, ipv6};
use etherparse::{
    IpAuthHeaderSlice, Ipv4Header, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6Header,
    Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, UdpHeader, UdpHeaderSlice,
};

use super::fragment::Part;
use super::walk::{IpHeader, Next, Stop, Walk};
use super::{Layer, OtherKind, WireError};

impl Walk<'_> {
    /// An IP header of the version its first nibble says.
    pub(super) fn ip(&self) -> Next {
        match self.cursor.bytes() {
            [first, ..] if first >> 4 == 6 => Next::Ipv6,
            _ => Next::Ipv4,
        }
    }

    /// An IPv4 header with its options (RFC 791 §3.1).
    #[inline]
    pub(super) fn ipv4(&mut self) -> Result<Next, Stop> {
        let header = Ipv4HeaderSlice::from_slice(self.cursor.bytes()).map_err(ipv4_error)?;
        let header_len = header.slice().len();
        match usize::from(header.total_len()) {
            // Segmentation offload leaves the field empty when the whole is longer
            // than it can say; then the length of the packet is all there is.
            0 => {}
            total if total < header_len => return Err(bad_length(total, header_len).into()),
            total => self.cursor.cut_to(total),
        }
        self.cursor.skip(Layer::Ip, header_len)?;
        self.ip = Some(IpHeader::V4(header));
        let protocol = header.protocol().0;
        if !header.is_fragmenting_payload() {
            return Ok(Next::IpProtocol(protocol));
        }
        Err(Stop::Fragment(Part {
            id: u32::from(header.identification()),
            protocol,
            offset: header.fragments_offset().byte_offset(),
            more: header.more_fragments(),
        }))
    }

    /// An IPv6 header, without its extension headers (RFC 8200 §3).
    pub(super) fn ipv6(&mut self) -> Result<Next, Stop> {
        let header = Ipv6HeaderSlice::from_slice(self.cursor.bytes()).map_err(ipv6_error)?;
        // Zero means a jumbogram (RFC 2675) or segmentation offload. Either is longer
        // than any padding, so the length of the packet will do.
        if header.payload_length() != 0 {
            let total = Ipv6Header::LEN + usize::from(header.payload_length());
            self.cursor.cut_to(total);
        }
        self.cursor.skip(Layer::Ip, Ipv6Header::LEN)?;
        self.ip = Some(IpHeader::V6(header));
        Ok(Next::IpProtocol(header.next_header().0))
    }

    /// What follows an IP header or extension header. TCP is the decoder's business.
    pub(super) fn ip_protocol(&mut self, protocol: u8) -> Result<Next, Stop> {
        match protocol {
            protocol::UDP => self.udp(),
            protocol::ICMP | protocol::ICMPV6 => Err(Stop::At(OtherKind::Icmp)),
            protocol::IPV4 => Ok(Next::Ipv4),
            protocol::IPV6 => Ok(Next::Ipv6),
            protocol::GRE => self.gre(),
            protocol::MPLS => Ok(Next::Mpls),
            protocol::AUTHENTICATION => self.authentication_header(),
            // In IPv4 these numbers have no header of this shape.
            _ if !self.in_ipv6() => Err(Stop::At(OtherKind::IpProtocol(protocol))),
            protocol::FRAGMENT => self.fragment_header(),
            protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::DESTINATION_OPTIONS
            | protocol::MOBILITY
            | protocol::HIP
            | protocol::SHIM6 => self.extension_header(),
            other => Err(Stop::At(OtherKind::IpProtocol(other))),
        }
    }

    fn in_ipv6(&self) -> bool {
        matches!(self.ip, Some(IpHeader::V6(_)))
    }

    /// An extension header of the common shape (RFC 6564 §4).
    fn extension_header(&mut self) -> Result<Next, Stop> {
        let header = Ipv6RawExtHeaderSlice::from_slice(self.cursor.bytes())
            .map_err(|error| WireError::from_len(Layer::Ip, &error))?;
        self.cursor.skip(Layer::Ip, header.slice().len())?;
        Ok(Next::IpProtocol(header.next_header().0))
    }

    /// An authentication header, which hides nothing (RFC 4302 §2).
    fn authentication_header(&mut self) -> Result<Next, Stop> {
        let header =
            IpAuthHeaderSlice::from_slice(self.cursor.bytes()).map_err(|error| match error {
                ip_auth::HeaderSliceError::Len(error) => WireError::from_len(Layer::Ip, &error),
                ip_auth::HeaderSliceError::Content(ip_auth::HeaderError::ZeroPayloadLen) => {
                    bad_length(8, 12)
                }
            })?;
        self.cursor.skip(Layer::Ip, header.slice().len())?;
        Ok(Next::IpProtocol(header.next_header().0))
    }

    /// A fragment header (RFC 8200 §4.5).
    fn fragment_header(&mut self) -> Result<Next, Stop> {
        let header = Ipv6FragmentHeaderSlice::from_slice(self.cursor.bytes())
            .map_err(|error| WireError::from_len(Layer::Ip, &error))?;
        self.cursor.skip(Layer::Ip, header.slice().len())?;
        let protocol = header.next_header().0;
        // RFC 6946 §4: an "atomic" fragment, which is a whole datagram, is read on
        // its own, whatever waits with the same identification.
        if !header.is_fragmenting_payload() {
            return Ok(Next::IpProtocol(protocol));
        }
        Err(Stop::Fragment(Part {
            id: header.identification(),
            protocol,
            offset: header.fragment_offset().byte_offset(),
            more: header.more_fragments(),
        }))
    }

    /// A UDP header and the tunnel inside, if there is one (RFC 768).
    fn udp(&mut self) -> Result<Next, Stop> {
        let header = UdpHeaderSlice::from_slice(self.cursor.bytes())
            .map_err(|error| WireError::from_len(Layer::Udp, &error))?;
        match usize::from(header.length()) {
            // Jumbograms (RFC 2675 §4) and segmentation offload.
            0 => {}
            len if len < UdpHeader::LEN => {
                return Err(WireError::bad_length(Layer::Udp, len, UdpHeader::LEN).into());
            }
            len => self.cursor.cut_to(len),
        }
        self.cursor.skip(Layer::Udp, UdpHeader::LEN)?;
        self.ports = Some((header.source_port(), header.destination_port()));
        self.udp_tunnel(header.destination_port())
            .ok_or(Stop::At(OtherKind::Udp))
    }
}

fn ipv4_error(error: ipv4::HeaderSliceError) -> WireError {
    use ipv4::{HeaderError, HeaderSliceError};
    match error {
        HeaderSliceError::Len(error) => WireError::from_len(Layer::Ip, &error),
        HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number }) => {
            bad_version(version_number, 4)
        }
        HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { ihl }) => {
            bad_length(usize::from(ihl) * 4, Ipv4Header::MIN_LEN)
        }
    }
}

fn ipv6_error(error: ipv6::HeaderSliceError) -> WireError {
    use ipv6::{HeaderError, HeaderSliceError};
    match error {
        HeaderSliceError::Len(error) => WireError::from_len(Layer::Ip, &error),
        HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number }) => {
            bad_version(version_number, 6)
        }
    }
}

fn bad_length(stated: usize, limit: usize) -> WireError {
    WireError::bad_length(Layer::Ip, stated, limit)
}

fn bad_version(found: u8, expected: u8) -> WireError {
    WireError::BadVersion {
        layer: Layer::Ip,
        found,
        expected,
    }
}

/// Assigned Internet protocol numbers (IANA).
pub(super) mod protocol {
    pub(in crate::wire) const HOP_BY_HOP: u8 = 0;
    pub(in crate::wire) const ICMP: u8 = 1;
    pub(in crate::wire) const IPV4: u8 = 4;
    pub(in crate::wire) const TCP: u8 = 6;
    pub(in crate::wire) const UDP: u8 = 17;
    pub(in crate::wire) const IPV6: u8 = 41;
    pub(in crate::wire) const ROUTING: u8 = 43;
    pub(in crate::wire) const FRAGMENT: u8 = 44;
    pub(in crate::wire) const GRE: u8 = 47;
    pub(in crate::wire) const AUTHENTICATION: u8 = 51;
    pub(in crate::wire) const ICMPV6: u8 = 58;
    pub(in crate::wire) const DESTINATION_OPTIONS: u8 = 60;
    pub(in crate::wire) const MOBILITY: u8 = 135;
    pub(in crate::wire) const MPLS: u8 = 137;
    pub(in crate::wire) const HIP: u8 = 139;
    pub(in crate::wire) const SHIM6: u8 = 140;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::*;
    use super::super::{Contents, Decoder, TcpFlags};
    use crate::capture::LinkType;

    /// `header` with other bytes from `at` on.
    fn patched(mut datagram: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
        datagram[at..at + bytes.len()].copy_from_slice(bytes);
        datagram
    }

    #[test]
    fn every_field_of_a_segment_is_where_it_belongs() {
        let mut header = tcp(b"");
        header[12] = 0x60;
        header[13] = 0x12;
        let datagram = ipv4(6, &join(&[&header, &[2, 4, 5, 0xb4], b"data"]));
        let mut decoder = Decoder::default();
        let Contents::Tcp(segment) = decoder.decode(&packet(LinkType::RAW, &datagram)) else {
            panic!("no segment");
        };
        assert_eq!(segment.source, "10.1.0.1:40000".parse().unwrap());
        assert_eq!(segment.destination, "10.1.0.2:80".parse().unwrap());
        assert_eq!((segment.seq.0, segment.ack.0), (7, 9));
        assert_eq!(segment.flags, TcpFlags(0x12));
        assert_eq!((segment.window, segment.checksum), (0x2000, 0xabcd));
        assert_eq!(segment.ip_id, 0x1234);
        assert_eq!(segment.options, [2, 4, 5, 0xb4]);
        assert_eq!((segment.payload, segment.payload_len), (&b"data"[..], 4));
    }

    #[test]
    fn options_and_extension_headers_are_stepped_over() {
        let options = patched(
            join(&[&inner()[..20], &[7, 4, 4, 0], &inner()[20..]]),
            0,
            &[0x46, 0, 0, 49],
        );
        assert_eq!(line_of(LinkType::RAW, &options), INNER);

        let segment = tcp(b"hello");
        let ah = [
            1, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
        ];
        let ah = |next: u8| patched(ah.to_vec(), 0, &[next]);
        let extension = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
        let long = |next: u8| [next, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let atomic_fragment = [60, 0, 0, 0, 0, 0, 0, 1];
        assert_eq!(
            line_of(LinkType::RAW, &ipv4(51, &join(&[&ah(6), &segment]))),
            INNER
        );
        let stacked = join(&[
            &extension(43),
            &long(44),
            &atomic_fragment,
            &extension(51),
            &ah(135),
            &extension(6),
            &segment,
        ]);
        assert_eq!(line_of(LinkType::RAW, &ipv6(0, &stacked)), INNER6);
        // 44 and 0 mean nothing in IPv4.
        assert_eq!(
            line_of(LinkType::RAW, &ipv4(44, &stacked)),
            "IpProtocol(44) 10.1.0.1 > 10.1.0.2"
        );
    }

    #[test]
    fn a_total_length_of_zero_means_the_length_of_the_packet() {
        for data in [patched(inner(), 2, &[0, 0]), patched(inner6(), 4, &[0, 0])] {
            let mut cut = packet(LinkType::RAW, &data);
            cut.wire_len += 100_000;
            let expected = if data[0] == 0x45 { INNER } else { INNER6 };
            assert_eq!(line_of(LinkType::RAW, &data), expected);
            let line = line(&Decoder::default().decode(&cut));
            assert!(line.ends_with("\"hello\" of 100005"), "{line}");
        }
    }

    #[test]
    fn a_total_length_beyond_the_packet_is_not_believed() {
        assert_eq!(line_of(LinkType::RAW, &patched(inner(), 2, &[9, 9])), INNER);
        assert_eq!(
            line_of(LinkType::RAW, &patched(inner6(), 4, &[9, 9])),
            INNER6
        );
    }

    #[test]
    fn a_tcp_header_is_enough_and_less_is_not() {
        // 20 bytes of IPv4, 20 of TCP, 8 of options that are cut, and a payload.
        let data = patched(join(&[&inner()[..40], &[1; 8], b"data"]), 32, &[0x70]);
        let data = patched(data, 2, &[0, 52]);
        for (captured, expected) in [
            (52, "10.1.0.1:40000 > 10.1.0.2:80 seq 7 \"data\" of 4"),
            (49, "10.1.0.1:40000 > 10.1.0.2:80 seq 7 \"d\" of 4"),
            (44, "10.1.0.1:40000 > 10.1.0.2:80 seq 7 \"\" of 4"),
            (40, "10.1.0.1:40000 > 10.1.0.2:80 seq 7 \"\" of 4"),
            (
                39,
                "Malformed(Truncated { layer: Tcp, need: 20, have: 19 }) 10.1.0.1 > 10.1.0.2",
            ),
        ] {
            let mut cut = packet(LinkType::RAW, &data);
            cut.data = &data[..captured];
            assert_eq!(line(&Decoder::default().decode(&cut)), expected);
        }
    }

    #[test]
    fn headers_that_contradict_themselves_are_malformed() {
        let cases = [
            (vec![], "Truncated { layer: Ip, need: 20, have: 0 }"),
            (
                patched(inner(), 0, &[0x95]),
                "BadVersion { layer: Ip, found: 9, expected: 4 }",
            ),
            (
                patched(inner(), 0, &[0x44]),
                "BadLength { layer: Ip, stated: 16, limit: 20 }",
            ),
            (
                patched(inner(), 2, &[0, 19]),
                "BadLength { layer: Ip, stated: 19, limit: 20 }",
            ),
            (
                patched(inner(), 32, &[0x40]),
                "BadLength { layer: Tcp, stated: 16, limit: 20 }",
            ),
            (
                patched(inner(), 32, &[0x70]),
                "BadLength { layer: Tcp, stated: 28, limit: 25 }",
            ),
            (
                ipv4(17, &[0; 7]),
                "Truncated { layer: Udp, need: 8, have: 7 }",
            ),
            (
                ipv4(17, &[0, 1, 0, 1, 0, 7, 0, 0]),
                "BadLength { layer: Udp, stated: 7, limit: 8 }",
            ),
            (
                ipv4(51, &[6; 12]),
                "Truncated { layer: Ip, need: 32, have: 12 }",
            ),
            (
                ipv4(51, &[0; 12]),
                "BadLength { layer: Ip, stated: 8, limit: 12 }",
            ),
            (
                ipv4(41, &inner()),
                "BadVersion { layer: Ip, found: 4, expected: 6 }",
            ),
        ];
        for (data, expected) in cases {
            let line = line_of(LinkType::RAW, &data);
            assert!(
                line.starts_with(&format!("Malformed({expected})")),
                "{line} {data:02x?}"
            );
        }
    }

    #[test]
    fn what_is_not_tcp_says_what_it_is() {
        let cases = [
            (
                ipv4(17, &udp(53, b"query")),
                "Udp 10.1.0.1 > 10.1.0.2 53248 > 53",
            ),
            (ipv4(1, &[8, 0, 0, 0]), "Icmp 10.1.0.1 > 10.1.0.2"),
            (ipv6(58, &[8, 0, 0, 0]), "Icmp fd00::1 > fd00::2"),
            (ipv4(132, &[0; 12]), "IpProtocol(132) 10.1.0.1 > 10.1.0.2"),
            (ipv6(59, &[]), "IpProtocol(59) fd00::1 > fd00::2"),
        ];
        for (data, expected) in cases {
            assert_eq!(line_of(LinkType::RAW, &data), expected);
        }
    }
}

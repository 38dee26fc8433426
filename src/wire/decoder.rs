//! The loop over a packet's headers.

use crate::capture::{LinkType, Packet};
use crate::limits::FragmentLimits;
use crate::time::Timestamp;

use super::cursor::Cursor;
use super::fragment::{Key, Part, Reassembly};
use super::walk::{Next, Stop, Walk};
use super::{Contents, OtherKind, WireError, ip, link};

/// Reads packets, one after the other, in the order they were captured.
///
/// It remembers nothing of a packet except the IP fragments that wait for the rest of
/// their datagram, within [`FragmentLimits`].
///
/// ```
/// use wsdump::capture::{LinkType, Packet};
/// use wsdump::time::Timestamp;
/// use wsdump::wire::{Contents, Decoder, FragmentLimits};
///
/// let data = b"\x45\0\0\x2a\0\x01\0\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02\
///     \xc0\0\0\x50\0\0\0\x01\0\0\0\0\x50\x18\xff\xff\0\0\0\0hi";
/// let mut decoder = Decoder::new(FragmentLimits::default());
/// let contents = decoder.decode(&Packet {
///     time: Timestamp(0),
///     link_type: LinkType::RAW,
///     wire_len: 42,
///     data,
/// });
/// let Contents::Tcp(segment) = contents else {
///     panic!("not TCP: {contents:?}");
/// };
/// assert_eq!(segment.destination.to_string(), "10.0.0.2:80");
/// assert_eq!(segment.payload, b"hi");
/// ```
#[derive(Debug)]
pub struct Decoder {
    fragments: Reassembly,
    /// The datagrams put together for the latest packet: one may be inside another,
    /// when both sides of a tunnel fragment.
    reassembled: [Vec<u8>; MAX_REASSEMBLIES],
}

impl Decoder {
    /// A decoder that keeps waiting fragments within `limits`.
    pub fn new(limits: FragmentLimits) -> Self {
        Self {
            fragments: Reassembly::new(limits),
            reassembled: Default::default(),
        }
    }

    /// Reads one packet.
    ///
    /// A segment borrows the packet, or the decoder when it was put together from
    /// fragments; the packet that brought the last fragment is the one that yields it.
    /// Packets that cannot be read are [`OtherKind::Malformed`].
    pub fn decode<'a>(&'a mut self, packet: &Packet<'a>) -> Contents<'a> {
        let mut walk = Walk::new(packet);
        let Some(mut next) = link::first(packet.link_type) else {
            return walk.other(OtherKind::UnsupportedLinkType);
        };
        let mut buffers = self.reassembled.iter_mut();
        for _ in 0..MAX_HEADERS {
            if let Next::IpProtocol(ip::protocol::TCP) = next {
                return walk.tcp();
            }
            next = match walk.read(next) {
                Ok(next) => next,
                Err(Stop::At(kind)) => return walk.other(kind),
                Err(Stop::Fragment(part)) => {
                    let fragments = &mut self.fragments;
                    match reassemble(fragments, &mut walk, part, packet.time, &mut buffers) {
                        Ok(Some(next)) => next,
                        Ok(None) => return walk.other(OtherKind::Fragment),
                        Err(error) => return walk.malformed(error),
                    }
                }
            };
        }
        walk.malformed(WireError::TooDeep { limit: MAX_HEADERS })
    }

    /// No more packets will come: gives up the datagrams that still wait.
    pub fn finish(&mut self) {
        self.fragments.give_up_all();
    }

    /// Fragmented datagrams given up so far: too old, too many, in contradiction with
    /// themselves, or still waiting at the end. Those that wait do not count yet.
    pub fn fragments_dropped(&self) -> u64 {
        self.fragments.dropped()
    }

    /// Those of them that were given up because too many waited.
    pub fn fragments_over_limit(&self) -> u64 {
        self.fragments.over_limit()
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(FragmentLimits::default())
    }
}

/// Whether [`Decoder`] has a reader for packets of this link type.
pub fn supports(link_type: LinkType) -> bool {
    link::first(link_type).is_some()
}

/// Adds a fragment to its datagram, and goes on inside it if that is whole now.
fn reassemble<'a>(
    fragments: &mut Reassembly,
    walk: &mut Walk<'a>,
    part: Part,
    now: Timestamp,
    buffers: &mut std::slice::IterMut<'a, Vec<u8>>,
) -> Result<Option<Next>, WireError> {
    let buffer = buffers
        .next()
        .ok_or(WireError::too_fragmented(MAX_REASSEMBLIES))?;
    let ip = walk.ip_header()?;
    let key = Key::new(ip.source(), ip.destination(), walk.encapsulation, part);
    let Some(whole) = fragments.add(key, part, walk.cursor, now, buffer)? else {
        return Ok(None);
    };
    walk.cursor = Cursor::new(buffer, whole.wire_len);
    Ok(Some(Next::IpProtocol(whole.protocol)))
}

/// Headers that are read of one packet; one with more is malformed. A tunnel takes
/// about four (Ethernet, IP, UDP, its own), so this is room for some 16 of them.
const MAX_HEADERS: u32 = 64;

/// Fragmented datagrams inside each other; a packet with more is malformed.
const MAX_REASSEMBLIES: usize = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::*;
    use super::*;

    const LINK_TYPES: [LinkType; 14] = [
        LinkType::NULL,
        LinkType::ETHERNET,
        LinkType::PPP,
        LinkType(12),
        LinkType(14),
        LinkType::PPP_HDLC,
        LinkType::PPP_ETHER,
        LinkType::RAW,
        LinkType::LOOP,
        LinkType::LINUX_SLL,
        LinkType::PPP_WITH_DIR,
        LinkType::IPV4,
        LinkType::IPV6,
        LinkType::LINUX_SLL2,
    ];

    /// Packets with many layers, each with a segment inside.
    fn deep_packets() -> Vec<Vec<u8>> {
        let ip = inner();
        let tagged = ethernet(0x88a8, &vlan(2, 0x8100, &vlan(3, 0x0800, &ip)));
        let geneve = join(&[&[2, 0, 0x65, 0x58, 0, 0, 7, 0], &[1; 8], &tagged]);
        let gtp = join(&[
            &[0x34, 255, 0, 53, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0],
            &ip,
        ]);
        let erspan = join(&[&[0x10, 0, 0x88, 0xbe], &[1; 4], &[0x10; 8], &tagged]);
        let options = ipv6(
            0,
            &join(&[
                &[60, 0, 1, 4, 0, 0, 0, 0],
                &[6, 0, 1, 4, 0, 0, 0, 0],
                &tcp(b"hello"),
            ]),
        );
        let payloads = [
            (0x0800, ipv4(17, &udp(4789, &vxlan(7, &tagged)))),
            (0x0800, ipv4(17, &udp(6081, &geneve))),
            (0x0800, ipv4(17, &udp(2152, &gtp))),
            (0x86dd, ipv6(47, &erspan)),
            (0x86dd, options),
            (0x8864, join(&[&[0x11, 0, 0, 9, 0, 47, 0, 0x21], &ip])),
            (0x8847, join(&[&[0, 1, 0x11, 64, 0, 0, 0, 0], &tagged])),
        ];
        payloads
            .iter()
            .map(|(ether_type, payload)| ethernet(0x8100, &vlan(9, *ether_type, payload)))
            .collect()
    }

    #[test]
    fn a_packet_cut_anywhere_gives_what_is_left_of_its_payload() {
        let mut decoder = Decoder::default();
        for whole in deep_packets() {
            for len in 0..=whole.len() {
                let mut cut = packet(LinkType::ETHERNET, &whole);
                cut.data = &whole[..len];
                match decoder.decode(&cut) {
                    Contents::Tcp(segment) => {
                        assert_eq!(segment.payload_len, 5, "{len} of {whole:02x?}");
                        assert_eq!(
                            segment.payload,
                            &b"hello"[..(len + 5).saturating_sub(whole.len())]
                        );
                    }
                    // Nothing but a tunnel's header that was cut may make it less.
                    Contents::Other(other) => assert!(
                        len < whole.len() - 5
                            && matches!(
                                other.kind,
                                OtherKind::Malformed(_) | OtherKind::Udp | OtherKind::LinkControl
                            ),
                        "{len} of {whole:02x?}: {other:?}"
                    ),
                }
            }
        }
    }

    #[test]
    fn headers_are_stacked_no_deeper_than_the_limit() {
        let wrap = |times| (0..times).fold(inner(), |ip, _| ipv4(4, &ip));
        // Each takes two steps: the header, and what its protocol number leads to.
        assert_eq!(line_of(LinkType::IPV4, &wrap(31)), INNER);
        assert_eq!(
            line_of(LinkType::IPV4, &wrap(32)),
            "Malformed(TooDeep { limit: 64 }) 10.1.0.1 > 10.1.0.2"
        );
        let mut tags = vlan(1, 0x0800, &inner());
        for _ in 0..50 {
            tags = vlan(1, 0x8100, &tags);
        }
        assert_eq!(line_of(LinkType::ETHERNET, &ethernet(0x8100, &tags)), INNER);
    }

    #[test]
    fn link_types_are_supported_that_can_be_read() {
        for number in 0..400 {
            let link_type = LinkType(number);
            assert_eq!(supports(link_type), LINK_TYPES.contains(&link_type));
            let unsupported = line_of(link_type, &[]) == "UnsupportedLinkType";
            assert_eq!(supports(link_type), !unsupported);
        }
    }

    fn check(decoder: &mut Decoder, packet: &Packet<'_>) {
        if let Contents::Tcp(segment) = decoder.decode(packet) {
            assert!(segment.payload.len() <= segment.payload_len);
        }
    }

    proptest! {
        #[test]
        fn random_bytes_are_read_as_every_link_type(
            data in proptest::collection::vec(any::<u8>(), 0..200),
            missing in 0u32..100,
        ) {
            let mut decoder = Decoder::default();
            for link_type in LINK_TYPES {
                let mut packet = packet(link_type, &data);
                packet.wire_len += missing;
                check(&mut decoder, &packet);
            }
        }

        #[test]
        fn damaged_packets_are_read(
            index in 0usize..7,
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            wire_len in 0u32..300,
        ) {
            let mut data = deep_packets().swap_remove(index);
            for (at, byte) in damage {
                let at = at.index(data.len());
                data[at] = byte;
            }
            let mut packet = packet(LinkType::ETHERNET, &data);
            packet.wire_len = wire_len;
            check(&mut Decoder::default(), &packet);
        }
    }
}

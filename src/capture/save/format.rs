//! Packets as the bytes of a capture file (draft-ietf-opsawg-pcap,
//! draft-ietf-opsawg-pcapng).

use super::super::{LinkType, Packet};
use super::SaveProblem;
use crate::time::Timestamp;

/// The format of a capture file that is written.
///
/// All numbers are little-endian. Packets of any source can be written; raw IP that came
/// with a number of one system gets the one that all readers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// pcap, which every reader knows. It has one link type for all packets.
    Pcap {
        /// The link type.
        link_type: LinkType,
        /// Whether to write nanoseconds, or else microseconds, which older readers need.
        nanoseconds: bool,
        /// The most captured bytes that a packet has.
        snaplen: u32,
    },
    /// pcapng, with nanoseconds, and with an interface for each link type that is met.
    /// Readers on libpcap, as tcpdump, still want them all to be the same.
    PcapNg,
}

/// Writes one file.
#[derive(Debug)]
pub(super) struct Encoder {
    format: Format,
    /// Of pcapng, the interfaces described so far, by their link types.
    interfaces: Vec<LinkType>,
}

impl Encoder {
    /// Begins a file, with what comes before its packets.
    pub(super) fn new(format: Format, out: &mut Vec<u8>) -> Self {
        match format {
            Format::Pcap {
                link_type,
                nanoseconds,
                snaplen,
            } => {
                let magic: u32 = if nanoseconds {
                    0xa1b2_3c4d
                } else {
                    0xa1b2_c3d4
                };
                let network = u32::from(portable(link_type).0);
                out.extend(magic.to_le_bytes());
                out.extend([2, 0, 4, 0]);
                // The offset from UTC and the accuracy of timestamps are not in use.
                put(out, [0, 0, snaplen, network]);
            }
            Format::PcapNg => {
                let unknown_len = u32::MAX;
                put(out, [SECTION_HEADER, SECTION_HEADER_LEN, BYTE_ORDER]);
                out.extend([1, 0, 0, 0]);
                put(out, [unknown_len, unknown_len, SECTION_HEADER_LEN]);
            }
        }
        Self {
            format,
            interfaces: Vec::new(),
        }
    }

    /// Appends one packet, with a comment where the format has room for one; nothing when
    /// there is an error.
    ///
    /// # Errors
    ///
    /// [`SaveProblem::LinkTypes`] and [`SaveProblem::TooLong`].
    pub(super) fn packet(
        &mut self,
        packet: &Packet<'_>,
        comment: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<(), SaveProblem> {
        let link_type = portable(packet.link_type);
        let captured_len = u32::try_from(packet.data.len())
            .ok()
            .filter(|&len| len <= MAX_PACKET_LEN)
            .ok_or(SaveProblem::TooLong(packet.data.len()))?;
        match self.format {
            Format::Pcap {
                link_type: of_file,
                nanoseconds,
                ..
            } => {
                if link_type != portable(of_file) {
                    return Err(SaveProblem::LinkTypes {
                        file: of_file,
                        packet: link_type,
                    });
                }
                let (seconds, fraction) = pcap_time(packet.time, nanoseconds);
                put(out, [seconds, fraction, captured_len, packet.wire_len]);
                out.extend_from_slice(packet.data);
            }
            Format::PcapNg => {
                let interface = self.interface(link_type, out);
                let padding = captured_len.wrapping_neg() % 4;
                let options = comment.map_or(Vec::new(), comment_options);
                // The options of a comment have at most 64 KiB.
                let options_len = u32::try_from(options.len()).unwrap_or(0);
                let block_len = PACKET_BLOCK_LEN + captured_len + padding + options_len;
                let [high, low] = halves(packet.time.0);
                put(out, [PACKET_BLOCK, block_len, interface, high, low]);
                put(out, [captured_len, packet.wire_len]);
                out.extend_from_slice(packet.data);
                out.extend(&[0; 3][..padding as usize]);
                out.extend(options);
                put(out, [block_len]);
            }
        }
        Ok(())
    }

    /// Number of the interface with `link_type`, which is described where it is new.
    fn interface(&mut self, link_type: LinkType, out: &mut Vec<u8>) -> u32 {
        let known = self.interfaces.iter().position(|&known| known == link_type);
        let number = known.unwrap_or_else(|| {
            put(out, [INTERFACE_BLOCK, INTERFACE_BLOCK_LEN]);
            out.extend(link_type.0.to_le_bytes());
            // Reserved; no limit for the length of packets.
            out.extend([0; 6]);
            // Option `if_tsresol`: 10^-9 s. Then the end of options.
            out.extend([9, 0, 1, 0, 9, 0, 0, 0]);
            out.extend([0; 4]);
            put(out, [INTERFACE_BLOCK_LEN]);
            self.interfaces.push(link_type);
            self.interfaces.len() - 1
        });
        // There are 65,536 link types.
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}

/// A comment, and the end of the options.
fn comment_options(comment: &str) -> Vec<u8> {
    const COMMENT: u16 = 1;
    const MAX_LEN: usize = 60_000;
    let mut end = comment.len().min(MAX_LEN);
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    let comment = &comment[..end];
    let mut out = Vec::with_capacity(comment.len() + 12);
    out.extend(COMMENT.to_le_bytes());
    out.extend(u16::try_from(comment.len()).unwrap_or(0).to_le_bytes());
    out.extend(comment.as_bytes());
    out.extend(&[0; 3][..comment.len().wrapping_neg() % 4]);
    out.extend([0; 4]);
    out
}

/// The number that stands for the same link type on every system.
fn portable(link_type: LinkType) -> LinkType {
    match link_type {
        LinkType::DLT_RAW | LinkType::DLT_RAW_OPENBSD => LinkType::RAW,
        other => other,
    }
}

/// Seconds and their fraction; a time after 2106, which pcap has no room for, is its last.
fn pcap_time(time: Timestamp, nanoseconds: bool) -> (u32, u32) {
    let unit = if nanoseconds { 1 } else { 1_000 };
    let seconds = u32::try_from(time.0 / 1_000_000_000).unwrap_or(u32::MAX);
    let fraction = u32::try_from(time.0 % 1_000_000_000 / unit).unwrap_or(0);
    (seconds, fraction)
}

/// The upper and the lower half of a time, which pcapng tells apart.
fn halves(time: u64) -> [u32; 2] {
    [time >> 32, time & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or(0))
}

fn put<const N: usize>(out: &mut Vec<u8>, values: [u32; N]) {
    for value in values {
        out.extend(value.to_le_bytes());
    }
}

/// Longest packet that is written, in captured bytes: libpcap refuses to read longer ones.
const MAX_PACKET_LEN: u32 = 128 << 20;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const SECTION_HEADER_LEN: u32 = 28;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE_BLOCK: u32 = 1;
const INTERFACE_BLOCK_LEN: u32 = 32;
const PACKET_BLOCK: u32 = 6;
/// Without the packet's bytes.
const PACKET_BLOCK_LEN: u32 = 32;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::capture::testing::lines;

    fn pcap(link_type: LinkType, nanoseconds: bool) -> Format {
        Format::Pcap {
            link_type,
            nanoseconds,
            snaplen: 262_144,
        }
    }

    /// What is read from a file with these packets.
    fn read_back(format: Format, packets: &[Packet<'_>]) -> Vec<String> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(format, &mut bytes);
        let mut problems = Vec::new();
        for packet in packets {
            if let Err(problem) = encoder.packet(packet, None, &mut bytes) {
                problems.push(format!("! {problem}"));
            }
        }
        let mut lines = lines(Cursor::new(bytes));
        lines.extend(problems);
        lines
    }

    fn packet(time: u64, link_type: LinkType, wire_len: u32, data: &[u8]) -> Packet<'_> {
        Packet {
            time: Timestamp(time),
            link_type,
            wire_len,
            data,
        }
    }

    #[test]
    fn what_was_written_reads_as_what_was_captured() {
        let packets = [
            packet(
                1_700_000_000_123_456_789,
                LinkType::ETHERNET,
                1_500,
                b"\x01\x02\x03",
            ),
            packet(1_700_000_001_000_000_000, LinkType::ETHERNET, 0, b""),
        ];
        let nanoseconds = [
            "1700000000.123456789 ETHERNET 3/1500 010203",
            "1700000001.000000000 ETHERNET 0/0 ",
        ];
        assert_eq!(
            read_back(pcap(LinkType::ETHERNET, true), &packets),
            nanoseconds
        );
        assert_eq!(read_back(Format::PcapNg, &packets), nanoseconds);
        assert_eq!(
            read_back(pcap(LinkType::ETHERNET, false), &packets),
            [
                "1700000000.123456000 ETHERNET 3/1500 010203",
                "1700000001.000000000 ETHERNET 0/0 ",
            ]
        );
    }

    #[test]
    fn a_second_link_type_is_an_error_in_pcap_and_an_interface_in_pcapng() {
        let packets = [
            packet(0, LinkType::ETHERNET, 1, b"a"),
            packet(0, LinkType::NULL, 1, b"b"),
            packet(0, LinkType::ETHERNET, 1, b"c"),
        ];
        assert_eq!(
            read_back(Format::PcapNg, &packets),
            [
                "0.000000000 ETHERNET 1/1 61",
                "0.000000000 NULL 1/1 62",
                "0.000000000 ETHERNET 1/1 63",
            ]
        );
        assert_eq!(
            read_back(pcap(LinkType::ETHERNET, true), &packets),
            [
                "0.000000000 ETHERNET 1/1 61",
                "0.000000000 ETHERNET 1/1 63",
                "! pcap holds packets of one link type: this file's is ETHERNET (1), \
                 the packet's NULL (0)",
            ]
        );
    }

    #[test]
    fn raw_ip_gets_its_portable_number() {
        for link_type in [LinkType::DLT_RAW, LinkType::DLT_RAW_OPENBSD, LinkType::RAW] {
            let packets = [packet(0, link_type, 1, b"E")];
            let expected = ["0.000000000 RAW 1/1 45"];
            assert_eq!(read_back(pcap(link_type, true), &packets), expected);
            assert_eq!(read_back(Format::PcapNg, &packets), expected);
        }
    }

    #[test]
    fn a_time_beyond_what_pcap_holds_is_its_last() {
        let last = packet(u64::MAX, LinkType::NULL, 0, b"");
        assert_eq!(
            read_back(pcap(LinkType::NULL, true), &[last]),
            ["4294967295.709551615 NULL 0/0 "]
        );
        assert_eq!(
            read_back(Format::PcapNg, &[last]),
            ["18446744073.709551615 NULL 0/0 "]
        );
    }

    proptest! {
        #[test]
        fn any_packets_survive(
            packets in prop::collection::vec(
                (0..1u64 << 61, 0..300u32, prop::collection::vec(any::<u8>(), 0..40)), 0..20,
            ),
        ) {
            let packets: Vec<_> = packets
                .iter()
                .map(|(time, cut, data)| {
                    let wire_len = u32::try_from(data.len()).unwrap_or(0) + cut;
                    packet(*time, LinkType::ETHERNET, wire_len, data)
                })
                .collect();
            prop_assert_eq!(
                read_back(pcap(LinkType::ETHERNET, true), &packets),
                read_back(Format::PcapNg, &packets)
            );
        }
    }
}

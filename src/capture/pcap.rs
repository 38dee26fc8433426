//! The pcap file format (draft-ietf-opsawg-pcap) and its variants.
//!
//! Record and file headers are read by pcap-parser, over a buffer of ours: its own
//! reader takes one `read` for the whole file header, and drops the text of I/O errors.

use std::ops::Range;

use pcap_parser::nom::{self, IResult, Needed};
use pcap_parser::{LegacyPcapBlock, PcapError, pcap as parser};

use super::error::{CaptureError, FirstBytes, Part, Problem};
use super::input::{Input, MAX_RECORD_LEN};
use super::{LinkType, Packet};
use crate::time::Timestamp;

/// Reads the packets of one pcap file.
pub(super) struct PcapReader {
    input: Input,
    parse_record: ParseRecord,
    /// Nanoseconds in one unit of a record's sub-second field.
    unit: u64,
    link_type: LinkType,
    time: Timestamp,
    wire_len: u32,
    data: Range<usize>,
}

/// Whether `start`, the first four bytes of a file, are the magic number of a pcap file.
pub(super) fn is_pcap(start: [u8; 4]) -> bool {
    Variant::of(start).is_some()
}

impl PcapReader {
    /// Reads the file header, of which [`is_pcap`] knows the first bytes.
    ///
    /// # Errors
    ///
    /// [`Problem::Cut`] when the file ends inside its header, and what
    /// [`Input::fill`] says.
    pub(super) fn new(mut input: Input) -> Result<Self, CaptureError> {
        if !input.fill(FILE_HEADER_LEN)? {
            let there = input.unread().len() as u64;
            let needed = FILE_HEADER_LEN as u64;
            return Err(input.error(
                0,
                Problem::Cut {
                    part: Part::FileHeader,
                    needed,
                    there,
                },
            ));
        }
        let mut header = [0; FILE_HEADER_LEN];
        header.copy_from_slice(&input.unread()[..FILE_HEADER_LEN]);
        let [a, b, c, d, ..] = header;
        let variant = Variant::of([a, b, c, d]);
        if variant == Some(Variant::ModifiedBig) {
            // pcap-parser knows this variant in little-endian order only. Its header
            // is that of the ordinary one, so let it pass for that.
            header[..4].copy_from_slice(&[0xa1, 0xb2, 0xc3, 0xd4]);
        }
        let (Some(variant), Ok((_, header))) = (variant, parser::parse_pcap_header(&header)) else {
            let start = FirstBytes::new(&header);
            return Err(input.error(0, Problem::NotCapture(start)));
        };
        input.consume(FILE_HEADER_LEN);
        Ok(Self {
            input,
            parse_record: match variant {
                Variant::Little => parser::parse_pcap_frame,
                Variant::Big => parser::parse_pcap_frame_be,
                Variant::ModifiedLittle => parser::parse_pcap_frame_modified,
                Variant::ModifiedBig => parse_pcap_frame_modified_be,
            },
            unit: if header.is_nanosecond_precision() {
                1
            } else {
                1_000
            },
            // "LinkType and additional information": the type is the low 16 bits;
            // above are the length of the frame check sequence and reserved bits.
            link_type: LinkType((header.network.0 & 0xffff).try_into().unwrap_or_default()),
            time: Timestamp::default(),
            wire_len: 0,
            data: 0..0,
        })
    }

    /// Goes on to the next packet; `false` at the end.
    ///
    /// The snap length of the file header is not looked at: files that are merged or
    /// rewritten have longer records.
    ///
    /// # Errors
    ///
    /// [`Problem::Cut`], [`Problem::Length`], and what [`Input::fill`] says. After
    /// any of them the file has ended: nothing in it says where a record starts.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<bool, CaptureError> {
        loop {
            let unread = self.input.unread();
            let missing = match (self.parse_record)(unread) {
                Ok((rest, record)) => {
                    let (record_len, data_len) = (unread.len() - rest.len(), record.data.len());
                    // At most 2^32 s and 2^32 µs, which fits: a sub-second field of a
                    // second or more just adds to the seconds.
                    self.time = Timestamp(
                        u64::from(record.ts_sec) * 1_000_000_000
                            + u64::from(record.ts_usec) * self.unit,
                    );
                    self.wire_len = record.origlen.max(record.caplen);
                    let whole = self.input.consume(record_len);
                    self.data = whole.end - data_len..whole.end;
                    return Ok(true);
                }
                Err(nom::Err::Incomplete(Needed::Size(missing))) => missing.get(),
                // The parsers above do not fail in any other way.
                Err(_) => 1,
            };
            let needed = unread.len() + missing;
            if !self.fill(needed)? {
                return Ok(false);
            }
        }
    }

    /// The packet that [`advance`](Self::advance) found.
    #[inline]
    pub(super) fn packet(&self) -> Packet<'_> {
        Packet {
            time: self.time,
            link_type: self.link_type,
            wire_len: self.wire_len,
            data: self.input.consumed(self.data.clone()),
        }
    }

    /// Makes sure that `needed` bytes are there; `false` at a clean end.
    fn fill(&mut self, needed: usize) -> Result<bool, CaptureError> {
        let offset = self.input.offset();
        let problem = if needed > MAX_RECORD_LEN {
            let (len, max) = (needed as u64, MAX_RECORD_LEN as u64);
            Problem::Length {
                part: Part::Packet,
                len,
                min: 0,
                max,
            }
        } else if self.input.fill(needed)? {
            return Ok(true);
        } else if self.input.unread().is_empty() {
            return Ok(false);
        } else {
            let (needed, there) = (needed as u64, self.input.unread().len() as u64);
            Problem::Cut {
                part: Part::Packet,
                needed,
                there,
            }
        };
        self.input.end();
        Err(self.input.error(offset, problem))
    }
}

/// Reads one record, or says how many bytes are missing.
type ParseRecord =
    for<'a> fn(&'a [u8]) -> IResult<&'a [u8], LegacyPcapBlock<'a>, PcapError<&'a [u8]>>;

/// What a magic number says about the records, besides their resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    Little,
    Big,
    /// Eight more bytes in each record header: interface, protocol, packet type.
    ModifiedLittle,
    ModifiedBig,
}

impl Variant {
    fn of(magic: [u8; 4]) -> Option<Self> {
        Some(match u32::from_be_bytes(magic) {
            0xa1b2_c3d4 | 0xa1b2_3c4d => Self::Big,
            0xd4c3_b2a1 | 0x4d3c_b2a1 => Self::Little,
            0xa1b2_cd34 => Self::ModifiedBig,
            0x34cd_b2a1 => Self::ModifiedLittle,
            _ => return None,
        })
    }
}

/// The big-endian counterpart of pcap-parser's `parse_pcap_frame_modified`, which it lacks.
fn parse_pcap_frame_modified_be(
    input: &[u8],
) -> IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>> {
    const HEADER_LEN: usize = 24;
    let Some((&[a, b, c, d, header @ ..], rest)) = input.split_first_chunk::<HEADER_LEN>() else {
        return Err(nom::Err::Incomplete(Needed::new(HEADER_LEN - input.len())));
    };
    let field = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let caplen = field(4);
    let data_len = caplen as usize;
    let Some((data, rest)) = rest.split_at_checked(data_len) else {
        return Err(nom::Err::Incomplete(Needed::new(data_len - rest.len())));
    };
    let ts_sec = u32::from_be_bytes([a, b, c, d]);
    Ok((
        rest,
        LegacyPcapBlock {
            ts_sec,
            ts_usec: field(0),
            caplen,
            origlen: field(8),
            data,
        },
    ))
}

/// Length of the file header in bytes.
const FILE_HEADER_LEN: usize = 24;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use crate::capture::testing::{Order, Trickle, lines, pcap, pcap_variant};

    const MICROS: u32 = 0xa1b2_c3d4;
    const NANOS: u32 = 0xa1b2_3c4d;
    const MODIFIED: u32 = 0xa1b2_cd34;

    #[test]
    fn every_variant_gives_the_same_packets() {
        for order in [Order::Little, Order::Big] {
            for (magic, extra, half) in [
                (MICROS, 0, 500_000),
                (NANOS, 0, 500_000_000),
                (MODIFIED, 8, 500_000),
            ] {
                let records: &[(u32, u32, &[u8])] =
                    &[(7, half, b"\x01\x02"), (8, 0, b""), (9, 0, b"\x03")];
                let bytes = pcap_variant(order, magic, extra, 1, records);
                let expected = [
                    "7.500000000 ETHERNET 2/2 0102",
                    "8.000000000 ETHERNET 0/0 ",
                    "9.000000000 ETHERNET 1/1 03",
                ];
                assert_eq!(
                    lines(Cursor::new(bytes.clone())),
                    expected,
                    "{order:?} {magic:x}"
                );
                assert_eq!(lines(Trickle::new(&bytes)), expected, "{order:?} {magic:x}");
            }
        }
    }

    #[test]
    fn the_link_type_is_the_low_half_of_its_field() {
        for (network, name) in [
            (113, "LINUX_SLL"),
            (0x2400_0001, "ETHERNET"),
            (0xf000_0114, "LINUX_SLL2"),
        ] {
            let bytes = pcap_variant(Order::Little, MICROS, 0, network, &[(0, 0, b"")]);
            assert_eq!(
                lines(Cursor::new(bytes)),
                [format!("0.000000000 {name} 0/0 ")]
            );
        }
    }

    #[test]
    fn a_sub_second_field_of_more_than_a_second_adds_to_the_seconds() {
        let bytes = pcap(&[(1, 2_500_000, b""), (u32::MAX, u32::MAX, b"")]);
        assert_eq!(
            lines(Cursor::new(bytes)),
            [
                "3.500000000 ETHERNET 0/0 ",
                "4294971589.967295000 ETHERNET 0/0 "
            ]
        );
    }

    #[test]
    fn the_wire_length_is_kept_and_is_never_less_than_what_was_captured() {
        let mut bytes = pcap(&[(1, 0, b"\x01\x02")]);
        bytes[36] = 200;
        assert_eq!(
            lines(Cursor::new(bytes.clone())),
            ["1.000000000 ETHERNET 2/200 0102"]
        );
        bytes[36] = 0;
        assert_eq!(lines(Cursor::new(bytes)), ["1.000000000 ETHERNET 2/2 0102"]);
    }

    #[test]
    fn records_longer_than_the_snap_length_and_than_the_buffer_are_read() {
        // `pcap` writes a snap length of 4 bytes.
        let long = vec![0x55; 1 << 20];
        let bytes = pcap(&[(1, 0, b"\x01"), (2, 0, &long), (3, 0, b"\x02")]);
        let got = lines(Cursor::new(bytes));
        assert_eq!(got[0], "1.000000000 ETHERNET 1/1 01");
        assert!(got[1].starts_with("2.000000000 ETHERNET 1048576/1048576 5555"));
        assert_eq!(got[2], "3.000000000 ETHERNET 1/1 02");
    }

    #[test]
    fn an_impossible_length_ends_the_file() {
        let mut bytes = pcap(&[(1, 0, b"\x01"), (2, 0, b"\x02"), (3, 0, b"\x03")]);
        bytes[41 + 8..41 + 12].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
        assert_eq!(
            lines(Cursor::new(bytes)),
            [
                "1.000000000 ETHERNET 1/1 01",
                "! f: at byte 41: damaged packet: it would be 2147483663 bytes long, possible are 0 to 67108864"
            ]
        );
    }

    #[test]
    fn any_cut_gives_the_whole_packets_and_then_says_where_the_cut_is() {
        let bytes = pcap(&[(1, 0, b"\x01\x02"), (2, 0, b"\x03")]);
        let packets = lines(Cursor::new(bytes.clone()));
        for len in 4..bytes.len() {
            let (whole, error) = match len {
                ..24 => (
                    0,
                    Some(format!(
                        "! f: at byte 0: cut in the middle of a file header: 24 bytes needed, {len} there"
                    )),
                ),
                24 => (0, None),
                25..40 => (
                    0,
                    Some(format!(
                        "! f: at byte 24: cut in the middle of a packet: 16 bytes needed, {} there",
                        len - 24
                    )),
                ),
                40..42 => (
                    0,
                    Some(format!(
                        "! f: at byte 24: cut in the middle of a packet: 18 bytes needed, {} there",
                        len - 24
                    )),
                ),
                42 => (1, None),
                43..58 => (
                    1,
                    Some(format!(
                        "! f: at byte 42: cut in the middle of a packet: 16 bytes needed, {} there",
                        len - 42
                    )),
                ),
                _ => (
                    1,
                    Some(
                        "! f: at byte 42: cut in the middle of a packet: 17 bytes needed, 16 there"
                            .to_owned(),
                    ),
                ),
            };
            let expected: Vec<String> = packets[..whole].iter().cloned().chain(error).collect();
            assert_eq!(
                lines(Cursor::new(bytes[..len].to_vec())),
                expected,
                "first {len} bytes"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(tail in prop::collection::vec(any::<u8>(), 0..400), magic in 0..6_usize) {
            let magic: [u8; 4] = match magic {
                0 => MICROS.to_be_bytes(),
                1 => MICROS.to_le_bytes(),
                2 => NANOS.to_be_bytes(),
                3 => NANOS.to_le_bytes(),
                4 => MODIFIED.to_be_bytes(),
                _ => MODIFIED.to_le_bytes(),
            };
            lines(Cursor::new([&magic[..], &tail].concat()));
        }
    }
}

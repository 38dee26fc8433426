//! The pcapng file format (draft-ietf-opsawg-pcapng).
//!
//! Blocks are found by [`BlockReader`]. pcap-parser reads those that describe:
//! interfaces and secrets. Packet blocks are read here, because pcap-parser allocates a
//! list for every packet that has options, refuses a block that is not padded, and
//! does not know the obsolete Packet Block.

use std::ops::Range;

use pcap_parser::pcapng::{self as parser, OptionCode};

use super::block::{Block, BlockReader, ByteOrder, block_type};
use super::clock::Clock;
use super::error::{CaptureError, Part, Problem};
use super::input::Input;
use super::secrets::PendingSecrets;
use super::{LinkType, Packet};
use crate::time::Timestamp;

/// Reads the packets of one pcapng file, through all of its sections.
pub(super) struct PcapNgReader {
    blocks: BlockReader,
    /// Of the current section, in the order of their description.
    interfaces: Vec<Interface>,
    /// Whether the current section's first [`Problem::UnknownInterface`] was said.
    unknown_said: bool,
    time: Timestamp,
    link_type: LinkType,
    wire_len: u32,
    data: Range<usize>,
}

impl PcapNgReader {
    /// A reader of `input`, whose first bytes are a section header's.
    pub(super) fn new(input: Input) -> Self {
        Self {
            blocks: BlockReader::new(input),
            interfaces: Vec::new(),
            unknown_said: false,
            time: Timestamp::default(),
            link_type: LinkType::NULL,
            wire_len: 0,
            data: 0..0,
        }
    }

    /// Goes on to the next packet; `false` at the end. Secrets on the way go to `secrets`.
    ///
    /// # Errors
    ///
    /// What [`Input::fill`] says, and after which the file has ended:
    /// [`Problem::Cut`], [`Problem::ByteOrder`], [`Problem::LengthsDisagree`],
    /// [`Problem::TooManyInterfaces`], and [`Problem::Length`] of a block or an
    /// interface description. After any other the next call goes on with the next block.
    #[inline]
    pub(super) fn advance(&mut self, secrets: &mut PendingSecrets) -> Result<bool, CaptureError> {
        while let Some(block) = self.blocks.next_block()? {
            let found = match block.kind {
                block_type::ENHANCED_PACKET | block_type::PACKET | block_type::SIMPLE_PACKET => {
                    self.read_packet(&block)
                }
                block_type::SECTION_HEADER => {
                    self.interfaces.clear();
                    self.unknown_said = false;
                    Ok(false)
                }
                block_type::INTERFACE_DESCRIPTION => self.read_interface(&block).map(|()| false),
                block_type::DECRYPTION_SECRETS => {
                    self.read_secrets(&block, secrets).map(|()| false)
                }
                _ => Ok(false),
            };
            match found {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(problem) => return Err(self.blocks.error(&block, problem)),
            }
        }
        Ok(false)
    }

    /// The packet that [`advance`](Self::advance) found.
    #[inline]
    pub(super) fn packet(&self) -> Packet<'_> {
        Packet {
            time: self.time,
            link_type: self.link_type,
            wire_len: self.wire_len,
            data: self.blocks.bytes(&self.data),
        }
    }

    /// Reads an Enhanced, Simple or obsolete Packet Block (§4.3, §4.4, appendix A).
    ///
    /// `false` when the packet is left out.
    #[inline]
    fn read_packet(&mut self, block: &Block) -> Result<bool, Problem> {
        let body = self.blocks.bytes(&block.body);
        let header_len = if block.kind == block_type::SIMPLE_PACKET {
            4
        } else {
            20
        };
        let Some((header, rest)) = body.split_at_checked(header_len) else {
            return Err(block.too_short(Part::Packet, header_len));
        };
        let field = |index: usize| self.blocks.order().u32_at(header, 4 * index);
        let number = match block.kind {
            block_type::ENHANCED_PACKET => field(0),
            block_type::PACKET => self.blocks.order().u16_at(header, 0).into(),
            _ => 0,
        };
        let Some(interface) = self.interfaces.get(number as usize) else {
            return self.unknown_interface(number);
        };
        let (captured_len, wire_len) = if block.kind == block_type::SIMPLE_PACKET {
            // It says the original length only, and has no time.
            let snap_len = if interface.snap_len == 0 {
                u32::MAX
            } else {
                interface.snap_len
            };
            let room = u32::try_from(rest.len()).unwrap_or(u32::MAX);
            (field(0).min(snap_len).min(room), field(0))
        } else {
            self.time = interface
                .clock
                .time(u64::from(field(1)) << 32 | u64::from(field(2)));
            (field(3), field(4))
        };
        let captured = captured_len as usize;
        if captured > rest.len() {
            let (len, max) = (captured_len.into(), rest.len() as u64);
            return Err(Problem::Length {
                part: Part::Packet,
                len,
                min: 0,
                max,
            });
        }
        self.link_type = interface.link_type;
        self.wire_len = wire_len.max(captured_len);
        let start = block.body.start + header_len;
        self.data = start..start + captured;
        Ok(true)
    }

    #[cold]
    fn unknown_interface(&mut self, interface: u32) -> Result<bool, Problem> {
        if std::mem::replace(&mut self.unknown_said, true) {
            return Ok(false);
        }
        Err(Problem::UnknownInterface {
            interface,
            described: self.interfaces.len(),
        })
    }

    /// Reads an Interface Description Block (§4.2).
    fn read_interface(&mut self, block: &Block) -> Result<(), Problem> {
        if self.interfaces.len() == MAX_INTERFACES {
            self.blocks.end();
            return Err(Problem::TooManyInterfaces {
                limit: MAX_INTERFACES,
            });
        }
        let bytes = self.blocks.well_formed(block);
        let parse = match self.blocks.order() {
            ByteOrder::Little => parser::parse_interfacedescriptionblock_le,
            ByteOrder::Big => parser::parse_interfacedescriptionblock_be,
        };
        let Ok((_, description)) = parse(&bytes) else {
            // Interfaces are numbered by the order of these blocks: without this one,
            // packets would be taken for those of another interface.
            self.blocks.end();
            return Err(block.too_short(Part::InterfaceDescription, 8));
        };
        let (mut tsresol, mut tsoffset) = (6, 0);
        // Not the fields of the same names: in those the offset is read little-endian
        // in every section, and options go on after the one that ends them.
        let options = description.options.iter();
        for option in options.take_while(|option| option.code != OptionCode::EndOfOpt) {
            match (option.code, option.value()) {
                (OptionCode::IfTsresol, &[value, ..]) => tsresol = value,
                (OptionCode::IfTsoffset, value) => {
                    tsoffset = value
                        .try_into()
                        .map_or(tsoffset, |field| self.blocks.order().i64_of(field));
                }
                _ => {}
            }
        }
        self.interfaces.push(Interface {
            link_type: LinkType(description.linktype.0.try_into().unwrap_or_default()),
            snap_len: description.snaplen,
            clock: Clock::new(tsresol, tsoffset),
        });
        Ok(())
    }

    /// Reads a Decryption Secrets Block (§4.7).
    fn read_secrets(&self, block: &Block, pending: &mut PendingSecrets) -> Result<(), Problem> {
        let bytes = self.blocks.well_formed(block);
        let parse = match self.blocks.order() {
            ByteOrder::Little => parser::parse_decryptionsecretsblock_le,
            ByteOrder::Big => parser::parse_decryptionsecretsblock_be,
        };
        let Ok((_, secrets)) = parse(&bytes) else {
            return Err(self.too_long_secrets(block));
        };
        let len = (secrets.secrets_len as usize).min(secrets.data.len());
        pending.push(secrets.secrets_type.0, &secrets.data[..len])
    }

    /// The problem of secrets that have no room in their block.
    #[cold]
    fn too_long_secrets(&self, block: &Block) -> Problem {
        let part = Part::DecryptionSecrets;
        match self.blocks.bytes(&block.body).split_at_checked(8) {
            None => block.too_short(part, 8),
            Some((header, rest)) => Problem::Length {
                part,
                len: self.blocks.order().u32_at(header, 4).into(),
                min: 0,
                max: rest.len() as u64,
            },
        }
    }
}

/// What packets need to know about their interface.
struct Interface {
    link_type: LinkType,
    /// Most bytes captured of a packet; 0 is no limit.
    snap_len: u32,
    clock: Clock,
}

/// Interfaces kept per section: 65,536, about 4 MiB. Reading ends at the next one:
/// the obsolete Packet Block cannot name more, and no machine has so many.
const MAX_INTERFACES: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::capture::block::{SECTION_HEADER, SKIPPED_BLOCK_LEN};
    use crate::capture::secrets::MAX_PENDING_LEN;
    use crate::capture::testing::{Order, PcapNg, Trickle, lines, read};

    const NO_OPTIONS: &[(u16, &[u8])] = &[];

    /// A section with one Ethernet interface and, after it, `more`.
    fn ethernet(order: Order, more: impl FnOnce(PcapNg) -> PcapNg) -> Vec<u8> {
        more(PcapNg::new(order).section().interface(1, 0, NO_OPTIONS)).bytes
    }

    #[test]
    fn both_byte_orders_give_the_same_packets() {
        for order in [Order::Little, Order::Big] {
            let bytes = ethernet(order, |file| {
                file.enhanced(0, 7_500_000, 9, b"\x01\x02\x03")
                    .enhanced(0, 1 << 33, 0, b"")
                    .simple(2, b"\x04\x05")
                    .obsolete(0, 9_000_000, 4, b"\x01\x02\x03\x04")
            });
            let expected = [
                "7.500000000 ETHERNET 3/9 010203",
                "8589.934592000 ETHERNET 0/0 ",
                "8589.934592000 ETHERNET 2/2 0405",
                "9.000000000 ETHERNET 4/4 01020304",
            ];
            assert_eq!(lines(Cursor::new(bytes.clone())), expected, "{order:?}");
            assert_eq!(lines(Trickle::new(&bytes)), expected, "{order:?}");
        }
    }

    #[test]
    fn sections_have_their_own_byte_order_and_interfaces() {
        let first = PcapNg::new(Order::Little).section();
        let first = first
            .interface(1, 0, NO_OPTIONS)
            .interface(113, 0, &[(9, &[9])]);
        let first = first.enhanced(1, 5, 1, b"\x01").enhanced(0, 5, 1, b"\x02");
        let second = PcapNg::new(Order::Big).section_of_len(48);
        let second = second
            .interface(276, 0, NO_OPTIONS)
            .enhanced(0, 6, 1, b"\x03");
        assert_eq!(
            lines(Cursor::new([first.bytes, second.bytes].concat())),
            [
                "0.000000005 LINUX_SLL 1/1 01",
                "0.000005000 ETHERNET 1/1 02",
                "0.000006000 LINUX_SLL2 1/1 03",
            ]
        );
    }

    #[test]
    fn an_interface_has_its_own_clock() {
        for order in [Order::Little, Order::Big] {
            let ten = match order {
                Order::Little => 10_i64.to_le_bytes(),
                Order::Big => 10_i64.to_be_bytes(),
            };
            for (options, time) in [
                (NO_OPTIONS, "0.001536000"),
                (&[(2, b"eth0".as_slice()), (9, &[9])], "0.000001536"),
                (&[(9, &[0x8a])], "1.500000000"),
                (&[(14, &ten)], "10.001536000"),
                (&[(9, &[3]), (0, b""), (9, &[9])], "1.536000000"),
            ] {
                let file = PcapNg::new(order).section().interface(1, 0, options);
                let bytes = file.enhanced(0, 1_536, 0, b"").bytes;
                assert_eq!(lines(Cursor::new(bytes)), [format!("{time} ETHERNET 0/0 ")]);
            }
        }
    }

    #[test]
    fn a_simple_packet_is_cut_by_the_snap_length_of_its_interface() {
        let file = PcapNg::new(Order::Little)
            .section()
            .interface(1, 2, NO_OPTIONS);
        let bytes = file.simple(60, b"\x01\x02\xff\xff").bytes;
        assert_eq!(
            lines(Cursor::new(bytes)),
            ["0.000000000 ETHERNET 2/60 0102"]
        );
    }

    #[test]
    fn options_of_packets_and_blocks_of_other_types_are_passed_over() {
        let long = vec![6; 3 * SKIPPED_BLOCK_LEN];
        for order in [Order::Little, Order::Big] {
            let bytes = ethernet(order, |file| {
                let options = [0, 1, 0, 1, b'x', 0, 0, 0, 0, 0, 0, 0];
                let mut packet = file.packet_header(0, 1, 1, 1);
                packet.extend([9, 0, 0, 0]);
                packet.extend(options);
                file.block(0x8000_0042, b"\0\0\0\0")
                    .block(0x0bad, &long)
                    .block(5, b"")
                    .block(block_type::ENHANCED_PACKET, &packet)
            });
            assert_eq!(lines(Cursor::new(bytes)), ["0.000001000 ETHERNET 1/1 09"]);
        }
    }

    #[test]
    fn secrets_are_there_before_the_packets_that_follow_them() {
        for order in [Order::Little, Order::Big] {
            let bytes = ethernet(order, |file| {
                file.secrets(0x544c_534b, b"first")
                    .enhanced(0, 1, 0, b"")
                    .enhanced(0, 2, 0, b"")
                    .secrets(7, b"second!!")
                    .enhanced(0, 3, 0, b"")
                    .secrets(8, b"")
            });
            assert_eq!(
                read(Cursor::new(bytes), true),
                [
                    "0x544c534b first",
                    "0.000001000 ETHERNET 0/0 ",
                    "0.000002000 ETHERNET 0/0 ",
                    "0x7 second!!",
                    "0.000003000 ETHERNET 0/0 ",
                    "0x8 ",
                ]
            );
        }
    }

    #[test]
    fn secrets_beyond_the_limit_are_left_out_until_they_are_taken() {
        let most = vec![b'k'; MAX_PENDING_LEN - 64];
        let file = PcapNg::new(Order::Little).section().secrets(1, &most);
        let file = file.interface(1, 0, NO_OPTIONS).enhanced(0, 1, 0, b"");
        let bytes = file.secrets(2, b"second").bytes;
        assert_eq!(
            lines(Cursor::new(bytes.clone()))[1..],
            [
                "! f: at byte 67108900: decryption secrets of 6 bytes left out: \
              with them, more than 67108864 would be kept"
            ]
        );
        assert_eq!(read(Cursor::new(bytes), true)[2..], ["0x2 second"]);
    }

    #[test]
    fn secrets_longer_than_their_block_are_left_out() {
        let bytes = ethernet(Order::Big, |file| {
            file.block(10, &[0, 0, 0, 7, 0, 0, 0, 5, b'k', 0, 0, 0])
                .block(10, &[0, 0, 0, 7])
                .enhanced(0, 2, 0, b"")
        });
        assert_eq!(
            lines(Cursor::new(bytes)),
            [
                "! f: at byte 48: damaged decryption secrets block: \
                 it would be 5 bytes long, possible are 0 to 4",
                "! f: at byte 72: damaged decryption secrets block: \
                 it would be 16 bytes long, possible are 20 to 67108864",
                "0.000002000 ETHERNET 0/0 ",
            ]
        );
    }

    #[test]
    fn an_interface_that_was_not_described_is_said_once_per_section() {
        let section = || {
            ethernet(Order::Little, |file| {
                file.enhanced(3, 1, 0, b"")
                    .enhanced(0, 2, 0, b"")
                    .enhanced(4, 3, 0, b"")
            })
        };
        let error = |at: u64| {
            format!(
                "! f: at byte {at}: packet of interface 3, but the section describes 1; \
                 such packets are left out"
            )
        };
        let packet = "0.000002000 ETHERNET 0/0 ".to_owned();
        assert_eq!(
            lines(Cursor::new([section(), section()].concat())),
            [error(48), packet.clone(), error(48 + 144), packet]
        );
    }

    #[test]
    fn a_packet_longer_than_its_block_is_left_out() {
        let bytes = ethernet(Order::Little, |file| {
            let packet = file.packet_header(0, 1, 99, 99);
            file.block(block_type::ENHANCED_PACKET, &packet)
                .block(block_type::ENHANCED_PACKET, &packet[..16])
                .enhanced(0, 2, 0, b"")
        });
        assert_eq!(
            lines(Cursor::new(bytes)),
            [
                "! f: at byte 48: damaged packet: it would be 99 bytes long, possible are 0 to 0",
                "! f: at byte 80: damaged packet: it would be 28 bytes long, possible are 32 to 67108864",
                "0.000002000 ETHERNET 0/0 ",
            ]
        );
    }

    #[test]
    fn an_interface_that_cannot_be_read_ends_the_file() {
        let bytes = ethernet(Order::Big, |file| {
            file.block(1, b"\0\x01").enhanced(0, 1, 0, b"")
        });
        assert_eq!(
            lines(Cursor::new(bytes)),
            [
                "! f: at byte 48: damaged interface description: it would be 16 bytes long, \
              possible are 20 to 67108864"
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(tail in prop::collection::vec(any::<u8>(), 0..300)) {
            for order in [Order::Little, Order::Big] {
                let start = PcapNg::new(order).section().bytes;
                read(Cursor::new([&start[..], &tail].concat()), true);
                read(Cursor::new([&SECTION_HEADER[..], &tail].concat()), true);
            }
        }

        #[test]
        fn no_damage_panics(
            damage in prop::collection::vec((0..400_usize, any::<u8>()), 1..6),
            big in any::<bool>(),
        ) {
            let order = if big { Order::Big } else { Order::Little };
            let file = PcapNg::new(order).section().interface(1, 4, &[(2, b"eth0"), (9, &[0x8a])]);
            let file = file.secrets(7, b"secret").enhanced(0, 1, 9, b"abcdef").simple(9, b"abcd");
            let mut bytes = file.obsolete(0, 7, 9, b"abc").block(99, b"xyz").section().bytes;
            for (at, value) in damage {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            prop_assert_eq!(read(Cursor::new(bytes.clone()), true), read(Trickle::new(&bytes), true));
        }
    }
}

//! The pcapng file format (draft-ietf-opsawg-pcapng).
//!
//! pcap-parser reads the blocks that describe: interfaces and secrets. Finding the
//! blocks and reading the packets is done here, because its block functions
//!
//! * answer "incomplete" both when the buffer ends and when a length inside a block
//!   points past it, which waits forever on a damaged block;
//! * refuse a block whose second length differs from the first or which is not padded;
//! * allocate a list for every packet that has options;
//! * do not know the obsolete Packet Block, nor unknown types in big-endian sections.

use std::ops::Range;

use pcap_parser::pcapng::{self as parser, OptionCode};

use super::clock::Clock;
use super::error::{CaptureError, Part, Problem};
use super::input::{Input, MAX_RECORD_LEN};
use super::secrets::PendingSecrets;
use super::{LinkType, Packet};
use crate::time::Timestamp;

/// Reads the packets of one pcapng file, through all of its sections.
pub(super) struct PcapNgReader {
    input: Input,
    order: ByteOrder,
    /// Of the current section, in the order of their description.
    interfaces: Vec<Interface>,
    /// Whether the current section's first [`Problem::UnknownInterface`] was said.
    unknown_said: bool,
    time: Timestamp,
    link_type: LinkType,
    wire_len: u32,
    data: Range<usize>,
}

/// Block type of a section header (§4.1); the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

impl PcapNgReader {
    /// A reader of `input`, whose first bytes are [`SECTION_HEADER`].
    pub(super) fn new(input: Input) -> Self {
        Self {
            input,
            order: ByteOrder::Little,
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
        while let Some(block) = self.next_block()? {
            let found = match block.kind {
                block_type::ENHANCED_PACKET | block_type::PACKET | block_type::SIMPLE_PACKET => {
                    self.read_packet(&block).map(|found| found.then_some(()))
                }
                block_type::SECTION_HEADER => {
                    self.interfaces.clear();
                    self.unknown_said = false;
                    Ok(None)
                }
                block_type::INTERFACE_DESCRIPTION => self.read_interface(&block).map(|()| None),
                block_type::DECRYPTION_SECRETS => self.read_secrets(&block, secrets).map(|()| None),
                _ => Ok(None),
            };
            match found {
                Ok(Some(())) => return Ok(true),
                Ok(None) => {}
                Err(problem) => return Err(self.input.error(block.offset, problem)),
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
            data: self.input.consumed(self.data.clone()),
        }
    }

    /// Consumes the next block, or says `None` at a clean end (§3.1).
    #[inline]
    fn next_block(&mut self) -> Result<Option<Block>, CaptureError> {
        loop {
            let offset = self.input.offset();
            if !self.input.fill(MIN_BLOCK_LEN)? {
                return match self.input.unread().len() {
                    0 => Ok(None),
                    there => Err(self.cut(MIN_BLOCK_LEN as u64, there as u64)),
                };
            }
            let head = self.input.unread();
            if head[..4] == SECTION_HEADER {
                // "This section must use the byte order of the magic", which comes
                // after the length that has to be read with it.
                let magic = [head[8], head[9], head[10], head[11]];
                let Some(order) = ByteOrder::of(magic) else {
                    return Err(self.end_with(offset, Problem::ByteOrder(magic)));
                };
                self.order = order;
            }
            let head = self.input.unread();
            let (kind, stated) = (self.order.u32_at(head, 0), self.order.u32_at(head, 4));
            let len = stated as usize;
            if len < MIN_BLOCK_LEN || len > MAX_RECORD_LEN && block_type::is_read(kind) {
                let (min, max) = (MIN_BLOCK_LEN as u64, MAX_RECORD_LEN as u64);
                let problem = Problem::Length {
                    part: Part::Block,
                    len: stated.into(),
                    min,
                    max,
                };
                return Err(self.end_with(offset, problem));
            }
            if len > SKIPPED_BLOCK_LEN && !block_type::is_read(kind) {
                // Not worth a place in the buffer, which need not grow for it.
                let len = u64::from(stated).next_multiple_of(4);
                let there = self.input.skip(len)?;
                if there < len {
                    return Err(self.input.error(offset, cut(len, there)));
                }
                continue;
            }
            if !self.input.fill(len)? {
                let there = self.input.unread().len() as u64;
                return Err(self.cut(len as u64, there));
            }
            let end = self.block_end(stated)?;
            let whole = self.input.consume(end);
            let body = whole.start + 8..whole.start + len - 4;
            return Ok(Some(Block {
                kind,
                offset,
                stated,
                body,
            }));
        }
    }

    /// Where the block at the front of the input ends, which says `stated` bytes.
    ///
    /// "Block Total Length […] MUST be a multiple of 4" and is repeated at the end
    /// (§3.1). There are writers that leave out the padding, or do not count it, or
    /// repeat the length wrongly.
    #[inline]
    fn block_end(&mut self, stated: u32) -> Result<usize, CaptureError> {
        let len = stated as usize;
        let last = self.order.u32_at(self.input.unread(), len - 4);
        if last == stated {
            return Ok(len);
        }
        self.block_end_of_doubtful(stated, last)
    }

    #[cold]
    fn block_end_of_doubtful(&mut self, first: u32, last: u32) -> Result<usize, CaptureError> {
        let len = first as usize;
        let padded = len.next_multiple_of(4);
        if padded != len && self.input.fill(padded)? {
            let last = self.order.u32_at(self.input.unread(), padded - 4);
            if last == first || last as usize == padded {
                return Ok(padded);
            }
        }
        for end in [padded, len] {
            if self.block_starts_at(end)? {
                return Ok(end);
            }
        }
        let offset = self.input.offset();
        Err(self.end_with(offset, Problem::LengthsDisagree { first, last }))
    }

    /// Whether what stands `at` bytes further looks like a block, or like the end.
    fn block_starts_at(&mut self, at: usize) -> Result<bool, CaptureError> {
        if !self.input.fill(at + 8)? {
            return Ok(self.input.unread().len() == at);
        }
        let head = &self.input.unread()[at..];
        let len = self.order.u32_at(head, 4) as usize;
        let plausible = len >= MIN_BLOCK_LEN && len.is_multiple_of(4) && len <= MAX_RECORD_LEN;
        let kind = self.order.u32_at(head, 0);
        // A section header may have another byte order, so its length says nothing yet.
        Ok(head[..4] == SECTION_HEADER || block_type::is_known(kind) && plausible)
    }

    /// Reads an Enhanced, Simple or obsolete Packet Block (§4.3, §4.4, appendix A).
    ///
    /// `false` when the packet is left out.
    #[inline]
    fn read_packet(&mut self, block: &Block) -> Result<bool, Problem> {
        let body = self.input.consumed(block.body.clone());
        let header_len = if block.kind == block_type::SIMPLE_PACKET {
            4
        } else {
            20
        };
        let Some((header, rest)) = body.split_at_checked(header_len) else {
            return Err(block.too_short(Part::Packet, header_len));
        };
        let field = |index: usize| self.order.u32_at(header, 4 * index);
        let number = match block.kind {
            block_type::ENHANCED_PACKET => field(0),
            block_type::PACKET => self.order.u16_at(header, 0).into(),
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
            self.input.end();
            return Err(Problem::TooManyInterfaces {
                limit: MAX_INTERFACES,
            });
        }
        let bytes = self.well_formed(block);
        let parse = match self.order {
            ByteOrder::Little => parser::parse_interfacedescriptionblock_le,
            ByteOrder::Big => parser::parse_interfacedescriptionblock_be,
        };
        let Ok((_, description)) = parse(&bytes) else {
            // Interfaces are numbered by the order of these blocks: without this one,
            // packets would be taken for those of another interface.
            self.input.end();
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
                        .map_or(tsoffset, |field| self.order.i64_of(field));
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
        let bytes = self.well_formed(block);
        let parse = match self.order {
            ByteOrder::Little => parser::parse_decryptionsecretsblock_le,
            ByteOrder::Big => parser::parse_decryptionsecretsblock_be,
        };
        let Ok((_, secrets)) = parse(&bytes) else {
            return Err(block.too_short(Part::DecryptionSecrets, 8));
        };
        let len = (secrets.secrets_len as usize).min(secrets.data.len());
        pending.push(secrets.secrets_type.0, &secrets.data[..len])
    }

    /// A copy of the block as pcap-parser wants it: padded, and with equal lengths.
    fn well_formed(&self, block: &Block) -> Vec<u8> {
        let body = self.input.consumed(block.body.clone());
        let padding = body.len().next_multiple_of(4) - body.len();
        let len = (MIN_BLOCK_LEN + body.len() + padding)
            .try_into()
            .unwrap_or(block.stated);
        let (kind, len) = (self.order.bytes_of(block.kind), self.order.bytes_of(len));
        [&kind[..], &len[..], body, &[0; 3][..padding], &len[..]].concat()
    }

    /// The error of a file that ends within the block at the front of the input.
    #[cold]
    fn cut(&mut self, needed: u64, there: u64) -> CaptureError {
        let offset = self.input.offset();
        self.end_with(offset, cut(needed, there))
    }

    /// An error after which there is no telling where the next block starts.
    #[cold]
    fn end_with(&mut self, offset: u64, problem: Problem) -> CaptureError {
        self.input.end();
        self.input.error(offset, problem)
    }
}

fn cut(needed: u64, there: u64) -> Problem {
    Problem::Cut {
        part: Part::Block,
        needed,
        there,
    }
}

/// What packets need to know about their interface.
struct Interface {
    link_type: LinkType,
    /// Most bytes captured of a packet; 0 is no limit.
    snap_len: u32,
    clock: Clock,
}

/// A block that was consumed and is still in the buffer.
struct Block {
    kind: u32,
    offset: u64,
    /// Its length, as it says at its start.
    stated: u32,
    /// Where the part between the two lengths is in the buffer.
    body: Range<usize>,
}

impl Block {
    /// The problem of a block that has no room for its fields, or for what they announce.
    #[cold]
    fn too_short(&self, part: Part, fixed_len: usize) -> Problem {
        let (len, max) = (self.stated.into(), MAX_RECORD_LEN as u64);
        Problem::Length {
            part,
            len,
            min: (MIN_BLOCK_LEN + fixed_len) as u64,
            max,
        }
    }
}

/// Byte order of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The byte order in which `magic` is the byte-order magic (§4.1).
    fn of(magic: [u8; 4]) -> Option<Self> {
        match u32::from_be_bytes(magic) {
            0x1a2b_3c4d => Some(Self::Big),
            0x4d3c_2b1a => Some(Self::Little),
            _ => None,
        }
    }

    #[inline]
    fn u16_at(self, bytes: &[u8], at: usize) -> u16 {
        let field = [bytes[at], bytes[at + 1]];
        match self {
            Self::Little => u16::from_le_bytes(field),
            Self::Big => u16::from_be_bytes(field),
        }
    }

    #[inline]
    fn u32_at(self, bytes: &[u8], at: usize) -> u32 {
        let bytes = &bytes[at..at + 4];
        let field = [bytes[0], bytes[1], bytes[2], bytes[3]];
        match self {
            Self::Little => u32::from_le_bytes(field),
            Self::Big => u32::from_be_bytes(field),
        }
    }

    fn i64_of(self, field: [u8; 8]) -> i64 {
        match self {
            Self::Little => i64::from_le_bytes(field),
            Self::Big => i64::from_be_bytes(field),
        }
    }

    fn bytes_of(self, field: u32) -> [u8; 4] {
        match self {
            Self::Little => field.to_le_bytes(),
            Self::Big => field.to_be_bytes(),
        }
    }
}

/// Block types (§11.1) that are read, or recognised where it is doubtful whether a block starts.
mod block_type {
    pub(super) const INTERFACE_DESCRIPTION: u32 = 1;
    pub(super) const PACKET: u32 = 2;
    pub(super) const SIMPLE_PACKET: u32 = 3;
    pub(super) const NAME_RESOLUTION: u32 = 4;
    pub(super) const INTERFACE_STATISTICS: u32 = 5;
    pub(super) const ENHANCED_PACKET: u32 = 6;
    pub(super) const SYSTEMD_JOURNAL: u32 = 9;
    pub(super) const DECRYPTION_SECRETS: u32 = 10;
    pub(super) const CUSTOM: u32 = 0x0bad;
    pub(super) const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;
    pub(super) const APPLE_PROCESS: u32 = 0x8000_0001;
    pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;

    pub(super) fn is_read(kind: u32) -> bool {
        matches!(
            kind,
            INTERFACE_DESCRIPTION
                ..=SIMPLE_PACKET | ENHANCED_PACKET | DECRYPTION_SECRETS | SECTION_HEADER
        )
    }

    pub(super) fn is_known(kind: u32) -> bool {
        is_read(kind)
            || matches!(
                kind,
                NAME_RESOLUTION
                    | INTERFACE_STATISTICS
                    | SYSTEMD_JOURNAL
                    | CUSTOM
                    | CUSTOM_NOT_COPIED
                    | APPLE_PROCESS
            )
    }
}

/// Type, two lengths, and nothing between them.
const MIN_BLOCK_LEN: usize = 12;

/// A block that is not read and longer than this, in bytes, is passed over instead
/// of being held in the buffer.
const SKIPPED_BLOCK_LEN: usize = 64 << 10;

/// Interfaces kept per section: 65,536, about 4 MiB. Reading ends at the next one:
/// the obsolete Packet Block cannot name more, and no machine has so many.
const MAX_INTERFACES: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
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

    /// A packet block of three data bytes with the lengths as given, unpadded or padded.
    fn odd_block(first: u32, last: u32, padding: usize) -> Vec<u8> {
        let header = PcapNg::new(Order::Little).packet_header(0, 1, 3, 3);
        [
            &[6, 0, 0, 0],
            &first.to_le_bytes()[..],
            &header,
            &[1, 2, 3],
            &[0; 3][..padding],
            &last.to_le_bytes()[..],
        ]
        .concat()
    }

    #[test]
    fn doubtful_block_lengths_are_tolerated_where_the_next_block_can_be_found() {
        let next = PcapNg::new(Order::Little).enhanced(0, 2, 0, b"").bytes;
        for (first, last, padding) in [
            (36, 36, 1),
            (35, 35, 0),
            (35, 35, 1),
            (35, 36, 1),
            (36, 0, 1),
            (36, 35, 1),
            (35, 7, 0),
        ] {
            let start = ethernet(Order::Little, |file| file);
            let odd = odd_block(first, last, padding);
            for (next, count) in [(&next[..], 2), (&start, 1), (b"", 1)] {
                let got = lines(Cursor::new([&start[..], &odd, next].concat()));
                let expected = [
                    "0.000001000 ETHERNET 3/3 010203",
                    "0.000002000 ETHERNET 0/0 ",
                ];
                assert_eq!(got, expected[..count], "{first} {last} {padding}");
            }
        }
    }

    #[test]
    fn lengths_that_disagree_where_no_block_follows_end_the_file() {
        let start = ethernet(Order::Little, |file| file);
        let odd = odd_block(36, 9, 1);
        assert_eq!(
            lines(Cursor::new([&start[..], &odd, &[0x77; 40]].concat())),
            [
                "! f: at byte 48: damaged block: it says 36 bytes at its start and 9 at its end, \
              and no block follows"
            ]
        );
        for (len, text) in [(8_u32, "8"), (0, "0"), (0x7000_0000, "1879048192")] {
            assert_eq!(
                lines(Cursor::new(
                    [&start[..], &[6, 0, 0, 0], &len.to_le_bytes(), &odd].concat()
                )),
                [format!(
                    "! f: at byte 48: damaged block: it would be {text} bytes long, \
                     possible are 12 to 67108864"
                )]
            );
        }
    }

    #[test]
    fn a_section_without_byte_order_ends_the_file() {
        let mut bytes = PcapNg::new(Order::Little).section().bytes;
        bytes[8] = 0;
        assert_eq!(
            lines(Cursor::new(bytes)),
            [
                "! f: at byte 0: damaged section header: byte-order magic [00, 3c, 2b, 1a], \
              expected 1a 2b 3c 4d in either order"
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

    #[test]
    fn any_cut_gives_the_whole_packets_and_then_says_where_the_cut_is() {
        let bytes = ethernet(Order::Big, |file| {
            file.enhanced(0, 1, 1, b"\x01")
                .block(77, b"abcd")
                .simple(2, b"\x02\x03")
        });
        let packets = lines(Cursor::new(bytes.clone()));
        let starts = [0, 28, 48, 84, 100, bytes.len()];
        for len in 4..bytes.len() {
            let block = starts.iter().filter(|&&start| start <= len).count() - 1;
            let (start, end) = (starts[block], starts[block + 1]);
            let there = len - start;
            let needed = if there < 12 { 12 } else { end - start };
            let error = (there > 0).then(|| {
                format!("! f: at byte {start}: cut in the middle of a block: {needed} bytes needed, {there} there")
            });
            let whole = usize::from(len >= 84);
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

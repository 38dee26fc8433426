//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng §3.1), whatever is in them.
//!
//! Not left to pcap-parser: its block functions answer "incomplete" both when the
//! buffer ends and when a length inside a block points past it, which would wait for
//! ever on a damaged block; they refuse a block whose two lengths differ, and they do
//! not swap the types they do not know in big-endian sections.

use std::ops::Range;

use super::error::{CaptureError, Part, Problem};
use super::input::{Input, MAX_RECORD_LEN};

/// Finds the blocks of one pcapng file.
pub(super) struct BlockReader {
    input: Input,
    /// Of the current section.
    order: ByteOrder,
}

/// Block type of a section header (§4.1); the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

impl BlockReader {
    /// A reader of `input`, whose first bytes are [`SECTION_HEADER`].
    pub(super) fn new(input: Input) -> Self {
        Self {
            input,
            order: ByteOrder::Little,
        }
    }

    /// Byte order of the section that the last block belongs to.
    #[inline]
    pub(super) fn order(&self) -> ByteOrder {
        self.order
    }

    /// Bytes of the last block.
    #[inline]
    pub(super) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.input.consumed(range.clone())
    }

    /// An error about `block`.
    #[cold]
    pub(super) fn error(&self, block: &Block, problem: Problem) -> CaptureError {
        self.input.error(block.offset, problem)
    }

    /// Gives up what is left of the file.
    pub(super) fn end(&mut self) {
        self.input.end();
    }

    /// Consumes the next block, or says `None` at a clean end (§3.1). Long blocks of
    /// types that are not read are left out.
    ///
    /// # Errors
    ///
    /// [`Problem::Cut`], [`Problem::Length`], [`Problem::ByteOrder`],
    /// [`Problem::LengthsDisagree`], and what [`Input::fill`] says. The file has then ended.
    #[inline]
    pub(super) fn next_block(&mut self) -> Result<Option<Block>, CaptureError> {
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
                // The byte-order magic stands after the length, which is already in
                // the new section's byte order.
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
    /// The length has to be a multiple of 4 and to be repeated at the end (§3.1).
    /// There are writers that leave out the padding, or do not count it, or repeat the
    /// length wrongly; as long as the next block can be found, that does no harm.
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

    /// A copy of the block as pcap-parser wants it: padded, and with equal lengths.
    pub(super) fn well_formed(&self, block: &Block) -> Vec<u8> {
        let body = self.bytes(&block.body);
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

/// A block that was consumed and is still in the buffer.
pub(super) struct Block {
    /// One of [`block_type`], or any other.
    pub(super) kind: u32,
    /// Bytes of the file before it.
    offset: u64,
    /// Its length, as it says at its start.
    stated: u32,
    /// Where the part between the two lengths is in the buffer.
    pub(super) body: Range<usize>,
}

impl Block {
    /// The problem of a block that has no room for its fields, or for what they announce.
    #[cold]
    pub(super) fn too_short(&self, part: Part, fixed_len: usize) -> Problem {
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
pub(super) enum ByteOrder {
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
    pub(super) fn u16_at(self, bytes: &[u8], at: usize) -> u16 {
        let field = [bytes[at], bytes[at + 1]];
        match self {
            Self::Little => u16::from_le_bytes(field),
            Self::Big => u16::from_be_bytes(field),
        }
    }

    #[inline]
    pub(super) fn u32_at(self, bytes: &[u8], at: usize) -> u32 {
        let bytes = &bytes[at..at + 4];
        let field = [bytes[0], bytes[1], bytes[2], bytes[3]];
        match self {
            Self::Little => u32::from_le_bytes(field),
            Self::Big => u32::from_be_bytes(field),
        }
    }

    pub(super) fn i64_of(self, field: [u8; 8]) -> i64 {
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

/// Block types of the registry in the IANA considerations: those that are read, and those
/// that are recognised where it is doubtful whether a block starts.
pub(super) mod block_type {
    pub(in crate::capture) const INTERFACE_DESCRIPTION: u32 = 1;
    pub(in crate::capture) const PACKET: u32 = 2;
    pub(in crate::capture) const SIMPLE_PACKET: u32 = 3;
    pub(in crate::capture) const NAME_RESOLUTION: u32 = 4;
    pub(in crate::capture) const INTERFACE_STATISTICS: u32 = 5;
    pub(in crate::capture) const ENHANCED_PACKET: u32 = 6;
    pub(in crate::capture) const SYSTEMD_JOURNAL: u32 = 9;
    pub(in crate::capture) const DECRYPTION_SECRETS: u32 = 10;
    pub(in crate::capture) const CUSTOM: u32 = 0x0bad;
    pub(in crate::capture) const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;
    pub(in crate::capture) const APPLE_PROCESS: u32 = 0x8000_0001;
    pub(in crate::capture) const SECTION_HEADER: u32 = 0x0a0d_0d0a;

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
pub(super) const SKIPPED_BLOCK_LEN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use crate::capture::testing::{Order, PcapNg, lines};

    /// A section with one Ethernet interface and, after it, `more`.
    fn ethernet(order: Order, more: impl FnOnce(PcapNg) -> PcapNg) -> Vec<u8> {
        more(PcapNg::new(order).section().interface(1, 0, &[])).bytes
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
}

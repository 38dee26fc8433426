//! How far back compressed data refers (RFC 1951 §3.2), for the window that was agreed
//! (RFC 7692 §7.1.2).
//!
//! The inflater always has the largest window, and the library behind it checks no smaller
//! one. [`Distances`] therefore reads the codes of the data beside it, without putting
//! anything out: its cost is that of the compressed bytes, whatever they inflate to.

/// Reads the distances in the compressed data of one message.
#[derive(Debug)]
pub(super) struct Distances {
    /// Bytes of the agreed window.
    window: u32,
    bits: Bits,
    state: State,
    /// The block is the last of its DEFLATE stream.
    is_final: bool,
    /// Code lengths of a block with codes of its own, as they are read.
    lengths: Vec<u8>,
    literal_codes: Code,
    distance_codes: Code,
    /// The codes are those of RFC 1951 §3.2.6, which need not be made again.
    are_fixed: bool,
    /// The first distance beyond the window.
    exceeded: Option<u32>,
}

/// What comes next in the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    BlockHeader,
    StoredLength,
    Stored {
        left: u32,
    },
    Sizes,
    CodeLengthCode {
        sizes: Sizes,
    },
    CodeLengths {
        sizes: Sizes,
    },
    Data,
    /// This is no DEFLATE data: the inflater says so.
    Invalid,
}

/// How many codes of each kind a block defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizes {
    literals: usize,
    distances: usize,
    code_lengths: usize,
}

impl Distances {
    /// For a window of 2 to the power of `window_bits` bytes.
    pub(super) fn new(window_bits: u8) -> Self {
        Self {
            window: 1 << u32::from(window_bits).min(15),
            bits: Bits::default(),
            state: State::BlockHeader,
            is_final: false,
            lengths: Vec::new(),
            literal_codes: Code::default(),
            distance_codes: Code::default(),
            are_fixed: false,
            exceeded: None,
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let symbols =
            self.literal_codes.symbols.capacity() + self.distance_codes.symbols.capacity();
        self.lengths.capacity() + symbols * size_of::<u16>()
    }

    /// The window, in bytes.
    pub(super) fn window(&self) -> u32 {
        self.window
    }

    /// A message begins.
    pub(super) fn restart(&mut self) {
        self.bits = Bits::default();
        self.state = State::BlockHeader;
        self.is_final = false;
        self.exceeded = None;
    }

    /// The first distance of the message, so far, that is beyond the window. Means nothing
    /// where the message is no DEFLATE data.
    pub(super) fn exceeded(&self) -> Option<u32> {
        self.exceeded
    }

    /// Takes the next bytes of the message.
    pub(super) fn push(&mut self, mut input: &[u8]) {
        while self.state != State::Invalid {
            if let State::Stored { left } = self.state {
                let left = self.skip(left, &mut input);
                self.state = self.after_stored(left);
                if left > 0 {
                    return;
                }
            }
            self.bits.fill(&mut input);
            match self.step() {
                Some(state) => self.state = state,
                // More bits are needed, and there are none: what a step needs has room.
                None => return,
            }
        }
    }

    /// Reads what comes next, if it is all there.
    fn step(&mut self) -> Option<State> {
        match self.state {
            State::BlockHeader => self.block_header(),
            State::StoredLength => self.stored_length(),
            State::Sizes => self.sizes(),
            State::CodeLengthCode { sizes } => self.code_length_code(sizes),
            State::CodeLengths { sizes } => self.code_lengths(sizes),
            State::Data => self.data(),
            State::Stored { .. } | State::Invalid => None,
        }
    }

    /// RFC 1951 §3.2.3.
    fn block_header(&mut self) -> Option<State> {
        let header = self.bits.take(3)?;
        self.is_final = header & 1 != 0;
        Some(match header >> 1 {
            0 => {
                self.bits.align();
                State::StoredLength
            }
            1 => {
                if !self.are_fixed {
                    self.literal_codes = Code::new(&fixed_literals());
                    self.distance_codes = Code::new(&[5; 30]);
                    self.are_fixed = true;
                }
                State::Data
            }
            2 => State::Sizes,
            _ => State::Invalid,
        })
    }

    /// RFC 1951 §3.2.4.
    fn stored_length(&mut self) -> Option<State> {
        let both = self.bits.take(32)?;
        let (len, complement) = (both & 0xFFFF, both >> 16);
        Some(if len == complement ^ 0xFFFF {
            self.after_stored(len)
        } else {
            State::Invalid
        })
    }

    /// Passes over bytes of a stored block; returns how many are left.
    fn skip(&mut self, mut left: u32, input: &mut &[u8]) -> u32 {
        while left > 0 && self.bits.take(8).is_some() {
            left -= 1;
        }
        let skipped = input.len().min(left as usize);
        *input = &input[skipped..];
        left - u32::try_from(skipped).unwrap_or(left)
    }

    fn after_stored(&mut self, left: u32) -> State {
        match left {
            0 => self.block_end(),
            left => State::Stored { left },
        }
    }

    fn block_end(&mut self) -> State {
        if self.is_final {
            // What follows is another stream, which begins with a byte (RFC 7692 §7.2.3.4).
            self.bits.align();
        }
        State::BlockHeader
    }

    /// RFC 1951 §3.2.7, as the rest of the block's codes.
    fn sizes(&mut self) -> Option<State> {
        let sizes = self.bits.take(14)? as usize;
        self.lengths.clear();
        let sizes = Sizes {
            literals: (sizes & 0x1F) + 257,
            distances: (sizes >> 5 & 0x1F) + 1,
            code_lengths: (sizes >> 10) + 4,
        };
        Some(State::CodeLengthCode { sizes })
    }

    fn code_length_code(&mut self, sizes: Sizes) -> Option<State> {
        const ORDER: [usize; 19] = [
            16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
        ];
        let len = self.bits.take(3)?;
        self.lengths.push(u8::try_from(len).unwrap_or(0));
        if self.lengths.len() < sizes.code_lengths {
            return Some(self.state);
        }
        let mut in_order = [0; 19];
        for (place, len) in ORDER.iter().zip(&self.lengths) {
            in_order[*place] = *len;
        }
        // Until the block's own codes are known, this one stands in their place.
        self.literal_codes = Code::new(&in_order);
        self.are_fixed = false;
        self.lengths.clear();
        Some(State::CodeLengths { sizes })
    }

    fn code_lengths(&mut self, sizes: Sizes) -> Option<State> {
        let (symbol, bits) = match self.literal_codes.read(self.bits) {
            Read::Symbol(symbol, bits) => (symbol, bits),
            Read::NeedMore => return None,
            Read::Invalid => return Some(State::Invalid),
        };
        let (len, times, bits) = match symbol {
            0..=15 => (u8::try_from(symbol).unwrap_or(0), 1, bits),
            16 => {
                let Some(previous) = self.lengths.last() else {
                    return Some(State::Invalid);
                };
                let (more, bits) = bits.split(2)?;
                (*previous, 3 + more, bits)
            }
            17 => {
                let (more, bits) = bits.split(3)?;
                (0, 3 + more, bits)
            }
            _ => {
                let (more, bits) = bits.split(7)?;
                (0, 11 + more, bits)
            }
        };
        self.bits = bits;
        let new_len = self.lengths.len() + times as usize;
        let wanted = sizes.literals + sizes.distances;
        if new_len > wanted {
            return Some(State::Invalid);
        }
        self.lengths.resize(new_len, len);
        if new_len < wanted {
            return Some(self.state);
        }
        let (literals, distances) = self.lengths.split_at(sizes.literals);
        self.literal_codes = Code::new(literals);
        self.distance_codes = Code::new(distances);
        Some(State::Data)
    }

    /// A literal, the end of the block, or a length with its distance (RFC 1951 §3.2.5).
    fn data(&mut self) -> Option<State> {
        let (symbol, bits) = match self.literal_codes.read(self.bits) {
            Read::Symbol(symbol, bits) => (symbol, bits),
            Read::NeedMore => return None,
            Read::Invalid => return Some(State::Invalid),
        };
        if symbol <= 256 {
            self.bits = bits;
            return Some(if symbol == 256 {
                self.block_end()
            } else {
                State::Data
            });
        }
        let (_, bits) = bits.split(length_bits(symbol))?;
        let (symbol, bits) = match self.distance_codes.read(bits) {
            Read::Symbol(symbol, bits) => (u32::from(symbol), bits),
            Read::NeedMore => return None,
            Read::Invalid => return Some(State::Invalid),
        };
        // Two codes for each number of further bits, but for the first four.
        let extra = (symbol / 2).saturating_sub(1);
        let (more, bits) = bits.split(extra)?;
        let base = match symbol {
            0..=3 => symbol,
            _ => (2 + symbol % 2) << extra,
        };
        let distance = base + more + 1;
        self.bits = bits;
        if distance > self.window && self.exceeded.is_none() {
            self.exceeded = Some(distance);
        }
        Some(State::Data)
    }
}

/// Bits that follow the code of a length.
fn length_bits(symbol: u16) -> u32 {
    match symbol {
        265..=284 => u32::from(symbol - 261) / 4,
        _ => 0,
    }
}

/// RFC 1951 §3.2.6.
fn fixed_literals() -> [u8; 288] {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    lengths
}

/// Bits that were taken from the data and not yet read; the first is the lowest.
#[derive(Clone, Copy, Debug, Default)]
struct Bits {
    bits: u64,
    count: u32,
}

impl Bits {
    /// Takes as many bytes as there is room for: afterwards there are 57 bits or more,
    /// unless the input is empty. No step needs more than 48.
    fn fill(&mut self, input: &mut &[u8]) {
        while let (true, [first, rest @ ..]) = (self.count <= 56, *input) {
            self.bits |= u64::from(*first) << self.count;
            self.count += 8;
            *input = rest;
        }
    }

    /// The next `count` bits, at most 32, and what is behind them.
    fn split(self, count: u32) -> Option<(u32, Self)> {
        let value = self.bits & ((1 << count) - 1);
        let rest = Self {
            bits: self.bits >> count,
            count: self.count.checked_sub(count)?,
        };
        Some((u32::try_from(value).ok()?, rest))
    }

    fn take(&mut self, count: u32) -> Option<u32> {
        let (value, rest) = self.split(count)?;
        *self = rest;
        Some(value)
    }

    /// Leaves out what is before the next whole byte.
    fn align(&mut self) {
        self.take(self.count % 8);
    }
}

/// A Huffman code, known by the lengths of its codes alone (RFC 1951 §3.2.2).
#[derive(Debug, Default)]
struct Code {
    /// How many codes there are of each length.
    counts: [u16; 16],
    /// Symbols in the order of their codes.
    symbols: Vec<u16>,
}

enum Read {
    /// A symbol, and the bits behind it.
    Symbol(u16, Bits),
    NeedMore,
    /// No symbol has this code.
    Invalid,
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; 16];
        for len in lengths {
            counts[usize::from(*len & 0xF)] += 1;
        }
        // Where the symbols of each length begin: those without a code are left out.
        let mut places = [0; 16];
        for len in 2..16 {
            places[len] = places[len - 1] + usize::from(counts[len - 1]);
        }
        let mut symbols = vec![0; lengths.len() - usize::from(counts[0])];
        for (symbol, len) in (0..).zip(lengths) {
            let len = usize::from(*len & 0xF);
            if len > 0 {
                symbols[places[len]] = symbol;
                places[len] += 1;
            }
        }
        Self { counts, symbols }
    }

    fn read(&self, bits: Bits) -> Read {
        // Codes of one length are consecutive numbers, and follow those of the lengths
        // before, with a bit appended.
        let (mut code, mut first, mut place) = (0_u32, 0_u32, 0_u32);
        let mut rest = bits;
        for count in &self.counts[1..] {
            let Some((bit, behind)) = rest.split(1) else {
                return Read::NeedMore;
            };
            rest = behind;
            code = code << 1 | bit;
            first <<= 1;
            let count = u32::from(*count);
            if code >= first && code - first < count {
                let place = (place + code - first) as usize;
                return match self.symbols.get(place) {
                    Some(symbol) => Read::Symbol(*symbol, rest),
                    None => Read::Invalid,
                };
            }
            first += count;
            place += count;
        }
        Read::Invalid
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

    /// One DEFLATE block with fixed codes: a literal `a`, then length 3 at each distance.
    fn references(distances: &[u32]) -> Vec<u8> {
        let (mut out, mut pending, mut count) = (Vec::new(), 0_u64, 0);
        let mut put = |value: u64, width: u32| {
            pending |= value << count;
            count += width;
            while count >= 8 {
                out.push(pending.to_le_bytes()[0]);
                pending >>= 8;
                count -= 8;
            }
        };
        let reversed = |code: u32, width: u32| u64::from(code.reverse_bits() >> (32 - width));
        put(0b010, 3);
        put(reversed(0x30 + u32::from(b'a'), 8), 8);
        for distance in distances {
            put(reversed(1, 7), 7);
            let above = distance - 1;
            let extra = above.max(1).ilog2().saturating_sub(1);
            let symbol = if above < 4 {
                above
            } else {
                2 * extra + (above >> extra)
            };
            put(reversed(symbol, 5), 5);
            put(u64::from(above & ((1 << extra) - 1)), extra);
        }
        // The end of the block, and what is left of the last byte.
        put(0, 7);
        put(0, 7);
        out
    }

    fn exceeded(window_bits: u8, data: &[u8], piece: usize) -> Option<u32> {
        let mut checker = Distances::new(window_bits);
        for piece in data.chunks(piece) {
            checker.push(piece);
        }
        assert_ne!(checker.state, State::Invalid);
        checker.exceeded()
    }

    #[test]
    fn a_distance_is_compared_with_the_window_to_the_byte() {
        for bits in 8..=14 {
            let window = 1 << bits;
            for size in [1, 2, 7, 1000] {
                let within = references(&[1, 2, 3, 4, 5, 6, 7, 100, window - 1, window]);
                assert_eq!(exceeded(bits, &within, size), None, "{bits}");
                let beyond = references(&[3, window, window + 1, window + 2]);
                assert_eq!(exceeded(bits, &beyond, size), Some(window + 1), "{bits}");
            }
        }
        let farthest = references(&[32_768]);
        assert_eq!(exceeded(15, &farthest, 3), None);
        assert_eq!(exceeded(14, &farthest, 3), Some(32_768));
    }

    /// Text of which each part comes again after `period` bytes.
    fn periodic(period: usize, len: usize) -> Vec<u8> {
        let mut state = 12_345_u32;
        let mut text = Vec::with_capacity(len);
        while text.len() < len {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            let fresh = b'a' + state.to_be_bytes()[1] % 26;
            let again = text.len().checked_sub(period).map(|place| text[place]);
            text.push(again.unwrap_or(fresh));
        }
        text
    }

    fn compressed(text: &[u8], level: u32, window_bits: u8) -> Vec<u8> {
        let level = Compression::new(level);
        let mut compress = Compress::new_with_window_bits(level, false, window_bits);
        let mut out = Vec::with_capacity(text.len() * 2 + 100);
        let done = compress.compress_vec(text, &mut out, FlushCompress::Sync);
        assert!(done.is_ok());
        assert_eq!(compress.total_in(), text.len() as u64);
        out
    }

    #[test]
    fn what_a_compressor_makes_is_read_whatever_its_blocks() {
        for level in [0, 1, 9] {
            for period in [600, 20_000] {
                let text = periodic(period, 70_000);
                let data = compressed(&text, level, 15);
                let mut out = Vec::with_capacity(text.len() + 100);
                let mut inflater = Decompress::new(false);
                let done = inflater.decompress_vec(&data, &mut out, FlushDecompress::Sync);
                assert!(done.is_ok() && out == text);
                for size in [1, 5, 1_000_000] {
                    let mut checker = Distances::new(9);
                    for piece in data.chunks(size) {
                        checker.push(piece);
                    }
                    assert_eq!(checker.exceeded().is_some(), level > 0, "{level} {period}");
                    // It stands where the flush at the end leaves an inflater.
                    assert_eq!(checker.state, State::BlockHeader, "{level} {period}");
                    assert_eq!(checker.bits.count, 0, "{level} {period}");
                }
            }
        }
    }

    #[test]
    fn a_compressor_that_keeps_to_its_window_is_never_accused() {
        for window_bits in 9..=14 {
            for level in [1, 9] {
                let mut text = periodic(1 << window_bits, 100_000);
                text.extend(periodic(250, 10_000));
                text.extend(periodic((1 << window_bits) - 262, 100_000));
                let data = compressed(&text, level, window_bits);
                assert_eq!(
                    exceeded(window_bits, &data, 100),
                    None,
                    "{window_bits} {level}"
                );
            }
        }
    }

    #[test]
    fn a_stream_that_ends_is_followed_by_another() {
        let mut data = references(&[9]);
        data[0] |= 1;
        data.extend(references(&[300]));
        assert_eq!(exceeded(8, &data, 1), Some(300));
    }

    #[test]
    fn any_bytes_are_taken() {
        let mut state = 1_u32;
        for _ in 0..3_000 {
            let mut checker = Distances::new(9);
            for _ in 0..40 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                checker.push(&state.to_be_bytes()[..3]);
            }
            assert!(checker.heap_bytes() < 4_096);
        }
    }
}

//! The layout of inputs.

/// The next bytes of an input; 0 where there are none.
pub struct Bytes<'a>(
    /// Those that are left.
    pub &'a [u8],
);

impl<'a> Bytes<'a> {
    /// The next byte.
    pub fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// The number that the next `count` bytes are, the lowest first.
    pub fn number(&mut self, count: usize) -> u64 {
        let bytes = self.take(count).iter().rev();
        bytes.fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    /// The next `count` bytes, or as many as are left.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// The parts of an input. Each is a tag of one byte, which says what it is, a length of two
/// bytes, the lower first, and as many bytes, or those that are left.
pub struct Parts<'a>(
    /// Those that are left.
    pub Bytes<'a>,
);

impl<'a> Iterator for Parts<'a> {
    type Item = (u8, Bytes<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.0.is_empty() {
            return None;
        }
        let tag = self.0.u8();
        let length = usize::try_from(self.0.number(2)).unwrap_or_default();
        Some((tag, Bytes(self.0.take(length))))
    }
}

/// A part of an input; bytes beyond what its length can say are left away.
pub fn part(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let bytes = &bytes[..usize::from(length)];
    [&[tag], &length.to_le_bytes()[..], bytes].concat()
}

/// Cuts bytes into pieces whose lengths follow from `seed`: 0 into single bytes, others into
/// pieces of up to as many.
pub fn pieces(bytes: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Bytes(bytes);
    let mut state = u32::from(seed);
    std::iter::from_fn(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let most = u32::from(seed).max(1);
        let length = 1 + (state >> 16) % most;
        let piece = rest.take(length as usize);
        (!piece.is_empty()).then_some(piece)
    })
}

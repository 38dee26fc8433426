//! What is kept of a message's payload while its frames come.

use std::ops::Range;
use std::str;

use super::utf8::is_continuation;

/// The start of a payload: known bytes, and `?` for each that is not.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    /// Where bytes are not known: in order, apart from each other.
    unknown: Vec<Range<usize>>,
    /// Something was left out, so nothing that follows can be kept.
    full: bool,
}

/// What a range counts of the limit.
const RANGE_BYTES: usize = size_of::<Range<usize>>();

/// What stands for a byte that is not known.
const UNKNOWN: u8 = b'?';

impl Kept {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn unknown(&self) -> &[Range<usize>] {
        &self.unknown
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether more would be kept.
    pub(super) fn has_room(&self, limit: usize) -> bool {
        !self.full && self.cost() < limit
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.unknown.capacity() * RANGE_BYTES
    }

    /// Begins anew, in the same buffers.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.unknown.clear();
        self.full = false;
    }

    /// Appends as many bytes as the limit allows.
    pub(super) fn push(&mut self, bytes: &[u8], limit: usize) {
        let room = self.room(limit);
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.full |= bytes.len() > room;
    }

    /// Appends all the bytes if the limit allows it, and gives them back as they are kept.
    pub(super) fn push_whole(&mut self, bytes: &[u8], limit: usize) -> Option<&mut [u8]> {
        let start = self.bytes.len();
        (bytes.len() <= self.room(limit)).then(|| {
            self.bytes.extend_from_slice(bytes);
            &mut self.bytes[start..]
        })
    }

    /// Appends as many unknown bytes as the limit allows; their range counts as well.
    pub(super) fn push_unknown(&mut self, len: u64, limit: usize) {
        let mut room = self.room(limit);
        let start = self.bytes.len();
        let goes_on = self.unknown.last().is_some_and(|last| last.end == start);
        if !goes_on {
            room = room.saturating_sub(RANGE_BYTES);
        }
        let taken = usize::try_from(len).map_or(room, |len| len.min(room));
        self.full |= (taken as u64) < len;
        if taken == 0 {
            return;
        }
        self.bytes.resize(self.bytes.len() + taken, UNKNOWN);
        let end = self.bytes.len();
        match self.unknown.last_mut() {
            Some(last) if goes_on => last.end = end,
            _ => self.unknown.push(start..end),
        }
    }

    /// The bytes from `from` on, up to the first that is not known.
    pub(super) fn known_from(&self, from: usize) -> &[u8] {
        let next = self.unknown.partition_point(|range| range.end <= from);
        let until = self.unknown.get(next);
        let until = until.map_or(self.bytes.len(), |range| range.start.max(from));
        self.bytes.get(from..until).unwrap_or_default()
    }

    /// A character of which some bytes are unknown is unknown whole, so that the rest stays
    /// text; says how many bytes more are unknown by that.
    pub(super) fn hide_cut_characters(&mut self) -> usize {
        let mut hidden = 0;
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(self.unknown.len());
        for at in 0..self.unknown.len() {
            let Range { start, end } = self.unknown[at].clone();
            let known_after = merged.last().map_or(0, |before| before.end).min(start);
            let start = start - cut_at_end(&self.bytes[known_after..start]);
            let next = self.unknown.get(at + 1);
            let behind = &self.bytes[end..next.map_or(self.bytes.len(), |next| next.start)];
            let is_inside = |byte: &&u8| is_continuation(**byte);
            let end = end + behind.iter().take(3).take_while(is_inside).count();
            hidden += (end - start) - self.unknown[at].len();
            self.bytes[start..end].fill(UNKNOWN);
            match merged.last_mut() {
                Some(last) if last.end >= start => last.end = end,
                _ => merged.push(start..end),
            }
        }
        self.unknown = merged;
        hidden
    }

    fn cost(&self) -> usize {
        self.bytes.len() + self.unknown.len() * RANGE_BYTES
    }

    fn room(&self, limit: usize) -> usize {
        if self.full {
            0
        } else {
            limit.saturating_sub(self.cost())
        }
    }
}

/// Bytes at the end of valid text that begin a character and do not end it.
fn cut_at_end(text: &[u8]) -> usize {
    let tail = &text[text.len().saturating_sub(3)..];
    let begins = tail.iter().rposition(|byte| !is_continuation(*byte));
    let last = begins.map_or(&[][..], |at| &tail[at..]);
    match str::from_utf8(last) {
        Ok(_) => 0,
        Err(_) => last.len(),
    }
}

/// Appends as much of `bytes` as keeps `buffer` within `limit`.
pub(super) fn extend_up_to(buffer: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    let room = limit.saturating_sub(buffer.len());
    buffer.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known parts, with an unknown byte between each two.
    type Parts<'a> = &'a [&'a [u8]];

    /// `_` for each unknown byte.
    fn kept(parts: &str, limit: usize) -> Kept {
        let mut kept = Kept::default();
        for part in parts.split_inclusive('_') {
            let known = part.trim_end_matches('_');
            kept.push(known.as_bytes(), limit);
            if known.len() < part.len() {
                kept.push_unknown(1, limit);
            }
        }
        kept
    }

    fn text(kept: &Kept) -> &str {
        str::from_utf8(kept.bytes()).unwrap_or("(no text)")
    }

    #[test]
    fn unknown_bytes_have_a_place_each_and_one_range_together() {
        let kept = kept("ab___c_d", 1_000);
        assert_eq!(text(&kept), "ab???c?d");
        assert_eq!(kept.unknown(), [2..5, 6..7]);
        let known = |from| kept.known_from(from);
        assert_eq!(known(0), b"ab");
        assert_eq!(known(3), b"");
        assert_eq!(known(5), b"c");
        assert_eq!(known(7), b"d");
        assert_eq!(known(9), b"");
    }

    #[test]
    fn what_follows_something_left_out_is_left_out() {
        for (limit, expected) in [
            (2, "ab"),
            (18, "ab"),
            (19, "ab?"),
            (21, "ab???"),
            (22, "ab???c"),
            (38, "ab???c"),
            (39, "ab???c?"),
            (40, "ab???c?d"),
        ] {
            let kept = kept("ab___c_d", limit);
            assert_eq!(text(&kept), expected, "{limit}");
            assert!(!kept.has_room(limit), "{limit}");
        }
    }

    #[test]
    fn a_character_that_is_cut_is_unknown_whole() {
        let euro = "€".as_bytes();
        let table: [(Parts<'_>, &str, Range<usize>); 5] = [
            (&[b"a", b"b"], "a?b", 1..2),
            (&[&euro[..2], b"b"], "???b", 0..3),
            (&[b"a", &euro[1..], b"b"], "a????b", 1..5),
            (&[b"a\xe2", &euro[2..]], "a???", 1..4),
            (
                &["a€".as_bytes(), &euro[1..2], "é".as_bytes()],
                "a€???é",
                4..7,
            ),
        ];
        for (parts, expected, unknown) in table {
            let mut kept = Kept::default();
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    kept.push_unknown(1, 1_000);
                }
                kept.push(part, 1_000);
            }
            let before: usize = kept.unknown().iter().map(Range::len).sum();
            let hidden = kept.hide_cut_characters();
            assert_eq!(text(&kept), expected);
            assert_eq!(kept.unknown(), [unknown]);
            let after: usize = kept.unknown().iter().map(Range::len).sum();
            assert_eq!(before + hidden, after);
        }
    }
}

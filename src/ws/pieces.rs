//! What is kept of a stream while a header is looked for in it.

use std::collections::VecDeque;

use crate::flow::{GapCause, StreamItem};

/// A kept part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of one chunk.
    Bytes(Vec<u8>),
    /// Missing bytes, or bytes that were too many to keep.
    Gap(u64),
}

impl Piece {
    /// The same as an item of a stream.
    pub fn as_item(&self) -> StreamItem<'_> {
        match self {
            Self::Bytes(bytes) => StreamItem::Chunk(bytes),
            Self::Gap(len) => StreamItem::Gap {
                len: *len,
                cause: GapCause::NotCaptured,
            },
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Gap(len) => *len,
        }
    }

    /// The piece without its first bytes.
    fn without_first(self, len: u64) -> Self {
        match self {
            Self::Gap(whole) => Self::Gap(whole - len),
            Self::Bytes(mut bytes) => {
                bytes.drain(..usize::try_from(len).unwrap_or(0));
                Self::Bytes(bytes)
            }
        }
    }
}

/// The last pieces of a stream, as many as a limit allows. Positions count from where the
/// stream was first looked at, missing bytes included.
#[derive(Debug)]
pub(super) struct Pieces {
    /// With the position of their first byte.
    kept: VecDeque<(u64, Piece)>,
    bytes: usize,
    end: u64,
    limit: usize,
}

/// What a kept piece costs beside its bytes: without it, a flood of tiny ones would have no
/// limit.
const PIECE_OVERHEAD: usize = 64;

impl Pieces {
    /// Nothing yet; `limit` is in bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            bytes: 0,
            end: 0,
            limit,
        }
    }

    /// Position behind the last piece.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Position of the first byte that is kept.
    pub(super) fn start(&self) -> u64 {
        self.kept.front().map_or(self.end, |(start, _)| *start)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes + self.kept.capacity() * size_of::<(u64, Piece)>()
    }

    /// Adds a piece; says whether others were dropped to stay within the limit.
    pub(super) fn push(&mut self, piece: Piece) -> bool {
        let start = self.end;
        self.end += piece.len();
        if let (Piece::Gap(more), Some((_, Piece::Gap(len)))) = (&piece, self.kept.back_mut()) {
            *len += more;
            return false;
        }
        if let Piece::Bytes(bytes) = &piece {
            self.bytes += bytes.len();
        }
        self.kept.push_back((start, piece));
        let mut dropped = false;
        while self.bytes + self.kept.len() * PIECE_OVERHEAD > self.limit {
            let Some((_, piece)) = self.kept.pop_front() else {
                break;
            };
            if let Piece::Bytes(bytes) = piece {
                self.bytes -= bytes.len();
            }
            dropped = true;
        }
        dropped
    }

    /// Whether a piece begins at `at`.
    pub(super) fn is_start(&self, at: u64) -> bool {
        self.kept
            .binary_search_by_key(&at, |(start, _)| *start)
            .is_ok()
    }

    /// Where the piece begins that holds the byte at `at`; `None` where it is not kept.
    pub(super) fn start_of(&self, at: u64) -> Option<u64> {
        let after = self.kept.partition_point(|(start, _)| *start <= at);
        self.kept
            .get(after.checked_sub(1)?)
            .map(|(start, _)| *start)
    }

    /// Copies bytes from `at` on up to a gap; says how many, and whether more may come.
    pub(super) fn copy(&self, at: u64, buffer: &mut [u8]) -> (usize, bool) {
        let after = self.kept.partition_point(|(start, _)| *start <= at);
        if after == 0 {
            // Dropped to stay within the limit.
            return (0, false);
        }
        let mut filled = 0;
        for (start, piece) in self.kept.iter().skip(after - 1) {
            let Piece::Bytes(bytes) = piece else {
                return (filled, false);
            };
            let Ok(skip) = usize::try_from((at + filled as u64).saturating_sub(*start)) else {
                break;
            };
            let bytes = bytes.get(skip..).unwrap_or_default();
            let take = bytes.len().min(buffer.len() - filled);
            buffer[filled..filled + take].copy_from_slice(&bytes[..take]);
            filled += take;
            if filled == buffer.len() {
                break;
            }
        }
        (filled, true)
    }

    /// Takes out all from `at` on; what was dropped of it is a gap.
    pub(super) fn take_from(&mut self, mut at: u64) -> impl Iterator<Item = Piece> {
        let dropped = self.start().saturating_sub(at);
        let gap = (dropped > 0).then_some(Piece::Gap(dropped));
        at += dropped;
        let kept = std::mem::take(&mut self.kept).into_iter();
        let rest = kept.filter_map(move |(start, piece)| {
            let before = at.saturating_sub(start);
            (before < piece.len()).then(|| piece.without_first(before))
        });
        gap.into_iter().chain(rest)
    }

    /// All that is kept, in order.
    pub(super) fn into_kept(self) -> impl Iterator<Item = Piece> {
        self.kept.into_iter().map(|(_, piece)| piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(limit: usize, parts: &[&str]) -> Pieces {
        let mut pieces = Pieces::new(limit);
        for part in parts {
            // `_` for each missing byte.
            pieces.push(if part.starts_with('_') {
                Piece::Gap(part.len() as u64)
            } else {
                Piece::Bytes(part.as_bytes().to_vec())
            });
        }
        pieces
    }

    fn show(pieces: impl Iterator<Item = Piece>) -> Vec<String> {
        let show = |piece| match piece {
            Piece::Bytes(bytes) => bytes.escape_ascii().to_string(),
            Piece::Gap(len) => "_".repeat(usize::try_from(len).unwrap_or(0)),
        };
        pieces.map(show).collect()
    }

    #[test]
    fn bytes_are_copied_over_pieces_up_to_a_gap() {
        let pieces = pieces(1_000, &["abc", "de", "__", "f"]);
        for (at, expected, more_may_come) in [
            (0, "abcd", true),
            (1, "bcde", true),
            (2, "cde", false),
            (5, "", false),
            (7, "f", true),
            (8, "", true),
        ] {
            let mut buffer = [0; 4];
            let (len, more) = pieces.copy(at, &mut buffer);
            assert_eq!(
                (&buffer[..len], more),
                (expected.as_bytes(), more_may_come),
                "{at}"
            );
        }
    }

    #[test]
    fn starts_of_pieces_are_known() {
        let pieces = pieces(1_000, &["abc", "de", "_", "__", "f"]);
        assert_eq!(pieces.end(), 9);
        let starts: Vec<_> = (0..9).filter(|at| pieces.is_start(*at)).collect();
        assert_eq!(starts, [0, 3, 5, 8]);
        let starts: Vec<_> = (0..9).filter_map(|at| pieces.start_of(at)).collect();
        assert_eq!(starts, [0, 0, 0, 3, 3, 5, 5, 5, 8]);
    }

    #[test]
    fn all_from_a_position_on_comes_back() {
        for (at, expected) in [
            (0, &["abc", "de", "__", "f"][..]),
            (1, &["bc", "de", "__", "f"]),
            (3, &["de", "__", "f"]),
            (6, &["_", "f"]),
            (8, &[]),
        ] {
            let mut pieces = pieces(1_000, &["abc", "de", "__", "f"]);
            assert_eq!(show(pieces.take_from(at)), expected, "{at}");
        }
    }

    #[test]
    fn of_more_than_the_limit_the_last_is_kept() {
        let limit = 2 * PIECE_OVERHEAD + 5;
        let mut pieces = pieces(limit, &["abc", "de"]);
        assert_eq!(pieces.start(), 0);
        assert!(pieces.push(Piece::Bytes(b"f".to_vec())));
        assert_eq!((pieces.start(), pieces.end()), (3, 6));
        assert_eq!(pieces.start_of(2), None);
        assert_eq!(pieces.copy(2, &mut [0; 4]), (0, false));
        assert_eq!(show(pieces.take_from(1)), ["__", "de", "f"]);
    }
}

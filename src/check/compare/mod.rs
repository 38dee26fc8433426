//! Two captures compared by what was said in them.

mod align;
mod differ;
mod document;
mod matching;
mod page;
mod side_by_side;
mod told;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Close, Control, Conversation, Handshake, Message, Place};
use crate::flow::Direction;
use align::{Step, align, longest_rise};
use matching::matched;

pub use page::PageStyle;
pub use side_by_side::{figures_json, side_by_side};
pub use told::Sides;

/// How two captures differ: a baseline or a left one, and another.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Conversations that are in both, in order of the right.
    pub pairs: Vec<Pair>,
    /// Indices of conversations that are only on the left.
    pub missing: Vec<usize>,
    /// Indices of conversations that are only on the right.
    pub extra: Vec<usize>,
}

/// A conversation that is in both.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Its index on the left.
    pub left: usize,
    /// Its index on the right.
    pub right: usize,
    /// It comes before or after others that it does not come before or after on the left.
    pub is_out_of_order: bool,
    /// The parts that differ.
    pub parts: Vec<PartDifference>,
}

/// A part of a conversation that differs.
#[derive(Clone, Debug)]
pub struct PartDifference {
    /// Which part.
    pub part: Part,
    /// How many there are on the left and on the right.
    pub counts: [usize; 2],
    /// Differences, with the parts next to them.
    pub rows: Vec<Row>,
    /// Differences that have no row, because there are more than [`PartDifference::MAX_ROWS`]
    /// or [`Comparison::MAX_SHOWN`].
    pub left_out: usize,
}

/// Parts of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The opening handshake.
    Handshake,
    /// Data messages of one side.
    Messages(Direction),
    /// Pings of one side.
    Pings(Direction),
    /// Pongs of one side.
    Pongs(Direction),
    /// Close frames of one side.
    Closes(Direction),
    /// Rules that one side broke.
    Rules(Direction),
    /// How TCP ended.
    TcpEnd,
}

/// One line of a comparison.
#[derive(Clone, Debug)]
pub struct Row {
    /// What became of it.
    pub change: Change,
    /// As it is on the left.
    pub left: Option<Cell>,
    /// As it is on the right.
    pub right: Option<Cell>,
}

/// What became of a part from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it stands next to a difference.
    Same,
    /// Another stands in its place.
    Changed,
    /// It is not there any more.
    Missing,
    /// It was not there.
    Extra,
    /// It stands at another place.
    Moved,
}

/// One side of a row.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its number among its kind, from 1.
    pub number: usize,
    /// Where it is in its capture; `None` in a baseline.
    pub place: Option<Place>,
    /// As JSON, in the form of a baseline.
    pub value: Value,
}

impl Comparison {
    /// Bytes of JSON that all rows have together, about; later differences have none. As
    /// [values](Cell::value) they may take fifty times as much.
    pub const MAX_SHOWN: usize = 4 << 20;

    /// Compares conversations. The order in which they come matters unless `ignore_order`.
    pub fn new(left: &[Conversation], right: &[Conversation], ignore_order: bool) -> Self {
        let matching = matched(left, right);
        let in_order = if ignore_order {
            vec![true; matching.pairs.len()]
        } else {
            longest_rise(&matching.pairs)
        };
        let pairs = matching.pairs.iter().zip(in_order);
        let mut room = Self::MAX_SHOWN;
        Self {
            pairs: pairs
                .map(|(&(l, r), in_order)| Pair {
                    left: l,
                    right: r,
                    is_out_of_order: !in_order,
                    parts: differences(&left[l], &right[r], &mut room),
                })
                .collect(),
            missing: matching.left_only,
            extra: matching.right_only,
        }
    }

    /// Whether there is no difference.
    pub fn is_alike(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.pairs.iter().all(Pair::is_alike)
    }
}

impl Pair {
    /// Whether there is no difference.
    pub fn is_alike(&self) -> bool {
        self.parts.is_empty() && !self.is_out_of_order
    }
}

impl PartDifference {
    /// Differences of a part that have rows, at most.
    pub const MAX_ROWS: usize = 50;
}

impl Part {
    /// What it is called: `messages of the server`.
    pub fn name(self) -> String {
        let (what, from) = match self {
            Self::Handshake => return "opening handshake".to_owned(),
            Self::TcpEnd => return "end of TCP".to_owned(),
            Self::Messages(from) => ("messages", from),
            Self::Pings(from) => ("Pings", from),
            Self::Pongs(from) => ("Pongs", from),
            Self::Closes(from) => ("Close frames", from),
            Self::Rules(from) => ("rules broken", from),
        };
        let joined_by = if matches!(self, Self::Rules(_)) {
            "by"
        } else {
            "of"
        };
        format!("{what} {joined_by} the {}", from.sender())
    }
}

/// Stands for a part: the same for the same, and another for another.
pub(super) type Key = [u8; 32];

/// The key of a part. The text that it is made of may be as long as the capture.
pub(super) fn key<T: Serialize>(part: &T) -> Key {
    struct Hash(Sha256);

    impl Write for Hash {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut hash = Hash(Sha256::new());
    // Structures of strings and numbers can always be written.
    let _ = serde_json::to_writer(&mut hash, part);
    hash.0.finalize().into()
}

/// Something of which a conversation has a list.
trait Item: Serialize {
    fn place(&self) -> Option<Place>;
}

macro_rules! items {
    ($($kind:ty)*) => {
        $(impl Item for $kind {
            fn place(&self) -> Option<Place> {
                self.place
            }
        })*
    };
}

items! { Handshake Message Control Close }

/// A word, for parts that have no place of their own: where their connection ends.
#[derive(Serialize)]
#[serde(transparent)]
struct Word<'w> {
    word: &'w str,
    #[serde(skip)]
    place: Option<Place>,
}

impl Item for Word<'_> {
    fn place(&self) -> Option<Place> {
        self.place
    }
}

fn differences(left: &Conversation, right: &Conversation, room: &mut usize) -> Vec<PartDifference> {
    let mut parts = Vec::new();
    parts.extend(list(
        Part::Handshake,
        &left.handshakes,
        &right.handshakes,
        room,
    ));
    for from in Direction::BOTH {
        let (l, r) = (left.sent(from), right.sent(from));
        parts.extend(list(Part::Messages(from), &l.messages, &r.messages, room));
        parts.extend(list(Part::Pings(from), &l.pings, &r.pings, room));
        parts.extend(list(Part::Pongs(from), &l.pongs, &r.pongs, room));
        parts.extend(list(Part::Closes(from), &l.closes, &r.closes, room));
        let [l, r] = [words(&l.rules, left.end), words(&r.rules, right.end)];
        parts.extend(list(Part::Rules(from), &l, &r, room));
    }
    let [l, r] = [left, right].map(|of| [word(&of.tcp_end, of.end)]);
    parts.extend(list(Part::TcpEnd, &l, &r, room));
    parts
}

fn words(words: &[String], place: Option<Place>) -> Vec<Word<'_>> {
    words.iter().map(|text| word(text, place)).collect()
}

fn word(word: &str, place: Option<Place>) -> Word<'_> {
    Word { word, place }
}

/// Compares two lists; `None` when they are the same.
fn list<T: Item>(part: Part, left: &[T], right: &[T], room: &mut usize) -> Option<PartDifference> {
    let [left_keys, right_keys] =
        [left, right].map(|list| list.iter().map(key).collect::<Vec<_>>());
    if left_keys == right_keys {
        return None;
    }
    let steps = align(&left_keys, &right_keys);
    let is_same = |at: usize| matches!(steps.get(at), None | Some(Step::Same(..)));
    let mut rows = Vec::new();
    let (mut shown, mut left_out) = (0, 0);
    for (at, step) in steps.iter().enumerate() {
        let is_difference = !is_same(at);
        if is_difference && (shown == PartDifference::MAX_ROWS || *room == 0) {
            left_out += 1;
            continue;
        }
        let is_neighbour = at > 0 && !is_same(at - 1) || !is_same(at + 1);
        if left_out == 0 && *room > 0 && (is_difference || is_neighbour) {
            shown += usize::from(is_difference);
            rows.push(row(*step, left, right, room));
        }
    }
    Some(PartDifference {
        part,
        counts: [left.len(), right.len()],
        rows,
        left_out,
    })
}

fn row<T: Item>(step: Step, left: &[T], right: &[T], room: &mut usize) -> Row {
    let (change, l, r) = match step {
        Step::Same(l, r) => (Change::Same, Some(l), Some(r)),
        Step::Changed(l, r) => (Change::Changed, Some(l), Some(r)),
        Step::Missing(l) => (Change::Missing, Some(l), None),
        Step::Extra(r) => (Change::Extra, None, Some(r)),
        Step::Moved(l, r) => (Change::Moved, Some(l), Some(r)),
    };
    Row {
        change,
        left: l.map(|l| cell(left, l, room)),
        right: r.map(|r| cell(right, r, room)),
    }
}

fn cell<T: Item>(list: &[T], index: usize, room: &mut usize) -> Cell {
    let item = &list[index];
    // As with `key`, it can always be written.
    let text = serde_json::to_string(item).unwrap_or_default();
    *room = room.saturating_sub(text.len());
    Cell {
        number: index + 1,
        place: item.place(),
        value: serde_json::from_str(&text).unwrap_or_default(),
    }
}

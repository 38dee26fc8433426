//! A comparison as text: problems of a check, and lines for people.
//!
//! ```text
//!   messages of the server: 12 in the baseline, 12 here
//!         4  #52  1.204000  {"type": "tick", "n": 4}
//!      -  5                 {"type": "tick", "n": 5}
//!      +  5  #54  1.307000  {"type": "tick", "n": 6}
//!                           $.n: 5 → 6
//!         6  #56  1.411000  "bye"
//! ```
//!
//! Text from the network is not escaped here: formats do that.

use serde_json::{Map, Value};

use super::differ::{ValueDifference, differences};
use super::{Cell, Change, Comparison, Pair, Part, PartDifference, Row};
use crate::check::said::spaced;
use crate::check::{Conversation, Place, Problem};
use crate::flow::Direction;
use crate::report::{append, count, seconds_with_micros};

/// Characters of a message that a line shows.
const SHOWN: usize = 120;

/// Characters of those that stand before the first difference.
const BEFORE: usize = 30;

/// Places within a message that are listed.
const PLACES: usize = 5;

/// Problems that a comparison lists; of the rest, the number.
const MAX_PROBLEMS: usize = 100;

/// Lines that all of them have together, about.
const MAX_LINES: usize = 2_000;

/// What the two sides of a comparison are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides<'n> {
    /// The left one: `the baseline`.
    pub left: &'n str,
    /// The right one: `the capture`.
    pub right: &'n str,
}

impl Comparison {
    /// What differs, a problem a conversation.
    pub fn problems(
        &self,
        left: &[Conversation],
        right: &[Conversation],
        sides: Sides<'_>,
    ) -> Vec<Problem> {
        let differing = self.pairs.iter().filter(|pair| !pair.is_alike());
        let more = (differing.clone().count() + self.missing.len() + self.extra.len())
            .saturating_sub(MAX_PROBLEMS);
        let differing = differing.map(|pair| pair_problem(pair, left, right, sides));
        let missing = self.missing.iter();
        let missing = missing.map(|index| alone(&left[*index], *index, sides.left, sides.right));
        let extra = self.extra.iter();
        let extra = extra.map(|index| alone(&right[*index], *index, sides.right, sides.left));
        let mut room = MAX_LINES;
        let problems = differing.chain(missing).chain(extra).take(MAX_PROBLEMS);
        let mut problems: Vec<_> = problems
            .map(|mut problem| {
                shorten(&mut problem.lines, room);
                room -= problem.lines.len().min(room);
                problem
            })
            .collect();
        if more > 0 {
            problems.push(Problem::new(format!("{more} more connections differ")));
        }
        problems
    }
}

/// Leaves the first lines, and says of how many more there were.
fn shorten(lines: &mut Vec<String>, most: usize) {
    let more = lines.len().saturating_sub(most);
    if more > 0 {
        lines.truncate(most);
        lines.push(format!("… and {more} more lines"));
    }
}

/// What is said of a conversation of one side that is not on the other.
fn alone(conversation: &Conversation, index: usize, side: &str, other: &str) -> Problem {
    let name = name(conversation, index);
    Problem {
        // Of a baseline there is none.
        place: conversation.end,
        lines: vec![said(conversation)],
        ..Problem::new(format!("{name} of {side} is not in {other}"))
    }
}

/// What is said of a pair that differs.
fn pair_problem(
    pair: &Pair,
    left: &[Conversation],
    right: &[Conversation],
    sides: Sides<'_>,
) -> Problem {
    let conversation = &right[pair.right];
    let mut changes: Vec<String> = pair.parts.iter().map(summary).collect();
    if pair.is_out_of_order {
        changes.push(format!(
            "it is number {} of its capture, and number {} of {}",
            pair.right + 1,
            pair.left + 1,
            sides.left
        ));
    }
    let other = match left[pair.left].number {
        0 => sides.left.to_owned(),
        number => format!("connection {number} of {}", sides.left),
    };
    let name = name(conversation, pair.right);
    let first = pair.parts.iter().find_map(first_place);
    Problem {
        message: format!("{name} differs from {other}: {}", changes.join("; ")),
        place: first.or(conversation.end),
        lines: pair
            .parts
            .iter()
            .flat_map(|part| lines(part, sides))
            .collect(),
    }
}

/// `connection 3 (/chat)`; in a baseline `connection 3` is the third one.
fn name(conversation: &Conversation, index: usize) -> String {
    let number = conversation.known_as(index);
    match conversation.target() {
        Some(target) => format!("connection {number} ({})", cut(target, 0)),
        None => format!("connection {number}"),
    }
}

/// What was said on a connection, in one line.
fn said(conversation: &Conversation) -> String {
    let messages = |from: Direction| {
        let number = conversation.sent(from).messages.len() as u64;
        format!(
            "{} of the {}",
            count(number, "message", "messages"),
            from.sender()
        )
    };
    let [client, server] = Direction::BOTH.map(messages);
    format!(
        "it has {client} and {server}, and ended with {}",
        conversation.tcp_end
    )
}

/// `messages of the server: 1 changed, 2 missing`.
fn summary(part: &PartDifference) -> String {
    if let (Part::TcpEnd, [row]) = (part.part, &part.rows[..]) {
        let word = |cell: &Option<Cell>| {
            cell.as_ref()
                .map_or(String::new(), |cell| text(&cell.value))
        };
        return format!(
            "TCP ended with {}, not {}",
            word(&row.right),
            word(&row.left)
        );
    }
    let of = |change: Change| part.rows.iter().filter(|row| row.change == change).count();
    let left_out = if part.rows.is_empty() {
        "not shown"
    } else {
        "more"
    };
    let counted = [
        (of(Change::Changed), "changed"),
        (of(Change::Missing), "missing"),
        (of(Change::Extra), "extra"),
        (of(Change::Moved), "moved"),
        (part.left_out, left_out),
    ];
    let counted = counted.iter().filter(|(count, _)| *count > 0);
    let counted: Vec<_> = counted
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    format!("{}: {}", part.part.name(), counted.join(", "))
}

/// Place of the first difference on the right, or of what stands next to it.
fn first_place(part: &PartDifference) -> Option<Place> {
    let first = part
        .rows
        .iter()
        .position(|row| row.change != Change::Same)?;
    let from_first = part.rows[first..].iter();
    let before = part.rows[..first].iter().rev();
    let mut rows = from_first.chain(before);
    rows.find_map(|row| row.right.as_ref()?.place)
}

/// A part that differs, with a heading.
pub(super) fn lines(part: &PartDifference, sides: Sides<'_>) -> Vec<String> {
    let [l, r] = part.counts;
    let heading = match part.part {
        Part::Handshake | Part::TcpEnd => part.part.name(),
        _ => format!(
            "{}: {l} in {}, {r} in {}",
            part.part.name(),
            sides.left,
            sides.right
        ),
    };
    let mut lines = vec![heading];
    let mut last: Option<(usize, usize)> = None;
    for row in &part.rows {
        let numbers = |cell: &Option<Cell>| cell.as_ref().map(|cell| cell.number);
        let (l, r) = (numbers(&row.left), numbers(&row.right));
        // Between two rows that do not follow each other there is what is the same.
        if let (Change::Same, Some((l_last, r_last)), Some(l), Some(r)) = (row.change, last, l, r)
            && (l > l_last + 1 || r > r_last + 1)
        {
            lines.push("      …".to_owned());
        }
        let (l_last, r_last) = last.unwrap_or_default();
        last = Some((l.unwrap_or(l_last), r.unwrap_or(r_last)));
        row_lines(row, &mut lines);
    }
    if part.left_out > 0 {
        lines.push(format!("      … and {} more differences", part.left_out));
    }
    lines
}

fn row_lines(row: &Row, lines: &mut Vec<String>) {
    let at = match (&row.left, &row.right) {
        (Some(l), Some(r)) if row.change == Change::Changed => {
            common_start(&text(&l.value), &text(&r.value))
        }
        _ => 0,
    };
    let mut add = |sign: char, cell: &Cell| lines.push(line(sign, cell, at));
    match (&row.left, &row.right, row.change) {
        (_, Some(r), Change::Same) => add(' ', r),
        (Some(l), Some(r), Change::Moved) => {
            add('~', r);
            lines.push(format!("{:INDENT$}it was number {}", "", l.number));
        }
        (l, r, _) => {
            if let Some(l) = l {
                add('-', l);
            }
            if let Some(r) = r {
                add('+', r);
            }
            if let (Some(l), Some(r)) = (l, r) {
                lines.extend(places(&l.value, &r.value));
            }
        }
    }
}

/// Columns before what a line says.
const INDENT: usize = 30;

fn line(sign: char, cell: &Cell, at: usize) -> String {
    let (packet, elapsed) = match cell.place {
        Some(place) => (
            format!("#{}", place.packet),
            seconds_with_micros(place.elapsed),
        ),
        None => (String::new(), String::new()),
    };
    let text = cut(&text(&cell.value), at);
    format!(
        "   {sign} {:>4}  {packet:>6} {elapsed:>10}  {text}",
        cell.number
    )
    .trim_end()
    .to_owned()
}

/// Where two messages that are JSON, or two handshakes, differ.
fn places(left: &Value, right: &Value) -> Vec<String> {
    let both = (left.get("json"), right.get("json"));
    let (left, right) = match both {
        (Some(l), Some(r)) if l != r => (l, r),
        _ if is_handshake(left) && is_handshake(right) => (left, right),
        _ => return Vec::new(),
    };
    let (found, has_more) = differences(left, right, PLACES);
    let value =
        |value: Option<&Value>| value.map_or("nothing".to_owned(), |value| cut(&spaced(value), 0));
    let mut lines: Vec<_> = found
        .iter()
        .map(|difference| {
            let ValueDifference { path, left, right } = difference;
            // Where it is too long, its end says more than its start.
            let path = cut(path, path.chars().count());
            format!("{:INDENT$}{path}: {} → {}", "", value(*left), value(*right))
        })
        .collect();
    if has_more {
        lines.push(format!("{:INDENT$}…", ""));
    }
    lines
}

/// What a part says, in one line.
fn text(value: &Value) -> String {
    match value {
        Value::Object(members) if members.contains_key("opcode") => message(members),
        Value::Object(members) if is_handshake(value) => handshake(members),
        Value::Object(members) => control(members),
        Value::String(word) => word.clone(),
        other => spaced(other),
    }
}

fn is_handshake(value: &Value) -> bool {
    value.get("status").is_some() || value.get("method").is_some()
}

fn message(members: &Map<String, Value>) -> String {
    let mut text = match members.get("opcode").and_then(Value::as_str) {
        Some("binary") => "binary ".to_owned(),
        _ => String::new(),
    };
    let length = members.get("length").and_then(Value::as_u64);
    for name in ["json", "text"] {
        if let Some(value) = members.get(name) {
            text.push_str(&spaced(value));
        }
    }
    if let Some(bytes) = members.get("base64").and_then(Value::as_str) {
        text.push_str(bytes);
    }
    if let Some(length) = length {
        append!(text, ", {}", count(length, "byte", "bytes"));
    }
    for (name, shown) in [("incomplete", "incomplete"), ("compressed", "compressed")] {
        if members.contains_key(name) {
            append!(text, ", {shown}");
        }
    }
    if let Some(frames) = members.get("frames") {
        append!(text, ", frames of {}", spaced(frames));
    }
    text
}

fn handshake(members: &Map<String, Value>) -> String {
    let word = |name: &str| match members.get(name) {
        Some(Value::String(word)) => word.clone(),
        Some(other) => spaced(other),
        None => "?".to_owned(),
    };
    let mut text = format!("{} {} → {}", word("method"), word("target"), word("status"));
    for name in [
        "subprotocol",
        "extensions",
        "request_headers",
        "response_headers",
    ] {
        if members.contains_key(name) {
            append!(text, ", {}: {}", name.replace('_', " "), word(name));
        }
    }
    text
}

fn control(members: &Map<String, Value>) -> String {
    let parts = members.iter().map(|(name, value)| match name.as_str() {
        "code" | "text" => spaced(value),
        _ => format!("{name} {}", spaced(value)),
    });
    let text = parts.collect::<Vec<_>>().join(", ");
    if text.is_empty() {
        "without a code".to_owned()
    } else {
        text
    }
}

/// Characters that two texts have in common at their start.
fn common_start(left: &str, right: &str) -> usize {
    left.chars()
        .zip(right.chars())
        .take_while(|(l, r)| l == r)
        .count()
}

/// Of a long text, what is near to character `at`.
fn cut(text: &str, at: usize) -> String {
    let length = text.chars().count();
    if length <= SHOWN {
        return text.to_owned();
    }
    let start = if at < SHOWN - BEFORE { 0 } else { at - BEFORE };
    let start = start.min(length - SHOWN);
    let part: String = text.chars().skip(start).take(SHOWN).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start + SHOWN < length { "…" } else { "" };
    format!("{before}{part}{after}")
}

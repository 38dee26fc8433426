//! A comparison as JSON.
//!
//! | field | value |
//! | --- | --- |
//! | `connections` | pairs of connections that are the same one: `left` and `right`, their numbers; `alike`; `out_of_order` (true) where they come in another order; `differences` |
//! | `missing`, `extra` | numbers of the connections that are only on the left, only on the right |
//!
//! and each of `differences`:
//!
//! | field | value |
//! | --- | --- |
//! | `part` | `handshake`, `messages`, `pings`, `pongs`, `closes`, `rules`, `tcp_end` |
//! | `from` | `client` or `server`: who sent it |
//! | `left`, `right` | how many there are |
//! | `rows` | `change`: `same` (it stands next to a difference), `changed`, `missing`, `extra`, `moved`; `left` and `right`, each with `number` among its kind from 1, `packet`, `elapsed` (seconds), and `value` in the form of a baseline |
//! | `left_out` | differences without a row |
//!
//! A field that does not apply is left out, never `null`.

use serde_json::{Map, Value, json};

use super::{Cell, Change, Comparison, Pair, Part, PartDifference, Row};
use crate::check::Conversation;
use crate::report::seconds;

impl Comparison {
    /// The comparison as JSON.
    pub fn to_json(&self, left: &[Conversation], right: &[Conversation]) -> Map<String, Value> {
        let number = |of: &[Conversation], index: &usize| number(of, *index);
        let missing: Vec<_> = self
            .missing
            .iter()
            .map(|index| number(left, index))
            .collect();
        let extra: Vec<_> = self
            .extra
            .iter()
            .map(|index| number(right, index))
            .collect();
        let pairs = self.pairs.iter().map(|pair| pair.to_json(left, right));
        let mut map = Map::new();
        map.insert("connections".to_owned(), pairs.collect());
        map.insert("missing".to_owned(), json!(missing));
        map.insert("extra".to_owned(), json!(extra));
        map
    }
}

fn number(of: &[Conversation], index: usize) -> u64 {
    match of[index].number {
        0 => index as u64 + 1,
        number => number,
    }
}

impl Pair {
    fn to_json(&self, left: &[Conversation], right: &[Conversation]) -> Value {
        let mut map = json!({
            "left": number(left, self.left),
            "right": number(right, self.right),
            "alike": self.is_alike(),
        });
        if self.is_out_of_order {
            map["out_of_order"] = json!(true);
        }
        map["differences"] = self.parts.iter().map(PartDifference::to_json).collect();
        map
    }
}

impl PartDifference {
    fn to_json(&self) -> Value {
        let (part, from) = match self.part {
            Part::Handshake => ("handshake", None),
            Part::Messages(from) => ("messages", Some(from)),
            Part::Pings(from) => ("pings", Some(from)),
            Part::Pongs(from) => ("pongs", Some(from)),
            Part::Closes(from) => ("closes", Some(from)),
            Part::Rules(from) => ("rules", Some(from)),
            Part::TcpEnd => ("tcp_end", None),
        };
        let mut map = json!({ "part": part });
        if let Some(from) = from {
            map["from"] = json!(from.sender());
        }
        let [left, right] = self.counts;
        map["left"] = json!(left);
        map["right"] = json!(right);
        map["rows"] = self.rows.iter().map(Row::to_json).collect();
        if self.left_out > 0 {
            map["left_out"] = json!(self.left_out);
        }
        map
    }
}

impl Row {
    fn to_json(&self) -> Value {
        let change = match self.change {
            Change::Same => "same",
            Change::Changed => "changed",
            Change::Missing => "missing",
            Change::Extra => "extra",
            Change::Moved => "moved",
        };
        let mut map = json!({ "change": change });
        for (name, cell) in [("left", &self.left), ("right", &self.right)] {
            if let Some(cell) = cell {
                map[name] = cell.to_json();
            }
        }
        map
    }
}

impl Cell {
    fn to_json(&self) -> Value {
        let mut map = json!({ "number": self.number });
        if let Some(place) = self.place {
            map["packet"] = json!(place.packet);
            map["elapsed"] = json!(seconds(place.elapsed));
        }
        map["value"] = self.value.clone();
        map
    }
}

//! What the names of an expression are in a capture, for the message when it does not hold.

use std::collections::HashSet;

use super::ast::{Function, Operand, Source};
use super::field::{Subject, Unknown};
use super::value::{FieldType, Value};
use crate::report::count;

/// Values of a name that are shown; of more, how many there are.
const MAX_VALUES: usize = 10;

/// Characters that are shown of a value.
const MAX_VALUE_CHARS: usize = 100;

impl Operand {
    /// The name that is asked for: `close.code`, `count(close.code)`.
    pub(super) fn label(&self) -> String {
        let name = self.field().name();
        if self.is_count() {
            format!("count({name})")
        } else {
            name.into_owned()
        }
    }

    fn is_count(&self) -> bool {
        matches!(self.source, Source::Call(Function::Count, _))
    }

    /// What stands behind the name: `is 1000, 1001; 2 connections have none`.
    pub(super) fn described(&self, subject: &Subject<'_>) -> String {
        let field = self.field();
        let kind = field.kind();
        let (mut values, mut seen, mut shown) = (0, HashSet::new(), Vec::new());
        field.read(subject, &mut |value| {
            values += 1;
            let text = text(&value, kind);
            if shown.len() < MAX_VALUES && !seen.contains(&text) {
                shown.push(shortened(&text));
            }
            seen.insert(text);
        });
        let Unknown { lacking, left_out } = field.unknown(subject);
        let mut parts = Vec::new();
        if self.is_count() {
            parts.push(format!("is {values}"));
        } else if values == 0 {
            parts.push("has no value".to_owned());
        } else {
            let more = seen.len() - shown.len();
            if more > 0 {
                shown.push(format!("… and {more} more"));
            }
            parts.push(format!("is {}", shown.join(", ")));
            if lacking > 0 {
                parts.push(count(
                    lacking,
                    "connection has none",
                    "connections have none",
                ));
            }
        }
        if left_out > 0 {
            let more = count(left_out, "more connection was", "more connections were");
            parts.push(format!("{more} not looked at"));
        }
        parts.join("; ")
    }
}

/// A value as an expression would have it.
fn text(value: &Value<'_>, kind: FieldType) -> String {
    match (value, kind) {
        (Value::Number(number), FieldType::Milliseconds | FieldType::Percent) => {
            let (whole, millionths) = (number / 1_000_000, number % 1_000_000);
            let text = format!("{whole}.{millionths:06}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        (Value::Number(number), FieldType::Boolean) => (*number != 0).to_string(),
        (Value::Number(number), _) => number.to_string(),
        (Value::Bytes(bytes), _) => format!("\"{}\"", String::from_utf8_lossy(bytes)),
        // No figure is of another type.
        (other, _) => format!("{other:?}"),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_a_fraction_have_no_more_digits_than_it_takes() {
        for (number, expected) in [
            (0, "0"),
            (43_000, "0.043"),
            (50_000_000, "50"),
            (100_000_001, "100.000001"),
        ] {
            let value = Value::Number(number);
            assert_eq!(text(&value, FieldType::Milliseconds), expected);
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = "é".repeat(MAX_VALUE_CHARS + 1);
        let expected = format!("{}…", "é".repeat(MAX_VALUE_CHARS));
        assert_eq!(shortened(&long), expected);
        assert_eq!(shortened("é"), "é");
    }
}

//! JSON without some of its values, all else as it was written.

use std::collections::HashSet;
use std::ptr;

use serde_json::Value;

use super::mask::LEFT_OUT;

/// The text of `value`, in which [`LEFT_OUT`] stands for those parts of it that were chosen,
/// and without spaces. `None` where none was chosen.
pub(super) fn without<'v>(
    text: &str,
    value: &'v Value,
    chosen: impl IntoIterator<Item = &'v Value>,
) -> Option<String> {
    let chosen: HashSet<_> = chosen.into_iter().map(ptr::from_ref).collect();
    if chosen.is_empty() {
        return None;
    }
    let mut splice = Splice {
        rest: text,
        chosen,
        out: String::with_capacity(text.len()),
    };
    splice.value(Some(value));
    Some(splice.out)
}

/// Copies JSON that is known to be valid, and no deeper than its parser allows.
struct Splice<'t> {
    rest: &'t str,
    /// Where the values are that are left out; told apart by that, for there may be others
    /// that are equal.
    chosen: HashSet<*const Value>,
    out: String,
}

impl Splice<'_> {
    /// Copies the next value. It is not in the tree where a member of the same name follows.
    fn value(&mut self, value: Option<&Value>) {
        let start = self.out.len();
        match self.peek() {
            Some(b'{') => self.members(value),
            Some(b'[') => self.elements(value),
            Some(b'"') => self.copy(string_len(self.rest)),
            _ => {
                let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | ']' | '}');
                self.copy(self.rest.find(is_end).unwrap_or(self.rest.len()));
            }
        }
        if value.is_some_and(|value| self.chosen.contains(&ptr::from_ref(value))) {
            self.out.truncate(start);
            self.out.extend(["\"", LEFT_OUT, "\""]);
        }
    }

    fn members(&mut self, value: Option<&Value>) {
        self.copy(1);
        while self.peek().is_some_and(|next| next != b'}') {
            let name = &self.rest[..string_len(self.rest)];
            let member =
                value.and_then(|value| value.get(serde_json::from_str::<String>(name).ok()?));
            self.copy(name.len());
            self.peek();
            self.copy(1);
            self.value(member);
            self.comma();
        }
        self.copy(1);
    }

    fn elements(&mut self, value: Option<&Value>) {
        self.copy(1);
        let mut index = 0;
        while self.peek().is_some_and(|next| next != b']') {
            self.value(value.and_then(|value| value.get(index)));
            self.comma();
            index += 1;
        }
        self.copy(1);
    }

    fn comma(&mut self) {
        if self.peek() == Some(b',') {
            self.copy(1);
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.bytes().next()
    }

    fn copy(&mut self, len: usize) {
        let (copied, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.out.push_str(copied);
        self.rest = rest;
    }
}

/// Length of the string at the start of a text, quotes included.
pub(super) fn string_len(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at + 1,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_left_out_stands_as_it_was_written() {
        for (text, pointers, expected) in [
            (
                r#" { "a" : 1 , "n":123456789012345678901, "f":[ 1.0e2,true , null ] } "#,
                &["/a"][..],
                Some(r#"{"a":"<ignored>","n":123456789012345678901,"f":[1.0e2,true,null]}"#),
            ),
            (
                r#"{"a":{"b":1},"c":"\u0041\"}","a":2}"#,
                &["/a"],
                Some(r#"{"a":"<ignored>","c":"\u0041\"}","a":"<ignored>"}"#),
            ),
            (
                r#"{"a":{"b":1},"a":{"b":2,"c":3}}"#,
                &["/a/c"],
                Some(r#"{"a":{"b":1},"a":{"b":2,"c":"<ignored>"}}"#),
            ),
            (
                r#"[{"\u0061":[[],{}]},[1,1]]"#,
                &["/0/a/1", "/1/1", "/1"],
                Some(r#"[{"\u0061":[[],"<ignored>"]},"<ignored>"]"#),
            ),
            ("[1]", &[], None),
            ("1", &[""], Some("\"<ignored>\"")),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            let chosen = pointers
                .iter()
                .map(|pointer| value.pointer(pointer).unwrap());
            assert_eq!(without(text, &value, chosen).as_deref(), expected, "{text}");
        }
    }
}

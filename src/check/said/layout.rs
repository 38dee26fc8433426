//! JSON as people like to read it.

use std::io;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter};

use super::splice::string_len;
use crate::report::Harmless;

/// Columns that a value with others in it may take on one line of a baseline.
const LINE: usize = 100;

/// From this indent on a value stands on one line, however long: otherwise blanks could be
/// most of a baseline.
const DEEPEST: usize = 24;

/// JSON with a space behind each comma and colon, as Python writes it.
pub(in crate::check) fn spaced(value: &Value) -> String {
    written(value, Spaced)
}

/// The same with what a terminal might act upon as escapes.
pub(in crate::check) fn readable(value: &Value) -> String {
    written(value, Readable)
}

fn written(value: &Value, formatter: impl Formatter) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // A value can always be written into a vector.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(out).unwrap_or_default()
}

/// JSON, from its text without spaces, on as few lines as are readable: what fits stands on
/// one line, so that a message that changes is a line that changes.
pub(super) fn laid_out(json: &str) -> String {
    let mut layout = Layout {
        rest: json,
        out: String::with_capacity(json.len()),
    };
    layout.value(0, 0);
    layout.out.push('\n');
    layout.out
}

/// Lays out JSON as it reads it: a tree of values would take many times as much memory.
struct Layout<'t> {
    rest: &'t str,
    out: String,
}

impl Layout<'_> {
    /// Appends a value that stands behind `used` columns of a line which begins at `indent`.
    fn value(&mut self, indent: usize, used: usize) {
        let has_parts = self.rest.starts_with(['{', '[']);
        let room = if has_parts && indent < DEEPEST && !is_flat(self.rest) {
            LINE.saturating_sub(used)
        } else {
            usize::MAX
        };
        if let Some((line, rest)) = one_line(self.rest, room) {
            self.out.push_str(&line);
            self.rest = rest;
            return;
        }
        let inner = indent + 2;
        let is_object = self.rest.starts_with('{');
        let mut bracket = self.mark();
        while matches!(bracket, Some('{' | '[' | ',')) {
            self.line(inner);
            let mut used = inner;
            if is_object && let Some((name, rest)) = one_line(self.rest, usize::MAX) {
                self.rest = rest;
                self.out.push_str(&name);
                self.mark();
                self.out.push(' ');
                used += name.chars().count() + 2;
            }
            self.value(inner, used);
            if !self.rest.starts_with(',') {
                self.line(indent);
            }
            bracket = self.mark();
        }
    }

    /// Copies a bracket, comma or colon.
    fn mark(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let mark = chars.next();
        self.out.extend(mark);
        self.rest = chars.as_str();
        mark
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
    }
}

/// Whether the text begins with a list without elements, or with an object of strings and
/// numbers: broken into its members, that would be no shorter where it is long.
fn is_flat(text: &str) -> bool {
    let mut at = 1;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let token = token(rest);
        match token {
            "}" => return true,
            "]" => return at == 1,
            "{" | "[" => return false,
            _ if text.starts_with('[') => return false,
            _ => at += token.len(),
        }
    }
    false
}

/// The first value of a text without spaces as one line, and what is behind it; `None` where
/// it takes more columns than there is `room`.
fn one_line(text: &str, room: usize) -> Option<(String, &str)> {
    let mut line = String::new();
    let (mut columns, mut depth, mut at) = (0, 0_usize, 0);
    loop {
        let token = token(&text[at..]);
        at += token.len();
        let start = line.len();
        match token {
            "{" | "[" => depth += 1,
            "}" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if token.starts_with('"') {
            let mut escaped = Vec::new();
            // A vector takes all that is written.
            let _ = Harmless.write_string_fragment(&mut escaped, token);
            line.push_str(&String::from_utf8_lossy(&escaped));
        } else {
            line.push_str(token);
        }
        if matches!(token, "," | ":") {
            line.push(' ');
        }
        columns += line[start..].chars().count();
        if columns > room {
            return None;
        }
        if depth == 0 || token.is_empty() {
            return Some((line, &text[at..]));
        }
    }
}

/// The first token of JSON: a string, a word or number, or a mark.
fn token(text: &str) -> &str {
    let is_mark = |c: char| matches!(c, '{' | '}' | '[' | ']' | ',' | ':');
    let len = match text.chars().next() {
        Some('"') => string_len(text),
        Some(c) if is_mark(c) => 1,
        _ => text.find(is_mark).unwrap_or(text.len()),
    };
    &text[..len]
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        CompactFormatter.begin_object_value(writer)?;
        writer.write_all(b" ")
    }
}

struct Readable;

impl Formatter for Readable {
    fn begin_array_value<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        Spaced.begin_array_value(writer, first)
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        Spaced.begin_object_key(writer, first)
    }

    fn begin_object_value<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        Spaced.begin_object_value(writer)
    }

    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        Harmless.write_string_fragment(writer, fragment)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_fits_stands_on_one_line() {
        let long = "x".repeat(60);
        let value =
            json!({"a": [1, {"b": null}], "list": [long, {"n": 1}], "none": [], "s": "\u{202e}"});
        let expected = format!(
            "{{\n  \"a\": [1, {{\"b\": null}}],\n  \"list\": [\"{long}\", {{\"n\": 1}}],\n  \
             \"none\": [],\n  \"s\": \"\\u202e\"\n}}\n"
        );
        assert_eq!(laid_out(&value.to_string()), expected);
        let twice = json!([long, long]);
        assert_eq!(
            laid_out(&twice.to_string()),
            format!("[\n  \"{long}\",\n  \"{long}\"\n]\n")
        );
        assert_eq!(
            serde_json::from_str::<Value>(&laid_out(&value.to_string())).unwrap(),
            value
        );
    }
    #[test]
    fn what_is_deep_has_no_line_for_each_part() {
        let list = vec!["long enough for one line"; 99];
        let deep = (0..100).fold(json!(list), |inner, _| json!([inner]));
        let text = laid_out(&deep.to_string());
        assert!(text.len() < 2 * deep.to_string().len(), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), deep);
    }
}

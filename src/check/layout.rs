//! JSON as people like to read it.

use std::io;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::report::Harmless;

/// Columns that a value with others in it may take on one line of a baseline.
const LINE: usize = 100;

/// JSON with a space behind each comma and colon, as Python writes it.
pub(super) fn spaced(value: &Value) -> String {
    written(value, Spaced)
}

/// The same with what a terminal might act upon as escapes.
pub(super) fn readable(value: &Value) -> String {
    written(value, Readable)
}

fn written(value: &Value, formatter: impl Formatter) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // A value can always be written into a vector.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(out).unwrap_or_default()
}

/// JSON on as few lines as are readable: what fits stands on one line, so that a message that
/// changes is a line that changes.
pub(super) fn laid_out(value: &Value) -> String {
    let mut out = String::new();
    lay_out(value, 0, 0, &mut out);
    out.push('\n');
    out
}

/// Appends a value that stands behind `used` columns of a line which begins at `indent`.
fn lay_out(value: &Value, indent: usize, used: usize, out: &mut String) {
    let line = readable(value);
    // Broken into its members, a flat object would be no shorter where it is long.
    let is_flat = |value: &Value| !value.is_array() && !value.is_object();
    let is_whole = match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.values().all(is_flat),
        _ => true,
    };
    if is_whole || used + line.chars().count() <= LINE {
        out.push_str(&line);
        return;
    }
    let inner = indent + 2;
    let begin = |out: &mut String, first: bool| {
        out.push_str(if first { "\n" } else { ",\n" });
        out.push_str(&" ".repeat(inner));
    };
    match value {
        Value::Array(list) => {
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                begin(out, at == 0);
                lay_out(value, inner, inner, out);
            }
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                begin(out, at == 0);
                let name = readable(&Value::String(name.clone()));
                out.push_str(&name);
                out.push_str(": ");
                lay_out(value, inner, inner + name.chars().count() + 2, out);
            }
        }
        _ => {}
    }
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    out.push(if value.is_array() { ']' } else { '}' });
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
        assert_eq!(laid_out(&value), expected);
        let twice = json!([long, long]);
        assert_eq!(
            laid_out(&twice),
            format!("[\n  \"{long}\",\n  \"{long}\"\n]\n")
        );
        assert_eq!(
            serde_json::from_str::<Value>(&laid_out(&value)).unwrap(),
            value
        );
    }
}

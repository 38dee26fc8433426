//! JSON on several lines, with every token as it was sent.

use serde::de::IgnoredAny;

/// `text` with its members and elements on lines of their own; `None` when it is no JSON
/// object or array.
///
/// Only the space between tokens is changed, so that numbers keep all their digits, names
/// their order, and strings their escapes.
pub(super) fn indented(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut in_string = false;
    let mut escaped = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|next| is_space(*next)).is_some() {}
                // What is empty stays on its line.
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(depth, &mut out);
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(depth, &mut out);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(depth, &mut out);
            }
            ':' => out.push_str(": "),
            _ if is_space(c) => {}
            _ => out.push(c),
        }
    }
    Some(out)
}

/// Space between tokens (RFC 8259 §2).
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn new_line(depth: usize, out: &mut String) {
    const INDENT: &str = "  ";
    out.push('\n');
    for _ in 0..depth {
        out.push_str(INDENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_space_between_tokens_changes() {
        let text =
            r#" {"b":1.50,"a":[1,{"c" : "x, {y} \" \\"},[ ],{}],"n":12345678901234567890123}"#;
        let expected = r#"{
  "b": 1.50,
  "a": [
    1,
    {
      "c": "x, {y} \" \\"
    },
    [],
    {}
  ],
  "n": 12345678901234567890123
}"#;
        assert_eq!(indented(text).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_no_json_object_or_array_is_left() {
        for text in ["", "1", "\"{}\"", "{", "{}}", "[1,]", "hello", "{'a':1}"] {
            assert_eq!(indented(text), None, "{text}");
        }
    }
}

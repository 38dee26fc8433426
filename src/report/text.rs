//! Text from the network, made fit for a terminal.
//!
//! This is the one place where that happens: whatever a peer sent, nothing that comes out
//! of here moves the cursor, changes a colour, or turns the reading direction.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// Appends formatted text to a string, which cannot fail.
macro_rules! append {
    ($out:expr, $($format:tt)+) => {{
        use std::fmt::Write as _;
        let _ = write!($out, $($format)+);
    }};
}
pub(crate) use append;

/// Appends `text` with everything that a terminal might act upon, or that hides what is
/// there, written as an escape.
///
/// ```
/// use wsdump::report::escape;
///
/// let mut out = String::new();
/// escape("a\x1b[31mb\u{202e}c\n", &mut out);
/// assert_eq!(out, r"a\x1b[31mb\u{202e}c\n");
/// ```
pub fn escape(mut text: &str, out: &mut String) {
    loop {
        // Most of it.
        let plain = text.bytes().take_while(|byte| matches!(byte, b' '..=b'~'));
        let (plain, rest) = text.split_at(plain.count());
        out.push_str(plain);
        let Some(c) = rest.chars().next() else {
            return;
        };
        push_escaped(c, out);
        text = &rest[c.len_utf8()..];
    }
}

fn push_escaped(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0'..='\x1f' | '\x7f' => append!(out, "\\x{:02x}", u32::from(c)),
        _ if is_harmful(c) => out.extend(c.escape_unicode()),
        _ => out.push(c),
    }
}

/// Characters beyond ASCII that act on the terminal or on the reader without being seen.
pub(crate) fn is_harmful(c: char) -> bool {
    matches!(c,
        // C1 controls
        '\u{80}'..='\u{9f}'
        // marks, embeddings, overrides and isolates of reading direction
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // line and paragraph separator
        | '\u{2028}' | '\u{2029}'
        // nothing to see: soft hyphen, fillers, zero-width spaces, invisible operators, tags
        | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// What is called `name` on the command line; else a message that lists what there is.
pub(crate) fn by_name<T: Copy>(all: &[(&str, T)], name: &str, what: &str) -> Result<T, String> {
    let known = all.iter().find(|(known, _)| *known == name);
    known.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        format!("no such {what}; there are {}", names.join(", "))
    })
}

/// Columns that `c` takes on a terminal.
fn width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Columns that `text` takes on a terminal.
pub(crate) fn text_width(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// Cuts `text` to at most `columns` columns, with `…` at the end where it was cut.
pub(crate) fn cut_to_width(text: &mut String, columns: usize) {
    if text.len() <= columns {
        // No character takes more columns than bytes.
        return;
    }
    let mut used = 0;
    let mut cut_at = 0;
    for (at, c) in text.char_indices() {
        if used + width(c) > columns {
            text.truncate(cut_at);
            if columns > 0 {
                text.push('…');
            }
            return;
        }
        used += width(c);
        // The last place at which the mark itself still has room.
        if used < columns {
            cut_at = at + c.len_utf8();
        }
    }
}

/// Parts of a line that take at most so many columns each; a single one of an empty line.
pub(crate) fn wrapped(line: &str, columns: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest.take()?;
        let mut used = 0;
        // No character takes more columns than bytes.
        let end = if line.len() <= columns {
            None
        } else {
            line.char_indices().find_map(|(at, c)| {
                used += width(c);
                (used > columns && at > 0).then_some(at)
            })
        };
        let (part, left) = line.split_at(end.unwrap_or(line.len()));
        rest = end.map(|_| left);
        Some(part)
    })
}

/// Appends text in quotes, escaped, at most `columns` of it, with `…` before the closing
/// quote when there is more. Bytes that are no UTF-8 come as `\xff`.
pub(super) fn quote(text: &[u8], has_more: bool, columns: usize, out: &mut String) {
    out.push('"');
    let whole = quote_rest(text, columns, out).is_some();
    out.push_str(if has_more || !whole { "…\"" } else { "\"" });
}

/// Does the same with a text of which some bytes are not known: `?` for each, and where they
/// are many, their number.
pub(super) fn quote_marked(
    text: &[u8],
    unknown: &[Range<usize>],
    has_more: bool,
    columns: usize,
    out: &mut String,
) {
    out.push('"');
    let whole = quote_parts(text, unknown, columns, out).is_some();
    out.push_str(if has_more || !whole { "…\"" } else { "\"" });
}

/// Appends known and unknown parts in turn; says as [`quote_rest`] what is left.
fn quote_parts(
    text: &[u8],
    unknown: &[Range<usize>],
    mut left: usize,
    out: &mut String,
) -> Option<usize> {
    let mut known_from = 0;
    for range in unknown {
        let [start, end] = [range.start, range.end].map(|at| at.min(text.len()));
        left = quote_rest(&text[known_from..start], left, out)?;
        let mark = match end - start {
            count @ ..=MARKED_EACH => "?".repeat(count),
            count => format!("[{count} unknown]"),
        };
        left = left.checked_sub(text_width(&mark))?;
        out.push_str(&mark);
        known_from = end;
    }
    quote_rest(&text[known_from..], left, out)
}

/// Unknown bytes in a row that have a mark each.
const MARKED_EACH: usize = 12;

/// Whether the byte of a payload at `at` is known.
pub(super) fn is_known(unknown: &[Range<usize>], at: usize) -> bool {
    let next = unknown.partition_point(|range| range.end <= at);
    unknown.get(next).is_none_or(|range| at < range.start)
}

/// A printable ASCII character that stands for itself in quotes.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'\\'
}

/// Appends what fits into `left` columns; says how many are left when that is all.
fn quote_rest(mut text: &[u8], mut left: usize, out: &mut String) -> Option<usize> {
    loop {
        // Most of it: what needs no escape takes a column a byte.
        let fits = &text[..text.len().min(left)];
        let plain = fits.iter().take_while(|byte| is_plain(**byte)).count();
        let (plain, rest) = text.split_at(plain);
        out.push_str(str::from_utf8(plain).unwrap_or_default());
        left -= plain.len();
        text = rest;
        if text.is_empty() {
            return Some(left);
        }
        let before = out.len();
        text = quote_first(text, out);
        let Some(fewer) = left.checked_sub(text_width(&out[before..])) else {
            out.truncate(before);
            return None;
        };
        left = fewer;
    }
}

/// Appends the first character, or the first byte where there is none; returns the rest.
fn quote_first<'t>(text: &'t [u8], out: &mut String) -> &'t [u8] {
    // No character is longer, and what is behind it is not looked at.
    let first = &text[..text.len().min(4)];
    let valid = first.utf8_chunks().next().map(|chunk| chunk.valid());
    match valid.and_then(|valid| valid.chars().next()) {
        // So that an escape cannot be mistaken for what was sent.
        Some('\\') => out.push_str("\\\\"),
        Some(c) => {
            push_escaped(c, out);
            return &text[c.len_utf8()..];
        }
        None => append!(out, "\\x{:02x}", text[0]),
    }
    &text[1..]
}

/// A byte as two hexadecimal digits.
pub(super) fn hex_digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [byte >> 4, byte & 0xF].map(|nibble| DIGITS[usize::from(nibble)])
}

/// Appends bytes as hexadecimal, `??` where one is not known, at most `columns` of it, with `…`
/// when there is more.
pub(super) fn quote_bytes(
    bytes: &[u8],
    unknown: &[Range<usize>],
    has_more: bool,
    columns: usize,
    out: &mut String,
) {
    const EACH: usize = 32;
    let room = columns.div_ceil(3);
    let shown = &bytes[..bytes.len().min(room)];
    for (number, part) in shown.chunks(EACH).enumerate() {
        let mut cells = [b' '; 3 * EACH];
        for (at, (byte, cell)) in part.iter().zip(cells.chunks_exact_mut(3)).enumerate() {
            let digits = if is_known(unknown, EACH * number + at) {
                hex_digits(*byte)
            } else {
                *b"??"
            };
            cell[1..].copy_from_slice(&digits);
        }
        let before_first = usize::from(number == 0);
        let cells = &cells[before_first..3 * part.len()];
        out.push_str(str::from_utf8(cells).unwrap_or_default());
    }
    if has_more || bytes.len() > room {
        out.push_str(" …");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_upon_is_escaped() {
        let mut out = String::new();
        escape(
            "\x1b]0;x\x07 \u{9b}1m \u{202e}abc\u{2066} \u{200b} \x7f é 漢 😀",
            &mut out,
        );
        let expected = r"\x1b]0;x\x07 \u{9b}1m \u{202e}abc\u{2066} \u{200b} \x7f é 漢 😀";
        assert_eq!(out, expected);
    }

    #[test]
    fn text_is_cut_by_columns_and_not_by_bytes() {
        for (text, columns, expected) in [
            ("hello", 5, "hello"),
            ("hello!", 5, "hell…"),
            ("漢字漢字", 8, "漢字漢字"),
            ("漢字漢字", 7, "漢字漢…"),
            ("漢字漢字", 6, "漢字…"),
            ("é́é́é́", 2, "é́…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            let mut cut = text.to_owned();
            cut_to_width(&mut cut, columns);
            assert_eq!(cut, expected, "{text} in {columns}");
            assert!(text_width(&cut) <= columns);
        }
    }

    #[test]
    fn a_line_is_broken_where_the_columns_end() {
        for (line, columns, expected) in [
            ("", 4, &[""][..]),
            ("abcd", 4, &["abcd"]),
            ("abcde", 4, &["abcd", "e"]),
            ("漢字漢字", 5, &["漢字", "漢字"]),
            ("漢", 1, &["漢"]),
            ("ab", 0, &["a", "b"]),
        ] {
            let parts: Vec<_> = wrapped(line, columns).collect();
            assert_eq!(parts, expected, "{line} in {columns}");
        }
    }

    #[test]
    fn a_quote_says_when_there_is_more() {
        let quoted = |text: &[u8], more, columns| {
            let mut out = String::new();
            quote(text, more, columns, &mut out);
            out
        };
        assert_eq!(quoted(b"ab\n", false, 10), r#""ab\n""#);
        assert_eq!(quoted(b"ab", true, 10), r#""ab…""#);
        assert_eq!(quoted(b"abcdef", false, 3), r#""abc…""#);
        assert_eq!(quoted(b"ab\n", false, 3), r#""ab…""#);
        assert_eq!(quoted(b"\\n", false, 9), r#""\\n""#);
        assert_eq!(
            quoted(b"caf\xe9 \xf0\x9f", false, 20),
            r#""caf\xe9 \xf0\x9f""#
        );
        let mut hex = String::new();
        quote_bytes(b"\x01\xffabc", &[], false, 6, &mut hex);
        assert_eq!(hex, "01 ff …");
    }
    #[test]
    // One range of unknown bytes is what is meant.
    #[allow(clippy::single_range_in_vec_init)]
    fn unknown_bytes_are_marked() {
        let quoted = |text: &str, unknown: &[Range<usize>], columns| {
            let mut out = String::new();
            quote_marked(text.as_bytes(), unknown, false, columns, &mut out);
            out
        };
        let many = format!("a{}b", "?".repeat(300));
        assert_eq!(quoted("a??b?", &[1..3], 80), r#""a??b?""#);
        assert_eq!(quoted(&many, &[1..301], 80), r#""a[300 unknown]b""#);
        assert_eq!(quoted(&many, &[1..301], 14), r#""a[300 unknown]…""#);
        assert_eq!(quoted("a??b?", &[1..3, 4..5], 2), r#""a…""#);
        let mut hex = String::new();
        quote_bytes(b"\x01??\xff", &[1..2], false, 60, &mut hex);
        assert_eq!(hex, "01 ?? 3f ff");
    }
}

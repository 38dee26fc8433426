//! Lines that fit a terminal, broken between words.

use crate::report::wrapped;

/// Parts of a line that take at most so many columns each, broken at spaces where there are
/// any; a single one of an empty line.
pub(super) fn folded(line: &str, columns: Option<usize>) -> Vec<&str> {
    let Some(columns) = columns else {
        return vec![line];
    };
    let mut parts = Vec::new();
    let mut rest = line;
    loop {
        let fits = wrapped(rest, columns).next().map_or(rest.len(), str::len);
        if fits >= rest.len() {
            parts.push(rest);
            return parts;
        }
        let (part, next) = split(rest, fits);
        parts.push(part);
        rest = next;
    }
}

/// Splits a line of which so many bytes fit.
fn split(line: &str, fits: usize) -> (&str, &str) {
    let (part, next) = line.split_at(fits);
    if let Some(next) = next.strip_prefix(' ') {
        return (part, next);
    }
    // What is only indentation is no part.
    match part.rsplit_once(' ') {
        Some((words, _)) if !words.trim().is_empty() => (words, &line[words.len() + 1..]),
        _ => (part, next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_where_there_are_any() {
        for (line, columns, expected) in [
            ("", Some(4), &[""][..]),
            ("one two three", None, &["one two three"]),
            ("one two three", Some(13), &["one two three"]),
            ("one two three", Some(12), &["one two", "three"]),
            ("one two three", Some(7), &["one two", "three"]),
            ("one two three", Some(6), &["one", "two", "three"]),
            ("abcdefgh ij", Some(4), &["abcd", "efgh", "ij"]),
            ("  abcdef", Some(4), &["  ab", "cdef"]),
            ("漢字漢字", Some(5), &["漢字", "漢字"]),
            ("ab", Some(0), &["a", "b"]),
        ] {
            assert_eq!(folded(line, columns), expected, "{line} in {columns:?}");
        }
    }
}

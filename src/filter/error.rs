//! What is wrong with a filter, and where.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use crate::report::is_harmful;

/// A filter that cannot be understood.
///
/// As text it is several lines: what is wrong, the filter with a caret under the place, and
/// what may help.
///
/// ```
/// use wsdump::filter::Filter;
///
/// let error = Filter::parse("tcp.prt == 80").unwrap_err();
/// let text = "\
/// there is no field tcp.prt
///   tcp.prt == 80
///   ^^^^^^^
///   did you mean tcp.port? wsdump --fields lists them all";
/// assert_eq!(error.to_string(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterSyntaxError {
    expression: String,
    span: Range<usize>,
    problem: String,
    hint: Option<String>,
}

impl FilterSyntaxError {
    /// An error at `span`, in bytes of an expression that [`FilterSyntaxError::in_expression`]
    /// names later.
    pub(super) fn new(span: Range<usize>, problem: impl Into<String>) -> Self {
        Self {
            expression: String::new(),
            span,
            problem: problem.into(),
            hint: None,
        }
    }

    /// The same with something that may help.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, of this expression.
    pub(super) fn in_expression(mut self, expression: &str) -> Self {
        expression.clone_into(&mut self.expression);
        self
    }

    /// The place, in bytes of the expression; its length where something is missing at the
    /// end.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// What is wrong, in one line.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What may help.
    pub fn help(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl Error for FilterSyntaxError {}

/// Columns of the expression that are shown on either side of the place.
const CONTEXT: usize = 60;

impl fmt::Display for FilterSyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, rest) = self.expression.split_at(self.span.start);
        let (place, after) = rest.split_at(self.span.len());
        let [before, place, after] = [before, place, after].map(printable);
        let before = end_of(&before, CONTEXT);
        let place = start_of(&place, 2 * CONTEXT);
        let after = start_of(&after, CONTEXT);
        let indent = before.width();
        let carets = "^".repeat(place.width().max(1));
        writeln!(f, "{}", printable(&self.problem))?;
        writeln!(f, "  {}", format!("{before}{place}{after}").trim_end())?;
        write!(f, "  {:indent$}{carets}", "")?;
        match &self.hint {
            Some(hint) => write!(f, "\n  {}", printable(hint)),
            None => Ok(()),
        }
    }
}

/// The same text, of which each character takes its place on one line and none acts upon a
/// terminal.
fn printable(text: &str) -> String {
    let instead = |c: char| match c {
        '\t' | '\n' | '\r' => ' ',
        // Among them, marks that turn the direction of text would move the caret's place.
        c if c.is_control() || is_harmful(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(instead).collect()
}

/// What fits into `columns` from the start.
fn start_of(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if text[..at + c.len_utf8()].width() >= columns {
            break;
        }
        end = at + c.len_utf8();
    }
    format!("{}…", &text[..end])
}

/// What fits into `columns` up to the end.
fn end_of(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut start = text.len();
    for (at, _) in text.char_indices().rev() {
        if text[at..].width() >= columns {
            break;
        }
        start = at;
    }
    format!("…{}", &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expression: &str, place: &str) -> Vec<String> {
        let start = expression.find(place).unwrap_or(expression.len());
        let error = FilterSyntaxError::new(start..start + place.len(), "wrong");
        let text = error.in_expression(expression).to_string();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_caret_stands_under_the_place_behind_characters_of_any_width() {
        let table = [
            ("ab cd", "cd", "     ^^"),
            ("é = cd", "cd", "      ^^"),
            ("漢字 = cd", "cd", "         ^^"),
            ("a\tcd", "cd", "    ^^"),
            ("a\u{1b}cd", "cd", "    ^^"),
            ("a 漢", "漢", "    ^^"),
            ("a\u{301} b", "b", "    ^"),
            ("ab", "", "  ^"),
        ];
        for (expression, place, carets) in table {
            assert_eq!(shown(expression, place)[2], carets, "{expression:?}");
        }
    }

    #[test]
    fn a_long_expression_is_cut_around_the_place() {
        let expression = format!("{} here {}", "漢".repeat(5000), "x".repeat(5000));
        let lines = shown(&expression, "here");
        assert!(
            lines[1].starts_with("  …漢") && lines[1].ends_with("x…"),
            "{lines:?}"
        );
        assert!(lines[1].width() <= 2 * CONTEXT + 10);
        let before = lines[1].split("here").next().unwrap_or_default();
        assert_eq!(lines[2], format!("{}^^^^", " ".repeat(before.width())));
    }
}

//! What a comparison leaves out: parts of messages that differ from run to run.

use std::borrow::Cow;

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;
use thiserror::Error;

use super::splice::without;
use crate::filter::regex_reason;

/// Stands where something was left out.
pub const LEFT_OUT: &str = "<ignored>";

/// What is left out of messages.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    paths: Vec<JsonPath>,
    texts: Vec<Regex>,
    /// What is left out of what this one leaves.
    then: Option<Box<Mask>>,
}

/// Something that cannot be left out, because it cannot be understood.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MaskError {
    /// No `JSONPath` (RFC 9535).
    #[error("{path}: this is no JSONPath: {reason}; one looks like $.items[*].id")]
    Path {
        /// What was given.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A `JSONPath` for which a hostile message could take hours.
    #[error("{path}: this path is too slow: {reason}")]
    Slow {
        /// What was given.
        path: String,
        /// What makes it slow.
        reason: &'static str,
    },
    /// No regular expression, or one that is too big.
    #[error("{pattern}: this is no regular expression: {reason}")]
    Text {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Mask {
    /// Bytes of JSON, at most, in which paths choose something. A tree of values takes up to
    /// fifty times as much memory.
    pub const MAX_JSON: usize = 1 << 20;

    /// How often `..` may stand in a path. Each makes the values that are looked at more by
    /// as many times as they are deep.
    pub const MAX_DESCENTS: usize = 2;

    /// Leaves out what the `JSONPaths` choose in payloads that are JSON, and what the regular
    /// expressions find in any text: payloads, Ping and Pong, close reasons, targets and
    /// header fields.
    ///
    /// # Errors
    ///
    /// The first path or expression that cannot be understood.
    pub fn new<P: AsRef<str>, T: AsRef<str>>(
        paths: impl IntoIterator<Item = P>,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Self, MaskError> {
        let path = |path: P| {
            let path = path.as_ref();
            let parsed = JsonPath::parse(path).map_err(|error| MaskError::Path {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
            match too_slow(path) {
                Some(reason) => Err(MaskError::Slow {
                    path: path.to_owned(),
                    reason,
                }),
                None => Ok(parsed),
            }
        };
        let text = |pattern: T| {
            let pattern = pattern.as_ref();
            Regex::new(pattern).map_err(|error| MaskError::Text {
                pattern: pattern.to_owned(),
                reason: regex_reason(&error),
            })
        };
        Ok(Self {
            paths: paths.into_iter().map(path).collect::<Result<_, _>>()?,
            texts: texts.into_iter().map(text).collect::<Result<_, _>>()?,
            then: None,
        })
    }

    /// A mask that leaves out what this one does, and of what it leaves what `then` does.
    ///
    /// That is not what one mask of all paths and expressions does: an expression may find
    /// what only appears when something was left out.
    #[must_use]
    pub fn and_then(mut self, then: Self) -> Self {
        self.then = Some(Box::new(match self.then {
            Some(first) => first.and_then(then),
            None => then,
        }));
        self
    }

    /// What is left out of what this one leaves.
    pub(super) fn then(&self) -> Option<&Self> {
        self.then.as_deref()
    }

    /// A text without what the expressions find in it.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let masked = self.text_once(text);
        match (&self.then, masked) {
            (None, masked) => masked,
            (Some(then), Cow::Borrowed(text)) => then.text(text),
            (Some(then), Cow::Owned(text)) => Cow::Owned(then.text(&text).into_owned()),
        }
    }

    /// The same without what comes [then](Self::and_then).
    pub(super) fn text_once<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut masked = Cow::Borrowed(text);
        for regex in &self.texts {
            if let Some(changed) = replaced(regex, &masked) {
                masked = Cow::Owned(changed);
            }
        }
        masked
    }

    /// JSON without what the paths choose, and without spaces; `None` where they choose
    /// nothing, where it is no JSON, and where it is longer than [`Mask::MAX_JSON`].
    ///
    /// All else stands as it was written: numbers with all their digits, and each of two
    /// members of one name.
    pub fn json(&self, text: &str) -> Option<String> {
        if self.paths.is_empty() || text.len() > Self::MAX_JSON {
            return None;
        }
        let value: Value = serde_json::from_str(text).ok()?;
        let chosen = self.paths.iter().flat_map(|path| path.query(&value).all());
        without(text, &value, chosen)
    }
}

/// A text without what an expression finds; `None` where it finds nothing. It does not look
/// into what stands for something that was left out: otherwise a text could grow with every
/// expression. Nor is nothing left out where it finds the empty text.
fn replaced(regex: &Regex, text: &str) -> Option<String> {
    let mut stands_for = text.match_indices(LEFT_OUT).map(|(at, _)| at).peekable();
    let mut out = String::new();
    let mut copied = 0;
    for found in regex.find_iter(text).filter(|found| !found.is_empty()) {
        while stands_for
            .next_if(|at| at + LEFT_OUT.len() < found.end())
            .is_some()
        {}
        if stands_for.peek().is_some_and(|at| *at <= found.start()) {
            continue;
        }
        out.push_str(&text[copied..found.start()]);
        out.push_str(LEFT_OUT);
        copied = found.end();
    }
    (copied > 0).then(|| out + &text[copied..])
}

/// What makes a path slow that can be understood, if something does.
fn too_slow(path: &str) -> Option<&'static str> {
    let (mut descents, mut roots) = (0, 0);
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // Names and texts in quotes.
            '\'' | '"' => {
                while let Some(inner) = chars.next().filter(|inner| *inner != c) {
                    if inner == '\\' {
                        chars.next();
                    }
                }
            }
            '.' if chars.next_if_eq(&'.').is_some() => descents += 1,
            '$' => roots += 1,
            _ => {}
        }
    }
    if descents > Mask::MAX_DESCENTS {
        Some("it has more than two ..; name the members between")
    } else if roots > 1 {
        Some("its filter begins at $, for every value anew; begin it at @")
    } else {
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_paths_choose_is_left_out_wherever_it_is() {
        let table = [
            ("$.ts", r#"{"ts":1,"a":2}"#, r#"{"ts":"<ignored>","a":2}"#),
            (
                "$..id",
                r#"{"x":[{"id":1},{"id":{"id":2}}]}"#,
                r#"{"x":[{"id":"<ignored>"},{"id":"<ignored>"}]}"#,
            ),
            ("$[0]", "[1,2]", r#"["<ignored>",2]"#),
            ("$", "1", r#""<ignored>""#),
            ("$['a/b~c']", r#"{"a/b~c":1}"#, r#"{"a/b~c":"<ignored>"}"#),
        ];
        for (path, json, expected) in table {
            let mask = Mask::new([path], [""; 0]).unwrap();
            assert_eq!(mask.json(json).unwrap(), expected, "{path}");
            assert_eq!(mask.json("[{}]").is_some(), path == "$[0]" || path == "$");
        }
    }

    #[test]
    fn paths_whose_cost_a_message_can_multiply_are_refused() {
        for (path, is_refused) in [
            ("$..a..b", false),
            ("$..a..b..c", true),
            ("$..a[?@..b && @..c]", true),
            ("$['..','..'][?@.a == \"\\\"$..$\"].b", false),
            ("$[?@.a == $.b]", true),
        ] {
            let mask = Mask::new([path], [""; 0]);
            let is_slow = matches!(mask, Err(MaskError::Slow { .. }));
            assert_eq!(is_slow, is_refused, "{path} {mask:?}");
        }
    }

    #[test]
    fn no_expression_finds_nothing_or_what_stands_for_something_else() {
        let mask = |texts: &[&str]| Mask::new([""; 0], texts).unwrap();
        for (texts, text, expected) in [
            (&["x*"][..], "axxb", "a<ignored>b"),
            (&["x*"], "ab", "ab"),
            (&["[a-z]+", "[a-z]"], "12 ab", "12 <ignored>"),
            (&[".", "."], "ab", "<ignored><ignored>"),
            (&["a", ".*"], "bab", "<ignored>"),
            (&["a", "b<i"], "ba", "<ignored>gnored>"),
        ] {
            assert_eq!(mask(texts).text(text), expected, "{texts:?}");
        }
        let then = mask(&["a"]).and_then(mask(&["b"])).and_then(mask(&["<.*"]));
        assert_eq!(then.text("cab"), "c<ignored>");
    }

    #[test]
    fn what_expressions_find_is_left_out_of_text() {
        let mask = Mask::new([""; 0], [r"\d+", "x$"]).unwrap();
        assert_eq!(mask.text("a1b22 x"), "a<ignored>b<ignored> <ignored>");
        assert_eq!(mask.text("$1"), "$<ignored>");
        assert_eq!(mask.text("none"), "none");
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        let path = Mask::new(["ts"], [""; 0]).unwrap_err().to_string();
        assert!(path.starts_with("ts: this is no JSONPath: "), "{path}");
        let text = Mask::new([""; 0], ["a("]).unwrap_err().to_string();
        assert_eq!(text, "a(: this is no regular expression: unclosed group");
    }
}

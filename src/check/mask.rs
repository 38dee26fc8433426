//! What a comparison leaves out: parts of messages that differ from run to run.

use std::borrow::Cow;

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;
use thiserror::Error;

/// Stands where something was left out.
pub const LEFT_OUT: &str = "<ignored>";

/// What is left out of messages.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    paths: Vec<JsonPath>,
    texts: Vec<Regex>,
}

/// Something that cannot be left out, because it cannot be understood.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MaskError {
    /// No JSONPath (RFC 9535).
    #[error("{path}: this is no JSONPath: {reason}; one looks like $.items[*].id")]
    Path {
        /// What was given.
        path: String,
        /// What is wrong with it.
        reason: String,
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
    /// Leaves out what the JSONPaths choose in payloads that are JSON, and what the regular
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
            JsonPath::parse(path).map_err(|error| MaskError::Path {
                path: path.to_owned(),
                reason: error.to_string(),
            })
        };
        let text = |pattern: T| {
            let pattern = pattern.as_ref();
            Regex::new(pattern).map_err(|error| MaskError::Text {
                pattern: pattern.to_owned(),
                // The last line says what is wrong, those before it draw the place.
                reason: error
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned(),
            })
        };
        Ok(Self {
            paths: paths.into_iter().map(path).collect::<Result<_, _>>()?,
            texts: texts.into_iter().map(text).collect::<Result<_, _>>()?,
        })
    }

    /// A text without what the expressions find in it.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut masked = Cow::Borrowed(text);
        for regex in &self.texts {
            if let Cow::Owned(changed) = regex.replace_all(&masked, regex::NoExpand(LEFT_OUT)) {
                masked = Cow::Owned(changed);
            }
        }
        masked
    }

    /// Leaves out of `value` what the paths choose; says whether there was any.
    pub fn json(&self, value: &mut Value) -> bool {
        let mut chosen = Vec::new();
        for path in &self.paths {
            let located = path.query_located(value);
            chosen.extend(located.locations().map(|place| place.to_json_pointer()));
        }
        for pointer in &chosen {
            // A part of what another path chose is gone by now.
            if let Some(part) = value.pointer_mut(pointer) {
                *part = Value::String(LEFT_OUT.to_owned());
            }
        }
        !chosen.is_empty()
    }

    /// Whether there may be something to leave out of JSON.
    pub fn has_paths(&self) -> bool {
        !self.paths.is_empty()
    }
}

#[cfg(test)]
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
            ("$.none", r#"{"a":1}"#, r#"{"a":1}"#),
            ("$['a/b~c']", r#"{"a/b~c":1}"#, r#"{"a/b~c":"<ignored>"}"#),
        ];
        for (path, json, expected) in table {
            let mask = Mask::new([path], [""; 0]).unwrap();
            let mut value: Value = serde_json::from_str(json).unwrap();
            let any = mask.json(&mut value);
            assert_eq!(value.to_string(), expected, "{path}");
            assert_eq!(any, json != expected, "{path}");
        }
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

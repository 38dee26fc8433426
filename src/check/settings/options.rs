//! What can be asked of a capture, from wherever it was asked.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::anomaly::{Rule, Severity};
use crate::check::{Bounds, Policy};
use crate::http::is_token;

/// All that can be asked of a capture. What was not said is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The least grave broken rule that fails.
    pub fail_on: Option<FailOn>,
    /// Rules that may be broken.
    pub allow: Vec<Rule>,
    /// Rules that fail, whatever their severity.
    pub deny: Vec<Rule>,
    /// When there are any, no other rules are looked at.
    pub only_rule: Vec<Rule>,
    /// Expectations, not parsed.
    pub expect: Vec<Given>,
    /// Where the baseline is. Of settings: relative to their file.
    pub baseline: Option<PathBuf>,
    /// The baseline holds fragmentation as well.
    pub strict: Option<bool>,
    /// Names of HTTP header fields that the baseline holds besides those of WebSocket.
    pub headers: Vec<String>,
    /// `JSONPath`s of values that may differ from the baseline, not parsed.
    pub ignore: Vec<Given>,
    /// Regular expressions for text that may differ from the baseline.
    pub ignore_text: Vec<Given>,
    /// Connections may come in another order than in the baseline.
    pub ignore_order: Option<bool>,
    /// Pings and Pongs may differ from the baseline.
    pub ignore_pings: Option<bool>,
    /// Instead of [`Bounds::handshake`].
    pub max_handshake: Option<Duration>,
    /// Instead of [`Bounds::pong`].
    pub max_pong: Option<Duration>,
    /// Instead of [`Bounds::message_bytes`].
    pub max_message: Option<u64>,
    /// Instead of [`Bounds::retransmission_percent`].
    pub max_retransmissions: Option<f64>,
}

/// A text that is understood later, and where it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The text.
    pub text: String,
    /// Line in the settings file, from 1; `None` on the command line.
    pub line: Option<usize>,
}

impl Given {
    /// A text of the command line.
    pub fn typed(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            line: None,
        }
    }
}

/// The least grave broken rule that makes a check fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// One of this severity.
    Severity(Severity),
    /// None.
    Never,
}

impl FailOn {
    /// As in [`Policy::fail_on`].
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Severity(severity) => Some(severity),
            Self::Never => None,
        }
    }
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let severities = [Severity::Error, Severity::Warning, Severity::Note];
        let named = severities.into_iter().find(|one| one.name() == text);
        match named {
            Some(severity) => Ok(Self::Severity(severity)),
            None if text == "never" => Ok(Self::Never),
            None => Err(format!("{text} is none of error, warning, note and never")),
        }
    }
}

/// Reads where a baseline is.
///
/// # Errors
///
/// It is nowhere, or something else than `{name}` stands in braces.
pub fn baseline(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        Err("a file is expected".to_owned())
    } else if text.replace("{name}", "").contains(['{', '}']) {
        Err(format!("only {{name}} may stand in braces in {text}"))
    } else {
        Ok(text.into())
    }
}

/// Reads the name of a header field: a token (RFC 9110 §5.6.2).
///
/// # Errors
///
/// It is none.
pub fn header_name(text: &str) -> Result<String, String> {
    if !is_token(text) {
        return Err(format!("{text:?} is no name of a header field"));
    }
    Ok(text.to_owned())
}

/// Asks for the nearest of `names`, if one is near.
pub(super) fn did_you_mean<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let distances = names
        .into_iter()
        .map(|near| (strsim::osa_distance(name, near), near));
    // Of long names more letters may be wrong.
    let most = 2.max(name.chars().count() / 3);
    match distances.min() {
        Some((distance, near)) if distance <= most => format!("; did you mean {near}?"),
        _ => String::new(),
    }
}

impl Options {
    /// These and, where they say nothing, what `weaker` ones say. Lists are both, those of
    /// `weaker` first; of a rule that one allows and the other denies, these decide.
    #[must_use]
    pub fn or(self, weaker: &Self) -> Self {
        let (allow, deny) = (&self.allow, &self.deny);
        let allowed = weaker.allow.iter().filter(|rule| !deny.contains(rule));
        let denied = weaker.deny.iter().filter(|rule| !allow.contains(rule));
        Self {
            fail_on: self.fail_on.or(weaker.fail_on),
            allow: allowed.chain(allow).copied().collect(),
            deny: denied.chain(deny).copied().collect(),
            only_rule: both(&weaker.only_rule, &self.only_rule),
            expect: both(&weaker.expect, &self.expect),
            baseline: self.baseline.or_else(|| weaker.baseline.clone()),
            strict: self.strict.or(weaker.strict),
            headers: both(&weaker.headers, &self.headers),
            ignore: both(&weaker.ignore, &self.ignore),
            ignore_text: both(&weaker.ignore_text, &self.ignore_text),
            ignore_order: self.ignore_order.or(weaker.ignore_order),
            ignore_pings: self.ignore_pings.or(weaker.ignore_pings),
            max_handshake: self.max_handshake.or(weaker.max_handshake),
            max_pong: self.max_pong.or(weaker.max_pong),
            max_message: self.max_message.or(weaker.max_message),
            max_retransmissions: self.max_retransmissions.or(weaker.max_retransmissions),
        }
    }

    /// Which broken rules matter.
    pub fn policy(&self) -> Policy {
        let rules = |rules: &[Rule]| rules.iter().copied().collect();
        let default = Policy::default();
        Policy {
            fail_on: self.fail_on.map_or(default.fail_on, FailOn::severity),
            allow: rules(&self.allow),
            deny: rules(&self.deny),
            only: rules(&self.only_rule),
        }
    }

    /// What is too slow, too large or too often.
    pub fn bounds(&self) -> Bounds {
        let default = Bounds::default();
        Bounds {
            handshake: self.max_handshake.unwrap_or(default.handshake),
            pong: self.max_pong.unwrap_or(default.pong),
            message_bytes: self.max_message.unwrap_or(default.message_bytes),
            retransmission_percent: self
                .max_retransmissions
                .unwrap_or(default.retransmission_percent),
        }
    }
}

fn both<T: Clone>(first: &[T], second: &[T]) -> Vec<T> {
    first.iter().chain(second).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_values_are_those_of_the_stronger_and_lists_add_up() {
        let given = |text| vec![Given::typed(text)];
        let stronger = Options {
            strict: Some(false),
            expect: given("stronger"),
            ..Options::default()
        };
        let weaker = Options {
            strict: Some(true),
            max_message: Some(5),
            expect: given("weaker"),
            ..Options::default()
        };
        let expected = Options {
            strict: Some(false),
            max_message: Some(5),
            expect: [given("weaker"), given("stronger")].concat(),
            ..Options::default()
        };
        assert_eq!(stronger.or(&weaker), expected);
    }

    #[test]
    fn whoever_is_stronger_allows_or_denies_a_rule() {
        let options = |allow: &[Rule], deny: &[Rule]| Options {
            allow: allow.to_vec(),
            deny: deny.to_vec(),
            ..Options::default()
        };
        let (one, two) = (Rule::NoClose, Rule::BadKey);
        let merged = options(&[one], &[two]).or(&options(&[two], &[one, Rule::BareLineFeed]));
        assert_eq!(merged, options(&[one], &[Rule::BareLineFeed, two]));
    }

    #[test]
    fn what_is_not_said_is_as_by_default() {
        assert_eq!(Options::default().policy(), Policy::default());
        assert_eq!(Options::default().bounds(), Bounds::default());
        let never = Options {
            fail_on: Some(FailOn::Never),
            ..Options::default()
        };
        assert_eq!(never.policy().fail_on, None);
    }
}

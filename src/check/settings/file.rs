//! What stands in a settings file.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use globset::GlobBuilder;
use regex::Regex;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::options::{baseline, did_you_mean, header_name};
use super::{CaptureTable, FailOn, Given, Options, Pattern, Settings, SettingsError};
use crate::anomaly::Rule;

/// The top of a file, or one `[[capture]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    glob: Option<Spanned<OneOrMore>>,
    capture: Vec<Spanned<Table>>,
    fail_on: Option<Text>,
    allow: Vec<Text>,
    deny: Vec<Text>,
    only_rule: Vec<Text>,
    expect: Vec<Text>,
    baseline: Option<Text>,
    strict: Option<bool>,
    headers: Vec<Text>,
    ignore: Vec<Text>,
    ignore_text: Vec<Text>,
    ignore_order: Option<bool>,
    ignore_pings: Option<bool>,
    max_handshake: Option<Text>,
    max_pong: Option<Text>,
    max_message: Option<u64>,
    max_retransmissions: Option<Spanned<f64>>,
}

/// Understood once its place can be told: the parser knows only that of a whole list.
type Text = Spanned<String>;

/// Reads a file.
pub(super) fn parse(text: &str) -> Result<Settings, SettingsError> {
    let file = File(text);
    let mut table: Table = toml::from_str(text).map_err(|error| file.misread(&error))?;
    if let Some(glob) = &table.glob {
        let problem = "glob belongs below [[capture]]: the rest is for all captures";
        return Err(file.error(glob.span(), problem));
    }
    let captures = std::mem::take(&mut table.capture);
    Ok(Settings {
        options: file.options(table)?,
        captures: captures
            .into_iter()
            .map(|table| file.capture(table))
            .collect::<Result<_, _>>()?,
    })
}

/// The text of a file, to tell lines.
struct File<'t>(&'t str);

impl File<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.0.as_bytes().iter().take(at);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    fn error(&self, at: Range<usize>, problem: impl Into<String>) -> SettingsError {
        SettingsError {
            line: self.line(at.start),
            problem: problem.into(),
        }
    }

    /// Says what the parser found.
    fn misread(&self, error: &toml::de::Error) -> SettingsError {
        let message = error.message().trim().replace('\n', "; ");
        let span = error.span().unwrap_or_default();
        // An unknown key is named first, then all that there are.
        let mut names = message.split('`').skip(1).step_by(2);
        let problem = match (names.next(), self.key_before(span.start)) {
            (Some(key), _) if message.starts_with("unknown field") => {
                format!("there is no key {key}{}", did_you_mean(key, names))
            }
            (_, Some(key)) => format!("{key}: {message}"),
            (_, None) => message,
        };
        self.error(span, problem)
    }

    /// The key of a value at `at`, if both are in one line.
    fn key_before(&self, at: usize) -> Option<&str> {
        let line = self.0.get(..at)?.lines().next_back()?;
        Some(line.split_once('=')?.0.trim())
    }

    /// Understands the value of a key.
    fn understood<T: Value>(&self, key: &str, text: &Text) -> Result<T, SettingsError> {
        T::of(text.get_ref()).map_err(|why| self.error(text.span(), format!("{key}: {why}")))
    }

    fn one<T: Value>(&self, key: &str, text: Option<Text>) -> Result<Option<T>, SettingsError> {
        text.map(|text| self.understood(key, &text)).transpose()
    }

    fn list<T: Value>(&self, key: &str, texts: &[Text]) -> Result<Vec<T>, SettingsError> {
        texts
            .iter()
            .map(|text| self.understood(key, text))
            .collect()
    }

    /// Texts that are understood as far as `T` goes.
    fn given<T: Value>(&self, key: &str, texts: Vec<Text>) -> Result<Vec<Given>, SettingsError> {
        let _: Vec<T> = self.list(key, &texts)?;
        let given = |text: Text| Given {
            line: Some(self.line(text.span().start)),
            text: text.into_inner(),
        };
        Ok(texts.into_iter().map(given).collect())
    }

    fn capture(&self, table: Spanned<Table>) -> Result<CaptureTable, SettingsError> {
        let span = table.span();
        let mut table = table.into_inner();
        if let Some(inner) = table.capture.first() {
            let problem = "a [[capture]] has no other in it";
            return Err(self.error(inner.span(), problem));
        }
        let Some(globs) = table.glob.take() else {
            let problem = "this [[capture]] has no glob, such as glob = \"chat*.pcap\"";
            return Err(self.error(span, problem));
        };
        let at = globs.span();
        let pattern = |glob: &String| {
            pattern(glob).map_err(|error| {
                let why = error.kind();
                self.error(at.clone(), format!("the glob {glob} cannot be used: {why}"))
            })
        };
        Ok(CaptureTable {
            globs: globs
                .get_ref()
                .0
                .iter()
                .map(pattern)
                .collect::<Result<_, _>>()?,
            options: self.options(table)?,
        })
    }

    /// All but what says which captures it is for.
    fn options(&self, table: Table) -> Result<Options, SettingsError> {
        let allow = self.list("allow", &table.allow)?;
        let deny = self.list("deny", &table.deny)?;
        let both = deny.iter().position(|rule| allow.contains(rule));
        if let Some(text) = both.and_then(|at| table.deny.get(at)) {
            let problem = format!("allow and deny both have {}", text.get_ref());
            return Err(self.error(text.span(), problem));
        }
        let percent = table.max_retransmissions;
        let is_share = |percent: &f64| (0.0..=100.0).contains(percent);
        if let Some(percent) = percent.as_ref().filter(|it| !is_share(it.get_ref())) {
            let problem = "max-retransmissions: a share between 0 and 100 percent is expected";
            return Err(self.error(percent.span(), problem));
        }
        Ok(Options {
            fail_on: self.one("fail-on", table.fail_on)?,
            allow,
            deny,
            only_rule: self.list("only-rule", &table.only_rule)?,
            expect: self.given::<String>("expect", table.expect)?,
            baseline: self.one("baseline", table.baseline)?,
            strict: table.strict,
            headers: self
                .list::<HeaderName>("headers", &table.headers)?
                .into_iter()
                .map(|name| name.0)
                .collect(),
            ignore: self.given::<String>("ignore", table.ignore)?,
            ignore_text: self.given::<Regex>("ignore-text", table.ignore_text)?,
            ignore_order: table.ignore_order,
            ignore_pings: table.ignore_pings,
            max_handshake: self.one("max-handshake", table.max_handshake)?,
            max_pong: self.one("max-pong", table.max_pong)?,
            max_message: table.max_message,
            max_retransmissions: percent.map(Spanned::into_inner),
        })
    }
}

/// A glob without `/` is for names in any folder, one with it for paths.
fn pattern(glob: &str) -> Result<Pattern, globset::Error> {
    let glob = glob.strip_prefix("./").unwrap_or(glob);
    let built = GlobBuilder::new(glob).literal_separator(true).build()?;
    Ok(Pattern {
        matcher: built.compile_matcher(),
        of_name: !glob.contains('/'),
    })
}

/// A text, or several.
#[derive(Debug)]
struct OneOrMore(Vec<String>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMore;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a glob or a list of globs")
            }

            fn visit_str<E>(self, text: &str) -> Result<OneOrMore, E> {
                Ok(OneOrMore(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMore, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMore(texts))
            }
        }

        deserializer.deserialize_any(Texts)
    }
}

/// What a text can stand for.
trait Value: Sized {
    /// What it stands for, or why it cannot be used.
    fn of(text: &str) -> Result<Self, String>;
}

impl Value for String {
    fn of(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Value for FailOn {
    fn of(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl Value for Rule {
    fn of(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

/// A baseline.
impl Value for PathBuf {
    fn of(text: &str) -> Result<Self, String> {
        baseline(text)
    }
}

struct HeaderName(String);

impl Value for HeaderName {
    fn of(text: &str) -> Result<Self, String> {
        header_name(text).map(Self)
    }
}

impl Value for Regex {
    fn of(text: &str) -> Result<Self, String> {
        Self::new(text).map_err(|error| {
            // The last line of several says why.
            let told = error.to_string();
            let why = told.lines().last().unwrap_or_default();
            let why = why.strip_prefix("error: ").unwrap_or(why);
            format!("{text:?} is no regular expression: {why}")
        })
    }
}

impl Value for Duration {
    fn of(text: &str) -> Result<Self, String> {
        let signed = text.parse::<jiff::SignedDuration>().ok();
        let duration = signed.and_then(|signed| Self::try_from(signed).ok());
        duration
            .filter(|duration| !duration.is_zero())
            .ok_or_else(|| format!("{text:?} is no time above zero, such as \"500ms\" or \"10s\""))
    }
}

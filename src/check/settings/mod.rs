//! `wsdump.toml`: what is asked of the captures beside it.
//!
//! ```toml
//! fail-on = "warning"
//! allow = ["no-close"]
//!
//! [[capture]]
//! glob = "chat*.pcap"
//! expect = ["connections == 1"]
//! baseline = "baselines/{name}.json"
//! ```
//!
//! Keys at the top are for all captures, those of a `[[capture]]` for the ones that its
//! `glob` matches: one without `/` their name in any folder, one with `/` their path from
//! the folder of the file.
//!
//! | key | value |
//! | --- | --- |
//! | `fail-on` | `"error"`, `"warning"`, `"note"` or `"never"` |
//! | `allow`, `deny`, `only-rule` | list of rules |
//! | `expect` | list of expectations |
//! | `baseline` | file, from the folder of the settings; `{name}` is the capture's name without its extensions |
//! | `strict`, `ignore-order`, `ignore-pings` | `true` or `false` |
//! | `headers` | list of header fields that baselines hold besides those of WebSocket |
//! | `ignore`, `ignore-text` | lists: `JSONPath`s; regular expressions |
//! | `max-handshake`, `max-pong` | time, such as `"500ms"` |
//! | `max-message` | bytes |
//! | `max-retransmissions` | percent |
//!
//! Nothing is read from disk here.

mod file;
mod options;

use std::path::{Path, PathBuf};

use globset::GlobMatcher;

pub use options::{FailOn, Given, Options, baseline, header_name};

/// A settings file.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What is asked of all captures.
    options: Options,
    captures: Vec<CaptureTable>,
}

/// What is asked of some captures.
#[derive(Clone, Debug)]
struct CaptureTable {
    globs: Vec<Pattern>,
    options: Options,
}

/// Which captures those are.
#[derive(Clone, Debug)]
struct Pattern {
    matcher: GlobMatcher,
    /// It is for the name of the file, wherever that is.
    of_name: bool,
}

/// A settings file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct SettingsError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

impl Settings {
    /// The name of settings files.
    pub const FILE_NAME: &'static str = "wsdump.toml";

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// It is no TOML, a key or rule is not known, a value cannot be used, or the same rule is
    /// allowed and denied.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        file::parse(text)
    }

    /// What is asked of the capture at `path`, which begins in the folder of the settings
    /// file. Of two that match, the later `[[capture]]` is stronger.
    pub fn for_capture(&self, path: &Path) -> Options {
        let matching = self.captures.iter().filter(|table| table.is_for(path));
        let options = matching.fold(self.options.clone(), |weaker, table| {
            table.options.clone().or(&weaker)
        });
        options.of_capture(path)
    }
}

impl Options {
    /// The same for the capture at `path`, whose name stands where `{name}` does.
    #[must_use]
    pub fn of_capture(mut self, path: &Path) -> Self {
        if let Some(baseline) = &mut self.baseline {
            let text = baseline.to_string_lossy();
            // A path without it stays as it is, though it may be no text.
            if text.contains("{name}") {
                let name = name_without_extensions(path);
                *baseline = PathBuf::from(text.replace("{name}", &name));
            }
        }
        self
    }
}

impl CaptureTable {
    fn is_for(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default();
        self.globs.iter().any(|glob| {
            if glob.of_name {
                glob.matcher.is_match(name)
            } else {
                glob.matcher.is_match(path)
            }
        })
    }
}

/// Endings of capture files. Behind one there may be another that [`COMPRESSED`] has.
pub const EXTENSIONS: &[&str] = &["pcap", "pcapng", "cap", "dmp"];

/// Endings of compressed files.
pub const COMPRESSED: &[&str] = &["gz", "zst"];

/// The name of a capture file without `.pcap`, `.pcap.gz` and the like.
fn name_without_extensions(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let without = |name: &str, endings: &[&str]| -> Option<String> {
        let (start, ending) = name.rsplit_once('.')?;
        let is_known = endings
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known));
        is_known.then(|| start.to_owned())
    };
    let name = without(&name, COMPRESSED).unwrap_or_else(|| name.into_owned());
    without(&name, EXTENSIONS).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::anomaly::{Rule, Severity};

    fn options(text: &str, path: &str) -> Options {
        match Settings::parse(text) {
            Ok(settings) => settings.for_capture(path.as_ref()),
            Err(error) => panic!("{error}"),
        }
    }

    fn given(text: &str, line: usize) -> Given {
        Given {
            text: text.to_owned(),
            line: Some(line),
        }
    }

    #[test]
    fn every_key_is_understood() {
        let text = r#"
fail-on = "warning"
allow = ["no-close"]
deny = ["bad-key", "bare-line-feed"]
only-rule = ["invalid-utf8"]
expect = [
    "connections == 1",
    'close.code == 1000',
]
baseline = "baselines/{name}.json"
strict = true
headers = ["User-Agent"]
ignore = ["$.ts"]
ignore-text = ['\d+']
ignore-order = true
ignore-pings = false
max-handshake = "500ms"
max-pong = "1m 30s"
max-message = 1_000
max-retransmissions = 2
"#;
        let expected = Options {
            fail_on: Some(FailOn::Severity(Severity::Warning)),
            allow: vec![Rule::NoClose],
            deny: vec![Rule::BadKey, Rule::BareLineFeed],
            only_rule: vec![Rule::InvalidUtf8],
            expect: vec![given("connections == 1", 7), given("close.code == 1000", 8)],
            baseline: Some("baselines/chat.json".into()),
            strict: Some(true),
            headers: vec!["User-Agent".to_owned()],
            ignore: vec![given("$.ts", 13)],
            ignore_text: vec![given(r"\d+", 14)],
            ignore_order: Some(true),
            ignore_pings: Some(false),
            max_handshake: Some(Duration::from_millis(500)),
            max_pong: Some(Duration::from_secs(90)),
            max_message: Some(1_000),
            max_retransmissions: Some(2.0),
        };
        assert_eq!(options(text, "chat.pcap"), expected);
        assert_eq!(options("", "chat.pcap"), Options::default());
    }

    #[test]
    fn a_glob_is_for_names_in_any_folder_or_for_paths() {
        let matches = |glob: &str, path: &str| {
            let text = format!("[[capture]]\nglob = {glob}\nstrict = true");
            options(&text, path).strict.is_some()
        };
        for (glob, path, expected) in [
            ("'chat*.pcap'", "chat2.pcap", true),
            ("'chat*.pcap'", "a/b/chat2.pcap", true),
            ("'chat*.pcap'", "chat/2.pcap", false),
            ("['x', 'chat.pcap']", "chat.pcap", true),
            ("[]", "chat.pcap", false),
            ("'a/*.pcap'", "a/chat.pcap", true),
            ("'./a/*.pcap'", "a/chat.pcap", true),
            ("'a/*.pcap'", "a/b/chat.pcap", false),
            ("'a/*.pcap'", "b/a/chat.pcap", false),
            ("'a/**/*.pcap'", "a/b/c/chat.pcap", true),
            ("'./chat.pcap'", "a/chat.pcap", true),
            ("'*.{pcap,cap}'", "chat.cap", true),
        ] {
            assert_eq!(matches(glob, path), expected, "{glob} {path}");
        }
    }

    #[test]
    fn of_two_captures_that_match_the_later_one_is_stronger_than_the_top() {
        let text = r#"
max-message = 1
max-pong = "1s"
strict = false
expect = ["top"]
[[capture]]
glob = "*.pcap"
max-message = 2
strict = true
expect = ["first"]
[[capture]]
glob = "chat.pcap"
max-message = 3
allow = ["no-close"]
[[capture]]
glob = "other.pcap"
max-message = 4
"#;
        let expected = Options {
            max_message: Some(3),
            max_pong: Some(Duration::from_secs(1)),
            strict: Some(true),
            expect: vec![given("top", 5), given("first", 10)],
            allow: vec![Rule::NoClose],
            ..Options::default()
        };
        assert_eq!(options(text, "chat.pcap"), expected);
    }

    #[test]
    fn a_baseline_has_the_name_of_its_capture() {
        for (path, expected) in [
            ("a/chat.pcap", "b/chat.json"),
            ("chat.PCAPNG.gz", "b/chat.json"),
            ("lossy.client.cap.zst", "b/lossy.client.json"),
            ("chat.v2", "b/chat.v2.json"),
            ("chat", "b/chat.json"),
        ] {
            let found = options("baseline = 'b/{name}.json'", path).baseline;
            assert_eq!(found, Some(expected.into()), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_said_with_its_line() {
        for (text, expected) in [
            (
                "strict = true\nmax-pongs = \"1s\"",
                "line 2: there is no key max-pongs; did you mean max-pong?",
            ),
            ("colour = 1", "line 1: there is no key colour"),
            (
                "[[capture]]\nglob = 'a'\nexpct = []",
                "line 3: there is no key expct; did you mean expect?",
            ),
            (
                "allow = [\n  'no-close',\n  'noclose']",
                "line 3: allow: there is no rule noclose; did you mean no-close?",
            ),
            (
                "allow = ['no-close', 'bad-key']\ndeny = ['bad-key']",
                "line 2: allow and deny both have bad-key",
            ),
            (
                "fail-on = 'fatal'",
                "line 1: fail-on: fatal is none of error, warning, note and never",
            ),
            (
                "strict = 1",
                "line 1: strict: invalid type: integer `1`, expected a boolean",
            ),
            (
                "max-message = -1",
                "line 1: max-message: invalid value: integer `-1`, expected u64",
            ),
            (
                "max-pong = 'soon'",
                "line 1: max-pong: \"soon\" is no time above zero, such as \"500ms\" or \"10s\"",
            ),
            (
                "max-retransmissions = 101",
                "line 1: max-retransmissions: a share between 0 and 100 percent is expected",
            ),
            (
                "headers = ['User Agent']",
                "line 1: headers: \"User Agent\" is no name of a header field",
            ),
            (
                "baseline = '{folder}/{name}'",
                "line 1: baseline: only {name} may stand in braces in {folder}/{name}",
            ),
            (
                "ignore-text = ['(']",
                "line 1: ignore-text: \"(\" is no regular expression: unclosed group",
            ),
            (
                "[[capture]]\nglob = ['a', '[']",
                "line 2: the glob [ cannot be used: unclosed character class; missing ']'",
            ),
            (
                "[[capture]]\nstrict = true",
                "line 1: this [[capture]] has no glob, such as glob = \"chat*.pcap\"",
            ),
            (
                "glob = 'a'",
                "line 1: glob belongs below [[capture]]: the rest is for all captures",
            ),
            (
                "[[capture]]\nglob = 'a'\n[[capture.capture]]\nglob = 'b'",
                "line 3: a [[capture]] has no other in it",
            ),
            (
                "a = 1\nb = ",
                "line 2: b: string values must be quoted, expected literal string",
            ),
        ] {
            let found = Settings::parse(text).map_err(|error| error.to_string());
            assert_eq!(found.err().as_deref(), Some(expected), "{text}");
        }
    }
}

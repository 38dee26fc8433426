//! What the user typed behind `check` and `diff`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use wsdump::anomaly::Rule;
use wsdump::check::settings::{FailOn, baseline, header_name};
use wsdump::check::{Compared, FormatName};
use wsdump::limits::LimitSetting;

use crate::arguments::{ColorChoice, duration, number};

const RULES: &str = "Rules";
const EXPECTATIONS: &str = "Expectations and baseline";
const COMPARED: &str = "What is compared";
const BOUNDS: &str = "Bounds";

const CHECK_EXAMPLES: &str = "\
Examples:
  wsdump check capture.pcap                         every rule of RFC 6455 and RFC 7692
  wsdump check --expect 'close.code == 1000' *.pcap each capture by itself
  wsdump check --baseline chat.json --update a.pcap record what is said
  wsdump check --baseline chat.json b.pcap          whether the same is said
  wsdump check --format junit captures/ > junit.xml a folder, with the settings beside it

Settings can stand in a file wsdump.toml beside the captures.

Exit status: 0 every capture passed, 1 one did not, 2 wsdump could not do what was asked.";

/// Test captures: broken rules, expectations, and what was said before
#[derive(Debug, Args)]
#[command(max_term_width = 100, after_help = CHECK_EXAMPLES)]
// A flag each, and no two of them exclude or imply each other.
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct CheckArguments {
    /// Captures, each a test of its own, and folders of them
    #[arg(value_name = "CAPTURE", required_unless_present_any = ["rules", "explain", "names"])]
    pub(crate) captures: Vec<PathBuf>,

    /// List the rules
    #[arg(long, help_heading = RULES)]
    pub(crate) rules: bool,

    /// Explain a rule, with an example of the bytes
    #[arg(long, value_name = "RULE", value_parser = rule, help_heading = RULES)]
    pub(crate) explain: Option<Rule>,

    /// Fail on rules of this severity or a graver one: error, warning, note or never
    /// [default: error]
    #[arg(long, value_name = "SEVERITY", help_heading = RULES)]
    pub(crate) fail_on: Option<FailOn>,

    /// Do not look at this rule; may be repeated
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule, help_heading = RULES)]
    pub(crate) allow: Vec<Rule>,

    /// Fail on this rule, whatever its severity; may be repeated
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule, help_heading = RULES)]
    pub(crate) deny: Vec<Rule>,

    /// Look at no other rules than this; may be repeated
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule, help_heading = RULES)]
    pub(crate) only_rule: Vec<Rule>,

    /// Fail unless this holds, such as 'messages.client >= 3'; may be repeated
    #[arg(long, value_name = "EXPR", help_heading = EXPECTATIONS)]
    pub(crate) expect: Vec<String>,

    /// Read expectations from a file, one a line; # begins a comment
    #[arg(long, value_name = "FILE", help_heading = EXPECTATIONS)]
    pub(crate) expect_file: Vec<PathBuf>,

    /// List the names that an expectation may ask for
    #[arg(long, help_heading = EXPECTATIONS)]
    pub(crate) names: bool,

    /// Fail unless the same is said as in this file; {name} stands for the capture's name
    #[arg(long, value_name = "FILE", value_parser = baseline, help_heading = EXPECTATIONS)]
    pub(crate) baseline: Option<PathBuf>,

    /// Write the baseline instead of comparing with it
    #[arg(long, help_heading = EXPECTATIONS)]
    pub(crate) update: bool,

    #[command(flatten)]
    pub(crate) compared: ComparedArguments,

    /// Longest TCP handshake, and longest opening handshake after it [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = BOUNDS)]
    pub(crate) max_handshake: Option<Duration>,

    /// Longest time from a Ping to its Pong, and from Close to Close [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = BOUNDS)]
    pub(crate) max_pong: Option<Duration>,

    /// Longest message, in bytes after inflation [default: 16777216]
    #[arg(long, value_name = "BYTES", value_parser = number::<u64>, help_heading = BOUNDS)]
    pub(crate) max_message: Option<u64>,

    /// Largest share of segments that are sent again, in percent [default: 5]
    #[arg(long, value_name = "PERCENT", value_parser = percent, help_heading = BOUNDS)]
    pub(crate) max_retransmissions: Option<f64>,

    /// Set a limit on what traffic can make wsdump keep, such as head-bytes=16K; may be
    /// repeated; wsdump --limits lists them
    #[arg(long, value_name = "NAME=VALUE", help_heading = BOUNDS)]
    pub(crate) limit: Vec<LimitSetting>,

    /// Print results as text, json, junit, sarif or github (workflow commands)
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: FormatName,

    /// Read settings from this file, and from no wsdump.toml beside the captures
    #[arg(long, value_name = "FILE", conflicts_with = "no_settings")]
    pub(crate) settings: Option<PathBuf>,

    /// Read no settings
    #[arg(long)]
    pub(crate) no_settings: bool,

    /// Check this many captures at once [default: as many as there are cores]
    #[arg(short, long, value_name = "N", value_parser = number::<u16>)]
    pub(crate) jobs: Option<u16>,

    /// Colour the text; auto: on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    /// Print only what failed
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Print what was found in captures that passed, too
    #[arg(short, long, action = ArgAction::SetTrue)]
    pub(crate) verbose: bool,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  wsdump diff before.pcap after.pcap
  wsdump diff --ignore '$.ts' --ignore-order before.pcap after.pcap
  wsdump diff --json before.pcap after.pcap | jq '.connections[] | select(.alike | not)'

Exit status: 0 the same is said, 1 not the same, 2 wsdump could not do what was asked.";

/// Compare two captures by what is said in them
#[derive(Debug, Args)]
#[command(max_term_width = 100, after_help = DIFF_EXAMPLES)]
pub(crate) struct DiffArguments {
    /// The capture to compare with
    pub(crate) left: PathBuf,

    /// The capture that is compared
    pub(crate) right: PathBuf,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) compared: ComparedArguments,

    /// Set a limit on what traffic can make wsdump keep, such as head-bytes=16K; may be
    /// repeated; wsdump --limits lists them
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) limit: Vec<LimitSetting>,

    /// Colour the text; auto: on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

/// What of two captures is compared.
#[derive(Debug, Args)]
pub(crate) struct ComparedArguments {
    /// Leave out what this JSON path (RFC 9535) chooses in payloads, such as '$.ts'; may
    /// be repeated
    #[arg(long, value_name = "JSONPATH", help_heading = COMPARED)]
    pub(crate) ignore: Vec<String>,

    /// Leave out what this regular expression finds in payloads, targets, header fields and
    /// close reasons; may be repeated
    #[arg(long, value_name = "REGEX", help_heading = COMPARED)]
    pub(crate) ignore_text: Vec<String>,

    /// Let connections come in any order
    #[arg(long, help_heading = COMPARED)]
    pub(crate) ignore_order: bool,

    /// Leave out Pings and Pongs, of which there are more the longer a run takes
    #[arg(long, help_heading = COMPARED)]
    pub(crate) ignore_pings: bool,

    /// Compare these header fields of the opening handshake, too
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = header_name, help_heading = COMPARED)]
    pub(crate) headers: Vec<String>,

    /// Compare fragmentation and compression, too
    #[arg(long, help_heading = COMPARED)]
    pub(crate) strict: bool,
}

impl From<&ComparedArguments> for Compared {
    fn from(arguments: &ComparedArguments) -> Self {
        Self {
            strict: arguments.strict,
            headers: arguments.headers.clone(),
            ignore: arguments.ignore.clone(),
            ignore_text: arguments.ignore_text.clone(),
            ignore_order: arguments.ignore_order,
            ignore_pings: arguments.ignore_pings,
        }
    }
}

fn rule(text: &str) -> Result<Rule, String> {
    text.parse()
}

fn percent(text: &str) -> Result<f64, &'static str> {
    match text.trim_end_matches('%').trim_end().parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("a number from 0 to 100 is expected"),
    }
}

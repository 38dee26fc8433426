//! What the user typed. Parsing it opens nothing.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgAction, CommandFactory, Parser, ValueEnum};
use clap_complete::Shell;
use wsdump::Limits;
use wsdump::flow::Direction;
use wsdump::limits::{LimitSetting, Unit, read_duration};
use wsdump::report::{EventType, Rows, SortKey, TimeBound, TimeFormat};

use crate::checking::{CheckArguments, DiffArguments};
use crate::packets::is_stdout;
use crate::screen::{Screen, environment_allows_color};
#[cfg(feature = "live")]
use crate::sniff::LiveArguments;

/// Shows the WebSocket conversations in a packet capture, from the TCP handshake to the
/// close.
#[derive(Debug, Parser)]
#[command(
    name = "wsdump",
    version,
    max_term_width = 100,
    override_usage = USAGE,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
// A flag each, and no two of them exclude or imply each other.
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Arguments {
    /// Capture files: pcap or pcapng, plain, gzip or zstd; several are one capture in order
    /// of time; - is standard input. With -i: the words of a capture filter
    #[cfg_attr(
        feature = "live",
        arg(value_name = "CAPTURE", required_unless_present_any = ["interface", "list_interfaces", "fields", "limits"])
    )]
    #[cfg_attr(
        not(feature = "live"),
        arg(value_name = "CAPTURE", required_unless_present_any = ["fields", "limits"])
    )]
    pub(crate) captures: Vec<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[cfg(feature = "live")]
    #[command(flatten)]
    pub(crate) live: LiveArguments,

    /// Write packets to this file: of an interface every one, as pcap, or as pcapng if it is
    /// called so; of captures those of the chosen connections, as pcapng. - is standard
    /// output; rows of an interface go to standard error then
    #[arg(short, long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,

    /// Print a table of the connections and totals, instead of rows
    #[arg(long, group = "view", help_heading = FORM)]
    pub(crate) summary: bool,

    /// Sort the table by number, client, server, url, start, duration, handshake, upgrade,
    /// messages, bytes, rtt or anomalies
    #[arg(
        long,
        value_name = "COLUMN",
        default_value = "number",
        requires = "summary",
        help_heading = FORM
    )]
    pub(crate) sort: SortKey,

    /// Print connection N as a conversation: what each side said, whole
    #[arg(
        long,
        value_name = "N",
        group = "view",
        value_parser = number::<u64>,
        help_heading = FORM
    )]
    pub(crate) follow: Option<u64>,

    /// With --follow: put messages that are JSON on several lines
    #[arg(long, requires = "follow", help_heading = FORM)]
    pub(crate) pretty: bool,

    /// With --follow: write the payload of one side's messages and nothing else
    #[arg(long, value_name = "SIDE", requires = "follow", help_heading = FORM)]
    pub(crate) raw: Option<Side>,

    /// Draw connection N as a sequence diagram
    #[arg(
        long,
        value_name = "N",
        group = "view",
        value_parser = number::<u64>,
        help_heading = FORM
    )]
    pub(crate) ladder: Option<u64>,

    /// Print JSON Lines, one event a line
    #[arg(long, group = "view", help_heading = FORM)]
    pub(crate) json: bool,

    /// Print rows as comma-separated values (RFC 4180), for spreadsheets
    #[arg(long, group = "view", help_heading = FORM)]
    pub(crate) csv: bool,

    /// Write an HTTP archive (HAR 1.2) with the WebSocket messages, as browsers do; - is
    /// standard output
    #[arg(long, value_name = "FILE", group = "view", help_heading = FORM)]
    pub(crate) har: Option<PathBuf>,

    /// Write the payload of each message to a file of its own in DIR
    #[arg(long, value_name = "DIR", group = "view", help_heading = FORM)]
    pub(crate) extract: Option<PathBuf>,

    /// With --extract: write over files that are there already
    #[arg(long, requires = "extract", help_heading = FORM)]
    pub(crate) overwrite: bool,

    /// Print a row a message, not a frame; control frames have rows all the same
    #[arg(long, help_heading = FORM)]
    pub(crate) messages: bool,

    /// Put a hex dump of its payload, unmasked and inflated, under each frame; -xx: with the
    /// fields of its header
    #[arg(
        short = 'x',
        long,
        action = ArgAction::Count,
        conflicts_with_all = VIEWS,
        help_heading = FORM
    )]
    pub(crate) hex: u8,

    /// Show time as relative (to the first packet), utc, local, delta (to the row above) or
    /// epoch
    #[arg(long, value_name = "FORMAT", default_value = "relative", help_heading = FORM)]
    pub(crate) time: TimeFormat,

    /// Colour the rows; auto: on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = FORM)]
    pub(crate) color: ColorChoice,

    /// Keep at most this many bytes of each message [default: what a row shows; with --json
    /// or -x 16 MiB]
    #[arg(long, value_name = "BYTES", value_parser = number::<usize>, help_heading = FORM)]
    pub(crate) max_payload: Option<usize>,

    /// Show only what this display filter is true of: Wireshark's grammar and names of
    /// fields, such as 'websocket.opcode == 1 && tcp.port == 8080'
    #[arg(short = 'Y', long, value_name = "EXPR", help_heading = SELECTION)]
    pub(crate) filter: Option<String>,

    /// List the fields that a display filter may ask for
    #[arg(long, help_heading = SELECTION)]
    pub(crate) fields: bool,

    /// Show every packet and connection, not only those of WebSocket
    #[arg(short, long, help_heading = SELECTION)]
    pub(crate) all: bool,

    /// Show only these types of event: tcp, http, frame, message, anomaly, connection,
    /// packet
    #[arg(long, value_name = "TYPES", value_delimiter = ',', help_heading = SELECTION)]
    pub(crate) only: Vec<EventType>,

    /// Show only this connection, by the number in column #; may be repeated
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        value_parser = number::<u64>,
        help_heading = SELECTION
    )]
    pub(crate) connection: Vec<u64>,

    /// Show only what this side sent: client or server
    #[arg(long, value_name = "SIDE", help_heading = SELECTION)]
    pub(crate) from: Option<Side>,

    /// Show only what came at this time or later: seconds since the first packet, 1m30s, or
    /// 2026-11-21T02:41:28Z
    #[arg(long, value_name = "TIME", help_heading = SELECTION)]
    pub(crate) after: Option<TimeBound>,

    /// Show only what came at this time or earlier
    #[arg(long, value_name = "TIME", help_heading = SELECTION)]
    pub(crate) before: Option<TimeBound>,

    /// Stop after this many packets
    #[arg(short, long, value_name = "N", value_parser = number::<u64>, help_heading = SELECTION)]
    pub(crate) count: Option<u64>,

    /// Spread the work on so many threads, one that decodes and others that render its rows, and
    /// read ahead in files beside them; 1 does all in one [default: as many as there are cores,
    /// for files of 4 MiB and more]
    #[arg(short, long, value_name = "N", value_parser = number::<u16>)]
    pub(crate) jobs: Option<u16>,

    /// Give up large connections, silent ones first, while all together hold more than this;
    /// 2G is 2048
    #[arg(
        long,
        value_name = "MIB",
        default_value = "512",
        value_parser = memory,
        help_heading = LIMITS
    )]
    pub(crate) max_memory: usize,

    /// Forget a connection after so long without a packet; it is told as still open
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "24h",
        value_parser = duration,
        allow_hyphen_values = true,
        help_heading = LIMITS
    )]
    pub(crate) max_idle: Duration,

    /// Set a limit, such as head-bytes=16K; may be repeated, and is stronger than the options
    /// above
    #[arg(long, value_name = "NAME=VALUE", help_heading = LIMITS)]
    pub(crate) limit: Vec<LimitSetting>,

    /// List the limits on what traffic can make wsdump keep: names, defaults, reasons, and
    /// what is said when one is reached
    #[arg(long, help_heading = LIMITS)]
    pub(crate) limits: bool,

    /// Leave out the closing lines on standard error
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Add a table of the connections to the closing lines
    #[arg(short, long, action = ArgAction::SetTrue)]
    pub(crate) verbose: bool,
}

const USAGE: &str = if cfg!(feature = "live") {
    "wsdump [OPTIONS] <CAPTURE>...
       wsdump [OPTIONS] -i <IFACE> [FILTER]...
       wsdump -D
       wsdump check [OPTIONS] <CAPTURE>...
       wsdump diff [OPTIONS] <LEFT> <RIGHT>
       wsdump completions <SHELL>
       wsdump man [COMMAND]"
} else {
    "wsdump [OPTIONS] <CAPTURE>...
       wsdump check [OPTIONS] <CAPTURE>...
       wsdump diff [OPTIONS] <LEFT> <RIGHT>
       wsdump completions <SHELL>
       wsdump man [COMMAND]"
};

/// What is done instead of showing captures.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Check(Box<CheckArguments>),
    Diff(DiffArguments),
    /// Print completions for a shell: bash, zsh, fish, powershell or elvish
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a page of the manual, for man: `wsdump man | man -l -`
    Man {
        /// The subcommand that it is of: check or diff [default: wsdump as a whole]
        command: Option<Page>,
    },
}

/// Subcommands that have a page of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Page {
    Check,
    Diff,
}

/// The script of completions for a shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "wsdump", &mut text);
    text
}

/// A page of the manual.
pub(crate) fn manual(page: Option<Page>) -> io::Result<Vec<u8>> {
    let mut command = Arguments::command();
    // The usage of subcommands names their parent.
    command.build();
    let page = page.map(|page| match page {
        Page::Check => ("check", "wsdump-check"),
        Page::Diff => ("diff", "wsdump-diff"),
    });
    if let Some((name, title)) = page
        && let Some(subcommand) = command.find_subcommand(name)
    {
        command = subcommand.clone().name(title);
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    Ok(text)
}

/// What stands in the place of rows.
const VIEWS: [&str; 7] = [
    "json", "summary", "follow", "ladder", "csv", "har", "extract",
];

const FORM: &str = "Form";
const SELECTION: &str = "Selection";
const LIMITS: &str = "Limits";

const EXAMPLES: &str = "\
Examples:
  wsdump capture.pcap                    the timeline of every WebSocket conversation
  wsdump -x --connection 3 capture.pcap  connection 3 with its payloads in hex
  wsdump --only message,anomaly *.pcap   what was said and what was wrong, over rotated files
  wsdump -Y 'ws.rtt > 50ms' *.pcap       slow answers to a Ping; --fields lists what else there is
  tcpdump -U -w - tcp | wsdump -         a capture from another program
  sudo wsdump -i lo tcp port 8080        what is said on loopback, until Ctrl-C
  wsdump check --baseline chat.json *.pcap  whether what is said is what was said; see check --help
  wsdump --json capture.pcap | jq -r 'select(.type == \"message\") | .text'

Memory: connections hold at most --max-memory together, and rows that wait a few MiB more. With
-i, packets that wait to be decoded take up to 64 MiB, and as much as -B says in the kernel.

Exit status: 0 done, 1 check or diff found something, 2 wsdump could not do what was asked. Broken
traffic is not an error: it is decoded as far as it goes, and each broken rule is a row of its own.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    // When standard output is a terminal and `NO_COLOR` is not set.
    Auto,
    Always,
    Never,
}

impl ColorChoice {
    /// Whether to colour what goes to `screen`.
    pub(crate) fn is_on(self, screen: Screen) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => screen.is_terminal() && environment_allows_color(),
        }
    }
}

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    Client,
    Server,
}

impl From<Side> for Direction {
    fn from(side: Side) -> Self {
        match side {
            Side::Client => Self::ClientToServer,
            Side::Server => Self::ServerToClient,
        }
    }
}

impl Arguments {
    /// The one connection that is shown whole, by its number.
    pub(crate) fn only_connection(&self) -> Option<u64> {
        self.follow.or(self.ladder)
    }

    /// Connections that were asked for by number.
    pub(crate) fn connections(&self) -> impl Iterator<Item = u64> {
        self.connection
            .iter()
            .copied()
            .chain(self.only_connection())
    }

    pub(crate) fn reads_stdin(&self) -> bool {
        !self.sniffs() && self.captures.iter().any(|path| path.as_os_str() == "-")
    }

    /// Whether packets come from an interface.
    #[cfg(feature = "live")]
    pub(crate) fn sniffs(&self) -> bool {
        self.live.interface.is_some()
    }

    #[cfg(not(feature = "live"))]
    #[allow(clippy::unused_self)]
    pub(crate) fn sniffs(&self) -> bool {
        false
    }

    /// Whether something is asked for in the place of rows.
    pub(crate) fn asks_for_view(&self) -> bool {
        self.json
            || self.summary
            || self.follow.is_some()
            || self.ladder.is_some()
            || self.csv
            || self.har.is_some()
            || self.extract.is_some()
    }

    /// Which rows a message and its frames have.
    pub(crate) fn rows(&self) -> Rows {
        match [EventType::Frame, EventType::Message].map(|kind| self.only.contains(&kind)) {
            _ if self.messages => Rows::Messages,
            [true, false] => Rows::Frames,
            [false, true] => Rows::Messages,
            _ => Rows::Joined,
        }
    }

    /// Where rows go.
    pub(crate) fn screen(&self) -> Screen {
        if self.write.as_deref().is_some_and(is_stdout) {
            Screen::Stderr
        } else {
            Screen::Stdout
        }
    }
}

/// Sets limits that were typed.
pub(crate) fn apply(settings: &[LimitSetting], mut limits: Limits) -> Limits {
    for setting in settings {
        setting.apply(&mut limits);
    }
    limits
}

/// Reads a number, with a reason that fits any of them.
pub(crate) fn number<N: FromStr>(text: &str) -> Result<N, &'static str> {
    text.parse().map_err(|_| "a whole number is expected")
}

/// Reads a size such as `512M` or `2G`; a number alone is MiB. Gives bytes.
fn memory(text: &str) -> Result<usize, &'static str> {
    let bytes = if text.ends_with(|c: char| c.is_ascii_digit()) {
        number::<usize>(text)?.checked_mul(1 << 20)
    } else {
        let bytes = Unit::Bytes
            .read(text)
            .ok_or("a number of MiB is expected")?;
        usize::try_from(bytes).ok()
    };
    match bytes {
        Some(bytes) if bytes < 1 << 20 => Err("at least 1 MiB is expected"),
        bytes => bytes.ok_or("no computer has so many MiB"),
    }
}

/// Reads a time such as `90s` or `1h30m`; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    read_duration(text).ok_or("a time above zero is expected, such as 30s, 5m or 1h30m")
}

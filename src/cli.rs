//! The command line: what the user typed, what will be done, and doing it.
//!
//! [`Arguments`] is what was typed; parsing them opens nothing. [`run`] does what they
//! say. Only `main` knows exit codes.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{ArgAction, CommandFactory, Parser, ValueEnum};
use clap_complete::Shell;
use terminal_size::terminal_size_of;
use wsdump::capture::{self, BytesRead};
use wsdump::filter::{FieldList, Filter};
use wsdump::flow::Direction;
use wsdump::report::{
    Chosen, Connections, Csv, Dump, EventType, Follow, FollowStyle, Har, Json, Ladder, LadderStyle,
    Ordered, Overview, RawPayload, Rows, Selection, SortKey, Style, TimeBound, TimeFormat,
    Timeline, View, closing_lines,
};
use wsdump::{Analyzer, Config, Limits, Summary};

#[cfg(not(feature = "live"))]
use crate::decode::FileFilter;
use crate::decode::{Input, Pace, Run, Saving, Tee, chooses};
use crate::extract::{Extract, ToFile};
use crate::packets::{self, Choice, is_stdout};
use crate::progress::Progress;
#[cfg(feature = "live")]
use crate::sniff::FileFilter;
#[cfg(feature = "live")]
use crate::sniff::{self, LiveArguments};

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
        arg(value_name = "CAPTURE", required_unless_present_any = ["interface", "list_interfaces", "fields"])
    )]
    #[cfg_attr(
        not(feature = "live"),
        arg(value_name = "CAPTURE", required_unless_present = "fields")
    )]
    captures: Vec<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,

    #[cfg(feature = "live")]
    #[command(flatten)]
    live: LiveArguments,

    /// Write packets to this file: of an interface every one, as pcap, or as pcapng if it is
    /// called so; of captures those of the chosen connections, as pcapng. - is standard
    /// output; rows of an interface go to standard error then
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,

    /// Print a table of the connections and totals, instead of rows
    #[arg(long, group = "view", help_heading = FORM)]
    summary: bool,

    /// Sort the table by number, client, server, url, start, duration, handshake, upgrade,
    /// messages, bytes, rtt or anomalies
    #[arg(
        long,
        value_name = "COLUMN",
        default_value = "number",
        requires = "summary",
        help_heading = FORM
    )]
    sort: SortKey,

    /// Print connection N as a conversation: what each side said, whole
    #[arg(
        long,
        value_name = "N",
        group = "view",
        value_parser = number::<u64>,
        help_heading = FORM
    )]
    follow: Option<u64>,

    /// With --follow: put messages that are JSON on several lines
    #[arg(long, requires = "follow", help_heading = FORM)]
    pretty: bool,

    /// With --follow: write the payload of one side's messages and nothing else
    #[arg(long, value_name = "SIDE", requires = "follow", help_heading = FORM)]
    raw: Option<Side>,

    /// Draw connection N as a sequence diagram
    #[arg(
        long,
        value_name = "N",
        group = "view",
        value_parser = number::<u64>,
        help_heading = FORM
    )]
    ladder: Option<u64>,

    /// Print JSON Lines, one event a line
    #[arg(long, group = "view", help_heading = FORM)]
    json: bool,

    /// Print rows as comma-separated values (RFC 4180), for spreadsheets
    #[arg(long, group = "view", help_heading = FORM)]
    csv: bool,

    /// Write an HTTP archive (HAR 1.2) with the WebSocket messages, as browsers do; - is
    /// standard output
    #[arg(long, value_name = "FILE", group = "view", help_heading = FORM)]
    har: Option<PathBuf>,

    /// Write the payload of each message to a file of its own in DIR
    #[arg(long, value_name = "DIR", group = "view", help_heading = FORM)]
    extract: Option<PathBuf>,

    /// With --extract: write over files that are there already
    #[arg(long, requires = "extract", help_heading = FORM)]
    overwrite: bool,

    /// Print a row a message, not a frame; control frames have rows all the same
    #[arg(long, help_heading = FORM)]
    messages: bool,

    /// Put a hex dump of its payload, unmasked and inflated, under each frame; -xx: with the
    /// fields of its header
    #[arg(
        short = 'x',
        long,
        action = ArgAction::Count,
        conflicts_with_all = VIEWS,
        help_heading = FORM
    )]
    hex: u8,

    /// Show time as relative (to the first packet), utc, local, delta (to the row above) or
    /// epoch
    #[arg(long, value_name = "FORMAT", default_value = "relative", help_heading = FORM)]
    time: TimeFormat,

    /// Colour the rows; auto: on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = FORM)]
    color: ColorChoice,

    /// Keep at most this many bytes of each message [default: what a row shows; with --json
    /// or -x 16 MiB]
    #[arg(long, value_name = "BYTES", value_parser = number::<usize>, help_heading = FORM)]
    max_payload: Option<usize>,

    /// Show only what this display filter is true of: Wireshark's grammar and names of
    /// fields, such as 'websocket.opcode == 1 && tcp.port == 8080'
    #[arg(short = 'Y', long, value_name = "EXPR", help_heading = SELECTION)]
    filter: Option<String>,

    /// List the fields that a display filter may ask for
    #[arg(long, help_heading = SELECTION)]
    fields: bool,

    /// Show every packet and connection, not only those of WebSocket
    #[arg(short, long, help_heading = SELECTION)]
    all: bool,

    /// Show only these types of event: tcp, http, frame, message, anomaly, connection,
    /// packet
    #[arg(long, value_name = "TYPES", value_delimiter = ',', help_heading = SELECTION)]
    only: Vec<EventType>,

    /// Show only this connection, by the number in column #; may be repeated
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        value_parser = number::<u64>,
        help_heading = SELECTION
    )]
    connection: Vec<u64>,

    /// Show only what this side sent: client or server
    #[arg(long, value_name = "SIDE", help_heading = SELECTION)]
    from: Option<Side>,

    /// Show only what came at this time or later: seconds since the first packet, 1m30s, or
    /// 2026-11-21T02:41:28Z
    #[arg(long, value_name = "TIME", help_heading = SELECTION)]
    after: Option<TimeBound>,

    /// Show only what came at this time or earlier
    #[arg(long, value_name = "TIME", help_heading = SELECTION)]
    before: Option<TimeBound>,

    /// Stop after this many packets
    #[arg(short, long, value_name = "N", value_parser = number::<u64>, help_heading = SELECTION)]
    count: Option<u64>,

    /// Give up large connections, silent ones first, while all together hold more than this
    #[arg(
        long,
        value_name = "MIB",
        default_value = "512",
        value_parser = mebibytes,
        help_heading = LIMITS
    )]
    max_memory: usize,

    /// Forget a connection after so long without a packet; it is told as still open
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "24h",
        value_parser = duration,
        allow_hyphen_values = true,
        help_heading = LIMITS
    )]
    max_idle: Duration,

    /// Leave out the closing lines on standard error
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Add a table of the connections to the closing lines
    #[arg(short, long, action = ArgAction::SetTrue)]
    verbose: bool,
}

const USAGE: &str = if cfg!(feature = "live") {
    "wsdump [OPTIONS] <CAPTURE>...\n       wsdump [OPTIONS] -i <IFACE> [FILTER]...\n       wsdump -D\n       wsdump completions <SHELL>\n       wsdump man"
} else {
    "wsdump [OPTIONS] <CAPTURE>...\n       wsdump completions <SHELL>\n       wsdump man"
};

/// What is done instead of showing captures.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print completions for a shell: bash, zsh, fish, powershell or elvish
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, for man: `wsdump man | man -l -`
    Man,
}

impl Command {
    fn text(&self) -> io::Result<Vec<u8>> {
        let mut command = Arguments::command();
        let mut text = Vec::new();
        match self {
            Self::Completions { shell } => {
                clap_complete::generate(*shell, &mut command, "wsdump", &mut text);
            }
            Self::Man => clap_mangen::Man::new(command).render(&mut text)?,
        }
        Ok(text)
    }
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
  wsdump --json capture.pcap | jq -r 'select(.type == \"message\") | .text'

Memory: connections hold at most --max-memory together, and rows that wait a few MiB more. With
-i, packets that wait to be decoded take up to 64 MiB, and as much as -B says in the kernel.

Exit status: 0 done, 2 wsdump could not do what was asked. Broken traffic is not an error: it
is decoded as far as it goes, and each broken rule is a row of its own.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ColorChoice {
    // When standard output is a terminal and `NO_COLOR` is not set.
    Auto,
    Always,
    Never,
}

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
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
    /// Connections that were asked for by number.
    fn connections(&self) -> impl Iterator<Item = u64> {
        let one = self.follow.or(self.ladder);
        self.connection.iter().copied().chain(one)
    }

    fn reads_stdin(&self) -> bool {
        !self.sniffs() && self.captures.iter().any(|path| path.as_os_str() == "-")
    }

    /// Whether packets come from an interface.
    #[cfg(feature = "live")]
    fn sniffs(&self) -> bool {
        self.live.interface.is_some()
    }

    #[cfg(not(feature = "live"))]
    #[allow(clippy::unused_self)]
    fn sniffs(&self) -> bool {
        false
    }

    /// Which rows a message and its frames have.
    fn rows(&self) -> Rows {
        match [EventType::Frame, EventType::Message].map(|kind| self.only.contains(&kind)) {
            _ if self.messages => Rows::Messages,
            [true, false] => Rows::Frames,
            [false, true] => Rows::Messages,
            _ => Rows::Joined,
        }
    }

    /// Where rows go.
    fn screen(&self) -> Screen {
        if self.write.as_deref().is_some_and(is_stdout) {
            Screen::Stderr
        } else {
            Screen::Stdout
        }
    }
}

/// Reads a number, with a reason that fits any of them.
fn number<N: FromStr>(text: &str) -> Result<N, &'static str> {
    text.parse().map_err(|_| "a whole number is expected")
}

/// Reads a number of MiB; gives bytes.
fn mebibytes(text: &str) -> Result<usize, &'static str> {
    match number::<usize>(text)? {
        0 => Err("at least 1 MiB is expected"),
        count => count
            .checked_mul(1 << 20)
            .ok_or("no computer has so many MiB"),
    }
}

/// Reads a time such as `90s` or `1h30m`; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "a time above zero is expected, such as 30s, 5m or 1h30m";
    let duration = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let duration: jiff::SignedDuration = text.parse().map_err(|_| EXPECTED)?;
        Duration::try_from(duration).map_err(|_| EXPECTED)?
    };
    if duration.is_zero() {
        Err(EXPECTED)
    } else {
        Ok(duration)
    }
}

/// How long rows from a pipe wait for another connection that may have to be told first.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same for rows of an interface, which somebody watches.
const SNIFFING_PATIENCE: Duration = Duration::from_millis(30);

/// Bytes of a payload that a row may need, where no width limits it.
const ROW_PAYLOAD: usize = 1024;

/// Does what the arguments say.
///
/// # Errors
///
/// What kept it from being done, for standard error: captures that could not be read (all
/// that could be decoded was printed before), or an output that could not be written.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(command) = &arguments.command {
        io::stdout()
            .write_all(&command.text()?)
            .context(NO_STDOUT)?;
        return Ok(());
    }
    #[cfg(feature = "live")]
    if arguments.live.list_interfaces {
        writeln!(io::stdout(), "{}", sniff::list()?).context(NO_STDOUT)?;
        return Ok(());
    }
    if arguments.fields {
        write!(io::stdout(), "{FieldList}").context(NO_STDOUT)?;
        return Ok(());
    }
    let filter = arguments.filter.as_deref().map(Filter::parse).transpose()?;
    let plan = Plan {
        arguments,
        screen: arguments.screen(),
        kept_payload: kept_payload(arguments, filter.as_ref()),
    };
    let selection = plan.selection(filter);
    plan.run(selection)
}

/// What is read is not written over, however it is named.
fn refuse_captures(output: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let Ok(real) = output.canonicalize() else {
        // Not there yet.
        return Ok(());
    };
    let mut captures = arguments.captures.iter();
    if !arguments.sniffs()
        && captures.any(|capture| capture.canonicalize().is_ok_and(|capture| capture == real))
    {
        bail!("{}: this is the capture to read", output.display());
    }
    Ok(())
}

/// Columns of a ladder that goes to no terminal.
const LADDER_WIDTH: usize = 100;

/// `NO_COLOR` forbids it when set to anything but nothing, and a dumb terminal has none.
fn environment_allows_color() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// What is decoded, once it is open.
struct Opened {
    input: Input,
    saving: Saving,
    progress: Option<Progress>,
}

/// A run as it was asked for.
struct Plan<'a> {
    arguments: &'a Arguments,
    screen: Screen,
    /// Bytes of a message that are kept.
    kept_payload: usize,
}

impl Plan<'_> {
    /// Shows what was chosen, in the form that was asked for.
    fn run(&self, selection: Selection) -> anyhow::Result<()> {
        let arguments = self.arguments;
        let is_terminal = self.screen.is_terminal();
        let width = self.screen.width().filter(|_| is_terminal);
        let color = match arguments.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && environment_allows_color(),
        };
        if let Some(path) = &arguments.write {
            if is_stdout(path) && io::stdout().is_terminal() {
                bail!(
                    "-w - writes packets, which no terminal can show; pipe them into a program, or \
                     name a file"
                );
            }
            if !arguments.sniffs() {
                return self.write_packets(path, selection);
            }
        }
        if arguments.json {
            return self.show(&mut Ordered::new(Json::new(), selection));
        }
        if let Some(path) = &arguments.har {
            if is_stdout(path) {
                return self.show(&mut Chosen::new(Har::new(), selection));
            }
            refuse_captures(path, arguments)?;
            let opened = self.open()?;
            let har = ToFile::create(path, Har::new())?;
            return self.show_opened(opened, &mut Chosen::new(har, selection));
        }
        if let Some(directory) = &arguments.extract {
            let opened = self.open()?;
            let mut extract = Extract::new(directory, arguments.overwrite, selection)?;
            return self.show_opened(opened, &mut extract);
        }
        if arguments.summary {
            let overview = Overview::new(arguments.sort, width);
            return self.show(&mut Chosen::new(overview, selection));
        }
        if let (Some(number), Some(side)) = (arguments.follow, arguments.raw) {
            return self.show(&mut RawPayload::new(number, side.into()));
        }
        if arguments.follow.is_some() {
            let follow = Follow::new(FollowStyle {
                color,
                time: arguments.time,
                pretty: arguments.pretty,
            });
            return self.show(&mut Ordered::new(follow, selection));
        }
        if arguments.ladder.is_some() {
            let ladder = Ladder::new(LadderStyle {
                width: width.map_or(LADDER_WIDTH, usize::from),
                color,
            });
            return self.show(&mut Ordered::new(ladder, selection));
        }
        let rows = arguments.rows();
        if arguments.csv {
            let csv = Csv::new(arguments.time, rows, arguments.all);
            return self.show(&mut Ordered::new(csv, selection));
        }
        let timeline = Timeline::new(Style {
            width: width.map(usize::from),
            color,
            time: arguments.time,
            dump: match arguments.hex {
                0 => Dump::None,
                1 => Dump::Payload,
                _ => Dump::HeaderAndPayload,
            },
            all: arguments.all,
            rows,
        });
        self.show(&mut Ordered::new(timeline, selection))
    }

    /// What the arguments choose.
    fn selection(&self, filter: Option<Filter>) -> Selection {
        let arguments = self.arguments;
        let shown = shown_payload(arguments);
        Selection {
            types: arguments.only.iter().copied().collect(),
            connections: arguments.connections().collect(),
            from: arguments.from.map(Direction::from),
            messages: arguments.messages,
            after: arguments.after,
            before: arguments.before,
            filter,
            max_payload: (self.kept_payload > shown).then_some(shown),
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            max_message_bytes: self.kept_payload,
            max_memory: self.arguments.max_memory,
            max_idle: self.arguments.max_idle,
            ..Limits::default()
        }
    }

    /// Writes the packets of the chosen connections.
    fn write_packets(&self, path: &Path, selection: Selection) -> anyhow::Result<()> {
        let arguments = self.arguments;
        if arguments.reads_stdin() {
            bail!("-w reads its captures twice, and standard input cannot be; name a file");
        }
        refuse_captures(path, arguments)?;
        let opened = self.open()?;
        // A file that cannot be written is said before the work, and not after it.
        let mut saver = packets::create(path)?;
        let mut choice = Choice::new(selection);
        let shown = self.show_opened(opened, &mut choice);
        let read = BytesRead::default();
        let mut source = capture::open_all_counted(&arguments.captures, &read)?;
        let progress = Progress::of(&arguments.captures, read);
        let mut filter = file_filter(arguments);
        let report = choice.write(
            &mut *source,
            self.config(),
            arguments.count.unwrap_or(u64::MAX),
            |packet| chooses(&mut filter, packet),
            &mut saver,
        )?;
        drop(progress);
        if !arguments.quiet {
            let _ = writeln!(io::stderr(), "{report}");
        }
        shown
    }

    fn config(&self) -> Config {
        Config {
            all: self.arguments.all,
            limits: self.limits(),
            patience: if self.arguments.sniffs() {
                Some(SNIFFING_PATIENCE)
            } else {
                // Whoever feeds a pipe may be capturing right now.
                self.arguments.reads_stdin().then_some(PATIENCE)
            },
        }
    }

    /// Decodes the captures and shows them.
    fn show(&self, view: &mut dyn View) -> anyhow::Result<()> {
        self.show_opened(self.open()?, view)
    }

    /// Opens what is decoded. Files are written after that, so that none is when a capture
    /// cannot be read.
    fn open(&self) -> anyhow::Result<Opened> {
        let arguments = self.arguments;
        if arguments.reads_stdin() && io::stdin().is_terminal() {
            bail!("standard input is a terminal; pipe a capture into wsdump, or name a file");
        }
        let read = BytesRead::default();
        let (input, saving) = open(arguments, &read)?;
        let progress = Progress::of(&arguments.captures, read).filter(|_| !arguments.sniffs());
        Ok(Opened {
            input,
            saving,
            progress,
        })
    }

    fn show_opened(&self, opened: Opened, view: &mut dyn View) -> anyhow::Result<()> {
        let arguments = self.arguments;
        let Opened {
            input,
            saving,
            progress,
        } = opened;
        let mut run = Run {
            input,
            filter: file_filter(arguments),
            saving,
            analyzer: Analyzer::new(self.config()),
            sink: Tee {
                view,
                connections: (arguments.verbose || arguments.sniffs()).then(Connections::default),
                wanted: arguments.follow.or(arguments.ladder),
                seen: false,
            },
            pace: if arguments.sniffs() {
                Pace::Quiet
            } else if arguments.reads_stdin() || self.screen.is_terminal() {
                Pace::Packet
            } else {
                Pace::Bulk
            },
            max_packets: arguments.count.unwrap_or(u64::MAX),
            errors: Vec::new(),
        };
        self.screen.write(progress, |mut out| run.run(&mut out))?;

        let summary = run.analyzer.summary();
        if !arguments.quiet {
            conclude(&summary, &run, arguments);
        }
        if let Some(number) = arguments.follow.or(arguments.ladder) {
            check_shown(number, &summary, &run)?;
        }
        report_errors(&summary, &run.errors)
    }
}

/// Whether the one connection that was asked for was there to be shown.
fn check_shown(number: u64, summary: &Summary, run: &Run<'_>) -> anyhow::Result<()> {
    let last = summary.tcp_connections;
    if number > last || number == 0 {
        bail!("no connection {number}: the last one is {last}");
    }
    if !run.sink.seen {
        bail!("connection {number} carries no WebSocket; -a shows it all the same");
    }
    Ok(())
}

/// Bytes of a payload that are kept. A filter that asks for payloads sees them whole, however
/// little of them is shown.
fn kept_payload(arguments: &Arguments, filter: Option<&Filter>) -> usize {
    let shown = shown_payload(arguments);
    if filter.is_some_and(Filter::needs_payload) {
        shown.max(Limits::default().max_message_bytes)
    } else {
        shown
    }
}

/// Bytes of a payload that are shown at most.
fn shown_payload(arguments: &Arguments) -> usize {
    let whole = arguments.json
        || arguments.hex > 0
        || arguments.follow.is_some()
        || arguments.har.is_some()
        || arguments.extract.is_some();
    let wanted = if whole {
        Limits::default().max_message_bytes
    } else if arguments.summary {
        0
    } else {
        ROW_PAYLOAD
    };
    arguments.max_payload.unwrap_or(wanted)
}

/// Opens what is decoded, and where it is saved.
#[cfg(feature = "live")]
fn open(arguments: &Arguments, read: &BytesRead) -> anyhow::Result<(Input, Saving)> {
    let Some(interface) = &arguments.live.interface else {
        let source = capture::open_all_counted(&arguments.captures, read)?;
        return Ok((Input::Files(source), Saving::default()));
    };
    let words = arguments.captures.iter().map(|word| word.to_string_lossy());
    let words: Vec<_> = words.map(String::from).collect();
    let sniffing = arguments
        .live
        .open(interface, &words, arguments.write.as_deref())?;
    if arguments.verbose {
        let _ = writeln!(io::stderr(), "wsdump: running {}", sniffing.privileges);
    }
    if !arguments.quiet {
        let _ = writeln!(io::stderr(), "wsdump: {}", sniffing.opening_line);
    }
    Ok((
        Input::Interface(sniffing.capture),
        Saving::new(sniffing.saver),
    ))
}

#[cfg(not(feature = "live"))]
fn open(arguments: &Arguments, read: &BytesRead) -> anyhow::Result<(Input, Saving)> {
    let source = capture::open_all_counted(&arguments.captures, read)?;
    Ok((Input::Files(source), Saving::default()))
}

/// The filter for packets of files.
#[cfg(feature = "live")]
fn file_filter(arguments: &Arguments) -> Option<FileFilter> {
    let filter = arguments.live.bpf.clone().map(FileFilter::new);
    filter.filter(|_| !arguments.sniffs())
}

#[cfg(not(feature = "live"))]
fn file_filter(_: &Arguments) -> Option<FileFilter> {
    None
}

/// Says on standard error what was seen. That it cannot be written there is no failure.
fn conclude(summary: &Summary, run: &Run<'_>, arguments: &Arguments) {
    let mut err = io::stderr().lock();
    if arguments.sniffs() && io::stderr().is_terminal() {
        // The terminal has put ^C at the start of this line.
        let _ = writeln!(err);
    }
    let connections = run.sink.connections.as_ref();
    if let Some(connections) = connections.filter(|connections| !connections.is_empty()) {
        let _ = writeln!(err, "{}", connections.table(Screen::Stderr.width()));
    }
    let mut lines = closing_lines(summary);
    if let (true, Some(first)) = (arguments.count == Some(summary.packets), lines.first_mut()) {
        first.push_str(" (stopped there, as asked)");
    }
    let last = summary.tcp_connections;
    for number in arguments.connection.iter().filter(|number| **number > last) {
        lines.push(format!("no connection {number}: the last one is {last}"));
    }
    lines.extend(run.input.closing_line());
    lines.extend(run.saving.closing_line.clone());
    for line in lines {
        let _ = writeln!(err, "{line}");
    }
}

fn report_errors(summary: &Summary, errors: &[anyhow::Error]) -> anyhow::Result<()> {
    if let Some((link_type, _)) = summary.only_unsupported() {
        bail!(
            "cannot read packets of link type {link_type}: no packet of the capture could be \
             decoded. wsdump reads Ethernet, Linux cooked (v1, v2), BSD loopback, raw IP and PPP"
        );
    }
    if errors.is_empty() {
        return Ok(());
    }
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    // Each on a line of its own that says who speaks, as `main` begins the first.
    bail!("{}", messages.join("\nwsdump: "))
}

/// What went wrong when rows, or what was asked for instead, cannot be put out.
pub(crate) const NO_STDOUT: &str = "standard output cannot be written";

/// Where rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Screen {
    Stdout,
    /// Packets take standard output.
    Stderr,
}

impl Screen {
    fn is_terminal(self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
        }
    }

    /// Columns of the terminal; `None` where there is none.
    fn width(self) -> Option<u16> {
        let size = match self {
            Self::Stdout => terminal_size_of(io::stdout()),
            Self::Stderr => terminal_size_of(io::stderr()),
        };
        size.map(|(width, _)| width.0)
    }

    /// Lends the buffered output to `write`. Its errors say which output it is.
    /// A bar of progress is there until the first row is on the same terminal, or until the end.
    fn write<T>(self, progress: Option<Progress>, write: impl FnOnce(&mut dyn Write) -> T) -> T {
        const BUFFER: usize = 64 << 10;
        let is_terminal = self.is_terminal();
        let (in_the_way, beside) = if is_terminal {
            (progress, None)
        } else {
            (None, progress)
        };
        let told = match self {
            Self::Stdout => {
                let out = Named(io::stdout().lock(), NO_STDOUT, in_the_way);
                write(&mut BufWriter::with_capacity(BUFFER, out))
            }
            // Others have something to say there, too.
            Self::Stderr => {
                let out = Named(io::stderr(), "standard error cannot be written", in_the_way);
                write(&mut BufWriter::with_capacity(BUFFER, out))
            }
        };
        drop(beside);
        told
    }
}

/// An output whose errors begin with these words, and what is in its way until something is
/// written.
struct Named<W>(W, &'static str, Option<Progress>);

impl<W> Named<W> {
    fn named<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.1)))
    }
}

impl<W: Write> Write for Named<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.2 = None;
        let written = self.0.write(bytes);
        self.named(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.0.flush();
        self.named(flushed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_as_the_library_has_it() {
        let arguments = Arguments::try_parse_from(["wsdump", "--json", "capture.pcap"]);
        let limits = arguments.map(|arguments| {
            let plan = Plan {
                arguments: &arguments,
                screen: Screen::Stdout,
                kept_payload: kept_payload(&arguments, None),
            };
            plan.limits()
        });
        let shown = limits.map(|limits| format!("{limits:?}"));
        let expected = format!("{:?}", Limits::default());
        assert_eq!(shown.ok(), Some(expected));
    }

    #[test]
    fn a_time_is_greater_than_zero() {
        for (text, seconds) in [
            ("24h", Some(86_400)),
            ("30m", Some(1_800)),
            ("90s", Some(90)),
            ("1h 30m", Some(5_400)),
            ("PT1H", Some(3_600)),
            ("90", Some(90)),
            ("0s", None),
            ("-1h", None),
            ("1h ago", None),
            ("99999999999999999h", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
    }
}

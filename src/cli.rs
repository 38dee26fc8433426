//! The command line: what the user typed, what will be done, and doing it.
//!
//! [`Arguments`] is what was typed; parsing them opens nothing. [`run`] does what they
//! say. Only `main` knows exit codes.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{ArgAction, Parser, ValueEnum};
use terminal_size::terminal_size_of;
use wsdump::capture;
use wsdump::filter::{FieldList, Filter};
use wsdump::report::{
    Connections, EventType, Json, Ordered, Printer, Rows, Selection, Style, TimeFormat, Timeline,
    closing_lines,
};
use wsdump::{Analyzer, Config, Limits, Summary};

#[cfg(not(feature = "live"))]
use crate::decode::FileFilter;
use crate::decode::{Input, Pace, Run, Saving, Tee};
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
    after_help = EXAMPLES
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

    #[cfg(feature = "live")]
    #[command(flatten)]
    live: LiveArguments,

    /// Print JSON Lines, one event a line
    #[arg(long, help_heading = FORM)]
    json: bool,

    /// Put a hex dump of its payload, unmasked and inflated, under each frame
    #[arg(short = 'x', long, conflicts_with = "json", help_heading = FORM)]
    hex: bool,

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

    /// Stop after this many packets
    #[arg(short, long, value_name = "N", value_parser = number::<u64>, help_heading = SELECTION)]
    count: Option<u64>,

    /// Leave out the closing lines on standard error
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Add a table of the connections to the closing lines
    #[arg(short, long, action = ArgAction::SetTrue)]
    verbose: bool,
}

const USAGE: &str = if cfg!(feature = "live") {
    "wsdump [OPTIONS] <CAPTURE>...\n       wsdump [OPTIONS] -i <IFACE> [FILTER]...\n       wsdump -D"
} else {
    "wsdump [OPTIONS] <CAPTURE>..."
};

const FORM: &str = "Form";
const SELECTION: &str = "Selection";

const EXAMPLES: &str = "\
Examples:
  wsdump capture.pcap                    the timeline of every WebSocket conversation
  wsdump -x --connection 3 capture.pcap  connection 3 with its payloads in hex
  wsdump --only message,anomaly *.pcap   what was said and what was wrong, over rotated files
  wsdump -Y 'ws.rtt > 50ms' *.pcap       slow answers to a Ping; --fields lists what else there is
  tcpdump -U -w - tcp | wsdump -         a capture from another program
  sudo wsdump -i lo tcp port 8080        what is said on loopback, until Ctrl-C
  wsdump --json capture.pcap | jq -r 'select(.type == \"message\") | .text'

Exit status: 0 done, 2 wsdump could not do what was asked. Broken traffic is not an error: it
is decoded as far as it goes, and each broken rule is a row of its own.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ColorChoice {
    // When standard output is a terminal and `NO_COLOR` is not set.
    Auto,
    Always,
    Never,
}

impl Arguments {
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

    /// Where rows go.
    #[cfg_attr(not(feature = "live"), allow(clippy::unused_self))]
    fn screen(&self) -> Screen {
        #[cfg(feature = "live")]
        if self.live.save.takes_stdout() {
            return Screen::Stderr;
        }
        Screen::Stdout
    }
}

/// Reads a number, with a reason that fits any of them.
fn number<N: FromStr>(text: &str) -> Result<N, &'static str> {
    text.parse().map_err(|_| "a whole number is expected")
}

/// Reads a time such as `90s` or `1h30m`; a number alone is seconds.
#[cfg(feature = "live")]
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
    let screen = arguments.screen();
    if arguments.json {
        return print(Json::new(), arguments, filter, screen);
    }
    let is_terminal = screen.is_terminal();
    let timeline = Timeline::new(Style {
        width: screen.width().filter(|_| is_terminal).map(usize::from),
        color: match arguments.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && environment_allows_color(),
        },
        time: arguments.time,
        hex: arguments.hex,
        all: arguments.all,
        rows: match [EventType::Frame, EventType::Message]
            .map(|kind| arguments.only.contains(&kind))
        {
            [true, false] => Rows::Frames,
            [false, true] => Rows::Messages,
            _ => Rows::Joined,
        },
    });
    print(timeline, arguments, filter, screen)
}

/// `NO_COLOR` forbids it when set to anything but nothing, and a dumb terminal has none.
fn environment_allows_color() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Decodes the captures and prints them.
fn print<P: Printer>(
    printer: P,
    arguments: &Arguments,
    display_filter: Option<Filter>,
    screen: Screen,
) -> anyhow::Result<()> {
    let from_stdin = arguments.reads_stdin();
    if from_stdin && io::stdin().is_terminal() {
        bail!("standard input is a terminal; pipe a capture into wsdump, or name a file");
    }
    let whole_payloads = display_filter.as_ref().is_some_and(Filter::needs_payload);
    let (input, saving) = open(arguments)?;
    let mut run = Run {
        input,
        filter: file_filter(arguments),
        saving,
        analyzer: Analyzer::new(Config {
            all: arguments.all,
            limits: limits(arguments, whole_payloads),
            patience: if arguments.sniffs() {
                Some(SNIFFING_PATIENCE)
            } else {
                // Whoever feeds a pipe may be capturing right now.
                from_stdin.then_some(PATIENCE)
            },
        }),
        sink: Tee {
            rows: Ordered::new(
                printer,
                Selection {
                    types: arguments.only.iter().copied().collect(),
                    connections: arguments.connection.iter().copied().collect(),
                    filter: display_filter,
                    max_payload: whole_payloads.then(|| shown_payload(arguments)),
                },
            ),
            connections: (arguments.verbose || arguments.sniffs()).then(Connections::default),
        },
        pace: if arguments.sniffs() {
            Pace::Quiet
        } else if from_stdin || screen.is_terminal() {
            Pace::Packet
        } else {
            Pace::Bulk
        },
        max_packets: arguments.count.unwrap_or(u64::MAX),
        errors: Vec::new(),
    };
    let told = screen.write(|mut out| run.run(&mut out));
    told.context(match screen {
        Screen::Stdout => NO_STDOUT,
        Screen::Stderr => "standard error cannot be written",
    })?;

    let summary = run.analyzer.summary();
    if !arguments.quiet {
        conclude(&summary, &run, arguments);
    }
    report_errors(&summary, &run.errors)
}

/// Bounds on memory. A filter that asks for payloads sees them whole, however little of them
/// is shown.
fn limits(arguments: &Arguments, whole_payloads: bool) -> Limits {
    let defaults = Limits::default();
    let shown = shown_payload(arguments);
    Limits {
        max_message_bytes: if whole_payloads {
            shown.max(defaults.max_message_bytes)
        } else {
            shown
        },
        ..defaults
    }
}

/// Bytes of a payload that are shown at most.
fn shown_payload(arguments: &Arguments) -> usize {
    let wanted = if arguments.json || arguments.hex {
        Limits::default().max_message_bytes
    } else {
        ROW_PAYLOAD
    };
    arguments.max_payload.unwrap_or(wanted)
}

/// Opens what is decoded, and where it is saved.
#[cfg(feature = "live")]
fn open(arguments: &Arguments) -> anyhow::Result<(Input, Saving)> {
    let Some(interface) = &arguments.live.interface else {
        let source = capture::open_all(&arguments.captures)?;
        return Ok((Input::Files(source), Saving::default()));
    };
    let words = arguments.captures.iter().map(|word| word.to_string_lossy());
    let words: Vec<_> = words.map(String::from).collect();
    let sniffing = arguments.live.open(interface, &words)?;
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
fn open(arguments: &Arguments) -> anyhow::Result<(Input, Saving)> {
    let source = capture::open_all(&arguments.captures)?;
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
fn conclude<P>(summary: &Summary, run: &Run<P>, arguments: &Arguments) {
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

    /// Lends the buffered output to `write`.
    fn write<T>(self, write: impl FnOnce(&mut dyn Write) -> T) -> T {
        const BUFFER: usize = 64 << 10;
        match self {
            Self::Stdout => write(&mut BufWriter::with_capacity(BUFFER, io::stdout().lock())),
            // Others have something to say there, too.
            Self::Stderr => write(&mut BufWriter::with_capacity(BUFFER, io::stderr())),
        }
    }
}

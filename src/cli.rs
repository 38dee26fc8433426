//! The command line: what the user typed, what will be done, and doing it.
//!
//! [`Arguments`] is what was typed; parsing them opens nothing. [`run`] does what they
//! say. Only `main` knows exit codes.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::bail;
use clap::{ArgAction, Parser, ValueEnum};
use jiff::SignedDuration;
#[cfg(feature = "live")]
use wsdump::capture::live::LiveCapture;
use wsdump::capture::{self, Next, PacketSource};
use wsdump::event::{Event, EventSink, OtherPacket};
use wsdump::report::{
    Connections, EventType, Json, Ordered, Printer, Rows, Selection, Style, TimeFormat, Timeline,
    closing_lines,
};
use wsdump::{Analyzer, Config, Limits, Summary};

#[cfg(feature = "live")]
use crate::sniff::{self, FileFilter, LiveArguments};

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
        arg(value_name = "CAPTURE", required_unless_present_any = ["interface", "list_interfaces"])
    )]
    #[cfg_attr(not(feature = "live"), arg(value_name = "CAPTURE", required = true))]
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
    "wsdump [OPTIONS] <CAPTURE>...\n       wsdump [OPTIONS] -i <IFACE> [FILTER]...\n       wsdump -D"
} else {
    "wsdump [OPTIONS] <CAPTURE>..."
};

const FORM: &str = "Form";
const SELECTION: &str = "Selection";
const LIMITS: &str = "Limits";

const EXAMPLES: &str = "\
Examples:
  wsdump capture.pcap                    the timeline of every WebSocket conversation
  wsdump -x --connection 3 capture.pcap  connection 3 with its payloads in hex
  wsdump --only message,anomaly *.pcap   what was said and what was wrong, over rotated files
  tcpdump -U -w - tcp | wsdump -         a capture from another program
  sudo wsdump -i lo tcp port 8080        what is said on loopback, until Ctrl-C
  wsdump --json capture.pcap | jq -r 'select(.type == \"message\") | .text'

Memory: connections hold at most --max-memory together, and rows that wait a few MiB more. With
-i, packets that wait to be decoded take up to 64 MiB, and up to 16 MiB in the kernel.

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

/// Reads a duration with its units, as `24h`, `1h 30m` or `90s`.
fn duration(text: &str) -> Result<Duration, &'static str> {
    let signed: SignedDuration = text
        .parse()
        .map_err(|_| "a duration is expected, as 24h, 30m or 90s")?;
    let duration = Duration::try_from(signed).ok();
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or("a duration greater than zero is expected")
}

/// How long rows from a pipe wait for another connection that may have to be told first.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same for rows of an interface, which somebody watches.
const SNIFFING_PATIENCE: Duration = Duration::from_millis(50);

/// With no packet for so long, all rows are shown.
const SILENCE: Duration = Duration::from_millis(50);

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
        writeln!(io::stdout(), "{}", sniff::list()?)?;
        return Ok(());
    }
    if arguments.json {
        return print(Json::new(), arguments);
    }
    let stdout_is_terminal = io::stdout().is_terminal();
    let width = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into());
    let timeline = Timeline::new(Style {
        width: width.filter(|_| stdout_is_terminal),
        color: match arguments.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => stdout_is_terminal && environment_allows_color(),
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
    print(timeline, arguments)
}

/// `NO_COLOR` forbids it when set to anything but nothing, and a dumb terminal has none.
fn environment_allows_color() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Decodes the captures and prints them.
fn print<P: Printer>(printer: P, arguments: &Arguments) -> anyhow::Result<()> {
    let from_stdin = arguments.reads_stdin();
    if from_stdin && io::stdin().is_terminal() {
        bail!("standard input is a terminal; pipe a capture into wsdump, or name a file");
    }
    let mut input = Input::open(arguments)?;
    let mut analyzer = Analyzer::new(Config {
        all: arguments.all,
        limits: limits(arguments),
        patience: if arguments.sniffs() {
            Some(SNIFFING_PATIENCE)
        } else {
            // Whoever feeds a pipe may be capturing right now.
            from_stdin.then_some(PATIENCE)
        },
    });
    let mut sink = Tee {
        rows: Ordered::new(
            printer,
            Selection {
                types: arguments.only.iter().copied().collect(),
                connections: arguments.connection.iter().copied().collect(),
            },
        ),
        connections: (arguments.verbose || arguments.sniffs()).then(Connections::default),
    };
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let outcome = decode(&mut input, &mut analyzer, &mut sink, &mut out, arguments);
    out.flush()?;
    let errors = outcome?;

    let summary = analyzer.summary();
    if !arguments.quiet {
        conclude(&summary, sink.connections.as_ref(), arguments);
        input.conclude();
    }
    report_errors(&summary, &errors)
}

fn limits(arguments: &Arguments) -> Limits {
    let defaults = Limits::default();
    let wanted = if arguments.json || arguments.hex {
        defaults.max_message_bytes
    } else {
        ROW_PAYLOAD
    };
    Limits {
        max_message_bytes: arguments.max_payload.unwrap_or(wanted),
        max_memory: arguments.max_memory,
        max_idle: arguments.max_idle,
        ..defaults
    }
}

/// Where packets come from.
enum Input {
    Files(Box<dyn PacketSource + Send>, Option<FileFilter>),
    #[cfg(feature = "live")]
    Interface(LiveCapture),
}

impl Input {
    #[cfg(feature = "live")]
    fn open(arguments: &Arguments) -> anyhow::Result<Self> {
        if let Some(interface) = &arguments.live.interface {
            let words = arguments.captures.iter().map(|word| word.to_string_lossy());
            let words: Vec<_> = words.map(String::from).collect();
            return Ok(Self::Interface(arguments.live.open(interface, &words)?));
        }
        let filter = arguments.live.bpf.clone().map(FileFilter::new);
        Ok(Self::Files(capture::open_all(&arguments.captures)?, filter))
    }

    #[cfg(not(feature = "live"))]
    fn open(arguments: &Arguments) -> anyhow::Result<Self> {
        Ok(Self::Files(capture::open_all(&arguments.captures)?, None))
    }

    fn parts(&mut self) -> (&mut dyn PacketSource, Option<&mut FileFilter>) {
        match self {
            Self::Files(source, filter) => (&mut **source, filter.as_mut()),
            #[cfg(feature = "live")]
            Self::Interface(capture) => (capture, None),
        }
    }

    /// Says on standard error what the kernel counted.
    #[cfg(feature = "live")]
    fn conclude(&self) {
        if let Self::Interface(capture) = self {
            let line = sniff::closing_line(capture.interface(), &capture.stats());
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    #[cfg(not(feature = "live"))]
    #[allow(clippy::unused_self)]
    fn conclude(&self) {}
}

/// Capture filters are libpcap's: without it there are none.
#[cfg(not(feature = "live"))]
enum FileFilter {}

#[cfg(not(feature = "live"))]
impl FileFilter {
    fn matches(&mut self, _: &capture::Packet<'_>) -> anyhow::Result<bool> {
        match *self {}
    }
}

/// Reads to the end, whatever part of the captures cannot be read; returns what could not.
fn decode<P: Printer>(
    input: &mut Input,
    analyzer: &mut Analyzer,
    sink: &mut Tee<P>,
    out: &mut impl Write,
    arguments: &Arguments,
) -> anyhow::Result<Vec<capture::CaptureError>> {
    let (source, mut filter) = input.parts();
    let mut errors = Vec::new();
    // Rows should be seen as they come where somebody may be waiting for them.
    let waiting = io::stdout().is_terminal() || arguments.reads_stdin();
    let mut first_rows = true;
    // Rows of an interface are flushed when no packet is there at the moment.
    let mut unflushed = false;
    let mut left = arguments.count.unwrap_or(u64::MAX);
    while left > 0 {
        let timeout = if unflushed { Duration::ZERO } else { SILENCE };
        match source.next_within(timeout) {
            Ok(Next::Packet(packet)) => {
                if let Some(filter) = &mut filter
                    && !filter.matches(&packet)?
                {
                    continue;
                }
                analyzer.push(&packet, sink);
            }
            Ok(Next::TimedOut) => {
                if !unflushed {
                    sink.rows.release(u64::MAX, out)?;
                }
                out.flush()?;
                unflushed = false;
                continue;
            }
            Ok(Next::End) => break,
            Err(error) => {
                errors.push(error);
                continue;
            }
        }
        left -= 1;
        let written = sink.rows.release(analyzer.undecided_from(), out)?;
        if written && (waiting || first_rows) && !arguments.sniffs() {
            out.flush()?;
            first_rows = false;
        }
        unflushed |= written;
    }
    analyzer.finish(sink);
    sink.rows.release(u64::MAX, out)?;
    Ok(errors)
}

/// Says on standard error what was seen. That it cannot be written there is no failure.
fn conclude(summary: &Summary, connections: Option<&Connections>, arguments: &Arguments) {
    let mut err = io::stderr().lock();
    if let Some(connections) = connections {
        let width = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| width.0);
        let _ = writeln!(err, "{}", connections.table(width));
    }
    let mut lines = closing_lines(summary);
    if let (true, Some(first)) = (arguments.count == Some(summary.packets), lines.first_mut()) {
        first.push_str(" (stopped there, as asked)");
    }
    let last = summary.tcp_connections;
    for number in arguments.connection.iter().filter(|number| **number > last) {
        lines.push(format!("no connection {number}: the last one is {last}"));
    }
    for line in lines {
        let _ = writeln!(err, "{line}");
    }
}

fn report_errors(summary: &Summary, errors: &[capture::CaptureError]) -> anyhow::Result<()> {
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

/// Prints rows, and collects connections where a table of them is wanted.
struct Tee<P> {
    rows: Ordered<P>,
    connections: Option<Connections>,
}

impl<P: Printer> EventSink for Tee<P> {
    fn event(&mut self, event: &Event<'_>) {
        self.rows.event(event);
        if let Some(connections) = &mut self.connections {
            connections.event(event);
        }
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        self.rows.other_packet(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_as_the_library_has_it() {
        let arguments = Arguments::try_parse_from(["wsdump", "--json", "capture.pcap"]);
        let limits = arguments.map(|arguments| limits(&arguments));
        let shown = limits.map(|limits| format!("{limits:?}"));
        let expected = format!("{:?}", Limits::default());
        assert_eq!(shown.ok(), Some(expected));
    }

    #[test]
    fn a_duration_has_units_and_is_greater_than_zero() {
        for (text, seconds) in [
            ("24h", Some(86_400)),
            ("30m", Some(1_800)),
            ("90s", Some(90)),
            ("1h 30m", Some(5_400)),
            ("PT1H", Some(3_600)),
            ("90", None),
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

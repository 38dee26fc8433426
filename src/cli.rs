//! Doing what the arguments say. Only `main` knows exit codes.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use wsdump::capture::{self, BytesRead};
use wsdump::filter::{FieldList, Filter};
use wsdump::flow::Direction;
use wsdump::report::{
    Chosen, Connections, Csv, Dump, Follow, FollowStyle, Har, Json, Ladder, LadderStyle, Ordered,
    Overview, Printer, RawPayload, RowByRow, Selection, Style, Timeline, View, closing_lines,
    count, limits_table, on_another_thread, on_threads, undecoded,
};
use wsdump::{Analyzer, Config, Limits, Summary};

use crate::arguments::{Arguments, Command, apply, completions, manual};
use crate::checking;
#[cfg(not(feature = "live"))]
use crate::decode::FileFilter;
use crate::decode::{Input, Pace, Run, Saving, Tee, chooses};
use crate::extract::{Extract, ToFile};
use crate::packets::{self, Choice, is_stdout};
use crate::progress::Progress;
use crate::screen::{NO_STDOUT, Screen};
#[cfg(feature = "live")]
use crate::sniff::{self, FileFilter};

/// How long rows from a pipe wait for another connection that may have to be told first.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same for rows of an interface, which somebody watches.
const SNIFFING_PATIENCE: Duration = Duration::from_millis(30);

/// Bytes of a payload that a row may need, where no width limits it.
const ROW_PAYLOAD: usize = 1024;

/// How a run ended that could do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// There is nothing to complain of.
    Well,
    /// `check` or `diff` found something.
    Found,
}

/// Does what the arguments say.
///
/// # Errors
///
/// What kept it from being done, for standard error: captures that could not be read (all
/// that could be decoded was printed before), or an output that could not be written.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Done> {
    match &arguments.command {
        None => show(arguments).map(|()| Done::Well),
        Some(Command::Check(arguments)) => checking::check(arguments),
        Some(Command::Diff(arguments)) => checking::diff(arguments),
        Some(Command::Completions { shell }) => print(&completions(*shell)),
        Some(Command::Man { command }) => print(&manual(*command)?),
    }
}

fn print(text: &[u8]) -> anyhow::Result<Done> {
    io::stdout().write_all(text).context(NO_STDOUT)?;
    Ok(Done::Well)
}

/// Shows packets of captures or of an interface, or lists what there is to choose from.
fn show(arguments: &Arguments) -> anyhow::Result<()> {
    #[cfg(feature = "live")]
    if arguments.live.list_interfaces {
        writeln!(io::stdout(), "{}", sniff::list()?).context(NO_STDOUT)?;
        return Ok(());
    }
    if arguments.fields {
        write!(io::stdout(), "{FieldList}").context(NO_STDOUT)?;
        return Ok(());
    }
    if arguments.limits {
        let table = limits_table(Screen::Stdout.width());
        writeln!(io::stdout(), "{table}").context(NO_STDOUT)?;
        return Ok(());
    }
    let filter = arguments.filter.as_deref().map(Filter::parse).transpose()?;
    let mut plan = Plan {
        arguments,
        screen: arguments.screen(),
        kept_payload: kept_payload(arguments, filter.as_ref()),
        messages_only: false,
    };
    let selection = plan.selection(filter);
    // A summary counts messages and control frames.
    plan.messages_only =
        selection.leaves_out_data_frames() || (arguments.summary && selection.is_everything());
    plan.run(selection)
}

/// Whether a table of the connections ends the run; the summary is one already.
fn wants_table(arguments: &Arguments) -> bool {
    (arguments.verbose || arguments.sniffs()) && !arguments.summary
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
    /// Nobody looks at data frames.
    messages_only: bool,
}

impl Plan<'_> {
    /// Shows what was chosen, in the form that was asked for.
    fn run(&self, selection: Selection) -> anyhow::Result<()> {
        let arguments = self.arguments;
        let width = self.screen.width();
        let color = arguments.color.is_on(self.screen);
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
            return self.show(&mut *self.row_by_row(Json::new(), selection));
        }
        if let Some(path) = &arguments.har {
            if is_stdout(path) {
                return self.show(&mut *self.behind(Chosen::new(Har::new(), selection)));
            }
            refuse_captures(path, arguments)?;
            let opened = self.open()?;
            let har = ToFile::create(path, Har::new())?;
            return self.show_opened(opened, &mut *self.behind(Chosen::new(har, selection)));
        }
        if let Some(directory) = &arguments.extract {
            let opened = self.open()?;
            let extract = Extract::new(directory, arguments.overwrite, selection)?;
            return self.show_opened(opened, &mut *self.behind(extract));
        }
        if arguments.summary {
            let overview = Overview::new(arguments.sort, width);
            return self.show(&mut Chosen::new(overview, selection));
        }
        if let (Some(number), Some(side)) = (arguments.follow, arguments.raw) {
            let raw = RawPayload::new(number, side.into());
            return self.show(&mut Chosen::new(raw, selection));
        }
        if arguments.follow.is_some() {
            let follow = Follow::new(FollowStyle {
                width: width.map(usize::from),
                color,
                time: arguments.time,
                pretty: arguments.pretty,
            });
            return self.show(&mut *self.row_by_row(follow, selection));
        }
        if arguments.ladder.is_some() {
            let ladder = Ladder::new(LadderStyle {
                width: width.map_or(LADDER_WIDTH, usize::from),
                color,
            });
            return self.show(&mut *self.behind(self.ordered(ladder, selection)));
        }
        let rows = arguments.rows();
        if arguments.csv {
            let csv = Csv::new(arguments.time, rows, arguments.all);
            return self.show(&mut *self.row_by_row(csv, selection));
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
        self.show(&mut *self.behind(self.ordered(timeline, selection)))
    }

    /// Rows in packet order.
    fn ordered<P: Printer>(&self, printer: P, selection: Selection) -> Ordered<P> {
        let limits = limits(self.arguments);
        Ordered::new(printer, selection).with_max_pending(limits.max_pending_row_bytes)
    }

    /// The same, of a printer that several threads can use.
    fn row_by_row<P: RowByRow>(&self, printer: P, selection: Selection) -> Box<dyn View> {
        let ordered = self.ordered(printer, selection);
        match self.render_threads() {
            0 => Box::new(ordered),
            threads => on_threads(ordered, threads),
        }
    }

    /// A view that takes as much work as the decoding, on a thread of its own if there may be
    /// one.
    fn behind(&self, view: impl View + Send + 'static) -> Box<dyn View> {
        match self.render_threads() {
            0 => Box::new(view),
            _ => on_another_thread(view),
        }
    }

    /// Threads for rows, beside the one that decodes. None where somebody waits for each row.
    fn render_threads(&self) -> usize {
        match self.pace() {
            Pace::Bulk => (threads(self.arguments) - 1).min(MOST_RENDERING),
            Pace::Packet | Pace::Quiet => 0,
        }
    }

    fn pace(&self) -> Pace {
        if self.arguments.sniffs() {
            Pace::Quiet
        } else if self.arguments.reads_stdin() || self.screen.is_terminal() {
            Pace::Packet
        } else {
            Pace::Bulk
        }
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
        let limits = limits(self.arguments);
        Limits {
            max_message_bytes: self.kept_payload.min(limits.max_message_bytes),
            ..limits
        }
    }

    /// Writes the packets of the chosen connections.
    fn write_packets(&self, path: &Path, selection: Selection) -> anyhow::Result<()> {
        let arguments = self.arguments;
        if arguments.reads_stdin() {
            bail!("-w reads its captures twice, and standard input cannot be; name a file");
        }
        if arguments.asks_for_view() {
            bail!("-w writes packets of captures and shows nothing; ask for a view without it");
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
            messages_only: self.messages_only,
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
        let reads_files = !arguments.sniffs();
        let progress = reads_files.then(|| Progress::of(&arguments.captures, read));
        Ok(Opened {
            input,
            saving,
            progress: progress.flatten(),
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
                connections: wants_table(arguments).then(Connections::default),
                wanted: arguments.only_connection(),
                seen: false,
            },
            pace: self.pace(),
            max_packets: arguments.count.unwrap_or(u64::MAX),
            errors: Vec::new(),
            more_errors: 0,
        };
        self.screen.write(progress, |mut out| run.run(&mut out))?;
        let shown = run.sink.view.closing_line();

        let summary = run.analyzer.summary();
        if !arguments.quiet {
            conclude(&summary, &run, arguments, shown);
        }
        // Of an interface, it may be that it has not begun.
        let wanted = arguments.only_connection();
        if let Some(number) = wanted.filter(|_| !arguments.sniffs()) {
            check_shown(number, &summary, &run)?;
        }
        report_errors(&summary, &run)
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

/// The limits that were typed.
fn limits(arguments: &Arguments) -> Limits {
    let limits = Limits {
        max_memory: arguments.max_memory,
        max_idle: arguments.max_idle,
        ..Limits::default()
    };
    apply(&arguments.limit, limits)
}

/// Bytes of a payload that are kept. A filter that asks for payloads sees them whole, however
/// little of them is shown.
fn kept_payload(arguments: &Arguments, filter: Option<&Filter>) -> usize {
    let shown = shown_payload(arguments);
    if filter.is_some_and(Filter::needs_payload) {
        shown.max(limits(arguments).max_message_bytes)
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
        limits(arguments).max_message_bytes
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
        return open_files(arguments, read);
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
    open_files(arguments, read)
}

fn open_files(arguments: &Arguments, read: &BytesRead) -> anyhow::Result<(Input, Saving)> {
    let mut source = capture::open_all_counted(&arguments.captures, read)?;
    if threads(arguments) > 1 {
        source = capture::read_ahead(source);
    }
    Ok((Input::Files(source), Saving::default()))
}

/// Bytes of captures from which on more threads save more than they take to begin.
const WORTH_THREADS: u64 = 4 << 20;

/// Threads that render rows at most: as many keep up with one that decodes.
const MOST_RENDERING: usize = 8;

/// Processors that there are.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Threads that may decode and render. One for pipes: what comes through them is shown as it
/// comes.
fn threads(arguments: &Arguments) -> usize {
    let size = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok()?;
        metadata.is_file().then_some(metadata.len())
    };
    let size: Option<u64> = arguments.captures.iter().map(size).sum();
    match (size, arguments.jobs) {
        // A file of the name `-` is not what is read.
        _ if arguments.reads_stdin() => 1,
        (Some(_), Some(jobs)) => usize::from(jobs).max(1),
        (Some(size), None) if size >= WORTH_THREADS => cores(),
        (None, _) | (Some(_), None) => 1,
    }
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
fn conclude(summary: &Summary, run: &Run<'_>, arguments: &Arguments, shown: Option<String>) {
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
    lines.extend(shown);
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

fn report_errors(summary: &Summary, run: &Run<'_>) -> anyhow::Result<()> {
    if let Some(problem) = undecoded(summary) {
        bail!(problem);
    }
    if run.errors.is_empty() {
        return Ok(());
    }
    let mut messages: Vec<_> = run.errors.iter().map(ToString::to_string).collect();
    if run.more_errors > 0 {
        let more = count(run.more_errors, "error of this kind", "errors of this kind");
        messages.push(format!("{more} more"));
    }
    // Each on a line of its own that says who speaks, as `main` begins the first.
    bail!("{}", messages.join("\nwsdump: "))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn what_is_not_asked_for_is_as_the_library_has_it() {
        let arguments = Arguments::try_parse_from(["wsdump", "--json", "capture.pcap"]);
        let limits = arguments.map(|arguments| {
            let plan = Plan {
                arguments: &arguments,
                screen: Screen::Stdout,
                kept_payload: kept_payload(&arguments, None),
                messages_only: false,
            };
            plan.limits()
        });
        let shown = limits.map(|limits| format!("{limits:?}"));
        let expected = format!("{:?}", Limits::default());
        assert_eq!(shown.ok(), Some(expected));
    }
}

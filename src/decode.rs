//! A run: packets from where they come, rows to where they go.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use wsdump::Analyzer;
#[cfg(feature = "live")]
use wsdump::capture::live::LiveCapture;
use wsdump::capture::save::{SaveError, Saved, Saver};
use wsdump::capture::{CaptureError, Next, Packet, PacketSource};
use wsdump::event::{Event, EventSink, OtherPacket};
use wsdump::report::{Connections, View, count};
use wsdump::time::Timestamp;

#[cfg(feature = "live")]
use crate::sniff::{FileFilter, closing_line};

/// A run and all it works with.
pub(crate) struct Run<'v> {
    pub(crate) input: Input,
    /// Chooses packets of files; an interface has a filter of its own.
    pub(crate) filter: Option<FileFilter>,
    pub(crate) saving: Saving,
    pub(crate) analyzer: Analyzer,
    pub(crate) sink: Tee<'v>,
    pub(crate) pace: Pace,
    /// Packets that are read at most.
    pub(crate) max_packets: u64,
    /// What could not be read or saved: the first of it.
    pub(crate) errors: Vec<anyhow::Error>,
    /// What more there was.
    pub(crate) more_errors: u64,
}

/// Where packets come from.
pub(crate) enum Input {
    Files(Box<dyn PacketSource + Send>),
    #[cfg(feature = "live")]
    Interface(LiveCapture),
}

/// When rows go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Many at a time, but for the first ones: a file is read to its end.
    Bulk,
    /// With each packet: somebody waits for them.
    Packet,
    /// Whenever there is no packet at the moment: somebody watches an interface.
    Quiet,
}

/// Errors of a run that are kept: a damaged file may have one a block.
const MAX_ERRORS: usize = 100;

/// With no packet for so long, all rows are shown.
const SILENCE: Duration = Duration::from_millis(30);

impl Run<'_> {
    /// Reads to the end, whatever part of the input cannot be read, and tells `out` all of
    /// it.
    ///
    /// # Errors
    ///
    /// Rows cannot be written.
    pub(crate) fn run(&mut self, out: &mut impl Write) -> io::Result<()> {
        let told = self.read(out);
        self.saving.finish(&mut self.errors);
        told?;
        self.analyzer.finish(&mut self.sink);
        self.sink.view.finish(&self.analyzer.summary(), out)?;
        out.flush()?;
        Ok(())
    }

    fn read(&mut self, out: &mut impl Write) -> io::Result<()> {
        let mut first_rows = true;
        // Rows or saved packets that wait for a quiet moment.
        let mut unflushed = false;
        let mut read = 0;
        while read < self.max_packets {
            let timeout = if unflushed { Duration::ZERO } else { SILENCE };
            match self.input.next_within(timeout) {
                Ok(Next::Packet(packet)) => {
                    match chooses(&mut self.filter, &packet) {
                        Ok(true) => {}
                        Ok(false) => continue,
                        Err(error) => {
                            self.errors.push(error);
                            break;
                        }
                    }
                    if self.saving.save(&packet, &mut self.errors).is_break() {
                        break;
                    }
                    self.analyzer.push(&packet, &mut self.sink);
                }
                Ok(Next::TimedOut) => {
                    if !unflushed {
                        self.sink.view.release(u64::MAX, out)?;
                    }
                    out.flush()?;
                    unflushed = false;
                    if self.saving.quiet(&mut self.errors).is_break() {
                        break;
                    }
                    continue;
                }
                Ok(Next::End) => break,
                Err(error) => {
                    if self.errors.len() < MAX_ERRORS {
                        self.errors.push(error.into());
                    } else {
                        self.more_errors += 1;
                    }
                    continue;
                }
            }
            read += 1;
            let undecided = self.analyzer.undecided_from();
            let written = self.sink.view.release(undecided, out)?;
            match self.pace {
                Pace::Bulk | Pace::Packet => {
                    if written && (first_rows || self.pace == Pace::Packet) {
                        out.flush()?;
                        first_rows = false;
                    }
                }
                Pace::Quiet => unflushed |= written || self.saving.is_wanted(),
            }
        }
        Ok(())
    }
}

impl Input {
    fn next_within(&mut self, timeout: Duration) -> Result<Next<'_>, CaptureError> {
        match self {
            Self::Files(source) => source.next_within(timeout),
            #[cfg(feature = "live")]
            Self::Interface(capture) => capture.next_within(timeout),
        }
    }

    /// What became of the packets of an interface.
    pub(crate) fn closing_line(&self) -> Option<String> {
        match self {
            Self::Files(_) => None,
            #[cfg(feature = "live")]
            Self::Interface(capture) => Some(closing_line(capture.interface(), &capture.stats())),
        }
    }
}

/// Whether a capture filter, if there is one, matches a packet.
pub(crate) fn chooses(
    filter: &mut Option<FileFilter>,
    packet: &Packet<'_>,
) -> anyhow::Result<bool> {
    match filter {
        Some(filter) => filter.matches(packet),
        None => Ok(true),
    }
}

/// Capture filters are libpcap's: without it there are none.
#[cfg(not(feature = "live"))]
pub(crate) enum FileFilter {}

#[cfg(not(feature = "live"))]
impl FileFilter {
    fn matches(&mut self, _: &Packet<'_>) -> anyhow::Result<bool> {
        match *self {}
    }
}

/// Packets that are saved as they come, if they are.
#[derive(Debug, Default)]
pub(crate) struct Saving {
    saver: Option<Saver>,
    /// Packets that were saved, and where, once that is over.
    pub(crate) closing_line: Option<String>,
}

impl Saving {
    /// Saves with `saver`, if there is one.
    #[cfg(feature = "live")]
    pub(crate) fn new(saver: Option<Saver>) -> Self {
        Self {
            saver,
            closing_line: None,
        }
    }

    fn is_wanted(&self) -> bool {
        self.saver.is_some()
    }

    /// Saves a packet; breaks when there is nowhere to save the next.
    fn save(&mut self, packet: &Packet<'_>, errors: &mut Vec<anyhow::Error>) -> ControlFlow<()> {
        let Some(saver) = &mut self.saver else {
            return ControlFlow::Continue(());
        };
        let outcome = saver.write(packet);
        self.judge(outcome, errors)
    }

    /// Uses a quiet moment.
    fn quiet(&mut self, errors: &mut Vec<anyhow::Error>) -> ControlFlow<()> {
        let Some(saver) = &mut self.saver else {
            return ControlFlow::Continue(());
        };
        let outcome = saver.flush().map(|()| {
            if saver.is_complete_at(now()) {
                Saved::EnoughFiles
            } else {
                Saved::Written
            }
        });
        self.judge(outcome, errors)
    }

    fn judge(
        &mut self,
        saved: Result<Saved, SaveError>,
        errors: &mut Vec<anyhow::Error>,
    ) -> ControlFlow<()> {
        match saved {
            Ok(Saved::Written) => ControlFlow::Continue(()),
            Ok(Saved::EnoughFiles) => ControlFlow::Break(()),
            Err(error) => {
                self.saver = None;
                // Whoever reads the pipe has seen enough.
                if !error.is_closed_pipe() {
                    errors.push(error.into());
                }
                ControlFlow::Break(())
            }
        }
    }

    fn finish(&mut self, errors: &mut Vec<anyhow::Error>) {
        let flushed = self.saver.as_mut().map_or(Ok(()), Saver::flush);
        let _ = self.judge(flushed.map(|()| Saved::Written), errors);
        self.close();
    }

    fn close(&mut self) {
        if let Some(saver) = self.saver.take() {
            let (packets, name) = (count(saver.packets(), "packet", "packets"), saver.name());
            self.closing_line = Some(match saver.files() {
                1 => format!("{packets} saved to {name}"),
                files => format!("{packets} saved to {files} files, the last is {name}"),
            });
        }
    }
}

/// The time now, for what no packet tells.
pub(crate) fn now() -> Timestamp {
    // A clock that is before 1970 or after 2554 is taken for 1970.
    let since = SystemTime::UNIX_EPOCH.elapsed();
    Timestamp(since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0)))
}

/// Shows events, and collects connections where a table of them is wanted.
pub(crate) struct Tee<'v> {
    pub(crate) view: &'v mut dyn View,
    pub(crate) connections: Option<Connections>,
    /// The connection that is shown alone, if one is, and whether anything was told of it.
    pub(crate) wanted: Option<u64>,
    pub(crate) seen: bool,
}

impl EventSink for Tee<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.seen |= self.wanted == Some(event.connection.number);
        self.view.event(event);
        if let Some(connections) = &mut self.connections {
            connections.event(event);
        }
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        self.view.other_packet(packet);
    }
}

//! Sniffing interfaces: opening one as the arguments say, stopping it, and what to say
//! meanwhile and at the end.

mod drops;
mod filter;
mod list;
mod privileges;
mod save;

use std::path::Path;
use std::process;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use wsdump::capture::live::{LiveCapture, LiveError, LiveOptions, StopHandle};
use wsdump::capture::save::Saver;
use wsdump::wire;

use crate::arguments::duration;

pub(crate) use drops::closing_line;
pub(crate) use filter::FileFilter;
pub(crate) use list::list;
use privileges::Privileges;
use save::SaveArguments;

/// What the arguments say about capturing.
#[derive(Debug, clap::Args)]
pub(crate) struct LiveArguments {
    /// Capture from this interface; the words behind the options are a capture filter
    #[arg(short, long, value_name = "IFACE", help_heading = LIVE)]
    pub(crate) interface: Option<String>,

    /// List the interfaces
    #[arg(short = 'D', long, help_heading = LIVE)]
    pub(crate) list_interfaces: bool,

    /// Decode only packets that this capture filter (pcap-filter(7)) matches, from files too
    #[arg(short = 'f', long, value_name = "EXPR", help_heading = LIVE)]
    pub(crate) bpf: Option<String>,

    /// Stop after so long: 30s, 5m, 1h30m
    #[arg(
        long,
        value_name = "TIME",
        requires = "interface",
        value_parser = duration,
        help_heading = LIVE
    )]
    duration: Option<Duration>,

    /// Keep at most this many bytes of each packet; 0 for all
    #[arg(short, long, value_name = "BYTES", default_value_t = 0, help_heading = LIVE)]
    snaplen: u32,

    /// Let the kernel keep this many KiB until wsdump takes them
    #[arg(
        short = 'B',
        long,
        value_name = "KIB",
        default_value_t = 16 << 10,
        // More than libpcap can count.
        value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX) >> 10),
        help_heading = LIVE
    )]
    buffer_size: u32,

    /// Do not capture what is not for this machine
    #[arg(short = 'p', long, help_heading = LIVE)]
    no_promiscuous: bool,

    /// Go on as this user once the interface is open, instead of root [default: who called
    /// sudo]
    #[arg(
        short = 'Z',
        long,
        value_name = "USER",
        requires = "interface",
        help_heading = LIVE
    )]
    relinquish_privileges: Option<String>,

    #[command(flatten)]
    save: SaveArguments,
}

/// Heading of the options for live capture.
pub(crate) const LIVE: &str = "Live capture";

/// A capture that runs, and where its packets are saved.
pub(crate) struct Sniffing {
    pub(crate) capture: LiveCapture,
    pub(crate) saver: Option<Saver>,
    /// What the user may want to know now.
    pub(crate) opening_line: String,
    /// Who the program runs as from here on.
    pub(crate) privileges: Privileges,
}

impl LiveArguments {
    /// Opens `interface`, with the filter that `-f` or the words behind the options are,
    /// gives up root, and opens what packets are saved to. The capture is stopped at Ctrl-C,
    /// by a termination signal, and when its time is over.
    /// Packets are saved to `write`, if that is given.
    pub(crate) fn open(
        &self,
        interface: &str,
        words: &[String],
        write: Option<&Path>,
    ) -> anyhow::Result<Sniffing> {
        let words = words.join(" ");
        let filter = match &self.bpf {
            Some(_) if !words.is_empty() => {
                bail!("two capture filters: {words:?}, and the one given with -f");
            }
            Some(expression) => Some(expression.clone()),
            None => (!words.is_empty()).then_some(words),
        };
        if let Some(path) = write {
            self.save.check(path)?;
        }
        let opening_line = opening_line(interface, filter.as_deref(), self.duration);
        let capture = LiveCapture::open(
            interface,
            &LiveOptions {
                snaplen: self.snaplen,
                buffer_size: self.buffer_size << 10,
                promiscuous: !self.no_promiscuous,
                filter,
                ..LiveOptions::default()
            },
        )
        .map_err(|error| match error {
            LiveError::Filter(error) => filter::explained(&error),
            error => error.into(),
        })?;
        let privileges = privileges::drop_to(self.relinquish_privileges.as_deref())?;
        let link_type = capture.link_type();
        if !wire::supports(link_type) && write.is_none() {
            bail!(
                "{interface}: packets have link type {link_type}, which wsdump cannot read; \
                 -w FILE saves them"
            );
        }
        // Files belong to the user who will read them.
        let saver = write.map(|path| self.save.open(path, &capture));
        let saver = saver.transpose().map_err(|error| match &privileges {
            Privileges::DroppedTo(user) => {
                anyhow!("{error} (as {user}, root was given up; -Z root goes on as root)")
            }
            Privileges::Kept => error.into(),
        })?;
        stop_at_signal(capture.stop_handle())?;
        drops::watch(interface.to_owned(), capture.stats_handle())?;
        if let Some(duration) = self.duration {
            stop_after(duration, capture.stop_handle());
        }
        Ok(Sniffing {
            capture,
            saver,
            opening_line,
            privileges,
        })
    }
}

/// A second signal ends the program at once, as somebody who presses Ctrl-C twice wants.
fn stop_at_signal(stop: StopHandle) -> anyhow::Result<()> {
    /// What shells say of a program that SIGINT ended.
    const INTERRUPTED: i32 = 130;
    ctrlc::set_handler(move || {
        if stop.is_stopped() {
            process::exit(INTERRUPTED);
        }
        stop.stop();
    })
    .context("signals cannot be handled")
}

/// A thread of its own, so that a terminal that stands still does not hold up the end.
fn stop_after(duration: Duration, stop: StopHandle) {
    thread::spawn(move || {
        thread::sleep(duration);
        stop.stop();
    });
}

/// What is said when the capture begins: before the first packet nothing else is to be seen.
fn opening_line(interface: &str, filter: Option<&str>, duration: Option<Duration>) -> String {
    let filter = filter.map_or(String::new(), |filter| format!(", filter '{filter}'"));
    let end = match duration {
        Some(duration) => format!("for {duration:?}, or until Ctrl-C"),
        None => "until Ctrl-C".to_owned(),
    };
    format!("listening on {interface}{filter}, {end}")
}

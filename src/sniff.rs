//! Sniffing interfaces: opening one as the arguments say, stopping it at Ctrl-C, and what
//! to say at the end.

use std::process;

use anyhow::{Context, bail};
use comfy_table::{ContentArrangement, Table};
use wsdump::capture::live::{
    BpfFilter, Interface, LiveCapture, LiveOptions, LiveStats, StopHandle, interfaces,
};
use wsdump::capture::{LinkType, Packet};

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

    /// Keep at most this many bytes of each packet; 0 for all
    #[arg(short, long, value_name = "BYTES", default_value_t = 0, help_heading = LIVE)]
    snaplen: u32,

    /// Do not capture what is not for this machine
    #[arg(short = 'p', long, help_heading = LIVE)]
    no_promiscuous: bool,
}

const LIVE: &str = "Live capture";

impl LiveArguments {
    /// Opens `interface`, with the filter that `-f` or the words behind the options are, and
    /// has it stopped at Ctrl-C and by a termination signal.
    pub(crate) fn open(&self, interface: &str, words: &[String]) -> anyhow::Result<LiveCapture> {
        let words = words.join(" ");
        let filter = match &self.bpf {
            Some(_) if !words.is_empty() => {
                bail!("two capture filters: {words:?}, and the one given with -f");
            }
            Some(expression) => Some(expression.clone()),
            None => (!words.is_empty()).then_some(words),
        };
        let capture = LiveCapture::open(
            interface,
            &LiveOptions {
                snaplen: self.snaplen,
                promiscuous: !self.no_promiscuous,
                filter,
                ..LiveOptions::default()
            },
        )?;
        stop_at_signal(capture.stop_handle())?;
        Ok(capture)
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

/// The interfaces as a table.
pub(crate) fn list() -> anyhow::Result<String> {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["Name", "Description", "Addresses", "State", "Link type"]);
    for interface in interfaces()? {
        table.add_row(row(&interface));
    }
    Ok(table.to_string())
}

fn row(interface: &Interface) -> [String; 5] {
    let state = [
        (interface.up, "up"),
        (interface.running, "running"),
        (interface.loopback, "loopback"),
        (interface.wireless, "wireless"),
    ];
    let state: Vec<_> = state
        .into_iter()
        .filter_map(|(is, name)| is.then_some(name))
        .collect();
    let addresses = interface.addresses.iter().map(ToString::to_string);
    let link_type = interface.link_type.map(|link_type| link_type.to_string());
    [
        interface.name.clone(),
        interface.description.clone().unwrap_or_default(),
        addresses.collect::<Vec<_>>().join("\n"),
        state.join(", "),
        link_type.unwrap_or_default(),
    ]
}

/// What became of the packets, for the end.
pub(crate) fn closing_line(interface: &str, stats: &LiveStats) -> String {
    let LiveStats {
        captured,
        dropped_by_kernel,
        dropped_by_interface,
        dropped_by_wsdump,
        ..
    } = stats;
    format!(
        "{interface}: {captured} packets captured; dropped: {dropped_by_kernel} by the kernel, \
         {dropped_by_interface} by the interface, {dropped_by_wsdump} by wsdump"
    )
}

/// A capture filter over files, whose packets may have several link types.
#[derive(Debug)]
pub(crate) struct FileFilter {
    expression: String,
    compiled: Vec<(LinkType, BpfFilter)>,
}

impl FileFilter {
    /// A filter of this expression. Whether it is valid is known with the first packet.
    pub(crate) fn new(expression: String) -> Self {
        Self {
            expression,
            compiled: Vec::new(),
        }
    }

    /// Whether the filter matches a packet.
    pub(crate) fn matches(&mut self, packet: &Packet<'_>) -> anyhow::Result<bool> {
        let of_type = |(link_type, _): &(LinkType, BpfFilter)| *link_type == packet.link_type;
        if let Some((_, filter)) = self.compiled.iter().find(|known| of_type(known)) {
            return Ok(filter.matches(packet.data));
        }
        let filter = BpfFilter::compile(packet.link_type, &self.expression)?;
        let matches = filter.matches(packet.data);
        self.compiled.push((packet.link_type, filter));
        Ok(matches)
    }
}

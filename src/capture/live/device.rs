//! Opening an interface through libpcap.

use pcap::{Activated, Active, BreakLoop, Capture, Direction, Inactive, Linktype, Precision};

use super::super::LinkType;
use super::error::{FilterError, LiveError, reason};
use super::interface::{Interface, interfaces, nearest};
use super::link_layer::{DLT_LINUX_SLL, DLT_LINUX_SLL2, link_type_of};
use super::thread::{Device, DeviceCounts};
use super::{DEFAULT_SNAPLEN, LiveOptions};
use crate::time::Timestamp;

/// An open interface.
pub(super) struct PcapDevice {
    /// `None` after libpcap took it back, see [`Device::stop_waiting`].
    capture: Option<Capture<Active>>,
    /// Nanoseconds in one unit of a packet's sub-second field.
    unit: u64,
    pub(super) link_type: LinkType,
}

impl PcapDevice {
    /// Opens `name`; packets are captured from here on.
    ///
    /// # Errors
    ///
    /// [`LiveError`], which tells why and what to do.
    pub(super) fn open(name: &str, options: &LiveOptions) -> Result<Self, LiveError> {
        // What cannot be listed may still be opened.
        let interfaces = interfaces().unwrap_or_default();
        let interface = interfaces.iter().find(|interface| interface.name == name);
        let loopback = interface.is_some_and(|interface| interface.loopback);
        let nanoseconds = offers_nanoseconds(name);

        // On loopback and on all interfaces at once there is nobody else's traffic to ask
        // for; on the latter libpcap would say so, which the crate takes for a failure.
        let promiscuous = options.promiscuous && !loopback && !is_any(name);
        let open = |promiscuous| configure(name, options, nanoseconds, promiscuous)?.open();
        let opened = open(promiscuous).or_else(|error| {
            // Interfaces that cannot be promiscuous can do without, as most wireless ones.
            let retry = promiscuous && reason(&error).contains("romiscuous");
            if retry { open(false) } else { Err(error) }
        });
        let mut capture = opened.map_err(|error| cannot_open(name, reason(&error), &interfaces))?;

        prefer_sll2(&mut capture);
        if loopback && cfg!(target_os = "linux") && name != "lo" {
            // Linux shows every packet on loopback twice, going out and coming in. libpcap
            // leaves out one of them, but only where the interface has its usual name.
            let _ = capture.direction(Direction::In);
        }
        if let Some(expression) = &options.filter {
            set_filter(&mut capture, expression)?;
        }
        let dlt = capture.get_datalink().0;
        let link_type = link_type_of(dlt).ok_or_else(|| LiveError::LinkType {
            interface: name.to_owned(),
            dlt,
        })?;
        Ok(Self {
            capture: Some(capture),
            unit: if nanoseconds { 1 } else { 1_000 },
            link_type,
        })
    }

    /// Whether timestamps count nanoseconds, not microseconds.
    pub(super) fn has_nanoseconds(&self) -> bool {
        self.unit == 1
    }

    /// What makes [`Device::read`] come back from waiting.
    pub(super) fn wake_handle(&mut self) -> Option<BreakLoop> {
        self.capture.as_mut().map(Capture::breakloop_handle)
    }
}

impl Device for PcapDevice {
    fn read(&mut self, packet: &mut dyn FnMut(Timestamp, u32, &[u8])) -> Result<usize, String> {
        let unit = self.unit;
        let Some(capture) = &mut self.capture else {
            return Err("the capture is closed".to_owned());
        };
        let read = capture.dispatch(Some(BATCH), |captured| {
            let header = captured.header;
            let seconds = u64::try_from(header.ts.tv_sec).unwrap_or(0);
            let fraction = u64::try_from(header.ts.tv_usec).unwrap_or(0);
            let time = seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(fraction.saturating_mul(unit));
            let wire_len = header.len.max(header.caplen);
            packet(Timestamp(time), wire_len, captured.data);
        });
        read.map_err(|error| reason(&error))
    }

    fn stop_waiting(&mut self) -> Result<(), String> {
        let capture = self.capture.take().map(Capture::setnonblock);
        self.capture = capture.transpose().map_err(|error| reason(&error))?;
        Ok(())
    }

    fn counts(&mut self) -> Option<DeviceCounts> {
        let stats = self.capture.as_mut()?.stats().ok()?;
        Some(DeviceCounts {
            received: stats.received,
            dropped: stats.dropped,
            dropped_by_interface: stats.if_dropped,
        })
    }
}

/// All that has to be said before an interface is opened.
fn configure(
    name: &str,
    options: &LiveOptions,
    nanoseconds: bool,
    promiscuous: bool,
) -> Result<Capture<Inactive>, pcap::Error> {
    let snaplen = match options.snaplen {
        0 => DEFAULT_SNAPLEN,
        wanted => wanted,
    };
    let capture = Capture::from_device(name)?
        .snaplen(saturated(snaplen))
        .buffer_size(saturated(options.buffer_size))
        .promisc(promiscuous)
        .immediate_mode(IMMEDIATE)
        .timeout(READ_TIMEOUT);
    Ok(if nanoseconds {
        capture.precision(Precision::Nano)
    } else {
        capture
    })
}

/// libpcap counts in C's `int`.
fn saturated(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// What kept `name` from being opened, from libpcap's words: the crate keeps no code.
fn cannot_open(name: &str, reason: String, interfaces: &[Interface]) -> LiveError {
    let listed = interfaces.iter().find(|interface| interface.name == name);
    let interface = name.to_owned();
    // Without permission a name is not looked at, so that a wrong one has to be told here.
    if listed.is_none() && !interfaces.is_empty() && !exists(name) {
        let nearest = nearest(name, interfaces).map(str::to_owned);
        return LiveError::NoSuchInterface { interface, nearest };
    }
    let not_permitted = ["ermission", "CAP_NET_RAW", "not permitted"];
    if not_permitted.iter().any(|text| reason.contains(text)) {
        // A symbolic link has no capabilities of its own, and this path is behind all links.
        let program = std::env::current_exe().unwrap_or_else(|_| "wsdump".into());
        return LiveError::NotPermitted {
            interface,
            reason,
            program,
        };
    }
    let down = ["not up", "is down"]
        .iter()
        .any(|text| reason.contains(text));
    if down || listed.is_some_and(|interface| !interface.up) {
        return LiveError::Down { interface };
    }
    LiveError::Open { interface, reason }
}

/// Of the two formats in which Linux tells packets of all interfaces, takes the one that
/// names the interface.
fn prefer_sll2(capture: &mut Capture<Active>) {
    if capture.get_datalink() != Linktype(DLT_LINUX_SLL) {
        return;
    }
    let offered = capture.list_datalinks().unwrap_or_default();
    if offered.contains(&Linktype(DLT_LINUX_SLL2)) {
        // Where it fails after all, the older format does as well.
        let _ = capture.set_datalink(Linktype(DLT_LINUX_SLL2));
    }
}

fn set_filter(capture: &mut Capture<Active>, expression: &str) -> Result<(), FilterError> {
    let Err(error) = capture.filter(expression, true) else {
        return Ok(());
    };
    let compiles = |part: &str| compile(capture, part);
    Err(FilterError::new(expression, reason(&error), compiles))
}

fn compile<T: Activated>(capture: &Capture<T>, expression: &str) -> bool {
    capture.compile(expression, true).is_ok()
}

/// Whether packets of `name` come with nanoseconds when asked for.
///
/// The crate does not tell which resolution libpcap settled on, so nanoseconds are asked
/// for only where it is known to have them: of Linux' network interfaces, which are all
/// read in the same way, but not of the sources of other kinds (`nflog`, `usbmon0`, …).
#[cfg(target_os = "linux")]
fn offers_nanoseconds(name: &str) -> bool {
    is_any(name) || exists(name)
}

#[cfg(not(target_os = "linux"))]
fn offers_nanoseconds(_name: &str) -> bool {
    false
}

/// Whether `name` stands for all interfaces at once.
#[cfg(target_os = "linux")]
fn is_any(name: &str) -> bool {
    name == super::interface::ANY
}

#[cfg(not(target_os = "linux"))]
fn is_any(_name: &str) -> bool {
    false
}

/// Whether the system has an interface of this name, listed or not.
#[cfg(target_os = "linux")]
fn exists(name: &str) -> bool {
    super::interface::network_device(name).is_some()
}

#[cfg(not(target_os = "linux"))]
fn exists(_name: &str) -> bool {
    false
}

/// Whether libpcap's immediate mode is wanted, so that packets come at once.
///
/// Not on Linux: there it means a buffer of slots that are each as large as the snap
/// length, of which 16 MiB hold 64, and a burst of small packets on loopback loses half.
/// Blocks are filled to the last byte instead, and come when they are full or
/// [`READ_TIMEOUT`] is over: measured as 2 to 8 ms on average and 21 at most.
const IMMEDIATE: bool = !cfg!(target_os = "linux");

/// Milliseconds after which a read comes back.
///
/// On Linux only if there are packets; one that waits for the first is woken by
/// [`StopHandle`](super::StopHandle). Elsewhere a read may not be woken, but comes back
/// also with nothing: this is then the time within which a stop is seen.
const READ_TIMEOUT: i32 = if cfg!(target_os = "linux") { 10 } else { 40 };

/// Packets of one read, after which the stop and the counts are looked at.
const BATCH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libpcap_says_becomes_what_to_do() {
        let listed = |name: &str, up| Interface {
            name: name.to_owned(),
            description: None,
            addresses: Vec::new(),
            up,
            running: up,
            loopback: false,
            wireless: false,
            link_type: None,
        };
        let interfaces = [listed("wsdump-up", true), listed("wsdump-down", false)];
        let kind = |name, reason: &str| match cannot_open(name, reason.to_owned(), &interfaces) {
            LiveError::NotPermitted { .. } => "not permitted",
            LiveError::NoSuchInterface { .. } => "no such interface",
            LiveError::Down { .. } => "down",
            LiveError::Open { .. } => "other",
            _ => "?",
        };
        for (name, reason, expected) in [
            (
                "wsdump-up",
                "You don't have permission to capture on that device",
                "not permitted",
            ),
            (
                "wsdump-up",
                "socket: Operation not permitted",
                "not permitted",
            ),
            (
                "wsdump-up",
                "Attempt to create packet socket failed - CAP_NET_RAW may be required",
                "not permitted",
            ),
            (
                "wsdump-up",
                "(cannot open BPF device) /dev/bpf0: Permission denied",
                "not permitted",
            ),
            (
                "wsdump-pu",
                "socket: Operation not permitted",
                "no such interface",
            ),
            ("wsdump-pu", "No such device exists", "no such interface"),
            ("wsdump-up", "That device is not up", "down"),
            ("wsdump-down", "Network is unreachable", "down"),
            (
                "wsdump-up",
                "can't mmap rx ring: Cannot allocate memory",
                "other",
            ),
        ] {
            assert_eq!(kind(name, reason), expected, "{name}: {reason}");
        }
    }

    #[test]
    fn sizes_beyond_what_libpcap_counts_are_its_largest() {
        assert_eq!(saturated(65_535), 65_535);
        assert_eq!(saturated(u32::MAX), i32::MAX);
    }
}

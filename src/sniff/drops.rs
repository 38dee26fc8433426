//! What became of packets, said while they are dropped and at the end.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use wsdump::capture::live::{LiveStats, StatsHandle};
use wsdump::report::count;

/// What became of the packets, for the end.
pub(crate) fn closing_line(interface: &str, stats: &LiveStats) -> String {
    format!(
        "{interface}: {} captured, {} received by the filter; dropped: {}",
        count(stats.captured, "packet", "packets"),
        stats.received,
        drops(stats)
    )
}

fn drops(stats: &LiveStats) -> String {
    let LiveStats {
        dropped_by_kernel,
        dropped_by_interface,
        dropped_by_wsdump,
        ..
    } = stats;
    format!(
        "{dropped_by_kernel} by the kernel, {dropped_by_interface} by the interface, \
         {dropped_by_wsdump} by wsdump"
    )
}

/// Says on standard error that packets are dropped, while it happens, until the program ends.
///
/// In a thread of its own: what makes wsdump drop packets is often that its rows cannot be
/// written.
pub(super) fn watch(interface: String, stats: StatsHandle) -> anyhow::Result<()> {
    let mut drops = Drops::default();
    let watch = move || {
        loop {
            thread::sleep(LOOK_INTERVAL);
            if let Some(notice) = drops.notice(&interface, &stats.stats(), Instant::now()) {
                let _ = writeln!(io::stderr(), "wsdump: {notice}");
            }
        }
    };
    let spawned = thread::Builder::new().name("drops".to_owned()).spawn(watch);
    spawned.context("a thread cannot be started")?;
    Ok(())
}

/// Drops that were said.
#[derive(Debug, Default)]
struct Drops {
    told: LiveStats,
    told_at: Option<Instant>,
}

/// Drops are said no more often than this.
const NOTICE_INTERVAL: Duration = Duration::from_secs(1);

/// Counts are looked at so often.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

impl Drops {
    /// What to say, if packets were dropped since it was said last, and that is a while ago.
    fn notice(&mut self, interface: &str, stats: &LiveStats, now: Instant) -> Option<String> {
        let since = LiveStats {
            dropped_by_kernel: stats.dropped_by_kernel - self.told.dropped_by_kernel,
            dropped_by_interface: stats.dropped_by_interface - self.told.dropped_by_interface,
            dropped_by_wsdump: stats.dropped_by_wsdump - self.told.dropped_by_wsdump,
            ..LiveStats::default()
        };
        let is_due = self
            .told_at
            .is_none_or(|told_at| now.saturating_duration_since(told_at) >= NOTICE_INTERVAL);
        if since.dropped() == 0 || !is_due {
            return None;
        }
        (self.told, self.told_at) = (*stats, Some(now));
        let remedy = if since.dropped_by_wsdump > 0 {
            "rows are taken too slowly; a capture filter, --only or a faster output helps"
        } else if since.dropped_by_kernel > 0 {
            "a capture filter or a larger -B helps"
        } else {
            "the interface cannot keep up"
        };
        Some(format!(
            "{interface}: {} dropped: {} ({remedy})",
            count(since.dropped(), "packet", "packets"),
            drops(&since)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_said_once_a_second_and_only_when_there_are_new_ones() {
        let stats = |kernel, wsdump| LiveStats {
            dropped_by_kernel: kernel,
            dropped_by_wsdump: wsdump,
            ..LiveStats::default()
        };
        let begin = Instant::now();
        let mut watch = Drops::default();
        let mut say = |milliseconds, stats| {
            let now = begin + Duration::from_millis(milliseconds);
            watch.notice("lo", &stats, now)
        };
        assert_eq!(say(0, stats(0, 0)), None);
        let first = "lo: 1 packet dropped: 1 by the kernel, 0 by the interface, 0 by wsdump \
                     (a capture filter or a larger -B helps)";
        assert_eq!(say(1, stats(1, 0)).as_deref(), Some(first));
        assert_eq!(say(900, stats(7, 2)), None);
        let second = "lo: 10 packets dropped: 6 by the kernel, 0 by the interface, 4 by wsdump \
                      (rows are taken too slowly; a capture filter, --only or a faster output \
                      helps)";
        assert_eq!(say(1_001, stats(7, 4)).as_deref(), Some(second));
        assert_eq!(say(5_000, stats(7, 4)), None);
    }
}

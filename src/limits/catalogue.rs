//! Every limit by its name: what the command line takes, what `--limits` lists, and what
//! `SECURITY.md` says come from here.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::{Limits, Unit};
use crate::near::nearest;

/// A limit, and what there is to say about it.
pub struct Limit {
    /// Stable kebab-case name.
    pub name: &'static str,
    /// What its value counts.
    pub unit: Unit,
    /// What it bounds.
    pub bounds: &'static str,
    /// Why the default is what it is.
    pub reason: &'static str,
    /// What is done when it is reached, and where that is said.
    pub reached: &'static str,
    /// Values that it may have.
    pub allowed: RangeInclusive<u64>,
    get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64),
}

/// Nobody has so much; it keeps sums of several from overflowing.
const LARGEST: u64 = 1 << 40;

macro_rules! limits {
    ($($name:literal $unit:ident $allowed:expr, $($field:ident).+ as $kind:ident;
       $bounds:literal $reason:literal $reached:literal)*) => {
        impl Limit {
            /// Every limit.
            pub const ALL: &'static [Self] = &[$(Self {
                name: $name,
                unit: Unit::$unit,
                bounds: $bounds,
                reason: $reason,
                reached: $reached,
                allowed: $allowed,
                get: |limits| $kind::get(limits.$($field).+),
                set: |limits, value| limits.$($field).+ = $kind::set(value),
            }),*];
        }
    };
}

limits! {
    "connections" Count 1..=1 << 24, max_flows as size;
        "TCP connections that are followed at a time."
        "131,072 of which only a SYN was seen take some 170 MB; few servers have as many open."
        "Of a few, the one silent longest is given up, those without WebSocket first; the closing lines count them."
    "memory" Bytes 1 << 20..=LARGEST, max_memory as size;
        "What all connections hold together, tables included. Also `--max-memory`."
        "131,072 connections with short messages, or 2,000 with permessage-deflate, whose windows take 120 KB a direction."
        "Connections are given up until seven eighths are left: large and silent ones first, those without WebSocket before others; the closing lines count them."
    "idle" Time 1_000_000..=MOST_TIME, max_idle as time;
        "Capture time that a connection may be without a packet. Also `--max-idle`."
        "Routers between forget silent connections after minutes or hours, so who keeps one for longer sends something."
        "The connection is told as still open and forgotten; the closing lines count them."
    "out-of-order-bytes" Bytes 1 << 10..=1 << 30, max_out_of_order_bytes as size;
        "Bytes kept per direction behind missing ones, bookkeeping included. Those of all connections together count in `memory`."
        "The receive window of most systems."
        "The missing bytes are taken as lost; the rule `out-of-order-limit` says so."
    "unacknowledged-bytes" Bytes 1 << 10..=1 << 30, max_unacknowledged_bytes as size;
        "Delivered bytes per direction that are kept until they are acknowledged, to be compared with what is sent again."
        "Two of the largest segments; who forges a segment sends it right behind the one it contradicts."
        "The oldest are no longer compared; the closing lines count segments sent again that could not be."
    "head-bytes" Bytes 256..=16 << 20, max_head_bytes as size;
        "Length of an HTTP head."
        "Servers accept 8 to 32 KiB."
        "The connection is not followed; the rule `head-limit` says so where WebSocket was asked for, and the closing lines count the others."
    "early-bytes" Bytes 1 << 10..=1 << 30, max_early_bytes as size;
        "Bytes that a client may send behind its upgrade request before the answer is seen."
        "A client must wait for the answer, so all that comes before is lost order of packets or an attack."
        "The answer is taken as lost; the closing lines count them."
    "message-bytes" Bytes 0..=LARGEST, max_message_bytes as size;
        "Payload bytes kept of a message. Timeline, table and CSV ask for less; `--max-payload` says how many are shown."
        "Servers accept 1 to 100 MiB."
        "The rest is checked and measured, not kept; the row has its whole length and an ellipsis, JSON `truncated_at`."
    "inflated-bytes" Bytes 1..=LARGEST, max_inflated_bytes as wide;
        "Length of a message after inflation."
        "Servers accept 1 to 100 MiB."
        "The rest of the message is not inflated; the rule `inflated-limit` says so."
    "inflated-ratio" Ratio 1..=1032, max_inflated_ratio as wide;
        "Length of a message after inflation to its length before, beyond its first 64 KiB."
        "The most that DEFLATE can do: by itself it bounds work by what was captured. A lower one saves time where bombs are many."
        "As for `inflated-bytes`."
    "opening-events" Count 8..=1 << 16, max_opening_events as size;
        "Events per connection that wait until it is known to carry WebSocket."
        "The TCP handshake, some requests before the upgrade, and what TCP repeats meanwhile."
        "The oldest that is neither of the TCP handshake nor of the last HTTP exchange is dropped; the closing lines count those of WebSocket connections."
    "pending-pings" Count 1..=1 << 12, max_pending_pings as size;
        "Pings per direction that wait for their Pong."
        "One at a time is usual."
        "The oldest is forgotten, so its Pong counts as unsolicited; the closing lines count them."
    "search-bytes" Bytes 1 << 10..=64 << 20, max_search_bytes as size;
        "Bytes per direction that are searched for the first frame of a connection whose start was not captured."
        "Some hundred messages: enough for several frames in a row."
        "The connection is taken for another protocol; the closing lines count them."
    "ip-datagrams" Count 1..=1 << 12, fragments.max_datagrams as size;
        "IP datagrams that wait for the rest of their fragments."
        "Traffic that is not broken has a handful, and each fragment is compared with all."
        "The oldest is given up; the closing lines count them."
    "ip-fragment-bytes" Bytes 1 << 10..=1 << 30, fragments.max_bytes as size;
        "Bytes of all IP datagrams that wait for the rest of their fragments."
        "64 datagrams of the greatest size, and what Linux allows itself."
        "The oldest is given up; the closing lines count them."
    "ip-fragment-time" Time 1_000_000..=MOST_TIME, fragments.max_age as time;
        "Capture time that an IP datagram waits for the rest of its fragments."
        "As in Linux: with 65,536 identifications, fragments that are far apart do not belong together."
        "The datagram is given up; the closing lines count them."
    "ip-datagram-length" Bytes 8..=65_535, fragments.max_datagram_len as size;
        "Length of an IP datagram without its header."
        "The most that a total length can say."
        "The fragment counts as malformed; with -a it has a row."
    "row-bytes" Bytes 0..=1 << 30, max_pending_row_bytes as size;
        "Bytes of rows that wait until it is known whether an earlier connection carries WebSocket."
        "Some 10,000 rows."
        "They are written, and late rows come after them with their own packet numbers; a line at the end counts how often."
}

/// A hundred years.
const MOST_TIME: u64 = 876_000 * 3_600_000_000_000;

/// How fields of this type are read and written.
mod size {
    pub(super) fn get(value: usize) -> u64 {
        value as u64
    }

    pub(super) fn set(value: u64) -> usize {
        usize::try_from(value).unwrap_or(usize::MAX)
    }
}

mod wide {
    pub(super) fn get(value: u64) -> u64 {
        value
    }

    pub(super) fn set(value: u64) -> u64 {
        value
    }
}

mod time {
    use super::Duration;

    pub(super) fn get(value: Duration) -> u64 {
        u64::try_from(value.as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn set(value: u64) -> Duration {
        Duration::from_nanos(value)
    }
}

impl Limit {
    /// The limit of a name; else an error that names the nearest one.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn named(name: &str) -> Result<&'static Self, LimitError> {
        if let Some(limit) = Self::ALL.iter().find(|limit| limit.name == name) {
            return Ok(limit);
        }
        Err(LimitError::Unknown {
            name: name.to_owned(),
            near: nearest(name, Self::ALL.iter().map(|limit| limit.name)),
        })
    }

    /// Its value in `limits`.
    pub fn of(&self, limits: &Limits) -> u64 {
        (self.get)(limits)
    }

    /// Its default, as it is typed.
    pub fn default_value(&self) -> String {
        self.unit.show(self.of(&Limits::default()))
    }

    /// The values that it may have, as they are typed.
    pub fn range(&self) -> String {
        let (least, most) = (self.allowed.start(), self.allowed.end());
        format!("{} to {}", self.unit.show(*least), self.unit.show(*most))
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A limit and the value that it shall have: `NAME=VALUE`.
///
/// ```
/// use wsdump::Limits;
/// use wsdump::limits::LimitSetting;
///
/// # fn main() -> Result<(), wsdump::limits::LimitError> {
/// let setting: LimitSetting = "head-bytes=16K".parse()?;
/// let mut limits = Limits::default();
/// setting.apply(&mut limits);
/// assert_eq!(limits.max_head_bytes, 16 << 10);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LimitSetting {
    /// The limit.
    pub limit: &'static Limit,
    /// Its value, which it may have.
    pub value: u64,
}

impl LimitSetting {
    /// Sets the limit.
    pub fn apply(&self, limits: &mut Limits) {
        (self.limit.set)(limits, self.value);
    }
}

impl FromStr for LimitSetting {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let Some((name, value)) = text.split_once('=') else {
            Limit::named(text)?;
            return Err(LimitError::NoValue(text.to_owned()));
        };
        let limit = Limit::named(name)?;
        let known = limit.unit.read(value);
        match known.filter(|value| limit.allowed.contains(value)) {
            Some(value) => Ok(Self { limit, value }),
            None => Err(LimitError::Value(limit)),
        }
    }
}

/// What is typed sets no limit.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LimitError {
    /// There is no limit of this name.
    #[error("there is no limit {name}; {}", suggestion(*near))]
    Unknown {
        /// What was typed.
        name: String,
        /// The nearest name, if one is near.
        near: Option<&'static str>,
    },
    /// The value is missing.
    #[error("{0} has no value; write {0}=VALUE")]
    NoValue(String),
    /// The value is no value of this limit.
    #[error("{} takes {}", .0.name, .0.unit.expected(&.0.allowed))]
    Value(&'static Limit),
}

fn suggestion(near: Option<&str>) -> String {
    match near {
        Some(name) => format!("did you mean {name}?"),
        None => "--limits lists them".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_name_of_its_own_and_a_default_that_it_may_have() {
        let mut names: Vec<_> = Limit::ALL.iter().map(|limit| limit.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Limit::ALL.len());
        for limit in Limit::ALL {
            let value = limit.of(&Limits::default());
            assert!(limit.allowed.contains(&value), "{limit:?}");
            for text in [limit.bounds, limit.reason, limit.reached] {
                assert!(text.ends_with('.'), "{limit:?}: {text}");
            }
        }
    }

    #[test]
    fn setting_a_limit_sets_this_one_and_no_other() {
        for limit in Limit::ALL {
            for value in [*limit.allowed.start(), *limit.allowed.end()] {
                let mut limits = Limits::default();
                LimitSetting { limit, value }.apply(&mut limits);
                for other in Limit::ALL {
                    let expected = if other.name == limit.name {
                        value
                    } else {
                        other.of(&Limits::default())
                    };
                    assert_eq!(other.of(&limits), expected, "{limit:?}, {other:?}");
                }
            }
        }
    }

    #[test]
    fn every_field_is_a_limit_with_a_name() {
        let fields = |debug: String| debug.matches(": ").count();
        let count = fields(format!("{:?}", Limits::default()));
        // `fragments` holds limits and is none.
        assert_eq!(count - 1, Limit::ALL.len());
    }

    #[test]
    fn what_sets_no_limit_is_answered_with_what_would() {
        for (text, expected) in [
            (
                "hed-bytes=1K",
                "there is no limit hed-bytes; did you mean head-bytes?",
            ),
            ("zzz=1", "there is no limit zzz; --limits lists them"),
            (
                "head-bytes",
                "head-bytes has no value; write head-bytes=VALUE",
            ),
            ("", "there is no limit ; --limits lists them"),
            (
                "head-bytes=1",
                "head-bytes takes a number of bytes from 256 to 16M, such as 64K or 4M",
            ),
            (
                "idle=soon",
                "idle takes a time from 1ms to 876000h, such as 30s, 5m or 1h30m",
            ),
            (
                "inflated-ratio=2000",
                "inflated-ratio takes a whole number from 1 to 1032",
            ),
        ] {
            let error = text.parse::<LimitSetting>().err();
            assert_eq!(
                error.map(|error| error.to_string()).as_deref(),
                Some(expected)
            );
        }
    }
}

//! Points in time as text.

use std::fmt::Write as _;
use std::str::FromStr;

use jiff::tz::TimeZone;

use super::text::by_name;
use crate::time::Timestamp;

/// How the time of a row is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// Seconds since the capture's first packet.
    #[default]
    Relative,
    /// Date and time of day in UTC.
    Utc,
    /// Date and time of day in the time zone of this machine.
    Local,
    /// Seconds since the row above.
    Delta,
    /// Seconds since the Unix epoch.
    Epoch,
}

impl TimeFormat {
    /// Every format, by its name on the command line.
    pub const ALL: [(&'static str, Self); 5] = [
        ("relative", Self::Relative),
        ("utc", Self::Utc),
        ("local", Self::Local),
        ("delta", Self::Delta),
        ("epoch", Self::Epoch),
    ];
}

impl FromStr for TimeFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        by_name(&Self::ALL, name, "format")
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Date and time of day, of which the part that changes once a second is kept.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    zone: TimeZone,
    pattern: &'static str,
    second: Option<u64>,
    text: String,
}

impl Calendar {
    /// RFC 3339 up to the second, in UTC.
    pub(super) fn rfc3339() -> Self {
        Self::new(TimeZone::UTC, "%Y-%m-%dT%H:%M:%S")
    }

    /// With a space between date and time, for reading.
    pub(super) fn readable(zone: TimeZone) -> Self {
        Self::new(zone, "%Y-%m-%d %H:%M:%S")
    }

    fn new(zone: TimeZone, pattern: &'static str) -> Self {
        Self {
            zone,
            pattern,
            second: None,
            text: String::new(),
        }
    }

    /// Date and time of day without the fraction of the second.
    pub(super) fn seconds(&mut self, time: Timestamp) -> &str {
        let second = time.0 / NANOS_PER_SECOND;
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            let since_epoch = i64::try_from(second).unwrap_or(i64::MAX);
            let moment = jiff::Timestamp::from_second(since_epoch).unwrap_or_default();
            let zoned = moment.to_zoned(self.zone.clone());
            // A pattern of this module never fails on a valid time.
            let _ = write!(self.text, "{}", zoned.strftime(self.pattern));
        }
        &self.text
    }
}

/// Nanoseconds within the second.
pub(super) fn subsecond(time: Timestamp) -> u64 {
    time.0 % NANOS_PER_SECOND
}

/// `-1.000250` for -1,000,250,000 ns: seconds with microseconds.
pub(crate) fn seconds_with_micros(nanos: i64) -> String {
    let mut text = String::new();
    push_seconds(nanos, &mut text);
    text
}

/// Appends the same.
pub(super) fn push_seconds(nanos: i64, out: &mut String) {
    if nanos < 0 {
        out.push('-');
    }
    let micros = nanos.unsigned_abs() / 1000;
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    out.push_str(itoa::Buffer::new().format(seconds));
    push_fraction(micros, 1_000_000, out);
}

/// Appends the point and what is behind it: `parts` of `whole`, which is a power of ten.
pub(super) fn push_fraction(parts: u64, whole: u64, out: &mut String) {
    out.push('.');
    // With the digit of the whole before them, the others keep their zeros.
    out.push_str(&itoa::Buffer::new().format(whole + parts)[1..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_changes_with_the_second() {
        let mut calendar = Calendar::rfc3339();
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00"),
            (999_999_999, "1970-01-01T00:00:00"),
            (1_700_000_000_000_000_001, "2023-11-14T22:13:20"),
            (u64::MAX, "2554-07-21T23:34:33"),
        ] {
            assert_eq!(calendar.seconds(Timestamp(nanos)), text);
        }
    }

    #[test]
    fn seconds_may_be_negative() {
        assert_eq!(seconds_with_micros(0), "0.000000");
        assert_eq!(seconds_with_micros(43_999), "0.000043");
        assert_eq!(seconds_with_micros(-1_000_250_000), "-1.000250");
        assert_eq!(seconds_with_micros(i64::MIN), "-9223372036.854775");
    }
}

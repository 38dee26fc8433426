//! Values of limits, as they are typed and shown.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Capture time, in nanoseconds.
    Time,
    /// So many to one.
    Ratio,
}

/// Letters behind a number of bytes, the greatest first.
const SIZES: [(char, u64); 4] = [
    ('T', 1 << 40),
    ('G', 1 << 30),
    ('M', 1 << 20),
    ('K', 1 << 10),
];

/// Letters behind a number of nanoseconds, the greatest first.
const TIMES: [(&str, u64); 5] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("µs", 1_000),
];

impl Unit {
    /// `bytes`, `to 1`, and nothing where the value or the name of the limit says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count | Self::Time => "",
            Self::Bytes => "bytes",
            Self::Ratio => "to 1",
        }
    }

    /// A value, as [`Unit::read`] takes it: `4096`, `64K`, `30s`.
    ///
    /// ```
    /// use wsdump::limits::Unit;
    ///
    /// assert_eq!(Unit::Bytes.show(512 << 20), "512M");
    /// assert_eq!(Unit::Time.show(90_000_000_000), "90s");
    /// ```
    pub fn show(self, value: u64) -> String {
        let divides = |size: u64| value > 0 && value.is_multiple_of(size);
        match self {
            Self::Count | Self::Ratio => value.to_string(),
            Self::Bytes => match SIZES.iter().find(|(_, size)| divides(*size)) {
                Some((letter, size)) => format!("{}{letter}", value / size),
                None => value.to_string(),
            },
            Self::Time => match TIMES.iter().find(|(_, size)| divides(*size)) {
                Some((letters, size)) => format!("{}{letters}", value / size),
                None => format!("{value}ns"),
            },
        }
    }

    /// Reads a value: a number; bytes may end in K, M, G or T, which are powers of 1024; a
    /// time is `30s`, `5m` or `1h30m`, and a number alone is seconds.
    pub fn read(self, text: &str) -> Option<u64> {
        match self {
            Self::Count | Self::Ratio => text.parse().ok(),
            Self::Bytes => read_bytes(text),
            Self::Time => u64::try_from(read_duration(text)?.as_nanos()).ok(),
        }
    }

    /// What is expected, for whoever typed something else.
    pub(super) fn expected(self, allowed: &RangeInclusive<u64>) -> String {
        let (least, most) = (self.show(*allowed.start()), self.show(*allowed.end()));
        match self {
            Self::Count | Self::Ratio => format!("a whole number from {least} to {most}"),
            Self::Bytes => format!("a number of bytes from {least} to {most}, such as 64K or 4M"),
            Self::Time => format!("a time from {least} to {most}, such as 30s, 5m or 1h30m"),
        }
    }
}

fn read_bytes(text: &str) -> Option<u64> {
    let letter = text.chars().next_back()?;
    let size = SIZES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(&letter));
    match size {
        Some((_, size)) => {
            let number: u64 = text[..text.len() - 1].parse().ok()?;
            number.checked_mul(*size)
        }
        None => text.parse().ok(),
    }
}

/// Reads a time above zero such as `90s` or `1h30m`; a number alone is seconds.
pub fn read_duration(text: &str) -> Option<Duration> {
    let duration = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let duration: jiff::SignedDuration = text.parse().ok()?;
        Duration::try_from(duration).ok()?
    };
    (!duration.is_zero()).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_is_shown() {
        for (unit, value, shown) in [
            (Unit::Count, 131_072, "131072"),
            (Unit::Ratio, 1032, "1032"),
            (Unit::Bytes, 0, "0"),
            (Unit::Bytes, 1000, "1000"),
            (Unit::Bytes, 64 << 10, "64K"),
            (Unit::Bytes, 1 << 40, "1T"),
            (Unit::Bytes, (1 << 40) + 1, "1099511627777"),
            (Unit::Time, 86_400_000_000_000, "24h"),
            (Unit::Time, 90_000_000_000, "90s"),
            (Unit::Time, 1_500_000, "1500µs"),
            (Unit::Time, 7, "7ns"),
        ] {
            assert_eq!(unit.show(value), shown);
            assert_eq!(unit.read(shown), Some(value), "{shown}");
        }
    }

    #[test]
    fn a_value_may_be_typed_in_several_ways() {
        for (unit, text, value) in [
            (Unit::Bytes, "512m", Some(512 << 20)),
            (Unit::Bytes, "M", None),
            (Unit::Bytes, "-1", None),
            (Unit::Bytes, "1.5M", None),
            (Unit::Bytes, "4µ", None),
            (Unit::Bytes, "99999999999T", None),
            (Unit::Bytes, "", None),
            (Unit::Count, "1K", None),
            (Unit::Count, "-1", None),
        ] {
            assert_eq!(unit.read(text), value, "{text}");
        }
    }

    #[test]
    fn a_time_is_greater_than_zero() {
        for (text, seconds) in [
            ("24h", Some(86_400)),
            ("30m", Some(1_800)),
            ("90s", Some(90)),
            ("1h 30m", Some(5_400)),
            ("PT1H", Some(3_600)),
            ("90", Some(90)),
            ("0s", None),
            ("-1h", None),
            ("1h ago", None),
            ("99999999999999999h", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(read_duration(text), expected, "{text}");
        }
    }
}

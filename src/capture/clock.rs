//! Timestamps of pcapng interfaces (draft-ietf-opsawg-pcapng §4.2).

use crate::time::Timestamp;

/// How an interface counts time: the length of its unit, and when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    unit: Unit,
    /// Nanoseconds from the Unix epoch to the zero of this clock.
    zero: i128,
}

/// A unit of time, as what turns a count of it into nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds.
    Nanos(u64),
    /// So many make a nanosecond. 0: more than a 64-bit count can hold.
    PerNano(u64),
    /// Two to this power make a second; 127 at most.
    PowerOfTwo(u8),
}

impl Clock {
    /// A clock by the interface's options.
    ///
    /// `tsresol` is `if_tsresol`: its low seven bits are a negative power, of ten, or
    /// of two if the highest bit is set. `tsoffset` is `if_tsoffset`, in seconds.
    pub(super) fn new(tsresol: u8, tsoffset: i64) -> Self {
        let power = tsresol & 0x7f;
        let unit = if tsresol & 0x80 != 0 {
            Unit::PowerOfTwo(power)
        } else if power <= 9 {
            Unit::Nanos(10_u64.pow(u32::from(9 - power)))
        } else {
            Unit::PerNano(10_u64.checked_pow(u32::from(power - 9)).unwrap_or(0))
        };
        Self {
            unit,
            zero: i128::from(tsoffset) * NANOS_PER_SECOND,
        }
    }

    /// The time at `count` units; clamped to what [`Timestamp`] can hold.
    pub(super) fn time(self, count: u64) -> Timestamp {
        // A count is below 2^64 and a factor below 2^30, so nothing overflows.
        let since_zero = match self.unit {
            Unit::Nanos(nanos) => i128::from(count) * i128::from(nanos),
            Unit::PerNano(divisor) => i128::from(count.checked_div(divisor).unwrap_or(0)),
            Unit::PowerOfTwo(power) => (i128::from(count) * NANOS_PER_SECOND) >> power,
        };
        let nanos = (self.zero + since_zero).clamp(0, i128::from(u64::MAX));
        Timestamp(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Default for Clock {
    /// Microseconds since the Unix epoch, for interfaces that say nothing.
    fn default() -> Self {
        Self::new(6, 0)
    }
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_powers_of_ten_or_of_two() {
        for (tsresol, tsoffset, count, nanos) in [
            (6, 0, 1_500_000, 1_500_000_000),
            (0, 0, 3, 3_000_000_000),
            (3, 0, 1_500, 1_500_000_000),
            (9, 0, 1_500_000_000, 1_500_000_000),
            (12, 0, 1_500_000_000_999, 1_500_000_000),
            (19, 0, u64::MAX, 1_844_674_407),
            (28, 0, u64::MAX, 1),
            (29, 0, u64::MAX, 0),
            (127, 0, u64::MAX, 0),
            (0x80, 0, 3, 3_000_000_000),
            (0x81, 0, 3, 1_500_000_000),
            (0x8a, 0, 1_536, 1_500_000_000),
            (0xa0, 0, 3 << 31, 1_500_000_000),
            (0xc0, 0, u64::MAX, 999_999_999),
            (0xff, 0, u64::MAX, 0),
        ] {
            assert_eq!(
                Clock::new(tsresol, tsoffset).time(count),
                Timestamp(nanos),
                "{tsresol:#x} {count}"
            );
        }
    }

    #[test]
    fn the_offset_moves_the_clock_and_the_ends_are_clamped() {
        for (tsresol, tsoffset, count, nanos) in [
            (6, 10, 1, 10_000_001_000),
            (6, -1, 1_500_000, 500_000_000),
            (6, -2, 1_500_000, 0),
            (6, i64::MIN, u64::MAX, 0),
            (6, i64::MAX, u64::MAX, u64::MAX),
            (0, 0, u64::MAX, u64::MAX),
        ] {
            assert_eq!(
                Clock::new(tsresol, tsoffset).time(count),
                Timestamp(nanos),
                "{tsoffset} {count}"
            );
        }
    }

    #[test]
    fn no_resolution_panics() {
        for tsresol in 0..=u8::MAX {
            for tsoffset in [i64::MIN, -1, 0, 1, i64::MAX] {
                for count in [0, 1, u64::MAX] {
                    Clock::new(tsresol, tsoffset).time(count);
                }
            }
        }
    }
}

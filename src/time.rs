//! Points in time, as the capture recorded them.
//!
//! No layer reads a clock: the only time wsdump knows is the timestamp that came
//! with each packet. Formatting is left to the printers.

use std::time::Duration;

/// Nanoseconds since the Unix epoch, as recorded in the capture.
///
/// Covers 1970 to 2554; readers clamp what lies outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Nanoseconds from `earlier` to `self`; negative when the capture's clock went back.
    pub fn nanos_since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// Time from `earlier` to `self`, zero when the capture's clock went back.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The packet at which something became known, and that packet's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Number of the packet in the capture, from 1.
    pub packet: u64,
    /// When that packet was captured.
    pub time: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_gives_negative_nanoseconds_and_no_duration() {
        let (early, late) = (Timestamp(1_000), Timestamp(1_500));
        assert_eq!(late.nanos_since(early), 500);
        assert_eq!(early.nanos_since(late), -500);
        assert_eq!(late.saturating_since(early), Duration::from_nanos(500));
        assert_eq!(early.saturating_since(late), Duration::ZERO);
    }
}

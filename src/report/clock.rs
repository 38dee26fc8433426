//! The time in front of a row.

use jiff::tz::TimeZone;

use super::Row;
use super::timestamp::{Calendar, TimeFormat, seconds_with_micros, subsecond};
use crate::time::Timestamp;

/// Shows the time of rows, in their order.
#[derive(Debug)]
pub(super) struct Clock {
    format: TimeFormat,
    calendar: Calendar,
    /// Time of the row above.
    above: Option<Timestamp>,
}

impl Clock {
    pub(super) fn new(format: TimeFormat) -> Self {
        let zone = match format {
            TimeFormat::Local => TimeZone::system(),
            _ => TimeZone::UTC,
        };
        Self {
            format,
            calendar: Calendar::readable(zone),
            above: None,
        }
    }

    /// Columns that a time usually takes.
    pub(super) fn width(&self) -> usize {
        match self.format {
            TimeFormat::Relative | TimeFormat::Delta => 10,
            TimeFormat::Epoch => 17,
            TimeFormat::Utc | TimeFormat::Local => 26,
        }
    }

    /// The time of the next row.
    pub(super) fn text(&mut self, row: &Row) -> String {
        match self.format {
            TimeFormat::Relative => seconds_with_micros(row.elapsed),
            TimeFormat::Delta => {
                let above = self.above.replace(row.time).unwrap_or(row.time);
                seconds_with_micros(row.time.nanos_since(above))
            }
            TimeFormat::Epoch => {
                let (seconds, nanos) = (row.time.0 / 1_000_000_000, subsecond(row.time));
                format!("{seconds}.{:06}", nanos / 1000)
            }
            TimeFormat::Utc | TimeFormat::Local => {
                let micros = subsecond(row.time) / 1000;
                format!("{}.{micros:06}", self.calendar.seconds(row.time))
            }
        }
    }
}

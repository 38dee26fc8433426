//! The time in front of a row.

use jiff::tz::TimeZone;

use super::Row;
use super::text::append;
use super::timestamp::{Calendar, TimeFormat, push_seconds, subsecond};
use crate::time::Timestamp;

/// Shows the time of rows, in their order.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    format: TimeFormat,
    calendar: Calendar,
    /// Time of the row above.
    above: Option<Timestamp>,
    text: String,
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
            text: String::new(),
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
    pub(super) fn text(&mut self, row: &Row) -> &str {
        let text = &mut self.text;
        text.clear();
        match self.format {
            TimeFormat::Relative => push_seconds(row.elapsed, text),
            TimeFormat::Delta => {
                let above = self.above.replace(row.time).unwrap_or(row.time);
                push_seconds(row.time.nanos_since(above), text);
            }
            TimeFormat::Epoch => {
                let (seconds, nanos) = (row.time.0 / 1_000_000_000, subsecond(row.time));
                append!(text, "{seconds}.{:06}", nanos / 1000);
            }
            TimeFormat::Utc | TimeFormat::Local => {
                let micros = subsecond(row.time) / 1000;
                append!(text, "{}.{micros:06}", self.calendar.seconds(row.time));
            }
        }
        text
    }
}

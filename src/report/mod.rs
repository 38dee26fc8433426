//! Events in, text out.
//!
//! A [`Printer`] renders one event at a time, without looking at other connections.
//! [`Ordered`] puts what it rendered into packet order and writes it. A new output format
//! is one file here.

mod addresses;
mod chart;
mod clock;
mod columns;
mod connections;
mod csv;
mod duration;
mod fields;
mod figures;
mod follow;
mod har;
mod hex;
mod info;
mod json;
mod ladder;
mod limits;
mod object;
mod ordered;
mod overview;
mod pretty;
mod quoted;
mod rendered;
mod samples;
mod selection;
mod summary;
#[cfg(test)]
mod testing;
mod text;
mod threads;
mod timeline;
mod timestamp;

use std::io::{self, Write};

use crate::Summary;
use crate::event::{Event, EventSink, OtherPacket};

pub use connections::{Connections, Detail, SortKey};
pub use csv::Csv;
pub(crate) use duration::readable;
pub use figures::{Compression, Ends, Figures, Upgrades};
pub use follow::{Follow, FollowStyle, RawPayload};
pub use har::Har;
pub use json::{Json, json_line};
pub use ladder::{Ladder, LadderStyle};
pub use limits::limits_table;
pub use ordered::Ordered;
pub use overview::Overview;
pub use samples::Times;
pub use selection::{Chosen, EventType, Selection, TimeBound};
pub use summary::{closing_lines, count, limits_reached, undecoded};
pub use text::escape;
pub use threads::{on_another_thread, on_threads};
pub use timeline::{Dump, Rows, Style, Timeline};
pub use timestamp::TimeFormat;

pub(crate) use json::{Harmless, seconds, write_json};
pub(crate) use text::{append, by_name, cut_to_width, is_harmful, text_width, wrapped};
pub(crate) use timestamp::seconds_with_micros;

/// Shows a capture: what can be shown as it comes, and the rest at its end.
pub trait View: EventSink {
    /// Writes the rows of packets before `before`, and says whether there were any.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn release(&mut self, before: u64, out: &mut dyn Write) -> io::Result<bool>;

    /// Nothing more comes of this connection, and it is not to be shown.
    fn forget(&mut self, connection: u64) {
        let _ = connection;
    }

    /// Writes all that is left: the capture is over.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn finish(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()>;

    /// What there is to say of how it was shown, for standard error, once all is written.
    fn closing_line(&self) -> Option<String> {
        None
    }
}

/// Renders events as text.
pub trait Printer {
    /// Appends what there is to say about an event, whole lines or nothing. Returns how many
    /// of the bytes are lines that go above the row, before its prefix.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> usize;

    /// Takes note of an event that is not printed, where it says something about one that
    /// may be.
    fn pass_over(&mut self, event: &Event<'_>) {
        let _ = event;
    }

    /// Appends what there is to say about a packet that is not TCP.
    fn other_packet(&mut self, packet: &OtherPacket, out: &mut Vec<u8>) {
        let _ = (packet, out);
    }

    /// Appends what stands above the first row. Called when the first row was rendered, so
    /// that it can suit it.
    fn heading(&mut self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// Appends what stands before a row and depends on the row above it. Called in packet
    /// order, when the row is written.
    fn prefix(&mut self, row: &Row, out: &mut Vec<u8>) {
        let _ = (row, out);
    }
}

/// A printer that renders each event by itself: its clones, each for some of the events,
/// render what one would for all, and its heading and prefixes do not depend on what it
/// rendered. So several threads can share the work, see [`on_threads`].
pub trait RowByRow: Printer + Clone + Send + 'static {}

/// When a rendered row happened.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Number of the packet.
    pub packet: u64,
    /// Time of the packet.
    pub time: crate::time::Timestamp,
    /// Nanoseconds since the capture's first packet.
    pub elapsed: i64,
}

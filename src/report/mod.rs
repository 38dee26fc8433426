//! Events in, text out.
//!
//! A [`Printer`] renders one event at a time, without looking at other connections.
//! [`Ordered`] puts what it rendered into packet order and writes it. A new output format
//! is one file here.

mod columns;
mod duration;
mod hex;
mod info;
mod json;
mod ordered;
mod selection;
mod summary;
mod text;
mod timeline;
mod timestamp;

use crate::event::{Event, OtherPacket};

pub use json::Json;
pub use ordered::Ordered;
pub use selection::{EventType, Selection};
pub use summary::{Connections, closing_lines, count};
pub use text::escape;
pub use timeline::{Rows, Style, Timeline};
pub use timestamp::TimeFormat;

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

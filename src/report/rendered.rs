//! Rows as a printer renders them, before they are put in order.

use std::ops::Range;

use super::{Printer, Row, Selection};
use crate::event::{Event, OtherPacket};

/// Rows, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    text: Vec<u8>,
    rows: Vec<RenderedRow>,
}

#[derive(Debug)]
pub(super) struct RenderedRow {
    pub(super) row: Row,
    /// Lines above it, in the text.
    above: Range<usize>,
    /// The row and what is under it, right behind them.
    body: Range<usize>,
}

impl RenderedRow {
    /// Bytes of the row, with what is above and under it.
    pub(super) fn len(&self) -> usize {
        self.body.end - self.above.start
    }
}

impl Rendered {
    pub(super) fn rows(&self) -> &[RenderedRow] {
        &self.rows
    }

    /// Bytes of all rows, and of those that were taken out since it was empty.
    pub(super) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Lines above a row, and the row with what is under it.
    pub(super) fn text_of(&self, row: &RenderedRow) -> (&[u8], &[u8]) {
        (&self.text[row.above.clone()], &self.text[row.body.clone()])
    }

    pub(super) fn sort(&mut self) {
        // Stable: rows of one packet stay in the order they came.
        self.rows.sort_by_key(|rendered| rendered.row.packet);
    }

    /// Takes the first rows out. Their text stays until nothing is left, or until `compact`.
    pub(super) fn remove_first(&mut self, rows: usize) {
        self.rows.drain(..rows);
        if self.rows.is_empty() {
            self.text.clear();
        }
    }

    /// Makes room for other rows, and does not hold on to that of exceptional ones.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.text.clear();
        self.text.shrink_to(ROOM);
    }

    /// Frees the room of rows that were taken out while others stayed.
    pub(super) fn compact(&mut self) {
        let mut kept = Self::default();
        for rendered in &self.rows {
            kept.copy(self, rendered);
        }
        *self = kept;
    }

    /// Appends one of the rows of `other`.
    pub(super) fn copy(&mut self, other: &Self, rendered: &RenderedRow) {
        let (above, body) = other.text_of(rendered);
        let start = self.text.len();
        self.text.extend_from_slice(above);
        self.text.extend_from_slice(body);
        self.push(rendered.row, start, above.len());
    }

    /// Notes the row whose text is there from `start` on, of which `above` bytes go above it.
    fn push(&mut self, row: Row, start: usize, above: usize) {
        if self.text.len() > start {
            self.rows.push(RenderedRow {
                row,
                above: start..start + above,
                body: start + above..self.text.len(),
            });
        }
    }
}

/// Bytes of text that it has room for once it was cleared, at most.
const ROOM: usize = 1 << 20;

/// A printer, and what it gets to see.
#[derive(Clone, Debug)]
pub(super) struct Renderer<P> {
    pub(super) printer: P,
    selection: Selection,
}

impl<P: Printer> Renderer<P> {
    pub(super) fn new(printer: P, selection: Selection) -> Self {
        Self { printer, selection }
    }

    /// Appends the row of an event, if it has one.
    pub(super) fn event(&mut self, event: &Event<'_>, out: &mut Rendered) {
        let is_chosen = self.selection.chooses(event);
        let cut = self.selection.cut(event);
        let event = cut.as_ref().unwrap_or(event);
        if !is_chosen {
            self.printer.pass_over(event);
            return;
        }
        let start = out.text.len();
        let above = self.printer.event(event, &mut out.text);
        let row = Row {
            packet: event.at.packet,
            time: event.at.time,
            elapsed: event.elapsed,
        };
        out.push(row, start, above);
    }

    /// Appends the row of a packet that is not TCP, if it has one.
    pub(super) fn other_packet(&mut self, packet: &OtherPacket, out: &mut Rendered) {
        if !self.selection.chooses_other(packet) {
            return;
        }
        let start = out.text.len();
        self.printer.other_packet(packet, &mut out.text);
        let row = Row {
            packet: packet.at.packet,
            time: packet.at.time,
            elapsed: packet.elapsed,
        };
        out.push(row, start, 0);
    }
}

//! Rendered rows, written in packet order.

use std::io::{self, Write};
use std::mem;
use std::ops::Range;

use super::rendered::{Rendered, RenderedRow, Renderer};
use super::{Printer, Selection, View, count};
use crate::event::{Event, EventSink, OtherPacket};
use crate::{Limits, Summary};

/// Renders the events that a [`Selection`] chooses, and writes them in packet order.
///
/// Rows wait while the opening of an earlier connection may still be told. When more than
/// [`Limits::max_pending_row_bytes`](crate::Limits) wait, they are written all the same, and a
/// late opening comes after them, with its own packet numbers. So does a SYN that was believed
/// only when a later packet agreed with it, because another connection of the same ends was
/// open.
#[derive(Debug)]
pub struct Ordered<P> {
    renderer: Renderer<P>,
    /// Rows that wait.
    pending: Rendered,
    /// How many of them are counted in what follows.
    counted: usize,
    /// Bytes of the rows that wait.
    waiting: usize,
    max_waiting: usize,
    /// The latest packet of a row that was written only because too many waited.
    forced: u64,
    /// Rows of packets before it that came after it.
    late: u64,
    /// The heading was written.
    begun: bool,
    /// A row came whose packet is before that of the row above it.
    unsorted: bool,
    line: Vec<u8>,
}

impl<P: Printer> Ordered<P> {
    /// Rows of `printer`, for the events that `selection` chooses.
    pub fn new(printer: P, selection: Selection) -> Self {
        Self {
            renderer: Renderer::new(printer, selection),
            pending: Rendered::default(),
            counted: 0,
            waiting: 0,
            max_waiting: Limits::default().max_pending_row_bytes,
            forced: 0,
            late: 0,
            begun: false,
            unsorted: false,
            line: Vec::new(),
        }
    }

    /// The same with another limit than the default,
    /// [`Limits::max_pending_row_bytes`](crate::Limits).
    #[must_use]
    pub fn with_max_pending(mut self, bytes: usize) -> Self {
        self.max_waiting = bytes;
        self
    }

    /// What renders its rows.
    pub(super) fn renderer(&self) -> &Renderer<P> {
        &self.renderer
    }

    /// Takes rows that were rendered elsewhere. They wait for a release.
    pub(super) fn take(&mut self, rendered: &Rendered, rows: Range<usize>) {
        for row in &rendered.rows()[rows] {
            self.pending.copy(rendered, row);
        }
    }

    /// Takes rows that were rendered elsewhere, and writes those of packets before `before`, and
    /// those that waited. Says whether there were any.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub(super) fn release_with(
        &mut self,
        rendered: &Rendered,
        rows: Range<usize>,
        before: u64,
        out: &mut dyn Write,
    ) -> io::Result<bool> {
        let new = &rendered.rows()[rows.clone()];
        let are_decided = new.last().is_none_or(|last| last.row.packet < before)
            && new.is_sorted_by_key(|rendered| rendered.row.packet);
        if self.pending.rows().is_empty() && are_decided {
            // As they mostly are: then they need not be copied.
            self.write(rendered, rows.clone(), out)?;
            return Ok(!rows.is_empty());
        }
        self.take(rendered, rows);
        self.release(before, out)
    }

    /// Writes rows, behind the heading if they are the first.
    fn write(
        &mut self,
        rendered: &Rendered,
        rows: Range<usize>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let printer = &mut self.renderer.printer;
        if !rows.is_empty() && !mem::replace(&mut self.begun, true) {
            self.line.clear();
            printer.heading(&mut self.line);
            out.write_all(&self.line)?;
        }
        for row in &rendered.rows()[rows] {
            self.late += u64::from(row.row.packet < self.forced);
            let (above, body) = rendered.text_of(row);
            out.write_all(above)?;
            self.line.clear();
            printer.prefix(&row.row, &mut self.line);
            out.write_all(&self.line)?;
            out.write_all(body)?;
        }
        Ok(())
    }

    /// Counts the rows that came since the last time.
    fn count_rows(&mut self) {
        let rows = self.pending.rows();
        for at in self.counted..rows.len() {
            let before = at.checked_sub(1).map_or(0, |last| rows[last].row.packet);
            self.unsorted |= rows[at].row.packet < before;
            self.waiting += rows[at].len();
        }
        self.counted = rows.len();
    }
}

impl<P: Printer> View for Ordered<P> {
    fn release(&mut self, before: u64, out: &mut dyn Write) -> io::Result<bool> {
        self.count_rows();
        if self.counted == 0 {
            return Ok(false);
        }
        if mem::take(&mut self.unsorted) {
            self.pending.sort();
        }
        // Where `out` fails they are gone: it gets no more rows in any case.
        let mut pending = mem::take(&mut self.pending);
        let rows = pending.rows();
        let decided = rows.partition_point(|pending| pending.row.packet < before);
        let forced = self.waiting > self.max_waiting;
        let ready = if forced { rows.len() } else { decided };
        self.write(&pending, 0..ready, out)?;
        self.waiting -= rows[..ready].iter().map(RenderedRow::len).sum::<usize>();
        if forced && decided < ready {
            let until = rows[ready - 1].row.packet;
            self.forced = self.forced.max(until);
        }
        pending.remove_first(ready);
        self.counted -= ready;
        if pending.text_len() > 4 * self.max_waiting.max(1 << 10) {
            pending.compact();
        }
        self.pending = pending;
        Ok(ready > 0)
    }

    fn finish(&mut self, _summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        self.release(u64::MAX, out)?;
        Ok(())
    }

    fn closing_line(&self) -> Option<String> {
        let late = count(self.late, "row comes", "rows come");
        (self.late > 0)
            .then(|| format!("{late} after later ones because too many waited (--limit row-bytes)"))
    }
}

impl<P: Printer> EventSink for Ordered<P> {
    fn event(&mut self, event: &Event<'_>) {
        self.renderer.event(event, &mut self.pending);
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        self.renderer.other_packet(packet, &mut self.pending);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Numbers, tell};
    use super::*;

    #[test]
    fn rows_wait_for_the_opening_of_an_earlier_connection() -> io::Result<()> {
        let mut ordered = Ordered::new(Numbers, Selection::default());
        let mut out = Vec::new();
        tell(&mut ordered, 3, 2);
        tell(&mut ordered, 5, 2);
        assert!(!ordered.release(1, &mut out)?);
        tell(&mut ordered, 1, 1);
        tell(&mut ordered, 4, 1);
        tell(&mut ordered, 5, 1);
        assert!(ordered.release(5, &mut out)?);
        assert_eq!(out, b"1/1 3/2 4/1 ");
        ordered.release(u64::MAX, &mut out)?;
        assert_eq!(out, b"1/1 3/2 4/1 5/2 5/1 ");
        Ok(())
    }

    #[test]
    fn rows_wait_only_up_to_a_limit() -> io::Result<()> {
        let mut ordered = Ordered::new(Numbers, Selection::default());
        let mut out = Vec::new();
        let mut told = 0;
        while out.is_empty() {
            told += 1;
            tell(&mut ordered, told + 1, 2);
            ordered.release(1, &mut out)?;
        }
        assert!(told > 1000);
        tell(&mut ordered, 1, 1);
        out.clear();
        assert_eq!(ordered.closing_line(), None);
        ordered.release(u64::MAX, &mut out)?;
        assert_eq!(out, b"1/1 ");
        let line = "1 row comes after later ones because too many waited (--limit row-bytes)";
        assert_eq!(ordered.closing_line().as_deref(), Some(line));
        Ok(())
    }
}

//! Rendered rows, written in packet order.

use std::io::{self, Write};
use std::ops::Range;

use super::{Printer, Row, Selection, View, count};
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
    printer: P,
    selection: Selection,
    /// Rendered rows, in the order they came.
    pending: Vec<u8>,
    rows: Vec<Pending>,
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

/// A rendered row.
#[derive(Debug)]
struct Pending {
    row: Row,
    /// Lines above it, in `pending`.
    above: Range<usize>,
    /// The row and what is under it.
    body: Range<usize>,
}

impl<P: Printer> Ordered<P> {
    /// Rows of `printer`, for the events that `selection` chooses.
    pub fn new(printer: P, selection: Selection) -> Self {
        Self {
            printer,
            selection,
            pending: Vec::new(),
            rows: Vec::new(),
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

    /// Frees the room of rows that were written while others waited.
    fn compact(&mut self) {
        let mut kept = Vec::with_capacity(self.waiting);
        for Pending { above, body, .. } in &mut self.rows {
            let start = kept.len();
            kept.extend_from_slice(&self.pending[above.start..body.end]);
            *body = start + above.len()..kept.len();
            *above = start..body.start;
        }
        self.pending = kept;
    }

    /// Notes what was rendered from `start` on, of which `above` bytes go above the row.
    fn note(&mut self, row: Row, start: usize, above: usize) {
        if self.pending.len() == start {
            return;
        }
        let last = self.rows.last().map_or(0, |last| last.row.packet);
        self.unsorted |= row.packet < last;
        self.waiting += self.pending.len() - start;
        self.rows.push(Pending {
            row,
            above: start..start + above,
            body: start + above..self.pending.len(),
        });
    }
}

impl<P: Printer> View for Ordered<P> {
    fn release(&mut self, before: u64, out: &mut dyn Write) -> io::Result<bool> {
        if self.rows.is_empty() {
            return Ok(false);
        }
        if self.unsorted {
            // Stable: rows of one packet stay in the order they came.
            self.rows.sort_by_key(|pending| pending.row.packet);
            self.unsorted = false;
        }
        let decided = self
            .rows
            .partition_point(|pending| pending.row.packet < before);
        let forced = self.waiting > self.max_waiting;
        let ready = if forced { self.rows.len() } else { decided };
        if ready > 0 && !std::mem::replace(&mut self.begun, true) {
            self.line.clear();
            self.printer.heading(&mut self.line);
            out.write_all(&self.line)?;
        }
        let until = self.rows[..ready].last().map_or(0, |last| last.row.packet);
        for Pending { row, above, body } in self.rows.drain(..ready) {
            self.late += u64::from(row.packet < self.forced);
            out.write_all(&self.pending[above.clone()])?;
            self.line.clear();
            self.printer.prefix(&row, &mut self.line);
            out.write_all(&self.line)?;
            out.write_all(&self.pending[body.clone()])?;
            self.waiting -= body.end - above.start;
        }
        if forced && decided < ready {
            self.forced = self.forced.max(until);
        }
        if self.rows.is_empty() {
            self.pending.clear();
        } else if self.pending.len() > 4 * self.max_waiting.max(1 << 10) {
            self.compact();
        }
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
        let is_chosen = self.selection.chooses(event);
        let cut = self.selection.cut(event);
        let event = cut.as_ref().unwrap_or(event);
        if !is_chosen {
            self.printer.pass_over(event);
            return;
        }
        let start = self.pending.len();
        let above = self.printer.event(event, &mut self.pending);
        let row = Row {
            packet: event.at.packet,
            time: event.at.time,
            elapsed: event.elapsed,
        };
        self.note(row, start, above);
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        if !self.selection.chooses_other(packet) {
            return;
        }
        let start = self.pending.len();
        self.printer.other_packet(packet, &mut self.pending);
        let row = Row {
            packet: packet.at.packet,
            time: packet.at.time,
            elapsed: packet.elapsed,
        };
        self.note(row, start, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, OpeningFacts, Peers};
    use crate::flow::{Direction, TcpEvent, TcpEventKind};
    use crate::time::{Moment, Timestamp};
    use crate::wire::TcpFlags;

    /// Prints nothing but packet and connection number.
    struct Numbers;

    impl Printer for Numbers {
        fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> usize {
            out.extend_from_slice(format!("/{} ", event.connection.number).as_bytes());
            0
        }

        fn prefix(&mut self, row: &Row, out: &mut Vec<u8>) {
            out.extend_from_slice(row.packet.to_string().as_bytes());
        }
    }

    fn tell(ordered: &mut Ordered<Numbers>, packet: u64, connection: u64) {
        let end = ([127, 0, 0, 1], 1).into();
        ordered.event(&Event {
            at: Moment {
                packet,
                time: Timestamp(packet),
            },
            elapsed: 0,
            connection: Peers {
                number: connection,
                client: end,
                server: end,
            },
            packet: None,
            opening: OpeningFacts::default(),
            from: Direction::ClientToServer,
            kind: EventKind::Tcp(TcpEvent {
                kind: TcpEventKind::Ack,
                flags: TcpFlags::ACK,
                seq: 0,
                ack: None,
                length: 0,
            }),
        });
    }

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

//! The rules of what never came: a Pong, a Close frame, an answer to it.

use super::Bench;
use super::keys::Keys;
use super::pings::Ping;
use super::watched::Watched;
use crate::anomaly::Rule;
use crate::event::ConnectionReport;
use crate::flow::{Direction, Segments, TcpEnd};
use crate::report::readable;

impl Watched {
    /// The connection is over, or the capture is.
    pub(super) fn finish(
        mut self,
        bench: &mut Bench<'_>,
        report: &ConnectionReport,
        keys: &mut Keys,
    ) {
        if let Some(mark) = &self.key {
            keys.answered(mark, bench.event.connection.number);
        }
        let is_over = report.tcp_end != TcpEnd::Open;
        match self.closer {
            None => {
                self.overdue(bench);
                if is_over {
                    self.no_close(bench, report.tcp_end);
                }
            }
            Some(closer) => self.unanswered_close(bench, closer),
        }
        // Where TCP goes on, the right Pong may still come.
        if is_over {
            for pinger in Direction::BOTH {
                self.settle(bench, pinger);
            }
        }
        for from in Direction::BOTH {
            self.retransmissions(bench, from, report.totals[from.index()].segments);
        }
    }

    /// Says which Pings of either side have waited too long by now.
    pub(super) fn overdue(&mut self, bench: &mut Bench<'_>) {
        for pinger in Direction::BOTH {
            // Who has sent FIN sends no Pong any more.
            let end = self.half(pinger.reversed()).end.map(|end| end.place);
            let until = end.unwrap_or(bench.place());
            let bound = bench.bounds.pong;
            self.unanswered(
                bench,
                pinger,
                |ping| until.since(ping.place) >= bound,
                |ping| format!("no Pong within {}", readable(until.since(ping.place))),
            );
        }
    }

    /// Says which Pings of `pinger` should have been answered by now, and why.
    pub(super) fn unanswered(
        &mut self,
        bench: &mut Bench<'_>,
        pinger: Direction,
        is_due: impl Fn(&Ping) -> bool,
        why: impl Fn(&Ping) -> String,
    ) {
        let half = self.half_mut(pinger);
        // Over a broken rule the peer may fail the connection without a word.
        if half.faulty {
            return;
        }
        for ping in half.pings.take_unanswered(is_due) {
            let detail = why(&ping);
            bench.find_at(ping.place, Rule::UnansweredPing, pinger.reversed(), detail);
        }
    }

    /// No Pong for Pings of `pinger` will come: tells of those that came in their place.
    pub(super) fn settle(&mut self, bench: &mut Bench<'_>, pinger: Direction) {
        let whole = self.whole;
        let pings = &mut self.half_mut(pinger).pings;
        for (ping, pong) in pings.mismatches().filter(|_| whole) {
            let detail = format!(
                "the Ping of packet {} had another payload",
                ping.place.packet
            );
            bench.find_at(pong, Rule::MismatchedPong, pinger.reversed(), detail);
        }
        pings.clear();
    }

    /// `closer` sent the first Close frame, and the connection is over.
    fn unanswered_close(&self, bench: &mut Bench<'_>, closer: Direction) {
        let peer = self.half(closer.reversed());
        let half = self.half(closer);
        let Some(close) = half.close else { return };
        // Where frames of the peer are none, its answer may have been among them.
        let is_readable = self.whole && peer.fault.is_none();
        if peer.close.is_some() || !is_readable || half.faulty {
            return;
        }
        let who = closer.reversed().sender();
        let waited = bench.place().since(close.place);
        let detail = match peer.end {
            // What left before it could know of the Close owes no answer.
            Some(end) if end.had_received(close.end) => {
                format!("the {who} sent {} in packet {}", end.what, end.place.packet)
            }
            None if waited >= bench.bounds.pong => {
                format!("nothing from the {who} within {}", readable(waited))
            }
            Some(_) | None => return,
        };
        bench.find_at(
            close.place,
            Rule::UnansweredClose,
            closer.reversed(),
            detail,
        );
    }

    /// TCP ended, and nobody sent a Close frame.
    fn no_close(&self, bench: &mut Bench<'_>, tcp_end: TcpEnd) {
        let is_excused = Direction::BOTH.iter().any(|side| self.half(*side).faulty);
        if !self.whole || is_excused {
            return;
        }
        let ends = Direction::BOTH.map(|side| self.half(side).end.map(|end| (side, end)));
        let first = ends
            .into_iter()
            .flatten()
            .min_by_key(|(_, end)| end.place.packet);
        if let Some((side, end)) = first {
            let detail = format!("the {} sent {}", side.sender(), end.what);
            bench.find_at(end.place, Rule::NoClose, side, detail);
        } else {
            let detail = format!("TCP ended with {}", tcp_end.name());
            bench.find(Rule::NoClose, bench.event.from, detail);
        }
    }

    fn retransmissions(&self, bench: &mut Bench<'_>, from: Direction, segments: Segments) {
        let Segments {
            sent,
            retransmitted,
        } = segments;
        let percent = share(retransmitted, sent);
        if sent < super::Bounds::MIN_SEGMENTS || percent <= bench.bounds.retransmission_percent {
            return;
        }
        let who = from.sender();
        let detail = format!("{who}: {retransmitted} of {sent} segments ({percent:.1} %)");
        let place = self.half(from).retransmission;
        bench.find_at(
            place.unwrap_or_else(|| bench.place()),
            Rule::Retransmissions,
            from,
            detail,
        );
    }
}

/// How many percent `part` is of `whole`.
// No connection has so many segments that the digits that are lost would show.
#[allow(clippy::cast_precision_loss)]
fn share(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

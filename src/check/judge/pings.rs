//! Pings of one side that wait for their Pong.

use std::collections::VecDeque;

use crate::check::Place;

/// Pings of one side, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pings {
    waiting: VecDeque<Ping>,
}

/// Pings that are remembered per direction. The oldest is forgotten.
const MAX_PINGS: usize = 16;

/// A Ping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ping {
    /// Stands for its payload.
    pub(super) mark: u64,
    pub(super) place: Place,
    /// Where its packet ends in the stream of its sender, if that is known.
    pub(super) end: Option<i64>,
    /// It was sent after a frame for which the peer has to fail the connection.
    pub(super) after_fault: bool,
    /// The Pong that came after it with another payload.
    pub(super) mismatch: Option<Place>,
}

impl Pings {
    pub(super) fn push(&mut self, ping: Ping) {
        if self.waiting.len() == MAX_PINGS {
            self.waiting.pop_front();
        }
        self.waiting.push_back(ping);
    }

    /// A Pong came with the payload that `mark` stands for. Returns its Ping. Those before
    /// it are settled as well: a peer may answer the latest only (RFC 6455 §5.5.3).
    pub(super) fn answered(&mut self, mark: u64) -> Option<Ping> {
        let place = self.waiting.iter().position(|ping| ping.mark == mark)?;
        self.waiting.drain(..=place).next_back()
    }

    /// A Pong came that answers none of them, from a peer that had received all bytes before
    /// `ack`. Says whether there was one that it should have answered.
    pub(super) fn mismatched(&mut self, pong: Place, ack: i64) -> bool {
        let received = |ping: &Ping| ping.end.is_some_and(|end| end <= ack);
        let latest = self.waiting.iter_mut().rfind(|ping| received(ping));
        if let Some(ping) = latest {
            ping.mismatch.get_or_insert(pong);
            return true;
        }
        false
    }

    /// Those that a Pong should have answered and did not, each with where that is.
    pub(super) fn mismatches(&self) -> impl Iterator<Item = (&Ping, Place)> {
        let waiting = self.waiting.iter();
        waiting.filter_map(|ping| Some((ping, ping.mismatch?)))
    }

    /// Takes those that `is_due` chooses of the ones for which, and after which, no Pong came
    /// at all.
    pub(super) fn take_unanswered(&mut self, is_due: impl Fn(&Ping) -> bool) -> Vec<Ping> {
        let ponged = |ping: &Ping| ping.mismatch.is_some();
        let last = self.waiting.iter().rposition(ponged);
        let without = self.waiting.split_off(last.map_or(0, |last| last + 1));
        let (due, rest) = without.into_iter().partition::<Vec<_>, _>(is_due);
        self.waiting.extend(rest);
        due
    }

    /// Nothing more can be said of them.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(packet: u64) -> Place {
        Place {
            packet,
            elapsed: 0,
            connection: 1,
        }
    }

    /// Pings with these marks, at packets and ends of the same number.
    fn sent(marks: &[u8]) -> Pings {
        let mut pings = Pings::default();
        for &mark in marks {
            pings.push(Ping {
                mark: mark.into(),
                place: place(mark.into()),
                end: Some(mark.into()),
                after_fault: false,
                mismatch: None,
            });
        }
        pings
    }

    fn unanswered(pings: &mut Pings) -> Vec<u64> {
        let due = pings.take_unanswered(|_| true).into_iter();
        due.map(|ping| ping.mark).collect()
    }

    #[test]
    fn a_pong_settles_the_pings_before_its_own() {
        let mut pings = sent(&[1, 2, 3, 4]);
        assert_eq!(pings.answered(2).map(|ping| ping.mark), Some(2));
        assert!(pings.answered(1).is_none());
        assert_eq!(unanswered(&mut pings), [3, 4]);
        assert!(unanswered(&mut pings).is_empty());
    }

    #[test]
    fn a_pong_of_another_payload_is_for_the_latest_ping_that_had_arrived() {
        let mut pings = sent(&[1, 3, 5]);
        assert!(pings.mismatched(place(6), 4));
        assert_eq!(unanswered(&mut pings), [5]);
        let mismatches = pings.mismatches().map(|(ping, pong)| (ping.mark, pong));
        assert_eq!(mismatches.collect::<Vec<_>>(), [(3, place(6))]);
        assert!(pings.answered(3).is_some());
        assert_eq!(pings.mismatches().count(), 0);
    }

    #[test]
    fn a_pong_that_was_sent_before_the_ping_arrived_is_for_none() {
        let mut pings = sent(&[5]);
        assert!(!pings.mismatched(place(6), 4));
        assert_eq!(unanswered(&mut pings), [5]);
    }

    #[test]
    fn the_oldest_ping_is_forgotten() {
        let marks: Vec<u8> = (0..20).collect();
        let mut pings = sent(&marks);
        assert_eq!(unanswered(&mut pings), (4..20).collect::<Vec<_>>());
    }
}

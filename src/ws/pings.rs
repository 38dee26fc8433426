//! Which Pong answers which Ping (RFC 6455 §5.5.3).

use std::collections::VecDeque;

use super::frame::MAX_CONTROL_LEN;
use super::message::Frame;
use crate::flow::Direction;
use crate::time::Timestamp;

/// Pings of a connection that no Pong has answered.
///
/// By itself on the heap, since there are connections without any.
#[derive(Debug, Default)]
pub(super) struct Pings(Option<Box<[VecDeque<Ping>; 2]>>);

#[derive(Debug)]
struct Ping {
    payload: Box<[u8]>,
    at: Timestamp,
}

impl Pings {
    /// Bytes on the heap, with room for the longest payload in each place.
    pub(super) fn heap_bytes(&self) -> usize {
        let Some(ways) = &self.0 else { return 0 };
        let places: usize = ways.iter().map(VecDeque::capacity).sum();
        size_of_val(&**ways) + places * (size_of::<Ping>() + MAX_CONTROL_LEN)
    }

    /// Remembers a Ping that was sent in `direction`, as one of `most` there; says whether
    /// another was forgotten for it.
    pub(super) fn sent(
        &mut self,
        direction: Direction,
        ping: &Frame<'_>,
        at: Timestamp,
        most: usize,
    ) -> bool {
        let sent = &mut self.0.get_or_insert_default()[direction.index()];
        let is_full = sent.len() >= most;
        if is_full {
            sent.pop_front();
        }
        sent.push_back(Ping {
            payload: start_of(ping).into(),
            at,
        });
        is_full
    }

    /// When the Ping was sent that this Pong of `direction` answers, if it answers one.
    pub(super) fn answered(&mut self, direction: Direction, pong: &Frame<'_>) -> Option<Timestamp> {
        let sent = &mut self.0.as_mut()?[direction.reversed().index()];
        if pong.cut_short {
            return None;
        }
        // Each Ping has its Pong, in order, unless the peer answers only the most recent of
        // several: then those before it are settled as well.
        let place = sent
            .iter()
            .position(|ping| *ping.payload == *start_of(pong))?;
        sent.drain(..=place).next_back().map(|ping| ping.at)
    }
}

/// What Pings are told apart by: payloads that are too long for a control frame, by their
/// start.
fn start_of<'f>(frame: &Frame<'f>) -> &'f [u8] {
    &frame.payload[..frame.payload.len().min(MAX_CONTROL_LEN)]
}

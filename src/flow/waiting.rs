//! Segments of one direction that wait behind missing bytes.

use std::collections::BTreeMap;

/// What waits, by its offset in the stream.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// They do not overlap.
    held: BTreeMap<u64, Held>,
    /// What `held` costs, see [`HELD_OVERHEAD`].
    cost: usize,
    /// Ranges that `held` covers without a hole: where each begins, and its end. A segment of
    /// which the snap length left little may reach over very many that wait; this way they
    /// are not looked at one by one.
    runs: BTreeMap<u64, u64>,
}

/// A segment that waits.
#[derive(Debug)]
pub(super) struct Held {
    /// As captured.
    pub(super) bytes: Box<[u8]>,
    /// Bytes on the wire; the snap length may have cut some off `bytes`.
    pub(super) wire_len: u64,
}

/// Bookkeeping per waiting segment, counted so that a flood of 1-byte segments meets
/// the limit as well.
pub(super) const HELD_OVERHEAD: usize = 64;

/// What a waiting segment may take beyond that: its own heap block, and its part of nodes of
/// the map that are less than half full.
const HELD_SLACK: usize = 32;

/// A node of each map, which the first waiting segment needs whole.
const NODE_BYTES: usize = 400 + 200;

/// What a range of `runs` takes, with its part of nodes that are less than half full.
const RUN_BYTES: usize = 40;

impl Waiting {
    /// Bytes on the heap, and its own.
    pub(super) fn bytes(&self) -> usize {
        let node = if self.held.is_empty() { 0 } else { NODE_BYTES };
        let waiting = self.cost + self.held.len() * HELD_SLACK + self.runs.len() * RUN_BYTES;
        size_of::<Self>() + waiting + node
    }

    /// What the segments count of [`Limits::max_out_of_order_bytes`](crate::Limits).
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Where the first segment begins.
    pub(super) fn first(&self) -> Option<u64> {
        self.held.first_key_value().map(|(at, _)| *at)
    }

    /// Where the last segment begins.
    pub(super) fn last(&self) -> Option<u64> {
        self.held.last_key_value().map(|(at, _)| *at)
    }

    /// Whether all bytes from `start` to `end` wait.
    pub(super) fn covers(&self, start: u64, end: u64) -> bool {
        self.run_end(start).is_some_and(|run_end| run_end >= end)
    }

    /// Takes out the first segment, with where it begins, if that is not behind `next`.
    pub(super) fn take_until(&mut self, next: u64) -> Option<(u64, Held)> {
        let entry = self.held.first_entry()?;
        if *entry.key() > next {
            return None;
        }
        let (at, held) = entry.remove_entry();
        self.cost -= held.bytes.len() + HELD_OVERHEAD;
        Some((at, held))
    }

    /// The segments that [`Waiting::take_until`] gave wait no more.
    pub(super) fn forget_before(&mut self, next: u64) {
        // What has no hole goes as a whole.
        while let Some(entry) = self.runs.first_entry() {
            if *entry.key() >= next {
                break;
            }
            entry.remove();
        }
    }

    /// Keeps those bytes that do not wait already; returns the first conflict with
    /// those that do.
    pub(super) fn hold(&mut self, offset: u64, payload: &[u8], wire_len: u64) -> Option<u64> {
        let end = offset + wire_len;
        let mut conflict = None;
        let mut at = offset;
        while at < end {
            if at - offset >= payload.len() as u64
                && let Some(run_end) = self.run_end(at)
            {
                // Nothing was captured that could be compared with what waits.
                at = run_end;
                continue;
            }
            let before = self
                .held
                .range(..=at)
                .next_back()
                .map(|(&start, held)| (start, start + held.wire_len))
                .filter(|&(_, held_end)| held_end > at);
            if let Some((start, held_end)) = before {
                let upto = end.min(held_end);
                if let Some(held) = self.held.get(&start) {
                    let new = slice(payload, at - offset, upto - offset);
                    let old = slice(&held.bytes, at - start, upto - start);
                    let differs = new.iter().zip(old).position(|(new, old)| new != old);
                    conflict = conflict.or(differs.map(|place| at + place as u64));
                }
                at = upto;
                continue;
            }
            let upto = self
                .held
                .range(at..)
                .next()
                .map_or(end, |(&start, _)| end.min(start));
            let bytes: Box<[u8]> = slice(payload, at - offset, upto - offset).into();
            self.cost += bytes.len() + HELD_OVERHEAD;
            let wire_len = upto - at;
            self.held.insert(at, Held { bytes, wire_len });
            self.cover(at, upto);
            at = upto;
        }
        conflict
    }

    /// Where the waiting bytes end that are there from `at` on without a hole.
    fn run_end(&self, at: u64) -> Option<u64> {
        let (_, &end) = self.runs.range(..=at).next_back()?;
        (end > at).then_some(end)
    }

    /// Notes that bytes from `start` to `end` wait now.
    fn cover(&mut self, start: u64, mut end: u64) {
        if let Some(joined) = self.runs.remove(&end) {
            end = joined;
        }
        match self.runs.range_mut(..start).next_back() {
            Some((_, before)) if *before == start => *before = end,
            _ => {
                self.runs.insert(start, end);
            }
        }
    }
}

/// The part of `bytes` from `start` to `end` that is there.
fn slice(bytes: &[u8], start: u64, end: u64) -> &[u8] {
    let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    &bytes[clamp(start)..clamp(end)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_without_a_hole_are_those_of_the_segments_that_wait() {
        let mut waiting = Waiting::default();
        let (mut next, mut state) = (0, 7_u64);
        for step in 0..5_000 {
            state = (state * 1_103_515_245 + 12_345) % (1 << 32);
            let (at, len) = (1 + (state >> 16) % 500, 1 + (state >> 8) % 9);
            // Some of it was cut off, and now and then the hole before all of it is filled.
            let at = next + if step % 40 == 39 { 0 } else { at };
            let captured = vec![0; usize::try_from(state % (len + 1)).unwrap_or_default()];
            waiting.hold(at, &captured, len);
            while let Some((at, held)) = waiting.take_until(next) {
                next = next.max(at + held.wire_len);
            }
            waiting.forget_before(next);
            let mut expected: Vec<(u64, u64)> = Vec::new();
            let mut cost = 0;
            for (&start, held) in &waiting.held {
                cost += held.bytes.len() + HELD_OVERHEAD;
                match expected.last_mut().filter(|(_, end)| *end == start) {
                    Some((_, end)) => *end += held.wire_len,
                    None => expected.push((start, start + held.wire_len)),
                }
            }
            let runs: Vec<_> = waiting.runs.iter().map(|(a, b)| (*a, *b)).collect();
            assert_eq!(runs, expected, "step {step}");
            assert_eq!(waiting.cost(), cost, "step {step}");
        }
        assert!(next > 1_000);
    }
}

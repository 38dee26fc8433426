//! The last bytes of one direction, for a comparison with what is sent again.

/// The last delivered bytes: those that the peer has not acknowledged yet, and a few more.
#[derive(Debug)]
pub(super) struct Recent {
    /// Not acknowledged. A silent connection has a buffer for none.
    unacknowledged: Vec<u8>,
    /// What was delivered just before `unacknowledged`, in the first `tail_len` places.
    tail: [u8; TAIL],
    tail_len: u8,
    /// Offset of the byte behind the last.
    end: u64,
    /// What was delivered from here on is there, but for what the limit took away.
    since: u64,
}

/// Acknowledged bytes that are compared all the same: who forges a segment sends it right
/// behind the one it contradicts, and acknowledgments are quick. More would be much of what a
/// silent connection takes.
pub(super) const TAIL: usize = 128;

/// A buffer for bytes up to the first of these has room in steps of this size, so that a small
/// message that is not acknowledged takes little. For more there is room for two full segments
/// at once, which one acknowledgment answers.
const STEP: usize = 64;
const SMALL: usize = 1 << 10;
const LARGE: usize = 3 << 10;

impl Default for Recent {
    fn default() -> Self {
        Self {
            unacknowledged: Vec::new(),
            tail: [0; TAIL],
            tail_len: 0,
            end: 0,
            since: 0,
        }
    }
}

impl Recent {
    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.unacknowledged.capacity()
    }

    /// Takes the bytes that are delivered now, and keeps twice `limit` at most.
    pub(super) fn append(&mut self, offset: u64, bytes: &[u8], limit: usize) {
        if offset != self.end {
            self.since = offset;
        }
        // Where the limit leaves only the end of these bytes, those before do not adjoin it.
        if offset != self.end || bytes.len() > limit {
            self.unacknowledged.clear();
            self.tail_len = 0;
        }
        let kept = &bytes[bytes.len().saturating_sub(limit)..];
        let unacknowledged = &mut self.unacknowledged;
        let len = unacknowledged.len() + kept.len();
        if len > 2 * limit {
            let surplus = unacknowledged.len().saturating_sub(limit);
            unacknowledged.drain(..surplus);
            self.tail_len = 0;
        } else if len > unacknowledged.capacity() && len <= LARGE {
            let room = if len <= SMALL {
                len.next_multiple_of(STEP)
            } else {
                LARGE
            };
            // A buffer that grows where it is makes the allocator look at what lies beside it.
            let mut buffer = Vec::with_capacity(room);
            buffer.extend_from_slice(unacknowledged);
            *unacknowledged = buffer;
        }
        unacknowledged.extend_from_slice(kept);
        self.end = offset + bytes.len() as u64;
    }

    /// The peer acknowledged all bytes before `acked`.
    pub(super) fn forget_before(&mut self, acked: u64) {
        if acked < self.end {
            return;
        }
        if !self.unacknowledged.is_empty() {
            let bytes = std::mem::take(&mut self.unacknowledged);
            let new = &bytes[bytes.len().saturating_sub(TAIL)..];
            let len = usize::from(self.tail_len);
            let old = len.min(TAIL - new.len());
            if old > 0 {
                self.tail.copy_within(len - old..len, 0);
            }
            self.tail[old..old + new.len()].copy_from_slice(new);
            self.tail_len = u8::try_from(old + new.len()).unwrap_or_default();
        }
        self.since = self.start();
    }

    /// Offset of the first byte that is there.
    fn start(&self) -> u64 {
        self.end - self.unacknowledged.len() as u64 - u64::from(self.tail_len)
    }

    /// Whether the limit took away bytes from `from` to `to` that the peer, as far as `acked`
    /// tells, had not acknowledged.
    pub(super) fn lacks(&self, from: i64, to: i64, acked: u64) -> bool {
        let first = self.since.max(acked).cast_signed().max(from);
        first < self.start().cast_signed().min(to)
    }

    /// Offset of the first byte of `bytes` that differs from what was delivered there.
    pub(super) fn first_difference(&self, offset: i64, bytes: &[u8]) -> Option<u64> {
        let tail = &self.tail[..usize::from(self.tail_len)];
        let start = self.start().cast_signed();
        let behind = start + i64::from(self.tail_len);
        let differs = |at, old: &[u8]| {
            let skip_new = usize::try_from(at - offset).unwrap_or(0);
            let skip_old = usize::try_from(offset - at).unwrap_or(0);
            let (new, old) = (bytes.get(skip_new..)?, old.get(skip_old..)?);
            let place = new.iter().zip(old).position(|(new, old)| new != old)?;
            u64::try_from(offset + i64::try_from(skip_new + place).ok()?).ok()
        };
        differs(start, tail).or_else(|| differs(behind, &self.unacknowledged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that a stream has at an offset here.
    fn stream(from: u64, len: usize) -> Vec<u8> {
        let byte = |at: u64| u8::try_from(at % 251).unwrap_or_default();
        (from..).take(len).map(byte).collect()
    }

    /// The offset at which a byte that was altered is noticed.
    fn noticed(recent: &Recent, at: u64) -> Option<u64> {
        let from = at.saturating_sub(100);
        let mut again = stream(from, 200);
        again[usize::try_from(at - from).unwrap_or_default()] ^= 1;
        recent.first_difference(from.cast_signed(), &again)
    }

    #[test]
    fn what_is_not_acknowledged_and_a_few_bytes_before_it_are_compared() {
        let mut recent = Recent::default();
        let mut state = 1_u64;
        let (mut end, mut first) = (0, 0);
        for step in 0..3_000 {
            state = (state * 1_103_515_245 + 12_345) % (1 << 32);
            let len = 1 + (state >> 8) % 300;
            let bytes = stream(end, usize::try_from(len).unwrap_or_default());
            recent.append(end, &bytes, 1 << 20);
            end += len;
            if state.is_multiple_of(3) {
                recent.forget_before(end);
                first = end.saturating_sub(TAIL as u64);
                assert_eq!(recent.heap_bytes(), 0, "step {step}");
            }
            for at in [first, end.midpoint(first), end - 1] {
                assert_eq!(noticed(&recent, at), Some(at), "step {step}");
            }
            let before = first.checked_sub(1);
            let before = before.and_then(|before| noticed(&recent, before));
            assert_eq!(before, None, "step {step}");
        }
    }

    #[test]
    fn bytes_before_a_part_that_the_limit_took_away_are_not_compared_with_others() {
        let mut recent = Recent::default();
        recent.append(0, &stream(0, 5), 8);
        recent.append(5, &stream(5, 20), 8);
        assert_eq!(recent.first_difference(0, &stream(0, 25)), None);
        assert_eq!(recent.first_difference(17, b"\xff"), Some(17));
        assert!(recent.lacks(0, 25, 0));
    }

    #[test]
    fn what_the_limit_takes_away_is_known_to_be_lacking() {
        let mut recent = Recent::default();
        recent.append(0, &stream(0, 8), 8);
        recent.append(8, &stream(8, 8), 8);
        recent.append(16, &stream(16, 4), 8);
        assert_eq!(recent.first_difference(8, &[0xff; 8]), Some(8));
        assert!(recent.lacks(0, 8, 0) && !recent.lacks(0, 8, 8) && !recent.lacks(8, 20, 0));
        recent.forget_before(20);
        assert!(!recent.lacks(0, 20, 20));
    }
}

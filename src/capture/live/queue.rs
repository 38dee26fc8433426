//! The queue between the capture thread and the reader.
//!
//! Packets stand in chunks of [`CHUNK_LEN`] bytes, each behind a short header. The capture
//! thread appends to the last chunk; the reader takes the first one away, full or not, and
//! reads it without a lock. So a reader that keeps up gets each packet at once, and one
//! that does not makes the chunks fill: what they take is the bound, to the byte.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::LiveStats;
use crate::time::Timestamp;

/// Packets on their way from the capture thread to the reader.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Told when there is something for a reader that waits.
    more: Condvar,
    /// Most bytes that waiting chunks may take.
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Chunk>,
    /// Bytes that `chunks` take, used or not.
    len: usize,
    /// Emptied chunks, to be filled again.
    spare: Vec<Chunk>,
    /// Whether the reader waits: to wake nobody still costs a system call.
    reader_waits: bool,
    stats: LiveStats,
    /// Why there will be no more packets, once it is so.
    end: Option<Result<(), String>>,
    /// When the reader stops waiting for the end.
    end_by: Option<Instant>,
}

/// What the reader got.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The chunk that was handed in has been replaced with one that has packets.
    Chunk,
    TimedOut,
    /// No more packets. The reason is given once, to the first who asks.
    End(Result<(), String>),
}

impl Queue {
    /// A queue of `limit` bytes, but of one chunk at least.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            more: Condvar::new(),
            limit: limit.max(CHUNK_LEN),
        }
    }

    /// Appends a packet, or counts it as dropped when there is no room for it.
    pub(super) fn push(&self, time: Timestamp, wire_len: u32, data: &[u8]) {
        let needed = HEADER_LEN + data.len();
        let state = &mut *self.lock();
        if !state
            .chunks
            .back()
            .is_some_and(|last| last.has_room(needed))
        {
            let chunk_len = needed.max(CHUNK_LEN);
            // A packet larger than the whole queue may still wait alone.
            if !state.chunks.is_empty() && state.len + chunk_len > self.limit {
                state.stats.dropped_by_wsdump += 1;
                return;
            }
            let spare = state.spare.pop_if(|spare| spare.has_room(needed));
            let chunk = spare.unwrap_or_else(|| Chunk::with_room(chunk_len));
            state.len += chunk.room;
            // With a chunk full, the reader need not wait for the batch to end.
            self.wake_waiting(state);
            state.chunks.push_back(chunk);
        }
        if let Some(last) = state.chunks.back_mut() {
            last.push(time, wire_len, data);
            state.stats.captured += 1;
        }
    }

    /// Lets the reader have what was pushed. Called once a batch, not once a packet.
    pub(super) fn wake_reader(&self) {
        let state = &mut *self.lock();
        self.wake_waiting(state);
    }

    fn wake_waiting(&self, state: &mut State) {
        let news = !state.chunks.is_empty() || state.end.is_some() || state.end_by.is_some();
        if state.reader_waits && news {
            state.reader_waits = false;
            self.more.notify_one();
        }
    }

    /// Says that no more packets come, and why. The first reason stands.
    pub(super) fn finish(&self, end: Result<(), String>) {
        let state = &mut *self.lock();
        state.end.get_or_insert(end);
        self.wake_waiting(state);
    }

    /// Says that no more packets are wanted. The capture thread is to end; for a reader who
    /// finds the queue empty it has ended after `patience`, whether it says so or not.
    pub(super) fn end_within(&self, patience: Duration) {
        let state = &mut *self.lock();
        if state.end_by.is_none() {
            state.end_by = Instant::now().checked_add(patience);
            self.wake_waiting(state);
        }
    }

    /// Whether the capture thread said that it ends.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().end.is_some()
    }

    /// Replaces `chunk`, which has been read, with the next one that has packets; waits for
    /// it no longer than `timeout`, if there is one.
    pub(super) fn take(&self, chunk: &mut Chunk, timeout: Option<Duration>) -> Taken {
        // A timeout beyond what the clock can count is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        loop {
            if let Some(next) = state.chunks.pop_front() {
                state.len -= next.room;
                let mut read = std::mem::replace(chunk, next);
                if read.room == CHUNK_LEN && state.spare.len() < MAX_SPARE {
                    read.clear();
                    state.spare.push(read);
                }
                return Taken::Chunk;
            }
            if let Some(end) = &mut state.end {
                return Taken::End(std::mem::replace(end, Ok(())));
            }
            let now = Instant::now();
            if state.end_by.is_some_and(|end_by| end_by <= now) {
                return Taken::End(Ok(()));
            }
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Taken::TimedOut;
            }
            state.reader_waits = true;
            let until = state.end_by.into_iter().chain(deadline).min();
            state = match until {
                None => self
                    .more
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(now);
                    let woken = self.more.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.reader_waits = false;
        }
    }

    /// The counts up to now.
    pub(super) fn stats(&self) -> LiveStats {
        self.lock().stats
    }

    /// Changes the counts that the capture thread knows.
    pub(super) fn update_stats(&self, update: impl FnOnce(&mut LiveStats)) {
        update(&mut self.lock().stats);
    }

    /// No code panics while it holds the lock, and if it did, counts and whole packets
    /// would still be worth reading.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Packets one after the other, each with its header before it.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    /// Bytes that fit without a reallocation.
    room: usize,
    /// Where the next packet to be read stands.
    position: usize,
}

impl Chunk {
    fn with_room(room: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(room),
            room,
            position: 0,
        }
    }

    fn has_room(&self, needed: usize) -> bool {
        self.room - self.bytes.len() >= needed
    }

    fn push(&mut self, time: Timestamp, wire_len: u32, data: &[u8]) {
        // libpcap has 32-bit lengths, so none is cut here.
        let captured_len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.bytes.extend(time.0.to_ne_bytes());
        self.bytes.extend(wire_len.to_ne_bytes());
        self.bytes.extend(captured_len.to_ne_bytes());
        self.bytes.extend_from_slice(data);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.position = 0;
    }

    /// Goes on to the next packet and lends it: time, length on the wire, bytes.
    pub(super) fn next(&mut self) -> Option<(Timestamp, u32, &[u8])> {
        let rest = self.bytes.get(self.position..)?;
        let (time, rest) = rest.split_first_chunk()?;
        let (wire_len, rest) = rest.split_first_chunk()?;
        let (captured_len, rest) = rest.split_first_chunk()?;
        let captured_len = usize::try_from(u32::from_ne_bytes(*captured_len)).ok()?;
        let data = rest.get(..captured_len)?;
        self.position += HEADER_LEN + captured_len;
        let time = Timestamp(u64::from_ne_bytes(*time));
        Some((time, u32::from_ne_bytes(*wire_len), data))
    }

    /// Whether every packet was lent.
    pub(super) fn is_read(&self) -> bool {
        self.position >= self.bytes.len()
    }
}

/// Bytes of a chunk, unless one packet alone needs more.
const CHUNK_LEN: usize = 256 << 10;

/// Emptied chunks that are kept: one is filled while another is read.
const MAX_SPARE: usize = 2;

/// Bytes before each packet: its time, its length on the wire, its captured length.
const HEADER_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader gets without waiting, a line for each packet.
    fn read(queue: &Queue, chunk: &mut Chunk) -> Vec<String> {
        let mut lines = Vec::new();
        while queue.take(chunk, Some(Duration::ZERO)) == Taken::Chunk {
            while let Some((time, wire_len, data)) = chunk.next() {
                lines.push(format!("{} {}/{wire_len}", time.0, data.len()));
            }
        }
        lines
    }

    #[test]
    fn packets_come_out_in_order_and_then_the_reason_of_the_end_once() {
        let queue = Queue::new(0);
        queue.push(Timestamp(7), 90, b"abc");
        queue.push(Timestamp(8), 0, b"");
        queue.finish(Err("gone".to_owned()));
        queue.finish(Ok(()));
        let mut chunk = Chunk::default();
        assert_eq!(read(&queue, &mut chunk), ["7 3/90", "8 0/0"]);
        let mut take = || queue.take(&mut chunk, None);
        assert_eq!(
            take(),
            Taken::End(Ok(())),
            "the reader above had the reason"
        );
    }

    #[test]
    fn the_reason_of_the_end_comes_after_all_packets() {
        let queue = Queue::new(0);
        queue.push(Timestamp(7), 1, b"a");
        queue.finish(Err("gone".to_owned()));
        let mut chunk = Chunk::default();
        let mut take = || queue.take(&mut chunk, None);
        assert_eq!(take(), Taken::Chunk);
        assert_eq!(take(), Taken::End(Err("gone".to_owned())));
        assert_eq!(take(), Taken::End(Ok(())));
    }

    #[test]
    fn what_does_not_fit_is_counted_and_there_is_room_again_after_reading() {
        let queue = Queue::new(2 * CHUNK_LEN);
        let data = vec![0; CHUNK_LEN / 2 - HEADER_LEN];
        for time in 0..6 {
            queue.push(Timestamp(time), 0, &data);
        }
        let stats = queue.stats();
        assert_eq!((stats.captured, stats.dropped_by_wsdump), (4, 2));
        let mut chunk = Chunk::default();
        assert_eq!(read(&queue, &mut chunk).len(), 4);
        queue.push(Timestamp(6), 0, &data);
        assert_eq!(read(&queue, &mut chunk).len(), 1);
        assert_eq!(queue.stats().dropped_by_wsdump, 2);
    }

    #[test]
    fn a_packet_larger_than_a_chunk_or_the_queue_waits_alone() {
        let queue = Queue::new(CHUNK_LEN);
        queue.push(Timestamp(1), 0, &vec![0; 3 * CHUNK_LEN]);
        queue.push(Timestamp(2), 0, b"small");
        let mut chunk = Chunk::default();
        assert_eq!(read(&queue, &mut chunk), ["1 786432/0"]);
        assert_eq!(queue.stats().dropped_by_wsdump, 1);
    }

    #[test]
    fn memory_does_not_follow_how_often_the_reader_takes() {
        let queue = Queue::new(64 << 20);
        let mut chunk = Chunk::default();
        for time in 0..10_000 {
            queue.push(Timestamp(time), 0, b"x");
            assert_eq!(read(&queue, &mut chunk).len(), 1);
        }
        let state = queue.lock();
        assert!(state.spare.len() <= MAX_SPARE);
        assert_eq!((state.len, state.chunks.len()), (0, 0));
    }

    #[test]
    fn a_reader_that_waits_is_woken_by_a_batch_and_by_the_end() {
        let queue = Queue::new(0);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut chunk = Chunk::default();
                let mut taken = Vec::new();
                loop {
                    match queue.take(&mut chunk, None) {
                        Taken::Chunk => taken.extend(chunk.next().map(|packet| packet.0)),
                        end => return (taken, end),
                    }
                }
            });
            queue.push(Timestamp(1), 0, b"");
            queue.wake_reader();
            // Until the reader has taken the first packet and waits again.
            while !queue.lock().reader_waits {
                std::thread::yield_now();
            }
            queue.finish(Ok(()));
            let got = reader.join().ok();
            assert_eq!(got, Some((vec![Timestamp(1)], Taken::End(Ok(())))));
        });
    }

    #[test]
    fn a_thread_that_never_ends_is_not_waited_for_once_it_should() {
        let queue = Queue::new(0);
        queue.push(Timestamp(1), 0, b"");
        let mut chunk = Chunk::default();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| [(); 3].map(|()| queue.take(&mut chunk, None)));
            while !queue.lock().reader_waits {
                std::thread::yield_now();
            }
            queue.end_within(Duration::from_millis(1));
            let end = || Taken::End(Ok(()));
            assert_eq!(reader.join().ok(), Some([Taken::Chunk, end(), end()]));
        });
        assert!(!queue.has_ended());
    }

    #[test]
    fn a_timeout_is_no_end() {
        let queue = Queue::new(0);
        let mut chunk = Chunk::default();
        let timeout = Some(Duration::from_millis(1));
        assert_eq!(queue.take(&mut chunk, timeout), Taken::TimedOut);
        queue.push(Timestamp(1), 0, b"");
        let forever = Some(Duration::MAX);
        assert_eq!(queue.take(&mut chunk, forever), Taken::Chunk);
    }
}

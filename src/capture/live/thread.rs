//! The capture thread: from a device into the queue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::LinkType;
use super::link_layer::is_outgoing_on_loopback;
use super::queue::Queue;
use crate::time::Timestamp;

/// What packets are captured from; libpcap, but for tests.
pub(super) trait Device: Send + 'static {
    /// Hands on the packets that are there, some at most. When there are none, waits for
    /// them, up to a time of its own choice or until woken.
    ///
    /// # Errors
    ///
    /// Why there will be no more packets, or that it was woken.
    fn read(&mut self, packet: &mut dyn FnMut(Timestamp, u32, &[u8])) -> Result<usize, String>;

    /// From now on, [`read`](Self::read) does not wait.
    ///
    /// # Errors
    ///
    /// When that cannot be had.
    fn stop_waiting(&mut self) -> Result<(), String>;

    /// The device's counts since its start, if they can be had.
    fn counts(&mut self) -> Option<DeviceCounts>;
}

/// What a device counted, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DeviceCounts {
    pub(super) received: u32,
    pub(super) dropped: u32,
    pub(super) dropped_by_interface: u32,
}

/// Stops a capture from any thread; clones stop the same one.
///
/// Within 100 ms after [`stop`](Self::stop), no more packets are taken. Those that came
/// before are still handed over, and then the capture is at its end, without an error.
#[derive(Clone)]
pub struct StopHandle(Arc<Stop>);

struct Stop {
    stopped: AtomicBool,
    /// Nobody will read any more.
    abandoned: AtomicBool,
    wake_device: Mutex<Box<dyn FnMut() + Send>>,
}

impl StopHandle {
    /// `wake_device` makes a [`Device::read`] that waits come back.
    pub(super) fn new(wake_device: impl FnMut() + Send + 'static) -> Self {
        Self(Arc::new(Stop {
            stopped: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            wake_device: Mutex::new(Box::new(wake_device)),
        }))
    }

    /// Stops the capture. To stop it again does nothing.
    ///
    /// Takes a lock, so it must not be called in a signal handler, but by a thread that
    /// learned of the signal.
    pub fn stop(&self) {
        let mut wake = self
            .0
            .wake_device
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !self.0.stopped.swap(true, Ordering::SeqCst) {
            wake();
        }
    }

    /// Whether the capture was stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    /// Stops the capture without regard to packets that came before.
    pub(super) fn abandon(&self) {
        self.0.abandoned.store(true, Ordering::SeqCst);
        self.stop();
    }

    /// Once stopped: waits until the device is woken, after which that never happens again.
    /// libpcap closes what wakes it when it is told not to wait.
    fn settle(&self) {
        drop(self.0.wake_device.lock());
    }
}

impl std::fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("StopHandle");
        debug
            .field("stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}

/// Fills `queue` until `stop`, or until `device` fails.
pub(super) fn capture(
    mut device: impl Device,
    link_type: LinkType,
    queue: &Queue,
    stop: &StopHandle,
) {
    // However this thread ends, the reader must not wait for it.
    let _ends = EndsQueue(queue);
    let mut counters = Counters::default();
    let mut refreshed = Instant::now();
    let mut push = |time, wire_len, data: &[u8]| {
        if !is_outgoing_on_loopback(link_type, data) {
            queue.push(time, wire_len, data);
        }
    };
    let end = loop {
        if stop.is_stopped() {
            drain(&mut device, stop, &mut push);
            break Ok(());
        }
        match device.read(&mut push) {
            Ok(_) => {}
            Err(_) if stop.is_stopped() => {}
            Err(reason) => break Err(reason),
        }
        queue.wake_reader();
        if refreshed.elapsed() >= REFRESH {
            counters.refresh(&mut device, queue);
            refreshed = Instant::now();
        }
    };
    counters.refresh(&mut device, queue);
    queue.finish(end);
}

/// Takes the packets that came before the stop.
fn drain(device: &mut impl Device, stop: &StopHandle, push: &mut dyn FnMut(Timestamp, u32, &[u8])) {
    stop.settle();
    if device.stop_waiting().is_err() {
        return;
    }
    let begin = Instant::now();
    // The wake-up itself may still be reported once.
    let mut woken = false;
    while !stop.0.abandoned.load(Ordering::SeqCst) {
        // Looked at before reading: what is there after this time has come out for sure.
        let elapsed = begin.elapsed();
        match device.read(push) {
            Ok(0) if DRAIN_BLOCKS && elapsed < DRAIN => std::thread::sleep(DRAIN / 10),
            Ok(1..) if elapsed < MAX_DRAIN => {}
            Ok(_) => return,
            Err(_) if woken => return,
            Err(_) => woken = true,
        }
    }
}

/// Ends a queue when dropped, unless it has ended.
struct EndsQueue<'a>(&'a Queue);

impl Drop for EndsQueue<'_> {
    fn drop(&mut self) {
        self.0.finish(Err("the capture thread failed".to_owned()));
    }
}

/// A device's counts over its 32 bits.
#[derive(Debug, Default)]
struct Counters {
    last: DeviceCounts,
}

impl Counters {
    fn refresh(&mut self, device: &mut impl Device, queue: &Queue) {
        let Some(now) = device.counts() else {
            return;
        };
        let last = std::mem::replace(&mut self.last, now);
        queue.update_stats(|stats| {
            stats.received += more(last.received, now.received);
            stats.dropped_by_kernel += more(last.dropped, now.dropped);
            stats.dropped_by_interface += more(last.dropped_by_interface, now.dropped_by_interface);
        });
    }
}

/// How much a counter of 32 bits went up; none when it went back, as one of an interface
/// does when its driver is reset.
fn more(last: u32, now: u32) -> u64 {
    let difference = now.wrapping_sub(last);
    u64::from(if difference > u32::MAX / 2 {
        0
    } else {
        difference
    })
}

/// Time between two looks at the device's counts, which cost system calls.
const REFRESH: Duration = Duration::from_millis(20);

/// Time for packets of before the stop to come out of the kernel.
const DRAIN: Duration = Duration::from_millis(50);

/// Time after which the stop comes before packets that never cease.
const MAX_DRAIN: Duration = Duration::from_millis(80);

/// Linux hands packets over in blocks: one that was captured before the stop may come out
/// up to two of its timer's periods later. Other systems have it ready at once.
const DRAIN_BLOCKS: bool = cfg!(target_os = "linux");

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver};

    use super::*;
    use crate::capture::live::LiveStats;
    use crate::capture::live::queue::{Chunk, Taken};

    /// A device that does what it is told over a channel.
    struct Script {
        steps: Receiver<Step>,
        waits: bool,
        counts: DeviceCounts,
    }

    enum Step {
        /// Packets with these times.
        Packets(Vec<u64>),
        Counts(DeviceCounts),
        Fail(&'static str),
        Panic,
        Wake,
    }

    impl Device for Script {
        fn read(&mut self, packet: &mut dyn FnMut(Timestamp, u32, &[u8])) -> Result<usize, String> {
            let step = if self.waits {
                self.steps.recv().ok()
            } else {
                self.steps.try_recv().ok()
            };
            match step {
                Some(Step::Packets(times)) => {
                    for &time in &times {
                        packet(Timestamp(time), 1, b"x");
                    }
                    Ok(times.len())
                }
                Some(Step::Counts(counts)) => {
                    self.counts = counts;
                    Ok(0)
                }
                Some(Step::Fail(reason)) => Err(reason.to_owned()),
                Some(Step::Panic) => panic!("for the test"),
                Some(Step::Wake) => Err(String::new()),
                None => Ok(0),
            }
        }

        fn stop_waiting(&mut self) -> Result<(), String> {
            self.waits = false;
            Ok(())
        }

        fn counts(&mut self) -> Option<DeviceCounts> {
            Some(self.counts)
        }
    }

    /// Runs the thread over these steps; times of the packets, the end, and the counts.
    fn run(steps: Vec<Step>, stop_after: bool) -> (Vec<u64>, Taken, LiveStats) {
        let (sender, receiver) = mpsc::channel();
        for step in steps {
            assert!(sender.send(step).is_ok());
        }
        let queue = Queue::new(0);
        let stop = StopHandle::new(move || {
            let _ = sender.send(Step::Wake);
        });
        if stop_after {
            stop.stop();
            stop.stop();
        }
        let device = Script {
            steps: receiver,
            waits: true,
            counts: DeviceCounts::default(),
        };
        let mut times = Vec::new();
        let mut chunk = Chunk::default();
        std::thread::scope(|scope| {
            let (queue, stop) = (&queue, &stop);
            let thread = scope.spawn(move || capture(device, LinkType::ETHERNET, queue, stop));
            let end = loop {
                match queue.take(&mut chunk, None) {
                    Taken::Chunk => {
                        while let Some((time, ..)) = chunk.next() {
                            times.push(time.0);
                        }
                    }
                    end => break end,
                }
            };
            let _ = thread.join();
            (times, end, queue.stats())
        })
    }

    #[test]
    fn a_device_that_fails_ends_the_capture_after_its_packets() {
        let steps = vec![
            Step::Packets(vec![1, 2]),
            Step::Packets(vec![3]),
            Step::Fail("The interface disappeared"),
        ];
        let (times, end, stats) = run(steps, false);
        assert_eq!(times, [1, 2, 3]);
        assert_eq!(end, Taken::End(Err("The interface disappeared".to_owned())));
        assert_eq!(stats.captured, 3);
    }

    #[test]
    fn a_stop_hands_over_what_came_before_it_and_is_no_error() {
        let (times, end, _) = run(
            vec![Step::Packets(vec![1]), Step::Packets(vec![2, 3])],
            true,
        );
        assert_eq!(times, [1, 2, 3]);
        assert_eq!(end, Taken::End(Ok(())));
    }

    #[test]
    fn a_thread_that_panics_does_not_leave_the_reader_waiting() {
        let (times, end, _) = run(vec![Step::Packets(vec![1]), Step::Panic], false);
        assert_eq!(times, [1]);
        assert!(matches!(end, Taken::End(Err(_))));
    }

    #[test]
    fn the_last_counts_are_those_of_the_end() {
        let counts = |received| DeviceCounts {
            received,
            dropped: 2,
            dropped_by_interface: 1,
        };
        let steps = vec![
            Step::Counts(counts(3)),
            Step::Packets(vec![1]),
            Step::Counts(counts(5)),
            Step::Fail("gone"),
        ];
        let expected = LiveStats {
            captured: 1,
            received: 5,
            dropped_by_kernel: 2,
            dropped_by_interface: 1,
            dropped_by_wsdump: 0,
        };
        assert_eq!(run(steps, false).2, expected);
    }

    #[test]
    fn counters_go_on_over_their_32_bits_and_never_back() {
        assert_eq!(more(3, 5), 2);
        assert_eq!(more(u32::MAX, 1), 2);
        assert_eq!(more(5, 3), 0);
    }
}

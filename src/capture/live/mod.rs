//! Capturing from interfaces, through libpcap.
//!
//! [`interfaces`] lists them; [`LiveCapture`] is a [`PacketSource`] of one of them. A
//! thread of its own takes packets from the kernel and puts them into a bounded queue, so
//! that a reader that is slow for a while (a terminal, a disk) does not make the kernel
//! drop any. [`BpfFilter`] is the capture filter for packets of files.
//!
//! ```no_run
//! use std::time::Duration;
//! use wsdump::capture::live::{LiveCapture, LiveOptions};
//! use wsdump::capture::{Next, PacketSource};
//!
//! let options = LiveOptions {
//!     filter: Some("tcp port 8080".to_owned()),
//!     ..LiveOptions::default()
//! };
//! let mut capture = LiveCapture::open("lo", &options)?;
//! let stop = capture.stop_handle();
//! std::thread::spawn(move || {
//!     std::thread::sleep(Duration::from_secs(10));
//!     stop.stop();
//! });
//! loop {
//!     match capture.next_within(Duration::from_millis(50))? {
//!         Next::Packet(packet) => println!("{} bytes", packet.data.len()),
//!         Next::TimedOut => println!("a quiet moment"),
//!         Next::End => break,
//!     }
//! }
//! println!("{:?}", capture.stats());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod device;
mod error;
mod filter;
mod interface;
mod link_layer;
mod queue;
mod thread;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use self::device::PcapDevice;
use self::queue::{Chunk, Queue, Taken};
use super::error::{CaptureError, Problem};
use super::{LinkType, Next, Packet, PacketSource};

pub use self::error::{FilterError, LiveError};
pub use self::filter::BpfFilter;
pub use self::interface::{Interface, interfaces, nearest};
pub use self::thread::StopHandle;

/// How to capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// Bytes of each packet to keep; what is longer is cut there. Zero is the default,
    /// 262,144, which keeps all of any packet.
    pub snaplen: u32,
    /// Bytes that the kernel may keep until the capture thread takes them; when they are
    /// full it drops packets. Default 16 MiB: more than a second of 100,000 small packets
    /// a second, or an eighth of one at a gigabit.
    pub buffer_size: u32,
    /// Bytes that may wait between the capture thread and the reader; packets that do not
    /// fit are dropped and counted. Default 64 MiB: a terminal that stands still for ten
    /// seconds while 50,000 packets of 100 bytes come each second.
    pub queue_size: usize,
    /// Capture also what is not for this machine, where the interface sees it. Default
    /// `true`; without effect on loopback and where the interface cannot.
    pub promiscuous: bool,
    /// Capture only what this expression of pcap-filter(7) matches. Default: everything.
    pub filter: Option<String>,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            snaplen: DEFAULT_SNAPLEN,
            buffer_size: 16 << 20,
            queue_size: 64 << 20,
            promiscuous: true,
            filter: None,
        }
    }
}

/// What became of the packets so far.
///
/// libpcap's counts are brought up to date while packets come, and at the end of the
/// capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveStats {
    /// Packets that were captured: what the reader gets.
    pub captured: u64,
    /// Packets that reached the capture filter, by libpcap's count. What is in it depends
    /// on the system: on Linux those that the filter let through, with those dropped for
    /// lack of room, and each of loopback twice; on BSD and macOS those that were filtered
    /// out as well.
    pub received: u64,
    /// Packets that the kernel dropped because its buffer was full.
    pub dropped_by_kernel: u64,
    /// Packets that the interface or its driver dropped.
    pub dropped_by_interface: u64,
    /// Packets that wsdump dropped because its queue was full.
    pub dropped_by_wsdump: u64,
}

impl LiveStats {
    /// Packets that should have been captured and were not.
    pub fn dropped(&self) -> u64 {
        self.dropped_by_kernel + self.dropped_by_interface + self.dropped_by_wsdump
    }
}

/// The packets of an interface, as they come.
///
/// It ends when a [`StopHandle`] stops it, or with an error when the interface goes away;
/// either way, all packets that were captured before come first. To drop it ends it as well.
#[derive(Debug)]
pub struct LiveCapture {
    interface: String,
    link_type: LinkType,
    nanoseconds: bool,
    snaplen: u32,
    queue: Arc<Queue>,
    chunk: Chunk,
    stop: StopHandle,
    thread: Option<JoinHandle<()>>,
}

impl LiveCapture {
    /// Opens `interface`, as [`Interface::name`] has it, and captures from here on.
    ///
    /// What needs permission happens here; the caller may give it up afterwards.
    ///
    /// # Errors
    ///
    /// [`LiveError`], which tells why and what to do.
    pub fn open(interface: &str, options: &LiveOptions) -> Result<Self, LiveError> {
        let mut device = PcapDevice::open(interface, options)?;
        let (link_type, nanoseconds) = (device.link_type, device.has_nanoseconds());
        let queue = Arc::new(Queue::new(options.queue_size));
        let stop = {
            let (wake, queue) = (device.wake_handle(), Arc::clone(&queue));
            StopHandle::new(move || {
                if let Some(wake) = &wake {
                    wake.breakloop();
                }
                queue.end_within(PATIENCE);
            })
        };
        let thread = {
            let (queue, stop) = (Arc::clone(&queue), stop.clone());
            std::thread::Builder::new()
                .name("capture".to_owned())
                .spawn(move || thread::capture(device, link_type, &queue, &stop))
                .map_err(LiveError::Thread)?
        };
        Ok(Self {
            interface: interface.to_owned(),
            link_type,
            nanoseconds,
            snaplen: match options.snaplen {
                0 => DEFAULT_SNAPLEN,
                snaplen => snaplen,
            },
            queue,
            chunk: Chunk::default(),
            stop,
            thread: Some(thread),
        })
    }

    /// The interface, as it was named.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// The link type of all packets.
    pub fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Whether timestamps count nanoseconds; microseconds otherwise.
    pub fn has_nanoseconds(&self) -> bool {
        self.nanoseconds
    }

    /// Bytes of each packet that are kept.
    pub fn snaplen(&self) -> u32 {
        self.snaplen
    }

    /// What stops this capture from another thread.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// What became of the packets so far.
    pub fn stats(&self) -> LiveStats {
        self.queue.stats()
    }

    /// What tells that to other threads, also while the reader of packets is busy.
    pub fn stats_handle(&self) -> StatsHandle {
        StatsHandle(Arc::clone(&self.queue))
    }

    /// Waits for a packet, no longer than `timeout`, if there is one.
    fn wait(&mut self, timeout: Option<Duration>) -> Result<Next<'_>, CaptureError> {
        if self.chunk.is_read() {
            match self.queue.take(&mut self.chunk, timeout) {
                Taken::Chunk => {}
                Taken::TimedOut => return Ok(Next::TimedOut),
                Taken::End(Ok(())) => return Ok(Next::End),
                Taken::End(Err(reason)) => {
                    return Err(CaptureError {
                        file: self.interface.clone(),
                        offset: None,
                        decompressed: false,
                        problem: Problem::Read(io::Error::other(reason)),
                    });
                }
            }
        }
        Ok(match self.chunk.next() {
            Some((time, wire_len, data)) => Next::Packet(Packet {
                time,
                link_type: self.link_type,
                wire_len,
                data,
            }),
            // Every chunk in the queue has a packet.
            None => Next::TimedOut,
        })
    }
}

/// Tells what became of a capture's packets, from any thread, also after its end.
#[derive(Clone, Debug)]
pub struct StatsHandle(Arc<Queue>);

impl StatsHandle {
    /// What became of the packets so far.
    pub fn stats(&self) -> LiveStats {
        self.0.stats()
    }
}

impl PacketSource for LiveCapture {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        Ok(match self.wait(None)? {
            Next::Packet(packet) => Some(packet),
            Next::TimedOut | Next::End => None,
        })
    }

    fn next_within(&mut self, timeout: Duration) -> Result<Next<'_>, CaptureError> {
        self.wait(Some(timeout))
    }
}

impl Drop for LiveCapture {
    fn drop(&mut self) {
        self.stop.abandon();
        while self.queue.take(&mut self.chunk, None) == Taken::Chunk {}
        // A thread that could not be woken is left behind.
        if let Some(thread) = self.thread.take().filter(|_| self.queue.has_ended()) {
            // That it panicked was said by the panic.
            let _ = thread.join();
        }
    }
}

/// Time after a stop in which the capture thread has to end, before it is left to itself.
///
/// It ends within 100 ms, but before 1.10 libpcap on Linux could not be woken while there
/// are no packets.
const PATIENCE: Duration = Duration::from_secs(1);

/// Bytes of each packet that are kept unless told otherwise: libpcap's own maximum.
const DEFAULT_SNAPLEN: u32 = 262_144;

//! Reading ahead: packets are read, and compressed ones inflated, on a thread of its own while
//! those before them are decoded.
//!
//! The thread copies packets into batches, some of which are always on their way; emptied
//! ones go back to it. What comes out is what the source gives: the same packets in the same
//! order, with its errors between them.

use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::{CaptureError, DecryptionSecrets, LinkType, Packet, PacketSource};
use crate::started::start;
use crate::time::Timestamp;

/// Has `source` read ahead, on a thread of its own. Where there can be no thread, it is read as
/// before.
///
/// Not for a source that waits for packets to happen: what it has would wait with it.
pub fn read_ahead(source: Box<dyn PacketSource + Send>) -> Box<dyn PacketSource + Send> {
    let (filled, taken) = sync_channel(WAITING);
    let (emptied, empty) = channel();
    let reader = start("read-ahead", source, move |source| {
        fill_all(source, &filled, &empty);
    });
    let reader = match reader {
        Ok(reader) => reader,
        Err(source) => return source,
    };
    Box::new(ReadAhead {
        batch: Batch::default(),
        next: 0,
        taken,
        emptied,
        reader: Some(reader),
    })
}

/// Batches that wait at most.
const WAITING: usize = 4;

/// Bytes of packets in the first batch: it is there at once. Each has twice as many as the one
/// before it, up to [`BATCH`].
const FIRST_BATCH: usize = 4 << 10;

/// Bytes of packets in a batch, but for the packet that fills it. All stay in a cache that
/// both threads share.
const BATCH: usize = 128 << 10;

/// Packets in a batch at most, so that empty ones come to an end.
const BATCH_PACKETS: usize = 4 << 10;

struct ReadAhead {
    batch: Batch,
    /// Which of its packets is the next.
    next: usize,
    taken: Receiver<Batch>,
    emptied: Sender<Batch>,
    /// Until it has ended.
    reader: Option<JoinHandle<Option<()>>>,
}

/// Packets in a row, and what comes after them.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    packets: Vec<Record>,
    /// Keys that stand before the last of the packets, or right behind it.
    secrets: Vec<DecryptionSecrets>,
    after: After,
}

/// A packet whose bytes are in its batch.
struct Record {
    time: Timestamp,
    link_type: LinkType,
    wire_len: u32,
    bytes: Range<usize>,
}

#[derive(Default)]
enum After {
    #[default]
    More,
    Error(CaptureError),
    End,
}

/// Fills batches until the source ends, or nobody wants them any more.
fn fill_all(
    mut source: Box<dyn PacketSource + Send>,
    filled: &SyncSender<Batch>,
    empty: &Receiver<Batch>,
) {
    let mut len = FIRST_BATCH;
    loop {
        let mut batch = empty.try_recv().unwrap_or_default();
        batch.fill(&mut *source, len);
        len = (2 * len).min(BATCH);
        let ends = matches!(batch.after, After::End);
        if filled.send(batch).is_err() || ends {
            return;
        }
    }
}

impl Batch {
    /// Takes packets of at least `len` bytes, if there are so many.
    fn fill(&mut self, source: &mut dyn PacketSource, len: usize) {
        self.bytes.clear();
        self.packets.clear();
        self.after = After::More;
        while self.bytes.len() < len && self.packets.len() < BATCH_PACKETS {
            match source.next_packet() {
                Ok(Some(packet)) => self.push(&packet),
                Ok(None) => {
                    self.after = After::End;
                    break;
                }
                Err(error) => {
                    self.after = After::Error(error);
                    break;
                }
            }
        }
        self.secrets = source.take_secrets();
    }

    fn push(&mut self, packet: &Packet<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(packet.data);
        self.packets.push(Record {
            time: packet.time,
            link_type: packet.link_type,
            wire_len: packet.wire_len,
            bytes: start..self.bytes.len(),
        });
    }
}

impl ReadAhead {
    /// Goes on to the next batch if all packets of this one were lent; `false` where something
    /// else than a packet comes first.
    fn has_packet(&mut self) -> bool {
        while self.next == self.batch.packets.len() {
            if !matches!(self.batch.after, After::More) {
                return false;
            }
            let Ok(batch) = self.taken.recv() else {
                self.end();
                return false;
            };
            let emptied = std::mem::replace(&mut self.batch, batch);
            self.next = 0;
            // The thread may have ended.
            let _ = self.emptied.send(emptied);
        }
        true
    }

    /// The thread is gone without an end: it panicked.
    fn end(&mut self) {
        self.batch.after = After::End;
        let panicked = self.reader.take().and_then(|reader| reader.join().err());
        if let Some(panic) = panicked {
            std::panic::resume_unwind(panic);
        }
    }
}

impl PacketSource for ReadAhead {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        if !self.has_packet() {
            return match std::mem::take(&mut self.batch.after) {
                After::Error(error) => Err(error),
                After::More | After::End => {
                    self.batch.after = After::End;
                    Ok(None)
                }
            };
        }
        let record = &self.batch.packets[self.next];
        self.next += 1;
        Ok(Some(Packet {
            time: record.time,
            link_type: record.link_type,
            wire_len: record.wire_len,
            data: &self.batch.bytes[record.bytes.clone()],
        }))
    }

    fn take_secrets(&mut self) -> Vec<DecryptionSecrets> {
        self.has_packet();
        std::mem::take(&mut self.batch.secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Problem;
    use super::*;

    /// Gives so many packets of so many bytes, and an error before some of them.
    struct Counting {
        given: u32,
        packets: u32,
        len: usize,
        errors: Vec<u32>,
        data: Vec<u8>,
    }

    impl PacketSource for Counting {
        fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
            if self.errors.first() == Some(&self.given) {
                self.errors.remove(0);
                return Err(CaptureError {
                    file: format!("before {}", self.given),
                    offset: None,
                    decompressed: false,
                    problem: Problem::Empty,
                });
            }
            if self.given == self.packets {
                return Ok(None);
            }
            self.given += 1;
            self.data = vec![self.given.to_le_bytes()[0]; self.len];
            Ok(Some(Packet {
                time: Timestamp(self.given.into()),
                link_type: LinkType::RAW,
                wire_len: self.given,
                data: &self.data,
            }))
        }

        fn take_secrets(&mut self) -> Vec<DecryptionSecrets> {
            Vec::new()
        }
    }

    /// What comes out: a packet's number, or an error's words.
    fn read(mut source: Box<dyn PacketSource + Send>, len: usize) -> Vec<String> {
        let mut out = Vec::new();
        loop {
            match source.next_packet() {
                Ok(Some(packet)) => {
                    let number = packet.time.0;
                    assert_eq!(u64::from(packet.wire_len), number);
                    assert_eq!(packet.data, vec![number.to_le_bytes()[0]; len]);
                    out.push(number.to_string());
                }
                Ok(None) => break,
                Err(error) => out.push(error.file),
            }
        }
        assert!(matches!(source.next_packet(), Ok(None)), "it has ended");
        out
    }

    #[test]
    fn what_comes_out_is_what_the_source_gives() {
        for (packets, len, errors) in [
            (0, 0, vec![]),
            (1, 0, vec![0, 1]),
            (3, 1 << 20, vec![2]),
            (20_000, 0, vec![4_096, 4_097, 20_000]),
            (20_000, 100, vec![0, 7, 7, 13_000]),
        ] {
            let counting = || {
                Box::new(Counting {
                    given: 0,
                    packets,
                    len,
                    errors: errors.clone(),
                    data: Vec::new(),
                })
            };
            let expected = read(counting(), len);
            assert_eq!(expected.len(), packets as usize + errors.len());
            assert_eq!(read(read_ahead(counting()), len), expected);
        }
    }

    #[test]
    fn who_stops_early_leaves_no_thread_waiting() {
        let counting = Counting {
            given: 0,
            packets: u32::MAX,
            len: 10,
            errors: Vec::new(),
            data: Vec::new(),
        };
        let mut source = read_ahead(Box::new(counting));
        assert!(matches!(source.next_packet(), Ok(Some(_))));
        drop(source);
    }
}

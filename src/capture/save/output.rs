//! Bytes of whole records, on their way to a file or a pipe.

use std::fs::File;
use std::io::{self, Write};

/// Where records are written to.
pub(super) trait Output: Write + Send {
    /// Takes back all bytes after the first `len`, where that can be done.
    ///
    /// # Errors
    ///
    /// That it cannot be done.
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

impl Output for File {
    fn cut(&mut self, len: u64) -> io::Result<()> {
        // A pipe or a device opened by name has no length to cut.
        if self.metadata()?.is_file() {
            self.set_len(len)
        } else {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

/// An output that cannot take anything back.
pub(super) struct Stream<W>(pub(super) W);

impl<W: Write> Write for Stream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write + Send> Output for Stream<W> {
    fn cut(&mut self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Collects whole records and writes them together, so that wherever the program ends, the
/// file ends between two of them.
pub(super) struct Records {
    output: Box<dyn Output>,
    /// Bytes in the output, all of whole records.
    written: u64,
    batch: Vec<u8>,
    /// Where each record of `batch` ends in it.
    ends: Vec<usize>,
    /// Whether writing failed, after which nothing more is written.
    failed: bool,
}

impl Records {
    /// Writes to `output`, which is empty.
    pub(super) fn new(output: Box<dyn Output>) -> Self {
        Self {
            output,
            written: 0,
            batch: Vec::new(),
            ends: Vec::new(),
            failed: false,
        }
    }

    /// Adds one record, which `encode` appends, or leaves away with an error.
    ///
    /// # Errors
    ///
    /// That of `encode`.
    pub(super) fn add<E>(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        encode(&mut self.batch)?;
        self.ends.push(self.batch.len());
        Ok(())
    }

    /// Length of the file with all records so far, those that wait included.
    pub(super) fn len(&self) -> u64 {
        self.written + self.batch.len() as u64
    }

    /// Whether so much waits that it should be written. Once writing has failed it always
    /// is, so that the next record is an error as well.
    pub(super) fn is_due(&self) -> bool {
        self.failed || self.batch.len() >= BATCH_LEN
    }

    /// Writes the records that wait.
    ///
    /// # Errors
    ///
    /// Why they could not be written. As many of them as were written whole are kept, if
    /// the output can be cut; all others are lost, and nothing is written any more.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.failed {
            self.batch.clear();
            self.ends.clear();
            return Err(io::Error::other("writing failed before"));
        }
        if self.batch.is_empty() {
            return Ok(());
        }
        let (done, result) = write_all(&mut *self.output, &self.batch);
        let whole = match result {
            Ok(()) => self.batch.len(),
            Err(_) => self
                .ends
                .iter()
                .rev()
                .find(|&&end| end <= done)
                .map_or(0, |&end| end),
        };
        self.written += whole as u64;
        if done > whole {
            // What cannot be cut ends in the middle of a record, which readers say.
            let _ = self.output.cut(self.written);
        }
        self.failed = result.is_err();
        self.batch.clear();
        self.ends.clear();
        result
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        if !self.failed {
            // Whoever wants to know how it went has flushed before.
            let _ = self.flush();
        }
    }
}

/// Writes all `bytes`; says how many were written also where that failed.
fn write_all(output: &mut dyn Output, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut done = 0;
    while done < bytes.len() {
        match output.write(&bytes[done..]) {
            Ok(0) => return (done, Err(io::ErrorKind::WriteZero.into())),
            Ok(len) => done += len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Err(error)),
        }
    }
    (done, output.flush())
}

/// Bytes of records that wait at most, but for the last of them.
const BATCH_LEN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A disk with room for `room` bytes, which takes at most `step` of them at a time and
    /// is interrupted before each.
    #[derive(Clone, Default)]
    struct Disk {
        bytes: Arc<Mutex<Vec<u8>>>,
        room: usize,
        step: usize,
        interrupted: bool,
    }

    impl Disk {
        fn content(&self) -> String {
            let bytes = self.bytes.lock().map(|bytes| bytes.clone());
            String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let Ok(mut disk) = self.bytes.lock() else {
                return Ok(0);
            };
            let len = bytes.len().min(self.step).min(self.room - disk.len());
            if len == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.extend(&bytes[..len]);
            Ok(len)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Output for Disk {
        fn cut(&mut self, len: u64) -> io::Result<()> {
            if let Ok(mut disk) = self.bytes.lock() {
                disk.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            }
            Ok(())
        }
    }

    fn add(records: &mut Records, text: &str) {
        let added = records.add(|out| {
            out.extend(text.bytes());
            Ok::<(), ()>(())
        });
        assert_eq!(added, Ok(()));
    }

    #[test]
    fn a_full_disk_keeps_the_records_that_are_whole() {
        for step in 1..=20 {
            for room in 0..=14 {
                let disk = Disk {
                    room,
                    step,
                    ..Disk::default()
                };
                let mut records = Records::new(Box::new(disk.clone()));
                add(&mut records, "head");
                let first = records.flush();
                add(&mut records, "[one]");
                assert_eq!(records.is_due(), first.is_err());
                add(&mut records, "[2]");
                let second = records.flush();
                let expected = match room {
                    0..4 => "",
                    4..9 => "head",
                    9..12 => "head[one]",
                    _ => "head[one][2]",
                };
                assert_eq!(
                    disk.content(),
                    expected,
                    "room for {room}, {step} at a time"
                );
                assert_eq!(first.is_ok(), room >= 4);
                assert_eq!(second.is_ok(), room >= 12);
                assert_eq!(records.len(), expected.len() as u64);
                drop(records);
                assert_eq!(disk.content(), expected);
            }
        }
    }

    #[test]
    fn what_waits_is_written_when_dropped() {
        let disk = Disk {
            room: 9,
            step: 9,
            ..Disk::default()
        };
        let mut records = Records::new(Box::new(disk.clone()));
        add(&mut records, "record");
        assert_eq!(disk.content(), "");
        drop(records);
        assert_eq!(disk.content(), "record");
    }

    #[test]
    fn a_record_that_could_not_be_made_is_left_away() {
        let mut records = Records::new(Box::new(Disk::default()));
        assert_eq!(records.add(|_| Err("no")), Err("no"));
        assert_eq!(records.len(), 0);
        assert!(records.flush().is_ok());
    }
}

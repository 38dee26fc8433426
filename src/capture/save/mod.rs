//! Writing packets to capture files, one or many, or to a pipe.
//!
//! [`Saver`] writes whole records only, many with one call: whenever and however the
//! program ends, what is in the file up to then can be read. It needs no libpcap.
//!
//! ```
//! use wsdump::capture::save::{Format, Saver};
//! use wsdump::capture::{LinkType, Packet};
//! use wsdump::time::Timestamp;
//!
//! let format = Format::Pcap { link_type: LinkType::ETHERNET, nanoseconds: true, snaplen: 262_144 };
//! let mut saver = Saver::to_writer("an array", std::io::Cursor::new(Vec::new()), format)?;
//! saver.write(&Packet {
//!     time: Timestamp(1_700_000_000_000_000_000),
//!     link_type: LinkType::ETHERNET,
//!     wire_len: 1_514,
//!     data: b"the first bytes",
//! })?;
//! saver.finish()?;
//! # Ok::<(), wsdump::capture::save::SaveError>(())
//! ```

mod format;
mod output;
mod rotation;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use jiff::tz::TimeZone;

use self::format::Encoder;
use self::output::{Output, Records, Stream};
use self::rotation::{Files, Turn};
use super::{LinkType, Packet};
use crate::time::Timestamp;

pub use self::format::Format;
pub use self::rotation::Rotation;

/// Writes packets to a file, or to one file after the other.
///
/// Packets wait until there are 64 KiB of them, or until [`flush`](Self::flush): call it
/// when no packet is there to be written. Dropping flushes as well, but tells no error.
pub struct Saver {
    format: Format,
    name: String,
    /// `None` when there is one output for all, or there are no more files to come.
    files: Option<Files>,
    current: Current,
    begun: u64,
    packets: u64,
}

/// The file that is written.
struct Current {
    encoder: Encoder,
    records: Records,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is in the file, or waits for its batch.
    Written,
    /// It is not: all files that [`Rotation`] asks for are complete. Nothing is written
    /// any more.
    EnoughFiles,
}

/// Why packets could not be written. What was written before stays whole.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
#[non_exhaustive]
pub struct SaveError {
    /// The file as it was named, with what its rotation added; or what
    /// [`Saver::to_writer`] was told.
    pub file: String,
    /// What went wrong.
    pub problem: SaveProblem,
}

/// What went wrong with writing a capture file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveProblem {
    /// The file cannot be created or overwritten.
    #[error("cannot be created: {0}")]
    Create(io::Error),
    /// The system did not take all bytes, as on a full disk.
    #[error("cannot be written: {0}")]
    Write(io::Error),
    /// A time cannot be put into the file's name.
    #[error("no time can be put into this name: {0}")]
    Name(String),
    /// A pcap file got a packet of another link type. It is left away.
    #[error("pcap holds packets of one link type: this file's is {file}, the packet's {packet}")]
    LinkTypes {
        /// That of the file.
        file: LinkType,
        /// That of the packet.
        packet: LinkType,
    },
    /// A packet has more captured bytes than any reader takes. It is left away.
    #[error("a packet of {0} captured bytes is longer than capture files hold")]
    TooLong(usize),
}

impl SaveError {
    /// Whether whoever read the pipe that was written to has gone.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(&self.problem, SaveProblem::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl Saver {
    /// Creates the file at `path`, or the first one as `rotation` names it; an existing one
    /// is overwritten.
    ///
    /// `start` is when the capture begins, the time of the first file's name. The times of
    /// all other files are those of packets: no clock is read.
    ///
    /// # Errors
    ///
    /// [`SaveProblem::Create`], [`SaveProblem::Name`], or [`SaveProblem::Write`] when there
    /// is no room even for what comes before the packets.
    pub fn create(
        path: &Path,
        format: Format,
        rotation: Rotation,
        start: Timestamp,
    ) -> Result<Self, SaveError> {
        let files = Files::new(path, rotation, start, TimeZone::system());
        let mut name = path.display().to_string();
        let current = Current::of(&files, format, &mut name)?;
        Ok(Self {
            format,
            name,
            files: Some(files),
            current,
            begun: 1,
            packets: 0,
        })
    }

    /// Writes to `writer`, which is empty; `name` is what messages call it.
    ///
    /// # Errors
    ///
    /// [`SaveProblem::Write`].
    pub fn to_writer(
        name: impl Into<String>,
        writer: impl Write + Send + 'static,
        format: Format,
    ) -> Result<Self, SaveError> {
        let name = name.into();
        let current = Current::new(Box::new(Stream(writer)), format, &name)?;
        Ok(Self {
            format,
            name,
            files: None,
            current,
            begun: 1,
            packets: 0,
        })
    }

    /// Writes `packet`, to a new file if it is time for one.
    ///
    /// # Errors
    ///
    /// Any [`SaveProblem`]. After one with a single packet ([`SaveProblem::LinkTypes`],
    /// [`SaveProblem::TooLong`]) others can still be written; after one with the file,
    /// none.
    pub fn write(&mut self, packet: &Packet<'_>) -> Result<Saved, SaveError> {
        self.write_with(packet, None)
    }

    /// The same with a comment on the packet, which only pcapng has room for.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    pub fn write_with(
        &mut self,
        packet: &Packet<'_>,
        comment: Option<&str>,
    ) -> Result<Saved, SaveError> {
        if let Some(files) = &mut self.files {
            match files.turn(packet.time, self.current.records.len()) {
                Turn::Same => {}
                Turn::Next => {
                    flush(&mut self.current, &self.name)?;
                    self.current = Current::of(files, self.format, &mut self.name)?;
                    self.begun += 1;
                }
                Turn::Enough => {
                    flush(&mut self.current, &self.name)?;
                    return Ok(Saved::EnoughFiles);
                }
            }
        }
        let Current { encoder, records } = &mut self.current;
        records
            .add(|out| encoder.packet(packet, comment, out))
            .map_err(|problem| error(&self.name, problem))?;
        self.packets += 1;
        if records.is_due() {
            self.flush()?;
        }
        Ok(Saved::Written)
    }

    /// Writes the packets that wait.
    ///
    /// # Errors
    ///
    /// [`SaveProblem::Write`].
    pub fn flush(&mut self) -> Result<(), SaveError> {
        flush(&mut self.current, &self.name)
    }

    /// Ends writing.
    ///
    /// # Errors
    ///
    /// [`SaveProblem::Write`].
    pub fn finish(mut self) -> Result<(), SaveError> {
        self.flush()
    }

    /// Whether a packet of `time` would be [`Saved::EnoughFiles`]: for a capture that should
    /// end in time although no packet comes.
    pub fn is_complete_at(&self, time: Timestamp) -> bool {
        let files = self.files.as_ref();
        files.is_some_and(|files| files.is_complete_at(time))
    }

    /// Packets that were written, in all files, those that wait included.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Files that were begun so far, overwritten ones included.
    pub fn files(&self) -> u64 {
        self.begun
    }

    /// The file that is written now, as messages name it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for Saver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Saver")
            .field("name", &self.name)
            .field("format", &self.format)
            .field("packets", &self.packets)
            .finish_non_exhaustive()
    }
}

impl Current {
    /// Creates the file at which `files` stands; `name` becomes its name.
    fn of(files: &Files, format: Format, name: &mut String) -> Result<Self, SaveError> {
        let path = files.path().map_err(|problem| error(name, problem))?;
        *name = path.display().to_string();
        let file = File::create(&path).map_err(|cause| error(name, SaveProblem::Create(cause)))?;
        Self::new(Box::new(file), format, name)
    }

    /// Begins a file. What comes before its packets is written at once, so that a capture
    /// without packets is one that can be read.
    fn new(output: Box<dyn Output>, format: Format, name: &str) -> Result<Self, SaveError> {
        let mut header = Vec::new();
        let encoder = Encoder::new(format, &mut header);
        let mut records = Records::new(output);
        let _: Result<(), std::convert::Infallible> = records.add(|out| {
            out.append(&mut header);
            Ok(())
        });
        let mut current = Self { encoder, records };
        flush(&mut current, name)?;
        Ok(current)
    }
}

fn flush(current: &mut Current, name: &str) -> Result<(), SaveError> {
    let written = current.records.flush();
    written.map_err(|cause| error(name, SaveProblem::Write(cause)))
}

fn error(name: &str, problem: SaveProblem) -> SaveError {
    SaveError {
        file: name.to_owned(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::open;
    use crate::capture::testing::{read_source, without_directory};

    const PCAP: Format = Format::Pcap {
        link_type: LinkType::ETHERNET,
        nanoseconds: false,
        snaplen: 262_144,
    };

    fn packet(second: u64, data: &[u8]) -> Packet<'_> {
        Packet {
            time: Timestamp(second * 1_000_000_000),
            link_type: LinkType::ETHERNET,
            wire_len: u32::try_from(data.len()).unwrap_or(0),
            data,
        }
    }

    /// Every file in a directory: its name, then its packets.
    fn files(directory: &Path) -> io::Result<Vec<String>> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            paths.push(entry?.path());
        }
        paths.sort();
        let mut lines = Vec::new();
        for path in paths {
            lines.push(path.display().to_string());
            match open(&path) {
                Ok(mut source) => lines.extend(read_source(source.as_mut(), false)),
                Err(error) => lines.push(format!("! {error}")),
            }
        }
        Ok(without_directory(lines, directory))
    }

    #[test]
    fn a_capture_without_packets_can_be_read() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("a.pcap");
        let _saver = Saver::create(&path, PCAP, Rotation::default(), Timestamp(0))?;
        assert_eq!(files(directory.path())?, ["a.pcap"]);
        Ok(())
    }

    #[test]
    fn what_was_flushed_is_there_while_writing_goes_on() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("a.pcap");
        let mut saver = Saver::create(&path, PCAP, Rotation::default(), Timestamp(0))?;
        saver.write(&packet(1, b"a"))?;
        saver.flush()?;
        saver.write(&packet(2, b"b"))?;
        let first = "1.000000000 ETHERNET 1/1 61";
        assert_eq!(files(directory.path())?, ["a.pcap", first]);
        saver.finish()?;
        let second = "2.000000000 ETHERNET 1/1 62";
        assert_eq!(files(directory.path())?, ["a.pcap", first, second]);
        Ok(())
    }

    #[test]
    fn by_size_each_file_is_a_capture_and_no_packet_is_lost()
    -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let rotation = Rotation {
            bytes: Some(50),
            ..Rotation::default()
        };
        let path = directory.path().join("x");
        let mut saver = Saver::create(&path, PCAP, rotation, Timestamp(0))?;
        for second in 1..=5 {
            // 24 bytes of file header, then 17 of each packet: larger than 50 after two.
            assert_eq!(saver.write(&packet(second, b"a"))?, Saved::Written);
        }
        assert_eq!((saver.packets(), saver.files()), (5, 3));
        saver.finish()?;
        let packets = |range: std::ops::RangeInclusive<u32>| {
            range.map(|second| format!("{second}.000000000 ETHERNET 1/1 61"))
        };
        let mut expected = vec!["x".to_owned()];
        expected.extend(packets(1..=2));
        expected.push("x1".to_owned());
        expected.extend(packets(3..=4));
        expected.push("x2".to_owned());
        expected.extend(packets(5..=5));
        assert_eq!(files(directory.path())?, expected);
        Ok(())
    }

    #[test]
    fn by_seconds_writing_ends_after_the_last_file() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let rotation = Rotation {
            seconds: Some(10),
            files: Some(2),
            ..Rotation::default()
        };
        let path = directory.path().join("x%S");
        let mut saver = Saver::create(&path, PCAP, rotation, Timestamp(0))?;
        assert!(!saver.is_complete_at(Timestamp(60_000_000_000)));
        let outcomes = [1, 11, 12, 22, 23].map(|second| saver.write(&packet(second, b"a")).ok());
        let written = Some(Saved::Written);
        let enough = Some(Saved::EnoughFiles);
        assert_eq!(outcomes, [written, written, written, enough, enough]);
        assert!(saver.is_complete_at(Timestamp(0)));
        assert_eq!(
            files(directory.path())?,
            [
                "x00",
                "1.000000000 ETHERNET 1/1 61",
                "x11",
                "11.000000000 ETHERNET 1/1 61",
                "12.000000000 ETHERNET 1/1 61",
            ]
        );
        Ok(())
    }

    #[test]
    fn errors_name_the_file() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("missing").join("x");
        let message = Saver::create(&path, PCAP, Rotation::default(), Timestamp(0))
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        let start = format!("{}: cannot be created: ", path.display());
        assert!(message.starts_with(&start), "{message}");
        Ok(())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let path = Path::new("/dev/full");
        let error = Saver::create(path, PCAP, Rotation::default(), Timestamp(0)).err();
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            message.starts_with("/dev/full: cannot be written: "),
            "{message}"
        );
    }

    #[test]
    fn a_closed_pipe_is_told_from_a_full_disk() {
        struct Closed(io::ErrorKind);
        impl Write for Closed {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let closed = |kind| {
            let error = Saver::to_writer("a pipe", Closed(kind), PCAP).err();
            error.is_some_and(|error| error.is_closed_pipe())
        };
        assert!(closed(io::ErrorKind::BrokenPipe));
        assert!(!closed(io::ErrorKind::StorageFull));
    }
}

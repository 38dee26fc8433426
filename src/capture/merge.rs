//! Several files as one capture.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::path::{Path, PathBuf};

use super::error::CaptureError;
use super::file::{BytesRead, FileReader, is_standard_input, open_file};
use super::secrets::PendingSecrets;
use super::{DecryptionSecrets, Packet, PacketSource};
use crate::time::Timestamp;

/// Several files as one capture, in order of time.
///
/// Each file is taken to be in order itself; of packets with equal times, those of the
/// file that was named first come first. A file that cannot be read, or not to its
/// end, gives its errors in place of its packets, and the others go on.
///
/// A file is open from the time of its first packet to its end: of rotated files, one
/// or two at once. To learn these times every regular file is opened for a moment at
/// the start. Pipes and standard input stay open from the beginning.
pub struct Merged {
    /// By the time of the next packet. The first one's packet is that which is lent.
    files: BinaryHeap<Member>,
    /// Whether the packet of the first file was lent, so that it has to go on.
    lent: bool,
    secrets: PendingSecrets,
    /// What `advance` said, when secrets were asked for before the packet.
    ahead: Option<Result<bool, CaptureError>>,
    read: BytesRead,
}

impl Merged {
    /// One capture of the files at `paths`; `-` is standard input.
    ///
    /// What is wrong with a file is said by [`PacketSource::next_packet`].
    pub fn new<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::counted(paths, &BytesRead::default())
    }

    /// The same; `read` tells how far the reading is.
    pub fn counted<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>, read: &BytesRead) -> Self {
        let members = paths.into_iter().enumerate().map(|(position, path)| {
            let path = path.as_ref();
            Member {
                next: first_time(path),
                position,
                state: State::Closed(path.to_owned()),
            }
        });
        Self {
            files: members.collect(),
            lent: false,
            secrets: PendingSecrets::default(),
            ahead: None,
            read: read.clone(),
        }
    }

    /// Goes on to the next packet, which is then that of the first file; `false` at the end.
    fn advance(&mut self) -> Result<bool, CaptureError> {
        while let Some(mut first) = self.files.peek_mut() {
            if matches!(first.state, State::Ready(_)) && !self.lent {
                self.lent = true;
                return Ok(true);
            }
            self.lent = false;
            let mut reader = match std::mem::replace(&mut first.state, State::Done) {
                State::Closed(path) => match open_file(&path, Some(&self.read)) {
                    Ok(reader) => Box::new(reader),
                    Err(error) => {
                        PeekMut::pop(first);
                        return Err(error);
                    }
                },
                State::Ready(reader) | State::Failed(reader) => reader,
                State::Done => {
                    PeekMut::pop(first);
                    continue;
                }
            };
            match reader.advance(&mut self.secrets) {
                Ok(true) => {
                    first.next = Some(reader.packet().time);
                    first.state = State::Ready(reader);
                }
                Ok(false) => {
                    PeekMut::pop(first);
                }
                Err(error) => {
                    first.state = State::Failed(reader);
                    return Err(error);
                }
            }
        }
        Ok(false)
    }
}

impl PacketSource for Merged {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        let found = match self.ahead.take() {
            Some(ahead) => ahead?,
            None => self.advance()?,
        };
        let first = self.files.peek().filter(|_| found);
        Ok(first.and_then(|first| match &first.state {
            State::Ready(reader) => Some(reader.packet()),
            _ => None,
        }))
    }

    fn take_secrets(&mut self) -> Vec<DecryptionSecrets> {
        if self.ahead.is_none() {
            self.ahead = Some(self.advance());
        }
        self.secrets.take()
    }
}

impl std::fmt::Debug for Merged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merged")
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}

/// One file of a merged capture.
struct Member {
    /// Time of its next packet. `None` when that is not known, which comes before any
    /// time: then the file has to be read to say what it is, or what is wrong with it.
    next: Option<Timestamp>,
    /// Place among the files, from 0.
    position: usize,
    state: State,
}

/// The readers are boxed because members change places at every packet.
enum State {
    /// Not opened yet.
    Closed(PathBuf),
    /// Stands at its next packet.
    Ready(Box<FileReader>),
    /// Gave an error in place of a packet; the next one has yet to be found.
    Failed(Box<FileReader>),
    /// At its end.
    Done,
}

impl Ord for Member {
    /// The member whose packet comes first is the greatest: a heap hands out that.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.next, other.position).cmp(&(self.next, self.position))
    }
}

impl PartialOrd for Member {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Member {}

/// Time of the first packet in the file at `path`.
///
/// `None` when there is none, or when the file could not be opened a second time.
/// Errors are left for the time at which the file is read.
fn first_time(path: &Path) -> Option<Timestamp> {
    if is_standard_input(path) || !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut reader = open_file(path, None).ok()?;
    let mut secrets = PendingSecrets::default();
    // An error before the first packet may be one that reading goes on after.
    let found = (0..MAX_ERRORS_BEFORE_FIRST).find_map(|_| reader.advance(&mut secrets).ok())?;
    found.then(|| reader.packet().time)
}

/// Errors that a file may give before its first packet without being read early.
const MAX_ERRORS_BEFORE_FIRST: usize = 16;

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::capture::testing::{Order, PcapNg, pcap, read_source, without_directory};

    /// Merges files with these contents, named `0`, `1` and so on; with secrets.
    fn merged(contents: &[Vec<u8>]) -> io::Result<Vec<String>> {
        let directory = tempfile::tempdir()?;
        let paths: Vec<PathBuf> = (0..contents.len())
            .map(|number| directory.path().join(number.to_string()))
            .collect();
        for (path, bytes) in paths.iter().zip(contents) {
            std::fs::write(path, bytes)?;
        }
        let lines = read_source(&mut Merged::new(&paths), true);
        Ok(without_directory(lines, directory.path()))
    }

    /// A file with packets at these seconds, each with the byte `mark`.
    fn file(mark: u8, seconds: &[u32]) -> Vec<u8> {
        let data = [mark];
        let records: Vec<(u32, u32, &[u8])> = seconds
            .iter()
            .map(|&second| (second, 0, &data[..]))
            .collect();
        pcap(&records)
    }

    /// Second and mark of each packet.
    fn short(lines: &[String]) -> Vec<String> {
        let parts = |line: &String| match line.split_once(".000000000 ETHERNET 1/1 ") {
            Some((second, mark)) => format!("{second} {mark}"),
            None => line.clone(),
        };
        lines.iter().map(parts).collect()
    }

    #[test]
    fn packets_come_in_order_of_time_and_then_of_files() -> io::Result<()> {
        let lines = merged(&[file(0, &[4, 5, 9]), file(1, &[1, 5, 5, 8]), file(2, &[5])])?;
        assert_eq!(
            short(&lines),
            [
                "1 01", "4 00", "5 00", "5 01", "5 01", "5 02", "8 01", "9 00"
            ]
        );
        Ok(())
    }

    #[test]
    fn a_file_whose_clock_goes_back_is_read_as_it_is() -> io::Result<()> {
        let lines = merged(&[file(0, &[3, 1, 7]), file(1, &[2, 4])])?;
        assert_eq!(short(&lines), ["2 01", "3 00", "1 00", "4 01", "7 00"]);
        Ok(())
    }

    #[test]
    fn no_files_and_files_without_packets_give_nothing() -> io::Result<()> {
        assert_eq!(merged(&[])?, [""; 0]);
        assert_eq!(merged(&[file(0, &[]), file(1, &[])])?, [""; 0]);
        Ok(())
    }

    #[test]
    fn what_is_wrong_with_one_file_does_not_lose_the_others() -> io::Result<()> {
        let mut cut = file(0, &[1, 3, 5]);
        cut.pop();
        let lines = merged(&[cut, b"hello".to_vec(), file(2, &[2, 4, 6]), Vec::new()])?;
        assert_eq!(
            short(&lines),
            [
                "! 1: at byte 0: not a capture: it starts with 68 65 6c 6c 6f; \
                 expected pcap or pcapng, plain or inside gzip or zstd",
                "! 3: is empty; even a capture without packets starts with a header",
                "1 00",
                "2 02",
                "3 00",
                "! 0: at byte 58: cut in the middle of a packet: 17 bytes needed, 16 there",
                "4 02",
                "6 02",
            ]
        );
        Ok(())
    }

    #[test]
    fn a_file_goes_on_after_an_error_that_allows_it() -> io::Result<()> {
        let section = || {
            PcapNg::new(Order::Little)
                .section()
                .enhanced(7, 0, 0, b"")
                .interface(1, 0, &[])
        };
        let first = section().enhanced(0, 2_000_000, 1, &[0]).bytes;
        let second = section().enhanced(0, 1_000_000, 1, &[1]).bytes;
        let error = |file: u8| {
            format!(
                "! {file}: at byte 28: packet of interface 7, but the section describes 0; such packets are left out"
            )
        };
        let expected = [error(1), "1 01".to_owned(), error(0), "2 00".to_owned()];
        assert_eq!(short(&merged(&[first, second])?), expected);
        Ok(())
    }

    #[test]
    fn secrets_come_before_the_packets_that_follow_them_in_their_file() -> io::Result<()> {
        let section = || PcapNg::new(Order::Little).section().interface(1, 0, &[]);
        let first = section()
            .enhanced(0, 2_000_000, 1, &[0])
            .secrets(5, b"late")
            .bytes;
        let second = section()
            .secrets(4, b"early")
            .enhanced(0, 1_000_000, 1, &[1])
            .bytes;
        let lines = merged(&[first, second])?;
        assert_eq!(short(&lines), ["0x4 early", "1 01", "2 00", "0x5 late"]);
        Ok(())
    }

    #[test]
    fn files_that_follow_each_other_are_not_open_at_once() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let mut paths = Vec::new();
        for number in 0..50 {
            let path = directory.path().join(number.to_string());
            std::fs::write(&path, file(0, &[number * 10, number * 10 + 5]))?;
            paths.push(path);
        }
        let mut merged = Merged::new(&paths);
        let mut packets = 0;
        while let Ok(Some(_)) = merged.next_packet() {
            packets += 1;
            let open = merged
                .files
                .iter()
                .filter(|member| matches!(member.state, State::Ready(_)));
            assert!(open.count() <= 1);
        }
        assert_eq!(packets, 100);
        Ok(())
    }
}

//! Opening a capture: what it is, by its first bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::block::SECTION_HEADER;
use super::compressed::decompress;
use super::error::{CaptureError, Compression, FirstBytes, Problem};
use super::input::Input;
use super::merge::Merged;
use super::pcap::{self, PcapReader};
use super::pcapng::PcapNgReader;
use super::secrets::PendingSecrets;
use super::{DecryptionSecrets, Packet, PacketSource};

/// Opens a capture file; `-` is standard input.
///
/// The format is recognised by content: pcap or pcapng, plain or inside gzip or zstd.
///
/// # Errors
///
/// [`CaptureError`] when the file cannot be opened, is a directory, is empty, is not a
/// capture, or ends inside its file header.
pub fn open(path: &Path) -> Result<Box<dyn PacketSource + Send>, CaptureError> {
    Ok(Box::new(FileSource::new(open_file(path, None)?)))
}

/// Opens captures as one, in order of time; see [`Merged`].
///
/// # Errors
///
/// Those of [`open`] for a single file. Of several, each file's errors come from
/// [`PacketSource::next_packet`], so that the others can still be read.
pub fn open_all(paths: &[PathBuf]) -> Result<Box<dyn PacketSource + Send>, CaptureError> {
    open_all_counted(paths, &BytesRead::default())
}

/// The same; `read` tells how far the reading is, from any thread.
///
/// # Errors
///
/// Those of [`open_all`].
pub fn open_all_counted(
    paths: &[PathBuf],
    read: &BytesRead,
) -> Result<Box<dyn PacketSource + Send>, CaptureError> {
    match paths {
        [path] => Ok(Box::new(FileSource::new(open_file(path, Some(read))?))),
        _ => Ok(Box::new(Merged::counted(paths, read))),
    }
}

/// Bytes that were read of capture files, as they lie on the disk; clones count the same.
#[derive(Clone, Debug, Default)]
pub struct BytesRead(Arc<AtomicU64>);

impl BytesRead {
    /// So many, so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A file whose bytes are counted as they are read.
struct Counted {
    file: File,
    read: BytesRead,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(buffer)?;
        self.read.0.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}

/// Reads a capture from anything that gives bytes; `name` is what messages call it.
///
/// # Errors
///
/// [`CaptureError`] when there is no byte, when it is not a capture, or when it ends
/// inside its file header.
pub fn from_reader(
    name: impl Into<String>,
    reader: impl Read + Send + 'static,
) -> Result<Box<dyn PacketSource + Send>, CaptureError> {
    let input = Input::new(name.into(), Box::new(reader), None);
    Ok(Box::new(FileSource::new(FileReader::new(input)?)))
}

/// Whether `path` stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens `path` and recognises what is in it.
pub(super) fn open_file(path: &Path, read: Option<&BytesRead>) -> Result<FileReader, CaptureError> {
    if is_standard_input(path) {
        let name = "standard input".to_owned();
        return FileReader::new(Input::new(name, Box::new(io::stdin()), None));
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => {
            let read = read.cloned().unwrap_or_default();
            FileReader::new(Input::new(name, Box::new(Counted { file, read }), None))
        }
        Err(cause) => {
            let problem = Problem::Open(cause);
            Err(CaptureError {
                file: name,
                offset: None,
                decompressed: false,
                problem,
            })
        }
    }
}

/// The packets of one file, without looking ahead.
pub(super) enum FileReader {
    Pcap(PcapReader),
    PcapNg(PcapNgReader),
}

impl FileReader {
    /// Recognises what `input` is; of a compressed one, what is inside.
    fn new(mut input: Input) -> Result<Self, CaptureError> {
        if !input
            .fill(1)
            .map_err(|error| without_place_at_start(&input, error))?
        {
            return Err(input.error_without_place(Problem::Empty));
        }
        input.fill(MAGIC_LEN)?;
        if let Some(compression) = Compression::of(input.unread()) {
            input = decompress(input, compression)?;
            input.fill(MAGIC_LEN)?;
        }
        if let Some(&magic) = input.unread().first_chunk::<MAGIC_LEN>() {
            if magic == SECTION_HEADER {
                return Ok(Self::PcapNg(PcapNgReader::new(input)));
            }
            if pcap::is_pcap(magic) {
                return Ok(Self::Pcap(PcapReader::new(input)?));
            }
        }
        // More than the magic number, if it is there, to show in the message.
        input.fill(8)?;
        let start = FirstBytes::new(input.unread());
        Err(input.error(0, Problem::NotCapture(start)))
    }

    /// Goes on to the next packet; `false` at the end. Secrets on the way go to `secrets`.
    #[inline]
    pub(super) fn advance(&mut self, secrets: &mut PendingSecrets) -> Result<bool, CaptureError> {
        match self {
            Self::Pcap(reader) => reader.advance(),
            Self::PcapNg(reader) => reader.advance(secrets),
        }
    }

    /// The packet that [`advance`](Self::advance) found.
    #[inline]
    pub(super) fn packet(&self) -> Packet<'_> {
        match self {
            Self::Pcap(reader) => reader.packet(),
            Self::PcapNg(reader) => reader.packet(),
        }
    }
}

/// That a directory is one does not depend on where reading it failed.
fn without_place_at_start(input: &Input, error: CaptureError) -> CaptureError {
    match error.problem {
        Problem::Directory => input.error_without_place(Problem::Directory),
        _ => error,
    }
}

/// The packets of one file.
struct FileSource {
    reader: FileReader,
    secrets: PendingSecrets,
    /// What `advance` said, when secrets were asked for before the packet.
    ahead: Option<Result<bool, CaptureError>>,
}

impl FileSource {
    fn new(reader: FileReader) -> Self {
        Self {
            reader,
            secrets: PendingSecrets::default(),
            ahead: None,
        }
    }
}

impl PacketSource for FileSource {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        let found = match self.ahead.take() {
            Some(ahead) => ahead?,
            None => self.reader.advance(&mut self.secrets)?,
        };
        Ok(found.then(|| self.reader.packet()))
    }

    fn take_secrets(&mut self) -> Vec<DecryptionSecrets> {
        // Only pcapng has secrets; of pcap nothing needs to be read ahead.
        if matches!(self.reader, FileReader::PcapNg(_)) && self.ahead.is_none() {
            self.ahead = Some(self.reader.advance(&mut self.secrets));
        }
        self.secrets.take()
    }
}

/// Bytes that tell every format from the others.
const MAGIC_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::testing::{Order, PcapNg, lines, pcap, read_source, without_directory};

    /// What comes out of a file with `bytes` in it, opened by name.
    fn lines_of_file(name: &str, bytes: &[u8]) -> io::Result<Vec<String>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join(name);
        std::fs::write(&path, bytes)?;
        let lines = match open(&path) {
            Ok(mut source) => read_source(source.as_mut(), false),
            Err(error) => vec![format!("! {error}")],
        };
        Ok(without_directory(lines, directory.path()))
    }

    #[test]
    fn a_file_is_recognised_by_content() -> io::Result<()> {
        let packet = ["1.000000000 ETHERNET 1/1 aa"];
        assert_eq!(
            lines_of_file("a.pcapng", &pcap(&[(1, 0, &[0xaa])]))?,
            packet
        );
        let file = PcapNg::new(Order::Big).section().interface(1, 0, &[]);
        assert_eq!(
            lines_of_file("a.gz", &file.enhanced(0, 1_000_000, 1, &[0xaa]).bytes)?,
            packet
        );
        Ok(())
    }

    #[test]
    fn what_cannot_be_a_capture_is_refused_with_the_reason() -> io::Result<()> {
        let expected = "expected pcap or pcapng, plain or inside gzip or zstd";
        for (bytes, message) in [
            (
                &b""[..],
                "is empty; even a capture without packets starts with a header".to_owned(),
            ),
            (
                b"\x0a",
                format!("at byte 0: not a capture: it starts with 0a; {expected}"),
            ),
            (
                b"hello",
                format!("at byte 0: not a capture: it starts with 68 65 6c 6c 6f; {expected}"),
            ),
            (
                b"\xfd7zXZ\0\0\x04",
                format!(
                    "at byte 0: not a capture: it starts with fd 37 7a 58 5a 00 00 04; {expected} (this is xz: decompress it first)"
                ),
            ),
        ] {
            assert_eq!(lines_of_file("f", bytes)?, [format!("! f: {message}")]);
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_opened_is_named() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let message = |path: &Path| open(path).err().map(|error| error.to_string());
        let path = directory.path();
        assert_eq!(
            message(path),
            Some(format!(
                "{}: is a directory, not a capture file",
                path.display()
            ))
        );
        let path = path.join("missing");
        let text = message(&path).unwrap_or_default();
        assert!(
            text.starts_with(&format!("{}: cannot be opened: ", path.display())),
            "{text}"
        );
        Ok(())
    }

    #[test]
    fn a_pcap_file_has_no_secrets_and_nothing_is_read_ahead_for_them() {
        let source = from_reader("f", io::Cursor::new(pcap(&[(1, 0, b"")])));
        let Ok(mut source) = source else {
            return assert!(source.is_ok());
        };
        assert_eq!(source.take_secrets(), []);
        assert!(matches!(source.next_packet(), Ok(Some(_))));
    }

    #[test]
    fn an_error_that_was_met_while_looking_for_secrets_is_said_once() {
        let file = PcapNg::new(Order::Little).section().enhanced(0, 1, 0, b"");
        let bytes = file.interface(1, 0, &[]).enhanced(0, 2, 0, b"").bytes;
        let expected = lines(io::Cursor::new(bytes.clone()));
        assert_eq!(expected.len(), 2);
        assert_eq!(
            crate::capture::testing::read(io::Cursor::new(bytes), true),
            expected
        );
    }
}

//! The read buffer that every reader of this layer takes its bytes from.

use std::io::{self, Read};
use std::ops::Range;

use super::error::{CaptureError, Compression, Problem};

/// Bytes of one capture, after decompression, in one buffer that moves along.
///
/// A reader asks for the bytes of a record with [`fill`](Self::fill), takes them with
/// [`consume`](Self::consume), and may lend them from then on until it fills again.
pub(super) struct Input {
    file: String,
    reader: Box<dyn Read + Send>,
    compression: Option<Compression>,
    /// All of it is initialized, so that it can be handed to `read`.
    buffer: Vec<u8>,
    /// The part of `buffer` that was read and not consumed.
    unread: Range<usize>,
    /// Bytes consumed before `unread`.
    offset: u64,
    ended: bool,
}

impl Input {
    /// An input that stands at the first byte of `reader`.
    pub(super) fn new(
        file: String,
        reader: Box<dyn Read + Send>,
        compression: Option<Compression>,
    ) -> Self {
        Self {
            file,
            reader,
            compression,
            buffer: vec![0; BUFFER_LEN],
            unread: 0..0,
            offset: 0,
            ended: false,
        }
    }

    /// Bytes that were read and not consumed; at least as many as the last
    /// [`fill`](Self::fill) was asked for, if it said `true`.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.unread.clone()]
    }

    /// Bytes that were consumed so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads until at least `len` bytes are unread; `false` when the input ends before.
    ///
    /// No more reads are made than needed, so that a packet that comes through a pipe
    /// does not wait for the next one. What was consumed may be overwritten.
    ///
    /// # Errors
    ///
    /// [`Problem::Read`] or [`Problem::Compressed`]; the input has then ended, with
    /// nothing unread.
    #[inline]
    pub(super) fn fill(&mut self, len: usize) -> Result<bool, CaptureError> {
        if self.unread.len() >= len {
            return Ok(true);
        }
        self.read_until(len)
    }

    #[cold]
    fn read_until(&mut self, len: usize) -> Result<bool, CaptureError> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        while self.unread.len() < len && !self.ended {
            if self.unread.end == self.buffer.len() {
                // Doubled, not grown to `len` at once: a damaged length then costs no
                // more memory than the file has bytes.
                self.buffer.resize(len.min(2 * self.buffer.len()), 0);
            }
            match self.reader.read(&mut self.buffer[self.unread.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.unread.end += count,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    let at = self.offset + self.unread.len() as u64;
                    let problem = self.read_problem(cause);
                    self.end();
                    return Err(self.error(at, problem));
                }
            }
        }
        Ok(self.unread.len() >= len)
    }

    /// Takes `len` unread bytes; where they are in the buffer is what
    /// [`consumed`](Self::consumed) wants to know.
    #[inline]
    pub(super) fn consume(&mut self, len: usize) -> Range<usize> {
        let taken = self.unread.start..self.unread.start + len;
        self.unread.start = taken.end;
        self.offset += len as u64;
        taken
    }

    /// Bytes that were consumed since the last [`fill`](Self::fill).
    #[inline]
    pub(super) fn consumed(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Passes over `len` bytes without keeping them; says how many there were.
    ///
    /// # Errors
    ///
    /// Those of [`fill`](Self::fill).
    pub(super) fn skip(&mut self, len: u64) -> Result<u64, CaptureError> {
        let mut left = len;
        while left > 0 && self.fill(1)? {
            let here = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.unread.len());
            self.consume(here);
            left -= here as u64;
        }
        Ok(len - left)
    }

    /// Gives up what is left: there is nothing to make of it.
    pub(super) fn end(&mut self) {
        self.unread = 0..0;
        self.ended = true;
    }

    /// An error of this input, `offset` bytes from its start.
    #[cold]
    pub(super) fn error(&self, offset: u64, problem: Problem) -> CaptureError {
        CaptureError {
            file: self.file.clone(),
            offset: Some(offset),
            decompressed: self.compression.is_some(),
            problem,
        }
    }

    /// An error about the input as a whole.
    pub(super) fn error_without_place(&self, problem: Problem) -> CaptureError {
        CaptureError {
            offset: None,
            ..self.error(0, problem)
        }
    }

    /// The name, what was read and not consumed, and the rest.
    pub(super) fn into_parts(self) -> (String, Vec<u8>, Box<dyn Read + Send>) {
        let unread = self.unread().to_vec();
        (self.file, unread, self.reader)
    }

    /// Whether the file or the decompressor is to blame.
    fn read_problem(&self, cause: io::Error) -> Problem {
        // Decompressors pass on the errors of the file, which carry a number of the
        // operating system. Their own have none, and are of these kinds.
        let own = cause.raw_os_error().is_none()
            && matches!(
                cause.kind(),
                io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::Other
            );
        match self.compression {
            Some(compression) if own => Problem::Compressed { compression, cause },
            _ if cause.kind() == io::ErrorKind::IsADirectory => Problem::Directory,
            _ => Problem::Read(cause),
        }
    }
}

/// Length of the read buffer in bytes; larger ones are not faster.
///
/// A record that does not fit makes it grow, up to [`MAX_RECORD_LEN`].
const BUFFER_LEN: usize = 256 << 10;

/// Longest record wsdump takes for real: 64 MiB.
///
/// The longest packets that are ever captured, of segmentation offload and of USB, are
/// far below it. A longer one means that the bytes of the length are damaged.
pub(super) const MAX_RECORD_LEN: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::testing::Trickle;

    fn input(reader: impl Read + Send + 'static) -> Input {
        Input::new("f".to_owned(), Box::new(reader), None)
    }

    #[test]
    fn short_reads_and_interruptions_are_not_seen() -> Result<(), CaptureError> {
        let mut input = input(Trickle::new(b"abcdef"));
        assert!(input.fill(4)?);
        assert_eq!(input.unread(), b"abcd");
        let taken = input.consume(3);
        assert_eq!(input.consumed(taken), b"abc");
        assert!(input.fill(3)?);
        assert_eq!((input.unread(), input.offset()), (&b"def"[..], 3));
        assert!(!input.fill(4)?);
        assert_eq!(input.unread(), b"def");
        Ok(())
    }

    #[test]
    fn the_buffer_grows_no_further_than_the_bytes_there_are() -> Result<(), CaptureError> {
        let mut input = input(io::repeat(7).take(300 << 10));
        assert!(!input.fill(MAX_RECORD_LEN)?);
        assert_eq!(input.unread().len(), 300 << 10);
        assert_eq!(input.buffer.len(), 512 << 10);
        Ok(())
    }

    #[test]
    fn skipping_says_how_much_there_was() -> Result<(), CaptureError> {
        let mut input = input(io::repeat(7).take(1 << 20));
        assert_eq!(input.skip(1_000_000)?, 1_000_000);
        assert_eq!(input.offset(), 1_000_000);
        assert_eq!(input.skip(1_000_000)?, 48_576);
        assert_eq!(input.buffer.len(), BUFFER_LEN);
        Ok(())
    }

    #[test]
    fn after_a_read_error_the_input_has_ended() -> Result<(), CaptureError> {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("cable pulled"))
            }
        }
        let mut input = input((&b"abc"[..]).chain(Broken));
        assert_eq!(
            input.fill(4).map_err(|error| error.to_string()),
            Err("f: at byte 3: cannot be read: cable pulled".to_owned())
        );
        assert!(!input.fill(1)?);
        Ok(())
    }
}

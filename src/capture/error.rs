//! What can keep a capture from being read, worded for the person at the terminal.

use std::fmt;
use std::io;

/// Why a capture, or a part of one, could not be read.
///
/// The message is one line that starts with the file's name and, when the problem
/// has a place, the byte offset at which it was found:
///
/// ```text
/// day1.pcap: at byte 4024: cut in the middle of a packet: 90 bytes needed, 31 there
/// day2.pcap.gz: at byte 24 of the decompressed data: …
/// ```
///
/// The text of an [`io::Error`] is part of the message, so the error has no
/// [`source`](std::error::Error::source): a printer of whole chains would say it twice.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {}{problem}", Place { offset: *offset, decompressed: *decompressed })]
#[non_exhaustive]
pub struct CaptureError {
    /// The file as the user named it, or `standard input`.
    pub file: String,
    /// Bytes before the record or block that could not be read, or before the byte
    /// at which reading failed. `None` when nothing was read.
    pub offset: Option<u64>,
    /// Whether `offset` counts decompressed bytes, as it does in a gzip or zstd file.
    pub decompressed: bool,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a capture file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file does not exist, or may not be read.
    #[error("cannot be opened: {0}")]
    Open(io::Error),
    /// The name is that of a directory.
    #[error("is a directory, not a capture file")]
    Directory,
    /// There is not a single byte; a capture without packets still has a header.
    #[error("is empty; even a capture without packets starts with a header")]
    Empty,
    /// The first bytes are those of no known capture format.
    #[error("not a capture: it starts with {0}; expected pcap or pcapng, plain or inside gzip or zstd{hint}", hint = .0.hint())]
    NotCapture(FirstBytes),
    /// The file ends inside a record. Everything before it has been read.
    #[error("cut in the middle of a {part}: {needed} bytes needed, {there} there")]
    Cut {
        /// The record that is not whole.
        part: Part,
        /// Bytes the record takes, as far as what is there tells.
        needed: u64,
        /// Bytes of it that are there.
        there: u64,
    },
    /// A length field holds what no capture holds: bytes were damaged before or in it.
    #[error("damaged {part}: it would be {len} bytes long, possible are {min} to {max}")]
    Length {
        /// The record that has the length.
        part: Part,
        /// Its length in bytes, by that field.
        len: u64,
        /// Smallest possible length.
        min: u64,
        /// Largest possible length.
        max: u64,
    },
    /// A block says one length at its start and another at its end, and no block
    /// follows at either place.
    #[error(
        "damaged block: it says {first} bytes at its start and {last} at its end, and no block follows"
    )]
    LengthsDisagree {
        /// The length at the block's start.
        first: u32,
        /// The four bytes where the length should be repeated.
        last: u32,
    },
    /// A section starts with neither form of the byte-order magic.
    #[error(
        "damaged section header: byte-order magic {0:02x?}, expected 1a 2b 3c 4d in either order"
    )]
    ByteOrder([u8; 4]),
    /// A packet names an interface that its section did not describe. Said once per
    /// section; the packets of such interfaces are left out.
    #[error(
        "packet of interface {interface}, but the section describes {described}; such packets are left out"
    )]
    UnknownInterface {
        /// The packet's interface, counted from 0.
        interface: u32,
        /// Interfaces described so far.
        described: usize,
    },
    /// A section describes more interfaces than wsdump keeps.
    #[error("more than {limit} interfaces in one section")]
    TooManyInterfaces {
        /// The limit.
        limit: usize,
    },
    /// Secrets were left out because too many were waiting to be taken.
    #[error(
        "decryption secrets of {len} bytes left out: with them, more than {limit} would be kept"
    )]
    TooManySecrets {
        /// Length of the secrets left out, in bytes.
        len: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Compressed data that does not decompress, or ends too early. Everything
    /// before it has been read.
    #[error("damaged or incomplete {compression} data: {cause}")]
    Compressed {
        /// The compression.
        compression: Compression,
        /// What the decompressor says.
        cause: io::Error,
    },
    /// The operating system could not read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
}

/// Part of a capture file, as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The file header of a pcap file.
    FileHeader,
    /// A packet with its record header.
    Packet,
    /// A block of a pcapng file.
    Block,
    /// A pcapng block that describes an interface.
    InterfaceDescription,
    /// A pcapng block with keys.
    DecryptionSecrets,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileHeader => "file header",
            Self::Packet => "packet",
            Self::Block => "block",
            Self::InterfaceDescription => "interface description",
            Self::DecryptionSecrets => "decryption secrets block",
        })
    }
}

/// A compression that capture files come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// The first bytes of something that is not a capture, eight at most.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FirstBytes {
    bytes: [u8; 8],
    len: usize,
}

impl FirstBytes {
    /// The front of `data`.
    pub fn new(data: &[u8]) -> Self {
        let mut bytes = [0; 8];
        let len = data.len().min(bytes.len());
        bytes[..len].copy_from_slice(&data[..len]);
        Self { bytes, len }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// What to do about it, for formats that are easily taken for captures.
    fn hint(&self) -> &'static str {
        const HINTS: [(&[u8], &str); 8] = [
            (b"\xfd7zXZ", " (this is xz: decompress it first)"),
            (b"BZh", " (this is bzip2: decompress it first)"),
            (b"\x04\x22\x4d\x18", " (this is lz4: decompress it first)"),
            (
                b"PK\x03\x04",
                " (this is a zip archive: extract the capture first)",
            ),
            (
                b"\x1f\x8b",
                " (this is gzip inside compressed data: decompress it first)",
            ),
            (
                b"\x28\xb5\x2f\xfd",
                " (this is zstd inside compressed data: decompress it first)",
            ),
            (
                b"snoop\0",
                " (this is a snoop capture: convert it with editcap)",
            ),
            (
                b"GMBU",
                " (this is a Network Monitor capture: convert it with editcap)",
            ),
        ];
        let known = HINTS
            .iter()
            .find(|(magic, _)| self.as_bytes().starts_with(magic));
        known.map_or("", |(_, hint)| hint)
    }
}

impl fmt::Display for FirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.as_bytes().iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for FirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The part of a message that says where.
struct Place {
    offset: Option<u64>,
    decompressed: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.offset, self.decompressed) {
            (None, _) => Ok(()),
            (Some(offset), false) => write!(f, "at byte {offset}: "),
            (Some(offset), true) => write!(f, "at byte {offset} of the decompressed data: "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(offset: Option<u64>, decompressed: bool, problem: Problem) -> String {
        let file = "a.pcap".to_owned();
        CaptureError {
            file,
            offset,
            decompressed,
            problem,
        }
        .to_string()
    }

    #[test]
    fn a_message_names_the_file_the_place_and_both_numbers() {
        let cut = || Problem::Cut {
            part: Part::Packet,
            needed: 90,
            there: 31,
        };
        assert_eq!(
            message(Some(24), false, cut()),
            "a.pcap: at byte 24: cut in the middle of a packet: 90 bytes needed, 31 there"
        );
        assert_eq!(
            message(Some(24), true, cut()),
            "a.pcap: at byte 24 of the decompressed data: \
             cut in the middle of a packet: 90 bytes needed, 31 there"
        );
        assert_eq!(
            message(None, false, Problem::Directory),
            "a.pcap: is a directory, not a capture file"
        );
    }

    #[test]
    fn what_is_not_a_capture_is_shown_in_hex_with_a_hint_where_there_is_one() {
        let not_capture =
            |bytes| message(Some(0), false, Problem::NotCapture(FirstBytes::new(bytes)));
        assert_eq!(
            not_capture(b"GET / HTTP/1.1"),
            "a.pcap: at byte 0: not a capture: it starts with 47 45 54 20 2f 20 48 54; \
             expected pcap or pcapng, plain or inside gzip or zstd"
        );
        assert_eq!(
            not_capture(b"BZh"),
            "a.pcap: at byte 0: not a capture: it starts with 42 5a 68; \
             expected pcap or pcapng, plain or inside gzip or zstd (this is bzip2: decompress it first)"
        );
    }

    #[test]
    fn every_message_is_one_line() {
        let cause = || io::Error::from(io::ErrorKind::NotFound);
        for problem in [
            Problem::Open(cause()),
            Problem::Empty,
            Problem::Length {
                part: Part::Block,
                len: 3,
                min: 12,
                max: 64,
            },
            Problem::LengthsDisagree { first: 32, last: 7 },
            Problem::ByteOrder([1, 2, 3, 4]),
            Problem::UnknownInterface {
                interface: 4,
                described: 1,
            },
            Problem::TooManyInterfaces { limit: 8 },
            Problem::TooManySecrets { len: 9, limit: 8 },
            Problem::Compressed {
                compression: Compression::Zstd,
                cause: cause(),
            },
            Problem::Read(cause()),
        ] {
            assert!(!message(Some(7), true, problem).contains('\n'));
        }
    }
}

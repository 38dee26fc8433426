//! Reading captured packets from files, pipes and interfaces.
//!
//! [`open`] looks at the first bytes, not at the name, and picks the reader: pcap,
//! pcapng, or either of them inside gzip or zstd. [`Merged`] makes one capture of
//! several files, in order of time. What comes out is always the same: a
//! [`PacketSource`] that lends one [`Packet`] at a time.
//!
//! Memory does not follow the size of a file: a reader holds one buffer, of 256 KiB
//! until a record needs more, and packets are slices of it. [`read_ahead`] reads on another
//! thread, and copies them.
//!
//! `live` captures from interfaces (it needs libpcap, and is left out without the feature
//! of that name); [`save`] writes packets to files.
//!
//! Only this layer and the program do I/O.

mod ahead;
mod block;
mod clock;
mod compressed;
mod error;
mod file;
mod input;
mod link_type;
#[cfg(feature = "live")]
pub mod live;
mod merge;
mod pcap;
mod pcapng;
pub mod save;
mod secrets;
#[cfg(test)]
mod testing;

use std::time::Duration;

use crate::time::Timestamp;

pub use ahead::read_ahead;
pub use error::{CaptureError, Compression, FirstBytes, Part, Problem};
pub use file::{BytesRead, from_reader, open, open_all, open_all_counted};
pub use link_type::LinkType;
pub use merge::Merged;
pub use secrets::DecryptionSecrets;

/// One captured record: its timestamp, link type and bytes.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it was captured. For a pcapng Simple Packet Block, which has no time: that
    /// of the packet before it in the file.
    pub time: Timestamp,
    /// What the first byte of `data` belongs to.
    pub link_type: LinkType,
    /// Length on the wire in bytes; more than `data.len()` when the snap length cut
    /// it, and never less.
    pub wire_len: u32,
    /// The captured bytes.
    pub data: &'a [u8],
}

/// What [`PacketSource::next_within`] came to.
#[derive(Clone, Copy, Debug)]
pub enum Next<'a> {
    /// The next packet, lent as by [`PacketSource::next_packet`].
    Packet(Packet<'a>),
    /// No packet came in time. There may be more.
    TimedOut,
    /// There are no more packets.
    End,
}

/// Anything that yields packets in the order they were captured.
///
/// ```
/// use wsdump::capture::{PacketSource, from_reader};
///
/// let mut capture = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
/// capture.extend(b"\x07\0\0\0\x64\0\0\0\x02\0\0\0\x02\0\0\0hi");
///
/// let mut source = from_reader("an array", std::io::Cursor::new(capture))?;
/// while let Some(packet) = source.next_packet()? {
///     assert_eq!(packet.time.0, 7_000_100_000);
///     assert_eq!(packet.data, b"hi");
/// }
/// # Ok::<(), wsdump::capture::CaptureError>(())
/// ```
pub trait PacketSource {
    /// The next packet, or `None` at the end.
    ///
    /// The packet borrows the source's buffer until the next call.
    ///
    /// # Errors
    ///
    /// [`CaptureError`] when the bytes cannot be read or are not a capture. A source
    /// may be asked again after an error: it goes on with what is left (the next block
    /// of a pcapng file, the other files of a [`Merged`] capture), or says `None`.
    /// The packets before the place of an error come before it.
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError>;

    /// As [`next_packet`](Self::next_packet), but comes back after `timeout` when there is
    /// no packet yet, so that the caller can do what waits for a quiet moment: flush its
    /// output, look at a clock. A timeout of zero asks whether a packet is there now.
    ///
    /// Only a live capture ever says [`Next::TimedOut`]. A file always has its next packet
    /// or its end, and is waited for without a limit where it is a pipe.
    ///
    /// # Errors
    ///
    /// Those of [`next_packet`](Self::next_packet).
    fn next_within(&mut self, timeout: Duration) -> Result<Next<'_>, CaptureError> {
        let _ = timeout;
        Ok(match self.next_packet()? {
            Some(packet) => Next::Packet(packet),
            None => Next::End,
        })
    }

    /// Keys that stand in the capture before the next packet, and were not taken yet.
    ///
    /// To have the keys before the packets they decrypt, ask before each
    /// [`next_packet`](Self::next_packet). A source that can hold keys reads on to its
    /// next packet for this, and keeps it, or the error, for that call. To ask later
    /// loses no keys, up to the limit that [`Problem::TooManySecrets`] names.
    fn take_secrets(&mut self) -> Vec<DecryptionSecrets> {
        Vec::new()
    }
}

//! Reading captured packets from files, pipes and interfaces.
//!
//! [`open`] looks at the first bytes, not at the name, and picks the reader: pcap,
//! pcapng, or either of them inside gzip or zstd. [`Merged`] makes one capture of
//! several files, in order of time. What comes out is always the same: a
//! [`PacketSource`] that lends one [`Packet`] at a time.
//!
//! Only this layer and the program do I/O.

mod link_type;

use crate::time::Timestamp;

pub use link_type::LinkType;

/// One captured record: its timestamp, link type and bytes.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// What the first byte of `data` belongs to.
    pub link_type: LinkType,
    /// Length on the wire in bytes; more than `data.len()` when the snap length cut it.
    pub wire_len: u32,
    /// The captured bytes.
    pub data: &'a [u8],
}

/// Anything that yields packets in the order they were captured.
pub trait PacketSource {
    /// The next packet, or `None` at the end.
    ///
    /// The packet borrows the source's buffer until the next call.
    ///
    /// # Errors
    ///
    /// [`CaptureError`] when the bytes cannot be read or are not a capture. A source
    /// may be asked again after an error: it goes on with what is left (the other
    /// files of a [`Merged`] capture), or says `None`.
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError>;
}

/// Why a capture could not be read.
#[derive(Debug, thiserror::Error)]
#[error("placeholder")]
pub struct CaptureError;

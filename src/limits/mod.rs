//! Bounds on everything that traffic can grow.
//!
//! Each limit has a default, the reason for it, and says what happens when it is
//! reached. Reaching one is reported, never silent, and never ends the run. Each has a name
//! in [`Limit::ALL`], by which it can be set.

mod catalogue;
mod value;

use std::time::Duration;

pub use catalogue::{Limit, LimitError, LimitSetting};
pub use value::{Unit, read_duration};

/// All limits of an analysis.
///
/// ```
/// let limits = wsdump::Limits {
///     max_message_bytes: 1 << 20,
///     ..wsdump::Limits::default()
/// };
/// assert_eq!(limits.max_head_bytes, 64 << 10);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Incomplete IP datagrams.
    pub fragments: FragmentLimits,
    /// Connections in the flow table. When full, the one that was silent longest
    /// among a few is given up, those without WebSocket first. Default 131,072, which take
    /// some 170 MB when nothing but their SYN was seen.
    pub max_flows: usize,
    /// Bytes that all connections in the flow table hold together, the table included. When
    /// more, connections are given up until seven eighths are left: of those that hold the
    /// average or more the one silent longest, those without WebSocket first. Default 512 MiB:
    /// 131,072 connections that exchange short messages, or 2,000 with permessage-deflate,
    /// whose windows take 120 KB in each direction, and twice as much after a loss.
    pub max_memory: usize,
    /// Capture time that a connection may be without a packet. After it, or up to a sixteenth
    /// later, the connection is told as still open and forgotten; a packet that comes then
    /// begins a new one. Default 24 h: who keeps a connection for longer sends keep-alives or
    /// pings, because routers between forget silent ones after minutes or hours.
    pub max_idle: Duration,
    /// Bytes kept per direction behind missing ones, bookkeeping included. When full,
    /// the missing bytes are taken as lost and the waiting ones are delivered. Those of all
    /// connections together count in `max_memory`. Default 4 MiB: the receive window of most
    /// systems.
    pub max_out_of_order_bytes: usize,
    /// Delivered bytes per direction that are kept until they are acknowledged, to be
    /// compared with what a retransmission or overlap says, and the last 128 longer. Default
    /// 64 KiB.
    pub max_unacknowledged_bytes: usize,
    /// Length of an HTTP head. A longer one is not HTTP that carries WebSocket, and the
    /// connection is not followed. Default 64 KiB; servers accept 8 to 32.
    pub max_head_bytes: usize,
    /// Bytes that a client may send behind its upgrade request before the answer is
    /// seen. When full, the answer is taken as lost. Default 256 KiB.
    pub max_early_bytes: usize,
    /// Payload bytes kept per message for display; each range of unknown ones counts as 16
    /// more. The rest is counted, checked and measured, not kept. Default 16 MiB; the timeline
    /// asks for less.
    pub max_message_bytes: usize,
    /// Length of a message after inflation. The rest of the message is not inflated,
    /// and what later messages repeat of it is unknown. Default 64 MiB: servers accept
    /// 1 to 100.
    pub max_inflated_bytes: u64,
    /// Bytes that a message may inflate to for each of its compressed ones, beyond its first
    /// 64 KiB. What is reached is said and done as for `max_inflated_bytes`. Default 1032,
    /// the most that DEFLATE can do, so that nothing that is honest is refused: it makes work
    /// linear in what is captured all the same. A lower one saves time where bombs are many.
    pub max_inflated_ratio: u64,
    /// Events per connection that wait until it is known to carry WebSocket. When full,
    /// the oldest that is neither part of the TCP handshake nor of the last HTTP
    /// exchange is dropped. Default 64.
    pub max_opening_events: usize,
    /// Pings per direction that wait for their pong. The oldest is forgotten. Default 64.
    pub max_pending_pings: usize,
    /// Bytes per direction searched for the first frame of a connection whose start was
    /// not captured. After that it is taken for another protocol. Default 256 KiB.
    pub max_search_bytes: usize,
    /// Bytes of rendered rows that wait until it is known whether an earlier connection
    /// carries WebSocket. When more, they are written, and its rows come after them. Default
    /// 1 MiB: some 10,000 rows.
    pub max_pending_row_bytes: usize,
}

impl Limits {
    /// Bytes that a message inflates to before [`Limits::max_inflated_ratio`] counts: what is
    /// short may well repeat one byte.
    pub const RATIO_FREE: u64 = 64 << 10;

    /// Whether a message of which `compressed` bytes were read may inflate to `length` bytes.
    pub fn allow_inflated(&self, length: u64, compressed: u64) -> bool {
        let by_ratio = compressed.saturating_mul(self.max_inflated_ratio);
        length <= self.max_inflated_bytes && length <= by_ratio.max(Self::RATIO_FREE)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fragments: FragmentLimits::default(),
            max_flows: 1 << 17,
            max_memory: 512 << 20,
            max_idle: Duration::from_secs(24 * 60 * 60),
            max_out_of_order_bytes: 4 << 20,
            max_unacknowledged_bytes: 64 << 10,
            max_head_bytes: 64 << 10,
            max_early_bytes: 256 << 10,
            max_message_bytes: 16 << 20,
            max_inflated_bytes: 64 << 20,
            max_inflated_ratio: 1032,
            max_opening_events: 64,
            max_pending_pings: 64,
            max_search_bytes: 256 << 10,
            max_pending_row_bytes: 1 << 20,
        }
    }
}

/// Bounds on the memory that waiting IP fragments may take.
///
/// A datagram that is given up counts in
/// [`Decoder::fragments_dropped`](crate::wire::Decoder::fragments_dropped); its bytes are
/// lost to the analysis, as if they had not been captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Incomplete datagrams kept at a time. Beyond it the oldest is given up. Default
    /// 256: traffic that is not broken has a handful, and every fragment is compared
    /// with all of them.
    pub max_datagrams: usize,
    /// Bytes kept of all incomplete datagrams together. Beyond it the oldest are given
    /// up. Default 4 MiB, which is 64 datagrams of the greatest size, and what Linux
    /// allows itself.
    pub max_bytes: usize,
    /// Capture time that a datagram may wait after its first fragment. After it the
    /// datagram is given up. Default 30 s, as in Linux: with only 65,536 IPv4
    /// identifications, fragments that are far apart do not belong together.
    pub max_age: Duration,
    /// Length of a whole datagram without its IP header, in bytes. A fragment that
    /// reaches beyond it is malformed. Default 65,535, the most a total length can say.
    pub max_datagram_len: usize,
}

impl Default for FragmentLimits {
    fn default() -> Self {
        Self {
            max_datagrams: 256,
            max_bytes: 4 << 20,
            max_age: Duration::from_secs(30),
            max_datagram_len: 65_535,
        }
    }
}

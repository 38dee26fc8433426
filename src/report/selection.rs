//! Which events are printed. Decoding does not depend on it.

use std::collections::HashSet;
use std::str::FromStr;

use crate::event::{Event, EventKind, OtherPacket};
use crate::filter::Filter;

/// Type of an event, as in the `type` field of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A fact of TCP.
    Tcp,
    /// An HTTP request or response.
    Http,
    /// A WebSocket frame.
    Frame,
    /// A WebSocket data message.
    Message,
    /// A broken rule.
    Anomaly,
    /// The end of a connection.
    Connection,
    /// A packet that is not TCP.
    Packet,
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 7] = [
        Self::Tcp,
        Self::Http,
        Self::Frame,
        Self::Message,
        Self::Anomaly,
        Self::Connection,
        Self::Packet,
    ];

    /// Name in JSON and in `--only`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Frame => "frame",
            Self::Message => "message",
            Self::Anomaly => "anomaly",
            Self::Connection => "connection",
            Self::Packet => "packet",
        }
    }

    /// Type of an event.
    pub fn of(kind: &EventKind<'_>) -> Self {
        match kind {
            EventKind::Tcp(_) => Self::Tcp,
            EventKind::Request(_) | EventKind::Response { .. } => Self::Http,
            EventKind::Frame { .. } => Self::Frame,
            EventKind::Message { .. } => Self::Message,
            EventKind::Anomaly(_) => Self::Anomaly,
            EventKind::Connection(_) => Self::Connection,
        }
    }
}

impl FromStr for EventType {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no such type; there are {names}")
        })
    }
}

/// Which events are printed; by default all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Types to print; all when empty.
    pub types: HashSet<EventType>,
    /// Numbers of connections to print; all when empty.
    pub connections: HashSet<u64>,
    /// What has to be true of an event, if anything has.
    pub filter: Option<Filter>,
    /// Bytes of a payload that a printer gets to see at most, where a filter has to see more
    /// of it; all when `None`.
    pub max_payload: Option<usize>,
}

impl Selection {
    /// Whether an event is printed.
    pub fn chooses(&self, event: &Event<'_>) -> bool {
        (self.types.is_empty() || self.types.contains(&EventType::of(&event.kind)))
            && (self.connections.is_empty() || self.connections.contains(&event.connection.number))
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(event))
    }

    /// Whether a packet that is not TCP is printed.
    pub fn chooses_other(&self, packet: &OtherPacket) -> bool {
        self.chooses_other_packets()
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches_other(packet))
    }

    /// The event as a printer gets to see it.
    pub(super) fn shown<'e>(&self, event: &Event<'e>) -> Event<'e> {
        let mut shown = *event;
        if let Some(max) = self.max_payload {
            match &mut shown.kind {
                EventKind::Frame { frame, .. } => {
                    frame.payload = &frame.payload[..frame.payload.len().min(max)];
                }
                EventKind::Message { message, .. } => {
                    message.payload = &message.payload[..message.payload.len().min(max)];
                }
                _ => {}
            }
        }
        shown
    }

    /// Whether packets that are not TCP are printed, where every packet is told of.
    pub fn chooses_other_packets(&self) -> bool {
        self.connections.is_empty()
            && (self.types.is_empty() || self.types.contains(&EventType::Packet))
    }
}

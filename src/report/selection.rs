//! Which events are printed. Decoding does not depend on it.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::io::{self, Write};
use std::str::FromStr;

use super::View;
use crate::Summary;
use crate::event::{Event, EventKind, EventSink, OtherPacket};
use crate::filter::Filter;
use crate::flow::Direction;
use crate::time::Timestamp;

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

fn is_data_frame(kind: &EventKind<'_>) -> bool {
    matches!(kind, EventKind::Frame { frame, .. } if frame.header.opcode.is_data())
}

/// Which events are printed; by default all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Types to print; all when empty.
    pub types: HashSet<EventType>,
    /// Numbers of connections to print; all when empty.
    pub connections: HashSet<u64>,
    /// Who sent it; either when `None`.
    pub from: Option<Direction>,
    /// Of data, messages only: their frames are left out, control frames are not.
    pub messages: bool,
    /// Not before this time.
    pub after: Option<TimeBound>,
    /// Not after this time.
    pub before: Option<TimeBound>,
    /// What has to be true of an event, if anything has.
    pub filter: Option<Filter>,
    /// Bytes of a payload that a printer gets to see at most, where a filter has to see more
    /// of it; all when `None`.
    pub max_payload: Option<usize>,
}

/// A point in the time of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeBound {
    /// Nanoseconds since the capture's first packet.
    Elapsed(i64),
    /// A time of the world.
    At(Timestamp),
}

impl TimeBound {
    /// How a packet stands to it.
    fn compare(self, elapsed: i64, time: Timestamp) -> Ordering {
        match self {
            Self::Elapsed(bound) => elapsed.cmp(&bound),
            Self::At(bound) => time.cmp(&bound),
        }
    }
}

impl FromStr for TimeBound {
    type Err = &'static str;

    /// Reads seconds (`1.5`), a time with its unit (`90s`, `1m30s`), or a date and time with
    /// its offset, as RFC 3339 has it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a time since the first packet is expected, such as 1.5, 90s or 1m30s, or one like \
             2026-11-21T02:41:28Z";
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            let nanos = u64::try_from(time.as_nanosecond()).map_err(|_| EXPECTED)?;
            return Ok(Self::At(Timestamp(nanos)));
        }
        let has_unit = text.ends_with(|c: char| c.is_ascii_alphabetic());
        let with_unit = if has_unit {
            text.to_owned()
        } else {
            format!("{text}s")
        };
        let since: jiff::SignedDuration = with_unit.parse().map_err(|_| EXPECTED)?;
        let nanos = i64::try_from(since.as_nanos()).map_err(|_| EXPECTED)?;
        Ok(Self::Elapsed(nanos))
    }
}

impl Selection {
    /// Whether an event is printed.
    pub fn chooses(&self, event: &Event<'_>) -> bool {
        (self.types.is_empty() || self.types.contains(&EventType::of(&event.kind)))
            && (self.connections.is_empty() || self.connections.contains(&event.connection.number))
            && self.from.is_none_or(|from| from == event.from)
            && !(self.messages && is_data_frame(&event.kind))
            && self.is_in_time(event.elapsed, event.at.time)
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(event))
    }

    fn is_in_time(&self, elapsed: i64, time: Timestamp) -> bool {
        let is_late_enough = |bound: TimeBound| bound.compare(elapsed, time).is_ge();
        let is_early_enough = |bound: TimeBound| bound.compare(elapsed, time).is_le();
        self.after.is_none_or(is_late_enough) && self.before.is_none_or(is_early_enough)
    }

    /// Whether no data frame is printed, whatever is in it.
    pub fn leaves_out_data_frames(&self) -> bool {
        self.messages || !(self.types.is_empty() || self.types.contains(&EventType::Frame))
    }

    /// Whether every event is printed, as it is.
    pub fn is_everything(&self) -> bool {
        self.types.is_empty()
            && self.connections.is_empty()
            && self.from.is_none()
            && !self.messages
            && self.after.is_none()
            && self.before.is_none()
            && self.filter.is_none()
    }

    /// Whether a packet that is not TCP is printed.
    pub fn chooses_other(&self, packet: &OtherPacket) -> bool {
        self.chooses_other_packets()
            && self.is_in_time(packet.elapsed, packet.at.time)
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches_other(packet))
    }

    /// The event with as much of its payload as a printer gets to see; `None` where that is
    /// all of it.
    pub(super) fn cut<'e>(&self, event: &Event<'e>) -> Option<Event<'e>> {
        let max = self.max_payload?;
        let mut cut = *event;
        let payload = match &mut cut.kind {
            EventKind::Frame { frame, .. } => &mut frame.payload,
            EventKind::Message { message } => &mut message.payload,
            _ => return None,
        };
        *payload = payload.get(..max)?;
        Some(cut)
    }

    /// Whether packets that are not TCP are printed, where every packet is told of.
    pub fn chooses_other_packets(&self) -> bool {
        self.connections.is_empty()
            && self.from.is_none()
            && (self.types.is_empty() || self.types.contains(&EventType::Packet))
    }
}

/// A view of what a [`Selection`] chooses, where the view is of whole connections.
///
/// A connection is in it when any of its events is chosen; its requests and responses, which
/// say what it is, always are then.
#[derive(Debug)]
pub struct Chosen<V> {
    view: V,
    selection: Selection,
    /// The selection chooses every event, as it is.
    is_everything: bool,
    /// Connections that are open and of which something was chosen.
    with_any: HashSet<u64>,
}

impl<V> Chosen<V> {
    /// `view`, of what `selection` chooses.
    pub fn new(view: V, selection: Selection) -> Self {
        Self {
            view,
            is_everything: selection.is_everything(),
            selection,
            with_any: HashSet::new(),
        }
    }
}

impl<V: View> EventSink for Chosen<V> {
    fn event(&mut self, event: &Event<'_>) {
        if self.is_everything {
            return self.view.event(event);
        }
        let number = event.connection.number;
        let is_chosen = self.selection.chooses(event);
        match event.kind {
            EventKind::Connection(_) if self.with_any.remove(&number) || is_chosen => {
                self.view
                    .event(self.selection.cut(event).as_ref().unwrap_or(event));
            }
            EventKind::Connection(_) => self.view.forget(number),
            _ if is_chosen => {
                self.with_any.insert(number);
                self.view
                    .event(self.selection.cut(event).as_ref().unwrap_or(event));
            }
            EventKind::Request(_) | EventKind::Response { .. } => self.view.event(event),
            _ => {}
        }
    }
}

impl<V: View> View for Chosen<V> {
    fn release(&mut self, before: u64, out: &mut dyn Write) -> io::Result<bool> {
        self.view.release(before, out)
    }

    fn finish(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        self.view.finish(summary, out)
    }

    fn closing_line(&self) -> Option<String> {
        self.view.closing_line()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_since_the_start_or_of_the_world() {
        for (text, nanos) in [
            ("0", 0),
            ("1.5", 1_500_000_000),
            ("0.000043", 43_000),
            ("90s", 90_000_000_000),
            ("1m30s", 90_000_000_000),
            ("250ms", 250_000_000),
        ] {
            assert_eq!(text.parse(), Ok(TimeBound::Elapsed(nanos)), "{text}");
        }
        let at = Timestamp(1_700_000_000_250_000_000);
        for text in ["2023-11-14T22:13:20.25Z", "2023-11-14 23:13:20.25+01:00"] {
            assert_eq!(text.parse(), Ok(TimeBound::At(at)), "{text}");
        }
        for text in [
            "",
            "soon",
            "1x",
            "2023-11-14",
            "1969-01-01T00:00:00Z",
            "99999999999999",
        ] {
            assert!(text.parse::<TimeBound>().is_err(), "{text}");
        }
    }
}

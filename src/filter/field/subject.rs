//! What an expression looks at: an event, a packet that is not TCP, or a capture.

use std::cell::OnceCell;
use std::net::SocketAddr;

use serde_json::Value as Json;

use crate::Summary;
use crate::event::{ConnectionReport, Event, EventKind, OtherPacket, PacketFacts, Upgrade};
use crate::flow::TcpEvent;
use crate::http::{Headers, RequestHead, ResponseHead};
use crate::report::Figures;
use crate::time::Moment;
use crate::ws::{Frame, FrameHeader, Message};

/// An event, another packet or a capture, with what was found out about it so far.
pub(in crate::filter) struct Subject<'s> {
    what: What<'s>,
    /// The message as JSON, once that was asked for; `None` within when it is none.
    json: OnceCell<Option<Json>>,
}

#[derive(Clone, Copy)]
enum What<'s> {
    Event(&'s Event<'s>),
    Other(&'s OtherPacket),
    Capture(&'s Figures, &'s Summary),
}

impl<'s> Subject<'s> {
    pub(in crate::filter) fn event(event: &'s Event<'s>) -> Self {
        Self {
            what: What::Event(event),
            json: OnceCell::new(),
        }
    }

    pub(in crate::filter) fn other(packet: &'s OtherPacket) -> Self {
        Self {
            what: What::Other(packet),
            json: OnceCell::new(),
        }
    }

    pub(in crate::filter) fn of_capture(figures: &'s Figures, summary: &'s Summary) -> Self {
        Self {
            what: What::Capture(figures, summary),
            json: OnceCell::new(),
        }
    }

    /// The figures of a capture, if it is one.
    pub(super) fn capture(&self) -> Option<(&'s Figures, &'s Summary)> {
        match self.what {
            What::Capture(figures, summary) => Some((figures, summary)),
            What::Event(_) | What::Other(_) => None,
        }
    }

    /// The event, if it is one.
    pub(super) fn told(&self) -> Option<&'s Event<'s>> {
        match self.what {
            What::Event(event) => Some(event),
            What::Other(_) | What::Capture(..) => None,
        }
    }

    /// The packet that is not TCP, if it is one.
    pub(super) fn not_tcp(&self) -> Option<&'s OtherPacket> {
        match self.what {
            What::Other(packet) => Some(packet),
            What::Event(_) | What::Capture(..) => None,
        }
    }

    pub(super) fn at(&self) -> Moment {
        match self.what {
            What::Event(event) => event.at,
            What::Other(packet) => packet.at,
            What::Capture(..) => Moment::default(),
        }
    }

    pub(super) fn elapsed(&self) -> i64 {
        match self.what {
            What::Event(event) => event.elapsed,
            What::Other(packet) => packet.elapsed,
            What::Capture(..) => 0,
        }
    }

    pub(super) fn since_previous(&self) -> Option<i64> {
        match self.what {
            What::Event(event) => Some(event.packet?.since_previous),
            What::Other(packet) => Some(packet.since_previous),
            What::Capture(..) => None,
        }
    }

    /// Length on the wire and bytes captured.
    pub(super) fn lengths(&self) -> Option<(u32, u32)> {
        match self.what {
            What::Event(_) => self
                .segment()
                .map(|facts| (facts.wire_len, facts.captured_len)),
            What::Other(packet) => Some((packet.wire_len, packet.captured_len)),
            What::Capture(..) => None,
        }
    }

    /// Headers of an event's packet.
    pub(super) fn segment(&self) -> Option<&'s PacketFacts> {
        self.told()?.packet
    }

    /// Both ends of a connection.
    pub(super) fn ends(&self) -> Option<[SocketAddr; 2]> {
        let event = self.told()?;
        Some([event.source(), event.destination()])
    }

    /// Sender and receiver. The end of a connection was sent by nobody: what counts is the
    /// packet that it is told at.
    pub(super) fn sent(&self) -> Option<[SocketAddr; 2]> {
        let [source, destination] = self.ends()?;
        match self.kind()? {
            EventKind::Connection(_) => {
                let from = self.told()?.packet?.from;
                let is_reversed = from != self.told()?.from;
                Some(if is_reversed {
                    [destination, source]
                } else {
                    [source, destination]
                })
            }
            _ => Some([source, destination]),
        }
    }

    fn kind(&self) -> Option<&'s EventKind<'s>> {
        Some(&self.told()?.kind)
    }

    pub(super) fn tcp(&self) -> Option<&'s TcpEvent> {
        match self.kind()? {
            EventKind::Tcp(event) => Some(event),
            _ => None,
        }
    }

    pub(super) fn request(&self) -> Option<&'s RequestHead> {
        match self.kind()? {
            EventKind::Request(head) => Some(head),
            _ => None,
        }
    }

    pub(super) fn response(&self) -> Option<&'s ResponseHead> {
        match self.kind()? {
            EventKind::Response { head, .. } => Some(head),
            _ => None,
        }
    }

    pub(super) fn headers(&self) -> Option<&'s Headers> {
        let request = self.request().map(|head| &head.headers);
        request.or_else(|| self.response().map(|head| &head.headers))
    }

    pub(super) fn upgrade(&self) -> Option<Upgrade<'s>> {
        match self.kind()? {
            EventKind::Response { upgrade, .. } => *upgrade,
            _ => None,
        }
    }

    pub(super) fn frame(&self) -> Option<&'s Frame<'s>> {
        match self.kind()? {
            EventKind::Frame { frame, .. } => Some(frame),
            _ => None,
        }
    }

    pub(super) fn message(&self) -> Option<&'s Message<'s>> {
        match self.kind()? {
            EventKind::Message { message } => Some(message),
            _ => None,
        }
    }

    /// Header of a frame, or of a message's last one: the row of that frame is the
    /// message's.
    pub(super) fn header(&self) -> Option<FrameHeader> {
        match self.kind()? {
            EventKind::Frame { frame, .. } => Some(frame.header),
            EventKind::Message { message } => message.last,
            _ => None,
        }
    }

    /// Payload of a frame or message, if it has any.
    pub(super) fn payload(&self) -> Option<&'s [u8]> {
        match self.kind()? {
            EventKind::Frame { frame, .. } if frame.header.payload_len > 0 => Some(frame.payload),
            EventKind::Message { message } if message.wire_length > 0 => Some(message.payload),
            _ => None,
        }
    }

    pub(super) fn report(&self) -> Option<&'s ConnectionReport> {
        match self.kind()? {
            EventKind::Connection(report) => Some(report),
            _ => None,
        }
    }

    /// The message as JSON, if it is that.
    pub(super) fn json(&self) -> Option<&Json> {
        let parse = || {
            let message = self.message()?;
            if !message.is_whole() {
                return None;
            }
            serde_json::from_slice(message.payload).ok()
        };
        self.json.get_or_init(parse).as_ref()
    }
}

//! What a view is told, kept so that another thread can tell it again.

use std::io::{self, Write};
use std::mem::size_of;
use std::ops::Range;
use std::time::Duration;

use super::super::View;
use crate::anomaly::Anomaly;
use crate::event::{
    ConnectionReport, Event, EventKind, EventSink, OpeningFacts, OtherPacket, PacketFacts, Peers,
    Upgrade,
};
use crate::flow::{Direction, TcpEvent};
use crate::http::{RequestHead, ResponseHead};
use crate::time::Moment;
use crate::ws::{Agreement, Answer, Frame, Message};

/// Calls of a view in a row, with copies of all that they borrow.
#[derive(Debug, Default)]
pub(super) struct Record {
    calls: Vec<Call>,
    events: Vec<KeptEvent>,
    others: Vec<OtherPacket>,
    /// Headers of packets, each once for the events in a row that it completed.
    packets: Vec<PacketFacts>,
    /// Payloads.
    bytes: Vec<u8>,
    /// Where payloads are not known.
    unknown: Vec<Range<usize>>,
    /// What opening handshakes said.
    texts: String,
    /// The opening that was kept last: many events in a row have the same.
    opening: KeptOpening,
}

/// One call of a view. What it is about is the next of its kind.
#[derive(Clone, Copy, Debug)]
enum Call {
    Event,
    OtherPacket,
    Release(u64),
    Forget(u64),
}

/// [`Event`], with places instead of borrows.
#[derive(Debug)]
struct KeptEvent {
    at: Moment,
    elapsed: i64,
    connection: Peers,
    /// Which of the packets.
    packet: Option<usize>,
    opening: KeptOpening,
    from: Direction,
    kind: KeptKind,
}

#[derive(Clone, Debug, Default)]
struct KeptOpening {
    url: Option<Range<usize>>,
    subprotocol: Option<Range<usize>>,
}

/// What is rare is on the heap.
#[derive(Debug)]
enum KeptKind {
    Tcp(TcpEvent),
    Request(Box<RequestHead>),
    Response {
        head: Box<ResponseHead>,
        upgrade: Option<KeptUpgrade>,
    },
    Frame {
        /// Without its payload.
        frame: Frame<'static>,
        payload: Range<usize>,
        answers: Answer,
    },
    Message {
        /// Without its payload.
        message: Message<'static>,
        payload: Range<usize>,
        unknown: Range<usize>,
    },
    Anomaly(Box<Anomaly>),
    Connection(Box<ConnectionReport>),
}

#[derive(Debug)]
enum KeptUpgrade {
    Accepted {
        agreement: Box<Agreement>,
        after: Option<Duration>,
    },
    Refused {
        after: Duration,
    },
}

impl Record {
    /// Bytes that it takes, but for what is rare.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len()
            + self.texts.len()
            + self.events.len() * size_of::<KeptEvent>()
            + self.packets.len() * size_of::<PacketFacts>()
            + self.others.len() * size_of::<OtherPacket>()
            + self.calls.len() * size_of::<Call>()
    }

    /// Makes room for other calls, and does not hold on to that of an exceptional payload.
    pub(super) fn clear(&mut self) {
        self.calls.clear();
        self.events.clear();
        self.others.clear();
        self.packets.clear();
        self.bytes.clear();
        self.bytes.shrink_to(2 * FULL);
        self.unknown.clear();
        self.texts.clear();
        self.opening = KeptOpening::default();
    }

    /// Calls `view` as the recorder was called; says whether rows were written to `out`.
    ///
    /// # Errors
    ///
    /// Those of `out`: of what was called after it, nothing is told.
    pub(super) fn tell(&self, view: &mut impl View, out: &mut dyn Write) -> io::Result<bool> {
        let mut events = self.events.iter();
        let mut others = self.others.iter();
        let mut written = false;
        for call in &self.calls {
            match *call {
                Call::Event => {
                    if let Some(kept) = events.next() {
                        self.tell_event(kept, view);
                    }
                }
                Call::OtherPacket => {
                    if let Some(packet) = others.next() {
                        view.other_packet(packet);
                    }
                }
                Call::Release(before) => written |= view.release(before, out)?,
                Call::Forget(connection) => view.forget(connection),
            }
        }
        Ok(written)
    }

    fn tell_event(&self, kept: &KeptEvent, sink: &mut impl EventSink) {
        let text = |place: &Option<Range<usize>>| place.clone().map(|place| &self.texts[place]);
        let kind = match &kept.kind {
            KeptKind::Tcp(tcp) => EventKind::Tcp(*tcp),
            KeptKind::Request(head) => EventKind::Request(head),
            KeptKind::Response { head, upgrade } => EventKind::Response {
                head,
                upgrade: upgrade.as_ref().map(|upgrade| match upgrade {
                    KeptUpgrade::Accepted { agreement, after } => Upgrade::Accepted {
                        agreement,
                        after: *after,
                    },
                    KeptUpgrade::Refused { after } => Upgrade::Refused { after: *after },
                }),
            },
            KeptKind::Frame {
                frame,
                payload,
                answers,
            } => EventKind::Frame {
                frame: frame.with_payload(&self.bytes[payload.clone()]),
                answers: *answers,
            },
            KeptKind::Message {
                message,
                payload,
                unknown,
            } => EventKind::Message {
                message: message
                    .with_payload(&self.bytes[payload.clone()], &self.unknown[unknown.clone()]),
            },
            KeptKind::Anomaly(anomaly) => EventKind::Anomaly(anomaly),
            KeptKind::Connection(report) => EventKind::Connection(report),
        };
        sink.event(&Event {
            at: kept.at,
            elapsed: kept.elapsed,
            connection: kept.connection,
            packet: kept.packet.map(|packet| &self.packets[packet]),
            opening: OpeningFacts {
                url: text(&kept.opening.url),
                subprotocol: text(&kept.opening.subprotocol),
            },
            from: kept.from,
            kind,
        });
    }

    fn keep_event(&mut self, event: &Event<'_>) {
        let kept = KeptEvent {
            at: event.at,
            elapsed: event.elapsed,
            connection: event.connection,
            packet: event.packet.map(|packet| self.keep_packet(packet)),
            opening: self.keep_opening(event.opening),
            from: event.from,
            kind: self.keep_kind(&event.kind),
        };
        self.events.push(kept);
        self.calls.push(Call::Event);
    }

    fn keep_packet(&mut self, packet: &PacketFacts) -> usize {
        if self.packets.last() != Some(packet) {
            self.packets.push(*packet);
        }
        self.packets.len() - 1
    }

    fn keep_opening(&mut self, opening: OpeningFacts<'_>) -> KeptOpening {
        let KeptOpening { url, subprotocol } = &mut self.opening;
        keep_text(&mut self.texts, url, opening.url);
        keep_text(&mut self.texts, subprotocol, opening.subprotocol);
        self.opening.clone()
    }

    fn keep_kind(&mut self, kind: &EventKind<'_>) -> KeptKind {
        match *kind {
            EventKind::Tcp(tcp) => KeptKind::Tcp(tcp),
            EventKind::Request(head) => KeptKind::Request(Box::new(head.clone())),
            EventKind::Response { head, upgrade } => KeptKind::Response {
                head: Box::new(head.clone()),
                upgrade: upgrade.map(|upgrade| match upgrade {
                    Upgrade::Accepted { agreement, after } => KeptUpgrade::Accepted {
                        agreement: Box::new(agreement.clone()),
                        after,
                    },
                    Upgrade::Refused { after } => KeptUpgrade::Refused { after },
                }),
            },
            EventKind::Frame { frame, answers } => KeptKind::Frame {
                frame: frame.with_payload(&[]),
                payload: self.keep_payload(frame.payload),
                answers,
            },
            EventKind::Message { message } => {
                let start = self.unknown.len();
                self.unknown.extend_from_slice(message.unknown);
                KeptKind::Message {
                    message: message.with_payload(&[], &[]),
                    payload: self.keep_payload(message.payload),
                    unknown: start..self.unknown.len(),
                }
            }
            EventKind::Anomaly(anomaly) => KeptKind::Anomaly(Box::new(anomaly.clone())),
            EventKind::Connection(report) => KeptKind::Connection(Box::new(report.clone())),
        }
    }

    /// Keeps a payload: once, where a frame is all of its message.
    fn keep_payload(&mut self, payload: &[u8]) -> Range<usize> {
        if !self.bytes.ends_with(payload) {
            self.bytes.extend_from_slice(payload);
        }
        self.bytes.len() - payload.len()..self.bytes.len()
    }
}

/// Sets `kept` to where `text` is, among `texts` from then on.
fn keep_text(texts: &mut String, kept: &mut Option<Range<usize>>, text: Option<&str>) {
    if kept.clone().map(|place| &texts[place]) == text {
        return;
    }
    *kept = text.map(|text| {
        let start = texts.len();
        texts.push_str(text);
        start..texts.len()
    });
}

/// Weight of a record that is full, in bytes. It is there while the next one is made, both in
/// a cache that threads share.
pub(super) const FULL: usize = 256 << 10;

/// Weight at which the first record is full: it is shown at once. Each may have twice the
/// weight of the one before it, up to [`FULL`].
const FIRST_FULL: usize = 4 << 10;

/// Keeps what a view would be told.
#[derive(Debug)]
pub(super) struct Recorder {
    record: Record,
    /// Weight at which the record is full.
    full: usize,
    /// The latest packet that something was told about, where a release may have left that
    /// waiting.
    waiting: Option<u64>,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self {
            record: Record::default(),
            full: FIRST_FULL,
            waiting: None,
        }
    }

    /// Keeps the release of what comes before `before`, unless there is nothing to release;
    /// says whether the record is full.
    pub(super) fn release(&mut self, before: u64) -> bool {
        let Some(latest) = self.waiting else {
            return false;
        };
        self.record.calls.push(Call::Release(before));
        if latest < before {
            self.waiting = None;
        }
        self.record.weight() >= self.full
    }

    pub(super) fn forget(&mut self, connection: u64) {
        self.record.calls.push(Call::Forget(connection));
    }

    /// What was kept; what comes goes into `next`, which is cleared.
    pub(super) fn replace(&mut self, mut next: Record) -> Record {
        next.clear();
        self.full = (2 * self.full).min(FULL);
        std::mem::replace(&mut self.record, next)
    }

    fn note(&mut self, packet: u64) {
        self.waiting = Some(self.waiting.map_or(packet, |latest| latest.max(packet)));
    }
}

impl EventSink for Recorder {
    fn event(&mut self, event: &Event<'_>) {
        self.record.keep_event(event);
        self.note(event.at.packet);
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        self.record.others.push(*packet);
        self.record.calls.push(Call::OtherPacket);
        self.note(packet.at.packet);
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;
    use crate::capture;
    use crate::{Analyzer, Config, Summary};

    /// What a view is told, as text.
    #[derive(Default)]
    struct Told(Vec<String>);

    impl EventSink for Told {
        fn event(&mut self, event: &Event<'_>) {
            self.0.push(format!("{event:?}"));
        }

        fn other_packet(&mut self, packet: &OtherPacket) {
            self.0.push(format!("{packet:?}"));
        }
    }

    impl View for Told {
        fn release(&mut self, before: u64, _out: &mut dyn Write) -> io::Result<bool> {
            self.0.push(format!("release {before}"));
            Ok(true)
        }

        fn forget(&mut self, connection: u64) {
            self.0.push(format!("forget {connection}"));
        }

        fn finish(&mut self, _summary: &Summary, _out: &mut dyn Write) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_told_again_is_what_was_told() -> Result<(), Box<dyn Error>> {
        let config = Config {
            all: true,
            ..Config::default()
        };
        for name in [
            "chat.pcap",
            "badaccept.pcap",
            "deflate_lost_message.pcap",
            "foreign_dns.pcap",
            "graphql.pcap",
            "http_refused_then_accepted.pcap",
            "tcp_gap.pcap",
        ] {
            let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
            let mut source = capture::open(path.as_ref())?;
            let mut direct = Told::default();
            let mut recorder = Recorder::new();
            let mut again = Told::default();
            let mut empty = Record::default();
            let mut two = Analyzer::new(config);
            let mut one = Analyzer::new(config);
            let mut packets = 0;
            while let Some(packet) = source.next_packet()? {
                one.push(&packet, &mut direct);
                two.push(&packet, &mut recorder);
                packets += 1;
                if packets % 10 == 0 {
                    empty = recorder.replace(empty);
                    empty.tell(&mut again, &mut io::sink())?;
                }
            }
            one.finish(&mut direct);
            two.finish(&mut recorder);
            recorder.replace(empty).tell(&mut again, &mut io::sink())?;
            assert!(direct.0.len() > 5, "{name}");
            assert_eq!(again.0, direct.0, "{name}");
        }
        Ok(())
    }

    #[test]
    fn a_payload_that_a_frame_and_its_message_share_is_kept_once() {
        let mut record = Record::default();
        assert_eq!(record.keep_payload(b"one"), 0..3);
        assert_eq!(record.keep_payload(b"one"), 0..3);
        assert_eq!(record.keep_payload(b""), 3..3);
        assert_eq!(record.keep_payload(b"two"), 3..6);
        assert_eq!(record.keep_payload(b"one"), 6..9);
        assert_eq!(record.bytes, b"onetwoone");
    }

    #[test]
    fn only_releases_that_may_release_something_are_kept() -> io::Result<()> {
        use super::super::super::testing::tell;
        let mut recorder = Recorder::new();
        for packet in 1..=4 {
            if packet == 2 {
                tell(&mut recorder, packet, 1);
            }
            recorder.release(packet);
        }
        recorder.forget(1);
        let mut told = Told::default();
        recorder
            .replace(Record::default())
            .tell(&mut told, &mut io::sink())?;
        let told: Vec<_> = told.0.iter().filter(|told| !told.contains('{')).collect();
        // The first of them left it waiting.
        assert_eq!(told, ["release 2", "release 3", "forget 1"]);
        Ok(())
    }
}

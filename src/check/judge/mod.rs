//! The rules of whole connections: what one packet alone does not show.
//!
//! What is found is evidence. Where bytes that were not captured could explain it as well,
//! nothing is said.

mod ending;
mod fault;
mod frames;
mod keys;
mod opening;
mod pings;
mod watched;

use std::collections::HashMap;
use std::time::Duration;

use super::{Finding, Findings, Place};
use crate::anomaly::Rule;
use crate::event::{Event, EventKind, EventSink};
use crate::flow::{Direction, TcpEvent, TcpEventKind};

use keys::Keys;
use watched::Watched;

/// What is too slow, too large or too often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Longest TCP handshake, and longest opening handshake after it. Default 1 s.
    pub handshake: Duration,
    /// Longest wait for a Pong, and for the answer to a Close frame. Default 10 s.
    pub pong: Duration,
    /// Length of the longest message in bytes, after inflation. Default 16 MiB.
    pub message_bytes: u64,
    /// Highest share of segments that are sent again, in percent of those with data. Default
    /// 5. Judged where a side sent [`Self::MIN_SEGMENTS`].
    pub retransmission_percent: f64,
}

impl Bounds {
    /// Segments with data below which a share of them says nothing.
    pub const MIN_SEGMENTS: u64 = 50;
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(1),
            pong: Duration::from_secs(10),
            message_bytes: 16 << 20,
            retransmission_percent: 5.0,
        }
    }
}

/// Takes the events of a capture and finds what is wrong with it: every
/// [`Anomaly`](crate::anomaly::Anomaly), and the rules that
/// [are of check](Rule::is_of_check).
///
/// The analysis tells of WebSocket alone: [`Config::all`](crate::Config::all) is not set.
#[derive(Debug, Default)]
pub struct Judge {
    bounds: Bounds,
    findings: Findings,
    keys: Keys,
    /// Connections that are told of and not over.
    open: HashMap<u64, Watched, foldhash::fast::RandomState>,
    marks: Marks,
}

/// Makes marks, which stand for the payloads of Pings and Pongs. No peer can foresee them.
type Marks = foldhash::quality::RandomState;

/// What a rule is judged with: an event, and where findings go.
struct Bench<'a> {
    event: &'a Event<'a>,
    bounds: &'a Bounds,
    findings: &'a mut Findings,
}

impl Judge {
    /// A judge that has seen nothing.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }

    /// All that was found, in order of packets. The [`Analyzer`](crate::Analyzer) was told
    /// before that the capture is over.
    pub fn finish(mut self) -> Findings {
        self.findings.sort();
        self.findings
    }

    fn tcp(&mut self, event: &Event<'_>, fact: &TcpEvent) {
        let bench = &mut Bench {
            event,
            bounds: &self.bounds,
            findings: &mut self.findings,
        };
        // Facts may come after the end of the connection, so they begin no entry.
        let watched = self.open.get_mut(&event.connection.number);
        match (fact.kind, watched) {
            (TcpEventKind::Established { handshake }, _) => {
                opening::established(bench, fact, handshake);
            }
            (TcpEventKind::Gap, Some(watched)) => watched.lost(event.from),
            (TcpEventKind::OutOfOrder, Some(watched)) => watched.filled(bench),
            (TcpEventKind::Retransmission, Some(watched)) => watched.retransmitted(bench),
            (TcpEventKind::Fin | TcpEventKind::Rst, Some(watched)) => watched.ended(bench, fact),
            _ => {}
        }
    }
}

impl EventSink for Judge {
    fn event(&mut self, event: &Event<'_>) {
        if let EventKind::Tcp(fact) = &event.kind {
            return self.tcp(event, fact);
        }
        let Self {
            bounds,
            findings,
            keys,
            open,
            marks,
        } = self;
        let bench = &mut Bench {
            event,
            bounds,
            findings,
        };
        let number = event.connection.number;
        if let EventKind::Connection(report) = event.kind {
            if let Some(watched) = open.remove(&number) {
                watched.finish(bench, report, keys);
            }
            return;
        }
        let watched = open.entry(number).or_default();
        watched.told(bench);
        match event.kind {
            EventKind::Tcp(_) | EventKind::Connection(_) => {}
            EventKind::Request(head) => watched.request(bench, head, keys),
            EventKind::Response { head, upgrade } => watched.response(bench, head, upgrade, keys),
            EventKind::Frame { frame, answers } => watched.frame(bench, &frame, answers, marks),
            EventKind::Message { message } => watched.message(bench, &message),
            EventKind::Anomaly(anomaly) => {
                watched.anomaly(bench, anomaly.rule);
                let detail = anomaly.detail.clone().into_owned();
                bench.find(anomaly.rule, event.from, detail);
            }
        }
    }
}

impl Bench<'_> {
    /// Where the event is.
    fn place(&self) -> Place {
        Place {
            packet: self.event.at.packet,
            elapsed: self.event.elapsed,
            connection: self.event.connection.number,
        }
    }

    /// Takes note of a rule that `from` broke here.
    fn find(&mut self, rule: Rule, from: Direction, detail: String) {
        self.find_at(self.place(), rule, from, detail);
    }

    /// Takes note of a rule that `from` broke.
    fn find_at(&mut self, place: Place, rule: Rule, from: Direction, detail: String) {
        self.findings.add(Finding {
            rule,
            detail,
            place,
            from,
        });
    }

    /// Where the packet of the event ends in its sender's stream; `None` where that is not
    /// known, or the event is not of the packet's sender.
    fn end(&self) -> Option<i64> {
        let packet = self.event.packet?;
        let len = i64::try_from(packet.payload_len).ok()?;
        let seq = packet.relative_seq?;
        (packet.from == self.event.from).then_some(seq.saturating_add(len))
    }

    /// The bytes of its peer that the sender of the event had received, by its own word.
    fn received(&self) -> Option<i64> {
        let packet = self.event.packet?;
        packet
            .relative_ack
            .filter(|_| packet.from == self.event.from)
    }

    /// Whether the sender of the event had received its peer's bytes before `end`.
    fn has_received(&self, end: Option<i64>) -> bool {
        end.is_some_and(|end| self.received().is_some_and(|received| received >= end))
    }
}

impl Place {
    /// Time since an earlier place; zero where the capture's clock went back.
    fn since(self, earlier: Self) -> Duration {
        let nanos = self.elapsed.saturating_sub(earlier.elapsed);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }
}

/// Tells of something that took longer than a bound, both to the microsecond: three digits
/// would often be the same.
fn too_long(what: &str, took: Duration, bound: Duration) -> String {
    let took = u64::try_from(took.as_micros()).map_or(took, Duration::from_micros);
    format!("{what} took {took:?}, more than {bound:?}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Analyzer, Config, capture};

    #[test]
    fn nothing_is_kept_of_connections_that_are_over() {
        for name in ["many.pcap.gz", "browser_chat.pcap", "tcp_reset.pcap"] {
            let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
            let mut judge = Judge::default();
            for all in [false, true] {
                let mut source = capture::open(path.as_ref()).unwrap();
                let mut analyzer = Analyzer::new(Config {
                    all,
                    ..Config::default()
                });
                while let Ok(Some(packet)) = source.next_packet() {
                    analyzer.push(&packet, &mut judge);
                }
                analyzer.finish(&mut judge);
                assert_eq!(judge.open.len(), 0, "{name}");
            }
        }
    }
}

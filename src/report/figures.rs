//! What a capture comes to, in numbers.

use std::collections::BTreeMap;

use super::samples::Times;
use crate::anomaly::{Rule, Severity};
use crate::event::{
    ConnectionReport, DirectionTotals, Event, EventKind, EventSink, UpgradeOutcome,
};
use crate::flow::{Direction, TcpEnd, TcpEvent, TcpEventKind};
use crate::ws::{Answer, Message, OpCode};

/// Collects what a capture comes to, in numbers.
///
/// What is told of a whole connection counts once the connection is over, and where nothing
/// else is said only if WebSocket was asked for or found on it. Broken rules, missing bytes
/// and retransmissions are those of all connections that are told of: of those without
/// WebSocket only with [`Config::all`](crate::Config::all).
///
/// ```
/// use wsdump::report::Figures;
/// use wsdump::{Analyzer, Config, capture};
///
/// # fn main() -> Result<(), capture::CaptureError> {
/// let mut figures = Figures::default();
/// let mut source = capture::open("testdata/chat.pcap".as_ref())?;
/// let mut analyzer = Analyzer::new(Config::default());
/// while let Some(packet) = source.next_packet()? {
///     analyzer.push(&packet, &mut figures);
/// }
/// analyzer.finish(&mut figures);
/// assert_eq!(figures.upgrades().connections(), 1);
/// assert_eq!(figures.ends().clean, 1);
/// let [client, server] = figures.totals();
/// assert_eq!((client.messages, server.messages), (1, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Figures {
    upgrades: Upgrades,
    /// Of connections with WebSocket and of those without.
    ends: [Ends; 2],
    totals: [DirectionTotals; 2],
    /// Data messages by opcode, and control frames; what the client sent and the server.
    opcodes: BTreeMap<OpCode, [u64; 2]>,
    incomplete: u64,
    compressed: u64,
    compression: Compression,
    /// Shortest and longest complete message.
    lengths: Option<[u64; 2]>,
    handshakes: Times,
    upgrade_times: Times,
    round_trips: Times,
    durations: Times,
    anomalies: BTreeMap<Rule, u64>,
    /// What only [`check`](crate::check) finds was added.
    has_findings: bool,
    missing: u64,
    retransmissions: u64,
    reports: Vec<ConnectionReport>,
    /// Bytes of text in `reports`.
    text: usize,
    left_out: u64,
}

/// Connections by what became of their upgrade.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upgrades {
    /// The server agreed, or frames showed that it had.
    pub upgraded: u64,
    /// The last request was not answered, or the answer was not captured.
    pub unanswered: u64,
    /// The last request was refused, by status.
    pub refused: BTreeMap<u16, u64>,
    /// None was asked for; these are told of only with [`Config::all`](crate::Config::all).
    pub not_asked: u64,
}

/// Connections by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Both sides sent a Close frame and TCP ended with FIN (RFC 6455 §7.1.4). They count in
    /// `fin` as well.
    pub clean: u64,
    /// TCP ended with FIN.
    pub fin: u64,
    /// TCP ended with RST.
    pub rst: u64,
    /// TCP had not ended when the capture did.
    pub open: u64,
}

/// What permessage-deflate saved, over the messages that came compressed and are complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compression {
    /// Messages.
    pub messages: u64,
    /// Their payload bytes on the wire.
    pub wire_length: u64,
    /// Their bytes after inflation.
    pub length: u64,
}

impl EventSink for Figures {
    fn event(&mut self, event: &Event<'_>) {
        match event.kind {
            EventKind::Tcp(tcp) => self.tcp(&tcp),
            EventKind::Frame { frame, answers } => {
                if frame.header.opcode.is_control() {
                    self.count(frame.header.opcode, event.from);
                }
                if let Answer::Ping(round_trip) = answers {
                    self.round_trips.add(round_trip);
                }
            }
            EventKind::Message { message } => {
                self.count(message.opcode, event.from);
                self.message(&message);
            }
            EventKind::Anomaly(anomaly) => *self.anomalies.entry(anomaly.rule).or_default() += 1,
            EventKind::Connection(report) => self.connection(report),
            EventKind::Request(_) | EventKind::Response { .. } => {}
        }
    }
}

impl Figures {
    /// Connections that are kept one by one. Of more, only the figures are.
    pub const MAX_CONNECTIONS: usize = 10_000;

    /// Bytes of text (URLs, subprotocols, extensions, close reasons) that are kept of all these
    /// connections together. Beyond it no more connections are: a head may have 64 KiB.
    pub const MAX_TEXT_BYTES: usize = 16 << 20;

    fn tcp(&mut self, event: &TcpEvent) {
        match event.kind {
            TcpEventKind::Gap => self.missing += event.length,
            TcpEventKind::Retransmission => self.retransmissions += 1,
            _ => {}
        }
    }

    fn count(&mut self, opcode: OpCode, from: Direction) {
        self.opcodes.entry(opcode).or_default()[from.index()] += 1;
    }

    fn message(&mut self, message: &Message<'_>) {
        self.compressed += u64::from(message.compressed);
        if !message.complete {
            self.incomplete += 1;
            return;
        }
        let [shortest, longest] = self.lengths.unwrap_or([message.length; 2]);
        self.lengths = Some([shortest.min(message.length), longest.max(message.length)]);
        if message.compressed {
            self.compression.messages += 1;
            self.compression.wire_length += message.wire_length;
            self.compression.length += message.length;
        }
    }

    fn connection(&mut self, report: &ConnectionReport) {
        self.upgrades.add(report.outcome);
        let is_other = report.outcome == UpgradeOutcome::NotAsked;
        self.ends[usize::from(is_other)].add(report);
        if is_other {
            return;
        }
        for (sum, totals) in self.totals.iter_mut().zip(&report.totals) {
            sum.frames += totals.frames;
            sum.messages += totals.messages;
            sum.bytes += totals.bytes;
            sum.segments.sent += totals.segments.sent;
            sum.segments.retransmitted += totals.segments.retransmitted;
        }
        self.durations.add(report.duration);
        if let Some(handshake) = report.handshake {
            self.handshakes.add(handshake);
        }
        if let Some(upgrade) = report.upgrade {
            self.upgrade_times.add(upgrade);
        }
        let text = self.text + text_bytes(report);
        if self.reports.len() == Self::MAX_CONNECTIONS || text > Self::MAX_TEXT_BYTES {
            self.left_out += 1;
            return;
        }
        self.text = text;
        self.reports.push(report.clone());
    }

    /// Adds what [`check`](crate::check) found on its own, by rule. Other rules are counted
    /// already, and passed over.
    pub fn add_findings(&mut self, counts: impl IntoIterator<Item = (Rule, u64)>) {
        self.has_findings = true;
        for (rule, count) in counts.into_iter().filter(|(rule, _)| rule.is_of_check()) {
            *self.anomalies.entry(rule).or_default() += count;
        }
    }

    /// Connections by what became of their upgrade.
    pub fn upgrades(&self) -> &Upgrades {
        &self.upgrades
    }

    /// Connections with WebSocket by how they ended.
    pub fn ends(&self) -> Ends {
        self.ends[0]
    }

    /// Connections by how they ended, those without WebSocket included.
    pub fn all_ends(&self) -> Ends {
        let [own, other] = self.ends;
        Ends {
            clean: own.clean + other.clean,
            fin: own.fin + other.fin,
            rst: own.rst + other.rst,
            open: own.open + other.open,
        }
    }

    /// What was sent: by all clients, by all servers.
    pub fn totals(&self) -> [DirectionTotals; 2] {
        self.totals
    }

    /// Data messages by opcode, and control frames, in order of opcode: what clients sent and
    /// servers.
    pub fn opcodes(&self) -> impl Iterator<Item = (OpCode, [u64; 2])> {
        self.opcodes
            .iter()
            .map(|(opcode, counts)| (*opcode, *counts))
    }

    /// Data messages or control frames of an opcode: what clients sent and servers.
    pub fn of_opcode(&self, opcode: OpCode) -> [u64; 2] {
        self.opcodes.get(&opcode).copied().unwrap_or_default()
    }

    /// Data messages of which not every byte is known.
    pub fn incomplete_messages(&self) -> u64 {
        self.incomplete
    }

    /// Data messages that came compressed, complete or not.
    pub fn compressed_messages(&self) -> u64 {
        self.compressed
    }

    /// What permessage-deflate saved.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Bytes of the shortest and of the longest data message, after inflation. `None` where
    /// there is none, and where one is incomplete, so that its length is not known.
    pub fn message_lengths(&self) -> Option<[u64; 2]> {
        self.lengths.filter(|_| self.incomplete == 0)
    }

    /// TCP handshakes, from SYN to ACK, that were captured.
    pub fn handshakes(&self) -> &Times {
        &self.handshakes
    }

    /// Opening handshakes, from the request to the 101, that were captured.
    pub fn upgrade_times(&self) -> &Times {
        &self.upgrade_times
    }

    /// From Pings to the Pongs that answer them.
    pub fn round_trips(&self) -> &Times {
        &self.round_trips
    }

    /// Connections, from their first packet to their last.
    pub fn durations(&self) -> &Times {
        &self.durations
    }

    /// Broken rules, in the order of the rules, with how often each was.
    pub fn anomalies(&self) -> impl Iterator<Item = (Rule, u64)> {
        self.anomalies.iter().map(|(rule, count)| (*rule, *count))
    }

    /// How often rules of a severity were broken.
    pub fn anomalies_of(&self, severity: Severity) -> u64 {
        let of_severity = self
            .anomalies()
            .filter(|(rule, _)| rule.severity() == severity);
        of_severity.map(|(_, count)| count).sum()
    }

    /// How often a rule was broken. `None` for a rule of [`check`](crate::check) where
    /// [`Figures::add_findings`] was not called, so that nobody looked for it.
    pub fn anomalies_against(&self, rule: Rule) -> Option<u64> {
        let is_known = self.has_findings || !rule.is_of_check();
        is_known.then(|| self.anomalies.get(&rule).copied().unwrap_or(0))
    }

    /// Bytes that were sent and never captured, as TCP's numbers tell.
    pub fn missing_bytes(&self) -> u64 {
        self.missing
    }

    /// Segments that were sent again, each time counted.
    pub fn retransmissions(&self) -> u64 {
        self.retransmissions
    }

    /// Of the segments with data of all connections, those that were sent again, in percent
    /// times a million; `None` where there is no segment.
    pub fn retransmissions_percent_millionths(&self) -> Option<u128> {
        let segments = self.totals.iter().map(|side| side.segments);
        let (sent, again) = segments.fold((0, 0), |(sent, again), side| {
            (sent + side.sent, again + side.retransmitted)
        });
        (sent > 0).then(|| percent_millionths(again, sent))
    }

    /// The connections with WebSocket, in the order in which they ended; the first
    /// [`Figures::MAX_CONNECTIONS`].
    pub fn reports(&self) -> &[ConnectionReport] {
        &self.reports
    }

    /// Connections with WebSocket that are not among [`Figures::reports`].
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// Bytes of text in a report.
pub(super) fn text_bytes(report: &ConnectionReport) -> usize {
    let close = report.close.as_ref();
    report.url.as_ref().map_or(0, String::len)
        + report.subprotocol.as_ref().map_or(0, String::len)
        + report
            .extensions
            .iter()
            .map(|one| size_of::<String>() + one.len())
            .sum::<usize>()
        + close.map_or(0, |close| close.reason.len())
}

impl Upgrades {
    fn add(&mut self, outcome: UpgradeOutcome) {
        match outcome {
            UpgradeOutcome::Upgraded => self.upgraded += 1,
            UpgradeOutcome::Unanswered => self.unanswered += 1,
            UpgradeOutcome::Refused(status) => *self.refused.entry(status).or_default() += 1,
            UpgradeOutcome::NotAsked => self.not_asked += 1,
        }
    }

    /// Connections on which WebSocket was asked for or found.
    pub fn connections(&self) -> u64 {
        self.upgraded + self.unanswered + self.all_refused()
    }

    /// Connections whose last request was refused, with whatever status.
    pub fn all_refused(&self) -> u64 {
        self.refused.values().sum()
    }
}

impl Ends {
    fn add(&mut self, report: &ConnectionReport) {
        match report.tcp_end {
            TcpEnd::Fin => self.fin += 1,
            TcpEnd::Rst => self.rst += 1,
            TcpEnd::Open => self.open += 1,
        }
        self.clean += u64::from(report.close.as_ref().is_some_and(|close| close.clean));
    }
}

impl Compression {
    /// Bytes on the wire in percent of those after inflation, times a million; `None` where
    /// there is no message.
    pub fn percent_millionths(self) -> Option<u128> {
        let share = percent_millionths(self.wire_length, self.length.max(1));
        (self.messages > 0).then_some(share)
    }
}

/// A part in percent of a whole that is not 0, times a million.
fn percent_millionths(part: u64, whole: u64) -> u128 {
    u128::from(part) * 100_000_000 / u128::from(whole)
}

//! The figures that an expectation can ask for: one place each, with name, type, a line of
//! description, and how it is read.
//!
//! A figure of the capture has one value or, where there was nothing to measure, none. One of
//! connections has the values of each.

use std::borrow::Cow;

use super::{FieldRef, Subject};
use crate::Summary;
use crate::anomaly::{Rule, Severity};
use crate::event::{CloseReport, ConnectionReport, UpgradeOutcome};
use crate::filter::value::FieldType::{Boolean, Code, Milliseconds, Percent, Text, Unsigned};
use crate::filter::value::{Emit, FieldType, Names, Value};
use crate::report::{Figures, Times};
use crate::ws::OpCode;

/// A figure, or the values of each connection.
#[derive(Debug)]
pub(in crate::filter) struct Figure {
    pub(in crate::filter) name: &'static str,
    /// Type of its values.
    pub(in crate::filter) kind: FieldType,
    /// What it is, in one line.
    pub(in crate::filter) about: &'static str,
    of: Of,
}

/// Where values come from.
#[derive(Debug)]
enum Of {
    /// A number that is always there.
    Count(fn(&Figures, &Summary) -> u64),
    /// A number that is there if anything was measured.
    Measure(fn(&Figures) -> Option<i128>),
    /// Each connection with WebSocket.
    Connection(fn(&ConnectionReport, &mut Emit<'_>)),
    /// Each connection whose upgrade was accepted.
    Upgraded(fn(&ConnectionReport, &mut Emit<'_>)),
}

/// What is not known of the connections whose values a figure has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::filter) struct Unknown {
    /// Connections that have no value.
    pub(in crate::filter) lacking: u64,
    /// Connections that are not kept.
    pub(in crate::filter) left_out: u64,
}

/// Makes a table of figures that are always there.
macro_rules! counts {
    ($($name:expr, $about:expr, |$figures:pat_param, $summary:pat_param| $count:expr;)*) => {
        &[$(Figure {
            name: $name,
            kind: Unsigned(8),
            about: $about,
            of: Of::Count(|$figures, $summary| $count),
        }),*]
    };
}

/// The same with a figure for clients and one for servers.
macro_rules! counts_by_side {
    ($($name:literal $about:literal |$figures:ident| $counts:expr;)*) => {
        counts! {$(
            $name, $about, |$figures, _| $counts.iter().sum();
            concat!($name, ".client"), concat!($about, ", of clients"), |$figures, _| $counts[0];
            concat!($name, ".server"), concat!($about, ", of servers"), |$figures, _| $counts[1];
        )*}
    };
}

/// Makes a table of what is known of times.
macro_rules! times {
    ($($name:literal $about:literal $times:ident;)*) => {
        &[$(
            times!($name, ".max_ms", "The longest ", $about, |figures| figures.$times().max()),
            times!($name, ".min_ms", "The shortest ", $about, |figures| figures.$times().min()),
            times!($name, ".median_ms", "The median ", $about, |figures| at(figures.$times(), 50)),
            times!($name, ".p99_ms", "99 % take no longer: ", $about, |figures| at(figures.$times(), 99)),
        )*]
    };
    ($name:literal, $end:literal, $which:literal, $about:literal, |$figures:ident| $time:expr) => {
        Figure {
            name: concat!($name, $end),
            kind: Milliseconds,
            about: concat!($which, $about),
            of: Of::Measure(|$figures| Some($time?.as_nanos().cast_signed())),
        }
    };
}

/// Makes a table of values of connections.
macro_rules! values {
    ($($of:ident $name:literal $kind:expr, $about:literal, |$report:ident, $emit:ident| $read:expr;)*) => {
        &[$(Figure {
            name: $name,
            kind: $kind,
            about: $about,
            of: Of::$of(|$report, $emit| $read),
        }),*]
    };
}

static CAPTURE: &[Figure] = counts! {
    "packets", "Packets read", |_, summary| summary.packets;
    "bytes", "Their bytes on the wire", |_, summary| summary.bytes;
    "tcp.connections", "TCP connections", |_, summary| summary.tcp_connections;
    "tls.connections", "Connections that are encrypted with TLS",
        |_, summary| summary.tls_connections;
    "missing.bytes", "Bytes of TCP that were sent and never captured",
        |figures, _| figures.missing_bytes();
    "retransmissions", "TCP segments that were sent again, each time counted",
        |figures, _| figures.retransmissions();

    "connections", "Connections on which WebSocket was asked for or found",
        |figures, _| figures.upgrades().connections();
    "connections.upgraded", "Those where the server accepted, or frames show that it did",
        |figures, _| figures.upgrades().upgraded;
    "connections.refused", "Those where the last answer was another status than 101",
        |figures, _| figures.upgrades().all_refused();
    "connections.unanswered", "Those where no answer to the last request was captured",
        |figures, _| figures.upgrades().unanswered;
    "connections.fin", "Those that TCP ended with FIN", |figures, _| figures.ends().fin;
    "connections.clean", "Of these, those where both sides had sent Close",
        |figures, _| figures.ends().clean;
    "connections.rst", "Those that TCP ended with RST", |figures, _| figures.ends().rst;
    "connections.open", "Those that were open when the capture ended",
        |figures, _| figures.ends().open;
};

static VALUES: &[Figure] = values! {
    Connection "url" Text, "ws:// address that a connection asked for",
        |report, emit| emit.texts(report.url.as_deref());
    Connection "target" Text, "Its part behind host and port: path and query",
        |report, emit| emit.texts(report.url.as_deref().and_then(target));
    Connection "status" Unsigned(2), "101 for a connection that was upgraded, else the status that refused it",
        |report, emit| emit.numbers(status(report));
    Upgraded "subprotocol" Text, "The chosen subprotocol",
        |report, emit| emit.texts(report.subprotocol.as_deref());
    Upgraded "extension" Text, "Each accepted extension, with its parameters",
        |report, emit| emit.texts(report.extensions.iter().map(String::as_str));
    Upgraded "close.code" Code(2, Names::CloseCode), "Code of the first Close frame, a number or a name",
        |report, emit| emit.numbers(close(report).and_then(|close| close.code).map(|code| code.0));
    Upgraded "close.reason" Text, "Its reason; empty if it has none",
        |report, emit| emit.texts(close(report).map(|close| close.reason.as_str()));
    Upgraded "close.initiator" Text, "Who sent it: client or server",
        |report, emit| emit.texts(close(report).map(|close| close.initiator.sender()));
    Upgraded "close.clean" Boolean, "Both sent Close and TCP ended with FIN",
        |report, emit| emit.numbers(close(report).map(|close| close.clean));
    Connection "end" Text, "How TCP ended: fin, rst or open",
        |report, emit| emit.texts([report.tcp_end.name()]);
};

static SIDES: &[Figure] = counts_by_side! {
    "messages" "Data messages" |figures| figures.totals().map(|side| side.messages);
    "frames" "Frames" |figures| figures.totals().map(|side| side.frames);
    "payload.bytes" "Payload bytes of all frames on the wire"
        |figures| figures.totals().map(|side| side.bytes);
    "pings" "Ping frames" |figures| figures.of_opcode(OpCode::Ping);
    "pongs" "Pong frames" |figures| figures.of_opcode(OpCode::Pong);
    "closes" "Close frames" |figures| figures.of_opcode(OpCode::Close);
};

static MESSAGES: &[Figure] = counts! {
    "messages.text", "Text messages",
        |figures, _| figures.of_opcode(OpCode::Text).iter().sum();
    "messages.binary", "Binary messages",
        |figures, _| figures.of_opcode(OpCode::Binary).iter().sum();
    "messages.incomplete", "Messages of which not every byte is known",
        |figures, _| figures.incomplete_messages();
    "messages.compressed", "Messages that came compressed",
        |figures, _| figures.compressed_messages();
};

static MEASURES: &[Figure] = &[
    Figure {
        name: "message.max_length",
        kind: Unsigned(8),
        about: "Bytes of the longest message, inflated; not known if one is incomplete",
        of: Of::Measure(|figures| figures.message_lengths().map(|[_, longest]| longest.into())),
    },
    Figure {
        name: "message.min_length",
        kind: Unsigned(8),
        about: "Bytes of the shortest message, inflated; not known if one is incomplete",
        of: Of::Measure(|figures| {
            figures
                .message_lengths()
                .map(|[shortest, _]| shortest.into())
        }),
    },
    Figure {
        name: "retransmissions.percent",
        kind: Percent,
        about: "Of the segments with data, those that were sent again, in percent",
        of: Of::Measure(|figures| {
            let share = figures.retransmissions_percent_millionths()?;
            Some(share.cast_signed())
        }),
    },
    Figure {
        name: "compression.percent",
        kind: Percent,
        about: "Bytes on the wire in percent of those after inflation, of compressed messages",
        of: Of::Measure(|figures| {
            let share = figures.compression().percent_millionths()?;
            Some(share.cast_signed())
        }),
    },
];

static TIMES: &[Figure] = times! {
    "handshake" "TCP handshake, from SYN to ACK" handshakes;
    "upgrade" "opening handshake, from request to 101" upgrade_times;
    "rtt" "time from a Ping to its Pong" round_trips;
    "duration" "connection, from first packet to last" durations;
};

static ANOMALIES: &[Figure] = counts! {
    "anomalies", "Broken rules, each time counted",
        |figures, _| figures.anomalies().map(|(_, count)| count).sum();
    "anomalies.error", "Those that are errors",
        |figures, _| figures.anomalies_of(Severity::Error);
    "anomalies.warning", "Those that are warnings",
        |figures, _| figures.anomalies_of(Severity::Warning);
    "anomalies.note", "Those that are notes", |figures, _| figures.anomalies_of(Severity::Note);
};

/// Names that stand for many.
pub(in crate::filter) const FAMILY: (&str, FieldType, &str) = (
    "anomalies.RULE",
    Unsigned(8),
    "How often the rule RULE was broken, such as anomalies.wrong-accept",
);

/// Every figure, but for those of a rule.
pub(in crate::filter) fn figures() -> impl Iterator<Item = &'static Figure> {
    [CAPTURE, VALUES, SIDES, MESSAGES, MEASURES, TIMES, ANOMALIES]
        .into_iter()
        .flatten()
}

/// The name of every figure.
pub(in crate::filter) fn figure_names() -> impl Iterator<Item = Cow<'static, str>> {
    let rules = Rule::ALL.iter().map(|rule| of_rule(*rule).into());
    figures().map(|figure| figure.name.into()).chain(rules)
}

/// What the number of times that a rule was broken is called.
fn of_rule(rule: Rule) -> String {
    format!("anomalies.{}", rule.name())
}

impl FieldRef {
    /// The figure called `name`, if there is one.
    pub(in crate::filter) fn figure(name: &str) -> Option<Self> {
        let rule = name
            .strip_prefix("anomalies.")
            .and_then(|name| name.parse::<Rule>().ok());
        let figure = || figures().find(|figure| figure.name == name);
        rule.map(Self::Rule).or_else(|| figure().map(Self::Figure))
    }

    /// What a figure is called.
    pub(in crate::filter) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Table(field) => field.name.into(),
            Self::Figure(figure) => figure.name.into(),
            Self::Rule(rule) => of_rule(*rule).into(),
            Self::Header(name) => format!("http.header.{name}").into(),
            Self::Json(_) => "ws.json".into(),
        }
    }

    /// What is not known of the values.
    pub(in crate::filter) fn unknown(&self, subject: &Subject<'_>) -> Unknown {
        match (self, subject.capture()) {
            (Self::Figure(figure), Some((figures, _))) => figure.unknown(figures),
            _ => Unknown::default(),
        }
    }
}

impl Figure {
    /// Why its name alone is no expectation, and what is one.
    pub(in crate::filter) fn says_nothing_alone(&self) -> Option<(String, String)> {
        let name = self.name;
        if self.kind == Boolean {
            let problem = format!("{name} alone asks only whether it is known");
            return Some((problem, format!("say what it is: {name} == true")));
        }
        matches!(self.of, Of::Count(_)).then(|| {
            let problem = format!("{name} always has a value");
            (
                problem,
                format!("compare it with something, such as {name} == 1"),
            )
        })
    }

    pub(super) fn read(&self, subject: &Subject<'_>, emit: &mut Emit<'_>) {
        let Some((figures, summary)) = subject.capture() else {
            return;
        };
        match self.of {
            Of::Count(count) => emit.numbers([count(figures, summary)]),
            Of::Measure(measure) => emit.numbers(measure(figures)),
            Of::Connection(read) | Of::Upgraded(read) => {
                self.reports(figures).for_each(|report| read(report, emit));
            }
        }
    }

    fn unknown(&self, figures: &Figures) -> Unknown {
        let (Of::Connection(read) | Of::Upgraded(read)) = self.of else {
            return Unknown::default();
        };
        let lacks = |report: &&ConnectionReport| {
            let mut take = |_: Value<'_>| ();
            let mut emit = Emit::new(&mut take);
            read(report, &mut emit);
            !emit.came
        };
        Unknown {
            lacking: self.reports(figures).filter(lacks).count() as u64,
            left_out: figures.left_out(),
        }
    }

    /// The connections that should have a value.
    fn reports<'f>(&self, figures: &'f Figures) -> impl Iterator<Item = &'f ConnectionReport> {
        let only_upgraded = matches!(self.of, Of::Upgraded(_));
        let reports = figures.reports().iter();
        reports.filter(move |report| !only_upgraded || report.outcome == UpgradeOutcome::Upgraded)
    }
}

fn at(times: &Times, percent: usize) -> Option<std::time::Duration> {
    times.percentile(percent)
}

/// Path and query of a `ws://` address.
fn target(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("ws://")?;
    rest.find(['/', '?']).map(|start| &rest[start..])
}

fn status(report: &ConnectionReport) -> Option<u16> {
    match report.outcome {
        // A server accepts with no other status (RFC 6455 §4.2.2).
        UpgradeOutcome::Upgraded => Some(101),
        UpgradeOutcome::Refused(status) => Some(status),
        UpgradeOutcome::Unanswered | UpgradeOutcome::NotAsked => None,
    }
}

fn close(report: &ConnectionReport) -> Option<&CloseReport> {
    report.close.as_ref()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_descriptions_are_one_line() {
        let mut names = HashSet::new();
        for name in figure_names() {
            assert!(FieldRef::figure(&name).is_some(), "{name}");
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
        for Figure { name, about, .. } in figures() {
            assert!(!about.ends_with('.') && !about.contains('\n'), "{name}");
            assert!(about.len() <= 90, "{name}: {about}");
        }
    }

    #[test]
    fn the_target_is_what_stands_behind_host_and_port() {
        let table = [
            ("ws://127.0.0.1:80/chat?a=/b", Some("/chat?a=/b")),
            ("ws://[::1]:80/", Some("/")),
            ("ws://host?q", Some("?q")),
            ("ws:///no/host", Some("/no/host")),
            ("ws://host", None),
        ];
        for (url, expected) in table {
            assert_eq!(target(url), expected, "{url}");
        }
    }
}

//! Target `filter`: a display filter, or an expectation, and what it says of a small capture.
//!
//! # Input
//!
//! | bytes | meaning |
//! | --- | --- |
//! | all | the expression, in UTF-8 |
//!
//! # What has to hold
//!
//! - What is wrong with an expression is told with a place in it, and acts on no terminal.
//! - `not` of a filter is true of what the filter is not true of.
//! - An expectation is shown as it was written.

use std::sync::OnceLock;

use wsdump::capture::{LinkType, Packet, from_reader};
use wsdump::check::Expectation;
use wsdump::event::{Event, EventSink, OtherPacket};
use wsdump::filter::{Filter, FilterSyntaxError};
use wsdump::report::Figures;
use wsdump::time::Timestamp;
use wsdump::{Analyzer, Config};

use crate::capture_run::assert_harmless;

/// Conversations that have all kinds of event.
const CAPTURES: [&[u8]; 3] = [
    include_bytes!("../../testdata/chat.pcap"),
    include_bytes!("../../testdata/deflate_mixed.pcap"),
    include_bytes!("../../testdata/other_mixed.pcap"),
];

/// Time, link type, length on the wire, bytes.
type Owned = (Timestamp, LinkType, u32, Vec<u8>);

/// Runs the target.
pub fn run(data: &[u8]) {
    let Ok(expression) = std::str::from_utf8(data) else {
        return;
    };
    match Filter::parse(expression) {
        Ok(filter) => {
            let not = Filter::parse(&format!("not ({expression})"));
            // The empty filter is true of all, and cannot be in parentheses.
            analyse(&mut Compared {
                filter: &filter,
                not: not.ok().as_ref(),
            });
        }
        Err(error) => check_error(expression, &error),
    }
    match Expectation::parse(expression) {
        Ok(expectation) => {
            assert_eq!(expectation.to_string(), expression);
            let mut figures = Figures::default();
            let summary = analyse(&mut figures);
            let verdict = expectation.judge(&figures, &summary);
            assert_eq!(verdict, expectation.judge(&figures, &summary));
            expectation.values(&figures, &summary);
        }
        Err(error) => check_error(expression, &error),
    }
}

fn check_error(expression: &str, error: &FilterSyntaxError) {
    let place = expression.get(error.span());
    assert!(place.is_some(), "{:?} is no place", error.span());
    assert!(!error.problem().is_empty());
    assert_harmless("error", error.to_string().as_bytes());
}

/// Analyses the captures as one.
fn analyse(sink: &mut dyn EventSink) -> wsdump::Summary {
    let mut analyzer = Analyzer::new(Config {
        all: true,
        ..Config::default()
    });
    for (time, link_type, wire_len, data) in packets() {
        let packet = Packet {
            time: *time,
            link_type: *link_type,
            wire_len: *wire_len,
            data,
        };
        analyzer.push(&packet, sink);
    }
    analyzer.finish(sink);
    analyzer.summary()
}

fn packets() -> &'static [Owned] {
    static PACKETS: OnceLock<Vec<Owned>> = OnceLock::new();
    PACKETS.get_or_init(|| {
        let mut packets = Vec::new();
        for capture in CAPTURES {
            let mut source = from_reader("input", capture).expect("it is a capture");
            while let Some(packet) = source.next_packet().expect("it is whole") {
                let data = packet.data.to_vec();
                packets.push((packet.time, packet.link_type, packet.wire_len, data));
            }
        }
        packets
    })
}

/// A filter and its opposite.
struct Compared<'f> {
    filter: &'f Filter,
    not: Option<&'f Filter>,
}

impl EventSink for Compared<'_> {
    fn event(&mut self, event: &Event<'_>) {
        let is_true = self.filter.matches(event);
        let is_false = self.not.map(|not| not.matches(event));
        assert_ne!(Some(is_true), is_false, "{event:?}");
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        let is_true = self.filter.matches_other(packet);
        let is_false = self.not.map(|not| not.matches_other(packet));
        assert_ne!(Some(is_true), is_false, "{packet:?}");
    }
}

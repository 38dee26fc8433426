//! The smallest inputs that showed what fuzzing found, where they take more than one file.
//! What holds of all inputs is in `fuzz/`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::net::{Ipv4Addr, SocketAddr};

use wsdump::Limits;
use wsdump::anomaly::Anomaly;
use wsdump::filter::Filter;
use wsdump::flow::{FlowInfo, FlowSink, FlowTable, Side, StreamItem, TcpEvent, Worth};
use wsdump::time::{Moment, Timestamp};
use wsdump::wire::{Encapsulation, Segment, SeqNumber, TcpFlags};

/// What a flow table tells, a word each: `A syn`, `B 3 bytes`, `A gap of 5`, `end`.
#[derive(Default)]
struct Words(Vec<String>);

impl FlowSink for Words {
    type State = ();

    fn tcp(&mut self, _: &FlowInfo, (): &mut (), side: Side, event: &TcpEvent, _: Moment) {
        self.0.push(format!("{side:?} {}", event.kind.name()));
    }

    fn stream(&mut self, _: &FlowInfo, (): &mut (), side: Side, item: StreamItem<'_>, _: Moment) {
        self.0.push(match item {
            StreamItem::Chunk(bytes) => format!("{side:?} {} bytes", bytes.len()),
            StreamItem::Gap { len, .. } => format!("{side:?} gap of {len}"),
        });
    }

    fn anomaly(&mut self, _: &FlowInfo, (): &mut (), side: Side, anomaly: &Anomaly, _: Moment) {
        self.0.push(format!("{side:?} {}", anomaly.rule.name()));
    }

    fn ended(&mut self, _: &FlowInfo, (): &mut (), _: Moment) {
        self.0.push("end".to_owned());
    }

    fn wants_stream((): &()) -> bool {
        true
    }

    fn worth((): &()) -> Worth {
        Worth::Wanted
    }

    fn heap_bytes((): &()) -> usize {
        0
    }
}

const A: u16 = 1000;
const B: u16 = 80;
const SYN: u8 = TcpFlags::SYN.0;
const RST: u8 = TcpFlags::RST.0;
const ACK: u8 = TcpFlags::ACK.0;

/// What is told of segments: port of the sender, flags, sequence number, acknowledgment
/// number, payload. They come a second apart.
fn flow(segments: &[(u16, u8, u32, u32, &[u8])]) -> Vec<String> {
    let mut words = Words::default();
    let mut table = FlowTable::new(Limits::default());
    let mut at = Moment::default();
    let end = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    for &(from, flags, seq, ack, payload) in segments {
        at.packet += 1;
        at.time = Timestamp(at.packet * 1_000_000_000);
        let segment = Segment {
            source: end(from),
            destination: end(A + B - from),
            encapsulation: Encapsulation::NONE,
            ip_id: 0,
            hop_limit: 64,
            vlan: None,
            packet_len: 40,
            captured_len: 40,
            seq: SeqNumber(seq),
            ack: SeqNumber(ack),
            header_len: 20,
            reserved: 0,
            flags: TcpFlags(flags),
            window: 1024,
            checksum: 0,
            options: &[],
            payload,
            payload_len: payload.len(),
        };
        table.push(&segment, at, &mut words);
    }
    table.finish(at, &mut words);
    words.0
}

#[test]
fn an_acknowledgment_after_a_reset_tells_of_no_gap() {
    let told = flow(&[
        (A, SYN, 0, 0, b""),
        (B, SYN | ACK, 0, 1, b""),
        (A, ACK, 1, 1, b""),
        (B, RST, 1, 0, b""),
        (A, ACK, 9, 1, b""),
        (B, ACK, 1, 9, b""),
        (B, ACK, 1, 9, b""),
        (B, ACK, 1, 9, b""),
        (B, ACK, 1, 9, b""),
    ]);
    let end = told.iter().position(|word| word == "end").unwrap();
    assert_eq!(
        told[end..],
        ["end", "A ack", "B ack", "B ack", "B ack", "B ack"]
    );
}

#[test]
fn a_filter_that_is_not_understood_is_shown_without_what_turns_text() {
    for c in ['\u{61c}', '\u{202e}', '\u{ad}', '\u{9b}', '\u{1b}'] {
        let error = Filter::parse(&format!("tcp.prt == \"{c}\"")).unwrap_err();
        let text = error.to_string();
        assert!(!text.contains(c), "{text:?}");
        assert!(text.contains("\u{fffd}"), "{text:?}");
    }
}

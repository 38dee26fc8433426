//! Other protocols are not taken for WebSocket, wherever a capture of them begins and
//! whatever it lacks; nor is what a message carries taken for frames.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;

use support::packet::{Trace, packets_of};
use support::random::Random;
use support::{Client, Kind, Server, Tcp, Who, binary, tell};

/// Recorded of real endpoints; in none is there a WebSocket.
const RECORDED: [&str; 9] = [
    "dns", "ftp", "http2", "ldap", "mqtt", "postgres", "redis", "ssh", "tls",
];

fn recorded(protocol: &str) -> Trace {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let file = std::fs::read(folder.join(format!("foreign_{protocol}.pcap"))).unwrap();
    let trace = packets_of(file);
    assert!(trace.len() > 50, "{protocol}");
    trace
}

fn assert_no_websocket(trace: &[support::Captured], what: &str) {
    let told = tell(&trace.to_vec());
    let lines = told.of(&[Kind::Frame, Kind::Message]);
    assert_eq!(told.summary.connections, 0, "{what}: {lines:?}");
}

#[test]
fn a_capture_of_another_protocol_may_begin_anywhere() {
    for protocol in RECORDED {
        let trace = recorded(protocol);
        for start in 0..trace.len() {
            assert_no_websocket(&trace[start..], &format!("{protocol} from {start} on"));
        }
    }
}

#[test]
fn a_capture_of_another_protocol_may_lack_packets() {
    for protocol in RECORDED {
        let trace = recorded(protocol);
        for per_mille in [50, 200, 500] {
            for seed in 0..20 {
                let mut random = Random::new(seed);
                // Without the start, or what it is would be known from there.
                let start = random.below(trace.len() / 2);
                let mut left = trace[start..].to_vec();
                left.retain(|_| !random.per_mille(per_mille));
                let what = format!("{protocol} from {start}, {per_mille} of 1000 lost, {seed}");
                assert_no_websocket(&left, &what);
            }
        }
    }
}

#[test]
fn of_another_protocol_one_direction_or_the_start_of_each_packet_may_be_all_there_is() {
    for protocol in RECORDED {
        let trace = recorded(protocol);
        let client = source(&trace[0].data);
        for start in (0..trace.len() / 2).step_by(3) {
            for from_client in [true, false] {
                let mut left = trace[start..].to_vec();
                left.retain(|packet| (source(&packet.data) == client) == from_client);
                let what = format!("{protocol} from {start}, by the client: {from_client}");
                assert_no_websocket(&left, &what);
            }
            for len in [80, 96, 128] {
                let packets = trace[start..].iter().cloned();
                let left: Trace = packets.map(|packet| packet.snapped(len)).collect();
                let what = format!("{protocol} from {start}, cut to {len} bytes");
                assert_no_websocket(&left, &what);
            }
        }
    }
}

/// Source address of an IPv4 packet in Ethernet, with the port of TCP.
fn source(packet: &[u8]) -> (&[u8], &[u8]) {
    let tcp = 14 + usize::from(packet[14] & 0xF) * 4;
    (&packet[26..30], &packet[tcp..tcp + 2])
}

/// What a packet carries over TCP.
fn payload(packet: &[u8]) -> &[u8] {
    let tcp = 14 + usize::from(packet[14] & 0xF) * 4;
    let end = 14 + usize::from(u16::from_be_bytes([packet[16], packet[17]]));
    &packet[tcp + usize::from(packet[tcp + 12] >> 4) * 4..end]
}

#[test]
fn what_a_message_carries_is_no_frame_where_its_header_was_lost() {
    for protocol in RECORDED {
        let trace = recorded(protocol);
        let segments: Vec<_> = trace.iter().map(|packet| payload(&packet.data)).collect();
        for who in [Client, Server] {
            for start in (0..segments.len()).step_by(5) {
                let mut tcp = Tcp::upgraded();
                let message = segments[start..].concat();
                let bytes = tcp.encode(who, &[binary(&message)]);
                let (header, rest) = bytes.split_at(bytes.len() - message.len());
                tcp.lose(who, header);
                let mut rest = rest;
                for segment in &segments[start..] {
                    let (sent, after) = rest.split_at(segment.len());
                    tcp.send(who, sent);
                    rest = after;
                }
                let told = tell(&tcp.ack(who.other()).trace);
                let frames = told.of(&[Kind::Frame]);
                assert!(
                    frames.is_empty(),
                    "{protocol} from {start}, {who:?}: {frames:?}"
                );
            }
        }
    }
}

/// Both sides send these units in turn, each in a segment of its own, in mid-stream.
fn exchanged(units: &[Vec<u8>]) -> Trace {
    let mut tcp = Tcp::default();
    for (at, unit) in units.iter().enumerate() {
        let who: Who = if at % 2 == 0 { Client } else { Server };
        tcp.send(who, unit);
    }
    tcp.trace
}

#[test]
fn random_bytes_are_no_websocket() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let longest = [20, 130, 1400][random.below(3)];
        let units: Vec<_> = (0..150)
            .map(|_| {
                let len = 1 + random.below(longest);
                random.bytes(len)
            })
            .collect();
        assert_no_websocket(&exchanged(&units), &format!("seed {seed}"));
    }
}

/// Ways in which protocols put a type and a length before each unit.
const HEADS: [fn(u8, u8) -> Vec<u8>; 8] = [
    |kind, len| vec![kind, len],
    |kind, len| vec![kind, 0, len],
    |kind, len| vec![kind, len, 0],
    |kind, len| vec![kind, 0, 0, 0, len],
    |kind, len| vec![kind, len, 0, 0, 0],
    |kind, len| vec![0, 0, 0, len, kind],
    |kind, len| vec![len, 0, 0, 0, kind, 0, 0, 0],
    |kind, len| vec![0, len, kind],
];

#[test]
fn units_with_a_type_and_a_length_are_no_websocket() {
    for (form, head) in HEADS.into_iter().enumerate() {
        for kind in 0..=255 {
            let mut random = Random::new(u64::from(kind));
            let units: Vec<_> = (0..40)
                .map(|_| {
                    let len = 1 + random.below(120);
                    let unit = head(kind, u8::try_from(len).unwrap());
                    [unit, random.bytes(len)].concat()
                })
                .collect();
            assert_no_websocket(
                &exchanged(&units),
                &format!("form {form}, type {kind:#04x}"),
            );
        }
    }
}

//! Display filters of wsdump and of tshark choose the same packets of the same captures.
//!
//! wsdump judges events and tshark packets, so what is compared are the numbers of the
//! packets that the chosen events were told at, of all packets (`--all`). Where tshark is not
//! installed nothing is compared, unless `CI` is `true`: then that is a failure.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

/// Captures, each with the filters that are compared on it.
const ALIKE: &[(&str, &[&str])] = &[
    (
        "chat.pcap",
        &[
            "",
            "frame && tcp && ip",
            "http",
            "websocket",
            "not tcp.flags.syn == 1 and tcp.len > 0 or http",
            "tcp.port == 8080 && tcp.len > 0",
            "tcp.srcport != 8080",
            "tcp.port != 8080",
            "tcp.port ~= 8080",
            "all tcp.port > 8000",
            "tcp.port in {1..80, 49366} && frame.number < 5",
            "tcp.flags & 0x12 == 0x12",
            "tcp.flags == 0x018",
            "tcp.flags.fin == 1 || tcp.flags.reset == 1",
            "tcp.seq == 1 and tcp.ack > 1",
            "tcp.nxtseq > 200 or tcp.hdr_len == 40 or tcp.window_size_value > 1000",
            "tcp.srcport < tcp.dstport",
            "ip.addr == 127.0.0.0/8 && ip.ttl == 64 && ip.src in {127.0.0.1..127.0.0.9}",
            "ip.addr != 127.0.0.1",
            "ip.src & 255.0.0.0 == 127.0.0.0",
            "frame.time_relative > 0.05 && frame.time_delta < 0.0002",
            "frame.len > 100 || frame.number in {1..3, 0x10}",
            "frame.time > \"2026-11-21 02:41:28.2\"",
            "http.request.method == \"GET\" && http.request.uri contains \"chat\"",
            "http.response.code == 101",
            "http.host && !http.cookie",
            "http.upgrade matches \"^WEBSOCKET$\"",
            "http.request.line contains \"Upgrade\" and http contains \"Upgrade\"",
            "websocket.payload.text == \"hello\"",
            "websocket.payload.text[0:3] == 68:65:6c",
            "websocket.payload.text[0:100] != \"hello\"",
            "websocket.payload.text[-1] == \"o\" or websocket.payload.text[1-2] == \"om\"",
            "websocket.payload.text matches \"^HEL.*!$\"",
            "upper(websocket.payload.text) contains \"HEL\"",
            "len(websocket.payload.text) == 5",
            "websocket.masking_key[0:1] != 00",
            "websocket.payload.close.status_code == 1000",
            "websocket.payload.close.reason == \"bye\"",
            "websocket.opcode == \"Connection Close\"",
            "count(tcp.port) == 2 and websocket.mask == 1",
        ],
    ),
    (
        "fragments.pcap",
        &[
            "websocket.fin == 0",
            "websocket.payload.continue",
            "websocket.payload.text contains \"part3\"",
            "websocket.opcode in {8..10}",
            "websocket.payload.ping",
            "websocket.payload.close.status_code > 1000",
        ],
    ),
    (
        "ws_fragments.pcap",
        &[
            "websocket.payload.continue == \"two \"",
            "websocket.reassembled.length == 13",
        ],
    ),
    (
        "deflate.pcap",
        &[
            "websocket.pmc == 1",
            "websocket.rsv == 4 && websocket.payload_length_ext_16 > 600",
            "websocket.payload.text contains \"symbol\"",
            "len(websocket.payload.text) > 3000",
            "http.sec_websocket_extensions contains \"deflate\"",
        ],
    ),
    (
        "ws_lengths.pcap",
        &[
            "websocket.payload_length < 126",
            "websocket.payload_length_ext_16 == 65535",
            "websocket.payload_length_ext_64",
            "websocket.payload",
            "tcp.nxtseq > 60000",
        ],
    ),
    (
        "ws_ping_pong.pcap",
        &[
            "websocket.payload.pong",
            "websocket.payload.ping == 74:77:6f",
            "websocket.payload.ping contains 00:ff",
        ],
    ),
    (
        "ws_close_payloads.pcap",
        &[
            "websocket.payload.close",
            "websocket.payload.close.status_code",
            "websocket.payload.close.reason",
        ],
    ),
    (
        "browser_chat.pcap",
        &[
            "http.response.code in {101, 200..299}",
            "tcp.stream == 1",
            "http.user_agent matches r\"chrome/\\d+\"",
        ],
    ),
    (
        "rejected.pcap",
        &[
            "http.response.code >= 400",
            "http.location || http.www_authenticate",
        ],
    ),
    (
        "ipv6.pcap",
        &[
            "ipv6.addr == ::1 && ipv6.hlim == 64",
            "ip",
            "ipv6.src == fe80::/10",
            "ipv6.src != fe80::/10 && websocket",
        ],
    ),
    ("link_vlan.pcap", &["vlan.id == 100"]),
    ("any_sll2.pcap", &["websocket.mask == 1"]),
    (
        "tcp_retransmission.pcap",
        &["tcp.analysis.retransmission", "tcp.len > 30"],
    ),
    (
        "tcp_keep_alive.pcap",
        &["tcp.analysis.keep_alive", "tcp.seq > 170"],
    ),
    ("tcp_zero_window.pcap", &["tcp.analysis.zero_window"]),
    (
        "tcp_sequence_wrap.pcap",
        &["tcp.seq_raw > 4294967000", "tcp.seq > 200 || tcp.ack > 200"],
    ),
    (
        "tcp_port_reuse_open.pcap",
        &["tcp.flags.syn == 1", "tcp.stream == 1", "tcp.seq == 0"],
    ),
    ("tcp_no_syn.pcap", &["tcp.seq == 1", "tcp.seq > 200"]),
    ("tcp_syn_data.pcap", &["tcp.seq == 0 && tcp.len > 0"]),
    ("tcp_two_vlans.pcap", &["vlan.id == 20 && tcp.len > 0"]),
    ("tunnel_vxlan.pcap", &["http.host || websocket"]),
    (
        "socketio.pcap",
        &[
            "http.request.uri.query contains \"transport=websocket\"",
            "websocket.payload.text matches \"^4[0-9]\"",
        ],
    ),
    (
        "ws_utf8.pcap",
        &[
            "websocket.payload.text contains \"€\"",
            "websocket.payload.text[1:3] == e2:82:ac",
        ],
    ),
    ("snap96.pcap", &["frame.cap_len < frame.len"]),
    ("other_dns.pcap", &["udp.port == 53 && frame.len < 100"]),
    ("other_arp_icmp.pcap", &["arp || icmp"]),
    (
        "many.pcap.gz",
        &["websocket.payload.close", "tcp.stream == 17 && websocket"],
    ),
];

/// What differs, with what wsdump chooses, and why that is right.
const DIFFERENT: &[(&str, &str, &[u64])] = &[
    // One packet holds a segment and the frame in it. tshark asks whether the packet has a
    // frame; wsdump asks each event, and that of the segment is none.
    (
        "chat.pcap",
        "not websocket and tcp.len > 0",
        &[4, 6, 8, 10, 11, 13, 14],
    ),
    // tshark has the first seven bits of the length: 126 for all that is longer than 125.
    (
        "ws_lengths.pcap",
        "websocket.payload_length == 126",
        &[20, 22],
    ),
    (
        "ws_lengths.pcap",
        "websocket.payload_length > 65535",
        &[160, 206],
    ),
    // tshark 4.0 has a path only where there is a query.
    ("chat.pcap", "http.request.uri.path == \"/chat\"", &[4]),
    // tshark puts http:// and Host in front of a target that is a whole address already.
    (
        "http_absolute_target.pcap",
        "http.request.full_uri matches \"^http\"",
        &[22],
    ),
    // tshark takes the messages behind a CONNECT for data.
    ("http_connect.pcap", "websocket", &[12, 14, 16, 18]),
    // tshark has a response with the last packet of its body, wsdump with that of its head.
    ("http_refused.pcap", "http.response.code == 503", &[46]),
    // A message of fragments is binary when its first fragment is: 24 is no text. 34 ends the
    // connection and with it a message that never ended.
    ("ws_fragments.pcap", "websocket.payload.text", &[16, 18, 34]),
    // tshark 4.0 does not inflate a message of fragments.
    (
        "deflate_fragments.pcap",
        "websocket.payload.text contains \"message\"",
        &[124, 142, 146],
    ),
    // After segments in another order tshark 4.0 finds no more frames.
    (
        "tcp_out_of_order.pcap",
        "websocket",
        &[12, 16, 22, 26, 28, 30],
    ),
    // In text a point is a character; tshark 4.0 takes it for a byte.
    (
        "ws_utf8.pcap",
        "websocket.payload.text matches \"€.$\"",
        &[14],
    ),
    // A SYN on ports in use is believed when a second packet agrees with it; by then only
    // what it said of TCP is known, not its length (10).
    (
        "tcp_port_reuse_open.pcap",
        "tcp.flags.syn == 1 and not frame.len",
        &[10],
    ),
    // Empty fragments are fragments.
    ("ws_fragments.pcap", "websocket.fragments", &[18, 24]),
    // A segment is lost for tshark when a later one comes (9), for wsdump when it is
    // acknowledged though nobody captured it: until then it may come late.
    ("tcp_gap.pcap", "tcp.analysis.lost_segment", &[10]),
    // Segments that are late by less than a round trip are out of order; tshark 4.0 takes
    // them for retransmissions.
    (
        "tcp_out_of_order.pcap",
        "tcp.analysis.out_of_order",
        &[10, 12, 16, 20, 22, 26],
    ),
];

#[test]
fn the_same_packets_are_chosen_as_by_tshark() {
    if Command::new("tshark").arg("--version").output().is_err() {
        let must_be_there = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!must_be_there, "tshark is not installed");
        eprintln!("left out: tshark is not installed");
        return;
    }
    let cases: Vec<(&str, &str)> = ALIKE
        .iter()
        .flat_map(|(capture, filters)| filters.iter().map(|filter| (*capture, *filter)))
        .collect();
    // Starting tshark takes most of the time.
    let next = AtomicUsize::new(0);
    let work = || {
        let mut differences = Vec::new();
        while let Some((capture, filter)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (theirs, ours) = (tshark(capture, filter), wsdump(capture, filter));
            if theirs != ours {
                differences.push(format!(
                    "{capture}: {filter}\n  tshark {theirs:?}\n  wsdump {ours:?}"
                ));
            }
        }
        differences
    };
    let differences: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn what_differs_from_tshark_is_as_said() {
    for (capture, filter, expected) in DIFFERENT {
        let chosen: Vec<u64> = wsdump(capture, filter).unwrap().into_iter().collect();
        assert_eq!(chosen, *expected, "{capture}: {filter}");
    }
}

/// Packets that tshark chooses, or why it does not.
fn tshark(capture: &str, filter: &str) -> Result<BTreeSet<u64>, String> {
    let mut command = Command::new("tshark");
    command.args([
        "-n",
        "-r",
        capture,
        "-Y",
        filter,
        "-T",
        "fields",
        "-e",
        "frame.number",
    ]);
    let lines = run(&mut command)?;
    Ok(lines.lines().map(|line| line.parse().unwrap()).collect())
}

/// Packets at which wsdump tells the events that it chooses, or why it does not.
fn wsdump(capture: &str, filter: &str) -> Result<BTreeSet<u64>, String> {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("wsdump"));
    command.args(["--json", "-q", "-a", "-Y", filter, capture]);
    let lines = run(&mut command)?;
    let packet = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap();
        object["packet"].as_u64().unwrap()
    };
    Ok(lines.lines().map(packet).collect())
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"))
        // Times without a zone are local.
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

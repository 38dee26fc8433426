//! Filters against real captures: expression in, packets out.

// A test that cannot go on has failed.
#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc)]

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use proptest::prelude::*;

use wsdump::event::{Event, EventKind, EventSink, OpeningFacts, OtherPacket, Peers};
use wsdump::filter::{Filter, fields};
use wsdump::flow::Direction;
use wsdump::http::{Head, Headers, RequestLine};
use wsdump::time::Moment;
use wsdump::wire::{Other, OtherKind};
use wsdump::{Analyzer, Config, capture};

/// Packets of the events, and of the other packets, that a filter is true of; each once.
fn packets(name: &str, expression: &str) -> Vec<u64> {
    struct Chosen(Filter, Vec<u64>);
    impl EventSink for Chosen {
        fn event(&mut self, event: &Event<'_>) {
            if self.0.matches(event) {
                self.1.push(event.at.packet);
            }
        }
        fn other_packet(&mut self, packet: &OtherPacket) {
            if self.0.matches_other(packet) {
                self.1.push(packet.at.packet);
            }
        }
    }
    let filter = Filter::parse(expression).unwrap_or_else(|error| panic!("{error}"));
    let mut chosen = Chosen(filter, Vec::new());
    let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut source = capture::open(path.as_ref()).unwrap_or_else(|error| panic!("{error}"));
    let mut analyzer = Analyzer::new(Config {
        all: true,
        ..Config::default()
    });
    while let Ok(Some(packet)) = source.next_packet() {
        analyzer.push(&packet, &mut chosen);
    }
    analyzer.finish(&mut chosen);
    chosen.1.sort_unstable();
    chosen.1.dedup();
    chosen.1
}

/// Compares a table of expressions with the packets of `chat.pcap`: the handshake is 1 to 3,
/// the request 4, the 101 6; texts are 8, 10 (masked, "hello") and 11, Close frames 13
/// (masked) and 14; 16 and 17 are FIN, 18 the end.
fn chat(table: &[(&str, &[u64])]) {
    for (expression, expected) in table {
        assert_eq!(packets("chat.pcap", expression), *expected, "{expression}");
    }
}

const ALL: &[u64] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
];

#[test]
fn comparisons_hold_where_any_value_does_and_differences_where_all_do() {
    chat(&[
        ("", ALL),
        ("tcp.port == 8080", ALL),
        ("tcp.port eq 8080", ALL),
        ("tcp.port != 8080", &[]),
        ("tcp.port ne 8080", &[]),
        ("tcp.port all_ne 8080", &[]),
        ("tcp.port ~= 8080", ALL),
        ("tcp.port !== 8080", ALL),
        ("tcp.port any_ne 8080", ALL),
        ("tcp.port === 8080", &[]),
        ("tcp.port all_eq 8080", &[]),
        ("all tcp.port > 8000", ALL),
        ("all tcp.port > 9000", &[]),
        ("any tcp.port > 9000", ALL),
        ("any tcp.port != 8080", ALL),
        ("not tcp.port == 8080", &[]),
        ("tcp.len > 100", &[4, 6]),
        ("tcp.len gt 100 and tcp.len lt 150", &[6]),
        ("tcp.len ge 129 and tcp.len le 129", &[6]),
    ]);
}

#[test]
fn operators_bind_as_in_wireshark() {
    chat(&[
        (
            "frame.number == 1 or frame.number == 2 and frame.number == 99",
            &[1],
        ),
        (
            "(frame.number == 1 or frame.number == 2) and frame.number != 1",
            &[2],
        ),
        ("not frame.number == 1 and frame.number < 3", &[2]),
        ("!frame.number < 17", &[17, 18]),
        ("!!http", &[4, 6]),
        ("not not not http and frame.number < 5", &[1, 2, 3, 4]),
        ("http||websocket&&frame.number>12", &[4, 6, 13, 14]),
        (
            "tcp.srcport < tcp.dstport < 50000 && tcp.len > 0",
            &[6, 8, 11, 14],
        ),
        ("frame.number < 5 && (((((http)))))", &[4]),
    ]);
}

#[test]
fn numbers_are_decimal_octal_hexadecimal_binary_or_characters() {
    chat(&[
        ("frame.number == 16", &[16]),
        ("frame.number == 0x10", &[16]),
        ("frame.number == 0X0a", &[10]),
        ("frame.number == 020", &[16]),
        ("frame.number == 0b10000", &[16]),
        (r"frame.number == '\x10'", &[16]),
        ("tcp.seq > -1 && frame.number == 1", &[1]),
        ("frame.number in {1..3, 8, 0x10}", &[1, 2, 3, 8, 16]),
        ("frame.number in {1 3 5 .. 6}", &[1, 3, 5, 6]),
        ("frame.number not in {2..18}", &[1]),
        ("frame.number in {5..1}", &[]),
    ]);
}

#[test]
fn flags_are_true_or_false_and_always_there() {
    chat(&[
        ("tcp.flags.syn", ALL),
        ("tcp.flags.syn == 1", &[1, 2]),
        ("tcp.flags.syn == true", &[1, 2]),
        ("tcp.flags.syn == TRUE && tcp.flags.ack == False", &[1]),
        ("tcp.flags.syn == \"Set\"", &[1, 2]),
        ("tcp.flags.syn > 0", &[1, 2]),
        ("tcp.flags.syn != 0", &[1, 2]),
        ("tcp.flags & 2", &[1, 2]),
        ("tcp.flags bitwise_and 0x12 == 0x12", &[2]),
        ("(tcp.flags & 0x12) == 0x12", &[2]),
        ("tcp.flags & 0x11 == 0x11", &[16, 17]),
        ("http.request == 1", &[4]),
        ("http.request == 0", &[]),
        ("!http.request && http", &[6]),
        ("ws.upgrade == true", &[6]),
    ]);
}

#[test]
fn text_is_compared_with_case_and_matched_without() {
    chat(&[
        ("http.request.method == \"GET\"", &[4]),
        ("http.request.method == GET", &[4]),
        ("http.request.method == get", &[]),
        ("lower(http.request.method) == get", &[4]),
        ("ws.type == http", &[4, 6]),
        ("http.request.method in {\"GET\", POST}", &[4]),
        ("http.request.method contains 'E'", &[4]),
        ("websocket.payload.text contains \"hel\"", &[10, 11]),
        ("websocket.payload.text contains \"HEL\"", &[]),
        ("websocket.payload.text matches \"HEL\"", &[10, 11]),
        ("websocket.payload.text ~ \"^HEL.O$\"", &[10]),
        ("websocket.payload.text matches \"(?-i)HEL\"", &[]),
        (r#"websocket.payload.text matches r"^\w+$""#, &[8, 10]),
        (r#"websocket.payload.text matches "^\\w+$""#, &[8, 10]),
        (r#"websocket.payload.text == "h\x65ll\157""#, &[10]),
        (r#"websocket.payload.text == r"h\x65llo""#, &[]),
        ("websocket.payload.text != \"hello\"", &[8, 11]),
        ("websocket.payload.text < \"i\"", &[10, 11]),
        ("websocket.payload.text in {\"a\"..\"i\"}", &[10, 11]),
        ("upper(websocket.payload.text) == \"HELLO\"", &[10]),
        ("lower(upper(websocket.payload.text)) == hello", &[10]),
        ("http contains \"chat\"", &[4]),
        ("http matches \"^HTTP/1.1 101\"", &[6]),
        ("websocket contains \"some\"", &[8]),
    ]);
}

#[test]
fn slices_are_parts_of_values() {
    chat(&[
        ("websocket.payload.text[0:3] == \"hel\"", &[10, 11]),
        ("websocket.payload.text[1:] == \"ello\"", &[10]),
        ("websocket.payload.text[:3] == hel", &[10, 11]),
        ("websocket.payload.text[0:3] == 68:65:6c", &[10, 11]),
        ("websocket.payload.text[1-2] == \"el\"", &[10, 11]),
        ("websocket.payload.text[0,4] == \"ho\"", &[10, 11]),
        ("websocket.payload.text[0:2, -2:] == \"helo\"", &[10]),
        ("websocket.payload.text[-3:2] == \"ll\"", &[10]),
        ("websocket.payload.text[-1] == 'o'", &[10]),
        ("websocket.payload.text[-4--2] == \"ell\"", &[10]),
        ("websocket.payload.text[0:3][1:2] == \"el\"", &[10, 11]),
        ("lower(websocket.payload.text)[0:2] == \"he\"", &[10, 11]),
        ("lower(websocket.payload.text[0:2]) == \"he\"", &[10, 11]),
        ("websocket.payload.text[9]", &[11]),
        ("websocket.payload.text[0:100] == \"hello\"", &[]),
        // Nothing is left to be equal, as Wireshark has it.
        ("websocket.payload.text[0:100] != \"hello\"", &[8, 10, 11]),
        ("websocket.payload[0:2] == 68:65", &[10, 11]),
        ("websocket.payload[0:2] == 6865", &[10, 11]),
        ("websocket.payload contains 68:65:6c", &[10, 11]),
        ("websocket.payload contains \"hel\"", &[10, 11]),
        ("len(websocket.masking_key) == 4", &[10, 13]),
        (
            "websocket.masking_key[0:1] != 00 && websocket.mask == 1",
            &[10, 13],
        ),
        ("len(websocket.payload.text) in {5, 9}", &[8, 10]),
        ("len(tcp.port) == 2 && http", &[4, 6]),
        ("count(tcp.port) == 2 && http", &[4, 6]),
        ("count(http.host) == 0", &[]),
        ("ip.src[0:2] == 7f:00 && http", &[4, 6]),
    ]);
}

#[test]
fn addresses_and_times_are_compared_as_what_they_are() {
    chat(&[
        ("ip.addr == 127.0.0.0/8", ALL),
        ("ip.addr == 10.0.0.0/8", &[]),
        ("ip.addr == 0.0.0.0/0", ALL),
        ("ip.src in {127.0.0.1..127.0.0.5} && http", &[4, 6]),
        ("ip.src in {10.0.0.0/8, 127.0.0.0/8} && http", &[4, 6]),
        ("ip.src > 1.2.3.4 && http", &[4, 6]),
        ("ip.src & 255.0.0.0 == 127.0.0.0 && http", &[4, 6]),
        ("ip.src == ip.dst", ALL),
        ("ipv6.addr == ::1", &[]),
        ("ipv6.addr != ::1", &[]),
        ("frame.time_relative > 0.1", &[13, 14, 15, 16, 17, 18]),
        (
            "frame.time_relative > 100ms and http or frame.time_relative < 30us",
            &[1, 2],
        ),
        ("frame.time_relative == 0", &[1]),
        ("frame.time_relative == .000025", &[2]),
        ("frame.time_relative >= -1 && http", &[4, 6]),
        ("frame.time_delta > 0.04", &[10, 13]),
        ("frame.time > \"2026-11-21 02:41:28.195Z\" && http", &[]),
        (
            "frame.time > \"2026-11-21T02:41:28.195Z\" && frame.number < 12",
            &[10, 11],
        ),
        ("frame.time > \"Nov 21, 2000 02:41:28.19\" && http", &[4, 6]),
        ("frame.time > 2000-01-01 && http", &[4, 6]),
        ("frame.time_epoch > 1.5 && http", &[4, 6]),
    ]);
    let v6 = packets(
        "ipv6.pcap",
        "ipv6.src == ::/0 && ipv6.addr != fe80::/10 && !ip",
    );
    assert_eq!(v6.len(), 18);
}

#[test]
fn names_stand_for_numbers() {
    chat(&[
        ("websocket.opcode == Text", &[8, 10, 11]),
        ("websocket.opcode == \"text\"", &[8, 10, 11]),
        ("websocket.opcode == \"Connection Close\"", &[13, 14]),
        ("websocket.opcode in {Close, Ping}", &[13, 14]),
        (
            "websocket.payload.close.status_code == \"Normal Closure\"",
            &[13, 14],
        ),
        ("ip.proto == TCP && http", &[4, 6]),
    ]);
}

#[test]
fn a_message_and_the_frame_that_ends_it_are_both_chosen() {
    let events = |expression: &str| -> Vec<String> {
        ["frame", "message", "connection"]
            .into_iter()
            .filter(|kind| {
                let with_type = format!("({expression}) && ws.type == {kind}");
                !packets("ws_fragments.pcap", &with_type).is_empty()
            })
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(
        events("websocket.opcode == 0 && websocket.fin == 1"),
        ["frame", "message"]
    );
    assert_eq!(
        events("websocket.payload.text == \"one two three\""),
        ["message"]
    );
    assert_eq!(events("websocket.payload.continue == \"two \""), ["frame"]);
    assert_eq!(events("ws.message.frames == 3"), ["message"]);
    assert_eq!(events("websocket.fragments"), ["message"]);
    assert_eq!(
        packets(
            "ws_fragments.pcap",
            "websocket.fragment.count == 3 && websocket.reassembled.length == 13"
        ),
        [18]
    );
}

#[test]
fn paths_lead_into_json() {
    let table = [
        ("ws.json", 17),
        ("ws.json.type == \"next\"", 5),
        ("ws.json.type == next", 5),
        ("ws.json[\"type\"] == \"next\"", 5),
        ("ws.json.type contains \"connection_\"", 6),
        ("ws.json.type matches \"^CONN\"", 6),
        ("lower(ws.json.type) in {next, error}", 6),
        ("ws.json.type[0:2] == \"co\"", 8),
        ("len(ws.json.type) == 4", 5),
        ("ws.json.payload", 9),
        ("count(ws.json.payload) == 1", 9),
        ("ws.json.payload[0].message matches \"^cannot query\"", 1),
        ("ws.json.payload.0.message", 1),
        ("ws.json.payload[1]", 0),
        ("ws.json.payload.data.tick > 1", 2),
        ("ws.json.payload.data.tick == 0", 1),
        ("ws.json.payload.data.tick == 0.0", 1),
        ("ws.json.payload.data.tick in {0.5..2}", 2),
        ("ws.json.payload.data.tick == \"0\"", 0),
        ("ws.json.payload.data.tick < tcp.port", 4),
        ("ws.json.nothing", 0),
        ("ws.json.type == 5", 0),
        ("ws.json.type != 5", 17),
        ("ws.json.type == null", 0),
    ];
    for (expression, expected) in table {
        let found = packets("graphql.pcap", expression).len();
        assert_eq!(found, expected, "{expression}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_with_what_may_help() {
    // Each is followed by an empty line; its second line is the filter.
    let expected = include_str!("filter_errors.txt");
    let said = expected.split("\n\n").map(|error| {
        let expression = error.lines().nth(1).unwrap_or_default().trim();
        let error = Filter::parse(expression).err();
        error.map_or(format!("{expression} is right"), |error| error.to_string())
    });
    let got = said.collect::<Vec<_>>().join("\n\n");
    assert_eq!(got.trim_end(), expected.trim_end());
}

/// Every field, in a capture that has it.
const FIELDS: &[(&str, &str, &[u64])] = &[
    ("chat.pcap", "frame.time_epoch < 1795228888.139400", &[1, 2]),
    ("chat.pcap", "frame && frame.number == 5", &[5]),
    ("chat.pcap", "frame.time_relative == 0.000043", &[3]),
    ("chat.pcap", "frame.time_delta > 40ms", &[10, 13]),
    ("chat.pcap", "frame.len == 223", &[4]),
    (
        "snap96.pcap",
        "frame.cap_len == 96 && frame.number < 20",
        &[4, 6, 8, 9, 10, 12, 13, 14, 16, 17, 19],
    ),
    ("link_vlan.pcap", "vlan && frame.number == 4", &[4]),
    ("chat.pcap", "ip && ip.version == 4 && http", &[4, 6]),
    (
        "chat.pcap",
        "ip.src == 127.0.0.1 && ip.dst == 127.0.0.1 && ip.addr == 127.0.0.1 && http",
        &[4, 6],
    ),
    (
        "chat.pcap",
        "ip.proto == 6 && ip.ttl == 64 && http",
        &[4, 6],
    ),
    ("chat.pcap", "ip.id & 1 && frame.number < 8", &[1, 4, 5]),
    ("ipv6.pcap", "ipv6 && ipv6.version == 6 && http", &[4, 6]),
    (
        "ipv6.pcap",
        "ipv6.src == ::1 && ipv6.dst == ::1 && ipv6.addr == ::1 && http",
        &[4, 6],
    ),
    ("ipv6.pcap", "ipv6.hlim == 64 && http", &[4, 6]),
    (
        "other_dns.pcap",
        "udp && udp.port == 53",
        &[1, 2, 3, 4, 5, 6],
    ),
    ("other_dns.pcap", "udp.srcport == 53", &[2, 4, 6]),
    (
        "other_dns.pcap",
        "udp.dstport == 53 && ip.proto == UDP",
        &[1, 3, 5],
    ),
    ("chat.pcap", "tcp && tcp.stream == 0 && http", &[4, 6]),
    (
        "chat.pcap",
        "tcp.srcport == 8080 && tcp.len > 0",
        &[6, 8, 11, 14],
    ),
    (
        "chat.pcap",
        "tcp.dstport == 8080 && tcp.port == 49366 && tcp.len > 0",
        &[4, 10, 13],
    ),
    ("chat.pcap", "tcp.seq == 0", &[1, 2]),
    ("chat.pcap", "tcp.ack == 0", &[1]),
    ("chat.pcap", "tcp.nxtseq == 158", &[4, 7, 9]),
    ("chat.pcap", "tcp.seq_raw != tcp.ack_raw && http", &[4, 6]),
    ("chat.pcap", "tcp.hdr_len == 40", &[1, 2]),
    ("chat.pcap", "tcp.flags == 0x012", &[2]),
    (
        "chat.pcap",
        "tcp.flags.res == 0 && tcp.flags.ae == 0 && tcp.flags.cwr == 0 && tcp.flags.ece == 0 && tcp.flags.urg == 0 && tcp.flags.ack == 1 && tcp.flags.push == 1 && tcp.flags.reset == 0 && tcp.flags.syn == 0 && tcp.flags.fin == 0",
        &[4, 6, 8, 10, 11, 13, 14],
    ),
    ("chat.pcap", r#"tcp.flags.str == "··········S·""#, &[1]),
    ("chat.pcap", "tcp.window_size_value > 65000", &[1, 2]),
    ("chat.pcap", "tcp.options.mss_val == 65495", &[1, 2]),
    ("chat.pcap", "tcp.connection.syn", &[1]),
    ("chat.pcap", "tcp.connection.synack", &[2]),
    ("chat.pcap", "tcp.connection.fin", &[16, 17]),
    ("tcp_reset.pcap", "tcp.connection.rst", &[18]),
    (
        "tcp_retransmission.pcap",
        "tcp.analysis.retransmission",
        &[12, 13, 20, 21],
    ),
    (
        "tcp_retransmission.pcap",
        "tcp.analysis && tcp.analysis.flags",
        &[12, 13, 20, 21],
    ),
    (
        "tcp_out_of_order.pcap",
        "tcp.analysis.out_of_order",
        &[10, 12, 16, 20, 22, 26],
    ),
    ("tcp_gap.pcap", "tcp.analysis.lost_segment", &[10]),
    ("tcp_keep_alive.pcap", "tcp.analysis.keep_alive", &[12, 14]),
    (
        "tcp_zero_window.pcap",
        "tcp.analysis.zero_window",
        &[9, 11, 13],
    ),
    (
        "tcp_zero_window.pcap",
        "tcp.analysis.zero_window_probe",
        &[12],
    ),
    ("chat.pcap", "http && http.request", &[4]),
    (
        "chat.pcap",
        r#"http.request.method == GET && http.request.uri == "/chat" && http.request.version == "HTTP/1.1""#,
        &[4],
    ),
    (
        "http_absolute_target.pcap",
        r#"http.request.uri.path contains "chat""#,
        &[4, 22, 40],
    ),
    ("http_absolute_target.pcap", "http.request.uri.query", &[40]),
    (
        "http_absolute_target.pcap",
        r#"http.request.full_uri matches "^http""#,
        &[22],
    ),
    (
        "chat.pcap",
        r#"http.request.line == "Upgrade: websocket\r\n""#,
        &[4],
    ),
    (
        "chat.pcap",
        r#"http.response && http.response.code == 101 && http.response.phrase == "Switching Protocols" && http.response.version == "HTTP/1.1""#,
        &[6],
    ),
    (
        "chat.pcap",
        r#"http.response.line matches "^upgrade: websocket\r\n$""#,
        &[6],
    ),
    ("chat.pcap", "http.time > 1.8ms && http.time < 1.9ms", &[6]),
    (
        "chat.pcap",
        r#"frame.time == "2026-11-21T02:41:28.139411Z""#,
        &[3],
    ),
    ("link_vlan.pcap", "vlan.id == 100 && http", &[4, 6]),
    ("link_qinq.pcap", "vlan.id == 100 && http", &[4, 6]),
    ("other_arp_icmp.pcap", "arp", &[1]),
    ("other_arp_icmp.pcap", "icmp && ip.proto == ICMP", &[2, 3]),
    (
        "chat.pcap",
        "tcp.checksum == 0xfe28 && tcp.seq == 1 && tcp.ack == 1 && tcp.len == 0",
        &[3],
    ),
    (
        "chat.pcap",
        r#"http.request.full_uri == "http://127.0.0.1:8080/chat""#,
        &[4],
    ),
    (
        "tcp_zero_window.pcap",
        "tcp.analysis.zero_window",
        &[9, 11, 13],
    ),
    ("chat.pcap", "http.host == 127.0.0.1:8080", &[4]),
    ("chat.pcap", "http.upgrade && http.connection", &[4, 6]),
    ("chat.pcap", "http.sec_websocket_key", &[4]),
    ("chat.pcap", "http.sec_websocket_accept", &[6]),
    ("chat.pcap", "http.sec_websocket_version == 13", &[4]),
    (
        "browser_chat.pcap",
        r#"http.user_agent matches "chrome" && http.accept_encoding && http.accept_language && http.cache_control"#,
        &[14, 71],
    ),
    (
        "browser_chat.pcap",
        "http.origin || http.header.origin",
        &[14, 71],
    ),
    ("browser_chat.pcap", "http.accept", &[4, 8]),
    (
        "browser_chat.pcap",
        "http.date && http.content_type && http.content_length > 5",
        &[6, 9],
    ),
    ("browser_chat.pcap", "http.referer", &[8]),
    ("rejected.pcap", "http.www_authenticate", &[6]),
    ("rejected.pcap", "http.location", &[26]),
    ("http_connect_refused.pcap", "http.proxy_authenticate", &[6]),
    (
        "http_connect_refused.pcap",
        "http.proxy_authorization",
        &[8],
    ),
    (
        "http_refused_then_accepted.pcap",
        "http.authorization",
        &[8],
    ),
    ("http_refused.pcap", "http.transfer_encoding", &[16]),
    ("deflate.pcap", "http.sec_websocket_extensions", &[4, 6]),
    (
        "graphql.pcap",
        "http.sec_websocket_protocol",
        &[4, 6, 22, 24, 44, 46],
    ),
    (
        "chat.pcap",
        "websocket && websocket.fin == 1 && websocket.rsv == 0",
        &[8, 10, 11, 13, 14],
    ),
    (
        "deflate.pcap",
        "websocket.pmc == 1 && frame.number < 15",
        &[8, 9, 10, 11, 12, 13],
    ),
    (
        "ws_ping_pong.pcap",
        "websocket.opcode == 9",
        &[8, 12, 16, 18, 24, 28],
    ),
    (
        "chat.pcap",
        "websocket.mask == 1 && websocket.masking_key",
        &[10, 13],
    ),
    ("chat.pcap", "websocket.masked_payload", &[10, 13]),
    (
        "ws_lengths.pcap",
        "websocket.payload_length == 126",
        &[20, 22],
    ),
    (
        "ws_lengths.pcap",
        "websocket.payload_length == 65536",
        &[160, 206],
    ),
    (
        "ws_lengths.pcap",
        "websocket.payload_length_ext_16 == 65535",
        &[68, 114],
    ),
    (
        "ws_lengths.pcap",
        "websocket.payload_length_ext_64",
        &[160, 206],
    ),
    (
        "ws_lengths.pcap",
        "websocket.payload",
        &[12, 14, 16, 18, 20, 22, 68, 114, 160, 206, 208, 210],
    ),
    ("ws_fragments.pcap", "websocket.payload.text", &[16, 18, 34]),
    (
        "ws_fragments.pcap",
        r#"websocket.payload.continue == "two ""#,
        &[14],
    ),
    (
        "chat.pcap",
        r#"websocket.payload.close && websocket.payload.close.status_code == 1000 && websocket.payload.close.reason == "bye""#,
        &[13, 14],
    ),
    (
        "ws_ping_pong.pcap",
        r#"websocket.payload.ping == "two""#,
        &[16],
    ),
    (
        "ws_ping_pong.pcap",
        "websocket.payload.pong",
        &[10, 20, 22, 26],
    ),
    (
        "ws_reserved_opcodes.pcap",
        "websocket.payload.unknown",
        &[
            8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 42, 44, 46,
        ],
    ),
    ("ws_fragments.pcap", "websocket.fragments", &[18, 24]),
    (
        "ws_fragments.pcap",
        "websocket.fragment.count == 3",
        &[18, 24],
    ),
    (
        "ws_fragments.pcap",
        "websocket.reassembled.length == 13",
        &[18],
    ),
    (
        "chat.pcap",
        "ws && frame.number < 14",
        &[4, 6, 8, 10, 11, 13],
    ),
    ("chat.pcap", "ws.type == message", &[8, 10, 11]),
    (
        "chat.pcap",
        "ws.connection == 1 && ws.from == server && websocket",
        &[8, 11, 14],
    ),
    (
        "chat.pcap",
        r#"ws.url == "ws://127.0.0.1:8080/chat" && ws.type != "tcp""#,
        &[4, 6, 8, 10, 11, 13, 14, 18],
    ),
    (
        "graphql.pcap",
        r#"ws.subprotocol == "graphql-transport-ws" && frame.number < 20"#,
        &[6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18],
    ),
    (
        "deflate.pcap",
        r#"ws.extension contains "permessage-deflate""#,
        &[6, 174],
    ),
    (
        "chat.pcap",
        "ws.upgrade == 1 && ws.upgrade.time < 2ms && ws.upgrade.accept_valid == 1",
        &[6],
    ),
    ("badaccept.pcap", "ws.upgrade.accept_valid == 0", &[6]),
    ("rejected.pcap", "ws.upgrade == 0", &[6, 16, 26]),
    ("chat.pcap", r#"ws.tcp.event == "established""#, &[3]),
    ("chat.pcap", "ws.handshake.time == 43us", &[3, 18]),
    ("ws_lengths.pcap", "ws.header_length == 14", &[206]),
    ("tcp_gap.pcap", "ws.missing > 0", &[10]),
    ("tcp_gap.pcap", "ws.complete == 0", &[10]),
    ("ws_ping_pong.pcap", "ws.rtt >= 1ms", &[10, 20]),
    ("ws_ping_pong.pcap", "ws.rtt", &[10, 14, 20, 26]),
    ("ws_ping_pong.pcap", "ws.pong.unsolicited", &[22]),
    (
        "ws_fragments.pcap",
        "ws.message && ws.message.opcode == Text && ws.message.frames > 1",
        &[18],
    ),
    (
        "deflate.pcap",
        "ws.message.length > ws.message.wire_length && ws.message.compressed == 1 && frame.number < 15",
        &[8, 9, 10, 11, 12, 13],
    ),
    ("badaccept.pcap", r#"ws.anomaly == "wrong-accept""#, &[6]),
    (
        "badaccept.pcap",
        r#"ws.anomaly.severity == "warning""#,
        &[6],
    ),
    (
        "badaccept.pcap",
        r#"ws.anomaly.reference contains "RFC 6455" && ws.anomaly.detail contains "mistyped""#,
        &[6],
    ),
    (
        "chat.pcap",
        r#"ws.close && ws.close.code == 1000 && ws.close.name == "Normal Closure" && ws.close.reason == "bye""#,
        &[13, 14, 18],
    ),
    (
        "chat.pcap",
        "ws.close.initiator == client && ws.close.clean == 1",
        &[18],
    ),
    (
        "chat.pcap",
        "ws.end == fin && ws.duration > 100ms && ws.frames == 5 && ws.messages == 3 && ws.bytes == 34 && ws.anomalies == 0",
        &[18],
    ),
    ("badaccept.pcap", "ws.anomalies == 2", &[10]),
];

/// What no capture has.
const UNSEEN: &[&str] = &[
    "http.content_encoding",
    "http.content_length_header",
    "http.cookie",
    "http.server",
    "http.set_cookie",
    "http.x_forwarded_for",
    "icmpv6",
];

#[test]
fn what_no_capture_has_is_read_from_events_that_are_made() {
    let names = UNSEEN.iter().filter_map(|name| name.strip_prefix("http."));
    let names = names.map(|name| name.trim_end_matches("_header"));
    let headers = names.map(|name| (name.replace('_', "-"), format!("of {name}")));
    let head = Head {
        line: RequestLine {
            method: "GET".to_owned(),
            target: "/".to_owned(),
        },
        minor_version: 1,
        headers: Headers(headers.collect()),
        wire_len: 0,
        bare_line_feed: false,
        truncated: false,
        malformed: None,
    };
    let end = ([127, 0, 0, 1], 80).into();
    let event = Event {
        at: Moment::default(),
        elapsed: 0,
        connection: Peers {
            number: 1,
            client: end,
            server: end,
        },
        packet: None,
        opening: OpeningFacts::default(),
        from: Direction::ClientToServer,
        kind: EventKind::Request(&head),
    };
    let icmp = OtherPacket {
        at: Moment::default(),
        elapsed: 0,
        other: Other {
            kind: OtherKind::Icmp,
            addresses: Some((Ipv6Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into())),
            ports: None,
        },
        wire_len: 70,
        captured_len: 60,
        since_previous: 0,
    };
    for name in UNSEEN {
        if let Some(header) = name.strip_prefix("http.") {
            let value = header.trim_end_matches("_header");
            let filter = Filter::parse(&format!("{name} == \"of {value}\""));
            assert!(filter.unwrap().matches(&event), "{name}");
        }
    }
    let is_true = |expression: &str| Filter::parse(expression).unwrap().matches(&event);
    assert!(is_true(
        "http.header.X-Forwarded-For and http.header.x_forwarded_for"
    ));
    // Of a packet that is not known nothing is there, and nothing is different.
    assert!(!is_true(
        "frame.len or tcp.flags or tcp.len != 5 or frame.time_delta"
    ));
    let is_true = |expression: &str| Filter::parse(expression).unwrap().matches_other(&icmp);
    assert!(is_true(
        "icmpv6 && !icmp && ipv6.addr == ::1 && !ip && !tcp && !ws"
    ));
    assert!(is_true(
        "frame.len == 70 && frame.cap_len == 60 && ws.type == packet"
    ));
}

#[test]
fn every_field_is_read_from_a_capture() {
    let mut unread: BTreeSet<&str> = fields().map(|field| field.name).collect();
    for (capture, expression, expected) in FIELDS {
        assert_eq!(
            packets(capture, expression),
            *expected,
            "{capture}: {expression}"
        );
        for word in expression.split(|c: char| !c.is_alphanumeric() && !"._".contains(c)) {
            unread.remove(word);
        }
    }
    assert_eq!(unread, UNSEEN.iter().copied().collect());
}

proptest! {
    #[test]
    fn no_expression_panics(expression in ".{0,60}") {
        if let Err(error) = Filter::parse(&expression) {
            let _ = error.to_string();
        }
    }

    #[test]
    fn no_row_of_words_panics(words in proptest::collection::vec(0_usize..WORDS.len(), 0..20)) {
        let words: Vec<_> = words.into_iter().map(|at| WORDS[at]).collect();
        let expression = words.concat();
        match Filter::parse(&expression) {
            Ok(filter) => {
                let _ = format!("{filter:?}");
            }
            Err(error) => {
                let span = error.span();
                prop_assert!(span.end <= expression.len());
                prop_assert!(expression.is_char_boundary(span.start));
                let _ = error.to_string();
            }
        }
    }
}

/// Pieces that make expressions, and such as nearly are.
const WORDS: [&str; 44] = [
    "tcp",
    "tcp.port",
    "websocket.payload",
    "websocket.payload.text",
    "ip.addr",
    "ws.json.a",
    "http.header.x",
    "ws.json",
    "frame.time",
    " == ",
    " != ",
    " < ",
    "===",
    " contains ",
    " matches ",
    " in ",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "[0:4]",
    "[1]",
    "[-1:]",
    "..",
    ",",
    "&",
    " & ",
    " and ",
    " or ",
    " not ",
    "!",
    "len(",
    "lower(",
    "count(",
    "\"",
    "\"a\"",
    "r\"",
    "'x'",
    "5",
    "10.0.0.0/8",
    "ü",
    "\\",
];

#[test]
fn what_is_nested_too_deep_is_refused_and_what_is_long_is_not() {
    for (open, middle, close) in [
        ("(", "tcp", ")"),
        ("len(", "tcp.port", ")"),
        ("", "ws.json.a", "[0:1]"),
        ("", "tcp.flags", " & 1"),
        ("!(", "tcp", ")"),
    ] {
        let nested = |levels| format!("{}{middle}{}", open.repeat(levels), close.repeat(levels));
        let error = Filter::parse(&nested(100_000)).unwrap_err();
        assert!(
            error.problem() == "more than 100 levels inside each other",
            "{}",
            error.problem()
        );
    }
    for long in [
        vec!["tcp"; 100_000].join(" and "),
        vec!["tcp.port == 1"; 100_000].join(" || "),
        format!("{}tcp", "!".repeat(100_000)),
        format!("tcp.port in {{{}}}", vec!["1..2"; 100_000].join(",")),
        format!("tcp.port{}", " < tcp.port".repeat(100_000)),
    ] {
        assert!(Filter::parse(&long).is_ok());
    }
}

//! Filters against real captures: expression in, packets out.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::capture;
use crate::event::EventSink;
use crate::{Analyzer, Config};

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

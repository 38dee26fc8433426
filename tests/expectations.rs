//! Expectations over real captures: what is known of each, in numbers.

// A test that cannot go on has failed.
#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc)]

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use wsdump::anomaly::Rule;
use wsdump::check::{Expectation, ExpectationNames, Verdict};
use wsdump::event::{
    CloseReport, ConnectionReport, Event, EventKind, EventSink, OpeningFacts, Peers, UpgradeOutcome,
};
use wsdump::flow::{Direction, TcpEnd};
use wsdump::report::Figures;
use wsdump::time::{Moment, Timestamp};
use wsdump::ws::CloseCode;
use wsdump::{Analyzer, Config, Summary, capture};

/// What a capture comes to.
fn figures(name: &str) -> (Figures, Summary) {
    let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut source = capture::open(path.as_ref()).unwrap_or_else(|error| panic!("{error}"));
    let mut analyzer = Analyzer::new(Config::default());
    let mut figures = Figures::default();
    while let Ok(Some(packet)) = source.next_packet() {
        analyzer.push(&packet, &mut figures);
    }
    analyzer.finish(&mut figures);
    (figures, analyzer.summary())
}

fn parse(expression: &str) -> Expectation {
    Expectation::parse(expression).unwrap_or_else(|error| panic!("{error}"))
}

/// Judges a table of captures with expectations, one capture after the other.
fn judge(table: &[(&str, &[&str])], verdict: &Verdict) {
    for (capture, expressions) in table {
        let (figures, summary) = figures(capture);
        for expression in *expressions {
            let expectation = parse(expression);
            assert_eq!(
                expectation.judge(&figures, &summary),
                *verdict,
                "{capture}: {expression}: {:?}",
                expectation.values(&figures, &summary)
            );
        }
    }
}

fn unanswered(names: &[&str]) -> Verdict {
    Verdict::Unanswered(names.iter().map(|&name| name.to_owned()).collect())
}

/// The true value of every name, as the expected output in `testdata/expected/` tells it.
const TRUE: &[(&str, &[&str])] = &[
    (
        "chat.pcap",
        &[
            "packets == 18",
            "bytes == 1542",
            "tcp.connections == 1",
            "tls.connections == 0",
            "connections == 1 and connections.upgraded == 1 and connections.refused == 0",
            "connections.clean == 1 and connections.fin == 1 and connections.rst == 0",
            "messages == 3 and messages.client == 1 and messages.server == 2",
            "messages.text == 3 and messages.binary == 0 and messages.incomplete == 0",
            "frames == 5 and frames.client == 2 and frames.server == 3",
            "payload.bytes == 34 and payload.bytes.client == 10 and payload.bytes.server == 24",
            "closes == 2 and closes.client == 1 and closes.server == 1",
            "pings == 0 and pongs == 0",
            r#"url == "ws://127.0.0.1:8080/chat""#,
            "target == /chat",
            "status == 101",
            "close.code == 1000",
            r#"close.code == "Normal Closure""#,
            "close.code in {1000, 1001} and close.code not in {1002..1015}",
            "close.reason == bye",
            "close.initiator == client",
            "close.clean == true",
            "end == fin",
            "handshake.max_ms == 0.043 and handshake.max_ms < 50 and handshake.max_ms == 43us",
            "upgrade.max_ms == 1.834",
            "duration.max_ms == 108.738 and duration.min_ms > 100ms and duration.max_ms < 1s",
            "message.max_length == 10 and message.min_length == 5",
            "anomalies == 0 and anomalies.error == 0 and anomalies.wrong-accept == 0",
            "missing.bytes == 0 and retransmissions == 0",
        ],
    ),
    (
        "other_tls.pcap",
        &[
            "tls.connections == 1 and tcp.connections == 1 and connections == 0",
            "packets == 14",
        ],
    ),
    ("other_no_packets.pcap", &["packets == 0 and bytes == 0"]),
    (
        "many.pcap.gz",
        &[
            "packets == 3453",
            "connections == 30 and connections.upgraded == 30",
            // 5 more ended with FIN, and no Close before.
            "connections.clean == 20 and connections.fin == 25",
            "connections.rst == 5 and connections.open == 0",
            "messages.client == 60 and messages.server == 1800 and messages.text == 1860",
            "closes == 40 and closes.client == 20 and closes.server == 20",
            "pings == 7 and pongs == 7",
            "handshake.min_ms == 0.021 and handshake.max_ms == 0.595",
            r#"target matches "^/room/[0-4]$""#,
            "any close.code == 1001 and any close.code == 1000",
            r#"any close.reason == "left""#,
            "count(close.code) == 20",
            "any subprotocol == chat",
        ],
    ),
    (
        "http_no_response.pcap",
        &[
            "connections == 4 and connections.unanswered == 4",
            "connections.open == 1 and connections.rst == 1 and connections.fin == 2",
            "connections.clean == 0",
            "any end == open and any end == rst",
            "anomalies.warning == 3 and anomalies.unanswered-upgrade == 3",
        ],
    ),
    (
        "http_refused.pcap",
        &[
            "connections == 7 and connections.refused == 7 and connections.upgraded == 0",
            "status in {200, 302, 400, 401, 403, 426, 503}",
            "status != 101",
            r#"url == "ws://chat.example/chat""#,
        ],
    ),
    (
        "rejected.pcap",
        &[
            "connections == 5 and connections.refused == 3",
            "connections.unanswered == 1 and connections.upgraded == 1",
            "count(status) == 4",
            // The one that was upgraded closed without a code.
            r#"not close.code and close.reason == """#,
        ],
    ),
    (
        "ws_close_endings.pcap",
        &[
            "connections == 7 and connections.fin == 7 and connections.clean == 5",
            "messages.client == 2 and messages.server == 2",
            "closes == 12 and closes.client == 7 and closes.server == 5",
            "count(close.clean) == 6 and any close.clean == false",
            "any close.initiator == server and any close.initiator == client",
            "anomalies.error == 2 and anomalies.data-after-close == 2",
        ],
    ),
    (
        "ws_ping_pong.pcap",
        &[
            "pings == 6 and pings.client == 2 and pings.server == 4",
            "pongs == 5 and pongs.client == 2 and pongs.server == 3",
            "frames.client == 5 and frames.server == 8",
            "rtt.max_ms == 30.5 and rtt.min_ms == 0.5 and rtt.median_ms == 0.5",
            "rtt.p99_ms == 30.5",
        ],
    ),
    (
        "graphql.pcap",
        &[
            "subprotocol == graphql-transport-ws",
            "handshake.max_ms == 0.031 and handshake.min_ms == 0.019",
            "handshake.median_ms == 0.019 and handshake.p99_ms == 31us",
            "upgrade.max_ms == 1.204 and upgrade.min_ms == 0.224",
            "upgrade.median_ms == 0.295 and upgrade.p99_ms == 1204us",
            "duration.max_ms == 86.611 and duration.min_ms == 3.473",
            "duration.median_ms == 9.851 and duration.p99_ms == 86.611",
        ],
    ),
    (
        "deflate_mixed.pcap",
        &[
            "messages == 6 and messages.compressed == 4",
            "messages.text == 5 and messages.binary == 1",
            // 75 bytes for 168.
            "compression.percent > 44.64 and compression.percent < 44.65",
            "message.max_length == 56 and message.min_length == 0",
            "extension == permessage-deflate",
        ],
    ),
    (
        "deflate_lost_message.pcap",
        &[
            "messages.compressed == 3 and messages.incomplete == 2",
            "anomalies.note == 3 and anomalies == 3 and anomalies.history-missing == 1",
        ],
    ),
    (
        "badaccept.pcap",
        &[
            "anomalies.error == 1 and anomalies.warning == 1 and anomalies.note == 0",
            "anomalies.wrong-accept == 1 and anomalies.bare-line-feed == 1",
        ],
    ),
    (
        "tcp_gap.pcap",
        &["missing.bytes == 1000 and messages.incomplete == 1 and frames.server == 4"],
    ),
    (
        "tcp_retransmission.pcap",
        // Of 17 segments with data.
        &[
            "retransmissions == 4 and retransmissions.percent > 23.5 and retransmissions.percent < 23.6",
        ],
    ),
];

#[test]
fn every_name_has_the_value_that_the_capture_shows() {
    judge(TRUE, &Verdict::Holds);
    let list = ExpectationNames.to_string();
    let names = list.lines().filter_map(|line| line.split(' ').next());
    let mut untested: BTreeSet<&str> = names.collect();
    assert!(untested.remove("anomalies.RULE"));
    for expression in TRUE.iter().flat_map(|(_, expressions)| *expressions) {
        for word in expression.split(|c: char| !c.is_alphanumeric() && !"._-".contains(c)) {
            untested.remove(word);
        }
    }
    assert_eq!(untested, BTreeSet::new());
}

#[test]
fn a_comparison_has_to_hold_for_every_value_unless_any_stands_in_front() {
    let fails: &[(&str, &[&str])] = &[
        (
            "chat.pcap",
            &["connections == 2", "connections != 1", "not messages == 3"],
        ),
        (
            // 20 connections were closed with 1000 or 1001, some of them with the reason "left".
            "many.pcap.gz",
            &[
                "close.code == 1000",
                "close.code != 1000",
                "close.code < 1001",
                "close.code in {1001}",
                "close.code not in {1001}",
                "all close.code === 1000",
                "close.code all_ne 1001",
                r#"close.reason contains "left""#,
                r#"close.reason matches "left""#,
                r#"target == "/room/1""#,
                "target[6:1] == 3",
                "all end == fin",
            ],
        ),
    ];
    judge(fails, &Verdict::Fails);
    let holds: &[(&str, &[&str])] = &[(
        "many.pcap.gz",
        &[
            "any close.code == 1000",
            "any close.code != 1000",
            "close.code any_eq 1000",
            "close.code ~= 1000",
            "any close.code < 1001",
            "any close.code in {1001}",
            "any close.code not in {1001}",
            r#"any close.reason contains "left""#,
            r#"any target == "/room/1""#,
            "not end == fin",
            "end in {fin, rst}",
            "end not in {open}",
            r#"len(target) == 7 and lower(target) matches "^/ROOM/.$""#,
            r#"target[0:6] == "/room/""#,
            "connections.rst < connections.fin <= connections < messages",
            "messages.client != messages.server",
        ],
    )];
    judge(holds, &Verdict::Holds);
}

#[test]
fn what_the_capture_does_not_tell_is_no_pass_unless_the_rest_decides() {
    let table: &[(&str, &str, &[&str])] = &[
        ("chat.pcap", "rtt.max_ms < 50", &["rtt.max_ms"]),
        ("chat.pcap", "not rtt.max_ms < 50", &["rtt.max_ms"]),
        ("chat.pcap", "subprotocol != chat", &["subprotocol"]),
        (
            "chat.pcap",
            "connections == 1 and compression.percent < 50",
            &["compression.percent"],
        ),
        (
            "chat.pcap",
            "connections == 2 or extension == x or not rtt.min_ms > 1",
            &["extension", "rtt.min_ms"],
        ),
        (
            "chat.pcap",
            "handshake.max_ms < rtt.max_ms and rtt.max_ms < 1s",
            &["rtt.max_ms"],
        ),
        // Too short for the slice.
        ("chat.pcap", "close.reason[0:9] != x", &["close.reason"]),
        (
            "chat.pcap",
            "anomalies.no-close == 0",
            &["anomalies.no-close"],
        ),
        (
            "other_no_packets.pcap",
            "close.code == 1000",
            &["close.code"],
        ),
        ("other_no_packets.pcap", "status == 101", &["status"]),
        // 10 connections have no Close, 14 no subprotocol.
        (
            "many.pcap.gz",
            "close.code in {1000, 1001}",
            &["close.code"],
        ),
        ("many.pcap.gz", "any close.code == 1002", &["close.code"]),
        (
            "many.pcap.gz",
            "subprotocol == chat and close.code < 2000",
            &["subprotocol", "close.code"],
        ),
        (
            "deflate_lost_message.pcap",
            "message.max_length < 100",
            &["message.max_length"],
        ),
    ];
    for (capture, expression, names) in table {
        judge(&[(capture, &[expression])], &unanswered(names));
    }
    let holds: &[(&str, &[&str])] = &[
        (
            "chat.pcap",
            &[
                "connections == 1 or rtt.max_ms < 50",
                "rtt.max_ms < 50 or connections == 1",
                "not (connections == 2 and rtt.max_ms < 50)",
                "not rtt.max_ms or rtt.max_ms < 50",
                "close.code and not subprotocol and not extension",
                "count(rtt.max_ms) == 0 and count(subprotocol) == 0",
            ],
        ),
        (
            "other_no_packets.pcap",
            &["connections == 0 or close.code == 1000", "not close.code"],
        ),
    ];
    judge(holds, &Verdict::Holds);
    let fails: &[(&str, &[&str])] = &[(
        "chat.pcap",
        &[
            "connections == 2 and rtt.max_ms < 50",
            "rtt.max_ms < 50 and connections == 2",
            "rtt.max_ms",
            "not (connections == 1 or rtt.max_ms < 50)",
        ],
    )];
    judge(fails, &Verdict::Fails);
}

#[test]
fn rules_of_the_check_are_known_once_its_findings_are() {
    let (mut figures, summary) = figures("badaccept.pcap");
    let judge = |figures: &Figures, expression: &str| parse(expression).judge(figures, &summary);
    assert_eq!(
        judge(&figures, "anomalies.no-close == 0"),
        unanswered(&["anomalies.no-close"])
    );
    // The second was told as an event, and is not counted twice.
    figures.add_findings([(Rule::NoClose, 1), (Rule::WrongAccept, 1)]);
    for expression in [
        "anomalies.no-close == 1 and anomalies.unanswered-ping == 0",
        "anomalies.wrong-accept == 1",
        "anomalies == 3 and anomalies.warning == 2 and anomalies.error == 1",
    ] {
        assert_eq!(judge(&figures, expression), Verdict::Holds, "{expression}");
    }
}

#[test]
fn the_values_of_each_name_are_said_once_and_shortly() {
    let table: &[(&str, &str, &[&str])] = &[
        (
            "chat.pcap",
            "messages == 4 and close.clean == false or messages.client > 3",
            &[
                "messages is 3",
                "close.clean is true",
                "messages.client is 1",
            ],
        ),
        (
            "chat.pcap",
            "handshake.max_ms > 1 and url == x and rtt.max_ms < 1",
            &[
                "handshake.max_ms is 0.043",
                r#"url is "ws://127.0.0.1:8080/chat""#,
                "rtt.max_ms has no value",
            ],
        ),
        (
            "many.pcap.gz",
            "count(close.code) == 30 and not end == fin",
            &["count(close.code) is 20", r#"end is "rst", "fin""#],
        ),
        (
            "rejected.pcap",
            "status == 101 and close.code == 1000",
            &[
                "status is 401, 404, 302, 101; 1 connection has none",
                "close.code has no value",
            ],
        ),
        (
            "deflate_mixed.pcap",
            "compression.percent < 30 and len(extension) > 99",
            &[
                "compression.percent is 44.642857",
                r#"extension is "permessage-deflate""#,
            ],
        ),
    ];
    for (capture, expression, expected) in table {
        let (figures, summary) = figures(capture);
        let values = parse(expression).values(&figures, &summary);
        assert_eq!(values, *expected, "{capture}: {expression}");
    }
}

/// Figures of connections that are over, the first closed with the first code.
fn closed_with(codes: impl IntoIterator<Item = u16>, url: &str) -> Figures {
    let mut figures = Figures::default();
    let end = ([127, 0, 0, 1], 80).into();
    for (number, code) in (1..).zip(codes) {
        let report = ConnectionReport {
            start: Timestamp(0),
            duration: Duration::ZERO,
            handshake: None,
            upgrade: None,
            url: Some(url.to_owned()),
            outcome: UpgradeOutcome::Upgraded,
            subprotocol: None,
            extensions: Vec::new(),
            totals: Default::default(),
            close: Some(CloseReport {
                code: Some(CloseCode(code)),
                reason: String::new(),
                initiator: Direction::ClientToServer,
                clean: true,
            }),
            tcp_end: TcpEnd::Fin,
            anomalies: 0,
        };
        figures.event(&Event {
            at: Moment::default(),
            elapsed: 0,
            connection: Peers {
                number,
                client: end,
                server: end,
            },
            packet: None,
            opening: OpeningFacts::default(),
            from: Direction::ClientToServer,
            kind: EventKind::Connection(&report),
        });
    }
    figures
}

#[test]
fn connections_beyond_the_limit_are_counted_and_their_values_not_known() {
    let many = u16::try_from(Figures::MAX_CONNECTIONS).unwrap();
    let codes = || (0..=many).map(|at| if at == 5 { 1001 } else { 1000 });
    let figures = closed_with(codes(), "ws://host/");
    let judge = |expression| parse(expression).judge(&figures, &Summary::default());
    let unknown = unanswered(&["close.code"]);
    for (expression, verdict) in [
        (
            "connections == 10001 and connections.clean == 10001",
            &Verdict::Holds,
        ),
        ("close.code in {1000, 1001}", &unknown),
        ("close.code == 1000", &Verdict::Fails),
        ("any close.code == 1001", &Verdict::Holds),
        ("any close.code == 1002", &unknown),
        ("count(close.code) == 10000", &unknown),
        ("close.code", &Verdict::Holds),
        ("not subprotocol", &unanswered(&["subprotocol"])),
    ] {
        assert_eq!(judge(expression), *verdict, "{expression}");
    }
    assert_eq!(
        parse("close.code == 1").values(&figures, &Summary::default()),
        ["close.code is 1000, 1001; 1 more connection was not looked at"]
    );
}

#[test]
fn long_texts_take_no_more_than_the_limit_and_are_shown_in_part() {
    let url = format!("ws://host/{}", "a".repeat(60_000));
    let figures = closed_with((0..1000).map(|_| 1000), &url);
    let kept = figures.reports().len();
    assert_eq!(kept, Figures::MAX_TEXT_BYTES / url.len());
    assert_eq!(figures.left_out(), 1000 - kept as u64);
    let values = parse("url == x").values(&figures, &Summary::default());
    assert_eq!(values.len(), 1);
    assert!(values[0].len() < 200, "{}", values[0]);
}

#[test]
fn of_many_values_ten_are_shown() {
    let figures = closed_with(1000..1030, "ws://host/");
    let values = parse("close.code == 1000").values(&figures, &Summary::default());
    let shown: Vec<_> = (1000..1010).map(|code| code.to_string()).collect();
    let expected = format!("close.code is {}, … and 20 more", shown.join(", "));
    assert_eq!(values, [expected]);
}

/// The figures agree with what the analyzer counts, in every capture.
#[test]
fn figures_agree_with_the_summary() {
    let testdata = format!("{}/testdata", env!("CARGO_MANIFEST_DIR"));
    let mut captures = 0;
    for entry in std::fs::read_dir(testdata).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
        if !name.contains(".pcap") || capture::open(path.as_ref()).is_err() {
            continue;
        }
        captures += 1;
        let (figures, summary) = figures(&name);
        let ends = figures.ends();
        let [client, server] = figures.totals();
        let anomalies: u64 = figures.anomalies().map(|(_, count)| count).sum();
        let upgrades = figures.upgrades();
        assert_eq!(upgrades.connections(), summary.connections, "{name}");
        assert_eq!(
            ends.fin + ends.rst + ends.open,
            summary.connections,
            "{name}"
        );
        assert_eq!(
            client.messages + server.messages,
            summary.messages,
            "{name}"
        );
        assert_eq!(anomalies, summary.anomalies, "{name}");
        assert_eq!(
            figures.reports().len() as u64,
            summary.connections,
            "{name}"
        );
    }
    assert!(captures > 100);
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_with_what_may_help() {
    // Each is followed by an empty line; its second line is the expectation.
    let expected = include_str!("expectation_errors.txt");
    let said = expected.split("\n\n").map(|error| {
        let expression = error.lines().nth(1).unwrap_or_default().trim();
        let error = Expectation::parse(expression).err();
        error.map_or(format!("{expression} is right"), |error| error.to_string())
    });
    let got = said.collect::<Vec<_>>().join("\n\n");
    assert_eq!(got.trim_end(), expected.trim_end());
}

#[test]
fn an_empty_expectation_is_an_error() {
    for expression in ["", "  ", "\t\n"] {
        let error = Expectation::parse(expression).unwrap_err();
        assert_eq!(error.problem(), "the expectation is empty");
        assert!(error.to_string().contains("connections == 1"));
    }
}

proptest! {
    #[test]
    fn no_expression_panics(expression in ".{0,60}") {
        if let Err(error) = Expectation::parse(&expression) {
            let _ = error.to_string();
        }
    }

    #[test]
    fn no_row_of_words_panics(words in proptest::collection::vec(0_usize..WORDS.len(), 0..20)) {
        let words: Vec<_> = words.into_iter().map(|at| WORDS[at]).collect();
        let expression = words.concat();
        match Expectation::parse(&expression) {
            Ok(expectation) => {
                let figures = closed_with([1000, 1001], "ws://host/");
                let verdict = expectation.judge(&figures, &Summary::default());
                prop_assert!(verdict != Verdict::Unanswered(Vec::new()));
                prop_assert!(!expectation.values(&figures, &Summary::default()).is_empty());
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
    "connections",
    "close.code",
    "close.reason",
    "close.clean",
    "handshake.max_ms",
    "compression.percent",
    "anomalies.wrong-accept",
    "anomalies.no-close",
    "anomalies.",
    "tcp.port",
    " == ",
    " != ",
    " < ",
    "===",
    " contains ",
    " matches ",
    " in ",
    " any ",
    "all ",
    "{",
    "}",
    "(",
    ")",
    "[0:4]",
    "[-1:]",
    "..",
    ",",
    " & ",
    " and ",
    " or ",
    " not ",
    "!",
    "len(",
    "lower(",
    "count(",
    "\"a\"",
    "r\"",
    "'x'",
    "5",
    "0.5ms",
    "37.5",
    "bye",
    "ü",
    "\\",
];

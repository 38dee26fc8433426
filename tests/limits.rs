//! Every limit can be set by its name, and reaching it is said.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, unreachable_pub)]
#[path = "support/cli.rs"]
mod cli;
mod support;

use std::io;

use cli::{Folder, wsdump};
use support::packet::{Header, ethernet};
use support::{
    Captured, Client, Deflater, Lines, Server, Tcp, Trace, Upgrade, binary, limited, pairs, ping,
    tell_with, text,
};
use wsdump::event::{Event, EventKind};
use wsdump::limits::{Limit, LimitSetting};
use wsdump::report::{Json, Ordered, Selection, View, limits_reached};
use wsdump::{Analyzer, Limits};

/// A limit, traffic that reaches it, and what is said then: the start of a closing line, or
/// the name of a rule.
struct Case {
    setting: &'static str,
    traffic: fn() -> Trace,
    said: &'static str,
}

/// Every limit but those that concern no analysis: see the tests below.
const CASES: &[Case] = &[
    Case {
        setting: "connections=1",
        traffic: two_connections,
        said: "1 connection was given up because too many were open",
    },
    Case {
        setting: "memory=1M",
        traffic: large_message,
        said: "1 connection was given up because memory was full",
    },
    Case {
        setting: "idle=1s",
        traffic: two_connections_an_hour_apart,
        said: "1 connection was forgotten after too long without a packet",
    },
    Case {
        setting: "out-of-order-bytes=1K",
        traffic: segments_behind_a_gap,
        said: "out-of-order-limit",
    },
    Case {
        setting: "unacknowledged-bytes=1K",
        traffic: sent_again_late,
        said: "1 segment was sent again too late to be compared",
    },
    Case {
        setting: "head-bytes=256",
        traffic: long_head,
        said: "1 connection was not followed because of an HTTP head that was too long",
    },
    Case {
        setting: "early-bytes=1K",
        traffic: early_frames,
        said: "1 answer to an upgrade was taken as lost because too much came before it",
    },
    Case {
        setting: "inflated-bytes=100K",
        traffic: zeros,
        said: "inflated-limit",
    },
    Case {
        setting: "inflated-ratio=100",
        traffic: zeros,
        said: "inflated-limit",
    },
    Case {
        setting: "opening-events=8",
        traffic: long_opening,
        said: "15 events were left out of openings that were too long",
    },
    Case {
        setting: "pending-pings=2",
        traffic: pings,
        said: "3 Pings were forgotten because too many had no Pong",
    },
    Case {
        setting: "search-bytes=1K",
        traffic: another_protocol,
        said: "1 connection was taken for another protocol because no frame was found",
    },
    Case {
        setting: "ip-datagrams=2",
        traffic: fragments,
        said: "3 IP datagrams were given up because too many fragments waited",
    },
    Case {
        setting: "ip-fragment-bytes=1K",
        traffic: fragments,
        said: "4 IP datagrams were given up because too many fragments waited",
    },
];

fn with(setting: &str) -> Limits {
    let setting: LimitSetting = setting.parse().unwrap();
    let mut limits = Limits::default();
    setting.apply(&mut limits);
    limits
}

fn told(trace: &Trace, limits: Limits) -> Lines {
    tell_with(trace, limited(limits))
}

/// All that is said of limits, and of rules.
fn said(lines: &Lines) -> Vec<String> {
    let rules = lines.rules().into_iter().map(str::to_owned);
    limits_reached(&lines.summary)
        .into_iter()
        .chain(rules)
        .collect()
}

#[test]
fn reaching_a_limit_is_said_and_only_then() {
    for case in CASES {
        let trace = (case.traffic)();
        let has = |limits| {
            let said = said(&told(&trace, limits));
            (said.iter().any(|line| line.starts_with(case.said)), said)
        };
        let (is_said, lines) = has(with(case.setting));
        assert!(is_said, "{}: {lines:?}", case.setting);
        let (is_said, lines) = has(Limits::default());
        assert!(!is_said, "{} is not set: {lines:?}", case.setting);
    }
}

#[test]
fn each_limit_has_a_case() {
    // Tests of their own: what is kept of a message, fragments by age and length, and rows.
    let own = [
        "message-bytes",
        "ip-fragment-time",
        "ip-datagram-length",
        "row-bytes",
    ];
    for limit in Limit::ALL {
        let has_case = CASES
            .iter()
            .any(|case| case.setting.split('=').next() == Some(limit.name));
        assert!(has_case != own.contains(&limit.name), "{limit:?}");
    }
}

#[test]
fn a_message_that_is_not_kept_whole_says_so() {
    let mut tcp = Tcp::upgraded();
    tcp.frames(Server, &[text("hello")]);
    for (setting, expected) in [
        ("message-bytes=3", (3, true)),
        ("message-bytes=5", (5, false)),
    ] {
        let mut found = None;
        let mut sink = |event: &Event<'_>| {
            if let EventKind::Message { message } = event.kind {
                found = Some((message.payload.len(), message.is_truncated()));
                assert_eq!(message.length, 5);
            }
        };
        let mut analyzer = Analyzer::new(limited(with(setting)));
        for packet in &tcp.trace {
            analyzer.push(&packet.packet(), &mut sink);
        }
        assert_eq!(found, Some(expected), "{setting}");
    }
}

#[test]
fn fragments_that_wait_too_long_are_counted_and_one_that_is_too_long_is_malformed() {
    let mut trace = fragments();
    for (number, packet) in (0..).zip(&mut trace) {
        packet.time += number * 2_000_000_000;
    }
    let summary = told(&trace, with("ip-fragment-time=1s")).summary;
    assert_eq!(
        (summary.fragments_dropped, summary.fragments_over_limit),
        (5, 0)
    );
    let summary = told(&trace, with("ip-datagram-length=512")).summary;
    assert_eq!(summary.malformed_packets, 5);
}

#[test]
fn rows_that_come_late_are_counted() -> io::Result<()> {
    // The request of the first connection comes when all of the second was said.
    let mut first = Tcp::connected();
    let mut second = Tcp::connected();
    second.ends[0].set_port(50_001);
    for packet in &mut second.trace {
        packet.data[34..36].copy_from_slice(&50_001_u16.to_be_bytes());
    }
    second
        .upgrade(&Upgrade::new())
        .frames(Server, &[text("hello")]);
    let mut trace = first.trace.clone();
    trace.append(&mut second.trace);
    first.trace.clear();
    first.upgrade(&Upgrade::new());
    trace.append(&mut first.trace);
    for (setting, expected) in [
        ("row-bytes=100", Some("3 rows come after later ones")),
        ("row-bytes=1M", None),
    ] {
        let limits = with(setting);
        let rows = Ordered::new(Json::new(), Selection::default());
        let mut rows = rows.with_max_pending(limits.max_pending_row_bytes);
        let mut out = Vec::new();
        let mut analyzer = Analyzer::new(limited(limits));
        for packet in &trace {
            analyzer.push(&packet.packet(), &mut rows);
            rows.release(analyzer.undecided_from(), &mut out)?;
        }
        analyzer.finish(&mut rows);
        rows.finish(&analyzer.summary(), &mut out)?;
        let line = rows.closing_line();
        let start = line
            .as_deref()
            .map(|line| &line[..expected.map_or(0, str::len)]);
        assert_eq!(start, expected, "{setting}");
    }
    Ok(())
}

#[test]
fn limits_are_listed_with_all_there_is_to_say() {
    let run = wsdump("--limits");
    assert_eq!((run.code, &*run.stderr), (0, ""));
    for limit in Limit::ALL {
        let default = format!("default {}", limit.default_value());
        for text in [limit.name, &default, &limit.range()] {
            assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
        }
    }
}

#[test]
fn check_and_diff_take_limits_and_say_when_one_is_reached() {
    let expected = "many.pcap: 1 connection was given up because too many were open";
    let folder = Folder::new();
    folder.write("many.pcap", pairs::pcap(&two_connections()));
    let run = folder.run(&[
        "check",
        "--no-settings",
        "--limit",
        "connections=1",
        "many.pcap",
    ]);
    assert!(run.stderr.contains(expected), "{run:?}");
    let run = folder.run(&["diff", "--limit", "connections=1", "many.pcap", "many.pcap"]);
    assert!(run.stderr.contains(expected), "{run:?}");
}

#[test]
fn a_typed_limit_is_stronger_than_the_option_for_the_same() {
    let run = wsdump("--max-memory 512 --limit memory=1M --json deflate_bomb_large.pcap");
    assert!(run.stderr.contains("memory was full"), "{}", run.stderr);
    let run = wsdump("--json --limit message-bytes=3 chat.pcap");
    assert!(run.stdout.contains("\"truncated_at\":3"), "{}", run.stdout);
    assert!(wsdump("--max-memory 1G chat.pcap").code == 0);
}

fn connection(port: u16) -> Tcp {
    let mut tcp = Tcp::default();
    tcp.ends[0].set_port(port);
    tcp.handshake().upgrade(&Upgrade::new());
    tcp
}

fn two_connections() -> Trace {
    let mut first = connection(50_001);
    first.trace.append(&mut connection(50_002).trace);
    first.trace
}

fn two_connections_an_hour_apart() -> Trace {
    let mut trace = connection(50_001).trace;
    let mut second = connection(50_002).trace;
    for packet in &mut second {
        packet.time += 3_600_000_000_000;
    }
    trace.append(&mut second);
    trace
}

fn large_message() -> Trace {
    let mut tcp = Tcp::upgraded();
    let bytes = tcp.encode(Server, &[binary(vec![7; 2 << 20]).more()]);
    tcp.send_cut(Server, &bytes, 1_400);
    tcp.trace
}

fn segments_behind_a_gap() -> Trace {
    let mut tcp = Tcp::upgraded();
    let bytes = tcp.encode(Server, &[binary([7; 2_000])]);
    tcp.lose(Server, b"a").send_cut(Server, &bytes, 500);
    tcp.trace
}

fn sent_again_late() -> Trace {
    let mut tcp = Tcp::upgraded();
    let start = tcp.sent[1].cast_signed();
    let bytes = tcp.encode(Server, &[binary([7; 4_000])]);
    // Nobody acknowledges it.
    tcp.send_cut(Server, &bytes, 1_000);
    tcp.at(Server, start, &bytes[..10]);
    tcp.trace
}

fn long_head() -> Trace {
    Tcp::with(&Upgrade::new().asking("Cookie", &"x".repeat(300))).trace
}

fn early_frames() -> Trace {
    let mut tcp = Tcp::connected();
    tcp.send(Client, &Upgrade::new().request());
    tcp.frames(Client, &[binary([7; 2_000])]);
    tcp.send(Server, &Upgrade::new().response());
    tcp.trace
}

fn zeros() -> Trace {
    let mut tcp = Tcp::with(&Upgrade::deflate(""));
    let payload = Deflater::new(true).message(vec![0; 200_000]);
    tcp.frames(Server, &[binary(payload).compressed()]);
    tcp.trace
}

fn long_opening() -> Trace {
    let mut tcp = Tcp::connected();
    for _ in 0..10 {
        tcp.send(Client, b"GET / HTTP/1.1\r\nHost: server\r\n\r\n");
        tcp.send(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    tcp.upgrade(&Upgrade::new());
    tcp.trace
}

fn pings() -> Trace {
    let mut tcp = Tcp::upgraded();
    for number in 0..5 {
        tcp.frames(Server, &[ping([number])]);
    }
    tcp.trace
}

fn another_protocol() -> Trace {
    let mut tcp = Tcp::default();
    let bytes: Vec<u8> = (0..4_000_u32)
        .map(|n| ((n * n) >> 3).to_be_bytes()[3] | 0x30)
        .collect();
    tcp.send_cut(Server, &bytes, 500).ack(Client);
    tcp.trace
}

/// The first fragments of five datagrams, 800 bytes each.
fn fragments() -> Trace {
    let tcp = Tcp::default();
    let of = |number: u16| {
        let mut data = ethernet(
            &Header {
                source: tcp.ends[0],
                destination: tcp.ends[1],
                ip_id: number,
                seq: 0,
                ack: 0,
                flags: support::packet::ACK,
                window: 0,
                payload: &[7; 780],
            },
            &[],
        );
        // More fragments follow.
        data[20] = 0x20;
        Captured::ethernet(tcp.now + u64::from(number), data)
    };
    (0..5).map(of).collect()
}

/// The row that `SECURITY.md` has for a limit.
fn documented(limit: &Limit) -> String {
    let (name, default, range) = (limit.name, limit.default_value(), limit.range());
    let (bounds, reason, reached) = (limit.bounds, limit.reason, limit.reached);
    format!("| `{name}` | {default} | {range} | {bounds} {reason} | {reached} |")
}

#[test]
fn limits_are_documented_as_they_are() {
    let text = include_str!("../SECURITY.md");
    let section = text.split("\n## ").find(|part| part.starts_with("Limits"));
    let rows = section.unwrap_or_default().lines();
    let rows: Vec<_> = rows
        .filter(|line| line.starts_with("| `"))
        .take(Limit::ALL.len())
        .collect();
    let expected: Vec<_> = Limit::ALL.iter().map(documented).collect();
    assert_eq!(
        rows,
        expected,
        "the table should be\n{}",
        expected.join("\n")
    );
}

//! The built program, as a user meets it: arguments, captures, output, exit status.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

#[path = "support/cli.rs"]
#[allow(dead_code)] // Other parts of it are for other tests.
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use support::{
    Folder, Run, all_fields, captures, check_line, filtered, harmful, program, testdata,
    without_colours, wsdump, wsdump_reading,
};

const CHAT_CLOSING: &str = "18 packets, 1 connection, 3 messages, 0 anomalies\n";

/// A file of `testdata/`.
fn bytes(name: &str) -> Vec<u8> {
    fs::read(testdata().join(name)).unwrap()
}

/// It failed with this message, and printed nothing else.
fn refused(run: &Run, message: &str) {
    assert_eq!(run.stdout, "");
    assert_eq!(run.stderr, format!("wsdump: {message}\n"));
    assert_eq!(run.code, 2);
}

// Help, version, arguments

#[test]
fn help_names_every_option_and_gives_examples() {
    for argument in ["--help", "-h"] {
        let help = wsdump(argument);
        assert_eq!((help.code, &*help.stderr), (0, ""), "{argument}");
        for expected in [
            "Usage: wsdump [OPTIONS] <CAPTURE>...",
            "--json",
            "-x, --hex",
            "--time <FORMAT>",
            "--color <WHEN>",
            "--max-payload <BYTES>",
            "-Y, --filter <EXPR>",
            "--fields",
            "-a, --all",
            "--only <TYPES>",
            "--connection <N>",
            "-c, --count <N>",
            "-j, --jobs <N>",
            "Limits:",
            "--max-memory <MIB>",
            "[default: 512]",
            "--max-idle <DURATION>",
            "[default: 24h]",
            "--limit <NAME=VALUE>",
            "--limits",
            "Memory: connections hold at most --max-memory together",
            "-q, --quiet",
            "-v, --verbose",
            "-h, --help",
            "-V, --version",
            "Examples:\n  wsdump capture.pcap ",
            "| wsdump -",
            "Exit status: 0 done, 1 check or diff found something, 2 ",
        ] {
            assert!(help.stdout.contains(expected), "{argument}: {expected}");
        }
        assert!(help.stdout.lines().all(|line| line.chars().count() <= 100));
    }
}

#[test]
fn every_type_and_every_time_format_stands_in_the_help() {
    let help = wsdump("--help").stdout;
    let words: Vec<&str> = help.split(|c: char| !c.is_alphanumeric()).collect();
    for name in [
        "tcp",
        "http",
        "frame",
        "message",
        "anomaly",
        "connection",
        "packet",
        "relative",
        "utc",
        "local",
        "delta",
        "epoch",
        "auto",
        "always",
        "never",
    ] {
        assert!(words.contains(&name), "{name}");
    }
}

#[test]
fn version_is_one_line() {
    let expected = Run {
        stdout: format!("wsdump {}\n", env!("CARGO_PKG_VERSION")),
        stderr: String::new(),
        code: 0,
    };
    assert_eq!(wsdump("--version"), expected);
    assert_eq!(wsdump("-V"), expected);
}

#[test]
fn wrong_arguments_are_refused_with_a_message_that_says_what_is_possible() {
    for (arguments, expected) in [
        ("", "<CAPTURE>"),
        ("--nope chat.pcap", "'--nope'"),
        ("--only chat.pcap", "'chat.pcap'"),
        ("--only frames chat.pcap", "frame, message, anomaly"),
        ("--only tcp,,http chat.pcap", "no such type"),
        (
            "--time tomorrow chat.pcap",
            "relative, utc, local, delta, epoch",
        ),
        ("--color blue chat.pcap", "auto, always, never"),
        ("--count many chat.pcap", "'many'"),
        ("-c -1 chat.pcap", "'-1'"),
        (
            "-c 18446744073709551616 chat.pcap",
            "'18446744073709551616'",
        ),
        ("--connection first chat.pcap", "'first'"),
        ("--max-payload 1k chat.pcap", "'1k'"),
        ("--max-memory 0 chat.pcap", "at least 1 MiB is expected"),
        ("--max-memory 1X chat.pcap", "a number of MiB is expected"),
        ("--max-memory 64K chat.pcap", "at least 1 MiB is expected"),
        (
            "--limit hed-bytes=1K chat.pcap",
            "there is no limit hed-bytes; did you mean head-bytes?",
        ),
        ("--limit zzz=1 chat.pcap", "--limits lists them"),
        ("--limit idle chat.pcap", "idle has no value"),
        (
            "--limit head-bytes=1 chat.pcap",
            "head-bytes takes a number of bytes from 256 to 16M",
        ),
        (
            "check --limit memory=1K chat.pcap",
            "memory takes a number of bytes from 1M to 1T",
        ),
        (
            "diff --limit idle=0 chat.pcap chat.pcap",
            "idle takes a time from 1ms",
        ),
        (
            "--max-memory 17592186044416 chat.pcap",
            "no computer has so many MiB",
        ),
        ("--max-memory -1 chat.pcap", "'-1'"),
        ("--max-idle day chat.pcap", "a time above zero is expected"),
        ("--max-idle 0s chat.pcap", "a time above zero is expected"),
        ("--max-idle -5m chat.pcap", "a time above zero is expected"),
        ("--json --hex chat.pcap", "cannot be used with"),
        ("-q -v chat.pcap", "cannot be used with"),
    ] {
        let run = wsdump(arguments);
        assert_eq!((run.code, &*run.stdout), (2, ""), "{arguments}");
        assert!(run.stderr.starts_with("wsdump: "), "{}", run.stderr);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert!(run.stderr.contains("--help"), "{}", run.stderr);
    }
}

// What cannot be read

#[test]
fn what_is_no_capture_is_refused_in_one_line() {
    let formats = "expected pcap or pcapng, plain or inside gzip or zstd";
    for (name, problem) in [
        (
            "missing.pcap",
            "cannot be opened: No such file or directory (os error 2)",
        ),
        ("maker", "is a directory, not a capture file"),
        (
            "other_empty.pcap",
            "is empty; even a capture without packets starts with a header",
        ),
        (
            "other_text.pcap",
            &format!("at byte 0: not a capture: it starts with 54 68 69 73 20 69 73 20; {formats}"),
        ),
        (
            "other_short.pcap",
            &format!("at byte 0: not a capture: it starts with d4 c3 b2; {formats}"),
        ),
    ] {
        refused(&wsdump(name), &format!("{name}: {problem}"));
        refused(
            &wsdump(&format!("--json -v {name}")),
            &format!("{name}: {problem}"),
        );
    }
    refused(
        &wsdump_reading("-", std::iter::empty()),
        "standard input: is empty; even a capture without packets starts with a header",
    );
}

#[test]
fn what_comes_before_damage_is_printed_and_then_where_it_is() {
    let whole = wsdump("chat.pcap").stdout;
    for (name, packets, problem) in [
        (
            "chat_cut.pcap",
            12,
            "at byte 1344: cut in the middle of a packet: 93 bytes needed, 73 there",
        ),
        (
            "chat_cut_header.pcap",
            10,
            "at byte 1168: cut in the middle of a packet: 16 bytes needed, 7 there",
        ),
        (
            "chat_cut.pcapng",
            17,
            "at byte 2116: cut in the middle of a block: 100 bytes needed, 70 there",
        ),
        (
            "chat_cut.pcap.gz",
            10,
            "at byte 1235 of the decompressed data: damaged or incomplete gzip data: \
             incomplete deflate stream",
        ),
        (
            "chat_bad_length.pcap",
            4,
            "at byte 525: damaged packet: it would be 2147483663 bytes long, possible are 0 to \
             67108864",
        ),
    ] {
        let run = wsdump(name);
        assert_eq!(run.code, 2, "{name}");
        let (closing, error) = run.stderr.split_once('\n').unwrap();
        assert!(
            closing.starts_with(&format!("{packets} packets, ")),
            "{name}: {closing}"
        );
        assert_eq!(error, format!("wsdump: {name}: {problem}\n"));
        // All rows but those that tell of the end.
        let last = packets.to_string();
        let before_the_end = |line: &&str| line.split_whitespace().next() != Some(&last);
        let rows: Vec<&str> = run.stdout.lines().take_while(before_the_end).collect();
        let expected: Vec<&str> = whole.lines().take(rows.len()).collect();
        assert_eq!(rows, expected, "{name}");
        assert!(
            run.packets().iter().all(|packet| *packet <= packets),
            "{name}"
        );

        let quiet = wsdump(&format!("-q {name}"));
        assert_eq!((quiet.stdout, quiet.stderr), (run.stdout, error.to_owned()));
    }
}

#[test]
fn a_link_type_that_cannot_be_read_is_named_once() {
    for (name, link_type) in [
        ("link_user0.pcap", "USER0 (147)"),
        ("link_80211.pcap", "IEEE802_11 (105)"),
    ] {
        let run = wsdump(name);
        assert_eq!(run.code, 2, "{name}");
        assert_eq!(run.rows(), [""; 0], "{name}");
        let error = run.stderr.lines().last().unwrap();
        assert!(
            error.starts_with(&format!(
                "wsdump: cannot read packets of link type {link_type}"
            )),
            "{error}"
        );
        assert!(error.contains("reads Ethernet"), "{error}");
        assert_eq!(run.stderr.matches(link_type).count(), 1, "{}", run.stderr);
    }
}

#[test]
fn one_bad_file_among_several_does_not_hide_the_others() {
    let alone = wsdump("chat.pcap");
    for (bad, problem) in [
        ("missing.pcap", "cannot be opened"),
        ("other_text.pcap", "not a capture"),
        ("other_empty.pcap", "is empty"),
        ("maker", "is a directory"),
    ] {
        for names in [format!("{bad} chat.pcap"), format!("chat.pcap {bad}")] {
            let run = wsdump(&names);
            assert_eq!(run.stdout, alone.stdout, "{names}");
            let (closing, error) = run.stderr.split_once('\n').unwrap();
            assert_eq!(format!("{closing}\n"), CHAT_CLOSING, "{names}");
            assert!(error.starts_with(&format!("wsdump: {bad}: ")), "{error}");
            assert!(error.contains(problem), "{error}");
            assert_eq!(run.code, 2, "{names}");
        }
    }
    let both = wsdump("missing.pcap chat.pcap other_text.pcap");
    let errors: Vec<&str> = both.stderr.lines().skip(1).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors.iter().all(|line| line.starts_with("wsdump: ")),
        "{errors:?}"
    );
}

// Where captures come from

#[test]
fn rotated_files_are_one_capture_in_any_order() {
    let whole = wsdump("chat.pcap");
    assert_eq!(wsdump("chat_part1.pcap chat_part2.pcap"), whole);
    assert_eq!(wsdump("chat_part2.pcap chat_part1.pcap"), whole);
}

#[test]
fn compression_is_recognised_by_content() {
    let whole = wsdump("chat.pcap");
    let directory = tempfile::tempdir().unwrap();
    for name in [
        "chat.pcap.gz",
        "chat_members.pcap.gz",
        "chat.pcapng.zst",
        "chat.pcapng",
    ] {
        assert_eq!(wsdump(name), whole, "{name}");
        let renamed = directory.path().join("capture.txt");
        fs::copy(testdata().join(name), &renamed).unwrap();
        let output = program().arg(&renamed).output().unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            whole.stdout,
            "{name}"
        );
    }
}

#[test]
fn standard_input_is_a_capture_like_any_other_however_it_comes() {
    let whole = wsdump("chat.pcap");
    for name in [
        "chat.pcap",
        "chat.pcapng",
        "chat.pcap.gz",
        "chat.pcapng.zst",
    ] {
        let bytes = bytes(name);
        for size in [1, 7, 4096] {
            let run = wsdump_reading("-", bytes.chunks(size));
            assert_eq!(run, whole, "{name} in pieces of {size}");
        }
    }
    let part2 = bytes("chat_part2.pcap");
    let mixed = wsdump_reading("chat_part1.pcap -", part2.chunks(100));
    assert_eq!(mixed, whole);
}

#[test]
fn a_cut_standard_input_is_named_so() {
    let bytes = bytes("chat_cut.pcap");
    let run = wsdump_reading("-q -", bytes.chunks(1));
    assert_eq!(run.stdout, wsdump("chat_cut.pcap").stdout);
    let problem = "at byte 1344: cut in the middle of a packet: 93 bytes needed, 73 there";
    assert_eq!(run.stderr, format!("wsdump: standard input: {problem}\n"));
    assert_eq!(run.code, 2);
}

#[test]
fn the_number_of_threads_changes_nothing_but_the_time() {
    let same = |arguments: &str| {
        let [alone, many] = ["-j1", "-j3"].map(|jobs| wsdump(&format!("{jobs} {arguments}")));
        assert_eq!(alone, many, "{arguments}");
    };
    let damaged = ["other_empty.pcap", "other_short.pcap", "other_text.pcap"];
    let names = captures().into_iter().chain(damaged.map(String::from));
    for name in names.chain(["chat.pcap midstream.pcap tcp_gap.pcap".to_owned()]) {
        same(&format!("-a {name}"));
        same(&format!("-a --json {name}"));
    }
    for view in [
        "--csv",
        "--json -Y frame.number>0 --max-payload 3",
        "--json --limit row-bytes=100",
        "--csv --limit row-bytes=1",
        "--limit row-bytes=1",
        "--follow 1 --pretty",
        "--ladder 1",
        "--har -",
        "-xx --messages",
        "-c 5",
    ] {
        for name in [
            "chat.pcap",
            "chat_cut.pcap",
            "graphql.pcap",
            "ws_many_in_segment.pcap",
            "midstream.pcap",
            "tcp_gap.pcap",
        ] {
            same(&format!("{view} {name}"));
        }
    }
}

#[test]
fn messages_are_extracted_on_another_thread_as_on_one() {
    let folder = Folder::new();
    let extract = |jobs: &str| {
        let to = folder.path(jobs);
        let to = to.to_str().unwrap();
        let run = wsdump(&format!("{jobs} --extract {to} chat.pcap"));
        let mut files: Vec<_> = fs::read_dir(to)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        assert!(files.len() > 2, "{files:?}");
        (run.stdout.replace(to, ""), files)
    };
    assert_eq!(extract("-j1"), extract("-j2"));
}

#[test]
fn frames_that_nobody_looks_at_are_not_missed() {
    for name in captures() {
        // A filter might be about a frame, so all of them are told where there is one.
        let [without, with] = ["", "-Y frame.number>0"]
            .map(|filter| wsdump(&format!("--summary {filter} {name}")).stdout);
        assert_eq!(without, with, "{name}");
        let [messages, all] =
            ["--only message", ""].map(|only| wsdump(&format!("--json -q {only} {name}")).stdout);
        let of_messages = all
            .lines()
            .filter(|line| line.starts_with("{\"type\":\"message\""));
        assert!(of_messages.eq(messages.lines()), "{name}");
    }
}

// Where output goes

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    for arguments in ["-", "--json -", "-a -v -", "-x -"] {
        let mut child = program()
            .args(arguments.split_whitespace())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        // Nobody reads from here on, and only now is there something to print.
        drop(child.stdout.take());
        let mut stdin = child.stdin.take().unwrap();
        let _ = std::io::Write::write_all(&mut stdin, &bytes("many.pcap.gz"));
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments}");
        assert_eq!(output.status.code(), Some(0), "{arguments}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_nothing_is_a_failure() {
    for arguments in ["chat.pcap", "--json chat.pcap", "-a many.pcap.gz", "--help"] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = program()
            .args(arguments.split_whitespace())
            .stdout(full)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        let expected = "wsdump: standard output cannot be written: No space left on device \
                        (os error 28)\n";
        assert_eq!(message, expected);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
}

// The timeline

#[test]
fn the_timeline_tells_a_conversation_from_the_first_packet_to_the_last() {
    let run = wsdump("chat.pcap");
    assert_eq!(run.code, 0);
    assert_eq!(run.stderr, CHAT_CLOSING);
    assert_eq!(
        run.stdout.lines().next().unwrap(),
        "  No.        Time   #  Source           →  Destination      Protocol   Length  Info"
    );
    assert_eq!(
        run.infos(),
        [
            "[SYN] seq=0 mss=65495",
            "[SYN, ACK] seq=0 ack=1 mss=65495",
            "[ACK] three-way handshake complete, 43 µs",
            "GET /chat HTTP/1.1, Upgrade: websocket",
            "101 Switching Protocols, accept ok, after 1.83 ms",
            "Text \"something\"",
            "Text [MASKED] \"hello\"",
            "Text \"hello too!\"",
            "Close [MASKED] 1000 Normal Closure \"bye\"",
            "Close 1000 Normal Closure \"bye\"",
            "[FIN, ACK]",
            "[FIN, ACK]",
            "[ACK] both sides closed, 108 ms after the start",
            "closed after 108 ms; Close 1000 by client, clean; 1 message from client, 2 from \
             server",
        ]
    );
    assert_eq!(
        run.packets(),
        [1, 2, 3, 4, 6, 8, 10, 11, 13, 14, 16, 17, 18, 18]
    );
}

#[test]
fn with_all_every_packet_of_every_capture_has_a_row_in_order() {
    for name in captures() {
        let run = wsdump(&format!("-a {name}"));
        let packets = run.packets();
        assert!(packets.is_sorted(), "{name}");
        let expected: u64 = run.stderr.split(' ').next().unwrap().parse().unwrap();
        let seen: BTreeSet<u64> = packets.into_iter().collect();
        let missing: Vec<u64> = (1..=expected)
            .filter(|packet| !seen.contains(packet))
            .collect();
        let unread = run.stderr.contains("cannot read packets of link type");
        assert!(missing.is_empty() || unread, "{name}: {missing:?}");
    }
}

#[test]
fn with_all_other_protocols_and_plain_connections_are_shown_too() {
    assert!(!wsdump("other_mixed.pcap").stdout.contains("UDP"));
    assert!(wsdump("other_dns.pcap").rows().is_empty());
    let Run { stdout: all, .. } = wsdump("-a other_dns.pcap other_arp_icmp.pcap other_tls.pcap");
    for protocol in ["UDP", "ARP", "ICMP", "TCP", "Summary"] {
        assert!(
            all.contains(&format!("  {protocol}  ")),
            "{protocol}:\n{all}"
        );
    }
}

#[test]
fn without_all_only_connections_of_websocket_are_shown() {
    let run = wsdump("--json other_mixed.pcap");
    assert!(run.json().iter().all(|line| line["connection"] == 2));
    let all = wsdump("--json -a other_mixed.pcap").json();
    let numbers: BTreeSet<u64> = all
        .iter()
        .filter_map(|line| line.get("connection")?.as_u64())
        .collect();
    assert!(numbers.len() > 2, "{numbers:?}");
}

#[test]
fn only_shows_the_chosen_types() {
    for (types, expected) in [
        ("message", &["message"][..]),
        ("frame,anomaly", &["frame", "anomaly"]),
        ("tcp", &["tcp"]),
        ("http", &["http"]),
        ("connection", &["connection"]),
        ("packet", &["packet"]),
        ("message --only http", &["message", "http"]),
    ] {
        let lines = wsdump(&format!(
            "--json -a --only {types} other_mixed.pcap ws_masking.pcap"
        ));
        let seen: BTreeSet<String> = lines
            .json()
            .iter()
            .map(|line| line["type"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            seen,
            expected.iter().map(ToString::to_string).collect(),
            "{types}"
        );
    }
}

#[test]
fn messages_and_frames_are_one_row_unless_only_one_of_them_is_wanted() {
    let conversation = [
        "Text \"something\"",
        "Text [MASKED] \"hello\"",
        "Text \"hello too!\"",
    ];
    assert_eq!(wsdump("--only message chat.pcap").infos(), conversation);
    let closes = [
        "Close [MASKED] 1000 Normal Closure \"bye\"",
        "Close 1000 Normal Closure \"bye\"",
    ];
    let frames = [&conversation[..], &closes].concat();
    assert_eq!(wsdump("--only frame chat.pcap").infos(), frames);
    assert_eq!(wsdump("--only frame,message chat.pcap").infos(), frames);
}

#[test]
fn a_hex_dump_stands_under_each_frame_that_has_a_payload() {
    let run = wsdump("-x chat.pcap");
    let dumps: Vec<&str> = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("  0000"))
        .collect();
    assert_eq!(
        dumps,
        [
            "  00000000  73 6f 6d 65 74 68 69 6e  67                       |something|",
            "  00000000  68 65 6c 6c 6f                                    |hello|",
            "  00000000  68 65 6c 6c 6f 20 74 6f  6f 21                    |hello too!|",
            "  00000000  03 e8 62 79 65                                    |..bye|",
            "  00000000  03 e8 62 79 65                                    |..bye|",
        ]
    );
    assert_eq!(run.rows(), wsdump("chat.pcap").rows());
    let inflated = wsdump("-x deflate_takeover.pcap").stdout;
    assert!(inflated.contains("|client message 1|"), "{inflated}");
}

#[test]
fn count_stops_after_so_many_packets() {
    for count in [0, 1, 10, 17] {
        let run = wsdump(&format!("-a -c {count} chat.pcap"));
        assert_eq!(run.code, 0);
        let seen: BTreeSet<u64> = run.packets().into_iter().collect();
        assert_eq!(seen, (1..=count).collect());
        assert!(
            run.stderr.starts_with(&format!("{count} packet")),
            "{}",
            run.stderr
        );
    }
    assert_eq!(wsdump("--count 100 chat.pcap"), wsdump("chat.pcap"));
    // What is broken behind them does not matter.
    assert_eq!(wsdump("-q -c 12 chat_cut.pcap").code, 0);
}

#[test]
fn connection_shows_those_connections_and_counts_all() {
    let numbers = |arguments: &str| -> BTreeSet<u64> {
        let run = wsdump(&format!("--json {arguments} rejected.pcap"));
        assert_eq!(run.code, 0);
        let (first, more) = run.stderr.split_once('\n').unwrap();
        assert_eq!(first, "54 packets, 5 connections, 1 message, 1 anomaly");
        let missing = "no connection 99: the last one is 5\n";
        let expected = if arguments.contains("99") {
            missing
        } else {
            ""
        };
        assert_eq!(more, expected);
        run.json()
            .iter()
            .map(|line| line["connection"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(numbers(""), [1, 2, 3, 4, 5].into());
    assert_eq!(numbers("--connection 3"), [3].into());
    assert_eq!(numbers("--connection 1 --connection 4"), [1, 4].into());
    assert_eq!(numbers("--connection 1,4,99"), [1, 4].into());
    assert_eq!(numbers("--connection 99"), [].into());
}

// Display filters

/// Filters that choose some rows of most captures.
const FILTERS: [&str; 7] = [
    "websocket",
    "websocket.payload contains \"e\"",
    "ws.message.length > 20",
    "not websocket.mask == 1",
    "tcp.flags.syn == 1 || ws.close",
    "len(websocket.payload) > 3 && websocket.fin == 1",
    "ws.anomaly || http.response.code == 101",
];

#[test]
fn a_filter_chooses_rows_and_changes_nothing_else() {
    for (at, name) in captures().iter().enumerate() {
        let arguments = ["-v", "-v -a -x"][at % 2];
        let all = wsdump(&format!("{arguments} {name}"));
        if all.stdout.len() > 1 << 20 {
            continue;
        }
        // One that chooses everything, and two of the others.
        for filter in ["", FILTERS[at % 7], FILTERS[(at + 3) % 7]] {
            let some = filtered(filter, &format!("{arguments} {name}"));
            assert_eq!((&some.stderr, some.code), (&all.stderr, all.code), "{name}");
            if filter.is_empty() {
                assert_eq!(some.stdout, all.stdout, "{name}");
            }
            // What is there stands there, too, in the same order and as often; columns may
            // be narrower.
            let mut lines = all.stdout.lines();
            for line in some.stdout.lines() {
                let cells = || line.split_whitespace();
                assert!(
                    lines.any(|line| line.split_whitespace().eq(cells())),
                    "{name}: {filter}: {line}"
                );
            }
        }
    }
}

#[test]
fn a_row_of_a_message_and_its_frame_is_there_once_and_with_its_dump() {
    for filter in [
        "websocket.payload.text == \"hello\"",
        "ws.message.length == 5",
        "websocket.masking_key and ws.message",
        "websocket.opcode == 1 and ws.message.frames == 1 and websocket.mask == 1",
    ] {
        let run = filtered(filter, "-x chat.pcap");
        assert_eq!(run.packets(), [10], "{filter}");
        assert_eq!(run.stdout.matches("|hello|").count(), 1, "{filter}");
        // In JSON a frame and its message are judged each for itself.
        let lines = filtered(filter, "--json chat.pcap").json();
        assert!(lines.iter().all(|line| line["packet"] == 10), "{filter}");
        assert_eq!(lines.last().unwrap()["type"], "message", "{filter}");
    }
    // A message that never ends has a row of its own, under which no frame's dump belongs.
    let run = filtered("not websocket.mask == 1", "-x ws_fragment_order.pcap");
    assert!(run.stdout.contains(" never ended, "), "{}", run.stdout);
    assert!(!run.stdout.contains("|first part, |"), "{}", run.stdout);
    let of_type = |only: &str| filtered("websocket.opcode == 1", &format!("{only} chat.pcap"));
    assert_eq!(of_type("").packets(), [8, 10, 11]);
    assert_eq!(of_type("--only frame").packets(), [8, 10, 11]);
    assert_eq!(of_type("--only message").packets(), [8, 10, 11]);
    assert_eq!(of_type("--json").json().len(), 6);
}

#[test]
fn a_filter_agrees_with_the_other_ways_to_choose() {
    let all = filtered("tcp.len == 0", "--json -a many.pcap.gz").json();
    let some = filtered(
        "tcp.len == 0",
        "--json -a --connection 3 --only tcp many.pcap.gz",
    );
    let expected = all
        .iter()
        .filter(|line| line["connection"] == 3 && line["type"] == "tcp");
    assert_eq!(
        some.json().iter().collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
    assert!(!some.json().is_empty());
    let other = filtered("udp.dstport == 53", "--json -a other_mixed.pcap").json();
    assert!(!other.is_empty() && other.iter().all(|line| line["type"] == "packet"));
    assert_eq!(
        filtered("udp", "--json -a --only tcp other_mixed.pcap").stdout,
        ""
    );
    let whole = bytes("chat.pcap");
    let run = wsdump_reading("-Y http -", whole.chunks(100));
    assert_eq!(run.packets(), [4, 6]);
}

#[test]
fn a_filter_sees_payloads_whole_however_little_is_shown() {
    let all = wsdump("ws_lengths.pcap");
    let run = filtered("websocket.payload[65531:]", "ws_lengths.pcap");
    assert_eq!(run.packets(), [68, 114, 160, 206]);
    for row in run.rows() {
        let payload = row.split_whitespace().next_back();
        assert!(
            all.rows()
                .iter()
                .any(|row| row.split_whitespace().next_back() == payload)
        );
    }
    let lines = filtered(
        "websocket.payload contains \"too!\"",
        "--json --only message --max-payload 4 chat.pcap",
    );
    let lines = lines.json();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (lines[0]["text"].as_str(), lines[0]["truncated_at"].as_u64()),
        (Some("hell"), Some(4))
    );
}

#[test]
fn a_wrong_filter_is_refused_before_anything_is_opened() {
    for (filter, message) in [
        (
            "tcp.prot == 80",
            "there is no field tcp.prot\n  tcp.prot == 80\n  ^^^^^^^^\n  \
             did you mean tcp.port? wsdump --fields lists them all",
        ),
        (
            "websocket.payload.text == \"日本\" and tcp.port == \"http\"",
            "tcp.port is an unsigned integer (2 bytes), and text in quotes is none\n  \
             websocket.payload.text == \"日本\" and tcp.port == \"http\"\n  \
             \u{20}                                                ^^^^^^\n  \
             write a whole number: 80, 0x50, 0b1010000",
        ),
        (
            "tcp port 80",
            "port stands where and, or, or the end of the filter is expected\n  \
             tcp port 80\n      ^^^^\n  \
             that reads like a capture filter, as tcpdump has them: those go to -f",
        ),
    ] {
        refused(&filtered(filter, "missing.pcap"), message);
        refused(&filtered(filter, "--json chat.pcap"), message);
    }
}

#[cfg(feature = "live")]
#[test]
fn a_display_filter_in_place_of_a_capture_filter_is_told_where_it_belongs() {
    let hint = "; it is a display filter: those go to -Y\n";
    for filter in ["websocket", "tcp.port==80"] {
        let run = wsdump(&format!("-q -f {filter} chat.pcap"));
        assert_eq!((run.code, &*run.stdout), (2, ""));
        assert!(run.stderr.ends_with(hint), "{}", run.stderr);
    }
    let run = wsdump("-q -f nonsense chat.pcap");
    assert!(
        run.code == 2 && !run.stderr.contains("-Y"),
        "{}",
        run.stderr
    );
}

#[test]
fn fields_are_listed_with_type_and_description() {
    let run = wsdump("--fields");
    assert_eq!((run.code, &*run.stderr), (0, ""));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines.len() > 150, "{}", lines.len());
    let kind = lines[0].find("protocol").unwrap();
    let about = lines[0].find("A packet").unwrap();
    for line in &lines {
        let (name, rest) = line.split_at(kind);
        let (kind, about) = rest.split_at(about - kind);
        assert!(name.ends_with("  ") && kind.ends_with("  "), "{line}");
        assert!(!about.starts_with(' ') && !about.is_empty(), "{line}");
        // Each name that is listed is one that a filter knows.
        let name = name.trim();
        if !name.contains(char::is_uppercase) {
            assert_eq!(filtered(name, "-q chat.pcap").code, 0, "{name}");
        }
    }
    assert!(lines.iter().any(|line| line.starts_with("ws.json.PATH ")));
}

#[test]
fn the_readme_shows_what_filters_choose() {
    let readme = fs::read_to_string(testdata().with_file_name("README.md")).unwrap();
    let examples: Vec<&str> = readme
        .split("\n$ wsdump ")
        .filter(|example| example.contains("-Y '"))
        .collect();
    assert_eq!(examples.len(), 5);
    for example in examples {
        let example = example.split("```").next().unwrap();
        let (command, expected) = example.split_once('\n').unwrap();
        let (arguments, rest) = command.split_once("-Y '").unwrap();
        let (filter, capture) = rest.split_once("' testdata/").unwrap();
        let run = filtered(filter, &format!("{arguments} {capture}"));
        let said = if run.code == 0 {
            run.stdout
        } else {
            run.stderr
        };
        assert_eq!(said.trim_end(), expected.trim_end(), "{command}");
    }
}

#[test]
fn time_is_shown_in_every_format() {
    for (format, first, second) in [
        ("relative", "0.000000", "0.000025"),
        (
            "utc",
            "2026-11-21 02:41:28.139368",
            "2026-11-21 02:41:28.139393",
        ),
        (
            "local",
            "2026-11-21 11:41:28.139368",
            "2026-11-21 11:41:28.139393",
        ),
        ("delta", "0.000000", "0.000025"),
        ("epoch", "1795228888.139368", "1795228888.139393"),
    ] {
        let output = program()
            .args(["--time", format, "chat.pcap"])
            .env("TZ", "JST-9")
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let rows: Vec<&str> = stdout.lines().collect();
        assert!(
            rows[1].starts_with(&format!("    1  {first:>10} ")),
            "{}",
            rows[1]
        );
        assert!(
            rows[2].starts_with(&format!("    2  {second:>10} ")),
            "{}",
            rows[2]
        );
        // The columns behind it stand where the heading says.
        let column = rows[0].find("Source").unwrap();
        assert!(
            rows[1..]
                .iter()
                .all(|row| row[column..].starts_with("127.0.0.1:")),
            "{format}"
        );
    }
}

#[test]
fn delta_counts_from_the_row_above() {
    let run = wsdump("--time delta --only message chat.pcap");
    let times: Vec<&str> = run
        .rows()
        .iter()
        .map(|row| row[7..17].trim_start())
        .collect();
    assert_eq!(times, ["0.000000", "0.051934", "0.000283"]);
}

#[test]
fn max_payload_cuts_what_is_kept_and_says_so() {
    let lines = wsdump("--json --only message --max-payload 4 chat.pcap").json();
    let given: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["text"].as_str(),
                line["length"].as_u64(),
                line["truncated_at"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        given,
        [
            (Some("some"), Some(9), Some(4)),
            (Some("hell"), Some(5), Some(4)),
            (Some("hell"), Some(10), Some(4)),
        ]
    );
    let whole = wsdump("--json --only message --max-payload 10 chat.pcap").json();
    assert!(whole.iter().all(|line| !line.contains_key("truncated_at")));
    assert_eq!(
        wsdump("--only message --max-payload 4 chat.pcap").infos(),
        [
            "Text \"some…\"",
            "Text [MASKED] \"hell…\"",
            "Text \"hell…\""
        ]
    );
    // A limit on what is kept, not on what is understood.
    assert_eq!(wsdump("--max-payload 0 chat.pcap").stderr, CHAT_CLOSING);
}

#[test]
fn quiet_leaves_standard_error_empty() {
    let loud = wsdump("chat.pcap");
    for arguments in ["-q chat.pcap", "--quiet chat.pcap"] {
        let run = wsdump(arguments);
        assert_eq!((run.code, &*run.stderr), (0, ""));
        assert_eq!(run.stdout, loud.stdout);
    }
    assert_eq!(wsdump("-q other_dns.pcap").stderr, "");
}

#[test]
fn verbose_adds_a_table_of_connections() {
    let run = wsdump("-v chat.pcap");
    assert_eq!(run.stdout, wsdump("chat.pcap").stdout);
    let table = run.stderr.strip_suffix(CHAT_CLOSING).unwrap();
    for expected in [
        "Client",
        "127.0.0.1:49366",
        "127.0.0.1:8080",
        "ws://127.0.0.1:8080/chat",
        "108 ms",
        "┆    1 / 2 ┆   10 / 24 ┆",
        "Close 1000 by client, FIN",
    ] {
        assert!(table.contains(expected), "{expected}:\n{table}");
    }
    // Of every WebSocket connection, whichever are shown.
    let selected = wsdump("--verbose --connection 1 --only http rejected.pcap").stderr;
    assert_eq!(
        selected.matches(" ws://127.0.0.1:8080/").count(),
        5,
        "{selected}"
    );
}

// Views

#[test]
fn the_summary_is_sorted_and_has_totals() {
    let numbers = |sort: &str| -> Vec<u64> {
        let run = wsdump(&format!("--summary {sort} many.pcap.gz"));
        assert_eq!(run.code, 0);
        let rows = run.stdout.lines().filter_map(|line| line.strip_prefix('│'));
        let cells = rows.filter_map(|row| row.split('┆').next());
        cells.filter_map(|cell| cell.trim().parse().ok()).collect()
    };
    assert_eq!(numbers(""), (1..=30).collect::<Vec<_>>());
    assert_eq!(numbers("--sort bytes")[..3], [26, 9, 3]);
    let totals = wsdump("--summary deflate.pcap").stdout;
    for expected in [
        "Packets       174, ",
        "Connections   1 upgraded",
        "Ends          1 clean",
        "Messages      111 Text, 12 Binary, 2 Close",
        "Compression   123 messages, ",
    ] {
        assert!(totals.contains(expected), "{expected}:\n{totals}");
    }
    let wrong = wsdump("--summary --sort size chat.pcap");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("no such column; there are number, "),
        "{}",
        wrong.stderr
    );
}

#[test]
fn one_connection_is_followed() {
    let run = wsdump("--follow 1 -q chat.pcap");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(
        run.stdout
            .contains("client  Text, 5 bytes\n              hello\n"),
        "{}",
        run.stdout
    );
    assert_eq!(
        wsdump("-q --follow 1 --raw client chat.pcap").stdout,
        "hello"
    );
    assert_eq!(
        wsdump("-q --follow 1 --raw server chat.pcap").stdout,
        "somethinghello too!"
    );
    let pretty = wsdump("-q --follow 1 --pretty fragments.pcap").stdout;
    assert!(
        wsdump("-q --ladder 1 chat.pcap")
            .stdout
            .contains(" 101 Switching Protocols")
    );
    assert!(!pretty.contains('\x1b'));
    for view in ["--follow", "--ladder"] {
        let none = wsdump(&format!("{view} 7 chat.pcap"));
        assert_eq!((none.code, none.stdout.as_str()), (2, ""));
        let message = "wsdump: no connection 7: the last one is 1\n";
        assert!(none.stderr.ends_with(message), "{}", none.stderr);
        let other = wsdump(&format!("{view} 1 socketio.pcap"));
        let message = "wsdump: connection 1 carries no WebSocket; -a shows it all the same\n";
        assert_eq!(other.code, 2);
        assert!(other.stderr.ends_with(message), "{}", other.stderr);
    }
    let two = wsdump("--follow 1 --ladder 1 chat.pcap");
    assert_eq!(two.code, 2);
    assert!(two.stderr.contains("cannot be used with"), "{}", two.stderr);
}

#[test]
fn messages_have_one_row_however_many_frames_they_came_in() {
    let json = wsdump("--json --messages fragments.pcap").stdout;
    let opcodes: Vec<String> = json
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["type"] == "frame")
        .map(|line| line["opcode"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        opcodes
            .iter()
            .all(|opcode| ["ping", "pong", "close"].contains(&opcode.as_str()))
    );
    assert!(opcodes.len() > 2);
    let rows = wsdump("--messages fragments.pcap").stdout;
    assert!(!rows.contains("more to come"), "{rows}");
    assert!(!rows.contains("Continuation"), "{rows}");
}

#[test]
fn rows_are_chosen_by_sender_and_by_time() {
    let senders = |from: &str| -> Vec<String> {
        let json = wsdump(&format!("--json --from {from} chat.pcap")).stdout;
        let lines = json
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines
            .map(|line| line["from"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(senders("client").iter().all(|from| from == "client"));
    assert!(senders("server").iter().all(|from| from == "server"));
    let numbers = |arguments: &str| -> Vec<u64> {
        let rows = wsdump(&format!("{arguments} chat.pcap")).stdout;
        let rows = rows
            .lines()
            .skip(1)
            .filter_map(|row| row.split_whitespace().next());
        rows.map(|number| number.parse().unwrap()).collect()
    };
    assert_eq!(numbers("--after 0.05 --before 0.1"), [10, 11]);
    assert_eq!(numbers("--after 100ms")[0], 13);
    let absolute = numbers("--before 2020-01-01T00:00:00Z");
    assert!(absolute.is_empty());
    assert_eq!(wsdump("--after soon chat.pcap").code, 2);
}

#[test]
fn the_fields_of_a_frame_header_are_named() {
    let run = wsdump("-xx -q chat.pcap");
    for expected in [
        "  81                       FIN 1, RSV1 0, RSV2 0, RSV3 0, opcode 0x1 Text\n",
        "  85                       MASK 1, payload length 5\n",
        "              masking key\n",
        "  00000000  68 65 6c 6c 6f",
    ] {
        assert!(run.stdout.contains(expected), "{expected}:\n{}", run.stdout);
    }
    assert!(!wsdump("-x -q chat.pcap").stdout.contains("masking key"));
}

/// A run with `-w` into a new directory, and what wsdump then tells of the file.
fn written(arguments: &str) -> (Run, Vec<serde_json::Map<String, serde_json::Value>>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("written.pcapng");
    let path = path.to_str().unwrap();
    let run = wsdump(&format!("-w {path} {arguments}"));
    let json = wsdump(&format!("--json {path}")).json();
    (run, json)
}

#[test]
fn packets_of_chosen_connections_can_be_written_and_decoded_again() {
    // All of them: nothing else is in these captures.
    for capture in [
        "many.pcap.gz",
        "ip_fragments.pcap",
        "chat_interfaces.pcapng",
        "midstream.pcap",
    ] {
        let (run, json) = written(capture);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
        assert_eq!(
            json,
            wsdump(&format!("--json {capture}")).json(),
            "{capture}"
        );
    }
    // One of many, by number and by what a filter says of one of its frames.
    let ends = |json: &[serde_json::Map<String, serde_json::Value>]| -> Vec<String> {
        let ends = json.iter().filter(|line| line["type"] == "connection");
        ends.map(|line| line["client"].as_str().unwrap().to_owned())
            .collect()
    };
    let (_, by_number) = written("--connection 9 many.pcap.gz");
    assert_eq!(ends(&by_number), ["127.0.0.1:53400"]);
    assert_eq!(
        by_number
            .iter()
            .filter(|line| line["type"] == "message")
            .count(),
        65
    );
    let (run, by_filter) = written("-Y websocket.opcode==9 many.pcap.gz");
    assert_eq!(ends(&by_filter).len(), 6);
    assert!(
        run.stderr.contains(" packets of 6 connections saved to "),
        "{}",
        run.stderr
    );
    let (_, none) = written("--connection 99 many.pcap.gz");
    assert!(none.is_empty());
}

#[test]
fn a_reader_of_packets_that_has_seen_enough_is_no_failure() {
    let mut child = program()
        .args(["-q", "-w", "-", "lossy.client.pcap.gz"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds is to come.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_cannot_be_written_is_said_before_the_work() {
    let message = |arguments: &str| {
        let run = wsdump(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        run.stderr
    };
    let there = message("-w no/such/directory/x.pcapng chat.pcap");
    assert!(
        there.contains("no/such/directory/x.pcapng: cannot be created: "),
        "{there}"
    );
    let view = message("-w - --json chat.pcap");
    assert!(
        view.contains("-w writes packets of captures and shows nothing"),
        "{view}"
    );
    let twice = message("-w - -");
    assert!(twice.contains("-w reads its captures twice"), "{twice}");
}

#[test]
fn completions_and_the_manual_page_know_every_option() {
    let help = wsdump("--help").stdout;
    let options: Vec<_> = help
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"))
        .filter_map(|word| word.split([',', '.', ';', ':']).next())
        .filter(|word| !word.is_empty())
        .collect();
    assert!(options.len() > 40, "{options:?}");
    let manual = wsdump("man");
    assert_eq!((manual.code, manual.stderr.as_str()), (0, ""));
    assert!(manual.stdout.contains(".TH wsdump 1"), "{}", manual.stdout);
    // In the manual, a hyphen that is not to be broken has a backslash before it.
    let manual = manual.stdout.replace('\\', "");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let completions = wsdump(&format!("completions {shell}"));
        assert_eq!((completions.code, completions.stderr.as_str()), (0, ""));
        for option in &options {
            assert!(completions.stdout.contains(option), "{shell}: {option}");
            assert!(manual.contains(option), "{option}");
        }
    }
    assert_eq!(wsdump("completions tcsh").code, 2);
}

#[test]
fn colours_come_when_asked_for_and_only_then() {
    let plain = wsdump("chat.pcap").stdout;
    assert_eq!(wsdump("--color never chat.pcap").stdout, plain);
    assert_eq!(wsdump("--color auto chat.pcap").stdout, plain);
    let coloured = wsdump("--color always chat.pcap").stdout;
    assert_ne!(coloured, plain);
    assert_eq!(without_colours(&coloured), plain);
    // What the command line says weighs more.
    let arguments = ["--color", "always", "chat.pcap"];
    let output = program()
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), coloured);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_has_colours_unless_it_or_the_user_wants_none() {
    let has_colours = |environment: &[_], arguments| {
        let output = support::on_a_terminal(120, environment, arguments);
        assert!(output.contains("three-way handshake"), "{output}");
        output.contains('\x1b')
    };
    assert!(has_colours(&[], "chat.pcap"));
    assert!(has_colours(&[("NO_COLOR", "")], "chat.pcap"));
    assert!(!has_colours(&[("NO_COLOR", "1")], "chat.pcap"));
    assert!(!has_colours(&[("TERM", "dumb")], "chat.pcap"));
    assert!(!has_colours(&[], "--color never chat.pcap"));
}

#[cfg(target_os = "linux")]
#[test]
fn no_row_is_wider_than_the_terminal() {
    use unicode_width::UnicodeWidthStr as _;
    for columns in [40, 80, 120, 200] {
        for name in [
            "chat.pcap",
            "ipv6.pcap",
            "ws_unreadable_text.pcap",
            "http_wrong_accept.pcap",
        ] {
            let output =
                support::on_a_terminal(columns, &[("NO_COLOR", "1")], &format!("-a -q {name}"));
            for line in output.lines() {
                assert!(line.width() <= columns.into(), "{columns}, {name}: {line}");
            }
        }
    }
}

// What comes from the network

#[test]
fn nothing_from_the_network_reaches_the_terminal_as_it_is() {
    for name in captures() {
        for options in ["", "-a -x -v --max-payload 65536"] {
            let run = wsdump(&format!("{options} {name}"));
            let found = [harmful(&run.stdout), harmful(&run.stderr)];
            assert_eq!(
                found,
                [BTreeSet::new(), BTreeSet::new()],
                "{options} {name}"
            );
        }
    }
}

#[test]
fn what_is_escaped_can_still_be_read() {
    let run = wsdump("--only frame ws_unreadable_text.pcap");
    let infos = run.infos().join("\n");
    for expected in [
        r#"Text "\x1b[2J\x1b[H\x1b[31mred\x1b[0m""#,
        r#"Text "\x1b]0;a new window title\x07""#,
        r#"Text "\u{9b}31m C1 control""#,
        r#"Text "first line\r\nsecond line\n\tand a tab""#,
        r"\u{202e}gnp.exe\u{202c}",
        "漢字とかな、全角ＡＢＣ",
        r#"Ping [MASKED] "\x1b[31m""#,
        r#"Close [MASKED] 1000 Normal Closure "\x1b[31mred\n""#,
    ] {
        assert!(infos.contains(expected), "{expected}:\n{infos}");
    }
}

#[test]
fn a_request_with_unreadable_text_is_an_upgrade_all_the_same() {
    let run = wsdump("http_unreadable_text.pcap");
    assert!(
        run.stderr.starts_with("18 packets, 1 connection, "),
        "{}",
        run.stderr
    );
}

// JSON

#[test]
fn every_json_line_of_every_capture_keeps_the_contract() {
    let mut seen = BTreeSet::new();
    for name in captures() {
        let run = wsdump(&format!("--json -a --max-payload 65536 {name}"));
        let mut packet = 0;
        for line in run.json() {
            check_line(&line, &mut seen);
            let number = line["packet"].as_u64().unwrap();
            assert!(number >= packet, "{name}: {number} after {packet}");
            packet = number;
        }
    }
    // The captures show all that the contract names.
    let unseen: Vec<_> = all_fields().difference(&seen).cloned().collect();
    assert_eq!(unseen, [""; 0]);
}

#[test]
fn json_has_no_heading_and_the_closing_line_is_not_among_its_lines() {
    let run = wsdump("--json chat.pcap");
    assert_eq!(run.code, 0);
    assert_eq!(run.stderr, CHAT_CLOSING);
    assert_eq!(run.json().len(), 17);
    assert_eq!(wsdump("--json other_dns.pcap").stdout, "");
}

#[test]
fn json_gives_a_message_after_its_frames() {
    let told: Vec<String> = wsdump("--json --only frame,message ws_fragments.pcap")
        .json()
        .iter()
        .filter(|line| line["from"] == "client")
        .map(|line| {
            let text = line.get("text").and_then(|text| text.as_str());
            let (kind, opcode) = (line["type"].as_str(), line["opcode"].as_str());
            format!(
                "{} {} {}",
                kind.unwrap(),
                opcode.unwrap(),
                text.unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "frame text -",
            "frame ping between",
            "frame continuation -",
            "frame continuation -",
            "message text one two three",
            "frame close -",
        ]
    );
}

// The closing lines

#[test]
fn where_there_is_no_websocket_the_last_line_says_what_there_was() {
    for (name, packets, instead) in [
        (
            "other_tls.pcap",
            14,
            "; instead: 1 TLS connection (what TLS carries cannot be read without its keys)",
        ),
        (
            "h2_wss.pcap",
            45,
            "; instead: 1 TLS connection (what TLS carries cannot be read without its keys)",
        ),
        (
            "other_http.pcap",
            14,
            "; instead: 1 HTTP connection that asks for no WebSocket",
        ),
        ("other_h2.pcap", 10, "; instead: 1 HTTP/2 connection"),
        ("other_dns.pcap", 6, "; instead: 6 UDP packets"),
        (
            "other_arp_icmp.pcap",
            4,
            "; instead: 4 packets that are neither TCP nor UDP",
        ),
        ("other_ssh.pcap", 10, "; instead: 1 other TCP connection"),
        (
            "other_silent.pcap",
            18,
            "; instead: 3 other TCP connections",
        ),
        ("other_no_packets.pcap", 0, ": the capture holds no packets"),
    ] {
        let run = wsdump(name);
        assert_eq!(run.code, 0, "{name}");
        assert!(run.rows().is_empty(), "{name}");
        assert_eq!(
            run.stderr,
            format!(
                "{packets} packets, 0 connections, 0 messages, 0 anomalies\nno WebSocket{instead}\n"
            )
        );
    }
}

#[test]
fn the_closing_lines_say_what_made_the_result_less_than_whole() {
    let run = wsdump("snap96.pcap");
    assert_eq!(run.code, 0);
    let line = "123 packets were cut by the snap length; capture with -s 0";
    assert_eq!(run.stderr.lines().nth(1), Some(line));
}

// Not so yet

#[test]
fn no_control_character_from_the_network_is_raw_in_json() {
    for name in captures() {
        let run = wsdump(&format!("--json -a --max-payload 65536 {name}"));
        assert_eq!(harmful(&run.stdout), BTreeSet::new(), "{name}");
    }
}

#[test]
fn a_hex_dump_stands_under_each_message_where_only_messages_are_wanted() {
    let run = wsdump("-x --only message deflate_takeover.pcap");
    assert!(run.stdout.contains("|client message 1|"), "{}", run.stdout);
}

#[test]
fn every_row_stands_under_its_heading() {
    for arguments in [
        "-a chat.pcap",
        "-a ws_masking.pcap",
        "-a ip_fragments.pcap",
        "-a tcp_ipv6.pcap",
    ] {
        let run = wsdump(arguments);
        let heading: Vec<char> = run.stdout.lines().next().unwrap().chars().collect();
        let arrow = heading.iter().position(|c| *c == '→').unwrap();
        let length_ends = heading.iter().collect::<String>().find("Length").unwrap() - 2 + 6;
        for row in run.rows() {
            let row: Vec<char> = row.chars().collect();
            assert_eq!(
                row.get(arrow),
                Some(&'→'),
                "{arguments}: {}",
                row.iter().collect::<String>()
            );
            // A length ends where the word does, and two spaces follow.
            let behind = row.get(length_ends..(length_ends + 2).min(row.len()));
            let is_space = behind.is_none_or(|behind| behind.iter().all(|c| *c == ' '));
            assert!(is_space, "{arguments}: {}", row.iter().collect::<String>());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_every_row_has_the_columns_of_the_heading() {
    for arguments in [
        "-q ws_masking.pcap",
        "-q chat.pcap tcp_ipv6.pcap",
        "-q tcp_ipv6.pcap",
    ] {
        for columns in [80, 120, 200] {
            let output = support::on_a_terminal(columns, &[("NO_COLOR", "1")], arguments);
            let (heading, rows) = output.split_once('\n').unwrap();
            let is_wide = heading.contains("Source");
            for row in rows.lines().filter(|row| row.contains("[SYN")) {
                let names_protocol = row.contains("  TCP  ");
                assert_eq!(names_protocol, is_wide, "{columns}, {arguments}: {row}");
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_dump_and_no_late_row_is_wider_than_the_terminal() {
    use unicode_width::UnicodeWidthStr as _;
    for arguments in ["-q -x ws_json.pcap", "-q chat.pcap tcp_ipv6.pcap"] {
        for columns in [80, 120] {
            let output = support::on_a_terminal(columns, &[("NO_COLOR", "1")], arguments);
            for line in output.lines() {
                assert!(
                    line.width() <= columns.into(),
                    "{columns}, {arguments}: {line}"
                );
            }
        }
    }
}

#[test]
fn each_of_several_pings_with_the_same_payload_has_its_pong() {
    let pongs: Vec<bool> = wsdump("--json --only frame browser_chat.pcap")
        .json()
        .iter()
        .filter(|line| line["opcode"] == "pong")
        .map(|line| line.contains_key("rtt_seconds"))
        .collect();
    assert_eq!(pongs, [true; 6]);
}

#[test]
fn a_datagram_whose_fragments_never_came_is_counted_at_the_end() {
    let run = wsdump("ip_fragments_lost.pcap");
    let line = "1 IP datagram was given up because fragments were missing";
    assert_eq!(run.stderr.lines().nth(1), Some(line));
}

#[test]
fn a_connection_that_holds_too_much_is_given_up_told_and_counted() {
    let run = wsdump("--json --max-memory 1 deflate_bomb_large.pcap");
    assert_eq!(run.code, 0);
    let line = "1 connection was given up because memory was full (--max-memory)";
    assert_eq!(run.stderr.lines().nth(1), Some(line));
    let json = run.json();
    let told = |kind| json.iter().any(|line| line["type"] == kind);
    assert!(told("message") && told("connection"), "{}", run.stdout);
    let run = wsdump("--json --max-memory 64 deflate_bomb_large.pcap");
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn connections_without_a_packet_for_too_long_are_forgotten_and_counted() {
    let run = wsdump("--max-idle 1ms chat.pcap");
    assert_eq!(run.code, 0);
    let line = "4 connections were forgotten after too long without a packet (--max-idle)";
    assert_eq!(run.stderr.lines().nth(1), Some(line));
    assert_eq!(wsdump("--max-idle 1h chat.pcap"), wsdump("chat.pcap"));
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_nobody_can_read_is_a_failure() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = program().arg("--help").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

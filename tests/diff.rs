//! `wsdump diff` as a user meets it: two captures in, what differs and an exit status out.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

#[path = "support/cli.rs"]
#[allow(dead_code)] // Other parts of it are for other tests.
mod cli;
mod support;

use std::collections::BTreeSet;

use cli::{Folder, Run, captures, harmful, long_options, program, run, without_colours};
use serde_json::Value;
use support::pairs::{pairs, pcap};

/// Compares captures of `testdata/`.
fn diff(arguments: &[&str]) -> Run {
    run(program().arg("diff").args(arguments))
}

#[test]
fn every_option_is_tested_here() {
    let tests = [include_str!("diff.rs"), include_str!("support/pairs.rs")];
    let tests = tests.concat();
    let options = long_options("diff");
    assert!(options.len() >= 9, "{options:?}");
    for option in &options {
        assert!(tests.contains(&format!("\"{option}")), "{option}");
    }
    let help = cli::wsdump("diff --help").stdout;
    let (before, _) = help.split_once("What is compared:").unwrap();
    for option in ["--json", "--color", "--help"] {
        assert!(before.contains(option), "{option}");
    }
}

#[test]
fn captures_of_one_conversation_are_alike_however_they_were_made() {
    for other in [
        "chat_ns_be.pcap",
        "chat.pcapng.zst",
        "tunnel_gre_key.pcap",
        "ipv6.pcap",
    ] {
        let run = diff(&["chat.pcap", other]);
        assert_eq!((run.code, &*run.stderr), (0, ""), "{other}");
        let expected = "The same is said on 1 connection.\n\n";
        assert!(run.stdout.starts_with(expected), "{}", run.stdout);
    }
}

#[test]
fn every_capture_is_like_itself_unless_it_cannot_be_compared() {
    let mut compared = 0;
    // They take the longest, and differ from others in their size alone.
    let large = [
        "check_large_message.pcap",
        "deflate_bomb_large.pcap",
        "lossy.client.pcap.gz",
        "tcp_out_of_order_limit.pcap.gz",
    ];
    for name in captures()
        .iter()
        .filter(|name| !large.contains(&name.as_str()))
    {
        let run = diff(&["--strict", name, name]);
        if run.code == 2 {
            assert_eq!(run.stdout, "", "{name}");
            let reason = run
                .stderr
                .strip_prefix(&format!("wsdump: {name}: "))
                .unwrap();
            let expected = [
                "no WebSocket",
                "at byte ",
                "cannot read packets of link type ",
            ];
            assert!(
                expected.iter().any(|start| reason.starts_with(start)),
                "{reason}"
            );
            continue;
        }
        assert_eq!((run.code, &*run.stderr), (0, ""), "{name}:\n{}", run.stdout);
        assert!(run.stdout.starts_with("The same is said on "), "{name}");
        compared += 1;
    }
    assert!(compared > 150, "{compared}");
}

#[test]
fn what_differs_is_told_with_its_place() {
    let run = diff(&["chat.pcap", "ws_json.pcap"]);
    assert_eq!((run.code, &*run.stderr), (1, ""));
    for expected in [
        "connection 1 (/chat) differs from connection 1 of chat.pcap: messages of the client: 1 \
         changed; ",
        "  messages of the client: 1 in chat.pcap, 1 in ws_json.pcap\n",
        "     -    1     #10   0.056345  \"hello\"\n",
        "     +    1      #8   0.001750  {\"type\": \"subscribe\", \"channel\": \"prices\"}\n",
        " Messages of the server        2        2\n",
    ] {
        assert!(run.stdout.contains(expected), "{}", run.stdout);
    }
    let run = diff(&["chat.pcap", "mqtt.pcap"]);
    assert_eq!(run.code, 1);
    let expected = "connection 1 (/chat) of chat.pcap is not in mqtt.pcap\n";
    assert!(run.stdout.starts_with(expected), "{}", run.stdout);
}

#[test]
fn what_cannot_be_compared_is_refused_and_says_which_and_why() {
    let text = "other_text.pcap: at byte 0: not a capture: ";
    for (arguments, message) in [
        (
            &["missing.pcap", "chat.pcap"][..],
            "missing.pcap: cannot be opened: ",
        ),
        (
            &["chat.pcap", "missing.pcap"],
            "missing.pcap: cannot be opened: ",
        ),
        (&["chat.pcap", "other_text.pcap"], text),
        (
            &["chat_cut.pcap", "chat.pcap"],
            "chat_cut.pcap: at byte 1344: cut in the middle of a",
        ),
        (
            &["chat.pcap", "chat_cut.pcap.gz"],
            "chat_cut.pcap.gz: at byte 1235 of the decompressed",
        ),
        (
            &["chat.pcap", "other_dns.pcap"],
            "other_dns.pcap: no WebSocket; instead: 6 UDP packets\n",
        ),
        (
            &["other_no_packets.pcap", "chat.pcap"],
            "other_no_packets.pcap: no WebSocket: the capture",
        ),
        (
            &["link_user0.pcap", "chat.pcap"],
            "link_user0.pcap: cannot read packets of link type USER0",
        ),
        (
            &["--limit", "connections=0", "chat.pcap", "chat.pcap"],
            "invalid value 'connections=0' for '--limit <NAME=VALUE>': connections takes a whole \
             number from 1 to 16777216",
        ),
        (
            &["maker", "chat.pcap"],
            "maker: is a directory, not a capture file",
        ),
        (
            &["chat.pcap"],
            "the following required arguments were not provided",
        ),
        (
            &["--ignore", "ts", "chat.pcap", "chat.pcap"],
            "--ignore: ts: this is no JSONPath: ",
        ),
        (
            &["--ignore-text", "(", "chat.pcap", "chat.pcap"],
            "--ignore-text: (: this is no regular expression: unclosed group\n",
        ),
        (
            &["--headers", "a b", "chat.pcap", "chat.pcap"],
            "invalid value 'a b' for '--headers",
        ),
        (
            &["--color", "red", "chat.pcap", "chat.pcap"],
            "invalid value 'red' for '--color",
        ),
    ] {
        for json in [&[][..], &["--json"]] {
            let arguments = [json, arguments].concat();
            let run = diff(&arguments);
            assert_eq!((run.code, &*run.stdout), (2, ""), "{arguments:?}");
            let expected = format!("wsdump: {message}");
            assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
        }
    }
}

#[test]
fn options_say_what_is_compared() {
    for pair in pairs() {
        let folder = Folder::new();
        folder.write("left.pcap", pcap(&pair.left));
        folder.write("right.pcap", pcap(&pair.right));
        for (options, alike) in [&[][..], pair.options].into_iter().zip(pair.alike) {
            for sides in [["left.pcap", "right.pcap"], ["right.pcap", "left.pcap"]] {
                let run = folder.run(&[&["diff"], options, &sides].concat());
                let expected = (i32::from(!alike), "");
                assert_eq!(
                    (run.code, &*run.stderr),
                    expected,
                    "{options:?}:\n{}",
                    run.stdout
                );
            }
            let run = folder.run(&[&["diff"], options, &["left.pcap", "left.pcap"]].concat());
            assert_eq!(run.code, 0, "{options:?}");
        }
    }
}

#[test]
fn colours_come_when_asked_for_and_only_then() {
    let plain = diff(&["chat.pcap", "stomp.pcap"]);
    let coloured = |when| diff(&["--color", when, "chat.pcap", "stomp.pcap"]);
    assert_eq!(coloured("never"), plain);
    assert_eq!(coloured("auto"), plain);
    let always = coloured("always");
    assert_ne!(always, plain);
    assert_eq!(without_colours(&always.stdout), plain.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_nothing_is_a_failure_and_a_closed_one_a_quiet_end() {
    for arguments in [
        &["diff", "chat.pcap", "chat_ns.pcap"][..],
        &["diff", "chat.pcap", "stomp.pcap"],
        &["diff", "--json", "chat.pcap", "mqtt.pcap"],
        &["diff", "--help"],
    ] {
        cli::check_outputs(arguments);
    }
}

// JSON

/// Fields that are always there, and others that may be.
type Fields = (&'static [&'static str], &'static [&'static str]);

fn check_fields(object: &Value, (always, maybe): Fields) {
    let object = object.as_object().unwrap();
    for name in always {
        assert!(object.contains_key(*name), "{name}: {object:?}");
    }
    let known = |name: &str| always.contains(&name) || maybe.contains(&name);
    let unknown: Vec<_> = object.keys().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}: {object:?}");
    assert!(!object.values().any(Value::is_null), "{object:?}");
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

const DOCUMENT: Fields = (
    &[
        "version",
        "alike",
        "left",
        "right",
        "connections",
        "missing",
        "extra",
    ],
    &[],
);
const SIDE: Fields = (
    &[
        "capture",
        "connections",
        "messages_client",
        "messages_server",
        "bytes_client",
        "bytes_server",
        "anomalies",
    ],
    &[
        "handshake_median_seconds",
        "upgrade_median_seconds",
        "rtt_median_seconds",
        "rtt_p99_seconds",
        "duration_median_seconds",
        "duration_max_seconds",
    ],
);
const PAIR: Fields = (
    &["left", "right", "alike", "differences"],
    &["out_of_order"],
);
const DIFFERENCE: Fields = (&["part", "left", "right", "rows"], &["from", "left_out"]);
const ROW: Fields = (&["change"], &["left", "right"]);
const CELL: Fields = (&["number", "value"], &["packet", "elapsed"]);

const PARTS: [&str; 7] = [
    "handshake",
    "messages",
    "pings",
    "pongs",
    "closes",
    "rules",
    "tcp_end",
];
const CHANGES: [&str; 5] = ["same", "changed", "missing", "extra", "moved"];

/// Checks a document; takes note of the parts and changes in it.
fn check_document(document: &Value, seen: &mut BTreeSet<String>) {
    check_fields(document, DOCUMENT);
    check_fields(&document["left"], SIDE);
    check_fields(&document["right"], SIDE);
    assert_eq!(document["version"], 1);
    let mut alike = true;
    for name in ["missing", "extra"] {
        alike &= list(&document[name]).is_empty();
        assert!(list(&document[name]).iter().all(Value::is_u64));
    }
    for pair in list(&document["connections"]) {
        check_fields(pair, PAIR);
        let differences = list(&pair["differences"]);
        let is_alike = differences.is_empty() && pair.get("out_of_order").is_none();
        assert_eq!(pair["alike"], is_alike, "{pair}");
        alike &= is_alike;
        for difference in differences {
            check_fields(difference, DIFFERENCE);
            let part = difference["part"].as_str().unwrap();
            assert!(PARTS.contains(&part), "{part}");
            let has_sender = !["handshake", "tcp_end"].contains(&part);
            assert_eq!(difference.get("from").is_some(), has_sender, "{difference}");
            seen.insert(part.to_owned());
            for row in list(&difference["rows"]) {
                check_row(row);
                seen.insert(row["change"].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(document["alike"], alike);
}

fn check_row(row: &Value) {
    check_fields(row, ROW);
    let change = row["change"].as_str().unwrap();
    assert!(CHANGES.contains(&change), "{change}");
    let sides = ["left", "right"].map(|side| row.get(side));
    let expected = [change != "extra", change != "missing"];
    assert_eq!(sides.map(|side| side.is_some()), expected, "{row}");
    for cell in sides.into_iter().flatten() {
        check_fields(cell, CELL);
        assert!(cell["number"].as_u64() > Some(0), "{cell}");
    }
}

#[test]
fn json_has_the_fields_that_are_documented() {
    let mut seen = BTreeSet::new();
    for (left, right) in [
        ("chat.pcap", "chat_ns.pcap"),
        ("chat.pcap", "stomp.pcap"),
        ("chat.pcap", "mqtt.pcap"),
        ("chat.pcap", "badaccept.pcap"),
        ("chat.pcap", "rejected.pcap"),
        ("rejected.pcap", "http_refused.pcap"),
        ("browser_chat.pcap", "ws_ping_pong.pcap"),
        ("tcp_reset.pcap", "tcp_half_close.pcap"),
        ("deflate_fragments.pcap", "deflate_mixed.pcap"),
        ("ws_unreadable_text.pcap", "http_unreadable_text.pcap"),
        ("ws_close_codes.pcap", "ws_close_endings.pcap"),
        ("many.pcap.gz", "graphql.pcap"),
    ] {
        let run = diff(&["--json", left, right]);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        check_document(&document, &mut seen);
        assert_eq!(document["left"]["capture"], left);
        assert_eq!(document["right"]["capture"], right);
        assert_eq!(
            run.code,
            i32::from(document["alike"] != true),
            "{left} {right}"
        );
        assert_eq!(run.stderr, "");
        let text = diff(&[left, right]);
        for output in [run.stdout, text.stdout] {
            assert_eq!(harmful(&output), BTreeSet::new(), "{left} {right}");
        }
    }
    for part in PARTS {
        assert!(seen.contains(part), "{part}: {seen:?}");
    }
    for change in ["same", "changed", "missing", "extra"] {
        assert!(seen.contains(change), "{change}: {seen:?}");
    }
}

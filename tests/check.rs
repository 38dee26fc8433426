//! `wsdump check` as a user meets it: arguments, captures and settings in, output, files and
//! exit status out.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

#[path = "support/cli.rs"]
#[allow(dead_code)] // Other parts of it are for other tests.
mod cli;
mod support;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cli::{Folder, Run, captures, harmful, long_options, program, run, without_colours};
use serde_json::{Map, Value};
use support::pairs::{pairs, pcap};
use wsdump::anomaly::Rule;

/// Checks captures of `testdata/`, whose settings are for others.
fn check(arguments: &[&str]) -> Run {
    run(program().args(["check", "--no-settings"]).args(arguments))
}

/// Captures that take the longest, and differ from others in their size alone.
const LARGE: [&str; 5] = [
    "check_large_message.pcap",
    "deflate_bomb_large.pcap",
    "lossy.client.pcap.gz",
    "many.pcap.gz",
    "tcp_out_of_order_limit.pcap.gz",
];

/// Names of all other captures.
fn quick() -> Vec<String> {
    let mut names = captures();
    names.retain(|name| !LARGE.contains(&&**name));
    names
}

/// Checks these captures.
fn check_all(arguments: &[&str], names: &[String]) -> Run {
    let names = names.iter().map(String::as_str);
    check(&arguments.iter().copied().chain(names).collect::<Vec<_>>())
}

/// All captures as JSON, eight at once: several tests look at them.
static AS_JSON: LazyLock<Run> =
    LazyLock::new(|| check_all(&["--format", "json", "-j", "8"], &captures()));

/// It was refused, with a message that begins like this.
fn refused(run: &Run, message: &str) {
    assert_eq!((run.code, &*run.stdout), (2, ""), "{}", run.stderr);
    let expected = format!("wsdump: {message}");
    assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
}

// Options

#[test]
fn every_option_is_tested_here_and_stands_under_its_heading() {
    let tests = [include_str!("check.rs"), include_str!("support/pairs.rs")];
    let tests = tests.concat();
    let options = long_options("check");
    assert!(options.len() > 25, "{options:?}");
    for option in &options {
        assert!(tests.contains(&format!("\"{option}")), "{option}");
    }
    let help = cli::wsdump("check --help").stdout;
    let heading_of = |option: &str| {
        let (before, _) = help.split_once(&format!("{option} ")).unwrap();
        let is_heading = |line: &&str| line.ends_with(':') && !line.starts_with(' ');
        before.lines().rfind(is_heading).unwrap()
    };
    for (option, heading) in [
        ("--fail-on", "Rules:"),
        ("--update", "Expectations and baseline:"),
        ("--ignore-pings", "What is compared:"),
        ("--strict", "What is compared:"),
        ("--max-pong", "Bounds:"),
        ("--format", "Options:"),
        ("--no-settings", "Options:"),
        ("--jobs", "Options:"),
        ("--verbose", "Options:"),
        ("--help", "Options:"),
    ] {
        assert_eq!(heading_of(option), heading, "{option}");
    }
}

/// What is asked, the exit status, and what is printed.
type Asked = (&'static [&'static str], i32, &'static str);

const fn passes(arguments: &'static [&'static str]) -> Asked {
    (arguments, 0, "ok    ")
}

const fn fails(arguments: &'static [&'static str], why: &'static str) -> Asked {
    (arguments, 1, why)
}

const ASKED: &[Asked] = &[
    passes(&["chat.pcap"]),
    // Rules
    fails(&["badaccept.pcap"], "error    wrong-accept  "),
    passes(&["check_no_close.pcap"]),
    passes(&["--fail-on", "error", "check_no_close.pcap"]),
    fails(&["--fail-on", "warning", "check_no_close.pcap"], "no-close"),
    passes(&["--fail-on", "warning", "deflate_lost_message.pcap"]),
    fails(
        &["--fail-on", "note", "deflate_lost_message.pcap"],
        "  note  ",
    ),
    passes(&["--fail-on", "never", "badaccept.pcap"]),
    passes(&["--allow", "wrong-accept", "badaccept.pcap"]),
    fails(
        &[
            "--allow",
            "wrong-accept",
            "--fail-on",
            "note",
            "badaccept.pcap",
        ],
        "warning  bare-line-feed  ",
    ),
    passes(&[
        "--allow",
        "wrong-accept,bare-line-feed",
        "--fail-on=note",
        "badaccept.pcap",
    ]),
    passes(&[
        "--allow",
        "wrong-accept",
        "--allow",
        "bare-line-feed",
        "--fail-on=note",
        "badaccept.pcap",
    ]),
    fails(
        &["--deny", "bad-key,no-close", "check_no_close.pcap"],
        "no-close",
    ),
    fails(
        &[
            "--deny",
            "no-close",
            "--deny",
            "bad-key",
            "check_no_close.pcap",
        ],
        "no-close",
    ),
    fails(
        &[
            "--fail-on",
            "never",
            "--deny",
            "wrong-accept",
            "badaccept.pcap",
        ],
        "wrong-accept",
    ),
    passes(&["--only-rule", "bad-key,bare-line-feed", "badaccept.pcap"]),
    fails(
        &[
            "--only-rule",
            "bad-key",
            "--only-rule",
            "wrong-accept",
            "badaccept.pcap",
        ],
        "wrong-accept",
    ),
    // Bounds
    fails(
        &["--fail-on", "warning", "check_slow_handshake.pcap"],
        "slow-handshake",
    ),
    passes(&[
        "--max-handshake",
        "1h",
        "--fail-on=warning",
        "check_slow_handshake.pcap",
    ]),
    fails(
        &[
            "--max-handshake",
            "1us",
            "--deny",
            "slow-handshake",
            "chat.pcap",
        ],
        "more than 1µs",
    ),
    fails(
        &["--fail-on", "warning", "check_unanswered_ping.pcap"],
        "unanswered-ping",
    ),
    passes(&[
        "--max-pong",
        "1h",
        "--fail-on=warning",
        "check_unanswered_ping.pcap",
    ]),
    fails(
        &["--fail-on", "warning", "check_large_message.pcap"],
        "large-message",
    ),
    passes(&[
        "--max-message",
        "16777217",
        "--fail-on=warning",
        "check_large_message.pcap",
    ]),
    fails(
        &["--fail-on", "warning", "check_retransmissions.pcap"],
        "retransmissions",
    ),
    passes(&[
        "--max-retransmissions",
        "100%",
        "--fail-on=warning",
        "check_retransmissions.pcap",
    ]),
    // Expectations
    passes(&[
        "--expect",
        "messages == 3",
        "--expect",
        "close.code == 1000",
        "chat.pcap",
    ]),
    fails(
        &[
            "--expect",
            "messages == 3",
            "--expect",
            "messages == 4",
            "chat.pcap",
        ],
        "expectation messages == 4: messages is 3",
    ),
    fails(
        &["--expect", "rtt.max_ms < 5", "chat.pcap"],
        "expectation rtt.max_ms < 5: error: the capture does not tell: rtt.max_ms has no value",
    ),
    // What cannot be checked
    fails(
        &["chat_cut.pcap"],
        "capture: error: chat_cut.pcap: at byte 1344: cut in the middle of a packet",
    ),
    fails(&["missing.pcap"], "missing.pcap: cannot be opened: "),
    fails(&["other_text.pcap"], "at byte 0: not a capture"),
    fails(
        &["other_dns.pcap"],
        "capture: no WebSocket; instead: 6 UDP packets",
    ),
    passes(&["--expect", "connections == 0", "other_dns.pcap"]),
    passes(&[
        "--expect",
        "messages == 0 and connections < 1",
        "other_dns.pcap",
    ]),
    fails(
        &["--expect", "messages == 0", "other_dns.pcap"],
        "no WebSocket",
    ),
    fails(&["--expect", "connections == 0", "chat_cut.pcap"], "cut in"),
    fails(
        &["--expect", "connections == 0", "link_user0.pcap"],
        "cannot read packets of link type USER0 (147)",
    ),
    // One that fails among several
    fails(
        &["chat.pcap", "badaccept.pcap", "mqtt.pcap"],
        "2 passed, 1 failed\n",
    ),
    (&["-q", "chat.pcap", "mqtt.pcap"], 0, ""),
];

#[test]
fn what_is_asked_of_a_capture_decides_the_exit_status() {
    for (arguments, code, expected) in ASKED {
        let run = check(arguments);
        assert_eq!((run.code, &*run.stderr), (*code, ""), "{arguments:?}");
        assert!(
            run.stdout.contains(expected),
            "{arguments:?}:\n{}",
            run.stdout
        );
    }
}

/// What is asked, and how the message begins.
const REFUSED: &[(&[&str], &str)] = &[
    (&[], "the following required arguments were not provided"),
    (&["--nope", "chat.pcap"], "unexpected argument '--nope'"),
    (
        &["--fail-on", "fatal", "chat.pcap"],
        "invalid value 'fatal' for '--fail-on <SEVERITY>': fatal is none of error, warning, \
             note and never",
    ),
    (
        &["--allow", "no-closs", "chat.pcap"],
        "invalid value 'no-closs' for '--allow <RULE>': there is no rule no-closs; did you \
             mean no-close?",
    ),
    (
        &["--deny", "no-close,bad-kee", "chat.pcap"],
        "invalid value 'bad-kee' for '--deny <RULE>': there is no rule bad-kee; did you mean \
             bad-key?",
    ),
    (
        &["--only-rule", "everything", "chat.pcap"],
        "invalid value 'everything' for '--only-rule <RULE>': there is no rule everything; \
             wsdump check --rules lists them",
    ),
    (
        &["--explain", "no-closs"],
        "invalid value 'no-closs' for '--explain",
    ),
    (
        &["--allow", "no-close", "--deny", "no-close", "chat.pcap"],
        "--allow and --deny both have no-close; leave one out\n",
    ),
    (
        &["--expect", "messages == 3 and mesages == 3", "chat.pcap"],
        "--expect: there is no name mesages\n  messages == 3 and mesages == 3\n\
             \x20                   ^^^^^^^\n  did you mean messages?",
    ),
    (&["--expect", "", "chat.pcap"], "--expect: "),
    (
        &["--expect-file", "no.txt", "chat.pcap"],
        "no.txt cannot be read: ",
    ),
    (
        &["--baseline", "{folder}/{name}", "chat.pcap"],
        "invalid value '{folder}/{name}' for '--baseline <FILE>': only {name} may stand in \
             braces",
    ),
    (
        &["--baseline", "", "chat.pcap"],
        "invalid value '' for '--baseline <FILE>': a file is expected",
    ),
    (
        &["--update", "chat.pcap"],
        "chat.pcap: --update has no baseline to write; name one with --baseline, or in the \
             settings\n",
    ),
    (
        &[
            "--update",
            "--baseline",
            "no/x.json",
            "chat.pcap",
            "mqtt.pcap",
        ],
        "no/x.json would be written for both chat.pcap and mqtt.pcap; {name} in its name \
             stands for that of the capture\n",
    ),
    (
        &[
            "--update",
            "--baseline",
            "no/{name}.json",
            "chat.pcap",
            "chat.pcap.gz",
        ],
        "no/chat.json would be written for both chat.pcap and chat.pcap.gz; ",
    ),
    (
        &["--ignore", "ts", "chat.pcap"],
        "--ignore: ts: this is no JSONPath: ",
    ),
    (
        &["--ignore-text", "(", "chat.pcap"],
        "--ignore-text: (: this is no regular expression: unclosed group\n",
    ),
    (
        &["--headers", "User Agent", "chat.pcap"],
        "invalid value 'User Agent' for '--headers <NAMES>': \"User Agent\" is no name of a \
             header field",
    ),
    (
        &["--max-handshake", "0s", "chat.pcap"],
        "invalid value '0s' for '--max-handshake",
    ),
    (
        &["--max-pong", "soon", "chat.pcap"],
        "invalid value 'soon' for '--max-pong",
    ),
    (
        &["--max-message", "1k", "chat.pcap"],
        "invalid value '1k' for '--max-message",
    ),
    (
        &["--max-retransmissions", "101", "chat.pcap"],
        "invalid value '101' for '--max-retransmissions <PERCENT>': a number from 0 to 100",
    ),
    (
        &["--limit", "hed-bytes=1K", "chat.pcap"],
        "invalid value 'hed-bytes=1K' for '--limit <NAME=VALUE>': there is no limit hed-bytes; \
             did you mean head-bytes?",
    ),
    (
        &["--format", "xml", "chat.pcap"],
        "invalid value 'xml' for '--format <FORMAT>': no such format; there are text, json, \
             junit, sarif, github",
    ),
    (
        &["--jobs", "many", "chat.pcap"],
        "invalid value 'many' for '--jobs <N>'",
    ),
    (
        &["--color", "blue", "chat.pcap"],
        "invalid value 'blue' for '--color",
    ),
    (
        &["--quiet", "--verbose", "chat.pcap"],
        "the argument '--quiet' cannot be used with",
    ),
    (
        &["--settings", "no.toml", "chat.pcap"],
        "the argument '--no-settings' cannot be used with '--settings <FILE>'",
    ),
];

#[test]
fn what_cannot_be_understood_is_refused_before_any_work() {
    for (arguments, message) in REFUSED {
        refused(&check(arguments), message);
    }
    let run = run(program().args(["check", "--settings", "no.toml", "chat.pcap"]));
    refused(&run, "no.toml cannot be read: ");
}

#[test]
fn expectations_come_from_files_and_a_bad_one_is_named_with_its_line() {
    let folder = Folder::new();
    folder.copy("chat.pcap", "chat.pcap");
    folder.write(
        "good",
        "# three of them\n\n  messages == 3\r\n\t# and\nclose.clean == true",
    );
    folder.write("none", "#\n\n");
    folder.write("false", "messages == 3\nmessages == 5\n");
    folder.write("bad", "# one\nmessages == 3\n\n  mesages == 3\n");
    let check = |files: &[&str]| {
        let files = files.iter().flat_map(|file| ["--expect-file", file]);
        let arguments: Vec<_> = ["check", "chat.pcap"].into_iter().chain(files).collect();
        folder.run(&arguments)
    };
    assert_eq!(check(&["good", "none"]).code, 0);
    let run = check(&["good", "false"]);
    let expected = "      expectation messages == 5: messages is 3\n\n";
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains(expected), "{}", run.stdout);
    let message =
        "bad, line 4: there is no name mesages\n  mesages == 3\n  ^^^^^^^\n  did you mean";
    refused(&check(&["good", "bad"]), message);
    refused(&check(&["."]), ". cannot be read: ");
    folder.write("binary", [0xff]);
    refused(&check(&["binary"]), "binary cannot be read: ");
}

#[test]
fn rules_and_names_are_listed_and_each_rule_is_explained() {
    let rules = cli::wsdump("check --rules");
    assert_eq!((rules.code, &*rules.stderr), (0, ""));
    for rule in Rule::ALL {
        let name = rule.name();
        assert!(rules.stdout.contains(&format!("│ {name} ")), "{name}");
        let run = cli::wsdump(&format!("check --explain {name}"));
        assert_eq!((run.code, &*run.stderr), (0, ""), "{name}");
        let expected = format!("{name}: {}, {}\n\n", rule.severity(), rule.reference());
        assert!(run.stdout.starts_with(&expected), "{}", run.stdout);
        assert!(
            run.stdout
                .contains(rule.explanation().split(' ').next().unwrap())
        );
        assert_eq!(harmful(&run.stdout), BTreeSet::new(), "{name}");
    }
    let names = cli::wsdump("check --names");
    assert_eq!((names.code, &*names.stderr), (0, ""));
    let names: Vec<_> = names
        .stdout
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert!(names.len() > 50, "{names:?}");
    for name in ["connections", "close.code", "rtt.p99_ms", "anomalies.error"] {
        assert!(names.contains(&name), "{name}");
    }
}

// Folders and settings

#[test]
fn captures_of_a_folder_are_checked_and_a_folder_without_is_no_pass() {
    let folder = Folder::new();
    folder.copy("chat.pcap", "all/b.pcap");
    folder.copy("chat.pcap.gz", "all/a/c.pcap.gz");
    folder.write("all/notes.txt", "none");
    folder.write("empty/notes.txt", "none");
    let run = folder.run(&["check", "all"]);
    let expected = "\
ok    all/a/c.pcap.gz           1 connection, 3 messages
ok    all/b.pcap                1 connection, 3 messages
2 captures: 2 passed, 0 failed
";
    assert_eq!((run.code, &*run.stdout), (0, expected));
    let reason = "empty holds no capture: no file that ends in .pcap, .pcapng, .cap or .dmp\n";
    for arguments in [
        &["check", "empty"][..],
        &["check", "empty", "--update", "--baseline", "x"],
    ] {
        let run = folder.run(arguments);
        assert_eq!((run.code, &*run.stderr), (1, ""), "{arguments:?}");
        assert!(run.stdout.contains(reason), "{}", run.stdout);
    }
}

#[test]
fn settings_are_the_nearest_and_the_command_line_is_stronger() {
    let folder = Folder::new();
    for name in ["top/good.pcap", "top/in/good.pcap", "top/in/deep/good.pcap"] {
        folder.copy("check_no_close.pcap", name);
    }
    folder.copy("badaccept.pcap", "top/bad.pcap");
    folder.write(
        "top/wsdump.toml",
        "fail-on = 'warning'\n[[capture]]\nglob = 'bad*'\nfail-on = 'never'\n",
    );
    folder.write("top/in/wsdump.toml", "expect = ['messages == 4']\n");
    folder.write(
        "other.toml",
        "only-rule = ['bad-key']\nexpect = ['messages == 5']\n",
    );
    let ok = |names: &[&str]| names.iter().map(|name| format!("top/{name}")).collect();
    let all = ["bad.pcap", "good.pcap", "in/deep/good.pcap", "in/good.pcap"];
    for (arguments, expected) in [
        (
            &["top"][..],
            &["bad.pcap", "in/deep/good.pcap", "in/good.pcap"][..],
        ),
        (&["top/good.pcap", "top/bad.pcap"], &["bad.pcap"]),
        // Settings lie beside what was typed, or below.
        (&["top/in/deep"], &["in/deep/good.pcap"]),
        (&["top", "--fail-on", "error"], &all[1..]),
        (&["top", "--allow", "no-close"], &all),
        (&["top", "--no-settings"], &all[1..]),
        (&["top", "--settings", "other.toml"], &[]),
        (
            &["top/good.pcap", "--settings", "top/in/wsdump.toml"],
            &["good.pcap"],
        ),
        (&["top/in/good.pcap", "--expect", "messages == 5"], &[]),
    ] {
        let arguments = [&["check"], arguments].concat();
        let run = folder.run(&arguments);
        let passed = run
            .stdout
            .lines()
            .filter_map(|line| line.strip_prefix("ok    "));
        let passed: Vec<_> = passed.map(|line| line.split(' ').next().unwrap()).collect();
        let expected: Vec<String> = ok(expected);
        assert_eq!(
            passed, expected,
            "{arguments:?}:\n{}{}",
            run.stdout, run.stderr
        );
        assert_eq!(
            run.code,
            i32::from(run.stdout.contains("FAIL")),
            "{arguments:?}"
        );
    }
}

#[test]
fn settings_that_cannot_be_used_are_refused_with_their_line() {
    let folder = Folder::new();
    folder.copy("chat.pcap", "chat.pcap");
    for (text, message) in [
        (
            "\nstrikt = true",
            "wsdump.toml, line 2: there is no key strikt; did you mean strict?\n",
        ),
        (
            "expect = [\n  'messages == 3',\n  'mesages == 3']",
            "wsdump.toml, line 3: there is no name mesages\n  mesages == 3\n  ^^^^^^^",
        ),
        (
            "strict = true\nignore = ['ts']",
            "wsdump.toml, line 2: ts: this is no JSONPath: ",
        ),
        (
            "allow = ['no-closs']",
            "wsdump.toml, line 1: allow: there is no rule no-closs; did you",
        ),
        (
            "[[capture]]\nstrict = true",
            "wsdump.toml, line 1: this [[capture]] has no glob",
        ),
    ] {
        folder.write("wsdump.toml", text);
        refused(&folder.run(&["check", "chat.pcap"]), message);
        assert_eq!(folder.run(&["check", "--no-settings", "chat.pcap"]).code, 0);
    }
}

#[test]
fn a_baseline_of_settings_lies_beside_them() {
    let folder = Folder::new();
    folder.copy("chat.pcap", "all/one/chat.pcap");
    folder.copy("mqtt.pcap", "all/mqtt.pcap");
    folder.write("all/wsdump.toml", "baseline = 'said/{name}.json'");
    let run = folder.run(&["check", "--update", "all"]);
    let expected = "wsdump: recorded all/said/mqtt.json\nwsdump: recorded all/said/chat.json\n";
    assert_eq!((run.code, &*run.stderr), (0, expected));
    assert_eq!(folder.run(&["check", "all"]).code, 0);
    let run = folder.run(&["check", "--baseline", "all/said/chat.json", "all/mqtt.pcap"]);
    assert_eq!(run.code, 1, "the command line is stronger");
}

// Baselines

#[test]
fn a_baseline_is_recorded_compared_and_recorded_anew() {
    let folder = Folder::new();
    folder.copy("chat.pcap", "chat.pcap");
    folder.copy("stomp.pcap", "other.pcap");
    let check = |capture, more: &[&str]| {
        let arguments = ["check", "--baseline", "not/yet/there/x.json", capture];
        folder.run(&[&arguments, more].concat())
    };
    let run = check("chat.pcap", &[]);
    let missing = "not/yet/there/x.json cannot be read: No such file or directory (os error 2); \
                   record the baseline with --update\n";
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains(missing), "{}", run.stdout);

    let run = check("chat.pcap", &["--update"]);
    assert_eq!(
        (run.code, &*run.stderr),
        (0, "wsdump: recorded not/yet/there/x.json\n")
    );
    let recorded = folder.read("not/yet/there/x.json");
    assert_eq!(check("chat.pcap", &[]).code, 0);
    let run = check("chat.pcap", &["--update"]);
    assert_eq!(
        (run.code, &*run.stderr),
        (0, "wsdump: not/yet/there/x.json is as it was\n")
    );

    let run = check("other.pcap", &[]);
    assert_eq!(run.code, 1);
    let expected =
        "baseline not/yet/there/x.json: connection 1 (/stomp) differs from the baseline: ";
    assert!(run.stdout.contains(expected), "{}", run.stdout);
    assert_eq!(folder.read("not/yet/there/x.json"), recorded);
    assert_eq!(check("other.pcap", &["--update"]).code, 0);
    assert_eq!(check("other.pcap", &[]).code, 0);
    assert_eq!(
        folder.names(),
        ["chat.pcap", "not/yet/there/x.json", "other.pcap"]
    );
}

#[test]
fn a_baseline_that_cannot_be_used_is_named_and_update_replaces_it() {
    let folder = Folder::new();
    folder.copy("chat.pcap", "chat.pcap");
    for (text, expected) in [
        ("{", "x.json: this is no baseline: EOF while parsing"),
        (
            "{\"wsdump_baseline\": 1, \"connections\": 3}",
            "x.json: this is no baseline: ",
        ),
        (
            "{\"wsdump_baseline\": 2, \"news\": []}",
            "x.json: the baseline has version 2, and this wsdump reads version 1; record it anew \
             with --update",
        ),
        (
            "{\"wsdump_baseline\": 1, \"compared\": {\"ignore\": [\"ts\"]}, \"connections\": []}",
            "x.json: ts: this is no JSONPath: ",
        ),
    ] {
        folder.write("x.json", text);
        let run = folder.run(&["check", "--baseline", "x.json", "chat.pcap"]);
        assert_eq!((run.code, &*run.stderr), (1, ""), "{text}");
        assert!(run.stdout.contains(expected), "{}", run.stdout);
    }
    folder.write("x.json", "{");
    let update = ["check", "--baseline", "x.json", "--update", "chat.pcap"];
    assert_eq!(folder.run(&update).code, 0);
    assert_eq!(
        folder
            .run(&["check", "--baseline", "x.json", "chat.pcap"])
            .code,
        0
    );
}

#[test]
fn a_baseline_that_cannot_be_written_stays_as_it_is() {
    let folder = Folder::new();
    folder.copy("chat.pcap", "chat.pcap");
    folder.copy("chat_cut.pcap", "cut.pcap");
    folder.write("old.json", "old");
    // Where it would be written first there is something else.
    folder.write("old.json.new/in/the/way", "");
    for (baseline, capture, expected) in [
        ("old.json", "chat.pcap", "old.json cannot be written: "),
        (
            "chat.pcap/x.json",
            "chat.pcap",
            "chat.pcap/x.json cannot be read: ",
        ),
        ("old.json.new", "chat.pcap", "old.json.new cannot be read: "),
        (
            "old.json",
            "cut.pcap",
            "cut.pcap: at byte 1344: cut in the middle of a packet",
        ),
        (
            "old.json",
            "missing.pcap",
            "missing.pcap: cannot be opened: ",
        ),
    ] {
        let run = folder.run(&["check", "--update", "--baseline", baseline, capture]);
        assert_eq!((run.code, &*run.stderr), (1, ""), "{baseline} {capture}");
        assert!(run.stdout.contains(expected), "{}", run.stdout);
        assert_eq!(folder.read("old.json"), "old");
    }
    let twice = [
        "check",
        "--update",
        "--baseline",
        "x.json",
        "chat.pcap",
        "./chat.pcap",
    ];
    refused(
        &folder.run(&twice),
        "x.json would be written for both chat.pcap and ./chat.pcap; ",
    );
}

#[test]
fn baselines_with_alike_names_are_written_side_by_side() {
    let folder = Folder::new();
    for number in 0..20 {
        let of = ["chat.pcap", "stomp.pcap"][number % 2];
        folder.copy(of, &format!("run.{number}.pcap"));
    }
    let baseline = ["check", ".", "-j", "8", "--baseline", "said/{name}"];
    let run = folder.run(&[&baseline[..], &["--update"]].concat());
    assert_eq!(
        (run.code, run.stderr.lines().count()),
        (0, 20),
        "{}",
        run.stdout
    );
    assert_eq!(folder.names().len(), 40, "{:?}", folder.names());
    let run = folder.run(&baseline);
    assert_eq!((run.code, &*run.stderr), (0, ""), "{}", run.stdout);
    assert_ne!(folder.read("said/run.0"), folder.read("said/run.1"));
}

#[test]
fn what_is_compared_is_kept_in_the_baseline() {
    for pair in pairs() {
        let folder = Folder::new();
        folder.write("left.pcap", pcap(&pair.left));
        folder.write("right.pcap", pcap(&pair.right));
        let check = |capture, more: &[&str]| {
            let arguments = ["check", "--baseline", "x.json", capture];
            folder.run(&[&arguments, more].concat()).code
        };
        let codes = pair.alike.map(|alike| i32::from(!alike));
        let options = pair.options;
        assert_eq!(check("left.pcap", &["--update"]), 0, "{options:?}");
        let without = folder.read("x.json");
        assert_eq!(check("right.pcap", &[]), codes[0], "{options:?}");
        // What was not recorded cannot be compared; to leave out more needs no recording.
        let known = !["--strict", "--headers"].contains(&options[0]);
        let expected = if known { codes[1] } else { 1 };
        assert_eq!(check("right.pcap", options), expected, "{options:?}");
        assert_eq!(
            check("left.pcap", options),
            i32::from(!known),
            "{options:?}"
        );

        let update = [options, &["--update"]].concat();
        assert_eq!(check("left.pcap", &update), 0, "{options:?}");
        let with = folder.read("x.json");
        assert_ne!(with, without, "{options:?}");
        assert!(with.contains(&options[0][2..]), "{with}");
        for more in [&[][..], options] {
            assert_eq!(check("left.pcap", more), 0, "{options:?}");
            assert_eq!(check("right.pcap", more), codes[1], "{options:?}");
        }
        // Whoever records anew need not say it again.
        assert_eq!(check("left.pcap", &["--update"]), 0);
        assert_eq!(folder.read("x.json"), with, "{options:?}");
    }
}

#[test]
fn a_baseline_without_what_is_to_be_compared_says_so() {
    let folder = Folder::new();
    folder.copy("chat.pcap", "chat.pcap");
    let base = ["check", "--baseline", "x.json", "chat.pcap"];
    assert_eq!(folder.run(&[&base[..], &["--update"]].concat()).code, 0);
    for (options, what) in [
        (&["--strict"][..], "fragmentation (--strict)"),
        (&["--headers", "host"], "the header field host"),
    ] {
        let run = folder.run(&[&base[..], options].concat());
        let expected = format!(
            "x.json: the baseline was recorded without {what}; record it anew with --update\n"
        );
        assert!(run.stdout.contains(&expected), "{}", run.stdout);
        assert_eq!(run.code, 1);
    }
}

#[test]
fn every_capture_passes_its_own_baseline() {
    let folder = Folder::new();
    // Of two that differ in their endings only, the baselines would have one name.
    for name in quick() {
        folder.copy(&name, &format!("{}.pcap", name.replace('.', "_")));
    }
    let arguments = [
        "check",
        ".",
        "--baseline",
        "said/{name}.json",
        "--strict",
        "--format",
        "json",
    ];
    let captures_of = |run: &Run| -> Vec<Value> {
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        document["captures"].as_array().unwrap().clone()
    };
    let recorded = folder.run(&[&arguments[..], &["--update"]].concat());
    let count = recorded.stderr.matches("wsdump: recorded ./said").count();
    let count = count + recorded.stderr.matches("wsdump: recorded said").count();
    let again = folder.run(&arguments);
    let mut passed = 0;
    for (recorded, again) in captures_of(&recorded).iter().zip(captures_of(&again)) {
        let name = &again["capture"];
        let test = |capture: &Value, kind| {
            let tests = capture["tests"].as_array().unwrap();
            tests.iter().find(|test| test["kind"] == kind).cloned()
        };
        let could_be_read = test(recorded, "capture").unwrap()["result"] == "passed";
        let baseline = test(&again, "baseline").map(|test| test["result"].clone());
        let expected = could_be_read.then_some(Value::from("passed"));
        assert_eq!(baseline, expected, "{name}");
        passed += usize::from(could_be_read);
    }
    assert_eq!(passed, count);
    assert!(passed > 150, "{passed}");
}

// Output

#[test]
fn more_or_less_is_said() {
    let captures = ["chat.pcap", "check_no_close.pcap", "badaccept.pcap"];
    let said = |option: &[&str]| check(&[option, &captures].concat()).stdout;
    let contains = |text: &str, what: [&str; 4]| what.map(|what| text.contains(what));
    // A capture that passes, what was found in it, what fails, the total.
    let what = [
        "ok    chat.pcap",
        "no-close",
        "wrong-accept",
        "3 captures: 2 passed, 1 failed\n",
    ];
    for (option, expected) in [
        (&[][..], [true, false, true, true]),
        (&["-q"], [false, false, true, false]),
        (&["--quiet"], [false, false, true, false]),
        (&["-v"], [true, true, true, true]),
        (&["--verbose"], [true, true, true, true]),
    ] {
        assert_eq!(contains(&said(option), what), expected, "{option:?}");
    }
    assert!(said(&[]).contains("bare-line-feed"));
    assert!(
        !said(&["-q"]).contains("bare-line-feed"),
        "it does not fail"
    );
}

#[test]
fn colours_come_when_asked_for_and_only_then() {
    let plain = check(&["chat.pcap", "badaccept.pcap"]);
    let coloured = |when| check(&["--color", when, "chat.pcap", "badaccept.pcap"]);
    assert_eq!(coloured("never"), plain);
    assert_eq!(coloured("auto"), plain);
    let always = coloured("always");
    assert_ne!(always, plain);
    assert_eq!(without_colours(&always.stdout), plain.stdout);
    assert_eq!(always.code, plain.code);
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_nothing_is_a_failure_and_a_closed_one_a_quiet_end() {
    for arguments in [
        &["check", "--no-settings", "chat.pcap", "badaccept.pcap"][..],
        &["check", "--no-settings", "--format", "json", "many.pcap.gz"],
        &["check", "--no-settings", "--format", "junit", "chat.pcap"],
        &[
            "check",
            "--no-settings",
            "--format",
            "sarif",
            "badaccept.pcap",
        ],
        &[
            "check",
            "--no-settings",
            "--format",
            "github",
            "badaccept.pcap",
        ],
        &["check", "--rules"],
        &["check", "--names"],
        &["check", "--explain", "no-close"],
        &["check", "--help"],
    ] {
        cli::check_outputs(arguments);
    }
}

#[test]
fn the_number_of_jobs_changes_nothing() {
    let one = check_all(&["--format", "json", "--jobs", "1"], &captures());
    assert_eq!(one, *AS_JSON);
}

#[test]
fn nothing_from_the_network_reaches_the_output_as_it_is() {
    let names = quick();
    let written = |arguments: &[&str]| check_all(arguments, &names).stdout;
    for (format, output) in [
        ("text", written(&["-v", "--format", "text"])),
        ("json", AS_JSON.stdout.clone()),
        ("junit", written(&["--format", "junit"])),
        ("sarif", written(&["--format", "sarif"])),
        ("github", written(&["-v", "--format", "github"])),
    ] {
        assert_eq!(harmful(&output), BTreeSet::new(), "{format}");
        let count = if format == "json" {
            captures()
        } else {
            quick()
        }
        .len();
        is_whole(format, &output, count);
    }
    // What is expected, and a baseline that differs, show what was said.
    let folder = Folder::new();
    folder.copy("chat.pcap", "chat.pcap");
    for name in ["ws_unreadable_text.pcap", "http_unreadable_text.pcap"] {
        folder.copy(name, name);
    }
    let baseline = ["check", "--baseline", "x.json"];
    assert_eq!(
        folder
            .run(&[&baseline[..], &["--update", "chat.pcap"]].concat())
            .code,
        0
    );
    let more = [
        "--expect",
        "close.reason == \"none\" and target == \"/none\"",
        "ws_unreadable_text.pcap",
        "http_unreadable_text.pcap",
    ];
    for format in ["text", "json", "junit", "sarif", "github"] {
        let run = folder.run(&[&baseline[..], &more, &["--format", format]].concat());
        assert_eq!(run.code, 1, "{format}");
        assert!(run.stdout.contains("red"), "{}", run.stdout);
        assert_eq!(harmful(&run.stdout), BTreeSet::new(), "{format}");
    }
    let update = ["--update", "ws_unreadable_text.pcap"];
    assert_eq!(folder.run(&[&baseline[..], &update].concat()).code, 0);
    let recorded = folder.read("x.json");
    assert!(recorded.contains("red"), "{recorded}");
    assert_eq!(harmful(&recorded), BTreeSet::new());
}

/// Whether a report of all captures begins and ends as it should, with a part of each.
fn is_whole(format: &str, output: &str, count: usize) {
    let (starts, ends, part, parts) = match format {
        "text" | "github" => ("ok    any_sll2.pcap", " failed\n", "\nok    ", None),
        "json" => (
            "{\"version\":1,\"captures\":[\n",
            "}\n",
            "\n{\"capture\":",
            Some(count),
        ),
        "junit" => (
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites ",
            "\n</testsuites>\n",
            "\n<testsuite ",
            Some(count),
        ),
        _ => ("{\"$schema\":\"https://", "}]}\n", "\"ruleId\":", None),
    };
    assert!(output.starts_with(starts), "{format}");
    let parts_found = output.matches(part).count();
    assert!(
        parts.is_none_or(|parts| parts == parts_found),
        "{format}: {parts_found}"
    );
    assert!(parts_found > 50, "{format}: {parts_found}");
    assert!(output.ends_with(ends), "{format}");
    if format == "sarif" {
        let document: Value = serde_json::from_str(output).unwrap();
        assert_eq!(document["version"], "2.1.0");
        assert_eq!(document["runs"].as_array().unwrap().len(), 1);
    }
    if format == "github" {
        assert!(output.contains("\n::error file=badaccept.pcap,line=6,title=wrong-accept::"));
    }
}

/// The fields of an object that are always there, and others that it may have; how to tell
/// what each holds.
type Fields = (
    &'static [(&'static str, fn(&Value) -> bool)],
    &'static [&'static str],
);

fn check_fields(object: &Value, (always, maybe): Fields) -> &Map<String, Value> {
    let object = object.as_object().unwrap();
    for (name, holds) in always {
        assert!(object.get(*name).is_some_and(holds), "{name}: {object:?}");
    }
    let known =
        |name: &str| always.iter().any(|(known, _)| *known == name) || maybe.contains(&name);
    let unknown: Vec<_> = object.keys().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}: {object:?}");
    assert!(!object.values().any(Value::is_null), "{object:?}");
    object
}

const DOCUMENT: Fields = (
    &[
        ("version", |value| *value == 1),
        ("captures", Value::is_array),
        ("passed", Value::is_u64),
        ("failed", Value::is_u64),
    ],
    &[],
);
const CAPTURE: Fields = (
    &[
        ("capture", Value::is_string),
        ("passed", Value::is_boolean),
        ("packets", Value::is_u64),
        ("connections", Value::is_u64),
        ("messages", Value::is_u64),
        ("tests", Value::is_array),
        ("findings", Value::is_array),
    ],
    &["findings_left_out"],
);
const TEST: Fields = (
    &[
        ("kind", |value| *value == "capture" || *value == "rules"),
        ("name", Value::is_string),
        ("result", |value| {
            ["passed", "failed", "error"].contains(&value.as_str().unwrap())
        }),
    ],
    &["problems"],
);
const PROBLEM: Fields = (
    &[("message", Value::is_string)],
    &["packet", "elapsed", "connection", "lines"],
);
const FINDING: Fields = (
    &[
        ("rule", Value::is_string),
        ("severity", |value| {
            ["error", "warning", "note"].contains(&value.as_str().unwrap())
        }),
        ("reference", Value::is_string),
        ("detail", Value::is_string),
        ("packet", Value::is_u64),
        ("elapsed", Value::is_f64),
        ("connection", Value::is_u64),
        ("from", |value| *value == "client" || *value == "server"),
        ("judgement", |value| {
            *value == "fails" || *value == "reported"
        }),
    ],
    &[],
);

#[test]
fn json_has_the_fields_that_are_documented() {
    assert_eq!((AS_JSON.code, &*AS_JSON.stderr), (1, ""));
    let document: Value = serde_json::from_str(&AS_JSON.stdout).unwrap();
    check_fields(&document, DOCUMENT);
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let all = list(document.get("captures"));
    let (mut passed, mut rules) = (0, BTreeSet::new());
    for capture in &all {
        let fields = check_fields(capture, CAPTURE);
        let tests = list(fields.get("tests"));
        // Each is looked at, also behind one that failed.
        let mut is_passed = true;
        for test in &tests {
            let test = check_fields(test, TEST);
            let problems = list(test.get("problems"));
            for problem in &problems {
                check_fields(problem, PROBLEM);
            }
            is_passed &= test["result"] == "passed";
        }
        assert_eq!(fields["passed"], is_passed, "{capture}");
        passed += u64::from(is_passed);
        for finding in list(fields.get("findings")) {
            let finding = check_fields(&finding, FINDING);
            let rule: Rule = finding["rule"].as_str().unwrap().parse().unwrap();
            assert_eq!(finding["severity"], rule.severity().name());
            assert_eq!(finding["reference"], rule.reference());
            rules.insert(rule);
        }
    }
    assert_eq!(document["passed"], passed);
    assert_eq!(document["failed"], all.len() as u64 - passed);
    assert_eq!(all.len(), captures().len());
    assert!(rules.len() > 40, "{rules:?}");
}

#[test]
fn standard_input_is_a_capture_like_any_other() {
    let chat = std::fs::read(cli::testdata().join("chat.pcap")).unwrap();
    let run = cli::wsdump_reading("check -", chat.chunks(100));
    let expected = "ok    -                         1 connection, 3 messages\n";
    assert_eq!(run.code, 0);
    assert!(run.stdout.starts_with(expected), "{}", run.stdout);
}

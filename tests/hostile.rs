//! Whatever a peer writes into any field, no output is changed by it: no terminal acts on it,
//! no spreadsheet runs it, no document or command is ended by it, no file is written elsewhere.
//!
//! One capture holds a connection for each poison, and has it in every field that traffic
//! controls.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, unreachable_pub)]
#[path = "support/cli.rs"]
mod cli;
mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cli::{Folder, Run, harmful, without_colours};
use serde_json::Value;
use support::packet::Wrap;
use support::{Client, Deflater, Server, Tcp, Trace, Upgrade, close, pairs, ping, pong, text};

/// What is put into each field. Line ends are left out of heads, where they would end a field.
const POISONS: &[&[u8]] = &[
    b"\x1b[2J\x1b[31mred",
    b"\x1b]8;;http://example.com\x07link\x1b]8;;\x07",
    b"\x1b]0;title\x1b\\ \x07\x08\x7f",
    "\u{9b}31m\u{9d}0;x\u{9c}\u{85}".as_bytes(),
    "\u{202e}gnp.exe\u{202c}\u{2066}x\u{2069}\u{200e}\u{200f}\u{61c}".as_bytes(),
    "\u{200b}\u{feff}\u{2060}\u{ad}\u{3164}\u{e0041}hidden".as_bytes(),
    "a\u{2028}b\u{2029}c\u{85}d".as_bytes(),
    b"=cmd|' /C calc'!A0",
    b"+1+1",
    b"-1-1",
    b"@SUM(1;2)",
    b"\t=1+1",
    "\u{ff1d}1+1".as_bytes(),
    b"</script><script>alert(1)</script>]]>&amp;<!--",
    b"\"',;\\\"\\u0000${IFS}`id`",
    b"%0A::error::x ::error::y",
    b"::error file=x::y",
    b"##[error]x ##vso[task.complete]y",
    b"../../../../etc/passwd",
    b"..\\..\\CON.txt",
    b"\xff\xfe\xc0\xaf",
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\r\n\r\nHTTP/1.1 200 OK\r\n\x00\n",
];

/// A connection whose every field begins with `poison`.
fn conversation(number: u16, poison: &[u8]) -> Trace {
    // A head is written as text; each byte becomes one again below.
    let latin: String = poison.iter().copied().map(char::from).collect();
    let in_head: String = latin.chars().filter(|c| !"\r\n\0".contains(*c)).collect();
    let in_target: String = in_head.chars().filter(|c| *c != ' ').collect();
    let upgrade = Upgrade::new()
        .request_line(&format!("GET {in_target}/?q={in_target} HTTP/1.1"))
        .asking("Host", &in_head)
        .asking("Origin", &in_head)
        .asking("User-Agent", &in_head)
        .asking("Sec-WebSocket-Key", &in_head)
        .asking("Sec-WebSocket-Version", &in_head)
        .asking("Sec-WebSocket-Protocol", &in_head)
        .asking("Sec-WebSocket-Extensions", &in_head)
        .asking(&format!("X-{in_target}"), &in_head)
        .status_line(&format!("HTTP/1.1 101 {in_head}"))
        .answering("Server", &in_head)
        .answering("Sec-WebSocket-Accept", &in_head)
        .answering("Sec-WebSocket-Protocol", &in_head)
        .answering(
            "Sec-WebSocket-Extensions",
            &format!("{in_head}; x={in_head}, permessage-deflate"),
        );
    let bytes = |head: Vec<u8>| -> Vec<u8> {
        let head = String::from_utf8(head).unwrap();
        head.chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect()
    };
    let mut tcp = Tcp::default();
    tcp.ends[0].set_port(50_000 + number);
    tcp.wraps = [vec![Wrap::Vlan(number)], vec![Wrap::Vlan(number)]];
    tcp.now += u64::from(number) * 1_000_000_000;
    tcp.handshake();
    tcp.send(Client, &bytes(upgrade.request()));
    tcp.send(Server, &bytes(upgrade.response()));
    let json = [b"{\"", poison, b"\": [\"", poison, b"\"]}"].concat();
    tcp.frames(Client, &[text(poison), text(&json), ping(poison)]);
    tcp.frames(Server, &[pong(poison), ping(b"other")]);
    let compressed = Deflater::new(true).message(poison);
    tcp.frames(Server, &[text(compressed).compressed(), text("fine")]);
    // A reason that is no UTF-8 in two ways: lossy text, and bytes.
    tcp.frames(Client, &[close(1000, poison)]);
    tcp.frames(Server, &[close(3000, poison)]).end();
    tcp.trace
}

/// A refused upgrade, whose reason and Location are poison.
fn refused(number: u16, poison: &[u8]) -> Trace {
    let field: String = poison
        .iter()
        .filter(|byte| byte.is_ascii() && !b"\r\n\0".contains(byte))
        .copied()
        .map(char::from)
        .collect();
    let mut refusal = format!("HTTP/1.1 302 {field}\r\nContent-Length: 0\r\n");
    write!(refusal, "Location: {field}\r\n\r\n").unwrap();
    let mut tcp = Tcp::default();
    tcp.ends[0].set_port(51_000 + number);
    tcp.now += u64::from(number) * 1_000_000_000 + 500_000_000;
    tcp.handshake().send(Client, &Upgrade::new().request());
    tcp.send(Server, refusal.as_bytes()).end();
    tcp.trace
}

/// A folder with the capture `hostile.pcap`, and `tame.pcap` beside it.
fn folder() -> Folder {
    let mut hostile = Trace::new();
    for (number, poison) in (1..).zip(POISONS) {
        hostile.append(&mut conversation(number, poison));
        hostile.append(&mut refused(number, poison));
    }
    let mut tame = Trace::new();
    for number in (1..).take(POISONS.len()) {
        tame.append(&mut conversation(number, b"tame"));
        tame.append(&mut refused(number, b"tame"));
    }
    let folder = Folder::new();
    folder.write("hostile.pcap", pairs::pcap(&hostile));
    folder.write("tame.pcap", pairs::pcap(&tame));
    folder
}

/// Runs the program and looks at both of its outputs.
fn run(folder: &Folder, arguments: &str) -> Run {
    let words: Vec<_> = arguments.split(' ').collect();
    let run = folder.run(&words);
    assert!(run.code < 2, "{arguments}: {}", run.stderr);
    for text in [&run.stdout, &run.stderr] {
        // CSV has the line ends of its RFC.
        let text = text.replace("\r\n", "\n");
        assert_eq!(acts(&text), BTreeSet::new(), "{arguments}");
    }
    run
}

/// Characters that act, or that hide what is there.
fn acts(text: &str) -> BTreeSet<char> {
    let hides = |c: &char| {
        matches!(
            c,
            '\u{2028}'
                | '\u{2029}'
                | '\u{200b}'
                | '\u{feff}'
                | '\u{2060}'
                | '\u{ad}'
                | '\u{3164}'
                | '\u{e0000}'..='\u{e0fff}'
        )
    };
    let mut found = harmful(text);
    found.extend(text.chars().filter(hides));
    found
}

#[test]
fn the_poison_is_there_and_none_of_it_acts_in_rows() {
    let folder = folder();
    for arguments in [
        "hostile.pcap",
        "-v hostile.pcap",
        "-a -xx -v --max-payload 65536 hostile.pcap",
        "--messages hostile.pcap",
        "--summary hostile.pcap",
        "--summary --sort url hostile.pcap",
    ] {
        let run = run(&folder, arguments);
        assert!(run.stdout.contains(r"\x1b[2J"), "{arguments}");
    }
    let connections = u16::try_from(2 * POISONS.len()).unwrap();
    for number in 1..=connections {
        for view in ["--follow", "--ladder"] {
            run(&folder, &format!("{view} {number} hostile.pcap"));
        }
    }
    run(&folder, "--follow 1 --pretty hostile.pcap");
}

#[test]
fn colours_are_the_only_escapes_there_are() {
    let folder = folder();
    for arguments in [
        "--color always -x hostile.pcap",
        "--color always --follow 1 hostile.pcap",
        "--color always --ladder 1 hostile.pcap",
        "check --color always -v --no-settings hostile.pcap",
        "diff --color always tame.pcap hostile.pcap",
    ] {
        let words: Vec<_> = arguments.split(' ').collect();
        let plain = without_colours(&folder.run(&words).stdout);
        assert_eq!(acts(&plain), BTreeSet::new(), "{arguments}");
    }
}

#[test]
fn no_cell_is_a_formula_and_every_line_has_all_cells() {
    let folder = folder();
    for arguments in ["--csv hostile.pcap", "--csv -a --messages hostile.pcap"] {
        let run = run(&folder, arguments);
        let mut reader = csv::ReaderBuilder::new()
            .flexible(false)
            .from_reader(run.stdout.as_bytes());
        let mut cells = 0;
        for record in reader.records() {
            for cell in &record.expect("as many cells as in the heading") {
                cells += 1;
                let start = cell.trim_start().chars().next();
                let runs =
                    start.is_some_and(|c| "=+-@\t\r\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c));
                assert!(!runs, "{cell}");
            }
        }
        assert!(cells > 1_000, "{cells}");
    }
}

#[test]
fn json_is_json_and_says_what_was_sent() {
    let folder = folder();
    let lines = run(&folder, "--json -a --max-payload 65536 hostile.pcap").json();
    let texts: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| line.get("text")?.as_str())
        .collect();
    for poison in POISONS
        .iter()
        .filter_map(|poison| str::from_utf8(poison).ok())
    {
        assert!(texts.contains(poison), "{poison:?}: {texts:?}");
    }
    for arguments in ["--har - hostile.pcap", "diff --json tame.pcap hostile.pcap"] {
        let run = run(&folder, arguments);
        serde_json::from_str::<Value>(&run.stdout).expect("one document");
    }
}

#[test]
fn no_format_of_check_is_ended_by_what_it_tells() {
    let folder = folder();
    assert_eq!(
        run(
            &folder,
            "check --no-settings --baseline x.json --update tame.pcap"
        )
        .code,
        1
    );
    let asked = "check --no-settings -v --baseline x.json --expect close.reason==\"none\" \
                 --expect target==\"none\" --format";
    for format in ["text", "json", "junit", "sarif", "github"] {
        let text = run(&folder, &format!("{asked} {format} hostile.pcap")).stdout;
        match format {
            "json" | "sarif" => {
                serde_json::from_str::<Value>(&text).expect("one document");
            }
            "junit" => is_xml(&text),
            _ => {
                let commands = text
                    .lines()
                    .filter(|line| line.trim_start().starts_with("::"));
                for command in commands {
                    let ours = ["error", "warning", "notice"]
                        .iter()
                        .any(|kind| command.starts_with(&format!("::{kind} file=hostile.pcap,")));
                    assert!(ours && format == "github", "{command}");
                }
                let log: Vec<_> = text
                    .lines()
                    .filter(|line| !line.starts_with("::"))
                    .collect();
                assert!(!log.join("\n").contains("##["), "{format}");
                assert!(!log.join("\n").contains("##vso["), "{format}");
            }
        }
    }
    run(&folder, "diff tame.pcap hostile.pcap");
    run(
        &folder,
        "check --no-settings --baseline y.json --update hostile.pcap",
    );
    let recorded = folder.read("y.json");
    assert_eq!(acts(&recorded), BTreeSet::new());
    serde_json::from_str::<Value>(&recorded).expect("one document");
}

/// One element, and in it nothing but elements and text.
fn is_xml(text: &str) {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut depth = 0;
    loop {
        match reader.read_event().expect("it is well-formed") {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Comment(_) | Event::PI(_) | Event::DocType(_) => panic!("{text}"),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    assert!(!text.contains("<script"), "{text}");
}

#[test]
fn names_of_extracted_files_are_made_of_numbers_and_of_words_of_ours() {
    let folder = folder();
    run(&folder, "--extract out/payloads hostile.pcap");
    let names = folder.names();
    let extracted = names
        .iter()
        .filter_map(|name| name.strip_prefix("out/payloads/"));
    let mut count = 0;
    for name in extracted {
        count += 1;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        assert!(name.chars().all(plain) && name.len() < 40, "{name}");
    }
    assert!(count > 2 * POISONS.len(), "{count}");
    assert_eq!(names.len() - count, 2, "{names:?}");
}

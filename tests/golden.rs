//! Each capture in `testdata/` against its expected output in `testdata/expected/`.
//!
//! `NAME.txt` is the timeline as in a pipe, with the closing lines and, where the capture
//! cannot be read to its end, the error. `NAME.jsonl` is the JSON, for the captures of
//! [`WITH_JSON`]. To accept what the program prints now, run the tests with
//! `WSDUMP_ACCEPT=1` in the environment and read the difference before you commit it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wsdump::capture;
use wsdump::report::{
    Dump, Json, Ordered, Printer, Rows, Selection, Style, TimeFormat, Timeline, View, closing_lines,
};
use wsdump::{Analyzer, Config, Limits};

/// Captures whose JSON is compared as well: together they hold every type of event.
const WITH_JSON: &[&str] = &[
    "badaccept.pcap",
    "chat.pcap",
    "deflate_lost_message.pcap",
    "deflate_mixed.pcap",
    "http_connect.pcap",
    "http_refused.pcap",
    "ipv6.pcap",
    "other_dns.pcap",
    "tcp_gap.pcap",
    "tcp_keep_alive.pcap",
    "tcp_reset.pcap",
    "tcp_zero_window.pcap",
    "ws_close_payloads.pcap",
    "ws_fragments.pcap",
    "ws_ping_pong.pcap",
    "ws_unreadable_text.pcap",
    "ws_utf8.pcap",
];

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// File names of all captures, sorted.
fn captures() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(testdata())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.contains(".pcap") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Everything a printer says about a capture, then the closing lines and errors.
fn print<P: Printer>(name: &str, printer: P, all: bool) -> io::Result<(String, Vec<String>)> {
    let mut analyzer = Analyzer::new(Config {
        all,
        limits: Limits {
            max_message_bytes: 1024,
            ..Limits::default()
        },
        ..Config::default()
    });
    let mut rows = Ordered::new(printer, Selection::default());
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    match capture::open(&testdata().join(name)) {
        Err(error) => notes.push(error.to_string()),
        Ok(mut source) => loop {
            match source.next_packet() {
                Ok(Some(packet)) => {
                    analyzer.push(&packet, &mut rows);
                }
                Ok(None) => break,
                Err(error) => notes.push(error.to_string()),
            }
            rows.release(analyzer.undecided_from(), &mut out)?;
        },
    }
    analyzer.finish(&mut rows);
    rows.release(u64::MAX, &mut out)?;
    let folder = testdata().to_string_lossy().into_owned();
    let mut lines = closing_lines(&analyzer.summary());
    lines.extend(
        notes
            .into_iter()
            .map(|note| note.replace(&folder, "testdata")),
    );
    Ok((String::from_utf8_lossy(&out).into_owned(), lines))
}

fn timeline(name: &str) -> io::Result<String> {
    let style = Style {
        width: None,
        color: false,
        time: TimeFormat::Relative,
        dump: Dump::None,
        all: false,
        rows: Rows::Joined,
    };
    let (rows, notes) = print(name, Timeline::new(style), false)?;
    Ok(format!("{rows}\n{}\n", notes.join("\n")))
}

fn json(name: &str) -> io::Result<String> {
    // With packets that are not TCP, where there are only those.
    let (lines, _) = print(name, Json::new(), name == "other_dns.pcap")?;
    Ok(lines)
}

/// Compares with the expected file, or writes it where that is asked for; returns what
/// differs.
fn compare(file: &str, got: &str) -> io::Result<Option<String>> {
    let path = testdata().join("expected").join(file);
    if std::env::var_os("WSDUMP_ACCEPT").is_some() {
        fs::create_dir_all(testdata().join("expected"))?;
        fs::write(path, got)?;
        return Ok(None);
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected == got {
        return Ok(None);
    }
    let differs = expected
        .lines()
        .zip(got.lines())
        .position(|(left, right)| left != right);
    let line = differs.unwrap_or_else(|| expected.lines().count().min(got.lines().count()));
    let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
    let (expected, got) = (at(&expected), at(got));
    Ok(Some(format!(
        "{file}, line {}:\n  expected {expected}\n  got      {got}",
        line + 1
    )))
}

#[test]
fn every_capture_is_told_as_expected() -> io::Result<()> {
    let mut differences = Vec::new();
    let captures = captures()?;
    assert!(captures.len() > 100, "testdata is not where it should be");
    for name in &captures {
        differences.extend(compare(&format!("{name}.txt"), &timeline(name)?)?);
    }
    for name in WITH_JSON {
        differences.extend(compare(&format!("{name}.jsonl"), &json(name)?)?);
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    Ok(())
}

#[test]
fn every_expected_file_belongs_to_a_capture() -> io::Result<()> {
    let captures: BTreeSet<_> = captures()?.into_iter().collect();
    for entry in fs::read_dir(testdata().join("expected"))? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        if file == "views" {
            continue;
        }
        let (capture, _) = file.rsplit_once('.').unwrap_or_default();
        assert!(captures.contains(capture), "{file} has no capture");
    }
    Ok(())
}

/// The same conversation in every file format, link layer and tunnel: only time may differ.
#[test]
fn chat_is_told_alike_whatever_it_is_wrapped_in() -> io::Result<()> {
    let story = |name: &str| -> io::Result<Vec<String>> {
        let text = timeline(name)?;
        let rows = text.lines().skip(1).take_while(|line| !line.is_empty());
        let rows = rows.filter(|row| row.contains("WebSocket"));
        let after_time =
            rows.map(|row| row.split_whitespace().skip(2).collect::<Vec<_>>().join(" "));
        Ok(after_time.collect())
    };
    let v4 = story("chat.pcap")?;
    let v6 = story("ipv6.pcap")?;
    assert_eq!(v4.len(), 5);
    let cut = [
        "cut",
        "bad_length",
        "snapped",
        "part",
        "lost",
        "80211",
        "user0",
    ];
    let mut compared = 0;
    for name in captures()? {
        let wrapped = ["chat", "link_", "tunnel_", "ip_", "ip6_"];
        if !wrapped.iter().any(|start| name.starts_with(start))
            || cut.iter().any(|part| name.contains(part))
        {
            continue;
        }
        let story = story(&name)?;
        assert!(story == v4 || story == v6, "{name}: {story:#?}");
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
    Ok(())
}

#[test]
fn the_readme_shows_what_the_program_prints() -> io::Result<()> {
    let readme = fs::read_to_string(testdata().with_file_name("README.md"))?;
    let block = |command: &str| -> Vec<String> {
        let rest = readme.split_once(command).map_or("", |(_, rest)| rest);
        let block = rest.split("```").next().unwrap_or_default();
        block.lines().skip(1).map(str::to_owned).collect()
    };
    let printed: Vec<_> = timeline("chat.pcap")?
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(block("$ wsdump testdata/chat.pcap"), printed);
    let printed = timeline("badaccept.pcap")?;
    let shown = block("$ wsdump testdata/badaccept.pcap");
    assert_eq!(shown.len(), 3);
    for line in &shown[1..] {
        assert!(printed.contains(line.as_str()), "{line}");
    }
    let shown = readme.lines().find(|line| line.starts_with("{\"type\""));
    assert!(json("chat.pcap")?.lines().any(|line| Some(line) == shown));
    Ok(())
}

//! What each view shows of real captures, against `testdata/expected/views/`.
//!
//! To accept what the views show now, run the tests with `WSDUMP_ACCEPT=1` in the environment
//! and read the difference before you commit it.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use wsdump::flow::Direction;
use wsdump::report::{
    Csv, Dump, Follow, FollowStyle, Ladder, LadderStyle, Ordered, Overview, Printer, RawPayload,
    Rows, Selection, SortKey, Style, TimeFormat, Timeline, View,
};
use wsdump::{Analyzer, Config, capture};

/// Real captures: many connections, a browser, fragments, loss; and the connection of each
/// that is looked at.
const CAPTURES: &[(&str, u64)] = &[
    ("browser_chat.pcap", 3),
    ("fragments.pcap", 1),
    ("lossy.client.pcap.gz", 1),
    ("many.pcap.gz", 9),
    ("socketio.pcap", 2),
];

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// All that a view shows of a capture.
fn shown(name: &str, mut view: impl View) -> String {
    let mut source = capture::open(&testdata().join(name)).unwrap();
    let mut analyzer = Analyzer::new(Config::default());
    let mut out = Vec::new();
    while let Some(packet) = source.next_packet().unwrap() {
        analyzer.push(&packet, &mut view);
        view.release(analyzer.undecided_from(), &mut out).unwrap();
    }
    analyzer.finish(&mut view);
    view.finish(&analyzer.summary(), &mut out).unwrap();
    String::from_utf8_lossy(&out).into_owned()
}

fn rows(printer: impl Printer, connection: u64) -> impl View {
    let selection = Selection {
        connections: [connection].into(),
        ..Selection::default()
    };
    Ordered::new(printer, selection)
}

fn timeline(rows: Rows, dump: Dump) -> Timeline {
    Timeline::new(Style {
        width: Some(120),
        color: false,
        time: TimeFormat::Relative,
        dump,
        all: false,
        rows,
    })
}

/// The start and the end of what a view shows, and how many lines are in between. Lines end
/// as in the files of a repository, whatever they end in by themselves.
fn excerpt(text: &str) -> String {
    const START: usize = 60;
    const END: usize = 20;
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    if lines.len() > START + END {
        let between = START..lines.len() - END;
        let note = format!("({} more lines)", between.len());
        lines.splice(between, [note]);
    }
    lines.iter().map(|line| line.clone() + "\n").collect()
}

/// Every view of a capture, by name.
fn views(name: &str, connection: u64) -> Vec<(String, String)> {
    let follow = |pretty, width| {
        Follow::new(FollowStyle {
            width,
            color: false,
            time: TimeFormat::Relative,
            pretty,
        })
    };
    let ladder = |width| {
        Ladder::new(LadderStyle {
            width,
            color: false,
        })
    };
    let csv = Csv::new(TimeFormat::Relative, Rows::Joined, false);
    let summary = |width| shown(name, Overview::new(SortKey::Bytes, width));
    let messages = Ordered::new(
        timeline(Rows::Messages, Dump::None),
        Selection {
            connections: [connection].into(),
            messages: true,
            ..Selection::default()
        },
    );
    let mut views = vec![
        ("summary".to_owned(), summary(None)),
        (
            "follow".to_owned(),
            shown(name, rows(follow(false, None), connection)),
        ),
        (
            "pretty".to_owned(),
            shown(name, rows(follow(true, Some(80)), connection)),
        ),
        ("messages".to_owned(), shown(name, messages)),
        ("csv".to_owned(), shown(name, rows(csv, connection))),
        (
            "fields".to_owned(),
            shown(
                name,
                rows(timeline(Rows::Joined, Dump::HeaderAndPayload), connection),
            ),
        ),
    ];
    for width in [80, 120, 200] {
        views.push((format!("summary.{width}"), summary(Some(width))));
        let drawn = shown(name, rows(ladder(width.into()), connection));
        views.push((format!("ladder.{width}"), drawn));
    }
    views
}

#[test]
fn each_view_is_as_expected() {
    let accept = std::env::var_os("WSDUMP_ACCEPT").is_some();
    let mut differences = Vec::new();
    for (name, connection) in CAPTURES {
        for (view, got) in views(name, *connection) {
            let got = excerpt(&got);
            let file = format!("views/{name}.{view}.txt");
            let path = testdata().join("expected").join(&file);
            if accept {
                fs::write(&path, &got).unwrap();
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            let same = |line: &(&str, &str)| line.0 == line.1;
            if expected != got {
                let line = expected.lines().zip(got.lines()).take_while(same).count();
                let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
                let (expected, got) = (at(&expected), at(&got));
                differences.push(format!("{file}:{}\n  {expected}\n  {got}", line + 1));
            }
        }
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// A view for a terminal never has a line that is wider.
#[test]
fn no_line_is_wider_than_the_terminal() {
    use unicode_width::UnicodeWidthStr as _;
    for (name, connection) in CAPTURES {
        for (view, text) in views(name, *connection) {
            let Some((_, width)) = view.split_once('.') else {
                continue;
            };
            let width: usize = width.parse().unwrap();
            let widest = text
                .lines()
                .max_by_key(|line| line.width())
                .unwrap_or_default();
            assert!(widest.width() <= width, "{name} {view}: {widest}");
        }
    }
}

/// The payload that a side sent is what its messages hold, one behind the other.
#[test]
fn the_raw_payload_is_that_of_all_messages() {
    let raw = |from| shown("chat.pcap", RawPayload::new(1, from));
    assert_eq!(raw(Direction::ClientToServer), "hello");
    assert_eq!(raw(Direction::ServerToClient), "somethinghello too!");
    assert_eq!(
        shown("chat.pcap", RawPayload::new(2, Direction::ClientToServer)),
        ""
    );
}

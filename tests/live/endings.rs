//! How sniffing ends.

use crate::endpoints::{Endpoints as _, Pair, listen, url};
use crate::said::{Client, Server, Told, assert_same};
use crate::sniffer::{LOOPBACK, Sniffer, permitted};

/// Both signals that ask for an end get a whole one: what was said is told, a connection
/// that is open is told as open, and what was seen is on standard error.
#[test]
fn a_signal_ends_it_in_good_order() {
    if !permitted() {
        return;
    }
    for name in ["INT", "TERM"] {
        let (listener, port) = listen();
        let sniffer = Sniffer::on(port);
        let mut pair = Pair::connected(&listener);
        let said = [
            pair.text(Client, "hello"),
            pair.text(Server, "the last word"),
        ];
        sniffer.signal(name);
        let ended = sniffer.end();
        assert_eq!(ended.status.code(), Some(0), "SIG{name}: {}", ended.stderr);
        let told = Told::of_one(&ended.lines);
        assert_same(&told.said(), &said);
        let end = told.end();
        assert_eq!(end["tcp_end"], "open");
        assert!(!end.contains_key("close"), "{end:?}");
        let row = ended.stderr.lines().find(|line| line.contains(&url(port)));
        assert!(
            row.is_some_and(|row| row.contains("open")),
            "{}",
            ended.stderr
        );
        // The sniffer's own conversations are counted as well.
        assert!(ended.stderr.contains(" messages, "), "{}", ended.stderr);
        let counts = Counts::of(&ended.stderr);
        assert!(counts.captured > 0);
        assert_eq!(counts.dropped, [0; 3]);
    }
}

/// What the closing line counts.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) captured: u64,
    /// By the kernel, by the interface, by wsdump.
    pub(crate) dropped: [u64; 3],
}

impl Counts {
    /// Reads the closing line. Its wording is known here, and nowhere else in these tests.
    pub(crate) fn of(stderr: &str) -> Self {
        let start = format!("{LOOPBACK}: ");
        let line = stderr.lines().find_map(|line| line.strip_prefix(&*start));
        let line = line.unwrap_or_else(|| panic!("no closing line: {stderr}"));
        let before = |words: &str| {
            let (number, _) = line.split_once(words)?;
            number.rsplit([' ', ',', ';']).next()?.parse().ok()
        };
        let count = |words| before(words).unwrap_or_else(|| panic!("{words}: {line}"));
        Self {
            captured: count(" packets captured"),
            dropped: [" by the kernel", " by the interface", " by wsdump"].map(count),
        }
    }
}

#[test]
fn it_stops_after_so_many_packets() {
    if !permitted() {
        return;
    }
    let (listener, port) = listen();
    // Much more than the sniffer needs to see whether its capture is open.
    let sniffer = Sniffer::with(&["--count", "5000"], port);
    let talking = std::thread::spawn(move || {
        let mut pair = Pair::connected(&listener);
        // The least that is on the wire: a packet each.
        for number in 0..5_000 {
            pair.text(Client, &number.to_string());
        }
        pair
    });
    let ended = sniffer.end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("5000 packets, "), "{}", ended.stderr);
    let told = Told::of_one(&ended.lines);
    assert_eq!(told.end()["tcp_end"], "open");
    assert_eq!(told.end()["packet"], 5_000);
    let texts: Vec<_> = told
        .of_type("message")
        .iter()
        .map(|line| line["text"].clone())
        .collect();
    let expected: Vec<_> = (0..texts.len()).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
    drop(talking.join().unwrap());
}

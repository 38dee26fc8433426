//! Two captures compared by what is said in them: bytes of both in, differences out.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use proptest::prelude::*;
use support::{
    Client, Deflater, Frame, Server, Tcp, Trace, Upgrade, Who, binary, close, cont, ping, pong,
    text,
};
use wsdump::Analyzer;
use wsdump::check::{
    Baseline, Compared, Comparison, Conversation, Problem, Recorder, Scope, Sides,
};

/// What is said in a capture.
fn recorded(trace: &Trace, compared: &Compared) -> Vec<Conversation> {
    recorded_in(trace, compared.scope().unwrap())
}

fn recorded_in(trace: &Trace, scope: Scope) -> Vec<Conversation> {
    let mut recorder = Recorder::new(scope);
    let mut analyzer = Analyzer::new(wsdump::Config::default());
    for captured in trace {
        analyzer.push(&captured.packet(), &mut recorder);
    }
    analyzer.finish(&mut recorder);
    recorder.finish().unwrap()
}

/// What differs from a baseline made of `left`. It goes through the text of its file.
fn problems(left: &Trace, right: &Trace, compared: &Compared) -> Vec<Problem> {
    let baseline = Baseline::new(compared.clone(), recorded(left, compared)).to_text();
    let baseline = Baseline::parse(baseline.as_bytes()).unwrap();
    let right = recorded(right, &baseline.compared);
    let comparison = Comparison::new(&baseline.connections, &right, compared.ignore_order);
    let sides = Sides {
        left: "the baseline",
        right: "the capture",
    };
    let problems = comparison.problems(&baseline.connections, &right, sides);
    assert_eq!(comparison.is_alike(), problems.is_empty());
    problems
}

fn messages(left: &Trace, right: &Trace, compared: &Compared) -> Vec<String> {
    let problems = problems(left, right, compared).into_iter();
    problems.map(|problem| problem.message).collect()
}

/// A conversation of a few messages each way, and its two ends.
fn chat() -> Tcp {
    chat_with(&Upgrade::new(), &[])
}

/// The same with another upgrade, and with frames of the server before its last.
fn chat_with(upgrade: &Upgrade, frames: &[Frame]) -> Tcp {
    let mut tcp = Tcp::with(upgrade);
    tcp.frames(Client, &[text("one"), text(r#"{"n":2,"at":[{"ts":17}]}"#)]);
    tcp.frames(Server, &[text("first"), ping("?")]);
    tcp.frames(Client, &[pong("?"), binary([0, 255])]);
    tcp.frames(Server, frames);
    tcp.frames(Server, &[text("last")]);
    ended(tcp)
}

fn ended(mut tcp: Tcp) -> Tcp {
    tcp.frames(Client, &[close(1000, "bye")]);
    tcp.frames(Server, &[close(1000, "bye")]);
    tcp.end();
    tcp
}

/// Two connections one after the other.
fn both(first: &Tcp, second: &Tcp) -> Trace {
    let mut trace = first.trace.clone();
    trace.extend(second.trace.clone());
    trace
}

/// The chat from another port, at another time, with other keys and packet boundaries.
fn other_run() -> Tcp {
    let mut tcp = Tcp {
        ends: ["203.0.113.7:41000", "198.51.100.99:9000"].map(|end| end.parse().unwrap()),
        isn: [77, 0xffff_fff0],
        now: 1_800_000_000 * 1_000_000_000,
        tick: 77_000_000,
        frames_sent: 1_000,
        ..Tcp::default()
    };
    tcp.handshake();
    let upgrade = Upgrade::new()
        .asking("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==")
        .answering("Sec-WebSocket-Accept", "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=");
    tcp.send_cut(Client, &upgrade.request(), 7);
    tcp.send_cut(Server, &upgrade.response(), 1);
    let said: [(Who, &[Frame]); 6] = [
        (Client, &[text("one")]),
        (Client, &[text(r#"{"n":2,"at":[{"ts":17}]}"#)]),
        (Server, &[text("first"), ping("?")]),
        (Client, &[pong("?"), binary([0, 255])]),
        (Server, &[text("last"), close(1000, "bye")]),
        (Client, &[close(1000, "bye")]),
    ];
    for (who, frames) in said {
        let bytes = tcp.encode(who, frames);
        tcp.send_cut(who, &bytes, 3);
    }
    tcp.end();
    tcp
}

#[test]
fn what_differs_from_run_to_run_is_no_difference() {
    let none = Compared::default();
    assert_eq!(messages(&chat().trace, &other_run().trace, &none), [""; 0]);
    assert_eq!(messages(&other_run().trace, &chat().trace, &none), [""; 0]);
}

#[test]
fn each_part_that_differs_is_named() {
    let refused = || {
        let mut tcp = Tcp::connected();
        tcp.send(Client, &Upgrade::new().request());
        tcp.send(
            Server,
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        );
        tcp.end();
        tcp
    };
    let with_subprotocol = || {
        let upgrade = Upgrade::new()
            .asking("Sec-WebSocket-Protocol", "a")
            .answering("Sec-WebSocket-Protocol", "a");
        chat_with(&upgrade, &[])
    };
    let reset = || {
        let mut tcp = Tcp::upgraded();
        tcp.frames(Client, &[text("one")]);
        tcp.rst(Server);
        tcp
    };
    let one = || {
        let mut tcp = Tcp::upgraded();
        tcp.frames(Client, &[text("one")]);
        tcp.end();
        tcp
    };
    let masked = |frame: Frame| chat_with(&Upgrade::new(), &[frame]);
    let table = [
        (chat(), with_subprotocol(), "opening handshake: 1 changed"),
        (
            masked(text("x")),
            masked(text("y")),
            "messages of the server: 1 changed",
        ),
        (
            masked(text("x")),
            chat(),
            "messages of the server: 1 missing",
        ),
        (chat(), masked(text("x")), "messages of the server: 1 extra"),
        (
            masked(text("x")),
            masked(binary("x")),
            "messages of the server: 1 changed",
        ),
        (chat(), masked(ping("x")), "Pings of the server: 1 extra"),
        (chat(), masked(pong("x")), "Pongs of the server: 1 extra"),
        (
            masked(text("x").wrongly_masked()),
            masked(text("x")),
            "rules broken by the server: 1 missing",
        ),
        (one(), reset(), "TCP ended with rst, not fin"),
        (
            one(),
            refused(),
            "opening handshake: 1 changed; messages of the client: 1 missing",
        ),
    ];
    for (left, right, expected) in table {
        let told = messages(&left.trace, &right.trace, &Compared::default());
        let expected = format!("connection 1 (/chat) differs from the baseline: {expected}");
        assert_eq!(told, [expected]);
    }
}

#[test]
fn a_difference_is_shown_with_its_neighbours_and_their_places() {
    let said = |values: &[&str]| {
        let mut tcp = Tcp::upgraded();
        for value in values {
            tcp.frames(Server, &[text(value)]);
        }
        tcp.trace
    };
    let left = said(&["a", "b", r#"{"n":1,"list":[1]}"#, "d", "e", "f", "g", "h"]);
    let right = said(&["a", "b", r#"{"n":2,"list":[1,2]}"#, "d", "e", "g", "h", "f"]);
    let problems = problems(&left, &right, &Compared::default());
    assert_eq!(
        problems[0].message,
        "connection 1 (/chat) differs from the baseline: messages of the server: 1 changed, 1 moved"
    );
    assert_eq!(problems[0].place.unwrap().packet, 8);
    let expected = r#"messages of the server: 8 in the baseline, 8 in the capture
        2      #7   0.006000  "b"
   -    3                     {"n": 1, "list": [1]}
   +    3      #8   0.007000  {"n": 2, "list": [1, 2]}
                              $.n: 1 → 2
                              $.list[1]: nothing → 2
        4      #9   0.008000  "d"
      …
        7     #12   0.011000  "h"
   ~    8     #13   0.012000  "f"
                              it was number 6"#;
    assert_eq!(problems[0].lines.join("\n"), expected);
}

#[test]
fn a_long_message_is_cut_around_its_first_difference() {
    let said = |last: &str| {
        let mut tcp = Tcp::upgraded();
        let long = format!("{}{last}{}", "é".repeat(1_000), "z".repeat(1_000));
        tcp.frames(Client, &[text(long)]);
        tcp.trace
    };
    let problems = problems(&said("left"), &said("right"), &Compared::default());
    let shown = |word: &str| {
        problems[0].lines.iter().any(|line| {
            line.contains(&format!("…{}{word}z", "é".repeat(30))) && line.ends_with('…')
        })
    };
    assert!(shown("left") && shown("right"), "{:#?}", problems[0].lines);
}

#[test]
fn what_is_ignored_is_no_difference() {
    let said = |ts: u32, close_reason: &str| {
        let mut tcp = Tcp::upgraded();
        let json = format!(r#"{{"n":1,"at":[{{"ts":{ts},"id":"u{ts}"}}]}}"#);
        tcp.frames(Client, &[text(json), text(format!("at {ts} it was"))]);
        tcp.frames(Server, &[ping(format!("{ts}")), close(1000, close_reason)]);
        tcp.end();
        tcp.trace
    };
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let compared = Compared {
        ignore: list(&["$.at[*].ts"]),
        ignore_text: list(&[r"\d{3,}"]),
        ..Compared::default()
    };
    let (left, right) = (said(123, "bye 123"), said(4567, "bye 4567"));
    assert_eq!(messages(&left, &right, &compared), [""; 0]);
    let paths_only = Compared {
        ignore_text: Vec::new(),
        ..compared.clone()
    };
    assert_eq!(
        messages(&left, &right, &paths_only),
        [
            "connection 1 (/chat) differs from the baseline: messages of the client: 2 changed; \
          Pings of the server: 1 changed; Close frames of the server: 1 changed"
        ]
    );
    // What is not ignored is compared all the same.
    let other = said(123, "bye");
    assert_eq!(
        messages(&left, &other, &compared),
        ["connection 1 (/chat) differs from the baseline: Close frames of the server: 1 changed"]
    );
}

#[test]
fn what_is_ignored_only_later_is_left_out_of_the_baseline_too() {
    let said = |ts: u32| {
        let mut tcp = Tcp::upgraded();
        tcp.frames(
            Client,
            &[text(format!(r#"{{"ts": {ts}}}"#)), ping(format!("{ts}"))],
        );
        tcp.frames(
            Server,
            &[pong(format!("{ts}")), close(1000, format!("at {ts}"))],
        );
        tcp.end();
        tcp.trace
    };
    let (left, right) = (said(1), said(2));
    let none = Compared::default();
    let baseline = Baseline::new(none.clone(), recorded(&left, &none)).to_text();
    let baseline = || Baseline::parse(baseline.as_bytes()).unwrap();
    let asked = Compared {
        ignore: vec!["$.ts".to_owned()],
        ignore_text: vec!["at .*".to_owned()],
        ignore_pings: true,
        ..Compared::default()
    };
    let compared = baseline().comparing(&asked).unwrap();
    let right = recorded_in(&right, compared.scope().unwrap());
    assert!(Comparison::new(&compared.connections, &right, false).is_alike());

    let strict = Compared {
        strict: true,
        ..Compared::default()
    };
    let header = Compared {
        headers: vec!["Origin".to_owned()],
        ..Compared::default()
    };
    for (asked, expected) in [
        (
            strict,
            "the baseline was recorded without fragmentation (--strict); record it anew with --update",
        ),
        (
            header,
            "the baseline was recorded without the header field Origin; record it anew with --update",
        ),
    ] {
        assert_eq!(
            baseline().comparing(&asked).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn a_capture_is_like_its_baseline_whatever_is_left_out() {
    let trace = ended({
        let mut tcp = Tcp::upgraded();
        let json = r#"{"ts":12,"id":"3fe9","n":[1.50,{"id":2}]}"#;
        tcp.frames(Client, &[text("session 3fe9 of bob, 12"), text(json)]);
        tcp.frames(Server, &[binary(json), binary("b 12"), ping("12 ed")]);
        tcp
    })
    .trace;
    // Some find something in what stands for what was left out, or only behind it.
    let texts = [
        "[0-9a-f]+",
        "[a-z]+",
        r"\b\d",
        r"^\w",
        "x*",
        "",
        ".",
        "<.*",
        r"\d",
    ];
    let paths = ["$..id", "$.n", "$.n[*]", "$"];
    let list = |word: &str| vec![word.to_owned()];
    for own in texts {
        for path in paths {
            for later in texts {
                let own = Compared {
                    ignore: list(path),
                    ignore_text: list(own),
                    ..Compared::default()
                };
                let asked = Compared {
                    ignore: list("$.ts"),
                    ignore_text: list(later),
                    ..Compared::default()
                };
                let text = Baseline::new(own.clone(), recorded(&trace, &own)).to_text();
                let baseline = Baseline::parse(text.as_bytes()).unwrap();
                let baseline = baseline.comparing(&asked).unwrap();
                let right = recorded_in(&trace, baseline.scope().unwrap());
                let comparison = Comparison::new(&baseline.connections, &right, false);
                assert!(comparison.is_alike(), "{own:?} {asked:?} {comparison:#?}");
            }
        }
    }
}

#[test]
fn pings_can_be_left_out() {
    let more = chat_with(&Upgrade::new(), &[ping("a"), ping("b")]);
    let compared = Compared {
        ignore_pings: true,
        ..Compared::default()
    };
    assert_eq!(messages(&chat().trace, &more.trace, &compared), [""; 0]);
    assert_eq!(
        messages(&chat().trace, &more.trace, &Compared::default()).len(),
        1
    );
}

#[test]
fn fragments_and_compression_matter_when_they_are_asked_for() {
    let strict = Compared {
        strict: true,
        ..Compared::default()
    };
    let whole = chat_with(&Upgrade::new(), &[text("halves")]);
    let halves = chat_with(&Upgrade::new(), &[text("hal").more(), cont("ves")]);
    let deflated = |frame: Frame| {
        let mut tcp = Tcp::with(&Upgrade::deflate(""));
        tcp.frames(Server, &[frame]);
        ended(tcp)
    };
    let compressed = text(Deflater::new(true).message("same")).compressed();
    let (compressed, plain) = (deflated(compressed), deflated(text("same")));
    for (left, right) in [(whole, halves), (compressed, plain)] {
        assert_eq!(
            messages(&left.trace, &right.trace, &Compared::default()),
            [""; 0]
        );
        assert_eq!(
            messages(&left.trace, &right.trace, &strict),
            ["connection 1 (/chat) differs from the baseline: messages of the server: 1 changed"]
        );
    }
}

#[test]
fn header_fields_matter_when_they_are_asked_for() {
    let from = |origin: &str| chat_with(&Upgrade::new().asking("Origin", origin), &[]).trace;
    let (left, right) = (from("http://a"), from("http://b"));
    assert_eq!(messages(&left, &right, &Compared::default()), [""; 0]);
    let compared = Compared {
        headers: vec!["origin".to_owned()],
        ..Compared::default()
    };
    assert_eq!(
        messages(&left, &right, &compared),
        ["connection 1 (/chat) differs from the baseline: opening handshake: 1 changed"]
    );
}

/// A connection from a port of its own, on which this is said.
fn from_port(port: u16, target: &str, words: &[&str]) -> Tcp {
    let mut tcp = Tcp::default();
    tcp.ends[0].set_port(port);
    tcp.handshake();
    tcp.upgrade(&Upgrade::new().request_line(&format!("GET {target} HTTP/1.1")));
    for word in words {
        tcp.frames(Client, &[text(word)]);
    }
    ended(tcp)
}

#[test]
fn connections_are_matched_by_what_they_say() {
    let a = |port| from_port(port, "/a", &["1", "2", "3"]);
    let b = |port| from_port(port, "/a", &["4", "5", "6"]);
    let b_changed = |port| from_port(port, "/a", &["4", "5", "x"]);
    let unordered = Compared {
        ignore_order: true,
        ..Compared::default()
    };
    let left = both(&a(1001), &b(1002));
    let swapped = both(&b(1001), &a(1002));
    assert_eq!(
        messages(&left, &swapped, &Compared::default()),
        [
            "connection 1 (/a) differs from the baseline: it is number 1 of its capture, and number 2 \
          of the baseline"
        ]
    );
    assert_eq!(messages(&left, &swapped, &unordered), [""; 0]);
    let changed = both(&b_changed(1001), &a(1002));
    assert_eq!(
        messages(&left, &changed, &unordered),
        ["connection 1 (/a) differs from the baseline: messages of the client: 1 changed"]
    );
    assert_eq!(
        messages(&left, &a(7).trace, &Compared::default()),
        ["connection 2 (/a) of the baseline is not in the capture"]
    );
    assert_eq!(
        messages(&a(7).trace, &left, &Compared::default()),
        ["connection 2 (/a) of the capture is not in the baseline"]
    );
    assert_eq!(messages(&left, &Vec::new(), &Compared::default()).len(), 2);
}

#[test]
fn a_hundred_connections_that_all_changed_keep_their_counterparts() {
    let run = |word: &str| {
        let mut trace = Trace::new();
        for number in 0..100 {
            let said = [format!("hello {number}"), word.to_owned()];
            let said: Vec<_> = said.iter().map(String::as_str).collect();
            trace.extend(from_port(2000 + number, "/many", &said).trace);
        }
        trace
    };
    let told = problems(&run("x"), &run("y"), &Compared::default());
    assert_eq!(told.len(), 100);
    for problem in told {
        let changed = "differs from the baseline: messages of the client: 1 changed";
        assert!(problem.message.ends_with(changed), "{}", problem.message);
    }
}

#[test]
fn missing_bytes_make_a_message_differ() {
    let mut lossy = Tcp::upgraded();
    let frame = lossy.encode(Client, &[text("0123456789".repeat(10))]);
    lossy.send(Client, &frame[..40]);
    lossy.lose(Client, &frame[40..70]);
    lossy.send(Client, &frame[70..]);
    let lossy = ended(lossy);
    let mut whole = Tcp::upgraded();
    whole.frames(Client, &[text("0123456789".repeat(10))]);
    let whole = ended(whole);
    assert_eq!(
        messages(&whole.trace, &lossy.trace, &Compared::default()),
        ["connection 1 (/chat) differs from the baseline: messages of the client: 1 changed"]
    );
}

#[test]
fn a_file_that_is_no_baseline_is_said_to_be_none() {
    let table = [
        ("", "this is no baseline: EOF while parsing"),
        ("[]", "this is no baseline: invalid length 0"),
        (
            r#"{"wsdump_baseline":2,"x":1}"#,
            "the baseline has version 2, and this wsdump reads version 1",
        ),
        (
            r#"{"wsdump_baseline":1,"connections":[{"tcp_end":"fin","clinet":{}}]}"#,
            "this is no baseline: unknown field `clinet`",
        ),
    ];
    for (text, expected) in table {
        let error = Baseline::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changed_byte_of_any_message_is_a_difference(
        payloads in prop::collection::vec((any::<bool>(), "\\PC{0,40}|[{]\"a\": ?[0-9]{1,3}[}]"), 1..8),
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        change in 1u8..,
    ) {
        let run = |changed: Option<(usize, usize)>| {
            let mut tcp = Tcp::upgraded();
            for (number, (of_client, payload)) in payloads.iter().enumerate() {
                let mut payload = payload.clone().into_bytes();
                if let Some((_, at)) = changed.filter(|(which, _)| *which == number) {
                    payload[at] ^= change;
                }
                let who = if *of_client { Client } else { Server };
                tcp.frames(who, &[text(payload)]);
            }
            ended(tcp).trace
        };
        let which = which.index(payloads.len());
        prop_assume!(!payloads[which].1.is_empty());
        let at = at.index(payloads[which].1.len());
        let none = Compared::default();
        prop_assert_eq!(messages(&run(None), &run(None), &none), Vec::<String>::new());
        prop_assert_eq!(messages(&run(None), &run(Some((which, at))), &none).len(), 1);
    }
}

#[test]
fn of_long_messages_the_first_are_shown() {
    let run = |last: char| {
        let long = "x".repeat(Comparison::MAX_SHOWN / 2);
        saying(&[1, 2, 3].map(|number| format!("{number}{long}{last}")))
    };
    let (left, right) = (run('a'), run('b'));
    let comparison = Comparison::new(&left, &right, false);
    let sides = Sides {
        left: "the baseline",
        right: "the capture",
    };
    let told = comparison.problems(&left, &right, sides);
    let ends: Vec<_> = told
        .iter()
        .filter_map(|problem| problem.message.rsplit(": ").next())
        .collect();
    let not_shown = "1 not shown";
    assert_eq!(ends, ["1 changed", not_shown, not_shown]);
    assert_eq!(told[1].lines.len(), 2);
}

/// Conversations of a client that sends one text each.
fn saying<T: std::fmt::Display>(texts: &[T]) -> Vec<Conversation> {
    let one = |text: &T| {
        let json = format!(
            r#"{{"tcp_end":"fin","client":{{"messages":[{{"opcode":"text","text":"{text}"}}]}}}}"#
        );
        serde_json::from_str(&json).unwrap()
    };
    texts.iter().map(one).collect()
}

proptest! {
    #[test]
    fn each_connection_has_one_counterpart_or_none(
        left in prop::collection::vec(0u8..6, 0..12),
        right in prop::collection::vec(0u8..6, 0..12),
        ignore_order in any::<bool>(),
    ) {
        let (l, r) = (saying(&left), saying(&right));
        let comparison = Comparison::new(&l, &r, ignore_order);
        let pairs = || comparison.pairs.iter();
        let all = |mut indices: Vec<usize>| { indices.sort_unstable(); indices };
        prop_assert_eq!(
            all(pairs().map(|pair| pair.left).chain(comparison.missing.clone()).collect()),
            (0..left.len()).collect::<Vec<_>>()
        );
        prop_assert_eq!(
            all(pairs().map(|pair| pair.right).chain(comparison.extra.clone()).collect()),
            (0..right.len()).collect::<Vec<_>>()
        );
        let in_order = |list: &[u8]| {
            let mut list = list.to_vec();
            if ignore_order { list.sort_unstable(); }
            list
        };
        prop_assert_eq!(comparison.is_alike(), in_order(&left) == in_order(&right));
    }
}

//! The rules that are judged over whole connections, by [`Judge`].

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use support::packet::packets_of;
use support::websocket::KEY;
use support::{
    Client, Frame, Server, Tcp, Trace, Upgrade, Who, binary, close, cont, ping, pong, text,
};
use wsdump::anomaly::Rule;
use wsdump::check::{Bounds, Findings, Judge};
use wsdump::{Analyzer, Config, capture};

/// A conversation and what is wrong with it: the rule, who broke it, in which packet.
struct Case {
    what: &'static str,
    told: Tcp,
    found: &'static [&'static str],
}

fn case(what: &'static str, told: Tcp, found: &'static [&'static str]) -> Case {
    Case { what, told, found }
}

/// Nothing is wrong with it.
fn kept(what: &'static str, told: Tcp) -> Case {
    case(what, told, &[])
}

/// Packets of an upgraded connection before the first frame: SYN, SYN ACK, ACK, request, 101.
/// The first frame is in packet 6.
fn upgraded() -> Tcp {
    Tcp::upgraded()
}

/// The closing handshake, begun by the client, and both FINs.
fn closed(mut tcp: Tcp) -> Tcp {
    tcp.frames(Client, &[close(1000, "")])
        .frames(Server, &[close(1000, "")])
        .end();
    tcp
}

/// Frames of one side after the other, each in a packet of its own, then a clean close.
fn said(frames: &[(Who, Frame)]) -> Tcp {
    closed(open(frames))
}

/// The same, and the capture ends.
fn open(frames: &[(Who, Frame)]) -> Tcp {
    spoken(upgraded(), frames)
}

fn spoken(mut tcp: Tcp, frames: &[(Who, Frame)]) -> Tcp {
    for (who, frame) in frames {
        tcp.frames(*who, std::slice::from_ref(frame));
    }
    tcp
}

fn wait(mut tcp: Tcp, seconds: u64) -> Tcp {
    tcp.now += seconds * 1_000_000_000;
    tcp
}

fn ended(mut tcp: Tcp) -> Tcp {
    tcp.end();
    tcp
}

fn reset(mut tcp: Tcp, who: Who) -> Tcp {
    tcp.rst(who);
    tcp
}

/// Another connection after this one.
fn then(first: Tcp, second: impl FnOnce(&mut Tcp)) -> Tcp {
    let mut tcp = Tcp {
        trace: first.trace,
        now: first.now,
        ..Tcp::default()
    };
    tcp.ends[0].set_port(first.ends[0].port() + 1);
    tcp.handshake();
    second(&mut tcp);
    tcp
}

fn judged(trace: &Trace, bounds: Bounds) -> Findings {
    let mut judge = Judge::new(bounds);
    let mut analyzer = Analyzer::new(Config::default());
    for packet in trace {
        analyzer.push(&packet.packet(), &mut judge);
    }
    analyzer.finish(&mut judge);
    judge.finish()
}

fn lines(findings: &Findings) -> Vec<String> {
    let listed = findings.listed().iter();
    listed
        .map(|finding| {
            let (rule, who) = (finding.rule.name(), finding.from.sender());
            format!("{rule} {who} {}: {}", finding.place.packet, finding.detail)
        })
        .collect()
}

/// Bounds that a short conversation can reach.
fn small() -> Bounds {
    Bounds {
        message_bytes: 10,
        ..Bounds::default()
    }
}

fn cases() -> Vec<Case> {
    [
        key_cases(),
        opening_cases(),
        handshake_fault_cases(),
        frame_fault_cases(),
        pong_cases(),
        ping_cases(),
        close_cases(),
        no_close_cases(),
        size_cases(),
        segment_cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn key_cases() -> Vec<Case> {
    let again = |key: &'static str| {
        move |tcp: &mut Tcp| {
            let accept = wsdump::ws::accept_for(key);
            let upgrade = Upgrade::new()
                .asking("Sec-WebSocket-Key", key)
                .answering("Sec-WebSocket-Accept", &accept);
            tcp.upgrade(&upgrade);
            *tcp = closed(tcp.clone());
        }
    };
    let mut retried = Tcp::connected();
    retried
        .send(Client, &Upgrade::new().request())
        .send(Server, REFUSAL.as_bytes())
        .send(Client, &Upgrade::new().request());
    // The way of a request through a proxy: the copy is sent before the answer comes.
    let mut proxied = Tcp::connected();
    proxied.send(Client, &Upgrade::new().request());
    let proxied = then(proxied, |tcp| {
        tcp.upgrade(&Upgrade::new());
        *tcp = closed(tcp.clone());
    });
    vec![
        case(
            "a key that an answered request of another connection had",
            then(closed(upgraded()), again(KEY)),
            &["repeated-key client 14: the key of packet 4, connection 1"],
        ),
        kept(
            "another key",
            then(closed(upgraded()), again("AAAAAAAAAAAAAAAAAAAAAA==")),
        ),
        case("a refused request once more", retried, &[REFUSED]),
        kept("a request that a proxy hands on", proxied),
    ]
}

const REFUSED: &str = "refused-upgrade server 5: 401 Unauthorized";
const REFUSAL: &str = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";

fn opening_cases() -> Vec<Case> {
    let answered = |seconds, answer: &[u8]| {
        let mut tcp = Tcp::connected();
        tcp.send(Client, &Upgrade::new().request());
        tcp = wait(tcp, seconds);
        tcp.send(Server, answer);
        tcp
    };
    let accepted = |seconds| closed(answered(seconds, &Upgrade::new().response()));
    let mut slow_syn = Tcp::default();
    slow_syn.syn(Client);
    slow_syn = wait(slow_syn, 2);
    slow_syn.syn_ack(Server);
    let mut without_ack = slow_syn.clone();
    slow_syn.ack(Client).upgrade(&Upgrade::new());
    without_ack.upgrade(&Upgrade::new());
    let mut retried = answered(0, REFUSAL.as_bytes());
    let fresh = Upgrade::new()
        .asking("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
        .answering(
            "Sec-WebSocket-Accept",
            &wsdump::ws::accept_for("AAAAAAAAAAAAAAAAAAAAAA=="),
        );
    retried.upgrade(&fresh);
    let other = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let mut other_request = Tcp::connected();
    other_request.send(Client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    other_request.send(Server, other.as_bytes());
    other_request.upgrade(&Upgrade::new());
    vec![
        case(
            "a slow TCP handshake",
            closed(slow_syn),
            &["slow-handshake client 3: the TCP handshake took 2.002s, more than 1s"],
        ),
        kept(
            "one whose acknowledgment may be missing",
            closed(without_ack),
        ),
        case(
            "a slow upgrade",
            accepted(3),
            &["slow-handshake server 5: the opening handshake took 3.001s, more than 1s"],
        ),
        kept("one within the bound", accepted(0)),
        case("a refusal", answered(0, REFUSAL.as_bytes()), &[REFUSED]),
        case(
            "a refusal that is followed by an upgrade",
            closed(retried),
            &[REFUSED],
        ),
        case(
            "a refusal that has no reason phrase",
            answered(0, b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n"),
            &["refused-upgrade server 5: 503"],
        ),
        kept(
            "the refusal of a request that asks for no upgrade",
            closed(other_request),
        ),
    ]
}

const WRONG: &str = "wrong-accept server 5: \"AAAA\", expected \
    \"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"; it is 3 bytes, a SHA-1 digest has 20";

fn handshake_fault_cases() -> Vec<Case> {
    let wrong = || Upgrade::new().answering("Sec-WebSocket-Accept", "AAAA");
    let hello = |tcp| closed(spoken(tcp, &[(Client, text("hello"))]));
    let mut early = Tcp::connected();
    early.send(Client, &wrong().request());
    // The client has not received the 101 when it sends this.
    let at = early.sent[0].cast_signed();
    let bytes = early.encode(Client, &[text("hello")]);
    early.send(Server, &wrong().response());
    early.put(Client, support::packet::ACK, at, Some(0), &bytes);
    early.sent[0] += bytes.len() as u64;
    early.fin(Client).fin(Server).ack(Client);
    vec![
        case(
            "a client that goes on after a wrong Sec-WebSocket-Accept",
            hello(Tcp::with(&wrong())),
            &[
                WRONG,
                "not-failed client 6: a frame, after wrong-accept in packet 5",
            ],
        ),
        case(
            "a client that closes TCP over it",
            ended(Tcp::with(&wrong())),
            &[WRONG],
        ),
        case(
            "a client that fails the connection with a Close frame",
            ended(spoken(
                Tcp::with(&wrong()),
                &[(Client, close(1002, "")), (Server, close(1002, ""))],
            )),
            &[WRONG],
        ),
        case("a client that had sent the frame before", early, &[WRONG]),
    ]
}

const FAULT: &str = "unmasked-client-frame client 6: the mask bit is 0";

fn frame_fault_cases() -> Vec<Case> {
    let fault = || (Client, text("a").wrongly_masked());
    let bad_text = || text(b"\xff").more();
    vec![
        case(
            "a Pong after the fault",
            said(&[fault(), (Client, ping("p")), (Server, pong("p"))]),
            &[
                FAULT,
                "not-failed server 8: a Pong for the Ping of packet 7, after unmasked-client-frame in packet 6",
            ],
        ),
        case(
            "a Pong for a Ping before the fault",
            ended(open(&[
                (Client, ping("p")),
                fault(),
                (Server, pong("p")),
                (Server, close(1002, "")),
                (Client, close(1002, "")),
            ])),
            &["unmasked-client-frame client 7: the mask bit is 0"],
        ),
        case(
            "a Pong with that payload from a server that sends Pongs by itself",
            ended(open(&[
                (Server, pong("p")),
                fault(),
                (Client, ping("p")),
                (Server, pong("p")),
            ])),
            &["unmasked-client-frame client 7: the mask bit is 0"],
        ),
        case(
            "the same close code after the fault",
            said(&[fault()]),
            &[
                FAULT,
                "not-failed server 8: the same code for the Close of packet 7, after unmasked-client-frame in packet 6",
            ],
        ),
        case(
            "a close code that says what is wrong",
            ended(open(&[
                fault(),
                (Client, close(1002, "")),
                (Server, close(1002, "")),
            ])),
            &[FAULT],
        ),
        case(
            "another close code",
            ended(open(&[
                fault(),
                (Client, close(1000, "")),
                (Server, close(1002, "")),
            ])),
            &[FAULT],
        ),
        case(
            "TCP closed over the fault",
            ended(open(&[fault()])),
            &[FAULT],
        ),
        case(
            "a Pong between fragments of a text that is not valid",
            ended(open(&[
                (Client, bad_text()),
                (Client, ping("p")),
                (Server, pong("p")),
            ])),
            &["invalid-utf8 client 6: at byte 0 of the message"],
        ),
        case(
            "a Pong after the last of them",
            ended(open(&[
                (Client, bad_text()),
                (Client, cont("")),
                (Client, ping("p")),
                (Server, pong("p")),
            ])),
            &[
                "invalid-utf8 client 6: at byte 0 of the message",
                "not-failed server 9: a Pong for the Ping of packet 8, after invalid-utf8 in packet 6",
            ],
        ),
        case(
            "a rule over which nobody fails a connection",
            said(&[
                (Server, text("a".repeat(3)).len_in(2)),
                (Server, ping("p")),
                (Client, pong("p")),
            ]),
            &["non-minimal-length server 6: 3 bytes stated in 16 bits"],
        ),
    ]
}

fn pong_cases() -> Vec<Case> {
    let other = || (Server, pong("q"));
    let asked = || (Client, ping("p"));
    vec![
        case(
            "a Pong of another payload",
            said(&[asked(), other()]),
            &["mismatched-pong server 7: the Ping of packet 6 had another payload"],
        ),
        kept(
            "one before the right one",
            said(&[asked(), other(), (Server, pong("p"))]),
        ),
        kept(
            "one that no Ping asked for",
            said(&[other(), asked(), (Server, pong("p")), other()]),
        ),
        kept(
            "one where the capture ends and the right one may follow",
            open(&[asked(), other()]),
        ),
        kept("one of a server that sends Pongs by itself", {
            said(&[other(), (Server, text("a")), asked(), (Server, pong("p"))])
        }),
        kept("one that crossed the Ping", {
            let mut tcp = upgraded();
            let (before, pongs) = (tcp.sent[0].cast_signed(), tcp.encode(Server, &[pong("q")]));
            tcp.frames(Client, &[ping("p")]);
            let at = tcp.sent[1].cast_signed();
            tcp.put(Server, support::packet::ACK, at, Some(before), &pongs);
            tcp.sent[1] += pongs.len() as u64;
            tcp.frames(Server, &[pong("p")]);
            closed(tcp)
        }),
    ]
}

const CLIENT_LOST: &str = "out-of-step client 9: missing bytes hide where the next frame begins";

fn ping_cases() -> Vec<Case> {
    let asked = || (Server, ping("p"));
    let goes_on = |seconds| spoken(wait(open(&[asked()]), seconds), &[(Client, text("a"))]);
    let missing = {
        let mut tcp = open(&[asked()]);
        let lost = tcp.encode(Client, &[pong("p")]);
        tcp.lose(Client, &lost);
        closed(wait(spoken(tcp, &[(Client, text("a"))]), 20))
    };
    vec![
        case(
            "no Pong for longer than the bound",
            closed(goes_on(11)),
            &["unanswered-ping client 6: no Pong within 11.0 s"],
        ),
        case(
            "no Pong until the capture ends",
            goes_on(11),
            &["unanswered-ping client 6: no Pong within 11.0 s"],
        ),
        kept("no Pong for a shorter time", goes_on(9)),
        case(
            "a Close that is answered, and no Pong before",
            ended(open(&[
                asked(),
                (Server, close(1000, "")),
                (Client, close(1000, "")),
            ])),
            &["unanswered-ping client 6: no Pong before the Close of packet 8"],
        ),
        kept(
            "a Close of who should have sent the Pong",
            ended(open(&[
                asked(),
                (Client, close(1000, "")),
                (Server, close(1000, "")),
            ])),
        ),
        kept(
            "an answer to the latest Ping only",
            said(&[asked(), (Server, ping("q")), (Client, pong("q"))]),
        ),
        case(
            "a Pong that was not captured",
            missing,
            &[CLIENT_LOST, "in-step-again client 9: 7 bytes passed over"],
        ),
        case(
            "a Ping to a client that has ended its half of TCP",
            {
                let mut tcp = upgraded();
                tcp.fin(Client);
                let mut tcp = wait(spoken(tcp, &[asked()]), 20);
                tcp.fin(Server).ack(Client);
                tcp
            },
            &["no-close client 6: the client sent FIN"],
        ),
        kept(
            "a Pong that was captured before its Ping",
            closed(wait(said_backwards(), 20)),
        ),
    ]
}

/// A Ping and its Pong, whose packets have changed places.
fn said_backwards() -> Tcp {
    let mut tcp = open(&[(Server, ping("p")), (Client, pong("p"))]);
    let last = tcp.trace.len() - 1;
    tcp.trace.swap(last, last - 1);
    tcp
}

fn close_cases() -> Vec<Case> {
    let asked = || open(&[(Client, close(1000, ""))]);
    let crossed = {
        let mut tcp = upgraded();
        tcp.fin(Server);
        let at = tcp.sent[0].cast_signed();
        let bytes = tcp.encode(Client, &[close(1000, "")]);
        tcp.sent[0] += bytes.len() as u64;
        let before_fin = tcp.sent[1].cast_signed() - 1;
        tcp.put(Client, support::packet::ACK, at, Some(before_fin), &bytes);
        tcp.fin(Client).ack(Server);
        tcp
    };
    let missing = {
        let mut tcp = asked();
        let lost = tcp.encode(Server, &[close(1000, "")]);
        tcp.lose(Server, &lost);
        ended(tcp)
    };
    let mut left = asked();
    left.fin(Server).fin(Client).ack(Server);
    let mut hung = wait(asked(), 30);
    hung.rst(Client);
    vec![
        case(
            "FIN instead of a Close",
            left,
            &["unanswered-close server 6: the server sent FIN in packet 7"],
        ),
        case(
            "nothing at all, until the client gives up",
            hung,
            &["unanswered-close server 6: nothing from the server within 30.0 s"],
        ),
        case(
            "nothing until the capture ends",
            {
                let mut tcp = wait(asked(), 10);
                tcp.ack(Server);
                tcp
            },
            &["unanswered-close server 6: nothing from the server within 10.0 s"],
        ),
        kept("nothing for a short time", asked()),
        kept("a reset right behind the Close", reset(asked(), Client)),
        kept("an answer", closed(upgraded())),
        kept(
            "an answer with another code",
            ended(open(&[
                (Client, close(1000, "")),
                (Server, close(1001, "")),
            ])),
        ),
        kept("FIN that was sent before the Close arrived", crossed),
        case(
            "an answer that was not captured",
            missing,
            &["out-of-step server 9: missing bytes hide where the next frame begins"],
        ),
    ]
}

fn no_close_cases() -> Vec<Case> {
    let hello = || open(&[(Client, text("a"))]);
    let missing = {
        let mut tcp = hello();
        let lost = tcp.encode(Client, &[close(1000, "")]);
        tcp.lose(Client, &lost);
        ended(tcp)
    };
    let midway = {
        let mut tcp = ended(open(&[(Client, text("Hello")), (Server, text("Hello"))]));
        tcp.trace.drain(..5);
        tcp
    };
    vec![
        case(
            "FIN",
            ended(hello()),
            &["no-close client 7: the client sent FIN"],
        ),
        case(
            "RST",
            reset(hello(), Server),
            &["no-close server 7: the server sent RST"],
        ),
        case(
            "FIN in the middle of a message",
            ended(open(&[(Client, binary("a").stating(100))])),
            &["no-close client 7: the client sent FIN"],
        ),
        kept("a Close", closed(hello())),
        kept("a connection that stays open", hello()),
        case("a Close that was not captured", missing, &[CLIENT_LOST]),
        kept("a start that was not captured", midway),
    ]
}

fn size_cases() -> Vec<Case> {
    vec![
        case(
            "a message that is too long",
            said(&[(Server, text("12345678901"))]),
            &["large-message server 6: 11 bytes, more than 10"],
        ),
        case(
            "one in fragments",
            said(&[(Server, text("123456").more()), (Server, cont("78901"))]),
            &["large-message server 7: 11 bytes, more than 10"],
        ),
        kept(
            "one that is as long as may be",
            said(&[(Server, text("1234567890"))]),
        ),
    ]
}

/// Messages of the client, of which the first `again` are sent twice.
fn segments(count: u64, again: u64) -> Tcp {
    let mut tcp = upgraded();
    for number in 0..count {
        let at = tcp.sent[0].cast_signed();
        let bytes = tcp.encode(Client, &[text("12345678")]);
        tcp.send(Client, &bytes);
        if number < again {
            tcp.at(Client, at, &bytes);
        }
    }
    closed(tcp)
}

fn segment_cases() -> Vec<Case> {
    vec![
        // With the request and the Close.
        case(
            "6 of 60 segments again",
            segments(52, 6),
            &["retransmissions client 17: client: 6 of 60 segments (10.0 %)"],
        ),
        kept("3 of 60", segments(55, 3)),
        kept("packets that were captured twice", {
            let mut tcp = upgraded();
            for _ in 0..60 {
                tcp.frames(Client, &[text("a")]).again();
            }
            closed(tcp)
        }),
        kept("6 of 49, which are too few to judge", segments(41, 6)),
    ]
}

#[test]
fn each_rule_is_named_where_it_is_broken_and_not_where_it_is_kept() {
    let complaints: Vec<_> = cases()
        .iter()
        .filter_map(|case| {
            let found = lines(&judged(&case.told.trace, small()));
            (found != case.found).then(|| format!("{}: {found:#?}", case.what))
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_rule_of_whole_connections_has_a_row() {
    let named: BTreeSet<_> = cases()
        .iter()
        .flat_map(|case| case.found)
        .filter_map(|line| line.split(' ').next()?.parse::<Rule>().ok())
        .collect();
    let missing: Vec<_> = Rule::ALL
        .iter()
        .filter(|rule| rule.is_of_check() && !named.contains(rule))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

/// What is found in a file of testdata.
fn judged_file(name: &str) -> Findings {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut source = capture::open(&folder.join(name)).unwrap();
    let mut judge = Judge::new(Bounds::default());
    let mut analyzer = Analyzer::new(Config::default());
    while let Ok(Some(packet)) = source.next_packet() {
        analyzer.push(&packet, &mut judge);
    }
    analyzer.finish(&mut judge);
    judge.finish()
}

/// What is found in a capture, but for what is an anomaly of its own.
fn found(name: &str) -> Vec<String> {
    let of_check = |line: &String| {
        let rule = line
            .split(' ')
            .next()
            .and_then(|name| name.parse::<Rule>().ok());
        rule.is_some_and(Rule::is_of_check)
    };
    lines(&judged_file(name))
        .into_iter()
        .filter(of_check)
        .collect()
}

/// Captures whose names tell which rule they break, and what is found in them.
const MADE: &[(&str, &[&str])] = &[
    (
        "check_repeated_key.pcap",
        &["repeated-key client 18: the key of packet 4, connection 1"],
    ),
    (
        "check_not_failed.pcap",
        &[
            "not-failed server 12: a Pong for the Ping of packet 10, after unmasked-client-frame in packet 8",
        ],
    ),
    (
        "check_mismatched_pong.pcap",
        &["mismatched-pong client 10: the Ping of packet 8 had another payload"],
    ),
    (
        "check_unanswered_ping.pcap",
        &["unanswered-ping client 8: no Pong within 15.0 s"],
    ),
    (
        "check_unanswered_close.pcap",
        &["unanswered-close server 12: the server sent FIN in packet 14"],
    ),
    (
        "check_no_close.pcap",
        &[
            "no-close server 12: the server sent FIN",
            "no-close client 26: the client sent RST",
        ],
    ),
    (
        "check_refused_upgrade.pcap",
        &[
            "refused-upgrade server 6: 503 Service Unavailable",
            "refused-upgrade server 16: 401 Unauthorized",
        ],
    ),
    (
        "check_slow_handshake.pcap",
        &[
            "slow-handshake client 3: the TCP handshake took 1.2005s, more than 1s",
            "slow-handshake server 20: the opening handshake took 2.5005s, more than 1s",
        ],
    ),
    (
        "check_large_message.pcap",
        &["large-message server 19: 16777217 bytes, more than 16777216"],
    ),
    (
        "check_retransmissions.pcap",
        &["retransmissions client 115: client: 6 of 66 segments (9.1 %)"],
    ),
];

/// Real captures, and what is wrong with them on purpose; the rest is as it should be.
const RECORDED: &[(&str, &[&str])] = &[
    ("any_sll2.pcap", &[]),
    // The clients fail both: they send no frame, and no Close frame either.
    ("badaccept.pcap", &[]),
    ("badaccept_crlf.pcap", &[]),
    ("browser_chat.pcap", &[]),
    ("chat.pcap", &[]),
    ("deflate.pcap", &[]),
    ("deflate_small_window.pcap", &[]),
    ("fragments.pcap", &[]),
    ("graphql.pcap", &[]),
    ("h2_wss.pcap", &[]),
    ("ipv6.pcap", &[]),
    (
        "lossy.client.pcap.gz",
        &["retransmissions client 1208: client: 18 of 302 segments (6.0 %)"],
    ),
    (
        "many.pcap.gz",
        &[
            "no-close client 3328: the client sent FIN",
            "no-close client 3329: the client sent RST",
            "no-close client 3334: the client sent FIN",
            "no-close client 3335: the client sent RST",
            "no-close client 3340: the client sent FIN",
            "no-close client 3341: the client sent RST",
            "no-close client 3346: the client sent FIN",
            "no-close client 3347: the client sent RST",
            "no-close client 3352: the client sent FIN",
            "no-close client 3353: the client sent RST",
        ],
    ),
    ("midstream.pcap", &[]),
    ("mqtt.pcap", &[]),
    ("nano.pcap", &[]),
    (
        "rejected.pcap",
        &[
            "refused-upgrade server 6: 401 Unauthorized",
            "refused-upgrade server 16: 404 Not Found",
            "refused-upgrade server 26: 302 Found",
        ],
    ),
    ("snap96.pcap", &[]),
    ("socketio.pcap", &[]),
    ("stomp.pcap", &[]),
];

#[test]
fn each_rule_is_found_in_the_capture_that_is_made_for_it() {
    for (name, expected) in MADE {
        assert_eq!(found(name), *expected, "{name}");
    }
    let made: BTreeSet<_> = MADE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let rules = Rule::ALL.iter().filter(|rule| rule.is_of_check());
    let named = rules.map(|rule| format!("check_{}.pcap", rule.name().replace('-', "_")));
    assert_eq!(made, named.collect());
}

#[test]
fn in_real_captures_only_what_is_wrong_on_purpose_is_found() {
    for (name, expected) in RECORDED {
        assert_eq!(found(name), *expected, "{name}");
    }
}

/// How often each rule of whole connections is broken, but for those of times and numbers of
/// segments, which are true of whatever was captured.
fn broken(trace: &Trace) -> BTreeMap<Rule, u64> {
    let of_what_was_said = |rule: Rule| {
        rule.is_of_check() && !matches!(rule, Rule::SlowHandshake | Rule::Retransmissions)
    };
    let findings = judged(trace, Bounds::default());
    let counts = findings.counts();
    counts.filter(|(rule, _)| of_what_was_said(*rule)).collect()
}

/// What a capture may do to packets: lose one, two or those before, take one twice, take one
/// before another.
fn mishaps(trace: &Trace) -> Vec<(String, Trace)> {
    let mut mishaps = Vec::new();
    for at in 0..trace.len() {
        let mut mishap = |what: &str, change: &dyn Fn(&mut Trace)| {
            let mut trace = trace.clone();
            change(&mut trace);
            mishaps.push((format!("{what} {}", at + 1), trace));
        };
        mishap("without", &|trace| {
            trace.remove(at);
        });
        mishap("without two from", &|trace| {
            trace.drain(at..trace.len().min(at + 2));
        });
        mishap("from", &|trace| {
            trace.drain(..at);
        });
        mishap("up to", &|trace| trace.truncate(at));
        mishap("twice", &|trace| trace.insert(at, trace[at].clone()));
        mishap("in another order from", &|trace| {
            let other = trace.len().min(at + 2) - 1;
            trace.swap(at, other);
            let time = trace[at].time;
            trace[at].time = trace[other].time;
            trace[other].time = time;
        });
    }
    mishaps
}

#[test]
fn what_a_capture_lacks_breaks_no_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut complaints = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_small = path.metadata().unwrap().len() < 6_000;
        if !is_small || path.extension().is_none_or(|ending| ending != "pcap") {
            continue;
        }
        let trace = packets_of(std::fs::read(&path).unwrap());
        let whole = broken(&trace);
        for (what, trace) in mishaps(&trace) {
            for (rule, count) in broken(&trace) {
                if count > whole.get(&rule).copied().unwrap_or(0) {
                    let name = path.file_name().unwrap().display().to_string();
                    complaints.push(format!("{name} {what}: {}", rule.name()));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

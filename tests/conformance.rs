//! RFC 6455 and RFC 7692 by paragraph.
//!
//! First a table with every rule that wsdump knows, each broken once and kept once. Then
//! a module for each paragraph, with what the table cannot show.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeSet;

use support::Kind::{Anomaly, Frame as Frames, Http, Message};
use support::render::{Lines, limited, tell, tell_with};
use support::websocket::{ACCEPT, KEY};
use support::{
    Client, Deflater, Frame, Server, Tcp, Upgrade, Who, binary, close, cont, frame, ping, pong,
    text,
};
use wsdump::Limits;
use wsdump::anomaly::Rule;

/// A rule, a conversation that breaks it and nothing else, and one close to it that
/// breaks nothing.
struct Case {
    rule: Rule,
    broken: Tcp,
    kept: Tcp,
    /// Who goes on after it; their next message must be read.
    goes_on: &'static [Who],
    /// A rule that cannot be broken without another one before it.
    only_after: Option<Rule>,
    /// A rule that the other side breaks by going on all the same.
    and_then: Option<Rule>,
}

const BOTH: &[Who] = &[Client, Server];

fn case(rule: Rule, broken: Tcp, kept: Tcp) -> Case {
    Case {
        rule,
        broken,
        kept,
        goes_on: BOTH,
        only_after: None,
        and_then: None,
    }
}

impl Case {
    fn only_after(self, rule: Rule) -> Self {
        let only_after = Some(rule);
        Self { only_after, ..self }
    }

    fn and_then(self, rule: Rule) -> Self {
        let and_then = Some(rule);
        Self { and_then, ..self }
    }

    /// The server accepts the request, although it must not.
    fn accepted(self) -> Self {
        self.and_then(Rule::AcceptedBadRequest)
    }

    fn then(self, goes_on: &'static [Who]) -> Self {
        Self { goes_on, ..self }
    }
}

/// Limits that a short conversation can reach.
fn small_limits() -> Limits {
    Limits {
        max_head_bytes: 2_000,
        max_inflated_bytes: 5_000,
        max_out_of_order_bytes: 4_000,
        ..Limits::default()
    }
}

fn plain() -> Tcp {
    Tcp::upgraded()
}

fn asked(name: &str, value: &str) -> Tcp {
    Tcp::with(&Upgrade::new().asking(name, value))
}

fn answered(name: &str, value: &str) -> Tcp {
    Tcp::with(&Upgrade::new().answering(name, value))
}

fn agreed(offer: &str, answer: &str) -> Tcp {
    Tcp::with(&Upgrade::extension(offer, answer))
}

/// Frames of one side after a plain upgrade.
fn sent(who: Who, frames: &[Frame]) -> Tcp {
    let mut tcp = Tcp::upgraded();
    tcp.frames(who, frames);
    tcp
}

/// Frames of one side where permessage-deflate was agreed.
fn deflated(who: Who, frames: &[Frame]) -> Tcp {
    let mut tcp = Tcp::with(&Upgrade::deflate(""));
    tcp.frames(who, frames);
    tcp
}

/// An upgrade request, and what the server says to it.
fn asked_and(answer: &str) -> Tcp {
    let mut tcp = Tcp::connected();
    tcp.send(Client, &Upgrade::new().request());
    if !answer.is_empty() {
        tcp.send(Server, answer.as_bytes());
    }
    tcp
}

/// An upgrade request, and a server that gives the connection up.
fn asked_and_reset() -> Tcp {
    let mut tcp = asked_and("");
    tcp.rst(Server);
    tcp
}

fn compressed(payload: &str) -> Frame {
    text(Deflater::new(true).message(payload)).compressed()
}

/// A request for this version, answered by 426 with one more field.
fn version_refused(version: &str, field: &str) -> Tcp {
    let upgrade = Upgrade::new().asking("Sec-WebSocket-Version", version);
    let answer = format!("HTTP/1.1 426 Upgrade Required\r\n{field}\r\nContent-Length: 0\r\n\r\n");
    let mut tcp = Tcp::connected();
    tcp.send(Client, &upgrade.request());
    tcp.send(Server, answer.as_bytes());
    tcp
}

const REFUSAL: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";

fn cases() -> Vec<Case> {
    [
        tcp_cases(),
        http_cases(),
        request_line_cases(),
        request_cases(),
        response_cases(),
        negotiation_cases(),
        frame_cases(),
        closing_cases(),
        compression_cases(),
        limit_cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn tcp_cases() -> Vec<Case> {
    let overlap = |second: &[u8]| {
        let mut tcp = plain();
        let at = tcp.sent[Server as usize].cast_signed();
        tcp.frames(Server, &[text("abc")]);
        tcp.at(Server, at + 2, second);
        tcp
    };
    vec![case(
        Rule::ConflictingOverlap,
        overlap(b"abX"),
        overlap(b"abc"),
    )]
}

fn http_cases() -> Vec<Case> {
    let refused_then = |more: &str| asked_and(&format!("{REFUSAL}{more}"));
    let line_ends = |end| Tcp::with(&Upgrade::new().line_end(Server, end));
    vec![
        case(
            Rule::MalformedHead,
            answered("Not a token", "x"),
            answered("A-Token", "x"),
        ),
        case(Rule::BareLineFeed, line_ends("\n"), line_ends("\r\n")),
        case(
            Rule::BareLineFeed,
            Tcp::with(&Upgrade::new().line_end(Client, "\n")),
            plain(),
        ),
        case(
            Rule::ContentIn101,
            answered("Content-Length", "0"),
            answered("Content-Type", "text/plain"),
        ),
        case(
            Rule::ContentIn101,
            answered("Transfer-Encoding", "chunked"),
            plain(),
        ),
        case(
            Rule::UnexpectedResponse,
            refused_then("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            refused_then(""),
        )
        .then(&[]),
    ]
}

fn request_line_cases() -> Vec<Case> {
    let line = |line| Tcp::with(&Upgrade::new().request_line(line));
    vec![
        case(
            Rule::RequestMethod,
            line("POST /chat HTTP/1.1"),
            line("GET / HTTP/1.1"),
        )
        .accepted(),
        case(
            Rule::RequestTarget,
            line("GET ws://server.example.com/chat HTTP/1.1"),
            line("GET http://server.example.com/chat HTTP/1.1"),
        ),
        case(
            Rule::RequestTarget,
            line("GET chat HTTP/1.1"),
            line("GET HTTPS://server.example.com HTTP/1.1"),
        ),
        case(
            Rule::TargetFragment,
            line("GET /chat#top HTTP/1.1"),
            line("GET /chat%23top HTTP/1.1"),
        ),
        case(
            Rule::RequestVersion,
            line("GET /chat HTTP/1.0"),
            line("GET /?a HTTP/1.1"),
        )
        .accepted(),
    ]
}

fn request_cases() -> Vec<Case> {
    let early = |request_first: bool| {
        let upgrade = Upgrade::new();
        let mut tcp = Tcp::connected();
        tcp.send(Client, &upgrade.request());
        if request_first {
            tcp.frames(Client, &[text("early")]);
        }
        tcp.send(Server, &upgrade.response());
        if !request_first {
            tcp.frames(Client, &[text("in time")]);
        }
        tcp
    };
    vec![
        case(Rule::MissingHost, asked("Host", "-"), asked("Host", "a:80")).accepted(),
        case(Rule::MissingHost, asked("Host", "+b"), asked("Host", "b")).accepted(),
        case(Rule::RequestUpgrade, asked("Upgrade", "-"), plain()).accepted(),
        case(
            Rule::RequestUpgrade,
            asked("Upgrade", "h2c"),
            asked("Upgrade", "h2c, WebSocket"),
        )
        .accepted(),
        case(
            Rule::RequestConnection,
            asked("Connection", "keep-alive"),
            asked("Connection", "keep-alive, uPGRADE"),
        )
        .accepted(),
        case(Rule::RequestConnection, asked("Connection", "-"), plain()).accepted(),
        case(Rule::MissingKey, asked("Sec-WebSocket-Key", "-"), plain()).accepted(),
        case(
            Rule::BadKey,
            Tcp::with(
                &Upgrade::new()
                    .asking("Sec-WebSocket-Key", "c2hvcnQ=")
                    .answering("Sec-WebSocket-Accept", &wsdump::ws::accept_for("c2hvcnQ=")),
            ),
            plain(),
        )
        .accepted(),
        case(
            Rule::RepeatedHeader,
            asked("Sec-WebSocket-Key", &format!("+{KEY}")),
            asked("X-Key", &format!("+{KEY}")),
        ),
        case(
            Rule::RepeatedHeader,
            asked("Sec-WebSocket-Version", "+13"),
            plain(),
        ),
        case(
            Rule::RepeatedHeader,
            answered("Sec-WebSocket-Accept", &format!("+{ACCEPT}")),
            plain(),
        ),
        case(
            Rule::UnsupportedVersion,
            asked("Sec-WebSocket-Version", "8"),
            asked("Sec-WebSocket-Version", "13"),
        )
        .accepted(),
        case(
            Rule::UnsupportedVersion,
            asked("Sec-WebSocket-Version", "-"),
            plain(),
        )
        .accepted(),
        case(
            Rule::MalformedSubprotocol,
            asked("Sec-WebSocket-Protocol", "chat, my chat"),
            asked("Sec-WebSocket-Protocol", "chat, , my-chat"),
        ),
        case(
            Rule::MalformedSubprotocol,
            asked("Sec-WebSocket-Protocol", "chat, chat"),
            asked("Sec-WebSocket-Protocol", "chat, Chat"),
        ),
        case(
            Rule::MalformedSubprotocol,
            asked("Sec-WebSocket-Protocol", ""),
            plain(),
        ),
        case(Rule::DataBeforeHandshake, early(true), early(false)),
    ]
}

fn response_cases() -> Vec<Case> {
    let protocol = |offer, answer| {
        Tcp::with(
            &Upgrade::new()
                .asking("Sec-WebSocket-Protocol", offer)
                .answering("Sec-WebSocket-Protocol", answer),
        )
    };
    vec![
        case(
            Rule::ResponseUpgrade,
            answered("Upgrade", "h2c"),
            answered("Upgrade", "WebSocket"),
        ),
        case(
            Rule::ResponseConnection,
            answered("Connection", "close"),
            answered("Connection", "keep-alive, Upgrade"),
        ),
        case(
            Rule::MissingAccept,
            answered("Sec-WebSocket-Accept", "-"),
            plain(),
        ),
        case(
            Rule::WrongAccept,
            answered("Sec-WebSocket-Accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            answered("Sec-WebSocket-Accept", ACCEPT),
        ),
        case(
            Rule::SubprotocolNotOffered,
            protocol("chat", "mqtt"),
            protocol("chat, mqtt", "mqtt"),
        ),
        case(
            Rule::SubprotocolNotOffered,
            protocol("-", "mqtt"),
            protocol("mqtt", "-"),
        ),
        case(
            Rule::SubprotocolNotOffered,
            // Subprotocol names are compared with regard to case (RFC 6455 §4.1).
            protocol("MQTT", "mqtt"),
            protocol("mqtt", "mqtt"),
        ),
        case(
            Rule::AcceptedBadRequest,
            asked("Host", "-"),
            asked("Origin", "null"),
        )
        .only_after(Rule::MissingHost),
        case(
            Rule::MissingVersion,
            version_refused("8", "Upgrade: websocket"),
            // It is not known what a server dislikes that is asked for version 13.
            version_refused("13", "Upgrade: websocket"),
        )
        .only_after(Rule::UnsupportedVersion)
        .then(&[]),
        case(
            Rule::ResponseVersion,
            Tcp::with(&Upgrade::new().status_line("HTTP/1.0 101 Yes")),
            Tcp::with(&Upgrade::new().status_line("HTTP/1.1 101 Yes")),
        ),
        case(
            Rule::UnansweredUpgrade,
            asked_and_reset(),
            asked_and(REFUSAL),
        )
        .then(&[]),
        // Where only the capture ends, the answer may have come later.
        case(Rule::UnansweredUpgrade, asked_and_reset(), asked_and("")).then(&[]),
    ]
}

fn negotiation_cases() -> Vec<Case> {
    const DEFLATE: &str = "permessage-deflate";
    let both = |parameters: &str| Tcp::with(&Upgrade::deflate(parameters));
    let offered = |parameters: &str, answer: &str| {
        agreed(
            &format!("{DEFLATE}{parameters}"),
            &format!("{DEFLATE}{answer}"),
        )
    };
    vec![
        case(
            Rule::ExtensionNotOffered,
            agreed("-", DEFLATE),
            agreed(DEFLATE, DEFLATE),
        ),
        case(
            Rule::ExtensionNotOffered,
            agreed(DEFLATE, "x-other"),
            agreed("x-other, permessage-deflate", "x-other"),
        ),
        case(
            Rule::MalformedExtension,
            agreed("bad name", "bad name"),
            agreed("good-name; a=\"b\"", "good-name"),
        )
        .only_after(Rule::MalformedExtension),
        case(
            Rule::MalformedExtension,
            agreed("x; a=\"b c\"", "-"),
            agreed("x; a=\"\\b\\c\", , y", "y"),
        ),
        case(
            Rule::MalformedExtension,
            agreed("", "-"),
            agreed("x; a = b ;c", "-"),
        ),
        case(
            Rule::DeflateParameter,
            offered("; server_max_window_bits=16", ""),
            offered("; server_max_window_bits=15", "; server_max_window_bits=8"),
        )
        .and_then(Rule::AcceptedBadOffer),
        case(
            Rule::DeflateParameter,
            offered("; unknown", ""),
            offered("; client_max_window_bits", ""),
        )
        .and_then(Rule::AcceptedBadOffer),
        case(
            Rule::AcceptedBadOffer,
            offered("; client_no_context_takeover=1", ""),
            offered("; client_no_context_takeover", ""),
        )
        .only_after(Rule::DeflateParameter),
        case(
            Rule::DeflateResponse,
            offered("", "; client_max_window_bits=9"),
            offered("; client_max_window_bits", "; client_max_window_bits=9"),
        ),
        case(
            Rule::DeflateResponse,
            offered("; server_no_context_takeover", ""),
            both("; server_no_context_takeover"),
        ),
    ]
}

fn frame_cases() -> Vec<Case> {
    let key = |key| text("a").key(key);
    let (one, two) = (*b"\x01\x02\x03\x04", *b"\x05\x06\x07\x08");
    vec![
        case(
            Rule::UnmaskedClientFrame,
            sent(Client, &[text("a").wrongly_masked()]),
            sent(Client, &[text("a")]),
        ),
        case(
            Rule::MaskedServerFrame,
            sent(Server, &[text("a").wrongly_masked()]),
            sent(Server, &[text("a")]),
        ),
        case(
            Rule::RepeatedMaskingKey,
            sent(Client, &[key(one), key(one)]),
            sent(Client, &[key(one), key(two)]),
        ),
        case(
            Rule::ReservedBits,
            sent(Server, &[text("a").rsv(1)]),
            sent(Server, &[text("a")]),
        ),
        case(
            Rule::ReservedBits,
            sent(Server, &[binary("a").rsv(4)]),
            deflated(Server, &[compressed("a")]),
        ),
        case(
            Rule::ReservedOpcode,
            sent(Server, &[frame(3, "a")]),
            sent(Server, &[frame(2, "a")]),
        ),
        case(
            Rule::ReservedOpcode,
            sent(Client, &[frame(0xB, "a")]),
            sent(Client, &[frame(0xA, "a")]),
        ),
        case(
            Rule::NonMinimalLength,
            sent(Server, &[text("a".repeat(125)).len_in(2)]),
            sent(Server, &[text("a".repeat(126)).len_in(2)]),
        ),
        case(
            Rule::NonMinimalLength,
            sent(Server, &[text("a".repeat(126)).len_in(8)]),
            plain(),
        ),
        case(
            Rule::LengthHighBit,
            sent(Server, &[binary("a").stating(1 << 63)]),
            sent(Server, &[binary("a").stating((1 << 63) - 1)]),
        )
        .then(&[Client]),
        case(
            Rule::FragmentedControlFrame,
            sent(Server, &[ping("a").more()]),
            sent(Server, &[ping("a")]),
        ),
        case(
            Rule::OversizedControlFrame,
            sent(Server, &[ping("a".repeat(126))]),
            sent(Server, &[ping("a".repeat(125))]),
        ),
        case(
            Rule::UnexpectedContinuation,
            sent(Server, &[cont("a")]),
            sent(Server, &[text("a").more(), cont("b")]),
        ),
        case(
            Rule::InterleavedMessage,
            sent(Server, &[text("a").more(), text("b")]),
            sent(Server, &[text("a").more(), ping(""), cont("b")]),
        ),
        case(
            Rule::InvalidUtf8,
            sent(Server, &[text(b"\xff")]),
            sent(Server, &[binary(b"\xff")]),
        ),
    ]
}

fn closing_cases() -> Vec<Case> {
    let closed = |frame: Frame| sent(Client, &[frame]);
    vec![
        case(
            Rule::CloseBodyTooShort,
            closed(frame(8, "a")),
            closed(frame(8, "")),
        )
        .then(&[Server]),
        case(
            Rule::InvalidCloseCode,
            closed(close(1005, "")),
            closed(close(1001, "")),
        )
        .then(&[Server]),
        case(
            Rule::CloseCodeOfClient,
            sent(Server, &[close(1010, "")]),
            sent(Server, &[close(1011, "")]),
        )
        .then(&[Client]),
        case(
            Rule::InvalidCloseReason,
            closed(close(1000, b"\xff")),
            closed(close(1000, "\u{e9}")),
        )
        .then(&[Server]),
        case(
            Rule::DataAfterClose,
            sent(Client, &[close(1000, ""), text("more")]),
            sent(Client, &[text("more"), close(1000, "")]),
        )
        .then(&[Server]),
    ]
}

fn compression_cases() -> Vec<Case> {
    let payload = Deflater::new(true).message("Hello");
    let (start, end) = payload.split_at(3);
    let tail = [&payload[..], b"\0\0\xff\xff"].concat();
    // The same text twice, and whether the second time refers to the first.
    let twice = |parameters: &str, takeover: bool| {
        let numbers: Vec<_> = (1000..1300).map(|number| number.to_string()).collect();
        let mut deflater = Deflater::new(takeover);
        let mut tcp = Tcp::with(&Upgrade::deflate(parameters));
        for _ in 0..2 {
            let payload = deflater.message(numbers.concat());
            tcp.frames(Server, &[text(payload).compressed()]);
        }
        tcp
    };
    let narrow = "; server_max_window_bits=9";
    let alone = "; server_no_context_takeover";
    vec![
        case(
            Rule::CompressedContinuation,
            deflated(
                Server,
                &[text(start).compressed().more(), cont(end).compressed()],
            ),
            deflated(Server, &[text(start).compressed().more(), cont(end)]),
        ),
        case(
            Rule::CompressedControlFrame,
            deflated(Server, &[ping("a").compressed()]),
            deflated(Server, &[ping("a")]),
        ),
        case(
            Rule::InvalidDeflateData,
            // Block type 3 does not exist (RFC 1951 §3.2.3).
            deflated(Server, &[text(b"\x07").compressed()]),
            deflated(Server, &[text(b"\x00").compressed()]),
        ),
        case(
            Rule::InvalidDeflateData,
            deflated(Server, &[text("").compressed()]),
            deflated(Server, &[text("")]),
        ),
        case(
            Rule::DeflateTail,
            deflated(Server, &[text(tail).compressed()]),
            deflated(Server, &[text(&payload).compressed()]),
        ),
        case(
            Rule::ContextTakenOver,
            twice(alone, true),
            twice(alone, false),
        ),
        case(Rule::WindowExceeded, twice(narrow, true), twice("", true)),
    ]
}

fn limit_cases() -> Vec<Case> {
    let padded = |len: usize| {
        let upgrade = Upgrade::new().answering("X-Padding", &"p".repeat(len));
        let mut tcp = Tcp::connected();
        tcp.send(Client, &upgrade.request());
        tcp.send_cut(Server, &upgrade.response(), 500);
        tcp
    };
    let inflating = |len: usize| {
        let payload = Deflater::new(false).message("a".repeat(len));
        let mut tcp = Tcp::with(&Upgrade::deflate(
            "; server_no_context_takeover; client_no_context_takeover",
        ));
        tcp.frames(Server, &[text(payload).compressed()]);
        tcp
    };
    // A compressed message that refers to one that is lost with its header.
    let refers = |lost: bool| {
        let mut tcp = Tcp::with(&Upgrade::deflate(""));
        let mut deflater = Deflater::new(true);
        let [first, second] = ["some words to refer to", "some words to refer to"]
            .map(|payload| text(deflater.message(payload)).compressed());
        let payload_len = first.payload().len();
        let bytes = tcp.encode(Server, &[first]);
        let (header, payload) = bytes.split_at(bytes.len() - payload_len);
        tcp.send(Server, header);
        if lost {
            tcp.lose(Server, payload).ack(Client);
        } else {
            tcp.send(Server, payload);
        }
        tcp.frames(Server, &[second]);
        tcp
    };
    let headers = |lost: bool, more: usize| {
        let mut tcp = plain();
        let bytes = tcp.encode(Server, &[text("not captured")]);
        if lost {
            tcp.lose(Server, &bytes).ack(Client);
        } else {
            tcp.send(Server, &bytes);
        }
        for number in 1..=more {
            tcp.frames(Server, &[text("message ".repeat(number))]);
            tcp.ack(Client);
        }
        tcp
    };
    let waiting = |len: usize| {
        let mut tcp = plain();
        let bytes = tcp.encode(Server, &[text("a".repeat(len))]);
        let (header, payload) = bytes.split_at(10);
        tcp.send(Server, header);
        let at = tcp.sent[Server as usize].cast_signed();
        tcp.lose(Server, payload);
        tcp.at(Server, at + 1, &payload[1..]);
        if len < 4_000 {
            tcp.at(Server, at, &payload[..1]);
        }
        tcp
    };
    vec![
        case(Rule::HeadLimit, padded(3_000), padded(1_000)).then(&[]),
        case(Rule::InflatedLimit, inflating(5_001), inflating(5_000)),
        case(Rule::HistoryMissing, refers(true), refers(false)),
        case(Rule::OutOfStep, headers(true, 0), headers(false, 0)).then(&[Client]),
        case(Rule::InStepAgain, headers(true, 9), headers(false, 9)).only_after(Rule::OutOfStep),
        case(Rule::OutOfOrderLimit, waiting(4_100), waiting(3_900)),
    ]
}

/// Lets the conversation go on and end, and tells it.
fn told_to_its_end(mut tcp: Tcp, goes_on: &[Who]) -> Lines {
    for who in goes_on {
        tcp.frames(*who, &[text(format!("{who:?} goes on"))]);
    }
    tcp.ack(Server).ack(Client);
    tell_with(&tcp.trace, limited(small_limits()))
}

/// What is wrong with how a row's conversation was told; empty when it is right.
fn complaint(tcp: Tcp, case: (Rule, &[Who]), expected: &[&str]) -> Option<String> {
    let (rule, goes_on) = case;
    let lines = told_to_its_end(tcp, goes_on);
    let rules = lines.rules();
    let unread: Vec<_> = goes_on
        .iter()
        .map(|who| format!("{who:?} goes on"))
        .filter(|message| !lines.messages().iter().any(|line| line.contains(message)))
        .collect();
    (rules != expected || !unread.is_empty()).then(|| {
        let told = lines.websocket();
        format!("{rule:?}: expected {expected:?}, found {rules:?}, unread {unread:?} in {told:#?}")
    })
}

#[test]
fn each_rule_is_named_when_it_is_broken_and_decoding_goes_on() {
    let complaints: Vec<_> = cases()
        .into_iter()
        .filter_map(|case| {
            let rules = case.only_after.into_iter().chain([case.rule]);
            let rules = rules.chain(case.and_then);
            let names: Vec<_> = rules.map(Rule::name).collect();
            complaint(case.broken, (case.rule, case.goes_on), &names)
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_rule_is_named_when_all_are_kept() {
    let complaints: Vec<_> = cases()
        .into_iter()
        .filter_map(|case| complaint(case.kept, (case.rule, case.goes_on), &[]))
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_rule_has_a_row_in_the_table() {
    let rows: BTreeSet<_> = cases().iter().map(|case| case.rule).collect();
    let missing: Vec<_> = Rule::ALL
        .iter()
        .filter(|rule| !rule.is_of_check() && !rows.contains(rule))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

/// What is told of frames that one side sends after a plain upgrade.
fn lines_of(who: Who, frames: &[Frame]) -> Vec<String> {
    owned(&tell(&sent(who, frames).trace).websocket())
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// RFC 6455 §1.3, §4: the opening handshake.
mod opening_handshake {
    use super::*;

    fn heads_and_messages(tcp: &Tcp) -> Vec<String> {
        owned(&tell(&tcp.trace).of(&[Http, Anomaly, Message]))
    }

    #[test]
    fn the_example_of_the_rfc_keeps_every_rule() {
        assert_eq!(
            heads_and_messages(&plain()),
            ["> GET /chat", "< 101 upgraded"]
        );
    }

    #[test]
    fn names_and_tokens_are_compared_without_regard_to_case_and_lists_may_be_split() {
        let upgrade = Upgrade::new()
            .asking("Upgrade", "-")
            .asking("uPgRaDe", "h2c , WEBSOCKET")
            .asking("Connection", "keep-alive")
            .asking("CONNECTION", "+\tupgrade ,")
            .answering("Upgrade", "-")
            .answering("UPGRADE", "WebSocket")
            .answering("Connection", "close")
            .answering("connection", "+UPGRADE");
        assert_eq!(
            heads_and_messages(&Tcp::with(&upgrade)),
            ["> GET /chat", "< 101 upgraded"]
        );
    }

    #[test]
    fn several_rules_broken_at_once_are_all_named() {
        let upgrade = Upgrade::new()
            .request_line("POST / HTTP/1.0")
            .asking("Host", "-")
            .asking("Connection", "-")
            .asking("Sec-WebSocket-Key", "-")
            .asking("Sec-WebSocket-Version", "-")
            .answering("Upgrade", "-")
            .answering("Connection", "-")
            .answering("Sec-WebSocket-Accept", "-");
        let mut tcp = Tcp::with(&upgrade);
        tcp.frames(Server, &[text("all the same")]);
        let lines = tell(&tcp.trace);
        let mut rules = lines.rules();
        rules.sort_unstable();
        assert_eq!(
            rules,
            [
                "accepted-bad-request",
                "missing-accept",
                "missing-host",
                "missing-key",
                "request-connection",
                "request-http-version",
                "request-method",
                "response-connection",
                "response-upgrade",
                "unsupported-version",
            ]
        );
        assert_eq!(lines.messages(), ["< \"all the same\""]);
    }

    #[test]
    fn a_key_must_be_sixteen_bytes_in_base64() {
        for (key, good) in [
            (KEY, true),
            ("AAAAAAAAAAAAAAAAAAAAAA==", true),
            ("AAAAAAAAAAAAAAAAAAAAAA", false),
            ("AAAAAAAAAAAAAAAAAAAAAAA=", false),
            ("AAAAAAAAAAAAAAAAAAAA", false),
            ("not base64 at all!!", false),
            ("", false),
        ] {
            let upgrade = Upgrade::new()
                .asking("Sec-WebSocket-Key", key)
                .answering("Sec-WebSocket-Accept", &wsdump::ws::accept_for(key));
            let lines = tell(&Tcp::with(&upgrade).trace);
            let expected: &[&str] = if good {
                &[]
            } else {
                &["bad-key", "accepted-bad-request"]
            };
            assert_eq!(lines.rules(), expected, "key {key:?}");
        }
    }

    #[test]
    fn a_wrong_accept_is_told_with_the_expected_value_and_its_cause() {
        for (accept, cause) in [
            (KEY, "the key itself"),
            ("s3pPLMBiTxaQ9kYGzzhZRbK-xOo=", "alphabet"),
            ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "padding"),
            ("b37a4f2cc0624f1690f64606cf385945b2bec4ea", "hexadecimal"),
            ("AAAAAAAAAAAAAAAAAAAAAA==", "MD5"),
            ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "SHA-256"),
        ] {
            let lines = tell(&answered("Sec-WebSocket-Accept", accept).trace);
            assert_eq!(lines.rules(), ["wrong-accept"], "{accept}");
            let detail = lines.details()[0];
            assert!(detail.contains(accept), "{detail}");
            assert!(detail.contains(ACCEPT), "{detail}");
            assert!(detail.contains(cause), "{detail}");
        }
    }

    #[test]
    fn a_mistyped_guid_is_recognised_from_the_accept_value() {
        let source = wsdump::capture::open("testdata/badaccept_crlf.pcap".as_ref());
        let mut source = source.expect("the capture is there");
        let mut details = Vec::new();
        let mut sink = |event: &wsdump::event::Event<'_>| {
            if let wsdump::event::EventKind::Anomaly(anomaly) = event.kind {
                details.push(anomaly.detail.to_string());
            }
        };
        let mut analyzer = wsdump::Analyzer::new(wsdump::Config::default());
        while let Some(packet) = source.next_packet().expect("the capture is whole") {
            analyzer.push(&packet, &mut sink);
        }
        analyzer.finish(&mut sink);
        assert!(
            details.iter().any(|d| d.contains("mistyped")),
            "{details:?}"
        );
    }

    #[test]
    fn a_request_without_websocket_in_upgrade_is_judged_only_by_its_answer() {
        let refused = {
            let mut tcp = Tcp::connected();
            tcp.send(Client, &Upgrade::new().asking("Upgrade", "h2c").request());
            tcp.send(Server, REFUSAL.as_bytes());
            tcp
        };
        assert!(tell(&refused.trace).all.is_empty());
        let mut accepted = asked("Upgrade", "-");
        accepted.frames(Server, &[text("all the same")]);
        assert_eq!(
            heads_and_messages(&accepted),
            [
                "> GET /chat",
                "> ! request-upgrade",
                "< 101 upgraded",
                "< ! accepted-bad-request",
                "< \"all the same\"",
            ]
        );
    }

    #[test]
    fn what_a_server_accepts_against_its_duty_is_told_in_one_line() {
        let upgrade = Upgrade::new()
            .request_line("POST /chat#a HTTP/1.0")
            .asking("Sec-WebSocket-Version", "-");
        let lines = tell(&Tcp::with(&upgrade).trace);
        assert_eq!(
            lines.details().last(),
            Some(
                &"101 to a request that breaks request-method, request-http-version, \
                 unsupported-version"
            )
        );
    }

    #[test]
    fn a_refusal_that_names_the_versions_or_another_protocol_is_right() {
        for field in [
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Version: 13, 7",
            "Upgrade: TLS/1.2",
        ] {
            let lines = tell(&version_refused("8", field).trace);
            assert_eq!(lines.rules(), ["unsupported-version"], "{field}");
        }
    }

    #[test]
    fn a_refused_upgrade_is_told_whatever_the_status() {
        for status in [200, 301, 302, 400, 401, 403, 404, 426, 500, 503] {
            let answer = format!("HTTP/1.1 {status} Reason\r\nContent-Length: 2\r\n\r\nno");
            assert_eq!(
                tell(&asked_and(&answer).trace).of(&[Http]),
                ["> GET /chat", &format!("< {status} refused")]
            );
        }
    }

    #[test]
    fn an_upgrade_may_be_asked_for_again_after_a_refusal() {
        let mut tcp = asked_and("HTTP/1.1 401 Who\r\nContent-Length: 3\r\n\r\nno!");
        tcp.upgrade(&Upgrade::new());
        tcp.frames(Client, &[text("in")]);
        let lines = tell(&tcp.trace);
        assert_eq!(
            lines.of(&[Http, Message]),
            [
                "> GET /chat",
                "< 401 refused",
                "> GET /chat",
                "< 101 upgraded",
                "> \"in\"",
            ]
        );
    }

    #[test]
    fn an_interim_response_is_not_the_answer() {
        let upgrade = Upgrade::new();
        let mut tcp = asked_and("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        tcp.send(Server, &upgrade.response());
        tcp.frames(Server, &[text("a")]);
        assert_eq!(
            heads_and_messages(&tcp),
            ["> GET /chat", "< 103", "< 101 upgraded", "< \"a\""]
        );
    }

    #[test]
    fn an_answer_that_never_came_is_told() {
        let mut ended = asked_and("");
        ended.end();
        for tcp in [ended, asked_and_reset()] {
            let lines = tell(&tcp.trace);
            assert_eq!(
                lines.of(&[Http, Anomaly]),
                ["> GET /chat", "< ! unanswered-upgrade"]
            );
        }
    }

    #[test]
    fn requests_and_their_content_may_come_before_on_the_same_connection() {
        let mut tcp = Tcp::connected();
        tcp.send(
            Client,
            b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nGET / HTT",
        );
        tcp.send(
            Server,
            b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHTTP/1.1 101 ",
        );
        tcp.send(Client, b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
        tcp.send(
            Server,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n",
        );
        tcp.upgrade(&Upgrade::new());
        tcp.frames(Server, &[text("a")]);
        assert_eq!(
            heads_and_messages(&tcp),
            [
                "> POST /login",
                "< 200",
                "> GET /page",
                "< 200",
                "> GET /chat",
                "< 101 upgraded",
                "< \"a\"",
            ]
        );
    }

    #[test]
    fn a_proxy_may_be_asked_to_connect_before() {
        let mut tcp = Tcp::connected();
        tcp.send(
            Client,
            b"CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n",
        );
        tcp.send(Server, b"HTTP/1.1 200 Connection established\r\n\r\n");
        tcp.upgrade(&Upgrade::new());
        tcp.frames(Client, &[text("through")]);
        assert_eq!(
            heads_and_messages(&tcp),
            [
                "> CONNECT a.example:80",
                "< 200",
                "> GET /chat",
                "< 101 upgraded",
                "> \"through\"",
            ]
        );
    }

    #[test]
    fn a_target_may_be_absolute() {
        let line = "GET http://server.example.com/chat HTTP/1.1";
        let mut tcp = Tcp::with(&Upgrade::new().request_line(line));
        tcp.frames(Server, &[text("a")]);
        assert_eq!(
            heads_and_messages(&tcp),
            [
                "> GET http://server.example.com/chat",
                "< 101 upgraded",
                "< \"a\"",
            ]
        );
    }

    #[test]
    fn frames_may_come_in_the_segment_of_the_101() {
        let upgrade = Upgrade::new();
        let mut tcp = Tcp::connected();
        tcp.send(Client, &upgrade.request());
        let frames = tcp.encode(Server, &[text("at once"), text("and again")]);
        tcp.send(Server, &[upgrade.response(), frames].concat());
        assert_eq!(
            heads_and_messages(&tcp),
            [
                "> GET /chat",
                "< 101 upgraded",
                "< \"at once\"",
                "< \"and again\"",
            ]
        );
    }

    #[test]
    fn the_limit_on_a_head_does_not_depend_on_how_it_is_cut() {
        let limits = Limits {
            max_head_bytes: 500,
            ..Limits::default()
        };
        let upgrade = Upgrade::new().answering("X-Padding", &"p".repeat(600));
        for size in [1, 100, 400, 1_400] {
            let mut tcp = Tcp::connected();
            tcp.send(Client, &upgrade.request());
            tcp.send_cut(Server, &upgrade.response(), size);
            let lines = tell_with(&tcp.trace, limited(limits));
            assert_eq!(lines.rules(), ["head-limit"], "in segments of {size}");
        }
    }

    #[test]
    fn another_protocol_than_websocket_is_not_told_of() {
        let upgrade = Upgrade::new()
            .asking("Upgrade", "h2c")
            .answering("Upgrade", "h2c");
        let upgrade = upgrade.answering("Sec-WebSocket-Accept", "-");
        assert!(tell(&Tcp::with(&upgrade).trace).all.is_empty());
    }
}

/// RFC 6455 §5.1, §5.3: masking.
mod masking {
    use super::*;

    #[test]
    fn every_length_and_position_is_unmasked() {
        let payload: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        for len in [0, 1, 3, 4, 5, 7, 8, 15, 16, 17, 125, 126, 127, 1_000] {
            let mut tcp = plain();
            tcp.frames(Client, &[binary(&payload[..len])]);
            let lines = tell(&tcp.trace);
            let message = lines.all.iter().find(|line| line.kind == Message);
            assert_eq!(message.unwrap().payload, payload[..len], "{len} bytes");
        }
    }

    #[test]
    fn a_frame_masked_by_the_wrong_side_is_read_all_the_same() {
        assert_eq!(
            lines_of(Server, &[text("Hello").wrongly_masked()]),
            ["< ! masked-server-frame", "< [text 5]", "< \"Hello\""]
        );
        assert_eq!(
            lines_of(Client, &[text("Hello").wrongly_masked()]),
            ["> ! unmasked-client-frame", "> [text 5]", "> \"Hello\""]
        );
    }

    #[test]
    fn a_repeated_key_is_told_once_a_direction() {
        let frame = || text("a").key(*b"\x00\x00\x00\x01");
        let lines = lines_of(Client, &[frame(), frame(), frame(), frame()]);
        let told = lines.iter().filter(|line| line.contains("repeated"));
        assert_eq!(told.count(), 1);
    }
}

/// RFC 6455 §5.2: the base framing protocol.
mod base_framing {
    use super::*;

    #[test]
    fn a_length_has_three_encodings() {
        for (len, encoded) in [
            (0, 0),
            (1, 0),
            (125, 0),
            (126, 2),
            (127, 2),
            (65_535, 2),
            (65_536, 8),
            (100_000, 8),
        ] {
            for who in BOTH {
                let mut tcp = plain();
                let bytes = tcp.encode(*who, &[binary(vec![b'x'; len]), text("next")]);
                let mask = if *who == Client { 4 } else { 0 };
                assert_eq!(bytes.len(), 2 + encoded + mask + len + 2 + mask + 4);
                tcp.send_cut(*who, &bytes, 1_400);
                let lines = tell(&tcp.trace);
                let way = if *who == Client { '>' } else { '<' };
                assert_eq!(
                    lines.of(&[Frames, Anomaly]),
                    [format!("{way} [binary {len}]"), format!("{way} [text 4]")]
                );
            }
        }
    }

    #[test]
    fn a_length_longer_than_it_must_be_is_told_and_read() {
        for (len, encoded) in [(0, 2), (0, 8), (125, 2), (125, 8), (126, 8), (65_535, 8)] {
            let mut tcp = plain();
            let bytes = tcp.encode(
                Server,
                &[binary(vec![0; len]).len_in(encoded), text("next")],
            );
            tcp.send_cut(Server, &bytes, 1_400);
            let lines = tell(&tcp.trace);
            assert_eq!(lines.rules(), ["non-minimal-length"], "{len} in {encoded}");
            assert_eq!(lines.messages().last(), Some(&"< \"next\""));
        }
    }

    #[test]
    fn the_largest_length_is_read_and_the_frame_told_as_cut_short() {
        let largest = (1 << 63) - 1;
        assert_eq!(
            lines_of(Server, &[text("start").stating(largest)]),
            [
                "< [text 9223372036854775807 cut short]",
                "< \"start\" incomplete",
            ]
        );
        assert_eq!(
            lines_of(Client, &[text("start").stating(u64::MAX)]),
            [
                "> ! length-high-bit",
                "> [text 18446744073709551615 cut short]",
                "> \"start\" incomplete",
            ]
        );
    }

    #[test]
    fn every_opcode_is_told() {
        for opcode in 0..16 {
            let name = match opcode {
                0 => "cont 0",
                1 => "text 0",
                2 => "binary 0",
                8 => "close 0",
                9 => "ping 0",
                10 => "pong 0 unsolicited",
                other => &format!("opcode {other:X} 0"),
            };
            let broken = match opcode {
                0 => Some("unexpected-continuation"),
                3..=7 | 11..=15 => Some("reserved-opcode"),
                _ => None,
            };
            let lines = tell(&sent(Server, &[frame(opcode, "")]).trace);
            assert_eq!(lines.of(&[Frames]), [format!("< [{name}]")]);
            assert_eq!(lines.rules(), Vec::from_iter(broken), "opcode {opcode}");
        }
    }

    #[test]
    fn each_reserved_bit_is_told_where_no_extension_defines_it() {
        for rsv in 1..8 {
            let lines = tell(&sent(Server, &[text("a").rsv(rsv), text("b")]).trace);
            assert_eq!(lines.rules(), ["reserved-bits"], "RSV {rsv:03b}");
            let detail = lines.details()[0];
            for (bit, name) in [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")] {
                assert_eq!(detail.contains(name), rsv & bit != 0, "{rsv:03b}: {detail}");
            }
            assert_eq!(lines.messages().last(), Some(&"< \"b\""));
        }
    }

    #[test]
    fn an_unknown_extension_may_define_reserved_bits() {
        let mut tcp = agreed("x-other", "x-other");
        tcp.frames(Server, &[binary("a").rsv(7)]);
        assert!(tell(&tcp.trace).rules().is_empty());
    }

    #[test]
    fn a_reserved_opcode_does_not_disturb_the_message_around_it() {
        assert_eq!(
            lines_of(Server, &[text("a").more(), frame(0xC, "?"), cont("b")]),
            [
                "< [text 1 more]",
                "< ! reserved-opcode",
                "< [opcode C 1]",
                "< [cont 1]",
                "< \"ab\" in 2",
            ]
        );
    }
}

/// RFC 6455 §5.4: fragmentation.
mod fragmentation {
    use super::*;

    #[test]
    fn a_message_may_come_in_any_number_of_fragments_some_of_them_empty() {
        assert_eq!(
            lines_of(
                Client,
                &[
                    text("").more(),
                    cont("Hel").more(),
                    cont("").more(),
                    cont("lo"),
                    text("next")
                ]
            ),
            [
                "> [text 0 more]",
                "> [cont 3 more]",
                "> [cont 0 more]",
                "> [cont 2]",
                "> \"Hello\" in 4",
                "> [text 4]",
                "> \"next\"",
            ]
        );
    }

    #[test]
    fn control_frames_may_come_between_fragments() {
        assert_eq!(
            lines_of(
                Server,
                &[
                    binary("a").more(),
                    ping("p"),
                    pong("q"),
                    cont("b").more(),
                    ping(""),
                    cont("c")
                ]
            ),
            [
                "< [binary 1 more]",
                "< [ping 1]",
                "< [pong 1 unsolicited]",
                "< [cont 1 more]",
                "< [ping 0]",
                "< [cont 1]",
                "< x'616263' in 3",
            ]
        );
    }

    #[test]
    fn both_directions_are_independent() {
        let mut tcp = plain();
        tcp.frames(Client, &[text("cl").more()]);
        tcp.frames(Server, &[binary("se").more()]);
        tcp.frames(Client, &[cont("ient")]);
        tcp.frames(Server, &[cont("rver")]);
        assert_eq!(
            tell(&tcp.trace).websocket(),
            [
                "> [text 2 more]",
                "< [binary 2 more]",
                "> [cont 4]",
                "> \"client\" in 2",
                "< [cont 4]",
                "< x'736572766572' in 2",
            ]
        );
    }

    #[test]
    fn a_new_message_inside_another_ends_it_as_incomplete() {
        assert_eq!(
            lines_of(
                Server,
                &[text("lost").more(), text("new").more(), cont("er")]
            ),
            [
                "< [text 4 more]",
                "< ! interleaved-message",
                "< \"lost\" incomplete",
                "< [text 3 more]",
                "< [cont 2]",
                "< \"newer\" in 2",
            ]
        );
    }

    #[test]
    fn a_message_that_never_ended_is_told_as_incomplete() {
        assert_eq!(
            lines_of(Server, &[text("begun").more(), ping("")]),
            ["< [text 5 more]", "< [ping 0]", "< \"begun\" incomplete"]
        );
    }

    #[test]
    fn a_continuation_of_nothing_makes_no_message() {
        assert_eq!(
            lines_of(Server, &[cont("a").more(), cont("b"), text("c")]),
            [
                "< ! unexpected-continuation",
                "< [cont 1 more]",
                "< ! unexpected-continuation",
                "< [cont 1]",
                "< [text 1]",
                "< \"c\"",
            ]
        );
    }
}

/// RFC 6455 §5.5: control frames.
mod control_frames {
    use super::*;

    #[test]
    fn a_control_frame_that_breaks_both_rules_is_read() {
        let lines = lines_of(Server, &[ping("p".repeat(126)).more(), text("next")]);
        assert_eq!(
            lines,
            [
                "< ! fragmented-control-frame",
                "< ! oversized-control-frame",
                "< [ping 126 more]",
                "< [text 4]",
                "< \"next\"",
            ]
        );
    }

    #[test]
    fn a_pong_answers_the_ping_with_its_payload() {
        let mut tcp = plain();
        tcp.frames(Server, &[ping("one")]);
        tcp.frames(Server, &[ping("two")]);
        tcp.frames(Client, &[pong("one")]);
        tcp.frames(Client, &[pong("two")]);
        tcp.frames(Client, &[pong("two")]);
        assert_eq!(
            tell(&tcp.trace).websocket(),
            [
                "< [ping 3]",
                "< [ping 3]",
                "> [pong 3 after 2 ms]",
                "> [pong 3 after 2 ms]",
                "> [pong 3 unsolicited]",
            ]
        );
    }

    #[test]
    fn a_pong_to_the_latest_ping_settles_those_before_it() {
        let mut tcp = plain();
        tcp.frames(Client, &[ping("1"), ping("2"), ping("3")]);
        tcp.frames(Server, &[pong("3")]);
        tcp.frames(Server, &[pong("1")]);
        assert_eq!(
            tell(&tcp.trace).websocket()[3..],
            ["< [pong 1 after 1 ms]", "< [pong 1 unsolicited]"]
        );
    }

    #[test]
    fn no_side_answers_its_own_ping() {
        assert_eq!(
            lines_of(Client, &[ping("x"), pong("x")]),
            ["> [ping 1]", "> [pong 1 unsolicited]"]
        );
    }

    #[test]
    fn pings_and_pongs_cross() {
        let mut tcp = plain();
        tcp.frames(Client, &[ping("")]);
        tcp.frames(Server, &[ping("")]);
        tcp.frames(Client, &[pong("")]);
        tcp.frames(Server, &[pong("")]);
        assert_eq!(
            tell(&tcp.trace).websocket(),
            [
                "> [ping 0]",
                "< [ping 0]",
                "> [pong 0 after 1 ms]",
                "< [pong 0 after 3 ms]",
            ]
        );
    }
}

/// RFC 6455 §5.5.1, §7: the closing handshake.
mod closing_handshake {
    use super::*;
    use support::Kind::End;

    #[test]
    fn every_close_code_is_told_and_those_that_may_not_be_sent_are_named() {
        for code in [0, 1, 500, 999].into_iter().chain(1000..=1020).chain([
            2000, 2999, 3000, 3003, 3008, 3999, 4000, 4001, 4999, 5000, 65_535,
        ]) {
            let may_be_sent = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            for who in BOTH {
                let lines = tell(&sent(*who, &[close(code, "bye")]).trace);
                let way = if *who == Client { '>' } else { '<' };
                assert_eq!(
                    lines.of(&[Frames]),
                    [format!("{way} [close {code} \"bye\"]")]
                );
                let expected: &[&str] = match (code, who) {
                    (1010, Server) => &["close-code-of-client"],
                    _ if may_be_sent => &[],
                    _ => &["invalid-close-code"],
                };
                assert_eq!(lines.rules(), expected, "close code {code}");
            }
        }
    }

    #[test]
    fn a_close_may_have_no_body() {
        let lines = tell(&sent(Client, &[frame(8, "")]).trace);
        assert_eq!(lines.websocket(), ["> [close 0]"]);
        assert_eq!(lines.of(&[End]), ["= open, close none"]);
    }

    #[test]
    fn a_reason_of_the_longest_length_is_read() {
        let reason = "r".repeat(123);
        let lines = tell(&sent(Server, &[close(1000, &reason)]).trace);
        assert!(lines.rules().is_empty());
        assert_eq!(lines.of(&[Frames]), [format!("< [close 1000 {reason:?}]")]);
    }

    #[test]
    fn a_close_is_clean_when_both_sides_sent_one_and_tcp_ended_with_fin() {
        let ended = |both: bool, fin: bool| {
            let mut tcp = sent(Client, &[close(1000, "")]);
            if both {
                tcp.frames(Server, &[close(1000, "")]);
            }
            if fin {
                tcp.end();
            } else {
                tcp.rst(Server);
            }
            owned(&tell(&tcp.trace).of(&[End]))
        };
        assert_eq!(ended(true, true), ["= fin, close 1000 clean"]);
        assert_eq!(ended(false, true), ["= fin, close 1000"]);
        assert_eq!(ended(true, false), ["= rst, close 1000"]);
    }

    #[test]
    fn the_first_close_is_the_one_that_counts() {
        let mut tcp = sent(Server, &[close(1001, "away")]);
        tcp.frames(Client, &[close(1000, "")]).end();
        assert_eq!(tell(&tcp.trace).of(&[End]), ["= fin, close 1001 clean"]);
    }

    #[test]
    fn data_after_a_close_is_told_once_and_read() {
        assert_eq!(
            lines_of(Server, &[close(1000, ""), text("a"), ping("")]),
            [
                "< [close 1000 \"\"]",
                "< ! data-after-close",
                "< [text 1]",
                "< \"a\"",
                "< [ping 0]",
            ]
        );
    }

    #[test]
    fn the_other_side_may_still_send_after_a_close() {
        let mut tcp = sent(Client, &[close(1000, "")]);
        tcp.frames(Server, &[text("still here"), close(1000, "")]);
        assert!(tell(&tcp.trace).rules().is_empty());
    }
}

/// RFC 6455 §8.1: UTF-8.
mod utf8 {
    use super::*;

    #[test]
    fn a_character_may_be_cut_between_fragments_anywhere() {
        let message = "\u{20ac}\u{1f600}\u{e9}z";
        for cut in 0..=message.len() {
            let (left, right) = message.as_bytes().split_at(cut);
            let lines = lines_of(Server, &[text(left).more(), cont(right)]);
            assert_eq!(
                lines.last().unwrap(),
                &format!("< {message:?} in 2"),
                "{cut}"
            );
            assert_eq!(lines.len(), 3, "cut at {cut}: {lines:?}");
        }
    }

    #[test]
    fn invalid_text_is_named_once_with_its_place() {
        for (bytes, place) in [
            (&b"abc\xff\xff"[..], 3),
            (b"\xc0\xaf", 0),
            (b"ok\xed\xa0\x80", 2),
            (b"\xf4\x90\x80\x80", 0),
            (b"cut\xe2\x82", 3),
            (b"\x80", 0),
        ] {
            for cut in 0..bytes.len() {
                let (left, right) = bytes.split_at(cut);
                let frames = [text(left).more(), cont(right), text("next")];
                let lines = tell(&sent(Client, &frames).trace);
                assert_eq!(lines.rules(), ["invalid-utf8"], "{bytes:?}");
                let place = format!("byte {place} ");
                assert!(lines.details()[0].contains(&place), "{:?}", lines.details());
                assert_eq!(lines.messages().last(), Some(&"> \"next\""));
            }
        }
    }

    #[test]
    fn inflated_text_is_checked_as_well() {
        let payload = Deflater::new(true).message(b"abc\xff");
        let lines = tell(&deflated(Server, &[text(payload).compressed()]).trace);
        assert_eq!(lines.rules(), ["invalid-utf8"]);
        assert!(lines.details()[0].contains("byte 3 "));
    }

    #[test]
    fn binary_messages_and_control_frames_are_not_checked() {
        assert!(
            tell(&sent(Server, &[binary(b"\xff"), ping(b"\xff"), pong(b"\xfe")]).trace)
                .rules()
                .is_empty()
        );
    }
}

/// RFC 6455 §9.1, RFC 7692 §5, §7.1: negotiation of permessage-deflate.
mod negotiation {
    use super::*;
    use wsdump::event::{Event, EventKind, Upgrade as Outcome};
    use wsdump::ws::Agreement;

    fn agreement(upgrade: &Upgrade) -> Agreement {
        let mut found = None;
        let mut sink = |event: &Event<'_>| {
            if let EventKind::Response {
                upgrade: Some(Outcome::Accepted { agreement, .. }),
                ..
            } = event.kind
            {
                found = Some(agreement.clone());
            }
        };
        let mut analyzer = wsdump::Analyzer::new(wsdump::Config::default());
        for packet in &Tcp::with(upgrade).trace {
            analyzer.push(&packet.packet(), &mut sink);
        }
        analyzer.finish(&mut sink);
        found.expect("the upgrade was accepted")
    }

    #[test]
    fn each_parameter_holds_for_its_side() {
        for (answer, expected) in [
            ("", (false, false, 15, 15)),
            ("; server_no_context_takeover", (true, false, 15, 15)),
            ("; client_no_context_takeover", (false, true, 15, 15)),
            ("; server_max_window_bits=9", (false, false, 9, 15)),
            ("; client_max_window_bits=\"10\"", (false, false, 15, 10)),
            (
                "; client_max_window_bits=8;server_max_window_bits=12; server_no_context_takeover",
                (true, false, 12, 8),
            ),
        ] {
            let upgrade = Upgrade::extension(
                "permessage-deflate; client_max_window_bits",
                &format!("permessage-deflate{answer}"),
            );
            let deflate = agreement(&upgrade).deflate.expect("agreed");
            let found = (
                deflate.server_no_context_takeover,
                deflate.client_no_context_takeover,
                deflate.server_max_window_bits,
                deflate.client_max_window_bits,
            );
            assert_eq!(found, expected, "{answer:?}");
            assert!(
                tell(&Tcp::with(&upgrade).trace).rules().is_empty(),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn illegal_parameters_are_named() {
        for parameters in [
            "; server_no_context_takeover=1",
            "; client_no_context_takeover=true",
            "; server_max_window_bits",
            "; server_max_window_bits=7",
            "; server_max_window_bits=16",
            "; server_max_window_bits=08",
            "; client_max_window_bits=x",
            "; client_max_window_bits=+9",
            "; server_no_context_takeover; server_no_context_takeover",
            "; something_else",
        ] {
            let offer = format!("permessage-deflate{parameters}");
            let lines = tell(&asked("Sec-WebSocket-Extensions", &offer).trace);
            assert_eq!(lines.rules(), ["deflate-parameter"], "{parameters}");
        }
    }

    #[test]
    fn an_answer_must_fit_an_offer() {
        for (offer, answer, fits) in [
            ("", "", true),
            ("", "; server_no_context_takeover", true),
            ("", "; client_no_context_takeover", true),
            ("", "; server_max_window_bits=10", true),
            (
                "; client_max_window_bits",
                "; client_max_window_bits=15",
                true,
            ),
            (
                "; client_max_window_bits=10",
                "; client_max_window_bits=9",
                true,
            ),
            ("; client_max_window_bits=10", "", true),
            ("; client_no_context_takeover", "", true),
            (
                "; server_max_window_bits=10",
                "; server_max_window_bits=9",
                true,
            ),
            ("", "; client_max_window_bits=15", false),
            (
                "; client_max_window_bits=10",
                "; client_max_window_bits=11",
                false,
            ),
            (
                "; client_max_window_bits",
                "; client_max_window_bits",
                false,
            ),
            ("; server_max_window_bits=10", "", false),
            (
                "; server_max_window_bits=10",
                "; server_max_window_bits=11",
                false,
            ),
            ("; server_no_context_takeover", "", false),
        ] {
            let tcp = agreed(
                &format!("permessage-deflate{offer}"),
                &format!("permessage-deflate{answer}"),
            );
            let lines = tell(&tcp.trace);
            let expected: &[&str] = if fits { &[] } else { &["deflate-response"] };
            assert_eq!(
                lines.rules(),
                expected,
                "{offer:?} answered with {answer:?}"
            );
        }
    }

    #[test]
    fn any_of_several_offers_may_be_answered() {
        let offers = "permessage-deflate; server_max_window_bits=10, permessage-deflate";
        assert!(
            tell(&agreed(offers, "permessage-deflate").trace)
                .rules()
                .is_empty()
        );
        let twice = "permessage-deflate, permessage-deflate";
        assert_eq!(
            tell(&agreed(offers, twice).trace).rules(),
            ["deflate-response"]
        );
    }
}

/// RFC 7692 §6, §7.2: compressed messages.
mod compressed_messages {
    use super::*;

    /// Messages of §7.2.3, as they are on the wire.
    const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    const HELLO_AGAIN: &[u8] = b"\xf2\x00\x11\x00\x00";
    const HELLO_STORED: &[u8] = b"\x00\x05\x00\xfa\xffHello\x00";
    const HELLO_FINAL: &[u8] = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    const HELLO_TWO_BLOCKS: &[u8] = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";

    fn lines(who: Who, frames: &[Frame]) -> Vec<String> {
        owned(&tell(&deflated(who, frames).trace).of(&[Message, Anomaly]))
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for payload in [HELLO, HELLO_STORED, HELLO_FINAL, HELLO_TWO_BLOCKS] {
            for who in BOTH {
                let way = if *who == Client { '>' } else { '<' };
                assert_eq!(
                    lines(*who, &[text(payload).compressed()]),
                    [format!("{way} \"Hello\" deflated")],
                    "{}",
                    payload.escape_ascii()
                );
            }
        }
        let twice = [text(HELLO).compressed(), text(HELLO_AGAIN).compressed()];
        assert_eq!(lines(Client, &twice), ["> \"Hello\" deflated"; 2]);
    }

    #[test]
    fn a_compressed_message_may_be_fragmented_anywhere() {
        for cut in 0..=HELLO.len() {
            let (left, right) = HELLO.split_at(cut);
            assert_eq!(
                lines(
                    Server,
                    &[text(left).compressed().more(), ping("between"), cont(right)]
                ),
                ["< \"Hello\" in 2 deflated"],
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn an_uncompressed_message_among_compressed_ones_does_not_touch_the_window() {
        assert_eq!(
            lines(
                Server,
                &[
                    text(HELLO).compressed(),
                    text("plain words"),
                    text(HELLO_AGAIN).compressed(),
                ]
            ),
            [
                "< \"Hello\" deflated",
                "< \"plain words\"",
                "< \"Hello\" deflated",
            ]
        );
    }

    #[test]
    fn an_empty_message_may_be_compressed_or_not() {
        assert_eq!(
            lines(
                Server,
                &[
                    text(b"\x00").compressed(),
                    text(""),
                    text(HELLO).compressed()
                ]
            ),
            ["< \"\" deflated", "< \"\"", "< \"Hello\" deflated"]
        );
    }

    #[test]
    fn a_final_block_ends_a_stream_and_the_next_message_begins_another() {
        assert_eq!(
            lines(
                Server,
                &[
                    text(HELLO).compressed(),
                    text(HELLO_FINAL).compressed(),
                    text(HELLO).compressed(),
                    text(HELLO_AGAIN).compressed(),
                ]
            ),
            ["< \"Hello\" deflated"; 4]
        );
    }

    #[test]
    fn each_direction_has_a_window_of_its_own() {
        let (mut client, mut server) = (Deflater::new(true), Deflater::new(true));
        let mut tcp = Tcp::with(&Upgrade::deflate(""));
        for round in 0..3 {
            let words = format!("the words of round {round} are the words of round {round}");
            let payload = client.message(format!("client: {words}"));
            tcp.frames(Client, &[text(payload).compressed()]);
            let payload = server.message(format!("server: {words}"));
            tcp.frames(Server, &[binary(payload).compressed()]);
        }
        let told = tell(&tcp.trace);
        assert!(told.rules().is_empty());
        let payloads: Vec<_> = told
            .all
            .iter()
            .filter(|line| line.kind == Message)
            .map(|line| String::from_utf8(line.payload.clone()).unwrap())
            .collect();
        assert_eq!(payloads.len(), 6);
        for (number, payload) in payloads.iter().enumerate() {
            let (who, round) = (["client", "server"][number % 2], number / 2);
            let words = format!("{who}: the words of round {round} are the words of round {round}");
            assert_eq!(payload, &words);
        }
    }

    /// The second message of `who`, after the payload of the first one was lost.
    fn after_a_loss(who: Who, parameters: &str, takeover: bool) -> Vec<String> {
        let mut tcp = Tcp::with(&Upgrade::deflate(parameters));
        let mut deflater = Deflater::new(takeover);
        let words = "words that the second message refers to";
        let [first, second] = [(); 2].map(|()| text(deflater.message(words)).compressed());
        let payload_len = first.payload().len();
        let bytes = tcp.encode(who, &[first]);
        let (header, payload) = bytes.split_at(bytes.len() - payload_len);
        tcp.send(who, header).lose(who, payload).ack(who.other());
        tcp.frames(who, &[second]);
        let lines = tell(&tcp.trace);
        owned(&lines.of(&[Message, Anomaly])[1..])
    }

    #[test]
    fn each_direction_is_held_to_the_window_agreed_for_it() {
        for (bits, numbers) in [(8, 60), (9, 110), (14, 3_300)] {
            // Numbers of five bytes, which come again after more than the window.
            let numbers: Vec<_> = (0..numbers).map(|number| format!("{number:05}")).collect();
            let words = numbers.concat();
            for agreed in [Client, Server] {
                let side = if agreed == Client { "client" } else { "server" };
                let mut tcp = Tcp::with(&Upgrade::deflate(&format!(
                    "; {side}_max_window_bits={bits}"
                )));
                for who in [Client, Server] {
                    let payload = Deflater::new(true).message(words.repeat(2));
                    tcp.frames(who, &[text(payload).compressed()]);
                }
                let told = tell(&tcp.trace);
                let way = if agreed == Client { '>' } else { '<' };
                assert_eq!(told.of(&[Anomaly]), [format!("{way} ! window-exceeded")]);
                let back = format!("{} bytes back, the window has {}", words.len(), 1 << bits);
                assert!(told.details()[0].starts_with(&back), "{:?}", told.details());
                assert_eq!(told.messages().len(), 2);
            }
        }
    }

    #[test]
    fn a_context_taken_over_in_spite_of_the_agreement_is_told_once_and_followed() {
        let mut tcp = Tcp::with(&Upgrade::deflate("; server_no_context_takeover"));
        let mut deflater = Deflater::new(true);
        for _ in 0..3 {
            let payload = deflater.message("the same words");
            tcp.frames(Server, &[text(payload).compressed()]);
        }
        assert_eq!(
            tell(&tcp.trace).of(&[Message, Anomaly]),
            [
                "< \"the same words\" deflated",
                "< ! context-taken-over",
                "< \"the same words\" deflated",
                "< \"the same words\" deflated",
            ]
        );
    }

    #[test]
    fn without_context_takeover_a_lost_message_does_not_hurt_the_next() {
        for (who, parameter) in [
            (Client, "; client_no_context_takeover"),
            (Server, "; server_no_context_takeover"),
        ] {
            let told = after_a_loss(who, parameter, false);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].ends_with("\"words that the second message refers to\" deflated"));
        }
    }

    #[test]
    fn with_context_takeover_a_reference_to_a_lost_message_is_told_and_not_guessed() {
        for (who, others_parameter) in [
            (Client, "; server_no_context_takeover"),
            (Server, "; client_no_context_takeover"),
        ] {
            let told = after_a_loss(who, others_parameter, true);
            assert!(told[0].ends_with("! history-missing"), "{told:?}");
            assert!(told[1].ends_with("incomplete"), "{told:?}");
        }
    }

    #[test]
    fn rsv1_without_negotiation_is_told_and_not_inflated() {
        let told = lines_of(Server, &[text(HELLO).compressed(), text("next")]);
        assert_eq!(
            told,
            [
                "< ! reserved-bits",
                "< [text 7 rsv 100]",
                "< x'f248cdc9c90700'",
                "< [text 4]",
                "< \"next\"",
            ]
        );
    }

    #[test]
    fn what_was_inflated_before_damaged_data_is_kept() {
        let damaged = [&HELLO_STORED[..10], b"\x07"].concat();
        assert_eq!(
            lines(Server, &[text(damaged).compressed(), text("next")]),
            [
                "< ! invalid-deflate-data",
                "< \"Hello\" deflated incomplete",
                "< \"next\"",
            ]
        );
    }

    #[test]
    fn a_message_that_inflates_beyond_the_limit_is_told_and_cut() {
        let limits = Limits {
            max_inflated_bytes: 1_000,
            max_message_bytes: 100,
            ..Limits::default()
        };
        let upgrade = Upgrade::deflate("; server_no_context_takeover");
        let mut tcp = Tcp::with(&upgrade);
        let bomb = Deflater::new(false).message(vec![b'a'; 30 << 20]);
        let bytes = tcp.encode(Server, &[binary(bomb).compressed(), text("next")]);
        tcp.send_cut(Server, &bytes, 1_400);
        let told = tell_with(&tcp.trace, limited(limits));
        assert_eq!(told.rules(), ["inflated-limit"]);
        let bomb = told.all.iter().find(|line| line.kind == Message).unwrap();
        assert!(!bomb.complete);
        assert_eq!(bomb.payload, vec![b'a'; 100]);
        assert_eq!(told.messages().last(), Some(&"< \"next\""));
    }

    #[test]
    fn payload_beyond_the_display_limit_is_measured_and_checked_but_not_kept() {
        let limits = Limits {
            max_message_bytes: 4,
            ..Limits::default()
        };
        let mut tcp = plain();
        tcp.frames(
            Client,
            &[
                text("0123456789"),
                text(b"0123456789\xff"),
                close(4001, "reason"),
            ],
        );
        let told = tell_with(&tcp.trace, limited(limits));
        assert_eq!(
            told.websocket(),
            [
                "> [text 10]",
                "> \"0123\"",
                "> ! invalid-utf8",
                "> [text 11]",
                "> x'30313233'",
                "> [close 4001 \"reason\"]",
            ]
        );
    }
}

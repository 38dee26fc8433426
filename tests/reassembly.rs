//! Reassembly and the facts of TCP: segments on the left, what is told at each on the
//! right.
//!
//! A step is a segment of an upgraded connection, written with what is unusual about it:
//!
//! ```text
//! > 0..16            bytes 0 to 15 of what the client sends after the upgrade
//! < 4..8 ..XX        the last two of them others than they were
//! > ack 12           the client has all before byte 12 of what the server sends
//! < fin 24           FIN in the place of byte 24; `< 12..24 fin` with data before it
//! < rst 24           RST likewise
//! > win 0            an acknowledgment with a window of 0
//! > syn, < syn-ack   the handshake; `> syn request` with the request as data
//! > request          the upgrade request; `< response` its answer
//! again              the last packet captured once more
//! wait 300           milliseconds before the next packet
//! end                the end of the capture
//! ```
//!
//! The client sends one message of ten digits (bytes 0 to 15, of which 6 are header), the
//! server two of ten letters each (bytes 0 to 11 and 12 to 23, of which 2 are header).

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use support::packet::{ACK, FIN, RST, SYN};
use support::render::{Line, Lines, line, tell, tell_with};
use support::tcp::TICK;
use support::{Client, Kind, Server, Tcp, Trace, Upgrade, Wrap, text};
use wsdump::event::Event;
use wsdump::{Analyzer, Config, Limits};

const CLIENT_MESSAGE: &str = "> \"0123456789\"";
const FIRST: &[&str] = &["< [text 10]", "< \"abcdefghij\""];
const SECOND: &[&str] = &["< [text 10]", "< \"klmnopqrst\""];

/// A connection, and a run of the analyzer that follows it.
struct Script {
    tcp: Tcp,
    /// What each side sends after the upgrade.
    streams: [Vec<u8>; 2],
    /// Where those begin in the TCP stream.
    base: [i64; 2],
    /// What each side has acknowledged; `None` before it has anything to acknowledge.
    acked: [Option<i64>; 2],
    analyzer: Analyzer,
    packets: usize,
}

impl Script {
    /// Before the first SYN.
    fn new(tcp: Tcp, limits: Limits) -> Self {
        let upgrade = Upgrade::new();
        let mut encoder = Tcp::default();
        Self {
            tcp,
            streams: [
                encoder.encode(Client, &[text("0123456789")]),
                encoder.encode(Server, &[text("abcdefghij"), text("klmnopqrst")]),
            ],
            base: [upgrade.request(), upgrade.response()]
                .map(|head| i64::try_from(head.len()).unwrap()),
            acked: [None; 2],
            analyzer: Analyzer::new(Config {
                all: true,
                limits,
                ..Config::default()
            }),
            packets: 0,
        }
    }

    /// Takes a step; gives the lines that were told at it.
    fn step(&mut self, step: &str) -> Vec<String> {
        let mut lines: Vec<Line> = Vec::new();
        let mut sink = |event: &Event<'_>| lines.push(line(event));
        if step == "end" {
            self.analyzer.finish(&mut sink);
        } else {
            self.write(step);
            for packet in &self.tcp.trace[self.packets..] {
                self.analyzer.push(&packet.packet(), &mut sink);
            }
            self.packets = self.tcp.trace.len();
        }
        lines.into_iter().map(|line| line.text).collect()
    }

    fn write(&mut self, step: &str) {
        let mut words = step.split(' ').peekable();
        let who = match words.next() {
            Some(">") => Client,
            Some("<") => Server,
            Some("again") => {
                self.tcp.again();
                return;
            }
            Some("wait") => {
                let millis: u64 = words.next().unwrap().parse().unwrap();
                self.tcp.now += millis * TICK;
                return;
            }
            other => panic!("{other:?} begins no step"),
        };
        let (own, peer) = (who as usize, who.other() as usize);
        let mut at = self.tcp.sent[own].cast_signed();
        let (mut flags, mut bytes) = (0, Vec::new());
        let mut window = None;
        while let Some(word) = words.next() {
            let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
            let mut number = || {
                let next = words.next_if(|word| is_number(word));
                next.map(|word| word.parse::<i64>().unwrap())
            };
            match word {
                "syn" => (at, flags) = (-1, SYN),
                "syn-ack" => {
                    (at, flags) = (-1, SYN);
                    let acked = self.acked[own].unwrap_or(0);
                    self.acked[own] = Some(acked);
                }
                "ack" => {
                    let offset = number().map(|offset| self.base[peer] + offset);
                    let acked = offset.unwrap_or(self.tcp.sent[peer].cast_signed());
                    self.acked[own] = Some(acked);
                }
                "win" => window = number(),
                "fin" | "rst" => {
                    flags |= if word == "fin" { FIN } else { RST };
                    if let Some(offset) = number() {
                        at = self.base[own] + offset;
                    }
                }
                "request" => bytes = Upgrade::new().request(),
                "response" => bytes = Upgrade::new().response(),
                range => {
                    let (start, end) = range.split_once("..").expect("a range");
                    let [start, end] = [start, end].map(|place| place.parse().unwrap());
                    at = self.base[own] + i64::try_from(start).unwrap();
                    bytes = self.streams[own][start..end].to_vec();
                    let other = words.next_if(|word| word.starts_with(['.', 'X']));
                    for (byte, other) in bytes.iter_mut().zip(other.unwrap_or_default().bytes()) {
                        *byte = if other == b'.' { *byte } else { other };
                    }
                }
            }
        }
        if flags & SYN == 0 {
            self.acked[own].get_or_insert(self.tcp.sent[peer].cast_signed());
        }
        let acked = self.acked[own];
        if acked.is_some() && flags & RST == 0 {
            flags |= ACK;
        }
        let usual = self.tcp.window[own];
        if let Some(window) = window {
            self.tcp.window[own] = u16::try_from(window).unwrap();
        }
        self.tcp.put(who, flags, at, acked, &bytes);
        self.tcp.window[own] = usual;
        let data_at = at + i64::from(flags & SYN != 0);
        let end = data_at + i64::try_from(bytes.len()).unwrap() + i64::from(flags & FIN != 0);
        let sent = &mut self.tcp.sent[own];
        *sent = (*sent).max(end.cast_unsigned());
    }
}

type Step<'a> = (&'a str, &'a [&'a str]);

/// Lines of several slices, one after another.
macro_rules! lines {
    ($($part:expr),* $(,)?) => { &[$($part),*].concat()[..] };
}

fn check(mut script: Script, steps: &[Step<'_>]) {
    for (number, (step, expected)) in steps.iter().enumerate() {
        let told = script.step(step);
        assert_eq!(told, *expected, "step {number}: {step}");
    }
}

/// Runs steps of a connection that was upgraded before.
fn upgraded(steps: &[Step<'_>]) {
    upgraded_within(Limits::default(), Tcp::default(), steps);
}

fn upgraded_within(limits: Limits, tcp: Tcp, steps: &[Step<'_>]) {
    let mut script = Script::new(tcp, limits);
    for step in [
        "> syn",
        "< syn-ack",
        "> ack",
        "> request",
        "< response",
        "> ack",
        "< ack",
    ] {
        script.step(step);
    }
    check(script, steps);
}

/// Runs steps from the very first packet.
fn from_nothing(steps: &[Step<'_>]) {
    check(Script::new(Tcp::default(), Limits::default()), steps);
}

#[test]
fn segments_in_order_are_handed_on_at_once() {
    upgraded(&[
        ("> 0..16", &["> data", "> [text 10]", CLIENT_MESSAGE]),
        ("< ack", &["< ack"]),
        ("< 0..1", &["< data"]),
        ("< 1..5", &["< data"]),
        ("< 5..24", lines!(&["< data"], FIRST, SECOND)),
        ("> ack", &["> ack"]),
        ("end", &["= open"]),
    ]);
}

#[test]
fn a_connection_is_told_from_its_handshake_to_its_close() {
    from_nothing(&[
        ("> syn", &["> syn"]),
        ("< syn-ack", &["< syn-ack"]),
        ("> ack", &["> established"]),
        ("> request", &["> data", "> GET /chat"]),
        ("< ack", &["< ack"]),
        ("< response", &["< data", "< 101 upgraded"]),
        ("> ack", &["> ack"]),
        ("< 0..12", lines!(&["< data"], FIRST)),
        ("> ack", &["> ack"]),
        ("> fin", &["> fin"]),
        ("< ack", &["< ack"]),
        ("< fin", &["< fin"]),
        ("> ack", &["> closed", "= fin"]),
        ("end", &[]),
    ]);
}

#[test]
fn segments_out_of_order_wait_for_those_before_them() {
    upgraded(&[
        ("< 12..24", &["< data"]),
        ("< 6..12", &["< out of order"]),
        ("< 0..6", lines!(&["< out of order"], FIRST, SECOND)),
        ("end", &["= open"]),
    ]);
}

#[test]
fn a_retransmission_with_the_same_boundaries_is_told_and_not_read_twice() {
    upgraded(&[
        ("< 0..12", lines!(&["< data"], FIRST)),
        ("wait 300", &[]),
        ("< 0..12", &["< retransmission"]),
        ("> ack", &["> ack"]),
        ("< 0..12", &["< retransmission"]),
        ("< 12..24", lines!(&["< data"], SECOND)),
    ]);
}

#[test]
fn a_retransmission_with_other_boundaries_gives_only_what_is_new() {
    upgraded(&[
        ("< 0..5", &["< data"]),
        ("< 3..8", &["< data"]),
        ("< 0..8", &["< retransmission"]),
        ("< 2..13", lines!(&["< data"], FIRST)),
        ("< 0..24", lines!(&["< data"], SECOND)),
    ]);
}

#[test]
fn segments_that_overlap_while_they_wait_are_joined() {
    upgraded(&[
        ("< 8..12", &["< data"]),
        ("< 16..24", &["< data"]),
        ("< 6..20", &["< out of order"]),
        ("< 0..7", lines!(&["< out of order"], FIRST, SECOND)),
    ]);
}

#[test]
fn of_bytes_that_differ_the_first_arrival_counts_when_it_was_delivered() {
    upgraded(&[
        ("< 0..12", lines!(&["< data"], FIRST)),
        (
            "< 4..6 XX",
            &["< retransmission", "< ! conflicting-overlap"],
        ),
        (
            "< 10..24 .X",
            lines!(&["< data"], SECOND, &["< ! conflicting-overlap"]),
        ),
    ]);
}

#[test]
fn of_bytes_that_differ_the_first_arrival_counts_while_it_waits() {
    upgraded(&[
        ("< 8..12", &["< data"]),
        (
            "< 6..10 XXXX",
            &["< out of order", "< ! conflicting-overlap"],
        ),
        (
            "< 0..6",
            &["< out of order", "< [text 10]", "< \"abcdXXghij\""],
        ),
    ]);
    upgraded(&[
        ("< 4..12", &["< data"]),
        (
            "< 0..8 ....XXXX",
            lines!(&["< out of order"], FIRST, &["< ! conflicting-overlap"]),
        ),
    ]);
}

#[test]
fn bytes_that_were_just_acknowledged_are_still_compared() {
    upgraded(&[
        ("< 0..12", lines!(&["< data"], FIRST)),
        ("> ack", &["> ack"]),
        (
            "< 4..6 XX",
            &["< retransmission", "< ! conflicting-overlap"],
        ),
    ]);
}

#[test]
fn sequence_numbers_may_wrap_anywhere() {
    let heads = i64::try_from(Upgrade::new().response().len()).unwrap();
    for before in -2..30 {
        let back = u32::try_from(heads + before + 1).unwrap();
        let tcp = Tcp {
            isn: [u32::MAX, 0_u32.wrapping_sub(back)],
            ..Tcp::default()
        };
        upgraded_within(
            Limits::default(),
            tcp,
            &[
                ("< 10..24", &["< data"]),
                ("< 0..10", lines!(&["< out of order"], FIRST, SECOND)),
                ("< 8..24", &["< retransmission"]),
                ("> ack", &["> ack"]),
                ("< fin", &["< fin"]),
                ("> ack fin", &["> fin"]),
                ("< ack", &["< closed", "= fin"]),
            ],
        );
    }
}

#[test]
fn a_keep_alive_has_no_byte_or_the_last_one() {
    upgraded(&[
        ("> 0..16", &["> data", "> [text 10]", CLIENT_MESSAGE]),
        ("< ack", &["< ack"]),
        ("> 15..15", &["> keep-alive"]),
        ("< ack", &["< ack"]),
        ("> 15..16", &["> keep-alive"]),
        ("< ack", &["< ack"]),
        ("< 0..12", lines!(&["< data"], FIRST)),
    ]);
}

#[test]
fn a_closed_window_is_probed() {
    upgraded(&[
        ("< 0..12", lines!(&["< data"], FIRST)),
        ("> ack win 0", &["> zero window"]),
        ("< 11..11", &["< window probe"]),
        ("> win 0", &["> ack"]),
        ("< 11..12", &["< window probe"]),
        ("> win 100", &["> ack"]),
        ("< 12..24", lines!(&["< data"], SECOND)),
        ("> ack win 0", &["> zero window"]),
    ]);
}

#[test]
fn a_syn_may_carry_data() {
    from_nothing(&[
        ("> syn request", &["> syn", "> data", "> GET /chat"]),
        ("< ack syn-ack", &["< syn-ack"]),
        ("> ack", &["> established"]),
        ("< response", &["< data", "< 101 upgraded"]),
        ("> 0..16", &["> data", "> [text 10]", CLIENT_MESSAGE]),
    ]);
}

#[test]
fn a_fin_may_carry_data() {
    upgraded(&[
        ("< 0..12 fin", lines!(&["< data"], FIRST, &["< fin"])),
        ("> ack", &["> ack"]),
        (
            "> 0..16 fin",
            &["> data", "> [text 10]", CLIENT_MESSAGE, "> fin"],
        ),
        ("< ack", &["< closed", "= fin"]),
    ]);
}

#[test]
fn a_fin_may_come_before_the_data_that_it_ends() {
    upgraded(&[
        ("< 12..24 fin", &["< data", "< fin"]),
        ("< 0..12", lines!(&["< out of order"], FIRST, SECOND)),
        ("> ack", &["> ack"]),
        ("> fin", &["> fin"]),
        ("< ack", &["< closed", "= fin"]),
    ]);
}

#[test]
fn a_side_may_go_on_after_the_other_closed() {
    upgraded(&[
        ("> 0..16", &["> data", "> [text 10]", CLIENT_MESSAGE]),
        ("> fin", &["> fin"]),
        ("< ack", &["< ack"]),
        ("< 0..12", lines!(&["< data"], FIRST)),
        ("> ack", &["> ack"]),
        ("< 12..24 fin", lines!(&["< data"], SECOND, &["< fin"])),
        ("> ack", &["> closed", "= fin"]),
    ]);
}

#[test]
fn a_fin_may_be_sent_again() {
    upgraded(&[
        ("> fin", &["> fin"]),
        ("wait 300", &[]),
        ("> fin 0", &["> retransmission"]),
        ("< ack", &["< ack"]),
        ("< fin", &["< fin"]),
        ("> ack", &["> closed", "= fin"]),
        ("wait 300", &[]),
        ("< fin 0", &["< retransmission"]),
        ("> ack", &["> ack"]),
    ]);
}

#[test]
fn a_reset_ends_the_connection_and_what_is_open() {
    upgraded(&[
        ("< 0..5", &["< data"]),
        (
            "> rst",
            &[
                "> rst",
                "< [text 10 cut short]",
                "< \"abc\" incomplete",
                "= rst",
            ],
        ),
        ("< 5..12", &["< data"]),
        ("end", &[]),
    ]);
}

#[test]
fn a_reset_that_the_receiver_would_not_believe_ends_nothing() {
    upgraded(&[
        ("< 0..12", lines!(&["< data"], FIRST)),
        ("< rst 3", &["< rst"]),
        ("< rst 2000000000", &["< rst"]),
        ("< 12..24", lines!(&["< data"], SECOND)),
        ("< rst 24", &["< rst", "= rst"]),
    ]);
}

#[test]
fn a_port_where_nobody_listens_answers_with_a_reset() {
    from_nothing(&[("> syn", &["> syn"]), ("< rst", &["< rst", "= rst"])]);
}

#[test]
fn both_sides_may_open_at_once() {
    from_nothing(&[
        ("> syn", &["> syn"]),
        ("< syn", &["< syn"]),
        ("> syn-ack", &["> syn-ack"]),
        ("< syn-ack", &["< syn-ack", "< established"]),
        ("> ack", &["> ack"]),
        ("> request", &["> data", "> GET /chat"]),
        ("< response", &["< data", "< 101 upgraded"]),
    ]);
}

#[test]
fn both_sides_may_close_at_once() {
    upgraded(&[
        ("> fin", &["> fin"]),
        ("< fin", &["< fin"]),
        ("> ack", &["> ack"]),
        ("< ack", &["< closed", "= fin"]),
    ]);
}

#[test]
fn the_handshake_may_be_sent_again() {
    from_nothing(&[
        ("> syn", &["> syn"]),
        ("wait 1000", &[]),
        ("> syn", &["> retransmission"]),
        ("< syn-ack", &["< syn-ack"]),
        ("wait 1000", &[]),
        ("< syn-ack", &["< retransmission"]),
        ("> ack", &["> established"]),
        ("> request", &["> data", "> GET /chat"]),
    ]);
}

#[test]
fn a_packet_captured_twice_is_told_as_such() {
    from_nothing(&[
        ("> syn", &["> syn"]),
        ("again", &["> duplicate packet"]),
        ("< syn-ack", &["< syn-ack"]),
        ("again", &["< duplicate packet"]),
        ("> ack", &["> established"]),
        ("again", &["> duplicate packet"]),
        ("> request", &["> data", "> GET /chat"]),
        ("again", &["> duplicate packet"]),
        ("< response", &["< data", "< 101 upgraded"]),
        ("again", &["< duplicate packet"]),
        ("again", &["< duplicate packet"]),
    ]);
}

#[test]
fn missing_bytes_are_given_up_as_soon_as_they_are_acknowledged() {
    upgraded(&[
        ("< 0..4", &["< data"]),
        ("< 8..24", &["< data"]),
        ("> ack 4", &["> ack"]),
        (
            "> ack 24",
            lines!(
                &[
                    "< gap 4",
                    "< [text 10 missing 4]",
                    "< \"ab????ghij\" incomplete missing 4",
                ],
                SECOND,
                &["> ack"],
            ),
        ),
        ("wait 300", &[]),
        ("< 4..8", &["< retransmission"]),
        ("end", &["= open"]),
    ]);
}

#[test]
fn missing_bytes_that_nobody_acknowledged_are_waited_for_until_the_end() {
    upgraded(&[
        ("< 0..4", &["< data"]),
        ("< 8..24", &["< data"]),
        ("> 0..16", &["> data", "> [text 10]", CLIENT_MESSAGE]),
        (
            "end",
            lines!(
                &[
                    "< gap 4",
                    "< [text 10 missing 4]",
                    "< \"ab????ghij\" incomplete missing 4",
                ],
                SECOND,
                &["= open"],
            ),
        ),
    ]);
}

#[test]
fn several_gaps_are_told_one_by_one() {
    upgraded(&[
        ("< 0..3", &["< data"]),
        ("< 5..6", &["< data"]),
        ("< 8..9", &["< data"]),
        (
            "> ack 12",
            &[
                "< gap 2",
                "< gap 2",
                "< gap 3",
                "< [text 10 missing 7]",
                "< \"a??d??g???\" incomplete missing 7",
                "> ack",
            ],
        ),
        ("< 12..24", lines!(&["< data"], SECOND)),
    ]);
}

#[test]
fn an_acknowledged_fin_hides_no_byte() {
    upgraded(&[
        ("< 0..12", lines!(&["< data"], FIRST)),
        ("< 12..24 fin", lines!(&["< data"], SECOND, &["< fin"])),
        ("> ack", &["> ack"]),
        ("end", &["= open"]),
    ]);
}

#[test]
fn bytes_before_a_lost_fin_are_a_gap() {
    upgraded(&[
        ("< 0..12", lines!(&["< data"], FIRST)),
        ("< fin 24", &["< fin"]),
        ("> ack", &["> ack"]),
        ("end", &["< gap 12", "< ! out-of-step", "= open"]),
    ]);
}

#[test]
fn a_gap_over_headers_puts_the_direction_out_of_step_and_not_the_other() {
    upgraded(&[
        ("< 0..4", &["< data"]),
        ("> ack 14", &["> ack"]),
        (
            "< 14..24",
            &[
                "< data",
                "< gap 10",
                "< [text 10 missing 8]",
                "< \"ab????????\" incomplete missing 8",
                "< ! out-of-step",
            ],
        ),
        ("> 0..16", &["> data", "> [text 10]", CLIENT_MESSAGE]),
        ("end", &["= open"]),
    ]);
}

#[test]
fn an_acknowledgment_may_be_captured_before_its_data() {
    upgraded(&[
        ("> ack 12", &["> ack"]),
        ("< 0..12", lines!(&["< data"], FIRST)),
        ("end", &["= open"]),
    ]);
}

#[test]
fn more_than_the_limit_is_not_kept_behind_missing_bytes() {
    let limits = Limits {
        max_out_of_order_bytes: 100,
        ..Limits::default()
    };
    upgraded_within(
        limits,
        Tcp::default(),
        &[
            ("< 0..4", &["< data"]),
            ("< 8..12", &["< data"]),
            (
                "< 14..24",
                &[
                    "< data",
                    "< gap 4",
                    "< [text 10 missing 4]",
                    "< \"ab????ghij\" incomplete missing 4",
                    "< ! out-of-order-limit",
                ],
            ),
            ("< 12..14", lines!(&["< out of order"], SECOND)),
        ],
    );
}

#[test]
fn a_segment_far_beyond_any_window_is_no_data_of_the_connection() {
    upgraded(&[
        ("< 0..12", lines!(&["< data"], FIRST)),
        ("< rst 1500000000", &["< rst"]),
        ("< 12..24", lines!(&["< data"], SECOND)),
    ]);
}

/// Messages with the number of their connection.
fn numbered(lines: &Lines) -> Vec<String> {
    let messages = lines
        .all
        .iter()
        .filter(|line| line.kind == support::Kind::Message);
    messages
        .map(|line| format!("{} {}", line.connection, line.text))
        .collect()
}

/// Packets of several connections, taken in turn.
fn in_turn(connections: &[Tcp]) -> Trace {
    let longest = connections.iter().map(|tcp| tcp.trace.len()).max();
    let mut trace = Trace::new();
    for place in 0..longest.unwrap_or(0) {
        let packets = connections.iter().filter_map(|tcp| tcp.trace.get(place));
        trace.extend(packets.cloned());
    }
    trace
}

fn conversation(mut tcp: Tcp, name: &str) -> Tcp {
    tcp.handshake().upgrade(&Upgrade::new());
    for part in 1..=3 {
        tcp.frames(Client, &[text(format!("{name} asks {part}"))]);
        tcp.frames(Server, &[text(format!("{name} answers {part}"))]);
    }
    tcp.end();
    tcp
}

fn said(number: u64, name: &str) -> Vec<String> {
    (1..=3)
        .flat_map(|part| {
            [
                format!("{number} > \"{name} asks {part}\""),
                format!("{number} < \"{name} answers {part}\""),
            ]
        })
        .collect()
}

fn wrapped(client: &[Wrap], server: &[Wrap]) -> Tcp {
    Tcp {
        wraps: [client.to_vec(), server.to_vec()],
        ..Tcp::default()
    }
}

#[test]
fn the_same_addresses_in_two_vlans_or_tunnels_are_two_connections() {
    for (one, two) in [
        (vec![], vec![Wrap::Vlan(7)]),
        (vec![Wrap::Vlan(7)], vec![Wrap::Vlan(8)]),
        (
            vec![Wrap::Vlan(7), Wrap::Vlan(1)],
            vec![Wrap::Vlan(7), Wrap::Vlan(2)],
        ),
        (vec![Wrap::Vxlan(7)], vec![Wrap::Vxlan(8)]),
        (
            vec![Wrap::Vxlan(7), Wrap::Vlan(1)],
            vec![Wrap::Vxlan(7), Wrap::Vlan(2)],
        ),
        (vec![Wrap::Gre(7)], vec![Wrap::Gre(8)]),
    ] {
        let first = Tcp {
            isn: [5_000_000, 6_000_000],
            ..wrapped(&one, &one)
        };
        let second = Tcp {
            isn: [900_000_000, 800_000_000],
            ..wrapped(&two, &two)
        };
        let both = [conversation(first, "one"), conversation(second, "two")];
        let mut told = numbered(&tell(&in_turn(&both)));
        told.sort_by_key(|line| line[..1].to_owned());
        assert_eq!(
            told,
            [said(1, "one"), said(2, "two")].concat(),
            "{one:?} and {two:?}"
        );
    }
}

#[test]
fn each_direction_may_have_a_tag_of_its_own() {
    for (client, server) in [
        (vec![Wrap::Vlan(7)], vec![Wrap::Vlan(8)]),
        (vec![], vec![Wrap::Vlan(8)]),
        (vec![Wrap::Vlan(7)], vec![]),
        (vec![Wrap::Vxlan(7)], vec![Wrap::Vxlan(8)]),
        (vec![Wrap::Gre(7)], vec![Wrap::Gre(8)]),
    ] {
        let lines = tell(&conversation(wrapped(&client, &server), "one").trace);
        assert_eq!(
            numbered(&lines),
            said(1, "one"),
            "{client:?} and {server:?}"
        );
        assert_eq!(lines.summary.tcp_connections, 1);
    }
}

#[test]
fn a_port_may_be_used_again_after_a_close() {
    let first = conversation(Tcp::default(), "one");
    let second = Tcp {
        isn: [4_000_000_000, 3],
        now: first.now,
        ..Tcp::default()
    };
    let second = conversation(second, "two");
    let trace = [first.trace, second.trace].concat();
    assert_eq!(
        numbered(&tell(&trace)),
        [said(1, "one"), said(2, "two")].concat()
    );
}

#[test]
fn a_port_may_be_used_again_though_the_close_was_not_captured() {
    for isn in [[4_000_000_000, 3], [50_000, 90_000]] {
        let mut first = conversation(Tcp::default(), "one");
        first.trace.truncate(first.trace.len() - 3);
        let second = Tcp {
            isn,
            now: first.now,
            ..Tcp::default()
        };
        let trace = [first.trace, conversation(second, "two").trace].concat();
        let lines = tell(&trace);
        assert_eq!(numbered(&lines), [said(1, "one"), said(2, "two")].concat());
        assert!(lines.rules().is_empty());
    }
}

#[test]
fn a_stray_syn_does_not_end_an_open_connection() {
    for stray in [3, 900_000_000, 4_000_000_000] {
        let mut tcp = Tcp::upgraded();
        tcp.frames(Client, &[text("before")]).ack(Server);
        let isn = std::mem::replace(&mut tcp.isn, [stray, 0]);
        tcp.syn(Client);
        tcp.isn = isn;
        // An acknowledgment that challenges the stray SYN (RFC 9293 §3.10.7.4).
        tcp.ack(Server);
        tcp.frames(Client, &[text("after")])
            .frames(Server, &[text("answer")])
            .end();
        let lines = tell(&tcp.trace);
        assert_eq!(
            numbered(&lines),
            ["1 > \"before\"", "1 > \"after\"", "1 < \"answer\""],
            "a SYN with the number {stray}"
        );
        assert_eq!(lines.summary.tcp_connections, 1);
    }
}

#[test]
fn the_start_of_a_connection_may_be_missing() {
    let whole = conversation(Tcp::default(), "one").trace;
    for missing in 1..=3 {
        // The handshake of TCP, or a part of it.
        let lines = tell(&whole[missing..].to_vec());
        assert_eq!(
            numbered(&lines),
            said(1, "one"),
            "{missing} packets missing"
        );
    }
    // The 101 as well as the request: the middle is found by its frames.
    let mut tcp = Tcp::upgraded();
    for part in 1..=8 {
        tcp.frames(Client, &[text(format!("the client's message {part}"))]);
        tcp.frames(Server, &[text(format!("the server's message {part}"))]);
    }
    let lines = tell(&tcp.trace[5..].to_vec());
    let expected: Vec<_> = (1..=8)
        .flat_map(|part| {
            [
                format!("> \"the client's message {part}\""),
                format!("< \"the server's message {part}\""),
            ]
        })
        .collect();
    let mut told: Vec<_> = lines
        .messages()
        .iter()
        .map(|line| (*line).to_owned())
        .collect();
    let by_part = |line: &String| (line[line.len() - 2..].to_owned(), line.starts_with('<'));
    told.sort_by_key(by_part);
    assert_eq!(told, expected);
    assert!(lines.rules().is_empty(), "{:?}", lines.rules());
}

#[test]
fn a_packet_cut_by_the_snap_length_is_a_gap_of_the_bytes_cut() {
    let mut tcp = Tcp::upgraded();
    tcp.frames(Server, &[text("abcdefghij")]);
    tcp.frames(Server, &[text("klmnopqrst")]);
    let place = tcp.trace.len() - 2;
    let packet = tcp.trace[place].clone();
    tcp.trace[place] = packet.snapped(14 + 20 + 20 + 7);
    let lines = tell(&tcp.trace);
    assert_eq!(
        lines.websocket(),
        [
            "< [text 10 missing 5]",
            "< \"abcde?????\" incomplete missing 5",
            "< [text 10]",
            "< \"klmnopqrst\"",
        ]
    );
    assert_eq!(lines.summary.cut_packets, 1);
}

#[test]
fn when_the_table_is_full_a_connection_without_websocket_is_given_up_first() {
    let mut trace = Vec::new();
    let mut upgraded = Tcp::upgraded();
    trace.append(&mut upgraded.trace);
    for port in 1..=20 {
        let mut tcp = Tcp::default();
        tcp.ends[0].set_port(port);
        tcp.now = upgraded.now;
        trace.append(&mut tcp.handshake().trace);
    }
    upgraded.frames(Server, &[text("still followed")]);
    trace.append(&mut upgraded.trace);
    let limits = Limits {
        max_flows: 4,
        ..Limits::default()
    };
    let lines = tell_with(
        &trace,
        Config {
            all: false,
            limits,
            ..Config::default()
        },
    );
    assert_eq!(numbered(&lines), ["1 < \"still followed\""]);
    assert_eq!(lines.summary.flows_given_up, 17);
}

/// Upgraded connections, each from a port of its own.
fn upgraded_from(ports: std::ops::Range<u16>) -> Vec<Tcp> {
    let from = |port| {
        let mut tcp = Tcp::default();
        tcp.ends[0].set_port(port);
        tcp.handshake().upgrade(&Upgrade::new());
        tcp
    };
    ports.map(from).collect()
}

/// Numbers of the connections whose end was told.
fn ended(lines: &Lines) -> Vec<u64> {
    let ends = lines.all.iter().filter(|line| line.kind == Kind::End);
    ends.map(|line| line.connection).collect()
}

fn within_memory(max_memory: usize) -> Config {
    let limits = Limits {
        max_memory,
        ..Limits::default()
    };
    Config {
        limits,
        ..Config::default()
    }
}

#[test]
fn when_memory_is_full_the_connection_that_holds_most_is_given_up_and_told() {
    let mut small = upgraded_from(1..101);
    let mut trace: Trace = small.iter().flat_map(|tcp| tcp.trace.clone()).collect();
    let mut great = Tcp::upgraded();
    let message = great.encode(Server, &[support::binary(vec![7; 2 << 20])]);
    great.send_cut(Server, &message, 1_400);
    trace.append(&mut great.trace);
    for tcp in &mut small {
        tcp.trace.clear();
        tcp.frames(Server, &[text("still followed")]);
        trace.append(&mut tcp.trace);
    }
    let lines = tell_with(&trace, within_memory(1 << 20));
    let messages = numbered(&lines);
    assert!(messages[0].starts_with("101 < "), "{}", messages[0]);
    assert!(
        messages[0].ends_with(" bytes incomplete"),
        "{}",
        messages[0]
    );
    let followed: Vec<_> = (1..=100)
        .map(|number| format!("{number} < \"still followed\""))
        .collect();
    assert_eq!(messages[1..], followed);
    assert_eq!(ended(&lines)[0], 101);
    assert_eq!(lines.summary.flows_given_up_for_memory, 1);
    assert_eq!(lines.summary.flows_given_up, 0);
}

#[test]
fn of_connections_that_hold_alike_the_one_silent_longest_is_given_up() {
    let mut connections = upgraded_from(1..4);
    let mut trace = Trace::new();
    for place in 0..3 {
        let tcp = &mut connections[place];
        let message = tcp.encode(Server, &[support::binary(vec![7; 200_000]).more()]);
        for segment in message.chunks(1_400) {
            tcp.send(Server, segment).ack(Client);
        }
        trace.append(&mut tcp.trace);
        trace.append(&mut connections[0].ack(Server).trace);
    }
    let lines = tell_with(&trace, within_memory(1 << 20));
    assert_eq!(ended(&lines), [2, 1, 3]);
    assert_eq!(lines.summary.flows_given_up_for_memory, 1);
}

#[test]
fn a_flood_of_requests_does_not_drive_out_a_websocket_that_holds_more_than_each() {
    let mut upgraded = Tcp::upgraded();
    upgraded.frames(Server, &[text("x".repeat(20_000)).more()]);
    let mut trace = std::mem::take(&mut upgraded.trace);
    let request = Upgrade::new().request();
    for port in 1..2_000 {
        let mut tcp = Tcp::default();
        tcp.ends[0].set_port(port);
        tcp.handshake().send(Client, &request[..100]);
        trace.append(&mut tcp.trace);
    }
    upgraded.frames(Server, &[support::cont("the end")]);
    trace.append(&mut upgraded.trace);
    let lines = tell_with(&trace, within_memory(1 << 20));
    assert_eq!(ended(&lines), [1]);
    assert_eq!(numbered(&lines), ["1 < text of 20007 bytes in 2"]);
    assert!(lines.summary.flows_given_up_for_memory > 500);
}

#[test]
fn without_any_memory_each_connection_is_given_up_at_its_first_packet() {
    let lines = tell_with(&Tcp::upgraded().trace, within_memory(0));
    assert_eq!(lines.summary.tcp_connections, 5);
    assert_eq!(lines.summary.flows_given_up_for_memory, 5);
}

const HOUR: u64 = 3_600_000 * TICK;

#[test]
fn a_connection_without_a_packet_for_a_day_is_told_as_open_and_then_a_new_one() {
    let mut tcp = Tcp::upgraded();
    tcp.frames(Client, &[text("before")]);
    tcp.now += 24 * HOUR;
    tcp.frames(Client, &[text("a text that is found in mid-stream")]);
    tcp.frames(Client, &[text("another")]);
    let lines = tell(&tcp.trace);
    assert_eq!(
        numbered(&lines),
        [
            "1 > \"before\"",
            "2 > \"a text that is found in mid-stream\"",
            "2 > \"another\"",
        ]
    );
    assert_eq!(lines.of(&[Kind::End]), ["= open", "= open"]);
    assert_eq!(lines.summary.flows_expired, 1);
}

#[test]
fn what_a_forgotten_connection_waited_for_is_told_at_the_packet_that_shows_the_time() {
    let limits = Limits {
        max_idle: Duration::from_secs(10),
        ..Limits::default()
    };
    upgraded_within(
        limits,
        Tcp::default(),
        &[
            ("< 12..24", &["< data"]),
            ("wait 9500", &[]),
            ("> ack 0", &["> ack"]),
            ("wait 9500", &[]),
            ("> 0..16", &["> data", "> [text 10]", CLIENT_MESSAGE]),
            ("wait 10000", &[]),
            (
                "> ack 0",
                &["< gap 12", "< ! out-of-step", "= open", "> ack"],
            ),
        ],
    );
}

#[test]
fn a_connection_with_a_packet_now_and_then_is_not_forgotten() {
    let mut tcp = Tcp::upgraded();
    for _ in 0..10 {
        tcp.now += 23 * HOUR;
        tcp.ack(Client);
    }
    tcp.now += 23 * HOUR;
    tcp.frames(Server, &[text("after days")]);
    let lines = tell(&tcp.trace);
    assert_eq!(numbered(&lines), ["1 < \"after days\""]);
    assert_eq!(lines.summary.flows_expired, 0);
}

#[test]
fn connections_are_forgotten_in_order_of_their_numbers() {
    let mut connections = upgraded_from(1..5);
    let mut last = connections.pop().unwrap();
    connections[0].rst(Client);
    let mut trace: Trace = connections.into_iter().flat_map(|tcp| tcp.trace).collect();
    // It takes the place of the first.
    for packet in &mut last.trace {
        packet.time += HOUR;
    }
    trace.append(&mut last.trace);
    let mut late = Tcp::default();
    late.now += 30 * HOUR;
    trace.append(&mut late.syn(Client).trace);
    let lines = tell(&trace);
    assert_eq!(ended(&lines), [1, 2, 3, 4]);
    assert_eq!(lines.summary.flows_expired, 3);
}

#[test]
fn a_clock_that_goes_back_does_not_stop_the_forgetting() {
    let [mut early, mut late, mut last] = [1_000, 2_000, 3_000].map(|port| {
        let mut tcp = Tcp::default();
        tcp.ends[0].set_port(port);
        tcp
    });
    early.now += 100 * HOUR;
    last.now += 25 * HOUR;
    let mut trace = Trace::new();
    for tcp in [&mut early, &mut late, &mut last] {
        trace.append(&mut tcp.handshake().upgrade(&Upgrade::new()).trace);
    }
    early.frames(Server, &[text("still followed")]);
    trace.append(&mut early.trace);
    let lines = tell(&trace);
    assert_eq!(numbered(&lines), ["1 < \"still followed\""]);
    assert_eq!(ended(&lines), [2, 3, 1]);
    assert_eq!(lines.summary.flows_expired, 2);
}

#[test]
fn who_is_the_client_is_told_by_the_syn_and_not_by_the_port() {
    let mut tcp = Tcp::default();
    tcp.ends.swap(0, 1);
    let lines = tell(&conversation(tcp, "one").trace);
    assert_eq!(numbered(&lines), said(1, "one"));
}

#[test]
fn one_direction_alone_is_read() {
    let whole = conversation(Tcp::default(), "one");
    for (who, port) in [(Client, 50_000_u16), (Server, 8080)] {
        let one = |packet: &&support::Captured| packet.data[34..36] == port.to_be_bytes();
        let trace: Trace = whole.trace.iter().filter(one).cloned().collect();
        let way = format!("1 {}", if who == Client { '>' } else { '<' });
        let expected: Vec<_> = said(1, "one")
            .into_iter()
            .filter(|line| line.starts_with(&way))
            .collect();
        assert_eq!(
            numbered(&tell(&trace)),
            expected,
            "only the {who:?} was captured"
        );
    }
}

#[test]
fn a_retransmission_of_what_waits_is_told_as_such() {
    upgraded(&[
        ("< 4..12", &["< data"]),
        ("wait 300", &[]),
        ("< 4..12", &["< retransmission"]),
        ("< 16..24", &["< data"]),
        ("wait 300", &[]),
        ("< 4..12", &["< retransmission"]),
    ]);
}

#[test]
fn the_answer_may_be_captured_before_the_last_part_of_the_request() {
    let upgrade = Upgrade::new();
    let request = upgrade.request();
    let (start, rest) = request.split_at(50);
    let mut tcp = Tcp::connected();
    tcp.send(Client, start).send(Client, rest);
    tcp.send(Server, &upgrade.response());
    let len = tcp.trace.len();
    tcp.trace.swap(len - 2, len - 1);
    tcp.frames(Client, &[text("hello")]);
    tcp.frames(Server, &[text("world")]);
    assert_eq!(
        numbered(&tell(&tcp.trace)),
        ["1 > \"hello\"", "1 < \"world\""]
    );
}

/// Server frames behind a binary message of which the first ten bytes were lost, in
/// segments of `size`: all that is told but the loss itself.
fn told_behind_a_lost_header(payload: &[u8], size: usize) -> Vec<String> {
    let mut tcp = Tcp::upgraded();
    let mut frames = vec![support::binary(payload)];
    frames.extend(["one", "two", "three", "four"].map(text));
    let bytes = tcp.encode(Server, &frames);
    let (lost, rest) = bytes.split_at(10);
    tcp.lose(Server, lost).send_cut(Server, rest, size);
    let lines = tell(&tcp.ack(Client).trace);
    let told = lines.websocket().into_iter();
    told.filter(|line| !line.ends_with("step") && !line.ends_with("again"))
        .map(str::to_owned)
        .collect()
}

/// Frames of the four messages behind, as far as the first was found.
fn are_the_last_of_the_four(told: &[String]) -> bool {
    let all = [
        "< [text 3]",
        "< \"one\"",
        "< [text 3]",
        "< \"two\"",
        "< [text 5]",
        "< \"three\"",
        "< [text 4]",
        "< \"four\"",
    ];
    told.len() <= all.len() && *told == all[all.len() - told.len()..]
}

#[test]
fn zeros_behind_a_lost_header_are_no_frames() {
    for size in [1, 2, 5, 20, 100, 536, 1_400] {
        for zeros in [20, 21, 60, 61, 500, 3_000, 3_001] {
            let told = told_behind_a_lost_header(&vec![0; zeros], size);
            let right = are_the_last_of_the_four(&told);
            assert!(
                right,
                "{zeros} zeros in segments of {size}: {} lines, {:#?}",
                told.len(),
                &told[..told.len().min(10)]
            );
        }
    }
}

#[test]
fn two_empty_frames_in_segments_of_one_byte_are_not_believed() {
    let payload = [&[7; 20][..], b"\x82\0\x82\0", &[7; 20]].concat();
    let told = told_behind_a_lost_header(&payload, 1);
    assert!(are_the_last_of_the_four(&told), "{told:#?}");
}

#[test]
fn zeros_in_the_middle_of_another_protocol_are_no_websocket() {
    for zeros in [100, 3_000, 20_001] {
        let mut tcp = Tcp::default();
        tcp.send(Client, b"\x07next block please").ack(Server);
        for _ in 0..3 {
            tcp.send_cut(Server, &vec![0; zeros], 1_400).ack(Client);
        }
        let lines = tell(&tcp.trace);
        assert!(
            lines.all.is_empty(),
            "{zeros} zeros: {} lines",
            lines.all.len()
        );
    }
}

//! Rules that are judged over whole connections.

use super::Opening::{None, Plain};
use super::Step::{Bytes, Connection, Fin, Head, Pause};
use super::opening::{ACCEPT, CONNECTION, GET, HOST, KEY, SWITCHING, UPGRADE, VERSION};
use super::{Example, line, parts};
use crate::anomaly::Rule;
use crate::flow::Direction::{ClientToServer as CLIENT, ServerToClient as SERVER};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: Rule::RepeatedKey,
        along: &[],
        why: "A cache may answer the second handshake with what it knows from the first. \
              Usually a key that was written into the program.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(SERVER, &[SWITCHING, UPGRADE, CONNECTION, ACCEPT]),
            Connection,
            Head(
                CLIENT,
                &[
                    GET,
                    HOST,
                    UPGRADE,
                    CONNECTION,
                    line(
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                        "the same key",
                    ),
                    VERSION,
                ],
            ),
            Head(SERVER, &[SWITCHING, UPGRADE, CONNECTION, ACCEPT]),
        ],
    },
    Example {
        rule: Rule::NotFailed,
        along: &[Rule::UnmaskedClientFrame],
        why: "Who goes on hides the fault from the peer that has it, until it meets somebody \
              who does not.",
        opening: Plain,
        steps: &[
            Bytes(
                CLIENT,
                parts![
                    b"\x81\x05" => "text, not masked, as a client must",
                    b"Hello" => "`Hello`",
                ],
            ),
            Bytes(
                SERVER,
                parts![
                    b"\x81\x03" => "no Close, but text",
                    b"yes" => "`yes`",
                ],
            ),
        ],
    },
    Example {
        rule: Rule::MismatchedPong,
        along: &[],
        why: "The peer cannot tell which Ping was answered. Usually a Pong with no payload or a \
              time in it.",
        opening: Plain,
        steps: &[
            Bytes(
                SERVER,
                parts![b"\x89\x01" => "Ping, 1 byte of payload", b"a" => "`a`"],
            ),
            Bytes(
                CLIENT,
                parts![
                    b"\x8a\x81" => "Pong, masked, 1 byte of payload",
                    b"\x37\xfa\x21\x3d" => "masking key",
                    @masked b"b" => "`b`, masked; the Ping had `a`",
                ],
            ),
        ],
    },
    Example {
        rule: Rule::UnansweredPing,
        along: &[],
        why: "The peer hangs, or is gone without an end of TCP: a lost network, a machine that \
              sleeps.",
        opening: Plain,
        steps: &[
            Bytes(
                SERVER,
                parts![b"\x89\x01" => "Ping, 1 byte of payload", b"a" => "`a`"],
            ),
            Pause(30_000),
            Fin(SERVER),
            Fin(CLIENT),
        ],
    },
    Example {
        rule: Rule::UnansweredClose,
        along: &[],
        why: "The peer that closes waits for the answer, often until a timer ends.",
        opening: Plain,
        steps: &[
            Bytes(
                SERVER,
                parts![
                    b"\x88\x02" => "Close, 2 bytes of payload",
                    b"\x03\xe8" => "1000",
                ],
            ),
            Fin(CLIENT),
            Fin(SERVER),
        ],
    },
    Example {
        rule: Rule::NoClose,
        along: &[],
        why: "Applications see 1006. Usually a process that was ended, or a proxy whose idle \
              time was over.",
        opening: Plain,
        steps: &[
            Bytes(
                SERVER,
                parts![b"\x81\x05" => "text, 5 bytes of payload", b"Hello" => "`Hello`"],
            ),
            Fin(SERVER),
            Fin(CLIENT),
        ],
    },
    Example {
        rule: Rule::SlowHandshake,
        along: &[],
        why: "Usually a server that is busy, or asks another one before it agrees.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Pause(30_000),
            Head(SERVER, &[SWITCHING, UPGRADE, CONNECTION, ACCEPT]),
        ],
    },
    Example {
        rule: Rule::LargeMessage,
        along: &[],
        why: "Endpoints and proxies have limits of their own, many 1 MiB, and close with 1009.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x82\x7f" => "binary, the length follows in 8 bytes",
                b"\x00\x00\x00\x00\x01\x10\x00\x00" => "17 MiB of payload; the bound is 16",
                b"a" * 17_825_792 => "the payload",
            ],
        )],
    },
];

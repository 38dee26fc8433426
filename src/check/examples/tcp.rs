//! Segments that break a rule, and those that the capture lacks.

use super::Opening::Plain;
use super::Step::{Again, Bytes, Lost, Missing};
use super::{Example, parts};
use crate::anomaly::Rule;
use crate::flow::Direction::{ClientToServer as CLIENT, ServerToClient as SERVER};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: Rule::ConflictingOverlap,
        along: &[],
        why: "Usually somebody between the peers who changes or injects segments, or two \
              connections in one.",
        opening: Plain,
        steps: &[
            Bytes(
                SERVER,
                parts![b"\x81\x03" => "text, 3 bytes of payload", b"abc" => "`abc`"],
            ),
            Again(
                SERVER,
                3,
                parts![b"abX" => "the same bytes, and another one"],
            ),
        ],
    },
    Example {
        rule: Rule::OutOfStep,
        along: &[],
        why: "Nothing is wrong with the peers: the capture lacks packets. The next header is \
              looked for.",
        opening: Plain,
        steps: &[Missing(
            SERVER,
            parts![b"\x81\x05" => "a header", b"Hello" => "`Hello`"],
        )],
    },
    Example {
        rule: Rule::InStepAgain,
        along: &[Rule::OutOfStep],
        why: "Nothing is wrong with the peers: the capture lacks packets.",
        opening: Plain,
        steps: &[
            Missing(
                CLIENT,
                parts![
                    b"\x81\x85\x37\xfa\x21\x3d" => "a header",
                    @masked b"Hello" => "`Hello`, masked",
                ],
            ),
            Bytes(
                CLIENT,
                parts![
                    b"\x81\xa0\x37\xfa\x21\x3d" => "text, masked, 32 bytes of payload",
                    @masked b"Text that only unmasks as text, " => "which tells the header",
                ],
            ),
        ],
    },
    Example {
        rule: Rule::OutOfOrderLimit,
        along: &[],
        why: "Usually a capture that lacks packets of a large message, or a peer that sends \
              without waiting. The missing bytes are taken as lost.",
        opening: Plain,
        steps: &[
            Bytes(
                SERVER,
                parts![
                    b"\x82\x7f\x00\x00\x00\x00\x00\x4c\x4b\x40" => "binary, 5,000,000 bytes",
                ],
            ),
            Lost(SERVER, parts![b"a" * 1_000 => "its start"]),
            Bytes(
                SERVER,
                parts![b"a" * 4_999_000 => "the rest; the limit is 4 MiB"],
            ),
        ],
    },
    Example {
        rule: Rule::Retransmissions,
        along: &[],
        why: "Packets are lost, or come too late. It shows as delay, not as an error.",
        opening: Plain,
        steps: &[
            Bytes(
                SERVER,
                parts![
                    b"\x82\x7f\x00\x00\x00\x00\x00\x01\x86\xa0" => "binary, 100,000 bytes",
                    b"a" * 100_000 => "the payload, in 72 segments",
                ],
            ),
            Again(
                SERVER,
                11_200,
                parts![b"a" * 11_200 => "the last 8 segments again"],
            ),
        ],
    },
];

//! permessage-deflate that breaks a rule (RFC 7692).

use super::Opening::{Deflate, None};
use super::Step::{Bytes, Head, Missing};
use super::opening::{ACCEPT, CONNECTION, GET, HOST, KEY, SWITCHING, UPGRADE, VERSION};
use super::{Example, line, parts, plain};
use crate::anomaly::Rule;
use crate::flow::Direction::{ClientToServer as CLIENT, ServerToClient as SERVER};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: Rule::DeflateParameter,
        along: &[],
        why: "A server must decline such an offer, so that nothing is compressed.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    GET,
                    HOST,
                    UPGRADE,
                    CONNECTION,
                    KEY,
                    VERSION,
                    line(
                        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16",
                        "8 to 15 are allowed",
                    ),
                ],
            ),
            Head(SERVER, &[SWITCHING, UPGRADE, CONNECTION, ACCEPT]),
        ],
    },
    Example {
        rule: Rule::DeflateResponse,
        along: &[],
        why: "Each side would take another window than the other.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    GET,
                    HOST,
                    UPGRADE,
                    CONNECTION,
                    KEY,
                    VERSION,
                    plain("Sec-WebSocket-Extensions: permessage-deflate"),
                ],
            ),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    UPGRADE,
                    CONNECTION,
                    ACCEPT,
                    line(
                        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10",
                        "the client did not offer client_max_window_bits",
                    ),
                ],
            ),
        ],
    },
    Example {
        rule: Rule::AcceptedBadOffer,
        along: &[Rule::DeflateParameter],
        why: "It is not known what both sides take for agreed.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    GET,
                    HOST,
                    UPGRADE,
                    CONNECTION,
                    KEY,
                    VERSION,
                    plain("Sec-WebSocket-Extensions: permessage-deflate; level=9"),
                ],
            ),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    UPGRADE,
                    CONNECTION,
                    ACCEPT,
                    line(
                        "Sec-WebSocket-Extensions: permessage-deflate",
                        "accepted, although there is no parameter `level`",
                    ),
                ],
            ),
        ],
    },
    Example {
        rule: Rule::CompressedContinuation,
        along: &[],
        why: "The first frame tells for the whole message.",
        opening: Deflate(""),
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x41\x03" => "RSV1, opcode 1: text, 3 bytes of payload",
                b"\xf2\x48\xcd" => "the start of `Hello`, compressed",
                b"\xc0\x04" => "FIN, RSV1 again, opcode 0: continuation",
                b"\xc9\xc9\x07\x00" => "the rest of it",
            ],
        )],
    },
    Example {
        rule: Rule::CompressedControlFrame,
        along: &[],
        why: "Control frames are never compressed.",
        opening: Deflate(""),
        steps: &[Bytes(
            SERVER,
            parts![
                b"\xc9" => "FIN, RSV1, opcode 9: Ping",
                b"\x01" => "1 byte of payload",
                b"a" => "`a`",
            ],
        )],
    },
    Example {
        rule: Rule::InvalidDeflateData,
        along: &[],
        why: "Usually a zlib header before the data, or two messages compressed at a time with \
              one compressor.",
        opening: Deflate(""),
        steps: &[Bytes(
            SERVER,
            parts![
                b"\xc1" => "FIN, RSV1, opcode 1: text, compressed",
                b"\x01" => "1 byte of payload",
                b"\x07" => "a block of type 3, which does not exist",
            ],
        )],
    },
    Example {
        rule: Rule::DeflateTail,
        along: &[],
        why: "The receiver appends them. Usually a compressor whose output was sent as it came; \
              many receivers fail with the message after it.",
        opening: Deflate(""),
        steps: &[Bytes(
            SERVER,
            parts![
                b"\xc1" => "FIN, RSV1, opcode 1: text, compressed",
                b"\x0b" => "11 bytes of payload",
                b"\xf2\x48\xcd\xc9\xc9\x07\x00" => "`Hello`, compressed",
                b"\x00\x00\xff\xff" => "what should have been left out",
            ],
        )],
    },
    Example {
        rule: Rule::ContextTakenOver,
        along: &[],
        why: "A receiver that believes the agreement keeps no window, and cannot read the \
              message. wsdump goes on with the window.",
        opening: Deflate("; server_no_context_takeover"),
        steps: &[Bytes(
            SERVER,
            parts![
                b"\xc1\x07" => "text, compressed, 7 bytes of payload",
                b"\xf2\x48\xcd\xc9\xc9\x07\x00" => "`Hello`",
                b"\xc1\x05" => "text, compressed, 5 bytes of payload",
                b"\xf2\x00\x11\x00\x00" => "`H` and what followed it before",
            ],
        )],
    },
    Example {
        rule: Rule::WindowExceeded,
        along: &[],
        why: "A receiver with a window of the agreed size cannot read the message. Usually a \
              compressor that was made before the parameters were known.",
        opening: Deflate("; server_max_window_bits=8"),
        steps: &[Bytes(
            SERVER,
            parts![
                b"\xc1\x7e\x01\x32" => "text, compressed, 306 bytes of payload",
                b"\x00\x2c\x01\xd3\xfe" => "a block of 300 bytes, stored",
                b"0123456789" * 30 => "these",
                b"\x00" => "the end of the message",
                b"\xc1\x04" => "text, compressed, 4 bytes of payload",
                b"\x42\x84\x15\x00" => "10 bytes from 300 back; the window has 256",
            ],
        )],
    },
    Example {
        rule: Rule::HistoryMissing,
        along: &[],
        why: "Nothing is wrong with the peers: the capture lacks packets, or cut them. Capture \
              with a longer snap length, or nearer.",
        opening: Deflate(""),
        steps: &[
            Bytes(
                SERVER,
                parts![b"\xc1\x07" => "text, compressed, 7 bytes of payload"],
            ),
            Missing(SERVER, parts![b"\xf2\x48\xcd\xc9\xc9\x07\x00" => "`Hello`"]),
            Bytes(
                SERVER,
                parts![
                    b"\xc1\x05" => "text, compressed, 5 bytes of payload",
                    b"\xf2\x00\x11\x00\x00" => "`H` and what followed it before",
                ],
            ),
        ],
    },
    Example {
        rule: Rule::InflatedLimit,
        along: &[],
        why: "64 KiB on the wire may be 64 MiB in memory. Servers should have such a limit, too.",
        opening: Deflate(""),
        steps: &[Bytes(
            SERVER,
            parts![
                b"\xc2" => "FIN, RSV1, opcode 2: binary, compressed",
                b"\x7e\xff\xea" => "65,514 bytes of payload",
                b"\xec\xc0\x81\x00\x00\x00\x00\x80\xa0\xfd\xa9\x17\xa9" =>
                    "codes: 2 bits for 258 bytes of zero",
                b"\x00" * 65500 => "1,032 bytes of zero each",
                b"\x06" => "the end of the message",
            ],
        )],
    },
];

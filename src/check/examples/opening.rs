//! Opening handshakes that break a rule.

use super::Opening::None;
use super::Step::{Bytes, Fin, Head, Rst};
use super::{Example, Line, line, parts, plain};
use crate::anomaly::Rule;
use crate::flow::Direction::{ClientToServer as CLIENT, ServerToClient as SERVER};

pub(super) const GET: Line = plain("GET /chat HTTP/1.1");
pub(super) const HOST: Line = plain("Host: server.example.com");
pub(super) const UPGRADE: Line = plain("Upgrade: websocket");
pub(super) const CONNECTION: Line = plain("Connection: Upgrade");
pub(super) const KEY: Line = plain("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==");
pub(super) const VERSION: Line = plain("Sec-WebSocket-Version: 13");
pub(super) const SWITCHING: Line = plain("HTTP/1.1 101 Switching Protocols");
pub(super) const ACCEPT: Line = plain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
const BAD_REQUEST: Line = plain("HTTP/1.1 400 Bad Request");
const EMPTY: Line = plain("Content-Length: 0");

/// A line that ends with LF alone.
const fn lone_line_feed(text: &'static str, note: &'static str) -> Line {
    Line {
        end: "\n",
        ..line(text, note)
    }
}

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: Rule::MalformedHead,
        along: &[],
        why: "Proxies and endpoints disagree on what such a head says.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    UPGRADE,
                    CONNECTION,
                    ACCEPT,
                    line("Room number: 7", "a name is a token, without spaces"),
                ],
            ),
        ],
    },
    Example {
        rule: Rule::BareLineFeed,
        along: &[],
        why: "Usually a server that writes its own answer. Some clients refuse it.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    UPGRADE,
                    lone_line_feed("Connection: Upgrade", "ends with LF alone"),
                    ACCEPT,
                ],
            ),
        ],
    },
    Example {
        rule: Rule::ContentIn101,
        along: &[],
        why: "A proxy may take the first frames for content and keep them back.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    UPGRADE,
                    CONNECTION,
                    ACCEPT,
                    line("Content-Length: 0", "frames follow, not content"),
                ],
            ),
        ],
    },
    Example {
        rule: Rule::UnexpectedResponse,
        along: &[],
        why: "A client that reuses the connection takes it for the answer to its next request.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(SERVER, &[BAD_REQUEST, EMPTY]),
            Head(
                SERVER,
                &[
                    line(
                        "HTTP/1.1 500 Internal Server Error",
                        "the request was answered",
                    ),
                    EMPTY,
                ],
            ),
        ],
    },
    Example {
        rule: Rule::RequestMethod,
        along: &[],
        why: "A server must refuse it.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    line("POST /chat HTTP/1.1", "not GET"),
                    HOST,
                    UPGRADE,
                    CONNECTION,
                    KEY,
                    VERSION,
                ],
            ),
            Head(SERVER, &[BAD_REQUEST, EMPTY]),
        ],
    },
    Example {
        rule: Rule::RequestTarget,
        along: &[],
        why: "Usually a client that puts the ws address of the page into the request as it is.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    line(
                        "GET ws://server.example.com/chat HTTP/1.1",
                        "neither a path nor http",
                    ),
                    HOST,
                    UPGRADE,
                    CONNECTION,
                    KEY,
                    VERSION,
                ],
            ),
            Head(SERVER, &[SWITCHING, UPGRADE, CONNECTION, ACCEPT]),
        ],
    },
    Example {
        rule: Rule::TargetFragment,
        along: &[],
        why: "A fragment is the client's own affair; servers take it for a part of the path.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    line("GET /chat#top HTTP/1.1", "`#top` is a fragment"),
                    HOST,
                    UPGRADE,
                    CONNECTION,
                    KEY,
                    VERSION,
                ],
            ),
            Head(SERVER, &[SWITCHING, UPGRADE, CONNECTION, ACCEPT]),
        ],
    },
    Example {
        rule: Rule::RequestVersion,
        along: &[],
        why: "Usually a proxy that speaks HTTP/1.0 to the server behind it.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    line("GET /chat HTTP/1.0", "there is no Upgrade in HTTP/1.0"),
                    HOST,
                    UPGRADE,
                    CONNECTION,
                    KEY,
                    VERSION,
                ],
            ),
            Head(SERVER, &[BAD_REQUEST, EMPTY]),
        ],
    },
    Example {
        rule: Rule::MissingHost,
        along: &[],
        why: "Without it a server with several names does not know which one is asked.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    line("GET /chat HTTP/1.1", "no Host follows"),
                    UPGRADE,
                    CONNECTION,
                    KEY,
                    VERSION,
                ],
            ),
            Head(SERVER, &[BAD_REQUEST, EMPTY]),
        ],
    },
    Example {
        rule: Rule::RequestUpgrade,
        along: &[Rule::AcceptedBadRequest],
        why: "Usually a proxy that does not pass Upgrade on. It is told only where the server \
              agrees all the same: before, nobody knows that a handshake was meant.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    line("GET /chat HTTP/1.1", "no Upgrade follows"),
                    HOST,
                    CONNECTION,
                    KEY,
                    VERSION,
                ],
            ),
            Head(SERVER, &[SWITCHING, UPGRADE, CONNECTION, ACCEPT]),
        ],
    },
    Example {
        rule: Rule::RequestConnection,
        along: &[],
        why: "Usually a proxy that sets Connection anew. A server must refuse the request.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    GET,
                    HOST,
                    UPGRADE,
                    line("Connection: keep-alive", "no `Upgrade`"),
                    KEY,
                    VERSION,
                ],
            ),
            Head(SERVER, &[BAD_REQUEST, EMPTY]),
        ],
    },
    Example {
        rule: Rule::MissingKey,
        along: &[],
        why: "Without a key the client cannot know that the answer is meant for it.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    line("GET /chat HTTP/1.1", "no Sec-WebSocket-Key follows"),
                    HOST,
                    UPGRADE,
                    CONNECTION,
                    VERSION,
                ],
            ),
            Head(SERVER, &[BAD_REQUEST, EMPTY]),
        ],
    },
    Example {
        rule: Rule::BadKey,
        along: &[],
        why: "Usually a text taken as it is, or more or fewer bytes than 16.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    GET,
                    HOST,
                    UPGRADE,
                    CONNECTION,
                    line("Sec-WebSocket-Key: c2hvcnQ=", "5 bytes in base64"),
                    VERSION,
                ],
            ),
            Head(SERVER, &[BAD_REQUEST, EMPTY]),
        ],
    },
    Example {
        rule: Rule::RepeatedHeader,
        along: &[],
        why: "Each side may read another one of them.",
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
                    line(
                        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                        "a second key",
                    ),
                    VERSION,
                ],
            ),
            Head(SERVER, &[BAD_REQUEST, EMPTY]),
        ],
    },
    Example {
        rule: Rule::UnsupportedVersion,
        along: &[],
        why: "Usually a client from before 2011. 13 is the only version there is.",
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
                    line("Sec-WebSocket-Version: 8", "that of a draft"),
                ],
            ),
            Head(
                SERVER,
                &[
                    plain("HTTP/1.1 426 Upgrade Required"),
                    plain("Sec-WebSocket-Version: 13"),
                    EMPTY,
                ],
            ),
        ],
    },
    Example {
        rule: Rule::MalformedSubprotocol,
        along: &[],
        why: "A server that compares whole values finds nothing it knows.",
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
                    line("Sec-WebSocket-Protocol: chat, chat", "offered twice"),
                ],
            ),
            Head(SERVER, &[BAD_REQUEST, EMPTY]),
        ],
    },
    Example {
        rule: Rule::DataBeforeHandshake,
        along: &[],
        why: "The server may refuse, and what was sent would be taken for another request.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Bytes(
                CLIENT,
                parts![
                    b"\x81" => "FIN, opcode 1: text, before any answer",
                    b"\x85" => "masked, 5 bytes of payload",
                    b"\x37\xfa\x21\x3d" => "masking key",
                    @masked b"Hello" => "`Hello`, masked",
                ],
            ),
            Head(SERVER, &[SWITCHING, UPGRADE, CONNECTION, ACCEPT]),
        ],
    },
    Example {
        rule: Rule::ResponseUpgrade,
        along: &[],
        why: "A client must give the connection up.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    line("Upgrade: h2c", "not websocket"),
                    CONNECTION,
                    ACCEPT,
                ],
            ),
        ],
    },
    Example {
        rule: Rule::ResponseConnection,
        along: &[],
        why: "A client must give the connection up.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    UPGRADE,
                    line("Connection: close", "no `Upgrade`"),
                    ACCEPT,
                ],
            ),
        ],
    },
    Example {
        rule: Rule::MissingAccept,
        along: &[],
        why: "It is the proof that the server has read the handshake.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(
                SERVER,
                &[
                    line(
                        "HTTP/1.1 101 Switching Protocols",
                        "no Sec-WebSocket-Accept follows",
                    ),
                    UPGRADE,
                    CONNECTION,
                ],
            ),
        ],
    },
    Example {
        rule: Rule::WrongAccept,
        along: &[],
        why: "Usually a mistyped GUID, or a cache that answered with an old response.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    UPGRADE,
                    CONNECTION,
                    line(
                        "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==",
                        "the key itself, not its hash with the GUID",
                    ),
                ],
            ),
        ],
    },
    Example {
        rule: Rule::SubprotocolNotOffered,
        along: &[],
        why: "Names are compared with regard to case. A client must give the connection up.",
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
                    plain("Sec-WebSocket-Protocol: mqtt"),
                ],
            ),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    UPGRADE,
                    CONNECTION,
                    ACCEPT,
                    line("Sec-WebSocket-Protocol: MQTT", "offered was `mqtt`"),
                ],
            ),
        ],
    },
    Example {
        rule: Rule::ExtensionNotOffered,
        along: &[],
        why: "The client does not know how to read frames of an extension it did not offer.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    UPGRADE,
                    CONNECTION,
                    ACCEPT,
                    line(
                        "Sec-WebSocket-Extensions: permessage-deflate",
                        "none was offered",
                    ),
                ],
            ),
        ],
    },
    Example {
        rule: Rule::MalformedExtension,
        along: &[],
        why: "A value in quotes is a token, too, once its quotes are gone.",
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
                        "Sec-WebSocket-Extensions: x-room; name=\"my room\"",
                        "has a space",
                    ),
                ],
            ),
            Head(SERVER, &[BAD_REQUEST, EMPTY]),
        ],
    },
    Example {
        rule: Rule::AcceptedBadRequest,
        along: &[Rule::MissingHost],
        why: "What the server must check keeps programs that are no WebSocket clients away.",
        opening: None,
        steps: &[
            Head(
                CLIENT,
                &[
                    line("GET /chat HTTP/1.1", "no Host follows"),
                    UPGRADE,
                    CONNECTION,
                    KEY,
                    VERSION,
                ],
            ),
            Head(
                SERVER,
                &[
                    line("HTTP/1.1 101 Switching Protocols", "accepted all the same"),
                    UPGRADE,
                    CONNECTION,
                    ACCEPT,
                ],
            ),
        ],
    },
    Example {
        rule: Rule::MissingVersion,
        along: &[Rule::UnsupportedVersion],
        why: "Without it a client does not know which version to ask for. It is told of 426 \
              alone: any other status may be about something else than the version.",
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
                    plain("Sec-WebSocket-Version: 8"),
                ],
            ),
            Head(
                SERVER,
                &[
                    line(
                        "HTTP/1.1 426 Upgrade Required",
                        "no Sec-WebSocket-Version follows",
                    ),
                    UPGRADE,
                    CONNECTION,
                    EMPTY,
                ],
            ),
        ],
    },
    Example {
        rule: Rule::ResponseVersion,
        along: &[],
        why: "Usually a server that writes its own answer. Some clients refuse it.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(
                SERVER,
                &[
                    line("HTTP/1.0 101 Switching Protocols", "not HTTP/1.1"),
                    UPGRADE,
                    CONNECTION,
                    ACCEPT,
                ],
            ),
        ],
    },
    Example {
        rule: Rule::UnansweredUpgrade,
        along: &[],
        why: "Usually a proxy or a firewall that ends what it does not know.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Rst(SERVER),
        ],
    },
    Example {
        rule: Rule::RefusedUpgrade,
        along: &[],
        why: "The status says why: 401 and 403 want credentials or another Origin, 404 another \
              path, 400 and 426 another handshake, 502 to 504 a server behind a proxy.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(SERVER, &[line("HTTP/1.1 403 Forbidden", "not 101"), EMPTY]),
            Fin(SERVER),
            Fin(CLIENT),
        ],
    },
    Example {
        rule: Rule::HeadLimit,
        along: &[],
        why: "Servers accept 8 to 32 KiB. What comes behind such a head is not read.",
        opening: None,
        steps: &[
            Head(CLIENT, &[GET, HOST, UPGRADE, CONNECTION, KEY, VERSION]),
            Head(
                SERVER,
                &[
                    SWITCHING,
                    UPGRADE,
                    CONNECTION,
                    ACCEPT,
                    Line {
                        padding: 70_000,
                        ..line("X-Padding: ", "the limit is 65,536 bytes")
                    },
                ],
            ),
        ],
    },
];

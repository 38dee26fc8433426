//! Frames that break a rule (RFC 6455 §5, §7, §8).

use super::Opening::Plain;
use super::Step::Bytes;
use super::{Example, parts};
use crate::anomaly::Rule;
use crate::flow::Direction::{ClientToServer as CLIENT, ServerToClient as SERVER};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: Rule::UnmaskedClientFrame,
        along: &[],
        why: "The mask keeps web pages from sending bytes that a proxy takes for HTTP. Usually \
              broken by clients written by hand. A server must give the connection up.",
        opening: Plain,
        steps: &[Bytes(
            CLIENT,
            parts![
                b"\x81" => "FIN, opcode 1: text",
                b"\x05" => "mask bit 0, 5 bytes of payload",
                b"Hello" => "`Hello` as it is",
            ],
        )],
    },
    Example {
        rule: Rule::MaskedServerFrame,
        along: &[],
        why: "Usually a server that uses the code of a client. A client must give the connection up.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x81" => "FIN, opcode 1: text",
                b"\x85" => "mask bit 1, 5 bytes of payload",
                b"\x37\xfa\x21\x3d" => "masking key",
                @masked b"Hello" => "`Hello`, masked",
            ],
        )],
    },
    Example {
        rule: Rule::RepeatedMaskingKey,
        along: &[],
        why: "Whoever can guess the key can choose the bytes on the wire. Usually a key that was \
              made once, or a random number generator with a fixed seed.",
        opening: Plain,
        steps: &[Bytes(
            CLIENT,
            parts![
                b"\x81\x81" => "text, masked, 1 byte of payload",
                b"\x37\xfa\x21\x3d" => "masking key",
                @masked b"a" => "`a`, masked",
                b"\x81\x81" => "text, masked, 1 byte of payload",
                b"\x37\xfa\x21\x3d" => "the same masking key",
                @masked b"b" => "`b`, masked",
            ],
        )],
    },
    Example {
        rule: Rule::ReservedBits,
        along: &[],
        why: "RSV1 is usually a peer that compresses although nothing was agreed, or a proxy \
              that removed the extension from the handshake.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\xc1" => "FIN, RSV1, opcode 1: text",
                b"\x07" => "7 bytes of payload",
                b"\xf2\x48\xcd\xc9\xc9\x07\x00" => "`Hello`, compressed",
            ],
        )],
    },
    Example {
        rule: Rule::ReservedOpcode,
        along: &[],
        why: "Usually frames out of step: what looks like a header is payload.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x83" => "FIN, opcode 3: reserved",
                b"\x01" => "1 byte of payload",
                b"a" => "`a`",
            ],
        )],
    },
    Example {
        rule: Rule::NonMinimalLength,
        along: &[],
        why: "Usually an encoder that always writes the long form.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x81" => "FIN, opcode 1: text",
                b"\x7e" => "126: the length follows in 2 bytes",
                b"\x00\x05" => "5, which fits into the byte before",
                b"Hello" => "`Hello`",
            ],
        )],
    },
    Example {
        rule: Rule::LengthHighBit,
        along: &[],
        why: "Usually a negative number, or frames out of step.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x82" => "FIN, opcode 2: binary",
                b"\x7f" => "127: the length follows in 8 bytes",
                b"\x80\x00\x00\x00\x00\x00\x00\x01" => "the first bit is 1",
                b"a" => "the start of the payload",
            ],
        )],
    },
    Example {
        rule: Rule::FragmentedControlFrame,
        along: &[],
        why: "A control frame may come between fragments, so it cannot have fragments itself.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x09" => "no FIN, opcode 9: Ping",
                b"\x01" => "1 byte of payload",
                b"a" => "`a`",
            ],
        )],
    },
    Example {
        rule: Rule::OversizedControlFrame,
        along: &[],
        why: "Usually a reason for closing that was not cut, or data in a Ping.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x89" => "FIN, opcode 9: Ping",
                b"\x7e\x00\x7e" => "126 bytes of payload",
                b"a" * 126 => "the payload",
            ],
        )],
    },
    Example {
        rule: Rule::UnexpectedContinuation,
        along: &[],
        why: "Usually a sender that gives each fragment the wrong opcode.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x80" => "FIN, opcode 0: continuation, of no message",
                b"\x01" => "1 byte of payload",
                b"a" => "`a`",
            ],
        )],
    },
    Example {
        rule: Rule::InterleavedMessage,
        along: &[],
        why: "Usually two threads that write to one connection, or fragments that all have the \
              opcode of the first.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x01\x01" => "no FIN, opcode 1: text, 1 byte of payload",
                b"a" => "`a`",
                b"\x81\x01" => "opcode 1, while the first message goes on",
                b"b" => "`b`",
            ],
        )],
    },
    Example {
        rule: Rule::InvalidUtf8,
        along: &[],
        why: "Usually Latin-1, or bytes sent as text. A receiver must give the connection up.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x81" => "FIN, opcode 1: text",
                b"\x04" => "4 bytes of payload",
                b"caf\xe9" => "`café` in Latin-1; UTF-8 has c3 a9",
            ],
        )],
    },
    Example {
        rule: Rule::CloseBodyTooShort,
        along: &[],
        why: "A code takes two bytes; no body at all is allowed.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x88" => "FIN, opcode 8: Close",
                b"\x01" => "1 byte of payload",
                b"\x03" => "half a code",
            ],
        )],
    },
    Example {
        rule: Rule::InvalidCloseCode,
        along: &[],
        why: "1005, 1006 and 1015 stand for what was not received, and are usually passed on by \
              mistake. What an application defines begins at 3000.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x88" => "FIN, opcode 8: Close",
                b"\x02" => "2 bytes of payload",
                b"\x03\xee" => "1006, which is never sent",
            ],
        )],
    },
    Example {
        rule: Rule::CloseCodeOfClient,
        along: &[],
        why: "It says that the server did not agree to an extension the client needs.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x88" => "FIN, opcode 8: Close",
                b"\x02" => "2 bytes of payload",
                b"\x03\xf2" => "1010, from the server",
            ],
        )],
    },
    Example {
        rule: Rule::InvalidCloseReason,
        along: &[],
        why: "Usually a reason cut to 123 bytes inside a character.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x88" => "FIN, opcode 8: Close",
                b"\x03" => "3 bytes of payload",
                b"\x03\xe8" => "1000",
                b"\xc3" => "the first half of a character",
            ],
        )],
    },
    Example {
        rule: Rule::DataAfterClose,
        along: &[],
        why: "The peer does not read it. Usually a timer that nobody stopped.",
        opening: Plain,
        steps: &[Bytes(
            SERVER,
            parts![
                b"\x88" => "FIN, opcode 8: Close",
                b"\x02\x03\xe8" => "2 bytes of payload: 1000",
                b"\x81" => "another frame: FIN, opcode 1: text",
                b"\x01" => "1 byte of payload",
                b"a" => "`a`",
            ],
        )],
    },
];

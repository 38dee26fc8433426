//! Fields of WebSocket frames, with the names of Wireshark's dissector.
//!
//! A frame that ends a data message and the message are one row of the timeline, so the
//! message has the fields of that frame's header as well, and its payload is whole: put
//! together, unmasked and inflated.

use super::{Field, Subject, field_table};
use crate::filter::value::FieldType::{Boolean, Bytes, Code, Label, Protocol, Text, Unsigned};
use crate::filter::value::Names;
use crate::ws::{Frame, FrameHeader, Message, OpCode};

pub(super) static FIELDS: &[Field] = field_table! {
    @payload "websocket" Protocol, "A frame or message; contains and matches look into its payload",
        |s, emit| if s.frame().is_some() || s.message().is_some() {
            emit.bytes([s.payload().unwrap_or_default()]);
        };
    "websocket.fin" Boolean, "The last frame of its message",
        |s, emit| emit.numbers(s.header().map(|header| header.fin));
    "websocket.rsv" Unsigned(1), "The three reserved bits: 4 is RSV1",
        |s, emit| emit.numbers(s.header().map(|header| header.rsv));
    "websocket.pmc" Boolean, "RSV1, which says that a message is compressed",
        |s, emit| emit.numbers(compressed(s));
    "websocket.opcode" Code(1, Names::Opcode), "0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong",
        |s, emit| emit.numbers(s.header().map(|header| u8::from(header.opcode)));
    "websocket.mask" Boolean, "The payload is masked",
        |s, emit| emit.numbers(s.header().map(|header| header.masking_key.is_some()));
    "websocket.payload_length" Unsigned(8), "Length of the payload on the wire, however it is stated",
        |s, emit| emit.numbers(s.header().map(|header| header.payload_len));
    "websocket.payload_length_ext_16" Unsigned(2), "The same, where it is stated in 16 bits more",
        |s, emit| emit.numbers(extended(s, 2));
    "websocket.payload_length_ext_64" Unsigned(8), "The same, where it is stated in 64 bits more",
        |s, emit| emit.numbers(extended(s, 8));
    "websocket.masking_key" Bytes, "The masking key",
        |s, emit| if let Some(key) = s.header().and_then(|header| header.masking_key) {
            emit.bytes([&key[..]]);
        };
    @payload "websocket.payload" Bytes, "Payload, unmasked and inflated",
        |s, emit| emit.bytes(s.payload());
    "websocket.masked_payload" Label, "There is a payload, and it is masked",
        |s, emit| emit.present(s.header().is_some_and(|header| {
            header.masking_key.is_some() && header.payload_len > 0
        }));
    @payload "websocket.payload.text" Text, "A text message; for fragments, with the last one",
        |s, emit| emit.bytes(text(s));
    @payload "websocket.payload.continue" Bytes, "Payload of a continuation frame that is not the last",
        |s, emit| emit.bytes(of_frame(s, |header| {
            header.opcode == OpCode::Continuation && !header.fin
        }));
    "websocket.payload.close" Label, "A Close frame with a payload",
        |s, emit| emit.present(of_frame(s, |header| header.opcode == OpCode::Close).is_some());
    "websocket.payload.close.status_code" Code(2, Names::CloseCode), "Close code",
        |s, emit| emit.numbers(s.frame().and_then(Frame::close).map(|(code, _)| code.0));
    "websocket.payload.close.reason" Text, "Close reason, if there is one",
        |s, emit| {
            let reason = s.frame().and_then(Frame::close).map(|(_, reason)| reason);
            emit.bytes(reason.filter(|reason| !reason.is_empty()));
        };
    "websocket.payload.ping" Bytes, "Payload of a Ping",
        |s, emit| emit.bytes(of_frame(s, |header| header.opcode == OpCode::Ping));
    "websocket.payload.pong" Bytes, "Payload of a Pong",
        |s, emit| emit.bytes(of_frame(s, |header| header.opcode == OpCode::Pong));
    @payload "websocket.payload.unknown" Bytes, "Payload of a frame with a reserved opcode",
        |s, emit| emit.bytes(of_frame(s, |header| matches!(header.opcode, OpCode::Reserved(_))));
    "websocket.fragments" Label, "A message that was put together from fragments",
        |s, emit| emit.present(fragmented(s).is_some());
    "websocket.fragment.count" Unsigned(4), "How many fragments that were",
        |s, emit| emit.numbers(fragmented(s).map(|message| message.frames));
    "websocket.reassembled.length" Unsigned(4), "How long it is",
        |s, emit| emit.numbers(fragmented(s).map(|message| message.length));
};

/// Wireshark has it only where permessage-deflate was agreed on; an observer that missed
/// the handshake knows no more than the bit.
fn compressed(s: &Subject<'_>) -> Option<bool> {
    let header = s.header()?;
    let begins = matches!(header.opcode, OpCode::Text | OpCode::Binary);
    begins.then(|| header.rsv1())
}

fn extended(s: &Subject<'_>, bytes: u8) -> Option<u64> {
    let header = s.header()?;
    (header.extended_len_bytes == bytes).then_some(header.payload_len)
}

/// Payload of a frame, where its header is as wanted and says that there is one.
fn of_frame<'s>(s: &Subject<'s>, wanted: impl Fn(&FrameHeader) -> bool) -> Option<&'s [u8]> {
    let frame = s.frame()?;
    (frame.header.payload_len > 0 && wanted(&frame.header)).then_some(frame.payload)
}

fn text<'s>(s: &Subject<'s>) -> Option<&'s [u8]> {
    let of_message = s
        .message()
        .filter(|message| message.opcode == OpCode::Text)
        .and_then(|_| s.payload());
    of_message.or_else(|| of_frame(s, |header| header.opcode == OpCode::Text && header.fin))
}

fn fragmented<'s>(s: &Subject<'s>) -> Option<&'s Message<'s>> {
    s.message().filter(|message| message.frames > 1)
}

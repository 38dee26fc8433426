//! What was said on a connection, without what differs from run to run.
//!
//! No times, ports, keys, masking or packet boundaries, and fragmentation only where it is
//! asked for: two runs in which the endpoints did the same give the same conversations. As
//! JSON they are the connections of a [baseline](crate::check::Baseline), and two parts are the
//! same if their JSON is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize};

use super::json::JsonText;
use super::mask::Mask;
use crate::check::Place;
use crate::flow::Direction;

/// What was said on one connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// Upgrade requests and what was answered: one, but for refused attempts before it. None
    /// where the capture began after them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handshakes: Vec<Handshake>,
    /// What the client sent.
    #[serde(default, skip_serializing_if = "Sent::is_empty")]
    pub client: Sent,
    /// What the server sent.
    #[serde(default, skip_serializing_if = "Sent::is_empty")]
    pub server: Sent,
    /// How TCP ended: `fin`, `rst` or `open`.
    pub tcp_end: String,
    /// The connection's number in its capture; 0 in a baseline.
    #[serde(skip)]
    pub number: u64,
    /// Where it ends in its capture; not in a baseline.
    #[serde(skip)]
    pub end: Option<Place>,
}

/// An opening handshake.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handshake {
    /// Method of the request; absent where the request was not captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Target of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Status of the response; absent where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The subprotocol that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subprotocol: Option<String>,
    /// The extensions that were accepted, as the response has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// Fields of the request that were asked for, as `Name: value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_headers: Vec<String>,
    /// The same of the response.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_headers: Vec<String>,
    /// Where the response is, or else the request; not in a baseline.
    #[serde(skip)]
    pub place: Option<Place>,
}

/// What one side sent.
///
/// Messages, Pings and Pongs have an order each: how they interleave is a matter of time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// Data messages, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// Pings, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pings: Vec<Control>,
    /// Pongs, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pongs: Vec<Control>,
    /// Close frames, in order; more than one breaks a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closes: Vec<Close>,
    /// Names of the rules that this side broke, in alphabetical order: those of the
    /// specifications, which are broken by what is sent and not by when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

/// A data message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Text or binary.
    pub opcode: DataOpcode,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What it says, where that is JSON and can be written again from this value.
    #[serde(
        default,
        deserialize_with = "even_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub json: Option<JsonText>,
    /// The JSON has a space behind each comma and colon; elsewhere it has none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub spaced: bool,
    /// What it says, where that is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// Length in bytes, of bytes and of what is too long to stand here whole: then `text` or
    /// `base64` has its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// SHA-256 of the whole, in hexadecimal, where there is a length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Part of it is not known: what stands here is its start.
    #[serde(default, skip_serializing_if = "is_false")]
    pub incomplete: bool,
    /// Payload lengths of its frames, where fragmentation is compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<u64>,
    /// Whether it was compressed, where fragmentation is compared.
    #[serde(default, skip_serializing_if = "is_false")]
    pub compressed: bool,
    /// Where it is in its capture; not in a baseline.
    #[serde(skip)]
    pub place: Option<Place>,
}

/// Opcode of a data message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataOpcode {
    /// Text.
    Text,
    /// Binary.
    Binary,
}

/// A Ping or Pong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its payload, where that is text; empty where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its payload, where that is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// Where it is in its capture; not in a baseline.
    #[serde(skip)]
    pub place: Option<Place>,
}

/// A Close frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// Its close code; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Its reason; absent where it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Where it is in its capture; not in a baseline.
    #[serde(skip)]
    pub place: Option<Place>,
}

impl Conversation {
    /// What one side sent.
    pub fn sent(&self, from: Direction) -> &Sent {
        match from {
            Direction::ClientToServer => &self.client,
            Direction::ServerToClient => &self.server,
        }
    }

    pub(super) fn sent_mut(&mut self, from: Direction) -> &mut Sent {
        match from {
            Direction::ClientToServer => &mut self.client,
            Direction::ServerToClient => &mut self.server,
        }
    }

    /// The number by which people know it: that of its connection in the capture, or in a
    /// baseline its place, `index`, from 1.
    pub(in crate::check) fn known_as(&self, index: usize) -> u64 {
        match self.number {
            0 => index as u64 + 1,
            number => number,
        }
    }

    /// Target of the last request.
    pub fn target(&self) -> Option<&str> {
        self.handshakes.last()?.target.as_deref()
    }

    /// Leaves out what the mask does, and Pings and Pongs if they are ignored.
    pub(super) fn leave_out(&mut self, mask: &Mask, ignore_pings: bool) {
        let masked = |text: &mut String| *text = mask.text(text).into_owned();
        for handshake in &mut self.handshakes {
            let headers = handshake.request_headers.iter_mut();
            let headers = headers.chain(&mut handshake.response_headers);
            headers.chain(&mut handshake.target).for_each(masked);
        }
        for sent in [&mut self.client, &mut self.server] {
            if ignore_pings {
                sent.pings.clear();
                sent.pongs.clear();
            }
            let controls = sent.pings.iter_mut().chain(&mut sent.pongs);
            controls
                .filter_map(|control| control.text.as_mut())
                .for_each(masked);
            sent.closes
                .iter_mut()
                .for_each(|close| masked(&mut close.reason));
            sent.messages
                .iter_mut()
                .for_each(|message| message.leave_out(mask));
        }
    }
}

impl Sent {
    fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.pings.is_empty()
            && self.pongs.is_empty()
            && self.closes.is_empty()
            && self.rules.is_empty()
    }
}

impl Control {
    /// A control frame with this payload.
    pub(super) fn new(payload: &[u8], place: Option<Place>) -> Self {
        let text = readable(payload).map(str::to_owned);
        Self {
            base64: text.is_none().then(|| BASE64.encode(payload)),
            text,
            place,
        }
    }
}

/// Bytes as text, if they are readable as that.
pub(super) fn readable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_readable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(is_readable).then_some(text)
}

// The signature is what serde asks for.
#[allow(clippy::trivially_copy_pass_by_ref)]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

/// `null` is a value as any other.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<JsonText>, D::Error> {
    JsonText::deserialize(deserializer).map(Some)
}

//! A message's payload, as a baseline has it: to be read by people, and exact.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::conversation::{DataOpcode, Message, readable};
use super::layout::spaced;
use super::mask::Mask;
use crate::ws;

/// Bytes of a text or of other bytes that stand in a baseline; of more, the start and a hash.
const MOST_SHOWN: usize = 4 << 10;

/// The same for JSON, which reviewers want whole.
const MOST_JSON: usize = 64 << 10;

impl Message {
    /// A message without what the mask leaves out.
    pub(super) fn new(message: &ws::Message<'_>, mask: &Mask) -> Self {
        let opcode = match message.opcode {
            ws::OpCode::Text => DataOpcode::Text,
            _ => DataOpcode::Binary,
        };
        let mut new = Self {
            opcode,
            text: None,
            json: None,
            spaced: false,
            base64: None,
            length: None,
            sha256: None,
            incomplete: message.is_truncated(),
            frames: Vec::new(),
            compressed: false,
            place: None,
        };
        match opcode {
            DataOpcode::Text => match message.text() {
                Some(text) => new.set_text(&mask.text(text), mask),
                None => new.set_bytes(message.payload),
            },
            DataOpcode::Binary => {
                let text = readable(message.payload).map(|text| mask.text(text));
                if !text.is_some_and(|text| !new.incomplete && new.set_json(&text, mask)) {
                    new.set_bytes(message.payload);
                }
            }
        }
        if new.incomplete {
            new.length = Some(message.length);
            new.sha256 = None;
        }
        new
    }

    /// Leaves out of a message what the mask does. Of what is kept by its hash nothing can be.
    pub(super) fn leave_out(&mut self, mask: &Mask) {
        if self.length.is_some() {
            return;
        }
        let text = match (self.json.take(), self.text.take()) {
            (Some(json), _) if self.spaced => spaced(&json),
            (Some(json), _) => json.to_string(),
            (None, Some(text)) => text,
            (None, None) => return,
        };
        self.spaced = false;
        self.set_text(&mask.text(&text), mask);
    }

    fn set_text(&mut self, text: &str, mask: &Mask) {
        if !self.incomplete && self.set_json(text, mask) {
            return;
        }
        let shown = start_of(text, MOST_SHOWN);
        if shown.len() < text.len() {
            self.set_hash(text.as_bytes());
        }
        self.text = Some(shown.to_owned());
    }

    /// Keeps the text as JSON, if it is JSON and nothing is lost by that.
    fn set_json(&mut self, text: &str, mask: &Mask) -> bool {
        // What is not kept as JSON need not be parsed, unless something is left out of it.
        let is_long = text.len() > MOST_JSON;
        if is_long && !mask.has_paths() || !looks_like_json(text) {
            return false;
        }
        let Ok(mut value) = serde_json::from_str::<Value>(text) else {
            return false;
        };
        if mask.json(&mut value) {
            // How the rest was written is gone with what was left out.
            let masked = value.to_string();
            if masked.len() <= MOST_JSON {
                self.json = Some(value);
            } else {
                self.set_hash(masked.as_bytes());
                self.text = Some(start_of(&masked, MOST_SHOWN).to_owned());
            }
            return true;
        }
        if is_long {
            return false;
        }
        self.spaced = if value.to_string() == text {
            false
        } else if spaced(&value) == text {
            true
        } else {
            return false;
        };
        self.json = Some(value);
        true
    }

    fn set_bytes(&mut self, bytes: &[u8]) {
        let shown = &bytes[..bytes.len().min(MOST_SHOWN)];
        self.base64 = Some(BASE64.encode(shown));
        self.set_hash(bytes);
    }

    fn set_hash(&mut self, bytes: &[u8]) {
        self.length = Some(bytes.len() as u64);
        let mut hexadecimal = String::with_capacity(64);
        for byte in Sha256::digest(bytes) {
            // Writing to a string cannot fail.
            let _ = write!(hexadecimal, "{byte:02x}");
        }
        self.sha256 = Some(hexadecimal);
    }

    /// Bytes on the heap, about.
    pub(super) fn heap_bytes(&self) -> usize {
        let texts = [&self.text, &self.base64, &self.sha256];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        // A tree of values takes several times its text.
        let json = self
            .json
            .as_ref()
            .map_or(0, |json| 4 * json.to_string().len());
        texts + json + self.frames.len() * size_of::<u64>()
    }
}

/// Objects, lists and quoted texts: a number or word alone is rather text.
fn looks_like_json(text: &str) -> bool {
    text.starts_with(['{', '[', '"'])
}

/// The first bytes of a text, at most `most`, in whole characters.
fn start_of(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::{OpCode, Text};

    fn message(opcode: OpCode, payload: &[u8]) -> ws::Message<'_> {
        ws::Message {
            opcode,
            frames: 1,
            length: payload.len() as u64,
            wire_length: payload.len() as u64,
            compressed: false,
            complete: true,
            missing: 0,
            payload,
            text: match std::str::from_utf8(payload) {
                _ if opcode == OpCode::Binary => Text::No,
                Ok(_) => Text::Valid,
                Err(_) => Text::Invalid,
            },
        }
    }

    fn recorded(opcode: OpCode, payload: &[u8], mask: &Mask) -> String {
        let message = Message::new(&message(opcode, payload), mask);
        serde_json::to_string(&message).unwrap()
    }

    #[test]
    fn a_payload_is_text_json_or_bytes() {
        let table: &[(OpCode, &[u8], &str)] = &[
            (
                OpCode::Text,
                b"hello",
                r#"{"opcode":"text","text":"hello"}"#,
            ),
            (OpCode::Text, b"", r#"{"opcode":"text","text":""}"#),
            (OpCode::Text, b"42", r#"{"opcode":"text","text":"42"}"#),
            (
                OpCode::Text,
                b"{\"b\":1,\"a\":null}",
                r#"{"opcode":"text","json":{"b":1,"a":null}}"#,
            ),
            (
                OpCode::Text,
                b"[1, {\"a\": 2}]",
                r#"{"opcode":"text","json":[1,{"a":2}],"spaced":true}"#,
            ),
            // Not the same when written again: two members alike, digits, spaces, escapes.
            (
                OpCode::Text,
                b"{\"a\":1,\"a\":2}",
                r#"{"opcode":"text","text":"{\"a\":1,\"a\":2}"}"#,
            ),
            (
                OpCode::Text,
                b"[1.0000000000000000001]",
                r#"{"opcode":"text","text":"[1.0000000000000000001]"}"#,
            ),
            (
                OpCode::Text,
                b"[ 1 ]",
                r#"{"opcode":"text","text":"[ 1 ]"}"#,
            ),
            (
                OpCode::Text,
                b"[\"\\u0041\"]",
                r#"{"opcode":"text","text":"[\"\\u0041\"]"}"#,
            ),
            (
                OpCode::Text,
                b"{\"a\":",
                r#"{"opcode":"text","text":"{\"a\":"}"#,
            ),
            (OpCode::Binary, b"[1]", r#"{"opcode":"binary","json":[1]}"#),
            (
                OpCode::Binary,
                b"\0\xff",
                "{\"opcode\":\"binary\",\"base64\":\"AP8=\",\"length\":2,\"sha256\":\
                 \"06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8\"}",
            ),
        ];
        for (opcode, payload, expected) in table {
            let recorded = recorded(*opcode, payload, &Mask::default());
            assert_eq!(recorded, *expected);
            let read: Message = serde_json::from_str(&recorded).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), *expected);
        }
    }

    #[test]
    fn json_that_is_null_survives_the_file() {
        let mask = Mask::new(["$.a"], [""; 0]).unwrap();
        assert_eq!(
            recorded(OpCode::Text, b"{\"a\": 1,   \"b\":null}", &mask),
            r#"{"opcode":"text","json":{"a":"<ignored>","b":null}}"#
        );
        let read: Message = serde_json::from_str(r#"{"opcode":"text","json":null}"#).unwrap();
        assert_eq!(read.json, Some(Value::Null));
    }

    #[test]
    fn of_what_is_long_the_start_and_a_hash_are_kept() {
        let mut long = vec![b'x'; MOST_SHOWN - 1];
        long.extend("éé".bytes());
        let recorded = Message::new(&message(OpCode::Text, &long), &Mask::default());
        assert_eq!(recorded.text.map(|text| text.len()), Some(MOST_SHOWN - 1));
        assert_eq!(recorded.length, Some(long.len() as u64));
        assert_eq!(recorded.sha256.map(|hash| hash.len()), Some(64));
    }

    #[test]
    fn one_byte_anywhere_makes_another_record() {
        let json = format!("{{\"a\":\"{}\"}}", "z".repeat(MOST_JSON));
        let table: [&[u8]; 4] = [
            b"hello",
            b"{\"a\": [1.5e300, true]}",
            b"\0\x01\x02",
            json.as_bytes(),
        ];
        for payload in table {
            let before = recorded(OpCode::Binary, payload, &Mask::default());
            for at in (0..payload.len()).step_by(1 + payload.len() / 50) {
                let mut changed = payload.to_vec();
                changed[at] ^= 1;
                assert_ne!(
                    recorded(OpCode::Binary, &changed, &Mask::default()),
                    before,
                    "byte {at}"
                );
            }
        }
    }

    #[test]
    fn what_is_left_out_of_a_long_message_is_left_out_of_its_hash() {
        let mask = Mask::new(["$.ts"], [""; 0]).unwrap();
        let with = |ts: u32| format!("{{\"ts\":{ts},\"a\":\"{}\"}}", "z".repeat(MOST_JSON));
        let [first, second] =
            [with(1), with(2)].map(|json| recorded(OpCode::Text, json.as_bytes(), &mask));
        assert_eq!(first, second);
        assert!(first.contains("sha256"));
    }
}

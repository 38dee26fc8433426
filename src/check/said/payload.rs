//! A message's payload, as a baseline has it: to be read by people, and exact.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::conversation::{DataOpcode, Message, readable};
use super::json::JsonText;
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
            incomplete: !message.is_whole(),
            frames: Vec::new(),
            compressed: false,
            place: None,
        };
        let text = match opcode {
            DataOpcode::Text => message.text(),
            DataOpcode::Binary => readable(message.payload),
        };
        match text.map(|text| (text, left_out(text, mask))) {
            Some((_, text)) if opcode == DataOpcode::Text => new.keep(&text),
            // Other bytes are rather text where that says so.
            Some((text, Cow::Owned(changed))) if changed != text => new.keep(&changed),
            Some((_, text)) if !new.incomplete && new.keep_json(&text) => {}
            _ => new.keep_bytes(message.payload),
        }
        if new.incomplete {
            new.length = Some(message.length);
            new.sha256 = None;
        }
        if let Some(then) = mask.then() {
            new.leave_out(then);
        }
        new
    }

    /// Leaves out of a message what the mask does. Of what is kept by its hash nothing can be.
    pub(super) fn leave_out(&mut self, mask: &Mask) {
        if self.length.is_some() {
            return;
        }
        let text = match (&self.json, &self.text) {
            (Some(json), _) if self.spaced => spaced(&json.value()),
            (Some(json), _) => json.text().to_owned(),
            (None, Some(text)) => text.clone(),
            (None, None) => return,
        };
        if let Cow::Owned(changed) = left_out(&text, mask) {
            (self.json, self.text, self.spaced) = (None, None, false);
            self.keep(&changed);
        }
        if let Some(then) = mask.then() {
            self.leave_out(then);
        }
    }

    fn keep(&mut self, text: &str) {
        if !self.incomplete && self.keep_json(text) {
            return;
        }
        let shown = start_of(text, MOST_SHOWN);
        if shown.len() < text.len() {
            self.set_hash(text.as_bytes());
        }
        self.text = Some(shown.to_owned());
    }

    /// Keeps the text as JSON, if it is JSON and nothing is lost by that.
    fn keep_json(&mut self, text: &str) -> bool {
        if text.len() > MOST_JSON || !looks_like_json(text) {
            return false;
        }
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return false;
        };
        let json = JsonText::from(&value);
        self.spaced = json.text() != text;
        if self.spaced && spaced(&value) != text {
            self.spaced = false;
            return false;
        }
        self.json = Some(json);
        true
    }

    fn keep_bytes(&mut self, bytes: &[u8]) {
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

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let texts = [&self.text, &self.base64, &self.sha256];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        let json = self.json.as_ref().map_or(0, |json| json.text().len());
        texts + json + self.frames.len() * size_of::<u64>()
    }
}

/// A payload without what the mask leaves out: parts of JSON first, for it may be no JSON any
/// more when something is left out of its text.
fn left_out<'t>(text: &'t str, mask: &Mask) -> Cow<'t, str> {
    let json = if looks_like_json(text) {
        mask.json(text)
    } else {
        None
    };
    match json {
        Some(json) => Cow::Owned(mask.text_once(&json).into_owned()),
        None => mask.text_once(text),
    }
}

/// Objects, lists and quoted texts: a number or word alone is rather text.
fn looks_like_json(text: &str) -> bool {
    text.starts_with(['{', '[', '"'])
}

/// The first bytes of a text, at most `most`, in whole characters.
pub(in crate::check) fn start_of(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ws::{OpCode, Text};

    fn message(opcode: OpCode, payload: &[u8]) -> ws::Message<'_> {
        ws::Message {
            opcode,
            frames: 1,
            last: None,
            length: payload.len() as u64,
            wire_length: payload.len() as u64,
            compressed: false,
            complete: true,
            missing: 0,
            payload,
            unknown: &[],
            unknown_length: 0,
            cut_short: false,
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
        assert_eq!(read.json, Some(JsonText::from(&Value::Null)));
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
    fn what_is_not_left_out_makes_another_record() {
        let mask = Mask::new(["$.ts"], [""; 0]).unwrap();
        for (left, right) in [
            (
                r#"{"ts":1,"id":123456789012345678901}"#,
                r#"{"ts":1,"id":123456789012345678902}"#,
            ),
            (r#"{"ts":1,"a":1,"a":3}"#, r#"{"ts":1,"a":2,"a":3}"#),
            (r#"{"ts":1,"a":1.0}"#, r#"{"ts":1,"a":1.00}"#),
            (r#"{"ts":1,"a":1e999}"#, r#"{"ts":1,"a":2e999}"#),
        ] {
            for opcode in [OpCode::Text, OpCode::Binary] {
                let [left, right] =
                    [left, right].map(|text| recorded(opcode, text.as_bytes(), &mask));
                assert_ne!(left, right);
            }
        }
    }

    #[test]
    fn expressions_find_what_paths_leave_and_bytes_that_are_text() {
        for (opcode, payload, expected) in [
            (
                OpCode::Text,
                r#"{"id":"a","n":12}"#,
                r#"{"opcode":"text","text":"{\"id\":\"<ignored>\",\"n\":<ignored>}"}"#,
            ),
            (
                OpCode::Binary,
                "at 12",
                r#"{"opcode":"binary","text":"at <ignored>"}"#,
            ),
            (
                OpCode::Binary,
                r#"["12"]"#,
                r#"{"opcode":"binary","json":["<ignored>"]}"#,
            ),
        ] {
            let mask = Mask::new(["$.id"], [r"\d+"]).unwrap();
            assert_eq!(recorded(opcode, payload.as_bytes(), &mask), expected);
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

//! A JSON object, written field by field.
//!
//! The names are our own and need no escapes, and the usual values are numbers, our own words
//! and short texts. The serializer, which looks at every byte of every name, is for what is
//! neither.

use std::fmt::Display;
use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use super::json::push_json;
use super::quoted::push_quoted;
use super::text::hex_digits;

/// An object that is being written.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    is_empty: bool,
}

impl Object<'_> {
    /// Appends an object with the fields that `fill` writes.
    pub(super) fn write(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        fill(&mut Object {
            out,
            is_empty: true,
        });
        out.push(b'}');
    }

    fn name(&mut self, name: &'static str) {
        debug_assert!(needs_no_escape(name), "{name}");
        let separator: &[u8] = if std::mem::take(&mut self.is_empty) {
            b"\""
        } else {
            b",\""
        };
        self.out.extend_from_slice(separator);
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A number that is whole.
    pub(super) fn number(&mut self, name: &'static str, value: impl itoa::Integer) {
        self.name(name);
        let mut digits = itoa::Buffer::new();
        self.out.extend_from_slice(digits.format(value).as_bytes());
    }

    pub(super) fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        let value: &[u8] = if value { b"true" } else { b"false" };
        self.out.extend_from_slice(value);
    }

    pub(super) fn seconds(&mut self, name: &'static str, value: Duration) {
        self.value(name, &value.as_secs_f64());
    }

    /// Text that needs no escapes: a word of our own, a time, an address.
    pub(super) fn word(&mut self, name: &'static str, value: &str) {
        debug_assert!(needs_no_escape(value), "{value}");
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(value.as_bytes());
        self.out.push(b'"');
    }

    /// What needs no escapes, as it is displayed.
    pub(super) fn displayed(&mut self, name: &'static str, value: impl Display) {
        self.name(name);
        // Writing into a vector does not fail.
        let _ = write!(self.out, "\"{value}\"");
    }

    /// Bytes, two digits each.
    pub(super) fn hexadecimal<const N: usize>(&mut self, name: &'static str, bytes: [u8; N]) {
        self.name(name);
        self.out.push(b'"');
        for byte in bytes {
            self.out.extend(hex_digits(byte));
        }
        self.out.push(b'"');
    }

    /// Any text.
    pub(super) fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        push_quoted(value, self.out);
    }

    pub(super) fn base64(&mut self, name: &'static str, bytes: &[u8]) {
        self.name(name);
        self.out.push(b'"');
        let before = self.out.len();
        let len = base64::encoded_len(bytes.len(), true).unwrap_or(0);
        self.out.resize(before + len, 0);
        // The room is as long as what is written.
        let written = BASE64.encode_slice(bytes, &mut self.out[before..]);
        debug_assert_eq!(written.ok(), Some(len));
        self.out.push(b'"');
    }

    /// Anything else.
    pub(super) fn value(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        push_json(value, self.out);
    }

    /// An object with the fields that `fill` writes.
    pub(super) fn object(&mut self, name: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        self.name(name);
        Object::write(self.out, fill);
    }

    /// A list of objects, each with the fields that `fill` writes of one of `items`.
    pub(super) fn objects<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        fill: impl Fn(T, &mut Object<'_>),
    ) {
        self.name(name);
        self.out.push(b'[');
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            Object::write(self.out, |object| fill(item, object));
        }
        self.out.push(b']');
    }
}

fn needs_no_escape(text: &str) -> bool {
    let is_plain = |byte| matches!(byte, 0x20..0x7f) && byte != b'"' && byte != b'\\';
    text.bytes().all(is_plain)
}

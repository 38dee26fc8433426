//! Long text as a JSON string, fast.
//!
//! What is written is what [`Harmless`](super::json::Harmless) makes of the same text. It is
//! here a second time because payloads are most of what `--json` writes, and often JSON
//! themselves: with a quotation mark every few bytes, writing the parts between them one by one
//! takes several times as long. Text without escapes goes eight bytes at a time.

use super::text::{hex_digits, is_harmful};

/// Where an escape stands, others are near: so many bytes are then looked at one by one.
const CHUNK: usize = 64;

/// What becomes of a byte: in the low bits the two bytes that are written, of which the first
/// may be all that counts, and above them how many count.
#[derive(Clone, Copy)]
struct Form(u32);

impl Form {
    /// More than the byte is to be looked at.
    const LOOK: u32 = 1 << 31;

    const fn plain(byte: u8) -> Self {
        Self(u32::from_le_bytes([byte, 0, 1, 0]))
    }

    const fn escape(letter: u8) -> Self {
        Self(u32::from_le_bytes([b'\\', letter, 2, 0]))
    }

    fn bytes(self) -> [u8; 2] {
        let [first, second, ..] = self.0.to_le_bytes();
        [first, second]
    }

    fn len(self) -> usize {
        usize::from(self.0.to_le_bytes()[2])
    }

    fn is_plain_or_escape(self) -> bool {
        self.0 & Self::LOOK == 0
    }
}

/// By byte. Of those beyond ASCII only the first ones of harmful characters are looked at.
const FORMS: [Form; 256] = {
    let mut forms = [Form(Form::LOOK); 256];
    let mut byte = u8::MAX;
    while byte >= 0x20 {
        if byte != 0x7F {
            forms[byte as usize] = Form::plain(byte);
        }
        byte -= 1;
    }
    let escapes = *b"\"\"\\\\\x08b\x0cf\nn\rr\tt";
    let mut at = 0;
    while at < escapes.len() {
        forms[escapes[at] as usize] = Form::escape(escapes[at + 1]);
        at += 2;
    }
    // U+0080 to U+00BF, U+0340, U+0600, U+1000, U+2000, U+3000, U+F000, U+C0000 and on.
    let leads = *b"\xC2\xCD\xD8\xE1\xE2\xE3\xEF\xF3";
    let mut at = 0;
    while at < leads.len() {
        forms[leads[at] as usize] = Form(Form::LOOK);
        at += 1;
    }
    forms
};

/// Appends `text` in quotation marks.
pub(super) fn push_quoted(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let plain = plain_words(&bytes[at..]);
        out.extend_from_slice(&bytes[at..at + plain]);
        at += plain;
        at += push_chunk(&bytes[at..], out);
        if bytes
            .get(at)
            .is_some_and(|byte| !form(*byte).is_plain_or_escape())
        {
            at += push_special(text, at, out);
        }
    }
    out.push(b'"');
}

fn form(byte: u8) -> Form {
    FORMS[usize::from(byte)]
}

/// How many bytes at the start stand for themselves, counted by eight.
fn plain_words(bytes: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // A byte that is 0 gives its highest bit; one behind it may as well, which is looked at
    // for nothing.
    let zeros = |word: u64| word.wrapping_sub(EACH) & !word;
    let is_plain = |chunk: &[u8; 8]| {
        let word = u64::from_ne_bytes(*chunk);
        let controls = word.wrapping_sub(EACH * 0x20) & !word;
        let [quotes, backslashes, delete] =
            [b'"', b'\\', 0x7F].map(|byte| zeros(word ^ (EACH * u64::from(byte))));
        (word | controls | quotes | backslashes | delete) & HIGH == 0
    };
    let (words, _) = bytes.as_chunks();
    8 * words.iter().take_while(|word| is_plain(word)).count()
}

/// Appends bytes up to one that is to be looked at, [`CHUNK`] at most; says how many.
fn push_chunk(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let mut buffer = [0; 2 * CHUNK + 1];
    let mut filled = 0;
    let mut taken = 0;
    let chunk = &bytes[..bytes.len().min(CHUNK)];
    for word in chunk.as_chunks().0 {
        let Some(room) = buffer[filled..].first_chunk_mut() else {
            break;
        };
        let Some(written) = put_word(*word, room) else {
            break;
        };
        filled += written;
        taken += word.len();
    }
    for byte in &chunk[taken..] {
        let form = form(*byte);
        if !form.is_plain_or_escape() {
            break;
        }
        buffer[filled..filled + 2].copy_from_slice(&form.bytes());
        filled += form.len();
        taken += 1;
    }
    out.extend_from_slice(&buffer[..filled]);
    taken
}

/// Writes eight bytes with their escapes and says how many that makes, or `None` where one of
/// them is to be looked at.
fn put_word(word: [u8; 8], room: &mut [u8; 17]) -> Option<usize> {
    let mut all = Form(0);
    let mut filled = 0;
    for byte in word {
        let form = form(byte);
        all.0 |= form.0;
        // Both are written, whether or not the second counts: no branch has to be guessed. It is
        // never more than 15; so much the compiler has to be told.
        let at = filled & 15;
        room[at..at + 2].copy_from_slice(&form.bytes());
        filled += form.len();
    }
    all.is_plain_or_escape().then_some(filled)
}

/// Appends the character at `at`, which may have to be escaped; says how many bytes of it were
/// taken.
fn push_special(text: &str, at: usize, out: &mut Vec<u8>) -> usize {
    let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else {
        return 1;
    };
    if c.is_ascii() || is_harmful(c) {
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.extend(b"\\u");
            for byte in unit.to_be_bytes() {
                out.extend(hex_digits(byte));
            }
        }
    } else {
        out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    c.len_utf8()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::write_json;
    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        push_quoted(text, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn expected(text: &str) -> String {
        let mut out = Vec::new();
        assert!(write_json(&text, &mut out).is_ok());
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn every_character_is_written_as_elsewhere() {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            assert_eq!(quoted(&text), expected(&text), "{c:?}");
        }
    }

    #[test]
    fn escapes_stand_anywhere_in_a_chunk() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            for special in ["", "\"", "\n", "\u{1b}", "\u{202e}", "’", "é", "😀"] {
                let text = format!("{}{special}{}", "\"".repeat(len), "a".repeat(len));
                assert_eq!(quoted(&text), expected(&text));
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_elsewhere(text in "(?s).{0,600}") {
            prop_assert_eq!(quoted(&text), expected(&text));
        }
    }
}

//! What is said: text like the JSON of real services, and bytes without any pattern.

use std::fmt::Write as _;

use super::wire::Random;

/// Text and noise to cut payloads from.
pub struct Pool {
    text: String,
    noise: Vec<u8>,
}

const POOL: usize = 1 << 20;

impl Pool {
    pub fn new() -> Self {
        let mut random = Random::new(2);
        let mut text = String::with_capacity(POOL + 200);
        while text.len() < POOL {
            push_object(&mut random, &mut text);
        }
        let numbers = std::iter::repeat_with(|| random.number().to_le_bytes());
        let noise = numbers.flatten().take(POOL).collect();
        Self { text, noise }
    }

    /// All its text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Text of about `len` bytes, at most as many as the pool has.
    pub fn text(&self, random: &mut Random, len: usize) -> &str {
        let start = random.below(self.text.len() - len);
        let boundary = |mut at: usize| {
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        &self.text[boundary(start)..boundary(start + len)]
    }

    /// `len` bytes that no compressor makes smaller.
    pub fn noise(&self, random: &mut Random, len: usize) -> &[u8] {
        let start = random.below(self.noise.len() - len);
        &self.noise[start..start + len]
    }
}

fn push_object(random: &mut Random, text: &mut String) {
    let words = ["trade", "quote", "cancel", "besoin d’aide", "naïve", "ok"];
    let word = words[random.below(words.len())];
    let symbol: String = (0..4)
        .map(|_| char::from(b'A' + random.number().to_le_bytes()[0] % 26))
        .collect();
    let _ = write!(
        text,
        "{{\"id\":{},\"type\":\"{word}\",\"symbol\":\"{symbol}\",\"price\":{}.{:02},\"size\":{},\
         \"at\":\"2026-01-{:02}T{:02}:{:02}:{:02}.{:03}Z\"}},",
        random.below(10_000_000),
        random.below(5_000),
        random.below(100),
        random.below(900),
        1 + random.below(28),
        random.below(24),
        random.below(60),
        random.below(60),
        random.below(1_000),
    );
}

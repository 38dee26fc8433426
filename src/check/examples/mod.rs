//! For each rule, bytes that break it.

mod connections;
mod deflate;
mod frames;
mod opening;
mod tcp;

use std::borrow::Cow;

use crate::anomaly::Rule;
use crate::flow::Direction;
use crate::ws::unmask;

/// A conversation that breaks a rule.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The rule.
    pub rule: Rule,
    /// Other rules that are broken with it, because there is no way around them.
    pub along: &'static [Rule],
    /// Why the rule matters, or what usually breaks it.
    pub why: &'static str,
    /// What was said before.
    pub opening: Opening,
    /// What is said and done, in order.
    pub steps: &'static [Step],
}

/// How the connection of an example begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// With the first step.
    None,
    /// With an opening handshake that keeps all rules.
    Plain,
    /// With one that agrees on permessage-deflate, offered and accepted with the same
    /// parameters: empty, or with `; ` before each.
    Deflate(&'static str),
}

/// One step of an example.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A head of HTTP; its empty line is not among the lines.
    Head(Direction, &'static [Line]),
    /// Bytes, usually of frames.
    Bytes(Direction, &'static [Part]),
    /// Bytes that were sent and not captured; the other side acknowledges them.
    Missing(Direction, &'static [Part]),
    /// Bytes that were sent and did not arrive: nobody acknowledges them.
    Lost(Direction, &'static [Part]),
    /// A segment that begins as many bytes before the end of what its sender has sent.
    Again(Direction, u16, &'static [Part]),
    /// The side ends TCP.
    Fin(Direction),
    /// The side resets TCP.
    Rst(Direction),
    /// Nothing happens for this long, in milliseconds.
    Pause(u32),
    /// What follows is on another connection.
    Connection,
}

/// A line of a head.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Its text.
    pub text: &'static str,
    /// How many `x` follow the text.
    pub padding: usize,
    /// What it ends with.
    pub end: &'static str,
    /// What it means; empty where it needs no word.
    pub note: &'static str,
}

/// Bytes with a meaning of their own.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The bytes before masking.
    pub bytes: &'static [u8],
    /// How often they stand there.
    pub times: usize,
    /// They are the start of a frame's payload, masked with [`MASKING_KEY`].
    pub masked: bool,
    /// What they mean.
    pub note: &'static str,
}

/// The masking key of all examples: that of RFC 6455 §5.7.
pub const MASKING_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The example of a rule; every rule has one.
pub fn example(rule: Rule) -> Option<&'static Example> {
    [
        tcp::EXAMPLES,
        opening::EXAMPLES,
        frames::EXAMPLES,
        deflate::EXAMPLES,
        connections::EXAMPLES,
    ]
    .into_iter()
    .flatten()
    .find(|example| example.rule == rule)
}

impl Line {
    /// Its bytes on the wire.
    pub fn sent(&self) -> String {
        [self.text, &"x".repeat(self.padding), self.end].concat()
    }
}

impl Part {
    /// Its bytes on the wire, once: they are repeated [`times`](Self::times).
    pub fn sent(&self) -> Cow<'static, [u8]> {
        if !self.masked {
            return Cow::Borrowed(self.bytes);
        }
        let mut bytes = self.bytes.to_vec();
        unmask(&mut bytes, MASKING_KEY, 0);
        Cow::Owned(bytes)
    }
}

/// A line of a head that needs a word.
const fn line(text: &'static str, note: &'static str) -> Line {
    Line {
        text,
        padding: 0,
        end: "\r\n",
        note,
    }
}

/// A line of a head that is as it should be.
const fn plain(text: &'static str) -> Line {
    line(text, "")
}

/// Bytes and what they mean; `@masked` before those that a client masks, `* N` behind those
/// that come more than once.
macro_rules! parts {
    ($($(@$masked:ident)? $bytes:literal $(* $times:literal)? => $note:literal),* $(,)?) => {
        &[$($crate::check::examples::Part {
            bytes: $bytes,
            times: parts!(times $($times)?),
            masked: parts!(masked $($masked)?),
            note: $note,
        }),*]
    };
    (times $times:literal) => { $times };
    (times) => { 1 };
    (masked masked) => { true };
    (masked) => { false };
}

use parts;

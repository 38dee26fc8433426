//! permessage-deflate for an observer: its parameters and its inflater (RFC 7692).
//!
//! A message that refers to data which was not captured cannot be inflated, and an
//! inflater that is made to go on shows wrong text without an error. [`Inflater`]
//! therefore keeps track of what it knows: after missing bytes it starts with an empty
//! window, in which a reference to what came before is an error and never a guess. What
//! it hands out is always exact.

use flate2::{Decompress, FlushDecompress, Status};

use crate::anomaly::{Anomaly, Rule};
use crate::http::split_outside_quotes;

/// Parameters agreed on for permessage-deflate (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateParameters {
    /// The server starts each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client starts each message with an empty window.
    pub client_no_context_takeover: bool,
    /// Base-2 logarithm of the server's window size, 8 to 15.
    pub server_max_window_bits: u8,
    /// Base-2 logarithm of the client's window size, 8 to 15.
    pub client_max_window_bits: u8,
}

impl Default for DeflateParameters {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: MAX_WINDOW_BITS,
            client_max_window_bits: MAX_WINDOW_BITS,
        }
    }
}

const MAX_WINDOW_BITS: u8 = 15;

/// Name of the extension (RFC 7692 §7).
pub(super) const EXTENSION_NAME: &str = "permessage-deflate";

/// Parameters as one side of the handshake stated them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) server_no_context_takeover: bool,
    pub(super) client_no_context_takeover: bool,
    pub(super) server_max_window_bits: Option<u8>,
    pub(super) client_max_window_bits: ClientBits,
}

/// The parameter `client_max_window_bits` (RFC 7692 §7.1.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ClientBits {
    #[default]
    Absent,
    /// Without a value, as only an offer may have it.
    Any,
    Bits(u8),
}

impl Stated {
    /// Reads the parameters of one element of Sec-WebSocket-Extensions.
    pub(super) fn parse(element: &str, found: &mut dyn FnMut(Anomaly)) -> Self {
        let mut stated = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for parameter in split_outside_quotes(element, ';').skip(1) {
            let (name, value) = match parameter.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (parameter, None),
            };
            if seen.iter().any(|earlier| earlier == name) {
                let detail = format!("{name} is there more than once");
                found(Anomaly::new(Rule::DeflateParameter, detail));
            }
            seen.push(name.to_owned());
            let mut bad = |why: &str| {
                let detail = format!("{parameter}: {why}");
                found(Anomaly::new(Rule::DeflateParameter, detail));
            };
            match (name, value) {
                ("server_no_context_takeover", None) => stated.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => stated.client_no_context_takeover = true,
                ("server_no_context_takeover" | "client_no_context_takeover", Some(_)) => {
                    bad("the parameter has no value");
                }
                ("server_max_window_bits", None) => bad("the parameter needs a value"),
                ("server_max_window_bits", Some(value)) => match window_bits(value) {
                    Some(bits) => stated.server_max_window_bits = Some(bits),
                    None => bad("not a number from 8 to 15 without leading zeros"),
                },
                ("client_max_window_bits", None) => stated.client_max_window_bits = ClientBits::Any,
                ("client_max_window_bits", Some(value)) => match window_bits(value) {
                    Some(bits) => stated.client_max_window_bits = ClientBits::Bits(bits),
                    None => bad("not a number from 8 to 15 without leading zeros"),
                },
                _ => bad("not a parameter of permessage-deflate"),
            }
        }
        stated
    }

    /// What holds for the connection when the server answered with these.
    pub(super) fn agreed(self) -> DeflateParameters {
        DeflateParameters {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: self.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS),
            client_max_window_bits: match self.client_max_window_bits {
                ClientBits::Bits(bits) => bits,
                ClientBits::Absent | ClientBits::Any => MAX_WINDOW_BITS,
            },
        }
    }

    /// Checks an answer against the offers; it must fit one of them.
    pub(super) fn check_answer(self, offers: &[Self], found: &mut dyn FnMut(Anomaly)) {
        if self.client_max_window_bits == ClientBits::Any {
            let detail = "client_max_window_bits needs a value in a response (RFC 7692 §7.1.2.2)";
            found(Anomaly::new(Rule::DeflateResponse, detail));
        }
        let complaints: Vec<_> = offers.iter().map(|offer| self.complaint(*offer)).collect();
        if complaints.contains(&None) {
            return;
        }
        if let Some(detail) = complaints.into_iter().flatten().next() {
            found(Anomaly::new(Rule::DeflateResponse, detail));
        }
    }

    /// Why this answer does not fit `offer`.
    fn complaint(self, offer: Self) -> Option<&'static str> {
        if offer.server_no_context_takeover && !self.server_no_context_takeover {
            return Some("server_no_context_takeover was offered and not accepted (§7.1.1.1)");
        }
        if let Some(offered) = offer.server_max_window_bits {
            match self.server_max_window_bits {
                None => {
                    return Some("server_max_window_bits was offered and not accepted (§7.1.2.1)");
                }
                Some(bits) if bits > offered => {
                    return Some("server_max_window_bits is larger than offered (§7.1.2.1)");
                }
                Some(_) => {}
            }
        }
        match (self.client_max_window_bits, offer.client_max_window_bits) {
            (ClientBits::Any | ClientBits::Bits(_), ClientBits::Absent) => {
                Some("client_max_window_bits was not offered (§7.1.2.2)")
            }
            (ClientBits::Bits(bits), ClientBits::Bits(offered)) if bits > offered => {
                Some("client_max_window_bits is larger than offered (§7.1.2.2)")
            }
            _ => None,
        }
    }
}

fn window_bits(value: &str) -> Option<u8> {
    let plain = !value.starts_with('0') && value.bytes().all(|b| b.is_ascii_digit());
    let bits = value.parse().ok()?;
    (plain && (8..=MAX_WINDOW_BITS).contains(&bits)).then_some(bits)
}

/// Why a message could not be inflated to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    /// The data is no DEFLATE stream.
    Invalid,
    /// The data refers to what was not captured.
    HistoryMissing,
}

/// Inflates the messages of one direction.
#[derive(Debug)]
pub struct Inflater {
    decompress: Decompress,
    /// The window goes on from message to message.
    context_takeover: bool,
    /// The window before this point of the stream is not known completely.
    history_missing: bool,
    /// The last bytes put out since the window was emptied: at least a full window of them,
    /// if there were as many.
    window: Vec<u8>,
    output: Box<[u8]>,
}

/// The largest window, 2^15 bytes. Inflating with it reads data made for any smaller one.
const WINDOW: usize = 1 << MAX_WINDOW_BITS;

/// What zlib-rs keeps per stream: its state and a window of 32 KiB, in one piece. 47,552
/// bytes in version 0.6.
const STREAM_BYTES: usize = 47 << 10;

/// Bytes put out at a time; each direction with compressed messages has a buffer of them.
const OUTPUT: usize = 8 << 10;

/// Ends each message: the empty block that its sender left out (RFC 7692 §7.2.2).
const TAIL: &[u8] = b"\x00\x00\xff\xff";

impl Inflater {
    /// An inflater with an empty window.
    pub fn new(context_takeover: bool) -> Self {
        Self {
            decompress: Decompress::new(false),
            context_takeover,
            history_missing: false,
            window: Vec::new(),
            output: vec![0; OUTPUT].into(),
        }
    }

    /// Compressed bytes were missed, or the rest of a message was given up: the window is not
    /// known from here on.
    pub fn lose_history(&mut self) {
        self.restart();
        self.history_missing = self.context_takeover;
    }

    /// Whether messages may refer to what was not captured.
    pub fn is_history_missing(&self) -> bool {
        self.history_missing
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        STREAM_BYTES + self.window.capacity() + self.output.len()
    }

    /// Inflates the next bytes of a message. `put` takes what comes out, and says whether
    /// it wants more.
    ///
    /// # Errors
    ///
    /// What came out before the error is exact; nothing more of the message can be read.
    pub fn push(
        &mut self,
        mut input: &[u8],
        put: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), InflateError> {
        loop {
            let (read_before, written_before) =
                (self.decompress.total_in(), self.decompress.total_out());
            let status = self
                .decompress
                .decompress(input, &mut self.output, FlushDecompress::None);
            let read = advanced(read_before, self.decompress.total_in());
            let written = advanced(written_before, self.decompress.total_out());
            input = &input[read.min(input.len())..];
            if written > 0 {
                self.remember(written);
                if !put(&self.output[..written]) {
                    return Ok(());
                }
            }
            match status {
                Ok(Status::StreamEnd) => {
                    // A block with BFINAL ends a stream (RFC 7692 §7.2.3.4), but not the
                    // window: what follows may refer to what was before.
                    self.decompress.reset(false);
                    let start = self.window.len().saturating_sub(WINDOW);
                    if self
                        .decompress
                        .set_dictionary(&self.window[start..])
                        .is_err()
                    {
                        return Err(InflateError::Invalid);
                    }
                }
                Ok(Status::Ok | Status::BufError) if read == 0 && written == 0 => {
                    return Ok(());
                }
                Ok(Status::Ok | Status::BufError) => {}
                Err(_) if self.history_missing => {
                    return Err(InflateError::HistoryMissing);
                }
                Err(_) => return Err(InflateError::Invalid),
            }
            if input.is_empty() && written < self.output.len() {
                return Ok(());
            }
        }
    }

    /// Ends a message.
    ///
    /// # Errors
    ///
    /// The data did not end where a message can end.
    pub fn finish(&mut self, put: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), InflateError> {
        let result = self.push(TAIL, put);
        if !self.context_takeover {
            self.restart();
        }
        result
    }

    fn restart(&mut self) {
        self.decompress.reset(false);
        self.window.clear();
    }

    /// Adds the first `written` bytes of `output` to the window.
    fn remember(&mut self, written: usize) {
        if self.window.len() > WINDOW + OUTPUT {
            self.window.drain(..self.window.len() - WINDOW);
        }
        self.window.extend_from_slice(&self.output[..written]);
        if self.window.len() >= WINDOW {
            self.history_missing = false;
        }
    }
}

fn advanced(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflate(inflater: &mut Inflater, message: &[u8]) -> Result<String, InflateError> {
        let mut out = Vec::new();
        let mut put = |piece: &[u8]| {
            out.extend_from_slice(piece);
            true
        };
        inflater.push(message, &mut put)?;
        inflater.finish(&mut put)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// The examples of RFC 7692 §7.2.3.
    const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    const HELLO_AGAIN: &[u8] = b"\xf2\x00\x11\x00\x00";
    const HELLO_STORED: &[u8] = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
    const HELLO_FINAL: &[u8] = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    const HELLO_TWO_BLOCKS: &[u8] = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";

    #[test]
    fn the_examples_of_the_specification_inflate() {
        let mut inflater = Inflater::new(true);
        for message in [
            HELLO,
            HELLO_AGAIN,
            HELLO_STORED,
            HELLO_TWO_BLOCKS,
            b"\x00",
            HELLO_FINAL,
            HELLO,
            HELLO_FINAL,
            HELLO_FINAL,
        ] {
            let expected = if message == b"\x00" { "" } else { "Hello" };
            let text = inflate(&mut inflater, message);
            assert_eq!(text.as_deref(), Ok(expected), "{}", message.escape_ascii());
        }
    }

    #[test]
    fn without_context_takeover_each_message_stands_alone() {
        let mut inflater = Inflater::new(false);
        assert_eq!(inflate(&mut inflater, HELLO).as_deref(), Ok("Hello"));
        assert_eq!(
            inflate(&mut inflater, HELLO_AGAIN),
            Err(InflateError::Invalid)
        );
    }

    #[test]
    fn a_message_that_needs_lost_history_is_never_guessed() {
        let mut inflater = Inflater::new(true);
        assert_eq!(inflate(&mut inflater, HELLO).as_deref(), Ok("Hello"));
        inflater.lose_history();
        assert_eq!(
            inflate(&mut inflater, HELLO_AGAIN),
            Err(InflateError::HistoryMissing)
        );
        inflater.lose_history();
        assert_eq!(inflate(&mut inflater, HELLO).as_deref(), Ok("Hello"));
        assert_eq!(inflate(&mut inflater, HELLO_AGAIN).as_deref(), Ok("Hello"));
    }

    #[test]
    fn a_final_block_ends_no_window() {
        let mut inflater = Inflater::new(true);
        for message in [HELLO_FINAL, HELLO_AGAIN, HELLO_FINAL, HELLO_AGAIN] {
            assert_eq!(inflate(&mut inflater, message).as_deref(), Ok("Hello"));
        }
    }

    #[test]
    fn inflating_stops_when_nobody_wants_more() {
        let zeros = {
            let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
            let mut out = Vec::with_capacity(1 << 20);
            let input = vec![0; 10 << 20];
            let done = compress.compress_vec(&input, &mut out, flate2::FlushCompress::Sync);
            assert!(done.is_ok());
            out
        };
        let mut inflater = Inflater::new(true);
        let mut taken = 0;
        let result = inflater.push(&zeros, &mut |piece| {
            taken += piece.len();
            taken < 100_000
        });
        assert_eq!(result, Ok(()));
        assert!((100_000..200_000).contains(&taken), "{taken}");
    }

    fn stated(element: &str) -> (Stated, usize) {
        let mut complaints = 0;
        let stated = Stated::parse(element, &mut |_| complaints += 1);
        (stated, complaints)
    }

    #[test]
    fn parameters_keep_to_their_grammar() {
        for (element, complaints) in [
            ("permessage-deflate", 0),
            ("permessage-deflate; client_max_window_bits", 0),
            ("permessage-deflate; server_max_window_bits=\"10\"", 0),
            ("permessage-deflate; server_max_window_bits", 1),
            ("permessage-deflate; server_max_window_bits=16", 1),
            ("permessage-deflate; server_max_window_bits=08", 1),
            ("permessage-deflate; client_max_window_bits=7", 1),
            ("permessage-deflate; server_no_context_takeover=1", 1),
            ("permessage-deflate; x=y", 1),
            (
                "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                1,
            ),
        ] {
            assert_eq!(stated(element).1, complaints, "{element}");
        }
    }

    #[test]
    fn an_answer_must_fit_an_offer() {
        let check = |offers: &[&str], answer: &str| {
            let offers: Vec<_> = offers.iter().map(|offer| stated(offer).0).collect();
            let mut complaints = 0;
            stated(answer)
                .0
                .check_answer(&offers, &mut |_| complaints += 1);
            complaints
        };
        let table: [(&[&str], &str, i32); 8] = [
            (&["x"], "x", 0),
            (
                &["x"],
                "x; server_no_context_takeover; server_max_window_bits=9",
                0,
            ),
            (&["x"], "x; client_max_window_bits=9", 1),
            (
                &["x; client_max_window_bits"],
                "x; client_max_window_bits=9",
                0,
            ),
            (
                &["x; client_max_window_bits"],
                "x; client_max_window_bits",
                1,
            ),
            (
                &["x; server_max_window_bits=10"],
                "x; server_max_window_bits=11",
                1,
            ),
            (&["x; server_max_window_bits=10"], "x", 1),
            (&["x; server_no_context_takeover", "x"], "x", 0),
        ];
        for (offers, answer, complaints) in table {
            assert_eq!(check(offers, answer), complaints, "{offers:?} {answer}");
        }
    }
}

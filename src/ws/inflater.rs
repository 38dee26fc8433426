//! Inflating for an observer (RFC 7692 §7.2).
//!
//! After missing bytes nobody knows the window that the next messages refer to, and an
//! inflater that is made to go on shows wrong text without an error. An [`Inflater`] then
//! goes on twice, from two made-up histories of which no byte is the same. DEFLATE (RFC 1951)
//! says where bytes are copied from, never what they are: both streams read and put out equal
//! lengths, and what they agree on was in the data. Where they differ, a byte of the history
//! came through, and the byte is told as [`Inflated::Unknown`]. Once a full window is known,
//! the second stream is not needed any more. What is told as known is always exact.

use flate2::{Decompress, FlushDecompress, Status};

use super::deflate::{MAX_WINDOW_BITS, Window};
use super::distance::Distances;
use super::kept::extend_up_to;

/// The data is no DEFLATE stream, or refers to what its sender may not refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InflateError;

/// A part of what a message inflates to, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inflated<'a> {
    /// The next bytes.
    Known(&'a [u8]),
    /// As many bytes that repeat what was not captured.
    Unknown(usize),
}

/// A rule that compressed data breaks although it can be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// The message still has the bytes at its end that its sender leaves out.
    Tail,
    /// The message refers to those before it where no context takeover was agreed. From it
    /// on, the window goes on from message to message: this is told once.
    ContextTakenOver,
    /// The message refers further back than the window; this is told once.
    WindowExceeded {
        /// The first distance that is too far, in bytes.
        distance: u32,
        /// The agreed window, in bytes.
        window: u32,
    },
}

/// Inflates the messages of one direction.
#[derive(Debug)]
pub struct Inflater {
    stream: Stream,
    /// The same stream with another history, while what came before is not known.
    twin: Option<Box<Stream>>,
    /// Bytes that were known one after the other, while there is a twin.
    known: usize,
    /// The window goes on from message to message.
    context_takeover: bool,
    /// Bytes put out for this message.
    put_out: u64,
    /// The last compressed bytes of this message.
    last: [u8; 4],
    /// Compressed bytes of this message.
    taken_in: u64,
    /// The first of them, at most [`MAX_INPUT`], where no context takeover was agreed.
    input: Vec<u8>,
    /// Where a window smaller than the largest was agreed, until it is exceeded.
    distances: Option<Distances>,
    breaches: Vec<Breach>,
}

/// A DEFLATE stream and what it put out last.
#[derive(Debug)]
struct Stream {
    decompress: Decompress,
    /// The last bytes put out, behind the made-up ones if there are any: at least a full
    /// window of them, if there were as many.
    window: Vec<u8>,
    output: Box<[u8]>,
}

/// What a [`Stream`] did with its input.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Step {
    /// Bytes of the input that were read.
    read: usize,
    /// Bytes that stand in its output.
    written: usize,
    then: Then,
}

/// What a [`Stream`] is ready for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// More input.
    GoesOn,
    /// A block with BFINAL ended it.
    Ended,
    /// The data is invalid.
    Failed,
}

/// The largest window, 2^15 bytes. Inflating with it reads data made for any smaller one.
const WINDOW: usize = 1 << MAX_WINDOW_BITS;

/// What zlib-rs keeps per stream: its state and a window of 32 KiB, in one piece. 47,552
/// bytes in version 0.6.
const STREAM_BYTES: usize = 47 << 10;

/// The two made-up histories consist of these bytes.
const MADE_UP: [u8; 2] = [0x00, 0xFF];

/// Bytes put out at a time; each stream has a buffer of them.
const OUTPUT: usize = 8 << 10;

/// Compressed bytes of a message that are kept where no context takeover was agreed. One
/// that refers to earlier messages does so near its start.
const MAX_INPUT: usize = 8 << 10;

/// Ends each message: the empty block that its sender left out (RFC 7692 §7.2.2).
const TAIL: [u8; 4] = *b"\x00\x00\xff\xff";

/// The same, and a whole empty block behind it.
const TAIL_AND_EMPTY_BLOCK: &[u8] = b"\x00\x00\xff\xff\x00\x00\x00\xff\xff";

impl Inflater {
    /// An inflater with an empty window.
    pub fn new(agreed: Window) -> Self {
        Self {
            stream: Stream::new(),
            twin: None,
            known: 0,
            context_takeover: agreed.context_takeover,
            put_out: 0,
            last: [0; 4],
            taken_in: 0,
            input: Vec::new(),
            distances: (agreed.bits < MAX_WINDOW_BITS).then(|| Distances::new(agreed.bits)),
            breaches: Vec::new(),
        }
    }

    /// Compressed bytes were missed, or the rest of a message was given up: the window is not
    /// known from here on.
    pub fn lose_history(&mut self) {
        self.end_message();
        self.known = 0;
        if self.context_takeover {
            self.stream.make_up(MADE_UP[0]);
            let twin = self.twin.get_or_insert_with(|| Box::new(Stream::new()));
            twin.make_up(MADE_UP[1]);
        } else {
            self.stream.window.clear();
            self.stream.decompress.reset(false);
        }
    }

    /// Whether messages may refer to what was not captured.
    pub fn is_history_missing(&self) -> bool {
        self.twin.is_some()
    }

    /// A rule that the message broke and that has not been taken.
    pub fn take_breach(&mut self) -> Option<Breach> {
        self.breaches.pop()
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let twin = self.twin.as_ref();
        self.stream.heap_bytes()
            + twin.map_or(0, |twin| size_of::<Stream>() + twin.heap_bytes())
            + self.input.capacity()
            + self.distances.as_ref().map_or(0, Distances::heap_bytes)
            + self.breaches.capacity() * size_of::<Breach>()
    }

    /// Inflates the next bytes of a message. `put` takes what comes out, and says whether
    /// it wants more.
    ///
    /// # Errors
    ///
    /// What came out before the error is as it was told; nothing more of the message can be
    /// read.
    pub fn push(
        &mut self,
        input: &[u8],
        put: &mut dyn FnMut(Inflated<'_>) -> bool,
    ) -> Result<(), InflateError> {
        self.note(input);
        self.inflate(input, put)
            .or_else(|InflateError| self.take_context_over(input, put))
    }

    /// Ends a message.
    ///
    /// # Errors
    ///
    /// The data did not end where a message can end.
    pub fn finish(&mut self) -> Result<(), InflateError> {
        // Data that ends as it may ends with bits that are 0, so never with these bytes.
        let result = if self.last == TAIL {
            self.breaches.push(Breach::Tail);
            Ok(())
        } else {
            self.take_tail()
        };
        if result.is_ok() {
            self.check_distances();
        }
        if !self.context_takeover {
            self.stream.decompress.reset(false);
        }
        self.end_message();
        result
    }

    /// Adds the bytes that the sender left out, and an empty block. Nothing comes out of them,
    /// unless the message ended inside a block, which they seem to go on with.
    fn take_tail(&mut self) -> Result<(), InflateError> {
        self.note(&TAIL);
        let before = self.put_out;
        self.inflate(TAIL_AND_EMPTY_BLOCK, &mut |_| true)?;
        if self.put_out > before {
            return Err(InflateError);
        }
        Ok(())
    }

    fn end_message(&mut self) {
        self.put_out = 0;
        self.last = [0; 4];
        self.taken_in = 0;
        self.input.clear();
        if let Some(distances) = &mut self.distances {
            distances.restart();
        }
    }

    /// Takes note of compressed bytes for what is judged beside inflating.
    fn note(&mut self, input: &[u8]) {
        if let Some(end) = input.last_chunk() {
            self.last = *end;
        } else {
            let both = [&self.last, input].concat();
            self.last.copy_from_slice(&both[input.len()..]);
        }
        if let Some(distances) = &mut self.distances {
            distances.push(input);
        }
        self.taken_in += input.len() as u64;
        if !self.context_takeover {
            extend_up_to(&mut self.input, input, MAX_INPUT);
        }
    }

    /// A message that can be inflated is DEFLATE data, so its distances are what they are.
    fn check_distances(&mut self) {
        let Some(distances) = &self.distances else {
            return;
        };
        if let Some(distance) = distances.exceeded() {
            let window = distances.window();
            self.breaches
                .push(Breach::WindowExceeded { distance, window });
            self.distances = None;
        }
    }

    /// Where no context takeover was agreed and a message cannot be inflated by itself:
    /// inflates it with the window of those before it, if that gets beyond what failed.
    /// `newest` are the last bytes that came.
    fn take_context_over(
        &mut self,
        newest: &[u8],
        put: &mut dyn FnMut(Inflated<'_>) -> bool,
    ) -> Result<(), InflateError> {
        let own = usize::try_from(self.put_out).unwrap_or(usize::MAX);
        let stream = &mut self.stream;
        let before = stream.window.len().saturating_sub(own);
        let history = last(&stream.window[..before], WINDOW);
        if self.context_takeover
            || history.is_empty()
            || !gets_beyond(self.put_out, history, &self.input, &mut stream.output)
        {
            return Err(InflateError);
        }
        stream.window.truncate(before);
        stream.go_on(WINDOW)?;
        self.context_takeover = true;
        self.breaches.push(Breach::ContextTakenOver);
        let input = std::mem::take(&mut self.input);
        let behind = advanced(input.len() as u64, self.taken_in);
        // What it begins with was put out already. There was no takeover, so no twin, and all
        // is known.
        let (mut known, mut wanted) = (own, true);
        self.inflate(&input, &mut |piece| {
            let Inflated::Known(bytes) = piece else {
                return true;
            };
            let skipped = known.min(bytes.len());
            known -= skipped;
            wanted = skipped == bytes.len() || put(Inflated::Known(&bytes[skipped..]));
            wanted
        })?;
        if wanted {
            self.inflate(last(newest, behind), put)?;
        }
        Ok(())
    }

    fn inflate(
        &mut self,
        mut input: &[u8],
        put: &mut dyn FnMut(Inflated<'_>) -> bool,
    ) -> Result<(), InflateError> {
        loop {
            let step = self.stream.step(input);
            if let Some(twin) = &mut self.twin
                && twin.step(input) != step
            {
                return Err(InflateError);
            }
            input = &input[step.read.min(input.len())..];
            self.put_out += step.written as u64;
            let wanted = step.written == 0 || self.put(step.written, put);
            if self.known == WINDOW {
                self.twin = None;
            }
            if !wanted {
                return Ok(());
            }
            match step.then {
                Then::Ended => {
                    // A block with BFINAL ends a stream (RFC 7692 §7.2.3.4), but not the
                    // window: what follows may refer to what was before.
                    let reach = self.reach();
                    self.stream.go_on(reach)?;
                    if let Some(twin) = &mut self.twin {
                        twin.go_on(reach)?;
                    }
                }
                Then::GoesOn if step.read == 0 && step.written == 0 => return Ok(()),
                Then::GoesOn => {}
                Then::Failed => return Err(InflateError),
            }
            if input.is_empty() && step.written < OUTPUT {
                return Ok(());
            }
        }
    }

    /// Hands the first `written` bytes of the output on; says whether more is wanted.
    fn put(&mut self, written: usize, put: &mut dyn FnMut(Inflated<'_>) -> bool) -> bool {
        let mut left = &self.stream.output[..written];
        let Some(twin) = &self.twin else {
            return put(Inflated::Known(left));
        };
        let mut others = &twin.output[..written];
        while !left.is_empty() {
            let is_known = left[0] == others[0];
            let pairs = left.iter().zip(others);
            let len = pairs.take_while(|(a, b)| (a == b) == is_known).count();
            let (run, rest) = left.split_at(len);
            (left, others) = (rest, &others[len..]);
            let wanted = if is_known {
                self.known = (self.known + len).min(WINDOW);
                put(Inflated::Known(run))
            } else {
                self.known = 0;
                put(Inflated::Unknown(len))
            };
            if !wanted {
                return false;
            }
        }
        true
    }

    /// How far back the message may refer from where it is.
    fn reach(&self) -> usize {
        match usize::try_from(self.put_out) {
            Ok(own) if !self.context_takeover => own.min(WINDOW),
            _ => WINDOW,
        }
    }
}

impl Stream {
    /// A stream with an empty window.
    fn new() -> Self {
        Self {
            decompress: Decompress::new(false),
            window: Vec::new(),
            output: vec![0; OUTPUT].into(),
        }
    }

    /// Begins anew behind a full window of one byte.
    fn make_up(&mut self, byte: u8) {
        self.window.clear();
        self.window.resize(WINDOW, byte);
        self.decompress.reset(false);
        // It refuses a window only in the middle of a stream.
        let _ = self.decompress.set_dictionary(&self.window);
    }

    /// Begins anew behind the last `reach` bytes of the window.
    fn go_on(&mut self, reach: usize) -> Result<(), InflateError> {
        self.decompress.reset(false);
        let history = last(&self.window, reach);
        let set = self.decompress.set_dictionary(history);
        set.map(drop).map_err(|_| InflateError)
    }

    /// Inflates as much as goes into the output, and adds it to the window.
    fn step(&mut self, input: &[u8]) -> Step {
        let decompress = &mut self.decompress;
        let (read_before, written_before) = (decompress.total_in(), decompress.total_out());
        let status = decompress.decompress(input, &mut self.output, FlushDecompress::None);
        let step = Step {
            read: advanced(read_before, decompress.total_in()),
            written: advanced(written_before, decompress.total_out()),
            then: match status {
                Ok(Status::StreamEnd) => Then::Ended,
                Ok(Status::Ok | Status::BufError) => Then::GoesOn,
                Err(_) => Then::Failed,
            },
        };
        self.remember(step.written);
        step
    }

    /// Adds the first `written` bytes of the output to the window.
    fn remember(&mut self, written: usize) {
        if self.window.len() > WINDOW + OUTPUT {
            self.window.drain(..self.window.len() - WINDOW);
        }
        self.window.extend_from_slice(&self.output[..written]);
    }

    fn heap_bytes(&self) -> usize {
        STREAM_BYTES + self.window.capacity() + self.output.len()
    }
}

/// Whether `input` inflates to more than `known` bytes with the window `history`.
fn gets_beyond(known: u64, history: &[u8], mut input: &[u8], output: &mut [u8]) -> bool {
    let mut decompress = Decompress::new(false);
    if decompress.set_dictionary(history).is_err() {
        return false;
    }
    loop {
        let (read_before, written_before) = (decompress.total_in(), decompress.total_out());
        let status = decompress.decompress(input, output, FlushDecompress::None);
        let read = advanced(read_before, decompress.total_in());
        let written = advanced(written_before, decompress.total_out());
        input = &input[read.min(input.len())..];
        if decompress.total_out() > known {
            return true;
        }
        let goes_on = matches!(status, Ok(Status::Ok | Status::BufError));
        if !goes_on || read == 0 && written == 0 {
            return false;
        }
    }
}

/// The last bytes of `bytes`, at most `count`.
fn last(bytes: &[u8], count: usize) -> &[u8] {
    &bytes[bytes.len().saturating_sub(count)..]
}

fn advanced(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    fn inflate(inflater: &mut Inflater, message: &[u8]) -> Result<String, InflateError> {
        let mut out = Vec::new();
        let mut put = put_into(&mut out);
        inflater.push(message, &mut put)?;
        drop(put);
        inflater.finish()?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Appends what comes out, with `?` for what is not known.
    fn put_into(out: &mut Vec<u8>) -> impl FnMut(Inflated<'_>) -> bool {
        |piece| {
            match piece {
                Inflated::Known(bytes) => out.extend_from_slice(bytes),
                Inflated::Unknown(len) => out.resize(out.len() + len, b'?'),
            }
            true
        }
    }

    /// A message that a peer makes of `text`.
    fn deflate(compress: &mut Compress, text: &[u8]) -> Vec<u8> {
        let mut message = Vec::with_capacity(text.len() + 100);
        let done = compress.compress_vec(text, &mut message, FlushCompress::Sync);
        assert!(done.is_ok());
        message.truncate(message.len() - TAIL.len());
        message
    }

    /// Each message starts with an empty window.
    const ALONE: Window = Window {
        context_takeover: false,
        bits: MAX_WINDOW_BITS,
    };

    /// The examples of RFC 7692 §7.2.3.
    const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    const HELLO_AGAIN: &[u8] = b"\xf2\x00\x11\x00\x00";
    const HELLO_STORED: &[u8] = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
    const HELLO_FINAL: &[u8] = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    const HELLO_TWO_BLOCKS: &[u8] = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";

    #[test]
    fn the_examples_of_the_specification_inflate() {
        let mut inflater = Inflater::new(Window::default());
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
        let mut inflater = Inflater::new(ALONE);
        for message in [HELLO, HELLO_FINAL, HELLO_STORED, HELLO] {
            assert_eq!(inflate(&mut inflater, message).as_deref(), Ok("Hello"));
        }
        assert_eq!(inflater.take_breach(), None);
        assert_eq!(inflate(&mut inflater, b"\x07"), Err(InflateError));
        inflater.lose_history();
        assert_eq!(inflate(&mut inflater, HELLO_AGAIN), Err(InflateError));
        assert_eq!(inflater.take_breach(), None);
    }

    #[test]
    fn a_context_that_is_taken_over_against_the_agreement_is_told_once_and_followed() {
        let mut inflater = Inflater::new(ALONE);
        let mut compress = Compress::new(Compression::best(), false);
        for round in 0..4 {
            let text = format!(
                "{round} {}",
                "not so many different words ".repeat(round + 1)
            );
            let message = deflate(&mut compress, text.as_bytes());
            let mut out = Vec::new();
            let mut put = put_into(&mut out);
            for byte in &message {
                assert_eq!(inflater.push(&[*byte], &mut put), Ok(()));
            }
            drop(put);
            assert_eq!(inflater.finish(), Ok(()));
            assert_eq!(String::from_utf8_lossy(&out), text);
            let told = (round == 1).then_some(Breach::ContextTakenOver);
            assert_eq!(inflater.take_breach(), told, "{round}");
        }
    }

    #[test]
    fn any_message_is_judged_alike_however_it_is_cut() {
        let judged = |message: &[u8], size: usize| {
            let mut inflater = Inflater::new(ALONE);
            assert_eq!(inflate(&mut inflater, HELLO).as_deref(), Ok("Hello"));
            let mut out = Vec::new();
            let mut put = put_into(&mut out);
            let mut pieces = message.chunks(size);
            let pushed = pieces.try_for_each(|piece| inflater.push(piece, &mut put));
            drop(put);
            let result = pushed.and_then(|()| inflater.finish());
            (out, result, inflater.take_breach())
        };
        let (mut state, mut taken_over) = (1_u32, 0);
        for len in (2..40).cycle().take(3_000) {
            let mut message = Vec::new();
            while message.len() < len {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                message.push(state.to_be_bytes()[0]);
            }
            // A block with fixed codes, so that the bytes mean something.
            message[0] = message[0] & !7 | 2;
            let whole = judged(&message, message.len());
            taken_over += u32::from(whole.2 == Some(Breach::ContextTakenOver));
            for size in [1, 2, 5] {
                assert_eq!(judged(&message, size), whole, "{message:x?}");
            }
        }
        assert!(taken_over > 0);
    }

    #[test]
    fn a_tail_that_was_not_left_out_is_told_and_does_no_harm() {
        let mut inflater = Inflater::new(Window::default());
        for (message, breach) in [
            (HELLO.to_vec(), None),
            ([HELLO, &TAIL].concat(), Some(Breach::Tail)),
            (HELLO_AGAIN.to_vec(), None),
            ([HELLO_AGAIN, &TAIL].concat(), Some(Breach::Tail)),
            (HELLO_AGAIN.to_vec(), None),
        ] {
            assert_eq!(inflate(&mut inflater, &message).as_deref(), Ok("Hello"));
            assert_eq!(inflater.take_breach(), breach);
        }
    }

    #[test]
    fn a_distance_beyond_the_window_is_told_once_and_inflated_all_the_same() {
        let text = "0123456789abcdef".repeat(40);
        let numbers: Vec<_> = (0..300).map(|number| format!("{number:04}")).collect();
        let long = numbers.join(",") + ",";
        let mut inflater = Inflater::new(Window {
            bits: 9,
            ..Window::default()
        });
        let mut compress = Compress::new(Compression::best(), false);
        let exceeded = Breach::WindowExceeded {
            distance: 1_500,
            window: 512,
        };
        for (text, breach) in [
            (&text, None),
            (&long, None),
            (&long, Some(exceeded)),
            (&long, None),
        ] {
            let message = deflate(&mut compress, text.as_bytes());
            assert_eq!(inflate(&mut inflater, &message).as_ref(), Ok(text));
            assert_eq!(inflater.take_breach(), breach);
        }
    }

    #[test]
    fn of_lost_history_nothing_is_guessed() {
        let mut inflater = Inflater::new(Window::default());
        assert_eq!(inflate(&mut inflater, HELLO).as_deref(), Ok("Hello"));
        inflater.lose_history();
        // It says itself that it begins with "H", and repeats the rest.
        assert_eq!(inflate(&mut inflater, HELLO_AGAIN).as_deref(), Ok("H????"));
        assert_eq!(inflate(&mut inflater, HELLO_FINAL).as_deref(), Ok("Hello"));
        assert_eq!(inflate(&mut inflater, HELLO_AGAIN).as_deref(), Ok("Hello"));
        assert!(inflater.is_history_missing());
    }

    #[test]
    fn after_a_loss_each_byte_is_right_or_unknown_until_a_window_is_known() {
        let mut inflater = Inflater::new(Window::default());
        let mut compress = Compress::new(Compression::best(), false);
        let (mut state, mut unknown) = (7_u32, 0);
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for round in 0..300 {
            // What repeats, near and far, and what does not.
            let parts: Vec<_> = (0..40)
                .map(|_| format!("{{\"key\":{},\"other\":\"{:x}\"}}", random() % 50, random()))
                .collect();
            let text = parts.concat();
            let message = deflate(&mut compress, text.as_bytes());
            if round == 20 {
                inflater.lose_history();
                continue;
            }
            let out = inflate(&mut inflater, &message).unwrap_or_default();
            assert_eq!(out.len(), text.len(), "{round}");
            let pairs = || out.bytes().zip(text.bytes());
            assert!(pairs().all(|(out, was)| out == was || out == b'?'), "{out}");
            let missing = pairs().filter(|(out, _)| *out == b'?').count();
            assert!(missing == 0 || inflater.is_history_missing());
            unknown += missing;
        }
        assert!(unknown > 0);
        // A key that was never told anew is never known.
        assert!(inflater.is_history_missing());
    }

    #[test]
    fn one_window_of_known_bytes_ends_the_doubt() {
        let mut inflater = Inflater::new(Window::default());
        inflater.lose_history();
        let mut compress = Compress::new(Compression::none(), false);
        let message = deflate(&mut compress, &vec![b'x'; WINDOW - 1]);
        assert!(inflate(&mut inflater, &message).is_ok());
        assert!(inflater.is_history_missing());
        let message = deflate(&mut compress, b"x");
        assert_eq!(inflate(&mut inflater, &message).as_deref(), Ok("x"));
        assert!(!inflater.is_history_missing());
    }

    #[test]
    fn a_message_that_ends_inside_a_block_is_invalid() {
        for message in [HELLO, HELLO_STORED, HELLO_FINAL, HELLO_TWO_BLOCKS] {
            for len in 1..message.len() - 1 {
                let mut inflater = Inflater::new(Window::default());
                let mut out = Vec::new();
                let mut put = put_into(&mut out);
                assert_eq!(inflater.push(&message[..len], &mut put), Ok(()));
                drop(put);
                assert!(b"Hello".starts_with(&out), "{len}: {}", out.escape_ascii());
                let ends_early = out.len() < b"Hello".len();
                // A block ends here, so a message may.
                let two = HELLO_TWO_BLOCKS;
                let is_boundary = [&HELLO_STORED[..1], &two[..4], &two[..8]];
                let is_boundary = is_boundary.contains(&&message[..len]);
                let result = inflater.finish();
                assert!(result.is_err() || !ends_early || is_boundary, "{len}");
            }
        }
    }

    #[test]
    fn a_final_block_ends_no_window() {
        let mut inflater = Inflater::new(Window::default());
        for message in [HELLO_FINAL, HELLO_AGAIN, HELLO_FINAL, HELLO_AGAIN] {
            assert_eq!(inflate(&mut inflater, message).as_deref(), Ok("Hello"));
        }
    }

    #[test]
    fn inflating_stops_when_nobody_wants_more() {
        let mut compress = Compress::new(Compression::best(), false);
        let zeros = deflate(&mut compress, &vec![0; 10 << 20]);
        let mut inflater = Inflater::new(Window::default());
        let mut taken = 0;
        let result = inflater.push(&zeros, &mut |piece| {
            taken += match piece {
                Inflated::Known(bytes) => bytes.len(),
                Inflated::Unknown(len) => len,
            };
            taken < 100_000
        });
        assert_eq!(result, Ok(()));
        assert!((100_000..200_000).contains(&taken), "{taken}");
    }
}

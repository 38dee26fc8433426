//! Expectations: what has to be true of the figures of a capture.
//!
//! An [`Expectation`] is written in the grammar of [display filters](crate::filter), over names
//! of the figures of a whole capture where a filter has fields of events. [`ExpectationNames`]
//! lists them.
//!
//! | written | expects |
//! | --- | --- |
//! | `connections == 1` | this number |
//! | `messages.client >= 3 and anomalies.error == 0` | both |
//! | `close.code in {1000, "Going Away"}` | that every connection closed with one of these |
//! | `any close.code == 1000` | that one did |
//! | `connections == 0 or close.clean == true` | that, or no connection at all |
//! | `handshake.max_ms < 50`, `rtt.p99_ms < 1s` | milliseconds, or a unit of its own |
//! | `target == "/chat"`, `url matches "/chat$"` | text |
//! | `subprotocol`, `not subprotocol` | that one was chosen on some connection, or on none |
//! | `count(close.code) == 3` | how many values there are |
//! | `messages.client == messages.server` | that both are the same |
//! | `anomalies.wrong-accept == 0` | how often a rule was broken |
//!
//! An expectation must not pass by mistake. Therefore it differs from a filter in this:
//!
//! - A comparison has to hold for **all** values, of every connection, whatever its operator:
//!   `==`, `!=`, `<`, `in`, `not in`, `contains`, `matches`. With `any` in front one is enough,
//!   and so it is for `any_eq` and `any_ne` (`~=`, `!==`).
//! - What the capture does not tell is **unknown**, and so is what depends on it: `not` of it,
//!   `and` of it unless the rest is false, `or` of it unless the rest is true. A name is
//!   unknown that has no value (`close.code` without a Close frame, `rtt.max_ms` without a
//!   Pong), or that has none for a connection that should have one: then a value that is
//!   there may decide, but nothing holds for all. Of subprotocol, extension and close, those
//!   are the connections that were upgraded.
//! - A name alone asks whether it has a value, on whatever connection, and is known, as
//!   `count()` is. Names of which the answer would be no news are refused alone: those that
//!   always have a value, and `close.clean`, which would be taken for its value.
//! - Text is compared with text only, so that `close.reason == end` needs no quotes.
//! - The empty expression is an error.
//!
//! Codes are those that were sent: a Close frame without a code has none. Numbers of the whole
//! capture are exact, however much it holds, but for the median and the 99th percentile of more
//! than 256 times ([`Times::percentile`](crate::report::Times::percentile)). Values of
//! connections are kept up to [`Figures::MAX_CONNECTIONS`] and [`Figures::MAX_TEXT_BYTES`]; what
//! lies beyond is unknown. The rules that only a check judges are unknown until
//! [`Figures::add_findings`].
//!
//! # Names
//!
//! | of | names |
//! | --- | --- |
//! | the capture | `packets`, `bytes`, `tcp.connections`, `tls.connections`, `missing.bytes`, `retransmissions` |
//! | connections with WebSocket | `connections`; by upgrade `connections.upgraded`, `.refused`, `.unanswered`; by end `connections.fin` (of these `.clean`), `.rst`, `.open` |
//! | what was sent, each also `.client`, `.server` | `messages`, `frames`, `payload.bytes`, `pings`, `pongs`, `closes` |
//! | messages | `messages.text`, `.binary`, `.incomplete`, `.compressed`; `message.max_length`, `.min_length`; `compression.percent` |
//! | each connection | `url`, `target`, `status`, `end` |
//! | each that was upgraded | `subprotocol`, `extension`, `close.code`, `close.reason`, `close.initiator`, `close.clean` |
//! | times, each `.max_ms`, `.min_ms`, `.median_ms`, `.p99_ms` | `handshake` (TCP), `upgrade` (request to 101), `rtt` (Ping to Pong), `duration` |
//! | broken rules | `anomalies`, `anomalies.error`, `.warning`, `.note`, `anomalies.RULE` |

use std::fmt;
use std::str::FromStr;

use crate::Summary;
use crate::filter::{FilterSyntaxError, Question, figure_rows};
use crate::report::Figures;

/// What has to be true of the figures of a capture.
///
/// ```
/// use wsdump::check::{Expectation, Verdict};
/// use wsdump::report::Figures;
/// use wsdump::{Analyzer, Config, capture};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut figures = Figures::default();
/// let mut source = capture::open("testdata/chat.pcap".as_ref())?;
/// let mut analyzer = Analyzer::new(Config::default());
/// while let Some(packet) = source.next_packet()? {
///     analyzer.push(&packet, &mut figures);
/// }
/// analyzer.finish(&mut figures);
/// let summary = analyzer.summary();
///
/// let expectation = Expectation::parse("messages == 3 and close.code == 1001")?;
/// assert_eq!(expectation.judge(&figures, &summary), Verdict::Fails);
/// let values = ["messages is 3", "close.code is 1000"];
/// assert_eq!(expectation.values(&figures, &summary), values);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Expectation {
    expression: String,
    question: Question,
}

/// What a capture says to an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not hold.
    Fails,
    /// The capture does not tell, for want of values of these names.
    Unanswered(Vec<String>),
}

impl Expectation {
    /// Understands an expression.
    ///
    /// # Errors
    ///
    /// What cannot be understood, and where. The empty expression is an error.
    pub fn parse(expression: &str) -> Result<Self, FilterSyntaxError> {
        let question = Question::parse(expression)?;
        let expression = expression.to_owned();
        Ok(Self {
            expression,
            question,
        })
    }

    /// Whether it holds for a capture.
    pub fn judge(&self, figures: &Figures, summary: &Summary) -> Verdict {
        let answer = self.question.answer(figures, summary);
        match answer.is_true {
            Some(true) => Verdict::Holds,
            Some(false) => Verdict::Fails,
            None => Verdict::Unanswered(answer.unknown),
        }
    }

    /// Whether it asks for this name.
    pub fn asks_for(&self, name: &str) -> bool {
        self.question.asks_for(name)
    }

    /// What each of its names is in a capture, in the order of the expression, a line each:
    /// `connections is 3`, `close.code is 1000, 1006; 2 connections have none`.
    ///
    /// Of a name, ten different values are shown at most, and of a value 100 characters. Lines
    /// may hold text from the network: printers escape them.
    pub fn values(&self, figures: &Figures, summary: &Summary) -> Vec<String> {
        self.question.values(figures, summary)
    }
}

impl FromStr for Expectation {
    type Err = FilterSyntaxError;

    fn from_str(expression: &str) -> Result<Self, Self::Err> {
        Self::parse(expression)
    }
}

/// The expression as it was written.
impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expression)
    }
}

/// Shows every name on a line of its own: name, type, description.
///
/// The columns are aligned by blanks and there is nothing else, so that grep and awk can
/// read it.
#[derive(Clone, Copy, Debug)]
pub struct ExpectationNames;

impl fmt::Display for ExpectationNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        figure_rows().fmt(f)
    }
}

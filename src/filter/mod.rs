//! Display filters: Wireshark's grammar, with its names of fields, over events.
//!
//! A [`Filter`] chooses events after they were decoded, so that it never changes what is
//! decoded. What it looks at is one [`Event`], where Wireshark looks at a whole packet: two
//! messages in one packet are judged each for itself.
//!
//! | written | is true of |
//! | --- | --- |
//! | `websocket` | what has that field |
//! | `tcp.port == 80`, `eq`, `<`, `<=`, `>`, `>=` | what has a value that does |
//! | `tcp.port != 80`, `ne` | what has the field, and no value is that |
//! | `===` `all_eq`, `~=` `any_ne`, `any …`, `all …` | whether any value has to do or all |
//! | `tcp.port in {80, 8000..8100}`, `not in` | what has a value among these |
//! | `http.host contains "example"` | what has it as a part; case matters |
//! | `http.host matches "^ex.*e$"` | a regular expression; case does not matter |
//! | `tcp.flags & 0x12`, `ip.src & 255.0.0.0 == 10.0.0.0` | bits |
//! | `a < b < c` | both comparisons |
//! | `not`, `!`, `and`, `&&`, `or`, `\|\|`, `( )` | in this order of strength |
//!
//! A literal is read as the type of its field: numbers (`80`, `0x50`, `0b1`, octal `0120`,
//! `'P'`), `true` and `false`, seconds (`0.05`, `50ms`), times, addresses and networks
//! (`10.0.0.0/8`), bytes (`68:65:6c`), text (`"…"` with the escapes of C, `r"…"` without).
//! `field[0:4]` is a part of a value (offset:length; also `[1-3]`, `[2]`, `[:4]`, `[-2:]`,
//! several with commas), and `len()`, `count()`, `lower()`, `upper()` are functions.
//!
//! [`fields`] lists the fields. Where wsdump knows more than Wireshark's dissector, the value
//! is what was sent: `websocket.payload_length` is the length, not its first seven bits, and
//! `websocket.payload` is unmasked and inflated.
//!
//! The same grammar asks for the figures of a whole capture in
//! [expectations](crate::check::expectation).

mod ast;
mod error;
mod eval;
mod field;
mod lexer;
mod list;
mod literal;
mod namespace;
mod operand;
mod parser;
mod question;
mod shown;
mod value;

use std::str::FromStr;

use crate::event::{Event, OtherPacket};
use field::Subject;
use namespace::Namespace;

pub use error::FilterSyntaxError;
pub use field::{FAMILIES, Field, fields};
pub use list::FieldList;
pub(crate) use list::figure_rows;
pub(crate) use parser::reason as regex_reason;
pub(crate) use question::Question;
pub use value::{FieldType, Names};

/// A display filter.
///
/// ```
/// use wsdump::filter::Filter;
/// use wsdump::event::Event;
/// use wsdump::{Analyzer, Config, capture};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let filter = Filter::parse("websocket.payload.text contains \"hello\" and websocket.mask == 1")?;
/// let mut packets = Vec::new();
/// let mut sink = |event: &Event<'_>| {
///     if filter.matches(event) {
///         packets.push(event.at.packet);
///     }
/// };
/// let mut source = capture::open("testdata/chat.pcap".as_ref())?;
/// let mut analyzer = Analyzer::new(Config::default());
/// while let Some(packet) = source.next_packet()? {
///     analyzer.push(&packet, &mut sink);
/// }
/// analyzer.finish(&mut sink);
/// // The frame, and the message that it is.
/// assert_eq!(packets, [10, 10]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Filter {
    parsed: parser::Parsed,
}

impl Filter {
    /// Understands an expression. The empty one is true of everything.
    ///
    /// # Errors
    ///
    /// What cannot be understood, and where.
    pub fn parse(expression: &str) -> Result<Self, FilterSyntaxError> {
        let parsed = parser::parse(expression, Namespace::Events)?;
        Ok(Self { parsed })
    }

    /// Whether it is true of an event.
    pub fn matches(&self, event: &Event<'_>) -> bool {
        self.is_true(|| Subject::event(event))
    }

    /// Whether it is true of a packet that is not TCP.
    pub fn matches_other(&self, packet: &OtherPacket) -> bool {
        self.is_true(|| Subject::other(packet))
    }

    fn is_true<'s>(&self, subject: impl FnOnce() -> Subject<'s>) -> bool {
        let test = self.parsed.test.as_ref();
        test.is_none_or(|test| test.is_true(&subject()))
    }

    /// Whether it asks for a field that is part of a payload. What is not kept of a payload
    /// ([`Limits::max_message_bytes`](crate::Limits)) it cannot see.
    pub fn needs_payload(&self) -> bool {
        self.parsed.needs_payload
    }
}

impl FromStr for Filter {
    type Err = FilterSyntaxError;

    fn from_str(expression: &str) -> Result<Self, Self::Err> {
        Self::parse(expression)
    }
}

//! Parameters of permessage-deflate (RFC 7692 §7.1).

use crate::anomaly::{Anomaly, Rule};
use crate::flow::Direction;
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

impl DeflateParameters {
    /// What was agreed for the window of the messages that `sender` compresses.
    pub fn window(&self, sender: Direction) -> Window {
        let (no_takeover, bits) = match sender {
            Direction::ClientToServer => {
                (self.client_no_context_takeover, self.client_max_window_bits)
            }
            Direction::ServerToClient => {
                (self.server_no_context_takeover, self.server_max_window_bits)
            }
        };
        Window {
            context_takeover: !no_takeover,
            bits,
        }
    }
}

/// What was agreed for the window of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// It goes on from message to message; else each message starts with an empty one
    /// (RFC 7692 §7.1.1).
    pub context_takeover: bool,
    /// Base-2 logarithm of its size, 8 to 15 (RFC 7692 §7.1.2).
    pub bits: u8,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            context_takeover: true,
            bits: MAX_WINDOW_BITS,
        }
    }
}

/// Those of the largest window.
pub(super) const MAX_WINDOW_BITS: u8 = 15;

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

#[cfg(test)]
mod tests {
    use super::*;

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

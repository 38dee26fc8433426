//! Rules that traffic can break, each with a stable name.
//!
//! An [`Anomaly`] is output, not an error: the layer that sees a rule broken says so
//! and goes on decoding. The name of a [`Rule`] is a contract: scripts match on it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::near::nearest;

/// One broken rule, with what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The rule that was broken.
    pub rule: Rule,
    /// What was found and, where it helps, what was expected. May hold text from the
    /// network: printers escape it.
    pub detail: Cow<'static, str>,
}

impl Anomaly {
    /// An anomaly with the details of this case.
    pub fn new(rule: Rule, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            rule,
            detail: detail.into(),
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match &self.detail {
            Cow::Borrowed(_) => 0,
            Cow::Owned(detail) => detail.capacity(),
        }
    }
}

/// How much a broken rule matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong with the peers.
    Note,
    /// A recommendation broken, or something that often goes wrong later.
    Warning,
    /// A requirement of the specification broken.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! rules {
    ($($variant:ident $name:literal $severity:ident $reference:literal $explanation:literal)*) => {
        /// A rule that traffic can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $explanation] #[doc = ""] #[doc = concat!("Specified in ", $reference, ".")] $variant,)*
        }

        impl Rule {
            /// [`Rule::reference`] of the rules that are wsdump's own.
            pub const OWN: &'static str = "wsdump";

            /// Every rule, in the order of the specifications.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Stable kebab-case name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How much breaking it matters.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Whether it is judged over whole connections, by [`check`](crate::check) alone:
            /// no [`Anomaly`] names it.
            pub fn is_of_check(self) -> bool {
                self >= Self::RepeatedKey
            }

            /// Document and paragraph that state the rule; `wsdump` for its own limits.
            pub fn reference(self) -> &'static str {
                match self { $(Self::$variant => $reference,)* }
            }

            /// The rule in one sentence.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation,)* }
            }
        }
    };
}

impl FromStr for Rule {
    type Err = String;

    /// The rule of a name; else an error that suggests the nearest one.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if let Some(rule) = Self::ALL.iter().find(|rule| rule.name() == name) {
            return Ok(*rule);
        }
        Err(
            match nearest(name, Self::ALL.iter().map(|rule| rule.name())) {
                Some(near) => format!("there is no rule {name}; did you mean {near}?"),
                None => format!("there is no rule {name}; wsdump check --rules lists them"),
            },
        )
    }
}

rules! {
    // TCP
    ConflictingOverlap "conflicting-overlap" Warning "RFC 9293 §3.10.7.4"
        "A byte of the stream was sent twice with different values; the first is shown."

    // HTTP
    MalformedHead "malformed-head" Error "RFC 9112 §2"
        "The head of an HTTP message does not follow the grammar."
    BareLineFeed "bare-line-feed" Warning "RFC 9112 §2.2"
        "Lines of a head end with CRLF; a lone LF is only tolerated."
    ContentIn101 "content-in-101" Error "RFC 9110 §8.6"
        "A 1xx response has no content, so no Content-Length or Transfer-Encoding."
    UnexpectedResponse "unexpected-response" Warning "RFC 9112 §9.2"
        "A response came that no request asked for."

    // Opening handshake, client
    RequestMethod "request-method" Error "RFC 6455 §4.1"
        "The method of the request is GET."
    RequestTarget "request-target" Error "RFC 6455 §4.1"
        "The request target is a path, or an absolute http or https URI."
    TargetFragment "target-fragment" Error "RFC 6455 §3"
        "The request target has no fragment: a `#` in it is written `%23`."
    RequestVersion "request-http-version" Error "RFC 6455 §4.1"
        "The request's HTTP version is at least 1.1."
    MissingHost "missing-host" Error "RFC 6455 §4.1"
        "The request has exactly one Host header."
    RequestUpgrade "request-upgrade" Error "RFC 6455 §4.1"
        "The request's Upgrade header includes the token `websocket`."
    RequestConnection "request-connection" Error "RFC 6455 §4.1"
        "The request's Connection header includes the token `Upgrade`."
    MissingKey "missing-key" Error "RFC 6455 §4.1"
        "The request has a Sec-WebSocket-Key header."
    BadKey "bad-key" Error "RFC 6455 §4.1"
        "Sec-WebSocket-Key is 16 bytes in base64."
    RepeatedHeader "repeated-header" Error "RFC 6455 §11.3"
        "This header appears at most once in a handshake message."
    UnsupportedVersion "unsupported-version" Error "RFC 6455 §4.1"
        "Sec-WebSocket-Version is present and is 13."
    MalformedSubprotocol "malformed-subprotocol" Error "RFC 6455 §4.1"
        "The subprotocols that the client offers are tokens, each a different one."
    DataBeforeHandshake "data-before-handshake" Error "RFC 6455 §4.1"
        "The client sends no frame before the server has accepted the handshake."

    // Opening handshake, server
    ResponseUpgrade "response-upgrade" Error "RFC 6455 §4.1"
        "A 101 response has an Upgrade header with the value `websocket`."
    ResponseConnection "response-connection" Error "RFC 6455 §4.1"
        "A 101 response has a Connection header with the token `Upgrade`."
    MissingAccept "missing-accept" Error "RFC 6455 §4.1"
        "A 101 response has a Sec-WebSocket-Accept header."
    WrongAccept "wrong-accept" Error "RFC 6455 §4.2.2"
        "Sec-WebSocket-Accept is the base64 of the SHA-1 of the key followed by the GUID."
    SubprotocolNotOffered "subprotocol-not-offered" Error "RFC 6455 §4.1"
        "The server chooses a subprotocol among those the client offered."
    ExtensionNotOffered "extension-not-offered" Error "RFC 6455 §4.1"
        "The server accepts only extensions that the client offered."
    MalformedExtension "malformed-extension" Error "RFC 6455 §9.1"
        "Sec-WebSocket-Extensions follows its grammar."
    AcceptedBadRequest "accepted-bad-request" Error "RFC 6455 §4.2.1"
        "A server accepts only an opening handshake that has all that it must have."
    MissingVersion "missing-version" Error "RFC 6455 §4.4"
        "A server that refuses a version says in Sec-WebSocket-Version which it supports."
    ResponseVersion "response-http-version" Warning "RFC 9110 §15.2"
        "A 101 response is HTTP/1.1; HTTP/1.0 has no 1xx status."
    UnansweredUpgrade "unanswered-upgrade" Warning "RFC 6455 §4.1"
        "The connection ended before the upgrade request was answered."

    // permessage-deflate negotiation
    DeflateParameter "deflate-parameter" Error "RFC 7692 §7.1"
        "permessage-deflate has only its four parameters, each at most once and with a legal value."
    DeflateResponse "deflate-response" Error "RFC 7692 §7.1"
        "The server's permessage-deflate parameters answer the client's offer."
    AcceptedBadOffer "accepted-bad-offer" Error "RFC 7692 §7"
        "A server declines an offer of permessage-deflate with wrong parameters."

    // Frames
    UnmaskedClientFrame "unmasked-client-frame" Error "RFC 6455 §5.1"
        "A client masks every frame it sends."
    MaskedServerFrame "masked-server-frame" Error "RFC 6455 §5.1"
        "A server masks no frame it sends."
    RepeatedMaskingKey "repeated-masking-key" Warning "RFC 6455 §5.3"
        "A masking key is fresh and unpredictable for each frame."
    ReservedBits "reserved-bits" Error "RFC 6455 §5.2"
        "RSV1 to RSV3 are 0 unless an extension gives them a meaning."
    ReservedOpcode "reserved-opcode" Error "RFC 6455 §5.2"
        "Opcodes 0x3 to 0x7 and 0xB to 0xF are reserved."
    NonMinimalLength "non-minimal-length" Error "RFC 6455 §5.2"
        "The payload length takes the fewest bytes that hold it."
    LengthHighBit "length-high-bit" Error "RFC 6455 §5.2"
        "The most significant bit of a 64-bit payload length is 0."
    FragmentedControlFrame "fragmented-control-frame" Error "RFC 6455 §5.5"
        "A control frame is not fragmented."
    OversizedControlFrame "oversized-control-frame" Error "RFC 6455 §5.5"
        "A control frame has at most 125 bytes of payload."
    UnexpectedContinuation "unexpected-continuation" Error "RFC 6455 §5.4"
        "A continuation frame continues a message that has begun."
    InterleavedMessage "interleaved-message" Error "RFC 6455 §5.4"
        "A new data message begins only after the last one has ended."
    InvalidUtf8 "invalid-utf8" Error "RFC 6455 §8.1"
        "The payload of a text message is valid UTF-8."

    // Closing handshake
    CloseBodyTooShort "close-body-too-short" Error "RFC 6455 §5.5.1"
        "The body of a Close frame is empty or begins with a 2-byte close code."
    InvalidCloseCode "invalid-close-code" Error "RFC 6455 §7.4"
        "A Close frame carries a code that may be sent."
    CloseCodeOfClient "close-code-of-client" Warning "RFC 6455 §7.4.1"
        "Close code 1010 is not used by a server, which refuses the opening handshake instead."
    InvalidCloseReason "invalid-close-reason" Error "RFC 6455 §5.5.1"
        "The reason in a Close frame is valid UTF-8."
    DataAfterClose "data-after-close" Error "RFC 6455 §5.5.1"
        "After a Close frame its sender sends no more frames."

    // permessage-deflate data
    CompressedContinuation "compressed-continuation" Error "RFC 7692 §6.1"
        "RSV1 is set only on the first frame of a compressed message."
    CompressedControlFrame "compressed-control-frame" Error "RFC 7692 §6.1"
        "RSV1 is never set on a control frame."
    InvalidDeflateData "invalid-deflate-data" Error "RFC 7692 §7.2.2"
        "The payload of a compressed message is valid DEFLATE data."
    DeflateTail "deflate-tail" Error "RFC 7692 §7.2.1"
        "A compressed message is sent without the bytes 00 00 ff ff at its end."
    ContextTakenOver "context-taken-over" Error "RFC 7692 §7.1.1"
        "Where no context takeover was agreed, a message refers to nothing before its start."
    WindowExceeded "window-exceeded" Error "RFC 7692 §7.1.2"
        "Compressed data refers no further back than the agreed window."

    // What wsdump itself could not follow
    OutOfStep "out-of-step" Note "wsdump"
        "Missing bytes covered a frame header; decoding goes on at the next header that can be told for sure."
    InStepAgain "in-step-again" Note "wsdump"
        "After missing bytes a frame header was found again; what lies between belongs to no known frame."
    HistoryMissing "history-missing" Note "wsdump"
        "The message refers to compressed data that was not captured; what repeats it is shown as unknown."
    InflatedLimit "inflated-limit" Note "wsdump"
        "A message inflates to more than the limit; the rest of it is not inflated."
    HeadLimit "head-limit" Note "wsdump"
        "The head of an HTTP message is longer than the limit; the connection is not followed."
    OutOfOrderLimit "out-of-order-limit" Note "wsdump"
        "Too much arrived behind missing bytes; they are taken as lost."

    // Whole connections, judged by `check` alone
    RepeatedKey "repeated-key" Error "RFC 6455 §4.1"
        "Sec-WebSocket-Key is chosen anew, at random, for each connection."
    NotFailed "not-failed" Error "RFC 6455 §7.1.7"
        "An endpoint that receives what breaks the protocol fails the connection."
    MismatchedPong "mismatched-pong" Warning "RFC 6455 §5.5.3"
        "A Pong carries the payload of the Ping that it answers."
    UnansweredPing "unanswered-ping" Warning "RFC 6455 §5.5.2"
        "A Ping is answered with a Pong."
    UnansweredClose "unanswered-close" Warning "RFC 6455 §5.5.1"
        "A Close frame is answered with a Close frame."
    NoClose "no-close" Warning "RFC 6455 §7.1.1"
        "A connection ends with a Close frame before TCP does."
    RefusedUpgrade "refused-upgrade" Warning "RFC 6455 §4.2.2"
        "The server accepts the opening handshake."
    SlowHandshake "slow-handshake" Warning "wsdump"
        "The TCP handshake, and the opening handshake after it, take no longer than a bound."
    LargeMessage "large-message" Warning "RFC 6455 §10.4"
        "A message is no longer than a bound."
    Retransmissions "retransmissions" Warning "RFC 9293 §3.8.1"
        "No more than a bound of the segments of a connection are sent again."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_names_are_distinct_and_in_kebab_case() {
        let mut names: Vec<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        for name in &names {
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
    }

    #[test]
    fn a_rule_has_its_name_back_and_a_mistyped_one_is_near_to_it() {
        for rule in Rule::ALL {
            assert_eq!(rule.name().parse(), Ok(*rule));
        }
        let error = |name: &str| name.parse::<Rule>().err();
        let near = "there is no rule wrong-acept; did you mean wrong-accept?";
        assert_eq!(error("wrong-acept").as_deref(), Some(near));
        let none = "there is no rule zzz; wsdump check --rules lists them";
        assert_eq!(error("zzz").as_deref(), Some(none));
    }

    #[test]
    fn every_rule_names_its_document() {
        for rule in Rule::ALL {
            assert!(
                rule.reference().starts_with("RFC ") || rule.reference() == "wsdump",
                "{}",
                rule.name()
            );
            assert!(rule.explanation().ends_with('.'), "{}", rule.name());
        }
    }
}

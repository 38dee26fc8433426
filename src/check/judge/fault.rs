//! What an endpoint must not survive: rules whose breach makes its peer fail the connection.

use crate::anomaly::Rule;

/// Whether a client has to fail the connection over a 101 that breaks the rule
/// (RFC 6455 §4.1, §9.1, RFC 7692 §7).
pub(super) fn fails_opening(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::ResponseUpgrade
            | Rule::ResponseConnection
            | Rule::MissingAccept
            | Rule::WrongAccept
            | Rule::SubprotocolNotOffered
            | Rule::ExtensionNotOffered
            | Rule::MalformedExtension
            | Rule::DeflateParameter
    )
}

/// When the peer of an endpoint that sends a frame against the rule has to fail the
/// connection, if it does.
pub(super) fn fails_from(rule: Rule) -> Option<Known> {
    match rule {
        // RFC 6455 §5.1, §5.2, §5.4, §5.5, RFC 7692 §6.1.
        Rule::UnmaskedClientFrame
        | Rule::MaskedServerFrame
        | Rule::ReservedBits
        | Rule::ReservedOpcode
        | Rule::LengthHighBit
        | Rule::FragmentedControlFrame
        | Rule::OversizedControlFrame
        | Rule::UnexpectedContinuation
        | Rule::InterleavedMessage
        | Rule::CompressedContinuation
        | Rule::CompressedControlFrame => Some(Known::AfterFrame),
        // RFC 6455 §8.1, RFC 7692 §7.2.2: an endpoint may look at a message when it is whole,
        // and answer a Ping between its fragments before that.
        Rule::InvalidUtf8 | Rule::InvalidDeflateData => Some(Known::AfterMessage),
        _ => None,
    }
}

/// From when on the peer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The frame that breaks the rule.
    AfterFrame,
    /// The end of the message that breaks it.
    AfterMessage,
}

/// A breach for which the peer has to fail the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) rule: Rule,
    /// Packet that broke it.
    pub(super) packet: u64,
    /// What has to be over before the peer knows.
    awaits: Option<Known>,
}

impl Fault {
    pub(super) fn new(rule: Rule, packet: u64, known: Known) -> Self {
        Self {
            rule,
            packet,
            awaits: Some(known),
        }
    }

    /// A frame of its sender, or a message, is over.
    pub(super) fn over(&mut self, what: Known) {
        if self.awaits == Some(what) {
            self.awaits = None;
        }
    }

    /// Whether the peer has to know.
    pub(super) fn is_known(&self) -> bool {
        self.awaits.is_none()
    }
}

//! Opcodes and close codes (RFC 6455 §5.2, §7.4, and their IANA registries).

use std::fmt;

/// Frame opcode, four bits wide (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpCode {
    /// 0x0: goes on with a fragmented message.
    Continuation,
    /// 0x1: UTF-8 text.
    Text,
    /// 0x2: bytes.
    Binary,
    /// 0x8: begins or answers the closing handshake.
    Close,
    /// 0x9: asks for a pong.
    Ping,
    /// 0xA: answers a ping, or a heartbeat of its own.
    Pong,
    /// 0x3-0x7 and 0xB-0xF have no meaning yet; the value is kept.
    Reserved(u8),
}

impl OpCode {
    /// Reads the low four bits of a frame's first byte and ignores the rest.
    pub fn from_first_byte(byte: u8) -> Self {
        match byte & 0x0F {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            other => Self::Reserved(other),
        }
    }

    /// Whether it carries data of a message: text, binary, or the continuation of either
    /// (RFC 6455 §5.6).
    pub fn is_data(self) -> bool {
        matches!(self, Self::Continuation | Self::Text | Self::Binary)
    }

    /// Control frames have the high opcode bit set (RFC 6455 §5.5).
    pub fn is_control(self) -> bool {
        u8::from(self) & 0x8 != 0
    }
}

impl From<OpCode> for u8 {
    fn from(opcode: OpCode) -> Self {
        match opcode {
            OpCode::Continuation => 0x0,
            OpCode::Text => 0x1,
            OpCode::Binary => 0x2,
            OpCode::Close => 0x8,
            OpCode::Ping => 0x9,
            OpCode::Pong => 0xA,
            OpCode::Reserved(value) => value,
        }
    }
}

impl fmt::Display for OpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continuation => f.write_str("Continuation"),
            Self::Text => f.write_str("Text"),
            Self::Binary => f.write_str("Binary"),
            Self::Close => f.write_str("Close"),
            Self::Ping => f.write_str("Ping"),
            Self::Pong => f.write_str("Pong"),
            Self::Reserved(value) => write!(f, "Reserved 0x{value:X}"),
        }
    }
}

/// Status code carried by a Close frame (RFC 6455 §7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL_CLOSURE: Self = Self(1000);
    /// An endpoint goes away: a server going down, a browser leaving the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// A kind of data the endpoint cannot accept.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// Reserved; never sent.
    pub const RESERVED: Self = Self(1004);
    /// Stands for a Close frame without a code; never sent.
    pub const NO_STATUS_RECEIVED: Self = Self(1005);
    /// Stands for a connection that ended without a Close frame; never sent.
    pub const ABNORMAL_CLOSURE: Self = Self(1006);
    /// Data that contradicts its type, such as text that is no UTF-8.
    pub const INVALID_PAYLOAD_DATA: Self = Self(1007);
    /// A message against the endpoint's policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// A message too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// The client needed an extension that the server did not agree to.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// The server met an unexpected condition.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// The service restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// The service is overloaded.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// A gateway got no valid answer from the server behind it.
    pub const BAD_GATEWAY: Self = Self(1014);
    /// Stands for a failed TLS handshake; never sent.
    pub const TLS_HANDSHAKE: Self = Self(1015);

    /// Name in the IANA registry, or of the range that the code lies in.
    pub fn name(self) -> &'static str {
        match self.0 {
            1000 => "Normal Closure",
            1001 => "Going Away",
            1002 => "Protocol error",
            1003 => "Unsupported Data",
            1004 => "Reserved",
            1005 => "No Status Rcvd",
            1006 => "Abnormal Closure",
            1007 => "Invalid frame payload data",
            1008 => "Policy Violation",
            1009 => "Message Too Big",
            1010 => "Mandatory Ext.",
            1011 => "Internal Error",
            1012 => "Service Restart",
            1013 => "Try Again Later",
            1014 => "Bad Gateway",
            1015 => "TLS handshake",
            1016..=2999 => "Unassigned",
            3000 => "Unauthorized",
            3003 => "Forbidden",
            3008 => "Timeout",
            3001..=3999 => "Registered use",
            4000..=4999 => "Private use",
            _ => "Out of range",
        }
    }

    /// False for codes that must never be sent in a frame (RFC 6455 §7.4.1), and for those
    /// that nothing defines (§7.4.2: 0 to 999 are not used, 1016 to 2999 await a revision
    /// of the protocol or an extension, 5000 and above have no meaning).
    pub fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_opcode_survives_a_round_trip() {
        for nibble in 0..16 {
            assert_eq!(u8::from(OpCode::from_first_byte(0xF0 | nibble)), nibble);
        }
    }

    #[test]
    fn codes_that_only_stand_for_something_may_not_be_sent() {
        let sent: Vec<u16> = (0..=u16::MAX)
            .filter(|&code| CloseCode(code).may_be_sent())
            .collect();
        assert_eq!(sent.len(), 4 + 8 + 2000);
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
            assert!(!sent.contains(&code), "{code}");
        }
    }

    #[test]
    fn each_range_has_a_name() {
        for (code, name) in [
            (1000, "Normal Closure"),
            (1014, "Bad Gateway"),
            (2000, "Unassigned"),
            (3000, "Unauthorized"),
            (3500, "Registered use"),
            (4001, "Private use"),
            (5000, "Out of range"),
            (12, "Out of range"),
        ] {
            assert_eq!(CloseCode(code).name(), name);
        }
    }
}

//! Why a packet could not be read.

use std::fmt;

use etherparse::err::LenError;

/// Layer a decoding problem belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// Ethernet, cooked capture, PPP, VLAN tags, MPLS labels and the like.
    Link,
    /// VXLAN, GENEVE, GRE, ERSPAN or GTP-U.
    Tunnel,
    /// IPv4 or IPv6 with its extension headers.
    Ip,
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "link layer",
            Self::Tunnel => "tunnel",
            Self::Ip => "IP",
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// Why the bytes of a packet could not be read as the layer they claim to be.
///
/// Its numbers have 32 bits, like a packet's length, because every header that is read
/// hands on either this or the next header, and both fit in two registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// A header is longer than what is left of the packet.
    #[error("{layer} header needs {need} bytes, {have} are there")]
    Truncated {
        /// Whose header it is.
        layer: Layer,
        /// Bytes the header takes.
        need: u32,
        /// Bytes that are left.
        have: u32,
    },
    /// A length field contradicts the layer's own rules, or the packet around it.
    #[error("{layer} states a length of {stated} bytes, where {limit} is the limit")]
    BadLength {
        /// Whose length field it is.
        layer: Layer,
        /// The length it states, in bytes.
        stated: u32,
        /// The least or the most it could be, in bytes.
        limit: u32,
    },
    /// A header does not have the version that was announced.
    #[error("{layer} header has version {found}, expected {expected}")]
    BadVersion {
        /// Whose header it is.
        layer: Layer,
        /// The version field.
        found: u8,
        /// The version announced by the header before.
        expected: u8,
    },
    /// More headers are stacked than wsdump is willing to read.
    #[error("more than {limit} headers are stacked")]
    TooDeep {
        /// How many are read.
        limit: u32,
    },
    /// More fragmented datagrams are inside each other than wsdump puts together.
    #[error("more than {limit} fragmented datagrams are inside each other")]
    TooFragmented {
        /// How many are put together for one packet.
        limit: u32,
    },
}

impl WireError {
    /// A header of `need` bytes, of which `have` are left.
    pub(super) fn truncated(layer: Layer, need: usize, have: usize) -> Self {
        Self::Truncated {
            layer,
            need: saturated(need),
            have: saturated(have),
        }
    }

    /// A length field that says `stated`, where it cannot pass `limit`.
    pub(super) fn bad_length(layer: Layer, stated: usize, limit: usize) -> Self {
        Self::BadLength {
            layer,
            stated: saturated(stated),
            limit: saturated(limit),
        }
    }

    /// More than `limit` fragmented datagrams inside each other.
    pub(super) fn too_fragmented(limit: usize) -> Self {
        Self::TooFragmented {
            limit: saturated(limit),
        }
    }

    /// The same problem as etherparse states it, for a header of `layer`.
    pub(super) fn from_len(layer: Layer, error: &LenError) -> Self {
        Self::truncated(layer, error.required_len, error.len)
    }
}

fn saturated(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::OtherKind;
    use super::*;

    #[test]
    fn an_error_is_small() {
        assert!(size_of::<WireError>() <= 12);
        assert!(size_of::<OtherKind>() <= 12);
    }

    #[test]
    fn a_message_names_the_layer_and_the_two_numbers() {
        let cases = [
            (
                WireError::Truncated {
                    layer: Layer::Tcp,
                    need: 20,
                    have: 7,
                },
                "TCP header needs 20 bytes, 7 are there",
            ),
            (
                WireError::BadLength {
                    layer: Layer::Udp,
                    stated: 3,
                    limit: 8,
                },
                "UDP states a length of 3 bytes, where 8 is the limit",
            ),
            (
                WireError::BadVersion {
                    layer: Layer::Ip,
                    found: 9,
                    expected: 4,
                },
                "IP header has version 9, expected 4",
            ),
            (
                WireError::TooDeep { limit: 64 },
                "more than 64 headers are stacked",
            ),
            (
                WireError::TooFragmented { limit: 2 },
                "more than 2 fragmented datagrams are inside each other",
            ),
        ];
        for (error, message) in cases {
            assert_eq!(error.to_string(), message);
        }
    }
}

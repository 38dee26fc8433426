//! Capture filters, for packets of any source.

use std::fmt;

use pcap::{BpfProgram, Capture, Linktype};

use super::super::LinkType;
use super::error::{FilterError, reason};
use super::link_layer::dlt_of;

/// A capture filter in the language of pcap-filter(7), compiled for one link type.
///
/// An interface filters its packets itself, see [`LiveOptions`](super::LiveOptions); this
/// is for those of files.
///
/// ```
/// use wsdump::capture::{LinkType, live::BpfFilter};
///
/// let filter = BpfFilter::compile(LinkType::RAW, "ip6 and tcp")?;
/// assert!(!filter.matches(b"\x45"));
/// # Ok::<(), wsdump::capture::live::FilterError>(())
/// ```
pub struct BpfFilter {
    program: BpfProgram,
    link_type: LinkType,
}

impl BpfFilter {
    /// Compiles `expression` for packets of `link_type`. The empty expression matches all.
    ///
    /// # Errors
    ///
    /// [`FilterError`] when libpcap does not understand it, or cannot test for it on this
    /// link type.
    pub fn compile(link_type: LinkType, expression: &str) -> Result<Self, FilterError> {
        let compile = |expression: &str| {
            let capture = Capture::dead(Linktype(dlt_of(link_type)))?;
            capture.compile(expression, true)
        };
        match compile(expression) {
            Ok(program) => Ok(Self { program, link_type }),
            Err(error) => Err(FilterError::new(expression, reason(&error), |part| {
                compile(part).is_ok()
            })),
        }
    }

    /// The link type of the packets that it is for.
    pub fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Whether a packet with these captured bytes is one of those wanted.
    ///
    /// Where the snap length cut the packet, a test of the bytes that are missing fails,
    /// and `len`, `less` and `greater` see the captured length.
    pub fn matches(&self, data: &[u8]) -> bool {
        self.program.filter(data)
    }
}

impl fmt::Debug for BpfFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BpfFilter")
            .field("link_type", &self.link_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 TCP segment from port 49152 to port 80.
    const SEGMENT: &[u8] = b"\x45\0\0\x28\0\0\x40\0\x40\x06\0\0\x7f\0\0\x01\x7f\0\0\x01\
        \xc0\0\0\x50\0\0\0\0\0\0\0\0\x50\x02\xff\xff\0\0\0\0";

    /// Link types, and what stands before the IP header with them.
    const LINKS: [(LinkType, &[u8]); 8] = [
        (LinkType::RAW, b""),
        (LinkType::DLT_RAW, b""),
        (LinkType::DLT_RAW_OPENBSD, b""),
        (LinkType::IPV4, b""),
        (LinkType::ETHERNET, b"\0\0\0\0\0\0\0\0\0\0\0\0\x08\0"),
        (LinkType::LOOP, b"\0\0\0\x02"),
        (
            LinkType::LINUX_SLL,
            b"\0\0\x03\x04\0\x06\0\0\0\0\0\0\0\0\x08\0",
        ),
        (
            LinkType::LINUX_SLL2,
            b"\x08\0\0\0\0\0\0\x01\x03\x04\0\x06\0\0\0\0\0\0\0\0",
        ),
    ];

    #[test]
    fn the_same_expression_works_on_every_link_type() {
        for (link_type, header) in LINKS {
            let packet = [header, SEGMENT].concat();
            for (expression, expected) in [
                ("", true),
                ("tcp port 80", true),
                ("tcp dst port 80 and host 127.0.0.1", true),
                ("tcp src port 80", false),
                ("udp", false),
                ("len > 200", false),
            ] {
                let matches =
                    BpfFilter::compile(link_type, expression).map(|filter| filter.matches(&packet));
                assert_eq!(matches, Ok(expected), "{link_type}: {expression}");
            }
        }
    }

    #[test]
    fn a_packet_that_is_too_short_does_not_match() {
        let filter = BpfFilter::compile(LinkType::RAW, "tcp port 80");
        let matches = |data| filter.as_ref().is_ok_and(|filter| filter.matches(data));
        assert!(matches(SEGMENT));
        for len in 0..24 {
            assert!(!matches(&SEGMENT[..len]), "{len} bytes");
        }
    }

    #[test]
    fn a_wrong_expression_gets_the_reason_and_the_place() {
        let error = |link_type, expression| {
            let error = BpfFilter::compile(link_type, expression).err();
            error
                .map(|error| (error.understood, error.to_string()))
                .unwrap_or_default()
        };
        let (understood, text) = error(LinkType::ETHERNET, "tcp port 80 adn host 127.0.0.1");
        assert_eq!(understood, Some("tcp port 80".len()));
        assert!(text.contains("syntax error after 'tcp port 80'"), "{text}");
        let (understood, text) = error(LinkType::ETHERNET, "tcp port 99999");
        assert_eq!(understood, None);
        assert!(text.contains("99999"), "{text}");
        let (_, text) = error(LinkType::ETHERNET, "tcp\0");
        assert!(text.contains("null"), "{text}");
        // Raw IP has no Ethernet address to test for.
        let (_, text) = error(LinkType::RAW, "ether host 1:2:3:4:5:6");
        assert!(
            text.starts_with("capture filter 'ether host 1:2:3:4:5:6': "),
            "{text}"
        );
        // No such link type.
        assert!(!error(LinkType(65_000), "tcp").1.is_empty());
    }
}

//! Target `wire`: packets, down to TCP segments.
//!
//! # Input
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 1 | small limits (bit 0) |
//! | parts | seconds since the part before divided by 4 (bits 0 to 5), cut (bits 6 and 7); link type in 2 bytes, and the packet |
//!
//! # What has to hold
//!
//! - A segment's captured payload is part of its packet, or of fragments before it, and not
//!   longer than what was sent.
//! - A packet of which less is captured gives the same segment with less payload, or none; never
//!   another.
//! - The same packets give the same, and only link types without a reader are not supported.

use std::time::Duration;

use wsdump::capture::{LinkType, Packet};
use wsdump::limits::FragmentLimits;
use wsdump::time::Timestamp;
use wsdump::wire::{Contents, Decoder, OtherKind, Segment, TcpOptions, supports};

use crate::input::{Bytes, Parts};

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let limits = if bytes.u8() & 1 == 0 {
        FragmentLimits::default()
    } else {
        FragmentLimits {
            max_datagrams: 2,
            max_bytes: 256,
            max_age: Duration::from_secs(10),
            max_datagram_len: 200,
        }
    };
    let [mut decoder, mut again] = [limits, limits].map(Decoder::new);
    let mut time = Timestamp(0);
    for (tag, mut part) in Parts(bytes) {
        time = Timestamp(time.0 + u64::from(tag & 0x3F) * 4_000_000_000);
        let link_type = LinkType(part.number(2) as u16);
        let packet = Packet {
            time,
            link_type,
            wire_len: part.0.len() as u32 + u32::from(tag >> 6) * 7,
            data: part.0,
        };
        let contents = decoder.decode(&packet);
        let shown = format!("{contents:?}");
        assert_eq!(shown, format!("{:?}", again.decode(&packet)));
        match &contents {
            Contents::Tcp(segment) => {
                assert!(supports(link_type));
                check(segment, &packet);
                compare_cut(segment, &packet);
            }
            Contents::Other(other) => {
                let unsupported = other.kind == OtherKind::UnsupportedLinkType;
                assert_eq!(unsupported, !supports(link_type), "{shown}");
                if let OtherKind::Malformed(error) = other.kind {
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }
    let waited = decoder.fragments_dropped();
    decoder.finish();
    assert!(decoder.fragments_dropped() - waited <= limits.max_datagrams as u64);
}

fn check(segment: &Segment<'_>, packet: &Packet<'_>) {
    assert!(segment.payload.len() <= segment.payload_len);
    assert!((20..=60).contains(&segment.header_len));
    assert_eq!(segment.packet_len, packet.wire_len);
    assert_eq!(segment.captured_len as usize, packet.data.len());
    assert!(segment.options.len() <= 40);
    let options = TcpOptions::parse(segment.options);
    assert!(options.window_scale.is_none_or(|shift| shift <= 14));
}

/// Captures less of the packet, at a few places.
fn compare_cut(segment: &Segment<'_>, packet: &Packet<'_>) {
    for eighths in 0..8 {
        let cut = Packet {
            data: &packet.data[..packet.data.len() * eighths / 8],
            ..*packet
        };
        // Without fragments before it, so that this packet alone is looked at.
        let mut decoder = Decoder::new(FragmentLimits::default());
        let Contents::Tcp(found) = decoder.decode(&cut) else {
            continue;
        };
        let ends = |segment: &Segment<'_>| (segment.source, segment.destination);
        assert_eq!(
            ends(&found),
            ends(segment),
            "addresses of {eighths} eighths"
        );
        assert_eq!((found.seq, found.ack), (segment.seq, segment.ack));
        assert_eq!(found.flags, segment.flags);
        assert_eq!(found.payload_len, segment.payload_len);
        assert!(segment.payload.starts_with(found.payload));
    }
}

//! TCP headers and their options (RFC 9293 §3.1, §3.2).

use std::net::SocketAddr;

use super::walk::Walk;
use super::{Contents, Layer, Segment, SeqNumber, TcpFlags, TcpOptions, WireError};

impl<'a> Walk<'a> {
    /// The segment at the cursor. Its options and payload may be cut, its fixed
    /// header may not.
    pub(super) fn tcp(&self) -> Contents<'a> {
        let bytes = self.cursor.bytes();
        // Read here and not by etherparse, which refuses a header whose options were
        // cut by the snap length.
        let Some((header, rest)) = bytes.split_first_chunk() else {
            let error = WireError::truncated(Layer::Tcp, MIN_HEADER_LEN, bytes.len());
            return self.malformed(error);
        };
        let &[
            source_0,
            source_1,
            destination_0,
            destination_1,
            seq_0,
            seq_1,
            seq_2,
            seq_3,
            ack_0,
            ack_1,
            ack_2,
            ack_3,
            data_offset,
            flags,
            window_0,
            window_1,
            checksum_0,
            checksum_1,
            _,
            _,
        ] = header;
        let header_len = usize::from(data_offset >> 4) * 4;
        let bad_length = |limit| WireError::bad_length(Layer::Tcp, header_len, limit);
        let Some(options_len) = header_len.checked_sub(MIN_HEADER_LEN) else {
            return self.malformed(bad_length(MIN_HEADER_LEN));
        };
        let Some(payload_len) = self.cursor.wire_len().checked_sub(header_len) else {
            return self.malformed(bad_length(self.cursor.wire_len()));
        };
        let (options, payload) = rest.split_at(options_len.min(rest.len()));
        let ip = match self.ip_header() {
            Ok(ip) => ip,
            Err(error) => return self.malformed(error),
        };
        let port = u16::from_be_bytes;
        // Written where the caller wants it: a Result in between is copied, and that
        // takes as long as reading a header.
        Contents::Tcp(Segment {
            source: SocketAddr::new(ip.source(), port([source_0, source_1])),
            destination: SocketAddr::new(ip.destination(), port([destination_0, destination_1])),
            encapsulation: self.encapsulation,
            ip_id: ip.id(),
            hop_limit: ip.hop_limit(),
            vlan: self.vlan,
            packet_len: self.packet_len,
            captured_len: self.captured_len,
            seq: SeqNumber(u32::from_be_bytes([seq_0, seq_1, seq_2, seq_3])),
            ack: SeqNumber(u32::from_be_bytes([ack_0, ack_1, ack_2, ack_3])),
            header_len: (data_offset >> 4) * 4,
            reserved: data_offset & 0xF,
            flags: TcpFlags(flags),
            window: u16::from_be_bytes([window_0, window_1]),
            checksum: u16::from_be_bytes([checksum_0, checksum_1]),
            options,
            payload,
            payload_len,
        })
    }
}

impl TcpOptions {
    /// Reads the options of a header.
    ///
    /// Options that are malformed or cut end the list, and what came before them
    /// counts; a window scale above 14 is taken as 14 (RFC 7323 §2.3).
    ///
    /// ```
    /// use wsdump::wire::TcpOptions;
    ///
    /// let options = TcpOptions::parse(&[2, 4, 0x05, 0xb4, 1, 3, 3, 7]);
    /// assert_eq!(options.mss, Some(1460));
    /// assert_eq!(options.window_scale, Some(7));
    /// ```
    pub fn parse(mut bytes: &[u8]) -> Self {
        // etherparse's iterator ends at the first option it does not know, such as
        // those of Multipath TCP or Fast Open.
        let mut options = Self::default();
        loop {
            bytes = match *bytes {
                [END, ..] | [] | [_] => return options,
                [NO_OPERATION, ref rest @ ..] => rest,
                [kind, len, ..] => {
                    let Some((option, rest)) = bytes.split_at_checked(usize::from(len)) else {
                        return options;
                    };
                    match (kind, option) {
                        // A length that leaves no room for kind and length itself.
                        (_, [] | [_]) => return options,
                        (MSS, &[_, _, high, low]) => {
                            options.mss = Some(u16::from_be_bytes([high, low]));
                        }
                        (WINDOW_SCALE, &[_, _, shift]) => {
                            options.window_scale = Some(shift.min(MAX_WINDOW_SCALE));
                        }
                        _ => {}
                    }
                    rest
                }
            }
        }
    }
}

/// Length of a header without options, in bytes.
const MIN_HEADER_LEN: usize = 20;

// Option kinds (IANA, TCP parameters).
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;

/// RFC 7323 §2.3.
const MAX_WINDOW_SCALE: u8 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_up_to_the_first_bad_one() {
        let mss = |mss| TcpOptions {
            mss: Some(mss),
            window_scale: None,
        };
        let scale = |shift| TcpOptions {
            mss: None,
            window_scale: Some(shift),
        };
        let cases: &[(&[u8], TcpOptions)] = &[
            (&[], TcpOptions::default()),
            (&[2, 4, 5, 0xb4], mss(1460)),
            (&[1, 1, 1, 2, 4, 0, 1], mss(1)),
            (&[3, 3, 14], scale(14)),
            (&[3, 3, 200], scale(14)),
            // An unknown kind is stepped over.
            (&[30, 4, 9, 9, 3, 3, 2], scale(2)),
            // The end of the list, and what looks like an option after it.
            (&[0, 3, 3, 2], TcpOptions::default()),
            // Lengths of 0 and 1, a wrong length, one beyond the end.
            (&[9, 0, 3, 3, 2], TcpOptions::default()),
            (&[9, 1, 3, 3, 2], TcpOptions::default()),
            (&[2, 3, 5, 3, 3, 2], scale(2)),
            (&[2, 4, 5, 0xb4, 3, 3], mss(1460)),
            (&[2, 4, 5, 0xb4, 3], mss(1460)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(TcpOptions::parse(bytes), *expected, "{bytes:?}");
        }
    }
}

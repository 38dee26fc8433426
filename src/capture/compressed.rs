//! Captures inside gzip (RFC 1952) or Zstandard (RFC 8878).

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::{CaptureError, Compression, Problem};
use super::input::Input;

impl Compression {
    /// The compression that `start`, the first bytes of a file, belongs to.
    ///
    /// Four bytes are enough.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        match *start {
            // RFC 1952 §2.3.1; 8 is deflate, the only method there is.
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            // RFC 8878 §3.1.1, or a skippable frame (§3.1.2), which parallel
            // compressors write first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// An input that yields what `input`, which is compressed and was only looked at, contains.
///
/// Concatenated gzip members and zstd frames are one stream.
///
/// # Errors
///
/// [`Problem::Compressed`] when the decompressor cannot be set up.
pub(super) fn decompress(input: Input, compression: Compression) -> Result<Input, CaptureError> {
    let (file, start, rest) = input.into_parts();
    let whole = BufReader::with_capacity(COMPRESSED_BUFFER_LEN, Cursor::new(start).chain(rest));
    let reader: Box<dyn Read + Send> = match compression {
        Compression::Gzip => Box::new(LittleByLittle(MultiGzDecoder::new(whole))),
        Compression::Zstd => match zstd::stream::read::Decoder::with_buffer(whole) {
            Ok(decoder) => Box::new(LittleByLittle(decoder)),
            Err(cause) => {
                let problem = Problem::Compressed { compression, cause };
                return Err(CaptureError {
                    file,
                    offset: Some(0),
                    decompressed: false,
                    problem,
                });
            }
        },
    };
    Ok(Input::new(file, reader, Some(compression)))
}

/// A decompressor that is asked for little at a time.
///
/// Where its data is damaged it says only that, and what it had put out in the same call is
/// lost. In one call for a whole buffer that would be all packets of a small capture.
struct LittleByLittle<R>(R);

impl<R: Read> Read for LittleByLittle<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(DECOMPRESSED_LEN);
        self.0.read(&mut buffer[..len])
    }
}

/// Decompressed bytes asked for at once: fewer would be slower.
const DECOMPRESSED_LEN: usize = 4 << 10;

/// Compressed bytes read at once.
const COMPRESSED_BUFFER_LEN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;

    use crate::capture::testing::{Trickle, lines, pcap};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder
            .write_all(bytes)
            .and_then(|()| encoder.finish())
            .unwrap_or_default()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap_or_default()
    }

    /// The same without an end.
    fn flushed_gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let flushed = encoder.write_all(bytes).and_then(|()| encoder.flush());
        flushed.map_or_else(|_| Vec::new(), |()| encoder.get_ref().clone())
    }

    fn flushed_zstd(bytes: &[u8]) -> Vec<u8> {
        let flushed = zstd::Encoder::new(Vec::new(), 1).and_then(|mut encoder| {
            encoder.write_all(bytes)?;
            encoder.flush()?;
            Ok(encoder.get_ref().clone())
        });
        flushed.unwrap_or_default()
    }

    const PACKETS: [&str; 2] = [
        "1.000000000 ETHERNET 2/2 aabb",
        "2.000000000 ETHERNET 1/1 cc",
    ];

    fn capture() -> Vec<u8> {
        pcap(&[(1, 0, &[0xaa, 0xbb]), (2, 0, &[0xcc])])
    }

    #[test]
    fn both_compressions_are_recognised_by_content_even_byte_by_byte() {
        for bytes in [gzip(&capture()), zstd(&capture())] {
            assert_eq!(lines(std::io::Cursor::new(bytes.clone())), PACKETS);
            assert_eq!(lines(Trickle::new(&bytes)), PACKETS);
        }
    }

    #[test]
    fn members_and_frames_that_follow_each_other_are_one_stream() {
        for cut in [1, 24, 30] {
            let capture = capture();
            let (a, b) = capture.split_at(cut);
            for bytes in [[gzip(a), gzip(b)].concat(), [zstd(a), zstd(b)].concat()] {
                assert_eq!(lines(std::io::Cursor::new(bytes)), PACKETS, "cut at {cut}");
            }
        }
        let skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let bytes = [&skippable[..], &zstd(&capture())].concat();
        assert_eq!(lines(std::io::Cursor::new(bytes)), PACKETS);
    }

    #[test]
    fn compressed_data_that_is_cut_or_damaged_is_an_error_after_what_can_be_read() {
        for bytes in [gzip(&capture()), zstd(&capture())] {
            for len in 4..bytes.len() {
                let got = lines(std::io::Cursor::new(bytes[..len].to_vec()));
                let (last, packets) = got.split_last().unwrap_or((&PACKETS_MISSING, &[]));
                assert!(
                    PACKETS.starts_with(&packets.iter().map(String::as_str).collect::<Vec<_>>())
                );
                assert!(last.starts_with("! f: at byte "), "{last}");
                assert!(last.contains("damaged or incomplete"), "{len}: {last}");
            }
        }
        let mut bytes = gzip(&capture());
        let checksum = bytes.len() - 8;
        bytes[checksum] ^= 1;
        let got = lines(std::io::Cursor::new(bytes));
        assert_eq!(got[..2], PACKETS);
        assert!(
            got[2].starts_with("! f: at byte 59 of the decompressed data: damaged"),
            "{}",
            got[2]
        );
    }

    #[test]
    fn what_lies_well_before_the_damage_is_read() {
        let packets: Vec<(u32, u32, &[u8])> = (1..=100).map(|at| (at, 0, &[0; 1000][..])).collect();
        let capture = pcap(&packets);
        // Cut behind the last packet, and then a type of block that there is not (RFC 1951
        // §3.2.3, RFC 8878 §3.1.1.2.2).
        let (mut gzip, mut zstd) = (flushed_gzip(&capture), flushed_zstd(&capture));
        gzip.push(7);
        zstd.extend([7, 0, 0]);
        for bytes in [gzip, zstd] {
            let got = lines(std::io::Cursor::new(bytes));
            let error = got.last().map_or("", String::as_str);
            assert!(error.contains("damaged"), "{error}");
            assert!(got.len() > 95, "{} packets", got.len() - 1);
        }
    }

    static PACKETS_MISSING: String = String::new();

    #[test]
    fn what_is_inside_may_be_no_capture() {
        for bytes in [gzip(b"hello, world"), zstd(b"hello, world")] {
            assert_eq!(
                lines(std::io::Cursor::new(bytes)),
                [
                    "! f: at byte 0 of the decompressed data: not a capture: it starts with \
                  68 65 6c 6c 6f 2c 20 77; expected pcap or pcapng, plain or inside gzip or zstd"
                ]
            );
        }
    }
}

//! Target `capture`: the bytes of a capture file.
//!
//! # Input
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 1 | how much the reader gets at a time the second time, see [`pieces`]; whether keys are asked for (bit 0) |
//! | rest | the file |
//!
//! # What has to hold
//!
//! - However the bytes come, the same packets and errors are read. Of compressed data that is
//!   damaged, how much comes before the error depends on how much is asked for at a time.
//! - No packet has more bytes than it had on the wire, and reading comes to an end.
//! - What is read of a plain file is not more than is in it.
//! - Packets that are saved are read again as they were.

use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};

use wsdump::capture::save::{Format, Saver};
use wsdump::capture::{LinkType, Packet, from_reader};
use wsdump::time::Timestamp;

use crate::capture_run::assert_harmless;
use crate::input::{Bytes, pieces};

/// Packets and bytes that are read at most: what is compressed may go on for long.
const MOST_PACKETS: usize = 2_000;
const MOST_BYTES: usize = 8 << 20;

/// What was read.
#[derive(Debug, Default, PartialEq)]
struct Told {
    packets: Vec<Owned>,
    /// Errors, with the number of packets before them.
    errors: Vec<(usize, String)>,
    cut_off: bool,
}

#[derive(Debug, PartialEq)]
struct Owned {
    time: Timestamp,
    link_type: LinkType,
    wire_len: u32,
    data: Vec<u8>,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let seed = bytes.u8();
    let file = bytes.0;
    let told = read(Cursor::new(file.to_vec()), false);
    let parts: Vec<Vec<u8>> = pieces(file, seed).map(<[u8]>::to_vec).collect();
    let slow = Slow {
        parts: parts.into_iter(),
        part: Cursor::default(),
    };
    let again = read(slow, seed & 1 == 1);
    if is_compressed(file) && told.errors.len() + again.errors.len() > 0 {
        let both = told.packets.iter().zip(&again.packets);
        assert!(both.into_iter().all(|(one, other)| one == other));
    } else {
        assert_eq!(told, again, "the reader changes what is read");
    }
    if !is_compressed(file) {
        let data: usize = told.packets.iter().map(|packet| packet.data.len()).sum();
        assert!(data <= file.len(), "{data} bytes of {}", file.len());
    }
    for (_, error) in &told.errors {
        assert_harmless("error", error.as_bytes());
    }
    save(&told.packets);
}

fn is_compressed(file: &[u8]) -> bool {
    let skippable = matches!(file, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    skippable || file.starts_with(b"\x1f\x8b") || file.starts_with(b"\x28\xb5\x2f\xfd")
}

/// Gives a part at a time, or as much of it as there is room for.
struct Slow {
    parts: std::vec::IntoIter<Vec<u8>>,
    part: Cursor<Vec<u8>>,
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.part.read(buffer)? {
            0 => {
                self.part = Cursor::new(self.parts.next().unwrap_or_default());
                self.part.read(buffer)
            }
            count => Ok(count),
        }
    }
}

fn read(reader: impl Read + Send + 'static, secrets: bool) -> Told {
    let mut told = Told::default();
    let mut source = match from_reader("input", reader) {
        Ok(source) => source,
        Err(error) => {
            told.errors.push((0, error.to_string()));
            return told;
        }
    };
    let mut bytes = 0;
    loop {
        if secrets {
            source.take_secrets();
        }
        let before = told.packets.len();
        match source.next_packet() {
            Ok(Some(packet)) => {
                assert!(packet.data.len() <= packet.wire_len as usize);
                bytes += packet.data.len();
                told.packets.push(Owned {
                    time: packet.time,
                    link_type: packet.link_type,
                    wire_len: packet.wire_len,
                    data: packet.data.to_vec(),
                });
            }
            Ok(None) => break,
            Err(error) => told.errors.push((before, error.to_string())),
        }
        if told.packets.len() + told.errors.len() >= MOST_PACKETS || bytes >= MOST_BYTES {
            told.cut_off = true;
            return told;
        }
    }
    let last = source.next_packet();
    assert!(matches!(last, Ok(None)), "something comes after the end");
    told
}

/// A file that is read when it is closed.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Saves packets, and reads them again.
fn save(packets: &[Owned]) {
    let file = Shared::default();
    let saver = Saver::to_writer("output", file.clone(), Format::PcapNg);
    let mut saver = saver.expect("a vector takes all");
    for Owned {
        time,
        link_type,
        wire_len,
        data,
    } in packets
    {
        let packet = Packet {
            time: *time,
            link_type: *link_type,
            wire_len: *wire_len,
            data,
        };
        saver.write(&packet).expect("what was read can be written");
    }
    saver.finish().expect("a vector takes all");
    let file = file.0.lock().unwrap_or_else(PoisonError::into_inner);
    let read = read(Cursor::new(file.clone()), false);
    assert_eq!(read.errors, []);
    assert_eq!(read.packets.len(), packets.len());
    for (read, saved) in read.packets.iter().zip(packets) {
        assert_eq!(read.time, saved.time);
        assert_eq!(read.wire_len, saved.wire_len);
        assert_eq!(read.data, saved.data);
        // Numbers of one system are written as the number that all readers know.
        let is_raw = read.link_type.is_raw_ip() && saved.link_type.is_raw_ip();
        assert!(is_raw || read.link_type == saved.link_type);
    }
}

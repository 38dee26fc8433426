//! The rows of the timeline as comma-separated values (RFC 4180).

use std::io::Write as _;
use std::net::SocketAddr;

use super::addresses::Addresses;
use super::clock::Clock;
use super::info::{self, Room};
use super::text::append;
use super::timeline::Rows;
use super::timestamp::TimeFormat;
use super::{Printer, Row, RowByRow};
use crate::event::{Event, OtherPacket};
use crate::wire::OtherKind;

/// Prints a line an event, with the columns of the timeline.
///
/// Everything from the network is escaped as in the timeline, so that no cell has a line
/// break. A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and
/// does what it says: such a cell gets an apostrophe before it.
#[derive(Clone, Debug)]
pub struct Csv {
    clock: Clock,
    rows: Rows,
    all: bool,
    addresses: Addresses,
    info: String,
}

/// Columns of a payload that are shown.
const PAYLOAD: usize = 1024;

impl Csv {
    /// With time in this format, and the rows that a timeline would have.
    pub fn new(time: TimeFormat, rows: Rows, all: bool) -> Self {
        Self {
            clock: Clock::new(time),
            rows,
            all,
            addresses: Addresses::default(),
            info: String::new(),
        }
    }
}

impl RowByRow for Csv {}

impl Printer for Csv {
    fn heading(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"Packet,Time,Connection,Source,Destination,Protocol,Length,Info\r\n",
        );
    }

    fn prefix(&mut self, row: &Row, out: &mut Vec<u8>) {
        // Writing into a vector does not fail.
        let _ = write!(out, "{},{},", row.packet, self.clock.text(row));
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> usize {
        if !self.rows.have(&event.kind, self.all) {
            return 0;
        }
        let mut numbers = (itoa::Buffer::new(), itoa::Buffer::new());
        self.info.clear();
        let cells = info::event_info(event, self.rows, Room::Payload(PAYLOAD), &mut self.info);
        let (source, destination) = self.addresses.of(event);
        let length = cells.length.map(|length| numbers.1.format(length));
        for text in [
            numbers.0.format(event.connection.number),
            source,
            destination,
            cells.protocol,
            length.unwrap_or_default(),
        ] {
            out.extend(text.as_bytes());
            out.push(b',');
        }
        cell(&self.info, out);
        out.extend_from_slice(b"\r\n");
        0
    }

    fn other_packet(&mut self, packet: &OtherPacket, out: &mut Vec<u8>) {
        let other = packet.other;
        out.push(b',');
        match (other.addresses, other.ports) {
            (Some((source, destination)), Some((from, to))) => {
                let ends = [(source, from), (destination, to)].map(SocketAddr::from);
                let _ = write!(out, "{},{},", ends[0], ends[1]);
            }
            (Some((source, destination)), None) => {
                let _ = write!(out, "{source},{destination},");
            }
            (None, _) => out.extend_from_slice(b",,"),
        }
        self.info.clear();
        append!(self.info, "{}", other.kind);
        cell(&self.info, out);
        let _ = write!(out, ",{},", packet.wire_len);
        if let OtherKind::Malformed(error) = other.kind {
            cell(&error.to_string(), out);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends a cell, in quotes where it needs them.
fn cell(text: &str, out: &mut Vec<u8>) {
    // Spaces before it do not keep a formula from being one, nor does it have to be ASCII.
    const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let is_formula = text.trim_start().starts_with(FORMULA);
    let is_special = |byte| matches!(byte, b',' | b'"' | b'\r' | b'\n');
    let needs_quotes = is_formula || text.bytes().any(is_special);
    if !needs_quotes {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    if is_formula {
        out.push(b'\'');
    }
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(b'"');
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula() {
        for (text, expected) in [
            ("", ""),
            ("[SYN] seq=0", "[SYN] seq=0"),
            ("a, b", "\"a, b\""),
            ("Text \"x\"", "\"Text \"\"x\"\"\""),
            ("=1+1", "\"'=1+1\""),
            (" -1", "\"' -1\""),
            ("@x", "\"'@x\""),
            ("+x", "\"'+x\""),
            ("＝1+1", "\"'＝1+1\""),
        ] {
            let mut out = Vec::new();
            cell(text, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}

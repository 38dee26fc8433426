//! The bytes of a frame header, each field named (RFC 6455 §5.2).

use super::text::append;
use crate::ws::FrameHeader;

/// Appends a line for each part of a header, behind `indent` spaces.
pub(super) fn append(header: &FrameHeader, indent: usize, out: &mut String) {
    let mut line = |bytes: &[u8], meaning: &str| {
        let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        append!(out, "{:indent$}{:<23}  {meaning}\n", "", bytes.join(" "));
    };
    let opcode = header.opcode;
    let first = u8::from(header.fin) << 7 | header.rsv << 4 | u8::from(opcode);
    let rsv = [4, 2, 1].map(|bit| u8::from(header.rsv & bit != 0));
    line(
        &[first],
        &format!(
            "FIN {}, RSV1 {}, RSV2 {}, RSV3 {}, opcode 0x{:X} {opcode}",
            u8::from(header.fin),
            rsv[0],
            rsv[1],
            rsv[2],
            u8::from(opcode),
        ),
    );
    let mask = u8::from(header.masking_key.is_some());
    let length = header.payload_len;
    let extended = length.to_be_bytes();
    let (short, extended) = match header.extended_len_bytes {
        0 => (extended[7], &[][..]),
        2 => (126, &extended[6..]),
        _ => (127, &extended[..]),
    };
    line(
        &[mask << 7 | short],
        &format!("MASK {mask}, payload length {short}"),
    );
    if !extended.is_empty() {
        line(extended, &format!("extended payload length {length}"));
    }
    if let Some(key) = header.masking_key {
        line(&key, "masking key");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::Decoded;

    #[test]
    fn the_bytes_are_those_that_were_sent() {
        for bytes in [
            &b"\x81\x05"[..],
            b"\x00\x00",
            b"\xf9\x80\x01\x02\x03\x04",
            b"\x02\x7e\x00\x05",
            b"\x82\xfe\xff\xff\x0a\x0b\x0c\x0d",
            b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x01",
            b"\x8f\xff\xff\x00\x00\x00\x00\x00\x00\x00\x0a\x0b\x0c\x0d",
        ] {
            let Decoded::Complete { item, .. } = FrameHeader::decode(bytes) else {
                panic!("{bytes:x?} is a header");
            };
            let mut text = String::new();
            append(&item, 2, &mut text);
            let shown: Vec<_> = text
                .lines()
                .flat_map(|line| line[..25].split_whitespace())
                .map(|byte| u8::from_str_radix(byte, 16))
                .collect();
            let sent: Vec<_> = bytes.iter().map(|byte| Ok(*byte)).collect();
            assert_eq!(shown, sent);
        }
    }

    #[test]
    fn each_field_is_named() {
        let bytes = b"\xc1\xfe\x01\x00\x0a\x0b\x0c\x0d";
        let Decoded::Complete { item, .. } = FrameHeader::decode(bytes) else {
            panic!("this is a header");
        };
        let mut text = String::new();
        append(&item, 0, &mut text);
        assert_eq!(
            text,
            "c1                       FIN 1, RSV1 1, RSV2 0, RSV3 0, opcode 0x1 Text\n\
             fe                       MASK 1, payload length 126\n\
             01 00                    extended payload length 256\n\
             0a 0b 0c 0d              masking key\n"
        );
    }
}

//! Sec-WebSocket-Accept: what it must be, and why it is not (RFC 6455 §1.3, §4.2.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

/// Appended to the key before it is hashed (RFC 6455 §1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value that Sec-WebSocket-Accept must have for a key (RFC 6455 §4.2.2).
///
/// ```
/// let accept = wsdump::ws::accept_for("dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_for(key: &str) -> String {
    hashed(&[key.as_bytes(), GUID.as_bytes()])
}

fn hashed(parts: &[&[u8]]) -> String {
    BASE64.encode(sha1(parts))
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut sha1 = Sha1::new();
    for part in parts {
        sha1.update(part);
    }
    sha1.finalize().into()
}

/// The mistake that leads from `key` to the wrong `accept`, if it is one that servers are
/// known to make.
pub(super) fn explain_accept(key: &str, accept: &str) -> Option<String> {
    let expected = accept_for(key);
    let alike = |left: &str, right: &str| {
        let plain = |text: &str| {
            text.trim_end_matches('=')
                .replace('-', "+")
                .replace('_', "/")
        };
        plain(left) == plain(right)
    };
    let digest = sha1(&[key.as_bytes(), GUID.as_bytes()]);
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    let hex: String = nibbles
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect();
    let upper = hex.to_ascii_uppercase();
    let decoded_key = BASE64.decode(key).unwrap_or_default();
    let lower_guid = GUID.to_ascii_lowercase();
    let braced = format!("{{{GUID}}}");
    let (key_bytes, guid) = (key.as_bytes(), GUID.as_bytes());
    let mistakes: [(String, &str); 16] = [
        (key.to_owned(), "it is the key itself"),
        (
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned(),
            "it is the example value of the RFC",
        ),
        (
            "HSmrc0sMlYUkAGmm5OPpG2HaGWk=".to_owned(),
            "it is a well-known example value",
        ),
        (
            hex.clone(),
            "the digest is in hexadecimal instead of base64",
        ),
        (
            upper.clone(),
            "the digest is in hexadecimal instead of base64",
        ),
        (
            BASE64.encode(&hex),
            "the base64 is of the hexadecimal digest, not of its bytes",
        ),
        (
            BASE64.encode(&upper),
            "the base64 is of the hexadecimal digest, not of its bytes",
        ),
        (hashed(&[key_bytes]), "the GUID was left out"),
        (hashed(&[guid]), "the key was left out"),
        (hashed(&[guid, key_bytes]), "the GUID stands before the key"),
        (
            hashed(&[&decoded_key, guid]),
            "the key was decoded from base64 first",
        ),
        (
            hashed(&[key_bytes, lower_guid.as_bytes()]),
            "the GUID is in lower case",
        ),
        (
            hashed(&[key_bytes, braced.as_bytes()]),
            "the GUID is in braces",
        ),
        (
            hashed(&[key_bytes, guid, b"\0"]),
            "a NUL byte was hashed as well",
        ),
        (
            hashed(&[key_bytes, guid, b"\n"]),
            "a line end was hashed as well",
        ),
        (
            hashed(&[key_bytes, b"\r\n", guid]),
            "a line end was hashed with the key",
        ),
    ];
    if alike(accept, &expected) {
        return Some("the base64 alphabet or padding is another one".to_owned());
    }
    let known = mistakes.iter().find(|(value, _)| value == accept);
    if let Some((_, cause)) = known {
        return Some((*cause).to_owned());
    }
    let decoded = BASE64.decode(accept).ok()?;
    match decoded.len() {
        20 => {}
        16 => return Some("it has the length of an MD5 digest".to_owned()),
        32 => return Some("it has the length of a SHA-256 digest".to_owned()),
        len => return Some(format!("it is {len} bytes, a SHA-1 digest has 20")),
    }
    let typed = mistyped_guids().find(|typed| sha1(&[key_bytes, typed]).as_slice() == decoded)?;
    let typed = String::from_utf8_lossy(&typed).into_owned();
    Some(format!("the server's GUID is mistyped: {typed}"))
}

/// Every text that is one slip of the keyboard away from the GUID: a character left out,
/// replaced, put in, or swapped with its neighbour.
fn mistyped_guids() -> impl Iterator<Item = Vec<u8>> {
    const TYPED: &[u8] = b"0123456789ABCDEF-";
    let guid = GUID.as_bytes();
    let with = move |at: usize, put: &[u8], skip: usize| {
        [&guid[..at], put, guid.get(at + skip..).unwrap_or_default()].concat()
    };
    let left_out = (0..guid.len()).map(move |at| with(at, b"", 1));
    let replaced =
        (0..guid.len()).flat_map(move |at| TYPED.iter().map(move |typed| with(at, &[*typed], 1)));
    let put_in =
        (0..=guid.len()).flat_map(move |at| TYPED.iter().map(move |typed| with(at, &[*typed], 0)));
    let swapped = (1..guid.len()).map(move |at| with(at - 1, &[guid[at], guid[at - 1]], 2));
    left_out.chain(swapped).chain(replaced).chain(put_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    #[test]
    fn a_wrong_accept_is_explained_where_the_mistake_is_known() {
        let decoded = BASE64.decode(KEY).unwrap_or_default();
        let table = [
            (hashed(&[&decoded, GUID.as_bytes()]), "decoded from base64"),
            (hashed(&[KEY.as_bytes()]), "GUID was left out"),
            (KEY.to_owned(), "the key itself"),
            (
                hashed(&[KEY.as_bytes(), b"258EAF5-E914-47DA-95CA-C5AB0DC85B11"]),
                "mistyped: 258EAF5-",
            ),
            (
                hashed(&[KEY.as_bytes(), b"258EAFA5-E914-47DA-95AC-C5AB0DC85B11"]),
                "mistyped: 258EAFA5-E914-47DA-95AC-",
            ),
            (BASE64.encode([0; 32]), "SHA-256"),
            (accept_for(KEY).trim_end_matches('=').to_owned(), "padding"),
        ];
        for (accept, cause) in table {
            let told = explain_accept(KEY, &accept).unwrap_or_default();
            assert!(told.contains(cause), "{accept}: {told:?}");
        }
        assert_eq!(explain_accept(KEY, &BASE64.encode([7; 20])), None);
    }
}

//! Names of captures as URIs (RFC 3986).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands for itself in a path (RFC 3986 §2.3), and the sign between its segments. A
/// colon would make the first segment a scheme.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The URI of a capture: relative for a relative name, else of a file.
pub(super) fn of_capture(name: &str) -> String {
    let slashes = if cfg!(windows) {
        name.replace('\\', "/")
    } else {
        name.to_owned()
    };
    let is_absolute = slashes.starts_with('/') || cfg!(windows) && slashes.get(1..3) == Some(":/");
    let segments: Vec<_> = slashes
        .split('/')
        .filter(|segment| !matches!(*segment, "" | "."))
        .collect();
    let path = segments.join("/");
    let encoded = utf8_percent_encode(&path, PATH);
    if is_absolute {
        format!("file:///{encoded}")
    } else if path.is_empty() {
        // A name has to be something.
        "capture".to_owned()
    } else {
        encoded.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(windows))]
    #[test]
    fn a_name_becomes_a_uri() {
        for (name, expected) in [
            ("captures/chat.pcap", "captures/chat.pcap"),
            ("./a//b/./c.pcap", "a/b/c.pcap"),
            ("../x.pcap", "../x.pcap"),
            ("/tmp/x.pcap", "file:///tmp/x.pcap"),
            ("//tmp/x", "file:///tmp/x"),
            ("http://x/y", "http%3A/x/y"),
            ("C:\\x", "C%3A%5Cx"),
            ("100% \"a\"#?\n.pcap", "100%25%20%22a%22%23%3F%0A.pcap"),
            ("caf\u{e9}\u{fffd}", "caf%C3%A9%EF%BF%BD"),
            ("-", "-"),
            ("", "capture"),
        ] {
            assert_eq!(of_capture(name), expected, "{name}");
        }
    }
}

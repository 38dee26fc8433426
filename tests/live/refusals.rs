//! What keeps the program from sniffing, and how it says so.

use std::process::Output;

use crate::cli::program;
use crate::sniffer::{LOOPBACK, permitted};

/// It failed with one message on standard error, and printed nothing; returns the message.
pub(crate) fn refused(output: Output) -> String {
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(output.stdout, b"");
    let message = stderr.strip_prefix("wsdump: ").unwrap();
    assert_eq!(message.lines().count(), 1, "{stderr}");
    message.trim_end().to_owned()
}

#[test]
fn a_wrong_capture_filter_gets_the_reason_and_the_place() {
    if !permitted() {
        return;
    }
    for (words, reason) in [
        (
            &["tcp port 80 adn udp"][..],
            "'tcp port 80 adn udp': syntax error after 'tcp port 80'",
        ),
        (
            &["tcp", "prot", "80"],
            "'tcp prot 80': syntax error after 'tcp'",
        ),
    ] {
        let output = program().args(["-i", LOOPBACK]).args(words).output();
        let message = refused(output.unwrap());
        // libpcap's own words may stand between, and differ.
        let (expression, place) = reason.split_once(": ").unwrap();
        assert!(
            message.starts_with(&format!("capture filter {expression}: ")),
            "{message}"
        );
        assert!(message.ends_with(place), "{message}");
    }
}

#[test]
fn a_wrong_name_gets_the_nearest_one() {
    let wrong = format!("{LOOPBACK}0");
    let output = program().args(["-i", &wrong]).output().unwrap();
    let expected = format!(
        "{wrong}: no such interface; did you mean {LOOPBACK}?; -D lists those that there are"
    );
    assert_eq!(refused(output), expected);
}

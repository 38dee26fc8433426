//! `JUnit`'s XML is what the schema says that Jenkins reads by.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wsdump::check::FormatName;

use crate::left_out::leave_out;
use crate::{HOSTILE, all_hostile, documents, hostile, report, schema_file};

/// Whether `JUnit`'s schema takes a document; else what xmllint says.
fn faults(schema: &Path, document: &str) -> Result<(), String> {
    let mut xmllint = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(schema)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = xmllint.stdin.take().unwrap();
    // It may stop reading where it finds a fault.
    let _ = stdin.write_all(document.as_bytes());
    drop(stdin);
    let output = xmllint.wait_with_output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn schema() -> Option<PathBuf> {
    let schema = schema_file("jenkins-junit.xsd")?;
    let mut version = Command::new("xmllint");
    let version = version.arg("--version").stderr(Stdio::null()).status();
    if version.is_err() {
        leave_out("no xmllint: run `make peers`");
        return None;
    }
    Some(schema)
}

#[test]
fn junit_is_valid_by_its_schema() {
    let Some(schema) = schema() else { return };
    for outcomes in documents() {
        let document = report(FormatName::Junit, &outcomes);
        assert_eq!(faults(&schema, &document), Ok(()), "{document}");
    }
}

/// The schema is no other than it says.
#[test]
fn what_is_no_junit_is_refused() {
    let Some(schema) = schema() else { return };
    let document = report(FormatName::Junit, &[hostile("a.pcap")]);
    assert_eq!(faults(&schema, &document), Ok(()));
    for (from, to) in [
        ("<testsuite name=\"a.pcap\"", "<testsuite"),
        ("tests=\"6\"", ""),
        ("tests=\"6\"", "tests=\"6\" flaky=\"1\""),
        ("<failure message=", "<fault message="),
        ("</testsuites>", ""),
        ("a.pcap", "a&b.pcap"),
        ("a.pcap", "a\u{1}b.pcap"),
        ("a.pcap", "a\u{ffff}b.pcap"),
    ] {
        let spoilt = document.replace(from, to);
        assert_ne!(spoilt, document, "{from}");
        assert!(faults(&schema, &spoilt).is_err(), "{from} → {to}");
    }
}

#[test]
fn suites_say_how_many_tests_they_have() {
    let document = report(FormatName::Junit, &all_hostile());
    let counts = "tests=\"6\" failures=\"4\" errors=\"1\" skipped=\"0\"";
    let count = |what: &str| document.matches(what).count();
    assert_eq!(count(counts), HOSTILE.len());
    assert_eq!(count("<testcase "), 6 * HOSTILE.len());
    assert_eq!(count("<failure "), 4 * HOSTILE.len());
    assert_eq!(count("<error "), HOSTILE.len());
}

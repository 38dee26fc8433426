//! Target `settings`: what users keep beside their captures.
//!
//! # Input
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 1 | what the rest is: settings (0), a baseline (1), two baselines (2), a mask and what it is used on (3); of it, modulo 4 |
//! | rest | the text; of two or more, each behind a byte 0 |
//!
//! # What has to hold
//!
//! - What is wrong is told, and acts on no terminal once it is escaped.
//! - A baseline that is written and read again is the same, is alike itself, and compared with
//!   another gives a page and a document.

use std::path::Path;

use serde_json::Value;
use wsdump::check::settings::Settings;
use wsdump::check::{Baseline, Comparison, Mask, PageStyle, Sides};
use wsdump::report::json_line;

use crate::capture_run::{assert_harmless, without_colours};
use crate::input::Bytes;

const SIDES: Sides<'_> = Sides {
    left: "the left",
    right: "the right",
};

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let kind = bytes.u8() % 4;
    let mut texts = bytes.0.split(|byte| *byte == 0);
    let mut next = || texts.next().unwrap_or_default();
    match kind {
        0 => settings(bytes.0),
        1 => {
            baseline(bytes.0);
        }
        2 => {
            if let (Some(left), Some(right)) = (baseline(next()), baseline(next())) {
                compare(&left, &right);
            }
        }
        _ => mask(next(), next(), next()),
    }
}

fn settings(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    match Settings::parse(text) {
        Ok(settings) => {
            for path in ["chat.pcap", "a/b.pcapng.gz", "", "."] {
                let options = settings.for_capture(Path::new(path));
                options.policy();
                options.bounds();
            }
        }
        Err(error) => {
            let lines = text.lines().count().max(1);
            assert!((1..=lines + 1).contains(&error.line), "line {}", error.line);
            assert!(!error.problem.is_empty());
        }
    }
}

fn baseline(text: &[u8]) -> Option<Baseline> {
    let baseline = Baseline::parse(text).ok()?;
    let written = baseline.to_text();
    let read = Baseline::parse(written.as_bytes()).expect("what was written can be read");
    assert_eq!(written, read.to_text());
    let alike = Comparison::new(
        &baseline.connections,
        &read.connections,
        baseline.compared.ignore_order,
    );
    assert!(alike.is_alike(), "it is not alike itself");
    let _ = baseline.scope();
    Some(baseline)
}

fn compare(left: &Baseline, right: &Baseline) {
    let Ok(left) = left.clone().comparing(&right.compared) else {
        return;
    };
    let (l, r) = (&left.connections, &right.connections);
    let comparison = Comparison::new(l, r, left.compared.ignore_order);
    for width in [None, Some(40)] {
        let style = PageStyle { width, color: true };
        let page = comparison.page(l, r, SIDES, style);
        assert_harmless("page", &without_colours(page.as_bytes()));
    }
    let document = json_line(&comparison.to_json(l, r));
    assert_harmless("document", document.as_bytes());
    serde_json::from_str::<Value>(&document).expect("no JSON");
    let is_told = !comparison.problems(l, r, SIDES).is_empty();
    assert_eq!(
        is_told,
        !comparison.is_alike(),
        "differences and what is told"
    );
}

fn mask(path: &[u8], pattern: &[u8], text: &[u8]) {
    let texts = [path, pattern, text].map(std::str::from_utf8);
    let [Ok(path), Ok(pattern), Ok(text)] = texts else {
        return;
    };
    let paths = (!path.is_empty()).then_some(path);
    let patterns = (!pattern.is_empty()).then_some(pattern);
    let Ok(mask) = Mask::new(paths, patterns) else {
        return;
    };
    let left = mask.text(text);
    assert!(patterns.is_some() || left == text);
    if let Some(json) = mask.json(text) {
        serde_json::from_str::<&serde_json::value::RawValue>(&json).expect("no JSON");
    }
}

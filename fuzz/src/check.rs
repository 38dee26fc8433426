//! Target `check`: a capture that is checked and recorded.
//!
//! # Input
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 1 | strict (bit 0), order ignored (bit 1), Pings ignored (bit 2), small limits (bit 3), a mask (bit 4) |
//! | rest | the capture |
//!
//! # What has to hold
//!
//! - A capture is alike what was recorded of it.
//! - Reports are JSON or XML where they have to be, and act on no terminal.

use serde_json::Value;
use wsdump::check::{
    Against, Baseline, Checked, Checker, Compared, Expectation, FormatName, Look, Outcome, Plan,
    Report, TestKind, Verbosity,
};
use wsdump::{Config, Limits};

use crate::capture_run::{assert_harmless, read, without_colours};
use crate::input::Bytes;
use crate::program::small_limits;

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let flags = bytes.u8();
    let masks = |what: &str| (flags & 0x10 != 0).then(|| what.to_owned());
    let compared = Compared {
        strict: flags & 1 != 0,
        headers: vec!["Origin".to_owned()],
        ignore: masks("$..id").into_iter().collect(),
        ignore_text: masks("[0-9]+").into_iter().collect(),
        ignore_order: flags & 2 != 0,
        ignore_pings: flags & 4 != 0,
    };
    let limits = if flags & 8 == 0 {
        Limits {
            max_inflated_bytes: 1 << 20,
            ..Limits::default()
        }
    } else {
        small_limits()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let expected = "connections == 1 and anomalies == 0";
    let plan = Plan {
        expectations: vec![Expectation::parse(expected).expect("an expectation")],
        ..Plan::default()
    };
    let Some(first) = check(bytes.0, config, &plan, &Against::Record(compared.clone())) else {
        return;
    };
    report(&first.outcome);
    let Some(recorded) = first.recorded else {
        return;
    };
    let text = Baseline::new(compared, recorded).to_text();
    assert_harmless("baseline", text.as_bytes());
    let baseline = Baseline::parse(text.as_bytes()).expect("what was written can be read");
    let against = Against::Baseline("recorded".to_owned(), baseline);
    let Some(again) = check(bytes.0, config, &plan, &against) else {
        return;
    };
    for test in &again.outcome.tests {
        let differs = test.kind == TestKind::Baseline && !test.passed();
        assert!(
            !differs,
            "not alike what was recorded: {:?}",
            test.result.problems()
        );
    }
    report(&again.outcome);
}

fn check(capture: &[u8], config: Config, plan: &Plan, against: &Against) -> Option<Checked> {
    let mut checker = Checker::new(plan, against).expect("a mask");
    let read = read(capture, config, &mut checker, |_, _| {})?;
    let errors: Vec<_> = read.errors.iter().map(ToString::to_string).collect();
    Some(checker.finish("input.pcap".to_owned(), &read.summary, &errors))
}

/// Whether every format tells the outcome in its form.
fn report(outcome: &Outcome) {
    for (name, format) in FormatName::ALL {
        let look = Look {
            width: Some(80),
            color: true,
            verbosity: Verbosity::Verbose,
        };
        let mut report = Report::new(format, look);
        let mut out = Vec::new();
        report
            .outcome(outcome, &mut out)
            .expect("a vector takes all");
        report.finish(&mut out).expect("a vector takes all");
        match format {
            FormatName::Json | FormatName::Sarif => {
                assert_harmless(name, &out);
                serde_json::from_slice::<Value>(&out).expect("no JSON");
            }
            FormatName::Junit => {
                assert_harmless(name, &out);
                check_xml(&out);
            }
            _ => assert_harmless(name, &without_colours(&out)),
        }
    }
}

/// Whether elements are closed as they were opened.
fn check_xml(written: &[u8]) {
    let mut reader = quick_xml::Reader::from_reader(written);
    reader.config_mut().check_end_names = true;
    let mut depth = 0_u32;
    loop {
        match reader.read_event().expect("no XML") {
            quick_xml::events::Event::Start(_) => depth += 1,
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
}

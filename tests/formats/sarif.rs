//! SARIF is what its schema says, and has what GitHub needs.

use std::collections::BTreeSet;

use serde_json::Value;
use wsdump::check::{FormatName, Outcome};

use crate::{documents, hostile, report, schema_file};

fn schema() -> Option<jsonschema::Validator> {
    let text = std::fs::read(schema_file("sarif-2.1.0-rtm.5.json")?).unwrap();
    let mut schema: Value = serde_json::from_slice(&text).unwrap();
    // Its pattern for languages is no regular expression for those who read them strictly,
    // and we state no language.
    for name in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][name]["properties"]["language"];
        let pattern = language.as_object_mut().unwrap().remove("pattern");
        assert!(pattern.is_some());
    }
    let options = jsonschema::options().should_validate_formats(true);
    Some(options.build(&schema).unwrap())
}

pub(crate) fn log(outcomes: &[Outcome]) -> Value {
    serde_json::from_str(&report(FormatName::Sarif, outcomes)).unwrap()
}

#[test]
fn sarif_is_valid_by_its_schema() {
    let Some(schema) = schema() else { return };
    for outcomes in documents() {
        let log = log(&outcomes);
        let faults: Vec<_> = schema
            .iter_errors(&log)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

/// The schema is no other than it says.
#[test]
fn what_is_no_sarif_is_refused() {
    let Some(schema) = schema() else { return };
    let log = log(&[hostile("a.pcap")]);
    assert!(schema.is_valid(&log));
    let spoil: [fn(&mut Value); 8] = [
        |log| log["version"] = "2.0.0".into(),
        |log| log["runs"][0]["tool"]["driver"]["name"] = Value::Null,
        |log| log["runs"][0]["tool"]["driver"]["rules"][0]["id"] = 7.into(),
        |log| log["runs"][0]["tool"]["driver"]["rules"][0]["helpUri"] = "RFC 6455 §5".into(),
        |log| log["runs"][0]["results"][0]["level"] = "fatal".into(),
        |log| log["runs"][0]["results"][0]["message"] = serde_json::json!({}),
        |log| log["runs"][0]["results"][0]["line"] = 1.into(),
        |log| {
            let location = &mut log["runs"][0]["results"][0]["locations"][0];
            location["physicalLocation"]["region"]["startLine"] = 0.into();
        },
    ];
    for (number, spoil) in spoil.iter().enumerate() {
        let mut log = log.clone();
        spoil(&mut log);
        assert!(!schema.is_valid(&log), "number {number}");
    }
}

/// What GitHub's documentation asks for beyond the schema: it refuses the whole file
/// otherwise, or does not show the result.
#[test]
fn sarif_has_what_github_needs() {
    for outcomes in documents() {
        let log = log(&outcomes);
        assert!(log["$schema"].is_string());
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for rule in rules {
            for (field, most) in [("shortDescription", 1024), ("fullDescription", 1024)] {
                let text = rule[field]["text"].as_str().unwrap();
                assert!((1..=most).contains(&text.len()), "{rule}");
            }
            assert!(!rule["help"]["text"].as_str().unwrap().is_empty());
        }
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            assert_eq!(result["locations"].as_array().unwrap().len(), 1);
            let location = &result["locations"][0]["physicalLocation"];
            assert!(location["region"]["startLine"].as_u64().unwrap() >= 1);
            let uri = location["artifactLocation"]["uri"].as_str().unwrap();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
            let path = uri.strip_prefix("file:").unwrap_or(uri);
            assert!(!path.is_empty() && path.chars().all(is_plain), "{uri}");
            let hash = &result["partialFingerprints"]["primaryLocationLineHash"];
            assert!(hash.is_string());
        }
        let successful = &run["invocations"][0]["executionSuccessful"];
        assert_eq!(*successful, Value::Bool(true));
    }
}

#[test]
fn no_two_results_of_a_rule_have_the_same_fingerprint() {
    let log = log(&documents().concat()[1..]);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let mut seen = BTreeSet::new();
    for result in results {
        let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        let rule = &result["ruleId"];
        let print = &result["partialFingerprints"]["primaryLocationLineHash"];
        let key = format!("{uri} {rule} {print}");
        assert!(seen.insert(key), "{result}");
    }
}

//! What SARIF says of rules: those of the specifications, and one for each other kind of test.

use serde_json::{Value, json};

use super::super::words::kind;
use crate::anomaly::Rule;
use crate::check::{TestKind, link};

/// Kinds of test that have a rule of their own, with what they ask.
const KINDS: [(TestKind, &str); 4] = [
    (
        TestKind::Capture,
        "The capture can be read, and holds WebSocket.",
    ),
    (TestKind::Rules, "The rules can be judged."),
    (
        TestKind::Expectation,
        "What is expected of the capture holds.",
    ),
    (
        TestKind::Baseline,
        "What was said is what the baseline says.",
    ),
];

/// Every rule, whether it is broken or not: the list is the same in every report.
pub(super) fn all() -> Vec<Value> {
    let rules = Rule::ALL.iter().map(|rule| descriptor(*rule));
    let kinds = KINDS.iter().map(|(of, text)| {
        json!({
            "id": kind(*of),
            "shortDescription": {"text": text},
            "fullDescription": {"text": text},
            "help": {"text": text},
            "defaultConfiguration": {"level": "error"},
        })
    });
    rules.chain(kinds).collect()
}

/// Place of a rule in the list.
pub(super) fn index_of_rule(rule: Rule) -> usize {
    place(Rule::ALL.iter().position(|other| *other == rule))
}

/// Place of a test's rule in the list.
pub(super) fn index_of_test(test: TestKind) -> usize {
    Rule::ALL.len() + place(KINDS.iter().position(|(kind, _)| *kind == test))
}

fn place(found: Option<usize>) -> usize {
    debug_assert!(found.is_some(), "both lists have all there are");
    found.unwrap_or_default()
}

fn descriptor(rule: Rule) -> Value {
    let (short, reference) = (rule.explanation(), rule.reference());
    let link = link(rule);
    let (full, markdown) = match &link {
        Some(link) => (
            format!("{short} Specified in {reference}."),
            format!("{short} Specified in [{reference}]({link})."),
        ),
        None => (short.to_owned(), short.to_owned()),
    };
    let mut descriptor = json!({
        "id": rule.name(),
        "shortDescription": {"text": short},
        "fullDescription": {"text": full},
        "help": {"text": full, "markdown": markdown},
        "defaultConfiguration": {"level": rule.severity().name()},
    });
    if let Some(link) = link {
        descriptor["helpUri"] = link.into();
    }
    descriptor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_rule_is_its_place() {
        let all = all();
        for rule in Rule::ALL {
            assert_eq!(all[index_of_rule(*rule)]["id"], rule.name());
        }
        for (test, _) in KINDS {
            assert_eq!(all[index_of_test(test)]["id"], kind(test));
        }
    }
}

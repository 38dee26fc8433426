//! Paths into JSON messages.

use serde_json::Value as Json;

use super::Subject;
use crate::filter::value::{Emit, Value};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::filter) enum Step {
    /// A member of an object, or an element of an array where the name is a number.
    Name(String),
    /// An element of an array, from 0.
    Index(usize),
}

/// The steps of a path such as `.items.0.id`; `None` when a name is missing.
pub(in crate::filter) fn steps(path: &str) -> Option<Vec<Step>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    let names = path.strip_prefix('.')?.split('.');
    let step = |name: &str| (!name.is_empty()).then(|| Step::Name(name.to_owned()));
    names.map(step).collect()
}

/// Hands over what is at `path`; says whether anything is. The elements of an array are
/// values each, as a field of a packet may have several.
pub(super) fn read(subject: &Subject<'_>, path: &[Step], emit: &mut Emit<'_>) -> bool {
    let mut found = subject.json();
    for step in path {
        found = found.and_then(|json| match step {
            Step::Index(at) => json.get(*at),
            Step::Name(name) => match json {
                Json::Array(_) => json.get(name.parse::<usize>().ok()?),
                _ => json.get(name),
            },
        });
    }
    match found {
        None => return false,
        Some(Json::Array(elements)) => elements.iter().for_each(|json| emit.value(value(json))),
        Some(json) => emit.value(value(json)),
    }
    true
}

fn value(json: &Json) -> Value<'_> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(*value),
        Json::Number(number) => match number.as_i128() {
            Some(whole) => Value::Number(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Bytes(text.as_bytes()),
        Json::Array(_) | Json::Object(_) => Value::Present,
    }
}

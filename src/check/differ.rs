//! Where two JSON values differ.

use serde_json::Value;

use super::layout::readable;

/// A place at which two values differ, with what is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ValueDifference<'v> {
    /// JSONPath of the place: `$.items[0].id`.
    pub(super) path: String,
    pub(super) left: Option<&'v Value>,
    pub(super) right: Option<&'v Value>,
}

/// The first places at which two values differ, at most `most`, and whether there are more.
pub(super) fn differences<'v>(
    left: &'v Value,
    right: &'v Value,
    most: usize,
) -> (Vec<ValueDifference<'v>>, bool) {
    let mut found = Vec::new();
    compare(
        "$".to_owned(),
        Some(left),
        Some(right),
        most + 1,
        &mut found,
    );
    let has_more = found.len() > most;
    found.truncate(most);
    (found, has_more)
}

fn compare<'v>(
    path: String,
    left: Option<&'v Value>,
    right: Option<&'v Value>,
    most: usize,
    found: &mut Vec<ValueDifference<'v>>,
) {
    if found.len() >= most || left == right {
        return;
    }
    match (left, right) {
        (Some(Value::Object(l)), Some(Value::Object(r))) => {
            for (name, value) in l {
                compare(member(&path, name), Some(value), r.get(name), most, found);
            }
            for (name, value) in r.iter().filter(|(name, _)| !l.contains_key(*name)) {
                compare(member(&path, name), None, Some(value), most, found);
            }
        }
        (Some(Value::Array(l)), Some(Value::Array(r))) => {
            for at in 0..l.len().max(r.len()) {
                compare(format!("{path}[{at}]"), l.get(at), r.get(at), most, found);
            }
        }
        _ => found.push(ValueDifference { path, left, right }),
    }
}

/// Path of a member; names that are no identifiers are quoted.
fn member(path: &str, name: &str) -> String {
    let is_letter = |c: char| c == '_' || c.is_ascii_alphabetic();
    let is_plain =
        name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit());
    if is_plain {
        format!("{path}.{name}")
    } else {
        format!("{path}[{}]", readable(&Value::String(name.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(left: &Value, right: &Value) -> Vec<String> {
        let text = |value: Option<&Value>| value.map_or("-".to_owned(), readable);
        let (found, has_more) = differences(left, right, 3);
        let lines = found.iter().map(|difference| {
            let ValueDifference { path, left, right } = difference;
            format!("{path} {} {}", text(*left), text(*right))
        });
        lines.chain(has_more.then(|| "…".to_owned())).collect()
    }

    #[test]
    fn each_place_has_its_path() {
        assert_eq!(shown(&json!(1), &json!(1)), [""; 0]);
        assert_eq!(
            shown(
                &json!({"a": [1, {"b": 2}]}),
                &json!({"a": [1, {"b": 3}, 4]})
            ),
            ["$.a[1].b 2 3", "$.a[2] - 4",]
        );
        assert_eq!(
            shown(&json!({"a b": 1, "c": {}}), &json!({"c": [], "é": null})),
            [r#"$["a b"] 1 -"#, "$.c {} []", r#"$["é"] - null"#,]
        );
        assert_eq!(
            shown(&json!([1, 2, 3, 4]), &json!([2, 3, 4, 5])),
            ["$[0] 1 2", "$[1] 2 3", "$[2] 3 4", "…",]
        );
    }
}

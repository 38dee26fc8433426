//! Where two JSON values differ.

use std::fmt;

use serde_json::Value;

use crate::check::said::readable;

/// A place at which two values differ, with what is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ValueDifference<'v> {
    /// `JSONPath` of the place: `$.items[0].id`.
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
    compare(&Path::Root, Some(left), Some(right), most + 1, &mut found);
    let has_more = found.len() > most;
    found.truncate(most);
    (found, has_more)
}

/// The way to a value. It becomes text only where there is a difference.
enum Path<'p> {
    Root,
    Member(&'p Self, &'p str),
    Element(&'p Self, usize),
}

fn compare<'v>(
    path: &Path<'_>,
    left: Option<&'v Value>,
    right: Option<&'v Value>,
    most: usize,
    found: &mut Vec<ValueDifference<'v>>,
) {
    match (left, right) {
        _ if found.len() >= most => {}
        (Some(Value::Object(l)), Some(Value::Object(r))) => {
            for (name, value) in l {
                let path = Path::Member(path, name);
                compare(&path, Some(value), r.get(name), most, found);
            }
            for (name, value) in r.iter().filter(|(name, _)| !l.contains_key(*name)) {
                compare(&Path::Member(path, name), None, Some(value), most, found);
            }
        }
        (Some(Value::Array(l)), Some(Value::Array(r))) => {
            for at in 0..l.len().max(r.len()) {
                let path = Path::Element(path, at);
                compare(&path, l.get(at), r.get(at), most, found);
            }
        }
        _ if left == right => {}
        _ => found.push(ValueDifference {
            path: path.to_string(),
            left,
            right,
        }),
    }
}

/// Names that are no identifiers are quoted.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_letter = |c: char| c == '_' || c.is_ascii_alphabetic();
        let is_plain = |name: &str| {
            name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
        };
        match self {
            Self::Root => f.write_str("$"),
            Self::Member(path, name) if is_plain(name) => write!(f, "{path}.{name}"),
            Self::Member(path, name) => {
                write!(
                    f,
                    "{path}[{}]",
                    readable(&Value::String((*name).to_owned()))
                )
            }
            Self::Element(path, at) => write!(f, "{path}[{at}]"),
        }
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

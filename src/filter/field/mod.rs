//! The fields that a filter can ask for: one place each, with name, type, a line of
//! description, and how its values are read from an event.
//!
//! A field may have several values (`tcp.port` has two), or none, where it does not belong
//! to what the event tells. The figures that an expectation can ask for are in a table of
//! their own.

mod figures;
mod http;
mod json;
mod lower;
mod own;
mod subject;
mod tcp;
mod websocket;

use super::value::{Emit, FieldType, Value};
use crate::anomaly::Rule;

pub(super) use figures::{FAMILY, Figure, Unknown, figure_names, figures};
pub(super) use json::{Step, steps};
pub(super) use subject::Subject;

/// A field.
#[derive(Debug)]
pub struct Field {
    /// Its name: Wireshark's, if Wireshark has it.
    pub name: &'static str,
    /// Type of its values.
    pub kind: FieldType,
    /// What it is, in one line.
    pub about: &'static str,
    /// Whether its values are parts of a payload.
    pub(super) of_payload: bool,
    pub(super) read: Read,
}

/// Hands over the values that a field has in a subject.
type Read = for<'s> fn(&Subject<'s>, &mut Emit<'_>);

/// Makes a table of fields. `payload` in front of a name: its values are parts of one.
macro_rules! field_table {
    ($($(@$of:ident)? $name:literal $kind:expr, $about:expr, |$subject:ident, $emit:ident| $read:expr;)*) => {
        &[$($crate::filter::field::Field {
            name: $name,
            kind: $kind,
            about: $about,
            of_payload: $crate::filter::field::field_table!(@of $($of)?),
            read: |$subject, $emit| $read,
        }),*]
    };
    (@of payload) => { true };
    (@of) => { false };
}
use field_table;

/// Every field, those of the lower layers first.
pub fn fields() -> impl Iterator<Item = &'static Field> {
    [
        lower::FIELDS,
        tcp::FIELDS,
        http::FIELDS,
        http::HEADER_FIELDS,
        websocket::FIELDS,
        own::FIELDS,
    ]
    .into_iter()
    .flatten()
}

/// Names that stand for many: header fields, and paths into JSON.
pub const FAMILIES: [(&str, FieldType, &str); 3] = [
    (
        "http.header.NAME",
        FieldType::Text,
        "The header field NAME; - and _ are the same",
    ),
    ("ws.json", FieldType::Json, "A message that is JSON"),
    (
        "ws.json.PATH",
        FieldType::Json,
        "What is at this path of a JSON message: ws.json.items[0].id, ws.json[\"odd name\"]",
    ),
];

/// A field or figure that an expression names.
#[derive(Clone, Debug)]
pub(super) enum FieldRef {
    Table(&'static Field),
    Figure(&'static Figure),
    /// How often a rule was broken in a capture.
    Rule(Rule),
    /// The HTTP header fields of a name.
    Header(String),
    /// What is at a path of a JSON message.
    Json(Vec<Step>),
}

impl FieldRef {
    /// The field called `name`, if there is one; of JSON, all up to the first bracket.
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some(header) = name.strip_prefix("http.header.") {
            return (!header.is_empty()).then(|| Self::Header(header.replace('_', "-")));
        }
        if let Some(path) = name.strip_prefix("ws.json") {
            return steps(path).map(Self::Json);
        }
        fields().find(|field| field.name == name).map(Self::Table)
    }

    pub(super) fn kind(&self) -> FieldType {
        match self {
            Self::Table(field) => field.kind,
            Self::Figure(figure) => figure.kind,
            Self::Rule(_) => FieldType::Unsigned(8),
            Self::Header(_) => FieldType::Text,
            Self::Json(_) => FieldType::Json,
        }
    }

    /// Whether its values are parts of a payload.
    pub(super) fn is_of_payload(&self) -> bool {
        match self {
            Self::Table(field) => field.of_payload,
            Self::Figure(_) | Self::Rule(_) | Self::Header(_) => false,
            Self::Json(_) => true,
        }
    }

    /// Hands over the values; says whether the field is there at all. (A list of JSON may be
    /// there and have none.)
    pub(super) fn read(&self, subject: &Subject<'_>, take: &mut dyn FnMut(Value<'_>)) -> bool {
        let mut emit = Emit::new(take);
        match self {
            Self::Table(field) => (field.read)(subject, &mut emit),
            Self::Figure(figure) => figure.read(subject, &mut emit),
            Self::Rule(rule) => {
                let figures = subject.capture().map(|(figures, _)| figures);
                emit.numbers(figures.and_then(|figures| figures.anomalies_against(*rule)));
            }
            Self::Header(name) => {
                let fields = subject.headers().into_iter();
                let same = |field: &str| {
                    let mut pairs = field.bytes().zip(name.bytes());
                    field.len() == name.len()
                        && pairs.all(|(a, b)| a.eq_ignore_ascii_case(&b) || a == b'_' && b == b'-')
                };
                let fields = fields.flat_map(|headers| headers.0.iter());
                let fields = fields.filter(|(field, _)| same(field));
                emit.texts(fields.map(|(_, value)| value.as_str()));
            }
            Self::Json(path) => return json::read(subject, path, &mut emit),
        }
        emit.came
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_descriptions_are_one_line() {
        let mut names = HashSet::new();
        for field in fields() {
            assert!(names.insert(field.name), "{} is there twice", field.name);
            assert!(!field.about.ends_with('.') && !field.about.contains('\n'));
            assert!(field.about.len() <= 90, "{}: {}", field.name, field.about);
            assert!(FieldRef::named(field.name).is_some());
        }
    }
}

//! The fields and the names of figures as tables.

use std::fmt;

use super::field::{FAMILIES, FAMILY, fields, figures};
use super::value::FieldType;

/// Shows every field on a line of its own: name, type, description.
///
/// The columns are aligned by blanks and there is nothing else, so that grep and awk can
/// read it.
#[derive(Clone, Copy, Debug)]
pub struct FieldList;

impl fmt::Display for FieldList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = fields().map(|field| (field.name, field.kind, field.about));
        Rows(rows.chain(FAMILIES).collect()).fmt(f)
    }
}

/// What is in a table: name, type, description.
pub(crate) struct Rows(Vec<(&'static str, FieldType, &'static str)>);

/// The names of figures.
pub(crate) fn figure_rows() -> Rows {
    let rows = figures().map(|figure| (figure.name, figure.kind, figure.about));
    Rows(rows.chain([FAMILY]).collect())
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.0.iter();
        let rows: Vec<_> = rows
            .map(|(name, kind, about)| (name, kind.to_string(), about))
            .collect();
        let name_width = rows.iter().map(|(name, ..)| name.len()).max();
        let kind_width = rows.iter().map(|(_, kind, _)| kind.len()).max();
        let (name_width, kind_width) = (name_width.unwrap_or(0), kind_width.unwrap_or(0));
        for (name, kind, about) in rows {
            writeln!(f, "{name:name_width$}  {kind:kind_width$}  {about}")?;
        }
        Ok(())
    }
}

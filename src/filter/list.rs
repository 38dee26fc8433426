//! The fields as a table.

use std::fmt;

use super::field::{FAMILIES, fields};

/// Shows every field on a line of its own: name, type, description.
///
/// The columns are aligned by blanks and there is nothing else, so that grep and awk can
/// read it.
#[derive(Clone, Copy, Debug)]
pub struct FieldList;

impl fmt::Display for FieldList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = fields()
            .map(|field| (field.name, field.kind, field.about))
            .chain(FAMILIES)
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

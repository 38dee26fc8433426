//! The limits as a table.

use comfy_table::{ContentArrangement, Table};

use crate::limits::Limit;

/// What a text wraps at, where no terminal says it.
const WIDTH: u16 = 120;

/// Every limit: its name, its default and what else it may be, what it bounds and why, and
/// what is done when it is reached.
pub fn limits_table(width: Option<u16>) -> String {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::UTF8_FULL)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.unwrap_or(WIDTH))
        .set_header(["Limit", "What it bounds"]);
    for limit in Limit::ALL {
        let (name, default, range) = (limit.name, limit.default_value(), limit.range());
        let unit = match limit.unit.name() {
            "" => String::new(),
            unit => format!(" {unit}"),
        };
        let left = format!("{name}\ndefault {default}{unit}\n{range}");
        let right = format!(
            "{}\nWhy {default}: {}\nReached: {}",
            limit.bounds, limit.reason, limit.reached
        );
        table.add_row([left, right]);
    }
    if let Some(column) = table.column_mut(0) {
        // Only the text wraps.
        column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn the_table_has_every_limit_and_fits() {
        for width in [80, 120] {
            let table = limits_table(Some(width));
            let widest = table.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
            assert!(widest <= width.into(), "{widest}");
            for limit in Limit::ALL {
                let (name, default) = (limit.name, limit.default_value());
                assert!(table.contains(&format!("{name} ")), "{name}");
                assert!(table.contains(&format!("default {default} ")), "{name}");
            }
        }
    }
}

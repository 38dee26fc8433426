//! `-D`: the interfaces.

use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use wsdump::capture::live::{Interface, interfaces};

/// The interfaces as a table.
pub(crate) fn list() -> anyhow::Result<String> {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["Name", "Description", "Addresses", "State", "Link type"]);
    for interface in interfaces()? {
        table.add_row(row(&interface));
    }
    // Names and addresses are copied from here, so they are not broken.
    for column in [0, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    Ok(table.to_string())
}

fn row(interface: &Interface) -> [String; 5] {
    let state = [
        (interface.up, "up"),
        (interface.running, "running"),
        (interface.loopback, "loopback"),
        (interface.wireless, "wireless"),
    ];
    let state: Vec<_> = state
        .into_iter()
        .filter_map(|(is, name)| is.then_some(name))
        .collect();
    let addresses = interface.addresses.iter().map(ToString::to_string);
    let link_type = interface.link_type.map(|link_type| link_type.to_string());
    [
        interface.name.clone(),
        interface.description.clone().unwrap_or_default(),
        addresses.collect::<Vec<_>>().join("\n"),
        state.join(", "),
        link_type.unwrap_or_default(),
    ]
}

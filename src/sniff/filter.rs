//! `-f` with files, and what is said of capture filters that are none.

use anyhow::anyhow;
use wsdump::capture::live::{BpfFilter, FilterError};
use wsdump::capture::{LinkType, Packet};
use wsdump::filter::Filter;

/// A capture filter over files, whose packets may have several link types.
#[derive(Debug)]
pub(crate) struct FileFilter {
    expression: String,
    compiled: Vec<(LinkType, BpfFilter)>,
}

impl FileFilter {
    /// A filter of this expression. Whether it is valid is known with the first packet.
    pub(crate) fn new(expression: String) -> Self {
        Self {
            expression,
            compiled: Vec::new(),
        }
    }

    /// Whether the filter matches a packet.
    pub(crate) fn matches(&mut self, packet: &Packet<'_>) -> anyhow::Result<bool> {
        let of_type = |(link_type, _): &(LinkType, BpfFilter)| *link_type == packet.link_type;
        if let Some((_, filter)) = self.compiled.iter().find(|known| of_type(known)) {
            return Ok(filter.matches(packet.data));
        }
        let compiled = BpfFilter::compile(packet.link_type, &self.expression);
        let filter = compiled.map_err(|error| explained(&error))?;
        let matches = filter.matches(packet.data);
        self.compiled.push((packet.link_type, filter));
        Ok(matches)
    }
}

/// The error, and where the filter belongs if it is a display filter.
pub(super) fn explained(error: &FilterError) -> anyhow::Error {
    if Filter::parse(&error.expression).is_ok() {
        anyhow!("{error}; it is a display filter: those go to -Y")
    } else {
        anyhow!("{error}")
    }
}

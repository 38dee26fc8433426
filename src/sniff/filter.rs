//! `-f` with files.

use wsdump::capture::live::BpfFilter;
use wsdump::capture::{LinkType, Packet};

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
        let filter = BpfFilter::compile(packet.link_type, &self.expression)?;
        let matches = filter.matches(packet.data);
        self.compiled.push((packet.link_type, filter));
        Ok(matches)
    }
}

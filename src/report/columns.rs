//! Widths of the timeline's columns.

/// How wide each column is, in terminal columns.
///
/// Rows are printed as they come, so widths cannot be known beforehand: the first row
/// decides the layout, wide or narrow, and a column grows when something wider comes, with
/// the rows after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// Columns of the terminal; `None` for no limit.
    terminal: Option<usize>,
    layout: Option<Layout>,
    /// Packet number.
    pub(super) number: usize,
    pub(super) time: usize,
    /// Connection number.
    pub(super) connection: usize,
    /// Address and port, of source and of destination.
    pub(super) address: usize,
    pub(super) protocol: usize,
    /// Payload length.
    pub(super) length: usize,
}

/// Which columns there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// All.
    Wide,
    /// An arrow stands for the addresses and the protocol.
    Narrow,
}

/// With fewer columns left for Info, the addresses give way.
const LEAST_INFO: usize = 28;

/// Spaces between columns.
pub(super) const SPACE: usize = 2;

impl Columns {
    pub(super) fn new(terminal: Option<usize>, time: usize) -> Self {
        Self {
            terminal,
            layout: None,
            number: 5,
            time,
            connection: 2,
            address: 0,
            protocol: 9,
            length: 6,
        }
    }

    /// The layout; the widths at the first call decide it.
    pub(super) fn layout(&mut self) -> Layout {
        let fits = self
            .terminal
            .is_none_or(|columns| columns >= self.wide() + LEAST_INFO);
        let layout = if fits { Layout::Wide } else { Layout::Narrow };
        *self.layout.get_or_insert(layout)
    }

    /// Columns left for Info; `None` for no limit.
    pub(super) fn room(&mut self) -> Option<usize> {
        let used = match self.layout() {
            Layout::Wide => self.wide(),
            Layout::Narrow => self.narrow(),
        };
        self.terminal.map(|columns| columns.saturating_sub(used))
    }

    fn wide(&self) -> usize {
        let addresses = 2 * self.address + ARROW + 2 * SPACE;
        self.prefix() + self.connection + addresses + self.protocol + self.length + 4 * SPACE
    }

    fn narrow(&self) -> usize {
        self.prefix() + self.connection + ARROW + self.length + 3 * SPACE
    }

    /// What stands before the connection's number.
    fn prefix(&self) -> usize {
        self.number + self.time + 2 * SPACE
    }
}

const ARROW: usize = 1;

/// Makes `column` as wide as `text` is long, which must be ASCII.
pub(super) fn widen(column: &mut usize, text: &str) {
    *column = text.len().max(*column);
}

/// Appends `text`, which must be ASCII, at the right of a column.
pub(super) fn push_right(text: &str, column: usize, out: &mut Vec<u8>) {
    out.resize(out.len() + column.saturating_sub(text.len()), b' ');
    out.extend_from_slice(text.as_bytes());
}

/// Appends `text`, which must be ASCII, at the left of a column.
pub(super) fn push_left(text: &str, column: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    out.resize(out.len() + column.saturating_sub(text.len()), b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(terminal: Option<usize>, address: usize) -> Columns {
        Columns {
            address,
            ..Columns::new(terminal, 10)
        }
    }

    #[test]
    fn addresses_give_way_on_a_narrow_terminal() {
        for (terminal, address, layout) in [
            (None, 47, Layout::Wide),
            (Some(200), 47, Layout::Wide),
            (Some(120), 21, Layout::Wide),
            (Some(120), 47, Layout::Narrow),
            (Some(80), 15, Layout::Narrow),
        ] {
            let mut columns = columns(terminal, address);
            assert_eq!(columns.layout(), layout, "{address} in {terminal:?}");
        }
    }

    #[test]
    fn the_layout_stays_when_something_wider_comes() {
        let mut columns = columns(Some(120), 15);
        assert_eq!(columns.layout(), Layout::Wide);
        assert_eq!(columns.room(), Some(41));
        columns.address = 47;
        assert_eq!(columns.layout(), Layout::Wide);
        assert_eq!(columns.room(), Some(0));
    }
}

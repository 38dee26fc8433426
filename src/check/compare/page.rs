//! A comparison of two captures for people to read.

use anstyle::{AnsiColor, Style};

use super::{Comparison, Sides};
use crate::check::Conversation;
use crate::report::{append, count, cut_to_width, escape};

/// What a page looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageStyle {
    /// Columns of the terminal; `None` for no limit.
    pub width: Option<usize>,
    /// Whether to colour what matters.
    pub color: bool,
}

impl Comparison {
    /// What differs, with headings; one line where nothing does.
    pub fn page(
        &self,
        left: &[Conversation],
        right: &[Conversation],
        sides: Sides<'_>,
        style: PageStyle,
    ) -> String {
        let mut page = String::new();
        for problem in self.problems(left, right, sides) {
            let bold = Style::new().bold();
            // The heading is for reading: it goes on in the next line, where it must.
            let mut heading = String::new();
            escape(&problem.message, &mut heading);
            style.put(&heading, bold, &mut page);
            for line in &problem.lines {
                let mut text = "  ".to_owned();
                escape(line, &mut text);
                if let Some(width) = style.width {
                    cut_to_width(&mut text, width);
                }
                style.put(&text, of_sign(line), &mut page);
            }
            page.push('\n');
        }
        if page.is_empty() {
            let connections = count(self.pairs.len() as u64, "connection", "connections");
            append!(page, "The same is said on {connections}.\n\n");
        }
        page
    }
}

impl PageStyle {
    fn put(self, text: &str, style: Style, page: &mut String) {
        if self.color && style != Style::new() {
            append!(page, "{style}{text}{style:#}\n");
        } else {
            append!(page, "{text}\n");
        }
    }
}

/// What is only on the left is red, what is only on the right green, what moved yellow.
fn of_sign(line: &str) -> Style {
    let color = match line.as_bytes().get(..5) {
        Some(b"   - ") => AnsiColor::Red,
        Some(b"   + ") => AnsiColor::Green,
        Some(b"   ~ ") => AnsiColor::Yellow,
        _ => return Style::new(),
    };
    color.on_default()
}

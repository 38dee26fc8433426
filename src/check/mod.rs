//! A capture as a test: rules, expectations and a baseline, for CI.
//!
//! ```text
//! events ─▶ Judge ────▶ findings ─────▶ Policy ─┐
//!        ─▶ Figures ──▶ expectations ───────────┼─▶ Outcome ─▶ text, JSON, JUnit,
//!        ─▶ Recorder ─▶ conversations ─▶ baseline ┘            SARIF, GitHub
//! ```
//!
//! What is asked of a capture is a list of [`Test`]s, and what came of them its
//! [`Outcome`]; the formats know nothing else.

mod align;
mod baseline;
mod catalogue;
mod checker;
mod compare;
mod conversation;
mod differ;
mod document;
pub mod examples;
pub mod expectation;
mod finding;
mod format;
mod json;
mod judge;
mod layout;
mod mask;
mod matching;
mod outcome;
mod page;
mod payload;
mod policy;
mod recorder;
pub mod settings;
mod side_by_side;
mod splice;
mod told;

use crate::event::Event;

pub use baseline::{Baseline, BaselineError, Compared};
pub use catalogue::{explain, link, rules_table};
pub use checker::{Against, Checked, Checker, Plan};
pub use compare::{Cell, Change, Comparison, Pair, Part, PartDifference, Row};
pub use conversation::{Close, Control, Conversation, DataOpcode, Handshake, Message, Sent};
pub use expectation::{Expectation, ExpectationNames, Verdict};
pub use finding::{Finding, Findings};
pub use format::{FormatName, Look, Report, Totals, Verbosity};
pub use json::Json;
pub use judge::{Bounds, Judge};
pub use mask::{LEFT_OUT, Mask, MaskError};
pub use outcome::{Counts, Outcome, Place, Problem, Test, TestKind, TestResult};
pub use page::PageStyle;
pub use policy::{Judgement, Policy};
pub use recorder::{Recorder, Scope};
pub use side_by_side::{figures_json, side_by_side};
pub use told::Sides;

/// Where an event is.
fn place_of(event: &Event<'_>) -> Place {
    Place {
        packet: event.at.packet,
        elapsed: event.elapsed,
        connection: event.connection.number,
    }
}

//! A capture as a test: rules, expectations and a baseline, for CI.
//!
//! ```text
//! events ─▶ Judge ────▶ findings ───────────────▶ Policy ─┐
//!        ─▶ Figures ──▶ expectations ────────────────────┼─▶ Outcome ─▶ Report: text, JSON,
//!        ─▶ Recorder ─▶ conversations ─▶ Comparison ─────┘              JUnit, SARIF, GitHub
//! ```
//!
//! What is asked of a capture is a list of [`Test`]s, and what came of them its
//! [`Outcome`]; the formats know nothing else. A [`Comparison`] is between a [`Baseline`] and a
//! capture, or between two captures, as `wsdump diff` makes it.

mod catalogue;
mod checker;
mod compare;
pub mod examples;
pub mod expectation;
mod finding;
mod format;
mod judge;
mod outcome;
mod policy;
mod said;
pub mod settings;

use crate::event::Event;

pub use catalogue::{explain, link, rules_table};
pub use checker::{Against, Checked, Checker, Plan};
pub use compare::{
    Cell, Change, Comparison, PageStyle, Pair, Part, PartDifference, Row, Sides, figures_json,
    side_by_side,
};
pub use expectation::{Expectation, ExpectationNames, Verdict};
pub use finding::{Finding, Findings};
pub use format::{FormatName, Look, Report, Totals, Verbosity};
pub use judge::{Bounds, Judge};
pub use outcome::{Counts, Outcome, Place, Problem, Test, TestKind, TestResult};
pub use policy::{Judgement, Policy};
pub use said::{
    Baseline, BaselineError, Close, Compared, Control, Conversation, DataOpcode, Handshake,
    JsonText, LEFT_OUT, Mask, MaskError, Message, Recorder, Scope, Sent,
};

/// Where an event is.
fn place_of(event: &Event<'_>) -> Place {
    Place {
        packet: event.at.packet,
        elapsed: event.elapsed,
        connection: event.connection.number,
    }
}

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

mod finding;
mod format;
mod outcome;
mod policy;

pub use finding::{Finding, Findings};
pub use format::{FormatName, Look, Report, Totals, Verbosity};
pub use outcome::{Counts, Outcome, Place, Problem, Test, TestKind, TestResult};
pub use policy::{Judgement, Policy};

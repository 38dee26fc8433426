//! What came of checking a capture.

use super::{Findings, Policy};

/// What came of checking one capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The capture, as it was named.
    pub capture: String,
    /// What it holds.
    pub counts: Counts,
    /// Broken rules, in order of packets.
    pub findings: Findings,
    /// Which of them matter.
    pub policy: Policy,
    /// All that was asked of it; never empty.
    pub tests: Vec<Test>,
}

/// What a capture holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets read.
    pub packets: u64,
    /// Connections on which WebSocket was asked for or found.
    pub connections: u64,
    /// Data messages.
    pub messages: u64,
}

/// One thing that was asked of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What kind of thing.
    pub kind: TestKind,
    /// What it is called: unique within its capture.
    pub name: String,
    /// What came of it.
    pub result: TestResult,
}

/// Kinds of test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestKind {
    /// The capture can be read, and holds WebSocket.
    Capture,
    /// No rule that matters is broken. Its findings are those of the outcome.
    Rules,
    /// An expectation holds.
    Expectation,
    /// What was said is what the baseline says.
    Baseline,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestResult {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed(Vec<Problem>),
    /// It cannot be said whether it holds: a file that cannot be read, an expectation that
    /// the capture does not answer. Never a pass.
    Error(Vec<Problem>),
}

/// Why a test did not pass. May hold text from the network: formats escape it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The reason, in one line.
    pub message: String,
    /// Where, if it has a place in the capture.
    pub place: Option<Place>,
    /// More about it, for whoever looks into it.
    pub lines: Vec<String>,
}

/// A place in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the packet, from 1.
    pub packet: u64,
    /// Nanoseconds since the capture's first packet.
    pub elapsed: i64,
    /// Number of the connection, from 1.
    pub connection: u64,
}

impl Outcome {
    /// Whether every test passed.
    pub fn passed(&self) -> bool {
        self.tests.iter().all(Test::passed)
    }
}

impl Test {
    /// Whether it holds.
    pub fn passed(&self) -> bool {
        self.result == TestResult::Passed
    }
}

impl TestResult {
    /// Why it does not hold.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Passed => &[],
            Self::Failed(problems) | Self::Error(problems) => problems,
        }
    }
}

impl Problem {
    /// A reason without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: None,
            lines: Vec::new(),
        }
    }
}

//! One capture checked: its events in, an outcome out.

use super::{
    Baseline, Bounds, Compared, Comparison, Conversation, Counts, Expectation, Findings, Judge,
    Judgement, MaskError, Outcome, Policy, Problem, Recorder, Sides, Test, TestKind, TestResult,
    Verdict,
};
use crate::Summary;
use crate::event::{Event, EventSink, OtherPacket};
use crate::report::{Figures, closing_lines, count, undecoded};

/// What is asked of a capture.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Which broken rules matter.
    pub policy: Policy,
    /// What is too slow, too large or too often.
    pub bounds: Bounds,
    /// What has to hold.
    pub expectations: Vec<Expectation>,
}

/// What is said in a capture: with what it is compared, if it is.
#[derive(Clone, Debug, Default)]
pub enum Against {
    /// It is neither compared nor recorded.
    #[default]
    Nothing,
    /// It is compared with a baseline of this name.
    Baseline(String, Baseline),
    /// It is recorded.
    Record(Compared),
}

/// What came of checking a capture.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Of each thing that was asked.
    pub outcome: Outcome,
    /// What was said, where that was to be recorded and the capture could be read whole.
    pub recorded: Option<Vec<Conversation>>,
}

/// Checks one capture.
#[derive(Debug)]
pub struct Checker<'p> {
    plan: &'p Plan,
    against: &'p Against,
    judge: Judge,
    figures: Figures,
    recorder: Option<Recorder>,
}

impl<'p> Checker<'p> {
    /// A checker that has seen nothing.
    ///
    /// # Errors
    ///
    /// The baseline leaves something out that cannot be understood.
    pub fn new(plan: &'p Plan, against: &'p Against) -> Result<Self, MaskError> {
        let scope = match against {
            Against::Nothing => None,
            Against::Baseline(_, baseline) => Some(baseline.scope()?),
            Against::Record(compared) => Some(compared.scope()?),
        };
        Ok(Self {
            plan,
            against,
            judge: Judge::new(plan.bounds),
            figures: Figures::default(),
            recorder: scope.map(Recorder::new),
        })
    }

    /// What came of it. The analyzer was told before that the capture is over; `errors` are
    /// what kept it from being read whole.
    pub fn finish(self, capture: String, summary: &Summary, errors: &[String]) -> Checked {
        let Self {
            plan,
            against,
            judge,
            mut figures,
            recorder,
        } = self;
        let findings = judge.finish();
        figures.add_findings(findings.counts().filter(|(rule, _)| rule.is_of_check()));
        let expectations: Vec<_> = plan
            .expectations
            .iter()
            .map(|expectation| (expectation, expectation.judge(&figures, summary)))
            .collect();
        // Whoever expects so many connections, and finds so many, is content with none.
        let answers = |(expectation, verdict): &(&Expectation, Verdict)| {
            *verdict == Verdict::Holds && expectation.asks_for("connections")
        };
        let may_be_empty = expectations.iter().any(answers);
        let mut tests = vec![
            readable(summary, errors, may_be_empty),
            rules(&findings, &plan.policy),
        ];
        tests.extend(expectations.into_iter().map(|(expectation, verdict)| {
            expected(expectation, &verdict, || {
                expectation.values(&figures, summary)
            })
        }));
        let mut recorded = recorder.map(Recorder::finish);
        match (against, &recorded) {
            (Against::Baseline(name, baseline), Some(recorded)) => {
                tests.push(compared(name, baseline, recorded.as_deref()));
            }
            (_, Some(None)) => tests.push(too_much()),
            _ => {}
        }
        let is_whole = tests[0].passed();
        recorded.take_if(|_| !is_whole || !matches!(against, Against::Record(_)));
        let outcome = Outcome {
            capture,
            counts: Counts {
                packets: summary.packets,
                connections: summary.connections,
                messages: summary.messages,
            },
            findings,
            policy: plan.policy.clone(),
            tests,
        };
        Checked {
            outcome,
            recorded: recorded.flatten(),
        }
    }
}

impl Against {
    /// What of the capture is compared or recorded.
    pub fn compared(&self) -> Option<&Compared> {
        match self {
            Self::Nothing => None,
            Self::Baseline(_, baseline) => Some(&baseline.compared),
            Self::Record(compared) => Some(compared),
        }
    }
}

impl EventSink for Checker<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.judge.event(event);
        self.figures.event(event);
        if let Some(recorder) = &mut self.recorder {
            recorder.event(event);
        }
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        self.figures.other_packet(packet);
    }
}

impl Outcome {
    /// The outcome for something that could not be checked at all.
    pub fn unreadable(capture: String, reason: String) -> Self {
        Self {
            capture,
            counts: Counts::default(),
            findings: Findings::default(),
            policy: Policy::default(),
            tests: vec![test(
                TestKind::Capture,
                "capture",
                TestResult::Error(vec![Problem::new(reason)]),
            )],
        }
    }
}

fn test(kind: TestKind, name: impl Into<String>, result: TestResult) -> Test {
    Test {
        kind,
        name: name.into(),
        result,
    }
}

/// Whether the capture could be read, and holds what can be checked.
fn readable(summary: &Summary, errors: &[String], may_be_empty: bool) -> Test {
    let unreadable = undecoded(summary).into_iter().chain(errors.iter().cloned());
    let errors: Vec<_> = unreadable.map(Problem::new).collect();
    let result = if !errors.is_empty() {
        TestResult::Error(errors)
    } else if summary.connections == 0 && !may_be_empty {
        let reason = closing_lines(summary).into_iter().nth(1);
        TestResult::Failed(vec![Problem::new(reason.unwrap_or_default())])
    } else {
        TestResult::Passed
    };
    test(TestKind::Capture, "capture", result)
}

/// Whether a rule that matters is broken. What is broken stands in the findings.
fn rules(findings: &Findings, policy: &Policy) -> Test {
    let failing: u64 = findings
        .counts()
        .filter(|(rule, _)| policy.judge(*rule) == Judgement::Fails)
        .map(|(_, count)| count)
        .sum();
    let result = if failing == 0 {
        TestResult::Passed
    } else {
        let broken = count(failing, "rule is broken", "rules are broken");
        TestResult::Failed(vec![Problem::new(broken)])
    };
    test(TestKind::Rules, "rules", result)
}

fn expected(
    expectation: &Expectation,
    verdict: &Verdict,
    values: impl FnOnce() -> Vec<String>,
) -> Test {
    let text = expectation.to_string();
    let result = match verdict {
        Verdict::Holds => TestResult::Passed,
        Verdict::Fails => {
            let message = values().join(", ");
            TestResult::Failed(vec![Problem::new(message)])
        }
        Verdict::Unanswered(_) => {
            let message = format!("the capture does not tell: {}", values().join(", "));
            TestResult::Error(vec![Problem::new(message)])
        }
    };
    test(TestKind::Expectation, text, result)
}

fn compared(name: &str, baseline: &Baseline, recorded: Option<&[Conversation]>) -> Test {
    let Some(recorded) = recorded else {
        return too_much();
    };
    let ignore_order = baseline.compared.ignore_order;
    let left = &baseline.connections;
    let comparison = Comparison::new(left, recorded, ignore_order);
    let sides = Sides {
        left: "the baseline",
        right: "the capture",
    };
    let result = match comparison.problems(left, recorded, sides) {
        problems if problems.is_empty() => TestResult::Passed,
        problems => TestResult::Failed(problems),
    };
    test(TestKind::Baseline, name, result)
}

fn too_much() -> Test {
    let problem = Problem::new(Recorder::too_much());
    test(
        TestKind::Baseline,
        "baseline",
        TestResult::Error(vec![problem]),
    )
}

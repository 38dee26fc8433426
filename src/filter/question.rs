//! Whether an expression is true of a capture, where it may be that nobody knows.
//!
//! The logic is Kleene's: what is not known makes a whole not known, unless the rest decides
//! it already.

use std::collections::{BTreeSet, HashSet};

use super::ast::{Function, Operand, Quantifier, Source, Test};
use super::error::FilterSyntaxError;
use super::eval::{Judge, contains, is_in, matches};
use super::field::{FieldRef, Subject, Unknown};
use super::namespace::Namespace;
use super::parser;
use super::value::Value;
use crate::Summary;
use crate::report::Figures;

/// An expression over the figures of a capture.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    test: Test,
}

/// What a capture says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Whether it is true; `None` where that is not known.
    pub(crate) is_true: Option<bool>,
    /// Names whose values are not all known although they were asked for, each once.
    pub(crate) unknown: Vec<String>,
}

impl Question {
    /// Understands an expression, which has to ask something.
    pub(crate) fn parse(expression: &str) -> Result<Self, FilterSyntaxError> {
        let parsed = parser::parse(expression, Namespace::Figures)?;
        let test = parsed.test.ok_or_else(|| {
            FilterSyntaxError::new(0..0, "the expectation is empty")
                .hint("say what is expected, such as connections == 1")
                .in_expression(expression)
        })?;
        Ok(Self { test })
    }

    /// Whether it is true of a capture.
    pub(crate) fn answer(&self, figures: &Figures, summary: &Summary) -> Answer {
        let subject = Subject::of_capture(figures, summary);
        let mut unknown = Vec::new();
        let is_true = self.test.answer(&subject, &mut |name| {
            if !unknown.contains(&name) {
                unknown.push(name);
            }
        });
        Answer { is_true, unknown }
    }

    /// Whether it asks for this name as it stands.
    pub(crate) fn asks_for(&self, name: &str) -> bool {
        let mut asks = false;
        self.test
            .operands(&mut |operand| asks |= operand.label() == name);
        asks
    }

    /// What each name that is asked for is, a line each.
    pub(crate) fn values(&self, figures: &Figures, summary: &Summary) -> Vec<String> {
        let subject = Subject::of_capture(figures, summary);
        let (mut seen, mut lines) = (HashSet::new(), Vec::new());
        self.test.operands(&mut |operand| {
            let label = operand.label();
            if seen.insert(label.clone()) {
                lines.push(format!("{label} {}", operand.described(&subject)));
            }
        });
        lines
    }
}

impl Test {
    /// Whether it is true; tells `lacks` the names for whose sake that is not known.
    fn answer(&self, subject: &Subject<'_>, lacks: &mut dyn FnMut(String)) -> Option<bool> {
        match self {
            Self::And(tests) => all(tests.iter().map(|test| test.answer(subject, lacks))),
            Self::Or(tests) => {
                let none = all(tests
                    .iter()
                    .map(|test| test.answer(subject, lacks).map(|is| !is)));
                none.map(|none| !none)
            }
            Self::Not(test) => test.answer(subject, lacks).map(|is| !is),
            Self::Present(operand) => {
                let left_out = operand.field().unknown(subject).left_out;
                let answer = match operand.is_present(subject) {
                    false if left_out > 0 => None,
                    is => Some(is),
                };
                known(answer, &[operand], lacks)
            }
            Self::Compare(quantifier, relation, left, right) => {
                quantifier.over(left, subject, lacks, |value| {
                    relation.holds(value.compare(right))
                })
            }
            Self::In(quantifier, left, ranges) => {
                quantifier.over(left, subject, lacks, |value| is_in(value, ranges))
            }
            Self::Contains(quantifier, left, part) => {
                quantifier.over(left, subject, lacks, |value| contains(value, part))
            }
            Self::Matches(quantifier, left, regex) => {
                quantifier.over(left, subject, lacks, |value| matches(value, regex))
            }
            Self::CompareFields(quantifier, relation, left, right) => {
                let (left_numbers, left_known) = left.numbers(subject);
                let (right_numbers, right_known) = right.numbers(subject);
                let mut judge = Judge::default();
                for left in &left_numbers {
                    for right in &right_numbers {
                        judge.note(relation.holds(Some(left.cmp(right))));
                    }
                }
                let answer = quantifier.of(&judge, left_known && right_known);
                let unknown = [(left, left_known), (right, right_known)];
                let unknown = unknown.into_iter().filter(|(_, known)| !known);
                let unknown: Vec<_> = unknown.map(|(operand, _)| operand).collect();
                known(answer, &unknown, lacks)
            }
        }
    }

    /// Hands over every operand, in the order of the expression.
    fn operands<'t>(&'t self, take: &mut dyn FnMut(&'t Operand)) {
        match self {
            Self::And(tests) | Self::Or(tests) => {
                for test in tests {
                    test.operands(take);
                }
            }
            Self::Not(test) => test.operands(take),
            Self::Present(operand)
            | Self::Compare(_, _, operand, _)
            | Self::In(_, operand, _)
            | Self::Contains(_, operand, _)
            | Self::Matches(_, operand, _) => take(operand),
            Self::CompareFields(_, _, left, right) => {
                take(left);
                take(right);
            }
        }
    }
}

/// Whether all are true. Every one is asked, so that all that is not known is told.
fn all(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for answer in answers {
        all = match (all, answer) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (None, _) | (_, None) => None,
            (Some(true), Some(true)) => Some(true),
        };
    }
    all
}

/// The answer; where there is none, tells the names of what was asked for.
fn known(answer: Option<bool>, asked: &[&Operand], lacks: &mut dyn FnMut(String)) -> Option<bool> {
    if answer.is_none() {
        let names = asked.iter().map(|operand| operand.field().name());
        names.for_each(|name| lacks(name.into_owned()));
    }
    answer
}

impl Quantifier {
    /// Whether as many values as wanted do.
    fn over(
        self,
        operand: &Operand,
        subject: &Subject<'_>,
        lacks: &mut dyn FnMut(String),
        mut test: impl FnMut(&Value<'_>) -> bool,
    ) -> Option<bool> {
        let mut judge = Judge::default();
        let all_known = operand.take_all(subject, &mut |value| judge.note(test(value)));
        known(self.of(&judge, all_known), &[operand], lacks)
    }

    /// What the values that are known say, where they may not be all.
    fn of(self, judge: &Judge, all_known: bool) -> Option<bool> {
        match self {
            Self::Any if judge.one_did => Some(true),
            Self::All if judge.one_did_not => Some(false),
            _ => all_known.then_some(self == Self::All),
        }
    }
}

impl Operand {
    /// The field that the values come from.
    pub(super) fn field(&self) -> &FieldRef {
        match &self.source {
            Source::Field(field) => field,
            Source::Slice(operand, _) | Source::Call(_, operand) | Source::Mask(operand, _) => {
                operand.field()
            }
        }
    }

    /// Hands over each value, and says whether there is any and it is known that there are no
    /// more: each connection that should have a value has one.
    fn take_all(&self, subject: &Subject<'_>, take: &mut dyn FnMut(&Value<'_>)) -> bool {
        let unknown = self.field().unknown(subject);
        let mut there = 0;
        if let Source::Call(Function::Count, operand) = &self.source {
            operand.visit(subject, &mut |_| there += 1);
            take(&Value::Number(there));
            return unknown.left_out == 0;
        }
        self.field().read(subject, &mut |_| there += 1);
        let mut taken = 0;
        self.visit(subject, &mut |value| {
            taken += 1;
            take(&value);
        });
        // A slice may reach beyond a value.
        taken > 0 && taken == there && unknown == Unknown::default()
    }

    /// The different values of what has numbers, and whether these are all.
    fn numbers(&self, subject: &Subject<'_>) -> (BTreeSet<i128>, bool) {
        let mut numbers = BTreeSet::new();
        let all_known = self.take_all(subject, &mut |value| {
            if let Value::Number(number) = value {
                numbers.insert(*number);
            }
        });
        (numbers, all_known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_decides_nothing_and_what_is_false_decides() {
        let (yes, no, unknown) = (Some(true), Some(false), None);
        let table: &[(&[Option<bool>], Option<bool>)] = &[
            (&[], yes),
            (&[yes, yes], yes),
            (&[yes, unknown], unknown),
            (&[unknown, unknown], unknown),
            (&[unknown, no], no),
            (&[no, unknown], no),
            (&[yes, no], no),
        ];
        for (answers, expected) in table {
            assert_eq!(all(answers.iter().copied()), *expected, "{answers:?}");
        }
    }
}

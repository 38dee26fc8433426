//! Whether a filter is true of an event.
//!
//! As in Wireshark, a comparison with a field that is not there is false, `!=` included;
//! only `not` makes it true. Nothing is allocated but for `lower` and `upper`.

use std::cmp::Ordering;
use std::net::IpAddr;

use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::ast::{Function, Operand, Part, PartLength, Quantifier, Relation, Source, Test};
use super::field::Subject;
use super::value::{Constant, Value};

impl Test {
    pub(super) fn is_true(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::And(tests) => tests.iter().all(|test| test.is_true(subject)),
            Self::Or(tests) => tests.iter().any(|test| test.is_true(subject)),
            Self::Not(test) => !test.is_true(subject),
            Self::Present(operand) => operand.is_present(subject),
            Self::Compare(quantifier, relation, left, right) => {
                quantifier.holds(left, subject, |value| relation.holds(value.compare(right)))
            }
            Self::CompareFields(quantifier, relation, left, right) => {
                // A field that is not there is equal to nothing, and different from nothing.
                let mut there = true;
                let holds = quantifier.holds(left, subject, |value| {
                    let mut judge = Judge::default();
                    there &= right.visit(subject, &mut |other| {
                        judge.note(relation.holds(value.order(&other)));
                    });
                    judge.verdict(*quantifier)
                });
                holds && there
            }
            Self::In(quantifier, left, ranges) => {
                quantifier.holds(left, subject, |value| is_in(value, ranges))
            }
            Self::Contains(quantifier, left, part) => {
                quantifier.holds(left, subject, |value| contains(value, part))
            }
            Self::Matches(quantifier, left, regex) => {
                quantifier.holds(left, subject, |value| matches(value, regex))
            }
        }
    }
}

impl Quantifier {
    /// Whether as many values as wanted do, of a field that is there.
    fn holds(
        self,
        operand: &Operand,
        subject: &Subject<'_>,
        mut test: impl FnMut(&Value<'_>) -> bool,
    ) -> bool {
        let mut judge = Judge::default();
        let there = operand.visit(subject, &mut |value| judge.note(test(&value)));
        there && judge.verdict(self)
    }
}

/// What was found of several values.
#[derive(Debug, Default)]
pub(super) struct Judge {
    pub(super) one_did: bool,
    pub(super) one_did_not: bool,
}

impl Judge {
    pub(super) fn note(&mut self, does: bool) {
        self.one_did |= does;
        self.one_did_not |= !does;
    }

    fn verdict(&self, quantifier: Quantifier) -> bool {
        match quantifier {
            Quantifier::Any => self.one_did,
            Quantifier::All => !self.one_did_not,
        }
    }
}

impl Relation {
    /// Whether it holds between two values that stand to each other in this order.
    pub(super) fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Less => order.is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
            Self::Greater => order.is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

/// Whether a value lies in one of the ranges.
pub(super) fn is_in(value: &Value<'_>, ranges: &[(Constant, Constant)]) -> bool {
    ranges.iter().any(|(from, to)| {
        Relation::GreaterOrEqual.holds(value.compare(from))
            && Relation::LessOrEqual.holds(value.compare(to))
    })
}

pub(super) fn contains(value: &Value<'_>, part: &Finder<'_>) -> bool {
    matches!(value, Value::Bytes(bytes) if part.find(bytes).is_some())
}

pub(super) fn matches(value: &Value<'_>, regex: &Regex) -> bool {
    matches!(value, Value::Bytes(bytes) if regex.is_match(bytes))
}

impl Operand {
    pub(super) fn is_present(&self, subject: &Subject<'_>) -> bool {
        if let Source::Field(field) = &self.source {
            return field.read(subject, &mut |_| ());
        }
        // Only bits that are set are there; of a slice, a part.
        let mut present = false;
        self.visit(subject, &mut |value| {
            present |= !matches!(value, Value::Number(0));
        });
        present
    }

    /// Hands over each value; says whether the field is there. A value that a slice reaches
    /// beyond is left out.
    pub(super) fn visit(&self, subject: &Subject<'_>, take: &mut dyn FnMut(Value<'_>)) -> bool {
        match &self.source {
            Source::Field(field) => field.read(subject, take),
            Source::Slice(operand, parts) => operand.visit(subject, &mut |value| {
                let octets: Octets;
                let bytes = match value {
                    Value::Bytes(bytes) => bytes,
                    Value::Address(address) => {
                        octets = Octets::from(address);
                        octets.as_ref()
                    }
                    _ => return,
                };
                slice(bytes, parts, take);
            }),
            Source::Call(function, operand) => call(*function, operand, subject, take),
            Source::Mask(operand, mask) => operand.visit(subject, &mut |value| {
                take(match (value, mask) {
                    (Value::Number(number), Constant::Number(mask)) => Value::Number(number & mask),
                    (Value::Address(address), Constant::Network(mask, _)) => {
                        Value::Address(and(address, *mask))
                    }
                    _ => return,
                });
            }),
        }
    }
}

fn call(
    function: Function,
    operand: &Operand,
    subject: &Subject<'_>,
    take: &mut dyn FnMut(Value<'_>),
) -> bool {
    match function {
        Function::Count => {
            let mut count = 0;
            let there = operand.visit(subject, &mut |_| count += 1);
            if there {
                take(Value::Number(count));
            }
            there
        }
        Function::Len => operand.visit(subject, &mut |value| {
            if let Some(width) = operand.kind.width() {
                take(Value::Number(width.into()));
            } else if let Value::Bytes(bytes) = value {
                take(Value::Number(bytes.len() as i128));
            }
        }),
        Function::Lower | Function::Upper => operand.visit(subject, &mut |value| {
            let Value::Bytes(bytes) = value else { return };
            let changed = match function {
                Function::Lower => bytes.to_ascii_lowercase(),
                _ => bytes.to_ascii_uppercase(),
            };
            take(Value::Bytes(&changed));
        }),
    }
}

/// Hands over the parts of a value, unless it is too short for one of them.
fn slice(bytes: &[u8], parts: &[Part], take: &mut dyn FnMut(Value<'_>)) {
    if let [part] = parts {
        if let Some(bytes) = part.of(bytes) {
            take(Value::Bytes(bytes));
        }
        return;
    }
    let joined: Option<Vec<&[u8]>> = parts.iter().map(|part| part.of(bytes)).collect();
    if let Some(joined) = joined {
        take(Value::Bytes(&joined.concat()));
    }
}

impl Part {
    fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        let from_start = |offset: i64| {
            let offset = if offset < 0 {
                i64::try_from(bytes.len()).ok()?.checked_add(offset)?
            } else {
                offset
            };
            usize::try_from(offset).ok()
        };
        let start = from_start(self.start)?;
        let end = match self.length {
            PartLength::Bytes(length) => start.checked_add(usize::try_from(length).ok()?)?,
            PartLength::To(last) => from_start(last)?.checked_add(1)?,
            PartLength::ToEnd => bytes.len(),
        };
        bytes.get(start..end).filter(|part| !part.is_empty())
    }
}

/// Bytes of an address.
enum Octets {
    V4([u8; 4]),
    V6([u8; 16]),
}

impl From<IpAddr> for Octets {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => Self::V6(address.octets()),
        }
    }
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::V4(octets) => octets,
            Self::V6(octets) => octets,
        }
    }
}

fn and(address: IpAddr, mask: IpAddr) -> IpAddr {
    match (address, mask) {
        (IpAddr::V4(address), IpAddr::V4(mask)) => IpAddr::V4(address & mask),
        (IpAddr::V6(address), IpAddr::V6(mask)) => IpAddr::V6(address & mask),
        (address, _) => address,
    }
}

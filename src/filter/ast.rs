//! An expression that was understood: every name resolved, every literal read as its field's
//! type.

use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::field::FieldRef;
use super::value::{Constant, FieldType};

/// What is true of an event or a capture, or not.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// All of them; lists, so that a long chain is no deep tree.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
    Not(Box<Self>),
    /// It is there.
    Present(Operand),
    /// A value is compared with a constant.
    Compare(Quantifier, Relation, Operand, Constant),
    /// Two values are compared.
    CompareFields(Quantifier, Relation, Operand, Operand),
    /// A value lies in one of the ranges, both ends included.
    In(Quantifier, Operand, Vec<(Constant, Constant)>),
    /// The boxes keep the other tests small.
    Contains(Quantifier, Operand, Box<Finder<'static>>),
    Matches(Quantifier, Operand, Regex),
}

/// Which of several values have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Where values come from.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) source: Source,
    pub(super) kind: FieldType,
}

/// What makes the values.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Field(FieldRef),
    /// Parts of each value, one behind the other.
    Slice(Box<Operand>, Vec<Part>),
    Call(Function, Box<Operand>),
    /// Bits that are set on both sides.
    Mask(Box<Operand>, Constant),
}

/// A part of a value: bytes from `start` on; offsets below 0 count from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: i64,
    pub(super) length: PartLength,
}

/// How far a part reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartLength {
    Bytes(u64),
    /// Up to this byte, included; below 0 from the end.
    To(i64),
    ToEnd,
}

/// Functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// Length in bytes.
    Len,
    /// ASCII letters made small.
    Lower,
    /// ASCII letters made capital.
    Upper,
    /// How many values there are.
    Count,
}

impl Quantifier {
    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Any => Self::All,
            Self::All => Self::Any,
        }
    }
}

impl Function {
    pub(super) const ALL: [(&'static str, Self); 4] = [
        ("len", Self::Len),
        ("lower", Self::Lower),
        ("upper", Self::Upper),
        ("count", Self::Count),
    ];
}

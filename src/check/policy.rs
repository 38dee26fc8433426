//! Which broken rules make a check fail.

use std::collections::BTreeSet;

use crate::anomaly::{Rule, Severity};

/// Which broken rules matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Rules of this severity and graver ones fail; none does when `None`.
    pub fail_on: Option<Severity>,
    /// These never fail, and are not reported.
    pub allow: BTreeSet<Rule>,
    /// These fail, whatever their severity.
    pub deny: BTreeSet<Rule>,
    /// When there are any, no other rules are looked at.
    pub only: BTreeSet<Rule>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fail_on: Some(Severity::Error),
            allow: BTreeSet::new(),
            deny: BTreeSet::new(),
            only: BTreeSet::new(),
        }
    }
}

/// What a broken rule means for a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judgement {
    /// It is not looked at.
    Ignored,
    /// It is reported.
    Reported,
    /// It is reported, and the check fails.
    Fails,
}

impl Policy {
    /// What a broken rule means. `deny` is stronger than `allow`, and both are stronger
    /// than the severity.
    pub fn judge(&self, rule: Rule) -> Judgement {
        if self.deny.contains(&rule) {
            Judgement::Fails
        } else if self.allow.contains(&rule) || !self.only.is_empty() && !self.only.contains(&rule)
        {
            Judgement::Ignored
        } else if self.fail_on.is_some_and(|least| rule.severity() >= least) {
            Judgement::Fails
        } else {
            Judgement::Reported
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_stronger_than_the_severity() {
        let set = |rules: &[Rule]| rules.iter().copied().collect();
        let policy = Policy {
            fail_on: Some(Severity::Error),
            allow: set(&[Rule::WrongAccept]),
            deny: set(&[Rule::OutOfStep]),
            only: BTreeSet::new(),
        };
        let table = [
            (Rule::WrongAccept, Judgement::Ignored),
            (Rule::OutOfStep, Judgement::Fails),
            (Rule::InStepAgain, Judgement::Reported),
            (Rule::BareLineFeed, Judgement::Reported),
            (Rule::MissingKey, Judgement::Fails),
        ];
        for (rule, expected) in table {
            assert_eq!(policy.judge(rule), expected, "{}", rule.name());
        }
    }

    #[test]
    fn where_only_some_are_looked_at_the_others_are_ignored() {
        let policy = Policy {
            only: [Rule::BareLineFeed].into(),
            fail_on: Some(Severity::Warning),
            ..Policy::default()
        };
        assert_eq!(policy.judge(Rule::BareLineFeed), Judgement::Fails);
        assert_eq!(policy.judge(Rule::MissingKey), Judgement::Ignored);
    }
}

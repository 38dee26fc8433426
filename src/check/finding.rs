//! What was found in a capture: broken rules, with their places.

use std::collections::BTreeMap;

use super::Place;
use super::said::start_of;
use crate::anomaly::Rule;
use crate::flow::Direction;

/// A rule that a capture breaks, at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What was found. May hold text from the network: formats escape it.
    pub detail: String,
    /// Where.
    pub place: Place,
    /// Who broke it.
    pub from: Direction,
}

/// All that was found in a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    listed: Vec<Finding>,
    counts: BTreeMap<Rule, u64>,
}

impl Findings {
    /// How many findings of one rule are kept with their places; of the rest, only the
    /// number is known. Traffic can break a rule with every frame.
    pub const MAX_LISTED: u64 = 100;

    /// Bytes of the detail of a finding; a longer one is cut. It may quote a header field,
    /// which may have 64 KiB.
    pub const MAX_DETAIL: usize = 1 << 10;

    /// Takes note of a finding.
    pub fn add(&mut self, mut finding: Finding) {
        let count = self.counts.entry(finding.rule).or_default();
        *count += 1;
        if *count <= Self::MAX_LISTED {
            let detail = &mut finding.detail;
            if detail.len() > Self::MAX_DETAIL {
                detail.truncate(start_of(detail, Self::MAX_DETAIL).len());
                detail.push('…');
                detail.shrink_to_fit();
            }
            self.listed.push(finding);
        }
    }

    /// Those that are kept with their places, in order of packets.
    pub fn listed(&self) -> &[Finding] {
        &self.listed
    }

    /// Puts the listed ones in order of packets: rules of whole connections are found late.
    pub fn sort(&mut self) {
        self.listed.sort_by_key(|finding| finding.place.packet);
    }

    /// How often each broken rule was.
    pub fn counts(&self) -> impl Iterator<Item = (Rule, u64)> {
        self.counts.iter().map(|(rule, count)| (*rule, *count))
    }

    /// How often a rule was broken.
    pub fn count(&self, rule: Rule) -> u64 {
        self.counts.get(&rule).copied().unwrap_or(0)
    }

    /// Findings of a rule that are not [listed](Self::listed).
    pub fn left_out(&self, rule: Rule) -> u64 {
        self.count(rule).saturating_sub(Self::MAX_LISTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        for (length, expected) in [(341, 1_023), (342, 1_023 + 3), (30_000, 1_023 + 3)] {
            let mut findings = Findings::default();
            findings.add(Finding {
                rule: Rule::BadKey,
                detail: "漢".repeat(length),
                place: Place {
                    packet: 1,
                    elapsed: 0,
                    connection: 1,
                },
                from: Direction::ClientToServer,
            });
            assert_eq!(findings.listed()[0].detail.len(), expected, "{length}");
        }
    }
}

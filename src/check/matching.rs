//! Which conversations of two captures are the same one: by what they say, not by number.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use super::Conversation;
use super::compare::key;

/// Conversations of two captures, by their indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Matching {
    /// In order of the right.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Without a counterpart.
    pub(super) left_only: Vec<usize>,
    /// Without a counterpart.
    pub(super) right_only: Vec<usize>,
}

/// Comparisons of two conversations that have no equal, at most; beyond that, those with the
/// same target are matched in order.
const MAX_COMPARISONS: usize = 250_000;

/// Matches conversations: those that are the same, then those that have most in common.
pub(super) fn matched(left: &[Conversation], right: &[Conversation]) -> Matching {
    let mut matching = Matching::default();
    let mut waiting: HashMap<String, VecDeque<usize>> = HashMap::new();
    for (index, conversation) in left.iter().enumerate() {
        waiting
            .entry(key(conversation))
            .or_default()
            .push_back(index);
    }
    let mut right_rest = Vec::new();
    for (index, conversation) in right.iter().enumerate() {
        match waiting
            .get_mut(&key(conversation))
            .and_then(VecDeque::pop_front)
        {
            Some(same) => matching.pairs.push((same, index)),
            None => right_rest.push(index),
        }
    }
    let mut left_rest: Vec<_> = waiting.into_values().flatten().collect();
    left_rest.sort_unstable();
    if left_rest.len().saturating_mul(right_rest.len()) > MAX_COMPARISONS {
        by_target(left, right, &left_rest, &right_rest, &mut matching.pairs);
    } else {
        by_likeness(left, right, &left_rest, &right_rest, &mut matching.pairs);
    }
    let seen: (HashSet<_>, HashSet<_>) = matching.pairs.iter().copied().unzip();
    left_rest.retain(|index| !seen.0.contains(index));
    right_rest.retain(|index| !seen.1.contains(index));
    // The last two are compared even if they have nothing in common.
    if let ([l], [r]) = (&left_rest[..], &right_rest[..]) {
        matching.pairs.push((*l, *r));
    } else {
        matching.left_only = left_rest;
        matching.right_only = right_rest;
    }
    matching.pairs.sort_unstable_by_key(|(_, r)| *r);
    matching
}

fn by_target(
    left: &[Conversation],
    right: &[Conversation],
    left_rest: &[usize],
    right_rest: &[usize],
    pairs: &mut Vec<(usize, usize)>,
) {
    let mut waiting: HashMap<Option<&str>, VecDeque<usize>> = HashMap::new();
    for index in left_rest {
        waiting
            .entry(left[*index].target())
            .or_default()
            .push_back(*index);
    }
    for index in right_rest {
        let same = waiting.get_mut(&right[*index].target());
        pairs.extend(same.and_then(VecDeque::pop_front).map(|l| (l, *index)));
    }
}

/// The most alike first; of those as alike, those whose places are nearest.
fn by_likeness(
    left: &[Conversation],
    right: &[Conversation],
    left_rest: &[usize],
    right_rest: &[usize],
    pairs: &mut Vec<(usize, usize)>,
) {
    let left_parts: Vec<_> = left_rest.iter().map(|l| parts(&left[*l])).collect();
    let right_parts: Vec<_> = right_rest.iter().map(|r| parts(&right[*r])).collect();
    let mut candidates = Vec::new();
    for (l, l_parts) in left_rest.iter().zip(&left_parts) {
        for (r, r_parts) in right_rest.iter().zip(&right_parts) {
            let likeness = likeness(l_parts, r_parts)
                + if left[*l].target() == right[*r].target() {
                    500
                } else {
                    0
                };
            if likeness > 0 {
                candidates.push((std::cmp::Reverse(likeness), l.abs_diff(*r), *r, *l));
            }
        }
    }
    candidates.sort_unstable();
    let (mut l_taken, mut r_taken) = (HashSet::new(), HashSet::new());
    for (_, _, r, l) in candidates {
        if !l_taken.contains(&l) && !r_taken.contains(&r) {
            l_taken.insert(l);
            r_taken.insert(r);
            pairs.push((l, r));
        }
    }
}

/// Parts of a conversation in an order of their own, for counting those in common.
fn parts(conversation: &Conversation) -> Vec<u64> {
    let mut parts = Vec::new();
    for (side, sent) in [(0_u8, &conversation.client), (1, &conversation.server)] {
        let mut add = |kind: u8, part: String| {
            let mut hasher = DefaultHasher::new();
            (side, kind, part).hash(&mut hasher);
            parts.push(hasher.finish());
        };
        keys(&sent.messages).for_each(|part| add(0, part));
        keys(&sent.closes).for_each(|part| add(1, part));
    }
    parts.sort_unstable();
    parts
}

fn keys<T: Serialize>(parts: &[T]) -> impl Iterator<Item = String> {
    parts.iter().map(key)
}

/// Thousandths of the parts that two conversations have in common.
fn likeness(left: &[u64], right: &[u64]) -> usize {
    let (mut l, mut r, mut common) = (0, 0, 0);
    while let (Some(a), Some(b)) = (left.get(l), right.get(r)) {
        common += usize::from(a == b);
        l += usize::from(a <= b);
        r += usize::from(b <= a);
    }
    2_000 * common / (left.len() + right.len()).max(1)
}

//! Which conversations of two captures are the same one: by what they say, not by number.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Key, key};
use crate::check::{Conversation, Sent};

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

/// Steps that these comparisons take together, at most: one a part.
const MAX_STEPS: usize = 100_000_000;

/// Matches conversations: those that are the same, then those that have most in common.
pub(super) fn matched(left: &[Conversation], right: &[Conversation]) -> Matching {
    let mut matching = Matching::default();
    let mut waiting: HashMap<Key, VecDeque<usize>> = HashMap::new();
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
    let [lefts, rights] = [left_rest.len(), right_rest.len()];
    // Each is compared with all on the other side.
    let steps = parts_of(left, &left_rest).saturating_mul(rights)
        + parts_of(right, &right_rest).saturating_mul(lefts);
    if lefts.saturating_mul(rights) > MAX_COMPARISONS || steps > MAX_STEPS {
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

/// How many parts conversations have that are counted when they are in common.
fn parts_of(conversations: &[Conversation], of: &[usize]) -> usize {
    let sents = of.iter().flat_map(|index| sents(&conversations[*index]));
    sents
        .map(|sent| sent.messages.len() + sent.closes.len())
        .sum()
}

fn sents(conversation: &Conversation) -> [&Sent; 2] {
    [&conversation.client, &conversation.server]
}

/// Parts of a conversation in an order of their own, for counting those in common.
fn parts(conversation: &Conversation) -> Vec<u64> {
    let mut parts = Vec::new();
    for (side, sent) in (0_u8..).zip(sents(conversation)) {
        let mut add = |kind: u8, part: Key| {
            let mut hasher = DefaultHasher::new();
            (side, kind, part).hash(&mut hasher);
            parts.push(hasher.finish());
        };
        sent.messages.iter().for_each(|part| add(0, key(part)));
        sent.closes.iter().for_each(|part| add(1, key(part)));
    }
    parts.sort_unstable();
    parts
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

//! Two lists side by side: what is the same, what changed, what is missing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Where parts of two lists stand to each other; numbers are indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The same in both.
    Same(usize, usize),
    /// One stands where the other stood.
    Changed(usize, usize),
    /// Only on the left.
    Missing(usize),
    /// Only on the right.
    Extra(usize),
    /// The same in both, at another place; stands where it is on the right.
    Moved(usize, usize),
}

/// The most that is aligned exactly: left length times right length, without the same start
/// and end. It bounds the work. What is longer is aligned by the keys that are there once, and
/// exactly between those; what is longer there is paired in order.
const MAX_WORK: usize = 25_000_000;

/// Aligns two lists of keys.
pub(super) fn align<K: Eq + Hash + Ord>(left: &[K], right: &[K]) -> Vec<Step> {
    let start = left.iter().zip(right).take_while(|(l, r)| l == r).count();
    let ends = left[start..].iter().rev().zip(right[start..].iter().rev());
    let end = ends.take_while(|(l, r)| l == r).count();
    let (left_end, right_end) = (left.len() - end, right.len() - end);

    let mut steps: Vec<Step> = (0..start).map(|at| Step::Same(at, at)).collect();
    let (mut l, mut r) = (start, start);
    for (l_anchor, r_anchor) in anchors(&left[start..left_end], &right[start..right_end]) {
        let (l_anchor, r_anchor) = (start + l_anchor, start + r_anchor);
        align_between(left, right, (l..l_anchor, r..r_anchor), &mut steps);
        steps.push(Step::Same(l_anchor, r_anchor));
        (l, r) = (l_anchor + 1, r_anchor + 1);
    }
    align_between(left, right, (l..left_end, r..right_end), &mut steps);
    steps.extend((0..end).map(|at| Step::Same(left_end + at, right_end + at)));
    find_moved(steps, left, right)
}

/// Of long lists, keys that are there once on either side: as many as are in the same order.
fn anchors<K: Eq + Hash>(left: &[K], right: &[K]) -> Vec<(usize, usize)> {
    if left.len().saturating_mul(right.len()) <= MAX_WORK {
        return Vec::new();
    }
    let (left_places, right_places) = (places(left), places(right));
    let once = |place: &(usize, usize)| (place.1 == 1).then_some(place.0);
    let pairs = right.iter().enumerate().filter_map(|(r, key)| {
        once(right_places.get(key)?)?;
        Some((once(left_places.get(key)?)?, r))
    });
    let pairs: Vec<_> = pairs.collect();
    let in_order = longest_rise(&pairs);
    let pairs = pairs.into_iter().zip(in_order);
    pairs
        .filter_map(|(pair, is_in)| is_in.then_some(pair))
        .collect()
}

/// Where each key is first, and how often it is there.
fn places<K: Eq + Hash>(keys: &[K]) -> HashMap<&K, (usize, usize)> {
    let mut places = HashMap::with_capacity(keys.len());
    for (at, key) in keys.iter().enumerate() {
        places.entry(key).or_insert((at, 0)).1 += 1;
    }
    places
}

/// Aligns parts of two lists.
fn align_between<K: Eq + Hash + Ord>(
    left: &[K],
    right: &[K],
    (l, r): (Range<usize>, Range<usize>),
    steps: &mut Vec<Step>,
) {
    if l.len().saturating_mul(r.len()) > MAX_WORK {
        return replaced(l, r, steps);
    }
    for op in capture_diff_slices(Algorithm::Myers, &left[l.clone()], &right[r.clone()]) {
        let of =
            |all: &Range<usize>, part: Range<usize>| all.start + part.start..all.start + part.end;
        let (l, r) = (of(&l, op.old_range()), of(&r, op.new_range()));
        match op {
            DiffOp::Equal { .. } => steps.extend(l.zip(r).map(|(l, r)| Step::Same(l, r))),
            _ => replaced(l, r, steps),
        }
    }
}

/// A part that is other on the right: pairs in order, then what is left over.
fn replaced(left: Range<usize>, right: Range<usize>, steps: &mut Vec<Step>) {
    let both = left.len().min(right.len());
    let (l, r) = (left.start + both, right.start + both);
    let changed = left
        .clone()
        .zip(right.clone())
        .map(|(l, r)| Step::Changed(l, r));
    steps.extend(changed);
    steps.extend((l..left.end).map(Step::Missing));
    steps.extend((r..right.end).map(Step::Extra));
}

/// Joins what is missing at one place and extra at another.
fn find_moved<K: Eq + Hash>(steps: Vec<Step>, left: &[K], right: &[K]) -> Vec<Step> {
    // What is on the left only, the first last.
    let mut gone: HashMap<&K, Vec<usize>> = HashMap::new();
    for step in steps.iter().rev() {
        if let Step::Missing(l) | Step::Changed(l, _) = *step {
            gone.entry(&left[l]).or_default().push(l);
        }
    }
    let mut moved_from: HashMap<usize, usize> = HashMap::new();
    let mut moved_to: HashMap<usize, usize> = HashMap::new();
    for step in &steps {
        if let Step::Extra(r) | Step::Changed(_, r) = *step
            && let Entry::Occupied(mut entry) = gone.entry(&right[r])
            && let Some(l) = entry.get_mut().pop()
        {
            moved_from.insert(l, r);
            moved_to.insert(r, l);
        }
    }
    let mut joined = Vec::with_capacity(steps.len());
    for step in steps {
        let (l, r) = match step {
            Step::Changed(l, r) => (Some(l), Some(r)),
            Step::Missing(l) => (Some(l), None),
            Step::Extra(r) => (None, Some(r)),
            Step::Same(..) | Step::Moved(..) => {
                joined.push(step);
                continue;
            }
        };
        let l = l.filter(|l| !moved_from.contains_key(l));
        let came = r.and_then(|r| Some((*moved_to.get(&r)?, r)));
        let r = r.filter(|_| came.is_none());
        joined.extend(match (l, r) {
            (Some(l), Some(r)) => Some(Step::Changed(l, r)),
            (Some(l), None) => Some(Step::Missing(l)),
            (None, Some(r)) => Some(Step::Extra(r)),
            (None, None) => None,
        });
        joined.extend(came.map(|(l, r)| Step::Moved(l, r)));
    }
    joined
}

/// For each pair, whether it is one of the most pairs that are in the same order on both
/// sides. The pairs are in order of the right.
pub(super) fn longest_rise(pairs: &[(usize, usize)]) -> Vec<bool> {
    // The pair that ends the best rise of each length, and for each pair the one before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, (l, _)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].0 < *l);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut is_in = vec![false; pairs.len()];
    let mut next = ends.last().copied();
    while let Some(at) = next {
        is_in[at] = true;
        next = before[at];
    }
    is_in
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps as text: `a` same, `a→b` changed, `-a` missing, `+b` extra, `~a` moved.
    fn aligned(left: &str, right: &str) -> String {
        let keys = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let (left, right) = (keys(left), keys(right));
        let steps = align(&left, &right).into_iter().map(|step| match step {
            Step::Same(l, r) => {
                assert_eq!(left[l], right[r]);
                left[l].clone()
            }
            Step::Changed(l, r) => format!("{}→{}", left[l], right[r]),
            Step::Missing(l) => format!("-{}", left[l]),
            Step::Extra(r) => format!("+{}", right[r]),
            Step::Moved(l, r) => {
                assert_eq!(left[l], right[r]);
                format!("~{}", left[l])
            }
        });
        steps.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lists_stand_side_by_side() {
        for (left, right, expected) in [
            ("", "", ""),
            ("abc", "abc", "a b c"),
            ("abc", "axc", "a b→x c"),
            ("abc", "ac", "a -b c"),
            ("ac", "abc", "a +b c"),
            ("abc", "", "-a -b -c"),
            ("", "ab", "+a +b"),
            ("abcd", "bcda", "b c d ~a"),
            ("abcd", "acbd", "a ~c b d"),
            ("aab", "aaab", "a a +a b"),
            ("abcdef", "abXdYf", "a b c→X d e→Y f"),
            ("ab", "ba", "~b a"),
        ] {
            assert_eq!(aligned(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn every_part_has_one_step_however_long_the_lists_are() {
        for len in [300, 6_000] {
            let left: Vec<_> = (0..len).map(|n| format!("l{n}")).collect();
            let mut right: Vec<_> = (0..=len).map(|n| format!("r{n}")).collect();
            right[len / 2] = "l7".to_owned();
            let steps = align(&left, &right);
            let [mut l_seen, mut r_seen] = [Vec::new(), Vec::new()];
            for step in &steps {
                let (l, r) = match *step {
                    Step::Same(l, r) | Step::Changed(l, r) | Step::Moved(l, r) => {
                        (Some(l), Some(r))
                    }
                    Step::Missing(l) => (Some(l), None),
                    Step::Extra(r) => (None, Some(r)),
                };
                l_seen.extend(l);
                r_seen.extend(r);
            }
            l_seen.sort_unstable();
            r_seen.sort_unstable();
            assert_eq!(l_seen, (0..left.len()).collect::<Vec<_>>());
            assert_eq!(r_seen, (0..right.len()).collect::<Vec<_>>());
            let found = [Step::Same(7, len / 2), Step::Moved(7, len / 2)];
            assert!(found.iter().any(|step| steps.contains(step)));
        }
    }
    #[test]
    fn long_lists_are_aligned_by_what_is_there_once() {
        let list = |numbers: Range<u32>| numbers.collect::<Vec<_>>();
        let (left, mut right) = (list(0..6_000), list(1..6_001));
        right[3_000] = 7_000;
        let steps = align(&left, &right);
        let differ: Vec<_> = steps
            .iter()
            .filter(|step| !matches!(step, Step::Same(..)))
            .collect();
        assert_eq!(
            differ,
            [
                &Step::Missing(0),
                &Step::Changed(3_001, 3_000),
                &Step::Extra(5_999)
            ]
        );
    }
}

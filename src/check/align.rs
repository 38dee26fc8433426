//! Two lists side by side: what is the same, what changed, what is missing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

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
/// and end. It bounds the work; longer lists that differ as much are paired in order.
const MAX_WORK: usize = 25_000_000;

/// Aligns two lists of keys.
pub(super) fn align(left: &[String], right: &[String]) -> Vec<Step> {
    let start = left.iter().zip(right).take_while(|(l, r)| l == r).count();
    let (left_rest, right_rest) = (&left[start..], &right[start..]);
    let ends = left_rest.iter().rev().zip(right_rest.iter().rev());
    let end = ends.take_while(|(l, r)| l == r).count();
    let (left_len, right_len) = (left_rest.len() - end, right_rest.len() - end);

    let mut steps: Vec<Step> = (0..start).map(|at| Step::Same(at, at)).collect();
    if left_len.saturating_mul(right_len) > MAX_WORK {
        replaced(start, left_len, start, right_len, &mut steps);
    } else {
        let (left_rest, right_rest) = (&left_rest[..left_len], &right_rest[..right_len]);
        for op in capture_diff_slices(Algorithm::Myers, left_rest, right_rest) {
            let (l, r) = (op.old_range(), op.new_range());
            match op {
                DiffOp::Equal { .. } => {
                    steps.extend(l.zip(r).map(|(l, r)| Step::Same(start + l, start + r)));
                }
                _ => replaced(
                    start + l.start,
                    l.len(),
                    start + r.start,
                    r.len(),
                    &mut steps,
                ),
            }
        }
    }
    let (left_end, right_end) = (start + left_len, start + right_len);
    steps.extend((0..end).map(|at| Step::Same(left_end + at, right_end + at)));
    find_moved(steps, left, right)
}

/// A part that is other on the right: pairs in order, then what is left over.
fn replaced(left: usize, left_len: usize, right: usize, right_len: usize, steps: &mut Vec<Step>) {
    let both = left_len.min(right_len);
    steps.extend((0..both).map(|at| Step::Changed(left + at, right + at)));
    steps.extend((both..left_len).map(|at| Step::Missing(left + at)));
    steps.extend((both..right_len).map(|at| Step::Extra(right + at)));
}

/// Joins what is missing at one place and extra at another.
fn find_moved(steps: Vec<Step>, left: &[String], right: &[String]) -> Vec<Step> {
    // What is on the left only, the first last.
    let mut gone: HashMap<&str, Vec<usize>> = HashMap::new();
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
            let mut right: Vec<_> = (0..len + 1).map(|n| format!("r{n}")).collect();
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
}

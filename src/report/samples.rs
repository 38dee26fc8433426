//! Durations of which only the ends and a few places between are wanted.

use std::time::Duration;

/// Durations, all of them up to [`Samples::MAX`]; of more, evenly chosen ones.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    kept: Vec<Duration>,
    /// Each so manieth is kept.
    stride: u64,
    seen: u64,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            stride: 1,
            seen: 0,
        }
    }
}

impl Samples {
    /// Durations kept: up to here, what is said of them is exact.
    pub(super) const MAX: usize = 256;

    pub(super) fn add(&mut self, duration: Duration) {
        if self.seen.is_multiple_of(self.stride) {
            if self.kept.len() == Self::MAX {
                let mut keep = false;
                self.kept.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.stride *= 2;
            }
            if self.seen.is_multiple_of(self.stride) {
                self.kept.push(duration);
            }
        }
        self.seen += 1;
    }

    /// The duration that this share of all does not exceed: the nearest rank.
    pub(super) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied()
    }
}

/// How long something took that happened often.
#[derive(Clone, Debug, Default)]
pub struct Times {
    ends: Option<[Duration; 2]>,
    samples: Samples,
}

impl Times {
    pub(super) fn add(&mut self, duration: Duration) {
        let [min, max] = self.ends.unwrap_or([duration; 2]);
        self.ends = Some([min.min(duration), max.max(duration)]);
        self.samples.add(duration);
    }

    /// The shortest; `None` where there was none at all.
    pub fn min(&self) -> Option<Duration> {
        self.ends.map(|[min, _]| min)
    }

    /// The longest.
    pub fn max(&self) -> Option<Duration> {
        self.ends.map(|[_, max]| max)
    }

    /// The duration that so many percent of all do not exceed: the nearest rank. Exact for up
    /// to 256 durations; of more, it is that of as many or half as many that are chosen evenly.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        self.samples.percentile(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(milliseconds: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::default();
        for number in milliseconds {
            samples.add(Duration::from_millis(number));
        }
        samples
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let at = |samples: &Samples, percent| {
            let found = samples.percentile(percent);
            found.map(|duration| duration.as_millis())
        };
        assert_eq!(at(&samples([]), 50), None);
        assert_eq!(at(&samples([7]), 50), Some(7));
        assert_eq!(at(&samples([7]), 99), Some(7));
        let hundred = samples((1..=100).rev());
        assert_eq!(at(&hundred, 50), Some(50));
        assert_eq!(at(&hundred, 99), Some(99));
        assert_eq!(at(&samples([1, 2, 3, 4]), 50), Some(2));
    }

    #[test]
    fn of_many_evenly_chosen_ones_are_kept() {
        let samples = samples(0..100_000);
        assert!(samples.kept.len() <= Samples::MAX);
        assert!(samples.kept.len() > Samples::MAX / 4);
        for (percent, exact) in [(50, 50_000_u128), (99, 99_000)] {
            let found = samples
                .percentile(percent)
                .map_or(0, |found| found.as_millis());
            assert!(found.abs_diff(exact) < 1_000, "{percent}: {found}");
        }
    }

    #[test]
    fn the_ends_of_many_are_exact() {
        let mut times = Times::default();
        assert_eq!((times.min(), times.max()), (None, None));
        for number in (1..=10_000).rev() {
            times.add(Duration::from_millis(number));
        }
        let milliseconds = |found: Option<Duration>| found.map(|found| found.as_millis());
        assert_eq!(milliseconds(times.min()), Some(1));
        assert_eq!(milliseconds(times.max()), Some(10_000));
    }
}

//! Small charts: how large messages were, and when they came.

use std::time::Duration;

/// How many lengths fall between one power of four and the next.
#[derive(Clone, Debug)]
pub(super) struct Lengths {
    /// The first is of length 0, the second from 1 to 3, the third from 4 to 15, and so on.
    counts: [u64; 33],
}

impl Default for Lengths {
    fn default() -> Self {
        Self { counts: [0; 33] }
    }
}

impl Lengths {
    pub(super) fn add(&mut self, length: u64) {
        let class = length.checked_ilog(4).map_or(0, |log| log as usize + 1);
        self.counts[class] += 1;
    }

    /// A bar a class, from the smallest to the largest that occurs.
    pub(super) fn lines(&self) -> Vec<String> {
        let occurs = |count: &u64| *count > 0;
        let (Some(first), Some(last)) = (
            self.counts.iter().position(occurs),
            self.counts.iter().rposition(occurs),
        ) else {
            return Vec::new();
        };
        let most = self.counts.iter().copied().max().unwrap_or(1);
        let lines = (first..=last).map(|class| {
            let count = self.counts[class];
            let range = range_of(class);
            let mut line = format!("{range:>21}  {count:>9}  ");
            append_bar(count, most, &mut line);
            line.truncate(line.trim_end().len());
            line
        });
        lines.collect()
    }
}

fn range_of(class: usize) -> String {
    let start = |class: usize| 4_u64.saturating_pow(u32::try_from(class).unwrap_or(u32::MAX));
    match class {
        0 => "0".to_owned(),
        _ => format!("{} to {}", start(class - 1), start(class).saturating_sub(1)),
    }
}

/// Columns of the longest bar.
const BAR: u64 = 30;

/// Appends a bar; its length is exact to an eighth of a column.
fn append_bar(count: u64, most: u64, line: &mut String) {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = u128::from(count) * u128::from(8 * BAR);
    let eighths = usize::try_from(share.div_ceil(u128::from(most.max(1)))).unwrap_or(0);
    for _ in 0..eighths / 8 {
        line.push('█');
    }
    line.push_str(PARTS[eighths % 8]);
}

/// Events over time, in as many slots as a line has columns.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    slots: Vec<u64>,
    /// Nanoseconds of a slot; doubled when time goes beyond the last one.
    slot: u64,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            slot: 1_000_000,
        }
    }
}

impl Rate {
    /// Slots at most.
    const MAX: usize = 60;

    /// Counts an event that was so many nanoseconds after the start.
    pub(super) fn add(&mut self, elapsed: i64) {
        let elapsed = u64::try_from(elapsed).unwrap_or(0);
        while elapsed / self.slot >= Self::MAX as u64 {
            self.slot *= 2;
            self.slots = self.slots.chunks(2).map(|pair| pair.iter().sum()).collect();
        }
        let place = usize::try_from(elapsed / self.slot).unwrap_or(0);
        if self.slots.len() <= place {
            self.slots.resize(place + 1, 0);
        }
        self.slots[place] += 1;
    }

    /// Time of a slot.
    pub(super) fn slot(&self) -> Duration {
        Duration::from_nanos(self.slot)
    }

    /// Events of the fullest slot.
    pub(super) fn most(&self) -> u64 {
        self.slots.iter().copied().max().unwrap_or(0)
    }

    /// A column a slot, as high as there were events in it.
    pub(super) fn sparkline(&self) -> String {
        const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = u128::from(self.most().max(1));
        let mut line = String::new();
        for &count in &self.slots {
            let level = (u128::from(count) * 8).div_ceil(most);
            match usize::try_from(level).unwrap_or(0) {
                0 => line.push(' '),
                level => line.push(LEVELS[level - 1]),
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_classed_by_powers_of_four() {
        let mut lengths = Lengths::default();
        for length in [0, 0, 1, 3, 4, 15, 16, 63, 63, 63] {
            lengths.add(length);
        }
        let expected = [
            "                    0          2  ███████████████",
            "               1 to 3          2  ███████████████",
            "              4 to 15          2  ███████████████",
            "             16 to 63          4  ██████████████████████████████",
        ];
        assert_eq!(lengths.lines(), expected);
        lengths.add(u64::MAX);
        assert_eq!(lengths.lines().len(), 33);
        assert!(Lengths::default().lines().is_empty());
    }

    #[test]
    fn time_that_goes_on_makes_the_slots_longer() {
        let mut rate = Rate::default();
        rate.add(-5);
        rate.add(0);
        rate.add(59_999_999);
        assert_eq!(rate.slots.len(), 60);
        assert_eq!(rate.sparkline().trim_end().chars().count(), 60);
        rate.add(60_000_000);
        assert_eq!((rate.slots.len(), rate.slot), (31, 2_000_000));
        assert_eq!(rate.slots.iter().sum::<u64>(), 4);
        rate.add(i64::MAX);
        assert_eq!(rate.slots.iter().sum::<u64>(), 5);
        assert!(rate.slots.len() <= Rate::MAX);
    }

    #[test]
    fn the_fullest_slot_is_the_highest() {
        let mut rate = Rate::default();
        for (slot, count) in [(0, 1), (1, 8), (3, 4)] {
            for _ in 0..count {
                rate.add(slot * 1_000_000);
            }
        }
        assert_eq!(rate.sparkline(), "▁█ ▄");
    }
}

//! When a new file is begun, and what it is called: as tcpdump does with `-C`, `-G` and
//! `-W`.

use std::path::{Path, PathBuf};

use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::tz::TimeZone;

use super::SaveProblem;
use crate::time::Timestamp;

/// When to begin a new file. By default, never.
///
/// | set | files |
/// | --- | --- |
/// | nothing | `NAME` |
/// | `bytes` | `NAME`, `NAME1`, `NAME2`, … |
/// | `bytes`, `files` | `NAME0` to `NAME9` for ten files; then `NAME0` again, overwritten |
/// | `seconds` | `NAME` with its `%H:%M:%S` and so on filled in; overwritten if it has none |
/// | `seconds`, `files` | the same; after so many files [`Saved::EnoughFiles`](super::Saved) |
/// | `seconds`, `bytes` | the same, with a number after it that begins anew each time |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Begin a new file when this one has become larger than this, in bytes.
    pub bytes: Option<u64>,
    /// Begin a new file with the first packet after so many seconds.
    pub seconds: Option<u64>,
    /// How many files to have; zero counts as one.
    pub files: Option<u32>,
}

/// Where a rotation stands.
#[derive(Debug)]
pub(super) struct Files {
    name: PathBuf,
    rotation: Rotation,
    zone: TimeZone,
    /// Begin of the current file's period, in seconds.
    period: u64,
    /// Number of the current file, as far as `bytes` goes.
    number: u32,
    /// Periods that are over.
    periods: u32,
}

/// What to do before a packet is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Go on with the same file.
    Same,
    /// Begin a new one.
    Next,
    /// There are as many as there should be.
    Enough,
}

impl Files {
    pub(super) fn new(name: &Path, rotation: Rotation, start: Timestamp, zone: TimeZone) -> Self {
        Self {
            name: name.to_owned(),
            rotation,
            zone,
            period: seconds(start),
            number: 0,
            periods: 0,
        }
    }

    /// What to do before a packet of `time`, the current file having `len` bytes.
    pub(super) fn turn(&mut self, time: Timestamp, len: u64) -> Turn {
        let Rotation {
            bytes,
            seconds: period,
            files,
        } = self.rotation;
        let now = seconds(time);
        if self.is_enough() {
            return Turn::Enough;
        }
        if period.is_some_and(|period| now.saturating_sub(self.period) >= period) {
            self.period = now;
            self.number = 0;
            self.periods = self.periods.saturating_add(1);
            return if self.is_enough() {
                Turn::Enough
            } else {
                Turn::Next
            };
        }
        if bytes.is_some_and(|bytes| len > bytes) {
            self.number = self.number.wrapping_add(1);
            if files.is_some_and(|files| self.number >= files) {
                self.number = 0;
            }
            return Turn::Next;
        }
        Turn::Same
    }

    /// Whether a packet of `time` would find as many files as there should be.
    pub(super) fn is_complete_at(&self, time: Timestamp) -> bool {
        let Rotation {
            bytes,
            seconds: period,
            files,
        } = self.rotation;
        let (None, Some(period), Some(files)) = (bytes, period, files) else {
            return false;
        };
        let is_over = seconds(time).saturating_sub(self.period) >= period;
        self.periods.saturating_add(u32::from(is_over)) >= files.max(1)
    }

    /// Whether there are as many files as there should be, where that is the end and not
    /// the time to overwrite the first.
    fn is_enough(&self) -> bool {
        let Rotation {
            bytes,
            seconds,
            files,
        } = self.rotation;
        let limit = files.filter(|_| bytes.is_none() && seconds.is_some());
        limit.is_some_and(|files| self.periods >= files.max(1))
    }

    /// Path of the current file.
    ///
    /// # Errors
    ///
    /// [`SaveProblem::Name`] when a time cannot be put into it.
    pub(super) fn path(&self) -> Result<PathBuf, SaveProblem> {
        let mut path = self.name.clone().into_os_string();
        if self.rotation.seconds.is_some() {
            path = self.filled_in()?.into();
        }
        if self.rotation.bytes.is_some() {
            let width = self.rotation.files.map_or(0, digits);
            if self.number > 0 || width > 0 {
                path.push(format!("{:0width$}", self.number));
            }
        }
        Ok(path.into())
    }

    /// The name with the period's local time in the place of its `%` parts.
    fn filled_in(&self) -> Result<String, SaveProblem> {
        let name = self.name.to_str();
        let name = name.ok_or_else(|| SaveProblem::Name("it is not UTF-8".to_owned()))?;
        let time = i64::try_from(self.period)
            .ok()
            .and_then(|period| jiff::Timestamp::from_second(period).ok())
            .unwrap_or_default()
            .to_zoned(self.zone.clone());
        // As strftime does, leave what has no meaning as it is.
        let config = Config::new().lenient(true);
        let mut filled_in = String::new();
        BrokenDownTime::from(&time)
            .format_with_config(&config, name, &mut filled_in)
            .map_err(|error| SaveProblem::Name(error.to_string()))?;
        Ok(filled_in)
    }
}

fn seconds(time: Timestamp) -> u64 {
    time.0 / 1_000_000_000
}

/// Digits of the largest number among `files` files, counted from 0; none for a single one.
fn digits(files: u32) -> usize {
    files
        .saturating_sub(1)
        .checked_ilog10()
        .map_or(0, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14 22:13:20 UTC.
    const START: u64 = 1_700_000_000;

    /// Names of the files of packets, each a time in seconds after the start and the length
    /// of the file before it; `-` where there are enough.
    fn names(name: &str, rotation: Rotation, packets: &[(u64, u64)]) -> Vec<String> {
        let at = |seconds: u64| Timestamp((START + seconds) * 1_000_000_000);
        let mut files = Files::new(Path::new(name), rotation, at(0), TimeZone::UTC);
        let path = |files: &Files| match files.path() {
            Ok(path) => path.display().to_string(),
            Err(problem) => problem.to_string(),
        };
        let mut names = vec![path(&files)];
        for &(time, len) in packets {
            match files.turn(at(time), len) {
                Turn::Same => {}
                Turn::Next => names.push(path(&files)),
                Turn::Enough => names.push("-".to_owned()),
            }
        }
        names
    }

    fn rotation(bytes: Option<u64>, seconds: Option<u64>, files: Option<u32>) -> Rotation {
        Rotation {
            bytes,
            seconds,
            files,
        }
    }

    #[test]
    fn without_rotation_there_is_one_file_with_the_name_as_it_is() {
        let packets = [(0, 24), (1_000_000, u64::MAX)];
        assert_eq!(names("%H.pcap", Rotation::default(), &packets), ["%H.pcap"]);
        assert_eq!(names("x", rotation(None, None, Some(3)), &packets), ["x"]);
    }

    #[test]
    fn by_size_files_are_numbered_after_the_first() {
        let by_size = rotation(Some(100), None, None);
        let packets = [(0, 24), (0, 100), (0, 101), (0, 30), (0, 200)];
        assert_eq!(names("%x", by_size, &packets), ["%x", "%x1", "%x2"]);
    }

    #[test]
    fn by_size_with_a_number_of_files_they_are_overwritten_in_turn() {
        let three = rotation(Some(100), None, Some(3));
        let full = [(0, 101); 4];
        assert_eq!(names("x", three, &full), ["x0", "x1", "x2", "x0", "x1"]);
        let eleven = rotation(Some(100), None, Some(11));
        assert_eq!(names("x", eleven, &full[..2]), ["x00", "x01", "x02"]);
        let one = rotation(Some(100), None, Some(1));
        assert_eq!(names("x", one, &full[..2]), ["x", "x", "x"]);
    }

    #[test]
    fn by_seconds_the_time_stands_in_the_name() {
        let by_time = rotation(None, Some(60), None);
        let packets = [(59, 24), (60, 24), (119, 24), (300, 24), (10, 24)];
        assert_eq!(
            names("x-%Y%m%d-%H:%M:%S.pcap", by_time, &packets),
            [
                "x-20231114-22:13:20.pcap",
                "x-20231114-22:14:20.pcap",
                "x-20231114-22:18:20.pcap",
            ]
        );
        assert_eq!(names("x", by_time, &packets), ["x", "x", "x"]);
        assert_eq!(names("%M 100%", by_time, &[]), ["13 100%"]);
    }

    #[test]
    fn by_seconds_a_number_of_files_is_the_end() {
        let two = rotation(None, Some(60), Some(2));
        assert_eq!(
            names("%M", two, &[(60, 24), (120, 24), (121, 24)]),
            ["13", "14", "-", "-"]
        );
    }

    #[test]
    fn by_seconds_and_size_numbers_begin_anew_with_each_time() {
        let both = rotation(Some(100), Some(60), None);
        let packets = [(0, 101), (0, 101), (60, 101), (61, 24), (62, 101)];
        assert_eq!(
            names("%M", both, &packets),
            ["13", "131", "132", "14", "141"]
        );
        // With a number of files, too; they never end.
        let three = rotation(Some(100), Some(60), Some(2));
        assert_eq!(
            names("%M-", three, &packets),
            ["13-0", "13-1", "13-0", "14-0", "14-1"]
        );
    }

    #[test]
    fn numbers_have_as_many_digits_as_the_last_one() {
        for (files, expected) in [(0, 0), (1, 0), (2, 1), (10, 1), (11, 2), (100, 2), (101, 3)] {
            assert_eq!(digits(files), expected, "{files} files");
        }
    }
}

//! `-w` while sniffing: every captured packet goes to a file, or to standard output, as well.

use std::path::Path;

use anyhow::bail;
use wsdump::capture::live::LiveCapture;
use wsdump::capture::save::{Format, Rotation, SaveError, Saver};

use super::LIVE;
use crate::decode::now;
use crate::packets::{is_stdout, stdout_saver};

/// What the arguments say about saving packets.
#[derive(Debug, clap::Args)]
// Each is the long name of its option.
#[allow(clippy::struct_field_names)]
pub(crate) struct SaveArguments {
    /// Begin a new file after so many million bytes; k, m or g behind it: KiB, MiB, GiB
    #[arg(
        short = 'C',
        long,
        value_name = "SIZE",
        requires_all = ["write", "interface"],
        value_parser = size,
        help_heading = LIVE
    )]
    file_size: Option<u64>,

    /// Begin a new file after so many seconds; the name says where the time goes:
    /// %Y%m%d-%H%M%S
    #[arg(
        short = 'G',
        long,
        value_name = "SECONDS",
        requires_all = ["write", "interface"],
        value_parser = clap::value_parser!(u64).range(1..),
        help_heading = LIVE
    )]
    file_seconds: Option<u64>,

    /// Have this many files: with -C the first is overwritten then, with -G alone the
    /// capture ends
    #[arg(
        short = 'W',
        long,
        value_name = "N",
        requires_all = ["write", "interface"],
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = LIVE
    )]
    file_count: Option<u32>,
}

impl SaveArguments {
    /// Refuses what does not go together, before anything is opened.
    pub(crate) fn check(&self, path: &Path) -> anyhow::Result<()> {
        let rotates = self.file_size.is_some() || self.file_seconds.is_some();
        if self.file_count.is_some() && !rotates {
            bail!("-W counts the files that -C or -G begin, and neither is given");
        }
        if is_stdout(path) && rotates {
            bail!("-C and -G begin new files, and standard output is none");
        }
        let name = path.to_string_lossy();
        if let (Some(seconds), None, false) =
            (self.file_seconds, self.file_size, name.contains('%'))
            && self.file_count != Some(1)
        {
            bail!(
                "-G {seconds} would overwrite {name} with each new file; put the time into its \
                 name, as in '{}'",
                with_time(path)
            );
        }
        Ok(())
    }

    /// Begins the first file for the packets of `capture`.
    pub(crate) fn open(&self, path: &Path, capture: &LiveCapture) -> Result<Saver, SaveError> {
        let is_pcapng = path
            .extension()
            .is_some_and(|extension| extension == "pcapng");
        let format = if is_pcapng {
            Format::PcapNg
        } else {
            Format::Pcap {
                link_type: capture.link_type(),
                nanoseconds: capture.has_nanoseconds(),
                snaplen: capture.snaplen(),
            }
        };
        if is_stdout(path) {
            return stdout_saver(format);
        }
        let rotation = Rotation {
            bytes: self.file_size,
            seconds: self.file_seconds,
            files: self.file_count,
        };
        Saver::create(path, format, rotation, now())
    }
}

/// `chat.pcap` with a place for the time.
fn with_time(path: &Path) -> String {
    let stem = path.with_extension("");
    let extension = path.extension().map(|text| format!(".{}", text.display()));
    format!(
        "{}-%Y%m%d-%H%M%S{}",
        stem.display(),
        extension.unwrap_or_default()
    )
}

/// Bytes, in millions unless a suffix says otherwise, as tcpdump reads them.
fn size(text: &str) -> Result<u64, &'static str> {
    const EXPECTED: &str = "a number of millions of bytes is expected, or one with k, m or g: 64k";
    let (number, unit) = match text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']) {
        number if number.len() == text.len() => (number, 1_000_000),
        number => {
            let unit = match &text[number.len()..] {
                "k" | "K" => 1 << 10,
                "m" | "M" => 1 << 20,
                "g" | "G" => 1 << 30,
                _ => return Err(EXPECTED),
            };
            (number, unit)
        }
    };
    let number: u64 = number.parse().map_err(|_| EXPECTED)?;
    let bytes = number.checked_mul(unit).ok_or("no file is so large")?;
    if bytes == 0 {
        Err("a file of 0 bytes holds nothing")
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_tcpdump() {
        for (text, bytes) in [
            ("1", 1_000_000),
            ("2500", 2_500_000_000),
            ("64k", 65_536),
            ("3M", 3 << 20),
            ("2g", 2 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "k",
            "0",
            "-1",
            "1.5",
            "1kk",
            "1 k",
            "99999999999999999999",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
        assert!(size("18446744073709551615g").is_err());
    }

    #[test]
    fn the_advice_keeps_the_extension_where_it_is() {
        assert_eq!(with_time(Path::new("a/x.pcap")), "a/x-%Y%m%d-%H%M%S.pcap");
        assert_eq!(with_time(Path::new("x")), "x-%Y%m%d-%H%M%S");
    }
}

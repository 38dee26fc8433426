//! `-w`: every captured packet goes to a file, or to standard output, as well.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use wsdump::capture::live::LiveCapture;
use wsdump::capture::save::{Format, Rotation, Saver};

use super::LIVE;
use crate::decode::now;

/// What the arguments say about saving packets.
#[derive(Debug, clap::Args)]
pub(crate) struct SaveArguments {
    /// Write every captured packet to this file too, as pcap, or as pcapng if it is called
    /// so; - is standard output, and rows go to standard error then
    #[arg(short, long, value_name = "FILE", requires = "interface", help_heading = LIVE)]
    pub(crate) write: Option<PathBuf>,

    /// Begin a new file after so many million bytes; k, m or g behind it: KiB, MiB, GiB
    #[arg(
        short = 'C',
        long,
        value_name = "SIZE",
        requires = "write",
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
        requires = "write",
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
        requires = "write",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = LIVE
    )]
    file_count: Option<u32>,
}

const STDOUT: &str = "-";

impl SaveArguments {
    /// Whether packets go to standard output, so that nothing else can.
    pub(crate) fn takes_stdout(&self) -> bool {
        self.write.as_deref() == Some(Path::new(STDOUT))
    }

    /// Whether packets of any link type are of use: they can be saved, if not read.
    pub(crate) fn is_wanted(&self) -> bool {
        self.write.is_some()
    }

    /// Refuses what does not go together, before anything is opened.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Some(path) = &self.write else {
            return Ok(());
        };
        let rotates = self.file_size.is_some() || self.file_seconds.is_some();
        if self.file_count.is_some() && !rotates {
            bail!("-W counts the files that -C or -G begin, and neither is given");
        }
        if self.takes_stdout() {
            if rotates {
                bail!("-C and -G begin new files, and standard output is none");
            }
            if io::stdout().is_terminal() {
                bail!(
                    "-w - writes packets, which no terminal can show; pipe them into a program, \
                     or name a file"
                );
            }
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
    pub(crate) fn open(&self, capture: &LiveCapture) -> anyhow::Result<Option<Saver>> {
        let Some(path) = &self.write else {
            return Ok(None);
        };
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
        if self.takes_stdout() {
            return Ok(Some(Saver::to_writer(
                "standard output",
                stdout()?,
                format,
            )?));
        }
        let rotation = Rotation {
            bytes: self.file_size,
            seconds: self.file_seconds,
            files: self.file_count,
        };
        Ok(Some(Saver::create(path, format, rotation, now())?))
    }
}

/// Standard output without the line buffer that it has for text.
#[cfg(unix)]
fn stdout() -> anyhow::Result<File> {
    use std::os::fd::AsFd;
    let fd = io::stdout().as_fd().try_clone_to_owned();
    Ok(File::from(fd.context("standard output")?))
}

#[cfg(windows)]
fn stdout() -> anyhow::Result<File> {
    use std::os::windows::io::AsHandle;
    let handle = io::stdout().as_handle().try_clone_to_owned();
    Ok(File::from(handle.context("standard output")?))
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

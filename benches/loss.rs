//! How much of a conversation is told when packets are missing: `make loss`.
//!
//! Of each capture, packets are removed by chance at four rates, with twenty seeds each, and
//! what is told of the others is held against what is told of all. Fails where a frame was
//! told that nobody sent, or a message as whole that is not: that must not be at any rate.
//! Arguments are captures to read instead; in them, nothing but the opening handshake and
//! frames may be sent.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;

use support::loss::{Tally, Whole};
use support::packet::packets_of;

const CAPTURES: [&str; 4] = [
    "many.pcap.gz",
    "deflate.pcap",
    "fragments.pcap",
    "big.pcap.zst",
];

/// Packets lost of a thousand, and what must at least be found of the surviving messages, in
/// tenths of a percent.
const RATES: [(usize, Option<usize>); 4] =
    [(1, None), (10, Some(990)), (50, Some(950)), (200, None)];

const SEEDS: u64 = 20;

fn main() -> ExitCode {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    let mut captures: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if captures.is_empty() {
        captures = CAPTURES.map(|name| folder.join(name)).to_vec();
    }
    println!(
        "{:>15} {:>5}  {:>15}  {:>9}  {:>6}  {:>6}  {:>5}  {:>8}",
        "capture", "rate", "packets lost", "surviving", "found", "whole", "wrong", "invented"
    );
    let (mut sound, mut enough) = (true, true);
    for path in captures {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let whole = Whole::new(packets_of(
            std::fs::read(&path).expect("a capture that can be read"),
        ));
        for (per_mille, wanted) in RATES {
            let mut tally = Tally::default();
            for seed in 0..SEEDS {
                tally += whole.lose(per_mille, seed);
            }
            let lost = format!("{} of {}", tally.dropped, tally.packets);
            println!(
                "{name:>15} {:>4}%  {lost:>15}  {:>9}  {:>5}%  {:>5}%  {:>5}  {:>8}",
                tenths(per_mille),
                tally.surviving,
                tenths(share(tally.found, tally.surviving)),
                tenths(share(tally.whole, tally.surviving)),
                tally.wrong,
                tally.invented,
            );
            sound &= tally.wrong == 0 && tally.invented == 0;
            enough &= wanted.is_none_or(|wanted| share(tally.found, tally.surviving) >= wanted);
        }
    }
    let said = |holds: bool| if holds { "yes" } else { "NO" };
    println!("\nnothing wrong, nothing invented: {}", said(sound));
    println!(
        "99 % found where 1 % is lost, 95 % where 5 % is: {}",
        said(enough)
    );
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// How many of a thousand, rounded down.
fn share(part: usize, all: usize) -> usize {
    part * 1000 / all.max(1)
}

/// A number of tenths.
fn tenths(number: usize) -> String {
    format!("{}.{}", number / 10, number % 10)
}

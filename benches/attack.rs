//! What attacks cost: memory against what is promised, and time as they grow.
//!
//! `attack [NAME]` runs each at its size and at four times as much. A time
//! that is linear has a ratio of about 4. Memory above the limit is a failure; time is only
//! shown, since machines differ.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout
)]

#[path = "../tests/support/attack.rs"]
mod attack;
#[path = "../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

use attack::{ATTACKS, Attack, Cost, cost};
use peak_alloc::PeakAlloc;
use wsdump::Limits;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What an analyzer may take above its limit: a packet that is looked at, and tables.
const SLACK: usize = 64 << 20;

fn main() -> ExitCode {
    let name = std::env::args().nth(1);
    let chosen = |attack: &&Attack| name.as_ref().is_none_or(|name| attack.name.contains(name));
    let limit = Limits::default().max_memory;
    println!("memory is limited to {} MiB\n", limit >> 20);
    println!(
        "{:50} {:>10} {:>9} {:>9} {:>5} {:>9} {:>8}",
        "attack", "size", "seconds", "µs/packet", "ratio", "events", "peak MiB"
    );
    let mut failed = false;
    for attack in ATTACKS.iter().filter(chosen) {
        let run = |size| cost(attack, size, Limits::default(), ALLOCATOR);
        let (once, four) = (run(attack.size), run(4 * attack.size));
        let ratio = four.time.as_secs_f64() / once.time.as_secs_f64();
        row(attack, attack.size, &once, None);
        row(attack, 4 * attack.size, &four, Some(ratio));
        if four.peak > limit + SLACK {
            println!("{}: more memory than promised", attack.name);
            failed = true;
        }
    }
    ExitCode::from(u8::from(failed))
}

#[allow(clippy::cast_precision_loss)]
fn row(attack: &Attack, size: u64, cost: &Cost, ratio: Option<f64>) {
    let (name, ratio) = match ratio {
        None => (attack.name, String::new()),
        Some(ratio) => (attack.unit, format!("{ratio:.1}")),
    };
    let seconds = cost.time.as_secs_f64();
    println!(
        "{name:50} {size:10} {seconds:9.2} {:9.2} {ratio:>5} {:9} {:8.1}",
        seconds * 1e6 / cost.packets as f64,
        cost.events,
        cost.peak as f64 / f64::from(1 << 20),
    );
}

//! The built program sniffs loopback while real endpoints talk there, and what it tells is
//! compared with what they sent.
//!
//! The endpoints are those of tungstenite, and by scripts in `tests/peers/` those of `ws`
//! (Node.js) and `websockets` (Python), and a page in Chromium; `make peers` installs them.
//! A test whose peer or whose permission to capture is missing is left out, see `left_out`.
//!
//! Each test listens on a port of its own and sniffs only there, so that all can run at
//! once. A sniffer is ready when it says that it listens; nothing waits for time to pass.

#![cfg(all(feature = "live", unix))]
// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod baseline;
mod chromium;
mod compressed;
mod endings;
mod endpoints;
mod load;
mod losses;
mod midway;
#[cfg(target_os = "linux")] // What it says there.
mod permission;
mod plain;
mod refusals;
mod rights;
mod said;
mod saving;
mod scripted;
mod sniffer;
#[cfg(target_os = "linux")] // It looks at threads in /proc.
mod stuck;

#[path = "../support/cli.rs"]
#[allow(dead_code)] // Other parts of it are for other tests.
mod cli;
#[path = "../support/left_out.rs"]
mod left_out;

use std::time::{Duration, Instant};

/// Nothing takes so long but what never happens.
const HANG: Duration = Duration::from_secs(60);

/// Waits for something that has no event to wait for.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < HANG, "{what}: this never comes");
        std::thread::sleep(Duration::from_millis(1));
    }
}

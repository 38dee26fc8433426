//! Tests that need what not every machine has: they are left out where it is missing, and
//! the reason is said. Where `CI` is `true`, to leave one out is a failure.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Says why the test that runs is left out.
///
/// # Panics
///
/// Where nothing may be left out.
pub(crate) fn leave_out(reason: impl Display) {
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "nothing may be left out here: {reason}");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Unlike with `eprintln!`, it is seen also of a test that passes; in one piece, since
    // others write there, too.
    let line = format!("left out: {test}: {reason}\n");
    let _ = io::stderr().write_all(line.as_bytes());
}

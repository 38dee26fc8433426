//! A program that nobody reads from.

use std::process::Child;

use crate::endpoints::{Endpoints as _, Pair, listen};
use crate::said::Server;
use crate::sniffer::{Running, listening, permitted, signal, sniff, wait};
use crate::wait_until;

/// Nobody reads what the program prints. It waits, as it must; asked to end, it still
/// waits; asked once more, it ends at once.
#[test]
fn a_second_signal_ends_it_even_when_its_output_is_stuck() {
    if !permitted() {
        return;
    }
    let (listener, port) = listen();
    let mut running = Running(sniff(&[], port).spawn().unwrap());
    let child = &mut running.0;
    let stderr = listening(child);
    // More than any pipe holds, and the program's buffers with it.
    let mut pair = Pair::connected(&listener);
    for _ in 0..50 {
        pair.text(Server, &"and so on ".repeat(10_000));
    }
    signal(child, "INT");
    // It has taken the signal when it no longer captures.
    wait_until("the end of the capture", || !has_thread(child, "capture"));
    assert_eq!(child.try_wait().unwrap(), None, "it waits to be read");
    signal(child, "INT");
    assert_eq!(wait(child).code(), Some(130));
    assert_eq!(stderr.iter().collect::<Vec<_>>(), [""; 0]);
}

/// Whether one of the program's threads has this name.
fn has_thread(child: &Child, name: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok())
        .any(|comm| comm.trim_end() == name)
}

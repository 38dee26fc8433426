//! What is sniffed is saved as well: `-w`, and how it ends.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::program;
use crate::endpoints::{Endpoints as _, Pair, listen};
use crate::left_out::leave_out;
use crate::said::{Client, Line, Server};
use crate::sniffer::{LOOPBACK, Running, Sniffer, listening, permitted, signal, sniff, wait};

/// Says something, and closes.
fn talk(mut pair: Pair, messages: usize) {
    for number in 0..messages {
        pair.text(Client, &format!("message {number}"));
        pair.text(Server, &format!("answer {number}"));
    }
    pair.close(Client, 1000, "bye");
}

/// The JSON lines of a saved capture.
fn read_back(path: &Path) -> Vec<Line> {
    let output = program().arg("--json").arg(path).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines = stdout.lines().map(serde_json::from_str);
    lines.map(Result::unwrap).collect()
}

/// Packets that tcpdump reads from a file, without a complaint.
fn packets_for_tcpdump(path: &Path) -> Option<usize> {
    let output = Command::new("tcpdump")
        .args(["-n", "-r"])
        .arg(path)
        .output();
    let Ok(output) = output else {
        leave_out("no tcpdump in PATH: `make peers` installs it");
        return None;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(!stderr.contains("truncated"), "{stderr}");
    Some(String::from_utf8_lossy(&output.stdout).lines().count())
}

#[test]
fn what_was_saved_is_told_as_it_was_told_live() {
    if !permitted() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for (name, end) in [("chat.pcap", "INT"), ("chat.pcapng", "TERM")] {
        let path = directory.path().join(name);
        let (listener, port) = listen();
        let mut sniffer = Sniffer::with(&["-w", path.to_str().unwrap()], port);
        talk(Pair::connected(&listener), 5);
        sniffer.wait_for_end();
        // One that is open when the capture ends.
        let mut open = Pair::connected(&listener);
        open.text(Client, "and one more");
        sniffer.wait_for(|line| line.get("text") == Some(&"and one more".into()));
        sniffer.signal(end);
        let ended = sniffer.end();
        assert!(ended.status.success(), "{}", ended.stderr);
        assert_eq!(ended.lines, read_back(&path));
        let packets = ended.lines.iter().map(|line| line["packet"].as_u64());
        let packets = packets.max().unwrap().unwrap();
        let closing = format!("{packets} packets saved to {}", path.display());
        assert!(ended.stderr.ends_with(&closing), "{}", ended.stderr);
        if let Some(count) = packets_for_tcpdump(&path) {
            assert_eq!(count as u64, packets, "{name}");
        }
    }
}

#[test]
fn packets_go_to_standard_output_and_rows_to_standard_error() {
    if !permitted() {
        return;
    }
    let (listener, port) = listen();
    let mut running = Running(sniff(&["-w", "-"], port).spawn().unwrap());
    let child = &mut running.0;
    let mut stdout = child.stdout.take().unwrap();
    let stderr = listening(child);
    let saved = std::thread::spawn(move || {
        let mut saved = Vec::new();
        stdout.read_to_end(&mut saved).unwrap();
        saved
    });
    talk(Pair::connected(&listener), 3);
    let mut told: Vec<Line> = Vec::new();
    while told.last().is_none_or(|line| line["type"] != "connection") {
        let line = stderr.recv_timeout(crate::HANG).unwrap();
        told.push(serde_json::from_str(&line).unwrap());
    }
    signal(child, "INT");
    assert!(wait(child).success());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("saved.pcap");
    fs::write(&path, saved.join().unwrap()).unwrap();
    assert_eq!(told, read_back(&path));
}

#[test]
fn files_are_begun_anew_when_they_are_large_enough() {
    if !permitted() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("part");
    let (listener, port) = listen();
    let mut sniffer = Sniffer::with(&["-w", path.to_str().unwrap(), "-C", "2k"], port);
    talk(Pair::connected(&listener), 60);
    sniffer.wait_for_end();
    let ended = sniffer.interrupt();
    let mut parts: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    parts.sort();
    let files = format!(" packets saved to {} files, the last is ", parts.len());
    assert!(ended.stderr.contains(&files), "{}", ended.stderr);
    assert!(parts.len() > 3, "{parts:?}");
    for part in &parts {
        // The last packet is the one that makes it too large.
        assert!(fs::metadata(part).unwrap().len() < 2_048 + 200);
    }
    // Several files are read in order of time.
    let output = program().arg("--json").args(&parts).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Line> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(ended.lines, lines);
}

/// A limit on the length of files stands for a full disk: the system takes a part of the last
/// bytes, and then none.
#[test]
fn a_full_disk_ends_it_with_an_error_and_a_whole_file() {
    if !permitted() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("full.pcap");
    let (listener, port) = listen();
    let sniffing = sniff(&["-w", path.to_str().unwrap()], port);
    let mut command = Command::new("sh");
    // In blocks of 512 bytes; the signal that comes with the error is ignored, as a full
    // disk has none.
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(sniffing.get_program())
        .args(sniffing.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let sniffer = Sniffer::start(&mut command);
    talk(Pair::connected(&listener), 60);
    let ended = sniffer.end();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    let message = ended.stderr.lines().last().unwrap();
    let start = format!("wsdump: {}: cannot be written: ", path.display());
    assert!(message.starts_with(&start), "{}", ended.stderr);
    assert!(fs::metadata(&path).unwrap().len() <= 8 * 512);
    // All that was saved was told, and the file ends with a whole packet.
    let saved = read_back(&path);
    let is_row = |line: &&Line| line["type"] != "connection";
    let saved: Vec<_> = saved.iter().filter(is_row).collect();
    let told: Vec<_> = ended.lines.iter().filter(is_row).collect();
    assert!(saved.len() > 10);
    assert_eq!(saved, told[..saved.len()]);
    packets_for_tcpdump(&path);
}

#[test]
fn what_does_not_go_together_is_refused_before_anything_is_opened() {
    for (arguments, message) in [
        ("-w x -W 2", "-W counts the files that -C or -G begin"),
        (
            "-w - -C 1",
            "-C and -G begin new files, and standard output is none",
        ),
        (
            "-w x.pcap -G 60",
            "-G 60 would overwrite x.pcap with each new file",
        ),
        ("-w x.pcap -C 0", "a file of 0 bytes holds nothing"),
        ("-C 1", "required arguments were not provided"),
        ("--duration 0s", "a time above zero is expected"),
        ("-B 0", "0 is not in 1..="),
    ] {
        let output = program()
            .args(["-i", LOOPBACK])
            .args(arguments.split_whitespace())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {stderr}");
        assert!(stderr.contains(message), "{arguments}: {stderr}");
    }
}

#[test]
fn it_stops_when_its_time_is_over() {
    if !permitted() {
        return;
    }
    let (_listener, port) = listen();
    let ended = Sniffer::with(&["--duration", "50ms"], port).end();
    assert!(ended.status.success(), "{}", ended.stderr);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("second.pcap");
    let arguments = ["-w", path.to_str().unwrap(), "-G", "1", "-W", "1"];
    let ended = Sniffer::with(&arguments, port).end();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(path.exists());
}

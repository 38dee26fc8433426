//! Packets that are lost on their way to the program, and an interface that is.

use std::process::Command;

use tungstenite::Message;

use crate::endpoints::{Pair, listen};
use crate::left_out::leave_out;
use crate::said::{Line, agrees, payload};
use crate::sniffer::{Running, Sniffer, lines, listening, permitted, signal, sniff, wait};

/// Bytes of each message, which hold its number again and again.
const LENGTH: usize = 10_000;

fn message(number: u32) -> Vec<u8> {
    number.to_be_bytes().repeat(LENGTH / 4)
}

/// Nobody reads the rows until more was said than all buffers hold.
#[test]
fn what_is_dropped_is_said_and_leaves_gaps_and_nothing_wrong() {
    const MESSAGES: u32 = 15_000;
    if !permitted() {
        return;
    }
    let (listener, port) = listen();
    let mut running = Running(sniff(&[], port).spawn().unwrap());
    let child = &mut running.0;
    let stdout = child.stdout.take().unwrap();
    let stderr = listening(child);
    let Pair {
        mut client,
        mut server,
    } = Pair::connected(&listener);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..MESSAGES {
                server.send(Message::binary(message(number))).unwrap();
            }
        });
        for _ in 0..MESSAGES {
            client.read().unwrap();
        }
    });
    // It is said while it happens, although no row can be written.
    let notice = stderr.recv_timeout(crate::HANG).unwrap();
    assert!(notice.contains(" packets dropped: "), "{notice}");
    let stdout = lines(stdout);
    signal(child, "INT");
    let told: Vec<Line> = stdout
        .iter()
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect();
    assert!(wait(child).success());
    let gaps = told
        .iter()
        .filter(|line| line["type"] == "tcp" && line["event"] == "gap");
    assert!(gaps.count() > 0);
    let mut complete = 0;
    for line in told.iter().filter(|line| line["type"] == "message") {
        let bytes = payload(line);
        let first: [u8; 4] = bytes.first_chunk().copied().unwrap_or_default();
        let said = message(u32::from_be_bytes(first));
        // Of some even the number is missing.
        let numbered = line.get("unknown").is_none_or(|unknown| {
            let offset = unknown[0]["offset"].as_u64();
            offset.is_some_and(|offset| offset >= first.len() as u64)
        });
        assert!(!numbered || agrees(line, &said), "{line:?}");
        complete += u32::from(line["complete"] == true);
    }
    assert!(0 < complete && complete < MESSAGES, "{complete}");
}

/// `ip`, as root; whether it could do what was asked.
#[cfg(target_os = "linux")]
fn ip(arguments: &str) -> bool {
    let status = Command::new("ip")
        .args(arguments.split_whitespace())
        .output();
    status.is_ok_and(|output| output.status.success())
}

#[test]
#[cfg(target_os = "linux")]
fn an_interface_that_goes_away_is_an_error_after_all_that_was_captured() {
    if !permitted() {
        return;
    }
    let name = format!("wsd{}", std::process::id() % 1_000_000);
    if !ip(&format!("link add {name} type veth peer name {name}b")) {
        leave_out("`ip link add` makes no interface here");
        return;
    }
    assert!(ip(&format!("link set {name} up")));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("saved.pcap");
    let mut command = crate::cli::program();
    command.args(["--json", "-i", &name, "-w"]).arg(&path);
    let sniffer = Sniffer::start(&mut command);
    assert!(ip(&format!("link del {name}")));
    let ended = sniffer.end();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    let message = format!("wsdump: {name}: cannot be read: ");
    assert!(ended.stderr.contains(&message), "{}", ended.stderr);
    let read_back = crate::cli::program().arg(&path).output().unwrap();
    assert!(read_back.status.success());
}

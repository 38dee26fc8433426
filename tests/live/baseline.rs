//! A baseline made from one run of a real server, and captures of other runs of it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tungstenite::Message;

use crate::cli::program;
use crate::endpoints::{listen, url};
use crate::sniffer::{Sniffer, permitted};

/// A stream that sends few bytes at a time, so that they come in other packets.
struct Cut {
    stream: TcpStream,
    size: usize,
}

impl Read for Cut {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(&bytes[..bytes.len().min(self.size)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn cut(stream: TcpStream, size: usize) -> Cut {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(crate::HANG)).unwrap();
    Cut { stream, size }
}

/// A server that greets, and answers with a count and the time.
fn serve(listener: &TcpListener, size: usize, greeting: &str) {
    let stream = cut(listener.accept().unwrap().0, size);
    let mut socket = tungstenite::accept(stream).unwrap();
    socket.send(Message::text(greeting)).unwrap();
    let mut count = 0;
    loop {
        match socket.read() {
            Ok(Message::Text(said)) => {
                count += 1;
                let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
                let answer = format!(r#"{{"to":"{said}","count":{count},"at":{{"ns":{now}}}}}"#);
                socket.send(Message::text(answer)).unwrap();
            }
            Ok(Message::Binary(bytes)) => socket.send(Message::Binary(bytes)).unwrap(),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// Captures a run of that server and a client of it, each sending `size` bytes at a time.
fn captured(directory: &Path, name: &str, size: usize, greeting: &str) -> PathBuf {
    let path = directory.join(name);
    let (listener, port) = listen();
    let mut sniffer = Sniffer::with(&["-w", path.to_str().unwrap()], port);
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&listener, size, greeting));
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut socket, _) = tungstenite::client(url(port), cut(stream, size)).unwrap();
        socket.read().unwrap();
        for said in [
            Message::text("hello"),
            Message::text("world"),
            Message::binary(vec![0xff; 300]),
        ] {
            socket.send(said).unwrap();
            socket.read().unwrap();
        }
        socket.close(None).unwrap();
        while socket.read().is_ok() {}
    });
    sniffer.wait_for_end();
    sniffer.interrupt();
    path
}

/// Runs `wsdump check` with a baseline; its exit status and what it prints.
fn checked(baseline: &Path, arguments: &[&str], capture: &Path) -> (Option<i32>, String) {
    let output = program()
        .args(["check", "--ignore", "$.at.ns", "--baseline"])
        .arg(baseline)
        .args(arguments)
        .arg(capture)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let recorded = format!("wsdump: recorded {}\n", baseline.display());
    assert!(stderr.is_empty() || stderr == recorded, "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), stdout)
}

#[test]
fn another_run_of_a_server_passes_and_one_changed_byte_does_not() {
    if !permitted() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let first = captured(directory, "first.pcap", usize::MAX, "welcome");
    let again = captured(directory, "again.pcap", 5, "welcome");
    let changed = captured(directory, "changed.pcap", usize::MAX, "welcomf");
    let baseline = directory.join("server.json");

    let (status, told) = checked(&baseline, &["--update"], &first);
    assert_eq!(status, Some(0), "{told}");
    let recorded = std::fs::read_to_string(&baseline).unwrap();
    for part in [
        r#"{"opcode": "text", "text": "welcome"}"#,
        r#"{"opcode": "text", "json": {"to": "hello", "count": 1, "at": {"ns": "<ignored>"}}}"#,
    ] {
        assert!(recorded.contains(part), "{recorded}");
    }
    for capture in [&first, &again] {
        let (status, told) = checked(&baseline, &[], capture);
        assert_eq!(status, Some(0), "{told}");
    }
    let (status, told) = checked(&baseline, &[], &changed);
    assert_eq!(status, Some(1), "{told}");
    for part in [
        "messages of the server: 1 changed",
        r#""welcome""#,
        r#""welcomf""#,
    ] {
        assert!(told.contains(part), "{told}");
    }
    // Whoever accepts the change records it.
    let (status, _) = checked(&baseline, &["--update"], &changed);
    assert_eq!(status, Some(0));
    assert_eq!(checked(&baseline, &[], &changed).0, Some(0));
    assert_eq!(checked(&baseline, &[], &first).0, Some(1));
}

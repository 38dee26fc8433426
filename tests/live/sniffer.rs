//! The built program, sniffing loopback.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::endpoints::{Endpoints as _, Pair, listen};
use crate::left_out::leave_out;
use crate::said::{Line, Server};
use crate::{HANG, wait_until};

pub(crate) const LOOPBACK: &str = if cfg!(target_os = "linux") {
    "lo"
} else {
    "lo0"
};

/// Whether the program may capture; says so if not.
pub(crate) fn permitted() -> bool {
    // It stops before the first packet.
    let output = sniff(&["--count", "0"], &[1]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    if stderr.contains("no permission to capture") {
        leave_out(stderr.trim_end());
        return false;
    }
    assert!(output.status.success(), "{stderr}");
    true
}

/// `wsdump -i lo --json` on one port, from the moment on when its capture is open.
///
/// That moment is not announced. So it sniffs a second port, where conversations are held
/// until one is told of; nothing of them is to be seen here.
pub(crate) struct Sniffer {
    running: Running,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    probe: Probe,
    /// All lines so far that are not of the probe.
    told: Vec<Line>,
}

/// What came of a sniffer.
pub(crate) struct Ended {
    pub(crate) lines: Vec<Line>,
    pub(crate) stderr: String,
    pub(crate) status: ExitStatus,
}

impl Sniffer {
    /// Sniffs `port`.
    pub(crate) fn on(port: u16) -> Self {
        Self::with(&[], port)
    }

    /// Sniffs `port`, with more arguments.
    pub(crate) fn with(arguments: &[&str], port: u16) -> Self {
        let probe = Probe::new();
        let mut child = sniff(arguments, &[port, probe.port]).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        let stderr = read_to_end(child.stderr.take().unwrap());
        let mut sniffer = Self {
            running: Running(child),
            lines,
            stderr: Some(stderr),
            probe,
            told: Vec::new(),
        };
        sniffer.wait_until_open();
        sniffer
    }

    fn wait_until_open(&mut self) {
        let begin = Instant::now();
        while begin.elapsed() < HANG {
            self.probe.talk();
            match self.lines.recv_timeout(Duration::from_millis(100)) {
                Ok(_) => return,
                Err(RecvTimeoutError::Timeout) => {}
                // It ended: why is on standard error.
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let _ = self.running.0.kill();
        let stderr = self.stderr.take().map(JoinHandle::join);
        panic!("nothing was told: {stderr:?}");
    }

    /// The next line, or `None` at the end of all.
    pub(crate) fn line(&mut self) -> Option<&Line> {
        loop {
            match self.lines.recv_timeout(HANG) {
                Ok(line) => {
                    let line: Line = serde_json::from_str(&line)
                        .unwrap_or_else(|error| panic!("no whole line: {error}: {line}"));
                    if !self.probe.is_of(&line) {
                        self.told.push(line);
                        return self.told.last();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("nothing is told any more"),
            }
        }
    }

    /// Waits until a line is told that is the one wanted.
    pub(crate) fn wait_for(&mut self, is_wanted: impl Fn(&Line) -> bool) -> Line {
        loop {
            let line = self.line().expect("it goes on");
            if is_wanted(line) {
                return line.clone();
            }
        }
    }

    /// Waits until the end of a connection is told.
    pub(crate) fn wait_for_end(&mut self) -> Line {
        self.wait_for(|line| line["type"] == "connection")
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.running.0, name);
    }

    /// Ends it as Ctrl-C does, which has to go well.
    pub(crate) fn interrupt(self) -> Ended {
        self.signal("INT");
        let ended = self.end();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        ended
    }

    /// Reads on until it ends by itself.
    pub(crate) fn end(mut self) -> Ended {
        while self.line().is_some() {}
        let status = wait(&mut self.running.0);
        let stderr = self.stderr.take().unwrap().join().unwrap();
        Ended {
            lines: std::mem::take(&mut self.told),
            stderr,
            status,
        }
    }
}

/// A program that runs no longer than whoever started it cares.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Without effect on one that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program, about to sniff these ports.
pub(crate) fn sniff(arguments: &[&str], ports: &[u16]) -> Command {
    let ports: Vec<_> = ports
        .iter()
        .map(|port| format!("tcp port {port}"))
        .collect();
    let mut command = crate::cli::program();
    command
        .args(["-i", LOOPBACK, "--json"])
        .args(arguments)
        .arg(ports.join(" or "));
    command
}

pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

/// Waits for a program that is about to end.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let mut status = None;
    wait_until("its end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

/// The lines of a pipe, as they come.
pub(crate) fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

pub(crate) fn read_to_end(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    })
}

/// Conversations that are held to see whether they are told of.
struct Probe {
    listener: TcpListener,
    port: u16,
    /// The server's address, as lines have it.
    server: String,
}

impl Probe {
    fn new() -> Self {
        let (listener, port) = listen();
        let server = listener.local_addr().unwrap().to_string();
        Self {
            listener,
            port,
            server,
        }
    }

    fn talk(&self) {
        let mut pair = Pair::connected(&self.listener);
        pair.text(Server, "are you there?");
    }

    fn is_of(&self, line: &Line) -> bool {
        line["source"] == *self.server || line["destination"] == *self.server
    }
}

//! The built program, sniffing loopback.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use crate::left_out::leave_out;
use crate::said::Line;
use crate::{HANG, wait_until};

pub(crate) const LOOPBACK: &str = if cfg!(target_os = "linux") {
    "lo"
} else {
    "lo0"
};

/// Whether the program may capture; says so if not.
pub(crate) fn permitted() -> bool {
    // It stops before the first packet.
    let output = sniff(&["--count", "0"], 1).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    if stderr.contains("no permission to capture") {
        leave_out(stderr.trim_end());
        return false;
    }
    assert!(output.status.success(), "{stderr}");
    true
}

/// `wsdump -i lo --json` on one port, from the moment on when its capture is open.
pub(crate) struct Sniffer {
    running: Running,
    lines: Receiver<String>,
    stderr: Receiver<String>,
    /// All lines so far.
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
        Self::start(&mut sniff(arguments, port))
    }

    /// Starts a program that is about to sniff.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        let stderr = listening(&mut child);
        Self {
            running: Running(child),
            lines,
            stderr,
            told: Vec::new(),
        }
    }

    /// The program's process.
    pub(crate) fn id(&self) -> u32 {
        self.running.0.id()
    }

    /// The next line, or `None` at the end of all.
    pub(crate) fn line(&mut self) -> Option<&Line> {
        match self.lines.recv_timeout(HANG) {
            Ok(line) => {
                let line: Line = serde_json::from_str(&line)
                    .unwrap_or_else(|error| panic!("no whole line: {error}: {line}"));
                self.told.push(line);
                self.told.last()
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing is told any more"),
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
        let stderr: Vec<_> = self.stderr.iter().collect();
        Ended {
            lines: std::mem::take(&mut self.told),
            stderr: stderr.join("\n"),
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

/// The program, about to sniff this port.
pub(crate) fn sniff(arguments: &[&str], port: u16) -> Command {
    let mut command = crate::cli::program();
    command
        .args(["-i", LOOPBACK, "--json"])
        .args(arguments)
        .arg(format!("tcp port {port}"));
    command
}

/// Waits until the program says that its capture is open; what it says after that comes
/// still.
pub(crate) fn listening(child: &mut Child) -> Receiver<String> {
    let stderr = lines(child.stderr.take().unwrap());
    let mut before = Vec::new();
    loop {
        match stderr.recv_timeout(HANG) {
            Ok(line) if line.starts_with("wsdump: listening on ") => return stderr,
            Ok(line) => before.push(line),
            Err(error) => panic!("it does not listen: {error}: {before:?}"),
        }
    }
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

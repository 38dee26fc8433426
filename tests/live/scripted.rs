//! Endpoints of other implementations, which a script in `tests/peers/` drives.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::Receiver;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::HANG;
use crate::endpoints::Endpoints;
use crate::left_out::leave_out;
use crate::said::{Line, Said, Who, payload};
use crate::sniffer::{Running, lines, wait};

/// An implementation of WebSocket, and how its script is run.
#[derive(Debug)]
pub(crate) struct Implementation {
    program: &'static str,
    script: &'static str,
    /// Where `make peers` puts packages for it, in `target/peers/`, and the variable that
    /// says so to the program.
    packages: &'static str,
    search_path: &'static str,
    /// The package that it is.
    package: &'static str,
}

/// `ws`, for Node.js.
pub(crate) const WS: Implementation = Implementation {
    program: "node",
    script: "ws.cjs",
    packages: "node_modules",
    search_path: "NODE_PATH",
    package: "ws",
};

/// `websockets`, for Python.
pub(crate) const WEBSOCKETS: Implementation = Implementation {
    program: "python3",
    script: "python_websockets.py",
    packages: "python",
    search_path: "PYTHONPATH",
    package: "websockets",
};

impl Implementation {
    fn packages(&self) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        root.join("target/peers").join(self.packages)
    }

    /// Whether it is installed; says so if not.
    pub(crate) fn is_there(&self) -> bool {
        let package = self.packages().join(self.package);
        if !package.exists() {
            let (program, package) = (self.program, package.display());
            leave_out(format_args!(
                "no {package}: `make peers` installs it for {program}"
            ));
            return false;
        }
        true
    }

    /// Starts a server, to which nobody has connected yet.
    pub(crate) fn listening(&self, parameters: &str) -> Scripted {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/peers")
            .join(self.script);
        let mut child = Command::new(self.program)
            .arg(script)
            .arg(parameters)
            .env(self.search_path, self.packages())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program));
        let mut scripted = Scripted {
            orders: child.stdin.take(),
            answers: lines(child.stdout.take().unwrap()),
            running: Running(child),
            port: 0,
        };
        let port = scripted.answer()["port"].as_u64().unwrap();
        scripted.port = port.try_into().unwrap();
        scripted
    }
}

/// A client and a server that do what they are told to. Orders and answers are described in
/// the scripts.
pub(crate) struct Scripted {
    running: Running,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
    pub(crate) port: u16,
}

impl Scripted {
    fn answer(&mut self) -> Line {
        // A script that failed has said why on standard error.
        let line = self.answers.recv_timeout(HANG).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn order(&mut self, order: &Value) -> Line {
        let orders = self.orders.as_mut().unwrap();
        writeln!(orders, "{order}").unwrap();
        self.answer()
    }

    /// Has the client connect; returns the extension that both agreed on.
    pub(crate) fn connect(&mut self) -> String {
        let answer = self.order(&json!({ "do": "connect" }));
        answer["extensions"].as_str().unwrap().to_owned()
    }

    /// Sends pieces, compressed or not; an implementation that compresses all there is
    /// compresses this, too.
    pub(crate) fn say_as(
        &mut self,
        from: Who,
        opcode: &str,
        pieces: &[&[u8]],
        compress: bool,
    ) -> Said {
        let encoded: Vec<_> = pieces.iter().map(|piece| BASE64.encode(piece)).collect();
        let answer = self.order(&json!({
            "do": "say",
            "from": from.name(),
            "opcode": opcode,
            "pieces": encoded,
            "compress": compress,
        }));
        let said = Said {
            from: Who::of(&answer),
            opcode: answer["opcode"].as_str().unwrap().to_owned(),
            frames: answer["frames"].as_u64().unwrap(),
            payload: payload(&answer),
        };
        assert_eq!((said.from, &*said.opcode), (from, opcode));
        assert!(said.payload == pieces.concat(), "{said:?}");
        said
    }
}

impl Endpoints for Scripted {
    fn say(&mut self, from: Who, opcode: &str, pieces: &[&[u8]]) -> Said {
        self.say_as(from, opcode, pieces, true)
    }

    fn ping(&mut self, from: Who, payload: &[u8]) -> [Said; 2] {
        let payload_text = BASE64.encode(payload);
        self.order(&json!({ "do": "ping", "from": from.name(), "payload": payload_text }));
        [
            Said::new(from, "ping", 1, payload),
            Said::new(from.other(), "pong", 1, payload),
        ]
    }

    fn close(mut self, from: Who, code: u16, reason: &str) -> [Said; 2] {
        self.order(&json!({ "do": "close", "from": from.name(), "code": code, "reason": reason }));
        // At the end of its orders it ends.
        self.orders = None;
        assert!(wait(&mut self.running.0).success());
        [from, from.other()].map(|from| Said::close(from, code, reason))
    }
}

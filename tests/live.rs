//! The built program sniffs loopback while a client and a server talk there.
//!
//! Without permission to capture, the test is left out, see `left_out`.

#![cfg(all(feature = "live", unix))]
#![allow(clippy::unwrap_used)]

#[path = "support/left_out.rs"]
mod left_out;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use wsdump::capture::live::{LiveCapture, LiveError, LiveOptions};
use wsdump::ws::{accept_for, unmask};

const LOOPBACK: &str = if cfg!(target_os = "linux") {
    "lo"
} else {
    "lo0"
};

/// Only a program that never says anything runs into this.
const HANG: Duration = Duration::from_secs(60);

/// Whether capturing is permitted; says so if not.
fn permitted() -> bool {
    match LiveCapture::open(LOOPBACK, &LiveOptions::default()) {
        Err(error @ LiveError::NotPermitted { .. }) => {
            left_out::leave_out(error);
            false
        }
        opened => opened.is_ok(),
    }
}

/// One conversation: an upgrade, a text from the server and one from the client.
fn talk(listener: &TcpListener, text: &str) {
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let request = format!(
        "GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    client.write_all(request.as_bytes()).unwrap();
    server.read_exact(&mut vec![0; request.len()]).unwrap();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_for(KEY)
    );
    server.write_all(answer.as_bytes()).unwrap();
    client.read_exact(&mut vec![0; answer.len()]).unwrap();
    let len = u8::try_from(text.len()).unwrap();
    server
        .write_all(&[&[0x81, len], text.as_bytes()].concat())
        .unwrap();
    client.read_exact(&mut vec![0; text.len() + 2]).unwrap();
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut payload = text.as_bytes().to_vec();
    unmask(&mut payload, key, 0);
    let frame = [&[0x81, 0x80 | len], &key[..], &payload].concat();
    client.write_all(&frame).unwrap();
    server.read_exact(&mut vec![0; frame.len()]).unwrap();
}

/// The program, and the lines that it prints.
fn sniff(port: u16) -> (Child, Receiver<String>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wsdump"))
        .args(["-i", LOOPBACK, "--json", "--only", "message"])
        .args(["tcp", "port", &port.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    (child, lines)
}

#[test]
fn what_is_said_on_loopback_is_told_while_it_is_said_and_ctrl_c_ends_it_well() {
    if !permitted() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut child, lines) = sniff(listener.local_addr().unwrap().port());
    // The capture is open when something of a conversation comes out.
    let opened = (0..100).any(|_| {
        talk(&listener, "are you there?");
        lines.recv_timeout(Duration::from_millis(300)).is_ok()
    });
    assert!(opened, "nothing was told");
    talk(&listener, "the last word");
    let mut told = Vec::new();
    while told.len() < 2 {
        let line = lines.recv_timeout(HANG).unwrap();
        let message: serde_json::Value = serde_json::from_str(&line).unwrap();
        if message["text"] == "the last word" {
            told.push(message["from"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(told, ["server", "client"]);
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    assert!(child.wait().unwrap().success());
    let mut stderr = String::new();
    child.stderr.unwrap().read_to_string(&mut stderr).unwrap();
    assert!(stderr.contains("ws://localhost/live"), "{stderr}");
    assert!(stderr.contains("packets captured"), "{stderr}");
}

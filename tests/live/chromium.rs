//! What a browser records of a conversation, what `--har` makes of the packets, and whether
//! the browser can import that.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::HANG;
use crate::cli::program;
use crate::left_out::leave_out;
use crate::sniffer::{Running, Sniffer, lines, permitted, wait};

/// Where `make peers` puts packages for Node.js.
fn packages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/node_modules")
}

/// Where Chromium is, if all that drives it is there, too; says so if not.
fn chromium() -> Option<PathBuf> {
    for package in ["playwright-core", "ws"] {
        let package = packages().join(package);
        if !package.exists() {
            let package = package.display();
            leave_out(format_args!(
                "no {package}: `make peers` installs it for node"
            ));
            return None;
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|place| place.join("chromium"));
    let found = places.find(|place| place.is_file());
    if found.is_none() {
        leave_out("no chromium in PATH: `make peers` installs it");
    }
    found
}

/// The only entry of an archive that is of WebSocket.
fn entry(archive: &[u8]) -> Value {
    let archive: Value = serde_json::from_slice(archive).unwrap();
    entry_of(&archive["log"])
}

fn entry_of(log: &Value) -> Value {
    let entries = log["entries"].as_array().unwrap();
    let mut entries = entries
        .iter()
        .filter(|entry| entry["_resourceType"] == "websocket");
    let entry = entries.next().unwrap();
    assert_eq!(entries.count(), 0, "only one");
    entry.clone()
}

/// Names and values of a list, sorted: Chromium keeps no order of most of them.
fn pairs(list: &Value) -> BTreeSet<(String, String)> {
    let text = |pair: &Value, part: &str| pair[part].as_str().unwrap().to_owned();
    let list = list.as_array().unwrap();
    let pairs: BTreeSet<_> = list
        .iter()
        .map(|pair| (text(pair, "name"), text(pair, "value")))
        .collect();
    assert_eq!(pairs.len(), list.len(), "each once");
    pairs
}

/// Messages without their times.
fn messages<'a>(list: &'a Value) -> Vec<[&'a Value; 3]> {
    let fields = |message: &'a Value| ["type", "opcode", "data"].map(|field| &message[field]);
    list.as_array().unwrap().iter().map(fields).collect()
}

/// Times of messages, which have an order.
fn times(list: &Value) -> Vec<f64> {
    let times = list.as_array().unwrap().iter();
    let times: Vec<_> = times
        .map(|message| message["time"].as_f64().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    times
}

/// What developer tools understood of an entry, they write as it is.
fn check_imported(ours: &Value, theirs: &Value) {
    for field in [
        "serverIPAddress",
        "_connectionId",
        "_resourceType",
        "_webSocketMessages",
    ] {
        assert_eq!(ours[field], theirs[field], "{field}");
    }
    // They parse the query of the URL anew, and leave it encoded.
    for field in ["method", "url"] {
        assert_eq!(ours["request"][field], theirs["request"][field], "{field}");
    }
    for field in ["status", "statusText", "redirectURL"] {
        let [ours, theirs] = [ours, theirs].map(|entry| &entry["response"][field]);
        assert_eq!(ours, theirs, "{field}");
    }
    for head in ["request", "response"] {
        let [ours, theirs] = [ours, theirs].map(|entry| pairs(&entry[head]["headers"]));
        assert_eq!(ours, theirs, "headers of the {head}");
    }
    let [ours, theirs] = [ours, theirs].map(|entry| entry["time"].as_f64().unwrap());
    // As seconds, theirs have less than microseconds.
    assert!((ours - theirs).abs() < 0.01, "{ours} {theirs}");
}

#[test]
fn the_archive_is_that_of_a_browser() {
    // Both are asked, so that both reasons are said.
    let (true, Some(chromium)) = (permitted(), chromium()) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let [saved, recorded] = ["saved.pcap", "recorded.har"].map(|name| directory.path().join(name));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/chromium.cjs");
    let child = Command::new("node")
        .arg(script)
        .args([&chromium, &recorded])
        .env("NODE_PATH", packages())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let told = lines(running.0.stdout.take().unwrap());
    let next = || -> Value { serde_json::from_str(&told.recv_timeout(HANG).unwrap()).unwrap() };
    let port = next()["port"].as_u64().unwrap().try_into().unwrap();
    let mut sniffer = Sniffer::with(&["-w", saved.to_str().unwrap()], port);
    let mut orders = running.0.stdin.take().unwrap();
    writeln!(orders, "go").unwrap();
    let seen = next();
    sniffer.wait_for_end();
    sniffer.interrupt();

    let archive = directory.path().join("ours.har");
    let output = program()
        .arg("--har")
        .args([&archive, &saved])
        .output()
        .unwrap();
    assert!(output.status.success());
    writeln!(orders, "{}", archive.display()).unwrap();
    let imported = entry_of(&next());
    // At the end of its orders it ends.
    drop(orders);
    assert!(wait(&mut running.0).success());
    let ours = entry(&fs::read(&archive).unwrap());
    check_imported(&ours, &imported);
    let theirs = entry(&fs::read(&recorded).unwrap());

    for field in ["method", "url", "httpVersion", "queryString"] {
        assert_eq!(ours["request"][field], theirs["request"][field], "{field}");
    }
    for field in ["status", "statusText", "httpVersion", "redirectURL"] {
        let [ours, theirs] = [&ours, &theirs].map(|entry| &entry["response"][field]);
        assert_eq!(ours, theirs, "{field}");
    }
    assert_eq!(ours["request"]["url"], seen["url"]);
    for head in ["request", "response"] {
        for list in ["headers", "cookies"] {
            let [ours, theirs] = [&ours, &theirs].map(|entry| pairs(&entry[head][list]));
            assert_eq!(ours, theirs, "{list} of the {head}");
        }
    }
    // The response is given as it came, too.
    let came = seen["response"]["headersText"].as_str().unwrap();
    let fields = ours["response"]["headers"].as_array().unwrap().iter();
    let fields: Vec<_> = fields
        .map(|field| [&field["name"], &field["value"]].map(|part| part.as_str().unwrap()))
        .map(|[name, value]| format!("{name}: {value}"))
        .collect();
    let expected: Vec<_> = came
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(fields, expected);
    assert_eq!(ours["response"]["headersSize"], came.len());

    let told = &ours["_webSocketMessages"];
    assert_eq!(messages(told), messages(&seen["messages"]));
    // Playwright leaves out those without a payload.
    let mut others = messages(told);
    others.retain(|[_, _, data]| *data != "");
    assert_eq!(others, messages(&theirs["_webSocketMessages"]));
    assert_eq!(messages(told).len(), others.len() + 2);
    // The browser's clock begins a while before: seconds since the epoch for both.
    for (ours, theirs) in times(told).iter().zip(times(&seen["messages"])) {
        assert!((ours - theirs).abs() < 30.0, "{ours} {theirs}");
    }

    let close = &ours["_webSocketClose"];
    for field in ["code", "reason", "wasClean"] {
        assert_eq!(close[field], seen["close"][field], "{field}");
    }
    assert_eq!(close["initiator"], "client");
}

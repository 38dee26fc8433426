//! What `--har` writes is an HTTP archive, and says what `--json` says.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

#[path = "support/cli.rs"]
#[allow(dead_code)] // Other parts of it are for other tests.
mod support;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use support::{captures, wsdump};

type Line = Map<String, Value>;

/// HAR 1.2.
fn schema() -> jsonschema::Validator {
    let schema = serde_json::from_str(include_str!("har/schema.json")).unwrap();
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).unwrap()
}

/// Entries of the archive that is written of a capture, each checked to be HAR 1.2.
fn entries(arguments: &str) -> Vec<Value> {
    let schema = schema();
    let run = wsdump(&format!("--har - {arguments}"));
    let mut har: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{arguments}: {error}: {}", run.stderr));
    let faults: Vec<_> = schema
        .iter_errors(&har)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{arguments}: {faults:#?}");
    // HAR does not ask for it, but Firefox does.
    assert!(har["log"]["pages"].is_array());
    match har["log"]["entries"].take() {
        Value::Array(entries) => entries,
        other => panic!("{other}"),
    }
}

/// Lines of a type, by connection.
fn by_connection<'a>(lines: &'a [Line], kind: &str) -> BTreeMap<u64, Vec<&'a Line>> {
    let mut of: BTreeMap<u64, Vec<_>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["type"] == kind) {
        let number = line["connection"].as_u64().unwrap();
        of.entry(number).or_default().push(line);
    }
    of
}

fn is_upgrade_request(line: &Line) -> bool {
    let is_upgrade = |field: &Value| {
        let text = |part: usize| field[part].as_str().unwrap().to_ascii_lowercase();
        text(0) == "upgrade" && text(1).contains("websocket")
    };
    line.contains_key("method") && line["headers"].as_array().unwrap().iter().any(is_upgrade)
}

/// Captures whose bytes can be decoded at all.
fn decodable() -> impl Iterator<Item = String> {
    let refused = ["link_80211.pcap", "link_user0.pcap"];
    captures()
        .into_iter()
        .filter(move |name| !refused.contains(&&**name))
}

#[test]
fn the_archive_of_every_capture_is_har_and_says_what_json_says() {
    let mut seen = 0;
    for name in decodable() {
        let lines = wsdump(&format!("--json {name}")).json();
        let requests = by_connection(&lines, "http");
        let messages = by_connection(&lines, "message");
        let mut left = by_connection(&lines, "connection");
        let entries = entries(&name);
        for (place, entry) in entries.iter().enumerate() {
            check_timings(&name, entry);
            let id = entry["_connectionId"].as_str().unwrap();
            let number: u64 = id.parse().unwrap();
            let of_same = |entry: &&Value| entry["_connectionId"] == id;
            let later = entries[place + 1..].iter().filter(of_same).count();
            if later > 0 {
                // An upgrade request that was refused, after which came another.
                assert_ne!(entry["response"]["status"], 101, "{name}");
                assert_eq!(entry["_webSocketMessages"], Value::Array(Vec::new()));
                continue;
            }
            let end = left.remove(&number).expect("each connection once")[0];
            check_end(&name, entry, end);
            let none = Vec::new();
            let asked = requests.get(&number).unwrap_or(&none).iter();
            let asked = asked.filter(|line| is_upgrade_request(line)).count();
            let of_same = entries.iter().filter(of_same).count();
            assert_eq!(of_same, asked.max(1), "{name}: entries of {number}");
            let told = messages.get(&number).unwrap_or(&none);
            let written = entry["_webSocketMessages"].as_array().unwrap();
            assert_eq!(written.len(), told.len(), "{name}: messages of {number}");
            for (written, told) in written.iter().zip(told) {
                check_message(&name, written, told);
                seen += 1;
            }
        }
        assert!(left.is_empty(), "{name}: no entry of {left:?}");
    }
    assert!(seen > 1_000, "{seen} messages");
}

/// Times of an entry are parts of its whole.
fn check_timings(name: &str, entry: &Value) {
    let parts = ["blocked", "dns", "connect", "send", "wait", "receive"];
    let parts = parts.map(|part| entry["timings"][part].as_f64().unwrap());
    let sum: f64 = parts.iter().filter(|part| **part > 0.0).sum();
    let time = entry["time"].as_f64().unwrap();
    assert!((sum - time).abs() < 1e-6, "{name}: {sum} of {time}");
}

/// What an entry says about a connection is what the line of its end says.
fn check_end(name: &str, entry: &Value, end: &Line) {
    let server = end["server"].as_str().unwrap();
    let (address, port) = server.rsplit_once(':').unwrap();
    let address = address.trim_matches(['[', ']']);
    assert_eq!(entry["serverIPAddress"], address, "{name}");
    assert_eq!(entry["connection"], port, "{name}");
    let url = entry["request"]["url"].as_str().unwrap();
    match end.get("url").and_then(Value::as_str) {
        // A request without Host.
        Some(asked) if asked.starts_with("ws:///") => {
            assert_eq!(url, asked.replacen("ws://", &format!("ws://{server}"), 1));
        }
        // What cannot stand in a URL is encoded.
        Some(asked)
            if asked.bytes().all(|byte| byte.is_ascii_graphic()) && !asked.contains(['"', '#']) =>
        {
            assert_eq!(url, asked, "{name}");
        }
        Some(_) => assert!(url.contains('%'), "{name}: {url}"),
        None if entry["request"].get("comment").is_some() => {
            assert_eq!(url, format!("ws://{server}/"), "{name}");
        }
        // Of a head that was cut, it is not known whether it asked for an upgrade.
        None => assert_eq!(entry["request"]["headersSize"], -1, "{name}"),
    }
    let Some(close) = end.get("close") else {
        assert_eq!(entry.get("_webSocketClose"), None, "{name}");
        return;
    };
    let written = &entry["_webSocketClose"];
    assert_eq!(written["code"], *close.get("code").unwrap_or(&Value::Null));
    assert_eq!(written["reason"], close["reason"]);
    assert_eq!(written["initiator"], close["initiator"]);
    assert_eq!(written["wasClean"], close["clean"]);
}

/// A message of an archive is the one that a JSON line tells.
fn check_message(name: &str, written: &Value, told: &Line) {
    let kind = if told["from"] == "client" {
        "send"
    } else {
        "receive"
    };
    assert_eq!(written["type"], kind, "{name}: {told:?}");
    let opcode = if told["opcode"] == "text" { 1 } else { 2 };
    assert_eq!(written["opcode"], opcode, "{name}: {told:?}");
    let is_text = told.contains_key("text");
    let data = if is_text { "text" } else { "base64" };
    assert_eq!(written["data"], told[data], "{name}: {told:?}");
    let as_base64 = !is_text && opcode == 1;
    assert_eq!(written.get("_encoding").is_some(), as_base64, "{name}");
    let whole = told["complete"] == true && !told.contains_key("truncated_at");
    assert_eq!(
        written.get("_complete").is_none(),
        whole,
        "{name}: {told:?}"
    );
    let time = written["time"].as_f64().unwrap();
    let of_day = told["time"].as_str().unwrap();
    let second: f64 = of_day[17..26].parse().unwrap();
    let difference = (time - second).rem_euclid(60.0);
    let difference = difference.min(60.0 - difference);
    assert!(difference < 2e-6, "{name}: {time} {of_day}");
}

#[test]
fn a_request_that_was_refused_before_another_has_an_entry_of_its_own() {
    let entries = entries("http_refused_then_accepted.pcap");
    let statuses: Vec<_> = entries
        .iter()
        .map(|entry| entry["response"]["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [401, 101]);
    let connects: Vec<_> = entries
        .iter()
        .map(|entry| entry["timings"]["connect"].as_f64().unwrap())
        .collect();
    assert!(connects[0] > 0.0);
    assert!((connects[1] + 1.0).abs() < 1e-9, "it was open already");
}

#[test]
fn what_was_not_captured_is_said() {
    for (name, status, messages) in [
        ("midstream.pcap", 101, 50),
        ("tcp_only_server.pcap", 101, 2),
        ("http_no_response.pcap", 0, 0),
    ] {
        let entries = entries(name);
        let entry = &entries[0];
        assert_eq!(entry["response"]["status"], status, "{name}");
        let seen = entry["_webSocketMessages"].as_array().unwrap().len();
        assert_eq!(seen, messages, "{name}");
        let comments = ["request", "response"].map(|head| entry[head].get("comment"));
        assert!(comments.contains(&Some(&"not captured".into())), "{name}");
    }
}

#[test]
fn a_payload_that_was_cut_says_its_length() {
    for entry in entries("--max-payload 3 chat.pcap") {
        for message in entry["_webSocketMessages"].as_array().unwrap() {
            assert_eq!(message["_complete"], false);
            assert_eq!(message["data"].as_str().unwrap().len(), 3);
            assert!(message["_length"].as_u64().unwrap() > 3);
        }
    }
}

/// The schema is no other than it says.
#[test]
fn what_is_no_archive_is_refused() {
    let schema = schema();
    let run = wsdump("--har - chat.pcap");
    let har: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(schema.is_valid(&har));
    let entry = |har: &mut Value| har["log"]["entries"][0].take();
    let spoil: [fn(&mut Value); 7] = [
        |entry| entry["startedDateTime"] = "2026-11-21 02:41:28".into(),
        |entry| entry["time"] = "5 ms".into(),
        |entry| entry["request"]["url"] = "/chat".into(),
        |entry| entry["request"]["url"] = "ws://chat.example/chat#top".into(),
        |entry| entry["response"]["headersSize"] = Value::Null,
        |entry| entry["timings"]["wait"] = (-1).into(),
        |entry| entry["webSocketMessages"] = Value::Array(Vec::new()),
    ];
    for (number, spoil) in spoil.iter().enumerate() {
        let mut har = har.clone();
        let mut spoilt = entry(&mut har);
        spoil(&mut spoilt);
        har["log"]["entries"][0] = spoilt;
        assert!(!schema.is_valid(&har), "number {number}");
    }
}

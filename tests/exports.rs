//! What goes into files: `--har`, `--extract`, and rows for spreadsheets, `--csv`.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

#[path = "support/cli.rs"]
#[allow(dead_code)] // Other parts of it are for other tests.
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};
use support::{Run, captures, testdata, wsdump};

/// Runs the program with arguments of which one is a path.
fn wsdump_at(option: &str, path: &Path, arguments: &str) -> Run {
    wsdump(&format!("{option} {} {arguments}", path.display()))
}

/// It failed, with a message that names the path.
fn refused(run: &Run, path: &Path, because: &str) {
    let expected = format!("wsdump: {}", path.display());
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
    assert!(run.stderr.contains(because), "{}", run.stderr);
    assert_eq!(run.code, 2);
}

/// Contents of each file of a directory.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            assert!(entry.file_type().unwrap().is_file(), "{entry:?}");
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

// --har

#[test]
fn an_archive_goes_to_a_file_or_to_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.har");
    fs::write(&path, "longer than nothing").unwrap();
    let run = wsdump_at("--har", &path, "chat.pcap");
    assert_eq!((run.code, &*run.stdout), (0, ""));
    let printed = wsdump("--har - chat.pcap");
    assert_eq!(printed.code, 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), printed.stdout);
    assert_eq!(run.stderr, printed.stderr);
}

#[test]
fn an_archive_that_cannot_be_written_is_a_failure_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing/chat.har");
    let run = wsdump_at("--har", &missing, "chat.pcap");
    refused(&run, &missing, "No such file or directory");
    let run = wsdump_at("--har", directory.path(), "chat.pcap");
    refused(&run, directory.path(), "Is a directory");
    if cfg!(target_os = "linux") {
        let full = Path::new("/dev/full");
        let run = wsdump_at("--har", full, "chat.pcap");
        refused(&run, full, "No space left on device");
    }
}

#[test]
fn nothing_is_written_over_before_the_captures_are_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.har");
    fs::write(&path, "what was there").unwrap();
    let run = wsdump_at("--har", &path, "missing.pcap");
    assert_eq!(run.code, 2);
    assert_eq!(fs::read_to_string(&path).unwrap(), "what was there");
    let extracted = directory.path().join("extracted");
    let run = wsdump_at("--extract", &extracted, "missing.pcap");
    assert_eq!(run.code, 2);
    assert!(!extracted.exists());
}

#[test]
fn a_capture_is_not_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.pcap");
    let capture = fs::read(testdata().join("chat.pcap")).unwrap();
    fs::write(&path, &capture).unwrap();
    let otherwise = directory.path().join(".").join("chat.pcap");
    let run = wsdump_at("--har", &otherwise, path.to_str().unwrap());
    refused(&run, &otherwise, "this is the capture to read");
    assert_eq!(fs::read(&path).unwrap(), capture);
}

// --csv

/// Text with one space where there are several, and none around it.
fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_cells_are_those_of_the_timeline() {
    let mut compared = 0;
    for (name, options) in captures()
        .iter()
        .flat_map(|name| ["", "-a", "--messages"].map(|options| (name, options)))
    {
        let run = wsdump(&format!("--csv {options} {name}"));
        let timeline = wsdump(&format!("{options} {name}"));
        assert_eq!((run.code, &run.stderr), (timeline.code, &timeline.stderr));
        let mut reader = csv::ReaderBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_reader(run.stdout.as_bytes());
        if timeline.stdout.is_empty() {
            assert_eq!(run.stdout, "", "{name}");
            continue;
        }
        let heading: Vec<_> = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        let expected = "Packet,Time,Connection,Source,Destination,Protocol,Length,Info";
        assert_eq!(heading.join(","), expected, "{name}");
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        // A row a line: no cell breaks it.
        assert_eq!(run.stdout.matches('\n').count(), records.len() + 1);
        assert_eq!(run.stdout.matches('\r').count(), records.len() + 1);
        let rows: Vec<_> = timeline.stdout.lines().skip(1).collect();
        assert_eq!(records.len(), rows.len(), "{name} {options}");
        for (record, row) in records.iter().zip(rows) {
            for (place, cell) in record.iter().enumerate() {
                let is_formula = cell.trim().starts_with(['=', '+', '-', '@']);
                // Before the first packet is a time, too.
                let is_number = place < 7 && cell.parse::<f64>().is_ok();
                assert!(!is_formula || is_number, "{name}: {record:?}");
            }
            let mut cells: Vec<_> = record.iter().collect();
            cells[7] = cells[7].strip_prefix('\'').unwrap_or(cells[7]);
            cells.insert(4, "→");
            let row = collapsed(row);
            if cells[6].contains(' ') && row.ends_with(cells[6]) {
                // No column of the timeline is wide enough for these words: they are in Info.
                let protocol = cells.remove(6);
                cells.push(protocol);
            }
            let cells = collapsed(&cells.join(" "));
            // Here, a payload has more room.
            let cut = row.split_once('…').map(|(start, _)| start);
            let same = cells == row || cut.is_some_and(|start| cells.starts_with(start));
            assert!(same, "{name} {options}:\n{cells}\n{row}");
            compared += 1;
        }
    }
    assert!(compared > 10_000, "{compared} rows");
}

// --extract

/// Messages of each connection as they should be extracted: name without extension, payload.
fn expected(name: &str) -> BTreeMap<String, Vec<u8>> {
    let mut numbers: BTreeMap<u64, u64> = BTreeMap::new();
    let lines = wsdump(&format!("--json {name}")).json();
    let messages = lines.iter().filter(|line| line["type"] == "message");
    messages
        .map(|line: &Map<String, Value>| {
            let connection = line["connection"].as_u64().unwrap();
            let number = numbers.entry(connection).or_default();
            *number += 1;
            let side = line["from"].as_str().unwrap();
            let payload = match line.get("text") {
                Some(text) => text.as_str().unwrap().as_bytes().to_vec(),
                None => BASE64.decode(line["base64"].as_str().unwrap()).unwrap(),
            };
            let whole = payload.len() as u64 == line["length"].as_u64().unwrap();
            let part = if whole && line["complete"] == true {
                ""
            } else {
                ".part"
            };
            (format!("{connection:04}-{number:06}-{side}{part}"), payload)
        })
        .collect()
}

#[test]
fn each_payload_of_every_capture_is_a_file_of_its_own() {
    let mut compared = 0;
    for name in captures() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("not/yet/there");
        let run = wsdump_at("--extract", &directory, &name);
        if !directory.exists() {
            assert_eq!(run.code, 2, "{name}: {}", run.stderr);
            continue;
        }
        let expected = expected(&name);
        let written = files(&directory);
        assert_eq!(written.len(), expected.len(), "{name}");
        assert_eq!(run.stdout.lines().count(), expected.len(), "{name}");
        for ((written, contents), (stem, payload)) in written.iter().zip(&expected) {
            let extension = written.strip_prefix(&**stem).unwrap_or(written);
            let text = std::str::from_utf8(contents);
            match extension {
                ".json" => assert!(serde_json::from_slice::<Value>(contents).is_ok()),
                ".txt" => assert!(text.is_ok(), "{name}: {written}"),
                ".bin" => {}
                _ => panic!("{name}: {written} is not {stem}"),
            }
            assert!(contents == payload, "{name}: {written}");
            let bytes = format!("{written}  packet ");
            assert!(run.stdout.lines().any(|line| line.starts_with(&bytes)));
            compared += 1;
        }
        // Nothing beside it.
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(parent.path().join("not")).unwrap().count(), 1);
    }
    assert!(compared > 1_000, "{compared} files");
}

#[test]
fn a_file_is_replaced_only_if_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let second = directory.path().join("0001-000002-client.txt");
    fs::write(&second, "mine").unwrap();
    let run = wsdump_at("--extract", directory.path(), "chat.pcap");
    refused(&run, &second, "is there already; --overwrite replaces it");
    assert_eq!(fs::read(&second).unwrap(), b"mine");
    let run = wsdump_at("--overwrite --extract", directory.path(), "chat.pcap");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(fs::read(&second).unwrap(), b"hello");
    assert_eq!(files(directory.path()).len(), 3);
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let [precious, nothing] = ["precious", "nothing"].map(|name| elsewhere.path().join(name));
    fs::write(&precious, "precious").unwrap();
    let link = directory.path().join("0001-000002-client.txt");
    for target in [&precious, &nothing] {
        std::os::unix::fs::symlink(target, &link).unwrap();
        let first = directory.path().join("0001-000001-server.txt");
        let run = wsdump_at("--extract", directory.path(), "chat.pcap");
        refused(&run, &link, "is there already");
        fs::remove_file(first).unwrap();
        let run = wsdump_at("--overwrite --extract", directory.path(), "chat.pcap");
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(files(directory.path()).len(), 3, "no link any more");
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
        assert!(!nothing.exists());
        for name in files(directory.path()).keys() {
            fs::remove_file(directory.path().join(name)).unwrap();
        }
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_a_failure_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    refused(
        &wsdump_at("--extract", &file, "chat.pcap"),
        &file,
        "there is a file of that name",
    );
    let below = file.join("below");
    let run = wsdump_at("--extract", &below, "chat.pcap");
    refused(&run, &below, "Not a directory");
}

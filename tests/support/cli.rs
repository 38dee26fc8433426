//! Running the built program as a user would, and what its JSON lines may hold.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Map, Value};

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
            code: output.status.code().expect("no signal ended it"),
        }
    }

    /// Rows of the timeline, without the heading and without hex dumps.
    pub(crate) fn rows(&self) -> Vec<&str> {
        let rows = self.stdout.lines().skip(1);
        rows.filter(|row| !row.starts_with("  0")).collect()
    }

    /// What the column Info says in each row.
    pub(crate) fn infos(&self) -> Vec<&str> {
        self.rows()
            .into_iter()
            .map(|row| row.get(self.info_column()..).unwrap_or_default())
            .collect()
    }

    fn info_column(&self) -> usize {
        self.stdout.find("Info").expect("a heading")
    }

    /// Packet numbers, in the order of the rows.
    pub(crate) fn packets(&self) -> Vec<u64> {
        let number = |row: &&str| row.split_whitespace().next()?.parse().ok();
        let rows = self.rows();
        let numbers: Vec<u64> = rows.iter().filter_map(number).collect();
        assert_eq!(numbers.len(), rows.len(), "each row begins with a number");
        numbers
    }

    /// The lines of `--json`, each of them an object.
    pub(crate) fn json(&self) -> Vec<Map<String, Value>> {
        let object = |line| match serde_json::from_str(line) {
            Ok(Value::Object(object)) => object,
            other => panic!("not an object: {line}: {other:?}"),
        };
        self.stdout.lines().map(object).collect()
    }
}

/// Where the captures are.
pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// Names of all files in `testdata/` that hold a capture.
pub(crate) fn captures() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(testdata())
        .expect("testdata is there")
        .map(|entry| entry.expect("testdata can be listed").file_name())
        .map(|name| name.into_string().expect("names are UTF-8"))
        .filter(|name| name.contains(".pcap"))
        .filter(|name| {
            !["other_empty.pcap", "other_short.pcap", "other_text.pcap"].contains(&&**name)
        })
        .collect();
    names.sort();
    assert!(names.len() > 100, "{} captures", names.len());
    names
}

/// The program, started among the captures, in an environment that says nothing.
pub(crate) fn program() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("wsdump"));
    command
        .current_dir(testdata())
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program with arguments that are separated by spaces.
pub(crate) fn wsdump(arguments: &str) -> Run {
    let output = program().args(arguments.split_whitespace()).output();
    Run::of(output.expect("the program starts"))
}

/// Runs it.
pub(crate) fn run(program: &mut Command) -> Run {
    Run::of(program.output().expect("the program starts"))
}

/// A folder of files, in which the program is run.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and the folders it lies in.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        let folder = path.parent().expect("it lies in a folder");
        std::fs::create_dir_all(folder).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    /// Puts a capture of `testdata/` there.
    pub(crate) fn copy(&self, capture: &str, name: &str) {
        let bytes = std::fs::read(testdata().join(capture));
        self.write(name, bytes.expect("a capture"));
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Names of all files, also of those in folders, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(self.0.path().join(&folder)).expect("a folder") {
                let entry = entry.expect("it can be listed");
                let path = folder.join(entry.file_name());
                if entry.path().is_dir() {
                    folders.push(path);
                } else {
                    names.push(path.display().to_string());
                }
            }
        }
        names.sort();
        names
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(program().current_dir(self.0.path()).args(arguments))
    }
}

/// Takes away `ESC [ … m` and nothing else.
pub(crate) fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        plain.push_str(digits.strip_prefix('m').expect("nothing but colours"));
    }
    plain
}

/// Whether an output that takes nothing is a failure, and one that is closed is none.
#[cfg(target_os = "linux")]
pub(crate) fn check_outputs(arguments: &[&str]) {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let full = full.expect("/dev/full is there");
    let output = program().args(arguments).stdout(full).output();
    let output = output.expect("the program starts");
    let message = String::from_utf8(output.stderr).expect("standard error is UTF-8");
    let expected = "wsdump: standard output cannot be written: No space left on device";
    assert!(message.contains(expected), "{arguments:?}: {message}");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");

    let mut child = program()
        .args(arguments)
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let message = String::from_utf8(output.stderr).expect("standard error is UTF-8");
    assert_eq!(message, "", "{arguments:?}");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}");
}

/// Every long option in the help of a command.
pub(crate) fn long_options(command: &str) -> BTreeSet<String> {
    let help = wsdump(&format!("{command} --help"));
    assert_eq!((help.code, &*help.stderr), (0, ""), "{command}");
    let of_line = |line: &str| {
        let word = line.split_whitespace().find(|word| word.starts_with("--"));
        word.filter(|_| line.trim_start().starts_with('-'))
            .map(str::to_owned)
    };
    help.stdout.lines().filter_map(of_line).collect()
}

/// Runs the program with a display filter, and arguments that are separated by spaces.
pub(crate) fn filtered(filter: &str, arguments: &str) -> Run {
    let mut program = program();
    let program = program.args(["-Y", filter]);
    let output = program.args(arguments.split_whitespace()).output();
    Run::of(output.expect("the program starts"))
}

/// Runs the program, which finds `pieces` on its standard input, one after the other.
pub(crate) fn wsdump_reading<'a>(
    arguments: &str,
    pieces: impl Iterator<Item = &'a [u8]> + Send,
) -> Run {
    let mut child = program()
        .args(arguments.split_whitespace())
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for piece in pieces {
                // It may have seen enough.
                if stdin.write_all(piece).is_err() {
                    break;
                }
            }
        });
        Run::of(child.wait_with_output().expect("it ends"))
    })
}

/// Runs the program on a terminal of this width; what the terminal gets is its output.
#[cfg(target_os = "linux")]
pub(crate) fn on_a_terminal(columns: u16, environment: &[(&str, &str)], arguments: &str) -> String {
    let program_path = assert_cmd::cargo::cargo_bin!("wsdump");
    let wanted = format!(
        "stty cols {columns} rows 24; '{}' {arguments}",
        program_path.display()
    );
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &wanted, "/dev/null"])
        .current_dir(testdata())
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .env("SHELL", "/bin/sh")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("util-linux is there");
    let output = Run::of(output);
    assert_eq!((output.code, &*output.stderr), (0, ""));
    // A terminal begins each line by itself.
    output.stdout.replace("\r\n", "\n")
}

/// Characters that act on a terminal, or turn the reading direction; a line end is none.
pub(crate) fn harmful(text: &str) -> BTreeSet<char> {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .filter(|c| *c != '\n' && (c.is_control() || turns(*c)))
        .collect()
}

/// What a field of a JSON line holds.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Bool,
    False,
    True,
    /// A whole number, not negative.
    Count,
    /// Seconds.
    Seconds,
    Text,
    /// Eight hexadecimal digits.
    Key,
    /// RFC 3339 in UTC with nanoseconds.
    Time,
    Texts,
    /// List of lists of two texts.
    Pairs,
    OneOf(&'static [&'static str]),
    OpCode,
    Object(&'static [Field]),
    Objects(&'static [Field]),
}
use Kind::{
    Bool, Count, False, Key, Object, Objects, OneOf, OpCode, Pairs, Seconds, Text, Texts, Time,
    True,
};

/// A field's name, what it holds, and whether it is always there.
type Field = (&'static str, Kind, bool);
const ALWAYS: bool = true;
const MAYBE: bool = false;

const PARTY: Kind = OneOf(&["client", "server"]);

const MOMENT: &[Field] = &[
    ("packet", Count, ALWAYS),
    ("time", Time, ALWAYS),
    ("elapsed", Seconds, ALWAYS),
];

const CONNECTION: &[Field] = &[
    ("connection", Count, ALWAYS),
    ("from", PARTY, ALWAYS),
    ("source", Text, ALWAYS),
    ("destination", Text, ALWAYS),
];

const TCP_EVENTS: &[&str] = &[
    "syn",
    "syn-ack",
    "established",
    "data",
    "ack",
    "retransmission",
    "out-of-order",
    "duplicate-packet",
    "gap",
    "keep-alive",
    "window-probe",
    "zero-window",
    "fin",
    "rst",
    "closed",
];

const TCP: &[Field] = &[
    ("event", OneOf(TCP_EVENTS), ALWAYS),
    ("flags", Texts, MAYBE),
    ("seq", Count, ALWAYS),
    ("ack", Count, MAYBE),
    ("length", Count, ALWAYS),
    ("mss", Count, MAYBE),
    ("handshake_seconds", Seconds, MAYBE),
];

const REQUEST: &[Field] = &[
    ("method", Text, ALWAYS),
    ("target", Text, ALWAYS),
    ("version", OneOf(&["HTTP/1.0", "HTTP/1.1"]), ALWAYS),
    ("headers", Pairs, ALWAYS),
    ("truncated", True, MAYBE),
];

const RESPONSE: &[Field] = &[
    ("version", OneOf(&["HTTP/1.0", "HTTP/1.1"]), ALWAYS),
    ("status", Count, ALWAYS),
    ("reason", Text, ALWAYS),
    ("headers", Pairs, ALWAYS),
    ("truncated", True, MAYBE),
    ("upgrade", Object(UPGRADE), MAYBE),
];

const UPGRADE: &[Field] = &[
    ("accept_valid", Bool, MAYBE),
    ("subprotocol", Text, MAYBE),
    ("extensions", Texts, ALWAYS),
    ("seconds", Seconds, MAYBE),
];

const FRAME: &[Field] = &[
    ("fin", Bool, ALWAYS),
    ("rsv", Count, ALWAYS),
    ("opcode", OpCode, ALWAYS),
    ("masked", Bool, ALWAYS),
    ("masking_key", Key, MAYBE),
    ("header_length", Count, ALWAYS),
    ("length", Count, ALWAYS),
    ("missing", Count, MAYBE),
    ("complete", False, MAYBE),
    ("text", Text, MAYBE),
    ("base64", Text, MAYBE),
    ("rtt_seconds", Seconds, MAYBE),
    ("close_code", Count, MAYBE),
    ("close_name", Text, MAYBE),
    ("close_reason", Text, MAYBE),
];

const MESSAGE: &[Field] = &[
    ("opcode", OneOf(&["text", "binary"]), ALWAYS),
    ("frames", Count, ALWAYS),
    ("length", Count, ALWAYS),
    ("wire_length", Count, ALWAYS),
    ("compressed", Bool, ALWAYS),
    ("complete", Bool, ALWAYS),
    ("text", Text, MAYBE),
    ("base64", Text, MAYBE),
    ("missing", Count, MAYBE),
    ("unknown", Objects(RANGE), MAYBE),
    ("truncated_at", Count, MAYBE),
];

const RANGE: &[Field] = &[("offset", Count, ALWAYS), ("length", Count, ALWAYS)];

const ANOMALY: &[Field] = &[
    ("rule", Text, ALWAYS),
    ("severity", OneOf(&["error", "warning", "note"]), ALWAYS),
    ("reference", Text, ALWAYS),
    ("detail", Text, ALWAYS),
];

const END: &[Field] = &[
    ("client", Text, ALWAYS),
    ("server", Text, ALWAYS),
    ("start", Time, ALWAYS),
    ("duration_seconds", Seconds, ALWAYS),
    ("handshake_seconds", Seconds, MAYBE),
    ("upgrade_seconds", Seconds, MAYBE),
    ("url", Text, MAYBE),
    ("subprotocol", Text, MAYBE),
    ("extensions", Texts, MAYBE),
    ("from_client", Object(TOTALS), ALWAYS),
    ("from_server", Object(TOTALS), ALWAYS),
    ("close", Object(CLOSE), MAYBE),
    ("tcp_end", OneOf(&["fin", "rst", "open"]), ALWAYS),
    ("anomalies", Count, ALWAYS),
];

const TOTALS: &[Field] = &[
    ("frames", Count, ALWAYS),
    ("messages", Count, ALWAYS),
    ("bytes", Count, ALWAYS),
];

const CLOSE: &[Field] = &[
    ("code", Count, MAYBE),
    ("name", Text, MAYBE),
    ("reason", Text, ALWAYS),
    ("initiator", PARTY, ALWAYS),
    ("clean", Bool, ALWAYS),
];

const PACKET: &[Field] = &[
    ("protocol", Text, ALWAYS),
    ("source", Text, MAYBE),
    ("destination", Text, MAYBE),
    ("length", Count, ALWAYS),
];

/// Every type of line, by its name here and the parts it is made of. A response has
/// another shape than a request.
const LINES: &[(&str, &[&[Field]])] = &[
    ("tcp", &[MOMENT, CONNECTION, TCP]),
    ("http request", &[MOMENT, CONNECTION, REQUEST]),
    ("http response", &[MOMENT, CONNECTION, RESPONSE]),
    ("frame", &[MOMENT, CONNECTION, FRAME]),
    ("message", &[MOMENT, CONNECTION, MESSAGE]),
    ("anomaly", &[MOMENT, CONNECTION, ANOMALY]),
    ("connection", &[MOMENT, CONNECTION, END]),
    ("packet", &[MOMENT, PACKET]),
];

/// Every field of every type of line, as [`check_line`] says what it saw.
pub(crate) fn all_fields() -> BTreeSet<String> {
    fn add(path: &str, fields: &[Field], all: &mut BTreeSet<String>) {
        for (name, kind, _) in fields {
            let path = format!("{path}.{name}");
            if let Object(fields) | Objects(fields) = kind {
                add(&path, fields, all);
            }
            all.insert(path);
        }
    }
    let mut all = BTreeSet::new();
    for (name, parts) in LINES {
        for part in *parts {
            add(name, part, &mut all);
        }
    }
    all
}

/// Checks a line against the contract: the fields of its type, with the right kind of
/// value, and no others. What is there is added to `seen`.
pub(crate) fn check_line(line: &Map<String, Value>, seen: &mut BTreeSet<String>) {
    let name = match line["type"].as_str() {
        Some("http") if line.contains_key("method") => "http request",
        Some("http") => "http response",
        other => other.expect("type is a text"),
    };
    let (_, parts) = LINES
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("no such type: {line:?}"));
    let fields: Vec<Field> = parts.concat();
    let mut others = line.clone();
    others.remove("type");
    check_object(name, &others, &fields, seen);
    check_together(name, line);
}

fn check_object(
    path: &str,
    object: &Map<String, Value>,
    fields: &[Field],
    seen: &mut BTreeSet<String>,
) {
    for (name, value) in object {
        let path = format!("{path}.{name}");
        let field = fields.iter().find(|(known, _, _)| known == name);
        let (_, kind, _) = field.unwrap_or_else(|| panic!("unknown field {path}: {object:?}"));
        assert!(has_kind(&path, value, *kind, seen), "{path} = {value}");
        seen.insert(path);
    }
    for (name, _, always) in fields {
        assert!(
            !always || object.contains_key(*name),
            "{path} lacks {name}: {object:?}"
        );
    }
}

fn has_kind(path: &str, value: &Value, kind: Kind, seen: &mut BTreeSet<String>) -> bool {
    let is_list_of =
        |is: fn(&Value) -> bool| value.as_array().is_some_and(|list| list.iter().all(is));
    match kind {
        Bool => value.is_boolean(),
        False => *value == Value::Bool(false),
        True => *value == Value::Bool(true),
        Count => value.is_u64(),
        Seconds => value.is_f64(),
        Text => value.is_string(),
        Texts => is_list_of(Value::is_string),
        Pairs => is_list_of(|pair| {
            let pair = pair.as_array();
            pair.is_some_and(|pair| pair.len() == 2 && pair.iter().all(Value::is_string))
        }),
        Key => has_form(value, "xxxxxxxx"),
        Time => has_form(value, "dddd-dd-ddTdd:dd:dd.dddddddddZ"),
        OneOf(names) => value.as_str().is_some_and(|text| names.contains(&text)),
        OpCode => value.as_str().is_some_and(|text| {
            let known = ["continuation", "text", "binary", "close", "ping", "pong"];
            let reserved = text.strip_prefix("reserved-");
            let number = reserved.and_then(|number| number.parse().ok());
            known.contains(&text) || matches!(number, Some(3..=7 | 11..=15))
        }),
        Object(fields) => match value {
            Value::Object(object) => {
                check_object(path, object, fields, seen);
                true
            }
            _ => false,
        },
        Objects(fields) => {
            let list = value.as_array().map_or(&[][..], Vec::as_slice);
            let is_object = |item| has_kind(path, item, Object(fields), seen);
            !list.is_empty() && list.iter().all(is_object)
        }
    }
}

/// Whether a text looks like `form`: `d` a decimal digit, `x` a hexadecimal one.
fn has_form(value: &Value, form: &str) -> bool {
    value.as_str().is_some_and(|text| {
        text.len() == form.len()
            && text
                .bytes()
                .zip(form.bytes())
                .all(|(byte, form)| match form {
                    b'd' => byte.is_ascii_digit(),
                    b'x' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
                    _ => byte == form,
                })
    })
}

/// Fields that come together, and fields that exclude each other.
fn check_together(name: &str, line: &Map<String, Value>) {
    let has = |field: &str| line.contains_key(field);
    let holds = match name {
        "tcp" => {
            let event = line["event"].as_str().unwrap_or_default();
            has("handshake_seconds") == (event == "established")
                && has("flags") == (event != "gap")
                && (!has("mss") || event.starts_with("syn"))
        }
        "http response" => !has("upgrade") || line["status"] == 101,
        "frame" => {
            let opcode = line["opcode"].as_str().unwrap_or_default();
            let is_ping = ["ping", "pong"].contains(&opcode);
            let closes = ["close_code", "close_name", "close_reason"].map(has);
            line["masked"] == has("masking_key")
                && (has("text") != has("base64") || !is_ping)
                && (!has("text") || is_ping)
                && (!has("base64") || is_ping || opcode == "close")
                && (!has("rtt_seconds") || opcode == "pong")
                && closes.iter().all(|there| *there == closes[0])
                && (!closes[0] || opcode == "close")
        }
        "message" => {
            has("text") != has("base64")
                && (!has("text") || line["opcode"] == "text")
                && (!has("missing") || line["complete"] == false)
                && (!has("unknown") || line["complete"] == false)
        }
        _ => true,
    };
    assert!(holds, "{name}: {line:?}");
}

//! What was said on a connection: as the endpoints sent it, and as the program told it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use crate::cli::check_line;

/// A JSON line.
pub(crate) type Line = Map<String, Value>;

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Client,
    Server,
}

pub(crate) use Who::{Client, Server};

impl Who {
    pub(crate) const BOTH: [Self; 2] = [Client, Server];

    pub(crate) fn other(self) -> Self {
        match self {
            Client => Server,
            Server => Client,
        }
    }

    /// As JSON has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Client => "client",
            Server => "server",
        }
    }

    /// Who is `from` in a line.
    pub(crate) fn of(line: &Line) -> Self {
        match line["from"].as_str() {
            Some("client") => Client,
            Some("server") => Server,
            other => panic!("{other:?} is no end of a connection"),
        }
    }
}

/// A message, or a control frame.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) from: Who,
    pub(crate) opcode: String,
    pub(crate) frames: u64,
    /// Of a Close frame: close code and reason, as they are sent.
    pub(crate) payload: Vec<u8>,
}

impl Said {
    pub(crate) fn new(from: Who, opcode: &str, frames: usize, payload: &[u8]) -> Self {
        Self {
            from,
            opcode: opcode.to_owned(),
            frames: frames as u64,
            payload: payload.to_vec(),
        }
    }

    pub(crate) fn close(from: Who, code: u16, reason: &str) -> Self {
        let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
        Self::new(from, "close", 1, &payload)
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, opcode, frames) = (self.from.name(), &self.opcode, self.frames);
        let len = self.payload.len();
        let start = self.payload[..len.min(40)].escape_ascii();
        write!(f, "{from} {opcode} in {frames}: {len} bytes, \"{start}\"")
    }
}

/// Compares what was told with what was said, one by one.
pub(crate) fn assert_same<S: PartialEq + fmt::Debug>(told: &[S], said: &[S]) {
    for (number, (told, said)) in told.iter().zip(said).enumerate() {
        assert_eq!(told, said, "number {number}");
    }
    assert_eq!(told.len(), said.len());
}

/// The payload that `text` or `base64` gives.
pub(crate) fn payload(line: &Line) -> Vec<u8> {
    match (line.get("text"), line.get("base64")) {
        (Some(Value::String(text)), None) => text.clone().into_bytes(),
        (None, Some(Value::String(base64))) => BASE64.decode(base64).unwrap(),
        _ => panic!("text or base64: {line:?}"),
    }
}

/// Whether each byte that a message is told with is what was said, or told as unknown.
pub(crate) fn agrees(line: &Line, said: &[u8]) -> bool {
    let payload = payload(line);
    let ranges = line.get("unknown").and_then(Value::as_array);
    let is_unknown = |at: usize| {
        ranges.into_iter().flatten().any(|range| {
            let [offset, length] = ["offset", "length"].map(|name| range[name].as_u64().unwrap());
            (offset..offset + length).contains(&(at as u64))
        })
    };
    if line["complete"] == true {
        return payload == said;
    }
    let mut pairs = payload.iter().zip(said).enumerate();
    payload.len() <= said.len() && pairs.all(|(at, (told, said))| told == said || is_unknown(at))
}

/// What was told of one connection, line by line.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) lines: Vec<Line>,
}

impl Told {
    /// Lines of each connection by its number, each checked against the contract of JSON
    /// lines.
    pub(crate) fn by_connection(lines: &[Line]) -> BTreeMap<u64, Self> {
        let mut connections: BTreeMap<u64, Self> = BTreeMap::new();
        for line in lines {
            check_line(line, &mut BTreeSet::new());
            let number = line["connection"].as_u64().unwrap();
            connections
                .entry(number)
                .or_default()
                .lines
                .push(line.clone());
        }
        connections
    }

    /// Lines of the only connection.
    pub(crate) fn of_one(lines: &[Line]) -> Self {
        let mut connections = Self::by_connection(lines);
        assert_eq!(connections.len(), 1, "connections told of");
        connections.pop_first().unwrap().1
    }

    /// All lines of a type.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<&Line> {
        let lines = self.lines.iter();
        lines.filter(|line| line["type"] == kind).collect()
    }

    /// Messages and control frames, in the order in which they were completed.
    ///
    /// That each message stands behind the frames which it is made of is checked, and that
    /// it is whole.
    pub(crate) fn said(&self) -> Vec<Said> {
        let mut said = Vec::new();
        // Data frames of either side that belong to the message not told yet.
        let mut frames: BTreeMap<Who, Vec<&Line>> = BTreeMap::new();
        for line in &self.lines {
            let from = Who::of(line);
            let opcode = line.get("opcode").and_then(Value::as_str);
            match (line["type"].as_str(), opcode) {
                (Some("frame"), Some(opcode @ ("ping" | "pong"))) => {
                    said.push(Said::new(from, opcode, 1, &payload(line)));
                }
                (Some("frame"), Some("close")) => {
                    let code = line["close_code"].as_u64().unwrap().try_into().unwrap();
                    let reason = line["close_reason"].as_str().unwrap();
                    said.push(Said::close(from, code, reason));
                }
                (Some("frame"), _) => frames.entry(from).or_default().push(line),
                (Some("message"), Some(opcode)) => {
                    let frames = frames.remove(&from).unwrap_or_default();
                    check_message(line, &frames);
                    said.push(Said::new(from, opcode, frames.len(), &payload(line)));
                }
                _ => {}
            }
        }
        assert!(frames.is_empty(), "frames of no message: {frames:?}");
        said
    }

    /// Checks the line that tells how the connection went against those above it: a whole
    /// conversation, with nothing wrong, that ended with FIN.
    pub(crate) fn went_well(&self, url: &str) {
        assert_eq!(self.of_type("anomaly"), Vec::<&Line>::new());
        let end = self.end();
        let after = self.lines.iter().skip_while(|line| *line != end).skip(1);
        let after: Vec<_> = after.collect();
        // For both ends it can be over while an acknowledgment is still on its way, which then
        // gets an RST.
        assert!(after.iter().all(|line| line["type"] == "tcp"), "{after:?}");
        assert_eq!(end["url"], url);
        assert_eq!(end["tcp_end"], "fin");
        assert_eq!(end["anomalies"], 0);
        assert_eq!(end["close"]["clean"], true);
        assert!(end["handshake_seconds"].is_f64() && end["upgrade_seconds"].is_f64());
        for from in Who::BOTH {
            let of = |kind: &str| {
                let lines = self.of_type(kind).into_iter();
                lines.filter(move |line| Who::of(line) == from)
            };
            let bytes: u64 = of("frame")
                .map(|frame| frame["length"].as_u64().unwrap())
                .sum();
            let totals = &end[&format!("from_{}", from.name())];
            assert_eq!(totals["frames"], of("frame").count());
            assert_eq!(totals["messages"], of("message").count());
            assert_eq!(totals["bytes"], bytes);
        }
        for event in ["syn", "syn-ack", "established"] {
            let told = self.of_type("tcp").into_iter();
            assert_eq!(
                told.filter(|line| line["event"] == event).count(),
                1,
                "{event}"
            );
        }
        assert_eq!(self.of_type("http").len(), 2, "a request and its answer");
    }

    /// The line that tells how the connection went.
    pub(crate) fn end(&self) -> &Line {
        let ends = self.of_type("connection");
        assert_eq!(ends.len(), 1, "told once: {ends:?}");
        ends[0]
    }
}

fn check_message(message: &Line, frames: &[&Line]) {
    let seen = format!("{frames:?} make {:?}", message["opcode"]);
    assert_eq!(message["complete"], true, "{seen}");
    assert_eq!(message["frames"], frames.len(), "{seen}");
    for (place, frame) in frames.iter().enumerate() {
        let opcode = match place {
            0 => &message["opcode"],
            _ => &Value::from("continuation"),
        };
        assert_eq!(&frame["opcode"], opcode, "{seen}");
        assert_eq!(frame["fin"], place + 1 == frames.len(), "{seen}");
        assert_eq!(frame["masked"], Who::of(frame) == Client, "{seen}");
        let compressed = message["compressed"] == true;
        let rsv1 = if compressed && place == 0 { 4 } else { 0 };
        assert_eq!(frame["rsv"], rsv1, "{seen}");
    }
    let on_the_wire: u64 = frames
        .iter()
        .map(|frame| frame["length"].as_u64().unwrap())
        .sum();
    assert_eq!(message["wire_length"], on_the_wire, "{seen}");
    assert_eq!(message["length"], payload(message).len(), "{seen}");
}

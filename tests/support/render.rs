//! Events as short lines.
//!
//! A line begins with who sent it: `>` the client, `<` the server. Then:
//!
//! ```text
//! > syn                      a fact of TCP
//! > GET /chat                a request
//! < 101 upgraded             a response, and what came of the upgrade
//! > [text 5]                 a frame: opcode, length, and what is unusual about it
//! > "Hello"                  a text message; x'00ff' for bytes
//! > "Hel" incomplete         one of which bytes are missing
//! > ! invalid-utf8           a broken rule
//! = fin, close 1000 clean    the end of the connection
//! ```

use std::fmt::Write as _;

use wsdump::event::{Event, EventKind, Upgrade};
use wsdump::flow::{Direction, TcpEnd, TcpEventKind};
use wsdump::ws::{Answer, Frame, Message, OpCode};
use wsdump::{Analyzer, Config, Limits, Summary};

use super::packet::Trace;

/// What a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    Http,
    Frame,
    Message,
    Anomaly,
    End,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Line {
    pub kind: Kind,
    pub connection: u64,
    pub packet: u64,
    pub text: String,
    /// What an anomaly found.
    pub detail: String,
    /// For messages: the payload, and whether it is said to be complete.
    pub payload: Vec<u8>,
    pub complete: bool,
}

/// All that wsdump said about a capture.
#[derive(Clone, Debug)]
pub struct Lines {
    pub all: Vec<Line>,
    pub summary: Summary,
}

/// Runs a capture through the analyzer.
pub fn tell(trace: &Trace) -> Lines {
    tell_with(trace, Config::default())
}

/// The same with smaller limits, or all packets told.
pub fn tell_with(trace: &Trace, config: Config) -> Lines {
    let mut all = Vec::new();
    let mut sink = |event: &Event<'_>| all.push(line(event));
    let mut analyzer = Analyzer::new(config);
    for packet in trace {
        analyzer.push(&packet.packet(), &mut sink);
    }
    analyzer.finish(&mut sink);
    let summary = analyzer.summary();
    Lines { all, summary }
}

/// Limits in a configuration of their own.
pub fn limited(limits: Limits) -> Config {
    Config {
        all: false,
        limits,
        ..Config::default()
    }
}

impl Lines {
    /// The lines of these kinds.
    pub fn of(&self, kinds: &[Kind]) -> Vec<&str> {
        let wanted = self.all.iter().filter(|line| kinds.contains(&line.kind));
        wanted.map(|line| line.text.as_str()).collect()
    }

    /// Frames, messages and anomalies: all that concerns WebSocket after the handshake.
    pub fn websocket(&self) -> Vec<&str> {
        self.of(&[Kind::Frame, Kind::Message, Kind::Anomaly])
    }

    pub fn messages(&self) -> Vec<&str> {
        self.of(&[Kind::Message])
    }

    /// Names of the rules broken, in order.
    pub fn rules(&self) -> Vec<&str> {
        let anomalies = self.of(&[Kind::Anomaly]).into_iter();
        anomalies
            .map(|line| line.trim_start_matches(['>', '<', ' ', '!']))
            .collect()
    }

    /// Details of the broken rules.
    pub fn details(&self) -> Vec<&str> {
        let anomalies = self.all.iter().filter(|line| line.kind == Kind::Anomaly);
        anomalies.map(|line| line.detail.as_str()).collect()
    }
}

/// One event as a line.
pub fn line(event: &Event<'_>) -> Line {
    let way = match event.from {
        Direction::ClientToServer => '>',
        Direction::ServerToClient => '<',
    };
    let mut line = Line {
        kind: Kind::Tcp,
        connection: event.connection.number,
        packet: event.at.packet,
        text: String::new(),
        detail: String::new(),
        payload: Vec::new(),
        complete: false,
    };
    let (kind, text) = match event.kind {
        EventKind::Tcp(fact) => (Kind::Tcp, format!("{way} {}", tcp(fact.kind, fact.length))),
        EventKind::Request(head) => (
            Kind::Http,
            format!("{way} {} {}", head.line.method, head.line.target),
        ),
        EventKind::Response { head, upgrade } => {
            let outcome = match upgrade {
                Some(Upgrade::Accepted { .. }) => " upgraded",
                Some(Upgrade::Refused { .. }) => " refused",
                None => "",
            };
            (Kind::Http, format!("{way} {}{outcome}", head.line.status))
        }
        EventKind::Frame { frame, answers } => (
            Kind::Frame,
            format!("{way} [{}]", described(&frame, answers)),
        ),
        EventKind::Message { message } => {
            line.payload = message.payload.to_vec();
            line.complete = message.complete;
            (Kind::Message, format!("{way} {}", shown(&message)))
        }
        EventKind::Anomaly(anomaly) => {
            line.detail = anomaly.detail.to_string();
            (Kind::Anomaly, format!("{way} ! {}", anomaly.rule.name()))
        }
        EventKind::Connection(report) => {
            let end = match report.tcp_end {
                TcpEnd::Open => "open",
                TcpEnd::Fin => "fin",
                TcpEnd::Rst => "rst",
            };
            let mut text = format!("= {end}");
            if let Some(close) = &report.close {
                let code = close
                    .code
                    .map_or("none".to_owned(), |code| code.0.to_string());
                let clean = if close.clean { " clean" } else { "" };
                write!(text, ", close {code}{clean}").unwrap();
            }
            (Kind::End, text)
        }
    };
    line.kind = kind;
    line.text = text;
    line
}

fn tcp(kind: TcpEventKind, length: u64) -> String {
    let name = match kind {
        TcpEventKind::Syn { .. } => "syn",
        TcpEventKind::SynAck { .. } => "syn-ack",
        TcpEventKind::Established { .. } => "established",
        TcpEventKind::Data => "data",
        TcpEventKind::Ack => "ack",
        TcpEventKind::Retransmission => "retransmission",
        TcpEventKind::OutOfOrder => "out of order",
        TcpEventKind::DuplicatePacket => "duplicate packet",
        TcpEventKind::Gap => return format!("gap {length}"),
        TcpEventKind::KeepAlive => "keep-alive",
        TcpEventKind::WindowProbe => "window probe",
        TcpEventKind::ZeroWindow => "zero window",
        TcpEventKind::Fin => "fin",
        TcpEventKind::Rst => "rst",
        TcpEventKind::Closed { .. } => "closed",
        _ => "?",
    };
    name.to_owned()
}

fn described(frame: &Frame<'_>, answers: Answer) -> String {
    let header = &frame.header;
    let name = match header.opcode {
        OpCode::Continuation => "cont".to_owned(),
        OpCode::Text => "text".to_owned(),
        OpCode::Binary => "binary".to_owned(),
        OpCode::Close => "close".to_owned(),
        OpCode::Ping => "ping".to_owned(),
        OpCode::Pong => "pong".to_owned(),
        OpCode::Reserved(value) => format!("opcode {value:X}"),
    };
    let mut text = format!("{name} {}", header.payload_len);
    if let Some((code, reason)) = frame.close() {
        text = format!("close {} {:?}", code.0, String::from_utf8_lossy(reason));
    }
    if !header.fin {
        text += " more";
    }
    if header.rsv != 0 {
        write!(text, " rsv {:03b}", header.rsv).unwrap();
    }
    if frame.missing > 0 {
        write!(text, " missing {}", frame.missing).unwrap();
    }
    if frame.cut_short {
        text += " cut short";
    }
    match answers {
        Answer::No => {}
        Answer::Unsolicited => text += " unsolicited",
        Answer::Ping(after) => write!(text, " after {} ms", after.as_millis()).unwrap(),
    }
    text
}

fn shown(message: &Message<'_>) -> String {
    let mut text = match message.text() {
        Some(text) if text.len() > 40 => format!("text of {} bytes", message.length),
        Some(text) => format!("{text:?}"),
        None if message.payload.len() > 20 => format!("{} bytes", message.length),
        None => {
            let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
            format!("x'{}'", message.payload.iter().fold(String::new(), hex))
        }
    };
    if message.frames != 1 {
        write!(text, " in {}", message.frames).unwrap();
    }
    if message.compressed {
        text += " deflated";
    }
    if !message.complete {
        text += " incomplete";
    }
    if message.missing > 0 {
        write!(text, " missing {}", message.missing).unwrap();
    }
    text
}

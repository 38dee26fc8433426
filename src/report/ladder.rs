//! One connection as a sequence diagram: an arrow an event, between client and server.

use std::collections::VecDeque;
use std::time::Duration;

use anstyle::Style as TextStyle;

use super::Printer;
use super::duration::readable;
use super::info::{self, HEADING, Room};
use super::summary::count;
use super::text::{append, cut_to_width, text_width};
use super::timestamp::seconds_with_micros;
use crate::event::{Event, EventKind};
use crate::flow::{Direction, TcpEvent, TcpEventKind};
use crate::ws::{Answer, Frame, Message, OpCode};

/// How a ladder looks.
#[derive(Clone, Copy, Debug)]
pub struct LadderStyle {
    /// Columns in all; at least [`LadderStyle::MIN_WIDTH`] are used.
    pub width: usize,
    /// Whether to colour.
    pub color: bool,
}

impl LadderStyle {
    /// The narrowest ladder in which anything can be read.
    pub const MIN_WIDTH: usize = 60;
}

/// Draws a connection: time goes down, arrows go from sender to receiver.
///
/// In front of each arrow stand its time and the time since the one above. Of many messages
/// alike, one after the other, the first and the last are drawn.
#[derive(Debug)]
pub struct Ladder {
    style: LadderStyle,
    /// The two ends were named.
    begun: bool,
    /// Time of the arrow above.
    above: Option<i64>,
    /// Messages alike.
    run: Option<Run>,
    /// Pings that were sent: when, by whom, and their numbers.
    pings: VecDeque<(i64, Direction, u64)>,
    last_ping: u64,
    text: String,
}

/// Messages of one side and opcode that follow each other; the first is drawn.
#[derive(Debug)]
struct Run {
    from: Direction,
    opcode: OpCode,
    /// Arrows of the next ones, up to as many as would be drawn.
    next: Vec<String>,
    /// The last arrow, behind those.
    last: String,
    /// Messages in `last` and before it that `next` does not hold.
    more: u64,
    /// Of all but the first and the last.
    bytes: u64,
    last_length: u64,
    /// Times of the first and of the last.
    times: [i64; 2],
}

/// Of a run that is longer by no more than this, every message is drawn.
const RUN: usize = 3;

/// Pings that may wait for their pong.
const MAX_PINGS: usize = 64;

/// Columns of time, and of the time since the arrow above.
const GUTTER: usize = 10 + 2 + 9 + 2;

impl Ladder {
    /// A ladder of this look.
    pub fn new(style: LadderStyle) -> Self {
        Self {
            style,
            begun: false,
            above: None,
            run: None,
            pings: VecDeque::new(),
            last_ping: 0,
            text: String::new(),
        }
    }

    /// Columns between the two lines.
    fn lane(&self) -> usize {
        self.style.width.max(LadderStyle::MIN_WIDTH) - GUTTER - 2
    }

    /// Names the ends above their lines.
    fn begin(&self, event: &Event<'_>, out: &mut Vec<u8>) {
        let lane = self.lane();
        let peers = event.connection;
        let [client, server] = [peers.client, peers.server].map(|end| end.to_string());
        let between = (lane + 2).saturating_sub("client".len() + "server".len());
        self.line(
            &format!("{:GUTTER$}client{:between$}server", "", ""),
            HEADING,
            out,
        );
        let between = (lane + 2)
            .saturating_sub(client.len() + server.len())
            .max(1);
        self.line(
            &format!("{:GUTTER$}{client}{:between$}{server}", "", ""),
            HEADING,
            out,
        );
    }

    fn line(&self, text: &str, style: TextStyle, out: &mut Vec<u8>) {
        use std::io::Write as _;
        // Writing into a vector does not fail.
        let _ = if self.style.color && style != TextStyle::new() {
            writeln!(out, "{style}{text}{style:#}")
        } else {
            writeln!(out, "{text}")
        };
    }

    /// Time, and time since the arrow above.
    fn gutter(&mut self, elapsed: i64) -> String {
        let since = self.above.replace(elapsed);
        let since = since.and_then(|above| u64::try_from(elapsed.saturating_sub(above)).ok());
        let since = since.map(|nanos| format!("+{}", readable(Duration::from_nanos(nanos))));
        let (time, since) = (seconds_with_micros(elapsed), since.unwrap_or_default());
        format!("{time:>10}  {since:>9}  ")
    }

    /// An arrow from sender to receiver, with `label` on it.
    fn arrow(&self, from: Direction, stroke: &str, mut label: String) -> String {
        // A stroke, the head, and spaces around the label.
        const AROUND: usize = 2 + 1 + 2;
        let lane = self.lane();
        cut_to_width(&mut label, lane - AROUND);
        let left = lane - AROUND - text_width(&label);
        let (before, after) = match from {
            Direction::ClientToServer => (2, left),
            Direction::ServerToClient => (left, 2),
        };
        let (before, after) = (stroke.repeat(before), stroke.repeat(after));
        match from {
            Direction::ClientToServer => format!("│{before} {label} {after}▶│"),
            Direction::ServerToClient => format!("│◀{before} {label} {after}│"),
        }
    }

    /// A remark, at the side that it is about.
    fn remark(&self, from: Direction, mut text: String) -> String {
        let room = self.lane() - 2;
        cut_to_width(&mut text, room);
        let left = room - text_width(&text);
        match from {
            Direction::ClientToServer => format!("│ {text}{:left$} │", ""),
            Direction::ServerToClient => format!("│ {:left$}{text} │", ""),
        }
    }

    /// Draws what is left of a run of messages.
    fn end_run(&mut self, out: &mut Vec<u8>) {
        let Some(run) = self.run.take() else {
            return;
        };
        let style = info::by_sender(run.from);
        if run.more == 0 {
            for arrow in &run.next {
                self.line(arrow, style, out);
            }
            return;
        }
        // All but the last are left out.
        let left_out = run.next.len() as u64 + run.more - 1;
        let nanos = u64::try_from(run.times[1].saturating_sub(run.times[0])).unwrap_or(0);
        let text = format!(
            "⋮ {left_out} more {}, {} in {}",
            run.opcode,
            count(run.bytes, "byte", "bytes"),
            readable(Duration::from_nanos(nanos)),
        );
        let remark = self.remark(run.from, text);
        self.line(&format!("{:GUTTER$}{remark}", ""), style, out);
        self.line(&run.last, style, out);
    }

    fn message(&mut self, event: &Event<'_>, message: &Message<'_>, out: &mut Vec<u8>) {
        let room = Room::Line(self.lane().saturating_sub(5));
        let mut label = String::new();
        info::message_label(message, room, &mut label);
        let goes_on = |run: &Run| run.from == event.from && run.opcode == message.opcode;
        if !self.run.as_ref().is_some_and(goes_on) {
            self.end_run(out);
            let arrow = self.gutter(event.elapsed) + &self.arrow(event.from, "─", label);
            self.line(&arrow, info::by_sender(event.from), out);
            self.run = Some(Run {
                from: event.from,
                opcode: message.opcode,
                next: Vec::new(),
                last: String::new(),
                more: 0,
                bytes: 0,
                last_length: 0,
                times: [event.elapsed; 2],
            });
            return;
        }
        let arrow = self.gutter(event.elapsed) + &self.arrow(event.from, "─", label);
        let Some(run) = &mut self.run else { return };
        run.bytes += std::mem::replace(&mut run.last_length, message.length);
        run.times[1] = event.elapsed;
        if run.next.len() < RUN {
            run.next.push(arrow);
        } else {
            run.last = arrow;
            run.more += 1;
        }
    }

    /// The label of a control frame; pongs name the ping that they answer.
    fn control_label(&mut self, event: &Event<'_>, frame: &Frame<'_>, answers: Answer) -> String {
        let mut label = String::new();
        info::frame_info(frame, Answer::No, event.from, Room::Payload(40), &mut label);
        if frame.header.opcode == OpCode::Ping {
            self.last_ping += 1;
            if self.pings.len() == MAX_PINGS {
                self.pings.pop_front();
            }
            self.pings
                .push_back((event.elapsed, event.from, self.last_ping));
            append!(label, ", ping {}", self.last_ping);
        }
        match answers {
            Answer::Ping(round_trip) => {
                let nanos = i64::try_from(round_trip.as_nanos()).unwrap_or(i64::MAX);
                let sent = (event.elapsed.saturating_sub(nanos), event.from.reversed());
                let ping = self.pings.iter().find(|ping| (ping.0, ping.1) == sent);
                match ping {
                    Some((_, _, number)) => append!(label, ", answers ping {number}"),
                    None => label.push_str(", answers a ping"),
                }
                append!(label, " after {}", readable(round_trip));
            }
            Answer::Unsolicited => label.push_str(", unsolicited"),
            Answer::No => {}
        }
        label
    }

    fn tcp(&mut self, event: &Event<'_>, tcp: &TcpEvent, out: &mut Vec<u8>) {
        let (mark, stroke) = match tcp.kind {
            TcpEventKind::Gap => ("╳ ", "╌"),
            TcpEventKind::Retransmission => ("↻ ", "╌"),
            TcpEventKind::OutOfOrder => ("⇄ ", "╌"),
            TcpEventKind::DuplicatePacket | TcpEventKind::Ack | TcpEventKind::Data => return,
            _ => ("", "─"),
        };
        let mut label = mark.to_owned();
        let cells = info::tcp_info(tcp, &mut label);
        self.end_run(out);
        let arrow = self.gutter(event.elapsed) + &self.arrow(event.from, stroke, label);
        self.line(&arrow, cells.style, out);
    }
}

impl Printer for Ladder {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> usize {
        if !std::mem::replace(&mut self.begun, true) {
            self.begin(event, out);
        }
        self.text.clear();
        let text = &mut self.text;
        let style = match &event.kind {
            EventKind::Tcp(tcp) => {
                self.tcp(event, tcp, out);
                return 0;
            }
            EventKind::Message { message } => {
                self.message(event, message, out);
                return 0;
            }
            EventKind::Frame { frame, answers } => {
                if frame.header.opcode.is_data() {
                    return 0;
                }
                let label = self.control_label(event, frame, *answers);
                self.text = label;
                info::frame_style(frame, event.from)
            }
            EventKind::Request(head) => info::request_info(head, text).style,
            EventKind::Response { head, upgrade } => {
                info::response_info(head, *upgrade, text).style
            }
            EventKind::Anomaly(anomaly) => {
                let style = info::anomaly_info(anomaly, text).style;
                let remark = format!("! {text}");
                self.end_run(out);
                let remark = self.remark(event.from, remark);
                self.line(&format!("{:GUTTER$}{remark}", ""), style, out);
                return 0;
            }
            EventKind::Connection(report) => {
                let style = info::summary_info(report, text).style;
                let mut summary = std::mem::take(&mut self.text);
                self.end_run(out);
                cut_to_width(&mut summary, self.lane() + 2 + GUTTER);
                self.line(&summary, style, out);
                return 0;
            }
        };
        self.end_run(out);
        let label = std::mem::take(&mut self.text);
        let arrow = self.gutter(event.elapsed) + &self.arrow(event.from, "─", label);
        self.line(&arrow, style, out);
        0
    }
}

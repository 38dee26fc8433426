//! The rules of frames, and of who goes on after a broken one.

use std::hash::BuildHasher;

use super::fault::{Fault, Known, fails_from, fails_opening};
use super::pings::Ping;
use super::watched::{Close, Watched};
use super::{Bench, Marks};
use crate::anomaly::{Rule, Severity};
use crate::flow::Direction;
use crate::ws::{Answer, CloseCode, Frame, MAX_CONTROL_LEN, Message, OpCode};

impl Watched {
    pub(super) fn anomaly(&mut self, bench: &Bench<'_>, rule: Rule) {
        let from = bench.event.from;
        let packet = bench.event.at.packet;
        if matches!(
            rule,
            Rule::OutOfStep | Rule::InStepAgain | Rule::OutOfOrderLimit
        ) {
            self.lost(from);
        }
        if rule == Rule::InStepAgain {
            self.filled(bench);
        }
        if !self.accepted {
            return;
        }
        let of_server = from == Direction::ServerToClient;
        if self.whole && of_server && fails_opening(rule) {
            let fault = || Fault::new(rule, packet, Known::AfterFrame);
            self.opening_fault.get_or_insert_with(fault);
        }
        let half = &mut self.sides[from.index()];
        half.faulty |= rule.severity() == Severity::Error;
        if let Some(known_from) = fails_from(rule).filter(|_| self.whole) {
            let fault = || Fault::new(rule, packet, known_from);
            half.fault.get_or_insert_with(fault);
        }
    }

    pub(super) fn frame(
        &mut self,
        bench: &mut Bench<'_>,
        frame: &Frame<'_>,
        answers: Answer,
        marks: &Marks,
    ) {
        let from = bench.event.from;
        let opcode = frame.header.opcode;
        if frame.missing > 0 || frame.cut_short && opcode.is_control() {
            return self.lost(from);
        }
        let half = &mut self.sides[from.index()];
        half.in_step = true;
        let was_known = half.fault.is_some_and(|fault| fault.is_known());
        if let Some(fault) = &mut half.fault {
            fault.over(Known::AfterFrame);
        }
        if opcode != OpCode::Close {
            self.goes_on(bench);
        }
        // Cut as where Pings and Pongs are matched.
        let len = frame.payload.len().min(MAX_CONTROL_LEN);
        let mark = || marks.hash_one(&frame.payload[..len]);
        match opcode {
            OpCode::Ping => self.ping(bench, mark()),
            OpCode::Pong => self.pong(bench, answers, mark()),
            OpCode::Close => self.close(bench, frame, was_known),
            _ => {}
        }
    }

    pub(super) fn message(&mut self, bench: &mut Bench<'_>, message: &Message<'_>) {
        let from = bench.event.from;
        let bound = bench.bounds.message_bytes;
        if message.length > bound {
            let detail = format!("{} bytes, more than {bound}", message.length);
            bench.find(Rule::LargeMessage, from, detail);
        }
        if let Some(fault) = &mut self.sides[from.index()].fault {
            fault.over(Known::AfterMessage);
        }
    }

    /// A frame that is no Close was sent: a client that got a wrong 101 does not.
    fn goes_on(&mut self, bench: &mut Bench<'_>) {
        let Some(fault) = self.opening_fault else {
            return;
        };
        if bench.event.from == Direction::ClientToServer && bench.has_received(self.accepted_end) {
            self.not_failed(bench, fault, "a frame");
        }
    }

    fn ping(&mut self, bench: &Bench<'_>, mark: u64) {
        let from = bench.event.from;
        let end = self.end_of_frame(bench);
        let peer = &self.sides[from.reversed().index()];
        // Packets that crossed in the capture: the Pong was told before the Ping.
        let is_answered = peer
            .volunteered
            .is_some_and(|(pong, ack)| pong == mark && end.is_some_and(|end| ack >= end));
        let in_step = self.sides.iter().all(|half| half.in_step);
        // What is told late may have been answered before.
        if !in_step || is_answered || end.is_none() || self.closer.is_some() {
            return;
        }
        let half = &mut self.sides[from.index()];
        half.pings.push(Ping {
            mark,
            place: bench.place(),
            end,
            after_fault: half.fault.is_some_and(|fault| fault.is_known()),
            mismatch: None,
        });
    }

    fn pong(&mut self, bench: &mut Bench<'_>, answers: Answer, mark: u64) {
        let from = bench.event.from;
        let [own, peer] = self.halves(from);
        if answers == Answer::Unsolicited {
            let received = bench.received();
            let place = bench.place();
            // It may be for a Ping that is not told yet, and settle those before.
            if received.is_some_and(|ack| ack > peer.told) {
                peer.pings.clear();
            }
            let is_for_ping = received.is_some_and(|ack| peer.pings.mismatched(place, ack));
            if !is_for_ping {
                own.volunteers = true;
                own.volunteered = received.map(|ack| (mark, ack));
            }
            return;
        }
        let volunteers = own.volunteers;
        let fault = peer.fault;
        let ping = peer.pings.answered(mark).filter(|ping| ping.after_fault);
        if let (Some(ping), Some(fault), false) = (ping, fault, volunteers) {
            let did = format!("a Pong for the Ping of packet {}", ping.place.packet);
            self.not_failed(bench, fault, &did);
        }
    }

    fn close(&mut self, bench: &mut Bench<'_>, frame: &Frame<'_>, after_fault: bool) {
        let from = bench.event.from;
        let close = Close {
            code: frame.close().map(|(code, _)| code),
            place: bench.place(),
            end: self.end_of_frame(bench),
            after_fault,
        };
        if self.sides[from.index()].close.is_some() {
            return;
        }
        self.sides[from.index()].close = Some(close);
        let peer = from.reversed();
        match self.closer {
            None => {
                self.closer = Some(from);
                self.overdue(bench);
                self.settle(bench, peer);
            }
            Some(_) => self.both_closed(bench, close),
        }
    }

    /// Both sides have sent a Close frame; `answer` is the second one.
    fn both_closed(&mut self, bench: &mut Bench<'_>, answer: Close) {
        let first_from = bench.event.from.reversed();
        let Some(first) = self.sides[first_from.index()].close else {
            return;
        };
        // Two that crossed are no answer to each other.
        let is_answer = first.code == answer.code && bench.has_received(first.end);
        if is_answer {
            let packet = answer.place.packet;
            let why = format!("no Pong before the Close of packet {packet}");
            self.unanswered(bench, first_from, |_| true, |_| why.clone());
            let fault = self.sides[first_from.index()].fault;
            let accepts = answer.code.is_some_and(|code| !is_failure(code));
            if let (Some(fault), true, true) = (fault, first.after_fault, accepts) {
                let did = format!(
                    "the same code for the Close of packet {}",
                    first.place.packet
                );
                self.not_failed(bench, fault, &did);
            }
        }
        self.settle(bench, first_from);
    }

    /// The peer of who broke a rule went on with `did`. Said once for each direction.
    fn not_failed(&mut self, bench: &mut Bench<'_>, fault: Fault, did: &str) {
        let from = bench.event.from;
        let half = &mut self.sides[from.reversed().index()];
        if !std::mem::replace(&mut half.fault_told, true) {
            let (rule, packet) = (fault.rule.name(), fault.packet);
            let detail = format!("{did}, after {rule} in packet {packet}");
            bench.find(Rule::NotFailed, from, detail);
        }
    }
}

/// Close codes with which an endpoint fails a connection (RFC 6455 §7.4.1).
fn is_failure(code: CloseCode) -> bool {
    matches!(
        code,
        CloseCode::PROTOCOL_ERROR
            | CloseCode::UNSUPPORTED_DATA
            | CloseCode::INVALID_PAYLOAD_DATA
            | CloseCode::POLICY_VIOLATION
            | CloseCode::MESSAGE_TOO_BIG
            | CloseCode::MANDATORY_EXTENSION
            | CloseCode::INTERNAL_ERROR
    )
}

//! Events in, conversations out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::conversation::{Close, Control, Conversation, Handshake, Message};
use super::mask::Mask;
use crate::anomaly::{Anomaly, Rule};
use crate::check::{Place, place_of};
use crate::event::{Event, EventKind, EventSink, Upgrade, UpgradeOutcome};
use crate::flow::Direction;
use crate::http::{Headers, RequestHead, ResponseHead};
use crate::ws::handshake::is_upgrade_request;
use crate::ws::{Frame, OpCode};

/// What is recorded of a conversation, and what is not.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Record fragmentation and compression too.
    pub strict: bool,
    /// Names of the header fields to record, in the order in which they are listed.
    pub headers: Vec<String>,
    /// Record no Pings and Pongs: how many there are may depend on how long a run took.
    pub ignore_pings: bool,
    /// What is left out.
    pub mask: Mask,
}

/// Records what is said in a capture.
#[derive(Debug)]
pub struct Recorder {
    scope: Scope,
    open: HashMap<u64, Open>,
    /// By number: they may end in another order.
    over: BTreeMap<u64, Conversation>,
    bytes: usize,
    is_full: bool,
}

/// A conversation that goes on.
#[derive(Debug, Default)]
struct Open {
    conversation: Conversation,
    /// Rules that either side broke: the client, the server.
    rules: [BTreeSet<Rule>; 2],
    /// Payload lengths of the frames of a message that goes on.
    frames: [Vec<u64>; 2],
}

/// Bytes that the name of a rule takes, about.
const RULE_BYTES: usize = size_of::<String>() + 24;

impl Recorder {
    /// Bytes that are recorded of one capture, about. Of what comes after that nothing is
    /// recorded, and [`Recorder::finish`] says so.
    pub const MAX_BYTES: usize = 256 << 20;

    /// What to say where [`Recorder::finish`] gives nothing.
    pub fn too_much() -> String {
        let most = Self::MAX_BYTES >> 20;
        format!("more is said in it than can be compared ({most} MiB)")
    }

    /// A recorder that has heard nothing.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            open: HashMap::new(),
            over: BTreeMap::new(),
            bytes: 0,
            is_full: false,
        }
    }

    /// The conversations in order of first packets; `None` when they did not fit into
    /// [`Recorder::MAX_BYTES`].
    pub fn finish(self) -> Option<Vec<Conversation>> {
        (!self.is_full).then(|| self.over.into_values().collect())
    }

    fn take(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.is_full |= self.bytes > Self::MAX_BYTES;
        !self.is_full
    }

    fn frame(&mut self, event: &Event<'_>, frame: &Frame<'_>) {
        let opcode = frame.header.opcode;
        let is_ping = matches!(opcode, OpCode::Ping | OpCode::Pong);
        if is_ping && self.scope.ignore_pings
            || !opcode.is_control() && !self.scope.strict
            || !self.take(size_of::<Control>() + 2 * frame.payload.len().min(125))
        {
            return;
        }
        let place = Some(place_of(event));
        let mask = &self.scope.mask;
        let open = self.open.entry(event.connection.number).or_default();
        let sent = open.conversation.sent_mut(event.from);
        match opcode {
            OpCode::Ping => sent.pings.push(control(frame, mask, place)),
            OpCode::Pong => sent.pongs.push(control(frame, mask, place)),
            OpCode::Close => {
                let (code, reason) = frame.close().unzip();
                let reason = String::from_utf8_lossy(reason.unwrap_or_default());
                sent.closes.push(Close {
                    code: code.map(|code| code.0),
                    reason: mask.text(&reason).into_owned(),
                    place,
                });
            }
            _ => open.frames[event.from.index()].push(frame.header.payload_len),
        }
    }

    fn message(&mut self, event: &Event<'_>, message: &crate::ws::Message<'_>) {
        if self.is_full {
            return;
        }
        let mut recorded = Message::new(message, &self.scope.mask);
        recorded.place = Some(place_of(event));
        if !self.take(size_of::<Message>() + recorded.heap_bytes()) {
            return;
        }
        let open = self.open.entry(event.connection.number).or_default();
        if self.scope.strict {
            recorded.frames = std::mem::take(&mut open.frames[event.from.index()]);
            recorded.compressed = message.compressed;
        }
        open.conversation
            .sent_mut(event.from)
            .messages
            .push(recorded);
    }

    fn request(&mut self, event: &Event<'_>, head: &RequestHead) {
        let fields = self.fields(&head.headers);
        let target = self.scope.mask.text(&head.line.target).into_owned();
        if !self.take(size_of::<Handshake>() + head.heap_bytes()) {
            return;
        }
        self.handshakes(event).push(Handshake {
            method: Some(head.line.method.clone()),
            target: Some(target),
            request_headers: fields,
            place: Some(place_of(event)),
            ..Handshake::default()
        });
    }

    fn response(&mut self, event: &Event<'_>, head: &ResponseHead, upgrade: Upgrade<'_>) {
        let fields = self.fields(&head.headers);
        if !self.take(head.heap_bytes()) {
            return;
        }
        let handshakes = self.handshakes(event);
        let is_answered = |last: &Handshake| last.status.is_some();
        if handshakes.last().is_none_or(is_answered) {
            // Its request was not captured.
            handshakes.push(Handshake::default());
        }
        let Some(handshake) = handshakes.last_mut() else {
            return;
        };
        handshake.status = Some(head.line.status);
        handshake.response_headers = fields;
        handshake.place = Some(place_of(event));
        if let Upgrade::Accepted { agreement, .. } = upgrade {
            handshake.subprotocol.clone_from(&agreement.subprotocol);
            handshake.extensions.clone_from(&agreement.extensions);
        }
    }

    fn handshakes(&mut self, event: &Event<'_>) -> &mut Vec<Handshake> {
        let open = self.open.entry(event.connection.number).or_default();
        &mut open.conversation.handshakes
    }

    /// The header fields that are asked for.
    fn fields(&self, headers: &Headers) -> Vec<String> {
        let Scope {
            headers: names,
            mask,
            ..
        } = &self.scope;
        let of_name = |name: &String| {
            let values = headers.all(name).map(|value| mask.text(value));
            values
                .map(|value| format!("{name}: {value}"))
                .collect::<Vec<_>>()
        };
        names.iter().flat_map(of_name).collect()
    }

    fn anomaly(&mut self, event: &Event<'_>, anomaly: &Anomaly) {
        if is_of_specifications(anomaly.rule) {
            let open = self.open.entry(event.connection.number).or_default();
            open.rules[event.from.index()].insert(anomaly.rule);
        }
    }
}

/// Whether a rule is broken by what is sent, and not by what the network or the capture did.
fn is_of_specifications(rule: Rule) -> bool {
    !rule.is_of_check() && rule.reference() != Rule::OWN && rule != Rule::ConflictingOverlap
}

fn control(frame: &Frame<'_>, mask: &Mask, place: Option<Place>) -> Control {
    let control = Control::new(frame.payload, place);
    Control {
        text: control.text.map(|text| mask.text(&text).into_owned()),
        ..control
    }
}

impl EventSink for Recorder {
    fn event(&mut self, event: &Event<'_>) {
        match event.kind {
            EventKind::Request(head) if is_upgrade_request(head) => self.request(event, head),
            EventKind::Response {
                head,
                upgrade: Some(upgrade),
            } => self.response(event, head, upgrade),
            EventKind::Frame { frame, .. } => self.frame(event, &frame),
            EventKind::Message { message } => self.message(event, &message),
            EventKind::Anomaly(anomaly) => self.anomaly(event, anomaly),
            EventKind::Connection(report) => {
                let number = event.connection.number;
                let open = self.open.remove(&number).unwrap_or_default();
                let rules = open.rules.iter().map(BTreeSet::len).sum::<usize>();
                let bytes = size_of::<Conversation>() + rules * RULE_BYTES;
                if report.outcome == UpgradeOutcome::NotAsked || !self.take(bytes) {
                    return;
                }
                let mut conversation = open.conversation;
                for from in Direction::BOTH {
                    let rules = open.rules[from.index()].iter();
                    let mut names: Vec<_> = rules.map(|rule| rule.name().to_owned()).collect();
                    names.sort();
                    conversation.sent_mut(from).rules = names;
                }
                report.tcp_end.name().clone_into(&mut conversation.tcp_end);
                conversation.number = number;
                conversation.end = Some(place_of(event));
                self.over.insert(number, conversation);
            }
            EventKind::Tcp(_) | EventKind::Request(_) | EventKind::Response { .. } => {}
        }
    }
}

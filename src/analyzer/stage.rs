//! What reads a connection's bytes: first a look at what they are, then HTTP, then
//! WebSocket.
//!
//! Each stage takes bytes of both sides and gives way to the next one. They can be
//! stacked: behind a proxy's CONNECT, the look at what the bytes are begins again.

use std::collections::VecDeque;

use super::connection::{Scope, plain_report};
use super::websocket::WebSocket;
use crate::anomaly::Rule;
use crate::event::{ConnectionReport, EventKind, Upgrade, UpgradeOutcome};
use crate::flow::{Direction, Side, StreamItem, TcpEnd};
use crate::http::{Exchange, HttpItem, RequestHead, ResponseHead};
use crate::time::Moment;
use crate::ws::{Found, Piece, Profile, Seeker, Start, handshake};

/// What reads the bytes of a connection now.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nothing is known: the first bytes of each side, until they tell, if there are any.
    Unknown(Option<Box<FirstBytes>>),
    /// The start was not captured, and what was begins like no protocol: perhaps the middle
    /// of a WebSocket connection.
    Seeking(Box<[Search; 2]>),
    /// HTTP/1.
    Http(Box<Http>),
    /// After the opening handshake.
    WebSocket(Box<WebSocket>),
    /// Something that carries no WebSocket, or none that can be read.
    Ignored,
    /// The connection is over.
    Ended,
}

type FirstBytes = [Box<[u8]>; 2];

/// Why a connection's bytes are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ignored {
    Tls,
    Http2,
    /// HTTP/1 that turned into something else.
    Http,
    Other,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Unknown(None)
    }
}

/// HTTP/1, and the requests that may end it.
#[derive(Debug)]
pub(super) struct Http {
    exchange: Exchange,
    /// Requests that wait for their answer; `None` for those that cannot be upgrade requests.
    waiting: VecDeque<Option<Asked>>,
    /// What the heads in `waiting` take.
    waiting_heap_bytes: usize,
    /// The protocol that was switched to.
    next: Option<Stage>,
    ended: Option<Ignored>,
}

/// A request that may be an upgrade request.
#[derive(Debug)]
struct Asked {
    head: RequestHead,
    at: Moment,
    means: Means,
}

/// What a request means, as far as it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// An upgrade to WebSocket.
    Upgrade,
    /// Its head was cut, and with it what it asked for.
    Unknown,
    /// It has a Sec-WebSocket-Key but does not ask for WebSocket: an upgrade request if the
    /// answer agrees to one.
    PerhapsUpgrade,
}

impl Means {
    fn of(head: &RequestHead) -> Option<Self> {
        if handshake::is_upgrade_request(head) {
            Some(Self::Upgrade)
        } else if head.truncated {
            Some(Self::Unknown)
        } else {
            handshake::has_key(head).then_some(Self::PerhapsUpgrade)
        }
    }
}

impl Asked {
    fn heap_bytes(&self) -> usize {
        self.head.heap_bytes()
    }
}

/// First bytes needed at most to tell a protocol.
const FIRST_BYTES: usize = 32;

impl Stage {
    /// Takes the next bytes or gap of one side.
    pub(super) fn push(&mut self, scope: &mut Scope<'_, '_>, side: Side, item: StreamItem<'_>) {
        match self {
            Self::Unknown(_) => self.look(scope, side, item),
            Self::Seeking(_) => self.seek(scope, side, item),
            Self::Http(http) => {
                http.push(scope, side, item);
                let next = http.next.take_if(|_| http.exchange.is_switched());
                if let Some(next) = next {
                    *self = next;
                } else if let Some(ignored) = http.ended {
                    self.ignore(scope, ignored);
                }
            }
            Self::WebSocket(websocket) => websocket.push(scope, scope.direction(side), item),
            Self::Ignored | Self::Ended => {}
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Unknown(None) | Self::Ignored | Self::Ended => 0,
            Self::Unknown(Some(first)) => {
                size_of::<FirstBytes>() + first.iter().map(|bytes| bytes.len()).sum::<usize>()
            }
            Self::Seeking(sides) => {
                let held = sides.iter().map(Search::heap_bytes).sum::<usize>();
                size_of::<[Search; 2]>() + held
            }
            Self::Http(http) => size_of::<Http>() + http.heap_bytes(),
            Self::WebSocket(websocket) => size_of::<WebSocket>() + websocket.heap_bytes(),
        }
    }

    /// No more will come: tells what is left, and sums the connection up.
    pub(super) fn finish(&mut self, scope: &mut Scope<'_, '_>) -> ConnectionReport {
        let mut stage = std::mem::replace(self, Self::Ended);
        if let Self::Http(http) = &mut stage {
            http.finish(scope);
            if let Some(next) = http.next.take() {
                stage = next;
            }
        }
        let mut report = plain_report(scope);
        match stage {
            Self::WebSocket(websocket) => websocket.finish(scope, &mut report),
            Self::Http(_) if !scope.teller.is_websocket => {
                scope.driver.shared.summary.http_connections += 1;
            }
            _ => {}
        }
        report.anomalies = scope.teller.anomalies;
        report
    }

    fn ignore(&mut self, scope: &mut Scope<'_, '_>, why: Ignored) {
        let summary = &mut scope.driver.shared.summary;
        match why {
            Ignored::Tls => summary.tls_connections += 1,
            Ignored::Http2 => summary.http2_connections += 1,
            Ignored::Http if !scope.teller.is_websocket => summary.http_connections += 1,
            Ignored::Http | Ignored::Other => {}
        }
        scope.hide();
        *self = Self::Ignored;
    }

    /// Looks at the first bytes of a side.
    fn look(&mut self, scope: &mut Scope<'_, '_>, side: Side, item: StreamItem<'_>) {
        let Self::Unknown(first) = self else { return };
        let StreamItem::Chunk(chunk) = item else {
            let first = first.take().unwrap_or_default();
            return self.start_seeking(scope, &first, side, item);
        };
        let kept = first.as_mut().map(|first| &mut first[side.index()]);
        let joined: Vec<u8>;
        let bytes = match kept {
            Some(kept) if !kept.is_empty() => {
                joined = [&std::mem::take(kept)[..], chunk].concat();
                &joined
            }
            _ => chunk,
        };
        let sender = scope.flow.opener.map(|_| scope.direction(side));
        match Guess::of(bytes, sender) {
            Guess::Request => {
                scope.teller.client = Some(side);
                self.start_http(scope, side, bytes);
            }
            Guess::Response => {
                scope.teller.client = Some(side.other());
                self.start_http(scope, side, bytes);
            }
            Guess::Tls => self.ignore(scope, Ignored::Tls),
            Guess::Http2 => self.ignore(scope, Ignored::Http2),
            Guess::NotYet => first.get_or_insert_default()[side.index()] = bytes.into(),
            Guess::Other if sender.is_none() => {
                let first = first.take().unwrap_or_default();
                self.start_seeking(scope, &first, side, StreamItem::Chunk(bytes));
            }
            Guess::Other => self.ignore(scope, Ignored::Other),
        }
    }

    fn start_http(&mut self, scope: &mut Scope<'_, '_>, side: Side, bytes: &[u8]) {
        let other = match self {
            Self::Unknown(Some(first)) => std::mem::take(&mut first[side.other().index()]),
            _ => Box::default(),
        };
        *self = Self::Http(Box::new(Http::new()));
        for (side, bytes) in [(side.other(), &other[..]), (side, bytes)] {
            if !bytes.is_empty() {
                self.push(scope, side, StreamItem::Chunk(bytes));
            }
        }
    }

    fn start_seeking(
        &mut self,
        scope: &mut Scope<'_, '_>,
        first: &FirstBytes,
        side: Side,
        item: StreamItem<'_>,
    ) {
        let profile = Profile {
            max_bytes: scope.driver.config.limits.max_search_bytes,
            ..Profile::for_unknown()
        };
        let sides = [Search::new(profile), Search::new(profile)];
        *self = Self::Seeking(Box::new(sides));
        for (side, bytes) in [(Side::A, &first[0]), (Side::B, &first[1])] {
            if !bytes.is_empty() {
                self.push(scope, side, StreamItem::Chunk(bytes));
            }
        }
        self.push(scope, side, item);
    }

    /// Looks for a frame in the middle of a connection, or for the start of a request.
    fn seek(&mut self, scope: &mut Scope<'_, '_>, side: Side, item: StreamItem<'_>) {
        let Self::Seeking(sides) = self else { return };
        if let StreamItem::Chunk(bytes) = item {
            // A connection that is used for several requests may still be upgraded.
            let client = match Guess::of(bytes, None) {
                Guess::Request if begins_request_line(bytes) => Some(side),
                Guess::Response => Some(side.other()),
                _ => None,
            };
            if client.is_some() {
                scope.teller.client = client;
                return self.start_http(scope, side, bytes);
            }
        }
        // Other protocols have units with a type and a length as well; none masks them.
        let peer = &sides[side.other().index()].seeker;
        let no_client = peer.searched() > 0 && !peer.may_be_client();
        let own = &mut sides[side.index()];
        own.seeker.hold_unmasked(no_client);
        if let Some(found) = own.push(item, scope.at) {
            let [a, b] = std::mem::take(&mut **sides);
            let (own, other) = match side {
                Side::A => (a, b),
                Side::B => (b, a),
            };
            let mut pieces: Vec<_> = other.into_pieces(side.other()).collect();
            pieces.extend(own.of_found(found.pieces, found.skipped, side));
            self.found(scope, side, found.masked, pieces);
            return;
        }
        let limit = scope.driver.config.limits.max_search_bytes as u64;
        let [less, more] = {
            let [a, b] = sides.each_ref().map(|side| side.seeker.searched());
            [a.min(b), a.max(b)]
        };
        // One side may be in the middle of a long message; the other tells then.
        let is_hopeless = more > limit && (less == 0 || less > limit || more > limit * LONG_SEARCH);
        if is_hopeless {
            scope.driver.shared.summary.searches_given_up += 1;
            self.ignore(scope, Ignored::Other);
        }
    }

    /// A frame was found on `side`: goes on from there, and with what the other side sent,
    /// each piece at the packet that brought it.
    fn found(
        &mut self,
        scope: &mut Scope<'_, '_>,
        side: Side,
        masked: bool,
        mut pieces: Vec<(Moment, Side, Piece)>,
    ) {
        let client = if masked { side } else { side.other() };
        scope.teller.client = Some(client);
        let direction = scope.direction(side);
        let mut starts = [Start::OutOfStep; 2];
        starts[direction.index()] = Start::InMidStream;
        // What waited is told together with what is found in the packets between.
        let mut waited = scope.teller.take_opening();
        // Where events of later packets were told already, it is found now.
        let was_told = scope.teller.is_shown();
        let mut websocket = WebSocket::new(scope, None, None, starts);
        // Stable: those of one side stay in order.
        pieces.sort_by_key(|(at, _, _)| at.packet);
        let now = scope.at;
        for (at, side, piece) in &pieces {
            if !was_told {
                scope.tell_opening(&mut waited, at.packet);
                scope.at = *at;
            }
            websocket.push(scope, scope.direction(*side), piece.as_item());
        }
        scope.at = now;
        scope.tell_opening(&mut waited, u64::MAX);
        *self = Self::WebSocket(Box::new(websocket));
    }
}

/// The search in one side's bytes, and when they came.
#[derive(Debug)]
pub(super) struct Search {
    seeker: Seeker,
    /// Position behind the last byte.
    end: u64,
    /// Positions of the latest chunks, and when they came.
    arrivals: VecDeque<(u64, Moment)>,
}

/// How many times more than the limit is searched of one side where the other said little so
/// far.
const LONG_SEARCH: u64 = 16;

/// Chunks whose arrival is known. What came before counts as come with the oldest of them.
const MAX_ARRIVALS: usize = 4096;

impl Default for Search {
    fn default() -> Self {
        Self::new(Profile::for_unknown())
    }
}

impl Search {
    fn new(profile: Profile) -> Self {
        Self {
            seeker: Seeker::new(profile),
            end: 0,
            arrivals: VecDeque::new(),
        }
    }

    fn push(&mut self, item: StreamItem<'_>, at: Moment) -> Option<Found> {
        if self.arrivals.len() == MAX_ARRIVALS {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back((self.end, at));
        self.end += length(item);
        self.seeker.push(item)
    }

    fn heap_bytes(&self) -> usize {
        self.seeker.heap_bytes() + self.arrivals.capacity() * size_of::<(u64, Moment)>()
    }

    /// All that is kept, with when it came.
    fn into_pieces(self, side: Side) -> impl Iterator<Item = (Moment, Side, Piece)> {
        let Self {
            seeker,
            end,
            arrivals,
        } = self;
        let pieces: Vec<_> = seeker.into_pieces().collect();
        let kept: u64 = pieces.iter().map(|piece| length(piece.as_item())).sum();
        with_arrivals(pieces, end - kept, arrivals, side)
    }

    /// What was found from position `start` on, with when it came.
    fn of_found(
        self,
        pieces: Vec<Piece>,
        start: u64,
        side: Side,
    ) -> impl Iterator<Item = (Moment, Side, Piece)> {
        with_arrivals(pieces, start, self.arrivals, side)
    }
}

fn with_arrivals(
    pieces: Vec<Piece>,
    mut position: u64,
    arrivals: VecDeque<(u64, Moment)>,
    side: Side,
) -> impl Iterator<Item = (Moment, Side, Piece)> {
    pieces.into_iter().map(move |piece| {
        let after = arrivals.partition_point(|(start, _)| *start <= position);
        let arrival = arrivals.get(after.saturating_sub(1));
        let at = arrival.map_or(Moment::default(), |(_, at)| *at);
        position += length(piece.as_item());
        (at, side, piece)
    })
}

fn length(item: StreamItem<'_>) -> u64 {
    match item {
        StreamItem::Chunk(bytes) => bytes.len() as u64,
        StreamItem::Gap { len, .. } => len,
    }
}

/// What the first bytes of a side look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    Request,
    Response,
    Tls,
    Http2,
    Other,
    NotYet,
}

impl Guess {
    /// Judges the first bytes that were sent in a direction, if it is known.
    fn of(bytes: &[u8], sender: Option<Direction>) -> Self {
        const HTTP2: &[u8] = b"PRI * HTTP/2.0";
        let start = &bytes[..bytes.len().min(FIRST_BYTES)];
        let len = start.len().min(HTTP2.len());
        if sender != Some(Direction::ServerToClient) && start[..len] == HTTP2[..len] {
            return if len == HTTP2.len() {
                Self::Http2
            } else {
                Self::NotYet
            };
        }
        // What an HTTP/2 server says first: SETTINGS of stream 0 (RFC 9113 §3.4, §6.5).
        if let (Some(Direction::ServerToClient), [0, _, _, 4, 0, 0, 0, 0, 0, ..]) = (sender, start)
        {
            return Self::Http2;
        }
        // A TLS record: a content type, then version 3.x (RFC 8446 §5.1).
        match start {
            [20..=23, 3, 0..=4, ..] => return Self::Tls,
            [20..=23] | [20..=23, 3] => return Self::NotYet,
            _ => {}
        }
        let request = match sender {
            Some(Direction::ServerToClient) => Some(false),
            _ => Exchange::may_begin_request(start),
        };
        let response = match sender {
            Some(Direction::ClientToServer) => Some(false),
            _ => Exchange::may_begin_response(start),
        };
        match (request, response) {
            (Some(true), _) => Self::Request,
            (_, Some(true)) => Self::Response,
            (Some(false), Some(false)) => Self::Other,
            _ => Self::NotYet,
        }
    }
}

/// Whether the first line, as far as it is there, is a request line of HTTP/1.
fn begins_request_line(bytes: &[u8]) -> bool {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    line.windows(7).any(|part| part == b"HTTP/1.")
}

impl Http {
    fn new() -> Self {
        Self {
            exchange: Exchange::default(),
            waiting: VecDeque::new(),
            waiting_heap_bytes: 0,
            next: None,
            ended: None,
        }
    }

    fn heap_bytes(&self) -> usize {
        self.exchange.heap_bytes()
            + self.waiting.capacity() * size_of::<Option<Asked>>()
            + self.waiting_heap_bytes
            + self.next.as_ref().map_or(0, Stage::heap_bytes)
    }

    fn push(&mut self, scope: &mut Scope<'_, '_>, side: Side, item: StreamItem<'_>) {
        let limits = &scope.driver.config.limits;
        let direction = scope.direction(side);
        let mut exchange = std::mem::take(&mut self.exchange);
        exchange.push(direction, item, limits, &mut |item| {
            self.item(scope, item, direction);
        });
        let unanswered = direction == Direction::ClientToServer && exchange.holds_early_bytes();
        let server = scope.side(Direction::ServerToClient);
        if unanswered && !scope.flow.captured[server.index()] {
            // Nothing the server says was captured: its answer will not come.
            exchange.give_up_answer(limits, &mut |item| self.item(scope, item, direction));
        }
        self.exchange = exchange;
    }

    /// No more will come.
    fn finish(&mut self, scope: &mut Scope<'_, '_>) {
        // Where only the capture ended, the answer may have come later.
        let over = scope.flow.end != TcpEnd::Open;
        let limits = &scope.driver.config.limits;
        let mut exchange = std::mem::take(&mut self.exchange);
        if exchange.holds_early_bytes() {
            let direction = Direction::ClientToServer;
            exchange.give_up_answer(limits, &mut |item| self.item(scope, item, direction));
        } else if let (Some(asked), true) = (self.unanswered(), over) {
            let detail = format!(
                "no answer to {} {}",
                asked.head.line.method, asked.head.line.target
            );
            let side = scope.side(Direction::ServerToClient);
            scope.broken(side, Rule::UnansweredUpgrade, detail);
        }
    }

    /// The oldest request that waits and asks for an upgrade for certain, or was cut.
    fn unanswered(&self) -> Option<&Asked> {
        let mut asked = self.waiting.iter().flatten();
        asked.find(|asked| asked.means != Means::PerhapsUpgrade)
    }

    /// Takes what the exchange found while it read bytes of `reading`.
    fn item(&mut self, scope: &mut Scope<'_, '_>, item: HttpItem<'_>, reading: Direction) {
        match item {
            HttpItem::Request(head) => self.request(scope, head),
            HttpItem::Response { head, expected } => self.response(scope, &head, expected),
            HttpItem::AnswerLost => {
                let asked = self.unanswered().is_some();
                self.waiting.clear();
                self.waiting_heap_bytes = 0;
                self.next = Some(if asked {
                    let starts = [Start::PerhapsInStep, Start::OutOfStep];
                    let websocket = WebSocket::new(scope, None, None, starts);
                    Stage::WebSocket(Box::new(websocket))
                } else {
                    Stage::default()
                });
            }
            HttpItem::AnswersLost(count) => {
                for _ in 0..count {
                    self.answered();
                }
            }
            HttpItem::Switched(direction, item) => {
                let side = scope.side(direction);
                let early = direction == Direction::ClientToServer
                    && reading == Direction::ServerToClient
                    && matches!(self.next, Some(Stage::WebSocket(_)));
                if early {
                    let detail = "bytes were sent before the answer was captured";
                    scope.broken(side, Rule::DataBeforeHandshake, detail.to_owned());
                }
                if self.ended.is_none() {
                    // Behind a CONNECT nothing is known of what comes.
                    let next = self.next.get_or_insert_default();
                    next.push(scope, side, item);
                }
            }
            HttpItem::Malformed(direction, why) => {
                let detail = format!("a head with {}", why.0);
                self.give_up(scope, direction, Rule::MalformedHead, detail);
            }
            HttpItem::EarlyLimit => scope.driver.shared.summary.answers_given_up += 1,
            HttpItem::HeadTooLong(direction) => {
                // Where WebSocket was asked for, a rule says it.
                scope.driver.shared.summary.heads_too_long += u64::from(!scope.teller.is_websocket);
                let limit = scope.driver.config.limits.max_head_bytes;
                let detail = format!("more than {limit} bytes");
                self.give_up(scope, direction, Rule::HeadLimit, detail);
            }
        }
    }

    fn give_up(
        &mut self,
        scope: &mut Scope<'_, '_>,
        direction: Direction,
        rule: Rule,
        detail: String,
    ) {
        // Of a connection where no WebSocket was asked for, nobody wants to know.
        if scope.teller.is_websocket {
            scope.broken(scope.side(direction), rule, detail);
        }
        self.ended = Some(Ignored::Http);
    }

    fn request(&mut self, scope: &mut Scope<'_, '_>, head: RequestHead) {
        let side = scope.side(Direction::ClientToServer);
        let means = Means::of(&head);
        let is_upgrade = means == Some(Means::Upgrade);
        if is_upgrade {
            self.asks_for(scope, &head);
        }
        scope.tell(side, EventKind::Request(&head));
        if is_upgrade {
            handshake::check_request(&head, &mut |anomaly| scope.anomaly(side, &anomaly));
        }
        let at = scope.at;
        let asked = means.map(|means| Asked { head, at, means });
        self.waiting_heap_bytes += asked.as_ref().map_or(0, Asked::heap_bytes);
        self.waiting.push_back(asked);
        if self.waiting.len() > MAX_WAITING {
            self.answered();
        }
    }

    /// The connection is about WebSocket from here on.
    fn asks_for(&self, scope: &mut Scope<'_, '_>, request: &RequestHead) {
        scope.teller.url = Some(url(request));
        if self.next.is_none() {
            scope.teller.outcome = UpgradeOutcome::Unanswered;
        }
        scope.show();
    }

    /// Takes the oldest request that waits, if it may be an upgrade request.
    fn answered(&mut self) -> Option<Asked> {
        let asked = self.waiting.pop_front().flatten();
        self.waiting_heap_bytes -= asked.as_ref().map_or(0, Asked::heap_bytes);
        asked
    }

    fn response(&mut self, scope: &mut Scope<'_, '_>, head: &ResponseHead, expected: bool) {
        let side = scope.side(Direction::ServerToClient);
        let interim = matches!(head.line.status, 100..=199) && head.line.status != 101;
        let asked = if interim { None } else { self.answered() };
        let asked_websocket = asked
            .as_ref()
            .is_some_and(|asked| asked.means == Means::Upgrade && !asked.head.truncated);
        let is_websocket =
            head.line.status == 101 && (asked_websocket || handshake::is_upgrade_response(head));
        if is_websocket {
            self.upgraded(scope, head, asked.as_ref());
            return;
        }
        let asked = asked.filter(|asked| asked.means == Means::Upgrade);
        let upgrade = asked.as_ref().map(|asked| Upgrade::Refused {
            after: scope.at.time.saturating_since(asked.at.time),
        });
        if upgrade.is_some() {
            scope.teller.outcome = UpgradeOutcome::Refused(head.line.status);
        }
        scope.tell(side, EventKind::Response { head, upgrade });
        if let Some(asked) = asked {
            handshake::check_refusal(&asked.head, head, &mut |anomaly| {
                scope.anomaly(side, &anomaly);
            });
        }
        if !expected && scope.teller.is_websocket {
            let detail = format!("status {}", head.line.status);
            scope.broken(side, Rule::UnexpectedResponse, detail);
        }
        if head.line.status == 101 {
            // Another protocol than WebSocket.
            self.ended = Some(Ignored::Http);
        }
    }

    fn upgraded(&mut self, scope: &mut Scope<'_, '_>, head: &ResponseHead, asked: Option<&Asked>) {
        scope.show();
        let side = scope.side(Direction::ServerToClient);
        let request = asked.map(|asked| &asked.head);
        if let Some(asked) = asked.filter(|asked| asked.means == Means::PerhapsUpgrade) {
            // Only now is it known that it was meant as an upgrade request.
            self.asks_for(scope, &asked.head);
            let client = scope.side(Direction::ClientToServer);
            handshake::check_request(&asked.head, &mut |anomaly| {
                scope.anomaly(client, &anomaly);
            });
        }
        let mut anomalies = Vec::new();
        let agreement =
            handshake::check_response(request, head, &mut |anomaly| anomalies.push(anomaly));
        scope.teller.subprotocol.clone_from(&agreement.subprotocol);
        let after = asked.map(|asked| scope.at.time.saturating_since(asked.at.time));
        let upgrade = Upgrade::Accepted {
            agreement: &agreement,
            after,
        };
        scope.tell(
            side,
            EventKind::Response {
                head,
                upgrade: Some(upgrade),
            },
        );
        for anomaly in anomalies {
            scope.anomaly(side, &anomaly);
        }
        let start = |cut: bool| {
            if cut {
                Start::AfterCutHead
            } else {
                Start::InStep
            }
        };
        let starts = [
            // Without its request, the client's bytes may begin anywhere.
            start(request.is_none_or(|request| request.truncated)),
            start(head.truncated),
        ];
        let known = (!head.truncated).then_some(agreement);
        let websocket = WebSocket::new(scope, known, after, starts);
        self.next = Some(Stage::WebSocket(Box::new(websocket)));
    }
}

/// Requests that wait for their response; as many as the exchange remembers.
const MAX_WAITING: usize = 1024;

/// The `ws://` address that a request asks for.
fn url(request: &RequestHead) -> String {
    let (authority, path) = request.authority_and_path();
    format!("ws://{}{path}", authority.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ClientToServer, ServerToClient};

    #[test]
    fn the_first_bytes_tell_the_protocol() {
        let table: [(&[u8], Option<Direction>, Guess); 14] = [
            (b"GET / HTTP/1.1\r\n", Some(ClientToServer), Guess::Request),
            (b"GET / HTTP/1.1\r\n", None, Guess::Request),
            (b"GET / HTTP/1.1\r\n", Some(ServerToClient), Guess::Other),
            (b"GE", Some(ClientToServer), Guess::NotYet),
            (b"HTTP/1.1 101 ", Some(ServerToClient), Guess::Response),
            (b"HTTP/1.1 101 ", None, Guess::Response),
            (b"HTTP/", Some(ServerToClient), Guess::NotYet),
            (
                b"\x16\x03\x01\x02\x00\x01",
                Some(ClientToServer),
                Guess::Tls,
            ),
            (b"\x16", Some(ClientToServer), Guess::NotYet),
            (b"\x17\x03\x03\x00\x20", None, Guess::Tls),
            (
                b"PRI * HTTP/2.0\r\n\r\n",
                Some(ClientToServer),
                Guess::Http2,
            ),
            (
                b"\0\0\x06\x04\0\0\0\0\0\0\x03",
                Some(ServerToClient),
                Guess::Http2,
            ),
            (b"SSH-2.0-x\r\n", Some(ServerToClient), Guess::Other),
            (b"220 mail ready\r\n", Some(ServerToClient), Guess::Other),
        ];
        for (bytes, sender, expected) in table {
            assert_eq!(
                Guess::of(bytes, sender),
                expected,
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    #[test]
    fn only_a_request_line_makes_a_chunk_in_mid_stream_a_request() {
        assert!(begins_request_line(b"GET /a HTTP/1.1\r\nHost: x\r\n"));
        assert!(!begins_request_line(b"RETR x\r\nHTTP/1.1"));
    }
}

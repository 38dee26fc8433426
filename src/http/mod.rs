//! HTTP/1.1 on one connection, as far as it takes to see it become another protocol
//! (RFC 9112, RFC 9110 §7.8 Upgrade and §9.3.6 CONNECT).
//!
//! An [`Exchange`] takes the bytes of both directions and gives heads. Content is passed
//! over, not kept. After a response that switches protocols, bytes pass through as
//! [`HttpItem::Switched`]. Which protocol that is, this layer does not know.

mod body;
mod head;

use std::collections::VecDeque;

use crate::flow::{Direction, GapCause, StreamItem};
use crate::limits::Limits;

use body::Body;
pub use head::{
    Head, Headers, MalformedHead, RequestHead, RequestLine, ResponseHead, StatusLine, is_token,
    parts_outside_quotes, split_outside_quotes,
};

/// What an [`Exchange`] finds.
#[derive(Debug)]
pub enum HttpItem<'a> {
    /// Head of a request.
    Request(RequestHead),
    /// Head of a response; `expected` is false when no request was seen that it answers.
    Response {
        /// The head.
        head: ResponseHead,
        /// A request was waiting for it.
        expected: bool,
    },
    /// The answer to a request that may switch protocols was not captured: both directions
    /// are handed on as if it had agreed. The server's may begin in the middle.
    AnswerLost,
    /// The client sent more behind such a request than is kept: the answer is taken as lost.
    EarlyLimit,
    /// The answers to so many requests, the oldest, were not captured. None of them switched
    /// protocols, since the client went on with HTTP.
    AnswersLost(usize),
    /// Bytes of the next protocol.
    Switched(Direction, StreamItem<'a>),
    /// These bytes are no HTTP; nothing more is read from the exchange.
    Malformed(Direction, MalformedHead),
    /// The head is longer than the limit; nothing more is read from the exchange.
    HeadTooLong(Direction),
}

/// One connection's requests and responses.
#[derive(Debug, Default)]
pub struct Exchange {
    client: Reader,
    server: Reader,
    /// Requests that wait for their response, oldest first.
    waiting: VecDeque<Waiting>,
    /// Bytes of the direction belong to the next protocol: client's, server's. The server's
    /// alone when its answer was captured before the request.
    switched: [bool; 2],
    dead: bool,
    /// What the client sent behind a request that may switch protocols.
    early: Vec<Early>,
    early_len: usize,
    /// What the bytes in `early` take.
    early_heap_bytes: usize,
}

/// Something that waits for the answer to the request before it.
#[derive(Debug)]
enum Early {
    Bytes(Vec<u8>),
    Gap { len: u64, cause: GapCause },
}

impl Early {
    fn as_item(&self) -> StreamItem<'_> {
        match self {
            Self::Bytes(bytes) => StreamItem::Chunk(bytes),
            Self::Gap { len, cause } => StreamItem::Gap {
                len: *len,
                cause: *cause,
            },
        }
    }
}

/// What a request means for its response.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    is_head: bool,
    is_connect: bool,
    may_switch: bool,
}

/// One direction's place.
#[derive(Debug)]
struct Reader {
    state: State,
    /// The start of a head.
    held: Vec<u8>,
    /// How much of `held` was searched for the end of the head.
    searched: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Body(Body),
    /// The last request may switch protocols: what follows it waits for the response.
    Paused,
    /// Out of step; a chunk that begins like a head brings it back.
    Lost,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            state: State::Head,
            held: Vec::new(),
            searched: 0,
        }
    }
}

/// What a held piece costs beside its bytes.
const EARLY_OVERHEAD: usize = 64;

/// Requests sent ahead of their responses. No client has more in flight; the oldest is
/// forgotten.
const MAX_WAITING: usize = 1024;

impl Exchange {
    /// Whether bytes of a client may begin an HTTP/1 request. `None` when too few are there.
    pub fn may_begin_request(bytes: &[u8]) -> Option<bool> {
        let token = bytes
            .iter()
            .take(MAX_METHOD + 1)
            .take_while(|b| b.is_ascii_uppercase() || **b == b'-' || **b == b'_')
            .count();
        match bytes.get(token) {
            _ if token > MAX_METHOD => Some(false),
            Some(b' ') => Some(token > 0),
            Some(_) => Some(false),
            None => None,
        }
    }

    /// Whether bytes of a server may begin an HTTP/1 response. `None` when too few are there.
    pub fn may_begin_response(bytes: &[u8]) -> Option<bool> {
        const START: &[u8] = b"HTTP/1.";
        let len = bytes.len().min(START.len());
        let alike = bytes[..len] == START[..len];
        (len == START.len() || !alike).then_some(alike)
    }

    /// Whether both directions belong to the next protocol.
    pub fn is_switched(&self) -> bool {
        self.switched == [true; 2]
    }

    /// Whether a request that may switch protocols waits for its answer.
    pub fn awaits_switch(&self) -> bool {
        !self.is_switched() && self.waiting.iter().any(|request| request.may_switch)
    }

    /// Whether the client sent bytes behind such a request already.
    pub fn holds_early_bytes(&self) -> bool {
        !self.early.is_empty()
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.client.held.capacity()
            + self.server.held.capacity()
            + self.waiting.capacity() * size_of::<Waiting>()
            + self.early.capacity() * size_of::<Early>()
            + self.early_heap_bytes
    }

    /// Takes the answer that is waited for as lost: hands on what the client sent behind
    /// the request, unless that is another request.
    pub fn give_up_answer(&mut self, limits: &Limits, emit: &mut dyn FnMut(HttpItem<'_>)) {
        let refused = self.skip_refused(limits, emit);
        if !refused || self.holds_early_bytes() {
            emit(HttpItem::AnswerLost);
            self.switch(emit);
        }
    }

    /// Where what the client sent behind a request begins another one, its answer, which was
    /// not captured, did not switch: goes on with HTTP. Says whether it was so. A tunnel that
    /// CONNECT opens may begin with a request.
    fn skip_refused(&mut self, limits: &Limits, emit: &mut dyn FnMut(HttpItem<'_>)) -> bool {
        let is_connect = |request: &Waiting| request.is_connect;
        let is_request = match self.early.first() {
            Some(Early::Bytes(bytes)) => Self::may_begin_request(bytes) == Some(true),
            _ => false,
        };
        if !is_request || self.waiting.back().is_none_or(is_connect) {
            return false;
        }
        emit(HttpItem::AnswersLost(self.waiting.len()));
        self.waiting.clear();
        self.go_on(limits, emit);
        true
    }

    /// The protocol stays: what waited behind a request is the next one.
    fn go_on(&mut self, limits: &Limits, emit: &mut dyn FnMut(HttpItem<'_>)) {
        self.client.state = State::Head;
        for early in self.take_early() {
            self.push(Direction::ClientToServer, early.as_item(), limits, emit);
        }
    }

    /// Takes the next bytes or gap of one direction.
    pub fn push(
        &mut self,
        direction: Direction,
        item: StreamItem<'_>,
        limits: &Limits,
        emit: &mut dyn FnMut(HttpItem<'_>),
    ) {
        if self.dead {
            return;
        }
        if self.switched[direction.index()] {
            emit(HttpItem::Switched(direction, item));
            return;
        }
        match item {
            StreamItem::Chunk(bytes) => self.chunk(direction, bytes, limits, emit),
            StreamItem::Gap { len, cause } => self.gap(direction, len, cause, limits, emit),
        }
    }

    fn reader(&mut self, direction: Direction) -> &mut Reader {
        match direction {
            Direction::ClientToServer => &mut self.client,
            Direction::ServerToClient => &mut self.server,
        }
    }

    fn chunk(
        &mut self,
        direction: Direction,
        mut bytes: &[u8],
        limits: &Limits,
        emit: &mut dyn FnMut(HttpItem<'_>),
    ) {
        let is_lost = self.reader(direction).state == State::Lost;
        if is_lost && !self.regain(direction, bytes, limits, emit) {
            return;
        }
        while !bytes.is_empty() && !self.dead {
            if self.switched[direction.index()] {
                emit(HttpItem::Switched(direction, StreamItem::Chunk(bytes)));
                return;
            }
            let reader = self.reader(direction);
            match &mut reader.state {
                State::Lost => return,
                State::Paused => {
                    if let Some(Early::Bytes(early)) = self.early.last_mut() {
                        let before = early.capacity();
                        early.extend_from_slice(bytes);
                        self.early_heap_bytes += early.capacity() - before;
                    } else {
                        self.early.push(Early::Bytes(bytes.to_vec()));
                        self.early_heap_bytes += bytes.len();
                    }
                    // A gap before each piece would otherwise have no limit.
                    self.early_len += bytes.len() + EARLY_OVERHEAD;
                    if self.early_len > limits.max_early_bytes {
                        emit(HttpItem::EarlyLimit);
                        self.give_up_answer(limits, emit);
                    }
                    return;
                }
                State::Body(body) => match body.consume(bytes) {
                    Some(rest) => {
                        bytes = rest;
                        self.message_ended(direction);
                    }
                    None => return,
                },
                State::Head => match self.head(direction, bytes, limits, emit) {
                    Some(rest) => bytes = rest,
                    None => return,
                },
            }
        }
    }

    /// Reads a head; gives back what is behind it, or `None` when all was taken.
    fn head<'a>(
        &mut self,
        direction: Direction,
        mut bytes: &'a [u8],
        limits: &Limits,
        emit: &mut dyn FnMut(HttpItem<'_>),
    ) -> Option<&'a [u8]> {
        let answered = self.switched[Direction::ServerToClient.index()];
        let reader = self.reader(direction);
        if reader.held.is_empty() {
            // Empty lines before a request are ignored (RFC 9112 §2.2).
            let blank = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n'));
            bytes = &bytes[blank.count()..];
        }
        let before = reader.held.len();
        reader.held.extend_from_slice(bytes);
        let like_head = match direction {
            Direction::ClientToServer => Self::may_begin_request(&reader.held),
            Direction::ServerToClient => Self::may_begin_response(&reader.held),
        };
        if like_head == Some(false) && answered {
            // The request that was answered is missing.
            let held = std::mem::take(&mut reader.held);
            self.switched = [true; 2];
            emit(HttpItem::Switched(direction, StreamItem::Chunk(&held)));
            return None;
        }
        if like_head == Some(false) {
            self.malformed(direction, MalformedHead("bytes that begin no head"), emit);
            return None;
        }
        let Some(len) = head::head_len(&reader.held, reader.searched) else {
            reader.searched = reader.held.len();
            if reader.held.len() > limits.max_head_bytes {
                self.dead = true;
                emit(HttpItem::HeadTooLong(direction));
            }
            return None;
        };
        if len > limits.max_head_bytes {
            self.dead = true;
            emit(HttpItem::HeadTooLong(direction));
            return None;
        }
        let mut held = std::mem::take(&mut reader.held);
        reader.searched = 0;
        held.truncate(len);
        match direction {
            Direction::ClientToServer => match head::parse_request(&held) {
                Ok(request) => self.request(request, emit),
                Err(error) => self.malformed(direction, error, emit),
            },
            Direction::ServerToClient => match head::parse_response(&held) {
                Ok(response) => self.response(response, limits, emit),
                Err(error) => self.malformed(direction, error, emit),
            },
        }
        Some(&bytes[len - before..])
    }

    fn malformed(
        &mut self,
        direction: Direction,
        error: MalformedHead,
        emit: &mut dyn FnMut(HttpItem<'_>),
    ) {
        self.dead = true;
        emit(HttpItem::Malformed(direction, error));
    }

    fn request(&mut self, head: RequestHead, emit: &mut dyn FnMut(HttpItem<'_>)) {
        if self.switched[Direction::ServerToClient.index()] {
            // Its answer was captured before it.
            self.switched = [true; 2];
            emit(HttpItem::Request(head));
            return;
        }
        let is_connect = head.line.method == "CONNECT";
        if self.waiting.len() == MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting {
            is_head: head.line.method == "HEAD",
            is_connect,
            may_switch: is_connect || head.asks_for_upgrade() || head.truncated,
        });
        self.client.state = State::Body(if is_connect || head.truncated {
            Body::Length(0)
        } else {
            Body::of_request(&head.headers)
        });
        emit(HttpItem::Request(head));
        self.skip_empty_body(Direction::ClientToServer);
    }

    fn response(
        &mut self,
        head: ResponseHead,
        limits: &Limits,
        emit: &mut dyn FnMut(HttpItem<'_>),
    ) {
        if head.line.status == 101 {
            self.skip_refused(limits, emit);
        }
        let request = self.waiting.front().copied();
        let interim = matches!(head.line.status, 100..=199) && head.line.status != 101;
        if !interim {
            self.waiting.pop_front();
        }
        let connected =
            request.is_some_and(|r| r.is_connect) && matches!(head.line.status, 200..=299);
        let switches = head.line.status == 101 || connected;
        let to_head = request.is_some_and(|request| request.is_head);
        self.server.state = State::Body(if head.truncated {
            Body::Length(0)
        } else {
            Body::of_response(&head, to_head)
        });
        emit(HttpItem::Response {
            head,
            expected: request.is_some(),
        });
        self.skip_empty_body(Direction::ServerToClient);
        if switches && (request.is_some() || self.client.state == State::Lost) {
            self.switch(emit);
        } else if switches {
            self.switched[Direction::ServerToClient.index()] = true;
        } else if self.client.state == State::Paused && !interim {
            self.go_on(limits, emit);
        }
    }

    /// From here on both directions belong to the next protocol.
    fn switch(&mut self, emit: &mut dyn FnMut(HttpItem<'_>)) {
        self.switched = [true; 2];
        for early in self.take_early() {
            let item = early.as_item();
            emit(HttpItem::Switched(Direction::ClientToServer, item));
        }
    }

    fn take_early(&mut self) -> Vec<Early> {
        self.early_len = 0;
        self.early_heap_bytes = 0;
        std::mem::take(&mut self.early)
    }

    fn skip_empty_body(&mut self, direction: Direction) {
        if self.reader(direction).state == State::Body(Body::Length(0)) {
            self.message_ended(direction);
        }
    }

    fn message_ended(&mut self, direction: Direction) {
        let may_switch = self
            .waiting
            .back()
            .is_some_and(|request| request.may_switch);
        let pause = direction == Direction::ClientToServer && may_switch;
        self.reader(direction).state = if pause { State::Paused } else { State::Head };
    }

    fn gap(
        &mut self,
        direction: Direction,
        len: u64,
        cause: GapCause,
        limits: &Limits,
        emit: &mut dyn FnMut(HttpItem<'_>),
    ) {
        let reader = self.reader(direction);
        match &mut reader.state {
            State::Body(body) => {
                if !body.skip(len) {
                    reader.state = State::Lost;
                } else if *body == Body::Length(0) {
                    self.message_ended(direction);
                }
            }
            State::Head => {
                let start = std::mem::take(&mut reader.held);
                reader.searched = 0;
                reader.state = State::Lost;
                self.truncated_head(direction, &start, limits, emit);
                if self.switched[Direction::ServerToClient.index()] {
                    self.switched = [true; 2];
                    let gap = StreamItem::Gap { len, cause };
                    emit(HttpItem::Switched(direction, gap));
                }
            }
            State::Paused => match self.early.last_mut() {
                Some(Early::Gap { len: before, .. }) => *before += len,
                _ => self.early.push(Early::Gap { len, cause }),
            },
            State::Lost => {}
        }
    }

    /// Makes what it can of a head whose end is missing.
    fn truncated_head(
        &mut self,
        direction: Direction,
        start: &[u8],
        limits: &Limits,
        emit: &mut dyn FnMut(HttpItem<'_>),
    ) {
        match direction {
            Direction::ClientToServer => {
                if let Some(head) = head::parse_truncated_request(start) {
                    self.request(head, emit);
                }
            }
            Direction::ServerToClient => {
                if let Some(head) = head::parse_truncated_response(start) {
                    self.response(head, limits, emit);
                    if !self.switched[direction.index()] {
                        self.server.state = State::Lost;
                    }
                }
            }
        }
    }

    /// Whether a direction that is out of step may go on with `bytes`.
    fn regain(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        limits: &Limits,
        emit: &mut dyn FnMut(HttpItem<'_>),
    ) -> bool {
        let like_head = match direction {
            Direction::ClientToServer => Self::may_begin_request(bytes),
            Direction::ServerToClient => Self::may_begin_response(bytes),
        };
        if like_head == Some(true) {
            self.reader(direction).state = State::Head;
            return true;
        }
        if direction == Direction::ServerToClient && self.awaits_switch() {
            self.give_up_answer(limits, emit);
            if self.is_switched() {
                emit(HttpItem::Switched(direction, StreamItem::Chunk(bytes)));
            }
        }
        false
    }
}

/// Longer than any registered method (IANA HTTP methods).
const MAX_METHOD: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ClientToServer, ServerToClient};

    /// Runs a script of both directions' bytes in pieces of `size`; one line per item, with
    /// switched bytes joined.
    fn run(script: &[(Direction, &str)], size: usize) -> Vec<String> {
        let mut exchange = Exchange::default();
        let limits = Limits {
            max_head_bytes: 100,
            max_early_bytes: 10_000,
            ..Limits::default()
        };
        let mut lines: Vec<String> = Vec::new();
        for (direction, bytes) in script {
            let items: Vec<_> = match bytes.strip_prefix("gap ") {
                Some(len) => vec![StreamItem::Gap {
                    len: len.parse().unwrap_or(0),
                    cause: GapCause::NotCaptured,
                }],
                None => bytes
                    .as_bytes()
                    .chunks(size)
                    .map(StreamItem::Chunk)
                    .collect(),
            };
            for item in items {
                exchange.push(*direction, item, &limits, &mut |item| match item {
                    HttpItem::Request(head) => {
                        lines.push(format!("{} {}", head.line.method, head.line.target));
                    }
                    HttpItem::Response { head, expected } => {
                        let mark = if expected { "" } else { " unexpected" };
                        lines.push(format!("{}{mark}", head.line.status));
                    }
                    HttpItem::Switched(direction, StreamItem::Chunk(bytes)) => {
                        let arrow = if direction == ClientToServer {
                            '>'
                        } else {
                            '<'
                        };
                        let text = String::from_utf8_lossy(bytes);
                        match lines.last_mut() {
                            Some(last) if last.starts_with(arrow) => last.push_str(&text),
                            _ => lines.push(format!("{arrow}{text}")),
                        }
                    }
                    HttpItem::Switched(_, StreamItem::Gap { len, .. }) => {
                        lines.push(format!("gap {len}"));
                    }
                    HttpItem::AnswerLost => lines.push("answer lost".to_owned()),
                    HttpItem::AnswersLost(count) => lines.push(format!("{count} answers lost")),
                    HttpItem::Malformed(_, why) => lines.push(format!("malformed: {}", why.0)),
                    HttpItem::HeadTooLong(_) => lines.push("too long".to_owned()),
                    HttpItem::EarlyLimit => lines.push("too much".to_owned()),
                });
            }
        }
        lines
    }

    fn check(script: &[(Direction, &str)], expected: &[&str]) {
        for size in [1, 2, 3, 7, 4096] {
            assert_eq!(run(script, size), expected, "pieces of {size}");
        }
    }

    const UPGRADE: &str = "GET /up HTTP/1.1\r\nUpgrade: x\r\n\r\n";
    const SWITCHING: &str = "HTTP/1.1 101 \r\nUpgrade: x\r\n\r\n";

    #[test]
    fn bytes_behind_a_101_belong_to_the_next_protocol() {
        check(
            &[
                (ClientToServer, UPGRADE),
                (ServerToClient, &format!("{SWITCHING}hello")),
                (ClientToServer, "hi"),
            ],
            &["GET /up", "101", "<hello", ">hi"],
        );
    }

    #[test]
    fn bytes_sent_before_the_101_was_seen_wait_for_it() {
        check(
            &[
                (ClientToServer, &format!("{UPGRADE}early")),
                (ServerToClient, SWITCHING),
            ],
            &["GET /up", "101", ">early"],
        );
    }

    #[test]
    fn requests_with_content_may_come_before_the_upgrade() {
        check(
            &[
                (
                    ClientToServer,
                    "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nGET",
                ),
                (ServerToClient, "HTTP/1.1 100 \r\n\r\n"),
                (
                    ServerToClient,
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHT",
                ),
                (ClientToServer, "HEAD /b HTTP/1.1\r\n\r\n"),
                (
                    ServerToClient,
                    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
                ),
                (
                    ClientToServer,
                    "PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n",
                ),
                (ServerToClient, "HTTP/1.1 204 \r\n\r\n"),
                (ClientToServer, UPGRADE),
                (ServerToClient, &format!("{SWITCHING}!")),
            ],
            &[
                "POST /a", "100", "200", "HEAD /b", "200", "PUT /c", "204", "GET /up", "101", "<!",
            ],
        );
    }

    #[test]
    fn a_refused_upgrade_leaves_the_connection_to_http() {
        check(
            &[
                (ClientToServer, UPGRADE),
                (
                    ServerToClient,
                    "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno",
                ),
                (ClientToServer, "GET /two HTTP/1.1\r\n\r\n"),
                (
                    ServerToClient,
                    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                ),
            ],
            &["GET /up", "401", "GET /two", "200"],
        );
    }

    #[test]
    fn a_connect_that_succeeds_opens_a_tunnel() {
        check(
            &[
                (ClientToServer, "CONNECT h:80 HTTP/1.1\r\n\r\n"),
                (ServerToClient, "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n"),
                (ClientToServer, "GET"),
            ],
            &["CONNECT h:80", "200", ">GET"],
        );
    }

    #[test]
    fn a_response_that_no_request_asked_for_is_read_all_the_same() {
        check(
            &[(ServerToClient, &format!("{SWITCHING}a"))],
            &["101 unexpected", "<a"],
        );
    }

    #[test]
    fn an_answer_may_be_captured_before_its_request() {
        check(
            &[
                (ServerToClient, &format!("{SWITCHING}a")),
                (ClientToServer, &format!("{UPGRADE}b")),
                (ServerToClient, "c"),
            ],
            &["101 unexpected", "<a", "GET /up", ">b", "<c"],
        );
        let script = [(ServerToClient, SWITCHING), (ClientToServer, "\x01\x02")];
        assert_eq!(run(&script, 99), ["101 unexpected", ">\x01\x02"]);
    }

    #[test]
    fn a_head_whose_end_is_missing_is_read_as_far_as_it_goes() {
        let script = [
            (ClientToServer, "GET /up HTTP/1.1\r\nUpgr"),
            (ClientToServer, "gap 20"),
            (ServerToClient, "HTTP/1.1 101 Swi"),
            (ServerToClient, "gap 30"),
            (ServerToClient, "abc"),
        ];
        check(&script, &["GET /up", "101", "gap 30", "<abc"]);
    }

    #[test]
    fn a_lost_answer_is_taken_for_agreement() {
        let script = [
            (ClientToServer, UPGRADE),
            (ServerToClient, "gap 129"),
            (ClientToServer, "early"),
            (ServerToClient, "frames"),
        ];
        assert_eq!(
            run(&script, 99),
            ["GET /up", "answer lost", ">early", "<frames"]
        );
    }

    #[test]
    fn a_request_behind_an_upgrade_shows_that_the_lost_answer_refused() {
        let again = [
            (ClientToServer, UPGRADE),
            (ServerToClient, "gap 79"),
            (ClientToServer, "GET /again HTTP/1.1\r\nUpgrade: x\r\n\r\n"),
            (ServerToClient, SWITCHING),
            (ClientToServer, "frames"),
        ];
        let expected = ["GET /up", "1 answers lost", "GET /again", "101", ">frames"];
        assert_eq!(run(&again, 99), expected);
        let both_lost = [
            again[0],
            again[2],
            again[4],
            (ServerToClient, "gap 150"),
            (ServerToClient, "frames"),
        ];
        let expected = [
            "GET /up",
            "1 answers lost",
            "GET /again",
            "answer lost",
            ">frames",
            "<frames",
        ];
        assert_eq!(run(&both_lost, 99), expected);
        let tunnel = [
            (ClientToServer, "CONNECT h:80 HTTP/1.1\r\n\r\n"),
            again[2],
            (ServerToClient, "gap 40"),
            (ServerToClient, "in the tunnel"),
        ];
        let told = run(&tunnel, 99);
        assert_eq!(told[..2], ["CONNECT h:80", "answer lost"]);
        assert!(told[2].starts_with(">GET /again"));
    }

    #[test]
    fn what_is_no_http_ends_the_exchange() {
        check(
            &[(ClientToServer, "EHLO x y z\r\n\r\n")],
            &["malformed: no HTTP/1 start line"],
        );
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(200));
        check(&[(ClientToServer, &long)], &["too long"]);
    }

    #[test]
    fn the_first_bytes_tell_http_from_others() {
        let request = Exchange::may_begin_request;
        assert_eq!(request(b"GET /"), Some(true));
        assert_eq!(request(b"M-SEARCH *"), Some(true));
        assert_eq!(request(b"GE"), None);
        assert_eq!(request(b"SSH-2.0-x"), Some(false));
        assert_eq!(request(b" GET"), Some(false));
        assert_eq!(request(b"\x16\x03\x01"), Some(false));
        let response = Exchange::may_begin_response;
        assert_eq!(response(b"HTTP/1.1 200"), Some(true));
        assert_eq!(response(b"HTT"), None);
        assert_eq!(response(b"220 mail"), Some(false));
    }
}

//! What connections hold: what wsdump counts of it is what was allocated, and stays below the
//! limit.
//!
//! Each kind of load is a function that feeds one connection, which then stays open and holds
//! much of one thing.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use peak_alloc::PeakAlloc;
use support::{Client, Deflater, Server, Tcp, Upgrade, binary, cont, frame, ping, text};
use wsdump::event::Event;
use wsdump::{Analyzer, Config, Limits};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The allocator counts for the whole process, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;

/// What an analyzer takes whatever the connections: tables of the decoder, the list of
/// connections that are not decided yet; and what the test harness allocates meanwhile.
const FIXED: usize = 128 << 10;

/// Connection `number`, and how it is fed.
type Load = fn(&mut Meter, Tcp, usize);

/// Each kind of load with the number of connections that hold some 8 MiB of it.
const LOADS: &[(&str, usize, Load)] = &[
    ("SYNs only", 6_400, syn),
    ("requests that nobody answers", 3_900, unanswered),
    ("heads of 60 KiB without an end", 90, endless_head),
    ("heads of many short fields", 16, short_fields),
    ("bytes behind the request", 46, early_bytes),
    ("requests for no WebSocket", 370, other_requests),
    ("short segments that wait", 63, short_segments),
    ("long segments that wait", 27, long_segments),
    ("bytes that nobody acknowledges", 57, unacknowledged),
    ("large messages", 10, large_messages),
    ("compressed messages", 35, compressed),
    ("frames of no message", 25, frames_of_no_message),
    ("pings", 390, pings),
    ("the middle of another protocol", 60, middle),
    ("bytes out of step", 30, out_of_step),
];

/// An analyzer, and what it allocates.
struct Meter {
    analyzer: Analyzer,
    /// Bytes that are allocated now.
    live: usize,
    /// The most that were, after any packet and while one was looked at.
    most: usize,
    peak: usize,
    _turn: MutexGuard<'static, ()>,
}

impl Meter {
    fn new(max_memory: usize) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let before = ALLOCATOR.current_usage();
        let analyzer = Analyzer::new(Config {
            limits: Limits {
                max_memory,
                ..Limits::default()
            },
            ..Config::default()
        });
        Self {
            analyzer,
            live: ALLOCATOR.current_usage().saturating_sub(before),
            most: 0,
            peak: 0,
            _turn: turn,
        }
    }

    /// Feeds `count` connections with a load.
    fn feed(&mut self, load: Load, count: usize) {
        for number in 0..count {
            let mut tcp = Tcp::default();
            let address = 0x0A00_0000 + u32::try_from(number).unwrap();
            tcp.ends[0].set_ip(Ipv4Addr::from(address));
            load(self, tcp, number);
        }
    }

    /// Takes the packets that were written.
    fn take(&mut self, tcp: &mut Tcp) {
        for packet in tcp.trace.drain(..) {
            let before = ALLOCATOR.current_usage();
            ALLOCATOR.reset_peak_usage();
            self.analyzer
                .push(&packet.packet(), &mut |_: &Event<'_>| {});
            let now = |usage: usize| (self.live + usage).saturating_sub(before);
            self.peak = self.peak.max(now(ALLOCATOR.peak_usage()));
            self.live = now(ALLOCATOR.current_usage());
            self.most = self.most.max(self.live);
        }
    }

    /// Takes a plain upgrade, or another.
    fn upgrade(&mut self, tcp: &mut Tcp, upgrade: &Upgrade) {
        self.take(tcp.handshake());
        tcp.upgrade(upgrade);
        self.take(tcp);
    }

    fn given_up(&self) -> u64 {
        self.analyzer.summary().flows_given_up_for_memory
    }
}

#[test]
fn what_is_counted_is_what_was_allocated() {
    for (name, count, load) in LOADS {
        let mut meter = Meter::new(usize::MAX);
        meter.feed(*load, count / 4);
        let (live, counted) = (meter.live, meter.analyzer.memory());
        assert!(live > MIB, "{name}: {live} bytes are no load");
        assert!(
            live <= counted + counted / 8 + FIXED,
            "{name}: {live} bytes live, {counted} counted"
        );
        assert!(
            counted <= live + live * 3 / 5,
            "{name}: {live} bytes live, {counted} counted"
        );
        assert_eq!(meter.given_up(), 0, "{name}");
    }
}

#[test]
fn what_is_counted_goes_to_nothing_with_the_connections() {
    for (name, count, load) in LOADS {
        let mut meter = Meter::new(usize::MAX);
        meter.feed(*load, count / 8);
        meter.analyzer.finish(&mut |_: &Event<'_>| {});
        let tables = meter.analyzer.memory();
        assert!(tables < FIXED, "{name}: {tables} bytes are left");
    }
}

#[test]
fn however_much_connections_would_hold_they_stay_below_the_limit() {
    let limit = 4 * MIB;
    for (name, count, load) in LOADS {
        let mut meter = Meter::new(limit);
        meter.feed(*load, *count);
        let (most, peak) = (meter.most, meter.peak);
        assert!(most <= limit + limit / 8 + FIXED, "{name}: {most} bytes");
        assert!(peak <= limit + limit / 4 + FIXED, "{name}: {peak} bytes");
        assert!(meter.analyzer.memory() <= limit, "{name}");
        assert!(most > limit / 2, "{name}: {most} bytes are no load");
        let given_up = meter.given_up();
        let all = *count as u64;
        assert!((1..all).contains(&given_up), "{name}: {given_up} of {all}");
    }
}

#[test]
fn one_connection_alone_stays_below_the_limit() {
    let limit = 4 * MIB;
    let mut meter = Meter::new(limit);
    let mut tcp = Tcp::default();
    meter.upgrade(&mut tcp, &Upgrade::new());
    let message = tcp.encode(Server, &[binary(vec![7; 12 * MIB])]);
    for part in message.chunks(MIB) {
        meter.take(tcp.send_cut(Server, part, 1_400).ack(Client));
    }
    let most = meter.most;
    assert!(most <= limit + limit / 8 + FIXED, "{most} bytes");
    assert_eq!(meter.given_up(), 1);
}

#[test]
fn connections_that_are_over_make_room_before_any_is_given_up() {
    let limit = 4 * MIB;
    let mut meter = Meter::new(limit);
    let mut open = Tcp::default();
    meter.upgrade(&mut open, &Upgrade::new());
    meter.feed(over, 8_000);
    let most = meter.most;
    assert!(most <= limit + limit / 8 + FIXED, "{most} bytes");
    assert!(most > limit / 2, "{most} bytes are no load");
    assert_eq!(meter.given_up(), 0);
}

fn syn(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    meter.take(tcp.syn(Client));
}

fn unanswered(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    tcp.handshake().send(Client, &Upgrade::new().request());
    meter.take(tcp.ack(Server));
}

fn endless_head(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    let cookie = "x".repeat(60 << 10);
    let request = Upgrade::new().asking("Cookie", &cookie).request();
    tcp.handshake();
    meter.take(
        tcp.send_cut(Client, &request[..60 << 10], 1_400)
            .ack(Server),
    );
}

fn short_fields(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    let mut request = Upgrade::new().request();
    let fields = request.len() - b"\r\n".len();
    request.truncate(fields);
    request.extend(b"a:b\r\n".repeat(10_000));
    request.extend(b"\r\n");
    tcp.handshake();
    meter.take(tcp.send_cut(Client, &request, 1_400).ack(Server));
}

fn early_bytes(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    tcp.handshake().send(Client, &Upgrade::new().request());
    let bytes = tcp.encode(Client, &[binary(vec![7; 100_000])]);
    meter.take(tcp.ack(Server).send_cut(Client, &bytes, 1_400).ack(Server));
}

fn other_requests(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    tcp.handshake();
    for _ in 0..40 {
        tcp.send(Client, b"GET /poll HTTP/1.1\r\nHost: server\r\n\r\n");
        tcp.send(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    meter.take(&mut tcp);
}

fn short_segments(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    meter.upgrade(&mut tcp, &Upgrade::new());
    for _ in 0..2_000 {
        tcp.lose(Server, b"a").send(Server, b"b");
    }
    meter.take(&mut tcp);
}

fn long_segments(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    meter.upgrade(&mut tcp, &Upgrade::new());
    let bytes = vec![7; 300_000];
    meter.take(tcp.lose(Server, b"a").send_cut(Server, &bytes, 1_400));
}

fn unacknowledged(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    meter.upgrade(&mut tcp, &Upgrade::new());
    for _ in 0..100 {
        tcp.frames(Server, &[binary([7; 1_000])]);
    }
    meter.take(&mut tcp);
}

fn large_messages(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    meter.upgrade(&mut tcp, &Upgrade::new());
    for who in [Client, Server] {
        let bytes = tcp.encode(who, &[binary(vec![7; 300_000]).more()]);
        meter.take(tcp.send_cut(who, &bytes, 1_400).ack(who.other()));
    }
}

fn compressed(meter: &mut Meter, mut tcp: Tcp, number: usize) {
    meter.upgrade(&mut tcp, &Upgrade::deflate(""));
    for who in [Client, Server] {
        let mut deflater = Deflater::new(true);
        for round in 1..=4 {
            let numbers = (0..2_000).map(|n| (n * (round + number)).to_string());
            let payload = deflater.message(numbers.collect::<Vec<_>>().join(" "));
            let bytes = tcp.encode(who, &[text(payload).compressed()]);
            meter.take(tcp.send_cut(who, &bytes, 1_400).ack(who.other()));
        }
    }
}

fn frames_of_no_message(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    meter.upgrade(&mut tcp, &Upgrade::new());
    let begun = frame(3, vec![7; 300_000]).stating(400_000);
    let bytes = tcp.encode(Server, &[cont(vec![7; 100_000]), begun]);
    meter.take(tcp.send_cut(Server, &bytes, 1_400).ack(Client));
}

fn pings(meter: &mut Meter, mut tcp: Tcp, number: usize) {
    meter.upgrade(&mut tcp, &Upgrade::new());
    for ping_number in 0..70 {
        for who in [Client, Server] {
            let payload = format!("{number} {ping_number} {:100}", "");
            tcp.frames(who, &[ping(payload)]);
        }
    }
    meter.take(&mut tcp);
}

fn middle(meter: &mut Meter, mut tcp: Tcp, number: usize) {
    for who in [Client, Server] {
        let bytes = noise(60_000, number);
        meter.take(tcp.send_cut(who, &bytes, 1_400).ack(who.other()));
    }
}

fn out_of_step(meter: &mut Meter, mut tcp: Tcp, number: usize) {
    meter.upgrade(&mut tcp, &Upgrade::new());
    for who in [Client, Server] {
        let bytes = noise(60_000, number);
        tcp.lose(who, b"a").send_cut(who, &bytes, 1_400);
        meter.take(tcp.ack(who.other()));
    }
}

fn over(meter: &mut Meter, mut tcp: Tcp, _: usize) {
    meter.upgrade(&mut tcp, &Upgrade::new());
    meter.take(tcp.end());
}

/// Bytes without a plausible frame header.
fn noise(len: usize, seed: usize) -> Vec<u8> {
    let mut state = 0x1234_5678_9abc_def1 ^ seed as u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[3] | 0x30
    };
    (0..len).map(next).collect()
}

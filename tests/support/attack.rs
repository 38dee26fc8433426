//! Attacks, made packet by packet as they are fed: none of them is ever in memory as a whole.
//!
//! Each is a function of its size. What it costs wsdump is measured by [`Meter`].

#![allow(dead_code, unreachable_pub)] // The test and the benchmark each use their part.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use wsdump::event::{Event, EventSink};
use wsdump::{Analyzer, Config, Limits, Summary};

use crate::support::packet::{ACK, Captured, Header, ethernet};
use crate::support::websocket::{binary, close, cont, frame, ping, pong, text};
use crate::support::{Client, Deflater, Server, Tcp, Trace, Upgrade, Who};

/// An attack.
pub struct Attack {
    pub name: &'static str,
    /// What its size counts.
    pub unit: &'static str,
    /// The size that is measured, and four times as much.
    pub size: u64,
    /// One that a test without optimisation can bear.
    pub small: u64,
    pub run: fn(&mut Feed<'_>, u64),
}

/// Takes packets as they are made.
pub struct Feed<'f> {
    take: &'f mut dyn FnMut(&mut Trace),
    batch: Trace,
}

/// Packets that are made before they are fed.
const BATCH: usize = 512;

impl<'f> Feed<'f> {
    pub fn new(take: &'f mut dyn FnMut(&mut Trace)) -> Self {
        Self {
            take,
            batch: Trace::new(),
        }
    }

    /// Takes what was written of a connection.
    fn take(&mut self, tcp: &mut Tcp) {
        self.batch.append(&mut tcp.trace);
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    fn packet(&mut self, packet: Captured) {
        self.batch.push(packet);
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    /// Feeds what waits.
    pub fn flush(&mut self) {
        if !self.batch.is_empty() {
            (self.take)(&mut self.batch);
            self.batch.clear();
        }
    }
}

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "SYN flood, an address each",
        unit: "SYNs",
        size: 2_500_000,
        small: 20_000,
        run: syn_flood,
    },
    Attack {
        name: "SYN and RST, an address each",
        unit: "connections",
        size: 500_000,
        small: 10_000,
        run: reset_flood,
    },
    Attack {
        name: "SYNs for one pair of ends",
        unit: "SYNs",
        size: 500_000,
        small: 10_000,
        run: reopened,
    },
    Attack {
        name: "half-open upgrades",
        unit: "connections",
        size: 250_000,
        small: 4_000,
        run: half_open,
    },
    Attack {
        name: "heads without an end",
        unit: "heads",
        size: 5_000,
        small: 200,
        run: endless_heads,
    },
    Attack {
        name: "a head byte by byte, again and again",
        unit: "bytes",
        size: 500_000,
        small: 10_000,
        run: slow_heads,
    },
    Attack {
        name: "heads with thousands of extensions",
        unit: "upgrades",
        size: 100,
        small: 2,
        run: wide_heads,
    },
    Attack {
        name: "requests that nobody answers, in one connection",
        unit: "requests",
        size: 250_000,
        small: 5_000,
        run: pipelined,
    },
    Attack {
        name: "early bytes, a byte a segment",
        unit: "bytes",
        size: 250_000,
        small: 10_000,
        run: early_bytes,
    },
    Attack {
        name: "chunks of one byte before the upgrade",
        unit: "chunks",
        size: 250_000,
        small: 10_000,
        run: tiny_chunks,
    },
    Attack {
        name: "tiny frames, 700 a segment",
        unit: "frames",
        size: 50_000_000,
        small: 100_000,
        run: tiny_frames,
    },
    Attack {
        name: "a frame of 2^63 bytes",
        unit: "segments",
        size: 500_000,
        small: 5_000,
        run: huge_frame,
    },
    Attack {
        name: "fragments of one message that never ends",
        unit: "fragments",
        size: 1_000_000,
        small: 20_000,
        run: endless_fragments,
    },
    Attack {
        name: "Pings without Pongs",
        unit: "Pings",
        size: 500_000,
        small: 10_000,
        run: pings,
    },
    Attack {
        name: "Pongs without Pings, while 64 Pings wait",
        unit: "Pongs",
        size: 500_000,
        small: 10_000,
        run: pongs,
    },
    Attack {
        name: "frames that break every rule",
        unit: "frames",
        size: 250_000,
        small: 5_000,
        run: broken_frames,
    },
    Attack {
        name: "DEFLATE bombs of 64 MiB",
        unit: "bombs",
        size: 8,
        small: 1,
        run: bombs,
    },
    Attack {
        name: "a DEFLATE bomb without an end",
        unit: "segments",
        size: 2_000,
        small: 50,
        run: endless_bomb,
    },
    Attack {
        name: "DEFLATE blocks that are empty and final",
        unit: "KiB",
        size: 50,
        small: 1,
        run: final_blocks,
    },
    Attack {
        name: "tiny compressed messages without takeover",
        unit: "messages",
        size: 100_000,
        small: 2_000,
        run: tiny_compressed,
    },
    Attack {
        name: "overlaps that contradict",
        unit: "segments",
        size: 250_000,
        small: 5_000,
        run: overlaps,
    },
    Attack {
        name: "segments of one byte, backwards",
        unit: "segments",
        size: 250_000,
        small: 5_000,
        run: backwards,
    },
    Attack {
        name: "every other byte",
        unit: "segments",
        size: 250_000,
        small: 5_000,
        run: alternating,
    },
    Attack {
        name: "large cut segments over bytes that wait",
        unit: "segments",
        size: 10_000,
        small: 200,
        run: cut_over_waiting,
    },
    Attack {
        name: "IP fragments of datagrams that never end",
        unit: "fragments",
        size: 250_000,
        small: 5_000,
        run: endless_datagrams,
    },
    Attack {
        name: "IP fragments of eight bytes, backwards",
        unit: "fragments",
        size: 100_000,
        small: 5_000,
        run: tiny_fragments,
    },
    Attack {
        name: "bytes that look like headers everywhere",
        unit: "KiB",
        size: 5_000,
        small: 50,
        run: headers_everywhere,
    },
    Attack {
        name: "a clock that leaps to and fro",
        unit: "packets",
        size: 250_000,
        small: 5_000,
        run: leaping_clock,
    },
];

/// Connection `number`, from an address of its own.
fn connection(number: u64) -> Tcp {
    let mut tcp = Tcp::default();
    let address = 0x0A00_0000 + u32::try_from(number).unwrap();
    tcp.ends[0].set_ip(Ipv4Addr::from(address));
    // Time goes on from one to the next.
    tcp.now += number * 1_000;
    tcp.tick = 1;
    tcp
}

/// A connection after its upgrade, without what was said.
fn upgraded(feed: &mut Feed<'_>, upgrade: &Upgrade) -> Tcp {
    let mut tcp = Tcp::with(upgrade);
    tcp.tick = 1_000;
    feed.take(&mut tcp);
    tcp
}

fn syn_flood(feed: &mut Feed<'_>, size: u64) {
    for number in 0..size {
        feed.take(connection(number).syn(Client));
    }
}

fn reset_flood(feed: &mut Feed<'_>, size: u64) {
    for number in 0..size {
        feed.take(connection(number).syn(Client).rst(Server));
    }
}

fn reopened(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = Tcp::default();
    for number in 0..size {
        tcp.isn[0] = tcp.isn[0].wrapping_add(0x1234_5678);
        tcp.isn[1] = u32::try_from(number).unwrap();
        tcp.syn(Client).syn_ack(Server);
        feed.take(&mut tcp);
    }
}

fn half_open(feed: &mut Feed<'_>, size: u64) {
    let request = Upgrade::new().request();
    for number in 0..size {
        feed.take(
            connection(number)
                .handshake()
                .send(Client, &request)
                .ack(Server),
        );
    }
}

fn endless_heads(feed: &mut Feed<'_>, size: u64) {
    let mut request = Upgrade::new().request();
    request.truncate(request.len() - b"\r\n".len());
    request.extend(b"a:b\r\n".repeat(14_000));
    for number in 0..size {
        let mut tcp = connection(number);
        feed.take(
            tcp.handshake()
                .send_cut(Client, &request, 1_400)
                .ack(Server),
        );
    }
}

fn slow_heads(feed: &mut Feed<'_>, size: u64) {
    let request = b"GET / HTTP/1.1\r\nHost: server\r\nCookie: ".to_vec();
    let request = [request, vec![b'x'; 20_000], b"\r\n\r\n".to_vec()].concat();
    let mut tcp = Tcp::connected();
    for byte in request.iter().cycle().take(usize::try_from(size).unwrap()) {
        feed.take(tcp.send(Client, &[*byte]));
    }
}

fn wide_heads(feed: &mut Feed<'_>, size: u64) {
    let offers: Vec<String> = (0..9_000).map(|n| format!("{n:x}")).collect();
    let answers: Vec<String> = (0..9_000).map(|n| format!("x{n:x}")).collect();
    let upgrade = Upgrade::extension(&offers.join(","), &answers.join(","));
    for number in 0..size {
        let mut tcp = connection(number);
        tcp.handshake().send_cut(Client, &upgrade.request(), 1_400);
        tcp.send_cut(Server, &upgrade.response(), 1_400);
        feed.take(&mut tcp);
    }
}

fn pipelined(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = Tcp::connected();
    for _ in 0..size {
        feed.take(tcp.send(
            Client,
            b"GET / HTTP/1.1\r\nHost: server\r\nSec-WebSocket-Key: x\r\n\r\n",
        ));
    }
}

fn early_bytes(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = Tcp::connected();
    tcp.send(Client, &Upgrade::new().request());
    for _ in 0..size {
        feed.take(tcp.send(Client, b"x"));
    }
}

fn tiny_chunks(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = Tcp::connected();
    tcp.send(
        Client,
        b"POST / HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for _ in 0..size {
        feed.take(tcp.send(Client, b"1\r\nx\r\n"));
    }
}

fn tiny_frames(feed: &mut Feed<'_>, size: u64) {
    const IN_SEGMENT: u64 = 700;
    let mut tcp = upgraded(feed, &Upgrade::new());
    let segment = [0x82, 0].repeat(usize::try_from(IN_SEGMENT).unwrap());
    for number in 0..size / IN_SEGMENT {
        tcp.send(Server, &segment);
        if number.is_multiple_of(8) {
            tcp.ack(Client);
        }
        feed.take(&mut tcp);
    }
}

fn huge_frame(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::new());
    tcp.frames(Server, &[binary("").len_in(8).stating(1 << 63)]);
    for _ in 0..size {
        feed.take(tcp.send(Server, &[7; 1_000]).ack(Client));
    }
}

fn endless_fragments(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::new());
    tcp.frames(Client, &[text("a").more()]);
    for _ in 0..size {
        feed.take(tcp.frames(Client, &[cont("b").more()]));
    }
}

fn pings(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::new());
    for number in 0..size {
        feed.take(tcp.frames(Client, &[ping(format!("{number:0125}"))]));
    }
}

fn pongs(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::new());
    for number in 0..64 {
        tcp.frames(Client, &[ping(format!("{number:0125}"))]);
    }
    for _ in 0..size {
        feed.take(tcp.frames(Server, &[pong(format!("{:0125}", 99))]));
    }
}

fn broken_frames(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::new());
    for _ in 0..size / 4 {
        let frames = [
            text(b"\xff\xfe").rsv(3).wrongly_masked(),
            cont("x").len_in(8),
            frame(0xB, "reserved").more().wrongly_masked(),
            ping(vec![0; 200]).more().rsv(7),
        ];
        feed.take(tcp.frames(Client, &frames));
    }
}

/// Compressed zeros without an end: what `len` of them come to, in whole blocks.
fn zeros(len: usize) -> Vec<u8> {
    Deflater::new(true).message(vec![0; len])
}

fn bombs(feed: &mut Feed<'_>, size: u64) {
    let payload = zeros(65 << 20);
    let mut tcp = upgraded(feed, &Upgrade::deflate("; server_no_context_takeover"));
    for _ in 0..size {
        let bytes = tcp.encode(Server, &[binary(&payload).compressed()]);
        for part in bytes.chunks(64_000) {
            feed.take(tcp.send_cut(Server, part, 1_400).ack(Client));
        }
    }
}

fn endless_bomb(feed: &mut Feed<'_>, size: u64) {
    let piece = zeros(1 << 20);
    let mut tcp = upgraded(feed, &Upgrade::deflate(""));
    tcp.frames(Server, &[binary("").compressed().more()]);
    for _ in 0..size {
        feed.take(tcp.frames(Server, &[cont(&piece).more()]).ack(Client));
    }
}

fn final_blocks(feed: &mut Feed<'_>, size: u64) {
    // And the start of the empty block whose end a sender leaves out.
    let piece = [[3, 0].repeat(512), vec![0]].concat();
    let mut tcp = upgraded(feed, &Upgrade::deflate(""));
    tcp.frames(
        Server,
        &[text(Deflater::new(true).message("x".repeat(40_000))).compressed()],
    );
    for _ in 0..size {
        feed.take(
            tcp.frames(Server, &[binary(&piece).compressed()])
                .ack(Client),
        );
    }
}

fn tiny_compressed(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::deflate("; server_no_context_takeover"));
    let payload = Deflater::new(true).message("x");
    for _ in 0..size {
        feed.take(tcp.frames(Server, &[text(&payload).compressed()]));
    }
}

fn overlaps(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::new());
    for _ in 0..size / 2 {
        let start = tcp.sent[1].cast_signed();
        tcp.frames(Server, &[text([b'a'; 1_000])]);
        // The same place once more, with other text.
        let other = [vec![0x81, 126, 3, 232], vec![b'b'; 1_000]].concat();
        feed.take(tcp.at(Server, start, &other));
    }
}

fn backwards(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::new());
    let start = tcp.sent[1].cast_signed();
    for number in (1..=size.cast_signed()).rev() {
        feed.take(tcp.at(Server, start + number, b"x"));
    }
}

fn alternating(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::new());
    let start = tcp.sent[1].cast_signed();
    for number in 1..=size.cast_signed() {
        feed.take(tcp.at(Server, start + 2 * number, b"x"));
    }
}

fn cut_over_waiting(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::new());
    let start = tcp.sent[1].cast_signed();
    for number in 1..=40_000 {
        feed.take(tcp.at(Server, start + number, b"x"));
    }
    for _ in 0..size {
        tcp.at(Server, start + 1, &vec![b'x'; 40_000]);
        let packet = tcp.trace.pop().unwrap();
        feed.packet(packet.snapped(60));
    }
}

/// A fragment of a datagram from one end of `tcp` to the other; `place` in units of 8 bytes.
fn ip_fragment(tcp: &Tcp, id: u16, place: u16, payload: &[u8]) -> Captured {
    let header = Header {
        source: tcp.ends[0],
        destination: tcp.ends[1],
        ip_id: id,
        seq: 0,
        ack: 0,
        flags: ACK,
        window: 0,
        payload: &payload[20..],
    };
    let mut data = ethernet(&header, &[]);
    data[20..22].copy_from_slice(&(0x2000 | place).to_be_bytes());
    Captured::ethernet(tcp.now, data)
}

fn endless_datagrams(feed: &mut Feed<'_>, size: u64) {
    for number in 0..size {
        let tcp = connection(number);
        feed.packet(ip_fragment(&tcp, 1, 0, &[7; 1_400]));
    }
}

fn tiny_fragments(feed: &mut Feed<'_>, size: u64) {
    let tcp = Tcp::default();
    for number in 0..size {
        let place = 8_000 - u16::try_from(3 * (number % 2_600)).unwrap();
        let id = u16::try_from(number / 2_600 % 60_000).unwrap();
        feed.packet(ip_fragment(&tcp, id, place, &[7; 24]));
    }
}

fn headers_everywhere(feed: &mut Feed<'_>, size: u64) {
    let mut tcp = upgraded(feed, &Upgrade::new());
    let bytes: Vec<u8> = (0..1024_u32)
        .map(|n| [0x82, 0x01, 0x01, 0x81][(n % 4) as usize])
        .collect();
    for _ in 0..size {
        tcp.lose(Server, b"a");
        feed.take(tcp.send(Server, &bytes).ack(Client));
    }
}

fn leaping_clock(feed: &mut Feed<'_>, size: u64) {
    for number in 0..20_000 {
        feed.take(connection(number).syn(Client));
    }
    let mut tcp = Tcp::default();
    let now = tcp.now;
    for number in 0..size {
        tcp.now = now + number % 2 * 80_000_000_000_000;
        tcp.ends[0].set_port(u16::try_from(number % 50_000 + 1).unwrap());
        feed.take(tcp.syn(Client));
    }
}

/// What an attack cost.
#[derive(Debug)]
pub struct Cost {
    pub packets: u64,
    pub events: u64,
    /// Time that wsdump took for the packets.
    pub time: Duration,
    /// The most bytes that it had allocated, also while a packet was looked at.
    pub peak: usize,
    pub summary: Summary,
}

/// An analyzer that is attacked.
pub struct Meter {
    allocator: PeakAlloc,
    analyzer: Analyzer,
    live: usize,
    cost: Cost,
}

impl Meter {
    pub fn new(allocator: PeakAlloc, limits: Limits) -> Self {
        let before = allocator.current_usage();
        let analyzer = Analyzer::new(Config {
            limits,
            ..Config::default()
        });
        Self {
            allocator,
            analyzer,
            live: allocator.current_usage().saturating_sub(before),
            cost: Cost {
                packets: 0,
                events: 0,
                time: Duration::ZERO,
                peak: 0,
                summary: Summary::default(),
            },
        }
    }

    /// Takes packets, and tells `sink` what they completed.
    pub fn push(&mut self, trace: &Trace, sink: &mut dyn EventSink) {
        let before = self.allocator.current_usage();
        self.allocator.reset_peak_usage();
        let start = Instant::now();
        for packet in trace {
            self.analyzer.push(&packet.packet(), sink);
        }
        self.cost.time += start.elapsed();
        self.cost.packets += trace.len() as u64;
        let now = |usage: usize| (self.live + usage).saturating_sub(before);
        self.cost.peak = self.cost.peak.max(now(self.allocator.peak_usage()));
        self.live = now(self.allocator.current_usage());
    }

    /// Ends the capture.
    pub fn finish(mut self, sink: &mut dyn EventSink) -> Cost {
        self.analyzer.finish(sink);
        self.cost.summary = self.analyzer.summary();
        self.cost
    }
}

/// Runs an attack of this size by itself.
pub fn cost(attack: &Attack, size: u64, limits: Limits, allocator: PeakAlloc) -> Cost {
    let mut meter = Meter::new(allocator, limits);
    let mut events = 0;
    let mut count = |_: &Event<'_>| events += 1;
    let mut take = |trace: &mut Trace| meter.push(trace, &mut count);
    let mut feed = Feed::new(&mut take);
    (attack.run)(&mut feed, size);
    feed.flush();
    let mut cost = meter.finish(&mut count);
    cost.events = events;
    cost
}

/// A connection that has nothing to do with an attack, and speaks every now and then.
pub struct Honest {
    tcp: Tcp,
    said: usize,
}

impl Honest {
    pub fn new() -> (Self, Trace) {
        let mut tcp = Tcp::default();
        tcp.ends[0] = "203.0.113.77:44444".parse().unwrap();
        tcp.handshake().upgrade(&Upgrade::new());
        let trace = std::mem::take(&mut tcp.trace);
        (Self { tcp, said: 0 }, trace)
    }

    /// Its next message, at the time of `packet`.
    pub fn speak(&mut self, packet: &Captured) -> Trace {
        let who: Who = if self.said.is_multiple_of(2) {
            Client
        } else {
            Server
        };
        self.tcp.now = packet.time;
        self.tcp
            .frames(who, &[text(format!("message {}", self.said))]);
        self.said += 1;
        self.tcp.ack(who.other());
        std::mem::take(&mut self.tcp.trace)
    }

    pub fn end(&mut self) -> Trace {
        self.tcp.frames(Client, &[close(1000, "bye")]);
        self.tcp.frames(Server, &[close(1000, "bye")]).end();
        std::mem::take(&mut self.tcp.trace)
    }

    /// Messages that it sent.
    pub fn said(&self) -> usize {
        self.said
    }
}

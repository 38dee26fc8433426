//! Makes seeds of the captures in `testdata/`: `seeds TESTDATA OUT` writes them to
//! `OUT/TARGET/`.

#![allow(clippy::expect_used)]

#[path = "../../benches/streams/mod.rs"]
mod streams;

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use streams::Streams;
use wsdump::anomaly::Rule;
use wsdump::capture::{Packet, open};
use wsdump::check::examples::{self, Step};
use wsdump::flow::{Direction, FlowInfo, FlowSink, FlowTable, Side, StreamItem};
use wsdump::http::{Exchange, HttpItem};
use wsdump::limits::FragmentLimits;
use wsdump::time::Moment;
use wsdump::wire::{Contents, Decoder, Encapsulation, Segment, TcpFlags};
use wsdump::ws::{FrameDecoder, FrameEvent, OpCode, Profile, unmask};
use wsdump::{Limits, filter};
use wsdump_fuzz::input::part;

/// Longest seed: what is longer is slow, and shows little more.
const MOST: usize = 8 << 10;

/// Packets looked at of a capture.
const MOST_PACKETS: usize = 300;

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let testdata = arguments.next().expect("the folder of captures");
    let seeds = Seeds(arguments.next().expect("the folder for seeds"));
    for path in files(&testdata, "pcap") {
        capture(&seeds, &path);
    }
    for (number, path) in files(&testdata.join("baselines"), "json")
        .iter()
        .enumerate()
    {
        let text = fs::read(path).expect("a baseline");
        let name = format!("baseline-{number}");
        seeds.write("settings", &name, &[&[1], &text[..]].concat());
        let two = [&[2], &text[..], &[0], &text].concat();
        seeds.write("settings", &format!("{name}-twice"), &two);
    }
    for (number, path) in files(&testdata, "toml").iter().enumerate() {
        let text = fs::read(path).expect("settings");
        seeds.write(
            "settings",
            &format!("toml-{number}"),
            &[&[0], &text[..]].concat(),
        );
    }
    seeds.write(
        "settings",
        "mask",
        b"\x03$..id\0[0-9]+\0{\"id\": 12, \"a\": [34]}",
    );
    broken_rules(&seeds);
    expressions(&seeds);
}

/// Files of a folder in whose name `ending` stands, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.contains(&format!(".{ending}"))
    };
    let mut files: Vec<_> = paths.filter(is_wanted).collect();
    files.sort();
    files
}

/// Where seeds go.
struct Seeds(PathBuf);

impl Seeds {
    fn write(&self, target: &str, name: &str, bytes: &[u8]) {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), bytes).expect("a seed");
    }
}

/// Seeds of a capture, for every target that takes one or what is in it.
fn capture(seeds: &Seeds, path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = fs::read(path).expect("a capture");
    if bytes.len() <= 2 * MOST {
        seeds.write("capture", &name, &[&[100], &bytes[..]].concat());
        seeds.write("program", &name, &[&[0xC1, 100, 0], &bytes[..]].concat());
        seeds.write("check", &name, &[&[0], &bytes[..]].concat());
    }
    let Ok(mut source) = open(path) else { return };
    let mut seen = Seen::default();
    while let Ok(Some(packet)) = source.next_packet() {
        seen.packet(&packet);
        if seen.packets == MOST_PACKETS {
            break;
        }
    }
    seen.finish();
    seeds.write("wire", &name, &[&[0], &seen.wire[..]].concat());
    if !seen.segments.is_empty() {
        seeds.write(
            "flow",
            &name,
            &[&[0, 0, 0, 0, 0], &seen.segments[..]].concat(),
        );
        seeds.write(
            "flow",
            &format!("{name}-plain"),
            &[&[1, 0, 0, 0, 0], &seen.segments[..]].concat(),
        );
    }
    let first = seen.flows.0.remove(&1).unwrap_or_default();
    streams(seeds, &name, &first);
}

/// What was seen of a capture.
#[derive(Default)]
struct Seen {
    packets: usize,
    decoder: Option<Decoder>,
    table: Option<FlowTable<()>>,
    flows: Flows,
    /// Parts of the targets `wire` and `flow`.
    wire: Vec<u8>,
    segments: Vec<u8>,
    /// Connections in order of their first packets, and their first numbers.
    ends: Vec<([SocketAddr; 2], [Option<u32>; 2])>,
}

/// Streams of connections, in the order in which they were told.
#[derive(Default)]
struct Flows(HashMap<u64, Vec<(Side, Item)>>);

enum Item {
    Bytes(Vec<u8>),
    Gap(u64),
}

impl Seen {
    fn packet(&mut self, packet: &Packet<'_>) {
        self.packets += 1;
        if self.wire.len() < MOST {
            let link_type = packet.link_type.0.to_le_bytes();
            let bytes = [&link_type, packet.data].concat();
            let is_cut = packet.wire_len as usize > packet.data.len();
            self.wire.extend(part(u8::from(is_cut) << 6, &bytes));
        }
        let mut decoder = self.decoder.take();
        let contents = decoder
            .get_or_insert_with(|| Decoder::new(FragmentLimits::default()))
            .decode(packet);
        if let Contents::Tcp(segment) = contents {
            self.segment(&segment);
            let table = self
                .table
                .get_or_insert_with(|| FlowTable::new(Limits::default()));
            let at = Moment {
                packet: self.packets as u64,
                time: packet.time,
            };
            table.push(&segment, at, &mut self.flows.sink());
        }
        self.decoder = decoder;
    }

    fn finish(&mut self) {
        if let Some(table) = &mut self.table {
            table.finish(Moment::default(), &mut self.flows.sink());
        }
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        let ends = [segment.source, segment.destination];
        let reversed = [segment.destination, segment.source];
        let known = |(known, _): &([SocketAddr; 2], _)| *known == ends || *known == reversed;
        let number = self.ends.iter().position(known).unwrap_or_else(|| {
            self.ends.push((ends, [None; 2]));
            self.ends.len() - 1
        });
        if number > 3 || self.segments.len() >= MOST {
            return;
        }
        let (first, isn) = &mut self.ends[number];
        let side = usize::from(*first != ends);
        let flags = segment.flags;
        let behind_syn = u32::from(flags.has(TcpFlags::SYN));
        let own = *isn[side].get_or_insert(segment.seq.0.wrapping_add(behind_syn));
        let seq = segment.seq.0.wrapping_sub(own);
        let ack = match isn[1 - side] {
            Some(peer) => segment.ack.0.wrapping_sub(peer),
            None if flags.has(TcpFlags::ACK) => {
                isn[1 - side] = Some(segment.ack.0);
                0
            }
            None => 0,
        };
        let cut = segment.payload_len - segment.payload.len();
        let mut bytes = vec![flags.0 & !0x20 | if segment.window == 0 { 0x20 } else { 0 }];
        bytes.extend(&seq.to_le_bytes()[..3]);
        bytes.extend(&ack.to_le_bytes()[..3]);
        bytes.extend([u8::try_from(cut.min(0x7F)).unwrap_or_default(), 1]);
        bytes.extend(segment.payload);
        let is_wrapped = segment.encapsulation != Encapsulation::NONE;
        let tag = side | number << 1 | usize::from(is_wrapped) << 3;
        self.segments
            .extend(part(u8::try_from(tag).unwrap_or_default(), &bytes));
    }
}

impl Flows {
    /// What takes them from a flow table.
    fn sink(&mut self) -> impl FlowSink<State = ()> {
        Streams(|flow: &FlowInfo, side, item: StreamItem<'_>| {
            let item = match item {
                StreamItem::Chunk(bytes) => Item::Bytes(bytes.to_vec()),
                StreamItem::Gap { len, .. } => Item::Gap(len),
            };
            self.0.entry(flow.number).or_default().push((side, item));
        })
    }
}

/// Parts of the targets `http`, `ws` and `inflate`.
#[derive(Default)]
struct Conversation {
    http: Vec<u8>,
    ws: Vec<u8>,
    /// Compressed messages of the server.
    inflate: Vec<u8>,
    /// What the parts of `ws` agree on.
    deflate: bool,
}

/// Seeds of one connection.
fn streams(seeds: &Seeds, name: &str, items: &[(Side, Item)]) {
    let mut streams = Conversation::default();
    let mut exchange = Exchange::default();
    let mut messages = Messages::default();
    for (side, item) in items {
        let direction = Direction::BOTH[side.index()];
        let bytes;
        let (tag, item) = match item {
            Item::Bytes(sent) => {
                bytes = sent.clone();
                (side.index(), StreamItem::Chunk(sent))
            }
            Item::Gap(len) => {
                bytes = len.to_le_bytes()[..4].to_vec();
                let cause = wsdump::flow::GapCause::NotCaptured;
                (side.index() | 2, StreamItem::Gap { len: *len, cause })
            }
        };
        let tag = u8::try_from(tag).unwrap_or_default();
        if streams.http.len() < MOST {
            streams.http.extend(part(tag, &bytes));
        }
        exchange.push(
            direction,
            item,
            &Limits::default(),
            &mut |found| match found {
                HttpItem::Response { head, .. } => {
                    let extensions = head.headers.first("Sec-WebSocket-Extensions");
                    streams.deflate |= extensions.is_some();
                }
                HttpItem::Switched(direction, item) => {
                    if streams.ws.len() < MOST {
                        streams.ws.extend(switched(direction, item));
                    }
                    if let StreamItem::Chunk(bytes) = item {
                        messages.push(direction, bytes);
                    }
                }
                _ => {}
            },
        );
    }
    streams.inflate = messages.parts;
    if !streams.http.is_empty() {
        seeds.write("http", name, &[&[0, 0], &streams.http[..]].concat());
    }
    if !streams.ws.is_empty() {
        let flags = if streams.deflate { 2 } else { 1 };
        seeds.write("ws", name, &[&[flags, 0xFF, 0], &streams.ws[..]].concat());
        seeds.write(
            "ws",
            &format!("{name}-middle"),
            &[&[0x3C, 0xFF, 0], &streams.ws[..]].concat(),
        );
    }
    if !streams.inflate.is_empty() {
        seeds.write(
            "inflate",
            name,
            &[&[0x27, 7], &streams.inflate[..]].concat(),
        );
        seeds.write(
            "inflate",
            &format!("{name}-text"),
            &[&[0x07, 7], &messages.texts[..]].concat(),
        );
    }
}

fn switched(direction: Direction, item: StreamItem<'_>) -> Vec<u8> {
    let tag = u8::try_from(direction.index()).unwrap_or_default();
    match item {
        StreamItem::Chunk(bytes) => part(tag, bytes),
        StreamItem::Gap { len, .. } => part(tag | 2, &len.to_le_bytes()[..4]),
    }
}

/// Payloads of data frames.
#[derive(Default)]
struct Messages {
    decoders: Option<[FrameDecoder; 2]>,
    key: Option<[u8; 4]>,
    is_data: bool,
    parts: Vec<u8>,
    texts: Vec<u8>,
}

impl Messages {
    fn push(&mut self, direction: Direction, bytes: &[u8]) {
        let new = || [Profile::for_client(true), Profile::for_server(true)].map(FrameDecoder::new);
        let mut decoders = self.decoders.take().unwrap_or_else(new);
        let decoder = &mut decoders[direction.index()];
        decoder.push(StreamItem::Chunk(bytes), &mut |event| {
            event.in_pieces().for_each(|event| self.take(event));
        });
        self.decoders = Some(decoders);
    }

    fn take(&mut self, event: FrameEvent<'_>) {
        match event {
            FrameEvent::Header(header) => {
                self.key = header.masking_key;
                self.is_data = matches!(header.opcode, OpCode::Text | OpCode::Binary);
            }
            FrameEvent::Payload { bytes, position } if self.is_data && self.parts.len() < MOST => {
                let mut bytes = bytes.to_vec();
                unmask(&mut bytes, self.key.unwrap_or_default(), position);
                self.parts.extend(part(0, &bytes));
                self.texts.extend(part(0, &bytes));
            }
            _ => {}
        }
    }
}

/// Seeds of the examples that break each rule.
fn broken_rules(seeds: &Seeds) {
    for rule in Rule::ALL {
        let Some(example) = examples::example(*rule) else {
            continue;
        };
        let mut parts = Vec::new();
        let mut is_http = false;
        for step in example.steps {
            let (direction, gap, bytes) = match step {
                Step::Head(direction, lines) => {
                    is_http = true;
                    let lines: String = lines.iter().map(examples::Line::sent).collect();
                    (direction, false, format!("{lines}\r\n").into_bytes())
                }
                Step::Bytes(direction, sent) => (direction, false, bytes_of(sent)),
                Step::Missing(direction, sent) | Step::Lost(direction, sent) => (
                    direction,
                    true,
                    bytes_of(sent).len().to_le_bytes()[..4].to_vec(),
                ),
                _ => continue,
            };
            let tag = direction.index() | usize::from(gap) << 1;
            parts.extend(part(u8::try_from(tag).unwrap_or_default(), &bytes));
        }
        if is_http {
            seeds.write(
                "http",
                &format!("rule-{}", rule.name()),
                &[&[0, 0], &parts[..]].concat(),
            );
        } else if !parts.is_empty() {
            let flags = match example.opening {
                examples::Opening::Deflate(_) => 2,
                _ => 1,
            };
            let seed = [&[flags, 0xFF, 0], &parts[..]].concat();
            seeds.write("ws", &format!("rule-{}", rule.name()), &seed);
        }
    }
}

fn bytes_of(parts: &[examples::Part]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|part| part.sent().repeat(part.times))
        .collect()
}

/// Seeds of display filters and expectations.
fn expressions(seeds: &Seeds) {
    const EXPRESSIONS: &[&str] = &[
        "websocket.payload.text contains \"hello\" and websocket.mask == 1",
        "tcp.port in {80, 8000..8100} or not http",
        "ip.src & 255.0.0.0 == 10.0.0.0 && ip.dst == 127.0.0.0/8",
        "websocket.payload matches \"^(a|b)+.*x?$\"",
        "any tcp.port > 1000 and all tcp.port != 0x50",
        "tcp.port === 80 || tcp.port ~= 81",
        "websocket.payload[0:4] == 68:65:6c:6c",
        "len(websocket.payload) > 10 and upper(http.host) contains r\"EX\\d\"",
        "1 < tcp.len < 100",
        "frame.time_relative >= 0.05 and frame.number <= 12",
        "http.request.method == \"GET\" and http.response.code != 101",
        "count(tcp.port) == 2 xor false",
        "connections == 1 and anomalies == 0",
        "messages.client >= 2 and close.code in {1000, 1001}",
        "handshake.max < 50ms and retransmissions.percent < 5",
        "anomalies.invalid-utf8 == 0",
    ];
    for (number, expression) in EXPRESSIONS.iter().enumerate() {
        seeds.write(
            "filter",
            &format!("expression-{number}"),
            expression.as_bytes(),
        );
    }
    for field in filter::fields() {
        let name = field.name;
        seeds.write(
            "filter",
            &format!("field-{name}"),
            format!("{name} == 1").as_bytes(),
        );
    }
}

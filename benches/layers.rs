//! What each layer costs, by itself.
//!
//! `layers [NAME]` prints times. `layers --count NAME TIMES` runs one layer
//! that often and prints nothing: what `benches/instructions.py` counts instructions of.
//! `layers --list` prints the layers, each with what it reads: the kind of capture, and how many
//! packets.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss
)]

mod library;
mod streams;
mod traffic;

use std::hint::black_box;
use std::io::{self, Cursor};
use std::time::{Duration, Instant};

use library::inflate;
use streams::Streams;
use traffic::{Kind, MSS};
use wsdump::capture::{self, LinkType, Packet, PacketSource};
use wsdump::event::{Event, EventSink};
use wsdump::filter::Filter;
use wsdump::flow::{FlowInfo, FlowTable, Side, StreamItem};
use wsdump::report::{
    Csv, Follow, FollowStyle, Har, Json, Ladder, LadderStyle, Ordered, Overview, Printer, Rows,
    Selection, SortKey, Style, TimeFormat, Timeline, View, on_another_thread,
};
use wsdump::time::{Moment, Timestamp};
use wsdump::wire::{Contents, Decoder};
use wsdump::ws::{FrameDecoder, Inflated, Inflater, Profile, Utf8Checker, Window, unmask};
use wsdump::{Analyzer, Config, Limits};

/// A layer, or all of them up to an output.
struct Layer {
    name: &'static str,
    /// What the capture is made of that it reads.
    kind: &'static str,
    run: fn(&Material),
}

const LAYERS: &[Layer] = &[
    Layer {
        name: "capture",
        kind: "small",
        run: |material| {
            let mut source = material.source();
            while let Some(packet) = source.next_packet().unwrap() {
                black_box(packet);
            }
        },
    },
    Layer {
        name: "wire",
        kind: "small",
        run: |material| {
            let mut decoder = Decoder::default();
            for packet in material.packets() {
                black_box(decoder.decode(&packet));
            }
        },
    },
    Layer {
        name: "flow",
        kind: "small",
        run: |material| {
            material.flow(|_, _, item| {
                black_box(item);
            });
        },
    },
    Layer {
        name: "frames",
        kind: "small",
        run: |material| {
            let mut decoder = FrameDecoder::new(Profile::for_server(false));
            for chunk in material.said.chunks(MSS) {
                decoder.push(StreamItem::Chunk(chunk), &mut |event| {
                    black_box(event);
                });
            }
        },
    },
    Layer {
        name: "unmask",
        kind: "small",
        run: |material| {
            let mut payload = material.text.as_bytes().to_vec();
            for piece in payload.chunks_mut(MSS) {
                unmask(piece, *b"\x37\xfa\x21\x3d", 1);
            }
            black_box(payload);
        },
    },
    Layer {
        name: "utf8",
        kind: "small",
        run: |material| {
            let mut checker = Utf8Checker::default();
            for piece in material.text.as_bytes().chunks(MSS) {
                checker.push(piece);
            }
            black_box(checker.finish());
        },
    },
    Layer {
        name: "inflate",
        kind: "small",
        run: |material| {
            let mut inflater = Inflater::new(Window::default());
            for message in &material.compressed {
                let mut put = |piece: Inflated<'_>| {
                    black_box(piece);
                    true
                };
                inflater.push(message, &mut put).unwrap();
                inflater.finish().unwrap();
            }
        },
    },
    Layer {
        name: "inflate, the library alone",
        kind: "small",
        run: |material| {
            inflate(&material.compressed);
        },
    },
    Layer {
        name: "analyzer",
        kind: "small",
        run: |material| {
            material.analyze(&mut |event: &Event<'_>| {
                black_box(event.elapsed);
            });
        },
    },
    Layer {
        name: "analyzer, other traffic",
        kind: "mixed",
        run: |material| {
            material.analyze(&mut |event: &Event<'_>| {
                black_box(event.elapsed);
            });
        },
    },
    Layer {
        name: "summary",
        kind: "small",
        run: |material| {
            // As the program has it.
            let config = Config {
                messages_only: true,
                ..Config::default()
            };
            material.show(config, &mut Overview::new(SortKey::Number, None));
        },
    },
    Layer {
        name: "timeline",
        kind: "small",
        run: |material| material.print(Timeline::new(Style::default())),
    },
    Layer {
        // Both threads count.
        name: "timeline, on another thread",
        kind: "small",
        run: |material| {
            let timeline = Timeline::new(Style::default());
            let view = Ordered::new(timeline, Selection::default());
            material.show(Config::default(), &mut *on_another_thread(view));
        },
    },
    Layer {
        name: "json",
        kind: "small",
        run: |material| material.print(Json::new()),
    },
    Layer {
        name: "csv",
        kind: "small",
        run: |material| material.print(Csv::new(TimeFormat::Relative, Rows::Joined, false)),
    },
    Layer {
        name: "follow",
        kind: "small",
        run: |material| {
            material.print(Follow::new(FollowStyle {
                width: None,
                color: false,
                time: TimeFormat::Relative,
                pretty: false,
            }));
        },
    },
    Layer {
        name: "ladder",
        kind: "small",
        run: |material| {
            material.print(Ladder::new(LadderStyle {
                width: 100,
                color: false,
            }));
        },
    },
    Layer {
        name: "har",
        kind: "small",
        run: |material| material.show(Config::default(), &mut Har::new()),
    },
    Layer {
        name: "filter",
        kind: "small",
        run: |material| {
            let filter = "tcp.len > 100 and websocket.opcode == 1 and \
                          websocket.payload.text contains \"cancel\"";
            let filter = Filter::parse(filter).unwrap();
            material.analyze(&mut |event: &Event<'_>| {
                black_box(filter.matches(event));
            });
        },
    },
];

/// Bytes of a capture: few enough for a cache, so that other programs do not matter.
const SIZE: u64 = 4 << 20;

/// Connections: few, so that their opening is no large part of it.
const CONNECTIONS: usize = 4;

/// A capture in memory, and what its layers read.
struct Material {
    file: Vec<u8>,
    packets: Vec<Record>,
    /// What the first server said behind the opening handshake.
    said: Vec<u8>,
    text: String,
    /// Messages of permessage-deflate that one end sent.
    compressed: Vec<Vec<u8>>,
}

struct Record {
    time: Timestamp,
    link_type: LinkType,
    wire_len: u32,
    data: Vec<u8>,
}

impl Material {
    fn new(kind: &str) -> Self {
        let mut file = Vec::new();
        let kind = Kind::named(kind).unwrap().with_connections(CONNECTIONS);
        traffic::write(kind, SIZE, &mut file).unwrap();
        let mut material = Self {
            file,
            packets: Vec::new(),
            said: Vec::new(),
            text: traffic::text(),
            compressed: traffic::compressed(500),
        };
        let mut source = material.source();
        while let Some(packet) = source.next_packet().unwrap() {
            material.packets.push(Record {
                time: packet.time,
                link_type: packet.link_type,
                wire_len: packet.wire_len,
                data: packet.data.to_vec(),
            });
        }
        let mut said = Vec::new();
        material.flow(|flow, side, item| {
            if let (1, Side::B, StreamItem::Chunk(bytes)) = (flow.number, side, item) {
                said.extend_from_slice(bytes);
            }
        });
        let head = said.windows(4).position(|end| end == b"\r\n\r\n");
        material.said = said.split_off(head.unwrap() + 4);
        material
    }

    fn source(&self) -> Box<dyn PacketSource + Send> {
        capture::from_reader("memory", Cursor::new(self.file.clone())).unwrap()
    }

    fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.packets.iter().map(|record| Packet {
            time: record.time,
            link_type: record.link_type,
            wire_len: record.wire_len,
            data: &record.data,
        })
    }

    fn flow(&self, take: impl FnMut(&FlowInfo, Side, StreamItem<'_>)) {
        let mut streams = Streams(take);
        let mut decoder = Decoder::default();
        let mut flows = FlowTable::new(Limits::default());
        let mut at = Moment::default();
        for packet in self.packets() {
            at.packet += 1;
            at.time = packet.time;
            if let Contents::Tcp(segment) = decoder.decode(&packet) {
                flows.push(&segment, at, &mut streams);
            }
        }
        flows.finish(at, &mut streams);
    }

    fn analyze(&self, sink: &mut dyn EventSink) {
        let mut analyzer = Analyzer::new(Config::default());
        for packet in self.packets() {
            analyzer.push(&packet, sink);
        }
        analyzer.finish(sink);
    }

    fn print(&self, printer: impl Printer) {
        let mut view = Ordered::new(printer, Selection::default());
        self.show(Config::default(), &mut view);
    }

    fn show(&self, config: Config, view: &mut dyn View) {
        let mut analyzer = Analyzer::new(config);
        for packet in self.packets() {
            analyzer.push(&packet, view);
            let undecided = analyzer.undecided_from();
            view.release(undecided, &mut io::sink()).unwrap();
        }
        analyzer.finish(view);
        view.finish(&analyzer.summary(), &mut io::sink()).unwrap();
    }
}

/// Runs of a layer, of which the fastest counts.
const RUNS: usize = 15;

fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    if let [count, name, times] = &words[..]
        && count == "--count"
    {
        let layer = LAYERS.iter().find(|layer| layer.name == name).unwrap();
        let material = Material::new(layer.kind);
        for _ in 0..times.parse::<u32>().unwrap() {
            (layer.run)(&material);
        }
        return;
    }
    if words == ["--list"] {
        for layer in LAYERS {
            let packets = Material::new(layer.kind).packets.len();
            println!("{}\t{}\t{packets}", layer.name, layer.kind);
        }
        return;
    }
    println!(
        "{:26} {:>8} {:>9} {:>8}",
        "layer", "packets", "ns/packet", "MB/s"
    );
    let chosen = |layer: &&Layer| words.iter().all(|word| layer.name.contains(word.as_str()));
    for layer in LAYERS.iter().filter(chosen) {
        let material = Material::new(layer.kind);
        let fastest = (0..RUNS).map(|_| timed(layer, &material)).min();
        let seconds = fastest.unwrap_or(Duration::MAX).as_secs_f64();
        let (packets, bytes) = (material.packets.len(), material.file.len());
        println!(
            "{:26} {packets:8} {:9.1} {:8.0}",
            layer.name,
            seconds * 1e9 / packets as f64,
            bytes as f64 / seconds / 1e6,
        );
    }
}

fn timed(layer: &Layer, material: &Material) -> Duration {
    let start = Instant::now();
    (layer.run)(material);
    start.elapsed()
}

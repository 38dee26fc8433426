//! How long the library takes that wsdump inflates with.
//!
//! `inflate FILE` prints the seconds that it takes for the messages of a
//! capture, all of which are compressed: nothing else is done with them while the time runs.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod library;
mod streams;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use streams::Streams;
use wsdump::Limits;
use wsdump::capture;
use wsdump::flow::{FlowInfo, FlowTable, Side, StreamItem};
use wsdump::time::Moment;
use wsdump::wire::{Contents, Decoder};
use wsdump::ws::{FrameDecoder, FrameEvent, FrameHeader, Profile, unmask};

fn main() {
    let file = std::env::args().nth(1);
    let Some(file) = file else {
        println!("FILE is missing");
        return;
    };
    let ways = compressed_messages(file.as_ref());
    let start = Instant::now();
    for messages in &ways {
        library::inflate(messages);
    }
    println!("{}", start.elapsed().as_secs_f64());
}

/// The messages of a capture as they are sent compressed, by connection and direction.
fn compressed_messages(file: &Path) -> Vec<Vec<Vec<u8>>> {
    let mut ways = BTreeMap::new();
    let mut streams = Streams(|flow: &FlowInfo, side: Side, item: StreamItem<'_>| {
        let way: &mut Way = ways.entry((flow.number, side.index())).or_default();
        way.push(side, item);
    });
    let mut source = capture::open(file).unwrap();
    let mut decoder = Decoder::default();
    let mut flows = FlowTable::new(Limits::default());
    let mut at = Moment::default();
    while let Some(packet) = source.next_packet().unwrap() {
        at.packet += 1;
        at.time = packet.time;
        if let Contents::Tcp(segment) = decoder.decode(&packet) {
            flows.push(&segment, at, &mut streams);
        }
    }
    ways.into_values().map(|way| way.messages).collect()
}

/// Compressed messages of one side, each in a frame.
#[derive(Default)]
struct Way {
    /// Behind the opening handshake, which each side sends in a segment of its own.
    decoder: Option<FrameDecoder>,
    header: Option<FrameHeader>,
    messages: Vec<Vec<u8>>,
}

impl Way {
    fn push(&mut self, side: Side, item: StreamItem<'_>) {
        let Some(mut decoder) = self.decoder.take() else {
            self.decoder = Some(FrameDecoder::new(match side {
                Side::A => Profile::for_client(true),
                Side::B => Profile::for_server(true),
            }));
            return;
        };
        decoder.push(item, &mut |event| {
            event.in_pieces().for_each(|event| self.take(event));
        });
        self.decoder = Some(decoder);
    }

    fn take(&mut self, event: FrameEvent<'_>) {
        match event {
            FrameEvent::Header(header) => {
                self.header = Some(header).filter(FrameHeader::rsv1);
                if self.header.is_some() {
                    self.messages.push(Vec::new());
                }
            }
            FrameEvent::Payload { bytes, position } => {
                let message = self.messages.last_mut();
                if let (Some(header), Some(message)) = (&self.header, message) {
                    let start = message.len();
                    message.extend_from_slice(bytes);
                    let key = header.masking_key.unwrap_or_default();
                    unmask(&mut message[start..], key, position);
                }
            }
            _ => {}
        }
    }
}

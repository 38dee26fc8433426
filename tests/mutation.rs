//! Captures of which packets are dropped, doubled, swapped, cut and flipped by chance.
//!
//! `WSDUMP_MUTATIONS` is how many variants of each capture are made; without it, as many as
//! take little time.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use support::loss::{Told, Way, tell_all, told, unknown, untrue};
use support::packet::{Trace, packets_of};
use support::random::Random;
use wsdump::Limits;
use wsdump::event::{Event, EventKind};

/// All captures that can be read, with their names.
fn captures() -> Vec<(String, Trace)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".pcap"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, packets_of(std::fs::read(path).unwrap()))
    };
    let captures: Vec<_> = paths.into_iter().map(read).collect();
    assert!(captures.len() > 100);
    captures
}

/// Captures that as a whole hide what a part of them shows, so that a part may tell more.
const HIDING: [&str; 12] = [
    // A message that cannot be inflated spoils those behind it, unless it is lost.
    "deflate_damaged.pcap",
    // Without the handshake, RSV1 is taken for compression.
    "deflate_reserved_bits.pcap",
    "ws_reserved_bits.pcap",
    // What comes behind a head that is too long is not read.
    "http_unexpected.pcap",
    "ip_fragments_lost.pcap",
    // Some bytes were sent twice, with different contents.
    "tcp_keep_alive.pcap",
    "tcp_overlap_delivered.pcap",
    "tcp_overlap_waiting.pcap",
    // Data comes behind an RST.
    "tcp_reset_by_client.pcap",
    // Two connections have the same addresses.
    "tcp_port_reuse.pcap",
    "tcp_tagged_and_untagged.pcap",
    "tcp_two_vlans.pcap",
];

/// How many variants to make of a capture.
fn variants(trace: &Trace) -> u64 {
    /// Bytes that go through the analyzer, in all variants of a capture.
    const BYTES: usize = 300_000;
    let asked = std::env::var("WSDUMP_MUTATIONS").ok();
    let bytes: usize = trace.iter().map(|packet| 100 + packet.data.len()).sum();
    asked.map_or((BYTES / (bytes + 1)).clamp(2, 50) as u64, |number| {
        number.parse().expect("WSDUMP_MUTATIONS is a number")
    })
}

/// Packets are swapped within so many, or over the whole capture.
const NEAR: usize = 3;

/// What is done to a capture: each to so many of a thousand packets.
#[derive(Clone, Copy, Debug, Default)]
struct Mutation {
    dropped: usize,
    doubled: usize,
    swapped: usize,
    /// Packets change their places with any others, not only with one of the next two.
    far: bool,
    cut: usize,
    flipped: usize,
}

impl Mutation {
    /// Most variants have several kinds of damage, from a packet here and there up to most.
    fn by_chance(random: &mut Random, flips: bool) -> Self {
        let mut rate = || match random.below(6) {
            0 | 1 => 0,
            2 => 5,
            3 => 20,
            4 => 100,
            _ => 300,
        };
        Self {
            dropped: rate(),
            doubled: rate(),
            swapped: rate(),
            cut: rate(),
            flipped: if flips { rate().max(1) } else { 0 },
            far: random.per_mille(300),
        }
    }

    fn apply(self, trace: &Trace, random: &mut Random) -> Trace {
        let mut mutated = Trace::with_capacity(trace.len() * 2);
        for packet in trace {
            if random.per_mille(self.dropped) {
                continue;
            }
            let mut packet = packet.clone();
            if random.per_mille(self.cut) {
                packet.data.truncate(random.below(packet.data.len() + 1));
            }
            if random.per_mille(self.flipped) && !packet.data.is_empty() {
                for _ in 0..=random.below(3) {
                    let at = random.below(packet.data.len());
                    packet.data[at] ^= 1 << random.below(8);
                }
            }
            if random.per_mille(self.doubled) {
                mutated.push(packet.clone());
            }
            mutated.push(packet);
        }
        let mut at = 0;
        while at < mutated.len() {
            if random.per_mille(self.swapped) {
                let reach = if self.far { mutated.len() } else { NEAR };
                let other = (at + random.below(reach)).min(mutated.len() - 1);
                mutated.swap(at, other);
                // None is moved on and on.
                at += NEAR - 1;
            }
            at += 1;
        }
        mutated
    }
}

/// Looks at each event by itself, and at their order.
#[derive(Default)]
struct Checked {
    ways: BTreeMap<Way, Told>,
    events: usize,
    last: BTreeMap<u64, u64>,
    ended: BTreeSet<u64>,
}

impl Checked {
    fn take(&mut self, event: &Event<'_>) {
        self.events += 1;
        let number = event.connection.number;
        let before = self.last.insert(number, event.at.packet);
        assert!(before <= Some(event.at.packet), "{event:?} comes too late");
        let is_tcp = matches!(event.kind, EventKind::Tcp(_));
        assert!(
            is_tcp || !self.ended.contains(&number),
            "{event:?} after the end"
        );
        match event.kind {
            EventKind::Frame { frame, .. } => {
                let header = frame.header;
                assert!(frame.missing <= header.payload_len, "{frame:?}");
            }
            EventKind::Message { message } => {
                assert!(!message.opcode.is_control(), "{message:?}");
                let kept = message.payload.len() as u64;
                assert!(kept <= message.length, "{message:?}");
                if message.complete {
                    let all = message
                        .length
                        .min(Limits::default().max_message_bytes as u64);
                    assert_eq!((kept, message.missing), (all, 0), "{:?}", message.opcode);
                }
            }
            EventKind::Anomaly(anomaly) => assert!(!anomaly.detail.is_empty(), "{anomaly:?}"),
            EventKind::Connection(_) => {
                self.ended.insert(number);
            }
            EventKind::Tcp(_) | EventKind::Request(_) | EventKind::Response { .. } => {}
        }
        let way = (event.source(), event.destination());
        self.ways.entry(way).or_default().take(event);
    }
}

fn checked(trace: &Trace) -> Checked {
    let mut checked = Checked::default();
    tell_all(trace, &mut |event| checked.take(event));
    let bytes: usize = trace.iter().map(|packet| packet.data.len()).sum();
    // The shortest frame takes two bytes, and is told with its message and what is wrong.
    let most = 10 * trace.len() + 2 * bytes;
    assert!(
        checked.events <= most,
        "{} events of {bytes} bytes",
        checked.events
    );
    checked
}

#[test]
fn whatever_is_done_to_packets_what_is_told_is_sound_and_what_was_sent() {
    let mut failures = Vec::new();
    for (name, trace) in captures() {
        let sent = (!HIDING.contains(&name.as_str())).then(|| told(&trace));
        for variant in 0..variants(&trace) {
            if let Err(why) = mutate(&trace, sent.as_ref(), variant) {
                failures.push(format!("{name}, variant {variant}: {why}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Makes one variant of a capture and looks at what is told of it.
fn mutate(trace: &Trace, sent: Option<&BTreeMap<Way, Told>>, variant: u64) -> Result<(), String> {
    let mut random = Random::new(variant);
    let flips = variant % 3 == 2;
    let mutation = Mutation::by_chance(&mut random, flips);
    let mutated = mutation.apply(trace, &mut random);
    let checked = std::panic::catch_unwind(|| checked(&mutated));
    let checked = checked.map_err(|_| format!("a panic, see above; {mutation:?}"))?;
    let Some(sent) = sent.filter(|_| !flips) else {
        return Ok(());
    };
    let nothing = Told::default();
    for (way, told) in &checked.ways {
        let sent = sent.get(way).unwrap_or(&nothing);
        // What comes before the first packet of its connection, or behind the last, is told
        // as a connection of its own.
        let untrue = if mutation.far {
            unknown(told, sent)
        } else {
            untrue(told, sent)
        };
        if let Some(untrue) = untrue {
            return Err(format!("{way:?}: {untrue} was not sent; {mutation:?}"));
        }
    }
    Ok(())
}

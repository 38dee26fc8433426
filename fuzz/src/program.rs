//! Target `program`: a capture, shown in every form, as the program shows it.
//!
//! # Input
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 1 | every packet (bit 0), small limits (bit 1), patience (bit 2), colour (bit 3), rows (bits 4 and 5), dump (bits 6 and 7) |
//! | 1 | columns of the terminal; no limit when 0 |
//! | 1 | format of time, and of what the table is sorted by |
//! | rest | the capture |
//!
//! # What has to hold
//!
//! - The summary counts what was told, and a connection ends once.
//! - What is held is bounded by the limits.
//! - Lines of `--json` are objects with a known type, in order of packets, unless rows did not
//!   wait for as long as they should, or a SYN was believed only when a later packet agreed
//!   with it. A HAR archive is JSON too. Rows of `--csv` all have its columns.
//! - Nothing that is printed acts on a terminal, but for colours where they are asked for.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use wsdump::event::{Event, EventKind, EventSink, OtherPacket};
use wsdump::flow::{Direction, TcpEventKind};
use wsdump::limits::FragmentLimits;
use wsdump::report::{
    Connections, Csv, Dump, Follow, FollowStyle, Har, Json, Ladder, LadderStyle, Ordered, Overview,
    RawPayload, Rows, Selection, SortKey, Style, TimeFormat, Timeline, View, closing_lines,
    undecoded,
};
use wsdump::{Config, Limits, Summary};

use crate::capture_run::{assert_harmless, read, without_colours};
use crate::input::Bytes;

/// All that is shown, and what was told.
struct Shown {
    views: Vec<Output>,
    connections: Connections,
    told: Told,
}

/// A view and what it wrote.
struct Output {
    name: &'static str,
    view: Box<dyn View>,
    written: Vec<u8>,
}

#[derive(Default)]
struct Told {
    messages: u64,
    anomalies: u64,
    ended: HashSet<u64>,
    /// A SYN was told later than its packet came.
    late_syn: bool,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let flags = bytes.u8();
    let width = bytes.u8();
    let choice = bytes.u8();
    let limits = if flags & 2 == 0 {
        Limits {
            // As the timeline has it: more is only slower.
            max_message_bytes: 64 << 10,
            max_inflated_bytes: 1 << 20,
            ..Limits::default()
        }
    } else {
        small_limits()
    };
    let config = Config {
        all: flags & 1 != 0,
        messages_only: false,
        limits,
        patience: (flags & 4 != 0).then_some(Duration::from_millis(30)),
    };
    let mut shown = Shown {
        views: views(flags, width, choice),
        connections: Connections::default(),
        told: Told::default(),
    };
    let read = read(bytes.0, config, &mut shown, |analyzer, shown| {
        shown.release(analyzer.undecided_from());
    });
    let Some(read) = read else { return };
    shown.finish(&read.summary);
    assert_eq!(read.summary.messages, shown.told.messages);
    // Of connections that carry no WebSocket they are told with every packet and not counted;
    // those that waited for too long are counted and not told.
    assert!(config.all || shown.told.anomalies <= read.summary.anomalies);
    for error in &read.errors {
        assert_harmless("error", error.to_string().as_bytes());
    }
    let in_order = config.patience.is_none() && !shown.told.late_syn;
    shown.check(in_order, config.limits.max_pending_row_bytes);
}

/// Limits that a small capture reaches.
pub(crate) fn small_limits() -> Limits {
    Limits {
        fragments: FragmentLimits {
            max_datagrams: 2,
            max_bytes: 2 << 10,
            max_age: Duration::from_secs(1),
            max_datagram_len: 1 << 10,
        },
        max_flows: 3,
        max_memory: 64 << 10,
        max_idle: Duration::from_secs(10),
        max_out_of_order_bytes: 512,
        max_unacknowledged_bytes: 128,
        max_head_bytes: 512,
        max_early_bytes: 256,
        max_message_bytes: 16,
        max_inflated_bytes: 256,
        max_inflated_ratio: 100,
        max_opening_events: 4,
        max_pending_pings: 2,
        max_search_bytes: 1 << 10,
        max_pending_row_bytes: 4 << 10,
    }
}

fn views(flags: u8, width: u8, choice: u8) -> Vec<Output> {
    let all = flags & 1 != 0;
    let color = flags & 8 != 0;
    let width = (width != 0).then_some(usize::from(width));
    let time = TimeFormat::ALL[usize::from(choice & 0xF) % TimeFormat::ALL.len()].1;
    let sort = SortKey::ALL[usize::from(choice >> 4) % SortKey::ALL.len()].1;
    let rows = match flags >> 4 & 3 {
        0 | 1 => Rows::Joined,
        2 => Rows::Frames,
        _ => Rows::Messages,
    };
    let dump = match flags >> 6 {
        0 | 1 => Dump::None,
        2 => Dump::Payload,
        _ => Dump::HeaderAndPayload,
    };
    let everything = Selection::default;
    let timeline = Style {
        width,
        color,
        time,
        dump,
        all,
        rows,
    };
    let follow = FollowStyle {
        width,
        color,
        time,
        pretty: all,
    };
    let ladder = LadderStyle {
        width: width.unwrap_or(100),
        color,
    };
    let narrow = width.and_then(|width| u16::try_from(width).ok());
    let mut views: Vec<(&str, Box<dyn View>)> = vec![
        ("json", Box::new(Ordered::new(Json::new(), everything()))),
        (
            "csv",
            Box::new(Ordered::new(Csv::new(time, rows, all), everything())),
        ),
        (
            "timeline",
            Box::new(Ordered::new(Timeline::new(timeline), everything())),
        ),
        (
            "follow",
            Box::new(Ordered::new(Follow::new(follow), everything())),
        ),
        (
            "ladder",
            Box::new(Ordered::new(Ladder::new(ladder), everything())),
        ),
        ("har", Box::new(Har::new())),
        ("overview", Box::new(Overview::new(sort, narrow))),
    ];
    for from in Direction::BOTH {
        views.push(("raw", Box::new(RawPayload::new(1, from))));
    }
    let output = |(name, view)| Output {
        name,
        view,
        written: Vec::new(),
    };
    views.into_iter().map(output).collect()
}

impl Shown {
    fn release(&mut self, before: u64) {
        for Output { view, written, .. } in &mut self.views {
            view.release(before, written).expect("a vector takes all");
        }
    }

    fn finish(&mut self, summary: &Summary) {
        for Output { view, written, .. } in &mut self.views {
            view.finish(summary, written).expect("a vector takes all");
        }
        let mut closing = closing_lines(summary);
        closing.extend(undecoded(summary));
        closing.push(self.connections.table(Some(80)));
        assert_harmless("closing lines", closing.join("\n").as_bytes());
    }

    fn check(&self, in_order: bool, most_waiting: usize) {
        for Output { name, written, .. } in &self.views {
            match *name {
                "json" => check_json(written, in_order && written.len() < most_waiting),
                "csv" => check_csv(written),
                "har" => check_har(written),
                "raw" => {}
                _ => assert_harmless(name, &without_colours(written)),
            }
        }
    }
}

fn check_json(written: &[u8], in_order: bool) {
    assert_harmless("json", written);
    let mut last = 0;
    for line in written.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").expect("a line that does not end");
        let value: Value = serde_json::from_slice(line).expect("no JSON");
        let kinds = [
            "tcp",
            "http",
            "frame",
            "message",
            "anomaly",
            "connection",
            "packet",
        ];
        let kind = value["type"].as_str().expect("no type");
        assert!(kinds.contains(&kind), "type {kind}");
        let packet = value["packet"].as_u64().expect("no packet");
        assert!(!in_order || last <= packet, "{packet} behind {last}");
        last = packet;
    }
}

fn check_csv(written: &[u8]) {
    let text = String::from_utf8(written.to_vec()).expect("no text");
    assert_harmless("csv", text.replace("\r\n", "\n").as_bytes());
    // It refuses rows that have not as many cells as the first.
    let mut reader = csv::Reader::from_reader(written);
    for row in reader.records() {
        let row = row.expect("no row");
        assert_eq!(row.len(), 8);
        for cell in &row {
            assert!(!cell.starts_with(['=', '+', '@']), "a formula: {cell}");
        }
    }
}

fn check_har(written: &[u8]) {
    let archive: Value = serde_json::from_slice(written).expect("no JSON");
    assert!(archive["log"]["entries"].is_array());
}

impl EventSink for Shown {
    fn event(&mut self, event: &Event<'_>) {
        let told = &mut self.told;
        match event.kind {
            EventKind::Message { .. } => told.messages += 1,
            EventKind::Anomaly(_) => told.anomalies += 1,
            EventKind::Tcp(tcp) if matches!(tcp.kind, TcpEventKind::Syn { .. }) => {
                told.late_syn |= event.packet.is_none();
            }
            EventKind::Connection(_) => {
                let number = event.connection.number;
                assert!(told.ended.insert(number), "{number} ends again");
            }
            _ => {}
        }
        if !matches!(event.kind, EventKind::Tcp(_) | EventKind::Connection(_)) {
            let number = event.connection.number;
            assert!(!told.ended.contains(&number), "{event:?} behind the end");
        }
        self.connections.event(event);
        for output in &mut self.views {
            output.view.event(event);
        }
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        for output in &mut self.views {
            output.view.other_packet(packet);
        }
    }
}

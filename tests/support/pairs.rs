//! Runs of one conversation that differ in one thing each, and capture files of them.

use super::{Client, Frame, Server, Tcp, Trace, Upgrade, close, cont, ping, pong, text};

/// Two runs, and whether the same is said in them: without the options, and with them.
pub struct Pair {
    pub options: &'static [&'static str],
    pub left: Trace,
    pub right: Trace,
    pub alike: [bool; 2],
}

/// For each option that says what is compared, two runs to which it matters.
pub fn pairs() -> [Pair; 6] {
    let json = |time: u32| one(&[text(format!(r#"{{"n":1,"ts":{time}}}"#))]);
    let order = |first: &str, second: &str| both(&at(first, 1), &at(second, 2));
    let agent = |name: &str| conversation(&Upgrade::new().asking("User-Agent", name), 1, &[], &[]);
    let pinged = conversation(&Upgrade::new(), 1, &[ping("?")], &[pong("?")]);
    let pair = |options, left, right, alike| Pair {
        options,
        left,
        right,
        alike,
    };
    let (apart, together) = ([false, true], [true, false]);
    [
        pair(&["--ignore", "$.ts"], json(5), json(6), apart),
        pair(
            &["--ignore-text", "id [0-9]+"],
            one(&[text("id 17")]),
            one(&[text("id 18")]),
            apart,
        ),
        pair(
            &["--ignore-order"],
            order("/a", "/b"),
            order("/b", "/a"),
            apart,
        ),
        pair(&["--ignore-pings"], one(&[]), pinged, apart),
        pair(
            &["--headers", "host,user-agent"],
            agent("one"),
            agent("two"),
            together,
        ),
        pair(
            &["--strict"],
            one(&[text("whole")]),
            one(&[text("who").more(), cont("le")]),
            together,
        ),
    ]
}

/// The bytes of a pcap file: microseconds, little-endian, Ethernet.
pub fn pcap(trace: &Trace) -> Vec<u8> {
    let header: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x0004_0000, 1];
    let mut file = header.map(u32::to_le_bytes).concat();
    for packet in trace {
        let micros = packet.time / 1_000;
        let parts = [micros / 1_000_000, micros % 1_000_000];
        let [seconds, micros] = parts.map(|part| u32::try_from(part).unwrap());
        let length = u32::try_from(packet.data.len()).unwrap();
        file.extend(
            [seconds, micros, length, packet.wire_len]
                .map(u32::to_le_bytes)
                .concat(),
        );
        file.extend(&packet.data);
    }
    file
}

/// A connection on which the server sends these frames.
fn one(frames: &[Frame]) -> Trace {
    conversation(&Upgrade::new(), 1, frames, &[])
}

/// A connection to this target.
fn at(target: &str, number: u16) -> Trace {
    let mut upgrade = Upgrade::new().request_line(&format!("GET {target} HTTP/1.1"));
    if number > 1 {
        // No two connections may have the same key.
        upgrade = upgrade
            .asking("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==")
            .answering("Sec-WebSocket-Accept", "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=");
    }
    conversation(&upgrade, number, &[], &[])
}

fn conversation(upgrade: &Upgrade, number: u16, server: &[Frame], client: &[Frame]) -> Trace {
    let mut tcp = Tcp::default();
    tcp.ends[0].set_port(50_000 + number);
    tcp.now += u64::from(number) * 1_000_000_000;
    tcp.handshake().upgrade(upgrade);
    tcp.frames(Server, server).frames(Client, client);
    tcp.frames(Client, &[text("done"), close(1000, "bye")]);
    tcp.frames(Server, &[close(1000, "bye")]);
    tcp.end();
    tcp.trace
}

fn both(first: &Trace, second: &Trace) -> Trace {
    first.iter().chain(second).cloned().collect()
}

//! Many connections at once, and many messages a second.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::Message;

use crate::endings::Counts;
use crate::endpoints::{Endpoints as _, Pair, listen, url};
use crate::said::{Client, Said, Told, Who};
use crate::sniffer::{Sniffer, permitted};
use crate::wait_until;

#[test]
fn two_hundred_connections_at_once_are_told_apart() {
    const CONNECTIONS: usize = 200;
    const THREADS: usize = 8;
    if !permitted() {
        return;
    }
    let (listener, port) = listen();
    let mut sniffer = Sniffer::on(port);
    let mut pairs: Vec<_> = (0..CONNECTIONS)
        .map(|_| Pair::connected(&listener))
        .collect();
    let mut said: BTreeMap<String, Vec<Said>> = BTreeMap::new();
    // All are open; now all talk.
    thread::scope(|scope| {
        let parts = pairs.chunks_mut(CONNECTIONS / THREADS);
        let threads: Vec<_> = parts
            .map(|pairs| scope.spawn(|| talk_in_turn(pairs)))
            .collect();
        for thread in threads {
            said.extend(thread.join().unwrap());
        }
    });
    for pair in pairs {
        let address = pair.client_address();
        let closes = pair.close(Client, 1000, &address);
        said.get_mut(&address).unwrap().extend(closes);
    }
    assert_eq!(said.len(), CONNECTIONS);
    for _ in 0..CONNECTIONS {
        sniffer.wait_for_end();
    }
    let ended = sniffer.interrupt();
    let told = Told::by_connection(&ended.lines);
    assert_eq!(told.len(), CONNECTIONS, "each has a number of its own");
    for connection in told.values() {
        let client = connection.end()["client"].as_str().unwrap();
        assert_eq!(connection.said(), said[client], "{client}");
        connection.went_well(&url(port));
    }
    assert_eq!(Counts::of(&ended.stderr).dropped, [0; 3]);
}

/// On each connection in turn a message from either side, several times; returns what was
/// said by the client's address.
fn talk_in_turn(pairs: &mut [Pair]) -> BTreeMap<String, Vec<Said>> {
    let mut said: BTreeMap<String, Vec<Said>> = BTreeMap::new();
    for number in 0..10 {
        for pair in &mut *pairs {
            let address = pair.client_address();
            for from in Who::BOTH {
                let text = format!("{number} on {address} from the {}", from.name());
                said.entry(address.clone())
                    .or_default()
                    .push(pair.text(from, &text));
            }
        }
    }
    said
}

/// Every message is one frame in one write. The rate is kept by the clock; where the machine
/// cannot, it takes longer: nobody sends on while [`AHEAD`] messages are not told yet.
#[test]
fn fifty_thousand_messages_a_second_are_all_told_in_order() {
    if !permitted() {
        return;
    }
    let (listener, port) = listen();
    let mut sniffer = Sniffer::with(&["--only", "message"], port);
    let pairs: Vec<_> = (0..CONNECTIONS)
        .map(|_| Pair::connected(&listener))
        .collect();
    let told = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let sending = {
        let told = Arc::clone(&told);
        thread::spawn(move || send_all(pairs, &told))
    };
    // The number of the next message by connection.
    let mut next: BTreeMap<u64, u64> = BTreeMap::new();
    while told.load(Ordering::Relaxed) < MESSAGES {
        let line = sniffer.line().expect("it goes on");
        let text = line["text"].as_str().unwrap();
        if let Ok(number) = text.parse::<u64>() {
            let next = next
                .entry(line["connection"].as_u64().unwrap())
                .or_default();
            assert_eq!(number, *next, "{line:?}");
            *next += 1;
            told.fetch_add(1, Ordering::Relaxed);
        }
    }
    let took = begin.elapsed();
    sending.join().unwrap();
    let ended = sniffer.interrupt();
    let counts = Counts::of(&ended.stderr);
    assert_eq!(counts.dropped, [0; 3], "{counts:?}");
    assert_eq!(next.len() as u64, CONNECTIONS);
    eprintln!("{MESSAGES} messages in {took:?}, {counts:?}");
}

/// Sends all messages, on each connection in turn, until [`MESSAGES`] were sent.
///
/// One side speaks, the other only reads: the client on every other connection, the server
/// on the rest. What is said is the message's number on its connection.
fn send_all(pairs: Vec<Pair>, told: &AtomicU64) {
    let mut speakers = Vec::new();
    let mut listeners = Vec::new();
    for (place, pair) in pairs.into_iter().enumerate() {
        let Pair { client, server } = pair;
        let (speaker, listener) = if place % 2 == 0 {
            (client, server)
        } else {
            (server, client)
        };
        speakers.push(speaker);
        let mut stream = listener.into_inner();
        listeners.push(thread::spawn(move || {
            io::copy(&mut stream, &mut io::sink())
        }));
    }
    let mut at = Instant::now();
    for sent in 0..MESSAGES {
        if sent % PER_TICK == 0 {
            // Who was late does not make up for all of it, which would be another rate.
            let now = Instant::now();
            at = (at + TICK).max(now.checked_sub(20 * TICK).unwrap_or(now));
            thread::sleep(at.saturating_duration_since(Instant::now()));
            wait_until("messages are told", || {
                sent - told.load(Ordering::Relaxed) < AHEAD
            });
        }
        let number = sent / CONNECTIONS;
        let speaker = &mut speakers[usize::try_from(sent % CONNECTIONS).unwrap()];
        speaker.send(Message::text(number.to_string())).unwrap();
    }
    // Only now the connections end.
    drop(speakers);
    for listener in listeners {
        listener.join().unwrap().unwrap();
    }
}

const CONNECTIONS: u64 = 10;

/// Ten seconds of them.
const MESSAGES: u64 = 500_000;

const TICK: Duration = Duration::from_millis(1);

/// 50,000 messages a second.
const PER_TICK: u64 = 50;

/// Messages of which nothing was told yet, at most. Their packets, acknowledgments too, fit
/// into the kernel's buffer even if the program does not run at all.
const AHEAD: u64 = 20_000;

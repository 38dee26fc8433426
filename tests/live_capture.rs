//! Capturing on loopback, and only there.
//!
//! Without permission to capture, each test is left out, see `left_out`.

#![cfg(feature = "live")]

#[path = "support/left_out.rs"]
mod left_out;

use std::error::Error;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use wsdump::capture::live::{BpfFilter, LiveCapture, LiveError, LiveOptions, interfaces, nearest};
use wsdump::capture::save::{Format, Rotation, Saved, Saver};
use wsdump::capture::{LinkType, Next, PacketSource, open};
use wsdump::time::Timestamp;

use left_out::leave_out;

type Outcome = Result<(), Box<dyn Error>>;

/// Two sockets on loopback, one of which sends to the other.
struct Pair {
    sender: UdpSocket,
    _receiver: UdpSocket,
    port: u16,
}

impl Pair {
    fn new() -> std::io::Result<Self> {
        let receiver = UdpSocket::bind("127.0.0.1:0")?;
        let sender = UdpSocket::bind("127.0.0.1:0")?;
        let port = receiver.local_addr()?.port();
        sender.connect(("127.0.0.1", port))?;
        Ok(Self {
            sender,
            _receiver: receiver,
            port,
        })
    }

    /// That takes this pair's datagrams and nothing else.
    fn options(&self) -> LiveOptions {
        LiveOptions {
            filter: Some(format!("udp dst port {}", self.port)),
            ..LiveOptions::default()
        }
    }
}

/// An open capture; `None` where that is not permitted.
fn permitted(interface: &str, options: &LiveOptions) -> Result<Option<LiveCapture>, LiveError> {
    match LiveCapture::open(interface, options) {
        Err(error @ LiveError::NotPermitted { .. }) => {
            leave_out(error);
            Ok(None)
        }
        opened => opened.map(Some),
    }
}

/// The last byte of each packet that comes until there are `count`, or until the end.
///
/// Only a capture that never gives them runs into the time limit.
fn last_bytes(capture: &mut LiveCapture, count: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let begin = Instant::now();
    let mut bytes = Vec::new();
    while bytes.len() < count {
        match capture.next_within(Duration::from_millis(100))? {
            Next::Packet(packet) => bytes.extend(packet.data.last()),
            Next::End => break,
            Next::TimedOut if begin.elapsed() > HANG => return Err("no packets".into()),
            Next::TimedOut => {}
        }
    }
    Ok(bytes)
}

const LOOPBACK: &str = if cfg!(target_os = "linux") {
    "lo"
} else {
    "lo0"
};

const HANG: Duration = Duration::from_secs(60);

#[test]
fn each_packet_on_loopback_comes_once_and_in_order() -> Outcome {
    let pair = Pair::new()?;
    let Some(mut capture) = permitted(LOOPBACK, &pair.options())? else {
        return Ok(());
    };
    for number in 0..200 {
        pair.sender.send(&[number])?;
    }
    capture.stop_handle().stop();
    let expected: Vec<u8> = (0..200).collect();
    assert_eq!(last_bytes(&mut capture, usize::MAX)?, expected);
    let stats = capture.stats();
    assert_eq!((stats.captured, stats.dropped_by_wsdump), (200, 0));
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn each_packet_on_loopback_comes_once_from_all_interfaces_too() -> Outcome {
    let pair = Pair::new()?;
    let Some(mut capture) = permitted("any", &pair.options())? else {
        return Ok(());
    };
    assert!([LinkType::LINUX_SLL, LinkType::LINUX_SLL2].contains(&capture.link_type()));
    for number in 0..50 {
        pair.sender.send(&[number])?;
    }
    capture.stop_handle().stop();
    let expected: Vec<u8> = (0..50).collect();
    assert_eq!(last_bytes(&mut capture, usize::MAX)?, expected);
    Ok(())
}

#[test]
fn packets_come_while_the_capture_goes_on() -> Outcome {
    let pair = Pair::new()?;
    let Some(mut capture) = permitted(LOOPBACK, &pair.options())? else {
        return Ok(());
    };
    assert!(matches!(
        capture.next_within(Duration::ZERO)?,
        Next::TimedOut
    ));
    for number in 0..3 {
        pair.sender.send(&[number])?;
        assert_eq!(last_bytes(&mut capture, 1)?, [number]);
    }
    assert_eq!(capture.stats().captured, 3);
    Ok(())
}

#[test]
fn a_packet_has_the_time_of_now_and_what_it_was_cut_to() -> Outcome {
    let pair = Pair::new()?;
    let options = LiveOptions {
        snaplen: 60,
        ..pair.options()
    };
    let Some(mut capture) = permitted(LOOPBACK, &options)? else {
        return Ok(());
    };
    let now = || {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
        since.map(|since| since.as_nanos())
    };
    let before = now()?;
    pair.sender.send(&[7; 1_000])?;
    let Some(packet) = capture.next_packet()? else {
        return Err("the capture ended".into());
    };
    // Clocks of the system and of packets may differ by a little, not by a second: times
    // in a wrong unit would by decades.
    let (time, second) = (u128::from(packet.time.0), 1_000_000_000);
    assert!(before - second < time && time < now()? + second, "{time}");
    assert_eq!(packet.data.len(), 60);
    let headers = if packet.link_type == LinkType::ETHERNET {
        14
    } else {
        4
    };
    assert_eq!(packet.wire_len, headers + 20 + 8 + 1_000);
    Ok(())
}

#[test]
fn a_capture_is_stopped_from_another_thread_while_the_reader_waits() -> Outcome {
    let pair = Pair::new()?;
    let Some(mut capture) = permitted(LOOPBACK, &pair.options())? else {
        return Ok(());
    };
    let stop = capture.stop_handle();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        stop.stop();
        Instant::now()
    });
    assert!(capture.next_packet()?.is_none());
    let stopped = thread.join().map_err(|_| "the thread panicked")?;
    assert!(stopped.elapsed() < HANG);
    assert!(matches!(capture.next_within(HANG)?, Next::End));
    Ok(())
}

#[test]
fn a_reader_that_is_too_slow_loses_what_does_not_fit_and_knows_how_much() -> Outcome {
    let pair = Pair::new()?;
    let options = LiveOptions {
        queue_size: 1 << 20,
        ..pair.options()
    };
    let Some(mut capture) = permitted(LOOPBACK, &options)? else {
        return Ok(());
    };
    let begin = Instant::now();
    while capture.stats().dropped_by_wsdump == 0 {
        pair.sender.send(&[0; 8_000])?;
        assert!(begin.elapsed() < HANG);
    }
    capture.stop_handle().stop();
    let read = last_bytes(&mut capture, usize::MAX)?.len();
    let stats = capture.stats();
    assert_eq!(stats.captured, read as u64);
    // The queue was full: of chunks, each with less than a packet's room left.
    assert!(read * 8_000 > (1 << 20) * 9 / 10, "{read}");
    Ok(())
}

#[test]
fn what_was_captured_can_be_saved_and_read_back() -> Outcome {
    let pair = Pair::new()?;
    let Some(mut capture) = permitted(LOOPBACK, &pair.options())? else {
        return Ok(());
    };
    for number in 0..20 {
        pair.sender.send(&[number])?;
    }
    capture.stop_handle().stop();

    let directory = tempfile::tempdir()?;
    let path = directory.path().join("saved.pcap");
    let format = Format::Pcap {
        link_type: capture.link_type(),
        nanoseconds: capture.has_nanoseconds(),
        snaplen: capture.snaplen(),
    };
    let mut saver = Saver::create(&path, format, Rotation::default(), Timestamp(0))?;
    let filter = BpfFilter::compile(capture.link_type(), &format!("dst port {}", pair.port))?;
    let mut captured = Vec::new();
    while let Some(packet) = capture.next_packet()? {
        assert!(filter.matches(packet.data));
        assert_eq!(saver.write(&packet)?, Saved::Written);
        captured.push((packet.time, packet.wire_len, packet.data.to_vec()));
    }
    saver.finish()?;
    let mut read_back = Vec::new();
    let mut source = open(&path)?;
    while let Some(packet) = source.next_packet()? {
        read_back.push((packet.time, packet.wire_len, packet.data.to_vec()));
    }
    assert_eq!(read_back.len(), 20);
    assert_eq!(read_back, captured);
    Ok(())
}

#[test]
fn a_wrong_filter_gets_the_reason_and_the_place() {
    let options = LiveOptions {
        filter: Some("tcp port 80 adn udp".to_owned()),
        ..LiveOptions::default()
    };
    let text = match permitted(LOOPBACK, &options) {
        Err(error) => error.to_string(),
        Ok(Some(_)) => String::new(),
        Ok(None) => return,
    };
    let start = "capture filter 'tcp port 80 adn udp': ";
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with("syntax error after 'tcp port 80'"), "{text}");
}

#[test]
fn an_interface_that_is_not_there_gets_the_nearest_name() -> Outcome {
    let interfaces = interfaces()?;
    if !interfaces
        .iter()
        .any(|interface| interface.name == LOOPBACK)
    {
        leave_out("no loopback is listed here");
        return Ok(());
    }
    // Near to no other name that machines have.
    let wrong = if cfg!(target_os = "linux") {
        "loo"
    } else {
        "ol0"
    };
    assert_eq!(nearest(wrong, &interfaces), Some(LOOPBACK));
    let error = LiveCapture::open(wrong, &LiveOptions::default()).err();
    let text = error.map(|error| error.to_string()).unwrap_or_default();
    let expected = format!("{wrong}: no such interface; did you mean {LOOPBACK}?");
    assert!(text.starts_with(&expected), "{text}");
    Ok(())
}

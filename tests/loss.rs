//! Captures of which packets are missing: nothing is invented, and what is left is found.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;

use support::loss::{Tally, Whole};
use support::packet::packets_of;

fn recorded(name: &str) -> Whole {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    Whole::new(packets_of(std::fs::read(folder.join(name)).unwrap()))
}

#[test]
fn whatever_packets_are_lost_no_frame_is_invented_and_no_message_is_wrong() {
    for name in ["many.pcap.gz", "deflate.pcap", "fragments.pcap"] {
        let whole = recorded(name);
        for per_mille in [10, 50, 200] {
            for seed in 0..3 {
                let tally = whole.lose(per_mille, seed);
                let told = format!("{name}, {per_mille} of 1000 lost, seed {seed}");
                assert_eq!((tally.invented, tally.wrong), (0, 0), "{told}");
                assert!(tally.surviving > 0, "{told}");
            }
        }
    }
}

#[test]
fn where_nothing_is_lost_all_is_found() {
    for name in [
        "many.pcap.gz",
        "deflate.pcap",
        "fragments.pcap",
        "big.pcap.zst",
    ] {
        let tally = recorded(name).lose(0, 0);
        let all = tally.surviving;
        assert!(all >= 20, "{name} holds {all} messages");
        let expected = Tally {
            packets: tally.packets,
            surviving: all,
            found: all,
            whole: all,
            ..Tally::default()
        };
        assert_eq!(tally, expected, "{name}");
    }
}

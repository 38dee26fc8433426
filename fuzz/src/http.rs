//! Target `http`: both directions of a connection that may become WebSocket.
//!
//! # Input
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 1 | small limits (bit 0) |
//! | 1 | how chunks are cut the second time, see [`pieces`] |
//! | parts | who sends (bit 0), a gap (bit 1); bytes, or the length of a gap in 4 bytes |
//!
//! # What has to hold
//!
//! - However chunks are cut, the same heads are found, and the same bytes behind them, as long
//!   as nothing is missing: after a gap a segment that begins like a head is where reading
//!   goes on. What a client may send early is counted with what each piece costs.
//! - Heads are not longer than the limit, and what is held is bounded by it.
//! - A handshake is judged without a panic, and the same twice.

use wsdump::Limits;
use wsdump::flow::{Direction, GapCause, StreamItem};
use wsdump::http::{Exchange, HttpItem, RequestHead};
use wsdump::ws::handshake;

use crate::input::{Bytes, Parts, pieces};

/// What was found.
#[derive(Debug, Default, PartialEq)]
struct Told {
    items: Vec<String>,
    /// Bytes of the next protocol.
    switched: [Vec<u8>; 2],
    /// It went on with HTTP after answers were lost.
    goes_on: bool,
    /// Heads of requests, for the handshakes.
    request: Option<RequestHead>,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let small = bytes.u8() & 1 != 0;
    let cut = bytes.u8();
    let limits = if small {
        Limits {
            max_head_bytes: 256,
            max_early_bytes: 256,
            ..Limits::default()
        }
    } else {
        Limits {
            // So that what each piece costs beside its bytes does not matter.
            max_early_bytes: 1 << 30,
            ..Limits::default()
        }
    };
    let steps = steps(bytes);
    let told = tell(&steps, &limits, None);
    let again = tell(&steps, &limits, Some(cut));
    let is_whole = |(_, item): &(_, StreamItem<'_>)| matches!(item, StreamItem::Chunk(_));
    if !small && steps.iter().all(is_whole) {
        assert_eq!(told, again, "the cuts change what is told");
    }
}

fn steps(bytes: Bytes<'_>) -> Vec<(Direction, StreamItem<'_>)> {
    let mut steps = Vec::new();
    for (tag, mut part) in Parts(bytes) {
        let direction = Direction::BOTH[usize::from(tag & 1)];
        if tag & 2 != 0 {
            let gap = StreamItem::Gap {
                len: part.number(4) + 1,
                cause: GapCause::NotCaptured,
            };
            steps.push((direction, gap));
        } else if !part.0.is_empty() {
            steps.push((direction, StreamItem::Chunk(part.0)));
        }
    }
    steps
}

fn tell(steps: &[(Direction, StreamItem<'_>)], limits: &Limits, cut: Option<u8>) -> Told {
    // A head that is held with the chunk that ended it, and requests that wait.
    const MOST: usize = 2 * 2 * (1 << 16) + (1 << 16);
    let mut exchange = Exchange::default();
    let mut told = Told::default();
    let mut fed = 0;
    for (direction, item) in steps {
        let mut push = |item: StreamItem<'_>| {
            if let StreamItem::Chunk(bytes) = item {
                fed += bytes.len() + 64;
            }
            exchange.push(*direction, item, limits, &mut |found| {
                told.take(found, limits);
            });
            let early = limits.max_early_bytes.min(fed);
            let bound = 4 * limits.max_head_bytes + 4 * early + MOST;
            assert!(exchange.heap_bytes() <= bound, "too much is held");
        };
        match (*item, cut) {
            (StreamItem::Chunk(bytes), Some(seed)) => {
                pieces(bytes, seed).map(StreamItem::Chunk).for_each(push);
            }
            (item, _) => push(item),
        }
    }
    if exchange.awaits_switch() {
        exchange.give_up_answer(limits, &mut |found| told.take(found, limits));
        assert!(exchange.is_switched() || told.goes_on);
    }
    told
}

impl Told {
    fn take(&mut self, item: HttpItem<'_>, limits: &Limits) {
        match item {
            HttpItem::Switched(direction, StreamItem::Chunk(bytes)) => {
                assert!(!bytes.is_empty(), "an empty chunk");
                self.switched[direction.index()].extend_from_slice(bytes);
            }
            HttpItem::Request(head) => {
                assert!(head.wire_len <= limits.max_head_bytes);
                let judged = || {
                    let mut found = Vec::new();
                    handshake::check_request(&head, &mut |anomaly| found.push(anomaly));
                    found
                };
                let found = format!("{head:?} {:?}", judged());
                assert_eq!(format!("{:?}", judged()), format!("{:?}", judged()));
                let kind = (
                    handshake::is_upgrade_request(&head),
                    handshake::has_key(&head),
                );
                self.items
                    .push(format!("{found} {kind:?} {:?}", head.authority_and_path()));
                self.request = Some(head);
            }
            HttpItem::Response { head, expected } => {
                assert!(head.wire_len <= limits.max_head_bytes);
                let mut found = Vec::new();
                let request = self.request.as_ref();
                let agreement = handshake::check_response(request, &head, &mut |anomaly| {
                    found.push(anomaly);
                });
                for direction in Direction::BOTH {
                    let window = agreement.deflate.map(|deflate| deflate.window(direction));
                    assert!(window.is_none_or(|window| (8..=15).contains(&window.bits)));
                }
                let agrees = handshake::is_upgrade_response(&head);
                self.items.push(format!(
                    "{head:?} {expected} {agrees} {agreement:?} {found:?}"
                ));
            }
            other => {
                self.goes_on |= matches!(other, HttpItem::AnswersLost(_));
                self.items.push(format!("{other:?}"));
            }
        }
    }
}

//! The last stage: a WebSocket session, told as events and summed up.

use std::time::Duration;

use super::connection::Scope;
use crate::event::{CloseReport, ConnectionReport, DirectionTotals, EventKind, UpgradeOutcome};
use crate::flow::{Direction, GapCause, StreamItem, TcpEnd};
use crate::http::Exchange;
use crate::ws::{Agreement, OpCode, Session, SessionItem, Start};

/// A connection after its opening handshake.
#[derive(Debug)]
pub(super) struct WebSocket {
    session: Session,
    tally: Tally,
    /// Nothing of the client was taken yet.
    client_silent: bool,
}

/// What the report at the end needs.
#[derive(Debug)]
struct Tally {
    upgrade: Option<Duration>,
    agreement: Option<Agreement>,
    /// What `agreement` takes; it does not change.
    agreement_heap_bytes: usize,
    totals: [Totals; 2],
    /// The first Close frame of each direction was seen.
    closed: [bool; 2],
    close: Option<Box<CloseReport>>,
}

/// What [`DirectionTotals`] says of WebSocket.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    frames: u64,
    messages: u64,
    bytes: u64,
}

impl WebSocket {
    /// `agreement` is `None` when the response was not captured whole; `starts` tells for
    /// either direction, the client's first, where its bytes begin.
    pub(super) fn new(
        scope: &mut Scope<'_, '_>,
        agreement: Option<Agreement>,
        upgrade: Option<Duration>,
        starts: [Start; 2],
    ) -> Self {
        scope.show();
        scope.teller.outcome = UpgradeOutcome::Upgraded;
        let limits = &scope.driver.config.limits;
        Self {
            session: Session::new(agreement.as_ref(), starts, limits),
            tally: Tally {
                upgrade,
                agreement_heap_bytes: agreement.as_ref().map_or(0, Agreement::heap_bytes),
                agreement,
                totals: Default::default(),
                closed: [false; 2],
                close: None,
            },
            client_silent: true,
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.session.heap_bytes() + self.tally.heap_bytes()
    }

    pub(super) fn push(
        &mut self,
        scope: &mut Scope<'_, '_>,
        direction: Direction,
        mut item: StreamItem<'_>,
    ) {
        if direction == Direction::ClientToServer && std::mem::take(&mut self.client_silent) {
            item = without_late_request(item);
        }
        let limits = &scope.driver.config.limits;
        let Self { session, tally, .. } = self;
        session.push(direction, item, scope.at, limits, &mut |item| {
            tally.tell(scope, direction, item);
        });
    }

    /// Ends the session and sums the connection up in `report`.
    pub(super) fn finish(mut self, scope: &mut Scope<'_, '_>, report: &mut ConnectionReport) {
        let limits = &scope.driver.config.limits;
        let Self { session, tally, .. } = &mut self;
        for direction in Direction::BOTH {
            session.finish(direction, scope.at, limits, &mut |item| {
                tally.tell(scope, direction, item);
            });
        }
        let tally = self.tally;
        report.upgrade = tally.upgrade;
        if let Some(agreement) = tally.agreement {
            report.subprotocol = agreement.subprotocol;
            report.extensions = agreement.extensions;
        }
        for (total, told) in report.totals.iter_mut().zip(tally.totals) {
            *total = DirectionTotals {
                frames: told.frames,
                messages: told.messages,
                bytes: told.bytes,
                segments: total.segments,
            };
        }
        report.close = tally.close.map(|close| CloseReport {
            clean: tally.closed == [true; 2] && scope.flow.end == TcpEnd::Fin,
            ..*close
        });
    }
}

/// The request that was answered may be captured after the answer, while another was taken
/// for it. It is no frame.
fn without_late_request(item: StreamItem<'_>) -> StreamItem<'_> {
    match item {
        StreamItem::Chunk(bytes) if Exchange::may_begin_request(bytes) == Some(true) => {
            StreamItem::Gap {
                len: bytes.len() as u64,
                cause: GapCause::NotCaptured,
            }
        }
        _ => item,
    }
}

impl Tally {
    fn heap_bytes(&self) -> usize {
        let close = self.close.as_ref();
        let close = close.map(|close| size_of::<CloseReport>() + close.reason.capacity());
        self.agreement_heap_bytes + close.unwrap_or_default()
    }

    fn tell(&mut self, scope: &mut Scope<'_, '_>, direction: Direction, item: SessionItem<'_>) {
        let way = direction.index();
        let side = scope.side(direction);
        match item {
            SessionItem::Anomaly(anomaly) => scope.anomaly(side, &anomaly),
            SessionItem::PingForgotten => scope.driver.shared.summary.pings_forgotten += 1,
            SessionItem::Frame { frame, answers } => {
                let totals = &mut self.totals[way];
                totals.frames += 1;
                if !frame.cut_short {
                    totals.bytes += frame.header.payload_len;
                }
                if frame.header.opcode == OpCode::Close && !self.closed[way] {
                    self.closed[way] = true;
                    let body = frame.close();
                    self.close.get_or_insert_with(|| {
                        Box::new(CloseReport {
                            code: body.map(|(code, _)| code),
                            reason: body.map_or(String::new(), |(_, reason)| {
                                String::from_utf8_lossy(reason).into_owned()
                            }),
                            initiator: direction,
                            clean: false,
                        })
                    });
                }
                let is_wanted = !scope.driver.config.messages_only;
                if is_wanted || !frame.header.opcode.is_data() {
                    let frame = *frame;
                    scope.tell(side, EventKind::Frame { frame, answers });
                }
            }
            SessionItem::Message(message) => {
                self.totals[way].messages += 1;
                scope.driver.shared.summary.messages += 1;
                let message = *message;
                scope.tell(side, EventKind::Message { message });
            }
        }
    }
}

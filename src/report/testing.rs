//! A printer that says little, and what it is told, for the tests of this module.

use super::{Printer, Row, RowByRow};
use crate::event::{Event, EventKind, EventSink, OpeningFacts, Peers};
use crate::flow::{Direction, TcpEvent, TcpEventKind};
use crate::time::{Moment, Timestamp};
use crate::wire::TcpFlags;

/// Prints nothing but packet and connection number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers;

impl Printer for Numbers {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(format!("/{} ", event.connection.number).as_bytes());
        0
    }

    fn prefix(&mut self, row: &Row, out: &mut Vec<u8>) {
        out.extend_from_slice(row.packet.to_string().as_bytes());
    }
}

impl RowByRow for Numbers {}

/// Tells an event of this packet and connection.
pub(super) fn tell(sink: &mut (impl EventSink + ?Sized), packet: u64, connection: u64) {
    let end = ([127, 0, 0, 1], 1).into();
    sink.event(&Event {
        at: Moment {
            packet,
            time: Timestamp(packet),
        },
        elapsed: 0,
        connection: Peers {
            number: connection,
            client: end,
            server: end,
        },
        packet: None,
        opening: OpeningFacts::default(),
        from: Direction::ClientToServer,
        kind: EventKind::Tcp(TcpEvent {
            kind: TcpEventKind::Ack,
            flags: TcpFlags::ACK,
            seq: 0,
            ack: None,
            length: 0,
        }),
    });
}

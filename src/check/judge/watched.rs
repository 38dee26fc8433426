//! What is remembered of a connection while it is open.

use super::Bench;
use super::fault::Fault;
use super::keys::Mark;
use super::pings::Pings;
use crate::check::Place;
use crate::flow::{Direction, TcpEvent, TcpEventKind};
use crate::ws::CloseCode;

/// An open connection.
#[derive(Debug, Default)]
// Facts that neither imply nor exclude each other.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Watched {
    /// The key of a request that was not answered yet.
    pub(super) key: Option<Mark>,
    /// The latest request was captured whole, and nothing is missing since.
    pub(super) asked_whole: bool,
    /// The server has accepted an upgrade.
    pub(super) accepted: bool,
    /// So has it, in answer to a request, and of all since then nothing is missing.
    pub(super) whole: bool,
    /// Where the packet of the 101 ends in the server's stream.
    pub(super) accepted_end: Option<i64>,
    /// The 101 broke a rule over which the client has to fail the connection.
    pub(super) opening_fault: Option<Fault>,
    /// Who sent the first Close frame.
    pub(super) closer: Option<Direction>,
    pub(super) sides: [Half; 2],
}

/// What one side sent.
#[derive(Debug, Default)]
// As above.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Half {
    /// Its frames are read, and none is missing since one was.
    pub(super) in_step: bool,
    /// It broke a requirement since the upgrade was accepted, so its peer may have left
    /// without a word (RFC 6455 §7.1.7).
    pub(super) faulty: bool,
    /// The first breach for which its peer has to fail the connection.
    pub(super) fault: Option<Fault>,
    /// That the peer did not was said.
    pub(super) fault_told: bool,
    pub(super) pings: Pings,
    /// It sends Pongs that no Ping asked for.
    pub(super) volunteers: bool,
    /// The last of those: the mark of its payload, and what its sender had received.
    pub(super) volunteered: Option<(u64, i64)>,
    pub(super) close: Option<Close>,
    pub(super) end: Option<End>,
    /// The last segment that was sent again.
    pub(super) retransmission: Option<Place>,
    /// The last packet that filled a gap, so that what it completes may reach beyond it, or
    /// with which its frames are read again, of which some may lie before it.
    pub(super) filled: u64,
    /// Where the last packet ends of which something was told: bytes behind it may be missing.
    pub(super) told: i64,
}

/// The first Close frame of a side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Close {
    pub(super) code: Option<CloseCode>,
    pub(super) place: Place,
    /// Where its packet ends in the stream of its sender, if that is known.
    pub(super) end: Option<i64>,
    /// It was sent after a frame for which the peer has to fail the connection.
    pub(super) after_fault: bool,
}

/// How a side ended TCP first.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) what: &'static str,
    pub(super) place: Place,
    /// What it had received, by its own word.
    pub(super) received: Option<i64>,
}

impl End {
    /// Whether who ended TCP had received its peer's bytes before `end`.
    pub(super) fn had_received(&self, end: Option<i64>) -> bool {
        end.is_some_and(|end| self.received.is_some_and(|received| received >= end))
    }
}

impl Watched {
    /// What `from` sent.
    pub(super) fn half(&self, from: Direction) -> &Half {
        &self.sides[from.index()]
    }

    pub(super) fn half_mut(&mut self, from: Direction) -> &mut Half {
        &mut self.sides[from.index()]
    }

    /// Own half and the peer's.
    pub(super) fn halves(&mut self, from: Direction) -> [&mut Half; 2] {
        let [client, server] = &mut self.sides;
        match from {
            Direction::ClientToServer => [client, server],
            Direction::ServerToClient => [server, client],
        }
    }

    /// Bytes of `from` are missing.
    pub(super) fn lost(&mut self, from: Direction) {
        self.asked_whole = false;
        self.whole = false;
        self.sides[from.index()].in_step = false;
        for half in &mut self.sides {
            half.pings.clear();
        }
    }

    /// A packet came that lay before others, or frames are read again.
    pub(super) fn filled(&mut self, bench: &Bench<'_>) {
        self.half_mut(bench.event.from).filled = bench.event.at.packet;
    }

    pub(super) fn retransmitted(&mut self, bench: &Bench<'_>) {
        self.half_mut(bench.event.from).retransmission = Some(bench.place());
    }

    pub(super) fn ended(&mut self, bench: &Bench<'_>, fact: &TcpEvent) {
        let what = if fact.kind == TcpEventKind::Rst {
            "RST"
        } else {
            "FIN"
        };
        self.half_mut(bench.event.from).end.get_or_insert(End {
            what,
            place: bench.place(),
            received: fact.ack,
        });
    }

    /// Something was told of a packet.
    pub(super) fn told(&mut self, bench: &Bench<'_>) {
        if let Some(end) = bench.end() {
            let half = self.half_mut(bench.event.from);
            half.told = half.told.max(end);
        }
    }

    /// A request came, whole or not.
    pub(super) fn asked(&mut self, truncated: bool) {
        self.asked_whole = !truncated;
    }

    /// The server accepted the upgrade; `whole` says whether both heads were captured whole.
    pub(super) fn accepted(&mut self, bench: &Bench<'_>, whole: bool) {
        self.accepted = true;
        self.whole = whole && self.asked_whole;
        self.accepted_end = self.end_of_frame(bench);
        for half in &mut self.sides {
            half.in_step = self.whole;
        }
    }

    /// Where the packet of an event ends in its sender's stream, unless what it completes
    /// reaches beyond it.
    pub(super) fn end_of_frame(&self, bench: &Bench<'_>) -> Option<i64> {
        let filled = self.half(bench.event.from).filled;
        bench.end().filter(|_| filled != bench.event.at.packet)
    }
}

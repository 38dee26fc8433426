//! Addresses as text, remembered: row after row repeats them.

use crate::event::{Event, Peers};
use crate::flow::Direction;

/// The ends of the connections that spoke last, as text.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    /// By the number of the connection; several may share a place.
    known: Vec<Option<Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    peers: Peers,
    client: String,
    server: String,
}

/// More connections rarely speak in turn.
const PLACES: usize = 256;

impl Addresses {
    /// Source and destination of an event.
    pub(super) fn of(&mut self, event: &Event<'_>) -> (&str, &str) {
        let peers = event.connection;
        if self.known.is_empty() {
            self.known.resize_with(PLACES, || None);
        }
        let place = usize::try_from(peers.number % PLACES as u64).unwrap_or(0);
        let known = &mut self.known[place];
        if known.as_ref().is_none_or(|known| known.peers != peers) {
            *known = None;
        }
        let known = known.get_or_insert_with(|| Known {
            peers,
            client: peers.client.to_string(),
            server: peers.server.to_string(),
        });
        match event.from {
            Direction::ClientToServer => (&known.client, &known.server),
            Direction::ServerToClient => (&known.server, &known.client),
        }
    }
}

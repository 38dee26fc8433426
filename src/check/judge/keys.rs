//! Values of Sec-WebSocket-Key, and where each was sent.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sha1::{Digest, Sha1};

use crate::check::Place;

/// The keys of a capture's upgrade requests.
///
/// A proxy that hands a request on, and address translation that is captured on both sides,
/// show one request twice. The copy is sent before the original is answered, so it is told
/// apart from a key that a client uses again.
#[derive(Debug, Default)]
pub(super) struct Keys {
    sent: HashMap<Mark, Sent, foldhash::fast::RandomState>,
}

/// Stands for a key: texts from the network have any length.
pub(super) type Mark = [u8; 20];

/// Keys that are remembered. Those of later requests are compared with them only.
const MAX_KEYS: usize = 1 << 16;

/// The latest request that had a key, copies not counted.
#[derive(Clone, Copy, Debug)]
struct Sent {
    place: Place,
    /// It was not answered yet.
    waits: bool,
}

/// Two requests with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    pub(super) first: Place,
    pub(super) second: Place,
}

impl Keys {
    /// Takes note of a request, and says whether its key was sent before.
    pub(super) fn sent(&mut self, key: &str, place: Place) -> (Mark, Option<Repeated>) {
        let mark = Sha1::digest(key).into();
        let waits = true;
        let is_full = self.sent.len() >= MAX_KEYS;
        let known = match self.sent.entry(mark) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                if !is_full {
                    new.insert(Sent { place, waits });
                }
                return (mark, None);
            }
        };
        // A request that is repeated on its connection, with credentials this time, opens the
        // same WebSocket connection.
        if known.waits || known.place.connection == place.connection {
            return (mark, None);
        }
        // What opens a connection may be told later than packets of others.
        let (first, second) = if known.place.packet <= place.packet {
            (known.place, place)
        } else {
            (place, known.place)
        };
        *known = Sent { place, waits };
        (mark, Some(Repeated { first, second }))
    }

    /// The request with this key on a connection was answered, or will not be.
    pub(super) fn answered(&mut self, mark: &Mark, connection: u64) {
        if let Some(sent) = self.sent.get_mut(mark) {
            sent.waits &= sent.place.connection != connection;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends requests, each with its key and connection, and answers those whose connection
    /// comes with a minus; says which packets repeat a key, and which one's.
    fn repeated(requests: &[(&str, i64)]) -> Vec<(u64, u64)> {
        let mut keys = Keys::default();
        let mut found = Vec::new();
        for (packet, &(key, connection)) in (1..).zip(requests) {
            let place = Place {
                packet,
                elapsed: 0,
                connection: connection.unsigned_abs(),
            };
            if connection < 0 {
                let mark = Sha1::digest(key).into();
                keys.answered(&mark, place.connection);
            } else if let (_, Some(repeated)) = keys.sent(key, place) {
                found.push((repeated.first.packet, repeated.second.packet));
            }
        }
        found
    }

    #[test]
    fn a_key_is_repeated_once_its_first_request_was_answered() {
        type Case<'a> = (&'a [(&'a str, i64)], &'a [(u64, u64)]);
        let table: [Case<'_>; 6] = [
            (&[("a", 1), ("b", 2)], &[]),
            (&[("a", 1), ("a", -1), ("a", 2)], &[(1, 3)]),
            // A request that is refused and then repeated with credentials.
            (&[("a", 1), ("a", -1), ("a", 1)], &[]),
            // A proxy that tries two servers.
            (&[("a", 1), ("a", 2), ("a", -2), ("a", 3)], &[]),
            // A client that connects through it again.
            (
                &[("a", 1), ("a", 2), ("a", -2), ("a", -1), ("a", 3), ("a", 4)],
                &[(1, 5)],
            ),
            (
                &[("a", 1), ("a", -1), ("a", 2), ("a", -2), ("a", 3)],
                &[(1, 3), (3, 5)],
            ),
        ];
        for (requests, expected) in table {
            assert_eq!(repeated(requests), expected, "{requests:?}");
        }
    }

    #[test]
    fn the_later_packet_repeats_whatever_is_told_first() {
        let mut keys = Keys::default();
        let place = |packet, connection| Place {
            packet,
            elapsed: 0,
            connection,
        };
        let (mark, _) = keys.sent("a", place(9, 2));
        keys.answered(&mark, 2);
        let (first, second) = (place(4, 1), place(9, 2));
        assert_eq!(keys.sent("a", first).1, Some(Repeated { first, second }));
    }

    #[test]
    fn the_keys_that_are_remembered_are_bounded() {
        let mut keys = Keys::default();
        for number in 0..MAX_KEYS as u64 + 10 {
            let place = Place {
                packet: number,
                elapsed: 0,
                connection: number,
            };
            let (mark, repeated) = keys.sent(&number.to_string(), place);
            assert_eq!(repeated, None);
            keys.answered(&mark, number);
        }
        assert_eq!(keys.sent.len(), MAX_KEYS);
    }
}

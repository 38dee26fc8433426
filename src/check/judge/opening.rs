//! The rules of how a connection opens.

use std::time::Duration;

use super::keys::Keys;
use super::watched::Watched;
use super::{Bench, too_long};
use crate::anomaly::Rule;
use crate::event::Upgrade;
use crate::flow::TcpEvent;
use crate::http::{RequestHead, ResponseHead};
use crate::ws::handshake;

/// The TCP handshake is complete.
pub(super) fn established(bench: &mut Bench<'_>, fact: &TcpEvent, took: Duration) {
    let bound = bench.bounds.handshake;
    // Where data completes it, the acknowledgment before may not have been captured.
    if took > bound && fact.length == 0 && fact.seq == 1 {
        let detail = too_long("the TCP handshake", took, bound);
        bench.find(Rule::SlowHandshake, bench.event.from, detail);
    }
}

impl Watched {
    pub(super) fn request(&mut self, bench: &mut Bench<'_>, head: &RequestHead, keys: &mut Keys) {
        self.asked(head.truncated);
        let key = head.headers.first("Sec-WebSocket-Key");
        let Some(key) = key.filter(|_| handshake::is_upgrade_request(head) && !head.truncated)
        else {
            return;
        };
        let (mark, repeated) = keys.sent(key, bench.place());
        self.key = Some(mark);
        if let Some(repeated) = repeated {
            let (packet, connection) = (repeated.first.packet, repeated.first.connection);
            let detail = format!("the key of packet {packet}, connection {connection}");
            bench.find_at(repeated.second, Rule::RepeatedKey, bench.event.from, detail);
        }
    }

    pub(super) fn response(
        &mut self,
        bench: &mut Bench<'_>,
        head: &ResponseHead,
        upgrade: Option<Upgrade<'_>>,
        keys: &mut Keys,
    ) {
        let status = head.line.status;
        let is_final = status == 101 || status >= 200;
        if let Some(mark) = self.key.take_if(|_| is_final) {
            keys.answered(&mark, bench.event.connection.number);
        }
        let after = match upgrade {
            None => return,
            Some(Upgrade::Accepted { after, .. }) => {
                self.accepted(bench, after.is_some() && !head.truncated);
                after
            }
            Some(Upgrade::Refused { after }) => {
                let reason = head.line.reason.as_str();
                let detail = format!("{status} {reason}").trim_end().to_owned();
                bench.find(Rule::RefusedUpgrade, bench.event.from, detail);
                Some(after)
            }
        };
        let bound = bench.bounds.handshake;
        if let Some(took) = after.filter(|took| *took > bound && !head.truncated) {
            let detail = too_long("the opening handshake", took, bound);
            bench.find(Rule::SlowHandshake, bench.event.from, detail);
        }
    }
}

//! Fields that only wsdump has.

use std::time::Duration;

use super::{Field, Subject, field_table};
use crate::anomaly::Anomaly;
use crate::event::{ConnectionReport, DirectionTotals, EventKind, Upgrade, UpgradeOutcome};
use crate::filter::value::FieldType::{Boolean, Code, Label, Protocol, Seconds, Text, Unsigned};
use crate::filter::value::Names;
use crate::flow::TcpEventKind;
use crate::ws::handshake::is_upgrade_request;
use crate::ws::{Answer, CloseCode, Frame, OpCode};

pub(super) static FIELDS: &[Field] = field_table! {
    "ws" Protocol, "WebSocket: opening handshake, frames, messages, anomalies, the end",
        |s, emit| emit.present(is_websocket(s));
    "ws.type" Text, "Type of the event: tcp, http, frame, message, anomaly, connection, packet",
        |s, emit| emit.texts([event_type(s)]);
    "ws.connection" Unsigned(8), "Number of the connection, as in column #",
        |s, emit| emit.numbers(s.told().map(|event| event.connection.number));
    "ws.from" Text, "Who sent it: client or server",
        |s, emit| emit.texts(s.told().map(|event| event.from.sender()));
    "ws.url" Text, "ws:// address that was asked for; in all rows from the request on",
        |s, emit| emit.texts(s.told().and_then(|event| event.opening.url));
    "ws.subprotocol" Text, "Chosen subprotocol; in all rows from the 101 on",
        |s, emit| emit.texts(s.told().and_then(|event| event.opening.subprotocol));
    "ws.extension" Text, "Each accepted extension, in the rows of the 101 and of the end",
        |s, emit| emit.texts(extensions(s).iter().map(String::as_str));
    "ws.upgrade" Boolean, "True when an upgrade was accepted, false when it was refused",
        |s, emit| emit.numbers(s.upgrade().map(|upgrade| matches!(upgrade, Upgrade::Accepted { .. })));
    "ws.upgrade.time" Seconds, "From the upgrade request to its answer",
        |s, emit| emit.durations(upgrade_time(s));
    "ws.upgrade.accept_valid" Boolean, "Whether Sec-WebSocket-Accept answers the key",
        |s, emit| emit.numbers(accept_valid(s));
    "ws.tcp.event" Text, "What happened in TCP: syn, established, retransmission, gap, fin …",
        |s, emit| emit.texts(s.tcp().map(|event| event.kind.name()));
    "ws.handshake.time" Seconds, "TCP handshake, in the rows of its last packet and of the end",
        |s, emit| emit.durations(handshake(s));

    "ws.header_length" Unsigned(1), "Length of a frame's header",
        |s, emit| emit.numbers(s.header().map(|header| header.header_len()));
    "ws.missing" Unsigned(8), "Payload bytes of a frame or message that were not captured",
        |s, emit| emit.numbers(missing(s));
    "ws.complete" Boolean, "Every byte of a frame or message is known",
        |s, emit| emit.numbers(complete(s));
    "ws.rtt" Seconds, "From a Ping to the Pong that answers it",
        |s, emit| emit.durations(match answer(s) {
            Some(Answer::Ping(rtt)) => Some(rtt),
            _ => None,
        });
    "ws.pong.unsolicited" Label, "A Pong that answers no Ping",
        |s, emit| emit.present(answer(s) == Some(Answer::Unsolicited));

    "ws.message" Label, "A data message",
        |s, emit| emit.present(s.message().is_some());
    "ws.message.opcode" Code(1, Names::Opcode), "1 text, 2 binary",
        |s, emit| emit.numbers(s.message().map(|message| u8::from(message.opcode)));
    "ws.message.length" Unsigned(8), "Length of a message after inflation",
        |s, emit| emit.numbers(s.message().map(|message| message.length));
    "ws.message.wire_length" Unsigned(8), "Payload bytes of a message on the wire",
        |s, emit| emit.numbers(s.message().map(|message| message.wire_length));
    "ws.message.frames" Unsigned(8), "Frames that a message came in",
        |s, emit| emit.numbers(s.message().map(|message| message.frames));
    "ws.message.compressed" Boolean, "permessage-deflate was used",
        |s, emit| emit.numbers(s.message().map(|message| message.compressed));

    "ws.anomaly" Text, "Name of the rule that was broken, such as wrong-accept",
        |s, emit| emit.texts(anomaly(s).map(|anomaly| anomaly.rule.name()));
    "ws.anomaly.severity" Text, "error, warning or note",
        |s, emit| emit.texts(anomaly(s).map(|anomaly| anomaly.rule.severity().name()));
    "ws.anomaly.reference" Text, "Where the rule stands, such as RFC 6455 §5.1",
        |s, emit| emit.texts(anomaly(s).map(|anomaly| anomaly.rule.reference()));
    "ws.anomaly.detail" Text, "What was found",
        |s, emit| emit.texts(anomaly(s).map(|anomaly| &*anomaly.detail));

    "ws.close" Label, "A Close frame, or the end of a connection that had one",
        |s, emit| emit.present(is_close(s));
    "ws.close.code" Code(2, Names::CloseCode), "Its close code",
        |s, emit| emit.numbers(close_code(s).map(|code| code.0));
    "ws.close.name" Text, "Name of the code, such as Going Away",
        |s, emit| emit.texts(close_code(s).map(CloseCode::name));
    "ws.close.reason" Text, "Its reason",
        |s, emit| emit.bytes(close_reason(s));
    "ws.close.initiator" Text, "Who sent the first Close frame; at the end",
        |s, emit| emit.texts(s.report().and_then(|report| report.close.as_ref()).map(|close| close.initiator.sender()));
    "ws.close.clean" Boolean, "Both sent Close and TCP ended with FIN; at the end",
        |s, emit| emit.numbers(s.report().and_then(|report| report.close.as_ref()).map(|close| close.clean));
    "ws.end" Text, "How TCP ended: fin, rst or open; in the row of the end",
        |s, emit| emit.texts(s.report().map(|report| report.tcp_end.name()));
    "ws.duration" Seconds, "From the first packet of a connection to the last; at the end",
        |s, emit| emit.durations(s.report().map(|report| report.duration));
    "ws.frames" Unsigned(8), "Frames of both sides; at the end",
        |s, emit| emit.numbers(s.report().map(|report| total(report, |side| side.frames)));
    "ws.messages" Unsigned(8), "Data messages of both sides; at the end",
        |s, emit| emit.numbers(s.report().map(|report| total(report, |side| side.messages)));
    "ws.bytes" Unsigned(8), "Payload bytes of both sides on the wire; at the end",
        |s, emit| emit.numbers(s.report().map(|report| total(report, |side| side.bytes)));
    "ws.anomalies" Unsigned(8), "Broken rules; at the end",
        |s, emit| emit.numbers(s.report().map(|report| report.anomalies));
};

fn is_websocket(s: &Subject<'_>) -> bool {
    s.told().is_some_and(|event| match event.kind {
        EventKind::Tcp(_) => false,
        EventKind::Request(head) => is_upgrade_request(head),
        EventKind::Response { upgrade, .. } => upgrade.is_some(),
        EventKind::Frame { .. } | EventKind::Message { .. } | EventKind::Anomaly(_) => true,
        EventKind::Connection(report) => report.outcome != UpgradeOutcome::NotAsked,
    })
}

/// As in the `type` field of JSON.
fn event_type(s: &Subject<'_>) -> &'static str {
    match s.told().map(|event| event.kind) {
        Some(EventKind::Tcp(_)) => "tcp",
        Some(EventKind::Request(_) | EventKind::Response { .. }) => "http",
        Some(EventKind::Frame { .. }) => "frame",
        Some(EventKind::Message { .. }) => "message",
        Some(EventKind::Anomaly(_)) => "anomaly",
        Some(EventKind::Connection(_)) => "connection",
        None => "packet",
    }
}

fn extensions<'s>(s: &Subject<'s>) -> &'s [String] {
    match (s.upgrade(), s.report()) {
        (Some(Upgrade::Accepted { agreement, .. }), _) => &agreement.extensions,
        (_, Some(report)) => &report.extensions,
        _ => &[],
    }
}

fn upgrade_time(s: &Subject<'_>) -> Option<Duration> {
    match s.upgrade() {
        Some(Upgrade::Accepted { after, .. }) => after,
        Some(Upgrade::Refused { after }) => Some(after),
        None => s.report()?.upgrade,
    }
}

fn accept_valid(s: &Subject<'_>) -> Option<bool> {
    match s.upgrade()? {
        Upgrade::Accepted { agreement, .. } => agreement.accept_valid,
        Upgrade::Refused { .. } => None,
    }
}

fn handshake(s: &Subject<'_>) -> Option<Duration> {
    match s.tcp().map(|event| event.kind) {
        Some(TcpEventKind::Established { handshake }) => Some(handshake),
        _ => s.report()?.handshake,
    }
}

fn missing(s: &Subject<'_>) -> Option<u64> {
    let of_message = s.message().map(|message| message.missing);
    of_message.or_else(|| Some(s.frame()?.missing))
}

fn complete(s: &Subject<'_>) -> Option<bool> {
    let of_message = s.message().map(|message| message.complete);
    of_message.or_else(|| {
        s.frame()
            .map(|frame| frame.missing == 0 && !frame.cut_short)
    })
}

fn answer(s: &Subject<'_>) -> Option<Answer> {
    match s.told()?.kind {
        EventKind::Frame { answers, .. } => Some(answers),
        _ => None,
    }
}

fn anomaly<'s>(s: &Subject<'s>) -> Option<&'s Anomaly> {
    match s.told()?.kind {
        EventKind::Anomaly(anomaly) => Some(anomaly),
        _ => None,
    }
}

fn is_close(s: &Subject<'_>) -> bool {
    let of_frame = s
        .frame()
        .is_some_and(|frame| frame.header.opcode == OpCode::Close);
    of_frame || s.report().is_some_and(|report| report.close.is_some())
}

fn close_code(s: &Subject<'_>) -> Option<CloseCode> {
    let of_frame = s.frame().and_then(Frame::close);
    of_frame
        .map(|(code, _)| code)
        .or_else(|| s.report()?.close.as_ref()?.code)
}

fn close_reason<'s>(s: &Subject<'s>) -> Option<&'s [u8]> {
    let of_frame = s.frame().and_then(Frame::close);
    let reason = of_frame
        .map(|(_, reason)| reason)
        .or_else(|| Some(s.report()?.close.as_ref()?.reason.as_bytes()))?;
    (!reason.is_empty()).then_some(reason)
}

fn total(report: &ConnectionReport, of: impl Fn(&DirectionTotals) -> u64) -> u64 {
    report.totals.iter().map(of).sum()
}

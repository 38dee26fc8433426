//! What stands at the end of a run, for standard error.

use crate::Summary;
use crate::capture::LinkType;

/// What to say when a run is over: one line that counts; when no WebSocket was found, what
/// there was instead; and whatever made the result less than whole.
pub fn closing_lines(summary: &Summary) -> Vec<String> {
    let mut lines = vec![format!(
        "{}, {}, {}, {}",
        count(summary.packets, "packet", "packets"),
        count(summary.connections, "connection", "connections"),
        count(summary.messages, "message", "messages"),
        count(summary.anomalies, "anomaly", "anomalies"),
    )];
    if summary.connections == 0 {
        lines.push(instead(summary));
    }
    // Where nothing at all could be read, that is the error to report.
    let unread = summary.only_unsupported().is_none();
    for (link_type, packets) in summary.unsupported.iter().filter(|_| unread) {
        let packets = count(*packets, "packet", "packets");
        let link_type = LinkType(*link_type);
        lines.push(format!(
            "{packets} of link type {link_type}, which wsdump cannot read"
        ));
    }
    if summary.cut_packets > 0 {
        let packets = count(summary.cut_packets, "packet was", "packets were");
        lines.push(format!(
            "{packets} cut by the snap length; capture with -s 0"
        ));
    }
    lines.extend(limits_reached(summary));
    let missing = summary
        .fragments_dropped
        .saturating_sub(summary.fragments_over_limit);
    if missing > 0 {
        let dropped = count(missing, "IP datagram was", "IP datagrams were");
        lines.push(format!("{dropped} given up because fragments were missing"));
    }
    lines
}

/// What was not followed to its end because a limit was reached, a line for each limit that
/// no broken rule speaks of.
pub fn limits_reached(summary: &Summary) -> Vec<String> {
    let connection = ("connection was", "connections were");
    let lines = [
        (
            summary.flows_given_up,
            connection,
            "given up because too many were open (--limit connections)",
        ),
        (
            summary.flows_given_up_for_memory,
            connection,
            "given up because memory was full (--max-memory)",
        ),
        (
            summary.flows_expired,
            connection,
            "forgotten after too long without a packet (--max-idle)",
        ),
        (
            summary.heads_too_long,
            connection,
            "not followed because of an HTTP head that was too long (--limit head-bytes)",
        ),
        (
            summary.searches_given_up,
            connection,
            "taken for another protocol because no frame was found in mid-stream (--limit \
             search-bytes)",
        ),
        (
            summary.answers_given_up,
            ("answer to an upgrade was", "answers to upgrades were"),
            "taken as lost because too much came before it (--limit early-bytes)",
        ),
        (
            summary.opening_events_dropped,
            ("event was", "events were"),
            "left out of openings that were too long (--limit opening-events)",
        ),
        (
            summary.pings_forgotten,
            ("Ping was", "Pings were"),
            "forgotten because too many had no Pong (--limit pending-pings)",
        ),
        (
            summary.segments_not_compared,
            ("segment was", "segments were"),
            "sent again too late to be compared with the first (--limit unacknowledged-bytes)",
        ),
        (
            summary.fragments_over_limit,
            ("IP datagram was", "IP datagrams were"),
            "given up because too many fragments waited (--limit ip-datagrams, ip-fragment-bytes)",
        ),
    ];
    lines
        .into_iter()
        .filter(|(number, _, _)| *number > 0)
        .map(|(number, (one, many), what)| format!("{} {what}", count(number, one, many)))
        .collect()
}

/// Why none of the packets could be decoded, if it is so.
pub fn undecoded(summary: &Summary) -> Option<String> {
    let (link_type, _) = summary.only_unsupported()?;
    Some(format!(
        "cannot read packets of link type {link_type}: no packet of the capture could be \
         decoded. wsdump reads Ethernet, Linux cooked (v1, v2), BSD loopback, raw IP and PPP"
    ))
}

/// Why there is nothing to see.
fn instead(summary: &Summary) -> String {
    let other_tcp = summary.tcp_connections
        - (summary.tls_connections + summary.http_connections + summary.http2_connections)
            .min(summary.tcp_connections);
    let found: Vec<String> = [
        (summary.tls_connections, "TLS connection", "TLS connections"),
        (
            summary.http_connections,
            "HTTP connection that asks for no WebSocket",
            "HTTP connections that ask for no WebSocket",
        ),
        (
            summary.http2_connections,
            "HTTP/2 connection",
            "HTTP/2 connections",
        ),
        (other_tcp, "other TCP connection", "other TCP connections"),
        (summary.udp_packets, "UDP packet", "UDP packets"),
        (
            summary.other_packets,
            "packet that is neither TCP nor UDP",
            "packets that are neither TCP nor UDP",
        ),
        (
            summary.malformed_packets,
            "malformed packet",
            "malformed packets",
        ),
    ]
    .into_iter()
    .filter(|(number, _, _)| *number > 0)
    .map(|(number, one, many)| count(number, one, many))
    .collect();
    let mut line = match found[..] {
        [] if summary.packets == 0 => "no WebSocket: the capture holds no packets".to_owned(),
        [] => "no WebSocket".to_owned(),
        _ => format!("no WebSocket; instead: {}", found.join(", ")),
    };
    if summary.tls_connections > 0 {
        line.push_str(" (what TLS carries cannot be read without its keys)");
    }
    line
}

/// A number with its noun: `1 packet`, `2 packets`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_websocket_the_last_line_says_what_there_was() {
        let summary = Summary {
            packets: 12,
            tcp_connections: 3,
            tls_connections: 2,
            udp_packets: 1,
            ..Summary::default()
        };
        assert_eq!(
            closing_lines(&summary),
            [
                "12 packets, 0 connections, 0 messages, 0 anomalies",
                "no WebSocket; instead: 2 TLS connections, 1 other TCP connection, 1 UDP packet \
                 (what TLS carries cannot be read without its keys)",
            ]
        );
    }

    #[test]
    fn what_was_not_followed_to_its_end_has_a_line_for_each_reason() {
        let summary = Summary {
            connections: 9,
            flows_given_up: 1,
            flows_given_up_for_memory: 3,
            flows_expired: 2,
            heads_too_long: 1,
            searches_given_up: 4,
            answers_given_up: 1,
            opening_events_dropped: 5,
            pings_forgotten: 6,
            segments_not_compared: 7,
            fragments_dropped: 10,
            fragments_over_limit: 8,
            ..Summary::default()
        };
        assert_eq!(
            closing_lines(&summary)[1..],
            [
                "1 connection was given up because too many were open (--limit connections)",
                "3 connections were given up because memory was full (--max-memory)",
                "2 connections were forgotten after too long without a packet (--max-idle)",
                "1 connection was not followed because of an HTTP head that was too long (--limit \
                 head-bytes)",
                "4 connections were taken for another protocol because no frame was found in \
                 mid-stream (--limit search-bytes)",
                "1 answer to an upgrade was taken as lost because too much came before it (--limit \
                 early-bytes)",
                "5 events were left out of openings that were too long (--limit opening-events)",
                "6 Pings were forgotten because too many had no Pong (--limit pending-pings)",
                "7 segments were sent again too late to be compared with the first (--limit \
                 unacknowledged-bytes)",
                "8 IP datagrams were given up because too many fragments waited (--limit \
                 ip-datagrams, ip-fragment-bytes)",
                "2 IP datagrams were given up because fragments were missing",
            ]
        );
    }

    #[test]
    fn one_is_not_many() {
        let summary = Summary {
            packets: 1,
            connections: 1,
            messages: 1,
            anomalies: 1,
            ..Summary::default()
        };
        let expected = "1 packet, 1 connection, 1 message, 1 anomaly";
        assert_eq!(closing_lines(&summary), [expected]);
    }
}

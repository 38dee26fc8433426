//! Fields of the packet and of what lies below TCP.

use std::net::IpAddr;

use super::{Field, Subject, field_table};
use crate::filter::value::FieldType::{Ipv4, Ipv6, Protocol, Seconds, Time, Unsigned};
use crate::filter::value::{Emit, FieldType, Names};
use crate::wire::OtherKind;

pub(super) static FIELDS: &[Field] = field_table! {
    "frame" Protocol, "A packet, which Wireshark calls a frame",
        |_s, emit| emit.present(true);
    "frame.number" Unsigned(8), "Number of the packet in the capture, from 1",
        |s, emit| emit.numbers([s.at().packet]);
    "frame.time" Time, "When the packet was captured",
        |s, emit| emit.numbers([s.at().time.0]);
    "frame.time_epoch" Seconds, "The same in seconds since 1970",
        |s, emit| emit.numbers([s.at().time.0]);
    "frame.time_relative" Seconds, "Since the first packet of the capture",
        |s, emit| emit.numbers([s.elapsed()]);
    "frame.time_delta" Seconds, "Since the packet before it in the capture",
        |s, emit| emit.numbers(s.since_previous());
    "frame.len" Unsigned(4), "Length of the packet on the wire",
        |s, emit| emit.numbers(s.lengths().map(|(wire, _)| wire));
    "frame.cap_len" Unsigned(4), "Bytes of the packet that were captured",
        |s, emit| emit.numbers(s.lengths().map(|(_, captured)| captured));

    "vlan" Protocol, "A VLAN tag",
        |s, emit| emit.present(s.segment().is_some_and(|facts| facts.vlan.is_some()));
    "vlan.id" Unsigned(2), "Identifier of the innermost VLAN, of TCP packets",
        |s, emit| emit.numbers(s.segment().and_then(|facts| facts.vlan));

    "ip" Protocol, "IPv4; of tunnels, the innermost",
        |s, emit| emit.present(addresses(s).is_some_and(|[source, _]| source.is_ipv4()));
    "ip.version" Unsigned(1), "Version of IP, 4",
        |s, emit| emit.numbers(v4(s).next().map(|_| 4));
    "ip.src" Ipv4, "Who sent what the row tells of",
        |s, emit| emit.addresses(sent(s).map(|[source, _]| source).filter(IpAddr::is_ipv4));
    "ip.dst" Ipv4, "Whom it was sent to",
        |s, emit| emit.addresses(sent(s).map(|[_, destination]| destination).filter(IpAddr::is_ipv4));
    "ip.addr" Ipv4, "Either of both addresses",
        |s, emit| emit.addresses(v4(s));
    "ip.proto" FieldType::Code(1, Names::IpProtocol), "What is inside IPv4",
        |s, emit| emit.numbers(protocol(s).filter(|_| v4(s).next().is_some()));
    "ip.ttl" Unsigned(1), "Time to live, of TCP packets",
        |s, emit| hop_limit(s, emit, v4(s).next().is_some());
    "ip.id" Unsigned(2), "Identification, of TCP packets",
        |s, emit| emit.numbers(v4(s).next().and_then(|_| s.segment()).map(|facts| facts.ip_id));

    "ipv6" Protocol, "IPv6; of tunnels, the innermost",
        |s, emit| emit.present(v6(s).next().is_some());
    "ipv6.version" Unsigned(1), "Version of IP, 6",
        |s, emit| emit.numbers(v6(s).next().map(|_| 6));
    "ipv6.src" Ipv6, "Who sent what the row tells of",
        |s, emit| emit.addresses(sent(s).map(|[source, _]| source).filter(IpAddr::is_ipv6));
    "ipv6.dst" Ipv6, "Whom it was sent to",
        |s, emit| emit.addresses(sent(s).map(|[_, destination]| destination).filter(IpAddr::is_ipv6));
    "ipv6.addr" Ipv6, "Either of both addresses",
        |s, emit| emit.addresses(v6(s));
    "ipv6.hlim" Unsigned(1), "Hop limit, of TCP packets",
        |s, emit| hop_limit(s, emit, v6(s).next().is_some());

    "arp" Protocol, "ARP; all that is not TCP is shown with --all",
        |s, emit| emit.present(other(s) == Some(OtherKind::Arp));
    "icmp" Protocol, "ICMP over IPv4",
        |s, emit| emit.present(other(s) == Some(OtherKind::Icmp) && v4(s).next().is_some());
    "icmpv6" Protocol, "ICMP over IPv6",
        |s, emit| emit.present(other(s) == Some(OtherKind::Icmp) && v6(s).next().is_some());
    "udp" Protocol, "UDP that is no tunnel",
        |s, emit| emit.present(other(s) == Some(OtherKind::Udp));
    "udp.srcport" Unsigned(2), "Port of the sender",
        |s, emit| emit.numbers(udp_ports(s).map(|[from, _]| from));
    "udp.dstport" Unsigned(2), "Port of the receiver",
        |s, emit| emit.numbers(udp_ports(s).map(|[_, to]| to));
    "udp.port" Unsigned(2), "Either of both ports",
        |s, emit| emit.numbers(udp_ports(s).into_iter().flatten());
};

/// Addresses of sender and receiver.
fn sent(s: &Subject<'_>) -> Option<[IpAddr; 2]> {
    if let Some(packet) = s.not_tcp() {
        return packet.other.addresses.map(Into::into);
    }
    s.sent().map(|ends| ends.map(|end| end.ip()))
}

/// Both addresses.
fn addresses(s: &Subject<'_>) -> Option<[IpAddr; 2]> {
    if let Some(packet) = s.not_tcp() {
        return packet.other.addresses.map(Into::into);
    }
    s.ends().map(|ends| ends.map(|end| end.ip()))
}

fn v4(s: &Subject<'_>) -> impl Iterator<Item = IpAddr> {
    addresses(s).into_iter().flatten().filter(IpAddr::is_ipv4)
}

fn v6(s: &Subject<'_>) -> impl Iterator<Item = IpAddr> {
    addresses(s).into_iter().flatten().filter(IpAddr::is_ipv6)
}

fn hop_limit(s: &Subject<'_>, emit: &mut Emit<'_>, of_this_version: bool) {
    let facts = s.segment().filter(|_| of_this_version);
    emit.numbers(facts.map(|facts| facts.hop_limit));
}

fn other(s: &Subject<'_>) -> Option<OtherKind> {
    Some(s.not_tcp()?.other.kind)
}

fn udp_ports(s: &Subject<'_>) -> Option<[u16; 2]> {
    let packet = s.not_tcp()?;
    let ports = packet.other.ports.map(Into::into);
    ports.filter(|_| packet.other.kind == OtherKind::Udp)
}

/// Assigned Internet protocol number, where it is known.
fn protocol(s: &Subject<'_>) -> Option<u8> {
    match other(s) {
        None => Some(6),
        Some(OtherKind::Udp) => Some(17),
        Some(OtherKind::Icmp) => Some(1),
        Some(OtherKind::IpProtocol(number)) => Some(number),
        Some(_) => None,
    }
}

//! Link types as an operating system numbers them, and what they tell about loopback.

use super::super::LinkType;

/// The link type that capture files have for a system's `DLT_…` value; `None` when none is
/// known.
///
/// From 104 on the two are equal, but for what one system uses differently. Below, those
/// from before the files' numbers were fixed are equal up to 10 and at some others.
pub(super) fn link_type_of(dlt: i32) -> Option<LinkType> {
    let changed = CHANGED.iter().find(|&&(value, _)| value == dlt);
    if let Some(&(_, link_type)) = changed {
        return Some(link_type);
    }
    let same = match dlt {
        0..=10 | 32 | 50 | 51 | 99 | 104.. => u16::try_from(dlt).ok().map(LinkType),
        _ => None,
    };
    // A file's number for something else is none of the system's.
    same.filter(|link_type| CHANGED.iter().all(|(_, other)| other != link_type))
}

/// The `DLT_…` value of a link type in a capture file: [`link_type_of`] backwards.
pub(super) fn dlt_of(link_type: LinkType) -> i32 {
    // Files written by programs that put their own system's value there.
    let link_type = match link_type {
        LinkType::DLT_RAW | LinkType::DLT_RAW_OPENBSD => LinkType::RAW,
        other => other,
    };
    let changed = CHANGED.iter().find(|&&(_, value)| value == link_type);
    changed.map_or(i32::from(link_type.0), |&(dlt, _)| dlt)
}

/// `DLT_…` values of this system that are other numbers in files, after libpcap's
/// `pcap/dlt.h`.
const CHANGED: &[(i32, LinkType)] = &[
    (11, LinkType::ATM_RFC1483),
    #[cfg(not(target_os = "openbsd"))]
    (12, LinkType::RAW),
    #[cfg(target_os = "openbsd")]
    (14, LinkType::RAW),
    #[cfg(target_os = "openbsd")]
    (12, LinkType::LOOP),
    #[cfg(target_os = "openbsd")]
    (13, LinkType::ENC),
    // IP over ATM as Linux records it.
    (19, LinkType(106)),
    // `pfsync`, of the BSD packet filter.
    #[cfg(any(
        target_os = "openbsd",
        target_os = "netbsd",
        target_os = "dragonfly",
        target_os = "macos"
    ))]
    (18, LinkType(246)),
    #[cfg(target_os = "freebsd")]
    (121, LinkType(246)),
    // Apple took a number for private use before there was one of its own.
    #[cfg(target_os = "macos")]
    (149, LinkType::PKTAP),
];

/// Linux cooked capture v1 and v2, by the system's numbers.
pub(super) const DLT_LINUX_SLL: i32 = 113;
pub(super) const DLT_LINUX_SLL2: i32 = 276;

/// Whether `packet` is the outgoing one of the two that Linux makes of every packet on
/// loopback; the same packet comes, or came, as an incoming one.
///
/// libpcap leaves these out by itself, but knows the loopback interface by the name `lo`
/// alone. In a cooked capture its hardware type tells it under any name.
pub(super) fn is_outgoing_on_loopback(link_type: LinkType, packet: &[u8]) -> bool {
    let kind_and_hardware = match link_type {
        // Packet type, hardware type, …
        LinkType::LINUX_SLL => packet.first_chunk().map(|&[a, b, c, d]| ([a, b], [c, d])),
        // Protocol, 2 reserved, interface index of 4, hardware type, packet type of 1, …
        LinkType::LINUX_SLL2 => packet
            .get(8..)
            .and_then(|rest| rest.first_chunk())
            .map(|&[c, d, kind]| ([0, kind], [c, d])),
        _ => None,
    };
    kind_and_hardware == Some((OUTGOING, HARDWARE_LOOPBACK))
}

/// `PACKET_OUTGOING` of Linux' `if_packet.h`.
const OUTGOING: [u8; 2] = [0, 4];

/// `ARPHRD_LOOPBACK` of Linux' `if_arp.h`.
const HARDWARE_LOOPBACK: [u8; 2] = [3, 4];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(target_os = "openbsd"))]
    fn what_a_system_numbers_differently_gets_the_number_of_files() {
        for (dlt, link_type) in [
            (0, Some(LinkType::NULL)),
            (1, Some(LinkType::ETHERNET)),
            (11, Some(LinkType::ATM_RFC1483)),
            (12, Some(LinkType::RAW)),
            (14, None),
            (108, Some(LinkType::LOOP)),
            (109, Some(LinkType::ENC)),
            (113, Some(LinkType::LINUX_SLL)),
            (228, Some(LinkType::IPV4)),
            (276, Some(LinkType::LINUX_SLL2)),
            (100, None),
            (-1, None),
            (70_000, None),
        ] {
            assert_eq!(link_type_of(dlt), link_type, "DLT {dlt}");
        }
    }

    #[test]
    fn every_number_of_the_system_survives_the_way_there_and_back() {
        for dlt in 0..400 {
            if let Some(link_type) = link_type_of(dlt) {
                assert_eq!(dlt_of(link_type), dlt);
            }
        }
    }

    #[test]
    fn all_numbers_of_raw_ip_in_files_are_one_on_the_system() {
        assert_eq!(dlt_of(LinkType::DLT_RAW), dlt_of(LinkType::RAW));
        assert_eq!(dlt_of(LinkType::DLT_RAW_OPENBSD), dlt_of(LinkType::RAW));
    }

    #[test]
    fn of_the_two_packets_on_loopback_the_outgoing_one_is_known() {
        let v1 = |kind, hardware: [u8; 2]| [0, kind, hardware[0], hardware[1], 0, 6];
        let v2 =
            |kind, hardware: [u8; 2]| [8, 0, 0, 0, 0, 0, 0, 1, hardware[0], hardware[1], kind, 6];
        let (ethernet, loopback) = ([0, 1], [3, 4]);
        for (kind, hardware, expected) in [
            (0, loopback, false),
            (4, loopback, true),
            (4, ethernet, false),
        ] {
            let is = is_outgoing_on_loopback;
            assert_eq!(is(LinkType::LINUX_SLL, &v1(kind, hardware)), expected);
            assert_eq!(is(LinkType::LINUX_SLL2, &v2(kind, hardware)), expected);
            assert!(!is(LinkType::ETHERNET, &v1(kind, hardware)));
        }
        assert!(!is_outgoing_on_loopback(LinkType::LINUX_SLL2, b"\x08\0\0"));
    }
}

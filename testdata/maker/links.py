"""Link layers, tunnels and IP, all around the packets of `chat.pcap`."""

import struct

from . import headers
from .headers import ethernet, ip, ipv4, udp
from .pcapfile import ETHERNET, Packet, pcap, read_pcap
from .registry import made, source

OUTER = ('192.0.2.1', '198.51.100.1')
OUTER6 = ('2001:db8::1', '2001:db8:1::1')


def stripped(frame: bytes) -> bytes:
    """The IP packet in an Ethernet frame."""
    return frame[14:]


def from_client(packet: bytes) -> bool:
    """Whether an IP packet with TCP goes to the server's port, 8080."""
    header_len = 40 if packet[0] >> 4 == 6 else (packet[0] & 0xF) * 4
    return packet[header_len + 2 : header_len + 4] == b'\x1f\x90'


def direction(packet: bytes, to_server, to_client):
    return to_server if from_client(packet) else to_client


def wrapped(wrap, link=ETHERNET, recorded='chat.pcap', order='<') -> bytes:
    """Each packet of a recorded capture, wrapped; `wrap` takes an IP packet and gives the
    packet to be captured, or several."""
    packets = []
    for packet in read_pcap(source(recorded)):
        result = wrap(stripped(packet.data))
        for data in result if isinstance(result, list) else [result]:
            packets.append(Packet(packet.time, data))
    return pcap(packets, link, order)


def framed(packet: bytes, kind=None, tags=()) -> bytes:
    """In Ethernet, from the client's or the server's MAC address."""
    ends = direction(packet, OUTER, OUTER[::-1])
    return ethernet(*ends, packet, kind, tags)


def framed_as(packet: bytes, payload: bytes, kind: int) -> bytes:
    """Something made of the packet, in the Ethernet frame that would carry it."""
    return ethernet(*direction(packet, OUTER, OUTER[::-1]), payload, kind)


def outer(packet: bytes, protocol: int, payload: bytes) -> bytes:
    """In an outer IPv4 packet between two tunnel ends, on Ethernet."""
    ends = direction(packet, OUTER, OUTER[::-1])
    return ethernet(*ends, ipv4(*ends, protocol, payload, ident=7))


def outer_udp(packet: bytes, port: int, payload: bytes) -> bytes:
    source_, destination = direction(packet, OUTER, OUTER[::-1])
    return outer(packet, headers.UDP, udp((source_, 49152), (destination, port), payload))


# Link layers


@made('link_vlan.pcap', 'One VLAN tag')
def vlan():
    return wrapped(lambda p: framed(p, tags=[(0x8100, 100)]))


@made('link_qinq.pcap', 'Two VLAN tags, 802.1ad outside')
def qinq():
    return wrapped(lambda p: framed(p, tags=[(0x88A8, 200), (0x8100, 100)]))


@made('link_vlan_triple.pcap', 'Three VLAN tags, one with the old type 0x9100')
def vlan_triple():
    return wrapped(lambda p: framed(p, tags=[(0x88A8, 300), (0x9100, 200), (0x8100, 100)]))


@made('link_sll.pcap', 'Linux cooked v1')
def sll():
    def wrap(packet):
        kind = direction(packet, 0, 4)
        head = struct.pack('>HHH8sH', kind, 1, 6, headers.mac(OUTER[0]) + b'\0\0', headers.IPV4)
        return head + packet

    return wrapped(wrap, 113)


def sll2(packet: bytes) -> bytes:
    kind = direction(packet, 0, 4)
    address = headers.mac(OUTER[0]) + b'\0\0'
    return struct.pack('>HHIHBB8s', headers.ethertype(packet), 0, 2, 1, kind, 6, address) + packet


@made('link_sll2.pcap', 'Linux cooked v2')
def sll_v2():
    return wrapped(sll2, 276)


@made('link_null_le.pcap', 'BSD loopback, address family in little-endian order')
def null_le():
    return wrapped(lambda p: struct.pack('<I', 2) + p, 0)


@made('link_null_be.pcap', 'BSD loopback, address family in big-endian order')
def null_be():
    return wrapped(lambda p: struct.pack('>I', 2) + p, 0, order='>')


@made('link_null_ipv6.pcap', 'BSD loopback with IPv6 as family 30, 28 and 24')
def null_ipv6():
    families = iter([30, 28, 24] * 100)
    return wrapped(lambda p: struct.pack('<I', next(families)) + p, 0, 'ipv6.pcap')


@made('link_loop.pcap', 'OpenBSD loopback')
def loop():
    return wrapped(lambda p: struct.pack('>I', 2) + p, 108)


@made('link_raw12.pcap', 'Raw IP under number 12')
def raw12():
    return wrapped(lambda p: p, 12)


@made('link_raw14.pcap', 'Raw IP under number 14')
def raw14():
    return wrapped(lambda p: p, 14)


@made('link_raw.pcap', 'Raw IP (101)')
def raw():
    return wrapped(lambda p: p, 101)


@made('link_ipv4.pcap', 'Raw IPv4 (228)')
def raw_ipv4():
    return wrapped(lambda p: p, 228)


@made('link_ipv6.pcap', 'Raw IPv6 (229)')
def raw_ipv6():
    return wrapped(lambda p: p, 229, 'ipv6.pcap')


@made('link_ppp.pcap', 'PPP: every other packet without address and control field')
def ppp():
    forms = iter([b'\xff\x03\0\x21', b'\0\x21'] * 100)
    return wrapped(lambda p: next(forms) + p, 9)


@made('link_ppp_hdlc.pcap', 'PPP in HDLC-like framing')
def ppp_hdlc():
    return wrapped(lambda p: b'\xff\x03\0\x21' + p, 50)


@made('link_ppp_dir.pcap', 'PPP with a direction byte')
def ppp_with_direction():
    return wrapped(lambda p: direction(p, b'\x01', b'\x00') + b'\xff\x03\0\x21' + p, 204)


def pppoe_session(packet: bytes) -> bytes:
    return struct.pack('>BBHHH', 0x11, 0, 0x2A, len(packet) + 2, 0x0021) + packet


@made('link_pppoe.pcap', 'PPPoE in Ethernet, after an LCP echo request')
def pppoe():
    echo = bytes.fromhex('11 00 002a 000a c021 09 01 0008 12345678')
    before = iter([[ethernet(*OUTER, echo, 0x8864)]])
    return wrapped(lambda p: next(before, []) + [framed_as(p, pppoe_session(p), 0x8864)])


@made('link_ppp_ether.pcap', 'PPPoE with no Ethernet around it (51)')
def ppp_ether():
    return wrapped(pppoe_session, 51)


# Tunnels


@made('tunnel_mpls.pcap', 'MPLS, two labels that differ by direction')
def mpls():
    def wrap(packet):
        top, bottom = direction(packet, (100, 200), (300, 400))
        labels = struct.pack('>II', top << 12 | 64, bottom << 12 | 0x100 | 64)
        return framed_as(packet, labels + packet, headers.MPLS)

    return wrapped(wrap)


@made('tunnel_vxlan.pcap', 'VXLAN')
def vxlan():
    return wrapped(lambda p: outer_udp(p, 4789, struct.pack('>II', 8 << 24, 42 << 8) + framed(p)))


@made('tunnel_vxlan_vlan.pcap', 'VLAN in VXLAN in VLAN')
def vxlan_vlan():
    def wrap(packet):
        inner = framed(packet, tags=[(0x8100, 5)])
        whole = outer_udp(packet, 4789, struct.pack('>II', 8 << 24, 42 << 8) + inner)
        return framed(packet, tags=[(0x8100, 6)])[:18] + whole[14:]

    return wrapped(wrap)


@made('tunnel_geneve.pcap', 'GENEVE with options')
def geneve():
    option = struct.pack('>HBBI', 0x0102, 0x80, 1, 0xCAFEF00D)
    head = struct.pack('>BBHI', len(option) // 4, 0x40, 0x6558, 42 << 8) + option
    return wrapped(lambda p: outer_udp(p, 6081, head + framed(p)))


@made('tunnel_gre_key.pcap', 'GRE with a key')
def gre_key():
    head = struct.pack('>HHI', 0x2000, headers.IPV4, 42)
    return wrapped(lambda p: outer(p, headers.GRE, head + p))


@made('tunnel_gre_all.pcap', 'GRE with checksum, key and sequence number, Ethernet inside')
def gre_all():
    numbers = iter(range(1000))

    def wrap(packet):
        rest = struct.pack('>HHII', 0, 0, 42, next(numbers)) + framed(packet)
        head = struct.pack('>HH', 0xB000, 0x6558)
        value = headers.checksum(head + rest)
        return outer(packet, headers.GRE, head + struct.pack('>H', value) + rest[2:])

    return wrapped(wrap)


@made('tunnel_erspan2.pcap', 'ERSPAN II, every packet to the same collector')
def erspan2():
    numbers = iter(range(1000))

    def wrap(packet):
        head = struct.pack('>HHI', 0x1000, 0x88BE, next(numbers))
        head += struct.pack('>HHI', 1 << 12 | 10, 42, 7)
        mirrored = ipv4(*OUTER, headers.GRE, head + framed(packet), ident=7)
        return ethernet(*OUTER, mirrored)

    return wrapped(wrap)


@made('tunnel_erspan3.pcap', 'ERSPAN III with its optional subheader')
def erspan3():
    numbers = iter(range(1000))

    def wrap(packet):
        head = struct.pack('>HHI', 0x1000, 0x22EB, next(numbers))
        head += struct.pack('>HHIHH', 2 << 12 | 10, 42, 123_456, 0, 1)
        head += struct.pack('>II', 3 << 26 | 7, 1_700_000_000)
        mirrored = ipv4(*OUTER, headers.GRE, head + framed(packet), ident=7)
        return ethernet(*OUTER, mirrored)

    return wrapped(wrap)


@made('tunnel_ipip.pcap', 'IPv4 in IPv4')
def ip_in_ip():
    return wrapped(lambda p: outer(p, headers.IP_IN_IP, p))


@made('tunnel_6in4.pcap', 'IPv6 in IPv4')
def six_in_four():
    return wrapped(lambda p: outer(p, headers.IPV6_IN_IP, p), recorded='ipv6.pcap')


@made('tunnel_4in6.pcap', 'IPv4 in IPv6')
def four_in_six():
    def wrap(packet):
        ends = direction(packet, OUTER6, OUTER6[::-1])
        return ethernet(*ends, ip(*ends, headers.IP_IN_IP, packet))

    return wrapped(wrap)


@made('tunnel_gtpu.pcap', 'GTP-U with an extension header; tunnel endpoints differ by direction')
def gtpu():
    def wrap(packet):
        extension = struct.pack('>BBBB', 1, direction(packet, 0x10, 0x00), 9, 0)
        optional = struct.pack('>HBB', 0, 0, 0x85) + extension
        endpoint = direction(packet, 0x1111, 0x2222)
        head = struct.pack('>BBHI', 0x34, 0xFF, len(optional) + len(packet), endpoint)
        return outer_udp(packet, 2152, head + optional + packet)

    return wrapped(wrap)


# IP


@made(
    'ip_fragments.pcap', 'IPv4 fragments of 24 bytes, those of every third packet in reverse order'
)
def ipv4_fragments():
    idents = iter(range(0x4000, 0x5000))

    def wrap(packet):
        ident = next(idents)
        pieces = headers.ipv4_fragments(packet, 24, ident)
        if ident % 3 == 0:
            pieces.reverse()
        return [framed_as(packet, piece, headers.IPV4) for piece in pieces]

    return wrapped(wrap)


@made('ip_fragments_twice.pcap', 'IPv4 fragments, the first of which comes twice')
def ipv4_fragments_twice():
    idents = iter(range(0x4000, 0x5000))

    def wrap(packet):
        pieces = headers.ipv4_fragments(packet, 24, next(idents))
        return [framed_as(packet, piece, headers.IPV4) for piece in pieces[:1] + pieces]

    return wrapped(wrap)


@made(
    'ip_fragments_lost.pcap', 'IPv4 fragments; the second one of the text "hello" was not captured'
)
def ipv4_fragment_lost():
    idents = iter(range(0x4000, 0x5000))

    def wrap(packet):
        ident = next(idents)
        pieces = headers.ipv4_fragments(packet, 24, ident)
        if ident == 0x4000 + 9:
            del pieces[1]
        return [framed_as(packet, piece, headers.IPV4) for piece in pieces]

    return wrapped(wrap)


@made('ip6_fragments.pcap', 'IPv6 fragments of 24 bytes')
def ipv6_fragments():
    idents = iter(range(0x4000, 0x5000))

    def wrap(packet):
        pieces = headers.ipv6_fragments(packet, 24, next(idents))
        return [framed_as(packet, piece, headers.IPV6) for piece in pieces]

    return wrapped(wrap, recorded='ipv6.pcap')


@made('ip_options.pcap', 'IPv4 with options: record route, router alert')
def ipv4_options():
    options = bytes.fromhex('07 07 04 00000000 01 94 04 0000')
    return wrapped(lambda p: framed(headers.changed_ipv4(p, options=options)))


@made('ip6_extensions.pcap', 'IPv6 with hop-by-hop, routing and destination options')
def ipv6_extensions():
    def wrap(packet):
        hop_by_hop = bytes.fromhex('3c 00 0104 00000000')
        destination = bytes.fromhex('2b 01 010c 000000000000000000000000')
        routing = struct.pack('>BBBBI', headers.TCP, 0, 253, 0, 0)
        extended = hop_by_hop + destination + routing + packet[40:]
        ends = headers.addresses(packet)
        return framed_as(packet, headers.ipv6(*ends, 0, extended), headers.IPV6)

    return wrapped(wrap, recorded='ipv6.pcap')


@made(
    'link_padding.pcap', 'Ethernet frames padded to 60 bytes and more with bytes that are not zero'
)
def padding():
    def wrap(packet):
        frame = framed(packet)
        return frame + b'\xaa' * max(60 - len(frame), 6)

    return wrapped(wrap)


@made(
    'ip_length_zero.pcap', 'Total length 0 in packets with data, as segmentation offload leaves it'
)
def total_length_zero():
    def wrap(packet):
        has_data = len(packet) > 60
        return framed(headers.changed_ipv4(packet, total_len=0) if has_data else packet)

    return wrapped(wrap)


@made('ip_length_long.pcap', 'Packet 10 states more bytes than were captured')
def length_too_long():
    numbers = iter(range(1, 1000))

    def wrap(packet):
        if next(numbers) != 10:
            return framed(packet)
        return framed(headers.changed_ipv4(packet, total_len=len(packet) + 40))

    return wrapped(wrap)


@made('link_user0.pcap', 'A link type that wsdump cannot know (147, USER0)')
def user0():
    return wrapped(lambda p: b'\x01\x02\x03\x04' + p, 147)


@made('link_80211.pcap', 'A link type that wsdump does not read (105, IEEE802_11)')
def ieee80211():
    head = bytes.fromhex('08020000 020000000001 020000000002 020000000003 0000 aaaa03000000 0800')
    return wrapped(lambda p: head + p, 105)

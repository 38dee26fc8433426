"""Headers below the application: Ethernet, IP, TCP, UDP, and what goes between them."""

import struct
from ipaddress import ip_address

IPV4, IPV6, ARP, MPLS = 0x0800, 0x86DD, 0x0806, 0x8847
ICMP, IP_IN_IP, TCP, UDP, IPV6_IN_IP, GRE, ICMPV6 = 1, 4, 6, 17, 41, 47, 58

FLAGS = {'F': 0x01, 'S': 0x02, 'R': 0x04, 'P': 0x08, 'A': 0x10, 'U': 0x20}


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def mac(address: str) -> bytes:
    """A made-up MAC address that goes with an IP address."""
    return b'\x02\0\0\0\0' + ip_address(address).packed[-1:]


def ethernet(source: str, destination: str, payload: bytes, kind=None, tags=()) -> bytes:
    """An Ethernet frame; `tags` are (EtherType, VLAN identifier), outermost first."""
    kind = ethertype(payload) if kind is None else kind
    stack = b''.join(struct.pack('>HH', tpid, vlan) for tpid, vlan in tags)
    return mac(destination) + mac(source) + stack + struct.pack('>H', kind) + payload


def ethertype(packet: bytes) -> int:
    return IPV6 if packet[0] >> 4 == 6 else IPV4


def ip(source: str, destination: str, protocol: int, payload: bytes, **fields) -> bytes:
    if ip_address(source).version == 6:
        return ipv6(source, destination, protocol, payload)
    return ipv4(source, destination, protocol, payload, **fields)


def ipv4(
    source: str,
    destination: str,
    protocol: int,
    payload: bytes,
    ident=0,
    options=b'',
    fragment=0x4000,
    total_len=None,
) -> bytes:
    """An IPv4 packet; `fragment` is the flags and offset field, unfragmentable unless given."""
    words = 5 + len(options) // 4
    length = words * 4 + len(payload) if total_len is None else total_len
    head = struct.pack('>BBHHHBBH', 0x40 | words, 0, length, ident, fragment, 64, protocol, 0)
    head += ip_address(source).packed + ip_address(destination).packed + options
    return _with_ipv4_checksum(head) + payload


def _with_ipv4_checksum(head: bytes) -> bytes:
    return head[:10] + struct.pack('>H', checksum(head[:10] + b'\0\0' + head[12:])) + head[12:]


def changed_ipv4(packet: bytes, **changes) -> bytes:
    """An IPv4 packet written again with other fields (those of `ipv4`)."""
    header_len = (packet[0] & 0xF) * 4
    ident, fragment = struct.unpack_from('>HH', packet, 4)
    fields = {'ident': ident, 'fragment': fragment} | changes
    payload = fields.pop('payload', packet[header_len:])
    return ipv4(*addresses(packet), packet[9], payload, **fields)


def ipv6(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    head = struct.pack('>IHBB', 6 << 28, len(payload), protocol, 64)
    return head + ip_address(source).packed + ip_address(destination).packed + payload


def addresses(packet: bytes) -> tuple[str, str]:
    """Source and destination of an IP packet."""
    at, size = (8, 16) if packet[0] >> 4 == 6 else (12, 4)
    return (
        str(ip_address(packet[at : at + size])),
        str(ip_address(packet[at + size : at + 2 * size])),
    )


def _transport_checksum(source: str, destination: str, protocol: int, segment: bytes) -> int:
    pseudo = ip_address(source).packed + ip_address(destination).packed
    pseudo += struct.pack('>II', len(segment), protocol)
    return checksum(pseudo + segment)


def tcp(
    source: tuple[str, int],
    destination: tuple[str, int],
    seq: int,
    ack: int,
    flags: str,
    payload=b'',
    window=64240,
    options=b'',
) -> bytes:
    """A TCP segment; `flags` in letters, as 'PA' for push and acknowledgment."""
    bits = sum(FLAGS[letter] for letter in flags)
    words = 5 + len(options) // 4
    head = struct.pack(
        '>HHIIBBHHH',
        source[1],
        destination[1],
        seq & 0xFFFFFFFF,
        ack & 0xFFFFFFFF,
        words << 4,
        bits,
        window,
        0,
        0,
    )
    segment = head + options + payload
    value = _transport_checksum(source[0], destination[0], TCP, segment)
    return segment[:16] + struct.pack('>H', value) + segment[18:]


def udp(source: tuple[str, int], destination: tuple[str, int], payload: bytes) -> bytes:
    head = struct.pack('>HHHH', source[1], destination[1], 8 + len(payload), 0)
    value = _transport_checksum(source[0], destination[0], UDP, head + payload) or 0xFFFF
    return head[:6] + struct.pack('>H', value) + payload


def ipv4_fragments(packet: bytes, size: int, ident: int) -> list[bytes]:
    """An IPv4 packet cut so that each fragment carries at most `size` bytes (RFC 791 §3.2)."""
    body = packet[(packet[0] & 0xF) * 4 :]
    fragments = []
    for at in range(0, len(body), size):
        more = 0x2000 if at + size < len(body) else 0
        fragments.append(
            changed_ipv4(packet, payload=body[at : at + size], ident=ident, fragment=more | at // 8)
        )
    return fragments


def ipv6_fragments(packet: bytes, size: int, ident: int) -> list[bytes]:
    """The same for IPv6, with its Fragment header (RFC 8200 §4.5)."""
    body = packet[40:]
    fragments = []
    for at in range(0, len(body), size):
        more = at + size < len(body)
        header = struct.pack('>BBHI', packet[6], 0, at | more, ident)
        fragments.append(ipv6(*addresses(packet), 44, header + body[at : at + size]))
    return fragments

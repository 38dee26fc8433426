"""Captures without a WebSocket, and files that are no captures."""

import struct

from . import headers
from .headers import ethernet, ip, udp
from .pcapfile import ETHERNET, pcap
from .registry import made, traced
from .trace import CLIENT, SERVER, Trace, head
from .websocket import TEXT


@traced('other_dns.pcap', 'DNS over UDP')
def dns(trace: Trace):
    name = b'\x04chat\x07example\0' + struct.pack('>HH', 1, 1)
    for ident in range(1, 4):
        question = struct.pack('>HHHHHH', ident, 0x0100, 1, 0, 0, 0) + name
        answer = struct.pack('>HHHHHH', ident, 0x8180, 1, 1, 0, 0) + name
        answer += struct.pack('>HHHIH', 0xC00C, 1, 1, 60, 4) + bytes([198, 51, 100, 20])
        ends = ((CLIENT, 40_000 + ident), (SERVER, 53))
        trace.add(ethernet(CLIENT, SERVER, ip(CLIENT, SERVER, headers.UDP, udp(*ends, question))))
        back = ip(SERVER, CLIENT, headers.UDP, udp(*ends[::-1], answer))
        trace.add(ethernet(SERVER, CLIENT, back))


@traced('other_arp_icmp.pcap', 'ARP, ICMP, a spanning tree frame in 802.3')
def arp_icmp(trace: Trace):
    arp = struct.pack('>HHBBH', 1, headers.IPV4, 6, 4, 1) + headers.mac(CLIENT)
    arp += bytes([192, 0, 2, 10]) + bytes(6) + bytes([192, 0, 2, 1])
    trace.add(ethernet(CLIENT, SERVER, arp, headers.ARP))
    for kind, ends in ((8, (CLIENT, SERVER)), (0, (SERVER, CLIENT))):
        echo = struct.pack('>BBHHH', kind, 0, 0, 1, 1) + b'echo data'
        echo = echo[:2] + struct.pack('>H', headers.checksum(echo)) + echo[4:]
        trace.add(ethernet(*ends, ip(*ends, headers.ICMP, echo)))
    tree = bytes.fromhex('0180c2000000 020000000001 0026 424203') + bytes(35)
    trace.add(tree)


@traced('other_http.pcap', 'HTTP without an upgrade')
def plain_http(trace: Trace):
    connection = trace.connection()
    connection.open()
    for path in ('/', '/style.css'):
        connection.client.send(head(f'GET {path} HTTP/1.1', 'Host: chat.example'))
        connection.server.send(head('HTTP/1.1 200 OK', 'Content-Length: 5') + b'page\n')
    connection.finish()


@traced('other_tls.pcap', 'TLS: a ClientHello naming chat.example, a ServerHello, application data')
def tls(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(_record(22, _hello(1, b'\x13\x01\x13\x02', _server_name())))
    connection.server.send(_record(22, _hello(2, b'\x13\x01', b'')) + _record(20, b'\x01'))
    connection.client.send(_record(23, bytes(range(200))))
    connection.server.send(_record(23, bytes(range(100, 250))))
    connection.finish()


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack('>BHH', kind, 0x0303, len(body)) + body


def _server_name() -> bytes:
    name = b'chat.example'
    entry = struct.pack('>HBH', len(name) + 3, 0, len(name)) + name
    alpn = struct.pack('>H', 9) + b'\x08http/1.1'
    return b''.join(
        struct.pack('>HH', kind, len(body)) + body
        for kind, body in ((0, entry), (16, alpn), (43, b'\x02\x03\x04'))
    )


def _hello(kind: int, suites: bytes, extensions: bytes) -> bytes:
    if kind == 1:
        chosen = struct.pack('>H', len(suites)) + suites + b'\x01\0'
    else:
        chosen = suites + b'\0'
        extensions = struct.pack('>HHH', 43, 2, 0x0304)
    body = struct.pack('>H', 0x0303) + bytes(range(32)) + b'\0' + chosen
    body += struct.pack('>H', len(extensions)) + extensions
    return struct.pack('>I', kind << 24 | len(body)) + body


@traced('other_ssh.pcap', 'SSH banners, the server first')
def ssh(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.server.send(b'SSH-2.0-OpenSSH_9.6\r\n')
    connection.client.send(b'SSH-2.0-OpenSSH_9.7\r\n')
    connection.finish()


@traced('other_h2.pcap', 'HTTP/2 with prior knowledge')
def http2(trace: Trace):
    connection = trace.connection()
    connection.open()
    settings = bytes.fromhex('000000 04 00 00000000')
    connection.client.send(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + settings)
    connection.server.send(settings)
    connection.finish()


@traced('other_silent.pcap', 'Connections in which nothing is said')
def silent(trace: Trace):
    for _ in range(3):
        connection = trace.connection()
        connection.open()
        connection.finish()


@traced(
    'other_looks_like_frames.pcap',
    'Binary traffic, captured from its middle, that could be taken for frames',
)
def looks_like_frames(trace: Trace):
    connection = trace.connection()
    for number in range(20):
        # Starts as a text frame of 5 bytes, but more follows, and nothing adds up.
        connection.server.send(
            bytes([0x81, 5]) + bytes((number * 37 + i * 11) % 256 for i in range(40))
        )
        connection.client.send(
            bytes([0x82, 0x85]) + bytes((number * 53 + i * 7) % 256 for i in range(30))
        )


@traced('other_mixed.pcap', 'One WebSocket among DNS, TLS, SSH and HTTP')
def everything_mixed(trace: Trace):
    dns(trace)
    tls(trace)
    conversation = trace.websocket()
    ssh(trace)
    conversation.talk(1)
    plain_http(trace)
    conversation.client.frame(TEXT, 'still here')
    conversation.close()
    arp_icmp(trace)


@made(
    'other_malformed.pcap', 'Packets that contradict themselves, among those of a good conversation'
)
def malformed():
    trace = Trace()
    connection = trace.websocket()
    good = trace.frames
    whole = good[3]
    bad = [
        b'',
        whole[:10],
        whole[:20],
        whole[:14] + b'\x4f' + whole[15:],  # header of 60 bytes
        whole[:14] + b'\x41' + whole[15:],  # header of 4 bytes
        whole[:16] + b'\0\x15' + whole[18:],  # total length below the headers
        whole[:46] + b'\xf0' + whole[47:60],  # data offset past the end
        whole[:46] + b'\x10' + whole[47:],  # data offset below 5
        whole[:12] + b'\x81\0' * 20,
    ]
    trace.frames = good[:3]
    for frame in bad:
        trace.frames.append(frame)
    trace.frames += good[3:]
    connection.talk(1)
    for frame in bad:
        trace.frames.append(frame)
    connection.close()
    return pcap(trace.packets())


@made('other_no_packets.pcap', 'A header and no packet')
def no_packets():
    return pcap([], ETHERNET)


@made('other_empty.pcap', 'A file of no bytes')
def empty():
    return b''


@made('other_text.pcap', 'A text file')
def text():
    return b'This is not a capture, though its name says so.\n'


@made('other_short.pcap', 'A file of three bytes')
def short():
    return b'\xd4\xc3\xb2'

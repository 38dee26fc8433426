"""A capture being made, and TCP connections that write their packets into it.

Nothing reads a clock: a packet's time is its place in the trace.
"""

import base64
import hashlib
import struct

from . import headers, websocket
from .pcapfile import SECOND, Packet

START = 1_709_294_400 * SECOND  # 2024-03-01T12:00:00Z
STEP = 250_000  # nanoseconds between packets

CLIENT = '192.0.2.10'
SERVER = '198.51.100.20'
SYN_OPTIONS = bytes.fromhex('020405b4 01 030307')  # MSS 1460, NOP, window scale 7


class Trace:
    """Captured link-layer frames, in order."""

    def __init__(self):
        self.frames: list[bytes] = []
        self.pauses: dict[int, int] = {}
        self.connections = 0

    def add(self, frame: bytes):
        self.frames.append(frame)

    def pause(self, milliseconds: int):
        """Makes the next packet come later."""
        self.pauses[len(self.frames)] = milliseconds * 1_000_000

    def packets(self) -> list[Packet]:
        time, packets = START, []
        for number, frame in enumerate(self.frames):
            time += self.pauses.get(number, 0)
            packets.append(Packet(time, frame))
            time += STEP
        return packets

    def connection(self, **options) -> 'Connection':
        self.connections += 1
        return Connection(self, self.connections, **options)

    def websocket(self, **options) -> 'Connection':
        """A connection that is already upgraded."""
        connection = self.connection(**options)
        connection.open()
        connection.upgrade()
        return connection


class Endpoint:
    """One side of a connection: its stream, and what of it was sent.

    Positions are offsets in the stream: 0 is the byte after the SYN.
    """

    def __init__(self, connection, address: str, port: int, isn: int, is_client: bool):
        self.connection = connection
        self.address = (address, port)
        self.isn = isn
        self.is_client = is_client
        self.ident = 0x1000 if is_client else 0x8000
        self.stream = bytearray()
        self.arrived: list[tuple[int, int]] = []
        self.fin_sent = False
        self.tags = ()
        self.mask_number = 0
        self.peer: Endpoint

    # Segments

    def segment(self, flags: str, seq: int, payload=b'', ack=None, options=b'', window=502):
        """Captures a segment with the given sequence number, whatever it is."""
        ack = self.acknowledgment() if ack is None else ack
        self.ident += 1
        packet = headers.ip(
            self.address[0],
            self.peer.address[0],
            headers.TCP,
            headers.tcp(
                self.address,
                self.peer.address,
                seq,
                ack if 'A' in flags else 0,
                flags,
                payload,
                window,
                options,
            ),
            ident=self.ident,
        )
        source, destination = self.address[0], self.peer.address[0]
        self.connection.capture(headers.ethernet(source, destination, packet, tags=self.tags), self)

    def seq(self, offset: int) -> int:
        return self.isn + 1 + offset

    def next_seq(self) -> int:
        return self.seq(len(self.stream) + self.fin_sent)

    def acknowledgment(self) -> int:
        """What this side would acknowledge: all that reached it without a hole."""
        reached = 0
        for start, end in sorted(self.peer.arrived):
            if start <= reached:
                reached = max(reached, end)
        complete = reached == len(self.peer.stream)
        return self.peer.seq(reached + (self.peer.fin_sent and complete))

    def syn(self, payload=b'', acknowledges=False):
        flags = 'SA' if acknowledges else 'S'
        if payload:
            self.arrived.append(self.queue(payload))
        self.segment(flags, self.isn, payload, options=SYN_OPTIONS, window=64240)

    def queue(self, data: bytes) -> tuple[int, int]:
        """Puts bytes into the stream without sending them; returns where they are."""
        start = len(self.stream)
        self.stream += data
        return start, len(self.stream)

    def emit(self, start: int, end: int, flags='PA'):
        """Sends a part of the stream, for the first time or again."""
        self.arrived.append((start, end))
        self.segment(flags, self.seq(start), bytes(self.stream[start:end]))

    def lose(self, start: int, end: int):
        """Sends a part of the stream that arrives but is not captured."""
        self.arrived.append((start, end))

    def pieces(self, data: bytes, size: int) -> list[tuple[int, int]]:
        """Queues bytes and cuts them into ranges for `emit`."""
        start, end = self.queue(data)
        return [(at, min(at + size, end)) for at in range(start, end, size)]

    def ack(self):
        self.segment('A', self.next_seq())

    def send(self, data: bytes, size=1460, acked=True):
        """Sends bytes in order; the other side acknowledges them."""
        for piece in self.pieces(data, size):
            self.emit(*piece)
        if acked:
            self.peer.ack()

    def fin(self, data=b''):
        start, end = self.queue(data)
        self.arrived.append((start, end))
        self.segment('PFA' if data else 'FA', self.seq(start), data)
        self.fin_sent = True

    def rst(self):
        self.segment('RA', self.next_seq())

    # WebSocket

    def mask(self) -> bytes | None:
        """The next masking key; None for a server, which has none."""
        if not self.is_client:
            return None
        self.mask_number += 1
        return struct.pack('>I', 0x37FA213D * self.mask_number & 0xFFFFFFFF)

    def framed(self, opcode: int, payload: bytes | str = b'', **options) -> bytes:
        """A frame's bytes, masked as this side has to, unless `mask` is given."""
        payload = payload.encode() if isinstance(payload, str) else payload
        options.setdefault('mask', self.mask())
        return websocket.frame(opcode, payload, **options)

    def frame(self, opcode: int, payload: bytes | str = b'', **options):
        self.send(self.framed(opcode, payload, **options))

    def text(self, text: str):
        self.frame(websocket.TEXT, text)

    def close_frame(self, code: int, reason=''):
        self.frame(websocket.CLOSE, websocket.close_payload(code, reason))


class Connection:
    """A TCP connection; both endpoints write to the same trace."""

    def __init__(self, trace, number, client=CLIENT, server=SERVER, port=None, isns=None):
        self.trace = trace
        self.number = number
        isns = isns or (1_000_000 * number, 3_000_000_000 + 1_000_000 * number)
        self.client = Endpoint(self, client, port or 50_000 + number, isns[0], True)
        self.server = Endpoint(self, server, 8080, isns[1], False)
        self.client.peer, self.server.peer = self.server, self.client
        self.key = base64.b64encode(hashlib.md5(b'key %d' % number).digest()).decode()

    def capture(self, frame: bytes, _sender: Endpoint):
        """Called with every packet; a test may put something else here."""
        self.trace.add(frame)

    def open(self):
        self.client.syn()
        self.server.syn(acknowledges=True)
        self.client.ack()

    def request_head(self, *fields: str, target='/chat', method='GET', **replaced) -> bytes:
        """An upgrade request with more `fields`; `replaced` gives other values for the
        usual ones (key, version, upgrade, connection, host), None leaves one out."""
        values = {
            'host': 'chat.example',
            'upgrade': 'websocket',
            'connection': 'Upgrade',
            'key': self.key,
            'version': '13',
        } | replaced
        names = {'key': 'Sec-WebSocket-Key', 'version': 'Sec-WebSocket-Version'}
        lines = [f'{method} {target} HTTP/1.1']
        for name, value in values.items():
            if value is not None:
                lines.append(f'{names.get(name, name.title())}: {value}')
        return head(*lines, *fields)

    def response_head(self, *fields: str, **replaced) -> bytes:
        """A 101 response, changed in the same way (accept, upgrade, connection)."""
        values = {
            'upgrade': 'websocket',
            'connection': 'Upgrade',
            'accept': websocket.accept_value(self.key),
        } | replaced
        names = {'accept': 'Sec-WebSocket-Accept'}
        lines = ['HTTP/1.1 101 Switching Protocols']
        for name, value in values.items():
            if value is not None:
                lines.append(f'{names.get(name, name.title())}: {value}')
        return head(*lines, *fields)

    def upgrade(self, request=(), response=(), **options):
        """The opening handshake, with more header fields on either side."""
        self.client.send(self.request_head(*request, **options))
        self.server.send(self.response_head(*response))

    def talk(self, count=2):
        """Messages in both directions whose text shows any missing or extra byte."""
        for number in range(1, count + 1):
            self.client.text(spoken('client', number))
            self.server.text(spoken('server', number))

    def close(self, code=1000, reason='done'):
        """The closing handshake, started by the client, and both FINs."""
        self.client.close_frame(code, reason)
        self.server.close_frame(code, reason)
        self.finish()

    def finish(self):
        """FIN from the server, then from the client."""
        self.server.fin()
        self.client.fin()
        self.server.ack()


def head(*lines: str) -> bytes:
    """An HTTP head."""
    return '\r\n'.join((*lines, '', '')).encode('utf-8')


def spoken(who: str, number: int) -> str:
    """Message number `number` of `who`."""
    return f'{who} message {number}: <0123456789abcdefghijklmnopqrstuvwxyz>'

"""Capture file formats: pcap, pcapng, and the two compressions around them."""

import struct
import zlib
from dataclasses import dataclass

from .deflate import Deflater

ETHERNET = 1
SECOND = 1_000_000_000


@dataclass(frozen=True)
class Packet:
    """A captured packet; `time` is nanoseconds since 1970."""

    time: int
    data: bytes
    wire_len: int | None = None

    @property
    def original_len(self) -> int:
        return len(self.data) if self.wire_len is None else self.wire_len


def pcap(packets, link=ETHERNET, order='<', nano=False, modified=False) -> bytes:
    """A pcap file. `modified` is the Kuznetzov variant with longer packet headers."""
    magic = 0xA1B2CD34 if modified else 0xA1B23C4D if nano else 0xA1B2C3D4
    out = bytearray(struct.pack(order + 'IHHiIII', magic, 2, 4, 0, 0, 262144, link))
    for packet in packets:
        seconds, rest = divmod(packet.time, SECOND)
        fraction = rest if nano else rest // 1000
        out += struct.pack(order + 'IIII', seconds, fraction, len(packet.data), packet.original_len)
        if modified:
            # Interface index, protocol, packet type, padding.
            out += struct.pack(order + 'IHBx', 1, 0x0800, 0)
        out += packet.data
    return bytes(out)


def read_pcap(data: bytes) -> list[Packet]:
    """The packets of a little-endian pcap file."""
    (magic,) = struct.unpack_from('<I', data)
    scale = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    packets, at = [], 24
    while at < len(data):
        seconds, fraction, captured, original = struct.unpack_from('<IIII', data, at)
        at += 16
        time = seconds * SECOND + fraction * scale
        packets.append(Packet(time, data[at : at + captured], original))
        at += captured
    return packets


class Pcapng:
    """Writes one section of a pcapng file, block by block."""

    def __init__(self, order='<'):
        self.order = order
        self.blocks = bytearray()
        self.units: list[tuple[int, int]] = []

    def _pack(self, layout: str, *values) -> bytes:
        return struct.pack(self.order + layout, *values)

    def _option(self, code: int, value: bytes) -> bytes:
        return self._pack('HH', code, len(value)) + _padded(value)

    def _options(self, *options: tuple[int, bytes]) -> bytes:
        if not options:
            return b''
        return b''.join(self._option(*option) for option in options) + bytes(4)

    def _wrapped(self, kind: int, body: bytes) -> bytes:
        total = 12 + len(_padded(body))
        return self._pack('II', kind, total) + _padded(body) + self._pack('I', total)

    def block(self, kind: int, body: bytes):
        """Any block, known or not."""
        self.blocks += self._wrapped(kind, body)

    def interface(self, link=ETHERNET, name='', tsresol=None, tsoffset=0, snap_len=0):
        """Interface Description Block. `tsresol` is the option's byte."""
        options = []
        if name:
            options.append((2, name.encode()))
        if tsresol is not None:
            options.append((9, bytes([tsresol])))
        if tsoffset:
            options.append((14, self._pack('q', tsoffset)))
        self.block(1, self._pack('HHI', link, 0, snap_len) + self._options(*options))
        resolution = 6 if tsresol is None else tsresol
        if resolution & 0x80:
            self.units.append((2 ** (resolution & 0x7F), tsoffset))
        else:
            self.units.append((10**resolution, tsoffset))

    def _ticks(self, interface: int, time: int) -> tuple[int, int]:
        per_second, offset = self.units[interface]
        ticks = (time - offset * SECOND) * per_second // SECOND
        return ticks >> 32, ticks & 0xFFFFFFFF

    def enhanced(self, packet: Packet, interface=0, comment=''):
        """Enhanced Packet Block."""
        head = self._pack(
            'IIIII',
            interface,
            *self._ticks(interface, packet.time),
            len(packet.data),
            packet.original_len,
        )
        options = self._options((1, comment.encode())) if comment else b''
        self.block(6, head + _padded(packet.data) + options)

    def simple(self, packet: Packet):
        """Simple Packet Block: no timestamp, always the first interface."""
        self.block(3, self._pack('I', packet.original_len) + packet.data)

    def obsolete(self, packet: Packet, interface=0, drops=0xFFFF):
        """The Packet Block that the Enhanced Packet Block replaced."""
        head = self._pack(
            'HHIIII',
            interface,
            drops,
            *self._ticks(interface, packet.time),
            len(packet.data),
            packet.original_len,
        )
        self.block(2, head + packet.data)

    def names(self):
        """Name Resolution Block with one IPv4 record."""
        record = bytes([127, 0, 0, 1]) + b'localhost\0'
        self.block(4, self._option(1, record) + bytes(4))

    def statistics(self, interface=0, time=0):
        """Interface Statistics Block: received and dropped."""
        options = self._options((4, self._pack('Q', 18)), (5, self._pack('Q', 0)))
        self.block(5, self._pack('III', interface, *self._ticks(interface, time)) + options)

    def secrets(self, text: bytes):
        """Decryption Secrets Block with a TLS key log."""
        self.block(10, self._pack('II', 0x544C534B, len(text)) + text)

    def custom(self, data: bytes):
        """Custom Block that may be copied; 32473 is the enterprise number for examples."""
        self.block(0xBAD, self._pack('I', 32473) + data)

    def section(self, stated_length=False, comment='') -> bytes:
        """The section with its header, whose length is stated or left open (-1)."""
        length = len(self.blocks) if stated_length else -1
        options = self._options((1, comment.encode())) if comment else b''
        head = self._pack('IHHq', 0x1A2B3C4D, 1, 0, length) + options
        return self._wrapped(0x0A0D0D0A, head) + bytes(self.blocks)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def gzipped(data: bytes) -> bytes:
    """One gzip member, with no name and no time in it."""
    trailer = struct.pack('<II', zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return b'\x1f\x8b\x08\0\0\0\0\0\0\xff' + Deflater().final(data) + trailer


def zstd_stored(data: bytes, block_size=1024) -> bytes:
    """A Zstandard frame of raw blocks (RFC 8878 §3.1.1.2.2), without checksum."""
    # Single segment, content size in four bytes.
    out = bytearray(b'\x28\xb5\x2f\xfd\xa0' + struct.pack('<I', len(data)))
    for at in range(0, len(data), block_size):
        piece = data[at : at + block_size]
        last = at + block_size >= len(data)
        out += struct.pack('<I', len(piece) << 3 | last)[:3] + piece
    return bytes(out)

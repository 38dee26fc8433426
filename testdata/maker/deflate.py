"""A small DEFLATE compressor (RFC 1951).

Python's own depends on the zlib it was built with, and the captures must come out
the same everywhere. This one writes blocks with fixed Huffman codes only.
"""

_LENGTHS = [
    (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 1), (13, 1),
    (15, 1), (17, 1), (19, 2), (23, 2), (27, 2), (31, 2), (35, 3), (43, 3), (51, 3),
    (59, 3), (67, 4), (83, 4), (99, 4), (115, 4), (131, 5), (163, 5), (195, 5), (227, 5),
    (258, 0),
]  # fmt: skip
_DISTANCES = [
    (1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (7, 1), (9, 2), (13, 2), (17, 3), (25, 3),
    (33, 4), (49, 4), (65, 5), (97, 5), (129, 6), (193, 6), (257, 7), (385, 7), (513, 8),
    (769, 8), (1025, 9), (1537, 9), (2049, 10), (3073, 10), (4097, 11), (6145, 11),
    (8193, 12), (12289, 12), (16385, 13), (24577, 13),
]  # fmt: skip
_END_OF_BLOCK = 256


class _Bits:
    """Collects bits, the first one lowest in its byte."""

    def __init__(self):
        self.out = bytearray()
        self.pending = 0
        self.count = 0

    def put(self, value: int, width: int):
        self.pending |= value << self.count
        self.count += width
        while self.count >= 8:
            self.out.append(self.pending & 0xFF)
            self.pending >>= 8
            self.count -= 8

    def put_code(self, code: int, width: int):
        """Huffman codes go in with their highest bit first."""
        self.put(int(format(code, f'0{width}b')[::-1], 2), width)

    def align(self):
        if self.count:
            self.put(0, 8 - self.count)


class Deflater:
    """Compresses message after message, as permessage-deflate does (RFC 7692 §7.2.1)."""

    def __init__(self, window_bits=15, context_takeover=True):
        self.window = 1 << window_bits
        self.context_takeover = context_takeover
        self.history = b''

    def message(self, data: bytes) -> bytes:
        """A compressed message: it ends in a flush, whose last four bytes are left out."""
        return self._compress(data, final=False)

    def final(self, data: bytes) -> bytes:
        """A block with BFINAL set, and nothing after it."""
        return self._compress(data, final=True)

    def _compress(self, data: bytes, final: bool) -> bytes:
        bits = _Bits()
        if data or final:
            bits.put(int(final), 1)
            bits.put(0b01, 2)
            self._fixed_block(bits, data)
        if final:
            bits.align()
        else:
            # An empty stored block; its length fields are the four bytes left out.
            bits.put(0b000, 3)
            bits.align()
        self.history = (self.history + data)[-self.window :] if self.context_takeover else b''
        return bytes(bits.out)

    def _fixed_block(self, bits: _Bits, data: bytes):
        text = self.history + data
        seen: dict[bytes, int] = {}
        for position in range(len(self.history)):
            seen[text[position : position + 3]] = position
        at = len(self.history)
        while at < len(text):
            earlier = seen.get(text[at : at + 3])
            length = 1
            if len(text) - at >= 3 and earlier is not None and at - earlier <= self.window:
                length = _common(text, earlier, at)
                _put_match(bits, length, at - earlier)
            else:
                _put_symbol(bits, text[at])
            for position in range(at, at + length):
                seen[text[position : position + 3]] = position
            at += length
        _put_symbol(bits, _END_OF_BLOCK)


def zeros(count: int) -> bytes:
    """`count` zero bytes at two bits for each 258: what a decompression bomb is made of."""
    bits = _Bits()
    bits.put(0, 1)
    bits.put(0b10, 2)
    # 286 literal/length codes, 1 distance code, 18 code length codes.
    bits.put(286 - 257, 5)
    bits.put(1 - 1, 5)
    bits.put(18 - 4, 4)
    for symbol in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1):
        bits.put({18: 1, 1: 2, 2: 2}.get(symbol, 0), 3)
    one, two, run = (0b10, 2), (0b11, 2), (0b0, 1)

    def skip(symbols: int):
        bits.put_code(*run)
        bits.put(symbols - 11, 7)

    bits.put_code(*two)  # literal 0: two bits
    skip(138)
    skip(117)
    bits.put_code(*two)  # end of block: two bits
    skip(28)
    bits.put_code(*one)  # length 258: one bit
    bits.put_code(*one)  # distance 1: one bit
    literal_zero, end, match = (0b10, 2), (0b11, 2), (0b00, 2)
    matches, literals = divmod(count - 1, 258)
    for _ in range(literals + 1):
        bits.put_code(*literal_zero)
    for _ in range(matches):
        bits.put_code(*match)
    bits.put_code(*end)
    bits.put(0b000, 3)
    bits.align()
    return bytes(bits.out)


def _common(text: bytes, earlier: int, at: int) -> int:
    longest = min(258, len(text) - at)
    length = 0
    while length < longest and text[earlier + length] == text[at + length]:
        length += 1
    return length


def _put_symbol(bits: _Bits, symbol: int):
    if symbol < 144:
        bits.put_code(0x30 + symbol, 8)
    elif symbol < 256:
        bits.put_code(0x190 + symbol - 144, 9)
    elif symbol < 280:
        bits.put_code(symbol - 256, 7)
    else:
        bits.put_code(0xC0 + symbol - 280, 8)


def _put_match(bits: _Bits, length: int, distance: int):
    index = max(i for i, (base, _) in enumerate(_LENGTHS) if base <= length)
    base, extra = _LENGTHS[index]
    _put_symbol(bits, 257 + index)
    bits.put(length - base, extra)
    index = max(i for i, (base, _) in enumerate(_DISTANCES) if base <= distance)
    base, extra = _DISTANCES[index]
    bits.put_code(index, 5)
    bits.put(distance - base, extra)

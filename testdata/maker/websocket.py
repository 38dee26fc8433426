"""WebSocket bytes: frames (RFC 6455 §5.2) and the handshake's accept value (§4.2.2)."""

import base64
import hashlib
import struct

GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RSV1, RSV2, RSV3 = 4, 2, 1


def accept_value(key: str, guid=GUID) -> str:
    return base64.b64encode(hashlib.sha1((key + guid).encode()).digest()).decode()


def frame(
    opcode: int,
    payload=b'',
    fin=True,
    rsv=0,
    mask: bytes | None = None,
    length_bytes: int | None = None,
    stated_len: int | None = None,
) -> bytes:
    """A frame. `length_bytes` (0, 2 or 8) asks for a longer length field than is needed,
    `stated_len` for a length that is not the payload's."""
    length = len(payload) if stated_len is None else stated_len
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 0x10000 else 8
    first = fin << 7 | rsv << 4 | opcode
    second = {0: length, 2: 126, 8: 127}[length_bytes] | (0x80 if mask is not None else 0)
    head = bytes([first, second])
    head += {0: b'', 2: struct.pack('>H', length & 0xFFFF), 8: struct.pack('>Q', length)}[
        length_bytes
    ]
    if mask is None:
        return head + payload
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def close_payload(code: int, reason='') -> bytes:
    return struct.pack('>H', code) + reason.encode()

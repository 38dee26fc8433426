"""WebSocket frames: lengths, opcodes, fragments, text, closing."""

from .registry import traced
from .trace import Trace, spoken
from .websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    close_payload,
    frame,
)


def filled(length: int) -> str:
    """Text of a length, in which every place looks different from its neighbours."""
    return ''.join(f'{number:05}' for number in range(length // 5 + 1))[:length]


# Headers


@traced('ws_lengths.pcap', 'Payloads of 0, 1, 125, 126, 65,535 and 65,536 bytes, both ways')
def lengths(trace: Trace):
    connection = trace.websocket()
    for length in (0, 1, 125, 126, 65_535, 65_536):
        connection.server.text(filled(length))
        connection.client.frame(BINARY, filled(length))
    connection.close()


@traced('ws_length_2_63.pcap', 'A frame whose length has its highest bit set')
def length_with_high_bit(trace: Trace):
    connection = trace.websocket()
    connection.talk(1)
    connection.server.frame(BINARY, filled(50), stated_len=1 << 63)
    connection.server.text('is this a frame?')
    connection.finish()


@traced('ws_length_2_62.pcap', 'A frame of 2^62 bytes that is never completed')
def length_never_completed(trace: Trace):
    connection = trace.websocket()
    connection.talk(1)
    connection.client.frame(BINARY, filled(4000), stated_len=1 << 62)
    connection.finish()


@traced('ws_length_not_minimal.pcap', 'Length fields longer than needed')
def length_not_minimal(trace: Trace):
    connection = trace.websocket()
    for length, length_bytes in ((0, 2), (5, 2), (125, 2), (5, 8), (126, 8), (65_535, 8)):
        connection.server.frame(TEXT, filled(length), length_bytes=length_bytes)
        connection.client.frame(TEXT, filled(length), length_bytes=length_bytes)
    connection.close()


@traced('ws_reserved_opcodes.pcap', 'Every reserved opcode, from both sides')
def reserved_opcodes(trace: Trace):
    connection = trace.websocket()
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        connection.client.frame(opcode, f'opcode {opcode}')
        connection.server.frame(opcode, f'opcode {opcode}')
    connection.close()


@traced(
    'ws_reserved_bits.pcap',
    'RSV bits that no extension has asked for, on data and on control frames',
)
def reserved_bits(trace: Trace):
    connection = trace.websocket()
    for rsv in (RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3):
        connection.client.frame(TEXT, f'RSV {rsv:03b}', rsv=rsv)
        connection.server.frame(PING, f'RSV {rsv:03b}', rsv=rsv)
    connection.close()


@traced('ws_masking.pcap', 'Client frames without a mask, server frames with one, a key of zeros')
def masking(trace: Trace):
    connection = trace.websocket()
    connection.client.frame(TEXT, 'from the client, not masked', mask=None)
    connection.server.frame(TEXT, 'from the server, masked', mask=b'\x0b\xad\xca\xfe')
    connection.client.frame(TEXT, 'masked with zeros', mask=bytes(4))
    connection.client.frame(TEXT, '', mask=b'\x01\x02\x03\x04')
    connection.close()


@traced('ws_masking_key_repeated.pcap', 'A client that masks every frame with the same key')
def masking_key_repeated(trace: Trace):
    connection = trace.websocket()
    for number in range(1, 4):
        connection.client.frame(TEXT, spoken('client', number), mask=b'\x12\x34\x56\x78')
    connection.close()


# Fragments


@traced(
    'ws_fragments.pcap',
    'Fragmented messages with control frames between, empty fragments, one that is never ended',
)
def fragments(trace: Trace):
    connection = trace.websocket()
    client, server = connection.client, connection.server
    client.frame(TEXT, 'one ', fin=False)
    client.frame(PING, 'between')
    server.frame(PONG, 'between')
    client.frame(CONTINUATION, 'two ', fin=False)
    server.text('the other direction is not disturbed')
    client.frame(CONTINUATION, 'three')
    server.frame(BINARY, '', fin=False)
    server.frame(CONTINUATION, '', fin=False)
    server.frame(CONTINUATION, 'only the last has bytes')
    server.frame(TEXT, 'begun but', fin=False)
    connection.close()


@traced(
    'ws_fragment_order.pcap',
    'A continuation with nothing to continue; a new message inside a fragmented one',
)
def fragment_order(trace: Trace):
    connection = trace.websocket()
    client = connection.client
    client.frame(CONTINUATION, 'continues nothing')
    client.frame(CONTINUATION, 'continues nothing, not final', fin=False)
    client.frame(TEXT, 'first part, ', fin=False)
    client.frame(TEXT, 'a message inside')
    client.frame(CONTINUATION, 'last part')
    connection.talk(1)
    connection.close()


@traced('ws_control_frames.pcap', 'Control frames that are fragmented or longer than 125 bytes')
def control_frames(trace: Trace):
    connection = trace.websocket()
    client, server = connection.client, connection.server
    client.frame(PING, 'not final', fin=False)
    server.frame(PONG, 'not final', fin=False)
    client.frame(PING, filled(126))
    server.frame(PONG, filled(126))
    connection.talk(1)
    client.frame(CLOSE, close_payload(1000, filled(200)))
    connection.finish()


@traced(
    'ws_ping_pong.pcap',
    'Pings with their pongs, one answered late, one never; pongs nobody asked for; empty ones',
)
def ping_pong(trace: Trace):
    connection = trace.websocket()
    client, server = connection.client, connection.server
    server.frame(PING, 'one')
    trace.pause(12)
    client.frame(PONG, 'one')
    client.frame(PING)
    server.frame(PONG)
    server.frame(PING, 'two')
    server.frame(PING, 'three')
    trace.pause(30)
    client.frame(PONG, 'three')
    server.frame(PONG, 'unsolicited')
    client.frame(PING, b'\0\xff binary')
    server.frame(PONG, b'\0\xff binary')
    server.frame(PING, 'never answered')
    connection.close()


@traced('ws_many_in_segment.pcap', 'Many frames in one segment, the last one cut anywhere')
def many_in_segment(trace: Trace):
    connection = trace.websocket()
    client = connection.client
    run = b''.join(client.framed(TEXT, f'number {number}') for number in range(40))
    client.send(run[:301])
    client.send(run[301:302])
    client.send(run[302:])
    connection.close()


@traced('ws_incomplete.pcap', 'The capture ends inside a frame, in another inside a header')
def incomplete(trace: Trace):
    for cut in (1, 3, 5, 40):
        connection = trace.websocket()
        connection.client.send(connection.client.framed(TEXT, filled(200))[:cut])


# Text


@traced(
    'ws_utf8.pcap',
    'Text that is valid though a character is cut between fragments, and nine ways of not being '
    'UTF-8',
)
def utf8(trace: Trace):
    connection = trace.websocket()
    euro, party = '€'.encode(), '🎉'.encode()
    connection.server.frame(TEXT, b'a' + euro[:1], fin=False)
    connection.server.frame(CONTINUATION, euro[1:2], fin=False)
    connection.server.frame(CONTINUATION, euro[2:] + party[:2], fin=False)
    connection.server.frame(CONTINUATION, party[2:])
    for faulty in (
        b'lone continuation \x80',
        b'cut at the end \xf0\x9f\x8e',
        b'overlong \xc0\xaf',
        b'overlong \xe0\x80\xaf',
        b'surrogate \xed\xa0\x80',
        b'too high \xf4\x90\x80\x80',
        b'never valid \xfe\xff',
        b'broken \xe2\x28\xa1 inside',
        'café'.encode('latin-1'),
    ):
        connection.client.frame(TEXT, faulty)
    connection.server.frame(TEXT, b'good \xf0\x9f', fin=False)
    connection.server.frame(CONTINUATION, b'bad in the second fragment')
    connection.close()


@traced(
    'ws_unreadable_text.pcap',
    'Terminal escape sequences, control characters, line ends, bidirectional overrides, wide and '
    'combining characters',
)
def unreadable_text(trace: Trace):
    connection = trace.websocket()
    for text in (
        '\x1b[2J\x1b[H\x1b[31mred\x1b[0m',
        '\x1b]0;a new window title\x07',
        '\x9b31m C1 control',
        'a\0b\x08c\x7fd',
        'first line\r\nsecond line\n\tand a tab',
        '\u202egnp.exe\u202c \u2066isolated\u2069 \u200bzero width\ufeff',
        '漢字とかな、全角ＡＢＣ',
        '🎉👩‍👩‍👧‍👦🇩🇪',
        'e\u0301 Z' + '\u0351' * 30,
        '\\x1b is no escape, "quoted"',
        '',
        ' ',
    ):
        connection.server.text(text)
    connection.client.frame(BINARY, bytes(range(256)))
    connection.client.frame(PING, b'\x1b[31m')
    connection.client.close_frame(1000, '\x1b[31mred\n')
    connection.finish()


@traced('ws_json.pcap', 'JSON messages, one of them long')
def json_messages(trace: Trace):
    connection = trace.websocket()
    connection.client.text('{"type":"subscribe","channel":"prices"}')
    items = ','.join(f'{{"id":{number},"price":{number * 1.25}}}' for number in range(200))
    connection.server.text(f'{{"type":"prices","items":[{items}]}}')
    connection.server.text('{"type":"end"}')
    connection.close()


# Closing


CODES = (*range(1000, 1017), 0, 999, 2999, 3000, 4000, 4999, 5000, 65535)


@traced(
    'ws_close_codes.pcap', 'Close codes 1000 to 1016, 0, 999, 2999, 3000, 4000, 4999, 5000, 65535'
)
def close_codes(trace: Trace):
    for code in CODES:
        connection = trace.websocket()
        connection.close(code, f'code {code}')


@traced(
    'ws_close_payloads.pcap',
    'Close frames that are empty, of one byte, with a reason that is not UTF-8, of 125 bytes',
)
def close_payloads(trace: Trace):
    for payload in (b'', b'\x03', b'\x03\xe8', b'\x03\xe8bad \xff', b'\x03\xe8' + b'r' * 123):
        connection = trace.websocket()
        connection.client.frame(CLOSE, payload)
        connection.server.frame(CLOSE, payload)
        connection.finish()


@traced(
    'ws_close_endings.pcap',
    'Started by the server; other code in the answer; both at once; no answer; FIN with no '
    'Close; data after Close; '
    'bytes behind it that are no frame',
)
def close_endings(trace: Trace):
    by_server = trace.websocket()
    by_server.server.close_frame(1001, 'shutting down')
    by_server.client.close_frame(1001)
    by_server.finish()

    other_code = trace.websocket()
    other_code.client.close_frame(4001, 'client says')
    other_code.server.close_frame(4002, 'server says')
    other_code.finish()

    both = trace.websocket()
    both.client.send(both.client.framed(CLOSE, close_payload(1000)), acked=False)
    both.server.close_frame(1000)
    both.finish()

    no_answer = trace.websocket()
    no_answer.client.close_frame(1000, 'bye')
    no_answer.finish()

    no_close = trace.websocket()
    no_close.talk(1)
    no_close.finish()

    data_after = trace.websocket()
    data_after.client.close_frame(1000)
    data_after.server.text('still on its way, allowed')
    data_after.client.text('after my own Close')
    data_after.client.close_frame(1000, 'again')
    data_after.server.close_frame(1000)
    data_after.finish()

    rubbish = trace.websocket()
    rubbish.client.close_frame(1000)
    rubbish.server.send(frame(CLOSE, close_payload(1000)) + b'HTTP/1.1 400 Bad Request\r\n\r\n')
    rubbish.finish()

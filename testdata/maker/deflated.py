"""permessage-deflate (RFC 7692)."""

from .deflate import Deflater, zeros
from .registry import traced
from .trace import Trace, spoken
from .websocket import BINARY, CONTINUATION, PING, RSV1, TEXT

EXTENSIONS = 'Sec-WebSocket-Extensions: '
DEFLATE = 'permessage-deflate'


def negotiated(
    trace: Trace, answer=DEFLATE, offer=DEFLATE + '; client_max_window_bits', target='/chat'
):
    connection = trace.connection()
    connection.open()
    connection.upgrade([EXTENSIONS + offer], [EXTENSIONS + answer], target=target)
    return connection


def compressed(endpoint, deflater: Deflater, text: str, opcode=TEXT):
    endpoint.frame(opcode, deflater.message(text.encode()), rsv=RSV1)


def compressed_talk(connection, to_server: Deflater, to_client: Deflater, count=3):
    for number in range(1, count + 1):
        compressed(connection.client, to_server, spoken('client', number))
        compressed(connection.server, to_client, spoken('server', number))


@traced('deflate_takeover.pcap', 'No parameters: both sides refer back to earlier messages')
def takeover(trace: Trace):
    connection = negotiated(trace)
    compressed_talk(connection, Deflater(), Deflater())
    connection.close()


@traced('deflate_no_takeover.pcap', 'no_context_takeover of the server, of the client, of both')
def no_takeover(trace: Trace):
    server, client = 'server_no_context_takeover', 'client_no_context_takeover'
    for keeps_client, keeps_server, parameters in (
        (True, False, [server]),
        (False, True, [client]),
        (False, False, [server, client]),
    ):
        answer = '; '.join([DEFLATE, *parameters])
        connection = negotiated(trace, answer, offer=answer)
        compressed_talk(
            connection,
            Deflater(context_takeover=keeps_client),
            Deflater(context_takeover=keeps_server),
        )
        connection.close()


@traced(
    'deflate_window_bits.pcap', 'Window bits 8, 9, 12 and 15 for either side, one of them quoted'
)
def window_bits(trace: Trace):
    text = ''.join(f'{number:04} ' for number in range(60)) * 3
    for client, server in ((8, 15), (15, 8), (9, 12), (12, 9), (15, 15)):
        bits = f'client_max_window_bits={client}; server_max_window_bits="{server}"'
        connection = negotiated(trace, f'{DEFLATE}; {bits}', f'{DEFLATE}; {bits}')
        to_server, to_client = Deflater(client), Deflater(server)
        for _ in range(2):
            compressed(connection.client, to_server, text)
            compressed(connection.server, to_client, text)
        connection.close()


@traced('deflate_mixed.pcap', 'Uncompressed messages among compressed ones, and empty ones')
def mixed(trace: Trace):
    connection = negotiated(trace)
    server, deflater = connection.server, Deflater()
    compressed(server, deflater, spoken('server', 1))
    server.text('not compressed, and not in the window')
    compressed(server, deflater, spoken('server', 2))
    compressed(server, deflater, '')
    server.text('')
    compressed(server, deflater, spoken('server', 3), BINARY)
    connection.close()


@traced(
    'deflate_fragments.pcap', 'Compressed messages in fragments, one byte each, with a ping between'
)
def fragments(trace: Trace):
    connection = negotiated(trace)
    server, deflater = connection.server, Deflater()
    for number in (1, 2):
        payload = deflater.message(spoken('server', number).encode())
        server.frame(TEXT, payload[:1], fin=False, rsv=RSV1)
        for byte in payload[1:-1]:
            server.frame(CONTINUATION, bytes([byte]), fin=False)
        server.frame(PING, 'between')
        server.frame(CONTINUATION, payload[-1:])
    payload = deflater.message(spoken('server', 3).encode())
    server.frame(TEXT, payload, fin=False, rsv=RSV1)
    server.frame(CONTINUATION, b'')
    connection.close()


@traced(
    'deflate_blocks.pcap', 'A final block, several blocks, a stored block, and messages after each'
)
def blocks(trace: Trace):
    connection = negotiated(trace)
    server = connection.server
    deflater = Deflater()
    server.frame(TEXT, deflater.final(spoken('server', 1).encode()) + b'\0', rsv=RSV1)
    compressed(server, deflater, spoken('server', 2))
    two = deflater.message(b'first block, ') + b'\0\0\xff\xff' + deflater.message(b'second block')
    server.frame(TEXT, two, rsv=RSV1)
    compressed(server, deflater, spoken('server', 3))
    stored = b'a stored block'
    block = b'\0' + len(stored).to_bytes(2, 'little') + (len(stored) ^ 0xFFFF).to_bytes(2, 'little')
    server.frame(TEXT, block + stored + b'\0', rsv=RSV1)
    # What is in the stored block belongs to the window too.
    deflater.history += stored
    compressed(server, deflater, 'after ' + stored.decode())
    connection.close()


@traced(
    'deflate_reserved_bits.pcap',
    'RSV1 where nothing was negotiated, on a continuation and on a control frame',
)
def reserved_bits(trace: Trace):
    connection = trace.websocket()
    compressed(connection.server, Deflater(), 'compressed without asking')
    connection.talk(1)
    connection.close()

    connection = negotiated(trace)
    server, deflater = connection.server, Deflater()
    payload = deflater.message(spoken('server', 1).encode())
    server.frame(TEXT, payload[:20], fin=False, rsv=RSV1)
    server.frame(CONTINUATION, payload[20:], rsv=RSV1)
    server.frame(TEXT, 'not compressed, ', fin=False)
    server.frame(CONTINUATION, 'though its continuation says so', rsv=RSV1)
    server.frame(PING, 'ping', rsv=RSV1)
    compressed(server, deflater, spoken('server', 2))
    connection.close()


@traced('deflate_bomb.pcap', '10 MiB of zero bytes in 10 KB')
def bomb(trace: Trace):
    connection = negotiated(trace)
    connection.server.frame(BINARY, zeros(10 << 20), rsv=RSV1)
    connection.close()


@traced('deflate_bomb_large.pcap', '80 MiB of zero bytes in 81 KB, then a small message')
def bomb_large(trace: Trace):
    connection = negotiated(trace)
    connection.server.frame(BINARY, zeros(80 << 20), rsv=RSV1)
    connection.server.text('after the bomb')
    connection.close()


@traced(
    'deflate_damaged.pcap',
    'Compressed data with a bad block type, a distance too far back, an early end, and no bytes '
    'at all',
)
def damaged(trace: Trace):
    never_sent = Deflater()
    never_sent.message(b'refers back to this')
    for target, payload in (
        ('/block-type', b'\x07\0\0'),
        ('/too-far-back', never_sent.message(b'refers back to this')),
        ('/early-end', Deflater().message(spoken('server', 1).encode())[:30]),
        ('/no-bytes', b''),
    ):
        connection = negotiated(trace, target=target)
        connection.server.frame(TEXT, payload, rsv=RSV1)
        compressed(connection.server, Deflater(), 'is the window still good?')
        connection.server.text('not compressed')
        connection.close()


@traced(
    'deflate_window_exceeded.pcap', 'A server that refers back farther than its 9 window bits allow'
)
def window_exceeded(trace: Trace):
    answer = DEFLATE + '; server_max_window_bits=9'
    connection = negotiated(trace, answer, offer=answer)
    deflater = Deflater(15)
    text = ''.join(f'{number:04} ' for number in range(300))
    compressed(connection.server, deflater, text)
    compressed(connection.server, deflater, text)
    connection.close()


@traced(
    'deflate_context_taken_over.pcap',
    'Both sides refer back to earlier messages, though no context takeover was agreed',
)
def context_taken_over(trace: Trace):
    answer = f'{DEFLATE}; server_no_context_takeover; client_no_context_takeover'
    connection = negotiated(trace, answer, offer=answer)
    compressed_talk(connection, Deflater(), Deflater())
    connection.close()


@traced(
    'deflate_tail.pcap',
    'Compressed messages that end with 00 00 ff ff: one alone, one in fragments, and others after '
    'each',
)
def tail(trace: Trace):
    connection = negotiated(trace)
    server, deflater = connection.server, Deflater()
    left = b'\0\0\xff\xff'
    server.frame(TEXT, deflater.message(spoken('server', 1).encode()) + left, rsv=RSV1)
    compressed(server, deflater, spoken('server', 2))
    payload = deflater.message(spoken('server', 3).encode())
    server.frame(TEXT, payload, fin=False, rsv=RSV1)
    server.frame(CONTINUATION, left[:1], fin=False)
    server.frame(CONTINUATION, left[1:])
    compressed(server, deflater, spoken('server', 4))
    connection.close()


@traced(
    'deflate_lost_message.pcap',
    'A compressed message was not captured; the next ones refer back to it',
)
def lost_message(trace: Trace):
    connection = negotiated(trace)
    server, deflater = connection.server, Deflater()
    compressed(server, deflater, spoken('server', 1))
    lost = server.framed(TEXT, deflater.message(b'this one was not captured'), rsv=RSV1)
    server.lose(*server.queue(lost))
    compressed(server, deflater, 'this one was captured')
    compressed(server, deflater, spoken('server', 2))
    connection.close()


@traced(
    'deflate_parameters.pcap',
    'Parameters that break RFC 7692 §7.1: 16 and 7 window bits, a leading zero, no value, a '
    'value where '
    'none may be, one twice, an unknown one, client_max_window_bits without an offer, extension '
    'twice',
)
def parameters(trace: Trace):
    bits = 'client_max_window_bits'
    for name, answer, offer in (
        ('bits-16', 'server_max_window_bits=16', 'server_max_window_bits=16'),
        ('bits-7', 'server_max_window_bits=7', 'server_max_window_bits=7'),
        ('leading-zero', 'server_max_window_bits=010', 'server_max_window_bits=10'),
        ('no-value', 'server_max_window_bits', 'server_max_window_bits=10'),
        ('value-not-allowed', 'server_no_context_takeover=1', 'server_no_context_takeover'),
        ('twice', 'server_max_window_bits=10; server_max_window_bits=12', bits),
        ('unknown', 'x_unknown=1', bits),
        ('not-offered', f'{bits}=12', 'server_no_context_takeover'),
        ('response-without-value', bits, bits),
        ('wider-than-asked', 'server_max_window_bits=12', 'server_max_window_bits=10'),
        ('extension-twice', f'server_no_context_takeover, {DEFLATE}', bits),
    ):
        connection = negotiated(
            trace, f'{DEFLATE}; {answer}', f'{DEFLATE}; {offer}', target=f'/{name}'
        )
        # No references further back than the smallest window, nor to another message.
        once = Deflater(8, context_takeover=False)
        compressed(connection.server, once, spoken('server', 1))
        connection.close()

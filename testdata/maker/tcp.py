"""What happens to TCP segments: order, loss, doubling, openings and endings."""

from .pcapfile import gzipped, pcap
from .registry import made, traced
from .trace import Trace, spoken
from .websocket import CLOSE, TEXT, close_payload


def texts(endpoint, count=4) -> bytes:
    """Several text frames as one run of bytes."""
    return b''.join(
        endpoint.framed(TEXT, spoken('client' if endpoint.is_client else 'server', number))
        for number in range(1, count + 1)
    )


# Order and repetition


@traced('tcp_out_of_order.pcap', 'Segments of both directions arrive in another order')
def out_of_order(trace: Trace):
    connection = trace.websocket()
    for side in (connection.server, connection.client):
        parts = side.pieces(texts(side), 50)
        for index in (2, 0, 1, 4, 3):
            side.emit(*parts[index])
            side.peer.ack()
    connection.close()


@traced('tcp_retransmission.pcap', 'Segments sent again with the same boundaries')
def retransmission(trace: Trace):
    connection = trace.websocket()
    for side in (connection.server, connection.client):
        parts = side.pieces(texts(side), 60)
        for part in parts:
            side.emit(*part)
        trace.pause(200)
        side.emit(*parts[1])
        side.emit(*parts[-1])
        side.peer.ack()
    connection.close()


@traced(
    'tcp_retransmission_other_cut.pcap',
    'Bytes sent again with other boundaries, some with new bytes behind',
)
def retransmission_other_boundaries(trace: Trace):
    connection = trace.websocket()
    side = connection.server
    start, end = side.queue(texts(side))
    side.emit(start, start + 40)
    side.emit(start + 40, start + 90)
    trace.pause(200)
    side.emit(start + 20, start + 60)
    side.emit(start + 70, start + 130)
    side.emit(start, start + 150)
    side.emit(start + 150, end)
    side.peer.ack()
    connection.close()


def changed(data: bytes) -> bytes:
    """Other bytes of the same length, still readable."""
    return bytes(ord('#') if 0x30 <= byte <= 0x7A else byte for byte in data)


@traced(
    'tcp_overlap_delivered.pcap',
    'Other bytes for what was already delivered; the first arrival is right',
)
def overlap_delivered(trace: Trace):
    connection = trace.websocket()
    side = connection.server
    start, end = side.queue(texts(side))
    side.emit(start, start + 60)
    side.peer.ack()
    wrong = changed(bytes(side.stream[start + 20 : start + 60]))
    side.segment('PA', side.seq(start + 20), wrong)
    side.emit(start + 60, end)
    side.peer.ack()
    connection.close()


@traced(
    'tcp_overlap_waiting.pcap',
    'Other bytes for what waits behind a hole; the first arrival is right',
)
def overlap_waiting(trace: Trace):
    connection = trace.websocket()
    side = connection.server
    start, end = side.queue(texts(side))
    side.emit(start + 60, start + 120)
    # Starts before and ends after what waits: both its ends are new, and right.
    left, waiting, right = (
        bytes(side.stream[start + a : start + b]) for a, b in ((30, 60), (60, 120), (120, 150))
    )
    side.segment('PA', side.seq(start + 30), left + changed(waiting) + right)
    side.arrived.append((start + 30, start + 150))
    side.emit(start, start + 30)
    side.peer.ack()
    side.emit(start + 150, end)
    side.peer.ack()
    connection.close()


@traced('tcp_duplicate_packets.pcap', 'Every packet twice, byte for byte, as two interfaces see it')
def duplicate_packets(trace: Trace):
    connection = trace.websocket()
    connection.talk()
    connection.close()
    trace.frames = [frame for frame in trace.frames for _ in range(2)]


@traced('tcp_tagged_and_untagged.pcap', 'Every packet twice: with a VLAN tag, then without')
def tagged_and_untagged(trace: Trace):
    connection = trace.connection()

    def capture(frame, _sender):
        trace.add(frame[:12] + bytes.fromhex('8100000a') + frame[12:])
        trace.add(frame)

    connection.capture = capture
    connection.open()
    connection.upgrade()
    connection.talk()
    connection.close()


@traced(
    'tcp_one_byte_segments.pcap', 'One byte in each segment, from the first byte of the request'
)
def one_byte_segments(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(connection.request_head(), size=1)
    connection.server.send(connection.response_head(), size=1)
    connection.client.send(connection.client.framed(TEXT, 'to the server'), size=1)
    connection.server.send(connection.server.framed(TEXT, 'to the client'), size=1)
    connection.close()


@traced('tcp_pairs_reversed.pcap', 'Segments of seven bytes, each pair in reverse order')
def pairs_reversed(trace: Trace):
    connection = trace.connection()
    connection.open()
    sent = (
        (connection.client, connection.request_head()),
        (connection.server, connection.response_head()),
        (connection.client, texts(connection.client, 2)),
        (connection.server, texts(connection.server, 2)),
    )
    for side, data in sent:
        parts = side.pieces(data, 7)
        for index in range(0, len(parts), 2):
            for part in reversed(parts[index : index + 2]):
                side.emit(*part)
            side.peer.ack()
    connection.close()


# Numbers, windows


@traced('tcp_sequence_wrap.pcap', 'Sequence numbers pass 2^32 in both directions')
def sequence_wrap(trace: Trace):
    connection = trace.websocket(isns=(0xFFFF_FFF0, 0xFFFF_FF40))
    connection.talk(4)
    connection.close()


@traced('tcp_keep_alive.pcap', 'Keep-alives with one byte and with none, and their answers')
def keep_alive(trace: Trace):
    connection = trace.websocket()
    connection.talk(1)
    for data in (b'\0', b''):
        trace.pause(30_000)
        connection.server.segment('A', connection.server.next_seq() - 1, data)
        connection.client.ack()
    connection.talk(1)
    connection.close()


@traced('tcp_zero_window.pcap', 'A window of zero, probes of one byte, and the window opens')
def zero_window(trace: Trace):
    connection = trace.websocket()
    server, client = connection.server, connection.client
    start, end = server.queue(texts(server))
    server.emit(start, start + 80)
    client.segment('A', client.next_seq(), window=0)
    trace.pause(500)
    # The probe's byte is not accepted.
    server.segment('A', server.seq(start + 80), bytes(server.stream[start + 80 : start + 81]))
    client.segment('A', client.next_seq(), window=0)
    trace.pause(1000)
    server.segment('A', server.seq(start + 80), bytes(server.stream[start + 80 : start + 81]))
    client.segment('A', client.next_seq(), window=0)
    trace.pause(1000)
    client.segment('A', client.next_seq(), window=502)
    server.emit(start + 80, end)
    client.ack()
    connection.close()


# Openings and endings


@traced('tcp_syn_data.pcap', 'The request travels in the SYN (TCP Fast Open)')
def syn_data(trace: Trace):
    connection = trace.connection()
    connection.client.syn(connection.request_head())
    connection.server.syn(acknowledges=True)
    connection.server.send(connection.response_head())
    connection.talk()
    connection.close()


@traced('tcp_fin_data.pcap', 'Each FIN carries the last bytes of its direction')
def fin_data(trace: Trace):
    connection = trace.websocket()
    connection.talk()
    connection.client.close_frame(1000, 'done')
    connection.server.fin(connection.server.framed(CLOSE, close_payload(1000, 'done')))
    connection.client.fin()
    connection.server.ack()


@traced('tcp_half_close.pcap', 'The client sends FIN, the server goes on with messages')
def half_close(trace: Trace):
    connection = trace.websocket()
    connection.talk(1)
    connection.client.fin()
    connection.server.ack()
    trace.pause(300)
    connection.server.text('you have gone, and I still speak')
    connection.server.text('now I am done too')
    connection.server.close_frame(1001, 'going away')
    connection.server.fin()
    connection.client.ack()


@traced('tcp_reset.pcap', 'RST from the server in the middle of a message')
def reset(trace: Trace):
    connection = trace.websocket()
    connection.talk()
    data = connection.server.framed(TEXT, 'this message is never completed')
    connection.server.send(data[:20])
    connection.server.rst()


@traced(
    'tcp_reset_by_client.pcap',
    'RST from the client, one with a sequence number out of the window before it',
)
def reset_by_client(trace: Trace):
    connection = trace.websocket()
    connection.talk(1)
    connection.client.segment('R', connection.client.next_seq() + 0x1000_0000)
    connection.talk(1)
    connection.client.rst()


@traced('tcp_refused.pcap', 'SYN answered by RST')
def refused(trace: Trace):
    connection = trace.connection()
    connection.client.syn()
    connection.server.segment('RA', 0, ack=connection.client.seq(0))


@traced('tcp_no_answer.pcap', 'SYN sent four times, no answer')
def no_answer(trace: Trace):
    connection = trace.connection()
    for pause in (0, 1000, 2000, 4000):
        trace.pause(pause)
        connection.client.syn()


@traced('tcp_syn_retransmitted.pcap', 'SYN and SYN-ACK sent twice each')
def syn_retransmitted(trace: Trace):
    connection = trace.connection()
    connection.client.syn()
    trace.pause(1000)
    connection.client.syn()
    connection.server.syn(acknowledges=True)
    connection.server.syn(acknowledges=True)
    connection.client.ack()
    connection.upgrade()
    connection.talk()
    connection.close()


@traced('tcp_simultaneous_open.pcap', 'Both sides send SYN')
def simultaneous_open(trace: Trace):
    connection = trace.connection()
    connection.client.syn()
    connection.server.syn()
    connection.client.segment('SA', connection.client.isn)
    connection.server.segment('SA', connection.server.isn)
    connection.upgrade()
    connection.talk()
    connection.close()


@traced('tcp_simultaneous_close.pcap', 'Both Close frames and both FINs cross on the way')
def simultaneous_close(trace: Trace):
    connection = trace.websocket()
    connection.talk()
    client, server = connection.client, connection.server
    # What each side sends acknowledges nothing of what is still on its way to it.
    seen_by_client, seen_by_server = client.acknowledgment(), server.acknowledgment()
    for side, code in ((client, 1000), (server, 1001)):
        seen = seen_by_client if side is client else seen_by_server
        frame = side.framed(CLOSE, close_payload(code, 'crossed'))
        start, end = side.queue(frame)
        side.arrived.append((start, end))
        side.segment('PA', side.seq(start), frame, ack=seen)
        side.segment('FA', side.seq(end), ack=seen)
        side.fin_sent = True
    client.ack()
    server.ack()


@traced('tcp_port_reuse.pcap', 'The same four addresses and ports for a second connection')
def port_reuse(trace: Trace):
    first = trace.websocket(port=50_001)
    first.client.text('in the first connection')
    first.close()
    trace.pause(60_000)
    second = trace.websocket(port=50_001)
    second.client.text('in the second connection')
    second.close()


@traced(
    'tcp_port_reuse_open.pcap', 'A second connection on the same ports though the first never ended'
)
def port_reuse_open(trace: Trace):
    first = trace.websocket(port=50_001)
    first.client.text('in the first connection')
    trace.pause(60_000)
    second = trace.websocket(port=50_001)
    second.client.text('in the second connection')
    second.close()


# What the capture lacks


@traced('tcp_gap.pcap', 'A segment inside a long text was not captured, though it was acknowledged')
def gap(trace: Trace):
    connection = trace.websocket()
    server = connection.server
    start, end = server.queue(server.framed(TEXT, 'abcdefghij' * 300))
    server.emit(start, start + 1000)
    server.lose(start + 1000, start + 2000)
    server.emit(start + 2000, end)
    server.peer.ack()
    server.text('the frames after the gap are still in place')
    connection.talk(1)
    connection.close()


@traced(
    'tcp_gap_never_acknowledged.pcap',
    'A hole that nobody acknowledges, up to the end of the capture',
)
def gap_never_acknowledged(trace: Trace):
    connection = trace.websocket()
    server = connection.server
    start, end = server.queue(server.framed(TEXT, 'abcdefghij' * 300))
    server.emit(start, start + 1000)
    server.emit(start + 2000, end)
    server.peer.ack()
    server.emit(*server.queue(server.framed(TEXT, 'after the hole')))
    server.peer.ack()


@made(
    'tcp_out_of_order_limit.pcap.gz',
    'One segment is missing, and more than 4 MiB come behind it, in segments of 60 kB',
)
def out_of_order_limit():
    trace = Trace()
    connection = trace.websocket()
    server = connection.server
    first, missing, *others = server.pieces(server.framed(TEXT, 'x' * (73 * 60_000)), 60_000)
    server.emit(*first)
    server.lose(*missing)
    for piece in others:
        server.emit(*piece)
    server.text('after all that waited')
    return gzipped(pcap(trace.packets()))


@traced(
    'tcp_gap_over_headers.pcap',
    'The bytes that are missing hold the end of one frame, whole frames, and half a header',
)
def gap_over_headers(trace: Trace):
    connection = trace.websocket()
    server = connection.server
    long = server.framed(TEXT, 'long ' * 40)
    data = server.framed(TEXT, 'before') + long * 3 + server.framed(TEXT, 'after')
    start, end = server.queue(data)
    server.emit(start, start + 60)
    server.lose(start + 60, start + 9 + 2 * len(long))
    server.emit(start + 9 + 2 * len(long), end)
    server.peer.ack()
    connection.talk(3)
    connection.close()


@traced('tcp_gap_at_start.pcap', 'The first data segment, the request, was not captured')
def gap_at_start(trace: Trace):
    connection = trace.connection()
    connection.open()
    client = connection.client
    client.lose(*client.queue(connection.request_head()))
    connection.server.send(connection.response_head())
    connection.talk()
    connection.close()


def record_only(trace: Trace, connection, captured):
    connection.capture = lambda frame, sender: trace.add(frame) if sender is captured else None
    connection.open()
    connection.upgrade()
    connection.talk()
    connection.close()


@traced('tcp_only_client.pcap', 'Only packets of the client were captured')
def only_client(trace: Trace):
    connection = trace.connection()
    record_only(trace, connection, connection.client)


@traced('tcp_only_server.pcap', 'Only packets of the server were captured')
def only_server(trace: Trace):
    connection = trace.connection()
    record_only(trace, connection, connection.server)


@traced('tcp_no_syn.pcap', 'The capture begins with the request')
def no_syn(trace: Trace):
    connection = trace.websocket()
    connection.talk()
    connection.close()
    del trace.frames[:3]


@traced('tcp_no_handshake.pcap', 'The capture begins inside a frame from the server')
def no_handshake(trace: Trace):
    connection = trace.websocket()
    data = connection.server.framed(
        TEXT, 'the first half of this was sent before the capture began'
    )
    connection.server.send(data[:30])
    before = len(trace.frames)
    connection.server.send(data[30:])
    connection.talk(4)
    connection.close()
    del trace.frames[:before]


# The same four addresses and ports


@traced(
    'tcp_two_vlans.pcap',
    'Two conversations with the same addresses and ports, in VLAN 10 and in VLAN 20',
)
def two_vlans(trace: Trace):
    connections = []
    for vlan in (10, 20):
        connection = trace.connection(port=50_001, isns=(5000, 9000))
        connection.client.tags = connection.server.tags = ((0x8100, vlan),)
        connections.append((connection, vlan))
    for connection, _ in connections:
        connection.client.syn()
    for connection, _ in connections:
        connection.server.syn(acknowledges=True)
    for connection, _ in connections:
        connection.client.ack()
    for connection, _ in connections:
        connection.upgrade()
    for number in range(3):
        for connection, vlan in connections:
            connection.client.text(f'VLAN {vlan}, number {number}')
            connection.server.text(f'VLAN {vlan}, answer {number}')
    for connection, _ in connections:
        connection.close()


@traced('tcp_asymmetric_vlans.pcap', 'One conversation whose directions have different VLAN tags')
def asymmetric_vlans(trace: Trace):
    connection = trace.connection()
    connection.client.tags = ((0x8100, 10),)
    connection.server.tags = ((0x8100, 20),)
    connection.open()
    connection.upgrade()
    connection.talk()
    connection.close()


@traced('tcp_ipv6.pcap', 'A conversation over IPv6 with a lost, a late and a doubled segment')
def over_ipv6(trace: Trace):
    connection = trace.websocket(client='2001:db8::10', server='2001:db8:1::20')
    parts = connection.server.pieces(texts(connection.server), 60)
    for index in (0, 2, 1, 1, 3):
        connection.server.emit(*parts[index])
    connection.client.ack()
    connection.close()


@traced('tcp_one_port.pcap', 'Client and server use the same port number')
def one_port(trace: Trace):
    connection = trace.websocket(port=8080)
    connection.talk()
    connection.close()


@traced('tcp_self.pcap', 'Client and server have the same address')
def one_address(trace: Trace):
    connection = trace.websocket(client='127.0.0.1', server='127.0.0.1')
    connection.talk()
    connection.close()

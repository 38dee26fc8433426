"""Rules that are judged over whole connections. Each capture has a connection that breaks
one, and after it one that comes close to it."""

from .deflate import zeros
from .deflated import negotiated
from .registry import traced
from .trace import Trace, head
from .websocket import BINARY, PING, PONG, RSV1


@traced('check_repeated_key.pcap', 'A key that an earlier connection had; a key of its own')
def repeated_key(trace: Trace):
    first = trace.websocket()
    first.close()
    second = trace.connection()
    second.key = first.key
    second.open()
    second.upgrade()
    second.close()
    trace.websocket().close()


@traced(
    'check_not_failed.pcap',
    'A Ping after an unmasked frame is answered; after another one the connection is failed',
)
def not_failed(trace: Trace):
    goes_on = trace.websocket()
    goes_on.client.frame(BINARY, 'not masked', mask=None)
    goes_on.client.frame(PING, 'still there?')
    goes_on.server.frame(PONG, 'still there?')
    goes_on.close()

    fails = trace.websocket()
    fails.client.frame(BINARY, 'not masked', mask=None)
    fails.client.frame(PING, 'still there?')
    fails.server.close_frame(1002, 'a frame that is not masked')
    fails.client.close_frame(1002)
    fails.finish()


@traced(
    'check_mismatched_pong.pcap',
    'A Pong with another payload than the Ping; then one without a Ping',
)
def mismatched_pong(trace: Trace):
    mismatched = trace.websocket()
    mismatched.server.frame(PING, 'one')
    mismatched.client.frame(PONG, 'two')
    mismatched.close()

    unsolicited = trace.websocket()
    unsolicited.server.frame(PING, 'one')
    unsolicited.client.frame(PONG, 'one')
    unsolicited.client.frame(PONG, 'two')
    unsolicited.close()


@traced('check_unanswered_ping.pcap', 'A Ping without a Pong for 15 s; two with one for the second')
def unanswered_ping(trace: Trace):
    unanswered = trace.websocket()
    unanswered.server.frame(PING, 'one')
    trace.pause(15_000)
    unanswered.close()

    latest = trace.websocket()
    latest.server.frame(PING, 'one')
    latest.server.frame(PING, 'two')
    latest.client.frame(PONG, 'two')
    trace.pause(15_000)
    latest.close()


@traced(
    'check_unanswered_close.pcap',
    'A Close after which the server ends TCP; one that arrives after the FIN of the server',
)
def unanswered_close(trace: Trace):
    unanswered = trace.websocket()
    unanswered.talk(1)
    unanswered.client.close_frame(1000, 'done')
    unanswered.finish()

    too_late = trace.websocket()
    too_late.talk(1)
    too_late.server.fin()
    too_late.client.close_frame(1000, 'done')
    too_late.client.fin()
    too_late.server.ack()


@traced('check_no_close.pcap', 'FIN without a Close frame; RST without one; a clean close')
def no_close(trace: Trace):
    with_fin = trace.websocket()
    with_fin.talk(1)
    with_fin.finish()

    with_rst = trace.websocket()
    with_rst.talk(1)
    with_rst.client.rst()

    trace.websocket().close()


@traced('check_refused_upgrade.pcap', '503, then 401 and with the same connection 101')
def refused_upgrade(trace: Trace):
    refused = trace.connection()
    refused.open()
    refused.client.send(refused.request_head())
    refused.server.send(head('HTTP/1.1 503 Service Unavailable', 'Content-Length: 0'))
    refused.finish()

    retried = trace.connection()
    retried.open()
    retried.client.send(retried.request_head())
    retried.server.send(head('HTTP/1.1 401 Unauthorized', 'Content-Length: 0'))
    retried.key = 'AAAAAAAAAAAAAAAAAAAAAA=='
    retried.upgrade(('Authorization: Bearer token',))
    retried.close()


@traced(
    'check_slow_handshake.pcap',
    'SYN answered after 1.2 s; 101 after 2.5 s; both after 900 ms',
)
def slow_handshake(trace: Trace):
    for syn, answer in ((1_200, 0), (0, 2_500), (900, 900)):
        connection = trace.connection()
        connection.client.syn()
        trace.pause(syn)
        connection.server.syn(acknowledges=True)
        connection.client.ack()
        connection.client.send(connection.request_head())
        trace.pause(answer)
        connection.server.send(connection.response_head())
        connection.close()


@traced('check_large_message.pcap', '16 MiB and one byte in 17 KB, inflated; then 16 MiB')
def large_message(trace: Trace):
    for length in ((16 << 20) + 1, 16 << 20):
        connection = negotiated(trace)
        connection.server.frame(BINARY, zeros(length), rsv=RSV1)
        connection.close()


@traced(
    'check_retransmissions.pcap',
    'The client sends every 10th of 60 segments twice; then every 30th',
)
def retransmissions(trace: Trace):
    for every in (10, 30):
        connection = trace.websocket()
        # With the request and the Close, 60.
        for number in range(58):
            start = len(connection.client.stream)
            connection.client.text(f'client message {number}')
            if number % every == 0:
                trace.pause(300)
                connection.client.emit(start, len(connection.client.stream))
        connection.close()


def orders(trace: Trace, port: int, clock: int, total: str, status: str):
    """A shop: what is asked and answered is the same in every run, but for what is given."""
    shop = trace.connection(port=port)
    shop.open()
    shop.upgrade()
    shop.client.text('{"type": "subscribe", "topic": "orders"}')
    shop.server.text('{"type": "subscribed", "topic": "orders"}')
    for number in range(1, 4):
        trace.pause(clock % 7 + 2)
        at = clock + 40 * number
        amount = total if number == 2 else f'{number}0.00'
        shop.server.text(
            f'{{"type": "order", "id": {number}, "at": {at}, "total": "{amount}"}}'
        )
        shop.client.text(f'{{"type": "ack", "id": {number}}}')
    shop.server.text(f'{{"type": "status", "text": "{status}"}}')
    shop.close()


@traced('run_before.pcap', 'A run of a server; the next file is another one, after a change')
def run_before(trace: Trace):
    orders(trace, 40001, 1_700_000_000, '20.00', 'open')


@traced('run_after.pcap', 'The same said at other times from another port, but for one number')
def run_after(trace: Trace):
    orders(trace, 51234, 1_700_086_400, '20', 'open')

"""The HTTP upgrade: what may come before it, how it may be written, how it may go wrong."""

import base64
import hashlib

from . import websocket
from .registry import traced
from .trace import Trace, head
from .websocket import TEXT

ORIGIN = 'Origin: http://chat.example'


def answered(connection, /, *fields: str, **replaced):
    """The rest of a conversation after its request: 101, one text each way, close."""
    connection.server.send(connection.response_head(*fields, **replaced))
    connection.talk(1)
    connection.close()


# Before it


@traced(
    'http_requests_before.pcap',
    'HEAD, GET with Content-Length, GET with a chunked body, then the upgrade',
)
def requests_before(trace: Trace):
    connection = trace.connection()
    client, server = connection.client, connection.server
    connection.open()
    client.send(head('HEAD /page HTTP/1.1', 'Host: chat.example'))
    server.send(head('HTTP/1.1 200 OK', 'Content-Length: 5000'))
    client.send(head('GET /page HTTP/1.1', 'Host: chat.example'))
    body = b'a page with HTTP/1.1 101 Switching Protocols in it'
    server.send(head('HTTP/1.1 200 OK', f'Content-Length: {len(body)}') + body)
    client.send(head('GET /data HTTP/1.1', 'Host: chat.example'))
    chunks = b'5;name=value\r\nabcde\r\n10\r\n0123456789abcdef\r\n0\r\nX-Trailer: yes\r\n\r\n'
    server.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunks)
    client.send(head('GET /cached HTTP/1.1', 'Host: chat.example', 'If-None-Match: "1"'))
    server.send(head('HTTP/1.1 304 Not Modified', 'Content-Length: 77'))
    connection.upgrade()
    connection.talk(1)
    connection.close()


@traced(
    'http_post_before.pcap',
    'POST bodies before the upgrade, one of them after 100 Continue, one chunked',
)
def post_before(trace: Trace):
    connection = trace.connection()
    client, server = connection.client, connection.server
    connection.open()
    client.send(
        head('POST /a HTTP/1.1', 'Host: chat.example', 'Content-Length: 12', 'Expect: 100-continue')
    )
    server.send(head('HTTP/1.1 100 Continue'))
    client.send(b'twelve bytes')
    server.send(head('HTTP/1.1 204 No Content'))
    chunked = b'3\r\nabc\r\n0\r\n\r\n'
    client.send(
        head('POST /b HTTP/1.1', 'Host: chat.example', 'Transfer-Encoding: chunked') + chunked
    )
    server.send(head('HTTP/1.1 201 Created', 'Content-Length: 0'))
    connection.upgrade()
    connection.talk(1)
    connection.close()


@traced(
    'http_pipelined.pcap',
    'Two requests and the upgrade in one segment, the three answers in another',
)
def pipelined(trace: Trace):
    connection = trace.connection()
    connection.open()
    get = head('GET /page HTTP/1.1', 'Host: chat.example')
    page = head('HTTP/1.1 200 OK', 'Content-Length: 4') + b'page'
    connection.client.send(get + get + connection.request_head())
    connection.server.send(page + page + connection.response_head())
    connection.talk(1)
    connection.close()


@traced('http_early_hints.pcap', '103 Early Hints before the 101')
def early_hints(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(connection.request_head())
    connection.server.send(head('HTTP/1.1 103 Early Hints', 'Link: </style.css>; rel=preload'))
    answered(connection)


@traced('http_connect.pcap', 'CONNECT through a proxy, then the upgrade')
def connect(trace: Trace):
    connection = trace.connection()
    connection.open()
    target = 'chat.example:80'
    connection.client.send(head(f'CONNECT {target} HTTP/1.1', f'Host: {target}'))
    connection.server.send(head('HTTP/1.1 200 Connection established'))
    connection.upgrade()
    connection.talk(1)
    connection.close()


@traced('http_connect_refused.pcap', 'CONNECT answered by 407, then one that is accepted')
def connect_refused(trace: Trace):
    connection = trace.connection()
    connection.open()
    request = ('CONNECT chat.example:80 HTTP/1.1', 'Host: chat.example:80')
    connection.client.send(head(*request))
    connection.server.send(
        head(
            'HTTP/1.1 407 Proxy Authentication Required',
            'Proxy-Authenticate: Basic realm="proxy"',
            'Content-Length: 6',
        )
        + b'denied'
    )
    connection.client.send(head(*request, 'Proxy-Authorization: Basic dXNlcjpwYXNz'))
    connection.server.send(head('HTTP/1.1 200 OK'))
    connection.upgrade()
    connection.talk(1)
    connection.close()


@traced(
    'http_absolute_target.pcap',
    'Absolute targets: ws://, http://, and one with user, port and query',
)
def absolute_target(trace: Trace):
    for target in (
        'ws://chat.example/chat',
        'http://chat.example/chat',
        'ws://user@chat.example:8080/chat?room=1&name=%E2%82%AC',
    ):
        connection = trace.connection()
        connection.open()
        connection.client.send(connection.request_head(target=target))
        answered(connection)


# Its form


@traced(
    'http_field_forms.pcap', 'Header names, tokens and white space in all the ways that are allowed'
)
def field_forms(trace: Trace):
    forms = [
        {'connection': 'keep-alive, Upgrade'},
        {'connection': 'upgrade', 'upgrade': 'WebSocket'},
        {'upgrade': 'UPGRADE, WEBSOCKET'},
        {'connection': 'keep-alive ,\tUPGRADE,,'},
    ]
    for form in forms:
        connection = trace.connection()
        connection.open()
        connection.client.send(connection.request_head(**form))
        answered(connection, upgrade='WebSocket', connection='upgrade')
    connection = trace.connection()
    connection.open()
    connection.client.send(
        head(
            'GET /chat HTTP/1.1',
            'HOST:chat.example',
            'upgrade:websocket',
            'Connection: keep-alive',
            'cOnNeCtIoN:   Upgrade \t ',
            f'sec-websocket-key:{connection.key}\t',
            'SEC-WEBSOCKET-VERSION:\t13',
            'X-Empty:',
        )
    )
    answered(connection)


@traced('http_repeated_fields.pcap', 'Subprotocols and extensions offered in repeated headers')
def repeated_fields(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(
        connection.request_head(
            'Sec-WebSocket-Protocol: chat.v1, chat.v2',
            'Sec-WebSocket-Protocol: chat.v3',
            'Sec-WebSocket-Extensions: x-first; a=1; b="two, three"',
            'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-last',
            ORIGIN,
        )
    )
    answered(
        connection,
        'Sec-WebSocket-Protocol: chat.v3',
        'Sec-WebSocket-Extensions: x-last',
    )


@traced('http_byte_by_byte.pcap', 'Both heads in segments of one byte')
def byte_by_byte(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(connection.request_head(ORIGIN), size=1, acked=False)
    connection.server.send(connection.response_head(), size=1, acked=False)
    connection.talk(1)
    connection.close()


@traced('http_frames_with_101.pcap', 'The first frames travel in the segment of the 101')
def frames_with_101(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(connection.request_head())
    server = connection.server
    first = server.framed(TEXT, 'in the segment of the 101') + server.framed(TEXT, 'and cut')
    server.send(connection.response_head() + first[:-3])
    server.send(first[-3:])
    connection.talk(1)
    connection.close()


@traced('http_frames_before_101.pcap', 'The client sends a frame without waiting for the 101')
def frames_before_101(trace: Trace):
    connection = trace.connection()
    connection.open()
    client = connection.client
    client.send(connection.request_head() + client.framed(TEXT, 'too early'))
    answered(connection)


@traced('http_bare_lf.pcap', 'Lines end in a bare LF')
def bare_lf(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(connection.request_head().replace(b'\r\n', b'\n'))
    connection.server.send(connection.response_head().replace(b'\r\n', b'\n'))
    connection.talk(1)
    connection.close()


@traced('http_long_head.pcap', 'A request head of 20 KiB with 150 headers')
def long_head(trace: Trace):
    connection = trace.connection()
    connection.open()
    fields = [f'X-Field-{number}: ' + 'v' * 120 for number in range(150)]
    connection.client.send(connection.request_head(*fields))
    answered(connection)


@traced(
    'http_unreadable_text.pcap',
    'Escape sequences, Latin-1 and wide characters in target and headers',
)
def unreadable_text(trace: Trace):
    connection = trace.connection()
    connection.open()
    request = connection.request_head(
        'X-Terminal: \x1b[31mred\x1b[0m \x07bell',
        'X-Wide: 漢字 🎉',
        target='/chat?name=\x1b]0;title\x07&x=漢字',
    )
    latin1 = 'X-Latin: café\r\n\r\n'.encode('latin-1')
    connection.client.send(request[:-2] + latin1)
    answered(connection, 'X-Bidi: \u202eabc\u202c')


# Its refusal


@traced(
    'http_refused.pcap',
    '401 with a body, 403 in chunks, 426, 400, 503, 302; then 200 to an upgrade',
)
def refused(trace: Trace):
    answers = [
        head(
            'HTTP/1.1 401 Unauthorized', 'WWW-Authenticate: Basic realm="chat"', 'Content-Length: 6'
        )
        + b'denied',
        head('HTTP/1.1 403 Forbidden', 'Transfer-Encoding: chunked') + b'2\r\nno\r\n0\r\n\r\n',
        head('HTTP/1.1 426 Upgrade Required', 'Sec-WebSocket-Version: 13, 8', 'Content-Length: 0'),
        head('HTTP/1.1 400 Bad Request', 'Content-Length: 0'),
        head('HTTP/1.0 503 Service Unavailable') + b'closed by the end of the connection',
        head('HTTP/1.1 302 Found', 'Location: /other', 'Content-Length: 0'),
        head('HTTP/1.1 200 OK', 'Content-Length: 7') + b'a page\n',
    ]
    for answer in answers:
        connection = trace.connection()
        connection.open()
        connection.client.send(connection.request_head())
        connection.server.send(answer)
        connection.finish()


@traced(
    'http_refused_then_accepted.pcap',
    '401, then the upgrade with credentials on the same connection',
)
def refused_then_accepted(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(connection.request_head())
    connection.server.send(
        head('HTTP/1.1 401 Unauthorized', 'WWW-Authenticate: Basic', 'Content-Length: 6')
        + b'denied'
    )
    connection.client.send(connection.request_head('Authorization: Basic dXNlcjpwYXNz'))
    answered(connection)


@traced(
    'http_no_response.pcap',
    'Upgrades that get no response: open, closed, reset, and cut inside the head',
)
def no_response(trace: Trace):
    for end in ('open', 'closed', 'reset', 'cut'):
        connection = trace.connection()
        connection.open()
        connection.client.send(connection.request_head(target=f'/{end}'))
        if end == 'closed':
            connection.finish()
        elif end == 'reset':
            connection.server.rst()
        elif end == 'cut':
            connection.server.send(connection.response_head()[:70])
            connection.finish()


@traced('http_not_http.pcap', 'An upgrade answered by something that is not HTTP')
def not_http(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(connection.request_head())
    connection.server.send(b'\x15\x03\x01\0\x02\x02\x0a')
    connection.finish()


@traced('http_other_upgrade.pcap', 'An upgrade to another protocol (h2c)')
def other_upgrade(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(
        head(
            'GET / HTTP/1.1',
            'Host: chat.example',
            'Connection: Upgrade, HTTP2-Settings',
            'Upgrade: h2c',
            'HTTP2-Settings: AAMAAABkAAQAAP__',
        )
    )
    connection.server.send(
        head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: h2c')
        + bytes.fromhex('000000 04 00 00000000')
    )
    connection.finish()


# Its anomalies (RFC 6455 §4)


@traced(
    'http_wrong_accept.pcap',
    'Sec-WebSocket-Accept: mistyped GUID, GUID in lower case, key decoded first, another key, '
    'hexadecimal, no GUID, the key itself, without padding, missing, twice',
)
def wrong_accept(trace: Trace):
    def digest(data: bytes) -> bytes:
        return hashlib.sha1(data).digest()

    def base64_text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    guid = websocket.GUID.encode()
    mistakes = {
        'guid-mistyped': lambda key: websocket.accept_value(
            key, '258EAFA5-E914-47DA-95CA-C5AB0DC85B21'
        ),
        'guid-lower-case': lambda key: websocket.accept_value(key, websocket.GUID.lower()),
        'key-decoded': lambda key: base64_text(digest(base64.b64decode(key) + guid)),
        'other-key': lambda key: websocket.accept_value('dGhlIHNhbXBsZSBub25jZQ=='),
        'hexadecimal': lambda key: digest(key.encode() + guid).hex(),
        'base64-of-hexadecimal': lambda key: base64_text(
            digest(key.encode() + guid).hex().encode()
        ),
        'no-guid': lambda key: base64_text(digest(key.encode())),
        'key-returned': lambda key: key,
        'key-with-line-end': lambda key: base64_text(digest(key.encode() + b'\r\n' + guid)),
        'no-padding': lambda key: websocket.accept_value(key).rstrip('='),
        'missing': lambda key: None,
    }
    for name, mistake in mistakes.items():
        connection = trace.connection()
        connection.open()
        connection.client.send(connection.request_head(target=f'/{name}'))
        answered(connection, accept=mistake(connection.key))
    connection = trace.connection()
    connection.open()
    connection.client.send(connection.request_head(target='/twice'))
    answered(connection, 'Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=')


@traced(
    'http_request_anomalies.pcap',
    'Requests that break a rule: key of 15 and of 17 bytes, key that is not base64, missing, '
    'twice; version 8, '
    'missing, twice; POST; HTTP/1.0; no Host; no Connection; a body',
)
def request_anomalies(trace: Trace):
    def case(name, *fields, **replaced):
        connection = trace.connection()
        connection.open()
        request = connection.request_head(*fields, target=f'/{name}', **replaced)
        if name == 'http-1.0':
            request = request.replace(b'HTTP/1.1', b'HTTP/1.0')
        if name == 'body':
            request += b'body'
        connection.client.send(request)
        key = replaced.get('key', connection.key) or ''
        answered(connection, accept=websocket.accept_value(key))

    case('key-15', key=base64.b64encode(b'fifteen bytes..').decode())
    case('key-17', key=base64.b64encode(b'seventeen bytes..').decode())
    case('key-not-base64', key='!!this is not base64!!==')
    case('key-missing', key=None)
    case('key-twice', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==')
    case('version-8', version='8')
    case('version-missing', version=None)
    case('version-twice', 'Sec-WebSocket-Version: 8')
    case('post', 'Content-Length: 0', method='POST')
    case('http-1.0')
    case('no-host', host=None)
    case('no-connection', connection=None)
    case('body', 'Content-Length: 4')


@traced(
    'http_response_anomalies.pcap',
    '101s that break a rule: subprotocol or extension not offered, two subprotocols, '
    'no Upgrade, another Upgrade, no Connection, Content-Length, HTTP/1.0',
)
def response_anomalies(trace: Trace):
    def case(name, *fields, offered=(), **replaced):
        connection = trace.connection()
        connection.open()
        connection.client.send(connection.request_head(*offered, target=f'/{name}'))
        response = connection.response_head(*fields, **replaced)
        if name == 'http-1.0':
            response = response.replace(b'HTTP/1.1', b'HTTP/1.0')
        connection.server.send(response)
        connection.talk(1)
        connection.close()

    offer = ['Sec-WebSocket-Protocol: chat.v1, chat.v2']
    case('subprotocol-unasked', 'Sec-WebSocket-Protocol: chat.v1')
    case('subprotocol-not-offered', 'Sec-WebSocket-Protocol: chat.v9', offered=offer)
    case('subprotocol-other-case', 'Sec-WebSocket-Protocol: Chat.V1', offered=offer)
    case(
        'two-subprotocols',
        'Sec-WebSocket-Protocol: chat.v1',
        'Sec-WebSocket-Protocol: chat.v2',
        offered=offer,
    )
    case('extension-unasked', 'Sec-WebSocket-Extensions: permessage-deflate')
    case(
        'extension-not-offered',
        'Sec-WebSocket-Extensions: x-unknown',
        offered=['Sec-WebSocket-Extensions: permessage-deflate'],
    )
    case('no-upgrade', upgrade=None)
    case('other-upgrade', upgrade='h2c')
    case('no-connection', connection=None)
    case('content-length', 'Content-Length: 5')
    case('http-1.0')


@traced(
    'http_request_rules.pcap',
    'Requests that break a rule, and are accepted: Upgrade missing or for another protocol, a '
    'fragment in the target; subprotocols that are no tokens, twice the same, none; extensions '
    'with a value that is no token, none',
)
def request_rules(trace: Trace):
    def case(target, *fields, **replaced):
        connection = trace.connection()
        connection.open()
        connection.client.send(connection.request_head(*fields, target=target, **replaced))
        answered(connection)

    case('/no-upgrade', upgrade=None)
    case('/other-upgrade', upgrade='h2c')
    case('/fragment#top')
    case('/subprotocol-no-token', 'Sec-WebSocket-Protocol: chat, my chat')
    case(
        '/subprotocol-twice', 'Sec-WebSocket-Protocol: chat, v2', 'Sec-WebSocket-Protocol: chat'
    )
    case('/no-subprotocol', 'Sec-WebSocket-Protocol: ,')
    case('/extension-no-token', 'Sec-WebSocket-Extensions: x-one; a="b c", x-two; a="b"')
    case('/no-extension', 'Sec-WebSocket-Extensions:')


@traced(
    'http_version_refused.pcap',
    'Version 8 refused: 426 with the versions, 426 without, 426 for another protocol, 400',
)
def version_refused(trace: Trace):
    for target, status, *fields in (
        ('/versions', '426 Upgrade Required', 'Sec-WebSocket-Version: 13'),
        ('/no-versions', '426 Upgrade Required', 'Upgrade: websocket', 'Connection: Upgrade'),
        ('/tls', '426 Upgrade Required', 'Upgrade: TLS/1.2', 'Connection: Upgrade'),
        ('/bad-request', '400 Bad Request'),
    ):
        connection = trace.connection()
        connection.open()
        connection.client.send(connection.request_head(target=target, version='8'))
        connection.server.send(head(f'HTTP/1.1 {status}', *fields, 'Content-Length: 0'))
        connection.finish()


@traced(
    'http_unexpected.pcap',
    'A second answer to one request, and a head that is longer than 64 KiB',
)
def unexpected(trace: Trace):
    connection = trace.connection()
    connection.open()
    connection.client.send(connection.request_head(target='/second-answer'))
    refusal = head('HTTP/1.1 403 Forbidden', 'Content-Length: 0')
    connection.server.send(refusal + refusal)
    connection.finish()

    connection = trace.connection()
    connection.open()
    connection.client.send(connection.request_head(target='/long-head'))
    connection.server.send(connection.response_head('X-Padding: ' + 'p' * (64 << 10)), size=16_000)
    connection.talk(1)
    connection.close()

"""What this folder holds: the captures that were recorded, those that are made, and
the README that lists both."""

# Imported for what they register.
from . import check, deflated, formats, frames, http, links, others, tcp
from .registry import FOLDER, captures

RECORDED = {
    'chat.pcap': 'One short conversation: handshake, three texts, a clean close',
    'nano.pcap': 'The same with timestamps in nanoseconds',
    'ipv6.pcap': 'The same over IPv6',
    'any_sll2.pcap': 'The same from the `any` device: Linux cooked v2',
    'fragments.pcap': 'Fragmented messages, pings between fragments, UTF-8 cut inside a '
    'character, close code 4001',
    'big.pcap.zst': 'Messages of 0 to 1,500,000 bytes, echoed',
    'deflate.pcap': 'permessage-deflate with context takeover',
    'deflate_small_window.pcap': 'Window bits 9 for the server, 10 for the client',
    'rejected.pcap': '401, 404, 302, a socket closed with no answer, then an accepted upgrade',
    'badaccept.pcap': 'A server whose GUID is mistyped and whose lines end in a bare LF',
    'badaccept_crlf.pcap': 'The mistyped GUID alone',
    'snap96.pcap': 'Only 96 bytes of each packet were kept',
    'midstream.pcap': 'The capture began after the handshake',
    'browser_chat.pcap': 'A browser with open, send and close buttons; killed at the end',
    'lossy.client.pcap.gz': 'One conversation over a wire that loses 3 %, doubles 2 % and reorders 15 % of '
        'packets, captured at the client',
    'many.pcap.gz': '30 connections at once; clean closes, FIN with no Close frame, RST',
    'socketio.pcap': 'Socket.IO 4: polling upgraded to WebSocket, namespaces, '
    'acknowledgements, binary attachments',
    'mqtt.pcap': 'MQTT 3.1.1 in binary frames that cut its packets anywhere',
    'stomp.pcap': 'STOMP 1.2',
    'graphql.pcap': 'graphql-transport-ws',
    'foreign_dns.pcap': 'No WebSocket: DNS over TCP',
    'foreign_ftp.pcap': 'No WebSocket: FTP, with its data connections',
    'foreign_http2.pcap': 'No WebSocket: HTTP/2 in clear',
    'foreign_ldap.pcap': 'No WebSocket: LDAP',
    'foreign_mqtt.pcap': 'No WebSocket: MQTT 3.1.1 over TCP',
    'foreign_postgres.pcap': 'No WebSocket: PostgreSQL',
    'foreign_redis.pcap': 'No WebSocket: Redis, with a subscription',
    'foreign_ssh.pcap': 'No WebSocket: SSH',
    'foreign_tls.pcap': 'No WebSocket: TLS 1.3',
    'h2_wss.pcap': 'Two WebSockets on one HTTP/2 connection over TLS 1.3; keys in '
    '`h2_wss.keys.log`',
}

INTRODUCTION = """\
# Captures

Small captures, each of which shows one behaviour. `expected/` holds what wsdump says
about them, `baselines/` what is said in some of them: `make check` compares, as
`wsdump.toml` says.

Those under *Recorded* were captured with libpcap while real programs talked: Node.js with
`ws` 8, Socket.IO 4, MQTT, STOMP and graphql-ws libraries, Chromium, and a hand-written
server for the wrong accept values. All others are made by `python3 testdata/make.py` (standard library only, always the same
bytes; `--check` compares and writes nothing). A new one is a function in
`maker/`, in the file of its group; `make.py` then adds its row below.

Made conversations run from 192.0.2.10 to port 8080 of 198.51.100.20; each message names
its sender and its number, so that a byte too few or too many is seen.
"""

GROUPS = {
    'formats': ('Capture files', 'The packets of `chat.pcap`, stored in other ways.'),
    'links': (
        'Link layers, tunnels, IP',
        '`chat.pcap` (`ipv6.pcap` where it says IPv6), each packet wrapped anew.',
    ),
    'tcp': ('TCP', 'What happens to segments on their way.'),
    'http': ('The HTTP upgrade', 'One connection for each case, where there are several.'),
    'frames': ('WebSocket frames', 'One connection for each case, where there are several.'),
    'deflated': ('permessage-deflate', 'One connection for each case, where there are several.'),
    'check': (
        'Whole connections',
        'One broken rule of those that `check` alone judges, and a conversation close to it.',
    ),
    'others': ('No WebSocket', 'Captures in which there is none, and files that are none.'),
}


def readme() -> bytes:
    lines = [INTRODUCTION]
    lines += ['## Recorded\n', '| file | shows |', '| --- | --- |']
    lines += [f'| `{name}` | {shows} |' for name, shows in RECORDED.items()]
    for group, (title, remark) in GROUPS.items():
        lines += ['', f'## {title}\n', remark, '']
        lines += ['| file | shows | made by |', '| --- | --- | --- |']
        for capture in captures:
            if capture.group == group:
                lines.append(f'| `{capture.name}` | {capture.shows} | `{capture.made_by}` |')
    return ('\n'.join(lines) + '\n').encode()


def unlisted() -> list[str]:
    """Files here that nobody accounts for, and listed ones that are not here."""
    known = RECORDED.keys() | {capture.name for capture in captures}
    present = {path.name for path in FOLDER.iterdir() if path.is_file()}
    extra = present - known - {'make.py', 'README.md', 'h2_wss.keys.log', 'wsdump.toml'}
    missing = RECORDED.keys() - present
    return [f'{name} is in no table' for name in sorted(extra)] + [
        f'{name} is missing' for name in sorted(missing)
    ]

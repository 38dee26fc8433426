"""A client and a server of `websockets`, both in this process, that say what they are told to.

The argument is "takeover" or "no-takeover", orders and answers are those of ws.cjs. Two
things are different here: windows of permessage-deflate are small, and a message in pieces
ends with an empty frame.
"""

import asyncio
import base64
import json
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)

PARAMETERS = {
    'server_no_context_takeover': sys.argv[1] == 'no-takeover',
    'client_no_context_takeover': sys.argv[1] == 'no-takeover',
    'server_max_window_bits': 10,
    'client_max_window_bits': 9,
}
# Nothing is too long, and nothing is sent but what was ordered.
COMMON = {'compression': None, 'ping_interval': None, 'max_size': None}
OTHER = {'client': 'server', 'server': 'client'}


class Ends:
    def __init__(self):
        self.server_connected = asyncio.get_running_loop().create_future()
        self.ends = {}

    async def serve(self, connection):
        self.server_connected.set_result(connection)
        await connection.wait_closed()

    async def connect(self, order, port):
        extensions = [ClientPerMessageDeflateFactory(**PARAMETERS)]
        client = await connect(f'ws://127.0.0.1:{port}/live', extensions=extensions, **COMMON)
        self.ends = {'client': client, 'server': await self.server_connected}
        return {'extensions': client.response.headers['Sec-WebSocket-Extensions']}

    async def say(self, order, port):
        sender = self.ends[order['from']]
        is_text = order['opcode'] == 'text'
        pieces = [base64.b64decode(piece) for piece in order['pieces']]
        in_pieces = len(pieces) > 1
        # To send a long one means to wait for the other end to read.
        _, arrived = await asyncio.gather(
            sender.send(pieces if in_pieces else pieces[0], text=is_text),
            self.ends[OTHER[order['from']]].recv(),
        )
        whole = b''.join(pieces)
        if is_text:
            same(whole.decode(), arrived)
            payload = {'text': arrived}
        else:
            same(whole, arrived)
            payload = {'base64': base64.b64encode(whole).decode()}
        frames = len(pieces) + 1 if in_pieces else 1
        return {'from': order['from'], 'opcode': order['opcode'], 'frames': frames, **payload}

    async def ping(self, order, port):
        answered = await self.ends[order['from']].ping(base64.b64decode(order['payload']))
        await answered
        return {}

    async def close(self, order, port):
        await self.ends[order['from']].close(order['code'], order['reason'])
        for end in self.ends.values():
            await end.wait_closed()
            same((order['code'], order['reason']), (end.close_code, end.close_reason))
        return {}


def same(sent, arrived):
    if sent != arrived:
        raise ValueError('something else arrived')


def tell(line):
    print(json.dumps(line), flush=True)


async def main():
    ends = Ends()
    extensions = [ServerPerMessageDeflateFactory(**PARAMETERS)]
    async with serve(ends.serve, '127.0.0.1', 0, extensions=extensions, **COMMON) as server:
        port = server.sockets[0].getsockname()[1]
        tell({'port': port})
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            tell(await getattr(ends, order['do'])(order, port))


asyncio.run(main())

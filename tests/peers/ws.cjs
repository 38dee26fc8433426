'use strict';
// A client and a server of `ws`, both in this process, that say what they are told to.
//
// The argument is "takeover" or "no-takeover": whether permessage-deflate keeps its context
// from message to message, on both sides. Standard output begins with {"port": …}, where
// the server listens. Each line of standard input is an order, answered by a line once it
// is done, that is, once what was sent has arrived:
//
//   {"do": "connect"}: {"extensions": …}, what both agreed on
//   {"do": "say", "from": "client" or "server", "opcode": "text" or "binary",
//    "pieces": [base64, …], "compress": bool}: a message, a frame for each piece; answered
//    by what was sent: {"from", "opcode", "frames", "text" or "base64"}
//   {"do": "ping", "from", "payload": base64}: {}, once the Pong frame is there
//   {"do": "close", "from", "code", "reason"}: {}, once both ends are closed
//
// With its standard input it ends.

const { once } = require('node:events');
const { createInterface } = require('node:readline');
const { isDeepStrictEqual } = require('node:util');
const { WebSocket, WebSocketServer } = require('ws');

const withoutTakeover = process.argv[2] === 'no-takeover';
const perMessageDeflate = {
  // Compress everything, however short.
  threshold: 0,
  serverNoContextTakeover: withoutTakeover,
  clientNoContextTakeover: withoutTakeover,
};

const ends = {};
const other = { client: 'server', server: 'client' };

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** What arrives next, after `send` sent it. */
async function passed(receiver, event, send) {
  const arrived = once(receiver, event);
  send();
  return arrived;
}

function same(sent, arrived) {
  if (!isDeepStrictEqual(sent, arrived)) throw new Error('something else arrived');
}

const orders = {
  async connect(_, server) {
    const { port } = server.address();
    const connected = once(server, 'connection');
    ends.client = new WebSocket(`ws://127.0.0.1:${port}/live`, { perMessageDeflate });
    const opened = once(ends.client, 'open');
    const [answer] = await once(ends.client, 'upgrade');
    [ends.server] = await connected;
    await opened;
    return { extensions: answer.headers['sec-websocket-extensions'] };
  },

  async say({ from, opcode, pieces, compress }) {
    const binary = opcode === 'binary';
    const payloads = pieces.map((piece) => Buffer.from(piece, 'base64'));
    const [data, isBinary] = await passed(ends[other[from]], 'message', () => {
      payloads.forEach((payload, place) => {
        const fin = place + 1 === payloads.length;
        ends[from].send(payload, { binary, compress, fin });
      });
    });
    const whole = Buffer.concat(payloads);
    same([whole, binary], [data, isBinary]);
    const payload = binary ? { base64: whole.toString('base64') } : { text: whole.toString() };
    return { from, opcode, frames: pieces.length, ...payload };
  },

  async ping({ from, payload }) {
    const sent = Buffer.from(payload, 'base64');
    const [arrived] = await passed(ends[from], 'pong', () => ends[from].ping(sent));
    same(sent, arrived);
    return {};
  },

  async close({ from, code, reason }) {
    const closed = Object.values(ends).map((end) => once(end, 'close'));
    ends[from].close(code, reason);
    for (const [closeCode, closeReason] of await Promise.all(closed)) {
      same([code, reason], [closeCode, closeReason.toString()]);
    }
    return {};
  },
};

async function main() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate });
  await once(server, 'listening');
  tell({ port: server.address().port });
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    tell(await orders[order.do](order, server));
  }
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

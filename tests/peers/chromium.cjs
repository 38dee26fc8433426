'use strict';
// A page in Chromium that talks with a server of `ws`, recorded by the browser.
//
// The arguments are where Chromium is, and where its record is to be written: an HTTP
// archive, by Playwright. Standard output begins with {"port": …}, where the server
// listens. At the first line of standard input the browser loads a page from there, which
// opens a WebSocket to `/live?…` and says and hears things. When both ends have closed and
// the archive is written, a line tells what the browser's network panel is told:
//
//   {"url": …,
//    "request": headers as an object, "response": {"status", "statusText", "headers",
//    "headersText"} of the opening handshake,
//    "messages": [{"type", "time", "opcode", "data"}, …],
//    "close": {"code", "reason", "wasClean"} as the page has it}
//
// Each further line names an archive. DevTools import it as they do for their network panel,
// and export what they understood: a line is what they write.

const { once } = require('node:events');
const { readFile } = require('node:fs/promises');
const { createServer } = require('node:http');
const { createInterface } = require('node:readline');
const { WebSocketServer } = require('ws');
const { chromium } = require('playwright-core');

const [executablePath, archive] = process.argv.slice(2);

// What the server says, in turn with the page: each answers one message of it.
const answers = [
  'Willkommen \u{1f44b}\n"\u559c\u6085"',
  Buffer.from([0, 1, 2, 0xfd, 0xfe, 0xff]),
  '{"list":[1,2,3],"text":"\\u0000"}',
  'again and '.repeat(5000),
  '',
  Buffer.alloc(70_000, 'bytes'),
];

const page = `<!doctype html><title>conversation</title><script>
  const told = new Promise((resolve) => {
    const socket = new WebSocket(
      \`ws://\${location.host}/live?room=\${encodeURIComponent('a b&c=\u20ac')}&empty=\`,
      ['chat.v2', 'chat.v1'],
    );
    socket.binaryType = 'arraybuffer';
    const says = [
      'hello',
      'Gr\u00fc\u00dfe \u{1f3b5} \u2028',
      new Uint8Array([0xff, 0xfe, 0, 1]),
      'x'.repeat(70000),
      '',
      new Uint8Array(3000).map((_, place) => place * 7),
    ];
    socket.onopen = () => socket.send(says.shift());
    socket.onmessage = () => {
      if (says.length > 0) socket.send(says.shift());
      else socket.close(4001, 'Ende gut \u2713');
    };
    socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
  });
</script>`;

/** Done when the line has left this process. */
async function tell(line) {
  await new Promise((done) => {
    process.stdout.write(`${JSON.stringify(line)}\n`, done);
  });
}

async function serve() {
  const http = createServer((request, response) => {
    if (request.url !== '/') {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Set-Cookie': 'session=a1b2; Path=/; HttpOnly',
    });
    response.end(page);
  });
  const server = new WebSocketServer({
    server: http,
    perMessageDeflate: { threshold: 16 },
    handleProtocols: (offered) => [...offered][0],
  });
  server.on('headers', (headers) => {
    headers.push('Set-Cookie: room=1; Path=/', 'X-Twice: one', 'X-Twice: two');
  });
  server.on('connection', (socket) => {
    const left = [...answers];
    socket.on('message', () => socket.send(left.shift()));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return http.address().port;
}

async function launch() {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Opens the page, and tells what DevTools are told while it talks. */
async function browse(browser, port) {
  const context = await browser.newContext({
    recordHar: { path: archive, mode: 'full', content: 'embed' },
  });
  const tab = await context.newPage();
  const network = await context.newCDPSession(tab);
  await network.send('Network.enable');
  const seen = { messages: [] };
  let offset;
  network.on('Network.webSocketCreated', ({ url }) => {
    seen.url = url;
  });
  network.on('Network.webSocketWillSendHandshakeRequest', (event) => {
    seen.request = event.request.headers;
    // Other times are of a clock that begins anywhere.
    offset = event.wallTime - event.timestamp;
  });
  network.on('Network.webSocketHandshakeResponseReceived', ({ response }) => {
    const { status, statusText, headers, headersText } = response;
    seen.response = { status, statusText, headers, headersText };
  });
  const record = (type) => ({ timestamp, response: { opcode, payloadData } }) => {
    seen.messages.push({ type, time: offset + timestamp, opcode, data: payloadData });
  };
  network.on('Network.webSocketFrameSent', record('send'));
  network.on('Network.webSocketFrameReceived', record('receive'));
  const closed = new Promise((resolve) => {
    network.on('Network.webSocketClosed', resolve);
  });
  await tab.goto(`http://127.0.0.1:${port}/`);
  seen.close = await tab.evaluate('told');
  await closed;
  await context.close();
  return seen;
}

/** What DevTools write of an archive that they have imported. */
async function importAndExport(browser, path) {
  const tab = await browser.newPage();
  await tab.goto('devtools://devtools/bundled/devtools_app.html');
  const written = await tab.evaluate(async (text) => {
    const { HARFormat, Importer, Log } = await import('/bundled/models/har/har.js');
    const { log } = new HARFormat.HARRoot(JSON.parse(text));
    const requests = Importer.Importer.requestsFromHARLog(log);
    return Log.Log.build(requests, { sanitize: false });
  }, await readFile(path, 'utf8'));
  await tab.close();
  return written;
}

async function main() {
  const port = await serve();
  await tell({ port });
  let browser;
  for await (const line of createInterface({ input: process.stdin })) {
    if (browser) {
      await tell(await importAndExport(browser, line));
    } else {
      browser = await launch();
      await tell(await browse(browser, port));
    }
  }
  await browser?.close();
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

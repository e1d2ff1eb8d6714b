// The HTTP front of the real server, from outside, byte by byte.
import {connect} from 'node:net';
import fs from 'node:fs';
import {assert, equal, request, serve, test} from '../api/lib.mjs';

const HOST = 'Host: 127.0.0.1\r\n';
const get = (path, extra = '') => `GET ${path} HTTP/1.1\r\n${HOST}${extra}\r\n`;
const post = (headers, body) => `POST /livez HTTP/1.1\r\n${HOST}${headers}\r\n${body}`;
const NEXT = get('/livez');

const open = (server) => new Promise((done, fail) => {
  const socket = connect({host: '127.0.0.1', port: server.port}, () => done(socket));
  socket.once('error', fail);
});

// Sends the bytes and our end; the status codes of all answers until the server closes.
async function statuses(server, raw) {
  const socket = await open(server);
  let got = '';
  socket.setEncoding('latin1');
  socket.on('data', (text) => { got += text; });
  socket.on('error', () => {});
  socket.end(Buffer.from(raw, 'latin1'));
  await new Promise((done) => socket.on('close', done));
  return [...got.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

// What smuggles a second request past a lenient server: each must be refused, and NEXT must never be answered.
const REFUSED = [
  ['a bare LF', `GET / HTTP/1.1\n${HOST}\r\n`],
  ['a bare CR', `GET / HTTP/1.1\r\nX: a\rY: b\r\n${HOST}\r\n`],
  ['a folded header', get('/', 'X: a\r\n b\r\n')],
  ['a space before the colon', post('Content-Length : 0\r\n', '')],
  ['two lengths', post('Content-Length: 0\r\nContent-Length: 40\r\n', '')],
  ['a signed length', post('Content-Length: +0\r\n', '')],
  ['length and chunks', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ['two codings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n')],
  ['a coding that is not quite chunked', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')],
  ['a coding behind a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n')],
  ['chunks in HTTP/1.0', `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a chunk size with a prefix', post('Transfer-Encoding: chunked\r\n', '0x0\r\n\r\n')],
  ['a bare LF in an extension', post('Transfer-Encoding: chunked\r\n', '0;a\n\r\n')],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
  ['two hosts', get('/', HOST)],
  ['a NUL in the path', get('/%00')],
  ['a way up', get('/a/../livez')],
  ['an encoded way up', get('/a/%2e%2e/livez')],
  ['an encoded slash', get('/api%2fcron%2fjobs')],
];

const server = await serve();

for (const [name, raw] of REFUSED) {
  await test('refused_' + name.replace(/[^A-Za-z0-9]+/g, '_'), async () => {
    equal(await statuses(server, raw + NEXT), [400]);
  });
}

await test('pipelined_requests_are_answered_in_order', async () => {
  let raw = '', want = [];
  for (let i = 0; i < 100; i++) {
    raw += get(i % 2 ? '/livez' : '/there-is-no-such-page-' + i, i % 2 ? '' : 'Accept: application/json\r\n');
    want.push(i % 2 ? 200 : 404);
  }
  equal(await statuses(server, raw), want);
});

await test('http_1_0_is_served_and_closed', async () => {
  equal(await statuses(server, 'GET /livez HTTP/1.0\r\n\r\n' + NEXT), [200]);
});

await test('answers_carry_the_security_headers', async () => {
  const {headers} = await request(server, 'GET', '/livez', {token: null});
  equal(headers['x-content-type-options'], 'nosniff');
  equal(headers['referrer-policy'], 'no-referrer');
  assert(headers['content-security-policy'].includes('frame-ancestors'), 'no frame-ancestors');
  assert(/^[0-9a-f]{16}$/.test(headers['x-request-id']), 'no request id');
});

const residentMb = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]) / 1024;

await test('two_thousand_stalled_clients_hurt_nobody', async () => {
  const before = residentMb(), stalled = [], times = [];
  for (let i = 0; i < 2000; i++) {
    const socket = await open(server);
    socket.on('error', () => {});
    socket.write(['GET / HT', `GET / HTTP/1.1\r\n${HOST}X: `, post('Content-Length: 9\r\n', 'x')][i % 3]);
    stalled.push(socket);
  }
  for (let i = 0; i < 300; i++) {
    const begin = process.hrtime.bigint();
    equal((await request(server, 'GET', '/livez', {token: null})).status, 200);
    times.push(Number(process.hrtime.bigint() - begin) / 1e6);
  }
  const grown = residentMb() - before;
  for (const socket of stalled) socket.destroy();
  times.sort((a, b) => a - b);
  console.log(`# with 2,000 stalled: p50 ${times[150].toFixed(1)} ms, p99 ${times[296].toFixed(1)} ms, ${grown.toFixed(0)} MB more`);
  assert(grown < 100, `it grew by ${grown} MB`);
});

await server.finish();

// Upstash's REST as documented, in front of a real Redis on a unix socket, for tests:
//   node upstash.mjs SOCKET TOKEN PORT_FILE [HTTP_PORT]
// POST / (one command), /pipeline, /multi-exec; Authorization: Bearer; Upstash-Encoding: base64. The port is written
// to PORT_FILE. POST /-/fail?status=503&times=2 makes the next requests fail, /-/slow?ms=60&times=100 makes them wait so
// long, /-/drip?times=1 answers a byte at a time and without end; GET /-/seen tells how many came.
import http from 'node:http';
import net from 'node:net';
import fs from 'node:fs';

const [socketPath, token, portFile, port] = process.argv.slice(2);

// ---- RESP over the socket: one connection, answers in order ----
class Redis {
  waiting = [];
  rest = Buffer.alloc(0);
  constructor(path) {
    this.socket = net.connect(path);
    this.socket.on('data', (bytes) => this.take(bytes));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isClosed = true;
      for (const w of this.waiting) w({ error: 'ERR the connection to Redis was lost' });
      this.waiting = [];
    });
  }
  send(commands) {
    const parts = [];
    for (const command of commands) {
      parts.push(Buffer.from(`*${command.length}\r\n`));
      for (const arg of command) {
        const bytes = Buffer.from(String(arg));
        parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
      }
    }
    const answers = commands.map(() => new Promise((done) => this.waiting.push(done)));
    this.socket.write(Buffer.concat(parts));
    return Promise.all(answers);
  }
  chunks = [];
  size = 0;
  need = 0;
  take(bytes) {
    this.chunks.push(bytes);
    this.size += bytes.length;
    if (this.size < this.need) return;
    this.rest = this.chunks.length === 1 ? bytes : Buffer.concat(this.chunks);
    let at = 0;
    for (;;) {
      this.need = 0;
      const value = this.parse(at);
      if (!value) break;
      at = value.end;
      this.waiting.shift()?.(value);
    }
    this.rest = this.rest.subarray(at);
    this.chunks = [this.rest];
    this.size = this.rest.length;
    if (this.need) this.need -= at;
  }
  parse(at) {
    const line = this.rest.indexOf('\r\n', at);
    if (line < 0) return null;
    const text = this.rest.toString('latin1', at + 1, line);
    let end = line + 2;
    switch (this.rest[at]) {
      case 0x2b: return { result: text, isStatus: true, end };
      case 0x2d: return { error: text, end };
      case 0x3a: return { result: Number(text), end };
      case 0x24: {
        const n = Number(text);
        if (n < 0) return { result: null, end };
        if (this.rest.length < end + n + 2) { this.need = Math.max(this.need, end + n + 2); return null; }
        return { result: this.rest.subarray(end, end + n), end: end + n + 2 };
      }
      case 0x2a: {
        if (Number(text) < 0) return { result: null, end };
        const items = [];
        for (let i = 0; i < Number(text); i++) {
          const item = this.parse(end);
          if (!item) return null;
          items.push(item);
          end = item.end;
        }
        return { result: items, end };
      }
      default: throw new Error('not RESP');
    }
  }
}

let redis = new Redis(socketPath);
const connection = () => (redis.isClosed ? (redis = new Redis(socketPath)) : redis);

// ---- REST ----
const encode = (value, isBase64) => {
  if (value.error !== undefined) return value.error;
  const r = value.result;
  if (Buffer.isBuffer(r)) return isBase64 ? r.toString('base64') : r.toString('utf8');
  if (Array.isArray(r)) return r.map((item) => encode(item, isBase64));
  if (typeof r === 'string' && r !== 'OK' && isBase64) return Buffer.from(r).toString('base64');
  return r;
};
const shape = (value, isBase64) => value.error !== undefined ? { error: value.error } : { result: encode(value, isBase64) };

const pipeline = async (commands, isBase64) => (await connection().send(commands)).map((v) => shape(v, isBase64));

const multiExec = async (commands, isBase64) => {
  const answers = await connection().send([['MULTI'], ...commands, ['EXEC']]);
  const exec = answers.at(-1);
  if (exec.error !== undefined) return { status: 400, body: { error: exec.error } };
  return { status: 200, body: exec.result.map((v) => shape(v, isBase64)) };
};

let failures = { status: 0, times: 0 }, slow = { ms: 0, times: 0 }, drips = 0, seen = 0, bearers = 0;

const answer = async (request, body) => {
  const isBase64 = request.headers['upstash-encoding'] === 'base64';
  if (request.method !== 'POST') return { status: 405, body: { error: 'method not allowed' } };
  let commands;
  try {
    commands = JSON.parse(body);
    if (!Array.isArray(commands)) throw new Error();
  } catch {
    return { status: 400, body: { error: 'ERR failed to parse the body' } };
  }
  switch (new URL(request.url, 'http://x').pathname) {
    case '/': {
      const value = shape((await connection().send([commands]))[0], isBase64);
      return { status: value.error === undefined ? 200 : 400, body: value };
    }
    case '/pipeline': return { status: 200, body: await pipeline(commands, isBase64) };
    case '/multi-exec': return multiExec(commands, isBase64);
    default: return { status: 404, body: { error: 'not found' } };
  }
};

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (c) => chunks.push(c));
  request.on('end', async () => {
    const reply = (status, body) => {
      const text = JSON.stringify(body);
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      response.end(text);
    };
    const url = new URL(request.url, 'http://x');
    if (url.pathname === '/-/fail') {
      failures = { status: Number(url.searchParams.get('status')), times: Number(url.searchParams.get('times')) };
      return reply(200, {});
    }
    if (url.pathname === '/-/slow') {
      slow = { ms: Number(url.searchParams.get('ms')), times: Number(url.searchParams.get('times')) };
      return reply(200, {});
    }
    if (url.pathname === '/-/drip') {
      drips = Number(url.searchParams.get('times'));
      return reply(200, {});
    }
    if (url.pathname === '/-/seen') return reply(200, { seen, bearers });
    seen++;
    if (drips > 0) {
      drips--;
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 5);
      return response.on('close', () => clearInterval(timer));
    }
    if (slow.times > 0) {
      slow.times--;
      await new Promise((done) => setTimeout(done, slow.ms));
    }
    if (failures.times > 0) {
      failures.times--;
      return reply(failures.status, { error: `made to fail; you sent ${request.headers.authorization}` });
    }
    if (request.headers.authorization !== `Bearer ${token}`)
      return reply(401, { error: `WRONGPASS invalid token ${request.headers.authorization}` });
    bearers++;
    try {
      const { status, body } = await answer(request, Buffer.concat(chunks).toString('utf8'));
      reply(status, body);
    } catch (e) {
      reply(500, { error: String(e) });
    }
  });
});
server.listen(Number(port || 0), '127.0.0.1', () => fs.writeFileSync(portFile, `${server.address().port}\n`));

// What tests/e2e/worlds.mjs and outages.mjs stand on: the real server, a real PostgreSQL and a real Redis (or the embedded
// stores), each of which can be killed and started again, and the witness's own look at the database.
import {execFile, execFileSync, spawn} from 'node:child_process';
import {connect} from 'node:net';
import {promisify} from 'node:util';
import {fileURLToPath} from 'node:url';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

const run = promisify(execFile);
const top = fileURLToPath(new URL('../..', import.meta.url));
export const binary = path.resolve(process.env.SERENO_RELEASE_BIN || path.join(top, 'build/sereno'));
export const secret = 'test-secret';
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const support = (name) => path.join(top, 'tests/support', name);
const DEADLINE_MS = 30000; // longer than this without an answer is a hang
const LONG_MS = 120000; // a job's, on a machine that has other things to do
const ADVANCE_MS = Number(process.env.ADVANCE_MS ?? 180000);

export class Stand {
  // kind: 'pg-redis' or 'embedded'; env: more of it for the server
  constructor(kind, env = {}) {
    this.kind = kind;
    this.hasServers = kind === 'pg-redis';
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sereno-e2e-worlds-'));
    fs.chmodSync(this.folder, 0o755);
    this.data = path.join(this.folder, 'data');
    this.pgFolder = path.join(this.folder, 'pg');
    this.redisFolder = path.join(this.folder, 'redis');
    this.log = path.join(this.folder, 'serve.log');
    this.clock = path.join(this.folder, 'clock');
    this.agent = new http.Agent({keepAlive: true, maxSockets: 16});
    this.more = env;
    this.slowest = this.answeredAt = 0;
  }
  // The server closes connections that were idle for a minute; a process that was waiting for psql meanwhile does not know
  // yet, and what it writes to them is lost.
  dropIdle() {
    for (const socket of Object.values(this.agent.freeSockets).flat()) socket.destroy();
  }
  async startStores() {
    if (!this.hasServers) return;
    await this.startPg();
    await this.startRedis();
  }
  async startPg() { this.databaseUrl = (await run(support('pg.sh'), ['start', this.pgFolder])).stdout.trim(); }
  killPg() { return run(support('pg.sh'), ['kill9', this.pgFolder]); }
  async startRedis() {
    this.redisUrl = (await run(support('redis.sh'), ['start', this.redisFolder, '--appendonly', 'yes', '--appendfsync', 'always'])).stdout.trim();
  }
  killRedis() { return run(support('redis.sh'), ['kill9', this.redisFolder]); }
  environment() {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(SERENO_|CRON_SECRET|ENABLE_CRON|DATABASE_URL|REDIS_URL|LLM_|UPSTASH)/.test(key)));
    const stores = this.hasServers ? {DATABASE_URL: this.databaseUrl, REDIS_URL: this.redisUrl} : {};
    return {...clean, CRON_SECRET: secret, SERENO_EXECUTORS_SHELL: 'true', SERENO_WARDEN_IDLE_EXIT_SECONDS: '1', ...stores, ...this.more};
  }
  initClock(instant) {
    execFileSync(binary, ['serve', '--data', this.data, '--init-test=' + instant], {env: this.environment(), stdio: 'pipe'});
    this.isTestClock = true;
  }
  async startServe({waitsReady = true} = {}) {
    const portFile = path.join(this.folder, 'port');
    fs.rmSync(portFile, {force: true});
    const out = fs.openSync(this.log, 'a');
    const flags = this.isTestClock ? ['--test-clock', this.clock] : [];
    this.child = spawn(binary, ['serve', '--data', this.data, '--port', '0', '--port-file', portFile, ...flags], {env: this.environment(), stdio: ['ignore', out, out]});
    fs.closeSync(out);
    const ended = this.ended = new Promise((done) => this.child.on('exit', (code, signal) => done(signal ?? code)));
    let hasEnded = false;
    ended.then(() => { hasEnded = true; });
    await this.until(() => hasEnded || (fs.existsSync(portFile) && fs.readFileSync(portFile, 'utf8').trim()), 'the port');
    if (hasEnded) throw new Error('serve has ended: ' + this.logTail());
    this.port = Number(fs.readFileSync(portFile, 'utf8'));
    if (waitsReady) await this.until(async () => (await this.ask('GET', '/readyz', {token: null})).status === 200, 'readiness');
    this.admin = fs.readFileSync(path.join(this.data, 'admin.token'), 'utf8').trim();
  }
  async killServe() {
    this.child.kill('SIGKILL');
    await this.ended;
    this.agent.destroy();
    this.agent = new http.Agent({keepAlive: true, maxSockets: 16});
  }
  async stopServe() {
    this.child.kill('SIGTERM');
    return this.ended;
  }
  logTail() { return fs.readFileSync(this.log, 'utf8').split('\n').slice(-15).join('\n'); }
  async until(ask, text, ms = 60000) {
    for (const begin = Date.now(); Date.now() - begin < ms;) {
      const got = await ask();
      if (got) return got;
      await pause(20);
    }
    throw new Error('never came: ' + text);
  }
  // {status, data, text}; status 0: no answer because the connection broke, -1: none within DEADLINE_MS.
  ask(method, target, {body, token, user, headers = {}, raw} = {}) {
    const bearer = token === undefined ? this.admin : token;
    const bytes = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const all = {...headers};
    if (bearer) all.Authorization = 'Bearer ' + bearer;
    if (user) all['X-Sereno-User'] = user;
    if (bytes !== undefined) { all['Content-Type'] ??= 'application/json'; all['Content-Length'] = Buffer.byteLength(bytes); }
    const begin = Date.now();
    if (begin - this.answeredAt > 30000) this.dropIdle();
    return new Promise((done) => {
      const finish = (status, text = '', more = {}) => {
        this.answeredAt = Date.now();
        let data = null;
        try { data = JSON.parse(text); } catch { /* no JSON */ }
        this.slowest = Math.max(this.slowest, Date.now() - begin);
        done({status, text, data, ...more});
      };
      const sent = http.request({host: '127.0.0.1', port: this.port, method, path: target, headers: all, agent: this.agent, timeout: DEADLINE_MS}, (got) => {
        const pieces = [];
        got.on('data', (piece) => pieces.push(piece));
        got.on('error', () => finish(0));
        got.on('aborted', () => finish(0));
        got.on('end', () => { const whole = Buffer.concat(pieces); finish(got.statusCode, whole.toString('utf8'), {bytes: whole, headers: got.headers}); });
      });
      sent.on('timeout', () => { finish(-1, `no answer to ${method} ${target} within ${DEADLINE_MS} ms`); sent.destroy(); });
      sent.on('error', (error) => finish(0, error.message));
      sent.end(bytes);
    });
  }
  async must(method, target, options, wanted = [200, 201]) {
    const got = await this.ask(method, target, options);
    if (!wanted.includes(got.status)) throw new Error(`${method} ${target}: ${got.status} ${got.text.slice(0, 400)}`);
    return got.data;
  }
  runJob(name, body = {}) { return this.ask('POST', `/api/cron/jobs/${name}/run`, {body, headers: {Prefer: 'wait=25'}}); }
  // Runs it to its end, however long that takes: {status, text}. The clock does not wait for what runs longer than two
  // seconds, and a run beside another of the same job is skipped.
  async finishJob(name) {
    const target = `/api/cron/jobs/${name}/executions?status=running`;
    await this.until(async () => (await this.ask('GET', target)).data?.data?.length === 0, `the end of ${name}`, LONG_MS);
    const {status, data, text} = await this.runJob(name);
    if (!data?.executionId) return {status: null, text: `${status} ${text.slice(0, 300)}`};
    return this.until(async () => {
      const run = (await this.ask('GET', '/api/cron/executions/' + data.executionId)).data;
      return run?.finishedAt && {status: run.status, text: `${run.status} ${run.errorMessage}`};
    }, `the end of ${name} (${data.executionId})`, LONG_MS);
  }
  // The cron store, as sql() does it.
  cronSql(query) { return this.sql(query, 'sereno.db'); }
  // One command of the test clock; null when the server died meanwhile.
  moveClock(command) {
    return new Promise((done, fail) => {
      let got = '';
      const socket = connect(this.clock, () => socket.write(command + '\n'));
      const timer = setTimeout(() => { fail(new Error(`the clock hangs in ${command}${this.stacks()}`)); socket.destroy(); }, ADVANCE_MS);
      const end = (value) => { clearTimeout(timer); done(value); socket.destroy(); };
      socket.on('data', (piece) => { got += piece; if (got.endsWith('\n')) end(got.trim()); });
      socket.on('error', () => end(null));
      socket.on('close', () => end(null));
    });
  }
  // Where its threads stand, if there is a debugger.
  stacks() {
    try { return '\n' + execFileSync('gdb', ['-p', String(this.child.pid), '-batch', '-ex', 'thread apply all bt 12'], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 60000}); } catch { return ''; }
  }
  // The server was away from whenever it died until then.
  setMarker(ms) { fs.writeFileSync(path.join(this.data, 'test-marker'), new Date(ms).toISOString() + '\n', {mode: 0o600}); }
  // Rows of a query, read beside the server; instants as text or, with instantOf(), as milliseconds.
  sql(query, file = 'worlds.db') {
    const big = {encoding: 'utf8', maxBuffer: 1 << 30};
    const text = this.hasServers
      ? execFileSync(support('pg.sh'), ['sql', this.pgFolder, `SELECT coalesce(json_agg(t), '[]') FROM (${query}) t`], big)
      : execFileSync('sqlite3', ['-json', '-cmd', '.timeout 10000', `file:${path.join(this.data, file)}?mode=ro`, query], big);
    return text.trim() ? JSON.parse(text) : [];
  }
  change(statement) {
    if (this.hasServers) execFileSync(support('pg.sh'), ['sql', this.pgFolder, statement], {stdio: 'pipe'});
    else execFileSync('sqlite3', ['-cmd', '.timeout 10000', path.join(this.data, 'worlds.db'), statement], {stdio: 'pipe'});
  }
  // A literal of an instant for change().
  instantText(ms) {
    const text = new Date(ms).toISOString();
    return this.hasServers ? `'${text.slice(0, -1)}'` : `'${text}'`;
  }
  async close() {
    if (this.child) { this.child.kill('SIGKILL'); await this.ended; }
    this.agent.destroy();
    if (this.hasServers) {
      await run(support('pg.sh'), ['stop', this.pgFolder]).catch(() => {});
      await run(support('redis.sh'), ['stop', this.redisFolder]).catch(() => {});
    }
    if (!process.env.KEEP) {
      await pause(1500); // the warden leaves when it has nothing to do for a second
      this.beforeRemoval?.();
      fs.rmSync(this.folder, {recursive: true, force: true, maxRetries: 5, retryDelay: 200});
    }
  }
}

export const instantOf = (text) => text === null || text === undefined ? null : Date.parse(/Z$/.test(text) ? text : text.replace(' ', 'T') + 'Z');

// Numbers that look random and are the same for the same seed (mulberry32).
export function randomOf(seed) {
  let a = seed >>> 0;
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {next, below: (n) => Math.floor(next() * n), between: (a, b) => a + next() * (b - a), pick: (list) => list[Math.floor(next() * list.length)]};
}

// Runs the tasks, at most n at a time.
export async function together(tasks, n = 16) {
  let at = 0;
  await Promise.all(Array.from({length: n}, async () => { while (at < tasks.length) await tasks[at++](); }));
}

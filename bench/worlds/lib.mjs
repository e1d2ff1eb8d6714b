// What the parts share: servers with many worlds in them, their memory and processor time, latencies, a loader.
import {execFileSync, spawn} from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import {serve, ask, makeToken} from '../../tests/api/lib.mjs';

export const total = Number(process.env.BENCH_WORLDS || 1000000), due = Number(process.env.BENCH_DUE || 100000);
export const live = 100;
const here = path.dirname(new URL(import.meta.url).pathname), support = path.join(here, '../../tests/support');
export const secret = 'bench-cron-secret';
const hour = 3600e3;

export const say = (text) => console.log(text);
export const load = () => `load ${fs.readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 2).join(' ')} on ${os.cpus().length} cores`;
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
export const percentile = (list, p) => [...list].sort((a, b) => a - b)[Math.max(0, Math.ceil(list.length * p) - 1)] ?? NaN;
export const ms = (value) => value.toFixed(value < 10 ? 2 : 0);
export const shown = (list) => `p50 ${ms(percentile(list, 0.5))}, p95 ${ms(percentile(list, 0.95))}, p99 ${ms(percentile(list, 0.99))}, max ${ms(percentile(list, 1))} ms of ${list.length}`;

// ---- stores ----
const folders = [], endings = []; // what is still running when a part fails
const folder = (name) => { const made = fs.mkdtempSync(path.join(os.tmpdir(), `bench-${name}-`)); folders.push(made); return made; };
const sh = (script, ...args) => execFileSync(path.join(support, script), args, {encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit']}).trim();
export function postgres() {
  const dir = folder('pg');
  const url = sh('pg.sh', 'start', dir, 'fsync=on', 'shared_buffers=256MB', 'max_wal_size=4GB');
  endings.push(() => sh('pg.sh', 'stop', dir));
  return {url, sql: (text, database) => sh('pg.sh', 'sql', dir, text, ...(database ? [database] : []))};
}
export function redis() {
  const dir = folder('redis');
  const url = sh('redis.sh', 'start', dir, '--appendonly', 'yes');
  endings.push(() => sh('redis.sh', 'stop', dir));
  return {url};
}
export const sqlite = (file, text) => execFileSync('sqlite3', ['-batch', '-bail', file], {input: text, encoding: 'utf8'});

// ---- a server ----
export async function server(env = {}) {
  const s = await serve({env: {CRON_SECRET: secret, ENABLE_CRON_JOBS: 'false', ...env}});
  endings.push(() => finish(s));
  s.app = await makeToken(s, 'operator', {scope: {worlds: true}});
  return s;
}
export async function finish(s) {
  await s.stop();
  fs.rmSync(s.folder, {recursive: true, force: true});
}
export async function cleanUp() {
  closeAgents();
  for (const end of endings.splice(0).reverse()) try { await end(); } catch { /* it ended by itself */ }
  folders.splice(0).forEach((one) => fs.rmSync(one, {recursive: true, force: true}));
}
export const status = (pid, key) => Number((fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${key}:\\s+(\\d+)`, 'm')) || [0, 0])[1]);
export const cpu = (pid) => { const f = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' '); return (Number(f[11]) + Number(f[12])) / 100; };

// count worlds of which the first `idle` are due: 25 hours; the rest active an hour ago; and the live ones.
export function rows(kind, count, idle) {
  const now = Date.now(), at = (ago) => kind === 'pg' ? `'${new Date(now - ago).toISOString().replace('Z', '')}'::timestamp` : `'${new Date(now - ago).toISOString()}'`;
  const numbers = kind === 'pg' ? (n) => `generate_series(1,${n}) AS s(n)` : (n) => `(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s WHERE n<${n}) SELECT n FROM s) AS s`;
  const insert = 'INSERT INTO "World"("id","name","ownerId","ownerEmail","status","lastActiveAt","createdAt","updatedAt") SELECT ';
  return `${insert}'w' || n, 'World ' || n, 'owner' || (n % 1000), 'o@example.org', 'RUNNING', CASE WHEN n<=${idle} THEN ${at(25 * hour)} ELSE ${at(hour)} END, ${at(200 * hour)}, ${at(hour)} FROM ${numbers(count)};
${insert}'live' || (n-1), 'Live ' || n, 'u' || (n-1), 'o@example.org', 'RUNNING', ${at(60e3)}, ${at(200 * hour)}, ${at(hour)} FROM ${numbers(live)};`;
}
// With the server stopped meanwhile: its own connections keep no old plans. pg: what postgres() gave, or null.
export async function fill(s, pg, count = total, idle = due, more = '') {
  await s.stop();
  const begin = Date.now();
  if (pg) pg.sql(rows('pg', count, idle) + more + 'ANALYZE;');
  else sqlite(path.join(s.data, 'worlds.db'), `PRAGMA synchronous=OFF; BEGIN; ${rows('sqlite', count, idle)} ${more} COMMIT; PRAGMA wal_checkpoint(TRUNCATE); ANALYZE;`);
  say(`- ${count} worlds filled in ${((Date.now() - begin) / 1000).toFixed(0)} s`);
  return () => s.start();
}

// ---- jobs ----
export const runJob = async (s, name) => ask(s, 'POST', '/api/admin/cron-jobs', 200, {body: {action: 'run', jobName: name}, headers: {Prefer: 'wait=300'}});
export const door = (s) => ask(s, 'POST', '/api/cron/auto-pause-worlds', 200, {token: secret});

// Samples the resident size of a process: {stop} gives its greatest in KB.
export function watch(pid) {
  let most = status(pid, 'VmRSS');
  const timer = setInterval(() => { try { most = Math.max(most, status(pid, 'VmRSS')); } catch { /* it ended */ } }, 25);
  return {stop: () => { clearInterval(timer); return most; }};
}

export function probe(s) {
  const child = spawn('node', [path.join(here, 'probe.mjs'), String(s.port), s.app, String(live)], {stdio: ['pipe', 'pipe', 'inherit']});
  const lines = readline.createInterface({input: child.stdout})[Symbol.asyncIterator]();
  return {
    take: async () => { child.stdin.write('\n'); return JSON.parse((await lines.next()).value); },
    end: () => child.stdin.end(),
  };
}
export function tellProbe(title, seen) {
  for (const key of ['healthz', 'message', 'timer'])
    say(`| ${title} | ${key === 'timer' ? 'the probe itself late' : key} | ${['0.5', '0.95', '0.99', '1'].map((p) => ms(percentile(seen[key], Number(p)))).join(' | ')} | ${seen[key].length}${seen.failed ? `, ${seen.failed} FAILED` : ''} |`);
}

// ---- a loader: keep-alive connections from addresses of their own, so that the rates of one address do not bind ----
const agents = [];
export function post(s, target, user, body, {token = s.app, lane = 0, method = 'POST'} = {}) {
  agents[lane] ??= new http.Agent({keepAlive: true, maxSockets: 64, localAddress: '127.0.0.' + (20 + lane)});
  const begin = performance.now();
  return new Promise((done, fail) => {
    const headers = {Authorization: 'Bearer ' + token, 'Content-Type': 'application/json', ...(user ? {'X-Sereno-User': user} : {})};
    const sent = http.request({host: '127.0.0.1', port: s.port, method, path: target, agent: agents[lane], headers}, (got) => {
      let text = '';
      got.setEncoding('utf8');
      got.on('data', (piece) => { text += piece; });
      got.on('end', () => done({status: got.statusCode, text, ms: performance.now() - begin}));
    });
    sent.on('error', fail);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
export const closeAgents = () => { agents.forEach((agent) => agent?.destroy()); agents.length = 0; };
// act(i) for i below count, `width` at a time.
export async function many(count, width, act) {
  let next = 0;
  await Promise.all(Array.from({length: width}, async () => { while (next < count) await act(next++); }));
}

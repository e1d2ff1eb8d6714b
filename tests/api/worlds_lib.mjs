// What the suites about worlds share: a server's worlds asked for by admin, owner and application, its databases by
// SQL, its jobs by hand, its command line, its log.
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {binary, serve, request, ask, equal, assert, moveClock, makeToken} from './lib.mjs';

export const secret = 'test-secret', support = path.resolve('tests/support');
export const doors = {'auto-pause': '/api/cron/auto-pause-worlds', 'delete-scheduled-worlds': '/api/cron/delete-scheduled-worlds'};
export const six = ['cleanup', 'sync', 'auto-pause', 'memory-consolidation', 'emergent-events', 'delete-scheduled-worlds'];
export const minute = 60000, hour = 60 * minute, day = 24 * hour;

// By the test clock, nothing starts by schedule unless cron is true; `now` follows what clock() is told.
export async function worldServer({clockAt = '2026-11-01T00:00:00Z', cron = false, env = {}, ...more} = {}) {
  if (clockAt === null) cron = true;
  const server = await serve({clockAt, env: {CRON_SECRET: secret, ...(cron ? {} : {ENABLE_CRON_JOBS: 'false'}), ...env}, ...more});
  return withWorlds(server, clockAt, await makeToken(server, 'operator', {scope: {worlds: true}}));
}

function withWorlds(server, clockAt, service) {
  const w = {server, service, app: {token: service}, now: clockAt ? Date.parse(clockAt) : Date.now()};
  w.as = (user) => ({token: service, headers: {'X-Sereno-User': user}});
  w.get = (target, status = 200, who = {}) => ask(server, 'GET', target, status, who);
  w.send = (method, target, status = 200, who = {}, body = undefined) => ask(server, method, target, status, {body, ...who});
  w.post = (target, body = {}, status = 200, who = {}) => w.send('POST', target, status, who, body);
  w.make = (id, more = {}) => w.post('/api/worlds', {id, name: 'World ' + id, ownerId: 'owner', ...more}, 201);
  w.say = (id, text = 'hola', more = {}) => w.post(`/api/worlds/${id}/message`, {text, ...more}, 200, w.as('owner'));
  w.row = (id) => w.get('/api/worlds/' + id);
  w.settings = (values) => w.send('PATCH', '/api/admin/worlds/settings', 200, {}, values);
  w.clock = async (command) => {
    const got = await moveClock(server, command);
    assert(got.startsWith('ok '), got);
    w.now = Date.parse(got.slice(3));
  };
  w.at = (ms) => new Date(ms).toISOString();
  w.run = async (job, {params} = {}) => {
    const got = await request(server, 'POST', `/api/cron/jobs/${job}/run`, {body: params ? {params} : {}, headers: {Prefer: 'wait=60'}});
    equal([got.status, got.data.status], [200, 'success'], job + ' ' + got.text.slice(0, 400));
    return got.data.execution.result ?? {};
  };
  w.door = async (job, status = 200, method = 'POST', headers = {}) => ask(server, method, doors[job], status, {token: secret, headers});
  w.sql = (text, file = 'worlds.db') => sqlite(path.join(server.data, file), text);
  w.log = () => fs.readFileSync(server.log, 'utf8').split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  w.cli = (...args) => spawnSync(binary, args, {encoding: 'utf8', cwd: server.folder, env: {...process.env, SERENO_DATA: server.data, SERENO_URL: `http://127.0.0.1:${server.port}`}});
  w.cliJson = (...args) => {
    const got = w.cli(...args, '--json');
    if (got.status !== 0) throw new Error(`sereno ${args.join(' ')}: ${got.status}: ${got.stderr}`);
    return JSON.parse(got.stdout);
  };
  w.metrics = async () => (await request(server, 'GET', '/metrics')).text;
  w.kill = async () => {
    server.child.kill('SIGKILL');
    await server.ended;
  };
  return w;
}

// Rows as objects.
export function sqlite(file, text) {
  const out = execFileSync('sqlite3', ['-cmd', '.timeout 5000', '-json', file, text], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28});
  return out.trim() ? JSON.parse(out) : [];
}
export const script = (name, ...args) => execFileSync(path.join(support, name), args, {encoding: 'utf8'}).trim();

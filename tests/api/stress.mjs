// Many clients at once do everything in any order, a quarter of them leave in the middle, and the server ends while
// they do: no answer is a bug's, the ledger and the audit log stay whole. SEED=n repeats the choices.
import http from 'node:http';
import {serve, ask, test, equal, makeJob} from './lib.mjs';

const requests = Number(process.env.REQUESTS || 1500), clients = 40, password = 'four horses and a lamp';
let seed = Number(process.env.SEED || Date.now() % 1e9);
console.log('# SEED=' + seed);
const pick = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 65536) % n; };

const server = await serve({env: {CRON_SECRET: 'a cron secret of some length', SERENO_STOP_SECONDS: '1'}});
await ask(server, 'POST', '/api/admin/users', 201, {body: {name: 'ana', role: 'operator', password}});
for (let i = 0; i < 5; i++)
  await makeJob(server, {name: 'j' + i, allowConcurrent: true, schedule: '* * * * * *', params: {command: i === 0 ? 'sleep 0.3' : 'echo x'}});

const job = (extra = '') => `/api/cron/jobs/j${pick(6)}${extra}`; // j5 is not there
const choices = [
  () => ['GET', '/api/cron/jobs'], () => ['GET', job()], () => ['GET', job('/why')], () => ['GET', job('/metrics')],
  () => ['GET', job('/occurrences')], () => ['GET', '/api/cron/executions?limit=5'], () => ['GET', '/api/cron/dashboard'],
  () => ['GET', '/api/cron/monitoring'], () => ['GET', '/metrics'], () => ['GET', '/api/cron/audit'], () => ['GET', '/api/admin/cron-jobs'],
  () => ['GET', '/api/admin/audit-log?limit=50'], () => ['GET', '/api/cron/stream?topics=runs,logs'], () => ['GET', '/api/cron/logs/stream'],
  () => ['POST', job('/run'), {}, {Prefer: 'wait=' + pick(3)}],
  () => ['POST', job('/run'), {}, {Prefer: 'wait=5', 'Idempotency-Key': 'k' + pick(20)}],
  () => ['PATCH', job(), {description: 'd' + pick(100)}], () => ['PUT', job(), {name: 'half'}],
  () => ['POST', job('/stop'), {kill: true}], () => ['POST', job('/pause'), {for: '1s'}], () => ['POST', job('/resume'), {}],
  () => ['POST', '/api/admin/cron-jobs', {action: 'run', jobName: 'j' + pick(5)}],
  () => ['POST', '/api/admin/cron-jobs', {action: 'enable', jobName: 'j' + pick(5)}],
  () => ['POST', '/api/cron/auto-pause-worlds', {}], () => ['PATCH', '/api/cron/settings', {maxConcurrentJobs: 1 + pick(20)}],
  () => ['POST', '/api/auth/login', {name: 'ana', password: pick(2) ? password : 'not the password'}],
  () => ['POST', '/api/admin/tokens', {name: 't' + pick(1e6), role: 'viewer', scope: {singleUse: true}}],
  () => ['POST', '/api/admin/backup', {name: `b${pick(1e6)}.db`}],
];
const counts = {}, bugs = [];
function one() {
  const [method, path, body, headers] = choices[pick(choices.length)](), leaves = pick(4) === 0 ? pick(30) : -1;
  return new Promise((done) => {
    const all = {Authorization: 'Bearer ' + server.token, ...(body && {'Content-Type': 'application/json'}), ...headers};
    const sent = http.request({host: '127.0.0.1', port: server.port, method, path, headers: all, agent: false}, (got) => {
      let text = '';
      counts[got.statusCode] = (counts[got.statusCode] || 0) + 1;
      got.on('data', (piece) => { text += piece; });
      got.on('error', () => {});
      got.on('close', () => { if (got.statusCode >= 500 && got.statusCode !== 503) bugs.push(`${method} ${path} ${got.statusCode} ${text}`); done(); });
      if (path.includes('stream')) setTimeout(() => sent.destroy(), 100);
    });
    sent.on('error', done);
    sent.end(body && JSON.stringify(body));
    if (leaves >= 0) setTimeout(() => sent.destroy(), leaves);
  });
}
let left = requests;
await Promise.all(Array.from({length: clients}, async () => { while (left-- > 0) await one(); }));
console.log('# ' + JSON.stringify(counts));

await test('no_answer_is_a_bugs', async () => equal(bugs, []));
await test('the_ledger_is_whole_after_it', async () => equal((await ask(server, 'GET', '/api/cron/audit', 200)).differences, []));
await test('the_audit_log_is_whole_after_it', async () => equal((await ask(server, 'GET', '/api/admin/audit-log/verify', 200)).ok, true));
const busy = Promise.all(Array.from({length: clients}, async () => { for (let i = 0; i < 20; i++) await one(); }));
await server.finish();
await busy;

// Prints a Markdown table: what was asked, the first answer, p50 and p95, the processor time of the server for one, and
// whether p95 is within the limit. The release binary in SERENO_BIN, bench_lists in SERENO_BENCH_BUILD.
// LISTS_JOBS (100,000), LISTS_RUNS (300,000), LISTS_ROUNDS (20) questions of each kind, LISTS_ONLY a pattern of them,
// LISTS_STORE a folder that was filled before (bench_lists fill FOLDER), instead of filling one.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ask, request, serve } from '../../tests/api/lib.mjs';

const JOBS = process.env.LISTS_JOBS ?? '100000', RUNS = process.env.LISTS_RUNS ?? '300000';
const ROUNDS = Number(process.env.LISTS_ROUNDS ?? 20);
const ONLY = new RegExp(process.env.LISTS_ONLY || '.');
const LIMIT_MS = 100;
const NOW = '2026-11-20T12:00:00Z'; // of bench_lists
const TICKS = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);

const server = await serve({ clockAt: NOW });
await server.stop();
if (process.env.LISTS_STORE)
  fs.copyFileSync(path.join(process.env.LISTS_STORE, 'sereno.db'), path.join(server.data, 'sereno.db'));
else {
  const filled = spawnSync(path.join(process.env.SERENO_BENCH_BUILD, 'bench_lists'), ['fill', server.data, JOBS, RUNS]);
  if (filled.status !== 0) throw new Error(String(filled.stderr));
}
await server.start();

const cpuMs = () => {
  const text = fs.readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ');
  return ((Number(text[11]) + Number(text[12])) * 1000) / TICKS;
};
const residentMiB = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]) / 1024;
const rank = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
let missed = 0;

async function once(target) {
  const began = performance.now();
  const got = await request(server, 'GET', target);
  if (got.status !== 200) throw new Error(`${target}: ${got.status} ${got.text.slice(0, 300)}`);
  return [performance.now() - began, got];
}

async function tell(name, target, note = () => '') {
  if (!ONLY.test(name)) return;
  const [first, got] = await once(target);
  const took = [], before = cpuMs();
  for (let i = 0; i < ROUNDS; i++) took.push((await once(target))[0]);
  const cpu = (cpuMs() - before) / ROUNDS;
  took.sort((a, b) => a - b);
  const p95 = rank(took, 0.95);
  if (p95 > LIMIT_MS) missed++;
  const cells = [name, first.toFixed(0), rank(took, 0.5).toFixed(1), p95.toFixed(1), cpu.toFixed(1), p95 > LIMIT_MS ? 'no' : 'yes', note(got.data)];
  console.log(`| ${cells.join(' | ')} |`);
}

try {
  // ---- the roster, which the first question for a list of jobs fills ----
  const readyMiB = residentMiB(), readyCpu = cpuMs();
  const [window] = await once('/api/cron/jobs/compact?limit=60');
  const beganAll = performance.now();
  await once('/api/cron/jobs/compact?limit=1&sort=next');
  const all = performance.now() - beganAll;
  console.log(`resident ${readyMiB.toFixed(1)} MiB when ready, ${residentMiB().toFixed(1)} MiB with the roster; the first window of jobs after ` +
    `${window.toFixed(0)} ms, all of them after ${((window + all) / 1000).toFixed(2)} s (${((cpuMs() - readyCpu) / 1000).toFixed(2)} s of processor)\n`);
  console.log(`| question | first ms | p50 ms | p95 ms | processor ms | p95 ≤ ${LIMIT_MS} ms | |\n|---|---|---|---|---|---|---|`);

  // ---- jobs ----
  const JOB_TERMS = ['', 'status:failed', 'status:failed,timeout', '-status:success', 'name~01234', 'name:tarea-012345-casa',
    'cat:SYNC', 'cat:none', 'tag:team=t3', 'owner:persona-7', 'last<1h', 'next<10m', 'took>1m', 'p50>2s', 'p95>30s', 'fails>2',
    'success<50', 'cmd:shell', 'cron~MON', 'zone:UTC', 'priority<5', 'critical:yes', '012345', '"very many"', 'status:failed cat:SYNC'];
  const matched = (data) => `${data.matched} of ${data.total}`;
  for (const q of JOB_TERMS)
    await tell(`jobs \`${q}\``, `/api/cron/jobs/compact?limit=60&q=${encodeURIComponent(q)}`, matched);
  for (const sort of ['state', 'last', 'took', 'next', 'category'])
    await tell(`jobs by ${sort}`, `/api/cron/jobs/compact?limit=60&sort=${sort}`, matched);
  await tell('jobs, whole rows', '/api/cron/jobs?limit=50');
  await tell('jobs, whole rows, one category', '/api/cron/jobs?limit=50&category=SYNC');
  await tell('jobs, whole rows, that failed', '/api/cron/jobs?limit=50&status=failed');
  await tell('what can be asked', '/api/cron/filters');

  // ---- runs ----
  const RUN_TERMS = ['', 'status:failed', 'status:timeout,lost', 'status:running', '-status:success', 'status:success', 'trigger:manual',
    'took>30s', 'took>1h', 'lag>30ms', 'exit:3', 'exit:77', 'error~refused', 'error~aguja', 'error~nowhere', 'error:any', 'who:user:ana',
    'mem>60MB', 'cpu>890ms', 'attempt>1', 'started<1h', 'started>6d', 'started>5d started<6d', 'reason:failed', 'job:tarea-012345-casa',
    'job~01234', '012345', '-job~casa', 'cat:SYNC', 'cat:none', '-cat:SYNC', 'tag:team=t3', 'tag:nothing', 'owner:persona-7',
    'owner:nobody', 'status:failed cat:SYNC', 'status:failed owner:persona-7', 'took>1m owner:persona-7', 'took>1h cat:SYNC'];
  const rows = (data) => `${data.data.length}${data.nextCursor ? ' and more' : ''}`;
  for (const q of RUN_TERMS) await tell(`runs \`${q}\``, `/api/cron/executions?limit=50&q=${encodeURIComponent(q)}`, rows);
  const { nextCursor } = await ask(server, 'GET', '/api/cron/executions?limit=50&q=cat:SYNC', 200);
  if (nextCursor) await tell('runs `cat:SYNC`, second page', `/api/cron/executions?limit=50&q=cat:SYNC&cursor=${encodeURIComponent(nextCursor)}`, rows);

  // ---- what is drawn of time, and the figures ----
  const day = (days) => new Date(Date.parse('2026-11-20T00:00:00Z') + days * 86400000).toISOString();
  const planned = (data) => `${data.load?.planned ?? data.planned ?? ''} planned`;
  const calendar = (step, from, to) => `/api/cron/calendar?step=${step}&from=${day(from)}&to=${day(to)}`;
  await tell('Round', '/api/cron/round', planned);
  await tell('calendar: a day', calendar('hour', 0, 0));
  await tell('calendar: a week', calendar('hour', -4, 2));
  await tell('calendar: a month', calendar('day', -19, 10));
  await tell('overview', '/api/cron/dashboard');
  await tell('monitoring', '/api/cron/monitoring');
  await tell('alerts', '/api/cron/alerts', (data) => `${data.data.length} alerts`);
  console.log(missed ? `\n${missed} over ${LIMIT_MS} ms.` : `\nAll within ${LIMIT_MS} ms.`);
} finally {
  await server.finish();
}

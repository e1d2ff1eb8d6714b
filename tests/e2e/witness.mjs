// The independent witness: compares three accounts of the same minutes, using none of Sereno's code.
//  1. what was due: the job table of the script, expanded by croner
//  2. what started: lines the jobs themselves appended (run id, due instant, attempt, job)
//  3. what is on record: the database, read by the sqlite3 program
// Usage: node witness.mjs --jobs FILE --lines FILE --db FILE --from MS --to MS [--slack MS] [--warden-kills MS,MS]
// Exit 0 when the three agree; else every difference is a line and the exit code is 1.
import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../package.json', import.meta.url));
const { Cron } = require('croner');

const args = {};
for (let i = 2; i < process.argv.length; i += 2) args[process.argv[i].slice(2)] = process.argv[i + 1];
const from = Number(args.from), to = Number(args.to), slack = Number(args.slack ?? 3000);
const wardenKills = (args['warden-kills'] ?? '').split(',').filter(Boolean).map(Number);
const differences = [];
const differ = (job, due, what) => differences.push(`${job} ${new Date(due).toISOString()}: ${what}`);

// name \t schedule \t time zone \t kind; made before the run by the script
const jobs = readFileSync(args.jobs, 'utf8').trim().split('\n').map((line) => {
  const [name, schedule, timezone, kind] = line.split('\t');
  return { name, schedule, timezone, kind };
});

function dueInstants({ schedule, timezone }) {
  const cron = new Cron(schedule, { timezone, paused: true });
  const list = [];
  for (let at = new Date(from - 1); ;) {
    at = cron.nextRun(at);
    if (!at || at.getTime() > to) return list;
    list.push(at.getTime());
  }
}

function query(sql) {
  const text = execFileSync('sqlite3', ['-json', '-cmd', '.timeout 5000', `file:${args.db}?mode=ro`, sql],
    { encoding: 'utf8', maxBuffer: 1 << 30 });
  return text.trim() ? JSON.parse(text) : [];
}

// Runs started within `slack` of the script's own edges (import and pause) may or may not be there.
const isAtEdge = (due) => due < from + slack || due > to - slack;

const starts = new Map(); // "job due attempt" → run ids
const attempts = new Map(); // "job due" → set of attempts
for (const line of readFileSync(args.lines, 'utf8').split('\n')) {
  if (!line) continue;
  const [runId, dueText, attempt, job] = line.split(' ');
  if (!dueText || dueText === '-') continue; // asked for by hand
  const due = Date.parse(dueText);
  const key = `${job} ${due} ${attempt}`;
  starts.set(key, [...(starts.get(key) ?? []), runId]);
  const chain = `${job} ${due}`;
  attempts.set(chain, (attempts.get(chain) ?? new Set()).add(Number(attempt)));
}

const ledger = new Map(query('SELECT j."name" AS job, o."dueAt" AS due, o."state" AS state FROM "CronOccurrence" o JOIN "CronJob" j ON j."no" = o."job"')
  .map((row) => [`${row.job} ${row.due}`, row]));
const runs = query('SELECT e."id", j."name" AS job, e."dueAt" AS dueText, e."attempt", e."status", e."startedAt", e."output" FROM "CronExecution" e JOIN "CronJob" j ON j."id" = e."jobId"');
const runsByKey = new Map();
for (const run of runs) {
  if (!run.dueText) continue;
  const key = `${run.job} ${Date.parse(run.dueText)} ${run.attempt}`;
  runsByKey.set(key, [...(runsByKey.get(key) ?? []), run]);
}

let expected = 0, excused = 0;
for (const job of jobs) {
  const due = new Set(dueInstants(job));
  for (const at of due) {
    const began = starts.get(`${job.name} ${at} 1`) ?? [];
    const rows = runsByKey.get(`${job.name} ${at} 1`) ?? [];
    const row = ledger.get(`${job.name} ${at}`);
    if (isAtEdge(at) && began.length === 0) continue;
    expected++;
    if (began.length > 1) differ(job.name, at, `started ${began.length} times`);
    if (began.length === 0) {
      const wasKilledAtBirth = rows.length === 1 && rows[0].status === 'lost' &&
        wardenKills.some((k) => Math.abs(Date.parse(rows[0].startedAt) - k) < 3000);
      if (wasKilledAtBirth) excused++;
      else differ(job.name, at, `never started (record: ${rows.map((r) => r.status).join() || 'none'}, ledger: ${row?.state ?? 'no row'})`);
    }
    if (!row) differ(job.name, at, 'no row in the ledger');
    else if (row.state !== 1) differ(job.name, at, `ledger state ${row.state}, expected 1 (ran)`);
    if (rows.length !== 1) differ(job.name, at, `${rows.length} executions on record`);
    else if (began.length === 1 && rows[0].id !== began[0]) differ(job.name, at, `record says ${rows[0].id}, the job says ${began[0]}`);
  }
  const inWindow = (t) => t >= from && t <= to;
  for (const key of starts.keys()) {
    const [name, at] = key.split(' ');
    if (name === job.name && inWindow(Number(at)) && !due.has(Number(at))) differ(name, Number(at), 'started, but nothing was due');
  }
  for (const key of ledger.keys()) {
    const [name, at] = key.split(' ');
    if (name === job.name && inWindow(Number(at)) && !due.has(Number(at))) differ(name, Number(at), 'in the ledger, but nothing was due');
  }
}
for (const [key, list] of starts) if (list.length > 1 && !key.endsWith(' 1')) differ(key, 0, `attempt started ${list.length} times`);
for (const [key, list] of runsByKey) if (list.length > 1) differ(key, 0, `${list.length} executions of one attempt`);
for (const [chain, set] of attempts)
  for (const n of set) if (n > 1 && !set.has(n - 1)) {
    const [name, at] = chain.split(' ');
    const before = runsByKey.get(`${name} ${at} ${n - 1}`) ?? [];
    if (before[0]?.status !== 'lost') differ(name, Number(at), `attempt ${n} without attempt ${n - 1}`);
  }
const lost = runs.filter((r) => r.status === 'lost');
for (const run of runs) if (run.status === 'running' || run.status === 'queued') differ(run.job, Date.parse(run.startedAt), `still ${run.status} at the end`);
for (const run of lost)
  if (!wardenKills.some((k) => Date.parse(run.startedAt) <= k + 1000)) differ(run.job, Date.parse(run.startedAt), 'lost, but no warden was killed');
const kinds = new Map(jobs.map((j) => [j.name, j.kind]));
for (const run of runs)
  if (run.status === 'success' && kinds.get(run.job) && !String(run.output).includes(`end of ${run.job}`))
    differ(run.job, Date.parse(run.startedAt), 'its output is not complete');

for (const line of differences.slice(0, 50)) console.log(line);
if (differences.length > 50) console.log(`… and ${differences.length - 50} more`);
const counts = {};
for (const run of runs) counts[run.status] = (counts[run.status] ?? 0) + 1;
console.log(`witness: ${expected} due instants of ${jobs.length} jobs, ${starts.size} starts, ${excused} excused, ${lost.length} lost, ` +
  `${Object.entries(counts).map(([k, v]) => `${v} ${k}`).join(', ')}; ${differences.length} differences`);
process.exit(differences.length || expected === 0 ? 1 : 0);

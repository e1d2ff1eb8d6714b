// The pause endpoint: BENCH_DUE of BENCH_WORLDS, requests meanwhile, and the same logic in Node on the same PostgreSQL.
import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {cpu, door, due, fill, finish, pause, percentile, postgres, probe, say, server, status, tellProbe, total, watch} from './lib.mjs';

const here = path.dirname(new URL(import.meta.url).pathname);

async function measure(s) {
  const p = probe(s);
  await pause(2000);
  await p.take();
  await pause(6000);
  const idle = await p.take(), idleKb = status(s.child.pid, 'VmRSS'), cpuBefore = cpu(s.child.pid), eye = watch(s.child.pid), begin = performance.now();
  const told = await door(s);
  const seconds = (performance.now() - begin) / 1000, seen = await p.take(), most = eye.stop();
  p.end();
  const paused = told.stats.totalPaused;
  say(`- POST /api/cron/auto-pause-worlds: ${paused} of ${total + 100} worlds in ${seconds.toFixed(2)} s: **${(paused / seconds).toFixed(0)} worlds/s**, ${(cpu(s.child.pid) - cpuBefore).toFixed(2)} s CPU of serve (with the probe's requests)`);
  say(`- memory of serve: idle ${(idleKb / 1024).toFixed(1)} MB, most ${(most / 1024).toFixed(1)} MB: **+${((most - idleKb) / 1024).toFixed(1)} MB** (goal: < 64)\n`);
  say('| requests | what | p50 ms | p95 | p99 | max | count |\n|---|---|---|---|---|---|---|');
  tellProbe('idle', idle);
  tellProbe('while pausing', seen);
  const worst = Math.max(percentile(seen.healthz, 1), percentile(seen.message, 1));
  say(`\n- slowest request meanwhile ${worst.toFixed(0)} ms (goal: none > 50), the probe's own timer was late by ${percentile(seen.timer, 1).toFixed(0)} ms at most`);
  return paused / seconds;
}

export async function pauseOnSqlite() {
  const s = await server();
  await (await fill(s, null))();
  await measure(s);
}

export async function pauseOnPostgres() {
  const pg = postgres(), s = await server({DATABASE_URL: pg.url});
  const start = await fill(s, pg);
  for (const name of ['peer_loop', 'peer_batch']) pg.sql(`CREATE DATABASE ${name} TEMPLATE sereno`, 'postgres');
  await start();
  const ours = await measure(s);
  await finish(s);
  say(`\n| the same logic | worlds/s | memory above its idle | ours is |\n|---|---|---|---|`);
  for (const [how, text] of [['loop', 'Node + pg, a world after the other (stopped after 30 s)'], ['batch', 'Node + pg, arrays of 1,000, no history, no ledger']]) {
    const got = JSON.parse(execFileSync('node', [path.join(here, 'peer_pause.mjs'), pg.url.replace(/sereno$/, 'peer_' + how), how, '30'], {encoding: 'utf8'}));
    say(`| ${text} | ${got.perSecond.toFixed(0)} of ${got.found} found | +${got.memoryMB.toFixed(0)} MB | ${(ours / got.perSecond).toFixed(1)} × |`);
  }
}

// GET /healthz and messages while the six jobs of worlds run at once, beside idle.
import {due, fill, pause, percentile, probe, runJob, say, server, tellProbe, watch, status} from './lib.mjs';

export async function together() {
  const s = await server();
  await (await fill(s, null, 10 * due / 5, due / 5))();
  const p = probe(s);
  await pause(2000);
  await p.take();
  await pause(6000);
  const idle = await p.take(), eye = watch(s.child.pid), idleKb = status(s.child.pid, 'VmRSS');
  const jobs = ['cleanup', 'sync', 'auto-pause', 'memory-consolidation', 'emergent-events', 'delete-scheduled-worlds'];
  const begin = performance.now();
  do await Promise.all(jobs.map((name) => runJob(s, name))); while (performance.now() - begin < 6000);
  const seen = await p.take();
  p.end();
  say(`- the six jobs at once, again and again for ${((performance.now() - begin) / 1000).toFixed(1)} s; memory of serve +${((eye.stop() - idleKb) / 1024).toFixed(1)} MB\n`);
  say('| requests | what | p50 ms | p95 | p99 | max | count |\n|---|---|---|---|---|---|---|');
  tellProbe('idle', idle);
  tellProbe('all jobs at once', seen);
  say(`\n- p99 of /healthz: ${(percentile(seen.healthz, 0.99) / percentile(idle.healthz, 0.99)).toFixed(1)} times idle (goal: 2); of the probe's own timer: ${(percentile(seen.timer, 0.99) / percentile(idle.timer, 0.99)).toFixed(1)} times`);
}

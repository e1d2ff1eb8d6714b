// The world jobs inside the server, by the test clock: seeds, the two cron doors, what is told of worlds, restarts.
import {spawn, spawnSync} from 'node:child_process';
import path from 'node:path';
import {binary, serve, request, ask, test, equal, assert, until, pause, moveClock, makeJob} from './lib.mjs';

const secret = 'test-secret';
const pauseDoor = '/api/cron/auto-pause-worlds', deleteDoor = '/api/cron/delete-scheduled-worlds';
// Sunday 2026-11-01, 01:50 in Madrid.
const server = await serve({env: {CRON_SECRET: secret}, clockAt: '2026-11-01T00:50:00Z'});
const clock = (command) => moveClock(server, command);
const get = (target, status = 200) => ask(server, 'GET', target, status);
const patch = (target, body, status = 200) => ask(server, 'PATCH', target, status, {body});
const runs = async (job) => (await get('/api/cron/executions?limit=200&job=' + job)).data.reverse();
const door = (method, target, headers = {}) => request(server, method, target, {token: secret, headers});
const jobs = async () => (await get('/api/cron/jobs?limit=200')).data;
const registered = (await get('/api/cron/executors')).data.map((one) => one.name ?? one.command);

const seeds = {
  'cleanup': ['0 * * * *', 300, 3, null], 'sync': ['*/5 * * * *', 300, 1, null], 'auto-pause': ['0 */6 * * *', 300, 4, null],
  'memory-consolidation': ['0 3 * * *', 1800, 7, 'world-maintenance'], 'emergent-events': ['*/30 * * * *', 300, 5, null],
  'delete-scheduled-worlds': ['0 3 * * *', 300, 3, 'world-maintenance'], 'config_backup': ['30 3 * * *', 1800, 2, 'world-maintenance'],
  'system_backup': ['0 3 * * 0', 1800, 2, 'world-maintenance'], 'analytics_cleanup': ['0 5 * * *', 300, 8, null]};

await test('A-1_A-2_A-14_A-25_A-33_A-45_A-54_A-86_B-18_X-18_the_world_jobs_are_there', async () => {
  const due = async () => Object.fromEntries((await jobs()).filter((one) => one.nextRunAt).map((one) => [one.name, one]));
  const wanted = Object.keys(seeds).filter((name) => registered.includes(name));
  const there = await until(async () => { const got = await due(); return wanted.every((name) => got[name]) && got; }, 'next runs of all');
  for (const [name, want] of Object.entries(seeds)) {
    if (!registered.includes(name)) continue; // a build may lack one: then its job is not made
    const job = there[name];
    assert(job, 'no job ' + name);
    equal([job.schedule, job.timeout, job.priority, job.group ?? null], want, name);
    equal([job.command, job.timezone, job.isActive], [name, null, true], name);
  }
  equal(there['delete-scheduled-worlds'].nextRunAt, '2026-11-01T02:00:00.000Z'); // 03:00 in Madrid
});

await test('X-10_backup_then_delete_then_consolidation', async () => {
  await clock('set 2026-11-01T02:04:00Z');
  const of = async (name) => (await runs(name)).find((one) => one.dueAt === '2026-11-01T02:00:00.000Z');
  const group = ['system_backup', 'delete-scheduled-worlds', 'memory-consolidation'].filter((name) => registered.includes(name));
  for (const name of [...group, 'sync']) equal((await of(name))?.status, 'success', name + ' ' + (await of(name))?.errorMessage);
  const order = (await get('/api/cron/logs?limit=500')).data.map((line) => { try { return JSON.parse(line); } catch { return {}; } })
    .filter((line) => group.includes(line.job) && /started|completed/.test(line.msg))
    .map((line) => line.job + (line.msg.endsWith('started') ? ' +' : ' -'));
  equal(order, group.flatMap((name) => [name + ' +', name + ' -']));
});

await test('B-29_B-37_B-73_the_doors_need_the_secret', async () => {
  for (const target of [pauseDoor, deleteDoor]) for (const method of ['GET', 'POST']) {
    equal((await request(server, method, target, {token: null})).status, 401, method);
    equal((await request(server, method, target, {token: 'wrong-secret'})).status, 401, method);
  }
  equal((await door('GET', '/api/cron/jobs')).status >= 401, true); // nothing else
});

await test('B-31_B-37_B-38_B-48_X-9_X-24_what_runs_and_what_only_tells', async () => {
  await makeJob(server, {name: 'auto-pause-worlds'}); // takes nothing from the door
  const count = async () => (await runs('auto-pause')).length;
  const before = await count();
  const told = await door('GET', pauseDoor);
  equal([told.status, told.data.success, typeof told.data.stats.totalPaused, typeof told.data.savings.savedUSD], [200, true, 'number', 'number']);
  equal(await count(), before);
  equal((await door('GET', pauseDoor, {'User-Agent': 'vercel-cron/1.0'})).status, 200);
  equal((await door('GET', pauseDoor + '?run=1')).status, 200);
  const ran = await door('POST', pauseDoor);
  equal(ran.status, 200);
  equal(await count(), before + 3);
  const {success, stats, durationMs} = ran.data;
  equal([success, durationMs > 0 && durationMs < 300000], [true, true]);
  for (const key of ['totalPaused', 'pausedBy24h', 'pausedBy7d', 'pausedBy30d', 'skippedFavorites', 'skippedWithEvents']) equal(stats[key], 0, key);
  for (const key of ['llmCalls', 'redisMemoryMB', 'costUSD']) equal(stats.estimatedSavings[key], 0, key);
  const deleted = await door('POST', deleteDoor);
  equal([deleted.status, deleted.data.success, deleted.data.deleted, deleted.data.failed, deleted.data.failedWorldIds], [200, true, 0, 0, []]);
});

await test('A-57_A-58_A-88_X-19_the_manager_tells_of_jobs_and_live_state', async () => {
  for (const name of ['cleanup', 'sync', 'auto-pause', 'memory-consolidation', 'emergent-events', 'delete-scheduled-worlds'])
    equal((await ask(server, 'POST', '/api/admin/cron-jobs', 200, {body: {action: 'run', jobName: name}, headers: {Prefer: 'wait=60'}})).success, true, name);
  const {data} = await until(async () => { const got = await get('/api/admin/cron-jobs'); return got.data.redis.available && got; }, 'the probe');
  for (const key of ['cleanup', 'sync', 'autoPause', 'memoryConsolidation', 'emergentEvents']) assert(data.jobMetrics[key], key + ': no metrics');
  equal([data.redis.mode, data.redis.database, data.redis.reduced], ['embedded', 'sqlite', false]);
  assert(data.redis.durability.length > 0, 'durability');
  for (const key of ['worldsCleaned', 'orphanLocksRemoved', 'tempEventsCleanedCount']) equal(data.jobMetrics.cleanup[key], 0, key);
  const metrics = (await request(server, 'GET', '/metrics')).text;
  for (const line of ['sereno_worlds_up 1', 'sereno_worlds_dirty 0', 'sereno_job_result{job="cleanup",metric="worldsCleaned"} 0']) assert(metrics.includes(line + '\n'), line);
  const health = (await get('/healthz?verbose=true')).checks;
  equal([health.worlds, health.live], [true, true]);
});

await test('A-79_A-80_A-85_each_job_alone_in_order_and_twice', async () => {
  for (const name of ['cleanup', 'sync', 'auto-pause', 'cleanup', 'sync', 'auto-pause'])
    equal((await ask(server, 'POST', '/api/admin/cron-jobs', 200, {body: {action: 'run', jobName: name}, headers: {Prefer: 'wait=60'}})).success, true, name);
});

await test('A-90_A-91_B-63_the_doctor_tells', async () => {
  const doctor = (...args) => spawnSync(binary, ['doctor', ...args, '--data', server.data], {encoding: 'utf8', env: {...process.env, SERENO_URL: 'http://127.0.0.1:' + server.port, SERENO_TOKEN: server.token}});
  const cleanup = doctor('cleanup').stdout;
  for (const text of ['next run', 'last due instant', 'start-up', 'live state', 'embedded']) assert(cleanup.includes(text), text + ' in:\n' + cleanup);
});

await test('a_deleted_seed_stays_deleted_and_a_missing_one_comes_once', async () => {
  await ask(server, 'DELETE', '/api/cron/jobs/emergent-events', 204);
  const before = (await jobs()).map((one) => one.name);
  await server.stop();
  await server.start();
  await clock('advance 1m');
  equal((await jobs()).map((one) => one.name), before);
});

await test('B-74_other_addresses_find_the_doors_closed', async () => {
  const other = await serve({env: {CRON_SECRET: secret, SERENO_API_CRON_NETS: '203.0.113.0/24', SERENO_API_PROXY_NETS: '127.0.0.1'}});
  const knock = (headers) => request(other, 'POST', deleteDoor, {token: secret, headers});
  equal((await knock({})).status, 403);
  equal((await knock({'X-Forwarded-For': '198.51.100.1'})).status, 403);
  equal((await knock({'X-Forwarded-For': '203.0.113.7'})).status, 200);
  const audit = (await ask(other, 'GET', '/api/admin/audit-log', 200)).data;
  assert(audit.some((row) => row.action === 'cron.refused'), 'audited');
  await other.finish();
});

await test('B-29_without_a_secret_the_doors_are_closed', async () => {
  const other = await serve();
  const got = await request(other, 'POST', pauseDoor, {token: null});
  equal([got.status, got.data.code], [503, 'cron_secret_not_configured']);
  await other.finish();
});

await test('X-19_without_live_state_jobs_succeed_and_what_is_reduced_is_said', async () => {
  const other = await serve({env: {SERENO_LIVE_MODE: 'none'}});
  const six = ['cleanup', 'sync', 'auto-pause', 'memory-consolidation', 'emergent-events', 'delete-scheduled-worlds'];
  for (const name of six) {
    await until(async () => (await request(other, 'GET', '/api/cron/jobs/' + name)).status === 200, name);
    equal((await ask(other, 'POST', `/api/cron/jobs/${name}/run`, 200, {body: {}, headers: {Prefer: 'wait=60'}})).status, 'success', name);
  }
  const {redis} = (await until(async () => { const got = (await ask(other, 'GET', '/api/admin/cron-jobs', 200)).data; return got.redis.available && got; }, 'the probe'));
  equal([redis.mode, redis.reduced, redis.reducedBecause.length > 0], ['none', true, true]);
  await other.finish();
});

await test('a_database_that_is_away_is_told_and_everything_else_runs', async () => {
  const other = await serve({env: {DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none?connect_timeout=1', SERENO_STORE_CRON: 'embedded', CRON_SECRET: secret}});
  const health = await until(async () => { const got = await request(other, 'GET', '/healthz?verbose=true'); return got.data.checks.worlds === false && got; }, 'worlds down');
  equal(health.status, 503);
  assert(health.data.checks.why, 'the reason');
  equal((await request(other, 'GET', '/readyz')).status, 200);
  await until(async () => (await request(other, 'GET', '/api/cron/jobs/auto-pause')).status === 200, 'the job');
  equal((await request(other, 'GET', pauseDoor, {token: secret})).status, 503);
  await makeJob(other, {name: 'plain'});
  equal((await ask(other, 'POST', '/api/cron/jobs/plain/run', 200, {body: {}, headers: {Prefer: 'wait=30'}})).status, 'success');
  await other.finish();
});

// DESIGN 7: a job that asks the server when it dies gives its attempt up and is repeated without being counted.
await test('A-85_a_job_whose_server_was_killed_is_repeated', async () => {
  const other = await serve();
  const ofJob = async () => (await ask(other, 'GET', '/api/cron/executions?job=analytics_cleanup', 200)).data.reverse();
  await until(async () => (await request(other, 'GET', '/api/cron/jobs/analytics_cleanup')).status === 200, 'the job');
  await until(async () => (await request(other, 'GET', '/healthz')).status === 200, 'health');
  const holder = spawn('sqlite3', [path.join(other.data, 'worlds.db')]); // whoever writes waits for it
  holder.stdin.write("BEGIN IMMEDIATE;\nSELECT 'held';\n");
  await new Promise((done) => holder.stdout.once('data', done));
  await ask(other, 'POST', '/api/cron/jobs/analytics_cleanup/run', 202, {body: {}});
  await until(async () => (await ofJob())[0]?.status === 'running', 'the run');
  await pause(300); // for its call to be under way
  other.child.kill('SIGKILL');
  await other.ended;
  holder.kill('SIGKILL');
  await other.start();
  const [first, second] = await until(async () => { const all = await ofJob(); return all[1]?.finishedAt && all; }, 'the second attempt');
  equal([first.status, first.exitCode, first.attempt, second.status, second.attempt, second.triggeredBy], ['failed', 75, 1, 'success', 2, 'retry']);
  assert(first.errorMessage.includes('the server went away'), first.errorMessage);
  equal((await ask(other, 'GET', '/api/cron/jobs/analytics_cleanup', 200)).consecutiveFailures ?? 0, 0);
  await other.finish();
});

await server.finish();

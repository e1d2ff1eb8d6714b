// The acceptance checks of the world jobs (A-*, and what belongs to them), from outside and by the test clock: fixtures
// by HTTP and SQL, runs by hand and by schedule, results in answers, in the manager's figures, in Prometheus and in
// SQL. Names begin with the ids docs/coverage.tsv refers to.
import {spawn, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {binary, request, ask, test, equal, assert, until, makeJob} from './lib.mjs';
import {worldServer, script, six, minute, hour, day} from './worlds_lib.mjs';

const w = await worldServer();
const {server} = w;
const kv = async () => (await w.get('/api/worlds/status')).live;
const manager = async () => (await w.get('/api/admin/cron-jobs')).data;
const putState = (id, body) => w.send('PUT', `/api/worlds/${id}/state`, 200, w.app, body);
const state = (id) => w.get(`/api/worlds/${id}/state`, 200, w.app);
const gauge = async (job, metric) => Number(new RegExp(`^sereno_job_result\\{job="${job}",metric="${metric}"\\} (\\S+)$`, 'm').exec(await w.metrics())?.[1]);
// A lock whose holder died: nobody renews it, its lease is over.
const orphan = (id, token) => w.sql(`INSERT INTO lock (id, node, epoch, token, until_ms) VALUES ('${id}', 'a dead one', 1, ${token}, ${w.now - 1000})`, 'live.db');

// ---- cleanup ----
await test('A-7_A-8_A-9_A-10_cleanup_counts_worlds_locks_and_events', async () => {
  for (const id of ['c1', 'c2', 'c3', 'busy']) {
    await w.make(id);
    await w.say(id);
  }
  const old = w.at(w.now - 2 * hour);
  await putState('busy', {events: [1, 2, 3, 4, 5].map((data) => ({at: old, data})).concat([{at: w.at(w.now + 55 * minute), data: 'young'}])});
  await w.clock('advance 61m');
  await w.say('busy');
  for (const [i, id] of ['lock-1', 'lock-2'].entries()) orphan(id, i + 1);
  const before = (await w.get('/api/worlds/status')).live ?? await kv();
  const result = await w.run('cleanup');
  const want = {worldsCleaned: 3, orphanLocksRemoved: 2, tempEventsCleanedCount: 5};
  for (const [metric, count] of Object.entries(want)) {
    equal(result[metric], count, metric);
    equal((await manager()).jobMetrics.cleanup[metric], count, 'the manager: ' + metric);
    equal(await gauge('cleanup', metric), count, 'Prometheus: ' + metric);
  }
  equal((await state('busy')).events.map((one) => one.data), ['young']);
  equal(w.sql('SELECT count(*) AS n FROM lock', 'live.db'), [{n: 0}]);
  equal(w.sql('SELECT id FROM world', 'live.db'), [{id: 'busy'}]);
  assert(result.memoryFreedBytes > 0 && result.estimateMethod === 'measured', JSON.stringify([before, result]));
  equal(await gauge('cleanup', 'memoryFreedBytes'), result.memoryFreedBytes);
});
await test('A-3_X-7_sixty_one_minutes_go_and_an_hour_stays', async () => {
  await w.clock('advance 2h');
  await w.run('cleanup');
  for (const id of ['m61', 'm60', 'm59']) await w.make(id);
  await w.say('m61', 'vor');
  await w.clock('advance 1m');
  await w.say('m60');
  await w.clock('advance 1m');
  await w.say('m59');
  await w.clock('advance 59m');
  equal((await w.run('cleanup')).worldsCleaned, 1);
  equal(w.sql('SELECT id FROM world ORDER BY id', 'live.db'), [{id: 'm59'}, {id: 'm60'}]);
  equal(w.sql(`SELECT "text" FROM "WorldInteraction" WHERE "worldId" = 'm61'`), [{text: 'vor'}]);
});
await test('X-20_freed_bytes_are_measured', async () => {
  await w.make('big');
  await w.say('big');
  await putState('big', {core: {blob: 'k'.repeat(10 * 1024)}});
  for (let i = 0; i < 10; i++) await putState('big', {session: {['set' + i]: 's'.repeat(512 * 1024)}});
  const {bytes} = (await w.row('big')).live;
  assert(bytes > 5 * 1024 * 1024 + 10 * 1024, 'it holds ' + bytes);
  await w.clock('advance 62m');
  const cleaned = await w.run('cleanup');
  assert(cleaned.memoryFreedBytes >= bytes && cleaned.memoryFreedBytes < 1.01 * bytes, JSON.stringify(cleaned));
  equal([cleaned.estimateMethod, Math.round(cleaned.estimatedMemoryFreedMB * 1048576)], ['measured', cleaned.memoryFreedBytes]);
  // the same by the pause: its live state is there when the ladder's step comes
  await w.settings({cleanupIdleSec: 7 * 86400});
  await w.say('big');
  await state('big');
  await putState('big', {core: {touched: 'yes'}});
  const live = (await w.row('big')).live.bytes;
  assert(live > 5 * 1024 * 1024, 'it is live again with its working set: ' + live);
  await w.clock('advance 25h');
  const paused = (await w.run('auto-pause')).stats.estimatedSavings;
  equal(paused.estimateMethod, 'measured');
  assert(Math.abs(paused.redisMemoryMB * 1048576 - live) < 0.01 * live + 4096, JSON.stringify([paused, live]));
  await w.settings({cleanupIdleSec: 3600});
});
await test('A-6_live_state_is_really_given_back', async () => {
  const release = process.env.SERENO_RELEASE_BIN || binary;
  const folder = fs.mkdtempSync(path.join(server.folder, 'redis-'));
  const modes = [['embedded', {}], ['redis', {REDIS_URL: script('redis.sh', 'start', folder)}]];
  const rss = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
  try {
    for (const [mode, env] of modes) {
      const b = await worldServer({env, program: release}); // a sanitizer keeps what was freed
      const holder = mode === 'redis' ? Number(fs.readFileSync(path.join(folder, 'redis.pid'), 'utf8')) : b.server.child.pid;
      const used = async () => (await until(async () => { const {redis} = (await b.get('/api/admin/cron-jobs')).data; return redis.available && redis; }, 'the probe')).usedBytes;
      const megabyte = 'm'.repeat(1000 * 1000);
      for (let i = 0; i < 200; i++) {
        await b.make('f' + i);
        await b.say('f' + i);
        await b.send('PUT', `/api/worlds/f${i}/state`, 200, b.app, {session: {megabyte}});
      }
      const full = await until(async () => { const n = await used(); return n >= 200e6 && n; }, '200 MB');
      const fullRss = rss(holder), file = path.join(b.server.data, 'live.db');
      await b.clock('advance 61m');
      equal((await b.run('cleanup')).worldsCleaned, 200, mode);
      await until(async () => (await used()) < 0.05 * full, mode + ': used bytes below 5 %');
      if (mode === 'redis') await until(() => rss(holder) < 0.5 * fullRss, `Redis gives its memory back: ${fullRss} MB`);
      else {
        await until(async () => { await b.run('cleanup'); return fs.statSync(file).size < 0.05 * full; }, 'the file shrinks'); // 16 MB a second
        console.log(`# embedded: ${Math.round(full / 1e6)} MB of state with ${Math.round(fullRss)} MB resident, then ${Math.round(rss(holder))} MB`);
      }
      b.server.child.kill('SIGTERM');
      await b.server.ended;
      fs.rmSync(b.server.folder, {recursive: true, force: true});
    }
  } finally { script('redis.sh', 'stop', folder); }
});

// ---- sync ----
await test('A-16_X-6_activity_is_the_databases_once_it_is_saved', async () => {
  await w.make('t');
  await w.say('t');
  const at = w.now;
  await w.clock('advance 3m');
  await w.run('sync');
  equal(w.sql(`SELECT "lastActiveAt" FROM "World" WHERE "id" = 't'`), [{lastActiveAt: w.at(at)}]);
  w.sql(`UPDATE "World" SET "lastActiveAt" = '${w.at(w.now - 25 * hour)}' WHERE "id" = 't'`); // the seed's UPDATE
  await w.run('sync');
  equal(w.sql(`SELECT "lastActiveAt" FROM "World" WHERE "id" = 't'`), [{lastActiveAt: w.at(w.now - 25 * hour)}]);
  equal((await w.door('auto-pause')).stats.totalPaused, 1);
  equal(w.sql(`SELECT "isPaused", "pauseReason" FROM "World" WHERE "id" = 't'`), [{isPaused: 1, pauseReason: 'inactivity_24h'}]);
});
await test('A-16_A-66_a_zombie_that_ticks_is_paused', async () => {
  await w.settings({tickWhenIdle: true});
  await w.make('zombie');
  await w.say('zombie');
  const begin = w.now;
  for (let i = 0; i < 300; i++) { // 25 hours, every five minutes
    await w.clock('advance 5m');
    equal((await w.post('/api/worlds/zombie/tick', {n: 5}, 200, w.app)).allowed, true);
    await w.run('sync');
  }
  equal([(await state('zombie')).ticks, (await w.row('zombie')).lastActiveAt], [1500, w.at(begin)]);
  await w.run('auto-pause');
  equal(w.sql(`SELECT "isPaused", "lastActiveAt" FROM "World" WHERE "id" = 'zombie'`), [{isPaused: 1, lastActiveAt: w.at(begin)}]);
});
await test('A-28_B-4_no_tick_after_the_pause', async () => {
  await w.make('ticking');
  await w.say('ticking');
  await w.clock('advance 23h');
  await w.clock('advance 50m');
  const ticks = async () => (await state('ticking')).ticks;
  const tenMinutes = async (status) => {
    for (let i = 0; i < 10; i++) {
      await w.clock('advance 1m');
      await w.post('/api/worlds/ticking/tick', {}, status, w.app);
    }
  };
  await tenMinutes(200);
  equal(await ticks(), 10);
  equal((await w.run('auto-pause')).stats.pausedBy24h, 1);
  await tenMinutes(409);
  equal(await ticks(), 10);
  await w.say('ticking');
  await w.post('/api/worlds/ticking/tick', {}, 200, w.app);
  equal(await ticks(), 11, 'it goes on where it stood');
  await w.settings({tickWhenIdle: false});
});
await test('A-22_state_is_in_the_database_within_five_minutes', async () => {
  const b = await worldServer({clockAt: '2026-11-01T00:00:00Z', cron: true});
  await b.clock('advance 1s');
  await b.make('p');
  await b.say('p', 'kept');
  await b.send('PUT', '/api/worlds/p/state', 200, b.app, {core: {mood: 'calm'}});
  await b.clock('set 2026-11-01T00:05:01Z');
  await b.kill(); // the power goes, and the live state with it
  for (const name of fs.readdirSync(b.server.data)) if (name.startsWith('live.db')) fs.rmSync(path.join(b.server.data, name));
  equal(b.sql(`SELECT "text" FROM "WorldInteraction" WHERE "worldId" = 'p'`), [{text: 'kept'}]);
  equal(b.sql(`SELECT "lastActiveAt" FROM "World" WHERE "id" = 'p'`), [{lastActiveAt: '2026-11-01T00:00:01.000Z'}]);
  await b.server.start();
  b.server.token = fs.readFileSync(path.join(b.server.data, 'admin.token'), 'utf8').trim();
  const back = await until(async () => { const got = await request(b.server, 'GET', '/api/worlds/p/state', {token: b.service}); return got.status === 200 && got.data; }, 'the state');
  equal(back.core.mood, 'calm');
  await b.server.finish();
});

// ---- all jobs ----
const tables = ['World', 'WorldState', 'WorldStats', 'WorldInteraction', 'WorldEvent', 'WorldSummary', 'InteractionArchive', 'WorldPause', 'WorldHistory', 'WorldMail', 'WorldTombstone', 'WorldDay', 'NarrativeMetric'];
const dump = () => Object.fromEntries(tables.map((table) => [table, w.sql(`SELECT * FROM "${table}" ORDER BY 1, 2, 3`)]));
const long = (id, count) => w.sql(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
  INSERT INTO "WorldInteraction" ("worldId", "turn", "at", "speaker", "isUser", "text") SELECT '${id}', i, strftime('%Y-%m-%dT%H:%M:%fZ', ${w.now / 1000} - 3600 + i, 'unixepoch'), 'Ana', 1, 'We walked to the harbour and spoke of day ' || i || '.' FROM n;
  UPDATE "World" SET "interactions" = ${count} WHERE "id" = '${id}'`);
await test('A-85_every_job_twice_changes_nothing_the_second_time', async () => {
  await w.make('e-sync');
  await w.make('e-clean');
  await w.make('e-pause');
  await w.make('e-long');
  await w.make('e-story', {storyMode: true, story: {characters: [{name: 'Ana', place: 'harbour'}, {name: 'Luis', place: 'tower'}]}});
  await w.make('e-gone');
  long('e-long', 1001);
  await w.say('e-story');
  w.sql(`UPDATE "World" SET "lastActiveAt" = '${w.at(w.now - 25 * hour)}' WHERE "id" = 'e-pause'`);
  const doomed = w.now - 38 * day;
  w.sql(`UPDATE "World" SET "lastActiveAt" = '${w.at(doomed)}' WHERE "id" = 'e-gone'`);
  await w.say('e-clean');
  await w.clock('advance 61m');
  await w.run('auto-pause'); // marks e-gone
  await w.clock('advance 8d');
  await w.run('auto-pause'); // warns of it, a day before
  await w.clock('advance 2d');
  await w.make('e-clean2');
  await w.say('e-clean2');
  await w.clock('advance 61m');
  for (let i = 0; i < 25; i++) {
    await w.say('e-story', 'The same words again and again.', {speaker: i % 2 ? 'Ana' : 'Luis', place: 'harbour'});
    await w.clock('advance 1m');
  }
  await w.say('e-sync');
  await w.make('e-pause2');
  w.sql(`UPDATE "World" SET "lastActiveAt" = '${w.at(w.now - 26 * hour)}' WHERE "id" = 'e-pause2'`);
  const counts = {
    'sync': ['worldsSynced', 'successfulUpdates'], 'cleanup': ['worldsCleaned'], 'auto-pause': ['worldsPaused'],
    'emergent-events': ['eventsGenerated', 'eventsApplied'], 'delete-scheduled-worlds': ['deleted'],
    'memory-consolidation': ['worldsConsolidated', 'interactionsDeleted', 'summariesCreated']};
  for (const [job, metrics] of Object.entries(counts)) {
    const first = await w.run(job);
    for (const metric of metrics) assert(first[metric] > 0, `${job}: ${metric} is ${first[metric]} the first time: ${JSON.stringify(first)}`);
    const before = dump(), second = await w.run(job);
    for (const metric of metrics) equal(second[metric], 0, `${job}, again: ${metric}`);
    if (job === 'emergent-events') continue; // measures anew: worldsEvaluated may count
    const after = dump();
    for (const table of tables) equal(after[table], before[table], `${job}: "${table}"`);
  }
});
await test('A-81_the_switch_is_for_the_schedule_only', async () => {
  await w.clock('advance 61m');
  await w.run('cleanup');
  await w.make('stale');
  await w.say('stale');
  await w.clock('advance 61m');
  const ran = w.cliJson('run', 'cleanup');
  equal([ran.status, ran.result.worldsCleaned], ['success', 1]);
});
await test('A-84_jobs_that_hang_block_no_request', async () => {
  await w.make('held');
  await w.say('held', 'before');
  const holder = spawn('sqlite3', [path.join(server.data, 'worlds.db')]); // whoever writes waits for it
  holder.stdin.write("BEGIN IMMEDIATE;\nSELECT 'held';\n");
  await new Promise((done) => holder.stdout.once('data', done));
  const runs = [];
  for (const job of ['sync', 'cleanup', 'auto-pause', 'emergent-events']) runs.push((await w.post(`/api/cron/jobs/${job}/run`, {}, 202)).executionId);
  const status = async (id) => (await w.get('/api/cron/executions/' + id)).status;
  await until(async () => (await status(runs[0])) === 'running', 'a run that waits');
  for (let i = 0; i < 200; i++) equal((await request(server, 'GET', '/healthz', {token: null})).status, 200);
  for (let i = 0; i < 20; i++) await w.say('held', 'meanwhile');
  equal(await status(runs[0]), 'running', 'sync, meanwhile:');
  holder.stdin.end('ROLLBACK;\n');
  for (const id of runs) await until(async () => (await status(id)) === 'success', 'its end');
});
await test('A-82_one_file_a_job_and_its_page', async () => {
  const registry = fs.readFileSync('executors/registry.def', 'utf8'), docs = fs.readFileSync('docs/worlds.md', 'utf8');
  for (const job of six) {
    const name = job.replaceAll('-', '_');
    assert(fs.existsSync(`executors/${name}.c`), `executors/${name}.c`);
    assert(registry.includes(name), 'registry: ' + job);
    assert(docs.includes('| `' + job + '` |'), 'docs/worlds.md: ' + job);
  }
});
await test('A-100_a_licence_and_nothing_of_the_seeds_code', async () => {
  assert(/^MIT License/.test(fs.readFileSync('LICENSE', 'utf8')), 'LICENSE');
  const files = spawnSync('git', ['ls-files', 'src', 'executors', 'sql', 'tools', 'packaging'], {encoding: 'utf8'}).stdout.trim().split('\n');
  assert(files.length > 100, 'files of the tree');
  const seeds = /import \{ cronManager \}|from '@\/lib\/|node-cron|@prisma\/client|WorldPauseService\.(?!\w*$)|cronManager\.initialize\(\)/;
  for (const file of files) {
    assert(!/\.(ts|tsx)$/.test(file), file);
    assert(!seeds.test(fs.readFileSync(file, 'utf8')), file + ' holds code of a seed');
  }
});

// ---- stores that are away, secrets ----
await test('A-91_redis_down_is_named_by_doctor_log_and_manager', async () => {
  const folder = fs.mkdtempSync(path.join(server.folder, 'away-')), url = script('redis.sh', 'start', folder);
  const b = await worldServer({env: {REDIS_URL: url}});
  try {
    await b.make('r');
    await b.say('r');
    const doctor = () => b.cli('doctor', 'sync');
    equal(doctor().status, 0, doctor().stdout);
    script('redis.sh', 'kill9', folder);
    const got = await ask(b.server, 'POST', '/api/cron/jobs/sync/run', 200, {body: {}, headers: {Prefer: 'wait=60'}});
    equal(got.status, 'failed');
    await b.clock('advance 10m'); // one more attempt, then the chain has failed
    const told = await until(() => { const one = doctor(); return one.status === 1 && one; }, 'a doctor who sees it');
    assert(/WRONG live .*redis|WRONG live state +redis/i.test(told.stdout), told.stdout);
    assert(/1 failures in a row/.test(told.stdout), told.stdout);
    assert(b.log().some((line) => line.component === 'SyncJob' && line.level === 'error' && line.executionId === got.executionId && /redis|live/i.test(line.error)), 'the error line');
    const {cronManager, redis} = (await b.get('/api/admin/cron-jobs')).data;
    equal([cronManager.jobs.find((job) => job.name === 'sync').consecutiveFailures, redis.available], [1, false]);
    script('redis.sh', 'start', folder);
    await until(async () => (await ask(b.server, 'POST', '/api/cron/jobs/sync/run', 200, {body: {}, headers: {Prefer: 'wait=60'}})).status === 'success', 'it recovers by itself');
  } finally {
    script('redis.sh', 'stop', folder);
    await b.server.finish();
  }
});
await test('A-70_X-20_upstash_by_its_token_which_nobody_tells', async () => {
  const token = 'upstash-token-of-some-length', folder = fs.mkdtempSync(path.join(server.folder, 'rest-'));
  script('redis.sh', 'start', folder);
  const url = script('redis.sh', 'upstash', folder, token);
  const b = await worldServer({env: {UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token}});
  try {
    await b.make('u');
    await b.say('u');
    await b.make('v');
    await b.settings({cleanupIdleSec: 3600});
    await b.clock('advance 61m');
    await b.say('v');
    const cleaned = await b.run('cleanup');
    equal([cleaned.worldsCleaned, cleaned.estimateMethod, cleaned.memoryFreedBytes], [1, 'model', 10 * 1024]);
    await b.settings({cleanupIdleSec: 7 * 86400});
    await b.clock('advance 25h');
    const {stats} = await b.run('auto-pause');
    equal([stats.newlyPaused, stats.estimatedSavings.estimateMethod, stats.estimatedSavings.redisMemoryMB], [2, 'model', 10]);
    for (const job of six) await b.run(job);
    const {redis} = (await b.get('/api/admin/cron-jobs')).data;
    equal([redis.mode, redis.isMeasured], ['upstash', false]);
    await b.say('u'); // with the token wrong nothing of this would answer: the server compares it
    const seen = fs.readFileSync(b.server.log, 'utf8') + JSON.stringify(redis) + (await request(b.server, 'GET', '/healthz?verbose=true')).text + (await b.metrics()) +
      JSON.stringify(await b.get('/api/admin/config')) + JSON.stringify(await b.get('/api/cron/logs?limit=500')) + b.cli('doctor', 'sync').stdout +
      fs.readFileSync(`/proc/${b.server.child.pid}/cmdline`, 'utf8');
    assert(!seen.includes(token), 'the token is told: ' + seen.slice(Math.max(0, seen.indexOf(token) - 300), seen.indexOf(token)));
    const explained = spawnSync(binary, ['config', '--explain', '--data', b.server.data], {encoding: 'utf8', env: {...process.env, UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token}});
    assert(explained.status === 0 && !explained.stdout.includes(token), 'config --explain');
  } finally {
    await b.server.finish();
    script('redis.sh', 'stop', folder);
  }
});

// ---- schedules and alerts ----
await test('X-18_the_jobs_follow_the_settings_zone', async () => {
  const b = await worldServer({clockAt: '2026-11-01T12:00:00Z', cron: true});
  const all = async () => (await b.get('/api/cron/jobs?limit=200')).data;
  const next = async () => (await until(async () => (await all()).find((job) => job.name === 'delete-scheduled-worlds' && job.nextRunAt), 'next run')).nextRunAt;
  await next();
  equal((await all()).filter((job) => job.timezone !== null), []);
  equal(await next(), '2026-11-02T02:00:00.000Z'); // 03:00 in Madrid
  await b.send('PATCH', '/api/cron/settings', 200, {}, {timezone: 'Asia/Tokyo'});
  await until(async () => (await next()) === '2026-11-01T18:00:00.000Z', '03:00 in Tokyo');
  await b.server.finish();
});
await test('A-92_the_doctor_sees_a_job_that_fills_its_interval', async () => {
  const b = await worldServer({clockAt: '2026-11-01T12:00:00Z', cron: true});
  await makeJob(b.server, {name: 'slow', schedule: '* * * * *', params: {command: 'sleep 1000'}, timeout: 40});
  await makeJob(b.server, {name: 'quick', schedule: '* * * * *', timeout: 40});
  await b.clock('advance 3m');
  const slow = b.cli('doctor', 'slow').stdout, quick = b.cli('doctor', 'quick').stdout;
  assert(/^warn +slow +its runs take up to .*more than half of its interval/m.test(slow), slow);
  assert(!/more than half/.test(quick), quick);
  for (const told of [/schedule \* \* \* \* \*/, /timeout 40(\.0)? ?s/, /live state +embedded.*\bkB\b/, /database +sqlite, \d+ kB/]) assert(told.test(slow), told + ' in\n' + slow);
  await b.clock('advance 45s'); // the run at hand ends by its limit: nothing outlives the test
  await b.kill();
  await b.server.start();
  await b.server.finish();
});
await test('X-21_three_failures_alert_and_five_escalate', async () => {
  const b = await worldServer({clockAt: '2026-11-01T12:00:30Z', cron: true});
  const alerts = (name) => b.log().filter((line) => line.level === 'critical' && line.job === name).map((line) => [line.msg.split(' ')[1], line.failures]);
  await makeJob(b.server, {name: 'bad', schedule: '* * * * *', params: {command: 'false'}});
  await makeJob(b.server, {name: 'chained', schedule: '* * * * *', params: {command: 'false'}, maxRetries: 3, retryDelay: 1});
  await makeJob(b.server, {name: 'given up', schedule: '* * * * *', params: {command: 'false'}, disableAfter: 6});
  await b.clock('advance 2m');
  equal(alerts('bad'), []);
  equal(alerts('chained'), [], 'a chain is one failure:');
  await b.clock('advance 1m');
  equal([alerts('bad'), alerts('chained')], [[['ALERT:', 3]], [['ALERT:', 3]]]);
  await b.clock('advance 2m');
  equal(alerts('bad'), [['ALERT:', 3], ['ESCALATION:', 5]]);
  const active = async (name) => (await b.get('/api/cron/jobs/' + encodeURIComponent(name))).isActive;
  equal([await active('bad'), await active('given up')], [true, true]);
  await b.clock('advance 1m');
  equal([await active('bad'), await active('given up')], [true, false]);
  await b.clock('advance 44m');
  equal([await active('bad'), (await b.get('/api/cron/jobs/bad')).consecutiveFailures ?? 50, alerts('bad').length], [true, 50, 2]);
  await b.server.finish();
});
await server.finish();

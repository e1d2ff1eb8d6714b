// The acceptance checks of auto-pause (B-*, and what belongs to them), from outside and by the test clock: fixtures by
// HTTP and SQL, the cron doors with their secret, the tables as the seed names them. Names begin with the ids
// docs/coverage.tsv refers to.
import fs from 'node:fs';
import path from 'node:path';
import {request, test, equal, assert, until} from './lib.mjs';
import {worldServer, doors, secret, minute, hour, day} from './worlds_lib.mjs';

const w = await worldServer();
const {server} = w;
const of = (id, columns) => w.sql(`SELECT ${columns.map((one) => `"${one}"`).join(', ')} FROM "World" WHERE "id" = '${id}'`)[0];
const idle = (id, ms) => w.sql(`UPDATE "World" SET "lastActiveAt" = '${w.at(w.now - ms)}' WHERE "id" = '${id}'`);
const putState = (id, body) => w.send('PUT', `/api/worlds/${id}/state`, 200, w.app, body);
const refuses = (text) => { try { w.sql(text); } catch (error) { return String(error.stderr ?? error); } return ''; };

// ---- columns ----
await test('B-6_B-7_B-8_B-9_B-10_B-11_X-25_the_columns_of_the_seed', async () => {
  const columns = Object.fromEntries(w.sql('PRAGMA table_info("World")').map((one) => [one.name, one]));
  for (const name of ['isPaused', 'pausedAt', 'pauseReason', 'lastActiveAt', 'isFavorite', 'scheduledDeletion']) assert(columns[name], name);
  const indexed = new Set(w.sql('PRAGMA index_list("World")').flatMap(({name}) => w.sql(`PRAGMA index_info("${name}")`).map((one) => one.name)));
  for (const name of ['isPaused', 'lastActiveAt', 'scheduledDeletion']) assert(indexed.has(name), 'an index over ' + name);
  await w.make('plain');
  w.sql(`INSERT INTO "World" ("id", "name") VALUES ('by-sql', 'By SQL')`);
  const row = of('by-sql', ['isPaused', 'pausedAt', 'pauseReason', 'lastActiveAt', 'isFavorite', 'scheduledDeletion']);
  equal([row.isPaused, row.pausedAt, row.pauseReason, row.isFavorite, row.scheduledDeletion], [0, null, null, 0, null]);
  assert(Math.abs(Date.parse(row.lastActiveAt) - Date.now()) < 10 * minute, 'now, by the database: ' + row.lastActiveAt);
  for (const reason of ['inactivity_24h', 'inactivity_7d', 'inactivity_30d', 'manual', 'system', 'vacation']) equal(refuses(`UPDATE "World" SET "pauseReason" = '${reason}' WHERE "id" = 'by-sql'`), '', reason);
  assert(refuses(`UPDATE "World" SET "pauseReason" = 'boredom' WHERE "id" = 'by-sql'`).includes('CHECK'), 'another reason is refused');
  equal(w.sql(`SELECT "isPaused", "pauseReason", "pausedAt" FROM "World" WHERE id = 'plain'`), [{isPaused: 0, pauseReason: null, pausedAt: null}]);
  w.sql(`DELETE FROM "World" WHERE "id" = 'by-sql'`);
});
await test('B-7_A-27_pausedAt_and_status_follow_isPaused', async () => {
  for (const id of ['p1', 'p2', 'p3']) await w.make(id), idle(id, 25 * hour);
  equal((await w.door('auto-pause')).stats.pausedBy24h, 3);
  equal(w.sql(`SELECT count(*) AS n FROM "World" WHERE "isPaused" = 1 AND "status" = 'PAUSED' AND "pausedAt" IS NOT NULL`), [{n: 3}]);
  equal(w.sql(`SELECT count(*) AS n FROM "World" WHERE "isPaused" <> ("status" IN ('PAUSED', 'ARCHIVED')) OR ("pausedAt" IS NULL) = "isPaused"`), [{n: 0}]);
});

// ---- pausing frees, sleeps, saves ----
await test('B-3_A-29_a_paused_world_holds_no_live_state', async () => {
  await w.settings({cleanupIdleSec: 7 * 86400});
  await w.make('held');
  await w.say('held');
  await putState('held', {core: {mood: 'calm'}, session: {set: 's'.repeat(5000)}});
  const before = await w.get('/api/worlds/held/state', 200, w.app), bytes = (await w.row('held')).live.bytes;
  assert(bytes > 5000, 'live: ' + bytes);
  await w.clock('advance 25h');
  await w.door('auto-pause');
  const {live} = await w.row('held');
  equal([live?.isLive ?? false, live?.bytes ?? 0], [false, 0]);
  equal(w.sql(`SELECT count(*) AS n FROM world WHERE id = 'held'`, 'live.db'), [{n: 0}]);
  await w.post('/api/worlds/held/resume', {}, 200, w.as('owner'));
  const after = await w.get('/api/worlds/held/state', 200, w.app);
  equal([after.hash, after.core, after.session], [before.hash, before.core, before.session]);
});
await test('B-72_fifty_megabytes_hibernate', async () => {
  await w.make('huge');
  await w.say('huge');
  for (let i = 0; i < 56; i++) await putState('huge', {session: {['part' + i]: `${i}: ` + 'the old lighthouse keeper counts the ships '.repeat(21000)}});
  const before = await w.get('/api/worlds/huge/state', 200, w.app), {bytes} = (await w.row('huge')).live;
  assert(bytes > 50e6, 'it is big: ' + bytes);
  await w.clock('advance 25h');
  equal((await w.door('auto-pause')).stats.failed, 0);
  const [{codec, size}] = w.sql(`SELECT "codec", length("data") AS size FROM "WorldState" WHERE "worldId" = 'huge'`);
  equal([codec, size < bytes / 10], ['zstd', true]);
  const line = w.log().findLast((one) => one.worldId === 'huge' && one.msg === 'World state stored compressed');
  equal([line.bytes > 50e6, line.storedBytes, line.sizeRatio > 10], [true, size, true], 'its line:');
  equal((await w.say('huge', 'wake up')).resumed, true);
  equal((await w.get('/api/worlds/huge/state', 200, w.app)).session, before.session);
  await w.settings({cleanupIdleSec: 3600});
});
await test('B-55_U-36_savings_are_those_of_real_pauses', async () => {
  const ledger = async () => (await w.door('auto-pause', 200, 'GET')).savings;
  await w.make('saver');
  const before = await ledger();
  await w.post('/api/worlds/saver/pause', {}, 200, w.as('owner'));
  await w.clock('advance 48h');
  const others = w.sql(`SELECT count(*) AS n FROM "WorldPause" WHERE "endedAt" IS NULL`)[0].n;
  const after = await ledger();
  equal(Math.round((after.savedUSD - before.savedUSD) * 1000), Math.round(others * 2 * 0.08 * 1000), 'two days of ' + others);
  equal(Math.round(after.pausedWorldHours - before.pausedWorldHours), 48 * others);
  await w.post('/api/worlds/saver/resume', {}, 200, w.as('owner'));
  const [row] = w.sql(`SELECT "startedAt", "endedAt", "dailyMicroUSD" FROM "WorldPause" WHERE "worldId" = 'saver'`);
  equal([Date.parse(row.endedAt) - Date.parse(row.startedAt), row.dailyMicroUSD], [48 * hour, 80000]);
});
await test('B-50_prices_and_caps_are_settings', async () => {
  await w.settings({eventsPerDay: 4, eventCostUSD: 0.005});
  const model = await w.get('/api/admin/worlds/cost-model');
  equal([model.unitPrices.eventsPerDay, model.unitPrices.eventCostUSD, model.perWorldDayUSD], [4, 0.005, 0.08]);
  equal((await w.send('PATCH', '/api/admin/worlds/settings', 400, {}, {eventsPerDay: -1})).field, 'eventsPerDay');
  equal(w.cliJson('worlds', 'settings', 'eventsPerDay=10', 'eventCostUSD=0.002').eventsPerDay, 10);
});

// ---- why ----
await test('B-63_the_doctor_says_of_each_world_why_not', async () => {
  for (const id of ['d-fav', 'd-event', 'd-active', 'd-paused', 'd-due']) await w.make(id);
  await w.send('PUT', '/api/worlds/d-fav/favorite', 200, w.as('owner'), {});
  await w.post('/api/worlds/d-event/events', {type: 'feast', scheduledAt: w.at(w.now + 90 * day)}, 201, w.as('owner'));
  await w.post('/api/worlds/d-paused/pause', {}, 200, w.as('owner'));
  for (const id of ['d-fav', 'd-event', 'd-due']) idle(id, 30 * hour);
  idle('d-active', 5 * hour);
  const told = w.cli('doctor', 'worlds').stdout;
  const want = {'d-fav': 'favorite', 'd-event': 'future_event', 'd-active': 'active_5h', 'd-paused': 'manual_pause', p1: 'already_paused'};
  for (const [id, why] of Object.entries(want)) assert(new RegExp(`world +${id}: ${why};`).test(told), `${id}: ${why} in\n${told}`);
  assert(/world +d-due: .*will be paused by the next run/.test(told), told);
  assert(/CRON_SECRET +is set/.test(told) && /auto-pause +.*next run/.test(told), told);
});
await test('B-65_the_lifeline_keeps_isFavorite_as_it_was', async () => {
  await w.door('auto-pause');
  await w.send('PUT', '/api/worlds/d-due/favorite', 200, w.as('owner'), {});
  const [paused] = (await w.get('/api/worlds/d-due/history')).data.filter((one) => one.action === 'paused');
  equal([paused.actor, paused.detail.isFavorite, paused.detail.pauseReason], ['job:auto-pause', false, 'inactivity_24h']);
  equal((await w.row('d-fav')).isPaused, false);
});
await test('B-67_X-8_one_mail_on_day_six_and_none_twice', async () => {
  await w.make('mailed', {ownerEmail: 'owner@example.org'});
  const mails = async () => (await w.get('/api/admin/worlds/mails?world=mailed')).data.map((one) => one.kind);
  await w.clock('advance 5d');
  await w.door('auto-pause');
  equal(await mails(), []);
  await w.clock('advance 1d');
  await w.door('auto-pause');
  equal(await mails(), ['archive']);
  await w.clock('advance 6h');
  await w.door('auto-pause');
  equal(await mails(), ['archive']);
});

// ---- the doors ----
await test('X-29_durationMs_is_a_number_at_both_doors', async () => {
  for (const job of Object.keys(doors)) equal(typeof (await w.door(job)).durationMs, 'number', job);
});
await test('X-1_one_job_whatever_door_and_its_parameters_win', async () => {
  await w.make('early');
  idle('early', 3 * hour);
  equal((await w.door('auto-pause')).stats.newlyPaused, 0);
  await w.send('PATCH', '/api/cron/jobs/auto-pause', 200, {}, {params: {pauseAfterHours: 2}});
  const byDoor = await w.door('auto-pause');
  equal([byDoor.stats.newlyPaused >= 1, byDoor.worldsPaused === byDoor.stats.totalPaused, typeof byDoor.worldsEvaluated], [true, true, 'number']);
  equal(of('early', ['pauseReason', 'isPaused']), {pauseReason: 'inactivity_24h', isPaused: 1});
  await w.send('PATCH', '/api/cron/jobs/auto-pause', 200, {}, {params: {}});
  const runs = (await w.get('/api/cron/executions?job=auto-pause&limit=1')).data;
  equal([runs[0].jobName, runs[0].triggeredBy], ['auto-pause', 'api']);
});
await test('X-30_the_step_of_seven_days_archives_no_interactions', async () => {
  await w.make('quiet');
  await w.say('quiet');
  await w.clock('advance 8d');
  await w.run('sync');
  await w.door('auto-pause');
  equal(of('quiet', ['status', 'pauseReason']), {status: 'ARCHIVED', pauseReason: 'inactivity_7d'});
  equal(w.sql('SELECT count(*) AS n FROM "InteractionArchive"'), [{n: 0}]);
  equal(w.sql(`SELECT count(*) AS n FROM "WorldInteraction" WHERE "worldId" = 'quiet'`), [{n: 1}]);
  await w.make('talker');
  w.sql(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001)
    INSERT INTO "WorldInteraction" ("worldId", "turn", "at", "speaker", "isUser", "text") SELECT 'talker', i, '${w.at(w.now)}', 'Ana', 1, 'We spoke of day ' || i || '.' FROM n;
    UPDATE "World" SET "interactions" = 1001 WHERE "id" = 'talker'`);
  equal((await w.run('memory-consolidation')).interactionsDeleted, 901);
  equal(w.sql('SELECT sum("count") AS n FROM "InteractionArchive"'), [{n: 901}]);
  equal(of('talker', ['status']), {status: 'RUNNING'});
});
await test('U-18_an_erased_world_is_nowhere_but_in_its_tombstone', async () => {
  await w.say('talker', 'a last word');
  await putState('talker', {core: {mood: 'gone'}, events: [{at: w.at(w.now), data: 'temporary'}]});
  assert(w.sql(`SELECT count(*) AS n FROM "InteractionArchive" WHERE "worldId" = 'talker'`)[0].n > 0, 'it has an archive');
  equal(w.cliJson('worlds', 'erase', 'talker', '--yes', '--override').success, true);
  const found = [];
  for (const file of ['worlds.db', 'live.db', 'archive.db'])
    for (const {name} of w.sql(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`, file))
      if (w.sql(`SELECT * FROM "${name}"`, file).some((row) => Object.values(row).some((value) => String(value).includes('talker')))) found.push(`${file} ${name}`);
  equal(found, ['worlds.db WorldTombstone']);
  const exportsFolder = path.join(server.data, 'exports');
  equal(fs.existsSync(exportsFolder) ? fs.readdirSync(exportsFolder).filter((name) => name.includes('talker')) : [], []);
  assert((await w.get('/api/admin/audit-log?limit=50')).data.some((one) => one.object === 'world:talker' && one.action === 'world.erase.override'), 'on record');
});
await test('B-38_an_error_of_the_database_is_told', async () => {
  const other = await worldServer({clockAt: null, cron: true, env: {DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none?connect_timeout=1', SERENO_STORE_CRON: 'embedded'}});
  await until(async () => (await request(other.server, 'GET', '/api/cron/jobs/auto-pause')).status === 200, 'the job');
  const got = await request(other.server, 'POST', doors['auto-pause'], {token: secret});
  equal([got.status, got.data.success, got.data.error.length > 0], [500, false, true]);
  await other.server.finish();
});
await test('B-75_a_run_that_hangs_ends_in_a_timeout', async () => {
  const other = await worldServer();
  // Whatever hangs: every store gives up by itself after some real seconds, a program that sleeps does not.
  await other.send('PATCH', '/api/cron/jobs/auto-pause', 200, {}, {command: 'shell', params: {command: 'sleep 1000'}});
  const latest = async () => (await other.get('/api/cron/executions?job=auto-pause')).data[0]?.status;
  const answer = request(other.server, 'POST', doors['auto-pause'], {token: secret});
  await until(async () => (await latest()) === 'running', 'the run');
  await other.clock('advance 299s');
  equal(await latest(), 'running');
  await other.clock('advance 20s');
  const got = await answer;
  equal([got.status, got.data.success, got.data.status], [504, false, 'timeout']);
  equal(await latest(), 'timeout');
  await other.server.finish();
});
await server.finish();

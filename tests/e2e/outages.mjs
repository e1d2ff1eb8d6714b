// What is away and comes back (issue 5.6, A-91): Redis, PostgreSQL, the language model, room on the disk. Requests and jobs say
// what is away and never hang, nothing that was acknowledged is lost, and all recover without a restart. Real server, real stores.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import {Stand, binary, pause} from './worlds_stores.mjs';

const ANSWER_MS = 12000; // an answer that takes longer is a hang
let failures = 0;
const assert = (condition, text) => { if (!condition) throw new Error(text); };
async function test(name, body) {
  try {
    await body();
    console.log('ok ' + name);
  } catch (error) {
    failures++;
    console.log('not ok ' + name);
    console.log(String(error.stack || error).replace(/^/gm, '#   '));
  }
}

// ---- a world's messages, and what came of them ----
async function open(stand) {
  stand.service = (await stand.must('POST', '/api/admin/tokens', {body: {name: 'app-' + Math.random(), role: 'operator', scope: {worlds: true}}})).token;
  stand.said = new Map();
}
const make = (stand, id) => stand.must('POST', '/api/worlds', {token: stand.service, body: {id, ownerId: 'u', locale: 'es', storyMode: true}});
async function say(stand, id, text) {
  const begin = Date.now(), got = await stand.ask('POST', `/api/worlds/${id}/message`, {token: stand.service, user: 'u', body: {text}});
  assert(Date.now() - begin < ANSWER_MS, `a message took ${Date.now() - begin} ms`);
  if (got.status === 200) stand.said.set(text, {id, turn: got.data.turn});
  return got;
}
const mustSay = async (stand, id, text) => { const got = await say(stand, id, text); assert(got.status === 200, `${got.status} ${got.text.slice(0, 300)}`); };
function refused(got, pattern) {
  assert(got.status === 503 || got.status === 507, `${got.status} ${got.text.slice(0, 300)}`);
  assert(pattern.test(got.data?.detail ?? ''), 'the answer does not say what is away: ' + got.text.slice(0, 300));
}
const job = async (stand, name) => {
  const got = await stand.runJob(name), run = got.data?.execution ?? got.data ?? {};
  return {http: got.status, status: run.status, error: run.errorMessage ?? run.output ?? got.text};
};
async function failing(stand, name, pattern) {
  const run = await job(stand, name);
  assert(run.status === 'failed' || run.status === 'timeout', `${name}: ${run.http} ${run.status} ${run.error}`);
  assert(pattern.test(run.error), `${name} does not say what is away: ${run.error}`);
}
async function succeeding(stand, name) {
  const run = await job(stand, name);
  assert(run.status === 'success', `${name}: ${run.http} ${run.status} ${run.error}`);
}
// Each lane connects again by itself, at most once a second: not the first run has to succeed.
const soon = (stand, names) => Promise.all(names.map((name) => stand.until(async () => (await job(stand, name)).status === 'success', name)));
async function kept(stand) {
  const rows = new Map(stand.sql('SELECT "text","turn" FROM "WorldInteraction"').map((row) => [row.text, Number(row.turn)]));
  for (const [text, {turn}] of stand.said) assert(rows.get(text) === turn, `acknowledged and lost: ${text} (turn ${turn}, there: ${rows.get(text)})`);
}
const healthIs = (stand, status) => stand.until(async () => (await stand.ask('GET', '/healthz?verbose=true')).status === status, `health ${status}`);
function doctor(stand) {
  try {
    execFileSync(binary, ['doctor', '--data', stand.data], {encoding: 'utf8', stdio: 'pipe', env: {...process.env, SERENO_URL: `http://127.0.0.1:${stand.port}`, SERENO_TOKEN: stand.admin}});
    return {code: 0, text: ''};
  } catch (error) { return {code: error.status, text: error.stdout + error.stderr}; }
}
async function inStand(kind, env, body, prepare = async () => {}) {
  const stand = new Stand(kind, env);
  try {
    await prepare(stand);
    await stand.startStores();
    await stand.startServe();
    await healthIs(stand, 200);
    await open(stand);
    await body(stand);
    await test(`the_server_ends_cleanly_${kind}_${++stands}`, async () => { const code = await stand.stopServe(); assert(code === 0, `it ended with ${code}: ${stand.logTail()}`); });
  } catch (error) {
    await test('stand_' + kind, async () => { throw error; });
  } finally {
    await stand.close();
  }
}
let stands = 0;

// ---- Redis, and PostgreSQL in the middle (jobs in a file of their own, so that they can run and say so) ----
await inStand('pg-redis', {SERENO_STORE_CRON: 'embedded'}, async (stand) => {
  const away = /redis|live state/i, database = /postgresql|database/i;
  await make(stand, 'hot');
  await make(stand, 'other');
  await mustSay(stand, 'hot', 'before everything');
  await stand.killRedis();
  await test('redis_away_a_message_is_refused_with_the_reason', async () => refused(await say(stand, 'hot', 'nobody hears this'), away));
  await test('redis_away_jobs_fail_and_say_so', async () => { for (const name of ['sync', 'cleanup', 'emergent-events']) await failing(stand, name, away); });
  await test('A-91_redis_away_doctor_names_it', async () => { const got = doctor(stand); assert(got.code !== 0 && away.test(got.text), `${got.code} ${got.text}`); });
  await test('A-91_redis_away_health_and_log_tell', async () => {
    await healthIs(stand, 503);
    const lines = fs.readFileSync(stand.log, 'utf8').split('\n').filter((line) => line.includes('Job failed'));
    assert(lines.some((line) => line.includes('"job":"sync"') && away.test(line)), 'a line of the log: ' + lines.slice(-3).join('\n'));
  });
  await stand.startRedis();
  await test('redis_back_all_recovers_without_a_restart', async () => {
    await stand.until(async () => (await say(stand, 'hot', 'after ' + Math.random())).status === 200, 'a message');
    await soon(stand, ['sync', 'cleanup', 'emergent-events']);
    await healthIs(stand, 200);
    await kept(stand);
  });

  await mustSay(stand, 'hot', 'live and unsaved');
  await stand.killPg();
  await test('database_away_messages_to_live_worlds_go_on', async () => { for (let i = 0; i < 20; i++) await mustSay(stand, 'hot', 'meanwhile ' + i); });
  await test('database_away_what_needs_it_is_refused_with_the_reason', async () => {
    refused(await stand.ask('POST', '/api/worlds', {token: stand.service, body: {id: 'new', ownerId: 'u'}}), database);
    refused(await say(stand, 'other', 'not live'), database);
  });
  await test('database_away_jobs_fail_and_say_so', async () => { for (const name of ['sync', 'auto-pause', 'delete-scheduled-worlds', 'memory-consolidation']) await failing(stand, name, database); });
  await test('A-91_database_away_doctor_and_health_name_it', async () => {
    await healthIs(stand, 503);
    const got = doctor(stand);
    assert(got.code !== 0 && database.test(got.text), `${got.code} ${got.text}`);
  });
  await test('B-38_database_away_the_cron_doors_say_so_at_once', async () => {
    for (const [method, target, status] of [['GET', 'auto-pause-worlds', 503], ['POST', 'auto-pause-worlds', 500], ['POST', 'delete-scheduled-worlds', 500]]) {
      const got = await stand.ask(method, '/api/cron/' + target, {token: 'test-secret'});
      assert(got.status === status && got.data.success !== true, `${method} ${target}: ${got.status} ${got.text}`);
      assert(database.test(got.text), 'it does not say what is away: ' + got.text);
    }
  });
  await stand.startPg();
  await test('database_back_all_recovers_without_a_restart', async () => {
    await stand.until(async () => (await say(stand, 'other', 'again ' + Math.random())).status === 200, 'a message');
    await soon(stand, ['sync', 'auto-pause', 'delete-scheduled-worlds', 'memory-consolidation']);
    await healthIs(stand, 200);
    await kept(stand);
  });
  await test('both_killed_at_once_lose_nothing', async () => {
    for (let i = 0; i < 10; i++) await mustSay(stand, 'hot', 'last words ' + i);
    await Promise.all([stand.killPg(), stand.killRedis()]);
    refused(await say(stand, 'hot', 'into nothing'), /redis|live state|database/i);
    await Promise.all([stand.startPg(), stand.startRedis()]);
    await stand.until(async () => (await say(stand, 'hot', 'hello ' + Math.random())).status === 200, 'a message');
    await soon(stand, ['sync']);
    await kept(stand);
  });
});

// ---- failures in a row, by the test clock: three due instants and their alert ----
await inStand('pg-redis', {SERENO_STORE_CRON: 'embedded'}, async (stand) => {
  await make(stand, 'w');
  await mustSay(stand, 'w', 'before');
  await stand.killRedis();
  await test('A-91_redis_away_failures_in_a_row_are_counted_and_alerted', async () => {
    const told = await stand.moveClock('advance 22m');
    assert(told?.startsWith('ok '), told);
    const row = await stand.must('GET', '/api/cron/jobs/sync');
    assert(row.consecutiveFailures >= 3, `failures in a row: ${row.consecutiveFailures}`);
    assert(/redis/i.test(row.lastExecution.errorMessage), row.lastExecution.errorMessage);
    assert(/ALERT: sync failed 3 times/.test(fs.readFileSync(stand.log, 'utf8')), 'the alert');
    const listed = (await stand.must('GET', '/api/admin/cron-jobs')).data.cronManager.jobs.find((one) => one.name === 'sync');
    assert(listed.lastStatus === 'failed' && listed.consecutiveFailures >= 3, JSON.stringify(listed));
  });
  await stand.startRedis();
  await test('redis_back_the_schedule_heals_itself', async () => {
    await pause(1500); // a lost connection is made anew at most once a second, by the real clock
    await stand.moveClock('advance 11m');
    assert((await stand.must('GET', '/api/cron/jobs/sync')).consecutiveFailures === 0, 'it succeeds again');
    await kept(stand);
  });
}, async (stand) => stand.initClock('2026-11-02T12:00:30Z'));

// ---- everything in PostgreSQL, jobs too; and away at the start ----
await inStand('pg-redis', {}, async (stand) => {
  await make(stand, 'hot');
  await mustSay(stand, 'hot', 'before');
  await stand.killPg();
  await test('one_database_for_all_away_live_worlds_go_on', async () => { for (let i = 0; i < 5; i++) await mustSay(stand, 'hot', 'meanwhile ' + i); });
  await test('one_database_for_all_away_a_job_is_refused_with_the_reason', async () => {
    const got = await stand.runJob('sync');
    assert(got.status === 503, `${got.status} ${got.text.slice(0, 300)}`);
  });
  await stand.startPg();
  await test('one_database_for_all_back_all_recovers', async () => {
    await healthIs(stand, 200);
    await soon(stand, ['sync']);
    await kept(stand);
  });
  await stand.killPg();
  await stand.stopServe();
  await test('database_away_at_the_start_is_told_and_awaited', async () => {
    let ended = false;
    stand.startServe({waitsReady: false}).catch(() => { ended = true; });
    await pause(1500);
    const log = fs.readFileSync(stand.log, 'utf8').trim().split('\n').slice(-5).join('\n');
    await stand.startPg();
    if (ended || stand.child.exitCode !== null) { // it may also refuse to start, if it says why
      assert(/postgresql|database/i.test(log), 'it ended without a word: ' + log);
      console.log('# a server whose jobs are in PostgreSQL ends at a start without it: its unit starts it again');
      await stand.startServe();
    }
    await healthIs(stand, 200);
    await mustSay(stand, 'hot', 'after a start without a database');
    await soon(stand, ['sync']);
    await kept(stand);
  });
});
await inStand('pg-redis', {SERENO_STORE_CRON: 'embedded'}, async (stand) => {
  await make(stand, 'w');
  await mustSay(stand, 'w', 'before');
  await stand.killPg();
  await stand.stopServe();
  await stand.startServe();
  await test('worlds_database_away_at_the_start_jobs_run_and_worlds_say_so', async () => {
    await healthIs(stand, 503);
    refused(await stand.ask('GET', '/api/worlds/w', {token: stand.service}), /postgresql|database/i);
    await failing(stand, 'auto-pause', /postgresql|database/i);
  });
  await stand.startPg();
  await test('worlds_database_that_came_later_is_used_without_a_restart', async () => {
    await healthIs(stand, 200);
    await mustSay(stand, 'w', 'after');
    await succeeding(stand, 'sync');
    await kept(stand);
  });
});

// ---- a language model that is away, talks nonsense, or never ends ----
const moods = {
  down: (got) => got.destroy(),
  error: (got) => { got.statusCode = 500; got.end('oops'); },
  garbage: (got) => got.end('<html>not json'),
  nonsense: (got) => got.end(JSON.stringify({choices: [{message: {content: 'lorem ipsum '.repeat(2000)}}]})),
  invented: (got) => got.end(JSON.stringify({choices: [{message: {content: 'Napoleón llegó a Moscú con Gandalf.'}}]})),
};
let mood = 'down', asked = 0;
const model = http.createServer((request, got) => { asked++; request.resume(); request.on('end', () => moods[mood](got)); });
await new Promise((done) => model.listen(0, '127.0.0.1', done));
await inStand('embedded', {LLM_BASE_URL: `http://127.0.0.1:${model.address().port}/v1`, LLM_MODEL: 'test', LLM_API_KEY: 'key'}, async (stand) => {
  await stand.must('PATCH', '/api/admin/worlds/settings', {body: {consolidateAbove: 120, consolidateKeep: 20}});
  for (mood of Object.keys(moods)) {
    const id = 'story-' + mood;
    await make(stand, id);
    for (let i = 0; i < 140; i++) await mustSay(stand, id, `${mood} ${i}: Ana y Luis hablan en la plaza de la carta que nadie quemó.`);
    await test(`language_model_${mood}_consolidation_goes_on_without_it`, async () => {
      await succeeding(stand, 'sync');
      asked = 0;
      const begin = Date.now();
      await succeeding(stand, 'memory-consolidation');
      assert(asked > 0, 'it was not asked');
      const rows = stand.sql(`SELECT "method","text" FROM "WorldSummary" WHERE "worldId" = '${id}'`);
      assert(rows.length > 0, 'no summary');
      assert(rows.every((row) => !/Gandalf|lorem ipsum/.test(row.text)), 'nonsense was taken: ' + rows[0].text.slice(0, 200));
      console.log(`# ${mood}: ${asked} calls, ${rows.length} summaries, ${Date.now() - begin} ms`);
    });
    await test(`language_model_${mood}_nothing_is_lost`, async () => {
      const left = new Map(stand.sql(`SELECT "text","turn" FROM "WorldInteraction" WHERE "worldId" = '${id}'`).map((row) => [row.text, Number(row.turn)]));
      for (const {fromTurn} of stand.sql(`SELECT "fromTurn" FROM "InteractionArchive" WHERE "worldId" = '${id}'`)) {
        const got = await stand.ask('GET', `/api/worlds/${id}/archive/${fromTurn}`);
        for (const line of got.text.trim().split('\n')) { const one = JSON.parse(line); left.set(one.text, one.turn); }
      }
      for (const [text, one] of stand.said) if (one.id === id) assert(left.get(text) === one.turn, 'lost: ' + text);
    });
  }
});
model.close();

// ---- a full disk under the embedded stores ----
const canMount = (folder, options) => { try { execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], {stdio: 'pipe'}); return true; } catch { return false; } };
let mounted = null;
await inStand('embedded', {}, async (stand) => {
  if (!mounted) { console.log('# no right to mount a small disk here: that part is left out'); return; }
  await make(stand, 'w');
  let last = null, n = 0;
  for (; n < 4000; n++) {
    last = await say(stand, 'w', `${n} ${'é'.repeat(3000)}`);
    if (last.status !== 200) break;
  }
  await test('disk_full_a_message_is_refused_with_the_reason', async () => refused(last, /full|space/i));
  await test('disk_full_reading_goes_on', async () => { const got = await stand.ask('GET', '/api/worlds/w', {token: stand.service}); assert(got.status === 200, `${got.status} ${got.text.slice(0, 200)}`); });
  execFileSync('mount', ['-o', 'remount,size=256m', mounted]);
  await test('disk_with_room_again_all_recovers_without_a_restart', async () => {
    await stand.until(async () => (await say(stand, 'w', 'room ' + Math.random())).status === 200, 'a message');
    await soon(stand, ['sync']);
    await kept(stand);
    console.log(`# ${n} messages fitted`);
  });
  await test('disk_full_then_killed_loses_nothing', async () => {
    await mustSay(stand, 'w', 'the last one');
    await stand.killServe();
    await stand.startServe();
    await soon(stand, ['sync']);
    await kept(stand);
  });
}, async (stand) => {
  fs.mkdirSync(stand.data, {mode: 0o700});
  if (canMount(stand.data, 'size=12m,mode=0700')) mounted = stand.data;
  stand.beforeRemoval = () => { if (mounted) execFileSync('umount', ['-l', mounted], {stdio: 'pipe'}); };
});

process.exitCode = failures ? 1 : 0;

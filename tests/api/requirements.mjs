// Requirements whose checks need hours to pass, each on the test clock and from outside: over HTTP, the command
// line, the log, the database file. The names begin with the ids that docs/coverage.tsv refers to.
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {binary, serve, request, ask, test, equal, assert, until, moveClock, makeJob} from './lib.mjs';

const secret = 'a cron secret of some length';
const server = await serve({clockAt: '2026-11-01T00:00:00Z', env: {CRON_SECRET: secret}});
const get = (target, status = 200) => ask(server, 'GET', target, status);
const post = (target, body, status = 200, options = {}) => ask(server, 'POST', target, status, {body, ...options});
const patch = (target, body, status = 200) => ask(server, 'PATCH', target, status, {body});
const clock = async (command, of = server) => { const got = await moveClock(of, command); assert(got.startsWith('ok '), got); return got.slice(3); };
const shell = (name, command, more = {}) => makeJob(server, {name, timezone: 'UTC', ...more, params: {command}});
const runs = async (name) => (await get(`/api/cron/jobs/${name}/executions?limit=1000`)).data.reverse(); // oldest first
const drop = async (...names) => { for (const name of names) await ask(server, 'DELETE', '/api/cron/jobs/' + name, 204); };
const until_ = (one) => Date.parse(one.finishedAt) - Date.parse(one.startedAt);
const file = (name) => path.join(server.folder, name);
const words = (name) => fs.existsSync(file(name)) ? fs.readFileSync(file(name), 'utf8').trim().split('\n') : [];
const say = (name, word) => `echo ${word} >>${file(name)}`;
const waitFor = (name) => `while [ ! -e ${file(name)} ]; do sleep 0.02; done`;
// Lets through what waits for the file, and sees everything end.
const count = async (status) => (await get('/api/cron/executions?limit=1000&status=' + status)).data.length;
const open = async (name) => {
  fs.writeFileSync(file(name), '');
  await until(async () => await count('running,queued') === 0, 'the ends');
};
const log = () => fs.readFileSync(server.log, 'utf8').split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
const sql = (text, at = path.join(server.data, 'sereno.db')) => execFileSync('sqlite3', ['-cmd', '.timeout 5000', at, text], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']}).trim();
const cli = (...args) => spawnSync(binary, args, {encoding: 'utf8', cwd: server.folder, env: {...process.env, SERENO_DATA: server.data, SERENO_URL: `http://127.0.0.1:${server.port}`}});
const alerts = (name) => log().filter((line) => line.level === 'critical' && line.msg === `🚨 ALERT: ${name} failed 3 times consecutively!`).length;
// The server is down from now until `instant`.
const downUntil = async (instant) => {
  await server.stop();
  fs.writeFileSync(path.join(server.data, 'test-marker'), instant + '\n');
  await server.start();
};

// ---- a fresh start ----
await test('A-54_C-66_every_job_has_its_next_run_from_the_start', async () => {
  await until(async () => { const jobs = (await get('/api/cron/jobs')).data; return jobs.length >= 2 && jobs.every((job) => job.nextRunAt); }, 'nextRunAt of the predefined jobs');
});
await test('C-7_C-8_the_predefined_jobs_are_there', async () => {
  const of = async (name) => { const {schedule, command, isActive, timezone} = await get('/api/cron/jobs/' + name); return [schedule, command, isActive, timezone]; };
  equal(await of('temp_files_cleanup'), ['0 4 * * *', 'temp_files_cleanup', true, null]);
  equal(await of('system_health_check'), ['0 * * * *', 'system_health_check', true, null]);
});
await test('C-54_C-58_C-64_X-18_a_fresh_store_has_the_seeds_settings', async () => {
  const {id, isEnabled, maxConcurrentJobs, defaultTimeout, keepExecutions, cleanupDays, alertOnFailure, alertEmail, slackWebhook, webhookUrl, timezone} = await get('/api/cron/settings');
  assert(/^c[a-z0-9]{24}$/.test(id), id);
  equal([isEnabled, maxConcurrentJobs, defaultTimeout, keepExecutions, cleanupDays, alertOnFailure, alertEmail, slackWebhook, webhookUrl, timezone],
    [true, 5, 3600, 1000, 30, true, null, null, null, 'Europe/Madrid']);
});
await test('C-8_the_health_check_runs_each_hour', async () => {
  await patch('/api/cron/jobs/system_health_check', {params: {maxLoadPerCore: 1000}}); // the tests' machine may be busy
  await clock('advance 2h30m');
  for (const {name} of (await get('/api/cron/jobs')).data) { // the world jobs are made anew below, as stand-ins
    if (['system_health_check', 'temp_files_cleanup'].includes(name)) await patch('/api/cron/jobs/' + name, {isActive: false});
    else await ask(server, 'DELETE', '/api/cron/jobs/' + name, 204);
  }
  const all = await runs('system_health_check');
  equal(all.map((one) => [one.dueAt, one.status]), [['2026-11-01T01:00:00.000Z', 'success'], ['2026-11-01T02:00:00.000Z', 'success']]);
});
await test('U-29_the_test_clock_is_announced', async () => {
  assert(/test clock/i.test(fs.readFileSync(server.log, 'utf8')), 'a banner in the log');
});

await test('C-65_settings_tell_when_they_were_made_and_changed', async () => {
  const before = await get('/api/cron/settings'), after = await patch('/api/cron/settings', {keepExecutions: 5000});
  equal(after.createdAt, before.createdAt);
  assert(before.createdAt && after.updatedAt > before.updatedAt, `updatedAt ${before.updatedAt}, then ${after.updatedAt}`);
});
const ours = {timezone: 'Asia/Tokyo', backoffStrategy: 'exponential', alertOnFailure: false, alertChannels: ['email', 'slack'], escalateAfter: 4, disableAfter: 6, critical: true,
  misfirePolicy: 'all', startWindow: 30, catchUpWindow: 600, catchUpMax: 7, queueTimeout: 90, overlapPolicy: 'queue', concurrencyKey: 'k-{who}', pool: 'p', onCrash: 'retry', dst: 'both',
  dialect: 'ocps', splay: 20, group: 'g', totalTimeout: 900, memoryLimitMB: 64, cpuLimitPct: 50, noNewPrivs: false, labels: {a: 'b'}};
await test('X-12_what_is_not_said_is_null', async () => {
  const got = await makeJob(server, {name: 'bare'});
  equal(Object.keys(ours).filter((key) => got[key] !== null), []);
  await ask(server, 'DELETE', '/api/cron/jobs/bare', 204);
});
await test('C-99_C-102_C-103_every_field_comes_back_as_it_was_given', async () => {
  const fields = {...ours, name: 'Sincronización ✅', description: 'all of it', category: 'SYNC', schedule: '0 5 * * *', command: 'shell', timeout: 300, retries: 2, retryDelay: 9, priority: 8,
    maxRuntime: 400, allowConcurrent: true, isActive: false, params: {command: 'true', env: {A: 'ñ'}}};
  const made = await post('/api/cron/jobs', fields, 201), got = await get('/api/cron/jobs/' + made.id);
  for (const [key, value] of Object.entries(fields)) equal(got[key], value, key);
  await ask(server, 'DELETE', '/api/cron/jobs/' + made.id, 204);
});
await test('C-103_parameters_are_checked_against_the_executor', async () => {
  const bad = async (command, params) => (await post('/api/cron/jobs', {name: 'bad', schedule: '@daily', command, params}, 400)).field;
  equal([await bad('selftest', {lines: 'many'}), await bad('selftest', {lines: -1}), await bad('selftest', {colour: 1}), await bad('http', {})], ['params.lines', 'params.lines', 'params.colour', 'params.url']);
});

// ---- how a run ends ---- (02:30)
await test('C-21_C-26_C-40_C-45_C-46_X-15_limits_and_ends', async () => {
  await patch('/api/cron/settings', {defaultTimeout: 2, maxConcurrentJobs: 50});
  const stubborn = 'trap "" TERM; while :; do sleep 0.05; done', at = {schedule: '35 2 1 11 *'};
  await shell('follows-settings', 'exec sleep 1000', at);
  await shell('stubborn', stubborn, {...at, timeout: 2});
  await shell('walled', stubborn, {...at, timeout: 2, maxRuntime: 4});
  await shell('three', 'echo no luck >&2; exit 3', at);
  await shell('segv', 'kill -SEGV $$', at);
  await shell('good', 'echo done', at);
  await shell('nothing-to-do', 'exit 77', at);
  await clock('advance 6m');
  const one = async (name) => (await runs(name))[0];
  equal([(await one('follows-settings')).status, until_(await one('follows-settings'))], ['timeout', 2000]);
  equal([(await one('stubborn')).status, until_(await one('stubborn'))], ['timeout', 12000]);
  equal([(await one('walled')).status, until_(await one('walled'))], ['timeout', 4000]);
  equal([(await one('three')).status, (await one('three')).exitCode], ['failed', 3]);
  equal([(await one('segv')).status, (await one('segv')).exitCode, (await one('segv')).signal], ['failed', 139, 11]);
  assert((await one('segv')).errorMessage.includes('SIGSEGV'), 'the name of the signal');
  equal([(await one('good')).status, (await one('nothing-to-do')).status], ['success', 'skipped']);
  for (const name of ['follows-settings', 'stubborn', 'three', 'segv']) assert((await one(name)).errorMessage, name + ' says why');
  await patch('/api/cron/settings', {defaultTimeout: 3600});
});
await test('C-29_C-30_C-31_C-38_C-41_C-42_C-43_C-12_a_run_is_on_record', async () => {
  const made = await get('/api/cron/jobs/walled'), [one] = await runs('walled');
  equal([made.createdAt, made.lastRunAt], ['2026-11-01T02:30:00.000Z', one.startedAt]);
  assert(/^c[a-z0-9]{24}$/.test(one.id) && /^2026-11-01T02:35:00\.\d{3}Z$/.test(one.startedAt), 'id and start');
  equal([one.duration, one.triggeredBy, one.attempt, one.dueAt], [until_(one), 'schedule', 1, '2026-11-01T02:35:00.000Z']);
  equal((await get('/api/cron/executions/' + (await runs('three'))[0].id)).output, 'no luck\n');
  const edited = await patch('/api/cron/jobs/walled', {description: 'edited'});
  assert(edited.updatedAt > made.updatedAt, 'updatedAt grows');
  equal(edited.createdAt, made.createdAt);
});
await test('C-39_a_deleted_job_takes_its_executions', async () => {
  const id = (await get('/api/cron/jobs/walled')).id;
  await drop('follows-settings', 'stubborn', 'walled', 'three', 'segv', 'good', 'nothing-to-do');
  equal(sql(`SELECT count(*) FROM "CronExecution" WHERE "jobId" = '${id}'`), '0');
});

// ---- who may run beside whom ----
await test('C-27_X-16_overlap_follows_the_policy', async () => {
  const at = {schedule: '50,51 2 1 11 *'};
  await shell('skips', waitFor('gate'), at);
  await shell('queues', waitFor('gate'), {...at, overlapPolicy: 'queue'});
  await shell('both', waitFor('gate'), {...at, allowConcurrent: true});
  await shell('waits', 'true');
  await clock('set 2026-11-01T02:51:01Z');
  const states = async (name) => (await runs(name)).map((one) => one.status + (one.status === 'skipped' ? '/' + one.reason : ''));
  equal([await states('skips'), await states('queues'), await states('both')], [['running', 'skipped/overlap'], ['running', 'queued'], ['running', 'running']]);
  equal((await runs('skips'))[0].finishedAt, null);
  equal((await get('/api/cron/executions?status=queued')).data.map((one) => one.jobName), ['queues']);
  await open('gate');
  equal([await states('skips'), await states('queues'), await states('both')], [['success', 'skipped/overlap'], ['success', 'success'], ['success', 'success']]);
  await drop('skips', 'queues', 'both', 'waits');
});
await test('C-57_C-123_never_more_than_the_cap', async () => {
  await patch('/api/cron/settings', {maxConcurrentJobs: 5});
  const names = Array.from({length: 20}, (_, i) => 'crowd-' + i);
  for (const name of names) await shell(name, waitFor('crowd-gate') + '; ' + say('crowd', name), {schedule: '0 3 1 11 *'});
  await clock('set 2026-11-01T03:00:01Z');
  equal([await count('running'), await count('queued')], [5, 15]);
  const metrics = (await request(server, 'GET', '/metrics')).text;
  assert(metrics.includes('\nsereno_queue_depth{priority="5"} 15\n') && metrics.includes('\nsereno_slots_total 5\n'), 'queue and slots are measured');
  await patch('/api/cron/settings', {maxConcurrentJobs: 8});
  await until(async () => await count('running') === 8, 'eight runs');
  await clock('advance 5s');
  equal([await count('running'), await count('queued')], [8, 12]);
  await open('crowd-gate');
  equal([await count('running'), new Set(words('crowd')).size, words('crowd').length], [0, 20, 20]);
  await drop(...names);
});
await test('C-25_X-14_one_is_the_highest_priority', async () => {
  await patch('/api/cron/settings', {maxConcurrentJobs: 1});
  await shell('holds', waitFor('order-gate'), {schedule: '9 3 1 11 *'});
  for (const priority of [8, 1, 5]) await shell('p' + priority, say('order', priority), {schedule: '10 3 1 11 *', priority});
  await clock('set 2026-11-01T03:10:01Z');
  await open('order-gate');
  equal(words('order'), ['1', '5', '8']);
  await drop('holds', 'p1', 'p5', 'p8');
});
await test('U-5_X-10_a_group_runs_one_at_a_time_in_order', async () => {
  await patch('/api/cron/settings', {maxConcurrentJobs: 5});
  const slow = (name) => `${say('group', name + '-begins')}; sleep 0.2; ${say('group', name + '-ends')}`;
  for (const [name, priority] of [['consolidation', 4], ['backup', 2], ['delete', 3]])
    await shell('group-' + name, slow(name), {schedule: '20 3 1 11 *', priority, group: 'world-maintenance'});
  await shell('group-other', 'true', {schedule: '20 3 1 11 *', priority: 9});
  await clock('set 2026-11-01T03:25:00Z');
  equal(words('group'), ['backup', 'delete', 'consolidation'].flatMap((name) => [name + '-begins', name + '-ends']));
  equal((await runs('group-other'))[0].startedAt, '2026-11-01T03:20:00.000Z');
  await drop('group-consolidation', 'group-backup', 'group-delete', 'group-other');
});

// ---- attempts, failures ----
await test('C-23_C-48_C-114_C-115_X-12_retries_wait_their_delays', async () => {
  const delays = async (name) => (await runs(name)).map((one, i, all) => i && (Date.parse(one.startedAt) - Date.parse(all[i - 1].finishedAt)) / 1000).slice(1);
  await shell('linear', 'exit 1', {schedule: '30 3 1 11 *', retries: 3});
  await shell('exponential', 'exit 1', {schedule: '30 3 1 11 *', retries: 3, backoffStrategy: 'exponential'});
  await clock('set 2026-11-01T03:39:00Z');
  equal([await delays('linear'), await delays('exponential')], [[60, 120, 180], [60, 120, 240]]);
  equal((await runs('linear')).map((one) => [one.attempt, one.triggeredBy]), [[1, 'schedule'], [2, 'retry'], [3, 'retry'], [4, 'retry']]);
  await patch('/api/cron/settings', {backoffStrategy: 'exponential'});
  await shell('follows', 'exit 1', {schedule: '40 3 1 11 *', retries: 3});
  await shell('set-apart', 'exit 1', {schedule: '40 3 1 11 *', retries: 3, backoffStrategy: 'linear'});
  await clock('set 2026-11-01T03:49:00Z');
  equal([await delays('follows'), await delays('set-apart')], [[60, 120, 240], [60, 120, 180]]);
  await patch('/api/cron/settings', {backoffStrategy: null});
  await drop('linear', 'exponential', 'follows', 'set-apart');
});
await test('C-119_C-124_a_job_is_disabled_after_its_failures', async () => {
  await shell('gives-up', 'exit 1', {schedule: '0-19 4 1 11 *', disableAfter: 5});
  await shell('goes-on', 'exit 1', {schedule: '0-19 4 1 11 *', disableAfter: 0});
  await clock('set 2026-11-01T04:10:00Z');
  assert(/^sereno_job_consecutive_failures\{job="goes-on"\} 1[01]$/m.test((await request(server, 'GET', '/metrics')).text), 'the gauge');
  await clock('set 2026-11-01T04:30:00Z');
  const off = await get('/api/cron/jobs/gives-up'), on = await get('/api/cron/jobs/goes-on');
  equal([off.isActive, on.isActive, (await runs('gives-up')).length, (await runs('goes-on')).length], [false, true, 5, 20]);
  assert(/5/.test(off.disabledReason), 'the reason: ' + off.disabledReason);
  equal(log().filter((line) => line.level === 'critical' && line.msg.startsWith('job disabled')).map((line) => [line.job, line.failures]), [['gives-up', 5]]);
  equal((await get('/api/cron/jobs/goes-on/metrics')).consecutiveFailures, 20);
  await drop('gives-up', 'goes-on');
});
await test('A-72_X-28_three_failures_in_a_row_are_told_once', async () => {
  const cases = '*T05:00*|*T05:01*) exec sleep 1000;; *T05:04*|*T05:08*) exit 0;; *T05:11*) exit 77;; *) exit 1;;';
  await shell('alarm', `case "$SERENO_RUN_DUE" in ${cases} esac`, {schedule: '0-11 5 1 11 *', timeout: 5});
  await shell('chain', 'exit 1', {schedule: '0 5 1 11 *', retries: 2, retryDelay: 1});
  const counts = [];
  for (const minute of ['01', '02', '03', '06', '07', '11']) {
    await clock(`set 2026-11-01T05:${minute}:50Z`);
    counts.push(alerts('alarm'));
  }
  equal(counts, [0, 1, 1, 1, 2, 2]);
  equal((await runs('alarm')).map((one) => one.status), ['timeout', 'timeout', 'failed', 'failed', 'success', 'failed', 'failed', 'failed', 'success', 'failed', 'failed', 'skipped']);
  const {executionId} = await post('/api/cron/jobs/alarm/run', {params: {command: 'sleep 1000'}}, 202);
  await post(`/api/cron/executions/${executionId}/cancel`, {}, 202);
  await until(async () => (await get('/api/cron/executions/' + executionId)).status === 'cancelled', 'its end');
  equal([alerts('alarm'), (await runs('chain')).length, alerts('chain')], [2, 3, 0]);
  await drop('alarm', 'chain');
});

// ---- on, off, and where the time comes from ----
await test('C-56_nothing_starts_by_schedule_when_it_is_off', async () => {
  await shell('ticks', 'true', {schedule: '*/10 6-7 1 11 *'});
  await patch('/api/cron/settings', {isEnabled: false});
  await clock('set 2026-11-01T06:55:00Z');
  equal((await runs('ticks')).filter((one) => one.status !== 'skipped'), []);
  await patch('/api/cron/settings', {isEnabled: true});
  await clock('set 2026-11-01T07:55:00Z');
  equal((await runs('ticks')).filter((one) => one.status === 'success').map((one) => one.dueAt.slice(11, 16)), ['07:00', '07:10', '07:20', '07:30', '07:40', '07:50']);
  await drop('ticks');
});
await test('A-59_C-85_a_disabled_job_stays_disabled_over_a_restart', async () => {
  await shell('sync', 'true', {schedule: '*/5 * * * *'});
  equal((await post('/api/admin/cron-jobs', {action: 'disable', jobName: 'sync'})).isActive, false);
  await server.stop();
  await server.start();
  await clock('advance 2h');
  equal([(await get('/api/cron/jobs/sync')).isActive, await runs('sync')], [false, []]);
  await post('/api/admin/cron-jobs', {action: 'enable', jobName: 'sync'});
  const next = (await get('/api/cron/jobs/sync')).nextRunAt;
  await clock('advance 6m');
  equal((await runs('sync')).map((one) => one.dueAt), ['2026-11-01T10:00:00.000Z']);
  assert(next === null || next === '2026-11-01T10:00:00.000Z', 'nextRunAt ' + next);
});
await test('A-60_A-64_X-32_stop_all_lets_what_runs_end', async () => {
  const six = ['cleanup', 'sync', 'auto-pause', 'memory-consolidation', 'emergent-events', 'delete-scheduled-worlds'];
  await shell('cleanup', 'echo "{\\"result\\":{\\"worldsCleaned\\":1}}" >&3', {schedule: '*/5 * * * *'});
  await shell('auto-pause', waitFor('pause-gate'), {schedule: '10 10 1 11 *'});
  await shell('shelly', 'true', {schedule: '*/5 * * * *'});
  await clock('set 2026-11-01T10:10:01Z');
  equal((await post('/api/admin/cron-jobs', {action: 'stop-all'})).jobs, six);
  const cleaned = (await runs('cleanup')).length, others = (await runs('shelly')).length;
  await open('pause-gate');
  await clock('set 2026-11-01T10:31:00Z');
  equal((await runs('auto-pause')).map((one) => one.status), ['success']);
  equal([(await runs('cleanup')).filter((one) => one.status === 'success').length, (await runs('shelly')).length], [cleaned, others + 4]);
  const next = async (name) => (await get('/api/cron/jobs/' + name)).nextRunAt;
  equal([await next('cleanup'), await next('sync')], [null, null]);
  assert(await next('shelly'), 'others go on');
  await server.stop();
  await server.start();
  equal(await next('cleanup'), null);
  await post('/api/admin/cron-jobs', {action: 'restart-all'});
  await until(() => next('cleanup'), 'nextRunAt again');
});
await test('X-3_one_flight_for_all_doors', async () => {
  await patch('/api/cron/jobs/auto-pause', {params: {command: waitFor('flight-gate') + '; echo "{\\"result\\":{\\"totalPaused\\":2}}" >&3'}});
  const before = (await runs('auto-pause')).length;
  const first = request(server, 'POST', '/api/cron/auto-pause-worlds', {token: secret, body: {}});
  await until(async () => (await runs('auto-pause')).length === before + 1, 'the run');
  const second = request(server, 'POST', '/api/cron/auto-pause-worlds', {token: secret, body: {}});
  await post('/api/admin/cron-jobs', {action: 'run', jobName: 'auto-pause'}, 409);
  fs.writeFileSync(file('flight-gate'), '');
  const [one, two] = [await first, await second];
  equal([one.status, two.status, two.data.coalesced, two.data.executionId], [200, 200, true, one.data.executionId]);
  equal([(await runs('auto-pause')).length, two.data.stats?.totalPaused ?? two.data.totalPaused], [before + 1, 2]);
});
await test('A-77_A-78_A-87_the_log_tells_each_run', async () => {
  await patch('/api/cron/jobs/cleanup', {schedule: '40,41 10 1 11 *', params: {command: 'case "$SERENO_RUN_DUE" in *T10:41*) echo broken >&2; exit 2;; esac; echo "{\\"result\\":{\\"worldsCleaned\\":7}}" >&3'}});
  await clock('set 2026-11-01T10:45:00Z');
  const [good, bad] = (await runs('cleanup')).slice(-2), lines = log();
  const of = (one) => lines.filter((line) => line.executionId === one.id);
  equal(of(good).map((line) => [line.component, line.msg, line.worldsCleaned ?? null]), [['CleanupJob', 'Cleanup job started', null], ['CleanupJob', '✅ Cleanup job completed', 7]]);
  equal(of(bad).map((line) => [line.component, line.msg, line.level]), [['CleanupJob', 'Cleanup job started', 'info'], ['CleanupJob', '❌ Job failed', 'error']]);
  assert(of(bad)[1].error.includes('broken'), 'the error');
  for (const line of lines) for (const key of ['ts', 'level', 'component', 'msg']) assert(key in line, JSON.stringify(line));
});
await test('A-56_A-90_U-30_the_command_line_runs_and_explains', async () => {
  await patch('/api/cron/jobs/cleanup', {params: {command: 'echo "{\\"result\\":{\\"worldsCleaned\\":7}}" >&3'}});
  const ran = cli('run', 'cleanup');
  equal(ran.status, 0, ran.stderr);
  assert(ran.stdout.includes('"worldsCleaned"'), 'metrics as JSON: ' + ran.stdout);
  equal(cli('run', 'nope').status, 3);
  const waited = await post('/api/cron/jobs/cleanup/run', {}, 200, {headers: {Prefer: 'wait=20'}});
  equal(waited.execution.result, {worldsCleaned: 7});
  const told = cli('doctor', 'cleanup').stdout;
  for (const part of ['ENABLE_CRON_JOBS', 'store', 'scheduling', 'cleanup', 'next run', 'last due instant']) assert(told.includes(part), `${part} is missing:\n${told}`);
  assert(cli('why', 'sync').stdout.includes('next run:'), 'why');
});
await test('X-34_every_door_gives_the_same', async () => { // docs/seed-calls.md
  const newest = async () => { const {triggeredBy, status, result} = await get('/api/cron/executions/' + (await runs('cleanup')).at(-1).id); return {triggeredBy, status, result}; };
  const want = {triggeredBy: 'manual', status: 'success', result: {worldsCleaned: 7}}, before = (await runs('cleanup')).length;
  await post('/api/admin/cron-jobs', {action: 'run', jobName: 'cleanup'}, 200, {headers: {Prefer: 'wait=20'}});
  equal(await newest(), want);
  await post('/api/cron/jobs/cleanup/run', {}, 200, {headers: {Prefer: 'wait=20'}});
  equal(await newest(), want);
  equal(cli('run', 'cleanup').status, 0);
  equal([await newest(), (await runs('cleanup')).length], [want, before + 3]);
  const {data} = await get('/api/admin/cron-jobs'), listed = cli('jobs', 'list', '--json').stdout.trim().split('\n').map((line) => JSON.parse(line));
  equal([data.jobMetrics.cleanup, JSON.parse(cli('runs', '--job', 'cleanup', '--limit', '1', '--json').stdout).result], [want.result, want.result]);
  equal([data.cronManager.totalJobs, data.cronManager.enabledJobs], [listed.length, listed.filter((job) => job.isActive).length]);
  equal([(await get('/api/cron/dashboard')).totalJobs, (await get('/api/cron/dashboard')).activeJobs], [data.cronManager.totalJobs, data.cronManager.enabledJobs]);
  const doors = {
    admin: (isActive) => post('/api/admin/cron-jobs', {action: isActive ? 'enable' : 'disable', jobName: 'cleanup'}),
    patch: (isActive) => patch('/api/cron/jobs/cleanup', {isActive}),
    cli: (isActive) => equal(cli('jobs', isActive ? 'enable' : 'disable', 'cleanup').status, 0),
  };
  for (const [name, door] of Object.entries(doors)) for (const isActive of [false, true]) {
    await door(isActive);
    equal((await get('/api/cron/jobs/cleanup')).isActive, isActive, name);
  }
});
await test('C-32_C-101_X-18_the_next_run_follows_edits_and_zones', async () => {
  const next = async (name, want) => { await until(async () => (await get('/api/cron/jobs/' + name)).nextRunAt === want, `${name} at ${want}, is ${(await get('/api/cron/jobs/' + name)).nextRunAt}`); };
  await makeJob(server, {name: 'moves', schedule: '0 3 * * *'});
  await next('moves', '2026-11-02T02:00:00.000Z'); // Europe/Madrid
  await patch('/api/cron/settings', {timezone: 'Asia/Tokyo'});
  await next('moves', '2026-11-01T18:00:00.000Z');
  await patch('/api/cron/jobs/moves', {timezone: 'UTC'});
  await next('moves', '2026-11-02T03:00:00.000Z');
  await patch('/api/cron/jobs/moves', {schedule: '0 4 * * *'});
  await next('moves', '2026-11-02T04:00:00.000Z');
  await patch('/api/cron/settings', {timezone: 'Europe/Madrid'});
  equal((await get('/api/cron/jobs/moves')).timezone, 'UTC');
  await drop('moves');
});
await test('C-82_dates_and_ranges_come_to_an_end', async () => {
  await shell('once', 'true', {schedule: '@at 2026-11-01T11:00'});
  await shell('range', 'true', {schedule: '*/10 * * * *', startAt: '2026-11-01T11:15:00Z', endAt: '2026-11-01T11:45:00Z'});
  await clock('set 2026-11-01T12:30:00Z');
  equal([(await runs('once')).map((one) => one.dueAt), (await get('/api/cron/jobs/once')).nextRunAt], [['2026-11-01T11:00:00.000Z'], null]);
  assert(/no further instant/.test((await get('/api/cron/jobs/once/why')).text), (await get('/api/cron/jobs/once/why')).text);
  equal((await runs('range')).map((one) => one.dueAt.slice(11, 16)), ['11:20', '11:30', '11:40']);
  await drop('once', 'range');
});

// ---- down, set back, set forward ---- (12:30)
await test('U-2_C-47_C-66_two_hours_down_are_caught_up_once', async () => {
  await shell('five', 'true', {schedule: '*/5 * * * *'});
  await shell('daily', 'true', {schedule: '0 3 * * *'});
  const next = (await get('/api/cron/jobs/daily')).nextRunAt;
  await downUntil('2026-11-01T14:32:00Z');
  equal((await get('/api/cron/jobs/daily')).nextRunAt, next);
  await clock('advance 1m');
  equal((await runs('five')).map((one) => [one.dueAt.slice(11, 16), one.triggeredBy]), [['14:30', 'catchup']]);
  const missed = (await get('/api/cron/jobs/five/occurrences')).data.filter((one) => one.state === 'missed');
  equal(missed.reduce((sum, one) => sum + one.count, 0), 23);
  await drop('daily');
});
await test('U-8_a_clock_set_forward_and_back_doubles_nothing', async () => {
  const times = (list) => list.map((one) => one.dueAt.slice(11, 16)), at = {schedule: '*/5 15-16 * * *'};
  await shell('once-each', 'true', {...at, misfirePolicy: 'none'});
  await shell('caught-up', 'true', at);
  await clock('set 2026-11-01T15:02:00Z');
  await clock('jump 2026-11-01T16:02:00Z');
  equal([times(await runs('once-each')), times(await runs('caught-up'))], [['15:00'], ['15:00', '16:00']]);
  await clock('set 2026-11-01T15:02:00Z'); // back: what was only jumped over falls due again, what started does not
  await clock('set 2026-11-01T16:32:00Z');
  const every = Array.from({length: 19}, (_, i) => new Date(Date.parse('2026-11-01T15:00:00Z') + i * 300e3).toISOString().slice(11, 16));
  equal(times(await runs('once-each')), every);
  equal(times(await runs('caught-up')), ['15:00', ...every.slice(12)]);
  const audit = await get('/api/cron/audit');
  equal([audit.ok, audit.differences], [true, []]);
  await drop('once-each', 'caught-up', 'five');
});
await test('U-15_a_reload_keeps_the_schedules', async () => {
  await shell('kept', 'true', {schedule: '0 3 * * *'});
  const before = (await get('/api/cron/jobs')).data.map((job) => [job.name, job.nextRunAt]);
  server.child.kill('SIGHUP');
  await until(() => log().some((line) => line.msg === 'reloaded'), 'the reload');
  equal((await get('/api/cron/jobs')).data.map((job) => [job.name, job.nextRunAt]), before);
  await drop('kept');
});

// ---- in the database file ----
await test('C-28_C-33_C-34_C-55_the_tables_hold_their_rules', async () => {
  const refused = (text, word) => { try { sql('PRAGMA foreign_keys = ON; ' + text); } catch (error) { assert(String(error.stderr).includes(word), String(error.stderr)); return; } throw new Error('not refused: ' + text); };
  await server.stop();
  equal(sql('SELECT count(*) FROM "System"'), '1');
  refused(`INSERT INTO "CronJob" ("id", "name", "schedule", "command", "systemId") VALUES ('c1', 'x', '@daily', 'shell', 'nobody')`, 'FOREIGN KEY');
  refused(`INSERT INTO "CronSettings" ("id", "systemId") SELECT 'c2', "systemId" FROM "CronSettings"`, 'UNIQUE');
  refused(`INSERT INTO "CronJob" ("id", "name", "schedule", "command", "systemId") SELECT 'c3', "name", "schedule", "command", "systemId" FROM "CronJob" LIMIT 1`, 'UNIQUE');
  assert(sql(`EXPLAIN QUERY PLAN SELECT "id" FROM "CronJob" WHERE "nextRunAt" <= '2026-11-01T00:00:00.000Z'`).includes('CronJob_nextRunAt_idx'), 'the due query uses the index');
  for (const column of ['systemId', 'isActive', 'category']) assert(sql(`EXPLAIN QUERY PLAN SELECT "name" FROM "CronJob" WHERE "${column}" = 'x'`).includes(`CronJob_${column}_idx`), column);
  for (const column of ['jobId', 'status', 'startedAt']) assert(sql(`EXPLAIN QUERY PLAN SELECT "output" FROM "CronExecution" WHERE "${column}" = 'x'`).includes(`CronExecution_${column}_idx`), column);
  await server.start();
});
await test('A-97_C-97_C-120_C-121_percentiles_are_those_of_the_durations', async () => {
  await makeJob(server, {name: 'measured', schedule: '* * * * * *', command: 'selftest', params: {}, endAt: '2026-11-01T16:35:20Z'});
  await clock('set 2026-11-01T16:36:00Z');
  await server.stop(); // durations that are spread unevenly
  sql(`UPDATE "CronExecution" SET "duration" = 1000 + 10 * n.i * n.i FROM (SELECT "id", row_number() OVER (ORDER BY "id" DESC) AS i FROM "CronExecution"
    WHERE "jobId" = (SELECT "id" FROM "CronJob" WHERE "name" = 'measured')) AS n WHERE n."id" = "CronExecution"."id"`);
  await server.start();
  const all = (await runs('measured')).map((one) => one.duration).sort((a, b) => a - b);
  equal([all.length, all[0], all.at(-1)], [200, 1010, 401000]);
  const numpy = (q) => { const at = (all.length - 1) * q, low = Math.floor(at); return all[low] + (all[low + 1] - all[low]) * (at - low); };
  const got = await get('/api/cron/jobs/measured/metrics');
  for (const [key, q] of [['p50Ms', 0.5], ['p95Ms', 0.95], ['p99Ms', 0.99]]) assert(Math.abs(got[key] - numpy(q)) <= 0.01 * numpy(q), `${key} is ${got[key]}, numpy says ${numpy(q)}`);
  assert(Math.abs(got.meanMs - all.reduce((sum, one) => sum + one, 0) / all.length) <= 1, 'mean ' + got.meanMs);
  equal([got.runs, got.successRate], [200, 1]);
  await drop('measured');
});
await test('U-9_a_backup_comes_back_as_it_was', async () => {
  const copy = file('copy.db'), again = file('again'), tables = ['System', 'CronJob', 'CronExecution', 'CronSettings', 'CronOccurrence', 'CronMissed', 'CronJobVersion'];
  const dump = (at) => tables.map((table) => sql(`.dump ${table}`, at)).join('\n');
  const made = cli('backup', copy);
  equal(made.status, 0, made.stderr);
  const here = dump(copy);
  assert(here.split('\n').length > 50, 'something to lose');
  const restored = spawnSync(binary, ['restore', copy, '--data', again], {encoding: 'utf8', env: {...process.env, SERENO_DATA: again}});
  equal(restored.status, 0, restored.stderr);
  equal(dump(path.join(again, 'sereno.db')) === here, true);
});

// ---- months later ----
await test('U-1_the_two_o_clock_job_runs_once_in_the_hole_and_once_in_the_overlap', async () => {
  for (const job of (await get('/api/cron/jobs?limit=1000')).data) await patch('/api/cron/jobs/' + job.id, {isActive: false});
  await makeJob(server, {name: 'websocket_logs_cleanup', schedule: '0 2 * * *'}); // by settings.timezone, Europe/Madrid
  const next = async (want) => equal((await get('/api/cron/jobs/websocket_logs_cleanup')).nextRunAt, want);
  const started = async () => (await runs('websocket_logs_cleanup')).map((one) => one.startedAt);
  await downUntil('2027-03-27T12:00:00Z');
  await clock('advance 1m');
  await until(() => next('2027-03-28T01:00:00.000Z').then(() => true, () => false), 'nextRunAt'); // C-32: two o'clock is in the hole
  await clock('set 2027-03-28T12:00:00Z');
  equal((await started()).slice(-1), ['2027-03-28T01:00:00.000Z']);
  const before = (await started()).length;
  await downUntil('2027-10-30T12:00:00Z');
  await clock('set 2027-10-31T12:00:00Z');
  equal((await started()).slice(before), ['2027-10-31T00:00:00.000Z']);
});
await server.finish();

// ---- switched off by ./.env ----
const folder = fs.mkdtempSync(path.join(server.folder, '..', 'sereno-env-'));
fs.writeFileSync(path.join(folder, '.env'), 'ENABLE_CRON_JOBS="false"\n');
for (const [name, env, origin, count] of [['A-101_dotenv_switches_off', {}, '.env', 0], ['A-101_the_environment_wins_over_dotenv', {ENABLE_CRON_JOBS: 'true'}, 'env', 12]]) {
  const other = await serve({clockAt: '2026-11-01T00:00:00Z', cwd: folder, env});
  await test(name, async () => {
    await makeJob(other, {name: 'ticks', schedule: '*/10 * * * *'});
    await clock('advance 2h', other);
    equal((await ask(other, 'GET', '/api/cron/jobs/ticks/executions?status=success', 200)).data.length, count);
    const enabled = (await ask(other, 'GET', '/api/admin/config', 200)).data.find((one) => one.key === 'cron.enabled');
    equal(enabled.origin, origin);
  });
  await other.finish();
}
fs.rmSync(folder, {recursive: true, force: true});

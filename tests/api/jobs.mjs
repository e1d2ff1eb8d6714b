// Jobs and executions over HTTP: C-15 … C-26, C-67 … C-69, C-91 … C-98, C-104 … C-106, C-111 … C-113, C-135, A-56 … A-64.
import fs from 'node:fs';
import {serve, request, ask, test, equal, assert, until, makeJob, makeToken} from './lib.mjs';

const secret = 'a cron secret of some length';
const server = await serve({env: {CRON_SECRET: secret}});
const editor = await makeToken(server, 'editor'), operator = await makeToken(server, 'operator');
const get = (path, status = 200) => ask(server, 'GET', path, status);
const post = (path, body, status = 200, options = {}) => ask(server, 'POST', path, status, {body, ...options});
const patch = (path, body, status = 200, options = {}) => ask(server, 'PATCH', path, status, {body, ...options});
const run = (name, options = {}) => post(`/api/cron/jobs/${name}/run`, {}, 200, {headers: {Prefer: 'wait=20'}, ...options});

// ---- definitions ----
await test('a_job_gets_the_seeds_defaults', async () => {
  const got = await request(server, 'POST', '/api/cron/jobs', {body: {name: 'plain', schedule: '0 2 * * *', command: 'shell', params: {command: 'true'}}});
  equal(got.status, 201);
  equal(got.headers.location, '/api/cron/jobs/' + got.data.id);
  assert(/^c[a-z0-9]{24}$/.test(got.data.id), 'a cuid'); // C-15
  const {description, isActive, timeout, retries, retryDelay, category, priority, maxRuntime, allowConcurrent} = got.data;
  equal({description, isActive, timeout, retries, retryDelay, category, priority, maxRuntime, allowConcurrent},
    {description: null, isActive: true, timeout: null, retries: 0, retryDelay: 60, category: null, priority: 5, maxRuntime: null, allowConcurrent: false});
  assert(got.data.nextRunAt, 'nextRunAt at once'); // C-67
  equal((await get('/api/cron/jobs/plain')).id, got.data.id);
  equal((await get('/api/cron/jobs/' + got.data.id)).name, 'plain');
});
await test('what_is_wrong_is_named', async () => {
  const good = {name: 'bad', schedule: '0 2 * * *', command: 'shell', params: {command: 'true'}};
  const rows = [
    [{name: 'plain'}, 409, null], [{name: undefined}, 400, 'name'], [{schedule: '0 2 * *'}, 400, null],
    [{schedule: '75 * * * *'}, 400, null], [{command: 'no_such_executor'}, 400, 'command'], [{priority: 0}, 400, 'priority'],
    [{priority: 11}, 400, 'priority'], [{priority: '5'}, 400, 'priority'], [{timeout: 0}, 400, 'timeout'],
    [{timezone: 'Europe/Atlantis'}, 400, 'timezone'], [{colour: 'red'}, 400, 'colour'], [{id: 'x'}, 400, 'id'],
    [{params: []}, 400, 'params'], [{params: {}}, 400, null], [{retries: 1, maxRetries: 2}, 400, 'maxRetries'],
    [{startAt: 'tomorrow'}, 400, 'startAt'], [{name: ' x'}, 400, 'name'],
  ];
  for (const [change, status, field] of rows) {
    const got = await request(server, 'POST', '/api/cron/jobs', {body: {...good, ...change}});
    equal(got.status, status, JSON.stringify(change));
    if (field) equal(got.data.field, field, JSON.stringify(change));
    assert(got.data.detail || got.data.title, 'a text');
  }
  const minute = await request(server, 'POST', '/api/cron/jobs', {body: {...good, schedule: '75 * * * *'}});
  assert(minute.data.column >= 1, 'the column of the minute'); // C-18
});
await test('max_retries_is_another_name_of_retries', async () => {
  const job = await makeJob(server, {name: 'alias', maxRetries: 3});
  equal([job.retries, job.maxRetries], [3, 3]);
  equal((await patch('/api/cron/jobs/alias', {maxRetries: 4})).retries, 4);
});
await test('an_edit_changes_only_what_it_names', async () => {
  const before = await makeJob(server, {name: 'edited', description: 'old', category: 'SYNC'});
  const after = await patch('/api/cron/jobs/edited', {schedule: '*/30 * * * *', timezone: 'Asia/Tokyo'});
  equal([after.description, after.category, after.schedule, after.timezone], ['old', 'SYNC', '*/30 * * * *', 'Asia/Tokyo']);
  assert(after.nextRunAt !== before.nextRunAt, 'nextRunAt follows at once');
  equal(after.version, before.version + 1);
  equal((await patch('/api/cron/jobs/edited', {description: null})).description, null);
});
await test('a_put_replaces_and_takes_what_a_get_gave', async () => {
  await makeJob(server, {name: 'whole', description: 'd', retries: 7, params: {command: 'true', env: {API_TOKEN: 'hidden'}}});
  const got = await get('/api/cron/jobs/whole');
  delete got.description;
  const put = await ask(server, 'PUT', '/api/cron/jobs/whole', 200, {body: got});
  equal([put.description, put.retries, put.id], [null, 7, got.id]);
  equal((await ask(server, 'PUT', '/api/cron/jobs/whole', 400, {body: {name: 'whole', command: 'shell'}})).field, 'schedule');
});
await test('an_edit_of_another_version_is_refused', async () => {
  await makeJob(server, {name: 'tagged'});
  const got = await request(server, 'GET', '/api/cron/jobs/tagged');
  await patch('/api/cron/jobs/tagged', {description: 'a'}, 200, {headers: {'If-Match': got.headers.etag}});
  await patch('/api/cron/jobs/tagged', {description: 'b'}, 412, {headers: {'If-Match': got.headers.etag}});
  await patch('/api/cron/jobs/tagged', {description: 'b'}, 412, {headers: {'If-Match': '"x"'}});
  await patch('/api/cron/jobs/tagged', {description: 'c'}, 200, {headers: {'If-Match': '*'}});
  await ask(server, 'DELETE', '/api/cron/jobs/tagged', 412, {headers: {'If-Match': got.headers.etag}});
});
await test('edits_at_one_moment_all_count', async () => {
  await makeJob(server, {name: 'busy'});
  await Promise.all([patch('/api/cron/jobs/busy', {description: 'd'}), patch('/api/cron/jobs/busy', {category: 'C'}), patch('/api/cron/jobs/busy', {priority: 2})]);
  const {description, category, priority} = await get('/api/cron/jobs/busy');
  equal([description, category, priority], ['d', 'C', 2]);
});
await test('a_deleted_job_is_gone', async () => {
  await makeJob(server, {name: 'gone'});
  await ask(server, 'DELETE', '/api/cron/jobs/gone', 204);
  await get('/api/cron/jobs/gone', 404);
});
await test('lists_page_and_filter', async () => {
  for (let i = 0; i < 25; i++) await makeJob(server, {name: `page-${String(i).padStart(2, '0')}`, category: 'PAGES', isActive: i % 5 !== 0, labels: {tier: i < 3 ? 'a' : 'b'}});
  const names = [];
  let cursor = null, pages = 0;
  do {
    const page = await get('/api/cron/jobs?category=PAGES&limit=10' + (cursor ? '&cursor=' + encodeURIComponent(cursor) : ''));
    names.push(...page.data.map((job) => job.name));
    cursor = page.nextCursor;
    pages++;
  } while (cursor);
  equal([pages, names.length, [...names].sort().join() === names.join()], [3, 25, true]);
  equal((await get('/api/cron/jobs?category=PAGES&active=false')).data.length, 5);
  equal((await get('/api/cron/jobs?search=page-1')).data.length, 10);
  equal((await get('/api/cron/jobs?label=tier%3Da')).data.length, 3);
  equal((await get('/api/cron/jobs?category=NONE')).data, []);
});

// ---- running ----
let execution = null;
await test('a_run_answers_at_once_or_with_its_end', async () => {
  await makeJob(server, {name: 'echo', category: 'SYNC', params: {command: 'echo one; echo two; echo three'}});
  const now = await post('/api/cron/jobs/echo/run', {}, 202);
  assert(/^c[a-z0-9]{24}$/.test(now.executionId), 'executionId');
  equal(now.status, null);
  await until(async () => (await get('/api/cron/executions/' + now.executionId)).status === 'success', 'its end');
  const done = await run('echo');
  equal([done.status, done.execution.triggeredBy, done.execution.exitCode, done.execution.output], ['success', 'manual', 0, 'one\ntwo\nthree\n']);
  execution = done.executionId;
});
await test('waiting_ends_with_its_time', async () => {
  await makeJob(server, {name: 'slow', params: {command: 'sleep 30'}});
  const got = await request(server, 'POST', '/api/cron/jobs/slow/run', {body: {}, headers: {Prefer: 'wait=1'}});
  equal([got.status, got.data.status], [202, null]);
  const monitoring = await get('/api/cron/monitoring');
  equal(monitoring.currentlyRunning[0].jobName, 'slow'); // C-104
  equal((await get('/api/cron/jobs/slow/why')).state, 'running');
  equal((await get('/api/cron/dashboard')).runningJobs, 1); // C-93
  await ask(server, 'POST', `/api/cron/executions/${got.data.executionId}/cancel`, 202, {body: {}});
  const ended = await until(async () => { const one = await get('/api/cron/executions/' + got.data.executionId); return one.finishedAt && one; }, 'its end');
  equal(ended.status, 'cancelled');
  await ask(server, 'POST', `/api/cron/executions/${got.data.executionId}/cancel`, 409, {body: {}});
  equal((await get('/api/cron/monitoring')).currentlyRunning, []);
});
await test('output_comes_whole_by_bytes_or_by_lines', async () => {
  const target = `/api/cron/executions/${execution}/output`;
  const text = async (query, headers = {}) => { const got = await request(server, 'GET', target + query, {headers}); return [got.status, got.text, got.headers['content-range'] ?? null]; };
  equal(await text(''), [200, 'one\ntwo\nthree\n', null]);
  equal(await text('?from=2&to=2'), [200, 'two\n', null]);
  equal(await text('?tail=2'), [200, 'two\nthree\n', null]);
  equal(await text('', {Range: 'bytes=4-6'}), [206, 'two', 'bytes 4-6/14']);
  equal(await text('', {Range: 'bytes=-6'}), [206, 'three\n', 'bytes 8-13/14']);
  equal((await text('', {Range: 'bytes=99-'}))[0], 416);
});
await test('a_repeated_key_does_not_run_twice', async () => {
  const before = (await get('/api/cron/jobs/echo/executions')).data.length;
  const key = {headers: {'Idempotency-Key': 'k-1'}};
  const first = await post('/api/cron/jobs/echo/run', {}, 202, key), again = await request(server, 'POST', '/api/cron/jobs/echo/run', {body: {}, ...key});
  equal([again.status, again.data.executionId, again.headers['idempotent-replayed']], [202, first.executionId, 'true']);
  await post('/api/cron/jobs/echo/run', {params: {command: 'true'}}, 409, key);
  await until(async () => (await get('/api/cron/executions/' + first.executionId)).finishedAt, 'its end');
  equal((await get('/api/cron/jobs/echo/executions')).data.length, before + 1);
  const made = {name: 'once', schedule: '@daily', command: 'shell', params: {command: 'true'}};
  const one = await post('/api/cron/jobs', made, 201, key), two = await request(server, 'POST', '/api/cron/jobs', {body: made, ...key});
  equal([two.status, two.data.id, two.headers.location], [201, one.id, '/api/cron/jobs/' + one.id]);
});
await test('a_failed_run_says_so', async () => {
  await makeJob(server, {name: 'fails', params: {command: 'echo oops >&2; exit 3'}});
  const got = await run('fails');
  equal([got.success, got.status, got.execution.exitCode, got.execution.reason], [false, 'failed', 3, 'failed']);
  const row = (await get('/api/cron/jobs?status=failed')).data.map((job) => job.name);
  equal(row, ['fails']);
});
await test('executions_page_and_filter', async () => {
  const all = await get('/api/cron/executions?limit=1000');
  const ids = [];
  for (let cursor = ''; cursor !== null;) {
    const page = await get('/api/cron/executions?limit=2' + (cursor && '&cursor=' + cursor));
    ids.push(...page.data.map((one) => one.id));
    cursor = page.nextCursor;
  }
  equal(ids, all.data.map((one) => one.id));
  assert(!('output' in all.data[0]), 'lists come without output');
  equal((await get('/api/cron/executions?job=fails&status=failed,timeout')).data.length, 1);
  equal((await get('/api/cron/executions?job=fails&status=success')).data.length, 0);
  equal((await get('/api/cron/executions?triggeredBy=schedule')).data.length, 0);
});
await test('metrics_count_and_measure', async () => {
  const m = await get('/api/cron/jobs/fails/metrics');
  equal([m.runs, m.failures, m.successRate, m.consecutiveFailures], [1, 1, 0, 1]);
  const none = await get('/api/cron/jobs/plain/metrics');
  equal([none.runs, none.successRate, none.p95Ms], [0, null, null]);
});
await test('stop_unschedules_and_kills_if_asked', async () => {
  await makeJob(server, {name: 'stopped', params: {command: 'sleep 60'}});
  const running = await post('/api/cron/jobs/stopped/run', {}, 202);
  const got = await post('/api/cron/jobs/stopped/stop', {kill: true});
  equal([got.isActive, got.cancelled], [false, [running.executionId]]);
  const job = await get('/api/cron/jobs/stopped');
  equal(job.isActive, false);
  await until(async () => (await get('/api/cron/jobs/stopped')).nextRunAt === null, 'nextRunAt follows within a second');
  await until(async () => (await get('/api/cron/executions/' + running.executionId)).status === 'cancelled', 'its end');
  equal((await get('/api/cron/jobs/stopped/why')).state, 'disabled');
});
await test('pause_and_resume_of_one_a_category_and_all', async () => {
  const gate = async (name) => (await get('/api/cron/jobs/' + name)).gate;
  const until_ = new Date(Date.now() + 3600e3).toISOString();
  equal((await post('/api/cron/jobs/echo/pause', {until: until_})).until, until_);
  equal([await gate('echo'), (await get('/api/cron/jobs/echo/why')).state], ['paused', 'paused']);
  await post('/api/cron/jobs/echo/resume', {});
  equal(await gate('echo'), 'open');
  await post('/api/cron/pause', {category: 'SYNC', for: '1h'});
  equal([await gate('echo'), await gate('plain')], ['paused', 'open']);
  await post('/api/cron/resume', {category: 'SYNC'});
  await post('/api/cron/pause', {all: true});
  equal([await gate('echo'), await gate('plain')], ['paused', 'paused']);
  await post('/api/cron/resume', {all: true});
  equal(await gate('plain'), 'open');
  equal((await post('/api/cron/pause', {}, 400)).field, 'category');
  equal((await post('/api/cron/jobs/echo/pause', {until: '2001-01-01T00:00:00Z'}, 400)).field, 'until');
  equal((await post('/api/cron/jobs/echo/pause', {for: 'long'}, 400)).field, 'for');
});

// ---- rights on the job itself ----
await test('critical_jobs_are_the_admins', async () => { // C-112, X-22
  await makeJob(server, {name: 'vital', critical: true});
  await patch('/api/cron/jobs/vital', {description: 'x'}, 403, {token: editor});
  await patch('/api/cron/jobs/plain', {description: 'x'}, 200, {token: editor});
  await patch('/api/cron/jobs/plain', {description: 'x'}, 403, {token: operator});
  equal((await patch('/api/cron/jobs/plain', {critical: true}, 403, {token: editor})).field, 'critical');
  await run('echo', {token: operator});
  await ask(server, 'POST', '/api/cron/jobs/vital/run', 403, {body: {}, token: operator});
  await run('vital');
  await patch('/api/cron/jobs/vital', {description: 'x'});
  await ask(server, 'DELETE', '/api/cron/jobs/vital', 403, {token: editor});
  for (const change of [{runAs: 'nobody'}, {noNewPrivs: false}]) await patch('/api/cron/jobs/plain', change, 403, {token: editor});
});
await test('what_a_privileged_job_does_is_the_admins', async () => { // C-112
  await makeJob(server, {name: 'raised', noNewPrivs: false});
  const params = {command: 'id'};
  equal((await patch('/api/cron/jobs/raised', {params}, 403, {token: editor})).field, 'params');
  equal((await patch('/api/cron/jobs/raised', {command: 'http', params: {url: 'https://example.com/'}}, 403, {token: editor})).field, 'command');
  equal((await post('/api/cron/jobs/raised/run', {params}, 403, {token: editor})).field, 'params');
  await patch('/api/cron/jobs/raised', {description: 'x'}, 200, {token: editor});
  await patch('/api/cron/jobs/raised', {noNewPrivs: true, params}, 200, {token: editor}); // gives them up
  await patch('/api/cron/jobs/raised', {noNewPrivs: false, params: {command: 'true'}});
});
await test('other_params_need_an_editor', async () => {
  await post('/api/cron/jobs/echo/run', {params: {command: 'echo mine'}}, 403, {token: operator});
  const got = await post('/api/cron/jobs/echo/run', {params: {command: 'echo mine'}}, 200, {token: editor, headers: {Prefer: 'wait=20'}});
  equal(got.execution.output, 'mine\n');
  equal((await get('/api/cron/jobs/echo')).params.command, 'echo one; echo two; echo three');
});
await test('a_token_for_one_job_reaches_no_other', async () => {
  const token = await makeToken(server, 'operator', {scope: {jobs: ['echo']}});
  await run('echo', {token});
  for (const [method, path] of [['POST', '/api/cron/jobs/plain/run'], ['GET', '/api/cron/jobs/plain'], ['GET', '/api/cron/jobs'], ['GET', '/api/cron/stream'], ['GET', '/api/cron/logs']])
    await ask(server, method, path, 403, {token, body: method === 'POST' ? {} : undefined});
  const foreign = (await get('/api/cron/jobs/fails/executions')).data[0].id;
  await ask(server, 'GET', `/api/cron/executions/${foreign}/output`, 403, {token});
  equal((await request(server, 'GET', `/api/cron/executions/${execution}/output`, {token})).status, 200);
});
await test('secrets_are_shown_nowhere_and_survive_an_edit', async () => { // U-10
  const canary = 'canary-5f1d';
  await makeJob(server, {name: 'secretive', params: {command: 'echo "$API_TOKEN" | wc -c', env: {API_TOKEN: canary}}});
  await patch('/api/cron/jobs/secretive', {params: {command: 'echo "$API_TOKEN" | wc -c', env: {API_TOKEN: '***'}}});
  equal((await run('secretive')).execution.output.trim(), String(canary.length + 1));
  const led = {params: {command: 'echo "$API_TOKEN"', env: {API_TOKEN: '***'}}}; // who cannot see it leads it nowhere
  await ask(server, 'PATCH', '/api/cron/jobs/secretive', 400, {token: await makeToken(server, 'editor'), body: led});
  await patch('/api/cron/settings', {slackWebhook: 'https://hooks.example/' + canary});
  await patch('/api/cron/settings', {slackWebhook: '***', keepExecutions: 999});
  for (const path of ['/api/cron/jobs/secretive', '/api/cron/jobs', '/api/cron/settings', '/api/cron/executions', '/api/admin/audit-log?limit=1000', '/api/cron/logs?limit=10000', '/api/admin/config'])
    assert(!(await request(server, 'GET', path)).text.includes(canary), path);
  equal((await get('/api/cron/settings')).slackWebhook, '***');
});

// ---- the seeds' doors ----
await test('the_manager_answers_as_the_seed_asks', async () => {
  const {data} = await get('/api/admin/cron-jobs');
  const {totalJobs, enabledJobs, disabledJobs, runningJobs, jobs} = data.cronManager;
  equal([totalJobs, enabledJobs + disabledJobs, runningJobs], [jobs.length, totalJobs, 0]);
  equal(Object.keys(data.jobMetrics), ['cleanup', 'sync', 'autoPause', 'memoryConsolidation', 'emergentEvents', 'timestamp']);
  equal(data.redis.mode, 'embedded');
  await post('/api/admin/cron-jobs', {action: 'disable', jobName: 'plain'});
  const after = (await get('/api/admin/cron-jobs')).data.cronManager;
  equal([after.disabledJobs, after.enabledJobs], [disabledJobs + 1, enabledJobs - 1]);
});
await test('the_managers_actions', async () => { // … A-64
  equal((await post('/api/admin/cron-jobs', {action: 'enable', jobName: 'plain'})).isActive, true);
  await until(async () => (await get('/api/cron/jobs/plain')).nextRunAt, 'nextRunAt');
  const got = await post('/api/admin/cron-jobs', {action: 'run', jobName: 'slow'});
  equal((await get('/api/cron/executions/' + got.executionId)).triggeredBy, 'manual');
  const refused = await post('/api/admin/cron-jobs', {action: 'run', jobName: 'slow'}, 409);
  equal([refused.code, /^it is running or queued already: execution c/.test(refused.detail)], ['conflict', true]);
  await post(`/api/cron/executions/${got.executionId}/cancel`, {}, 202);
  await post('/api/admin/cron-jobs', {action: 'run', jobName: 'nope'}, 404);
  equal((await post('/api/admin/cron-jobs', {action: 'run'}, 400)).field, 'jobName');
  const bad = await post('/api/admin/cron-jobs', {action: 'explode'}, 400);
  for (const action of ['run', 'enable', 'disable', 'stop-all', 'restart-all']) assert(bad.hint.includes(action), action);
});
await test('stop_all_stops_the_six_world_jobs', async () => {
  const six = ['cleanup', 'sync', 'auto-pause', 'memory-consolidation', 'emergent-events', 'delete-scheduled-worlds'];
  for (const name of six) if ((await request(server, 'GET', '/api/cron/jobs/' + name)).status === 404) await makeJob(server, {name, schedule: '0 * * * *', params: {command: 'echo "{\\"n\\":1}" >&3'}});
  await patch('/api/cron/jobs/cleanup', {command: 'shell', params: {command: 'sleep 1; echo done'}, schedule: '0 * * * *'});
  const running = await post('/api/cron/jobs/cleanup/run', {}, 202);
  equal((await post('/api/admin/cron-jobs', {action: 'stop-all'})).jobs, six);
  await until(async () => (await get('/api/cron/executions/' + running.executionId)).status === 'success', 'what runs ends by itself');
  const next = async (name) => (await get('/api/cron/jobs/' + name)).nextRunAt;
  for (const name of six) await until(async () => await next(name) === null, name); // follows within a second
  assert(await next('plain'), 'others go on');
  equal((await get('/api/cron/jobs/cleanup/why')).state, 'off');
  equal((await post('/api/admin/cron-jobs', {action: 'restart-all'})).jobs, six);
  for (const name of six) await until(() => next(name), name);
});
await test('the_cron_doors_run_by_secret', async () => { // B-29, B-31, B-37, X-9, X-22
  const path = '/api/cron/auto-pause-worlds';
  await ask(server, 'POST', path, 401, {token: null});
  await ask(server, 'POST', path, 401, {token: 'wrong'});
  const got = await ask(server, 'POST', path, 200, {token: secret});
  equal([got.success, typeof got.durationMs], [true, 'number']);
  equal((await get('/api/cron/executions/' + got.executionId)).triggeredBy, 'api');
  const seen = await ask(server, 'GET', path, 200, {token: secret});
  equal(seen.lastExecution.id, got.executionId);
  const vercel = await ask(server, 'GET', path, 200, {token: secret, headers: {'User-Agent': 'vercel-cron/1.0'}});
  assert(vercel.executionId !== got.executionId, 'Vercel runs by GET');
  for (const other of ['/api/cron/jobs', '/api/admin/cron-jobs']) await ask(server, 'GET', other, 403, {token: secret});
  await makeJob(server, {name: 'auto-pause-worlds'});
  equal((await get('/api/cron/jobs/auto-pause-worlds')).name, 'auto-pause-worlds');
});

// ---- overview, settings, audit ----
await test('the_dashboard_counts', async () => { // C-91 … C-98
  const board = await get('/api/cron/dashboard');
  const jobs = (await get('/api/cron/jobs?limit=1000')).data, runs = (await get('/api/cron/executions?limit=1000')).data;
  equal([board.totalJobs, board.activeJobs], [jobs.length, jobs.filter((job) => job.isActive).length]);
  await until(async () => (await get('/api/cron/dashboard')).failedJobs > 0, 'failedJobs follows within a second');
  equal((await get('/api/cron/dashboard')).failedJobs, jobs.filter((job) => ['failed', 'timeout', 'lost'].includes(job.lastExecution?.status)).length);
  equal(board.recentExecutions.map((one) => one.id), runs.slice(0, board.recentExecutions.length).map((one) => one.id));
  const next = jobs.map((job) => job.nextRunAt).filter(Boolean).sort();
  equal(board.upcomingJobs.map((job) => job.nextRunAt), next.slice(0, 10));
  const ended = runs.filter((one) => one.finishedAt && one.startedAt), counted = ended.filter((one) => !['cancelled', 'skipped'].includes(one.status));
  const good = ended.filter((one) => one.status === 'success').length;
  assert([ended.length, counted.length].some((n) => Math.abs(board.successRate - good / n) < 1e-9), `successRate ${board.successRate}`);
  const mean = (list) => list.reduce((sum, one) => sum + one.duration, 0) / list.length;
  assert([ended, counted].some((list) => Math.abs(board.avgExecutionTime - mean(list)) <= 1), `avgExecutionTime ${board.avgExecutionTime}`);
});
await test('monitoring_has_load_and_log', async () => { // C-105, C-106
  await makeJob(server, {name: 'chatty', allowConcurrent: true});
  await Promise.all(Array.from({length: 110}, () => post('/api/cron/jobs/chatty/run', {}, 202)));
  const lines = await until(async () => { const {data} = await get('/api/cron/logs?limit=1000'); return data.length > 260 && data; }, 'enough lines');
  const got = await get('/api/cron/monitoring');
  equal(got.liveLogs.length, 200);
  assert(got.liveLogs.includes(lines.at(-1)), 'the newest line is among them');
  assert(Array.isArray(got.liveLogs) && got.liveLogs.length > 0, 'liveLogs');
  for (const key of ['cpu', 'memory', 'activeCrons']) assert(typeof got.systemLoad[key] === 'number', key);
  assert(got.systemLoad.cpu >= 0 && got.systemLoad.cpu <= 100, 'cpu');
});
await test('three_failures_in_a_row_alert', async () => {
  equal((await get('/api/cron/monitoring')).alerts, []);
  await run('fails');
  await run('fails');
  equal((await get('/api/cron/monitoring')).alerts.map((one) => [one.jobName, one.count]), [['fails', 3]]);
});
await test('settings_are_checked_and_kept', async () => {
  equal((await get('/api/cron/settings')).timezone, 'Europe/Madrid');
  equal((await patch('/api/cron/settings', {maxConcurrentJobs: 7})).maxConcurrentJobs, 7);
  equal((await patch('/api/cron/settings', {timezone: 'Mars/Base'}, 400)).field, 'timezone');
  equal((await patch('/api/cron/settings', {maxConcurrentJobs: 0}, 400)).field, 'maxConcurrentJobs');
  await patch('/api/cron/settings', {maxConcurrentJobs: 8}, 412, {headers: {'If-Match': '"1"'}});
  await patch('/api/cron/settings', {isEnabled: false});
  await until(async () => (await get('/api/cron/jobs/plain')).nextRunAt === null, 'nextRunAt follows within a second');
  await run('echo'); // manual runs still work
  await patch('/api/cron/settings', {isEnabled: true});
  await until(async () => (await get('/api/cron/jobs/plain')).nextRunAt, 'nextRunAt');
});
await test('schedules_are_explained', async () => {
  const got = await post('/api/cron/schedule/explain', {schedule: '30 2 * * *', timezone: 'Europe/Madrid', from: '2026-10-24T12:00:00Z', count: 2, lang: 'es'});
  equal(got.next, ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
  equal(got.nextLocal, ['2026-10-25T02:30:00+02:00', '2026-10-26T02:30:00+01:00']);
  equal(got.kind, 'cron');
  assert(got.warnings.some((one) => one.code === 'dst_overlap'), 'a warning of the overlap');
  const bad = await post('/api/cron/schedule/explain', {schedule: '99 * * * *'}, 400);
  assert(bad.field && bad.column >= 1, 'field and column');
});
await test('every_write_is_in_the_audit_log', async () => { // C-111
  await patch('/api/cron/jobs/plain', {retries: 9});
  const row = (await get('/api/admin/audit-log?limit=1')).data[0];
  equal([row.actor, row.action, row.object, row.after.retries, row.before.retries], ['token:admin.token', 'job.update', 'job:plain', 9, 0]);
  assert(row.requestId && row.address === '127.0.0.1', 'where from');
  const ran = await run('echo', {token: operator});
  const told = await until(async () => (await get('/api/admin/audit-log?limit=5')).data.find((one) => one.action === 'job.run'), 'the row of the run');
  equal([told.object, told.after.executionId], ['job:echo', ran.executionId]);
  assert(told.actor.startsWith('token:operator-'), 'by whom');
  equal((await get('/api/admin/audit-log/verify')).ok, true);
});
await test('a_backup_is_made_while_it_runs', async () => {
  const got = await post('/api/admin/backup', {}, 201);
  assert(/^sereno-\d{4}-\d\d-\d\d-\d{6}\.db$/.test(got.name), got.name);
  assert(fs.statSync(got.path).size > 4096 && (fs.statSync(got.path).mode & 0o077) === 0, 'a file of the owner alone');
  await post('/api/admin/backup', {name: 'mine.db'}, 201);
  equal((await post('/api/admin/backup', {name: 'mine.db'}, 409)).field, 'name');
  for (const name of ['../x', '.hidden', 'a/b', '']) equal((await post('/api/admin/backup', {name}, 400)).field, 'name');
});
await test('the_ledger_is_proved', async () => {
  const got = await get('/api/cron/audit');
  equal([got.ok, got.differences], [true, []]);
});
await server.finish();

const off = await serve({env: {ENABLE_CRON_JOBS: 'false'}});
await test('a_switched_off_server_runs_only_by_hand', async () => {
  await makeJob(off, {name: 'quiet', schedule: '* * * * * *', params: {command: 'echo by hand'}});
  const seen = () => ask(off, 'GET', '/api/cron/jobs/quiet', 200);
  equal([(await seen()).nextRunAt, (await ask(off, 'GET', '/api/cron/jobs/quiet/why', 200)).state], [null, 'off']);
  const got = await ask(off, 'POST', '/api/cron/jobs/quiet/run', 200, {body: {}, headers: {Prefer: 'wait=20'}});
  equal(got.execution.output, 'by hand\n');
  equal((await ask(off, 'GET', '/api/cron/jobs/quiet/executions', 200)).data.map((one) => one.triggeredBy), ['manual']);
});
await off.finish();

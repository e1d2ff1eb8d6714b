// A job is tried without being saved: POST /api/cron/jobs/test and …/{job}/test.
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {assert, ask, binary, equal, listen, makeJob, makeToken, request, serve, test, until} from './lib.mjs';

const server = await serve();
const editor = await makeToken(server, 'editor'), operator = await makeToken(server, 'operator');
const get = (path, status = 200) => ask(server, 'GET', path, status);
const post = (path, body, status = 200, options = {}) => ask(server, 'POST', path, status, {body, ...options});
const draft = (params, more = {}) => ({name: 'draft', schedule: '* * * * *', command: 'shell', params: typeof params === 'string' ? {command: params} : params, ...more});
const waiting = {headers: {Prefer: 'wait=20'}};
const attempt = (body, options = {}) => post('/api/cron/jobs/test', body, 200, {...options, headers: waiting.headers});

await test('a_job_that_is_not_saved_runs_once_and_is_on_record', async () => {
  const before = await get('/api/cron/jobs?limit=1000');
  const {execution, success} = await attempt(draft('echo hello; exit 3', {retries: 5, alertOnFailure: true}), {token: editor});
  equal([success, execution.status, execution.triggeredBy, execution.attempt, execution.dueAt, execution.exitCode, execution.output.trim()], [false, 'failed', 'test', 1, null, 3, 'hello']);
  assert(/^token:editor-/.test(execution.requestedBy), 'who');
  const again = await get('/api/cron/executions/' + execution.id);
  equal([again.triggeredBy, again.output, typeof again.cpuUserUs], ['test', 'hello\n', 'number']); // with its bill
  assert((await get('/api/cron/executions?triggeredBy=test')).data.some((one) => one.id === execution.id), 'in the list of runs');
  const after = await get('/api/cron/jobs?limit=1000');
  equal([after.total, after.data.map((job) => job.name)], [before.total, before.data.map((job) => job.name)]);
  const context = await get(`/api/cron/executions/${execution.id}/context`);
  equal(context.attempts.length, 1);
});
await test('exit_75_asks_in_vain_for_another_attempt', async () => {
  const {execution} = await attempt(draft('exit 75', {retries: 3}));
  equal([execution.status, execution.exitCode], ['failed', 75]);
  equal((await get(`/api/cron/executions/${execution.id}/context`)).attempts.length, 1);
});
await test('it_is_nowhere_a_job', async () => {
  const {execution, jobId, jobName} = await attempt(draft('true', {name: 'not a job', category: 'TRIED', labels: {only: 'here'}}));
  for (const key of [jobId, encodeURIComponent(jobName), 'not%20a%20job']) {
    for (const route of ['', '/why', '/metrics', '/executions', '/occurrences', '/history']) await get(`/api/cron/jobs/${key}${route}`, 404);
    await post(`/api/cron/jobs/${key}/run`, {}, 404);
    await ask(server, 'PATCH', `/api/cron/jobs/${key}`, 404, {body: {isActive: true}});
    await ask(server, 'DELETE', `/api/cron/jobs/${key}`, 404);
    await post(`/api/cron/jobs/${key}/history/1/restore`, {}, 404);
  }
  for (const list of ['jobs?limit=1000', 'jobs?search=not', 'jobs?category=TRIED', 'jobs?label=only', 'jobs?status=success', 'jobs?active=false', 'jobs?q=' + encodeURIComponent('not'), 'jobs/compact?limit=1000', 'jobs/compact?q=tag:TRIED', 'filters', 'round', 'dashboard', 'diagnosis'])
    assert(!JSON.stringify(await get('/api/cron/' + list)).replaceAll(/"recentExecutions":\[.*?\],"avg/g, '').includes('not a job') || list === 'round', list);
  equal((await get('/api/cron/executions/' + execution.id)).jobName, jobName);
  const board = await get('/api/cron/dashboard'), page = await get('/api/cron/jobs?limit=1000');
  equal([board.totalJobs, board.failedJobs], [page.data.length, page.data.filter((job) => ['failed', 'timeout', 'lost'].includes(job.lastExecution?.status)).length]);
});
await test('it_is_checked_as_saving_does', async () => {
  const rows = [[{name: undefined}, 'name'], [{schedule: 'x'}, null], [{command: 'none'}, 'command'], [{params: {}}, null], [{colour: 1}, 'colour'], [{timezone: 'Mars/X'}, 'timezone'], [{params: {command: 'true', env: {A_TOKEN: '***'}}}, 'params']];
  for (const [change, field] of rows) {
    const got = await request(server, 'POST', '/api/cron/jobs/test', {body: {...draft('true'), ...change}});
    equal(got.status, 400, JSON.stringify(change));
    if (field) equal(got.data.field, field, JSON.stringify(change));
  }
  await post('/api/cron/jobs/test', draft('true', {critical: true}), 403, {token: editor});
  await post('/api/cron/jobs/test', draft('true', {noNewPrivs: false}), 403, {token: editor});
  await post('/api/cron/jobs/test', draft('true'), 403, {token: operator});
  equal((await get('/api/cron/executions?limit=1000')).data.length, 3, 'nothing of these ran');
});
await test('changes_of_a_saved_job_are_tried_with_its_secrets', async () => {
  await makeJob(server, {name: 'kept', params: {command: 'printenv MY_TOKEN | wc -c', env: {MY_TOKEN: 'twelve bytes'}}});
  const {params} = await get('/api/cron/jobs/kept');
  equal(params.env.MY_TOKEN, '***');
  const {execution} = await post('/api/cron/jobs/kept/test', {params, description: 'changed'}, 200, waiting);
  equal([execution.output.trim(), execution.triggeredBy], ['13', 'test']);
  await post('/api/cron/jobs/kept/test', {params: {...params, command: 'printenv MY_TOKEN'}}, 400, {token: editor}); // leads it elsewhere
  const kept = await get('/api/cron/jobs/kept');
  equal([kept.description, kept.version, kept.lastExecution, (await get('/api/cron/jobs/kept/executions')).data.length], [null, 1, null, 0]);
});
await test('it_is_watched_and_stopped_while_it_runs', async () => {
  const {executionId} = await post('/api/cron/jobs/test', draft('echo begun; sleep 300'), 202, {token: editor});
  const stream = await listen(server, `/api/cron/stream?topics=runs,output&execution=${executionId}`, {token: editor});
  await until(async () => (await request(server, 'GET', `/api/cron/executions/${executionId}/output`)).text.includes('begun'), 'live output');
  await ask(server, 'POST', `/api/cron/executions/${executionId}/cancel`, 202, {token: editor, body: {}});
  await until(async () => (await get('/api/cron/executions/' + executionId)).status === 'cancelled', 'stopped');
  await until(() => stream.events.some((one) => one.data.status === 'cancelled'), 'told');
  stream.close();
});
await test('it_is_bounded_whatever_the_job_says', async () => {
  const rows = [[{}, 900], [{timeout: 86400}, 900], [{timeout: 2}, 2]];
  for (const [more, want] of rows) {
    const {executionId} = await post('/api/cron/jobs/test', draft('sleep 30', more), 202);
    const row = execFileSync('sqlite3', ['-cmd', '.timeout 5000', path.join(server.data, 'sereno.db'), `SELECT j."timeout", j."isActive", j."retries" FROM "CronExecution" e JOIN "CronJob" j ON j."id"=e."jobId" WHERE e."id"='${executionId}'`], {encoding: 'utf8'}).trim();
    equal(row, `${want}|0|0`);
    if (want === 2) await until(async () => (await get('/api/cron/executions/' + executionId)).status === 'timeout', 'its own timeout');
    else await ask(server, 'POST', `/api/cron/executions/${executionId}/cancel`, 202, {body: {}});
  }
});
await test('the_audit_says_who_tried_what', async () => {
  const rows = (await get('/api/admin/audit-log?limit=1000')).data.filter((row) => row.action === 'job.test' && /not a job/.test(row.object));
  equal([rows.length, rows[0].actor.startsWith('token:'), rows[0].after.name, rows[0].after.command, rows[0].after.labels.only], [1, true, 'not a job', 'shell', 'here']);
  const runs = (await get('/api/admin/audit-log?limit=1000')).data.filter((row) => row.action === 'job.run' && /not a job/.test(row.object));
  assert(/^c[a-z0-9]{24}$/.test(runs[0].after.executionId), 'and which run it was');
  const proof = spawnSync(binary, ['audit', '--json'], {encoding: 'utf8', env: {...process.env, SERENO_DATA: server.data, SERENO_URL: `http://127.0.0.1:${server.port}`}});
  equal(proof.status, 0, proof.stdout + proof.stderr); // and the ledger misses nothing
});
await test('a_crash_in_the_middle_leaves_nothing_running_and_nothing_lost', async () => {
  const marker = path.join(server.folder, 'marker');
  const {executionId} = await post('/api/cron/jobs/test', draft(`sleep 1; echo ran >> ${marker}; echo after`), 202);
  await until(async () => (await get('/api/cron/executions/' + executionId)).status === 'running', 'it runs');
  server.child.kill('SIGKILL');
  await server.ended;
  await server.start();
  const ended = await until(async () => { const one = await get('/api/cron/executions/' + executionId); return one.finishedAt && one; }, 'its end');
  equal([ended.status, ended.triggeredBy, fs.readFileSync(marker, 'utf8')], ['success', 'test', 'ran\n']);
  equal((await get('/api/cron/monitoring')).currentlyRunning, []);
  equal((await get('/api/cron/jobs?limit=1000')).data.map((job) => job.name).filter((name) => /draft/.test(name)), []);
});
await test('the_command_line_tries_a_file', async () => {
  const file = path.join(server.folder, 'job.json'), env = {...process.env, SERENO_DATA: server.data, SERENO_URL: `http://127.0.0.1:${server.port}`};
  fs.writeFileSync(file, JSON.stringify(draft('echo from a file; exit 4')));
  const got = spawnSync(binary, ['jobs', 'test', file], {encoding: 'utf8', env});
  equal([got.status, got.stdout.trim()], [1, 'from a file'], got.stderr);
  assert(/draft.*failed/.test(got.stderr), got.stderr);
  const good = spawnSync(binary, ['jobs', 'test', file, '--shell', 'echo instead', '--json'], {encoding: 'utf8', env});
  equal([good.status, JSON.parse(good.stdout).triggeredBy], [0, 'test'], good.stderr);
});

await server.finish();

// Lists of jobs as pages and the command line ask for them: the filter language, compact rows, history and restoring.
import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {binary, serve, request, ask, test, equal, assert, until, makeJob, makeToken} from './lib.mjs';

const server = await serve({});
const editor = await makeToken(server, 'editor'), viewer = await makeToken(server, 'viewer');
const get = (path, status = 200, options = {}) => ask(server, 'GET', path, status, options);
const post = (path, body, status = 200, options = {}) => ask(server, 'POST', path, status, {body, ...options});
const patch = (path, body, status = 200, options = {}) => ask(server, 'PATCH', path, status, {body, ...options});
const run = (name) => post(`/api/cron/jobs/${name}/run`, {}, 200, {headers: {Prefer: 'wait=20'}});
const compact = (query) => get('/api/cron/jobs/compact?' + new URLSearchParams(query));
const rowsOf = (page) => page.rows.map((row) => Object.fromEntries(page.columns.map((name, i) => [name, row[i]])));
const names = async (q) => (await get('/api/cron/jobs?' + new URLSearchParams({q}))).data.map((job) => job.name);

const shell = (name, command, more) => makeJob(server, {name, schedule: '0 3 * * *', params: {command}, ...more});
await shell('filtro-bien', 'true', {category: 'SYNC', labels: {owner: 'ana', casa: ''}});
await shell('filtro-falla', 'exit 3', {category: 'CLEANUP', labels: {owner: 'eva', sitio: 'Málaga'}, description: 'Lee la calefacción'});
await shell('filtro-nunca', 'true', {schedule: '@every 9m'});
await run('filtro-bien');
await run('filtro-falla');
await run('filtro-falla');

await test('U-13_jobs_are_filtered_by_every_column', async () => {
  const rows = [
    ['status:failed', ['filtro-falla']], ['status:success name~filtro', ['filtro-bien']], ['status:never name~filtro', ['filtro-nunca']],
    ['name~filtro -status:failed,never', ['filtro-bien']], ['cat:SYNC name~filtro', ['filtro-bien']], ['owner:eva', ['filtro-falla']],
    ['tag:casa', ['filtro-bien']], ['tag:sitio=malaga', ['filtro-falla']], ['CALEFACCION', ['filtro-falla']],
    ['fails>=2', ['filtro-falla']], ['success<50 success:any', ['filtro-falla']], ['last<1h cat:CLEANUP', ['filtro-falla']],
    ['name:filtro-* cron~@every', ['filtro-nunca']], ['name~filtro next>20h next<25h', []], ['took<1h status:failed', ['filtro-falla']],
  ];
  const due = await names('name~filtro next<25h');
  assert(due.includes('filtro-bien') && due.includes('filtro-nunca'), due.join());
  for (const [q, want] of rows.filter(([q]) => !q.includes('20h'))) equal([q, await names(q)], [q, want]);
});
await test('a_wrong_filter_names_its_column', async () => {
  const got = await request(server, 'GET', '/api/cron/jobs?q=' + encodeURIComponent('a status:faild'));
  equal([got.status, got.data.field, got.data.column], [400, 'q', 10]);
  assert(got.data.hint.includes('failed'), got.data.hint);
  await get('/api/cron/jobs?q=a&category=b', 400);
});
await test('runs_are_filtered', async () => {
  const runs = async (q) => (await get('/api/cron/executions?' + new URLSearchParams({q}))).data.map((r) => r.jobName);
  equal(await runs('status:failed'), ['filtro-falla', 'filtro-falla']);
  equal(await runs('exit:3 owner:eva trigger:manual'), ['filtro-falla', 'filtro-falla']);
  equal(await runs('bien started<1h'), ['filtro-bien']);
  equal(await runs('job~filtro -job:*falla'), ['filtro-bien']);
  equal(await runs('took>1h'), []);
  const first = await get('/api/cron/executions?limit=1&q=status:failed');
  const second = await get('/api/cron/executions?limit=1&q=status:failed&cursor=' + first.nextCursor);
  assert(first.data[0].id !== second.data[0].id);
});
// The first answers are the store's, the others come from the jobs in memory: the same ones.
await test('U-13_runs_are_found_by_what_their_jobs_are', async () => {
  const runs = async (q) => (await get('/api/cron/executions?' + new URLSearchParams({q}))).data.map((r) => r.jobName);
  const rows = [['cat:SYNC', ['filtro-bien']], ['owner:eva', ['filtro-falla', 'filtro-falla']], ['tag:sitio=málaga status:failed', ['filtro-falla', 'filtro-falla']],
    ['owner:none', []], ['cat:none', []], ['-owner:eva job~filtro', ['filtro-bien']], ['job:filtro-*', ['filtro-falla', 'filtro-falla', 'filtro-bien']],
    ['calefaccion', []], ['falla', ['filtro-falla', 'filtro-falla']], ['owner:nadie', []], ['tag:casa', ['filtro-bien']]];
  for (let turn = 0; turn < 2; turn++) {
    for (const [q, want] of rows) equal([turn, q, await runs(q)], [turn, q, want]);
    await compact({sort: 'next'}); // from here on every job is in memory
  }
  await patch('/api/cron/jobs/filtro-bien', {category: 'AHORA'});
  equal(await runs('cat:AHORA'), ['filtro-bien']);
  equal(await runs('cat:SYNC'), []);
  await patch('/api/cron/jobs/filtro-bien', {category: 'SYNC'});
  const first = await get('/api/cron/executions?limit=1&q=owner:eva');
  const second = await get('/api/cron/executions?limit=1&q=owner:eva&cursor=' + first.nextCursor);
  assert(first.data[0].id !== second.data[0].id);
});
await test('the_audit_log_is_filtered', async () => {
  const rows = (await get('/api/admin/audit-log?' + new URLSearchParams({q: 'what:job.create target~filtro at<1h'}))).data;
  equal(rows.length, 3);
  equal((await get('/api/admin/audit-log?' + new URLSearchParams({q: 'what:job.nothing'}))).data, []);
});
await test('worlds_are_filtered', async () => {
  await post('/api/worlds', {id: 'w-itaca', name: 'Ítaca', ownerId: 'u1'}, 201);
  await post('/api/worlds', {id: 'w-troya', name: 'Troya', ownerId: 'u1'}, 201);
  const worlds = async (q) => (await get('/api/worlds?' + new URLSearchParams({q}))).data.map((w) => w.id);
  equal(await worlds('name:itaca'), ['w-itaca']);
  equal(await worlds('owner:u1 fav:no active<1d'), ['w-itaca', 'w-troya']);
  equal(await worlds('status:paused'), []);
  await get('/api/worlds?q=' + encodeURIComponent('name>x'), 400);
});
await test('compact_rows_have_what_a_list_shows', async () => {
  const page = await compact({q: 'name~filtro', lang: 'es'});
  const [good, bad, never] = rowsOf(page);
  equal([page.matched, good.name, good.state, good.strip, good.lastStatus, good.fails], [3, 'filtro-bien', 'success', 's', 'success', 0]);
  equal([bad.state, bad.strip, bad.fails, bad.took.length], ['failed', 'ff', 2, 2]);
  equal([never.state, never.strip, never.p50], ['never', '', null]);
  assert(bad.error && good.error === null, 'the error of the last run');
  equal(good.sentence, 'A las 03:00, todos los días');
  assert(good.next > page.at && good.p50 >= 0 && good.labels.owner === 'ana');
  assert(page.total >= 3 && page.states.failed === 1, JSON.stringify(page.states));
  equal((await compact({q: 'name~filtro', lang: 'en'})).rows[0][page.columns.indexOf('sentence')], 'At 03:00, every day');
});
await test('compact_rows_are_sorted_and_cut', async () => {
  const order = async (query) => rowsOf(await compact({q: 'name~filtro', ...query})).map((row) => row.name.slice(7));
  equal(await order({sort: 'state'}), ['falla', 'nunca', 'bien']);
  equal(await order({sort: 'name', down: true}), ['nunca', 'falla', 'bien']);
  equal(await order({sort: 'next'}), ['nunca', 'bien', 'falla']);
  equal(await order({offset: 1, limit: 1}), ['falla']);
  equal(await order({offset: 9}), []);
});
await test('long_lists_are_compressed', async () => {
  for (let i = 0; i < 40; i++) await shell(`largo-${i}`, 'true');
  const answer = await fetch(`http://127.0.0.1:${server.port}/api/cron/jobs/compact`, {headers: {Authorization: `Bearer ${server.token}`, 'Accept-Encoding': 'gzip'}});
  equal(answer.headers.get('content-encoding'), 'gzip');
  assert((await answer.json()).rows.length > 40);
});
await test('what_changes_is_told_as_rows', async () => {
  const page = await compact({limit: 1});
  const stop = new AbortController();
  const stream = await fetch(`http://127.0.0.1:${server.port}/api/cron/stream?topics=jobs`, {headers: {Authorization: `Bearer ${server.token}`}, signal: stop.signal});
  let text = '';
  const reading = (async () => { for await (const piece of stream.body) text += Buffer.from(piece).toString(); })().catch(() => {});
  const told = () => text.split('\n').filter((l) => l.startsWith('data: {"type":"rows"')).flatMap((l) => rowsOf({columns: page.columns, rows: JSON.parse(l.slice(6)).rows}));
  await run('filtro-nunca');
  await until(() => told().some((row) => row.name === 'filtro-nunca' && row.state === 'success' && row.strip === 's' && row.last));
  await post('/api/cron/jobs/filtro-bien/pause', {});
  await until(() => told().some((row) => row.name === 'filtro-bien' && row.state === 'paused' && row.gate === 'paused'));
  equal(await names('status:paused'), ['filtro-bien']);
  equal(await names('status:success name~bien'), ['filtro-bien']); // paused, and its last run went well
  await post('/api/cron/jobs/filtro-bien/resume', {});
  await until(async () => (await names('status:paused')).length === 0);
  stop.abort();
  await reading;
});
await test('an_edit_and_a_deletion_reach_the_list', async () => {
  await shell('pasajera', 'true');
  await until(async () => (await names('pasajera')).length === 1);
  await patch('/api/cron/jobs/pasajera', {category: 'OTRA'});
  await until(async () => (await names('cat:OTRA'))[0] === 'pasajera');
  await ask(server, 'DELETE', '/api/cron/jobs/pasajera', 204);
  await until(async () => (await names('pasajera')).length === 0);
});
await test('more_rows_than_an_event_holds_are_told_in_several', async () => {
  const {columns} = await compact({limit: 1}), said = new Set(), stop = new AbortController(), mine = (name) => name.startsWith('ancha-');
  for (let i = 0; i < 45; i++) await shell(`ancha-${i}`, 'true', {category: 'ANCHA', labels: {nota: 'x'.repeat(3500)}});
  await until(async () => (await names('name~ancha-')).length === 45, 'the jobs in the list');
  const stream = await fetch(`http://127.0.0.1:${server.port}/api/cron/stream?topics=jobs`, {headers: {Authorization: `Bearer ${server.token}`}, signal: stop.signal});
  const others = new Set();
  let rest = '';
  const reading = (async () => {
    for await (const piece of stream.body) {
      const lines = (rest + Buffer.from(piece).toString()).split('\n');
      rest = lines.pop();
      for (const line of lines.filter((one) => one.startsWith('data: {"type":"rows"')))
        for (const row of rowsOf({columns, rows: JSON.parse(line.slice(6)).rows})) {
          if (mine(row.name) && row.gate === 'paused') said.add(row.name);
          if (!mine(row.name)) others.add(row.name);
        }
    }
  })().catch(() => {});
  await post('/api/cron/pause', {category: 'ANCHA'});
  await until(() => said.size === 45, 'all that changed');
  assert(others.size < 10, 'who has nothing to do with it is not told: ' + [...others]);
  await post('/api/cron/resume', {category: 'ANCHA'});
  stop.abort();
  await reading;
  for (let i = 0; i < 45; i++) await ask(server, 'DELETE', `/api/cron/jobs/ancha-${i}`, 204);
});
await test('another_zone_of_the_settings_moves_what_comes_next', async () => {
  const {timezone} = await get('/api/cron/settings'), other = timezone === 'Asia/Tokyo' ? 'America/Lima' : 'Asia/Tokyo';
  const next = async () => rowsOf(await compact({q: 'name:filtro-falla'}))[0].next, before = await next();
  await patch('/api/cron/settings', {timezone: other});
  await until(async () => (await next()) !== before, 'another instant');
  const due = await until(async () => { const {nextRunAt} = await get('/api/cron/jobs/filtro-falla'); return Date.parse(nextRunAt) !== before && nextRunAt; }, 'the planner');
  equal(await next(), Date.parse(due));
  await patch('/api/cron/settings', {timezone});
  await until(async () => (await next()) === before, 'the old one');
});
await test('what_can_be_asked_is_told', async () => {
  const got = await get('/api/cron/filters');
  equal(got.lists.map((l) => l.list), ['jobs', 'runs', 'worlds', 'audit']);
  assert(got.lists[0].keys.find((k) => k.name === 'status').values.includes('paused'));
  assert(got.seen.cat.includes('SYNC') && got.seen.owner.includes('ana') && got.seen.tag.includes('sitio=Málaga'));
});
await test('history_shows_who_changed_what', async () => {
  await shell('vieja', 'true', {params: {command: 'true', env: {API_TOKEN: 'muy secreto'}}});
  await patch('/api/cron/jobs/vieja', {schedule: '30 4 * * *', retries: 2});
  const {data, isDeleted, jobName} = await get('/api/cron/jobs/vieja/history', 200, {token: viewer});
  equal([data.map((v) => v.version), isDeleted, jobName], [[2, 1], false, 'vieja']);
  equal([data[0].before, data[0].after], [{schedule: '0 3 * * *', retries: 0}, {schedule: '30 4 * * *', retries: 2}]);
  equal(data[1].before, null);
  assert(data[0].actor.startsWith('token:') && !JSON.stringify(data).includes('muy secreto'));
  const page = await get('/api/cron/jobs/vieja/history?limit=1');
  equal(page.data.map((v) => v.version), [2]);
  equal((await get('/api/cron/jobs/vieja/history?limit=1&cursor=' + page.nextCursor)).data.map((v) => v.version), [1]);
});
await test('a_version_is_restored', async () => {
  await post('/api/cron/jobs/vieja/history/1/restore', {}, 403, {token: viewer});
  const job = await post('/api/cron/jobs/vieja/history/1/restore', undefined, 200, {token: editor});
  equal([job.schedule, job.retries, job.version], ['0 3 * * *', 0, 3]);
  await post('/api/cron/jobs/vieja/history/99/restore', undefined, 404);
  await post('/api/cron/jobs/nunca-hubo/history/1/restore', undefined, 404);
  const log = (await get('/api/admin/audit-log?' + new URLSearchParams({q: 'what:job.restore'}))).data;
  equal(log.map((row) => row.object), ['job:vieja']);
});
await test('a_deleted_job_comes_back', async () => {
  const old = await get('/api/cron/jobs/vieja');
  await ask(server, 'DELETE', '/api/cron/jobs/vieja', 204);
  const history = await get(`/api/cron/jobs/${old.id}/history`);
  equal([history.isDeleted, history.data.length], [true, 3]);
  const job = await post('/api/cron/jobs/vieja/history/2/restore', undefined, 201);
  equal([job.name, job.schedule, job.retries], ['vieja', '30 4 * * *', 2]);
  assert(job.id !== old.id);
  equal((await get('/api/cron/jobs/vieja')).params.command, 'true');
});
await test('a_renamed_job_is_found_by_its_last_name', async () => {
  await shell('de-soltera', 'true');
  await patch('/api/cron/jobs/de-soltera', {name: 'de-casada'});
  await get('/api/cron/jobs/de-soltera/history', 404); // it lives, and is called otherwise
  await post('/api/cron/jobs/de-soltera/history/1/restore', undefined, 404);
  await ask(server, 'DELETE', '/api/cron/jobs/de-casada', 204);
  for (const name of ['de-casada', 'de-soltera']) {
    const {isDeleted, jobName, data} = await get(`/api/cron/jobs/${name}/history`);
    equal([isDeleted, jobName, data.length], [true, 'de-casada', 2], name);
  }
});
await test('the_command_line_filters', async () => {
  const cli = (...args) => execFileSync(binary, args, {encoding: 'utf8', env: {...process.env, SERENO_URL: `http://127.0.0.1:${server.port}`, SERENO_TOKEN: server.token}});
  const jobs = cli('jobs', 'status:failed', 'name~filtro');
  assert(jobs.includes('filtro-falla') && !jobs.includes('filtro-bien'), jobs);
  assert(cli('runs', 'job:filtro-bien').includes('success'));
  const worlds = cli('worlds', 'list', 'name:troya');
  assert(worlds.includes('w-troya') && !worlds.includes('w-itaca'), worlds);
});
await test('a_list_is_answered_while_jobs_are_edited_without_end', async () => {
  const count = 3000, more = Array.from({length: count}, (_, i) => i);
  while (more.length) await Promise.all(more.splice(0, 40).map((i) => shell(`muchas-${i}`, 'true')));
  await server.stop(); // so that the list has to read all of them again
  await server.start();
  let isOver = false, edits = 0;
  const asked = compact({q: 'name~muchas-', limit: 1}).finally(() => { isOver = true; });
  const edit = async () => { while (!isOver && edits < 1000) await patch(`/api/cron/jobs/muchas-${edits % count}`, {retries: edits++ % 5 + 1}); };
  await Promise.all([edit(), edit(), edit(), edit(), edit(), edit()]);
  assert(edits < 1000, 'it waits until the edits end');
  equal((await asked).matched, count);
  const last = edits - 1, name = `muchas-${last % count}`; // and what was edited meanwhile is there
  await patch(`/api/cron/jobs/${name}`, {category: 'ULTIMA'});
  await until(async () => (await names('cat:ULTIMA'))[0] === name, 'the last edit');
});

const sql = (text) => execFileSync('sqlite3', ['-cmd', '.timeout 20000', path.join(server.data, 'sereno.db'), text], {encoding: 'utf8'});
await test('C-107_of_more_failing_jobs_than_a_page_holds_none_is_forgotten', async () => {
  await server.stop();
  sql(`WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i+1 FROM n WHERE i<1299)
    INSERT INTO "CronJob"("id","name","schedule","command","systemId","consecutiveFailures","critical")
    SELECT 'de-fuera-'||i, 'fuera-'||i, '0 3 1 1 *', 'shell', (SELECT "systemId" FROM "CronJob" LIMIT 1), 3, i=999 FROM n`);
  await server.start();
  const alerts = (await get('/api/cron/alerts')).data; // by name fuera-999 is the last of them
  equal([alerts.length, alerts[0].jobName, alerts[0].severity], [1000, 'fuera-999', 'critical']);
});

await server.finish();

// What an edit would do, before it is saved: POST /api/cron/jobs/preview and …/JOB/preview.
import {serve, request, ask, test, equal, assert, makeJob, makeToken} from './lib.mjs';

const server = await serve({clockAt: '2026-03-20T12:00:00Z'});
const operator = await makeToken(server, 'operator');
const preview = (path, body, status = 200, options = {}) => ask(server, 'POST', `/api/cron/jobs${path}/preview`, status, {body, ...options});
const job = {name: 'noche', schedule: '30 2 * * *', timezone: 'Europe/Madrid', command: 'shell', params: {command: 'true'}};
await makeJob(server, job);

await test('a_new_job_shows_its_first_runs_through_the_change_of_time', async () => {
  const got = await preview('', {...job, name: 'otra'});
  equal([got.gainedCount, got.lostCount, got.sameCount], [14, 0, 0]);
  equal(got.gained[0], '2026-03-21T01:30:00.000Z');
  equal(got.gained[8], '2026-03-29T01:00:00.000Z'); // 02:30 does not exist: the end of the gap
  equal(got.until, '2026-04-03T12:00:00.000Z');
  equal([got.before, got.after], [null, null]);
});
await test('an_edit_shows_what_changes_and_which_runs', async () => {
  const got = await preview('/noche', {schedule: '30 2 * * 1-5', timeout: 60});
  equal([got.gainedCount, got.lostCount, got.sameCount], [0, 4, 10]);
  equal(got.lost[0], '2026-03-21T01:30:00.000Z');
  equal(got.before, {schedule: '30 2 * * *', timeout: null});
  equal(got.after, {schedule: '30 2 * * 1-5', timeout: 60});
});
await test('moving_loses_one_and_gains_another', async () => {
  const got = await preview('/noche', {schedule: '0 4 * * *'});
  equal([got.gainedCount, got.lostCount, got.sameCount], [14, 14, 0]);
});
await test('switching_it_off_loses_all', async () => {
  equal((await preview('/noche', {isActive: false})).lostCount, 14);
});
await test('retries_are_those_of_the_scheduler', async () => {
  const delays = (got) => got.retries.map((r) => r.mostMs / 1000);
  const exponential = await preview('/noche', {retries: 3, retryDelay: 60, backoffStrategy: 'exponential', retryJitterPct: 50});
  equal(delays(exponential), [60, 120, 240]);
  equal(exponential.retries[0].leastMs, 30000);
  equal(exponential.retriesTotalMs, 420000);
  equal(delays(await preview('/noche', {retries: 3, retryDelay: 60, backoffStrategy: 'linear', retryMaxDelay: 100})), [60, 100, 100]);
  equal((await preview('/noche', {retries: 0})).retries, []);
});
await test('what_a_new_job_draws_is_what_was_shown_if_it_is_created_with_the_id_of_the_preview', async () => {
  const drawn = {name: 'sorteada', schedule: 'H(10-40) 1~5 * * *', timezone: 'Europe/Madrid', command: 'shell', params: {command: 'true'}};
  const shown = await preview('', drawn);
  assert(/^c[a-z0-9]{24}$/.test(shown.id), shown.id);
  equal((await preview('', {...drawn, id: shown.id})).gained, shown.gained);
  const explained = await ask(server, 'POST', '/api/cron/schedule/explain', 200, {body: {schedule: drawn.schedule, timezone: drawn.timezone, seed: shown.id}});
  equal(explained.next, shown.gained.slice(0, 5));
  equal(explained.warnings.filter((w) => w.code === 'example'), []);
  const made = await makeJob(server, {...drawn, id: shown.id});
  equal([made.id, made.nextRunAt], [shown.id, shown.gained[0]]);
});
await test('an_id_is_taken_once_and_only_if_the_server_made_it', async () => {
  const {id} = await ask(server, 'GET', '/api/cron/job-id', 200);
  const create = (more) => request(server, 'POST', '/api/cron/jobs', {body: {...job, ...more}});
  equal((await create({name: 'primera', id})).status, 201);
  const again = await create({name: 'segunda', id});
  equal([again.status, again.data.field], [409, 'id']);
  for (const wrong of ['x', id.slice(0, -1), id.slice(0, -1) + (id.endsWith('a') ? 'b' : 'a'), 7, null]) {
    const got = await create({name: 'segunda', id: wrong});
    equal([got.status, got.data.field], [400, 'id']);
  }
  const all = await Promise.all(Array.from({length: 20}, (_, i) => create({name: `a la vez ${i}`})));
  const proposed = await Promise.all(Array.from({length: 20}, () => ask(server, 'GET', '/api/cron/job-id', 200)));
  equal(new Set([...all.map((r) => r.data.id), ...proposed.map((p) => p.id)]).size, 40);
  const used = await Promise.all(proposed.map((p, i) => create({name: `propuesta ${i}`, id: p.id})));
  equal(used.map((r) => r.status), Array(20).fill(201));
  const later = await Promise.all(Array.from({length: 20}, (_, i) => create({name: `después ${i}`})));
  equal(later.map((r) => r.status), Array(20).fill(201));
});
await test('without_an_id_the_times_of_H_are_called_an_example', async () => {
  const explain = (body) => ask(server, 'POST', '/api/cron/schedule/explain', 200, {body});
  const codes = (got) => got.warnings.map((w) => w.code);
  assert(codes(await explain({schedule: 'H 3 * * *'})).includes('example'), 'H');
  assert(!codes(await explain({schedule: '5 3 * * THU'})).includes('example'), 'THU');
});
await test('very_many_runs_are_bounded', async () => {
  const got = await preview('/noche', {schedule: '* * * * * *'});
  equal(got.gained.length, 50);
  assert(got.gainedCount > 10000 && Date.parse(got.until) < Date.parse('2026-04-03T12:00:00Z'), got.until);
});
await test('what_is_wrong_is_named_and_nothing_is_saved', async () => {
  const bad = await request(server, 'POST', '/api/cron/jobs/noche/preview', {body: {schedule: '75 2 * * *'}});
  equal([bad.status, bad.data.field], [400, 'schedule']);
  equal((await request(server, 'POST', '/api/cron/jobs/preview', {body: {...job, command: 'nada'}})).data.field, 'command');
  equal((await ask(server, 'GET', '/api/cron/jobs/noche', 200)).schedule, '30 2 * * *');
  await ask(server, 'GET', '/api/cron/jobs/otra', 404);
});
await test('a_preview_is_for_editors', async () => {
  await preview('/noche', {timeout: 1}, 403, {token: operator});
});
await server.finish();

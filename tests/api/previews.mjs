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

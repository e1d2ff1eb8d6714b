// Worlds from outside, over HTTP and on the command line, by the test clock: who may do what, what the seeds' answers look
// like, messages that resume, favourites, vacations, overrides in the audit log, imports. The names begin with the ids
// that docs/coverage.tsv refers to.
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {binary, serve, request, ask, test, equal, assert, moveClock, makeJob, makeToken} from './lib.mjs';

const secret = 'a cron secret of some length';
const server = await serve({clockAt: '2026-11-01T00:00:00Z', env: {CRON_SECRET: secret}});
const service = await makeToken(server, 'operator', {scope: {worlds: true}});
const operator = await makeToken(server, 'operator');
const as = (user) => ({token: service, headers: {'X-Sereno-User': user}});
const app = {token: service}, admin = {};
const get = (target, status = 200, who = admin) => ask(server, 'GET', target, status, who);
const post = (target, body = {}, status = 200, who = admin) => ask(server, 'POST', target, status, {body, ...who});
const send = (method, target, status = 200, who = admin, body = undefined) => ask(server, method, target, status, {body, ...who});
const clock = async (command) => { const got = await moveClock(server, command); assert(got.startsWith('ok '), got); return got.slice(3); };
const make = (id, owner, more = {}) => post('/api/worlds', {id, name: id, ownerId: owner, ...more}, 201);
const row = (id) => get('/api/worlds/' + id);
const environment = {...process.env, SERENO_DATA: server.data, SERENO_URL: `http://127.0.0.1:${server.port}`};
const cli = (...args) => spawnSync(binary, args, {encoding: 'utf8', cwd: server.folder, env: environment});
const cliJson = (...args) => {
  const got = cli(...args, '--json');
  if (got.status !== 0) throw new Error(`sereno ${args.join(' ')}: ${got.status}: ${got.stderr}`);
  return JSON.parse(got.stdout);
};
const audit = async (action) => (await get('/api/admin/audit-log?limit=200')).data.filter((one) => one.action === action);
const log = () => fs.readFileSync(server.log, 'utf8').split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

// ---- making ----
await test('B-81_a_world_is_made_with_the_callers_id', async () => {
  const made = await make('test-world-id', 'u1');
  equal([made.id, made.status, made.isPaused, made.ownerId, made.lastActiveAt], ['test-world-id', 'RUNNING', false, 'u1', '2026-11-01T00:00:00.000Z']);
  equal((await post('/api/worlds', {id: 'test-world-id', ownerId: 'u2'}, 409)).field, 'id');
  const other = cliJson('worlds', 'create', 'By hand', '--id', 'by-hand', '--owner', 'u1');
  equal([other.id, other.name, other.ownerId, other.status], ['by-hand', 'By hand', 'u1', 'RUNNING']);
  equal(cli('worlds', 'create', '--id', 'by-hand').status, 5);
  const location = await request(server, 'POST', '/api/worlds', {body: {ownerId: 'u1'}});
  equal(location.headers.location, '/api/worlds/' + location.data.id);
});
await test('B-81_what_is_wrong_is_named', async () => {
  const rows = [[{id: 'a b'}, 'id'], [{id: 'status'}, 'id'], [{id: 'x', locale: 'xx'}, 'locale'], [{id: 'x', isPaused: true}, 'isPaused'], [{id: 'x', colour: 1}, 'colour'], [{id: 'x', story: []}, 'story']];
  for (const [body, field] of rows) equal((await post('/api/worlds', body, 400)).field, field, JSON.stringify(body));
});
await test('lists_come_in_pages_by_id', async () => {
  for (let i = 0; i < 5; i++) await make('page-' + i, 'pager');
  const ids = [];
  for (let cursor = ''; cursor !== null;) {
    const page = await get(`/api/worlds?owner=pager&limit=2${cursor ? '&cursor=' + cursor : ''}`);
    assert(page.data.length <= 2, 'a page of two');
    ids.push(...page.data.map((one) => one.id));
    cursor = page.nextCursor;
  }
  equal(ids, ['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
  equal((await get('/api/worlds', 200, as('pager'))).data.length, 5);
  equal((await get('/api/worlds', 200, as('somebody'))).data, []);
  equal(cliJson2('worlds', 'list', '--owner', 'pager').map((one) => one.id), ids);
});
function cliJson2(...args) { return cli(...args, '--json').stdout.trim().split('\n').map((line) => JSON.parse(line)); }

// ---- who may do what ----
await make('w', 'owner');
await send('PUT', '/api/worlds/w/members/friend', 200, as('owner'));
await ask(server, 'POST', '/api/admin/users', 201, {body: {name: 'ana', role: 'viewer', password: 'four horses and a lamp'}});
const ana = (await get('/api/admin/users')).data.find((one) => one.name === 'ana').id, ofAna = {token: await makeToken(server, 'viewer', {user: 'ana'})};
await make('anas', ana);
const override = (target) => target + '?override=1';
const deeds = [ // method, path, body, then what owner, member, outsider, application, admin, admin's override get
  ['GET', '/api/worlds/w', undefined, 200, 200, 403, 200, 200, 200],
  ['GET', '/api/worlds/w/should-pause', undefined, 200, 200, 403, 200, 200, 200],
  ['GET', '/api/worlds/w/history', undefined, 200, 200, 403, 200, 200, 200],
  ['POST', '/api/worlds/w/message', {text: 'hola'}, 200, 200, 403, 200, 403, 200],
  ['POST', '/api/worlds/w/activity', {}, 200, 200, 403, 200, 403, 200],
  ['POST', '/api/worlds/w/favorite', {}, 200, 403, 403, 403, 403, 200],
  ['PUT', '/api/worlds/w/favorite', {}, 200, 403, 403, 403, 403, 200],
  ['DELETE', '/api/worlds/w/favorite', undefined, 200, 403, 403, 403, 403, 200],
  ['POST', '/api/worlds/w/pause', {}, 200, 403, 403, 403, 403, 200],
  ['POST', '/api/worlds/w/resume', {}, 200, 403, 403, 200, 403, 200],
  ['POST', '/api/worlds/w/vacation', {until: '2027-01-01T00:00:00Z'}, 200, 403, 403, 403, 403, 200],
  ['DELETE', '/api/worlds/w/vacation', undefined, 200, 403, 403, 403, 403, 200],
  ['PATCH', '/api/worlds/w', {name: 'w'}, 200, 403, 403, 200, 403, 200],
  ['GET', '/api/worlds/w/state', undefined, 200, 403, 403, 200, 200, 200],
  ['POST', '/api/worlds/w/tick', {}, 200, 403, 403, 200, 200, 200],
  ['PUT', '/api/worlds/w/members/friend', {}, 200, 403, 403, 200, 200, 200],
];
for (const [method, target, body, ...want] of deeds) {
  await test(`X-22_B-76_B-77_who_may_${method}_${target.replace('/api/worlds/w', 'world')}`, async () => {
    const who = [as('owner'), as('friend'), as('stranger'), app, admin, admin], got = [];
    for (let i = 0; i < who.length; i++) got.push((await request(server, method, i === 5 ? override(target) : target, {body, ...who[i]})).status);
    equal(got, want, 'owner, member, stranger, application, admin, override:');
  });
}
await test('X-22_an_account_has_its_own_worlds', async () => {
  equal((await get('/api/worlds/anas', 200, ofAna)).ownerId, ana);
  await get('/api/worlds/w', 403, ofAna);
  equal((await get('/api/worlds', 200, ofAna)).data.map((one) => one.id), ['anas']);
  const mine = await post('/api/worlds', {name: 'mine'}, 201, ofAna);
  equal(mine.ownerId, ana);
  await post('/api/worlds', {ownerId: 'somebody'}, 403, ofAna);
});
await test('X-22_only_a_service_names_a_user_and_only_an_admin_overrides', async () => {
  equal((await get('/api/worlds/w', 403, {headers: {'X-Sereno-User': 'owner'}})).field, 'X-Sereno-User');
  await get('/api/worlds/w', 403, {...ofAna, headers: {'X-Sereno-User': 'owner'}});
  await get('/api/worlds/w', 403, {token: operator});
  await get(override('/api/worlds/w'), 403, as('owner'));
  await get(override('/api/worlds/w'), 403, ofAna);
  await get('/api/worlds/w?override=perhaps', 400);
  await get('/api/worlds/w', 401, {token: null});
  await get('/api/worlds/w', 403, {token: secret});
  await post('/api/worlds/w/pause', {}, 403, {token: secret});
  await get('/api/cron/jobs', 403, app);
  await get('/api/admin/worlds/pause-stats', 403, app);
  equal((await post('/api/admin/tokens', {name: 'weak', role: 'viewer', scope: {worlds: true}}, 400)).field, 'role');
});
await test('B-77_U-25_an_override_is_on_record_with_before_and_after', async () => {
  await send('DELETE', '/api/worlds/w/favorite', 200, as('owner'));
  await post('/api/worlds/w/pause', {}, 200, as('owner'));
  equal((await post('/api/worlds/w/resume', {}, 403)).code, 'forbidden');
  equal((await post(override('/api/worlds/w/resume'))).wasResumed, true);
  const [one] = await audit('world.resume.override');
  equal([one.actor, one.object, JSON.parse(text(one.before)).isPaused, JSON.parse(text(one.after)).isPaused], ['token:admin.token', 'world:w', true, false]);
  const ownPause = (await audit('world.pause')).find((entry) => entry.actor === 'user:owner');
  assert(ownPause && ownPause.object === 'world:w', 'the owner pause is on record');
});
function text(value) { return typeof value === 'string' ? value : JSON.stringify(value); }

// ---- pausing and waking ----
await test('B-13_B-14_pause_and_resume_by_hand', async () => {
  const paused = await post('/api/worlds/test-world-id/pause', {reason: 'manual'}, 200, as('u1'));
  equal([paused.success, paused.isPaused, paused.pauseReason, paused.wasPaused], [true, true, 'manual', false]);
  const now = await row('test-world-id');
  equal([now.isPaused, now.pauseReason, now.status], [true, 'manual', 'PAUSED']);
  assert(now.pausedAt, 'pausedAt');
  equal((await post('/api/worlds/test-world-id/pause', {}, 200, as('u1'))).wasPaused, true);
  equal((await post('/api/worlds/test-world-id/resume', {}, 200, as('u1'))).wasResumed, true);
  equal((await post('/api/worlds/test-world-id/resume', {}, 200, as('u1'))).wasResumed, false);
  const back = await row('test-world-id');
  equal([back.isPaused, back.pausedAt, back.pauseReason, back.scheduledDeletion, back.status], [false, null, null, null, 'RUNNING']);
});
await test('B-19_B-79_a_message_resumes_and_is_handled_in_one_request', async () => {
  const before = await post('/api/worlds/test-world-id/message', {text: 'uno'}, 200, as('u1'));
  await post('/api/worlds/test-world-id/pause', {}, 200, as('u1'));
  const at = await clock('advance 1m');
  const got = await post('/api/worlds/test-world-id/message', {text: 'dos'}, 200, as('u1'));
  equal([before.resumed, got.resumed, got.success, got.turn - before.turn, got.lastActiveAt], [false, true, true, 1, at]);
  equal(Object.keys(got).sort(), Object.keys(before).sort(), 'the same answer, paused or not:');
  const now = await row('test-world-id');
  equal([now.isPaused, now.lastActiveAt], [false, at]);
  assert(/^sereno_worlds_resume_added_seconds_count [1-9]/m.test((await request(server, 'GET', '/metrics')).text), 'the histogram of what resuming added');
});
await test('X-5_who_resumes_by_a_message', async () => {
  const say = (who, status) => post('/api/worlds/w/message', {text: 'hola'}, status, who);
  await post('/api/worlds/w/pause', {}, 200, as('owner'));
  await say(as('stranger'), 403);
  equal((await say(as('friend'), 200)).resumed, true);
  await send('PATCH', '/api/admin/worlds/settings', 200, admin, {manualPauseResumableByOwnerOnly: true});
  await post('/api/worlds/w/pause', {}, 200, as('owner'));
  equal((await say(as('friend'), 409)).code, 'world_paused_by_owner');
  equal((await say(as('owner'), 200)).resumed, true);
  await send('PATCH', '/api/admin/worlds/settings', 200, admin, {manualPauseResumableByOwnerOnly: false});
  await post('/api/worlds/w/vacation', {until: '2027-01-01T00:00:00Z'}, 200, as('owner'));
  equal((await row('w')).pauseReason, 'vacation');
  equal((await say(as('friend'), 409)).code, 'world_on_vacation');
  await post('/api/worlds/w/resume', {}, 403, as('friend'));
  equal((await say(as('owner'), 200)).resumed, true);
  equal((await row('w')).vacationUntil, null);
});
await test('U-19_a_repeated_key_says_it_once', async () => {
  const once = () => request(server, 'POST', '/api/worlds/w/message', {body: {text: 'solo una vez'}, token: service, headers: {'X-Sereno-User': 'owner', 'Idempotency-Key': 'k1'}});
  const [first, second] = [await once(), await once()];
  equal([first.status, second.status, second.text === first.text, second.headers['idempotent-replayed']], [200, 200, true, 'true']);
  const next = await post('/api/worlds/w/message', {text: 'otra'}, 200, as('owner'));
  equal(next.turn, first.data.turn + 1);
  // another user's key of the same name is another key
  const other = await request(server, 'POST', '/api/worlds/w/message', {body: {text: 'solo una vez'}, token: service, headers: {'X-Sereno-User': 'friend', 'Idempotency-Key': 'k1'}});
  equal([other.status, other.headers['idempotent-replayed']], [200, undefined]);
});
await test('B-64_a_resume_that_fails_says_why_and_logs_it', async () => {
  const got = await post('/api/worlds/w/resume', {}, 403, as('friend'));
  assert(got.code === 'forbidden' && got.detail, JSON.stringify(got));
  await post('/api/worlds/nowhere/resume', {}, 404, as('friend'));
  assert(log().some((line) => line.msg === 'World could not be resumed' && line.worldId === 'w' && line.reason), 'a line of the log');
});
await test('B-36_B-68_favourites', async () => {
  const turn = (status = 200, who = as('u1')) => post('/api/worlds/test-world-id/favorite', {}, status, who);
  equal([(await turn()).isFavorite, (await turn()).isFavorite], [true, false]);
  for (let i = 0; i < 2; i++) equal((await send('PUT', '/api/worlds/test-world-id/favorite', 200, as('u1'), {})).isFavorite, true);
  for (let i = 0; i < 2; i++) equal((await send('DELETE', '/api/worlds/test-world-id/favorite', 200, as('u1'))).isFavorite, false);
  await turn(403, as('other'));
  equal((await row('test-world-id')).isFavorite, false);
});
await test('B-61_B-62_should_pause', async () => {
  await make('idle', 'u1');
  await make('loved', 'u1');
  await send('PUT', '/api/worlds/loved/favorite', 200, as('u1'), {});
  const should = async (id) => { const got = await get(`/api/worlds/${id}/should-pause`); return [got.shouldPause, got.reason]; };
  equal(await should('idle'), [false, null]);
  await clock('advance 25h');
  equal([await should('idle'), await should('loved')], [[true, 'inactivity_24h'], [false, null]]);
  equal(cliJson('worlds', 'why', 'idle').reason, 'inactivity_24h');
  const dry = cli('worlds', 'auto-pause', '--dry-run');
  assert(/^dry run: \d+ running worlds looked at$/m.test(dry.stdout) && /^ +[1-9]\d*  paused$/m.test(dry.stdout), dry.stdout);
  assert(!dry.stdout.includes('{'), dry.stdout);
  assert(cliJson('worlds', 'auto-pause', '--dry-run').result.stats.newlyPaused >= 1);
  equal((await get('/api/worlds/loved/should-pause')).why, 'favorite');
});
await test('B-69_a_vacation_ends_by_itself', async () => {
  await make('away', 'u1');
  const until = '2026-11-20T00:00:00.000Z';
  const got = await post('/api/worlds/away/vacation', {until}, 200, as('u1'));
  equal([got.pauseReason, got.vacationUntil, got.isPaused], ['vacation', until, true]);
  equal((await post('/api/worlds/away/vacation', {until: '2020-01-01T00:00:00Z'}, 400, as('u1'))).field, 'until');
  equal((await send('DELETE', '/api/worlds/away/vacation', 200, as('u1'))).isPaused, false);
});
await test('the_lifeline_says_who_and_what', async () => {
  const actions = (await get('/api/worlds/w/history?limit=200')).data;
  for (const want of ['created', 'member_added']) assert(actions.some((one) => one.action === want), want);
  assert(actions.every((one, i) => i === 0 || one.at <= actions[i - 1].at), 'newest first');
  assert(actions.some((one) => one.actor === 'user:owner'), 'the owner by name');
});

// ---- figures ----
await test('B-58_B-59_pause_stats_at_the_top_level', async () => {
  const stats = await get('/api/admin/worlds/pause-stats');
  equal(Object.keys(stats).filter((key) => ['totalPaused', 'by24h', 'by7d', 'by30d', 'scheduledForDeletion', 'manual', 'vacation'].includes(key)).length, 7);
  assert(Object.values(stats).every(Number.isInteger), JSON.stringify(stats));
  equal(cliJson('worlds', 'pause-stats'), stats);
});
await test('numbers_of_the_address_are_checked', async () => {
  for (const [path, field] of [['/api/admin/worlds/trend?days=x', 'days'], ['/api/admin/worlds/trend?days=', 'days'],
    ['/api/admin/worlds/trend?days=367', 'days'], ['/api/worlds?limit=many', 'limit'], ['/api/admin/worlds/impact?days=-1', 'days']])
    equal((await get(path, 400)).field, field, path);
  const {status, stderr} = cli('worlds', 'trend', '--days', 'x');
  equal([status !== 0, /days/.test(stderr)], [true, true]);
  assert(/^DAY +PAUSED/.test(cli('worlds', 'trend', '--days', '2').stdout));
  equal(cliJson('worlds', 'trend', '--days', '2').data.length, 2);
});

await test('B-53_B-54_the_cost_model', async () => {
  const model = await get('/api/admin/worlds/cost-model?worlds=1000&inactiveShare=0.5');
  equal([model.perWorldDayUSD, model.perWorldMonthUSD], [0.08, 2.4]);
  equal([model.projection.pausedWorlds, model.projection.monthlyUSD, model.projection.yearlyUSD], [500, 1200, 14400]);
  equal(cliJson('worlds', 'cost-model', '--worlds', '1000', '--share', '0.5'), model);
  equal((await get('/api/admin/worlds/cost-model?inactiveShare=2', 400)).field, 'inactiveShare');
});
await test('B-55_what_was_saved_is_measured', async () => {
  const impact = await get('/api/admin/worlds/impact');
  for (const key of ['savedUSD', 'pausedWorldHours', 'resumeRate', 'inactiveShare']) assert(typeof impact[key] === 'number', key);
  assert(impact.pausedWorldHours > 0 === impact.savedUSD > 0, JSON.stringify(impact));
});
await test('settings_of_worlds_are_checked_and_on_record', async () => {
  const before = await get('/api/admin/worlds/settings');
  equal([before.pauseAfterHours, before.archiveAfterDays, before.markAfterDays, before.deleteAfterDays], [24, 7, 30, 37]);
  equal((await send('PATCH', '/api/admin/worlds/settings', 200, admin, {pauseAfterHours: 48})).pauseAfterHours, 48);
  equal((await send('PATCH', '/api/admin/worlds/settings', 400, admin, {archiveAfterDays: 1})).field, 'archiveAfterDays');
  const [one] = await audit('worlds.settings');
  equal([JSON.parse(text(one.before)).pauseAfterHours, JSON.parse(text(one.after)).pauseAfterHours], [24, 48]);
  equal(cliJson('worlds', 'settings', 'pauseAfterHours=24').pauseAfterHours, 24);
});
await test('B-65_why_for_all_worlds', async () => {
  const page = await get('/api/admin/worlds/why?limit=3');
  equal(page.data.length, 3);
  assert(page.nextCursor && page.data.every((one) => one.worldId && one.why), JSON.stringify(page));
});

// ---- the command line ----
await test('X-34_one_call_three_doors', async () => {
  await make('doors', 'u1');
  const viaHttp = await get('/api/worlds/doors/should-pause'), viaCli = cliJson('worlds', 'why', 'doors');
  equal(viaCli, viaHttp);
  assert(viaHttp.why.startsWith('active_'), viaHttp.why);
  const people = cli('worlds', 'why', 'doors').stdout;
  assert(/^why +active$/m.test(people), people);
  equal(cliJson('worlds', 'pause', 'doors', '--override').isPaused, true);
  equal((await row('doors')).pauseReason, 'manual');
  equal(cliJson('worlds', 'resume', 'doors', '--override').wasResumed, true);
  equal(cli('worlds', 'pause', 'doors').status, 4, 'without an override');
  equal(cliJson('worlds', 'favorite', 'doors', '--on', '--override').isFavorite, true);
  equal(cliJson('worlds', 'message', 'doors', 'hola', '--override').success, true);
  equal(cliJson('worlds', 'show', 'doors').isFavorite, true);
  equal(cli('worlds', 'show', 'nowhere').status, 3);
  const likeUser = spawnSync(binary, ['worlds', 'message', 'doors', 'hola', '--as', 'u1', '--json'], {encoding: 'utf8', env: {...environment, SERENO_TOKEN: service}});
  equal([likeUser.status, JSON.parse(likeUser.stdout).success], [0, true]);
});
await test('B-59_help_and_mistakes_are_told', async () => {
  const help = cli('worlds', '--help').stdout;
  for (const verb of ['list', 'pause', 'resume', 'favorite', 'vacation', 'why', 'export', 'erase']) assert(help.includes(`  ${verb} `), verb);
  equal([cli('worlds', 'frob').status, cli('worlds', 'pause').status, cli('worlds', 'pause', 'w', '--until', 'x').status, cli('worlds', 'erase', 'w').status], [2, 2, 2, 2]);
});

// ---- a keep link's page ----
await test('B-67_the_page_of_a_keep_link_does_nothing_by_itself', async () => {
  const page = await request(server, 'GET', '/api/worlds/keep?token=a%22%3Cb', {token: null, headers: {'Accept-Language': 'en'}});
  equal([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8']);
  assert(page.text.includes('<form method="post"') && !page.text.includes('a"<b'), page.text);
  assert(!/<script|onclick/.test(page.text), 'no code');
  const refused = await request(server, 'POST', '/api/worlds/keep?token=w~1~2', {token: null, headers: {Origin: 'null'}});
  assert([400, 401].includes(refused.status), 'a token that is not ours: ' + refused.status);
  equal((await request(server, 'POST', '/api/worlds/keep', {token: null})).status, 400);
});

// ---- data of a user: export, erase, import ----
await test('U-25_U-18_export_erase_import', async () => {
  await make('mine', 'u1', {storyMode: true});
  for (const word of ['uno', 'dos', 'tres']) await post('/api/worlds/mine/message', {text: word}, 200, as('u1'));
  await get('/api/worlds/mine/export', 403, as('other'));
  const file = path.join(server.folder, 'mine.zst');
  equal(cli('worlds', 'export', 'mine', '--override', '--output', file).status, 0);
  const lines = execFileSync('zstd', ['-dc', file], {encoding: 'utf8'});
  for (const word of ['uno', 'dos', 'tres']) assert(lines.includes(`"${word}"`), word);
  const before = await row('mine');
  equal(cli('worlds', 'import', file).status, 5, 'it is there');
  equal(cliJson('worlds', 'erase', 'mine', '--yes', '--override').success, true);
  await get('/api/worlds/mine', 404);
  equal(cliJson('worlds', 'import', file).worldId, 'mine');
  const after = await row('mine');
  for (const key of ['id', 'name', 'ownerId', 'status', 'storyMode', 'lastActiveAt', 'createdAt', 'interactions']) equal(after[key], before[key], key);
  equal((await audit('world.erase.override')).length, 1);
  equal((await post('/api/worlds/import', {}, 400)).code, 'invalid');
});
await test('an_import_may_be_longer_than_other_bodies', async () => {
  const big = 'x'.repeat(2 * 1024 * 1024);
  equal((await request(server, 'POST', '/api/worlds/import', {raw: big})).status, 400);
  equal((await request(server, 'POST', '/api/worlds', {raw: big})).status, 413);
});

// ---- jobs ----
await test('A-56_A-79_A-80_jobs_alone_and_in_sequence', async () => {
  for (const name of ['cleanup', 'sync', 'auto-pause', 'delete-scheduled-worlds']) {
    const run = cliJson('run', name);
    equal([run.status, typeof run.result], ['success', 'object'], name);
  }
  equal(cli('run', 'cleanup', 'sync', 'auto-pause').status, 0);
  const done = (await get('/api/cron/executions?limit=3')).data.map((one) => one.jobName).reverse();
  equal(done, ['cleanup', 'sync', 'auto-pause']);
  equal(cli('run', 'nope').status, 3);
});
await test('B-12_auto_pause_by_the_command_line', async () => {
  await make('sleepy', 'u1');
  await clock('advance 25h');
  const dry = cliJson('worlds', 'auto-pause', '--dry-run').result;
  equal((await row('sleepy')).isPaused, false);
  const first = cliJson('worlds', 'auto-pause').result, again = cliJson('worlds', 'auto-pause').result;
  const paused = (result) => (result.stats ?? result).totalPaused;
  assert(paused(first) >= 1, JSON.stringify(first));
  equal([paused(dry), paused(again)], [paused(first), 0]);
  equal([(await row('sleepy')).isPaused, (await row('sleepy')).pauseReason], [true, 'inactivity_24h']);
});
await test('B-30_B-32_X-18_U-27_vercel_and_workflows', async () => {
  const templates = path.resolve('packaging/templates'), jobs = async () => (await get('/api/cron/jobs?limit=500')).data;
  const count = (await jobs()).length;
  equal((await jobs()).filter((job) => job.timezone !== null).map((job) => job.name), []);
  for (const job of ['auto-pause', 'delete-scheduled-worlds']) await send('PATCH', '/api/cron/jobs/' + job, 200, admin, {schedule: '1 1 1 1 *'});
  equal(cli('import', path.join(templates, 'vercel.json')).status, 0);
  const of = async (name) => { const {schedule, timezone} = await get('/api/cron/jobs/' + name); return [schedule, timezone]; };
  equal([await of('auto-pause'), await of('delete-scheduled-worlds')], [['0 */6 * * *', 'UTC'], ['0 3 * * *', 'UTC']]);
  await send('PATCH', '/api/cron/jobs/auto-pause', 200, admin, {schedule: '1 1 1 1 *', timezone: null});
  equal(cli('import', path.join(templates, '.github/workflows/auto-pause-worlds.yml')).status, 0);
  equal(await of('auto-pause'), ['0 */6 * * *', 'UTC']);
  equal((await jobs()).length, count);
  equal((await jobs()).filter((job) => job.timezone !== null).map((job) => job.name).sort(), ['auto-pause', 'delete-scheduled-worlds']);
  const other = path.join(server.folder, 'vercel.json');
  fs.writeFileSync(other, JSON.stringify({crons: [{path: '/api/cron/news', schedule: '5 * * * *'}]}));
  equal(cli('import', other).status, 5, 'without an address');
  equal(cli('import', other, '--base', 'https://app.example/').status, 0);
  const made = await get('/api/cron/jobs/api-cron-news');
  equal([made.command, made.params.url, made.params.method, made.timezone, made.schedule], ['http', 'https://app.example/api/cron/news', 'GET', 'UTC', '5 * * * *']);
});
await test('U-27_systemd_timers', async () => {
  const unit = (name, content) => { fs.writeFileSync(path.join(server.folder, name), content); return path.join(server.folder, name); };
  const timer = unit('nightly.timer', '[Timer]\nOnCalendar=Mon..Fri 02:30\nOnCalendar=Sat 04:00\nPersistent=true\nRandomizedDelaySec=300\n');
  unit('nightly.service', '[Service]\nExecStart=-/bin/true --all\n');
  equal(cli('import', timer, '--tz', 'Europe/Madrid').status, 0);
  const made = await get('/api/cron/jobs/nightly');
  equal([made.schedule, made.timezone, made.params.command, made.misfirePolicy, made.splay], ['30 02 * * Mon-Fri | 00 04 * * Sat', 'Europe/Madrid', '/bin/true --all', 'last', 300]);
  const boot = cli('import', unit('boot.timer', '[Timer]\nOnBootSec=5min\n'));
  assert(boot.status === 5 && boot.stderr.includes('line 2'), boot.stderr);
});
await test('X-24_a_job_named_like_a_door_is_another_thing', async () => {
  await makeJob(server, {name: 'auto-pause-worlds', params: {command: 'echo other'}});
  const door = await request(server, 'POST', '/api/cron/auto-pause-worlds', {body: {}, token: secret});
  equal(door.status, 200);
  assert('stats' in door.data, JSON.stringify(door.data));
  const run = await request(server, 'POST', '/api/cron/jobs/auto-pause-worlds/run', {body: {}, headers: {Prefer: 'wait=20'}});
  equal([run.status, run.data.execution.output], [200, 'other\n']);
});
await test('B-67_X-8_a_keep_link_keeps_its_world_and_nothing_else', async () => {
  for (const job of (await get('/api/cron/jobs?limit=500')).data) await send('PATCH', '/api/cron/jobs/' + job.name, 200, admin, {isActive: false});
  await make('doomed', 'u1', {ownerEmail: 'u1@example.org', locale: 'en'});
  await clock('advance 30d1h');
  equal(cli('run', 'auto-pause').status, 0);
  assert((await row('doomed')).scheduledDeletion, 'it is marked');
  const [mail] = (await get('/api/admin/worlds/mails?world=doomed')).data.filter((one) => one.kind === 'mark');
  const link = /\/api\/worlds\/keep\?token=\S+/.exec(mail.body);
  assert(link && mail.locale === 'en' && mail.address === 'u1@example.org', JSON.stringify(mail));
  const page = await request(server, 'GET', link[0], {token: null});
  equal(page.status, 200);
  assert((await row('doomed')).scheduledDeletion, 'looking keeps nothing');
  const target = /action="([^"]+)"/.exec(page.text)[1];
  const kept = await request(server, 'POST', target, {token: null, headers: {Accept: 'text/html', Origin: 'null', 'Content-Type': 'application/x-www-form-urlencoded'}});
  equal([kept.status, kept.headers['content-type']], [200, 'text/html; charset=utf-8']);
  equal((await row('doomed')).scheduledDeletion, null);
  equal(cli('worlds', 'keep', link[0]).status, 0, 'again');
  assert([400, 401].includes((await request(server, 'POST', link[0].replace('doomed', 'sleepy'), {token: null})).status), 'another world');
});
await test('B-69_a_vacation_of_sixty_days', async () => {
  const run = (...names) => equal(cli('run', ...names).status, 0, names.join(' '));
  const of = async () => { const {isPaused, pauseReason, status} = await row('traveller'); return [isPaused, pauseReason, status]; };
  await make('traveller', 'u1');
  const start = Date.parse((await row('traveller')).lastActiveAt), day = 86400000, at = (days) => new Date(start + days * day).toISOString();
  await post('/api/worlds/traveller/vacation', {until: at(60)}, 200, as('u1'));
  await clock('set ' + at(59));
  run('sync', 'auto-pause');
  equal(await of(), [true, 'vacation', 'PAUSED']);
  await clock('set ' + at(60));
  run('sync', 'auto-pause');
  equal(await of(), [false, null, 'RUNNING']);
  await clock('set ' + at(61));
  run('sync', 'auto-pause');
  equal(await of(), [true, 'inactivity_24h', 'PAUSED']);
  await clock('set ' + at(67));
  run('sync', 'auto-pause');
  equal(await of(), [true, 'inactivity_7d', 'ARCHIVED']);
});
await test('B-58_the_fixture_of_the_seed', async () => {
  const before = await get('/api/admin/worlds/pause-stats');
  const rows = [['inactivity_24h', 100], ['inactivity_7d', 30], ['inactivity_30d', 20], ['manual', 4], ['vacation', 1]];
  for (const [reason, count] of rows)
    for (let i = 0; i < count; i++) {
      await make(`f-${reason}-${i}`, 'u1');
      const marked = reason === 'inactivity_30d' && i < 10 ? `, "scheduledDeletion" = '2030-01-01T00:00:00.000Z'` : '';
      fs.appendFileSync(path.join(server.folder, 'fixture.sql'), `UPDATE "World" SET "isPaused" = 1, "status" = 'PAUSED', "pauseReason" = '${reason}'${marked} WHERE "id" = 'f-${reason}-${i}';\n`);
    }
  execFileSync('sqlite3', ['-cmd', '.timeout 5000', path.join(server.data, 'worlds.db'), '.read ' + path.join(server.folder, 'fixture.sql')], {stdio: 'pipe'});
  const after = await get('/api/admin/worlds/pause-stats');
  const grown = Object.fromEntries(Object.keys(after).map((key) => [key, after[key] - before[key]]));
  equal([grown.totalPaused, grown.by24h, grown.by7d, grown.by30d, grown.scheduledForDeletion, grown.manual, grown.vacation], [155, 100, 30, 20, 10, 4, 1]);
  equal(cliJson('worlds', 'pause-stats'), after);
});
await test('B-80_the_document_has_a_version_and_a_date', async () => {
  assert(/Version 1\.0\.0 .*2025-10-31/.test(fs.readFileSync('docs/worlds.md', 'utf8')), 'docs/worlds.md');
});
await test('B-16_delete_scheduled_by_the_command_line', async () => {
  await clock('advance 8d');
  const result = JSON.parse(cli('worlds', 'delete-scheduled', '--dry-run').stdout);
  assert('deleted' in result || 'wouldDelete' in result, JSON.stringify(result));
});

await server.finish();

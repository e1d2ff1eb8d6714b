// Who may come in: U-6, reliability 5.2 (authentication, sessions, tokens, CSRF, rates, audit).
import fs from 'node:fs';
import path from 'node:path';
import {serve, request, ask, test, equal, assert, until, moveClock, makeJob, makeToken} from './lib.mjs';

const server = await serve({clockAt: '2026-11-21T12:00:00Z'});
const password = 'four horses and a lamp';
const get = (target, status = 200, options = {}) => ask(server, 'GET', target, status, options);
const post = (target, body, status = 200, options = {}) => ask(server, 'POST', target, status, {body, ...options});
const cookieOf = (got) => got.headers['set-cookie'][0].split(';')[0];
async function logIn(name, word = password, headers = {}) {
  const got = await request(server, 'POST', '/api/auth/login', {body: {name, password: word}, token: null, headers});
  if (got.status !== 200) return got;
  return {...got, as: {token: null, headers: {Cookie: cookieOf(got)}}, asWriter: {token: null, headers: {Cookie: cookieOf(got), 'X-CSRF-Token': got.data.csrfToken}}};
}

await test('the_first_start_makes_one_token_for_the_owner_alone', async () => {
  const file = path.join(server.data, 'admin.token');
  equal(fs.statSync(file).mode & 0o777, 0o600);
  assert(/^sr_[A-Za-z0-9_-]{49}$/.test(server.token), 'its form');
  equal((await get('/api/auth/session')).role, 'admin');
  equal((await get('/api/admin/users')).data.map((user) => [user.name, user.role, user.hasPassword]), [['admin', 'admin', false]]);
  for (const name of fs.readdirSync(server.data)) {
    const full = path.join(server.data, name);
    if (name !== 'admin.token' && fs.statSync(full).isFile()) assert(!fs.readFileSync(full).includes(server.token), `${name} holds the token`);
  }
  const log = fs.readFileSync(server.log, 'utf8');
  assert(!log.includes(server.token), 'the log holds the token');
});
await test('a_login_link_opens_one_session', async () => {
  const link = /#login=([A-Za-z0-9_-]+)/.exec(fs.readFileSync(server.log, 'utf8'));
  assert(link, 'the link is printed at the first start');
  const enter = () => request(server, 'POST', '/api/auth/login-link', {body: {secret: link[1]}, token: null});
  const got = await enter();
  equal([got.status, got.data.user, got.data.role], [200, 'admin', 'admin']);
  equal((await enter()).status, 401);
  const page = await request(server, 'GET', '/', {token: null});
  equal([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8']);
  assert(/script-src 'self'/.test(page.headers['content-security-policy']) && !/<script>|<style|style=|onclick/.test(page.text), 'no inline code');
});
await test('a_login_link_is_good_for_ten_minutes', async () => {
  const made = await post('/api/auth/login-links', {}, 201), late = await post('/api/auth/login-links', {user: 'admin'}, 201);
  assert(made.url.endsWith(made.path), 'url');
  const secretOf = (one) => one.path.slice('/#login='.length);
  await moveClock(server, 'advance 9m');
  equal((await request(server, 'POST', '/api/auth/login-link', {body: {secret: secretOf(made)}, token: null})).status, 200);
  await moveClock(server, 'advance 2m');
  equal((await request(server, 'POST', '/api/auth/login-link', {body: {secret: secretOf(late)}, token: null})).status, 401);
  await post('/api/auth/login-links', {user: 'nobody'}, 404);
});
await test('accounts_are_checked', async () => {
  await post('/api/admin/users', {name: 'ana', role: 'operator', password}, 201);
  await post('/api/admin/users', {name: 'root2', role: 'admin', password}, 201);
  const rows = [[{name: 'ana', role: 'viewer'}, 409, 'name'], [{name: 'b', role: 'king'}, 400, 'role'], [{name: 'b', role: 'none'}, 400, 'role'],
    [{name: 'b c', role: 'viewer'}, 400, 'name'], [{role: 'viewer'}, 400, 'name'], [{name: 'b', role: 'viewer', password: 'short'}, 400, 'password']];
  for (const [body, status, field] of rows) equal((await post('/api/admin/users', body, status)).field, field, JSON.stringify(body));
  assert(!(await request(server, 'GET', '/api/admin/users')).text.includes('argon2'), 'no hash is shown');
});
let ana = null;
await test('a_log_in_gives_a_strict_cookie', async () => {
  ana = await logIn('ana');
  equal([ana.status, ana.data.user, ana.data.role], [200, 'ana', 'operator']);
  const cookie = ana.headers['set-cookie'][0];
  for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/']) assert(cookie.includes(part), part);
  equal((await get('/api/auth/session', 200, ana.as)).csrfToken, ana.data.csrfToken);
  assert((await get('/api/admin/users')).data.find((user) => user.name === 'ana').lastLoginAt, 'lastLoginAt');
});
await test('a_secure_cookie_behind_https', async () => {
  const other = await serve({flags: ['--public-url', 'https://cron.example']});
  await ask(other, 'POST', '/api/admin/users', 201, {body: {name: 'eva', role: 'viewer', password}});
  const got = await request(other, 'POST', '/api/auth/login', {body: {name: 'eva', password}, token: null, headers: {Origin: 'https://cron.example'}});
  assert(/^__Host-sereno=[A-Za-z0-9_-]{43};.*; Secure$/.test(got.headers['set-cookie'][0]), got.headers['set-cookie'][0]);
  equal((await ask(other, 'POST', '/api/auth/login-links', 201, {body: {}})).url.startsWith('https://cron.example/#login='), true);
  equal(await other.stop(), 0);
  fs.rmSync(other.folder, {recursive: true, force: true});
});
await test('a_session_writes_only_with_its_csrf_token_and_from_its_own_page', async () => {
  await makeJob(server, {name: 'normal'});
  const run = '/api/cron/jobs/normal/run', origin = `http://127.0.0.1:${server.port}`;
  equal((await post(run, {}, 403, ana.as)).code, 'csrf_failed');
  const as = (more) => ({token: null, headers: {...ana.asWriter.headers, ...more}});
  await post(run, {}, 403, as({'X-CSRF-Token': 'x'.repeat(43)}));
  await post(run, {}, 403, as({Origin: 'http://evil.example'}));
  await post(run, {}, 403, as({Origin: 'null'}));
  await post(run, {}, 403, as({'Sec-Fetch-Site': 'cross-site'}));
  await post(run, {}, 202, as({Origin: origin}));
  await post(run, {}, 202, as({}));
  await get('/api/cron/jobs', 200, {token: null, headers: {...ana.as.headers, Origin: 'http://evil.example'}});
  await get('/api/cron/stream', 403, {token: null, headers: {...ana.as.headers, Origin: 'http://evil.example'}});
  equal((await logIn('ana', password, {Origin: 'http://evil.example'})).status, 403);
  await post(run, {}, 202, {headers: {Origin: 'http://evil.example'}}); // a bearer is no browser's doing
});
await test('wrong_names_and_passwords_read_alike', async () => {
  const wrong = await logIn('ana', 'not the password'), unknown = await logIn('nobody', 'not the password'), none = await logIn('admin', 'not the password');
  for (const got of [wrong, unknown, none]) equal([got.status, got.data.code, got.data.detail], [401, 'unauthenticated', wrong.data.detail]);
  const row = (await get('/api/admin/audit-log')).data.find((one) => one.action === 'login.failed');
  assert(row, 'a failed log-in is on record');
});
await test('guessing_is_slowed_down', async () => {
  let last = null;
  for (let i = 0; i < 12 && last?.status !== 429; i++) last = await logIn('root2', 'guess number ' + i);
  equal(last.status, 429);
  assert(Number(last.headers['retry-after']) >= 1, 'Retry-After');
  equal((await logIn('root2')).status, 429); // the right one must wait, too, from here
});
await test('log_out_ends_the_session', async () => {
  const eve = await logIn('ana');
  await post('/api/auth/logout', {}, 204, eve.asWriter);
  await get('/api/auth/session', 401, eve.as);
  await get('/api/auth/session', 200, ana.as);
});
await test('sessions_are_listed_and_ended', async () => {
  const other = await logIn('ana');
  const list = (await get('/api/admin/sessions')).data.filter((one) => one.user === 'ana');
  assert(list.length >= 2 && list.every((one) => one.id.length === 16), 'the list');
  const newest = list[list.length - 1];
  await ask(server, 'DELETE', '/api/admin/sessions/' + newest.id, 204);
  await get('/api/auth/session', 401, other.as);
  await ask(server, 'DELETE', '/api/admin/sessions/' + newest.id, 404);
});
await test('a_new_password_ends_the_other_sessions', async () => {
  const [one, two] = [await logIn('ana'), await logIn('ana')], better = 'a longer word for the horses';
  equal((await post('/api/auth/password', {current: 'wrong', password: better}, 403, one.asWriter)).field, 'current');
  equal((await post('/api/auth/password', {current: password, password: 'short'}, 400, one.asWriter)).field, 'password');
  await post('/api/auth/password', {current: password, password: better}, 204, one.asWriter);
  await get('/api/auth/session', 200, one.as);
  await get('/api/auth/session', 401, two.as);
  await get('/api/auth/session', 401, ana.as);
  equal((await logIn('ana')).status, 401);
  ana = await logIn('ana', better);
  equal(ana.status, 200);
});
await test('a_session_ends_idle_or_old', async () => {
  const idle = await logIn('ana', 'a longer word for the horses');
  await moveClock(server, 'advance 29m');
  await get('/api/auth/session', 200, idle.as);
  await moveClock(server, 'advance 29m');
  await get('/api/auth/session', 200, idle.as);
  await moveClock(server, 'advance 31m');
  equal((await get('/api/auth/session', 401, idle.as)).code, 'token_expired');
  const old = await logIn('ana', 'a longer word for the horses');
  for (let i = 0; i < 25; i++) {
    await moveClock(server, 'advance 29m');
    const status = (await request(server, 'GET', '/api/auth/session', old.as)).status;
    equal(status, (i + 1) * 29 < 12 * 60 ? 200 : 401, `after ${(i + 1) * 29} minutes`);
  }
});
await test('ended_sessions_are_not_listed', async () => {
  equal((await get('/api/admin/sessions')).data.filter((one) => one.user === 'ana'), []);
});
await test('a_disabled_account_is_out_at_once', async () => {
  const session = await logIn('ana', 'a longer word for the horses');
  const token = await makeToken(server, 'operator', {user: 'ana'});
  await get('/api/auth/session', 200, session.as);
  await get('/api/auth/session', 200, {token});
  await ask(server, 'PATCH', '/api/admin/users/ana', 200, {body: {isDisabled: true}});
  await get('/api/auth/session', 401, session.as);
  await get('/api/auth/session', 401, {token});
  equal((await logIn('ana', 'a longer word for the horses')).status, 401);
  await ask(server, 'PATCH', '/api/admin/users/ana', 200, {body: {isDisabled: false}});
  await get('/api/auth/session', 200, {token});
});
await test('a_token_has_at_most_its_users_role', async () => {
  const token = await makeToken(server, 'admin', {user: 'ana'});
  equal((await get('/api/auth/session', 200, {token})).role, 'operator');
  await get('/api/admin/users', 403, {token});
});
await test('tokens_expire_and_are_revoked', async () => {
  const brief = await makeToken(server, 'viewer', {expiresIn: '1h'});
  await get('/api/cron/jobs', 200, {token: brief});
  await moveClock(server, 'advance 61m');
  equal((await get('/api/cron/jobs', 401, {token: brief})).code, 'token_expired');
  const made = await post('/api/admin/tokens', {name: 'ci', role: 'viewer'}, 201);
  await post('/api/admin/tokens', {name: 'ci', role: 'viewer'}, 409);
  await get('/api/cron/jobs', 200, {token: made.token});
  assert((await get('/api/admin/tokens')).data.find((one) => one.name === 'ci').lastUsedAt, 'lastUsedAt');
  assert(!(await request(server, 'GET', '/api/admin/tokens')).text.includes(made.token), 'shown only once');
  await ask(server, 'DELETE', '/api/admin/tokens/ci', 204);
  await get('/api/cron/jobs', 401, {token: made.token});
  for (const [body, field] of [[{expiresIn: 'x'}, 'expiresIn'], [{expiresAt: '2001-01-01T00:00:00Z'}, 'expiresAt'], [{scope: {jobs: []}}, 'scope.jobs'], [{scope: {nets: ['x']}}, 'scope.nets'], [{scope: {all: 1}}, 'scope'], [{user: 'none'}, 'user']])
    equal((await post('/api/admin/tokens', {name: 'bad', role: 'viewer', ...body}, 400)).field, field);
});
await test('a_token_may_be_for_one_use_or_one_network', async () => {
  const once = await makeToken(server, 'viewer', {scope: {singleUse: true}});
  await get('/api/cron/jobs', 200, {token: once});
  await get('/api/cron/jobs', 401, {token: once});
  const far = await makeToken(server, 'viewer', {scope: {nets: ['10.0.0.0/8']}}), near = await makeToken(server, 'viewer', {scope: {nets: ['127.0.0.0/8', '::1']}});
  await get('/api/cron/jobs', 401, {token: far});
  await get('/api/cron/jobs', 200, {token: near});
});
await test('the_last_admin_stays', async () => {
  await ask(server, 'DELETE', '/api/admin/users/root2', 204);
  equal((await ask(server, 'DELETE', '/api/admin/users/admin', 409)).code, 'conflict');
  await ask(server, 'PATCH', '/api/admin/users/admin', 409, {body: {role: 'viewer'}});
});
await test('unknown_tokens_are_answered_ever_more_briefly', async () => {
  const statuses = new Set();
  for (let i = 0; i < 80; i++) statuses.add((await request(server, 'GET', '/api/cron/jobs', {token: 'sr_' + 'B'.repeat(49)})).status);
  equal([...statuses].sort(), [401, 429]);
  await get('/api/cron/jobs'); // a known one is not hindered
});
await test('the_cron_doors_are_closed_without_a_secret', async () => { // B-29
  equal((await post('/api/cron/auto-pause-worlds', {}, 503, {token: null})).code, 'cron_secret_not_configured');
});
await test('the_audit_log_is_a_chain', async () => {
  const log = await get('/api/admin/audit-log?limit=1000');
  assert(log.data.length > 20, 'rows');
  assert(log.data.every((row) => /^[0-9a-f]{64}$/.test(row.hash)), 'hashes');
  equal(await get('/api/admin/audit-log/verify'), {ok: true, rows: log.data[0].seq, firstBad: null});
  for (const word of ['token.create', 'user.create', 'login', 'logout', 'user.password', 'session.end', 'login-link.create', 'token.revoke'])
    assert(log.data.some((row) => row.action === word), word);
  assert(!JSON.stringify(log).includes('horses'), 'no password');
});
await test('all_of_it_survives_a_restart', async () => {
  const session = await logIn('ana', 'a longer word for the horses');
  const ended = await logIn('ana', 'a longer word for the horses');
  await post('/api/auth/logout', {}, 204, ended.asWriter);
  const token = await makeToken(server, 'viewer');
  const before = server.token, next = async (name) => (await get('/api/cron/jobs/' + name)).nextRunAt;
  await makeJob(server, {name: 'hourly', schedule: '0 * * * *'});
  await makeJob(server, {name: 'other', schedule: '0 * * * *'});
  await post('/api/admin/cron-jobs', {action: 'disable', jobName: 'hourly'});
  await until(async () => await next('hourly') === null, 'nextRunAt follows within a second');
  const nextOfOther = await next('other');
  equal(await server.stop(), 0);
  await server.start();
  equal(server.token, before);
  equal([(await get('/api/cron/jobs/hourly')).isActive, await next('hourly'), await next('other')], [false, null, nextOfOther]); // A-59, C-66
  await get('/api/auth/session', 200, session.as);
  await get('/api/auth/session', 401, ended.as);
  await get('/api/cron/jobs', 200, {token});
});
await test('a_disabled_job_runs_again_only_when_enabled', async () => {
  const runs = async (name) => (await get(`/api/cron/jobs/${name}/executions`)).data.length;
  await moveClock(server, 'advance 2h');
  equal([await runs('hourly'), await runs('other')], [0, 2]);
  await post('/api/admin/cron-jobs', {action: 'enable', jobName: 'hourly'});
  await moveClock(server, 'advance 1h');
  equal([await runs('hourly'), await runs('other')], [1, 3]);
});
await test('a_lost_token_file_is_made_anew', async () => {
  const before = server.token;
  equal(await server.stop(), 0);
  fs.rmSync(path.join(server.data, 'admin.token'));
  await server.start();
  assert(server.token !== before, 'another token');
  await get('/api/admin/users');
  await get('/api/admin/users', 401, {token: before});
});
await server.finish();

// Secrets are shown nowhere (U-10): planted wherever people write them, then every GET route, the live stream, the command line, the
// log and the audit rows are searched for them, byte by byte.
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {assert, ask, binary, equal, listen, makeJob, makeToken, request, serve, test, until} from './lib.mjs';

const server = await serve({env: {CRON_SECRET: 'planted-cron-secret', LLM_API_KEY: 'planted-llm-key'}});
const editor = await makeToken(server, 'editor');
const get = (path, status = 200) => ask(server, 'GET', path, status);
const post = (path, body, status = 200, options = {}) => ask(server, 'POST', path, status, {body, ...options});
const patch = (path, body, status = 200, options = {}) => ask(server, 'PATCH', path, status, {body, ...options});
const run = (name, body = {}) => post(`/api/cron/jobs/${name}/run`, body, 200, {headers: {Prefer: 'wait=20'}});

const folder = path.join(server.data, 'executors');
fs.mkdirSync(folder, {recursive: true, mode: 0o700});
const program = (name, script, note) => {
  fs.writeFileSync(path.join(folder, name), '#!/bin/sh\n' + script, {mode: 0o700});
  if (note) fs.writeFileSync(path.join(folder, name + '.json'), typeof note === 'string' ? note : JSON.stringify(note), {mode: 0o600});
};
program('greet', 'wc -c\n', {
  description: {en: 'Greets somebody', es: 'Saluda a alguien'},
  params: [{name: 'who', required: true, help: {en: 'whom to greet', es: 'a quién saludar'}}, {name: 'pin', type: 'integer', secret: true, min: 1, max: 99999999},
    {name: 'vault', type: 'object', secret: true, shown: ['colour'], help: 'all of it'}],
});
program('plainly', 'wc -c\n');
program('broken', 'wc -c\n', '{"params":[{"name":"a","secret":"yes"}]}');
program('leaves', 'wc -c\n', {params: [{name: 'code', secret: true}]});

const stream = await listen(server, '/api/cron/stream?topics=runs,jobs,logs,status,worlds');
const jobs = {
  caller: {command: 'http', params: {url: 'http://someone:planted-password@127.0.0.1:9/x?api_key=planted-query&a=shown-query',
    headers: {'X-A': 'planted-header', Accept: 'text/x-shown', 'user-agent': 'shown-agent'}, body: '{"password": "planted-body", "a": "shown-body"}', method: 'POST'}},
  sheller: {command: 'shell', params: {command: 'MY_TOKEN=planted-inline sh -c "true" # shown-comment', env: {API_TOKEN: 'planted-env', LANG: 'shown-env'}}},
  greeter: {command: 'greet', params: {who: 'shown-who', pin: 48151623, vault: {key: {deep: ['planted-deep']}, colour: 'shown-colour'}, args: ['--token', 'planted-arg', 'shown-arg']}},
  plain: {command: 'plainly', params: {args: ['DB_PASSWORD=planted list', 'A=shown-list'], list: [{name: 'API_KEY', value: 'planted-named'}]}},
  breaks: {command: 'broken', params: {a: 'planted-unknown', b: 'planted-too'}},
  orphan: {command: 'leaves', params: {code: 'planted-orphan', text: 'known meanwhile'}},
};
const planted = /planted-|48151623|planted list/;
// What tells people of the job is no secret of it: each has to be there, or masking hides too much.
const shown = {caller: ['text/x-shown', 'shown-agent', 'shown-query', 'shown-body', 'someone'], sheller: ['shown-comment', 'shown-env'], greeter: ['shown-who', 'shown-colour', 'shown-arg'], plain: ['shown-list']};

const clean = (text, where) => {
  const at = text.search(planted);
  if (at >= 0) throw new Error(`${where}: …${text.slice(Math.max(0, at - 120), at + 80)}…`);
};

await test('jobs_are_made_edited_and_run_with_secrets', async () => {
  for (const [name, job] of Object.entries(jobs)) {
    clean(JSON.stringify(await makeJob(server, {name, timeout: 5, ...job})), 'the answer to ' + name);
    const {params} = await get('/api/cron/jobs/' + name);
    await patch('/api/cron/jobs/' + name, {params, description: 'edited'}); // what was shown goes back
    for (const text of shown[name] ?? []) assert(JSON.stringify(params).includes(text), `${name} hides ${text}: ${JSON.stringify(params)}`);
  }
  for (const name of Object.keys(jobs)) await run(name);
  await run('greeter', {params: {...jobs.greeter.params, who: 'somebody else'}});
});
await test('what_was_shown_and_sent_back_keeps_its_value', async () => {
  // by the database, which is whole
  const rows = JSON.parse(execFileSync('sqlite3', ['-cmd', '.timeout 5000', '-json', path.join(server.data, 'sereno.db'), 'SELECT name, params FROM "CronJob"'], {encoding: 'utf8'}));
  for (const [name, job] of Object.entries(jobs)) equal(JSON.parse(rows.find((row) => row.name === name).params), job.params, name);
});
await test('a_run_with_the_shown_parameters_has_the_stored_ones', async () => {
  const {params} = await get('/api/cron/jobs/sheller');
  const got = await run('sheller', {params: {...params, command: params.command.replace('sh -c "true"', 'sh -c "printenv API_TOKEN MY_TOKEN | wc -c"')}});
  equal(got.execution.output.trim(), String('planted-env\nplanted-inline\n'.length));
  await post('/api/cron/jobs/greeter/run', {params: {who: 'a', other_token: '***'}}, 400);
});
await test('a_mask_that_stands_for_nothing_is_refused', async () => {
  const refused = await post('/api/cron/jobs', {name: 'copy', schedule: '0 0 1 1 *', command: 'http', params: {url: 'http://127.0.0.1:9/', headers: {'X-B': '***'}}}, 400);
  equal([refused.field, /give the secret/.test(refused.hint)], ['params', true]);
});
await test('who_cannot_see_a_secret_leads_it_nowhere', async () => {
  const {params} = await get('/api/cron/jobs/caller');
  const as = {token: editor};
  await patch('/api/cron/jobs/caller', {params: {...params, url: params.url.replace('127.0.0.1:9', '127.0.0.1:10')}}, 400, as);
  await patch('/api/cron/jobs/greeter', {command: 'plainly'}, 400, as); // which would print what it is given
  await post('/api/cron/jobs/caller/run', {params: {...params, url: params.url.replace('127.0.0.1:9', '127.0.0.1:10')}}, 400, as);
  await patch('/api/cron/jobs/caller', {params, description: 'again'}, 200, as);
});
await test('secrets_survive_a_change_of_executor_masked', async () => {
  await patch('/api/cron/jobs/greeter', {command: 'plainly'}); // an admin may; the old versions and runs are still of greet
  clean(JSON.stringify(await get('/api/cron/jobs/greeter/history')), 'history');
  clean(JSON.stringify(await get('/api/cron/jobs/greeter/executions')), 'runs');
  await patch('/api/cron/jobs/greeter', {command: 'greet'});
});
await test('errors_name_what_is_wrong_without_the_value', async () => {
  for (const params of [{url: 'http://127.0.0.1:9/', headers: 'planted-wrong'}, {url: 'http://someone:planted-password@127.0.0.1:9/', headers: {'X-A': 5}, method: 'GRAB'}, {url: 5, headers: {'X-A': 'planted-header'}}])
    clean((await request(server, 'PATCH', '/api/cron/jobs/caller', {body: {params}})).text, JSON.stringify(Object.keys(params)));
});
await test('an_executor_that_is_gone_shows_nothing_of_its_jobs', async () => {
  for (const name of ['leaves', 'leaves.json']) fs.rmSync(path.join(folder, name));
  const hidden = await until(async () => { const job = await get('/api/cron/jobs/orphan'); return job.params.text === '***' && job; }, 'all is masked');
  equal(hidden.params, {code: '***', text: '***'});
  equal((await get('/api/cron/jobs/breaks')).params, {a: '***', b: '***'}); // what is wrong with its note is told
  const {data} = await get('/api/cron/executors');
  assert(/secret that is not true or false/.test(data.find((one) => one.name === 'broken').description), 'told');
});
await test('programs_tell_their_parameters', async () => {
  const of = async (language) => (await ask(server, 'GET', '/api/cron/executors', 200, {headers: {'Accept-Language': language}})).data.find((one) => one.name === 'greet');
  const english = await of('en'), spanish = await of('es-ES,es;q=0.9');
  equal([english.description, english.params[0].help], ['Greets somebody', 'whom to greet']);
  equal([spanish.description, spanish.params[0].help, spanish.params[2].help], ['Saluda a alguien', 'a quién saludar', 'all of it']);
  equal([english.params[1].type, english.params[1].secret, english.params[1].max, english.params[2].shown], ['integer', true, 99999999, ['colour']]);
});

// ---- the search ----
await test('secrets_are_shown_nowhere_over_http', async () => {
  await ask(server, 'DELETE', '/api/cron/jobs/plain', 204); // its history stays
  const spec = await get('/api/openapi.json'), runs = (await get('/api/cron/executions?limit=1000')).data;
  clean(JSON.stringify(spec), 'the description');
  const names = [...Object.keys(jobs), ...(await get('/api/cron/jobs?limit=1000')).data.map((job) => job.id)];
  let asked = 0;
  const look = async (target) => {
    asked++;
    clean((await request(server, 'GET', target)).text, target);
  };
  for (const [route, verbs] of Object.entries(spec.paths)) {
    if (!verbs.get || route.includes('stream')) continue;
    const parts = route.match(/\{(\w+)\}/g) ?? [];
    if (parts.length === 0) await look(route + (/audit-log$|jobs$|executions$|logs$/.test(route) ? '?limit=1000' : ''));
    else if (route.startsWith('/api/cron/jobs/{')) for (const name of names) await look(route.replace(/\{\w+\}/, name));
    else if (route.startsWith('/api/cron/executions/{')) for (const one of runs) await look(route.replace(/\{\w+\}/, one.id));
  }
  assert(asked > 100 && runs.length >= 7, `${asked} pages, ${runs.length} runs`);
  for (const name of Object.keys(jobs).filter((one) => !['plain', 'orphan'].includes(one))) {
    clean((await request(server, 'POST', `/api/cron/jobs/${name}/preview`, {body: {params: {...jobs[name].params, note: 'x'}}})).text, 'preview of ' + name);
    clean((await request(server, 'POST', '/api/cron/jobs/preview', {body: {name: 'new', schedule: '0 1 * * *', ...jobs[name]}})).text, 'preview of a new ' + name);
  }
  clean((await request(server, 'POST', '/api/cron/jobs/plain/history/1/restore', {body: {}})).text, 'restored');
});
await test('secrets_are_shown_nowhere_in_the_live_stream_and_the_log', async () => {
  await until(() => stream.events.some((one) => one.event === 'runs'), 'events');
  clean(JSON.stringify(stream.events), 'the stream');
  stream.close();
  clean(fs.readFileSync(server.log, 'utf8'), 'the log');
});
await test('secrets_are_shown_nowhere_on_the_command_line', async () => {
  const env = {...process.env, SERENO_DATA: server.data, SERENO_URL: `http://127.0.0.1:${server.port}`};
  const one = (await get('/api/cron/executions?limit=1')).data[0].id;
  const lines = [['jobs'], ['jobs', '--json'], ...Object.keys(jobs).flatMap((name) => [['jobs', 'show', name], ['jobs', 'show', name, '--json'], ['why', name], ['next', name]]),
    ['jobs', 'executors', '--json'], ['runs', '--json'], ['runs', 'show', one], ['runs', 'show', one, '--json'], ['logs', '-n', '1000'], ['export', 'crontab'], ['audit'], ['audit', 'log'],
    ['config', '--explain'], ['doctor'], ['status'], ['jobs', 'edit', 'sheller', '--description', 'by hand'], ['run', 'greeter', '--json'], ['run', 'greeter', '--dry-run', '--json']];
  for (const line of lines) {
    const got = spawnSync(binary, line, {encoding: 'utf8', env});
    clean(got.stdout + got.stderr, line.join(' '));
  }
  assert(/# sheller is not here: it holds a secret/.test(spawnSync(binary, ['export', 'crontab'], {encoding: 'utf8', env}).stdout), 'the crontab says what it lacks');
});
await test('no_audit_row_holds_a_secret', async () => {
  const rows = execFileSync('sqlite3', ['-cmd', '.timeout 5000', path.join(server.data, 'sereno.db'), 'SELECT * FROM "CronAudit"'], {encoding: 'utf8', maxBuffer: 1 << 26});
  assert(rows.includes('job.update'), 'rows');
  clean(rows, 'CronAudit');
});

await server.finish();

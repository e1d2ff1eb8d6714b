// The description of the API against its answers; every route against every role (U-17, X-22).
import fs from 'node:fs';
import {serve, request, ask, test, equal, assert, listen, makeJob, makeToken} from './lib.mjs';

const secret = 'a cron secret of some length';
const server = await serve({env: {CRON_SECRET: secret}});
const api = await ask(server, 'GET', '/api/openapi.json', 200, {token: null});
const roles = ['nobody', 'viewer', 'operator', 'editor', 'admin'];
const tokens = {nobody: null, admin: server.token};
for (const role of ['viewer', 'operator', 'editor']) tokens[role] = await makeToken(server, role);
await ask(server, 'POST', '/api/admin/users', 201, {body: {name: 'ana', role: 'viewer', password: 'four horses and a lamp'}});
const ofAna = await makeToken(server, 'viewer', {user: 'ana'}), service = await makeToken(server, 'operator', {scope: {worlds: true}});

// ---- a small validator of the parts of JSON Schema that the document uses ----
const resolve = (schema) => schema.$ref ? api.components.schemas[schema.$ref.split('/').pop()] : schema;
const kindOf = (value) => value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
function check(value, given, at) {
  const schema = resolve(given);
  if (schema.anyOf) {
    const reasons = schema.anyOf.map((one) => { try { check(value, one, at); return null; } catch (error) { return error.message; } });
    assert(reasons.includes(null), `${at}: ${reasons.join(' | ')}`);
    return;
  }
  const kind = kindOf(value), types = [schema.type ?? []].flat();
  assert(types.length === 0 || types.includes(kind) || (kind === 'integer' && types.includes('number')), `${at} is ${kind}, want ${types}`);
  if (schema.enum) assert(schema.enum.includes(value), `${at} is ${value}, want one of ${schema.enum}`);
  if (kind === 'string' && schema.format === 'date-time') assert(!Number.isNaN(Date.parse(value)), `${at} is no instant: ${value}`);
  if (kind === 'string' && schema.maxLength && !schema.writeOnly) assert(Buffer.byteLength(value) <= schema.maxLength, `${at} is too long`);
  if (kind === 'array' && schema.items) value.forEach((item, i) => check(item, schema.items, `${at}[${i}]`));
  if (kind === 'object' && schema.properties) {
    for (const key of Object.keys(value)) {
      if (schema.properties[key]) check(value[key], schema.properties[key], `${at}.${key}`);
      else assert(schema.additionalProperties !== false, `${at}.${key} is not described`);
    }
    for (const key of schema.required ?? []) assert(key in value, `${at}.${key} is missing`);
  }
}
const answerSchema = (method, path, status) => api.paths[path][method.toLowerCase()].responses[status]?.content?.['application/json']?.schema;

await test('openapi_is_whole', async () => {
  equal(api.openapi, '3.1.0');
  const ids = new Set();
  const walk = (node, at) => {
    if (node === null || typeof node !== 'object') return;
    if (node.$ref) assert(api.components.schemas[node.$ref.replace('#/components/schemas/', '')], `${at}: ${node.$ref} leads nowhere`);
    for (const key of Object.keys(node)) walk(node[key], `${at}/${key}`);
  };
  walk(api, '#');
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      assert(operation.summary && operation.operationId, `${method} ${path} has no summary`);
      assert(!ids.has(operation.operationId), `${operation.operationId} is there twice`);
      ids.add(operation.operationId);
      const named = (path.match(/\{(\w+)\}/g) ?? []).map((name) => name.slice(1, -1));
      equal(operation.parameters.filter((p) => p.in === 'path').map((p) => p.name), named, path);
      assert(Object.keys(operation.responses).some((status) => /^2\d\d$/.test(status)), `${method} ${path} has no good answer`);
    }
  }
});

// ---- every route × every role ----
const rows = fs.readFileSync(new URL('matrix.tsv', import.meta.url), 'utf8').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split('\t'));
await test('matrix_names_exactly_the_routes', async () => {
  const inTable = rows.map(([method, path, role]) => `${method} ${path} ${role}`).sort();
  const described = Object.entries(api.paths).flatMap(([path, operations]) => Object.entries(operations).map(([method, operation]) => `${method.toUpperCase()} ${path} ${operation['x-sereno-role']}`)).sort();
  equal(described, inTable);
});
const fill = (path) => path.replace(/\{\w+\}/g, 'no-such-thing');
async function statusOf(method, path, token) {
  if (path.endsWith('stream')) {
    const stream = await listen(server, path, {token});
    stream.close();
    return stream.status;
  }
  return (await request(server, method, fill(path), {token, body: method === 'GET' || method === 'DELETE' ? undefined : {}})).status;
}
for (const [method, path, least, mark] of rows) {
  const cron = mark === 'cron', isWorld = mark === 'world';
  await test(`roles_of_${method}_${path}`, async () => {
    for (const role of roles) {
      const status = await statusOf(method, path, tokens[role]);
      const isOpen = least === 'none', isEnough = isWorld ? role === 'admin' : roles.indexOf(role) >= roles.indexOf(least);
      const want = isOpen || isEnough ? 'enter' : role === 'nobody' ? 401 : 403;
      if (want === 'enter') assert(![401, 403].includes(status) || isOpen, `${role} got ${status}`);
      else equal(status, want, role);
    }
    const byCron = await statusOf(method, path, secret);
    if (cron || least === 'none') assert(byCron !== 403, `CRON_SECRET got ${byCron}`);
    else equal(byCron, 403, 'CRON_SECRET');
    // a service token reaches worlds and nothing else; a user's token reaches them as that user
    const byService = await statusOf(method, path, service);
    if (least === 'none') return;
    if (isWorld) assert(![401].includes(byService), `a service got ${byService}`);
    else equal(byService, 403, 'a service token');
    if (isWorld) assert(await statusOf(method, path, ofAna) !== 401, 'a user');
  });
}
await test('an_unknown_token_is_told_so_everywhere', async () => {
  const some = rows.filter(([, , least], i) => least !== 'none' && i % 3 === 0); // more are answered 429
  for (const [method, path] of some) equal(await statusOf(method, path, 'sr_' + 'A'.repeat(49)), 401, `${method} ${path}`);
});

// ---- answers as described ----
const job = await makeJob(server, {name: 'described', schedule: '*/5 * * * *', category: 'SYNC', params: {command: 'echo a; echo b'}, labels: {env: 'prod'}});
const run = await ask(server, 'POST', '/api/cron/jobs/described/run', 200, {body: {}, headers: {Prefer: 'wait=20'}});
await ask(server, 'POST', '/api/worlds', 201, {body: {id: 'w1', ownerId: 'u1', storyMode: true}});
const asOwner = {token: service, headers: {'X-Sereno-User': 'u1'}};
await ask(server, 'POST', '/api/worlds/w1/message', 200, {body: {text: 'hola'}, ...asOwner});
await ask(server, 'PUT', '/api/worlds/w1/members/u2', 200, {body: {}, ...asOwner});
await ask(server, 'POST', '/api/worlds/w1/events', 201, {body: {type: 'feast', scheduledAt: '2099-01-01T00:00:00Z', text: 'a feast'}, ...asOwner});
const samples = [
  ...['', '/should-pause', '/narrative', '/state', '/members', '/events', '/history', '/summaries', '/archive', '/context'].map((part) => ['GET', '/api/worlds/{world}' + part]),
  ['GET', '/api/worlds'], ['GET', '/api/worlds/status'],
  ...['pause-stats', 'impact', 'trend', 'cost-model', 'why', 'mails', 'settings'].map((part) => ['GET', '/api/admin/worlds/' + part]),
  ['GET', '/livez'], ['GET', '/readyz'], ['GET', '/healthz'], ['GET', '/version'],
  ['GET', '/api/auth/session'], ['GET', '/api/cron/jobs'], ['GET', '/api/cron/jobs/{job}'],
  ['GET', '/api/cron/jobs/{job}/executions'], ['GET', '/api/cron/jobs/{job}/metrics'],
  ['GET', '/api/cron/jobs/{job}/occurrences'], ['GET', '/api/cron/jobs/{job}/why'], ['GET', '/api/cron/executions'],
  ['GET', '/api/cron/executions/{id}'], ['GET', '/api/cron/settings'], ['GET', '/api/cron/settings/fields'], ['GET', '/api/cron/executors'],
  ['GET', '/api/cron/schedule/explain', '?schedule=0+2+*+*+*&timezone=Europe/Madrid'], ['GET', '/api/cron/dashboard'], ['GET', '/api/cron/round'], ['GET', '/api/cron/calendar'], ['GET', '/api/cron/stats', '?days=3'], ['GET', '/api/cron/diagnosis'],
  ['GET', '/api/cron/monitoring'], ['GET', '/api/cron/alerts'], ['GET', '/api/cron/logs'], ['GET', '/api/cron/audit'], ['GET', '/api/admin/cron-jobs'],
  ['GET', '/api/admin/users'], ['GET', '/api/admin/tokens'], ['GET', '/api/admin/sessions'], ['GET', '/api/admin/audit-log'],
  ['GET', '/api/admin/audit-log/verify'], ['GET', '/api/admin/config'],
];
for (const [method, path, query = ''] of samples) {
  await test(`answer_of_${method}_${path}_is_as_described`, async () => {
    const data = await ask(server, method, path.replace('{world}', 'w1').replace('{job}', job.id).replace('{id}', run.executionId) + query, 200);
    const schema = answerSchema(method, path, 200);
    assert(schema, 'no schema');
    check(data, schema, 'answer');
  });
}
await test('answer_of_run_is_as_described', async () => {
  check(run, {$ref: '#/components/schemas/RunAnswer'}, 'answer');
  check(job, {$ref: '#/components/schemas/JobAnswer'}, 'answer');
});
await test('every_refusal_is_a_problem', async () => {
  const refusals = [
    ['GET', '/nowhere', 404, 'not_found'], ['GET', '/api/cron/jobs/none', 404, 'not_found'],
    ['DELETE', '/api/cron/settings', 405, 'method_not_allowed'], ['GET', '/api/cron/jobs?colour=red', 400, 'invalid'],
    ['GET', '/api/cron/jobs?limit=0', 400, 'invalid'], ['GET', '/api/cron/executions?status=odd', 400, 'invalid'],
    ['GET', '/api/cron/executions/c123', 404, 'not_found'], ['GET', '/api/cron/jobs?cursor=zz', 400, 'invalid'],
  ];
  for (const [method, path, status, code] of refusals) {
    const got = await request(server, method, path);
    equal(got.status, status, path);
    equal(got.headers['content-type'], 'application/problem+json', path);
    check(got.data, {$ref: '#/components/schemas/Problem'}, path);
    equal(got.data.code, code, path);
    equal(got.data.status, status, path);
    assert(got.data.requestId === got.headers['x-request-id'], 'requestId');
  }
  const post = async (raw, type) => request(server, 'POST', '/api/cron/jobs', {raw, headers: {'Content-Type': type}});
  equal((await post('{"name":', 'application/json')).data.code, 'invalid');
  equal((await post('{"name":', 'application/json')).data.line, 1);
  equal((await post('[]', 'application/json')).status, 400);
  equal((await post('{}', 'text/plain')).status, 415);
  equal((await post('{"name":"a","name":"b"}', 'application/json')).status, 400);
});
await test('methods_that_are_allowed_are_named', async () => {
  const got = await request(server, 'DELETE', '/api/cron/settings');
  equal(got.headers.allow, 'GET, HEAD, PUT, PATCH, OPTIONS');
  equal((await request(server, 'OPTIONS', '/api/cron/jobs', {token: null})).status, 204);
  const head = await request(server, 'HEAD', '/api/cron/jobs/described');
  equal([head.status, head.text], [200, '']);
});
await test('metrics_are_in_the_text_format', async () => {
  const own = await request(server, 'GET', '/metrics'), open = await request(server, 'GET', '/metrics', {token: null});
  for (const {status, text} of [own, open]) {
    equal(status, 200);
    const families = new Set();
    for (const line of text.trimEnd().split('\n')) {
      const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line);
      if (type) { assert(!families.has(type[1]), `${type[1]} twice`); families.add(type[1]); continue; }
      if (line.startsWith('# HELP ')) continue;
      const sample = /^(\w+?)(_bucket|_sum|_count)?(\{(\w+="([^"\\]|\\.)*",?)*\})? (-?[0-9.e+]+|\+Inf)$/.exec(line);
      assert(sample && (families.has(sample[1]) || families.has(sample[1] + (sample[2] ?? ''))), `bad line: ${line}`);
    }
    for (const name of ['sereno_runs_total', 'sereno_run_duration_seconds', 'sereno_start_lag_seconds', 'sereno_occurrences_total', 'sereno_queue_depth', 'sereno_running', 'sereno_scheduler_tick_timestamp_seconds', 'sereno_build_info', 'sereno_leader'])
      assert(families.has(name), `${name} is missing`);
  }
  assert(own.text.includes('sereno_runs_total{job="described",status="success",trigger="manual"} 1'), 'the run is not counted by name');
  assert(open.text.includes('sereno_runs_total{status="success",trigger="manual"} 1'), 'the run is not counted');
  assert(!open.text.includes('described'), 'a name of a job is open to everyone');
});
await server.finish();

// The output of a run as a log view reads it (C-73): index, lines, search, live pieces; what surrounds a run.
import fs from 'node:fs';
import path from 'node:path';
import {execFileSync} from 'node:child_process';
import {serve, request, ask, test, equal, assert, until, listen, makeJob} from './lib.mjs';

const server = await serve();
const get = (target, status = 200) => ask(server, 'GET', target, status);
const run = async (name, fields) => {
  await makeJob(server, {name, ...fields});
  return (await ask(server, 'POST', `/api/cron/jobs/${name}/run`, 200, {body: {}, headers: {Prefer: 'wait=60'}})).executionId;
};
const at = (id, rest = '') => `/api/cron/executions/${id}/output${rest}`;
const numbers = (answer) => answer.data.map((one) => one.line);

const many = await run('many', {params: {command: 'seq 1 500000 | sed "s/^/line of usual length with some text in it, number /; 250000s/line/ERROR: line/"'}});
await test('half_a_million_lines_are_kept_and_counted', async () => {
  const index = await get(at(many, '/index'));
  equal([index.lines, index.isLive, index.source, index.isCut, index.errors, index.firstError, index.hasTimes], [500000, false, 'spool', false, 1, 250000, true]);
  assert(index.buckets.length <= 400 && index.buckets.reduce((a, b) => a + b) === 1, 'buckets');
  equal(Math.floor((250000 - 1) / index.bucketLines), index.buckets.indexOf(1));
});
await test('a_page_anywhere_costs_a_page', async () => {
  const page = await get(at(many, '/lines?from=499999&count=500'));
  equal(page.data.map((one) => [one.line, one.text]), [499999, 500000].map((n) => [n, `line of usual length with some text in it, number ${n}`]));
  assert(page.data.every((one) => one.ms >= 0 && one.bytes === one.text.length + 1), 'times and lengths');
  equal(numbers(await get(at(many, '/lines?from=300000&count=3'))), [300000, 300001, 300002]);
  equal(numbers(await get(at(many, '/lines?from=500001'))), []);
  for (const bad of ['from=0', 'count=0', 'count=2001', 'line=3']) await get(at(many, '/lines?' + bad), 400);
});
await test('a_search_finds_and_goes_on', async () => {
  const first = await get(at(many, '/search?text=NUMBER%204999&limit=5000'));
  let next = first.next;
  const found = numbers(first);
  while (next) {
    const more = await get(at(many, `/search?text=NUMBER%204999&limit=5000&after=${next}`));
    found.push(...numbers(more));
    next = more.next;
  }
  equal([found.length, found[0], found.at(-1)], [1 + 10 + 100, 4999, 499999]);
  assert(first.next !== null, 'one answer looks at a bounded part');
  equal((await get(at(many, '/search?errors=true&texts=true&after=240000'))).data.map((one) => [one.line, one.text.slice(0, 6), one.looksWrong]), [[250000, 'ERROR:', true]]);
  equal((await get(at(many, '/search?errors=true&after=240000'))).data.map((one) => [one.line, one.text, one.looksWrong]), [[250000, '', true]]);
  equal((await get(at(many, '/search'), 400)).field, 'text');
});
await test('bytes_and_lines_of_the_whole_text_are_as_before', async () => {
  const text = async (query, headers = {}) => { const got = await request(server, 'GET', at(many, query), {headers}); return [got.status, got.text, got.headers['content-range'] ?? null]; };
  equal((await text('?from=500000'))[1], 'line of usual length with some text in it, number 500000\n');
  equal((await text('?tail=1'))[1], 'line of usual length with some text in it, number 500000\n');
  equal((await text('?from=2&to=3&tail=1'))[1], 'line of usual length with some text in it, number 3\n');
  equal((await text('', {Range: 'bytes=0-3'})).slice(0, 2), [206, 'line']);
  const whole = await request(server, 'GET', at(many));
  equal([whole.status, whole.text.length, String(whole.text.length)], [200, (await get(at(many, '/index'))).bytes, whole.headers['content-length']]);
  equal((await request(server, 'HEAD', at(many))).text, '');
});
await test('lines_that_are_too_long_are_cut_and_say_so', async () => {
  const id = await run('long-line', {params: {command: 'printf before\\\\n; head -c 300000 /dev/zero | tr "\\\\0" x; printf \\\\nafter'}});
  const page = await get(at(id, '/lines'));
  equal(page.data.map((one) => [one.line, one.text.length, one.bytes]), [[1, 6, 7], [2, 16384, 300001], [3, 5, 5]]);
});
await test('bytes_that_are_no_text_are_shown_as_such', async () => {
  const id = await run('bytes', {params: {command: "printf '\\377\\000a\\033[31mred\\r\\n'"}});
  equal((await get(at(id, '/lines'))).data.map((one) => one.text), ['\ufffd\u0000a\u001b[31mred']);
});
await test('a_silent_run_has_no_lines', async () => {
  const id = await run('silent', {params: {command: 'true'}});
  const index = await get(at(id, '/index'));
  equal([index.lines, index.bytes, index.source, index.buckets], [0, 0, 'none', []]);
  equal((await get(at(id, '/lines'))).data, []);
  equal((await get(at(id, '/search?text=x'))).data, []);
});
await test('a_running_line_is_there_at_once', async () => { // C-73
  await makeJob(server, {name: 'talks', params: {command: 'echo first; sleep 1; echo "printed $(date +%s%3N)"; sleep 60'}});
  const {executionId} = await ask(server, 'POST', '/api/cron/jobs/talks/run', 202, {body: {}});
  await until(async () => (await get('/api/cron/executions/' + executionId)).status === 'running', 'it runs');
  const stream = await listen(server, `/api/cron/stream?topics=output&execution=${executionId}`);
  let told = null;
  await until(() => { const one = stream.events.find((event) => event.data.text?.includes('printed')); if (one && !told) told = Date.now(); return one; }, 'the line');
  const text = stream.events.map((one) => one.data.text).join('');
  const late = told - Number(/printed (\d+)/.exec(text)[1]);
  assert(late < 500, `it came ${late} ms after it was printed`);
  const last = stream.events.filter((one) => one.data.type === 'output').at(-1).data;
  equal([last.end, last.end - last.offset], [Buffer.byteLength('first\n') + Buffer.byteLength(text.slice(text.indexOf('printed'))), Buffer.byteLength(last.text)]);
  const index = await get(at(executionId, '/index'));
  equal([index.lines, index.isLive, index.bytes], [2, true, last.end]);
  const page = await get(at(executionId, '/lines'));
  assert(page.data[0].text === 'first' && page.data[1].ms >= page.data[0].ms, JSON.stringify(page));
  stream.close();
  await ask(server, 'POST', `/api/cron/executions/${executionId}/cancel`, 202, {body: {}});
});
await test('a_watched_run_tells_what_it_uses', async () => {
  await makeJob(server, {name: 'busy', params: {command: 'while :; do :; done'}});
  const {executionId} = await ask(server, 'POST', '/api/cron/jobs/busy/run', 202, {body: {}});
  await until(async () => (await get('/api/cron/executions/' + executionId)).status === 'running', 'it runs');
  const stream = await listen(server, `/api/cron/stream?topics=output&execution=${executionId}`);
  const usage = await until(() => stream.events.find((one) => one.data.type === 'usage' && one.data.cpuPct !== null), 'the second one');
  assert(usage.data.cpuPct > 0 && usage.data.memoryBytes > 0 && usage.data.processes >= 1, JSON.stringify(usage.data));
  stream.close();
  await ask(server, 'POST', `/api/cron/executions/${executionId}/cancel`, 202, {body: {}});
});
await test('a_flood_is_announced_without_its_text', async () => {
  await makeJob(server, {name: 'flood', params: {command: 'seq 1 200000; sleep 60'}});
  const {executionId} = await ask(server, 'POST', '/api/cron/jobs/flood/run', 202, {body: {}});
  await until(async () => (await get('/api/cron/executions/' + executionId)).status === 'running', 'it runs');
  await until(async () => (await get(at(executionId, '/index'))).lines === 200000, 'all of it');
  const stream = await listen(server, `/api/cron/stream?topics=output&execution=${executionId}`);
  const piece = await until(() => stream.events.find((one) => one.data.type === 'output'), 'a piece');
  equal([piece.data.text, piece.data.end], [null, (await get(at(executionId, '/index'))).bytes]);
  stream.close();
  await ask(server, 'POST', `/api/cron/executions/${executionId}/cancel`, 202, {body: {}});
});
await test('a_run_knows_its_attempts_the_run_before_and_what_is_usual', async () => {
  const before = await run('flaky', {retries: 1, retryDelay: 1, params: {command: 'exit 0'}});
  await ask(server, 'PATCH', '/api/cron/jobs/flaky', 200, {body: {params: {command: 'exit 3'}}});
  const {executionId} = await ask(server, 'POST', '/api/cron/jobs/flaky/run', 200, {body: {}, headers: {Prefer: 'wait=20'}});
  const context = await until(async () => { const one = await get(`/api/cron/executions/${executionId}/context`); return one.attempts.length === 2 && one.attempts[1].finishedAt && one; }, 'the second attempt');
  equal(context.attempts.map((one) => [one.attempt, one.status]), [[1, 'failed'], [2, 'failed']]);
  equal([context.previous.id, context.usualRuns, context.jobVersion], [before, 3, 2]);
  const second = await get(`/api/cron/executions/${context.attempts[1].id}/context`);
  equal([second.attempts.map((one) => one.attempt), second.previous.id], [[1, 2], before]);
  equal((await get(`/api/cron/executions/${before}/context`)).previous, null);
});

// A disk that does not answer, as a pipe whose other end nobody has opened: what a work thread does in the kernel is seen in /proc.
const waitsIn = (pid, place) => fs.readdirSync(`/proc/${pid}/task`).filter((thread) => fs.readFileSync(`/proc/${pid}/task/${thread}/wchan`, 'utf8').includes(place)).length;
await test('an_output_that_is_being_read_at_a_forced_stop_touches_nothing_that_is_gone', async () => {
  const other = await serve();
  const spool = path.join(other.data, 'spool'), ids = [];
  for (const name of ['one', 'two']) {
    await makeJob(other, {name, params: {command: 'echo x'}});
    ids.push((await ask(other, 'POST', `/api/cron/jobs/${name}/run`, 200, {body: {}, headers: {Prefer: 'wait=60'}})).executionId);
  }
  const pipes = fs.readdirSync(spool).filter((file) => file.endsWith('.out')).map((file) => path.join(spool, file.replace(/out$/, 'time'))); // read last
  equal(pipes.length, 2);
  for (const pipe of pipes) {
    fs.rmSync(pipe, {force: true});
    execFileSync('mkfifo', ['-m', '600', pipe]);
  }
  const reads = ids.map((id) => request(other, 'GET', at(id, '/lines')).catch(() => null));
  await until(() => waitsIn(other.child.pid, 'partner') === 2, 'the threads wait for the disk');
  other.child.kill('SIGTERM');
  other.child.kill('SIGINT'); // asked twice: at once
  await until(() => fs.readFileSync(`/proc/${other.child.pid}/wchan`, 'utf8').includes('futex'), 'the end waits for the threads');
  for (const pipe of pipes) fs.closeSync(fs.openSync(pipe, fs.constants.O_RDWR | fs.constants.O_NONBLOCK));
  equal(await other.ended, 0, fs.readFileSync(other.log, 'utf8').split('\n').slice(-60).join('\n'));
  await Promise.all(reads);
  fs.rmSync(other.folder, {recursive: true, force: true});
});
await server.finish();

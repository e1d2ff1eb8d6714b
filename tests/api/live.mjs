// The live stream: C-105, DESIGN 8 (ids, resume, resync, rights).
import {serve, request, ask, test, equal, assert, until, listen, makeJob, makeToken} from './lib.mjs';

const server = await serve({env: {SERENO_STOP_SECONDS: '1'}});
const post = (target, body, status = 200, options = {}) => ask(server, 'POST', target, status, {body, ...options});
const run = (name) => post(`/api/cron/jobs/${name}/run`, {}, 200, {headers: {Prefer: 'wait=20'}});
await makeJob(server, {name: 'spoken', params: {command: 'echo hello'}});

await test('a_run_is_told_from_start_to_end', async () => {
  const stream = await listen(server, '/api/cron/stream?topics=runs');
  equal([stream.status, stream.headers['content-type']], [200, 'text/event-stream']);
  const {executionId} = await run('spoken');
  const told = await until(() => { const mine = stream.events.filter((one) => one.data.id === executionId).map((one) => one.data.status); return mine.includes('success') && mine; }, 'the end');
  equal([told[0], told.at(-1)], ['running', 'success']);
  const ids = stream.events.map((one) => one.id.split('-').map(Number));
  assert(ids.every(([epoch, seq], i) => i === 0 || (epoch === ids[0][0] && seq > ids[i - 1][1])), 'ids grow');
  assert(stream.events.every((one) => one.event === 'runs'), 'only what was asked for');
  stream.close();
});
await test('it_goes_on_where_it_was_left', async () => {
  const first = await listen(server, '/api/cron/stream?topics=runs');
  await run('spoken');
  await until(() => first.events.some((one) => one.data.status === 'success'), 'the first run');
  first.close();
  const last = first.events.at(-1).id;
  const {executionId} = await run('spoken');
  const second = await listen(server, '/api/cron/stream?topics=runs', {headers: {'Last-Event-ID': last}});
  await until(() => second.events.some((one) => one.data.status === 'success'), 'the run in between');
  assert(second.events.every((one) => one.data.id === executionId), 'nothing twice');
  second.close();
});
await test('what_cannot_be_told_again_is_a_resync', async () => {
  for (const id of ['1-999999', '77-1', 'nonsense']) {
    const stream = await listen(server, '/api/cron/stream?lastEventId=' + id);
    await until(() => stream.events.some((one) => one.event === 'resync'), 'resync after ' + id);
    stream.close();
  }
});
await test('a_stream_says_how_far_it_is_and_answers_how_new_they_are', async () => {
  const number = (id) => Number(id.split('-')[1]);
  const hello = async (headers = {}) => {
    const stream = await listen(server, '/api/cron/stream?topics=jobs,runs', {headers});
    await until(() => stream.hello, 'hello');
    stream.close();
    return stream;
  };
  const before = (await hello()).hello;
  const list = await request(server, 'GET', '/api/cron/jobs');
  equal(list.headers['sereno-event'], before.id);
  await makeJob(server, {name: 'between', params: {command: 'true'}});
  const after = (await hello()).hello;
  assert(after.data.jobs > number(list.headers['sereno-event']), 'the list is older than the newest event of jobs');
  assert(number(after.id) >= after.data.jobs && !('worlds' in after.data), 'of the topics asked for');
  equal(after.data.runs, before.data.runs);
  const missed = await hello({'Last-Event-ID': before.id}); // nothing had come yet when it was lost
  equal([missed.events.map((one) => [one.event, one.data.name]), missed.hello.after], [[['jobs', 'between']], 1], 'what was missed, then hello');
});
await test('events_of_a_paused_and_a_deleted_job_name_it', async () => {
  const {id} = await makeJob(server, {name: 'named', params: {command: 'true'}});
  const stream = await listen(server, '/api/cron/stream?topics=jobs');
  await post('/api/cron/jobs/named/pause', {});
  await post('/api/cron/jobs/named/resume', {});
  await ask(server, 'DELETE', '/api/cron/jobs/named', 204);
  const told = await until(() => { const mine = stream.events.filter((one) => one.data.type === 'job'); return mine.length >= 3 && mine; }, 'all three');
  equal(told.map(({data}) => [data.what, data.id, data.name]), [['gate', id, 'named'], ['gate', id, 'named'], ['deleted', id, 'named']]);
  stream.close();
});
await test('new_lines_of_the_log_come_at_once', async () => {
  const stream = await listen(server, '/api/cron/logs/stream');
  await run('spoken');
  const line = await until(() => stream.events.find((one) => one.event === 'logs' && one.data.msg === 'Spoken job started'), 'the line');
  equal(line.data.component, 'SpokenJob');
  stream.close();
});
await test('output_is_told_of_a_run_that_was_waiting', async () => {
  await makeJob(server, {name: 'in-line', overlapPolicy: 'queue', params: {command: 'echo here; sleep 1'}});
  await ask(server, 'POST', '/api/cron/jobs/in-line/run', 202, {body: {}});
  const second = await ask(server, 'POST', '/api/cron/jobs/in-line/run', 202, {body: {}});
  const [one, two] = [await listen(server, `/api/cron/stream?topics=output&execution=${second.executionId}`), await listen(server, `/api/cron/stream?topics=output&execution=${second.executionId}`)];
  one.close();
  await until(() => two.events.map((event) => event.data.text).join('').includes('here'), 'its output');
  two.close();
});
await test('living_output_is_told_to_its_watchers', async () => {
  await makeJob(server, {name: 'talks', params: {command: 'echo first; sleep 1; echo second; sleep 30'}});
  await makeJob(server, {name: 'noise', params: {command: 'while :; do echo noise; sleep 0.1; done'}});
  const talks = await post('/api/cron/jobs/talks/run', {}, 202), noise = await post('/api/cron/jobs/noise/run', {}, 202);
  await until(async () => (await ask(server, 'GET', '/api/cron/monitoring', 200)).currentlyRunning.length === 2, 'both run');
  const stream = await listen(server, `/api/cron/stream?topics=output&execution=${talks.executionId}`), other = await listen(server, `/api/cron/stream?topics=output&execution=${noise.executionId}`);
  await until(() => stream.events.map((one) => one.data.text).join('').includes('second'), 'its output');
  await until(() => other.events.length > 0, 'the other output');
  assert(stream.events.every((one) => one.data.executionId === talks.executionId), 'only its own');
  stream.close();
  other.close();
  for (const one of [talks, noise]) await post(`/api/cron/executions/${one.executionId}/cancel`, {}, 202);
});
await test('what_is_wrong_is_refused_before_it_begins', async () => {
  for (const [query, status] of [['topics=odd', 400], ['topics=output', 400], ['execution=c1', 400], ['topics=output&execution=c1', 404], ['colour=red', 400]])
    equal((await request(server, 'GET', '/api/cron/stream?' + query)).status, status, query);
  equal((await request(server, 'GET', '/api/cron/stream', {token: null})).status, 401);
});
await test('the_counters_are_told_when_they_begin_and_when_they_change', async () => {
  const stream = await listen(server, '/api/cron/stream?topics=counters');
  const last = () => stream.events.at(-1)?.data;
  const first = await until(() => stream.events[0], 'the first figures');
  equal([first.event, first.id, Object.keys(first.data)], ['counters', undefined, ['jobs', 'running', 'alerts', 'worlds']]);
  const {totalJobs} = await ask(server, 'GET', '/api/cron/dashboard', 200);
  equal([first.data.jobs, first.data.alerts, first.data.worlds], [totalJobs, 0, 0]);
  await until(() => last().running === 0, 'the end of what runs');
  const job = await makeJob(server, {name: 'counted', params: {command: 'exit 3'}, retries: 0});
  await until(() => last().jobs === totalJobs + 1, 'one job more');
  for (let i = 0; i < 3; i++) await ask(server, 'POST', `/api/cron/jobs/${job.id}/run`, 200, {body: {}, headers: {Prefer: 'wait=20'}});
  await until(() => last().alerts === 1, 'the alert of three failures');
  const [alert] = (await ask(server, 'GET', '/api/cron/alerts', 200)).data;
  await ask(server, 'POST', `/api/cron/alerts/${alert.id}/ack`, 200, {body: {}});
  await until(() => last().alerts === 0, 'it is taken notice of');
  await ask(server, 'POST', '/api/worlds', 201, {body: {id: 'counted', name: 'Counted', ownerId: 'ana'}});
  await until(() => last().worlds === 1, 'the world');
  await ask(server, 'DELETE', '/api/cron/jobs/' + job.id, 204);
  await until(() => last().jobs === totalJobs, 'one job less');
  stream.close();
});
await test('counters_come_only_when_they_changed_and_at_most_twice_a_second', async () => {
  await Promise.all(Array.from({length: 60}, (_, i) => makeJob(server, {name: 'burst-' + i, params: {command: 'true'}})));
  const stream = await listen(server, '/api/cron/stream?topics=counters');
  await until(() => stream.events.length > 0, 'the first figures');
  const begun = Date.now();
  await Promise.all(Array.from({length: 60}, (_, i) => ask(server, 'POST', `/api/cron/jobs/burst-${i}/run`, 200, {body: {}, headers: {Prefer: 'wait=30'}})));
  await until(() => stream.events.at(-1).data.running === 0, 'calm');
  const events = stream.events, most = 2 + 2 * Math.ceil((Date.now() - begun) / 1000);
  assert(events.length <= most, `${events.length} events, ${most} fit`);
  for (let i = 1; i < events.length; i++) assert(JSON.stringify(events[i].data) !== JSON.stringify(events[i - 1].data), 'only changes are told');
  stream.close();
});
await test('who_may_not_count_worlds_is_not_told_them', async () => {
  const {token} = await ask(server, 'POST', '/api/admin/tokens', 201, {body: {name: 'looks', role: 'viewer'}});
  const stream = await listen(server, '/api/cron/stream?topics=counters', {token});
  const first = await until(() => stream.events[0], 'the first figures');
  equal(Object.keys(first.data), ['jobs', 'running', 'alerts']);
  stream.close();
});
await test('streams_of_one_are_bounded', async () => {
  const token = await makeToken(server, 'viewer'), open = [];
  for (let i = 0; i < 50; i++) open.push(await listen(server, '/api/cron/stream', {token}));
  assert(open.every((one) => one.status === 200), 'fifty');
  equal((await listen(server, '/api/cron/stream', {token})).status, 429);
  open.forEach((one) => one.close());
  await until(async () => { const one = await listen(server, '/api/cron/stream', {token}); one.close(); return one.status === 200; }, 'a place is free again');
});
await test('a_revoked_token_loses_its_stream', async () => { // with the next heartbeat
  const {token, id} = await post('/api/admin/tokens', {name: 'brief', role: 'viewer'}, 201);
  const stream = await listen(server, '/api/cron/stream', {token});
  await ask(server, 'DELETE', '/api/admin/tokens/' + id, 204);
  await until(() => !stream.isOpen, 'its end');
});
await test('the_end_of_the_server_ends_streams_and_waits', async () => {
  const stream = await listen(server, '/api/cron/stream');
  await makeJob(server, {name: 'long', params: {command: 'sleep 60'}});
  const waiting = request(server, 'POST', '/api/cron/jobs/long/run', {body: {}, headers: {Prefer: 'wait=60'}}).catch((error) => error);
  await until(async () => (await ask(server, 'GET', '/api/cron/monitoring', 200)).currentlyRunning.length === 1, 'it runs');
  equal(await server.stop(), 0);
  await until(() => !stream.isOpen, 'its end');
  assert((await waiting).status !== 200, 'the wait is cut');
  await server.start();
  const still = (await ask(server, 'GET', '/api/cron/monitoring', 200)).currentlyRunning;
  equal(still.map((one) => one.jobName), ['long']); // runs outlive the server
  await post(`/api/cron/executions/${still[0].id}/cancel`, {}, 202);
});
await server.finish();

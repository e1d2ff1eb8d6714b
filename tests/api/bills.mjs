// Requirements on what runs may use and leave behind, and on the server's own size; by the real clock. The names
// begin with the ids that docs/coverage.tsv refers to.
import {execFileSync, spawn} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {serve, request, ask, test, equal, assert, until, pause, makeJob} from './lib.mjs';

const server = await serve();
const get = (target, status = 200) => ask(server, 'GET', target, status);
const post = (target, body, status = 200, options = {}) => ask(server, 'POST', target, status, {body, ...options});
const run = async (name, command, more = {}) => {
  await makeJob(server, {name, ...more, params: {command}});
  return (await post(`/api/cron/jobs/${name}/run`, {}, 200, {headers: {Prefer: 'wait=60'}})).execution;
};
const runs = async (name) => (await get(`/api/cron/jobs/${name}/executions?limit=1000`)).data.reverse();
const tagged = (id) => fs.readdirSync('/proc').filter((pid) => {
  try { return /^\d+$/.test(pid) && fs.readFileSync(`/proc/${pid}/environ`, 'latin1').includes('SERENO_RUN_ID=' + id); } catch { return false; }
});
const seconds = (text) => { const [, m, s] = /(\d+)m([\d.]+)s/.exec(text); return m * 60 + Number(s); };

// ---- several at a time: each waits for its processes only ----
const checks = {
  'C-49_C-81_memory_is_measured': async () => {
    const got = await run('eats', 'dd if=/dev/zero of=/dev/null bs=100M count=20 2>/dev/null');
    assert(got.memoryUsed >= 95 && got.memoryUsed <= 120, `memoryUsed ${got.memoryUsed}`);
    const {meanMemoryMB} = await get('/api/cron/jobs/eats/metrics');
    equal(meanMemoryMB, got.memoryUsed); // C-122
  },
  'C-50_C-81_C-122_processor_time_is_that_of_the_tree': async () => {
    const got = await run('burns', "sh -c 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done'; times");
    const [self, children] = got.output.trim().split('\n').map((line) => line.split(' ').reduce((sum, one) => sum + seconds(one), 0));
    const used = (got.cpuUserUs + got.cpuSystemUs) / 1e6, said = self + children;
    assert(Math.abs(used - said) <= 0.1 * said + 0.05, `billed ${used} s, the shell says ${said} s`);
    assert(Math.abs(got.cpuUsed - used / got.duration * 1e5) <= 5, `cpuUsed ${got.cpuUsed} of ${got.duration} ms`);
    assert((await get('/api/cron/jobs/burns/metrics')).meanCpuPct > 0, 'meanCpuPct');
  },
  'C-44_U-14_output_is_bounded_and_marked': async () => {
    const got = await run('floods', 'echo first; head -c 10G /dev/zero; echo; echo last', {timeout: 100});
    equal([got.status, got.outputTruncated], ['success', true]);
    assert(got.outputBytes >= 10 * 2 ** 30, `outputBytes ${got.outputBytes}`);
    assert(got.output.length < 1e6 && got.output.startsWith('first\n') && got.output.trimEnd().endsWith('last'), 'head and tail are kept');
    assert(got.output.includes('the middle is left out'), 'the gap is marked');
    // 64 MiB of head, 1 MiB of tail, and when its lines came
    const spool = path.join(server.data, 'spool'), size = Number(execFileSync('du', ['-sb', spool], {encoding: 'utf8'}).split('\t')[0]);
    assert(size < 72 * 2 ** 20, `the spool has ${size} bytes`);
  },
  'C-109_nothing_of_a_tree_is_left': async () => {
    const got = await run('forks', 'setsid sleep 1000 & (setsid sh -c "setsid sleep 1000 & sleep 1000" &); sleep 1000', {timeout: 1});
    equal([got.status, tagged(got.id)], ['timeout', []]);
    const left = await run('leaves', 'setsid sleep 1000 >/dev/null 2>&1 & echo gone');
    equal([left.status, tagged(left.id)], ['success', []]);
  },
  'C-110_a_memory_bomb_is_ended': async () => {
    const got = await run('bomb', 'exec dd if=/dev/zero of=/dev/null bs=300M count=1000', {memoryLimitMB: 50});
    equal([got.status, got.reason], ['failed', 'memory_limit']);
  },
  'X-15_the_attempts_together_have_a_limit': async () => {
    await makeJob(server, {name: 'total', retries: 5, retryDelay: 1, totalTimeout: 8, params: {command: 'sleep 2; exit 1'}});
    await makeJob(server, {name: 'walls', retries: 2, retryDelay: 0, maxRuntime: 3, params: {command: 'sleep 1.2; exit 1'}});
    for (const name of ['total', 'walls']) await post(`/api/cron/jobs/${name}/run`, {}, 202);
    await until(async () => (await runs('total')).at(-1)?.reason === 'total_timeout', 'the limit');
    const got = await runs('total'); // 0–2, 3–5, 7–8: the delays grow
    equal(got.map((one) => one.status), ['failed', 'failed', 'timeout']);
    assert(Math.abs(Date.parse(got[2].finishedAt) - Date.parse(got[0].startedAt) - 8000) < 1500, 'at eight seconds');
    await until(async () => (await runs('walls')).filter((one) => one.finishedAt).length === 3, 'all attempts: maxRuntime is of one');
    equal((await runs('walls')).map((one) => one.status), ['failed', 'failed', 'failed']);
    await pause(1500);
    equal((await runs('total')).length, 3);
  },
  'A-89_a_job_that_dies_or_hangs_hurts_no_other': async () => {
    await makeJob(server, {name: 'dies', schedule: '* * * * * *', params: {command: 'kill -SEGV $$'}});
    await makeJob(server, {name: 'hangs', schedule: '* * * * * *', timeout: 3, params: {command: 'trap "" TERM; sleep 1000'}});
    await makeJob(server, {name: 'on-time', schedule: '* * * * * *', command: 'selftest', params: {}});
    await until(async () => (await runs('on-time')).filter((one) => one.status === 'success').length >= 5, 'five runs');
    const good = (await runs('on-time')).filter((one) => one.finishedAt);
    equal(good.filter((one) => one.status !== 'success' || one.lagMs >= 1000), []);
    assert((await runs('dies')).filter((one) => one.status === 'failed').length >= 4, 'the other died each second');
    for (const name of ['dies', 'hangs', 'on-time']) await post(`/api/cron/jobs/${name}/stop`, {kill: true});
  },
  'C-78_a_program_of_another_tree_is_an_executor': async () => { // as HACKING.md says: parameters on stdin, lines of JSON on descriptor 3
    const source = path.join(server.folder, 'counts.c'), program = path.join(server.data, 'executors', 'counts');
    fs.writeFileSync(source, `#include <stdio.h>
      #include <stdlib.h>
      int main(void) {
        int c, n = 0;
        while ((c = getchar()) != EOF) n += c == '!';
        printf("%d of run %s\\n", n, getenv("SERENO_RUN_ATTEMPT"));
        FILE *said = fdopen(3, "w");
        fprintf(said, "{\\"metric\\":{\\"seen\\":%d}}\\n{\\"result\\":{\\"marks\\":%d}}\\n", n, n);
        fclose(said);
        return n == 3 ? 0 : 77;
      }`);
    fs.mkdirSync(path.dirname(program), {recursive: true, mode: 0o700});
    execFileSync('cc', ['-o', program, source]);
    fs.chmodSync(program, 0o700);
    const go = async (name, word) => {
      await makeJob(server, {name, command: 'counts', params: {word}});
      return (await post(`/api/cron/jobs/${name}/run`, {}, 200, {headers: {Prefer: 'wait=20'}})).execution;
    };
    const three = await go('counts-three', '!!!'), none = await go('counts-none', '');
    equal([three.status, three.output, three.result], ['success', '3 of run 1\n', {marks: 3}]);
    equal([none.status, none.reason], ['skipped', 'skipped_by_job']);
    assert((await get('/api/cron/executors')).data.some((one) => one.name === 'counts'), 'it is listed');
  },
  'C-108_what_is_no_executor_is_refused': async () => {
    for (const command of ['rm -rf /', 'shell; id', '../../bin/sh', '/bin/sh', 'shell\n', '$(id)'])
      equal((await post('/api/cron/jobs', {name: 'evil', schedule: '@daily', command, params: {command: 'true'}}, 400)).field, 'command', command);
    const program = path.join(server.data, 'executors', 'says');
    fs.mkdirSync(path.dirname(program), {recursive: true, mode: 0o700});
    fs.writeFileSync(program, '#!/bin/sh\nprintf "[%s]" "$@"\n', {mode: 0o700});
    const args = ['$(id)', '`id`', '; id', '--x=$HOME', 'a b', '\u00e9'];
    await makeJob(server, {name: 'injected', command: 'says', params: {args}});
    const got = await post('/api/cron/jobs/injected/run', {}, 200, {headers: {Prefer: 'wait=20'}});
    equal(got.execution.output, args.map((one) => `[${one}]`).join(''));
  },
};
await ask(server, 'PATCH', '/api/cron/settings', 200, {body: {maxConcurrentJobs: 50}});
await until(async () => (await get('/api/cron/jobs')).data.length >= 2, 'the predefined jobs');
for (const {name} of (await get('/api/cron/jobs')).data) await ask(server, 'PATCH', '/api/cron/jobs/' + name, 200, {body: {isActive: false}});
await Promise.all(Object.entries(checks).map(([name, body]) => test(name, body)));

await test('A-83_a_stop_in_the_middle_of_a_run_leaves_it_on_record', async () => {
  await makeJob(server, {name: 'long', params: {command: 'echo begun; sleep 2; echo end'}});
  const {executionId} = await post('/api/cron/jobs/long/run', {}, 202);
  await until(async () => (await get('/api/cron/executions/' + executionId)).status === 'running', 'its start');
  const begin = Date.now();
  equal(await server.stop(), 0);
  assert(Date.now() - begin < 10000, 'the stop takes no longer than the grace');
  await server.start();
  const one = await until(async () => { const got = await get('/api/cron/executions/' + executionId); return got.finishedAt && got; }, 'its end');
  equal([one.status, one.output], ['success', 'begun\nend\n']);
  const text = fs.readFileSync(server.log, 'utf8');
  const order = ['settings loaded', 'executors registered', 'jobs loaded', 'scheduler has started', 'Eats job started', '"stopped"'].map((word) => text.indexOf(word));
  equal(order.every((at, i) => at >= 0 && (i === 0 || at > order[i - 1])), true, String(order));
});
await server.finish();

// ---- the server itself ---- (the binary that people get, doing nothing)
await test('U-32_an_idle_server_is_small_and_sleeps', async () => {
  const binary = path.resolve(process.env.SERENO_RELEASE_BIN || 'build/sereno'), folder = fs.mkdtempSync(path.join(server.folder, '..', 'sereno-idle-'));
  assert(fs.statSync(binary).size < 5 * 2 ** 20, `the binary has ${fs.statSync(binary).size} bytes`);
  const portFile = path.join(folder, 'port');
  const child = spawn(binary, ['serve', '--data', path.join(folder, 'data'), '--port', '0', '--port-file', portFile], {stdio: 'ignore', env: {...process.env, SERENO_WARDEN_IDLE_EXIT_SECONDS: '1'}});
  const ended = new Promise((done) => child.on('exit', done));
  try {
    const port = await until(() => fs.existsSync(portFile) && Number(fs.readFileSync(portFile, 'utf8')), 'the port');
    await until(async () => (await request({port}, 'GET', '/readyz', {token: null})).status === 200, 'readiness');
    const status = (key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]);
    const wakeups = () => fs.readdirSync(`/proc/${child.pid}/task`).reduce((sum, tid) => sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${child.pid}/task/${tid}/status`, 'utf8'))[1]), 0);
    const idle = {port, token: fs.readFileSync(path.join(folder, 'data', 'admin.token'), 'utf8').trim()};
    await until(async () => { // no due job: one of the predefined ones runs every five minutes
      const {data} = await ask(idle, 'GET', '/api/cron/jobs?limit=1000', 200);
      for (const {name} of data.filter((one) => one.isActive)) await ask(idle, 'PATCH', '/api/cron/jobs/' + name, 200, {body: {isActive: false}});
      return data.length > 1 && !data.some((one) => one.isActive);
    }, 'the predefined jobs');
    await pause(2000);
    let least = Infinity; // what happens once (the warden's end, retention half a minute after the start) is no lack of sleep
    for (let i = 0; i < 4 && least > 4; i++) {
      const before = wakeups();
      await pause(4000);
      least = Math.min(least, wakeups() - before);
    }
    assert(least <= 4, `${least} wake-ups in four idle seconds`);
    assert(status('VmRSS') < 30 * 1024, `VmRSS ${status('VmRSS')} kB`);
  } finally {
    child.kill('SIGTERM');
    await ended;
    fs.rmSync(folder, {recursive: true, force: true});
  }
});

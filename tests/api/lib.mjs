// What the API suites share: a server of their own on a free port, requests, counted checks.
import {spawn} from 'node:child_process';
import {connect} from 'node:net';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

export const binary = path.resolve(process.env.SERENO_BIN || 'build-dbg/sereno');
let failures = 0;

export const assert = (condition, text) => { if (!condition) throw new Error(text); };
export const equal = (got, want, text = '') => {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  if (g !== w) throw new Error(`${text} got ${g}, want ${w}`);
};
export async function test(name, body) { // ONLY=PATTERN in the environment: while one of them is written
  if (process.env.ONLY && !new RegExp(process.env.ONLY).test(name)) return;
  try {
    await body();
    console.log('ok ' + name);
  } catch (error) {
    failures++;
    console.log('not ok ' + name);
    console.log(String(error.stack || error).replace(/^/gm, '#   '));
  }
}
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
// For what another process does meanwhile: asks until it is so, at most 20 seconds.
export async function until(ask, text) {
  for (let i = 0; i < 1000; i++) {
    const got = await ask();
    if (got) return got;
    await pause(20);
  }
  throw new Error('never came: ' + text);
}

// cwd: where it runs (its .env is read from there); clockAt: a server by the test clock; program: another build.
export async function serve({env = {}, flags = [], clockAt = null, cwd, program = binary} = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sereno-api-'));
  const data = path.join(folder, 'data'), log = path.join(folder, 'log');
  const clean = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(SERENO_|CRON_SECRET|ENABLE_CRON)/.test(key)));
  const whole = {...clean, SERENO_EXECUTORS_SHELL: 'true', SERENO_WARDEN_IDLE_EXIT_SECONDS: '1', ...env};
  const clock = path.join(folder, 'clock');
  if (clockAt) {
    await new Promise((done) => spawn(program, ['serve', '--data', data, '--init-test=' + clockAt], {env: whole, stdio: 'ignore'}).on('exit', done));
    flags = [...flags, '--test-clock', clock];
  }
  const server = {folder, data, clock, log};
  server.start = async () => {
    const portFile = path.join(folder, 'port');
    fs.rmSync(portFile, {force: true});
    const out = fs.openSync(log, 'a');
    server.child = spawn(program, ['serve', '--data', data, '--port', '0', '--port-file', portFile, ...flags], {env: whole, cwd, stdio: ['ignore', out, out]});
    fs.closeSync(out);
    server.ended = new Promise((done) => server.child.on('exit', (code, signal) => done(signal || code)));
    server.port = await until(() => fs.existsSync(portFile) && Number(fs.readFileSync(portFile, 'utf8')), 'the port');
    await until(async () => (await request(server, 'GET', '/readyz', {token: null})).status === 200, 'readiness');
    server.token = fs.readFileSync(path.join(data, 'admin.token'), 'utf8').trim();
  };
  server.stop = async () => {
    server.child.kill('SIGTERM');
    return server.ended;
  };
  // Stops, reports a bad end (a sanitizer's finding), and removes the folder.
  server.finish = async () => {
    const code = await server.stop();
    await test('the_server_ends_cleanly', async () => {
      if (code === 0) return;
      throw new Error(`it ended with ${code}\n` + fs.readFileSync(log, 'utf8').split('\n').slice(-60).join('\n'));
    });
    fs.rmSync(folder, {recursive: true, force: true});
    process.exitCode = failures ? 1 : 0;
  };
  await server.start();
  return server;
}

// token: undefined = the admin's, null = none. Answers {status, headers, text, data}.
export function request(server, method, target, {body, token, headers = {}, raw} = {}) {
  const bearer = token === undefined ? server.token : token;
  const bytes = raw !== undefined ? raw : body === undefined ? undefined : JSON.stringify(body);
  const all = {...headers};
  if (bearer) all.Authorization = 'Bearer ' + bearer;
  if (bytes !== undefined && !all['Content-Type']) all['Content-Type'] = 'application/json';
  return new Promise((done, fail) => {
    const sent = http.request({host: '127.0.0.1', port: server.port, method, path: target, headers: all, agent: false}, (got) => {
      let text = '';
      got.setEncoding('utf8');
      got.on('data', (piece) => { text += piece; });
      got.on('error', fail);
      got.on('end', () => {
        let data = null;
        try { data = JSON.parse(text); } catch { /* not JSON */ }
        done({status: got.statusCode, headers: got.headers, text, data});
      });
    });
    sent.on('error', fail);
    sent.end(bytes);
  });
}

// Asks and insists on the status; gives the data.
export async function ask(server, method, target, status, options = {}) {
  const got = await request(server, method, target, options);
  if (got.status !== status) throw new Error(`${method} ${target}: ${got.status}, want ${status}: ${got.text.slice(0, 600)}`);
  return got.data;
}

// A live stream: {status, events, close}; events grow as {id, event, data}.
export function listen(server, target, {token, headers = {}} = {}) {
  const bearer = token === undefined ? server.token : token;
  const all = {Accept: 'text/event-stream', ...headers};
  if (bearer) all.Authorization = 'Bearer ' + bearer;
  return new Promise((done, fail) => {
    const sent = http.request({host: '127.0.0.1', port: server.port, path: target, headers: all, agent: false}, (got) => {
      const stream = {status: got.statusCode, headers: got.headers, events: [], isOpen: true, close: () => sent.destroy()};
      let rest = '';
      got.setEncoding('utf8');
      got.on('error', () => { stream.isOpen = false; });
      got.on('close', () => { stream.isOpen = false; });
      got.on('data', (piece) => {
        rest += piece;
        for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2)) {
          const event = {};
          for (const line of rest.slice(0, end).split('\n')) {
            const colon = line.indexOf(': ');
            if (colon <= 0) continue;
            const key = line.slice(0, colon), value = line.slice(colon + 2);
            event[key] = key in event ? event[key] + '\n' + value : value;
          }
          const heard = event.event && {...event, data: JSON.parse(event.data)};
          if (event.event === 'hello') stream.hello = {...heard, after: stream.events.length}; // apart: how far it is, no news
          else if (heard) stream.events.push(heard);
        }
      });
      done(stream);
    });
    sent.on('error', fail);
    sent.end();
  });
}

// One command of the test clock: "advance 30m".
export function moveClock(server, command) {
  return new Promise((done, fail) => {
    const socket = connect(server.clock, () => socket.write(command + '\n'));
    socket.on('data', (answer) => { socket.end(); done(String(answer).trim()); });
    socket.on('error', fail);
  });
}

export const makeJob = (server, fields, options) => ask(server, 'POST', '/api/cron/jobs', 201, {
  body: {schedule: '0 0 1 1 *', command: 'shell', params: {command: 'true'}, ...fields}, ...options});
export async function makeToken(server, role, more = {}) {
  return (await ask(server, 'POST', '/api/admin/tokens', 201, {body: {name: role + '-' + Math.random().toString(36).slice(2), role, ...more}})).token;
}

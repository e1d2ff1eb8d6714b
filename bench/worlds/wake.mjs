// What waking costs: messages alone, to worlds paused a moment ago, archived, and hibernated with 50 MB of state; 1,000
// at once to one paused world. On the embedded stores, or on PostgreSQL and Redis.
import path from 'node:path';
import {ask, makeToken} from '../../tests/api/lib.mjs';
import {cpu, fill, live, many, ms, percentile, post, postgres, redis, say, server, shown, sqlite} from './lib.mjs';

const rounds = 200, lanes = 16, text = 'The gate was open when we came, and nobody on the wall asked for our names.';
const check = (got, text) => { if (got.status !== 200) throw new Error(`${text}: ${got.status} ${got.text}`); return got; };

export async function wake(isApart = false) {
  const pg = isApart ? postgres() : null, kv = isApart ? redis() : null;
  const s = await server(isApart ? {DATABASE_URL: pg.url, REDIS_URL: kv.url} : {});
  const sql = isApart ? pg.sql : (text) => sqlite(path.join(s.data, 'worlds.db'), '.timeout 5000\n' + text);
  await (await fill(s, pg, 1000, 0))();
  const tokens = [s.app];
  while (tokens.length < 4) tokens.push(await makeToken(s, 'operator', {scope: {worlds: true}}));
  const message = (i, lane = 0) => post(s, `/api/worlds/live${i % live}/message`, 'u' + i % live, {text}, {lane, token: tokens[lane % tokens.length]});
  say(`- ${isApart ? 'PostgreSQL (fsync=on) and Redis (appendonly yes, everysec)' : 'worlds.db (synchronous=FULL) and live.db'}, over HTTP on loopback, keep-alive`);

  const plain = [];
  for (let i = 0; i < 2 * live; i++) check(await message(i), 'message'); // live from here on
  for (let i = 0; i < 1000; i++) plain.push(check(await message(i), 'message').ms);
  for (const width of [1, 32]) {
    const count = width === 1 ? 1000 : 8000, all = [], cpuBefore = cpu(s.child.pid), begin = performance.now();
    await many(count, width, async (i) => all.push(check(await message(i, i % lanes), 'message').ms));
    const seconds = (performance.now() - begin) / 1000;
    say(`- messages to live worlds, ${width} at a time: **${(count / seconds).toFixed(0)}/s**, ${shown(all)}; ${((cpu(s.child.pid) - cpuBefore) / count * 1e6).toFixed(0)} µs of serve each`);
  }
  say(`\n| message | p50 ms | p95 | max | above the plain p95 | goal |\n|---|---|---|---|---|---|`);
  const base = percentile(plain, 0.95);
  const row = (name, list, goal) => say(`| ${name} (${list.length}) | ${ms(percentile(list, 0.5))} | ${ms(percentile(list, 0.95))} | ${ms(percentile(list, 1))} | ${ms(percentile(list, 0.95) - base)} | ${goal} |`);
  row('to a live world', plain, '');
  const resumed = async (i) => {
    const got = check(await message(i), 'message');
    if (!JSON.parse(got.text).resumed) throw new Error('it was not paused: ' + got.text);
    return got.ms;
  };
  const pauseOne = async (i) => check(await post(s, `/api/worlds/live${i % live}/pause`, 'u' + i % live, {}), 'pause');
  const hot = [], archived = [], hibernated = [], next = [], cpus = [];
  for (let i = 0; i < rounds; i++) {
    await pauseOne(i);
    hot.push(await resumed(i));
  }
  row('to one paused a moment ago', hot, '≤ +20 ms');
  for (let i = 0; i < live; i++) await pauseOne(i);
  sql(`UPDATE "World" SET "status"='ARCHIVED', "pauseReason"='inactivity_7d' WHERE "isPaused"=true`);
  for (let i = 0; i < live; i++) archived.push(await resumed(i));
  row('to an archived one', archived, '≤ 250 ms');
  const piece = Array.from({length: 12000}, (_, i) => `{"who":"agent ${i * 7919 % 911}","saw":"lamp ${i * 31 % 97}","at":${i},"mood":${(i * 7 % 100) / 100}}`).join(',').slice(0, 1000000);
  for (let i = 0; i < 50; i++) check(await post(s, '/api/worlds/live0/state', 'u0', {core: {['part' + i]: piece}}, {method: 'PUT'}), 'state');
  for (let i = 0; i < 20; i++) {
    await pauseOne(0);
    const before = cpu(s.child.pid);
    hibernated.push(await resumed(0));
    next.push(check(await message(0), 'message').ms); // its state follows the first answer: who is quick waits for it
    cpus.push((cpu(s.child.pid) - before) * 1000);
  }
  row('to a hibernated one of 50 MB', hibernated, '≤ 250 ms');
  row('the next one to it, sent at once', next, '');
  say(`\n- CPU of serve for a hibernated one: ${cpus.map((one) => one.toFixed(0)).join(', ')} ms`);

  const resumes = async () => (await ask(s, 'GET', '/api/worlds/live1/history?override=1', 200)).data.filter((one) => /resum/.test(one.action)).length;
  await post(s, '/api/worlds/live1/pause', 'u1', {});
  const before = await resumes(), begin = performance.now();
  const storm = await Promise.all(Array.from({length: 1000}, (_, i) => post(s, '/api/worlds/live1/message', 'u1', {text}, {lane: i % lanes, token: tokens[i % tokens.length]})));
  storm.forEach((got) => check(got, 'of 1,000'));
  const took = performance.now() - begin, woken = await resumes() - before;
  say(`\n- 1,000 messages at once to one paused world: all answered in ${ms(took)} ms, ${shown(storm.map((got) => got.ms))}; ${storm.filter((got) => JSON.parse(got.text).resumed).length} answers say resumed; ${woken} in its history`);
}

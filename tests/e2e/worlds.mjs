// Forty days in the life of a thousand worlds, played against the real server (issue 5.2, 5.3): messages, favourites, vacations
// and plans through the API, the six jobs on their schedules by the test clock, SIGKILLs of the server, of Redis and of
// PostgreSQL meanwhile. The driver keeps its own book of what was acknowledged and its own ladder (worlds_reference.mjs) and
// compares both with what it sees. At the end it damages the stores by hand: each damage must be found.
//   node worlds.mjs pg-redis|embedded      DAYS=40 WORLDS=1000 SEED=1 FAULTS=12 KEEP=1 (keeps the folder)
// Every tenth world begins as an application's old one, idle for up to five weeks: nine days
// are enough for every step of the ladder.
import {createHash} from 'node:crypto';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {Stand, binary, instantOf, pause, randomOf, together} from './worlds_stores.mjs';
import {DAY, HOUR, WorldBook, judgeEnd, judgeSight, judgeStep, judgeWarnings} from './worlds_reference.mjs';

const kind = process.argv[2] ?? 'embedded';
const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const days = number('DAYS', 40), worldCount = number('WORLDS', 1000), seed = number('SEED', 1), faultCount = number('FAULTS', 12);
const STEP = 3 * HOUR, START = Date.parse('2026-11-01T23:00:00Z');
const random = randomOf(seed);
const stand = new Stand(kind);
const books = new Map(), differences = [], counts = {messages: 0, refused: 0, unknown: 0, resumed: 0, deeds: 0, kills: {serve: 0, redis: 0, pg: 0}};
let now = START, serviceToken, failed = false, serial = 0;
const later = []; // deeds without an answer yet: done again until there is one

const say = (text) => console.log('# ' + text);
function check(name, found) {
  const list = found === true ? [] : found === false ? ['it is not so'] : found;
  console.log(`${list.length ? 'not ok' : 'ok'} ${name}`);
  for (const line of list.slice(0, 15)) console.log('#   ' + line);
  if (list.length > 15) console.log(`#   … and ${list.length - 15} more`);
  if (list.length) failed = true;
}
const as = (user, more = {}) => ({token: serviceToken, user, ...more});
const application = (more = {}) => ({token: serviceToken, ...more});

// ---- making worlds ----
const kinds = [['plain', 40], ['favourite', 10], ['event', 8], ['shared', 10], ['vacation', 6], ['manual', 5], ['story', 10], ['old', 10], ['long', 0.5], ['big', 0.5]];
const kindOf = (i) => {
  let at = (i * 37) % 100;
  for (const [name, share] of kinds) { if (at < Math.ceil(share)) return name; at -= Math.ceil(share); }
  return 'plain';
};
const story = {characters: [{name: 'Ana', place: 'plaza', isMain: true}, {name: 'Luis', place: 'bar'}, {name: 'Eva', place: 'puerto', isFree: true}],
  relations: [{a: 'Ana', b: 'Luis', value: 0.7}, {a: 'Luis', b: 'Eva', value: -0.4}], places: [{name: 'plaza', links: ['bar']}, {name: 'bar', links: ['plaza', 'puerto']}, {name: 'puerto', links: ['bar']}],
  secrets: [{character: 'Ana', text: 'nunca quemó la carta', isUsed: false}], goals: [{character: 'Luis', text: 'llegar al puerto', isOpen: true}]};

// How its people come: every so many hours, at most until a day; some come back after weeks.
function plan(book) {
  const life = random.next();
  const [every, last] = book.kind === 'old' ? [1, 0] : life < 0.25 ? [random.between(5, 20), 99] : life < 0.45 ? [random.between(20, 60), 99]
    : life < 0.85 ? [random.between(4, 30), random.between(0, days * 0.4)] : [random.between(100, 300), 99];
  book.visits = [];
  for (let at = START + random.between(0, every) * HOUR; at < START + Math.min(last, days) * DAY; at += every * HOUR * random.between(0.5, 1.5)) book.visits.push(at);
  if (random.next() < 0.15) book.visits.push(START + random.between(0.5, 0.95) * days * DAY);
  book.visits.sort((a, b) => a - b);
}
async function make(i) {
  const book = new WorldBook(`w-${String(i).padStart(4, '0')}`, kindOf(i), now);
  plan(book);
  const more = book.kind === 'story' ? {storyMode: true, story} : book.kind === 'shared' ? {isCollaborative: true} : {};
  await stand.must('POST', '/api/worlds', application({body: {id: book.id, name: `Welt ${i} ñ «${book.kind}»`, ownerId: book.owner, ownerEmail: `u${i}@example.org`, locale: i % 2 ? 'es' : 'en', ...more}}));
  books.set(book.id, book);
  if (book.kind === 'shared') await stand.must('PUT', `/api/worlds/${book.id}/members/friend-of-${book.id}`, application({body: {}}));
  if (book.kind === 'favourite') await favour(book, true);
  if (book.kind === 'event') await schedule(book, now + random.between(2, days) * DAY);
  if (book.kind === 'big') await putState(book, 300000);
  if (book.kind === 'long') for (let n = 0; n < (i < 400 ? 1040 : 120); n++) await post(book);
}
// Rows as an application may bring them: nobody has been there for days.
function age() {
  const old = [...books.values()].filter((book) => book.kind === 'old');
  old.forEach((book, i) => {
    book.createdAt = START - Math.round((1 + 35.5 * i / old.length) * DAY);
    stand.change(`UPDATE "World" SET "lastActiveAt" = ${stand.instantText(book.createdAt)} WHERE "id" = '${book.id}'`);
  });
}

// ---- deeds ----
let windowFrom = START, windowTo = START; // the clock stands somewhere between while an answer is awaited
const flavours = ['hola, ¿qué tal?', 'línea\nnueva\ttab', '"comillas" \\ barra', 'ñandú 🦤 日本', "it's <b>bold</b> & 100%"];
async function post(book, user = book.owner) {
  const text = `${++serial} ${random.pick(flavours)} ${'x'.repeat(random.below(120))}`;
  const message = {text, user, from: windowFrom, to: windowTo, acknowledged: false};
  book.messages.set(text, message);
  const got = await stand.ask('POST', `/api/worlds/${book.id}/message`, as(user, {body: {text, place: 'plaza'}}));
  message.to = Math.max(message.to, windowTo);
  if (got.status === 200) {
    Object.assign(message, {acknowledged: true, turn: got.data.turn, at: Date.parse(got.data.lastActiveAt), resumed: got.data.resumed});
    counts.messages++;
    if (got.data.resumed) { counts.resumed++; woken(book, message.at); }
  } else if (got.status === 404 && book.marks.length) {
    book.messages.delete(text); // deleted meanwhile: whether rightly is judged by what is seen
  } else if (got.status === 503 || got.status === 0 || got.status === 500) {
    counts[got.status === 0 ? 'unknown' : 'refused']++;
    for (const what of ['vacation', 'manual']) book.unprotect(what, message.from); // it may have ended them
    if (got.status === 500) differences.push(`message to ${book.id}: ${got.status} ${got.text.slice(0, 200)}`);
  } else {
    differences.push(`message to ${book.id} by ${user}: ${got.status} ${got.text.slice(0, 200)}`);
  }
  return got;
}
function woken(book, at) {
  book.unprotect('manual', at);
  book.unprotect('vacation', at);
  book.resumes = book.resumes.filter((one) => one.at <= at); // the vacation's end is now, not later
}
// Does it until it is acknowledged; what it protects from is judged only where it is certain.
async function deed(book, method, target, body, then, user = book.owner, good = [200, 201]) {
  const got = await stand.ask(method, `/api/worlds/${book.id}/${target}`, as(user, {body}));
  if (good.includes(got.status)) { counts.deeds++; then(got.data ?? {}); return; }
  if (got.status === 404 && book.marks.length) return;
  if (![0, 503].includes(got.status)) { differences.push(`${method} ${target} of ${book.id}: ${got.status} ${got.text.slice(0, 200)}`); return; }
  later.push(() => deed(book, method, target, body, then, user, good));
}
const favour = (book, is) => {
  if (!is) book.unprotect('favourite', now);
  const since = now, idle = now - book.activeUntil(now);
  return deed(book, is ? 'PUT' : 'DELETE', 'favorite', is ? {} : undefined, () => {
    book.isFavourite = is;
    if (is) book.protect('favourite', windowTo);
    else if (idle >= DAY) book.ladderFrom.push({since, at: windowTo + 7 * DAY});
  });
};
const schedule = (book, at) => {
  const id = `plan-${++serial}`;
  return deed(book, 'POST', 'events', {id, type: 'boda', text: 'una boda', scheduledAt: new Date(at).toISOString()}, () => book.protect('event', windowTo, Math.floor(at)), book.owner, [201, 409]);
};
const vacation = (book, until) => deed(book, 'POST', 'vacation', {until: new Date(until).toISOString()}, (row) => {
  book.unprotect('manual', windowTo);
  book.protect('vacation', windowTo, Math.floor(until));
  book.resumes.push({since: Math.floor(until), at: Math.floor(until)});
  book.vacations = [...book.vacations ?? [], {pausedAt: instantOf(row.pausedAt), until}];
});
const manual = (book) => deed(book, 'POST', 'pause', {reason: 'manual'}, (row) => {
  book.unprotect('vacation', windowTo);
  book.resumes = book.resumes.filter((one) => one.at <= windowTo);
  book.protect('manual', windowTo);
  book.deeds.push({pausedAt: instantOf(row.pausedAt), by: 'manual'});
});
const putState = (book, bytes) => {
  let blob = '';
  while (blob.length < bytes) blob += createHash('sha256').update(`${book.id} ${++serial}`).digest('base64');
  return deed(book, 'PUT', 'state', {fields: {blob, mood: `bueno ${serial}`}}, () => book.state.set('blob', blob), null);
};

// ---- what a step of time holds ----
function tasksOf(from, to) {
  const tasks = [];
  for (const book of books.values()) {
    if (book.deletedAt !== null) continue;
    while (book.visits.length && book.visits[0] < to) {
      book.visits.shift();
      const bursts = book.kind === 'story' ? 6 : 1 + random.below(2);
      const user = book.kind === 'shared' && random.next() < 0.5 ? 'friend-of-' + book.id : book.owner;
      // Only its owner ends a vacation by a message, and not each one does.
      if (book.isProtected(from)?.what === 'vacation' && random.next() < 0.8) continue;
      if (book.isProtected(from)?.what === 'vacation' && user !== book.owner) continue;
      tasks.push(async () => { for (let i = 0; i < bursts; i++) await post(book, user); });
    }
  }
  return tasks;
}
async function deedsOf(at) {
  const idle = (book) => at - book.activeUntil(at);
  const calm = [...books.values()].filter((book) => book.deletedAt === null && !book.unsure.length);
  for (let i = 0; i < 6; i++) {
    const book = random.pick(calm), what = random.next(), shield = book.isProtected(at)?.what;
    if (what < 0.25 && book.kind === 'favourite') {
      if (book.isFavourite && (idle(book) < 20 * HOUR || idle(book) > 30 * HOUR)) await favour(book, false);
      else if (!book.isFavourite) await favour(book, true);
    } else if (what < 0.5 && book.kind === 'vacation' && shield !== 'vacation') await vacation(book, at + random.between(1, 12) * DAY);
    else if (what < 0.7 && book.kind === 'manual' && shield !== 'manual') await manual(book);
    else if (what < 0.85 && book.kind === 'event') await schedule(book, at + random.between(0.2, 6) * DAY);
    else if (book.kind === 'big' && book.seen && !book.seen.isPaused) await putState(book, 200000);
  }
}
async function again() {
  for (const one of later.splice(0)) await one();
}

// ---- faults ----
const faults = kind === 'embedded' ? ['serve'] : ['serve', 'redis', 'pg'];
async function strike(what, to) {
  await pause(random.below(600));
  counts.kills[what]++;
  if (what === 'serve') {
    await stand.killServe();
    stand.setMarker(to);
    await pause(random.below(200));
    await stand.startServe();
  } else {
    await (what === 'redis' ? stand.killRedis() : stand.killPg());
    await pause(random.between(100, 1200));
    await (what === 'redis' ? stand.startRedis() : stand.startPg());
  }
}
async function step(to, fault) {
  [windowFrom, windowTo] = [now, now];
  const tasks = tasksOf(now, to), half = Math.floor(tasks.length / 2);
  await deedsOf(now);
  await together(tasks.slice(0, half));
  windowTo = to;
  const passing = stand.moveClock('set ' + new Date(to).toISOString());
  const [told] = await Promise.all([passing, together(tasks.slice(half)), fault && strike(fault, to)]);
  if (told === null && fault !== 'serve') throw new Error('the server has gone: ' + stand.logTail());
  if (told !== null && !told.startsWith('ok ')) throw new Error(told);
  if (told === null) { // time stood still for those who died: the server goes on at `to`
    const here = await stand.moveClock('now');
    if (instantOf(here?.slice(3)) !== to) throw new Error('the clock says ' + here);
  }
  [windowFrom, now] = [to, to];
  await again();
}

// ---- looking ----
function rows() {
  const list = stand.sql('SELECT "id","status","isPaused","pausedAt","pauseReason","lastActiveAt","isFavorite","scheduledDeletion" FROM "World"');
  return new Map(list.map((row) => [row.id, {...row, isPaused: !!row.isPaused, isFavorite: !!row.isFavorite,
    pausedAt: instantOf(row.pausedAt), lastActiveAt: instantOf(row.lastActiveAt), scheduledDeletion: instantOf(row.scheduledDeletion)}]));
}
function look(from, to) {
  const seen = rows();
  for (const book of books.values()) differences.push(...judgeSight(book, seen.get(book.id) ?? null, from, to));
}

// ---- the comparison at the end ----
const exportsFolder = path.join(stand.data, 'exports');
const linesOf = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
const unpacked = (input) => linesOf(execFileSync('zstd', ['-dc'], {input, encoding: 'utf8', maxBuffer: 1 << 28}));
function exportsOf() { // of deleted worlds: id → {tombstone, lines, bytes}
  const found = new Map();
  for (const stone of stand.sql('SELECT "worldId","deletedAt","exportFile","exportSha256" FROM "WorldTombstone"')) {
    const file = stone.exportFile && path.join(exportsFolder, stone.exportFile);
    const bytes = file && fs.existsSync(file) ? fs.readFileSync(file) : null;
    const lines = bytes ? unpacked(bytes) : [];
    found.set(stone.worldId, {...stone, bytes, lines});
  }
  return found;
}
async function kept() { // every message that is kept anywhere: id → [{turn, text, place}]
  const all = new Map();
  const add = (id, one) => { if (!all.has(id)) all.set(id, []); all.get(id).push(one); };
  for (const row of stand.sql('SELECT "worldId","turn","text","isUser" FROM "WorldInteraction"')) if (row.isUser) add(row.worldId, {turn: Number(row.turn), text: row.text});
  for (const {worldId, fromTurn} of stand.sql('SELECT "worldId","fromTurn" FROM "InteractionArchive"')) {
    const got = await stand.ask('GET', `/api/worlds/${worldId}/archive/${fromTurn}`);
    if (got.status !== 200) throw new Error(`the archive of ${worldId} from ${fromTurn}: ${got.status} ${got.text.slice(0, 300)}`);
    for (const one of linesOf(got.text)) if (one.isUser) add(worldId, one);
  }
  for (const [id, {lines}] of exportsOf())
    for (const line of lines) {
      if (line.table === 'WorldInteraction' && line.row.isUser) add(id, {turn: Number(line.row.turn), text: line.row.text});
      for (const one of linesOf(line.segment?.lines ?? '')) if (one.isUser) add(id, one);
    }
  return all;
}
async function judgeMessages() {
  const found = [], all = await kept();
  for (const book of books.values()) {
    const byText = new Map(), turns = new Set();
    for (const one of all.get(book.id) ?? []) {
      if (byText.has(one.text)) found.push(`${book.id}: kept twice: ${one.text}`);
      if (turns.has(one.turn)) found.push(`${book.id}: turn ${one.turn} twice`);
      byText.set(one.text, one);
      turns.add(one.turn);
      if (!book.messages.has(one.text)) found.push(`${book.id}: nobody said ${one.text}`);
    }
    for (const message of book.messages.values()) {
      const one = byText.get(message.text);
      if (message.acknowledged && !one) found.push(`${book.id}: lost: turn ${message.turn} at ${new Date(message.at).toISOString()} ${message.text.slice(0, 40)}`);
      else if (message.acknowledged && one.turn !== message.turn) found.push(`${book.id}: turn ${message.turn} is now ${one.turn}`);
      if (!message.acknowledged && one) { message.wasKept = true; }
    }
  }
  return found;
}
async function judgeState() {
  const found = [];
  for (const book of books.values()) {
    if (!book.state.size || book.deletedAt !== null) continue;
    const got = await stand.must('GET', `/api/worlds/${book.id}/state`, application());
    for (const [name, value] of book.state) if ((got.state ?? got.fields ?? got)[name] !== value) found.push(`${book.id}: field ${name} is not what was put`);
  }
  return found;
}
function judgeLedger() {
  const found = [], seen = rows(), byWorld = new Map();
  for (const row of stand.sql('SELECT "worldId","startedAt","endedAt","reason" FROM "WorldPause" ORDER BY "startedAt"')) {
    if (!byWorld.has(row.worldId)) byWorld.set(row.worldId, []);
    byWorld.get(row.worldId).push({...row, from: instantOf(row.startedAt), to: instantOf(row.endedAt)});
  }
  for (const [id, row] of seen) {
    const book = books.get(id), list = byWorld.get(id) ?? [];
    if (!book) continue;
    list.forEach((one, i) => {
      if (i > 0 && (list[i - 1].to === null || list[i - 1].to > one.from)) found.push(`${id}: pauses overlap at ${one.startedAt}`);
      if (one.reason.startsWith('inactivity')) found.push(...judgeStep(book, 'inactivity_24h', one.from).map((text) => 'ledger: ' + text));
    });
    const open = list.filter((one) => one.to === null);
    if (open.length !== (row.isPaused ? 1 : 0)) found.push(`${id}: ${open.length} open pauses, isPaused ${row.isPaused}`);
    if (row.isPaused && open[0] && open[0].from !== row.pausedAt) found.push(`${id}: paused ${new Date(row.pausedAt).toISOString()}, ledger ${open[0].startedAt}`);
    for (const {pausedAt} of book.deeds) if (pausedAt !== null && !list.some((one) => one.from === pausedAt)) found.push(`${id}: the pause of ${new Date(pausedAt).toISOString()} is not in the ledger`);
    const ends = list.filter((one) => one.to !== null).map((one) => one.to);
    for (const m of book.messages.values()) if (m.acknowledged && m.resumed && !ends.includes(m.at)) found.push(`${id}: the resume of ${new Date(m.at).toISOString()} is not in the ledger (${list.map((one) => one.startedAt + '–' + one.endedAt).join(', ')})`);
  }
  return found;
}
function judgeRows() {
  const seen = rows(), found = [];
  for (const book of books.values()) {
    const row = seen.get(book.id);
    found.push(...judgeEnd(book, row, now));
    if (row && book.isFavourite !== undefined && row.isFavorite !== book.isFavourite) found.push(`${book.id}: isFavorite ${row.isFavorite}, was told ${book.isFavourite}`);
    if (row && row.isPaused && /^inactivity/.test(row.pauseReason)) found.push(...judgeStep(book, 'inactivity_24h', row.pausedAt));
  }
  return found;
}
function judgeExports() {
  const found = [], stones = exportsOf();
  for (const book of books.values()) {
    if (book.deletedAt === null) continue;
    const stone = stones.get(book.id);
    if (!stone) found.push(`${book.id}: deleted, no tombstone`);
    else if (!stone.bytes) found.push(`${book.id}: deleted, no export file ${stone.exportFile}`);
    else if (createHash('sha256').update(stone.bytes).digest('hex') !== stone.exportSha256) found.push(`${book.id}: the export is not what its tombstone says`);
    else found.push(...judgeWarnings(book, stone.lines.filter((line) => line.table === 'WorldMail').map((line) => ({kind: line.row.kind, createdAt: instantOf(line.row.createdAt)})), instantOf(stone.deletedAt)));
  }
  return found;
}
const judgeAll = async () => [...await judgeMessages(), ...judgeRows(), ...judgeLedger(), ...judgeExports()];

async function settle() { // every store is there: what is due is done
  await again();
  for (let i = 0; i < 2; i++) { await stand.moveClock('set ' + new Date(now + 10 * 60000).toISOString()); now += 10 * 60000; [windowFrom, windowTo] = [now, now]; }
  await again();
  for (const name of ['sync', 'auto-pause', 'delete-scheduled-worlds', 'sync']) {
    const got = await stand.finishJob(name);
    if (got.status !== 'success') differences.push(`${name} at the end: ${got.text}`);
  }
}
// What was not acknowledged but is there: now its instant is known, from the row that has it.
async function learn() {
  await judgeMessages();
  for (const book of books.values())
    for (const message of book.messages.values()) {
      if (message.acknowledged || !message.wasKept || book.deletedAt !== null) continue;
      const [row] = stand.sql(`SELECT "at","turn" FROM "WorldInteraction" WHERE "worldId" = '${book.id}' AND "text" LIKE '${message.text.split(' ')[0]} %'`);
      if (!row) { book.unsure.push({to: message.to}); continue; }
      const at = instantOf(row.at);
      if (at < message.from || at > message.to) differences.push(`${book.id}: said between ${message.from} and ${message.to}, kept at ${at}`);
      Object.assign(message, {acknowledged: true, turn: Number(row.turn), at, resumed: false, wasLearnt: true});
      woken(book, at);
    }
}
async function wakeAll() {
  const found = [];
  const paused = [...rows().values()].filter((row) => row.isPaused && books.has(row.id));
  await together(paused.map((row) => async () => {
    const got = await post(books.get(row.id));
    if (got.status !== 200 || got.data.resumed !== true) found.push(`${row.id} (${row.pauseReason}): ${got.status} ${got.text.slice(0, 200)}`);
  }));
  say(`${paused.length} paused worlds were spoken to`);
  return found;
}
async function plant() {
  const damage = async (name, breaks, mends) => {
    breaks();
    const found = await judgeAll();
    mends();
    check('planted_' + name + '_is_found', found.length > 0);
  };
  const [row] = stand.sql(`SELECT "worldId","turn","text" FROM "WorldInteraction" WHERE "isUser" = true AND "worldId" LIKE 'w-%' ORDER BY "worldId","turn" LIMIT 1`);
  const lost = `"worldId" = '${row.worldId}' AND "turn" = ${row.turn}`;
  await damage('lost_message', () => stand.change(`UPDATE "WorldInteraction" SET "worldId" = 'hidden' WHERE ${lost}`),
    () => stand.change(`UPDATE "WorldInteraction" SET "worldId" = '${row.worldId}' WHERE "worldId" = 'hidden'`));
  const loved = [...books.values()].find((book) => book.isFavourite && book.seen && !rows().get(book.id)?.isPaused);
  await damage('paused_favourite', () => stand.change(`UPDATE "World" SET "isPaused" = true, "status" = 'PAUSED', "pauseReason" = 'inactivity_24h', "pausedAt" = ${stand.instantText(now)} WHERE "id" = '${loved.id}'`),
    () => stand.change(`UPDATE "World" SET "isPaused" = false, "status" = 'RUNNING', "pauseReason" = NULL, "pausedAt" = NULL WHERE "id" = '${loved.id}'`));
  const stone = [...exportsOf().values()].find((one) => one.bytes), file = path.join(exportsFolder, stone?.exportFile ?? '');
  if (stone) await damage('missing_export', () => fs.renameSync(file, file + '.away'), () => fs.renameSync(file + '.away', file));
  check('without_damage_nothing_is_found', await judgeAll());
}
async function reimport() {
  const found = [], gone = [...exportsOf()].filter(([id, stone]) => stone.bytes && books.has(id));
  for (const [id, stone] of gone.slice(0, 10)) {
    const got = await stand.ask('POST', '/api/worlds/import', {raw: stone.bytes, headers: {'Content-Type': 'application/zstd'}});
    if (got.status !== 201) { found.push(`${id}: ${got.status} ${got.text.slice(0, 200)}`); continue; }
    const kept = stand.sql(`SELECT "text" FROM "WorldInteraction" WHERE "worldId" = '${id}'`).length + stand.sql(`SELECT "count" FROM "InteractionArchive" WHERE "worldId" = '${id}'`).reduce((sum, row) => sum + Number(row.count), 0);
    const said = [...books.get(id).messages.values()].filter((message) => message.acknowledged || message.wasKept).length;
    if (kept < said) found.push(`${id}: ${kept} of ${said} messages came back`);
  }
  say(`${gone.length} worlds were deleted; ${Math.min(10, gone.length)} of them brought back`);
  return found;
}

// The rows of the cron store that a red audit is about go with the folder: they are told here.
function attemptsTold() {
  const ledger = stand.cronSql('SELECT "job","dueAt","state","reason","attempts","epoch" FROM "CronOccurrence" WHERE "attempts" > 1');
  const runs = stand.cronSql('SELECT "id","jobNo","dueAt","attempt","status","reason","queuedAt","startedAt","finishedAt" FROM "CronExecution" ORDER BY "id"');
  const told = [`${runs.length} runs, the oldest: ${JSON.stringify(runs.slice(0, 3))}`, `open: ${JSON.stringify(runs.filter((run) => /running|queued/.test(run.status)))}`];
  for (const row of ledger) {
    const own = runs.filter((run) => Number(run.jobNo) === Number(row.job) && instantOf(run.dueAt) === Number(row.dueAt));
    if (own.length && !own.some((run) => Number(run.attempt) === Number(row.attempts)))
      told.push(`${JSON.stringify(row)}: ${JSON.stringify(own)}, then ${JSON.stringify(runs.slice(runs.indexOf(own.at(-1)) + 1).slice(0, 2))}`);
  }
  return told;
}
function auditAll() {
  const env = {...process.env, SERENO_URL: `http://127.0.0.1:${stand.port}`, SERENO_TOKEN: stand.admin};
  try {
    execFileSync(binary, ['audit'], {encoding: 'utf8', stdio: 'pipe', env});
    return [];
  } catch (error) {
    return [...String(error.stdout ?? error).split('\n').slice(-12), ...String(error.stderr ?? '').split('\n').slice(-3), ...attemptsTold()].filter(Boolean);
  }
}

async function main() {
  const begin = Date.now(), took = () => `${((Date.now() - begin) / 1000).toFixed(0)} s`;
  await stand.startStores();
  stand.initClock(new Date(START).toISOString());
  await stand.startServe();
  await stand.until(async () => (await stand.ask('GET', '/healthz')).status === 200, 'the stores');
  serviceToken = (await stand.must('POST', '/api/admin/tokens', {body: {name: 'app', role: 'operator', scope: {worlds: true}}})).token;
  await together(Array.from({length: worldCount}, (_, i) => () => make(i)));
  age();
  look(START, START);
  say(`${worldCount} worlds made, ${counts.messages} messages, ${took()}`);
  const steps = Math.round(days * DAY / STEP), strikes = new Map();
  while (strikes.size < Math.min(faultCount, steps)) strikes.set(random.below(steps), faults[strikes.size % faults.length]);
  for (let i = 0; i < steps; i++) {
    const from = now;
    await step(now + STEP, strikes.get(i));
    look(from, now);
    if ((i + 1) % Math.ceil(steps / 8) === 0) say(`day ${((now - START) / DAY).toFixed(1)}: ${JSON.stringify(counts)}, ${differences.length} differences, ${took()}`);
  }
  await settle();
  await learn();
  look(now, now);
  const events = Number(stand.sql('SELECT count(*) AS n FROM "WorldEvent" WHERE "isEmergent" = true')[0].n);
  const archived = Number(stand.sql('SELECT count(*) AS n FROM "InteractionArchive"')[0].n);
  say(`${events} emergent events, ${archived} archived segments, slowest answer ${stand.slowest} ms, ${took()}`);
  check('nothing_strange_on_the_way', differences);
  check('no_acknowledged_message_is_lost', await judgeMessages());
  check('no_acknowledged_state_is_lost', await judgeState());
  check('the_ladder_is_where_the_reference_is', judgeRows());
  check('the_ledger_of_pauses_is_what_was_seen', judgeLedger());
  check('none_deleted_without_warning_and_export', judgeExports());
  check('worlds_were_deleted_paused_and_resumed', [...books.values()].some((book) => book.deletedAt !== null) && counts.resumed > 0);
  check('long_worlds_were_consolidated', archived > 0);
  check('stories_had_emergent_events', events > 0);
  check('there_were_kills', Object.values(counts.kills).reduce((a, b) => a + b) >= Math.min(faultCount, steps));
  await plant();
  check('every_paused_world_answers_its_next_message', await wakeAll());
  const last = await stand.finishJob('sync');
  check('the_last_sync_succeeds', last.status === 'success' ? [] : [last.text]);
  check('no_message_is_lost_after_waking', await judgeMessages());
  check('no_state_is_lost_after_waking', await judgeState());
  check('exports_can_be_imported', await reimport());
  const audit = auditAll();
  check('audit_is_clean', audit);
  check('the_server_ends_cleanly', (await stand.stopServe()) === 0);
  say(`${JSON.stringify(counts)}, ${took()}`);
}

try {
  await main();
} catch (error) {
  check('came_to_its_end', String(error.stack).split('\n'));
} finally {
  if (failed && process.env.E2E_KEEP_ON_FAILURE) process.env.KEEP = '1';
  if (process.env.KEEP) say('kept: ' + stand.folder);
  await stand.close();
}
process.exitCode = failed ? 1 : 0;

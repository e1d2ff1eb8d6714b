// The ladder once more, from seed B and the rules, U-35 alone and with nothing of Sereno's code: what the
// driver has been told (acknowledged deeds and messages with their instants) against what it sees of the worlds.
export const HOUR = 3600000, DAY = 24 * HOUR;
const STEPS = [24 * HOUR, 7 * DAY, 30 * DAY];
const DELETE_AFTER = 37 * DAY;
const LEAST_WARNING = 7 * DAY - 6 * HOUR; // a mark that came in time may come with the next run of the job
const LEAST_LAST_WARNING = DAY - 6 * HOUR;
export const REASONS = ['inactivity_24h', 'inactivity_7d', 'inactivity_30d'];

export class WorldBook {
  constructor(id, kind, at) {
    Object.assign(this, {id, kind, createdAt: at, messages: new Map(), ladderFrom: [], resumes: [],
      protections: [], manual: [], deeds: [], unsure: [], marks: [], seen: null, deletedAt: null, state: new Map()});
    this.owner = 'owner-of-' + id;
  }
  // What certainly happened in it until then, newest.
  activeUntil(at) {
    let newest = this.createdAt;
    for (const m of this.messages.values())
      if (m.acknowledged && (m.at < at || (m.at === at && !this.wokeAt(at))) && m.at > newest) newest = m.at;
    for (const list of [this.resumes, this.ladderFrom])
      for (const one of list) if (one.since <= at && one.at > newest) newest = one.at;
    return newest;
  }
  // The clock stands while jobs and messages go on: at this instant it was paused first, and then spoken to.
  wokeAt(at) { for (const m of this.messages.values()) if (m.acknowledged && (m.resumed || m.wasLearnt) && m.at === at) return true; return false; }
  // No activity that anybody asked for is newer.
  mayBeActiveUntil(at) {
    let newest = this.activeUntil(at);
    for (const m of this.messages.values()) {
      const latest = m.acknowledged ? m.at : m.to;
      if (latest > newest && (m.acknowledged ? m.at : m.from) <= at) newest = latest;
    }
    for (const one of this.unsure) newest = Math.max(newest, one.to);
    return newest;
  }
  isProtected(at) { return this.protections.find((one) => one.from < at && at < one.to); } // at its very instant either may have been first
  protect(what, from, to = Infinity) { this.protections.push({what, from, to}); }
  unprotect(what, at) { for (const one of this.protections) if (one.what === what && one.to > at) one.to = at; }
}

const rungOf = (idle) => STEPS.filter((step) => idle >= step).length;
const iso = (ms) => ms === null ? 'null' : new Date(ms).toISOString();

// A step of the ladder that was taken at `at`, or between `since` and then, must have been due.
export function judgeStep(book, reason, at, since = at) {
  const rung = REASONS.indexOf(reason) + 1, idle = at - book.activeUntil(at), shield = book.isProtected(since) && book.isProtected(at);
  if (shield) return [`${book.id}: ${reason} at ${iso(at)} although protected (${shield.what})`];
  if (idle < STEPS[rung - 1]) return [`${book.id}: ${reason} at ${iso(at)} after ${(idle / HOUR).toFixed(2)} hours (active ${iso(book.activeUntil(at))})`];
  return [];
}

// What was seen at `to`, when it was last seen at `from`.
export function judgeSight(book, row, from, to) {
  const found = [];
  if (!row) {
    if (book.deletedAt !== null) return found;
    book.deletedAt = to;
    return judgeDeletion(book, to, from);
  }
  if (row.isPaused !== (row.status !== 'RUNNING')) found.push(`${book.id}: A-27: isPaused ${row.isPaused}, status ${row.status}`);
  if (row.isPaused !== (row.pausedAt !== null)) found.push(`${book.id}: isPaused ${row.isPaused}, pausedAt ${iso(row.pausedAt)}`);
  if (row.isPaused !== (row.pauseReason !== null)) found.push(`${book.id}: isPaused ${row.isPaused}, pauseReason ${row.pauseReason}`);
  const newest = book.mayBeActiveUntil(to);
  if (row.lastActiveAt > newest) found.push(`${book.id}: lastActiveAt ${iso(row.lastActiveAt)}, but nobody was there after ${iso(newest)}`);
  const rung = REASONS.indexOf(row.pauseReason) + 1;
  if (rung > 0) {
    if (book.seen?.pausedAt !== row.pausedAt) found.push(...judgeStep(book, REASONS[0], row.pausedAt));
    const before = book.seen?.pausedAt === row.pausedAt ? REASONS.indexOf(book.seen.pauseReason) + 1 : 0;
    if (rung > before) found.push(...judgeStep(book, row.pauseReason, to, from)); // down it goes when a mark is taken back
  }
  if (row.scheduledDeletion !== null && book.seen?.scheduledDeletion !== row.scheduledDeletion) {
    found.push(...judgeStep(book, REASONS[2], to, from));
    if (row.scheduledDeletion < book.activeUntil(to) + DELETE_AFTER) found.push(`${book.id}: to be deleted at ${iso(row.scheduledDeletion)}, too early`);
    book.marks.push({seenAt: to, mayBeSince: from, deletion: row.scheduledDeletion});
  }
  if (row.scheduledDeletion === null) book.marks = [];
  if (row.pausedAt !== null && !book.deeds.some((one) => one.pausedAt === row.pausedAt)) book.deeds.push({pausedAt: row.pausedAt});
  book.seen = row;
  return found;
}

function judgeDeletion(book, at, since) {
  const found = [], mark = book.marks.at(-1), idle = at - book.activeUntil(at);
  if (idle < DELETE_AFTER) found.push(`${book.id}: deleted after ${(idle / DAY).toFixed(2)} idle days`);
  if (book.isProtected(since) && book.isProtected(at)) found.push(`${book.id}: deleted although protected (${book.isProtected(at).what})`);
  if (!mark) found.push(`${book.id}: deleted without ever being marked`);
  else if (at - mark.mayBeSince < LEAST_WARNING || at < mark.deletion) found.push(`${book.id}: deleted at ${iso(at)}, marked at ${iso(mark.seenAt)} for ${iso(mark.deletion)}`);
  return found;
}

// At the end, after a run of the ladder at `at` with all stores there: everything that is due has been done.
export function judgeEnd(book, row, at) {
  if (!row || book.unsure.length) return [];
  const idle = at - book.activeUntil(at), rung = rungOf(idle), shield = book.isProtected(at);
  if (shield && !/vacation|manual/.test(shield.what)) return [];
  if (shield) return row.isPaused && row.pauseReason === shield.what ? [] : [`${book.id}: ${shield.what}, but ${row.status} ${row.pauseReason}`];
  const want = rung === 0 ? null : REASONS[rung - 1];
  // A favourite that slept already sleeps on when it is none any more; its ladder counts from a week later (U-35).
  if (book.ladderFrom.length && row.isPaused && row.scheduledDeletion === null && REASONS.indexOf(row.pauseReason) + 1 > rung) return [];
  if (row.pauseReason !== want) return [`${book.id}: ${row.status} ${row.pauseReason}, want ${want} (idle ${(idle / HOUR).toFixed(2)} h)`];
  if ((rung === 3) !== (row.scheduledDeletion !== null)) return [`${book.id}: rung ${rung}, scheduledDeletion ${iso(row.scheduledDeletion)}`];
  // The mark may have come late; what is late for longer than its warning and a day is forgotten.
  if (idle > DELETE_AFTER + 8 * DAY) return [`${book.id}: still there after ${(idle / DAY).toFixed(1)} idle days`];
  return [];
}

// Mails in the export of a deleted world: the mark's and the last one, early enough.
export function judgeWarnings(book, mails, deletedAt) {
  const found = [];
  for (const kind of ['mark', 'deletion'])
    if (!mails.some((mail) => mail.kind === kind)) found.push(`${book.id}: deleted without the mail "${kind}"`);
  const last = Math.max(...mails.filter((mail) => mail.kind === 'deletion').map((mail) => mail.createdAt));
  if (deletedAt - last < LEAST_LAST_WARNING) found.push(`${book.id}: last warned ${((deletedAt - last) / HOUR).toFixed(1)} hours before its deletion`);
  return found;
}

// The Round, the calendar, the charts' series and the diagnosis: A-68, A-92, A-97, C-75, C-91 … C-98.
import {serve, request, ask, test, equal, assert, until, makeJob} from './lib.mjs';

const server = await serve();
const get = (path, status = 200) => ask(server, 'GET', path, status);
const shell = (name, command, more = {}) => makeJob(server, {name, schedule: '0 4 1 1 *', command: 'shell', params: {command}, ...more});
const run = (name) => ask(server, 'POST', `/api/cron/jobs/${name}/run`, 200, {body: {}, headers: {Prefer: 'wait=20'}});
const laneOf = (round, name) => round.lanes.find((lane) => lane.jobName === name);

await test('an_empty_round_is_whole', async () => {
  const round = await get('/api/cron/round');
  equal(Date.parse(round.to) - Date.parse(round.from), 24 * 3600_000);
  equal(round.load.past.length, Math.ceil((Date.parse(round.at) - Date.parse(round.from)) / 300_000));
  equal([round.verdict.attention, round.running.length, round.week.runs], [0, 0, 0]);
  assert(round.lanes.length <= 24, 'bounded lanes');
});
await test('what_ran_and_failed_is_on_its_lane_and_in_the_attention', async () => {
  await shell('good', 'true');
  await shell('bad', 'echo it broke >&2; exit 3');
  await run('good');
  await run('bad');
  const round = await get('/api/cron/round');
  const [bad, good] = [laneOf(round, 'bad'), laneOf(round, 'good')];
  equal([bad.isTrouble, bad.marks.length, bad.marks[0][3]], [true, 1, 'failed']);
  assert(bad.marks[0][1] <= bad.marks[0][2] && bad.marks[0][4].startsWith('c'), 'start, end, execution');
  assert(!good || good.marks[0][3] === 'success', 'the good one, if shown, is good');
  const told = round.attention.find((one) => one.jobName === 'bad');
  equal([told.kind, told.failures, told.isActive, told.executionId], ['failed', 1, true, bad.marks[0][4]]);
  assert(told.why, 'the error in words');
  equal([round.verdict.failing, round.verdict.attention, round.verdict.onTime], [1, 1, round.verdict.jobs - 1]);
  equal([round.week.runs >= 2, round.week.failed], [true, 1]);
});
await test('too_many_at_once_are_told_and_a_splay_helps', async () => {
  await ask(server, 'PATCH', '/api/cron/settings', 200, {body: {maxConcurrentJobs: 3}});
  // at :17, away from what the predefined jobs crowd at full and half hours
  const hour = new Date(Date.now() + 2 * 3600_000).getUTCHours(), minute = 17;
  for (let i = 0; i < 12; i++) await shell(`same${i}`, 'true', {schedule: `${minute} ${hour} * * *`, timezone: 'UTC'});
  const before = await get('/api/cron/round');
  const clash = before.clashes.find((one) => one.jobs >= 12);
  assert(clash, 'a clash');
  assert(clash.peak >= 12 && clash.max === 3 && clash.after <= 3 && clash.moved > 0, JSON.stringify({...clash, moves: 0}));
  for (const move of clash.moves.filter((one) => one.newSplay !== one.splay))
    await ask(server, 'PATCH', `/api/cron/jobs/${move.jobId}`, 200, {body: {splay: move.newSplay}, headers: {'If-Match': move.etag}});
  const after = await get('/api/cron/round');
  assert(!after.clashes.some((one) => one.from === clash.from && one.peak > clash.after), 'as proposed: ' + JSON.stringify(after.clashes.map((one) => [one.from, one.peak])));
});
await test('A-92_a_job_that_fills_its_interval_needs_attention', async () => {
  await shell('slow', 'sleep 1.2', {schedule: '* * * * * *'});
  await until(async () => (await get('/api/cron/jobs/slow/metrics')).runs >= 1, 'a run of slow');
  await ask(server, 'PATCH', '/api/cron/jobs/slow', 200, {body: {schedule: '*/2 * * * * *'}});
  const told = (await get('/api/cron/diagnosis')).tight.find((one) => one.jobName === 'slow');
  assert(told && told.ratio > 0.5 && told.intervalMs === 2000, JSON.stringify(told));
  assert((await get('/api/cron/round')).attention.some((one) => one.kind === 'tight' && one.jobName === 'slow'), 'on the Round, too');
  await ask(server, 'DELETE', '/api/cron/jobs/slow', 204);
});
await test('days_of_23_and_25_hours_are_cut_right', async () => {
  for (const [day, hours, third] of [['2026-03-29', 23, '03:00'], ['2026-10-25', 25, '02:00'], ['2026-11-21', 24, '02:00']]) {
    const got = await get(`/api/cron/calendar?from=${day}T10:00:00Z&zone=Europe/Madrid&step=hour`);
    equal([got.days.length, got.days[0].date, got.days[0].cells.length, got.days[0].minutes], [1, day, hours, hours * 60]);
    const at = new Intl.DateTimeFormat('en-GB', {timeZone: 'Europe/Madrid', hour: '2-digit', minute: '2-digit'}).format(got.days[0].cells[2][0]);
    equal(at, third);
  }
  const hours = async (day, zone) => { // begin and minutes of the cells that are not whole hours, or come out of order
    const [got] = (await get(`/api/cron/calendar?from=${day}T12:00:00Z&zone=${zone}&step=hour`)).days;
    const wall = new Intl.DateTimeFormat('en-GB', {timeZone: zone, hour: '2-digit', minute: '2-digit'});
    const cells = got.cells.map(([from], i) => ({text: wall.format(from), minutes: ((got.cells[i + 1]?.[0] ?? got.to) - from) / 60_000}));
    equal(cells.reduce((sum, cell) => sum + cell.minutes, 0), got.minutes, 'whole day');
    return [got.date, cells.length, got.minutes, ...cells.filter((cell, i) => cell.minutes !== 60 || cell.text <= (cells[i - 1]?.text ?? '')).map((cell) => `${cell.text} ${cell.minutes}`)];
  };
  equal(await hours('2026-04-05', 'Australia/Lord_Howe'), ['2026-04-05', 25, 1470, '01:30 30'], 'set back by half an hour at 02:00');
  equal(await hours('2026-10-04', 'Australia/Lord_Howe'), ['2026-10-04', 24, 1410, '02:30 30'], 'put forward by half an hour at 02:00');
  equal(await hours('2026-04-04', 'America/Santiago'), ['2026-04-04', 25, 1500, '23:00 60'], 'set back at midnight');
  equal(await hours('2026-09-06', 'America/Santiago'), ['2026-09-06', 23, 1380], 'put forward at midnight');
  equal(await hours('2026-03-08', 'America/New_York'), ['2026-03-08', 23, 1380]);
  equal(await hours('2026-11-21', 'Asia/Kathmandu'), ['2026-11-21', 24, 1440]);
  const month = await get('/api/cron/calendar?from=2026-10-01T00:00:00Z&to=2026-10-31T00:00:00Z&zone=Europe/Madrid&step=day');
  equal([month.days.length, month.days.map((one) => one.cells.length).every((n) => n === 1), month.days[24].minutes], [31, true, 1500]);
  equal((await get('/api/cron/round?from=2026-03-28T12:00:00Z&to=2026-03-29T12:00:00Z&zone=Europe/Madrid')).clockChanges, ['2026-03-29T01:00:00.000Z']);
});
await test('a_calendar_counts_what_ran_and_what_is_planned', async () => {
  const today = (await get('/api/cron/calendar?zone=UTC')).days[0];
  const sum = (i) => today.cells.reduce((n, cell) => n + cell[i], 0);
  const week = (await get('/api/cron/round')).week;
  assert(sum(1) > 0 && sum(1) <= week.runs && sum(2) >= 1, 'runs and failures of today');
  await shell('daily', 'true', {schedule: '30 12 * * *', timezone: 'UTC'});
  const next = await get(`/api/cron/calendar?from=${new Date(Date.now() + 86400_000).toISOString()}&zone=UTC`);
  assert(next.days[0].cells[12][4] >= 1, 'the daily job at noon tomorrow');
});
await test('C-75_series_of_all_jobs_and_of_one', async () => {
  const all = await get('/api/cron/stats?days=7'), one = await get('/api/cron/stats?days=7&job=bad');
  equal([all.days.length, one.days.length, one.jobName], [7, 7, 'bad']);
  const [today, of] = [all.days[6], one.days[6]];
  assert(today.runs >= 2 && today.failed >= 1 && today.p50Ms !== null, JSON.stringify(today));
  equal([of.runs, of.failed], [1, 1]);
  await get('/api/cron/stats?job=nobody', 404);
});
await test('A-68_the_impact_of_each_job_is_told_as_measured_beside_what_is_claimed', async () => {
  const {impact} = await get('/api/cron/diagnosis');
  assert(impact.measures.length >= 3, 'measures');
  for (const measure of impact.measures) {
    equal(measure.jobs.length, 5);
    const sum = measure.jobs.reduce((n, one) => n + one.share, 0);
    assert(Math.abs(sum - measure.together) < 0.05, `${measure.name}: ${sum} is not ${measure.together}`);
    assert(measure.jobs.every((one) => one.whenOff !== null), 'leave-one-out');
  }
});
await test('what_is_wrong_with_a_window_is_named', async () => {
  for (const [path, field] of [['round?zone=Europe/Atlantis', 'timezone'], ['round?from=2026-01-01T00:00:00Z&to=2026-01-09T00:00:00Z', 'to'],
    ['calendar?from=2026-01-09T00:00:00Z&to=2026-01-01T00:00:00Z', 'to'], ['round?lanes=0', 'lanes'], ['stats?days=0', 'days']]) {
    const got = await request(server, 'GET', '/api/cron/' + path);
    equal([got.status, got.data.field], [400, field], path);
  }
});
await server.finish();

// The drawing of the Round and the calendar's cells as numbers: ticks, labels, paths, hours of days that are 23 or 25 long.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { assert, equal, test } from "../../api/lib.mjs";

const web = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../web");
const { build } = await import(pathToFileURL(path.join(web, "node_modules/esbuild/lib/main.js")).href);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sereno-unit-"));
async function load(file) {
  const outfile = path.join(folder, `${file.replace(/\W/g, "_")}.mjs`);
  await build({
    entryPoints: [path.join(web, "src", file)],
    bundle: true,
    format: "esm",
    outfile,
    logLevel: "warning",
  });
  return import(pathToFileURL(outfile).href);
}
const g = await load("pages/round/geometry.ts"),
  calendar = await load("pages/calendar/data.ts"),
  clock = await load("base/clock.ts"),
  format = await load("base/format.ts");

const madrid = format.instants("es", "Europe/Madrid");
const scale = (from, hours, width) => ({
  from: Date.parse(from),
  to: Date.parse(from) + hours * g.HOUR,
  width,
});
const half = (tick) => (tick.isDay ? 36 : 20);

await test("labels_never_touch_each_other_an_end_or_the_now_label", () => {
  for (const width of [180, 240, 300, 560, 760, 1100])
    for (const zone of ["Europe/Madrid", "UTC", "Asia/Kolkata", "America/St_Johns"])
      for (let minute = 0; minute < 1440; minute += 35) {
        const s = scale("2026-11-21T08:05:00Z", 24, width);
        const now = s.from + minute * 60_000;
        const shown = g.ticksOf(s, format.instants("en", zone), now).filter((t) => t.text);
        for (const [i, tick] of shown.entries()) {
          assert(tick.x >= half(tick) && tick.x <= width - half(tick), `clipped at ${width}`);
          assert(Math.abs(tick.x - g.xOf(s, now)) >= half(tick) + 20, `on the now label at ${width}`);
          if (i) assert(tick.x - shown[i - 1].x >= half(tick) + half(shown[i - 1]), `touching at ${width}`);
        }
      }
});
await test("an_hour_is_as_wide_on_the_day_the_clock_changes_and_labels_follow_the_clock", () => {
  const spring = scale("2026-03-28T23:30:00Z", 8, 1600);
  const ticks = g.ticksOf(spring, madrid, 0);
  const hours = ticks.map((t) => madrid.fields(t.ms).hour);
  equal(hours, [1, 3, 4, 5, 6, 7, 8, 9], "02:00 does not exist");
  const gaps = ticks.slice(1).map((t, i) => Math.round(t.x - ticks[i].x));
  assert(
    gaps.every((gap) => gap === 200),
    gaps.join(" "),
  );
  const autumn = g.ticksOf(scale("2026-10-24T21:30:00Z", 8, 1600), madrid, 0);
  equal(
    autumn.map((t) => madrid.fields(t.ms).hour),
    [0, 1, 2, 2, 3, 4, 5, 6],
    "02:00 comes twice",
  );
});
await test("a_lane_is_a_handful_of_paths_and_trouble_lies_on_top", () => {
  const s = scale("2026-11-21T00:00:00Z", 24, 900);
  const states = ["success", "failed", "timeout", "cancelled", "skipped", "missed", "running"];
  const marks = Array.from({ length: 150 }, (_, i) => {
    const at = s.from + i * 500_000;
    return [at, at, at + 60_000, states[i % states.length], null, null, 1];
  });
  const paths = g.lanePaths(s, marks, [], s.to);
  assert(paths.length <= states.length, "one a state");
  equal(
    paths.slice(-3).every((p) => g.isTrouble(p.state)),
    true,
  );
  assert(
    paths.every((p) => /^[Mhvz\d.\s-]+$/.test(p.d)),
    "paths of numbers",
  );
});
await test("the_shape_tells_a_timeout_from_a_failure", () => {
  assert(g.markPath("failed", 0, 4) !== g.markPath("timeout", 0, 4), "not by colour alone");
  equal(g.markPath("timeout", 0, 4).split("M").length, 3, "a cut top");
});
await test("too_many_planned_instants_become_a_band", () => {
  const s = scale("2026-11-21T00:00:00Z", 24, 600);
  const now = s.from + 12 * g.HOUR;
  const few = [now + g.HOUR, now + 5 * g.HOUR];
  equal(g.plannedPath(s, few, 2, now).isBand, false);
  equal(g.plannedPath(s, few, 500, now).isBand, true);
  equal(g.plannedPath(s, [], 0, now).d, "");
});
await test("the_mark_under_the_pointer_is_the_nearest_and_trouble_wins", () => {
  const s = scale("2026-11-21T00:00:00Z", 24, 960);
  const mark = (minute, state) => {
    const at = s.from + minute * 60_000;
    return [at, at, at + 1000, state, null, null, 1];
  };
  const marks = [mark(60, "success"), mark(600, "success"), mark(600, "failed")];
  equal(g.nearest(s, marks, g.xOf(s, marks[1][0]), s.to), 2);
  equal(g.nearest(s, marks, g.xOf(s, marks[0][0]) + 5, s.to), 0);
  equal(g.nearest(s, marks, 300, s.to), -1);
});
await test("weeks_begin_on_monday_and_months_show_whole_weeks", () => {
  const { rangeOf, dateOf, moved } = calendar;
  equal(rangeOf("week", "2026-11-22").map(dateOf), ["2026-11-16", "2026-11-22"]);
  equal(rangeOf("month", "2026-11-22").map(dateOf), ["2026-10-26", "2026-12-06"]);
  equal(rangeOf("day", "2026-03-29").map(dateOf), ["2026-03-29", "2026-03-29"]);
  equal([moved("month", "2026-01-31", 1), moved("month", "2026-01-31", -1)], ["2026-02-01", "2025-12-01"]);
});
await test("noon_lies_on_its_local_day_wherever", () => {
  for (const zone of ["Europe/Madrid", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"]) {
    const t = format.instants("en", zone);
    for (const date of ["2026-03-29", "2026-10-25", "2026-12-31"]) {
      const f = t.fields(calendar.noonOf(t, calendar.dayNumber(date)));
      equal([f.year, f.month, f.day], date.split("-").map(Number), zone);
    }
  }
});
await test("an_hour_that_comes_twice_has_two_rows_one_that_never_comes_no_cell", () => {
  const day = (from, hours) => ({
    cells: Array.from({ length: hours }, (_, i) => [Date.parse(from) + i * g.HOUR, 1, 0, 0, 0, 0, 0]),
  });
  const spring = day("2026-03-28T23:00:00Z", 23);
  equal(calendar.hourRows([spring], madrid).length, 24);
  equal(calendar.cellAt(spring, { hour: 2, pass: 0 }, madrid), null);
  const autumn = day("2026-10-24T22:00:00Z", 25);
  equal(calendar.hourRows([autumn], madrid).length, 25);
  const pass = (n) => calendar.cellAt(autumn, { hour: 2, pass: n }, madrid)[0];
  equal(pass(1) - pass(0), g.HOUR, "an hour later");
});
await test("rows_say_which_pass_of_an_hour_they_are", () => {
  const day = (from, to, starts) => ({
    from: Date.parse(from),
    to: Date.parse(to),
    cells: starts.map((at) => [Date.parse(at), 1, 0, 0, 0, 0, 0]),
  });
  const hours = (from, n) =>
    Array.from({ length: n }, (_, i) => new Date(Date.parse(from) + i * g.HOUR).toISOString());
  const texts = (days, t) => calendar.hourRows(days, t).map((row) => calendar.rowText(days, row, t));
  const autumn = day("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", hours("2026-10-24T22:00:00Z", 25));
  const plain = day("2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z", hours("2026-10-25T23:00:00Z", 24));
  equal(texts([autumn], madrid).slice(1, 5), ["01:00", "02:00 +02:00", "02:00 +01:00", "03:00"]);
  equal(texts([autumn, plain], madrid).slice(1, 5), ["01:00", "02:00", "02:00 +01:00", "03:00"]);
  const howe = format.instants("en", "Australia/Lord_Howe");
  const back = day("2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z", [
    ...hours("2026-04-04T13:00:00Z", 2), // 00:00, 01:00; at 02:00 it is 01:30 again
    ...hours("2026-04-04T15:00:00Z", 1),
    ...hours("2026-04-04T15:30:00Z", 22),
  ]);
  equal(texts([back], howe).slice(0, 4), ["00:00", "01:00", "01:30 +10:30", "02:00"]);
  equal(calendar.endOf(back, back.cells[2]) - back.cells[2][0], g.HOUR / 2);
  equal(calendar.endOf(back, back.cells.at(-1)), back.to);
});
await test("a_clock_time_that_comes_twice_is_told_apart", () => {
  const at = (text) => Date.parse(text);
  equal(
    [
      "2026-10-24T23:59:59Z",
      "2026-10-25T00:30:00Z",
      "2026-10-25T01:30:00Z",
      "2026-10-25T02:00:00Z",
      "2026-03-29T01:00:00Z",
    ].map((text) => madrid.clock(at(text))),
    ["01:59", "02:30 +02:00", "02:30 +01:00", "03:00", "03:00"],
  );
  equal(madrid.seconds(at("2026-10-25T01:30:07Z")), "02:30:07 +01:00");
  equal(madrid.wall(at("2026-10-25T01:30:07Z")), "02:30:07");
  equal(madrid.short(at("2026-10-25T00:30:00Z"), at("2026-10-24T12:00:00Z")), "25 oct 02:30 +02:00");
  const york = format.instants("en", "America/New_York");
  equal(
    ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"].map((text) => york.clock(at(text))),
    ["01:30 −04:00", "01:30 −05:00"],
  );
  const howe = format.instants("en", "Australia/Lord_Howe");
  equal(
    ["2026-04-04T14:15:00Z", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-04T15:45:00Z"].map(
      (text) => howe.clock(at(text)),
    ),
    ["01:15", "01:45 +11:00", "01:45 +10:30", "02:15"],
  );
});
await test("a_day_of_another_year_says_which", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  equal(madrid.short(Date.parse("2025-11-22T11:00:00Z"), now), "22 nov 2025 12:00");
  equal(madrid.short(Date.parse("2026-11-22T11:00:00Z"), now), "12:00:00");
});
await test("the_clock_of_the_page_is_the_servers", () => {
  const { skewOf } = clock;
  const unknown = { lo: -Infinity, hi: Infinity, ahead: 0 };
  const second = (ms) => Math.floor(ms / 1000) * 1000;
  // a browser that is right stays so, whatever the answers took
  let skew = unknown;
  for (let i = 0; i < 50; i++) {
    const sent = 1_000_000 + i * 777;
    skew = skewOf(skew, second(sent + 40), sent, sent + 90);
    equal(skew.ahead, 0);
  }
  // one that is 90.4 s slow comes to within a tenth of a second
  const slow = 90_400;
  for (let i = 0; i < 50; i++) {
    const sent = 2_000_000 + i * 777;
    skew = skewOf(skew, second(sent + slow + 20), sent, sent + 45);
    assert(Math.abs(skew.ahead - slow) < 1050, `within a second at once: ${skew.ahead}`);
  }
  assert(Math.abs(skew.ahead - slow) < 100, `${skew.ahead}`);
  // a server whose clock is set back is followed at once
  skew = skewOf(skew, 1_000_000_000, 2_500_000, 2_500_040);
  assert(Math.abs(skew.ahead - (1_000_000_000 - 2_500_000)) < 1050, `${skew.ahead}`);
  // an answer during which the browser's clock was put back says nothing
  equal(skewOf(skew, 5_000, 9_000, 1_000), skew);
});
await test("shades_go_from_nothing_to_the_fullest", () => {
  equal(
    [0, 1, 50, 100].map((n) => calendar.shadeOf(n, 100)),
    [0, 1, 3, 5],
  );
});
fs.rmSync(folder, { recursive: true });

// What the pages of worlds reckon without a browser: next steps, the lifeline, the trend's picture, local times.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { equal, test } from "../../api/lib.mjs";

const web = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../web");
const { build } = await import(pathToFileURL(path.join(web, "node_modules/esbuild/lib/main.js")).href);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sereno-unit-"));
async function load(file) {
  const outfile = path.join(folder, file.replace(/\W/g, "_") + ".mjs");
  await build({
    entryPoints: [path.join(web, "src/pages", file)],
    bundle: true,
    format: "esm",
    outfile,
    logLevel: "warning",
  });
  return import(pathToFileURL(outfile).href);
}
const { nextStep } = await load("worlds/next-step.ts");
const { niceTop, trendPaths, reasonTotals } = await load("worlds/trend.ts");
const { placeOf, stations, usualThresholds } = await load("world/lifeline.ts");
const { instantOf, localOf } = await load("world/local-time.ts");

const DAY = 86_400_000;
const now = Date.parse("2026-11-21T12:00:00Z");
const at = (days) => new Date(now + days * DAY).toISOString();
const verdict = (more = {}) => ({
  why: "already_paused",
  isProtected: false,
  nextStepAt: at(2),
  nextEventAt: null,
  deletionAt: null,
  ...more,
});

await test("each_state_has_its_next_step", () => {
  const step = (step, days, isDue = false) => ({ kind: "step", step, at: now + days * DAY, isDue });
  for (const [row, v, want] of [
    [{ status: "RUNNING" }, verdict({ why: "active_5h" }), step("pause", 2)],
    [{ status: "RUNNING" }, verdict({ why: "idle", nextStepAt: at(-1) }), step("pause", -1, true)],
    [{ status: "PAUSED", pauseReason: "inactivity_24h" }, verdict(), step("archive", 2)],
    [{ status: "ARCHIVED", pauseReason: "inactivity_7d" }, verdict(), step("mark", 2)],
    [
      { status: "ARCHIVED", pauseReason: "inactivity_30d", scheduledDeletion: at(5) },
      verdict({ deletionAt: at(6) }),
      step("delete", 6),
    ],
    [
      { status: "ARCHIVED", pauseReason: "inactivity_30d", scheduledDeletion: at(5) },
      verdict(),
      { kind: "unwarned", at: now + 5 * DAY },
    ],
    [{ status: "ARCHIVED", scheduledDeletion: at(5) }, undefined, step("delete", 5)],
    [{ status: "RUNNING", isFavorite: true }, verdict({ why: "favorite" }), { kind: "favorite" }],
    [{ status: "PAUSED", pauseReason: "manual" }, verdict(), { kind: "manual" }],
    [
      { status: "PAUSED", pauseReason: "vacation", vacationUntil: at(9) },
      verdict(),
      { kind: "wake", at: now + 9 * DAY },
    ],
    [
      { status: "RUNNING" },
      verdict({ why: "future_event", nextEventAt: at(3) }),
      { kind: "event", at: now + 3 * DAY },
    ],
    [{ status: "RUNNING" }, verdict({ why: "member_active" }), { kind: "member" }],
    [{ status: "RUNNING" }, undefined, { kind: "none" }],
  ])
    equal(nextStep(row, v, now), want, JSON.stringify(row));
});

await test("the_lifeline_gives_each_stretch_the_same_room", () => {
  const list = stations(usualThresholds, now, null);
  equal(
    list.map((s) => (s.at - now) / DAY),
    [0, 1, 7, 30, 37],
    "stations",
  );
  for (const [days, want] of [
    [0, 0],
    [0.5, 0.125],
    [1, 0.25],
    [4, 0.375],
    [30, 0.75],
    [33.5, 0.875],
    [60, 1],
  ])
    equal(placeOf(list, days * DAY), want, `${days} d`);
  equal(stations(usualThresholds, now, now + 40 * DAY)[4].after / DAY, 40, "a deletion put off");
});

await test("the_trend_is_drawn_to_scale", () => {
  equal([0, 3, 7, 11, 23, 51, 400].map(niceTop), [4, 4, 10, 20, 50, 100, 500], "tops");
  const day = (paused, resumed, deleted, reasons = {}) => ({ paused, resumed, deleted, reasons });
  const days = [day(10, 0, 0, { manual: 4, inactivity_24h: 6 }), day(0, 2, 2, { manual: 3 })];
  const p = trendPaths(days, 140);
  equal([p.top, p.bottom, p.zero], [10, 4, 100], "axis");
  equal(p.paused, "M0.15 0.00h.7v100.00h-.7z", "up");
  equal(p.deleted, "M1.15 120.00h.7v20.00h-.7z", "deletions below those who came back");
  equal(
    reasonTotals(days),
    [
      { reason: "manual", count: 7 },
      { reason: "inactivity_24h", count: 6 },
    ],
    "reasons",
  );
});

await test("local_times_are_read_by_the_zone_s_clocks", () => {
  for (const [local, zone, want] of [
    ["2026-11-27T03:00", "Europe/Madrid", "2026-11-27T02:00:00.000Z"],
    ["2026-07-27T03:00", "Europe/Madrid", "2026-07-27T01:00:00.000Z"],
    ["2027-03-28T02:30", "Europe/Madrid", "2027-03-28T01:30:00.000Z"], // left out: 03:30
    ["2026-10-25T04:00", "Europe/Madrid", "2026-10-25T03:00:00.000Z"],
    ["2026-11-27T03:00", "UTC", "2026-11-27T03:00:00.000Z"],
    ["", "UTC", null],
  ])
    equal(instantOf(local, zone), want, `${local} ${zone}`);
  equal(localOf(Date.parse("2026-11-27T02:00:00Z"), "Europe/Madrid"), "2026-11-27T03:00", "back");
});
fs.rmSync(folder, { recursive: true });

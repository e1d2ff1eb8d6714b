// What the editor does without a browser: schedules as forms and back, drafts and merges, JSON's place of error, load.
import { equal, test } from "../../api/lib.mjs";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const web = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../web");
const { build } = await import(pathToFileURL(path.join(web, "node_modules/esbuild/lib/main.js")).href);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sereno-unit-"));
async function load(name) {
  const outfile = path.join(folder, `${name}.mjs`);
  await build({
    entryPoints: [path.join(web, `src/pages/editor/${name}.ts`)],
    bundle: true,
    format: "esm",
    outfile,
    logLevel: "warning",
  });
  return import(pathToFileURL(outfile).href);
}
const form = await load("schedule-form");
const draft = await load("draft");
const json = await load("json-place");
const load5 = await load("load-bars");
const params = await load("params");

await test("usual_schedules_are_forms_and_come_back", () => {
  for (const text of [
    "* * * * *",
    "*/5 * * * *",
    "0 * * * *",
    "0 */6 * * *",
    "@every 90m",
    "@every 45s",
    "30 2 * * *",
    "0 9 * * 1-5",
    "15 7 * * 0,6",
    "5 0 * * 1,3,5",
    "@at 2026-12-01T10:00",
  ]) {
    const shown = form.formOf(text);
    assertNot(shown.mode, "cron", text);
    equal(form.scheduleOf(shown), text);
  }
});
function assertNot(got, unwanted, what) {
  if (got === unwanted) throw new Error(`${what} is ${got}`);
}
await test("what_no_form_shows_wholly_stays_an_expression", () => {
  for (const text of [
    "*/7 * * * *",
    "0 */5 * * *",
    "75 2 * * *",
    "0 9 1 * 1",
    "0 9 * * MON",
    "0 9 L * *",
    "@daily",
    "1 2 * * 1 | 3 4 * * *",
    "0 0 9 * * 1",
    "",
  ])
    equal(form.formOf(text).mode, "cron", text);
});
await test("steps_that_fit_no_hour_count_elapsed_time", () => {
  equal(form.scheduleOf({ mode: "every", count: 7, unit: "m" }), "@every 7m");
  equal(form.scheduleOf({ mode: "every", count: 90, unit: "m" }), "@every 90m");
  equal(form.scheduleOf({ mode: "every", count: 2, unit: "d" }), "@every 48h");
});
await test("another_mode_begins_near_the_schedule", () => {
  equal(form.formFor("weekly", "30 2 * * *", "2026-11-23"), { mode: "weekly", time: "02:30", days: [1] });
  equal(form.formFor("once", "*/5 * * * *", "2026-11-23"), { mode: "once", at: "2026-11-23T03:00" });
});
await test("times_are_read_as_people_type_them", () => {
  equal(["3", "3:05", "0305", "23.59", " 7h30 "].map(form.readTime), [
    "03:00",
    "03:05",
    "03:05",
    "23:59",
    "07:30",
  ]);
  equal(["", "24:00", "3:60", "a", "3:"].map(form.readTime), [null, null, null, null, null]);
  equal(form.readMoment("2026-12-01 10:00"), "2026-12-01T10:00");
  equal(["2026-02-30 10:00", "01/12/2026", "2026-12-01 25:00"].map(form.readMoment), [null, null, null]);
});
await test("fields_have_names_and_places", () => {
  equal(
    form.cronFields("30  2 * * MUN").map((f) => [f.kind, f.text, f.column]),
    [
      ["minute", "30", 1],
      ["hour", "2", 5],
      ["dayOfMonth", "*", 7],
      ["month", "*", 9],
      ["dayOfWeek", "MUN", 11],
    ],
  );
  equal(form.cronFields("0 30 2 * * 1")[0].kind, "second");
  equal(form.cronFields("@daily"), []);
  equal(form.wrongRange("30 2 * * MUN", 10), [9, 12]);
  equal(form.wrongRange("1,75 * * * *", 3), [2, 4]);
});
await test("a_patch_has_what_changed_and_nothing_else", () => {
  const base = draft.draftOf({
    name: "a",
    schedule: "0 3 * * *",
    command: "http",
    params: { url: "u", n: 1 },
    retries: 2,
  });
  equal(
    draft.patchOf(base, { ...base, params: { n: 1, url: "u" } }),
    {},
    "the order of keys does not matter",
  );
  const mine = { ...base, retries: 3, params: { url: "u", n: 2 } };
  equal(draft.patchOf(base, mine), { params: { url: "u", n: 2 }, retries: 3 });
  equal(draft.differences(base, mine), [
    { path: "params.n", before: 1, after: 2 },
    { path: "retries", before: 2, after: 3 },
  ]);
  equal(draft.inputOf(draft.newDraft({ name: "x", command: "http" })), {
    name: "x",
    schedule: "0 3 * * *",
    command: "http",
  });
});
await test("two_edits_are_joined_and_clashes_named", () => {
  const base = draft.newDraft({ name: "a", retries: 1, timeout: 10, priority: 5 });
  const got = draft.merge(base, { ...base, retries: 2, timeout: 20 }, { ...base, timeout: 30, priority: 1 });
  equal([got.taken, got.conflicts], [["retries"], ["timeout"]]);
  equal([got.draft.retries, got.draft.timeout, got.draft.priority], [2, 30, 1]);
  equal(
    draft.merge(base, { ...base, timeout: 30 }, { ...base, timeout: 30 }).conflicts,
    [],
    "the same edit twice",
  );
});
await test("a_field_goes_back_to_what_is_saved", () => {
  const base = draft.newDraft({ params: { a: 1 } });
  equal(draft.withoutField({ ...base, params: { a: 2, b: 3 } }, base, "params.a").params, { b: 3, a: 1 });
  equal(draft.withoutField({ ...base, params: { b: 3 } }, base, "params.b").params, null);
  equal(draft.withoutField({ ...base, retries: "x" }, base, "retries").retries, 0);
});
await test("numbers_that_are_none_stay_as_typed", () => {
  equal(["", " 12 ", "1,5", "doce", "1e999"].map(draft.numberOf), [null, 12, 1.5, "doce", "1e999"]);
});
await test("JSON_that_is_wrong_is_wrong_somewhere", () => {
  for (const [text, line, column] of [
    ['{"a": 1,}', 1, 9],
    ['{\n  "a": tru\n}', 2, 8],
    ["[1 2]", 1, 4],
    ['{"a" 1}', 1, 6],
    ["{a: 1}", 1, 2],
    ['{"a": 1', 1, 8],
    ['{"a": 1} x', 1, 10],
    ["", 1, 1],
    ['"a\tb"', 1, 1],
    ["01", 1, 1],
  ]) {
    const got = json.readJson(text);
    equal([got.line, got.column], [line, column], text);
  }
  equal(json.readJson(' {"a": [1, -2.5e3, null, "\\u00e1"]} ').value, { a: [1, -2500, null, "á"] });
});
await test("the_load_around_an_instant", () => {
  const ahead = Array.from({ length: 288 }, (_, i) => [i % 7, 0, i % 3]);
  const bars = load5.barsAround(
    { bucketMs: 300000, aheadFrom: 0, maxConcurrentJobs: 2, ahead },
    3 * 3600000 + 60000,
  );
  equal([bars.length, bars.findIndex((b) => b.isHere), bars[12].from, bars[12].runs], [25, 12, 10800000, 1]);
  equal([load5.runsBesides(bars[12], true), load5.runsBesides(bars[12], false)], [1, 0]);
  equal(load5.barsAround({ bucketMs: 300000, aheadFrom: 0, maxConcurrentJobs: 2, ahead }, -1), []);
});
await test("parameters_come_and_go", () => {
  equal(params.withParam({ params: { a: 1 } }, "b", 2), { a: 1, b: 2 });
  equal(params.withParam({ params: { a: 1 } }, "a", null), null);
  equal(params.isKept({ Authorization: "***" }), true);
  equal([params.isKept({}), params.isKept("x"), params.isKept(null)], [false, false, false]);
});

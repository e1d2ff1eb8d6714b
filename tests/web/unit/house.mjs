// What the pages to log in, of settings and of the audit log do without a browser.
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
    entryPoints: [path.join(web, "src", file)],
    bundle: true,
    format: "esm",
    outfile,
    logLevel: "warning",
  });
  return import(pathToFileURL(outfile).href);
}
const { problemText, waitSeconds } = await load("pages/login/problem.ts");
const { isFound, parse, sectionOf, textOf } = await load("pages/settings/fields.ts");
const { browserName } = await load("pages/settings/browser-name.ts");
const { csvOf, differences, pageOf } = await load("pages/audit/rows.ts");

await test("a_refusal_has_its_words", () => {
  const t = { offline: "o", wrong: "w", linkVoid: "l", tooMany: "m", starting: "s" };
  const say = (status, way = "password") => problemText(t, { status, message: "theirs" }, way);
  equal(
    [0, 401, 429, 503, 400].map((s) => say(s)),
    ["o", "w", "m", "s", "theirs"],
  );
  equal(say(401, "link"), "l");
});
await test("seconds_are_counted_up_to_the_end", () => {
  equal(
    [waitSeconds(5000, 1), waitSeconds(5000, 4001), waitSeconds(5000, 5000), waitSeconds(0, 9)],
    [5, 1, 0, 0],
  );
});
await test("typed_text_becomes_a_value_or_says_what_is_wrong", () => {
  const field = (type, more = {}) => ({ type, isNullable: false, min: null, max: null, ...more });
  equal(parse(field("integer", { min: 1, max: 9 }), " 7 "), { value: 7 });
  equal(parse(field("integer", { min: 1, max: 9 }), "10"), { wrong: "range" });
  equal(parse(field("integer"), "1.5"), { wrong: "number" });
  equal(parse(field("integer"), ""), { wrong: "number" });
  equal(parse(field("integer", { isNullable: true }), ""), { value: null });
  equal(parse(field("number"), "0,25"), { value: 0.25 });
  equal(parse(field("json"), '{"a":1}'), { value: { a: 1 } });
  equal(parse(field("json"), "{"), { wrong: "json" });
  equal(parse(field("boolean"), "true"), { value: true });
  equal(textOf({ type: "json" }, { a: 1 }), '{"a":1}');
});
await test("every_setting_has_one_section", () => {
  equal(sectionOf({ group: "worlds", name: "pauseAfterHours" }), "worlds");
  equal(sectionOf({ group: "settings", name: "timezone" }), "general");
  equal(sectionOf({ group: "settings", name: "something new" }), "notices");
});
await test("a_search_ignores_case_and_accents", () => {
  equal(
    [isFound("DIAS libro", ["Días de libro detallado"]), isFound("dias mundo", ["Días de libro"])],
    [true, false],
  );
});
await test("browsers_are_named", () => {
  equal(
    browserName(
      "Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    "Chrome 140",
  );
  equal(browserName("curl/7.88.1"), "curl/7.88.1");
});
await test("a_change_is_told_field_by_field", () => {
  equal(differences({ a: 1, b: 2 }, { a: 1, b: 3, c: "x" }), [
    { field: "b", before: "2", after: "3" },
    { field: "c", before: null, after: "x" },
  ]);
  equal(differences(null, null), []);
  equal(differences("x", null), [{ field: "", before: "x", after: null }]);
});
await test("targets_lead_to_their_pages", () => {
  equal(["job:a/b", "settings", "user:eva", "worlds", null].map(pageOf), [
    "/jobs/a%2Fb",
    "/settings",
    "/settings/users",
    null,
    null,
  ]);
});
await test("a_spreadsheet_computes_nothing_of_an_export", () => {
  const row = {
    seq: 1,
    at: "t",
    actor: 'user:"x"',
    action: "=1+1",
    object: "a,b",
    before: null,
    after: { a: 1 },
    address: "-1",
    requestId: null,
    hash: "h",
  };
  equal(csvOf([row]).split("\r\n")[1], `1,t,"user:""x""",'=1+1,"a,b",,"{""a"":1}",'-1,,h`);
});
fs.rmSync(folder, { recursive: true, force: true });

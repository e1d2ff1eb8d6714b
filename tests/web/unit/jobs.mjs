// Lists without a browser: suggestions, slots of a windowed list, rows from arrays, squares of a year.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { equal, test } from "../../api/lib.mjs";

const web = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../web");
const { build } = await import(pathToFileURL(path.join(web, "node_modules/esbuild/lib/main.js")).href);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sereno-unit-"));
globalThis.document = { baseURI: "http://localhost/", hidden: false, addEventListener() {} };
globalThis.location = new URL("http://localhost/");
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
const filter = await load("base/filter.ts"),
  rows = await load("api/job-rows.ts"),
  list = await load("pages/jobs/list.ts");

const keys = [
  {
    name: "status",
    alias: "state",
    type: "choice",
    operators: ":",
    values: ["failed", "running"],
    help: "h",
  },
  { name: "p95", alias: null, type: "duration", operators: "< <= > >= :", values: [], help: "h" },
  { name: "tag", alias: null, type: "tags", operators: ": ~", values: [], help: "h" },
];
const known = { keys, seen: { tag: ["casa", "dos palabras"] }, help: (k) => k.help };
const offered = (text, caret = text.length) =>
  filter.suggest(text, caret, known).map((s) => [s.text, s.value]);

await test("suggestions_follow_the_word_under_the_caret", () => {
  equal(offered("st"), [["status:", "status:"]]);
  equal(offered("sta"), [["status:", "status:"]]);
  equal(offered("x -ta"), [["tag:", "x -tag:"]]);
  equal(offered("status:f"), [["failed", "status:failed "]]);
  equal(offered("status:failed,r"), [["running", "status:failed,running "]]);
  equal(offered("state:ru more", 8), [["running", "state:running more"]]);
  equal(offered("tag:dos"), [["dos palabras", 'tag:"dos palabras" ']]);
  equal(offered("p9"), [["p95>", "p95>"]]);
  equal(offered("p95>3"), [["30s", "p95>30s "]]);
  equal(offered("nothing:x"), []);
});
await test("quotes_hold_spaces_of_a_word", () => {
  equal(filter.wordAt('a "b c', 6), { start: 2, word: '"b c' });
  equal(filter.wordAt("ab cd", 2), { start: 0, word: "ab" });
});
await test("slots_keep_what_is_known", () => {
  const first = list.slotsOf([], 3, 0, ["a", "b"]);
  equal(
    first.map((s) => s.id),
    ["a", "b", null],
  );
  const second = list.slotsOf(first, 4, 2, ["c", "a"]);
  equal(
    second.map((s) => s.id),
    [null, "b", "c", "a"],
  );
  equal(new Set(second.map((s) => s.key)).size, 4);
  equal(
    list.slotsOf(second, 1, 0, ["z"]).map((s) => s.id),
    ["z"],
  );
});
await test("rows_come_from_arrays_and_keep_their_sentence", () => {
  const columns = ["id", "strip", "took", "schedule", "sentence"];
  const old = rows.rowOf(columns, ["a", "sf", [3, null], "* * * * *", "Cada minuto"]);
  equal(rows.stripRuns(old), [
    { status: "success", duration: 3 },
    { status: "failed", duration: null },
  ]);
  equal(rows.newer(old, rows.rowOf(columns, ["a", "sfs", [], "* * * * *", null])).sentence, "Cada minuto");
  equal(rows.newer(old, rows.rowOf(columns, ["a", "sfs", [], "@daily", null])).sentence, null);
  equal(rows.labelTexts({ SYNC: "", team: "ops" }), ["SYNC", "team=ops"]);
});

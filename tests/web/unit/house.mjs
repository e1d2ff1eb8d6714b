// What the pages to log in, of settings and of the audit log do without a browser.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { assert, equal, test } from "../../api/lib.mjs";

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

const { checkFirstLoads } = await import(pathToFileURL(path.join(web, "tools/first-load.mjs")).href);
const { lateParts, partFiles } = await import(pathToFileURL(path.join(web, "tools/late-parts.mjs")).href);
const { lateStyles } = await import(pathToFileURL(path.join(web, "tools/late-styles.mjs")).href);

await test("a_page_that_grows_too_heavy_fails_the_build", () => {
  const built = (bytes) => ({
    main: "main.js",
    always: ["boot.js", "main.css"],
    urlOfSheet: (file) => (file === "style/pages/a.css" ? "a.css" : null),
    size: (file) => bytes[file] ?? 0,
    metafile: {
      outputs: {
        "main.js": { inputs: {}, imports: [{ kind: "import-statement", path: "shared.js" }] },
        "shared.js": { inputs: {}, imports: [] },
        "a.js": {
          entryPoint: "src/pages/a.tsx",
          inputs: { "sheet:style/pages/a.css": {} },
          imports: [
            { kind: "import-statement", path: "part.js" },
            { kind: "dynamic-import", path: "later.js" },
          ],
        },
        "part.js": {
          inputs: {},
          imports: [
            { kind: "dynamic-import", path: "a.es.js" },
            { kind: "dynamic-import", path: "a.en.js" },
          ],
        },
        "later.js": { entryPoint: "src/pages/a/later.tsx", inputs: {}, imports: [] },
        "a.es.js": { entryPoint: "src/words/a.es.ts", inputs: {}, imports: [] },
        "a.en.js": { entryPoint: "src/words/a.en.ts", inputs: {}, imports: [] },
      },
    },
  });
  const bytes = { "boot.js": 1, "main.js": 20, "shared.js": 300, "a.js": 4000, "part.js": 50000 };
  Object.assign(bytes, {
    "later.js": 99999,
    "a.es.js": 600,
    "a.en.js": 700,
    "main.css": 8000,
    "a.css": 4000,
  });
  equal(checkFirstLoads(built(bytes)), [
    "first load of a.tsx (es): .js 54921 of 60000, .css 12000 of 12000",
    "first load of a.tsx (en): .js 55021 of 60000, .css 12000 of 12000",
  ]);
  for (const [more, kind] of [
    [{ "part.js": 55001 }, /\.js/],
    [{ "a.css": 4001 }, /\.css/],
  ]) {
    let said = "";
    try {
      checkFirstLoads(built({ ...bytes, ...more }));
    } catch (error) {
      said = error.message;
    }
    if (!kind.test(said)) throw new Error(`it did not fail: ${said}`);
  }
});
await test("a_table_names_all_that_a_late_part_is_made_of", async () => {
  const at = path.join(folder, "parts");
  const write = (file, text) => {
    fs.mkdirSync(path.dirname(path.join(at, file)), { recursive: true });
    fs.writeFileSync(path.join(at, file), text);
  };
  write("src/base/late.ts", "export const late = (code: unknown, name?: string) => console.log(code, name);");
  write("src/words/a.es.ts", 'export const a = "hola";');
  write("src/words/a.en.ts", 'export const a = "hello";');
  write("src/words/a.ts", 'export const all = [() => import("./a.es"), () => import("./a.en")];');
  write("src/shared.ts", "export const shared = Math.random();");
  write(
    "src/pages/a.ts",
    'import { shared } from "../shared"; import { all } from "../words/a"; console.log(shared, all);',
  );
  write("src/pages/b.ts", 'import { shared } from "../shared"; console.log(shared);');
  write(
    "src/main.ts",
    'import { late } from "./base/late"; late(import("./pages/a")); late(\n import("./pages/b"),\n);',
  );
  const { plugin, names } = lateParts(at);
  const options = {
    absWorkingDir: at,
    bundle: true,
    write: false,
    metafile: true,
    splitting: true,
    format: "esm",
    outdir: "assets",
    plugins: [plugin],
    logLevel: "silent",
  };
  const built = await build({ ...options, entryPoints: ["src/main.ts"] });
  const table = { metafile: built.metafile, main: "assets/main.js", always: [], urlOfSheet: () => null };
  const { files, parts } = partFiles(table, names);
  const named = (name) => parts[name].map((i) => files[i].replace(/-\w+/, "")).sort();
  equal(named("pages/a"), ["a.en.js", "a.es.js", "a.js", "chunk.js"]);
  equal(named("pages/b"), ["b.js", "chunk.js"]);
  equal(named("shell"), []);
  write("src/main.ts", 'import { late } from "./base/late"; const code = import("./pages/a"); late(code);');
  const said = await build({ ...options, entryPoints: ["src/main.ts"] }).catch((error) => error.message);
  assert(/only late\(import\("…"\)\) can be read/.test(said), "what the build cannot read fails it");
});
await test("the_looks_of_a_page_hold_for_that_page_alone", async () => {
  const at = path.join(folder, "looks");
  fs.mkdirSync(path.join(at, "src/base"), { recursive: true });
  fs.mkdirSync(path.join(at, "style/pages"), { recursive: true });
  fs.writeFileSync(
    path.join(at, "src/base/late.ts"),
    "export const needStyle = (url: string) => console.log(url);",
  );
  fs.writeFileSync(
    path.join(at, "style/pages/jobs.css"),
    ".row { color: red; } @media print { .row { color: blue; } }",
  );
  fs.writeFileSync(path.join(at, "style/part.css"), ".part { color: red; }");
  fs.writeFileSync(path.join(at, "page.ts"), 'import "./style/pages/jobs.css"; import "./style/part.css";');
  const styles = lateStyles(at);
  const built = await build({
    entryPoints: [path.join(at, "page.ts")],
    bundle: true,
    write: false,
    format: "esm",
    plugins: [styles.plugin],
  });
  const sheets = [...styles.sheets.values()].sort((a, b) => (a.url < b.url ? -1 : 1));
  equal(
    sheets.map(({ bytes }) => String(bytes).trim()),
    [":where([data-page=jobs]){.row{color:red}@media print{.row{color:#00f}}}", ".part{color:red}"],
  );
  for (const { url } of sheets)
    if (!built.outputFiles[0].text.includes(`needStyle("${url}")`))
      throw new Error(`${url} is not asked for`);
});
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

/** Groups of words that are chosen by what a thing is (`words().states[state]`), not by name. */
const CHOSEN = ["nav", "states", "choices", "chart", "columns", "density", "tabs", "lifeline", "next"];

await test("no_words_are_left_that_no_page_says", async () => {
  const sources = fs
    .readdirSync(path.join(web, "src"), { recursive: true })
    .filter((f) => /\.tsx?$/.test(f) && !/words\/\w+\.(es|en)\.ts$/.test(f))
    .map((f) => fs.readFileSync(path.join(web, "src", f), "utf8"));
  const unsaid = [];
  const look = (code, group, at) => {
    const lacking = Object.keys(group).filter(
      (k) => !new RegExp(`\\.${k.replace(/\W/g, "\\$&")}\\b`).test(code),
    );
    const isChosen =
      lacking.length * 2 >= Object.keys(group).length || at.some((name) => CHOSEN.includes(name));
    if (!isChosen) unsaid.push(...lacking.map((k) => [...at, k].join(".")));
    for (const [k, inner] of Object.entries(group))
      if (inner && typeof inner === "object" && !Array.isArray(inner)) look(code, inner, [...at, k]);
  };
  for (const file of fs.readdirSync(path.join(web, "src/words")).filter((f) => f.endsWith(".es.ts"))) {
    const name = file.split(".")[0];
    const users = name === "common" ? /\/words(\/index)?"/ : new RegExp(`/words/${name}"`);
    const [all] = Object.values(await load(`words/${file}`));
    look(sources.filter((text) => users.test(text)).join("\n"), all, [name]);
  }
  equal(unsaid, []);
});
fs.rmSync(folder, { recursive: true, force: true });

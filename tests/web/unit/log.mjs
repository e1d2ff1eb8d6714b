// What the view of an output does without a browser: terminal sequences, differences, positions, the store of lines.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { assert, equal, test, until } from "../../api/lib.mjs";

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
const ansi = await load("log/ansi.ts"),
  diff = await load("log/diff.ts"),
  scroll = await load("log/scroll.ts"),
  store = await load("log/store.ts");

const E = "\u001b";
await test("sequences_become_styles_links_or_nothing", () => {
  const rows = [
    ["plain", [{ text: "plain", style: null }]],
    [
      `a ${E}[1;31mred${E}[0m b`,
      [
        { text: "a ", style: null },
        { text: "red", style: { bold: true, fg: 1 } },
        { text: " b", style: null },
      ],
    ],
    [`${E}[38;5;208mx`, [{ text: "x", style: { fg: "#ff8700" } }]],
    [`${E}[38;5;9mx`, [{ text: "x", style: { fg: 9 } }]],
    [
      `${E}[48;2;1;2;3mx${E}[49my`,
      [
        { text: "x", style: { bg: "#010203" } },
        { text: "y", style: null },
      ],
    ],
    [`${E}[38:2:10:20:30mx`, [{ text: "x", style: { fg: "#0a141e" } }]],
    [`${E}[38;2;999;0;0mx`, [{ text: "x", style: null }]],
    [`${E}[90;107mx`, [{ text: "x", style: { fg: 8, bg: 15 } }]],
    ["10%\r20%\r100%", [{ text: "100%", style: null }]],
    ["long text\rshort", [{ text: "shorttext", style: null }]],
    [`100%\r${E}[K5%`, [{ text: "5%", style: null }]],
    ["ab\b\bcd", [{ text: "cd", style: null }]],
    [`${E}[2J${E}[Hx${E}[?25ly`, [{ text: "xy", style: null }]],
    [`${E}]0;title\u0007x`, [{ text: "x", style: null }]],
    [`${E}]52;c;aGk=${E}\\x`, [{ text: "x", style: null }]],
    [`${E}Pq#0${E}\\x`, [{ text: "x", style: null }]],
    [`x${E}[31`, [{ text: "x", style: null }]],
    [`x${E}`, [{ text: "x", style: null }]],
    [
      `${E}]8;;https://a.example/x${E}\\link${E}]8;;${E}\\!`,
      [
        { text: "link", style: null, link: "https://a.example/x" },
        { text: "!", style: null },
      ],
    ],
    [`${E}]8;;javascript:alert(1)${E}\\link${E}]8;;${E}\\`, [{ text: "link", style: null }]],
    [`${E}]8;;https://u:p@a.example${E}\\link`, [{ text: "link", style: null }]],
    [`${E}]8;;file:///etc/passwd\u0007link`, [{ text: "link", style: null }]],
    [
      "\u202etxt.exe\u202c",
      [
        { text: "⟨U+202E⟩", style: null, mark: "U+202E" },
        { text: "txt.exe", style: null },
        { text: "⟨U+202C⟩", style: null, mark: "U+202C" },
      ],
    ],
    [
      "a\u0007b",
      [
        { text: "a", style: null },
        { text: "^G", style: null, mark: "U+0007" },
        { text: "b", style: null },
      ],
    ],
    [
      "a\u200bb",
      [
        { text: "a", style: null },
        { text: "⟨U+200B⟩", style: null, mark: "U+200B" },
        { text: "b", style: null },
      ],
    ],
    ["tab\there 👩‍🚀 ⚠️", [{ text: "tab\there 👩‍🚀 ⚠️", style: null }]],
    ["", []],
  ];
  for (const [text, want] of rows) equal(ansi.parseAnsi(text), want, JSON.stringify(text));
});
await test("no_line_fills_the_page_with_elements", () => {
  const line = Array.from({ length: 5000 }, (_, i) => `${E}[3${i % 8}m${i % 10}`).join("");
  const pieces = ansi.parseAnsi(line);
  assert(pieces.length <= ansi.PIECES_MAX + 1, `${pieces.length} pieces`);
  equal(pieces.map((p) => p.text).join("").length, 5000);
  assert(
    ansi
      .parseAnsi(`${E}[99999999Cx`)
      .map((p) => p.text)
      .join("").length <= 20_001,
    "columns are bounded",
  );
});

const words = (text) => (text ? text.split(" ") : []);
const patch = (a, b, changes) => {
  const [left, right] = [[], []];
  for (const c of changes) {
    if (c.kind !== "added") left.push(...a.slice(c.a, c.a + c.count));
    if (c.kind !== "removed") right.push(...b.slice(c.b, c.b + c.count));
  }
  return [left, right];
};
await test("differences_are_found_and_lead_from_one_to_the_other", () => {
  const rows = [
    ["", "", 0, 0],
    ["a b c", "a b c", 0, 0],
    ["", "a b", 2, 0],
    ["a b", "", 0, 2],
    ["a b c", "a x c", 1, 1],
    ["a b c d", "b c d e", 1, 1],
    ["x x x y", "x y x x", 2, 2],
    ["a b a b a b", "b a b a b a", 1, 1],
    ["a b c d e f", "a c b d f e", 2, 2],
  ];
  for (const [before, after, added, removed] of rows) {
    const [a, b] = [words(before), words(after)];
    const { changes, isRough } = diff.diffLines(a, b);
    equal(patch(a, b, changes), [a, b], `${before} | ${after}`);
    equal([diff.countChanges(changes), isRough], [{ added, removed }, false], `${before} | ${after}`);
  }
});
await test("differences_of_random_lists_are_right", () => {
  let seed = 7;
  const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  for (let i = 0; i < 500; i++) {
    const a = Array.from({ length: random(40) }, () => String(random(6)));
    const b = a.flatMap((x) => (random(5) === 0 ? [] : random(5) === 0 ? [x, String(random(6))] : [x]));
    const { changes } = diff.diffLines(a, b);
    equal(patch(a, b, changes), [a, b]);
    for (const c of changes)
      if (c.kind === "same") equal(a.slice(c.a, c.a + c.count), b.slice(c.b, c.b + c.count));
    const rows = diff.diffRows(changes, null);
    equal(
      rows.flatMap((r) => (r.a === null ? [] : [r.a])),
      a.map((_, n) => n),
    );
    equal(
      rows.flatMap((r) => (r.b === null ? [] : [r.b])),
      b.map((_, n) => n),
    );
  }
});
await test("a_difference_too_large_is_bounded_and_says_so", () => {
  const a = Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 97}`);
  const b = Array.from({ length: 20_000 }, (_, i) => `${(i * 104729) % 89}`);
  const { changes, isRough } = diff.diffLines(a, b);
  equal(isRough, true);
  equal(
    patch(a, b, changes).map((l) => l.length),
    [20_000, 20_000],
  );
});
await test("numbers_and_times_can_be_disregarded", () => {
  const alike = [
    ["12:00:01 took 31 ms", "13:07:59 took 4 ms"],
    ["id 0x7fff21", "id 0x10"],
    ["run 6f1c2a9e-11aa done", "run 0b7d-99ff done"],
  ];
  for (const [a, b] of alike) equal(diff.withoutNumbers(a), diff.withoutNumbers(b));
  assert(diff.withoutNumbers("a feed of beads") === "a feed of beads", "words stay words");
});
await test("equal_lines_far_from_changes_are_folded", () => {
  const a = Array.from({ length: 50 }, (_, i) => `l${i}`);
  const b = a.with ? a.with(25, "x") : a.map((x, i) => (i === 25 ? "x" : x));
  const rows = diff.diffRows(diff.diffLines(a, b).changes, 3);
  equal(
    rows.map((r) => r.kind + (r.count ?? "")),
    ["hidden22", "same", "same", "same", "changed", "same", "same", "same", "hidden21"],
  );
});

await test("the_scrollbar_reaches_every_line", () => {
  for (const count of [0, 1, 30, 1000, 500_000, 33_000_000]) {
    for (const isWrapped of [false, true]) {
      const e = { count, view: 600, isWrapped };
      assert(scroll.fullHeight(e) <= scroll.HEIGHT_MAX, "height");
      const range = scroll.fullHeight(e) - 600;
      equal(scroll.positionOf(e, range), scroll.lastPosition(e), `${count}`);
      for (const p of [0, 1, 17.5, scroll.lastPosition(e)])
        if (p <= scroll.lastPosition(e))
          assert(Math.abs(scroll.positionOf(e, scroll.scrollTopOf(e, p)) - p) < 1e-3, `${count} at ${p}`);
    }
  }
  equal(scroll.isScaled({ count: 500_000, view: 600, isWrapped: false }), false);
  equal(scroll.isScaled({ count: 900_000, view: 600, isWrapped: false }), true);
});
await test("neighbours_wrap_around", () => {
  const list = [3, 7, 9];
  const rows = [
    [0, true, 0],
    [3, true, 1],
    [8, true, 2],
    [9, true, 0],
    [0, false, 2],
    [3, false, 2],
    [8, false, 1],
  ];
  for (const [n, isForward, want] of rows)
    equal(scroll.neighbour(list, n, isForward), want, `${n} ${isForward}`);
  equal(scroll.neighbour([], 5, true), -1);
});

// A server of one output, as text that may grow.
function fakeServer(text) {
  const state = { text, asked: [], isLive: true };
  const lines = () => state.text.split("\n").filter((line, i, all) => i < all.length - 1 || line !== "");
  state.source = {
    index: async () => ({
      lines: lines().length,
      bytes: state.text.length,
      isLive: state.isLive,
      isOpen: !state.text.endsWith("\n") && state.text !== "",
      isCut: false,
      errors: 0,
    }),
    lines: async (from, count) => {
      state.asked.push(from);
      const data = lines()
        .slice(from - 1, from - 1 + Math.min(count, state.most ?? count))
        .map((line, i) => ({ line: from + i, text: line, bytes: line.length + 1, ms: 0, looksWrong: false }));
      return { data, lines: lines().length, bytes: state.text.length };
    },
  };
  state.print = (more) => {
    const offset = state.text.length;
    state.text += more;
    return { offset, end: state.text.length, at: "2026-11-22T00:00:01.500Z", text: more };
  };
  return state;
}
const numbered = (n) => Array.from({ length: n }, (_, i) => `line ${i + 1}\n`).join("");
const settle = () => new Promise((done) => setTimeout(done, 5));
const makeStore = (server) => {
  const made = new store.LogStore(server.source);
  made.startedAt = Date.parse("2026-11-22T00:00:00Z");
  return made;
};

await test("only_pages_near_the_view_are_kept", async () => {
  const server = fakeServer(numbered(100_000));
  const s = makeStore(server);
  await s.load();
  for (let at = 1; at < 100_000; at += 200) {
    s.want(at, at + 50);
    await settle();
  }
  equal([s.at(99_999)?.text, s.at(1)], ["line 99999", undefined]);
  let kept = 0;
  for (let i = 1; i <= 100_000; i += store.PAGE_LINES) kept += s.at(i) ? 1 : 0;
  assert(kept <= store.PAGES_KEPT + 2, `${kept} pages`);
});
await test("a_page_of_long_lines_comes_in_parts", async () => {
  const server = fakeServer(numbered(500));
  server.most = 30;
  const s = makeStore(server);
  await s.load();
  s.want(1, 60);
  for (let i = 0; i < 20; i++) await settle();
  equal([s.at(200)?.text, s.count.value], ["line 200", 500]);
});
await test("living_output_is_appended_in_whole_and_in_pieces", async () => {
  const server = fakeServer("one\ntw");
  const s = makeStore(server);
  await s.load();
  await settle();
  for (const piece of ["o\nthr", "ee", "\n", "four\r\nError: five\n"]) s.append(server.print(piece));
  equal(
    [1, 2, 3, 4, 5].map((n) => s.at(n)?.text),
    ["one", "two", "three", "four", "Error: five"],
  );
  equal([s.count.value, s.at(4).ms, s.at(5).looksWrong], [5, 1500, true]);
});
await test("what_is_known_already_is_not_told_twice", async () => {
  const server = fakeServer("");
  const s = makeStore(server);
  const early = server.print("one\n");
  await s.load();
  await settle();
  s.append(early);
  equal([s.count.value, s.at(1)?.text], [1, "one"]);
});
await test("what_lies_beyond_the_kept_part_is_left_for_the_end", async () => {
  const server = fakeServer("one\n");
  const index = server.source.index;
  let asked = 0;
  server.source.index = async () => ({ ...(await index()), isCut: true, bytes: (asked++, 4) });
  const s = makeStore(server);
  await s.load();
  for (let i = 0; i < 5; i++)
    s.append({ offset: 1000 + i, end: 1001 + i, at: "2026-11-22T00:00:01Z", text: "x" });
  equal([asked, s.count.value], [1, 1]);
});
await test("a_gap_or_a_flood_asks_anew", async () => {
  const server = fakeServer("one\n");
  const s = makeStore(server);
  await s.load();
  server.print("lost\n");
  s.append(server.print("three\n"));
  await until(() => s.count.value === 3 && s.at(3), "the gap is filled");
  equal([s.at(2)?.text, s.at(3)?.text], ["lost", "three"]);
  s.append({ ...server.print(numbered(5000)), text: null });
  await until(() => s.count.value === 5003, "all of the flood");
  s.want(4900, 5003);
  await until(() => s.at(5003), "its end");
  equal(s.at(5003).text, "line 5000");
  s.stop();
});
fs.rmSync(folder, { recursive: true, force: true });

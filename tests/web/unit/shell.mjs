// What all pages stand on, without a browser: the one stream of all tabs, questions after bursts, links into lists, runs
// that came while nobody looked.
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
const sources = [];
globalThis.EventSource = class {
  static CLOSED = 2;
  readyState = 0;
  constructor(url) {
    this.url = url;
    sources.push(this);
  }
  addEventListener() {}
  close() {
    this.readyState = 2;
  }
};
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
const scope = (globalThis.self = {});
await load("api/live-worker.ts");
const { makeSoon } = await load("api/live.ts");
const { filtered, filterValue, startedWithin } = await load("base/filter.ts");
const { RunList } = await load("pages/runs/list.ts");
const { sendAhead, takeAhead } = await load("api/ahead.ts");

/** A tab of the worker: what it was told, and how it speaks. */
function tab() {
  const told = [];
  const port = { postMessage: (message) => told.push(message.kind) };
  scope.onconnect({ ports: [port] });
  const say = (kind) => port.onmessage({ data: { kind, url: "/stream", topics: ["runs"] } });
  return { told, say };
}

await test("a_tab_that_slept_is_heard_again_and_told_that_it_missed_something", () => {
  const realNow = Date.now;
  let now = realNow();
  Date.now = () => now;
  try {
    const [one, two] = [tab(), tab()];
    one.say("listen");
    two.say("listen");
    sources.at(-1).onopen();
    equal([one.told, two.told], [["open"], ["open"]]);
    now += 3_600_000; // the lid was closed for an hour
    one.say("here");
    two.say("here");
    equal(two.told, ["open", "lost", "open"], "it reads anew");
    sources.at(-1).onopen();
    equal([one.told.at(-1), two.told.length], ["open", 4], "both hear again");
  } finally {
    Date.now = realNow;
  }
});
await test("a_stream_that_never_rests_cannot_keep_a_page_from_its_answer", async () => {
  let asked = 0;
  let answer;
  const soon = makeSoon(0, () => {
    asked++;
    return new Promise((done) => (answer = done));
  });
  const turn = () => new Promise((done) => setTimeout(done, 2));
  for (let i = 0; i < 5; i++) soon.ask();
  await turn();
  equal(asked, 1, "a burst asks once");
  for (let i = 0; i < 5; i++) {
    soon.ask();
    await turn();
  }
  equal(asked, 1, "not again before the answer is here");
  answer();
  await turn();
  equal(asked, 2, "then once for all of them");
  soon.ask();
  soon.stop();
  answer();
  await turn();
  equal(asked, 2, "a page that is left asks no more");
});
await test("links_into_lists_say_what_they_mean", () => {
  equal(
    ["SYNC", "owner=ana", "dos palabras", 'con "comillas"', "a*", "any", "Sincronización"].map(filterValue),
    ["SYNC", "owner=ana", '"dos palabras"', '"con comillas"', '"a*"', '"any"', "Sincronización"],
  );
  equal(
    startedWithin(Date.UTC(2026, 2, 28, 23), Date.UTC(2026, 2, 29, 22)),
    "started>=2026-03-28T23:00:00Z started<2026-03-29T22:00:00Z",
  );
  equal(filtered("runs", "status:failed,lost a>1"), "/runs?q=status:failed,lost%20a%3E1");
});
await test("runs_between_what_is_new_and_what_was_shown_are_not_left_out", async () => {
  const page = (from, to, nextCursor) => ({
    data: Array.from({ length: to - from }, (_, i) => ({ id: `r${String(to - 1 - i).padStart(4, "0")}` })),
    nextCursor,
  });
  const answers = [page(0, 100, null), page(100, 200, "older")];
  const list = new RunList(() => Promise.resolve(answers.shift()));
  await list.load("");
  equal([list.rows.value.length, list.hasMore.value], [100, false]);
  await list.load(""); // a hundred and more came meanwhile
  equal([list.rows.value.at(-1).id, list.hasMore.value], ["r0100", true], "the rest is read from there on");
});
await test("a_filtered_list_counts_what_may_have_left_it", async () => {
  const rows = [
    { id: "r2", status: "running" },
    { id: "r1", status: "running" },
  ];
  const list = new RunList(() => Promise.resolve({ data: rows, nextCursor: null }));
  await list.load("status:running");
  list.hear([{ type: "run", id: "r1", status: "success" }]);
  equal([list.waiting.value, list.rows.value[1].status], [1, "success"]);
  rows.pop();
  await list.load("status:running");
  equal(
    list.rows.value.map((r) => r.id),
    ["r2"],
    "then it is gone",
  );
  await list.load("");
  list.hear([{ type: "run", id: "r2", status: "failed" }]);
  equal(list.waiting.value, 0, "all runs stay all runs");
});
await test("an_answer_asked_for_ahead_is_for_one_and_for_the_page_that_is_opened", async () => {
  const sent = new Map();
  const send = (url, abort) => {
    sent.set(url, abort);
    return Promise.resolve(`answer of ${url}`);
  };
  sendAhead(["/run", "/index"], send);
  equal(await takeAhead("/run").response, "answer of /run");
  equal(takeAhead("/run"), undefined, "another question is asked anew");
  sendAhead(["/job"], send);
  equal(takeAhead("/index"), undefined, "of the page before");
  equal(
    ["/run", "/index", "/job"].map((url) => sent.get(url).aborted),
    [false, true, false],
    "what nobody took is given up",
  );
  sendAhead([], send);
  equal(takeAhead("/job"), undefined);
});
fs.rmSync(folder, { recursive: true, force: true });

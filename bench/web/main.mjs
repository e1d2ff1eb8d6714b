// Prints a Markdown table: what was measured, the figure, its goal. The release binary in SERENO_BIN.
import { equal, request, start, until, ask } from "../../tests/web/harness.mjs";
import { flood } from "../../tests/web/flood.mjs";

const JOBS = 10_000;
const LINES = 500_000;
const site = await start({});
const { server } = site;
const rows = [];
const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
const tell = (what, figure, goal) => rows.push(`| ${what} | ${figure} | ${goal} |`);

const made = [];
async function makeJobs() {
  const kinds = ["SYNC", "CLEANUP", "BACKUP", "WORLD"];
  let next = 0;
  const refused = [];
  const worker = async () => {
    while (refused.length > 0 || next < JOBS) {
      const i = refused.pop() ?? next++;
      const body = {
        name: `tarea-${String(i).padStart(5, "0")}`,
        schedule: `${i % 60} ${i % 24} 1 1 *`,
        command: "shell",
        params: { command: "true" },
        category: kinds[i % 4],
      };
      const got = await request(server, "POST", "/api/cron/jobs", { body });
      if (got.status === 201) made.push(got.data);
      else {
        equal(got.status, 429, got.text); // a thousand a second is the limit: the rest a moment later
        refused.push(i);
        await new Promise((done) => setTimeout(done, 200));
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** Holds back what pages load when nothing else is to do, until `window.idle()`. Runs in the page, before its scripts. */
function holdIdle() {
  const held = [];
  window.requestIdleCallback = (run) => held.push(run);
  window.idle = () => held.splice(0).forEach((run) => run());
}

/** Packed bytes by kind, as Chromium received them, and with the heads of the answers. The first load is what comes until the list can
 * be used and nothing is on its way any more; what is loaded at idle is held back until then, and told apart. */
async function firstLoad(t) {
  const context = await site.context(t); // nothing is cached
  await context.addInitScript(holdIdle);
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  const kinds = new Map();
  const coming = new Set();
  let sums = new Map();
  session.on("Network.responseReceived", ({ requestId, type, response }) =>
    kinds.set(requestId, [type, response.encodedDataLength]),
  );
  session.on("Network.requestWillBeSent", ({ requestId, request }) => {
    if (/\/assets\/(?!live-worker)/.test(request.url)) coming.add(requestId); // the worker's end is not told here
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const [kind, head] = kinds.get(requestId) ?? [];
    coming.delete(requestId);
    const { files, body, all } = sums.get(kind) ?? { files: 0, body: 0, all: 0 };
    const length = Math.max(0, encodedDataLength - head);
    sums.set(kind, { files: files + 1, body: body + length, all: all + encodedDataLength });
  });
  const take = async () => {
    await until(() => coming.size === 0, "all files");
    const got = sums;
    sums = new Map();
    const kB = (n) => `${(n / 1000).toFixed(1)} kB`;
    return (kind) => {
      const { files, body, all } = got.get(kind) ?? { files: 0, body: 0, all: 0 };
      return `${kB(body)} (${files} files, with heads ${kB(all)})`;
    };
  };
  await page.goto(site.url("/jobs"));
  await page.getByText("tarea-00000").first().waitFor();
  const first = await take();
  await page.evaluate(() => window.idle());
  await until(() => sums.has("Script"), "what comes at idle");
  const later = await take();
  for (const [kind, goal] of [
    ["Script", "≤ 60 kB"],
    ["Stylesheet", "≤ 12 kB"],
    ["Font", "one, 48 kB"],
  ])
    tell(`first load of the jobs, until they are there: ${kind.toLowerCase()}`, first(kind), goal);
  tell(
    "loaded afterwards, at idle (the palette): scripts, styles",
    `${later("Script")}, ${later("Stylesheet")}`,
    "",
  );
}

async function listOfJobs(t) {
  const took = [];
  let nodes = 0;
  for (let i = 0; i < 5; i++) {
    const page = await t.page("/login");
    const began = performance.now();
    await page.goto(site.url("/jobs"));
    await page.getByText("tarea-00000").first().waitFor();
    took.push(performance.now() - began);
    nodes = await page.evaluate(() => document.querySelectorAll("*").length);
    await page.close();
  }
  tell(
    `${JOBS} jobs: from the address to the first rows (median of 5)`,
    `${Math.round(median(took))} ms`,
    "< 1 s",
  );
  tell(`${JOBS} jobs: elements of the page`, nodes, "< 2,500");
}

/** Processor time of the page's own process while updates pour in, after a second of getting used to them. */
async function updates(t) {
  const list = await ask(server, "GET", "/api/cron/jobs/compact?limit=40&lang=es", 200); // those in view among them
  const door = await flood(server, made, 500, list);
  const context = await site.context(t);
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${door.port}/jobs`);
  await page.getByText("tarea-00000").first().waitFor();
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () =>
    (await session.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
  const first = door.sent();
  await until(() => door.sent() > first + 500, "a second of updates");
  const [mark, before, began] = [door.sent(), await busy(), performance.now()];
  await until(() => door.sent() > mark + 5000, "ten seconds of updates");
  const seconds = (performance.now() - began) / 1000;
  const share = ((await busy()) - before) / seconds;
  tell(
    `${Math.round((door.sent() - mark) / seconds)} updates/s: the page's main thread`,
    `${(share * 100).toFixed(1)} % of a core`,
    "< 15 %",
  );
  await context.close();
  await door.stop();
}

/** In the page, which sees its own frames: from outside they are asked for at intervals that grow to half a second. */
function watchOpening() {
  window.opened = new Promise((done) => {
    const begin = ({ timeStamp }) => {
      const look = () => {
        if (document.querySelector('[data-line="1"] .log-text')?.textContent)
          requestAnimationFrame(() => done(performance.now() - timeStamp));
        else requestAnimationFrame(look);
      };
      look();
    };
    document.addEventListener("click", begin, { capture: true, once: true });
  });
}

async function longOutput(t) {
  const body = {
    name: "largo",
    schedule: "0 0 1 1 *",
    command: "shell",
    params: { command: `seq -f 'línea %.0f de la salida' ${LINES}` },
  };
  const job = await ask(server, "POST", "/api/cron/jobs", 201, { body });
  const run = await ask(server, "POST", `/api/cron/jobs/${job.id}/run`, 200, {
    body: {},
    headers: { Prefer: "wait=60" },
  });
  equal(run.status, "success");
  const took = [];
  let heap = 0;
  for (let i = 0; i < 6; i++) {
    const page = await t.page(`/runs`);
    await page.locator("main h1").waitFor();
    await page.waitForFunction(() => !document.querySelector("main .loading"));
    const place = await page.locator(`a[href$="/runs/${run.executionId}"]`).first().boundingBox();
    await page.evaluate(watchOpening);
    await page.mouse.click(place.x + place.width / 2, place.y + place.height / 2);
    took.push(await page.evaluate(() => window.opened));
    const session = await page.context().newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    heap = (await session.send("Runtime.getHeapUsage")).usedSize;
    await page.close();
  }
  const [first, ...again] = took;
  tell(
    `${LINES} lines: from a click in the list of runs to the frame that shows their text (median of 5)`,
    `${Math.round(median(again))} ms`,
    "< 300 ms",
  );
  tell(`${LINES} lines: the same, when nobody has looked at them yet`, `${Math.round(first)} ms`, "");
  tell(`${LINES} lines: heap of the page`, `${(heap / 1e6).toFixed(1)} MB`, "< 60 MB");
}

await makeJobs();
for (const part of [firstLoad, listOfJobs, updates, longOutput]) await site.test(part.name, part); // a page that complains on its console fails here, too
console.log("\n| measured in Chromium | figure | goal |\n|---|---|---|");
for (const row of rows) console.log(row);
await site.finish();

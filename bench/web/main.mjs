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

/** Bytes on the wire of the first page, by kind, as Chromium received them. */
async function firstLoad(t) {
  const page = await t.page("/login");
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  const kinds = new Map();
  const bytes = new Map();
  session.on("Network.responseReceived", ({ requestId, type }) => kinds.set(requestId, type));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId);
    bytes.set(kind, (bytes.get(kind) ?? 0) + encodedDataLength);
  });
  await page.goto(site.url("/jobs"));
  await page.getByText("tarea-00000").first().waitFor();
  for (const [kind, goal] of [
    ["Script", "≤ 60 kB"],
    ["Stylesheet", "≤ 12 kB"],
    ["Font", "one, 48 kB"],
  ])
    tell(
      `first load of the jobs: ${kind.toLowerCase()}`,
      `${((bytes.get(kind) ?? 0) / 1000).toFixed(1)} kB`,
      goal,
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
  for (let i = 0; i < 5; i++) {
    const page = await t.page(`/runs`);
    await page.locator("main h1").waitFor();
    await page.waitForFunction(() => !document.querySelector("main .loading"));
    const began = performance.now();
    await page.locator(`a[href$="/runs/${run.executionId}"]`).first().click();
    await page
      .locator("main")
      .getByText("línea 1 de la salida")
      .or(page.locator("main").getByText(`línea ${LINES} de la salida`))
      .first()
      .waitFor();
    took.push(performance.now() - began);
    const session = await page.context().newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    heap = (await session.send("Runtime.getHeapUsage")).usedSize;
    await page.close();
  }
  tell(
    `${LINES} lines: from a click in the list of runs to their text (median of 5)`,
    `${Math.round(median(took))} ms`,
    "< 300 ms",
  );
  tell(`${LINES} lines: heap of the page`, `${(heap / 1e6).toFixed(1)} MB`, "< 60 MB");
}

await makeJobs();
for (const part of [firstLoad, listOfJobs, updates, longOutput]) await site.test(part.name, part); // a page that complains on its console fails here, too
console.log("\n| measured in Chromium | figure | goal |\n|---|---|---|");
for (const row of rows) console.log(row);
await site.finish();

// The elements for other people's pages, in plain HTML, React and Vue, served by a little host application with a strict
// policy, in front of a real server: a click goes to the host, from there with a service token to Sereno.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { axe, ask, assert, equal, start, until } from "./harness.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "../..");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sereno-embed-"));
const { build } = await import(pathToFileURL(path.join(root, "web/node_modules/esbuild/lib/main.js")));

execFileSync(process.execPath, [
  path.join(root, "web/tools/pack-embed.mjs"),
  path.join(folder, "sereno-world"),
]);
const { resumeRoute } = await import(pathToFileURL(path.join(folder, "sereno-world/examples/host.mjs")));

/** An example built as its user would build it: the package by its name, the framework from its own. */
async function bundle(example) {
  const made = await build({
    entryPoints: [path.join(folder, "sereno-world/examples", example)],
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    nodePaths: [path.join(root, "tests/node_modules"), folder],
    alias: {
      "sereno-world": path.join(folder, "sereno-world/sereno-world.js"),
      "sereno-world/react": path.join(folder, "sereno-world/react.js"),
    },
    define: {
      "process.env.NODE_ENV": '"production"',
      __VUE_OPTIONS_API__: "false",
      __VUE_PROD_DEVTOOLS__: "false",
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
    },
    logLevel: "error",
  });
  return made.outputFiles[0].text;
}

const site = await start();
const { server } = site;
const service = (
  await ask(server, "POST", "/api/admin/tokens", 201, {
    body: { name: "host", role: "operator", scope: { worlds: true } },
  })
).token;
const scripts = { "/react.js": await bundle("react.jsx"), "/vue.js": await bundle("vue.js") };

// The host: pages by path, its own session (everybody is ana), its own route to resume.
const calls = [];
let isBroken = false;
let held; // while set, the host's answers wait for it
const resume = resumeRoute({ serenoUrl: site.origin, token: service, userOf: () => "ana" });
const pages = new Map();
const host = http.createServer(async (request, response) => {
  if (request.url.startsWith("/api/")) {
    calls.push(request.url);
    await held;
    if (!isBroken) return resume(request, response);
    response.writeHead(503).end();
    return;
  }
  const script = scripts[request.url];
  const policy = `default-src 'none'; script-src 'self' ${site.origin}; connect-src 'self'; style-src 'self'; base-uri 'none'; require-trusted-types-for 'script'`;
  response.writeHead(200, {
    "Content-Type": request.url.endsWith(".js") ? "text/javascript" : "text/html; charset=utf-8",
    "Content-Security-Policy": policy,
  });
  response.end(script ?? pages.get(request.url) ?? "");
});
await new Promise((done) => host.listen(0, "127.0.0.1", done));
const hostUrl = `http://127.0.0.1:${host.address().port}`;

const document = (body, { lang = "es", script = `${site.origin}/embed/v1/sereno-world.js` } = {}) =>
  `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Host</title>
   <script type="module" src="${script}"></script></head><body><main><h1>Host</h1>${body}</main></body></html>`;
const banner = (attributes, text = "") => `<world-paused-banner ${attributes}>${text}</world-paused-banner>`;
const forFramework = (world) =>
  `<div id="app" data-world='${JSON.stringify({ id: world, name: "Ítaca", isPaused: true, pauseReason: "manual", pausedAt: "" })}'></div>`;

/** A world of ana's that sleeps. */
async function pausedWorld(id) {
  const as = { token: service, headers: { "X-Sereno-User": "ana" } };
  await ask(server, "POST", "/api/worlds", 201, { ...as, body: { id, name: "Ítaca" } });
  await ask(server, "POST", `/api/worlds/${id}/pause`, 200, { ...as, body: {} });
}
const isPausedInSql = (id) =>
  execFileSync("sqlite3", [
    path.join(server.data, "worlds.db"),
    `SELECT "isPaused" FROM "World" WHERE id='${id}'`,
  ])
    .toString()
    .trim();

async function open(t, html, options = {}) {
  const name = `/${t.name}-${pages.size}`;
  pages.set(name, html);
  const context = await site.context(t, { role: null, ...options });
  const page = await context.newPage();
  await page.goto(hostUrl + name);
  return page;
}

await site.test("B-20_B-34_the_banner_tells_and_resumes", async (t) => {
  await pausedWorld("w1");
  const page = await open(
    t,
    document(
      banner(
        `world-id="w1" world-name="Ítaca" pause-reason="inactivity_24h" paused-at="2026-11-21T09:00:00Z" endpoint="/api/worlds/w1/resume"`,
      ),
    ),
  );
  const region = page.getByRole("region", { name: "«Ítaca» está en pausa" });
  await region.waitFor();
  const text = await region.innerText();
  assert(text.includes("más de un día") && text.includes("21 de noviembre de 2026"), text);
  let release;
  held = new Promise((done) => (release = done));
  await page.evaluate(() => {
    window.seen = [];
    for (const name of ["resume", "sereno-resumed", "sereno-error"])
      document.addEventListener(name, (event) => window.seen.push([name, event.detail.worldId]));
  });
  const button = region.getByRole("button", { name: "Reactivar mundo" });
  await button.click();
  const busy = region.getByRole("button", { name: "Reactivando…" });
  await busy.waitFor();
  equal(await busy.getAttribute("aria-disabled"), "true");
  await busy.click({ force: true }); // obeys nobody while it is busy
  release();
  await region.waitFor({ state: "detached" });
  equal(isPausedInSql("w1"), "0");
  equal(JSON.stringify(await page.evaluate(() => window.seen)), '[["resume","w1"],["sereno-resumed","w1"]]');
  equal(calls.length, 1, "one request for one resume");
});

await site.test("B-20_a_failed_resume_is_said_and_can_be_repeated", async (t) => {
  await pausedWorld("w2");
  const page = await open(
    t,
    document(banner(`world-id="w2" world-name="Troya" endpoint="/api/worlds/w2/resume"`), { lang: "en" }),
  );
  isBroken = true;
  await page.getByRole("button", { name: "Resume world" }).click();
  await page.getByRole("status").filter({ hasText: "It could not be resumed" }).waitFor();
  equal(isPausedInSql("w2"), "1");
  isBroken = false;
  assert(
    await page
      .getByRole("button", { name: "Resume world" })
      .evaluate((b) => b === b.getRootNode().activeElement),
    "the focus stays",
  );
  t.problems.length = 0; // the browser notes the 503 we asked for
  await page.keyboard.press("Enter");
  await page.getByRole("region").waitFor({ state: "detached" });
  equal(isPausedInSql("w2"), "0");
});

await site.test("B-34_missing_reason_is_manual_and_an_empty_date_none", async (t) => {
  const page = await open(t, document(banner(`world-id="w3" world-name="X" paused-at=""`)));
  const text = await page.getByRole("region").innerText();
  assert(text.includes("Se pausó a mano"), text);
  assert(!text.includes("desde"), text);
  const clicks = page.evaluate(
    () =>
      new Promise((done) =>
        document.addEventListener("resume", (e) => done(e.detail.worldId), { once: true }),
      ),
  );
  await page.getByRole("button").click();
  equal(await clicks, "w3");
});

await site.test("the_host_may_resume_it_itself", async (t) => {
  const page = await open(t, document(banner(`world-id="w4" world-name="X"`)));
  await page.evaluate(() =>
    document.addEventListener("resume", (e) =>
      e.detail.waitUntil(new Promise((done) => (window.finish = done))),
    ),
  );
  await page.getByRole("button").click();
  await page.getByRole("button", { name: "Reactivando…" }).waitFor();
  await page.evaluate(() => window.finish());
  await page.getByRole("region").waitFor({ state: "detached" });
});

await site.test("B-21_B-35_badges_have_a_look_for_each_reason", async (t) => {
  const reasons = ["inactivity_24h", "inactivity_7d", "inactivity_30d", "manual", null];
  const page = await open(
    t,
    document(
      reasons
        .map((r) => `<world-paused-badge ${r ? `pause-reason="${r}"` : ""}></world-paused-badge>`)
        .join(" "),
    ),
  );
  const badges = page.getByRole("img");
  await badges.first().waitFor();
  const looks = await page.evaluate(() =>
    [...document.querySelectorAll("world-paused-badge")].map((b) => {
      const inner = b.shadowRoot.querySelector(".badge");
      const style = getComputedStyle(inner);
      const path = inner.querySelector("path");
      return [
        inner.textContent,
        inner.getAttribute("aria-label"),
        [style.backgroundColor, style.boxShadow, path.getAttribute("d")].join(),
      ];
    }),
  );
  for (const column of [0, 1, 2]) equal(new Set(looks.map((l) => l[column])).size, 5, JSON.stringify(looks));
  equal(looks[4][0], "En pausa");
  await page.evaluate(() => document.querySelector("world-paused-badge").remove());
  equal(await badges.count(), 4);
});

await site.test("hostile_names_stay_text", async (t) => {
  const page = await open(
    t,
    document(banner(`world-id="w" world-name="&lt;img src=x onerror=alert(1)&gt;" pause-reason="&lt;b&gt;"`)),
  );
  const text = await page.getByRole("region").innerText();
  assert(text.includes("«<img src=x onerror=alert(1)>»"), text);
});

for (const lang of ["es", "en"])
  for (const theme of ["light", "dark"])
    await site.test(`accessible_${lang}_${theme}`, async (t) => {
      const reasons = ["inactivity_24h", "inactivity_7d", "inactivity_30d", "manual", "system", "vacation"];
      const body =
        reasons
          .map(
            (r) =>
              banner(
                `world-id="w" world-name="Ítaca ${r}" pause-reason="${r}" paused-at="2026-11-21T09:00:00Z" deletion-at="2026-12-01T00:00:00Z"`,
              ) + `<world-paused-badge pause-reason="${r}"></world-paused-badge>`,
          )
          .join("") + "<world-paused-badge></world-paused-badge>";
      const page = await open(t, document(body, { lang }), { theme, width: 320 });
      await page.getByRole("region").first().waitFor();
      equal((await axe(page)).join("\n"), "");
      assert(
        await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        "nothing sticks out at 320 px",
      );
    });

const resumesIn = (framework) => async (t) => {
  const id = `w-${framework}`;
  await pausedWorld(id);
  const page = await open(t, document(forFramework(id), { script: `/${framework}.js` }));
  await page.getByRole("region", { name: "«Ítaca» está en pausa" }).waitFor();
  equal(await page.getByRole("img").getAttribute("aria-label"), "En pausa · a mano");
  const before = calls.length;
  await page.getByRole("button", { name: "Reactivar mundo" }).click();
  await page.getByText("Ítaca está despierto.").waitFor();
  equal(calls.length - before, 1);
  equal(isPausedInSql(id), "0");
};
await site.test("B-20_B-34_react_resumes_with_the_seeds_props", resumesIn("react"));
await site.test("B-20_B-34_vue_resumes_with_the_seeds_props", resumesIn("vue"));

await site.test("text_inside_shows_until_the_script_is_there", async (t) => {
  const page = await open(
    t,
    document(banner(`world-id="w"`, "Este mundo duerme"), { script: "/nothing.js" }),
  );
  await page.getByText("Este mundo duerme").waitFor();
});

await site.test("no_secret_is_in_the_page", async () => {
  const text = Object.values(scripts).join("") + [...pages.values()].join("");
  assert(!text.includes(service), "the service token");
  assert(!/CRON_SECRET|Bearer/.test(text), "a secret's name");
});

host.close();
host.closeAllConnections();
await until(() => !host.listening, "the host's end");
await site.finish();
fs.rmSync(folder, { recursive: true, force: true });

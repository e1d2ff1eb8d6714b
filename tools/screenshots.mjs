// Takes the pictures of docs/screenshots from a server of its own with 14 hours of work behind it, lived through by the
// test clock up to now, and from two on days on which the clocks change:
//   make build && SERENO_BIN=build/sereno node tools/screenshots.mjs
// ONLY=PATTERN picks pictures (picture_NAME).
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { moveClock } from "../tests/api/lib.mjs";
import { dayOf, days } from "../tests/web/days_stage.mjs";
import { ask, start } from "../tests/web/harness.mjs";

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "../docs/screenshots");
const behindMs = (13 * 60 + 40) * 60_000;
const site = await start({ clockAt: new Date(Date.now() - behindMs).toISOString() });
const { server } = site;

const job = (name, schedule, command, more = {}) =>
  ask(server, "POST", "/api/cron/jobs", 201, {
    body: { name, schedule, command: "shell", params: { command }, ...more },
  });
await job("salud-del-sistema", "0 * * * *", "true", { category: "MAINTENANCE" });
const shelly = await job(
  "sync-shelly",
  "*/10 * * * *",
  "echo conectando con salón; echo error: HTTP 503 del dispositivo salón >&2; exit 7",
  {
    category: "SYNC",
    description: "Trae las lecturas de los enchufes",
  },
);
await job("sync-redis", "*/5 * * * *", "true", { category: "SYNC" });
await job("limpieza-de-mundos", "53 * * * *", "sleep 0.2", { category: "CLEANUP" });
await job("copia-de-ajustes", "0 */6 * * *", "sleep 0.1", { category: "BACKUP", labels: { owner: "ana" } });
await job("consolidar-memoria", "15 2 * * *", "echo 312 mundos; sleep 1", { category: "MAINTENANCE" });
await job("informe-semanal", "0 9 * * 1", "true", { category: "REPORT", labels: { owner: "ana" } });
for (let i = 1; i <= 7; i++)
  await job(`factura-${i}`, "0 */4 * * *", "true", { category: "REPORT", priority: i });
for (const [id, name] of [
  ["itaca", "Ítaca"],
  ["troya", "Troya"],
  ["esparta", "Esparta"],
  ["delfos", "Delfos"],
])
  await ask(server, "POST", "/api/worlds", 201, { body: { id, name, ownerId: "ana" } });
await moveClock(server, "advance 13h40m");
await ask(server, "POST", "/api/worlds/troya/pause?override=1", 200, { body: {} });
await ask(server, "POST", "/api/worlds/delfos/favorite?override=1", 200, { body: {} });
const log = await job(
  "importar-catálogo",
  "0 0 1 1 *",
  "for i in $(seq 40); do printf '\\033[32mok\\033[0m fila %d\\n' $i; done; echo error: fila 41 sin precio >&2; sleep 600",
);
const live = await ask(server, "POST", `/api/cron/jobs/${log.id}/run`, 202, { body: {} });
const failed = (await ask(server, "GET", `/api/cron/jobs/${shelly.id}/executions?limit=1`, 200)).data[0].id;

const pages = [
  ["round", "/"],
  ["round-dark", "/", { theme: "dark" }],
  ["round-en-phone", "/", { lang: "en", width: 390, height: 844, theme: "dark" }],
  ["jobs", "/jobs"],
  ["jobs-dark-en", "/jobs", { theme: "dark", lang: "en" }],
  ["job", `/jobs/${shelly.id}`],
  ["editor", `/jobs/${shelly.id}/edit`],
  ["run-live-dark", `/runs/${live.executionId}`, { theme: "dark" }],
  ["run-failed-phone", `/runs/${failed}`, { width: 390, height: 844 }],
  ["calendar", "/calendar"],
  ["worlds", "/worlds"],
  ["world-dark-en", "/worlds/troya", { theme: "dark", lang: "en" }],
  ["settings", "/settings"],
  ["audit", "/audit"],
];
async function take(from, list) {
  for (const [name, to, options = {}] of list)
    await from.test(`picture_${name}`, async (t) => {
      const page = await t.page(to, { width: 1440, height: 900, ...options });
      await page.locator("main h1").first().waitFor();
      await page.waitForFunction(() => !document.querySelector("main .loading, main [aria-busy=true]"));
      await page.evaluate(() => document.fonts.ready);
      await page.screenshot({ path: path.join(folder, `${name}.png`) });
    });
}
fs.mkdirSync(folder, { recursive: true });
await take(site, pages);
await ask(server, "POST", `/api/cron/executions/${live.executionId}/cancel`, 202, { body: {} });
await site.finish();

const spring = await dayOf(days.madrid_23);
await take(spring, [["round-23-hours-en", "/", { lang: "en" }]]);
await spring.finish();
const autumn = await dayOf(days.madrid_25);
await take(autumn, [["calendar-25-hours-dark", "/calendar?view=day", { theme: "dark" }]]);
await autumn.finish();

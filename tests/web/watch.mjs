// Alerts and the audit log, by the browser (C-107, C-111, C-137).
import fs from "node:fs";
import { ask, assert, axe, equal, overflow, start, until } from "./harness.mjs";

const site = await start();
const { server } = site;
const post = (path, body, status = 200, more = {}) => ask(server, "POST", path, status, { body, ...more });
const alerts = async () => (await ask(server, "GET", "/api/cron/alerts", 200)).data;
const wait = { headers: { Prefer: "wait=20" } };
async function fail(name, times) {
  for (let i = 0; i < times; i++) await post(`/api/cron/jobs/${name}/run`, {}, 200, wait);
}
async function makeJob(name, fields = {}) {
  return post(
    "/api/cron/jobs",
    { name, schedule: "0 0 1 1 *", command: "shell", params: { command: "exit 3" }, retries: 0, ...fields },
    201,
  );
}

await site.test("nothing_wrong_is_said_calmly", async (t) => {
  equal(await alerts(), []);
  const page = await t.page("/alerts");
  await page.getByRole("heading", { name: "Todo sereno" }).waitFor();
  await page.getByText("Todavía no se pueden crear reglas").waitFor();
});

await site.test("three_failures_in_a_row_are_an_alert_with_all_its_fields", async () => {
  // C-107
  const job = await makeJob("frágil");
  await fail(job.id, 2);
  equal(await alerts(), []);
  await fail(job.id, 1);
  const [one] = await alerts();
  equal(
    [one.id, one.type, one.severity, one.jobId, one.jobName, one.count, one.ackBy, one.ackAt],
    [`consecutive_failures.${job.id}`, "consecutive_failures", "warning", job.id, "frágil", 3, null, null],
  );
  assert(Date.parse(one.firstSeen) <= Date.parse(one.lastSeen), "seen");
  await fail(job.id, 1);
  const [later] = await alerts();
  equal([later.count, later.firstSeen], [4, one.firstSeen]);
  assert(later.lastSeen > one.lastSeen, "seen later");
  equal((await ask(server, "GET", "/api/cron/monitoring", 200)).alerts, await alerts());
});

await site.test("taking_notice_is_kept_over_a_restart_and_in_the_audit_log", async () => {
  const [one] = await alerts();
  const acked = await post(`/api/cron/alerts/${one.id}/ack`, {});
  assert(acked.ackBy && acked.ackAt, JSON.stringify(acked));
  await post("/api/cron/alerts/consecutive_failures.nobody/ack", {}, 404);
  await server.stop();
  await server.start();
  const again = await until(async () => (await alerts()).find((a) => a.id === one.id), "the alert");
  equal([again.ackBy, again.ackAt, again.firstSeen], [acked.ackBy, acked.ackAt, one.firstSeen]);
  const log = await ask(server, "GET", "/api/admin/audit-log", 200);
  assert(
    log.data.some((row) => row.action === "alert.ack" && row.object === `alert:${one.id}`),
    "audited",
  );
  const taken = await ask(server, "DELETE", `/api/cron/alerts/${one.id}/ack`, 200);
  equal([taken.ackBy, taken.ackAt], [null, null]);
});

await site.test("a_job_disabled_by_its_failures_says_so_and_what_is_over_goes", async () => {
  const job = await makeJob("terca", { disableAfter: 3 });
  await fail(job.id, 3);
  const of = async () => (await alerts()).find((a) => a.jobId === job.id);
  const one = await until(
    async () => ((await of())?.type === "job_disabled" ? of() : null),
    "that it is disabled",
  );
  equal([one.type, one.severity, one.count], ["job_disabled", "critical", 3]);
  await ask(server, "PATCH", "/api/cron/jobs/terca", 200, {
    body: { params: { command: "true" }, isActive: true },
  });
  await fail(job.id, 1);
  equal(await of(), undefined);
});

await site.test("somebody_sees_to_an_alert_and_lets_it_go", async (t) => {
  const page = await t.page("/alerts", { role: "operator", lang: "en" });
  const row = page.locator(".alert", { hasText: "frágil" });
  await row.getByText("Failed 4 times in a row").waitFor();
  await row.getByRole("button", { name: "I see to it: frágil" }).click();
  await row.getByText("la-operator sees to it").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await row.getByRole("button", { name: "I see to it: frágil" }).waitFor();
  await row.getByRole("link", { name: "frágil" }).waitFor();
});

await site.test("a_viewer_sees_alerts_and_takes_none", async (t) => {
  const page = await t.page("/alerts", { role: "viewer" });
  await page.locator(".alert").first().waitFor();
  equal(await page.locator(".alert button").count(), 0);
  const token = (await post("/api/admin/tokens", { name: "v", role: "viewer" }, 201)).token;
  await ask(server, "POST", `/api/cron/alerts/${(await alerts())[0].id}/ack`, 403, { body: {}, token });
});

await site.test("an_alert_appears_while_one_looks", async (t) => {
  const job = await makeJob("súbita");
  await fail(job.id, 2);
  const page = await t.page("/alerts");
  await page.locator(".alert", { hasText: "frágil" }).waitFor();
  await fail(job.id, 1);
  await page.locator(".alert", { hasText: "súbita" }).waitFor();
});

await site.test("the_audit_log_shows_what_changed_and_proves_its_chain", async (t) => {
  // C-111
  await ask(server, "PATCH", "/api/cron/settings", 200, { body: { cleanupDays: 21 } });
  const page = await t.page("/audit");
  await page.getByText(/Cadena comprobada: \d+ filas/).waitFor();
  const row = page.getByRole("row", { name: /settings\.update/ }).first();
  equal(await row.locator("del").first().textContent(), "30");
  equal(await row.locator("ins").first().textContent(), "21");
});

await site.test("the_audit_log_is_filtered_and_exported", async (t) => {
  const page = await t.page("/audit?q=what:settings.*", { lang: "en" });
  await page.locator("tbody tr").first().waitFor();
  const shown = await page.locator("tbody tr td:nth-child(3)").allTextContents();
  assert(
    shown.length > 0 && shown.every((text) => text.startsWith("settings.")),
    `the filter holds: ${shown.join(" ")}`,
  );
  for (const kind of ["CSV", "JSON"]) {
    const waiting = page.waitForEvent("download");
    await page.getByRole("button", { name: `Export ${kind}` }).click();
    const text = fs.readFileSync(await (await waiting).path(), "utf8");
    if (kind === "JSON") equal(JSON.parse(text).length, shown.length);
    else assert(text.startsWith("seq,at,actor,action,object,before,after,"), text.slice(0, 80));
  }
  await page.goto(site.url("/audit?q=nonsense:x"));
  await page
    .getByText(/nonsense/)
    .first()
    .waitFor();
});

await site.test("only_admins_see_the_audit_log", async (t) => {
  const page = await t.page("/audit", { role: "editor" });
  await page.getByText("Tu cuenta no puede ver esto").waitFor();
  equal(await page.locator("nav.side").getByRole("link", { name: "Auditoría" }).count(), 0);
});

await site.test("they_are_accessible_and_fit", async (t) => {
  for (const [lang, theme, width] of [
    ["es", "light", 1280],
    ["en", "dark", 320],
  ]) {
    for (const [path, ready] of [
      ["/alerts", ".alert"],
      ["/audit", "tbody tr"],
    ]) {
      const page = await t.page(path, { lang, theme, width });
      await page.locator(ready).first().waitFor();
      equal(await axe(page), [], `${path} ${lang} ${theme}`);
      assert((await overflow(page)) <= 0, `${path} sticks out at ${width}`);
    }
  }
});

await site.finish();

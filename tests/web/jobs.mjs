// The lists of jobs and one job, by the browser: C-70, C-71, U-13, U-30.
import { ask, assert, axe, equal, hasThemesLines, overflow, request, start, until } from "./harness.mjs";

const site = await start();
const { server } = site;
const make = (name, command, more = {}) =>
  ask(server, "POST", "/api/cron/jobs", 201, {
    body: { name, schedule: "0 3 * * *", command: "shell", params: { command }, ...more },
  });
const job = (name) => ask(server, "GET", `/api/cron/jobs/${name}`, 200);
const runs = async (name) => (await ask(server, "GET", `/api/cron/jobs/${name}/executions`, 200)).data;
const runIt = (name) =>
  request(server, "POST", `/api/cron/jobs/${name}/run`, { body: {}, headers: { Prefer: "wait=20" } });
const row = (page, name) => page.locator(".jobs-row[data-job]").filter({ hasText: name });

await make("sync-shelly", "exit 3", { category: "SYNC", labels: { owner: "ana" } });
await make("sync-redis", "sleep 1", { category: "SYNC", labels: { SYNC: "" } });
await make("copia-diaria", "true", { category: "BACKUP" });
await make("<img src=x onerror=alert(1)>", "true");
await runIt("sync-shelly");

await site.test("C-71_a_job_is_run_from_the_list", async (t) => {
  const page = await t.page("/jobs", { lang: "es" });
  const line = row(page, "sync-redis");
  await line.getByText("Sin estrenar").waitFor();
  await line.locator(".next time").waitFor();
  equal(await page.locator(".jobs-row[data-job]").count(), 15); // eleven of the seeds, four of ours
  await line.getByRole("button", { name: "Ejecutar sync-redis" }).click();
  await line.getByText("En curso").waitFor();
  await line.getByText("Bien", { exact: true }).waitFor();
  equal((await runs("sync-redis")).length, 1);
  await row(page, "sync-shelly").getByText("Falló").waitFor();
});
await site.test("C-70_the_seeds_path_leads_to_the_jobs", async (t) => {
  const page = await t.page("/configuracion/sistema/cron-manager", { lang: "es" });
  await page.getByRole("heading", { name: "Tareas" }).waitFor();
  await row(page, "sync-redis").waitFor();
});
await site.test("U-13_the_list_is_filtered_with_suggestions", async (t) => {
  const page = await t.page("/jobs", { lang: "es" });
  const filter = page.locator("[data-filter]");
  await row(page, "copia-diaria").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("sta");
  await page.getByRole("option", { name: /status:/ }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("option", { name: "failed" }).waitFor();
  await page.keyboard.type("fai");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  equal(await filter.inputValue(), "status:failed ");
  await row(page, "copia-diaria").waitFor({ state: "detached" });
  equal(await page.locator(".jobs-row[data-job]").count(), 1);
  assert(page.url().includes("q=status:failed"), page.url());
  await filter.fill("status:faild");
  await page.getByRole("alert").filter({ hasText: "Columna 8" }).waitFor();
  await filter.fill("ana owner:ana");
  await page.getByRole("button", { name: "Quitar filtro" }).first().click();
  await row(page, "copia-diaria").waitFor();
  await page.goBack();
});
await site.test("typing_keeps_every_letter_and_the_focus_while_jobs_run", async (t) => {
  const page = await t.page("/jobs", { lang: "en" });
  await row(page, "sync-redis").waitFor();
  const filter = page.locator("[data-filter]");
  await filter.focus();
  const busy = (async () => {
    for (let i = 0; i < 6; i++) await runIt("copia-diaria");
  })();
  await page.keyboard.type("name~sync p50<1h", { delay: 40 });
  await busy;
  equal(await filter.inputValue(), "name~sync p50<1h");
  assert(await filter.evaluate((e) => e === document.activeElement));
});
await site.test("the_order_is_held_while_somebody_is_in_the_list", async (t) => {
  const page = await t.page("/jobs?sort=state", { lang: "en" });
  const first = () => page.locator(".jobs-row[data-job] .name a").first().innerText();
  await row(page, "copia-diaria").waitFor();
  equal(await first(), "sync-shelly");
  await row(page, "copia-diaria").locator(".name a").focus();
  await ask(server, "PATCH", "/api/cron/jobs/copia-diaria", 200, { body: { params: { command: "exit 1" } } });
  await runIt("copia-diaria");
  await row(page, "copia-diaria").getByText("Failed").waitFor(); // the row itself is patched at once
  await page
    .locator(".held")
    .getByText(/change/)
    .waitFor();
  assert(
    await row(page, "copia-diaria")
      .locator(".name a")
      .evaluate((e) => e === document.activeElement),
  );
  await page.locator(".held").getByRole("button").click();
  await until(async () => (await first()) === "copia-diaria", "the new order");
  await ask(server, "PATCH", "/api/cron/jobs/copia-diaria", 200, { body: { params: { command: "true" } } });
});
await site.test("pausing_is_undone", async (t) => {
  const page = await t.page("/jobs", { lang: "es" });
  const line = row(page, "copia-diaria");
  await line.getByRole("button", { name: /Más acciones/ }).click();
  await page.getByRole("menuitem", { name: "Pausar" }).click();
  await line.getByText("En pausa").waitFor();
  equal((await job("copia-diaria")).gate, "paused");
  await page.getByRole("button", { name: "Deshacer" }).click();
  await line.getByText("En pausa").waitFor({ state: "detached" });
  equal((await job("copia-diaria")).gate, "open");
});
await site.test("many_jobs_at_once", async (t) => {
  const page = await t.page("/jobs?q=cat:SYNC", { lang: "es" });
  for (const name of ["sync-redis", "sync-shelly"]) await row(page, name).getByRole("checkbox").check();
  const bar = page.locator(".chosen-bar");
  await bar.getByText("2 elegidas").waitFor();
  await bar.getByRole("button", { name: "Pausar" }).click();
  for (const name of ["sync-redis", "sync-shelly"]) await row(page, name).getByText("En pausa").waitFor();
  await bar.getByRole("button", { name: "Reanudar" }).click();
  for (const name of ["sync-redis", "sync-shelly"])
    await row(page, name).getByText("En pausa").waitFor({ state: "detached" });
  await bar.getByRole("button", { name: "Etiquetar" }).click();
  await page.getByRole("textbox", { name: "Etiqueta" }).fill("equipo=casa");
  await page.getByRole("dialog").getByRole("button", { name: "Etiquetar" }).click();
  for (const name of ["sync-redis", "sync-shelly"])
    await until(async () => (await job(name)).labels.equipo === "casa");
  equal((await job("sync-shelly")).labels, { owner: "ana", equipo: "casa" });
  const download = page.waitForEvent("download");
  await bar.getByRole("button", { name: "Exportar" }).click();
  equal((await download).suggestedFilename(), "sereno-jobs.json");
});
await site.test("by_the_keyboard_alone", async (t) => {
  const page = await t.page("/jobs?q=name:sync-redis,sync-shelly", { lang: "en" });
  await row(page, "sync-redis").waitFor();
  await page.keyboard.press("j");
  const current = () => page.evaluate(() => document.activeElement?.textContent);
  await until(async () => (await current()) === "sync-redis");
  await page.keyboard.press("j");
  await until(async () => (await current()) === "sync-shelly");
  await page.keyboard.press("k");
  await until(async () => (await current()) === "sync-redis");
  await page.keyboard.press("x");
  await page.locator(".chosen-bar").getByText("1 selected").waitFor();
  await page.keyboard.press("p");
  await row(page, "sync-redis").getByText("Paused").waitFor();
  await page.keyboard.press("p");
  await row(page, "sync-redis").getByText("Paused").waitFor({ state: "detached" });
  const before = (await runs("sync-redis")).length;
  await page.keyboard.press("R");
  await until(async () => (await runs("sync-redis")).length === before + 1);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "sync-redis" }).waitFor();
});
await site.test("two_tabs_show_the_same", async (t) => {
  const context = await site.context(t, { lang: "en" });
  const one = await t.page("/jobs", { context }),
    two = await t.page("/jobs", { context });
  await row(one, "copia-diaria").waitFor();
  await row(two, "copia-diaria").waitFor();
  await one.bringToFront();
  await row(one, "copia-diaria")
    .getByRole("button", { name: /More actions/ })
    .click();
  await one.getByRole("menuitem", { name: "Pause" }).click();
  await row(two, "copia-diaria").getByText("Paused").waitFor();
  await ask(server, "POST", "/api/cron/jobs/copia-diaria/resume", 200);
  for (const page of [one, two])
    await row(page, "copia-diaria").getByText("Paused").waitFor({ state: "detached" });
});
await site.test("views_are_kept", async (t) => {
  const page = await t.page("/jobs?q=owner:ana", { lang: "es" });
  await page.getByRole("button", { name: "Guardar vista" }).click();
  await page.getByLabel("Nombre de la vista").fill("Las de Ana");
  await page.getByRole("button", { name: "Guardar", exact: true }).click();
  await page.getByRole("button", { name: /^Todas/ }).click();
  await row(page, "copia-diaria").waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Las de Ana", exact: true }).click();
  await row(page, "copia-diaria").waitFor({ state: "detached" });
  await row(page, "sync-shelly").waitFor();
});
await site.test("a_viewer_may_only_look", async (t) => {
  const page = await t.page("/jobs", { role: "viewer", lang: "es" });
  await row(page, "sync-redis").waitFor();
  equal(await page.getByRole("button", { name: /Ejecutar/ }).count(), 0);
  equal(await page.getByRole("link", { name: /Nueva tarea/ }).count(), 0);
  const id = (await job("sync-redis")).id;
  await page.goto(site.url(`/jobs/${id}`));
  await page.getByRole("heading", { name: "sync-redis" }).waitFor();
  equal(await page.getByRole("button", { name: /Ejecutar|Pausar/ }).count(), 0);
  const refused = await page.evaluate(
    (path) => fetch(path, { method: "POST", body: "{}" }).then((r) => r.status),
    `${site.base}/api/cron/jobs/${id}/run`,
  );
  equal(refused, 403);
});
await site.test("a_job_is_told_in_the_servers_zone_before_that_is_known", async (t) => {
  const context = await site.context(t, { lang: "en" });
  const page = await context.newPage();
  let release;
  const held = new Promise((done) => (release = done));
  await page.route("**/api/cron/settings", async (route) => (await held, route.continue()));
  const asked = page.waitForRequest(/schedule\/explain/);
  await page.goto(site.url(`/jobs/${(await job("copia-diaria")).id}`), { waitUntil: "commit" });
  await asked;
  release();
  const sentence = page.locator(".job-facts").getByText(/^At \d\d:\d\d/);
  await sentence.waitFor();
  equal((await sentence.textContent()).includes("UTC"), false);
});
await site.test("U-30_the_page_of_a_job_says_why", async (t) => {
  const { id } = await job("sync-shelly");
  const page = await t.page(`/jobs/${id}`, { lang: "es" });
  await page.getByText("Espera a su próxima hora.").waitFor();
  await page.locator(".job-trouble").waitFor();
  await page.getByText("A las 03:00, todos los días").first().waitFor();
  await page.getByRole("button", { name: "Pausar…" }).click();
  await page.getByRole("menuitem", { name: "1 hora" }).click();
  await page.getByText("Está en pausa: lo que le toca se salta y no se recupera.").waitFor();
  await page.getByRole("button", { name: "Reanudar" }).click();
  await page.getByText("Espera a su próxima hora.").waitFor();
  await page.locator(".chart-kinds").getByRole("button", { name: "CPU" }).click();
  await page.locator(".year rect").first().waitFor({ state: "attached" });
});
await site.test("the_chart_of_a_job_takes_the_colours_of_another_theme", async (t) => {
  for (const name of ["sync-shelly", "sync-shelly"]) await runIt(name);
  const { id } = await job("sync-shelly");
  const page = await t.page(`/jobs/${id}`, { lang: "es", theme: "light" });
  const lines = () => hasThemesLines(page, ".chart canvas");
  await until(lines, "the chart");
  await page.getByRole("navigation").getByRole("button", { name: "la-admin" }).click();
  for (const theme of ["dark", "light"]) {
    await page.getByLabel("Tema").selectOption(theme);
    await until(lines, `lines in ${theme}`);
  }
});
await site.test("a_version_is_restored_and_so_is_a_deleted_job", async (t) => {
  await make("cambiante", "true", { retries: 1 });
  await ask(server, "PATCH", "/api/cron/jobs/cambiante", 200, {
    body: { schedule: "30 4 * * *", retries: 3 },
  });
  const { id } = await job("cambiante");
  const page = await t.page(`/jobs/${id}/history`, { lang: "es" });
  const card = page.locator(".version");
  await card.nth(1).waitFor();
  equal(await card.first().locator("tbody th").allInnerTexts(), ["schedule", "retries"]);
  equal(await card.first().locator("td.was").allInnerTexts(), ["0 3 * * *", "1"]);
  await card.nth(1).getByRole("button", { name: "Volver a esta" }).click();
  await until(async () => (await job("cambiante")).retries === 1);
  await page.locator(".version").nth(2).waitFor();
  await page.getByRole("button", { name: "Más acciones" }).click();
  await page.getByRole("menuitem", { name: /Borrar/ }).click();
  const dialog = page.getByRole("dialog");
  assert(await dialog.getByRole("button", { name: "Borrar" }).isDisabled());
  await dialog.getByRole("textbox").fill("cambiante");
  await dialog.getByRole("button", { name: "Borrar" }).click();
  await until(async () => (await request(server, "GET", "/api/cron/jobs/cambiante")).status === 404);
  await page.goto(site.url(`/jobs/${id}/history`));
  await page.getByRole("heading", { name: "cambiante se borró" }).waitFor();
  await page.getByRole("button", { name: "Crearla de nuevo" }).first().click();
  await until(async () => (await request(server, "GET", "/api/cron/jobs/cambiante")).status === 200);
});
await site.test("a_job_is_run_with_other_parameters", async (t) => {
  const { id } = await job("copia-diaria");
  const page = await t.page(`/jobs/${id}`, { lang: "en" });
  await page.getByRole("button", { name: "Run with parameters…" }).click();
  await page.getByRole("menuitem", { name: "Run with parameters…" }).click();
  await page.getByRole("dialog").getByLabel("command").fill("echo otra cosa");
  await page.getByRole("dialog").getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForURL(/\/runs\//);
  equal((await runs("copia-diaria"))[0].params.command, "echo otra cosa");
  equal((await job("copia-diaria")).params.command, "true");
});
for (const [lang, theme] of [
  ["es", "light"],
  ["en", "dark"],
])
  await site.test(`the_pages_of_jobs_are_accessible_${lang}_${theme}`, async (t) => {
    const { id } = await job("sync-shelly");
    for (const to of ["/jobs", `/jobs/${id}`, `/jobs/${id}/runs`, `/jobs/${id}/history`])
      for (const width of [1280, 320]) {
        const page = await t.page(to, { lang, theme, width });
        await page.locator(".jobs-row[data-job], .facts, .job-runs td, .version").first().waitFor();
        equal(await axe(page), [], `${to} ${width}`);
        equal(await overflow(page), 0, `${to} ${width}`);
      }
  });

await site.finish();

// The Round, its charts and diagnosis, the calendar, C-75, C-91 … C-98.
import { ask, assert, axe, equal, hasThemesLines, overflow, request, start, until } from "./harness.mjs";

const site = await start();
const { server } = site;
const job = (name, command, more = {}) =>
  ask(server, "POST", "/api/cron/jobs", 201, {
    body: { name, schedule: "0 4 1 1 *", command: "shell", params: { command }, ...more },
  });
const run = (name) =>
  ask(server, "POST", `/api/cron/jobs/${name}/run`, 200, { body: {}, headers: { Prefer: "wait=20" } });

await site.test("an_empty_server_says_how_to_begin_or_is_calm", async (t) => {
  const page = await t.page("/");
  await page.locator(".verdict.calm, .notice").first().waitFor();
});

await job("buena", "true");
await job("mala", "echo 'HTTP 503 <b>del</b> salón' >&2; exit 3");
await run("buena");
await run("mala");

await site.test(
  "C-91_C-94_C-95_C-97_C-98_the_verdict_comes_first_and_every_number_leads_somewhere",
  async (t) => {
    const page = await t.page("/");
    await page.getByText("1 tarea necesita tu atención.").waitFor();
    const row = page.locator(".attention-row", { hasText: "mala" });
    await row.getByText("HTTP 503 <b>del</b> salón").waitFor(); // inert
    equal(await page.locator(".attention-row b").count(), 0);
    await row.getByRole("link", { name: /Salida/ }).click();
    await page.waitForURL(/\/runs\/c/);
    await page.goBack();
    for (const link of await page.locator(".figure").all()) assert(await link.getAttribute("href"), "a link");
    assert((await page.evaluate(() => document.querySelectorAll("*").length)) < 2500, "bounded");
  },
);

await site.test("A-93_C-93_C-96_a_run_is_on_the_page_within_a_second_without_reload", async (t) => {
  const page = await t.page("/");
  await page.locator(".lane").first().waitFor();
  await page.evaluate(() => (window.isSamePage = true));
  await job("viva", "sleep 4");
  const at = Date.now();
  const done = run("viva");
  await page.locator(".running li", { hasText: "viva" }).waitFor({ timeout: 5000 });
  const took = Date.now() - at;
  await done;
  await page.locator(".running li", { hasText: "viva" }).waitFor({ state: "detached" });
  assert(await page.evaluate(() => window.isSamePage), "no reload");
  console.log(`# seen after ${took} ms`);
});

await site.test("a_failure_appears_and_its_repair_goes_without_reload", async (t) => {
  const page = await t.page("/", { lang: "en" });
  await page.getByText("1 job needs your attention.").waitFor();
  await ask(server, "PATCH", "/api/cron/jobs/mala", 200, { body: { params: { command: "true" } } });
  await run("mala");
  await page.locator(".verdict.calm").waitFor();
});

await site.test("too_many_at_once_are_spread_after_showing_how_and_undone", async (t) => {
  const soon = new Date(Date.now() + 3 * 3_600_000);
  for (let i = 0; i < 12; i++)
    await job(`junta-${i}`, "true", {
      schedule: `37 ${soon.getUTCHours()} * * *`, // no other job falls on this minute
      timezone: "UTC",
      priority: 9,
    });
  const splayed = async () =>
    (await ask(server, "GET", "/api/cron/jobs?search=junta-&limit=50", 200)).data.filter((j) => j.splay)
      .length;
  const page = await t.page("/");
  const clash = page.locator(".clashes li", { hasText: "12 tareas" });
  await clash.getByRole("button", { name: "Repartir…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/De \d+ a la vez se pasa a \d+/).waitFor();
  equal(await splayed(), 0, "shown before it is done");
  await dialog.getByRole("button", { name: /Mover \d+ tareas/ }).click();
  await dialog.waitFor({ state: "detached" });
  assert((await splayed()) > 0, "moved");
  await clash.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Deshacer" }).click();
  await until(async () => (await splayed()) === 0, "undone");
  await clash.waitFor();
});

await site.test("a_viewer_is_offered_no_change", async (t) => {
  const page = await t.page("/", { role: "viewer" });
  await page.locator(".clashes li").first().waitFor();
  equal(await page.getByRole("button", { name: /Repartir|Ejecutar/ }).count(), 0);
});

await site.test("the_strip_is_read_by_keyboard_and_as_a_table", async (t) => {
  const page = await t.page("/");
  const lane = page.locator(".lane[aria-label^='mala:']");
  await lane.waitFor();
  await lane.focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowLeft");
  await page.locator(".tip", { hasText: "mala" }).getByText("Falló").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/runs\/c/);
  await page.goBack();
  await page.getByText("Ver como tabla").click();
  await page.locator(".as-table tbody tr", { hasText: "buena" }).waitFor();
});

await site.test("the_page_is_no_wider_while_the_strip_is_drawn_anew", async (t) => {
  const context = await site.context(t);
  await context.addInitScript(() => {
    const Real = window.ResizeObserver; // one that tells the first size only: the drawing keeps its width
    window.ResizeObserver = class extends Real {
      constructor(tell) {
        super((entries) => (this.disconnect(), tell(entries)));
      }
    };
  });
  const page = await t.page("/", { context });
  const drawing = page.locator(".plot .grid");
  await drawing.waitFor();
  const { width } = await drawing.boundingBox();
  await page.setViewportSize({ width: 320, height: 800 });
  equal((await drawing.boundingBox()).width, width);
  equal(await overflow(page), 0);
});

await site.test("the_days_the_clock_changes_have_23_and_25_hours", async (t) => {
  const spring = await t.page("/?from=2026-03-28T20:00:00Z&to=2026-03-29T20:00:00Z");
  await spring.getByText("de las 02:00 se pasa a las 03:00").waitFor();
  const autumn = await t.page("/?from=2026-10-24T20:00:00Z&to=2026-10-25T20:00:00Z");
  await autumn.getByText("de las 03:00 se pasa a las 02:00").waitFor();
  const labels = await autumn.locator(".tick").allTextContents();
  assert(labels.includes("04:00"), labels.join(" "));
  const short = await t.page("/calendar?view=day&date=2026-03-29");
  await short.locator("table.heat").waitFor();
  equal([await short.locator("a.cell").count(), await short.locator(".cell.absent").count()], [23, 1]);
  const long = await t.page("/calendar?view=day&date=2026-10-25");
  await long.locator("table.heat").waitFor();
  equal(
    [await long.locator("a.cell").count(), await long.locator("tbody th", { hasText: "02:00" }).count()],
    [25, 2],
  );
});

await site.test("an_hour_of_the_calendar_leads_to_its_runs", async (t) => {
  const page = await t.page("/calendar?view=day");
  const cell = page.locator("a.cell.is-now");
  await cell.waitFor();
  assert(Number(await cell.locator("span").first().textContent()) >= 3, "runs of this hour");
  await cell.click();
  await page.waitForURL(/\/runs\?q=started/);
  await page.locator("[data-run]").nth(2).waitFor();
  await page.goBack();
  await page.getByRole("button", { name: "Anterior" }).click();
  await page.locator("a.cell.is-now").waitFor({ state: "detached" });
  await page.locator("a.cell").first().click();
  await page.getByText("Ninguna ejecución cumple el filtro.").waitFor(); // nothing ran then: not all runs
  await page.goBack();
  await page.getByRole("button", { name: "Mes" }).click();
  await page.locator("table.month").waitFor();
  await page.waitForURL(/view=month/);
  await page.getByRole("button", { name: "Siguiente" }).click();
  await page.waitForURL(/date=/);
});

await site.test("C-75_charts_of_own_data_are_quick", async (t) => {
  const page = await t.page("/?tab=charts&days=7", { lang: "en", theme: "dark" });
  await page.locator(".plot-box[data-ready=true]").nth(2).waitFor();
  await page.getByText("Show as a table").click();
  await page.locator(".as-table tbody tr").first().waitFor();
  const at = Date.now();
  equal((await request(server, "GET", "/api/cron/stats?days=30")).status, 200);
  console.log(`# the series came in ${Date.now() - at} ms`);
});

await site.test("charts_take_the_colours_of_another_theme", async (t) => {
  const page = await t.page("/?tab=charts&days=7", { lang: "en", theme: "light" });
  await page.locator(".plot-box[data-ready=true]").nth(2).waitFor();
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await until(() => hasThemesLines(page, ".plot-box canvas"), `${colorScheme} lines`);
  }
});

await site.test("A-68_A-92_the_diagnosis_shows_what_is_slow_and_what_is_measured", async (t) => {
  await job("justa", "sleep 1.3", { schedule: "* * * * * *" });
  await until(async () => (await ask(server, "GET", "/api/cron/jobs/justa/metrics", 200)).runs > 0, "a run");
  await ask(server, "PATCH", "/api/cron/jobs/justa", 200, { body: { schedule: "*/2 * * * * *" } });
  const page = await t.page("/?tab=diagnosis");
  await page.locator(".tight li", { hasText: "justa" }).waitFor();
  const head = await page.locator(".measure thead").first().locator("th").allTextContents();
  equal(head, ["Tarea", "Medido (Shapley)", "% del total", "Si solo falta ella", "Se decía"]);
  await ask(server, "DELETE", "/api/cron/jobs/justa", 204);
});

for (const lang of ["es", "en"])
  for (const theme of ["light", "dark"])
    await site.test(`axe_finds_nothing_${lang}_${theme}`, async (t) => {
      for (const path of [
        "/",
        "/?tab=charts",
        "/?tab=diagnosis",
        "/calendar",
        "/calendar?view=day",
        "/calendar?view=month",
      ]) {
        const page = await t.page(path, { lang, theme, width: 390 });
        await page.locator(".panel").first().waitFor();
        equal(await axe(page), [], path);
        equal(await overflow(page), 0, path);
        await page.close();
      }
    });

await site.finish();

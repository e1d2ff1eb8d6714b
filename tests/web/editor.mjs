// Making and editing jobs, by the browser (A-96, C-72, C-99…C-103, X-14).
import { ask, assert, axe, equal, overflow, request, start, until } from "./harness.mjs";

const site = await start({ clockAt: "2026-03-20T12:00:00Z" }); // nine days before Madrid's clocks change
const { server } = site;
const jobOf = (name) => ask(server, "GET", `/api/cron/jobs/${encodeURIComponent(name)}`, 200);
const makeJob = (body) =>
  ask(server, "POST", "/api/cron/jobs", 201, {
    body: { schedule: "30 2 * * *", command: "selftest", timezone: "Europe/Madrid", ...body },
  });
const field = (page, name) =>
  page.locator(`[data-field="${name}"]`).locator("input, select, textarea").first();
const saveButton = (page) => page.getByRole("button", { name: /^(Guardar|Save|Crear tarea|Create job)$/ });
const sentence = (page, text) => page.locator(".sentence").getByText(text).waitFor();

await site.test("C-99_C-102_a_job_is_made_by_the_form_and_every_field_arrives", async (t) => {
  const page = await t.page("/jobs/new");
  await field(page, "name").fill("Copia nocturna");
  await field(page, "description").fill("Guarda lo del día");
  await field(page, "category").fill("BACKUP");
  await field(page, "command").selectOption("selftest");
  await field(page, "params.lines").fill("3");
  await page.getByText("Diario", { exact: true }).click();
  await page.locator("#at-time").fill("4:15");
  await sentence(page, "A las 04:15, todos los días");
  await field(page, "timeout").fill("120");
  await field(page, "retries").fill("3");
  await field(page, "backoffStrategy").selectOption("exponential");
  await field(page, "priority").fill("2");
  await field(page, "allowConcurrent").check();
  await page.locator(".retries li").nth(2).waitFor();
  equal(await page.locator(".retries li").allTextContents(), ["1 min", "2 min", "4 min"]);
  await page.locator(".edit-changes").getByText("14 ejecuciones").waitFor();
  await saveButton(page).click();
  await page.waitForURL(/\/jobs\/c[a-z0-9]+$/);
  const got = await jobOf("Copia nocturna");
  const {
    description,
    category,
    command,
    schedule,
    timeout,
    retries,
    backoffStrategy,
    priority,
    allowConcurrent,
    params,
  } = got;
  equal(
    [
      description,
      category,
      command,
      schedule,
      timeout,
      retries,
      backoffStrategy,
      priority,
      allowConcurrent,
      params,
    ],
    ["Guarda lo del día", "BACKUP", "selftest", "15 4 * * *", 120, 3, "exponential", 2, true, { lines: 3 }],
  );
  const again = await t.page(`/jobs/${got.id}/edit`);
  equal(await field(again, "timeout").inputValue(), "120");
  equal(await again.locator("#at-time").inputValue(), "04:15");
  assert(await saveButton(again).isDisabled(), "nothing to save yet");
});

await site.test("A-96_an_edit_reaches_the_row_the_audit_and_the_next_run", async (t) => {
  const job = await makeJob({ name: "a96" });
  const page = await t.page(`/jobs/${job.id}/edit`);
  await page.locator("#at-time").fill("05:00");
  await page.locator('[data-diff="schedule"]').getByText("0 5 * * *").waitFor();
  const firings = page.locator(".firings");
  await firings.getByText("14 ejecuciones más").waitFor();
  await firings.getByText("14 ejecuciones menos").waitFor();
  await firings.getByText("0 ejecuciones igual").waitFor();
  await saveButton(page).click();
  await page.waitForURL(new RegExp(`/jobs/${job.id}$`));
  const got = await jobOf("a96");
  equal([got.schedule, got.nextRunAt], ["0 5 * * *", "2026-03-21T04:00:00.000Z"]);
  const log = await ask(server, "GET", "/api/admin/audit-log?limit=20", 200);
  const entry = log.data.find(
    (e) => JSON.stringify(e).includes("job:a96") && JSON.stringify(e).includes("0 5 * * *"),
  );
  assert(entry && JSON.stringify(entry).includes("la-admin"), "the audit names who");
});

await site.test("C-72_typing_a_schedule_shows_it_in_words_and_its_next_five_runs", async (t) => {
  const page = await t.page("/jobs/new", { lang: "en" });
  await page.getByText("Cron", { exact: true }).click();
  const input = page.locator(".cron-box input");
  await input.fill("");
  await input.pressSequentially("30 2 * * 1-5");
  await sentence(page, "At 02:30, from Monday to Friday");
  equal(await page.locator(".next-runs li").count(), 5);
  await page.locator(".next-runs li").first().getByText("02:30").waitFor();
  await page.locator(".cron-parts").getByText("Mon–Fri").waitFor();
  equal(await input.inputValue(), "30 2 * * 1-5", "no key is lost");
  assert(await input.evaluate((e) => e === document.activeElement), "the focus stays");
  await page.getByRole("button", { name: "15 more" }).click();
  await page.locator(".next-runs li").nth(19).waitFor();
});

await site.test("what_is_typed_stays_as_it_is_typed", async (t) => {
  const page = await t.page("/jobs/new", { lang: "en" });
  await field(page, "name").fill("typed");
  await field(page, "command").selectOption("selftest");
  const answered = () => page.waitForResponse("**/jobs/preview");
  const cpu = field(page, "cpuLimitPct");
  let answer = answered();
  await cpu.pressSequentially("1.");
  await answer; // what the server says meanwhile takes no dot away
  await cpu.pressSequentially("5");
  equal(await cpu.inputValue(), "1.5");
  await page.getByText("Every…", { exact: true }).click();
  await page.locator("#every-count").fill("2");
  await page.getByLabel("Unit").selectOption("d");
  await page.locator(".schedule").getByText("@every 48h").waitFor();
  equal(
    [await page.locator("#every-count").inputValue(), await page.getByLabel("Unit").inputValue()],
    ["2", "d"],
    "two days are not two hours",
  );
  await page.locator("#every-count").fill("");
  await page.getByText("Write a whole number, from 1 on.").first().waitFor();
  await saveButton(page).click();
  await page.getByText("Something needs mending").waitFor();
  equal(
    await page.locator("#every-count").evaluate((e) => e === document.activeElement),
    true,
    "brought there",
  );
  await page.locator("#every-count").fill("3");
  await page.getByText("Daily", { exact: true }).click();
  await page.locator("#at-time").fill("25:99");
  await page.getByText("Write a time, such as 03:00.").first().waitFor();
  await page.locator("#at-time").fill("7");
  await page.getByText("Write a time").waitFor({ state: "detached" });
  equal(await page.locator("#at-time").inputValue(), "7");
});

await site.test("C-100_the_wrong_field_is_underlined_and_named", async (t) => {
  const page = await t.page("/jobs/new?schedule=75%202%20*%20*%20*");
  const input = page.locator(".cron-box input");
  await page.locator(".cron-under .bad").getByText("75", { exact: true }).waitFor();
  await page.getByText("Minuto: 75 no está entre 0 y 59.").waitFor();
  equal(await input.getAttribute("aria-invalid"), "true");
  equal(await page.locator(".cron-parts .bad code").allTextContents(), ["75"]);
  await input.fill("30 2 * * MUN");
  await page.locator(".cron-under .bad").getByText("MUN", { exact: true }).waitFor();
  await page.getByText("Día de la semana: «MUN» no significa nada aquí.").waitFor();
  await input.fill("30 2 * * MON");
  await until(async () => (await page.locator(".cron-under .bad").count()) === 0, "the mark goes");
});

await site.test("C-101_a_job_of_Tokyo_runs_by_its_own_clock", async (t) => {
  const job = await makeJob({ name: "c101", schedule: "0 9 * * *" });
  const page = await t.page(`/jobs/${job.id}/edit`);
  await field(page, "timezone").fill("Asia/Tokio");
  await page.getByText("No existe la zona horaria «Asia/Tokio».").waitFor();
  await page.getByRole("button", { name: "Usar Asia/Tokyo" }).click();
  await page.locator(".next-runs li").first().getByText("+09:00").waitFor();
  await saveButton(page).click();
  await page.waitForURL(new RegExp(`/jobs/${job.id}$`));
  const got = await jobOf("c101");
  equal([got.timezone, got.nextRunAt], ["Asia/Tokyo", "2026-03-21T00:00:00.000Z"]);
});

await site.test("a_job_that_is_not_saved_is_tried_watched_and_stopped", async (t) => {
  const page = await t.page("/jobs/new", { lang: "en" });
  const tryIt = page.getByRole("button", { name: "Try it" });
  await field(page, "command").selectOption("selftest");
  await field(page, "params.lines").fill("3");
  await field(page, "params.exitCode").fill("4");
  await tryIt.click();
  await page.locator(".try-once [role=status]").getByText("Failed").waitFor();
  const look = page.getByRole("link", { name: "See the run" });
  const run = (await look.getAttribute("href")).split("/").at(-1);
  const got = await ask(server, "GET", `/api/cron/executions/${run}`, 200);
  equal([got.triggeredBy, got.exitCode, got.output.trim().split("\n").length], ["test", 4, 3]);
  equal((await request(server, "GET", `/api/cron/jobs/${got.jobId}`)).status, 404, "no job comes of it");
  await field(page, "params.seconds").fill("300");
  await tryIt.click();
  await page.locator(".try-once").getByText("Running").waitFor();
  const { [0]: living } = (await ask(server, "GET", "/api/cron/executions?limit=1", 200)).data;
  await page.locator(".try-once").getByRole("button", { name: "Stop" }).click();
  await page.locator(".try-once").getByText("Cancelled").waitFor();
  const seen = await t.page(`/runs/${living.id}`, { lang: "en" });
  await seen.getByText("Test without saving").first().waitFor();
  equal(await seen.locator(`a[href*="${living.jobId}"]`).count(), 0, "nothing leads to a job");
});

await site.test("executors_explain_themselves_in_the_language_of_the_page", async (t) => {
  for (const [lang, help] of [
    ["es", "líneas de salida"],
    ["en", "lines of output"],
  ]) {
    const page = await t.page("/jobs/new", { lang });
    await field(page, "command").selectOption("selftest");
    await page.locator('[data-field="params.lines"]').getByText(help).waitFor();
  }
});

await site.test("C-103_parameters_are_a_form_of_the_executors_table", async (t) => {
  const page = await t.page("/jobs/new", { lang: "en" });
  await field(page, "name").fill("c103");
  await field(page, "command").selectOption("selftest");
  await field(page, "params.lines").fill("tres");
  await field(page, "params.exitCode").fill("900");
  await field(page, "name").focus();
  const wrong = (name) => page.locator(`[data-field="${name}"] .error`);
  await wrong("params.lines").getByText("whole number").waitFor();
  await wrong("params.exitCode").getByText("255").waitFor(); // both at once
  await saveButton(page).click();
  assert(
    await field(page, "params.lines").evaluate((e) => e === document.activeElement),
    "the first wrong one has the focus",
  );
  await field(page, "command").selectOption("http");
  await page.getByText("does not know: lines, exitCode").waitFor();
  await page.getByRole("button", { name: "Take out" }).click();
  await field(page, "params.headers").fill('{"X-A": "1",}');
  await page.getByText("line 1, column 13").waitFor();
  await field(page, "params.headers").fill('{"Authorization": "geheim"}');
  await field(page, "params.url").fill("http://127.0.0.1:9/");
  await until(async () => (await page.locator(".editor .error").count()) === 0, "nothing is wrong any more");
  await saveButton(page).click();
  await page.waitForURL(/\/jobs\/c[a-z0-9]+$/);
  const got = await jobOf("c103");
  equal(got.params, { headers: { Authorization: "***" }, url: "http://127.0.0.1:9/" });

  const again = await t.page(`/jobs/${got.id}/edit`, { lang: "en" });
  await again.getByText("Kept and hidden").waitFor();
  await field(again, "params.method").selectOption("HEAD");
  const sent = again.waitForRequest((r) => r.method() === "PATCH");
  await saveButton(again).click();
  equal((await sent).postDataJSON().params.headers, { Authorization: "***" }); // three stars keep the old value
  await until(async () => (await jobOf("c103")).params.method === "HEAD", "saved");
});

await site.test("the_form_and_its_JSON_are_one_job", async (t) => {
  const job = await makeJob({ name: "json" });
  const page = await t.page(`/jobs/${job.id}/edit`);
  await field(page, "retries").fill("4");
  await page.getByRole("button", { name: "JSON" }).click();
  const box = page.locator(".job-json");
  const value = JSON.parse(await box.inputValue());
  equal([value.name, value.retries], ["json", 4]);
  await box.fill('{\n  "name": "json",\n  "retries" 5\n}');
  await page.getByText("línea 3, columna 13").first().waitFor();
  await saveButton(page).click();
  equal((await jobOf("json")).retries, 0);
  await box.fill(JSON.stringify({ ...value, retries: 5, prioridad: 3 }));
  await page
    .getByText(/prioridad/)
    .first()
    .waitFor();
  await box.fill(JSON.stringify({ ...value, retries: 5 }));
  await page.getByRole("button", { name: "Formulario" }).click();
  equal(await field(page, "retries").inputValue(), "5");
  await saveButton(page).click();
  await page.waitForURL(new RegExp(`/jobs/${job.id}$`));
  equal((await jobOf("json")).retries, 5);
});

await site.test("the_changes_of_time_are_told_and_chosen", async (t) => {
  const job = await makeJob({ name: "hora" });
  const page = await t.page(`/jobs/${job.id}/edit`, { lang: "en" });
  const warnings = page.locator(".warnings");
  await warnings.getByText("On 2026-03-29 the clock jumps").waitFor();
  await warnings.getByText("On 2026-10-25 the clock goes back").waitFor();
  await field(page, "dst").selectOption("skip");
  await warnings.getByText("a time in between does not fire").waitFor();
  await page.locator(".firings").getByText("1 run fewer").waitFor();
  await page.locator(".firings summary").click();
  await page.locator(".firings .lost").getByText("Sun 29 Mar").waitFor();
  await page.getByRole("button", { name: "15 more" }).click();
  await page.locator(".next-runs .change").getByText("+02:00").waitFor();
});

await site.test("the_load_at_that_time_is_shown", async (t) => {
  for (let i = 0; i < 6; i++) await makeJob({ name: `carga ${i}`, schedule: "40 11 * * *" });
  const page = await t.page("/jobs/new");
  await page.locator("#at-time").fill("11:40");
  const load = page.locator(".minute-load");
  await load.getByText("Carga de 11:40 a 11:45").waitFor();
  await load.getByText(/Empiezan otras [6-9] ejecuciones/).waitFor();
  await load.getByText(/a la vez; caben 5/).waitFor();
});

await site.test("the_times_that_H_shows_for_a_new_job_are_those_it_gets", async (t) => {
  const page = await t.page("/jobs/new?schedule=H%20H%20*%20*%20*", { lang: "en" });
  await field(page, "name").fill("drawn");
  await field(page, "command").selectOption("selftest");
  const shown = await page.locator(".next-runs li").first().locator(".strong").textContent();
  equal(await page.getByText("an example").count(), 0, "it is no example");
  await saveButton(page).click();
  await page.waitForURL(/\/jobs\/c[a-z0-9]+$/);
  const got = await jobOf("drawn");
  const { timezone } = await ask(server, "GET", "/api/cron/settings", 200);
  const fires = new Date(got.nextRunAt).toLocaleTimeString("en-GB", {
    timeStyle: "short",
    timeZone: timezone,
  });
  assert(shown.includes(fires), `shown ${shown}, fires ${fires}`);
});

/** Holds the page's next saving until it is told to let it go. */
async function holdSaving(page, pattern) {
  let go;
  const free = new Promise((resolve) => (go = resolve));
  const sent = page.waitForRequest((r) => pattern.test(r.url()) && /POST|PATCH/.test(r.method()));
  await page.route(pattern, async (route) => {
    if (!/POST|PATCH/.test(route.request().method())) return route.continue();
    await free;
    await route.continue();
  });
  return { sent, go };
}

await site.test("what_is_typed_while_a_save_is_under_way_stays", async (t) => {
  const job = await makeJob({ name: "deprisa" });
  const page = await t.page(`/jobs/${job.id}/edit`);
  const held = await holdSaving(page, new RegExp(`/jobs/${job.id}$`));
  await field(page, "timeout").fill("30");
  await field(page, "retries").fill("2");
  await page.keyboard.press("Control+s");
  await held.sent;
  await field(page, "timeout").fill("45");
  await field(page, "priority").fill("3");
  held.go();
  await until(async () => (await jobOf("deprisa")).retries === 2, "the first is saved");
  await page.locator('[data-diff="retries"]').waitFor({ state: "detached" });
  await page.locator('[data-diff="timeout"]').getByText("45").waitFor();
  equal([await field(page, "timeout").inputValue(), await field(page, "priority").inputValue()], ["45", "3"]);
  equal(new URL(page.url()).pathname, `/jobs/${job.id}/edit`, "one goes on editing");
  equal((await jobOf("deprisa")).timeout, 30);
  await saveButton(page).click();
  await page.waitForURL(new RegExp(`/jobs/${job.id}$`));
  const got = await jobOf("deprisa");
  equal([got.timeout, got.priority, got.retries], [45, 3, 2]);
});

await site.test("what_is_typed_while_a_job_is_being_created_stays", async (t) => {
  const page = await t.page("/jobs/new");
  await field(page, "name").fill("naciente");
  await field(page, "command").selectOption("selftest");
  const held = await holdSaving(page, /\/api\/cron\/jobs$/);
  await saveButton(page).click();
  await held.sent;
  await field(page, "timeout").fill("45");
  held.go();
  await page.waitForURL(/\/jobs\/c[a-z0-9]+\/edit$/);
  await page.locator('[data-diff="timeout"]').getByText("45").waitFor();
  equal((await jobOf("naciente")).timeout, null);
  await saveButton(page).click();
  await page.waitForURL(/\/jobs\/c[a-z0-9]+$/);
  equal((await jobOf("naciente")).timeout, 45);
});

await site.test("what_somebody_else_saved_meanwhile_is_joined", async (t) => {
  const job = await makeJob({ name: "dos", retries: 1, timeout: 10 });
  const page = await t.page(`/jobs/${job.id}/edit`);
  await field(page, "timeout").fill("30");
  await field(page, "priority").fill("1");
  await ask(server, "PATCH", "/api/cron/jobs/dos", 200, { body: { retries: 7, timeout: 20 } });
  await page.getByText("se ha guardado en otra parte").waitFor(); // told at once by the live stream
  await saveButton(page).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Alguien la ha guardado").waitFor();
  await dialog.getByText("Reintentos").waitFor();
  await dialog.getByLabel(/Lo suyo/).check();
  await dialog.getByRole("button", { name: "Juntar y seguir" }).click();
  equal(await field(page, "retries").inputValue(), "7");
  await saveButton(page).click();
  await page.waitForURL(new RegExp(`/jobs/${job.id}$`));
  const got = await jobOf("dos");
  equal([got.retries, got.timeout, got.priority], [7, 20, 1]);
});

await site.test("unsaved_changes_are_not_lost_by_leaving", async (t) => {
  const job = await makeJob({ name: "guarda" });
  const page = await t.page(`/jobs/${job.id}/edit`);
  await field(page, "timeout").fill("99");
  await page.locator("nav.side").getByRole("link", { name: /Ronda/ }).click();
  await page.getByRole("button", { name: "Seguir editando" }).click();
  equal(await field(page, "timeout").inputValue(), "99");
  await page.locator("nav.side").getByRole("link", { name: /Ronda/ }).click();
  await page.getByRole("button", { name: "Salir sin guardar" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  equal((await jobOf("guarda")).timeout, null);
  await page.goBack(); // the browser's own buttons ask, too
  await field(page, "timeout").fill("98");
  await page.goForward();
  await page.getByRole("button", { name: "Seguir editando" }).click();
  equal(
    [new URL(page.url()).pathname, await field(page, "timeout").inputValue()],
    [`/jobs/${job.id}/edit`, "98"],
  );
});

await site.test("X-14_the_keyboard_saves_and_one_is_the_highest", async (t) => {
  const job = await makeJob({ name: "teclas" });
  const page = await t.page(`/jobs/${job.id}/edit`);
  await page.getByText("1 es la más alta").waitFor();
  await field(page, "priority").focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("1");
  await page.keyboard.press("Control+s");
  await page.waitForURL(new RegExp(`/jobs/${job.id}$`));
  equal((await jobOf("teclas")).priority, 1);
});

await site.test("parameters_are_tried_without_saving_them", async (t) => {
  const job = await makeJob({ name: "prueba", params: { lines: 1 } });
  const page = await t.page(`/jobs/${job.id}/edit`);
  await field(page, "params.lines").fill("2");
  await field(page, "params.exitCode").fill("4");
  await page.locator('[data-diff="params.exitCode"]').waitFor();
  await page.getByRole("button", { name: "Probar" }).click();
  await page.locator(".try-once").getByText("Falló").waitFor(); // told live
  await page.locator(".try-once").getByRole("link", { name: "Ver la ejecución" }).waitFor();
  equal(await field(page, "params.exitCode").inputValue(), "4");
  const runs = await ask(server, "GET", "/api/cron/executions?triggeredBy=test&limit=1", 200);
  equal(runs.data[0].exitCode, 4);
  equal(
    (await ask(server, "GET", "/api/cron/jobs/prueba/executions", 200)).data.length,
    0,
    "no run of the job",
  );
  const got = await jobOf("prueba");
  equal([got.params, got.version, got.nextRunAt], [{ lines: 1 }, 1, job.nextRunAt], "the job is as it was");
});

await site.test("made_failed_mended_and_taken_back", async (t) => {
  const page = await t.page("/jobs/new?schedule=0%205%20*%20*%20*");
  await field(page, "name").fill("camino");
  await field(page, "command").selectOption("selftest");
  await field(page, "params.exitCode").fill("3");
  await saveButton(page).click();
  await page.waitForURL(/\/jobs\/c[a-z0-9]+$/);
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.locator("h1").getByText("camino").waitFor();
  await page.locator(".page-head").getByText("Falló").waitFor();
  await page.locator(".job-why-text").waitFor();
  await page.getByRole("link", { name: "Editar" }).first().click();
  await field(page, "params.exitCode").fill("");
  await page.locator('[data-diff="params.exitCode"]').waitFor();
  await saveButton(page).click();
  await page.waitForURL(/\/jobs\/c[a-z0-9]+$/);
  equal((await jobOf("camino")).params, null);
  await page.getByRole("link", { name: "Historial" }).click();
  await page.getByRole("button", { name: "Volver a esta" }).click();
  await until(async () => (await jobOf("camino")).params?.exitCode === 3, "it is as it was");
});

await site.test("the_editor_is_for_editors", async (t) => {
  const job = await makeJob({ name: "ajena" });
  const page = await t.page(`/jobs/${job.id}/edit`, { role: "operator" });
  await page.getByText("Tu cuenta no puede ver esto").waitFor();
  const editor = await t.page(`/jobs/new`, { role: "editor" });
  await field(editor, "name").waitFor();
  await editor.locator(".section summary").first().click();
  equal(await editor.locator('[data-field="critical"]').count(), 0, "only an admin makes a job critical");
  equal((await request(server, "GET", "/api/cron/jobs/nada")).status, 404);
  const gone = await t.page("/jobs/c0nothing/edit");
  await gone.getByText("Aquí no hay nada").waitFor();
});

await site.test("it_is_accessible_and_fits", async (t) => {
  const job = await makeJob({ name: "<img src=x onerror=alert(1)> \u202e‮gol", retries: 2 });
  for (const [lang, theme, width] of [
    ["es", "light", 1280],
    ["en", "dark", 1280],
    ["es", "dark", 320],
    ["en", "light", 720],
  ]) {
    const page = await t.page(`/jobs/${job.id}/edit`, { lang, theme, width });
    await page.locator(".next-runs li").first().waitFor();
    await page.locator(".retries li").first().waitFor();
    for (const summary of await page.locator("details.more > summary").all()) await summary.click();
    await field(page, "timezone").fill("Nowhere/Land");
    await page.locator('[data-field="timezone"] .error').waitFor();
    equal(await axe(page), [], `${lang} ${theme} ${width}`);
    assert((await overflow(page)) <= 0, `sticks out at ${width}`);
    const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
    assert(nodes < 2500, `${nodes} nodes`);
    await page.getByRole("button", { name: "JSON" }).click();
    await page.locator(".job-json").waitFor();
    equal(await axe(page), [], `JSON ${lang} ${theme} ${width}`);
  }
});

await site.finish();

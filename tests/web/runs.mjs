// Runs, one run with its output, two runs beside each other (C-73, C-104…C-106 as pages): live, searched, half a million
// lines, hostile output, stopping and repeating.
import { ask, assert, axe, equal, overflow, start, until } from "./harness.mjs";

const site = await start();
const { server, test } = { server: site.server, test: site.test };
const post = (target, body, status = 200, headers = {}) =>
  ask(server, "POST", target, status, { body, headers });
const get = (target) => ask(server, "GET", target, 200);
const job = (name, command, more = {}) =>
  post(
    "/api/cron/jobs",
    { name, schedule: "0 0 1 1 *", command: "shell", params: { command }, ...more },
    201,
  );
/** Runs to the end; the id of the run. */
const ran = async (name, own = {}) =>
  (await post(`/api/cron/jobs/${name}/run`, own, 200, { Prefer: "wait=60" })).executionId;
const begun = async (name) => {
  const { executionId } = await post(`/api/cron/jobs/${name}/run`, {}, 202);
  await until(async () => (await get(`/api/cron/executions/${executionId}`)).status === "running", "it runs");
  return executionId;
};
const stopped = (id) => post(`/api/cron/executions/${id}/cancel`, {}, 202);
const row = (page, n) => page.locator(`[data-line="${n}"] .log-text`);

await job("saludo", "echo uno; echo dos; echo tres");
await job(
  "medio-millon",
  "seq 1 500000 | sed 's/^/a line of the usual length with some text in it, number /; 123456s/a line/ERROR: a line/; 400000s/a line/ERROR: a line/'",
);
const many = await ran("medio-millon");
const first = await ran("saludo");

await test("half_a_million_lines_open_at_once_and_cost_little", async (t) => {
  const page = await t.page("/runs");
  await page.locator(`[data-run="${many}"] a.name`).waitFor();
  const open = async (id) => {
    await page.locator(`[data-run="${id}"] a.name`).waitFor();
    return page.evaluate(async (run) => {
      const began = performance.now();
      document.querySelector(`[data-run="${run}"] a.name`).click();
      for (;;) {
        await new Promise((done) => requestAnimationFrame(done));
        if (document.querySelector('[data-line="1"] .log-text')?.textContent)
          return performance.now() - began;
      }
    }, id);
  };
  await open(first); // the page's code is here now
  await page.goBack();
  const small = await open(first);
  await page.goBack();
  const took = await open(many);
  await page.getByText("500.000 líneas").waitFor();
  const log = page.locator(".log-window");
  for (const key of ["End", "Home", "End"]) await log.press(key);
  await row(page, 500_000).filter({ hasText: "number 500000" }).waitFor();
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  console.log(
    `# opened in ${Math.round(took)} ms (three lines: ${Math.round(small)} ms), ${(usedSize / 1e6).toFixed(1)} MB of heap, ${nodes} elements`,
  );
  assert(usedSize < 60e6 && nodes < 2500, `${usedSize} bytes, ${nodes} elements`);
});
await test("any_line_is_reached_by_number_by_link_and_by_scrolling", async (t) => {
  const page = await t.page(`/runs/${many}#L250000`);
  await row(page, 250_000).filter({ hasText: "number 250000" }).waitFor();
  equal(await page.locator('[aria-current="true"].log-number').innerText(), "250000");
  await page.getByLabel("Ir a la línea").fill("77777");
  await page.keyboard.press("Enter");
  await row(page, 77_777).filter({ hasText: "number 77777" }).waitFor();
  assert(page.url().endsWith("#L77777"), page.url());
  await page.locator('[data-line="77780"] .log-number').click();
  assert(page.url().endsWith("#L77780"), page.url());
  await page.locator(".log-window").evaluate((e) => e.scrollTo(0, e.scrollHeight / 2));
  await row(page, 250_005).filter({ hasText: "number 250005" }).waitFor();
});
await test("the_search_finds_goes_on_and_back", async (t) => {
  const page = await t.page(`/runs/${many}`);
  const search = page.getByLabel("Buscar en la salida");
  await row(page, 1).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("NUMBER 49999");
  await page.locator(".log-found").filter({ hasText: "1 de 11" }).waitFor();
  await row(page, 49_999).locator("mark").waitFor();
  await search.press("Enter");
  await row(page, 499_990).locator("mark").waitFor();
  await search.press("Shift+Enter");
  await page.locator(".log-found").filter({ hasText: "1 de 11" }).waitFor();
  await search.press("Shift+Enter"); // around the end
  await row(page, 499_999).locator("mark").waitFor();
  equal(await search.evaluate((e) => document.activeElement === e), true, "the focus stays");
  await search.fill("no such words");
  await page.locator(".log-found").filter({ hasText: "Nada" }).waitFor();
});
await test("errors_alone_and_on_the_map", async (t) => {
  const page = await t.page(`/runs/${many}`);
  await page.getByRole("button", { name: "Solo errores (2)" }).click();
  await row(page, 123_456).filter({ hasText: "ERROR" }).waitFor();
  await until(async () => (await page.locator(".log-row").count()) === 2, "both");
  await page.getByRole("button", { name: "Solo errores (2)" }).click();
  const map = page.locator(".error-map");
  const box = await map.boundingBox();
  await map.click({ position: { x: 5, y: (box.height * 400_000) / 500_000 } });
  await row(page, 400_000).filter({ hasText: "ERROR" }).waitFor();
});
await test("a_line_appears_within_half_a_second", async (t) => {
  await job("habla", 'echo primera; while :; do sleep 0.3; echo "son las $(date +%s%3N)"; done');
  const id = await begun("habla");
  const page = await t.page(`/runs/${id}`);
  await row(page, 1).filter({ hasText: "primera" }).waitFor();
  const late = await page.evaluate(
    () =>
      new Promise((done) => {
        const times = [];
        const seen = new Set([...document.querySelectorAll(".log-row")].map((e) => e.dataset.line));
        const look = () => {
          for (const e of document.querySelectorAll(".log-row")) {
            const printed = /son las (\d+)/.exec(e.textContent ?? "");
            if (!printed || seen.has(e.dataset.line)) continue;
            seen.add(e.dataset.line);
            times.push(Date.now() - Number(printed[1]));
          }
          if (times.length < 7) requestAnimationFrame(look);
          else done(times);
        };
        look();
      }),
  );
  const middle = late.sort((a, b) => a - b)[3];
  console.log(`# a printed line is seen after ${middle} ms`);
  assert(middle < 500, `${late} ms`);
  await stopped(id);
});
await test("following_stops_when_one_scrolls_up_and_goes_on_by_a_button", async (t) => {
  await job("chorro", 'i=0; while :; do i=$((i+1)); echo "renglón $i"; sleep 0.02; done');
  const id = await begun("chorro");
  const page = await t.page(`/runs/${id}`, { height: 700 });
  const lines = async () => Number(await page.locator("[data-count]").getAttribute("data-count"));
  await until(async () => (await lines()) > 80, "lines");
  const log = page.locator(".log-window");
  await log.focus();
  await page.keyboard.press("PageUp");
  const more = page.getByRole("button", { name: /Seguir \(\+\d+\)/ });
  await more.waitFor();
  const stays = await page.locator(".log-row").nth(3).getAttribute("data-line");
  await until(async () => Number(/\+(\d+)/.exec(await more.innerText())[1]) > 20, "more lines");
  equal(await page.locator(".log-row").nth(3).getAttribute("data-line"), stays, "it stays");
  await more.click();
  await page.getByRole("button", { name: "Seguir", exact: true }).waitFor();
  const before = await lines();
  await until(async () => (await lines()) > before + 10, "it goes on");
  await until(
    async () =>
      Number(await page.locator(".log-row").last().getAttribute("data-line")) >= (await lines()) - 2,
    "the end is seen",
  );
  await stopped(id);
  await page.locator(".page-title").getByText("Cancelada").waitFor();
});
await test("hostile_output_is_only_shown", async (t) => {
  const name = '<img src=x onerror="document.title=1">';
  await job(
    "hostil",
    String.raw`printf '<script>alert(1)</script><img src=x onerror=alert(1)>\n'
printf '\033]0;pwned\007\033[2J\033[Hvisible\n'
printf '\342\200\256gpj.exe\342\200\254\n'
printf '\033]8;;javascript:alert(1)\033\\malo\033]8;;\033\\ \033]8;;https://otro.example/x\033\\https://banco.example\033]8;;\033\\\n'
printf '\033[31mrojo\033[0m \033[38;2;1;2;3mnegro\033[0m\n'
printf '10%%\r20%%\r\033[Klisto\n'
i=0; while [ $i -lt 2000 ]; do printf '\033[3%dmx' $((i %% 8)); i=$((i+1)); done; echo
exit 1`.replaceAll("%% 8", "% 8"),
    { description: name },
  );
  const id = await ran("hostil");
  const page = await t.page(`/runs/${id}`);
  await row(page, 1).filter({ hasText: "<script>alert(1)</script><img src=x onerror=alert(1)>" }).waitFor();
  equal(await page.locator(".log img, .log script").count(), 0);
  equal(await row(page, 2).innerText(), "visible");
  equal(await row(page, 3).innerText(), "⟨U+202E⟩gpj.exe⟨U+202C⟩");
  equal(
    await row(page, 4)
      .locator("a")
      .evaluateAll((all) => all.map((a) => [a.textContent, a.href, a.rel])),
    [["https://banco.example", "https://otro.example/x", "noopener noreferrer nofollow"]],
  );
  equal(await row(page, 4).locator(".host").innerText(), "[otro.example]");
  equal(await row(page, 5).locator("span").first().getAttribute("class"), "c1");
  equal(await row(page, 6).innerText(), "listo");
  equal((await row(page, 7).innerText()).length, 2000);
  assert((await row(page, 7).locator("*").count()) <= 40, "few elements");
  equal(await page.title(), "hostil · Sereno");
});
await test("a_run_is_stopped_and_repeated", async (t) => {
  await job("eterna", "echo en marcha; sleep 600");
  const id = await begun("eterna");
  const page = await t.page(`/runs/${id}`, { role: "operator" });
  await page.getByRole("button", { name: "Detener" }).click();
  const dialog = page.getByRole("dialog", { name: "¿Detener «eterna»?" });
  await dialog.getByRole("button", { name: "Detener" }).click();
  await page.locator(".page-title").getByText("Cancelada").waitFor();
  equal(await dialog.count(), 0);
  await page.getByRole("button", { name: "Repetir" }).click();
  await page.waitForURL((url) => url.pathname.startsWith("/runs/") && !url.pathname.includes(id));
  await page.locator(".page-title").getByText("En curso").waitFor();
  await page.keyboard.press("x");
  await page.getByRole("dialog").getByRole("button", { name: "Detener" }).click();
  await page.locator(".page-title").getByText("Cancelada").waitFor();
});
await test("attempts_are_tabs_and_the_failure_says_what_comes_next", async (t) => {
  await job("terca", "echo intento; echo HTTP 503 error; exit 3", { retries: 2, retryDelay: 600 });
  const id = await ran("terca");
  const page = await t.page(`/runs/${id}`);
  await page.getByText("HTTP 503 error").first().waitFor();
  await page.getByRole("link", { name: /Reintenta en \d+ min \(intento 2\)/ }).waitFor();
  const tabs = page.getByRole("navigation", { name: "Intentos" });
  equal(await tabs.getByRole("link").count(), 2);
  await tabs.getByRole("link", { name: "Intento 2" }).click();
  await page.locator(".page-title").getByText("En cola").waitFor();
});
await test("the_list_shows_runs_as_they_happen_and_leads_on", async (t) => {
  const page = await t.page("/runs");
  await page.locator(`[data-run="${first}"]`).waitFor();
  const id = await begun("eterna");
  await page.locator(`[data-run="${id}"]`).getByText("En curso").waitFor();
  await stopped(id);
  await page.locator(`[data-run="${id}"]`).getByText("Cancelada").waitFor();
  await page.locator(`[data-run="${id}"] .state-link`).click();
  await page.waitForURL(/q=status:cancelled/);
  await page.locator(`[data-run="${first}"]`).waitFor({ state: "detached" });
  await page.locator(`[data-run="${id}"] a.name`).click();
  await page.waitForURL(new RegExp(`/runs/${id}`));
});
await test("rows_do_not_move_under_the_pointer", async (t) => {
  const page = await t.page("/runs");
  const top = page.locator("[data-run]").first();
  const id = await top.getAttribute("data-run");
  await page.locator(`[data-run="${id}"] a.name`).focus();
  await ran("saludo");
  await page.getByRole("button", { name: /1 ejecución nueva/ }).waitFor();
  equal(await top.getAttribute("data-run"), id);
  await page.getByRole("button", { name: /1 ejecución nueva/ }).click();
  await until(async () => (await top.getAttribute("data-run")) !== id, "the new row");
});
await test("several_are_repeated_or_stopped_together", async (t) => {
  await ran("saludo");
  const page = await t.page("/runs?q=job:saludo", { role: "operator" });
  await page.locator(`[data-run="${first}"]`).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.locator(`[data-run="${first}"] input`).check();
  await page.getByText("2 elegidas").waitFor();
  const count = await page.locator("[data-run]").count();
  await page.locator(".chosen-bar").getByRole("button", { name: "Repetir" }).click();
  await page.getByText("Se repiten 2 ejecuciones").waitFor();
  await until(async () => (await get("/api/cron/jobs/saludo/executions")).data.length >= count + 2, "both");
  await job("larga", "sleep 600", { allowConcurrent: true });
  for (let i = 0; i < 2; i++) await begun("larga");
  await page.goto(site.url("/runs?q=status:running job:larga"));
  await page.getByLabel("Elegir todas").check();
  await page
    .locator(".chosen-bar")
    .getByRole("button", { name: /Detener/ })
    .click();
  await page.getByRole("dialog").getByRole("button", { name: "Detener" }).click();
  await until(
    async () =>
      (await get("/api/cron/executions?q=status:running job:larga".replace(" ", "%20"))).data.length === 0,
    "both end",
  );
});
await test("a_filter_that_is_wrong_says_where", async (t) => {
  const page = await t.page("/runs?q=colour:red");
  await page.getByRole("alert").filter({ hasText: "colour" }).waitFor();
});
await test("two_runs_are_compared", async (t) => {
  await job("cambia", "echo empieza a las 10:01; echo igual; echo viejo; echo fin");
  const before = await ran("cambia");
  await ask(server, "PATCH", "/api/cron/jobs/cambia", 200, {
    body: { params: { command: "echo empieza a las 11:02; echo igual; echo nuevo; echo fin; echo extra" } },
  });
  const after = await ran("cambia");
  const page = await t.page(`/runs/${after}`);
  await page.getByRole("link", { name: "Comparar con la anterior" }).click();
  await page.waitForURL(new RegExp(`/runs/${before}/diff/${after}`));
  await page.getByText("2 líneas nuevas, 1 que ya no están").waitFor();
  equal(await page.locator(".diff-row.changed .log-text").allInnerTexts(), ["viejo", "nuevo"]);
  await page.getByLabel("No mirar números ni horas").uncheck();
  await page.getByText("3 líneas nuevas, 2 que ya no están").waitFor();
  assert(page.url().includes("exact=1"), page.url());
  await page.getByRole("row", { name: /Versión de la tarea 1 2/ }).waitFor();
});
await test("an_operator_is_told_that_a_run_is_repeated_without_its_own_parameters", async (t) => {
  await job("propia", "echo la de siempre");
  const own = await ran("propia", { params: { command: "echo solo hoy" } });
  const page = await t.page(`/runs/${own}`, { role: "operator" });
  await page.getByText("solo hoy").first().waitFor();
  await page.getByRole("button", { name: "Repetir" }).click();
  await page.getByText("con los parámetros de la tarea").waitFor();
  await row(page, 1).filter({ hasText: "la de siempre" }).waitFor();
});
await test("a_viewer_sees_no_action_that_is_not_theirs", async (t) => {
  const page = await t.page("/runs", { role: "viewer" });
  await page.locator(`[data-run="${first}"]`).waitFor();
  equal(await page.locator(".run-list input").count(), 0);
  await page.goto(site.url(`/runs/${first}`));
  await row(page, 3).filter({ hasText: "tres" }).waitFor();
  equal(await page.getByRole("button", { name: /Repetir|Detener/ }).count(), 0);
});
await test("pages_are_accessible_in_both_themes_and_languages", async (t) => {
  const failed = (await get("/api/cron/executions?q=job:hostil")).data[0].id;
  const found = [];
  for (const theme of ["light", "dark"])
    for (const lang of ["es", "en"])
      for (const to of ["/runs", `/runs/${failed}`, `/runs/${first}`, `/runs/${first}/diff/${failed}`]) {
        const page = await t.page(to, { theme, lang });
        await page.locator(".log-row, [data-run], .diff-row").first().waitFor();
        found.push(...(await axe(page)).map((v) => `${to} ${theme} ${lang}: ${v}`));
        await page.context().close();
      }
  equal(found, []);
});
await test("narrow_windows_do_not_scroll_sideways", async (t) => {
  for (const to of ["/runs", `/runs/${many}`, `/runs/${first}/diff/${many}`]) {
    const page = await t.page(to, { width: 320, height: 640 });
    await page.locator(".log-row, [data-run], .diff-row").first().waitFor();
    equal(await overflow(page), 0, to);
  }
});
await site.finish();

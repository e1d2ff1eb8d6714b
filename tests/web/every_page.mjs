// What holds for every page: no finding of axe in either language and theme, nothing sticks out at 320 px, the states of
// loading, failing, offline and forbidden; nine tabs over plain HTTP; typing under five hundred updates a second.
import { ask, assert, axe, equal, overflow, start, until } from "./harness.mjs";
import { flood } from "./flood.mjs";

const site = await start({ flags: [] });
const { server } = site;
const api = (method, path, body, status) =>
  ask(server, method, path, status ?? (method === "POST" ? 201 : 200), { body });

// A little of everything: jobs that work and fail, runs, a paused job, worlds of several kinds.
const jobs = [];
for (const [name, command, more] of [
  ["copia-nocturna", "echo hecho", { category: "BACKUP", labels: { equipo: "datos" } }],
  ["sync-shelly", "echo error: HTTP 503 >&2; exit 1", { category: "SYNC" }],
  [
    "<img src=x onerror=alert(1)>\u202egnp.exe",
    "printf '\\033[31mrojo\\033[0m <script>alert(1)</script>\\n'",
    {},
  ],
])
  jobs.push(
    await api("POST", "/api/cron/jobs", {
      name,
      schedule: "0 3 * * *",
      command: "shell",
      params: { command },
      ...more,
    }),
  );
const runs = [];
for (const job of [...jobs, jobs[0]])
  runs.push(
    (
      await ask(server, "POST", `/api/cron/jobs/${job.id}/run`, 200, {
        body: {},
        headers: { Prefer: "wait=20" },
      })
    ).executionId,
  );
await api("POST", `/api/cron/jobs/${jobs[0].id}/pause`, { for: "1h" }, 200);
for (const id of ["w1", "w2", "w3"])
  await api("POST", "/api/worlds", { id, name: `Ítaca ${id}`, ownerId: "ana" });
await api("POST", "/api/worlds/w2/pause?override=1", {}, 200);

const job = `/jobs/${jobs[1].id}`;
const pages = [
  "/",
  "/jobs",
  "/jobs?q=status:failed",
  "/jobs/new",
  job,
  `${job}/runs`,
  `${job}/history`,
  `${job}/edit`,
  "/runs",
  `/runs/${runs[1]}`,
  `/runs/${runs[0]}/diff/${runs[3]}`,
  "/calendar",
  "/calendar?view=day",
  "/calendar?view=month",
  "/worlds",
  "/worlds/w2",
  "/alerts",
  "/audit",
  "/settings",
  "/settings/limits",
  "/settings/users",
  "/settings/tokens",
  "/settings/about",
  "/configuracion/sistema/cron-manager",
];

/** Shown, and nothing loads any more. */
async function settled(page) {
  await page.locator("main h1").first().waitFor();
  await page.waitForFunction(() => !document.querySelector("main .loading, main [aria-busy=true]"));
}
async function visit(page, path) {
  await page.goto(site.url(path));
  await settled(page);
}

/** All that holds for every page, at one visit of each: axe, 640 px (200 % zoom) and 320 px, one heading, a title. */
async function inspect(t, options) {
  const { width = 1280 } = options;
  const page = await t.page("/login", options);
  const found = [];
  const look = async (path, at) => {
    await page.setViewportSize({ width: at, height: 800 });
    const out = await overflow(page);
    if (out > 0) found.push(`${path}: ${out} px stick out at ${at} px`);
  };
  for (const path of pages) {
    await visit(page, path);
    for (const line of await axe(page)) found.push(`${path}: ${line}`);
    const title = await page.title();
    if (!/. · Sereno$/.test(title)) found.push(`${path}: its title is "${title}"`);
    for (const one of ["h1", "main"]) {
      const count = await page.locator(one).count();
      if (count !== 1) found.push(`${path}: ${count} of ${one}`);
    }
    await look(path, 640);
    await look(path, 320);
    await page.setViewportSize({ width, height: 900 });
  }
  equal(found.join("\n"), "");
}
await site.test("U-12_every_page_is_sound_es_light", (t) => inspect(t, { lang: "es", theme: "light" }));
await site.test("U-12_every_page_is_sound_es_dark", (t) =>
  inspect(t, { lang: "es", theme: "dark", width: 900 }),
);
await site.test("U-12_every_page_is_sound_en_light", (t) =>
  inspect(t, { lang: "en", theme: "light", width: 390 }),
);
await site.test("U-12_every_page_is_sound_en_dark", (t) => inspect(t, { lang: "en", theme: "dark" }));

await site.test("every_page_shows_that_it_loads", async (t) => {
  const context = await site.context(t);
  const page = await context.newPage();
  let release = () => undefined;
  await page.route(/\/api\/(cron|worlds|admin)/, async (route) => {
    if (route.request().url().includes("/stream")) return route.continue();
    await new Promise((done) => {
      const before = release;
      release = () => (before(), done());
    });
    await route.continue().catch(() => undefined);
  });
  for (const path of [
    "/",
    "/jobs",
    job,
    "/runs",
    `/runs/${runs[1]}`,
    "/calendar",
    "/worlds",
    "/worlds/w2",
    "/alerts",
    "/audit",
    "/settings",
  ]) {
    await page.goto(site.url(path));
    await page.locator("main .loading, main [aria-busy=true]").first().waitFor();
    release();
    release = () => undefined;
  }
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

await site.test("every_page_says_what_the_server_could_not", async (t) => {
  const context = await site.context(t);
  const page = await context.newPage();
  let isBroken = true;
  const problem = {
    type: "about:blank",
    title: "Service Unavailable",
    status: 503,
    code: "unavailable",
    detail: "la base de datos no contesta",
    requestId: "abc",
  };
  await page.route(/\/api\/(cron|worlds|admin)/, (route) =>
    isBroken && !route.request().url().includes("/stream")
      ? route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify(problem) })
      : route.continue(),
  );
  for (const path of [
    "/",
    "/jobs",
    job,
    "/runs",
    `/runs/${runs[1]}`,
    "/calendar",
    "/worlds",
    "/worlds/w2",
    "/alerts",
    "/audit",
    "/settings",
  ]) {
    isBroken = true;
    await page.goto(site.url(path));
    await page.getByText("la base de datos no contesta").first().waitFor();
    isBroken = false;
    const again = page.getByRole("button", { name: "Volver a intentar" });
    await until(async () => {
      if (await again.count())
        await again
          .first()
          .click({ timeout: 2000 })
          .catch(() => undefined);
      return (await page.getByText("la base de datos no contesta").count()) === 0;
    }, `${path} to recover`);
  }
  t.problems.splice(0, t.problems.length, ...t.problems.filter((p) => !p.includes("status of 503")));
});

/** A browser that has seen one page and nothing of the one a link of it leads to; what it asks for from then on. */
async function startAt(t, path) {
  const page = await (await site.context(t)).newPage();
  const asked = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!url.pathname.endsWith(".svg")) asked.push(url.pathname + url.search);
  });
  await visit(page, path);
  await until(() => asked.some((url) => /palette\.\w+\.js/.test(url)), "the palette, which comes at idle");
  asked.length = 0;
  const follow = (to) =>
    page.evaluate((href) => {
      const link = document.createElement("a");
      link.href = href;
      document.body.append(link);
      link.click();
      link.remove();
    }, to);
  return { page, asked, follow };
}

const world = ["/api/worlds/w2", "/api/worlds/w2/should-pause", "/api/worlds/w2/history?limit=50"];
const run = (id) => `/api/cron/executions/${id}`;
for (const [path, file, questions] of [
  ["/", "round"],
  ["/jobs", "jobs"],
  ["/jobs/new", "editor"],
  [job, "job", [`/api/cron${job}`, `/api/cron${job}/why`]],
  [`${job}/edit`, "editor", [`/api/cron${job}`]],
  ["/runs", "runs"],
  [`/runs/${runs[1]}`, "run", [run(runs[1]), `${run(runs[1])}/context`, `${run(runs[1])}/output/index`]],
  [`/runs/${runs[0]}/diff/${runs[3]}`, "run-diff", [run(runs[0]), `${run(runs[0])}/output/index`]],
  ["/calendar", "calendar"],
  ["/worlds", "worlds"],
  ["/worlds/w2", "world", world],
  ["/alerts", "alerts", ["/api/cron/alerts"]],
  ["/audit", "audit"],
  ["/settings", "settings", ["/api/cron/settings/fields", "/api/cron/settings"]],
])
  await site.test(
    `all_that${path.replace(/c\w{20,}/g, "ID").replaceAll("/", "_")}_takes_is_asked_for_before_its_code_runs`,
    async (t) => {
      const from = path === "/alerts" ? "/audit" : "/alerts";
      const isFile = (url) => url.startsWith("/assets/");
      const first = await startAt(t, from);
      await first.follow(path);
      await first.page.waitForURL(`**${path}`);
      await settled(first.page);
      const files = first.asked.filter(isFile);
      assert(
        files.some((url) => url.endsWith(".css")) && files.some((url) => url.includes(".es.")),
        files.join(),
      );
      for (const question of questions ?? [])
        equal(first.asked.filter((url) => url === question).length, 1, `${question} is asked once`);
      await first.page.close();

      const { page, asked, follow } = await startAt(t, from);
      let release;
      const held = new Promise((done) => (release = done));
      await page.route(new RegExp(`/assets/${file}\\.[A-Z0-9]+\\.js$`), async (route) => {
        await held;
        await route.continue();
      });
      await follow(path);
      for (const url of [...files, ...(questions ?? [])])
        await until(() => asked.includes(url), `${url} to be asked for`);
      release();
      await settled(page);
    },
  );

await site.test("who_may_not_sees_no_forbidden_action", async (t) => {
  const page = await t.page("/jobs", { role: "viewer" });
  await settled(page);
  for (const path of ["/jobs", job, `/runs/${runs[1]}`]) {
    await visit(page, path);
    for (const name of [/^Ejecutar/, /^Pausar/, /^Borrar/, /^Detener/, /^Nueva tarea/, /^Repetir/])
      equal(
        await page.getByRole("button", { name }).or(page.getByRole("link", { name })).count(),
        0,
        `${path} ${name}`,
      );
  }
  await visit(page, "/jobs/new");
  await page.getByText("Tu cuenta no puede ver esto").waitFor();
  await visit(page, "/audit");
  await page.getByText("Tu cuenta no puede ver esto").waitFor();
  const refused = await page.evaluate(async (id) => {
    const { csrfToken } = await (await fetch("api/auth/session")).json();
    const headers = { "X-CSRF-Token": csrfToken, "Content-Type": "application/json" };
    return (await fetch(`api/cron/jobs/${id}/run`, { method: "POST", headers, body: "{}" })).status;
  }, jobs[0].id);
  equal(refused, 403);
});

await site.test("nine_tabs_are_all_live", async (t) => {
  const context = await site.context(t);
  const tabs = [];
  for (let i = 0; i < 9; i++) {
    const page = await context.newPage();
    await visit(page, `/jobs/${jobs[2].id}/runs`);
    tabs.push(page);
  }
  const started = await ask(server, "POST", `/api/cron/jobs/${jobs[2].id}/run`, 200, {
    body: {},
    headers: { Prefer: "wait=20" },
  });
  for (const page of tabs) await page.locator(`a[href$="/runs/${started.executionId}"]`).first().waitFor();
});

await site.test("typing_is_never_disturbed_by_500_updates_a_second", async (t) => {
  const many = [];
  for (let i = 0; i < 60; i++)
    many.push(
      await api("POST", "/api/cron/jobs", {
        name: `marea-${i}`,
        schedule: "0 4 1 1 *",
        command: "shell",
        params: { command: "true" },
      }),
    );
  const list = await ask(server, "GET", "/api/cron/jobs/compact?limit=40&lang=es", 200);
  const door = await flood(server, many, 500, list);
  const context = await site.context(t);
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${door.port}/jobs`);
  await settled(page);
  await page.locator("main").getByText("marea-0").first().waitFor();
  const before = door.sent();
  await until(() => door.sent() > before + 500, "a second of updates");
  const filter = page.locator("[data-filter]").first();
  await filter.focus();
  await filter.pressSequentially("marea-1", { delay: 20 });
  equal(await filter.inputValue(), "marea-1");
  assert(await filter.evaluate((input) => input === document.activeElement), "the focus stays");
  await filter.fill("");
  await page.keyboard.press("Escape");
  await page.evaluate(() => window.scrollTo(0, 300));
  await page.evaluate(() => getSelection().selectAllChildren(document.querySelector("h1")));
  const place = () => page.evaluate(() => [Math.round(window.scrollY), String(getSelection())]);
  const was = await place();
  const mark = door.sent();
  await until(() => door.sent() > mark + 1000, "two seconds of updates");
  equal(await place(), was);
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  assert(nodes < 2500, `${nodes} nodes`);
  await context.close();
  await door.stop();
});

await site.test("U-12_keyboard_alone_reaches_everything", async (t) => {
  const page = await t.page("/jobs");
  await settled(page);
  await page.keyboard.press("Tab");
  equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Buscar o mandar" }).waitFor();
  await page.keyboard.type("ejecuciones");
  await page.getByRole("option", { name: /Ejecuciones/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Ejecuciones" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("w");
  await page.getByRole("heading", { level: 1, name: "Mundos" }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Teclado" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

await site.test("what_is_chosen_in_the_palette_fits_what_was_typed", async (t) => {
  const page = await t.page("/jobs");
  await settled(page);
  await page.keyboard.press("Control+k");
  await page.getByRole("option", { name: /Ronda/ }).waitFor(); // what the empty box offers
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route("**/api/cron/jobs*", async (route) => {
    await held;
    await route.continue();
  });
  await page.keyboard.type("ejecuciones");
  await page.keyboard.press("Enter"); // before the answer is there
  release();
  await page.getByRole("heading", { level: 1, name: "Ejecuciones" }).waitFor();
});

await site.test("U-11_language_and_theme_change_at_once", async (t) => {
  const page = await t.page("/jobs", { lang: "es" });
  await settled(page);
  await page.locator(".prefs-button").click();
  await page.getByLabel("Idioma").selectOption("en");
  await page.getByRole("heading", { level: 1, name: "Jobs" }).waitFor();
  await page.getByLabel("Theme").selectOption("dark");
  equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "dark");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Jobs" }).waitFor();
  equal(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme]), [
    "en",
    "dark",
  ]);
});

await site.test("a_lost_connection_is_said_and_found_again", async (t) => {
  const door = await flood(server, jobs, 0); // keeps its port while the server comes back on another
  const context = await site.context(t);
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${door.port}/jobs`);
  await settled(page);
  await server.stop();
  await page.getByText("Sin conexión con el servidor").waitFor();
  await server.start();
  await page.getByText("Sin conexión con el servidor").waitFor({ state: "detached", timeout: 60_000 });
  t.problems.length = 0; // the browser notes each request that failed meanwhile
  await context.close();
  await door.stop();
});

await site.finish();

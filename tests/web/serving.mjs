// How the server gives the interface away: pages, hashed files, components; and all of it below a proxy's path.
import { ask, assert, axe, equal, request, start, until } from "./harness.mjs";

const site = await start({ env: { SERENO_HTTP_BASE_PATH: "/sereno" } });
const { server } = site;
const get = (path, headers = {}, method = "GET") => request(server, method, path, { token: null, headers });
const index = await get("/sereno/");
const file = (end) => new RegExp(`"(assets/[^"]+${end})"`).exec(index.text)[1];

await site.test("every_page_is_the_same_document", async () => {
  for (const path of [
    "/",
    "/login",
    "/jobs",
    "/jobs/17/history",
    "/runs/1/diff/2",
    "/calendar",
    "/worlds/w",
    "/alerts",
    "/audit",
    "/settings/users",
  ]) {
    const got = await get("/sereno" + path + "?tab=x");
    equal(
      [got.status, got.headers["content-type"], got.headers["cache-control"]],
      [200, "text/html; charset=utf-8", "no-cache"],
      path,
    );
    assert(got.text.includes('<base href="/sereno/">'), path);
  }
});
await site.test("the_seeds_path_is_the_jobs_page", async () => {
  // C-70
  const got = await get("/configuracion/sistema/cron-manager");
  equal(got.status, 200);
  assert(got.text.includes("<title>Tareas · Sereno</title>"), got.text);
});
await site.test("unknown_paths_stay_problems", async () => {
  for (const path of ["/api/nothing", "/nothing", "/assets/nothing.js", "/assets/../etc"]) {
    const got = await get(path);
    assert(
      [400, 404].includes(got.status) && got.headers["content-type"] === "application/problem+json",
      `${path} ${got.status}`,
    );
  }
  equal((await get("/jobs", {}, "DELETE")).status, 405);
});
await site.test("a_browser_that_asks_for_an_unknown_path_gets_a_page", async () => {
  const Accept = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
  for (const path of ["/nothing", "/sereno/nothing/at/all", "/jobs.html"]) {
    const got = await get(path, { Accept });
    equal(
      [got.status, got.headers["content-type"], got.headers["cache-control"], got.headers.etag],
      [404, "text/html; charset=utf-8", "no-store", undefined],
      path,
    );
    assert(got.text.includes("<title>Página desconocida · Sereno</title>"), path);
    equal((await get(path, { Accept }, "HEAD")).status, 404);
    equal((await get(path, { Accept }, "POST")).headers["content-type"], "application/problem+json", path);
    equal((await get(path, { Accept: "*/*" })).headers["content-type"], "application/problem+json", path);
  }
  for (const path of ["/api", "/api/nothing", "/sereno/api/cron/nothing", "/assets/nothing.js"])
    equal((await get(path, { Accept })).headers["content-type"], "application/problem+json", path);
});
await site.test("an_unknown_page_says_so_in_the_readers_language_and_leads_back", async (t) => {
  for (const [lang, title, text, back] of [
    ["es", "Página desconocida", "No hay ninguna página en /rondá.", "Ir a la Ronda"],
    ["en", "Unknown page", "There is no page at /rondá.", "Go to the Round"],
  ]) {
    const page = await t.page("/rond%C3%A1", { lang });
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    await page.getByText(text).waitFor();
    equal(await axe(page), [], lang);
    await page.getByRole("link", { name: back }).click();
    await page.waitForURL("**/sereno/");
  }
});
await site.test("a_page_that_is_known_is_not_sent_again", async () => {
  equal(
    (await get("/sereno/jobs", { "If-None-Match": (await get("/sereno/jobs")).headers.etag })).status,
    304,
  );
  equal((await get("/sereno/jobs", { "If-None-Match": '"else"' })).status, 200);
});
await site.test("files_are_packed_and_kept_for_ever", async () => {
  const path = "/sereno/" + file("\\.js");
  const plain = await get(path),
    br = await get(path, { "Accept-Encoding": "gzip, br" }),
    gzip = await get(path, { "Accept-Encoding": "br;q=0, gzip" });
  equal(
    [plain.headers["content-encoding"], br.headers["content-encoding"], gzip.headers["content-encoding"]],
    [undefined, "br", "gzip"],
  );
  for (const got of [plain, br, gzip])
    equal(
      [got.headers["cache-control"], got.headers.vary],
      ["public, max-age=31536000, immutable", "Accept-Encoding"],
    );
  equal(new Set([plain, br, gzip].map((got) => got.headers.etag)).size, 3);
  assert(Number(br.headers["content-length"]) < Number(plain.headers["content-length"]), "smaller");
  equal((await get(path, { "If-None-Match": br.headers.etag, "Accept-Encoding": "br" })).status, 304);
  const head = await get(path, {}, "HEAD");
  equal([head.status, head.text, head.headers["content-length"]], [200, "", plain.headers["content-length"]]);
});
await site.test("what_a_page_needs_first_is_named", async () => {
  const link = index.headers.link;
  for (const end of ["\\.css", "\\.js", "\\.woff2"])
    assert(link.includes(`</sereno/${file(end)}>`), `${end} in ${link}`);
});
await site.test("components_are_for_everybodys_pages", async () => {
  const got = await get("/sereno/embed/v1/sereno-world.js");
  equal(
    [got.status, got.headers["access-control-allow-origin"], got.headers["cache-control"]],
    [200, "*", "public, max-age=300"],
  );
});
await site.test("the_policy_is_strict", async () => {
  const policy = index.headers["content-security-policy"];
  for (const part of [
    "default-src 'none'",
    "script-src 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types sereno",
  ])
    assert(policy.includes(part), part);
  assert(!/unsafe|\*|https?:/.test(policy), policy);
  assert(!/<script>|<style|style=|onclick/.test(index.text), "no inline code");
});
await site.test("what_is_made_below_a_path_knows_it", async () => {
  const made = await ask(server, "POST", "/sereno/api/auth/login-links", 201, { body: {} });
  equal(made.url, `${site.origin}/sereno${made.path}`);
  const got = await request(server, "POST", "/sereno/api/auth/login-link", {
    body: { secret: made.path.slice("/#login=".length) },
    token: null,
  });
  assert(/^sereno=[^;]+; Path=\/sereno;/.test(got.headers["set-cookie"][0]), got.headers["set-cookie"][0]);
  const job = await request(server, "POST", "/sereno/api/cron/jobs", {
    body: { name: "below", schedule: "0 3 * * *", command: "shell", params: { command: "true" } },
  });
  assert(job.headers.location?.startsWith("/sereno/api/cron/jobs/"), job.text);
  equal((await ask(server, "GET", "/sereno/api/openapi.json", 200)).servers, [{ url: "/sereno" }]);
});
await site.test("a_page_opened_by_its_address_comes_side_by_side_with_the_shell", async (t) => {
  const page = await (await site.context(t, { lang: "en" })).newPage();
  const asked = [];
  page.on("request", (r) => asked.push(new URL(r.url()).pathname));
  let release;
  const held = new Promise((done) => (release = done));
  await page.route(/\/assets\/main\.[A-Z0-9]+\.js$/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(site.url("/runs"), { waitUntil: "commit" });
  for (const name of [/runs\.[A-Z0-9]+\.js/, /runs\.en\.[A-Z0-9]+\.js/, /common\.en\./, /runs\.\w+\.css/])
    await until(() => asked.some((url) => url.startsWith("/sereno/assets/") && name.test(url)), `${name}`);
  assert(!asked.some((url) => url.includes(".es.")), "no other language's words");
  release();
  await page.locator("main h1").waitFor();
});
await site.test("the_interface_works_below_a_path", async (t) => {
  const page = await t.page("/jobs");
  await page.locator("nav.side").waitFor();
  await page.locator("nav.side").getByRole("link", { name: "Ajustes" }).click();
  await page.getByRole("heading", { name: "Ajustes", level: 1 }).waitFor();
  equal(new URL(page.url()).pathname, "/sereno/settings");
});
await site.finish();

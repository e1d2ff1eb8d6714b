// What holds on every page: who is logged in, the way back, keys, dialogs, what cannot be lost.
import { ask, assert, equal, request, start, until } from "./harness.mjs";

const site = await start();
const { server } = site;
const make = (name, command, more = {}) =>
  ask(server, "POST", "/api/cron/jobs", 201, {
    body: { name, schedule: "0 3 1 1 *", command: "shell", params: { command }, ...more },
  });
const runs = async (name) => (await ask(server, "GET", `/api/cron/jobs/${name}/executions`, 200)).data;
const runIt = (name) =>
  request(server, "POST", `/api/cron/jobs/${name}/run`, { body: {}, headers: { Prefer: "wait=20" } });
const focused = (page) =>
  page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || "");
for (const [name, role] of [
  ["eva", "viewer"],
  ["pau", "editor"],
])
  await ask(server, "POST", "/api/admin/users", 201, { body: { name, role, password: site.password } });

async function logIn(page, name) {
  await page.locator("input[autocomplete=username]").fill(name);
  await page.locator("input[type=password]").fill(site.password);
  await page.locator("button[type=submit]").click();
  await page.locator("nav.side").waitFor();
}
async function logOut(page, name) {
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.locator("input[autocomplete=username]").waitFor();
}
const uno = await make("uno", "true");
const dos = await make("dos", "true");
await runIt("uno");

await site.test("whoever_logs_in_after_a_log_out_is_live_too", async (t) => {
  const page = await t.page("/jobs", { role: null, lang: "en" });
  await logIn(page, "pau");
  await page.locator("[data-job]", { hasText: "uno" }).waitFor();
  await logOut(page, "pau");
  await logIn(page, "eva");
  await page.locator("[data-job]", { hasText: "dos" }).getByText("Never ran").first().waitFor();
  await runIt("dos");
  await page.locator("[data-job]", { hasText: "dos" }).getByText("OK", { exact: true }).waitFor();
});

await site.test("an_edit_outlives_a_session_that_ends_and_is_nobody_elses", async (t) => {
  const page = await t.page(`/jobs/${uno.id}/edit`, { role: null, lang: "en" });
  await logIn(page, "pau");
  const about = page.locator('[data-field="description"] textarea');
  await about.fill("half an hour of work");
  await page.getByText("1 unsaved change").waitFor();
  const { data } = await ask(server, "GET", "/api/admin/sessions", 200);
  for (const s of data.filter((s) => s.user === "pau"))
    await ask(server, "DELETE", `/api/admin/sessions/${s.id}`, 204);
  await page.keyboard.type("!"); // the next question is refused
  await page.getByText("Your session has ended").waitFor();
  await logIn(page, "pau");
  await about.waitFor();
  assert((await about.inputValue()).startsWith("half an hour of work"), await about.inputValue());
  await page.getByText("1 unsaved change").waitFor();
  await page.getByRole("button", { name: "pau", exact: true }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("dialog").getByText("There are unsaved changes").waitFor();
  await page.getByRole("button", { name: "Keep editing" }).click();
  await page.getByRole("button", { name: "Undo the changes" }).click();
  await logOut(page, "pau");
});

await site.test("a_login_link_counts_although_somebody_is_logged_in", async (t) => {
  const { path } = await ask(server, "POST", "/api/auth/login-links", 201, { body: { user: "eva" } });
  const page = await t.page(path, { role: "admin", lang: "en" });
  await page.getByRole("button", { name: "eva", exact: true }).waitFor();
  assert(!page.url().includes("login="), `the secret is out of the address: ${page.url()}`);
});

await site.test("a_role_that_changes_changes_what_is_shown", async (t) => {
  const page = await t.page("/jobs", { role: null, lang: "en" });
  await logIn(page, "pau");
  await page.getByRole("link", { name: /New job/ }).waitFor();
  await page.route("**/api/auth/session", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), role: "viewer" } });
  });
  await page.route("**/run", (route) => route.fulfill({ status: 403, json: { code: "forbidden" } }));
  await page.getByRole("button", { name: "Run uno" }).click();
  await page.getByRole("link", { name: /New job/ }).waitFor({ state: "detached" });
  equal(await page.getByRole("button", { name: "Run uno" }).count(), 0);
});

await site.test("a_key_held_down_does_a_deed_once", async (t) => {
  const page = await t.page(`/jobs/${uno.id}`, { lang: "en" });
  await page.getByRole("heading", { name: "uno" }).waitFor();
  const before = (await runs("uno")).length;
  await page.keyboard.down("R");
  for (let i = 0; i < 8; i++) await page.keyboard.down("R"); // as the keyboard repeats it
  await page.keyboard.up("R");
  await until(async () => (await runs("uno")).length > before, "it runs");
  await runIt("uno");
  equal((await runs("uno")).length, before + 2, "once by the key, once by us");
});

await site.test("letters_that_are_off_can_be_turned_on_again_and_boxes_take_none", async (t) => {
  const page = await t.page("/jobs", { lang: "en" });
  await page.getByRole("checkbox", { name: "Select uno" }).check();
  await page.keyboard.press("x"); // the box has the focus, and its row is the current one
  await until(async () => !(await page.getByRole("checkbox", { name: "Select uno" }).isChecked()), "by x");
  await page.keyboard.press("?");
  await page.getByLabel("One-letter shortcuts").uncheck();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "la-admin" }).click();
  await page.getByRole("button", { name: "Keyboard" }).click();
  await page.getByLabel("One-letter shortcuts").check();
});

await site.test("text_dragged_over_the_edge_of_a_dialog_does_not_close_it", async (t) => {
  const page = await t.page("/jobs?q=uno", { lang: "en" });
  await page.getByRole("button", { name: "Save view" }).click();
  const input = page.getByLabel("Name of the view");
  await input.fill("Those of today");
  const box = await input.boundingBox();
  await page.mouse.move(box.x + 60, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(4, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up();
  equal(await input.inputValue(), "Those of today");
  await page.mouse.click(4, 4);
  await input.waitFor({ state: "detached" });
});

await site.test("another_thing_is_another_page", async (t) => {
  const gone = await make("fugaz", "true");
  const page = await t.page(`/jobs/${uno.id}`, { lang: "en" });
  await page.getByRole("heading", { name: "uno" }).waitFor();
  await page.evaluate((id) => history.pushState(null, "", `/jobs/${id}`), gone.id);
  await page.goBack();
  await ask(server, "DELETE", `/api/cron/jobs/${gone.id}`, 204);
  await page.goForward();
  await page.getByText("fugaz was deleted").waitFor();
  equal(
    await page.getByRole("heading", { name: "uno" }).count(),
    0,
    "nothing of the one before is shown as its",
  );
});

/** A job in the list, and its row once it is there. */
async function listed(name) {
  const { id } = await ask(server, "POST", "/api/cron/jobs", 201, {
    body: { name, schedule: "0 4 * * *", command: "selftest" },
  });
  const change = () => ask(server, "PATCH", `/api/cron/jobs/${id}`, 200, { body: { schedule: "0 5 * * *" } });
  return { change, row: (page) => page.locator(`[data-job="${id}"]`) };
}

await site.test("what_happens_before_the_stream_opens_is_seen", async (t) => {
  const { change, row } = await listed("antes");
  const context = await site.context(t, { lang: "en" });
  await context.addInitScript(() => delete window.SharedWorker); // whose stream cannot be held
  let free;
  const opened = new Promise((go) => (free = go));
  await context.route("**/api/cron/stream?*", async (route) => {
    await opened;
    await route.continue();
  });
  const page = await t.page("/jobs", { context });
  await row(page).getByText("At 04:00").waitFor();
  await change();
  free();
  await row(page).getByText("At 05:00").waitFor();
});

await site.test("a_list_that_was_on_its_way_when_the_stream_opened_is_read_again", async (t) => {
  const { change, row } = await listed("mientras");
  const context = await site.context(t, { lang: "en" });
  await context.addInitScript(() => delete window.SharedWorker);
  const page = await context.newPage();
  let free;
  const changed = new Promise((go) => (free = go));
  const opened = page.waitForResponse(/cron\/stream/);
  await page.route("**/api/cron/stream?*", async (route) => {
    await changed;
    await route.continue();
  });
  let isFirst = true;
  await page.route("**/api/cron/jobs/compact?*", async (route) => {
    if (!isFirst) return route.continue();
    isFirst = false;
    const old = await route.fetch();
    await change();
    free();
    await opened;
    await route.fulfill({ response: old });
  });
  await page.goto(site.url("/jobs"));
  await row(page).getByText("At 05:00").waitFor();
});

await site.test("a_job_deleted_while_one_looks_at_it_says_so", async (t) => {
  const gone = await make("efímera", "true");
  const page = await t.page(`/jobs/${gone.id}`, { lang: "en" });
  await page.getByRole("heading", { name: "efímera" }).waitFor();
  await ask(server, "DELETE", `/api/cron/jobs/${gone.id}`, 204);
  await page.getByText("efímera was deleted").waitFor();
});

await site.test("the_focus_is_never_lost_on_the_way", async (t) => {
  const page = await t.page(`/jobs/${uno.id}`, { lang: "en" });
  const tab = page.getByRole("navigation", { name: "Parts of the job" }).getByRole("link", { name: "Runs" });
  await tab.focus();
  await page.keyboard.press("Enter");
  await page.locator(".job-runs").waitFor();
  equal(await focused(page), "Runs", "a tab keeps it");
  await page.locator(".job-runs tbody a").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/runs\/c/);
  await until(async () => (await focused(page)) === "main", "a page that has come takes it");
});

await site.test("the_way_back_leads_to_where_one_was", async (t) => {
  for (let i = 0; i < 60; i++) await make(`lista-${String(i).padStart(2, "0")}`, "true");
  const page = await t.page("/jobs?q=lista", { lang: "en", height: 500 });
  await page.locator("[data-job]", { hasText: "lista-00" }).waitFor();
  await page.evaluate(() => window.scrollTo(0, 1400));
  const link = page.locator("[data-job] .name a", { hasText: "lista-35" });
  await link.click();
  await page.getByRole("heading", { name: "lista-35" }).waitFor();
  equal(await page.evaluate(() => window.scrollY), 0);
  await page.goBack();
  await link.waitFor();
  await until(async () => (await page.evaluate(() => window.scrollY)) === 1400, "the same place");
});

await site.finish();

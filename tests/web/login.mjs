// Logging in, by the browser (C-137).
import { ask, assert, axe, equal, overflow, start, until } from "./harness.mjs";

const site = await start();
const { server } = site;
await ask(server, "POST", "/api/admin/users", 201, {
  body: { name: "eva", role: "viewer", password: site.password },
});
const inside = (page) => page.locator("nav.side").waitFor();
const where = (page) => new URL(page.url()).pathname + new URL(page.url()).search + new URL(page.url()).hash;
const linkFor = async (user) =>
  (await ask(server, "POST", "/api/auth/login-links", 201, { body: { user } })).path;

async function type(page, name, password) {
  await page.locator("input[autocomplete=username]").fill(name);
  await page.locator("input[type=password]").fill(password);
  await page.locator("button[type=submit]").click();
}

await site.test("a_password_logs_in_where_one_wanted_to_go", async (t) => {
  const page = await t.page("/jobs?status=failed", { role: null });
  await page.getByRole("heading", { name: "Sereno" }).waitFor();
  await type(page, "eva", site.password);
  await inside(page);
  equal(where(page), "/jobs?status=failed");
});

await site.test("a_login_link_logs_in_once_and_leaves_no_secret", async (t) => {
  const path = await linkFor("eva");
  const page = await t.page(path, { role: null });
  await inside(page);
  equal(where(page), "/", "the secret is out of the address");
  const again = await t.page(path, { role: null, lang: "en" });
  await again.getByRole("alert").getByText("used already").waitFor();
});

await site.test("a_wrong_password_says_so_and_keeps_the_name", async (t) => {
  const page = await t.page("/", { role: null, lang: "en" });
  await type(page, "eva", "not this one at all");
  await page.getByRole("alert").getByText("The name or the password is wrong.").waitFor();
  equal(await page.getByLabel("Name").inputValue(), "eva");
  equal(await page.evaluate(() => document.activeElement?.getAttribute("type")), "password", "focus");
});

await site.test("too_many_tries_count_the_seconds_down", async (t) => {
  const page = await t.page("/", { role: null });
  for (let i = 0; i < 12 && !(await page.getByText(/volver a probar en \d+ s/).isVisible()); i++) {
    const answer = page.waitForResponse("**/api/auth/login");
    await type(page, "nadie", `mala contraseña ${i}`);
    await answer;
    await until(
      async () =>
        (await page.locator("button[aria-busy]").count()) === 0 ||
        (await page.getByText(/volver a probar/).isVisible()),
      "the answer is shown",
    );
  }
  await page.getByRole("alert").getByText("Demasiados intentos").waitFor();
  await page.getByText(/volver a probar en \d+ s/).waitFor();
});

await site.test("a_session_that_ends_asks_to_log_in_again", async (t) => {
  await ask(server, "POST", "/api/admin/users", 201, {
    body: { name: "luz", role: "viewer", password: site.password },
  });
  const page = await t.page(await linkFor("luz"), { role: null });
  await inside(page);
  await ask(server, "PATCH", "/api/admin/users/luz", 200, { body: { role: "operator" } }); // ends her sessions
  await page.reload();
  await page.getByLabel("Nombre").waitFor();
});

await site.test("logging_out_ends_the_session", async (t) => {
  const page = await t.page(await linkFor("eva"), { role: null });
  await inside(page);
  await page.getByRole("button", { name: "eva" }).click();
  await page.getByRole("button", { name: "Cerrar sesión" }).click();
  await page.getByLabel("Nombre").waitFor();
  equal(await page.context().cookies(), []);
});

await site.test("it_is_usable_by_keyboard_alone_and_fits", async (t) => {
  for (const [lang, theme, width] of [
    ["es", "light", 1280],
    ["en", "dark", 320],
  ]) {
    const page = await t.page("/", { role: null, lang, theme, width });
    await page.locator("input[autocomplete=username]").waitFor();
    equal(
      await page.evaluate(() => document.activeElement?.getAttribute("autocomplete")),
      "username",
      "focus",
    );
    equal(await axe(page), []);
    assert((await overflow(page)) <= 0, `sticks out at ${width}`);
    if (width === 320) {
      await page.keyboard.type("eva");
      await page.keyboard.press("Tab");
      await page.keyboard.type(site.password);
      await page.keyboard.press("Enter");
      await inside(page);
    }
  }
});

await site.finish();

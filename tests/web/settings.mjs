// Settings, by the browser (C-74, C-137).
import { ask, assert, axe, equal, overflow, start, until } from "./harness.mjs";

const site = await start();
const { server } = site;
const settings = () => ask(server, "GET", "/api/cron/settings", 200);
const patch = (body) => ask(server, "PATCH", "/api/cron/settings", 200, { body });
const becomes = (name, value) =>
  until(
    async () => JSON.stringify((await settings())[name]) === JSON.stringify(value),
    `${name} is ${value}`,
  );

await site.test("every_setting_can_be_changed", async (t) => {
  // C-74
  const wanted = {
    general: { timezone: "Europe/Lisbon" },
    limits: {
      maxConcurrentJobs: 7,
      defaultTimeout: 90,
      pools: { SYNC: 2 },
      backoffStrategy: "exponential",
      disableAfter: 9,
      escalateAfter: 4,
    },
    retention: {
      keepExecutions: 500,
      cleanupDays: 12,
      keepLastPerJob: 3,
      ledgerDays: 60,
      ledgerRowsPerJob: 5000,
      ledgerRows: 100000,
    },
    notices: {
      alertEmail: "guardia@example.org",
      slackWebhook: "https://hooks.example.org/x",
      webhookUrl: "https://example.org/y",
    },
  };
  const page = await t.page("/settings", { lang: "es" });
  for (const [section, values] of Object.entries(wanted)) {
    await page.goto(site.url(`/settings/${section}`));
    for (const [name, value] of Object.entries(values)) {
      const box = page.locator(`#setting-${name}`);
      if ((await box.evaluate((b) => b.tagName)) === "SELECT") await box.selectOption(String(value));
      else {
        await box.fill(typeof value === "object" ? JSON.stringify(value) : String(value));
        await box.press("Enter");
      }
      const isSecret = ["slackWebhook", "webhookUrl"].includes(name);
      await becomes(name, isSecret ? "***" : value);
    }
  }
  await page.goto(site.url("/settings/general"));
  await page.locator("#setting-isEnabled").selectOption("false");
  await becomes("isEnabled", false);
  await page.locator("#setting-isEnabled").selectOption("true");
  await becomes("isEnabled", true);
  await page.goto(site.url("/settings/notices"));
  await page.locator("#setting-alertOnFailure").selectOption("false");
  await becomes("alertOnFailure", false);
  await page.locator("#setting-alertChannels").fill('["email"]');
  await page.locator("#setting-alertChannels").press("Enter");
  await becomes("alertChannels", ["email"]);
});

await site.test("a_setting_goes_back_to_its_default_and_the_change_can_be_undone", async (t) => {
  await patch({ maxConcurrentJobs: 8 });
  const page = await t.page("/settings/limits", { lang: "en" });
  const row = page.locator(".setting", {
    has: page.locator("#setting-maxConcurrentJobs"),
  });
  await row.getByText("database").waitFor();
  await row.getByText("Default: 5").waitFor();
  await row.getByRole("button", { name: /Back to the default/ }).click();
  await becomes("maxConcurrentJobs", 5);
  await row.getByText("default", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await becomes("maxConcurrentJobs", 8);
});

await site.test("what_does_not_fit_is_said_at_the_field", async (t) => {
  const before = await settings();
  const page = await t.page("/settings/limits");
  for (const [name, text, want] of [
    ["maxConcurrentJobs", "muchas", "Escribe un número"],
    ["defaultTimeout", "0", "Entre 1 y"],
    ["pools", "{oops", "JSON"],
  ]) {
    const box = page.locator(`#setting-${name}`);
    await box.fill(text);
    await box.press("Enter");
    await page.locator(`#setting-${name}-error`).getByText(want).waitFor();
    equal(await box.getAttribute("aria-invalid"), "true");
  }
  await page.goto(site.url("/settings/general"));
  await page.locator("#setting-timezone").fill("Marte/Olympus");
  await page.locator("#setting-timezone").press("Enter");
  await page.locator("#setting-timezone-error").waitFor();
  equal(await settings(), before);
});

await site.test("the_search_finds_settings_and_configuration_keys", async (t) => {
  const page = await t.page("/settings");
  await page.locator("input[type=search]").waitFor(); // the key needs the field it leads to
  await page.keyboard.press("/");
  await page.keyboard.type("zona horaria");
  await page.locator("#setting-timezone").waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".setting").length === 1); // the last letter counts
  equal(new URL(page.url()).searchParams.get("q"), "zona horaria");
  await page.locator("input[type=search]").fill("puerto");
  const row = page.locator(".setting", { hasText: "http.port" }).first();
  await row.getByText("línea de órdenes").waitFor(); // where it comes from
});

await site.test("accounts_are_made_changed_and_deleted", async (t) => {
  const page = await t.page("/settings/users", { lang: "en" });
  await page.getByRole("button", { name: "New account" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("rosa");
  await dialog.getByLabel("Role").selectOption("operator");
  await dialog.getByLabel("Password").fill("short");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.locator(".field.wrong .error").waitFor(); // the server's refusal, at the field
  await dialog.getByLabel("Password").fill(site.password);
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("cell", { name: "rosa", exact: true }).waitFor();
  await page.getByRole("button", { name: "Edit rosa" }).click();
  await dialog.getByLabel("Role").selectOption("editor");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("row", { name: /rosa/ }).getByText("editor").waitFor();
  await page.getByRole("button", { name: "Login link: rosa" }).click();
  const link = await dialog.locator("code").textContent();
  assert(/\/#login=/.test(link), link);
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Delete rosa" }).click();
  await dialog.getByRole("textbox").fill("rosa");
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("cell", { name: "rosa", exact: true }).waitFor({ state: "detached" });
});

await site.test("a_token_is_shown_once_and_revoked", async (t) => {
  const page = await t.page("/settings/tokens");
  await page.getByRole("button", { name: "Nueva ficha" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Nombre").fill("panel");
  await dialog.getByLabel("Papel").selectOption("operator");
  await dialog.getByLabel("Alcance").fill('{"worlds":true}');
  await dialog.getByRole("button", { name: "Guardar" }).click();
  await dialog.locator("code").filter({ hasText: "sr_" }).waitFor();
  const secret = await dialog.locator("code").textContent();
  await dialog.getByRole("button", { name: "Cerrar" }).click();
  await page.reload();
  await page.getByRole("cell", { name: "panel", exact: true }).waitFor();
  assert(!(await page.content()).includes(secret), "shown once");
  await page.getByRole("button", { name: "Revocar panel" }).click();
  await dialog.getByRole("button", { name: "Revocar", exact: true }).click();
  await page.getByRole("cell", { name: "panel", exact: true }).waitFor({ state: "detached" });
});

await site.test("a_backup_says_where_it_is", async (t) => {
  const page = await t.page("/settings/backup");
  await page.getByRole("button", { name: "Hacer una copia ahora" }).click();
  await page.getByText(/backups\/sereno-.*\.db/).waitFor();
});

await site.test("a_viewer_reads_and_changes_nothing", async (t) => {
  const page = await t.page("/settings/users", { role: "viewer" });
  await page.locator("#setting-timezone").waitFor(); // accounts are not shown: the first section is
  equal(await page.locator("#setting-timezone").isDisabled(), true);
  equal(await page.getByRole("link", { name: "Fichas de API" }).count(), 0);
  await ask(server, "GET", "/api/admin/users", 403, {
    token: (
      await ask(server, "POST", "/api/admin/tokens", 201, {
        body: { name: "v", role: "viewer" },
      })
    ).token,
  });
});

await site.test("it_is_accessible_and_fits", async (t) => {
  const sections = [
    "general",
    "limits",
    "notices",
    "worlds",
    "executors",
    "live",
    "users",
    "tokens",
    "sessions",
    "backup",
    "about",
  ];
  for (const [lang, theme, width] of [
    ["es", "light", 1280],
    ["en", "dark", 320],
  ]) {
    const page = await t.page("/settings", { lang, theme, width });
    for (const section of sections) {
      await page.goto(site.url(`/settings/${section}`));
      await page.locator(".settings-body .panel").waitFor();
      await page.locator(".loading").waitFor({ state: "detached" });
      equal(await axe(page), [], `${section} ${lang} ${theme}`);
      assert((await overflow(page)) <= 0, `${section} sticks out at ${width}`);
    }
  }
});

await site.finish();

// The pages of worlds: figures and trend (B-66), the list with its next steps, one world with why and lifeline (U-30), and
// what an admin does in an owner's place.
import path from "node:path";
import { ask, assert, axe, equal, overflow, start } from "./harness.mjs";
import { DAY, HOUR, NOW, sql, stage } from "./worlds_stage.mjs";

const site = await start();
const { server } = site;
await stage(server);
const row = (id) => sql(server, `SELECT * FROM "World" WHERE "id"='${id}'`)[0];
const rowOf = (page, name) => page.getByRole("row").filter({ has: page.getByRole("link", { name }) });
const { timezone: timeZone } = await ask(server, "GET", "/api/cron/settings", 200);
const in_ = (options) => new Intl.DateTimeFormat("es-ES", { timeZone, hourCycle: "h23", ...options });
const days = in_({ weekday: "short", day: "numeric", month: "short" });
const clocks = in_({ hour: "2-digit", minute: "2-digit" });
/** "mié 25 nov, 12:00" as the pages say it. */
const when = (ms) =>
  `${days
    .format(ms)
    .replace(/\./g, "")
    .replace(/^(\p{L}+),/u, "$1")}, ${clocks.format(ms)}`;
const pictures = process.env.SERENO_PICTURES;

await site.test("B-66_figures_trend_reasons_savings_and_resume_rate", async (t) => {
  const page = await t.page("/worlds");
  const counters = page.getByRole("navigation", { name: "Cuántos hay" });
  await counters.getByText("se borrarán").waitFor();
  assert(/12\s*mundos/.test(await counters.innerText()), await counters.innerText());
  await page.getByRole("img", { name: /Pausas por día/ }).waitFor();
  await page.getByText("Por qué se pausaron").waitFor();
  await page.getByText(/pausas han acabado en reactivación/).waitFor();
  await page.getByText("Cómo se calcula").click();
  await page.getByText(/10 eventos emergentes × 0,002/).waitFor();
  await page.getByText("Ver como tabla").click();
  equal(
    (await page
      .getByRole("row")
      .filter({ hasText: /nov|oct/ })
      .count()) >= 30,
    true,
    "a row a day",
  );
  await page.getByRole("link", { name: "7 días", exact: true }).click();
  await page.getByText("en 7 días").first().waitFor();
  assert(page.url().includes("days=7"), page.url());
});

await site.test("B-66_each_number_leads_to_its_list", async (t) => {
  const page = await t.page("/worlds");
  await page.getByRole("link", { name: /se borrarán/ }).click();
  await rowOf(page, "Ítaca").waitFor();
  await rowOf(page, "El Faro").waitFor({ state: "detached" }); // only marked ones
  assert(decodeURIComponent(page.url()).includes("q=deletion:any"), page.url());
});

await site.test("U-30_the_list_says_what_comes_next_and_when", async (t) => {
  const page = await t.page("/worlds");
  const text = async (name) => (await rowOf(page, name).innerText()).replace(/\s+/g, " ");
  await rowOf(page, "Nébula").waitFor();
  const says = async (name, words) => {
    const line = await text(name);
    assert(
      words.every((word) => line.includes(word)),
      `${line} without ${words}`,
    );
  };
  await says("Nébula", ["En pausa", `Se archiva el ${when(NOW + 4 * DAY)}`]);
  await says("El Faro", ["Activo", `Se pausa el ${when(NOW + 22 * HOUR)}`]);
  await says("Ítaca", ["Se borrará", "tras avisar a su dueño, no antes del"]);
  await says(/El jardín/, ["Favorito", "es favorito"]);
  await says("La feria", [`Ninguno hasta su evento del ${when(NOW + 3 * DAY)}`]);
  await says("Pausado a mano", ["En pausa", "lo pausó alguien a mano"]);
  await says("De viaje", ["De vacaciones", `Vuelve solo el ${when(NOW + 12 * DAY)}`]);
  assert((await text(/Olvido/)).includes("<b onclick=alert(1)>"), "names stay text");
});

await site.test("a_filter_that_cannot_be_read_says_where", async (t) => {
  const page = await t.page("/worlds");
  const box = page.locator("[data-filter]");
  await box.fill("nebula");
  await rowOf(page, "Nébula").waitFor();
  await rowOf(page, "El Faro").waitFor({ state: "detached" });
  await box.fill("name>x");
  await page.locator(".worlds-panel [aria-invalid=true]").waitFor();
  await box.fill("zzz");
  await page.getByText("Ningún mundo es así").waitFor();
  equal(await box.inputValue(), "zzz", "nothing eats what is typed");
});

await site.test("B-36_an_admin_resumes_in_the_owner_s_place_and_is_told_so", async (t) => {
  const page = await t.page("/worlds");
  await rowOf(page, "Nébula").getByRole("button", { name: "Reactivar" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("«Nébula» es de ana").waitFor();
  await dialog.getByText("auditoría").waitFor();
  equal(row("nebula").isPaused, 1, "not yet");
  await dialog.getByRole("button", { name: "Hacerlo de todos modos" }).click();
  await rowOf(page, "Nébula").getByText("Activo").waitFor();
  equal(row("nebula").isPaused, 0, "awake");
  const log = await sql(
    server,
    'SELECT "action" FROM "CronAudit" ORDER BY "seq" DESC LIMIT 1',
    "sereno.db",
  ).at(0);
  equal(log?.action, "world.resume.override", "on record");
});

await site.test("B-36_several_are_kept_at_once_and_it_can_be_undone", async (t) => {
  const page = await t.page("/worlds?q=name:alba,umbria");
  await page.getByRole("checkbox", { name: "Elegir los de esta página" }).check();
  await page.getByRole("button", { name: "Hacer favorito" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Hacerlo de todos modos" }).click();
  await page.getByText("2 mundos: es favorito").waitFor();
  equal([row("alba").isFavorite, row("umbria").isFavorite], [1, 1], "kept");
  await page.getByRole("button", { name: "Deshacer" }).click();
  await rowOf(page, "Alba").getByText("Favorito", { exact: true }).waitFor({ state: "detached" });
  equal([row("alba").isFavorite, row("umbria").isFavorite], [0, 0], "undone");
});

await site.test("B-36_undoing_leaves_those_alone_that_were_favourites_before", async (t) => {
  await ask(server, "PUT", "/api/worlds/umbria/favorite?override=1", 200, { body: {} });
  const page = await t.page("/worlds?q=name:alba,umbria");
  await rowOf(page, "Umbría").getByText("Favorito", { exact: true }).waitFor();
  await page.getByRole("checkbox", { name: "Elegir los de esta página" }).check();
  await page.getByRole("button", { name: "Hacer favorito" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Hacerlo de todos modos" }).click();
  await rowOf(page, "Alba").getByText("Favorito", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Deshacer" }).click();
  await rowOf(page, "Alba").getByText("Favorito", { exact: true }).waitFor({ state: "detached" });
  equal([row("alba").isFavorite, row("umbria").isFavorite], [0, 1]);
  await ask(server, "DELETE", "/api/worlds/umbria/favorite?override=1", 200);
});

await site.test("who_only_takes_part_is_shown_no_deed_of_the_owner", async (t) => {
  const at = new Date(NOW + DAY).toISOString();
  await ask(server, "POST", "/api/worlds/jardin/events", 201, { body: { type: "boda", scheduledAt: at } });
  await (await t.page("/", { role: "viewer" })).close(); // its account is there
  const { data } = await ask(server, "GET", "/api/admin/users", 200);
  const { id } = data.find((user) => user.name === "la-viewer");
  await ask(server, "PUT", `/api/worlds/jardin/members/${id}`, 200, { body: {} });
  const page = await t.page("/worlds/jardin?tab=events", { role: "viewer" });
  await page.getByText("boda").waitFor();
  equal(await page.getByRole("button", { name: "Cancelar evento" }).count(), 0);
  sql(server, `UPDATE "World" SET "ownerId"='${id}' WHERE "id"='jardin'`);
  await page.reload();
  await page.getByRole("button", { name: "Cancelar evento" }).waitFor(); // now it is hers
  await page.getByRole("link", { name: "Gestión" }).waitFor();
});

await site.test("U-30_a_world_says_why_and_where_it_stands", async (t) => {
  const page = await t.page("/worlds/itaca");
  await page.getByRole("heading", { level: 1, name: "Ítaca" }).waitFor();
  await page.getByText(/pasó un mes sin actividad/).waitFor();
  const line = page.getByRole("list", { name: /sin actividad/ });
  equal((await line.getByRole("listitem").count()) === 5, true, "five stations");
  await page.getByText("Marcado para borrar").first().waitFor();
  const kept = await t.page("/worlds/jardin", { role: "admin" });
  await kept.getByText("Es favorito: ni se pausa").waitFor();
  await kept.getByText("La cuenta está parada").waitFor();
});

await site.test("a_world_paused_elsewhere_changes_here_by_itself", async (t) => {
  const page = await t.page("/worlds/umbria");
  await page.getByRole("button", { name: "Pausar" }).waitFor();
  await ask(server, "POST", "/api/worlds/umbria/pause?override=1", 200, { body: {} });
  await page.getByRole("button", { name: "Reactivar" }).waitFor();
  await page.getByText("Lo pausaron a mano").waitFor();
});

await site.test("live_changes_take_neither_focus_nor_text", async (t) => {
  const page = await t.page("/worlds");
  const box = page.locator("[data-filter]");
  await rowOf(page, "Puerto de nadie").getByText("Activo").waitFor();
  await box.focus();
  await page.keyboard.type("puer");
  await ask(server, "POST", "/api/worlds/puerto/pause?override=1", 200, { body: {} });
  await rowOf(page, "Puerto de nadie").getByText("En pausa").waitFor();
  await page.keyboard.type("to");
  equal(await box.inputValue(), "puerto", "what was typed");
  equal(await box.evaluate((b) => b === document.activeElement), true, "focus");
  await ask(server, "POST", "/api/worlds/puerto/resume?override=1", 200);
  await rowOf(page, "Puerto de nadie").getByText("Activo").waitFor();
});

await site.test("keys_move_select_and_open", async (t) => {
  const page = await t.page("/worlds");
  await rowOf(page, "El Faro").waitFor();
  for (const key of ["j", "j", "k", "j", "x"]) await page.keyboard.press(key);
  const second = page.locator(".world-list tbody tr").nth(1);
  equal(await second.getByRole("checkbox").isChecked(), true, "the second is selected");
  const name = await second.getByRole("link").innerText();
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name }).waitFor();
});

await site.test("memory_is_read_corrected_and_pinned", async (t) => {
  const page = await t.page("/worlds/saga?tab=memory");
  const inOwnersPlace = page.getByRole("dialog").getByRole("button", { name: "Hacerlo de todos modos" });
  const read = page.getByRole("button", { name: /Leer|Ocultar/ });
  const card = page.locator(".summary").filter({ has: read }).first();
  await card.getByText(/turnos \d+–\d+/).waitFor();
  await card.getByRole("button", { name: "Leer" }).click();
  await card.locator(".turns").getByText("Noche 1: Marta vio").waitFor();
  await card.getByRole("button", { name: "Corregir" }).click();
  await page.getByRole("dialog").getByLabel("Texto del resumen").fill("Marta prometió aceite.");
  await page.getByRole("dialog").getByRole("button", { name: "Guardar" }).click();
  await inOwnersPlace.click();
  await card.getByText("Marta prometió aceite.").waitFor();
  await card.getByRole("button", { name: "Fijar" }).click();
  await inOwnersPlace.click();
  await card.getByText("Fijado").waitFor();
  equal(sql(server, 'SELECT count(*) AS n FROM "WorldSummary" WHERE "isPinned"')[0].n, 1, "pinned");
});

await site.test("the_archive_is_put_back", async (t) => {
  const page = await t.page("/worlds/saga?tab=memory");
  const count = () => sql(server, `SELECT count(*) AS n FROM "WorldInteraction" WHERE "worldId"='saga'`)[0].n;
  const before = count();
  await page.locator(".segments").getByRole("button", { name: "Recuperar" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Hacerlo de todos modos" }).click();
  await page.getByText(/interacciones recuperadas/).waitFor();
  assert(count() > before, `${before} before, ${count()} after`);
});

await site.test("events_are_planned_and_cancelled", async (t) => {
  const page = await t.page("/worlds/puerto?tab=events");
  await page.getByText("Prever un evento").first().click();
  await page.getByLabel("Qué clase").fill("boda");
  await page.getByLabel("Cuándo").fill("2027-01-12T18:30");
  await page.getByRole("button", { name: "Prever un evento" }).click();
  const event = page.getByRole("listitem").filter({ hasText: "boda" });
  await event.waitFor();
  const [saved] = sql(
    server,
    `SELECT "scheduledAt" AS at FROM "WorldEvent" WHERE "type"='boda' AND "worldId"='puerto'`,
  );
  equal(when(Date.parse(saved.at)), "mar 12 ene, 18:30", "in the page's zone");
  await event.getByRole("button", { name: "Cancelar evento" }).click();
  await event.getByText("cancelado").waitFor();
});

await site.test("erasing_wants_the_name_and_says_whose_it_is", async (t) => {
  const page = await t.page("/worlds/viaje?tab=manage");
  await page.getByRole("button", { name: "Borrar para siempre" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("es de ana").waitFor();
  const verb = dialog.getByRole("button", { name: "Borrar para siempre" });
  equal(await verb.isDisabled(), true, "not without the name");
  await dialog.getByLabel(/Escribe/).fill("De viaje");
  await verb.click();
  await page.waitForURL("**/worlds");
  await page.getByText("«De viaje» se ha borrado.").waitFor();
  equal(row("viaje"), undefined, "gone");
});

await site.test("a_viewer_sees_their_own_and_no_admin_s_figures", async (t) => {
  const page = await t.page("/worlds", { role: "viewer" });
  await page.locator(".world-list, .notice").first().waitFor();
  equal(await page.getByText("Ahorro estimado").count(), 0, "no figures");
  equal(await page.getByText("Nébula").count(), 0, "nobody else's");
  await page.goto(site.url("/worlds/nebula"));
  await page.getByText(/no puede ver esto|no hay nada/).waitFor();
});

for (const lang of ["es", "en"])
  for (const theme of ["light", "dark"])
    await site.test(`accessible_${lang}_${theme}`, async (t) => {
      const width = theme === "dark" ? 390 : 1440;
      const context = await site.context(t, { lang, theme, width });
      const page = await t.page("/worlds", { context });
      for (const [name, to, ready] of [
        ["worlds", "/worlds", ".trend-picture"],
        ["world", "/worlds/itaca", ".lifeline"],
        ["protected", "/worlds/jardin", ".lifeline"],
        ["memory", "/worlds/saga?tab=memory", ".summary"],
        ["events", "/worlds/saga?tab=events", ".metrics"],
        ["manage", "/worlds/puerto?tab=manage", ".members"],
      ]) {
        await page.goto(site.url(to));
        await page.locator(ready).first().waitFor();
        if (name === "worlds") await page.locator(".world-list").waitFor();
        if (pictures)
          await page.screenshot({
            path: path.join(pictures, `${name}-${lang}-${width}.png`),
            fullPage: true,
          });
        equal(await axe(page), [], name);
        equal(await overflow(page), 0, `${name} sticks out`);
      }
      await page.setViewportSize({ width: 320, height: 800 });
      for (const to of ["/worlds", "/worlds/itaca"]) {
        await page.goto(site.url(to));
        await page.locator(to === "/worlds" ? ".world-list" : ".lifeline").waitFor();
        equal(await overflow(page), 0, `${to} sticks out at 320 px`);
      }
    });

await site.finish();

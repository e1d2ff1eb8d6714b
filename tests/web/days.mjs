// Days of 23, 25, 23½ and 24½ hours in the pages, by the server's test clock: the browser's own clock is the real one, months
// away, so everything that counts from now shows whose clock the pages follow.
import { assert, equal } from "./harness.mjs";
import { dayOf, days } from "./days_stage.mjs";

const texts = (locator) => locator.allTextContents();
const ready = (page) =>
  page.waitForFunction(() => !document.querySelector("main .loading, main [aria-busy=true]"));

/** x of each labelled tick of the strip, by its text in order. */
const ticks = (page) =>
  page
    .locator(".axis .tick")
    .evaluateAll((all) =>
      all.map((tick) => [tick.textContent, Number.parseFloat(tick.style.insetInlineStart)]),
    );

async function stage(name, body) {
  const site = await dayOf(days[name]);
  try {
    await body(site);
  } finally {
    await site.finish();
  }
}

await stage("madrid_25", async (site) => {
  await site.test("the_pages_follow_the_clock_of_the_server", async (t) => {
    const page = await t.page("/");
    await page.locator(".round-sub time", { hasText: /^dom 25 oct, 02:37:\d\d \+01:00$/ }).waitFor();
    const quarter = page.locator(".next li", { hasText: "cada-cuarto" });
    await quarter.getByText(/^en [78] min$/).waitFor();
    equal(await page.locator(".now-label").textContent(), "02:37");
  });

  await site.test("an_hour_that_comes_twice_is_twice_on_the_strip", async (t) => {
    const page = await t.page("/", { width: 1600 });
    await page.getByText("de las 03:00 se pasa a las 02:00").waitFor();
    const marks = page.locator(".lane[aria-label^='nocturna-siempre:']");
    assert((await marks.getAttribute("aria-label")).includes(": 2 hechas"), "both passes ran");
    await marks.focus();
    await page.keyboard.press("ArrowLeft");
    await page.locator(".tip").getByText("prevista 02:30:00 +02:00").waitFor();
    await page.keyboard.press("ArrowRight");
    await page.locator(".tip").getByText("prevista 02:30:00 +01:00").waitFor();
    await page.goto(site.url("/?from=2026-10-24T22:00:00Z&to=2026-10-25T06:00:00Z"));
    await page.locator(".axis .tick", { hasText: "05:00" }).waitFor();
    const found = await ticks(page);
    const two = found.filter(([text]) => text === "02:00");
    assert(two.length === 2, `both passes have their tick: ${found.map(([text]) => text)}`);
    const hour = (await page.locator(".lane").first().boundingBox()).width / 8;
    assert(Math.abs(two[1][1] - two[0][1] - hour) < 1, "an hour apart");
  });

  await site.test("the_calendar_tells_the_two_passes_apart", async (t) => {
    const page = await t.page("/calendar?view=day");
    await page.locator("table.heat").waitFor();
    equal((await texts(page.locator("tbody th"))).slice(1, 5), [
      "01:00",
      "02:00 +02:00",
      "02:00 +01:00",
      "03:00",
    ]);
    equal(await page.locator("a.cell").count(), 25);
    equal(await page.locator("thead .note").textContent(), "25 h: cambia la hora");
    const passes = page.locator("tbody tr", { has: page.getByRole("rowheader", { name: /^02:00/ }) });
    for (const i of [0, 1])
      assert(
        (await passes.nth(i).locator("a.cell").getAttribute("title")).includes("ejecuciones"),
        "ran in both",
      );
    const week = await t.page("/calendar");
    await week.locator("table.heat").waitFor();
    const twice = week.locator("tbody tr", { has: week.getByRole("rowheader", { name: "02:00 +01:00" }) });
    equal([await twice.locator(".cell").count(), await week.locator(".cell.absent").count()], [1, 0]);
  });

  await site.test("runs_and_next_runs_of_a_repeated_hour_say_which", async (t) => {
    const page = await t.page(`/jobs/${site.jobs.both.id}/runs`);
    await page.locator(".job-runs tbody tr").nth(1).waitFor();
    const started = await texts(page.locator(".job-runs tbody td:nth-child(2) > time"));
    equal(started.slice(0, 2), ["02:30:00 +01:00", "02:30:00 +02:00"]);
    const editor = await t.page(`/jobs/${site.jobs.quarter.id}/edit`);
    await editor.locator(".next-runs li").first().waitFor();
    equal(await texts(editor.locator(".next-runs li .strong").first()), ["02:45"]);
    equal(await texts(editor.locator(".next-runs li .num:nth-child(3)").first()), ["+01:00"]);
  });
});

await stage("madrid_23", async (site) => {
  await site.test("an_hour_that_never_comes_is_no_hour", async (t) => {
    const page = await t.page("/", { lang: "en", width: 1600 });
    await page.locator(".round-sub time", { hasText: /^Sun 29 Mar, 03:37:\d\d$/ }).waitFor();
    const hours = (await ticks(page)).map(([text]) => text).filter(Boolean);
    assert(!hours.includes("02:00"), hours.join(" "));
    const day = await t.page("/calendar?view=day");
    await day.locator("table.heat").waitFor();
    equal([await day.locator("a.cell").count(), await day.locator(".cell.absent").count()], [23, 1]);
    await ready(day);
  });

  await site.test("a_daily_job_of_the_missing_hour_runs_at_its_end", async (t) => {
    const page = await t.page(`/jobs/${site.jobs.once.id}/runs`);
    await page.locator(".job-runs tbody tr").first().waitFor();
    equal(await texts(page.locator(".job-runs tbody td:nth-child(2) > time")), ["03:00:00"]);
    const skip = await t.page(`/jobs/${site.jobs.skip.id}`);
    await skip.locator(".job-facts").getByText("30 mar 02:30").waitFor();
  });
});

await stage("york_25", async (site) => {
  await site.test("the_preview_shows_the_clock_being_set_back", async (t) => {
    const editor = await t.page(`/jobs/${site.jobs.quarter.id}/edit`, { lang: "en", theme: "dark" });
    const rows = editor.locator(".next-runs li");
    await rows.nth(1).locator(".change").getByText("−05:00").waitFor();
    equal((await texts(rows.locator(".strong"))).slice(0, 3), ["01:45", "01:00", "01:15"]);
    const overview = await t.page(`/jobs/${site.jobs.both.id}`, { lang: "en" });
    await overview
      .locator(".job-warnings")
      .getByText(/fires at both passes|both/)
      .waitFor();
  });
});

await stage("howe_24_30", async (site) => {
  await site.test("half_an_hour_that_comes_twice_is_half_an_hour", async (t) => {
    const page = await t.page("/calendar?view=day");
    await page.locator("table.heat").waitFor();
    equal((await texts(page.locator("tbody th"))).slice(1, 4), ["01:00", "01:30 +10:30", "02:00"]);
    equal(await page.locator("thead .note").textContent(), "24,5 h: cambia la hora");
    const round = await t.page("/", { theme: "dark" });
    await round.getByText("de las 02:00 se pasa a las 01:30").waitFor();
    await round
      .locator(".next li", { hasText: "nocturna-siempre" })
      .getByText(/^en [45] min$/)
      .waitFor();
  });
});

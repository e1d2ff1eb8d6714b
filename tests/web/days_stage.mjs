// A server that lives through a day on which the clock of its zone changes, by the test clock, with jobs that meet the
// change: every hour, every quarter, and at the minute that comes twice or never, by each policy.
import { moveClock } from "../api/lib.mjs";
import { ask, start } from "./harness.mjs";

/** `at`: "M H" of the daily jobs. `now`: when the pages are looked at, at most a day after `begin`. */
export async function dayOf({ zone, begin, now, at }) {
  const site = await start({ clockAt: begin });
  const { server } = site;
  await ask(server, "PATCH", "/api/cron/settings", 200, { body: { timezone: zone } });
  const job = (name, schedule, more = {}) =>
    ask(server, "POST", "/api/cron/jobs", 201, {
      body: { name, schedule, command: "shell", params: { command: "true" }, ...more },
    });
  const jobs = {};
  // how the machine of the tests is doing is no part of the picture
  await ask(server, "PATCH", "/api/cron/jobs/system_health_check", 200, { body: { isActive: false } });
  jobs.hourly = await job("cada-hora", "0 * * * *", { category: "MAINTENANCE" });
  jobs.quarter = await job("cada-cuarto", "*/15 * * * *", { category: "SYNC" });
  jobs.once = await job("nocturna", `${at} * * *`, { category: "BACKUP" });
  jobs.both = await job("nocturna-siempre", `${at} * * *`, { category: "BACKUP", dst: "both" });
  jobs.skip = await job("nocturna-nunca-movida", `${at} * * *`, { category: "BACKUP", dst: "skip" });
  const text = await moveClock(server, `set ${now}`);
  if (!text.startsWith("ok")) throw new Error(text);
  return { ...site, jobs };
}

/** The days: put forward, set back, in zones of whole hours and of a half, before and after the change. */
export const days = {
  madrid_23: {
    zone: "Europe/Madrid",
    begin: "2026-03-28T12:30:00Z",
    now: "2026-03-29T01:37:00Z", // 03:37
    at: "30 2",
  },
  madrid_25: {
    zone: "Europe/Madrid",
    begin: "2026-10-24T12:30:00Z",
    now: "2026-10-25T01:37:00Z", // 02:37, for the second time
    at: "30 2",
  },
  york_23: {
    zone: "America/New_York",
    begin: "2026-03-07T18:00:00Z",
    now: "2026-03-08T05:10:00Z", // 00:10, still to come
    at: "30 2",
  },
  york_25: {
    zone: "America/New_York",
    begin: "2026-10-31T18:00:00Z",
    now: "2026-11-01T05:37:00Z", // 01:37, for the first time
    at: "30 1",
  },
  howe_24_30: {
    zone: "Australia/Lord_Howe",
    begin: "2026-04-04T03:00:00Z",
    now: "2026-04-04T15:10:00Z", // 01:40, for the second time
    at: "45 1",
  },
  howe_23_30: {
    zone: "Australia/Lord_Howe",
    begin: "2026-10-03T03:00:00Z",
    now: "2026-10-03T16:10:00Z", // 03:10
    at: "15 2",
  },
};

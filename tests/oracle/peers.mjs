// The npm libraries that schedules are compared with, behind one shape: compile(expr, tz) gives an object whose
// next(date) and, where the library has it, prev(date) answer a Date or null. Also used by bench/next.
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import path from "node:path";

const folder = path.join(process.env.SERENO_SOURCE ?? fileURLToPath(new URL("../..", import.meta.url)), "tests/");
const require = createRequire(folder);
const load = async (name) => import(pathToFileURL(require.resolve(name)));

const { Cron } = await load("croner");
const { CronExpressionParser } = await load("cron-parser");
const { createTask } = await load("node-cron");

export const peers = {
  croner: (expr, tz) => {
    const cron = new Cron(expr, { timezone: tz, paused: true });
    return {
      next: (date) => cron.nextRun(date),
      prev: (date) => cron.previousRuns(1, date)[0] ?? null,
    };
  },
  "cron-parser": (expr, tz) => {
    const cron = CronExpressionParser.parse(expr, { tz, currentDate: new Date(0) });
    const step = (date, method) => {
      cron.reset(date);
      return cron[method]().toDate();
    };
    return { next: (date) => step(date, "next"), prev: (date) => step(date, "prev") };
  },
  "node-cron": (expr, tz) => {
    const matcher = createTask(expr, () => {}, { timezone: tz }).timeMatcher;
    return { next: (date) => matcher.getNextMatch(date) };
  },
};

export const versions = Object.fromEntries(
  Object.keys(peers).map((name) => {
    const file = require.resolve(name);
    const root = file.slice(0, file.lastIndexOf(`node_modules/${name}/`) + `node_modules/${name}/`.length);
    return [name, require(path.join(root, "package.json")).version];
  }),
);

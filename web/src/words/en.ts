// All words of the language; each page's words lie in a file of their own.
import { common } from "./common.en";
import { round } from "./round.en";
import { filter } from "./filter.en";
import { jobs } from "./jobs.en";
import { job } from "./job.en";
import { editor } from "./editor.en";
import { runs } from "./runs.en";
import { run } from "./run.en";
import { calendar } from "./calendar.en";
import { worlds } from "./worlds.en";
import { world } from "./world.en";
import { alerts } from "./alerts.en";
import { audit } from "./audit.en";
import { settings } from "./settings.en";
import { login } from "./login.en";
import type { Words } from "./index";

export const en: Words = {
  common,
  filter,
  round,
  jobs,
  job,
  editor,
  runs,
  run,
  calendar,
  worlds,
  world,
  alerts,
  audit,
  settings,
  login,
};

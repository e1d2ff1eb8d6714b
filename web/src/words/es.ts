// All words of the language; each page's words lie in a file of their own.
import { common } from "./common.es";
import { round } from "./round.es";
import { filter } from "./filter.es";
import { jobs } from "./jobs.es";
import { job } from "./job.es";
import { editor } from "./editor.es";
import { runs } from "./runs.es";
import { run } from "./run.es";
import { calendar } from "./calendar.es";
import { worlds } from "./worlds.es";
import { world } from "./world.es";
import { alerts } from "./alerts.es";
import { audit } from "./audit.es";
import { settings } from "./settings.es";
import { login } from "./login.es";

export const es = {
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

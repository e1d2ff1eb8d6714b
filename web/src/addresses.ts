// Every page: where it lives, what it is made of, who may see it. One line a page. Read before anything else is here
// (boot.ts), so it imports nothing that does something.
import { matchPath } from "./base/path";

export type NavKey = "round" | "jobs" | "runs" | "calendar" | "worlds" | "alerts" | "audit" | "settings";

/** Files of pages/. */
export type PageFile =
  | "round"
  | "jobs"
  | "job"
  | "editor"
  | "runs"
  | "run"
  | "run-diff"
  | "calendar"
  | "worlds"
  | "world"
  | "alerts"
  | "audit"
  | "settings";

export interface Address {
  pattern: string;
  file: PageFile;
  /** Which entry of the navigation is lit. */
  nav: NavKey;
  /** Least role that sees anything there. */
  role: "viewer" | "editor" | "admin";
  /** What the page asks first, whoever sees it, `{id}` being the path's: asked while its code is on its way. */
  asks: readonly string[];
}

const page = (
  nav: NavKey,
  pattern: string,
  file: PageFile,
  more: Partial<Pick<Address, "role" | "asks">> = {},
): Address => ({ nav, pattern, file, role: "viewer", asks: [], ...more });

const job = { asks: ["/api/cron/jobs/{id}", "/api/cron/jobs/{id}/why"] };
const settings = { asks: ["/api/cron/settings/fields", "/api/cron/settings"] };

/** The first that matches wins. */
export const addresses: readonly Address[] = [
  page("round", "/", "round"),
  page("round", "/login", "round"), // already logged in
  page("jobs", "/jobs", "jobs"),
  page("jobs", "/configuracion/sistema/cron-manager", "jobs"),
  page("jobs", "/jobs/new", "editor", { role: "editor" }),
  page("jobs", "/jobs/:id", "job", job),
  page("jobs", "/jobs/:id/edit", "editor", { role: "editor", asks: ["/api/cron/jobs/{id}"] }),
  page("jobs", "/jobs/:id/:tab", "job", job),
  page("runs", "/runs", "runs"),
  page("runs", "/runs/:id", "run", {
    asks: [
      "/api/cron/executions/{id}/output/index",
      "/api/cron/executions/{id}",
      "/api/cron/executions/{id}/context",
    ],
  }),
  page("runs", "/runs/:id/diff/:other", "run-diff", {
    asks: ["/api/cron/executions/{id}/output/index", "/api/cron/executions/{id}"],
  }),
  page("calendar", "/calendar", "calendar"),
  page("worlds", "/worlds", "worlds"),
  page("worlds", "/worlds/:id", "world", {
    asks: ["/api/worlds/{id}", "/api/worlds/{id}/should-pause", "/api/worlds/{id}/history?limit=50"],
  }),
  page("alerts", "/alerts", "alerts", { asks: ["/api/cron/alerts"] }),
  page("audit", "/audit", "audit", { role: "admin" }),
  page("settings", "/settings", "settings", settings),
  page("settings", "/settings/:section", "settings", settings),
];

/** Whose address this is. */
export function addressOf(path: string): { address: Address; args: Record<string, string> } | null {
  for (const address of addresses) {
    const args = matchPath(address.pattern, path);
    if (args) return { address, args };
  }
  return null;
}

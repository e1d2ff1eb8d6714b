// Every page: where it lives, how it is loaded. One line a page; the navigation shows those that have an icon.
import type { ComponentType } from "preact";
import type { Role } from "./api/state";
import { late } from "./base/late";
import { matchPath } from "./base/url";
import type { IconName } from "./ui/icon-names";
import { words } from "./words";

export interface PageProps {
  /** Arguments of the path: { id: "c0…" } */
  args: Record<string, string>;
}
/** What one page is, at whatever address. */
interface PageCode {
  /** style/pages/NAME.css is its looks, and nobody else's. */
  name: string;
  load: () => Promise<ComponentType<PageProps>>;
}
export interface PageRoute extends PageCode {
  pattern: string;
  /** Least role that sees anything there. */
  role: Role;
  /** Which entry of the navigation is lit. */
  nav: NavKey;
}
export type NavKey = "round" | "jobs" | "runs" | "calendar" | "worlds" | "alerts" | "audit" | "settings";

export const navigation: readonly { key: NavKey; to: string; icon: IconName; letter: string; role: Role }[] =
  [
    { key: "round", to: "/", icon: "activity", letter: "h", role: "viewer" },
    { key: "jobs", to: "/jobs", icon: "list", letter: "j", role: "viewer" },
    { key: "runs", to: "/runs", icon: "play", letter: "e", role: "viewer" },
    { key: "calendar", to: "/calendar", icon: "calendar", letter: "c", role: "viewer" },
    { key: "worlds", to: "/worlds", icon: "globe", letter: "w", role: "viewer" },
    { key: "alerts", to: "/alerts", icon: "bell", letter: "a", role: "viewer" },
    { key: "audit", to: "/audit", icon: "scroll-text", letter: "u", role: "admin" },
    { key: "settings", to: "/settings", icon: "settings", letter: "s", role: "viewer" },
  ];
export const navText = (key: NavKey): string => words().nav[key];

const round: PageCode = { name: "round", load: async () => (await late(import("./pages/round"))).RoundPage };
const jobs: PageCode = { name: "jobs", load: async () => (await late(import("./pages/jobs"))).JobsPage };
const job: PageCode = { name: "job", load: async () => (await late(import("./pages/job"))).JobPage };
const editor: PageCode = {
  name: "editor",
  load: async () => (await late(import("./pages/editor"))).EditorPage,
};
const runs: PageCode = { name: "runs", load: async () => (await late(import("./pages/runs"))).RunsPage };
const run: PageCode = { name: "run", load: async () => (await late(import("./pages/run"))).RunPage };
const runDiff: PageCode = {
  name: "run",
  load: async () => (await late(import("./pages/run-diff"))).RunDiffPage,
};
const calendar: PageCode = {
  name: "calendar",
  load: async () => (await late(import("./pages/calendar"))).CalendarPage,
};
const worlds: PageCode = {
  name: "worlds",
  load: async () => (await late(import("./pages/worlds"))).WorldsPage,
};
const world: PageCode = { name: "world", load: async () => (await late(import("./pages/world"))).WorldPage };
const alerts: PageCode = {
  name: "alerts",
  load: async () => (await late(import("./pages/alerts"))).AlertsPage,
};
const audit: PageCode = { name: "audit", load: async () => (await late(import("./pages/audit"))).AuditPage };
const settings: PageCode = {
  name: "settings",
  load: async () => (await late(import("./pages/settings"))).SettingsPage,
};

const page = (nav: NavKey, pattern: string, code: PageCode, role: Role = "viewer"): PageRoute => ({
  nav,
  pattern,
  role,
  ...code,
});
/** The first that matches wins. */
export const routes: readonly PageRoute[] = [
  page("round", "/", round),
  page("round", "/login", round), // already logged in
  page("jobs", "/jobs", jobs),
  page("jobs", "/configuracion/sistema/cron-manager", jobs),
  page("jobs", "/jobs/new", editor, "editor"),
  page("jobs", "/jobs/:id", job),
  page("jobs", "/jobs/:id/edit", editor, "editor"),
  page("jobs", "/jobs/:id/:tab", job),
  page("runs", "/runs", runs),
  page("runs", "/runs/:id", run),
  page("runs", "/runs/:id/diff/:other", runDiff),
  page("calendar", "/calendar", calendar),
  page("worlds", "/worlds", worlds),
  page("worlds", "/worlds/:id", world),
  page("alerts", "/alerts", alerts),
  page("audit", "/audit", audit, "admin"),
  page("settings", "/settings", settings),
  page("settings", "/settings/:section", settings),
];

/** The page of an address. */
export function routeOf(path: string): { route: PageRoute; args: Record<string, string> } | null {
  for (const route of routes) {
    const args = matchPath(route.pattern, path);
    if (args) return { route, args };
  }
  return null;
}

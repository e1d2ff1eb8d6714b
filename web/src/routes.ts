// Every page: where it lives, how it is loaded. One line a page; the navigation shows those that have an icon.
import type { ComponentType } from "preact";
import type { Role } from "./api/state";
import type { IconName } from "./ui/icon-names";
import type { Words } from "./words";

export interface PageProps {
  /** Arguments of the path: { id: "c0…" } */
  args: Record<string, string>;
}
export interface PageRoute {
  pattern: string;
  load: () => Promise<ComponentType<PageProps>>;
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
export const navText = (w: Words, key: NavKey): string => w.common.nav[key];

const page = (nav: NavKey, pattern: string, load: PageRoute["load"], role: Role = "viewer"): PageRoute => ({
  nav,
  pattern,
  load,
  role,
});
const round = async () => (await import("./pages/round")).RoundPage;
const jobs = async () => (await import("./pages/jobs")).JobsPage;
const job = async () => (await import("./pages/job")).JobPage;
const editor = async () => (await import("./pages/editor")).EditorPage;
const settings = async () => (await import("./pages/settings")).SettingsPage;

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
  page("runs", "/runs", async () => (await import("./pages/runs")).RunsPage),
  page("runs", "/runs/:id", async () => (await import("./pages/run")).RunPage),
  page("runs", "/runs/:id/diff/:other", async () => (await import("./pages/run-diff")).RunDiffPage),
  page("calendar", "/calendar", async () => (await import("./pages/calendar")).CalendarPage),
  page("worlds", "/worlds", async () => (await import("./pages/worlds")).WorldsPage),
  page("worlds", "/worlds/:id", async () => (await import("./pages/world")).WorldPage),
  page("alerts", "/alerts", async () => (await import("./pages/alerts")).AlertsPage),
  page("audit", "/audit", async () => (await import("./pages/audit")).AuditPage, "admin"),
  page("settings", "/settings", settings),
  page("settings", "/settings/:section", settings),
];

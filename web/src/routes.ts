// The code of every page, and the navigation, which shows those that have an icon. Where pages live: addresses.ts.
import type { ComponentType } from "preact";
import type { NavKey, PageFile } from "./addresses";
import type { Role } from "./api/state";
import { late } from "./base/late";
import type { IconName } from "./ui/icon-names";
import { words } from "./words";

export interface PageProps {
  /** Arguments of the path: { id: "c0…" } */
  args: Record<string, string>;
}
export type PageComponent = ComponentType<PageProps>;

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

/** Loads the code of a page, its words and looks; again and again: it comes once. */
export const loadPage: Record<PageFile, () => Promise<PageComponent>> = {
  round: async () => (await late(import("./pages/round"))).RoundPage,
  jobs: async () => (await late(import("./pages/jobs"))).JobsPage,
  job: async () => (await late(import("./pages/job"))).JobPage,
  editor: async () => (await late(import("./pages/editor"))).EditorPage,
  runs: async () => (await late(import("./pages/runs"))).RunsPage,
  run: async () => (await late(import("./pages/run"))).RunPage,
  "run-diff": async () => (await late(import("./pages/run-diff"))).RunDiffPage,
  calendar: async () => (await late(import("./pages/calendar"))).CalendarPage,
  worlds: async () => (await late(import("./pages/worlds"))).WorldsPage,
  world: async () => (await late(import("./pages/world"))).WorldPage,
  alerts: async () => (await late(import("./pages/alerts"))).AlertsPage,
  audit: async () => (await late(import("./pages/audit"))).AuditPage,
  settings: async () => (await late(import("./pages/settings"))).SettingsPage,
};

/** style/pages/NAME.css is the looks of a page, and nobody else's; a comparison looks like a run. */
export const looksOf = (file: PageFile): string => (file === "run-diff" ? "run" : file);

// What every page knows: who I am, what I may do, the server's settings that change how pages read.
import { computed, signal } from "@preact/signals";
import { remembered } from "../base/remember";
import { query } from "../base/url";
import { instants } from "../base/format";
import { language } from "../words";
import { ApiError, call, isStranger, setCsrf, type Answer } from "./client";

export type Session = Answer<"GET /api/auth/session">;
export type Role = "none" | "viewer" | "operator" | "editor" | "admin";

/** undefined: not asked yet; null: nobody is logged in. */
export const session = signal<Session | null | undefined>(undefined);

const ladder: readonly Role[] = ["none", "viewer", "operator", "editor", "admin"];
/** Whether the role reaches; what it does not reach is not shown (the server refuses it anyway). */
export const may = (role: Role) => ladder.indexOf(session.value?.role ?? "none") >= ladder.indexOf(role);

/** Figures of the navigation: app.tsx hears them on the live stream. Worlds: for operators. */
export const counters = signal<{ jobs?: number; running?: number; worlds?: number; alerts?: number }>({});

export function setSession(s: Session | null): void {
  setCsrf(s?.csrfToken ?? null);
  session.value = s;
  isStranger.value = false;
  if (!s) counters.value = {}; // of whoever was here
}

/** The session ended by itself (time, an admin), not by logging out. */
export const isSessionOver = signal(false);

/** Asks who I am. A server that cannot be reached throws. */
export async function loadSession(): Promise<void> {
  try {
    setSession(await call("GET /api/auth/session"));
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    setSession(null);
  }
}

/** settings.timezone of the server: the zone of jobs that name none. */
export const serverZone = signal("UTC");
export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
/** settings.maxConcurrentJobs */
export const capacity = signal(5);
export const isSchedulerOn = signal(true);

export async function loadSettings(): Promise<void> {
  const settings = await call("GET /api/cron/settings");
  serverZone.value = settings.timezone;
  capacity.value = settings.maxConcurrentJobs;
  isSchedulerOn.value = settings.isEnabled;
}

export type ZoneChoice = "server" | "mine" | "utc";
const zoneKept = remembered<ZoneChoice>("zone", "server");
/** Which zone times are shown in: the address says (?tz=), else the last choice. */
export const zoneChoice = computed<ZoneChoice>(() => {
  const asked = query.value.get("tz");
  return asked === "mine" || asked === "utc" || asked === "server" ? asked : zoneKept.value;
});
export const keepZone = (choice: ZoneChoice) => void (zoneKept.value = choice);
export const zone = computed(
  () => ({ server: serverZone.value, mine: browserZone, utc: "UTC" })[zoneChoice.value],
);
/** Formats in the page's language and zone. */
export const times = computed(() => instants(language.value, zone.value));

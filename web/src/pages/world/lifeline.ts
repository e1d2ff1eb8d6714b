// Where a world stands between its last activity and its deletion. Stations stand equally far apart: a day is as much to
// see as a week. Pure.

export interface Thresholds {
  pauseAfterHours: number;
  archiveAfterDays: number;
  markAfterDays: number;
  deleteAfterDays: number;
}
export const usualThresholds: Thresholds = {
  pauseAfterHours: 24,
  archiveAfterDays: 7,
  markAfterDays: 30,
  deleteAfterDays: 37,
};
export type StationName = "active" | "pause" | "archive" | "mark" | "delete";
export interface Station {
  name: StationName;
  /** ms of idleness at which it comes */
  after: number;
  at: number;
}
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** `deletionAt`: when the server says so; it may be later than the thresholds alone would have it. */
export function stations(t: Thresholds, idleSince: number, deletionAt: number | null): Station[] {
  const planned = t.deleteAfterDays * DAY;
  const deletion = Math.max(planned, deletionAt === null ? 0 : deletionAt - idleSince);
  const list: [StationName, number][] = [
    ["active", 0],
    ["pause", t.pauseAfterHours * HOUR],
    ["archive", t.archiveAfterDays * DAY],
    ["mark", t.markAfterDays * DAY],
    ["delete", deletion],
  ];
  return list.map(([name, after]) => ({ name, after, at: idleSince + after }));
}

/** 0 at the first station, 1 at the last. */
export function placeOf(list: readonly Station[], idle: number): number {
  const steps = list.length - 1;
  for (const [i, station] of list.entries()) {
    const next = list[i + 1];
    if (!next || idle >= next.after) continue;
    const share = (idle - station.after) / (next.after - station.after);
    return Math.max(0, (i + share) / steps);
  }
  return 1;
}

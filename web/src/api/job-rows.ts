// Rows of lists of jobs: they come as arrays whose columns are named once, in answers and in live events alike.
import type { State } from "../ui/state-mark";
import type { StripRun } from "../ui/strip";

export interface JobRow {
  id: string;
  name: string;
  state: string;
  category: string | null;
  labels: Record<string, string> | null;
  schedule: string;
  sentence: string | null;
  timezone: string | null;
  /** A letter a run, oldest first, and how long each took. */
  strip: string;
  took: (number | null)[];
  last: number | null;
  lastStatus: string | null;
  lastTook: number | null;
  p50: number | null;
  p95: number | null;
  next: number | null;
  gate: "open" | "paused" | "off";
  gateUntil: number | null;
  fails: number;
  error: string | null;
  command: string;
  version: number;
  active: boolean;
  critical: boolean;
}

/** An array of the server as a row. Columns it does not name stay undefined; those we do not know are left out. Pure. */
export function rowOf(columns: readonly string[], values: readonly unknown[]): JobRow {
  return Object.fromEntries(columns.map((name, i) => [name, values[i]])) as unknown as JobRow;
}

/** A newer row over an older one: live rows come without the sentence, which only an edit changes. Pure. */
export const newer = (old: JobRow | undefined, row: JobRow): JobRow =>
  old && row.sentence === null && old.schedule === row.schedule ? { ...row, sentence: old.sentence } : row;

const statuses: Record<string, string> = {
  r: "running",
  s: "success",
  f: "failed",
  t: "timeout",
  q: "queued",
  c: "cancelled",
  x: "skipped",
  l: "lost",
};
export const stripRuns = (row: JobRow): StripRun[] =>
  [...row.strip].map((letter, i) => ({
    status: statuses[letter] ?? "",
    duration: row.took[i] ?? null,
  }));

/** The mark of a job's state. */
export const stateOfJob = (state: string): State =>
  state === "success" ? "ok" : state === "inactive" ? "off" : (state as State);

/** The last status of a job that is kept from running, when that was trouble. */
export const troubleBehind = (row: JobRow): string | null =>
  (row.state === "paused" || row.state === "off") &&
  ["failed", "timeout", "lost"].includes(row.lastStatus ?? "")
    ? row.lastStatus
    : null;

/** Labels as people write them: "team=ops", or the key alone. */
export const labelTexts = (labels: Record<string, unknown> | null): string[] =>
  Object.entries(labels ?? {}).map(([key, value]) => (value ? `${key}=${String(value)}` : key));

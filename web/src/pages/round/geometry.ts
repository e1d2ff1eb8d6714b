// The drawing of the Round as numbers: scales, ticks and paths. Pure, so that days of 23 and 25 hours can be tested.
import type { Instants } from "../../base/format";
import type { State } from "../../ui/state-mark";

export const HOUR = 3_600_000;
export const ROW = 28;
const MIDDLE = ROW / 2;

/** [dueAt, startedAt, endedAt, state, executionId, reason, instants], ms since 1970. */
export type Mark = readonly [
  due: number | null,
  started: number | null,
  ended: number | null,
  state: string,
  run: string | null,
  reason: string | null,
  count: number,
];
export interface Band {
  from: number;
  to: number;
  runs: number;
  failed: number;
  skipped: number;
}
export interface Scale {
  from: number;
  to: number;
  width: number;
}

/** Linear in elapsed time: an hour is as wide on the day the clock changes as on any other. */
export const xOf = (s: Scale, ms: number) =>
  ((Math.min(Math.max(ms, s.from), s.to) - s.from) / (s.to - s.from)) * s.width;
export const msOf = (s: Scale, x: number) => s.from + (x / s.width) * (s.to - s.from);

export interface Tick {
  ms: number;
  x: number;
  text: string;
  isDay: boolean;
}

const steps = [1, 2, 3, 4, 6, 12];
/** Labels stay this far apart, and away from the ends and from `now`. */
const LABEL = 46;

/** Ticks at whole local hours. An hour that comes twice has two ticks; one that never comes has none. */
export function ticksOf(s: Scale, times: Instants, now: number): Tick[] {
  const hours = (s.to - s.from) / HOUR;
  const step = steps.find((n) => (s.width / hours) * n >= LABEL) ?? 24;
  const ticks: Tick[] = [];
  const quarter = HOUR / 4; // zones are whole quarters of an hour away from UTC
  for (let ms = Math.ceil(s.from / quarter) * quarter; ms <= s.to; ms += quarter) {
    const f = times.fields(ms);
    if (f.minute !== 0 || f.hour % step !== 0) continue;
    const isDay = f.hour === 0;
    ticks.push({ ms, x: xOf(s, ms), text: isDay ? times.weekday(ms) : times.wall(ms).slice(0, 5), isDay });
  }
  return spaced(ticks, s.width, xOf(s, now));
}

/** Leaves out labels that would touch the one before, an end, or the now label. Days come before hours. */
function spaced(ticks: readonly Tick[], width: number, nowX: number): Tick[] {
  const half = (t: Tick) => (t.isDay ? 36 : 20);
  const kept: Tick[] = [];
  for (const tick of ticks) {
    let text = tick.text;
    const isOutside = tick.x < half(tick) || tick.x > width - half(tick);
    if (isOutside || Math.abs(tick.x - nowX) < half(tick) + 26) text = "";
    const before = kept.findLast((t) => t.text);
    if (text && before && tick.x - before.x < half(tick) + half(before) + 4) {
      if (tick.isDay) before.text = "";
      else text = "";
    }
    kept.push({ ...tick, text });
  }
  return kept;
}

const n = (value: number) => value.toFixed(1);
const box = (x: number, w: number, h: number) => `M${n(x)} ${n(MIDDLE - h / 2)}h${n(w)}v${n(h)}h${n(-w)}z`;

export const stateOfMark = (text: string): State =>
  (({ success: "ok", running: "running", queued: "queued" }) as Record<string, State>)[text] ??
  (text as State);
export const isTrouble = (state: State) =>
  state === "failed" || state === "timeout" || state === "lost" || state === "missed";
export const startOf = (m: Mark) => m[1] ?? m[0] ?? 0;
export const endOf = (m: Mark, now: number) => m[2] ?? (m[3] === "running" ? now : startOf(m));

const HIGH = 22;
const LOW = 10;

/** What one mark looks like: height and shape say the state as much as the colour does. */
export function markPath(state: State, x: number, width: number): string {
  switch (state) {
    case "ok":
      return box(x, Math.max(width, 3), LOW);
    case "running":
      return box(x, Math.max(width, 4), LOW + 4);
    case "timeout": {
      const w = Math.max(width, 4);
      const top = MIDDLE - HIGH / 2;
      return `M${n(x)} ${n(top)}h${n(w)}v3h${n(-w)}zM${n(x)} ${n(top + 6)}h${n(w)}v${n(HIGH - 6)}h${n(-w)}z`;
    }
    case "failed":
    case "lost":
      return box(x, Math.max(width, 4), HIGH);
    case "missed": {
      const w = Math.max(width, 4);
      return `${box(x, w, 3)}M${n(x)} ${n(MIDDLE - 8)}h${n(w)}v3h${n(-w)}zM${n(x)} ${n(MIDDLE + 5)}h${n(w)}v3h${n(-w)}z`;
    }
    case "cancelled":
      return box(x, Math.max(width, 3), LOW / 2);
    case "skipped":
      return box(x, Math.max(width, 3), 2);
    default:
      return box(x, Math.max(width, 3), LOW - 2);
  }
}

/** One path a state, so a row is a handful of nodes however much ran. Trouble is drawn last, on top. */
export function lanePaths(
  s: Scale,
  marks: readonly Mark[],
  bands: readonly Band[],
  now: number,
): { state: State; d: string }[] {
  const paths = new Map<State, string>();
  const add = (state: State, d: string) => void paths.set(state, (paths.get(state) ?? "") + d);
  for (const m of marks) {
    if (endOf(m, now) < s.from || startOf(m) > s.to) continue;
    const x = xOf(s, startOf(m));
    add(stateOfMark(m[3]), markPath(stateOfMark(m[3]), x, xOf(s, endOf(m, now)) - x));
  }
  for (const b of bands) {
    const x = xOf(s, b.from);
    const width = xOf(s, Math.min(b.to, now)) - x;
    if (b.failed) add("failed", markPath("failed", x, width));
    else
      add(b.skipped === b.runs ? "skipped" : "ok", box(x, Math.max(width, 2), b.skipped === b.runs ? 2 : 8));
  }
  const order = (state: State) => (isTrouble(state) ? 2 : state === "running" ? 1 : 0);
  return [...paths].map(([state, d]) => ({ state, d })).sort((a, b) => order(a.state) - order(b.state));
}

/** Instants to come: an outline each; with too many of them a dashed band. */
export function plannedPath(
  s: Scale,
  planned: readonly number[],
  total: number,
  now: number,
): { d: string; isBand: boolean } {
  const shown = planned.filter((ms) => ms > now && ms <= s.to);
  const room = (s.width * (s.to - Math.max(now, s.from))) / (s.to - s.from);
  if (total > planned.length || shown.length * 7 > room) {
    const x = xOf(s, now) + 4;
    return total && s.width - x > 6
      ? { d: box(x, s.width - x - 1, 8), isBand: true }
      : { d: "", isBand: false };
  }
  return { d: shown.map((ms) => box(Math.min(xOf(s, ms), s.width - 5), 4, LOW)).join(""), isBand: false };
}

/** The mark nearest to x, at most 14 px away. */
export function nearest(s: Scale, marks: readonly Mark[], x: number, now: number): number {
  let best = -1;
  let distance = 14;
  for (const [i, m] of marks.entries()) {
    const from = xOf(s, startOf(m));
    const to = xOf(s, endOf(m, now));
    const d = x < from ? from - x : x > to ? x - to : 0;
    if (d < distance || (d === distance && isTrouble(stateOfMark(m[3])))) {
      best = i;
      distance = d;
    }
  }
  return best;
}

export interface LoadBar {
  x: number;
  width: number;
  height: number;
  isOver: boolean;
}
/** Bars of five minutes in a box: past by how many ran on average, planned by how many fall together. */
export function loadBars(
  s: Scale,
  from: number,
  bucket: number,
  values: readonly number[],
  max: number,
  height: number,
): LoadBar[] {
  const top = Math.max(max * 1.25, 1);
  const bars: LoadBar[] = [];
  for (const [i, value] of values.entries()) {
    const at = from + i * bucket;
    if (value <= 0 || at + bucket <= s.from || at >= s.to) continue;
    const x = xOf(s, at);
    const width = Math.max(1, xOf(s, at + bucket) - x - 0.4);
    bars.push({ x, width, height: Math.max(1.5, Math.min(1, value / top) * height), isOver: value > max });
  }
  return bars;
}
export const barsPath = (bars: readonly LoadBar[], height: number) =>
  bars.map((b) => `M${n(b.x)} ${n(height)}v${n(-b.height)}h${n(b.width)}v${n(b.height)}z`).join("");

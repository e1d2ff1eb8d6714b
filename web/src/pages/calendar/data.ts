// Cells of the calendar as numbers, ranges of its views, and the shade of a cell. Pure.
import type { Instants } from "../../base/format";

export type View = "day" | "week" | "month";
const DAY = 86_400_000;

/** from, runs, failed, busyMs, planned, plannedBusyMs, peak: the order that `cellFields` names. */
export type Cell = readonly [number, number, number, number, number, number, number];
export interface Day {
  date: string;
  from: number;
  to: number;
  minutes: number;
  cells: Cell[];
  quiet: { from: number; to: number; runs: number }[];
}

/** "2026-03-29" as days since 1970; calendar days know no zone. */
export const dayNumber = (date: string) => Math.round(Date.parse(`${date}T00:00:00Z`) / DAY);
export const dateOf = (day: number) => new Date(day * DAY).toISOString().slice(0, 10);
export const isDate = (text: string | null): text is string =>
  text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
export const today = (t: Instants, now: number) => {
  const f = t.fields(now);
  return `${f.year}-${String(f.month).padStart(2, "0")}-${String(f.day).padStart(2, "0")}`;
};

/** First and last day of a view; weeks begin on Monday, a month shows whole weeks. */
export function rangeOf(view: View, date: string): [number, number] {
  const day = dayNumber(date);
  const monday = (d: number) => d - ((((d + 3) % 7) + 7) % 7); // 1970-01-01 was a Thursday
  if (view === "day") return [day, day];
  if (view === "week") return [monday(day), monday(day) + 6];
  const at = new Date(day * DAY);
  const first = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1) / DAY;
  const last = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0) / DAY;
  return [monday(first), monday(last) + 6];
}

export function moved(view: View, date: string, by: -1 | 1): string {
  if (view !== "month") return dateOf(dayNumber(date) + by * (view === "day" ? 1 : 7));
  const at = new Date(dayNumber(date) * DAY);
  return dateOf(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + by, 1) / DAY);
}

/** An instant that lies on this local day whatever the zone's offset: noon, shifted by the offset then. */
export const noonOf = (t: Instants, day: number) => {
  const noon = day * DAY + DAY / 2;
  return noon - t.offset(noon) * 60_000;
};

export const total = (c: Cell) => c[1] + c[4];
export const most = (days: readonly Day[]) => Math.max(1, ...days.flatMap((d) => d.cells.map(total)));
/** 0 … 5, by the share of the fullest cell. */
export const shadeOf = (count: number, top: number) =>
  count === 0 ? 0 : Math.max(1, Math.min(5, Math.ceil((5 * count) / top)));

/** A row of the grid: an hour of the local clock, and which of its passes. */
export interface HourRow {
  hour: number;
  pass: number;
}

/** The rows of days of hours: 00 … 23 by the local clock, an hour that comes twice twice. */
export function hourRows(days: readonly Day[], t: Instants): HourRow[] {
  const passes = new Map<number, number>();
  for (const day of days) {
    const seen = new Map<number, number>();
    for (const c of day.cells) {
      const { hour } = t.fields(c[0]);
      seen.set(hour, (seen.get(hour) ?? 0) + 1);
    }
    for (const [hour, n] of seen) passes.set(hour, Math.max(passes.get(hour) ?? 0, n));
  }
  return Array.from({ length: 24 }, (_, hour) => hour).flatMap((hour) =>
    Array.from({ length: passes.get(hour) ?? 1 }, (_, pass) => ({ hour, pass })),
  );
}

/** The cell of a row, or null: that hour, or that pass of it, does not exist on that day. */
export function cellAt(day: Day, row: HourRow, t: Instants): Cell | null {
  const found = day.cells.filter((c) => t.fields(c[0]).hour === row.hour);
  return found[row.pass] ?? null;
}

/** A cell ends where the next one begins: an hour by the local clock, less where that is set by half an hour. */
export const endOf = (day: Day, cell: Cell) => day.cells.find((c) => c[0] > cell[0])?.[0] ?? day.to;

/** "13:00"; of an hour that one of these days has twice, or not from its beginning, when it begins there. */
export function rowText(days: readonly Day[], row: HourRow, t: Instants): string {
  const cells = days.map((day) => cellAt(day, row, t)).filter((c) => c !== null);
  const odd = cells.find((c) => t.isTwice(c[0]) || t.fields(c[0]).minute !== 0);
  const isForAll = odd && (cells.length === 1 || cells.every((c) => t.clock(c[0]) === t.clock(odd[0])));
  return isForAll ? t.clock(odd[0]) : `${String(row.hour).padStart(2, "0")}:00`;
}

/** Part of the capacity that is in use. */
export const useOf = (c: Cell, ms: number, max: number) => (c[3] + c[5]) / Math.max(1, ms * max);

// A schedule as a form (every N, daily, weekly, once) and back. What no form can show stays a cron expression. No DOM.

export type Unit = "s" | "m" | "h" | "d";
export type ScheduleForm =
  | { mode: "every"; count: number; unit: Unit }
  | { mode: "daily"; time: string }
  | { mode: "weekly"; time: string; days: readonly number[] }
  | { mode: "once"; at: string }
  | { mode: "cron" };
export type Mode = ScheduleForm["mode"];
export const modes: readonly Mode[] = ["every", "daily", "weekly", "cron", "once"];

const two = (text: string) => text.padStart(2, "0");

/** 0 is Sunday; 7, too. Ranges and lists of numbers only. */
function daysOf(text: string): number[] | null {
  const days = new Set<number>();
  for (const part of text.split(",")) {
    const range = /^([0-7])(?:-([0-7]))?$/.exec(part);
    if (!range) return null;
    const first = Number(range[1]);
    const last = Number(range[2] ?? range[1]);
    if (last < first) return null;
    for (let day = first; day <= last; day++) days.add(day % 7);
  }
  return [...days].sort();
}

/** 1, 2, 3, 5 → "1-3,5". Sunday goes last as 0, where no range needs it. */
function daysText(days: readonly number[]): string {
  const sorted = [...days].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i] as number;
    while (sorted[i + 1] === (sorted[i] as number) + 1) i++;
    const last = sorted[i] as number;
    parts.push(last - first >= 2 ? `${first}-${last}` : last > first ? `${first},${last}` : `${first}`);
  }
  return parts.join(",");
}

/** Every 7 minutes of each hour is not every 7 minutes. */
const steady = (count: number, unit: Unit, whole: number): ScheduleForm =>
  count > 0 && whole % count === 0 ? { mode: "every", count, unit } : { mode: "cron" };

/** The form that shows this schedule wholly; "cron" where none does. */
export function formOf(schedule: string): ScheduleForm {
  const text = schedule.trim().replace(/\s+/g, " ");
  if (text === "* * * * *") return { mode: "every", count: 1, unit: "m" };
  if (text === "0 * * * *") return { mode: "every", count: 1, unit: "h" };
  const step = /^(?:\*\/(\d+)|0 \*\/(\d+)) \* \* \*(?<minutes> \*)?$/.exec(text);
  if (step?.[1] && step.groups?.["minutes"]) return steady(Number(step[1]), "m", 60);
  if (step?.[2] && !step.groups?.["minutes"]) return steady(Number(step[2]), "h", 24);
  const every = /^@every (\d+)([smhd])$/.exec(text);
  if (every) return { mode: "every", count: Number(every[1]), unit: every[2] as Unit };
  const once = /^@at (\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?$/.exec(text);
  if (once) return { mode: "once", at: `${once[1]}T${once[2]}${once[3] ?? ""}` };
  const timed = /^(\d{1,2}) (\d{1,2}) \* \* (\S+)$/.exec(text);
  if (!timed || Number(timed[1]) > 59 || Number(timed[2]) > 23) return { mode: "cron" };
  const time = `${two(timed[2] as string)}:${two(timed[1] as string)}`;
  if (timed[3] === "*") return { mode: "daily", time };
  const days = daysOf(timed[3] as string);
  return days ? { mode: "weekly", time, days } : { mode: "cron" };
}

const clockOf = (time: string) => {
  const [hour = "0", minute = "0"] = time.split(":");
  return `${Number(minute)} ${Number(hour)}`;
};

/** Steps that fit the hour or the day keep to the clock; others count elapsed time. null: nothing to build (cron). */
export function scheduleOf(form: ScheduleForm): string | null {
  switch (form.mode) {
    case "every":
      if (form.unit === "m" && form.count === 1) return "* * * * *";
      if (form.unit === "h" && form.count === 1) return "0 * * * *";
      if (form.unit === "m" && form.count < 60 && 60 % form.count === 0) return `*/${form.count} * * * *`;
      if (form.unit === "h" && form.count < 24 && 24 % form.count === 0) return `0 */${form.count} * * *`;
      return form.unit === "d" ? `@every ${form.count * 24}h` : `@every ${form.count}${form.unit}`;
    case "daily":
      return `${clockOf(form.time)} * * *`;
    case "weekly":
      return `${clockOf(form.time)} * * ${daysText(form.days) || "*"}`;
    case "once":
      return `@at ${form.at}`;
    case "cron":
      return null;
  }
}

/** What the form of another mode begins with, as near to the schedule as it can be. */
export function formFor(mode: Mode, schedule: string, tomorrow: string): ScheduleForm {
  const now = formOf(schedule);
  if (now.mode === mode) return now;
  const time = "time" in now ? now.time : "03:00";
  switch (mode) {
    case "every":
      return { mode, count: 15, unit: "m" };
    case "daily":
      return { mode, time };
    case "weekly":
      return { mode, time, days: [1] };
    case "once":
      return { mode, at: `${tomorrow}T${time}` };
    case "cron":
      return { mode };
  }
}

/** "3", "3:5", "0305", "03:05" → "03:05"; null: no time of day. */
export function readTime(text: string): string | null {
  const found = /^\s*(\d{1,2})(?:[:.h]?(\d{2})|[:.h](\d))?\s*$/.exec(text);
  const hour = Number(found?.[1] ?? 99);
  const minute = Number(found?.[2] ?? found?.[3] ?? 0);
  return hour < 24 && minute < 60 ? `${two(String(hour))}:${two(String(minute))}` : null;
}

/** "2026-12-01 10:00" → "2026-12-01T10:00"; null: no such moment. */
export function readMoment(text: string): string | null {
  const found = /^\s*(\d{4})-(\d\d)-(\d\d)[T ]+(\d\d:\d\d(?::\d\d)?)\s*$/.exec(text);
  if (!found) return null;
  const [, year, month, day, time] = found;
  const date = new Date(`${year}-${month}-${day}T${time}Z`);
  return Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day)
    ? null
    : `${year}-${month}-${day}T${time}`;
}

export type FieldKind = "second" | "minute" | "hour" | "dayOfMonth" | "month" | "dayOfWeek" | "year";
export interface CronField {
  kind: FieldKind;
  text: string;
  /** 1-based column in the expression */
  column: number;
}

/** The fields of one expression with their places; none for nicknames and joined ones. */
export function cronFields(expression: string): CronField[] {
  const parts = [...expression.matchAll(/\S+/g)].map((m) => ({
    text: m[0],
    column: m.index + 1,
  }));
  if (!parts.length || expression.includes("|") || parts[0]?.text.startsWith("@")) return [];
  const five: FieldKind[] = ["minute", "hour", "dayOfMonth", "month", "dayOfWeek"];
  const kinds =
    parts.length >= 7
      ? ["second" as const, ...five, "year" as const]
      : parts.length === 6
        ? ["second" as const, ...five]
        : five;
  return parts.slice(0, kinds.length).map((part, i) => ({ kind: kinds[i] as FieldKind, ...part }));
}

/** Where the wrong token begins and ends (0-based), to underline it. */
export function wrongRange(expression: string, column: number): [number, number] {
  const start = Math.min(Math.max(column - 1, 0), Math.max(expression.length - 1, 0));
  const length = /^[^\s,|]+/.exec(expression.slice(start))?.[0].length ?? 1;
  return [start, start + length];
}

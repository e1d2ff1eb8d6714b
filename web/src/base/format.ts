// Numbers, durations and instants as people read them. Pure: language, zone and now are arguments of `formats`.

import type { Language } from "./language";

export type { Language };
export interface Instants {
  /** "sáb 21 nov 2026, 12:00:04 +01:00" */
  full(ms: number): string;
  /** "12:00:04"; with the day when it is another one than now's, and the year when it is far away */
  short(ms: number, now: number): string;
  /** "21 nov" */
  day(ms: number): string;
  /** "sáb 21 nov" */
  weekday(ms: number): string;
  /** "12:00"; "02:30 +02:00" in an hour that comes twice */
  clock(ms: number): string;
  /** "12:00:04"; "02:30:04 +02:00" in an hour that comes twice */
  seconds(ms: number): string;
  /** "12:00:04" as the clock on the wall reads, whichever of two passes it is. */
  wall(ms: number): string;
  /** Calendar fields in the zone. */
  fields(ms: number): {
    year: number;
    month: number;
    day: number;
    hour: number;
    minute: number;
    second: number;
  };
  /** Minutes east of UTC at this instant. */
  offset(ms: number): number;
  /** Whether the clock on the wall reads the same at another instant, because it is or will be set back. */
  isTwice(ms: number): boolean;
}

const DAY = 86_400_000;
const FAR = 300 * DAY;
const made = new Map<string, Instants>();

/** Formats of instants in a zone; made once for each pair, because Intl objects are slow to make. */
export function instants(language: Language, zone: string): Instants {
  const key = `${language} ${zone}`;
  let found = made.get(key);
  if (!found) made.set(key, (found = makeInstants(language, zone)));
  return found;
}

function makeInstants(language: Language, timeZone: string): Instants {
  const locale = language === "es" ? "es-ES" : "en-GB";
  const of = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(locale, { timeZone, hourCycle: "h23", ...options });
    return (ms: number) =>
      format
        .format(ms)
        .replace(/\./g, "")
        .replace(/^(\p{L}+),/u, "$1");
  };
  const day = of({ day: "numeric", month: "short" });
  const weekday = of({ weekday: "short", day: "numeric", month: "short" });
  const dated = of({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
  const yearly = of({ day: "numeric", month: "short", year: "numeric" });
  const wallClock = of({ hour: "2-digit", minute: "2-digit" });
  const wall = of({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const fields = (ms: number) => {
    const got: Record<string, number> = {};
    for (const { type, value } of parts.formatToParts(ms)) got[type] = Number(value);
    return got as ReturnType<Instants["fields"]>;
  };
  const offset = (ms: number) => {
    const f = fields(ms);
    return Math.round((Date.UTC(f.year, f.month - 1, f.day, f.hour, f.minute, f.second) - ms) / 60000);
  };
  const isTwice = twiceIn(offset);
  const toldApart = (text: string, ms: number) => (isTwice(ms) ? `${text} ${offsetText(offset(ms))}` : text);
  const clock = (ms: number) => toldApart(wallClock(ms), ms);
  const seconds = (ms: number) => toldApart(wall(ms), ms);
  const short = (ms: number, now: number) => {
    if (Math.abs(ms - now) > FAR) return `${yearly(ms)} ${clock(ms)}`;
    return day(ms) === day(now) ? seconds(ms) : `${day(ms)} ${clock(ms)}`;
  };
  return {
    full: (ms) => `${dated(ms)}, ${wall(ms)} ${offsetText(offset(ms))}`,
    short,
    day,
    weekday,
    clock,
    seconds,
    wall,
    fields,
    offset,
    isTwice,
  };
}

/** Looks for the other pass only near a change of the offset; whether a day is near one is kept. */
function twiceIn(offset: (ms: number) => number): (ms: number) => boolean {
  const changes = new Map<number, boolean>();
  const isNearChange = (day: number) => {
    let is = changes.get(day);
    if (is === undefined) changes.set(day, (is = offset((day - 1) * DAY) !== offset((day + 2) * DAY)));
    return is;
  };
  return (ms) => {
    if (!isNearChange(Math.floor(ms / DAY))) return false;
    const own = offset(ms);
    return [ms - DAY, ms + DAY].some((near) => {
      const other = offset(near);
      return other !== own && offset(ms + (own - other) * 60_000) === other;
    });
  };
}

/** "+01:00" of 60 */
export function offsetText(minutes: number): string {
  const m = Math.abs(minutes);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${minutes < 0 ? "−" : "+"}${two(Math.floor(m / 60))}:${two(m % 60)}`;
}

/** A number in the language's own form: "1.204", "99,2". */
export function number(language: Language, value: number, digits = 0): string {
  return value.toLocaleString(language === "es" ? "es-ES" : "en-GB", {
    maximumFractionDigits: digits,
    minimumFractionDigits: 0,
    useGrouping: "always",
  });
}

/** "99,2 %" of 0.992 */
export function percent(language: Language, share: number, digits = 1): string {
  return language === "es"
    ? `${number(language, share * 100, digits)} %`
    : `${number(language, share * 100, digits)}%`;
}

/** "340 ms", "1,9 s", "7 min 20 s", "2 h 05 min", "3 d 4 h". */
export function duration(language: Language, ms: number): string {
  if (ms < 0) return `−${duration(language, -ms)}`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${number(language, ms / 1000, 1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  const m = Math.round(s / 60);
  if (m < 1440)
    return m % 60 ? `${Math.floor(m / 60)} h ${String(m % 60).padStart(2, "0")} min` : `${m / 60} h`;
  const h = Math.round(m / 60);
  return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${h / 24} d`;
}

/** One unit only, for "hace …" and "en …": "56 s", "29 min", "3 h", "2 d". */
export function span(ms: number): string {
  const s = Math.round(Math.abs(ms) / 1000);
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 129600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
}

/** "4:38", "1:02:09": a clock that runs. */
export function stopwatch(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  return h ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

/** "12,4 MB": decimal units as the API has them. */
export function bytes(language: Language, n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = n;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${number(language, value, unit && value < 99.5 ? 1 : 0)} ${units[unit]}`;
}

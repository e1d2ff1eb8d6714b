// One field of an expression in a word or two: "1-5" of the week is "lun–vie". No DOM.
import type { Language } from "../../base/format";
import type { EditorWords } from "../../words/editor";
import type { CronField } from "./schedule-form";

const locale = (language: Language) => (language === "es" ? "es-ES" : "en-GB");
const nameIn = (language: Language, options: Intl.DateTimeFormatOptions, ms: number) =>
  new Intl.DateTimeFormat(locale(language), { timeZone: "UTC", ...options }).format(ms).replace(".", "");

/** "lun"; 0 and 7 are Sunday. 2024-01-07 was one. */
export const dayName = (language: Language, day: number) =>
  nameIn(language, { weekday: "short" }, Date.UTC(2024, 0, 7 + (day % 7)));
/** "ene"; 1 is January. */
export const monthName = (language: Language, month: number) =>
  nameIn(language, { month: "short" }, Date.UTC(2024, month - 1, 1));

/** The field in words; "" where its text already says it best. */
export function fieldWords(t: EditorWords["when"], language: Language, field: CronField): string {
  const { kind, text } = field;
  if (text === "*" || text === "?") return kind === "hour" || kind === "dayOfWeek" ? t.anyHour : t.any;
  const step = /^\*\/(\d+)$/.exec(text);
  if (step) return t.step(step[1] as string);
  const name = kind === "dayOfWeek" ? dayName : kind === "month" ? monthName : null;
  const most = kind === "month" ? 12 : 7;
  if (!name || !/^[\d,-]+$/.test(text) || text.match(/\d+/g)?.some((n) => Number(n) > most)) return "";
  return text
    .replace(/(\d+)/g, (n) => name(language, Number(n)))
    .replaceAll("-", "–")
    .replaceAll(",", ", ");
}

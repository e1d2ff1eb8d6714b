// Settings as data: which section each belongs to, what typed text means, what a search finds. No DOM.
import type { Answer } from "../../api/client";

export type SettingField = Answer<"GET /api/cron/settings/fields">["data"][number];
export type Value = string | number | boolean | null | object;
export type ConfigRow = Answer<"GET /api/admin/config">["data"][number];

export const sections = [
  "general",
  "limits",
  "retention",
  "notices",
  "worlds",
  "executors",
  "live",
  "users",
  "tokens",
  "sessions",
  "backup",
  "about",
] as const;
export type Section = (typeof sections)[number];
/** What only admins are shown. */
export const adminSections: readonly Section[] = ["worlds", "users", "tokens", "sessions", "backup"];

const places: Partial<Record<Section, readonly string[]>> = {
  general: ["isEnabled", "timezone"],
  limits: [
    "maxConcurrentJobs",
    "defaultTimeout",
    "pools",
    "backoffStrategy",
    "disableAfter",
    "escalateAfter",
  ],
  retention: [
    "keepExecutions",
    "cleanupDays",
    "keepLastPerJob",
    "ledgerDays",
    "ledgerRowsPerJob",
    "ledgerRows",
  ],
};

export function sectionOf(field: Pick<SettingField, "group" | "name">): Section {
  if (field.group === "worlds") return "worlds";
  const found = sections.find((section) => places[section]?.includes(field.name));
  return found ?? "notices";
}

/** Fields of one section in its own order. */
export function fieldsOf(fields: readonly SettingField[], section: Section): SettingField[] {
  const order = places[section] ?? [];
  return fields
    .filter((field) => sectionOf(field) === section)
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

const plain = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Every word of the search occurs somewhere in the texts. */
export function isFound(search: string, texts: readonly string[]): boolean {
  const all = plain(texts.join(" "));
  return plain(search)
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** A value as it stands in its input. */
export function textOf(field: Pick<SettingField, "type">, value: unknown): string {
  if (value === null || value === undefined) return "";
  return field.type === "json" ? JSON.stringify(value) : String(value);
}

export type Parsed = { value: Value } | { wrong: "number" | "json" | "range" };

/** What the text of an input means; empty means no value where that is allowed. */
export function parse(field: SettingField, text: string): Parsed {
  const trimmed = text.trim();
  if (trimmed === "" && field.isNullable) return { value: null };
  switch (field.type) {
    case "integer":
    case "number": {
      const value = Number(trimmed.replace(",", "."));
      if (trimmed === "" || !Number.isFinite(value)) return { wrong: "number" };
      if (field.type === "integer" && !Number.isInteger(value)) return { wrong: "number" };
      const isOut = (field.min !== null && value < field.min) || (field.max !== null && value > field.max);
      return isOut ? { wrong: "range" } : { value };
    }
    case "boolean":
      return { value: trimmed === "true" };
    case "json":
      try {
        return { value: JSON.parse(trimmed) as Value };
      } catch {
        return { wrong: "json" };
      }
    default:
      return { value: trimmed };
  }
}

export const isSame = (a: unknown, b: unknown) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

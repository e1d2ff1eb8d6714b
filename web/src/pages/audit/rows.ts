// Rows of the audit log as differences and as files. No DOM.
import type { Answer } from "../../api/client";

export type AuditRow = Answer<"GET /api/admin/audit-log">["data"][number];
export interface Difference {
  field: string;
  before: string | null;
  after: string | null;
}

const isObject = (v: unknown): v is Record<string, unknown> =>
  typeof v === "object" && v !== null && !Array.isArray(v);
const textOf = (v: unknown) => (typeof v === "string" ? v : JSON.stringify(v));

/** Field by field what changed; what is not an object is one nameless field. */
export function differences(before: unknown, after: unknown): Difference[] {
  if (before == null && after == null) return [];
  const [b, a] = [isObject(before) ? before : null, isObject(after) ? after : null];
  if (!b && !a)
    return [
      {
        field: "",
        before: before == null ? null : textOf(before),
        after: after == null ? null : textOf(after),
      },
    ];
  const names = new Set([...Object.keys(b ?? {}), ...Object.keys(a ?? {})]);
  return [...names]
    .map((field) => ({
      field,
      before: b && field in b ? textOf(b[field]) : null,
      after: a && field in a ? textOf(a[field]) : null,
    }))
    .filter((d) => d.before !== d.after && !(d.before === null && d.after === "null"));
}

/** The page a target has, below the base; null: none. */
export function pageOf(object: string | null): string | null {
  const [kind, ...rest] = (object ?? "").split(":");
  const name = encodeURIComponent(rest.join(":"));
  if (kind === "job" && name) return `/jobs/${name}`;
  if ((kind === "run" || kind === "execution") && name) return `/runs/${name}`;
  if (kind === "world" && name) return `/worlds/${name}`;
  if (kind === "settings") return "/settings";
  if (kind === "user") return "/settings/users";
  if (kind === "token") return "/settings/tokens";
  if (kind === "alert") return "/alerts";
  return null;
}

/** RFC 4180; a cell that a spreadsheet would compute is made text. */
function cell(value: unknown): string {
  const text = value == null ? "" : textOf(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const columns = [
  "seq",
  "at",
  "actor",
  "action",
  "object",
  "before",
  "after",
  "address",
  "requestId",
  "hash",
] as const;

export const csvOf = (rows: readonly AuditRow[]) =>
  [columns.join(","), ...rows.map((row) => columns.map((c) => cell(row[c])).join(","))].join("\r\n") + "\r\n";

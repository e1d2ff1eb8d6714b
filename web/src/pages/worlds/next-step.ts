// What happens to a world if nobody comes, and when: from its row and the server's verdict. Pure.

export interface StepRow {
  status?: string | null;
  pauseReason?: string | null;
  isFavorite?: boolean | null;
  scheduledDeletion?: string | null;
  vacationUntil?: string | null;
}
export interface StepVerdict {
  why: string;
  isProtected: boolean;
  nextStepAt: string | null;
  nextEventAt: string | null;
  deletionAt: string | null;
}
export type Step = "pause" | "archive" | "mark" | "delete";
export type Next =
  | { kind: "step"; step: Step; at: number; isDue: boolean }
  | { kind: "wake" | "event" | "unwarned"; at: number }
  | { kind: "favorite" | "member" | "manual" | "none" };

const stepAfter = (row: StepRow): Step =>
  row.status === "RUNNING"
    ? "pause"
    : row.pauseReason === "inactivity_24h" || row.pauseReason === "system"
      ? "archive"
      : "mark";

/** Without a verdict (only admins may ask for many) only what the row itself says is told. */
export function nextStep(row: StepRow, verdict: StepVerdict | undefined, now: number): Next {
  const ms = (text: string | null | undefined) => (text ? Date.parse(text) : null);
  const step = (kind: Step, at: number): Next => ({ kind: "step", step: kind, at, isDue: at <= now });
  const wakes = ms(row.vacationUntil);
  if (row.pauseReason === "vacation" && wakes !== null) return { kind: "wake", at: wakes };
  if (row.isFavorite) return { kind: "favorite" };
  if (row.pauseReason === "manual") return { kind: "manual" };
  const event = ms(verdict?.nextEventAt);
  if (verdict?.why === "future_event" && event !== null) return { kind: "event", at: event };
  if (verdict?.why === "member_active") return { kind: "member" };
  if (row.scheduledDeletion) {
    if (!verdict) return step("delete", Date.parse(row.scheduledDeletion));
    const at = ms(verdict.deletionAt);
    return at === null ? { kind: "unwarned", at: Date.parse(row.scheduledDeletion) } : step("delete", at);
  }
  const at = ms(verdict?.nextStepAt);
  return at === null ? { kind: "none" } : step(stepAfter(row), at);
}

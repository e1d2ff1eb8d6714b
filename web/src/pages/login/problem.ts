// What went wrong while logging in, in words. No DOM.
import type { LoginWords } from "../../words/login";

export type LoginWay = "password" | "link";

/** The text for an answer of the server; the server's own words where ours know no better. */
export function problemText(
  t: LoginWords,
  error: { status: number; message: string },
  way: LoginWay,
): string {
  switch (error.status) {
    case 0:
      return t.offline;
    case 401:
      return way === "link" ? t.linkVoid : t.wrong;
    case 429:
      return t.tooMany;
    case 503:
      return t.starting;
    default:
      return error.message;
  }
}

/** The secret of a login link behind the "#", or null. */
export const loginSecret = (hash: string): string | null => /^#login=([\w-]+)$/.exec(hash)?.[1] ?? null;

/** Whole seconds until then, at least 1 while any is left. */
export const waitSeconds = (untilMs: number, nowMs: number) =>
  Math.max(0, Math.ceil((untilMs - nowMs) / 1000));

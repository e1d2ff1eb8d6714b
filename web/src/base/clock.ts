// The one ticking clock of the page, in the server's time: a laptop that is two minutes wrong shows no wrong countdown.
import { signal } from "@preact/signals";

/** How far the server's clock is ahead of the browser's: somewhere from `lo` to `hi`, taken as `ahead`. Milliseconds. */
export interface Skew {
  lo: number;
  hi: number;
  ahead: number;
}

/**
 * What a Date header of whole seconds adds to what is known of the skew, when its question was sent and its answer
 * heard by the browser's clock: the server read its clock in between, within that second. Answers narrow the
 * range; one that contradicts it (a clock was set, or drifted) begins it anew. A browser that may be right is right.
 */
export function skewOf(known: Skew, dateMs: number, sentAt: number, heardAt: number): Skew {
  if (heardAt < sentAt) return known; // the browser's clock was set meanwhile
  let lo = dateMs - heardAt;
  let hi = dateMs + 999 - sentAt;
  if (lo <= known.hi && hi >= known.lo) [lo, hi] = [Math.max(lo, known.lo), Math.min(hi, known.hi)];
  const ahead = [known.ahead, 0].find((ms) => ms >= lo && ms <= hi) ?? (lo + hi) / 2;
  return { lo, hi, ahead };
}

/** Milliseconds since 1970 by the server's clock, moved once a second while the page is visible. */
export const now = signal(Date.now());
let skew: Skew = { lo: -Infinity, hi: Infinity, ahead: 0 };

export const serverNow = () => Date.now() + skew.ahead;

/** Tells the clock what a server's answer said of the time, and when it was asked. */
export function hearServerTime(dateMs: number, sentAt: number): void {
  skew = skewOf(skew, dateMs, sentAt, Date.now());
  if (Math.abs(serverNow() - now.peek()) > 1500) now.value = serverNow();
}

let timer: ReturnType<typeof setTimeout> | undefined;
const setBy = () => Date.now() - performance.now();
let wasSetBy = setBy();

function tick(askTime: () => void): void {
  now.value = serverNow();
  if (Math.abs(setBy() - wasSetBy) > 1000) askTime(); // the browser's clock was set, or the machine slept
  wasSetBy = setBy();
  timer = document.hidden ? undefined : setTimeout(() => tick(askTime), 1000 - (serverNow() % 1000));
}

/** `askTime` asks the server anything. */
export function startClock(askTime: () => void): void {
  tick(askTime);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer === undefined) tick(askTime);
  });
}

// The one ticking clock of the page, in the server's time: a laptop that is two minutes wrong shows no wrong countdown.
import { signal } from "@preact/signals";

/** Milliseconds since 1970 by the server's clock, moved once a second while the page is visible. */
export const now = signal(Date.now());
let ahead = 0; // server − browser

export const serverNow = () => Date.now() + ahead;

/** Tells the clock an instant the server has just named (the Date header: whole seconds). */
export function hearServerTime(ms: number): void {
  const difference = ms + 500 - Date.now();
  const isNew = Math.abs(difference - ahead) > 2000;
  if (isNew) ahead = Math.abs(difference) > 2000 ? difference : 0;
  if (isNew) now.value = serverNow();
}

let timer: ReturnType<typeof setTimeout> | undefined;

function tick(): void {
  now.value = serverNow();
  timer = document.hidden ? undefined : setTimeout(tick, 1000 - (serverNow() % 1000));
}

export function startClock(): void {
  tick();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer === undefined) tick();
  });
}

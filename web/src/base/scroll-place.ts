// Where one stood on a page is where one stands again after the back button, as soon as the page is long enough: what a
// page shows comes after it. The browser's own restoring comes too early for that.

const WAIT_MS = 5000;
let stopWaiting = () => {};

interface Kept {
  y?: number;
}

/** Notes in the entry of the history that is being left how far down one was. */
export function keepPlace(): void {
  stopWaiting();
  history.replaceState({ y: window.scrollY } satisfies Kept, "");
}

/** Goes to where one was in this entry; gives up when the person moves, or after a while. */
export function returnToPlace(): void {
  stopWaiting();
  const y = (history.state as Kept | null)?.y ?? 0;
  window.scrollTo(0, y);
  if (y === 0) return;
  const look = () => {
    window.scrollTo(0, y);
    if (Math.abs(window.scrollY - y) < 2) stopWaiting();
  };
  const watcher = new ResizeObserver(look);
  const timer = setTimeout(() => stopWaiting(), WAIT_MS);
  const moves = ["wheel", "keydown", "pointerdown"] as const;
  stopWaiting = () => {
    stopWaiting = () => {};
    watcher.disconnect();
    clearTimeout(timer);
    for (const move of moves) window.removeEventListener(move, give);
  };
  const give = () => stopWaiting();
  for (const move of moves) window.addEventListener(move, give, { passive: true });
  watcher.observe(document.body);
}

export function startPlaces(): void {
  history.scrollRestoration = "manual";
  window.addEventListener("pagehide", keepPlace);
  returnToPlace();
}

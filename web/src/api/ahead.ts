// Questions that go out before the code that asks them is here. Each answer is for the first who asks the same, once,
// and soon: later it might be old.

const FRESH_MS = 3000;
interface Asked {
  sentAt: number;
  response: Promise<Response>;
}
let asked = new Map<string, Asked>();
let unwanted: (() => void) | undefined;

/** Sends these questions; those of before that nobody has asked are given up. `urls`: addresses of the server. */
export function sendAhead(
  urls: readonly string[],
  send: (url: string, abort: AbortSignal) => Promise<Response>,
): void {
  unwanted?.();
  const mine = (asked = new Map<string, Asked>());
  const aborts = new Map<string, AbortController>();
  for (const url of urls) {
    const abort = new AbortController();
    const response = send(url, abort.signal);
    response.catch(() => undefined); // whoever asks hears of it
    mine.set(url, { sentAt: Date.now(), response });
    aborts.set(url, abort);
  }
  const giveUp = () => {
    clearTimeout(timer);
    for (const [url, abort] of aborts) if (mine.delete(url)) abort.abort();
  };
  const timer = setTimeout(giveUp, FRESH_MS);
  unwanted = giveUp;
}

/** The answer that is on its way, if there is one. */
export function takeAhead(url: string): Asked | undefined {
  const found = asked.get(url);
  asked.delete(url);
  return found;
}

// The living output of one run: a stream of its own, open only while somebody sees the page.
import { apiUrl } from "../api/client";
import type { LivePiece } from "./store";

/** What the run's processes use just now, every two seconds. */
export interface Usage {
  cpuPct: number | null;
  memoryBytes: number;
  processes: number;
}
type Told = ({ type: "output" } & LivePiece) | ({ type: "usage" } & Usage);

const RETRY_MS = 3000;

/** `onGap`: something may have been missed. Returns how to end it. */
export function listenOutput(
  id: string,
  onPiece: (piece: LivePiece) => void,
  onUsage: (usage: Usage) => void,
  onGap: () => void,
): () => void {
  const url = `${apiUrl("/api/cron/stream")}?topics=output&execution=${encodeURIComponent(id)}`;
  let source: EventSource | undefined;
  let wasOpen = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = undefined;
  };
  const open = () => {
    const mine = (source = new EventSource(url));
    source.onerror = () => {
      if (mine.readyState !== EventSource.CLOSED) return; // it reconnects by itself
      close(); // refused (a proxy's error, too many streams): it does not
      retry = setTimeout(open, RETRY_MS);
    };
    source.onopen = () => {
      if (wasOpen) onGap();
      wasOpen = true;
    };
    source.addEventListener("output", (event: MessageEvent<string>) => {
      const told = JSON.parse(event.data) as Told;
      if (told.type === "usage") onUsage(told);
      else onPiece(told);
    });
    source.addEventListener("resync", onGap);
  };
  const look = () => {
    clearTimeout(retry);
    if (document.hidden) close();
    else if (!source) open();
  };
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    document.removeEventListener("visibilitychange", look);
    close();
  };
}

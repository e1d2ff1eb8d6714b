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
  const open = () => {
    source = new EventSource(url);
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
    if (document.hidden) {
      source?.close();
      source = undefined;
    } else if (!source) open();
  };
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    document.removeEventListener("visibilitychange", look);
    source?.close();
  };
}

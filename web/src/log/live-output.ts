// The living output of one run: a stream of its own, open only while somebody sees the page.
import { apiUrl } from "../api/client";
import type { LivePiece } from "./store";

/** `onGap`: something may have been missed. Returns how to end it. */
export function listenOutput(id: string, onPiece: (piece: LivePiece) => void, onGap: () => void): () => void {
  const url = `${apiUrl("/api/cron/stream")}?topics=output&execution=${encodeURIComponent(id)}`;
  let source: EventSource | undefined;
  let wasOpen = false;
  const open = () => {
    source = new EventSource(url);
    source.onopen = () => {
      if (wasOpen) onGap();
      wasOpen = true;
    };
    source.addEventListener("output", (event: MessageEvent<string>) =>
      onPiece(JSON.parse(event.data) as LivePiece),
    );
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

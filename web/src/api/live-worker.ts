// The shared worker: one stream for all tabs of this browser, because over HTTP/1.1 a stream in each tab starves the
// seventh. Tabs say which topics they look at; the stream carries their union.
import { Feed, type FeedMessage, type LiveEvent } from "./live-feed";

const tabs = new Map<MessagePort, { topics: string[]; heardAt: number }>();
const TAB_GONE_MS = 90_000; // tabs call every 30 s; a crashed one never says goodbye
let feed: Feed | undefined;
let last: FeedMessage | undefined;
/** What the stream says when it begins: whoever comes later is told it here. */
let figures: LiveEvent | undefined;

function tellAll(message: FeedMessage): void {
  if (message.kind === "events") figures = message.events.findLast((e) => e.topic === "counters") ?? figures;
  else if (message.kind !== "at") last = message;
  for (const port of tabs.keys()) port.postMessage(message);
}

function listen(): void {
  const union = new Set([...tabs.values()].flatMap((tab) => tab.topics));
  feed?.listen([...union].sort().join(","));
}

type FromTab = { kind: "listen" | "here"; url: string; topics: string[] } | { kind: "bye" };

/** A tab that slept (a closed lid, a frozen tab) may have been taken for gone: it is told that it has missed something. */
function hear(port: MessagePort, message: FromTab): void {
  if (message.kind === "bye") tabs.delete(port);
  else {
    feed ??= new Feed(message.url, tellAll);
    const isNew = !tabs.has(port);
    if (isNew && message.kind === "here") port.postMessage({ kind: "lost" } satisfies FeedMessage);
    if (isNew && last) port.postMessage(last);
    if (isNew && figures) port.postMessage({ kind: "events", events: [figures] });
    tabs.set(port, { topics: message.topics, heardAt: Date.now() });
  }
  for (const [other, { heardAt }] of tabs) if (Date.now() - heardAt > TAB_GONE_MS) tabs.delete(other);
  listen();
  if (message.kind === "listen") feed?.tellAt();
}

const scope = self as unknown as { onconnect: (event: MessageEvent) => void };
scope.onconnect = (event) => {
  const port = event.ports[0];
  if (port) port.onmessage = (e: MessageEvent<FromTab>) => hear(port, e.data);
};

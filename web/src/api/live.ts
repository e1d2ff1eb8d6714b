// What happens on the server, as it happens. Pages subscribe to topics; nothing ever polls.
import { effect, signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { path } from "../base/url";
import { apiUrl, onAnswer } from "./client";
import { type At, eventIdOf, Feed, type FeedMessage, type LiveEvent } from "./live-feed";

export type Topic = "runs" | "jobs" | "logs" | "status" | "worlds" | "counters";
/** `events` are those of one tenth of a second, in order, parsed. */
export type Listener = (events: readonly unknown[]) => void;

/** null: not tried yet. */
export const isLive = signal<boolean | null>(null);

const listeners = new Map<Topic, Set<Listener>>();
const resyncs = new Set<() => void>();
let send: ((topics: string[]) => void) | undefined;
let isAsked = false;

function deliver(topic: Topic, events: readonly LiveEvent[]): void {
  const set = listeners.get(topic);
  if (!set?.size) return;
  const parsed = events.filter((e) => e.topic === topic).map((e) => JSON.parse(e.json) as unknown);
  if (parsed.length) for (const fn of [...set]) fn(parsed);
}

/*
 * A page reads, and then the stream opens: what changed in between comes as no event. Answers say which event they are as new
 * as, the stream how far it is when it begins; a page whose answer is older than that reads anew, once.
 */
let oldest: { epoch: string; seq: number } | null = null; // of the answers since the page was opened
let at: At | null = null;
const unsure = new Set<Topic>(); // listened to, and not known to be in the stream yet
effect(() => {
  void path.value;
  oldest = null;
});

const isPast = (answer: { epoch: string; seq: number }, stream: At): boolean =>
  answer.epoch !== stream.epoch ||
  [...listeners].some(([t, s]) => s.size > 0 && (stream.newest[t] ?? 0) > answer.seq);

function resync(): void {
  oldest = null;
  for (const fn of [...resyncs]) fn();
}

function hearAt(message: At): void {
  at = message;
  const isNews = [...unsure].some((topic) => topic in message.newest);
  for (const topic of Object.keys(message.newest)) unsure.delete(topic as Topic);
  if (isNews && oldest && isPast(oldest, message)) resync();
}

/** An answer that was under way while the stream began, or while it told something of what is asked. */
onAnswer((event) => {
  const mine = eventIdOf(event);
  if (!mine) return;
  if (!oldest || mine.epoch !== oldest.epoch || mine.seq < oldest.seq) oldest = mine;
  if (!at || !isPast(mine, at)) return;
  at = null; // once
  resync();
});

function hear(message: FeedMessage): void {
  if (message.kind === "at") return hearAt(message);
  if (message.kind !== "events") {
    const was = isLive.value;
    isLive.value = message.kind === "open";
    if (was === false && isLive.value) resync(); // what happened meanwhile may be lost
    return;
  }
  for (const { topic, seq } of message.events) if (at && seq) at.newest[topic] = seq;
  if (message.events.some((e) => e.topic === "resync")) resync();
  for (const topic of listeners.keys()) deliver(topic, message.events);
}

/** The worker's address passes the page's Trusted Types. */
function workerUrl(): string {
  const url = new URL(LIVE_WORKER, document.baseURI).href;
  const policy = window.trustedTypes?.createPolicy("sereno", { createScriptURL: (u) => u });
  return policy ? policy.createScriptURL(url) : url;
}

function connectWorker(url: string): (topics: string[]) => void {
  const { port } = new SharedWorker(workerUrl(), { name: "sereno" });
  let wanted: string[] = [];
  port.onmessage = (event: MessageEvent<FeedMessage>) => hear(event.data);
  window.addEventListener("pagehide", () => port.postMessage({ kind: "bye" }));
  window.addEventListener("pageshow", (event) => event.persisted && ask());
  setInterval(() => port.postMessage({ kind: "here", url, topics: wanted }), 30_000);
  return (topics) => port.postMessage({ kind: "listen", url, topics: (wanted = topics) });
}

/** Where there is no SharedWorker the tab has its own stream, closed while nobody sees the tab. */
function connectHere(url: string): (topics: string[]) => void {
  const feed = new Feed(url, hear);
  let wanted = "";
  const listen = () => feed.listen(document.hidden ? "" : wanted);
  document.addEventListener("visibilitychange", listen);
  return (topics) => {
    wanted = topics.sort().join(",");
    listen();
    feed.tellAt();
  };
}

function ask(): void {
  send?.([...listeners.entries()].filter(([, set]) => set.size > 0).map(([topic]) => topic));
}

/** Subscriptions change in bursts while pages come and go: one question after the burst. */
function askSoon(): void {
  if (isAsked) return;
  isAsked = true;
  queueMicrotask(() => {
    isAsked = false;
    ask();
  });
}

/** Once for a document: whoever logs in after a log-out goes on with the same connection, opened anew as theirs. */
export function startLive(): void {
  const url = new URL(apiUrl("/api/cron/stream"), location.origin).href;
  send ??= typeof SharedWorker === "undefined" ? connectHere(url) : connectWorker(url);
  ask();
}

export function listen(topic: Topic, fn: Listener): () => void {
  let set = listeners.get(topic);
  if (!set) listeners.set(topic, (set = new Set()));
  if (!set.size) unsure.add(topic);
  set.add(fn);
  askSoon();
  return () => {
    set.delete(fn);
    askSoon();
  };
}

/** Calls `fn` when events may have been missed: read the state anew. */
export function onResync(fn: () => void): () => void {
  resyncs.add(fn);
  return () => void resyncs.delete(fn);
}

/** While the component is shown. The newest `fn` is called. */
export function useLive(topic: Topic, fn: Listener): void {
  const newest = useRef(fn);
  newest.current = fn;
  useEffect(() => listen(topic, (events) => newest.current(events)), [topic]);
}

/**
 * Events come in bursts: what they change is asked again once, `ms` after the first of a burst, and no sooner than the
 * answer before is here. A stream that never rests cannot keep a page from ever being told.
 */
export function useSoon(ms: number, fn: () => void | Promise<void>): () => void {
  const newest = useRef(fn);
  newest.current = fn;
  const soon = useMemo(() => makeSoon(ms, () => newest.current()), []);
  useEffect(() => soon.stop, []);
  return soon.ask;
}

/** The clockwork of useSoon. */
export function makeSoon(ms: number, fn: () => void | Promise<void>): { ask: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let state: "idle" | "running" | "asked again" | "stopped" = "idle";
  const ask = () => {
    if (state === "running") state = "asked again";
    else if (state === "idle") timer ??= setTimeout(() => void run(), ms);
  };
  const run = async () => {
    timer = undefined;
    state = "running";
    try {
      await fn();
    } finally {
      const isAskedAgain = (state as string) === "asked again";
      if ((state as string) !== "stopped") state = "idle";
      if (isAskedAgain) ask();
    }
  };
  return {
    ask,
    stop: () => {
      clearTimeout(timer);
      state = "stopped";
    },
  };
}

// One stream of server-sent events, kept open: reconnects by itself, resumes where it was, gathers what comes into
// ten messages a second. Used by the shared worker, and by the page itself where there is none.

export interface LiveEvent {
  topic: string;
  /** the event's JSON as text: most tabs never look at most events */
  json: string;
  /** Its number; null: of an event that tells how things are now. */
  seq: number | null;
}
/** How far the stream is: the number of each topic's newest event that it has told or will not tell any more. */
export interface At {
  kind: "at";
  epoch: string;
  newest: Record<string, number>;
}
export type FeedMessage = { kind: "events"; events: LiveEvent[] } | { kind: "open" } | { kind: "lost" } | At;

/** "12-345": the server's start, and the event since. */
export function eventIdOf(text: string | null): { epoch: string; seq: number } | null {
  const [epoch, seq] = (text ?? "").split("-");
  return epoch && seq && /^\d+$/.test(seq) ? { epoch, seq: Number(seq) } : null;
}

const topics = ["runs", "jobs", "logs", "status", "worlds", "counters", "resync"];
const GATHER_MS = 100;
const EVENTS_MAX = 5000; // more than that at once: tell the pages to read anew

export class Feed {
  private source: EventSource | undefined;
  private wanted = "";
  private lastId = "";
  private gathered: LiveEvent[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private at: At | undefined;

  constructor(
    private readonly url: string,
    private readonly tell: (message: FeedMessage) => void,
  ) {}

  /** Says how far it is; a stream that is just opening says so by itself. */
  tellAt(): void {
    if (this.at) this.tell({ ...this.at, newest: { ...this.at.newest } });
  }

  /** Listens to these topics, "jobs,runs,status"; "" closes. */
  listen(wanted: string): void {
    if (wanted === this.wanted && this.source) return;
    this.wanted = wanted;
    this.at = undefined;
    this.close();
    if (wanted) this.open();
  }

  private close(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = undefined;
  }

  private open(): void {
    const after = this.lastId ? `&lastEventId=${encodeURIComponent(this.lastId)}` : "";
    const source = new EventSource(`${this.url}?topics=${this.wanted}${after}`);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.tell({ kind: "open" });
    };
    source.onerror = () => {
      this.tell({ kind: "lost" });
      if (source.readyState !== EventSource.CLOSED) return; // it reconnects by itself
      this.close();
      const wait = Math.min(30000, 1000 * 2 ** this.failures++);
      this.retry = setTimeout(() => this.open(), wait);
    };
    source.addEventListener("hello", (event: MessageEvent<string>) => {
      this.lastId = event.lastEventId;
      const newest = JSON.parse(event.data) as Record<string, number>;
      this.at = { kind: "at", epoch: eventIdOf(event.lastEventId)?.epoch ?? "", newest };
      this.tellAt();
    });
    for (const topic of topics)
      source.addEventListener(topic, (event: MessageEvent<string>) => {
        if (event.lastEventId) this.lastId = event.lastEventId;
        const seq = topic === "counters" ? null : (eventIdOf(event.lastEventId)?.seq ?? null);
        if (this.at && seq) this.at.newest[topic] = seq;
        this.gather({ topic, json: event.data, seq });
      });
  }

  private gather(event: LiveEvent): void {
    if (this.gathered.length >= EVENTS_MAX) this.gathered = [{ topic: "resync", json: "{}", seq: null }];
    else this.gathered.push(event);
    this.timer ??= setTimeout(() => {
      const events = this.gathered;
      this.gathered = [];
      this.timer = undefined;
      this.tell({ kind: "events", events });
    }, GATHER_MS);
  }
}

// One stream of server-sent events, kept open: reconnects by itself, resumes where it was, gathers what comes into
// ten messages a second. Used by the shared worker, and by the page itself where there is none.

export interface LiveEvent {
  topic: string;
  /** the event's JSON as text: most tabs never look at most events */
  json: string;
}
export type FeedMessage = { kind: "events"; events: LiveEvent[] } | { kind: "open" } | { kind: "lost" };

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

  constructor(
    private readonly url: string,
    private readonly tell: (message: FeedMessage) => void,
  ) {}

  /** Listens to these topics, "jobs,runs,status"; "" closes. */
  listen(wanted: string): void {
    if (wanted === this.wanted && this.source) return;
    this.wanted = wanted;
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
    for (const topic of topics)
      source.addEventListener(topic, (event: MessageEvent<string>) => {
        if (event.lastEventId) this.lastId = event.lastEventId;
        this.gather({ topic, json: event.data });
      });
  }

  private gather(event: LiveEvent): void {
    if (this.gathered.length >= EVENTS_MAX) this.gathered = [{ topic: "resync", json: "{}" }];
    else this.gathered.push(event);
    this.timer ??= setTimeout(() => {
      const events = this.gathered;
      this.gathered = [];
      this.timer = undefined;
      this.tell({ kind: "events", events });
    }, GATHER_MS);
  }
}

// The runs shown: read page by page as one scrolls, patched as they happen. Rows that come new wait while somebody is in
// the list, so that nothing moves under the pointer.
import { batch, signal } from "@preact/signals";
import { ApiError, type Answer, call } from "../../api/client";

export type RunRow = Answer<"GET /api/cron/executions">["data"][number];
export type RunEvent = Partial<RunRow> & { type: string };

export const ROWS_MAX = 5000;
/** How many rows a list reads at first, then at a time, and keeps at most. */
export interface RunListSizes {
  first: number;
  next: number;
  max: number;
}
const wholePage: RunListSizes = { first: 100, next: 300, max: ROWS_MAX };
const EMPTY_PAGES_MAX = 20; // a rare filter looks at many runs to find one

interface Page {
  data: readonly RunRow[];
  nextCursor: string | null;
}
export type AskRuns = (
  query: { q?: string; cursor?: string; limit: number },
  signal: AbortSignal,
) => Promise<Page>;

const askServer: AskRuns = (query, abort) => call("GET /api/cron/executions", { query, signal: abort });

/** What an event says of a run that is shown; output and parameters are not in it. */
export function patched(row: RunRow, event: RunEvent): RunRow {
  const { type: _, output: __, params: ___, ...fields } = event;
  return { ...row, ...fields };
}

export class RunList {
  readonly rows = signal<readonly RunRow[]>([]);
  readonly error = signal<ApiError | null>(null);
  readonly isLoading = signal(true);
  /** Whether anything has come at all since the filter changed. */
  readonly isThere = signal(false);
  readonly hasMore = signal(false);
  /** New runs that are not shown yet; with a filter, runs that may have come into it or gone out of it. */
  readonly waiting = signal(0);
  private cursor: string | null = null;
  private running: AbortController | undefined;
  private readonly seenNew = new Set<string>();
  private q = "";

  constructor(
    private readonly ask: AskRuns = askServer,
    private readonly sizes: RunListSizes = wholePage,
  ) {}

  stop(): void {
    this.running?.abort();
  }

  /** Reads the first page anew; what is shown stays until it is here. */
  async load(q: string): Promise<void> {
    this.stop();
    const mine = (this.running = new AbortController());
    const isOther = q !== this.q;
    this.q = q;
    this.isLoading.value = true;
    try {
      const got = await this.pages(null, this.sizes.first, mine.signal);
      if (mine.signal.aborted) return;
      batch(() => {
        const old = isOther ? [] : this.rows.peek();
        // A page that is all there is, or that does not reach what was shown (more came than a page): nothing of it stays.
        const isAlone = got.nextCursor === null || !old.some((row) => row.id >= (got.data.at(-1)?.id ?? ""));
        this.rows.value = isAlone ? got.data : merge(got.data, old, this.sizes.max);
        if (isAlone || this.rows.peek().length <= got.data.length) this.setCursor(got.nextCursor);
        this.error.value = null;
        this.isThere.value = true;
        this.waiting.value = 0;
        this.seenNew.clear();
      });
    } catch (error) {
      this.fail(error, mine.signal);
    } finally {
      if (!mine.signal.aborted) this.isLoading.value = false;
    }
  }

  async more(): Promise<void> {
    if (this.isLoading.peek() || !this.cursor || this.rows.peek().length >= this.sizes.max) return;
    const mine = (this.running = new AbortController());
    this.isLoading.value = true;
    try {
      const got = await this.pages(this.cursor, this.sizes.next, mine.signal);
      if (mine.signal.aborted) return;
      batch(() => {
        this.rows.value = this.rows.peek().concat(got.data);
        this.setCursor(got.nextCursor);
      });
    } catch (error) {
      this.fail(error, mine.signal);
    } finally {
      if (!mine.signal.aborted) this.isLoading.value = false;
    }
  }

  private setCursor(cursor: string | null): void {
    this.cursor = cursor;
    this.hasMore.value = cursor !== null;
  }

  private fail(error: unknown, abort: AbortSignal): void {
    if (abort.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    this.error.value = error;
  }

  /** A page; while one is short and there are more, the next ones, too. */
  private async pages(cursor: string | null, limit: number, abort: AbortSignal): Promise<Page> {
    const data: RunRow[] = [];
    for (let i = 0; ; i++) {
      const page = await this.ask(
        { limit, ...(this.q ? { q: this.q } : {}), ...(cursor ? { cursor } : {}) },
        abort,
      );
      data.push(...page.data);
      cursor = page.nextCursor;
      if (!cursor || data.length >= limit / 4 || i >= EMPTY_PAGES_MAX) return { data, nextCursor: cursor };
    }
  }

  /** Events of a tenth of a second: known rows change in place, unknown ones are counted. */
  hear(events: readonly RunEvent[]): void {
    const last = new Map<string, RunEvent>();
    for (const e of events)
      if (e.type === "run" && e.id) last.set(e.id, { ...last.get(e.id), ...e, type: "run" });
    if (!last.size) return;
    let isChanged = false;
    const next = this.rows.peek().map((row) => {
      const event = last.get(row.id);
      if (!event) return row;
      last.delete(row.id);
      isChanged = true;
      if (this.q && event.status && event.status !== row.status) this.seenNew.add(row.id); // it may fit no more
      return patched(row, event);
    });
    const newest = this.rows.peek()[0]?.id ?? "";
    for (const id of last.keys()) if (id > newest) this.seenNew.add(id);
    batch(() => {
      if (isChanged) this.rows.value = next;
      this.waiting.value = this.seenNew.size;
    });
  }
}

/** The newest page in front of what was there; rows are told by their ids, which ascend with time. */
function merge(first: readonly RunRow[], old: readonly RunRow[], max: number): readonly RunRow[] {
  const oldest = first.at(-1)?.id;
  if (oldest === undefined) return first;
  return first.concat(old.filter((row) => row.id < oldest)).slice(0, max);
}

// The rows the page shows: windows of the server's list, fetched as they come into view, patched as jobs run. What an
// event would reorder waits while somebody works in the list.
import { batch, signal, type Signal } from "@preact/signals";
import { ApiError, call } from "../../api/client";
import { makeSoon } from "../../api/live";
import { newer, rowOf, type JobRow } from "../../api/job-rows";
import type { Language } from "../../base/format";

export const WINDOW = 200;
const COUNT_MS = 1500;
export interface Asked {
  q: string;
  sort: string;
  isDown: boolean;
  lang: Language;
}
interface Slot {
  key: string;
  id: string | null;
}
interface Page {
  columns: string[];
  rows: unknown[][];
  total: number;
  matched: number;
  states: Record<string, number>;
}

/** Slots of a list of `count` rows: those that are known keep their ids, the others wait for theirs. Pure. */
export function slotsOf(old: readonly Slot[], count: number, from: number, ids: readonly string[]): Slot[] {
  const next: Slot[] = [];
  const moved = new Set(ids);
  for (let i = 0; i < count; i++) {
    const fresh = i >= from && i < from + ids.length ? ids[i - from] : undefined;
    const kept = old[i]?.id;
    if (fresh) next.push({ key: fresh, id: fresh });
    else if (kept && !moved.has(kept)) next.push({ key: kept, id: kept });
    else next.push({ key: `#${i}`, id: null });
  }
  return next;
}

export class JobList {
  readonly slots = signal<readonly Slot[]>([]);
  readonly total = signal<number | null>(null);
  readonly matched = signal(0);
  readonly states = signal<Record<string, number>>({});
  readonly error = signal<ApiError | null>(null);
  readonly isLoading = signal(true);
  /** Jobs that changed while the order was held. */
  readonly held = signal<ReadonlySet<string>>(new Set());
  private readonly rows = new Map<string, Signal<JobRow>>();
  private columns: string[] = [];
  private fresh = new Set<number>();
  private coming = new Set<number>();
  private asked: Asked | null = null;
  /** Counts the questions: each one makes all windows that are seen old. */
  readonly round = signal(0);
  private isBusy = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The first window on the screen. */
  private top = 0;

  row(id: string): JobRow | undefined {
    return this.rows.get(id)?.value;
  }
  peek(id: string): JobRow | undefined {
    return this.rows.get(id)?.peek();
  }
  ids(): string[] {
    return this.slots.peek().flatMap((s) => (s.id ? [s.id] : []));
  }

  private readonly recount = makeSoon(COUNT_MS, () => this.count());

  /** Another question: the old rows stay until the first window of the new ones is here. */
  ask(asked: Asked): void {
    const isOther = JSON.stringify(asked) !== JSON.stringify(this.asked);
    this.asked = asked;
    if (isOther) void this.reload(0);
  }

  async reload(from = this.top): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.round.value++;
    this.fresh.clear();
    this.coming.clear();
    this.isLoading.value = true;
    await this.fetchWindow(from);
  }

  /** The row at this place is seen: have it, and the window after it soon. */
  see(index: number): void {
    const window = Math.floor(index / WINDOW);
    this.top = window;
    if (!this.fresh.has(window) && !this.coming.has(window)) void this.fetchWindow(window);
  }

  private async fetchWindow(window: number): Promise<void> {
    const round = this.round.peek();
    const asked = this.asked;
    if (!asked) return;
    this.coming.add(window);
    try {
      const page = await fetchPage(asked, window * WINDOW, WINDOW);
      if (round === this.round.peek()) this.take(window, page);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (round === this.round.peek()) this.error.value = error;
    } finally {
      this.coming.delete(window);
      if (round === this.round.peek()) this.isLoading.value = false;
    }
  }

  private take(window: number, page: Page): void {
    this.columns = page.columns;
    const rows = page.rows.map((values) => rowOf(page.columns, values));
    batch(() => {
      for (const row of rows) this.put(row);
      const isFirst = this.fresh.size === 0;
      const old = isFirst && page.matched !== this.matched.peek() ? [] : this.slots.peek();
      this.fresh.add(window);
      this.error.value = null;
      this.total.value = page.total;
      this.matched.value = page.matched;
      this.states.value = page.states;
      this.held.value = new Set();
      this.slots.value = slotsOf(
        old,
        page.matched,
        window * WINDOW,
        rows.map((r) => r.id),
      );
    });
  }

  private put(row: JobRow): void {
    const known = this.rows.get(row.id);
    if (known) known.value = newer(known.peek(), row);
    else this.rows.set(row.id, signal(row));
  }

  /** How many there are in each state now: figures that no single row tells. */
  private async count(): Promise<void> {
    const asked = this.asked;
    if (!asked) return;
    try {
      const { total, states } = await fetchPage(asked, 0, 1);
      if (asked !== this.asked) return;
      this.total.value = total;
      this.states.value = states;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // they stay as they were
    }
  }

  /** Live events of the topic jobs. Rows are patched at once; order and membership follow when nobody is in the list. */
  hear(events: readonly unknown[]): void {
    const changed = new Set(this.held.peek());
    batch(() => {
      for (const event of events as {
        type: string;
        id?: string;
        what?: string;
        rows?: unknown[][];
      }[]) {
        if (event.type === "job" && event.what !== "gate") changed.add(event.id ?? "?");
        for (const values of event.rows ?? []) {
          const row = rowOf(this.columns, values);
          const old = this.rows.get(row.id)?.peek();
          if (old) this.put(row);
          if (old?.state !== row.state) this.recount.ask();
          if (this.mayMove(old, row)) changed.add(row.id);
        }
      }
    });
    if (changed.size === this.held.peek().size) return;
    this.held.value = changed;
    this.applySoon();
  }

  /** Would the server's list look otherwise? */
  private mayMove(old: JobRow | undefined, row: JobRow): boolean {
    if (!this.columns.length || !this.asked) return false;
    if (old && old.schedule !== row.schedule) return true; // live rows come without its words
    if (this.asked.q !== "") return !old || old.state !== row.state || old.last !== row.last;
    if (this.asked.sort === "state") return old?.state !== row.state;
    return this.asked.sort === "last" || this.asked.sort === "next" ? old?.last !== row.last : false;
  }

  /** Somebody points at the list or works in it. */
  hold(isBusy: boolean): void {
    this.isBusy = isBusy;
    if (!isBusy) this.applySoon();
  }

  private applySoon(): void {
    if (this.isBusy || this.held.peek().size === 0 || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (!this.isBusy) void this.reload();
    }, 1000);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.recount.stop();
    this.round.value++;
  }
}

export async function fetchPage(asked: Asked, offset: number, limit: number): Promise<Page> {
  const query = {
    q: asked.q,
    sort: asked.sort,
    down: asked.isDown,
    lang: asked.lang,
    offset,
    limit,
  };
  return (await call("GET /api/cron/jobs/compact", {
    query,
  } as never)) as unknown as Page;
}

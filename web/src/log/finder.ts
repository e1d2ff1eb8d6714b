// Finds lines of an output: asks the server bit by bit, since each answer looks at a bounded part, and keeps the numbers.
import { signal } from "@preact/signals";
import { ApiError } from "../api/client";
import { neighbour } from "./scroll";
import type { LogLine } from "./store";

export interface FindAnswer {
  data: readonly LogLine[];
  next: number | null;
}
export type Ask = (after: number, abort: AbortSignal) => Promise<FindAnswer>;

export const MATCHES_MAX = 50_000;

export class Finder {
  readonly lines = signal<readonly LogLine[]>([]);
  readonly isBusy = signal(false);
  /** More than MATCHES_MAX: the rest was not looked for. */
  readonly isCut = signal(false);
  readonly error = signal<ApiError | null>(null);
  private running: AbortController | undefined;

  constructor(private readonly max = MATCHES_MAX) {}

  stop(): void {
    this.running?.abort();
    this.isBusy.value = false;
  }
  clear(): void {
    this.stop();
    this.lines.value = [];
    this.isCut.value = false;
    this.error.value = null;
  }

  /** A new search; what the one before found goes with its first answer. */
  async find(ask: Ask): Promise<void> {
    this.stop();
    const mine = (this.running = new AbortController());
    this.isBusy.value = true;
    this.isCut.value = false;
    const found: LogLine[] = [];
    try {
      for (let after: number | null = 0; after !== null;) {
        const got: FindAnswer = await ask(after, mine.signal);
        if (mine.signal.aborted) return;
        found.push(...got.data);
        after = got.next;
        if (found.length >= this.max && after !== null) {
          this.isCut.value = true;
          after = null;
        }
        this.lines.value = found.slice();
      }
      this.error.value = null;
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.error.value = error;
    } finally {
      if (!mine.signal.aborted) this.isBusy.value = false;
    }
  }

  /** The match after (before) a line, as its place in the list; -1: none. */
  step(line: number, isForward: boolean): number {
    return neighbour(
      this.lines.peek().map((l) => l.line),
      line,
      isForward,
    );
  }
}

// The lines of one output, of which only the pages near what is seen are kept. Living output is appended; whatever does
// not fit seamlessly (a gap, a flood, a lost connection) asks the server anew.
import { batch, signal } from "@preact/signals";
import { ApiError, type Answer } from "../api/client";

export type LogIndex = Answer<"GET /api/cron/executions/{id}/output/index">;
export type LogLine = Answer<"GET /api/cron/executions/{id}/output/lines">["data"][number];

/** What a piece of living output is told as. `text` null: more came than an event carries. */
export interface LivePiece {
  offset: number;
  end: number;
  at: string;
  text: string | null;
}
/** Where lines come from; the server, or a test. */
export interface LogSource {
  index(): Promise<LogIndex>;
  lines(from: number, count: number): Promise<{ data: readonly LogLine[]; lines: number; bytes: number }>;
}

export const PAGE_LINES = 200;
export const PAGES_KEPT = 40;
const CHARS_KEPT = 4_000_000;
const RESYNC_MS = 250;

/** The server's own judgement is finer (src/api/output_text.h); this is for lines that have just come. */
const LOOKS_WRONG =
  /\b(fatal|panic|traceback|critical|fail(s|ed|ure|ures|ing)?|fall[oó]|fallid[oa])(?![a-zó])|error|exception|excepción/i;
const DENIED = /\b(0|no|sin|without) errore?s?\b|errors?["]?\s*[:=]\s*(0|null|false)\b/i;
export const looksWrong = (text: string) => LOOKS_WRONG.test(text) && !DENIED.test(text);

const pageOf = (line: number) => Math.floor((line - 1) / PAGE_LINES);
const firstOf = (page: number) => page * PAGE_LINES + 1;

export class LogStore {
  /** How many lines there are. */
  readonly count = signal(0);
  readonly index = signal<LogIndex | undefined>(undefined);
  readonly error = signal<ApiError | null>(null);
  /** Counts up whenever lines have come or gone. */
  readonly changed = signal(0);

  private readonly pages = new Map<number, LogLine[]>();
  private readonly asked = new Set<number>();
  private bytes = 0; // of the output, up to which `count` is told
  private isOpenLine = false; // the last line has no end yet
  private near: [number, number] = [1, PAGE_LINES];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isStopped = false;
  private epoch = 0; // answers to questions from before a resync are not believed

  /** Of the run, once it is known: living lines are told with the time since then. */
  startedAt: number | null = null;

  constructor(private readonly source: LogSource) {}

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** The line, if it is here. */
  at(line: number): LogLine | undefined {
    return this.pages.get(pageOf(line))?.[(line - 1) % PAGE_LINES];
  }

  /** Reads how much there is. Whole pages of before cannot have changed, and stay; `isNew` drops them, too. */
  async load(isNew = false): Promise<void> {
    const epoch = ++this.epoch;
    try {
      const index = await this.source.index();
      if (this.isStopped || epoch !== this.epoch) return;
      const wasCut = this.index.peek()?.isCut !== index.isCut;
      batch(() => {
        this.index.value = index;
        this.error.value = null;
        this.count.value = index.lines;
        this.bytes = index.bytes;
        this.isOpenLine = index.isOpen;
        if (isNew || wasCut) this.pages.clear();
        else for (const [page, lines] of this.pages) if (lines.length < PAGE_LINES) this.pages.delete(page);
        this.asked.clear();
        this.changed.value++;
      });
      this.want(...this.near);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!this.isStopped) this.error.value = error;
    }
  }

  /** Asks anew, soon, once for a burst of reasons. */
  resync(): void {
    if (this.timer !== undefined || this.isStopped) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.load();
    }, RESYNC_MS);
  }

  /** These lines are looked at: their pages are loaded, those far away go. */
  want(first: number, last: number): void {
    this.near = [first, last];
    const end = Math.min(last, this.count.peek());
    for (let page = pageOf(Math.max(1, first)); page <= pageOf(Math.max(1, end)); page++)
      void this.loadPage(page);
  }

  private missingOf(page: number): { from: number; count: number } {
    const have = this.pages.get(page)?.length ?? 0;
    const from = firstOf(page) + have;
    const end = Math.min(this.count.peek(), firstOf(page) + PAGE_LINES - 1);
    return { from, count: end - from + 1 };
  }

  private async loadPage(page: number): Promise<void> {
    const { from, count } = this.missingOf(page);
    if (count <= 0 || this.asked.has(page)) return;
    this.asked.add(page);
    const epoch = this.epoch;
    try {
      const got = await this.source.lines(from, count);
      if (this.isStopped || epoch !== this.epoch) return;
      this.asked.delete(page);
      const have = this.pages.get(page) ?? [];
      if (firstOf(page) + have.length === from && got.data.length) {
        this.pages.set(page, have.concat(got.data));
        this.forgetFar();
        this.changed.value++;
      }
      this.error.value = null;
      if (got.data.length && this.isNear(page)) void this.loadPage(page); // a page of long lines comes in parts
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.asked.delete(page);
      if (!this.isStopped) this.error.value = error;
    }
  }

  private isNear(page: number): boolean {
    return page >= pageOf(Math.max(1, this.near[0])) && page <= pageOf(Math.max(1, this.near[1]));
  }

  private forgetFar(): void {
    const middle = pageOf(Math.max(1, Math.floor((this.near[0] + this.near[1]) / 2)));
    const byDistance = [...this.pages.keys()].sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
    let chars = 0;
    for (const [i, page] of byDistance.entries()) {
      for (const line of this.pages.get(page) ?? []) chars += line.text.length;
      if (!this.isNear(page) && (i >= PAGES_KEPT || chars > CHARS_KEPT)) this.pages.delete(page);
    }
  }

  /** A piece of living output. */
  append(piece: LivePiece): void {
    const index = this.index.peek();
    if (!index || piece.end <= this.bytes) return;
    if (index.isLive && index.isCut) return; // beyond what is kept in order: it is read when the run has ended
    if (piece.text === null || piece.offset !== this.bytes) return this.resync();
    const ms = this.startedAt === null ? null : Math.max(0, Date.parse(piece.at) - this.startedAt);
    const parts = piece.text.split("\n");
    const rest = parts.pop() ?? "";
    for (const part of parts) this.addText(part.replace(/\r$/, ""), ms, true);
    if (rest) this.addText(rest, ms, false);
    this.bytes = piece.end;
    this.forgetFar();
    this.changed.value++;
  }

  private addText(text: string, ms: number | null, isEnd: boolean): void {
    const number = this.isOpenLine ? this.count.peek() : this.count.peek() + 1;
    const page = pageOf(number);
    const lines = this.pages.get(page) ?? [];
    const place = (number - 1) % PAGE_LINES;
    if (this.isOpenLine) {
      const old = lines[place];
      if (old) {
        const whole = old.text + text;
        lines[place] = { ...old, text: whole, bytes: old.bytes + text.length, looksWrong: looksWrong(whole) };
      }
    } else if (lines.length === place) {
      this.pages.set(page, lines);
      lines.push({ line: number, text, bytes: text.length + 1, ms, looksWrong: looksWrong(text) });
    }
    this.count.value = number;
    this.isOpenLine = !isEnd;
  }
}

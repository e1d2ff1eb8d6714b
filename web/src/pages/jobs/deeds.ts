// What is done with jobs from lists: said, undone where it can be, many with a bounded number of requests at once.
import { signal } from "@preact/signals";
import { ApiError, call } from "../../api/client";
import type { JobRow } from "../../api/job-rows";
import { act, say, sayError } from "../../ui/toast";
import { words } from "../../words";

const path = (id: string) => ({ path: { job: id } });
const runIt = (id: string) => call("POST /api/cron/jobs/{job}/run", { ...path(id), body: {} });
const pauseIt = (id: string, how: { for?: string; until?: string } = {}) =>
  call("POST /api/cron/jobs/{job}/pause", { ...path(id), body: how });
const resumeIt = (id: string) => call("POST /api/cron/jobs/{job}/resume", path(id));

export const runJob = (id: string, name: string) => act(() => runIt(id), words().jobs.said.run(name));
export const pauseJob = (id: string, name: string, how: { for?: string; until?: string } = {}) =>
  act(
    () => pauseIt(id, how),
    words().jobs.said.paused(name),
    () => resumeIt(id),
  );
export const resumeJob = (id: string, name: string) =>
  act(
    () => resumeIt(id),
    words().jobs.said.resumed(name),
    () => pauseIt(id),
  );

/** How far a deed over many jobs is; null: none goes on. */
export const progress = signal<{ done: number; all: number } | null>(null);
const AT_ONCE = 4;

/** Does it with each, four at a time. Gives those with which it worked; the first error is said. */
async function withEach(rows: readonly JobRow[], doIt: (row: JobRow) => Promise<unknown>): Promise<JobRow[]> {
  const good: JobRow[] = [];
  const left = [...rows];
  let failed: ApiError | null = null;
  progress.value = { done: 0, all: rows.length };
  const worker = async () => {
    for (let row = left.shift(); row; row = left.shift()) {
      try {
        await doIt(row);
        good.push(row);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failed ??= error;
      }
      progress.value = {
        done: (progress.peek()?.done ?? 0) + 1,
        all: rows.length,
      };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  progress.value = null;
  if (failed) sayError(failed);
  return good;
}

export async function runMany(rows: readonly JobRow[]): Promise<void> {
  const good = await withEach(rows, (row) => runIt(row.id));
  if (good.length) say(words().jobs.said.runMany(good.length));
}

export async function pauseMany(rows: readonly JobRow[]): Promise<void> {
  const open = rows.filter((row) => row.gate === "open");
  const good = await withEach(open, (row) => pauseIt(row.id));
  if (good.length || !open.length)
    say(
      words().jobs.said.pausedMany(good.length),
      good.length ? () => withEach(good, (row) => resumeIt(row.id)) : undefined,
    );
}

export async function resumeMany(rows: readonly JobRow[]): Promise<void> {
  const closed = rows.filter((row) => row.gate === "paused");
  const good = await withEach(closed, (row) => resumeIt(row.id));
  if (good.length || !closed.length)
    say(
      words().jobs.said.resumedMany(good.length),
      good.length ? () => withEach(good, (row) => pauseIt(row.id)) : undefined,
    );
}

/** "team=ops" or "SYNC" as an entry of labels; null when it is neither. Pure. */
export function labelOf(text: string): [string, string] | null {
  const [, key = "", value = ""] = /^\s*([^=\s]+)(?:=(.*))?$/.exec(text) ?? [];
  return key ? [key, value.trim()] : null;
}

const setLabels = (row: JobRow, labels: Record<string, unknown> | null) =>
  call("PATCH /api/cron/jobs/{job}", {
    ...path(row.id),
    body: { labels } as never,
  });

export async function labelMany(rows: readonly JobRow[], label: [string, string]): Promise<void> {
  const good = await withEach(rows, (row) => setLabels(row, { ...row.labels, [label[0]]: label[1] }));
  const undo = () => withEach(good, (row) => setLabels(row, row.labels));
  if (good.length) say(words().jobs.said.labelled(good.length), undo);
}

/** The whole definitions as a file. */
export async function exportMany(rows: readonly JobRow[]): Promise<void> {
  const jobs = new Map<string, unknown>();
  await withEach(rows, async (row) => jobs.set(row.id, await call("GET /api/cron/jobs/{job}", path(row.id))));
  const text = JSON.stringify(
    rows.flatMap((row) => jobs.get(row.id) ?? []),
    null,
    2,
  );
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "sereno-jobs.json";
  link.click();
  URL.revokeObjectURL(link.href);
  say(words().jobs.said.exported(jobs.size));
}

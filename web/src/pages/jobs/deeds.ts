// What is done with jobs from lists: said, undone where it can be, many with a bounded number of requests at once.
import { signal } from "@preact/signals";
import { ApiError, call, callTagged } from "../../api/client";
import { type JobRow, rowOf } from "../../api/job-rows";
import { serverNow } from "../../base/clock";
import { act, say, sayError } from "../../ui/toast";
import { language } from "../../words";
import { jobsWords } from "../../words/jobs";
import { fetchPage } from "./list";

const path = (id: string) => ({ path: { job: id } });
const runIt = (id: string) => call("POST /api/cron/jobs/{job}/run", { ...path(id), body: {} });
const pauseIt = (id: string, how: { for?: string; until?: string } = {}) =>
  call("POST /api/cron/jobs/{job}/pause", { ...path(id), body: how });
const resumeIt = (id: string) => call("POST /api/cron/jobs/{job}/resume", path(id));

/** The pause there was: until the same instant; one that would be over by now is not begun again. */
const pauseAgain = async (id: string, until: number | null) => {
  if (until === null) await pauseIt(id);
  else if (until > serverNow()) await pauseIt(id, { until: new Date(until).toISOString() });
};

/** When the pause of a job ends by itself (ms since 1970); null: when somebody resumes it. */
export async function pausedUntil(id: string, name: string): Promise<number | null> {
  const [longest = ""] = name.split('"').sort((a, b) => b.length - a.length); // a quote cannot be asked for
  const asked = { q: `name~"${longest}"`, sort: "name", isDown: false, lang: language.peek() };
  const page = await fetchPage(asked, 0, 200);
  return (
    page.rows.map((values) => rowOf(page.columns, values)).find((row) => row.id === id)?.gateUntil ?? null
  );
}

export const runJob = (id: string, name: string) => act(() => runIt(id), jobsWords().said.run(name));
export const pauseJob = (id: string, name: string, how: { for?: string; until?: string } = {}) =>
  act(
    () => pauseIt(id, how),
    jobsWords().said.paused(name),
    () => resumeIt(id),
  );
export function resumeJob(id: string, name: string): Promise<boolean> {
  let until: number | null = null;
  const doIt = async () => {
    until = await pausedUntil(id, name);
    await resumeIt(id);
  };
  return act(doIt, jobsWords().said.resumed(name), () => pauseAgain(id, until));
}

/** How far a deed over many jobs is; null: none goes on. */
export const progress = signal<{ done: number; all: number } | null>(null);
const AT_ONCE = 4;

/** Does it with each, four at a time. Gives those with which it worked, and the first refusal. */
async function withEach(
  rows: readonly JobRow[],
  doIt: (row: JobRow) => Promise<unknown>,
): Promise<{ good: JobRow[]; failed: ApiError | null }> {
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
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    progress.value = null;
  }
  return { good, failed };
}

/** Does it with each, says what came of it, and offers to undo it with those with which it worked. */
async function deed(
  rows: readonly JobRow[],
  doIt: (row: JobRow) => Promise<unknown>,
  said: (n: number) => string,
  undo?: (row: JobRow) => Promise<unknown>,
): Promise<void> {
  const { good, failed } = await withEach(rows, doIt);
  if (failed) sayError(failed);
  const undoAll = async () => {
    const back = await withEach(good, undo ?? (() => Promise.resolve()));
    if (back.failed) throw back.failed;
  };
  if (good.length || !rows.length) say(said(good.length), undo && good.length ? undoAll : undefined);
}

export const runMany = (rows: readonly JobRow[]) =>
  deed(rows, (row) => runIt(row.id), jobsWords().said.runMany);

export const pauseMany = (rows: readonly JobRow[]) =>
  deed(
    rows.filter((row) => row.gate === "open"),
    (row) => pauseIt(row.id),
    jobsWords().said.pausedMany,
    (row) => resumeIt(row.id),
  );

export const resumeMany = (rows: readonly JobRow[]) =>
  deed(
    rows.filter((row) => row.gate === "paused"),
    (row) => resumeIt(row.id),
    jobsWords().said.resumedMany,
    (row) => pauseAgain(row.id, row.gateUntil),
  );

/** "team=ops" or "SYNC" as an entry of labels; null when it is neither. Pure. */
export function labelOf(text: string): [string, string] | null {
  const [, key = "", value = ""] = /^\s*([^=\s]+)(?:=(.*))?$/.exec(text) ?? [];
  return key ? [key, value.trim()] : null;
}

/** Sets one label among those the job has now, or takes it away (undefined). Gives what it was. */
async function setLabel(id: string, key: string, value: unknown): Promise<unknown> {
  const { answer, etag } = await callTagged("GET /api/cron/jobs/{job}", path(id));
  const labels = { ...(answer.labels as Record<string, unknown> | null) };
  const before = labels[key];
  if (value === undefined) delete labels[key];
  else labels[key] = value;
  await call("PATCH /api/cron/jobs/{job}", {
    ...path(id),
    body: { labels: Object.keys(labels).length ? labels : null } as never,
    ...(etag ? { headers: { "If-Match": etag } } : {}),
  });
  return before;
}

export async function labelMany(rows: readonly JobRow[], [key, value]: [string, string]): Promise<void> {
  const before = new Map<string, unknown>();
  await deed(
    rows,
    async (row) => before.set(row.id, await setLabel(row.id, key, value)),
    jobsWords().said.labelled,
    (row) => setLabel(row.id, key, before.get(row.id)),
  );
}

/** The whole definitions as a file. */
export async function exportMany(rows: readonly JobRow[]): Promise<void> {
  const jobs = new Map<string, unknown>();
  const read = async (row: JobRow) => jobs.set(row.id, await call("GET /api/cron/jobs/{job}", path(row.id)));
  const { failed } = await withEach(rows, read);
  if (failed) return sayError(failed); // half a file is no export
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
  say(jobsWords().said.exported(jobs.size));
}

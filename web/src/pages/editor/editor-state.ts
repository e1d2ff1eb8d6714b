// The state of one editor: the draft, what it was read as, and what the server says to it while one types.
import { batch, computed, effect, type ReadonlySignal, signal, type Signal } from "@preact/signals";
import { type Answer, ApiError, type Body, call, callTagged } from "../../api/client";
import { language } from "../../words";
import {
  differences,
  draftOf,
  type Draft,
  inputOf,
  type Json,
  merge,
  patchOf,
  same,
  withoutField,
} from "./draft";

export type Explanation = Answer<"POST /api/cron/schedule/explain">;
export type Preview = Answer<"POST /api/cron/jobs/preview">;

export interface Conflict {
  theirs: Draft;
  etag: string | null;
  taken: string[];
  conflicts: string[];
  merged: Draft;
}

export interface Editor {
  /** null: a new job */
  id: string | null;
  /** The id that a new job will get: what H and ~ are under it is what is shown. */
  idToBe: Signal<string | null>;
  base: Signal<Draft>;
  draft: Signal<Draft>;
  etag: Signal<string | null>;
  /** Fields whose error is shown: those one has been in; all after a try to save. */
  seen: Signal<ReadonlySet<string>>;
  isAllSeen: Signal<boolean>;
  /** Errors of texts that are no value yet (JSON), by field path. */
  broken: Signal<ReadonlyMap<string, string>>;
  /** How many next runs are listed. */
  count: Signal<number>;
  usualMs: Signal<number | null>;
  explanation: Signal<Explanation | null>;
  explainError: Signal<ApiError | null>;
  preview: Signal<Preview | null>;
  /** What the server refuses, by field; a refusal of no field has the name "". */
  refused: Signal<ReadonlyMap<string, ApiError>>;
  /** An executor that needs no parameters: what a new job is judged with until one is chosen. */
  standIn: string | null;
  /** Somebody saved while this was being edited. */
  conflict: Signal<Conflict | null>;
  isDirty: ReadonlySignal<boolean>;
  isBusy: Signal<boolean>;
  set(name: string, value: Json): void;
  see(name: string): void;
}

export const isWrongSchedule = (ed: Editor) =>
  ed.explainError.value !== null || ed.refused.value.has("schedule") || ed.refused.value.has("timezone");

export function makeEditor(id: string | null, base: Draft, etag: string | null, draft: Draft = base): Editor {
  const ed: Editor = {
    id,
    idToBe: signal<string | null>(null),
    base: signal(base),
    draft: signal(draft),
    etag: signal(etag),
    seen: signal(new Set<string>()),
    isAllSeen: signal(false),
    broken: signal(new Map<string, string>()),
    count: signal(5),
    usualMs: signal<number | null>(null),
    explanation: signal<Explanation | null>(null),
    explainError: signal<ApiError | null>(null),
    preview: signal<Preview | null>(null),
    refused: signal<ReadonlyMap<string, ApiError>>(new Map()),
    standIn: null,
    conflict: signal<Conflict | null>(null),
    isDirty: computed(() => differences(ed.base.value, ed.draft.value).length > 0),
    isBusy: signal(false),
    set: (name, value) => {
      if (!same(ed.draft.peek()[name], value) || ed.draft.peek()[name] === undefined)
        ed.draft.value = { ...ed.draft.peek(), [name]: value };
    },
    see: (name) => {
      if (!ed.seen.peek().has(name)) ed.seen.value = new Set([...ed.seen.peek(), name]);
    },
  };
  return ed;
}

/** Says that the text of a field is no value (null: it is one again). */
export function setBroken(ed: Editor, path: string, problem: string | null): void {
  if ((ed.broken.peek().get(path) ?? null) === problem) return;
  const next = new Map(ed.broken.peek());
  if (problem === null) next.delete(path);
  else next.set(path, problem);
  ed.broken.value = next;
}

const WAIT_MS = 200;

/** Asks when the typing rests; an older question is taken back. An answer that is late is not shown. */
function asking<T>(
  ask: (abort: AbortSignal) => Promise<T>,
  tell: (got: T | null, error: ApiError | null) => void,
) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: AbortController | undefined;
  const run = async () => {
    const mine = (running = new AbortController());
    try {
      const got = await ask(mine.signal);
      if (!mine.signal.aborted) tell(got, null);
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 0) tell(null, error);
    }
  };
  const stop = () => {
    clearTimeout(timer);
    running?.abort();
  };
  return {
    soon: () => {
      stop();
      timer = setTimeout(() => void run(), WAIT_MS);
    },
    stop,
  };
}

type ExplainBody = Body<"POST /api/cron/schedule/explain">;

/** A new job is looked at under a name and an executor, so that the rest of it can be judged meanwhile. */
function complete(ed: Editor, draft: Draft): Draft {
  const named = draft["name"] === "" ? { ...draft, name: "—" } : draft;
  return draft["command"] === "" && ed.standIn ? { ...named, command: ed.standIn, params: null } : named;
}

type JobBody = Body<"POST /api/cron/jobs">;

/** All of a new job, under the id that it was shown by. */
export const withId = (ed: Editor, draft: Draft): JobBody =>
  ({ ...inputOf(draft), ...(ed.idToBe.peek() ? { id: ed.idToBe.peek() } : {}) }) as unknown as JobBody;

export const proposeId = async (signal?: AbortSignal): Promise<string> =>
  String((await call("GET /api/cron/job-id", signal ? { signal } : {})).id);

function askPreview(ed: Editor, draft: Draft, signal: AbortSignal): Promise<Preview> {
  return ed.id
    ? call("POST /api/cron/jobs/{job}/preview", {
        path: { job: ed.id },
        body: patchOf(ed.base.peek(), draft) as unknown as JobBody,
        signal,
      })
    : call("POST /api/cron/jobs/preview", {
        body: withId(ed, complete(ed, draft)),
        signal,
      });
}

const MOST_REFUSED = 6;

/** The server names one wrong field at a time: each is put back to what is saved, and the rest is asked again. */
async function previewRest(
  ed: Editor,
  signal: AbortSignal,
): Promise<[Preview | null, Map<string, ApiError>]> {
  const refused = new Map<string, ApiError>();
  let draft = ed.draft.peek();
  for (;;) {
    try {
      return [await askPreview(ed, draft, signal), refused];
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0 || signal.aborted) throw error;
      const field = error.field ?? "";
      const isNews = field !== "" && !refused.has(field) && refused.size < MOST_REFUSED;
      if (!refused.has(field)) refused.set(field, error);
      if (!isNews) return [null, refused];
      draft = withoutField(draft, ed.base.peek(), field);
    }
  }
}

const schedulePart = ["schedule", "timezone", "dst", "dialect", "startAt", "endAt"];

/** Keeps explanation and preview up to date with the draft. Returns how to end it. */
export function watchDraft(ed: Editor): () => void {
  const explaining = asking(
    (signal) => {
      const part = Object.fromEntries(schedulePart.map((name) => [name, ed.draft.peek()[name] ?? null]));
      const usual = ed.usualMs.peek();
      const seed = ed.id ?? ed.idToBe.peek();
      const body = {
        ...part,
        lang: language.peek(),
        count: ed.count.peek(),
        ...(usual ? { usualDuration: Math.ceil(usual / 1000) } : {}),
        ...(seed ? { seed } : {}),
      };
      return call("POST /api/cron/schedule/explain", {
        body: body as unknown as ExplainBody,
        signal,
      });
    },
    (got, error) =>
      batch(() => {
        if (got) ed.explanation.value = got;
        ed.explainError.value = error;
      }),
  );
  const previewing = asking(
    (signal) => previewRest(ed, signal),
    (got) =>
      batch(() => {
        if (!got) return;
        ed.preview.value = got[0] ?? ed.preview.peek();
        ed.refused.value = got[1];
      }),
  );
  let scheduleBefore = "";
  const stopWatching = [
    effect(() => {
      const part = JSON.stringify([
        ...schedulePart.map((name) => ed.draft.value[name]),
        ed.count.value,
        ed.usualMs.value,
        ed.idToBe.value,
        language.value,
      ]);
      if (part !== scheduleBefore) explaining.soon();
      scheduleBefore = part;
    }),
    effect(() => {
      void [ed.draft.value, ed.base.value, ed.idToBe.value];
      previewing.soon();
    }),
  ];
  return () => {
    for (const stop of stopWatching) stop();
    explaining.stop();
    previewing.stop();
  };
}

/** Fields of the schedule that `explain` names by their own names. */
const isOfSchedule = (field: string | null) => field !== "timezone" && field !== "lang" && field !== "count";

export interface FieldError {
  text: string;
  hint: string | null;
  column: number | null;
  /** Which field of the expression. */
  part: string | null;
}

/** What is wrong with a field, as far as it should be told yet. */
export function errorOf(ed: Editor, name: string): FieldError | null {
  const broken = ed.broken.value.get(name);
  if (broken) return { text: broken, hint: null, column: null, part: null };
  const explained = ed.explainError.value;
  if (explained && name === (isOfSchedule(explained.field) ? "schedule" : explained.field))
    return {
      text: explained.message,
      hint: explained.hint,
      column: explained.column,
      part: explained.field,
    };
  const error = ed.refused.value.get(name);
  if (!error || !(ed.isAllSeen.value || ed.seen.value.has(name))) return null;
  return {
    text: error.message,
    hint: error.hint,
    column: name === "schedule" ? error.column : null,
    part: null,
  };
}

/** Fields whose errors are shown. */
export const shownErrors = (ed: Editor): string[] =>
  [...ed.refused.value.keys()].filter((name) => errorOf(ed, name) !== null);

/** Reads the job anew and joins it with the draft. */
export async function meetOther(ed: Editor, id: string): Promise<void> {
  const { answer, etag } = await callTagged("GET /api/cron/jobs/{job}", {
    path: { job: id },
  });
  const theirs = draftOf(answer);
  if (etag === ed.etag.peek()) return;
  const joined = merge(ed.base.peek(), theirs, ed.draft.peek());
  if (!joined.taken.length && !joined.conflicts.length) {
    // only what the editor does not show has changed, or to the same: nothing to decide
    batch(() => {
      ed.base.value = theirs;
      ed.etag.value = etag;
    });
    return;
  }
  ed.conflict.value = {
    theirs,
    etag,
    taken: joined.taken,
    conflicts: joined.conflicts,
    merged: joined.draft,
  };
}

/** Goes on from what was saved meanwhile; `theirs` names the conflicting fields that are given up. */
export function settle(ed: Editor, conflict: Conflict, theirs: ReadonlySet<string>): void {
  const given = conflict.conflicts.filter((name) => theirs.has(name));
  batch(() => {
    ed.base.value = conflict.theirs;
    ed.etag.value = conflict.etag;
    ed.draft.value = {
      ...conflict.merged,
      ...Object.fromEntries(given.map((name) => [name, conflict.theirs[name] ?? null])),
    };
    ed.conflict.value = null;
  });
}

/** What is saved, with the tag of its answer. `isMore`: something was typed after it was sent. */
export interface Saved {
  id: string;
  etag: string | null;
  isMore: boolean;
}

/** Saves; gives null when there is something to mend first. What is typed meanwhile stays, unsaved. */
export async function save(ed: Editor): Promise<Saved | null> {
  ed.isAllSeen.value = true;
  if (ed.broken.peek().size) return null;
  ed.isBusy.value = true;
  try {
    return ed.id ? await saveOld(ed, ed.id) : await saveNew(ed);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0) throw error;
    if (ed.id && (error.status === 412 || error.status === 409)) {
      await meetOther(ed, ed.id);
      if (ed.conflict.peek()) return null;
      if (error.status === 412) return saveOld(ed, ed.id);
    }
    if (!error.field || error.field === "id") throw error;
    ed.refused.value = new Map([...ed.refused.peek(), [error.field, error]]);
    return null;
  } finally {
    ed.isBusy.value = false;
  }
}

/** From what came back on: it, and what was typed since `sent`. */
function goOn(ed: Editor, sent: Draft, answer: { id?: string | null }, etag: string | null): Saved {
  const saved = draftOf(answer);
  batch(() => {
    ed.draft.value = merge(sent, saved, ed.draft.peek()).draft;
    ed.base.value = saved;
    ed.etag.value = etag;
  });
  return { id: String(answer.id), etag, isMore: ed.isDirty.peek() };
}

async function saveNew(ed: Editor): Promise<Saved> {
  const sent = ed.draft.peek();
  try {
    const { answer, etag } = await callTagged("POST /api/cron/jobs", { body: withId(ed, sent) });
    return goOn(ed, sent, answer, etag);
  } catch (error) {
    // the id went to another job: the times of a new one are shown before one saves again
    if (error instanceof ApiError && error.status === 409 && error.field === "id")
      ed.idToBe.value = await proposeId();
    throw error;
  }
}

async function saveOld(ed: Editor, id: string): Promise<Saved> {
  const sent = ed.draft.peek();
  const etag = ed.etag.peek();
  const { answer, etag: next } = await callTagged("PATCH /api/cron/jobs/{job}", {
    path: { job: id },
    body: patchOf(ed.base.peek(), sent) as unknown as JobBody,
    ...(etag ? { headers: { "If-Match": etag } } : {}),
  });
  return goOn(ed, sent, answer, next);
}

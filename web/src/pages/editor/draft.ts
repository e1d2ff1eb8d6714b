// What is being edited: a job as JSON by the API's names, its differences, and the merge of two edits. No DOM.

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
/** A value that the server may refuse stays as it was typed ("1o"), so that the refusal names what one sees. */
export type Draft = Readonly<Record<string, Json>>;

const emptyDraft: Draft = {
  name: "",
  description: null,
  schedule: "0 3 * * *",
  command: "",
  params: null,
  isActive: true,
  category: null,
  labels: null,
  critical: null,
  timezone: null,
  dst: null,
  dialect: null,
  startAt: null,
  endAt: null,
  splay: null,
  retries: 0,
  retryDelay: 60,
  backoffStrategy: null,
  retryMaxDelay: null,
  retryJitterPct: null,
  timeout: null,
  totalTimeout: null,
  maxRuntime: null,
  alertOnFailure: null,
  alertChannels: null,
  escalateAfter: null,
  disableAfter: null,
  onCrash: null,
  misfirePolicy: null,
  startWindow: null,
  catchUpWindow: null,
  catchUpMax: null,
  overlapPolicy: null,
  allowConcurrent: false,
  concurrencyKey: null,
  group: null,
  pool: null,
  queueTimeout: null,
  priority: 5,
  memoryLimitMB: null,
  cpuLimitPct: null,
  pidsLimit: null,
  noNewPrivs: null,
  runAs: null,
};

/** Names in the order of the form. */
export const fieldNames = Object.keys(emptyDraft);

export const newDraft = (given: Draft = {}): Draft => ({
  ...emptyDraft,
  ...given,
});

/** The editable part of a job as the API gives it. */
export function draftOf(job: object): Draft {
  const values = new Map<string, unknown>(Object.entries(job));
  return Object.fromEntries(fieldNames.map((name) => [name, (values.get(name) ?? emptyValue(name)) as Json]));
}
const emptyValue = (name: string): Json =>
  name === "name" || name === "schedule" ? "" : (emptyDraft[name] ?? null);

/** The same whatever the order of keys. */
function canonical(value: Json | undefined): string {
  if (value === null || value === undefined || typeof value !== "object")
    return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`).join()}}`;
}
export const same = (a: Json | undefined, b: Json | undefined) => canonical(a) === canonical(b);

const namesOf = (a: Draft, b: Draft) => [...new Set([...fieldNames, ...Object.keys(a), ...Object.keys(b)])];

/** What has to be sent to make `base` into `draft`. */
export function patchOf(base: Draft, draft: Draft): Draft {
  const changed = namesOf(base, draft).filter((name) => !same(base[name], draft[name]));
  return Object.fromEntries(changed.map((name) => [name, draft[name] ?? null]));
}

/** What has to be sent to create it: all that is not a default. */
export function inputOf(draft: Draft): Draft {
  const { name = "", schedule = "", command = "" } = draft;
  return { name, schedule, command, ...patchOf(emptyDraft, draft) };
}

/** The draft as JSON for people: only what says something. */
export const textOf = (draft: Draft) => JSON.stringify(inputOf(draft), null, 2);

export interface Difference {
  /** "timeout", "params.lines" */
  path: string;
  before: Json;
  after: Json;
}

const isObject = (value: Json | undefined): value is { [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Differences field by field; objects (parameters, labels) by their members. */
export function differences(base: Draft, draft: Draft): Difference[] {
  return Object.keys(patchOf(base, draft)).flatMap((name) => {
    const before = base[name] ?? null;
    const after = draft[name] ?? null;
    if ((!isObject(before) && before !== null) || (!isObject(after) && after !== null))
      return [{ path: name, before, after }];
    if (before === null && after === null) return [];
    const old = before ?? {};
    const now = after ?? {};
    const found = [...new Set([...Object.keys(old), ...Object.keys(now)])]
      .filter((key) => !same(old[key], now[key]))
      .map((key) => ({
        path: `${name}.${key}`,
        before: old[key] ?? null,
        after: now[key] ?? null,
      }));
    return found.length ? found : [{ path: name, before, after }];
  });
}

export interface Merge {
  /** Mine, with what only they changed. */
  draft: Draft;
  /** Fields that only they changed. */
  taken: string[];
  /** Fields that both changed, to different values; the draft has mine. */
  conflicts: string[];
}

/** Joins my edit of `base` with the one that somebody else saved meanwhile. */
export function merge(base: Draft, theirs: Draft, mine: Draft): Merge {
  const taken: string[] = [];
  const conflicts: string[] = [];
  const draft: Record<string, Json> = { ...mine };
  for (const name of namesOf(base, theirs)) {
    if (same(base[name], theirs[name]) || same(theirs[name], mine[name])) continue;
    if (same(base[name], mine[name])) {
      draft[name] = theirs[name] ?? null;
      taken.push(name);
    } else conflicts.push(name);
  }
  return { draft, taken, conflicts };
}

/** The draft with one field ("timeout", "params.lines") as it is in `base`. */
export function withoutField(draft: Draft, base: Draft, path: string): Draft {
  const [name = "", member] = path.split(".");
  const value = draft[name];
  if (member === undefined || !isObject(value)) return { ...draft, [name]: base[name] ?? null };
  const old = base[name];
  const next = { ...value };
  delete next[member];
  if (isObject(old) && old[member] !== undefined) next[member] = old[member];
  return { ...draft, [name]: Object.keys(next).length ? next : null };
}

/** A typed number: empty is none, what is no number stays text for the server to refuse. */
export function numberOf(text: string): Json {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  const value = Number(trimmed.replace(",", "."));
  return Number.isFinite(value) && Number.isSafeInteger(Math.trunc(value)) ? value : text;
}

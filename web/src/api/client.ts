// Asks the server. The types are those of its own OpenAPI document (schema.gen.ts), so a route, field or answer that
// is not there does not compile.
import { signal } from "@preact/signals";
import { hearServerTime } from "../base/clock";
import { basePath } from "../base/path";
import { sendAhead, takeAhead } from "./ahead";
import type { Routes } from "./schema.gen";

export type Route = keyof Routes;
/** Every field of an answer is there, whatever may be left out of a question. */
export type Full<T> = T extends (infer U)[]
  ? Full<U>[]
  : T extends object
    ? { [K in keyof T]-?: Full<T[K]> }
    : T;
type Part<R extends Route, K extends string> = Routes[R] extends Record<K, infer V> ? V : never;
export type Answer<R extends Route> = Full<Part<R, "answer">>;
export type Body<R extends Route> = Part<R, "body">;

/** An admin does what is its owner's; the audit log says so. */
export interface Override {
  override: "1";
}

type Question<R extends Route> = ([Part<R, "path">] extends [never]
  ? { path?: never }
  : { path: Part<R, "path"> }) & {
  query?: Part<R, "query"> | Override;
  body?: Part<R, "body">;
  headers?: Record<string, string>;
  signal?: AbortSignal;
};
type Asking<R extends Route> = [Part<R, "path">] extends [never]
  ? [question?: Question<R>]
  : [question: Question<R>];

/** What the server did not like, or why it did not answer (`status` 0: no connection). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly hint: string | null;
  readonly requestId: string | null;
  readonly retryAfterSeconds: number | null;
  constructor(status: number, problem: Record<string, unknown>, retryAfterSeconds: number | null = null) {
    super(String(problem["detail"] ?? problem["title"] ?? status));
    const text = (name: string) => (typeof problem[name] === "string" ? (problem[name] as string) : null);
    const count = (name: string) => (typeof problem[name] === "number" ? (problem[name] as number) : null);
    this.status = status;
    this.code = text("code") ?? "unknown";
    this.field = text("field");
    this.line = count("line");
    this.column = count("column");
    this.hint = text("hint");
    this.requestId = text("requestId");
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Whether the last question reached the server. */
export const isOnline = signal(true);
/** The server does not know us (any more): the page asks to log in. */
export const isStranger = signal(false);

let tellAnswer: (event: string | null) => void = () => undefined;
/** Calls `fn` with the event that each answer is as new as. */
export const onAnswer = (fn: typeof tellAnswer): void => void (tellAnswer = fn);

/** How often the server has said that we may not. */
export const refusals = signal(0);

let csrf: string | null = null;
export const setCsrf = (token: string | null) => void (csrf = token);

/** The address of an API path below the base. */
export const apiUrl = (path: string) => basePath + path.replace(/^\//, "");

function urlOf(
  route: string,
  question: { path?: object | undefined; query?: object | undefined },
): [string, string] {
  const [method = "", pattern = ""] = route.split(" ");
  const values = new Map<string, unknown>(Object.entries(question.path ?? {}));
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(values.get(name))),
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(question.query ?? {}))
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  const text = query.toString();
  return [method, apiUrl(path) + (text ? `?${text}` : "")];
}

function send(method: string, url: string, question: Question<Route>): Promise<Response> {
  const headers: Record<string, string> = {
    "Accept-Language": document.documentElement.lang,
    ...question.headers,
  };
  if (question.body !== undefined) headers["Content-Type"] = "application/json";
  if (csrf && method !== "GET") headers["X-CSRF-Token"] = csrf;
  const body = question.body === undefined ? null : JSON.stringify(question.body);
  return fetch(url, { method, headers, body, signal: question.signal ?? null, credentials: "same-origin" });
}

/** Asks these paths, `{id}` being `id`, for whoever calls them next; what was asked ahead before and not called is given up. */
export function askAhead(paths: readonly string[], id: string): void {
  const urls = paths.map((path) => apiUrl(path.replace("{id}", encodeURIComponent(id))));
  sendAhead(urls, (url, signal) => send("GET", url, { signal }));
}

async function fetchIt(route: string, question: Question<Route>): Promise<Response> {
  const [method, url] = urlOf(route, question);
  const ahead = method === "GET" ? takeAhead(url) : undefined;
  const sentAt = ahead?.sentAt ?? Date.now();
  let response: Response;
  try {
    response = await (ahead?.response ?? send(method, url, question));
    question.signal?.throwIfAborted();
  } catch (error) {
    if (question.signal?.aborted) throw error;
    isOnline.value = false;
    throw new ApiError(0, { code: "offline", detail: "offline" });
  }
  isOnline.value = true;
  const date = Date.parse(response.headers.get("Date") ?? "");
  if (!Number.isNaN(date)) hearServerTime(date, sentAt);
  if (!response.ok) throw await problemOf(response);
  tellAnswer(response.headers.get("Sereno-Event"));
  return response;
}

async function problemOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  let problem: Record<string, unknown> = { detail: text.slice(0, 200) };
  try {
    problem = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // a proxy's page: its first words must do
  }
  if (response.status === 401) isStranger.value = true;
  if (response.status === 403) refusals.value++;
  const after = Number(response.headers.get("Retry-After"));
  return new ApiError(response.status, problem, after > 0 ? after : null);
}

/** Asks and gives the answer with its ETag (for If-Match). */
export async function callTagged<R extends Route>(
  route: R,
  ...[question]: Asking<R>
): Promise<{ answer: Answer<R>; etag: string | null }> {
  const response = await fetchIt(route, (question ?? {}) as Question<Route>);
  const text = await response.text();
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  const answer = (isJson ? JSON.parse(text) : text || undefined) as Answer<R>;
  return { answer, etag: response.headers.get("ETag") };
}

/** Asks and gives the answer; throws ApiError. */
export async function call<R extends Route>(route: R, ...asking: Asking<R>): Promise<Answer<R>> {
  return (await callTagged(route, ...asking)).answer;
}

/** Asks and gives the response itself, for bodies read bit by bit (outputs, exports). */
export const callRaw = <R extends Route>(route: R, ...[question]: Asking<R>): Promise<Response> =>
  fetchIt(route, (question ?? {}) as Question<Route>);

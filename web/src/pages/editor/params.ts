// An executor's table of parameters, and values of its form. No DOM.
import type { Draft, Json } from "./draft";

export interface Param {
  name: string;
  type: "text" | "integer" | "number" | "boolean" | "list of text" | "object";
  required: boolean;
  secret: boolean;
  help: string;
  min?: number;
  max?: number;
  default?: Json;
  choices?: string[];
}
export interface Executor {
  name: string;
  kind: string;
  description: string;
  enabled: boolean;
  params: Param[];
}

/** What stands for a secret that the server keeps to itself; sent back it changes nothing. */
export const SECRET = "***";

export const isKept = (value: Json | undefined): boolean =>
  value === SECRET ||
  (typeof value === "object" && value !== null && Object.values(value).some((v) => v === SECRET));

/** The job's parameters as an object, whatever they are. */
export function membersOf(params: Json | undefined): { [name: string]: Json } {
  return typeof params === "object" && params !== null && !Array.isArray(params) ? params : {};
}

/** The parameters with one changed; null takes it out, and nothing is left of an empty object. */
export function withParam(draft: Draft, name: string, value: Json): Json {
  const next = { ...membersOf(draft["params"]), [name]: value };
  if (value === null) delete next[name];
  return Object.keys(next).length ? next : null;
}

/** Parameters that the executor does not know: from another executor, or from JSON. */
export const strangers = (executor: Executor, params: Json | undefined): string[] =>
  Object.keys(membersOf(params)).filter((name) => !executor.params.some((p) => p.name === name));

/** Long texts get a box of several lines. */
export const isLong = (param: Param) => param.type === "text" && !param.choices && (param.max ?? 0) > 1000;

/** Lines to a list, one a line. */
export const listOf = (text: string): Json => {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.length ? lines : null;
};

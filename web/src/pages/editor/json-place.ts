// Reads JSON and says where it is wrong: browsers differ in what they tell. No DOM.
import type { Json } from "./draft";

export type Reading = { value: Json } | { line: number; column: number; found: string };

const token =
  /\s*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-]))/y;

class Wrong extends Error {
  constructor(readonly at: number) {
    super();
  }
}

/** Walks the tokens; throws at the first that cannot stand where it stands. */
function check(text: string): void {
  let at = 0;
  const start = () => at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);
  const next = (): string => {
    token.lastIndex = at;
    const found = token.exec(text);
    if (!found) throw new Wrong(start());
    at = token.lastIndex;
    return found[0].trimStart();
  };
  const peek = () => text[start()] ?? "";
  const want = (what: string) => {
    if (peek() !== what) throw new Wrong(start());
    next();
  };
  const members = (close: string, one: () => void) => {
    next();
    if (peek() === close) return void next();
    for (;;) {
      one();
      if (peek() === close) return void next();
      want(",");
    }
  };
  const value = (): void => {
    const first = peek();
    if (first === "{")
      members("}", () => {
        if (peek() !== '"') throw new Wrong(start());
        next();
        want(":");
        value();
      });
    else if (first === "[") members("]", value);
    else if (!first || "}],:".includes(first)) throw new Wrong(start());
    else next();
  };
  value();
  if (start() < text.length) throw new Wrong(start());
}

export function readJson(text: string): Reading {
  try {
    return { value: JSON.parse(text) as Json };
  } catch {
    const at = placeOf(text);
    const before = text.slice(0, at).split("\n");
    return {
      line: before.length,
      column: (before.at(-1) ?? "").length + 1,
      found: text.slice(at, at + 12).split("\n")[0] ?? "",
    };
  }
}

function placeOf(text: string): number {
  try {
    check(text);
  } catch (error) {
    if (error instanceof Wrong) return error.at;
    throw error;
  }
  return text.length;
}

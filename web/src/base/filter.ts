// What to suggest while somebody types the filter language. The server alone reads it; this only looks at the word under
// the caret. Pure.

export interface FilterKey {
  name: string;
  alias: string | null;
  type: string;
  operators: string;
  values: readonly string[];
  help: string;
}
export interface Suggestion {
  /** What stands in the list. */
  text: string;
  note: string;
  /** The whole filter with it taken, and where the caret goes. */
  value: string;
  caret: number;
}

/** The word around the caret: from the last space that is not inside quotes. */
export function wordAt(text: string, caret: number): { start: number; word: string } {
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < caret; i++) {
    if (text[i] === '"') isQuoted = !isQuoted;
    if (text[i] === " " && !isQuoted) start = i + 1;
  }
  return { start, word: text.slice(start, caret) };
}

/** A value that is meant as it is written: quoted where a space, a comma, a star or a word of the language would say more. */
export const filterValue = (text: string) =>
  /^[\p{L}\p{N}_.=-]+$/u.test(text) && !/^(any|none)$/i.test(text) ? text : `"${text.replaceAll('"', "")}"`;

/** Runs that started from `from` until just before `to` (ms since 1970). */
export function startedWithin(from: number, to?: number): string {
  const text = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");
  return `started>=${text(from)}${to === undefined ? "" : ` started<${text(to)}`}`;
}

/** The address of a list filtered so. */
export const filtered = (list: "jobs" | "runs" | "worlds", q: string) =>
  `/${list}?q=${encodeURIComponent(q).replaceAll("%3A", ":").replaceAll("%2C", ",")}`;

interface Known {
  keys: readonly FilterKey[];
  /** Values seen, by key: categories, tags, owners. */
  seen: Readonly<Record<string, readonly string[]>>;
  help: (key: FilterKey) => string;
}

export function suggest(text: string, caret: number, known: Known, most = 12): Suggestion[] {
  const { start, word } = wordAt(text, caret);
  const minus = word.startsWith("-") ? "-" : "";
  const body = word.slice(minus.length);
  const after = text.slice(caret).replace(/^\S+/, "");
  const put = (whole: string, isDone: boolean) => {
    const head = text.slice(0, start) + minus + whole + (isDone && !after.startsWith(" ") ? " " : "");
    return { value: head + after, caret: head.length };
  };
  const split = /^([A-Za-z]\w*)(:|=|~|<=?|>=?)(.*)$/s.exec(body);
  if (!split) {
    const typed = body.toLowerCase();
    return known.keys
      .filter((k) => k.name.startsWith(typed) || (typed !== "" && k.alias?.startsWith(typed)))
      .slice(0, most)
      .map((k) => {
        const operator = k.operators.startsWith("<")
          ? k.type === "future" || k.type === "past"
            ? "<"
            : ">"
          : ":";
        return {
          text: k.name + operator,
          note: known.help(k),
          ...put(k.name + operator, false),
        };
      });
  }
  const [, name = "", operator = "", rest = ""] = split;
  const key = known.keys.find((k) => k.name === name.toLowerCase() || k.alias === name.toLowerCase());
  if (!key) return [];
  const parts = rest.split(",");
  const typed = (parts.pop() ?? "").replace(/^"/, "").toLowerCase();
  const before = parts.length ? `${parts.join(",")},` : "";
  const values = key.values.length ? key.values : (known.seen[key.name] ?? examples[key.type] ?? []);
  return values
    .filter((v) => v.toLowerCase().includes(typed) && v.toLowerCase() !== typed)
    .slice(0, most)
    .map((v) => ({
      text: v,
      note: "",
      ...put(name + operator + before + filterValue(v), true),
    }));
}

const examples: Record<string, readonly string[]> = {
  duration: ["1s", "30s", "5m", "1h"],
  past: ["1h", "1d", "7d"],
  future: ["10m", "1h", "1d"],
  bytes: ["64MB", "512MB", "1GB"],
};

// The server's words about a field, in the page's language where we know them. No DOM.
import type { EditorWords } from "../../words/editor";
import type { Json } from "./draft";
import type { FieldError } from "./editor-state";

type Table = EditorWords["problems"];

function translated(table: Table, text: string): string {
  for (const [pattern, say] of table) {
    const found = pattern.exec(text);
    if (found) return say(found);
  }
  return text;
}

const asSentence = (text: string) => text.replace(/^./, (c) => c.toUpperCase()).replace(/([^.?!:])$/, "$1.");

/** "Minuto: 75 no está entre 0 y 59. Usa un número de 0 a 59." */
export function problemText(t: EditorWords, error: FieldError): string {
  const part = error.part ? t.when.partNames[error.part] : undefined;
  const bare = error.text.replace(/^(\w+): (?=\1)/i, "");
  const main = translated(t.problems, bare);
  const hint = error.hint ? asSentence(translated(t.hints, error.hint)) : "";
  const text = part ? `${part}: ${main}` : main;
  return hint ? `${asSentence(text)} ${hint}` : asSentence(text);
}

/** "did you mean Europe/Madrid?" → Europe/Madrid */
export const suggestionOf = (hint: string | null | undefined): string | null =>
  /^did you mean (\S+)\?$/.exec(hint ?? "")?.[1] ?? null;

export const labelOf = (t: EditorWords, path: string): string => {
  const [name = "", ...rest] = path.split(".");
  const label = t.fields[name]?.[0] ?? name;
  return rest.length ? `${label} · ${rest.join(".")}` : label;
};

/** A value as one short line. */
export function valueText(t: EditorWords, path: string, value: Json): string {
  if (value === null || value === "") return t.changes.empty;
  if (typeof value === "boolean") return value ? t.yes : t.no;
  if (typeof value === "string") return t.choices[path]?.[value] ?? value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

// Which language is spoken; known before the words are here.
export type Language = "es" | "en";

/** The chosen one, or the browser's first that we speak. */
export function languageOf(choice: string | null): Language {
  const isOurs = (l: string | null): l is Language => l === "es" || l === "en";
  if (isOurs(choice)) return choice;
  return navigator.languages.map((l) => l.slice(0, 2)).find(isOurs) ?? "es";
}

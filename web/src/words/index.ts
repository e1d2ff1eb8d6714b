// The words of the interface. Spanish is the source: its shape is the type that every other language must fill.
import { computed, signal } from "@preact/signals";
import type { Language } from "../base/format";
import { remembered } from "../base/remember";
import type { es } from "./es";

export type Words = typeof es;
export type { Language };

const wished = (): Language =>
  navigator.languages.map((l) => l.slice(0, 2)).find((l): l is Language => l === "es" || l === "en") ?? "es";

const chosen = remembered<Language | "auto">("language", "auto");
const loaded = signal<{ language: Language; words: Words } | null>(null);

export const language = computed<Language>(() => loaded.value?.language ?? "es");

/** The words now; only after loadWords. Reading it makes a component follow a change of language. */
export function words(): Words {
  if (!loaded.value) throw new Error("words before loadWords");
  return loaded.value.words;
}

/** Loads the words of the chosen (or the browser's) language; each language is a file of its own. */
export async function loadWords(choice: Language | "auto" = chosen.value): Promise<void> {
  chosen.value = choice;
  const next = choice === "es" || choice === "en" ? choice : wished();
  const found = next === "es" ? (await import("./es")).es : (await import("./en")).en;
  loaded.value = { language: next, words: found };
  document.documentElement.lang = next;
}

export const languageChoice = chosen;

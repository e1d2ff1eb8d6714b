// The words of the interface. Each page's are a file a language, loaded with the page and alone: words/PAGE.ts says
// where they are. Spanish is the source: its shape is the type that every other language must fill.
import { computed, signal } from "@preact/signals";
import { type Language, languageOf } from "../base/language";
import { need } from "../base/late";
import { remembered } from "../base/remember";

export type { Language };

const chosen = remembered<Language | "auto">("language", "auto");
const wanted = (): Language => languageOf(chosen.value);
const spoken = signal<Language | null>(null);

export const language = computed<Language>(() => spoken.value ?? "es");
export const languageChoice = chosen;

/** Some page's words, by language as they come. */
interface Part {
  has(language: Language): boolean;
  load(language: Language): Promise<unknown>;
}
const parts = new Set<Part>();

/** The words of a page or of a part of several: a function that gives them in the language spoken now. Calling it makes
 * a component follow a change of language. They are there before what names them is shown (base/late.ts). */
export function wordsOf<W>(files: Record<Language, () => Promise<W>>): () => W {
  const here: Partial<Record<Language, W>> = {};
  const coming: Partial<Record<Language, Promise<void>>> = {};
  const load = (l: Language) =>
    (coming[l] ??= files[l]().then(
      (words) => void (here[l] = words),
      (error: unknown) => {
        delete coming[l];
        throw error;
      },
    ));
  parts.add({ has: (l) => l in here, load });
  need(() => load(spoken.peek() ?? wanted()));
  return () => {
    const words = here[language.value];
    if (!words) throw new Error("words that have not come");
    return words;
  };
}

/** Speaks the chosen (or the browser's) language as soon as all words that are in use are here in it. */
export async function loadWords(choice: Language | "auto" = chosen.value): Promise<void> {
  chosen.value = choice;
  const next = wanted();
  const lacking = () => [...parts].filter((p) => !p.has(next));
  while (lacking().length) await Promise.all(lacking().map((p) => p.load(next)));
  if (next !== wanted()) return; // another choice was made meanwhile
  spoken.value = next;
  document.documentElement.lang = next;
}

/** Words that several pages share. */
export const words = wordsOf({
  es: async () => (await import("./common.es")).common,
  en: async () => (await import("./common.en")).common,
});

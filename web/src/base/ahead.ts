// The files of pages and of late parts, asked for all at once. Without it a browser learns of them one after the
// other: the code's chunks when the code is here, its words and looks when the chunks have run.
import { languageOf } from "./language";

/** Made by build.mjs (tools/part-files.mjs). `parts`: by part, its places in `files`. */
interface PartFiles {
  files: readonly string[];
  parts: Record<string, readonly number[]>;
}
declare const PART_FILES: PartFiles;

/** Name of what keeps the chosen language (words/index.ts). */
const CHOICE = "sereno.language";
const asked = new Set<string>();

function chosen(): string | null {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null; // no storage
  }
}

function ask(file: string): void {
  if (asked.has(file)) return;
  asked.add(file);
  const link = document.createElement("link");
  if (file.endsWith(".css")) {
    link.rel = "preload";
    link.as = "style";
  } else link.rel = "modulepreload";
  link.onerror = () => {
    asked.delete(file); // whoever needs it says that it did not come; the next one asks again
    link.remove();
  };
  link.href = `assets/${file}`;
  document.head.append(link);
}

/** Asks for what a part ("pages/run") is made of, its words in the language spoken only. */
export function bringPart(part: string): void {
  const other = languageOf(chosen()) === "es" ? ".en." : ".es.";
  for (const i of PART_FILES.parts[part] ?? []) {
    const file = PART_FILES.files[i];
    if (file && !file.includes(other)) ask(file);
  }
}

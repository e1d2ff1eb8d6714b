import { wordsOf } from "./index";

export const runWords = wordsOf({
  es: async () => (await import("./run.es")).run,
  en: async () => (await import("./run.en")).run,
});

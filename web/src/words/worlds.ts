import { wordsOf } from "./index";

export const worldsWords = wordsOf({
  es: async () => (await import("./worlds.es")).worlds,
  en: async () => (await import("./worlds.en")).worlds,
});

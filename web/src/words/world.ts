import { wordsOf } from "./index";

export const worldWords = wordsOf({
  es: async () => (await import("./world.es")).world,
  en: async () => (await import("./world.en")).world,
});

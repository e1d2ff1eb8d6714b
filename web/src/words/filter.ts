import { wordsOf } from "./index";

export const filterWords = wordsOf({
  es: async () => (await import("./filter.es")).filter,
  en: async () => (await import("./filter.en")).filter,
});

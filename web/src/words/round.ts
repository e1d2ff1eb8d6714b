import { wordsOf } from "./index";

export const roundWords = wordsOf({
  es: async () => (await import("./round.es")).round,
  en: async () => (await import("./round.en")).round,
});

import { wordsOf } from "./index";

export const runsWords = wordsOf({
  es: async () => (await import("./runs.es")).runs,
  en: async () => (await import("./runs.en")).runs,
});

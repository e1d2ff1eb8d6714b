import { wordsOf } from "./index";

export const jobWords = wordsOf({
  es: async () => (await import("./job.es")).job,
  en: async () => (await import("./job.en")).job,
});

import { wordsOf } from "./index";

export const jobsWords = wordsOf({
  es: async () => (await import("./jobs.es")).jobs,
  en: async () => (await import("./jobs.en")).jobs,
});

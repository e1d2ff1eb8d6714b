import { wordsOf } from "./index";

export const auditWords = wordsOf({
  es: async () => (await import("./audit.es")).audit,
  en: async () => (await import("./audit.en")).audit,
});

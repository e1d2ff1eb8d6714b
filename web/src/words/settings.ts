import { wordsOf } from "./index";

export const settingsWords = wordsOf({
  es: async () => (await import("./settings.es")).settings,
  en: async () => (await import("./settings.en")).settings,
});

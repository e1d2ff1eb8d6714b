import { wordsOf } from "./index";

export const calendarWords = wordsOf({
  es: async () => (await import("./calendar.es")).calendar,
  en: async () => (await import("./calendar.en")).calendar,
});

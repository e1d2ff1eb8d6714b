import { wordsOf } from "./index";

export const alertsWords = wordsOf({
  es: async () => (await import("./alerts.es")).alerts,
  en: async () => (await import("./alerts.en")).alerts,
});

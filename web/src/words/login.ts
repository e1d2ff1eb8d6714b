import { wordsOf } from "./index";

export const loginWords = wordsOf({
  es: async () => (await import("./login.es")).login,
  en: async () => (await import("./login.en")).login,
});
export type LoginWords = ReturnType<typeof loginWords>;

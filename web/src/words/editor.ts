import { wordsOf } from "./index";

export const editorWords = wordsOf({
  es: async () => (await import("./editor.es")).editor,
  en: async () => (await import("./editor.en")).editor,
});
export type EditorWords = ReturnType<typeof editorWords>;

import type { editor as spanish } from "./editor.es";

export const editor: typeof spanish = { title: "Edit job" };

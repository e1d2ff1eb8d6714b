import type { run as spanish } from "./run.es";

export const run: typeof spanish = { title: "Run" };

import type { runs as spanish } from "./runs.es";

export const runs: typeof spanish = { title: "Runs" };

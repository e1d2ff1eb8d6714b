import type { job as spanish } from "./job.es";

export const job: typeof spanish = { title: "Job" };

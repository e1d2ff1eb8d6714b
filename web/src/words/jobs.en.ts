import type { jobs as spanish } from "./jobs.es";

export const jobs: typeof spanish = { title: "Jobs" };

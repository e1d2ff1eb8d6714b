import type { audit as spanish } from "./audit.es";

export const audit: typeof spanish = { title: "Audit" };

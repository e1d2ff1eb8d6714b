import type { alerts as spanish } from "./alerts.es";

export const alerts: typeof spanish = { title: "Alerts" };

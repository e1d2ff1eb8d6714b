import type { settings as spanish } from "./settings.es";

export const settings: typeof spanish = { title: "Settings" };

import type { worlds as spanish } from "./worlds.es";

export const worlds: typeof spanish = { title: "Worlds" };

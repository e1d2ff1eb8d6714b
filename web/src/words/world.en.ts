import type { world as spanish } from "./world.es";

export const world: typeof spanish = { title: "World" };

import type { round as spanish } from "./round.es";

export const round: typeof spanish = { title: "Round" };

import type { calendar as spanish } from "./calendar.es";

export const calendar: typeof spanish = { title: "Calendar" };

// What the Round shows, with the parts typed that the API gives as plain arrays.
import type { Answer } from "../../api/client";
import type { Mark } from "./geometry";

type Given = Answer<"GET /api/cron/round">;
export type Lane = Omit<Given["lanes"][number], "marks" | "planned"> & { marks: Mark[]; planned: number[] };
export type Round = Omit<Given, "lanes" | "load"> & {
  lanes: Lane[];
  load: Omit<Given["load"], "past" | "ahead"> & {
    /** runs, failed, busyMs */
    past: [number, number, number][];
    /** runs, busyMs, most at once */
    ahead: [number, number, number][];
  };
};
export type Clash = Given["clashes"][number];
export type Attention = Given["attention"][number];
export type Running = Given["running"][number];

/** The arrays are described in docs/api.md; OpenAPI cannot say tuples of mixed kinds as shapes do. */
export const roundOf = (given: Given): Round => given as unknown as Round;

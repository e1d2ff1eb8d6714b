import type { calendar as spanish } from "./calendar.es";

const n = (value: number) => value.toLocaleString("en-GB");

export const calendar: typeof spanish = {
  title: "Calendar",
  views: { label: "View", day: "Day", week: "Week", month: "Month" },
  previous: "Previous",
  next: "Next",
  today: "Today",
  ran: (count) => (count === 1 ? "1 run" : `${n(count)} runs`),
  failed: (count) => (count === 1 ? "1 with problems" : `${n(count)} with problems`),
  planned: (count) => `${n(count)} planned`,
  peak: (peak, max) => `up to ${n(peak)} at once (max. ${n(max)})`,
  nothing: "nothing",
  more: "more",
  less: "less",
  legend: "Shade: how many. Outline: still to come. Corner: some failed.",
  quiet: "Quiet stretches",
  quietNone: "No quiet stretches: something starts at all hours alike.",
  quietLevel: (runs) => (runs === 0 ? "nothing starts" : `only the usual (${n(runs)} each 5 min)`),
  short: (hours) => `${n(hours)} h: the clock changes`,
  capacity: (busy) => `${busy} of the capacity`,
  capacityTitle: (max) => `Use by hour; the line is the capacity (${n(max)} at once)`,
  hour: "Hour",
  estimated: "With so many jobs, what is planned is an estimate.",
  grid: "Runs by hour",
};

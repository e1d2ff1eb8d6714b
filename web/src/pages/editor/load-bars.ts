// The stretch of the load that lies around an instant. No DOM.
export const DAY_MS = 86_400_000;
const AROUND = 12; // buckets before and after: an hour each

export interface LoadBar {
  from: number;
  runs: number;
  /** Most at once, and how many may. */
  peak: number;
  capacity: number;
  /** The instant lies in it. */
  isHere: boolean;
}

export interface LoadAhead {
  bucketMs: number;
  aheadFrom: number;
  maxConcurrentJobs: number;
  /** [runs, busy ms, most at once] of each bucket */
  ahead: readonly (readonly number[])[];
}

export function barsAround(load: LoadAhead, at: number): LoadBar[] {
  const here = Math.floor((at - load.aheadFrom) / load.bucketMs);
  if (here < 0 || here >= load.ahead.length) return [];
  const first = Math.max(0, here - AROUND);
  return load.ahead.slice(first, here + AROUND + 1).map(([runs = 0, , peak = 0], i) => ({
    from: load.aheadFrom + (first + i) * load.bucketMs,
    runs,
    peak,
    capacity: load.maxConcurrentJobs,
    isHere: first + i === here,
  }));
}

/** Runs of other jobs: as it is saved, the job itself may be among them. */
export const runsBesides = (bar: LoadBar, isNew: boolean) => Math.max(0, bar.runs - (isNew ? 0 : 1));

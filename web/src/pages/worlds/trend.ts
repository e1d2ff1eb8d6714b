// The trend as a picture: bars upwards for pauses, downwards for those who came back and for deletions. Pure.

export interface TrendDay {
  day: string;
  paused: number;
  resumed: number;
  deleted: number;
  archived: number;
  pausedWorlds: number;
  savedUSD: number;
  reasons: unknown;
}

/** A round number at or above `n` that people like to read at an axis. */
export function niceTop(n: number): number {
  if (n <= 4) return 4;
  const unit = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 5, 10].map((m) => m * unit).find((m) => m >= n) ?? 10 * unit;
}

export interface TrendPaths {
  paused: string;
  resumed: string;
  deleted: string;
  /** Where zero is, in the box of `height`. */
  zero: number;
  top: number;
  bottom: number;
}

/** One path a series, in a box of one unit a day. */
export function trendPaths(days: readonly TrendDay[], height: number): TrendPaths {
  const top = niceTop(Math.max(...days.map((d) => d.paused), 0));
  const down = Math.max(...days.map((d) => d.resumed + d.deleted), 0);
  const bottom = down ? niceTop(down) : 0;
  const unit = height / (top + bottom);
  const zero = top * unit;
  const bar = (x: number, from: number, size: number) =>
    size ? `M${x + 0.15} ${from.toFixed(2)}h.7v${(size * unit).toFixed(2)}h-.7z` : "";
  const paths = { paused: "", resumed: "", deleted: "" };
  for (const [x, d] of days.entries()) {
    paths.paused += bar(x, zero - d.paused * unit, d.paused);
    paths.resumed += bar(x, zero, d.resumed);
    paths.deleted += bar(x, zero + d.resumed * unit, d.deleted);
  }
  return { ...paths, zero, top, bottom };
}

/** Pauses by reason over all days, the most frequent first. */
export function reasonTotals(days: readonly TrendDay[]): { reason: string; count: number }[] {
  const totals = new Map<string, number>();
  for (const { reasons } of days)
    for (const [reason, count] of Object.entries((reasons ?? {}) as Record<string, number>))
      totals.set(reason, (totals.get(reason) ?? 0) + count);
  return [...totals].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
}

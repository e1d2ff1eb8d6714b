// Where in the output errors are, at its right edge: one path for all marks. The keyboard has "errors only".
import { runWords } from "../words/run";

const HEIGHT = 1000;

/** One path of marks: a mark for each share of lines in which something is. Pure. */
export function markPath(buckets: readonly number[], bucketLines: number, lines: number): string {
  if (!lines) return "";
  const high = Math.max(6, (bucketLines / lines) * HEIGHT);
  let d = "";
  for (const [i, count] of buckets.entries()) {
    if (!count) continue;
    const y = Math.min(HEIGHT - high, ((i * bucketLines) / lines) * HEIGHT);
    d += `M0 ${y.toFixed(1)}h10v${high.toFixed(1)}h-10z`;
  }
  return d;
}

/** The share with something in it that is nearest to a place (0…1), or null when none is near. Pure. */
export function bucketNear(
  buckets: readonly number[],
  bucketLines: number,
  lines: number,
  place: number,
): number | null {
  const reach = Math.max(bucketLines, lines * 0.015);
  let best: number | null = null;
  let least = reach;
  for (const [i, count] of buckets.entries()) {
    const away = Math.abs((i + 0.5) * bucketLines - place * lines);
    if (count && away <= least) {
      least = away;
      best = i;
    }
  }
  return best;
}

export function ErrorMap(props: {
  buckets: readonly number[];
  bucketLines: number;
  lines: number;
  /** The seen part, 0…1 each. */
  from: number;
  to: number;
  onPick: (place: number) => void;
}) {
  const box = (event: MouseEvent) => (event.currentTarget as Element).getBoundingClientRect();
  return (
    <svg
      class="error-map"
      viewBox={`0 0 10 ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      onClick={(event) => props.onPick((event.clientY - box(event).top) / Math.max(1, box(event).height))}
    >
      <title>{runWords().log.map}</title>
      <rect
        class="seen"
        x="0"
        width="10"
        y={props.from * HEIGHT}
        height={Math.max(8, (props.to - props.from) * HEIGHT)}
      />
      <path d={markPath(props.buckets, props.bucketLines, props.lines)} />
    </svg>
  );
}

// The last runs of a job as bars: at most one path a state, so a row costs six nodes however many runs it shows.
import { type State, stateOfRun } from "./state-mark";

export interface StripRun {
  status: string;
  /** milliseconds; null while it runs or when it never started */
  duration: number | null;
}

/** Heights 0…1: trouble stands up at full height, success stays low and shows how long it took. */
export function barHeight(state: State, share: number): number {
  if (state === "failed" || state === "timeout" || state === "lost" || state === "missed") return 1;
  if (state === "cancelled") return 0.5;
  if (state === "skipped") return 0.08;
  return 0.18 + 0.52 * Math.min(1, share);
}

/** A path a state, in a box of `width` × `height`. A timeout's bar has a cut top. */
export function stripPaths(
  runs: readonly StripRun[],
  slots: number,
  width: number,
  height: number,
): Map<State, string> {
  const longest = Math.max(1, ...runs.map((r) => r.duration ?? 0));
  const step = width / slots;
  const bar = Math.max(1, Math.min(step - 1, 6));
  const paths = new Map<State, string>();
  for (const [i, run] of runs.entries()) {
    const state = stateOfRun(run.status);
    const high = Math.max(1.5, barHeight(state, (run.duration ?? longest) / longest) * height);
    const x = (slots - runs.length + i) * step;
    const n = (value: number) => value.toFixed(1);
    let d = `M${n(x)} ${n(height)}v${n(-high)}h${n(bar)}v${n(high)}z`;
    if (state === "timeout")
      d = `M${n(x)} ${n(height)}v${n(-high * 0.72)}h${n(bar)}v${n(high * 0.72)}zM${n(x)} 0h${n(bar)}v${n(high * 0.14)}h${n(-bar)}z`;
    paths.set(state, (paths.get(state) ?? "") + d);
  }
  return paths;
}

/** Oldest run first. `label` says in words what the picture shows. */
export function Strip(props: {
  runs: readonly StripRun[];
  slots?: number;
  width?: number;
  height?: number;
  label: string;
}) {
  const { slots = 30, width = 150, height = 22 } = props;
  return (
    <svg
      class="strip"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={props.label}
    >
      {[...stripPaths(props.runs.slice(-slots), slots, width, height)].map(([state, d]) => (
        <path key={state} class={state} d={d} />
      ))}
    </svg>
  );
}

// States are told three times: colour, shape and word. The shapes are the same in lists, strips and the Round.
import { words } from "../words";

export type State =
  | "ok"
  | "running"
  | "failed"
  | "timeout"
  | "paused"
  | "off"
  | "queued"
  | "planned"
  | "missed"
  | "cancelled"
  | "never"
  | "retrying"
  | "skipped"
  | "lost";

/** The state of a run's status. */
export const stateOfRun = (status: string | null | undefined): State =>
  (
    ({
      success: "ok",
      running: "running",
      failed: "failed",
      timeout: "timeout",
      queued: "queued",
      cancelled: "cancelled",
      skipped: "skipped",
      lost: "lost",
    }) as Record<string, State>
  )[status ?? ""] ?? "never";

/** One 12 × 12 shape a state, drawn as paths. */
const shapes: Record<State, string> = {
  ok: "M6 2a4 4 0 1 1 0 8a4 4 0 1 1 0-8z",
  running: "M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9z",
  failed: "M6 .5L11.5 6L6 11.5L.5 6z",
  timeout: "M1.5 4h9v6.500h-9zM1.5 1.500h4v1.500h-4z",
  paused: "M7.5 1.300a4.8 4.8 0 1 0 3.2 7.600A4.2 4.2 0 0 1 7.5 1.300z",
  off: "M2 5h8v2H2z",
  queued: "M6 2a4 4 0 1 1 0 8a4 4 0 1 1 0-8zM6 3.500a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5z",
  planned: "M6 2a4 4 0 1 1 0 8a4 4 0 1 1 0-8zM6 3.500a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5z",
  missed: "M2.2 1L6 4.800L9.8 1L11 2.200L7.2 6L11 9.800L9.8 11L6 7.200L2.2 11L1 9.800L4.8 6L1 2.200z",
  cancelled: "M2 6h8v4.500H2z",
  never: "M6 2.500h0M3 5.250h6v1.500H3z",
  retrying: "M6 .5L11.5 6L6 11.500L.5 6zM6 3.300L3.3 6L6 8.700L8.7 6z",
  skipped: "M1 5.400h10v1.200H1z",
  lost: "M6 1a5 5 0 1 1 0 10a5 5 0 1 1 0-10zM5.3 3.200v3.600h1.400v-3.600zM5.3 7.700v1.300h1.400v-1.300z",
};

/** The shape alone; say the word beside it. */
export function StateShape({ state }: { state: State }) {
  return (
    <svg class={`shape ${state}`} width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
      <path d={shapes[state]} fill-rule="evenodd" />
    </svg>
  );
}

/** Shape and word; `badge` gives it a ground of its own, `note` follows the word ("×4", "0:04"). */
export function StateMark(props: { state: State; badge?: boolean; note?: string; text?: string }) {
  return (
    <span class={`state ${props.state}${props.badge ? " badge" : ""}`}>
      <StateShape state={props.state} />
      <span>
        {props.text ?? words().states[props.state]}
        {props.note ? ` ${props.note}` : ""}
      </span>
    </span>
  );
}

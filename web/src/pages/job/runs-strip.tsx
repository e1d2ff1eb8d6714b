// The newest runs as bars with the p95 line over them; each bar leads to its run.
import { duration } from "../../base/format";
import { go } from "../../base/url";
import { stripPaths } from "../../ui/strip";
import { stateOfRun } from "../../ui/state-mark";
import { times } from "../../api/state";
import { language, words } from "../../words";
import { jobWords } from "../../words/job";
import type { Job } from "../job";
import { stripText } from "../jobs/row";
import type { Runs } from "./overview";

const SLOTS = 90;
const WIDTH = 720;
const HEIGHT = 64;

export function RunsStrip({ job, runs, p95 }: { job: Job; runs: Runs; p95: number | null }) {
  const t = jobWords();
  const ended = runs.filter((r) => r.status !== "queued" && r.status !== "running").reverse();
  if (ended.length === 0) return <p class="quiet">{t.chart.none}</p>;
  const bars = ended.map((r) => ({ status: r.status, duration: r.duration }));
  const longest = Math.max(1, ...bars.map((b) => b.duration ?? 0));
  // where a bar of p95 would end: success bars take 18 % to 70 % of the height
  const y = p95 === null ? null : HEIGHT * (1 - (0.18 + 0.52 * Math.min(1, p95 / longest)));
  const runAt = (event: MouseEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const slot = Math.floor(((event.clientX - box.left) / box.width) * SLOTS);
    return ended[slot - (SLOTS - ended.length)];
  };
  const tell = (event: MouseEvent) => {
    const run = runAt(event);
    const state = run && words().states[stateOfRun(run.status)];
    const at = run && (run.startedAt ?? run.queuedAt); // one that was cancelled in the queue never started
    const text = at
      ? `${state} · ${times.value.full(Date.parse(at))}${run.duration === null ? "" : ` · ${duration(language.value, run.duration)}`}`
      : "";
    (event.currentTarget as Element).querySelector("title")?.replaceChildren(text);
  };
  return (
    <div class="runs-strip">
      <svg
        class="strip"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${job.name}: ${stripText(bars)}`}
        onMouseMove={tell}
        onClick={(event) => {
          const run = runAt(event);
          if (run) go(`/runs/${run.id}`);
        }}
      >
        <title>{stripText(bars)}</title>
        {[...stripPaths(bars, SLOTS, WIDTH, HEIGHT)].map(([state, d]) => (
          <path key={state} class={state} d={d} />
        ))}
        {y !== null && <path class="p95" d={`M0 ${y}H${WIDTH}`} />}
      </svg>
      {p95 !== null && <span class="p95-note">{t.last.p95(duration(language.value, p95))}</span>}
    </div>
  );
}

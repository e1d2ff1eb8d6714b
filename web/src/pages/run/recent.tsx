// The last thirty runs of the job, this one among them: each bar leads to its run.
import { call } from "../../api/client";
import { useLive, useSoon } from "../../api/live";
import { useRemote } from "../../api/remote";
import { times } from "../../api/state";
import { duration } from "../../base/format";
import { now } from "../../base/clock";
import { href } from "../../base/url";
import { Panel } from "../../ui/page";
import { barHeight } from "../../ui/strip";
import { stateOfRun } from "../../ui/state-mark";
import { language, words } from "../../words";
import { runWords } from "../../words/run";
import type { Run } from "./run-parts";

const SHOWN = 30;
const HEIGHT = 52;

export function RecentRuns({ run, p95 }: { run: Run; p95: number | null }) {
  const t = runWords();
  const remote = useRemote(run.jobId, (signal) =>
    call("GET /api/cron/jobs/{job}/executions", {
      path: { job: run.jobId },
      query: { limit: SHOWN },
      signal,
    }),
  );
  const soon = useSoon(300, remote.reload);
  useLive("runs", (events) => {
    const isOurs = (events as { type: string; jobId?: string }[]).some(
      (e) => e.type === "run" && e.jobId === run.jobId,
    );
    if (isOurs) soon();
  });
  const list = (remote.data.value?.data ?? []).slice().reverse();
  const longest = Math.max(1, p95 ?? 0, ...list.map((r) => r.duration ?? 0));
  const step = 100 / SHOWN;
  return (
    <Panel title={t.recent} note={t.recentNote} class="run-recent">
      <div class="bars30" role="list" aria-label={t.recentLabel(list.length)}>
        {p95 !== null && (
          <span
            class="p95"
            aria-hidden="true"
            style={{ insetBlockEnd: `${(0.18 + 0.52 * Math.min(1, p95 / longest)) * HEIGHT}px` }}
          />
        )}
        {list.map((r, i) => {
          const state = stateOfRun(r.status);
          const ms =
            r.duration ?? (r.status === "running" ? Math.max(0, now.value - Date.parse(r.startedAt)) : 0);
          const when = r.startedAt ? times.value.full(Date.parse(r.startedAt)) : "";
          const text = `${words().states[state]}, ${duration(language.value, ms)}, ${when}`;
          return (
            <span
              role="listitem"
              key={r.id}
              style={{ insetInlineStart: `${(SHOWN - list.length + i) * step}%` }}
            >
              <a
                href={href(`/runs/${r.id}`)}
                title={text}
                aria-label={text}
                aria-current={r.id === run.id ? "page" : undefined}
              >
                <span
                  class={`bar30 ${state}`}
                  style={{ blockSize: `${Math.max(2, barHeight(state, ms / longest) * HEIGHT)}px` }}
                />
              </a>
            </span>
          );
        })}
      </div>
    </Panel>
  );
}

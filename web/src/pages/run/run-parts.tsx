// What several pages show of a run.
import { type Answer, call } from "../../api/client";
import { may } from "../../api/state";
import { href } from "../../base/url";
import { stopwatch } from "../../base/format";
import { now } from "../../base/clock";
import { StateMark, stateOfRun } from "../../ui/state-mark";
import { words } from "../../words";
import { runsWords } from "../../words/runs";

export type Run = Answer<"GET /api/cron/executions/{id}">;
export type RunContext = Answer<"GET /api/cron/executions/{id}/context">;

/** It had parameters of its own, and whoever asks may not give any. */
export const losesParams = (run: Pick<Run, "params">) => run.params !== null && !may("editor");

/** Runs it again with the parameters it had; those of its own need an editor. */
export async function repeatRun(run: Run): Promise<Answer<"POST /api/cron/jobs/{job}/run">> {
  const own = run.params === null || losesParams(run) ? {} : { params: run.params };
  return call("POST /api/cron/jobs/{job}/run", { path: { job: run.jobId }, body: own });
}

export const isOver = (status: string | null | undefined) =>
  status !== undefined && status !== null && status !== "running" && status !== "queued";

/** How it stands; a running one counts. Leads to the runs that stand alike. */
export function RunState({ run, isLink }: { run: Pick<Run, "status" | "startedAt">; isLink?: boolean }) {
  const note =
    run.status === "running" && run.startedAt
      ? stopwatch(Math.max(0, now.value - Date.parse(run.startedAt)))
      : undefined;
  const mark = <StateMark state={stateOfRun(run.status)} badge {...(note ? { note } : {})} />;
  if (!isLink) return mark;
  return (
    <a class="state-link" href={href(`/runs?q=status:${run.status}`)}>
      {mark}
    </a>
  );
}

/** Why, in words; "" where the state says it all. */
export const reasonText = (run: Pick<Run, "reason">) => (run.reason ? runsWords().reasons[run.reason] : "");

export const triggerText = (run: Pick<Run, "triggeredBy">) =>
  run.triggeredBy ? runsWords().triggers[run.triggeredBy] : words().time.none;

/** "código 3", "señal 9", "" */
export function exitText(run: Pick<Run, "exitCode" | "signal">): string {
  const t = runsWords();
  if (run.signal) return t.signal(run.signal);
  return run.exitCode === null ? "" : t.exit(run.exitCode);
}

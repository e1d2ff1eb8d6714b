// The runs of one job, newest first, as far back as somebody asks.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, type Answer, call } from "../../api/client";
import { useLive } from "../../api/live";
import { duration } from "../../base/format";
import { filtered, filterValue } from "../../base/filter";
import { href } from "../../base/url";
import { Button } from "../../ui/button";
import { Panel } from "../../ui/page";
import { ErrorNotice, Loading } from "../../ui/remote-view";
import { StateMark, stateOfRun } from "../../ui/state-mark";
import { Ago, At, Took } from "../../ui/time";
import { sayError } from "../../ui/toast";
import { language } from "../../words";
import { jobWords } from "../../words/job";
import type { Job } from "../job";
import { reasonText, triggerText } from "../run/run-parts";

type RunPage = Answer<"GET /api/cron/jobs/{job}/executions">;
type Run = RunPage["data"][number];
const PAGE = 50;
const SHOWN_MAX = 100; // rows in the document; more are for the page of runs

export function RunsTab({ job }: { job: Job }) {
  const id = String(job.id);
  const runs = useSignal<Run[] | null>(null);
  const next = useSignal<string | null>(null);
  const error = useSignal<ApiError | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const load = async () => {
    try {
      const page = await call("GET /api/cron/jobs/{job}/executions", {
        path: { job: id },
        query: { limit: PAGE },
      });
      const fresh = new Set(page.data.map((run) => run.id));
      const older = (runs.peek() ?? []).filter((run) => !fresh.has(run.id) && page.nextCursor);
      runs.value = [...page.data, ...older].slice(0, SHOWN_MAX);
      if (older.length === 0) next.value = page.nextCursor;
      error.value = null;
    } catch (e) {
      if (!(e instanceof ApiError)) throw e;
      error.value = e;
    }
  };
  const more = async () => {
    try {
      const query = { limit: PAGE, cursor: next.peek() ?? "" };
      const page = await call("GET /api/cron/jobs/{job}/executions", { path: { job: id }, query });
      runs.value = [...(runs.peek() ?? []), ...page.data];
      next.value = page.nextCursor;
    } catch (e) {
      sayError(e);
    }
  };
  useEffect(() => {
    void load();
    return () => clearTimeout(timer.current);
  }, [id]);
  useLive("runs", (events) => {
    if (!events.some((e) => (e as { jobId?: string }).jobId === id)) return;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void load();
    }, 500);
  });
  const t = jobWords().runsTab;
  if (error.value && !runs.value) return <ErrorNotice error={error.value} again={() => void load()} />;
  if (!runs.value) return <Loading />;
  const all = href(filtered("runs", `job:${filterValue(job.name)}`));
  return (
    <Panel class="job-runs" actions={<a href={all}>{t.all}</a>}>
      {runs.value.length === 0 && <p class="quiet">{t.none}</p>}
      {runs.value.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{t.columns.state}</th>
              <th scope="col">{t.columns.started}</th>
              <th scope="col" class="end">
                {t.columns.took}
              </th>
              <th scope="col" class="end">
                {t.columns.lag}
              </th>
              <th scope="col">{t.columns.trigger}</th>
              <th scope="col">{t.columns.note}</th>
            </tr>
          </thead>
          <tbody>
            {runs.value.map((run) => (
              <tr key={run.id}>
                <td>
                  <a href={href(`/runs/${run.id}`)}>
                    <StateMark state={stateOfRun(run.status)} />
                  </a>
                </td>
                <td>
                  <At when={run.startedAt ?? run.queuedAt} />{" "}
                  <small class="quiet">
                    <Ago when={run.startedAt ?? run.queuedAt} />
                  </small>
                </td>
                <td class="end">
                  <Took ms={run.duration} />
                </td>
                <td class="end quiet">
                  {run.lagMs === null ? "" : `+${duration(language.value, run.lagMs)}`}
                </td>
                <td>{triggerText(run)}</td>
                <td class="note">{run.errorMessage ?? reasonText(run)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {next.value && runs.value.length < 10 * SHOWN_MAX && (
        <Button onClick={() => void more()}>{t.more}</Button>
      )}
    </Panel>
  );
}

// The runs of one job, newest first, as far back as somebody asks.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { call } from "../../api/client";
import { onResync, useLive } from "../../api/live";
import { duration } from "../../base/format";
import { filtered, filterValue } from "../../base/filter";
import { href } from "../../base/url";
import { Button } from "../../ui/button";
import { Panel } from "../../ui/page";
import { ErrorNotice, Loading } from "../../ui/remote-view";
import { StateMark, stateOfRun } from "../../ui/state-mark";
import { Ago, At, Took } from "../../ui/time";
import { language, words } from "../../words";
import { jobWords } from "../../words/job";
import type { Job } from "../job";
import { reasonText, triggerText } from "../run/run-parts";
import { RunList, type RunEvent } from "../runs/list";

const sizes = { first: 50, next: 50, max: 1000 }; // more are for the page of runs

export function RunsTab({ job }: { job: Job }) {
  const id = String(job.id);
  const list = useMemo(
    () =>
      new RunList(
        ({ limit, cursor }, signal) =>
          call("GET /api/cron/jobs/{job}/executions", {
            path: { job: id },
            query: { limit, ...(cursor ? { cursor } : {}) },
            signal,
          }),
        sizes,
      ),
    [id],
  );
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    void list.load("");
    const stop = onResync(() => void list.load(""));
    return () => {
      stop();
      list.stop();
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [list]);
  useLive("runs", (events) => {
    const mine = (events as readonly RunEvent[]).filter((e) => e.jobId === id);
    if (mine.length === 0) return;
    list.hear(mine);
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void list.load("");
    }, 500);
  });
  const rows = list.rows.value;
  const error = list.error.value;
  const t = jobWords().runsTab;
  if (!list.isThere.value)
    return error ? <ErrorNotice error={error} again={() => void list.load("")} /> : <Loading />;
  const all = href(filtered("runs", `job:${filterValue(job.name)}`));
  return (
    <Panel class="job-runs" actions={<a href={all}>{t.all}</a>}>
      {error && (
        <p class="stale" role="status">
          {words().failed(error.message)}
        </p>
      )}
      {rows.length === 0 && <p class="quiet">{t.none}</p>}
      {rows.length > 0 && (
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
            {rows.map((run) => (
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
      {list.hasMore.value && rows.length < sizes.max && (
        <Button onClick={() => void list.more()}>{t.more}</Button>
      )}
    </Panel>
  );
}

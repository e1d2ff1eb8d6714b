// One run: how it came about, how it went, what it wrote.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { call } from "../api/client";
import { useLive } from "../api/live";
import { useRemote } from "../api/remote";
import { may } from "../api/state";
import { useKeys } from "../base/keys";
import { go, href } from "../base/url";
import type { Usage } from "../log/live-output";
import { LogView, openLog } from "../log/log-view";
import type { LogStore } from "../log/store";
import type { PageProps } from "../routes";
import { Button } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { Page } from "../ui/page";
import { Shown } from "../ui/remote-view";
import { act } from "../ui/toast";
import { ZonePicker } from "../ui/zone-picker";
import { words } from "../words";
import { runWords } from "../words/run";
import { runsWords } from "../words/runs";
import { Attempts, Failure, RunFacts, Timeline } from "./run/head";
import { Details } from "./run/details";
import { RecentRuns } from "./run/recent";
import { isOver, losesParams, repeatRun, type Run, type RunContext, RunState } from "./run/run-parts";
import { useSignal } from "@preact/signals";
import "../style/pages/run.css";

const USAGE_KEPT = 60; // two minutes
type LiveRun = Partial<Run> & { type: string; id?: string };
interface Both {
  run: Run;
  context: RunContext | null;
}

async function loadBoth(id: string, abort: AbortSignal): Promise<Both> {
  const ask = { path: { id }, signal: abort };
  const [run, context] = await Promise.all([
    call("GET /api/cron/executions/{id}", ask),
    call("GET /api/cron/executions/{id}/context", ask),
  ]);
  return { run, context };
}

export function RunPage({ args }: PageProps) {
  const id = args["id"] ?? "";
  const log = useMemo(() => openLog(id), [id]);
  useEffect(() => () => log.stop(), [log]);
  const remote = useRemote(id, (abort) => loadBoth(id, abort));
  useLive("runs", (events) => {
    const known = remote.data.peek();
    if (!known) return;
    const mine = (events as LiveRun[]).filter((e) => e.type === "run" && e.id === id);
    const last = mine.at(-1);
    if (last) {
      const { type: _, params: __, output: ___, ...fields } = last;
      remote.patch((old) => ({ ...old, run: { ...old.run, ...fields } }));
    }
    const isOther = (events as LiveRun[]).some(
      (e) => e.type === "run" && e.id !== id && e.jobId === known.run.jobId && (e.attempt ?? 1) > 1,
    );
    if (isOther || (last && isOver(last.status))) void remote.reload();
  });
  return (
    <Shown of={remote}>
      {(both) => <Inside key={id} {...both} log={log} reload={() => void remote.reload()} />}
    </Shown>
  );
}

function Inside({ run, context, log, reload }: Both & { log: LogStore; reload: () => void }) {
  const t = runWords();
  const isQueued = run.status === "queued";
  const wasQueued = useRef(isQueued);
  useEffect(() => {
    if (wasQueued.current && !isQueued) void log.load(); // it has begun to write
    wasQueued.current = isQueued;
  }, [isQueued]);
  const isStopAsked = useSignal(false);
  const usage = useSignal<readonly Usage[]>([]);
  const over = isOver(run.status);
  const mayAct = may("operator");
  const hasJob = run.jobName !== null && run.triggeredBy !== "test"; // of what was only tried there is no job
  const repeat = () =>
    act(
      async () => {
        const made = await repeatRun(run);
        go(`/runs/${made.executionId}`);
      },
      losesParams(run) ? t.repeatedPlain : t.repeated,
    );
  const askStop = () => void (isStopAsked.value = true);
  useEffect(() => {
    if (!mayAct) return;
    return useKeys([
      { keys: "R", text: () => runWords().repeat, run: () => void (hasJob && repeat()) },
      { keys: "x", text: () => runWords().stop, run: () => !over && askStop() },
    ]);
  }, [over, mayAct, run.id]);
  const previous = context?.previous;
  return (
    <Page
      title={run.jobName ?? runsWords().gone}
      crumbs={
        <>
          <a href={href("/jobs")}>{words().nav.jobs}</a> /{" "}
          {hasJob ? (
            <a href={href(`/jobs/${run.jobId}`)}>{run.jobName}</a>
          ) : (
            (run.jobName ?? runsWords().gone)
          )}{" "}
          / <a href={href(hasJob ? `/jobs/${run.jobId}/runs` : "/runs")}>{runsWords().title}</a> /{" "}
          <span class="mono">{run.id}</span>
        </>
      }
      sub={
        <span class="run-sub">
          <RunState run={run} isLink /> <ZonePicker />
        </span>
      }
      actions={
        <>
          {previous && (
            <a class="button" href={href(`/runs/${previous.id}/diff/${run.id}`)}>
              {t.compare}
            </a>
          )}
          {mayAct && hasJob && (
            <Button icon="rotate-ccw" onClick={() => void repeat()} keys="R">
              {t.repeat}
            </Button>
          )}
          {mayAct && !over && (
            <Button kind="danger" icon="square" onClick={askStop} keys="x">
              {t.stop}
            </Button>
          )}
        </>
      }
    >
      <Failure run={run} context={context} />
      <RunFacts run={run} context={context} usage={usage.value} />
      <Attempts run={run} context={context} />
      <div class="run-pictures">
        <Timeline run={run} context={context} />
        {hasJob && <RecentRuns run={run} p95={context?.usualP95Ms ?? null} />}
      </div>
      {!isQueued && (
        <LogView
          id={run.id}
          store={log}
          isLive={run.status === "running"}
          startedAt={run.startedAt}
          onUsage={(now) => void (usage.value = [...usage.peek().slice(1 - USAGE_KEPT), now])}
          begin={run.status === "success" ? "top" : "end"}
        />
      )}
      <Details run={run} context={context} />
      {isStopAsked.value && (
        <Confirm
          title={t.stopTitle(run.jobName ?? run.id)}
          text={<p>{t.stopText}</p>}
          verb={t.stop}
          onClose={() => void (isStopAsked.value = false)}
          act={async () => {
            await call("POST /api/cron/executions/{id}/cancel", { path: { id: run.id } });
            reload();
          }}
        />
      )}
    </Page>
  );
}

// The job at a glance: when it is next, how it usually goes, why it does or does not run, its last runs and its year.
import { type Answer, call } from "../../api/client";
import { useRemote } from "../../api/remote";
import { language as spoken, words } from "../../words";
import { jobWords } from "../../words/job";
import { runsWords } from "../../words/runs";
import { serverZone, zone } from "../../api/state";
import { duration, number, percent } from "../../base/format";
import { href } from "../../base/url";
import { Facts, Panel } from "../../ui/page";
import { StateMark, stateOfRun, type State } from "../../ui/state-mark";
import { Ago, At, Countdown } from "../../ui/time";
import type { Job, Why } from "../job";
import { Chart } from "./chart";
import { RunsStrip } from "./runs-strip";
import { Year } from "./year";

export type Metrics = Answer<"GET /api/cron/jobs/{job}/metrics">;
export type Runs = Answer<"GET /api/cron/jobs/{job}/executions">["data"];
const RUNS = 90;
const VERDICTS_SHOWN = 8;

export function Overview({ job, why }: { job: Job; why: Why }) {
  const path = { job: String(job.id) };
  const key = `${job.id} ${job.version} ${job.lastExecution?.id} ${job.lastExecution?.status}`;
  const figures = useRemote(key, async (signal) => {
    const [metrics, runs, explained] = await Promise.all([
      call("GET /api/cron/jobs/{job}/metrics", { path, signal }),
      call("GET /api/cron/jobs/{job}/executions", { path, query: { limit: RUNS }, signal }),
      call("GET /api/cron/schedule/explain", {
        query: {
          schedule: job.schedule,
          ...(job.timezone ? { timezone: job.timezone } : {}), // else the server's, which may not be known here yet
          dialect: job.dialect ?? "sereno",
          dst: job.dst ?? "once",
          seed: String(job.id),
          ...(job.startAt ? { startAt: job.startAt } : {}),
          ...(job.endAt ? { endAt: job.endAt } : {}),
          lang: spoken.value,
          count: 5,
        },
        signal,
      }),
    ]);
    return { metrics, runs: runs.data, explained };
  });
  const data = figures.data.value;
  return (
    <div class="job-overview">
      <Panel class="job-facts">
        <JobFacts job={job} metrics={data?.metrics} sentence={data?.explained.sentence} />
      </Panel>
      <WhyPanel job={job} why={why} />
      <Panel class="job-last" title={jobWords().last.title(data?.runs.length ?? 0)}>
        {data && <RunsStrip job={job} runs={data.runs} p95={data.metrics.p95Ms} />}
      </Panel>
      <Panel class="job-chart" title={jobWords().last.chart}>
        {data && <Chart runs={data.runs} />}
      </Panel>
      <Panel class="job-year" title={jobWords().year.title} note={zone.value}>
        <Year job={job} />
      </Panel>
      {data && data.explained.warnings.length > 0 && (
        <Panel class="job-warnings">
          <ul>
            {data.explained.warnings.map((warning) => (
              <li key={warning.code}>⚠ {warning.text}</li>
            ))}
          </ul>
        </Panel>
      )}
    </div>
  );
}

function JobFacts({
  job,
  metrics,
  sentence,
}: {
  job: Job;
  metrics: Metrics | undefined;
  sentence: string | undefined;
}) {
  const t = jobWords().facts;
  const lang = spoken.value;
  const owner = (job.labels as Record<string, string> | null)?.["owner"];
  const last = job.lastExecution;
  const lag = last?.lagMs;
  const span = (ms: number | null | undefined) =>
    ms === null || ms === undefined ? "—" : duration(lang, ms);
  const facts = [
    {
      name: t.next,
      value: job.nextRunAt ? (
        <>
          <Countdown until={job.nextRunAt} />
          <small>
            <At when={job.nextRunAt} />
          </small>
        </>
      ) : (
        "—"
      ),
    },
    {
      name: t.previous,
      value: last ? (
        <a href={href(`/runs/${last.id}`)}>
          <Ago when={last.startedAt ?? last.queuedAt} />
          <small>
            <At when={last.startedAt ?? last.queuedAt} />
            {lag !== null && lag !== undefined && ` · ${t.lag(duration(lang, lag))}`}
          </small>
        </a>
      ) : (
        words().states.never
      ),
    },
    {
      name: t.schedule,
      value: (
        <>
          <code>{job.schedule}</code>
          <small>{sentence}</small>
        </>
      ),
    },
    {
      name: t.zone,
      value: job.timezone ?? (
        <>
          {serverZone.value}
          <small>{t.ofServer}</small>
        </>
      ),
    },
    {
      name: t.usual,
      value: (
        <>
          {span(metrics?.p50Ms)}
          <small>
            p95 {span(metrics?.p95Ms)} · p99 {span(metrics?.p99Ms)}
          </small>
        </>
      ),
    },
    {
      name: t.success,
      value: (
        <>
          {metrics?.successRate === null || metrics === undefined ? "—" : percent(lang, metrics.successRate)}
          {metrics !== undefined && (
            <small>
              <a href={href(`/jobs/${job.id}/runs`)}>{words().runs(metrics.runs)}</a>
            </small>
          )}
        </>
      ),
    },
    { name: t.lagP99, value: span(metrics?.lagP99Ms) },
    { name: t.executor, value: <code>{job.command}</code> },
    {
      name: t.retries,
      value:
        job.retries === 0 ? "0" : `${number(lang, job.retries)} × ${duration(lang, job.retryDelay * 1000)}`,
    },
    { name: t.timeout, value: job.timeout === null ? t.noTimeout : duration(lang, job.timeout * 1000) },
    { name: t.owner, value: owner ?? <span class="quiet">{t.noOwner}</span> },
  ];
  return <Facts facts={facts} />;
}

const verdictState = (state: string, reason: string): State =>
  state === "pending"
    ? "queued"
    : state === "missed"
      ? "missed"
      : state === "skipped"
        ? "skipped"
        : stateOfRun(reason);

function WhyPanel({ job, why }: { job: Job; why: Why }) {
  const t = jobWords().why;
  const says: Record<string, unknown> = t;
  const code = why.state === "never" && !job.isActive ? "inactive" : why.state;
  const trouble = job.lastExecution && ["failed", "timeout", "lost"].includes(job.lastExecution.status);
  const reasons: Record<string, string> = runsWords().reasons;
  return (
    <Panel class="job-why" title={t.title}>
      <p class="job-why-text">{typeof says[code] === "string" ? (says[code] as string) : why.text}</p>
      {job.disabledReason && <p class="error">{job.disabledReason}</p>}
      {trouble && job.lastExecution && (
        <p class="job-trouble">
          <StateMark state={stateOfRun(job.lastExecution.status)} />{" "}
          <a href={href(`/runs/${job.lastExecution.id}`)}>
            <Ago when={job.lastExecution.finishedAt} />
          </a>
          {": "}
          {job.lastExecution.errorMessage ?? reasons[job.lastExecution.reason ?? ""] ?? ""}
        </p>
      )}
      <h3>{t.recent}</h3>
      {why.recent.length === 0 && <p class="quiet">{t.none}</p>}
      <ul class="verdicts">
        {why.recent.slice(0, VERDICTS_SHOWN).map((o) => (
          <li key={o.dueAt}>
            <At when={o.dueAt} />
            <StateMark
              state={verdictState(o.state, o.reason)}
              {...(o.state === "ran" ? {} : { text: t.verdicts[o.state] })}
            />
            <span class="quiet">
              {o.count > 1 ? `${t.times(o.count)} · ` : ""}
              {o.state === "ran" && o.reason === "success" ? "" : (reasons[o.reason] ?? o.reasonText)}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

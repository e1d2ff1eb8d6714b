// One job: how it stands and why, its runs, what it was; and what can be done with it.
import { useEffect, useRef } from "preact/hooks";
import { type Answer, type ApiError, call } from "../api/client";
import { labelTexts, stateOfJob } from "../api/job-rows";
import { useLive, useSoon } from "../api/live";
import { useRemote } from "../api/remote";
import { may } from "../api/state";
import { filtered, filterValue } from "../base/filter";
import { useKeys } from "../base/keys";
import { go, href } from "../base/url";
import { usePalette } from "../palette-entries";
import type { PageProps } from "../routes";
import { Page } from "../ui/page";
import { ErrorNotice, Loading } from "../ui/remote-view";
import { StateMark } from "../ui/state-mark";
import { Tabs } from "../ui/tabs";
import { At } from "../ui/time";
import { ZonePicker } from "../ui/zone-picker";
import { words } from "../words";
import { jobWords } from "../words/job";
import { jobsWords } from "../words/jobs";
import { Deeds } from "./job/deeds";
import { DeletedJob, History } from "./job/history";
import { Overview } from "./job/overview";
import { RunsTab } from "./job/runs-tab";
import { pausedUntil, pauseJob, resumeJob, runJob } from "./jobs/deeds";
import "../style/pages/job.css";

export type Job = Answer<"GET /api/cron/jobs/{job}">;
export type Why = Answer<"GET /api/cron/jobs/{job}/why">;

/** How it stands, from the job and why it does (not) run. Pure. */
export function standingOf(job: Job, why: Why | undefined): string {
  if (why?.state === "running" || why?.state === "queued") return why.state;
  if (!job.isActive) return "inactive";
  if (job.gate === "paused" || job.gate === "off") return job.gate;
  return job.lastExecution?.status ?? "never";
}

/** Events come in bursts: the page is read anew at most once a second. */
function useFollow(id: string, reload: () => Promise<void>): void {
  const soon = useSoon(700, reload);
  useLive("runs", (events) => events.some((e) => (e as { jobId?: string }).jobId === id) && soon());
  useLive(
    "jobs",
    (events) =>
      events.some((e) => {
        const event = e as { type: string; id?: string; what?: string };
        return event.type === "job" && (event.id === id || !event.id); // those of many jobs name none
      }) && soon(),
  );
}

export function JobPage({ args }: PageProps) {
  const id = args["id"] ?? "";
  const tab = args["tab"] ?? "overview";
  const path = { job: id };
  const remote = useRemote(id, async (signal) => {
    const [job, why] = await Promise.all([
      call("GET /api/cron/jobs/{job}", { path, signal }),
      call("GET /api/cron/jobs/{job}/why", { path, signal }),
    ]);
    const until = job.gate === "paused" ? await pausedUntil(id, job.name) : null;
    return { job, why, until };
  });
  useFollow(id, remote.reload);
  const data = remote.data.value;
  const error = remote.error.value;
  if (error?.status === 404) return <DeletedJob id={id} />; // it may have been deleted while it was looked at
  if (!data)
    return (
      <Page title={jobWords().title}>
        {error ? <ErrorNotice error={error} again={() => void remote.reload()} /> : <Loading />}
      </Page>
    );
  return <Known {...data} tab={tab} error={error} reload={() => void remote.reload()} />;
}

interface KnownProps {
  job: Job;
  why: Why;
  /** When its pause ends by itself. */
  until: number | null;
  tab: string;
  /** Why it could not be read anew. */
  error: ApiError | null;
  reload: () => void;
}

function Known({ job, why, until, tab, error, reload }: KnownProps) {
  const w = words();
  const t = jobWords();
  const id = String(job.id);
  const newest = useRef(job);
  newest.current = job;
  useEffect(() => {
    const k = () => words().keys;
    const name = () => newest.current.name;
    const isPaused = () => newest.current.gate === "paused";
    return useKeys([
      {
        keys: "l",
        text: () => k().log,
        run: () => newest.current.lastExecution && go(`/runs/${newest.current.lastExecution.id}`),
      },
      ...(may("operator")
        ? [
            { keys: "R", text: () => k().run, run: () => void runJob(id, name()) },
            {
              keys: "p",
              text: () => k().pause,
              run: () => void (isPaused() ? resumeJob(id, name()) : pauseJob(id, name())),
            },
          ]
        : []),
      ...(may("editor") ? [{ keys: "e", text: () => k().edit, run: () => go(`/jobs/${id}/edit`) }] : []),
    ]);
  }, [id]);
  usePalette((text) => {
    const deeds = [
      ...(may("operator")
        ? [
            {
              key: "this run",
              text: `${w.actions.run} ${job.name}`,
              run: () => void runJob(id, job.name),
            },
          ]
        : []),
      ...(may("editor")
        ? [
            {
              key: "this edit",
              text: `${w.actions.edit} ${job.name}`,
              run: () => go(`/jobs/${id}/edit`),
            },
          ]
        : []),
      { key: "this history", text: `${t.tabs.history} ${job.name}`, run: () => go(`/jobs/${id}/history`) },
    ];
    return deeds
      .filter((d) => d.text.toLowerCase().includes(text.trim().toLowerCase()))
      .map((d) => ({ ...d, kind: w.palette.doIt }));
  });
  const state = stateOfJob(standingOf(job, why));
  const fails = job.consecutiveFailures ?? 0;
  return (
    <Page
      title={job.name}
      crumbs={<a href={href("/jobs")}>{jobsWords().title}</a>}
      sub={
        <span class="job-sub">
          <StateMark
            state={state}
            badge
            {...(fails > 1 && state === "failed" ? { note: `×${fails}` } : {})}
          />
          {until !== null && (
            <span>
              {t.pausedUntil} <At when={until} />
            </span>
          )}
          {job.category && (
            <a class="tag" href={href(filtered("jobs", `cat:${filterValue(job.category)}`))}>
              {job.category}
            </a>
          )}
          {labelTexts(job.labels as Record<string, unknown> | null).map((label) => (
            <a key={label} class="tag" href={href(filtered("jobs", `tag:${filterValue(label)}`))}>
              {label}
            </a>
          ))}
          <ZonePicker />
        </span>
      }
      actions={<Deeds job={job} />}
    >
      {error && error.status !== 0 && (
        <p class="stale" role="status">
          {w.failed(error.message)}
        </p>
      )}
      {job.description && <p class="job-about">{job.description}</p>}
      <Tabs
        label={t.tabs.label}
        current={tab}
        tabs={[
          { key: "overview", text: t.tabs.overview, to: `/jobs/${id}` },
          { key: "runs", text: t.tabs.runs, to: `/jobs/${id}/runs` },
          ...(may("editor") ? [{ key: "edit", text: t.tabs.edit, to: `/jobs/${id}/edit` }] : []),
          { key: "history", text: t.tabs.history, to: `/jobs/${id}/history` },
        ]}
      />
      {tab === "runs" ? (
        <RunsTab job={job} />
      ) : tab === "history" ? (
        <History id={id} version={job.version} onRestored={reload} />
      ) : (
        <Overview job={job} why={why} />
      )}
    </Page>
  );
}

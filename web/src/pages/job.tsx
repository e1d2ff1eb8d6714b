// One job: how it stands and why, its runs, what it was; and what can be done with it.
import { useEffect, useRef } from "preact/hooks";
import { type Answer, call } from "../api/client";
import { labelTexts, stateOfJob } from "../api/job-rows";
import { useLive } from "../api/live";
import { useRemote } from "../api/remote";
import { may } from "../api/state";
import { useKeys } from "../base/keys";
import { go, href } from "../base/url";
import { usePalette } from "../palette-entries";
import type { PageProps } from "../routes";
import { Page } from "../ui/page";
import { ErrorNotice, Loading } from "../ui/remote-view";
import { StateMark } from "../ui/state-mark";
import { Tabs } from "../ui/tabs";
import { ZonePicker } from "../ui/zone-picker";
import { words } from "../words";
import { Deeds } from "./job/deeds";
import { DeletedJob, History } from "./job/history";
import { Overview } from "./job/overview";
import { RunsTab } from "./job/runs-tab";
import { pauseJob, resumeJob, runJob } from "./jobs/deeds";

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
function useFollow(id: string, reload: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const soon = () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      reload();
    }, 700);
  };
  useLive("runs", (events) => events.some((e) => (e as { jobId?: string }).jobId === id) && soon());
  useLive(
    "jobs",
    (events) =>
      events.some((e) => {
        const event = e as { type: string; id?: string; what?: string };
        return event.type === "job" && (event.id === id || event.what === "gate");
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
    return { job, why };
  });
  useFollow(id, () => void remote.reload());
  const data = remote.data.value;
  const error = remote.error.value;
  if (!data && error?.status === 404) return <DeletedJob id={id} />;
  if (!data)
    return (
      <Page title={words().job.title}>
        {error ? <ErrorNotice error={error} again={() => void remote.reload()} /> : <Loading />}
      </Page>
    );
  return <Known job={data.job} why={data.why} tab={tab} reload={() => void remote.reload()} />;
}

function Known({ job, why, tab, reload }: { job: Job; why: Why; tab: string; reload: () => void }) {
  const w = words();
  const t = w.job;
  const id = String(job.id);
  const newest = useRef(job);
  newest.current = job;
  useEffect(() => {
    const k = () => words().common.keys;
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
              text: `${w.common.actions.run} ${job.name}`,
              run: () => void runJob(id, job.name),
            },
          ]
        : []),
      ...(may("editor")
        ? [
            {
              key: "this edit",
              text: `${w.common.actions.edit} ${job.name}`,
              run: () => go(`/jobs/${id}/edit`),
            },
          ]
        : []),
      { key: "this history", text: `${t.tabs.history} ${job.name}`, run: () => go(`/jobs/${id}/history`) },
    ];
    return deeds
      .filter((d) => d.text.toLowerCase().includes(text.trim().toLowerCase()))
      .map((d) => ({ ...d, kind: w.common.palette.doIt }));
  });
  const state = stateOfJob(standingOf(job, why));
  const fails = job.consecutiveFailures ?? 0;
  return (
    <Page
      title={job.name}
      crumbs={<a href={href("/jobs")}>{w.jobs.title}</a>}
      sub={
        <span class="job-sub">
          <StateMark
            state={state}
            badge
            {...(fails > 1 && state === "failed" ? { note: `×${fails}` } : {})}
          />
          {job.category && (
            <a class="tag" href={href(`/jobs?q=cat:${encodeURIComponent(job.category)}`)}>
              {job.category}
            </a>
          )}
          {labelTexts(job.labels as Record<string, unknown> | null).map((label) => (
            <a key={label} class="tag" href={href(`/jobs?q=${encodeURIComponent(`tag:"${label}"`)}`)}>
              {label}
            </a>
          ))}
          <ZonePicker />
        </span>
      }
      actions={<Deeds job={job} />}
    >
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

// Under the strip: what needs somebody, what runs, what comes next, how the week went.
import { call } from "../../api/client";
import { useRemote } from "../../api/remote";
import { may, times } from "../../api/state";
import { now } from "../../base/clock";
import { filtered, startedWithin } from "../../base/filter";
import { duration, number, percent, stopwatch } from "../../base/format";
import { href } from "../../base/url";
import { Button } from "../../ui/button";
import { Panel } from "../../ui/page";
import { type State, StateMark } from "../../ui/state-mark";
import { Ago, Countdown } from "../../ui/time";
import { act } from "../../ui/toast";
import { language, words } from "../../words";
import { roundWords } from "../../words/round";
import type { Attention, Round, Running } from "./data";

function kindOf(a: Attention): { state: State; text: string } {
  const t = roundWords().attention;
  const failures = a.failures ?? 1;
  switch (a.kind) {
    case "timeout":
      return { state: "timeout", text: t.timeout(failures) };
    case "lost":
      return { state: "lost", text: t.lost };
    case "tight":
      return { state: "timeout", text: t.tight };
    case "worlds":
      return { state: "timeout", text: t.worlds };
    default:
      return { state: "failed", text: t.failed(failures) };
  }
}

function Why({ a }: { a: Attention }) {
  const t = roundWords().attention;
  const span = (ms: number | null) => duration(language.value, ms ?? 0);
  if (a.kind === "tight") return <p class="why">{t.tightWhy(span(a.usualMs), span(a.intervalMs))}</p>;
  if (a.kind === "worlds")
    return (
      <p class="why">
        {t.worldsWhy(a.failures ?? 0, a.at ? times.value.short(Date.parse(a.at), now.peek()) : "—")}
      </p>
    );
  return (
    <p class="why">
      {a.why && <span class="what">{a.why}</span>}
      <span>
        {a.at && <Ago when={a.at} />}
        {a.retryAt && (
          <>
            {" · "}
            {t.retry} <Countdown until={a.retryAt} />
            {a.attempt && a.attempts ? ` ${t.attempt(a.attempt, a.attempts)}` : ""}
          </>
        )}
        {!a.isActive && ` · ${t.disabled}`}
      </span>
    </p>
  );
}

const runNow = (job: string, name: string) =>
  act(
    () => call("POST /api/cron/jobs/{job}/run", { path: { job }, body: {} }),
    `${words().actions.run}: ${name}`,
  );

function AttentionRow({ a }: { a: Attention }) {
  const { state, text } = kindOf(a);
  const w = words().actions;
  return (
    <li class="attention-row">
      <StateMark state={state} text={text} badge />
      <div class="about">
        {a.jobId ? (
          <a class="name" href={href(`/jobs/${a.jobId}`)}>
            {a.jobName}
          </a>
        ) : (
          <a class="name" href={href("/worlds")}>
            {words().nav.worlds}
          </a>
        )}
        <Why a={a} />
      </div>
      <div class="do">
        {a.jobId && may("operator") && a.kind !== "tight" && (
          <Button
            onClick={() => void runNow(a.jobId as string, a.jobName ?? "")}
            label={`${w.run} ${a.jobName}`}
          >
            {w.run}
          </Button>
        )}
        {a.executionId && (
          <a class="button" href={href(`/runs/${a.executionId}`)} aria-label={`${w.log}: ${a.jobName}`}>
            {w.log}
          </a>
        )}
      </div>
    </li>
  );
}

export function AttentionPanel({ round }: { round: Round }) {
  const t = roundWords().attention;
  return (
    <Panel title={t.title} class="attention">
      {round.attention.length === 0 ? (
        <p class="quiet">{t.none}</p>
      ) : (
        <ul class="rows-list">
          {round.attention.slice(0, 8).map((a) => (
            <AttentionRow key={`${a.kind} ${a.jobId}`} a={a} />
          ))}
        </ul>
      )}
      {round.verdict.attention > 8 && (
        <p class="more">
          <a href={href("/jobs?q=status:failed,timeout,lost")}>{roundWords().see(round.verdict.attention)}</a>
        </p>
      )}
    </Panel>
  );
}

/** How far it should be by now, from what it usually takes. */
function Progress({ run }: { run: Running }) {
  const t = roundWords().running;
  const span = (ms: number) => duration(language.value, ms);
  if (run.isQueued) return <span class="quiet">{t.waits}</span>;
  const gone = run.startedAt ? Math.max(0, now.value - Date.parse(run.startedAt)) : 0;
  const usual = run.usualMs;
  const isLate = run.usualP95Ms !== null && gone > run.usualP95Ms * 1.1 + 1000;
  const share = usual ? Math.min(1, gone / Math.max(usual, 1)) : 0;
  return (
    <>
      {usual ? (
        <svg
          class={`progress ${isLate ? "late" : ""}`}
          width="110"
          height="6"
          viewBox="0 0 110 6"
          aria-hidden="true"
        >
          <rect class="all" width="110" height="6" rx="3" />
          <rect class="done" width={(share * 110).toFixed(1)} height="6" rx="3" />
        </svg>
      ) : null}
      <span class="num">{stopwatch(gone)}</span>{" "}
      <span class={isLate ? "late small" : "quiet small"}>
        {usual ? (isLate && run.usualP95Ms ? t.longer(span(run.usualP95Ms)) : t.usual(span(usual))) : t.first}
      </span>
    </>
  );
}

export function RunningPanel({ round }: { round: Round }) {
  const t = roundWords().running;
  return (
    <Panel
      title={<a href={href(filtered("runs", "status:running"))}>{t.title}</a>}
      note={
        <>
          {t.of(round.runningTotal, round.load.maxConcurrentJobs)}
          {round.queuedTotal > 0 && ` · ${t.queued(round.queuedTotal)}`}
        </>
      }
      class="running"
    >
      {round.running.length === 0 ? (
        <p class="quiet">{t.none}</p>
      ) : (
        <ul class="rows-list">
          {round.running.slice(0, 8).map((run) => (
            <li key={run.executionId}>
              <a href={href(`/runs/${run.executionId}`)} class="name ellipsis">
                <StateMark state={run.isQueued ? "queued" : "running"} text={run.jobName ?? run.jobId} />
              </a>
              <span class="progress-cell">
                <Progress run={run} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

export function NextPanel({ round }: { round: Round }) {
  const t = roundWords().next;
  return (
    <Panel title={t.title} class="next">
      {round.next.length === 0 ? (
        <p class="quiet">{t.none}</p>
      ) : (
        <ul class="rows-list">
          {round.next.slice(0, 6).map((job) => (
            <li key={job.jobId}>
              <strong class="when">
                <Countdown until={job.nextRunAt} />
              </strong>
              <a href={href(`/jobs/${job.jobId}`)} class="name ellipsis">
                {job.jobName}
              </a>
              <code class="quiet ellipsis">{job.schedule}</code>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Figure(props: { value: string; name: string; to: string; tone?: "bad" }) {
  return (
    <a class={`figure ${props.tone ?? ""}`} href={href(props.to)}>
      <strong>{props.value}</strong>
      <span>{props.name}</span>
    </a>
  );
}

/** Only admins may ask what the worlds have saved. */
function Saved() {
  const t = roundWords().week;
  const remote = useRemote("saved", (signal) =>
    call("GET /api/admin/worlds/impact", { query: { days: 30 }, signal }),
  );
  const saved = remote.data.value?.savedUSD;
  if (saved === undefined) return null;
  return (
    <a class="figure" href={href("/worlds")} title={remote.data.value?.method}>
      <strong>{number(language.value, saved, 2)} $</strong>
      <span>{t.saved}</span>
    </a>
  );
}

export function WeekPanel({ round }: { round: Round }) {
  const t = roundWords().week;
  const { week } = round;
  const since = startedWithin(Math.floor(Date.parse(round.at) / 1000) * 1000 - 7 * 86_400_000);
  const span = (ms: number | null) => (ms === null ? "—" : duration(language.value, ms));
  return (
    <Panel title={<a href={href("/?tab=charts&days=7")}>{t.title}</a>} class="week">
      {week.runs === 0 ? (
        <p class="quiet">{t.none}</p>
      ) : (
        <div class="figures">
          <Figure
            value={week.successRate === null ? "—" : percent(language.value, week.successRate)}
            name={t.success}
            to={filtered("runs", since)}
          />
          <Figure value={number(language.value, week.runs)} name={t.runs} to={filtered("runs", since)} />
          <Figure
            value={number(language.value, week.failed)}
            name={t.failed}
            to={filtered("runs", `status:failed,timeout,lost ${since}`)}
            {...(week.failed ? { tone: "bad" as const } : {})}
          />
          <Figure value={span(week.p50Ms)} name={t.p50} to="/?tab=charts&days=7" />
          <Figure value={span(week.lagP99Ms)} name={t.lag} to="/?tab=charts&days=7" />
          {may("admin") && <Saved />}
        </div>
      )}
    </Panel>
  );
}

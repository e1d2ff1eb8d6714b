// The upper part of a run's page: what it is, how it stands, how it went from due to end.
import { now } from "../../base/clock";
import { bytes, duration, number, span } from "../../base/format";
import { href } from "../../base/url";
import type { Usage } from "../../log/live-output";
import { Icon } from "../../ui/icon";
import { Facts, Panel } from "../../ui/page";
import { StateMark, stateOfRun } from "../../ui/state-mark";
import { At, Took } from "../../ui/time";
import { language, words } from "../../words";
import { runWords } from "../../words/run";
import { runsWords } from "../../words/runs";
import { exitText, isOver, reasonText, type Run, type RunContext, triggerText } from "./run-parts";

const took = (ms: number) => duration(language.value, ms);

/** What went wrong, and what comes next. */
export function Failure({ run, context }: { run: Run; context: RunContext | null }) {
  const reason = reasonText(run);
  const text = run.errorMessage ?? reason;
  if (!text || run.status === "success" || run.status === "running") return null;
  const next = context?.attempts.find((a) => a.attempt > run.attempt && a.status === "queued");
  const wait = next?.notBefore ? Date.parse(next.notBefore) - now.value : null;
  const t = words();
  const isBad = run.status === "failed" || run.status === "timeout" || run.status === "lost";
  return (
    <div class={`run-failure ${isBad ? "bad" : ""}`} role="status">
      <Icon name={isBad ? "triangle-alert" : "info"} />
      <div>
        <p class="failure-text">{text}</p>
        {reason && run.errorMessage && reason !== text && <p class="quiet">{reason}</p>}
        {next && (
          <p>
            <a href={href(`/runs/${next.id}`)}>
              {runWords().retryIn(wait !== null && wait > 0 ? t.time.in(span(wait)) : "", next.attempt)}
            </a>
          </p>
        )}
      </div>
    </div>
  );
}

const cpuText = (percent: number) =>
  `${number(language.value, percent, 1)}${language.value === "es" ? " %" : "%"}`;

/** CPU of the last samples as a line: as high as the most that one processor, or the run, has used. */
function Sparkline({ samples }: { samples: readonly Usage[] }) {
  const most = Math.max(100, ...samples.map((s) => s.cpuPct ?? 0));
  const step = 72 / Math.max(1, samples.length - 1);
  const d = samples.map(
    (s, i) => `${i ? "L" : "M"}${(i * step).toFixed(1)} ${(15 - ((s.cpuPct ?? 0) / most) * 14).toFixed(1)}`,
  );
  return (
    <svg class="sparkline" width="72" height="16" viewBox="0 0 72 16" aria-hidden="true">
      <path d={d.join("")} />
    </svg>
  );
}

function usageNow(run: Run, samples: readonly Usage[]) {
  const last = run.status === "running" ? samples.at(-1) : undefined;
  if (!last) return null;
  const cpu = last.cpuPct === null ? "" : `${cpuText(last.cpuPct)} · `;
  return (
    <span class="num usage-now">
      {cpu}
      {bytes(language.value, last.memoryBytes)}
      {samples.length > 2 && <Sparkline samples={samples} />}
    </span>
  );
}

function usage(run: Run): string {
  const parts: string[] = [];
  if (run.cpuUsed !== null) parts.push(cpuText(run.cpuUsed));
  if (run.peakMemoryBytes) parts.push(bytes(language.value, run.peakMemoryBytes));
  return parts.join(" · ");
}

export function RunFacts(props: { run: Run; context: RunContext | null; usage: readonly Usage[] }) {
  const { run, context } = props;
  const t = runWords();
  const trigger = (
    <>
      <a href={href(`/runs?q=trigger:${run.triggeredBy ?? ""}`)}>{triggerText(run)}</a>
      {run.requestedBy && <div class="quiet small">{runsWords().byHand(run.requestedBy)}</div>}
    </>
  );
  const usual =
    context && context.usualP50Ms !== null && context.usualP95Ms !== null
      ? t.usual(took(context.usualP50Ms), took(context.usualP95Ms))
      : t.usualNone;
  const lived =
    run.duration ?? (run.status === "running" ? Math.max(0, now.value - Date.parse(run.startedAt)) : null);
  const facts = [
    { name: t.facts.trigger, value: trigger },
    { name: t.facts.due, value: <At when={run.dueAt} /> },
    { name: t.facts.started, value: <At when={run.status === "queued" ? null : run.startedAt} /> },
    { name: t.facts.lag, value: <Took ms={run.lagMs} /> },
    { name: t.facts.duration, value: <Took ms={lived} /> },
    { name: t.facts.usual, value: usual },
  ];
  const used = usageNow(run, props.usage) ?? usage(run);
  if (used) facts.push({ name: t.facts.usage, value: <span class="num">{used}</span> });
  if (isOver(run.status) && exitText(run))
    facts.push({ name: t.facts.end, value: <span>{exitText(run)}</span> });
  return (
    <div class="run-facts">
      <Facts facts={facts} />
    </div>
  );
}

/** Other attempts at the same due instant, as tabs. */
export function Attempts({ run, context }: { run: Run; context: RunContext | null }) {
  const attempts = context?.attempts ?? [];
  if (attempts.length < 2) return null;
  const t = runWords();
  return (
    <nav class="tabs attempts" aria-label={t.attempts}>
      {attempts.map((a) => (
        <a key={a.id} href={href(`/runs/${a.id}`)} aria-current={a.id === run.id ? "page" : undefined}>
          <StateMark
            state={stateOfRun(a.id === run.id ? run.status : a.status)}
            text={t.attempt(a.attempt)}
          />
          {a.duration !== null && <span class="count">{took(a.duration)}</span>}
        </a>
      ))}
    </nav>
  );
}

/** Worth a word: above what 95 of 100 runs take, by more than chance, once there are enough to say so. */
const isSlow = (ran: number, p95: number, runs: number) => runs >= 5 && ran > p95 * 1.05 && ran - p95 > 50;

/** Due → queue → runs → end, with the usual time as a mark on what runs. */
export function Timeline({ run, context }: { run: Run; context: RunContext | null }) {
  const t = runWords().timeline;
  const due = run.dueAt ?? run.queuedAt ?? run.startedAt;
  const begun = run.status === "queued" || run.status === "skipped" ? null : Date.parse(run.startedAt);
  const end = run.finishedAt ? Date.parse(run.finishedAt) : run.status === "running" ? now.value : null;
  const waited = begun !== null && due ? Math.max(0, begun - Date.parse(due)) : null;
  const ran = run.duration ?? (begun !== null && end !== null ? Math.max(0, end - begun) : null);
  const p95 = context?.usualP95Ms ?? null;
  const share = ran === null || !p95 ? null : ran / Math.max(ran, p95);
  const mark = ran === null || !p95 ? null : p95 / Math.max(ran, p95);
  return (
    <Panel title={t.title} class="run-timeline">
      <ol>
        <li class="point">
          <span class="dot hollow" />
          <span class="name">{t.due}</span>
          <At when={due} form="short" />
        </li>
        {waited !== null && (
          <li class="leg short">
            <span class="line" />
            <span class="name">{t.queue}</span>
            <Took ms={waited} />
          </li>
        )}
        {ran !== null && (
          <li class="leg">
            <span class={`leg-bar ${stateOfRun(run.status)}`}>
              <span class="fill" style={{ inlineSize: `${(share ?? 1) * 100}%` }} />
              {mark !== null && <span class="p95" style={{ insetInlineStart: `${mark * 100}%` }} />}
            </span>
            <span class="name">{t.runs}</span>
            <Took ms={ran} />
            {p95 !== null && isSlow(ran, p95, context?.usualRuns ?? 0) && (
              <span class="late">{t.slower(took(ran - p95))}</span>
            )}
          </li>
        )}
        <li class="point last">
          <span class={`dot ${run.finishedAt ? stateOfRun(run.status) : "hollow"}`} />
          <span class="name">{t.end}</span>
          <At when={run.finishedAt} form="short" />
        </li>
      </ol>
    </Panel>
  );
}

// One row of the list: how it stands, what it is, when, how it went, and what can be done with it.
import { may } from "../../api/state";
import { type JobRow, labelTexts, stateOfJob, stripRuns, troubleBehind } from "../../api/job-rows";
import { now } from "../../base/clock";
import { duration, stopwatch } from "../../base/format";
import { go, href } from "../../base/url";
import { Button } from "../../ui/button";
import { Menu, type MenuItem } from "../../ui/menu";
import { StateMark, StateShape, stateOfRun } from "../../ui/state-mark";
import { Strip, type StripRun } from "../../ui/strip";
import { Ago, Countdown } from "../../ui/time";
import { language, words } from "../../words";
import { jobsWords } from "../../words/jobs";
import { pauseJob, resumeJob, runJob } from "./deeds";

/** "30 últimas: 28 bien, 2 falló". */
export function stripText(runs: readonly StripRun[]): string {
  const w = words();
  const counts = new Map<string, number>();
  for (const run of runs) {
    const word = w.states[stateOfRun(run.status)];
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  if (runs.length === 0) return w.states.never;
  return jobsWords().stripLabel(
    runs.length,
    [...counts].map(([word, n]) => `${n} ${word.toLowerCase()}`).join(", "),
  );
}

function Stripe({ row }: { row: JobRow }) {
  const runs = stripRuns(row);
  if (runs.length === 0) return <span class="quiet never">{words().states.never}</span>;
  return <Strip runs={runs} label={stripText(runs)} width={148} />;
}

export function Mark({ row }: { row: JobRow }) {
  const state = stateOfJob(row.state);
  const behind = troubleBehind(row);
  const note =
    row.fails > 1 && ["failed", "timeout", "lost", "retrying"].includes(row.state) ? `×${row.fails}` : "";
  return (
    <span class="job-state">
      <StateMark
        state={state}
        {...(note ? { note } : {})}
        {...(state === "never" ? { text: jobsWords().views.never } : {})}
      />
      {behind && <StateShape state={stateOfRun(behind)} />}
    </span>
  );
}

function Next({ row }: { row: JobRow }) {
  const t = jobsWords();
  if (row.state === "running" && row.last !== null)
    return <span class="running">{stopwatch(now.value - row.last)}</span>;
  if (row.gate === "paused")
    return row.gateUntil ? (
      <span class="quiet">
        {t.resumes} <Ago when={row.gateUntil} />
      </span>
    ) : (
      <span class="quiet">{words().time.none}</span>
    );
  if (row.gate === "off" || !row.active) return <span class="quiet">{words().time.none}</span>;
  return <Countdown until={row.next} />;
}

export function deedsOf(row: JobRow): MenuItem[] {
  const t = words().actions;
  const paused = row.gate === "paused";
  const items: MenuItem[] = [];
  if (may("operator"))
    items.push(
      paused
        ? { text: t.resume, run: () => void resumeJob(row.id, row.name) }
        : { text: t.pause, run: () => void pauseJob(row.id, row.name) },
    );
  if (may("editor")) items.push({ text: t.edit, run: () => go(`/jobs/${row.id}/edit`) });
  items.push({
    text: jobsWords().runsOf,
    run: () => go(`/jobs/${row.id}/runs`),
  });
  items.push({
    text: jobsWords().history,
    run: () => go(`/jobs/${row.id}/history`),
  });
  return items;
}

export function Row(props: {
  row: JobRow;
  isChosen: boolean;
  isCurrent: boolean;
  index: number;
  choose: () => void;
}) {
  const { row } = props;
  const t = words();
  const usual =
    row.p95 === null
      ? undefined
      : jobsWords().usual(duration(language.value, row.p50 ?? 0), duration(language.value, row.p95));
  return (
    <div
      class={`jobs-row ${props.isChosen ? "chosen" : ""} ${props.isCurrent ? "current" : ""}`}
      role="row"
      aria-rowindex={props.index + 2}
      aria-selected={props.isChosen}
      data-job={row.id}
    >
      <span role="cell" class="pick">
        <input
          type="checkbox"
          checked={props.isChosen}
          aria-label={jobsWords().choose(row.name)}
          onChange={props.choose}
        />
      </span>
      <span role="cell" class="standing">
        <Mark row={row} />
      </span>
      <span role="cell" class="name">
        <a href={href(`/jobs/${row.id}`)} title={row.error ?? row.name}>
          {row.name}
        </a>
        {row.category && <span class="tag">{row.category}</span>}
        {labelTexts(row.labels)
          .slice(0, 2)
          .map((label) => (
            <span key={label} class="tag label">
              {label}
            </span>
          ))}
      </span>
      <span role="cell" class="when" title={row.sentence ?? row.schedule}>
        <code>{row.schedule}</code>
        <small>{row.sentence}</small>
      </span>
      <span role="cell" class="runs">
        <a href={href(`/jobs/${row.id}/runs`)} aria-label={`${row.name}: ${stripText(stripRuns(row))}`}>
          <Stripe row={row} />
        </a>
      </span>
      <span role="cell" class="last">
        <Ago when={row.last} />
      </span>
      <span role="cell" class="took" title={usual}>
        {row.p50 === null ? <span class="quiet">{t.time.none}</span> : duration(language.value, row.p50)}
      </span>
      <span role="cell" class="next">
        <Next row={row} />
      </span>
      <span role="cell" class="deeds">
        {may("operator") && (
          <Button
            kind="quiet"
            icon="play"
            label={`${t.actions.run} ${row.name}`}
            onClick={() => void runJob(row.id, row.name)}
          />
        )}
        <Menu kind="quiet" icon="ellipsis" label={`${t.actions.more}: ${row.name}`} items={deedsOf(row)} />
      </span>
    </div>
  );
}

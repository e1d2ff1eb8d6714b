// One run in the list.
import { now } from "../../base/clock";
import { duration } from "../../base/format";
import { filtered, filterValue } from "../../base/filter";
import { href } from "../../base/url";
import { times } from "../../api/state";
import { At, Took } from "../../ui/time";
import { language } from "../../words";
import { runsWords } from "../../words/runs";
import { exitText, reasonText, RunState, triggerText } from "../run/run-parts";
import type { RunRow } from "./list";

/** While it runs the clock counts; nothing else of the row is drawn again. */
function Lasted({ run }: { run: RunRow }) {
  if (run.duration !== null) return <Took ms={run.duration} />;
  if (run.status !== "running") return <Took ms={null} />;
  return (
    <span class="num">{duration(language.value, Math.max(0, now.value - Date.parse(run.startedAt)))}</span>
  );
}

export function RunListRow(props: {
  run: RunRow;
  index: number;
  isChosen: boolean;
  mayChoose: boolean;
  onChoose: (id: string) => void;
}) {
  const { run } = props;
  const t = runsWords();
  const begun = run.status === "queued" ? null : run.startedAt;
  const name = run.jobName ?? t.gone;
  const why = run.errorMessage ?? reasonText(run);
  return (
    <div
      class={`run-row${props.isChosen ? " chosen" : ""}`}
      role="row"
      aria-rowindex={props.index + 2}
      data-run={run.id}
    >
      <span role="cell" class="choose">
        {props.mayChoose && (
          <input
            type="checkbox"
            checked={props.isChosen}
            aria-label={t.choose(name, begun ? times.value.full(Date.parse(begun)) : "")}
            onChange={() => props.onChoose(run.id)}
          />
        )}
      </span>
      <span role="cell" class="state-cell">
        <RunState run={run} isLink />
      </span>
      <span role="cell" class="name-cell">
        <a class="name ellipsis" href={href(`/runs/${run.id}`)}>
          {name}
        </a>
        {run.jobCategory && (
          <a class="tag" href={href(filtered("runs", `cat:${filterValue(run.jobCategory)}`))}>
            {run.jobCategory}
          </a>
        )}
      </span>
      <span role="cell" class="trigger">
        <a class="plain" href={href(`/runs?q=trigger:${run.triggeredBy ?? "none"}`)}>
          {triggerText(run)}
        </a>
      </span>
      <span role="cell" class="due">
        <At when={run.dueAt} />
      </span>
      <span role="cell" class="started">
        <At when={begun} />
      </span>
      <span role="cell" class="lag">
        <Took ms={run.lagMs} />
      </span>
      <span role="cell" class="took">
        <Lasted run={run} />
      </span>
      <span role="cell" class="attempt">
        {run.attempt > 1 ? (
          <a class="plain num" href={href("/runs?q=attempt>1")}>
            {run.attempt}
          </a>
        ) : (
          <span class="num">{run.attempt}</span>
        )}
      </span>
      <span role="cell" class="end ellipsis" title={why || undefined}>
        {run.exitCode && !run.errorMessage ? <span class="num">{exitText(run)} </span> : ""}
        <span class="quiet">{why}</span>
      </span>
    </div>
  );
}

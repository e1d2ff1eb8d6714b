// The strip: what ran, what runs, what will run. A row is at most six paths; its text is on focus, hover and in the table.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { times } from "../../api/state";
import { now } from "../../base/clock";
import { duration } from "../../base/format";
import { go, href } from "../../base/url";
import { StateMark } from "../../ui/state-mark";
import { language } from "../../words";
import { roundWords } from "../../words/round";
import {
  barsPath,
  endOf,
  isTrouble,
  lanePaths,
  loadBars,
  type Mark,
  msOf,
  nearest,
  plannedPath,
  ROW,
  type Scale,
  startOf,
  stateOfMark,
  ticksOf,
  xOf,
} from "./geometry";
import type { Lane, Round } from "./data";

const LOAD = 44;

interface Tip {
  lane: Lane;
  x: number;
  row: number;
  mark: Mark | null;
  /** What is there when it is no mark. */
  at: number;
}

function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver((entries) => {
      width.value = Math.floor(entries[0]?.contentRect.width ?? 0);
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return { box, width };
}

function TipBox({ tip, scale }: { tip: Tip; scale: Scale }) {
  const t = roundWords().strip;
  const { mark, lane } = tip;
  const band = mark ? undefined : lane.bands.find((b) => b.from <= tip.at && tip.at < b.to);
  const isLeft = tip.x > scale.width / 2;
  const planned =
    mark || band || tip.at < now.peek()
      ? undefined
      : lane.planned.find((ms) => Math.abs(xOf(scale, ms) - tip.x) < 8);
  return (
    <div
      class={`tip ${isLeft ? "left" : ""}`}
      style={{ insetInlineStart: `${tip.x}px`, insetBlockStart: `${tip.row * ROW + 26}px` }}
    >
      <strong>{lane.jobName}</strong>
      {mark && (
        <>
          <StateMark state={stateOfMark(mark[3])} />
          {mark[0] !== null && (
            <span>
              {t.due} {times.value.short(mark[0], now.peek())}
            </span>
          )}
          {mark[1] !== null && (
            <span>
              {t.started} {times.value.short(mark[1], now.peek())} · {t.took}{" "}
              {duration(language.value, endOf(mark, now.peek()) - mark[1])}
            </span>
          )}
          {mark[6] > 1 && <span>{t.instants(mark[6])}</span>}
        </>
      )}
      {band && (
        <span>
          {times.value.clock(band.from)}–{times.value.clock(band.to)} · {t.bandText(band.runs, band.failed)}
        </span>
      )}
      {planned !== undefined && <StateMark state="planned" note={times.value.short(planned, now.peek())} />}
      {!mark && !band && planned === undefined && <span>{times.value.short(tip.at, now.peek())}</span>}
    </div>
  );
}

const badOf = (lane: Lane) =>
  lane.marks.filter((m) => isTrouble(stateOfMark(m[3]))).length +
  lane.bands.reduce((s, b) => s + b.failed, 0);
const ranOf = (lane: Lane) =>
  lane.marks.reduce((s, m) => s + m[6], 0) + lane.bands.reduce((s, b) => s + b.runs, 0);

function LaneRow(props: { lane: Lane; scale: Scale; row: number; show: (tip: Tip | null) => void }) {
  const { lane, scale, row, show } = props;
  const at = useRef(-1);
  const minute = Math.floor(now.value / 15_000) * 15_000;
  const paths = lanePaths(scale, lane.marks, lane.bands, minute);
  const planned = plannedPath(scale, lane.planned, lane.plannedTotal, minute);
  const label = roundWords().strip.lane(lane.jobName, ranOf(lane), badOf(lane), lane.plannedTotal);
  const showMark = (index: number) => {
    const mark = lane.marks[index];
    if (mark) show({ lane, row, mark, x: xOf(scale, startOf(mark)), at: startOf(mark) });
  };
  const open = (mark: Mark | null | undefined) => go(mark?.[4] ? `/runs/${mark[4]}` : `/jobs/${lane.jobId}`);
  const place = (event: MouseEvent) =>
    event.clientX - (event.currentTarget as Element).getBoundingClientRect().left;
  return (
    <div
      class="lane"
      tabIndex={0}
      role="link"
      aria-label={label}
      onMouseMove={(event) => {
        const x = place(event);
        const found = nearest(scale, lane.marks, x, now.peek());
        const mark = lane.marks[found] ?? null;
        show({ lane, row, mark, x: mark ? xOf(scale, startOf(mark)) : x, at: msOf(scale, x) });
      }}
      onMouseLeave={() => show(null)}
      onClick={(event) => open(lane.marks[nearest(scale, lane.marks, place(event), now.peek())])}
      onFocus={() => {
        at.current = lane.marks.length - 1;
        if (document.activeElement?.matches(":focus-visible")) showMark(at.current);
      }}
      onBlur={() => show(null)}
      onKeyDown={(event) => {
        const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (move !== undefined) {
          event.preventDefault();
          at.current = Math.min(lane.marks.length - 1, Math.max(0, at.current + move));
          showMark(at.current);
        } else if (event.key === "Enter") open(lane.marks[at.current]);
        else if (event.key === "Escape") show(null);
      }}
    >
      <svg width={scale.width} height={ROW} aria-hidden="true">
        {planned.d && <path class={planned.isBand ? "plan band" : "plan"} d={planned.d} />}
        {paths.map(({ state, d }) => (
          <path key={state} class={`mark ${state}`} d={d} />
        ))}
      </svg>
    </div>
  );
}

function LoadRow({ round, scale }: { round: Round; scale: Scale }) {
  const { load } = round;
  const t = roundWords().strip;
  const max = load.maxConcurrentJobs;
  const past = loadBars(
    scale,
    load.pastFrom,
    load.bucketMs,
    load.past.map((b) => b[2] / load.bucketMs),
    max,
    LOAD,
  );
  const ahead = loadBars(
    scale,
    load.aheadFrom,
    load.bucketMs,
    load.ahead.map((b) => b[2]),
    max,
    LOAD,
  );
  const line = LOAD - LOAD / 1.25;
  return (
    <svg class="load" width={scale.width} height={LOAD + 1} role="img" aria-label={t.loadLabel(max)}>
      <path class="load-past" d={barsPath(past, LOAD)} />
      <path
        class="load-ahead"
        d={barsPath(
          ahead.filter((b) => !b.isOver),
          LOAD,
        )}
      />
      <path
        class="load-over"
        d={barsPath(
          ahead.filter((b) => b.isOver),
          LOAD,
        )}
      />
      <path class="load-max" d={`M0 ${line.toFixed(1)}H${scale.width}`} />
    </svg>
  );
}

function Axis({ scale }: { scale: Scale }) {
  const minute = Math.floor(now.value / 60_000) * 60_000;
  const t = times.value;
  const nowX = xOf(scale, now.value);
  const isInside = now.value > scale.from && now.value < scale.to;
  return (
    <div class="axis" aria-hidden="true">
      {ticksOf(scale, t, minute).map((tick) => (
        <span
          key={tick.ms}
          class={tick.isDay ? "tick day" : "tick"}
          style={{ insetInlineStart: `${tick.x}px` }}
        >
          {tick.text}
        </span>
      ))}
      {isInside && (
        <span
          class="now-label"
          style={{ insetInlineStart: `${Math.min(Math.max(nowX, 24), scale.width - 24)}px` }}
        >
          {t.wall(now.value).slice(0, 5)}
        </span>
      )}
    </div>
  );
}

function Grid({ round, scale, rows }: { round: Round; scale: Scale; rows: number }) {
  const minute = Math.floor(now.value / 60_000) * 60_000;
  const height = rows * ROW;
  const lines = ticksOf(scale, times.value, minute);
  const n = (x: number) => x.toFixed(1);
  return (
    <svg class="grid" width={scale.width} height={height} aria-hidden="true">
      {round.clashes.map((c) => {
        const x = xOf(scale, Date.parse(c.from));
        const width = Math.max(3, xOf(scale, Date.parse(c.to)) - x);
        return <rect key={c.from} class="clash" x={x} y={0} width={width} height={height} />;
      })}
      <path
        class="hours"
        d={lines
          .filter((l) => !l.isDay)
          .map((l) => `M${n(l.x)} 0V${height}`)
          .join("")}
      />
      <path
        class="days"
        d={lines
          .filter((l) => l.isDay)
          .map((l) => `M${n(l.x)} 0V${height}`)
          .join("")}
      />
      <path
        class="jump"
        d={round.clockChanges.map((c) => `M${n(xOf(scale, Date.parse(c)))} 0V${height}`).join("")}
      />
    </svg>
  );
}

/** Moves by itself, without drawing anything else anew. */
function NowLine({ scale }: { scale: Scale }) {
  if (now.value <= scale.from || now.value >= scale.to) return null;
  return <div class="now-line" style={{ transform: `translateX(${xOf(scale, now.value).toFixed(1)}px)` }} />;
}

export function StripChart({ round }: { round: Round }) {
  const { box, width } = useWidth();
  const tip = useSignal<Tip | null>(null);
  const scale = { from: Date.parse(round.from), to: Date.parse(round.to), width: width.value };
  const t = roundWords().strip;
  return (
    <div class="round-chart">
      <ul class="names">
        {round.lanes.map((lane) => (
          <li key={lane.jobId}>
            <a
              href={href(`/jobs/${lane.jobId}`)}
              class={lane.isActive ? "ellipsis" : "ellipsis is-off"}
              title={lane.jobName}
            >
              {lane.jobName}
            </a>
          </li>
        ))}
        <li class="load-name">
          {t.load} <span class="quiet small">{t.capacity(round.load.maxConcurrentJobs)}</span>
        </li>
      </ul>
      <div class="plot" ref={box}>
        {scale.width > 0 && (
          <>
            <Axis scale={scale} />
            <div class="rows">
              <Grid round={round} scale={scale} rows={round.lanes.length} />
              {round.lanes.map((lane, row) => (
                <LaneRow
                  key={lane.jobId}
                  lane={lane}
                  scale={scale}
                  row={row}
                  show={(next) => void (tip.value = next)}
                />
              ))}
              <LoadRow round={round} scale={scale} />
              <NowLine scale={scale} />
            </div>
            {tip.value && <TipBox tip={tip.value} scale={scale} />}
          </>
        )}
      </div>
    </div>
  );
}

/** The same for those who do not see the picture, or want to copy it. */
export function StripTable({ round }: { round: Round }) {
  const t = roundWords().strip;
  return (
    <details class="as-table">
      <summary>{t.table}</summary>
      <div class="scroll-x" tabIndex={0} role="region" aria-label={t.table}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t.columns.job}</th>
              <th scope="col">{t.columns.state}</th>
              <th scope="col">{t.columns.ok}</th>
              <th scope="col">{t.columns.bad}</th>
              <th scope="col">{t.columns.planned}</th>
              <th scope="col">{t.columns.next}</th>
            </tr>
          </thead>
          <tbody>
            {round.lanes.map((lane) => (
              <tr key={lane.jobId}>
                <th scope="row">
                  <a href={href(`/jobs/${lane.jobId}`)}>{lane.jobName}</a>
                </th>
                <td>
                  <StateMark state={stateOfLane(lane)} />
                </td>
                <td>{ranOf(lane) - badOf(lane)}</td>
                <td>{badOf(lane)}</td>
                <td>{lane.plannedTotal}</td>
                <td>{lane.nextRunAt ? times.value.short(Date.parse(lane.nextRunAt), now.peek()) : "—"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

const stateOfLane = (lane: Lane) =>
  lane.isRunning
    ? "running"
    : !lane.isActive
      ? "off"
      : lane.gate !== "open"
        ? "paused"
        : lane.isTrouble
          ? "failed"
          : ranOf(lane)
            ? "ok"
            : "planned";

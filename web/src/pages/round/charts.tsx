// Series by days (C-75): runs and failures, durations, delays. uPlot comes only when this is opened.
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { call, type Answer } from "../../api/client";
import { useRemote } from "../../api/remote";
import { useLive, useSoon } from "../../api/live";
import { times, zone } from "../../api/state";
import { filtered, startedWithin } from "../../base/filter";
import { duration, number } from "../../base/format";
import { late } from "../../base/late";
import { isDark } from "../../base/theme";
import { href, query, setQuery } from "../../base/url";
import { Panel } from "../../ui/page";
import { Shown } from "../../ui/remote-view";
import { language } from "../../words";
import { roundWords } from "../../words/round";
import type { Kind } from "./plot";

type Stats = Answer<"GET /api/cron/stats">;

function Plot({ stats, kind, label }: { stats: Stats; kind: Kind; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const isReady = useSignal(false);
  const text = { language: language.value, zone: zone.value };
  useEffect(() => {
    let plot: { stop: () => void } | undefined;
    let isGone = false;
    void late(import("./plot")).then(({ draw }) => {
      if (isGone || !box.current) return;
      plot = draw(box.current, stats.days, kind, text, roundWords().charts);
      isReady.value = true;
    });
    return () => {
      isGone = true;
      plot?.stop();
    };
  }, [stats, kind, text.language, text.zone, isDark.value]);
  return <div class="plot-box" ref={box} role="img" aria-label={label} data-ready={isReady.value} />;
}

function StatsTable({ stats }: { stats: Stats }) {
  const t = roundWords().charts;
  const span = (ms: number | null) => (ms === null ? "—" : duration(language.value, ms));
  const n = (value: number) => number(language.value, value);
  return (
    <details class="as-table">
      <summary>{t.table}</summary>
      <div class="scroll-x" tabIndex={0} role="region" aria-label={t.table}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t.day}</th>
              <th scope="col">{t.ok}</th>
              <th scope="col">{t.bad}</th>
              <th scope="col">p50</th>
              <th scope="col">p95</th>
              <th scope="col">{t.lag}</th>
            </tr>
          </thead>
          <tbody>
            {[...stats.days].reverse().map((day) => (
              <tr key={day.date}>
                <th scope="row">
                  <a href={href(filtered("runs", startedWithin(day.from, day.from + day.minutes * 60_000)))}>
                    {times.value.weekday(day.from)}
                  </a>
                </th>
                <td class="num">{n(day.runs - day.failed)}</td>
                <td class="num">{n(day.failed)}</td>
                <td class="num">{span(day.p50Ms)}</td>
                <td class="num">{span(day.p95Ms)}</td>
                <td class="num">{span(day.lagP99Ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** Days change slowly, and each answer draws three plots anew. */
const FOLLOW_MS = 3000;

function Charts({ days }: { days: number }) {
  const t = roundWords().charts;
  const remote = useRemote(`${days} ${zone.value}`, (signal) =>
    call("GET /api/cron/stats", { query: { days, zone: zone.peek() }, signal }),
  );
  useLive("runs", useSoon(FOLLOW_MS, remote.reload));
  return (
    <Shown of={remote}>
      {(stats) =>
        stats.days.every((d) => d.runs === 0) ? (
          <p class="quiet">{t.empty}</p>
        ) : (
          <div class="charts">
            <Panel title={t.runs}>
              <Plot stats={stats} kind="runs" label={t.runs} />
            </Panel>
            <Panel title={t.times}>
              <Plot stats={stats} kind="times" label={t.times} />
            </Panel>
            <Panel title={t.lag}>
              <Plot stats={stats} kind="lag" label={t.lag} />
            </Panel>
            <Panel class="chart-table">
              <StatsTable stats={stats} />
              <p class="quiet small">
                {t.own} {t.zone} {stats.zone}.
              </p>
            </Panel>
          </div>
        )
      }
    </Shown>
  );
}

export function ChartsPart() {
  const t = roundWords().charts;
  const days = Number(query.value.get("days") ?? 30);
  return (
    <>
      <div class="chart-choice" role="group" aria-label={t.day}>
        {[7, 30, 90, 365].map((n) => (
          <button
            key={n}
            type="button"
            class="button"
            aria-pressed={n === days}
            onClick={() => setQuery({ days: n === 30 ? null : String(n) })}
          >
            {t.days(n)}
          </button>
        ))}
      </div>
      <Charts days={Number.isInteger(days) && days > 0 && days <= 400 ? days : 30} />
    </>
  );
}

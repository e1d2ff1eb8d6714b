// Duration, CPU and memory of the last runs over time. The plotting code is loaded only here.
import { useEffect, useRef, useState } from "preact/hooks";
import { zone, times } from "../../api/state";
import { now } from "../../base/clock";
import { bytes, duration } from "../../base/format";
import { late } from "../../base/late";
import { isDark, paintOf } from "../../base/theme";
import { language } from "../../words";
import { jobWords } from "../../words/job";
import type { Runs } from "./overview";
import "uplot/dist/uPlot.min.css";

type Kind = "duration" | "cpu" | "memory";

/** What a run used, in the unit of the axis: milliseconds or bytes. Pure. */
export function valueOfRun(run: Runs[number], kind: Kind): number | null {
  if (kind === "duration") return run.duration;
  if (kind === "memory") return run.peakMemoryBytes;
  return run.cpuUserUs === null || run.cpuSystemUs === null ? null : (run.cpuUserUs + run.cpuSystemUs) / 1000;
}

/** An axis reads on by itself, also through an hour that comes twice. */
function axisText(ms: number): string {
  const t = times.value;
  return t.day(ms) === t.day(now.peek()) ? t.wall(ms) : t.short(ms, now.peek());
}

export function Chart({ runs }: { runs: Runs }) {
  const [kind, setKind] = useState<Kind>("duration");
  const box = useRef<HTMLDivElement>(null);
  const t = jobWords().chart;
  const shown = runs
    .filter((r) => r.startedAt && valueOfRun(r, kind) !== null && r.status !== "skipped")
    .reverse();
  const key = `${kind} ${shown.length} ${shown.at(-1)?.id} ${zone.value} ${language.value} ${isDark.value}`;
  useEffect(() => {
    const element = box.current;
    if (!element || shown.length < 2) return;
    let plot: { destroy(): void; setSize(size: { width: number; height: number }): void } | undefined;
    let isGone = false;
    const height = 180;
    const observer = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height }));
    void late(import("uplot")).then(({ default: Plot }) => {
      if (isGone) return;
      const lang = language.value;
      const text = (v: number | null) =>
        v === null ? "" : kind === "memory" ? bytes(lang, v) : duration(lang, v);
      const axis = {
        stroke: paintOf(element, "--fg-3"),
        grid: { stroke: paintOf(element, "--line"), width: 1 },
        ticks: { show: false },
      };
      plot = new Plot(
        {
          width: element.clientWidth,
          height,
          legend: { show: false },
          cursor: { show: false },
          padding: [null, 32, null, null], // the last label is as wide to the right of its tick
          tzDate: (s: number) => Plot.tzDate(new Date(s * 1000), zone.value),
          axes: [
            {
              ...axis,
              values: (_: unknown, at: number[]) => at.map((s) => axisText(s * 1000)),
              space: 110,
            },
            {
              ...axis,
              size: 72,
              values: (_: unknown, at: number[]) => at.map((v) => (v % 1 ? "" : text(v))),
            },
          ],
          scales: {
            y: {
              range: (_: unknown, _low: number, high: number) => [0, high * 1.1 || 1] as [number, number],
            },
          },
          series: [
            {},
            {
              stroke: paintOf(element, "--accent"),
              width: 1.5,
              points: { show: true, size: 4 },
              label: t[kind],
            },
          ],
        },
        [shown.map((r) => Date.parse(r.startedAt) / 1000), shown.map((r) => valueOfRun(r, kind))],
        element,
      );
      observer.observe(element);
    });
    return () => {
      isGone = true;
      observer.disconnect();
      plot?.destroy();
    };
  }, [key]);
  return (
    <>
      <div class="chart-kinds" role="group" aria-label={t.label}>
        {(["duration", "cpu", "memory"] as const).map((k) => (
          <button key={k} type="button" aria-pressed={k === kind} onClick={() => setKind(k)}>
            {t[k]}
          </button>
        ))}
      </div>
      {shown.length < 2 ? (
        <p class="quiet">{t.none}</p>
      ) : (
        <div class="chart" ref={box} role="img" aria-label={t.label} />
      )}
    </>
  );
}

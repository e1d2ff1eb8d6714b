// uPlot with our axes: 24 hours, the page's language and zone, hairlines.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { duration, instants, type Language, number } from "../../base/format";
import { paintOf } from "../../base/theme";

export type Kind = "runs" | "times" | "lag";
export interface Day {
  from: number;
  runs: number;
  failed: number;
  p50Ms: number | null;
  p95Ms: number | null;
  lagP99Ms: number | null;
}
interface Text {
  language: Language;
  zone: string;
}

const css = (box: Element, name: string) => getComputedStyle(box).getPropertyValue(name).trim();
const HEIGHT = 200;

/** Draws into the box and follows its width; `stop` takes it away. */
export function draw(
  box: HTMLElement,
  days: readonly Day[],
  kind: Kind,
  text: Text,
  names: { ok: string; bad: string; day: string },
): { stop: () => void } {
  const t = instants(text.language, text.zone);
  const line = paintOf(box, "--line");
  const quiet = paintOf(box, "--fg-3");
  const font = `11px ${css(box, "font-family") || "sans-serif"}`;
  const bars = (uPlot.paths.bars as NonNullable<typeof uPlot.paths.bars>)({ size: [0.7, 26], align: 1 });
  const spanText = (v: number | null) => (v === null ? "—" : duration(text.language, v));
  const countText = (v: number | null) => (v === null ? "—" : number(text.language, v));
  const valueText = kind === "runs" ? countText : spanText;
  const curve = (label: string, name: string, dash?: number[]): uPlot.Series => ({
    label,
    stroke: paintOf(box, name),
    width: 1.5,
    points: { show: days.length < 40, size: 5 },
    value: (_, v) => spanText(v),
    ...(dash ? { dash } : {}),
  });
  const bar = (label: string, name: string): uPlot.Series => ({
    label,
    fill: paintOf(box, name),
    stroke: paintOf(box, name),
    width: 0,
    paths: bars,
    points: { show: false },
    value: (_, v) => countText(v),
  });
  const series: Record<Kind, uPlot.Series[]> = {
    runs: [bar(`${names.ok} + ${names.bad}`, "--ok-soft"), bar(names.bad, "--fail")],
    times: [curve("p50", "--accent"), curve("p95", "--warn", [5, 3])],
    lag: [curve("p99", "--paused")],
  };
  const x = days.map((d) => d.from / 1000);
  const data: Record<Kind, (number | null)[][]> = {
    runs: [days.map((d) => d.runs), days.map((d) => d.failed)],
    times: [days.map((d) => d.p50Ms), days.map((d) => d.p95Ms)],
    lag: [days.map((d) => d.lagP99Ms)],
  };
  const plot = new uPlot(
    {
      width: Math.max(200, box.clientWidth),
      height: HEIGHT,
      cursor: { y: false, drag: { x: false, y: false } },
      legend: { live: true },
      scales: {
        x: { time: false, range: (_, min, max) => [min - 43200, max + 86400] },
        y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] },
      },
      series: [
        { label: names.day, value: (_, v) => (v === null ? "" : t.weekday(v * 1000)) },
        ...series[kind],
      ],
      axes: [
        {
          stroke: quiet,
          font,
          grid: { stroke: line, width: 1 },
          ticks: { stroke: line, width: 1, size: 4 },
          space: 70,
          splits: () =>
            x.filter(
              (_, i) => i % Math.max(1, Math.ceil(x.length / Math.max(2, box.clientWidth / 80))) === 0,
            ),
          values: (_, at) => at.map((s) => t.day(s * 1000)),
        },
        {
          stroke: quiet,
          font,
          size: 68,
          grid: { stroke: line, width: 1 },
          ticks: { show: false },
          values: (_, at) => at.map((v) => (v % 1 ? "" : valueText(v))),
        },
      ],
    },
    [x, ...data[kind]] as uPlot.AlignedData,
    box,
  );
  const observer = new ResizeObserver(() =>
    plot.setSize({ width: Math.max(200, box.clientWidth), height: HEIGHT }),
  );
  observer.observe(box);
  return {
    stop: () => {
      observer.disconnect();
      plot.destroy();
    },
  };
}

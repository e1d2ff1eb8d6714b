// How busy it will be when the job runs next: runs of all other jobs by five minutes, an hour before and after.
import { useRemote } from "../../api/remote";
import { type Answer, call } from "../../api/client";
import { instants } from "../../base/format";
import { language } from "../../words";
import { editorWords } from "../../words/editor";
import type { Editor } from "./editor-state";
import { barsAround, DAY_MS, type LoadBar, runsBesides } from "./load-bars";

type RoundLoad = Answer<"GET /api/cron/round">["load"];

function Bars({ bars, most }: { bars: readonly LoadBar[]; most: number }) {
  const height = 36;
  const width = 8;
  return (
    <svg
      class="load-bars"
      viewBox={`0 0 ${bars.length * width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {bars.map((bar, i) => {
        const tall = most ? Math.max(bar.runs ? 2 : 0, (bar.runs / most) * (height - 2)) : 0;
        return (
          <g key={bar.from}>
            {bar.isHere && <rect class="here" x={i * width} y={0} width={width} height={height} />}
            <rect
              class={bar.peak >= bar.capacity ? "full" : "some"}
              x={i * width + 1}
              y={height - tall}
              width={width - 2}
              height={tall}
            />
          </g>
        );
      })}
    </svg>
  );
}

function Shown({ ed, load, at, zone }: { ed: Editor; load: RoundLoad; at: number; zone: string }) {
  const t = editorWords().when;
  const ahead = load.ahead as readonly (readonly number[])[];
  const bars = barsAround({ ...load, ahead, aheadFrom: Number(load.aheadFrom) }, at);
  const here = bars.find((bar) => bar.isHere);
  if (!here) return null;
  const isNew = !ed.id || (ed.preview.value?.gained ?? []).some((text) => Date.parse(text) === at);
  const others = runsBesides(here, isNew);
  const form = instants(language.value, zone);
  return (
    <div class="minute-load">
      <h3>{t.loadTitle(form.clock(here.from), form.clock(here.from + load.bucketMs))}</h3>
      <p>
        {t.load(others)}{" "}
        {others > 0 && (
          <span class={here.peak >= here.capacity ? "change" : "quiet"}>
            {t.peak(here.peak, here.capacity)}
          </span>
        )}
      </p>
      <Bars bars={bars} most={Math.max(...bars.map((bar) => bar.runs))} />
      <p class="quiet small ends">
        <span>{form.clock(bars[0]?.from ?? at)}</span>
        <span>{form.clock((bars.at(-1)?.from ?? at) + load.bucketMs)}</span>
      </p>
    </div>
  );
}

function OfDay({ ed, day, at, zone }: { ed: Editor; day: number; at: number; zone: string }) {
  const round = useRemote(`load ${day}`, (signal) =>
    call("GET /api/cron/round", {
      query: { from: new Date(day).toISOString(), to: new Date(day + DAY_MS).toISOString(), lanes: 1 },
      signal,
    }),
  );
  const load = round.data.value?.load;
  return load ? <Shown ed={ed} load={load} at={at} zone={zone} /> : null;
}

export function Load({ ed, zone }: { ed: Editor; zone: string }) {
  const next = ed.explanation.value?.next[0];
  if (!next) return null;
  const at = Date.parse(next);
  // a day is asked once, whatever is typed meanwhile
  const day = Math.floor(at / DAY_MS) * DAY_MS;
  return <OfDay ed={ed} day={day} at={at} zone={zone} />;
}

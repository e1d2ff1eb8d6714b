// A year of the job, a square a day: how often it ran, and the days on which it failed.
import { type Answer, call } from "../../api/client";
import { useRemote } from "../../api/remote";
import { times, zone } from "../../api/state";
import { filtered, filterValue, startedWithin } from "../../base/filter";
import { go } from "../../base/url";
import { Shown } from "../../ui/remote-view";
import { language } from "../../words";
import { jobWords } from "../../words/job";
import type { Job } from "../job";

type Day = Answer<"GET /api/cron/stats">["days"][number];
const DAYS = 371; // 53 weeks
const CELL = 13;

/** Squares in weeks from Monday: column and row of each day. Pure. */
export function placed(days: readonly Pick<Day, "date">[]): { x: number; y: number }[] {
  const weekday = (date: string) => (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
  const first = days[0] ? weekday(days[0].date) : 0;
  return days.map((_, i) => ({ x: Math.floor((i + first) / 7), y: (i + first) % 7 }));
}

/** 0 (none) to 4 (as many as on the busiest day). Pure. */
export const shade = (runs: number, most: number): number =>
  runs === 0 ? 0 : Math.max(1, Math.ceil((4 * runs) / most));

export function Year({ job }: { job: Job }) {
  const stats = useRemote(`${job.id} ${zone.value}`, (signal) =>
    call("GET /api/cron/stats", { query: { job: String(job.id), days: DAYS, zone: zone.value }, signal }),
  );
  return <Shown of={stats}>{(s) => <Squares job={job} days={s.days} />}</Shown>;
}

function Squares({ job, days }: { job: Job; days: readonly Day[] }) {
  const t = jobWords().year;
  const at = placed(days);
  const most = Math.max(1, ...days.map((d) => d.runs));
  const all = days.reduce((sum, d) => sum + d.runs, 0);
  const failed = days.reduce((sum, d) => sum + d.failed, 0);
  const months = days.flatMap((d, i) =>
    d.date.endsWith("-01") && (at[i]?.x ?? 0) < 52
      ? [{ x: at[i]?.x ?? 0, text: times.value.day(d.from + 12 * 3_600_000).replace(/\d+\s*/, "") }]
      : [],
  );
  const open = (event: MouseEvent) => {
    const day = days[Number((event.target as Element).getAttribute("data-day") ?? NaN)];
    if (!day) return;
    const within = startedWithin(day.from, day.from + day.minutes * 60_000);
    go(filtered("runs", `job:${filterValue(job.name)} ${within}`));
  };
  return (
    <div class="year">
      <div class="year-scroll" tabIndex={0} role="group" aria-label={t.label(all, failed)}>
        <svg
          width={54 * CELL}
          height={7 * CELL + 18}
          role="img"
          aria-label={t.label(all, failed)}
          lang={language.value}
          onClick={open}
        >
          {months.map((m) => (
            <text key={m.x} x={m.x * CELL} y={11}>
              {m.text}
            </text>
          ))}
          {days.map((d, i) => (
            <rect
              key={d.date}
              data-day={i}
              class={d.failed ? "bad" : `shade-${shade(d.runs, most)}`}
              x={(at[i]?.x ?? 0) * CELL}
              y={(at[i]?.y ?? 0) * CELL + 18}
              width={CELL - 2}
              height={CELL - 2}
              rx={2}
            >
              <title>{t.day(times.value.weekday(d.from + 12 * 3_600_000), d.runs, d.failed)}</title>
            </rect>
          ))}
        </svg>
      </div>
      <p class="year-key" aria-hidden="true">
        {t.less}
        {[0, 1, 2, 3, 4].map((n) => (
          <i key={n} class={`shade-${n}`} />
        ))}
        {t.more} <i class="bad" /> {t.failed}
      </p>
    </div>
  );
}

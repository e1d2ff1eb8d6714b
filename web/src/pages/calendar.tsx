// The calendar: how much ran and will run, by hours of a day or a week, by days of a month.
import { call } from "../api/client";
import { useLive, useSoon } from "../api/live";
import { useRemote } from "../api/remote";
import { times, zone } from "../api/state";
import { now } from "../base/clock";
import { filtered, startedWithin } from "../base/filter";
import { percent } from "../base/format";
import { href, query, setQuery } from "../base/url";
import { Button } from "../ui/button";
import { Page, Panel } from "../ui/page";
import { Shown } from "../ui/remote-view";
import { ZonePicker } from "../ui/zone-picker";
import { language } from "../words";
import { calendarWords } from "../words/calendar";
import {
  type Cell,
  cellAt,
  type Day,
  dayNumber,
  endOf,
  hourRows,
  type HourRow,
  isDate,
  moved,
  most,
  noonOf,
  rangeOf,
  rowText,
  shadeOf,
  today,
  total,
  useOf,
  type View,
} from "./calendar/data";
import "../style/pages/calendar.css";

interface Calendar {
  zone: string;
  maxConcurrentJobs: number;
  isEstimated: boolean;
  days: Day[];
}

const views: readonly View[] = ["day", "week", "month"];
const viewOf = (text: string | null): View => views.find((v) => v === text) ?? "week";

function textOf(c: Cell, end: number, max: number): string {
  const t = calendarWords();
  const parts = [
    c[1] ? t.ran(c[1]) : "",
    c[2] ? t.failed(c[2]) : "",
    c[4] ? t.planned(c[4]) : "",
    c[6] > 1 ? t.peak(c[6], max) : "",
    total(c) ? t.capacity(percent(language.value, useOf(c, end - c[0], max), 0)) : "",
  ].filter(Boolean);
  return parts.join(" · ") || t.nothing;
}

const runsOf = (from: number, to: number) => href(filtered("runs", startedWithin(from, to)));

/** What is past leads to its runs, what is to come to the Round around it. */
function linkOf(c: Cell, end: number): string {
  if (c[0] <= now.peek()) return runsOf(c[0], end);
  return href(
    `/?from=${new Date(c[0] - 3_600_000).toISOString()}&to=${new Date(end + 3_600_000).toISOString()}`,
  );
}

function CellLink(props: {
  cell: Cell;
  end: number;
  top: number;
  max: number;
  label: string;
  children?: string;
}) {
  const { cell, end, max } = props;
  const text = textOf(cell, end, max);
  const isAhead = cell[0] > now.value;
  const kinds = [
    `shade-${shadeOf(total(cell), props.top)}`,
    isAhead ? "ahead" : "",
    cell[2] ? "has-failed" : "",
    cell[6] > max ? "is-over" : "",
    cell[0] <= now.value && now.value < end ? "is-now" : "",
  ];
  return (
    <a class={`cell ${kinds.join(" ")}`} href={linkOf(cell, end)} title={`${props.label}: ${text}`}>
      <span aria-hidden="true">{props.children ?? ""}</span>
      <span class="visually-hidden">{`${props.label}: ${text}`}</span>
    </a>
  );
}

function HourGrid({ data, view }: { data: Calendar; view: View }) {
  const t = calendarWords();
  const clock = times.value;
  const rows = hourRows(data.days, clock);
  const top = most(data.days);
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label={t.grid}>
      <table class={`heat hours ${view}`}>
        <thead>
          <tr>
            <th scope="col">{t.hour}</th>
            {data.days.map((day) => (
              <th scope="col" key={day.date} class={day.minutes === 1440 ? "" : "jump"}>
                <a href={href(`/calendar?view=day&date=${day.date}`)}>
                  {clock.weekday(day.from + day.minutes * 30_000)}
                </a>
                {day.minutes !== 1440 && <span class="note">{t.short(day.minutes / 60)}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.hour} ${row.pass}`}>
              <th scope="row">{rowText(data.days, row, clock)}</th>
              {data.days.map((day) => {
                const cell = cellAt(day, row, clock);
                if (!cell)
                  return (
                    <td key={day.date}>
                      {row.pass === 0 && <span class="cell absent" title={t.short(day.minutes / 60)} />}
                    </td>
                  );
                const end = endOf(day, cell);
                const n = total(cell);
                return (
                  <td key={day.date}>
                    <CellLink
                      cell={cell}
                      end={end}
                      top={top}
                      max={data.maxConcurrentJobs}
                      label={`${clock.weekday(cell[0])}, ${clock.clock(cell[0])}`}
                    >
                      {n ? String(n) : ""}
                    </CellLink>
                  </td>
                );
              })}
              {view === "day" && data.days[0] && (
                <CapacityCell day={data.days[0]} row={row} max={data.maxConcurrentJobs} />
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** How much of the capacity an hour takes, as a bar with the capacity's line at its end. */
function CapacityCell({ day, row, max }: { day: Day; row: HourRow; max: number }) {
  const cell = cellAt(day, row, times.value);
  if (!cell) return <td />;
  const share = useOf(cell, endOf(day, cell) - cell[0], max);
  return (
    <td class="capacity">
      <svg width="100%" height="14" viewBox="0 0 125 14" preserveAspectRatio="none" aria-hidden="true">
        <rect
          class={share > 1 ? "use over" : "use"}
          y="3"
          height="8"
          width={Math.min(125, share * 100).toFixed(1)}
        />
        <path d="M100 0V14" class="limit" />
      </svg>
    </td>
  );
}

function MonthGrid({ data, month }: { data: Calendar; month: number }) {
  const clock = times.value;
  const top = most(data.days);
  const weeks = Array.from({ length: Math.ceil(data.days.length / 7) }, (_, i) =>
    data.days.slice(i * 7, i * 7 + 7),
  );
  return (
    <table class="heat month">
      <thead>
        <tr>
          {data.days.slice(0, 7).map((day) => (
            <th scope="col" key={day.date}>
              {clock.weekday(day.from + day.minutes * 30_000).split(" ")[0]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {weeks.map((week) => (
          <tr key={week[0]?.date}>
            {week.map((day) => {
              const cell = day.cells[0];
              const isOther = Number(day.date.slice(5, 7)) !== month;
              return (
                <td key={day.date} class={`${isOther ? "other" : ""} ${day.minutes === 1440 ? "" : "jump"}`}>
                  <a class="date" href={href(`/calendar?view=day&date=${day.date}`)}>
                    {Number(day.date.slice(8))}
                  </a>
                  {cell && (
                    <CellLink
                      cell={cell}
                      end={day.to}
                      top={top}
                      max={data.maxConcurrentJobs}
                      label={clock.weekday(day.from + day.minutes * 30_000)}
                    >
                      {total(cell) ? String(total(cell)) : ""}
                    </CellLink>
                  )}
                  {day.minutes !== 1440 && (
                    <span class="note">{calendarWords().short(day.minutes / 60)}</span>
                  )}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Quiet({ days }: { days: readonly Day[] }) {
  const t = calendarWords();
  const clock = times.value;
  const found = days.filter((d) => d.quiet.length > 0);
  return (
    <Panel title={t.quiet} class="quiet-panel">
      {found.length === 0 ? (
        <p class="quiet">{t.quietNone}</p>
      ) : (
        <ul class="quiet-list">
          {found.map((day) => (
            <li key={day.date}>
              <strong>{clock.weekday(day.from + day.minutes * 30_000)}</strong>
              {[...day.quiet]
                .sort((a, b) => a.from - b.from)
                .map((q) => (
                  <span key={q.from} title={t.quietLevel(q.runs)} class="num">
                    {clock.clock(q.from)}–{clock.clock(q.to)}
                  </span>
                ))}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Legend({ isEstimated }: { isEstimated: boolean }) {
  const t = calendarWords();
  return (
    <p class="heat-legend">
      <span>{t.less}</span>
      {[0, 1, 2, 3, 4, 5].map((n) => (
        <span key={n} class={`cell shade-${n}`} aria-hidden="true" />
      ))}
      <span>{t.more}</span>
      <span class="quiet">{t.legend}</span>
      {isEstimated && <span class="quiet">{t.estimated}</span>}
    </p>
  );
}

function titleOf(view: View, date: string, first: number, last: number): string {
  const t = times.value;
  if (view === "day") return t.weekday(noonOf(t, first));
  if (view === "week") return `${t.day(noonOf(t, first))} – ${t.day(noonOf(t, last))}`;
  const locale = language.value === "es" ? "es-ES" : "en-GB";
  return new Intl.DateTimeFormat(locale, { month: "long", year: "numeric", timeZone: "UTC" }).format(
    dayNumber(date) * 86_400_000,
  );
}

export function CalendarPage() {
  const w = calendarWords();
  const view = viewOf(query.value.get("view"));
  const asked = query.value.get("date");
  const date = isDate(asked) ? asked : today(times.value, now.value);
  const [first, last] = rangeOf(view, date);
  const remote = useRemote(`${first} ${last} ${view} ${zone.value}`, async (signal) => {
    const t = times.peek();
    const from = new Date(noonOf(t, first)).toISOString();
    const to = new Date(noonOf(t, last)).toISOString();
    const step = view === "month" ? "day" : "hour";
    const got = await call("GET /api/cron/calendar", {
      query: { from, to, zone: zone.peek(), step },
      signal,
    });
    return { ...got, view, first } as unknown as Calendar & { view: View; first: number };
  });
  useLive("runs", useSoon(900, remote.reload));
  const go = (to: string) =>
    setQuery({ date: to === today(times.peek(), now.peek()) ? null : to }, { push: true });
  return (
    <Page
      title={w.title}
      sub={
        <span class="calendar-sub">
          {titleOf(view, date, first, last)} <ZonePicker />
        </span>
      }
      actions={
        <div class="calendar-actions">
          <div role="group" aria-label={w.views.label} class="group">
            {views.map((v) => (
              <button
                key={v}
                type="button"
                class="button"
                aria-pressed={v === view}
                onClick={() => setQuery({ view: v === "week" ? null : v }, { push: true })}
              >
                {w.views[v]}
              </button>
            ))}
          </div>
          <div class="group">
            <Button icon="chevron-left" label={w.previous} onClick={() => go(moved(view, date, -1))} />
            <Button onClick={() => setQuery({ date: null }, { push: true })}>{w.today}</Button>
            <Button icon="chevron-right" label={w.next} onClick={() => go(moved(view, date, 1))} />
          </div>
        </div>
      }
    >
      <Shown of={remote}>
        {(data) => (
          <div class="calendar">
            <Panel>
              {data.view === "month" ? (
                <MonthGrid data={data} month={Number(date.slice(5, 7))} />
              ) : (
                <HourGrid data={data} view={data.view} />
              )}
              <Legend isEstimated={data.isEstimated} />
              {data.view === "day" && <p class="quiet small">{w.capacityTitle(data.maxConcurrentJobs)}</p>}
            </Panel>
            {data.view !== "month" && <Quiet days={data.days} />}
          </div>
        )}
      </Shown>
    </Page>
  );
}

// The worlds day by day: a picture, the same as a table, and what the figures beside it rest on.
import { useSignal } from "@preact/signals";
import type { Answer } from "../../api/client";
import { number, percent } from "../../base/format";
import { href, query } from "../../base/url";
import { Panel } from "../../ui/page";
import { language } from "../../words";
import { worldsWords } from "../../words/worlds";
import { reasonText } from "./parts";
import { reasonTotals, trendPaths } from "./trend";

export type Trend = Answer<"GET /api/admin/worlds/trend">;
export type CostModel = Answer<"GET /api/admin/worlds/cost-model">;
export const PERIODS = [7, 30, 90];
const HEIGHT = 120;

export function usd(value: number): string {
  const digits = value !== 0 && Math.abs(value) < 0.01 ? 3 : 2;
  const text = value.toLocaleString(language.value === "es" ? "es-ES" : "en-GB", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: "always",
  });
  return language.value === "es" ? `${text} $` : `$${text}`;
}

/** "21 nov" of "2026-11-21": a day of the server's zone, whatever the page's is. */
const dayText = (day: string) =>
  new Intl.DateTimeFormat(language.value === "es" ? "es-ES" : "en-GB", {
    day: "numeric",
    month: "short",
    timeZone: "UTC",
  }).format(Date.parse(day));

const sum = (trend: Trend, key: "paused" | "resumed" | "deleted") =>
  trend.data.reduce((total, d) => total + d[key], 0);
const count = (n: number) => number(language.value, n);

function Periods({ days }: { days: number }) {
  const t = worldsWords().trend;
  const to = (n: number) => {
    const next = new URLSearchParams(query.value);
    next.set("days", String(n));
    return href(`/worlds?${next}`);
  };
  return (
    <nav class="chips" aria-label={t.period}>
      {PERIODS.map((n) => (
        <a key={n} href={to(n)} aria-current={n === days ? "true" : undefined}>
          {t.days(n)}
        </a>
      ))}
    </nav>
  );
}

function Picture({ trend }: { trend: Trend }) {
  const t = worldsWords().trend;
  const under = useSignal<number | null>(null);
  const p = trendPaths(trend.data, HEIGHT);
  const n = trend.data.length;
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * n);
    under.value = at >= 0 && at < n ? at : null;
  };
  const label = t.picture(
    count(sum(trend, "paused")),
    count(sum(trend, "resumed")),
    count(sum(trend, "deleted")),
  );
  const shown = under.value === null ? undefined : trend.data[under.value];
  const marks = [0, Math.floor((n - 1) / 2), n - 1];
  return (
    <div class="trend">
      <div class="trend-axis" aria-hidden="true">
        <span style={{ top: "0" }}>{count(p.top)}</span>
        <span style={{ top: `${p.zero}px` }}>0</span>
        {p.bottom > 0 && <span style={{ top: `${HEIGHT}px` }}>{count(p.bottom)}</span>}
      </div>
      <svg
        class="trend-picture"
        viewBox={`0 0 ${n} ${HEIGHT}`}
        height={HEIGHT}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
        onPointerMove={point}
        onPointerLeave={() => void (under.value = null)}
      >
        {shown && <rect class="under" x={under.value ?? 0} y="0" width="1" height={HEIGHT} />}
        <path class="grid" d={`M0 0h${n}M0 ${p.zero}h${n}M0 ${HEIGHT}h${n}`} />
        <path class="paused" d={p.paused} />
        <path class="resumed" d={p.resumed} />
        <path class="deleted" d={p.deleted} />
      </svg>
      <div class="trend-days" aria-hidden="true">
        {marks.map((i) => (
          <span key={i}>{dayText(trend.data[i]?.day ?? "")}</span>
        ))}
      </div>
      <p class="trend-legend">
        {shown && <strong>{dayText(shown.day)}: </strong>}
        {(["paused", "resumed", "deleted"] as const).map((key) => (
          <span key={key}>
            <i class={`swatch ${key}`} /> {shown ? `${count(shown[key])} ` : ""}
            {t[key]}
          </span>
        ))}
      </p>
    </div>
  );
}

function Table({ trend }: { trend: Trend }) {
  const t = worldsWords().trend;
  const keys = ["paused", "resumed", "archived", "deleted"] as const;
  return (
    <details>
      <summary>{t.table}</summary>
      <div class="scroll-x" tabIndex={0} role="region" aria-label={t.table}>
        <table>
          <thead>
            <tr>
              <th>{t.day}</th>
              {keys.map((key) => (
                <th key={key}>{t[key]}</th>
              ))}
              <th>{t.asleep}</th>
              <th>{t.saved}</th>
            </tr>
          </thead>
          <tbody>
            {trend.data.toReversed().map((d) => (
              <tr key={d.day}>
                <th scope="row">{dayText(d.day)}</th>
                {keys.map((key) => (
                  <td key={key}>{count(d[key])}</td>
                ))}
                <td>{count(d.pausedWorlds)}</td>
                <td>{usd(d.savedUSD)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Reasons({ trend }: { trend: Trend }) {
  const t = worldsWords().trend;
  const totals = reasonTotals(trend.data);
  const most = totals[0]?.count ?? 1;
  if (!totals.length) return null;
  return (
    <div class="trend-reasons">
      <h3>{t.reasons}</h3>
      <ul>
        {totals.map(({ reason, count: n }) => (
          <li key={reason}>
            <a href={href(`/worlds?q=reason:${reason}`)}>{reasonText(reason)}</a>
            <span class="num">{count(n)}</span>
            <span class="share" style={{ width: `${(100 * n) / most}%` }} />
          </li>
        ))}
      </ul>
    </div>
  );
}

export function TrendPanel({ trend, days }: { trend: Trend; days: number }) {
  const t = worldsWords();
  const isEmpty = !sum(trend, "paused") && !sum(trend, "resumed") && !sum(trend, "deleted");
  return (
    <Panel
      title={t.trend.title}
      note={t.trend.zone(trend.timezone)}
      actions={<Periods days={days} />}
      class="worlds-trend"
    >
      {isEmpty ? (
        <p class="quiet">{t.trend.empty}</p>
      ) : (
        <div class="trend-row">
          <div>
            <Picture trend={trend} />
            <Table trend={trend} />
          </div>
          <Reasons trend={trend} />
        </div>
      )}
    </Panel>
  );
}

interface Prices {
  eventsPerDay?: number;
  eventCostUSD?: number;
  directorPerDay?: number;
  directorCostUSD?: number;
}

/** What sleeping saves, with how it is made; and how many come back. */
export function SavedPanel({
  trend,
  cost,
  asleep,
  days,
}: {
  trend: Trend;
  cost: CostModel;
  asleep: number;
  days: number;
}) {
  const t = worldsWords();
  const prices = (cost.unitPrices ?? {}) as Prices;
  return (
    <Panel class="worlds-saved">
      <dl>
        <div>
          <dt>
            {t.saved.title} {t.saved.inDays(days)}
          </dt>
          <dd class="world-figure">{usd(trend.savedUSD)}</dd>
          <dd class="quiet small">{t.saved.perMonth(usd(asleep * cost.perWorldMonthUSD))}</dd>
        </div>
        <div>
          <dt>
            {t.rate.title} {t.saved.inDays(days)}
          </dt>
          <dd class="world-figure">{trend.pauses ? percent(language.value, trend.resumeRate) : "—"}</dd>
          <dd class="quiet small">
            {trend.pauses ? t.rate.text(count(trend.resumed), count(trend.pauses)) : t.rate.none}
          </dd>
        </div>
      </dl>
      <details>
        <summary>{t.saved.how}</summary>
        <p>{t.saved.howText(usd(cost.perWorldDayUSD))}</p>
        <ul class="bullets">
          <li>{t.saved.howEvents(count(prices.eventsPerDay ?? 0), usd(prices.eventCostUSD ?? 0))}</li>
          <li>{t.saved.howDirector(count(prices.directorPerDay ?? 0), usd(prices.directorCostUSD ?? 0))}</li>
        </ul>
        <p class="quiet">{t.saved.howNot}</p>
      </details>
    </Panel>
  );
}

// The lifeline, the reason in a sentence, figures, and what happened so far.
import { useSignal } from "@preact/signals";
import { call, type Answer } from "../../api/client";
import { times } from "../../api/state";
import { now } from "../../base/clock";
import { bytes, duration, number, span } from "../../base/format";
import { Button } from "../../ui/button";
import { Facts, Panel } from "../../ui/page";
import { Ago, At } from "../../ui/time";
import { sayError } from "../../ui/toast";
import { language } from "../../words";
import { worldWords } from "../../words/world";
import { nextStep } from "../worlds/next-step";
import { dayAndClock, nextText, reasonText } from "../worlds/parts";
import { usd } from "../worlds/trend-panel";
import { placeOf, stations, type Thresholds } from "./lifeline";

export type World = Answer<"GET /api/worlds/{world}">;
export type Verdict = Answer<"GET /api/worlds/{world}/should-pause">;
export type Note = Answer<"GET /api/worlds/{world}/history">["data"][number];

const ms = (text: string | null | undefined) => (text ? Date.parse(text) : null);

export function whyText(world: World, verdict: Verdict, at: number): string {
  const t = worldWords().why;
  const next = nextText(nextStep(world, verdict, at));
  const paused = ms(world.pausedAt);
  const when = paused === null ? "" : dayAndClock(paused);
  const vacation = ms(world.vacationUntil);
  const event = ms(verdict.nextEventAt);
  const idle = span(at - (ms(verdict.idleSince) ?? at));
  if (world.pauseReason === "vacation" && vacation !== null) return t.on_vacation(dayAndClock(vacation));
  if (world.isFavorite) return t.favorite;
  if (world.pauseReason === "manual") return t.manual_pause(when);
  if (verdict.why === "future_event" && event !== null) return t.future_event(dayAndClock(event));
  if (verdict.why === "member_active") return t.member_active;
  if (!world.isPaused) return verdict.shouldPause ? t.idle(idle) : t.active(idle, next);
  if (world.pauseReason === "inactivity_30d") return `${t.inactivity_30d(when, next)} ${t.copy}`;
  if (world.pauseReason === "inactivity_7d") return t.inactivity_7d(when, next);
  if (world.pauseReason === "inactivity_24h") return t.inactivity_24h(when, next);
  return t.system(when);
}

export function Lifeline({
  world,
  verdict,
  thresholds,
}: {
  world: World;
  verdict: Verdict;
  thresholds: Thresholds;
}) {
  const t = worldWords().lifeline;
  const since = ms(verdict.idleSince ?? verdict.lastActiveAt) ?? now.value;
  const idle = Math.max(0, now.value - since);
  const list = stations(thresholds, since, ms(verdict.deletionAt ?? verdict.scheduledDeletion));
  const isStopped = verdict.isProtected || world.pauseReason === "manual" || world.pauseReason === "vacation";
  const place = placeOf(list, idle);
  const next = nextText(nextStep(world, verdict, now.value));
  return (
    <Panel
      title={t.title}
      note={isStopped ? t.stopped : t.since(dayAndClock(since))}
      class={`lifeline-panel ${isStopped ? "stopped" : ""}`}
    >
      <p class="world-why">{whyText(world, verdict, now.value)}</p>
      <div class="lifeline" style={{ "--at": String(place) }}>
        <span class="rail" aria-hidden="true">
          <span class="done" />
        </span>
        <ol aria-label={t.picture(span(idle), next)}>
          {list.map((station, i) => (
            <li
              key={station.name}
              class={`${station.name} ${!isStopped && idle >= station.after ? "past" : ""}`}
              style={{ "--n": String(i / (list.length - 1)) }}
            >
              <span class="dot" aria-hidden="true" />
              <span class="label">{t[station.name]}</span>
              <span class="after">{station.after ? duration(language.value, station.after) : ""}</span>
              {!isStopped && (
                <time dateTime={new Date(station.at).toISOString()} title={times.value.full(station.at)}>
                  {times.value.weekday(station.at)}
                </time>
              )}
            </li>
          ))}
        </ol>
        <span class="here">
          <span>{t.here}</span> {span(idle)}
        </span>
      </div>
    </Panel>
  );
}

interface Live {
  isLive?: boolean;
  isDirty?: boolean;
  bytes?: number;
}
interface Stats {
  costUSD?: number;
}

export function WorldFacts({ world }: { world: World }) {
  const t = worldWords().facts;
  const live = (world.live ?? {}) as Live;
  const stats = (world.stats ?? {}) as Stats;
  const liveText = live.isLive
    ? t.liveYes(bytes(language.value, live.bytes ?? 0)) + (live.isDirty ? `, ${t.liveDirty}` : "")
    : t.liveNo;
  return (
    <Panel>
      <Facts
        facts={[
          { name: t.owner, value: world.ownerId ?? "—" },
          { name: t.active, value: <Ago when={world.lastActiveAt} /> },
          { name: t.interactions, value: number(language.value, world.interactions ?? 0) },
          { name: t.live, value: liveText },
          { name: t.fence, value: t.fenceText(number(language.value, world.fence ?? 0)) },
          { name: t.cost, value: usd(stats.costUSD ?? 0) },
          { name: t.created, value: <At when={world.createdAt} /> },
        ]}
      />
    </Panel>
  );
}

interface Detail {
  reason?: string;
  pauseReason?: string | null;
  idleHours?: number;
  until?: string;
  userId?: string;
  type?: string;
  mail?: string;
}

function NoteLine({ note }: { note: Note }) {
  const t = worldWords().log;
  const detail = (note.detail ?? {}) as Detail;
  const action = (t.actions as Record<string, string>)[note.action] ?? note.action;
  const reason = detail.reason ?? detail.pauseReason;
  const about = [
    typeof reason === "string" && reasonText(reason),
    detail.idleHours !== undefined && t.idle(span(detail.idleHours * 3_600_000)),
    detail.userId,
    detail.type,
  ].filter(Boolean);
  return (
    <li class={note.action}>
      <At when={note.at} />
      <span>
        <strong>{action}</strong> {about.length > 0 && <span class="quiet">{about.join(", ")} </span>}
        <span class="quiet small">{t.by(note.actor)}</span>
      </span>
    </li>
  );
}

type History = Answer<"GET /api/worlds/{world}/history">;

export function Log({ id, history }: { id: string; history: History }) {
  const t = worldWords().log;
  const more = useSignal<History | null>(null);
  const older = useSignal<readonly Note[]>([]);
  const cursor = more.value ? more.value.nextCursor : history.nextCursor;
  const load = async () => {
    if (!cursor) return;
    try {
      const got = await call("GET /api/worlds/{world}/history", {
        path: { world: id },
        query: { cursor, limit: 50 },
      });
      more.value = got;
      older.value = [...older.value, ...got.data];
    } catch (error) {
      sayError(error);
    }
  };
  return (
    <Panel title={t.title}>
      {history.data.length === 0 && <p class="quiet">{t.empty}</p>}
      <ol class="world-log">
        {[...history.data, ...older.value].map((note) => (
          <NoteLine key={note.id} note={note} />
        ))}
      </ol>
      {cursor && <Button onClick={load}>{t.more}</Button>}
    </Panel>
  );
}

// All worlds: how many there are of each kind, what their sleep saves, and the list with what comes next for each.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { call, type Answer } from "../api/client";
import { useLive, useSoon } from "../api/live";
import { useRemote } from "../api/remote";
import { may } from "../api/state";
import { number } from "../base/format";
import { useKeys } from "../base/keys";
import { go, href, query, setQuery } from "../base/url";
import { Button } from "../ui/button";
import { ChosenBar } from "../ui/chosen-bar";
import { FilterBox } from "../ui/filter-box";
import { Page, Panel } from "../ui/page";
import { ErrorNotice, Loading, Notice, Shown } from "../ui/remote-view";
import { Ago } from "../ui/time";
import { ZonePicker } from "../ui/zone-picker";
import { language, words } from "../words";
import { worldsWords } from "../words/worlds";
import { mayOwn, nameOf, OwnersPlace, resume, setFavorite, type WorldRow } from "./worlds/deeds";
import { NextStep, reasonText, Star, WorldState } from "./worlds/parts";
import { PERIODS, SavedPanel, TrendPanel } from "./worlds/trend-panel";
import "../style/pages/worlds.css";

const PAGE = 50;
type Verdict = Answer<"GET /api/admin/worlds/why">["data"][number];
interface Listed {
  rows: WorldRow[];
  nextCursor: string | null;
  verdicts: Map<string, Verdict>;
}

const filterNow = () => query.value.get("q") ?? "";
const afterNow = () => query.value.get("after") ?? "";
const daysNow = () => {
  const asked = Number(query.value.get("days"));
  return PERIODS.includes(asked) ? asked : 30;
};

async function loadList(q: string, cursor: string, signal: AbortSignal): Promise<Listed> {
  const page = await call("GET /api/worlds", { query: { q, cursor, limit: PAGE }, signal });
  const ids = page.data.map((w) => w.id).join(",");
  const why =
    ids && may("admin") ? await call("GET /api/admin/worlds/why", { query: { worlds: ids }, signal }) : null;
  return {
    rows: page.data,
    nextCursor: page.nextCursor,
    verdicts: new Map(why?.data.map((v) => [v.worldId, v])),
  };
}

async function loadFigures(days: number, signal: AbortSignal) {
  const [trend, cost] = await Promise.all([
    call("GET /api/admin/worlds/trend", { query: { days }, signal }),
    call("GET /api/admin/worlds/cost-model", { signal }),
  ]);
  return { trend, cost };
}

/** Live events come in bursts; what they change is asked again at most this often. */
const LIST_MS = 1000;
const FIGURES_MS = 30_000;

/** j and k move along the rows' names, x selects the row that has the focus; Enter follows the link by itself. */
function useRowKeys(): void {
  useEffect(() => {
    const t = () => words().keys;
    const links = () => [...document.querySelectorAll<HTMLElement>(".world-list tbody .name a")];
    const move = (by: number) => {
      const all = links();
      const at = all.findIndex((link) => link.closest("tr")?.contains(document.activeElement));
      all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))]?.focus();
    };
    const select = () =>
      document.activeElement?.closest(".world-list tr")?.querySelector<HTMLElement>(".check input")?.click();
    return useKeys([
      { keys: "j", text: () => t().next, run: () => move(1), isRepeated: true },
      { keys: "k", text: () => t().previous, run: () => move(-1), isRepeated: true },
      { keys: "x", text: () => t().select, run: select },
    ]);
  }, []);
}

/** Views are filters with a name. */
const views = [
  { key: "total", q: "" },
  { key: "running", q: "status:running" },
  { key: "paused", q: "status:paused" },
  { key: "archived", q: "status:archived" },
  { key: "favorites", q: "fav:yes" },
  { key: "marked", q: "deletion:any" },
] as const;

function Counters({ status }: { status: Answer<"GET /api/worlds/status"> }) {
  const t = worldsWords().counters;
  const values = {
    total: status.total,
    running: status.running,
    paused: status.paused,
    archived: status.archived,
    favorites: status.favorites,
    marked: status.scheduledForDeletion,
  };
  return (
    <nav class="world-counters" aria-label={t.label}>
      {views.map(({ key, q }) => (
        <a
          key={key}
          class={key === "marked" && values.marked ? "marked" : ""}
          href={href(`/worlds${q ? `?q=${q}` : ""}`)}
          aria-current={filterNow() === q ? "true" : undefined}
        >
          <span class="world-figure">{number(language.value, values[key])}</span>{" "}
          <span>{t[key](values[key])}</span>
        </a>
      ))}
    </nav>
  );
}

interface RowProps {
  world: WorldRow;
  verdict: Verdict | undefined;
  isChosen: boolean;
  choose: (isChosen: boolean) => void;
  changed: () => void;
}

function Row({ world, verdict, isChosen, choose, changed }: RowProps) {
  const t = worldsWords();
  const name = nameOf(world);
  return (
    <tr>
      <td class="check">
        {mayOwn(world) && (
          <input
            type="checkbox"
            checked={isChosen}
            aria-label={t.list.select(name)}
            onChange={(event) => choose(event.currentTarget.checked)}
          />
        )}
      </td>
      <td class="name">
        <a href={href(`/worlds/${encodeURIComponent(world.id)}`)}>
          <bdi>{name}</bdi>
        </a>{" "}
        <Star isOn={world.isFavorite} />
        {world.ownerId && <span class="owner">{world.ownerId}</span>}
      </td>
      <td class="what">
        <WorldState world={world} />
      </td>
      <td class="last">
        <Ago when={world.lastActiveAt} />
      </td>
      <td class="reason">{reasonText(world.pauseReason) || <span class="quiet">—</span>}</td>
      <td class="next">
        <NextStep world={world} verdict={verdict} />
      </td>
      <td class="deeds">
        {mayOwn(world) && world.isPaused && (
          <Button kind={world.scheduledDeletion ? "main" : "plain"} onClick={() => resume([world], changed)}>
            {t.deeds.resume}
          </Button>
        )}
        {mayOwn(world) && world.isPaused && !world.isFavorite && (
          <Button onClick={() => setFavorite([world], true, changed)}>{t.deeds.keep}</Button>
        )}
      </td>
    </tr>
  );
}

function Table({ listed, changed }: { listed: Listed; changed: () => void }) {
  const t = worldsWords();
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const { rows } = listed;
  const ours = rows.filter(mayOwn);
  const picked = rows.filter((w) => chosen.value.has(w.id));
  const choose = (ids: readonly string[], isChosen: boolean) => {
    const next = new Set(chosen.value);
    for (const id of ids)
      if (isChosen) next.add(id);
      else next.delete(id);
    chosen.value = next;
  };
  const done = () => {
    chosen.value = new Set();
    changed();
  };
  return (
    <>
      <table class="world-list">
        <caption class="visually-hidden">{t.list.label}</caption>
        <thead>
          <tr>
            <th class="check">
              <input
                type="checkbox"
                checked={picked.length > 0 && picked.length === ours.length}
                disabled={ours.length === 0}
                aria-label={t.list.selectAll}
                onChange={(event) =>
                  choose(
                    ours.map((w) => w.id),
                    event.currentTarget.checked,
                  )
                }
              />
            </th>
            <th>{t.list.name}</th>
            <th>{t.list.state}</th>
            <th>{t.list.active}</th>
            <th>{t.list.reason}</th>
            <th>{t.list.next}</th>
            <th>
              <span class="visually-hidden">{words().actions.more}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((world) => (
            <Row
              key={world.id}
              world={world}
              verdict={listed.verdicts.get(world.id)}
              isChosen={chosen.value.has(world.id)}
              choose={(isChosen) => choose([world.id], isChosen)}
              changed={changed}
            />
          ))}
        </tbody>
      </table>
      {picked.length > 0 && (
        <ChosenBar label={t.list.chosen(picked.length)}>
          <Button
            disabled={!picked.some((w) => w.isPaused)}
            onClick={() =>
              resume(
                picked.filter((w) => w.isPaused),
                done,
              )
            }
          >
            {t.deeds.resume}
          </Button>
          <Button icon="star" onClick={() => setFavorite(picked, true, done)}>
            {t.deeds.favorite}
          </Button>
          <Button
            kind="quiet"
            icon="x"
            label={words().actions.cancel}
            onClick={() => void (chosen.value = new Set())}
          />
        </ChosenBar>
      )}
    </>
  );
}

function Paging({ listed }: { listed: Listed }) {
  const t = worldsWords().list;
  const to = (after: string | null) => {
    const next = new URLSearchParams(query.value);
    if (after) next.set("after", after);
    else next.delete("after");
    return `/worlds?${next}`;
  };
  return (
    <footer class="paging">
      <span class="quiet">{t.shown(listed.rows.length)}</span>
      {afterNow() && <a href={href(to(null))}>{t.firstPage}</a>}
      {listed.nextCursor && (
        <Button onClick={() => go(to(listed.nextCursor))} icon="chevron-right">
          {t.nextPage}
        </Button>
      )}
    </footer>
  );
}

export function WorldsPage() {
  const t = worldsWords();
  const [q, after, days] = [filterNow(), afterNow(), daysNow()];
  const status = useRemote("status", (signal) =>
    may("operator") ? call("GET /api/worlds/status", { signal }) : Promise.resolve(null),
  );
  const figures = useRemote(`days ${days}`, (signal) =>
    may("admin") ? loadFigures(days, signal) : Promise.resolve(null),
  );
  const list = useRemote(`${q} ${after}`, (signal) => loadList(q, after, signal));
  const changed = () => {
    void status.reload();
    void list.reload();
    void figures.reload();
  };
  const soon = useSoon(LIST_MS, async () => void (await Promise.all([status.reload(), list.reload()])));
  const later = useSoon(FIGURES_MS, figures.reload);
  useLive("worlds", () => {
    soon();
    later();
  });
  useRowKeys();
  const error = list.error.value;
  const isUnread = error?.field === "q";
  const lastQ = useRef(q);
  useEffect(() => {
    if (lastQ.current !== q && after) setQuery({ after: null }); // another list begins at its beginning
    lastQ.current = q;
  }, [q]);
  const f = figures.data.value;
  return (
    <Page title={t.title} sub={<ZonePicker />}>
      {status.data.value && <Counters status={status.data.value} />}
      {f && (
        <div class="worlds-figures">
          <TrendPanel trend={f.trend} days={days} />
          <SavedPanel
            trend={f.trend}
            cost={f.cost}
            days={days}
            asleep={(status.data.value?.paused ?? 0) + (status.data.value?.archived ?? 0)}
          />
        </div>
      )}
      {may("admin") && !f && !figures.error.value && (
        <div class="panel worlds-figures">
          <Loading />
        </div>
      )}
      {figures.error.value && !f && (
        <ErrorNotice error={figures.error.value} again={() => void figures.reload()} />
      )}
      <Panel class="worlds-panel">
        <FilterBox list="worlds" placeholder={t.list.filter} error={isUnread ? error : null} />
        {!isUnread && (
          <Shown of={list}>
            {(listed) =>
              listed.rows.length ? (
                <>
                  <Table listed={listed} changed={changed} />
                  <Paging listed={listed} />
                </>
              ) : q || after ? (
                <Notice icon="search" title={t.list.noneTitle}>
                  <p>{t.list.noneText}</p>
                  <a href={href("/worlds")}>{words().actions.clear}</a>
                </Notice>
              ) : (
                <Notice icon="moon" title={t.list.emptyTitle}>
                  <p>{t.list.emptyText}</p>
                </Notice>
              )
            }
          </Shown>
        )}
      </Panel>
      <OwnersPlace />
    </Page>
  );
}

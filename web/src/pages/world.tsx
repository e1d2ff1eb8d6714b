// One world: where it stands if nobody comes, why, what it remembers, what is planned, and everything one can do to it.
import { call } from "../api/client";
import { useLive, useSoon } from "../api/live";
import { useRemote } from "../api/remote";
import { may } from "../api/state";
import { href, query } from "../base/url";
import type { PageProps } from "../routes";
import { Button } from "../ui/button";
import { Page } from "../ui/page";
import { Shown } from "../ui/remote-view";
import { Tabs } from "../ui/tabs";
import { ZonePicker } from "../ui/zone-picker";
import { worldWords } from "../words/world";
import { worldsWords } from "../words/worlds";
import { Events } from "./world/events";
import { usualThresholds } from "./world/lifeline";
import { Manage } from "./world/manage";
import { Memory } from "./world/memory";
import { Lifeline, Log, WorldFacts } from "./world/overview";
import { mayOwn, nameOf, OwnersPlace, pause, resume, setFavorite, type Whose } from "./worlds/deeds";
import { Star, WorldState } from "./worlds/parts";
import "../style/pages/world.css";

const tabs = ["overview", "memory", "events", "manage"] as const;

async function load(id: string, signal: AbortSignal) {
  const path = { world: id };
  const [world, verdict, history, settings] = await Promise.all([
    call("GET /api/worlds/{world}", { path, signal }),
    call("GET /api/worlds/{world}/should-pause", { path, signal }),
    call("GET /api/worlds/{world}/history", { path, query: { limit: 50 }, signal }),
    may("admin") ? call("GET /api/admin/worlds/settings", { signal }) : Promise.resolve(null),
  ]);
  return { world, verdict, history, thresholds: settings ?? usualThresholds };
}

function Actions({
  world,
  changed,
}: {
  world: Whose & { isPaused: boolean | null; isFavorite: boolean | null };
  changed: () => void;
}) {
  const t = worldsWords().deeds;
  return (
    <>
      {!world.isFavorite && (
        <Button icon="star" onClick={() => setFavorite([world], true, changed)}>
          {t.keep}
        </Button>
      )}
      {world.isPaused ? (
        <Button kind="main" icon="sun" onClick={() => resume([world], changed)}>
          {t.resume}
        </Button>
      ) : (
        <Button icon="moon" onClick={() => pause(world, changed)}>
          {t.pause}
        </Button>
      )}
    </>
  );
}

export function WorldPage({ args }: PageProps) {
  const id = args["id"] ?? "";
  const t = worldWords();
  const remote = useRemote(id, (signal) => load(id, signal));
  const changed = () => void remote.reload();
  const soon = useSoon(300, remote.reload);
  useLive("worlds", (events) => {
    const isOurs = (e: unknown) => (e as { fields?: { worldId?: string } }).fields?.worldId === id;
    if (events.some(isOurs)) soon();
  });
  const data = remote.data.value?.world.id === id ? remote.data.value : undefined;
  const asked = query.value.get("tab");
  const tab = tabs.find((name) => name === asked) ?? "overview";
  const at = `/worlds/${encodeURIComponent(id)}`;
  const isOurs = !!data && mayOwn(data.world);
  const shown = isOurs ? tabs : tabs.filter((name) => name !== "manage");
  return (
    <Page
      title={data ? nameOf(data.world) : t.title}
      crumbs={<a href={href("/worlds")}>{worldsWords().title}</a>}
      sub={
        <>
          {data && (
            <>
              <WorldState world={data.world} badge /> <Star isOn={data.world.isFavorite} />
            </>
          )}
          <ZonePicker />
        </>
      }
      actions={isOurs && <Actions world={data.world} changed={changed} />}
    >
      <Tabs
        label={t.tabs.label}
        current={tab}
        tabs={shown.map((key) => ({
          key,
          text: t.tabs[key],
          to: key === "overview" ? at : `${at}?tab=${key}`,
        }))}
      />
      <Shown of={remote}>
        {({ world, verdict, history, thresholds }) =>
          world.id === id && (
            <div class="world">
              {tab === "overview" && (
                <>
                  <Lifeline world={world} verdict={verdict} thresholds={thresholds} />
                  <WorldFacts world={world} />
                  <Log key={world.updatedAt} id={id} history={history} />
                </>
              )}
              {tab === "memory" && <Memory world={world} />}
              {tab === "events" && <Events world={world} />}
              {tab === "manage" && isOurs && <Manage world={world} changed={changed} />}
            </div>
          )
        }
      </Shown>
      <OwnersPlace />
    </Page>
  );
}

// Keeping, vacation, people, a copy, and the end of a world.
import { useSignal } from "@preact/signals";
import { call, callRaw } from "../../api/client";
import { useRemote } from "../../api/remote";
import { may, zone } from "../../api/state";
import { now } from "../../base/clock";
import { go } from "../../base/url";
import { Button } from "../../ui/button";
import { Confirm } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { Panel } from "../../ui/page";
import { Shown } from "../../ui/remote-view";
import { Ago } from "../../ui/time";
import { act, say } from "../../ui/toast";
import { worldWords } from "../../words/world";
import { worldsWords } from "../../words/worlds";
import { inOwnersPlace, isMine, nameOf, setFavorite } from "../worlds/deeds";
import { dayAndClock } from "../worlds/parts";
import { instantOf, localOf } from "./local-time";
import type { World } from "./overview";

interface Props {
  world: World;
  changed: () => void;
}

function Keep({ world, changed }: Props) {
  const t = worldWords().manage;
  const d = worldsWords().deeds;
  return (
    <Panel title={t.favoriteTitle}>
      <p>{world.isFavorite ? t.favoriteOn : t.favoriteOff}</p>
      <Button icon="star" onClick={() => setFavorite([world], !world.isFavorite, changed)}>
        {world.isFavorite ? d.unfavorite : d.favorite}
      </Button>
    </Panel>
  );
}

function Vacation({ world, changed }: Props) {
  const t = worldWords().manage;
  const until = useSignal("");
  const isAway = world.pauseReason === "vacation" && !!world.vacationUntil;
  const path = { world: world.id };
  const begin = (event: Event) => {
    event.preventDefault();
    const instant = instantOf(until.value, zone.value);
    if (!instant) return;
    inOwnersPlace([world], t.vacationStart, async (query) => {
      await call("POST /api/worlds/{world}/vacation", {
        path,
        ...(query ? { query } : {}),
        body: { until: instant },
      });
      say(t.vacationSaid(dayAndClock(Date.parse(instant))));
      changed();
    });
  };
  const end = () =>
    inOwnersPlace([world], t.vacationEnd, async (query) => {
      await call("DELETE /api/worlds/{world}/vacation", { path, ...(query ? { query } : {}) });
      say(t.vacationOver);
      changed();
    });
  return (
    <Panel title={t.vacationTitle}>
      {isAway ? (
        <>
          <p>{t.vacationOn(dayAndClock(Date.parse(world.vacationUntil ?? "")))}</p>
          <Button onClick={end}>{t.vacationEnd}</Button>
        </>
      ) : (
        <form class="inline-form" onSubmit={begin}>
          <p>{t.vacationText}</p>
          <Field label={t.vacationUntil} hint={zone.value}>
            {(ids) => (
              <input
                {...ids}
                type="datetime-local"
                required
                min={localOf(now.peek(), zone.value)}
                value={until.value}
                onInput={(event) => void (until.value = event.currentTarget.value)}
              />
            )}
          </Field>
          <Button type="submit">{t.vacationStart}</Button>
        </form>
      )}
    </Panel>
  );
}

function Members({ world }: { world: World }) {
  const t = worldWords().manage;
  const who = useSignal("");
  const remote = useRemote(world.id, (signal) =>
    call("GET /api/worlds/{world}/members", { path: { world: world.id }, query: { limit: 200 }, signal }),
  );
  const put = (userId: string) =>
    call("PUT /api/worlds/{world}/members/{userId}", { path: { world: world.id, userId } });
  const drop = (userId: string) =>
    call("DELETE /api/worlds/{world}/members/{userId}", { path: { world: world.id, userId } });
  const reload = () => void remote.reload();
  const add = async (event: Event) => {
    event.preventDefault();
    const id = who.value.trim();
    if (!(await act(() => put(id), t.memberAdded(id)))) return;
    who.value = "";
    reload();
  };
  const remove = async (id: string) => {
    const back = () => put(id).then(reload);
    if (await act(() => drop(id), t.memberRemoved(id), back)) reload();
  };
  return (
    <Panel title={t.membersTitle}>
      <Shown of={remote}>
        {({ data }) =>
          data.length ? (
            <ul class="members">
              {data.map((member) => (
                <li key={member.userId}>
                  <span>{member.userId}</span> <Ago when={member.lastActiveAt} />
                  <Button
                    kind="quiet"
                    icon="x"
                    label={t.memberRemove(member.userId)}
                    onClick={() => void remove(member.userId)}
                  />
                </li>
              ))}
            </ul>
          ) : (
            <p class="quiet">{t.membersNone}</p>
          )
        }
      </Shown>
      <form class="member-form" onSubmit={add}>
        <input
          required
          maxLength={128}
          aria-label={t.memberId}
          placeholder={t.memberId}
          value={who.value}
          onInput={(event) => void (who.value = event.currentTarget.value)}
        />
        <Button type="submit" icon="plus">
          {t.memberAdd}
        </Button>
      </form>
    </Panel>
  );
}

function Export({ world }: { world: World }) {
  const t = worldWords().manage;
  const download = () =>
    inOwnersPlace([world], t.exportVerb, async (query) => {
      const response = await callRaw("GET /api/worlds/{world}/export", {
        path: { world: world.id },
        ...(query ? { query } : {}),
      });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = `${world.id}.json.zst`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  return (
    <Panel title={t.exportTitle}>
      <p>{t.exportText}</p>
      <Button icon="download" onClick={download}>
        {t.exportVerb}
      </Button>
    </Panel>
  );
}

function Erase({ world }: { world: World }) {
  const t = worldWords().manage;
  const isOpen = useSignal(false);
  const name = nameOf(world);
  const isOthers = !isMine(world) && may("admin");
  const erase = async () => {
    await call("DELETE /api/worlds/{world}", {
      path: { world: world.id },
      ...(isOthers ? { query: { override: "1" as const } } : {}),
    });
    say(t.erased(name));
    go("/worlds");
  };
  return (
    <Panel title={t.eraseTitle}>
      <p>{t.eraseFirst}</p>
      <Button kind="danger" icon="trash-2" onClick={() => void (isOpen.value = true)}>
        {t.eraseVerb}
      </Button>
      {isOpen.value && (
        <Confirm
          title={t.eraseTitle}
          text={
            <>
              <p>{t.eraseText(name)}</p>
              {isOthers && <p>{t.eraseAdmin(world.ownerId ?? worldsWords().deeds.nobody)}</p>}
            </>
          }
          verb={t.eraseVerb}
          typed={name}
          act={erase}
          onClose={() => void (isOpen.value = false)}
        />
      )}
    </Panel>
  );
}

export function Manage({ world, changed }: Props) {
  return (
    <div class="manage">
      <Keep world={world} changed={changed} />
      <Vacation world={world} changed={changed} />
      <Members world={world} />
      <Export world={world} />
      <Erase world={world} />
    </div>
  );
}

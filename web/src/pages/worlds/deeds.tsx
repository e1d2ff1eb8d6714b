// What is done to worlds from lists and pages: as oneself, or as an admin in the owner's place, which is asked first.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, call, type Answer } from "../../api/client";
import { may, session } from "../../api/state";
import { Confirm } from "../../ui/dialog";
import { say, sayError } from "../../ui/toast";
import { worldsWords } from "../../words/worlds";

export type WorldRow = Answer<"GET /api/worlds">["data"][number];
type Query = { override: "1" } | undefined;
/** Whose world it is and what it is called: all that asking needs. */
export type Whose = Pick<WorldRow, "id" | "name" | "ownerId">;

export const isMine = (world: Whose) => !!world.ownerId && world.ownerId === session.value?.userId;
/** Whether its owner's deeds may be done: one's own, or as an admin in the owner's place. */
export const mayOwn = (world: Whose) => isMine(world) || may("admin");
/** Without the characters that turn the direction of what follows. */
export const nameOf = (world: Whose) =>
  (world.name || world.id).replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");

interface Asked {
  worlds: readonly Whose[];
  verb: string;
  act: (query: Query) => Promise<void>;
}
const asked = signal<Asked | null>(null);

/** Does it; for an admin and other people's worlds after a dialog that says whose they are. */
export function inOwnersPlace(
  worlds: readonly Whose[],
  verb: string,
  act: (query: Query) => Promise<void>,
): void {
  const others = worlds.filter((w) => !isMine(w));
  if (others.length && may("admin")) asked.value = { worlds: others, verb, act };
  else void act(undefined).catch(sayError);
}

/** The dialog; once on each page that uses inOwnersPlace. */
export function OwnersPlace() {
  useEffect(() => () => void (asked.value = null), []); // a page that is left takes its question along
  const a = asked.value;
  if (!a) return null;
  const t = worldsWords().deeds;
  const [only] = a.worlds;
  const text =
    a.worlds.length === 1 && only
      ? t.overrideOne(nameOf(only), only.ownerId ?? t.nobody)
      : t.overrideMany(a.worlds.length);
  return (
    <Confirm
      title={`${a.verb}: ${t.overrideTitle.toLowerCase()}`}
      text={
        <>
          <p>{text}</p>
          <p class="quiet">{t.overrideNote}</p>
        </>
      }
      verb={t.overrideVerb}
      act={() => a.act({ override: "1" })}
      onClose={() => void (asked.value = null)}
    />
  );
}

/** Each in turn; one that fails does not stop the others. Throws when none worked. */
async function each(worlds: readonly Whose[], deed: (w: Whose) => Promise<unknown>): Promise<string> {
  const t = worldsWords().deeds;
  let failure: ApiError | undefined;
  let done = 0;
  for (const world of worlds)
    try {
      await deed(world);
      done++;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failure ??= error;
    }
  if (failure && !done) throw failure;
  if (failure) return t.some(done, worlds.length, failure.message);
  const [only] = worlds;
  return worlds.length === 1 && only ? `«${nameOf(only)}»` : t.several(worlds.length);
}

const pathOf = (world: Whose) => ({ path: { world: world.id } });

export function resume(worlds: readonly Whose[], done: () => void): void {
  const t = worldsWords().deeds;
  inOwnersPlace(worlds, t.resume, async (query) => {
    const query_ = query ? { query } : {};
    const what = await each(worlds, (w) =>
      call("POST /api/worlds/{world}/resume", { ...pathOf(w), ...query_ }),
    );
    say(t.resumed(what));
    done();
  });
}

export function pause(world: Whose, done: () => void): void {
  const t = worldsWords().deeds;
  inOwnersPlace([world], t.pause, async (query) => {
    const query_ = query ? { query } : {};
    await call("POST /api/worlds/{world}/pause", { ...pathOf(world), ...query_, body: {} });
    say(t.paused(`«${nameOf(world)}»`));
    done();
  });
}

/** The mark is taken back by the same people who set it, so it can be undone at once. */
export function setFavorite(
  all: readonly (Whose & { isFavorite: boolean | null })[],
  isFavorite: boolean,
  done: () => void,
): void {
  const t = worldsWords().deeds;
  const worlds = all.filter((w) => !!w.isFavorite !== isFavorite); // undoing must not touch what was so before
  if (!worlds.length) return done();
  inOwnersPlace(worlds, isFavorite ? t.keep : t.unfavorite, async (query) => {
    const query_ = query ? { query } : {};
    const set = (to: boolean) =>
      each(worlds, (w) =>
        to
          ? call("PUT /api/worlds/{world}/favorite", { ...pathOf(w), ...query_, body: {} })
          : call("DELETE /api/worlds/{world}/favorite", { ...pathOf(w), ...query_ }),
      );
    const what = await set(isFavorite);
    say(isFavorite ? t.kept(what) : t.unkept(what), () => set(!isFavorite).finally(done));
    done();
  });
}

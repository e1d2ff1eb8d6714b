// Where too many fall together, and what would spread them: shown before it is done, and undone in one step.
import { useSignal } from "@preact/signals";
import { type Body, call } from "../../api/client";
import { may, times } from "../../api/state";
import { duration } from "../../base/format";
import { href } from "../../base/url";
import { now } from "../../base/clock";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Icon } from "../../ui/icon";
import { act } from "../../ui/toast";
import { language, words } from "../../words";
import { roundWords } from "../../words/round";
import type { Clash, Round } from "./data";

/** "13:00", with the day when it is another one. */
function whenOf(clash: Clash): string {
  const t = times.value;
  const ms = Date.parse(clash.peakAt);
  return t.day(ms) === t.day(now.value) ? t.clock(ms) : `${t.weekday(ms)} ${t.clock(ms)}`;
}

type Move = Clash["moves"][number];
/** PATCH takes some fields; the document's type is that of a whole job. */
const splayed = (splay: number | null) => ({ splay }) as Body<"PATCH /api/cron/jobs/{job}">;
const isMoved = (m: Move) => m.newSplay !== m.splay;

/** Ordinary edits, each with the version it was shown for. When one is refused, those before it are taken back. */
async function spread(moves: readonly Move[]): Promise<void> {
  const done: Move[] = [];
  try {
    for (const m of moves) {
      await call("PATCH /api/cron/jobs/{job}", {
        path: { job: m.jobId },
        body: splayed(m.newSplay),
        headers: { "If-Match": m.etag },
      });
      done.push(m);
    }
  } catch (error) {
    await takeBack(done);
    throw error;
  }
}

async function takeBack(moves: readonly Move[]): Promise<void> {
  for (const m of moves)
    await call("PATCH /api/cron/jobs/{job}", { path: { job: m.jobId }, body: splayed(m.splay) });
}

function SpreadDialog({ clash, onClose }: { clash: Clash; onClose: () => void }) {
  const t = roundWords().clash;
  const isBusy = useSignal(false);
  const moves = clash.moves.filter(isMoved);
  const within = (splay: number | null) =>
    splay ? t.within(duration(language.value, splay * 1000)) : t.exact;
  const apply = async () => {
    isBusy.value = true;
    const isDone = await act(
      () => spread(moves),
      t.done(moves.length),
      () => takeBack(moves),
    );
    isBusy.value = false;
    if (isDone) onClose();
  };
  return (
    <Dialog title={t.title2(whenOf(clash))} onClose={onClose} class="spread">
      <p class="dialog-text">{moves.length ? t.intro(clash.peak, clash.after) : t.noHelp}</p>
      <div class="scroll" tabIndex={0} role="region" aria-label={t.title}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t.job}</th>
              <th scope="col">{t.usual}</th>
              <th scope="col">{t.now}</th>
              <th scope="col">{t.then}</th>
            </tr>
          </thead>
          <tbody>
            {clash.moves.map((m) => (
              <tr key={m.jobId}>
                <th scope="row">
                  <a href={href(`/jobs/${m.jobId}`)}>{m.jobName}</a>
                </th>
                <td class="num">{duration(language.value, m.usualMs)}</td>
                <td>{within(m.splay)}</td>
                <td>
                  {isMoved(m) ? <strong>{within(m.newSplay)}</strong> : <span class="quiet">{t.stays}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <footer>
        <Button onClick={onClose}>{words().actions.cancel}</Button>
        {moves.length > 0 && (
          <Button kind="main" isBusy={isBusy.value} onClick={() => void apply()}>
            {t.apply(moves.length)}
          </Button>
        )}
      </footer>
    </Dialog>
  );
}

export function ClashList({ round }: { round: Round }) {
  const t = roundWords().clash;
  const open = useSignal<Clash | null>(null);
  if (round.clashes.length === 0) return null;
  return (
    <>
      <ul class="clashes" aria-label={t.title}>
        {round.clashes.slice(0, 3).map((clash) => (
          <li key={clash.from}>
            <Icon name="triangle-alert" size={14} />
            <strong class="num">{whenOf(clash)}</strong>
            <span>
              {t.text(clash.peak, clash.max)} · {t.jobs(clash.jobs)}
            </span>
            {may("editor") && clash.moves.length > 0 && (
              <Button onClick={() => void (open.value = clash)}>{t.spread}</Button>
            )}
          </li>
        ))}
        {round.clashTotal > 3 && <li class="quiet small">{t.more(round.clashTotal - 3)}</li>}
      </ul>
      {open.value && <SpreadDialog clash={open.value} onClose={() => void (open.value = null)} />}
    </>
  );
}

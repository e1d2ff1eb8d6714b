// One run of the job as it stands here, saved or not: nothing is saved, nothing is scheduled, and the run is on record.
import { useRef, useState } from "preact/hooks";
import { type Body, call } from "../../api/client";
import { useLive } from "../../api/live";
import { serverNow } from "../../base/clock";
import { duration } from "../../base/format";
import { href } from "../../base/url";
import { Button } from "../../ui/button";
import { StateMark, stateOfRun } from "../../ui/state-mark";
import { sayError } from "../../ui/toast";
import { language } from "../../words";
import { editorWords } from "../../words/editor";
import { inputOf, patchOf } from "./draft";
import type { Editor } from "./editor-state";

interface Tried {
  id: string;
  status: string;
  tookMs: number | null;
}
type RunEvent = { type: string; id?: string; status?: string; duration?: number | null };

const HEARD_MAX = 1000;

/** Whether it can be tried: a new job needs an executor, and nothing may be wrong. A name is not needed yet. */
function canTry(ed: Editor): boolean {
  const wrong = [...ed.refused.value.keys(), ...ed.broken.value.keys()].filter((name) => name !== "name");
  return ed.draft.value["command"] !== "" && wrong.length === 0 && ed.explainError.value === null;
}

type JobBody = Body<"POST /api/cron/jobs/test">;

/** What stands here now, saved or not. Masked secrets of a saved job keep their values. */
function start(ed: Editor) {
  const draft = ed.draft.peek();
  if (ed.id)
    return call("POST /api/cron/jobs/{job}/test", {
      path: { job: ed.id },
      body: patchOf(ed.base.peek(), draft) as unknown as JobBody,
    });
  const named = draft["name"] ? draft : { ...draft, name: editorWords().newTitle };
  return call("POST /api/cron/jobs/test", { body: inputOf(named) as unknown as JobBody });
}

export function TryOnce({ ed }: { ed: Editor }) {
  const t = editorWords().tryOnce;
  const [tried, setTried] = useState<Tried | null>(null);
  const [isBusy, setBusy] = useState(false);
  const heard = useRef(new Map<string, RunEvent>()); // its end may be told before we know its id
  useLive("runs", (events) => {
    if (heard.current.size > HEARD_MAX) heard.current.clear();
    for (const e of events as RunEvent[]) if (e.type === "run" && e.id) heard.current.set(e.id, e);
    const mine = (events as RunEvent[]).filter((e) => e.type === "run" && e.id === tried?.id).at(-1);
    if (tried && mine?.status)
      setTried({ ...tried, status: mine.status, tookMs: mine.duration ?? tried.tookMs });
  });
  if (!canTry(ed)) return null;
  const run = async () => {
    setBusy(true);
    const startedAt = serverNow();
    try {
      const { executionId: id } = await start(ed);
      const now = await call("GET /api/cron/executions/{id}", { path: { id } }); // its events may have come before
      const ended = now.status === "running" || now.status === "queued" ? null : serverNow() - startedAt;
      const last = ended === null ? heard.current.get(id) : undefined;
      setTried({
        id,
        status: String(last?.status ?? now.status),
        tookMs: last?.duration ?? now.duration ?? ended,
      });
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  const stop = () =>
    void call("POST /api/cron/executions/{id}/cancel", { path: { id: tried?.id ?? "" } }).catch(sayError);
  const isGoing = tried?.status === "running" || tried?.status === "queued";
  return (
    <div class="try-once">
      <Button icon="play" isBusy={isBusy} onClick={() => void run()}>
        {t.verb}
      </Button>
      {tried ? (
        <span role="status">
          <StateMark
            state={stateOfRun(tried.status)}
            {...(tried.tookMs === null ? {} : { note: duration(language.value, tried.tookMs) })}
          />{" "}
          <a href={href(`/runs/${tried.id}`)} target="_blank" rel="noopener">
            {t.look}
          </a>{" "}
          {isGoing && (
            <Button kind="quiet" icon="square" onClick={stop}>
              {t.stop}
            </Button>
          )}
        </span>
      ) : (
        <span class="hint">{t.hint}</span>
      )}
    </div>
  );
}

// One run of the saved job with the parameters as they are typed: nothing is saved, nothing is scheduled.
import { useState } from "preact/hooks";
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
import type { Editor } from "./editor-state";
import { SECRET } from "./params";

interface Tried {
  id: string;
  status: string;
  tookMs: number | null;
}
type RunEvent = { type: string; id?: string; status?: string; duration?: number | null };

/** Whether it can be tried: the executor is the saved one, and no hidden secret would have to be sent. */
function canTry(ed: Editor): boolean {
  const { command, params } = ed.draft.value;
  if (!ed.id || command !== ed.base.value["command"]) return false;
  if (JSON.stringify(params ?? null).includes(`"${SECRET}"`)) return false;
  const wrong = [...ed.refused.value.keys(), ...ed.broken.value.keys()];
  return !wrong.some((name) => name === "command" || name.startsWith("params"));
}

export function TryOnce({ ed }: { ed: Editor }) {
  const t = editorWords().tryOnce;
  const [tried, setTried] = useState<Tried | null>(null);
  const [isBusy, setBusy] = useState(false);
  useLive("runs", (events) => {
    const mine = (events as RunEvent[]).filter((e) => e.type === "run" && e.id === tried?.id).at(-1);
    if (tried && mine?.status)
      setTried({ ...tried, status: mine.status, tookMs: mine.duration ?? tried.tookMs });
  });
  if (!canTry(ed)) return null;
  const run = async () => {
    setBusy(true);
    const startedAt = serverNow();
    try {
      const body = { params: ed.draft.peek()["params"] ?? {} } as Body<"POST /api/cron/jobs/{job}/run">;
      const started = await call("POST /api/cron/jobs/{job}/run", { path: { job: String(ed.id) }, body });
      const id = started.executionId;
      const now = await call("GET /api/cron/executions/{id}", { path: { id } }); // its events may have come before
      const ended = now.status === "running" || now.status === "queued" ? null : serverNow() - startedAt;
      setTried({ id, status: String(now.status), tookMs: now.duration ?? ended });
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
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
          </a>
        </span>
      ) : (
        <span class="hint">{t.hint}</span>
      )}
    </div>
  );
}

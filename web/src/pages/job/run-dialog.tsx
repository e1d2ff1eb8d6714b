// Running a job once with other parameters: the form is the executor's own table of them.
import { useState } from "preact/hooks";
import { ApiError, call } from "../../api/client";
import { useRemote } from "../../api/remote";
import { go } from "../../base/url";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { Shown } from "../../ui/remote-view";
import { say } from "../../ui/toast";
import { language, words } from "../../words";
import { jobWords } from "../../words/job";
import { jobsWords } from "../../words/jobs";
import { numberOf } from "../editor/draft";
import type { Job } from "../job";

interface Param {
  name: string;
  type: string;
  required: boolean;
  default?: unknown;
  help: string;
}
interface Executor {
  name: string;
  params: Param[];
}

/** A value as text for its input, and back. Lists and objects are JSON. Pure. */
export const textOf = (value: unknown): string =>
  value === undefined || value === null
    ? ""
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);

export function valueOf(type: string, text: string): unknown {
  if (text === "") return undefined;
  if (type === "text") return text;
  if (type === "boolean") return text === "true";
  if (type === "integer" || type === "number") return numberOf(text); // what is none the server refuses by name
  return JSON.parse(text) as unknown;
}

export function RunDialog({ job, onClose }: { job: Job; onClose: () => void }) {
  const t = jobWords();
  const executors = useRemote(`executors ${language.value}`, (signal) =>
    call("GET /api/cron/executors", { signal }),
  );
  return (
    <Dialog title={t.runTitle(job.name)} onClose={onClose}>
      <Shown of={executors}>
        {(all) => {
          const found = (all.data as unknown as Executor[]).find((e) => e.name === job.command);
          return <Form job={job} params={found?.params ?? []} onClose={onClose} />;
        }}
      </Shown>
    </Dialog>
  );
}

function Form({ job, params, onClose }: { job: Job; params: readonly Param[]; onClose: () => void }) {
  const t = jobWords();
  const given = (job.params ?? {}) as Record<string, unknown>;
  const [texts, setTexts] = useState<Record<string, string>>(
    Object.fromEntries(params.map((p) => [p.name, textOf(given[p.name] ?? p.default)])),
  );
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [wrong, setWrong] = useState("");
  const [isBusy, setBusy] = useState(false);
  const run = async (event: Event) => {
    event.preventDefault();
    const values: Record<string, unknown> = { ...given };
    for (const p of params) {
      try {
        values[p.name] = valueOf(p.type, texts[p.name] ?? "");
      } catch {
        setWrong(p.name);
        return;
      }
    }
    setBusy(true);
    try {
      const started = await call("POST /api/cron/jobs/{job}/run", {
        path: { job: String(job.id) },
        body: { params: values },
      });
      onClose();
      say(jobsWords().said.run(job.name));
      go(`/runs/${started.executionId}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error);
      setBusy(false);
    }
  };
  const set = (name: string, value: string) => setTexts({ ...texts, [name]: value });
  return (
    <form onSubmit={run}>
      <p class="hint">{params.length ? t.runHint : t.runNone}</p>
      {params.map((p) => {
        const isNamed = problem?.field === `params.${p.name}`;
        const error = isNamed ? problem.message : wrong === p.name ? "JSON" : null;
        return (
          <Field key={p.name} label={p.name} hint={p.help} error={error}>
            {(ids) =>
              p.type === "boolean" ? (
                <input
                  {...ids}
                  type="checkbox"
                  checked={texts[p.name] === "true"}
                  onChange={(e) => set(p.name, String(e.currentTarget.checked))}
                />
              ) : p.type === "integer" || p.type === "number" ? (
                <input
                  {...ids}
                  inputMode="decimal"
                  value={texts[p.name]}
                  onInput={(e) => set(p.name, e.currentTarget.value)}
                />
              ) : (
                <textarea
                  {...ids}
                  rows={p.type === "text" && (texts[p.name] ?? "").length < 60 ? 1 : 3}
                  class="mono"
                  spellcheck={false}
                  value={texts[p.name]}
                  onInput={(e) => set(p.name, e.currentTarget.value)}
                />
              )
            }
          </Field>
        );
      })}
      {problem && !problem.field?.startsWith("params.") && (
        <p class="error" role="alert">
          {problem.message}
        </p>
      )}
      <footer>
        <Button onClick={onClose}>{words().actions.cancel}</Button>
        <Button kind="main" type="submit" icon="play" isBusy={isBusy}>
          {words().actions.run}
        </Button>
      </footer>
    </form>
  );
}

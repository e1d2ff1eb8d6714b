// Making and editing a job: what, when, if it fails, limits; with what saving would do always in sight.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, call, callTagged } from "../api/client";
import { useLive } from "../api/live";
import { type Remote, useRemote } from "../api/remote";
import { useKeys } from "../base/keys";
import { go, guardLeaving, href, query, setQuery } from "../base/url";
import type { PageProps } from "../routes";
import { Button } from "../ui/button";
import { Page, Panel } from "../ui/page";
import { Shown } from "../ui/remote-view";
import { Tabs } from "../ui/tabs";
import { say, sayError } from "../ui/toast";
import { language, words } from "../words";
import { editorWords } from "../words/editor";
import { Changes } from "./editor/changes";
import { ConflictDialog, LeaveDialog } from "./editor/dialogs";
import { differences, draftOf, newDraft } from "./editor/draft";
import {
  type Editor,
  errorOf,
  makeEditor,
  meetOther,
  proposeId,
  save,
  shownErrors,
  watchDraft,
} from "./editor/editor-state";
import { Failing } from "./editor/failing";
import { JsonView } from "./editor/json-view";
import { Limits } from "./editor/limits";
import type { Executor } from "./editor/params";
import { labelOf, problemText } from "./editor/say";
import { What } from "./editor/what";
import { carryOn, keepUnsaved, takeUnsaved } from "./editor/unsaved";
import { When } from "./editor/when";
import "../style/pages/editor.css";

const sections = ["what", "when", "failing", "limits"] as const;

/** The field that the server refused, brought before one's eyes. */
function focusField(name: string): void {
  const box = [...document.querySelectorAll<HTMLElement>("[data-field]")].find(
    (b) => b.dataset["field"] === name,
  );
  const folded = box?.closest("details");
  if (folded) folded.open = true;
  const wrong = box?.querySelector<HTMLElement>("[aria-invalid=true]");
  (wrong ?? box?.querySelector<HTMLElement>("input, select, textarea"))?.focus();
  box?.scrollIntoView({ block: "center" });
}

/** Asks before unsaved changes are lost. Gives where one wanted to go, and how to go there after all. */
function useGuard(ed: Editor) {
  const [wanted, setWanted] = useState<string | null>(null);
  const isOff = useRef(false);
  useEffect(
    () =>
      guardLeaving((to) => {
        if (isOff.current || !ed.isDirty.peek()) return true;
        if (to !== null) setWanted(to);
        return false;
      }),
    [ed],
  );
  const leave = (to: string) => {
    isOff.current = true;
    go(to);
  };
  return { wanted, stay: () => setWanted(null), leave };
}

/** What keeps it from being saved: the first field that is wrong. */
function wrongField(ed: Editor): string | null {
  const broken = ed.broken.value.keys().next().value;
  if (broken) return broken;
  if (ed.explainError.value) return errorOf(ed, "timezone") ? "timezone" : "schedule";
  return shownErrors(ed)[0] ?? null;
}

function SaveBar({ ed, onSave }: { ed: Editor; onSave: () => void }) {
  const t = editorWords();
  const count = differences(ed.base.value, ed.draft.value).length;
  const wrong = wrongField(ed);
  const rest = ed.refused.value.get("");
  const revert = () => {
    const mine = ed.draft.peek();
    ed.draft.value = ed.base.peek();
    say(t.reverted, async () => void (ed.draft.value = mine));
  };
  return (
    <div class="save-bar">
      <div class="save-note" role="status">
        {wrong ? (
          <>
            <span class="error">{t.changes.problem}</span>{" "}
            <Button kind="quiet" onClick={() => focusField(wrong)}>
              {t.changes.goTo(labelOf(t, wrong))}
            </Button>
          </>
        ) : rest ? (
          <span class="error">
            {problemText(t, {
              text: rest.message,
              hint: rest.hint,
              column: null,
              part: null,
            })}
          </span>
        ) : (
          count > 0 && ed.id && <span>{t.changes.fieldsChanged(count)}</span>
        )}
      </div>
      {ed.id && count > 0 && (
        <Button onClick={revert} icon="rotate-ccw">
          {t.revert}
        </Button>
      )}
      <Button
        kind="main"
        isBusy={ed.isBusy.value}
        disabled={ed.id !== null && count === 0}
        onClick={onSave}
        keys="Control+S"
      >
        {ed.id ? words().actions.save : t.create}
      </Button>
    </div>
  );
}

function useSave(ed: Editor, leave: (to: string) => void): () => void {
  const run = async () => {
    if (ed.isBusy.peek() || (ed.id && !ed.isDirty.peek())) return;
    const t = editorWords();
    try {
      const saved = await save(ed);
      if (!saved) {
        const wrong = wrongField(ed);
        if (wrong) focusField(wrong);
        return;
      }
      say(ed.id ? t.saved : t.created);
      if (!saved.isMore) return leave(`/jobs/${saved.id}`);
      if (ed.id) return;
      carryOn(makeEditor(saved.id, ed.base.peek(), saved.etag, ed.draft.peek()));
      leave(`/jobs/${saved.id}/edit`);
    } catch (error) {
      sayError(error);
    }
  };
  useEffect(
    () =>
      useKeys([
        {
          keys: "mod+s",
          text: () => words().actions.save,
          run: () => void run(),
        },
        {
          keys: "mod+enter",
          text: () => words().actions.save,
          run: () => void run(),
        },
      ]),
    [ed],
  );
  return () => void run();
}

/** A save from elsewhere is told at once, not only when one's own is refused. */
function useOthers(ed: Editor): { isElsewhere: boolean; look: () => void } {
  const [isElsewhere, setElsewhere] = useState(false);
  useLive("jobs", (events) => {
    const mine = (events as { id?: string; what?: string }[]).some(
      (e) => e.id === ed.id && e.what === "saved",
    );
    if (mine && ed.id && !ed.isBusy.peek())
      void callTagged("GET /api/cron/jobs/{job}", {
        path: { job: ed.id },
      }).then(
        ({ etag }) => setElsewhere(etag !== ed.etag.peek()),
        () => undefined,
      );
  });
  const look = () => {
    if (ed.id)
      void meetOther(ed, ed.id)
        .then(() => setElsewhere(false))
        .catch(sayError);
  };
  return { isElsewhere: isElsewhere && ed.conflict.value === null, look };
}

function Form({ ed, executors }: { ed: Editor; executors: readonly Executor[] }) {
  const t = editorWords();
  const bodies = {
    what: <What ed={ed} executors={executors} />,
    when: <When ed={ed} />,
    failing: <Failing ed={ed} />,
    limits: <Limits ed={ed} />,
  };
  return (
    <>
      {sections.map((key, i) => (
        <Panel
          key={key}
          class="section"
          title={
            <>
              <span class="step" aria-hidden="true">
                {i + 1}
              </span>
              {t.sections[key]}
            </>
          }
        >
          {bodies[key]}
        </Panel>
      ))}
    </>
  );
}

function ViewPicker() {
  const t = editorWords().view;
  const isJson = query.value.get("view") === "json";
  return (
    <div class="view-picker" role="group" aria-label={t.label}>
      <Button pressed={!isJson} onClick={() => setQuery({ view: null })}>
        {t.form}
      </Button>
      <Button pressed={isJson} onClick={() => setQuery({ view: "json" })}>
        {t.json}
      </Button>
    </div>
  );
}

const readExecutors = async (signal: AbortSignal) =>
  (await call("GET /api/cron/executors", { signal })).data as unknown as Executor[];

/** Their texts come in the page's language: asked for anew when that changes. */
function useExecutors(loaded: readonly Executor[]): readonly Executor[] {
  const [known, setKnown] = useState(loaded);
  const spoken = useRef(language.peek());
  useEffect(() => {
    if (spoken.current === language.value) return;
    spoken.current = language.value;
    const abort = new AbortController();
    readExecutors(abort.signal).then(setKnown, () => undefined); // those known will do
    return () => abort.abort();
  }, [language.value]);
  return known;
}

function Editing({ ed, executors: loaded }: { ed: Editor; executors: readonly Executor[] }) {
  const t = editorWords();
  const executors = useExecutors(loaded);
  useEffect(() => watchDraft(ed), [ed]);
  useEffect(() => keepUnsaved(ed), [ed]);
  const guard = useGuard(ed);
  const onSave = useSave(ed, guard.leave);
  const others = useOthers(ed);
  const isJson = query.value.get("view") === "json";
  return (
    <form
      class="editor"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSave();
      }}
    >
      {others.isElsewhere && (
        <p class="stale" role="status">
          {t.conflict.elsewhere} <Button onClick={others.look}>{t.conflict.look}</Button>
        </p>
      )}
      <div class="editor-main">
        {isJson ? (
          <Panel class="section">
            <JsonView ed={ed} />
          </Panel>
        ) : (
          <Form ed={ed} executors={executors} />
        )}
      </div>
      <aside class="editor-aside">
        <Changes ed={ed} />
      </aside>
      <SaveBar ed={ed} onSave={onSave} />
      {guard.wanted !== null && (
        <LeaveDialog stay={guard.stay} leave={() => guard.wanted !== null && guard.leave(guard.wanted)} />
      )}
      {ed.conflict.value && <ConflictDialog ed={ed} conflict={ed.conflict.value} />}
    </form>
  );
}

interface Loaded {
  executors: readonly Executor[];
  ed: Editor;
}

async function loadUsual(ed: Editor): Promise<void> {
  if (!ed.id) return;
  try {
    ed.usualMs.value = (await call("GET /api/cron/jobs/{job}/metrics", { path: { job: ed.id } })).p95Ms;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // without it, only the warning of overlaps is missing
  }
}

async function load(id: string | null, signal: AbortSignal): Promise<Loaded> {
  const executors = await readExecutors(signal);
  const unsaved = takeUnsaved(id);
  if (unsaved) return { executors, ed: unsaved };
  if (!id) {
    const schedule = query.peek().get("schedule");
    const base = newDraft();
    const ed = makeEditor(null, base, null, schedule ? newDraft({ schedule }) : base);
    ed.idToBe.value = await proposeId(signal);
    return { executors, ed };
  }
  const { answer, etag } = await callTagged("GET /api/cron/jobs/{job}", {
    path: { job: id },
    signal,
  });
  const ed = makeEditor(String(answer.id), draftOf(answer), etag);
  void loadUsual(ed);
  return { executors, ed };
}

/** Loaded once: what is being typed outlives lost connections. */
function useOnce(id: string | null): Remote<Loaded> {
  const kept = useMemo<{ loaded?: Loaded }>(() => ({}), [id]);
  return useRemote(`editor ${id ?? ""}`, async (signal) => (kept.loaded ??= await load(id, signal)));
}

export function EditorPage({ args }: PageProps) {
  const t = editorWords();
  const id = args["id"] ?? null;
  const remote = useOnce(id);
  const loaded = remote.data.value;
  const name = id && loaded ? String(loaded.ed.base.value["name"]) : id ? t.title : t.newTitle;
  const at = `/jobs/${id ?? ""}`;
  return (
    <Page title={name} crumbs={<a href={href("/jobs")}>{t.crumb}</a>} actions={<ViewPicker />}>
      {id && (
        <Tabs
          label={t.tabs.label}
          current="edit"
          tabs={[
            { key: "overview", text: t.tabs.overview, to: at },
            { key: "runs", text: t.tabs.runs, to: `${at}/runs` },
            { key: "edit", text: t.tabs.edit, to: `${at}/edit` },
            { key: "history", text: t.tabs.history, to: `${at}/history` },
          ]}
        />
      )}
      <Shown of={remote}>
        {({ ed, executors }) => <Editing key={ed.id ?? "new"} ed={ed} executors={executors} />}
      </Shown>
    </Page>
  );
}

// The filters people use again and again, with how many jobs each has.
import { useState } from "preact/hooks";
import { number } from "../../base/format";
import { setQuery } from "../../base/url";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { language, words } from "../../words";
import { jobsWords } from "../../words/jobs";
import { forgetView, ownViews, saveView } from "./views";

const count = (states: Record<string, number>, names: readonly string[]) =>
  names.reduce((sum, name) => sum + (states[name] ?? 0), 0);

export function Views(props: { q: string; states: Record<string, number>; total: number | null }) {
  const [isNaming, setNaming] = useState(false);
  const t = jobsWords().views;
  const builtIn = [
    { name: t.all, q: "", n: props.total },
    {
      name: t.failing,
      q: "status:failed,timeout,lost",
      n: count(props.states, ["failed", "timeout", "lost"]),
    },
    {
      name: t.running,
      q: "status:running,queued,retrying",
      n: count(props.states, ["running", "queued", "retrying"]),
    },
    {
      name: t.paused,
      q: "status:paused,off",
      n: count(props.states, ["paused", "off"]),
    },
    { name: t.never, q: "status:never", n: count(props.states, ["never"]) },
  ];
  const own = ownViews.value;
  const isKnown = [...builtIn, ...own].some((view) => view.q === props.q);
  return (
    <div class="views" role="group" aria-label={t.label}>
      {builtIn.map((view) => (
        <button
          key={view.q}
          type="button"
          aria-pressed={view.q === props.q}
          onClick={() => setQuery({ q: view.q }, { push: true })}
        >
          {view.name}
          {view.n !== null && <span class="count">{number(language.value, view.n)}</span>}
        </button>
      ))}
      {own.map((view) => (
        <span key={view.name} class="own">
          <button
            type="button"
            aria-pressed={view.q === props.q}
            title={view.q}
            onClick={() => setQuery({ q: view.q }, { push: true })}
          >
            {view.name}
          </button>
          <Button kind="quiet" icon="x" label={t.forget(view.name)} onClick={() => forgetView(view.name)} />
        </span>
      ))}
      {!isKnown && (
        <Button kind="quiet" icon="plus" onClick={() => setNaming(true)}>
          {t.save}
        </Button>
      )}
      {isNaming && <NameView q={props.q} onClose={() => setNaming(false)} />}
    </div>
  );
}

function NameView({ q, onClose }: { q: string; onClose: () => void }) {
  const [name, setName] = useState("");
  const t = jobsWords().views;
  const save = (event: Event) => {
    event.preventDefault();
    if (!name.trim()) return;
    saveView({ name: name.trim(), q });
    onClose();
  };
  return (
    <Dialog title={t.saveTitle} onClose={onClose}>
      <form onSubmit={save}>
        <Field label={t.name} hint={<code>{q}</code>}>
          {(ids) => (
            <input {...ids} value={name} maxLength={40} onInput={(e) => setName(e.currentTarget.value)} />
          )}
        </Field>
        <footer>
          <Button onClick={onClose}>{words().actions.cancel}</Button>
          <Button kind="main" type="submit" disabled={!name.trim()}>
            {words().actions.save}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

// What interrupts an edit: leaving with changes, and somebody else's save.
import { useState } from "preact/hooks";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { editorWords } from "../../words/editor";
import type { Draft } from "./draft";
import { type Conflict, type Editor, settle } from "./editor-state";
import { labelOf, valueText } from "./say";

export function LeaveDialog({ stay, leave }: { stay: () => void; leave: () => void }) {
  const t = editorWords().leave;
  return (
    <Dialog title={t.title} onClose={stay}>
      <div class="dialog-text">
        <p>{t.text}</p>
        <footer>
          <Button kind="danger" onClick={leave}>
            {t.go}
          </Button>
          <Button kind="main" onClick={stay}>
            {t.stay}
          </Button>
        </footer>
      </div>
    </Dialog>
  );
}

function Taken({ base, conflict }: { base: Draft; conflict: Conflict }) {
  const t = editorWords();
  if (!conflict.taken.length) return null;
  return (
    <section>
      <h3>{t.conflict.taken}</h3>
      <dl class="diff">
        {conflict.taken.map((name) => (
          <div key={name}>
            <dt>{labelOf(t, name)}</dt>
            <dd>
              <del>{valueText(t, name, base[name] ?? null)}</del> <span aria-hidden="true">→</span>{" "}
              <ins>{valueText(t, name, conflict.theirs[name] ?? null)}</ins>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function ConflictDialog({ ed, conflict }: { ed: Editor; conflict: Conflict }) {
  const t = editorWords();
  const [theirs, setTheirs] = useState<ReadonlySet<string>>(new Set());
  const choose = (name: string, isTheirs: boolean) => {
    const next = new Set(theirs);
    if (isTheirs) next.add(name);
    else next.delete(name);
    setTheirs(next);
  };
  return (
    <Dialog title={t.conflict.title} onClose={() => void (ed.conflict.value = null)} class="conflict">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          settle(ed, conflict, theirs);
        }}
      >
        <p>{t.conflict.text}</p>
        <Taken base={ed.base.value} conflict={conflict} />
        {conflict.conflicts.length > 0 && <h3>{t.conflict.both}</h3>}
        {conflict.conflicts.map((name) => (
          <fieldset key={name} class="sides">
            <legend>{labelOf(t, name)}</legend>
            {[false, true].map((isTheirs) => (
              <label key={String(isTheirs)}>
                <input
                  type="radio"
                  name={`side-${name}`}
                  checked={theirs.has(name) === isTheirs}
                  onChange={() => choose(name, isTheirs)}
                />
                <span>
                  <span class="quiet small">{isTheirs ? t.conflict.theirs : t.conflict.mine}</span>{" "}
                  {valueText(t, name, (isTheirs ? conflict.theirs : ed.draft.value)[name] ?? null)}
                </span>
              </label>
            ))}
          </fieldset>
        ))}
        <footer>
          <Button kind="main" type="submit">
            {t.conflict.join}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

// The whole job as JSON: the other side of the form. Both edit one draft.
import { useEffect, useRef, useState } from "preact/hooks";
import { Field } from "../../ui/field";
import { editorWords } from "../../words/editor";
import { type Draft, newDraft, same, textOf } from "./draft";
import { type Editor, setBroken } from "./editor-state";
import { readJson } from "./json-place";
import { labelOf, problemText } from "./say";

export const JSON_PATH = "(json)";

export function JsonView({ ed }: { ed: Editor }) {
  const t = editorWords();
  const draft = ed.draft.value;
  const [text, setText] = useState(() => textOf(draft));
  const mine = useRef<Draft>(draft);
  useEffect(() => {
    if (same(mine.current as never, draft as never)) return;
    mine.current = draft;
    setText(textOf(draft));
    setBroken(ed, JSON_PATH, null);
  }, [draft]);
  useEffect(() => () => setBroken(ed, JSON_PATH, null), []);
  const onInput = (next: string) => {
    setText(next);
    const got = readJson(next);
    if (!("value" in got)) return setBroken(ed, JSON_PATH, t.json.wrong(got.line, got.column, got.found));
    const value = got.value;
    const fits = typeof value === "object" && value !== null && !Array.isArray(value);
    setBroken(ed, JSON_PATH, fits ? null : t.json.notObject);
    if (!fits) return;
    mine.current = newDraft(value);
    ed.draft.value = mine.current;
  };
  const refusals = [...ed.refused.value].filter(([name]) => name !== "name" || ed.isAllSeen.value);
  const [first] = refusals;
  const said =
    ed.broken.value.get(JSON_PATH) ??
    (first
      ? `${labelOf(t, first[0])}: ${problemText(t, { text: first[1].message, hint: first[1].hint, column: null, part: null })}`
      : null);
  return (
    <div data-field={JSON_PATH}>
      <Field label={t.json.label} hint={t.json.hint} error={said}>
        {(ids) => (
          <textarea
            {...ids}
            class="mono job-json"
            spellcheck={false}
            rows={Math.min(40, Math.max(16, text.split("\n").length + 1))}
            value={text}
            onInput={(e) => onInput(e.currentTarget.value)}
          />
        )}
      </Field>
    </div>
  );
}

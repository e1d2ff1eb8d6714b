// Inputs tied to a field of the draft: label, hint and error by the field's name.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Field } from "../../ui/field";
import { editorWords } from "../../words/editor";
import { type Json, numberOf, same } from "./draft";
import { type Editor, errorOf, setBroken } from "./editor-state";
import { readJson } from "./json-place";
import { problemText } from "./say";

interface InputProps {
  ed: Editor;
  name: string;
  class?: string;
}

/** The error of a field in words, or null. */
export function errorText(ed: Editor, name: string): string | null {
  const error = errorOf(ed, name);
  return error && problemText(editorWords(), error);
}

export function EdField(
  props: InputProps & {
    label?: string;
    hint?: ComponentChildren;
    children: Parameters<typeof Field>[0]["children"];
  },
) {
  const [label, hint] = editorWords().fields[props.name] ?? [props.name, ""];
  return (
    <div data-field={props.name} class={props.class} onFocusOut={() => props.ed.see(props.name)}>
      <Field label={props.label ?? label} hint={props.hint ?? hint} error={errorText(props.ed, props.name)}>
        {props.children}
      </Field>
    </div>
  );
}

/**
 * Text that stands for a value: what was typed stays as long as it means the value ("1." is 1 on the way to 1.5, a line
 * that has just begun is empty); a value that comes from elsewhere (undo, JSON, a merge) is printed.
 */
export function useTyped(
  value: Json | undefined,
  read: (text: string) => Json,
  print: (value: Json | undefined) => string,
): [text: string, type: (text: string) => Json] {
  const [typed, setTyped] = useState(() => print(value));
  const text = same(read(typed), value) ? typed : print(value);
  return [
    text,
    (next) => {
      setTyped(next);
      return read(next);
    },
  ];
}

const shown = (value: Json | undefined) =>
  value === null || value === undefined
    ? ""
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);

export function TextInput(
  props: InputProps & {
    placeholder?: string;
    lines?: number;
    list?: string;
    isCode?: boolean;
  },
) {
  const { ed, name } = props;
  const set = (text: string) => ed.set(name, text === "" && name !== "name" ? null : text);
  return (
    <EdField {...props}>
      {(ids) =>
        props.lines ? (
          <textarea
            {...ids}
            rows={props.lines}
            value={shown(ed.draft.value[name])}
            onInput={(e) => set(e.currentTarget.value)}
          />
        ) : (
          <input
            {...ids}
            class={props.isCode ? "mono" : ""}
            autocomplete="off"
            spellcheck={!props.isCode}
            list={props.list}
            placeholder={props.placeholder}
            value={shown(ed.draft.value[name])}
            onInput={(e) => set(e.currentTarget.value)}
          />
        )
      }
    </EdField>
  );
}

/** Empty is null where the field has a default elsewhere, else what `empty` says. */
export function NumberInput(props: InputProps & { placeholder?: string }) {
  const { ed, name } = props;
  const [text, type] = useTyped(ed.draft.value[name], numberOf, shown);
  return (
    <EdField {...props}>
      {(ids) => (
        <input
          {...ids}
          class="number"
          inputMode="decimal"
          autocomplete="off"
          placeholder={props.placeholder}
          value={text}
          onInput={(e) => ed.set(name, type(e.currentTarget.value))}
        />
      )}
    </EdField>
  );
}

/** One of the words; the first option is the default, which is null. */
export function ChoiceInput(props: InputProps & { otherwise: string }) {
  const { ed, name } = props;
  const t = editorWords();
  const options = t.choices[name] ?? {};
  return (
    <EdField {...props}>
      {(ids) => (
        <select
          {...ids}
          value={shown(ed.draft.value[name])}
          onChange={(e) => ed.set(name, e.currentTarget.value || null)}
        >
          <option value="">
            {t.useDefault(
              (options[props.otherwise] ?? props.otherwise).replace(/^./, (c) => c.toLowerCase()),
            )}
          </option>
          {Object.entries(options).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </EdField>
  );
}

/** Yes, no, or whatever holds elsewhere. */
export function YesNoInput(props: InputProps & { otherwise: string }) {
  const { ed, name } = props;
  const t = editorWords();
  const values: Record<string, Json> = { yes: true, no: false };
  const value = ed.draft.value[name];
  return (
    <EdField {...props}>
      {(ids) => (
        <select
          {...ids}
          value={value === true ? "yes" : value === false ? "no" : ""}
          onChange={(e) => ed.set(name, values[e.currentTarget.value] ?? null)}
        >
          <option value="">{t.useDefault(props.otherwise)}</option>
          <option value="yes">{t.yes}</option>
          <option value="no">{t.no}</option>
        </select>
      )}
    </EdField>
  );
}

/** `off` is what an unticked box means. */
export function CheckInput(props: InputProps & { off?: Json }) {
  const { ed, name } = props;
  const [label, hint] = editorWords().fields[name] ?? [name, ""];
  const error = errorText(ed, name);
  return (
    <div data-field={name} class={`check ${error ? "wrong" : ""}`} onFocusOut={() => ed.see(name)}>
      <label>
        <input
          type="checkbox"
          checked={ed.draft.value[name] === true}
          onChange={(e) => ed.set(name, e.currentTarget.checked ? true : (props.off ?? false))}
        />
        <span>
          {label}
          {hint && <span class="hint">{hint}</span>}
        </span>
      </label>
      {error && <p class="error">{error}</p>}
    </div>
  );
}

/** Text that is JSON: while it is none, it is kept and its place of error told. */
export function JsonBox(props: {
  ed: Editor;
  path: string;
  value: Json | undefined;
  kind: "object" | "list";
  onValue: (value: Json) => void;
  rows?: number;
  ids: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean | undefined;
  };
}) {
  const { ed, path, value } = props;
  const print = (v: Json | undefined) => (v === null || v === undefined ? "" : JSON.stringify(v, null, 2));
  const [text, setText] = useState(print(value));
  const mine = useRef<Json | undefined>(value);
  useEffect(() => {
    // changed from outside (undo, JSON view, a merge), not by typing here
    if (same(mine.current, value)) return;
    mine.current = value;
    setText(print(value));
    setBroken(ed, path, null);
  }, [value]);
  useEffect(() => () => setBroken(ed, path, null), []);
  const onInput = (next: string) => {
    setText(next);
    const t = editorWords().json;
    const got = next.trim() === "" ? { value: null } : readJson(next);
    if (!("value" in got)) return setBroken(ed, path, t.wrong(got.line, got.column, got.found));
    const isList = Array.isArray(got.value);
    const fits = got.value === null || (typeof got.value === "object" && isList === (props.kind === "list"));
    setBroken(ed, path, fits ? null : props.kind === "list" ? t.notList : t.notObject);
    if (!fits) return;
    mine.current = got.value;
    props.onValue(got.value);
  };
  return (
    <textarea
      {...props.ids}
      class="mono"
      spellcheck={false}
      rows={props.rows ?? Math.min(8, Math.max(2, text.split("\n").length))}
      value={text}
      onInput={(e) => onInput(e.currentTarget.value)}
    />
  );
}

export function JsonInput(props: InputProps & { kind: "object" | "list" }) {
  const { ed, name } = props;
  return (
    <EdField {...props}>
      {(ids) => (
        <JsonBox
          ed={ed}
          path={name}
          ids={ids}
          kind={props.kind}
          value={ed.draft.value[name]}
          onValue={(value) => ed.set(name, value)}
        />
      )}
    </EdField>
  );
}

/** Fields that few need, folded; unfolded as soon as one of them says something or is wrong. */
export function More({
  ed,
  names,
  children,
}: {
  ed: Editor;
  names: readonly string[];
  children: ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(() => names.some((n) => (ed.draft.peek()[n] ?? null) !== null));
  const isWrong = names.some((n) => errorOf(ed, n));
  return (
    <details class="more" open={isOpen || isWrong} onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>{editorWords().more}</summary>
      <div class="grid">{children}</div>
    </details>
  );
}

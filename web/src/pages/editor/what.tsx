// Section 1: what runs. The executor from the whitelist, its parameters as a form made of its table.
import { may } from "../../api/state";
import { Button } from "../../ui/button";
import { editorWords } from "../../words/editor";
import type { Json } from "./draft";
import { type Editor, errorOf } from "./editor-state";
import { CheckInput, EdField, JsonBox, JsonInput, More, TextInput, useTyped } from "./inputs";
import { type Executor, isKept, isLong, listOf, membersOf, type Param, strangers, withParam } from "./params";
import { TryOnce } from "./try-once";
import { numberOf } from "./draft";

interface Ids {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

function hintOf(param: Param): string {
  const t = editorWords().params;
  const parts = [param.help];
  if (param.type === "list of text") parts.push(t.list);
  if (param.type === "object") parts.push(t.object);
  if ((param.type === "integer" || param.type === "number") && param.max !== undefined)
    parts.push(t.range(String(param.min ?? 0), String(param.max)));
  if (param.default !== undefined && param.type !== "boolean") parts.push(t.isDefault(String(param.default)));
  return parts.filter(Boolean).join(" · ");
}

function BooleanParam({
  param,
  value,
  set,
  ids,
}: {
  param: Param;
  value: Json;
  set: (v: Json) => void;
  ids: Ids;
}) {
  const t = editorWords();
  const standard = param.default === true ? t.yes : t.no;
  const values: Record<string, Json> = { yes: true, no: false };
  return (
    <select
      {...ids}
      value={value === true ? "yes" : value === false ? "no" : ""}
      onChange={(e) => set(values[e.currentTarget.value] ?? null)}
    >
      <option value="">{t.useDefault(standard.toLowerCase())}</option>
      <option value="yes">{t.yes}</option>
      <option value="no">{t.no}</option>
    </select>
  );
}

const textOf = (value: Json | undefined) =>
  value === null || value === undefined
    ? ""
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);

function NumberParam(props: { param: Param; value: Json; set: (v: Json) => void; ids: Ids }) {
  const { param } = props;
  const [text, type] = useTyped(props.value, numberOf, textOf);
  return (
    <input
      {...props.ids}
      class="number"
      inputMode="decimal"
      autocomplete="off"
      placeholder={param.default === undefined ? "" : String(param.default)}
      value={text}
      onInput={(e) => props.set(type(e.currentTarget.value))}
    />
  );
}

function LinesParam(props: { value: Json; set: (v: Json) => void; ids: Ids }) {
  const print = (value: Json | undefined) =>
    Array.isArray(value) ? value.map(String).join("\n") : textOf(value);
  const [text, type] = useTyped(props.value, listOf, print);
  return (
    <textarea
      {...props.ids}
      rows={Math.min(8, Math.max(3, text.split("\n").length))}
      value={text}
      onInput={(e) => props.set(type(e.currentTarget.value))}
    />
  );
}

function ParamControl({
  ed,
  param,
  value,
  set,
  ids,
}: {
  ed: Editor;
  param: Param;
  value: Json;
  set: (v: Json) => void;
  ids: Ids;
}) {
  const t = editorWords();
  const text = textOf(value);
  if (param.type === "boolean") return <BooleanParam param={param} value={value} set={set} ids={ids} />;
  if (param.choices)
    return (
      <select {...ids} value={text} onChange={(e) => set(e.currentTarget.value || null)}>
        <option value="">
          {param.default === undefined ? t.changes.empty : t.useDefault(String(param.default))}
        </option>
        {param.choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  if (param.type === "object")
    return (
      <JsonBox ed={ed} path={`params.${param.name}`} kind="object" value={value} onValue={set} ids={ids} />
    );
  if (param.type === "list of text") return <LinesParam value={value} set={set} ids={ids} />;
  if (isLong(param))
    return (
      <textarea
        {...ids}
        class="mono"
        spellcheck={false}
        rows={Math.min(8, Math.max(param.name === "command" ? 3 : 2, text.split("\n").length))}
        value={text}
        onInput={(e) => set(e.currentTarget.value === "" ? null : e.currentTarget.value)}
      />
    );
  if (param.type !== "text") return <NumberParam param={param} value={value} set={set} ids={ids} />;
  return (
    <input
      {...ids}
      class={param.secret ? "secret" : ""}
      autocomplete="off"
      spellcheck={false}
      placeholder={param.default === undefined ? "" : String(param.default)}
      value={text}
      onInput={(e) => set(e.currentTarget.value === "" ? null : e.currentTarget.value)}
    />
  );
}

function ParamField({ ed, param }: { ed: Editor; param: Param }) {
  const path = `params.${param.name}`;
  const value = membersOf(ed.draft.value["params"])[param.name] ?? null;
  const isWide = isLong(param) || param.type === "object" || param.type === "list of text";
  return (
    <EdField
      ed={ed}
      name={path}
      label={`${param.name}${param.required ? " *" : ""}`}
      hint={param.secret && isKept(value) ? editorWords().params.keptSecret : hintOf(param)}
      class={isWide ? "wide" : ""}
    >
      {(ids) => (
        <ParamControl
          ed={ed}
          param={param}
          value={value}
          ids={ids}
          set={(next) => ed.set("params", withParam(ed.draft.peek(), param.name, next))}
        />
      )}
    </EdField>
  );
}

function Params({ ed, executor }: { ed: Editor; executor: Executor }) {
  const t = editorWords();
  const unknown = strangers(executor, ed.draft.value["params"]);
  const drop = () => {
    for (const name of unknown) ed.set("params", withParam(ed.draft.peek(), name, null));
  };
  return (
    <fieldset class="params" data-field="params">
      <legend>
        {t.fields["params"]?.[0]} <span class="quiet">{executor.name}</span>
      </legend>
      {executor.params.length === 0 && <p class="quiet">{t.executor.noParams}</p>}
      <div class="grid">
        {executor.params.map((param) => (
          <ParamField key={`${executor.name}.${param.name}`} ed={ed} param={param} />
        ))}
      </div>
      {unknown.length > 0 && (
        <p class="error">
          {t.params.unknown(unknown.join(", "))} <Button onClick={drop}>{t.params.drop}</Button>
        </p>
      )}
      <TryOnce ed={ed} />
      {errorOf(ed, "params") && <p class="error">{errorOf(ed, "params")?.text}</p>}
    </fieldset>
  );
}

function ExecutorPicker({ ed, executors }: { ed: Editor; executors: readonly Executor[] }) {
  const t = editorWords().executor;
  const current = String(ed.draft.value["command"] ?? "");
  const chosen = executors.find((x) => x.name === current);
  return (
    <EdField ed={ed} name="command" hint={chosen?.description}>
      {(ids) => (
        <select
          {...ids}
          value={current}
          onChange={(e) => {
            ed.set("command", e.currentTarget.value);
            ed.see("command");
          }}
        >
          <option value="" disabled>
            {t.choose}
          </option>
          {current && !chosen && <option value={current}>{current}</option>}
          {executors.map((x) => (
            <option key={x.name} value={x.name} disabled={!x.enabled && x.name !== current}>
              {x.enabled ? x.name : t.off(x.name)}
            </option>
          ))}
        </select>
      )}
    </EdField>
  );
}

const seedCategories = ["CLEANUP", "SYNC", "BACKUP", "MAINTENANCE", "MONITORING", "WORLD"];

export function What({ ed, executors }: { ed: Editor; executors: readonly Executor[] }) {
  const chosen = executors.find((x) => x.name === ed.draft.value["command"]);
  return (
    <>
      <div class="grid">
        <TextInput ed={ed} name="name" />
        <ExecutorPicker ed={ed} executors={executors} />
        <TextInput ed={ed} name="description" lines={2} class="wide" />
      </div>
      {chosen && <Params ed={ed} executor={chosen} />}
      <div class="grid">
        <TextInput ed={ed} name="category" list="editor-categories" />
        <datalist id="editor-categories">
          {seedCategories.map((c) => (
            <option key={c} value={c} />
          ))}
        </datalist>
        <CheckInput ed={ed} name="isActive" />
      </div>
      <More ed={ed} names={["labels", "critical"]}>
        <JsonInput ed={ed} name="labels" kind="object" />
        {(may("admin") || ed.draft.value["critical"] === true) && (
          <CheckInput ed={ed} name="critical" off={null} />
        )}
      </More>
    </>
  );
}

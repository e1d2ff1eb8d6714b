// One setting: what it means, its value, its default, where it comes from, and the way back.
import { useEffect, useState } from "preact/hooks";
import { ApiError, call, type Body } from "../../api/client";
import { loadSettings, may } from "../../api/state";
import { number } from "../../base/format";
import { Button } from "../../ui/button";
import { say } from "../../ui/toast";
import { language, words } from "../../words";
import { settingsWords } from "../../words/settings";
import { isSame, parse, type SettingField, textOf, type Value } from "./fields";

type Changed = (group: SettingField["group"], answer: Record<string, unknown>) => void;

async function save(field: SettingField, value: Value): Promise<Record<string, unknown>> {
  const body = { [field.name]: value };
  if (field.group === "worlds")
    return call("PATCH /api/admin/worlds/settings", {
      body: body as Body<"PATCH /api/admin/worlds/settings">,
    });
  const answer = await call("PATCH /api/cron/settings", {
    body: body as Body<"PATCH /api/cron/settings">,
  });
  void loadSettings().catch(() => undefined);
  return answer;
}

export const settingWords = (field: Pick<SettingField, "name" | "help">) =>
  settingsWords().items[field.name] ?? { name: field.name, help: field.help };

/** A value in words. */
export function valueText(field: SettingField, value: unknown): string {
  const t = settingsWords();
  if (value === null || value === undefined) return t.noValue;
  if (typeof value === "boolean") return value ? t.yes : t.no;
  if (typeof value === "number") return number(language.value, value, Number.isInteger(value) ? 0 : 3);
  return textOf(field, value);
}

export function SettingRow(props: { field: SettingField; value: unknown; onChanged: Changed }) {
  const { field, value } = props;
  const t = settingsWords();
  const { name, help } = settingWords(field);
  const saved = textOf(field, value);
  const [text, setText] = useState(saved);
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  useEffect(() => setText(saved), [saved]); // changed elsewhere, or by us
  const id = `setting-${field.name}`;
  const isDefault = isSame(value, field.default);
  const mayEdit = may("admin");

  const put = async (next: Value, undo?: Value) => {
    setBusy(true);
    setProblem("");
    try {
      props.onChanged(field.group, await save(field, next));
      say(
        t.saved(name),
        undo === undefined ? undefined : async () => props.onChanged(field.group, await save(field, undo)),
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error.hint ? `${error.message} ${error.hint}` : error.message);
    }
    setBusy(false);
  };
  const undoOf = () => (field.isSecret ? undefined : (value as Value));
  const submit = (event: Event) => {
    event.preventDefault();
    const parsed = parse(field, text);
    if ("value" in parsed) return void put(parsed.value, undoOf());
    const bounds = t.between(number(language.value, field.min ?? 0), number(language.value, field.max ?? 0));
    setProblem({ number: t.notNumber, json: t.notJson, range: bounds }[parsed.wrong]);
  };
  const described = [help && `${id}-help`, problem && `${id}-error`].filter(Boolean).join(" ");
  const common = {
    id,
    "aria-describedby": described || undefined,
    disabled: !mayEdit,
  };

  return (
    <li class={`setting ${isDefault ? "" : "changed"}`} key={field.name}>
      <div class="setting-what">
        <label for={id}>{name}</label>
        {help && <p id={`${id}-help`}>{help}</p>}
        <code class="quiet">{field.name}</code>
      </div>
      <form class="setting-value" onSubmit={submit}>
        {field.type === "boolean" ? (
          <select
            {...common}
            value={String(value)}
            onChange={(e) => void put(e.currentTarget.value === "true", undoOf())}
          >
            <option value="true">{t.on}</option>
            <option value="false">{t.off}</option>
          </select>
        ) : field.type === "enum" ? (
          <select
            {...common}
            value={saved}
            onChange={(e) => void put(e.currentTarget.value || null, undoOf())}
          >
            {field.isNullable && <option value="">{t.noValue}</option>}
            {field.choices.map((choice) => (
              <option key={choice} value={choice}>
                {choice}
              </option>
            ))}
          </select>
        ) : (
          <input
            {...common}
            value={text}
            inputMode={field.type === "integer" ? "numeric" : field.type === "number" ? "decimal" : undefined}
            class={field.type === "json" ? "mono" : undefined}
            placeholder={field.isNullable ? t.noValue : undefined}
            aria-invalid={problem ? true : undefined}
            autocomplete="off"
            spellcheck={false}
            onInput={(e) => setText(e.currentTarget.value)}
            onKeyDown={(e) => e.key === "Escape" && setText(saved)}
          />
        )}
        {text !== saved && (
          <Button kind="main" type="submit" isBusy={isBusy}>
            {words().actions.save}
          </Button>
        )}
      </form>
      <div class="setting-origin">
        <span class="tag">{isDefault ? t.origins["default"] : t.origins["database"]}</span>
        {!isDefault && (
          <>
            <span class="quiet small">{t.default(valueText(field, field.default))}</span>
            {mayEdit && (
              <Button
                kind="quiet"
                icon="rotate-ccw"
                label={`${t.restore}: ${name}`}
                onClick={() => void put(field.default as Value, undoOf())}
              />
            )}
          </>
        )}
      </div>
      {problem && (
        <p class="error" id={`${id}-error`} role="alert">
          {problem}
        </p>
      )}
    </li>
  );
}

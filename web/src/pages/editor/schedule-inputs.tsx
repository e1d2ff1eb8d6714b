// The schedule itself: a form for the usual kinds, the expression for the rest, its fields with their words.
import { useRef, useState } from "preact/hooks";
import { now } from "../../base/clock";
import { language, words } from "../../words";
import { dayName, fieldWords } from "./cron-words";
import { type Editor, errorOf } from "./editor-state";
import { EdField, errorText } from "./inputs";
import {
  cronFields,
  formFor,
  formOf,
  type Mode,
  modes,
  readMoment,
  readTime,
  type ScheduleForm,
  scheduleOf,
  type Unit,
  wrongRange,
} from "./schedule-form";

const scheduleText = (ed: Editor) => String(ed.draft.value["schedule"] ?? "");

function ModePicker({ mode, choose }: { mode: Mode; choose: (mode: Mode) => void }) {
  const t = words().editor.when;
  return (
    <fieldset class="kinds">
      <legend class="visually-hidden">{t.mode}</legend>
      {modes.map((m) => (
        <label key={m} class={m === mode ? "on" : ""}>
          <input
            type="radio"
            name="schedule-mode"
            class="visually-hidden"
            checked={m === mode}
            onChange={() => choose(m)}
          />
          {t.modes[m]}
        </label>
      ))}
    </fieldset>
  );
}

function EveryForm({
  form,
  set,
}: {
  form: ScheduleForm & { mode: "every" };
  set: (f: ScheduleForm) => void;
}) {
  const t = words().editor.when;
  const [typed, setTyped] = useState(String(form.count));
  const units: Unit[] = ["s", "m", "h", "d"];
  const type = (text: string) => {
    setTyped(text);
    const count = Number(text);
    if (Number.isInteger(count) && count > 0) set({ ...form, count });
  };
  return (
    <div class="line">
      <label for="every-count">{t.every}</label>
      <input
        id="every-count"
        class="number"
        inputMode="numeric"
        autocomplete="off"
        aria-invalid={!(Number(typed) > 0) || undefined}
        value={typed}
        onInput={(e) => type(e.currentTarget.value)}
      />
      <select
        aria-label={t.unit}
        value={form.unit}
        onChange={(e) => set({ ...form, unit: e.currentTarget.value as Unit })}
      >
        {units.map((u) => (
          <option key={u} value={u}>
            {t.units[u]}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Text that is kept as typed until it means something: the browser's own inputs follow its language, not the page's. */
function LooseInput(props: {
  id: string;
  label: string;
  value: string;
  size: number;
  read: (text: string) => string | null;
  set: (value: string) => void;
}) {
  const [typed, setTyped] = useState(props.value);
  const isWrong = props.read(typed) === null;
  if (!isWrong && props.read(typed) !== props.value) setTyped(props.value);
  return (
    <div class="line">
      <label for={props.id}>{props.label}</label>
      <input
        id={props.id}
        class="number"
        size={props.size}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={isWrong || undefined}
        value={typed}
        onInput={(e) => {
          const text = e.currentTarget.value;
          setTyped(text);
          const value = props.read(text);
          if (value !== null) props.set(value);
        }}
      />
    </div>
  );
}

function TimeInput({ time, set }: { time: string; set: (time: string) => void }) {
  return (
    <LooseInput id="at-time" label={words().editor.when.at} value={time} size={6} read={readTime} set={set} />
  );
}

function DaysInput({ days, set }: { days: readonly number[]; set: (days: number[]) => void }) {
  const t = words().editor.when;
  return (
    <fieldset class="days">
      <legend class="visually-hidden">{t.days}</legend>
      {[1, 2, 3, 4, 5, 6, 0].map((day) => (
        <label key={day} class={days.includes(day) ? "on" : ""}>
          <input
            type="checkbox"
            class="visually-hidden"
            checked={days.includes(day)}
            onChange={(e) => {
              const next = e.currentTarget.checked ? [...days, day] : days.filter((d) => d !== day);
              if (next.length) set(next);
              else e.currentTarget.checked = true;
            }}
          />
          {dayName(language.value, day)}
        </label>
      ))}
    </fieldset>
  );
}

/** The expression as typed; what is wrong in it is underlined where it stands. */
function CronInput({ ed }: { ed: Editor }) {
  const text = scheduleText(ed);
  const error = errorOf(ed, "schedule");
  const range = error?.column ? wrongRange(text, error.column) : null;
  const under = useRef<HTMLDivElement>(null);
  return (
    <EdField ed={ed} name="schedule" label={words().editor.when.expression}>
      {(ids) => (
        <div class="cron-box">
          <div class="cron-under mono" aria-hidden="true" ref={under}>
            {range && (
              <>
                {text.slice(0, range[0])}
                <span class="bad">{text.slice(range[0], range[1]) || "\u00a0"}</span>
              </>
            )}
          </div>
          <input
            {...ids}
            class="mono"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            value={text}
            onInput={(e) => ed.set("schedule", e.currentTarget.value)}
            onScroll={(e) => {
              if (under.current) under.current.scrollLeft = e.currentTarget.scrollLeft;
            }}
          />
        </div>
      )}
    </EdField>
  );
}

/** The fields of the expression with their words; the wrong one is marked. */
function CronParts({ ed }: { ed: Editor }) {
  const t = words().editor.when;
  const error = ed.explainError.value;
  const typed = scheduleText(ed);
  const fields = cronFields(
    typed.trim().startsWith("@") && !error ? (ed.explanation.value?.schedule ?? "") : typed,
  );
  if (!fields.length) return null;
  return (
    <ul class="cron-parts">
      {fields.map((field) => (
        <li key={field.kind} class={error?.field === field.kind ? "bad" : ""}>
          <span class="quiet small">{t.fields[field.kind]}</span>
          <code>{field.text}</code>
          <span class="small">{fieldWords(t, language.value, field)}</span>
        </li>
      ))}
    </ul>
  );
}

export function ScheduleForms({ ed }: { ed: Editor }) {
  const text = scheduleText(ed);
  const [mode, setMode] = useState<Mode>(() => formOf(text).mode);
  const parsed = formOf(text);
  // a schedule changed elsewhere (undo, JSON) may no longer fit the form
  const shown: Mode = mode !== "cron" && parsed.mode !== mode ? "cron" : mode;
  const set = (form: ScheduleForm) => {
    const next = scheduleOf(form);
    if (next !== null) ed.set("schedule", next);
  };
  const choose = (next: Mode) => {
    const tomorrow = new Date(now.peek() + 86_400_000).toISOString().slice(0, 10);
    set(formFor(next, text, tomorrow));
    setMode(next);
  };
  return (
    <div class="schedule" data-field="schedule">
      <ModePicker mode={shown} choose={choose} />
      {shown === "every" && parsed.mode === "every" && <EveryForm key={shown} form={parsed} set={set} />}
      {shown === "daily" && parsed.mode === "daily" && (
        <TimeInput time={parsed.time} set={(time) => set({ ...parsed, time })} />
      )}
      {shown === "weekly" && parsed.mode === "weekly" && (
        <>
          <DaysInput days={parsed.days} set={(days) => set({ ...parsed, days })} />
          <TimeInput time={parsed.time} set={(time) => set({ ...parsed, time })} />
        </>
      )}
      {shown === "once" && parsed.mode === "once" && (
        <LooseInput
          id="at-once"
          label={words().editor.when.once}
          value={parsed.at}
          size={18}
          read={readMoment}
          set={(at) => set({ mode: "once", at })}
        />
      )}
      {shown === "cron" ? (
        <CronInput ed={ed} />
      ) : (
        <p class="quiet">
          <code>{text}</code>
          {errorOf(ed, "schedule") && <span class="error"> {errorText(ed, "schedule")}</span>}
        </p>
      )}
      <CronParts ed={ed} />
    </div>
  );
}

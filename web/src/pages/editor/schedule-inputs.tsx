// The schedule itself: a form for the usual kinds, the expression for the rest, its fields with their words.
import { useEffect, useRef, useState } from "preact/hooks";
import { serverZone } from "../../api/state";
import { now } from "../../base/clock";
import { instants } from "../../base/format";
import { language } from "../../words";
import { editorWords } from "../../words/editor";
import { dateOf, dayNumber, today } from "../calendar/data";
import { dayName, fieldWords } from "./cron-words";
import { type Editor, errorOf, setBroken } from "./editor-state";
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
  const t = editorWords().when;
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

/**
 * Text that is kept as typed until it means something (the browser's own inputs follow its language, not the page's).
 * While it means nothing it is told so and nothing is saved; a schedule that comes from elsewhere is printed.
 */
function useLoose<T>(
  ed: Editor,
  printed: T,
  read: (typed: T) => ScheduleForm | null,
  problem: string,
): [shown: T, isWrong: boolean, type: (next: T) => void] {
  const schedule = scheduleText(ed);
  const [typed, setTyped] = useState({ value: printed, wrongAt: "" });
  const form = read(typed.value);
  const isWrong = form === null && typed.wrongAt === schedule;
  const isMeant = form !== null && scheduleOf(form) === schedule;
  useEffect(() => setBroken(ed, "schedule", isWrong ? problem : null), [isWrong, problem]);
  useEffect(() => () => setBroken(ed, "schedule", null), []);
  const type = (value: T) => {
    const next = read(value);
    setTyped({ value, wrongAt: next ? "" : schedule });
    if (next) ed.set("schedule", scheduleOf(next));
  };
  return [isWrong || isMeant ? typed.value : printed, isWrong, type];
}

function EveryForm({ ed, form }: { ed: Editor; form: ScheduleForm & { mode: "every" } }) {
  const t = editorWords().when;
  const units: Unit[] = ["s", "m", "h", "d"];
  const read = ({ count, unit }: { count: string; unit: Unit }): ScheduleForm | null =>
    /^\s*0*[1-9]\d{0,8}\s*$/.test(count) ? { mode: "every", count: Number(count), unit } : null;
  const [shown, isWrong, type] = useLoose(
    ed,
    { count: String(form.count), unit: form.unit },
    read,
    t.wrongCount,
  );
  return (
    <div class="line">
      <label for="every-count">{t.every}</label>
      <input
        id="every-count"
        class="number"
        inputMode="numeric"
        autocomplete="off"
        aria-invalid={isWrong || undefined}
        value={shown.count}
        onInput={(e) => type({ ...shown, count: e.currentTarget.value })}
      />
      <select
        aria-label={t.unit}
        value={shown.unit}
        onChange={(e) => type({ ...shown, unit: e.currentTarget.value as Unit })}
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

function LooseInput(props: {
  ed: Editor;
  id: string;
  label: string;
  printed: string;
  size: number;
  read: (text: string) => ScheduleForm | null;
  problem: string;
}) {
  const [shown, isWrong, type] = useLoose(props.ed, props.printed, props.read, props.problem);
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
        value={shown}
        onInput={(e) => type(e.currentTarget.value)}
      />
    </div>
  );
}

function TimeInput({ ed, form }: { ed: Editor; form: ScheduleForm & { time: string } }) {
  const t = editorWords().when;
  const read = (text: string) => {
    const time = readTime(text);
    return time === null ? null : { ...form, time };
  };
  return (
    <LooseInput
      ed={ed}
      id="at-time"
      label={t.at}
      printed={form.time}
      size={6}
      read={read}
      problem={t.wrongTime}
    />
  );
}

function DaysInput({ days, set }: { days: readonly number[]; set: (days: number[]) => void }) {
  const t = editorWords().when;
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
    <EdField ed={ed} name="schedule" label={editorWords().when.expression}>
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
  const t = editorWords().when;
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
    const form = instants(language.value, ed.explanation.value?.timezone ?? serverZone.value);
    set(formFor(next, text, dateOf(dayNumber(today(form, now.peek())) + 1)));
    setMode(next);
  };
  return (
    <div class="schedule" data-field="schedule">
      <ModePicker mode={shown} choose={choose} />
      {shown === "every" && parsed.mode === "every" && <EveryForm ed={ed} form={parsed} />}
      {shown === "daily" && parsed.mode === "daily" && <TimeInput ed={ed} form={parsed} />}
      {shown === "weekly" && parsed.mode === "weekly" && (
        <>
          <DaysInput days={parsed.days} set={(days) => set({ ...parsed, days })} />
          <TimeInput ed={ed} form={parsed} />
        </>
      )}
      {shown === "once" && parsed.mode === "once" && (
        <LooseInput
          ed={ed}
          id="at-once"
          label={editorWords().when.once}
          printed={parsed.at}
          size={18}
          read={(text) => {
            const at = readMoment(text);
            return at === null ? null : { mode: "once", at };
          }}
          problem={editorWords().when.wrongMoment}
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

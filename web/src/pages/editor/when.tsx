// Section 2: when it runs; in words, with its next runs, what the changes of time do to it, and who else starts then.
import { useMemo } from "preact/hooks";
import { serverZone } from "../../api/state";
import { instants, number, offsetText } from "../../base/format";
import { now } from "../../base/clock";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Ago } from "../../ui/time";
import { language, words } from "../../words";
import { editorWords } from "../../words/editor";
import { type Editor, errorOf } from "./editor-state";
import { ChoiceInput, More, NumberInput, TextInput } from "./inputs";
import { Load } from "./load";
import { suggestionOf } from "./say";
import { ScheduleForms } from "./schedule-inputs";

function ZoneInput({ ed }: { ed: Editor }) {
  const t = editorWords().when;
  const names = useMemo(
    () => (
      <datalist id="editor-zones">
        {["UTC", ...Intl.supportedValuesOf("timeZone")].map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
    ),
    [],
  );
  const suggestion = suggestionOf(errorOf(ed, "timezone")?.hint);
  return (
    <div>
      <TextInput
        ed={ed}
        name="timezone"
        list="editor-zones"
        placeholder={t.zonePlaceholder(serverZone.value)}
        isCode
      />
      {names}
      {suggestion && <Button onClick={() => ed.set("timezone", suggestion)}>{t.use(suggestion)}</Button>}
    </div>
  );
}

function RunRow({ at, before, zone }: { at: number; before: number | undefined; zone: string }) {
  const t = editorWords().when;
  const form = instants(language.value, zone);
  const offset = form.offset(at);
  const isChange = before !== undefined && form.offset(before) !== offset;
  return (
    <li>
      <span>{form.weekday(at)}</span>
      <span class="num strong">{form.wall(at).replace(/:00$/, "")}</span>
      <span class={`num ${isChange ? "change" : "quiet"}`} title={isChange ? t.offsetChange : undefined}>
        {offsetText(offset)}
        {isChange && <span class="small"> {t.offsetChange}</span>}
      </span>
      <span class="quiet">
        <Ago when={at} />
      </span>
    </li>
  );
}

function NextRuns({ ed }: { ed: Editor }) {
  const t = editorWords().when;
  const x = ed.explanation.value;
  if (!x) return null;
  const all = x.next.map((text) => Date.parse(text));
  const isMore = ed.count.value > 5;
  return (
    <div class="next-runs">
      <h3>
        {t.next} <span class="quiet small">{t.inZone(x.timezone)}</span>
      </h3>
      {all.length ? (
        <ol>
          {all.map((at, i) => (
            <RunRow key={at} at={at} before={i ? all[i - 1] : now.peek()} zone={x.timezone} />
          ))}
        </ol>
      ) : (
        <p class="quiet">{t.never}</p>
      )}
      {all.length >= 5 && (
        <Button kind="quiet" onClick={() => void (ed.count.value = isMore ? 5 : 20)}>
          {isMore ? t.showFewer : t.showMore}
        </Button>
      )}
    </div>
  );
}

/** What to beware of; where the clock changes, what then happens is a choice. */
function Warnings({ ed }: { ed: Editor }) {
  const t = editorWords().when;
  const warnings = ed.explanation.value?.warnings ?? [];
  const isOfClock = warnings.some((w) => w.code.startsWith("dst_"));
  if (!warnings.length && !ed.draft.value["dst"]) return null;
  return (
    <div class="warnings">
      {warnings.length > 0 && (
        <ul aria-label={t.warnings}>
          {warnings.map((w) => (
            <li key={`${w.code} ${w.at ?? ""}`}>
              <Icon name="triangle-alert" />
              <span>{w.text}</span>
            </li>
          ))}
        </ul>
      )}
      {(isOfClock || ed.draft.value["dst"] !== null) && <ChoiceInput ed={ed} name="dst" otherwise="once" />}
    </div>
  );
}

function Sentence({ ed }: { ed: Editor }) {
  const t = editorWords().when;
  const x = ed.explanation.value;
  const isStale = errorOf(ed, "schedule") || errorOf(ed, "timezone");
  if (!x || isStale) return <p class="sentence quiet">{words().time.none}</p>;
  const often =
    x.runsPerDay >= 2 ? t.perDay(number(language.value, x.runsPerDay, x.runsPerDay < 10 ? 1 : 0)) : "";
  return (
    <p class="sentence" aria-live="polite">
      {x.sentence}. {often && <span class="quiet small">{often}</span>}
    </p>
  );
}

export function When({ ed }: { ed: Editor }) {
  const isStale = errorOf(ed, "schedule") || errorOf(ed, "timezone");
  return (
    <>
      <div class="cadence">
        <ScheduleForms ed={ed} />
        <ZoneInput ed={ed} />
      </div>
      <Sentence ed={ed} />
      {!isStale && (
        <div class="cadence">
          <NextRuns ed={ed} />
          <div class="when-notes">
            <Load ed={ed} zone={ed.explanation.value?.timezone ?? serverZone.value} />
            <Warnings ed={ed} />
          </div>
        </div>
      )}
      <More ed={ed} names={["startAt", "endAt", "splay", "dialect"]}>
        <TextInput ed={ed} name="startAt" placeholder="2026-12-01T00:00:00Z" isCode />
        <TextInput ed={ed} name="endAt" placeholder="2027-12-01T00:00:00Z" isCode />
        <NumberInput ed={ed} name="splay" />
        <ChoiceInput ed={ed} name="dialect" otherwise="sereno" />
      </More>
    </>
  );
}

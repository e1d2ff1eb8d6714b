// Section 3: what happens when a run fails, with the retries as the scheduler will time them.
import { useRemote } from "../../api/remote";
import { call } from "../../api/client";
import { duration } from "../../base/format";
import { language } from "../../words";
import { editorWords } from "../../words/editor";
import type { Json } from "./draft";
import type { Editor, Preview } from "./editor-state";
import { ChoiceInput, More, NumberInput, YesNoInput } from "./inputs";

const channels = ["email", "slack", "webhook", "pagerduty", "sentry"];

type Retry = Preview["retries"][number];

function RetryPreview({ ed }: { ed: Editor }) {
  const t = editorWords().retry;
  const preview = ed.preview.value;
  if (!preview) return null;
  const say = (ms: number) => duration(language.value, ms);
  const one = (r: Retry) => (r.leastMs === r.mostMs ? say(r.mostMs) : t.from(say(r.leastMs), say(r.mostMs)));
  if (!preview.retries.length) return <p class="retries quiet">{t.none}</p>;
  return (
    <div class="retries" aria-label={t.title} role="group">
      <ol>
        {preview.retries.map((r) => (
          <li key={r.attempt}>{one(r)}</li>
        ))}
        {preview.hasMoreRetries && <li>{t.more}</li>}
      </ol>
      <p class="quiet">{t.total(say(preview.retriesTotalMs))}</p>
    </div>
  );
}

function Channels({ ed }: { ed: Editor }) {
  const value = ed.draft.value["alertChannels"];
  const chosen: Json[] = Array.isArray(value) ? value : [];
  const toggle = (name: string, isOn: boolean) => {
    const next = channels.filter((c) => (c === name ? isOn : chosen.includes(c)));
    ed.set("alertChannels", next.length ? next : null);
  };
  const [label] = editorWords().fields["alertChannels"] ?? [""];
  return (
    <fieldset class="checks wide" data-field="alertChannels">
      <legend>{label}</legend>
      {channels.map((name) => (
        <label key={name}>
          <input
            type="checkbox"
            checked={chosen.includes(name)}
            onChange={(e) => toggle(name, e.currentTarget.checked)}
          />
          {name}
        </label>
      ))}
    </fieldset>
  );
}

export function Failing({ ed }: { ed: Editor }) {
  const t = editorWords();
  const settings = useRemote("settings", (signal) => call("GET /api/cron/settings", { signal }));
  const standard = settings.data.value;
  const timeout = standard ? t.useDefault(`${standard.defaultTimeout} s`) : "";
  return (
    <>
      <div class="grid thirds">
        <NumberInput ed={ed} name="retries" />
        <NumberInput ed={ed} name="retryDelay" />
        <ChoiceInput ed={ed} name="backoffStrategy" otherwise={standard?.backoffStrategy ?? "linear"} />
      </div>
      <RetryPreview ed={ed} />
      <div class="grid thirds">
        <NumberInput ed={ed} name="timeout" placeholder={timeout} />
        <YesNoInput ed={ed} name="alertOnFailure" otherwise={t.defaultOf.settings} />
        <NumberInput ed={ed} name="disableAfter" placeholder={t.useDefault(t.defaultOf.settings)} />
      </div>
      <div class="grid">
        <ChoiceInput ed={ed} name="misfirePolicy" otherwise="last" />
        <ChoiceInput ed={ed} name="onCrash" otherwise="fail" />
      </div>
      <More
        ed={ed}
        names={[
          "retryMaxDelay",
          "retryJitterPct",
          "totalTimeout",
          "maxRuntime",
          "escalateAfter",
          "alertChannels",
          "startWindow",
          "catchUpWindow",
          "catchUpMax",
        ]}
      >
        <NumberInput ed={ed} name="retryMaxDelay" />
        <NumberInput ed={ed} name="retryJitterPct" />
        <NumberInput ed={ed} name="totalTimeout" />
        <NumberInput ed={ed} name="maxRuntime" />
        <NumberInput ed={ed} name="escalateAfter" />
        <NumberInput ed={ed} name="startWindow" placeholder="60" />
        <NumberInput ed={ed} name="catchUpWindow" placeholder="3600" />
        <NumberInput ed={ed} name="catchUpMax" placeholder="100" />
        <Channels ed={ed} />
      </More>
    </>
  );
}

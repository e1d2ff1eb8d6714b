// Times as people read them, with the absolute instant and its zone on hover and focus.
import { duration, span } from "../base/format";
import { now } from "../base/clock";
import { times } from "../api/state";
import { language, words } from "../words";

const at = (when: string | number) => (typeof when === "number" ? when : Date.parse(when));

/** "hace 2 min" or "en 56 s"; ticks by itself. */
export function Ago({ when, none }: { when: string | number | null | undefined; none?: string }) {
  const t = words().time;
  if (when === null || when === undefined || when === "") return <span class="quiet">{none ?? t.none}</span>;
  const ms = at(when);
  const gone = now.value - ms;
  const text = Math.abs(gone) < 1000 ? t.now : gone > 0 ? t.ago(span(gone)) : t.in(span(gone));
  return (
    <time dateTime={new Date(ms).toISOString()} title={times.value.full(ms)}>
      {text}
    </time>
  );
}

/** Time left until something is due: "en 56 s", then "Ya toca", then "Retrasada 12 s"; never "0 s". */
export function Countdown({ until }: { until: string | number | null | undefined }) {
  const t = words().time;
  if (until === null || until === undefined || until === "") return <span class="quiet">{t.none}</span>;
  const ms = at(until);
  const left = ms - now.value;
  const text = left >= 1000 ? t.in(span(left)) : left > -5000 ? t.due : t.late(span(left));
  return (
    <time
      class={left <= -5000 ? "late" : ""}
      dateTime={new Date(ms).toISOString()}
      title={times.value.full(ms)}
    >
      {text}
    </time>
  );
}

/** "12:00:04", with the day when it is not today. */
export function At({
  when,
  form = "short",
}: {
  when: string | number | null | undefined;
  form?: "short" | "full" | "clock";
}) {
  if (when === null || when === undefined || when === "")
    return <span class="quiet">{words().time.none}</span>;
  const ms = at(when);
  const text = form === "short" ? times.value.short(ms, now.value) : times.value[form](ms);
  return (
    <time dateTime={new Date(ms).toISOString()} title={times.value.full(ms)}>
      {text}
    </time>
  );
}

/** "7 min 20 s" */
export function Took({ ms }: { ms: number | null | undefined }) {
  if (ms === null || ms === undefined) return <span class="quiet">{words().time.none}</span>;
  return <span class="num">{duration(language.value, ms)}</span>;
}

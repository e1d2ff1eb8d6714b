// A world's state, star and next step, as lists and its own page show them.
import { times } from "../../api/state";
import { now } from "../../base/clock";
import { Icon } from "../../ui/icon";
import { StateMark } from "../../ui/state-mark";
import { worldsWords } from "../../words/worlds";
import { nextStep, type Next, type StepRow, type StepVerdict } from "./next-step";

/** Awake, asleep (moon), and in the colour of trouble only what is going to be deleted. */
export function WorldState({ world, badge }: { world: StepRow; badge?: boolean }) {
  const t = worldsWords().states;
  const form = badge ? { badge } : {};
  if (world.status === "RUNNING") return <StateMark state="ok" text={t.RUNNING} {...form} />;
  if (world.scheduledDeletion) return <StateMark state="retrying" text={t.marked} {...form} />;
  if (world.pauseReason === "vacation") return <StateMark state="paused" text={t.vacation} {...form} />;
  const text = world.status === "ARCHIVED" ? t.ARCHIVED : t.PAUSED;
  return <StateMark state="paused" text={text} {...form} />;
}

export function reasonText(reason: string | null | undefined): string {
  const t = worldsWords().reasons as Record<string, string>;
  return reason ? (t[reason] ?? reason) : "";
}

export function Star({ isOn }: { isOn: boolean | null | undefined }) {
  if (!isOn) return null;
  return (
    <span class="world-star" title={worldsWords().list.favorite}>
      <Icon name="star" size={14} />
      <span class="visually-hidden">{worldsWords().list.favorite}</span>
    </span>
  );
}

/** "mié 27 nov, 03:00" in the page's zone. */
export const dayAndClock = (ms: number) => `${times.value.weekday(ms)}, ${times.value.clock(ms)}`;

export function nextText(next: Next): string {
  const t = worldsWords().next;
  if (next.kind === "step") return next.isDue ? t.soon[next.step] : t[next.step](dayAndClock(next.at));
  if (next.kind === "wake") return t.wake(dayAndClock(next.at));
  if (next.kind === "event") return t.event(dayAndClock(next.at));
  if (next.kind === "unwarned") return t.unwarned(dayAndClock(next.at));
  return t[next.kind];
}

export function NextStep({ world, verdict }: { world: StepRow; verdict: StepVerdict | undefined }) {
  const next = nextStep(world, verdict, now.value);
  const isEnd = (next.kind === "step" && next.step === "delete") || next.kind === "unwarned";
  const title = "at" in next ? { title: times.value.full(next.at) } : {};
  return (
    <span class={isEnd ? "world-end" : next.kind === "step" ? "" : "quiet"} {...title}>
      {nextText(next)}
    </span>
  );
}

// What is planned for a world, what has come about by itself and why, and how its story goes.
import { useSignal } from "@preact/signals";
import { call, type Answer } from "../../api/client";
import { useRemote } from "../../api/remote";
import { zone } from "../../api/state";
import { number, percent } from "../../base/format";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Panel } from "../../ui/page";
import { Shown } from "../../ui/remote-view";
import { At } from "../../ui/time";
import { act } from "../../ui/toast";
import { language } from "../../words";
import { worldWords } from "../../words/world";
import { mayOwn, type Whose } from "../worlds/deeds";
import { dayAndClock } from "../worlds/parts";
import { instantOf } from "./local-time";

type WorldEvent = Answer<"GET /api/worlds/{world}/events">["data"][number] & { reason?: unknown };

/** Reasons are figures by name: the director's own words for why. */
function Reasons({ reason }: { reason: unknown }) {
  if (!reason || typeof reason !== "object") return null;
  const figures = Object.entries(reason).filter(([, v]) => typeof v === "number" || typeof v === "string");
  if (!figures.length) return null;
  return (
    <details>
      <summary>{worldWords().events.because}</summary>
      <dl class="reasons">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === "number" ? number(language.value, value, 3) : String(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function EventCard({ world, event, changed }: { world: Whose; event: WorldEvent; changed: () => void }) {
  const t = worldWords().events;
  const isPlanned = event.status === "scheduled" && !event.isEmergent;
  const cancel = async () => {
    const path = { world: world.id, id: event.id };
    if (await act(() => call("DELETE /api/worlds/{world}/events/{id}", { path }), t.cancelled)) changed();
  };
  return (
    <li class="event">
      <header>
        <strong>{event.type}</strong>
        <span class="tag">{event.isEmergent ? t.emergent : t.planned}</span>
        <span class="quiet small">{(t.status as Record<string, string>)[event.status] ?? event.status}</span>
        <At when={event.scheduledAt ?? event.createdAt} />
      </header>
      {event.text && <p>{event.text}</p>}
      {isPlanned && <p class="quiet small">{t.protects}</p>}
      <Reasons reason={event.reason} />
      {isPlanned && mayOwn(world) && (
        <Button kind="quiet" icon="x" onClick={cancel}>
          {t.cancel}
        </Button>
      )}
    </li>
  );
}

function AddEvent({ world, changed }: { world: Whose; changed: () => void }) {
  const t = worldWords().events;
  const type = useSignal("");
  const at = useSignal("");
  const text = useSignal("");
  const add = async (event: Event) => {
    event.preventDefault();
    const scheduledAt = instantOf(at.value, zone.value);
    if (!scheduledAt) return;
    const body = { type: type.value, scheduledAt, ...(text.value ? { text: text.value } : {}) };
    const path = { world: world.id };
    if (!(await act(() => call("POST /api/worlds/{world}/events", { path, body }), t.added))) return;
    type.value = at.value = text.value = "";
    changed();
  };
  return (
    <details class="add-event">
      <summary>{t.add}</summary>
      <form onSubmit={add}>
        <Field label={t.kind}>
          {(ids) => (
            <input
              {...ids}
              required
              maxLength={64}
              value={type.value}
              onInput={(e) => void (type.value = e.currentTarget.value)}
            />
          )}
        </Field>
        <Field label={t.when} hint={zone.value}>
          {(ids) => (
            <input
              {...ids}
              type="datetime-local"
              required
              value={at.value}
              onInput={(e) => void (at.value = e.currentTarget.value)}
            />
          )}
        </Field>
        <Field label={t.what} class="wide">
          {(ids) => (
            <textarea
              {...ids}
              rows={2}
              maxLength={4000}
              value={text.value}
              onInput={(e) => void (text.value = e.currentTarget.value)}
            />
          )}
        </Field>
        <Button kind="main" type="submit">
          {t.add}
        </Button>
      </form>
    </details>
  );
}

function Metrics({ world }: { world: Whose }) {
  const t = worldWords().events;
  const remote = useRemote(world.id, (signal) =>
    call("GET /api/worlds/{world}/narrative", { path: { world: world.id }, signal }),
  );
  return (
    <Shown of={remote}>
      {(narrative) => {
        const metrics = (narrative.metrics ?? {}) as Record<string, unknown>;
        const shown = Object.entries(t.names).filter(([key]) => typeof metrics[key] === "number");
        const measured = narrative.measuredAt
          ? t.measured(dayAndClock(Date.parse(narrative.measuredAt)))
          : "";
        return (
          <Panel title={t.metrics} note={shown.length ? measured : t.unmeasured}>
            <ul class="metrics">
              {shown.map(([key, name]) => (
                <li key={key}>
                  <span>{name}</span>
                  <span class="num">{percent(language.value, metrics[key] as number, 0)}</span>
                  <meter min={0} max={1} value={metrics[key] as number} aria-label={name} />
                </li>
              ))}
            </ul>
          </Panel>
        );
      }}
    </Shown>
  );
}

export function Events({ world }: { world: Whose }) {
  const t = worldWords().events;
  const events = useRemote(world.id, (signal) =>
    call("GET /api/worlds/{world}/events", { path: { world: world.id }, query: { limit: 100 }, signal }),
  );
  const changed = () => void events.reload();
  return (
    <>
      <Panel title={t.title}>
        {mayOwn(world) && <AddEvent world={world} changed={changed} />}
        <Shown of={events}>
          {({ data }) =>
            data.length ? (
              <ul class="events">
                {data.map((event) => (
                  <EventCard key={event.id} world={world} event={event} changed={changed} />
                ))}
              </ul>
            ) : (
              <p class="quiet">{t.none}</p>
            )
          }
        </Shown>
      </Panel>
      <Metrics world={world} />
    </>
  );
}

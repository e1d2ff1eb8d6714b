// What saving would do: fields before and after, runs gained and lost. And the bar that saves.
import { instants } from "../../base/format";
import { serverZone } from "../../api/state";
import { Panel } from "../../ui/page";
import { language } from "../../words";
import { editorWords } from "../../words/editor";
import { differences } from "./draft";
import { type Editor, isWrongSchedule } from "./editor-state";
import { labelOf, valueText } from "./say";

function Instants({ list, zone, tone }: { list: readonly string[]; zone: string; tone: string }) {
  const form = instants(language.value, zone);
  return (
    <ul class={`instants ${tone}`}>
      {list.map((at) => (
        <li key={at}>
          {form.weekday(Date.parse(at))} {form.clock(Date.parse(at))}
        </li>
      ))}
    </ul>
  );
}

/** Runs of the next days that the edit adds and takes away. */
function Firings({ ed }: { ed: Editor }) {
  const t = editorWords().changes;
  const p = ed.preview.value;
  if (!p || isWrongSchedule(ed)) return null;
  const zone = ed.explanation.value?.timezone ?? serverZone.value;
  const day = instants(language.value, zone).day(Date.parse(p.until));
  const isMoved = p.gainedCount + p.lostCount > 0;
  if (!ed.id)
    return (
      <p>
        <span class="quiet">{t.firings(day)}:</span> {p.gainedCount ? t.newRuns(p.gainedCount) : t.noRuns}
      </p>
    );
  return (
    <div class="firings">
      <p class="quiet">{t.firings(day)}</p>
      <ul class="counts">
        {p.gainedCount > 0 && <li class="gained">+ {t.gained(p.gainedCount)}</li>}
        {p.lostCount > 0 && <li class="lost">− {t.lost(p.lostCount)}</li>}
        <li class="quiet">= {t.sameCount(p.sameCount)}</li>
      </ul>
      {isMoved && (
        <details>
          <summary>{t.show}</summary>
          <div class="both">
            {p.gained.length > 0 && <Instants list={p.gained.slice(0, 14)} zone={zone} tone="gained" />}
            {p.lost.length > 0 && <Instants list={p.lost.slice(0, 14)} zone={zone} tone="lost" />}
          </div>
        </details>
      )}
    </div>
  );
}

export function Changes({ ed }: { ed: Editor }) {
  const t = editorWords();
  const all = differences(ed.base.value, ed.draft.value);
  return (
    <Panel title={t.changes.title} class="edit-changes">
      {ed.id && !all.length && <p class="quiet">{t.changes.none}</p>}
      {!ed.id && <p class="quiet">{all.length ? t.changes.newNone : t.changes.newEmpty}</p>}
      <dl class="diff">
        {all.map((d) => (
          <div key={d.path} data-diff={d.path}>
            <dt>{labelOf(t, d.path)}</dt>
            <dd>
              {ed.id && (
                <>
                  <del aria-label={t.changes.before}>{valueText(t, d.path, d.before)}</del>{" "}
                  <span aria-hidden="true">→</span>{" "}
                </>
              )}
              <ins aria-label={t.changes.after}>{valueText(t, d.path, d.after)}</ins>
            </dd>
          </div>
        ))}
      </dl>
      <Firings ed={ed} />
    </Panel>
  );
}

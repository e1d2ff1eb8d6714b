// What a world remembers: summaries, and the archive of what they stand for.
import { useSignal } from "@preact/signals";
import { ApiError, call, callRaw, type Answer } from "../../api/client";
import { useRemote } from "../../api/remote";
import { bytes, number } from "../../base/format";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { Panel } from "../../ui/page";
import { Shown } from "../../ui/remote-view";
import { At } from "../../ui/time";
import { say, sayError } from "../../ui/toast";
import { language, words } from "../../words";
import { worldWords } from "../../words/world";
import { inOwnersPlace, mayOwn, type Whose } from "../worlds/deeds";

type Summary = Answer<"GET /api/worlds/{world}/summaries">["data"][number];
type Segment = Answer<"GET /api/worlds/{world}/archive">["data"][number];
const SHOWN = 200;

interface Turn {
  turn?: number;
  speaker?: string;
  text?: string;
}

/** The interactions of a segment, read when asked for. */
function Turns({ id, fromTurn }: { id: string; fromTurn: number }) {
  const t = worldWords().memory;
  const turns = useSignal<readonly Turn[] | null>(null);
  const toggle = async () => {
    if (turns.value) return void (turns.value = null);
    try {
      const response = await callRaw("GET /api/worlds/{world}/archive/{fromTurn}", {
        path: { world: id, fromTurn: String(fromTurn) },
      });
      const lines = (await response.text()).split("\n").filter(Boolean).slice(0, SHOWN);
      turns.value = lines.map((line) => JSON.parse(line) as Turn);
    } catch (error) {
      sayError(error);
    }
  };
  return (
    <>
      <Button kind="quiet" icon="file-text" expanded={!!turns.value} onClick={toggle}>
        {turns.value ? t.hide : t.read}
      </Button>
      {turns.value && (
        <ol class="turns" tabIndex={0} aria-label={t.read}>
          {turns.value.map((turn, i) => (
            <li key={i}>
              <span class="quiet num">{turn.turn}</span> <strong>{turn.speaker}</strong> {turn.text}
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

function EditDialog({
  world,
  summary,
  onClose,
  done,
}: {
  world: Whose;
  summary: Summary;
  onClose: () => void;
  done: () => void;
}) {
  const t = worldWords().memory;
  const text = useSignal(summary.text);
  const problem = useSignal("");
  const save = async (body: { text: string } | { restore: boolean }) => {
    try {
      await call("PATCH /api/worlds/{world}/summaries/{summaryId}", {
        path: { world: world.id, summaryId: summary.id },
        body,
      });
      say(t.saved);
      done();
      onClose();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 403) return void (problem.value = error.message);
      onClose();
      inOwnersPlace([world], t.edit, async (query) => {
        await call("PATCH /api/worlds/{world}/summaries/{summaryId}", {
          path: { world: world.id, summaryId: summary.id },
          ...(query ? { query } : {}),
          body,
        });
        say(t.saved);
        done();
      });
    }
  };
  return (
    <Dialog title={t.edit} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save({ text: text.value });
        }}
      >
        <Field label={t.text} error={problem.value}>
          {(ids) => (
            <textarea
              {...ids}
              rows={8}
              value={text.value}
              onInput={(event) => void (text.value = event.currentTarget.value)}
            />
          )}
        </Field>
        <footer>
          <Button kind="quiet" icon="rotate-ccw" onClick={() => void save({ restore: true })}>
            {t.original}
          </Button>
          <Button kind="main" type="submit">
            {words().actions.save}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function SummaryCard({
  world,
  summary,
  edit,
  changed,
}: {
  world: Whose;
  summary: Summary;
  edit: () => void;
  changed: () => void;
}) {
  const t = worldWords().memory;
  const n = (turn: number) => number(language.value, turn);
  const pin = () =>
    inOwnersPlace([world], summary.isPinned ? t.unpin : t.pin, async (query) => {
      await call("PATCH /api/worlds/{world}/summaries/{summaryId}", {
        path: { world: world.id, summaryId: summary.id },
        ...(query ? { query } : {}),
        body: { isPinned: !summary.isPinned },
      });
      changed();
    });
  return (
    <li class="summary">
      <header>
        <strong>{summary.level < 0 ? t.reflection : t.level(summary.level)}</strong>
        <span class="quiet small">{t.turns(n(summary.fromTurn), n(summary.toTurn), summary.count)}</span>
        {summary.isPinned && <span class="tag">{t.pinned}</span>}
        <span class="tag">{summary.method}</span>
      </header>
      <p>{summary.text}</p>
      <div class="summary-deeds">
        {summary.level === 0 && <Turns id={world.id} fromTurn={summary.fromTurn} />}
        {mayOwn(world) && (
          <>
            <Button kind="quiet" icon="pencil" onClick={edit}>
              {t.edit}
            </Button>
            <Button kind="quiet" onClick={pin}>
              {summary.isPinned ? t.unpin : t.pin}
            </Button>
          </>
        )}
      </div>
    </li>
  );
}

function SegmentRow({ world, segment, changed }: { world: Whose; segment: Segment; changed: () => void }) {
  const t = worldWords().memory;
  const restore = () =>
    inOwnersPlace([world], t.restore, async (query) => {
      const got = await call("POST /api/worlds/{world}/archive/restore", {
        path: { world: world.id },
        ...(query ? { query } : {}),
        body: { fromTurn: segment.fromTurn },
      });
      say(t.restored(got.restored));
      changed();
    });
  return (
    <li>
      <span>
        {t.turns(
          number(language.value, segment.fromTurn),
          number(language.value, segment.toTurn),
          segment.count,
        )}{" "}
        <span class="quiet small">
          {t.stored(bytes(language.value, segment.storedBytes), bytes(language.value, segment.bytes))} ·{" "}
          <At when={segment.createdAt} /> · <code title={segment.sha256}>{segment.sha256.slice(0, 10)}</code>
        </span>
      </span>
      <span class="segment-deeds">
        <Turns id={world.id} fromTurn={segment.fromTurn} />
        {mayOwn(world) && (
          <Button kind="quiet" icon="rotate-ccw" onClick={restore}>
            {t.restore}
          </Button>
        )}
      </span>
    </li>
  );
}

export function Memory({ world }: { world: Whose }) {
  const t = worldWords().memory;
  const path = { world: world.id };
  const editing = useSignal<Summary | null>(null);
  const summaries = useRemote(world.id, (signal) =>
    call("GET /api/worlds/{world}/summaries", { path, query: { limit: 200 }, signal }),
  );
  const archive = useRemote(world.id, (signal) =>
    call("GET /api/worlds/{world}/archive", { path, query: { limit: 200 }, signal }),
  );
  return (
    <>
      <Panel title={t.summaries} note={t.summariesNote}>
        <Shown of={summaries}>
          {({ data }) =>
            data.length ? (
              <ul class="summaries">
                {data.map((summary) => (
                  <SummaryCard
                    key={summary.id}
                    world={world}
                    summary={summary}
                    edit={() => void (editing.value = summary)}
                    changed={() => void summaries.reload()}
                  />
                ))}
              </ul>
            ) : (
              <p class="quiet">{t.none}</p>
            )
          }
        </Shown>
      </Panel>
      <Panel title={t.archive} note={t.archiveNote}>
        <Shown of={archive}>
          {({ data }) =>
            data.length ? (
              <ul class="segments">
                {data.map((segment) => (
                  <SegmentRow
                    key={segment.fromTurn}
                    world={world}
                    segment={segment}
                    changed={() => void archive.reload()}
                  />
                ))}
              </ul>
            ) : (
              <p class="quiet">{t.archiveNone}</p>
            )
          }
        </Shown>
      </Panel>
      {editing.value && (
        <EditDialog
          world={world}
          summary={editing.value}
          onClose={() => void (editing.value = null)}
          done={() => void summaries.reload()}
        />
      )}
    </>
  );
}

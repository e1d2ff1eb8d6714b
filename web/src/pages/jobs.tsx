// All jobs at a glance: one filter, one list however long, live, and what can be done with one or many of them.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useLive, onResync } from "../api/live";
import { may } from "../api/state";
import { useKeys } from "../base/keys";
import { number } from "../base/format";
import { remembered } from "../base/remember";
import { go, href, query, setQuery } from "../base/url";
import { Button } from "../ui/button";
import { FilterBox } from "../ui/filter-box";
import { Page } from "../ui/page";
import { ErrorNotice, Loading, Notice } from "../ui/remote-view";
import { VirtualList } from "../ui/virtual-list";
import { ZonePicker } from "../ui/zone-picker";
import { language, words } from "../words";
import { jobsWords } from "../words/jobs";
import { BulkBar } from "./jobs/bulk";
import { pauseJob, resumeJob, runJob } from "./jobs/deeds";
import { JobList } from "./jobs/list";
import { Row } from "./jobs/row";
import { Views } from "./jobs/views-bar";
import "../style/pages/jobs.css";

const density = remembered<"normal" | "compact">("density", "normal");
const sorts = {
  state: "state",
  name: "name",
  last: "last",
  took: "took",
  next: "next",
} as const;

/** Row height in pixels, as the style sheet draws it. */
function rowHeight(isCompact: boolean): number {
  if (window.matchMedia("(max-width: 720px)").matches) return 84;
  if (window.matchMedia("(pointer: coarse)").matches) return 56;
  return isCompact ? 36 : 44;
}

function Heads() {
  const t = jobsWords();
  const sort = query.value.get("sort") ?? "name";
  const isDown = query.value.get("down") === "1";
  const head = (key: "state" | "name" | "when" | "runs" | "last" | "took" | "next" | "deeds") => {
    const by = key in sorts ? sorts[key as keyof typeof sorts] : null;
    const isSorted = by === sort;
    const order = isSorted ? (isDown ? "descending" : "ascending") : undefined;
    return (
      <span role="columnheader" class={key} aria-sort={order}>
        {by ? (
          <button
            type="button"
            title={t.sortBy(t.columns[key].toLowerCase())}
            onClick={() =>
              setQuery({
                sort: by === "name" ? null : by,
                down: isSorted && !isDown ? "1" : null,
              })
            }
          >
            {t.columns[key]}
            {isSorted && <i aria-hidden="true">{isDown ? " ↓" : " ↑"}</i>}
          </button>
        ) : key === "deeds" ? (
          <span class="visually-hidden">{t.columns[key]}</span>
        ) : (
          t.columns[key]
        )}
      </span>
    );
  };
  return (
    <div class="jobs-row heads" role="row" aria-rowindex={1}>
      <span role="columnheader" class="pick">
        <span class="visually-hidden">{words().actions.select}</span>
      </span>
      {head("state")}
      {head("name")}
      {head("when")}
      {head("runs")}
      {head("last")}
      {head("took")}
      {head("next")}
      {head("deeds")}
    </div>
  );
}

/** A row that is seen before it is there asks for its window. */
function Slot(props: {
  list: JobList;
  id: string | null;
  index: number;
  isChosen: boolean;
  isCurrent: boolean;
  choose: () => void;
}) {
  const { list, id, index } = props;
  useEffect(() => list.see(index), [index, id, list.round.value]);
  const row = id ? list.row(id) : undefined;
  if (!row) return <div class="jobs-row coming" role="row" aria-rowindex={index + 2} aria-busy="true" />;
  return (
    <Row
      row={row}
      index={index}
      isChosen={props.isChosen}
      isCurrent={props.isCurrent}
      choose={props.choose}
    />
  );
}

function Held({ list }: { list: JobList }) {
  const t = jobsWords();
  const n = list.held.value.size;
  return (
    <div class="held" role="status">
      {n > 0 && (
        <>
          <span title={t.heldNote}>{t.held(n)}</span>
          <Button onClick={() => void list.reload()}>{words().actions.apply}</Button>
        </>
      )}
    </div>
  );
}

export function JobsPage() {
  const w = words();
  const t = jobsWords();
  const list = useMemo(() => new JobList(), []);
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const current = useSignal<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const q = query.value.get("q") ?? "";
  const height = rowHeight(density.value === "compact");

  useEffect(() => {
    const sort = query.value.get("sort") ?? "name";
    list.ask({
      q,
      sort,
      isDown: query.value.get("down") === "1",
      lang: language.value,
    });
  }, [query.value, language.value]);
  useEffect(() => onResync(() => void list.reload()), []);
  useEffect(() => () => list.stop(), []);
  useLive("jobs", (events) => list.hear(events));

  const choose = (id: string) => {
    const next = new Set(chosen.peek());
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
  };
  const focusOn = (id: string, index: number) => {
    const height = rowHeight(density.peek() === "compact");
    current.value = id;
    const top = (box.current?.getBoundingClientRect().top ?? 0) + window.scrollY + index * height;
    const margin = 120;
    if (top < window.scrollY + margin) window.scrollTo(0, top - margin);
    else if (top > window.scrollY + window.innerHeight - margin - height)
      window.scrollTo(0, top - window.innerHeight + margin + height);
    requestAnimationFrame(() =>
      box.current?.querySelector<HTMLElement>(`[data-job="${id}"] .name a`)?.focus({ preventScroll: true }),
    );
  };
  const move = (step: number) => {
    const slots = list.slots.peek();
    const at = slots.findIndex((s) => s.id === current.peek());
    const to = Math.min(Math.max(at < 0 ? 0 : at + step, 0), slots.length - 1);
    const id = slots[to]?.id;
    if (id) focusOn(id, to);
  };
  const withCurrent = (doIt: (id: string, name: string) => void) => {
    const row = current.peek() ? list.peek(current.peek() ?? "") : undefined;
    if (row) doIt(row.id, row.name);
  };
  useEffect(() => {
    const k = () => words().keys;
    const keys = [
      { keys: "j", text: () => k().next, run: () => move(1), isRepeated: true },
      { keys: "k", text: () => k().previous, run: () => move(-1), isRepeated: true },
      { keys: "x", text: () => k().select, run: () => withCurrent(choose) },
      {
        keys: "l",
        text: () => k().log,
        run: () => withCurrent((id) => go(`/jobs/${id}/runs`)),
      },
    ];
    const operator = [
      {
        keys: "R",
        text: () => k().run,
        run: () => withCurrent((id, name) => void runJob(id, name)),
      },
      {
        keys: "p",
        text: () => k().pause,
        run: () =>
          withCurrent(
            (id, name) => void (list.peek(id)?.gate === "paused" ? resumeJob(id, name) : pauseJob(id, name)),
          ),
      },
    ];
    const editor = [
      {
        keys: "e",
        text: () => k().edit,
        run: () => withCurrent((id) => go(`/jobs/${id}/edit`)),
      },
    ];
    return useKeys([...keys, ...(may("operator") ? operator : []), ...(may("editor") ? editor : [])]);
  }, []);

  const slots = list.slots.value;
  const error = list.error.value;
  const isFilterWrong = error?.field === "q";
  const all = list.total.value;
  return (
    <Page
      title={t.title}
      sub={<ZonePicker />}
      isWide
      actions={
        may("editor") && (
          <a class="button main" href={href("/jobs/new")}>
            + {w.actions.newJob}
          </a>
        )
      }
    >
      <div class="jobs-tools">
        <FilterBox list="jobs" placeholder={t.placeholder} error={error} />
        <span class="jobs-count" role="status">
          {all !== null && t.shown(number(language.value, list.matched.value), number(language.value, all))}
        </span>
        <Held list={list} />
        <Button
          kind="quiet"
          pressed={density.value === "compact"}
          label={t.density.compact}
          icon="list"
          class="density"
          onClick={() => void (density.value = density.value === "compact" ? "normal" : "compact")}
        />
      </div>
      <Views q={q} states={list.states.value} total={all} />
      {error && !isFilterWrong && slots.length === 0 ? (
        <ErrorNotice error={error} again={() => void list.reload()} />
      ) : slots.length === 0 && list.isLoading.value ? (
        <Loading />
      ) : slots.length === 0 ? (
        <Notice icon="list" title={q ? t.noneTitle : t.emptyTitle}>
          <p>{q ? t.noneText : t.emptyText}</p>
          {q && <Button onClick={() => setQuery({ q: null })}>{w.actions.clear}</Button>}
        </Notice>
      ) : (
        <div
          class={`jobs-table ${density.value} ${isFilterWrong ? "dim" : ""}`}
          role="table"
          aria-label={t.table}
          aria-rowcount={slots.length + 1}
          onPointerEnter={() => list.hold(true)}
          onPointerLeave={() => list.hold(!!box.current?.contains(document.activeElement))}
          onFocusCapture={(event) => {
            list.hold(true);
            const row = (event.target as HTMLElement).closest<HTMLElement>("[data-job]");
            if (row?.dataset["job"]) current.value = row.dataset["job"];
          }}
          onBlurCapture={(event) =>
            list.hold(
              box.current?.contains(event.relatedTarget as Node | null) || !!box.current?.matches(":hover"),
            )
          }
        >
          <Heads />
          <div ref={box} role="presentation">
            <VirtualList rows={slots} rowHeight={height} keyOf={(slot) => slot.key} role="rowgroup">
              {(slot, index) => (
                <Slot
                  list={list}
                  id={slot.id}
                  index={index}
                  isChosen={slot.id !== null && chosen.value.has(slot.id)}
                  isCurrent={slot.id !== null && current.value === slot.id}
                  choose={() => slot.id && choose(slot.id)}
                />
              )}
            </VirtualList>
          </div>
        </div>
      )}
      <BulkBar list={list} chosen={chosen} q={q} />
    </Page>
  );
}

// All runs, newest first: filtered by the server, read as one scrolls, patched as they happen.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { ApiError, call } from "../api/client";
import { onResync, useLive } from "../api/live";
import { may } from "../api/state";
import { number } from "../base/format";
import { useKeys } from "../base/keys";
import { query } from "../base/url";
import { Button } from "../ui/button";
import { ChosenBar } from "../ui/chosen-bar";
import { Confirm } from "../ui/dialog";
import { FilterBox } from "../ui/filter-box";
import { Page } from "../ui/page";
import { ErrorNotice, Loading, Notice } from "../ui/remote-view";
import { Tabs } from "../ui/tabs";
import { say, sayError } from "../ui/toast";
import { VirtualList } from "../ui/virtual-list";
import { ZonePicker } from "../ui/zone-picker";
import { language, words } from "../words";
import { jobsWords } from "../words/jobs";
import { runsWords } from "../words/runs";
import { isOver, losesParams, repeatRun } from "./run/run-parts";
import { ROWS_MAX, RunList, type RunEvent, type RunRow } from "./runs/list";
import { RunListRow } from "./runs/row";
import "../style/pages/runs.css";

const AT_ONCE = 4; // requests of one bulk action side by side
const AUTO_MS = 1000;

const views = [
  { key: "all", q: "" },
  { key: "running", q: "status:running" },
  { key: "queued", q: "status:queued" },
  { key: "failed", q: "status:failed,timeout,lost" },
  { key: "manual", q: "trigger:manual,api" },
] as const;

/** Does it to each, a few side by side; gives how many failed and the first reason. */
async function forEach(rows: readonly RunRow[], act: (row: RunRow) => Promise<unknown>) {
  let failed = 0;
  let why: ApiError | null = null;
  const left = rows.slice();
  const worker = async () => {
    for (let row = left.shift(); row; row = left.shift()) {
      try {
        await act(row);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failed++;
        why ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { failed, why: why as ApiError | null };
}

export function RunsPage() {
  const t = runsWords();
  const q = query.value.get("q") ?? "";
  const list = useMemo(() => new RunList(), []);
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const isStopAsked = useSignal(false);
  const isBusy = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  const sentinel = useRef<HTMLDivElement>(null);
  const mayAct = may("operator");
  const rowHeight = useRowHeight();

  useEffect(() => {
    chosen.value = new Set();
    void list.load(q);
  }, [q]);
  useEffect(() => {
    const stop = onResync(() => void list.load(query.peek().get("q") ?? ""));
    return () => {
      stop();
      list.stop();
    };
  }, []);

  // New runs come by themselves while nobody is in the list and its top is seen.
  const isInList = () =>
    box.current !== null && (box.current.matches(":hover") || box.current.contains(document.activeElement));
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useLive("runs", (events) => {
    list.hear(events as readonly RunEvent[]);
    if (!list.waiting.peek() || timer.current !== undefined) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      if (list.waiting.peek() && !isInList() && window.scrollY < rowHeight && !document.hidden)
        void list.load(query.peek().get("q") ?? "");
    }, AUTO_MS);
  });

  useEffect(() => {
    const element = sentinel.current;
    if (!element) return;
    const watcher = new IntersectionObserver(
      (entries) => entries.some((e) => e.isIntersecting) && void list.more(),
      {
        rootMargin: "900px",
      },
    );
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [list.rows.value.length, list.hasMore.value]);

  const choose = (id: string) => {
    const next = new Set(chosen.peek());
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
  };
  useEffect(() => {
    const focused = () => document.activeElement?.closest<HTMLElement>("[data-run]") ?? null;
    const move = (by: number) => {
      const all = [...(box.current?.querySelectorAll<HTMLElement>("[data-run]") ?? [])].sort(
        (a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top,
      );
      const row = focused();
      const to = row ? all[all.indexOf(row) + by] : all.find((r) => r.getBoundingClientRect().top >= 0);
      const link = to?.querySelector<HTMLElement>("a.name");
      link?.focus({ preventScroll: true });
      to?.scrollIntoView({ block: "nearest" });
    };
    return useKeys([
      { keys: "j", text: () => words().keys.next, run: () => move(1), isRepeated: true },
      { keys: "k", text: () => words().keys.previous, run: () => move(-1), isRepeated: true },
      {
        keys: "x",
        text: () => words().keys.select,
        run: () => {
          const id = focused()?.dataset["run"];
          if (id && may("operator")) choose(id);
        },
      },
    ]);
  }, []);

  const rows = list.rows.value;
  const picked = rows.filter((row) => chosen.value.has(row.id));
  const stoppable = picked.filter((row) => !isOver(row.status));
  const repeatable = picked.filter((row) => row.jobName !== null && !losesParams(row));
  const tell = (all: number, got: { failed: number; why: ApiError | null }, done: (n: number) => string) => {
    if (got.why)
      sayError(new ApiError(got.why.status, { detail: t.someFailed(got.failed, all, got.why.message) }));
    if (all > got.failed) say(done(all - got.failed));
  };
  const repeat = async () => {
    isBusy.value = true;
    tell(repeatable.length, await forEach(repeatable, repeatRun), t.repeated);
    isBusy.value = false;
    chosen.value = new Set();
  };
  const stop = async () => {
    const got = await forEach(stoppable, (row) =>
      call("POST /api/cron/executions/{id}/cancel", { path: { id: row.id } }),
    );
    tell(stoppable.length, got, t.stopped);
    chosen.value = new Set();
  };

  const error = list.error.value;
  const isOwnFault = error?.field === "q";
  return (
    <Page
      title={t.title}
      sub={
        <span class="run-sub">
          {list.isThere.value && <span>{t.loaded(rows.length)}</span>} <ZonePicker />
        </span>
      }
    >
      <FilterBox list="runs" placeholder={t.filter} error={error} />
      <Tabs
        label={t.title}
        current={views.find((v) => v.q === q)?.key ?? ""}
        tabs={views.map((v) => ({
          key: v.key,
          text: t.views[v.key],
          to: v.q ? `/runs?q=${v.q}` : "/runs",
        }))}
      />
      {error && !isOwnFault && list.isThere.value && (
        <p class="stale" role="status">
          {words().failed(error.message)}
        </p>
      )}
      {!list.isThere.value ? (
        error && !isOwnFault ? (
          <ErrorNotice error={error} again={() => void list.load(q)} />
        ) : (
          !error && <Loading />
        )
      ) : rows.length === 0 ? (
        <Notice icon={q ? "search" : "play"} title={q ? t.emptyFiltered : t.empty}>
          <p>{q ? t.emptyFilteredText : t.emptyText}</p>
        </Notice>
      ) : (
        <div class="panel run-list" ref={box}>
          <div class="newer" role="status">
            {list.waiting.value > 0 && (
              <Button kind="quiet" onClick={() => void list.load(q)}>
                {q ? jobsWords().held(list.waiting.value) : t.newer(list.waiting.value)} · {t.show}
              </Button>
            )}
          </div>
          <div
            role="table"
            aria-label={t.title}
            aria-rowcount={rows.length + 1}
            aria-busy={list.isLoading.value}
          >
            <div role="rowgroup">
              <div class="run-row head" role="row" aria-rowindex={1}>
                <span role="columnheader" class="choose">
                  {mayAct && (
                    <input
                      type="checkbox"
                      aria-label={words().actions.selectAll}
                      checked={picked.length > 0 && picked.length === rows.length}
                      onChange={(event) =>
                        void (chosen.value = new Set(
                          event.currentTarget.checked ? rows.map((r) => r.id) : [],
                        ))
                      }
                    />
                  )}
                </span>
                <span role="columnheader">{t.columns.state}</span>
                <span role="columnheader">{t.columns.job}</span>
                <span role="columnheader" class="trigger">
                  {t.columns.trigger}
                </span>
                <span role="columnheader" class="due">
                  {t.columns.due}
                </span>
                <span role="columnheader" class="started">
                  {t.columns.started}
                </span>
                <span role="columnheader" class="lag">
                  {t.columns.lag}
                </span>
                <span role="columnheader" class="took">
                  {t.columns.duration}
                </span>
                <span role="columnheader" class="attempt">
                  {t.columns.attempt}
                </span>
                <span role="columnheader" class="end">
                  {t.columns.end}
                </span>
              </div>
            </div>
            <VirtualList rows={rows} rowHeight={rowHeight} keyOf={(row) => row.id} role="rowgroup">
              {(row, index) => (
                <RunListRow
                  run={row}
                  index={index}
                  isChosen={chosen.value.has(row.id)}
                  mayChoose={mayAct}
                  onChoose={choose}
                />
              )}
            </VirtualList>
          </div>
          <div class="more quiet" ref={sentinel}>
            {rows.length >= ROWS_MAX
              ? t.tooMany(rows.length)
              : list.hasMore.value
                ? t.loadingMore
                : rows.length > 20 && t.end}
          </div>
        </div>
      )}
      {picked.length > 0 && (
        <ChosenBar label={t.chosen(picked.length)}>
          {repeatable.length > 0 && (
            <Button icon="rotate-ccw" isBusy={isBusy.value} onClick={() => void repeat()}>
              {t.repeat}
            </Button>
          )}
          {stoppable.length > 0 && (
            <Button icon="square" kind="danger" onClick={() => void (isStopAsked.value = true)}>
              {t.stop} ({number(language.value, stoppable.length)})
            </Button>
          )}
          <Button
            kind="quiet"
            icon="x"
            label={words().actions.cancel}
            onClick={() => void (chosen.value = new Set())}
          />
        </ChosenBar>
      )}
      {isStopAsked.value && stoppable.length > 0 && (
        <Confirm
          title={t.stopTitle(stoppable.length)}
          text={<p>{t.stopText}</p>}
          verb={t.stop}
          act={stop}
          onClose={() => void (isStopAsked.value = false)}
        />
      )}
    </Page>
  );
}

/** Rows are two lines high where the window is narrow. */
function useRowHeight(): number {
  const narrow = useMemo(() => matchMedia("(max-width: 720px)"), []);
  const height = useSignal(narrow.matches ? 64 : 44);
  useEffect(() => {
    const look = () => void (height.value = narrow.matches ? 64 : 44);
    narrow.addEventListener("change", look);
    return () => narrow.removeEventListener("change", look);
  }, []);
  return height.value;
}

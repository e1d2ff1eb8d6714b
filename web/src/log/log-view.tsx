// The output of a run: read where it is looked at, followed while it lives, searched by the server.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { apiUrl, call } from "../api/client";
import { useKeys } from "../base/keys";
import { number as numberText } from "../base/format";
import { remembered } from "../base/remember";
import { fragment, go, path, query } from "../base/url";
import { Button } from "../ui/button";
import { Copy } from "../ui/copy";
import { Icon } from "../ui/icon";
import { ErrorNotice, Loading } from "../ui/remote-view";
import { errorText, sayError } from "../ui/toast";
import { language, words } from "../words";
import { runWords } from "../words/run";
import { bucketNear, ErrorMap } from "./error-map";
import { Finder, MATCHES_MAX } from "./finder";
import { listenOutput, type Usage } from "./live-output";
import { lineLink, LogRow } from "./log-line";
import { LogWindow, type WindowHandle } from "./log-window";
import { positionToShow, ROW_PX } from "./scroll";
import { LogStore, looksWrong } from "./store";

const ERROR_LINES_MAX = 5000;
const INDEX_EVERY_MS = 3000;
const SEEN_FIRST = 40; // lines around where the view begins
const wrapChoice = remembered<"on" | "off">("wrap", "off");

/** "#L7" → 7 */
export const lineOfFragment = (text: string) => {
  const found = /^#L(\d{1,9})$/.exec(text);
  return found ? Math.max(1, Number(found[1])) : 0;
};

/** The output of a run, on its way: before its view is there, while the run itself is being read. */
export function openLog(id: string): LogStore {
  const ask = { path: { id } };
  const store = new LogStore({
    index: () => call("GET /api/cron/executions/{id}/output/index", ask),
    lines: (from, count) =>
      call("GET /api/cron/executions/{id}/output/lines", { ...ask, query: { from, count } }),
  });
  void store.load();
  return store;
}

interface LogViewProps {
  id: string;
  /** Of openLog; whoever opened it stops it. */
  store: LogStore;
  isLive: boolean;
  startedAt: string | null;
  onUsage?: (usage: Usage) => void;
  /** Where to begin when the address names no line. */
  begin: "top" | "end";
}

export function LogView(props: LogViewProps) {
  const { id, store, isLive } = props;
  const t = runWords().log;
  store.startedAt = props.startedAt ? Date.parse(props.startedAt) : null;
  const search = useMemo(() => new Finder(), [id]);
  const errorList = useMemo(() => new Finder(ERROR_LINES_MAX), [id]);
  const needle = useSignal("");
  const match = useSignal(-1); // which one of the search is current
  const onlyErrors = useSignal(false);
  const isFollowing = useSignal(isLive && !lineOfFragment(fragment.peek()));
  const seenCount = useSignal(0); // lines there were when following stopped
  const seen = useSignal<[number, number]>([0, 0]);
  const handle = useRef<WindowHandle | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const isWrapped = wrapChoice.value === "on";
  const current = lineOfFragment(fragment.value);

  // ---- what is there
  useMemo(() => {
    const at = current || (props.begin === "end" ? store.count.peek() : 1);
    store.want(at - SEEN_FIRST, at + SEEN_FIRST);
  }, [store]);
  useEffect(
    () => () => {
      search.stop();
      errorList.stop();
    },
    [store],
  );
  const wasLive = useRef(isLive);
  useEffect(() => {
    if (wasLive.current && !isLive) void store.load(true); // it has ended: times are exact now
    wasLive.current = isLive;
    if (!isLive) return;
    return listenOutput(
      id,
      (piece) => {
        store.append(piece);
        if (piece.text && looksWrong(piece.text)) indexSoon();
      },
      (usage) => props.onUsage?.(usage),
      () => store.resync(),
    );
  }, [id, isLive]);
  const indexTimer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const indexSoon = () => {
    if (indexTimer.current !== undefined) return;
    indexTimer.current = setTimeout(() => {
      indexTimer.current = undefined;
      void store.load();
    }, INDEX_EVERY_MS);
  };
  useEffect(() => () => clearTimeout(indexTimer.current), []);

  // ---- moving
  const index = store.index.value;
  const show = (line: number) => {
    const h = handle.current;
    if (!h) return;
    isFollowing.value = false;
    seenCount.value = store.count.peek();
    h.moveTo(positionToShow(h.extent(), h.position(), line));
  };
  const point = (line: number) => {
    if (lineOfFragment(fragment.peek()) !== line)
      go(`${path.peek()}${query.peek().size ? `?${query.peek().toString()}` : ""}#L${line}`, {
        replace: true,
      });
    show(line);
  };
  const isPlaced = useRef(false);
  useLayoutEffect(() => {
    if (!index || isPlaced.current || !handle.current) return;
    isPlaced.current = true;
    if (current) show(current);
    else if (props.begin === "end") handle.current.moveTo(Infinity);
  });
  useEffect(() => {
    if (isPlaced.current && current) show(current);
  }, [current]);
  const follow = () => {
    onlyErrors.value = false;
    isFollowing.value = true;
  };
  const onMove = (isEnd: boolean) => {
    if (!isLive || onlyErrors.peek()) return;
    if (isFollowing.peek() && !isEnd) seenCount.value = store.count.peek();
    isFollowing.value = isEnd;
  };

  // ---- searching
  const runSearch = (text: string) => {
    needle.value = text;
    match.value = -1;
    if (!text) return search.clear();
    void search
      .find((after, signal) =>
        call("GET /api/cron/executions/{id}/output/search", {
          path: { id },
          query: { text, after, limit: 5000 },
          signal,
        }),
      )
      .then(() => match.peek() < 0 && needle.peek() === text && step(true));
  };
  const searchTimer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const onType = (text: string) => {
    clearTimeout(searchTimer.current);
    searchTimer.current = setTimeout(() => runSearch(text.trim()), 180);
  };
  useEffect(() => () => clearTimeout(searchTimer.current), []);
  const step = (isForward: boolean) => {
    const list = search.lines.peek();
    if (!list.length) return;
    const from = match.peek() >= 0 ? (list[match.peek()]?.line ?? 0) : seen.peek()[0];
    match.value = search.step(from, isForward);
    const line = list[match.peek()]?.line;
    onlyErrors.value = false;
    if (line) point(line);
  };
  const showErrors = () => {
    onlyErrors.value = !onlyErrors.peek();
    isFollowing.value = false;
    if (!onlyErrors.peek()) return;
    void errorList.find((after, signal) =>
      call("GET /api/cron/executions/{id}/output/search", {
        path: { id },
        query: { errors: true, texts: true, after, limit: 1000 },
        signal,
      }),
    );
  };
  const pick = async (place: number) => {
    if (!index) return;
    const buckets = index.buckets as number[];
    const bucket = bucketNear(buckets, index.bucketLines, index.lines, place);
    onlyErrors.value = false;
    if (bucket === null) return point(Math.max(1, Math.round(place * index.lines)));
    try {
      const got = await call("GET /api/cron/executions/{id}/output/search", {
        path: { id },
        query: { errors: true, after: bucket * index.bucketLines, limit: 1 },
      });
      const line = got.data[0]?.line;
      if (line) point(line);
    } catch (error) {
      sayError(error);
    }
  };

  useEffect(
    () =>
      useKeys([
        { keys: "f", text: () => runWords().log.follow, run: follow },
        {
          keys: "w",
          text: () => runWords().log.wrap,
          run: () => void (wrapChoice.value = wrapChoice.peek() === "on" ? "off" : "on"),
        },
        { keys: "n", text: () => runWords().log.next, run: () => step(true), isRepeated: true },
        { keys: "N", text: () => runWords().log.previous, run: () => step(false), isRepeated: true },
      ]),
    [store],
  );

  const rows = useComputed(() => (onlyErrors.value ? errorList.lines.value.length : store.count.value));
  const missed = Math.max(0, store.count.value - seenCount.value);
  void store.changed.value;
  const found = search.lines.value.length;
  const foundText = `${numberText(language.value, found)}${search.isBusy.value ? "…" : found >= MATCHES_MAX ? "+" : ""}`;
  const row = (i: number) => {
    const line = onlyErrors.peek() ? errorList.lines.peek()[i] : store.at(i + 1);
    const n = onlyErrors.peek() ? (line?.line ?? 0) : i + 1;
    return (
      <LogRow
        key={n}
        number={n}
        line={line}
        hasTimes={(index?.hasTimes ?? false) || isLive}
        needle={needle.value}
        isCurrent={n === current}
      />
    );
  };
  const rowsSeen = seen.value[1] - seen.value[0];

  return (
    <section class="panel log" aria-label={t.title}>
      <header class="log-head">
        <h2>{t.title}</h2>
        <span class="panel-note" data-count={store.count.value}>
          {t.lines(store.count.value)}
          {isLive && ` · ${t.live}`}
        </span>
        <div class="log-tools">
          <span class="log-search" role="search">
            <Icon name="search" />
            <input
              ref={input}
              type="search"
              data-filter
              aria-label={t.search}
              placeholder={t.search}
              spellcheck={false}
              autocomplete="off"
              onInput={(event) => onType(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === "Escape") {
                  event.currentTarget.value = "";
                  runSearch("");
                  event.currentTarget.blur();
                }
                if (event.key !== "Enter") return;
                event.preventDefault();
                const text = event.currentTarget.value.trim();
                clearTimeout(searchTimer.current);
                if (text !== needle.peek()) runSearch(text);
                else step(!event.shiftKey);
              }}
            />
            {needle.value && (
              <>
                <span class="log-found" role="status">
                  {search.error.value
                    ? words().failed(errorText(search.error.value))
                    : found
                      ? t.at(Math.max(0, match.value) + 1, foundText)
                      : search.isBusy.value
                        ? t.searching
                        : t.none}
                </span>
                <Button kind="quiet" icon="chevron-left" label={t.previous} onClick={() => step(false)} />
                <Button kind="quiet" icon="chevron-right" label={t.next} onClick={() => step(true)} />
              </>
            )}
          </span>
          <JumpTo count={store.count.value} onJump={point} />
          {(index?.errors ?? 0) > 0 && (
            <Button pressed={onlyErrors.value} onClick={showErrors}>
              {t.errors(index?.errors ?? 0)}
            </Button>
          )}
          <Button
            pressed={isWrapped}
            onClick={() => void (wrapChoice.value = isWrapped ? "off" : "on")}
            keys="w"
          >
            {t.wrap}
          </Button>
          {index && index.source !== "none" && (
            <a
              class="button bare"
              href={apiUrl(`/api/cron/executions/${id}/output`)}
              download={`${id}.txt`}
              title={t.download}
              aria-label={t.download}
            >
              <Icon name="download" />
            </a>
          )}
          {isLive && (
            <Button
              kind={isFollowing.value ? "plain" : "main"}
              icon="arrow-down"
              pressed={isFollowing.value}
              onClick={follow}
              keys="f"
            >
              {isFollowing.value || !missed ? t.follow : t.followMore(missed)}
            </Button>
          )}
        </div>
      </header>
      {index?.isCut && <p class="log-note">{isLive ? t.cutLive : t.cut}</p>}
      {index?.source === "row" && <p class="log-note">{t.row}</p>}
      {store.error.value && !index ? (
        <ErrorNotice error={store.error.value} again={() => void store.load()} />
      ) : !index ? (
        <Loading />
      ) : (
        <div class="log-body">
          {rows.value === 0 && (
            <p class="log-empty quiet">
              {onlyErrors.value
                ? errorList.error.value
                  ? words().failed(errorText(errorList.error.value))
                  : errorList.isBusy.value
                    ? t.searching
                    : t.errorsNone
                : isLive
                  ? t.empty
                  : t.silent}
            </p>
          )}
          <LogWindow
            count={rows.value}
            isWrapped={isWrapped}
            minRows={isLive ? 16 : 4}
            isFollowing={isFollowing.value && isLive}
            onMove={onMove}
            onSee={(first, last) => {
              seen.value = [first, last];
              if (!onlyErrors.peek()) store.want(first + 1 - 20, last + 20);
            }}
            row={row}
            handle={handle}
          />
          {index.errors > 0 && rows.value > rowsSeen && !onlyErrors.value && (
            <ErrorMap
              buckets={index.buckets as number[]}
              bucketLines={index.bucketLines}
              lines={Math.max(index.lines, 1)}
              from={seen.value[0] / Math.max(1, rows.value)}
              to={seen.value[1] / Math.max(1, rows.value)}
              onPick={(place) => void pick(place)}
            />
          )}
          {current > 0 && current <= store.count.value && (
            <div class="log-picked">
              <span class="num">
                {t.jumpShort} {numberText(language.value, current)}
              </span>
              <Copy text={location.origin + lineLink(current)} label={t.copyLink} />
            </div>
          )}
        </div>
      )}
    </section>
  );
}

function JumpTo(props: { count: number; onJump: (line: number) => void }) {
  const t = runWords().log;
  if (props.count * ROW_PX < 2000) return null;
  return (
    <form
      class="log-jump"
      onSubmit={(event) => {
        event.preventDefault();
        const line = Number(new FormData(event.currentTarget).get("line"));
        if (line >= 1) props.onJump(Math.min(Math.floor(line), props.count));
      }}
    >
      <input
        type="number"
        name="line"
        min={1}
        max={props.count}
        inputMode="numeric"
        aria-label={t.jump}
        placeholder={t.jumpShort}
      />
    </form>
  );
}

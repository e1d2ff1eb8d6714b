// What a page has asked the server for: loading, there, or why not. Kept while it is asked again, so nothing flickers.
import { signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { ApiError } from "./client";
import { onResync } from "./live";

export interface Remote<T> {
  data: ReadonlySignal<T | undefined>;
  error: ReadonlySignal<ApiError | null>;
  isLoading: ReadonlySignal<boolean>;
  /** Asks again; what is there stays until the answer comes. */
  reload(): Promise<void>;
  /** Changes what is there, after a live event or an own action. */
  patch(change: (old: T) => T): void;
}

/** Calls `load` now, whenever `key` changes, and when live events may have been missed. */
export function useRemote<T>(key: string, load: (abort: AbortSignal) => Promise<T>): Remote<T> {
  const newest = useRef(load);
  newest.current = load;
  const remote = useMemo(() => makeRemote<T>((abort) => newest.current(abort)), []);
  useLayoutEffect(() => {
    void remote.reload(); // before the first paint: an effect would wait for it
    return remote.stop;
  }, [key]);
  useEffect(() => onResync(() => void remote.reload()), []);
  return remote;
}

function makeRemote<T>(load: (abort: AbortSignal) => Promise<T>): Remote<T> & { stop(): void } {
  const data = signal<T | undefined>(undefined);
  const error = signal<ApiError | null>(null);
  const isLoading = signal(true);
  let running: AbortController | undefined;
  const reload = async () => {
    running?.abort();
    const mine = (running = new AbortController());
    isLoading.value = true;
    try {
      const got = await load(mine.signal);
      if (mine.signal.aborted) return;
      data.value = got;
      error.value = null;
    } catch (e) {
      if (mine.signal.aborted) return;
      if (!(e instanceof ApiError)) throw e;
      error.value = e;
    } finally {
      if (!mine.signal.aborted) isLoading.value = false;
    }
  };
  const patch = (change: (old: T) => T) => {
    if (data.value !== undefined) data.value = change(data.value);
  };
  return { data, error, isLoading, reload, patch, stop: () => running?.abort() };
}

// Small choices this browser keeps: language, theme, density. Works without storage, too.
import { effect, signal, type Signal } from "@preact/signals";

/** A signal whose value outlives the page. */
export function remembered<T extends string>(name: string, first: T): Signal<T> {
  const key = `sereno.${name}`;
  let old: string | null = null;
  try {
    old = localStorage.getItem(key);
  } catch {
    // storage is off: the choice lasts as long as the page
  }
  const value = signal((old ?? first) as T);
  let isFirst = true;
  effect(() => {
    const now = value.value;
    if (isFirst) {
      isFirst = false;
      return;
    }
    try {
      localStorage.setItem(key, now);
    } catch {
      // as above
    }
  });
  return value;
}

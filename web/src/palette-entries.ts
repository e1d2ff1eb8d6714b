// What the palette offers: pages add what they know by `usePalette`, before anybody has opened it.
import { useEffect, useRef } from "preact/hooks";

export interface Entry {
  key: string;
  text: string;
  /** What kind of thing it is, at the right edge. */
  kind: string;
  run: () => void;
}
/** Entries for a typed text; called anew with each change, at most 20 of each are shown. */
export type Provider = (text: string, abort: AbortSignal) => Promise<readonly Entry[]> | readonly Entry[];

export const providers = new Set<Provider>();

/** While the component is shown, its entries are in the palette. */
export function usePalette(provider: Provider): void {
  const newest = useRef(provider);
  newest.current = provider;
  useEffect(() => {
    const mine: Provider = (text, abort) => newest.current(text, abort);
    providers.add(mine);
    return () => void providers.delete(mine);
  }, []);
}

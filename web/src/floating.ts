// What floats above the page when it is asked for: whether it is open, known before its code is loaded.
import { signal } from "@preact/signals";
import type { NavKey } from "./addresses";

export interface Closable {
  onClose: () => void;
}
export const isPaletteOpen = signal(false);
export const isHelpOpen = signal(false);
export const isPrefsOpen = signal(false);

/** What a phone's navigation has no room for: the preferences lead there. */
export const behindMore: readonly NavKey[] = ["calendar", "alerts", "audit", "settings"];

// Keyboard shortcuts: one table, shown by "?" and obeyed here. One-letter keys can be turned off (WCAG 2.1.4).
import { signal } from "@preact/signals";
import { remembered } from "./remember";

export interface Shortcut {
  /** "mod+k", "g j", "?", "x" */
  keys: string;
  /** What it does, in the page's language. */
  text: () => string;
  run: () => void;
  /** Goes on while the key is held down: moving along a list, never a deed. */
  isRepeated?: boolean;
}

/** What the keyboard calls "mod". */
export const modifierKey = /Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl";
export const lettersOn = remembered<"on" | "off">("letters", "on");
export const shortcuts = signal<readonly Shortcut[]>([]);

/** Adds shortcuts while a page is shown; returns how to take them back. The newest wins. */
export function useKeys(list: readonly Shortcut[]): () => void {
  shortcuts.value = [...list, ...shortcuts.value];
  return () => {
    shortcuts.value = shortcuts.value.filter((s) => !list.includes(s));
  };
}

/** A ticked box takes no letters: the keys of its list go on working. */
const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"));

/** With Caps Lock on, "r" is still no "R": capitals are those of the Shift key. */
function nameOf(event: KeyboardEvent): string {
  if (event.ctrlKey || event.metaKey) return `mod+${event.key.toLowerCase()}`;
  if (event.key.length !== 1) return event.key.toLowerCase();
  if (!event.getModifierState("CapsLock")) return event.key;
  return event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase();
}

let first = ""; // of a pair such as "g j"
let firstAt = 0;

function obey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) return;
  const name = nameOf(event);
  const isPlain = !name.startsWith("mod+") && event.key !== "Escape";
  if (isPlain && (isTyping(event.target) || lettersOn.value === "off")) return;
  if (isPlain && document.querySelector("dialog[open]")) return;
  const pair = first && event.timeStamp - firstAt < 1000 ? `${first} ${name}` : "";
  const all = shortcuts.value;
  const found = (pair && all.find((s) => s.keys === pair)) || all.find((s) => s.keys === name);
  first = "";
  if (found) {
    event.preventDefault();
    if (!event.repeat || found.isRepeated) found.run();
  } else if (all.some((s) => s.keys.startsWith(`${name} `))) {
    first = name;
    firstAt = event.timeStamp;
  }
}

export const startKeys = () => document.addEventListener("keydown", obey);

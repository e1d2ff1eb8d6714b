// Short answers at the foot of the page. What can be undone offers it for eight seconds.
import { signal } from "@preact/signals";
import { ApiError } from "../api/client";
import { words } from "../words";
import { Button } from "./button";

interface Toast {
  id: number;
  text: string;
  tone: "good" | "bad";
  undo?: () => Promise<unknown>;
}
const toasts = signal<readonly Toast[]>([]);
let count = 0;
const SHOWN_MS = 8000;

const drop = (id: number) => void (toasts.value = toasts.value.filter((t) => t.id !== id));

/** Toasts that somebody points at or is in stay: what can be undone is not taken from under a slow hand. */
let isHeld = false;

function dropLater(id: number, ms: number): void {
  setTimeout(() => (isHeld ? dropLater(id, SHOWN_MS / 2) : drop(id)), ms);
}

function show(text: string, tone: Toast["tone"], undo?: () => Promise<unknown>): void {
  const id = ++count;
  toasts.value = [...toasts.value.slice(-2), undo ? { id, text, tone, undo } : { id, text, tone }];
  dropLater(id, tone === "bad" ? 2 * SHOWN_MS : SHOWN_MS);
}

export const say = (text: string, undo?: () => Promise<unknown>) => show(text, "good", undo);

/** What an error says, in a line. */
export function errorText(error: ApiError): string {
  if (error.status === 0) return words().remote.offlineTitle;
  return error.hint ? `${error.message} ${error.hint}` : error.message;
}
export const sayError = (error: unknown) => {
  if (!(error instanceof ApiError)) throw error;
  show(words().failed(errorText(error)), "bad");
};

/** Does it, says it, offers to undo it; an error is said, too. Gives whether it worked. */
export async function act(
  doIt: () => Promise<unknown>,
  done: string,
  undo?: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await doIt();
    say(done, undo);
    return true;
  } catch (error) {
    sayError(error);
    return false;
  }
}

export function Toasts() {
  const t = words().actions;
  return (
    <div
      class="toasts"
      role="status"
      aria-live="polite"
      onPointerEnter={() => void (isHeld = true)}
      onPointerLeave={() => void (isHeld = false)}
      onFocusIn={() => void (isHeld = true)}
      onFocusOut={() => void (isHeld = false)}
    >
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast ${toast.tone}`}>
          <span>{toast.text}</span>
          {toast.undo && (
            <Button
              kind="quiet"
              onClick={() => {
                isHeld = false; // it goes without the pointer leaving it
                drop(toast.id);
                void act(toast.undo as () => Promise<unknown>, words().done);
              }}
            >
              {t.undo}
            </Button>
          )}
          <Button
            kind="quiet"
            icon="x"
            label={t.close}
            onClick={() => {
              isHeld = false;
              drop(toast.id);
            }}
          />
        </div>
      ))}
    </div>
  );
}

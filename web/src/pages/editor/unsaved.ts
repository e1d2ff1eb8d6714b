// An edit that an ended session, or the creation of its job, took off the screen: kept in memory, and for nobody but the account
// it is of.
import { session } from "../../api/state";
import type { Editor } from "./editor-state";

let kept: { who: string; ed: Editor } | null = null;

/** While the editor is shown. Returns what to do when it goes: an unsaved edit stays when there is no session any more. */
export function keepUnsaved(ed: Editor): () => void {
  const who = session.peek()?.actor;
  return () => {
    if (who && session.peek() === null && ed.isDirty.peek()) kept = { who, ed };
  };
}

/** A new job was created while one went on typing: its editor goes on with what is not saved yet. */
export function carryOn(made: Editor): void {
  const who = session.peek()?.actor;
  if (who) kept = { who, ed: made };
}

/** The unsaved edit of this job (null: of the new one), once, if it is of the account that asks. */
export function takeUnsaved(id: string | null): Editor | null {
  const found = kept?.who === session.peek()?.actor && kept?.ed.id === id ? kept.ed : null;
  kept = null;
  return found;
}

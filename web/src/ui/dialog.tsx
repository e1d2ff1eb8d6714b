// A modal on the browser's own <dialog>: focus stays inside, Escape closes, focus returns; so does a click beside it, but
// not the end of a drag that began inside (text being selected).
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { words } from "../words";
import { Button } from "./button";

export function Dialog(props: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  class?: string;
  /** It holds what cannot be had again: a click beside it is no wish to lose it. */
  isSticky?: boolean;
}) {
  const box = useRef<HTMLDialogElement>(null);
  const isBeside = useRef(false);
  const id = useId();
  useEffect(() => {
    const dialog = box.current;
    const before = document.activeElement;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("input, select, textarea")?.focus(); // not the button that closes it
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={box}
      class={`dialog ${props.class ?? ""}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onPointerDown={(event) => void (isBeside.current = !props.isSticky && event.target === box.current)}
      onClick={(event) => event.target === box.current && isBeside.current && props.onClose()}
    >
      <div class="dialog-body">
        <header>
          <h2 id={id}>{props.title}</h2>
          <Button kind="quiet" icon="x" label={words().actions.close} onClick={props.onClose} />
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

/**
 * Asks before something that cannot be undone. With `typed`, the name has to be typed. `act` runs on confirmation;
 * its error is shown in the dialog, which closes only when it worked.
 */
export function Confirm(props: {
  title: string;
  text: ComponentChildren;
  verb: string;
  typed?: string;
  act: () => Promise<void>;
  onClose: () => void;
}) {
  const [typed, setTyped] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const isReady = !props.typed || typed === props.typed;
  const confirm = async (event: Event) => {
    event.preventDefault();
    if (!isReady || isBusy) return;
    setBusy(true);
    try {
      await props.act();
      props.onClose();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(words().failed(error.message));
      setBusy(false);
    }
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form onSubmit={confirm}>
        <div class="dialog-text">{props.text}</div>
        {props.typed && (
          <label class="field">
            <span>{words().typeToConfirm(props.typed)}</span>
            <input
              value={typed}
              autocomplete="off"
              spellcheck={false}
              onInput={(e) => setTyped(e.currentTarget.value)}
            />
          </label>
        )}
        {problem && (
          <p class="error" role="alert">
            {problem}
          </p>
        )}
        <footer>
          <Button onClick={props.onClose}>{words().actions.cancel}</Button>
          <Button kind="danger" type="submit" disabled={!isReady} isBusy={isBusy}>
            {props.verb}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

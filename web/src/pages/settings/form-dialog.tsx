// A dialog with a form; the server's refusal stands at the field it names, else below.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../../api/client";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { words } from "../../words";

export function FormDialog(props: {
  title: string;
  verb: string;
  /** Names of the fields that show their own error. */
  fields: readonly string[];
  save: () => Promise<void>;
  onClose: () => void;
  children: (errorOf: (field: string) => string | undefined) => ComponentChildren;
}) {
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const text = problem && (problem.hint ? `${problem.message} ${problem.hint}` : problem.message);
  const field = problem?.field?.split(".")[0];
  const isElsewhere = problem && !props.fields.includes(field ?? "");
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    try {
      await props.save();
      props.onClose();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error);
      setBusy(false);
    }
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form onSubmit={submit}>
        {props.children((name) => (name === field && text ? text : undefined))}
        {isElsewhere && (
          <p class="error" role="alert">
            {problem.status === 0 ? words().remote.offlineTitle : text}
          </p>
        )}
        <footer>
          <Button onClick={props.onClose}>{words().actions.cancel}</Button>
          <Button kind="main" type="submit" isBusy={isBusy}>
            {props.verb}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

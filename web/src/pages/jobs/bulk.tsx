// What is done with the jobs that are chosen: a bar at the foot of the list while there are some.
import type { Signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { rowOf, type JobRow } from "../../api/job-rows";
import { may } from "../../api/state";
import { Button } from "../../ui/button";
import { ChosenBar } from "../../ui/chosen-bar";
import { Confirm, Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { sayError } from "../../ui/toast";
import { language, words } from "../../words";
import { jobsWords } from "../../words/jobs";
import { exportMany, labelMany, labelOf, pauseMany, progress, resumeMany, runMany } from "./deeds";
import { fetchPage, type JobList } from "./list";

const ALL_MAX = 20_000; // rows the server gives at once

export function BulkBar(props: { list: JobList; chosen: Signal<ReadonlySet<string>>; q: string }) {
  const { list, chosen } = props;
  const [asking, setAsking] = useState<"run" | "label" | null>(null);
  const [others, setOthers] = useState<ReadonlyMap<string, JobRow>>(new Map());
  const t = jobsWords();
  const w = words().actions;
  const n = chosen.value.size;
  if (n === 0) return null;
  const rows = (): JobRow[] => [...chosen.peek()].flatMap((id) => list.peek(id) ?? others.get(id) ?? []);
  const matched = list.matched.value;
  const chooseAll = async () => {
    try {
      const page = await fetchPage(
        { q: props.q, sort: "name", isDown: false, lang: language.value },
        0,
        ALL_MAX,
      );
      const all = page.rows.map((values) => rowOf(page.columns, values));
      setOthers(new Map(all.map((row) => [row.id, row])));
      chosen.value = new Set(all.map((row) => row.id));
    } catch (error) {
      sayError(error);
    }
  };
  const isBusy = progress.value !== null;
  return (
    <ChosenBar
      label={t.chosen(n)}
      note={progress.value ? t.progress(progress.value.done, progress.value.all) : undefined}
    >
      {may("operator") && (
        <>
          <Button
            icon="play"
            isBusy={isBusy}
            onClick={() => (n > 1 ? setAsking("run") : void runMany(rows()))}
          >
            {w.run}
          </Button>
          <Button icon="pause" isBusy={isBusy} onClick={() => void pauseMany(rows())}>
            {w.pause}
          </Button>
          <Button icon="rotate-ccw" isBusy={isBusy} onClick={() => void resumeMany(rows())}>
            {w.resume}
          </Button>
        </>
      )}
      {may("editor") && (
        <Button icon="pencil" isBusy={isBusy} onClick={() => setAsking("label")}>
          {t.label}
        </Button>
      )}
      <Button icon="download" isBusy={isBusy} onClick={() => void exportMany(rows())}>
        {t.export}
      </Button>
      <span class="chosen-bar-end">
        {n < matched && (
          <Button kind="quiet" onClick={() => void chooseAll()}>
            {t.chooseAll(Math.min(matched, ALL_MAX))}
          </Button>
        )}
        <Button kind="quiet" onClick={() => void (chosen.value = new Set())}>
          {t.dropAll}
        </Button>
      </span>
      {asking === "run" && (
        <Confirm
          title={t.confirmRun(n)}
          text={<p>{t.confirmRunText}</p>}
          verb={w.run}
          act={() => runMany(rows())}
          onClose={() => setAsking(null)}
        />
      )}
      {asking === "label" && <LabelDialog rows={rows()} onClose={() => setAsking(null)} />}
    </ChosenBar>
  );
}

function LabelDialog({ rows, onClose }: { rows: readonly JobRow[]; onClose: () => void }) {
  const [text, setText] = useState("");
  const [isWrong, setWrong] = useState(false);
  const t = jobsWords();
  const save = (event: Event) => {
    event.preventDefault();
    const label = labelOf(text);
    setWrong(!label);
    if (!label) return;
    onClose();
    void labelMany(rows, label);
  };
  return (
    <Dialog title={t.labelTitle(rows.length)} onClose={onClose}>
      <form onSubmit={save}>
        <Field label={t.labelField} hint={t.labelHint} error={isWrong ? t.labelWrong : null}>
          {(ids) => (
            <input {...ids} value={text} autocomplete="off" onInput={(e) => setText(e.currentTarget.value)} />
          )}
        </Field>
        <footer>
          <Button onClick={onClose}>{words().actions.cancel}</Button>
          <Button kind="main" type="submit">
            {t.label}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

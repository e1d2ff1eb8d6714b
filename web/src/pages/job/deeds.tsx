// The buttons of a job: run (with parameters), pause (for how long), resume, edit, delete.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { may, times, zone } from "../../api/state";
import { now } from "../../base/clock";
import { go, href } from "../../base/url";
import { Button } from "../../ui/button";
import { copyText } from "../../ui/copy";
import { Confirm, Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { Menu } from "../../ui/menu";
import { say } from "../../ui/toast";
import { words } from "../../words";
import { jobWords } from "../../words/job";
import type { Job } from "../job";
import { pauseJob, resumeJob, runJob } from "../jobs/deeds";
import { RunDialog } from "./run-dialog";

export function Deeds({ job }: { job: Job }) {
  const [asking, setAsking] = useState<"run" | "until" | "delete" | null>(null);
  const w = words().actions;
  const t = jobWords();
  const id = String(job.id);
  const isPaused = job.gate === "paused";
  return (
    <>
      {may("operator") && (
        <span class="split">
          <Button kind="main" icon="play" keys="R" onClick={() => void runJob(id, job.name)}>
            {w.run}
          </Button>
          <Menu
            kind="main"
            icon="chevron-down"
            label={w.runWith}
            items={[{ text: w.runWith, run: () => setAsking("run") }]}
          />
        </span>
      )}
      {may("operator") &&
        (isPaused ? (
          <Button icon="rotate-ccw" keys="p" onClick={() => void resumeJob(id, job.name)}>
            {w.resume}
          </Button>
        ) : (
          <span class="split">
            <Button icon="pause" keys="p" onClick={() => void pauseJob(id, job.name)}>
              {w.pause}
            </Button>
            <Menu
              icon="chevron-down"
              label={`${w.pause}…`}
              items={[
                { text: t.pauseNow, run: () => void pauseJob(id, job.name) },
                { text: t.pauseHour, run: () => void pauseJob(id, job.name, { for: "1h" }) },
                { text: t.pauseDay, run: () => void pauseJob(id, job.name, { for: "24h" }) },
                { text: t.pauseUntil, run: () => setAsking("until") },
              ]}
            />
          </span>
        ))}
      {may("editor") && (
        <a class="button" href={href(`/jobs/${id}/edit`)}>
          {w.edit}
        </a>
      )}
      <Menu
        kind="quiet"
        icon="ellipsis"
        label={w.more}
        items={[
          { text: `${w.copy} ${id.slice(0, 8)}…`, run: () => void copyText(id).then(() => say(w.copied)) },
          ...(may("editor")
            ? [{ text: `${w.remove}…`, isDanger: true, run: () => setAsking("delete") }]
            : []),
        ]}
      />
      {asking === "run" && <RunDialog job={job} onClose={() => setAsking(null)} />}
      {asking === "until" && <UntilDialog job={job} onClose={() => setAsking(null)} />}
      {asking === "delete" && (
        <Confirm
          title={t.removeTitle(job.name)}
          text={<p>{t.removeText}</p>}
          verb={w.remove}
          typed={job.name}
          act={async () => {
            await call("DELETE /api/cron/jobs/{job}", { path: { job: id } });
            say(t.removed(job.name));
            go("/jobs");
          }}
          onClose={() => setAsking(null)}
        />
      )}
    </>
  );
}

/** The instant of a wall-clock time ("2026-11-23T08:00") in a zone: by trying the offset twice, around a clock change. */
export function instantOf(local: string, offsetAt: (ms: number) => number): number {
  const asUtc = Date.parse(`${local}Z`);
  const first = asUtc - offsetAt(asUtc) * 60_000;
  return asUtc - offsetAt(first) * 60_000;
}

function UntilDialog({ job, onClose }: { job: Job; onClose: () => void }) {
  const [text, setText] = useState("");
  const t = jobWords();
  const at = text ? instantOf(text, (ms) => times.value.offset(ms)) : NaN;
  const isGood = at > now.value;
  const save = (event: Event) => {
    event.preventDefault();
    if (!isGood) return;
    onClose();
    void pauseJob(String(job.id), job.name, { until: new Date(at).toISOString() });
  };
  return (
    <Dialog title={t.pauseTitle(job.name)} onClose={onClose}>
      <form onSubmit={save}>
        <Field label={t.pauseField} hint={t.pauseHint(zone.value)}>
          {(ids) => (
            <input
              {...ids}
              type="datetime-local"
              value={text}
              onInput={(e) => setText(e.currentTarget.value)}
            />
          )}
        </Field>
        <footer>
          <Button onClick={onClose}>{words().actions.cancel}</Button>
          <Button kind="main" type="submit" disabled={!isGood}>
            {words().actions.pause}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

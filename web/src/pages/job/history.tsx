// What a job was: each version with what it changed, who changed it and when; and the way back to any of them.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Answer, ApiError, call } from "../../api/client";
import { useRemote } from "../../api/remote";
import { may } from "../../api/state";
import { go, query } from "../../base/url";
import { Button } from "../../ui/button";
import { Page, Panel } from "../../ui/page";
import { ErrorNotice, Loading, Notice } from "../../ui/remote-view";
import { Ago, At } from "../../ui/time";
import { act, sayError } from "../../ui/toast";
import { jobWords } from "../../words/job";

type HistoryPage = Answer<"GET /api/cron/jobs/{job}/history">;
type Version = HistoryPage["data"][number];
export interface Change {
  field: string;
  before: unknown;
  after: unknown;
}

/** The fields a version changed; of the first one those that are set. Pure. */
export function changesOf(version: Pick<Version, "before" | "after">): Change[] {
  const before = (version.before ?? {}) as Record<string, unknown>;
  const after = (version.after ?? {}) as Record<string, unknown>;
  const hidden = new Set(["systemId"]);
  return Object.keys(after)
    .filter((field) => !hidden.has(field) && (version.before || after[field] !== null))
    .map((field) => ({ field, before: before[field] ?? null, after: after[field] }));
}

export const shownValue = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value, null, typeof value === "object" ? 1 : 0);

function Value({ of: value }: { of: unknown }) {
  if (value === null || value === undefined || value === "")
    return <span class="quiet">{jobWords().history.empty}</span>;
  return <code>{shownValue(value)}</code>;
}

const restoreIt = (id: string, version: number) =>
  call("POST /api/cron/jobs/{job}/history/{version}/restore", {
    path: { job: id, version: String(version) } as never,
  });

function ScrollHere() {
  const mark = useRef<HTMLSpanElement>(null);
  useEffect(() => mark.current?.closest(".version")?.scrollIntoView({ block: "center" }), []);
  return <span ref={mark} />;
}

function VersionCard(props: {
  version: Version;
  isNow: boolean;
  /** The address names it. */
  isAsked: boolean;
  isDeleted: boolean;
  restore: () => void;
}) {
  const { version } = props;
  const t = jobWords().history;
  const changes = changesOf(version);
  const isFirst = version.before === null;
  return (
    <Panel
      class={`version ${props.isAsked ? "asked" : ""}`}
      title={
        <>
          {t.version(version.version)}
          {props.isNow && <span class="tag">{t.now}</span>}
          {props.isAsked && <ScrollHere />}
        </>
      }
      note={
        <>
          <At when={version.at} /> · <Ago when={version.at} /> · {t.by(version.actor ?? t.somebody)}
        </>
      }
      actions={
        may("editor") &&
        !props.isNow && <Button onClick={props.restore}>{props.isDeleted ? t.again : t.restore}</Button>
      }
    >
      <table class="changes">
        <thead>
          <tr>
            <th scope="col">{t.field}</th>
            {!isFirst && <th scope="col">{t.before}</th>}
            <th scope="col">{isFirst ? t.first : t.after}</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((c) => (
            <tr key={c.field}>
              <th scope="row">{c.field}</th>
              {!isFirst && (
                <td class="was">
                  <Value of={c.before} />
                </td>
              )}
              <td class="is">
                <Value of={c.after} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

export function Versions(props: {
  id: string;
  first: HistoryPage;
  now: number | null;
  onRestored: (id: string) => void;
}) {
  const t = jobWords().history;
  const more = useSignal<Version[]>([]);
  const cursor = useSignal(props.first.nextCursor);
  useEffect(() => {
    more.value = [];
    cursor.value = props.first.nextCursor;
  }, [props.first]);
  const older = async () => {
    try {
      const page = await call("GET /api/cron/jobs/{job}/history", {
        path: { job: props.id },
        query: { cursor: cursor.peek() ?? "" },
      });
      more.value = [...more.peek(), ...page.data];
      cursor.value = page.nextCursor;
    } catch (error) {
      sayError(error);
    }
  };
  // a run's page leads to the version that it ran with, however old
  const asked = Number(query.value.get("version")) || null;
  const oldest = more.value.at(-1)?.version ?? props.first.data.at(-1)?.version ?? 0;
  useEffect(() => {
    if (asked !== null && asked < oldest && cursor.peek()) void older();
  }, [asked, oldest]);
  const restore = async (version: number) => {
    let id = props.id;
    const isDone = await act(
      async () => void (id = String((await restoreIt(props.id, version)).id)),
      t.restored(version),
      props.now === null
        ? undefined
        : () => restoreIt(props.id, props.now ?? 0).then(() => props.onRestored(props.id)),
    );
    if (isDone) props.onRestored(id);
  };
  return (
    <div class="versions">
      {[...props.first.data, ...more.value].map((version) => (
        <VersionCard
          key={version.version}
          version={version}
          isNow={version.version === props.now}
          isAsked={version.version === asked}
          isDeleted={props.now === null}
          restore={() => void restore(version.version)}
        />
      ))}
      {cursor.value && <Button onClick={() => void older()}>{t.more}</Button>}
    </div>
  );
}

export function History({
  id,
  version,
  onRestored,
}: {
  id: string;
  version: number;
  onRestored: () => void;
}) {
  const history = useRemote(`${id} ${version}`, (signal) =>
    call("GET /api/cron/jobs/{job}/history", { path: { job: id }, signal }),
  );
  const data = history.data.value;
  const error = history.error.value;
  if (!data) return error ? <ErrorNotice error={error} again={() => void history.reload()} /> : <Loading />;
  return <Versions id={id} first={data} now={version} onRestored={onRestored} />;
}

/** The address of a job that is gone: what it was, and how to have it back. */
export function DeletedJob({ id }: { id: string }) {
  const t = jobWords();
  const history = useRemote(`deleted ${id}`, (signal) =>
    call("GET /api/cron/jobs/{job}/history", { path: { job: id }, signal }),
  );
  const data = history.data.value;
  if (!data)
    return (
      <Page title={t.title}>
        {history.error.value ? (
          <ErrorNotice error={history.error.value ?? new ApiError(404, {})} />
        ) : (
          <Loading />
        )}
      </Page>
    );
  return (
    <Page title={data.jobName}>
      <Notice icon="history" title={t.history.deletedTitle(data.jobName)}>
        <p>{t.history.deletedText}</p>
      </Notice>
      <Versions id={id} first={data} now={null} onRestored={(restored) => go(`/jobs/${restored}`)} />
    </Page>
  );
}

// Two runs beside each other: what they were, what they wrote.
import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { call, callRaw } from "../api/client";
import { useRemote } from "../api/remote";
import { bytes, duration } from "../base/format";
import { href, query, setQuery } from "../base/url";
import { plainText } from "../log/ansi";
import { countChanges, diffLines, diffRows, type DiffRow, withoutNumbers } from "../log/diff";
import { LogWindow, type WindowHandle } from "../log/log-window";
import type { PageProps } from "../routes";
import { Page, Panel } from "../ui/page";
import { Shown } from "../ui/remote-view";
import { At } from "../ui/time";
import { ZonePicker } from "../ui/zone-picker";
import { language, words } from "../words";
import { runWords } from "../words/run";
import { runsWords } from "../words/runs";
import { jsonText } from "./run/details";
import { exitText, type Run, RunState, triggerText } from "./run/run-parts";
import type { ComponentChildren } from "preact";
import "../style/pages/run.css";

const LINES_MAX = 20_000;
const BYTES_MAX = 6_000_000;
const CONTEXT = 3;

interface Side {
  run: Run;
  lines: string[];
  total: number;
}

async function loadSide(id: string, signal: AbortSignal): Promise<Side> {
  const ask = { path: { id }, signal };
  const [run, index] = await Promise.all([
    call("GET /api/cron/executions/{id}", ask),
    call("GET /api/cron/executions/{id}/output/index", ask),
  ]);
  const share = index.bytes > BYTES_MAX ? BYTES_MAX / index.bytes : 1;
  const wanted = Math.max(1, Math.min(LINES_MAX, Math.floor(index.lines * share)));
  const text = index.lines
    ? await (await callRaw("GET /api/cron/executions/{id}/output", { ...ask, query: { to: wanted } })).text()
    : "";
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return { run, lines: lines.map((l) => plainText(l.replace(/\r$/, ""))), total: index.lines };
}

export function RunDiffPage({ args }: PageProps) {
  const { id = "", other = "" } = args;
  const remote = useRemote(`${id} ${other}`, async (signal) => {
    const [before, after] = await Promise.all([loadSide(id, signal), loadSide(other, signal)]);
    return { before, after };
  });
  const t = runWords().diff;
  return (
    <Page
      title={t.title}
      crumbs={
        <>
          <a href={href("/runs")}>{runsWords().title}</a> / {t.crumb}
        </>
      }
      sub={<ZonePicker />}
      actions={
        <a class="button" href={href(`/runs/${other}/diff/${id}`)}>
          {t.swap}
        </a>
      }
    >
      <Shown of={remote}>{(both) => <Both before={both.before} after={both.after} />}</Shown>
    </Page>
  );
}

function Both({ before, after }: { before: Side; after: Side }) {
  const t = runWords().diff;
  return (
    <>
      {before.run.jobId !== after.run.jobId && <p class="stale">{t.otherJobs}</p>}
      <Panel class="diff-facts">
        <FactsTable a={before} b={after} />
      </Panel>
      <Params a={before.run} b={after.run} />
      <Outputs a={before} b={after} />
    </>
  );
}

/** "+1,2 s", "−30 ms": how much more the second is. */
function more(a: number | null, b: number | null, text: (n: number) => string): string {
  if (a === null || b === null) return "";
  if (a === b) return runWords().diff.same;
  return `${b > a ? "+" : "−"}${text(Math.abs(b - a))}`;
}

function FactsTable({ a, b }: { a: Side; b: Side }) {
  const t = runWords();
  const c = runsWords().columns;
  const took = (ms: number) => duration(language.value, ms);
  const size = (n: number) => bytes(language.value, n);
  const cpu = (r: Run) =>
    r.cpuUserUs === null && r.cpuSystemUs === null
      ? null
      : ((r.cpuUserUs ?? 0) + (r.cpuSystemUs ?? 0)) / 1000;
  const none = words().time.none;
  const figure = (
    name: string,
    of: (s: Side) => number | null,
    text: (n: number) => string,
  ): [string, ComponentChildren, ComponentChildren, string] => {
    const [x, y] = [of(a), of(b)];
    return [name, x === null ? none : text(x), y === null ? none : text(y), more(x, y, text)];
  };
  const word = (name: string, of: (r: Run) => string): [string, string, string, string] => {
    const [x, y] = [of(a.run), of(b.run)];
    return [name, x || none, y || none, x === y ? t.diff.same : ""];
  };
  const version = (r: Run) =>
    r.version === null ? (
      none
    ) : (
      <a href={href(`/jobs/${r.jobId}/history?version=${r.version}`)}>{r.version}</a>
    );
  const rows: [string, ComponentChildren, ComponentChildren, string][] = [
    [
      c.state,
      <RunState run={a.run} />,
      <RunState run={b.run} />,
      a.run.status === b.run.status ? t.diff.same : "",
    ],
    [c.started, <At when={a.run.startedAt} />, <At when={b.run.startedAt} />, ""],
    figure(c.duration, (s) => s.run.duration, took),
    figure(c.lag, (s) => s.run.lagMs, took),
    word(c.end, exitText),
    word(c.trigger, triggerText),
    [t.diff.version, version(a.run), version(b.run), a.run.version === b.run.version ? t.diff.same : ""],
    figure("CPU", (s) => cpu(s.run), took),
    figure(t.billFacts.peak, (s) => s.run.peakMemoryBytes, size),
    figure(t.billFacts.read, (s) => s.run.ioReadBytes, size),
    figure(t.billFacts.written, (s) => s.run.ioWriteBytes, size),
    figure(t.diff.output, (s) => s.total, runWords().log.lines),
  ];
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">
            <span class="visually-hidden">{t.diff.what}</span>
          </th>
          <th scope="col">
            {t.diff.before} <a href={href(`/runs/${a.run.id}`)}>{a.run.jobName ?? a.run.id}</a>
          </th>
          <th scope="col">
            {t.diff.after} <a href={href(`/runs/${b.run.id}`)}>{b.run.jobName ?? b.run.id}</a>
          </th>
          <th scope="col" class="num">
            Δ
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, x, y, delta]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{x}</td>
            <td>{y}</td>
            <td class={delta === t.diff.same ? "quiet" : "num strong"}>{delta}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Parameters line by line, as the outputs are. */
function Params({ a, b }: { a: Run; b: Run }) {
  const t = runWords();
  const text = (r: Run) => (r.params === null ? [t.paramsJob] : jsonText(r.params).split("\n"));
  const [x, y] = [text(a), text(b)];
  const { changes } = diffLines(x, y);
  const rows = diffRows(changes, null);
  if (a.params === null && b.params === null) return null;
  return (
    <Panel title={t.diff.params}>
      <div class="diff-rows small">
        {rows.map((row, i) => (
          <Row key={i} row={row} a={x} b={y} />
        ))}
      </div>
    </Panel>
  );
}

function Outputs({ a, b }: { a: Side; b: Side }) {
  const t = runWords().diff;
  const isExact = query.value.get("exact") === "1";
  const isWhole = query.value.get("all") === "1";
  const isWrapped = useSignal(false);
  const handle = useRef<WindowHandle | null>(null);
  const diff = useMemo(
    () => diffLines(a.lines, b.lines, isExact ? undefined : withoutNumbers),
    [a.lines, b.lines, isExact],
  );
  const rows = useMemo(() => diffRows(diff.changes, isWhole ? null : CONTEXT), [diff, isWhole]);
  const { added, removed } = countChanges(diff.changes);
  const isCut = a.lines.length < a.total || b.lines.length < b.total;
  return (
    <section class="panel log" aria-label={t.output}>
      <header class="log-head">
        <h2>{t.output}</h2>
        <span class="panel-note">{added + removed ? t.summary(added, removed) : t.none}</span>
        <div class="log-tools">
          <label class="switch">
            <input
              type="checkbox"
              checked={!isExact}
              onChange={() => setQuery({ exact: isExact ? null : "1" })}
            />
            {t.ignore}
          </label>
          <label class="switch">
            <input
              type="checkbox"
              checked={!isWhole}
              onChange={() => setQuery({ all: isWhole ? null : "1" })}
            />
            {t.onlyChanges}
          </label>
          <label class="switch">
            <input
              type="checkbox"
              checked={isWrapped.value}
              onChange={() => void (isWrapped.value = !isWrapped.peek())}
            />
            {runWords().log.wrap}
          </label>
        </div>
      </header>
      {isCut && <p class="log-note">{t.cut(Math.max(a.lines.length, b.lines.length))}</p>}
      {diff.isRough && <p class="log-note">{t.rough}</p>}
      {rows.length > 0 && (
        <div class="diff-rows">
          <LogWindow
            count={rows.length}
            minRows={3}
            isWrapped={isWrapped.value}
            isFollowing={false}
            onMove={() => undefined}
            onSee={() => undefined}
            handle={handle}
            row={(i) => <Row key={i} row={rows[i] as DiffRow} a={a.lines} b={b.lines} />}
          />
        </div>
      )}
    </section>
  );
}

function Row({ row, a, b }: { row: DiffRow; a: readonly string[]; b: readonly string[] }) {
  const t = runWords().diff;
  if (row.kind === "hidden") return <div class="diff-row hidden">{t.hidden(row.count ?? 0)}</div>;
  const half = (at: number | null, list: readonly string[], label: string) => (
    <span class="half">
      <span class="log-number">{at === null ? "" : at + 1}</span>
      {row.kind !== "same" && at !== null && <span class="visually-hidden">{label}: </span>}
      <span class="log-text" dir="ltr">
        {at === null ? "" : list[at]}
      </span>
    </span>
  );
  return (
    <div class={`diff-row ${row.kind}`}>
      {half(row.a, a, t.onlyBefore)}
      {half(row.b, b, t.onlyAfter)}
    </div>
  );
}

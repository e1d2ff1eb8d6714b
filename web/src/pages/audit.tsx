// Who did what: filtered, with what changed, proved by its chain, exported.
import { useEffect, useState } from "preact/hooks";
import { call } from "../api/client";
import { useRemote } from "../api/remote";
import { now } from "../base/clock";
import { number } from "../base/format";
import { href, param } from "../base/url";
import { Button } from "../ui/button";
import { FilterBox } from "../ui/filter-box";
import { Page, Panel } from "../ui/page";
import { Shown } from "../ui/remote-view";
import { StateMark } from "../ui/state-mark";
import { At } from "../ui/time";
import { say, sayError } from "../ui/toast";
import { ZonePicker } from "../ui/zone-picker";
import { language } from "../words";
import { auditWords } from "../words/audit";
import { type AuditRow, csvOf, type Difference, differences, pageOf } from "./audit/rows";
import "../style/pages/audit.css";

const PAGE = 100;
/** A longer change is folded. */
const FOLD_ABOVE = 6;
const EXPORT_MAX = 10_000;
const count = (n: number) => number(language.value, n);

async function loadPage(q: string, cursor: string | null, limit: number, signal?: AbortSignal) {
  const query = { q, limit, ...(cursor ? { cursor } : {}) };
  return call("GET /api/admin/audit-log", signal ? { query, signal } : { query });
}

/** Every row the filter lets through, up to EXPORT_MAX. */
async function loadAll(q: string): Promise<{ rows: AuditRow[]; isCut: boolean }> {
  const rows: AuditRow[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof loadPage>> = await loadPage(q, cursor, 1000);
    rows.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor && rows.length < EXPORT_MAX);
  return { rows, isCut: cursor !== null };
}

function saveFile(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function exportAs(kind: "csv" | "json", q: string): Promise<void> {
  const t = auditWords();
  try {
    const { rows, isCut } = await loadAll(q);
    const day = new Date(now.peek()).toISOString().slice(0, 10);
    const text = kind === "csv" ? csvOf(rows) : `${JSON.stringify(rows, null, 2)}\n`;
    saveFile(`sereno-audit-${day}.${kind}`, kind === "csv" ? "text/csv" : "application/json", text);
    say(isCut ? t.cut(count(rows.length)) : t.exported(count(rows.length)));
  } catch (error) {
    sayError(error);
  }
}

/** Whether the hash chain holds, asked of the server now. */
function ChainBadge() {
  const t = auditWords();
  const proof = useRemote("verify", (signal) => call("GET /api/admin/audit-log/verify", { signal }));
  const got = proof.data.value;
  if (proof.error.value && !got) return null;
  if (!got) return <StateMark badge state="running" text={t.verifying} />;
  return (
    <span class="chain">
      {got.ok ? (
        <StateMark badge state="ok" text={t.verified(count(got.rows ?? 0))} />
      ) : (
        <StateMark badge state="failed" text={t.broken(count(got.firstBad ?? 0))} />
      )}
      <Button kind="quiet" icon="rotate-ccw" label={t.verifyAgain} onClick={() => void proof.reload()} />
    </span>
  );
}

function Change({ row }: { row: AuditRow }) {
  const t = auditWords();
  const list = differences(row.before, row.after);
  if (list.length === 0) return <span class="quiet">{t.noChange}</span>;
  if (list.length <= FOLD_ABOVE) return <Differences list={list} />;
  return (
    <details>
      <summary>
        {list
          .map((d) => d.field)
          .slice(0, 3)
          .join(", ")}
        … ({count(list.length)})
      </summary>
      <Differences list={list} />
    </details>
  );
}

function Differences({ list }: { list: readonly Difference[] }) {
  return (
    <ul class="diffs">
      {list.map((d) => (
        <li key={d.field}>
          {d.field && <code>{d.field}</code>} {d.before !== null && <del>{d.before}</del>}
          {d.before !== null && d.after !== null && " → "}
          {d.after !== null && <ins>{d.after}</ins>}
        </li>
      ))}
    </ul>
  );
}

function Row({ row }: { row: AuditRow }) {
  const page = pageOf(row.object);
  const name = row.object ?? auditWords().noChange;
  return (
    <tr>
      <td>
        <At when={row.at} />
      </td>
      <td class="mono">{row.actor}</td>
      <td class="mono">{row.action}</td>
      <td class="target">{page ? <a href={href(page)}>{name}</a> : name}</td>
      <td>
        <Change row={row} />
      </td>
      <td class="mono quiet">{row.address}</td>
    </tr>
  );
}

export function AuditPage() {
  const t = auditWords();
  const q = param("q").value;
  const first = useRemote(`audit ${q}`, (signal) => loadPage(q, null, PAGE, signal));
  const [more, setMore] = useState<{ rows: AuditRow[]; cursor: string | null } | null>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => setMore(null), [q, first.data.value]);
  const showMore = async (cursor: string) => {
    setBusy(true);
    try {
      const page = await loadPage(q, cursor, PAGE);
      if (q === param("q").peek())
        setMore((old) => ({ rows: [...(old?.rows ?? []), ...page.data], cursor: page.nextCursor }));
    } catch (error) {
      sayError(error);
    }
    setBusy(false);
  };
  const heads = [t.when, t.who, t.what, t.target, t.change, t.from];
  return (
    <Page
      title={t.title}
      sub={t.sub}
      actions={
        <>
          <ChainBadge />
          <Button icon="download" onClick={() => void exportAs("csv", q)}>
            {t.exportCsv}
          </Button>
          <Button icon="download" onClick={() => void exportAs("json", q)}>
            {t.exportJson}
          </Button>
          <ZonePicker />
        </>
      }
    >
      <FilterBox list="audit" placeholder={t.placeholder} error={first.error.value} />
      <Panel class="audit">
        <Shown of={first}>
          {({ data, nextCursor }) => {
            const rows = [...data, ...(more?.rows ?? [])];
            const cursor = more ? more.cursor : nextCursor;
            if (rows.length === 0) return <p class="quiet">{q ? t.empty : t.emptyAll}</p>;
            return (
              <>
                <div class="scroll-x" tabIndex={0} role="group" aria-label={t.title}>
                  <table>
                    <thead>
                      <tr>
                        {heads.map((head) => (
                          <th key={head}>{head}</th>
                        ))}
                      </tr>
                    </thead>
                    <tbody>
                      {rows.map((row) => (
                        <Row key={row.seq} row={row} />
                      ))}
                    </tbody>
                  </table>
                </div>
                {cursor && (
                  <p class="audit-more">
                    <Button isBusy={isBusy} onClick={() => void showMore(cursor)}>
                      {t.more}
                    </Button>
                  </p>
                )}
              </>
            );
          }}
        </Shown>
      </Panel>
    </Page>
  );
}

// The lower part of a run's page: with what it ran, what it gave, what it used.
import { bytes, duration, number } from "../../base/format";
import { href } from "../../base/url";
import { Copy } from "../../ui/copy";
import { Facts, Panel } from "../../ui/page";
import { language } from "../../words";
import { runWords } from "../../words/run";
import type { Run, RunContext } from "./run-parts";

/** JSON as people read it; secrets come masked from the server. */
export const jsonText = (value: unknown) => JSON.stringify(value, null, 2);

function Json({ value }: { value: unknown }) {
  const text = jsonText(value);
  return (
    <div class="json">
      <pre tabIndex={0}>{text}</pre>
      <Copy text={text} />
    </div>
  );
}

const isThere = (value: unknown) => value !== null && value !== undefined;

export function Details({ run, context }: { run: Run; context: RunContext | null }) {
  const t = runWords();
  const size = (n: number | null) => (n === null ? null : bytes(language.value, n));
  const time = (us: number | null) => (us === null ? null : duration(language.value, us / 1000));
  const bill = [
    { name: t.billFacts.cpuUser, value: time(run.cpuUserUs) },
    { name: t.billFacts.cpuSystem, value: time(run.cpuSystemUs) },
    { name: t.billFacts.peak, value: size(run.peakMemoryBytes || null) },
    { name: t.billFacts.read, value: size(run.ioReadBytes) },
    { name: t.billFacts.written, value: size(run.ioWriteBytes) },
    {
      name: t.billFacts.switches,
      value: run.contextSwitches === null ? null : number(language.value, run.contextSwitches),
    },
    {
      name: t.billFacts.source,
      value: run.billSource ? `${run.billSource}${run.containment ? ` · ${run.containment}` : ""}` : null,
    },
  ].filter((fact) => fact.value !== null);
  const version = run.version;
  const isOld = version !== null && context?.jobVersion !== null && context?.jobVersion !== version;
  return (
    <div class="run-details">
      <Panel
        title={t.params}
        note={isThere(run.params) ? t.paramsOwn : undefined}
        actions={
          version !== null &&
          run.triggeredBy !== "test" && (
            <a class="small" href={href(`/jobs/${run.jobId}/history?version=${version}`)}>
              {t.version(version)}
              {isOld && context?.jobVersion ? ` (${t.versionNow(context.jobVersion)})` : ""}
            </a>
          )
        }
      >
        {isThere(run.params) ? <Json value={run.params} /> : <p class="quiet">{t.paramsOfJob}</p>}
      </Panel>
      {isThere(run.result) && (
        <Panel title={t.result}>
          <Json value={run.result} />
        </Panel>
      )}
      {bill.length > 0 && (
        <Panel title={t.bill}>
          <Facts facts={bill} />
        </Panel>
      )}
    </div>
  );
}

// Why it may be slow (A-92), and what each job of the worlds does, measured (A-68).
import { call, type Answer } from "../../api/client";
import { useRemote } from "../../api/remote";
import { bytes, duration, number, percent } from "../../base/format";
import { href } from "../../base/url";
import { Facts, Panel } from "../../ui/page";
import { Shown } from "../../ui/remote-view";
import { Ago } from "../../ui/time";
import { language } from "../../words";
import { roundWords } from "../../words/round";

type Diagnosis = Answer<"GET /api/cron/diagnosis">;
interface Measure {
  name: string;
  unit: string;
  without: number | null;
  with: number | null;
  together: number | null;
  jobs: {
    job: string;
    share: number | null;
    percent: number | null;
    claimed: number | null;
    whenOff: number | null;
  }[];
}
interface Impact {
  made: string | null;
  isShort: boolean;
  conditions: string;
  measures: Measure[];
}

const lang = () => language.value;
const span = (ms: number) => duration(lang(), ms);
const figure = (value: number | null, unit = "") =>
  value === null ? "—" : `${number(lang(), value, 1)}${unit && ` ${unit}`}`;

function Density({ d }: { d: Diagnosis }) {
  const t = roundWords().diagnosis;
  const capacity = d.maxConcurrentJobs * 86_400_000;
  return (
    <Panel title={t.density}>
      <Facts
        facts={[
          { name: t.planned, value: <a href={href("/calendar")}>{number(lang(), d.planned)}</a> },
          { name: t.busy, value: `${span(d.busyMs)} · ${percent(lang(), d.busyMs / capacity)} ${t.share}` },
          { name: t.usual, value: span(d.usualMs) },
          {
            name: t.timeout,
            value: (
              <a href={href("/settings")}>
                {d.defaultTimeout === null ? "—" : span(d.defaultTimeout * 1000)}
              </a>
            ),
          },
        ]}
      />
      <h3 class="part">{t.tight}</h3>
      {d.tight.length === 0 ? (
        <p class="quiet">{t.tightNone}</p>
      ) : (
        <ul class="rows-list tight">
          {d.tight.map((job) => (
            <li key={job.jobId}>
              <a class="name ellipsis" href={href(`/jobs/${job.jobId}`)}>
                {job.jobName}
              </a>
              <span>
                {span(job.usualMs)} · {t.interval} {span(job.intervalMs)}
              </span>
              <strong class="late">{percent(lang(), job.ratio, 0)}</strong>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Stores({ d }: { d: Diagnosis }) {
  const t = roundWords().diagnosis;
  const { live } = d;
  return (
    <Panel title={t.store}>
      <Facts
        facts={[
          { name: t.database, value: d.store.databaseBytes ? bytes(lang(), d.store.databaseBytes) : "—" },
          { name: t.wal, value: d.store.walBytes ? bytes(lang(), d.store.walBytes) : "—" },
          { name: t.ledger, value: number(lang(), d.store.ledgerRows) },
          { name: t.runs, value: <a href={href("/runs")}>{number(lang(), d.store.runRows)}</a> },
          { name: t.memory, value: bytes(lang(), d.rssBytes) },
        ]}
      />
      <h3 class="part">{t.live}</h3>
      {!live ? (
        <p class="quiet">{t.liveNone}</p>
      ) : (
        <>
          <Facts
            facts={[
              {
                name: t.used,
                value: `${bytes(lang(), live.usedBytes)}${live.isMeasured ? "" : ` (${t.modelled})`}`,
              },
              { name: t.liveWorlds, value: <a href={href("/worlds")}>{number(lang(), live.worlds)}</a> },
              { name: t.dirty, value: number(lang(), live.dirtyWorlds) },
              { name: t.oldest, value: <Ago when={live.oldestDirtyAt} /> },
            ]}
          />
          <p class="quiet small">
            {live.server}. {live.durability}
          </p>
        </>
      )}
    </Panel>
  );
}

function MeasureTable({ measure }: { measure: Measure }) {
  const t = roundWords().diagnosis;
  return (
    <div class="measure">
      <h3>
        {measure.name} <span class="quiet small">{measure.unit}</span>
      </h3>
      <p class="quiet small">{t.from(figure(measure.without), figure(measure.with))}</p>
      <div class="scroll-x" tabIndex={0} role="region" aria-label={measure.name}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t.job}</th>
              <th scope="col">{t.measured}</th>
              <th scope="col">{t.percent}</th>
              <th scope="col">{t.whenOff}</th>
              <th scope="col">{t.claimed}</th>
            </tr>
          </thead>
          <tbody>
            {measure.jobs.map((row) => (
              <tr key={row.job}>
                <th scope="row">{row.job}</th>
                <td class="num">{figure(row.share)}</td>
                <td class="num">{figure(row.percent)}</td>
                <td class="num">{figure(row.whenOff)}</td>
                <td class="num quiet">{row.claimed === null ? "—" : `«${figure(row.claimed)} %»`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function ImpactPanel({ impact }: { impact: Impact }) {
  const t = roundWords().diagnosis;
  return (
    <Panel title={t.impact} note={impact.made ? t.made(impact.made) : undefined} class="impact">
      <p class="quiet small">
        {t.impactNote} {impact.isShort ? t.short : ""}
      </p>
      <div class="measures">
        {impact.measures.map((measure) => (
          <MeasureTable key={measure.name} measure={measure} />
        ))}
      </div>
    </Panel>
  );
}

export function DiagnosisPart() {
  const remote = useRemote("diagnosis", (signal) => call("GET /api/cron/diagnosis", { signal }));
  return (
    <Shown of={remote}>
      {(d) => (
        <div class="round">
          <div class="round-columns even">
            <Density d={d} />
            <Stores d={d} />
          </div>
          {d.impact ? <ImpactPanel impact={d.impact as unknown as Impact} /> : null}
        </div>
      )}
    </Shown>
  );
}

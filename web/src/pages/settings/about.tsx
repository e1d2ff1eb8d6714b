// What the server is and how it does; its executors; backups.
import { useState } from "preact/hooks";
import { type Answer, ApiError, call } from "../../api/client";
import { useRemote } from "../../api/remote";
import { Button } from "../../ui/button";
import { Copy } from "../../ui/copy";
import { Facts } from "../../ui/page";
import { Shown } from "../../ui/remote-view";
import { StateMark } from "../../ui/state-mark";
import { sayError } from "../../ui/toast";
import { language } from "../../words";
import { settingsWords } from "../../words/settings";
import { ConfigList } from "./config-list";
import type { ConfigRow } from "./fields";

/** /healthz answers 503 when something is not well: that is an answer, too. */
async function loadHealth(signal: AbortSignal): Promise<Record<string, unknown>> {
  try {
    return (await call("GET /healthz", { query: { verbose: true }, signal })).checks as Record<
      string,
      unknown
    >;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 503) throw error;
    return { ready: false, why: error.message };
  }
}

export function Health({ only }: { only?: readonly string[] }) {
  const t = settingsWords();
  const health = useRemote("health", loadHealth);
  return (
    <Shown of={health}>
      {(checks) => (
        <Facts
          facts={Object.entries(checks)
            .filter(([key, value]) => typeof value === "boolean" && (!only || only.includes(key)))
            .map(([key, value]) => ({
              name: t.checks[key] ?? key,
              value: <StateMark state={value ? "ok" : "failed"} text={value ? t.well : t.unwell} />,
            }))}
        />
      )}
    </Shown>
  );
}

export function About({ config }: { config: readonly ConfigRow[] }) {
  const t = settingsWords();
  const version = useRemote("version", (signal) => call("GET /version", { signal }));
  return (
    <>
      <Shown of={version}>
        {(v) => <Facts facts={[{ name: t.version, value: `${v.name} ${v.version}` }]} />}
      </Shown>
      <h3 class="settings-sub">{t.health}</h3>
      <Health />
      {config.length > 0 && (
        <>
          <h3 class="settings-sub">{t.configuration}</h3>
          <p class="quiet small">{t.restart}</p>
          <ConfigList rows={config} />
        </>
      )}
    </>
  );
}

export function Backup() {
  const t = settingsWords().backup;
  const [made, setMade] = useState<Answer<"POST /api/admin/backup"> | null>(null);
  const [isBusy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    try {
      setMade(await call("POST /api/admin/backup", { body: {} }));
    } catch (error) {
      sayError(error);
    }
    setBusy(false);
  };
  return (
    <div class="settings-text">
      <p>
        {t.text} <code>sereno restore</code>
      </p>
      <p class="quiet">{t.postgres}</p>
      <p>
        <Button kind="main" icon="download" isBusy={isBusy} onClick={() => void make()}>
          {t.make}
        </Button>
      </p>
      {made && (
        <p role="status" class="once">
          <span>
            {t.made}: {t.where} <code>{made.path}</code>
          </span>
          <Copy text={made.path} />
        </p>
      )}
    </div>
  );
}

interface ExecutorRow {
  name: string;
  kind: string;
  description: string;
  enabled?: boolean;
}

export function Executors() {
  const t = settingsWords().executors;
  const executors = useRemote(`executors ${language.value}`, (signal) =>
    call("GET /api/cron/executors", { signal }),
  );
  return (
    <Shown of={executors}>
      {({ data }) => (
        <div class="scroll-x" tabIndex={0} role="group" aria-label={settingsWords().sections.executors}>
          <table>
            <thead>
              <tr>
                <th>{t.name}</th>
                <th>{t.what}</th>
                <th>{t.kind}</th>
                <th>{t.state}</th>
              </tr>
            </thead>
            <tbody>
              {(data as ExecutorRow[]).map((x) => (
                <tr key={x.name}>
                  <td class="mono">{x.name}</td>
                  <td>{x.description}</td>
                  <td>{x.kind === "builtin" ? t.builtin : t.program}</td>
                  <td>
                    <StateMark
                      state={x.enabled === false ? "off" : "ok"}
                      text={x.enabled === false ? t.disabled : t.enabled}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Shown>
  );
}

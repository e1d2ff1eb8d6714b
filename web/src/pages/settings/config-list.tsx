// Keys of the server's configuration: read only, each with its origin.
import { settingsWords } from "../../words/settings";
import type { ConfigRow } from "./fields";

export const configHelp = (row: ConfigRow) => settingsWords().config[row.key] ?? row.help;

export function ConfigList({ rows }: { rows: readonly ConfigRow[] }) {
  const t = settingsWords();
  return (
    <ul class="settings-list">
      {rows.map((row) => (
        <li key={row.key} class={`setting ${row.origin === "default" ? "" : "changed"}`}>
          <div class="setting-what">
            <span class="mono strong">{row.key}</span>
            <p>{configHelp(row)}</p>
          </div>
          <div class="setting-value">
            <code>{row.value === null ? t.noValue : String(row.value)}</code>
          </div>
          <div class="setting-origin">
            <span class="tag" title={row.source ?? undefined}>
              {t.origins[row.origin] ?? row.origin}
            </span>
            {row.origin !== "default" && (
              <span class="quiet small">
                {t.default(row.default === null ? t.noValue : String(row.default))}
              </span>
            )}
            {row.environment && <code class="quiet small">{row.environment.split(" ")[0]}</code>}
          </div>
        </li>
      ))}
    </ul>
  );
}

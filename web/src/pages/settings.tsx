// Every setting with its meaning, value, default and origin; accounts, tokens, sessions; what the server is.
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { call } from "../api/client";
import { useRemote } from "../api/remote";
import { may } from "../api/state";
import { href, param, setQuery } from "../base/url";
import { Icon } from "../ui/icon";
import { Page, Panel } from "../ui/page";
import { Shown } from "../ui/remote-view";
import { settingsWords } from "../words/settings";
import { About, Backup, Executors, Health } from "./settings/about";
import { ConfigList, configHelp } from "./settings/config-list";
import {
  adminSections,
  type ConfigRow,
  fieldsOf,
  isFound,
  type Section,
  sections,
  sectionOf,
  type SettingField,
} from "./settings/fields";
import { Sessions } from "./settings/sessions";
import { SettingRow, settingWords } from "./settings/setting-row";
import { Tokens } from "./settings/tokens";
import { Users } from "./settings/users";
import "../style/pages/settings.css";

interface Everything {
  fields: SettingField[];
  values: Record<SettingField["group"], Record<string, unknown>>;
  config: ConfigRow[];
}

async function loadEverything(signal: AbortSignal): Promise<Everything> {
  const isAdmin = may("admin");
  const [fields, settings, worlds, config] = await Promise.all([
    call("GET /api/cron/settings/fields", { signal }),
    call("GET /api/cron/settings", { signal }),
    isAdmin ? call("GET /api/admin/worlds/settings", { signal }).catch(() => null) : null,
    isAdmin ? call("GET /api/admin/config", { signal }) : null,
  ]);
  return {
    fields: fields.data.filter((f) => f.group === "settings" || worlds !== null),
    values: { settings, worlds: worlds ?? {} },
    config: (config?.data ?? []).filter((row) => !row.key.startsWith("settings.")),
  };
}

const configOf: Partial<Record<Section, RegExp>> = {
  executors: /^executors\./,
  live: /^live\./,
};

function SectionNav({ current }: { current: Section | null }) {
  const t = settingsWords();
  const shown = sections.filter((s) => may("admin") || !adminSections.includes(s));
  const box = useRef<HTMLElement>(null);
  useEffect(
    () =>
      box.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }),
    [current],
  );
  return (
    <nav ref={box} class="settings-nav" aria-label={t.sectionsLabel}>
      {shown.map((s) => (
        <a key={s} href={href(`/settings/${s}`)} aria-current={s === current ? "page" : undefined}>
          {t.sections[s]}
        </a>
      ))}
    </nav>
  );
}

function SectionBody({
  section,
  all,
  list,
}: {
  section: Section;
  all: Everything;
  list: (f: SettingField[]) => VNode;
}) {
  const keys = configOf[section];
  const rows = keys ? all.config.filter((row) => keys.test(row.key)) : [];
  switch (section) {
    case "users":
      return <Users />;
    case "tokens":
      return <Tokens />;
    case "sessions":
      return <Sessions />;
    case "backup":
      return <Backup />;
    case "about":
      return <About config={all.config} />;
    case "executors":
      return (
        <>
          <Executors />
          <ConfigList rows={rows} />
        </>
      );
    case "live":
      return (
        <>
          <Health only={["worlds", "live"]} />
          <ConfigList rows={rows} />
        </>
      );
    default:
      return list(fieldsOf(all.fields, section));
  }
}

export function SettingsPage({ args }: { args: Record<string, string> }) {
  const t = settingsWords();
  const search = param("q").value;
  const all = useRemote("settings", loadEverything);
  const wanted = sections.find((s) => s === args["section"]) ?? "general";
  const section = !may("admin") && adminSections.includes(wanted) ? "general" : wanted;
  const list = (data: Everything) => (fields: SettingField[]) => (
    <ul class="settings-list">
      {fields.map((field) => (
        <SettingRow
          key={field.name}
          field={field}
          value={data.values[field.group][field.name]}
          onChanged={(group, answer) =>
            all.patch((old) => ({
              ...old,
              values: { ...old.values, [group]: answer },
            }))
          }
        />
      ))}
    </ul>
  );
  return (
    <Page
      title={t.title}
      actions={
        <label class="settings-search">
          <Icon name="search" />
          <span class="visually-hidden">{t.search}</span>
          <input
            type="search"
            data-filter
            value={search}
            placeholder={t.search}
            onInput={(e) => setQuery({ q: e.currentTarget.value })}
          />
        </label>
      }
    >
      <div class="settings">
        <SectionNav current={search ? null : section} />
        <div class="settings-body">
          {!may("admin") && <p class="quiet">{t.readOnly}</p>}
          <Shown of={all}>
            {(data) =>
              search ? (
                <Found search={search} all={data} list={list(data)} />
              ) : (
                <Panel title={t.sections[section]} note={t.leads[section]}>
                  <SectionBody section={section} all={data} list={list(data)} />
                </Panel>
              )
            }
          </Shown>
        </div>
      </div>
    </Page>
  );
}

function Found(props: { search: string; all: Everything; list: (f: SettingField[]) => VNode }) {
  const t = settingsWords();
  const { search, all } = props;
  const fields = all.fields.filter((f) => {
    const w = settingWords(f);
    return isFound(search, [f.name, w.name, w.help, t.sections[sectionOf(f)]]);
  });
  const rows = all.config.filter((row) =>
    isFound(search, [row.key, configHelp(row), row.environment ?? "", String(row.value ?? "")]),
  );
  const count = fields.length + rows.length;
  return (
    <Panel title={count ? t.found(count) : t.noneFound}>
      {props.list(fields)}
      <ConfigList rows={rows} />
    </Panel>
  );
}

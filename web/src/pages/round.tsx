// The Round: the verdict first, then the day as one strip, then what needs somebody, what runs, what is next.
import { useEffect, useRef } from "preact/hooks";
import { call } from "../api/client";
import { useLive } from "../api/live";
import { useRemote } from "../api/remote";
import { may, times, zone } from "../api/state";
import { now } from "../base/clock";
import { duration } from "../base/format";
import { href, query, setQuery } from "../base/url";
import { Icon } from "../ui/icon";
import { Page, Panel } from "../ui/page";
import { Notice, Shown } from "../ui/remote-view";
import { Tabs } from "../ui/tabs";
import { ZonePicker } from "../ui/zone-picker";
import { language, words } from "../words";
import { roundWords } from "../words/round";
import { ChartsPart } from "./round/charts";
import { ClashList } from "./round/clashes";
import { type Round, roundOf } from "./round/data";
import { DiagnosisPart } from "./round/diagnosis";
import { AttentionPanel, NextPanel, RunningPanel, WeekPanel } from "./round/panels";
import { StripChart, StripTable } from "./round/strip-chart";
import "../style/pages/round.css";

const LANES = 14;

/** Follows the stream: a burst of events asks once, and never more often than the answers take. */
function useFresh(reload: () => Promise<void>): void {
  const state = useRef({ timer: 0, last: 0, took: 0 });
  const soon = () => {
    const s = state.current;
    if (s.timer) return;
    const wait = Math.max(120, s.last + Math.max(600, 15 * s.took) - Date.now());
    s.timer = window.setTimeout(async () => {
      const began = Date.now();
      await reload();
      s.took = Date.now() - began;
      s.last = Date.now();
      s.timer = 0;
    }, wait);
  };
  useLive("runs", soon);
  useLive("jobs", soon);
  useEffect(() => () => window.clearTimeout(state.current.timer), []);
  const bucket = Math.floor(now.value / 300_000); // the window moves on
  const first = useRef(bucket);
  useEffect(() => {
    if (bucket !== first.current) soon();
    first.current = bucket;
  }, [bucket]);
}

function Verdict({ round }: { round: Round }) {
  const t = roundWords();
  const { verdict } = round;
  if (verdict.jobs === 0) return null;
  if (verdict.attention === 0)
    return (
      <p class="verdict calm" role="status">
        <Icon name="check" size={20} />
        <strong>{t.calm(verdict.jobs)}</strong>
      </p>
    );
  return (
    <p class="verdict bad" role="status">
      <strong>{t.trouble(verdict.attention)}</strong>
      <span>{t.rest(verdict.onTime, verdict.jobs)}</span>
      <a href={href(verdict.failing ? "/jobs?q=status:failed,timeout,lost" : "/?tab=diagnosis")}>
        {t.see(verdict.attention)}
      </a>
    </p>
  );
}

function Legend() {
  const t = roundWords().strip.legend;
  const item = (kind: string, text: string, d: string) => (
    <li>
      <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
        <path class={kind} d={d} />
      </svg>
      {text}
    </li>
  );
  return (
    <ul class="legend">
      {item("mark ok", t.done, "M4 3h6v8H4z")}
      {item("plan", t.planned, "M4.500 3.500h5v7h-5z")}
      {item("mark failed", t.failed, "M4 0h6v14H4z")}
      {item("mark timeout", t.timeout, "M4 0h6v3H4zM4 5h6v9H4z")}
      {item("mark ok", t.band, "M0 4h14v6H0z")}
    </ul>
  );
}

function ClockChanges({ round }: { round: Round }) {
  const t = roundWords().strip;
  return (
    <>
      {round.clockChanges.map((change) => {
        const ms = Date.parse(change);
        const before = times.value.offset(ms - 1);
        const local = new Date(ms + before * 60_000).toISOString().slice(11, 16);
        return (
          <p key={change} class="clock-change">
            <Icon name="clock" size={14} /> {times.value.weekday(ms)} ·{" "}
            {t.clock(local, times.value.wall(ms).slice(0, 5))}
          </p>
        );
      })}
    </>
  );
}

function RoundPart({ round }: { round: Round }) {
  const t = roundWords();
  const span = (ms: number) => duration(language.value, ms);
  const at = Date.parse(round.at);
  const hour = (ms: number) => Math.round(ms / 3_600_000) * 3_600_000;
  if (round.verdict.jobs === 0)
    return (
      <Notice icon="list" title={t.none}>
        {may("editor") && (
          <a class="button main" href={href("/jobs/new")}>
            {words().actions.newJob}
          </a>
        )}
      </Notice>
    );
  return (
    <div class="round">
      <Verdict round={round} />
      <Panel
        class="strip-panel"
        title={t.strip.title}
        note={t.strip.note(span(hour(at - Date.parse(round.from))), span(hour(Date.parse(round.to) - at)))}
        actions={<Legend />}
      >
        <StripChart round={round} />
        <ClockChanges round={round} />
        <ClashList round={round} />
        <div class="strip-foot">
          <StripTable round={round} />
          {round.verdict.jobs > LANES && (
            <p class="quiet small">
              <a href={href("/jobs")}>{t.strip.lanes(round.lanes.length, round.verdict.jobs)}</a>:{" "}
              {t.strip.lanesHow}.{" "}
              <button
                type="button"
                class="as-link"
                onClick={() => setQuery({ lanes: round.lanes.length > LANES ? null : "64" })}
              >
                {round.lanes.length > LANES ? t.strip.fewerLanes : t.strip.moreLanes}
              </button>
            </p>
          )}
          {round.load.isEstimated && <p class="quiet small">{t.strip.estimated}</p>}
        </div>
      </Panel>
      <div class="round-columns">
        <AttentionPanel round={round} />
        <RunningPanel round={round} />
        <NextPanel round={round} />
        <WeekPanel round={round} />
      </div>
    </div>
  );
}

function RoundTab() {
  const asked = query.value;
  const window_ = { from: asked.get("from") ?? undefined, to: asked.get("to") ?? undefined };
  const lanes = Math.min(64, Math.max(1, Number(asked.get("lanes")) || LANES));
  const remote = useRemote(`${zone.value} ${window_.from} ${window_.to} ${lanes}`, async (signal) =>
    roundOf(
      await call("GET /api/cron/round", {
        query: {
          zone: zone.peek(),
          lanes,
          ...(window_.from ? { from: window_.from } : {}),
          ...(window_.to ? { to: window_.to } : {}),
        },
        signal,
      }),
    ),
  );
  useFresh(remote.reload);
  return <Shown of={remote}>{(round) => <RoundPart round={round} />}</Shown>;
}

function Sub() {
  return (
    <span class="round-sub">
      <time dateTime={new Date(now.value).toISOString()}>
        {times.value.weekday(now.value)}, {times.value.seconds(now.value)}
      </time>
      <ZonePicker />
    </span>
  );
}

export function RoundPage() {
  const t = roundWords();
  const tab = query.value.get("tab") ?? "round";
  return (
    <Page
      title={t.title}
      sub={<Sub />}
      actions={
        may("editor") && (
          <a class="button main" href={href("/jobs/new")}>
            <Icon name="plus" />
            <span>{words().actions.newJob}</span>
          </a>
        )
      }
    >
      <Tabs
        label={t.tabs.label}
        current={tab}
        tabs={[
          { key: "round", text: t.tabs.round, to: "/" },
          { key: "charts", text: t.tabs.charts, to: "/?tab=charts" },
          { key: "diagnosis", text: t.tabs.diagnosis, to: "/?tab=diagnosis" },
        ]}
      />
      {tab === "charts" ? <ChartsPart /> : tab === "diagnosis" ? <DiagnosisPart /> : <RoundTab />}
    </Page>
  );
}

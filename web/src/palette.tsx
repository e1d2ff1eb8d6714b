// Ctrl/⌘ K: one box to go anywhere and do anything; loaded once the page is there.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { call } from "./api/client";
import { may, zone } from "./api/state";
import { go } from "./base/url";
import { navigation, navText } from "./routes";
import type { Closable } from "./floating";
import { type Entry, type Provider, providers } from "./palette-entries";
import { pauseJob, resumeJob } from "./pages/jobs/deeds";
import { Dialog } from "./ui/dialog";
import { act } from "./ui/toast";
import { language, words } from "./words";
import "./style/palette.css";

const fold = (text: string) =>
  text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase();

/** Every word typed is somewhere in the text, without regard to case and accents. Pure. */
export const matches = (typed: string, text: string) =>
  fold(typed)
    .split(/\s+/)
    .every((word) => fold(text).includes(word));

const pages: Provider = (text) => {
  const w = words();
  return navigation
    .filter((n) => may(n.role) && matches(text, navText(n.key)))
    .map((n) => ({ key: n.to, text: navText(n.key), kind: w.palette.go, run: () => go(n.to) }));
};

const jobs: Provider = async (text, abort) => {
  if (text.trim().length < 2) return [];
  const w = words();
  const verb = [w.actions.run, w.actions.pause, w.actions.resume].find((v) =>
    fold(text).startsWith(`${fold(v)} `),
  );
  const search = verb ? text.slice(verb.length + 1) : text;
  const found = await call("GET /api/cron/jobs", { query: { search, limit: 8 }, signal: abort });
  return found.data.flatMap((job) => {
    const path = { job: String(job.id) };
    const open: Entry = {
      key: `open ${job.id}`,
      text: job.name,
      kind: w.nav.jobs,
      run: () => go(`/jobs/${job.id}`),
    };
    const deeds: Record<string, Entry> = {
      [w.actions.run]: {
        key: `run ${job.id}`,
        text: `${w.actions.run} ${job.name}`,
        kind: w.palette.doIt,
        run: () =>
          void act(async () => {
            const started = await call("POST /api/cron/jobs/{job}/run", { path, body: {} });
            go(`/runs/${started.executionId}`);
          }, w.done),
      },
      [w.actions.pause]: {
        key: `pause ${job.id}`,
        text: `${w.actions.pause} ${job.name}`,
        kind: w.palette.doIt,
        run: () => void pauseJob(path.job, job.name),
      },
      [w.actions.resume]: {
        key: `resume ${job.id}`,
        text: `${w.actions.resume} ${job.name}`,
        kind: w.palette.doIt,
        run: () => void resumeJob(path.job, job.name),
      },
    };
    const deed = verb && may("operator") ? deeds[verb] : undefined;
    return deed ? [deed, open] : [open];
  });
};

/** "*​/7 * * * *", "@daily", "every 5 minutes": said in words. */
const schedules: Provider = async (text, abort) => {
  if (!/^\s*(@|every |[*\d])/.test(text)) return [];
  const found = await call("GET /api/cron/schedule/explain", {
    query: { schedule: text.trim(), timezone: zone.value, lang: language.value, count: 3 },
    signal: abort,
  });
  return [
    {
      key: "explain",
      text: found.sentence,
      kind: words().palette.explain,
      run: () => go(`/jobs/new?schedule=${encodeURIComponent(text.trim())}`),
    },
  ];
};

async function ask(text: string, abort: AbortSignal): Promise<readonly Entry[]> {
  const answers = await Promise.allSettled(
    [pages, ...providers, jobs, schedules].map(async (p) => (await p(text, abort)).slice(0, 20)),
  );
  const all = answers.flatMap((a) => (a.status === "fulfilled" ? [...a.value] : []));
  return [...new Map(all.map((entry) => [entry.key, entry])).values()];
}

export function Palette({ onClose }: Closable) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<{ text: string; entries: readonly Entry[] }>({ text: "", entries: [] });
  const [at, setAt] = useState(0);
  const chosen = useRef<string | null>(null); // for this text Enter was pressed before what fits it was known
  const id = useId();
  const t = words().palette;
  const { entries } = found;
  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    entry.run();
  };
  useEffect(() => {
    const abort = new AbortController();
    void ask(text, abort.signal).then((answer) => {
      if (abort.signal.aborted) return;
      setFound({ text, entries: answer });
      setAt(0);
      if (chosen.current === text) choose(answer[0]);
    });
    return () => abort.abort();
  }, [text]);
  const onKeyDown = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    const typed = event.currentTarget.value; // the state may be a letter behind
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1 + entries.length };
    const to = moves[event.key];
    if (event.key === "Enter" && found.text !== typed) chosen.current = typed;
    else if (event.key === "Enter") choose(entries[at]);
    else if (to !== undefined && entries.length) setAt(to % entries.length);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t.title} onClose={onClose} class="palette">
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-label={t.title}
        autocomplete="off"
        spellcheck={false}
        aria-activedescendant={entries.length ? `${id}-${at}` : undefined}
        placeholder={t.placeholder}
        value={text}
        onInput={(event) => {
          chosen.current = null;
          setText(event.currentTarget.value);
        }}
        onKeyDown={onKeyDown}
      />
      <ul role="listbox" id={id} aria-label={t.title}>
        {entries.map((entry, i) => (
          <li
            key={entry.key}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === at}
            onClick={() => choose(entry)}
          >
            <span>{entry.text}</span>
            <span class="quiet">{entry.kind}</span>
          </li>
        ))}
      </ul>
      {entries.length === 0 && <p class="quiet empty">{t.empty}</p>}
    </Dialog>
  );
}

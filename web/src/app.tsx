// The shell: navigation, the page of the address, and what floats above it.
import { useComputed, useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { call, isOnline, isStranger, refusals } from "./api/client";
import { isLive, onResync, startLive, useLive, useSoon } from "./api/live";
import {
  counters,
  isSchedulerOn,
  isSessionOver,
  loadSettings,
  may,
  session,
  setSession,
  times,
} from "./api/state";
import { now } from "./base/clock";
import { modifierKey, useKeys } from "./base/keys";
import { number } from "./base/format";
import { go, href, matchPath, path } from "./base/url";
import { Help, isHelpOpen } from "./help";
import { isPaletteOpen } from "./palette-entries";
import { LoginPage } from "./pages/login";
import { behindMore, isPrefsOpen, PrefsButton, PrefsDialog } from "./prefs";
import { navigation, navText, type PageProps, type PageRoute, routes } from "./routes";
import { Icon } from "./ui/icon";
import { Page } from "./ui/page";
import { ErrorNotice, Loading, Notice } from "./ui/remote-view";
import { sayError, Toasts } from "./ui/toast";
import { ApiError } from "./api/client";
import { language, words } from "./words";

function found(): { route: PageRoute; args: Record<string, string> } | null {
  for (const route of routes) {
    const args = matchPath(route.pattern, path.value);
    if (args) return { route, args };
  }
  return null;
}

/** The focus that went away with the old page goes to the new one, so that Tab and a screen reader go on from there. */
function useFocusAfterMove(page: string): void {
  const before = useRef(page);
  useEffect(() => {
    if (before.current === page) return;
    before.current = page;
    if (document.activeElement === document.body || !document.activeElement)
      document.getElementById("main")?.focus({ preventScroll: true });
  }, [page]);
}

/** The current page; the old one stays until the new one's code is here. */
function CurrentPage() {
  const at = found();
  const shown = useSignal<{
    route: PageRoute;
    Component: ComponentType<PageProps>;
  } | null>(null);
  const failed = useSignal(false);
  useFocusAfterMove(`${at?.route.pattern} ${at?.args["id"]}`);
  useEffect(() => {
    let isNewest = true;
    failed.value = false;
    at?.route.load().then(
      (Component) => isNewest && (shown.value = { route: at.route, Component }),
      () => isNewest && (failed.value = true),
    );
    return () => void (isNewest = false);
  }, [at?.route.pattern]);
  const t = words().common.remote;
  if (!at)
    return (
      <Page title={words().common.unknownPage}>
        <Notice icon="circle-help" title={t.notFoundTitle}>
          <p>{t.notFoundText}</p>
        </Notice>
      </Page>
    );
  if (!may(at.route.role))
    return (
      <Page title={navText(words(), at.route.nav)}>
        <ErrorNotice error={new ApiError(403, {})} />
      </Page>
    );
  if (failed.value)
    return (
      <Notice icon="triangle-alert" title={isOnline.value ? t.reload : t.offlineTitle} tone="bad">
        <a href={location.href} target="_self">
          {t.reloadAction}
        </a>
      </Notice>
    );
  if (!shown.value || shown.value.route.load !== at.route.load) return <Loading />;
  const { Component } = shown.value;
  const { id = "", other = "" } = at.args; // another thing is another page: nothing of the one before is shown as its
  return <Component key={`${id} ${other}`} args={at.args} />;
}

function Navigation() {
  const w = words();
  const current = found()?.route.nav;
  const counts: Partial<Record<string, number | undefined>> = {
    jobs: counters.value.jobs,
    runs: counters.value.running,
    worlds: counters.value.worlds,
    alerts: counters.value.alerts || undefined,
  };
  return (
    <nav class="side" aria-label={w.common.nav.label}>
      <a class="brand" href={href("/")}>
        <span class="lantern" aria-hidden="true" />
        <span>{w.common.app}</span>
      </a>
      <ul>
        {navigation
          .filter((n) => may(n.role))
          .map((n) => (
            <li key={n.key} class={`${n.key}${behindMore.includes(n.key) ? " behind-more" : ""}`}>
              <a href={href(n.to)} aria-current={current === n.key ? "page" : undefined}>
                <Icon name={n.icon} size={18} />
                <span class="word">{navText(w, n.key)}</span>
                {counts[n.key] !== undefined && (
                  <span class="count">{number(language.value, counts[n.key] ?? 0)}</span>
                )}
              </a>
            </li>
          ))}
      </ul>
      <ul class="foot">
        <li>
          <button type="button" class="search-button" onClick={() => void (isPaletteOpen.value = true)}>
            <Icon name="search" size={18} />
            <span class="word">{w.common.palette.short}</span>
            <kbd>{modifierKey} K</kbd>
          </button>
        </li>
        <li>
          <PrefsButton />
        </li>
      </ul>
    </nav>
  );
}

/** Above everything: what makes the rest doubtful. */
function Bars() {
  const w = words().common;
  const lostAt = useSignal(0);
  const isLost = useComputed(() => !isOnline.value || isLive.value === false);
  useEffect(() => isLost.subscribe((lost) => void (lostAt.value = lost ? now.peek() : 0)), []);
  return (
    <div class="bars" role="status">
      {isLost.value && lostAt.value > 0 && (
        <p class="bar bad">
          {w.remote.offlineBar} {times.value.seconds(lostAt.value)}
        </p>
      )}
      {!isSchedulerOn.value && (
        <p class="bar">
          <a href={href("/settings")}>{w.off}</a>
        </p>
      )}
    </div>
  );
}

async function loadCounters(): Promise<void> {
  const [dashboard, alerts, worlds] = await Promise.allSettled([
    call("GET /api/cron/dashboard"),
    call("GET /api/cron/alerts"),
    may("operator") ? call("GET /api/worlds/status") : Promise.reject(new Error("not ours to ask")),
  ]);
  const next = { ...counters.value };
  if (dashboard.status === "fulfilled") {
    next.jobs = dashboard.value.totalJobs;
    next.running = dashboard.value.runningJobs;
  }
  if (alerts.status === "fulfilled") next.alerts = alerts.value.data.filter((a) => !a.ackAt).length;
  if (worlds.status === "fulfilled") next.worlds = worlds.value.total;
  counters.value = next;
}

/** Counters follow the live stream; a burst of events asks once. */
function useCounters(): void {
  useEffect(() => {
    void loadCounters();
    void loadSettings().catch(() => undefined);
    return onResync(() => void loadCounters());
  }, []);
  let isWaiting = false;
  const soon = () => {
    if (isWaiting) return;
    isWaiting = true;
    setTimeout(() => {
      isWaiting = false;
      void loadCounters();
    }, 1000);
  };
  useLive("runs", (events) => events.some((e) => (e as { type: string }).type === "run") && soon());
  useLive("jobs", (events) => events.some((e) => (e as { type: string }).type === "job") && soon());
}

/** What floats above the page when it is asked for, and is loaded then. */
function Later({ load }: { load: () => Promise<ComponentType> }) {
  const loaded = useSignal<{ Component: ComponentType } | null>(null);
  useEffect(() => {
    void load().then(
      (Component) => (loaded.value = { Component }),
      () => {
        isPaletteOpen.value = false; // the next try asks again
        sayError(new ApiError(0, {}));
      },
    );
  }, []);
  return loaded.value && <loaded.value.Component />;
}
const loadPalette = async () => (await import("./palette")).Palette;

/** Takes the palette in once the page is there and idle: a letter typed right behind the shortcut finds its field. */
function usePaletteSoon(): void {
  useEffect(() => {
    const soon = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 2000));
    soon(() => void loadPalette().catch(() => undefined));
  }, []);
}

function Inside() {
  useCounters();
  useEffect(startLive, []);
  usePaletteSoon();
  useEffect(() => {
    const k = () => words().common.keys;
    return useKeys([
      {
        keys: "mod+k",
        text: () => k().palette,
        run: () => void (isPaletteOpen.value = true),
      },
      {
        keys: "/",
        text: () => k().filter,
        run: () => document.querySelector<HTMLElement>("[data-filter]")?.focus(),
      },
      {
        keys: "?",
        text: () => k().help,
        run: () => void (isHelpOpen.value = true),
      },
      ...navigation.map((n) => ({
        keys: `g ${n.letter}`,
        text: () => k().goTo(navText(words(), n.key)),
        run: () => go(n.to),
      })),
    ]);
  }, []);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        {words().common.nav.skip}
      </a>
      <Navigation />
      <main id="main" tabIndex={-1}>
        <Bars />
        <CurrentPage />
      </main>
      {isPaletteOpen.value && <Later load={loadPalette} />}
      {isHelpOpen.value && <Help />}
      {isPrefsOpen.value && <PrefsDialog />}
    </>
  );
}

/** A refusal may mean that an admin has changed the role meanwhile: who one is is asked again. */
function useRoleChanges(): void {
  const look = useSoon(500, async () => {
    if (!session.peek()) return;
    const now = await call("GET /api/auth/session").catch(() => null);
    if (now && now.role !== session.peek()?.role) setSession(now);
  });
  useEffect(() => refusals.subscribe((n) => n > 0 && look()), []);
}

export function App() {
  useEffect(
    () =>
      isStranger.subscribe((is) => {
        if (!is || !session.peek()) return;
        isSessionOver.value = true;
        setSession(null);
      }),
    [],
  );
  useRoleChanges();
  if (session.value === undefined) return <Loading />;
  return (
    <>
      {session.value === null ? <LoginPage /> : <Inside />}
      <Toasts />
    </>
  );
}

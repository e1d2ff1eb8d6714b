// The shell: navigation, the page of the address, and what floats above it.
import { type Signal, useComputed, useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { addressOf, type PageFile } from "./addresses";
import { ApiError, askAhead, call, isOnline, isStranger, refusals } from "./api/client";
import { isLive, startLive, useLive, useSoon } from "./api/live";
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
import { late } from "./base/late";
import { decoded, go, href, inside, path } from "./base/url";
import { behindMore, type Closable, isHelpOpen, isPaletteOpen, isPrefsOpen } from "./floating";
import { loadPage, looksOf, navigation, navText, type PageComponent } from "./routes";
import { Icon } from "./ui/icon";
import { Page } from "./ui/page";
import { ErrorNotice, Loading, Notice } from "./ui/remote-view";
import { sayError, Toasts } from "./ui/toast";
import { language, words } from "./words";

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
  const at = addressOf(path.value);
  const file = at?.address.file;
  const shown = useSignal<{ file: PageFile; Component: PageComponent } | null>(null);
  const failed = useSignal(false);
  useFocusAfterMove(`${at?.address.pattern} ${at?.args["id"]}`);
  useLayoutEffect(() => {
    let isNewest = true;
    failed.value = false;
    if (file)
      loadPage[file]().then(
        (Component) => isNewest && (shown.value = { file, Component }),
        () => isNewest && (failed.value = true),
      );
    return () => void (isNewest = false);
  }, [at?.address.pattern]);
  if (!at) return <UnknownPage />;
  if (!may(at.address.role))
    return (
      <Page title={navText(at.address.nav)}>
        <ErrorNotice error={new ApiError(403, {})} />
      </Page>
    );
  if (failed.value) return <NotLoaded />;
  if (shown.value?.file !== at.address.file) return <Loading />;
  const { Component } = shown.value;
  const { id = "", other = "" } = at.args; // another thing is another page: nothing of the one before is shown as its
  return (
    <div data-page={looksOf(at.address.file)}>
      <Component key={`${id} ${other}`} args={at.args} />
    </div>
  );
}

/** The server answered 404, and this document. */
function UnknownPage() {
  const t = words();
  return (
    <Page title={t.unknownPage}>
      <Notice icon="circle-help" title={t.remote.notFoundTitle}>
        <p>{t.unknownText(decoded(path.value))}</p>
        <a class="button main" href={href("/")}>
          {t.unknownBack}
        </a>
      </Notice>
    </Page>
  );
}

/** The code did not come: no connection, or the server has another version by now. */
function NotLoaded() {
  const t = words().remote;
  return (
    <Notice icon="triangle-alert" title={isOnline.value ? t.reload : t.offlineTitle} tone="bad">
      <a href={location.href} target="_self">
        {t.reloadAction}
      </a>
    </Notice>
  );
}

function Navigation() {
  const w = words();
  const current = addressOf(path.value)?.address.nav;
  const counts: Partial<Record<string, number | undefined>> = {
    jobs: counters.value.jobs,
    runs: counters.value.running,
    worlds: may("operator") ? counters.value.worlds : undefined,
    alerts: counters.value.alerts || undefined,
  };
  return (
    <nav class="side" aria-label={w.nav.label}>
      <a class="brand" href={href("/")}>
        <span class="lantern" aria-hidden="true" />
        <span>{w.app}</span>
      </a>
      <ul>
        {navigation
          .filter((n) => may(n.role))
          .map((n) => (
            <li key={n.key} class={`${n.key}${behindMore.includes(n.key) ? " behind-more" : ""}`}>
              <a href={href(n.to)} aria-current={current === n.key ? "page" : undefined}>
                <Icon name={n.icon} size={18} />
                <span class="word">{navText(n.key)}</span>
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
            <span class="word">{w.palette.short}</span>
            <kbd>{modifierKey} K</kbd>
          </button>
        </li>
        <li>
          <button type="button" class="prefs-button" onClick={() => void (isPrefsOpen.value = true)}>
            <Icon name="user" size={18} />
            <span class="word">{session.value?.user ?? w.prefs.title}</span>
          </button>
        </li>
      </ul>
    </nav>
  );
}

/** Above everything: what makes the rest doubtful. */
function Bars() {
  const w = words();
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

/** The figures of the navigation come on the live stream, when it begins and as they change. */
function useCounters(): void {
  useEffect(() => void loadSettings().catch(() => undefined), []);
  useLive("counters", (events) => void (counters.value = events.at(-1) as typeof counters.value));
}

/** The code of a page is on its way as soon as one points at a link to it. */
function loadAhead(event: Event): void {
  const link = event.target instanceof Element && event.target.closest("a");
  if (!link || link.origin !== location.origin) return;
  const at = addressOf(inside(link.pathname));
  if (at) void loadPage[at.address.file]().catch(() => undefined);
}
function useLoadAhead(): void {
  useEffect(() => {
    for (const kind of ["pointerover", "focusin"])
      document.addEventListener(kind, loadAhead, { passive: true });
    return () => {
      for (const kind of ["pointerover", "focusin"]) document.removeEventListener(kind, loadAhead);
    };
  }, []);
}

/** What floats above the page when it is asked for, and is loaded then. */
function Floating(props: { isOpen: Signal<boolean>; load: () => Promise<ComponentType<Closable>> }) {
  const loaded = useSignal<{ Component: ComponentType<Closable> } | null>(null);
  const onClose = () => void (props.isOpen.value = false);
  useEffect(() => {
    if (props.isOpen.value && !loaded.peek())
      props.load().then(
        (Component) => (loaded.value = { Component }),
        () => {
          onClose(); // the next try asks again
          sayError(new ApiError(0, {}));
        },
      );
  }, [props.isOpen.value]);
  return props.isOpen.value && loaded.value && <loaded.value.Component onClose={onClose} />;
}
const loadPalette = async () => (await late(import("./palette"))).Palette;
const loadHelp = async () => (await late(import("./help"))).Help;
const loadPrefs = async () => (await late(import("./prefs-dialog"))).PrefsDialog;

/** Who is not logged in. */
function Outside() {
  const loaded = useSignal<{ Component: ComponentType } | null>(null);
  const failed = useSignal(false);
  useEffect(() => {
    late(import("./pages/login")).then(
      ({ LoginPage }) => (loaded.value = { Component: LoginPage }),
      () => (failed.value = true),
    );
  }, []);
  if (failed.value) return <NotLoaded />;
  return <div data-page="login">{loaded.value ? <loaded.value.Component /> : <Loading />}</div>;
}

/** Takes the palette in once the page is there and idle: a letter typed right behind the shortcut finds its field. */
function usePaletteSoon(): void {
  useEffect(() => {
    const soon = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 2000));
    soon(() => void loadPalette().catch(() => undefined));
  }, []);
}

/** The first questions of a page go out when one moves to it, while its code is on its way. */
function useAskAhead(): void {
  const stop = useMemo(
    () =>
      path.subscribe((to) => {
        const at = addressOf(to);
        askAhead(at && may(at.address.role) ? at.address.asks : [], at?.args["id"] ?? "");
      }),
    [],
  );
  useEffect(() => stop, []);
}

function Inside() {
  useAskAhead();
  useCounters();
  useLoadAhead();
  useEffect(startLive, []);
  usePaletteSoon();
  useEffect(() => {
    const k = () => words().keys;
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
        text: () => k().goTo(navText(n.key)),
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
        {words().nav.skip}
      </a>
      <Navigation />
      <main id="main" tabIndex={-1}>
        <Bars />
        <CurrentPage />
      </main>
      <Floating isOpen={isPaletteOpen} load={loadPalette} />
      <Floating isOpen={isHelpOpen} load={loadHelp} />
      <Floating isOpen={isPrefsOpen} load={loadPrefs} />
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
      {session.value === null ? <Outside /> : <Inside />}
      <Toasts />
    </>
  );
}
